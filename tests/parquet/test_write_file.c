/* Files by path and in memory, and the options of writing. */
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrow/builder.h"
#include "arrow/stream.h"
#include "base/context.h"
#include "made_file.h"

static void options_out_of_range_are_refused(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = made_schema(context);
    ktk_parquet_writer *writer = TEST_POISON;
    ktk_parquet_write_options options[4] = {
        KTK_PARQUET_WRITE_OPTIONS_INIT, KTK_PARQUET_WRITE_OPTIONS_INIT,
        KTK_PARQUET_WRITE_OPTIONS_INIT, KTK_PARQUET_WRITE_OPTIONS_INIT};
    ktk_error err;

    (void)unused;
    options[0].compression = (ktk_compression)99;
    options[1].row_group_rows_max = -1;
    options[2].page_bytes_max = INT64_MAX;
    options[3].size = 3;
    for (size_t i = 0; i < 4; i++) {
        CHECK_STATUS(
            ktki_parquet_writer_new(&writer, context, schema, &options[i], made_sink, NULL, &err),
            KTK_E_INVALID);
        assert_ptr_equal(writer, TEST_POISON);
    }
    ktki_schema_free(schema);
    test_context_free(context);
}

static void compressions_have_names(void **unused) {
    ktk_compression compression = KTK_COMPRESSION_ZSTD;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_compression_parse(&compression, "Snappy", &err));
    assert_int_equal(compression, KTK_COMPRESSION_SNAPPY);
    CHECK_OK(ktk_compression_parse(&compression, "UNCOMPRESSED", &err));
    assert_int_equal(compression, KTK_COMPRESSION_NONE);
    CHECK_OK(ktk_compression_parse(&compression, "none", &err));
    assert_int_equal(compression, KTK_COMPRESSION_NONE);
    CHECK_OK(ktk_compression_parse(&compression, "gzip", &err));
    assert_int_equal(compression, KTK_COMPRESSION_GZIP);
    CHECK_STATUS(ktk_compression_parse(&compression, "lzma", &err), KTK_E_INVALID);
    CHECK_MESSAGE("'lzma'");
    CHECK_MESSAGE("snappy, zstd, lz4_raw, gzip, brotli or none");
    assert_int_equal(compression, KTK_COMPRESSION_GZIP);
}

/* ---- the public functions ---- */

static void stream_of(struct ArrowArrayStream *out, ktk_context *context, const struct made *made) {
    struct batch moved[MADE_BATCHES_MAX];
    ktk_error err;

    for (size_t i = 0; i < made->count; i++) {
        moved[i] = made->batches[i];
    }
    CHECK_OK(ktki_stream_of_batches(out, context, made->schema, moved, made->count, &err));
}

static void bytes_outlive_the_context(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct made made = {.count = 1};
    uint32_t random = 4;
    ktk_error err;

    (void)unused;
    made.schema = made_schema(context);
    made_batch(&made.batches[0], made.schema, 100, 20, &random);
    stream_of(&stream, context, &made);
    CHECK_OK(ktk_parquet_write_bytes(&bytes, context, &stream, NULL, &err));
    assert_null(stream.release);
    ktki_schema_free(made.schema);
    ktk_context_free(context);
    assert_memory_equal(bytes.data, "PAR1", 4);
    assert_memory_equal(bytes.data + bytes.size - 4, "PAR1", 4);
    ktk_bytes_clear(&bytes);
}

static int64_t size_of_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static void a_file_is_replaced_whole_or_not_at_all(void **unused) {
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    char path[4096];
    char command[8192];
    struct field nano = {"at", {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}, .nullable = true};
    struct ArrowArrayStream stream;
    struct made made = {.count = 1};
    uint32_t random = 4;
    int64_t size;
    ktk_parquet_file *file = NULL;
    ktk_error err;

    (void)unused;
    (void)snprintf(path, sizeof(path), "%s/a file.parquet", folder);
    made.schema = made_schema(context);
    made_batch(&made.batches[0], made.schema, 100, 20, &random);
    stream_of(&stream, context, &made);
    CHECK_OK(ktk_parquet_write_path(context, path, &stream, NULL, &err));
    assert_null(stream.release);
    size = size_of_file(path);
    assert_true(size > 0);
    ktki_schema_free(made.schema);
    /* A stream that cannot be written leaves the old file, and nothing beside it. */
    {
        const int64_t value = 1;
        struct array_builder builder;
        struct ArrowArray array;

        CHECK_OK(ktki_builder_init(&builder, context, &nano, &err));
        CHECK_OK(ktki_builder_append_i64(&builder, value, &err));
        CHECK_OK(ktki_builder_finish(&builder, &array, &err));
        ktki_builder_clear(&builder);
        made_column(&made.batches[0], context, &nano, &array);
        made.schema = ktki_schema_ref(made.batches[0].schema);
    }
    stream_of(&stream, context, &made);
    CHECK_STATUS(ktk_parquet_write_path(context, path, &stream, NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'at'");
    assert_null(stream.release);
    assert_int_equal(size_of_file(path), size);
    (void)snprintf(command, sizeof(command), "test $(ls -A '%s' | wc -l) = 1", folder);
    assert_int_equal(system(command), 0);
    CHECK_OK(ktk_parquet_open_path(&file, context, path, &err));
    ktk_parquet_file_free(file);
    ktki_schema_free(made.schema);
    test_folder_remove(folder);
    test_context_free(context);
}

static void only_files_are_written(void **unused) {
    static const char *const paths[] = {"/dev/null", "/", "/nonexistent/folder/x.parquet"};
    static const ktk_status wanted[] = {KTK_E_INVALID, KTK_E_INVALID, KTK_E_NOT_FOUND};
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct made made = {.schema = made_schema(context)};
        struct ArrowArrayStream stream;

        stream_of(&stream, context, &made);
        CHECK_STATUS(ktk_parquet_write_path(context, paths[i], &stream, NULL, &err), wanted[i]);
        CHECK_MESSAGE(paths[i]);
        assert_null(stream.release);
        ktki_schema_free(made.schema);
    }
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(compressions_have_names),
        cmocka_unit_test(bytes_outlive_the_context),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(only_files_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
