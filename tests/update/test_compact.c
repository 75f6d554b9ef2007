#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/compact.h>
#include <kartothek/dataset.h>
#include <kartothek/query.h>

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(2);
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

/* One input a string; each becomes a file per value of p. */
static void append(ktk_update_mode mode, const char *rows, const char *index) {
    static const char *const partition_on = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = &partition_on;
    options.partition_on_count = mode == KTK_UPDATE_CREATE;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, "p:string,x:int64", rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    if (index != NULL) {
        CHECK_OK(ktk_update_build_index(update, index, &err));
    }
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

static void make(void) {
    append(KTK_UPDATE_CREATE, "a,3;b,9", "x");
    append(KTK_UPDATE_UPDATE, "a,1;b,8", NULL);
    append(KTK_UPDATE_UPDATE, "a,;a,2;c,5", NULL);
}

static int64_t partition_count(void) {
    ktk_dataset *dataset = NULL;
    int64_t count;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    count = ktk_dataset_partition_count(dataset);
    ktk_dataset_free(dataset);
    return count;
}

static ktk_status compact(const char *where, const char *sort_by, int64_t target, bool dry_run,
                          ktk_compact_result *result, ktk_error *err) {
    ktk_compact_options options = KTK_COMPACT_OPTIONS_INIT;
    ktk_predicate *predicate = NULL;
    ktk_status status;

    if (where != NULL) {
        assert_int_equal(ktk_predicate_parse(&predicate, context, where, err), KTK_OK);
    }
    options.where = predicate;
    options.sort_by = &sort_by;
    options.sort_by_count = sort_by != NULL;
    options.target_bytes = target;
    options.dry_run = dry_run;
    status = ktk_compact(result, memory, "u", &options, err);
    ktk_predicate_free(predicate);
    return status;
}

static size_t count_left(const char *where) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_predicate *predicate = NULL;
    int64_t *partitions = NULL;
    ktk_dataset *dataset = NULL;
    size_t count = 0;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    CHECK_OK(ktk_predicate_parse(&predicate, context, where, &err));
    options.where = predicate;
    CHECK_OK(ktk_query_partitions(&partitions, &count, dataset, &options, &err));
    ktk_query_partitions_free(dataset, partitions, count);
    ktk_predicate_free(predicate);
    ktk_dataset_free(dataset);
    return count;
}

/* ---- cases ---- */

static void puts_rows_of_equal_keys_together(void **unused) {
    ktk_compact_result result = {0};
    ktk_error err;

    (void)unused;
    make();
    test_check_dataset(memory, "u", "p,x|a,3;b,9;a,1;b,8;a,;a,2;c,5");
    assert_int_equal(partition_count(), 6);
    CHECK_OK(compact(NULL, NULL, 0, false, &result, &err));
    assert_int_equal(result.input_count, 5);
    assert_int_equal(result.group_count, 2);
    assert_int_equal(result.commit.partition_count, 2);
    assert_int_equal(result.commit.removed_count, 5);
    assert_int_equal(result.commit.row_count, 6);
    assert_true(result.input_bytes > 5 * 100);
    test_check_dataset(memory, "u", "p,x|c,5;a,3;a,1;a,;a,2;b,9;b,8");
    assert_int_equal(count_left("x == 8"), 1);
    assert_int_equal(count_left("x == 5"), 1);
    assert_int_equal(count_left("x == 77"), 0);
    CHECK_OK(compact(NULL, NULL, 0, false, &result, &err));
    assert_int_equal(result.input_count, 0);
    assert_int_equal(result.commit.id[0], '\0');
}

static void sorts_the_rows_of_new_files(void **unused) {
    ktk_compact_result result = {0};
    ktk_error err;

    (void)unused;
    make();
    CHECK_OK(compact(NULL, "x", 0, false, &result, &err));
    assert_int_equal(result.group_count, 3);
    test_check_dataset(memory, "u", "p,x|a,1;a,2;a,3;a,;b,8;b,9;c,5");
    CHECK_STATUS(compact(NULL, "nowhere", 0, false, &result, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'nowhere'");
}

static void keeps_to_the_scope_and_the_size(void **unused) {
    ktk_compact_result result = {0};
    ktk_error err;

    (void)unused;
    make();
    CHECK_STATUS(compact("x == 1", NULL, 0, false, &result, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'x'");
    CHECK_STATUS(compact("q == 1", NULL, 0, false, &result, &err), KTK_E_NOT_FOUND);
    CHECK_OK(compact(NULL, NULL, 1, false, &result, &err)); /* every file is larger */
    assert_int_equal(result.input_count, 0);
    CHECK_OK(compact(NULL, NULL, 0, true, &result, &err));
    assert_int_equal(result.input_count, 5);
    assert_int_equal(partition_count(), 6);
    CHECK_OK(compact("p == b", NULL, 0, false, &result, &err));
    assert_int_equal(result.input_count, 2);
    test_check_dataset(memory, "u", "p,x|a,3;a,1;a,;a,2;c,5;b,9;b,8");
}

/* What somebody else does from within the compaction, after its first file. */
struct meanwhile {
    const char *rows;    /* appended; NULL: none */
    const char *deletes; /* a scope; NULL: none */
};

static bool interfere(void *state, int64_t files, int64_t rows, int64_t bytes) {
    const struct meanwhile *meanwhile = state;
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_predicate *scope = NULL;
    ktk_update *update = NULL;
    ktk_error err;

    (void)rows;
    (void)bytes;
    if (files == 1 && meanwhile->rows != NULL) {
        append(KTK_UPDATE_UPDATE, meanwhile->rows, NULL);
    }
    if (files == 1 && meanwhile->deletes != NULL) {
        options.mode = KTK_UPDATE_UPDATE;
        CHECK_OK(ktk_predicate_parse(&scope, context, meanwhile->deletes, &err));
        CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
        CHECK_OK(ktk_update_delete(update, scope, &err));
        CHECK_OK(ktk_update_commit(update, NULL, &err));
        ktk_update_free(update);
        ktk_predicate_free(scope);
    }
    return true;
}

static ktk_status compact_while(struct meanwhile meanwhile, ktk_error *err) {
    ktk_compact_options options = KTK_COMPACT_OPTIONS_INIT;
    ktk_compact_result result;

    options.progress = interfere;
    options.progress_state = &meanwhile;
    return ktk_compact(&result, memory, "u", &options, err);
}

static void joins_with_appends_and_other_deletes(void **unused) {
    ktk_error err;

    (void)unused;
    make();
    CHECK_OK(compact_while((struct meanwhile){"a,7;d,1", "p == c"}, &err));
    test_check_dataset(memory, "u", "p,x|a,7;d,1;a,3;a,1;a,;a,2;b,9;b,8");
    assert_int_equal(count_left("x == 7"), 1);
}

static void yields_to_who_removed_an_input(void **unused) {
    ktk_error err;

    (void)unused;
    make();
    CHECK_STATUS(compact_while((struct meanwhile){NULL, "p == b"}, &err), KTK_E_CONFLICT);
    test_check_dataset(memory, "u", "p,x|a,3;a,1;a,;a,2;c,5");
    assert_int_equal(partition_count(), 4);
}

static void survives_allocation_failures(void **unused) {
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_compact_options options = KTK_COMPACT_OPTIONS_INIT;
        static const char *const sort_by = "x";
        ktk_update_options update_options = KTK_UPDATE_OPTIONS_INIT;
        struct ArrowArrayStream stream = {0};
        ktk_compact_result result;
        ktk_context *failing = test_context_failing(n);
        ktk_update *update = NULL;
        ktk_store *store = NULL;
        ktk_error err;

        options.sort_by = &sort_by;
        options.sort_by_count = 1;
        if ((status = test_frame(&stream, failing, "p:string,x:int64", "a,2;b,1;a,1", 0, NULL,
                                 &err)) == KTK_OK &&
            (status = ktk_store_open(&store, failing, "hmemory://", &err)) == KTK_OK &&
            (status = ktk_update_begin(&update, store, "u", &update_options, &err)) == KTK_OK &&
            (status = ktk_update_add(update, &stream, NULL, &err)) == KTK_OK &&
            (status = ktk_update_commit(update, NULL, &err)) == KTK_OK) {
            status = ktk_compact(&result, store, "u", &options, &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        ktk_update_free(update);
        ktk_store_free(store);
        if (stream.release != NULL) {
            stream.release(&stream);
        }
        test_context_free(failing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(puts_rows_of_equal_keys_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sorts_the_rows_of_new_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_to_the_scope_and_the_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joins_with_appends_and_other_deletes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(yields_to_who_removed_an_input, set_up, tear_down),
        cmocka_unit_test(survives_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
