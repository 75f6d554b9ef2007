/**
 * What every C test includes: cmocka, and checks of a ktk_status that show the error text when they
 * fail.
 *
 * A test module is tests/<layer>/test_<module>.c with a main() that runs one cmocka group; cases
 * are named for what holds, e.g. `rejects_level_size_beyond_page`.
 */
#ifndef KTK_TESTS_SUPPORT_TEST_H
#define KTK_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kartothek/context.h>
#include <kartothek/error.h>

/** Fails with the error's text unless `expression`, which must set the local `err`, gives KTK_OK.
 */
#define CHECK_OK(expression)                                                                       \
    do {                                                                                           \
        ktk_status check_status_ = (expression);                                                   \
        if (check_status_ != KTK_OK) {                                                             \
            fail_msg("%s: %s: %s", #expression, ktk_status_name(check_status_), err.message);      \
        }                                                                                          \
    } while (0)

/** Fails unless `expression` gives `wanted`, with a message that is set. */
#define CHECK_STATUS(expression, wanted)                                                           \
    do {                                                                                           \
        ktk_status check_status_;                                                                  \
        err.message[0] = '\0';                                                                     \
        check_status_ = (expression);                                                              \
        if (check_status_ != (wanted)) {                                                           \
            fail_msg("%s: got %s, wanted %s: %s", #expression, ktk_status_name(check_status_),     \
                     ktk_status_name(wanted), err.message);                                        \
        }                                                                                          \
        if ((wanted) != KTK_OK && err.message[0] == '\0') {                                        \
            fail_msg("%s: no error text", #expression);                                            \
        }                                                                                          \
    } while (0)

/** Fails unless the last error text contains `part`. */
#define CHECK_MESSAGE(part)                                                                        \
    do {                                                                                           \
        if (strstr(err.message, (part)) == NULL) {                                                 \
            fail_msg("error text \"%s\" does not contain \"%s\"", err.message, (part));            \
        }                                                                                          \
    } while (0)

/** A pointer no function may leave in an output after a failure; outputs are poisoned with it
 * before failing calls. */
#define TEST_POISON ((void *)(uintptr_t)0xDEADBEEF)

/** A context whose allocator counts; test_context_free() fails the test if a block is still
 * allocated. `threads` as in the options. */
ktk_context *test_context_new(int32_t threads);
void test_context_free(ktk_context *context);

/**
 * A context in which allocation number `fail_at` (from 0) and all later ones fail. Setting it up
 * does not count. Loop: `for (int64_t n = 0; !done; n++) { context = test_context_failing(n); … }`.
 */
ktk_context *test_context_failing(int64_t fail_at);
/** The same, but the later ones succeed. */
ktk_context *test_context_failing_once(int64_t fail_at);
/** Has an allocation of the last of these contexts failed? */
bool test_context_has_failed(void);

/** The counting allocator alone, for objects below the context. */
const ktk_allocator *test_allocator(void);
/** Blocks of test_allocator() that are not freed. */
int64_t test_allocator_live(void);

/** The first seed of a test that draws its cases: KTK_TEST_SEED, or else 1. A failure must tell the
 * seed. */
uint64_t test_seed(void);
/** How many cases such a test draws: `count` times KTK_TEST_SCALE, which `make stress` sets. */
uint64_t test_scaled(uint64_t count);

/** How many rounds a test does whose store is test_store_url(): `near`, or `far` where that is on a
 * server. */
int test_rounds(int near, int far);

/** A fresh folder under the build's temporary files, removed with test_folder_remove(). */
char *test_folder_new(void);
/** The same in memory where there is such a place: for what does not ask what survives a power cut.
 */
char *test_folder_in_memory(void);
void test_folder_remove(char *path);

/** A file of these bytes in a folder; free() the path. */
char *test_file_new(const char *folder, const char *name, const void *data, size_t size);
/** Bytes of the mappings of a file that are in the memory of the process. */
int64_t test_resident_bytes(const char *path);

/** The URL of an empty store: memory, or a new folder at the place that KTK_TEST_STORE names, such
 * as "s3://bucket?endpoint=…". Valid until the next call. */
const char *test_store_url(void);
/** A new folder at the place that a URL names: "s3://bucket?…" becomes "s3://bucket/<new name>?…".
 * Valid until the next call of either. */
const char *test_place_url(const char *url);

/** False, with the reason printed, if there is no such file below the source root: skip then. */
bool test_source_file_exists(const char *path);

/** Whole content of a file below the source root; fails the test if it cannot be read. Free with
 * test_data_free(). */
uint8_t *test_read_source_file(const char *path, size_t *size);
void test_data_free(void *block);

#endif
