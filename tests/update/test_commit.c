#include "support/counting_store.h"
#include "support/failing_store.h"
#include "support/frame.h"
#include "support/hooked_store.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#define DOCUMENT_KEY "u.by-dataset-metadata.json"
#define SCHEMA_KEY "u/table/_common_metadata"

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    memory = test_store_open(context);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* ---- helpers ---- */

/* An update of dataset `u` with one input, to be committed. */
static ktk_update *prepared(ktk_store *store, ktk_update_mode mode, const char *columns,
                            const char *rows) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.commit_attempts_max = 4;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, columns, rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    return update;
}

static void written(ktk_store *store, const char *columns, const char *rows) {
    ktk_update *update = prepared(store, KTK_UPDATE_OVERWRITE, columns, rows);
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

/* ---- the document ---- */

static char *metadata_of(const char *uuid) {
    ktk_dataset *dataset = NULL;
    size_t size;
    const char *text;
    char *copy;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, uuid, &err));
    text = ktk_dataset_metadata(dataset, &size);
    copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, text, size + 1);
    ktk_dataset_free(dataset);
    return copy;
}

static void metadata_is_kept_with_the_commit_beside_it(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    char id[64];
    char *text;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    options.metadata = "{\"b\":[1,2.50],\"ktk.commit\":\"mine\",\"a\":{\"x\":\"\xC3\xBC\"}}";
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_add_nothing(update, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    text = metadata_of("u");
    assert_memory_equal(text, "{\"creation_time\": \"20", 21);
    assert_non_null(strstr(text, "\", \"b\": [1, 2.50], \"a\": {\"x\": \"\\u00fc\"}, "
                                 "\"ktk.commit\": \"{\\\"id\\\": \\\""));
    assert_null(strstr(text, "mine"));
    (void)snprintf(id, sizeof(id), "\\\"id\\\": \\\"%s\\\"", commit.id);
    assert_non_null(strstr(text, id));
    assert_non_null(strstr(text, "\\\"parent\\\": null, \\\"seq\\\": 1, "));
    assert_non_null(strstr(text, "\\\"op\\\": \\\"create\\\""));
    (void)snprintf(id, sizeof(id), "\"ktk.recent\": \"[\\\"%s\\\"]\"}", commit.id);
    assert_non_null(strstr(text, id));
    test_data_free(text);
}

static void a_given_creation_time_counts(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    char *text;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    options.metadata = "{\"a\": 1, \"creation_time\": \"2000-01-01T01:01:01\"}";
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_add_nothing(update, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    text = metadata_of("u");
    assert_memory_equal(text, "{\"creation_time\": \"2000-01-01T01:01:01\", \"a\": 1, ", 48);
    test_data_free(text);
}

static void commits_form_a_chain(void **unused) {
    ktk_update *update = prepared(memory, KTK_UPDATE_CREATE, "v:int64", "1");
    ktk_commit first;
    char parent[64];
    char *text;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_update_commit(update, &first, &err));
    ktk_update_free(update);
    written(memory, "v:int64", "2");
    text = metadata_of("u");
    (void)snprintf(parent, sizeof(parent), "\\\"parent\\\": \\\"%s\\\", \\\"seq\\\": 2", first.id);
    assert_non_null(strstr(text, parent));
    assert_non_null(strstr(text, "\\\"op\\\": \\\"overwrite\\\""));
    test_data_free(text);
}

static void a_broken_document_can_be_overwritten(void **unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, "{\"metadata\": {", 14, NULL, NULL, &err));
    written(memory, "v:int64", "1");
    test_check_dataset(memory, "u", "v|1");
}

/* D-17: what did not change is not written. */
static void the_schema_file_is_put_only_if_it_changes(void **unused) {
    struct counting_store counting = {0};
    ktk_store *store = counting_store_new(&counting, memory);

    (void)unused;
    /* Data, the document twice, the schema file twice. */
    written(store, "v:int64", "1");
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 5);
    written(store, "v:int8", "2");
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 8);
    written(store, "v:string", "x");
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 13);
    test_check_dataset(memory, "u", "v|x");
    ktk_store_free(store);
}

/* ---- races ---- */

static void one_of_two_creators_wins(void **unused) {
    ktk_update *winner = prepared(memory, KTK_UPDATE_CREATE, "v:int64", "1");
    ktk_update *loser = prepared(memory, KTK_UPDATE_CREATE, "w:string", "x");
    ktk_commit commit = {.attempts = 77};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_update_commit(winner, &commit, &err));
    ktk_update_free(winner);
    commit.attempts = 77;
    CHECK_STATUS(ktk_update_commit(loser, &commit, &err), KTK_E_EXISTS);
    CHECK_MESSAGE("'u'");
    assert_int_equal(commit.attempts, 77);
    CHECK_STATUS(ktk_update_add_nothing(loser, &err), KTK_E_INVALID);
    ktk_update_free(loser);
    test_check_dataset(memory, "u", "v|1");
    /* Data, the document and the schema twice each: nothing of the loser. */
    assert_int_equal(test_key_count(memory, ""), 5);
}

static void one_of_two_overwriters_wins(void **unused) {
    ktk_update *winner;
    ktk_update *loser;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    written(memory, "v:int64", "0");
    winner = prepared(memory, KTK_UPDATE_OVERWRITE, "v:int64", "1");
    loser = prepared(memory, KTK_UPDATE_OVERWRITE, "w:string", "x");
    CHECK_OK(ktk_update_commit(winner, &commit, &err));
    ktk_update_free(winner);
    CHECK_STATUS(ktk_update_commit(loser, &commit, &err), KTK_E_CONFLICT);
    ktk_update_free(loser);
    test_check_dataset(memory, "u", "v|1");
}

static void a_forced_overwriter_wins(void **unused) {
    static const ktk_document_format formats[] = {KTK_DOCUMENT_JSON, KTK_DOCUMENT_MSGPACK};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_error err;

    (void)unused;
    options.on_conflict = KTK_ON_CONFLICT_FORCE;
    for (size_t i = 0; i < 2 * 2; i++) {
        struct ArrowArrayStream stream = {0};
        ktk_update *update = NULL;
        ktk_commit commit;

        options.mode = KTK_UPDATE_OVERWRITE;
        options.document_format = formats[i % 2];
        if (i / 2 == 0) {
            written(memory, "v:int64", "0");
        }
        CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
        CHECK_OK(test_frame(&stream, context, "w:string", "mine", 0, NULL, &err));
        CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
        written(memory, "v:int64", "1");
        CHECK_OK(ktk_update_commit(update, &commit, &err));
        ktk_update_free(update);
        test_check_dataset(memory, "u", "w|mine");
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
    options.mode = KTK_UPDATE_CREATE;
    CHECK_STATUS(ktk_update_begin(&(ktk_update *){NULL}, memory, "u", &options, &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("overwrite");
}

/* Somebody else commits a whole update of his own at the moment of a put. */
struct rival {
    ktk_update_mode mode;
    const char *columns;
    const char *rows;
};

static void rival_commits(void *state) {
    const struct rival *rival = state;
    ktk_update *update = prepared(memory, rival->mode, rival->columns, rival->rows);
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

/* Whenever the rival comes, and whatever his schema, the dataset is whole and his. */
static void a_rival_at_any_moment_keeps_his_schema(void **unused) {
    static const char *const moments[] = {".parquet", SCHEMA_KEY, DOCUMENT_KEY};
    static const struct {
        const char *columns;
        const char *rows;
        const char *wanted;
    } frames[] = {{"v:int64", "1", "v|1"}, {"w:string", "x", "w|x"}, {"w:bool", "t", "w|true"}};

    (void)unused;
    for (size_t i = 0; i < 3 * 3 * 2 * 2; i++) {
        bool exists = i % 2 == 0; /* there is a dataset to overwrite */
        bool is_after = i / 2 % 2 == 0;
        size_t frame = i / 4 % 3;
        ktk_update_mode mode = exists ? KTK_UPDATE_OVERWRITE : KTK_UPDATE_CREATE;
        struct rival rival = {mode, frames[frame].columns, frames[frame].rows};
        struct hooked_store hooked = {.key_suffix = moments[i / 12], .state = &rival};
        ktk_store *store = hooked_store_new(&hooked, memory);
        ktk_update *update;
        ktk_commit commit;
        ktk_error err;

        if (is_after && i / 12 == 2) {
            ktk_store_free(store); /* after the document's put the rival is no rival */
            continue;
        }
        if (exists) {
            written(memory, "v:int64", "0");
        }
        if (is_after) {
            hooked.after_put = rival_commits;
        } else {
            hooked.before_put = rival_commits;
        }
        update = prepared(store, mode, "w:string", "mine");
        CHECK_STATUS(ktk_update_commit(update, &commit, &err),
                     exists ? KTK_E_CONFLICT : KTK_E_EXISTS);
        ktk_update_free(update);
        test_check_dataset(memory, "u", frames[frame].wanted);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(store);
    }
}

/* ---- rivals that write schemas and formats ---- */

static void rival_types_w(void *unused) {
    ktk_update *update = prepared(memory, KTK_UPDATE_UPDATE, "v:null,w:int64", ",2");
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

/* He commits between our commit and our last look at the schema file. */
static void a_rival_right_after_the_commit_keeps_his_schema(void **unused) {
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .after_put = rival_types_w};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_bytes stored = KTK_BYTES_INIT;
    ktk_dataset *dataset = NULL;
    const void *wanted;
    size_t size;
    ktk_update *update;
    ktk_error err;

    (void)unused;
    written(memory, "v:null,w:null", ",");
    update = prepared(store, KTK_UPDATE_UPDATE, "v:int64,w:null", "1,");
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
    test_check_dataset(memory, "u", "v,w|,;1,;,2");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    CHECK_OK(ktk_dataset_schema_file(dataset, "table", &wanted, &size, &err));
    CHECK_OK(ktk_store_get(memory, SCHEMA_KEY, &stored, NULL, &err));
    assert_int_equal(stored.size, size);
    assert_memory_equal(stored.data, wanted, size);
    ktk_bytes_clear(&stored);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
}

/* What kartothek does with a dataset whose document is in MessagePack: it writes one in JSON, which
 * from then on is the document. */
static void turn_to_json(void *unused) {
    ktk_dataset *dataset = NULL;
    const char *text;
    size_t size;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    CHECK_OK(ktk_dataset_document(&text, &size, dataset, &err));
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, text, size, NULL, NULL, &err));
    ktk_dataset_free(dataset);
}

/* Whether that happens before our commit looks, or right before its put. */
static void an_update_follows_a_document_to_another_format(void **unused) {
    static const char *const moments[] = {".parquet", "u.by-dataset-metadata.msgpack.zstd"};

    (void)unused;
    for (int i = 0; i < 2; i++) {
        struct hooked_store hooked = {.key_suffix = moments[i], .before_put = turn_to_json};
        ktk_store *store = hooked_store_new(&hooked, memory);
        ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
        struct ArrowArrayStream stream = {0};
        ktk_update *update = NULL;
        ktk_error err;

        options.document_format = KTK_DOCUMENT_MSGPACK;
        CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
        CHECK_OK(test_frame(&stream, context, "v:int64", "1", 0, NULL, &err));
        CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
        CHECK_OK(ktk_update_commit(update, NULL, &err));
        ktk_update_free(update);
        update = prepared(store, KTK_UPDATE_UPDATE, "v:int64", "2");
        CHECK_OK(ktk_update_commit(update, NULL, &err));
        ktk_update_free(update);
        test_check_dataset(memory, "u", "v|1;2");
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(store);
    }
}

/* ---- answers that do not come ---- */

/* Put 0 is the data file, puts 1 and 2 are what is kept of document and schema. */
#define PUT_OF_SCHEMA 3
#define PUT_OF_DOCUMENT 4

static void a_lost_answer_is_not_a_failure(void **unused) {
    static const ktk_status statuses[] = {KTK_E_UNAVAILABLE, KTK_E_IO, KTK_E_CONFLICT, KTK_E_EXISTS,
                                          KTK_E_DENIED};

    (void)unused;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        for (int64_t n = PUT_OF_SCHEMA; n <= PUT_OF_DOCUMENT; n++) {
            struct failing_store failing = {.fail_at = n,
                                            .fails_once = true,
                                            .is_applied = true,
                                            .kinds = 1u << STORE_CALL_PUT,
                                            .status = statuses[i]};
            ktk_store *store = failing_store_new(&failing, memory);
            ktk_update *update = prepared(store, KTK_UPDATE_CREATE, "v:int64", "1");
            ktk_commit commit;
            ktk_error err;

            CHECK_OK(ktk_update_commit(update, &commit, &err));
            ktk_update_free(update);
            assert_int_equal(atomic_load(&failing.failures), 1);
            test_check_dataset(memory, "u", "v|1");
            CHECK_OK(ktk_dataset_drop(memory, "u", &err));
            ktk_store_free(store);
        }
    }
}

static void seventy_commits(void *unused) {
    (void)unused;
    for (int i = 0; i < 70; i++) {
        ktk_update *update = prepared(memory, KTK_UPDATE_UPDATE, "v:int64", "7");
        ktk_error err;

        CHECK_OK(ktk_update_commit(update, NULL, &err));
        ktk_update_free(update);
    }
}

/* The commits that came since are more than the last one names. */
static void a_lost_answer_is_found_far_back(void **unused) {
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .after_put = seventy_commits};
    ktk_store *middle = hooked_store_new(&hooked, memory);
    struct failing_store failing = {.fail_at = 2, /* data file, copy of the document, document */
                                    .fails_once = true,
                                    .is_applied = true,
                                    .kinds = 1u << STORE_CALL_PUT,
                                    .status = KTK_E_UNAVAILABLE};
    ktk_store *store = failing_store_new(&failing, middle);
    ktk_dataset *dataset = NULL;
    ktk_update *update;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    written(memory, "v:int64", "1");
    update = prepared(store, KTK_UPDATE_UPDATE, "v:int64", "2");
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    assert_int_equal(atomic_load(&failing.failures), 1);
    assert_int_equal(commit.attempts, 1);
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    assert_int_equal(ktk_dataset_partition_count(dataset), 72);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    ktk_store_free(middle);
}

static void a_moment_of_unavailability_is_waited_for(void **unused) {
    struct failing_store failing = {.fail_at = PUT_OF_DOCUMENT,
                                    .fails_once = true,
                                    .kinds = 1u << STORE_CALL_PUT,
                                    .status = KTK_E_UNAVAILABLE};
    ktk_store *store = failing_store_new(&failing, memory);
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    options.commit_time_max_ms = INT64_MAX;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, "v:int64", "1", 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    assert_int_equal(commit.attempts, 2);
    ktk_update_free(update);
    test_check_dataset(memory, "u", "v|1");
    ktk_store_free(store);
}

static void an_unknown_outcome_keeps_the_files(void **unused) {
    static const uint32_t kinds[] = {1u << STORE_CALL_PUT,
                                     1u << STORE_CALL_PUT | 1u << STORE_CALL_GET};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct failing_store failing = {
            .fail_at = -1, .kinds = kinds[i], .status = KTK_E_UNAVAILABLE};
        ktk_store *store = failing_store_new(&failing, memory);
        ktk_update *update = prepared(store, KTK_UPDATE_CREATE, "v:int64", "1");
        ktk_commit commit;
        ktk_error err;

        /* Calls so far, gets of both documents and of the schema file, puts up to the schema's;
         * then the put of the document and all after. */
        failing.fail_at = i == 0 ? PUT_OF_DOCUMENT : atomic_load(&failing.calls) + 3 + 3;
        CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_UNKNOWN_OUTCOME);
        CHECK_MESSAGE("unknown");
        ktk_update_free(update);
        assert_int_equal(test_key_count(memory, "u/table/"), 2);
        assert_int_equal(test_key_count(memory, DOCUMENT_KEY), 0);
        CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, "", 0, NULL, NULL, &err));
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(store);
    }
}

static void a_definite_failure_leaves_the_old_dataset(void **unused) {
    (void)unused;
    for (int64_t n = 0; n <= PUT_OF_DOCUMENT; n++) {
        struct failing_store failing = {
            .fail_at = -1, .fails_once = true, .kinds = 1u << STORE_CALL_PUT};
        struct ArrowArrayStream stream = {0};
        ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
        ktk_store *store = failing_store_new(&failing, memory);
        ktk_bytes before = KTK_BYTES_INIT;
        ktk_bytes after = KTK_BYTES_INIT;
        ktk_update *update = NULL;
        ktk_commit commit;
        ktk_status status;
        ktk_error err;

        written(memory, "v:int64", "1");
        CHECK_OK(ktk_store_get(memory, SCHEMA_KEY, &before, NULL, &err));
        failing.fail_at = n;
        options.mode = KTK_UPDATE_OVERWRITE;
        CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
        CHECK_OK(test_frame(&stream, context, "w:string", "x", 0, NULL, &err));
        status = ktk_update_add(update, &stream, NULL, &err);
        if (status == KTK_OK) {
            status = ktk_update_commit(update, &commit, &err);
        }
        assert_int_equal(status, KTK_E_IO);
        ktk_update_free(update);
        test_check_dataset(memory, "u", "v|1");
        assert_int_equal(test_key_count(memory, "u/table/"), 2);
        /* Readers that know of no copies read the schema here. */
        CHECK_OK(ktk_store_get(memory, SCHEMA_KEY, &after, NULL, &err));
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.data, before.data, before.size);
        ktk_bytes_clear(&after);
        ktk_bytes_clear(&before);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(store);
    }
}

/* ---- stores without conditional put ---- */

static void commits_without_conditional_puts(void **unused) {
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .is_unconditional = true};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_update *update = prepared(store, KTK_UPDATE_CREATE, "v:int64", "1");
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    assert_false(ktk_store_has_conditional_put(store));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    test_check_dataset(memory, "u", "v|1");
    written(store, "w:string", "x");
    test_check_dataset(memory, "u", "w|x");
    ktk_store_free(store);
}

static const char foreign[] =
    "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {}}";

/* As the originals do it: without looking. */
static void clobber(void *unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, foreign, strlen(foreign), NULL, NULL, &err));
}

static void finds_rivals_without_conditional_puts(void **unused) {
    static const char *const moments[] = {".parquet", SCHEMA_KEY, DOCUMENT_KEY};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct hooked_store hooked = {
            .key_suffix = moments[i], .after_put = clobber, .is_unconditional = true};
        ktk_store *store = hooked_store_new(&hooked, memory);
        ktk_update *update = prepared(store, KTK_UPDATE_CREATE, "w:string", "mine");
        ktk_bytes document = KTK_BYTES_INIT;
        ktk_commit commit;
        ktk_error err;

        CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_EXISTS);
        ktk_update_free(update);
        CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &document, NULL, &err));
        assert_int_equal(document.size, strlen(foreign));
        ktk_bytes_clear(&document);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(store);
    }
}

static void who_is_overwritten_knowingly_has_committed(void **unused) {
    struct rival rival = {KTK_UPDATE_OVERWRITE, "w:string", "his"};
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY,
                                  .after_put = rival_commits,
                                  .state = &rival,
                                  .is_unconditional = true};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_update *update = prepared(store, KTK_UPDATE_CREATE, "w:string", "mine");
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    test_check_dataset(memory, "u", "w|his");
    ktk_store_free(store);
}

/* One more row under an id, as often as a scheduler repeats it. */
static void commit_under(const char *id, ktk_update_mode mode, const char *rows) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    options.mode = mode;
    options.commit_id = id;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, "v:string", rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    assert_string_equal(commit.id, id);
    ktk_update_free(update);
}

static void a_commit_that_is_repeated_is_made_once(void **unused) {
    static const char first[] = "000102030405060708090a0b0c0d0e0f";
    static const char second[] = "101112131415161718191a1b1c1d1e1f";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    (void)unused;
    written(memory, "v:string", "base");
    commit_under(first, KTK_UPDATE_UPDATE, "one");
    commit_under(first, KTK_UPDATE_UPDATE, "one");
    test_check_dataset(memory, "u", "v|base;one");
    commit_under(second, KTK_UPDATE_UPDATE, "two");
    commit_under(first, KTK_UPDATE_UPDATE, "one");
    test_check_dataset(memory, "u", "v|base;one;two");
    /* What came after an overwriting is not overwritten by its repetition. */
    commit_under("202122232425262728292a2b2c2d2e2f", KTK_UPDATE_OVERWRITE, "new");
    commit_under("303132333435363738393a3b3c3d3e3f", KTK_UPDATE_UPDATE, "after");
    commit_under("202122232425262728292a2b2c2d2e2f", KTK_UPDATE_OVERWRITE, "new");
    test_check_dataset(memory, "u", "v|new;after");
    options.mode = KTK_UPDATE_UPDATE;
    options.commit_id = "202122232425262728292A2B2C2D2E2F";
    assert_int_equal(ktk_update_begin(&update, memory, "u", &options, &err), KTK_E_INVALID);
    assert_non_null(strstr(err.message, options.commit_id));
    assert_null(update);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(metadata_is_kept_with_the_commit_beside_it),
        CASE(a_given_creation_time_counts),
        CASE(commits_form_a_chain),
        CASE(a_broken_document_can_be_overwritten),
        CASE(the_schema_file_is_put_only_if_it_changes),
        CASE(one_of_two_creators_wins),
        CASE(one_of_two_overwriters_wins),
        CASE(a_forced_overwriter_wins),
        CASE(a_rival_at_any_moment_keeps_his_schema),
        CASE(a_rival_right_after_the_commit_keeps_his_schema),
        CASE(an_update_follows_a_document_to_another_format),
        CASE(a_lost_answer_is_not_a_failure),
        CASE(a_lost_answer_is_found_far_back),
        CASE(a_moment_of_unavailability_is_waited_for),
        CASE(an_unknown_outcome_keeps_the_files),
        CASE(a_definite_failure_leaves_the_old_dataset),
        CASE(commits_without_conditional_puts),
        CASE(finds_rivals_without_conditional_puts),
        CASE(who_is_overwritten_knowingly_has_committed),
        CASE(a_commit_that_is_repeated_is_made_once),
    };
    return cmocka_run_group_tests_name("update/commit", tests, NULL, NULL);
}
