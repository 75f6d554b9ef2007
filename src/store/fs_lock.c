#include "store/fs_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

/* A turn takes some milliseconds; after a second the others go on without one. */
#define TURN_WAIT_NS 1000000L
#define TURN_WAITS 1000

/* FNV-1a over the folder part of the key: which byte of the lock file stands for the folder. */
static off_t lock_offset(const char *key) {
    const char *slash = strrchr(key, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - key);
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)key[i]) * 0x100000001B3u;
    }
    return (off_t)(hash >> 2);
}

static int lock_folder(int folder) {
    int result;

    do {
        result = flock(folder, LOCK_EX);
    } while (result != 0 && errno == EINTR);
    return result;
}

/* Locks of open file descriptions: unlike those of processes they exclude threads, and closing
 * another descriptor of the file does not drop them. */
static int lock_byte(int fd, off_t offset) {
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    int result;

    do {
        result = fcntl(fd, F_OFD_SETLKW, &range);
    } while (result != 0 && errno == EINTR);
    return result;
}

static ktk_status lock_error(ktk_error *err, int error_number) {
    switch (error_number) {
    case ENOLCK:
    case EOPNOTSUPP:
    case ENOSYS:
    case EBADF:
    case EINVAL:
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "the filesystem does not support locks: %s",
                             strerrordesc_np(error_number));
    default:
        return ktki_error_errno(err, error_number, "cannot lock the folder");
    }
}

ktk_status ktki_fs_lock(struct fs_lock *out, const struct fs_root *root, int folder,
                        const char *key, ktk_error *err) {
    int fd;

    if (!root->is_remote) {
        if (lock_folder(folder) != 0) {
            return lock_error(err, errno);
        }
        *out = (struct fs_lock){folder, false, true};
        return KTK_OK;
    }
    fd = openat(root->fd, KTKI_FS_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) {
        return ktki_error_errno(err, errno, "cannot open the lock file '%s'", KTKI_FS_LOCK_NAME);
    }
    if (lock_byte(fd, lock_offset(key)) != 0) {
        int reason = errno;

        close(fd);
        return lock_error(err, reason);
    }
    *out = (struct fs_lock){fd, true, true};
    return KTK_OK;
}

void ktki_fs_unlock(struct fs_lock *lock) {
    if (!lock->is_held) {
        return;
    }
    /* Unlocking does what closing would not do if a fork() has copied the descriptor meanwhile. */
    if (lock->is_file) {
        struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

        (void)fcntl(lock->fd, F_OFD_SETLK, &range);
        close(lock->fd);
    } else {
        (void)flock(lock->fd, LOCK_UN);
    }
    *lock = (struct fs_lock){0};
}

int ktki_fs_take_turn(const struct fs_root *root, const char *folder) {
    const struct timespec wait = {0, TURN_WAIT_NS};
    int fd = root->is_remote ? -1 : ktki_fs_open(root, folder, O_RDONLY | O_DIRECTORY);

    for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || i == TURN_WAITS) {
            close(fd);
            fd = -1;
        } else {
            (void)nanosleep(&wait, NULL);
        }
    }
    return fd;
}

void ktki_fs_end_turn(int turn) {
    (void)flock(turn, LOCK_UN);
    close(turn);
}
