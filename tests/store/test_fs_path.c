#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/fs_path.h"

#define RANDOM_KEYS 200000

/* The key's depth below the root, walked as a file system would; -1 once it is not a plain path of
 * names. Written apart from the code under test. */
static bool is_plain_path(const char *key) {
    char copy[64];
    char *rest = copy;
    char *name;

    (void)snprintf(copy, sizeof(copy), "%s", key);
    while ((name = strsep(&rest, "/")) != NULL) {
        if (strlen(name) == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strncmp(name, ".tmp-", 5) == 0 || strcmp(name, ".ktk-lock") == 0) {
            return false;
        }
    }
    return true;
}

static void allows_plain_paths_only(void **unused) {
    static const char *const pieces[] = {"/",  ".",  "..", "a",         "/",     "tmp",
                                         "./", "-0", "b/", ".ktk-lock", ".tmp-", "lock"};
    uint64_t random = 1;
    int allowed = 0;
    ktk_error err;

    (void)unused;
    for (int i = 0; i < RANDOM_KEYS; i++) {
        char key[64] = "";
        ktk_status status;

        do {
            random = random * 6364136223846793005u + 1442695040888963407u;
            strcat(key, pieces[(random >> 33) % (sizeof(pieces) / sizeof(pieces[0]))]);
        } while ((random >> 60) % 4 != 0 && strlen(key) < 50);
        status = ktki_fs_check_key(key, &err);
        assert_int_equal(status, is_plain_path(key) ? KTK_OK : KTK_E_INVALID);
        allowed += status == KTK_OK;
    }
    assert_true(allowed > RANDOM_KEYS / 20);
}

static char *folder;

static struct fs_root open_root(bool by_kernel) {
    struct fs_root root = {0};
    ktk_error err;

    CHECK_OK(ktki_fs_root_open(&root, folder, false, &err));
    root.has_openat2 = root.has_openat2 && by_kernel;
    return root;
}

static int folder_up(void **state) {
    (void)state;
    folder = test_folder_new();
    return 0;
}

static int folder_down(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

/* errno of opening a path, 0 if it opens. */
static int reason_of(const struct fs_root *root, const char *path, int flags) {
    int fd = ktki_fs_open(root, path, flags);

    if (fd < 0) {
        return errno;
    }
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    return 0;
}

static void opens_the_same_with_and_without_the_kernel(void **unused) {
    static const int flags[] = {O_RDONLY, O_PATH, O_RDONLY | O_DIRECTORY};
    static const struct {
        const char *path;
        int reasons[3]; /* by flags */
        int reasons_without[3];
    } cases[] = {
        {"", {0, 0, 0}, {0, 0, 0}},
        {"a", {0, 0, 0}, {0, 0, 0}},
        {"a/b/file", {0, 0, ENOTDIR}, {0, 0, ENOTDIR}},
        {"a/b/none", {ENOENT, ENOENT, ENOENT}, {ENOENT, ENOENT, ENOENT}},
        {"a/none/file", {ENOENT, ENOENT, ENOENT}, {ENOENT, ENOENT, ENOENT}},
        {"a/b/file/x", {ENOTDIR, ENOTDIR, ENOTDIR}, {ENOTDIR, ENOTDIR, ENOTDIR}},
        {"link/file", {0, 0, ENOTDIR}, {EXDEV, EXDEV, EXDEV}},
        {"link", {0, 0, 0}, {EXDEV, EXDEV, EXDEV}},
        {"out", {EXDEV, EXDEV, EXDEV}, {EXDEV, EXDEV, EXDEV}},
        {"out/x", {EXDEV, EXDEV, EXDEV}, {EXDEV, EXDEV, EXDEV}},
        {"up", {EXDEV, EXDEV, EXDEV}, {EXDEV, EXDEV, EXDEV}},
        {"up/x", {EXDEV, EXDEV, EXDEV}, {EXDEV, EXDEV, EXDEV}},
    };
    struct fs_root root = open_root(true);
    struct fs_root without = open_root(false);
    int fd;

    (void)unused;
    assert_int_equal(mkdirat(root.fd, "a", 0777), 0);
    assert_int_equal(mkdirat(root.fd, "a/b", 0777), 0);
    fd = openat(root.fd, "a/b/file", O_CREAT | O_WRONLY, 0666);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(symlinkat("a/../a/b", root.fd, "link"), 0);
    assert_int_equal(symlinkat("/", root.fd, "out"), 0);
    assert_int_equal(symlinkat("a/../../", root.fd, "up"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int j = 0; j < 3; j++) {
            if (root.has_openat2) {
                assert_int_equal(reason_of(&root, cases[i].path, flags[j]), cases[i].reasons[j]);
            }
            assert_int_equal(reason_of(&without, cases[i].path, flags[j]),
                             cases[i].reasons_without[j]);
        }
    }
    ktki_fs_root_close(&root);
    ktki_fs_root_close(&without);
}

static void makes_missing_folders(void **unused) {
    (void)unused;
    for (int by_kernel = 0; by_kernel < 2; by_kernel++) {
        struct fs_root root = open_root(by_kernel != 0);
        char key[32];
        const char *name = NULL;
        int made = 77;
        int fd;

        (void)snprintf(key, sizeof(key), "%d/b/c/file", by_kernel);
        assert_int_equal(ktki_fs_open_folder(&root, key, &name, NULL), -1);
        assert_int_equal(errno, ENOENT);
        fd = ktki_fs_open_folder(&root, key, &name, &made);
        assert_true(fd >= 0);
        assert_int_equal(made, 0);
        assert_string_equal(name, "file");
        close(fd);
        (void)snprintf(key, sizeof(key), "%d/b/d/file", by_kernel);
        fd = ktki_fs_open_folder(&root, key, &name, &made);
        assert_true(fd >= 0);
        assert_int_equal(made, 2);
        close(fd);
        fd = ktki_fs_open_folder(&root, key, &name, &made);
        assert_true(fd >= 0);
        assert_int_equal(made, -1);
        close(fd);
        fd = ktki_fs_open_folder(&root, "top", &name, &made);
        assert_true(fd >= 0);
        assert_int_equal(made, -1);
        assert_string_equal(name, "top");
        close(fd);
        ktki_fs_root_close(&root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allows_plain_paths_only),
        cmocka_unit_test_setup_teardown(opens_the_same_with_and_without_the_kernel, folder_up,
                                        folder_down),
        cmocka_unit_test_setup_teardown(makes_missing_folders, folder_up, folder_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
