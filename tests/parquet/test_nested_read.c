/* Columns of random nesting, put into levels slowly, are read back; and damage of them is found. */
#include "made_nested.h"

#include <stdio.h>

#include "parquet/reader.h"
#include "support/test.h"

static ktk_status open_bytes(ktk_parquet_file **out, ktk_context *context,
                             const struct buffer *bytes, ktk_error *err) {
    ktk_bytes lent = {.data = bytes->data, .size = bytes->size};

    return ktk_parquet_open_bytes(out, context, &lent, err);
}

static int32_t group_count(const ktk_parquet_file *file) {
    return ktki_parquet_metadata(file)->row_group_count;
}

static void check_file(const struct nested_column *column, ktk_context *context,
                       const struct buffer *bytes) {
    static const int32_t first = 0;
    ktk_parquet_file *file = NULL;
    int64_t row = 0;
    ktk_error err;

    CHECK_OK(open_bytes(&file, context, bytes, &err));
    for (int32_t i = 0; i < group_count(file); i++) {
        struct batch batch = {0};
        CHECK_OK(ktki_parquet_read_row_group(&batch, file, i, &first, 1, false, &err));
        nested_check(column, &batch.schema->fields[0], &batch.columns[0], row);
        row += batch.row_count;
        ktki_batch_clear(&batch);
    }
    assert_int_equal(row, column->row_count);
    ktk_parquet_file_free(file);
}

static void reads_random_nesting(void **unused) {
    ktk_context *context = test_context_new(2);

    (void)unused;
    for (uint32_t seed = 1; seed <= 400; seed++) {
        uint32_t random = seed;
        const struct nested_layout layout = {.is_v2 = seed % 2 != 0,
                                             .splits_rows = seed % 3 == 0,
                                             .page_entries = 1 + (int64_t)(seed * 7 % 100),
                                             .group_rows = 10 + (int64_t)(seed % 30)};
        struct nested_column column;
        struct buffer bytes;
        print_message("# seed %u\n", seed);
        nested_make(&column, &random, (int)(seed % 6), (int64_t)(seed * 13 % 100));
        ktki_buffer_init(&bytes, test_allocator(), 0);
        nested_write(&bytes, &column, &layout);
        check_file(&column, context, &bytes);
        ktki_buffer_clear(&bytes);
        nested_clear(&column);
    }
    test_context_free(context);
}

/* More entries than are unpacked at once, in pages of any size. */
static void reads_many_rows(void **unused) {
    static const int64_t page_entries[] = {1000, 4096, 5000, 100000};
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        uint32_t random = seed * 77777;
        const struct nested_layout layout = {.is_v2 = seed % 2 == 0,
                                             .splits_rows = true,
                                             .page_entries = page_entries[seed % 4],
                                             .group_rows = 20000};
        struct nested_column column;
        struct buffer bytes;
        nested_make(&column, &random, 3, 8000);
        ktki_buffer_init(&bytes, test_allocator(), 0);
        nested_write(&bytes, &column, &layout);
        check_file(&column, context, &bytes);
        ktki_buffer_clear(&bytes);
        nested_clear(&column);
    }
    test_context_free(context);
}

/* ---- damage ---- */

/* Whatever is read of damaged bytes is a sound array. */
static void check_damaged(ktk_context *context, const struct buffer *bytes, int *refused) {
    static const int32_t first = 0;
    ktk_parquet_file *file = NULL;
    ktk_error err;

    if (open_bytes(&file, context, bytes, &err) != KTK_OK) {
        (*refused)++;
        return;
    }
    for (int32_t i = 0; i < group_count(file); i++) {
        struct batch batch = {0};
        ktk_status status = ktki_parquet_read_row_group(&batch, file, i, &first, 1, false, &err);
        if (status == KTK_OK) {
            assert_int_equal(batch.columns[0].length, batch.row_count);
            CHECK_OK(ktki_array_check(&batch.columns[0], &batch.schema->fields[0], true, &err));
        } else {
            assert_true(err.message[0] != '\0');
            (*refused)++;
        }
        ktki_batch_clear(&batch);
    }
    ktk_parquet_file_free(file);
}

static void finds_or_survives_damage(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 4711;
    int refused = 0;

    (void)unused;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        const struct nested_layout layout = {
            .is_v2 = seed % 2 != 0, .splits_rows = true, .page_entries = 50, .group_rows = 100};
        struct nested_column column;
        struct buffer bytes;
        nested_make(&column, &random, 4, 30);
        ktki_buffer_init(&bytes, test_allocator(), 0);
        nested_write(&bytes, &column, &layout);
        for (int i = 0; i < 50; i++) {
            random = random * 1664525u + 1013904223u;
            size_t at = (random >> 4) % bytes.size;
            uint8_t kept = bytes.data[at];
            bytes.data[at] = (uint8_t)(kept ^ 1u << (random & 7));
            check_damaged(context, &bytes, &refused);
            bytes.data[at] = kept;
        }
        ktki_buffer_clear(&bytes);
        nested_clear(&column);
    }
    print_message("# %d of 2000 refused\n", refused);
    assert_true(refused > 500);
    test_context_free(context);
}

static void survives_want_of_memory(void **unused) {
    static const int32_t first = 0;
    const struct nested_layout layout = {.page_entries = 20, .group_rows = 100};
    struct nested_column column;
    struct buffer bytes;
    uint32_t random = 20;
    bool is_done = false;

    (void)unused;
    nested_make(&column, &random, 4, 20);
    assert_true(column.root->leaf_count > 2);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    nested_write(&bytes, &column, &layout);
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_parquet_file *file = NULL;
        struct batch batch = {0};
        ktk_error err;
        ktk_status status = open_bytes(&file, context, &bytes, &err);
        if (status == KTK_OK) {
            status = ktki_parquet_read_row_group(&batch, file, 0, &first, 1, false, &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        ktki_batch_clear(&batch);
        ktk_parquet_file_free(file);
        test_context_free(context);
    }
    ktki_buffer_clear(&bytes);
    nested_clear(&column);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_random_nesting),
        cmocka_unit_test(reads_many_rows),
        cmocka_unit_test(finds_or_survives_damage),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
