/* Whatever fails, and wherever: the dataset is the old one or the new one. */
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kartothek/predicate.h>
#include <kartothek/update.h>

#include "store/backend.h"
#include "support/failing_store.h"
#include "support/frame.h"
#include "support/hooked_store.h"
#include "update/capability.h"

#define OLD "old,1,1;old,2,2"
#define NEW "new,3,3;new,4,4;newer,5,5"
#define COLUMNS "p:string,q:int64,v:int64"
#define HEAD "p,q,v|"

static ktk_status write_dataset(ktk_store *store, ktk_update_mode mode, const char *rows,
                                ktk_error *err) {
    const char *keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_status status;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
    status = ktk_update_begin(&update, store, "u", &options, err);
    if (status == KTK_OK && mode == KTK_UPDATE_UPDATE) {
        status = ktk_update_delete_all(update, err);
    }
    if (status == KTK_OK) {
        status = test_frame(&stream, ktk_store_context(store), COLUMNS, rows, 2, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, err);
    }
    ktk_update_free(update);
    return status;
}

/* 'o' the old rows, 'n' the new ones, '-' no dataset; anything else fails the test. */
static char look(ktk_store *store) {
    char *rows = NULL;
    char found;
    ktk_error err;
    ktk_status status = test_dataset_text(&rows, store, "u", &err);

    if (status == KTK_E_NOT_FOUND) {
        return '-';
    }
    CHECK_OK(status);
    found = strcmp(rows, HEAD OLD) == 0 ? 'o' : strcmp(rows, HEAD NEW) == 0 ? 'n' : '?';
    if (found == '?') {
        fail_msg("the dataset holds \"%s\"", rows);
    }
    test_data_free(rows);
    return found;
}

/* ---- calls of the store that fail ---- */

/* One kind of failure at every call in turn, for a create and for an overwrite; with claims, if
 * `base_kind` knows of no versions. */
static void sweep_on(struct hooked_store *base_kind, const struct failing_store *kind,
                     ktk_update_mode mode) {
    ktk_context *context = test_context_new(1);
    bool finished = false;
    ktk_error err;

    for (int64_t n = 0; !finished; n++) {
        struct failing_store failing = *kind;
        ktk_store *memory = NULL;
        ktk_store *base;
        ktk_store *store;
        ktk_status status;
        char before = '-';
        char after;

        failing.fail_at = n;
        CHECK_OK(ktk_store_open(&memory, context, "hmemory://", &err));
        base = hooked_store_new(base_kind, memory);
        if (mode != KTK_UPDATE_CREATE) {
            CHECK_OK(write_dataset(base, KTK_UPDATE_CREATE, OLD, &err));
            before = 'o';
        }
        store = failing_store_new(&failing, base);
        status = write_dataset(store, mode, NEW, &err);
        after = look(base);
        if (status == KTK_OK) {
            assert_int_equal(after, 'n');
        } else if (status == KTK_E_UNKNOWN_OUTCOME) {
            assert_true(after == before || after == 'n');
        } else {
            assert_int_equal(after, before);
        }
        finished = atomic_load(&failing.failures) == 0;
        if (finished) {
            assert_int_equal(status, KTK_OK);
        }
        ktk_store_free(store);
        ktk_store_free(base);
        ktk_store_free(memory);
        assert_true(n < 200);
    }
    test_context_free(context);
}

static void sweep(const struct failing_store *kind, ktk_update_mode mode) {
    struct hooked_store swaps = {0};

    sweep_on(&swaps, kind, mode);
}

static void claims_leave_old_or_new(void **unused) {
    static const struct failing_store kinds[] = {{0},
                                                 {.fails_once = true},
                                                 {.fails_once = true, .status = KTK_E_UNAVAILABLE},
                                                 {.fails_once = true, .is_applied = true},
                                                 {.is_applied = true}};
    struct hooked_store creates = {.creates_only = true};

    (void)unused;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        sweep_on(&creates, &kinds[i], KTK_UPDATE_CREATE);
        sweep_on(&creates, &kinds[i], KTK_UPDATE_OVERWRITE);
        sweep_on(&creates, &kinds[i], KTK_UPDATE_UPDATE);
    }
}

static void a_crash_at_any_call_leaves_old_or_new(void **unused) {
    const struct failing_store crash = {0};

    (void)unused;
    sweep(&crash, KTK_UPDATE_CREATE);
    sweep(&crash, KTK_UPDATE_OVERWRITE);
    sweep(&crash, KTK_UPDATE_UPDATE);
}

static void a_single_fault_at_any_call_leaves_old_or_new(void **unused) {
    const struct failing_store once = {.fails_once = true};
    const struct failing_store transient = {.fails_once = true, .status = KTK_E_UNAVAILABLE};

    (void)unused;
    sweep(&once, KTK_UPDATE_CREATE);
    sweep(&once, KTK_UPDATE_OVERWRITE);
    sweep(&once, KTK_UPDATE_UPDATE);
    sweep(&transient, KTK_UPDATE_OVERWRITE);
    sweep(&transient, KTK_UPDATE_UPDATE);
}

static void a_lost_answer_is_not_a_lost_commit(void **unused) {
    const struct failing_store lost = {.fails_once = true, .is_applied = true};
    const struct failing_store crash = {.is_applied = true};

    (void)unused;
    sweep(&lost, KTK_UPDATE_CREATE);
    sweep(&lost, KTK_UPDATE_OVERWRITE);
    sweep(&lost, KTK_UPDATE_UPDATE);
    sweep(&crash, KTK_UPDATE_CREATE);
    sweep(&crash, KTK_UPDATE_OVERWRITE);
    sweep(&crash, KTK_UPDATE_UPDATE);
}

/* The answer to the document's put alone is lost: it must be found to have happened. */
static void the_lost_answer_of_the_document_is_found(void **unused) {
    ktk_context *context = test_context_new(1);
    struct failing_store failing = {
        .fails_once = true, .is_applied = true, .kinds = 1u << STORE_CALL_PUT};
    ktk_store *base = NULL;
    ktk_store *store;
    ktk_error err;

    (void)unused;
    failing.fail_at = 2 + 3; /* two files, document and schema as they are kept, the schema */
    CHECK_OK(ktk_store_open(&base, context, "hmemory://", &err));
    store = failing_store_new(&failing, base);
    CHECK_OK(write_dataset(store, KTK_UPDATE_CREATE, NEW, &err));
    assert_int_equal(atomic_load(&failing.failures), 1);
    assert_int_equal(look(base), 'n');
    ktk_store_free(store);
    ktk_store_free(base);
    test_context_free(context);
}

/* ---- memory that runs out ---- */

static void any_allocation_may_fail(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_store *store = NULL;
        char *rows = NULL;
        ktk_error err;
        ktk_status status = ktk_store_open(&store, context, "hmemory://", &err);

        if (status == KTK_OK) {
            status = write_dataset(store, KTK_UPDATE_CREATE, NEW, &err);
        }
        if (status == KTK_OK) {
            status = test_dataset_text(&rows, store, "u", &err);
        }
        finished = status == KTK_OK;
        if (finished) {
            assert_string_equal(rows, HEAD NEW);
        } else if (status != KTK_E_UNKNOWN_OUTCOME) {
            /* The answer that memory is short comes through; only where it hides what became of the
             * commit, that is what is said. */
            assert_int_equal(status, KTK_E_NO_MEMORY);
        }
        test_data_free(rows);
        ktk_store_free(store);
        test_context_free(context);
        assert_true(n < 100000);
    }
}

/* An append, a delete of single rows and a rebase on what somebody else did between. */
static ktk_status delete_rows(ktk_store *store, ktk_error *err) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(store);
    struct ArrowArrayStream stream = {0};
    ktk_predicate *where = NULL;
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_status status;

    options.mode = KTK_UPDATE_UPDATE;
    options.delete_mode = KTK_DELETE_ROWS;
    options.metadata = "{\"a\": 1}";
    status = ktk_update_begin(&update, store, "u", &options, err);
    if (status == KTK_OK) {
        status = ktk_predicate_parse(&where, context, "q == 2 and p == new", err);
    }
    if (status == KTK_OK) {
        status = ktk_update_delete(update, where, err);
    }
    if (status == KTK_OK) {
        status = test_frame(&stream, context, COLUMNS, "newer,5,5", 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) { /* somebody else's, whom ours must be joined with */
        options.metadata = "{\"b\": 1}";
        ktk_update *other = NULL;

        status = ktk_update_begin(&other, store, "u", &options, err);
        if (status == KTK_OK) {
            status = ktk_update_commit(other, &commit, err);
        }
        ktk_update_free(other);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, err);
    }
    ktk_predicate_free(where);
    ktk_update_free(update);
    return status;
}

static void fail_each_allocation(enum capability_level level) {
    bool finished = false;

    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_store *store = NULL;
        char *rows = NULL;
        ktk_error err;
        ktk_status status = ktk_store_open(&store, context, "hmemory://", &err);

        if (status == KTK_OK) {
            ktki_store_set_level(store, level);
            status = write_dataset(store, KTK_UPDATE_CREATE, "new,2,0;new,3,3;new,4,4", &err);
        }
        if (status == KTK_OK) {
            status = delete_rows(store, &err);
        }
        if (status == KTK_OK) {
            status = test_dataset_text(&rows, store, "u", &err);
        }
        finished = status == KTK_OK;
        if (finished) {
            assert_string_equal(rows, HEAD NEW);
        } else if (status != KTK_E_UNKNOWN_OUTCOME) {
            assert_int_equal(status, KTK_E_NO_MEMORY);
        }
        test_data_free(rows);
        ktk_store_free(store);
        test_context_free(context);
        assert_true(n < 100000);
    }
}

static void any_allocation_of_an_update_may_fail(void **unused) {
    (void)unused;
    fail_each_allocation(CAPABILITY_SWAP);
}

static void any_allocation_of_a_claim_may_fail(void **unused) {
    (void)unused;
    fail_each_allocation(CAPABILITY_CREATE);
}

/* ---- races ---- */

#define RACERS 8

struct race {
    ktk_store *store;
    pthread_barrier_t start;
    atomic_int wins;
    atomic_int exists;
};

static void *create_racing(void *state) {
    struct race *race = state;
    ktk_error err;
    ktk_status status;

    (void)pthread_barrier_wait(&race->start);
    status = write_dataset(race->store, KTK_UPDATE_CREATE, NEW, &err);
    atomic_fetch_add(&race->wins, status == KTK_OK);
    atomic_fetch_add(&race->exists, status == KTK_E_EXISTS);
    return NULL;
}

static void one_of_many_creators_wins(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (int round = 0; round < 20; round++) {
        struct race race = {0};
        pthread_t threads[RACERS];

        CHECK_OK(ktk_store_open(&race.store, context, "hmemory://", &err));
        assert_int_equal(pthread_barrier_init(&race.start, NULL, RACERS), 0);
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, create_racing, &race), 0);
        }
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(atomic_load(&race.wins), 1);
        assert_int_equal(atomic_load(&race.exists), RACERS - 1);
        assert_int_equal(look(race.store), 'n');
        /* Only the winner's two files are left, its schema and its document, each also as kept. */
        assert_int_equal(test_key_count(race.store, ""), 6);
        pthread_barrier_destroy(&race.start);
        ktk_store_free(race.store);
    }
    test_context_free(context);
}

static void folder_url(char *out, size_t size, const char *folder) {
    (void)snprintf(out, size, "hfs://%s", folder);
}

/* A process of its own, as another user of the folder has it. */
static pid_t write_in_process(const char *url, ktk_update_mode mode, int repeat) {
    pid_t child = fork();

    if (child == 0) {
        ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
        ktk_context *context = NULL;
        ktk_store *store = NULL;
        ktk_error err;
        ktk_status status;

        options.threads = 1;
        status = ktk_context_new(&context, &options, &err);
        status = status == KTK_OK ? ktk_store_open(&store, context, url, &err) : status;
        for (int i = 0; status == KTK_OK && i < repeat; i++) {
            status = write_dataset(store, mode, NEW, &err);
        }
        _exit((int)status);
    }
    assert_true(child > 0);
    return child;
}

static void one_of_many_processes_wins(void **unused) {
    char *folder = test_folder_in_memory();
    ktk_context *context = test_context_new(1);
    ktk_store *store = NULL;
    char url[256];
    pid_t children[RACERS];
    int wins = 0;
    ktk_error err;

    (void)unused;
    folder_url(url, sizeof(url), folder);
    for (int i = 0; i < RACERS; i++) {
        children[i] = write_in_process(url, KTK_UPDATE_CREATE, 1);
    }
    for (int i = 0; i < RACERS; i++) {
        int result;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result));
        assert_true(WEXITSTATUS(result) == KTK_OK || WEXITSTATUS(result) == KTK_E_EXISTS);
        wins += WEXITSTATUS(result) == KTK_OK;
    }
    assert_int_equal(wins, 1);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    assert_int_equal(look(store), 'n');
    assert_int_equal(test_key_count(store, ""), 6);
    ktk_store_free(store);
    test_context_free(context);
    test_folder_remove(folder);
}

/* T5, at random times. */
static void a_killed_writer_leaves_old_or_new(void **unused) {
    int rounds = (int)test_scaled(60);
    int seen[256] = {0};

    (void)unused;
    /* Ever later, until the rounds have met both sides of the commit. */
    for (int round = 0; round < rounds || (round < 1000 && (seen['o'] == 0 || seen['n'] == 0));
         round++) {
        char *folder = test_folder_in_memory();
        ktk_context *context = test_context_new(1);
        ktk_store *store = NULL;
        char url[256];
        pid_t child;
        int result;
        ktk_error err;

        folder_url(url, sizeof(url), folder);
        CHECK_OK(ktk_store_open(&store, context, url, &err));
        CHECK_OK(write_dataset(store, KTK_UPDATE_CREATE, OLD, &err));
        child = write_in_process(url, KTK_UPDATE_OVERWRITE, 1000);
        (void)usleep((useconds_t)(round % 1000 * 137 + (int)(test_seed() % 137)));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &result, 0), child);
        seen[(unsigned char)look(store)]++;
        /* Whoever comes next is not locked out by the dead. */
        CHECK_OK(write_dataset(store, KTK_UPDATE_OVERWRITE, OLD, &err));
        assert_int_equal(look(store), 'o');
        ktk_store_free(store);
        test_context_free(context);
        test_folder_remove(folder);
    }
    assert_true(seen['o'] > 0 && seen['n'] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_call_leaves_old_or_new),
        cmocka_unit_test(a_single_fault_at_any_call_leaves_old_or_new),
        cmocka_unit_test(claims_leave_old_or_new),
        cmocka_unit_test(a_lost_answer_is_not_a_lost_commit),
        cmocka_unit_test(the_lost_answer_of_the_document_is_found),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(any_allocation_of_an_update_may_fail),
        cmocka_unit_test(any_allocation_of_a_claim_may_fail),
        cmocka_unit_test(one_of_many_creators_wins),
        cmocka_unit_test(one_of_many_processes_wins),
        cmocka_unit_test(a_killed_writer_leaves_old_or_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
