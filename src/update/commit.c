#include "update/commit.h"

#include "base/context.h"
#include "base/error.h"
#include "dataset/document_file.h"
#include "dataset/schema_pack.h"
#include "store/backend.h"
#include "update/apply.h"
#include "update/capability.h"
#include "update/claim.h"
#include "update/commit_chain.h"
#include "update/conflict.h"
#include "update/document_diff.h"
#include "update/document_state.h"
#include "update/index_follow.h"
#include "update/schema_switch.h"
#include "update/scope_rows.h"
#include "update/update_base.h"

/* reliability.md 1.6 A: what a commit tries, unless the caller says otherwise. */
#define ATTEMPTS_MAX 32
#define TIME_MAX_MS 120000
#define WAIT_FIRST_MS 50
#define WAIT_MAX_MS 5000

#define SETTLE_WAIT_MS 50
#define SETTLE_MAX_MS 2000

struct commit {
    struct ktk_update *update;
    ktk_commit *result;
    struct retry retry;
    struct document_state current; /* what was looked at last */
    struct document_state sent;    /* what the last put of the document was to replace */
    bool is_sent;                  /* there was such a put */
    bool is_pending;               /* it was not answered with success: it may come through */
    bool is_refused;               /* it was to replace a document, and answered that it cannot */
    bool is_rebased;               /* the document has changed since the update began */
    bool meets_foreign;            /* other programs write here, which take no care of us */
    bool is_raced;                 /* one of them did so since the update began */
    ktk_store_version written;     /* of the document that the last put left; empty: not known */
    bool is_locked;                /* the lock that the caller gave us is held */
    const char *turn_folder;       /* where committers to the dataset take turns */
    int turn;                      /* -1: it is not ours */
    struct buffer sequences;       /* int64_t: under which our document was kept */
    int64_t landed;                /* the one that came through; 0: not known */
    struct claim_watch watch;      /* where commits go by claims */
    int64_t claimed;               /* number of the claim that may be ours; 0: there is none */

    /* Of the attempt at hand. */
    struct arena arena;
    struct schema_switch schema_switch;
    struct buffer document; /* bytes of the file */
};

static bool is_conditional(const struct commit *commit) {
    return ktki_capability_swaps(commit->update->store);
}

static bool has_claims(const struct commit *commit) {
    return ktki_capability_claims(commit->update->store);
}

/* ---- the lock of the caller, where the store makes no put conditional ---- */

static ktk_status lock(struct commit *commit, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    const struct store_lock *given = ktki_store_lock(update->store);
    ktk_status status = KTK_OK;

    if (given == NULL || is_conditional(commit) || has_claims(commit)) {
        goto out;
    }
    KTKI_TRY((given->ops->acquire)(given->state, update->uuid, err));
    commit->is_locked = true;
out:
    return status;
}

static ktk_status renew_lock(const struct commit *commit, ktk_error *err) {
    const struct store_lock *given = ktki_store_lock(commit->update->store);

    return !commit->is_locked || given->ops->renew == NULL
               ? KTK_OK
               : (given->ops->renew)(given->state, commit->update->uuid, err);
}

static void unlock(struct commit *commit) {
    const struct store_lock *given = ktki_store_lock(commit->update->store);

    if (commit->is_locked) {
        (given->ops->release)(given->state, commit->update->uuid);
        commit->is_locked = false;
    }
}

/* ---- turns, so that those who commit at the same time do not do it in vain ---- */

static void take_turn(struct commit *commit) {
    if (commit->turn_folder != NULL) { /* memory was short otherwise */
        commit->turn = ktki_store_take_turn(commit->update->store, commit->turn_folder);
    }
}

static void end_turn(struct commit *commit) {
    ktki_store_end_turn(commit->update->store, commit->turn);
    commit->turn = -1;
}

/* ---- looking ---- */

static ktk_status unknown(struct commit *commit, ktk_status cause, ktk_error *err) {
    struct ktk_update *update = commit->update;
    ktk_error reason = err != NULL ? *err : (ktk_error){0};

    update->fate = UPDATE_UNKNOWN;
    /* Lack of memory says so itself; the caller can do something about it. */
    return cause == KTK_E_NO_MEMORY
               ? cause
               : ktk_error_set(err, KTK_E_UNKNOWN_OUTCOME,
                               "it is unknown whether commit %s of dataset '%s' came through: %s",
                               update->commit_id, update->uuid, reason.message);
}

/* Is our commit among those that led to `current`? */
static ktk_status search(struct commit *commit, bool *is_ours, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    enum chain_answer answer = CHAIN_ABSENT;
    const char *stop = "";
    ktk_status status = KTK_OK;

    *is_ours = false;
    if (commit->is_sent) {
        if (update->base.dataset != NULL) {
            stop = ktki_dataset_record(update->base.dataset)->id;
        }
        KTKI_TRY(ktki_chain_search(&answer, commit->current.dataset, update->commit_id, stop, err));
        if (answer == CHAIN_BROKEN) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "more than %d commits came since, and not all are kept",
                      KTKI_RECENT_MAX);
        }
    }
    if (!commit->is_sent && update->is_repeatable && commit->current.dataset != NULL &&
        ktki_commit_recent_find(ktki_dataset_record(commit->current.dataset), update->commit_id) >=
            0) {
        answer = CHAIN_FOUND;
    }
    *is_ours = answer == CHAIN_FOUND;
    if (*is_ours) {
        const struct commit_record *record = ktki_dataset_record(commit->current.dataset);
        int32_t position = ktki_commit_recent_find(record, update->commit_id);

        commit->landed =
            position >= 0 ? record->sequence - (record->recent_count - 1 - position) : 0;
    }
out:
    return status;
}

/* From afar a look takes a round trip. What the update began with is believed once: if it is not so
 * any more, the conditional put says so, and costs little more than the look. Of what a put was
 * refused for, only the document itself tells more. */
static ktk_status renew(struct commit *commit, bool needs_dataset, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    struct document_state *current = &commit->current;
    bool is_bound = ktki_store_is_far(update->store) && is_conditional(commit) && current->exists &&
                    current->version.text[0] != '\0' && current->format == KTK_DOCUMENT_JSON &&
                    update->format == current->format;
    struct document_state state;
    ktk_status status = KTK_OK;

    if (!is_bound) {
        return ktki_document_state_renew(current, update, needs_dataset, err);
    }
    if (commit->retry.attempts > 1 || commit->is_sent) {
        KTKI_TRY(ktki_document_state_read(&state, update, needs_dataset, err));
        ktki_document_state_clear(current);
        *current = state;
    }
out:
    return status;
}

/* Bring `current` up to date. */
static ktk_status look(struct commit *commit, bool *is_ours, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    bool needs_dataset = !ktki_update_replaces(update) || update->is_repeatable;
    ktk_status status = KTK_OK;

    KTKI_TRY(renew(commit, needs_dataset, err));
    KTKI_TRY(search(commit, is_ours, err));
    if (has_claims(commit) && !*is_ours) {
        KTKI_TRY(ktki_claim_settle(&commit->watch, &commit->current, update, needs_dataset, err));
        KTKI_TRY(search(commit, is_ours, err));
    }
out:
    return status;
}

/* ---- joining with what others did ---- */

/* Nothing was there when the update began, now there is: an append goes on top of it. */
static ktk_status adopt(struct commit *commit, ktk_error *err) {
    struct ktk_update *update = commit->update;
    ktk_dataset *dataset = commit->current.dataset;
    struct change *change = &update->change;
    ktk_status status = KTK_OK;

    if (ktki_change_has_scope(change)) {
        KTKI_FAIL(
            err, KTK_E_CONFLICT,
            "dataset '%s' was created by somebody else meanwhile, and may hold what was to be "
            "deleted",
            update->uuid);
    }
    KTKI_TRY(ktki_update_check_base(update, dataset, err));
    change->operation = change->added_count > 0 ? OPERATION_APPEND : OPERATION_METADATA;
    KTKI_TRY(ktki_update_take_format(update, commit->current.format, err));
    ktki_document_state_clear(&update->base);
    update->base = ktki_document_state_ref(&commit->current);
    for (int64_t i = 0; i < change->added_count; i++) {
        KTKI_TRY(ktki_update_check_label(update, change->added[i].label, err));
    }
out:
    return status;
}

static ktk_status rebase(struct commit *commit, ktk_error *err) {
    struct ktk_update *update = commit->update;
    struct document_diff diff = {.from = NULL};
    struct buffer late;
    bool is_resolved = false;
    ktk_status status = KTK_OK;

    commit->is_rebased = true;
    ktki_buffer_init(&late, update->allocator, 0);
    KTKI_TRY(ktki_document_diff(&diff, update->base.dataset, commit->current.dataset, err));
    KTKI_TRY(ktki_conflict_check(&update->change, &diff, update->on_conflict, &late, err));
    if (late.size > 0) {
        KTKI_TRY(ktki_scope_resolve(update, commit->current.dataset, (const int64_t *)late.data,
                                    late.size / sizeof(int64_t), err));
        KTKI_TRY(ktki_update_fill_change(update, err));
    }
    /* The originals write JSON beside a document in the other format, and hide it. */
    KTKI_TRY(ktki_update_take_format(update, commit->current.format, err));
    is_resolved = late.size > 0;
out:
    ktki_buffer_clear(&late);
    ktki_document_diff_clear(&diff);
    if (is_resolved) {
        /* From now on the update is about partitions that the old base does not have. */
        ktki_document_state_clear(&update->base);
        update->base = ktki_document_state_ref(&commit->current);
    }
    return status;
}

/* Can the change be made on what is there now? */
static ktk_status join(struct commit *commit, ktk_error *err) {
    struct ktk_update *update = commit->update;
    const struct document_state *current = &commit->current;

    if (ktki_document_state_equals(current, &update->base)) {
        return KTK_OK;
    }
    if (update->change.operation == OPERATION_CREATE && update->mode == KTK_UPDATE_CREATE) {
        return ktk_error_set(err, KTK_E_EXISTS,
                             "dataset '%s' was created in %s by somebody else meanwhile",
                             update->uuid, ktk_store_name(update->store));
    }
    if (ktki_update_replaces(update) && update->on_conflict == KTK_ON_CONFLICT_FORCE) {
        /* A document in JSON, which somebody has made since, would hide one in the other format. */
        return current->exists && current->format == KTK_DOCUMENT_JSON
                   ? ktki_update_take_format(update, KTK_DOCUMENT_JSON, err)
                   : KTK_OK;
    }
    if (ktki_update_replaces(update)) {
        return ktk_error_set(err, KTK_E_CONFLICT,
                             "dataset '%s' in %s was changed by somebody else meanwhile",
                             update->uuid, ktk_store_name(update->store));
    }
    if (!current->exists) {
        return ktk_error_set(err, KTK_E_CONFLICT,
                             "dataset '%s' in %s was removed by somebody else meanwhile",
                             update->uuid, ktk_store_name(update->store));
    }
    return update->base.exists ? rebase(commit, err) : adopt(commit, err);
}

/* Files that nobody names may be collected when they are old enough: those of a writer that took
 * its time may be gone. */
static ktk_status check_files(const struct commit *commit, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    const struct change *change = &update->change;
    int64_t age = ktki_clock_now_ms(update->clock) - update->first_file_ms;
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    if (update->first_file_ms == 0 || age <= update->grace_ms / 2) {
        goto out;
    }
    if (age > update->grace_ms) {
        /* They may be collected between a look at them and the put. */
        KTKI_FAIL(
            err, KTK_E_STALE_WRITER,
            "the commit of dataset '%s' came %lld hours after its first file was begun, which "
            "may be collected by now; write it again, or raise grace_ms and the grace of the "
            "collection",
            update->uuid, (long long)(age / 3600000));
    }
    for (int64_t i = 0; i < change->added_count; i++) {
        for (int32_t j = 0; j < change->added[i].file_count; j++) {
            const char *key = change->added[i].files[j].key;

            status = ktk_store_head(update->store, key, &entry, err);
            if (status == KTK_E_NOT_FOUND) {
                KTKI_FAIL(err, KTK_E_STALE_WRITER,
                          "file '%s' was removed before its commit came, %lld hours after it was "
                          "begun; write it again",
                          key, (long long)(age / 3600000));
            }
            KTKI_TRY(status);
        }
    }
out:
    return status;
}

/* ---- the document ---- */

static bool is_stamped(const struct commit_record *record, const char *table) {
    for (int32_t i = 0; i < record->schema_count; i++) {
        if (strcmp(record->schemas[i].table, table) == 0) {
            return true;
        }
    }
    return false;
}

/* The schema files of the document: ours, with those of other tables that were. */
static ktk_status stamp_schemas(struct commit_record *record, struct commit *commit,
                                ktk_error *err) {
    const struct ktk_update *update = commit->update;
    const struct schema_switch *switched = &commit->schema_switch;
    ktk_dataset *dataset =
        ktki_update_ground(update, commit->meets_foreign ? NULL : commit->current.dataset);
    const struct commit_record *old = dataset != NULL ? ktki_dataset_record(dataset) : NULL;
    int32_t old_count = old != NULL ? old->schema_count : 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&commit->arena, (size_t)(old_count + switched->table_count),
                               sizeof(*record->schemas), &record->schemas, err));
    for (int32_t i = 0; i < switched->table_count; i++) {
        const struct table_switch *file = &switched->tables[i];

        if (file->hash[0] != '\0') {
            struct schema_stamp *stamp = &record->schemas[record->schema_count++];

            stamp->table = file->table->name;
            memcpy(stamp->hash, file->hash, sizeof(stamp->hash));
            if (ktki_store_is_far(commit->update->store)) {
                KTKI_TRY(ktki_schema_pack(&stamp->file, &commit->arena, file->bytes.data,
                                          file->bytes.size, err));
            }
        }
    }
    for (int32_t i = 0; i < old_count; i++) {
        if (!is_stamped(record, old->schemas[i].table)) {
            record->schemas[record->schema_count++] = old->schemas[i];
        }
    }
out:
    return status;
}

/* Make the document, and keep it under the commit's name before anybody can see it. */
static ktk_status compose(struct commit *commit, ktk_error *err) {
    struct ktk_update *update = commit->update;
    ktk_dataset *dataset = commit->current.dataset;
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct commit_record record;
    struct buffer json;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&json, update->allocator, 0);
    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_chain_next(&record, &commit->arena, update, dataset, err));
    KTKI_TRY(stamp_schemas(&record, commit, err));
    KTKI_TRY(ktki_apply(&json, &update->change, update->uuid, ktki_update_ground(update, dataset),
                        &record, err));
    KTKI_TRY(ktki_chain_key(&key, update->uuid, record.sequence, record.id, err));
    /* A claim that is there names a version that is. */
    condition.flags = has_claims(commit) ? 0 : (uint32_t)KTK_PUT_DEFER_SYNC;
    KTKI_TRY(
        ktki_buffer_append(&commit->sequences, &record.sequence, sizeof(record.sequence), err));
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, json.data, json.size, &condition,
                           NULL, err));
    if (update->format == KTK_DOCUMENT_JSON) { /* the file is the text */
        ktki_buffer_clear(&commit->document);
        commit->document = json;
        ktki_buffer_init(&json, update->allocator, 0);
        goto out;
    }
    commit->document.size = 0;
    KTKI_TRY(ktki_document_pack(&commit->document, update->format, (const char *)json.data,
                                json.size, err));
out:
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&json);
    return status;
}

/* The best that can be done where the store swaps nothing: look once more right before the put. */
static ktk_status check_unmoved(const struct commit *commit, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    struct document_state state = ktki_document_state_ref(&commit->current);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_document_state_renew(&state, update, false, err));
    if (!ktki_document_state_equals(&state, &commit->current)) {
        KTKI_FAIL(err, KTK_E_CONFLICT, "dataset '%s' in %s was changed by somebody else meanwhile",
                  update->uuid, ktk_store_name(update->store));
    }
out:
    ktki_document_state_clear(&state);
    return status;
}

/* From here on the commit may come through, whatever we hear. */
static void note_sent(struct commit *commit) {
    ktki_document_state_clear(&commit->sent);
    commit->sent = ktki_document_state_ref(&commit->current);
    commit->is_sent = true;
    commit->is_pending = true;
    commit->is_refused = false;
    commit->written.text[0] = '\0';
    commit->result->attempts++;
}

/* The right to put the document, where a put cannot be bound to what it replaces. */
static ktk_status claim(struct commit *commit, ktk_error *err) {
    int64_t sequence;
    ktk_status status;

    memcpy(&sequence, commit->sequences.data + commit->sequences.size - sizeof(sequence),
           sizeof(sequence));
    note_sent(commit);
    status = ktki_claim_make(&commit->claimed, &commit->watch, commit->update, sequence,
                             &commit->current, err);
    if (commit->claimed == 0) {
        commit->is_pending = false;
    }
    return status;
}

static ktk_status put_document(struct commit *commit, ktk_error *err) {
    const struct ktk_update *update = commit->update;
    const struct document_state *current = &commit->current;
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    ktk_status status = KTK_OK;

    if (has_claims(commit)) {
        condition.must_not_exist = !current->exists;
    } else if (is_conditional(commit)) {
        bool is_there = current->exists && current->format == update->format;

        condition.must_not_exist = !is_there;
        condition.matches = is_there ? &current->version : NULL;
        note_sent(commit);
    } else {
        KTKI_TRY(check_unmoved(commit, err));
        KTKI_TRY(renew_lock(commit, err));
        note_sent(commit);
    }
    status = ktk_store_put(update->store, update->document_key, commit->document.data,
                           commit->document.size, &condition, &commit->written, err);
    commit->is_refused = condition.matches != NULL && status == KTK_E_CONFLICT;
out:
    return status;
}

static void clear_attempt(struct commit *commit) {
    if (commit->update->fate == UPDATE_FAILED) {
        ktki_schema_switch_revert(&commit->schema_switch);
    }
    ktki_schema_switch_clear(&commit->schema_switch);
    ktki_arena_clear(&commit->arena);
}

/* Everything up to the put, and the put. `*is_open`: what failed may well come off another time. */
static ktk_status attempt(struct commit *commit, bool *is_open, ktk_error *err) {
    struct ktk_update *update = commit->update;
    ktk_dataset *dataset = commit->current.dataset;
    ktk_status status = KTK_OK;

    *is_open = false;
    clear_attempt(commit);
    KTKI_TRY(join(commit, err));
    KTKI_TRY(check_files(commit, err));
    KTKI_TRY(ktki_index_follow(update, ktki_update_replaces(update) ? NULL : dataset, err));
    if (dataset != NULL && ktki_dataset_is_foreign(dataset)) {
        commit->meets_foreign = true;
        commit->is_raced = commit->is_raced || commit->is_rebased;
    }
    status = ktki_schema_switch_init(&commit->schema_switch, update, &commit->current, err);
    if (status == KTK_E_SCHEMA && commit->is_rebased) {
        /* It agreed when the update began. */
        ktki_error_context(err, "dataset '%s': the schema was changed meanwhile", update->uuid);
        status = err != NULL ? (ktk_status)(err->status = KTK_E_CONFLICT) : KTK_E_CONFLICT;
    }
    KTKI_TRY(status);
    *is_open = true;
    KTKI_TRY(ktki_schema_switch_prepare(&commit->schema_switch, err));
    /* Files before the document: a reader that sees the new one must find all that it names, also
     * after a power cut. Data files are synced already, and what is kept of the document is after
     * the commit: the shorter the way from the look to the put, the less others get in between. */
    KTKI_TRY(ktk_store_sync(update->store, err));
    KTKI_TRY(compose(commit, err));
    if (has_claims(commit)) {
        KTKI_TRY(claim(commit, err));
    }
    KTKI_TRY(ktki_schema_switch_put(&commit->schema_switch, err));
    KTKI_TRY(put_document(commit, err));
    commit->is_pending = false;
    memcpy(&commit->landed, commit->sequences.data + commit->sequences.size - sizeof(int64_t),
           sizeof(commit->landed));
out:
    return status;
}

/* ---- after the put ---- */

/* A dataset was made in MessagePack while somebody else made one in JSON, which is what readers
 * take.
 */
static bool is_hidden(const struct commit *commit) {
    return commit->update->format == KTK_DOCUMENT_MSGPACK && commit->current.exists &&
           commit->current.format == KTK_DOCUMENT_JSON;
}

/* Is it certain, without a read, that what we put is what is there? */
static bool is_there(const struct commit *commit) {
    const struct ktk_update *update = commit->update;
    ktk_store_entry entry;

    return is_conditional(commit) && update->format == KTK_DOCUMENT_JSON &&
           commit->written.text[0] != '\0' &&
           ktk_store_head(update->store, update->document_key, &entry, NULL) == KTK_OK &&
           strcmp(entry.version.text, commit->written.text) == 0;
}

/* Our put may have gone over one of a newer claim, which others have waited too long for us to
 * make: then the document is put back. As far as possible: the next writer does it, too. */
static void settle_next(struct commit *commit) {
    const struct ktk_update *update = commit->update;
    ktk_status status = KTK_E_UNAVAILABLE;

    for (int64_t waited_ms = 0; status == KTK_E_UNAVAILABLE && waited_ms <= SETTLE_MAX_MS;
         waited_ms += SETTLE_WAIT_MS) {
        ktki_clock_sleep_ms(update->clock, waited_ms > 0 ? SETTLE_WAIT_MS : 0);
        status = ktki_document_state_renew(&commit->current, update, false, NULL);
        if (status == KTK_OK) {
            status = ktki_claim_settle(&commit->watch, &commit->current, update, false, NULL);
        }
    }
}

/* Who cannot swap in one step, or shares the document with programs that do not, looks again: a
 * commit that was written over is joined with what it was written over with. So does who made a
 * dataset under a key that another file may hide. Waiting for such a program is worth the time only
 * while it is seen to be at work. */
static ktk_status verify(struct commit *commit, bool *is_ours, ktk_error *err) {
    static const int64_t waits_ms[] = {0, 250, 1000};
    bool looks = commit->meets_foreign || !is_conditional(commit) ||
                 commit->update->format == KTK_DOCUMENT_MSGPACK;
    size_t count = commit->is_raced ? sizeof(waits_ms) / sizeof(waits_ms[0]) : (size_t)looks;
    ktk_status status = KTK_OK;

    *is_ours = true;
    for (size_t i = 0; i < count && status == KTK_OK && *is_ours; i++) {
        ktki_clock_sleep_ms(commit->update->clock, waits_ms[i]);
        if (!is_there(commit)) {
            status = look(commit, is_ours, err);
        }
    }
    if (status == KTK_OK && !*is_ours && is_hidden(commit)) {
        ktki_update_discard(commit->update, commit->update->msgpack_key);
    }
    if (status == KTK_OK && *is_ours && has_claims(commit)) {
        settle_next(commit);
    }
    return status;
}

/* What was read is older than what the last put was to replace: a read served from a copy that lags
 * behind. It says nothing of that put. */
static bool is_out_of_date(const struct commit *commit) {
    const struct document_state *current = &commit->current;
    const struct document_state *sent = &commit->sent;
    const struct commit_record *now;
    const struct commit_record *then;

    if (!commit->is_pending || current->dataset == NULL || sent->dataset == NULL ||
        ktki_document_state_equals(current, sent)) {
        return false;
    }
    now = ktki_dataset_record(current->dataset);
    then = ktki_dataset_record(sent->dataset);
    return now->id[0] != '\0' && then->id[0] != '\0' && now->sequence <= then->sequence;
}

/* Is it certain that the last put will not come through any more? */
static bool is_settled(const struct commit *commit) {
    const struct claim_watch *watch = &commit->watch;

    if (!commit->is_pending) {
        return true;
    }
    if (has_claims(commit) && watch->newest >= commit->claimed &&
        strcmp(watch->claim.id, commit->update->commit_id) != 0) {
        return true; /* a claim that is made below the newest says nothing */
    }
    if (!commit->current.exists) {
        return commit->is_refused; /* both say that the document is gone */
    }
    return (is_conditional(commit) || has_claims(commit)) &&
           !ktki_document_state_equals(&commit->current, &commit->sent) && !is_out_of_date(commit);
}

static bool is_retryable(ktk_status status) {
    return status == KTK_E_UNAVAILABLE || status == KTK_E_EXISTS || status == KTK_E_CONFLICT;
}

/* The limits are reached. */
static ktk_status give_up(struct commit *commit, ktk_status cause, ktk_error *err) {
    bool is_ours = false;
    ktk_status status;

    if (!commit->is_sent) {
        return cause;
    }
    status = look(commit, &is_ours, err);
    if (status != KTK_OK) {
        return unknown(commit, status, err);
    }
    if (is_ours) {
        return KTK_OK;
    }
    if (is_settled(commit)) {
        /* The put was bound to a state that is gone: it can come through no more. */
        return ktk_error_set(err, KTK_E_CONFLICT,
                             "dataset '%s' in %s was changed by others at each of %d attempts",
                             commit->update->uuid, ktk_store_name(commit->update->store),
                             (int)commit->result->attempts);
    }
    (void)ktk_error_set(err, KTK_E_UNAVAILABLE, "no attempt of %d was answered",
                        (int)commit->result->attempts);
    return unknown(commit, KTK_E_UNAVAILABLE, err);
}

/* An attempt has failed in a way that another one will not mend. What became of its put? */
static ktk_status resolve(struct commit *commit, ktk_status failure, ktk_error *err) {
    ktk_error inner = {0};
    bool is_ours;
    ktk_status status;

    if (!commit->is_sent) {
        return failure;
    }
    status = look(commit, &is_ours, &inner);
    if (status != KTK_OK) {
        if (err != NULL) {
            *err = inner;
        }
        return unknown(commit, failure == KTK_E_NO_MEMORY ? failure : status, err);
    }
    return is_ours ? KTK_OK : failure;
}

static ktk_status run(struct commit *commit, ktk_error *err) {
    const ktk_context *context = ktk_store_context(commit->update->store);
    bool is_ours = false;
    /* Before the first look, as it takes its time. */
    ktk_status status = ktk_store_sync(commit->update->store, err);

    if (status != KTK_OK) {
        return status;
    }
    for (;;) {
        bool is_open = true;

        if (is_settled(commit)) {
            status = ktki_context_keep_going(context, err);
            if (status != KTK_OK) {
                return status;
            }
        }
        commit->retry.attempts++;
        status = lock(commit, err);
        take_turn(commit);
        if (status == KTK_OK) {
            status = look(commit, &is_ours, err);
        }
        if (status != KTK_OK && !is_retryable(status)) {
            return commit->is_sent ? unknown(commit, status, err) : status;
        }
        if (status == KTK_OK && !is_ours) {
            status = attempt(commit, &is_open, err);
        }
        end_turn(commit);
        if (status == KTK_OK) {
            status = verify(commit, &is_ours, err);
            if (status == KTK_OK && is_ours) {
                return KTK_OK;
            }
            status = status == KTK_OK ? KTK_E_UNAVAILABLE : status;
        }
        if (!is_open && !is_out_of_date(commit)) {
            return is_settled(commit) ? status : unknown(commit, status, err);
        }
        if (!is_open) {
            status = ktk_error_set(err, KTK_E_UNAVAILABLE, "what was read is out of date");
        }
        if (!is_retryable(status)) {
            return resolve(commit, status, err);
        }
        unlock(commit);
        if (!ktki_retry_wait(&commit->retry, 0)) {
            return give_up(commit, status, err);
        }
    }
}

/* Documents that we kept but that did not come through. */
static void forget_versions(struct commit *commit) {
    const int64_t *sequences = (const int64_t *)commit->sequences.data;
    struct buffer key;

    ktki_buffer_init(&key, commit->update->allocator, 0);
    for (size_t i = 0; i < commit->sequences.size / sizeof(*sequences); i++) {
        key.size = 0;
        if (sequences[i] != commit->landed &&
            ktki_chain_key(&key, commit->update->uuid, sequences[i], commit->update->commit_id,
                           NULL) == KTK_OK) {
            ktki_update_discard(commit->update, (const char *)key.data);
        }
    }
    ktki_buffer_clear(&key);
}

ktk_status ktki_commit(struct ktk_update *update, ktk_commit *result, ktk_error *err) {
    struct retry_limits limits = {ATTEMPTS_MAX, TIME_MAX_MS, WAIT_FIRST_MS, WAIT_MAX_MS};
    struct commit commit = {.update = update, .result = result, .turn = -1};
    ktk_status status;

    ktki_buffer_init(&commit.sequences, update->allocator, 0);
    ktki_buffer_init(&commit.document, update->allocator, 0);
    ktki_arena_init(&commit.arena, update->allocator);
    limits.attempts_max = update->attempts_max > 0 ? update->attempts_max : limits.attempts_max;
    limits.time_max_ms = update->time_max_ms > 0 ? update->time_max_ms : limits.time_max_ms;
    ktki_retry_init(&commit.retry, update->clock, &limits);
    commit.current = ktki_document_state_ref(&update->base);
    update->fate = UPDATE_FAILED;
    KTKI_IGNORE(ktki_update_text(update, &commit.turn_folder, NULL, "%s/_ktk", update->uuid));
    status = run(&commit, err);
    end_turn(&commit);
    unlock(&commit);
    if (status == KTK_OK) {
        update->fate = UPDATE_COMMITTED;
        ktki_schema_switch_confirm(&commit.schema_switch);
        if (commit.landed != 0) {
            forget_versions(&commit);
        }
        KTKI_IGNORE(ktk_store_sync(update->store, NULL));
        if (update->mode == KTK_UPDATE_OVERWRITE && update->format == KTK_DOCUMENT_JSON) {
            /* A document in the other format is of the old state (defect D-14); ours wins anyway.
             */
            ktki_update_discard(update, update->msgpack_key);
        }
        result->met_foreign_writer = commit.meets_foreign;
        if (has_claims(&commit)) {
            ktki_claim_tidy(update, commit.watch.newest);
        }
    } else if (update->fate == UPDATE_FAILED) {
        commit.landed = 0;
        if (commit.claimed != 0) { /* before the version that it names */
            ktki_claim_withdraw(update, commit.claimed);
        }
        forget_versions(&commit);
    }
    clear_attempt(&commit);
    ktki_document_state_clear(&commit.sent);
    ktki_document_state_clear(&commit.current);
    ktki_buffer_clear(&commit.document);
    ktki_buffer_clear(&commit.sequences);
    return status;
}
