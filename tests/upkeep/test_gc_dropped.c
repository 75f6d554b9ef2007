/* What lies under a name that has no dataset, and how much is removed by several threads. */
#include "gc_case.h"

/* ---- datasets that are gone ---- */

#define DOCUMENT_KEY "u.by-dataset-metadata.json"

static ktk_status collect_dropped(ktk_gc_result *result, struct seen *seen, ktk_error *err) {
    ktk_gc_options options = acting();

    *seen = (struct seen){0};
    options.dropped = true;
    options.report = see;
    options.report_state = seen;
    return ktki_gc(store, "u", &options, &test_clock, result, err);
}

static void what_a_dropped_dataset_left_is_collected(void **unused) {
    ktk_gc_options plain = acting();
    ktk_gc_result result;
    struct seen seen;
    int64_t count;
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1;2,2");
    put("u/indices/c/d");
    put("other/table/a.parquet");
    count = test_key_count(memory, "u/");
    CHECK_OK(ktk_store_remove(memory, DOCUMENT_KEY, &err)); /* a drop that was killed */
    CHECK_STATUS(ktki_gc(store, "u", &plain, &test_clock, &result, &err), KTK_E_NOT_FOUND);
    CHECK_OK(collect_dropped(&result, &seen, &err));
    assert_int_equal(result.waiting_count, count);
    assert_int_equal(seen.count, count);
    pass(73);
    CHECK_OK(collect_dropped(&result, &seen, &err));
    assert_int_equal(result.removed_count, count);
    assert_int_equal(test_key_count(memory, "u"), 0); /* the notes, too */
    assert_true(has("other/table/a.parquet"));
    CHECK_STATUS(collect_dropped(&result, &seen, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("neither");
}

/* A writer that has not committed yet may still do so: its files go when the grace is over. */
static void a_dataset_under_way_is_let_alone(void **unused) {
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_gc_result result;
    struct seen seen;
    ktk_error err;

    (void)unused;
    CHECK_OK(begin(&update, store, KTK_UPDATE_CREATE, "1,1", &err));
    CHECK_OK(collect_dropped(&result, &seen, &err));
    assert_int_equal(result.waiting_count, 1);
    pass(71);
    CHECK_OK(collect_dropped(&result, &seen, &err));
    assert_int_equal(result.removed_count, 0);
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    pass(2);
    CHECK_OK(collect_dropped(&result, &seen, &err)); /* as if it had not been asked for */
    assert_int_equal(result.removed_count, 0);
    assert_int_equal(collect().removed_count, 0);
    test_check_dataset(memory, "u", "p,v|1,1");
}

static ktk_bytes lost_document;

static void bring_back(void *unused, const char *key) {
    ktk_error err;

    (void)unused;
    if (strncmp(key, "u/_ktk/gc/", strlen("u/_ktk/gc/")) == 0 && !has(DOCUMENT_KEY)) {
        CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, lost_document.data, lost_document.size, NULL,
                               NULL, &err));
    }
}

static void a_document_that_comes_in_between_counts(void **unused) {
    ktk_gc_result result;
    struct seen seen;
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/a.parquet");
    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &lost_document, NULL, &err));
    CHECK_OK(ktk_store_remove(memory, DOCUMENT_KEY, &err));
    CHECK_OK(collect_dropped(&result, &seen, &err));
    pass(73);
    timed.before_call = bring_back;
    CHECK_OK(collect_dropped(&result, &seen, &err));
    timed.before_call = NULL;
    assert_int_equal(result.removed_count, 1);
    assert_string_equal(seen.keys[0], "u/table/a.parquet");
    test_check_dataset(memory, "u", "p,v|1,1");
    ktk_bytes_clear(&lost_document);
}

/* ---- many files in a folder, several threads ---- */

#define MANY 2500 /* more than are removed between two looks at the document */

struct order {
    int64_t count;
    char last[64];
};

static ktk_status see_order(void *state, const ktk_gc_item *item, ktk_error *err) {
    struct order *order = state;

    (void)err;
    assert_int_equal(item->state, KTK_GC_REMOVED);
    assert_int_equal(item->size, 1);
    assert_true(item->age_ms >= 0);
    assert_true(strcmp(order->last, item->key) < 0);
    (void)snprintf(order->last, sizeof(order->last), "%s", item->key);
    order->count++;
    return KTK_OK;
}

static void threads_remove_many_files_of_a_folder(void **unused) {
    char *folder = test_folder_in_memory();
    ktk_gc_options options = acting();
    struct order order = {0};
    ktk_store *disk = NULL;
    ktk_update *update = NULL;
    ktk_gc_result result;
    ktk_commit commit;
    char text[256];
    ktk_error err;

    (void)unused;
    context = test_context_new(4);
    make_world();
    (void)snprintf(text, sizeof(text), "hfs://%s", folder);
    CHECK_OK(ktk_store_open(&disk, context, text, &err));
    CHECK_OK(begin(&update, disk, KTK_UPDATE_CREATE, "1,1;2,2", &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    for (int i = 0; i < MANY; i++) {
        ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

        condition.flags = KTK_PUT_DEFER_SYNC;
        (void)snprintf(text, sizeof(text), "u/table/p=%d/%04d.parquet", 3 + i / 1000, i);
        CHECK_OK(ktk_store_put(disk, text, "x", 1, &condition, NULL, &err));
    }
    options.grace_ms = -1;
    options.allows_short_grace = true;
    options.report = see_order;
    options.report_state = &order;
    CHECK_OK(ktk_gc(disk, "u", &options, &result, &err));
    assert_int_equal(result.removed_count, MANY);
    assert_int_equal(result.removed_bytes, MANY);
    assert_int_equal(order.count, MANY);
    assert_int_equal(test_key_count(disk, "u/table/"), 3); /* two partitions and the schema */
    test_check_dataset(disk, "u", "p,v|1,1;2,2");
    ktk_store_free(disk);
    end_world();
    test_context_free(context);
    test_folder_remove(folder);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_a_dropped_dataset_left_is_collected),
        CASE(a_dataset_under_way_is_let_alone),
        CASE(a_document_that_comes_in_between_counts),
        cmocka_unit_test(threads_remove_many_files_of_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
