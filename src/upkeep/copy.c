#include <kartothek/upkeep.h>

#include <string.h>

#include <kartothek/dataset.h>
#include <kartothek/version.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "base/pool.h"
#include "base/retry.h"
#include "base/time_format.h"
#include "base/uuid.h"
#include "dataset/document_file.h"
#include "dataset/name.h"
#include "dataset/snapshot.h"
#include "dataset/table_schema.h"
#include "store/backend.h"
#include "store/store_put.h"
#include "update/apply.h"
#include "update/capability.h"
#include "update/commit_chain.h"

#define FILES_AT_ONCE ((size_t)64)

/* One object, from key to key. */
struct transfer {
    const char *from;
    const char *to;
    int64_t size; /* -1: not yet copied */
};

struct copy {
    ktk_store *source;
    ktk_store *target;
    const char *uuid; /* of the target */
    const ktk_copy_options *options;
    const ktk_allocator *allocator;
    ktk_dataset *dataset; /* of the source */
    struct change change; /* all texts lie in its arena */
    struct commit_record record;
    struct buffer transfers; /* struct transfer */
    struct transfer *chunk;  /* of `transfers`: those that are copied at the same time */
    ktk_copy_result result;
};

/* ---- names ---- */

/* The key of the copy: the name of the dataset stands in front, and only there it is replaced
 * (defect D-31). */
static ktk_status rename_key(const char **out, struct copy *copy, const char *key, ktk_error *err) {
    const char *old = ktk_dataset_uuid(copy->dataset);
    size_t old_size = strlen(old);
    size_t new_size = strlen(copy->uuid);
    size_t rest_size = strlen(key);
    char *text;
    ktk_status status = KTK_OK;

    if (strncmp(key, old, old_size) != 0 || (key[old_size] != '/' && key[old_size] != '.')) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "dataset '%s' cannot be copied: file '%s' is not named after it", old, key);
    }
    rest_size -= old_size;
    KTKI_TRY(ktki_arena_array(&copy->change.arena, new_size + rest_size + 1, 1, &text, err));
    memcpy(text, copy->uuid, new_size);
    memcpy(text + new_size, key + old_size, rest_size + 1);
    *out = text;
out:
    return status;
}

/* Note an object that is to be copied; `*key` becomes that of the copy. */
static ktk_status add_transfer(struct copy *copy, const char **key, ktk_error *err) {
    struct transfer transfer = {.from = *key, .size = -1};
    ktk_status status = KTK_OK;

    KTKI_TRY(rename_key(&transfer.to, copy, *key, err));
    KTKI_TRY(ktki_buffer_append(&copy->transfers, &transfer, sizeof(transfer), err));
    *key = transfer.to;
out:
    return status;
}

/* ---- what the copy is ---- */

static ktk_status add_partition(struct copy *copy, const struct partition *partition,
                                ktk_error *err) {
    struct partition *added = &copy->change.added[copy->change.added_count];
    ktk_status status = KTK_OK;

    if (partition->file_count == 0) {
        goto out; /* it has no rows, and not all programs can read it (defect D-41) */
    }
    *added = *partition;
    KTKI_TRY(ktki_arena_array(&copy->change.arena, (size_t)partition->file_count,
                              sizeof(*added->files), &added->files, err));
    for (int32_t i = 0; i < partition->file_count; i++) {
        added->files[i] = partition->files[i];
        KTKI_TRY(add_transfer(copy, &added->files[i].key, err));
    }
    copy->change.added_count++;
out:
    return status;
}

static ktk_status plan(struct copy *copy, ktk_error *err) {
    const struct document *document = ktki_dataset_document(copy->dataset);
    struct change *change = &copy->change;
    ktk_status status = KTK_OK;

    change->operation = OPERATION_CREATE;
    change->metadata = document->metadata;
    change->metadata_size = document->metadata_size;
    change->partition_key_count = document->partition_key_count;
    change->partition_keys = document->partition_keys;
    KTKI_TRY(ktki_arena_array(&change->arena, (size_t)document->partition_count,
                              sizeof(*change->added), &change->added, err));
    for (int64_t i = 0; i < document->partition_count; i++) {
        KTKI_TRY(add_partition(copy, &document->partitions[i], err));
    }
    KTKI_TRY(ktki_arena_array(&change->arena, (size_t)document->index_count,
                              sizeof(*change->indices), &change->indices, err));
    for (int32_t i = 0; i < document->index_count; i++) {
        change->indices[i] = document->indices[i];
        if (change->indices[i].key != NULL) {
            KTKI_TRY(add_transfer(copy, &change->indices[i].key, err));
        }
    }
    change->index_count = document->index_count;
out:
    return status;
}

/* The copy has a history of its own, which begins here. */
static ktk_status make_record(struct copy *copy, ktk_error *err) {
    struct arena *arena = &copy->change.arena;
    struct commit_record *record = &copy->record;
    int32_t table_count = ktk_dataset_table_count(copy->dataset);
    char now[KTKI_TIME_TEXT_MAX];
    char *letters;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_uuid7(record->id, err));
    (void)ktki_format_now(now);
    KTKI_TRY(ktki_arena_text(arena, now, strlen(now), &record->time, err));
    record->sequence = 1;
    record->writer = "kartothek " KTK_VERSION_TEXT;
    record->operation = ktki_operation_text(OPERATION_CREATE);
    KTKI_TRY(ktki_arena_zeroed(arena, 1, sizeof(*record->recent), &record->recent, err));
    memcpy(record->recent[0], record->id, sizeof(record->id));
    record->recent_count = 1;
    KTKI_TRY(ktki_arena_zeroed(arena, 2, 1, &letters, err));
    letters[0] = ktki_operation_letter(OPERATION_CREATE);
    record->recent_operations = letters;
    KTKI_TRY(ktki_arena_zeroed(arena, (size_t)table_count, sizeof(*record->schemas),
                               &record->schemas, err));
out:
    return status;
}

/* ---- objects ---- */

/* By the service that both stores are in, if it does. */
static ktk_status let_copy_one(void *state, size_t item, ktk_error *err) {
    struct copy *copy = state;
    struct transfer *transfer = &copy->chunk[item];
    ktk_status status = ktki_store_copy(copy->target, transfer->to, copy->source, transfer->from,
                                        &transfer->size, err);

    return status == KTK_E_UNSUPPORTED ? KTK_OK : status;
}

static ktk_status transfer_one(void *state, size_t item, ktk_error *err) {
    struct copy *copy = state;
    struct transfer *transfer = &copy->chunk[item];
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    condition.flags = KTK_PUT_DEFER_SYNC;
    return transfer->size >= 0
               ? KTK_OK
               : ktki_store_transfer(copy->target, transfer->to, copy->source, transfer->from,
                                     &condition, &transfer->size, err);
}

static ktk_status transfer_all(struct copy *copy, ktk_error *err) {
    struct transfer *transfers = (struct transfer *)copy->transfers.data;
    size_t count = copy->transfers.size / sizeof(*transfers);
    ktk_status status = KTK_OK;

    for (size_t done = 0; done < count;) {
        size_t some = count - done < FILES_AT_ONCE ? count - done : FILES_AT_ONCE;

        copy->chunk = transfers + done;
        if (ktki_store_can_copy(copy->target, copy->source)) {
            KTKI_TRY(ktki_store_run(copy->target, some, let_copy_one, copy, err));
        }
        KTKI_TRY(ktki_pool_run(ktki_context_pool(ktk_store_context(copy->target)), some,
                               transfer_one, copy, err));
        for (size_t i = 0; i < some; i++) {
            copy->result.byte_count += transfers[done + i].size;
        }
        done += some;
        copy->result.file_count = (int64_t)done;
        if (copy->options->progress != NULL &&
            !copy->options->progress(copy->options->progress_state, (int64_t)done, (int64_t)count,
                                     copy->result.byte_count)) {
            KTKI_FAIL(err, KTK_E_CANCELLED, "the copy was cancelled");
        }
    }
out:
    return status;
}

/* The schema file of a table, also under its hash, as commits keep it. */
static ktk_status put_schema(struct copy *copy, const char *table, ktk_error *err) {
    struct schema_stamp *stamp = &copy->record.schemas[copy->record.schema_count];
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    const void *data;
    size_t size;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, copy->allocator, 0);
    condition.flags = KTK_PUT_DEFER_SYNC;
    KTKI_TRY(ktk_dataset_schema_file(copy->dataset, table, &data, &size, err));
    stamp->table = table;
    ktki_hash_text(stamp->hash, ktki_hash_bytes(data, size));
    copy->record.schema_count++;
    KTKI_TRY(ktki_schema_copy_key(&key, copy->uuid, table, stamp->hash, err));
    KTKI_TRY(
        ktk_store_put(copy->target, (const char *)key.data, data, size, &condition, NULL, err));
    key.size = 0;
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s/%s/%s", copy->uuid, table, KTKI_SCHEMA_FILE));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    KTKI_TRY(
        ktk_store_put(copy->target, (const char *)key.data, data, size, &condition, NULL, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

static ktk_status check_target(const struct copy *copy, ktk_error *err) {
    bool exists;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_exists(&exists, copy->target, copy->uuid, err));
    if (exists) {
        KTKI_FAIL(err, KTK_E_EXISTS, "dataset '%s' already exists in %s", copy->uuid,
                  ktk_store_name(copy->target));
    }
out:
    return status;
}

/* What became of a put of the document that was refused or not answered? KTK_OK: it was carried
 * out, since nobody else's bytes are these, which have the id of the commit in them. */
static ktk_status resolve_put(const struct copy *copy, const char *key, const struct buffer *file,
                              ktk_status failure, ktk_error *err) {
    ktk_error unread = {0};
    ktk_bytes there = KTK_BYTES_INIT;
    ktk_status status = ktk_store_get(copy->target, key, &there, NULL, &unread);
    bool is_ours = status == KTK_OK && there.size == file->size &&
                   memcmp(there.data, file->data, file->size) == 0;

    ktk_bytes_clear(&there);
    if (is_ours) {
        return KTK_OK;
    }
    if (status == KTK_OK) {
        return ktk_error_set(err, KTK_E_EXISTS, "'%s' exists already", key);
    }
    if (status == KTK_E_NOT_FOUND) {
        return failure;
    }
    if (status == KTK_E_NO_MEMORY) {
        return ktk_error_set(err, status, "%s", unread.message);
    }
    return ktk_error_set(err, KTK_E_UNKNOWN_OUTCOME, "it is unknown whether '%s' was written: %s",
                         key, unread.message);
}

/* Put it where nothing is. The same bytes may be sent again: a second time they change nothing. */
static ktk_status put_new(const struct copy *copy, const char *key, const struct buffer *file,
                          ktk_error *err) {
    static const struct retry_limits limits = {8, 60000, 100, 5000};
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    ktk_error failure = {0};
    enum capability_level level;
    struct retry retry;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_capability_level(&level, copy->target, copy->uuid, err));
    condition.must_not_exist = level != CAPABILITY_NONE;
    ktki_retry_init(&retry, NULL, &limits);
    do {
        retry.attempts++;
        status =
            ktk_store_put(copy->target, key, file->data, file->size, &condition, NULL, &failure);
        if (status == KTK_E_UNAVAILABLE || status == KTK_E_EXISTS) {
            status = resolve_put(copy, key, file, status, &failure);
        }
    } while (status == KTK_E_UNAVAILABLE && ktki_retry_wait(&retry, 0));
    if (status == KTK_E_UNAVAILABLE) {
        status = ktk_error_set(err, KTK_E_UNKNOWN_OUTCOME,
                               "it is unknown whether '%s' was written: %s", key, failure.message);
    } else if (status != KTK_OK && err != NULL) {
        *err = failure;
    }
out:
    return status;
}

/* The document, in the format of the source: after everything else, and only if nobody else has
 * made a dataset of that name meanwhile. */
static ktk_status put_document(struct copy *copy, ktk_error *err) {
    ktk_document_format format = ktk_dataset_document_format(copy->dataset);
    struct buffer json;
    struct buffer file;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&json, copy->allocator, 0);
    ktki_buffer_init(&file, copy->allocator, 0);
    ktki_buffer_init(&key, copy->allocator, 0);
    KTKI_TRY(ktki_apply(&json, &copy->change, copy->uuid, NULL, &copy->record, err));
    KTKI_TRY(ktki_document_pack(&file, format, (const char *)json.data, json.size, err));
    KTKI_TRY(ktki_chain_key(&key, copy->uuid, copy->record.sequence, copy->record.id, err));
    KTKI_TRY(
        ktk_store_put(copy->target, (const char *)key.data, json.data, json.size, NULL, NULL, err));
    KTKI_TRY(ktk_store_sync(copy->target, err));
    KTKI_TRY(check_target(copy, err));
    key.size = 0;
    KTKI_TRY(
        ktki_buffer_append_format(&key, err, "%s%s", copy->uuid, ktki_document_suffix(format)));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    KTKI_TRY(put_new(copy, (const char *)key.data, &file, err));
out:
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&file);
    ktki_buffer_clear(&json);
    return status;
}

static ktk_status run(struct copy *copy, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(plan(copy, err));
    KTKI_TRY(make_record(copy, err));
    KTKI_TRY(transfer_all(copy, err));
    KTKI_TRY(check_target(copy, err));
    for (int32_t i = 0; i < ktk_dataset_table_count(copy->dataset); i++) {
        KTKI_TRY(put_schema(copy, ktk_dataset_table(copy->dataset, i), err));
    }
    KTKI_TRY(put_document(copy, err));
    copy->result.partition_count = copy->change.added_count;
    memcpy(copy->result.id, copy->record.id, sizeof(copy->result.id));
out:
    return status;
}

ktk_status ktk_dataset_copy(ktk_store *target, const char *target_uuid, ktk_dataset *source,
                            const ktk_copy_options *options, ktk_copy_result *out, ktk_error *err) {
    static const ktk_copy_options defaults = KTK_COPY_OPTIONS_INIT;
    struct copy copy = {.source = ktk_dataset_store(source),
                        .target = target,
                        .uuid = target_uuid,
                        .dataset = source};
    ktk_status status = KTK_OK;

    copy.allocator = ktki_context_allocator(ktk_store_context(target));
    ktki_change_init(&copy.change, copy.allocator);
    ktki_buffer_init(&copy.transfers, copy.allocator, 0);
    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_COPY_OPTIONS_INIT", err);
    copy.options = options;
    KTKI_TRY(ktk_uuid_check(target_uuid, err));
    KTKI_TRY(check_target(&copy, err));
    KTKI_TRY(run(&copy, err));
    *out = copy.result;
out:
    ktki_buffer_clear(&copy.transfers);
    ktki_change_clear(&copy.change);
    return status;
}
