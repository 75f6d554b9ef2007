/* Reading all of a Parquet file, for the targets that make such files. */
#ifndef KTK_FUZZ_PARQUET_READING_H
#define KTK_FUZZ_PARQUET_READING_H

#include "fuzz.h"

#include <string.h>

#include <kartothek/parquet.h>

#include "arrow/array.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "parquet/reader.h"

#define MEMORY_MAX ((size_t)256 << 20)

static size_t memory_used;

static void *bounded_resize(void *state, void *block, size_t old_size, size_t new_size) {
    const ktk_allocator *heap = state;
    size_t old = block == NULL ? 0 : old_size;
    void *moved;

    if (new_size > old && new_size - old > MEMORY_MAX - memory_used) {
        return NULL;
    }
    moved = heap->resize(heap->state, block, old_size, new_size);
    if (moved != NULL || new_size == 0) {
        memory_used = memory_used - old + new_size;
    }
    return moved;
}

static ktk_context *make_context(void) {
    static ktk_allocator allocator;
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;

    allocator = (ktk_allocator){bounded_resize, (void *)(uintptr_t)ktki_alloc_default()};
    options.allocator = &allocator;
    options.threads = 1;
    options.limits.page_bytes_max = 1 << 20;
    options.limits.nesting_max = 32;
    FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    return context;
}

static void read_column(ktk_parquet_file *file, int32_t row_group, int32_t column,
                        bool keep_dictionaries) {
    struct batch batch = {0};
    ktk_error err;

    if (ktki_parquet_read_row_group(&batch, file, row_group, &column, 1, keep_dictionaries, &err) !=
        KTK_OK) {
        FUZZ_ASSERT(batch.schema == NULL);
        return;
    }
    FUZZ_ASSERT(batch.columns[0].length == batch.row_count);
    FUZZ_ASSERT(ktki_array_check(&batch.columns[0], &batch.schema->fields[0], true, &err) ==
                KTK_OK);
    ktki_batch_clear(&batch);
}

static ktk_status see_page(void *state, const ktk_parquet_page *page, ktk_error *err) {
    (void)state;
    (void)err;
    FUZZ_ASSERT(page->kind != NULL && page->encoding != NULL);
    return KTK_OK;
}

static void read_info(ktk_parquet_file *file) {
    ktk_parquet_info info;
    ktk_parquet_column_info column;
    struct ArrowSchema schema;
    ktk_error err;

    ktk_parquet_file_info(file, &info);
    for (int32_t i = 0; i < info.row_group_count && i < 4; i++) {
        for (int32_t j = 0; j < info.leaf_count && j < 16; j++) {
            if (ktk_parquet_column_info_get(file, i, j, &column, &err) == KTK_OK) {
                FUZZ_ASSERT(column.path != NULL && column.encodings != NULL);
            }
            (void)(ktk_parquet_pages(file, i, j, see_page, NULL, &err) == KTK_OK);
        }
    }
    if (ktk_parquet_file_schema(file, &schema, &err) == KTK_OK) {
        schema.release(&schema);
    }
}

/* Some batches of rows by predicate and range: other ways through the same pages. */
static void read_rows(ktk_context *context, ktk_parquet_file *file, const char *column,
                      ktk_operator op) {
    static const ktk_value value = {.kind = KTK_VALUE_UNTYPED, .bytes = "1", .bytes_size = 1};
    const ktk_literal literal = {column, op, &value, 1};
    const size_t one = 1;
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    struct ArrowArrayStream stream = {0};
    struct stream_reader reader = {0};
    ktk_error err;

    FUZZ_ASSERT(ktk_predicate_new(&where, context, &literal, &one, 1, &err) == KTK_OK);
    options.columns = &column;
    options.column_count = 1;
    options.where = op == KTK_OP_NE ? NULL : where;
    options.row_start = 1;
    options.batch_rows_max = 3;
    if (ktk_parquet_read(&stream, file, &options, &err) == KTK_OK &&
        ktki_reader_init(&reader, context, &stream, &err) == KTK_OK) {
        for (int i = 0; i < 10; i++) {
            struct batch batch = {0};

            if (ktki_reader_next(&reader, &batch, &err) != KTK_OK || batch.schema == NULL) {
                break;
            }
            FUZZ_ASSERT(batch.row_count > 0 && batch.row_count <= 3);
            FUZZ_ASSERT(ktki_array_check(&batch.columns[0], &batch.schema->fields[0], true, &err) ==
                        KTK_OK);
            ktki_batch_clear(&batch);
        }
    }
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    ktk_predicate_free(where);
}

/* Whatever a file holds: what is read of it is a sound Arrow array of as many rows as its row group
 * has, and nothing takes more memory than a bound. */
static void read_parquet_file(const uint8_t *data, size_t size) {
    ktk_context *context = make_context();
    ktk_bytes bytes = {data, size, NULL, NULL};
    ktk_parquet_file *file = NULL;
    struct schema *schema = NULL;
    ktk_error err;

    if (ktk_parquet_open_bytes(&file, context, &bytes, &err) == KTK_OK &&
        ktki_parquet_schema(&schema, file, &err) == KTK_OK) {
        int32_t row_group_count = ktki_parquet_metadata(file)->row_group_count;
        read_info(file);
        for (int32_t i = 0; i < schema->field_count && i < 4; i++) {
            read_rows(context, file, schema->fields[i].name, KTK_OP_EQ);
            read_rows(context, file, schema->fields[i].name, KTK_OP_GE);
            read_rows(context, file, schema->fields[i].name, KTK_OP_NE);
        }
        for (int32_t i = 0; i < row_group_count && i < 4; i++) {
            for (int32_t j = 0; j < schema->field_count && j < 32; j++) {
                read_column(file, i, j, false);
                read_column(file, i, j, true);
            }
        }
    }
    ktk_parquet_file_free(file);
    ktk_context_free(context);
    FUZZ_ASSERT(memory_used == 0);
}

#endif
