/** Floating point numbers to and from text, independent of the locale. */
#ifndef KTKI_BASE_FLOAT_TEXT_H
#define KTKI_BASE_FLOAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** Enough for every number but decimals, with NUL. */
#define KTKI_NUMBER_TEXT_MAX 40

/** Correctly rounded; accepts a sign, exponents, `inf`, `infinity`, `nan` in any case. Whole text;
 * false otherwise. Too large: infinity; too small: zero. */
bool ktki_parse_f64(const char *text, size_t size, double *out);

/** Shortest text that reads back to the same double, as Python's repr: `1.0`, `1e+16`, `1e-05`,
 * `inf`, `-inf`, `nan`. Returns the length. */
size_t ktki_format_f64(double value, char text[KTKI_NUMBER_TEXT_MAX]);

#endif
