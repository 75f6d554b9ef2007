#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "../arrow/random_arrays.h"
#include "made_file.h"
#include "opened.h"
#include "parquet/file_handle.h"

/* The page index of files of two columns, against the values themselves. */

#define ROWS 3000
#define TEXT_SIZE_MAX 100

struct table {
    int64_t numbers[ROWS];
    int32_t offsets[ROWS + 1];
    char text[ROWS * TEXT_SIZE_MAX];
};

static struct table table;

static void set_text(int row, const char *text) {
    size_t size = strlen(text);

    memcpy(table.text + table.offsets[row], text, size);
    table.offsets[row + 1] = table.offsets[row] + (int32_t)size;
}

static void write_table(struct buffer *out, ktk_context *context,
                        const ktk_parquet_write_options *options) {
    const void *number_buffers[] = {NULL, table.numbers};
    const void *text_buffers[] = {NULL, table.offsets, table.text};
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 2, &err));
    schema->fields[0] = (struct field){.name = "x", .type = {.id = TYPE_INT64}, .nullable = true};
    schema->fields[1] = (struct field){.name = "t", .type = {.id = TYPE_STRING}, .nullable = true};
    CHECK_OK(ktki_batch_init(&batch, schema, ROWS, &err));
    batch.columns[0] =
        (struct ArrowArray){.length = ROWS, .n_buffers = 2, .buffers = number_buffers};
    batch.columns[1] = (struct ArrowArray){.length = ROWS, .n_buffers = 3, .buffers = text_buffers};
    CHECK_OK(made_write(out, context, schema, &batch, 1, options, &err));
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
}

struct indices {
    struct arena arena;
    struct column_index column;
    struct offset_index offset;
};

/* Of a chunk of the only row group. */
static void read_indices(struct indices *out, const struct buffer *bytes,
                         const struct column_chunk *chunk) {
    ktk_error err;

    ktki_arena_init(&out->arena, test_allocator());
    assert_true(chunk->column_index.offset > 0 && chunk->offset_index.offset > 0);
    CHECK_OK(ktki_column_index_decode(&out->column, &out->arena,
                                      bytes->data + chunk->column_index.offset,
                                      (size_t)chunk->column_index.size, &err));
    CHECK_OK(ktki_offset_index_decode(&out->offset, &out->arena,
                                      bytes->data + chunk->offset_index.offset,
                                      (size_t)chunk->offset_index.size, &err));
    assert_int_equal(out->column.page_count, out->offset.page_count);
    assert_true(out->column.page_count > 1);
}

static int64_t end_row(const struct indices *indices, int32_t page) {
    return page + 1 < indices->offset.page_count ? indices->offset.pages[page + 1].first_row : ROWS;
}

static void check_numbers(const struct indices *indices, bool is_exact) {
    for (int32_t i = 0; i < indices->column.page_count; i++) {
        int64_t least = INT64_MAX;
        int64_t greatest = INT64_MIN;
        int64_t min;
        int64_t max;

        for (int64_t row = indices->offset.pages[i].first_row; row < end_row(indices, i); row++) {
            least = table.numbers[row] < least ? table.numbers[row] : least;
            greatest = table.numbers[row] > greatest ? table.numbers[row] : greatest;
        }
        memcpy(&min, indices->column.mins[i].data, sizeof(min));
        memcpy(&max, indices->column.maxs[i].data, sizeof(max));
        assert_true(is_exact ? min == least && max == greatest : min <= least && max >= greatest);
        assert_false(indices->column.null_pages[i]);
        assert_int_equal(indices->column.null_counts[i], 0);
    }
}

static int compare(const struct parquet_bytes *bound, int row) {
    size_t size = (size_t)(table.offsets[row + 1] - table.offsets[row]);
    size_t common = bound->size < size ? bound->size : size;
    int order = memcmp(bound->data, table.text + table.offsets[row], common);

    return order != 0 ? order : (bound->size > size) - (bound->size < size);
}

static void check_texts(const struct indices *indices, const struct column_chunk *chunk) {
    int64_t total = 0;

    assert_int_equal(indices->offset.text_bytes_count, indices->offset.page_count);
    for (int32_t i = 0; i < indices->column.page_count; i++) {
        int64_t first = indices->offset.pages[i].first_row;
        int64_t end = end_row(indices, i);

        for (int64_t row = first; row < end; row++) {
            assert_true(compare(&indices->column.mins[i], (int)row) <= 0);
            assert_true(compare(&indices->column.maxs[i], (int)row) >= 0);
        }
        assert_true(indices->column.mins[i].size <= 64 && indices->column.maxs[i].size <= 64);
        assert_int_equal(indices->offset.text_bytes[i], table.offsets[end] - table.offsets[first]);
        total += indices->offset.text_bytes[i];
    }
    assert_int_equal(chunk->sizes.text_bytes, total);
    assert_int_equal(total, table.offsets[ROWS]);
}

static void check_file(const ktk_parquet_write_options *options, bool is_sorted) {
    ktk_context *context = test_context_new(0);
    ktk_parquet_file *file = NULL;
    const struct column_chunk *chunks;
    struct indices indices;
    struct buffer bytes;

    ktki_buffer_init(&bytes, test_allocator(), 0);
    write_table(&bytes, context, options);
    made_open(&file, context, &bytes);
    chunks = opened_row_group(file, 0)->columns;
    read_indices(&indices, &bytes, &chunks[0]);
    check_numbers(&indices, is_sorted || options->no_dictionary);
    if (is_sorted) {
        assert_int_equal(indices.column.boundary_order, ORDER_ASCENDING);
    }
    ktki_arena_clear(&indices.arena);
    read_indices(&indices, &bytes, &chunks[1]);
    check_texts(&indices, &chunks[1]);
    ktki_arena_clear(&indices.arena);
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    test_context_free(context);
}

static void fill(bool is_sorted, uint32_t *random) {
    char text[TEXT_SIZE_MAX + 1];

    for (int i = 0; i < ROWS; i++) {
        int64_t value = is_sorted ? i / 7 : random_below(random, 200);

        table.numbers[i] = value - 50;
        (void)snprintf(text, sizeof(text), "%0*d\xC3\xA9", (int)(value % 80) + 1, (int)value);
        set_text(i, text);
    }
}

static void bounds_hold_the_values_of_their_page(void **unused) {
    uint32_t random = 3;

    (void)unused;
    for (int i = 0; i < 8; i++) {
        ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;

        options.page_bytes_max = 500 + 100 * i;
        options.no_dictionary = (i & 1) != 0;
        options.data_page_version = 1 + (i & 2) / 2;
        fill((i & 4) != 0, &random);
        check_file(&options, (i & 4) != 0);
    }
}

static void files_without_an_index(void **unused) {
    ktk_context *context = test_context_new(0);
    uint32_t random = 3;

    (void)unused;
    fill(true, &random);
    for (int i = 0; i < 2; i++) {
        ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
        ktk_parquet_file *file = NULL;
        struct buffer bytes;

        /* None is wanted, or each chunk has one page. */
        options.no_page_index = i == 0;
        options.page_bytes_max = i == 0 ? 500 : 0;
        ktki_buffer_init(&bytes, test_allocator(), 0);
        write_table(&bytes, context, &options);
        made_open(&file, context, &bytes);
        for (int j = 0; j < 2; j++) {
            const struct column_chunk *chunk = &opened_row_group(file, 0)->columns[j];

            assert_int_equal(chunk->column_index.offset, -1);
            assert_int_equal(chunk->offset_index.offset, -1);
        }
        ktk_parquet_file_free(file);
        ktki_buffer_clear(&bytes);
    }
    test_context_free(context);
}

static void sorting_columns_are_noted(void **unused) {
    static const ktk_parquet_sorting_column sorting[] = {{"t", true, false}, {"x", false, true}};
    static const ktk_parquet_sorting_column unknown = {"y", false, false};
    ktk_context *context = test_context_new(0);
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_parquet_writer *writer = TEST_POISON;
    ktk_parquet_file *file = NULL;
    ktk_parquet_row_group_info info;
    struct schema *schema = NULL;
    uint32_t random = 3;
    struct buffer bytes;
    ktk_error err;

    (void)unused;
    fill(true, &random);
    options.sorting = sorting;
    options.sorting_count = 2;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    write_table(&bytes, context, &options);
    made_open(&file, context, &bytes);
    CHECK_OK(ktk_parquet_row_group_info_get(file, 0, &info, &err));
    assert_int_equal(info.sorting_count, 2);
    for (int32_t i = 0; i < 2; i++) {
        ktk_parquet_sorting_column column;

        CHECK_OK(ktk_parquet_sorting_column_get(file, 0, i, &column, &err));
        assert_string_equal(column.path, sorting[i].path);
        assert_int_equal(column.is_descending, sorting[i].is_descending);
        assert_int_equal(column.has_nulls_first, sorting[i].has_nulls_first);
    }
    ktk_parquet_file_free(file);
    options.sorting = &unknown;
    options.sorting_count = 1;
    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    schema->fields[0] = (struct field){.name = "x", .type = {.id = TYPE_INT64}, .nullable = true};
    CHECK_STATUS(
        ktki_parquet_writer_new(&writer, context, schema, &options, made_sink, &bytes, &err),
        KTK_E_NOT_FOUND);
    CHECK_MESSAGE("there is no column 'y'");
    assert_ptr_equal(writer, TEST_POISON);
    ktki_schema_free(schema);
    ktki_buffer_clear(&bytes);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_hold_the_values_of_their_page),
        cmocka_unit_test(files_without_an_index),
        cmocka_unit_test(sorting_columns_are_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
