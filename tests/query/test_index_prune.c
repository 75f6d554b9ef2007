#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/query.h>

#include "query/golden.h"

/* Secondary indices of the originals: what they leave over is what their description says, and no
 * row is lost that reading every partition by itself finds. */

#define PARTITIONS_MAX 64
#define VALUES_MAX 12

struct totals {
    int indices;
    int lookups;
    int pruned; /* lookups that left something out */
};

struct dataset {
    ktk_context *context;
    ktk_store *store;
    ktk_dataset *dataset;
    int64_t count;     /* of partitions */
    const char *table; /* one that has the column of the index */
};

static ktk_predicate *predicate(const struct dataset *dataset, const char *column, ktk_operator op,
                                const ktk_value *values, size_t count) {
    ktk_literal literal = {column, op, values, count};
    ktk_predicate *where = NULL;
    size_t one = 1;
    ktk_error err;

    CHECK_OK(ktk_predicate_new(&where, dataset->context, &literal, &one, 1, &err));
    return where;
}

static int64_t count_rows(const struct dataset *dataset, const ktk_predicate *where,
                          const int64_t *partition) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct golden_rows rows = {.batches = NULL};
    int64_t count;
    ktk_error err = {0};

    options.table = dataset->table;
    options.where = where;
    options.partitions = partition;
    options.partition_count = partition != NULL;
    CHECK_OK(ktk_query_stream(&stream, dataset->dataset, &options, &err));
    CHECK_OK(golden_collect(&rows, &stream, &err));
    count = rows.row_count;
    golden_rows_clear(&rows);
    return count;
}

/* ---- what the description says ---- */

static bool holds_label(const struct node *labels, const char *label) {
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->items[i].text, label) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_known(const struct node *values, const char *label) {
    for (size_t i = 0; i < values->count; i++) {
        if (holds_label(&values->items[i].items[1], label)) {
            return true;
        }
    }
    return false;
}

static void check_equality(struct totals *totals, const struct dataset *dataset,
                           const struct node *values, size_t value, const ktk_predicate *where) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    int64_t *partitions = NULL;
    size_t count = 0;
    size_t at = 0;
    ktk_error err;

    options.table = dataset->table;
    options.where = where;
    CHECK_OK(ktk_query_partitions(&partitions, &count, dataset->dataset, &options, &err));
    for (int64_t i = 0; i < dataset->count; i++) {
        const char *label = ktk_dataset_partition_label(dataset->dataset, i);
        bool wanted = dataset->count == 1 || !is_known(values, label) ||
                      holds_label(&values->items[value].items[1], label);
        bool got = at < count && partitions[at] == i;

        if (got != wanted) {
            fail_msg("%s: partition %s: got %d, wanted %d", ktk_dataset_uuid(dataset->dataset),
                     label, got, wanted);
        }
        at += got;
    }
    totals->lookups++;
    totals->pruned += (int64_t)count < dataset->count;
    ktk_query_partitions_free(dataset->dataset, partitions, count);
}

/* ---- no row is lost ---- */

static void check_rows(const struct dataset *dataset, const ktk_predicate *where) {
    int64_t wanted = 0;

    for (int64_t i = 0; i < dataset->count; i++) {
        wanted += count_rows(dataset, where, &i); /* the index is not asked for one partition */
    }
    assert_int_equal(count_rows(dataset, where, NULL), wanted);
}

static void check_operators(const struct dataset *dataset, const char *column,
                            const ktk_value *values, size_t count) {
    const ktk_value null = {.kind = KTK_VALUE_NULL};
    const ktk_value with_null[] = {values[0], null};

    for (int op = KTK_OP_EQ; op <= KTK_OP_IS_DISTINCT_FROM; op++) {
        bool is_list = op == KTK_OP_IN || op == KTK_OP_NOT_IN;

        for (size_t i = 0; i < count; i++) {
            ktk_predicate *where =
                predicate(dataset, column, (ktk_operator)op, &values[i], is_list ? count - i : 1);

            check_rows(dataset, where);
            ktk_predicate_free(where);
        }
        if (op < KTK_OP_LT || op > KTK_OP_GE) {
            ktk_predicate *where = predicate(dataset, column, (ktk_operator)op,
                                             is_list ? with_null : &null, is_list ? 2 : 1);

            check_rows(dataset, where);
            ktk_predicate_free(where);
        }
    }
}

static void check_index(struct totals *totals, const struct dataset *dataset, const char *column,
                        const struct node *index) {
    const struct node *values = golden_member(index, "values");
    const char *type = golden_member(index, "type")->text;
    const struct node *key = golden_member(index, "key");
    bool is_embedded = key == NULL || key->kind == NODE_NULL;
    ktk_value kept[VALUES_MAX];
    char bytes[VALUES_MAX][GOLDEN_BYTES_MAX];
    size_t count = 0;

    if (values == NULL || values->count == 0) {
        return;
    }
    for (size_t i = 0; i < values->count && count < VALUES_MAX; i++) {
        ktk_predicate *where;

        golden_to_value(&kept[count], type, &values->items[i].items[0], bytes[count]);
        if (is_embedded) {
            kept[count].kind = KTK_VALUE_UNTYPED; /* a text, whatever type the column has */
        }
        where = predicate(dataset, column, KTK_OP_EQ, &kept[count], 1);
        check_equality(totals, dataset, values, i, where);
        ktk_predicate_free(where);
        count++;
    }
    check_operators(dataset, column, kept, count);
    totals->indices++;
}

static const char *table_with(const struct node *schemas, const char *column) {
    for (size_t i = 0; i < schemas->count; i++) {
        for (size_t j = 0; j < schemas->items[i].count; j++) {
            if (strcmp(golden_member(&schemas->items[i].items[j], "name")->text, column) == 0) {
                return schemas->keys[i];
            }
        }
    }
    fail_msg("no table has column %s", column);
    return NULL;
}

static void check_dataset(struct totals *totals, ktk_context *context, const char *folder,
                          const char *uuid) {
    struct dataset dataset = {.context = context};
    const struct node *indices;
    struct node *expected;
    char path[256];
    ktk_error err = {0};

    (void)snprintf(path, sizeof(path), "expected/%s/%s.json", folder, uuid);
    expected = golden_load(path);
    indices = golden_member(expected, "indices");
    if (golden_member(expected, "rows") != NULL && indices != NULL && indices->count > 0) {
        dataset.store = golden_store(context, golden_member(expected, "store")->text);
        CHECK_OK(ktk_dataset_open(&dataset.dataset, dataset.store, uuid, &err));
        dataset.count = ktk_dataset_partition_count(dataset.dataset);
        for (size_t i = 0; i < indices->count; i++) {
            dataset.table = table_with(golden_member(expected, "schemas"), indices->keys[i]);
            check_index(totals, &dataset, indices->keys[i], &indices->items[i]);
        }
        ktk_dataset_free(dataset.dataset);
        ktk_store_free(dataset.store);
    }
    golden_free(expected);
}

static void finds_what_the_indices_of_the_originals_say(void **unused) {
    static const char *const folders[] = {"k53", "p46"};
    struct totals totals = {0};
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        struct node *index;
        char path[256];

        (void)snprintf(path, sizeof(path), "expected/%s/_index.json", folders[i]);
        index = golden_load(path);
        for (size_t j = 0; j < index->count; j++) {
            check_dataset(&totals, context, folders[i],
                          golden_member(&index->items[j], "dataset_uuid")->text);
        }
        golden_free(index);
    }
    print_message("# %d indices, %d values looked up, %d of them leave partitions out\n",
                  totals.indices, totals.lookups, totals.pruned);
    assert_true(totals.indices > 80 && totals.pruned > 100);
    test_context_free(context);
}

/* ---- indices that are missing, damaged, or behind ---- */

/* `idx_types` of kartothek: three partitions, each with i8 == 100 and one other value. */
static struct dataset copied(ktk_context *context) {
    struct dataset dataset = {.context = context};

    dataset.store = golden_copy(context, "stores/k53/indices", "idx_types");
    return dataset;
}

static void reopen(struct dataset *dataset) {
    ktk_error err;

    ktk_dataset_free(dataset->dataset);
    CHECK_OK(ktk_dataset_open(&dataset->dataset, dataset->store, "idx_types", &err));
    dataset->count = ktk_dataset_partition_count(dataset->dataset);
}

static void close_dataset(struct dataset *dataset) {
    ktk_dataset_free(dataset->dataset);
    ktk_store_free(dataset->store);
}

static const char *key_of_i8(const struct dataset *dataset) {
    for (int32_t i = 0; i < ktk_dataset_index_count(dataset->dataset); i++) {
        if (strcmp(ktk_dataset_index_column(dataset->dataset, i), "i8") == 0) {
            return ktk_dataset_index_key(dataset->dataset, i);
        }
    }
    fail();
    return NULL;
}

/* How many partitions are left for i8 == `value`. */
static ktk_status count_left(const struct dataset *dataset, int64_t value, size_t *count,
                             ktk_error *err) {
    const ktk_value constant = {.kind = KTK_VALUE_INT, .integer = value};
    ktk_predicate *where = predicate(dataset, "i8", KTK_OP_EQ, &constant, 1);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    int64_t *partitions = NULL;
    ktk_status status;

    options.where = where;
    status = ktk_query_partitions(&partitions, count, dataset->dataset, &options, err);
    if (status == KTK_OK) {
        ktk_query_partitions_free(dataset->dataset, partitions, *count);
    }
    ktk_predicate_free(where);
    return status;
}

/* What a snapshot finds out about its indices it keeps; threads that are the first to ask do so at
 * the same time. */
struct asker {
    const struct dataset *dataset;
    size_t counts[4];
    ktk_status status;
};

static void *ask(void *state) {
    static const int64_t values[4] = {-1, 100, -1, 101}; /* in one, all, one and none */
    struct asker *asker = state;
    ktk_error err;

    for (size_t i = 0; i < 4 && asker->status == KTK_OK; i++) {
        asker->status = count_left(asker->dataset, values[i], &asker->counts[i], &err);
    }
    return NULL;
}

static void threads_share_what_is_found_out(void **unused) {
    static const size_t wanted[4] = {1, 3, 1, 0};
    ktk_context *context = test_context_new(2);
    struct dataset dataset = copied(context);

    (void)unused;
    for (int round = 0; round < 10; round++) {
        struct asker askers[6];
        pthread_t threads[6];

        reopen(&dataset);
        for (size_t i = 0; i < 6; i++) {
            askers[i] = (struct asker){.dataset = &dataset};
            assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
        }
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(askers[i].status, KTK_OK);
            assert_memory_equal(askers[i].counts, wanted, sizeof(wanted));
        }
    }
    close_dataset(&dataset);
    test_context_free(context);
}

static void reads_everything_if_the_index_is_missing(void **unused) {
    ktk_context *context = test_context_new(1);
    struct dataset dataset = copied(context);
    size_t count = 0;
    ktk_error err;

    (void)unused;
    reopen(&dataset);
    CHECK_OK(count_left(&dataset, -1, &count, &err));
    assert_int_equal(count, 1);
    CHECK_OK(ktk_store_remove(dataset.store, key_of_i8(&dataset), &err));
    CHECK_OK(count_left(&dataset, -1, &count, &err));
    assert_int_equal(count, 3);
    close_dataset(&dataset);
    test_context_free(context);
}

static void names_an_index_that_is_damaged(void **unused) {
    ktk_context *context = test_context_new(1);
    struct dataset dataset = copied(context);
    ktk_bytes file = KTK_BYTES_INIT;
    size_t count = 0;
    const char *key;
    ktk_error err;

    (void)unused;
    reopen(&dataset);
    key = key_of_i8(&dataset);
    CHECK_OK(ktk_store_put(dataset.store, key, "PAR1 or not", 11, NULL, NULL, &err));
    CHECK_STATUS(count_left(&dataset, -1, &count, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE(key);
    /* A Parquet file that is no index: one with data. */
    CHECK_OK(ktk_store_get(dataset.store, ktk_dataset_partition_file(dataset.dataset, 0, "table"),
                           &file, NULL, &err));
    CHECK_OK(ktk_store_put(dataset.store, key, file.data, file.size, NULL, NULL, &err));
    CHECK_STATUS(count_left(&dataset, -1, &count, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("this is no index");
    ktk_bytes_clear(&file);
    close_dataset(&dataset);
    test_context_free(context);
}

/* Another label for a file that the index knows by its first one only. */
static void keeps_partitions_that_the_index_does_not_know(void **unused) {
    static const char document_key[] = "idx_types.by-dataset-metadata.json";
    static const char anchor[] = "\"partitions\": {";
    ktk_context *context = test_context_new(1);
    struct dataset dataset = copied(context);
    char text[20000];
    size_t count = 0;
    const char *document;
    const char *at;
    size_t size;
    int length;
    ktk_error err;

    (void)unused;
    reopen(&dataset);
    CHECK_OK(ktk_dataset_document(&document, &size, dataset.dataset, &err));
    at = strstr(document, anchor);
    assert_non_null(at);
    at += strlen(anchor);
    length = snprintf(text, sizeof(text), "%.*s\"late\": {\"files\": {\"table\": \"%s\"}}, %.*s",
                      (int)(at - document), document,
                      ktk_dataset_partition_file(dataset.dataset, 0, "table"),
                      (int)(size - (size_t)(at - document)), at);
    assert_true(length > 0 && (size_t)length < sizeof(text));
    CHECK_OK(ktk_store_put(dataset.store, document_key, text, (size_t)length, NULL, NULL, &err));
    reopen(&dataset);
    assert_int_equal(dataset.count, 4);
    for (int64_t value = -3; value < 0; value++) {
        CHECK_OK(count_left(&dataset, value, &count, &err));
        assert_int_equal(count, 2); /* the one that has it, and the late one */
    }
    CHECK_OK(count_left(&dataset, 77, &count, &err));
    assert_int_equal(count, 1);
    close_dataset(&dataset);
    test_context_free(context);
}

/* Labels that are no partitions are passed over, and a partition named beside them is found. */
static void passes_over_labels_that_do_not_exist(void **unused) {
    static const struct {
        const char *index; /* embedded */
        const char *where;
        int64_t wanted; /* the partitions as bits; -1: the index is damaged */
    } cases[] = {
        {"{\"10\": [\"x\", \"i=1/j=x/f\"], \"34\": [\"i=2/j=y/f\", \"y\"]}", "product == 10", 1},
        {"{\"10\": [\"x\", \"i=1/j=x/f\"], \"34\": [\"i=2/j=y/f\", \"y\"]}", "product == 5", 0},
        {"{\"10\": [\"x\"], \"34\": [\"i=2/j=y/f\"]}", "product == 10", 1},
        {"{\"10\": [], \"34\": []}", "product == 10", 3},
        {"{\"10\": [\"x\"], \"12\": [\"\"]}", "product == 34", 3},
        {"{\"10\": \"i=1/j=x/f\"}", "product == 10", -1},
        {"{\"10\": [1]}", "product == 10", -1},
    };
    static const char uuid[] = "legacy_embedded_index";
    static const char key[] = "legacy_embedded_index.by-dataset-metadata.json";
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_copy(context, "stores/k53/legacy", uuid);

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        ktk_predicate *where = NULL;
        ktk_dataset *dataset = NULL;
        int64_t *partitions = NULL;
        size_t count = 0;
        int64_t found = 0;
        char text[2048];
        ktk_error err;

        (void)snprintf(text, sizeof(text),
                       "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"%s\", \"indices\": "
                       "{\"product\": %s}, \"partitions\": {"
                       "\"i=1/j=x/f\": {\"files\": {\"table\": \"%s/table/i=1/j=x/f.parquet\"}}, "
                       "\"i=2/j=y/f\": {\"files\": {\"table\": \"%s/table/i=2/j=y/f.parquet\"}}}}",
                       uuid, cases[i].index, uuid, uuid);
        CHECK_OK(ktk_store_put(store, key, text, strlen(text), NULL, NULL, &err));
        CHECK_OK(ktk_dataset_open(&dataset, store, uuid, &err));
        CHECK_OK(ktk_predicate_parse(&where, context, cases[i].where, &err));
        options.where = where;
        if (cases[i].wanted < 0) {
            CHECK_STATUS(ktk_query_partitions(&partitions, &count, dataset, &options, &err),
                         KTK_E_CORRUPT);
            CHECK_MESSAGE("product");
        } else {
            CHECK_OK(ktk_query_partitions(&partitions, &count, dataset, &options, &err));
            for (size_t j = 0; j < count; j++) {
                found |= 1 << partitions[j];
            }
            assert_int_equal(found, cases[i].wanted);
        }
        ktk_query_partitions_free(dataset, partitions, count);
        ktk_predicate_free(where);
        ktk_dataset_free(dataset);
    }
    ktk_store_free(store);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    const ktk_value value = {.kind = KTK_VALUE_INT, .integer = -1};
    const ktk_literal literal = {"i8", KTK_OP_EQ, &value, 1};
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        ktk_predicate *where = NULL;
        ktk_dataset *dataset = NULL;
        ktk_store *store = NULL;
        int64_t *partitions = NULL;
        char url[4096];
        size_t count = 0;
        size_t one = 1;
        ktk_error err;

        (void)snprintf(url, sizeof(url), "hfs://%s/tests/data/golden/stores/k53/indices",
                       getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".");
        if ((status = ktk_store_open(&store, context, url, &err)) == KTK_OK &&
            (status = ktk_dataset_open(&dataset, store, "idx_types", &err)) == KTK_OK &&
            (status = ktk_predicate_new(&where, context, &literal, &one, 1, &err)) == KTK_OK) {
            options.where = where;
            status = ktk_query_partitions(&partitions, &count, dataset, &options, &err);
        }
        if (status == KTK_OK) {
            assert_int_equal(count, 1);
            ktk_query_partitions_free(dataset, partitions, count);
        } else if (status != KTK_E_NO_MEMORY) {
            fail_msg("allocation %d: %s: %s", (int)n, ktk_status_name(status), err.message);
        }
        ktk_predicate_free(where);
        ktk_dataset_free(dataset);
        ktk_store_free(store);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_what_is_found_out),
        cmocka_unit_test(reads_everything_if_the_index_is_missing),
        cmocka_unit_test(names_an_index_that_is_damaged),
        cmocka_unit_test(keeps_partitions_that_the_index_does_not_know),
        cmocka_unit_test(passes_over_labels_that_do_not_exist),
        cmocka_unit_test(survives_allocation_failures),
        cmocka_unit_test(finds_what_the_indices_of_the_originals_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
