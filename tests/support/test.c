#include "support/test.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* One counting allocator a context: a header in front of each block remembers its size, so that a
 * wrong size is found. */
struct counting {
    ktk_allocator allocator;
    atomic_int_fast64_t live;
    atomic_int_fast64_t calls;
    int64_t fail_at; /* -1: never */
    bool fails_once;
};

static bool fails(struct counting *counting) {
    int64_t number = counting->fail_at < 0 ? -1 : atomic_fetch_add(&counting->calls, 1);

    return number >= 0 &&
           (counting->fails_once ? number == counting->fail_at : number >= counting->fail_at);
}

static void *counting_resize(void *state, void *block, size_t old_size, size_t new_size) {
    struct counting *counting = state;
    unsigned char *base = block == NULL ? NULL : (unsigned char *)block - KTK_ALIGNMENT;
    unsigned char *moved;

    if (base != NULL) {
        size_t recorded;
        memcpy(&recorded, base, sizeof(recorded));
        if (recorded != old_size) {
            fprintf(stderr, "block of %zu bytes given back as %zu\n", recorded, old_size);
            abort();
        }
    }
    if (new_size == 0) {
        atomic_fetch_sub(&counting->live, 1);
        free(base);
        return NULL;
    }
    if (fails(counting)) {
        return NULL;
    }
    moved = aligned_alloc(KTK_ALIGNMENT,
                          (new_size + 2 * KTK_ALIGNMENT - 1) & ~(size_t)(KTK_ALIGNMENT - 1));
    if (moved == NULL) {
        return NULL;
    }
    memcpy(moved, &new_size, sizeof(new_size));
    if (base != NULL) {
        memcpy(moved + KTK_ALIGNMENT, base + KTK_ALIGNMENT,
               old_size < new_size ? old_size : new_size);
        free(base);
    } else {
        atomic_fetch_add(&counting->live, 1);
    }
    return moved + KTK_ALIGNMENT;
}

static struct counting plain = {.allocator = {counting_resize, &plain}, .fail_at = -1};
static struct counting of_context; /* one test context at a time */

const ktk_allocator *test_allocator(void) {
    return &plain.allocator;
}

int64_t test_allocator_live(void) {
    return atomic_load(&plain.live);
}

static ktk_context *context_new(int32_t threads, int64_t fail_at, bool fails_once) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;

    of_context = (struct counting){.allocator = {counting_resize, &of_context}, .fail_at = -1};
    options.allocator = &of_context.allocator;
    options.threads = threads;
    CHECK_OK(ktk_context_new(&context, &options, &err));
    atomic_store(&of_context.calls, 0);
    of_context.fail_at = fail_at;
    of_context.fails_once = fails_once;
    return context;
}

ktk_context *test_context_new(int32_t threads) {
    return context_new(threads, -1, false);
}

ktk_context *test_context_failing(int64_t fail_at) {
    return context_new(1, fail_at, false);
}

ktk_context *test_context_failing_once(int64_t fail_at) {
    return context_new(1, fail_at, true);
}

bool test_context_has_failed(void) {
    return atomic_load(&of_context.calls) > of_context.fail_at;
}

void test_context_free(ktk_context *context) {
    ktk_context_free(context);
    if (atomic_load(&of_context.live) != 0) {
        fail_msg("%lld blocks are still allocated", (long long)atomic_load(&of_context.live));
    }
}

static uint64_t setting(const char *name) {
    const char *text = getenv(name);
    uint64_t value = text == NULL ? 1 : strtoull(text, NULL, 10);

    return value == 0 ? 1 : value;
}

uint64_t test_seed(void) {
    return setting("KTK_TEST_SEED");
}

uint64_t test_scaled(uint64_t count) {
    return count * setting("KTK_TEST_SCALE");
}

int test_rounds(int near, int far) {
    return getenv("KTK_TEST_STORE") == NULL ? near : far;
}

static char *folder_in(const char *base) {
    size_t size = strlen(base) + sizeof("/ktk-test-XXXXXX");
    char *path = malloc(size);

    assert_non_null(path);
    (void)snprintf(path, size, "%s/ktk-test-XXXXXX", base);
    assert_non_null(mkdtemp(path));
    return path;
}

char *test_folder_new(void) {
    return folder_in(getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
}

char *test_folder_in_memory(void) {
    return access("/dev/shm", W_OK | X_OK) == 0 ? folder_in("/dev/shm") : test_folder_new();
}

char *test_file_new(const char *folder, const char *name, const void *data, size_t size) {
    size_t path_size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(path_size);
    FILE *file;

    assert_non_null(path);
    (void)snprintf(path, path_size, "%s/%s", folder, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

int64_t test_resident_bytes(const char *path) {
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[8192];
    bool is_it = false;
    int64_t bytes = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *name = strchr(line, '/');
        unsigned long long start;
        unsigned long long end;
        long long kib;

        if (sscanf(line, "%llx-%llx ", &start, &end) == 2) { /* a mapping; its lines follow */
            is_it = name != NULL && strncmp(name, path, strlen(path)) == 0 &&
                    name[strlen(path)] == '\n';
        } else if (is_it && sscanf(line, "Rss: %lld kB", &kib) == 1) {
            bytes += kib * 1024;
        }
    }
    assert_int_equal(fclose(file), 0);
    return bytes;
}

const char *test_place_url(const char *url) {
    static atomic_int count;
    static char place[1024];
    size_t size = strcspn(url, "?");

    (void)snprintf(place, sizeof(place), "%.*s/%lld-%ld-%d%s", (int)size, url,
                   (long long)time(NULL), (long)getpid(), atomic_fetch_add(&count, 1), url + size);
    return place;
}

const char *test_store_url(void) {
    const char *url = getenv("KTK_TEST_STORE");

    return url == NULL ? "hmemory://" : test_place_url(url);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw) {
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_folder_remove(char *path) {
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

static void source_path(char *out, size_t size, const char *path) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";

    (void)snprintf(out, size, "%s/%s", root, path);
}

bool test_source_file_exists(const char *path) {
    char full[4096];
    bool exists;

    source_path(full, sizeof(full), path);
    exists = access(full, R_OK) == 0;
    if (!exists) {
        print_message("# SKIPPED: there is no file %s\n", full);
    }
    return exists;
}

uint8_t *test_read_source_file(const char *path, size_t *size) {
    char full[4096];
    FILE *file;
    long length;
    uint8_t *data;

    source_path(full, sizeof(full), path);
    file = fopen(full, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", full);
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    data = malloc((size_t)length + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)length, file), (size_t)length);
    assert_int_equal(fclose(file), 0);
    *size = (size_t)length;
    return data;
}

void test_data_free(void *block) {
    free(block);
}
