/** Format strings of the C Data Interface. */
#ifndef KTKI_ARROW_SCHEMA_FORMAT_H
#define KTKI_ARROW_SCHEMA_FORMAT_H

#include "arrow/type.h"
#include "base/buffer.h"

/**
 * Parse one; `out->timezone` points into `format`. KTK_E_INVALID for what is none,
 * KTK_E_UNSUPPORTED for unions, run-end-encoded arrays, list views and small decimals.
 */
ktk_status ktki_format_parse(struct data_type *out, const char *format, ktk_error *err);

/** Append the format of a type; of dictionaries that of the index. */
ktk_status ktki_format_append(const struct data_type *type, struct buffer *out, ktk_error *err);

#endif
