#include "update/commit_document.h"

#include <kartothek/version.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/text.h"
#include "base/time_format.h"

/* ---- reading the entry of a document ---- */

/* `{"id": …, "seq": …, …}`; other members are passed over. */
static ktk_status parse_entry(struct commit_entry *out, const ktk_allocator *allocator,
                              const char *text, size_t size, ktk_error *err) {
    struct commit_entry entry = {0};
    struct json_reader reader;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, allocator, text, size, 8);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a commit entry", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        if (ktki_json_is(&reader, "id")) {
            KTKI_TRY(ktki_json_expect(&reader, JSON_STRING, "a commit id", err));
            if (reader.text_size == sizeof(entry.id) - 1) {
                memcpy(entry.id, reader.text, reader.text_size);
            }
        } else if (ktki_json_is(&reader, "seq")) {
            KTKI_TRY(ktki_json_expect(&reader, JSON_NUMBER, "a commit number", err));
            (void)ktki_parse_i64(reader.text, reader.text_size, &entry.seq);
        } else {
            KTKI_TRY(ktki_json_skip(&reader, NULL, NULL, err));
        }
    }
    *out = entry;
out:
    ktki_json_reader_clear(&reader);
    return status;
}

/* An entry that is no commit entry is not ours: the document then counts as an old writer's. */
static ktk_status find_entry(struct commit_entry *out, const ktk_allocator *allocator,
                             const struct document *document, ktk_error *err) {
    struct json_reader reader;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, allocator, document->metadata, document->metadata_size, 64);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a metadata map", err));
    for (;;) {
        bool is_ours;

        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        is_ours = ktki_json_is(&reader, KTKI_COMMIT_KEY);
        if (!is_ours) {
            KTKI_TRY(ktki_json_skip(&reader, NULL, NULL, err));
            continue;
        }
        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event == JSON_STRING &&
            parse_entry(out, allocator, reader.text, reader.text_size, NULL) == KTK_E_NO_MEMORY) {
            status = ktki_error_memory(err, reader.text_size);
        }
        break;
    }
out:
    ktki_json_reader_clear(&reader);
    return status;
}

ktk_status ktki_commit_entry_read(struct commit_entry *out, ktk_context *context, const char *text,
                                  size_t size, ktk_error *err) {
    struct commit_entry entry = {0};
    struct document document = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_document_parse(&document, context, text, size, err));
    KTKI_TRY(find_entry(&entry, ktki_context_allocator(context), &document, err));
    *out = entry;
out:
    ktki_document_clear(&document);
    return status;
}

/* ---- writing ---- */

static ktk_status write_entry(struct buffer *out, const ktk_update *update,
                              const struct commit_entry *parent, const char *now, ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(ktki_json_key(&json, "id", err));
    KTKI_TRY(ktki_json_text(&json, update->id, err));
    KTKI_TRY(ktki_json_key(&json, "parent", err));
    KTKI_TRY(ktki_json_text(&json, parent->id[0] != '\0' ? parent->id : NULL, err));
    KTKI_TRY(ktki_json_key(&json, "seq", err));
    KTKI_TRY(ktki_json_i64(&json, parent->seq < INT64_MAX ? parent->seq + 1 : 1, err));
    KTKI_TRY(ktki_json_key(&json, "time", err));
    KTKI_TRY(ktki_json_text(&json, now, err));
    KTKI_TRY(ktki_json_key(&json, "writer", err));
    KTKI_TRY(ktki_json_text(&json, "kartothek-c " KTK_VERSION_TEXT, err));
    KTKI_TRY(ktki_json_key(&json, "op", err));
    KTKI_TRY(
        ktki_json_text(&json, update->mode == KTK_UPDATE_CREATE ? "create" : "overwrite", err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    return status;
}

static bool is_reserved(const struct json_reader *reader) {
    size_t size = sizeof(KTKI_RESERVED_PREFIX) - 1;
    return reader->text_size >= size && memcmp(reader->text, KTKI_RESERVED_PREFIX, size) == 0;
}

/* The caller's entries, in their order. `*has_time`: they bring a creation time along. With `json`
 * NULL it only looks for that. */
static ktk_status copy_entries(struct json_writer *json, const ktk_update *update, bool *has_time,
                               ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(update->context);
    struct buffer key;
    struct json_reader reader;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, allocator, 0);
    ktki_json_reader_init(&reader, allocator, update->metadata, update->metadata_size, 64);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a metadata map", err));
    for (;;) {
        const char *value = NULL;
        size_t size = 0;
        bool skip;

        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        skip = is_reserved(&reader);
        *has_time = *has_time || ktki_json_is(&reader, "creation_time");
        key.size = 0;
        KTKI_TRY(ktki_buffer_append(&key, reader.text, reader.text_size, err));
        KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
        KTKI_TRY(ktki_json_skip(&reader, &value, &size, err));
        if (!skip && json != NULL) {
            KTKI_TRY(ktki_json_key(json, (const char *)key.data, err));
            KTKI_TRY(ktki_json_raw(json, value, size, err));
        }
    }
out:
    ktki_json_reader_clear(&reader);
    ktki_buffer_clear(&key);
    return status;
}

static ktk_status write_metadata(struct buffer *out, const ktk_update *update,
                                 const struct commit_entry *parent, ktk_error *err) {
    char now[KTKI_TIME_TEXT_MAX];
    struct json_writer json;
    struct buffer entry;
    bool has_time = false;
    ktk_status status = KTK_OK;

    (void)ktki_format_now(now);
    ktki_buffer_init(&entry, out->allocator, 0);
    ktki_json_writer_init(&json, out);
    KTKI_TRY(copy_entries(NULL, update, &has_time, err));
    KTKI_TRY(ktki_json_begin_object(&json, err));
    if (!has_time) {
        KTKI_TRY(ktki_json_key(&json, "creation_time", err));
        KTKI_TRY(ktki_json_text(&json, now, err));
    }
    KTKI_TRY(copy_entries(&json, update, &has_time, err));
    KTKI_TRY(write_entry(&entry, update, parent, now, err));
    KTKI_TRY(ktki_json_key(&json, KTKI_COMMIT_KEY, err));
    KTKI_TRY(ktki_json_string(&json, (const char *)entry.data, entry.size, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    ktki_buffer_clear(&entry);
    return status;
}

ktk_status ktki_commit_document(struct buffer *out, const ktk_update *update,
                                const struct commit_entry *parent, ktk_error *err) {
    struct document document = {.uuid = update->uuid, .version = 4, .unknown = ""};
    struct partition_file *files = NULL;
    struct buffer metadata;
    struct arena arena;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, out->allocator);
    ktki_buffer_init(&metadata, out->allocator, 0);
    KTKI_TRY(write_metadata(&metadata, update, parent, err));
    KTKI_TRY(ktki_arena_array(&arena, update->file_count, sizeof(*files), &files, err));
    KTKI_TRY(ktki_arena_array(&arena, update->file_count, sizeof(*document.partitions),
                              &document.partitions, err));
    for (size_t i = 0; i < update->file_count; i++) {
        files[i] = (struct partition_file){update->table, update->files[i].key};
        document.partitions[i] = (struct partition){update->files[i].label, 1, &files[i]};
    }
    document.has_partitions = true;
    document.partition_count = (int64_t)update->file_count;
    document.has_partition_keys = true;
    document.partition_key_count = update->partition_on_count;
    document.partition_keys = update->partition_on;
    document.metadata = (const char *)metadata.data;
    document.metadata_size = metadata.size;
    KTKI_TRY(ktki_document_write(&document, out, err));
out:
    ktki_buffer_clear(&metadata);
    ktki_arena_clear(&arena);
    return status;
}
