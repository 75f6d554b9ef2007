#include "update/apply.h"

#include <assert.h>

#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"

#define VERSION 4
#define NESTING_MAX 64
#define ROOM_BYTES 4096

/* ---- metadata ---- */

static ktk_status write_raw_member(struct json_writer *json, const char *key, const char *value,
                                   size_t size, ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_raw(json, value, size, err) : status;
}

/* A text with JSON in it. */
static ktk_status write_packed_member(struct json_writer *json, const char *key,
                                      const struct buffer *value, ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_string(json, (const char *)value->data, value->size, err)
                            : status;
}

/* The time of creation comes first: one that is given, the one that was, or now. */
static ktk_status write_time(struct json_writer *json, const struct change *change,
                             const struct document *current, const struct commit_record *record,
                             ktk_error *err) {
    const ktk_allocator *allocator = change->arena.allocator;
    const char *value;
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_metadata_value(&value, &size, change->metadata, change->metadata_size,
                                 KTKI_CREATION_TIME_KEY, allocator, err));
    if (value == NULL && current != NULL) {
        KTKI_TRY(ktki_metadata_value(&value, &size, current->metadata, current->metadata_size,
                                     KTKI_CREATION_TIME_KEY, allocator, err));
    }
    if (value != NULL) {
        KTKI_TRY(write_raw_member(json, KTKI_CREATION_TIME_KEY, value, size, err));
    } else {
        KTKI_TRY(ktki_json_key(json, KTKI_CREATION_TIME_KEY, err));
        KTKI_TRY(ktki_json_text(json, record->time, err));
    }
out:
    return status;
}

/* Members of `metadata` that are the user's: those that `other` has too (or, without it, all) in
 * its version, or only those that it has not. */
static ktk_status copy_members(struct json_writer *json, const char *metadata, size_t size,
                               const char *other, size_t other_size, bool only_new,
                               const ktk_allocator *allocator, ktk_error *err) {
    struct json_reader reader;
    enum json_event event;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, allocator, 0);
    ktki_json_reader_init(&reader, allocator, metadata, size, NESTING_MAX);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        const char *value;
        const char *newer;
        size_t value_size;
        size_t newer_size;
        bool is_ours;

        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        is_ours = ktki_json_is(&reader, KTKI_CREATION_TIME_KEY) ||
                  ktki_json_is(&reader, KTKI_COMMIT_KEY) || ktki_json_is(&reader, KTKI_RECENT_KEY);
        key.size = 0;
        KTKI_TRY(ktki_buffer_append(&key, reader.text, reader.text_size, err));
        KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
        KTKI_TRY(ktki_json_skip(&reader, &value, &value_size, err));
        if (is_ours) {
            continue;
        }
        KTKI_TRY(ktki_metadata_value(&newer, &newer_size, other, other_size, (const char *)key.data,
                                     allocator, err));
        if (newer != NULL && only_new) {
            continue;
        }
        value = newer != NULL ? newer : value;
        value_size = newer != NULL ? newer_size : value_size;
        KTKI_TRY(ktki_json_key_bytes(json, (const char *)key.data, key.size - 1, err));
        KTKI_TRY(ktki_json_raw(json, value, value_size, err));
    }
out:
    ktki_json_reader_clear(&reader);
    ktki_buffer_clear(&key);
    return status;
}

static ktk_status write_metadata(struct buffer *out, const struct change *change,
                                 const struct document *current, const struct commit_record *record,
                                 ktk_error *err) {
    const ktk_allocator *allocator = change->arena.allocator;
    const char *old = current != NULL ? current->metadata : "{}";
    size_t old_size = current != NULL ? current->metadata_size : 2;
    struct buffer commit;
    struct buffer recent;
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&commit, allocator, 0);
    ktki_buffer_init(&recent, allocator, 0);
    KTKI_TRY(ktki_commit_record_write(record, &commit, err));
    KTKI_TRY(ktki_commit_recent_write(record, &recent, err));
    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(write_time(&json, change, current, record, err));
    KTKI_TRY(copy_members(&json, old, old_size, change->metadata, change->metadata_size, false,
                          allocator, err));
    KTKI_TRY(copy_members(&json, change->metadata, change->metadata_size, old, old_size, true,
                          allocator, err));
    KTKI_TRY(write_packed_member(&json, KTKI_COMMIT_KEY, &commit, err));
    KTKI_TRY(write_packed_member(&json, KTKI_RECENT_KEY, &recent, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    ktki_buffer_clear(&recent);
    ktki_buffer_clear(&commit);
    return status;
}

/* ---- partitions and indices ---- */

/* `sum` of those of `current` becomes that of the result. */
static ktk_status merge_partitions(struct document *document, uint64_t *sum,
                                   const struct change *change, const struct document *current,
                                   ktk_error *err) {
    int64_t old_count = current != NULL ? current->partition_count : 0;
    int64_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&document->arena, (size_t)(old_count + change->added_count),
                              sizeof(*document->partitions), &document->partitions, err));
    for (int64_t i = 0; i < old_count; i++) {
        if (change->removed.size == 0 ||
            !ktki_change_removes(change, current->partitions[i].label)) {
            document->partitions[count++] = current->partitions[i];
        } else {
            *sum -= ktki_partition_sum(&current->partitions[i]);
        }
    }
    for (int64_t i = 0; i < change->added_count; i++) {
        document->partitions[count++] = change->added[i];
        *sum += ktki_partition_sum(&change->added[i]);
    }
    document->has_partitions = true;
    document->partition_count = count;
out:
    return status;
}

static const struct document_index *find_index(const struct document_index *indices, int32_t count,
                                               const char *column) {
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(indices[i].column, column) == 0) {
            return &indices[i];
        }
    }
    return NULL;
}

static void add_index(struct document *document, const struct document_index *index) {
    if (index->key != NULL || index->embedded != NULL) {
        document->indices[document->index_count++] = *index;
    }
}

static ktk_status merge_indices(struct document *document, const struct change *change,
                                const struct document *current, ktk_error *err) {
    int32_t old_count = current != NULL ? current->index_count : 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&document->arena, (size_t)old_count + (size_t)change->index_count,
                              sizeof(*document->indices), &document->indices, err));
    for (int32_t i = 0; i < old_count; i++) {
        const struct document_index *old = &current->indices[i];
        const struct document_index *new =
            find_index(change->indices, change->index_count, old->column);

        add_index(document, new != NULL ? new : old);
    }
    for (int32_t i = 0; i < change->index_count; i++) {
        if (find_index(current != NULL ? current->indices : NULL, old_count,
                       change->indices[i].column) == NULL) {
            add_index(document, &change->indices[i]);
        }
    }
out:
    return status;
}

ktk_status ktki_apply(struct buffer *out, const struct change *change, const char *uuid,
                      const ktk_dataset *current, struct commit_record *record, ktk_error *err) {
    const struct document *old = current != NULL ? ktki_dataset_document(current) : NULL;
    struct document document = {
        .uuid = uuid, .version = VERSION, .has_partition_keys = true, .unknown = ""};
    struct buffer metadata;
    uint64_t sum = 0; /* of partitions: what stays is not summed again */
    ktk_status status = KTK_OK;

    ktki_arena_init(&document.arena, change->arena.allocator);
    ktki_buffer_init(&metadata, change->arena.allocator, 0);
    document.partition_key_count =
        old != NULL ? old->partition_key_count : change->partition_key_count;
    document.partition_keys = old != NULL ? old->partition_keys : change->partition_keys;
    if (old != NULL) {
        sum = ktki_dataset_sum(current) - ktki_indices_sum(old);
        document.plain_begin = old->plain_begin;
        document.plain_end = old->plain_end;
        document.unknown = old->unknown;
        document.unknown_size = old->unknown_size;
    }
    KTKI_TRY(merge_partitions(&document, &sum, change, old, err));
    KTKI_TRY(merge_indices(&document, change, old, err));
    sum += ktki_indices_sum(&document);
    assert(sum == ktki_document_sum(&document));
    ktki_hash_text(record->sum, sum);
    KTKI_TRY(write_metadata(&metadata, change, old, record, err));
    document.metadata = (const char *)metadata.data;
    document.metadata_size = metadata.size;
    /* A document that has to grow while it is written is copied over and over. */
    if (current != NULL) {
        size_t size = ktki_dataset_text_size(current);

        KTKI_TRY(ktki_buffer_reserve(out, size + size / 64 + ROOM_BYTES, err));
    }
    KTKI_TRY(ktki_document_write(&document, out, err));
out:
    ktki_buffer_clear(&metadata);
    ktki_document_clear(&document);
    return status;
}
