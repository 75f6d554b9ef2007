#include "dataset/commit_record.h"

#include <stdio.h>

#include "base/error.h"
#include "base/hash_map.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/text.h"

#define NESTING_MAX 64

/* ---- reading: a failure that is not lack of memory means that nothing more can be read ---- */

struct record_reader {
    struct json_reader json;
    bool lacks_memory; /* what seems to be malformed need not be */
};

static bool next_is(struct record_reader *reader, enum json_event wanted) {
    enum json_event event;
    ktk_status status = ktki_json_next(&reader->json, &event, NULL);

    reader->lacks_memory = reader->lacks_memory || status == KTK_E_NO_MEMORY;
    return status == KTK_OK && event == wanted;
}

/* Walk a map: true while there is another key. */
static bool next_key(struct record_reader *reader) {
    return next_is(reader, JSON_KEY);
}

static void pass_over(struct record_reader *reader) {
    ktk_status status = ktki_json_skip(&reader->json, NULL, NULL, NULL);

    reader->lacks_memory = reader->lacks_memory || status == KTK_E_NO_MEMORY;
}

static ktk_status finish(struct record_reader *reader, ktk_status status, ktk_error *err) {
    if (status == KTK_OK && reader->lacks_memory) {
        status = ktk_error_set(err, KTK_E_NO_MEMORY, "no memory to read the record of a commit");
    }
    ktki_json_reader_clear(&reader->json);
    return status;
}

/* A text of just the length that is asked for, else nothing. */
static void take_fixed(struct record_reader *reader, char *out, size_t out_size) {
    if (next_is(reader, JSON_STRING) && reader->json.text_size == out_size - 1) {
        memcpy(out, reader->json.text, reader->json.text_size);
        out[reader->json.text_size] = '\0';
    }
}

static ktk_status take_text(struct record_reader *reader, struct arena *arena, const char **out,
                            ktk_error *err) {
    if (!next_is(reader, JSON_STRING) ||
        memchr(reader->json.text, 0, reader->json.text_size) != NULL) {
        return KTK_OK;
    }
    return ktki_arena_text(arena, reader->json.text, reader->json.text_size, out, err);
}

/* `{table: hash, …}` */
static ktk_status take_stamps(struct commit_record *record, struct record_reader *reader,
                              struct arena *arena, ktk_error *err) {
    struct buffer stamps;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&stamps, arena->allocator, 0);
    if (!next_is(reader, JSON_OBJECT_BEGIN)) {
        goto out;
    }
    while (next_key(reader)) {
        struct schema_stamp stamp = {0};

        KTKI_TRY(
            ktki_arena_text(arena, reader->json.text, reader->json.text_size, &stamp.table, err));
        take_fixed(reader, stamp.hash, sizeof(stamp.hash));
        KTKI_TRY(ktki_buffer_append(&stamps, &stamp, sizeof(stamp), err));
    }
    record->schema_count = (int32_t)(stamps.size / sizeof(struct schema_stamp));
    KTKI_TRY(ktki_arena_array(arena, stamps.size + 1, 1, &record->schemas, err));
    if (stamps.size > 0) {
        memcpy(record->schemas, stamps.data, stamps.size);
    }
out:
    ktki_buffer_clear(&stamps);
    return status;
}

/* `{table: file, …}`, behind the hashes: what has none is nothing. */
static ktk_status take_files(struct commit_record *record, struct record_reader *reader,
                             struct arena *arena, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (!next_is(reader, JSON_OBJECT_BEGIN)) {
        goto out;
    }
    while (next_key(reader)) {
        struct schema_stamp *stamp = NULL;

        for (int32_t i = 0; i < record->schema_count && stamp == NULL; i++) {
            stamp =
                ktki_json_is(&reader->json, record->schemas[i].table) ? &record->schemas[i] : NULL;
        }
        if (stamp != NULL) {
            KTKI_TRY(take_text(reader, arena, &stamp->file, err));
        } else {
            pass_over(reader);
        }
    }
out:
    return status;
}

static ktk_status take_member(struct commit_record *record, struct record_reader *reader,
                              struct arena *arena, ktk_error *err) {
    if (ktki_json_is(&reader->json, "id")) {
        take_fixed(reader, record->id, sizeof(record->id));
    } else if (ktki_json_is(&reader->json, "parent")) {
        take_fixed(reader, record->parent, sizeof(record->parent));
    } else if (ktki_json_is(&reader->json, "sum")) {
        take_fixed(reader, record->sum, sizeof(record->sum));
    } else if (ktki_json_is(&reader->json, "seq")) {
        if (next_is(reader, JSON_NUMBER)) {
            (void)ktki_parse_i64(reader->json.text, reader->json.text_size, &record->sequence);
        }
    } else if (ktki_json_is(&reader->json, "time")) {
        return take_text(reader, arena, &record->time, err);
    } else if (ktki_json_is(&reader->json, "writer")) {
        return take_text(reader, arena, &record->writer, err);
    } else if (ktki_json_is(&reader->json, "op")) {
        return take_text(reader, arena, &record->operation, err);
    } else if (ktki_json_is(&reader->json, "ops")) {
        return take_text(reader, arena, &record->recent_operations, err);
    } else if (ktki_json_is(&reader->json, "foreign")) {
        record->follows_foreign = next_is(reader, JSON_TRUE);
    } else if (ktki_json_is(&reader->json, "schema")) {
        return take_stamps(record, reader, arena, err);
    } else if (ktki_json_is(&reader->json, "files")) {
        return take_files(record, reader, arena, err);
    } else {
        pass_over(reader);
    }
    return KTK_OK;
}

static ktk_status parse_commit(struct commit_record *record, struct arena *arena, const char *text,
                               size_t size, ktk_error *err) {
    struct record_reader reader = {.lacks_memory = false};
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader.json, arena->allocator, text, size, NESTING_MAX);
    if (next_is(&reader, JSON_OBJECT_BEGIN)) {
        while (next_key(&reader)) {
            KTKI_TRY(take_member(record, &reader, arena, err));
        }
    }
out:
    return finish(&reader, status, err);
}

static ktk_status parse_recent(struct commit_record *record, struct arena *arena, const char *text,
                               size_t size, ktk_error *err) {
    struct record_reader reader = {.lacks_memory = false};
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader.json, arena->allocator, text, size, NESTING_MAX);
    KTKI_TRY(
        ktki_arena_zeroed(arena, KTKI_RECENT_MAX, sizeof(*record->recent), &record->recent, err));
    if (next_is(&reader, JSON_ARRAY_BEGIN)) {
        while (record->recent_count < KTKI_RECENT_MAX && next_is(&reader, JSON_STRING) &&
               reader.json.text_size == KTKI_UUID_TEXT_SIZE - 1) {
            memcpy(record->recent[record->recent_count++], reader.json.text, reader.json.text_size);
        }
    }
out:
    return finish(&reader, status, err);
}

ktk_status ktki_commit_record_parse(struct commit_record *out, struct arena *arena,
                                    const char *metadata, size_t size, ktk_error *err) {
    struct commit_record record = {0};
    struct record_reader reader = {.lacks_memory = false};
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader.json, arena->allocator, metadata, size, NESTING_MAX);
    if (!next_is(&reader, JSON_OBJECT_BEGIN)) {
        goto out;
    }
    while (next_key(&reader)) {
        bool is_commit = ktki_json_is(&reader.json, KTKI_COMMIT_KEY);

        if (!is_commit && !ktki_json_is(&reader.json, KTKI_RECENT_KEY)) {
            pass_over(&reader);
        } else if (next_is(&reader, JSON_STRING)) {
            KTKI_TRY(
                is_commit
                    ? parse_commit(&record, arena, reader.json.text, reader.json.text_size, err)
                    : parse_recent(&record, arena, reader.json.text, reader.json.text_size, err));
        }
    }
    if (record.recent_operations == NULL ||
        strlen(record.recent_operations) != (size_t)record.recent_count) {
        record.recent_operations = "";
    }
out:
    status = finish(&reader, status, err);
    if (status == KTK_OK) {
        *out = record;
    }
    return status;
}

/* ---- writing ---- */

static ktk_status write_text_member(struct json_writer *json, const char *key, const char *text,
                                    ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_text(json, text, err) : status;
}

static ktk_status write_files(struct json_writer *json, const struct commit_record *record,
                              ktk_error *err) {
    bool is_begun = false;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < record->schema_count; i++) {
        const struct schema_stamp *stamp = &record->schemas[i];

        if (stamp->file == NULL) {
            continue;
        }
        if (!is_begun) {
            KTKI_TRY(ktki_json_key(json, "files", err));
            KTKI_TRY(ktki_json_begin_object(json, err));
            is_begun = true;
        }
        KTKI_TRY(write_text_member(json, stamp->table, stamp->file, err));
    }
    KTKI_TRY(is_begun ? ktki_json_end_object(json, err) : KTK_OK);
out:
    return status;
}

ktk_status ktki_commit_record_write(const struct commit_record *record, struct buffer *out,
                                    ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(write_text_member(&json, "id", record->id, err));
    KTKI_TRY(
        write_text_member(&json, "parent", record->parent[0] != '\0' ? record->parent : NULL, err));
    KTKI_TRY(ktki_json_key(&json, "seq", err));
    KTKI_TRY(ktki_json_i64(&json, record->sequence, err));
    KTKI_TRY(write_text_member(&json, "time", record->time, err));
    KTKI_TRY(write_text_member(&json, "writer", record->writer, err));
    KTKI_TRY(write_text_member(&json, "op", record->operation, err));
    KTKI_TRY(write_text_member(&json, "ops", record->recent_operations, err));
    KTKI_TRY(write_text_member(&json, "sum", record->sum, err));
    if (record->follows_foreign) {
        KTKI_TRY(ktki_json_key(&json, "foreign", err));
        KTKI_TRY(ktki_json_bool(&json, true, err));
    }
    KTKI_TRY(ktki_json_key(&json, "schema", err));
    KTKI_TRY(ktki_json_begin_object(&json, err));
    for (int32_t i = 0; i < record->schema_count; i++) {
        KTKI_TRY(write_text_member(&json, record->schemas[i].table, record->schemas[i].hash, err));
    }
    KTKI_TRY(ktki_json_end_object(&json, err));
    KTKI_TRY(write_files(&json, record, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    return status;
}

ktk_status ktki_commit_recent_write(const struct commit_record *record, struct buffer *out,
                                    ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_array(&json, err));
    for (int32_t i = 0; i < record->recent_count; i++) {
        KTKI_TRY(ktki_json_text(&json, record->recent[i], err));
    }
    KTKI_TRY(ktki_json_end_array(&json, err));
out:
    return status;
}

/* ---- looking at it ---- */

ktk_status ktki_metadata_value(const char **out, size_t *out_size, const char *metadata,
                               size_t size, const char *key, const ktk_allocator *allocator,
                               ktk_error *err) {
    struct json_reader json;
    enum json_event event;
    const char *value = NULL;
    size_t value_size = 0;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&json, allocator, metadata, size, NESTING_MAX);
    KTKI_TRY(ktki_json_expect(&json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        bool is_it;

        KTKI_TRY(ktki_json_next(&json, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        is_it = ktki_json_is(&json, key);
        KTKI_TRY(ktki_json_skip(&json, is_it ? &value : NULL, is_it ? &value_size : NULL, err));
    }
    *out = value;
    *out_size = value_size;
out:
    ktki_json_reader_clear(&json);
    return status;
}

ktk_status ktki_commit_id_check(const char *id, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (id == NULL || strlen(id) != KTKI_UUID_TEXT_SIZE - 1 ||
        strspn(id, "0123456789abcdef") != KTKI_UUID_TEXT_SIZE - 1) {
        KTKI_FAIL(err, KTK_E_INVALID, "'%s' is no commit id, which has 32 hexadecimal digits",
                  id == NULL ? "" : id);
    }
out:
    return status;
}

int32_t ktki_commit_recent_find(const struct commit_record *record, const char *id) {
    for (int32_t i = 0; i < record->recent_count; i++) {
        if (strcmp(record->recent[i], id) == 0) {
            return i;
        }
    }
    return -1;
}

const struct schema_stamp *ktki_commit_stamp(const struct commit_record *record,
                                             const char *table) {
    for (int32_t i = 0; i < record->schema_count; i++) {
        if (strcmp(record->schemas[i].table, table) == 0) {
            return &record->schemas[i];
        }
    }
    return NULL;
}

/* Two hashes as one; which is which counts. */
static uint64_t mix(uint64_t first, uint64_t second) {
    return (first ^ (second << 31 | second >> 33)) * 0x9E3779B97F4A7C15u;
}

static uint64_t hash_text(const char *text) {
    return ktki_hash_bytes(text, strlen(text));
}

uint64_t ktki_partition_sum(const struct partition *partition) {
    uint64_t label = hash_text(partition->label);
    uint64_t sum = 1 + label;

    for (int32_t i = 0; i < partition->file_count; i++) {
        sum += mix(label, hash_text(partition->files[i].key));
    }
    return sum;
}

uint64_t ktki_indices_sum(const struct document *document) {
    uint64_t sum = 0;

    for (int32_t i = 0; i < document->index_count; i++) {
        const struct document_index *index = &document->indices[i];

        sum += mix(hash_text(index->column), index->key != NULL ? hash_text(index->key) : 1);
    }
    return sum;
}

uint64_t ktki_document_sum(const struct document *document) {
    uint64_t sum = ktki_indices_sum(document);

    for (int64_t i = 0; i < document->partition_count; i++) {
        sum += ktki_partition_sum(&document->partitions[i]);
    }
    return sum;
}

void ktki_hash_text(char out[KTKI_HASH_TEXT_SIZE], uint64_t hash) {
    (void)snprintf(out, KTKI_HASH_TEXT_SIZE, "%016llx", (unsigned long long)hash);
}
