#include "update/document_state.h"

#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "base/json_read.h"
#include "base/text.h"

#define COMMIT_NESTING_MAX 8
#define METADATA_NESTING_MAX 64

/* Walk to the value of a member of the map that is about to begin. False: there is none, or the
 * text is no such map. */
static bool find_member(struct json_reader *json, const char *key) {
    enum json_event event;

    if (ktki_json_expect(json, JSON_OBJECT_BEGIN, "a map", NULL) != KTK_OK) {
        return false;
    }
    while (ktki_json_next(json, &event, NULL) == KTK_OK && event == JSON_KEY) {
        if (ktki_json_is(json, key)) {
            return true;
        }
        if (ktki_json_skip(json, NULL, NULL, NULL) != KTK_OK) {
            return false;
        }
    }
    return false;
}

/* A text member of a map, if it has just the length that is asked for. */
static void copy_member(const ktk_allocator *allocator, const char *text, size_t size,
                        const char *key, char *out, size_t out_size) {
    struct json_reader json;
    enum json_event event;

    ktki_json_reader_init(&json, allocator, text, size, COMMIT_NESTING_MAX);
    if (find_member(&json, key) && ktki_json_next(&json, &event, NULL) == KTK_OK &&
        event == JSON_STRING && json.text_size == out_size - 1) {
        memcpy(out, json.text, json.text_size);
        out[json.text_size] = '\0';
    }
    ktki_json_reader_clear(&json);
}

static void parse_commit(struct document_state *state, const ktk_allocator *allocator,
                         const char *text, size_t size) {
    struct json_reader json;
    enum json_event event;

    copy_member(allocator, text, size, "id", state->commit_id, sizeof(state->commit_id));
    copy_member(allocator, text, size, "schema_xxh3", state->schema_hash,
                sizeof(state->schema_hash));
    ktki_json_reader_init(&json, allocator, text, size, COMMIT_NESTING_MAX);
    if (find_member(&json, "seq") && ktki_json_next(&json, &event, NULL) == KTK_OK &&
        event == JSON_NUMBER) {
        (void)ktki_parse_i64(json.text, json.text_size, &state->sequence);
    }
    ktki_json_reader_clear(&json);
}

/* metadata["ktk.commit"], as far as there is one: a document of the originals has none, and one
 * that is about to be overwritten need not even be readable. */
static void find_commit(struct document_state *state, const ktk_allocator *allocator,
                        const ktk_bytes *document) {
    struct json_reader json;
    enum json_event event;

    ktki_json_reader_init(&json, allocator, (const char *)document->data, document->size,
                          METADATA_NESTING_MAX);
    if (find_member(&json, "metadata") && find_member(&json, "ktk.commit") &&
        ktki_json_next(&json, &event, NULL) == KTK_OK && event == JSON_STRING) {
        parse_commit(state, allocator, json.text, json.text_size);
    }
    ktki_json_reader_clear(&json);
}

ktk_status ktki_document_state_read(struct document_state *out, const struct ktk_update *update,
                                    bool *is_ours, ktk_error *err) {
    struct document_state state = {0};
    ktk_bytes document = KTK_BYTES_INIT;
    bool found = false;
    ktk_status status =
        ktk_store_get(update->store, update->document_key, &document, &state.version, err);

    state.exists = status == KTK_OK;
    KTKI_TRY(status == KTK_E_NOT_FOUND ? KTK_OK : status);
    if (document.size > 0) {
        state.hash = ktki_hash_bytes(document.data, document.size);
        find_commit(&state, update->allocator, &document);
        /* Nobody else ever writes our id, so that wherever it stands our commit came through. */
        found = memmem(document.data, document.size, update->commit_id,
                       sizeof(update->commit_id) - 1) != NULL;
    }
    *out = state;
    if (is_ours != NULL) {
        *is_ours = found;
    }
out:
    ktk_bytes_clear(&document);
    return status;
}

bool ktki_document_state_equals(const struct document_state *a, const struct document_state *b) {
    if (!a->exists || !b->exists) {
        return a->exists == b->exists;
    }
    if (a->version.text[0] != '\0' && b->version.text[0] != '\0') {
        return strcmp(a->version.text, b->version.text) == 0;
    }
    return a->hash == b->hash;
}
