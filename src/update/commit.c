#include "update/commit.h"

#include <time.h>

#include "base/error.h"
#include "update/commit_document.h"
#include "update/document_state.h"
#include "update/schema_switch.h"

/* Puts of the document before its outcome is given up as unknown, and the wait after the first. */
#define ATTEMPTS_MAX 4
#define WAIT_FIRST_MS 20

ktk_status ktki_commit_lost(const struct ktk_update *update, ktk_error *err) {
    if (update->mode == KTK_UPDATE_CREATE) {
        return ktk_error_set(err, KTK_E_EXISTS,
                             "dataset '%s' was created in %s by somebody else meanwhile",
                             update->uuid, ktk_store_name(update->store));
    }
    return ktk_error_set(err, KTK_E_CONFLICT,
                         "dataset '%s' in %s was changed by somebody else meanwhile", update->uuid,
                         ktk_store_name(update->store));
}

/* ---- the put ---- */

static ktk_status put_conditional(const struct ktk_update *update, const struct buffer *document,
                                  ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    condition.must_not_exist = !update->base.exists;
    condition.matches = update->base.exists ? &update->base.version : NULL;
    return ktk_store_put(update->store, update->document_key, document->data, document->size,
                         &condition, NULL, err);
}

/* The best that a store without conditional put allows: look before, put, look after. */
static ktk_status put_checked(const struct ktk_update *update, const struct buffer *document,
                              ktk_error *err) {
    struct document_state state;
    bool is_ours;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_document_state_read(&state, update, &is_ours, err));
    if (!is_ours && !ktki_document_state_equals(&state, &update->base)) {
        KTKI_TRY(ktki_commit_lost(update, err));
    }
    KTKI_TRY(ktk_store_put(update->store, update->document_key, document->data, document->size,
                           NULL, NULL, err));
    KTKI_TRY(ktki_document_state_read(&state, update, &is_ours, err));
    if (!is_ours) {
        KTKI_TRY(ktki_commit_lost(update, err));
    }
out:
    return status;
}

static void wait_ms(int64_t milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

/* A put has failed: what became of it? `*is_open`: nothing, so far; it may be tried again. */
static ktk_status resolve(struct ktk_update *update, ktk_status failure, bool *is_open,
                          ktk_error *err) {
    struct document_state state;
    ktk_error inner = {0};
    bool is_ours;
    ktk_status status = ktki_document_state_read(&state, update, &is_ours, &inner);

    *is_open = false;
    if (status != KTK_OK) {
        update->fate = UPDATE_UNKNOWN;
        /* Lack of memory says so itself; the caller can do something about it. */
        return failure == KTK_E_NO_MEMORY
                   ? failure
                   : ktk_error_set(err, KTK_E_UNAVAILABLE,
                                   "it is unknown whether commit %s of dataset '%s' came through: "
                                   "%s",
                                   update->commit_id, update->uuid, inner.message);
    }
    if (is_ours) {
        return KTK_OK;
    }
    if (!ktki_document_state_equals(&state, &update->base)) {
        return ktki_commit_lost(update, err);
    }
    *is_open = failure == KTK_E_UNAVAILABLE || failure == KTK_E_EXISTS || failure == KTK_E_CONFLICT;
    return failure;
}

/* Put the document until its outcome is known. Sending the same bytes under the same condition
 * again is harmless, even if an earlier copy of them arrives late. */
static ktk_status put_document(struct ktk_update *update, const struct buffer *document,
                               int32_t *attempts, ktk_error *err) {
    bool is_conditional = ktk_store_has_conditional_put(update->store);
    ktk_status status = KTK_OK;
    bool is_open = true;

    for (*attempts = 1;; (*attempts)++) {
        status = is_conditional ? put_conditional(update, document, err)
                                : put_checked(update, document, err);
        if (status == KTK_OK) {
            break;
        }
        status = resolve(update, status, &is_open, err);
        if (status == KTK_OK || !is_open) {
            break;
        }
        if (*attempts == ATTEMPTS_MAX) {
            update->fate = UPDATE_UNKNOWN;
            ktki_error_context(err, "it is unknown whether commit %s of dataset '%s' came through",
                               update->commit_id, update->uuid);
            status = status == KTK_E_UNAVAILABLE
                         ? status
                         : ktk_error_set(err, KTK_E_UNAVAILABLE, "%s",
                                         "the store answers conditional puts in contradictions");
            break;
        }
        wait_ms(WAIT_FIRST_MS << (2 * (*attempts - 1)));
    }
    return status;
}

ktk_status ktki_commit(struct ktk_update *update, int32_t *attempts, ktk_error *err) {
    struct schema_switch schema_switch = {0};
    struct buffer document;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&document, update->allocator, 0);
    update->fate = UPDATE_FAILED;
    KTKI_TRY(ktki_schema_switch_init(&schema_switch, update, err));
    KTKI_TRY(ktki_commit_document_write(update, schema_switch.hash, &document, err));
    /* Files before the document: a reader that sees the new one must find all that it names, also
     * after a power cut. */
    KTKI_TRY(ktk_store_sync(update->store, err));
    KTKI_TRY(ktki_schema_switch_put(&schema_switch, err));
    status = put_document(update, &document, attempts, err);
    if (status != KTK_OK) {
        if (update->fate == UPDATE_FAILED) {
            ktki_schema_switch_revert(&schema_switch);
        }
        goto out;
    }
    update->fate = UPDATE_COMMITTED;
    ktki_schema_switch_confirm(&schema_switch);
    if (update->mode == KTK_UPDATE_OVERWRITE) {
        /* A document in the other format is of the old state (defect D-14); ours wins anyway. */
        ktki_update_discard(update, update->msgpack_key);
    }
out:
    ktki_schema_switch_clear(&schema_switch);
    ktki_buffer_clear(&document);
    return status;
}
