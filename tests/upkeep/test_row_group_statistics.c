#include <kartothek/upkeep.h>

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>

#include "query/golden.h"
#include "support/test.h"

struct seen {
    size_t count;
    char labels[64][100];
    ktk_row_group_statistics items[64];
};

static ktk_status keep(void *state, const ktk_row_group_statistics *row_group, ktk_error *err) {
    struct seen *seen = state;

    (void)err;
    assert_true(seen->count < 64);
    (void)snprintf(seen->labels[seen->count], sizeof(seen->labels[0]), "%s", row_group->label);
    seen->items[seen->count++] = *row_group;
    return KTK_OK;
}

static ktk_status collect(struct seen *seen, ktk_context *context, const char *path,
                          const char *uuid, const ktk_statistics_options *options, ktk_error *err) {
    ktk_store *store = golden_store(context, path);
    ktk_dataset *dataset = NULL;
    ktk_status status;

    seen->count = 0;
    status = ktk_dataset_open(&dataset, store, uuid, err);
    if (status == KTK_OK) {
        status = ktk_dataset_statistics(dataset, options, keep, seen, err);
    }
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    return status;
}

/* Labels and rows as the description of the dataset has them. */
static void check_rows(const char *path, const char *uuid) {
    ktk_context *context = test_context_new(2);
    ktk_statistics_options options = KTK_STATISTICS_OPTIONS_INIT;
    const struct node *partitions;
    struct node *expected;
    struct seen seen;
    char name[200];
    size_t at = 0;
    ktk_error err;

    (void)snprintf(name, sizeof(name), "expected/k53/%s.json", uuid);
    expected = golden_load(name);
    partitions = golden_member(expected, "partitions");
    CHECK_OK(collect(&seen, context, path, uuid, &options, &err));
    for (size_t i = 0; i < partitions->count; i++) {
        const struct node *partition = &partitions->items[i];
        const struct node *groups = golden_member(golden_member(partition, "row_groups"), "table");

        for (size_t j = 0; j < groups->count; j++, at++) {
            assert_true(at < seen.count);
            assert_string_equal(seen.labels[at], golden_member(partition, "label")->text);
            assert_int_equal(seen.items[at].row_group, j);
            assert_int_equal(seen.items[at].row_count, golden_integer(&groups->items[j]));
            assert_int_equal(seen.items[at].file_row_group_count, groups->count);
            assert_int_equal(
                seen.items[at].file_row_count,
                golden_integer(golden_member(golden_member(partition, "rows"), "table")));
            assert_true(seen.items[at].footer_size > 0);
        }
    }
    assert_int_equal(at, seen.count);
    assert_true(at > 0);
    golden_free(expected);
    test_context_free(context);
}

static void finds_all_row_groups(void **unused) {
    (void)unused;
    check_rows("stores/k53/updates", "upd_append");
    check_rows("stores/k53/serialisers", "row_groups");
    check_rows("stores/k53/serialisers", "codec_mixed");
}

/* D-27: with a codec the sizes differ, without one they are the same. */
static void sizes_are_not_mixed_up(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_statistics_options options = KTK_STATISTICS_OPTIONS_INIT;
    struct seen seen;
    ktk_error err;

    (void)unused;
    CHECK_OK(collect(&seen, context, "stores/k53/serialisers", "codec_none", &options, &err));
    assert_true(seen.count > 0);
    assert_int_equal(seen.items[0].compressed_size, seen.items[0].uncompressed_size);
    CHECK_OK(collect(&seen, context, "stores/k53/serialisers", "codec_gzip", &options, &err));
    assert_true(seen.count > 0);
    assert_int_not_equal(seen.items[0].compressed_size, seen.items[0].uncompressed_size);
    test_context_free(context);
}

static void takes_a_part(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_statistics_options options = KTK_STATISTICS_OPTIONS_INIT;
    bool met[8] = {false};
    struct seen seen;
    int count = 0;
    ktk_error err;

    (void)unused;
    CHECK_OK(
        ktk_predicate_parse((ktk_predicate **)(uintptr_t)&options.where, context, "P == 2", &err));
    CHECK_OK(collect(&seen, context, "stores/k53/updates", "upd_append", &options, &err));
    assert_int_equal(seen.count, 2);
    for (size_t i = 0; i < seen.count; i++) {
        assert_memory_equal(seen.labels[i], "P=2/", 4);
    }
    ktk_predicate_free((ktk_predicate *)(uintptr_t)options.where);
    options.where = NULL;
    options.fraction = 0.01; /* of eight: one */
    for (options.seed = 0; options.seed < 200; options.seed++) {
        CHECK_OK(collect(&seen, context, "stores/k53/updates", "upd_append", &options, &err));
        assert_int_equal(seen.count, 1);
        met[(unsigned char)seen.labels[0][2] % 8] = true;
    }
    for (size_t i = 0; i < 8; i++) {
        count += met[i];
    }
    assert_int_equal(count, 3); /* of P=1, P=2 and P=3 */
    options.fraction = 0.9;     /* seven */
    CHECK_OK(collect(&seen, context, "stores/k53/updates", "upd_append", &options, &err));
    assert_int_equal(seen.count, 7);
    options.fraction = 1.01;
    CHECK_STATUS(collect(&seen, context, "stores/k53/updates", "upd_append", &options, &err),
                 KTK_E_INVALID);
    options.fraction = -0.5;
    CHECK_STATUS(collect(&seen, context, "stores/k53/updates", "upd_append", &options, &err),
                 KTK_E_INVALID);
    test_context_free(context);
}

static void any_allocation_may_fail(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_statistics_options options = KTK_STATISTICS_OPTIONS_INIT;
        ktk_store *store = NULL;
        ktk_dataset *dataset = NULL;
        struct seen seen = {.count = 0};
        char url[600];
        ktk_error err;
        ktk_status status;

        (void)snprintf(url, sizeof(url),
                       "hfs://%s/tests/data/golden/stores/k53/updates#wrap:readonly",
                       getenv("KTK_SOURCE_ROOT"));
        status = ktk_store_open(&store, context, url, &err);
        if (status == KTK_OK) {
            status = ktk_dataset_open(&dataset, store, "upd_append", &err);
        }
        if (status == KTK_OK) {
            status = ktk_dataset_statistics(dataset, &options, keep, &seen, &err);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        ktk_dataset_free(dataset);
        ktk_store_free(store);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_all_row_groups),
        cmocka_unit_test(sizes_are_not_mixed_up),
        cmocka_unit_test(takes_a_part),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
