#include "query/many_files.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/random_arrays.h"
#include "base/buffer.h"
#include "parquet/made_file.h"

int64_t mark_of(int64_t id) {
    return (id * 2654435761 >> 7) % MARKS;
}

/* ---- datasets ---- */

static struct schema *schema_new(ktk_context *context) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 2, &err));
    schema->fields[0] = (struct field){.name = "id", .type = {.id = TYPE_INT64}, .nullable = true};
    schema->fields[1] =
        (struct field){.name = "mark", .type = {.id = TYPE_INT64}, .nullable = true};
    return schema;
}

static void put(ktk_store *store, const char *key, const struct buffer *bytes) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, bytes->data, bytes->size, NULL, NULL, &err));
}

static void put_file(ktk_store *store, int file, int64_t first, int64_t count,
                     int64_t row_group_rows) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(store);
    struct schema *schema = schema_new(context);
    int64_t *ids = calloc((size_t)count + 1, sizeof(*ids));
    int64_t *marks = calloc((size_t)count + 1, sizeof(*marks));
    const void *id_buffers[] = {NULL, ids};
    const void *mark_buffers[] = {NULL, marks};
    struct batch batch = {0};
    struct buffer bytes;
    char key[64];
    ktk_error err;

    assert_true(ids != NULL && marks != NULL);
    for (int64_t i = 0; i < count; i++) {
        ids[i] = first + i;
        marks[i] = mark_of(first + i);
    }
    options.row_group_rows_max = row_group_rows;
    options.no_dictionary = true;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktki_batch_init(&batch, schema, count, &err));
    batch.columns[0] = (struct ArrowArray){.length = count, .n_buffers = 2, .buffers = id_buffers};
    batch.columns[1] =
        (struct ArrowArray){.length = count, .n_buffers = 2, .buffers = mark_buffers};
    CHECK_OK(made_write(&bytes, context, schema, &batch, 1, &options, &err));
    (void)snprintf(key, sizeof(key), "d/table/f%02d.parquet", file);
    put(store, key, &bytes);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    free(ids);
    free(marks);
}

ktk_store *store_at(ktk_context *context, const struct made_dataset *made, const char *url) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct schema *schema = schema_new(context);
    ktk_store *store = NULL;
    struct buffer bytes;
    int64_t first = 0;
    ktk_error err;

    CHECK_OK(ktk_store_open(&store, context, url, &err));
    for (int file = 0; file < made->file_count; file++) {
        put_file(store, file, first, made->rows[file], made->row_group_rows[file]);
        first += made->rows[file];
    }
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, schema, NULL, 0, &options, &err));
    put(store, "d/table/_common_metadata", &bytes);
    ktki_buffer_clear(&bytes);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&bytes,
                                     "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"d\", "
                                     "\"metadata\": {}, \"partition_keys\": [], \"partitions\": {",
                                     &err));
    for (int file = 0; file < made->file_count; file++) {
        CHECK_OK(ktki_buffer_append_format(
            &bytes, &err, "%s\"f%02d\": {\"files\": {\"table\": \"d/table/f%02d.parquet\"}}",
            file == 0 ? "" : ", ", file, file));
    }
    CHECK_OK(ktki_buffer_append_text(&bytes, "}}", &err));
    put(store, "d.by-dataset-metadata.json", &bytes);
    ktki_buffer_clear(&bytes);
    ktki_schema_free(schema);
    return store;
}

ktk_store *store_of(ktk_context *context, const struct made_dataset *made) {
    return store_at(context, made, "hmemory://");
}

void draw(struct made_dataset *made, uint32_t *random) {
    *made = (struct made_dataset){.file_count = 1 + (int)random_below(random, FILES_MAX)};
    for (int file = 0; file < made->file_count; file++) {
        int64_t rows_max = random_below(random, 8) == 0 ? 6000 : 300;

        made->rows[file] = random_below(random, rows_max);
        made->row_group_rows[file] = 50 + random_below(random, 1000);
        made->row_count += made->rows[file];
    }
}

struct made_dataset regular(int count, int64_t rows) {
    struct made_dataset made = {.file_count = count, .row_count = count * rows};

    for (int file = 0; file < count; file++) {
        made.rows[file] = rows;
        made.row_group_rows[file] = rows;
    }
    return made;
}

void check_batch(const struct ArrowArray *batch, int64_t mark, int64_t *next) {
    const int64_t *ids = (const int64_t *)batch->children[0]->buffers[1];
    const int64_t *marks = (const int64_t *)batch->children[1]->buffers[1];

    for (int64_t i = 0; i < batch->length; i++) {
        while (mark >= 0 && mark_of(*next) != mark) {
            (*next)++;
        }
        assert_int_equal(ids[batch->children[0]->offset + i], *next);
        assert_int_equal(marks[batch->children[1]->offset + i], mark_of(*next));
        (*next)++;
    }
}
