#include "update/history_chain.h"

#include "base/context.h"
#include "base/error.h"
#include "dataset/document_file.h"
#include "update/commit_chain.h"

bool ktki_is_own_state(const ktk_dataset *dataset) {
    const struct commit_record *record = ktki_dataset_record(dataset);

    return record->id[0] != '\0' && !ktki_dataset_is_foreign(dataset);
}

ktk_status ktki_document_written_at(int64_t *out_us, const ktk_dataset *dataset, ktk_error *err) {
    ktk_store *store = ktk_dataset_store(dataset);
    ktk_store_entry entry = {.modified_us = -1};
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s%s", ktk_dataset_uuid(dataset),
                                       ktki_document_suffix(ktk_dataset_document_format(dataset))));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    status = ktk_store_head(store, (const char *)key.data, &entry, err);
    if (status == KTK_OK || status == KTK_E_NOT_FOUND) {
        status = KTK_OK;
        *out_us = entry.modified_us;
    }
out:
    ktki_buffer_clear(&key);
    return status;
}

void ktki_chain_cursor_init(struct chain_cursor *out, ktk_dataset *head) {
    *out = (struct chain_cursor){.head = head};
}

void ktki_chain_cursor_clear(struct chain_cursor *cursor) {
    ktk_dataset_free(cursor->at);
    cursor->at = NULL;
}

/* The list of recent commits may be missing or cut, since others may write into the metadata, too:
 * it counts only if it ends with the commit itself. */
static int32_t recent_count(const struct commit_record *record) {
    int32_t count = record->recent_count;

    return count > 0 && strcmp(record->recent[count - 1], record->id) == 0 &&
                   record->sequence >= count
               ? count
               : 0;
}

static void set_link(struct chain_cursor *cursor, const char *id, int64_t sequence, char letter) {
    memcpy(cursor->link.id, id, sizeof(cursor->link.id));
    cursor->link.sequence = sequence;
    cursor->link.operation = letter != '\0' ? ktki_operation_of_letter(letter) : OPERATION_COUNT;
}

/* The link at `position` of the recent ones. */
static void show(struct chain_cursor *cursor, int32_t position) {
    const struct commit_record *record = ktki_dataset_record(cursor->at);

    cursor->position = position;
    set_link(cursor, record->recent[position],
             record->sequence - (record->recent_count - 1 - position),
             record->recent_operations[0] != '\0' ? record->recent_operations[position] : '\0');
}

/* Take over a document, whose own commit becomes the link at hand. */
static void stand_at(struct chain_cursor *cursor, ktk_dataset *dataset) {
    const struct commit_record *record = ktki_dataset_record(dataset);
    int32_t count = recent_count(record);

    ktk_dataset_free(cursor->at);
    cursor->at = dataset;
    if (count > 0) {
        show(cursor, count - 1);
    } else {
        cursor->position = 0;
        set_link(cursor, record->id, record->sequence, '\0');
    }
}

/* The ids that the document at hand knows have run out; the link at hand is the oldest of them. Go
 * on from the oldest of these commits whose document is kept. */
static ktk_status refill(struct chain_cursor *cursor, ktk_error *err) {
    const struct chain_link oldest = cursor->link;
    int32_t count = recent_count(ktki_dataset_record(cursor->at));
    ktk_dataset *older = NULL;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < count - 1 && older == NULL; i++) {
        show(cursor, i);
        KTKI_TRY(ktki_chain_cursor_open(&older, cursor, err));
    }
    cursor->position = 0;
    cursor->link = oldest;
    if (older != NULL) {
        const struct commit_record *record = ktki_dataset_record(older);
        int32_t position = ktki_commit_recent_find(record, oldest.id);

        if (recent_count(record) == 0 || position < 0) {
            ktk_dataset_free(older);
            goto out;
        }
        stand_at(cursor, older);
        show(cursor, position);
    }
out:
    return status;
}

/* Beyond the first link of a list: the parent of the document that stands there. */
static ktk_status step_to_parent(struct chain_cursor *cursor, bool *is_there, ktk_error *err) {
    const struct commit_record *record = ktki_dataset_record(cursor->at);
    ktk_dataset *parent = NULL;
    ktk_status status = KTK_OK;

    *is_there = false;
    if (strcmp(record->id, cursor->link.id) != 0 || record->parent[0] == '\0' ||
        record->sequence <= 1) {
        goto out;
    }
    *is_there = true;
    KTKI_TRY(ktki_chain_open(&parent, ktk_dataset_store(cursor->head),
                             ktk_dataset_uuid(cursor->head), record->sequence - 1, record->parent,
                             err));
    if (parent != NULL) {
        stand_at(cursor, parent);
    } else {
        cursor->position = 0;
        set_link(cursor, record->parent, record->sequence - 1, '\0');
    }
out:
    return status;
}

ktk_status ktki_chain_cursor_next(struct chain_cursor *cursor, bool *is_there, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (cursor->at == NULL) {
        *is_there = ktki_dataset_record(cursor->head)->id[0] != '\0';
        if (*is_there) {
            stand_at(cursor, ktk_dataset_ref(cursor->head));
        }
        goto out;
    }
    if (cursor->position == 0) {
        KTKI_TRY(refill(cursor, err));
    }
    *is_there = cursor->position > 0;
    if (*is_there) {
        show(cursor, cursor->position - 1);
    } else {
        KTKI_TRY(step_to_parent(cursor, is_there, err));
    }
out:
    return status;
}

ktk_status ktki_chain_cursor_open(ktk_dataset **out, const struct chain_cursor *cursor,
                                  ktk_error *err) {
    const struct commit_record *record = ktki_dataset_record(cursor->at);
    bool is_at_hand = strcmp(record->id, cursor->link.id) == 0 &&
                      (cursor->at != cursor->head || ktki_is_own_state(cursor->head));

    if (is_at_hand) {
        *out = ktk_dataset_ref(cursor->at);
        return KTK_OK;
    }
    return ktki_chain_open(out, ktk_dataset_store(cursor->head), ktk_dataset_uuid(cursor->head),
                           cursor->link.sequence, cursor->link.id, err);
}
