/** A dataset `u` with a past, and what a test remembers of it. For the modules about histories. */
#ifndef KTK_TESTS_UPDATE_HISTORY_CASE_H
#define KTK_TESTS_UPDATE_HISTORY_CASE_H

#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/history.h>
#include <kartothek/query.h>

#define COLUMNS "p:string,v:int64"
#define DOCUMENT_KEY "u.by-dataset-metadata.json"
#define COMMITS_MAX 160

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static inline int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    memory = test_store_open(context);
    return 0;
}

static inline int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* ---- a dataset with a past, and what the test remembers of it ---- */

struct past {
    int count;
    ktk_commit commits[COMMITS_MAX];
    char *rows[COMMITS_MAX];
};

static inline void forget(struct past *past) {
    for (int i = 0; i < past->count; i++) {
        test_data_free(past->rows[i]);
    }
}

static inline void remember(struct past *past, const ktk_commit *commit) {
    ktk_error err;

    past->commits[past->count] = *commit;
    CHECK_OK(test_dataset_text(&past->rows[past->count], memory, "u", &err));
    past->count++;
}

/* Rows NULL: none; scope: the value of `p` that is deleted, NULL: none. */
static inline ktk_commit commit_to(ktk_store *store, ktk_update_mode mode, const char *columns,
                                   const char *rows, const char *scope, const char *metadata) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_predicate *where = NULL;
    ktk_update *update = NULL;
    ktk_commit commit;
    char text[64];
    ktk_error err;

    options.mode = mode;
    options.metadata = metadata;
    options.partition_on = keys;
    options.partition_on_count = columns != NULL ? 1 : 0;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    if (rows != NULL) {
        CHECK_OK(test_frame(&stream, context, columns, rows, 0, NULL, &err));
        CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    }
    if (scope != NULL) {
        (void)snprintf(text, sizeof(text), "p == '%s'", scope);
        CHECK_OK(ktk_predicate_parse(&where, context, text, &err));
        CHECK_OK(ktk_update_delete(update, where, &err));
        ktk_predicate_free(where);
    }
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    return commit;
}

static inline void step(struct past *past, ktk_update_mode mode, const char *rows,
                        const char *scope, const char *metadata) {
    ktk_commit commit = commit_to(memory, mode, COLUMNS, rows, scope, metadata);

    remember(past, &commit);
}

/* Every kind of commit there is. */
static inline void live(struct past *past) {
    ktk_commit commit;

    step(past, KTK_UPDATE_CREATE, "a,1;b,2", NULL, NULL);
    step(past, KTK_UPDATE_UPDATE, "c,3", NULL, NULL);
    step(past, KTK_UPDATE_UPDATE, NULL, "a", NULL);
    step(past, KTK_UPDATE_UPDATE, "b,20;d,4", "b", NULL);
    step(past, KTK_UPDATE_UPDATE, NULL, NULL, "{\"k\": 1}");
    commit = commit_to(memory, KTK_UPDATE_OVERWRITE, "p:string,w:double", "z,0.5", NULL, NULL);
    remember(past, &commit);
    commit = commit_to(memory, KTK_UPDATE_UPDATE, "p:string,w:double", "y,1.5", NULL, NULL);
    remember(past, &commit);
}

static inline char *rows_of(ktk_dataset *dataset) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    char *text = NULL;
    ktk_error err;

    CHECK_OK(ktk_query_stream(&stream, dataset, &options, &err));
    CHECK_OK(test_frame_text(&text, &stream, &err));
    return text;
}

static inline void check_version(const char *version, const char *wanted) {
    ktk_dataset *dataset = NULL;
    char *rows;
    ktk_error err;

    CHECK_OK(ktk_dataset_open_version(&dataset, memory, "u", version, &err));
    rows = rows_of(dataset);
    assert_string_equal(rows, wanted);
    test_data_free(rows);
    ktk_dataset_free(dataset);
}

static inline void refuse_version(const char *version, ktk_status wanted, const char *part) {
    ktk_dataset *dataset = TEST_POISON;
    ktk_error err;

    CHECK_STATUS(ktk_dataset_open_version(&dataset, memory, "u", version, &err), wanted);
    CHECK_MESSAGE(part);
    assert_ptr_equal(dataset, TEST_POISON);
}

/* What a walk says, as lines of "number operation partitions +added -removed", '*' behind the
 * current state. */
struct lines {
    char text[16384];
    size_t size;
    char ids[COMMITS_MAX][33];
    int count;
};

static inline ktk_status take_line(void *state, const ktk_history_entry *entry, ktk_error *err) {
    static const char *const kinds[] = {"", "!", "?"};
    struct lines *lines = state;

    (void)err;
    assert_true(lines->count < COMMITS_MAX);
    (void)snprintf(lines->ids[lines->count++], 33, "%s", entry->id);
    lines->size += (size_t)snprintf(
        lines->text + lines->size, sizeof(lines->text) - lines->size, "%s%d %s %d +%d -%d%s\n",
        kinds[entry->kind], (int)entry->sequence, entry->operation != NULL ? entry->operation : "",
        (int)entry->partition_count, (int)entry->added_count, (int)entry->removed_count,
        entry->is_current ? "*" : "");
    return KTK_OK;
}

static inline struct lines *walk(int64_t limit) {
    struct lines *lines = calloc(1, sizeof(*lines));
    ktk_error err;

    assert_non_null(lines);
    CHECK_OK(ktk_history_walk(memory, "u", limit, take_line, lines, &err));
    return lines;
}

static inline void check_walk(int64_t limit, const char *wanted) {
    struct lines *lines = walk(limit);

    assert_string_equal(lines->text, wanted);
    free(lines);
}

static inline void remove_version(const struct past *past, int index) {
    char key[128];
    ktk_error err;

    (void)snprintf(key, sizeof(key), "u/_ktk/v/%012d-%s.json", index + 1, past->commits[index].id);
    CHECK_OK(ktk_store_remove(memory, key, &err));
}

/* Somebody takes the last partition out of the document and leaves all else as it was. */
static inline void write_as_others_do(bool keeps_metadata) {
    static const char other[] =
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"metadata\": {}, "
        "\"partition_keys\": [\"p\"], \"partitions\": {}}";
    ktk_bytes bytes = KTK_BYTES_INIT;
    char *text;
    char *start;
    char *end;
    ktk_error err;

    if (!keeps_metadata) {
        CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, other, sizeof(other) - 1, NULL, NULL, &err));
        return;
    }
    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &bytes, NULL, &err));
    text = calloc(1, bytes.size + 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.size);
    ktk_bytes_clear(&bytes);
    start = strstr(text, ", \"p=b/");
    assert_non_null(start);
    end = strstr(start, "}}");
    assert_non_null(end);
    memmove(start, end + 2, strlen(end + 2) + 1);
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, text, strlen(text), NULL, NULL, &err));
    free(text);
}

static inline int64_t now_us(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A time that no commit has: ids and files have their times in milliseconds. */
static inline int64_t moment(void) {
    const struct timespec pause = {0, 3000000};
    int64_t time_us;

    (void)nanosleep(&pause, NULL);
    time_us = now_us();
    (void)nanosleep(&pause, NULL);
    return time_us;
}

static inline void check_at(int64_t time_us, const char *wanted) {
    ktk_dataset *dataset = NULL;
    char *rows;
    ktk_error err;

    CHECK_OK(ktk_dataset_open_at(&dataset, memory, "u", time_us, &err));
    rows = rows_of(dataset);
    assert_string_equal(rows, wanted);
    test_data_free(rows);
    ktk_dataset_free(dataset);
}

static inline void refuse_at(int64_t time_us, const char *part) {
    ktk_dataset *dataset = TEST_POISON;
    ktk_error err;

    CHECK_STATUS(ktk_dataset_open_at(&dataset, memory, "u", time_us, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE(part);
    assert_ptr_equal(dataset, TEST_POISON);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
