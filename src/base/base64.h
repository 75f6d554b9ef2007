/** Base64 with padding, as RFC 4648 has it. */
#ifndef KTKI_BASE_BASE64_H
#define KTKI_BASE_BASE64_H

#include "base/buffer.h"

/** Base64 with padding (RFC 4648, 4), without a NUL. */
ktk_status ktki_base64_append(struct buffer *out, const void *data, size_t size, ktk_error *err);

/** The whole text must be base64 with padding; KTK_E_INVALID else. The message does not quote it.
 */
ktk_status ktki_base64_decode(struct buffer *out, const char *text, ktk_error *err);

#endif
