#include "update/commit_chain.h"

#include <stdio.h>

#include <kartothek/version.h>

#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_format.h"

ktk_status ktki_chain_key(struct buffer *out, const char *uuid, int64_t sequence, const char *id,
                          ktk_error *err) {
    ktk_status status = ktki_buffer_append_format(out, err, "%s/_ktk/v/%012lld-%s.json", uuid,
                                                  (long long)sequence, id);

    return status == KTK_OK ? ktki_buffer_append_byte(out, '\0', err) : status;
}

/* ---- looking for a commit ---- */

ktk_status ktki_chain_open(ktk_dataset **out, ktk_store *store, const char *uuid, int64_t sequence,
                           const char *id, ktk_error *err) {
    const ktk_store_version unknown = {""};
    ktk_bytes text = KTK_BYTES_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    *out = NULL;
    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    KTKI_TRY(ktki_chain_key(&key, uuid, sequence, id, err));
    status = ktk_store_get(store, (const char *)key.data, &text, NULL, err);
    if (status == KTK_OK) {
        status = ktki_dataset_of_text(out, store, &text, KTK_DOCUMENT_JSON, &unknown, err);
    }
    if (status == KTK_E_NOT_FOUND || status == KTK_E_CORRUPT || status == KTK_E_UNSUPPORTED) {
        status = KTK_OK;
    }
    if (status == KTK_OK && *out != NULL &&
        (ktki_dataset_record(*out)->sequence != sequence ||
         strcmp(ktki_dataset_record(*out)->id, id) != 0)) {
        ktk_dataset_free(*out);
        *out = NULL;
    }
out:
    ktk_bytes_clear(&text);
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktki_chain_search(enum chain_answer *out, ktk_dataset *current, const char *id,
                             const char *stop, ktk_error *err) {
    ktk_dataset *at = current != NULL ? ktk_dataset_ref(current) : NULL;
    enum chain_answer answer = CHAIN_ABSENT;
    ktk_status status = KTK_OK;

    while (at != NULL) {
        const struct commit_record *record = ktki_dataset_record(at);
        ktk_dataset *older = NULL;
        int64_t sequence;

        if (ktki_commit_recent_find(record, id) >= 0) {
            answer = CHAIN_FOUND;
            break;
        }
        if (record->recent_count < KTKI_RECENT_MAX ||
            (stop[0] != '\0' && ktki_commit_recent_find(record, stop) >= 0)) {
            break;
        }
        /* The oldest of the recent ones knows the 63 before it. */
        sequence = record->sequence - (record->recent_count - 1);
        KTKI_TRY(ktki_chain_open(&older, ktk_dataset_store(at), ktk_dataset_uuid(at), sequence,
                                 record->recent[0], err));
        if (older == NULL) {
            answer = CHAIN_BROKEN;
            break;
        }
        ktk_dataset_free(at);
        at = older;
    }
    *out = answer;
out:
    ktk_dataset_free(at);
    return status;
}

/* ---- the next commit ---- */

struct highest {
    int64_t sequence;
    size_t prefix_size;
};

static ktk_status note_version(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct highest *highest = state;
    const char *digits = entry->key + highest->prefix_size;
    const char *dash = strchr(digits, '-');
    int64_t sequence;

    (void)err;
    if (dash != NULL && ktki_parse_i64(digits, (size_t)(dash - digits), &sequence) &&
        sequence > highest->sequence) {
        highest->sequence = sequence;
    }
    return KTK_OK;
}

/* A document that says nothing may stand at the end of a chain that another program cut: numbers go
 * on from what is kept. */
static ktk_status find_highest(int64_t *out, const struct ktk_update *update, ktk_error *err) {
    struct highest highest = {0};
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, update->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s/_ktk/v/", update->uuid));
    highest.prefix_size = prefix.size;
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    KTKI_TRY(ktk_store_list(update->store, (const char *)prefix.data, note_version, &highest, err));
    *out = highest.sequence;
out:
    ktki_buffer_clear(&prefix);
    return status;
}

/* The ids of the last commits and their operations, ours behind them. */
static ktk_status append_recent(struct commit_record *out, struct arena *arena,
                                const struct commit_record *old, char letter, ktk_error *err) {
    bool has_operations = old->recent_operations != NULL && old->recent_operations[0] != '\0';
    int32_t kept = old->recent_count;
    int32_t first;
    char *operations;
    ktk_status status = KTK_OK;

    kept = kept >= KTKI_RECENT_MAX ? KTKI_RECENT_MAX - 1 : kept;
    first = old->recent_count - kept;
    KTKI_TRY(ktki_arena_zeroed(arena, KTKI_RECENT_MAX, sizeof(*out->recent), &out->recent, err));
    KTKI_TRY(ktki_arena_zeroed(arena, KTKI_RECENT_MAX + 1, 1, &operations, err));
    for (int32_t i = 0; i < kept; i++) {
        memcpy(out->recent[i], old->recent[first + i], sizeof(out->recent[i]));
        operations[i] = '?';
        if (has_operations) {
            operations[i] = old->recent_operations[first + i];
        }
    }
    memcpy(out->recent[kept], out->id, sizeof(out->id));
    operations[kept] = letter;
    out->recent_count = kept + 1;
    out->recent_operations = operations;
out:
    return status;
}

ktk_status ktki_chain_next(struct commit_record *out, struct arena *arena,
                           const struct ktk_update *update, ktk_dataset *current, ktk_error *err) {
    static const struct commit_record none = {.recent_operations = ""};
    const struct commit_record *old = current != NULL ? ktki_dataset_record(current) : &none;
    struct commit_record record = {.writer = "kartothek " KTK_VERSION_TEXT};
    enum operation operation = update->change.operation;
    int64_t sequence = old->sequence;
    char now[KTKI_TIME_TEXT_MAX];
    ktk_status status = KTK_OK;

    if (operation == OPERATION_DELETE && update->change.inputs.size > 0) {
        /* Rows that stay have come in new partitions, which another one's scope may be about. */
        operation = OPERATION_REPLACE;
    }
    memcpy(record.id, update->commit_id, sizeof(record.id));
    memcpy(record.parent, old->id, sizeof(record.parent));
    if (current != NULL && old->id[0] == '\0') {
        KTKI_TRY(find_highest(&sequence, update, err));
    }
    record.sequence = sequence + 1;
    record.follows_foreign = current != NULL && ktki_dataset_is_foreign(current);
    (void)ktki_format_now(now);
    KTKI_TRY(ktki_arena_text(arena, now, strlen(now), &record.time, err));
    record.operation = ktki_operation_text(operation);
    KTKI_TRY(append_recent(&record, arena, old, ktki_operation_letter(operation), err));
    *out = record;
out:
    return status;
}
