/** A store in a folder: a key is the path of a file below it. */
#ifndef KTKI_STORE_FS_H
#define KTKI_STORE_FS_H

#include "store/backend.h"

/**
 * `path` is opened now, so that a relative one does not depend on the working folder later.
 *
 * @return KTK_E_NOT_FOUND if it is missing and must not be made; KTK_E_INVALID if it is no folder.
 */
ktk_status ktki_store_fs_new(ktk_store **out, ktk_context *context, const char *path,
                             bool make_missing, enum key_space keys, const char *name,
                             ktk_error *err);

#endif
