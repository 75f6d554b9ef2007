#include "upkeep/gc_record.h"

#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/text.h"
#include "base/uuid.h"
#include "store/backend.h"

#define RECORD_DEPTH_MAX 8

void ktki_gc_notes_init(struct gc_notes *notes, const ktk_allocator *allocator) {
    ktki_arena_init(&notes->arena, allocator);
    ktki_buffer_init(&notes->items, allocator, 0);
    ktki_hash_map_init(&notes->positions, allocator);
}

void ktki_gc_notes_clear(struct gc_notes *notes) {
    ktki_hash_map_clear(&notes->positions);
    ktki_buffer_clear(&notes->items);
    ktki_arena_clear(&notes->arena);
}

static ktk_status append_prefix(struct buffer *out, const char *uuid, ktk_error *err) {
    return ktki_buffer_append_format(out, err, "%s/_ktk/gc/", uuid);
}

/* ---- reading ---- */

/* The value of a number, -1 if it is none. */
static ktk_status read_number(struct json_reader *reader, int64_t *out, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(reader, &event, err));
    if (event != JSON_NUMBER || !ktki_parse_i64(reader->text, reader->text_size, out)) {
        *out = -1;
        KTKI_TRY(ktki_json_skip(reader, NULL, NULL, err));
    }
out:
    return status;
}

/* One `{"key": …, "since": …, "due": …}`, behind its '{'. */
static ktk_status read_note(struct gc_notes *notes, struct json_reader *reader, ktk_error *err) {
    struct gc_note note = {.since_us = -1};
    uint64_t *position;
    bool is_new;
    enum json_event event;
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(ktki_json_next(reader, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        if (ktki_json_is(reader, "key")) {
            KTKI_TRY(ktki_json_expect(reader, JSON_STRING, "a key", err));
            KTKI_TRY(
                ktki_arena_text(&notes->arena, reader->text, reader->text_size, &note.key, err));
        } else if (ktki_json_is(reader, "since")) {
            KTKI_TRY(read_number(reader, &note.since_us, err));
        } else if (ktki_json_is(reader, "due")) {
            KTKI_TRY(ktki_json_next(reader, &event, err));
            note.is_due = event == JSON_TRUE;
            KTKI_TRY(ktki_json_skip(reader, NULL, NULL, err));
        } else {
            KTKI_TRY(ktki_json_skip(reader, NULL, NULL, err));
        }
    }
    if (note.key != NULL) {
        KTKI_TRY(ktki_hash_map_insert(&notes->positions, note.key, strlen(note.key),
                                      notes->items.size / sizeof(note), &position, &is_new, err));
        if (is_new) {
            KTKI_TRY(ktki_buffer_append(&notes->items, &note, sizeof(note), err));
        }
    }
out:
    return status;
}

static ktk_status read_notes(struct gc_notes *notes, struct json_reader *reader, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(reader, JSON_ARRAY_BEGIN, "a list", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(reader, &event, err));
        if (event == JSON_ARRAY_END) {
            break;
        }
        if (event == JSON_OBJECT_BEGIN) {
            KTKI_TRY(read_note(notes, reader, err));
        } else {
            KTKI_TRY(ktki_json_skip(reader, NULL, NULL, err));
        }
    }
out:
    return status;
}

/* `*time_ms`: what the writer took for the time, -1 if it does not say. */
static ktk_status read_record(struct gc_notes *notes, int64_t *time_ms, const ktk_bytes *text,
                              ktk_error *err) {
    struct json_reader reader;
    enum json_event event;
    ktk_status status = KTK_OK;

    *time_ms = -1;
    ktki_json_reader_init(&reader, notes->arena.allocator, (const char *)text->data, text->size,
                          RECORD_DEPTH_MAX);
    KTKI_TRY(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        if (ktki_json_is(&reader, "time_ms")) {
            KTKI_TRY(read_number(&reader, time_ms, err));
        } else if (ktki_json_is(&reader, "unnamed")) {
            KTKI_TRY(read_notes(notes, &reader, err));
        } else {
            KTKI_TRY(ktki_json_skip(&reader, NULL, NULL, err));
        }
    }
out:
    ktki_json_reader_clear(&reader);
    return status;
}

static const struct key_entry *find_newest(const struct key_list *keys, const char *prefix,
                                           size_t size) {
    const struct key_entry *newest = NULL;

    for (size_t i = 0; i < ktki_key_list_count(keys); i++) {
        const struct key_entry *entry = ktki_key_list_at(keys, i);

        /* Of equal times the later name counts. */
        if (strncmp(entry->key, prefix, size) == 0 &&
            (newest == NULL || entry->modified_us >= newest->modified_us)) {
            newest = entry;
        }
    }
    return newest;
}

/* Forget what was read of something that is no record. */
static void forget(struct gc_notes *notes) {
    const ktk_allocator *allocator = notes->arena.allocator;

    ktki_gc_notes_clear(notes);
    ktki_gc_notes_init(notes, allocator);
}

ktk_status ktki_gc_notes_read(struct gc_notes *notes, ktk_store *store, const char *uuid,
                              const struct key_list *keys, ktk_error *err) {
    ktk_bytes text = KTK_BYTES_INIT;
    const struct key_entry *newest;
    struct buffer prefix;
    struct gc_note *items;
    int64_t written_us = -1;
    int64_t time_ms = -1;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, notes->arena.allocator, 0);
    KTKI_TRY(append_prefix(&prefix, uuid, err));
    newest = find_newest(keys, (const char *)prefix.data, prefix.size);
    if (newest == NULL) {
        goto out;
    }
    status = ktk_store_get(store, newest->key, &text, NULL, err);
    if (status == KTK_OK) {
        status = read_record(notes, &time_ms, &text, err);
    }
    if (status == KTK_E_NOT_FOUND || status == KTK_E_CORRUPT || status == KTK_E_LIMIT) {
        /* Nothing is lost but time: the grace begins anew. */
        forget(notes);
        status = KTK_OK;
    }
    KTKI_TRY(status);
    if (newest->modified_us < 0 && (time_ms < 0 || time_ms > INT64_MAX / 1000)) {
        forget(notes);
        goto out;
    }
    written_us = newest->modified_us >= 0 ? newest->modified_us : time_ms * 1000;
    items = (struct gc_note *)notes->items.data;
    for (size_t i = 0; i < notes->items.size / sizeof(*items); i++) {
        if (items[i].since_us < 0 || items[i].since_us > written_us) {
            items[i].since_us = written_us;
        }
    }
out:
    ktk_bytes_clear(&text);
    ktki_buffer_clear(&prefix);
    return status;
}

const struct gc_note *ktki_gc_note_find(const struct gc_notes *notes, const char *key) {
    const uint64_t *position = ktki_hash_map_find(&notes->positions, key, strlen(key));

    return position == NULL ? NULL : (const struct gc_note *)notes->items.data + *position;
}

/* ---- writing ---- */

static ktk_status append_note(struct json_writer *json, const struct gc_note *note,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_begin_object(json, err));
    KTKI_TRY(ktki_json_key(json, "key", err));
    KTKI_TRY(ktki_json_text(json, note->key, err));
    if (note->since_us >= 0) {
        KTKI_TRY(ktki_json_key(json, "since", err));
        KTKI_TRY(ktki_json_i64(json, note->since_us, err));
    }
    if (note->is_due) {
        KTKI_TRY(ktki_json_key(json, "due", err));
        KTKI_TRY(ktki_json_bool(json, true, err));
    }
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

static ktk_status append_record(struct buffer *out, const struct gc_note *notes, size_t count,
                                int64_t now_ms, int64_t grace_ms, ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(ktki_json_key(&json, "time_ms", err));
    KTKI_TRY(ktki_json_i64(&json, now_ms, err));
    KTKI_TRY(ktki_json_key(&json, "grace_ms", err));
    KTKI_TRY(ktki_json_i64(&json, grace_ms, err));
    KTKI_TRY(ktki_json_key(&json, "unnamed", err));
    KTKI_TRY(ktki_json_begin_array(&json, err));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(append_note(&json, &notes[i], err));
    }
    KTKI_TRY(ktki_json_end_array(&json, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    return status;
}

ktk_status ktki_gc_record_write(int64_t *written_us, ktk_store *store, const char *uuid,
                                const struct gc_note *notes, size_t count, int64_t now_ms,
                                int64_t grace_ms, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    char id[KTKI_UUID_TEXT_SIZE];
    ktk_store_entry entry;
    struct buffer text;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, allocator, 0);
    ktki_buffer_init(&key, allocator, 0);
    KTKI_TRY(ktki_uuid7(id, err));
    KTKI_TRY(append_prefix(&key, uuid, err));
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%015lld-%s.json", (long long)now_ms, id));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    KTKI_TRY(append_record(&text, notes, count, now_ms, grace_ms, err));
    KTKI_TRY(ktk_store_put(store, (const char *)key.data, text.data, text.size, NULL, NULL, err));
    KTKI_TRY(ktk_store_head(store, (const char *)key.data, &entry, err));
    *written_us = entry.modified_us;
out:
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&text);
    return status;
}

ktk_status ktki_gc_records_remove(ktk_store *store, const char *uuid, const struct key_list *keys,
                                  ktk_error *err) {
    struct buffer removals; /* struct removal */
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&removals, keys->arena.allocator, 0);
    ktki_buffer_init(&prefix, keys->arena.allocator, 0);
    KTKI_TRY(append_prefix(&prefix, uuid, err));
    for (size_t i = 0; i < ktki_key_list_count(keys); i++) {
        const struct removal removal = {ktki_key_list_at(keys, i)->key, false};

        if (strncmp(removal.key, (const char *)prefix.data, prefix.size) == 0) {
            KTKI_TRY(ktki_buffer_append(&removals, &removal, sizeof(removal), err));
        }
    }
    KTKI_TRY(ktki_store_remove_many(store, (struct removal *)removals.data,
                                    removals.size / sizeof(struct removal), err));
out:
    ktki_buffer_clear(&removals);
    ktki_buffer_clear(&prefix);
    return status;
}
