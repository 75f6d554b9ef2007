#include "support/test.h"

#include <stdio.h>

#include <kartothek/query.h>

#include "query/golden.h"

/* ---- every golden dataset ---- */

/* What cannot be read, and why. */
static const struct {
    const char *uuid;
    const char *table;
    ktk_status status;
    const char *reason;
} unsupported[] = {
    {"defect_duration_partition", "table", KTK_E_UNSUPPORTED, "partitioned by a duration"},
    {"defect_table_name", "table", KTK_E_NOT_FOUND, "the first partition says which tables are"},
};

struct totals {
    int datasets;
    int64_t rows;
    int unsupported;
};

static ktk_status read_table(struct golden_rows *out, ktk_context *context, ktk_store *store,
                             const char *uuid, const ktk_query_options *options, ktk_error *err) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_dataset_open(&dataset, store, uuid, err);

    (void)context;
    *out = (struct golden_rows){.batches = NULL};
    if (status == KTK_OK) {
        status = ktk_query_stream(&stream, dataset, options, err);
    }
    ktk_dataset_free(dataset); /* the stream outlives the handle */
    return status != KTK_OK ? status : golden_collect(out, &stream, err);
}

static int find_unsupported(const char *uuid, const char *table) {
    int count = (int)(sizeof(unsupported) / sizeof(unsupported[0]));

    for (int i = 0; i < count; i++) {
        if (strcmp(unsupported[i].uuid, uuid) == 0 && strcmp(unsupported[i].table, table) == 0) {
            return i;
        }
    }
    return -1;
}

static void check_columns(const struct golden_rows *rows, const struct node *columns) {
    assert_int_equal(rows->schema.n_children, columns->count);
    for (size_t i = 0; i < columns->count; i++) {
        assert_string_equal(rows->schema.children[i]->name, columns->items[i].text);
    }
}

/* A part of the rows: those at the start or the end of a large table. */
static void check_part(const struct golden_rows *rows, const struct node *wanted, int64_t start) {
    for (size_t i = 0; i < wanted->count; i++) {
        for (size_t j = 0; j < wanted->items[i].count; j++) {
            int64_t column = golden_column(rows, wanted->items[i].keys[j]);

            assert_true(
                golden_value_is(rows, column, start + (int64_t)i, &wanted->items[i].items[j]));
        }
    }
}

static void check_table(struct totals *totals, ktk_context *context, ktk_store *store,
                        const char *uuid, const char *table, const struct node *wanted) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    int reason = find_unsupported(uuid, table);
    struct golden_rows rows;
    ktk_status status;
    ktk_error err = {0};

    options.table = table;
    status = read_table(&rows, context, store, uuid, &options, &err);
    if (reason >= 0) {
        assert_int_equal(status, unsupported[reason].status);
        totals->unsupported++;
    } else if (status != KTK_OK) {
        fail_msg("%s, table %s: %s: %s", uuid, table, ktk_status_name(status), err.message);
    } else {
        const struct node *all = golden_member(wanted, "rows");

        check_columns(&rows, golden_member(wanted, "columns"));
        assert_int_equal(rows.row_count, golden_integer(golden_member(wanted, "count")));
        if (all != NULL) {
            golden_check_rows(&rows, all, uuid);
        } else {
            const struct node *tail = golden_member(wanted, "tail");

            check_part(&rows, golden_member(wanted, "head"), 0);
            check_part(&rows, tail, rows.row_count - (int64_t)tail->count);
        }
        totals->rows += rows.row_count;
        totals->datasets++;
    }
    golden_rows_clear(&rows);
}

static void check_dataset(struct totals *totals, ktk_context *context, const char *folder,
                          const char *uuid) {
    const struct node *tables;
    struct node *expected;
    ktk_store *store;
    char path[256];

    (void)snprintf(path, sizeof(path), "expected/%s/%s.json", folder, uuid);
    expected = golden_load(path);
    tables = golden_member(expected, "rows");
    if (tables != NULL) { /* large_meta has a layout of its own and few of its files */
        store = golden_store(context, golden_member(expected, "store")->text);
        for (size_t i = 0; i < tables->count; i++) {
            check_table(totals, context, store, uuid, tables->keys[i], &tables->items[i]);
        }
        ktk_store_free(store);
    }
    golden_free(expected);
}

static void check_folder(struct totals *totals, const char *folder, int32_t threads) {
    ktk_context *context = test_context_new(threads);
    struct node *index;
    char path[256];

    (void)snprintf(path, sizeof(path), "expected/%s/_index.json", folder);
    index = golden_load(path);
    for (size_t i = 0; i < index->count; i++) {
        check_dataset(totals, context, folder,
                      golden_member(&index->items[i], "dataset_uuid")->text);
    }
    golden_free(index);
    test_context_free(context);
}

static void reads_every_golden_dataset(void **unused) {
    struct totals totals = {0};

    (void)unused;
    check_folder(&totals, "k53", 1);
    check_folder(&totals, "p46", 4);
    print_message("# %d tables with %lld rows are as expected\n", totals.datasets,
                  (long long)totals.rows);
    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
        print_message("# expected to be unsupported: %s: %s\n", unsupported[i].uuid,
                      unsupported[i].reason);
    }
    assert_true(totals.datasets > 170);
}

static void reads_datasets_of_both_originals(void **unused) {
    static const char *const uuids[] = {
        "k_then_p_dates",        "k_then_p_numbers",
        "k_then_p_string_dtype", "k_then_p_text",
        "k_then_p_text_index",   "k_then_p_text_key",
        "k_then_p_timestamp",    "k_then_p_text_unpartitioned",
        "p_then_k_list",         "p_then_k_msgpack",
        "p_then_k_numbers",      "p_then_k_string_dtype",
        "p_then_k_text",         "p_then_k_text_index",
        "p_then_k_text_key",     "p_then_k_timestamp",
    };
    ktk_context *context = test_context_new(2);
    struct totals totals = {0};

    (void)unused;
    for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
        check_dataset(&totals, context, "mixed", uuids[i]);
    }
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_golden_dataset),
        cmocka_unit_test(reads_datasets_of_both_originals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
