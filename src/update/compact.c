#include <kartothek/compact.h>
#include <kartothek/query.h>

#include "arrow/sort_rows.h"
#include "arrow/stream.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "update/scope.h"
#include "update/update_internal.h"

#define TARGET_BYTES ((int64_t)128 << 20)

/* Partitions that become one; its list lies in the buffer of the run. */
struct bin {
    struct buffer positions; /* int64_t */
    int64_t bytes;
};

struct run {
    const ktk_compact_options *options;
    ktk_update *update;
    ktk_dataset *dataset; /* borrowed from the base of the update */
    int64_t target;
    struct hash_map sizes;   /* of files by key */
    struct arena keys;       /* of the keys in `sizes` */
    struct buffer bins;      /* struct bin */
    struct hash_map folders; /* the open bin of each folder, by its text */
    ktk_parquet_sorting_column *sorting;
};

/* ---- what there is ---- */

static ktk_status note_size(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct run *run = state;
    const char *key;
    uint64_t *place;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(&run->keys, entry->key, strlen(entry->key), &key, err));
    KTKI_TRY(ktki_hash_map_insert(&run->sizes, key, strlen(key), (uint64_t)entry->size, &place,
                                  NULL, err));
out:
    return status;
}

/* One listing a table instead of a request a file. */
static ktk_status note_sizes(struct run *run, ktk_error *err) {
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, run->update->allocator, 0);
    for (int32_t i = 0; i < ktk_dataset_table_count(run->dataset); i++) {
        prefix.size = 0;
        KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s/%s/", run->update->uuid,
                                           ktk_dataset_table(run->dataset, i)));
        KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
        KTKI_TRY(
            ktk_store_list(run->update->store, (const char *)prefix.data, note_size, run, err));
    }
out:
    ktki_buffer_clear(&prefix);
    return status;
}

/* ---- what goes together ---- */

static struct bin *bin_at(const struct run *run, uint64_t index) {
    return (struct bin *)(void *)run->bins.data + index;
}

static size_t bin_count(const struct run *run) {
    return run->bins.size / sizeof(struct bin);
}

static ktk_status open_bin(struct run *run, uint64_t *index, ktk_error *err) {
    struct bin bin = {.bytes = 0};

    ktki_buffer_init(&bin.positions, run->update->allocator, 0);
    *index = bin_count(run);
    return ktki_buffer_append(&run->bins, &bin, sizeof(bin), err);
}

/* The part of a label that holds the values of the partition keys. */
static size_t folder_size(const char *label) {
    const char *slash = strrchr(label, '/');

    return slash == NULL ? 0 : (size_t)(slash - label);
}

/* Bytes of the files of all tables; -1 for a partition that lacks one, which is left alone. */
static int64_t partition_bytes(const struct run *run, int64_t position) {
    int64_t bytes = 0;

    for (int32_t i = 0; i < ktk_dataset_table_count(run->dataset); i++) {
        const char *table = ktk_dataset_table(run->dataset, i);
        const char *key = ktk_dataset_partition_file(run->dataset, position, table);
        const uint64_t *size =
            key == NULL ? NULL : ktki_hash_map_find(&run->sizes, key, strlen(key));

        if (key == NULL) {
            return -1;
        }
        bytes += size == NULL ? 0 : (int64_t)*size;
    }
    return bytes;
}

static ktk_status place_partition(struct run *run, int64_t position, ktk_error *err) {
    const char *label = ktk_dataset_partition_label(run->dataset, position);
    int64_t bytes = partition_bytes(run, position);
    uint64_t *open;
    bool is_new;
    ktk_status status = KTK_OK;

    if (bytes < 0 || bytes >= run->target) {
        goto out;
    }
    KTKI_TRY(
        ktki_hash_map_insert(&run->folders, label, folder_size(label), 0, &open, &is_new, err));
    if (is_new || bin_at(run, *open)->bytes + bytes > run->target) {
        KTKI_TRY(open_bin(run, open, err));
    }
    bin_at(run, *open)->bytes += bytes;
    KTKI_TRY(ktki_buffer_append(&bin_at(run, *open)->positions, &position, sizeof(position), err));
out:
    return status;
}

static bool is_worth(const struct run *run, const struct bin *bin) {
    size_t count = bin->positions.size / sizeof(int64_t);

    return count > 1 || (count == 1 && run->options->sort_by_count > 0);
}

static ktk_status choose(struct run *run, ktk_error *err) {
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    int64_t *positions = NULL;
    size_t count = 0;
    const char *other = NULL;
    ktk_status status = KTK_OK;

    if (run->options->where != NULL) {
        KTKI_TRY(ktki_scope_check(&other, run->options->where, run->dataset, err));
    }
    if (other != NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "column '%s' of dataset '%s' is no partition key: it cannot say which partitions "
                  "to compact",
                  other, run->update->uuid);
    }
    if (ktk_dataset_table_count(run->dataset) == 0) {
        goto out;
    }
    KTKI_TRY(note_sizes(run, err));
    query.where = run->options->where;
    query.table = ktk_dataset_table(run->dataset, 0);
    KTKI_TRY(ktk_query_partitions(&positions, &count, run->dataset, &query, err));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(place_partition(run, positions[i], err));
    }
out:
    ktk_query_partitions_free(run->dataset, positions, count);
    return status;
}

/* ---- rows ---- */

static ktk_status join_batches(struct batch *out, ktk_context *context, struct schema *schema,
                               const struct batch *batches, size_t count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    const struct ArrowArray **arrays = NULL;
    struct batch joined = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*arrays), &arrays, err));
    KTKI_TRY(ktki_batch_init(&joined, schema, 0, err));
    for (size_t i = 0; i < count; i++) {
        joined.row_count += batches[i].row_count;
    }
    for (int32_t i = 0; i < schema->field_count; i++) {
        for (size_t j = 0; j < count; j++) {
            arrays[j] = &batches[j].columns[i];
        }
        KTKI_TRY(
            ktki_array_concat(&joined.columns[i], context, &schema->fields[i], arrays, count, err));
    }
    *out = joined;
    joined = (struct batch){0};
out:
    ktki_batch_clear(&joined);
    ktki_free_array(allocator, arrays, count, sizeof(*arrays));
    return status;
}

static ktk_status sort_batch(struct batch *out, const struct run *run, const struct batch *batch,
                             ktk_error *err) {
    ktk_context *context = run->update->context;
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t column_count = run->options->sort_by_count;
    size_t row_count = (size_t)batch->row_count;
    int32_t *columns = NULL;
    int64_t *rows = NULL;
    struct batch sorted = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, column_count, sizeof(*columns), &columns, err));
    KTKI_TRY(ktki_alloc_array(allocator, row_count, sizeof(*rows), &rows, err));
    for (size_t i = 0; i < column_count; i++) {
        columns[i] = ktki_schema_find(batch->schema, run->options->sort_by[i]);
    }
    KTKI_TRY(ktki_sort_rows(rows, context, batch, columns, (int32_t)column_count, err));
    KTKI_TRY(ktki_batch_init(&sorted, batch->schema, batch->row_count, err));
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        KTKI_TRY(ktki_array_take(&sorted.columns[i], context, &batch->schema->fields[i],
                                 &batch->columns[i], rows, batch->row_count, err));
    }
    *out = sorted;
    sorted = (struct batch){0};
out:
    ktki_batch_clear(&sorted);
    ktki_free_array(allocator, rows, row_count, sizeof(*rows));
    ktki_free_array(allocator, columns, column_count, sizeof(*columns));
    return status;
}

static void clear_batches(struct buffer *batches) {
    for (size_t i = 0; i < batches->size / sizeof(struct batch); i++) {
        ktki_batch_clear((struct batch *)(void *)batches->data + i);
    }
    ktki_buffer_clear(batches);
}

/* Replace a stream by one of its rows in order. */
static ktk_status sort_stream(struct ArrowArrayStream *stream, const struct run *run,
                              ktk_error *err) {
    ktk_context *context = run->update->context;
    struct ArrowArrayStream result = {.release = NULL};
    struct stream_reader reader = {0};
    struct buffer batches; /* struct batch */
    struct batch batch = {0};
    struct batch joined = {0};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&batches, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_reader_init(&reader, context, stream, err));
    for (;;) {
        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(ktki_buffer_append(&batches, &batch, sizeof(batch), err));
        batch = (struct batch){0};
    }
    KTKI_TRY(join_batches(&joined, context, reader.schema,
                          (const struct batch *)(const void *)batches.data,
                          batches.size / sizeof(batch), err));
    KTKI_TRY(sort_batch(&batch, run, &joined, err));
    KTKI_TRY(ktki_stream_of_batches(&result, context, reader.schema, &batch, 1, err));
    ktki_stream_clear(stream);
    *stream = result;
out:
    ktki_batch_clear(&joined);
    ktki_batch_clear(&batch);
    clear_batches(&batches);
    ktki_reader_clear(&reader);
    return status;
}

/* The rows of a table that lie in the partitions of a bin. */
static ktk_status open_table(struct ArrowArrayStream *out, const struct run *run,
                             const struct bin *bin, const char *table, ktk_error *err) {
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    ktk_status status = KTK_OK;

    query.table = table;
    query.partitions = (const int64_t *)(const void *)bin->positions.data;
    query.partition_count = bin->positions.size / sizeof(int64_t);
    KTKI_TRY(ktk_query_stream(out, run->dataset, &query, err));
    if (run->options->sort_by_count > 0) {
        KTKI_TRY(sort_stream(out, run, err));
    }
out:
    return status;
}

static ktk_status add_bin(struct run *run, const struct bin *bin, ktk_error *err) {
    const ktk_allocator *allocator = run->update->allocator;
    size_t count = (size_t)ktk_dataset_table_count(run->dataset);
    struct ArrowArrayStream *streams = NULL;
    ktk_table_stream *tables = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*streams), &streams, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*tables), &tables, err));
    for (size_t i = 0; i < count; i++) {
        tables[i].table = ktk_dataset_table(run->dataset, (int32_t)i);
        tables[i].stream = &streams[i];
        KTKI_TRY(open_table(&streams[i], run, bin, tables[i].table, err));
    }
    KTKI_TRY(ktk_update_add_tables(run->update, tables, count, NULL, err));
out:
    for (size_t i = 0; streams != NULL && i < count; i++) {
        ktki_stream_clear(&streams[i]);
    }
    ktki_free_array(allocator, tables, count, sizeof(*tables));
    ktki_free_array(allocator, streams, count, sizeof(*streams));
    return status;
}

static ktk_status compact_bin(struct run *run, const struct bin *bin, ktk_error *err) {
    const int64_t *positions = (const int64_t *)(const void *)bin->positions.data;
    ktk_status status = KTK_OK;

    KTKI_TRY(add_bin(run, bin, err));
    for (size_t i = 0; i < bin->positions.size / sizeof(*positions); i++) {
        KTKI_TRY(ktki_change_remove(&run->update->change,
                                    ktk_dataset_partition_label(run->dataset, positions[i]), true,
                                    err));
    }
out:
    return status;
}

/* ---- the run ---- */

static ktk_status check_options(const ktk_compact_options *options, ktk_error *err) {
    if (options->size != sizeof(*options)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "options of compaction must start as KTK_COMPACT_OPTIONS_INIT");
    }
    if (options->target_bytes < 0) {
        return ktk_error_set(err, KTK_E_INVALID, "files of %lld bytes cannot be aimed at",
                             (long long)options->target_bytes);
    }
    return KTK_OK;
}

static ktk_status check_column(const struct run *run, const char *column, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(run->dataset); i++) {
        const char *table = ktk_dataset_table(run->dataset, i);
        struct schema *schema;

        KTKI_TRY(ktki_dataset_table_schema(&schema, run->dataset, table, err));
        if (ktki_schema_find(schema, column) < 0) {
            KTKI_FAIL(err, KTK_E_NOT_FOUND,
                      "table '%s' of dataset '%s' has no column '%s' to sort by", table,
                      run->update->uuid, column);
        }
    }
out:
    return status;
}

/* Columns to sort by must be there, in all tables; those in the files are noted in them. */
static ktk_status check_sorting(struct run *run, ktk_error *err) {
    const ktk_compact_options *options = run->options;
    ktk_parquet_write_options *file = &run->update->file_options;
    size_t count = options->sort_by_count;
    ktk_status status = KTK_OK;

    if (count == 0 || ktk_dataset_table_count(run->dataset) == 0) {
        goto out;
    }
    KTKI_TRY(ktki_arena_zeroed(&run->keys, count, sizeof(*run->sorting), &run->sorting, err));
    file->sorting = run->sorting;
    file->sorting_count = 0;
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(check_column(run, options->sort_by[i], err));
        if (ktki_dataset_partition_key_find(run->dataset, options->sort_by[i]) < 0) {
            run->sorting[file->sorting_count++].path = options->sort_by[i];
        }
    }
out:
    return status;
}

static void run_init(struct run *run, const ktk_allocator *allocator) {
    ktki_hash_map_init(&run->sizes, allocator);
    ktki_hash_map_init(&run->folders, allocator);
    ktki_arena_init(&run->keys, allocator);
    ktki_buffer_init(&run->bins, allocator, 0);
}

static void run_clear(struct run *run) {
    for (size_t i = 0; i < bin_count(run); i++) {
        ktki_buffer_clear(&bin_at(run, i)->positions);
    }
    ktki_buffer_clear(&run->bins);
    ktki_hash_map_clear(&run->folders);
    ktki_hash_map_clear(&run->sizes);
    ktk_update_free(run->update);
    ktki_arena_clear(&run->keys);
}

static ktk_status run_bins(struct run *run, ktk_compact_result *result, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < bin_count(run); i++) {
        const struct bin *bin = bin_at(run, i);

        if (is_worth(run, bin)) {
            result->input_count += (int64_t)(bin->positions.size / sizeof(int64_t));
            result->input_bytes += bin->bytes;
            result->group_count++;
            KTKI_TRY(run->options->dry_run ? KTK_OK : compact_bin(run, bin, err));
        }
    }
    if (result->group_count > 0 && !run->options->dry_run) {
        KTKI_TRY(ktk_update_commit(run->update, &result->commit, err));
    }
out:
    return status;
}

ktk_status ktk_compact(ktk_compact_result *out, ktk_store *store, const char *uuid,
                       const ktk_compact_options *options, ktk_error *err) {
    static const ktk_compact_options defaults = KTK_COMPACT_OPTIONS_INIT;
    ktk_update_options update = KTK_UPDATE_OPTIONS_INIT;
    struct run run = {.options = options == NULL ? &defaults : options};
    ktk_compact_result result = {0};
    ktk_status status = KTK_OK;

    run_init(&run, ktki_context_allocator(ktk_store_context(store)));
    KTKI_TRY(check_options(run.options, err));
    run.target = run.options->target_bytes > 0 ? run.options->target_bytes : TARGET_BYTES;
    update.mode = KTK_UPDATE_UPDATE;
    update.file = run.options->file;
    update.progress = run.options->progress;
    update.progress_state = run.options->progress_state;
    KTKI_TRY(ktk_update_begin(&run.update, store, uuid, &update, err));
    run.dataset = run.update->base.dataset;
    KTKI_TRY(choose(&run, err));
    KTKI_TRY(check_sorting(&run, err));
    KTKI_TRY(run_bins(&run, &result, err));
    *out = result;
out:
    run_clear(&run);
    return status;
}
