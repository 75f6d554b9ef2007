/** Text of values: one mechanism for CSV, JSON lines and tables; the public half is
 * ktk_format_value(). */
#ifndef KTKI_ARROW_FORMAT_VALUE_H
#define KTKI_ARROW_FORMAT_VALUE_H

#include "arrow/array.h"
#include "base/buffer.h"
#include "base/json_write.h"

/**
 * Append the text of a value; of a null nothing, with `*is_null` set. Dictionaries show their
 * values. Numbers are the shortest that read back to the same value; dates and times ISO 8601 with
 * a space, with zone as UTC with +00:00; durations as pandas writes them; binary as hex digits;
 * lists, structs and maps as JSON, see below. KTK_E_INVALID for an index or offset out of range.
 */
ktk_status ktki_format_value(const struct field *field, const struct ArrowArray *array, int64_t row,
                             struct buffer *out, bool *is_null, ktk_error *err);

/** JSON under way, with memory for the texts that are to be quoted. */
struct json_values {
    struct json_writer writer;
    struct buffer scratch;
};

void ktki_json_values_init(struct json_values *json, struct buffer *out);
void ktki_json_values_clear(struct json_values *json);

/**
 * Write a value as JSON. Integers of any size and finite floats are numbers; NaN and infinities are
 * null; decimals, dates, times (with 'T'), durations and binary are strings with the text above;
 * maps are objects with the text of the keys. Text that is no UTF-8 is KTK_E_INVALID, more than 60
 * levels are KTK_E_LIMIT.
 */
ktk_status ktki_format_value_json(struct json_values *json, const struct field *field,
                                  const struct ArrowArray *array, int64_t row, ktk_error *err);

#endif
