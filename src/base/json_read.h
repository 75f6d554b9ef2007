/**
 * A pull parser for JSON text in memory: one event a call, no tree, nothing allocated per value but
 * the scratch of an escaped string. Accepts NaN, Infinity and -Infinity as numbers. Numbers are
 * handed out as text, so that integers of any size survive.
 */
#ifndef KTKI_BASE_JSON_READ_H
#define KTKI_BASE_JSON_READ_H

#include <kartothek/error.h>

#include "base/buffer.h"

enum json_event {
    JSON_END = 0, /* the document is complete */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_KEY,    /* text */
    JSON_STRING, /* text */
    JSON_NUMBER, /* text as written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_reader {
    const char *start;
    const char *at;
    const char *end;
    const char *token; /* start of the last event in the input */
    int32_t depth;
    int32_t depth_max;
    struct buffer stack;   /* one byte a level */
    struct buffer scratch; /* decoded string with escapes */
    const char *text;      /* JSON_KEY, JSON_STRING, JSON_NUMBER: valid until the next call; not
                              NUL-terminated */
    size_t text_size;
    int state;
};

/** `text` must outlive the reader. A UTF-8 byte order mark is passed over. */
void ktki_json_reader_init(struct json_reader *reader, const ktk_allocator *allocator,
                           const char *text, size_t size, int32_t depth_max);
void ktki_json_reader_clear(struct json_reader *reader);

/**
 * The next event; JSON_END again and again behind the document.
 *
 * KTK_E_CORRUPT with the byte position for what is no JSON or no UTF-8, KTK_E_LIMIT for more than
 * `depth_max` levels; after a failure the reader can only be cleared. Lone surrogates become
 * U+FFFD. The same key may come more than once in an object; the last one counts for Python.
 */
ktk_status ktki_json_next(struct json_reader *reader, enum json_event *event, ktk_error *err);

/**
 * After a begin event: pass over the rest of that object or array. After JSON_KEY, and before the
 * first event: pass over the value. Else nothing. `*from`/`*size`, if not NULL, get the raw text of
 * the value (from its first byte), also after a string, number or word.
 */
ktk_status ktki_json_skip(struct json_reader *reader, const char **from, size_t *size,
                          ktk_error *err);

/** The first byte from `at` that is no plain character of a string: a quote, a backslash, a control
 * character or `end`. `*has_wide` is set if bytes above 0x7F were passed over; it may also be set
 * for one shortly behind. */
const char *ktki_json_plain_end(const char *at, const char *end, bool *has_wide);

/** Get the next event and require it to be `wanted`; KTK_E_CORRUPT says `what` was expected. */
ktk_status ktki_json_expect(struct json_reader *reader, enum json_event wanted, const char *what,
                            ktk_error *err);

/** True if the last text equals `text`. */
bool ktki_json_is(const struct json_reader *reader, const char *text);

#endif
