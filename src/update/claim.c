#include "update/claim.h"

#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "dataset/document_file.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "update/commit_chain.h"
#include "update/document_state.h"

/* So long, and so often, others see a claim undone beside one and the same document before they
 * take over from its writer. One look may be served from a copy that lags behind. */
#define PATIENCE_MS 1000
#define PATIENCE_LOOKS 3
/* A writer that acts on what it read some commits ago still meets the claims made since. */
#define CLAIMS_KEPT 8
#define ROUNDS_MAX 64
#define NO_DOCUMENT "none"

static const char *const format_names[] = {
    [KTK_DOCUMENT_JSON] = "json", [KTK_DOCUMENT_MSGPACK] = "msgpack"};

static ktk_status append_folder(struct buffer *out, const char *uuid, ktk_error *err) {
    return ktki_buffer_append_format(out, err, "%s/_ktk/claim/", uuid);
}

/* Numbers have 12 digits, so that the store lists them in order. */
static ktk_status append_key(struct buffer *out, const char *uuid, int64_t number, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(append_folder(out, uuid, err));
    KTKI_TRY(ktki_buffer_append_format(out, err, "%012lld", (long long)number));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

static void state_hash(char out[KTKI_HASH_TEXT_SIZE], const struct document_state *state) {
    if (state->exists) {
        ktki_hash_text(out, state->hash);
    } else {
        (void)snprintf(out, KTKI_HASH_TEXT_SIZE, "%s", NO_DOCUMENT);
    }
}

/* ---- the claims that there are ---- */

struct newest {
    int64_t number;
    size_t prefix_size;
};

static ktk_status note_claim(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct newest *newest = state;
    const char *digits = entry->key + newest->prefix_size;
    int64_t number;

    (void)err;
    if (ktki_parse_i64(digits, strlen(digits), &number) && number > newest->number) {
        newest->number = number;
    }
    return KTK_OK;
}

static ktk_status find_newest(int64_t *out, const struct ktk_update *update, ktk_error *err) {
    struct newest newest = {0};
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, update->allocator, 0);
    KTKI_TRY(append_folder(&prefix, update->uuid, err));
    newest.prefix_size = prefix.size;
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    KTKI_TRY(ktk_store_list(update->store, (const char *)prefix.data, note_claim, &newest, err));
    *out = newest.number;
out:
    ktki_buffer_clear(&prefix);
    return status;
}

static bool take_word(char *out, size_t size, const char **at, const char *end) {
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    size_t length = (size_t)((space == NULL ? end : space) - *at);

    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + (space != NULL);
    return true;
}

/* "<id> <sequence> <json|msgpack> <base>" */
static bool parse_claim(struct claim *out, const ktk_bytes *text) {
    const char *at = (const char *)text->data;
    const char *end = at + text->size;
    char sequence[24];
    char format[sizeof("msgpack")];

    if (text->size == 0 || !take_word(out->id, sizeof(out->id), &at, end) ||
        !take_word(sequence, sizeof(sequence), &at, end) ||
        !ktki_parse_i64(sequence, strlen(sequence), &out->sequence) ||
        !take_word(format, sizeof(format), &at, end) ||
        !take_word(out->base, sizeof(out->base), &at, end)) {
        return false;
    }
    out->format = strcmp(format, format_names[KTK_DOCUMENT_MSGPACK]) == 0 ? KTK_DOCUMENT_MSGPACK
                                                                          : KTK_DOCUMENT_JSON;
    return true;
}

/* A claim that was listed and is not there is one that the store does not show yet. */
static ktk_status read_claim(struct claim *out, const struct ktk_update *update, int64_t number,
                             ktk_error *err) {
    ktk_bytes text = KTK_BYTES_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(append_key(&key, update->uuid, number, err));
    status = ktk_store_get(update->store, (const char *)key.data, &text, NULL, err);
    if (status == KTK_E_NOT_FOUND || (status == KTK_OK && !parse_claim(out, &text))) {
        KTKI_FAIL(err, KTK_E_UNAVAILABLE,
                  "claim '%s' on dataset '%s' cannot be read; if it stays so, remove it",
                  (const char *)key.data, update->uuid);
    }
out:
    ktk_bytes_clear(&text);
    ktki_buffer_clear(&key);
    return status;
}

/* ---- doing what a claim says ---- */

/* The document that a claim names: as a snapshot, and as the bytes of its file. */
static ktk_status read_claimed(ktk_dataset **out, struct buffer *file, const struct claim *claim,
                               const struct ktk_update *update, ktk_error *err) {
    const ktk_store_version unknown = {""};
    ktk_bytes text = KTK_BYTES_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_chain_key(&key, update->uuid, claim->sequence, claim->id, err));
    status = ktk_store_get(update->store, (const char *)key.data, &text, NULL, err);
    if (status == KTK_E_NOT_FOUND) {
        KTKI_FAIL(err, KTK_E_UNAVAILABLE,
                  "'%s' is not there, which the newest claim on dataset '%s' names; if it stays "
                  "so, remove that claim",
                  (const char *)key.data, update->uuid);
    }
    KTKI_TRY(status);
    KTKI_TRY(ktki_document_pack(file, claim->format, (const char *)text.data, text.size, err));
    KTKI_TRY(ktki_dataset_of_text(out, update->store, &text, KTK_DOCUMENT_JSON, &unknown, err));
out:
    ktk_bytes_clear(&text);
    ktki_buffer_clear(&key);
    return status;
}

/* Is the document the one that the claim was made on, or one before it? Else somebody who knows of
 * no claims has put it, or the dataset is another one by now. */
static ktk_status is_due(bool *out, const struct claim *claim, ktk_dataset *claimed,
                         const struct document_state *current, ktk_error *err) {
    const struct commit_record *record;
    char hash[KTKI_HASH_TEXT_SIZE];
    enum chain_answer answer;
    ktk_status status = KTK_OK;

    state_hash(hash, current);
    *out = strcmp(hash, claim->base) == 0;
    if (*out || current->dataset == NULL) {
        goto out;
    }
    record = ktki_dataset_record(current->dataset);
    if (record->id[0] == '\0' || ktki_dataset_is_foreign(current->dataset)) {
        goto out;
    }
    KTKI_TRY(ktki_chain_search(&answer, claimed, record->id, "", err));
    *out = answer != CHAIN_ABSENT;
out:
    return status;
}

/* The schema file of a table, as the commit kept it. */
static ktk_status put_schema(const struct schema_stamp *stamp, const struct ktk_update *update,
                             ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_store_entry entry;
    struct buffer copy;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&copy, update->allocator, 0);
    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_schema_copy_key(&copy, update->uuid, stamp->table, stamp->hash, err));
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s/%s/%s", update->uuid, stamp->table,
                                       KTKI_SCHEMA_FILE));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    status = ktk_store_get(update->store, (const char *)copy.data, &bytes, NULL, err);
    if (status == KTK_E_NOT_FOUND) {
        /* Somebody may have tidied up by hand; a document without any schema is of no use. */
        status = ktk_store_head(update->store, (const char *)key.data, &entry, err);
        if (status == KTK_E_NOT_FOUND) {
            KTKI_FAIL(err, KTK_E_UNAVAILABLE, "'%s' is not there", (const char *)copy.data);
        }
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, bytes.data, bytes.size, NULL,
                           NULL, err));
out:
    ktk_bytes_clear(&bytes);
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&copy);
    return status;
}

static ktk_status put_schemas(ktk_dataset *claimed, const struct ktk_update *update,
                              ktk_error *err) {
    const struct commit_record *record = ktki_dataset_record(claimed);
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < record->schema_count && status == KTK_OK; i++) {
        status = put_schema(&record->schemas[i], update, err);
    }
    return status;
}

static ktk_status put_claimed(const struct claim *claim, const struct buffer *file,
                              const struct document_state *current, const struct ktk_update *update,
                              ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s%s", update->uuid,
                                       ktki_document_suffix(claim->format)));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    condition.must_not_exist = !current->exists;
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, file->data, file->size,
                           &condition, NULL, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

/* The writer is given some time to do it himself. */
static ktk_status await(struct claim_watch *watch, const struct document_state *current,
                        const struct ktk_update *update, ktk_error *err) {
    int64_t now_ms = ktki_clock_now_ms(update->clock);
    char hash[KTKI_HASH_TEXT_SIZE];

    if (strcmp(watch->claim.id, update->commit_id) == 0) {
        return KTK_OK;
    }
    state_hash(hash, current);
    if (strcmp(hash, watch->seen) != 0 || now_ms < watch->since_ms) {
        watch->looks = 0;
    }
    if (watch->looks == 0) {
        memcpy(watch->seen, hash, sizeof(watch->seen));
        watch->since_ms = now_ms;
    }
    watch->looks++;
    return now_ms - watch->since_ms >= PATIENCE_MS && watch->looks >= PATIENCE_LOOKS
               ? KTK_OK
               : ktk_error_set(err, KTK_E_UNAVAILABLE, "commit %s of dataset '%s' is under way",
                               watch->claim.id, update->uuid);
}

static ktk_status look_at_claims(struct claim_watch *watch, const struct ktk_update *update,
                                 ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(find_newest(&watch->newest, update, err));
    if (watch->newest != 0 && watch->newest != watch->known) {
        KTKI_TRY(read_claim(&watch->claim, update, watch->newest, err));
        watch->known = watch->newest;
        watch->looks = 0;
    }
out:
    return status;
}

/* `*is_done`: nothing is left to do. */
static ktk_status settle_once(struct claim_watch *watch, const struct document_state *current,
                              const struct ktk_update *update, bool *is_done, ktk_error *err) {
    const char *id = current->dataset == NULL ? "" : ktki_dataset_record(current->dataset)->id;
    ktk_dataset *claimed = NULL;
    struct buffer file;
    bool is_wanted;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&file, update->allocator, 0);
    KTKI_TRY(look_at_claims(watch, update, err));
    *is_done = watch->newest == 0 || strcmp(watch->claim.id, id) == 0;
    if (*is_done) {
        goto out;
    }
    KTKI_TRY(await(watch, current, update, err));
    KTKI_TRY(read_claimed(&claimed, &file, &watch->claim, update, err));
    KTKI_TRY(is_due(&is_wanted, &watch->claim, claimed, current, err));
    if (is_wanted) {
        KTKI_TRY(put_schemas(claimed, update, err));
        KTKI_TRY(put_claimed(&watch->claim, &file, current, update, err));
    }
    *is_done = !is_wanted;
out:
    ktk_dataset_free(claimed);
    ktki_buffer_clear(&file);
    return status;
}

ktk_status ktki_claim_settle(struct claim_watch *watch, struct document_state *current,
                             const struct ktk_update *update, bool needs_dataset, ktk_error *err) {
    bool is_done = false;
    ktk_status status = KTK_OK;

    /* Again after each put: a newer claim may have been made, and done, just before it. */
    for (int round = 0; round < ROUNDS_MAX; round++) {
        KTKI_TRY(settle_once(watch, current, update, &is_done, err));
        if (is_done) {
            goto out;
        }
        KTKI_TRY(ktki_document_state_renew(current, update, needs_dataset, err));
    }
    KTKI_FAIL(err, KTK_E_UNAVAILABLE, "claims on dataset '%s' in %s come faster than they are done",
              update->uuid, ktk_store_name(update->store));
out:
    return status;
}

/* ---- claiming ---- */

/* Somebody else may have committed between the look and the claim, and have removed an old claim of
 * this number since. */
static ktk_status look_again(const struct ktk_update *update, int64_t number,
                             const struct document_state *current, ktk_error *err) {
    struct document_state state = ktki_document_state_ref(current);
    int64_t newest;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_newest(&newest, update, err));
    KTKI_TRY(ktki_document_state_renew(&state, update, false, err));
    if (newest > number || !ktki_document_state_equals(&state, current)) {
        KTKI_FAIL(err, KTK_E_CONFLICT, "dataset '%s' in %s was changed by somebody else meanwhile",
                  update->uuid, ktk_store_name(update->store));
    }
out:
    ktki_document_state_clear(&state);
    return status;
}

static ktk_status put_claim(const struct claim *claim, const struct ktk_update *update,
                            int64_t number, ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer text;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, update->allocator, 0);
    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(append_key(&key, update->uuid, number, err));
    KTKI_TRY(ktki_buffer_append_format(&text, err, "%s %lld %s %s", claim->id,
                                       (long long)claim->sequence, format_names[claim->format],
                                       claim->base));
    condition.must_not_exist = true;
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, text.data, text.size, &condition,
                           NULL, err));
out:
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&text);
    return status;
}

static bool is_same(const struct claim *a, const struct claim *b) {
    return strcmp(a->id, b->id) == 0 && a->sequence == b->sequence && a->format == b->format &&
           strcmp(a->base, b->base) == 0;
}

ktk_status ktki_claim_make(int64_t *number, struct claim_watch *watch,
                           const struct ktk_update *update, int64_t sequence,
                           const struct document_state *current, ktk_error *err) {
    struct claim claim = {.sequence = sequence, .format = update->format};
    struct claim there;
    ktk_status status = KTK_OK;

    memcpy(claim.id, update->commit_id, sizeof(claim.id));
    state_hash(claim.base, current);
    *number = watch->newest + 1;
    status = put_claim(&claim, update, *number, err);
    if (status == KTK_E_EXISTS) {
        KTKI_TRY(read_claim(&there, update, *number, err));
        if (strcmp(there.id, claim.id) != 0) {
            *number = 0;
        }
        if (!is_same(&there, &claim)) {
            KTKI_FAIL(err, KTK_E_CONFLICT,
                      "dataset '%s' in %s was changed by somebody else meanwhile", update->uuid,
                      ktk_store_name(update->store));
        }
        status = KTK_OK; /* our own, of an attempt before */
    }
    KTKI_TRY(status);
    watch->newest = *number;
    watch->known = *number;
    watch->claim = claim;
    watch->looks = 0;
    KTKI_TRY(look_again(update, *number, current, err));
out:
    return status;
}

void ktki_claim_withdraw(const struct ktk_update *update, int64_t number) {
    struct claim claim;
    struct buffer key;

    ktki_buffer_init(&key, update->allocator, 0);
    if (read_claim(&claim, update, number, NULL) == KTK_OK &&
        strcmp(claim.id, update->commit_id) == 0 &&
        append_key(&key, update->uuid, number, NULL) == KTK_OK) {
        ktki_update_discard(update, (const char *)key.data);
    }
    ktki_buffer_clear(&key);
}

void ktki_claim_tidy(const struct ktk_update *update, int64_t number) {
    struct buffer key;

    ktki_buffer_init(&key, update->allocator, 0);
    if (number > CLAIMS_KEPT &&
        append_key(&key, update->uuid, number - CLAIMS_KEPT, NULL) == KTK_OK) {
        ktki_update_discard(update, (const char *)key.data);
    }
    ktki_buffer_clear(&key);
}
