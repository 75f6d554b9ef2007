#include <kartothek/update.h>

#include <stdarg.h>
#include <stdio.h>

#include <kartothek/dataset.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_write.h"
#include "base/options.h"
#include "dataset/commit_record.h"
#include "dataset/document_file.h"
#include "dataset/name.h"
#include "parquet/write_options.h"
#include "parquet/write_scratch.h"
#include "predicate/predicate.h"
#include "update/capability.h"
#include "update/commit.h"
#include "update/discard.h"
#include "update/document_state.h"
#include "update/index_follow.h"
#include "update/input.h"
#include "update/put_ahead.h"
#include "update/scope.h"
#include "update/scope_rows.h"
#include "update/update_base.h"
#include "update/update_internal.h"
#include "update/written.h"

/* Files that nobody names are safe for so long. */
#define GRACE_MS ((int64_t)72 * 3600 * 1000)

ktk_status ktki_update_text(struct ktk_update *update, const char **out, ktk_error *err,
                            const char *format, ...) {
    char *text;
    va_list args;
    int length;
    ktk_status status = KTK_OK;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        KTKI_FAIL(err, KTK_E_INTERNAL, "cannot format text");
    }
    KTKI_TRY(ktki_arena_array(&update->arena, (size_t)length + 1, 1, &text, err));
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    *out = text;
out:
    return status;
}

/* ---- begin: everything that can be checked is checked before anything is written ---- */

static ktk_status take_partition_on(struct ktk_update *update, const ktk_update_options *options,
                                    ktk_error *err) {
    size_t count = options->partition_on_count;
    ktk_status status = KTK_OK;

    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_INVALID, "%zu partition columns are too many", count);
    }
    KTKI_TRY(ktki_arena_array(&update->arena, count, sizeof(char *), &update->partition_on, err));
    for (size_t i = 0; i < count; i++) {
        const char *column = options->partition_on[i];

        if (column == NULL || column[0] == '\0') {
            KTKI_FAIL(err, KTK_E_INVALID, "a partition column must have a name");
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(column, update->partition_on[j]) == 0) {
                KTKI_FAIL(err, KTK_E_INVALID, "partition column '%s' is named twice", column);
            }
        }
        KTKI_TRY(ktki_update_text(update, &update->partition_on[i], err, "%s", column));
    }
    update->partition_on_count = (int32_t)count;
out:
    return status;
}

static ktk_status take_metadata(struct ktk_update *update, const char *metadata, ktk_error *err) {
    struct buffer normal;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&normal, update->allocator, 0);
    metadata = metadata == NULL ? "{}" : metadata;
    status =
        ktki_json_normalise(&normal, metadata, strlen(metadata), false, update->allocator, err);
    if (status == KTK_E_CORRUPT) {
        status =
            err != NULL ? ktk_error_set(err, KTK_E_INVALID, "%s", err->message) : KTK_E_INVALID;
    }
    if (status != KTK_OK) {
        ktki_error_context(err, "metadata");
        goto out;
    }
    if (normal.data[0] != '{') {
        KTKI_FAIL(err, KTK_E_INVALID, "the metadata must be a JSON map");
    }
    KTKI_TRY(ktki_arena_text(&update->arena, (const char *)normal.data, normal.size,
                             &update->change.metadata, err));
    update->change.metadata_size = normal.size;
out:
    ktki_buffer_clear(&normal);
    return status;
}

static ktk_status take_names(struct ktk_update *update, const char *uuid, const char *table,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    update->has_table = table != NULL;
    table = table == NULL ? KTKI_TABLE_DEFAULT : table;
    KTKI_TRY(ktk_uuid_check(uuid, err));
    KTKI_TRY(ktki_table_name_check(table, err));
    KTKI_TRY(ktki_update_text(update, &update->uuid, err, "%s", uuid));
    KTKI_TRY(ktki_update_text(update, &update->table, err, "%s", table));
    KTKI_TRY(ktki_update_text(update, &update->msgpack_key, err, "%s%s", uuid,
                              KTKI_DOCUMENT_SUFFIX_MSGPACK));
out:
    return status;
}

static ktk_status take_options(struct ktk_update *update, const ktk_update_options *options,
                               ktk_error *err) {
    struct write_options checked;
    ktk_status status = KTK_OK;

    if ((int)options->mode < KTK_UPDATE_CREATE || options->mode > KTK_UPDATE_CREATE_OR_UPDATE) {
        KTKI_FAIL(err, KTK_E_INVALID, "unknown update mode %d", (int)options->mode);
    }
    if ((int)options->on_conflict < KTK_ON_CONFLICT_FAIL ||
        options->on_conflict > KTK_ON_CONFLICT_FORCE) {
        KTKI_FAIL(err, KTK_E_INVALID, "unknown way to settle conflicts %d",
                  (int)options->on_conflict);
    }
    if (options->on_conflict == KTK_ON_CONFLICT_FORCE && options->mode != KTK_UPDATE_OVERWRITE) {
        KTKI_FAIL(err, KTK_E_INVALID, "only an overwrite can be forced");
    }
    if ((int)options->delete_mode < KTK_DELETE_EXACT ||
        options->delete_mode > KTK_DELETE_WHOLE_PARTITIONS) {
        KTKI_FAIL(err, KTK_E_INVALID, "unknown way to delete %d", (int)options->delete_mode);
    }
    if ((int)options->document_format < KTK_DOCUMENT_JSON ||
        options->document_format > KTK_DOCUMENT_MSGPACK) {
        KTKI_FAIL(err, KTK_E_INVALID, "unknown document format %d", (int)options->document_format);
    }
    if (options->commit_attempts_max < 0 || options->commit_time_max_ms < 0 ||
        options->grace_ms < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "limits of a commit must not be negative");
    }
    KTKI_TRY(ktki_write_options_resolve(&checked, &options->file, err));
    KTKI_TRY(take_partition_on(update, options, err));
    KTKI_TRY(take_metadata(update, options->metadata, err));
    KTKI_TRY(ktki_update_take_format(update, options->document_format, err));
    update->mode = options->mode;
    update->file_options = options->file;
    update->progress = options->progress;
    update->progress_state = options->progress_state;
    update->index_progress = options->index_progress;
    update->on_conflict = options->on_conflict;
    update->delete_mode = options->delete_mode;
    update->dry_run = options->dry_run;
    update->attempts_max = options->commit_attempts_max;
    update->time_max_ms = options->commit_time_max_ms;
    update->grace_ms = options->grace_ms > 0 ? options->grace_ms : GRACE_MS;
out:
    return status;
}

static ktk_status take_commit_id(struct ktk_update *update, const char *id, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (id == NULL) {
        KTKI_TRY(ktki_uuid7(update->commit_id, err));
    } else {
        KTKI_TRY(ktki_commit_id_check(id, err));
        memcpy(update->commit_id, id, sizeof(update->commit_id));
        update->is_repeatable = true;
    }
out:
    return status;
}

static ktk_status check_existence(struct ktk_update *update, ktk_error *err) {
    bool exists;
    ktk_status status = KTK_OK;

    switch (update->mode) {
    case KTK_UPDATE_CREATE:
        KTKI_TRY(ktk_dataset_exists(&exists, update->store, update->uuid, err));
        if (exists) {
            KTKI_FAIL(err, KTK_E_EXISTS,
                      "dataset '%s' already exists in %s and overwrite is not permitted",
                      update->uuid, ktk_store_name(update->store));
        }
        break;
    case KTK_UPDATE_OVERWRITE:
        KTKI_TRY(ktki_document_state_read(&update->base, update, false, err));
        if (update->base.exists && update->base.format == KTK_DOCUMENT_JSON) {
            KTKI_TRY(ktki_update_take_format(update, KTK_DOCUMENT_JSON, err));
        }
        break;
    case KTK_UPDATE_UPDATE:
    case KTK_UPDATE_CREATE_OR_UPDATE:
        KTKI_TRY(ktki_document_state_read(&update->base, update, true, err));
        if (!update->base.exists && update->mode == KTK_UPDATE_UPDATE) {
            KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' does not exist in %s", update->uuid,
                      ktk_store_name(update->store));
        }
        if (update->base.exists) {
            KTKI_TRY(ktki_update_check_base(update, update->base.dataset, err));
            KTKI_TRY(ktki_update_take_format(update, update->base.format, err));
        }
        break;
    }
out:
    return status;
}

ktk_status ktk_update_begin(ktk_update **out, ktk_store *store, const char *uuid,
                            const ktk_update_options *options, ktk_error *err) {
    const ktk_update_options defaults = KTK_UPDATE_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(store);
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct ktk_update *update = NULL;
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_UPDATE_OPTIONS_INIT", err);
    KTKI_TRY(KTKI_NEW(allocator, &update, err));
    update->store = ktk_store_ref(store);
    update->context = context;
    update->allocator = allocator;
    ktki_arena_init(&update->arena, allocator);
    ktki_buffer_init(&update->files, allocator, 0);
    ktki_buffer_init(&update->index_wishes, allocator, 0);
    ktki_buffer_init(&update->index_keys, allocator, 0);
    ktki_hash_map_init(&update->labels, allocator);
    ktki_buffer_init(&update->repeated, allocator, 0);
    ktki_hash_map_init(&update->base_labels, allocator);
    ktki_change_init(&update->change, allocator);
    update->operation = OPERATION_COUNT;
    KTKI_TRY(KTKI_NEW(allocator, &update->scratches, err));
    ktki_scratch_pool_init(update->scratches, allocator);
    KTKI_TRY(take_names(update, uuid, options->table, err));
    KTKI_TRY(take_options(update, options, err));
    KTKI_TRY(take_commit_id(update, options->commit_id, err));
    if (!update->dry_run) {
        KTKI_TRY(ktki_capability_check(store, uuid, err));
    }
    KTKI_TRY(check_existence(update, err));
    *out = update;
    update = NULL;
out:
    ktk_update_free(update);
    return status;
}

/* ---- what it is about ---- */

ktk_dataset *ktk_update_base(const ktk_update *update) {
    return ktki_update_replaces(update) ? NULL : update->base.dataset;
}

const char *ktk_update_commit_id(const ktk_update *update) {
    return update->commit_id;
}

/* ---- add and commit: after a failure nothing but free is possible ---- */

static ktk_status check_usable(const struct ktk_update *update, ktk_error *err) {
    if (update->fate != UPDATE_OPEN) {
        return ktk_error_set(err, KTK_E_INVALID, "the update of dataset '%s' %s; begin another one",
                             update->uuid,
                             update->fate == UPDATE_COMMITTED     ? "is committed"
                             : update->fate == UPDATE_HANDED_OVER ? "is handed over"
                                                                  : "has failed");
    }
    return KTK_OK;
}

const char *ktk_update_repeated_label(const ktk_update *update, size_t i) {
    const struct repeated_label *repeated = (const struct repeated_label *)update->repeated.data;

    return i < update->repeated.size / sizeof(*repeated) ? repeated[i].label : NULL;
}

ktk_status ktk_update_set_metadata(ktk_update *update, const char *metadata, ktk_error *err) {
    ktk_status status = check_usable(update, err);

    return status == KTK_OK ? take_metadata(update, metadata, err) : status;
}

ktk_status ktki_update_count(struct ktk_update *update, const struct written_file *file,
                             ktk_error *err) {
    update->file_count++;
    update->row_count += file->row_count;
    update->byte_count += file->size;
    if (update->progress != NULL && !update->progress(update->progress_state, update->file_count,
                                                      update->row_count, update->byte_count)) {
        return ktk_error_set(err, KTK_E_CANCELLED, "the update of dataset '%s' was cancelled",
                             update->uuid);
    }
    return KTK_OK;
}

static ktk_status check_writable(const ktk_update *update, ktk_error *err) {
    if (update->dry_run) {
        return ktk_error_set(err, KTK_E_INVALID, "the update of dataset '%s' is to write nothing",
                             update->uuid);
    }
    return KTK_OK;
}

static ktk_status add_input(ktk_update *update, const ktk_table_stream *tables, size_t count,
                            const char *label, bool has_rows, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (update->fate != UPDATE_FAILED || update->repeated.size == 0) {
        KTKI_TRY(check_usable(update, err));
    }
    KTKI_TRY(check_writable(update, err));
    status = has_rows ? ktki_input_write(update, tables, count, label, err)
                      : ktki_input_schema(update, tables, count, err);
    if (status != KTK_OK) {
        update->fate = UPDATE_FAILED;
        goto out;
    }
    update->has_input = true;
out:
    for (size_t i = 0; i < count; i++) {
        ktki_stream_clear(tables[i].stream);
    }
    return status;
}

ktk_status ktk_update_add(ktk_update *update, struct ArrowArrayStream *stream, const char *label,
                          ktk_error *err) {
    const ktk_table_stream table = {NULL, stream};

    return add_input(update, &table, 1, label, true, err);
}

ktk_status ktk_update_add_tables(ktk_update *update, const ktk_table_stream *tables, size_t count,
                                 const char *label, ktk_error *err) {
    return add_input(update, tables, count, label, true, err);
}

ktk_status ktk_update_add_schema(ktk_update *update, struct ArrowArrayStream *stream,
                                 ktk_error *err) {
    const ktk_table_stream table = {NULL, stream};

    return add_input(update, &table, 1, NULL, false, err);
}

ktk_status ktk_update_add_schemas(ktk_update *update, const ktk_table_stream *tables, size_t count,
                                  ktk_error *err) {
    return add_input(update, tables, count, NULL, false, err);
}

ktk_status ktk_update_add_nothing(ktk_update *update, ktk_error *err) {
    ktk_status status = check_usable(update, err);

    if (status == KTK_OK) {
        update->has_input = true;
    }
    return status;
}

/* ---- handing over ---- */

ktk_status ktk_update_hand_over(ktk_update *update, ktk_bytes *out, ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, update->allocator, 0);
    KTKI_TRY(check_usable(update, err));
    if (ktki_change_has_scope(&update->change) || update->change.metadata_size > 2 ||
        update->index_wishes.size > 0) {
        KTKI_FAIL(
            err, KTK_E_INVALID,
            "only added rows can be handed over; delete, set metadata and build indices where "
            "dataset '%s' is committed",
            update->uuid);
    }
    update->fate = UPDATE_FAILED;
    KTKI_TRY(ktki_put_ahead_finish(update->puts, err));
    KTKI_TRY(ktki_written_describe(&text, update, err));
    KTKI_TRY(ktk_store_sync(update->store, err));
    KTKI_TRY(ktki_buffer_move(&text, out, err));
    update->fate = UPDATE_HANDED_OVER;
out:
    ktki_buffer_clear(&text);
    return status;
}

ktk_status ktk_update_add_written(ktk_update *update, const char *description, size_t size,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(check_usable(update, err));
    KTKI_TRY(check_writable(update, err));
    update->fate = UPDATE_FAILED;
    KTKI_TRY(ktki_written_take(update, description, size, err));
    update->has_input = true;
    update->fate = UPDATE_OPEN;
out:
    return status;
}

/* ---- delete ---- */

static ktk_status check_deletable(const ktk_update *update, ktk_error *err) {
    ktk_status status = check_usable(update, err);

    if (status == KTK_OK && update->mode != KTK_UPDATE_UPDATE &&
        update->mode != KTK_UPDATE_CREATE_OR_UPDATE) {
        status = ktk_error_set(
            err, KTK_E_INVALID, "dataset '%s' is %s as a whole, there is nothing to delete from it",
            update->uuid, update->mode == KTK_UPDATE_CREATE ? "created" : "overwritten");
    }
    if (status == KTK_OK && ktki_change_has_scope(&update->change)) {
        status = ktk_error_set(
            err, KTK_E_INVALID,
            "the update of dataset '%s' deletes already; join the scopes with or", update->uuid);
    }
    return status;
}

static ktk_status resolve_scope(ktk_update *update, ktk_error *err) {
    ktk_dataset *dataset = update->base.dataset;

    return dataset == NULL ? KTK_OK : ktki_scope_resolve(update, dataset, NULL, 0, err);
}

ktk_status ktk_update_delete(ktk_update *update, const ktk_predicate *scope, ktk_error *err) {
    const char *other;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_deletable(update, err));
    if (scope == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "a scope without columns is all of dataset '%s'; to delete all, ask for that",
                  update->uuid);
    }
    if (update->base.dataset != NULL) {
        KTKI_TRY(ktki_scope_check(&other, scope, update->base.dataset, err));
        if (other != NULL && update->delete_mode == KTK_DELETE_EXACT) {
            KTKI_FAIL(
                err, KTK_E_INVALID,
                "column '%s' of dataset '%s' is no partition key: ask for rows to be deleted, "
                "which writes files anew, or for whole partitions",
                other, update->uuid);
        }
    }
    KTKI_TRY(ktki_predicate_copy(&update->change.scope, scope, err));
    update->fate = UPDATE_FAILED;
    KTKI_TRY(resolve_scope(update, err));
    update->fate = UPDATE_OPEN;
out:
    return status;
}

ktk_status ktk_update_delete_all(ktk_update *update, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(check_deletable(update, err));
    update->change.removes_all = true;
    KTKI_TRY(resolve_scope(update, err));
out:
    return status;
}

/* ---- indices ---- */

static ktk_status wish_index(ktk_update *update, const char *column, bool is_drop, ktk_error *err) {
    ktk_status status = check_usable(update, err);

    return status == KTK_OK ? ktki_index_wish(update, column, is_drop, err) : status;
}

ktk_status ktk_update_build_index(ktk_update *update, const char *column, ktk_error *err) {
    return wish_index(update, column, false, err);
}

ktk_status ktk_update_drop_index(ktk_update *update, const char *column, ktk_error *err) {
    return wish_index(update, column, true, err);
}

/* ---- commit ---- */

static enum operation operation_of(const struct ktk_update *update) {
    const struct change *change = &update->change;

    if (update->operation != OPERATION_COUNT) {
        return update->operation;
    }
    if (update->mode == KTK_UPDATE_OVERWRITE) {
        return OPERATION_OVERWRITE;
    }
    if (!update->base.exists) {
        return OPERATION_CREATE;
    }
    if (ktki_change_has_scope(change)) {
        return update->file_count > 0 ? OPERATION_REPLACE : OPERATION_DELETE;
    }
    if (change->inputs.size > 0) {
        return OPERATION_COMPACT;
    }
    if (update->file_count > 0) {
        return OPERATION_APPEND;
    }
    return update->index_wishes.size > 0 ? OPERATION_INDEX : OPERATION_METADATA;
}

ktk_status ktki_update_fill_change(struct ktk_update *update, ktk_error *err) {
    const struct written_file *written = (const struct written_file *)update->files.data;
    size_t table_count = (size_t)update->table_count;
    size_t count = ktki_update_partition_count(update);
    struct change *change = &update->change;
    struct partition_file *files;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&change->arena, count, sizeof(*change->added), &change->added, err));
    KTKI_TRY(ktki_arena_array(&change->arena, count * table_count, sizeof(*files), &files, err));
    for (size_t i = 0; i < count * table_count; i++) {
        files[i] = (struct partition_file){update->tables[i % table_count].name, written[i].key};
    }
    for (size_t i = 0; i < count; i++) {
        change->added[i] = (struct partition){written[i * table_count].label, update->table_count,
                                              &files[i * table_count]};
    }
    change->added_count = (int64_t)count;
    change->partition_keys = update->partition_on;
    change->partition_key_count = update->partition_on_count;
    change->operation = operation_of(update);
out:
    return status;
}

static ktk_status check_content(const struct ktk_update *update, ktk_error *err) {
    bool is_update = update->base.exists && !ktki_update_replaces(update);

    if (update->has_input || update->operation != OPERATION_COUNT ||
        (is_update && (ktki_change_has_scope(&update->change) || update->index_wishes.size > 0 ||
                       update->change.metadata_size > 2))) {
        return KTK_OK;
    }
    return is_update
               ? ktk_error_set(err, KTK_E_INVALID,
                               "nothing was added to, deleted from or set in dataset '%s'",
                               update->uuid)
               : ktk_error_set(err, KTK_E_INVALID,
                               "cannot store empty datasets: nothing was added to the update of "
                               "dataset '%s'",
                               update->uuid);
}

ktk_status ktk_update_commit(ktk_update *update, ktk_commit *out, ktk_error *err) {
    ktk_commit commit = {.row_count = update->row_count};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_usable(update, err));
    if (update->dry_run) {
        KTKI_FAIL(err, KTK_E_INVALID, "the update of dataset '%s' was to write nothing",
                  update->uuid);
    }
    KTKI_TRY(check_content(update, err));
    memcpy(commit.id, update->commit_id, sizeof(commit.id));
    update->fate = UPDATE_FAILED;
    if (update->table_count > 0) {
        commit.partition_count = update->file_count / update->table_count;
    }
    KTKI_TRY(ktki_put_ahead_finish(update->puts, err));
    KTKI_TRY(ktki_update_fill_change(update, err));
    KTKI_TRY(ktki_commit(update, &commit, err));
    commit.removed_count = (int64_t)(update->change.removed.size / sizeof(char *));
    commit.rewritten_count = update->rewritten_count;
    if (out != NULL) {
        *out = commit;
    }
out:
    return status;
}

void ktki_update_discard(const struct ktk_update *update, const char *key) {
    KTKI_IGNORE(ktki_put_ahead_finish(update->puts, NULL)); /* it could come after the removal */
    KTKI_IGNORE(ktk_store_remove(update->store, key, NULL));
}

/* Without memory for their list they stay, for the garbage collection. */
static void discard_written(const struct ktk_update *update) {
    const struct written_file *files = (const struct written_file *)update->files.data;
    struct buffer keys; /* const char * */
    ktk_status status = KTK_OK;

    ktki_buffer_init(&keys, update->allocator, 0);
    KTKI_TRY(ktki_buffer_append(&keys, update->index_keys.data, update->index_keys.size, NULL));
    for (size_t i = 0; i < update->files.size / sizeof(*files); i++) {
        const char *key = files[i].key;

        if (key != NULL && !files[i].is_taken) {
            KTKI_TRY(ktki_buffer_append(&keys, &key, sizeof(key), NULL));
        }
    }
    ktki_discard(update->store, (const char *const *)keys.data, keys.size / sizeof(char *));
out:
    ktki_buffer_clear(&keys);
}

void ktk_update_free(ktk_update *update) {
    struct written_file *files;
    ktk_store *store;

    if (update == NULL) {
        return;
    }
    ktki_put_ahead_free(update->puts);
    update->puts = NULL;
    if (update->fate == UPDATE_OPEN || update->fate == UPDATE_FAILED) {
        discard_written(update);
    }
    ktki_buffer_clear(&update->index_keys);
    ktki_buffer_clear(&update->index_wishes);
    files = (struct written_file *)update->files.data;
    for (size_t i = 0; i < update->files.size / sizeof(*files); i++) {
        ktki_free_text(update->allocator, files[i].key);
    }
    ktki_buffer_clear(&update->files);
    ktki_hash_map_clear(&update->labels);
    ktki_buffer_clear(&update->repeated);
    ktki_hash_map_clear(&update->base_labels);
    ktki_document_state_clear(&update->base);
    ktk_dataset_free(update->restored);
    ktki_change_clear(&update->change);
    for (int32_t i = 0; i < update->table_count; i++) {
        ktki_schema_free(update->tables[i].schema);
    }
    ktki_arena_clear(&update->arena);
    if (update->scratches != NULL) {
        ktki_scratch_pool_clear(update->scratches);
        KTKI_DELETE(update->allocator, update->scratches);
    }
    /* The store goes last: the allocator lives in its context. */
    store = update->store;
    KTKI_DELETE(update->allocator, update);
    ktk_store_free(store);
}
