/** Text: UTF-8 checks and numbers to and from text, independent of the locale. */
#ifndef KTKI_BASE_TEXT_H
#define KTKI_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/float_text.h"

/** Size of the character at the start of `left` >= 1 bytes, 0 if it is ill-formed or cut (RFC 3629:
 * no overlong forms, no surrogates, nothing above U+10FFFF). */
size_t ktki_utf8_sequence_size(const void *data, size_t left);

/** True if all of the bytes are such characters. */
bool ktki_utf8_is_valid(const void *data, size_t size);

/** Whole text must be the number; false otherwise (also on overflow). Optional sign, decimal digits
 * only. */
bool ktki_parse_i64(const char *text, size_t size, int64_t *out);
bool ktki_parse_u64(const char *text, size_t size, uint64_t *out);

/** Decimal text; returns the length. */
size_t ktki_format_i64(int64_t value, char text[KTKI_NUMBER_TEXT_MAX]);
size_t ktki_format_u64(uint64_t value, char text[KTKI_NUMBER_TEXT_MAX]);

/** Decimal of a little-endian two's complement integer of 4, 8, 16 or 32 bytes with `scale` digits
 * behind the point (scale >= 0), as Python's str(Decimal) without exponent. `text` needs 80 + scale
 * bytes. Returns the length. */
size_t ktki_format_decimal(const uint8_t *value, size_t width, int32_t scale, char *text);

#endif
