#include "update/history_open.h"

#include <stdlib.h>

#include <kartothek/history.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_format.h"
#include "store/backend.h"
#include "update/history_chain.h"

#define PREFIX_SIZE_MIN 4
#define NUMBER_SIZE_MAX 12
#define MICROSECONDS 1000000

/* ---- the name of a version ---- */

struct version_name {
    const char *text;
    size_t size;
    int64_t sequence; /* -1: the text starts an id */
};

static ktk_status parse_name(struct version_name *out, const char *text, ktk_error *err) {
    struct version_name name = {.text = text, .size = strlen(text), .sequence = -1};
    bool is_number = strspn(text, "0123456789") == name.size;
    bool is_hex = strspn(text, "0123456789abcdef") == name.size;

    if (is_number && name.size >= 1 && name.size <= NUMBER_SIZE_MAX) {
        (void)ktki_parse_i64(text, name.size, &name.sequence);
    } else if (!is_hex || name.size < PREFIX_SIZE_MIN || name.size >= KTKI_UUID_TEXT_SIZE) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "'%.64s' is no version: give its number, or the first 4 to 32 hex "
                             "digits of its id",
                             text);
    }
    *out = name;
    return KTK_OK;
}

static bool matches(const struct version_name *name, const struct chain_link *link) {
    return name->sequence >= 0 ? link->sequence == name->sequence
                               : strncmp(link->id, name->text, name->size) == 0;
}

static ktk_status not_kept(const ktk_dataset *head, const struct chain_link *link, ktk_error *err) {
    return ktk_error_set(err, KTK_E_NOT_FOUND, "version %lld of dataset '%s' is not kept any more",
                         (long long)link->sequence, ktk_dataset_uuid(head));
}

/* The document of the commit at hand, which says that it is one of the past. */
static ktk_status open_link(ktk_dataset **out, const struct chain_cursor *cursor, ktk_error *err) {
    ktk_dataset *dataset = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_chain_cursor_open(&dataset, cursor, err));
    if (dataset == NULL) {
        status = not_kept(cursor->head, &cursor->link, err);
        goto out;
    }
    if (dataset != cursor->head) {
        ktki_dataset_set_past(dataset, cursor->link.sequence);
    }
    *out = dataset;
out:
    return status;
}

/* Look for the link; the cursor stays at it. A short id must be that of one commit alone. */
static ktk_status find_link(struct chain_cursor *found, ktk_dataset *head,
                            const struct version_name *name, ktk_error *err) {
    struct chain_cursor cursor;
    int64_t newest = 0;
    bool is_there = true;
    ktk_status status = KTK_OK;

    ktki_chain_cursor_init(&cursor, head);
    for (;;) {
        bool is_found = found->at != NULL;

        if (is_found && (name->sequence >= 0 || name->size == KTKI_UUID_TEXT_SIZE - 1)) {
            break;
        }
        KTKI_TRY(ktki_chain_cursor_next(&cursor, &is_there, err));
        if (!is_there) {
            break;
        }
        newest = newest == 0 ? cursor.link.sequence : newest;
        if (!matches(name, &cursor.link)) {
            continue;
        }
        if (is_found) {
            KTKI_FAIL(err, KTK_E_INVALID,
                      "'%s' starts the ids of several versions of dataset '%s', of number %lld and "
                      "%lld among others",
                      name->text, ktk_dataset_uuid(head), (long long)found->link.sequence,
                      (long long)cursor.link.sequence);
        }
        *found = cursor;
        found->at = ktk_dataset_ref(cursor.at);
    }
    if (found->at == NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND,
                  "the history of dataset '%s' has no version '%s'; its newest is %lld",
                  ktk_dataset_uuid(head), name->text, (long long)newest);
    }
out:
    ktki_chain_cursor_clear(&cursor);
    return status;
}

ktk_status ktki_history_open(ktk_dataset **out, ktk_dataset *head, const char *version,
                             ktk_error *err) {
    struct chain_cursor found = {.head = head};
    struct version_name name = {.text = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(parse_name(&name, version, err));
    KTKI_TRY(find_link(&found, head, &name, err));
    KTKI_TRY(open_link(out, &found, err));
out:
    ktki_chain_cursor_clear(&found);
    return status;
}

ktk_status ktk_dataset_open_version(ktk_dataset **out, ktk_store *store, const char *uuid,
                                    const char *version, ktk_error *err) {
    ktk_dataset *head = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_open(&head, store, uuid, err));
    KTKI_TRY(ktki_history_open(out, head, version, err));
out:
    ktk_dataset_free(head);
    return status;
}

/* ---- by time ---- */

static bool time_of_text(int64_t *out, const char *text) {
    int64_t seconds;
    int64_t days;
    int32_t nanoseconds;
    bool has_offset;

    if (ktki_parse_date(text, strlen(text), &days)) {
        return ktki_mul_i64(days, (int64_t)86400 * MICROSECONDS, out);
    }
    return ktki_parse_timestamp(text, strlen(text), &seconds, &nanoseconds, &has_offset) &&
           ktki_mul_i64(seconds, MICROSECONDS, out) && ktki_add_i64(*out, nanoseconds / 1000, out);
}

/* A year of more than four digits is a slip of the hand, and must not give the newest state. */
static ktk_status check_time(int64_t time_us, ktk_error *err) {
    static const int64_t day_us = (int64_t)86400 * MICROSECONDS;
    char text[KTKI_TIME_TEXT_MAX];

    if (time_us >= ktki_days_from_civil(1, 1, 1) * day_us &&
        time_us < ktki_days_from_civil(10000, 1, 1) * day_us) {
        return KTK_OK;
    }
    (void)ktki_format_timestamp(time_us, MICROSECONDS, 'T', text);
    return ktk_error_set(err, KTK_E_INVALID,
                         "the time '%s' is out of range: give one of the years 0001 to 9999", text);
}

ktk_status ktk_time_parse(int64_t *out_us, const char *text, ktk_error *err) {
    int64_t time_us;
    ktk_status status = KTK_OK;

    if (!time_of_text(&time_us, text)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "'%.64s' is no time: give YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, with +HH:MM behind "
                  "it unless it is UTC",
                  text);
    }
    KTKI_TRY(check_time(time_us, err));
    *out_us = time_us;
out:
    return status;
}

int64_t ktki_commit_begun_us(const char *id) {
    char digits[13];

    if (id[12] != '7') {
        return INT64_MIN;
    }
    memcpy(digits, id, 12);
    digits[12] = '\0';
    return (int64_t)strtoull(digits, NULL, 16) * 1000;
}

static ktk_status no_such_time(const ktk_dataset *head, int64_t time_us, const char *why,
                               ktk_error *err) {
    char text[KTKI_TIME_TEXT_MAX];

    (void)ktki_format_timestamp(time_us, MICROSECONDS, 'T', text);
    return ktk_error_set(err, KTK_E_NOT_FOUND,
                         "the state of dataset '%s' at %s UTC is not known: %s",
                         ktk_dataset_uuid(head), text, why);
}

/* Was the state of the time written by somebody else, after the commit that was found? `newer`: the
 * cursor at the commit after it; its `at` is NULL if there is none. */
static ktk_status check_foreign(const struct chain_cursor *newer, ktk_dataset *head,
                                int64_t time_us, ktk_error *err) {
    ktk_dataset *dataset = NULL;
    bool is_foreign = newer->at == NULL && !ktki_is_own_state(head);
    ktk_status status = KTK_OK;

    if (newer->at != NULL) {
        KTKI_TRY(ktki_chain_cursor_open(&dataset, newer, err));
        is_foreign = dataset != NULL && ktki_dataset_record(dataset)->follows_foreign;
    }
    if (is_foreign) {
        status = no_such_time(head, time_us,
                              "a program that keeps no history wrote around that time; name a "
                              "version",
                              err);
    }
out:
    ktk_dataset_free(dataset);
    return status;
}

/* The commit at hand was begun by then: was it made by then, too? */
static ktk_status is_made_by(bool *out, ktk_dataset **dataset, const struct chain_cursor *cursor,
                             int64_t time_us, ktk_error *err) {
    const char *time;
    int64_t made_us;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_link(dataset, cursor, err));
    time = ktki_dataset_record(*dataset)->time;
    *out = time == NULL || !time_of_text(&made_us, time) || made_us <= time_us;
out:
    return status;
}

ktk_status ktki_history_open_at(ktk_dataset **out, ktk_dataset *head, int64_t time_us,
                                ktk_error *err) {
    struct chain_cursor newer = {.head = head};
    struct chain_cursor cursor;
    ktk_dataset *dataset = NULL;
    int64_t written_us = -1;
    bool is_found = false;
    bool is_there = true;
    ktk_status status = KTK_OK;

    ktki_chain_cursor_init(&cursor, head);
    if (!ktki_is_own_state(head)) {
        KTKI_TRY(ktki_document_written_at(&written_us, head, err));
    }
    /* Where it may have been written later than the store says, what was there before is not known:
     * that is told below. */
    if (written_us >= 0 && written_us <= time_us - ktki_store_told_within_us(written_us)) {
        *out = ktk_dataset_ref(head);
        goto out;
    }
    while (!is_found) {
        KTKI_TRY(ktki_chain_cursor_next(&cursor, &is_there, err));
        if (!is_there) {
            status = no_such_time(head, time_us, "its history does not go back so far", err);
            goto out;
        }
        if (ktki_commit_begun_us(cursor.link.id) <= time_us) {
            KTKI_TRY(is_made_by(&is_found, &dataset, &cursor, time_us, err));
        }
        if (!is_found) {
            ktk_dataset_free(dataset);
            dataset = NULL;
            ktki_chain_cursor_clear(&newer);
            newer = cursor;
            newer.at = ktk_dataset_ref(cursor.at);
        }
    }
    KTKI_TRY(check_foreign(&newer, head, time_us, err));
    *out = dataset;
    dataset = NULL;
out:
    ktk_dataset_free(dataset);
    ktki_chain_cursor_clear(&newer);
    ktki_chain_cursor_clear(&cursor);
    return status;
}

ktk_status ktk_dataset_open_at(ktk_dataset **out, ktk_store *store, const char *uuid,
                               int64_t time_us, ktk_error *err) {
    ktk_dataset *head = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_open(&head, store, uuid, err));
    KTKI_TRY(ktki_history_open_at(out, head, time_us, err));
out:
    ktk_dataset_free(head);
    return status;
}
