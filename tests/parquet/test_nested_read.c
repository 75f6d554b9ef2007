/* Columns of random nesting, put into levels slowly, are read back; and damage of them is found. */
#include "made_nested.h"

#include <stdio.h>

#include "opened.h"
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

/* ---- parts ---- */

/* The path of a leaf by the names of the nodes alone. */
static bool find_path(const struct nested_node *node, int leaf, char *path, size_t capacity) {
    size_t size = strlen(path);

    if (leaf < node->leaf_first || leaf >= node->leaf_first + node->leaf_count) {
        return false;
    }
    if (node->kind != NESTED_REPEATED) { /* its child has the name */
        (void)snprintf(path + size, capacity - size, "%s%s", size > 0 ? "." : "", node->name);
    }
    for (int i = 0; i < node->child_count; i++) {
        (void)find_path(node->children[i], leaf, path, capacity);
    }
    return true;
}

static int32_t count_leaves(const struct field *field) {
    int32_t count = ktki_type_is_nested(field->type.id) ? 0 : 1;

    for (int32_t i = 0; i < field->child_count; i++) {
        count += count_leaves(&field->children[i]);
    }
    return count;
}

/* Read by paths; the number of leaves that came. */
static int32_t read_parts(const struct nested_column *column, ktk_parquet_file *file,
                          const char *const *paths, size_t count) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream;
    struct ArrowSchema exported;
    struct schema *schema = NULL;
    struct ArrowArray array;
    int64_t row = 0;
    int32_t leaf_count;
    ktk_error err;

    options.columns = paths;
    options.column_count = count;
    options.batch_rows_max = 7; /* in pieces of a row group */
    CHECK_OK(ktk_parquet_read(&stream, file, &options, &err));
    assert_int_equal(stream.get_schema(&stream, &exported), 0);
    CHECK_OK(ktki_schema_import(&schema, opened_schema(file)->context, &exported, &err));
    assert_int_equal(schema->field_count, 1);
    leaf_count = count_leaves(&schema->fields[0]);
    for (;;) {
        assert_int_equal(stream.get_next(&stream, &array), 0);
        if (array.release == NULL) {
            break;
        }
        nested_check(column, &schema->fields[0], array.children[0], row);
        row += array.length;
        array.release(&array);
    }
    assert_int_equal(row, column->row_count);
    ktki_schema_free(schema);
    exported.release(&exported);
    stream.release(&stream);
    return leaf_count;
}

static void reads_parts_by_path(void **unused) {
    static const struct nested_layout layout = {
        .splits_rows = true, .page_entries = 30, .group_rows = 20};
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (uint32_t seed = 1; seed <= 100; seed++) {
        uint32_t random = seed * 31;
        ktk_parquet_file *file = NULL;
        struct nested_column column;
        struct buffer bytes;
        ktk_error err;
        nested_make(&column, &random, 4, 40);
        ktki_buffer_init(&bytes, test_allocator(), 0);
        nested_write(&bytes, &column, &layout);
        CHECK_OK(open_bytes(&file, context, &bytes, &err));
        for (int leaf = 0; leaf < column.root->leaf_count; leaf++) {
            ktk_parquet_column_info info;
            const char *paths[2] = {NULL};
            char path[256] = "";
            int32_t count;
            CHECK_OK(ktk_parquet_column_info_get(file, 0, leaf, &info, &err));
            assert_true(find_path(column.root, leaf, path, sizeof(path)));
            paths[0] = info.path;
            paths[1] = path;
            count = read_parts(&column, file, &paths[0], 1);
            assert_true(count <= column.root->leaf_count);
            /* Another way to say the same. */
            if (strchr(path, '.') != NULL) {
                assert_int_equal(read_parts(&column, file, &paths[1], 1), count);
                assert_int_equal(read_parts(&column, file, paths, 2), count);
            }
        }
        ktk_parquet_file_free(file);
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
        cmocka_unit_test(reads_random_nesting),    cmocka_unit_test(reads_many_rows),
        cmocka_unit_test(reads_parts_by_path),     cmocka_unit_test(finds_or_survives_damage),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
