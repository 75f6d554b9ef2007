#include <kartothek/history.h>

#include "base/context.h"
#include "base/error.h"
#include "base/time_format.h"
#include "update/document_diff.h"
#include "update/history_chain.h"

/* The entry at hand waits until the state before it is known, which says what it changed. */
struct walk {
    ktk_history_fn fn;
    void *state;
    int64_t limit;
    int64_t count; /* entries handed out */
    bool has_entry;
    ktk_history_entry entry;
    struct chain_link link; /* of the entry: holds its id */
    ktk_dataset *dataset;   /* of the entry; owned; NULL: not kept */
    char time[KTKI_TIME_TEXT_MAX];
};

static bool is_full(const struct walk *walk) {
    return walk->limit > 0 && walk->count == walk->limit;
}

static ktk_status hand_out(struct walk *walk, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (walk->has_entry && !is_full(walk)) {
        walk->count++;
        status = walk->fn(walk->state, &walk->entry, err);
    }
    ktk_dataset_free(walk->dataset);
    walk->dataset = NULL;
    walk->has_entry = false;
    return status;
}

/* Compare the entry at hand with the state before it. */
static ktk_status count_changes(struct walk *walk, ktk_dataset *before, ktk_error *err) {
    struct document_diff diff = {.from = NULL};
    ktk_status status = KTK_OK;

    if (!walk->has_entry || walk->dataset == NULL || before == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_document_diff(&diff, before, walk->dataset, err));
    walk->entry.added_count = (int64_t)(diff.added.size / sizeof(int64_t));
    walk->entry.removed_count = (int64_t)(diff.removed.size / sizeof(int64_t));
out:
    ktki_document_diff_clear(&diff);
    return status;
}

static void begin_entry(struct walk *walk, ktk_history_kind kind, ktk_dataset *dataset) {
    walk->entry = (ktk_history_entry){.kind = kind,
                                      .id = "",
                                      .parent = "",
                                      .partition_count = -1,
                                      .added_count = -1,
                                      .removed_count = -1};
    walk->dataset = dataset;
    walk->has_entry = true;
    if (dataset != NULL) {
        walk->entry.partition_count = ktk_dataset_partition_count(dataset);
    }
}

/* The current state, as somebody else wrote it: the store may know when. */
static ktk_status begin_foreign_head(struct walk *walk, ktk_dataset *head, ktk_error *err) {
    int64_t written_us;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_document_written_at(&written_us, head, err));
    begin_entry(walk, KTK_HISTORY_FOREIGN, ktk_dataset_ref(head));
    walk->entry.is_current = true;
    if (written_us >= 0) {
        (void)ktki_format_timestamp(written_us, 1000000, 'T', walk->time);
        walk->entry.time = walk->time;
    }
out:
    return status;
}

static void begin_commit(struct walk *walk, const struct chain_link *link, ktk_dataset *dataset) {
    const struct commit_record *record = dataset != NULL ? ktki_dataset_record(dataset) : NULL;

    begin_entry(walk, dataset != NULL ? KTK_HISTORY_COMMIT : KTK_HISTORY_NOT_KEPT, dataset);
    walk->link = *link;
    walk->entry.id = walk->link.id;
    walk->entry.sequence = link->sequence;
    if (record != NULL) {
        walk->entry.parent = record->parent;
        walk->entry.time = record->time;
        walk->entry.writer = record->writer;
        walk->entry.operation = record->operation;
    } else if (link->operation != OPERATION_COUNT) {
        walk->entry.operation = ktki_operation_text(link->operation);
    }
}

/* One commit of the chain: it settles what the one after it changed. */
static ktk_status visit(struct walk *walk, const struct chain_cursor *cursor, bool is_current,
                        ktk_error *err) {
    ktk_dataset *dataset = NULL;
    const struct commit_record *record;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_chain_cursor_open(&dataset, cursor, err));
    KTKI_TRY(count_changes(walk, dataset, err));
    KTKI_TRY(hand_out(walk, err));
    if (is_full(walk)) {
        goto out;
    }
    begin_commit(walk, &cursor->link, dataset);
    dataset = NULL;
    walk->entry.is_current = is_current;
    record = walk->dataset != NULL ? ktki_dataset_record(walk->dataset) : NULL;
    if (record != NULL && record->follows_foreign) {
        KTKI_TRY(hand_out(walk, err));
        begin_entry(walk, KTK_HISTORY_FOREIGN, NULL);
    } else if (record != NULL && record->parent[0] == '\0' && record->sequence == 1) {
        walk->entry.added_count = walk->entry.partition_count;
        walk->entry.removed_count = 0;
    }
out:
    ktk_dataset_free(dataset);
    return status;
}

ktk_status ktk_history_walk(ktk_store *store, const char *uuid, int64_t limit, ktk_history_fn fn,
                            void *state, ktk_error *err) {
    struct walk walk = {.fn = fn, .state = state, .limit = limit};
    struct chain_cursor cursor = {.head = NULL};
    ktk_dataset *head = NULL;
    bool is_current;
    bool is_there = true;
    ktk_status status = KTK_OK;

    if (limit < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "a limit of %lld entries is negative", (long long)limit);
    }
    KTKI_TRY(ktk_dataset_open(&head, store, uuid, err));
    ktki_chain_cursor_init(&cursor, head);
    is_current = ktki_is_own_state(head);
    if (!is_current) {
        KTKI_TRY(begin_foreign_head(&walk, head, err));
    }
    while (!is_full(&walk)) {
        KTKI_TRY(ktki_context_keep_going(ktk_store_context(store), err));
        KTKI_TRY(ktki_chain_cursor_next(&cursor, &is_there, err));
        if (!is_there) {
            break;
        }
        KTKI_TRY(visit(&walk, &cursor, is_current, err));
        is_current = false;
    }
    KTKI_TRY(hand_out(&walk, err));
out:
    ktk_dataset_free(walk.dataset);
    ktki_chain_cursor_clear(&cursor);
    ktk_dataset_free(head);
    return status;
}
