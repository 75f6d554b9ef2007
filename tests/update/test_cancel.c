#include "support/frame.h"
#include "support/hooked_store.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#define OLD "p,x|1,1;2,2;3,3"

/* Partitions that an update adds: one task, and several tasks of several waves. */
#define FEW 4
#define MANY 600

/* Says so often that the call is to go on. */
struct patience {
    pthread_t caller;
    atomic_int asks_left;
};

static bool keep_going(void *state) {
    struct patience *patience = state;

    return !pthread_equal(pthread_self(), patience->caller) ||
           atomic_fetch_sub(&patience->asks_left, 1) > 0;
}

static ktk_context *impatient_context(struct patience *patience, int32_t threads) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;

    patience->caller = pthread_self();
    options.allocator = test_allocator();
    options.threads = threads;
    options.keep_going = keep_going;
    options.keep_going_state = patience;
    CHECK_OK(ktk_context_new(&context, &options, &err));
    return context;
}

static void be_patient(struct patience *patience, int asks) {
    atomic_store(&patience->asks_left, asks);
}

static ktk_status write_rows(ktk_store *store, ktk_context *context, ktk_update_mode mode,
                             const char *rows, ktk_error *err) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_status status;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
    status = ktk_update_begin(&update, store, "u", &options, err);
    status = status == KTK_OK ? test_frame(&stream, context, "p:int64,x:int64", rows, 0, NULL, err)
                              : status;
    status = status == KTK_OK ? ktk_update_add(update, &stream, NULL, err) : status;
    if (status == KTK_OK && mode == KTK_UPDATE_CREATE) {
        status = ktk_update_build_index(update, "x", err);
    }
    status = status == KTK_OK ? ktk_update_commit(update, &commit, err) : status;
    ktk_update_free(update);
    return status;
}

static void append_rows(char *text, size_t size, const char *head, int count) {
    size_t used = (size_t)snprintf(text, size, "%s", head);

    for (int i = 4; i < 4 + count; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%d,%d", used > 0 ? ";" : "", i, i);
        assert_true(used < size);
    }
}

/* Whenever an update is cancelled, either nothing has happened or all of it. */
static void check_moments(int32_t threads, struct hooked_store *kind, int count, int step) {
    char added[16 * MANY] = "";
    char all[16 * MANY] = "";
    int cancelled = 0;
    ktk_error err;
    ktk_status status = KTK_E_CANCELLED;

    append_rows(added, sizeof(added), "", count);
    append_rows(all, sizeof(all), OLD, count);

    for (int asks = 0; status != KTK_OK; asks += step) {
        struct patience patience = {0};
        ktk_context *context = impatient_context(&patience, threads);
        ktk_store *memory = NULL;
        ktk_store *store;
        int64_t key_count;

        be_patient(&patience, 1000000);
        CHECK_OK(ktk_store_open(&memory, context, "hmemory://", &err));
        store = hooked_store_new(kind, memory);
        CHECK_OK(write_rows(store, context, KTK_UPDATE_CREATE, "1,1;2,2;3,3", &err));
        key_count = test_key_count(store, "");
        be_patient(&patience, asks);
        status = write_rows(store, context, KTK_UPDATE_UPDATE, added, &err);
        if (status != KTK_OK) {
            assert_int_equal(status, KTK_E_CANCELLED);
            cancelled++;
        }
        be_patient(&patience, 1000000);
        test_check_dataset(store, "u", status == KTK_OK ? all : OLD);
        if (status != KTK_OK) {
            assert_int_equal(test_key_count(store, ""), key_count);
        }
        ktk_store_free(store);
        ktk_store_free(memory);
        ktk_context_free(context);
        assert_int_equal(test_allocator_live(), 0);
    }
    /* Of several threads the caller's does little where the machine has much to do. */
    assert_in_range(cancelled, threads == 1 ? 3 : 1, 1000);
}

static void a_cancelled_update_changes_nothing(void **unused) {
    struct hooked_store swapping = {.key_suffix = "?"};
    struct hooked_store creating = {.key_suffix = "?", .creates_only = true};
    struct hooked_store unconditional = {.key_suffix = "?", .is_unconditional = true};

    (void)unused;
    check_moments(1, &swapping, FEW, 1);
    check_moments(3, &swapping, FEW, 1);
    check_moments(1, &creating, FEW, 1);
    check_moments(1, &unconditional, FEW, 1);
    check_moments(1, &swapping, MANY, 101);
    check_moments(3, &swapping, MANY, 101);
}

static void a_cancelled_drop_can_be_finished(void **unused) {
    struct patience patience = {0};
    ktk_context *context = impatient_context(&patience, 1);
    ktk_store *store = NULL;
    bool exists = true;
    ktk_error err;

    (void)unused;
    be_patient(&patience, 1000000);
    CHECK_OK(ktk_store_open(&store, context, "hmemory://", &err));
    CHECK_OK(write_rows(store, context, KTK_UPDATE_CREATE, "1,1;2,2;3,3", &err));
    be_patient(&patience, 2);
    CHECK_STATUS(ktk_dataset_drop(store, "u", &err), KTK_E_CANCELLED);
    assert_true(test_key_count(store, "") > 0);
    CHECK_OK(ktk_dataset_exists(&exists, store, "u", &err));
    assert_false(exists);
    ktk_store_free(store);
    ktk_context_free(context);
    assert_int_equal(test_allocator_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancelled_update_changes_nothing),
        cmocka_unit_test(a_cancelled_drop_can_be_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
