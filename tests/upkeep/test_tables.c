/* Datasets of several tables: every partition has a file of each. */
#include "support/test.h"

#include <stdio.h>

#include <kartothek/compact.h>
#include <kartothek/dataset.h>
#include <kartothek/history.h>
#include <kartothek/index.h>
#include <kartothek/query.h>
#include <kartothek/update.h>
#include <kartothek/upkeep.h>

#include "support/frame.h"

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

#define CORE "p:string,x:int64"
#define HELPER "p:string,x:int64,y:string"

static ktk_update *begun(ktk_update_mode mode, bool is_partitioned) {
    static const char *const partition_on = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = &partition_on;
    options.partition_on_count = is_partitioned;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    return update;
}

/* Rows of two tables, of which the first is named last. */
static ktk_status add(ktk_update *update, const char *core_columns, const char *core,
                      const char *helper_columns, const char *helper, const char *label,
                      ktk_error *failure) {
    struct ArrowArrayStream streams[2] = {{0}, {0}};
    const ktk_table_stream tables[] = {{"helper", &streams[0]}, {"core", &streams[1]}};
    ktk_status status;
    ktk_error err;

    CHECK_OK(test_frame(&streams[0], context, helper_columns, helper, 0, NULL, &err));
    CHECK_OK(test_frame(&streams[1], context, core_columns, core, 0, NULL, &err));
    status = ktk_update_add_tables(update, tables, 2, label, failure);
    assert_null(streams[0].release);
    assert_null(streams[1].release);
    return status;
}

static ktk_commit append(ktk_update_mode mode, const char *core, const char *helper,
                         const char *index) {
    ktk_update *update = begun(mode, mode == KTK_UPDATE_CREATE);
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(add(update, CORE, core, HELPER, helper, NULL, &err));
    if (index != NULL) {
        CHECK_OK(ktk_update_build_index(update, index, &err));
    }
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    return commit;
}

static ktk_dataset *opened(void) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    return dataset;
}

/* The rows of a table in document order. */
static void check_table(const char *table, const char *wanted) {
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_dataset *dataset = opened();
    char *text = NULL;
    ktk_error err;

    query.table = table;
    CHECK_OK(ktk_query_stream(&stream, dataset, &query, &err));
    CHECK_OK(test_frame_text(&text, &stream, &err));
    assert_string_equal(text, wanted);
    test_data_free(text);
    ktk_dataset_free(dataset);
}

/* Nothing is wrong with the dataset, and there are so many partitions. */
static void check_whole(int64_t partition_count) {
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;
    ktk_check_result result;
    ktk_dataset *dataset = opened();
    ktk_error err;

    assert_int_equal(ktk_dataset_table_count(dataset), 2);
    assert_int_equal(ktk_dataset_partition_count(dataset), partition_count);
    ktk_dataset_free(dataset);
    options.deep = true;
    CHECK_OK(ktk_check(memory, "u", &options, &result, &err));
    assert_int_equal(result.error_count, 0);
    assert_int_equal(result.warning_count, 0);
    assert_int_equal(result.file_count, 2 * partition_count);
}

/* ---- cases ---- */

static void rows_of_equal_keys_make_a_partition(void **unused) {
    ktk_commit commit;

    (void)unused;
    commit = append(KTK_UPDATE_CREATE, "a,1;b,2;a,3", "b,7,s;a,8,t", NULL);
    assert_int_equal(commit.partition_count, 2);
    assert_int_equal(commit.row_count, 5);
    check_table("core", "p,x|b,2;a,1;a,3");
    check_table("helper", "p,x,y|b,7,s;a,8,t");
    check_whole(2);
}

static void tables_without_rows_for_a_partition_get_an_empty_file(void **unused) {
    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1;b,2", "c,7,s", NULL);
    check_table("core", "p,x|a,1;b,2");
    check_table("helper", "p,x,y|c,7,s");
    check_whole(3);
    (void)append(KTK_UPDATE_UPDATE, "d,1", "", NULL);
    check_table("core", "p,x|a,1;b,2;d,1");
    check_whole(4);
}

static void without_keys_an_input_is_a_partition(void **unused) {
    ktk_update *update = begun(KTK_UPDATE_CREATE, false);
    ktk_dataset *dataset;
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, CORE, "a,1", HELPER, "", "one", &err));
    CHECK_OK(add(update, CORE, "b,2;c,3", HELPER, "b,4,s", "two", &err));
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
    check_table("core", "p,x|a,1;b,2;c,3");
    check_table("helper", "p,x,y|b,4,s");
    check_whole(2);
    dataset = opened();
    assert_string_equal(ktk_dataset_partition_file(dataset, 1, "core"), "u/core/two.parquet");
    assert_string_equal(ktk_dataset_partition_file(dataset, 1, "helper"), "u/helper/two.parquet");
    ktk_dataset_free(dataset);
}

static ktk_status no_difference(void *state, const ktk_index_difference *difference,
                                ktk_error *err) {
    (void)state;
    return ktk_error_set(err, KTK_E_INTERNAL, "partition %lld differs",
                         (long long)difference->partition);
}

static void an_index_is_over_the_columns_of_all_tables(void **unused) {
    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1;b,2", "a,1,s;b,3,t", "x");
    for (int round = 0; round < 2; round++) {
        ktk_index_info info;
        ktk_dataset *dataset;
        ktk_error err;

        (void)append(KTK_UPDATE_UPDATE, "c,3", "c,4,s;d,5,u", round == 0 ? "y" : NULL);
        check_whole(round * 2 + 4);
        dataset = opened();
        assert_int_equal(ktk_dataset_index_count(dataset), 2);
        for (int32_t i = 0; i < 2; i++) {
            CHECK_OK(ktk_index_verify(dataset, i, NULL, no_difference, NULL, &err));
        }
        CHECK_OK(ktk_index_look(dataset, 0, &info, &err));
        assert_int_equal(info.value_count, 5);
        ktk_dataset_free(dataset);
    }
}

static void other_tables_are_refused(void **unused) {
    struct ArrowArrayStream streams[2] = {{0}, {0}};
    const ktk_table_stream twice[] = {{"core", &streams[0]}, {"core", &streams[1]}};
    const ktk_table_stream other[] = {{"core", &streams[0]}, {"more", &streams[1]}};
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1", "a,1,s", NULL);
    for (int round = 0; round < 4; round++) {
        ktk_update *update = begun(KTK_UPDATE_UPDATE, false);

        CHECK_OK(test_frame(&streams[0], context, CORE, "a,2", 0, NULL, &err));
        CHECK_OK(test_frame(&streams[1], context, CORE, "a,2", 0, NULL, &err));
        CHECK_STATUS(round == 0   ? ktk_update_add(update, &streams[0], NULL, &err)
                     : round == 1 ? ktk_update_add_tables(update, twice, 2, NULL, &err)
                     : round == 2 ? ktk_update_add_tables(update, other, 2, NULL, &err)
                                  : ktk_update_add_tables(update, twice, 0, NULL, &err),
                     KTK_E_INVALID);
        CHECK_MESSAGE(round == 0 || round == 2 ? "'helper', 'core'" : "");
        ktk_update_free(update);
        if (streams[0].release != NULL) {
            streams[0].release(&streams[0]);
        }
        if (streams[1].release != NULL) {
            streams[1].release(&streams[1]);
        }
    }
    assert_int_equal(test_key_count(memory, "u/more"), 0);
    check_whole(1);
}

static void shared_columns_are_of_one_type(void **unused) {
    ktk_update *update = begun(KTK_UPDATE_CREATE, true);
    ktk_error err;

    (void)unused;
    CHECK_STATUS(add(update, CORE, "a,1", "p:string,x:string", "a,b", NULL, &err), KTK_E_SCHEMA);
    CHECK_MESSAGE("'x'");
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), 0);

    /* A column of nulls takes either type, until another input gives it one. */
    update = begun(KTK_UPDATE_CREATE, true);
    CHECK_OK(add(update, CORE, "a,1", "p:string,x:null", "a,", NULL, &err));
    CHECK_STATUS(add(update, CORE, "a,1", "p:string,x:string", "a,b", NULL, &err), KTK_E_SCHEMA);
    ktk_update_free(update);
}

static void partition_columns_are_in_all_tables(void **unused) {
    ktk_update *update = begun(KTK_UPDATE_CREATE, true);
    ktk_error err;

    (void)unused;
    CHECK_STATUS(add(update, CORE, "a,1", "x:int64", "1", NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("Partition column(s) missing: p");
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), 0);
}

static void what_is_handed_over_has_all_tables(void **unused) {
    ktk_bytes written = KTK_BYTES_INIT;
    ktk_update *update;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1", "a,1,s", NULL);
    update = begun(KTK_UPDATE_UPDATE, false);
    CHECK_OK(add(update, CORE, "b,2;c,3", HELPER, "c,4,t", NULL, &err));
    CHECK_OK(ktk_update_hand_over(update, &written, &err));
    ktk_update_free(update);
    check_table("core", "p,x|a,1");

    update = begun(KTK_UPDATE_UPDATE, false);
    CHECK_OK(ktk_update_add_written(update, (const char *)written.data, written.size, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    ktk_bytes_clear(&written);
    assert_int_equal(commit.partition_count, 2);
    assert_int_equal(commit.row_count, 3);
    check_table("core", "p,x|a,1;c,3;b,2");
    check_table("helper", "p,x,y|a,1,s;c,4,t");
    check_whole(3);
}

static void a_table_of_nulls_is_widened_and_restored(void **unused) {
    ktk_update *update = begun(KTK_UPDATE_CREATE, true);
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, "p:string,x:null", "a,", "p:string,x:null,y:null", "a,,", NULL, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    (void)append(KTK_UPDATE_UPDATE, "b,2", "b,3,s", NULL);
    check_table("helper", "p,x,y|a,,;b,3,s");

    /* Both schemas go back in one step. */
    CHECK_OK(ktk_dataset_restore(memory, "u", commit.id, false, NULL, &err));
    check_table("core", "p,x|a,");
    check_table("helper", "p,x,y|a,,");
    (void)append(KTK_UPDATE_UPDATE, "c,4", "", NULL);
    check_table("core", "p,x|a,;c,4");
    check_whole(2);
}

/* ---- partitions that change ---- */

static ktk_status delete_rows(ktk_delete_mode mode, const char *column, int64_t value,
                              bool is_dry_run, ktk_commit *commit, ktk_error *err) {
    const ktk_value integer = {.kind = KTK_VALUE_INT, .integer = value};
    const ktk_value text = {.kind = KTK_VALUE_TEXT, .bytes = "s", .bytes_size = 1};
    const ktk_literal literal = {column, KTK_OP_EQ, *column == 'y' ? &text : &integer, 1};
    const size_t count = 1;
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update_effect effect = {0};
    ktk_predicate *scope = NULL;
    ktk_update *update = NULL;
    ktk_status status;

    options.mode = KTK_UPDATE_UPDATE;
    options.delete_mode = mode;
    options.dry_run = is_dry_run;
    assert_int_equal(ktk_predicate_new(&scope, context, &literal, &count, 1, err), KTK_OK);
    assert_int_equal(ktk_update_begin(&update, memory, "u", &options, err), KTK_OK);
    status = ktk_update_delete(update, scope, err);
    if (status == KTK_OK && is_dry_run) {
        status = ktk_update_preview(update, &effect, err);
        commit->removed_count = effect.removed_count;
        commit->rewritten_count = effect.rewritten_count;
    } else if (status == KTK_OK) {
        status = ktk_update_commit(update, commit, err);
    }
    ktk_update_free(update);
    ktk_predicate_free(scope);
    return status;
}

static void rows_go_from_the_tables_that_have_the_columns(void **unused) {
    int64_t keys;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1;a,2;b,1", "a,1,s;a,3,t;b,1,s", "x");
    (void)append(KTK_UPDATE_UPDATE, "c,5", "c,6,u", NULL);
    keys = test_key_count(memory, "");
    CHECK_STATUS(delete_rows(KTK_DELETE_EXACT, "x", 1, false, &commit, &err), KTK_E_INVALID);
    CHECK_STATUS(delete_rows(KTK_DELETE_ROWS, "z", 1, false, &commit, &err), KTK_E_NOT_FOUND);
    CHECK_OK(delete_rows(KTK_DELETE_ROWS, "x", 1, true, &commit, &err));
    assert_int_equal(commit.removed_count, 1);
    assert_int_equal(commit.rewritten_count, 1);
    assert_int_equal(test_key_count(memory, ""), keys);

    /* Both tables have x: all of b goes. */
    CHECK_OK(delete_rows(KTK_DELETE_ROWS, "x", 1, false, &commit, &err));
    assert_int_equal(commit.removed_count, 2);
    assert_int_equal(commit.rewritten_count, 1);
    check_table("core", "p,x|c,5;a,2");
    check_table("helper", "p,x,y|c,6,u;a,3,t");
    check_whole(2);

    /* One has nothing left of a partition, the other has nothing to lose. */
    CHECK_OK(delete_rows(KTK_DELETE_ROWS, "x", 2, false, &commit, &err));
    assert_int_equal(commit.rewritten_count, 1);
    check_table("core", "p,x|c,5");
    check_table("helper", "p,x,y|c,6,u;a,3,t");
    check_whole(2);
}

static void a_table_without_the_column_keeps_its_rows(void **unused) {
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1;b,2", "a,3,s;b,4,t", NULL);
    CHECK_OK(delete_rows(KTK_DELETE_ROWS, "y", 0, false, &commit, &err));
    assert_int_equal(commit.rewritten_count, 1);
    check_table("core", "p,x|b,2;a,1");
    check_table("helper", "p,x,y|b,4,t");
    check_whole(2);
}

static void partitions_go_whole_if_asked(void **unused) {
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1;b,2", "a,3,s;b,4,t", NULL);
    CHECK_OK(delete_rows(KTK_DELETE_WHOLE_PARTITIONS, "y", 0, false, &commit, &err));
    assert_int_equal(commit.removed_count, 1);
    assert_int_equal(commit.rewritten_count, 0);
    check_table("core", "p,x|b,2");
    check_table("helper", "p,x,y|b,4,t");
    check_whole(1);
}

static void compaction_joins_table_by_table(void **unused) {
    static const char *const sort_by = "x";
    static const char *const other = "y";
    ktk_compact_options options = KTK_COMPACT_OPTIONS_INIT;
    ktk_compact_result result;
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,3;b,1", "a,9,s", "x");
    (void)append(KTK_UPDATE_UPDATE, "a,2", "a,8,t;a,7,u;c,1,v", NULL);
    check_whole(4);
    options.sort_by = &other;
    options.sort_by_count = 1;
    CHECK_STATUS(ktk_compact(&result, memory, "u", &options, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'core'");
    options.sort_by = &sort_by;
    CHECK_OK(ktk_compact(&result, memory, "u", &options, &err));
    assert_int_equal(result.input_count, 4);
    assert_int_equal(result.group_count, 3);
    check_table("core", "p,x|a,2;a,3;b,1");
    check_table("helper", "p,x,y|a,7,u;a,8,t;a,9,s;c,1,v");
    check_whole(3);
    options.sort_by_count = 0;
    CHECK_OK(ktk_compact(&result, memory, "u", &options, &err));
    assert_int_equal(result.group_count, 0);
}

/* Of every table what is named stays, and the rest goes; a copy has what is named. */
static void collection_and_copies_know_all_tables(void **unused) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_copy_result copied;
    ktk_update *update;
    ktk_dataset *dataset;
    ktk_gc_result result;
    ktk_bytes written = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    (void)append(KTK_UPDATE_CREATE, "a,1;b,2", "a,3,s", "x");
    update = begun(KTK_UPDATE_UPDATE, false);
    CHECK_OK(add(update, CORE, "c,1", HELPER, "c,2,t", NULL, &err));
    CHECK_OK(ktk_update_hand_over(update, &written, &err)); /* files that nobody commits */
    ktk_update_free(update);
    ktk_bytes_clear(&written);
    options.acts = true;
    options.grace_ms = -1;
    options.allows_short_grace = true;
    test_grow_old(memory);
    CHECK_OK(ktk_gc(memory, "u", &options, &result, &err));
    CHECK_OK(ktk_gc(memory, "u", &options, &result, &err));
    assert_int_equal(test_key_count(memory, "u/core/p="), 2);
    assert_int_equal(test_key_count(memory, "u/helper/p="), 2);
    check_table("core", "p,x|a,1;b,2");
    check_whole(2);

    dataset = opened();
    CHECK_OK(ktk_dataset_copy(memory, "v", dataset, NULL, &copied, &err));
    ktk_dataset_free(dataset);
    assert_int_equal(copied.partition_count, 2);
    assert_int_equal(copied.file_count, 5);
    assert_int_equal(test_key_count(memory, "v/core/"), 3);
    assert_int_equal(test_key_count(memory, "v/helper/"), 3);
}

/* ---- lack of memory ---- */

static ktk_status make_dataset(ktk_store *store, ktk_error *err) {
    static const char *const partition_on = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream streams[2] = {{0}, {0}};
    const ktk_table_stream tables[] = {{"core", &streams[0]}, {"helper", &streams[1]}};
    ktk_bytes written = KTK_BYTES_INIT;
    ktk_update *update = NULL;
    ktk_status status;

    options.mode = KTK_UPDATE_OVERWRITE;
    options.partition_on = &partition_on;
    options.partition_on_count = 1;
    status = ktk_update_begin(&update, store, "u", &options, err);
    if (status == KTK_OK) {
        status = test_frame(&streams[0], ktk_store_context(store), CORE, "a,1;b,2", 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = test_frame(&streams[1], ktk_store_context(store), HELPER, "a,1,s", 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add_tables(update, tables, 2, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_hand_over(update, &written, err);
    }
    ktk_update_free(update);
    update = NULL;
    if (status == KTK_OK) {
        status = ktk_update_begin(&update, store, "u", &options, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add_written(update, (const char *)written.data, written.size, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, NULL, err);
    }
    ktk_update_free(update);
    ktk_bytes_clear(&written);
    for (int i = 0; i < 2; i++) {
        if (streams[i].release != NULL) {
            streams[i].release(&streams[i]);
        }
    }
    return status;
}

static void every_allocation_may_fail(void **unused) {
    ktk_status status = KTK_E_NO_MEMORY;
    ktk_error err;

    (void)unused;
    (void)tear_down(NULL); /* the blocks of one context are counted */
    for (int64_t n = 0; status == KTK_E_NO_MEMORY; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_store *store = NULL;

        status = ktk_store_open(&store, failing, "hmemory://", &err);
        if (status == KTK_OK) {
            status = make_dataset(store, &err);
        }
        ktk_store_free(store);
        test_context_free(failing);
    }
    CHECK_OK(status);
    (void)set_up(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(rows_of_equal_keys_make_a_partition),
        CASE(tables_without_rows_for_a_partition_get_an_empty_file),
        CASE(without_keys_an_input_is_a_partition),
        CASE(an_index_is_over_the_columns_of_all_tables),
        CASE(other_tables_are_refused),
        CASE(shared_columns_are_of_one_type),
        CASE(partition_columns_are_in_all_tables),
        CASE(what_is_handed_over_has_all_tables),
        CASE(a_table_of_nulls_is_widened_and_restored),
        CASE(rows_go_from_the_tables_that_have_the_columns),
        CASE(a_table_without_the_column_keeps_its_rows),
        CASE(partitions_go_whole_if_asked),
        CASE(compaction_joins_table_by_table),
        CASE(collection_and_copies_know_all_tables),
        CASE(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("upkeep/tables", tests, NULL, NULL);
}
