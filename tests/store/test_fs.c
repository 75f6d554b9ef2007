#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/fs.h"
#include "store/fs_read.h"
#include "store/fs_write.h"

#define PROCESSES 8
#define INCREMENTS 200
#define CREATIONS 100
#define KILLS 40
#define SAME_SIZE_PUTS 3000

static const ktk_put_condition deferred = {sizeof(deferred), KTK_PUT_DEFER_SYNC, false, NULL};

struct fixture {
    ktk_context *context;
    char *folder; /* the root is the folder "root" in it */
    char *root;
    ktk_store *store;
};

static char *join(const char *folder, const char *name) {
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    ktk_error err;

    assert_non_null(fixture);
    fixture->context = test_context_new(1);
    fixture->folder = test_folder_new();
    fixture->root = join(fixture->folder, "root");
    CHECK_OK(ktki_store_fs_new(&fixture->store, fixture->context, fixture->root, true,
                               KTKI_KEYS_EXTENDED, "hfs://root", &err));
    *state = fixture;
    return 0;
}

static int fixture_down(void **state) {
    struct fixture *fixture = *state;

    ktk_store_free(fixture->store);
    test_context_free(fixture->context);
    free(fixture->root);
    test_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* ---- helpers ---- */

static void put(ktk_store *store, const char *key, const char *text) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, text, strlen(text), &deferred, NULL, &err));
}

static ktk_status add_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)err;
    strcat(state, entry->key);
    strcat(state, "|");
    return KTK_OK;
}

static void check_listing(ktk_store *store, const char *prefix, const char *wanted) {
    char text[4096] = "";
    ktk_error err;

    CHECK_OK(ktk_store_list(store, prefix, add_key, text, &err));
    assert_string_equal(text, wanted);
}

static void write_file(const char *folder, const char *name, const char *text) {
    char *path = join(folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void make_folder(const char *folder, const char *name) {
    char *path = join(folder, name);

    assert_int_equal(mkdir(path, 0777), 0);
    free(path);
}

static void make_link(const char *target, const char *folder, const char *name) {
    char *path = join(folder, name);

    assert_int_equal(symlink(target, path), 0);
    free(path);
}

static bool exists(const char *folder, const char *name) {
    char *path = join(folder, name);
    struct stat info;
    bool found = lstat(path, &info) == 0;

    free(path);
    return found;
}

/* ---- keys and links ---- */

static void keeps_keys_below_the_root(void **state) {
    static const char *const keys[] = {
        "../x",  "/x",     "a/../../x", "..",          ".",           "a/..",
        "a/./b", "a//b",   "a/",        "./a",         "/etc/passwd", ".tmp-0/x",
        "/../x", "a/../b", ".ktk-lock", "x/.ktk-lock", ".tmp-",       "b/.tmp-00000001",
        "out/x", "out",    "file-out",  "up/x",        "up/root/in",  "absolute/in",
    };
    struct fixture *fixture = *state;
    ktk_bytes bytes = {TEST_POISON, 0, NULL, NULL};
    ktk_store_entry entry;
    ktk_error err;

    write_file(fixture->folder, "x", "outside");
    put(fixture->store, "in", "inside");
    make_link(fixture->folder, fixture->root, "out");
    make_link("../x", fixture->root, "file-out");
    make_link("..", fixture->root, "up");
    make_link(fixture->root, fixture->root, "absolute");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        bool is_name = strcmp(keys[i], "out") == 0 || strcmp(keys[i], "file-out") == 0;
        ktk_status status = ktk_store_get(fixture->store, keys[i], &bytes, NULL, &err);

        assert_true(status == KTK_E_INVALID || status == KTK_E_DENIED);
        assert_int_equal(ktk_store_get_range(fixture->store, keys[i], 0, 1, &bytes, &err), status);
        assert_int_equal(ktk_store_head(fixture->store, keys[i], &entry, &err), status);
        if (!is_name) {
            assert_int_equal(ktk_store_put(fixture->store, keys[i], "evil", 4, NULL, NULL, &err),
                             status);
            assert_int_equal(ktk_store_remove(fixture->store, keys[i], &err), status);
        }
    }
    assert_ptr_equal(bytes.data, TEST_POISON);
    /* A key that is itself a link out replaces or removes the link, not what it points to. */
    CHECK_OK(ktk_store_put(fixture->store, "file-out", "mine", 4, NULL, NULL, &err));
    CHECK_OK(ktk_store_remove(fixture->store, "out", &err));
    assert_false(exists(fixture->root, "out"));
    assert_true(exists(fixture->folder, "x"));
    check_listing(fixture->store, "", "file-out|in|");
    CHECK_STATUS(ktk_store_list(fixture->store, "up/", add_key, NULL, &err), KTK_E_DENIED);
    CHECK_MESSAGE("symbolic link");
}

static void follows_links_within_the_root(void **state) {
    struct fixture *fixture = *state;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    put(fixture->store, "lake/2024/data", "value");
    make_link("lake/2024", fixture->root, "current");
    make_link("lake/../lake/2024/data", fixture->root, "file");
    make_link("nowhere", fixture->root, "broken");
    make_link(".", fixture->root, "loop");
    CHECK_OK(ktk_store_get(fixture->store, "current/data", &bytes, NULL, &err));
    assert_memory_equal(bytes.data, "value", 5);
    ktk_bytes_clear(&bytes);
    put(fixture->store, "current/more/x", "new");
    CHECK_OK(ktk_store_get(fixture->store, "lake/2024/more/x", &bytes, NULL, &err));
    ktk_bytes_clear(&bytes);
    check_listing(fixture->store, "", "file|lake/2024/data|lake/2024/more/x|");
    check_listing(fixture->store, "current/", "current/data|current/more/x|");
}

static void tells_files_from_folders(void **state) {
    struct fixture *fixture = *state;
    ktk_put_condition absent = {sizeof(absent), 0, true, NULL};
    ktk_store_entry entry;
    ktk_error err;
    char *pipe = join(fixture->root, "pipe");

    put(fixture->store, "a/b", "");
    assert_int_equal(mkfifo(pipe, 0666), 0);
    free(pipe);
    CHECK_STATUS(ktk_store_head(fixture->store, "a", &entry, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_store_put(fixture->store, "a", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("folder");
    CHECK_STATUS(ktk_store_put(fixture->store, "a", "", 0, &absent, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_store_put(fixture->store, "a/b/c", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("is a file");
    CHECK_STATUS(ktk_store_put(fixture->store, "a/b/c/d", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_store_head(fixture->store, "pipe", &entry, &err), KTK_E_INVALID);
    CHECK_OK(ktk_store_remove(fixture->store, "a", &err));
    CHECK_OK(ktk_store_remove(fixture->store, "a/b/c", &err));
    check_listing(fixture->store, "", "a/b|");
}

static void refuses_long_names(void **state) {
    struct fixture *fixture = *state;
    char key[5000];
    ktk_error err;

    memset(key, 'x', sizeof(key));
    key[255] = '\0';
    put(fixture->store, key, "longest");
    key[255] = 'x';
    key[256] = '\0';
    CHECK_STATUS(ktk_store_put(fixture->store, key, "", 0, NULL, NULL, &err), KTK_E_INVALID);
    key[256] = 'x';
    for (size_t i = 100; i < sizeof(key); i += 101) {
        key[i] = '/';
    }
    key[sizeof(key) - 1] = '\0';
    CHECK_STATUS(ktk_store_put(fixture->store, key, "", 0, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_store_remove(fixture->store, key, &err), KTK_E_INVALID);
    check_listing(fixture->store, key, "");
}

/* ---- listing and removing ---- */

static void hides_what_is_no_key(void **state) {
    struct fixture *fixture = *state;

    put(fixture->store, "d/k", "");
    write_file(fixture->root, ".tmp-0123456789abcdef", "half");
    write_file(fixture->root, "d/.tmp-1", "half");
    write_file(fixture->root, ".ktk-lock", "");
    write_file(fixture->root, "d/\xc3\xa4", "not ASCII");
    write_file(fixture->root, "d/a:b", "not legal");
    write_file(fixture->root, "d/line\nbreak", "not legal");
    write_file(fixture->root, "d/.hidden", "legal");
    make_folder(fixture->root, "empty");
    check_listing(fixture->store, "", "d/.hidden|d/k|");
    check_listing(fixture->store, ".tmp", "");
}

static void removes_folders_that_become_empty(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    put(fixture->store, "a/b/c/1", "");
    put(fixture->store, "a/b/2", "");
    CHECK_OK(ktk_store_remove(fixture->store, "a/b/c/1", &err));
    assert_false(exists(fixture->root, "a/b/c"));
    assert_true(exists(fixture->root, "a/b"));
    CHECK_OK(ktk_store_remove(fixture->store, "a/b/2", &err));
    assert_false(exists(fixture->root, "a"));
    assert_true(exists(fixture->folder, "root"));
    put(fixture->store, "a/b/c/1", "again");
    check_listing(fixture->store, "", "a/b/c/1|");
}

/* ---- versions ---- */

static int compare_texts(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Values of one size, several within a tick of the kernel's clock, the inodes used again and again.
 */
static void gives_each_put_its_own_version(void **state) {
    struct fixture *fixture = *state;
    ktk_store_version *versions = calloc(SAME_SIZE_PUTS, sizeof(*versions));
    ktk_error err;

    assert_non_null(versions);
    for (size_t i = 0; i < SAME_SIZE_PUTS; i++) {
        CHECK_OK(ktk_store_put(fixture->store, "k", "same", 4, &deferred, &versions[i], &err));
    }
    qsort(versions, SAME_SIZE_PUTS, sizeof(*versions), compare_texts);
    for (size_t i = 1; i < SAME_SIZE_PUTS; i++) {
        assert_string_not_equal(versions[i - 1].text, versions[i].text);
    }
    free(versions);
}

static void counts_time_up_when_the_clock_went_back(void **state) {
    const struct timespec future[2] = {{4000000000, 5}, {4000000000, 5}};
    struct fixture *fixture = *state;
    char *path = join(fixture->root, "k");
    ktk_store_entry before;
    ktk_store_entry after;
    ktk_error err;

    put(fixture->store, "k", "same");
    assert_int_equal(utimensat(AT_FDCWD, path, future, 0), 0);
    CHECK_OK(ktk_store_head(fixture->store, "k", &before, &err));
    put(fixture->store, "k", "same");
    put(fixture->store, "k", "same");
    CHECK_OK(ktk_store_head(fixture->store, "k", &after, &err));
    assert_true(after.modified_us >= before.modified_us);
    assert_string_not_equal(after.version.text, before.version.text);
    free(path);
}

/* Another program that writes in place, as the originals do, changes the version. */
static void notices_writes_of_other_programs(void **state) {
    struct fixture *fixture = *state;
    ktk_store_version version;
    ktk_put_condition match = {sizeof(match), 0, false, &version};
    ktk_error err;

    CHECK_OK(ktk_store_put(fixture->store, "k", "ours", 4, NULL, &version, &err));
    write_file(fixture->root, "k", "mine");
    CHECK_STATUS(ktk_store_put(fixture->store, "k", "new", 3, &match, NULL, &err), KTK_E_CONFLICT);
}

/* ---- processes ---- */

/* Ways a filesystem may work; which one is this machine's does not matter to the tests. */
struct mode {
    bool has_openat2;
    bool is_remote;
};

static struct fs_root open_root(const char *path, struct mode mode) {
    struct fs_root root = {0};
    ktk_error err;

    CHECK_OK(ktki_fs_root_open(&root, path, false, &err));
    root.has_openat2 = root.has_openat2 && mode.has_openat2;
    root.is_remote = mode.is_remote;
    return root;
}

static int increment(const struct fs_root *root, ktk_context *context, int number) {
    int done = 0;

    (void)number;
    while (done < INCREMENTS) {
        ktk_store_version version = {{0}};
        ktk_put_condition match = {sizeof(match), KTK_PUT_DEFER_SYNC, false, &version};
        ktk_bytes bytes = KTK_BYTES_INIT;
        char text[16] = "";
        int made;
        ktk_status status;

        if (ktki_fs_read(root, context, "d/counter", &bytes, &version, NULL) != KTK_OK ||
            bytes.size != 8) {
            return -1;
        }
        memcpy(text, bytes.data, 8);
        ktk_bytes_clear(&bytes);
        (void)snprintf(text, sizeof(text), "%08d", atoi(text) + 1);
        status = ktki_fs_write(root, "d/counter", text, 8, &match, NULL, &made, NULL);
        if (status != KTK_OK && status != KTK_E_CONFLICT) {
            return -1;
        }
        done += status == KTK_OK;
    }
    return done;
}

static int create(const struct fs_root *root, ktk_context *context, int number) {
    ktk_put_condition absent = {sizeof(absent), KTK_PUT_DEFER_SYNC, true, NULL};
    int won = 0;

    (void)context;
    for (int i = 0; i < CREATIONS; i++) {
        char key[32];
        int made;
        ktk_status status;

        (void)snprintf(key, sizeof(key), "c/%d/key", i);
        status = ktki_fs_write(root, key, &number, sizeof(number), &absent, NULL, &made, NULL);
        if (status != KTK_OK && status != KTK_E_EXISTS) {
            return -1;
        }
        won += status == KTK_OK;
    }
    return won;
}

/* Run `work` in PROCESSES processes; the sum of what it returns. */
static int run_processes(const char *path, struct mode mode,
                         int (*work)(const struct fs_root *, ktk_context *, int)) {
    int results[2];
    int sum = 0;

    assert_int_equal(pipe(results), 0);
    for (int i = 0; i < PROCESSES; i++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            ktk_context *context = test_context_new(1);
            struct fs_root root = open_root(path, mode);
            int result = work(&root, context, i);

            _exit(write(results[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int result;
        int status;

        assert_int_equal(read(results[0], &result, sizeof(result)), sizeof(result));
        assert_true(result >= 0);
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        sum += result;
    }
    close(results[0]);
    close(results[1]);
    return sum;
}

static void loses_no_update_to_processes(void **state) {
    static const struct mode modes[] = {{true, false}, {false, false}, {true, true}};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        char wanted[16];
        ktk_error err;

        put(fixture->store, "d/counter", "00000000");
        assert_int_equal(run_processes(fixture->root, modes[i], increment), PROCESSES * INCREMENTS);
        (void)snprintf(wanted, sizeof(wanted), "%08d", PROCESSES * INCREMENTS);
        CHECK_OK(ktk_store_get(fixture->store, "d/counter", &bytes, NULL, &err));
        assert_memory_equal(bytes.data, wanted, 8);
        ktk_bytes_clear(&bytes);
        check_listing(fixture->store, "", "d/counter|");
    }
}

static void lets_one_process_create(void **state) {
    static const struct mode modes[] = {{true, false}, {true, true}};
    struct fixture *fixture = *state;
    ktk_error err;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(run_processes(fixture->root, modes[i], create), CREATIONS);
        for (int j = 0; j < CREATIONS; j++) {
            char key[32];

            (void)snprintf(key, sizeof(key), "c/%d/key", j);
            CHECK_OK(ktk_store_remove(fixture->store, key, &err));
        }
        check_listing(fixture->store, "", "");
    }
}

#define OLD_SIZE ((size_t)300000)
#define NEW_SIZE ((size_t)500000)

/* Put values of as and of bs in turn, until killed. */
static void put_for_ever(const char *path, int started) {
    static char values[2][NEW_SIZE];
    static const size_t sizes[2] = {OLD_SIZE, NEW_SIZE};
    struct fs_root root = open_root(path, (struct mode){true, false});
    int made;

    memset(values[0], 'a', sizeof(values[0]));
    memset(values[1], 'b', sizeof(values[1]));
    for (int i = 0;; i = 1 - i) {
        if (ktki_fs_write(&root, "f/k", values[i], sizes[i], &deferred, NULL, &made, NULL) !=
                KTK_OK ||
            write(started, "x", 1) != 1) {
            _exit(1);
        }
    }
}

/* D-17: a put is done or not begun. */
static void leaves_a_whole_value_when_killed(void **state) {
    struct fixture *fixture = *state;

    for (int i = 0; i < KILLS; i++) {
        struct timespec delay = {0, i * 100000L};
        ktk_bytes bytes = KTK_BYTES_INIT;
        int started[2];
        pid_t child;
        char byte;
        int status;
        ktk_error err;

        assert_int_equal(pipe(started), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            put_for_ever(fixture->root, started[1]);
        }
        close(started[1]);
        assert_int_equal(read(started[0], &byte, 1), 1);
        nanosleep(&delay, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        close(started[0]);
        CHECK_OK(ktk_store_get(fixture->store, "f/k", &bytes, NULL, &err));
        assert_true(bytes.size == OLD_SIZE || bytes.size == NEW_SIZE);
        for (size_t j = 0; j < bytes.size; j++) {
            assert_true(bytes.data[j] == (bytes.size == OLD_SIZE ? 'a' : 'b'));
        }
        ktk_bytes_clear(&bytes);
        check_listing(fixture->store, "", "f/k|");
        /* The lock has died too. */
        put(fixture->store, "f/k", "next");
    }
}

/* ---- a full disk ---- */

static int count_files(const char *folder) {
    char *command = NULL;
    int count = -1;
    FILE *output;

    assert_true(asprintf(&command, "find '%s' -type f | wc -l", folder) > 0);
    output = popen(command, "r");
    assert_non_null(output);
    assert_int_equal(fscanf(output, "%d", &count), 1);
    assert_int_equal(pclose(output), 0);
    free(command);
    return count;
}

static void leaves_nothing_half_written(void **state) {
    struct fixture *fixture = *state;
    char *large = calloc(1, 1 << 20);
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct rlimit saved;
    struct rlimit small;
    ktk_error err = {0};
    ktk_status status[2];

    assert_non_null(large);
    put(fixture->store, "d/k", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    small = (struct rlimit){100000, saved.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status[0] = ktk_store_put(fixture->store, "d/k", large, 1 << 20, NULL, NULL, &err);
    status[1] = ktk_store_put(fixture->store, "e/new", large, 1 << 20, &deferred, NULL, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status[0], KTK_E_IO);
    assert_int_equal(status[1], KTK_E_IO);
    assert_int_equal(err.detail, EFBIG);
    CHECK_MESSAGE("File too large");
    CHECK_MESSAGE("hfs://root: cannot put 'd/k'");
    CHECK_OK(ktk_store_get(fixture->store, "d/k", &bytes, NULL, &err));
    assert_int_equal(bytes.size, 3);
    ktk_bytes_clear(&bytes);
    check_listing(fixture->store, "", "d/k|");
    assert_int_equal(count_files(fixture->root), 1);
    free(large);
}

/* ---- opening ---- */

static void opens_only_folders(void **state) {
    struct fixture *fixture = *state;
    ktk_store *store = TEST_POISON;
    char *path = join(fixture->folder, "missing/deep");
    ktk_error err;

    CHECK_STATUS(
        ktki_store_fs_new(&store, fixture->context, path, false, KTKI_KEYS_EXTENDED, "x", &err),
        KTK_E_NOT_FOUND);
    CHECK_MESSAGE(path);
    assert_false(exists(fixture->folder, "missing"));
    free(path);
    write_file(fixture->folder, "file", "");
    path = join(fixture->folder, "file");
    CHECK_STATUS(
        ktki_store_fs_new(&store, fixture->context, path, true, KTKI_KEYS_EXTENDED, "x", &err),
        KTK_E_INVALID);
    CHECK_MESSAGE("is not a folder");
    assert_ptr_equal(store, TEST_POISON);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_keys_below_the_root, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(follows_links_within_the_root, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(tells_files_from_folders, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(refuses_long_names, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(hides_what_is_no_key, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(removes_folders_that_become_empty, fixture_up,
                                        fixture_down),
        cmocka_unit_test_setup_teardown(gives_each_put_its_own_version, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(counts_time_up_when_the_clock_went_back, fixture_up,
                                        fixture_down),
        cmocka_unit_test_setup_teardown(notices_writes_of_other_programs, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(loses_no_update_to_processes, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(lets_one_process_create, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(leaves_a_whole_value_when_killed, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(leaves_nothing_half_written, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(opens_only_folders, fixture_up, fixture_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
