/**
 * Mutual exclusion of all writers of a folder of an `fs` store, in all threads and processes. A
 * lock ends with its process, however that ends, and leaves nothing behind.
 *
 * On local filesystems the folder itself is locked, so that stores with different roots exclude
 * each other too. Network filesystems lock only files: there it is a byte, chosen by the folder's
 * path, of one hidden file in the root, and all writers must open the same root.
 */
#ifndef KTKI_STORE_FS_LOCK_H
#define KTKI_STORE_FS_LOCK_H

#include "store/fs_path.h"

struct fs_lock {
    int fd;
    bool is_file; /**< `fd` is the lock file and belongs to the lock */
    bool is_held;
};

/**
 * Wait for the lock of the folder of `key`, open as `folder`. `folder` must be an open of its own,
 * which no other thread uses, and stay open until the lock is released.
 *
 * @return KTK_E_UNSUPPORTED if the filesystem has no locks.
 */
ktk_status ktki_fs_lock(struct fs_lock *out, const struct fs_root *root, int folder,
                        const char *key, ktk_error *err);

/** Does nothing for a zeroed lock. */
void ktki_fs_unlock(struct fs_lock *lock);

/**
 * Take one's turn at a folder: an exclusive lock of it, for which others wait a while only, so that
 * nobody is held up by a process that was stopped. A descriptor, or -1: there is no such folder, it
 * is on a network filesystem, or the turn did not come. No puts into the folder itself may happen
 * meanwhile by the same thread.
 */
int ktki_fs_take_turn(const struct fs_root *root, const char *folder);

void ktki_fs_end_turn(int turn);

#endif
