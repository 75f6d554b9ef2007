/** Percent-encoding of keys and URLs (RFC 3986 and HTML forms). */
#ifndef KTKI_STORE_PERCENT_H
#define KTKI_STORE_PERCENT_H

#include "base/buffer.h"

/** Append `text` as Python's quote_plus() writes it: letters, digits and `_.-~` as they are, space
 * as '+', other bytes as %XX. */
ktk_status ktki_percent_encode_plus(struct buffer *out, const char *text, ktk_error *err);

/** Append `size` bytes of `text` with each %XX replaced by its byte; a '%' that two hexadecimal
 * digits do not follow stays. `is_plus_space`: '+' becomes a space. */
ktk_status ktki_percent_decode(struct buffer *out, const char *text, size_t size,
                               bool is_plus_space, ktk_error *err);

#endif
