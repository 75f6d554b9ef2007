/** Where a commit is decided. */
#ifndef KTKI_UPDATE_COMMIT_H
#define KTKI_UPDATE_COMMIT_H

#include "update/update_internal.h"

/**
 * Make what the update has written visible: sync the data files, put the schema file if its bytes
 * change, put the document under a condition, and find out what became of it. Sets `keep_files`
 * once the files may be referred to.
 */
ktk_status ktki_commit(ktk_update *update, ktk_commit *out, ktk_error *err);

/** KTK_E_INVALID unless `text` is a JSON map without NaN or Infinity. */
ktk_status ktki_commit_metadata_check(const char *text, size_t size, const ktk_allocator *allocator,
                                      ktk_error *err);

#endif
