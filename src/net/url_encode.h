/** Percent-encoding as signatures want it. */
#ifndef KTKI_NET_URL_ENCODE_H
#define KTKI_NET_URL_ENCODE_H

#include "base/buffer.h"
#include "net/exchange.h"

/** Everything but letters, digits and "-._~" (RFC 3986, unreserved) as %XX in upper case; '/' stays
 * if asked. */
ktk_status ktki_url_encode(struct buffer *out, const char *text, size_t size, bool keeps_slash,
                           ktk_error *err);

/** "name=value&…", encoded, in the order of the encoded names, as SigV4 signs it: a parameter
 * without a value is "name=". */
ktk_status ktki_query_append(struct buffer *out, const struct call_param *params, size_t count,
                             const ktk_allocator *allocator, ktk_error *err);

/** Size of a text without the '/' at its end. */
size_t ktki_url_size_without_slashes(const char *text, size_t size);

#endif
