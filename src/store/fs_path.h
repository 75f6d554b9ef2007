/**
 * Paths below the root folder of an `fs` store. Whatever the key and whatever symbolic links lie in
 * the folder, no file outside of the root is reached.
 */
#ifndef KTKI_STORE_FS_PATH_H
#define KTKI_STORE_FS_PATH_H

#include <kartothek/error.h>

struct fs_root {
    int fd;
    /** The kernel resolves paths and keeps them below the root, so that symbolic links that stay
     * there can be followed (Linux 5.6). False: each component is opened by itself, and symbolic
     * links are refused. */
    bool has_openat2;
    bool is_remote; /**< a network filesystem, which locks files but not folders */
};

/**
 * Open the root folder. `path` is taken as the operating system takes it.
 *
 * @return KTK_E_NOT_FOUND if it is missing and `make_missing` is false; KTK_E_INVALID if it is no
 * folder.
 */
ktk_status ktki_fs_root_open(struct fs_root *out, const char *path, bool make_missing,
                             ktk_error *err);

void ktki_fs_root_close(struct fs_root *root);

/** KTK_E_INVALID for a key that is no path of ordinary names: absolute, with an empty component,
 * `.` or `..`, with a name that is too long or that this store keeps for itself. */
ktk_status ktki_fs_check_key(const char *key, ktk_error *err);

/** Temporary files start with this and a random part; they never show as keys. */
#define KTKI_FS_TEMP_PREFIX ".tmp-"
/** Lock file in the root, on network filesystems alone. */
#define KTKI_FS_LOCK_NAME ".ktk-lock"

/** True for names that this store keeps for itself. */
bool ktki_fs_is_reserved(const char *name);

/** Like open(2) without O_CREAT, below the root; `path` "" is the root. A file descriptor with
 * O_CLOEXEC, or -1 and errno; EXDEV where a symbolic link leads out of the root. */
int ktki_fs_open(const struct fs_root *root, const char *path, int flags);

/**
 * Open the folder that holds a key, O_RDONLY; `*name` is set to the last component within `key`.
 *
 * @param made NULL: do not make missing folders. Else they are made, and `*made` is the number of
 * components of `key` before the first one that was missing, or -1 if none was.
 * @return a file descriptor, or -1 and errno.
 */
int ktki_fs_open_folder(const struct fs_root *root, const char *key, const char **name, int *made);

/** Failure of the operating system with a key: `action` as in "cannot <action> 'key'". */
ktk_status ktki_fs_error(ktk_error *err, int error_number, const char *action, const char *key);

#endif
