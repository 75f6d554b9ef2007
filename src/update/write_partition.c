#include "update/write_partition.h"

#include "arrow/cast.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "parquet/writer.h"

/* Files are written by several threads; what they share of the update is behind a lock. */
struct group_files {
    ktk_update *update;
    const struct batch *data; /* all rows of the input */
    const struct partitioned_rows *rows;
    struct schema *file_schema;
    const int32_t *columns; /* of the input, by column of the file */
    const char *label;
    pthread_mutex_t lock;
    struct file_writer *writers; /* those not in use */
};

/* A Parquet writer with its output, used for file after file. */
struct file_writer {
    struct file_writer *next;
    ktk_parquet_writer *writer;
    struct buffer bytes;
};

static ktk_status append_bytes(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

static void file_writer_free(struct file_writer *writer, const ktk_allocator *allocator) {
    if (writer != NULL) {
        ktki_parquet_writer_free(writer->writer);
        ktki_buffer_clear(&writer->bytes);
        KTKI_DELETE(allocator, writer);
    }
}

static ktk_status file_writer_new(struct file_writer **out, ktk_update *update,
                                  struct schema *schema, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(update->context);
    struct file_writer *writer = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &writer, err));
    ktki_buffer_init(&writer->bytes, allocator, 0);
    KTKI_TRY(ktki_parquet_writer_new(&writer->writer, update->context, schema,
                                     &update->file_options, append_bytes, &writer->bytes, err));
    *out = writer;
    writer = NULL;
out:
    file_writer_free(writer, allocator);
    return status;
}

/* ---- putting a file ---- */

/* `<uuid>/<table>/<label><more>.parquet` */
static ktk_status file_key(struct buffer *out, const ktk_update *update, const char *label,
                           const char *more, ktk_error *err) {
    ktk_status status = KTK_OK;

    out->size = 0;
    KTKI_TRY(ktki_buffer_append_format(out, err, "%s/%s/%s%s" KTKI_PARQUET_SUFFIX, update->uuid,
                                       update->table, label, more));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

/* A label of the caller's may name a file that a committed state still uses: never write over one.
 */
static ktk_status put_new(const ktk_update *update, const char *key, const struct buffer *bytes,
                          ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    condition.flags = KTK_PUT_DEFER_SYNC;
    condition.must_not_exist = ktk_store_has_conditional_put(update->store);
    if (!condition.must_not_exist) {
        ktk_store_entry entry;
        ktk_status status = ktk_store_head(update->store, key, &entry, err);

        if (status != KTK_E_NOT_FOUND) {
            return status == KTK_OK ? KTK_E_EXISTS : status;
        }
    }
    return ktk_store_put(update->store, key, bytes->data, bytes->size, &condition, NULL, err);
}

/* Put the file under its own key or, if that is taken, under one beside it; `key` gets it. */
static ktk_status put_file(const ktk_update *update, const char *label, const struct buffer *bytes,
                           struct buffer *key, ktk_error *err) {
    char more[KTKI_UUID_TEXT_SIZE + 1] = "-";
    ktk_status status = KTK_OK;

    KTKI_TRY(file_key(key, update, label, "", err));
    status = put_new(update, (const char *)key->data, bytes, err);
    if (status == KTK_E_EXISTS) {
        KTKI_TRY(ktki_uuid7(more + 1, err));
        KTKI_TRY(file_key(key, update, label, more, err));
        status = put_new(update, (const char *)key->data, bytes, err);
    }
out:
    return status;
}

/* Under the lock of the caller, if there are several threads. */
static ktk_status remember_file(ktk_update *update, const char *label, const char *key,
                                int64_t row_count, int64_t size, ktk_error *err) {
    struct written_file file = {.row_count = row_count, .size = size};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(&update->arena, label, strlen(label), &file.label, err));
    KTKI_TRY(ktki_arena_text(&update->arena, key, strlen(key), &file.key, err));
    KTKI_TRY(ktki_update_remember(update, &file, err));
out:
    if (status != KTK_OK) {
        KTKI_IGNORE(ktk_store_remove(update->store, key, NULL));
    }
    return status;
}

/* ---- one file ---- */

ktk_status ktki_write_whole(ktk_update *update, struct stream_reader *reader, const char *label,
                            ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(update->context);
    struct file_writer *writer = NULL;
    struct schema *schema = NULL;
    struct batch batch = {0};
    struct buffer key;
    int64_t row_count = 0;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, allocator, 0);
    KTKI_TRY(ktki_table_schema_of_file(&schema, reader->schema, NULL, 0, err));
    KTKI_TRY(file_writer_new(&writer, update, schema, err));
    for (;;) {
        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        row_count += batch.row_count;
        KTKI_TRY(ktki_parquet_writer_take(writer->writer, &batch, err));
    }
    KTKI_TRY(ktki_parquet_writer_finish(writer->writer, NULL, err));
    KTKI_TRY(put_file(update, label, &writer->bytes, &key, err));
    KTKI_TRY(remember_file(update, label, (const char *)key.data, row_count,
                           (int64_t)writer->bytes.size, err));
out:
    ktki_batch_clear(&batch);
    file_writer_free(writer, allocator);
    ktki_schema_free(schema);
    ktki_buffer_clear(&key);
    return status;
}

/* ---- one file a group ---- */

static ktk_status writer_take(struct group_files *files, struct file_writer **out, ktk_error *err) {
    struct file_writer *writer;

    pthread_mutex_lock(&files->lock);
    writer = files->writers;
    if (writer != NULL) {
        files->writers = writer->next;
    }
    pthread_mutex_unlock(&files->lock);
    if (writer == NULL) {
        return file_writer_new(out, files->update, files->file_schema, err);
    }
    writer->bytes.size = 0;
    ktki_parquet_writer_restart(writer->writer, append_bytes, &writer->bytes);
    *out = writer;
    return KTK_OK;
}

static void writer_give(struct group_files *files, struct file_writer *writer) {
    if (writer != NULL) {
        pthread_mutex_lock(&files->lock);
        writer->next = files->writers;
        files->writers = writer;
        pthread_mutex_unlock(&files->lock);
    }
}

/* The rows of a group without the partition columns. */
static ktk_status group_batch(struct batch *out, const struct group_files *files, uint32_t group,
                              ktk_error *err) {
    const struct partitioned_rows *rows = files->rows;
    const int64_t *first = rows->rows + rows->starts[group];
    int64_t count = rows->starts[group + 1] - rows->starts[group];
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&batch, files->file_schema, count, err));
    for (int32_t i = 0; i < files->file_schema->field_count; i++) {
        KTKI_TRY(ktki_array_take(&batch.columns[i], files->update->context,
                                 &files->file_schema->fields[i],
                                 &files->data->columns[files->columns[i]], first, count, err));
    }
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    return status;
}

static ktk_status write_group(void *state, size_t item, ktk_error *err) {
    struct group_files *files = state;
    const ktk_allocator *allocator = ktki_context_allocator(files->update->context);
    uint32_t group = (uint32_t)item;
    struct file_writer *writer = NULL;
    struct batch batch = {0};
    struct buffer label;
    struct buffer key;
    int64_t row_count;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&label, allocator, 0);
    ktki_buffer_init(&key, allocator, 0);
    KTKI_TRY(ktki_partition_path(&label, files->rows, group, err));
    KTKI_TRY(ktki_buffer_append_text(&label, files->label, err));
    KTKI_TRY(ktki_buffer_append_byte(&label, '\0', err));
    KTKI_TRY(writer_take(files, &writer, err));
    KTKI_TRY(group_batch(&batch, files, group, err));
    row_count = batch.row_count;
    KTKI_TRY(ktki_parquet_writer_take(writer->writer, &batch, err));
    KTKI_TRY(ktki_parquet_writer_finish(writer->writer, NULL, err));
    KTKI_TRY(put_file(files->update, (const char *)label.data, &writer->bytes, &key, err));
    pthread_mutex_lock(&files->lock);
    status = remember_file(files->update, (const char *)label.data, (const char *)key.data,
                           row_count, (int64_t)writer->bytes.size, err);
    pthread_mutex_unlock(&files->lock);
out:
    writer_give(files, writer);
    ktki_batch_clear(&batch);
    ktki_buffer_clear(&label);
    ktki_buffer_clear(&key);
    return status;
}

/* The columns of the input that go into the files, and the schema of these. */
static ktk_status plan_files(struct group_files *files, int32_t **columns, ktk_error *err) {
    const ktk_update *update = files->update;
    const struct schema *data = files->data->schema;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_table_schema_of_file(&files->file_schema, data, update->partition_on,
                                       update->partition_on_count, err));
    KTKI_TRY(ktki_alloc_array(ktki_context_allocator(update->context),
                              (size_t)files->file_schema->field_count, sizeof(**columns), columns,
                              err));
    for (int32_t i = 0; i < files->file_schema->field_count; i++) {
        (*columns)[i] = ktki_schema_find(data, files->file_schema->fields[i].name);
    }
    files->columns = *columns;
out:
    return status;
}

/* Threads end in any order; the document lists the groups in the order in which they appear in the
 * input. */
static int compare_groups(const void *a, const void *b, void *state) {
    const struct hash_map *order = state;
    const struct written_file *files[] = {a, b};
    uint64_t places[2];

    for (int i = 0; i < 2; i++) {
        const char *label = files[i]->label;
        places[i] = *ktki_hash_map_find(order, label, strlen(label));
    }
    return places[0] < places[1] ? -1 : places[0] > places[1];
}

static ktk_status sort_files(struct group_files *files, size_t first, ktk_error *err) {
    ktk_update *update = files->update;
    struct hash_map order;
    struct arena arena;
    struct buffer label;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, update->arena.allocator);
    ktki_hash_map_init(&order, update->arena.allocator);
    ktki_buffer_init(&label, update->arena.allocator, 0);
    for (uint32_t g = 0; g < files->rows->group_count; g++) {
        const char *text = NULL;
        uint64_t *place = NULL;

        label.size = 0;
        KTKI_TRY(ktki_partition_path(&label, files->rows, g, err));
        KTKI_TRY(ktki_buffer_append_text(&label, files->label, err));
        KTKI_TRY(ktki_arena_text(&arena, (const char *)label.data, label.size, &text, err));
        KTKI_TRY(ktki_hash_map_insert(&order, text, label.size, g, &place, NULL, err));
    }
    if (update->file_count > first) {
        qsort_r(update->files + first, update->file_count - first, sizeof(*update->files),
                compare_groups, &order);
    }
out:
    ktki_buffer_clear(&label);
    ktki_hash_map_clear(&order);
    ktki_arena_clear(&arena);
    return status;
}

static ktk_status write_all_groups(ktk_update *update, const struct batch *data, const char *label,
                                   ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(update->context);
    struct partitioned_rows rows = {0};
    struct group_files files = {.update = update, .data = data, .rows = &rows, .label = label};
    size_t first = update->file_count;
    int32_t *columns = NULL;
    ktk_status status = KTK_OK;

    (void)pthread_mutex_init(&files.lock, NULL);
    KTKI_TRY(ktki_partition_rows(&rows, update->context, data, update->partition_on,
                                 update->partition_on_count, err));
    KTKI_TRY(plan_files(&files, &columns, err));
    KTKI_TRY(ktki_pool_run(ktki_context_pool(update->context), rows.group_count, write_group,
                           &files, err));
    KTKI_TRY(sort_files(&files, first, err));
out:
    while (files.writers != NULL) {
        struct file_writer *next = files.writers->next;
        file_writer_free(files.writers, allocator);
        files.writers = next;
    }
    ktki_free_array(allocator, columns,
                    files.file_schema == NULL ? 0 : (size_t)files.file_schema->field_count,
                    sizeof(*columns));
    ktki_schema_free(files.file_schema);
    ktki_partitioned_rows_clear(&rows);
    (void)pthread_mutex_destroy(&files.lock);
    return status;
}

/* ---- collecting an input ---- */

struct collected {
    const ktk_allocator *allocator;
    struct batch *batches;
    size_t count;
    size_t capacity;
};

static void collected_clear(struct collected *collected) {
    for (size_t i = 0; i < collected->count; i++) {
        ktki_batch_clear(&collected->batches[i]);
    }
    ktki_free_array(collected->allocator, collected->batches, collected->capacity,
                    sizeof(*collected->batches));
    *collected = (struct collected){.allocator = collected->allocator};
}

static ktk_status collect(struct collected *out, struct stream_reader *reader, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (;;) {
        struct batch batch = {0};

        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        if (out->count == out->capacity) {
            size_t capacity = out->capacity == 0 ? 8 : 2 * out->capacity;
            status = ktki_resize_array(out->allocator, &out->batches, out->capacity, capacity,
                                       sizeof(*out->batches), err);
            if (status != KTK_OK) {
                ktki_batch_clear(&batch);
                goto out;
            }
            out->capacity = capacity;
        }
        out->batches[out->count++] = batch;
    }
out:
    return status;
}

/* One column of the joined batch; each is freed as soon as it is joined. */
struct join_run {
    ktk_context *context;
    struct collected *collected;
    struct batch joined;
};

/* Batches may differ in the dictionaries of a column, so that is joined by value. */
static ktk_status plain_column(struct join_run *run, size_t column, ktk_error *err) {
    const struct field *to = &run->joined.schema->fields[column];
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < run->collected->count; i++) {
        struct batch *batch = &run->collected->batches[i];
        const struct field *from = &batch->schema->fields[column];
        struct ArrowArray plain = {0};

        if (from->type.id != TYPE_DICTIONARY) {
            break;
        }
        KTKI_TRY(ktki_array_cast(&plain, run->context, &batch->columns[column], from, to, err));
        ktki_array_clear(&batch->columns[column]);
        batch->columns[column] = plain;
    }
out:
    return status;
}

static ktk_status join_column(void *state, size_t column, ktk_error *err) {
    struct join_run *run = state;
    size_t count = run->collected->count;
    const ktk_allocator *allocator = run->collected->allocator;
    const struct ArrowArray **parts = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(plain_column(run, column, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*parts), &parts, err));
    for (size_t i = 0; i < count; i++) {
        parts[i] = &run->collected->batches[i].columns[column];
    }
    KTKI_TRY(ktki_array_concat(&run->joined.columns[column], run->context,
                               &run->joined.schema->fields[column], parts, count, err));
    for (size_t i = 0; i < count; i++) {
        ktki_array_clear(&run->collected->batches[i].columns[column]);
    }
out:
    ktki_free_array(allocator, (void *)parts, count, sizeof(*parts));
    return status;
}

/* The schema with dictionaries replaced by their values. */
static ktk_status plain_schema(struct schema **out, const struct schema *schema, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(schema->context);
    struct schema *plain = NULL;
    int32_t *all = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, (size_t)schema->field_count, sizeof(*all), &all, err));
    for (int32_t i = 0; i < schema->field_count; i++) {
        all[i] = i;
    }
    KTKI_TRY(ktki_schema_select(&plain, schema, all, schema->field_count, true, err));
    for (int32_t i = 0; i < plain->field_count; i++) {
        struct field *field = &plain->fields[i];
        if (field->type.id == TYPE_DICTIONARY) {
            field->type = field->dictionary->type;
            field->dictionary = NULL;
        }
    }
    *out = plain;
    plain = NULL;
out:
    ktki_schema_free(plain);
    ktki_free_array(allocator, all, (size_t)schema->field_count, sizeof(*all));
    return status;
}

static ktk_status join(struct batch *out, ktk_context *context, struct collected *collected,
                       ktk_error *err) {
    struct join_run run = {.context = context, .collected = collected};
    struct schema *schema = NULL;
    int64_t row_count = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < collected->count; i++) {
        row_count += collected->batches[i].row_count;
    }
    KTKI_TRY(plain_schema(&schema, collected->batches[0].schema, err));
    KTKI_TRY(ktki_batch_init(&run.joined, schema, row_count, err));
    KTKI_TRY(ktki_pool_run(ktki_context_pool(context), (size_t)schema->field_count, join_column,
                           &run, err));
    *out = run.joined;
    run.joined = (struct batch){0};
out:
    ktki_batch_clear(&run.joined);
    ktki_schema_free(schema);
    return status;
}

ktk_status ktki_write_groups(ktk_update *update, struct stream_reader *reader, const char *label,
                             ktk_error *err) {
    struct collected collected = {.allocator = ktki_context_allocator(update->context)};
    struct batch joined = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(collect(&collected, reader, err));
    if (collected.count == 1) {
        KTKI_TRY(write_all_groups(update, &collected.batches[0], label, err));
    } else if (collected.count > 1) {
        KTKI_TRY(join(&joined, update->context, &collected, err));
        collected_clear(&collected);
        KTKI_TRY(write_all_groups(update, &joined, label, err));
    }
out:
    ktki_batch_clear(&joined);
    collected_clear(&collected);
    return status;
}
