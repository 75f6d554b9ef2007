/** A store in a bucket of S3, AWS' or of others who speak as it does: a key is the name of an
 * object. */
#ifndef KTKI_STORE_S3_H
#define KTKI_STORE_S3_H

#include "store/backend.h"
#include "store/url.h"

/** Nothing is asked of the network yet. KTK_E_INVALID for a URL that does not make sense;
 * KTK_E_UNSUPPORTED where libcurl is not installed. */
ktk_status ktki_store_s3_new(ktk_store **out, ktk_context *context, const struct store_url *url,
                             enum key_space keys, ktk_error *err);

#endif
