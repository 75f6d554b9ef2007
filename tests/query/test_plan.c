#include "support/test.h"

#include <stdio.h>

#include "query/golden.h"
#include "query/plan.h"
#include "support/counting_store.h"

/* Plans of one dataset. */
struct planner {
    ktk_context *context;
    ktk_store *store;
    ktk_dataset *dataset;
};

static void planner_init(struct planner *planner, const char *path, const char *uuid) {
    ktk_error err;

    planner->context = test_context_new(1);
    planner->store = golden_store(planner->context, path);
    CHECK_OK(ktk_dataset_open(&planner->dataset, planner->store, uuid, &err));
}

static void planner_clear(struct planner *planner) {
    ktk_dataset_free(planner->dataset);
    ktk_store_free(planner->store);
    test_context_free(planner->context);
}

/* Compare the partitions of a plan with a list that ends at -1. */
static void check_partitions(const struct planner *planner, const char *text,
                             const int64_t *wanted) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    struct query_plan *plan = NULL;
    int64_t *partitions = NULL;
    size_t count = 0;
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&where, planner->context, text, &err));
    options.where = where;
    CHECK_OK(ktki_plan_new(&plan, planner->dataset, &options, &err));
    for (int64_t i = 0; i < plan->partition_count; i++) {
        assert_int_equal(plan->partitions[i], wanted[i]);
    }
    assert_int_equal(wanted[plan->partition_count], -1);
    CHECK_OK(ktk_query_partitions(&partitions, &count, planner->dataset, &options, &err));
    assert_int_equal(count, plan->partition_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(partitions[i], wanted[i]);
    }
    ktk_query_partitions_free(planner->dataset, partitions, count);
    ktki_plan_free(plan);
    ktk_predicate_free(where);
}

#define LIST(...) ((const int64_t[]){__VA_ARGS__, -1})
#define NONE ((const int64_t[]){-1})

/* part_date has the partitions 2020-01-01, 1969-12-31, 1700-05-06, 2000-02-29, in this order. */
static void chooses_partitions_by_their_keys(void **unused) {
    struct planner planner;

    (void)unused;
    planner_init(&planner, "stores/k53/partitions", "part_date");
    check_partitions(&planner, "P == 2020-01-01", LIST(0));
    check_partitions(&planner, "P != 2020-01-01", LIST(1, 2, 3));
    check_partitions(&planner, "P < 2000-01-01", LIST(1, 2));
    check_partitions(&planner, "P >= 2000-02-29", LIST(0, 3));
    check_partitions(&planner, "P in (1700-05-06, 2020-01-01, 2021-01-01)", LIST(0, 2));
    check_partitions(&planner, "P not in (1700-05-06)", LIST(0, 1, 3));
    check_partitions(&planner, "P == null", NONE);
    check_partitions(&planner, "P != null", LIST(0, 1, 2, 3));
    check_partitions(&planner, "P in ()", NONE);
    check_partitions(&planner, "P > 1900-01-01 and P < 2010-01-01", LIST(1, 3));
    check_partitions(&planner, "P == 2000-02-29 or P == 1969-12-31", LIST(1, 3));
    check_partitions(&planner, "P == 2000-02-29 and v == 77", LIST(3));
    check_partitions(&planner, "P == 2000-02-29 or v == 77", LIST(0, 1, 2, 3));
    check_partitions(&planner, "v == 77", LIST(0, 1, 2, 3));
    planner_clear(&planner);
}

static void passes_over_pairs_that_are_no_keys(void **unused) {
    struct planner planner;
    struct query_plan *plan = NULL;
    struct path_constants constants = {0};
    ktk_error err;

    (void)unused;
    /* Labels of the caller with `column=value` in them, in a dataset that is not partitioned. */
    planner_init(&planner, "stores/k53/defects", "defect_label_pairs");
    CHECK_OK(ktki_plan_new(&plan, planner.dataset, NULL, &err));
    assert_int_equal(plan->key_count, 0);
    CHECK_OK(ktki_constants_init(&constants, plan, &err));
    for (int64_t i = 0; i < plan->partition_count; i++) {
        CHECK_OK(ktki_constants_set(&constants, ktki_plan_file(plan, plan->partitions[i]), &err));
        assert_int_equal(constants.count, 0);
    }
    ktki_constants_clear(&constants);
    ktki_plan_free(plan);
    planner_clear(&planner);
}

static void takes_constants_from_the_path(void **unused) {
    struct planner planner;
    struct query_plan *plan = NULL;
    struct path_constants constants = {0};
    ktk_error err;

    (void)unused;
    planner_init(&planner, "stores/k53/partitions", "part_multi");
    CHECK_OK(ktki_plan_new(&plan, planner.dataset, NULL, &err));
    assert_int_equal(plan->key_count, 4);
    CHECK_OK(ktki_constants_init(&constants, plan, &err));
    CHECK_OK(ktki_constants_set(&constants, "u/t/country=U%20K/other=1/store=-7/f.parquet", &err));
    assert_int_equal(constants.count, 2);
    assert_string_equal(plan->keys[constants.order[0]].column, "country");
    assert_string_equal(plan->keys[constants.order[1]].column, "store");
    assert_int_equal(*(const int64_t *)constants.by_field[0]->buffers[1], -7);
    assert_null(constants.by_field[2]);
    CHECK_OK(ktki_constants_set(&constants, "file.parquet", &err));
    assert_int_equal(constants.count, 0);
    assert_null(constants.by_field[0]);
    CHECK_STATUS(ktki_constants_set(&constants, "u/t/store=x/f.parquet", &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("file 'u/t/store=x/f.parquet'");
    ktki_constants_clear(&constants);
    ktki_plan_free(plan);
    planner_clear(&planner);
}

/* A document of the test's own, with the schema of part_multi, over files in these folders. */
static void planner_of_folders(struct planner *planner, const char *const *folders, size_t count) {
    char document[4096];
    int size = snprintf(document, sizeof(document),
                        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"part_multi\","
                        " \"partition_keys\": [\"store\", \"country\"], \"partitions\": {");
    ktk_error err;

    for (size_t i = 0; i < count; i++) {
        size += snprintf(document + size, sizeof(document) - (size_t)size,
                         "%s\"%zu\": {\"files\": {\"table\": \"part_multi/table/%sf%zu.parquet\"}}",
                         i > 0 ? ", " : "", i, folders[i], i);
    }
    size += snprintf(document + size, sizeof(document) - (size_t)size, "}}");
    planner->context = test_context_new(1);
    planner->store = golden_store(planner->context, "stores/k53/partitions");
    CHECK_OK(
        ktk_dataset_from_document(&planner->dataset, planner->store, document, (size_t)size, &err));
}

/* A key that a path lacks may have any value there; of two values the first one counts. */
static void looks_at_every_folder(void **unused) {
    static const char *const folders[] = {
        "store=1/country=DE/", "store=1/country=DE/",         "store=2/country=FR/",
        "country=FR/",         "store=3/store=1/country=DE/", "",
        "country=DE/store=1/", "store=2/other=1/country=FR/",
    };
    struct planner planner;

    (void)unused;
    planner_of_folders(&planner, folders, sizeof(folders) / sizeof(folders[0]));
    check_partitions(&planner, "store == 1", LIST(0, 1, 3, 5, 6));
    check_partitions(&planner, "store > 1", LIST(2, 3, 4, 5, 7));
    check_partitions(&planner, "country == FR", LIST(2, 3, 5, 7));
    check_partitions(&planner, "country == FR and store == 1", LIST(3, 5));
    check_partitions(&planner, "country == UK and store == 1", LIST(5));
    check_partitions(&planner, "store == 3 or country == FR", LIST(2, 3, 4, 5, 7));
    check_partitions(&planner, "store == 1 and amount > 5", LIST(0, 1, 3, 5, 6));
    check_partitions(&planner, "store == 9 or amount > 5", LIST(0, 1, 2, 3, 4, 5, 6, 7));
    check_partitions(&planner, "store in (9, null)", LIST(3, 5));
    planner_clear(&planner);
}

static void names_the_file_with_a_bad_value(void **unused) {
    static const char *const folders[] = {"store=1/country=DE/", "store=x/country=DE/"};
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct query_plan *plan = TEST_POISON;
    ktk_predicate *where = NULL;
    struct planner planner;
    ktk_error err;

    (void)unused;
    planner_of_folders(&planner, folders, 2);
    CHECK_OK(ktk_predicate_parse(&where, planner.context, "country == DE", &err));
    options.where = where;
    CHECK_STATUS(ktki_plan_new(&plan, planner.dataset, &options, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("file 'part_multi/table/store=x/country=DE/f1.parquet'");
    assert_ptr_equal(plan, TEST_POISON);
    ktk_predicate_free(where);
    planner_clear(&planner);
}

static void refuses_what_it_cannot_read(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct query_plan *plan = TEST_POISON;
    const int64_t beyond[] = {0, 4};
    struct planner planner;
    ktk_error err;

    (void)unused;
    planner_init(&planner, "stores/k53/partitions", "part_date");
    options.partitions = beyond;
    options.partition_count = 2;
    CHECK_STATUS(ktki_plan_new(&plan, planner.dataset, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("dataset 'part_date' has 4 partitions, there is no number 4");
    planner_clear(&planner);
    assert_ptr_equal(plan, TEST_POISON);
}

static void passes_over_partitions_without_a_file(void **unused) {
    struct planner planner;
    struct query_plan *plan = NULL;
    ktk_error err;

    (void)unused;
    planner_init(&planner, "stores/k53/legacy", "legacy_foreign_files");
    CHECK_OK(ktki_plan_new(&plan, planner.dataset, NULL, &err));
    assert_true(plan->partition_count < ktk_dataset_partition_count(planner.dataset));
    for (int64_t i = 0; i < plan->partition_count; i++) {
        assert_non_null(ktki_plan_file(plan, plan->partitions[i]));
    }
    ktki_plan_free(plan);
    planner_clear(&planner);
}

static void reads_no_data_file(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = test_context_new(1);
    ktk_store *base = golden_store(context, "stores/k53/partitions");
    struct counting_store counting = {0};
    ktk_store *store = counting_store_new(&counting, base);
    ktk_predicate *where = NULL;
    ktk_dataset *dataset = NULL;
    struct query_plan *plan = NULL;
    const void *schema;
    int64_t calls;
    size_t size;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_predicate_parse(&where, context, "country == DE and amount > 3", &err));
    CHECK_OK(ktk_dataset_open(&dataset, store, "part_multi", &err));
    CHECK_OK(ktk_dataset_schema_file(dataset, "table", &schema, &size, &err));
    calls = counting_store_calls(&counting);
    options.where = where;
    CHECK_OK(ktki_plan_new(&plan, dataset, &options, &err));
    assert_int_equal(counting_store_calls(&counting), calls);
    assert_int_equal(plan->partition_count, 9);
    ktki_plan_free(plan);
    ktk_dataset_free(dataset);
    ktk_predicate_free(where);
    ktk_store_free(store);
    ktk_store_free(base);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_partitions_by_their_keys),
        cmocka_unit_test(passes_over_pairs_that_are_no_keys),
        cmocka_unit_test(takes_constants_from_the_path),
        cmocka_unit_test(looks_at_every_folder),
        cmocka_unit_test(names_the_file_with_a_bad_value),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(passes_over_partitions_without_a_file),
        cmocka_unit_test(reads_no_data_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
