/** A store in a container of Azure Blob Storage: a key is the name of a block blob. */
#ifndef KTKI_STORE_AZURE_H
#define KTKI_STORE_AZURE_H

#include "store/backend.h"
#include "store/url.h"

/** Nothing is asked of the network yet. KTK_E_INVALID for a URL that does not make sense;
 * KTK_E_UNSUPPORTED where libcurl is not installed. */
ktk_status ktki_store_azure_new(ktk_store **out, ktk_context *context, const struct store_url *url,
                                enum key_space keys, ktk_error *err);

#endif
