#include "upkeep/gc.h"

#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "dataset/document_file.h"
#include "dataset/name.h"
#include "store/backend.h"
#include "upkeep/gc_record.h"
#include "upkeep/versions.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define GRACE_MS (72 * HOUR_MS)
#define HISTORY_MS ((int64_t)30 * 24 * HOUR_MS)
#define GRACE_MIN_MS HOUR_MS
#define CLOCK_DIFFERENCE_MAX_MS HOUR_MS
#define TIME_MAX_MS (INT64_MAX / 1000000) /* so that sums of microseconds do not overflow */
#define REMOVED_BETWEEN_LOOKS KTKI_REMOVALS_AT_ONCE

struct candidate {
    struct key_entry *entry;
    struct ktk_gc_item item;
    int64_t since_us; /* -1: was not noted before */
    bool is_gone;
};

struct gc {
    ktk_store *store;
    const char *uuid;
    const ktk_allocator *allocator;
    const struct time_source *clock;
    const ktk_gc_options *options;
    int64_t grace_us;
    int64_t history_us;
    int64_t now_us;
    struct current_documents documents;
    bool is_dropped; /* there are none */
    struct key_list keys;
    struct gc_notes notes;
    struct buffer candidates; /* struct candidate, ascending */
    struct buffer due;        /* struct candidate *: those that are removed together */
    struct buffer removals;   /* struct removal: the same */
    ktk_gc_result result;
};

/* ---- what may go ---- */

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Is `rest` in the folder of a table of the document? The partitions of one that lists none are
 * what the store holds. */
static bool is_of_table(const ktk_dataset *dataset, const char *rest) {
    if (dataset == NULL || !ktk_dataset_is_explicit(dataset)) {
        return false;
    }
    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        const char *table = ktk_dataset_table(dataset, i);

        if (starts_with(rest, table) && rest[strlen(table)] == '/') {
            return true;
        }
    }
    return false;
}

static bool is_collected(const struct gc *gc, const char *key) {
    const char *rest = key + strlen(gc->uuid) + 1;
    const char *slash = strchr(rest, '/');

    if (gc->is_dropped) {
        return !starts_with(rest, "_ktk/gc/");
    }
    if (slash == NULL || strcmp(slash + 1, KTKI_SCHEMA_FILE) == 0) {
        return false;
    }
    if (starts_with(rest, "_ktk/")) {
        return starts_with(rest, "_ktk/v/");
    }
    return starts_with(rest, "indices/") || is_of_table(gc->documents.json, rest) ||
           is_of_table(gc->documents.msgpack, rest);
}

static void clear_look(struct gc *gc) {
    ktki_current_documents_clear(&gc->documents);
    ktki_key_list_clear(&gc->keys);
    ktki_gc_notes_clear(&gc->notes);
    ktki_buffer_clear(&gc->candidates);
}

/* Mark what the documents name, and versions that are kept. Without any document nothing is named:
 * versions, too, only go when the grace is over. */
static ktk_status mark(struct gc *gc, ktk_error *err) {
    ktk_dataset *dataset;
    ktk_status status = ktki_current_documents_read(&gc->documents, gc->store, gc->uuid, err);

    gc->is_dropped = status == KTK_E_NOT_FOUND && gc->options->dropped;
    if (gc->is_dropped) {
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    if (gc->documents.json != NULL) {
        ktki_mark_named(&gc->keys, gc->documents.json);
    }
    if (gc->documents.msgpack != NULL) {
        ktki_mark_named(&gc->keys, gc->documents.msgpack);
    }
    dataset = ktki_current_document(&gc->documents);
    KTKI_TRY(ktki_mark_versions(&gc->keys, gc->store, gc->uuid, ktki_dataset_record(dataset)->id,
                                gc->now_us - gc->history_us, err));
out:
    return status;
}

static struct candidate *candidate_at(const struct gc *gc, size_t position) {
    return (struct candidate *)gc->candidates.data + position;
}

static size_t candidate_count(const struct gc *gc) {
    return gc->candidates.size / sizeof(struct candidate);
}

/* Of the many keys of a dataset few are candidates: only they are asked for their size and time. */
static ktk_status complete_one(void *state, size_t item, ktk_error *err) {
    const struct gc *gc = state;
    struct candidate *candidate = candidate_at(gc, item);
    ktk_status status = ktki_key_entry_complete(candidate->entry, gc->store, err);

    candidate->is_gone = status == KTK_E_NOT_FOUND;
    return candidate->is_gone ? KTK_OK : status;
}

/* Forget those that are gone, so that they are not decided anew. */
static void drop_gone(struct gc *gc) {
    size_t kept = 0;

    for (size_t i = 0; i < candidate_count(gc); i++) {
        if (!candidate_at(gc, i)->is_gone) {
            *candidate_at(gc, kept++) = *candidate_at(gc, i);
        }
    }
    gc->candidates.size = kept * sizeof(struct candidate);
}

/* The keys first, then the documents: a key that was there before a document was read, and that the
 * document does not name, is not waiting for that document. */
static ktk_status look(struct gc *gc, ktk_error *err) {
    ktk_status status = KTK_OK;

    clear_look(gc);
    ktki_key_list_init(&gc->keys, gc->allocator);
    ktki_gc_notes_init(&gc->notes, gc->allocator);
    ktki_buffer_init(&gc->candidates, gc->allocator, 0);
    KTKI_TRY(ktki_key_list_fill_bare(&gc->keys, gc->store, gc->uuid, err));
    KTKI_TRY(mark(gc, err));
    KTKI_TRY(ktki_gc_notes_read(&gc->notes, gc->store, gc->uuid, &gc->keys, err));
    for (size_t i = 0; i < ktki_key_list_count(&gc->keys); i++) {
        struct candidate candidate = {.entry = ktki_key_list_at(&gc->keys, i), .since_us = -1};

        if (!candidate.entry->is_named && is_collected(gc, candidate.entry->key)) {
            KTKI_TRY(ktki_buffer_append(&gc->candidates, &candidate, sizeof(candidate), err));
        }
    }
    KTKI_TRY(ktki_store_run(gc->store, candidate_count(gc), complete_one, gc, err));
    drop_gone(gc);
out:
    return status;
}

/* Nothing was put at the key of a document since it was read. */
static bool is_unmoved(const struct gc *gc, ktk_document_format format,
                       const ktk_dataset *dataset) {
    const ktk_store_version *version = dataset != NULL ? ktki_dataset_version(dataset) : NULL;
    ktk_store_entry entry;
    struct buffer key;
    bool is_same = false;

    ktki_buffer_init(&key, gc->allocator, 0);
    if (ktki_buffer_append_format(&key, NULL, "%s%s", gc->uuid, ktki_document_suffix(format)) ==
            KTK_OK &&
        ktki_buffer_append_byte(&key, '\0', NULL) == KTK_OK) {
        ktk_status status = ktk_store_head(gc->store, (const char *)key.data, &entry, NULL);

        is_same = version == NULL ? status == KTK_E_NOT_FOUND
                                  : status == KTK_OK && version->text[0] != '\0' &&
                                        strcmp(version->text, entry.version.text) == 0;
    }
    ktki_buffer_clear(&key);
    return is_same;
}

/* ---- how old it is ---- */

/* Names that the library gives are the time they were made at, in milliseconds, in the first 12 of
 * 32 hex digits; -1 for others. */
static int64_t time_in_name_us(const char *key) {
    const char *name = strrchr(key, '/') + 1;
    size_t size = strspn(name, "0123456789abcdef");
    int64_t milliseconds = 0;

    if (size != 32 || name[12] != '7' || (name[size] != '.' && name[size] != '\0')) {
        return -1;
    }
    for (size_t i = 0; i < 12; i++) {
        milliseconds = milliseconds * 16 + (name[i] <= '9' ? name[i] - '0' : name[i] - 'a' + 10);
    }
    return milliseconds * 1000;
}

/* Did so much pass from one time to the other, however the store has rounded them? */
static bool is_surely(int64_t from_us, int64_t to_us, int64_t passed_us) {
    int64_t from_within_us = ktki_store_told_within_us(from_us);
    int64_t to_within_us = ktki_store_told_within_us(to_us);

    return to_us - from_us >=
           passed_us + (from_within_us > to_within_us ? from_within_us : to_within_us);
}

/* Is the grace over since then? Who gives none vouches that nobody is at work. */
static bool is_over(const struct gc *gc, int64_t then_us) {
    return gc->grace_us == 0 ? then_us <= gc->now_us : is_surely(then_us, gc->now_us, gc->grace_us);
}

static void decide_one(struct gc *gc, struct candidate *candidate) {
    const struct key_entry *entry = candidate->entry;
    const struct gc_note *note = ktki_gc_note_find(&gc->notes, entry->key);
    int64_t named_us = time_in_name_us(entry->key);
    int64_t written_us = entry->modified_us > named_us ? entry->modified_us : named_us;
    int64_t since_us = gc->now_us;

    /* A note that is older than the file, or of a file that was removed, is of another file that
     * had the same name. */
    if (note != NULL && note->since_us >= 0 && note->since_us <= gc->now_us &&
        (entry->modified_us >= 0 ? is_surely(entry->modified_us, note->since_us, 0)
                                 : !note->is_due)) {
        since_us = note->since_us;
        candidate->since_us = since_us;
    }
    candidate->item = (ktk_gc_item){.key = entry->key, .size = entry->size, .age_ms = -1};
    if (written_us >= 0) {
        candidate->item.age_ms = written_us < gc->now_us ? (gc->now_us - written_us) / 1000 : 0;
    }
    candidate->item.unnamed_ms = (gc->now_us - since_us) / 1000;
    candidate->item.state = is_over(gc, since_us) && (written_us < 0 || is_over(gc, written_us))
                                ? KTK_GC_DUE
                                : KTK_GC_WAITING;
}

static void decide(struct gc *gc) {
    for (size_t i = 0; i < candidate_count(gc); i++) {
        decide_one(gc, candidate_at(gc, i));
    }
}

/* ---- acting ---- */

static ktk_status report(struct gc *gc, const struct candidate *candidate, ktk_error *err) {
    const ktk_gc_item *item = &candidate->item;
    int64_t size = item->size > 0 ? item->size : 0;

    if (item->state == KTK_GC_WAITING) {
        gc->result.waiting_count++;
        gc->result.waiting_bytes += size;
    } else if (item->state == KTK_GC_DUE) {
        gc->result.due_count++;
        gc->result.due_bytes += size;
    } else {
        gc->result.removed_count++;
        gc->result.removed_bytes += size;
    }
    return gc->options->report == NULL ? KTK_OK
                                       : gc->options->report(gc->options->report_state, item, err);
}

/* Note what nothing names, and take the time from the store, which all its files have theirs from.
 */
static ktk_status note_candidates(struct gc *gc, ktk_error *err) {
    int64_t now_ms = gc->now_us / 1000;
    int64_t difference_ms;
    int64_t written_us;
    struct buffer notes;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&notes, gc->allocator, 0);
    for (size_t i = 0; i < candidate_count(gc); i++) {
        const struct candidate *candidate = candidate_at(gc, i);
        const struct gc_note note = {candidate->entry->key, candidate->since_us,
                                     candidate->item.state == KTK_GC_DUE};

        KTKI_TRY(ktki_buffer_append(&notes, &note, sizeof(note), err));
    }
    KTKI_TRY(ktki_gc_record_write(&written_us, gc->store, gc->uuid,
                                  (const struct gc_note *)notes.data, candidate_count(gc), now_ms,
                                  gc->grace_us / 1000, err));
    if (written_us < 0) {
        goto out;
    }
    difference_ms = written_us / 1000 - now_ms;
    if (difference_ms > CLOCK_DIFFERENCE_MAX_MS || difference_ms < -CLOCK_DIFFERENCE_MAX_MS) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the clock of %s is %lld minutes %s that of this computer: one of them is wrong, "
                  "and the age of files not known",
                  ktk_store_name(gc->store),
                  (long long)((difference_ms < 0 ? -difference_ms : difference_ms) / 60000),
                  difference_ms < 0 ? "behind" : "ahead of");
    }
    gc->now_us = written_us;
out:
    ktki_buffer_clear(&notes);
    return status;
}

/* The documents may have come to name a file since: look again if they have changed. */
static ktk_status look_again(struct gc *gc, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (is_unmoved(gc, KTK_DOCUMENT_JSON, gc->documents.json) &&
        is_unmoved(gc, KTK_DOCUMENT_MSGPACK, gc->documents.msgpack)) {
        goto out;
    }
    KTKI_TRY(look(gc, err));
out:
    decide(gc);
    return status;
}

/* Tell of those that were removed, in their order. */
static ktk_status report_removed(struct gc *gc, ktk_error *err) {
    struct candidate **due = (struct candidate **)gc->due.data;
    const struct removal *removals = (const struct removal *)gc->removals.data;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < gc->removals.size / sizeof(*removals) && status == KTK_OK; i++) {
        due[i]->is_gone = removals[i].is_gone;
        if (due[i]->is_gone) {
            due[i]->item.state = KTK_GC_REMOVED;
            status = report(gc, due[i], err);
        }
    }
    return status;
}

/* Documents of old commits go first: one that is there names files that are. `*left`: how many
 * files were not reached. */
static ktk_status remove_some(struct gc *gc, bool versions, size_t *left, ktk_error *err) {
    ktk_status removed;
    size_t count = 0;
    ktk_status status = KTK_OK;

    *left = 0;
    gc->due.size = 0;
    gc->removals.size = 0;
    for (size_t i = 0; i < candidate_count(gc); i++) {
        struct candidate *candidate = candidate_at(gc, i);
        bool is_version = starts_with(candidate->entry->key + strlen(gc->uuid), "/_ktk/");
        const struct removal removal = {candidate->entry->key, false};

        if (candidate->item.state != KTK_GC_DUE || is_version != versions) {
            continue;
        }
        if (count == REMOVED_BETWEEN_LOOKS) {
            ++*left;
            continue;
        }
        count++;
        KTKI_TRY(ktki_buffer_append(&gc->due, &candidate, sizeof(struct candidate *), err));
        KTKI_TRY(ktki_buffer_append(&gc->removals, &removal, sizeof(removal), err));
    }
    removed = ktki_store_remove_many(gc->store, (struct removal *)gc->removals.data, count, err);
    status = report_removed(gc, removed == KTK_OK ? err : NULL);
    status = removed != KTK_OK ? removed : status;
out:
    return status;
}

static ktk_status tell_progress(const struct gc *gc, ktk_error *err) {
    const ktk_gc_options *options = gc->options;
    int64_t count = gc->result.removed_count;
    ktk_status status = KTK_OK;

    if (options->progress == NULL || count == 0) {
        goto out;
    }
    for (size_t i = 0; i < candidate_count(gc); i++) {
        count += candidate_at(gc, i)->item.state == KTK_GC_DUE;
    }
    if (!options->progress(options->progress_state, gc->result.removed_count, count)) {
        KTKI_FAIL(err, KTK_E_CANCELLED, "the collection was cancelled after %lld files",
                  (long long)gc->result.removed_count);
    }
out:
    return status;
}

/* Of a dataset that is gone altogether the notes go, too. */
static ktk_status remove_notes(struct gc *gc, ktk_error *err) {
    struct key_list keys;
    ktk_status status = KTK_OK;

    ktki_key_list_init(&keys, gc->allocator);
    KTKI_TRY(ktki_key_list_fill(&keys, gc->store, gc->uuid, err));
    KTKI_TRY(ktki_gc_records_remove(gc->store, gc->uuid, &keys, err));
out:
    ktki_key_list_clear(&keys);
    return status;
}

static ktk_status act(struct gc *gc, ktk_error *err) {
    size_t left = 0;
    ktk_status status = KTK_OK;

    if (candidate_count(gc) > 0) {
        KTKI_TRY(note_candidates(gc, err));
    }
    KTKI_TRY(ktki_gc_records_remove(gc->store, gc->uuid, &gc->keys, err));
    for (int versions = 1; versions >= 0; versions--) {
        do {
            if (candidate_count(gc) > 0) {
                KTKI_TRY(look_again(gc, err));
            }
            KTKI_TRY(remove_some(gc, versions == 1, &left, err));
            drop_gone(gc);
            KTKI_TRY(tell_progress(gc, err));
        } while (left > 0);
    }
    if (gc->is_dropped && candidate_count(gc) == 0) {
        KTKI_TRY(remove_notes(gc, err));
    }
out:
    return status;
}

static ktk_status run(struct gc *gc, ktk_error *err) {
    ktk_status status = KTK_OK;

    gc->now_us = ktki_clock_now_ms(gc->clock) * 1000;
    KTKI_TRY(look(gc, err));
    if (gc->is_dropped && ktki_key_list_count(&gc->keys) == 0) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is neither a dataset '%s' in %s nor a file of one",
                  gc->uuid, ktk_store_name(gc->store));
    }
    decide(gc);
    if (gc->options->acts) {
        KTKI_TRY(act(gc, err));
    }
    for (size_t i = 0; i < candidate_count(gc); i++) {
        KTKI_TRY(report(gc, candidate_at(gc, i), err));
    }
out:
    return status;
}

static int64_t bounded_us(int64_t milliseconds) {
    return (milliseconds < TIME_MAX_MS ? milliseconds : TIME_MAX_MS) * 1000;
}

ktk_status ktki_gc(ktk_store *store, const char *uuid, const ktk_gc_options *options,
                   const struct time_source *clock, ktk_gc_result *out, ktk_error *err) {
    static const ktk_gc_options defaults = KTK_GC_OPTIONS_INIT;
    struct gc gc = {.store = store, .uuid = uuid, .clock = clock};
    int64_t grace_ms;
    int64_t history_ms;
    ktk_status status = KTK_OK;

    gc.allocator = ktki_context_allocator(ktk_store_context(store));
    ktki_key_list_init(&gc.keys, gc.allocator);
    ktki_gc_notes_init(&gc.notes, gc.allocator);
    ktki_buffer_init(&gc.candidates, gc.allocator, 0);
    ktki_buffer_init(&gc.due, gc.allocator, 0);
    ktki_buffer_init(&gc.removals, gc.allocator, 0);
    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_GC_OPTIONS_INIT", err);
    gc.options = options;
    grace_ms = options->grace_ms == 0 ? GRACE_MS : options->grace_ms;
    grace_ms = grace_ms < 0 ? 0 : grace_ms;
    history_ms = options->history_ms <= 0 ? HISTORY_MS : options->history_ms;
    if (grace_ms < GRACE_MIN_MS && !options->allows_short_grace) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "a grace of less than an hour removes files of writers that are at work; ask for "
                  "a short grace if there are none");
    }
    gc.grace_us = bounded_us(grace_ms);
    gc.history_us = bounded_us(history_ms > grace_ms ? history_ms : grace_ms);
    KTKI_TRY(run(&gc, err));
    *out = gc.result;
out:
    clear_look(&gc);
    ktki_buffer_clear(&gc.due);
    ktki_buffer_clear(&gc.removals);
    return status;
}

ktk_status ktk_gc(ktk_store *store, const char *uuid, const ktk_gc_options *options,
                  ktk_gc_result *out, ktk_error *err) {
    return ktki_gc(store, uuid, options, NULL, out, err);
}
