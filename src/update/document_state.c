#include "update/document_state.h"

#include <string.h>

#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/document_file.h"
#include "update/capability.h"

void ktki_document_state_clear(struct document_state *state) {
    ktk_dataset_free(state->dataset);
    *state = (struct document_state){0};
}

struct document_state ktki_document_state_ref(const struct document_state *state) {
    struct document_state copy = *state;

    copy.dataset = state->dataset != NULL ? ktk_dataset_ref(state->dataset) : NULL;
    return copy;
}

static bool is_unreadable(ktk_status status) {
    return status == KTK_E_CORRUPT || status == KTK_E_UNSUPPORTED || status == KTK_E_LIMIT ||
           status == KTK_E_INVALID;
}

ktk_status ktki_document_state_read(struct document_state *out, const struct ktk_update *update,
                                    bool needs_dataset, ktk_error *err) {
    struct document_state state = {0};
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_status status =
        ktki_document_load(&text, &state.format, &state.version, update->store, update->uuid, err);

    if (status == KTK_E_NOT_FOUND || (!needs_dataset && is_unreadable(status))) {
        /* A JSON file is read as it is: what cannot be unpacked is the other one. */
        state = (struct document_state){0};
        status = KTK_OK;
        goto done;
    }
    KTKI_TRY(status);
    state.exists = true;
    if (state.version.text[0] == '\0' || ktki_capability_claims(update->store)) {
        state.hash = ktki_hash_bytes(text.data, text.size);
    }
    status = ktki_dataset_of_text(&state.dataset, update->store, &text, state.format,
                                  &state.version, err);
    if (status != KTK_OK && (needs_dataset || !is_unreadable(status))) {
        ktki_error_context(err, "metadata '%s%s'", update->uuid,
                           ktki_document_suffix(state.format));
        goto out;
    }
    status = KTK_OK;
done:
    *out = state;
    state = (struct document_state){0};
out:
    ktki_document_state_clear(&state);
    ktk_bytes_clear(&text);
    return status;
}

/* Is it certain, without a read, that nothing has changed? */
static bool is_known(const struct document_state *state, const struct ktk_update *update) {
    ktk_store_entry entry;

    return state->exists && state->format == KTK_DOCUMENT_JSON && update->format == state->format &&
           state->version.text[0] != '\0' &&
           ktk_store_head(update->store, update->document_key, &entry, NULL) == KTK_OK &&
           strcmp(entry.version.text, state->version.text) == 0;
}

ktk_status ktki_document_state_renew(struct document_state *out, const struct ktk_update *update,
                                     bool needs_dataset, ktk_error *err) {
    struct document_state state;
    ktk_status status = KTK_OK;

    if (is_known(out, update)) {
        goto out;
    }
    KTKI_TRY(ktki_document_state_read(&state, update, needs_dataset, err));
    ktki_document_state_clear(out);
    *out = state;
out:
    return status;
}

bool ktki_document_state_equals(const struct document_state *a, const struct document_state *b) {
    if (!a->exists || !b->exists) {
        return a->exists == b->exists;
    }
    if (a->format != b->format) {
        return false;
    }
    if (a->version.text[0] != '\0' && b->version.text[0] != '\0') {
        return strcmp(a->version.text, b->version.text) == 0;
    }
    return a->hash == b->hash;
}
