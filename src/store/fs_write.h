/** Writing one file of an `fs` store: whole, in one step, under its condition, durable. */
#ifndef KTKI_STORE_FS_WRITE_H
#define KTKI_STORE_FS_WRITE_H

#include <kartothek/store.h>

#include "store/fs_path.h"

struct stat;

/** The version of a file: inode, time of change in nanoseconds and size, which no two puts of a key
 * share (see fs_write.c). */
void ktki_fs_version(const struct stat *info, ktk_store_version *out);

/** Size, time and version of a file; `out->key` is not set. */
void ktki_fs_entry(const struct stat *info, ktk_store_entry *out);

/**
 * Put as ktk_store_put() says. With KTK_PUT_DEFER_SYNC in the condition nothing is synced.
 *
 * @param made as in ktki_fs_open_folder(): from there on the folders of `key` have new entries.
 */
ktk_status ktki_fs_write(const struct fs_root *root, const char *key, const void *data, size_t size,
                         const ktk_put_condition *condition, ktk_store_version *version, int *made,
                         ktk_error *err);

/** Remove a file, and the folders that become empty, but not the root. */
ktk_status ktki_fs_remove(const struct fs_root *root, const char *key, ktk_error *err);

/** fsync() of a file or folder below the root; "" is the root. One that is gone is no error. */
ktk_status ktki_fs_sync(const struct fs_root *root, const char *path, ktk_error *err);

/** ktki_fs_sync() of the folders on the way to `key`, from the one with `made` components (-1: only
 * the last) to the one that holds it. */
ktk_status ktki_fs_sync_folders(const struct fs_root *root, const char *key, int made,
                                ktk_error *err);

#endif
