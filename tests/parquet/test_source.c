#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parquet/source.h"

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void check_ranges(const struct source *source) {
    const struct byte_range ranges[] = {{0, 3}, {7, 3}, {10, 0}};
    ktk_bytes out[3] = {KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT};
    ktk_error err;

    assert_int_equal(source->size, 10);
    CHECK_OK(source->ops->read(source->state, ranges, 3, out, &err));
    assert_int_equal(out[0].size, 3);
    assert_memory_equal(out[0].data, "012", 3);
    assert_int_equal(out[1].size, 3);
    assert_memory_equal(out[1].data, "789", 3);
    assert_int_equal(out[2].size, 0);
    for (int i = 0; i < 3; i++) {
        ktk_bytes_clear(&out[i]);
    }
}

/* How many mappings of a file this process has. */
static int mapping_count(const char *path) {
    FILE *file = fopen("/proc/self/maps", "r");
    char line[8192];
    int count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        count += strstr(line, path) != NULL;
    }
    assert_int_equal(fclose(file), 0);
    return count;
}

static void open_digits(struct source *out, ktk_context *context, const char *folder,
                        char path[4096]) {
    ktk_error err;

    (void)snprintf(path, 4096, "%s/digits", folder);
    write_file(path, "0123456789");
    CHECK_OK(ktki_source_of_path(out, context, path, &err));
    assert_string_equal(out->name, path);
}

static void maps_a_file_for_more_than_its_end(void **unused) {
    const struct byte_range end = {7, 3};
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    ktk_bytes bytes = KTK_BYTES_INIT;
    char path[4096];
    struct source source = {0};
    ktk_error err;

    (void)unused;
    open_digits(&source, context, folder, path);
    CHECK_OK(source.ops->read(source.state, &end, 1, &bytes, &err));
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(bytes.data, "789", 3);
    assert_int_equal(mapping_count(path), 0);
    check_ranges(&source);
    assert_int_equal(mapping_count(path), 1);
    assert_true(ktki_source_is_memory(&source));
    ktki_source_free(&source);
    assert_null(source.ops);
    assert_int_equal(mapping_count(path), 0);
    assert_memory_equal(bytes.data, "789", 3); /* a copy */
    ktk_bytes_clear(&bytes);

    write_file(path, "");
    CHECK_OK(ktki_source_of_path(&source, context, path, &err));
    assert_int_equal(source.size, 0);
    ktki_source_free(&source);
    test_folder_remove(folder);
    test_context_free(context);
}

static void says_that_a_file_got_shorter(void **unused) {
    const struct byte_range end = {7, 3};
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    ktk_bytes bytes = KTK_BYTES_INIT;
    char path[4096];
    struct source source = {0};
    ktk_error err;

    (void)unused;
    open_digits(&source, context, folder, path);
    assert_int_equal(truncate(path, 8), 0);
    CHECK_STATUS(source.ops->read(source.state, &end, 1, &bytes, &err), KTK_E_IO);
    CHECK_MESSAGE("digits' got shorter while it was read");
    assert_null(bytes.data);
    ktki_source_free(&source);
    test_folder_remove(folder);
    test_context_free(context);
}

struct reading {
    const struct source *source;
    ktk_status status;
    ktk_bytes bytes;
};

static void *read_start(void *state) {
    const struct byte_range start = {0, 3};
    struct reading *reading = state;
    ktk_error err;

    reading->status =
        reading->source->ops->read(reading->source->state, &start, 1, &reading->bytes, &err);
    return NULL;
}

static void maps_once_for_all_threads(void **unused) {
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    char path[4096];

    (void)unused;
    for (int repeat = 0; repeat < 20; repeat++) {
        struct reading readings[4] = {{0}};
        struct source source = {0};
        pthread_t threads[4];

        open_digits(&source, context, folder, path);
        for (int i = 0; i < 4; i++) {
            readings[i].source = &source;
            assert_int_equal(pthread_create(&threads[i], NULL, read_start, &readings[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(mapping_count(path), 1);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(readings[i].status, KTK_OK);
            assert_memory_equal(readings[i].bytes.data, "012", 3);
            assert_ptr_equal(readings[i].bytes.data, readings[0].bytes.data);
        }
        for (int i = 0; i < 4; i++) {
            ktk_bytes_clear(&readings[i].bytes);
        }
        ktki_source_free(&source);
        assert_int_equal(mapping_count(path), 0);
    }
    test_folder_remove(folder);
    test_context_free(context);
}

/* Bytes of a mapping at `data` that are in the memory of this process. */
static int64_t resident_size(const void *data) {
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[4096];
    bool is_ours = false;
    long long kilobytes = -1;

    assert_non_null(file);
    while (kilobytes < 0 && fgets(line, sizeof(line), file) != NULL) {
        unsigned long start;
        unsigned long end;

        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
            is_ours = (uintptr_t)data >= start && (uintptr_t)data < end;
        } else if (is_ours && sscanf(line, "Rss: %lld kB", &kilobytes) == 1) {
            break;
        }
    }
    assert_int_equal(fclose(file), 0);
    return kilobytes * 1024;
}

static void what_is_given_back_leaves_memory_and_can_be_read_again(void **unused) {
    enum { SIZE = 1 << 20 };
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    static char text[SIZE + 1];
    char path[4096];
    struct source source = {0};
    struct byte_range range = {100, SIZE - 200};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = (char)('a' + i * i % 26);
    }
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    write_file(path, text);
    CHECK_OK(ktki_source_of_path(&source, context, path, &err));
    for (int round = 0; round < 2; round++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        const uint8_t *data;
        CHECK_OK(source.ops->read(source.state, &range, 1, &bytes, &err));
        data = bytes.data;
        assert_memory_equal(bytes.data, text + 100, bytes.size);
        assert_true(resident_size(data) >= SIZE / 2);
        ktk_bytes_clear(&bytes);
        assert_true(resident_size(data) < SIZE / 8);
    }
    ktki_source_free(&source);
    test_folder_remove(folder);
    test_context_free(context);
}

static void says_which_file_cannot_be_opened(void **unused) {
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    char path[4096];
    struct source source = {.size = 77};
    ktk_error err;

    (void)unused;
    (void)snprintf(path, sizeof(path), "%s/absent", folder);
    CHECK_STATUS(ktki_source_of_path(&source, context, path, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("absent'");
    CHECK_STATUS(ktki_source_of_path(&source, context, folder, &err), KTK_E_INVALID);
    CHECK_MESSAGE("is not a regular file");
    (void)snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    CHECK_STATUS(ktki_source_of_path(&source, context, path, &err), KTK_E_INVALID);
    assert_int_equal(source.size, 77);
    test_folder_remove(folder);
    test_context_free(context);
}

static int release_count;

static void count_release(ktk_bytes *bytes) {
    (void)bytes;
    release_count++;
}

static void takes_bytes_over(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_bytes bytes = {(const uint8_t *)"0123456789", 10, count_release, NULL};
    struct source source = {0};
    ktk_error err;

    (void)unused;
    release_count = 0;
    CHECK_OK(ktki_source_of_bytes(&source, context, &bytes, "in memory", &err));
    assert_null(bytes.data);
    assert_null(bytes.release);
    check_ranges(&source);
    assert_int_equal(release_count, 0);
    ktki_source_free(&source);
    assert_int_equal(release_count, 1);
    ktki_source_free(&source);
    test_context_free(context);
}

static void leaves_bytes_alone_without_memory(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_bytes bytes = {(const uint8_t *)"0123456789", 10, count_release, NULL};
        struct source source = {0};
        ktk_error err;
        ktk_status status = ktki_source_of_bytes(&source, context, &bytes, "x", &err);

        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        assert_true(is_done == (bytes.data == NULL));
        ktki_source_free(&source);
        test_context_free(context);
    }
}

static void opens_files_without_memory(void **unused) {
    const struct byte_range end = {7, 3};
    char *folder = test_folder_new();
    char path[4096];
    bool is_done = false;

    (void)unused;
    (void)snprintf(path, sizeof(path), "%s/digits", folder);
    write_file(path, "0123456789");
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_bytes bytes = KTK_BYTES_INIT;
        struct source source = {0};
        ktk_error err;
        ktk_status status = ktki_source_of_path(&source, context, path, &err);

        if (status == KTK_OK) {
            status = source.ops->read(source.state, &end, 1, &bytes, &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        assert_true(is_done == (bytes.data != NULL));
        ktk_bytes_clear(&bytes);
        ktki_source_free(&source);
        test_context_free(context);
    }
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_a_file_for_more_than_its_end),
        cmocka_unit_test(says_that_a_file_got_shorter),
        cmocka_unit_test(maps_once_for_all_threads),
        cmocka_unit_test(what_is_given_back_leaves_memory_and_can_be_read_again),
        cmocka_unit_test(says_which_file_cannot_be_opened),
        cmocka_unit_test(takes_bytes_over),
        cmocka_unit_test(leaves_bytes_alone_without_memory),
        cmocka_unit_test(opens_files_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
