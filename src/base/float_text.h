/** Doubles to and from text, independent of the locale. */
#ifndef KTKI_BASE_FLOAT_TEXT_H
#define KTKI_BASE_FLOAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** Enough for every number but decimals, with NUL. */
#define KTKI_NUMBER_TEXT_MAX 40

/**
 * The double nearest to a decimal number (`1`, `-.5`, `2.`, `1e-5`), half-way cases to even; too
 * large gives infinity, too small zero. Also `inf`, `infinity` and `nan` in any case, with a sign
 * or not. False, and nothing written, unless the whole text is one of these.
 */
bool ktki_parse_f64(const char *text, size_t size, double *out);

/** Shortest text that reads back to the same double, as Python's repr: `1.0`, `1e+16`, `1e-05`,
 * `inf`, `-inf`, `nan`. Returns the length. */
size_t ktki_format_f64(double value, char text[KTKI_NUMBER_TEXT_MAX]);

#endif
