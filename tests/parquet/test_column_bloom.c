/* Bloom filters of files that we write. */
#include "support/test.h"

#include <stdio.h>

#include "../arrow/random_arrays.h"
#include "arrow/array.h"
#include "made_file.h"
#include "opened.h"
#include "parquet/bloom.h"
#include "parquet/file_handle.h"

#define ROWS 6000
#define GROUP_ROWS 2500

struct fixture {
    ktk_context *context;
    struct batch batch;
    struct buffer bytes;
    ktk_parquet_write_options options;
    ktk_parquet_column_options column;
};

static void begin(struct fixture *fixture, struct data_type type, int null_share, int threads) {
    struct field field = {.name = "x", .type = type, .nullable = true};
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    struct ArrowArray array;
    uint32_t random = 5;
    ktk_error err;

    options.threads = threads;
    CHECK_OK(ktk_context_new(&fixture->context, &options, &err));
    fixture->options = (ktk_parquet_write_options)KTK_PARQUET_WRITE_OPTIONS_INIT;
    fixture->options.row_group_rows_max = GROUP_ROWS;
    fixture->column = (ktk_parquet_column_options){.path = "x", .bloom_filter = true};
    fixture->options.columns = &fixture->column;
    fixture->options.column_count = 1;
    random_array(&array, &field, ROWS, null_share, &random);
    made_column(&fixture->batch, fixture->context, &field, &array);
    ktki_buffer_init(&fixture->bytes, test_allocator(), 0);
}

static void end(struct fixture *fixture) {
    ktki_batch_clear(&fixture->batch);
    ktki_buffer_clear(&fixture->bytes);
    ktk_context_free(fixture->context);
    assert_int_equal(test_allocator_live(), 0);
}

static ktk_status write(struct fixture *fixture, ktk_error *err) {
    fixture->bytes.size = 0;
    return made_write(&fixture->bytes, fixture->context, fixture->batch.schema, &fixture->batch, 1,
                      &fixture->options, err);
}

static void check_group(const struct fixture *fixture, const struct bloom *bloom,
                        enum parquet_type type, int64_t start, int64_t stop) {
    const struct ArrowArray *array = &fixture->batch.columns[0];
    const struct data_type *data_type = &fixture->batch.schema->fields[0].type;
    struct array_view view;
    int passed = 0;

    ktki_array_view(array, data_type, &view);
    for (int64_t row = start; row < stop; row++) {
        if (!ktki_view_is_null(&view, row)) {
            const uint8_t *data;
            size_t size;
            ktki_array_bytes(array, data_type, row, &data, &size);
            assert_true(ktki_bloom_may_hold(bloom, type, data, size));
        }
    }
    for (int i = 0; i < 5000; i++) {
        char stranger[24];
        size_t size = (size_t)snprintf(stranger, sizeof(stranger), "stranger %d", i);
        passed += ktki_bloom_may_hold(bloom, PQ_BYTE_ARRAY, stranger, size);
    }
    assert_true(passed < 100); /* 2 % where 1 % is asked for */
}

static void check_file(const struct fixture *fixture) {
    ktk_parquet_file *file = NULL;
    int64_t start = 0;
    ktk_error err;

    made_open(&file, fixture->context, &fixture->bytes);
    assert_int_equal(file->metadata.row_group_count, (ROWS + GROUP_ROWS - 1) / GROUP_ROWS);
    for (int32_t i = 0; i < file->metadata.row_group_count; i++) {
        const struct row_group *group = opened_row_group(file, i);
        const struct column_chunk *chunk = &group->columns[0];
        struct bloom bloom;

        assert_true(chunk->bloom.size > 0);
        CHECK_OK(ktki_bloom_read(&bloom, &file->source, &chunk->bloom, &err));
        check_group(fixture, &bloom, chunk->type, start, start + group->row_count);
        ktki_bloom_clear(&bloom);
        start += group->row_count;
    }
    ktk_parquet_file_free(file);
}

static void holds_all_values_of_each_row_group(void **unused) {
    static const enum type_id types[] = {TYPE_INT32, TYPE_INT64, TYPE_FLOAT64, TYPE_STRING};
    static const ktk_parquet_dictionary dictionaries[] = {KTK_DICTIONARY_AUTO, KTK_DICTIONARY_NEVER,
                                                          KTK_DICTIONARY_ALWAYS};

    (void)unused;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (int null_share = 0; null_share <= 256; null_share += 64) {
            struct fixture fixture;
            ktk_error err;

            begin(&fixture, (struct data_type){.id = types[i]}, null_share, 1);
            for (size_t j = 0; j < 3; j++) {
                fixture.column.dictionary = dictionaries[j];
                CHECK_OK(write(&fixture, &err));
                check_file(&fixture);
            }
            end(&fixture);
        }
    }
}

/* Of few values: a small filter. */
static void size_follows_distinct_values(void **unused) {
    struct fixture fixture;
    ktk_parquet_file *file = NULL;
    int32_t sizes[2];
    ktk_error err;

    (void)unused;
    begin(&fixture, (struct data_type){.id = TYPE_INT64}, 0, 1);
    for (int64_t i = 0; i < ROWS; i++) {
        ((int64_t *)(uintptr_t)fixture.batch.columns[0].buffers[1])[i] = i % 10;
    }
    for (int i = 0; i < 2; i++) {
        fixture.column.dictionary = i == 0 ? KTK_DICTIONARY_ALWAYS : KTK_DICTIONARY_NEVER;
        CHECK_OK(write(&fixture, &err));
        made_open(&file, fixture.context, &fixture.bytes);
        sizes[i] = opened_row_group(file, 0)->columns[0].bloom.size;
        ktk_parquet_file_free(file);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_true(sizes[0] <= 16 + 64);
    end(&fixture);
}

static void bytes_do_not_depend_on_threads(void **unused) {
    struct fixture one;
    struct fixture four;
    ktk_error err;

    (void)unused;
    begin(&one, (struct data_type){.id = TYPE_STRING}, 20, 1);
    begin(&four, (struct data_type){.id = TYPE_STRING}, 20, 4);
    CHECK_OK(write(&one, &err));
    CHECK_OK(write(&four, &err));
    assert_int_equal(one.bytes.size, four.bytes.size);
    assert_memory_equal(one.bytes.data, four.bytes.data, one.bytes.size);
    ktki_buffer_clear(&four.bytes);
    end(&one);
    end(&four);
}

static void refuses_what_cannot_be(void **unused) {
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    begin(&fixture, (struct data_type){.id = TYPE_BOOL}, 0, 1);
    CHECK_STATUS(write(&fixture, &err), KTK_E_INVALID);
    CHECK_MESSAGE("BOOLEAN cannot have a bloom filter");
    end(&fixture);
    begin(&fixture, (struct data_type){.id = TYPE_INT64}, 0, 1);
    fixture.column.bloom_fpp = 1;
    CHECK_STATUS(write(&fixture, &err), KTK_E_INVALID);
    CHECK_MESSAGE("between 0 and 1, not 1");
    fixture.column.bloom_fpp = -0.5;
    CHECK_STATUS(write(&fixture, &err), KTK_E_INVALID);
    end(&fixture);
}

static void survives_want_of_memory(void **unused) {
    struct fixture fixture;
    ktk_context *calm;
    bool is_done = false;

    (void)unused;
    begin(&fixture, (struct data_type){.id = TYPE_STRING}, 20, 1);
    calm = fixture.context;
    for (int64_t n = 0; !is_done; n++) {
        ktk_error err;
        ktk_status status;

        fixture.context = test_context_failing(n);
        status = write(&fixture, &err);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        test_context_free(fixture.context);
    }
    fixture.context = calm;
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_all_values_of_each_row_group),
        cmocka_unit_test(size_follows_distinct_values),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
