/*
 * Memory runs out somewhere in the life of a dataset: at one allocation, or from there on. Whoever
 * is told that a step failed finds the state before it, and the next step can be taken.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <kartothek/compact.h>
#include <kartothek/dataset.h>
#include <kartothek/doctor.h>
#include <kartothek/history.h>
#include <kartothek/predicate.h>
#include <kartothek/update.h>
#include <kartothek/upkeep.h>

#include "support/frame.h"

#define COLUMNS "p:string,v:int64"
#define STRIDE 7 /* of the short form */

static ktk_status write_rows(ktk_store *store, ktk_update_mode mode, const char *rows,
                             const char *deleted, ktk_error *err) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_predicate *scope = NULL;
    ktk_update *update = NULL;
    ktk_status status;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
    options.delete_mode = KTK_DELETE_ROWS;
    status = ktk_update_begin(&update, store, "u", &options, err);
    if (status == KTK_OK && deleted != NULL) {
        status = ktk_predicate_parse(&scope, ktk_store_context(store), deleted, err);
    }
    if (status == KTK_OK && deleted != NULL) {
        status = ktk_update_delete(update, scope, err);
    }
    if (status == KTK_OK) {
        status = test_frame(&stream, ktk_store_context(store), COLUMNS, rows, 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK && mode == KTK_UPDATE_CREATE) {
        status = ktk_update_build_index(update, "v", err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, NULL, err);
    }
    ktk_update_free(update);
    ktk_predicate_free(scope);
    return status;
}

/* ---- the steps ---- */

static ktk_status create(ktk_store *store, ktk_error *err) {
    return write_rows(store, KTK_UPDATE_CREATE, "a,1;b,2;b,7", NULL, err);
}

static ktk_status delete_and_append(ktk_store *store, ktk_error *err) {
    return write_rows(store, KTK_UPDATE_UPDATE, "a,3", "v == 7", err);
}

static ktk_status compact(ktk_store *store, ktk_error *err) {
    ktk_compact_options options = KTK_COMPACT_OPTIONS_INIT;
    ktk_compact_result result;

    return ktk_compact(&result, store, "u", &options, err);
}

static ktk_status collect(ktk_store *store, ktk_error *err) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_gc_result result;

    options.acts = true;
    options.grace_ms = -1;
    options.allows_short_grace = true;
    return ktk_gc(store, "u", &options, &result, err);
}

static ktk_status copy(ktk_store *store, ktk_error *err) {
    ktk_copy_options options = KTK_COPY_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    ktk_copy_result result;
    ktk_status status = ktk_dataset_open(&dataset, store, "u", err);

    if (status == KTK_OK) {
        status = ktk_dataset_copy(store, "copy", dataset, &options, &result, err);
    }
    ktk_dataset_free(dataset);
    return status;
}

static ktk_status check(ktk_store *store, ktk_error *err) {
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;
    ktk_check_result result = {0};
    ktk_status status;

    options.deep = true;
    status = ktk_check(store, "u", &options, &result, err);
    assert_true(status != KTK_OK || result.error_count == 0);
    return status;
}

static ktk_status restore(ktk_store *store, ktk_error *err) {
    ktk_commit commit;

    return ktk_dataset_restore(store, "u", "1", false, &commit, err);
}

static ktk_status examine(ktk_store *store, ktk_error *err) {
    ktk_doctor_options options = KTK_DOCTOR_OPTIONS_INIT;
    ktk_doctor_result result = {0};
    ktk_status status;

    options.acts = true;
    status = ktk_doctor(store, "u", &options, &result, err);
    assert_true(status != KTK_OK || result.finding_count == 0);
    return status;
}

static ktk_status drop(ktk_store *store, ktk_error *err) {
    return ktk_dataset_drop(store, "u", err);
}

static const struct step {
    ktk_status (*take)(ktk_store *store, ktk_error *err);
    const char *rows; /* after it; NULL: no dataset */
} steps[] = {
    {create, "a,1;b,2;b,7"},
    {delete_and_append, "a,1;a,3;b,2"},
    {compact, "a,1;a,3;b,2"},
    {collect, "a,1;a,3;b,2"},
    {copy, "a,1;a,3;b,2"},
    {check, "a,1;a,3;b,2"},
    {restore, "a,1;b,2;b,7"},
    {examine, "a,1;b,2;b,7"},
    {drop, NULL},
};

#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

/* ---- looking ---- */

static int compare_rows(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The rows of the dataset, sorted, are these. */
static bool reads_as(ktk_store *store, const char *wanted) {
    char *text = NULL;
    char *rows[16];
    char sorted[256] = "";
    size_t count = 0;
    ktk_error err;
    ktk_status status = test_dataset_text(&text, store, "u", &err);

    if (status == KTK_E_NOT_FOUND) {
        return wanted == NULL;
    }
    CHECK_OK(status);
    for (char *at = strtok(strchr(text, '|') + 1, ";"); at != NULL; at = strtok(NULL, ";")) {
        assert_true(count < 16);
        rows[count++] = at;
    }
    qsort(rows, count, sizeof(rows[0]), compare_rows);
    for (size_t i = 0; i < count; i++) {
        (void)strcat(strcat(sorted, i > 0 ? ";" : ""), rows[i]);
    }
    test_data_free(text);
    return wanted != NULL && strcmp(sorted, wanted) == 0;
}

static ktk_status open_folder(ktk_store **out, ktk_context *context, const char *folder,
                              ktk_error *err) {
    char url[256];

    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    return ktk_store_open(out, context, url, err);
}

/* The state after a step that failed, and all steps that are left, with memory enough. */
static void go_on(ktk_store *store, size_t step, int64_t point) {
    bool is_before = reads_as(store, step > 0 ? steps[step - 1].rows : NULL);
    ktk_error err;

    if (!is_before && !reads_as(store, steps[step].rows)) {
        fail_msg("allocation %lld fails in step %d: neither the old rows nor the new",
                 (long long)point, (int)step);
    }
    /* Where nobody could say whether it came through, it may have. */
    for (step += !is_before; step < STEP_COUNT; step++) {
        ktk_status status = steps[step].take(store, &err);

        if (status != KTK_OK && !(steps[step].take == copy && status == KTK_E_EXISTS)) {
            fail_msg("after allocation %lld failed, step %d: %s", (long long)point, (int)step,
                     err.message);
        }
        assert_true(reads_as(store, steps[step].rows));
    }
}

/* Take the steps until one fails. True if the allocation in question was never reached. */
static bool live(int64_t point, bool fails_once) {
    ktk_context *context =
        fails_once ? test_context_failing_once(point) : test_context_failing(point);
    char *folder = test_folder_in_memory();
    ktk_store *store = NULL;
    ktk_status status;
    size_t step = 0;
    bool is_met;
    ktk_error err;

    status = open_folder(&store, context, folder, &err);
    while (status == KTK_OK && step < STEP_COUNT) {
        status = steps[step].take(store, &err);
        step += status == KTK_OK;
    }
    if (status != KTK_OK && status != KTK_E_NO_MEMORY && status != KTK_E_UNKNOWN_OUTCOME) {
        fail_msg("allocation %lld fails in step %d: %s", (long long)point, (int)step, err.message);
    }
    is_met = test_context_has_failed();
    assert_true(is_met || step == STEP_COUNT);
    ktk_store_free(store);
    test_context_free(context);
    if (step < STEP_COUNT) {
        CHECK_OK(ktk_context_new(&context, NULL, &err));
        CHECK_OK(open_folder(&store, context, folder, &err));
        go_on(store, step, point);
        ktk_store_free(store);
        ktk_context_free(context);
    }
    test_folder_remove(folder);
    return !is_met;
}

static void live_with_each_failing(bool fails_once) {
    int64_t stride = STRIDE / (int64_t)test_scaled(1);
    int64_t point;

    stride = stride > 0 ? stride : 1;
    for (point = (int64_t)test_seed() % stride; !live(point, fails_once); point += stride) {
    }
    print_message("# %d allocations, one in %d failed\n", (int)point, (int)stride);
    assert_true(point > 1000);
}

/* T7 */
static void a_single_allocation_may_fail(void **unused) {
    (void)unused;
    live_with_each_failing(true);
}

/* T7 */
static void memory_may_be_short_from_any_allocation_on(void **unused) {
    (void)unused;
    live_with_each_failing(false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_allocation_may_fail),
        cmocka_unit_test(memory_may_be_short_from_any_allocation_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
