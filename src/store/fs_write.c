#include "store/fs_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "store/fs_lock.h"

/* A folder that another writer removes again and again, because it is empty, does not stop a put.
 */
#define FOLDER_ATTEMPTS 1000
#define WRITE_SIZE_MAX ((size_t)1 << 30) /* write(2) takes a little less than 2 GiB */
#define NANOSECONDS 1000000000L
#define EARLY_WRITE_MIN ((int64_t)64 << 10) /* smaller files are not worth the call */
/* Filesystems keep times to 1 ns, 100 ns, 1 s or, FAT, 2 s. */
#define COARSEST_TICK_NS (2 * NANOSECONDS)

/* ---- versions ---- */

static int64_t time_ns(const struct timespec *time) {
    return (int64_t)time->tv_sec * NANOSECONDS + time->tv_nsec;
}

void ktki_fs_version(const struct stat *info, ktk_store_version *out) {
    (void)snprintf(out->text, sizeof(out->text), "%llx-%llx-%llx", (unsigned long long)info->st_ino,
                   (unsigned long long)time_ns(&info->st_mtim), (unsigned long long)info->st_size);
}

void ktki_fs_entry(const struct stat *info, ktk_store_entry *out) {
    out->size = (int64_t)info->st_size;
    out->modified_us = (int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000;
    ktki_fs_version(info, &out->version);
}

/*
 * Why a version tells puts apart. A filesystem stamps files with the time of its last tick,
 * milliseconds ago, and gives the inode of a replaced file to the next new one: two puts within a
 * tick would bring back the inode, time and size of a value before them. So a put stamps its file
 * itself, to the nanosecond, and under the lock, which orders the puts of a key, always later than
 * the file it replaces, however the clock is set. A time equal to that of an earlier put is then
 * left only for a key that was removed in between, by a clock set back to the very nanosecond.
 */
static int stamp(const struct fs_temp *temp, const struct stat *old, struct stat *out) {
    int64_t old_ns = old == NULL ? INT64_MIN : time_ns(&old->st_mtim);
    struct timespec now = {0};
    int64_t ns;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    ns = time_ns(&now);
    if (ns <= old_ns) {
        ns = old_ns + 1;
    }
    for (int attempt = 0;; attempt++) {
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                          {ns / NANOSECONDS, ns % NANOSECONDS}};

        if (utimensat(temp->folder, temp->temp_name, times, AT_SYMLINK_NOFOLLOW) != 0 ||
            fstatat(temp->folder, temp->temp_name, out, AT_SYMLINK_NOFOLLOW) != 0) {
            return -1;
        }
        if (attempt > 0 || time_ns(&out->st_mtim) > old_ns) {
            return 0;
        }
        ns = old_ns + COARSEST_TICK_NS;
    }
}

/* ---- writing ---- */

static int write_fully(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size < WRITE_SIZE_MAX ? size : WRITE_SIZE_MAX);

        if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written == 0) {
            errno = EIO;
            return -1;
        }
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* Let the kernel begin to write what will be synced later: the disk works while the next files are
 * made, and the sync finds less to do. What goes wrong here goes wrong there again, and is told. */
static void begin_writing(int fd, int64_t size) {
    if (size >= EARLY_WRITE_MIN) {
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
}

static int sync_descriptor(int fd) {
    int result;

    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    /* Folders of some network filesystems cannot be synced; they write through. */
    return result != 0 && errno == EINVAL ? 0 : result;
}

static int name_temp(struct fs_temp *temp) {
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return -1;
    }
    (void)snprintf(temp->temp_name, sizeof(temp->temp_name), KTKI_FS_TEMP_PREFIX "%016llx",
                   (unsigned long long)random);
    return 0;
}

/* Open the folder of the key, made if need be, and a new file in it: its descriptor, or -1. */
static int temp_open(struct fs_temp *temp, const struct fs_root *root, const char *key, int *made) {
    int fd = -1;

    for (int attempt = 0; fd < 0 && attempt < FOLDER_ATTEMPTS; attempt++) {
        int made_now;

        temp->folder = ktki_fs_open_folder(root, key, &temp->name, &made_now);
        if (made_now >= 0 && (*made < 0 || made_now < *made)) {
            *made = made_now;
        }
        if (temp->folder >= 0 && name_temp(temp) == 0) {
            fd = openat(temp->folder, temp->temp_name,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        }
        if (fd < 0) {
            int reason = errno;

            if (temp->folder >= 0) {
                close(temp->folder);
                temp->folder = -1;
            }
            errno = reason;
            /* ENOENT: somebody removed the last file of the folder, and the folder with it. */
            if (reason != ENOENT && reason != EEXIST) {
                break;
            }
        }
    }
    temp->exists = fd >= 0;
    return fd;
}

static void temp_close(struct fs_temp *temp) {
    if (temp->exists) {
        (void)unlinkat(temp->folder, temp->temp_name, 0);
        temp->exists = false;
    }
    if (temp->folder >= 0) {
        close(temp->folder);
        temp->folder = -1;
    }
}

/* ---- the step that makes it visible ---- */

static ktk_status check_condition(const char *key, const struct stat *old,
                                  const ktk_put_condition *condition, ktk_error *err) {
    ktk_store_version version;

    if (old != NULL && S_ISDIR(old->st_mode)) {
        return ktk_error_set(err, KTK_E_INVALID, "cannot put '%s': there is a folder of that name",
                             key);
    }
    if (condition == NULL) {
        return KTK_OK;
    }
    if (condition->must_not_exist && old != NULL) {
        return ktk_error_set(err, KTK_E_EXISTS, "key '%s' exists already", key);
    }
    if (condition->matches != NULL) {
        if (old == NULL) {
            return ktk_error_set(err, KTK_E_CONFLICT, "key '%s' was removed meanwhile", key);
        }
        ktki_fs_version(old, &version);
        if (strcmp(version.text, condition->matches->text) != 0) {
            return ktk_error_set(err, KTK_E_CONFLICT, "key '%s' was changed meanwhile", key);
        }
    }
    return KTK_OK;
}

/* Give the file its name. The lock keeps our writers apart; link(), which replaces nothing, keeps
 * out others, such as a store of another root or another program. */
static ktk_status temp_publish(struct fs_temp *temp, const char *key, bool must_not_exist,
                               ktk_error *err) {
    if (must_not_exist) {
        if (linkat(temp->folder, temp->temp_name, temp->folder, temp->name, 0) == 0) {
            (void)unlinkat(temp->folder, temp->temp_name, 0);
            temp->exists = false;
            return KTK_OK;
        }
        if (errno == EEXIST) {
            return ktk_error_set(err, KTK_E_EXISTS, "key '%s' exists already", key);
        }
        if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) {
            return ktki_fs_error(err, errno, "put", key);
        }
        /* No hard links here, as on FAT: the check under the lock must do. */
    }
    if (renameat(temp->folder, temp->temp_name, temp->folder, temp->name) != 0) {
        return ktki_fs_error(err, errno, "put", key);
    }
    temp->exists = false;
    return KTK_OK;
}

static ktk_status temp_commit(struct fs_temp *temp, const struct fs_root *root, const char *key,
                              const ktk_put_condition *condition, ktk_store_version *version,
                              ktk_error *err) {
    bool must_not_exist = condition != NULL && condition->must_not_exist;
    bool has_condition = must_not_exist || (condition != NULL && condition->matches != NULL);
    struct fs_lock lock = {0};
    struct stat old = {0};
    struct stat written = {0};
    bool has_old;
    ktk_status status = ktki_fs_lock(&lock, root, temp->folder, key, err);

    if (status == KTK_E_UNSUPPORTED && !has_condition) {
        status = KTK_OK; /* the rename alone is all that this put promises */
    }
    KTKI_TRY(status);
    has_old = fstatat(temp->folder, temp->name, &old, 0) == 0;
    if (!has_old && errno != ENOENT) {
        KTKI_TRY(ktki_fs_error(err, errno, "put", key));
    }
    KTKI_TRY(check_condition(key, has_old ? &old : NULL, condition, err));
    if (stamp(temp, has_old ? &old : NULL, &written) != 0) {
        KTKI_TRY(ktki_fs_error(err, errno, "put", key));
    }
    KTKI_TRY(temp_publish(temp, key, must_not_exist, err));
    if (version != NULL) {
        ktki_fs_version(&written, version);
    }
out:
    ktki_fs_unlock(&lock);
    return status;
}

/* ---- puts ---- */

static bool is_deferred(const struct fs_put *put) {
    return put->condition != NULL && (put->condition->flags & (uint32_t)KTK_PUT_DEFER_SYNC) != 0;
}

ktk_status ktki_fs_put_begin(struct fs_put *out, const struct fs_root *root, const char *key,
                             const ktk_put_condition *condition, ktk_error *err) {
    *out = (struct fs_put){
        .root = root, .key = key, .condition = condition, .temp = {.folder = -1}, .made = -1};
    out->fd = temp_open(&out->temp, root, key, &out->made);
    return out->fd >= 0 ? KTK_OK : ktki_fs_error(err, errno, "put", key);
}

ktk_status ktki_fs_put_append(struct fs_put *put, const void *data, size_t size, ktk_error *err) {
    if (write_fully(put->fd, data, size) != 0) {
        return ktki_fs_error(err, errno, "put", put->key);
    }
    put->size += (int64_t)size;
    return KTK_OK;
}

/* All is written, and safe unless that is for later. */
static ktk_status close_written(struct fs_put *put, ktk_error *err) {
    int reason = 0;

    if (is_deferred(put)) {
        begin_writing(put->fd, put->size);
    } else if (sync_descriptor(put->fd) != 0) {
        reason = errno;
    }
    /* Network filesystems report a full disk as late as here. */
    if (close(put->fd) != 0 && reason == 0 && errno != EINTR) {
        reason = errno;
    }
    put->fd = -1;
    return reason == 0 ? KTK_OK : ktki_fs_error(err, reason, "put", put->key);
}

ktk_status ktki_fs_put_finish(struct fs_put *put, ktk_store_version *version, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(close_written(put, err));
    KTKI_TRY(temp_commit(&put->temp, put->root, put->key, put->condition, version, err));
    if (!is_deferred(put)) {
        KTKI_TRY(ktki_fs_sync_folders(put->root, put->key, put->made, err));
    }
out:
    return status;
}

void ktki_fs_put_end(struct fs_put *put) {
    if (put->fd >= 0) {
        close(put->fd);
        put->fd = -1;
    }
    temp_close(&put->temp);
}

ktk_status ktki_fs_write(const struct fs_root *root, const char *key, const void *data, size_t size,
                         const ktk_put_condition *condition, ktk_store_version *version, int *made,
                         ktk_error *err) {
    struct fs_put put;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_fs_put_begin(&put, root, key, condition, err));
    KTKI_TRY(ktki_fs_put_append(&put, data, size, err));
    KTKI_TRY(ktki_fs_put_finish(&put, version, err));
    *made = put.made;
out:
    ktki_fs_put_end(&put);
    return status;
}

/* ---- removing ---- */

/* Take away the folders of a removed key that are empty now, innermost first. */
static void remove_empty_folders(const struct fs_root *root, const char *key) {
    char path[PATH_MAX];
    char *slash;

    (void)snprintf(path, sizeof(path), "%s", key);
    while ((slash = strrchr(path, '/')) != NULL) {
        const char *name;
        int folder;
        int result;

        *slash = '\0';
        folder = ktki_fs_open_folder(root, path, &name, NULL);
        if (folder < 0) {
            break;
        }
        result = unlinkat(folder, name, AT_REMOVEDIR);
        close(folder);
        if (result != 0) {
            break;
        }
    }
}

ktk_status ktki_fs_remove(const struct fs_root *root, const char *key, ktk_error *err) {
    struct fs_lock lock = {0};
    const char *name;
    int folder = ktki_fs_open_folder(root, key, &name, NULL);
    int reason = 0;
    ktk_status status = KTK_OK;

    if (folder < 0) {
        return errno == ENOENT || errno == ENOTDIR ? KTK_OK
                                                   : ktki_fs_error(err, errno, "remove", key);
    }
    status = ktki_fs_lock(&lock, root, folder, key, err);
    KTKI_TRY(status == KTK_E_UNSUPPORTED ? KTK_OK : status);
    if (unlinkat(folder, name, 0) != 0) {
        reason = errno;
    }
    ktki_fs_unlock(&lock);
    /* A folder is no key. */
    if (reason != 0 && reason != ENOENT && reason != EISDIR) {
        KTKI_TRY(ktki_fs_error(err, reason, "remove", key));
    }
    remove_empty_folders(root, key);
out:
    close(folder);
    return status;
}

/* ---- syncing ---- */

ktk_status ktki_fs_sync(const struct fs_root *root, const char *path, ktk_error *err) {
    int fd = ktki_fs_open(root, path, O_RDONLY | O_NONBLOCK);
    ktk_status status = KTK_OK;

    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? KTK_OK
                                                   : ktki_fs_error(err, errno, "sync", path);
    }
    if (sync_descriptor(fd) != 0) {
        status = ktki_fs_error(err, errno, "sync", path);
    }
    close(fd);
    return status;
}

ktk_status ktki_fs_sync_folders(const struct fs_root *root, const char *key, int made,
                                ktk_error *err) {
    char path[PATH_MAX];
    int depth = 0; /* components of the folder in `path` */
    ktk_status status = KTK_OK;

    (void)snprintf(path, sizeof(path), "%s", key);
    for (const char *at = key; *at != '\0'; at++) {
        depth += *at == '/';
    }
    for (; status == KTK_OK; depth--) {
        char *slash = strrchr(path, '/');

        *(slash == NULL ? path : slash) = '\0';
        status = ktki_fs_sync(root, path, err);
        if (made < 0 || depth <= made) {
            break;
        }
    }
    return status;
}
