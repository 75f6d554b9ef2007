/* The fs store when the operating system fails. This program defines some functions of the C
 * library itself, which the linker then prefers, to make them fail as the cases ask. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/foreign.h"
#include "store/fs.h"

enum call {
    CALL_WRITE,
    CALL_FSYNC,
    CALL_CLOSE,
    CALL_STAMP,
    CALL_LINK,
    CALL_RENAME,
    CALL_LOCK,
    CALL_MKDIR,
    CALL_READ,
    CALL_SYNCFS,
    CALL_STATUS,
    CALL_COUNT
};

static struct {
    uint32_t kinds;      /* bits 1u << call: those that count and may fail */
    int64_t fail_at;     /* -1: never */
    bool fails_always;   /* from there on */
    int reason;          /* errno */
    size_t transfer_max; /* bytes a write or read moves at once; 0: no bound */
    int64_t calls;       /* that counted */
    int64_t counts[CALL_COUNT];
} fault;

static void no_faults(void) {
    memset(&fault, 0, sizeof(fault));
    fault.fail_at = -1;
}

static bool fails(enum call call) {
    int64_t number;

    fault.counts[call]++;
    if ((fault.kinds & (1u << call)) == 0) {
        return false;
    }
    number = fault.calls++;
    if (fault.fail_at < 0 || number < fault.fail_at ||
        (number > fault.fail_at && !fault.fails_always)) {
        return false;
    }
    errno = fault.reason;
    return true;
}

static size_t bounded(size_t size) {
    return fault.transfer_max > 0 && size > fault.transfer_max ? fault.transfer_max : size;
}

ssize_t write(int fd, const void *data, size_t size) {
    return fails(CALL_WRITE) ? -1 : syscall(SYS_write, fd, data, bounded(size));
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
    ssize_t count = fails(CALL_READ) ? -1 : syscall(SYS_pread64, fd, data, bounded(size), offset);

    ktki_foreign_wrote(data, count > 0 ? (size_t)count : 0);
    return count;
}

int fsync(int fd) {
    return fails(CALL_FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd) {
    return fails(CALL_SYNCFS) ? -1 : (int)syscall(SYS_syncfs, fd);
}

int close(int fd) {
    bool is_failing = fails(CALL_CLOSE);
    int result = (int)syscall(SYS_close, fd);

    if (is_failing) {
        errno = fault.reason;
    }
    return is_failing ? -1 : result;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    return fails(CALL_STAMP) ? -1 : (int)syscall(SYS_utimensat, folder, path, times, flags);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    return fails(CALL_LINK) ? -1
                            : (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return fails(CALL_RENAME) ? -1 : (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
}

int fstatat(int folder, const char *path, struct stat *info, int flags) {
    int result = fails(CALL_STATUS) ? -1 : (int)syscall(SYS_newfstatat, folder, path, info, flags);

    ktki_foreign_wrote(info, result == 0 ? sizeof(*info) : 0);
    return result;
}

int flock(int fd, int operation) {
    return operation != LOCK_UN && fails(CALL_LOCK) ? -1 : (int)syscall(SYS_flock, fd, operation);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    return fails(CALL_MKDIR) ? -1 : (int)syscall(SYS_mkdirat, folder, path, mode);
}

/* ---- helpers ---- */

struct fixture {
    ktk_context *context;
    char *root;
    ktk_store *store;
};

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    ktk_error err;

    no_faults();
    assert_non_null(fixture);
    fixture->context = test_context_new(1);
    fixture->root = test_folder_new();
    CHECK_OK(ktki_store_fs_new(&fixture->store, fixture->context, fixture->root, false,
                               KTKI_KEYS_EXTENDED, "hfs://root", &err));
    *state = fixture;
    return 0;
}

static int fixture_down(void **state) {
    struct fixture *fixture = *state;

    no_faults();
    ktk_store_free(fixture->store);
    test_context_free(fixture->context);
    test_folder_remove(fixture->root);
    free(fixture);
    return 0;
}

static const ktk_put_condition deferred = {sizeof(deferred), KTK_PUT_DEFER_SYNC, false, NULL};

/* 'o' or 'n' for the values "old" and "new, longer", '-' for none. */
static char value_of(ktk_store *store, const char *key) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;
    ktk_status status = ktk_store_get(store, key, &bytes, NULL, &err);
    char value = '-';

    if (status == KTK_OK) {
        value = (char)bytes.data[0];
        assert_int_equal(bytes.size, value == 'o' ? 3 : 11);
        assert_memory_equal(bytes.data, value == 'o' ? "old" : "new, longer", bytes.size);
        ktk_bytes_clear(&bytes);
    } else {
        assert_int_equal(status, KTK_E_NOT_FOUND);
    }
    return value;
}

static int file_count(const char *folder) {
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

/* ---- cases ---- */

static void keeps_the_old_value_or_has_the_new(void **state) {
    static const int reasons[] = {EIO, ENOSPC, EDQUOT, EINTR};
    struct fixture *fixture = *state;
    ktk_put_condition absent = {sizeof(absent), 0, true, NULL};
    ktk_error err;

    for (int i = 0; i < 8; i++) {
        const ktk_put_condition *condition = i < 4 ? NULL : &absent;
        bool is_finished = false;

        for (int64_t n = 0; !is_finished; n++) {
            const char *key = "a/b/k";
            ktk_status status;
            char value;

            CHECK_OK(ktk_store_remove(fixture->store, key, &err));
            if (condition == NULL && n % 2 == 0) {
                CHECK_OK(ktk_store_put(fixture->store, key, "old", 3, &deferred, NULL, &err));
            }
            no_faults();
            fault.kinds = ~(1u << CALL_READ);
            fault.fail_at = n / 2;
            fault.reason = reasons[i % 4];
            err.detail = 0;
            status = ktk_store_put(fixture->store, key, "new, longer", 11, condition, NULL, &err);
            is_finished = fault.calls <= fault.fail_at && n % 2 == 1;
            no_faults();
            value = value_of(fixture->store, key);
            if (status == KTK_OK) {
                assert_int_equal(value, 'n');
            } else {
                assert_int_equal(status, KTK_E_IO);
                assert_int_equal(err.detail, reasons[i % 4]);
                CHECK_MESSAGE("hfs://root");
            }
            assert_true(value != '-' || condition != NULL || n % 2 == 1);
            assert_int_equal(file_count(fixture->root), value == '-' ? 0 : 1);
        }
    }
}

static void goes_on_after_interruptions(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    for (int64_t n = 0; n < 10; n++) {
        no_faults();
        fault.kinds = 1u << CALL_WRITE | 1u << CALL_FSYNC | 1u << CALL_LOCK | 1u << CALL_CLOSE |
                      1u << CALL_READ;
        fault.fail_at = n;
        fault.reason = EINTR;
        fault.transfer_max = 2;
        CHECK_OK(ktk_store_put(fixture->store, "k", "new, longer", 11, NULL, NULL, &err));
        assert_int_equal(fault.counts[CALL_WRITE], n < 6 ? 7 : 6);
        assert_int_equal(value_of(fixture->store, "k"), 'n');
        assert_true(fault.counts[CALL_READ] >= 6);
    }
}

static void reports_a_failing_read(void **state) {
    struct fixture *fixture = *state;
    ktk_bytes bytes = {TEST_POISON, 0, NULL, NULL};
    ktk_error err;

    CHECK_OK(ktk_store_put(fixture->store, "k", "old", 3, NULL, NULL, &err));
    fault.kinds = 1u << CALL_READ;
    fault.fail_at = 0;
    fault.fails_always = true;
    fault.reason = EIO;
    CHECK_STATUS(ktk_store_get(fixture->store, "k", &bytes, NULL, &err), KTK_E_IO);
    CHECK_STATUS(ktk_store_get_range(fixture->store, "k", 0, 2, &bytes, &err), KTK_E_IO);
    assert_int_equal(err.detail, EIO);
    assert_ptr_equal(bytes.data, TEST_POISON);
}

static void creates_without_hard_links(void **state) {
    struct fixture *fixture = *state;
    ktk_put_condition absent = {sizeof(absent), 0, true, NULL};
    ktk_error err;

    fault.kinds = 1u << CALL_LINK;
    fault.fail_at = 0;
    fault.fails_always = true;
    fault.reason = EPERM;
    CHECK_OK(ktk_store_put(fixture->store, "k", "old", 3, &absent, NULL, &err));
    CHECK_STATUS(ktk_store_put(fixture->store, "k", "new, longer", 11, &absent, NULL, &err),
                 KTK_E_EXISTS);
    assert_int_equal(value_of(fixture->store, "k"), 'o');
    assert_int_equal(file_count(fixture->root), 1);
}

static void refuses_conditions_without_locks(void **state) {
    struct fixture *fixture = *state;
    ktk_put_condition absent = {sizeof(absent), 0, true, NULL};
    ktk_error err;

    fault.kinds = 1u << CALL_LOCK;
    fault.fail_at = 0;
    fault.fails_always = true;
    fault.reason = ENOLCK;
    CHECK_STATUS(ktk_store_put(fixture->store, "k", "old", 3, &absent, NULL, &err),
                 KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("locks");
    CHECK_OK(ktk_store_put(fixture->store, "k", "old", 3, NULL, NULL, &err));
    CHECK_OK(ktk_store_remove(fixture->store, "k", &err));
    assert_int_equal(file_count(fixture->root), 0);
}

static void syncs_file_and_folders(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    /* The file, "a/b", "a" and the root, which got the new folder "a". */
    CHECK_OK(ktk_store_put(fixture->store, "a/b/1", "old", 3, NULL, NULL, &err));
    assert_int_equal(fault.counts[CALL_FSYNC], 4);
    no_faults();
    CHECK_OK(ktk_store_put(fixture->store, "a/b/2", "old", 3, NULL, NULL, &err));
    assert_int_equal(fault.counts[CALL_FSYNC], 2);
    no_faults();
    /* The file, "a/c" and "a". */
    CHECK_OK(ktk_store_put(fixture->store, "a/c/1", "old", 3, NULL, NULL, &err));
    assert_int_equal(fault.counts[CALL_FSYNC], 3);
    no_faults();
    CHECK_OK(ktk_store_sync(fixture->store, &err));
    assert_int_equal(fault.counts[CALL_FSYNC] + fault.counts[CALL_SYNCFS], 0);
}

static ktk_status count_entry(void *count, const ktk_store_entry *entry, ktk_error *err) {
    (void)entry;
    (void)err;
    ++*(size_t *)count;
    return KTK_OK;
}

static void put_deferred(ktk_store *store, int count) {
    ktk_error err;

    for (int i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "f/%d", i);
        CHECK_OK(ktk_store_put(store, key, "old", 3, &deferred, NULL, &err));
    }
}

static void defers_syncs(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    /* Three files, "f" for each, and the root, which got "f". */
    put_deferred(fixture->store, 3);
    CHECK_OK(ktk_store_remove(fixture->store, "f/1", &err));
    assert_int_equal(fault.counts[CALL_FSYNC], 0);
    CHECK_OK(ktk_store_sync(fixture->store, &err));
    assert_int_equal(fault.counts[CALL_FSYNC], 2 + 3 + 1);
    assert_int_equal(fault.counts[CALL_SYNCFS], 0);
    no_faults();
    put_deferred(fixture->store, 1000);
    assert_int_equal(fault.counts[CALL_FSYNC], 0);
    CHECK_OK(ktk_store_sync(fixture->store, &err));
    assert_int_equal(fault.counts[CALL_FSYNC], 0);
    assert_int_equal(fault.counts[CALL_SYNCFS], 1);
    CHECK_OK(ktk_store_sync(fixture->store, &err));
    assert_int_equal(fault.counts[CALL_SYNCFS], 1);
}

/* D-33: what lies beside a prefix is not looked at. */
static void lists_without_a_look_at_other_folders(void **state) {
    struct fixture *fixture = *state;
    size_t count = 0;
    ktk_error err;

    CHECK_OK(ktk_store_put(fixture->store, "u/t/1", "old", 3, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(fixture->store, "u/t/2", "old", 3, NULL, NULL, &err));
    put_deferred(fixture->store, 100);
    no_faults();
    CHECK_OK(ktk_store_list(fixture->store, "u/", count_entry, &count, &err));
    assert_int_equal(count, 2);
    /* The folder "t" and the two files. */
    assert_int_equal(fault.counts[CALL_STATUS], 3);
    no_faults();
    CHECK_OK(ktk_store_list(fixture->store, "u", count_entry, &count, &err));
    assert_int_equal(count, 4);
    assert_int_equal(fault.counts[CALL_STATUS], 4);
}

static void syncs_all_after_a_sync_failed(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    put_deferred(fixture->store, 3);
    fault.kinds = 1u << CALL_FSYNC | 1u << CALL_SYNCFS;
    fault.fail_at = 1;
    fault.reason = EIO;
    CHECK_STATUS(ktk_store_sync(fixture->store, &err), KTK_E_IO);
    assert_int_equal(err.detail, EIO);
    no_faults();
    CHECK_OK(ktk_store_sync(fixture->store, &err));
    assert_int_equal(fault.counts[CALL_SYNCFS], 1);
    CHECK_OK(ktk_store_sync(fixture->store, &err));
    assert_int_equal(fault.counts[CALL_SYNCFS], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_the_old_value_or_has_the_new, fixture_up,
                                        fixture_down),
        cmocka_unit_test_setup_teardown(goes_on_after_interruptions, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(reports_a_failing_read, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(creates_without_hard_links, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(refuses_conditions_without_locks, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(syncs_file_and_folders, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(defers_syncs, fixture_up, fixture_down),
        cmocka_unit_test_setup_teardown(lists_without_a_look_at_other_folders, fixture_up,
                                        fixture_down),
        cmocka_unit_test_setup_teardown(syncs_all_after_a_sync_failed, fixture_up, fixture_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
