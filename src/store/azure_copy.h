/** Blobs copied by the service. */
#ifndef KTKI_STORE_AZURE_COPY_H
#define KTKI_STORE_AZURE_COPY_H

#include "store/object.h"

/**
 * Copy a blob within an account. KTK_E_UNSUPPORTED: it must be got and put.
 *
 * @param source_url encoded
 * @param code HTTP status of the first answer, 0: none; set in any case
 */
ktk_status ktki_azure_copy(struct object_store *store, const char *key, const char *source_url,
                           int32_t *code, ktk_error *err);

#endif
