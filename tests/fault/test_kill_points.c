/* A process that is killed at a system call, at each in turn, or whose call fails: the dataset is
 * the old one or the new one, its index too, and whoever comes next goes on. */
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kartothek/predicate.h>
#include <kartothek/query.h>
#include <kartothek/update.h>
#include <kartothek/upkeep.h>

#include "support/frame.h"

#define COLUMNS "p:string,v:int64"
#define OLD "a,1;b,2"
#define NEW "b,2;a,3;c,4"
/* Stops of a process: before each call and after it. Every other one is enough, for nothing happens
 * between the end of a call and the start of the next. */
#define STOPS_MAX 5000

/* ---- what is killed ---- */

static ktk_status write_rows(ktk_store *store, ktk_update_mode mode, const char *rows,
                             const char *deleted, ktk_error *err) {
    const char *keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_predicate *scope = NULL;
    ktk_update *update = NULL;
    ktk_status status;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
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

static ktk_status replace(ktk_store *store, ktk_error *err) {
    return write_rows(store, KTK_UPDATE_UPDATE, "a,3;c,4", "p == a", err);
}

static ktk_status collect(ktk_store *store, ktk_error *err) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_gc_result result;

    options.acts = true;
    options.grace_ms = -1;
    options.history_ms = 1;
    options.allows_short_grace = true;
    (void)usleep(10000); /* the times of files are those of the last tick */
    return ktk_gc(store, "u", &options, &result, err);
}

/* ---- killing ---- */

/* Stops itself when all is prepared, so that only the work is counted. */
static void run_child(const char *url, ktk_status (*work)(ktk_store *store, ktk_error *err)) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_store *store = NULL;
    ktk_error err;

    options.threads = 1;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(100);
    }
    if (ktk_context_new(&context, &options, &err) != KTK_OK ||
        ktk_store_open(&store, context, url, &err) != KTK_OK) {
        _exit(101);
    }
    (void)raise(SIGSTOP);
    _exit((int)work(store, &err));
}

/*
 * Let a process do the work and kill it at its `point`-th stop, of which there are two a call:
 * before it and after it. True if it was done before that.
 */
static bool is_done_before(const char *url, ktk_status (*work)(ktk_store *store, ktk_error *err),
                           int point) {
    pid_t child = fork();
    int result;

    if (child == 0) {
        run_child(url, work);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSTOPPED(result)); /* the child may be traced: see can_trace() */
    for (int stops = 0; stops < point; stops++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &result, 0), child);
        if (WIFEXITED(result)) {
            assert_int_equal(WEXITSTATUS(result), KTK_OK);
            return true;
        }
        assert_true(WIFSTOPPED(result));
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result));
    return false;
}

/* ---- calls that fail ---- */

#ifdef __x86_64__

static bool is_of_files(unsigned long long call) {
    static const unsigned long long calls[] = {
        SYS_openat,     SYS_open,   SYS_read,   SYS_pread64,    SYS_write,     SYS_pwrite64,
        SYS_writev,     SYS_fsync,  SYS_syncfs, SYS_fdatasync,  SYS_ftruncate, SYS_fallocate,
        SYS_flock,      SYS_fcntl,  SYS_rename, SYS_renameat,   SYS_renameat2, SYS_link,
        SYS_linkat,     SYS_unlink, SYS_mkdir,  SYS_unlinkat,   SYS_mkdirat,   SYS_utimensat,
        SYS_newfstatat, SYS_fstat,  SYS_statx,  SYS_getdents64, SYS_mmap,      SYS_close,
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (calls[i] == call) {
            return true;
        }
    }
    return false;
}

/* What a full disk refuses. */
static bool is_of_space(unsigned long long call) {
    return call == SYS_write || call == SYS_pwrite64 || call == SYS_writev ||
           call == SYS_ftruncate || call == SYS_fallocate || call == SYS_mkdirat;
}

struct failing_calls {
    bool (*concerns)(unsigned long long call);
    int reason; /* errno */
    bool is_for_ever;
};

/* The call that the process is about to make fails instead. */
static void fail_call(pid_t child, struct user_regs_struct *registers, int reason) {
    int result;

    registers->orig_rax = (unsigned long long)-1; /* no call */
    assert_int_equal(ptrace(PTRACE_SETREGS, child, NULL, registers), 0);
    assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSTOPPED(result));
    assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, registers), 0);
    registers->rax = (unsigned long long)-reason;
    assert_int_equal(ptrace(PTRACE_SETREGS, child, NULL, registers), 0);
}

/* Let a process do the work while its `point`-th call, from 0, of those in question fails, and all
 * later ones if that is asked. What it returned; `is_met`: it got as far. */
static ktk_status run_failing(const char *url, ktk_status (*work)(ktk_store *store, ktk_error *err),
                              int point, const struct failing_calls *failing, bool *is_met) {
    pid_t child = fork();
    bool is_entry = true;
    int count = 0;
    int result;

    if (child == 0) {
        run_child(url, work);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    *is_met = false;
    while (WIFSTOPPED(result)) {
        struct user_regs_struct registers;
        bool runs_on = *is_met && !failing->is_for_ever;

        assert_int_equal(ptrace(runs_on ? PTRACE_CONT : PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &result, 0), child);
        if (!WIFSTOPPED(result)) {
            break;
        }
        assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &registers), 0);
        if (is_entry && failing->concerns(registers.orig_rax) && count++ >= point) {
            *is_met = true;
            fail_call(child, &registers, failing->reason);
        } else {
            is_entry = !is_entry;
        }
    }
    assert_true(WIFEXITED(result));
    return (ktk_status)WEXITSTATUS(result);
}

#endif

static bool can_trace(void) {
    pid_t child = fork();
    int result;

    if (child == 0) {
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
    }
    return child > 0 && waitpid(child, &result, 0) == child && WIFEXITED(result) &&
           WEXITSTATUS(result) == 0;
}

/* ---- looking ---- */

/* 'o' the old rows, 'n' the new ones; anything else fails the test. */
static char look(ktk_store *store) {
    char *rows = NULL;
    char found;
    ktk_error err;

    CHECK_OK(test_dataset_text(&rows, store, "u", &err));
    found = strcmp(rows, "p,v|" OLD) == 0 ? 'o' : strcmp(rows, "p,v|" NEW) == 0 ? 'n' : '?';
    if (found == '?') {
        fail_msg("the dataset holds \"%s\"", rows);
    }
    test_data_free(rows);
    return found;
}

/* Partitions that the index leaves over for a value. */
static size_t count_left(ktk_store *store, const char *where) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_predicate *predicate = NULL;
    int64_t *partitions = NULL;
    ktk_dataset *dataset = NULL;
    size_t count = 0;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, store, "u", &err));
    CHECK_OK(ktk_predicate_parse(&predicate, ktk_store_context(store), where, &err));
    options.where = predicate;
    CHECK_OK(ktk_query_partitions(&partitions, &count, dataset, &options, &err));
    ktk_query_partitions_free(dataset, partitions, count);
    ktk_predicate_free(predicate);
    ktk_dataset_free(dataset);
    return count;
}

static void check_index(ktk_store *store, char state) {
    assert_int_equal(count_left(store, "v == 1"), state == 'o');
    assert_int_equal(count_left(store, "v == 2"), 1);
    assert_int_equal(count_left(store, "v == 3"), state == 'n');
    assert_int_equal(count_left(store, "v == 4"), state == 'n');
}

struct place {
    char *folder;
    char url[256];
    ktk_context *context;
    ktk_store *store;
};

static void place_init(struct place *place) {
    ktk_error err;

    place->folder = test_folder_in_memory();
    (void)snprintf(place->url, sizeof(place->url), "hfs://%s", place->folder);
    place->context = test_context_new(1);
    CHECK_OK(ktk_store_open(&place->store, place->context, place->url, &err));
    CHECK_OK(write_rows(place->store, KTK_UPDATE_CREATE, OLD, NULL, &err));
}

static void place_clear(struct place *place) {
    ktk_store_free(place->store);
    test_context_free(place->context);
    test_folder_remove(place->folder);
}

/* ---- cases ---- */

/* T5 */
static void a_commit_killed_at_any_call_leaves_old_or_new(void **unused) {
    int seen[256] = {0};
    bool is_done = false;

    (void)unused;
    if (!can_trace()) {
        print_message("# SKIPPED: processes cannot be traced here\n");
        skip();
    }
    for (int point = 1; !is_done; point += 2) {
        struct place place;
        char state;
        ktk_error err;

        assert_true(point < STOPS_MAX);
        place_init(&place);
        is_done = is_done_before(place.url, replace, point);
        state = look(place.store);
        check_index(place.store, state);
        assert_true(!is_done || state == 'n');
        seen[(unsigned char)state]++;
        /* The dead lock nobody out, and what they left behind stands in nobody's way. */
        CHECK_OK(write_rows(place.store, KTK_UPDATE_UPDATE, "d,9", NULL, &err));
        assert_int_equal(count_left(place.store, "v == 9"), 1);
        place_clear(&place);
    }
    print_message("# killed at %d points: %d times old, %d times new\n", seen['o'] + seen['n'],
                  seen['o'], seen['n']);
    assert_true(seen['o'] > 10 && seen['n'] > 1);
}

/* T5 */
static void a_collection_killed_at_any_call_loses_nothing(void **unused) {
    bool is_done = false;
    int points = 0;

    (void)unused;
    if (!can_trace()) {
        print_message("# SKIPPED: processes cannot be traced here\n");
        skip();
    }
    for (int point = 1; !is_done; point += 2) {
        struct place place;
        ktk_error err;

        assert_true(point < STOPS_MAX);
        place_init(&place);
        CHECK_OK(replace(place.store, &err)); /* now there is garbage */
        CHECK_OK(collect(place.store, &err)); /* and it is noted */
        is_done = is_done_before(place.url, collect, point);
        assert_int_equal(look(place.store), 'n');
        check_index(place.store, 'n');
        CHECK_OK(collect(place.store, &err));
        CHECK_OK(collect(place.store, &err));
        assert_int_equal(look(place.store), 'n');
        check_index(place.store, 'n');
        /* Three partitions and the schema, whatever was left half done. */
        assert_int_equal(test_key_count(place.store, "u/table/"), 4);
        points++;
        place_clear(&place);
    }
    print_message("# killed at %d points\n", points);
    assert_true(points > 10);
}

#ifdef __x86_64__

static void check_failing_commit(const struct failing_calls *failing, int point, bool *is_met) {
    struct place place;
    ktk_status status;
    char state;
    ktk_error err;

    place_init(&place);
    status = run_failing(place.url, replace, point, failing, is_met);
    state = look(place.store);
    if (status != KTK_E_UNKNOWN_OUTCOME && state != (status == KTK_OK ? 'n' : 'o')) {
        fail_msg("call %d fails with %s: %s is told, but the rows are '%c'", point,
                 strerror(failing->reason), ktk_status_name(status), state);
    }
    check_index(place.store, state);
    CHECK_OK(write_rows(place.store, KTK_UPDATE_UPDATE, "d,9", NULL, &err));
    assert_int_equal(count_left(place.store, "v == 9"), 1);
    place_clear(&place);
}

static void check_failing_collection(const struct failing_calls *failing, int point, bool *is_met) {
    struct place place;
    ktk_error err;

    place_init(&place);
    CHECK_OK(replace(place.store, &err));
    CHECK_OK(collect(place.store, &err));
    (void)run_failing(place.url, collect, point, failing, is_met);
    assert_int_equal(look(place.store), 'n');
    check_index(place.store, 'n');
    CHECK_OK(collect(place.store, &err));
    CHECK_OK(collect(place.store, &err));
    assert_int_equal(look(place.store), 'n');
    assert_int_equal(test_key_count(place.store, "u/table/"), 4);
    place_clear(&place);
}

/* T8: each call with one of the reasons in turn; with all of them in the long form. */
static void fail_each_call(void (*check)(const struct failing_calls *failing, int point,
                                         bool *is_met)) {
    static const struct failing_calls kinds[] = {
        {is_of_files, EIO, false},    {is_of_space, ENOSPC, true}, {is_of_files, EINTR, false},
        {is_of_files, ENOSPC, false}, {is_of_space, EDQUOT, true},
    };
    const size_t kind_count = sizeof(kinds) / sizeof(kinds[0]);
    int total = 0;
    size_t stride = kind_count / (size_t)test_scaled(1);

    if (!can_trace()) {
        print_message("# SKIPPED: processes cannot be traced here\n");
        skip();
    }
    stride = stride > 0 ? stride : 1;
    for (size_t i = 0; i < kind_count; i++) {
        bool is_met = true;
        int points = 0;

        for (int point = (int)(i % stride); is_met; point += (int)stride) {
            check(&kinds[i], point, &is_met);
            points += is_met;
        }
        print_message("# %d calls failed with %s\n", points, strerror(kinds[i].reason));
        total += points;
    }
    assert_true(total > 50);
}

#endif

static void a_commit_whose_calls_fail_tells_what_became_of_it(void **unused) {
    (void)unused;
#ifdef __x86_64__
    fail_each_call(check_failing_commit);
#else
    print_message("# SKIPPED: calls are made to fail on x86-64 alone\n");
    skip();
#endif
}

static void a_collection_whose_calls_fail_loses_nothing(void **unused) {
    (void)unused;
#ifdef __x86_64__
    fail_each_call(check_failing_collection);
#else
    print_message("# SKIPPED: calls are made to fail on x86-64 alone\n");
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_killed_at_any_call_leaves_old_or_new),
        cmocka_unit_test(a_collection_killed_at_any_call_loses_nothing),
        cmocka_unit_test(a_commit_whose_calls_fail_tells_what_became_of_it),
        cmocka_unit_test(a_collection_whose_calls_fail_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
