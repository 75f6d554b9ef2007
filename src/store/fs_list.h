/** Listing files of an `fs` store. */
#ifndef KTKI_STORE_FS_LIST_H
#define KTKI_STORE_FS_LIST_H

#include <kartothek/store.h>

#include "store/fs_path.h"

/**
 * Call `fn` for each regular file whose path starts with `prefix`, in any order. Only the folder
 * that the prefix names is walked, and what lies below it. Files that vanish meanwhile are left
 * out. Links to files within the root count as files; links to folders are not walked into, as the
 * originals do not, so that no loop is possible. `is_bare`: entries come without size, time and
 * version, as far as the folder itself tells what is a file.
 */
ktk_status ktki_fs_list(const struct fs_root *root, const ktk_allocator *allocator,
                        const char *prefix, bool is_bare, ktk_store_list_fn fn, void *fn_state,
                        ktk_error *err);

#endif
