/** Writing JSON as Python's json module does by default: ", " and ": " between, non-ASCII and 0x7F
 * escaped as \uXXXX. */
#ifndef KTKI_BASE_JSON_WRITE_H
#define KTKI_BASE_JSON_WRITE_H

#include "base/buffer.h"

/** Writer state: which separators are due. All functions append to `out` and fail only for want of
 * memory or past its bound. */
struct json_writer {
    struct buffer *out;
    uint64_t has_items; /* bit d: level d already has one; at most 63 levels */
    int32_t depth;
    bool after_key;
};

void ktki_json_writer_init(struct json_writer *writer, struct buffer *out);
ktk_status ktki_json_begin_object(struct json_writer *writer, ktk_error *err);
ktk_status ktki_json_end_object(struct json_writer *writer, ktk_error *err);
ktk_status ktki_json_begin_array(struct json_writer *writer, ktk_error *err);
ktk_status ktki_json_end_array(struct json_writer *writer, ktk_error *err);
ktk_status ktki_json_key(struct json_writer *writer, const char *key, ktk_error *err);
ktk_status ktki_json_key_bytes(struct json_writer *writer, const char *key, size_t size,
                               ktk_error *err);
/** Invalid UTF-8 is KTK_E_INVALID. */
ktk_status ktki_json_string(struct json_writer *writer, const char *text, size_t size,
                            ktk_error *err);
ktk_status ktki_json_text(struct json_writer *writer, const char *text,
                          ktk_error *err); /* NUL-terminated; NULL: null */
ktk_status ktki_json_i64(struct json_writer *writer, int64_t value, ktk_error *err);
ktk_status ktki_json_bool(struct json_writer *writer, bool value, ktk_error *err);
ktk_status ktki_json_null(struct json_writer *writer, ktk_error *err);
/** Whether a text stands in JSON as it is: ASCII, without controls, quotes and backslashes. */
bool ktki_json_is_plain(const char *text, size_t size);
/** Room for text that already is JSON: one value or, in an object, members with what stands between
 * them. The caller fills all of it. */
ktk_status ktki_json_room(struct json_writer *writer, size_t size, char **out, ktk_error *err);
/** Text that already is JSON, as one value. */
ktk_status ktki_json_raw(struct json_writer *writer, const char *json, size_t size, ktk_error *err);

/**
 * Append `json` in the canonical form above: spaces normalised, escapes redone, numbers as written.
 * `allow_nonfinite` false: NaN and Infinity are KTK_E_INVALID. KTK_E_CORRUPT for what is no JSON,
 * KTK_E_LIMIT if it has more than 63 levels. After a failure `out` holds what it held before.
 */
ktk_status ktki_json_normalise(struct buffer *out, const char *json, size_t size,
                               bool allow_nonfinite, const ktk_allocator *allocator,
                               ktk_error *err);

#endif
