/* What becomes of an update whose partitions others removed, or had the labels of, meanwhile. */
#include "support/frame.h"
#include "support/hooked_store.h"
#include "support/test.h"

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#define DOCUMENT_KEY "u.by-dataset-metadata.json"

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

/* ---- labels that callers give ---- */

static ktk_update *labelled(ktk_update_mode mode, bool deletes_all, const char *rows) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    if (deletes_all) {
        CHECK_OK(ktk_update_delete_all(update, &err));
    }
    CHECK_OK(test_frame(&stream, context, "v:int64", rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, "x", &err));
    return update;
}

static void a_label_is_had_by_one_of_two_writers(void **unused) {
    ktk_update *first;
    ktk_update *second;
    ktk_error err;

    (void)unused;
    written(memory, "v:int64", "0");
    first = labelled(KTK_UPDATE_UPDATE, false, "1");
    second = labelled(KTK_UPDATE_UPDATE, false, "2");
    CHECK_OK(ktk_update_commit(first, NULL, &err));
    CHECK_STATUS(ktk_update_commit(second, NULL, &err), KTK_E_CONFLICT);
    CHECK_MESSAGE("'x'");
    ktk_update_free(first);
    ktk_update_free(second);
    test_check_dataset(memory, "u", "v|0;1");
}

/* The partition that a rewrite read was replaced by another of the same label. */
static void a_label_that_came_again_is_another_partition(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    ktk_update *update;
    ktk_update *rival;
    ktk_error err;

    (void)unused;
    update = labelled(KTK_UPDATE_CREATE, false, "1;2");
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
    options.mode = KTK_UPDATE_UPDATE;
    options.delete_mode = KTK_DELETE_ROWS;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_predicate_parse(&where, context, "v == 1", &err));
    CHECK_OK(ktk_update_delete(update, where, &err));
    ktk_predicate_free(where);
    rival = labelled(KTK_UPDATE_UPDATE, true, "1;3");
    CHECK_OK(ktk_update_commit(rival, NULL, &err));
    ktk_update_free(rival);
    CHECK_STATUS(ktk_update_commit(update, NULL, &err), KTK_E_CONFLICT);
    ktk_update_free(update);
    test_check_dataset(memory, "u", "v|1;3");
}

/* What a delete is to keep has the label of what it is to remove. */
static void a_label_that_came_again_cannot_be_kept(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update;
    ktk_update *rival;
    ktk_error err;

    (void)unused;
    update = labelled(KTK_UPDATE_CREATE, false, "1");
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
    options.mode = KTK_UPDATE_UPDATE;
    options.on_conflict = KTK_ON_CONFLICT_KEEP;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_delete_all(update, &err));
    CHECK_OK(ktk_update_begin(&rival, memory, "u", &options, &err));
    CHECK_OK(ktk_update_delete_all(rival, &err));
    CHECK_OK(ktk_update_commit(rival, NULL, &err));
    ktk_update_free(rival);
    rival = labelled(KTK_UPDATE_UPDATE, false, "2");
    CHECK_OK(ktk_update_commit(rival, NULL, &err));
    ktk_update_free(rival);
    CHECK_STATUS(ktk_update_commit(update, NULL, &err), KTK_E_CONFLICT);
    CHECK_MESSAGE("'x'");
    ktk_update_free(update);
    test_check_dataset(memory, "u", "v|2");
}

/* ---- rows that come late are deleted, too ---- */

static void empties(void *unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    (void)unused;
    options.mode = KTK_UPDATE_UPDATE;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_delete_all(update, &err));
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

static void appends(void *unused) {
    ktk_update *update = prepared(memory, KTK_UPDATE_UPDATE, "v:int64", "4;1");
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

/* An append comes before the commit, and what the rival does right before the put of it. */
static void late_rows_meet_others(void **unused) {
    static const struct {
        void (*rival)(void *unused);
        ktk_status status;
        const char *wanted;
    } cases[] = {{appends, KTK_OK, "v|0;2;3;4"}, {empties, KTK_E_CONFLICT, "v|"}};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .before_put = cases[i].rival};
        ktk_store *store = hooked_store_new(&hooked, memory);
        ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
        ktk_predicate *where = NULL;
        ktk_update *update = NULL;
        ktk_update *rival;
        ktk_error err;

        written(memory, "v:int64", "0");
        options.mode = KTK_UPDATE_UPDATE;
        options.delete_mode = KTK_DELETE_ROWS;
        options.on_conflict = KTK_ON_CONFLICT_REEVALUATE;
        CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
        CHECK_OK(ktk_predicate_parse(&where, context, "v == 1", &err));
        CHECK_OK(ktk_update_delete(update, where, &err));
        ktk_predicate_free(where);
        rival = prepared(memory, KTK_UPDATE_UPDATE, "v:int64", "2;1;3");
        CHECK_OK(ktk_update_commit(rival, NULL, &err));
        ktk_update_free(rival);
        CHECK_STATUS(ktk_update_commit(update, NULL, &err), cases[i].status);
        ktk_update_free(update);
        test_check_dataset(memory, "u", cases[i].wanted);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(store);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_label_is_had_by_one_of_two_writers),
        CASE(a_label_that_came_again_is_another_partition),
        CASE(a_label_that_came_again_cannot_be_kept),
        CASE(late_rows_meet_others),
    };
    return cmocka_run_group_tests_name("update/join", tests, NULL, NULL);
}
