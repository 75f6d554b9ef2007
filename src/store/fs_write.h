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

/** A temporary file beside its target. */
struct fs_temp {
    int folder;       /**< descriptor of the folder of both; -1: none */
    const char *name; /**< of the target, within the key */
    char temp_name[sizeof(KTKI_FS_TEMP_PREFIX) + 16];
    bool exists;
};

/** A value that is written piece by piece. What it is told to borrow must stay until its end. */
struct fs_put {
    const struct fs_root *root;
    const char *key;
    const ktk_put_condition *condition; /**< NULL: none */
    struct fs_temp temp;
    int fd;   /**< -1: none, or closed */
    int made; /**< as in ktki_fs_open_folder(): from there on the folders of `key` have new entries
               */
    int64_t size;
};

/** Needs ktki_fs_put_end() in any case, as do the two that follow. */
ktk_status ktki_fs_put_begin(struct fs_put *out, const struct fs_root *root, const char *key,
                             const ktk_put_condition *condition, ktk_error *err);
ktk_status ktki_fs_put_append(struct fs_put *put, const void *data, size_t size, ktk_error *err);

/** Give the file its name, all at once, as ktk_store_put() says. With KTK_PUT_DEFER_SYNC in the
 * condition nothing is synced. `version` may be NULL. */
ktk_status ktki_fs_put_finish(struct fs_put *put, ktk_store_version *version, ktk_error *err);

/** What is not finished is removed. */
void ktki_fs_put_end(struct fs_put *put);

/**
 * A whole value: put as ktk_store_put() says. With KTK_PUT_DEFER_SYNC in the condition nothing is
 * synced.
 *
 * @param made as of fs_put
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
