#include "base/json_write.h"

#include <assert.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/error.h"
#include "base/json_read.h"
#include "base/text.h"

#define DEPTH_MAX 63

void ktki_json_writer_init(struct json_writer *writer, struct buffer *out) {
    *writer = (struct json_writer){.out = out};
}

/* Whether a comma is due in front of a key or a value; after this it is not. */
static bool takes_comma(struct json_writer *writer) {
    uint64_t level = (uint64_t)1 << writer->depth;
    bool takes = !writer->after_key && writer->depth > 0 && (writer->has_items & level) != 0;

    if (!writer->after_key && writer->depth > 0) {
        writer->has_items |= level;
    }
    writer->after_key = false;
    return takes;
}

static ktk_status append_separator(struct json_writer *writer, ktk_error *err) {
    return takes_comma(writer) ? ktki_buffer_append(writer->out, ", ", 2, err) : KTK_OK;
}

static ktk_status begin(struct json_writer *writer, uint8_t bracket, ktk_error *err) {
    ktk_status status = KTK_OK;

    assert(writer->depth < DEPTH_MAX);
    KTKI_TRY(append_separator(writer, err));
    KTKI_TRY(ktki_buffer_append_byte(writer->out, bracket, err));
    writer->depth++;
    writer->has_items &= ~((uint64_t)1 << writer->depth);
out:
    return status;
}

static ktk_status end(struct json_writer *writer, uint8_t bracket, ktk_error *err) {
    assert(writer->depth > 0 && !writer->after_key);
    writer->depth--;
    return ktki_buffer_append_byte(writer->out, bracket, err);
}

ktk_status ktki_json_begin_object(struct json_writer *writer, ktk_error *err) {
    return begin(writer, '{', err);
}

ktk_status ktki_json_end_object(struct json_writer *writer, ktk_error *err) {
    return end(writer, '}', err);
}

ktk_status ktki_json_begin_array(struct json_writer *writer, ktk_error *err) {
    return begin(writer, '[', err);
}

ktk_status ktki_json_end_array(struct json_writer *writer, ktk_error *err) {
    return end(writer, ']', err);
}

static bool is_plain(uint8_t byte) {
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

/* The code point at `at`, in text that is known to be UTF-8. */
static uint32_t decode_utf8(const uint8_t **at) {
    static const uint8_t lead_masks[] = {0x7F, 0, 0x1F, 0x0F, 0x07};
    uint8_t lead = *(*at)++;
    int size = lead < 0x80 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code_point = lead & lead_masks[size];

    for (int i = 1; i < size; i++) {
        code_point = code_point << 6 | (*(*at)++ & 0x3F);
    }
    return code_point;
}

static char *put_unicode_escape(char *at, uint32_t unit) {
    static const char digits[] = "0123456789abcdef";

    *at++ = '\\';
    *at++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) {
        *at++ = digits[unit >> shift & 0xF];
    }
    return at;
}

static ktk_status append_escape(struct buffer *out, uint32_t code_point, ktk_error *err) {
    static const char values[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *value =
        code_point == 0 || code_point > 0x7F ? NULL : strchr(values, (int)code_point);
    char text[12];
    char *at = text;

    if (value != NULL) {
        *at++ = '\\';
        *at++ = names[value - values];
    } else if (code_point < 0x10000) {
        at = put_unicode_escape(at, code_point);
    } else {
        at = put_unicode_escape(at, 0xD800 + ((code_point - 0x10000) >> 10));
        at = put_unicode_escape(at, 0xDC00 + (code_point & 0x3FF));
    }
    return ktki_buffer_append(out, text, (size_t)(at - text), err);
}

#define EACH(byte) ((uint64_t)(byte) * 0x0101010101010101u)

/* The high bit of each byte that is zero; of none if there is no such byte. */
static uint64_t zero_bytes(uint64_t bytes) {
    return (bytes - EACH(0x01)) & ~bytes & EACH(0x80);
}

/* Whether eight bytes are plain. */
static bool is_plain_word(const char *text) {
    uint64_t bytes;

    memcpy(&bytes, text, sizeof(bytes));
    return ((bytes | (bytes - EACH(0x20))) & EACH(0x80)) == 0 &&
           (zero_bytes(bytes ^ EACH('"')) | zero_bytes(bytes ^ EACH('\\')) |
            zero_bytes(bytes ^ EACH(0x7F))) == 0;
}

#ifdef __SSE2__
/* Which of 16 bytes are not plain. */
static __m128i not_plain_16(const char *text) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
    const __m128i is_special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    const __m128i is_control = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    /* With signs, what is wide is negative and so below a space, too. */
    const __m128i is_low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));

    return _mm_or_si128(is_special, _mm_or_si128(is_control, is_low));
}
#endif

/* Nearly every text of a large document is so: nothing in it has to be looked at twice. The last
 * bytes are looked at together with some in front of them. */
bool ktki_json_is_plain(const char *text, size_t size) {
    size_t i = 0;

#ifdef __SSE2__
    if (size >= 16) {
        __m128i found = not_plain_16(text + size - 16);

        for (; i + 16 <= size; i += 16) {
            found = _mm_or_si128(found, not_plain_16(text + i));
        }
        return _mm_movemask_epi8(found) == 0;
    }
#endif
    for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
        if (!is_plain_word(text + i)) {
            return false;
        }
    }
    if (size >= sizeof(uint64_t)) {
        return is_plain_word(text + size - sizeof(uint64_t));
    }
    while (i < size && is_plain((uint8_t)text[i])) {
        i++;
    }
    return i == size;
}

static ktk_status append_quoted(struct buffer *out, const char *text, size_t size, ktk_error *err) {
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = size == 0 ? at : at + size;
    ktk_status status = KTK_OK;

    if (!ktki_utf8_is_valid(text, size)) {
        KTKI_FAIL(err, KTK_E_INVALID, "a text of %zu bytes is not UTF-8", size);
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '"', err));
    while (at < end) {
        const uint8_t *from = at;
        while (at < end && is_plain(*at)) {
            at++;
        }
        KTKI_TRY(ktki_buffer_append(out, from, (size_t)(at - from), err));
        if (at < end) {
            KTKI_TRY(append_escape(out, decode_utf8(&at), err));
        }
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '"', err));
out:
    return status;
}

/* A plain text with what is around it, in one piece. */
static ktk_status append_plain(struct json_writer *writer, const char *text, size_t size,
                               bool is_key, ktk_error *err) {
    struct buffer *out = writer->out;
    ktk_status status = ktki_buffer_reserve(out, size + 6, err);
    uint8_t *at;

    if (status == KTK_OK) {
        at = out->data + out->size;
        if (takes_comma(writer)) {
            memcpy(at, ", ", 2);
            at += 2;
        }
        *at++ = '"';
        memcpy(at, text, size);
        at += size;
        *at++ = '"';
        if (is_key) {
            memcpy(at, ": ", 2);
            at += 2;
        }
        writer->after_key = is_key;
        out->size = (size_t)(at - out->data);
    }
    return status;
}

static ktk_status append_text(struct json_writer *writer, const char *text, size_t size,
                              bool is_key, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (size > 0 && ktki_json_is_plain(text, size)) {
        return append_plain(writer, text, size, is_key, err);
    }
    KTKI_TRY(append_separator(writer, err));
    KTKI_TRY(append_quoted(writer->out, text, size, err));
    if (is_key) {
        KTKI_TRY(ktki_buffer_append(writer->out, ": ", 2, err));
        writer->after_key = true;
    }
out:
    return status;
}

ktk_status ktki_json_key_bytes(struct json_writer *writer, const char *key, size_t size,
                               ktk_error *err) {
    assert(writer->depth > 0 && !writer->after_key);
    return append_text(writer, key, size, true, err);
}

ktk_status ktki_json_key(struct json_writer *writer, const char *key, ktk_error *err) {
    return ktki_json_key_bytes(writer, key, strlen(key), err);
}

ktk_status ktki_json_string(struct json_writer *writer, const char *text, size_t size,
                            ktk_error *err) {
    return append_text(writer, text, size, false, err);
}

ktk_status ktki_json_text(struct json_writer *writer, const char *text, ktk_error *err) {
    return text == NULL ? ktki_json_null(writer, err)
                        : ktki_json_string(writer, text, strlen(text), err);
}

ktk_status ktki_json_i64(struct json_writer *writer, int64_t value, ktk_error *err) {
    char text[KTKI_NUMBER_TEXT_MAX];

    return ktki_json_raw(writer, text, ktki_format_i64(value, text), err);
}

ktk_status ktki_json_bool(struct json_writer *writer, bool value, ktk_error *err) {
    return value ? ktki_json_raw(writer, "true", 4, err) : ktki_json_raw(writer, "false", 5, err);
}

ktk_status ktki_json_null(struct json_writer *writer, ktk_error *err) {
    return ktki_json_raw(writer, "null", 4, err);
}

ktk_status ktki_json_room(struct json_writer *writer, size_t size, char **out, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(append_separator(writer, err));
    KTKI_TRY(ktki_buffer_reserve(writer->out, size, err));
    *out = (char *)writer->out->data + writer->out->size;
    writer->out->size += size;
out:
    return status;
}

ktk_status ktki_json_raw(struct json_writer *writer, const char *json, size_t size,
                         ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(append_separator(writer, err));
    KTKI_TRY(ktki_buffer_append(writer->out, json, size, err));
out:
    return status;
}

static ktk_status copy_number(struct json_writer *writer, const struct json_reader *reader,
                              bool allow_nonfinite, ktk_error *err) {
    char last = reader->text[reader->text_size - 1];

    if (!allow_nonfinite && (last < '0' || last > '9')) {
        return ktk_error_set(err, KTK_E_INVALID, "'%.*s' at byte %zu is not a number in JSON",
                             (int)reader->text_size, reader->text,
                             (size_t)(reader->token - reader->start));
    }
    return ktki_json_raw(writer, reader->text, reader->text_size, err);
}

static ktk_status copy_event(struct json_writer *writer, const struct json_reader *reader,
                             enum json_event event, bool allow_nonfinite, ktk_error *err) {
    switch (event) {
    case JSON_OBJECT_BEGIN:
        return ktki_json_begin_object(writer, err);
    case JSON_OBJECT_END:
        return ktki_json_end_object(writer, err);
    case JSON_ARRAY_BEGIN:
        return ktki_json_begin_array(writer, err);
    case JSON_ARRAY_END:
        return ktki_json_end_array(writer, err);
    case JSON_KEY:
        return ktki_json_key_bytes(writer, reader->text, reader->text_size, err);
    case JSON_STRING:
        return ktki_json_string(writer, reader->text, reader->text_size, err);
    case JSON_NUMBER:
        return copy_number(writer, reader, allow_nonfinite, err);
    case JSON_TRUE:
    case JSON_FALSE:
        return ktki_json_bool(writer, event == JSON_TRUE, err);
    case JSON_NULL:
        return ktki_json_null(writer, err);
    case JSON_END:
        break;
    }
    return KTK_OK;
}

ktk_status ktki_json_normalise(struct buffer *out, const char *json, size_t size,
                               bool allow_nonfinite, const ktk_allocator *allocator,
                               ktk_error *err) {
    size_t size_before = out->size;
    struct json_reader reader;
    struct json_writer writer;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, allocator, json, size, DEPTH_MAX);
    ktki_json_writer_init(&writer, out);
    do {
        KTKI_TRY(ktki_json_next(&reader, &event, err));
        KTKI_TRY(copy_event(&writer, &reader, event, allow_nonfinite, err));
    } while (event != JSON_END);
out:
    if (status != KTK_OK) {
        out->size = size_before;
    }
    ktki_json_reader_clear(&reader);
    return status;
}
