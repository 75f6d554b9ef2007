#include "update/commit_document.h"

#include <stdio.h>

#include <kartothek/version.h>

#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/time_format.h"
#include "dataset/document.h"

#define VERSION 4
#define NESTING_MAX 64

static const char commit_key[] = "ktk.commit";
static const char recent_key[] = "ktk.recent";
static const char time_key[] = "creation_time";

static ktk_status write_text_member(struct json_writer *json, const char *key, const char *text,
                                    ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_text(json, text, err) : status;
}

/* Text of metadata["ktk.commit"]. */
static ktk_status write_commit(const struct ktk_update *update, const char *now,
                               const char *schema_hash, struct buffer *out, ktk_error *err) {
    const char *parent = update->base.commit_id;
    const char *op = update->mode == KTK_UPDATE_CREATE ? "create" : "overwrite";
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(write_text_member(&json, "id", update->commit_id, err));
    KTKI_TRY(write_text_member(&json, "parent", parent[0] != '\0' ? parent : NULL, err));
    KTKI_TRY(ktki_json_key(&json, "seq", err));
    KTKI_TRY(ktki_json_i64(&json, update->base.sequence + 1, err));
    KTKI_TRY(write_text_member(&json, "time", now, err));
    KTKI_TRY(write_text_member(&json, "writer", "kartothek " KTK_VERSION_TEXT, err));
    KTKI_TRY(write_text_member(&json, "op", op, err));
    if (schema_hash[0] != '\0') {
        KTKI_TRY(write_text_member(&json, "schema_xxh3", schema_hash, err));
    }
    KTKI_TRY(ktki_json_end_object(&json, err));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

/* The time of creation comes first. One that the user gives takes the place of the real one. */
static ktk_status write_time(struct json_writer *json, const struct ktk_update *update,
                             const char *now, ktk_error *err) {
    struct json_reader reader;
    enum json_event event;
    const char *raw = NULL;
    size_t size = 0;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, update->allocator, update->metadata, update->metadata_size,
                          NESTING_MAX);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        bool is_time;

        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        is_time = ktki_json_is(&reader, time_key);
        KTKI_TRY(ktki_json_skip(&reader, is_time ? &raw : NULL, is_time ? &size : NULL, err));
    }
    KTKI_TRY(ktki_json_key(json, time_key, err));
    KTKI_TRY(raw != NULL ? ktki_json_raw(json, raw, size, err) : ktki_json_text(json, now, err));
out:
    ktki_json_reader_clear(&reader);
    return status;
}

/* The user's metadata, without what is ours to write. */
static ktk_status copy_members(struct json_writer *json, const struct ktk_update *update,
                               ktk_error *err) {
    struct json_reader reader;
    enum json_event event;
    const char *raw;
    size_t size;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, update->allocator, update->metadata, update->metadata_size,
                          NESTING_MAX);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        bool is_copied;

        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        is_copied = !ktki_json_is(&reader, time_key) && !ktki_json_is(&reader, commit_key) &&
                    !ktki_json_is(&reader, recent_key);
        if (is_copied) {
            KTKI_TRY(ktki_json_key_bytes(json, reader.text, reader.text_size, err));
        }
        KTKI_TRY(ktki_json_skip(&reader, &raw, &size, err));
        if (is_copied) {
            KTKI_TRY(ktki_json_raw(json, raw, size, err));
        }
    }
out:
    ktki_json_reader_clear(&reader);
    return status;
}

static ktk_status write_metadata(const struct ktk_update *update, const char *schema_hash,
                                 struct buffer *out, ktk_error *err) {
    char now[KTKI_TIME_TEXT_MAX];
    char recent[KTKI_UUID_TEXT_SIZE + 4];
    struct buffer commit;
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&commit, update->allocator, 0);
    (void)ktki_format_now(now);
    KTKI_TRY(write_commit(update, now, schema_hash, &commit, err));
    (void)snprintf(recent, sizeof(recent), "[\"%s\"]", update->commit_id);
    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(write_time(&json, update, now, err));
    KTKI_TRY(copy_members(&json, update, err));
    KTKI_TRY(write_text_member(&json, commit_key, (const char *)commit.data, err));
    KTKI_TRY(write_text_member(&json, recent_key, recent, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    ktki_buffer_clear(&commit);
    return status;
}

static ktk_status fill_partitions(const struct ktk_update *update, struct document *document,
                                  ktk_error *err) {
    const struct written_file *written = (const struct written_file *)update->files.data;
    size_t count = update->files.size / sizeof(*written);
    struct partition_file *files;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&document->arena, count, sizeof(*document->partitions),
                              &document->partitions, err));
    KTKI_TRY(ktki_arena_array(&document->arena, count, sizeof(*files), &files, err));
    for (size_t i = 0; i < count; i++) {
        files[i] = (struct partition_file){update->table, written[i].key};
        document->partitions[i] = (struct partition){written[i].label, 1, &files[i]};
    }
    document->has_partitions = true;
    document->partition_count = (int64_t)count;
out:
    return status;
}

ktk_status ktki_commit_document_write(const struct ktk_update *update, const char *schema_hash,
                                      struct buffer *out, ktk_error *err) {
    struct document document = {.uuid = update->uuid,
                                .version = VERSION,
                                .has_partition_keys = true,
                                .partition_key_count = update->partition_on_count,
                                .partition_keys = update->partition_on,
                                .unknown = ""};
    struct buffer metadata;
    ktk_status status = KTK_OK;

    ktki_arena_init(&document.arena, update->allocator);
    ktki_buffer_init(&metadata, update->allocator, 0);
    KTKI_TRY(write_metadata(update, schema_hash, &metadata, err));
    document.metadata = (const char *)metadata.data;
    document.metadata_size = metadata.size;
    KTKI_TRY(fill_partitions(update, &document, err));
    KTKI_TRY(ktki_document_write(&document, out, err));
out:
    ktki_buffer_clear(&metadata);
    ktki_document_clear(&document);
    return status;
}
