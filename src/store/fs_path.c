#include "store/fs_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"

/* The kernel gives up with EAGAIN when folders move while it resolves a path. */
#define OPEN_ATTEMPTS 64

/* ---- keys ---- */

bool ktki_fs_is_reserved(const char *name) {
    return strncmp(name, KTKI_FS_TEMP_PREFIX, sizeof(KTKI_FS_TEMP_PREFIX) - 1) == 0 ||
           strcmp(name, KTKI_FS_LOCK_NAME) == 0;
}

static ktk_status check_component(const char *key, const char *name, size_t size, ktk_error *err) {
    char copy[NAME_MAX + 1];

    if (size == 0) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "key '%s' must not start or end with '/', or have two in a row", key);
    }
    if (size > NAME_MAX) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "key '%s' has a component of %zu bytes; a file name has at most %d",
                             key, size, NAME_MAX);
    }
    memcpy(copy, name, size);
    copy[size] = '\0';
    if (strcmp(copy, ".") == 0 || strcmp(copy, "..") == 0) {
        return ktk_error_set(err, KTK_E_INVALID, "key '%s' must not have the component '%s'", key,
                             copy);
    }
    if (ktki_fs_is_reserved(copy)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "key '%s' must not have the component '%s': such names are kept for "
                             "temporary files and locks",
                             key, copy);
    }
    return KTK_OK;
}

ktk_status ktki_fs_check_key(const char *key, ktk_error *err) {
    const char *at = key;
    ktk_status status = KTK_OK;

    if (strlen(key) >= PATH_MAX) {
        KTKI_FAIL(err, KTK_E_INVALID, "a key of %zu bytes is longer than a path may be",
                  strlen(key));
    }
    for (;;) {
        size_t size = strcspn(at, "/");

        KTKI_TRY(check_component(key, at, size, err));
        if (at[size] == '\0') {
            break;
        }
        at += size + 1;
    }
out:
    return status;
}

/* ---- opening ---- */

static int open_beneath(const struct fs_root *root, const char *path, int flags) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = -1;

    for (int attempt = 0; attempt < OPEN_ATTEMPTS && fd < 0; attempt++) {
        fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
        if (fd < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        }
    }
    return fd;
}

/* One component, never through a symbolic link: EXDEV for those, since they may lead anywhere. */
static int open_component(int folder, const char *name, int flags) {
    int fd = openat(folder, name, flags | O_NOFOLLOW);
    struct stat info;
    int reason = errno;

    if (fd >= 0 && (flags & O_PATH) != 0 && fstat(fd, &info) == 0 && S_ISLNK(info.st_mode)) {
        close(fd);
        errno = EXDEV;
        return -1;
    }
    if (fd < 0 && (reason == ELOOP || reason == ENOTDIR) &&
        fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode)) {
        reason = EXDEV;
    }
    errno = reason;
    return fd;
}

static int open_by_components(const struct fs_root *root, const char *path, int flags) {
    int folder = root->fd;
    int fd = -1;

    for (;;) {
        char name[NAME_MAX + 1];
        size_t size = strcspn(path, "/");
        bool is_last = path[size] == '\0';

        if (size > NAME_MAX) {
            errno = ENAMETOOLONG;
            fd = -1;
            break;
        }
        memcpy(name, path, size);
        name[size] = '\0';
        fd = open_component(folder, name, is_last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || is_last) {
            break;
        }
        if (folder != root->fd) {
            close(folder);
        }
        folder = fd;
        path += size + 1;
    }
    if (folder != root->fd) {
        int reason = errno;
        close(folder);
        errno = reason;
    }
    return fd;
}

int ktki_fs_open(const struct fs_root *root, const char *path, int flags) {
    flags |= O_CLOEXEC;
    if (path[0] == '\0') {
        return openat(root->fd, ".", flags);
    }
    return root->has_openat2 ? open_beneath(root, path, flags)
                             : open_by_components(root, path, flags);
}

/* Make the folders of `path` that are missing; `*made` as in ktki_fs_open_folder(). */
static int make_folders(const struct fs_root *root, char *path, int *made) {
    char *end = path;
    int result = 0;

    for (int depth = 0; result == 0; depth++) {
        char *slash = strchr(end, '/');
        const char *name;
        int folder;
        int reason;

        if (slash != NULL) {
            *slash = '\0';
        }
        folder = ktki_fs_open_folder(root, path, &name, NULL);
        result = folder < 0 ? -1 : mkdirat(folder, name, 0777);
        reason = errno;
        if (result == 0 && *made < 0) {
            *made = depth;
        }
        if (result != 0 && folder >= 0 && reason == EEXIST) {
            result = 0;
        }
        if (folder >= 0) {
            close(folder);
        }
        errno = reason;
        if (slash == NULL) {
            break;
        }
        *slash = '/';
        end = slash + 1;
    }
    return result;
}

int ktki_fs_open_folder(const struct fs_root *root, const char *key, const char **name, int *made) {
    const char *slash = strrchr(key, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - key);
    char path[PATH_MAX];
    int fd;

    if (size >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, key, size);
    path[size] = '\0';
    *name = slash == NULL ? key : slash + 1;
    if (made != NULL) {
        *made = -1;
    }
    fd = ktki_fs_open(root, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT && made != NULL && size > 0 &&
        make_folders(root, path, made) == 0) {
        fd = ktki_fs_open(root, path, O_RDONLY | O_DIRECTORY);
    }
    return fd;
}

/* ---- the root ---- */

/* Filesystems on which flock() of a folder, if it succeeds at all, holds on this machine only. */
static bool is_remote(int fd) {
    static const uint32_t magics[] = {
        NFS_SUPER_MAGIC,       SMB_SUPER_MAGIC,  CIFS_SUPER_MAGIC,
        SMB2_SUPER_MAGIC,      FUSE_SUPER_MAGIC, V9FS_MAGIC,
        CEPH_SUPER_MAGIC,      AFS_SUPER_MAGIC,  0x0BD00BD0 /* Lustre */,
        0x47504653 /* GPFS */,
    };
    struct statfs info;

    if (fstatfs(fd, &info) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if ((uint32_t)info.f_type == magics[i]) {
            return true;
        }
    }
    return false;
}

static bool has_openat2(int fd) {
    struct fs_root probe = {fd, true, false};
    int opened = open_beneath(&probe, ".", O_PATH | O_CLOEXEC);

    if (opened >= 0) {
        close(opened);
    }
    return opened >= 0;
}

static void sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd); /* what follows fails by itself if the folder did not last */
        close(fd);
    }
}

/* mkdir -p; each folder that gets a new entry is synced. */
static int make_root(const char *path) {
    char prefix[PATH_MAX];
    size_t size = 0;

    do {
        size += strspn(path + size, "/");
        size += strcspn(path + size, "/");
        if (size >= sizeof(prefix)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(prefix, path, size);
        prefix[size] = '\0';
        if (mkdir(prefix, 0777) == 0) {
            char *slash = strrchr(prefix, '/');

            if (slash == NULL) {
                sync_folder(".");
            } else {
                slash[slash == prefix ? 1 : 0] = '\0';
                sync_folder(prefix);
            }
        } else if (errno != EEXIST && errno != EISDIR) {
            return -1;
        }
    } while (path[size + strspn(path + size, "/")] != '\0');
    return 0;
}

ktk_status ktki_fs_root_open(struct fs_root *out, const char *path, bool make_missing,
                             ktk_error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && make_missing && path[0] != '\0') {
        if (make_root(path) != 0) {
            return ktki_error_errno(err, errno, "cannot make the folder '%s'", path);
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0 && errno == ENOTDIR) {
        return ktk_error_set(err, KTK_E_INVALID, "'%s' is not a folder", path);
    }
    if (fd < 0) {
        return ktki_error_errno(err, errno, "cannot open the folder '%s'", path);
    }
    *out = (struct fs_root){fd, has_openat2(fd), is_remote(fd)};
    return KTK_OK;
}

void ktki_fs_root_close(struct fs_root *root) {
    if (root->fd >= 0) {
        close(root->fd);
        root->fd = -1;
    }
}

ktk_status ktki_fs_error(ktk_error *err, int error_number, const char *action, const char *key) {
    switch (error_number) {
    case EXDEV:
    case ELOOP:
        return ktk_error_set(err, KTK_E_DENIED,
                             "cannot %s '%s': a symbolic link on its way leads out of the folder "
                             "of the store",
                             action, key);
    case ENOTDIR:
        return ktk_error_set(err, KTK_E_INVALID, "cannot %s '%s': one of its folders is a file",
                             action, key);
    case ENAMETOOLONG:
        return ktk_error_set(err, KTK_E_INVALID, "cannot %s '%s': the name is too long", action,
                             key);
    default:
        return ktki_error_errno(err, error_number, "cannot %s '%s'", action, key);
    }
}
