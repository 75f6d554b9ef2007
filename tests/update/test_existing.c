/* Updates of datasets that are there: what is added, deleted, set, and joined with what others did.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/predicate.h>
#include <kartothek/update.h>

#include "store/backend.h"
#include "support/counting_store.h"
#include "support/frame.h"
#include "support/hooked_store.h"

#define DOCUMENT_KEY "u.by-dataset-metadata.json"
#define MSGPACK_KEY "u.by-dataset-metadata.msgpack.zstd"
#define COLUMNS "p:string,v:int64"

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

static const char *const partition_on[] = {"p"};

/* What an update does; what is NULL is not done. */
struct deed {
    ktk_update_mode mode;
    const char *rows;     /* of p and v */
    const char *where;    /* delete scope */
    const char *metadata; /* to set */
    ktk_on_conflict on_conflict;
    const char *columns; /* of `rows`, if others */
    const char *table;
    ktk_delete_mode delete_mode;
    ktk_document_format document_format;
};

static ktk_status begin(ktk_update **out, ktk_store *store, const struct deed *deed,
                        ktk_error *err) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_predicate *where = NULL;
    ktk_status status;

    options.mode = deed->mode;
    options.table = deed->table;
    options.metadata = deed->metadata;
    options.on_conflict = deed->on_conflict;
    options.delete_mode = deed->delete_mode;
    options.document_format = deed->document_format;
    options.commit_attempts_max = 4;
    if (deed->mode == KTK_UPDATE_CREATE || deed->mode == KTK_UPDATE_CREATE_OR_UPDATE) {
        options.partition_on = partition_on;
        options.partition_on_count = 1;
    }
    status = ktk_update_begin(out, store, "u", &options, err);
    if (status == KTK_OK && deed->where != NULL) {
        assert_int_equal(ktk_predicate_parse(&where, context, deed->where, err), KTK_OK);
        status = ktk_update_delete(*out, where, err);
        ktk_predicate_free(where);
    }
    if (status == KTK_OK && deed->rows != NULL) {
        assert_int_equal(test_frame(&stream, context,
                                    deed->columns != NULL ? deed->columns : COLUMNS, deed->rows, 0,
                                    NULL, err),
                         KTK_OK);
        status = ktk_update_add(*out, &stream, NULL, err);
    }
    return status;
}

static ktk_status perform(ktk_store *store, const struct deed *deed, ktk_commit *commit,
                          ktk_error *err) {
    ktk_update *update = NULL;
    ktk_status status = begin(&update, store, deed, err);

    if (status == KTK_OK) {
        status = ktk_update_commit(update, commit, err);
    }
    ktk_update_free(update);
    return status;
}

static void done(const struct deed *deed) {
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(perform(memory, deed, &commit, &err));
}

static void created(const char *rows) {
    const struct deed deed = {.mode = KTK_UPDATE_CREATE, .rows = rows};

    done(&deed);
}

static void check_rows(const char *wanted) {
    test_check_dataset(memory, "u", wanted);
}

static char *document(void) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    char *text;
    ktk_error err;

    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &bytes, NULL, &err));
    text = malloc(bytes.size + 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    ktk_bytes_clear(&bytes);
    return text;
}

static void check_document(const char *part) {
    char *text = document();

    if (strstr(text, part) == NULL) {
        fail_msg("the document does not contain %s: %s", part, text);
    }
    free(text);
}

/* ---- adding ---- */

static void rows_are_added(void **unused) {
    const struct deed append = {.mode = KTK_UPDATE_UPDATE, .rows = "b,2;a,3"};
    struct counting_store counting = {0};
    ktk_store *store = counting_store_new(&counting, memory);
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1");
    CHECK_OK(perform(store, &append, &commit, &err));
    check_rows("p,v|a,1;b,2;a,3");
    assert_int_equal(commit.partition_count, 2);
    assert_int_equal(commit.row_count, 2);
    assert_int_equal(commit.removed_count, 0);
    assert_false(commit.met_foreign_writer);
    /* Two files, the document twice; the schema is as it was. */
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 2 + 2);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_REMOVE]), 0);
    check_document("\\\"seq\\\": 2, ");
    check_document("\\\"op\\\": \\\"append\\\"");
    check_document("\\\"ops\\\": \\\"ca\\\"");
    ktk_store_free(store);
}

static void what_must_exist_must_exist(void **unused) {
    const struct deed append = {.mode = KTK_UPDATE_UPDATE, .rows = "b,2"};
    const struct deed either = {.mode = KTK_UPDATE_CREATE_OR_UPDATE, .rows = "a,1"};
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(perform(memory, &append, &commit, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'u'");
    assert_int_equal(test_key_count(memory, ""), 0);
    done(&either);
    check_document("\\\"op\\\": \\\"create\\\"");
    done(&either);
    check_rows("p,v|a,1;a,1");
    check_document("\\\"op\\\": \\\"append\\\"");
}

/* D-04: there is no second table by mistake. */
static void the_dataset_decides_on_table_columns_and_types(void **unused) {
    static const struct {
        struct deed deed;
        ktk_status status;
        const char *message;
    } cases[] = {
        {{.mode = KTK_UPDATE_UPDATE, .rows = "b,2", .table = "other"}, KTK_E_INVALID, "'table'"},
        {{.mode = KTK_UPDATE_UPDATE, .rows = "b,x", .columns = "p:string,v:string"},
         KTK_E_SCHEMA,
         "'v'"},
        {{.mode = KTK_UPDATE_UPDATE, .rows = "b,2,3", .columns = "p:string,v:int64,w:int64"},
         KTK_E_SCHEMA,
         "'w'"},
        {{.mode = KTK_UPDATE_UPDATE, .rows = "2", .columns = "v:int64"}, KTK_E_INVALID, "p"},
    };
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    static const char *const other[] = {"v"};
    ktk_update *update = TEST_POISON;
    int64_t keys;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1");
    keys = test_key_count(memory, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STATUS(perform(memory, &cases[i].deed, &commit, &err), cases[i].status);
        CHECK_MESSAGE(cases[i].message);
    }
    options.mode = KTK_UPDATE_UPDATE;
    options.partition_on = other;
    options.partition_on_count = 1;
    CHECK_STATUS(ktk_update_begin(&update, memory, "u", &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'p'");
    CHECK_MESSAGE("'v'");
    assert_ptr_equal(update, TEST_POISON);
    assert_int_equal(test_key_count(memory, ""), keys);
    check_rows("p,v|a,1");
}

static void null_columns_get_their_type_later(void **unused) {
    const struct deed create = {
        .mode = KTK_UPDATE_CREATE, .rows = "a,", .columns = "p:string,v:null"};
    const struct deed append = {.mode = KTK_UPDATE_UPDATE, .rows = "b,2"};
    const struct deed nulls = {
        .mode = KTK_UPDATE_UPDATE, .rows = "c,", .columns = "p:string,v:null"};

    (void)unused;
    done(&create);
    done(&append);
    done(&nulls);
    check_rows("p,v|a,;b,2;c,");
}

static void a_label_must_be_new(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;

    (void)unused;
    options.mode = KTK_UPDATE_CREATE_OR_UPDATE;
    for (int i = 0; i < 2; i++) {
        struct ArrowArrayStream stream = {0};
        ktk_update *update = NULL;
        ktk_commit commit;
        ktk_error err;

        CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
        CHECK_OK(test_frame(&stream, context, "v:int64", "1", 0, NULL, &err));
        if (i == 0) {
            CHECK_OK(ktk_update_add(update, &stream, "x", &err));
            CHECK_OK(ktk_update_commit(update, &commit, &err));
        } else {
            CHECK_STATUS(ktk_update_add(update, &stream, "x", &err), KTK_E_INVALID);
            CHECK_MESSAGE("'x'");
        }
        ktk_update_free(update);
    }
    assert_int_equal(test_key_count(memory, "u/table/"), 2);
}

static void what_others_wrote_into_the_document_stays(void **unused) {
    static const char foreign[] =
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"later\": {\"x\": [1.50]}, "
        "\"metadata\": {\"creation_time\": \"2019-01-01T00:00:00\", \"k\": {\"a\": 1e3}}, "
        "\"partitions\": {}, \"partition_keys\": [\"p\"]}";
    const struct deed append = {
        .mode = KTK_UPDATE_UPDATE, .rows = "a,1", .metadata = "{\"mine\": true}"};
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, foreign, strlen(foreign), NULL, NULL, &err));
    CHECK_OK(perform(memory, &append, &commit, &err));
    assert_true(commit.met_foreign_writer);
    check_rows("p,v|a,1");
    check_document("\"later\": {\"x\": [1.50]}");
    check_document("{\"creation_time\": \"2019-01-01T00:00:00\", \"k\": {\"a\": 1e3}, "
                   "\"mine\": true, \"ktk.commit\": ");
}

/* ---- deleting ---- */

static void partitions_in_the_scope_are_deleted(void **unused) {
    static const struct {
        const char *where;
        const char *wanted;
        int64_t removed;
    } cases[] = {
        {"p == a", "p,v|b,2;c,3", 2},         {"p == a or p == a", "p,v|b,2;c,3", 2},
        {"p in (a, c)", "p,v|b,2", 3},        {"p > a", "p,v|a,1;a,4", 2},
        {"p == z", "p,v|a,1;b,2;c,3;a,4", 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct deed deed = {.mode = KTK_UPDATE_UPDATE, .where = cases[i].where};
        ktk_commit commit;
        ktk_error err;

        created("a,1;b,2;c,3");
        deed.where = NULL;
        deed.rows = "a,4";
        done(&deed);
        deed.where = cases[i].where;
        deed.rows = NULL;
        CHECK_OK(perform(memory, &deed, &commit, &err));
        assert_int_equal(commit.removed_count, cases[i].removed);
        check_rows(cases[i].wanted);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
}

static void a_scope_is_replaced(void **unused) {
    const struct deed replace = {.mode = KTK_UPDATE_UPDATE, .where = "p == a", .rows = "a,7;d,8"};

    (void)unused;
    created("a,1;b,2");
    done(&replace);
    check_rows("p,v|b,2;a,7;d,8");
    check_document("\\\"op\\\": \\\"replace\\\"");
}

static void bad_scopes_delete_nothing(void **unused) {
    static const struct {
        const char *where;
        ktk_status status;
        const char *message;
    } cases[] = {
        {"x == 1", KTK_E_NOT_FOUND, "'x'"}, {"p == a or x == 1", KTK_E_NOT_FOUND, "'x'"},
        {"v == 1", KTK_E_INVALID, "'v'"},   {"p == a and v == 1", KTK_E_INVALID, "'v'"},
        {"v == abc", KTK_E_INVALID, "'v'"},
    };
    struct deed deed = {.mode = KTK_UPDATE_UPDATE};
    ktk_update *update = NULL;
    int64_t keys;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1;b,2");
    keys = test_key_count(memory, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        deed.where = cases[i].where;
        deed.rows = "c,3";
        CHECK_STATUS(perform(memory, &deed, &commit, &err), cases[i].status);
        CHECK_MESSAGE(cases[i].message);
    }
    deed = (struct deed){.mode = KTK_UPDATE_UPDATE};
    CHECK_OK(begin(&update, memory, &deed, &err));
    CHECK_STATUS(ktk_update_delete(update, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), keys);
    check_rows("p,v|a,1;b,2");
}

static void all_is_deleted_if_that_is_asked(void **unused) {
    const struct deed nothing = {.mode = KTK_UPDATE_UPDATE};
    const struct deed append = {.mode = KTK_UPDATE_UPDATE, .rows = "a,1"};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1;b,2");
    CHECK_OK(begin(&update, memory, &nothing, &err));
    CHECK_OK(ktk_update_delete_all(update, &err));
    CHECK_STATUS(ktk_update_delete_all(update, &err), KTK_E_INVALID);
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    assert_int_equal(commit.removed_count, 2);
    check_rows("p,v|");
    done(&append);
    check_rows("p,v|a,1");
}

/* ---- deleting rows ---- */

static void rows_are_deleted_from_the_files_that_hold_them(void **unused) {
    static const struct {
        const char *where;
        ktk_delete_mode mode;
        const char *wanted;
        ktk_update_effect effect; /* without the size */
    } cases[] = {
        {"v == 2", KTK_DELETE_ROWS, "p,v|b,3;b,;c,4;a,1", {0, 0, 1, 1}},
        {"v >= 3", KTK_DELETE_ROWS, "p,v|a,1;a,2;b,", {1, 0, 1, 2}},
        {"v == null", KTK_DELETE_ROWS, "p,v|a,1;a,2;c,4;b,3", {0, 0, 1, 1}},
        {"p == a and v == 2 or p == c", KTK_DELETE_ROWS, "p,v|b,3;b,;a,1", {1, 0, 1, 2}},
        {"v == 77", KTK_DELETE_ROWS, "p,v|a,1;a,2;b,3;b,;c,4", {0, 0, 0, 0}},
        {"v != 77", KTK_DELETE_ROWS, "p,v|", {3, 0, 0, 5}},
        {"v == 2", KTK_DELETE_WHOLE_PARTITIONS, "p,v|b,3;b,;c,4", {1, 0, 0, 2}},
        {"v in (2, 4)", KTK_DELETE_WHOLE_PARTITIONS, "p,v|b,3;b,", {2, 0, 0, 3}},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct deed deed = {
            .mode = KTK_UPDATE_UPDATE, .where = cases[i].where, .delete_mode = cases[i].mode};
        ktk_update_effect effect;
        ktk_update *update = NULL;
        ktk_commit commit;
        ktk_error err;

        created("a,1;a,2;b,3;b,;c,4");
        CHECK_OK(begin(&update, memory, &deed, &err));
        CHECK_OK(ktk_update_preview(update, &effect, &err));
        assert_int_equal(effect.removed_count, cases[i].effect.removed_count);
        assert_int_equal(effect.rewritten_count, cases[i].effect.rewritten_count);
        assert_int_equal(effect.row_count, cases[i].effect.row_count);
        assert_int_equal(effect.removed_bytes > 0, effect.removed_count > 0);
        CHECK_OK(ktk_update_commit(update, &commit, &err));
        ktk_update_free(update);
        assert_int_equal(commit.rewritten_count, cases[i].effect.rewritten_count);
        assert_int_equal(commit.partition_count, 0);
        check_rows(cases[i].wanted);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
}

static void a_dry_run_writes_nothing(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    struct counting_store counting = {0};
    ktk_store *store = counting_store_new(&counting, memory);
    ktk_predicate *where = NULL;
    ktk_update *update = NULL;
    ktk_update_effect effect;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1;a,2;b,3");
    options.mode = KTK_UPDATE_UPDATE;
    options.dry_run = true;
    options.delete_mode = KTK_DELETE_ROWS;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    CHECK_OK(ktk_predicate_parse(&where, context, "v == 1 or p == b", &err));
    CHECK_OK(ktk_update_delete(update, where, &err));
    ktk_predicate_free(where);
    CHECK_OK(ktk_update_preview(update, &effect, &err));
    assert_int_equal(effect.removed_count, 1);
    assert_int_equal(effect.rewritten_count, 1);
    assert_int_equal(effect.row_count, 2);
    assert_memory_equal(ktk_update_removed_label(update, 0), "p=a/", 4);
    assert_memory_equal(ktk_update_removed_label(update, 1), "p=b/", 4);
    assert_null(ktk_update_removed_label(update, 2));
    CHECK_OK(test_frame(&stream, context, COLUMNS, "c,1", 0, NULL, &err));
    CHECK_STATUS(ktk_update_add(update, &stream, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    ktk_update_free(update);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 0);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_REMOVE]), 0);
    check_rows("p,v|a,1;a,2;b,3");
    ktk_store_free(store);
}

static void rows_that_somebody_else_moved_are_a_conflict(void **unused) {
    static const struct {
        struct deed his;
        const char *mine; /* what remains; NULL: a conflict */
        const char *his_rows;
    } cases[] = {
        {{.mode = KTK_UPDATE_UPDATE, .where = "v == 1", .delete_mode = KTK_DELETE_ROWS},
         NULL,
         "p,v|b,3;a,2"},
        {{.mode = KTK_UPDATE_UPDATE, .where = "p == a"}, NULL, "p,v|b,3"},
        {{.mode = KTK_UPDATE_UPDATE, .where = "p == b"}, "p,v|a,1", NULL},
    };
    const struct deed mine = {
        .mode = KTK_UPDATE_UPDATE, .where = "v == 2", .delete_mode = KTK_DELETE_ROWS};

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_update *update = NULL;
        ktk_commit commit;
        int64_t files;
        ktk_error err;

        created("a,1;a,2;b,3");
        CHECK_OK(begin(&update, memory, &mine, &err));
        done(&cases[i].his);
        files = test_key_count(memory, "u/table/");
        CHECK_STATUS(ktk_update_commit(update, &commit, &err),
                     cases[i].mine != NULL ? KTK_OK : KTK_E_CONFLICT);
        ktk_update_free(update);
        check_rows(cases[i].mine != NULL ? cases[i].mine : cases[i].his_rows);
        /* A file that held the rows to stay is gone with the commit that failed. */
        assert_int_equal(test_key_count(memory, "u/table/"),
                         cases[i].mine != NULL ? files : files - 1);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
}

/* ---- joined with what others did meanwhile ---- */

static void appends_are_joined(void **unused) {
    const struct deed deeds[] = {{.mode = KTK_UPDATE_UPDATE, .rows = "b,2"},
                                 {.mode = KTK_UPDATE_UPDATE, .rows = "c,3"},
                                 {.mode = KTK_UPDATE_CREATE_OR_UPDATE, .rows = "d,4"}};
    ktk_update *updates[3] = {NULL};
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1");
    for (int i = 0; i < 3; i++) {
        CHECK_OK(begin(&updates[i], memory, &deeds[i], &err));
    }
    for (int i = 2; i >= 0; i--) {
        CHECK_OK(ktk_update_commit(updates[i], &commit, &err));
        /* From afar a commit finds out by its put that there is another one. */
        assert_int_equal(commit.attempts, i < 2 && ktki_store_is_far(memory) ? 2 : 1);
        ktk_update_free(updates[i]);
    }
    check_rows("p,v|a,1;d,4;c,3;b,2");
    check_document("\\\"seq\\\": 4, ");
    /* Data, the schema twice, the document and as it was kept four times. */
    assert_int_equal(test_key_count(memory, ""), 4 + 2 + 1 + 4);
}

static const struct deed *rival; /* of the case that runs */

static void rival_acts(void *unused) {
    (void)unused;
    done(rival);
}

static void a_rival_at_the_last_moment_is_joined(void **unused) {
    const struct deed mine = {.mode = KTK_UPDATE_UPDATE, .rows = "b,2"};
    const struct deed his = {.mode = KTK_UPDATE_UPDATE, .rows = "c,3", .where = "p == a"};
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .before_put = rival_acts};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1");
    rival = &his;
    CHECK_OK(perform(store, &mine, &commit, &err));
    assert_int_equal(commit.attempts, 2);
    check_rows("p,v|c,3;b,2");
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 3);
    ktk_store_free(store);
}

static void one_creator_goes_on_top_of_the_other(void **unused) {
    const struct deed mine = {.mode = KTK_UPDATE_CREATE_OR_UPDATE, .rows = "a,1"};
    const struct deed his = {.mode = KTK_UPDATE_CREATE_OR_UPDATE, .rows = "b,2"};
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .before_put = rival_acts};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    rival = &his;
    CHECK_OK(perform(store, &mine, &commit, &err));
    check_rows("p,v|b,2;a,1");
    check_document("\\\"ops\\\": \\\"ca\\\"");
    ktk_store_free(store);
}

static void what_cannot_be_joined_is_a_conflict(void **unused) {
    static const struct {
        struct deed mine;
        struct deed his;
        const char *wanted; /* NULL: a conflict, his alone */
        const char *his_rows;
        const char *culprit;
    } cases[] = {
        {{KTK_UPDATE_UPDATE, NULL, "p == a", NULL, KTK_ON_CONFLICT_FAIL, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .rows = "a,9"},
         NULL,
         "p,v|a,1;b,2;a,9",
         "p=a/"},
        {{KTK_UPDATE_UPDATE, NULL, "p == a", NULL, KTK_ON_CONFLICT_KEEP, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .rows = "a,9"},
         "p,v|b,2;a,9",
         NULL,
         NULL},
        {{KTK_UPDATE_UPDATE, NULL, "p == a", NULL, KTK_ON_CONFLICT_REEVALUATE, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .rows = "a,9"},
         "p,v|b,2",
         NULL,
         NULL},
        {{KTK_UPDATE_UPDATE, "a,3", "p == a", NULL, KTK_ON_CONFLICT_KEEP, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .rows = "a,9"},
         NULL,
         "p,v|a,1;b,2;a,9",
         "p=a/"},
        {{KTK_UPDATE_UPDATE, NULL, "p == a", NULL, KTK_ON_CONFLICT_FAIL, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .rows = "b,9"},
         "p,v|b,2;b,9",
         NULL,
         NULL},
        {{KTK_UPDATE_UPDATE, "c,3", NULL, NULL, KTK_ON_CONFLICT_FAIL, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_OVERWRITE, .rows = "z,9"},
         NULL,
         "p,v|z,9",
         "overwritten"},
        {{KTK_UPDATE_UPDATE, NULL, NULL, "{\"k\": 1}", KTK_ON_CONFLICT_FAIL, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .metadata = "{\"k\": 2}"},
         NULL,
         "p,v|a,1;b,2",
         "'k'"},
        {{KTK_UPDATE_UPDATE, NULL, NULL, "{\"k\": 1}", KTK_ON_CONFLICT_FAIL, NULL, NULL, 0, 0},
         {.mode = KTK_UPDATE_UPDATE, .metadata = "{\"j\": 2}"},
         "p,v|a,1;b,2",
         NULL,
         NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_update *update = NULL;
        int64_t keys;
        ktk_commit commit;
        ktk_error err;

        created("a,1;b,2");
        CHECK_OK(begin(&update, memory, &cases[i].mine, &err));
        done(&cases[i].his);
        keys = test_key_count(memory, "u/_ktk/");
        if (cases[i].wanted != NULL) {
            CHECK_OK(ktk_update_commit(update, &commit, &err));
        } else {
            CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_CONFLICT);
            CHECK_MESSAGE(cases[i].culprit);
            assert_int_equal(test_key_count(memory, "u/_ktk/"), keys);
        }
        ktk_update_free(update);
        check_rows(cases[i].wanted != NULL ? cases[i].wanted : cases[i].his_rows);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
}

static void a_dataset_that_was_removed_stays_removed(void **unused) {
    const struct deed append = {.mode = KTK_UPDATE_UPDATE, .rows = "b,2"};
    struct counting_store counting = {0};
    ktk_store *far = counting_store_new_far(&counting, memory);

    (void)unused;
    for (int i = 0; i < 2; i++) {
        ktk_update *update = NULL;
        ktk_commit commit;
        ktk_error err;

        created("a,1");
        CHECK_OK(begin(&update, i == 0 ? memory : far, &append, &err));
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_CONFLICT);
        CHECK_MESSAGE("removed");
        ktk_update_free(update);
        assert_int_equal(test_key_count(memory, ""), 0);
    }
    ktk_store_free(far);
}

/* ---- the update and the dataset that it works on ---- */

static void metadata_may_be_set_after_a_look_at_the_old(void **unused) {
    const struct deed first = {
        .mode = KTK_UPDATE_CREATE, .rows = "a,1", .metadata = "{\"n\": 1, \"k\": 1}"};
    const struct deed second = {.mode = KTK_UPDATE_UPDATE, .metadata = "{\"n\": 7}"};
    const struct deed third = {.mode = KTK_UPDATE_OVERWRITE, .rows = "b,1"};
    ktk_update *update = NULL;
    ktk_commit commit;
    size_t size;
    ktk_error err;

    (void)unused;
    CHECK_OK(begin(&update, memory, &first, &err));
    assert_null(ktk_update_base(update));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    assert_string_equal(ktk_update_commit_id(update), commit.id);
    ktk_update_free(update);

    CHECK_OK(begin(&update, memory, &second, &err));
    assert_non_null(strstr(ktk_dataset_metadata(ktk_update_base(update), &size), "\"n\": 1"));
    CHECK_STATUS(ktk_update_set_metadata(update, "[1]", &err), KTK_E_INVALID);
    CHECK_OK(ktk_update_set_metadata(update, "{\"m\": 2}", &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    CHECK_STATUS(ktk_update_set_metadata(update, "{}", &err), KTK_E_INVALID);
    ktk_update_free(update);
    check_document("\"n\": 1");
    check_document("\"k\": 1");
    check_document("\"m\": 2");

    CHECK_OK(begin(&update, memory, &third, &err));
    assert_null(ktk_update_base(update));
    ktk_update_free(update);
}

/* Which of the two files there are: 1 JSON, 2 MessagePack, 3 both. */
static int formats(void) {
    return (test_key_count(memory, DOCUMENT_KEY) > 0 ? 1 : 0) +
           (test_key_count(memory, MSGPACK_KEY) > 0 ? 2 : 0);
}

static void a_document_keeps_its_format(void **unused) {
    const struct deed update = {
        .mode = KTK_UPDATE_UPDATE, .rows = "b,2", .document_format = KTK_DOCUMENT_JSON};
    struct deed deed = {
        .mode = KTK_UPDATE_CREATE, .rows = "a,1", .document_format = KTK_DOCUMENT_MSGPACK};
    ktk_error err;

    (void)unused;
    done(&deed);
    assert_int_equal(formats(), 2);
    done(&update);
    assert_int_equal(formats(), 2);
    check_rows("p,v|a,1;b,2");
    deed.mode = KTK_UPDATE_OVERWRITE;
    done(&deed);
    assert_int_equal(formats(), 2);
    check_rows("p,v|a,1");
    deed.document_format = KTK_DOCUMENT_JSON;
    done(&deed);
    assert_int_equal(formats(), 1);
    deed.document_format = KTK_DOCUMENT_MSGPACK;
    done(&deed);
    assert_int_equal(formats(), 1);
    deed.document_format = (ktk_document_format)2;
    CHECK_STATUS(perform(memory, &deed, NULL, &err), KTK_E_INVALID);
}

/* Somebody else makes the dataset in the other format between the beginning of ours and its commit,
 * or right before the put. */
static void creators_in_two_formats(void **unused) {
    const struct deed packed = {
        .mode = KTK_UPDATE_CREATE, .rows = "c,3", .document_format = KTK_DOCUMENT_MSGPACK};
    const struct deed plain = {.mode = KTK_UPDATE_CREATE, .rows = "c,3"};
    struct deed mine = {.mode = KTK_UPDATE_CREATE_OR_UPDATE, .rows = "a,1"};
    struct hooked_store hooked = {.key_suffix = MSGPACK_KEY, .before_put = rival_acts};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(begin(&update, memory, &mine, &err));
    done(&packed);
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    assert_int_equal(formats(), 2);
    check_rows("p,v|c,3;a,1");
    CHECK_OK(ktk_dataset_drop(memory, "u", &err));

    rival = &plain;
    mine.document_format = KTK_DOCUMENT_MSGPACK;
    CHECK_OK(perform(store, &mine, &commit, &err));
    assert_int_equal(formats(), 1);
    check_rows("p,v|c,3;a,1");
    ktk_store_free(store);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(rows_are_added),
        CASE(what_must_exist_must_exist),
        CASE(the_dataset_decides_on_table_columns_and_types),
        CASE(null_columns_get_their_type_later),
        CASE(a_label_must_be_new),
        CASE(what_others_wrote_into_the_document_stays),
        CASE(partitions_in_the_scope_are_deleted),
        CASE(a_scope_is_replaced),
        CASE(bad_scopes_delete_nothing),
        CASE(all_is_deleted_if_that_is_asked),
        CASE(rows_are_deleted_from_the_files_that_hold_them),
        CASE(a_dry_run_writes_nothing),
        CASE(rows_that_somebody_else_moved_are_a_conflict),
        CASE(appends_are_joined),
        CASE(a_rival_at_the_last_moment_is_joined),
        CASE(one_creator_goes_on_top_of_the_other),
        CASE(what_cannot_be_joined_is_a_conflict),
        CASE(a_dataset_that_was_removed_stays_removed),
        CASE(metadata_may_be_set_after_a_look_at_the_old),
        CASE(a_document_keeps_its_format),
        CASE(creators_in_two_formats),
    };
    return cmocka_run_group_tests_name("update/existing", tests, NULL, NULL);
}
