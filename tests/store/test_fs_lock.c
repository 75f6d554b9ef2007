#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/fs_lock.h"

#define THREADS 8
#define ROUNDS 200
#define PATIENCE_S 60 /* a lock that is never released must not hang the tests */

struct fixture {
    char *folder;
    struct fs_root root;
};

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    ktk_error err;

    assert_non_null(fixture);
    fixture->folder = test_folder_new();
    CHECK_OK(ktki_fs_root_open(&fixture->root, fixture->folder, false, &err));
    assert_int_equal(mkdirat(fixture->root.fd, "a", 0777), 0);
    assert_int_equal(mkdirat(fixture->root.fd, "b", 0777), 0);
    alarm(PATIENCE_S);
    *state = fixture;
    return 0;
}

static int fixture_down(void **state) {
    struct fixture *fixture = *state;

    alarm(0);
    ktki_fs_root_close(&fixture->root);
    test_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static int open_folder(const struct fs_root *root, const char *key) {
    const char *name;
    int folder = ktki_fs_open_folder(root, key, &name, NULL);

    assert_true(folder >= 0);
    return folder;
}

struct racer {
    const struct fs_root *root;
    atomic_int *inside;
    atomic_int *meetings; /* of two racers under the lock */
};

static void *race(void *state) {
    const struct racer *racer = state;

    for (int i = 0; i < ROUNDS; i++) {
        const char *name;
        int folder = ktki_fs_open_folder(racer->root, "a/key", &name, NULL);
        struct fs_lock lock = {0};

        if (folder < 0 || ktki_fs_lock(&lock, racer->root, folder, "a/key", NULL) != KTK_OK) {
            atomic_fetch_add(racer->meetings, 1000);
            return NULL;
        }
        atomic_fetch_add(racer->meetings, atomic_fetch_add(racer->inside, 1));
        atomic_fetch_sub(racer->inside, 1);
        ktki_fs_unlock(&lock);
        close(folder);
    }
    return NULL;
}

static void excludes_threads(void **state) {
    struct fixture *fixture = *state;

    for (int is_remote = 0; is_remote < 2; is_remote++) {
        atomic_int inside = 0;
        atomic_int meetings = 0;
        struct racer racer = {&fixture->root, &inside, &meetings};
        pthread_t threads[THREADS];

        fixture->root.is_remote = is_remote != 0;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racer), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(atomic_load(&meetings), 0);
    }
    assert_int_equal(faccessat(fixture->root.fd, KTKI_FS_LOCK_NAME, F_OK, 0), 0);
}

static void locks_folders_apart(void **state) {
    struct fixture *fixture = *state;

    for (int is_remote = 0; is_remote < 2; is_remote++) {
        static const char *const keys[] = {"a/key", "b/key", "key"};
        struct fs_lock locks[3] = {{0}, {0}, {0}};
        int folders[3];
        ktk_error err;

        fixture->root.is_remote = is_remote != 0;
        for (int i = 0; i < 3; i++) {
            folders[i] = open_folder(&fixture->root, keys[i]);
            CHECK_OK(ktki_fs_lock(&locks[i], &fixture->root, folders[i], keys[i], &err));
        }
        for (int i = 0; i < 3; i++) {
            ktki_fs_unlock(&locks[i]);
            ktki_fs_unlock(&locks[i]); /* nothing the second time */
            close(folders[i]);
        }
    }
}

/* A program that forks between lock and unlock, as Python's multiprocessing does, hands the child a
 * copy of the descriptor; the lock ends all the same. */
static void ends_although_a_child_has_the_descriptor(void **state) {
    struct fixture *fixture = *state;

    for (int is_remote = 0; is_remote < 2; is_remote++) {
        struct fs_lock lock = {0};
        struct fs_lock next = {0};
        int first;
        int second;
        pid_t child;
        ktk_error err;

        fixture->root.is_remote = is_remote != 0;
        first = open_folder(&fixture->root, "a/key");
        second = open_folder(&fixture->root, "a/key");
        CHECK_OK(ktki_fs_lock(&lock, &fixture->root, first, "a/key", &err));
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            pause();
            _exit(0);
        }
        ktki_fs_unlock(&lock);
        CHECK_OK(ktki_fs_lock(&next, &fixture->root, second, "a/key", &err));
        ktki_fs_unlock(&next);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(first);
        close(second);
    }
}

static void ends_with_its_process(void **state) {
    struct fixture *fixture = *state;

    for (int is_remote = 0; is_remote < 2; is_remote++) {
        struct fs_lock lock = {0};
        int held[2];
        int folder;
        char byte;
        pid_t child;
        ktk_error err;

        fixture->root.is_remote = is_remote != 0;
        assert_int_equal(pipe(held), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            folder = open_folder(&fixture->root, "a/key");
            if (ktki_fs_lock(&lock, &fixture->root, folder, "a/key", NULL) == KTK_OK &&
                write(held[1], "x", 1) == 1) {
                pause();
            }
            _exit(1);
        }
        assert_int_equal(read(held[0], &byte, 1), 1);
        close(held[0]);
        close(held[1]);
        assert_int_equal(kill(child, SIGKILL), 0);
        folder = open_folder(&fixture->root, "a/key");
        CHECK_OK(ktki_fs_lock(&lock, &fixture->root, folder, "a/key", &err));
        ktki_fs_unlock(&lock);
        close(folder);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
}

static void names_a_lock_file_it_cannot_open(void **state) {
    struct fixture *fixture = *state;
    struct fs_lock lock = {77, false, false};
    int folder = open_folder(&fixture->root, "key");
    ktk_error err;

    fixture->root.is_remote = true;
    assert_int_equal(mkdirat(fixture->root.fd, KTKI_FS_LOCK_NAME, 0777), 0);
    CHECK_STATUS(ktki_fs_lock(&lock, &fixture->root, folder, "key", &err), KTK_E_IO);
    CHECK_MESSAGE("'.ktk-lock'");
    assert_int_equal(lock.fd, 77);
    close(folder);
}

static void turns_come_one_after_the_other(void **state) {
    struct fixture *fixture = *state;
    int first = ktki_fs_take_turn(&fixture->root, "a");
    int other = ktki_fs_take_turn(&fixture->root, "b");
    int again;

    assert_true(first >= 0);
    assert_true(other >= 0);
    assert_int_equal(ktki_fs_take_turn(&fixture->root, "a"), -1); /* nobody waits for ever */
    ktki_fs_end_turn(first);
    again = ktki_fs_take_turn(&fixture->root, "a");
    assert_true(again >= 0);
    ktki_fs_end_turn(again);
    ktki_fs_end_turn(other);
    assert_int_equal(ktki_fs_take_turn(&fixture->root, "none"), -1);
    fixture->root.is_remote = true;
    assert_int_equal(ktki_fs_take_turn(&fixture->root, "a"), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(excludes_threads, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(locks_folders_apart, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(ends_although_a_child_has_the_descriptor, fixture_up,
                                        fixture_down),
        cmocka_unit_test_setup_teardown(ends_with_its_process, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(names_a_lock_file_it_cannot_open, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(turns_come_one_after_the_other, fixture_up, fixture_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
