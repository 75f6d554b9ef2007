/*
 * Collections, writers and readers of one folder, each a process of its own, with a grace of a
 * second.
 *
 * Each writer has a partition key of its own, which it appends to and replaces; a row says when its
 * partition was last replaced, and which one after that it is. So whoever reads a snapshot can
 * tell whether it is whole: the rows of a key have one beginning, and no number from there on is
 * missing.
 */
#include "support/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kartothek/dataset.h>
#include <kartothek/predicate.h>
#include <kartothek/query.h>
#include <kartothek/update.h>
#include <kartothek/upkeep.h>

#include "support/frame.h"

#define WRITERS 4
#define READERS 4
#define GRACE_MS 1000
#define SECONDS 3
#define SECONDS_MAX 60

/* What all processes see. */
static struct shared {
    atomic_bool is_over;
    atomic_int begins[WRITERS]; /* as acknowledged last */
    atomic_int numbers[WRITERS];
    atomic_int commits, stale, reads, late_reads, collections;
    atomic_llong removed;
} *shared;

static int64_t now_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The processes end by _exit(), for the state of the test is not theirs. */
static void must(bool holds, const char *what, const ktk_error *err) {
    if (!holds) {
        (void)fprintf(stderr, "# %s: %s\n", what, err->message);
        _exit(1);
    }
}

/* ---- writers ---- */

static ktk_status write_row(ktk_store *store, int writer, int begin, int number, ktk_error *err) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_predicate *scope = NULL;
    ktk_update *update = NULL;
    ktk_status status;
    char text[64];

    options.mode = KTK_UPDATE_UPDATE;
    options.partition_on = keys;
    options.partition_on_count = 1;
    options.grace_ms = GRACE_MS;
    options.commit_attempts_max = 100000;
    options.commit_time_max_ms = 600000;
    status = ktk_update_begin(&update, store, "u", &options, err);
    (void)snprintf(text, sizeof(text), "p == %d", writer);
    if (status == KTK_OK && number == begin) {
        status = ktk_predicate_parse(&scope, ktk_store_context(store), text, err);
    }
    if (status == KTK_OK && scope != NULL) {
        status = ktk_update_delete(update, scope, err);
    }
    (void)snprintf(text, sizeof(text), "%d,%d,%d", writer, begin, number);
    if (status == KTK_OK) {
        status = test_frame(&stream, ktk_store_context(store), "p:int64,begin:int64,number:int64",
                            text, 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, NULL, err);
    }
    ktk_update_free(update);
    ktk_predicate_free(scope);
    return status;
}

static void run_writer(ktk_store *store, int writer) {
    int number = atomic_load(&shared->numbers[writer]);
    int begin = atomic_load(&shared->begins[writer]);
    ktk_error err = {0};

    while (!atomic_load(&shared->is_over)) {
        int next_begin = (number + writer) % 5 == 0 ? number + 1 : begin;
        ktk_status status = write_row(store, writer, next_begin, number + 1, &err);

        if (status == KTK_E_STALE_WRITER) {
            atomic_fetch_add(&shared->stale, 1);
            continue;
        }
        must(status == KTK_OK, "a writer", &err);
        begin = next_begin;
        number++;
        atomic_store(&shared->begins[writer], begin);
        atomic_store(&shared->numbers[writer], number);
        atomic_fetch_add(&shared->commits, 1);
    }
}

/* ---- readers ---- */

/* Are the rows of each writer what it wrote since its last replacement, and nothing else? Where
 * `is_final`, up to what was acknowledged. */
static bool is_whole(const char *rows, bool is_final) {
    int begins[WRITERS] = {0};
    int counts[WRITERS] = {0};
    int sums[WRITERS] = {0};

    for (const char *at = strchr(rows, '|'); at != NULL && at[1] != '\0'; at = strchr(at, ';')) {
        char *end;
        long p = strtol(at + 1, &end, 10);
        long begin = strtol(end + 1, &end, 10);
        long number = strtol(end + 1, &end, 10);

        if (p < 0 || p >= WRITERS || (counts[p] > 0 && begins[p] != (int)begin)) {
            return false;
        }
        begins[p] = (int)begin;
        sums[p] += (int)(number - begin);
        counts[p]++;
        at = end;
        if (*at == '\0') {
            break;
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        if (sums[i] != counts[i] * (counts[i] - 1) / 2) {
            return false;
        }
        if (is_final && (begins[i] != atomic_load(&shared->begins[i]) ||
                         begins[i] + counts[i] - 1 != atomic_load(&shared->numbers[i]))) {
            return false;
        }
    }
    return true;
}

static void run_reader(ktk_store *store, int reader) {
    while (!atomic_load(&shared->is_over)) {
        ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
        struct ArrowArrayStream stream = {.release = NULL};
        ktk_dataset *dataset = NULL;
        char *rows = NULL;
        ktk_error err = {0};
        int64_t opened_ms = now_ms();
        ktk_status status = ktk_dataset_open(&dataset, store, "u", &err);

        must(status == KTK_OK, "a reader opens", &err);
        /* Some think about it for a while. */
        (void)usleep((useconds_t)reader * GRACE_MS / READERS * 800);
        status = ktk_query_stream(&stream, dataset, &query, &err);
        if (status == KTK_OK) {
            status = test_frame_text(&rows, &stream, &err);
        }
        if (now_ms() - opened_ms < GRACE_MS) {
            must(status == KTK_OK, "a reader within the grace", &err);
        }
        if (status == KTK_OK) {
            must(is_whole(rows, false), "a reader has half a state", &err);
            atomic_fetch_add(&shared->reads, 1);
        } else {
            atomic_fetch_add(&shared->late_reads, 1);
        }
        test_data_free(rows);
        ktk_dataset_free(dataset);
    }
}

/* ---- collections ---- */

static void run_collector(ktk_store *store, int unused) {
    (void)unused;
    while (!atomic_load(&shared->is_over)) {
        ktk_gc_options options = KTK_GC_OPTIONS_INIT;
        ktk_gc_result result;
        ktk_error err = {0};

        options.acts = true;
        options.grace_ms = GRACE_MS;
        options.allows_short_grace = true;
        options.history_ms = 1;
        must(ktk_gc(store, "u", &options, &result, &err) == KTK_OK, "a collection", &err);
        atomic_fetch_add(&shared->removed, result.removed_count);
        atomic_fetch_add(&shared->collections, 1);
        (void)usleep(50000);
    }
}

/* ---- all together ---- */

static ktk_store *open_folder(ktk_context **context, const char *folder) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_store *store = NULL;
    ktk_error err = {0};
    char url[256];

    options.threads = 1;
    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    must(ktk_context_new(context, &options, &err) == KTK_OK &&
             ktk_store_open(&store, *context, url, &err) == KTK_OK,
         "opening the folder", &err);
    return store;
}

static pid_t start(const char *folder, void (*run)(ktk_store *store, int number), int number) {
    pid_t child = fork();

    if (child == 0) {
        ktk_context *context = NULL;
        ktk_store *store = open_folder(&context, folder);

        run(store, number);
        _exit(0);
    }
    assert_true(child > 0);
    return child;
}

static void create(ktk_store *store) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    static const char *const keys[] = {"p"};
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_update *update = NULL;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = 1;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    CHECK_OK(test_frame(&stream, ktk_store_context(store), "p:int64,begin:int64,number:int64",
                        "0,0,0;1,0,0;2,0,0;3,0,0", 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    CHECK_OK(ktk_update_build_index(update, "number", &err));
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

/* T6, in real processes and real time. */
static void nobody_is_disturbed_by_a_collection(void **unused) {
    pid_t children[WRITERS + READERS + 1];
    char *folder = test_folder_in_memory();
    ktk_context *context = NULL;
    ktk_store *store;
    int count = 0;
    char *rows = NULL;
    ktk_error err;

    (void)unused;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    store = open_folder(&context, folder);
    create(store);
    for (int i = 0; i < WRITERS; i++) {
        children[count++] = start(folder, run_writer, i);
    }
    for (int i = 0; i < READERS; i++) {
        children[count++] = start(folder, run_reader, i);
    }
    children[count++] = start(folder, run_collector, 0);
    (void)sleep((unsigned)test_scaled(SECONDS));
    /* Where the computer is busy, collections come late. */
    for (int i = 0; i < SECONDS_MAX && atomic_load(&shared->removed) == 0; i++) {
        (void)sleep(1);
    }
    atomic_store(&shared->is_over, true);
    for (int i = 0; i < count; i++) {
        int result;

        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    }
    CHECK_OK(test_dataset_text(&rows, store, "u", &err));
    assert_true(is_whole(rows, true));
    print_message("# %d commits, %d came too late, %d reads, %d of them too late, %lld files "
                  "removed by %d collections\n",
                  atomic_load(&shared->commits), atomic_load(&shared->stale),
                  atomic_load(&shared->reads), atomic_load(&shared->late_reads),
                  atomic_load(&shared->removed), atomic_load(&shared->collections));
    assert_true(atomic_load(&shared->commits) > WRITERS && atomic_load(&shared->reads) > READERS);
    assert_true(atomic_load(&shared->removed) > 0);
    test_data_free(rows);
    ktk_store_free(store);
    ktk_context_free(context);
    test_folder_remove(folder);
    (void)munmap(shared, sizeof(*shared));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_disturbed_by_a_collection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
