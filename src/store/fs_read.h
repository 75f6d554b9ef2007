/** Reading files of an `fs` store. */
#ifndef KTKI_STORE_FS_READ_H
#define KTKI_STORE_FS_READ_H

#include <kartothek/context.h>
#include <kartothek/store.h>

#include "store/fs_path.h"

/**
 * A whole file, copied: a document stays whole in memory even if another program writes into its
 * file. `version` may be NULL.
 */
ktk_status ktki_fs_read(const struct fs_root *root, ktk_context *context, const char *key,
                        ktk_bytes *out, ktk_store_version *version, ktk_error *err);

/**
 * A part of a file; a large part is mapped instead of copied. It must not be cut short by another
 * program before the bytes are released; puts and removes of this store never do that.
 */
ktk_status ktki_fs_read_range(const struct fs_root *root, ktk_context *context, const char *key,
                              int64_t offset, int64_t size, ktk_bytes *out, ktk_error *err);

/** Size, time and version; `out->key` is not set. KTK_E_NOT_FOUND if there is no such file. */
ktk_status ktki_fs_head(const struct fs_root *root, const char *key, ktk_store_entry *out,
                        ktk_error *err);

#endif
