#include "base/json_read.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/error.h"
#include "base/text.h"

/* Where the reader stands between two events. */
enum state {
    AT_VALUE,    /* of the document or of a key */
    AT_FIRST,    /* behind '{' or '[' */
    AFTER_VALUE, /* behind a value or an end */
};

#define EACH_BYTE(byte) ((byte) * (uint64_t)0x0101010101010101)

void ktki_json_reader_init(struct json_reader *reader, const ktk_allocator *allocator,
                           const char *text, size_t size, int32_t depth_max) {
    bool has_mark = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;

    *reader = (struct json_reader){.start = text,
                                   .at = has_mark ? text + 3 : text,
                                   .end = size == 0 ? text : text + size,
                                   .depth_max = depth_max,
                                   .state = AT_VALUE};
    reader->token = reader->at;
    ktki_buffer_init(&reader->stack, allocator, 0);
    ktki_buffer_init(&reader->scratch, allocator, 0);
}

void ktki_json_reader_clear(struct json_reader *reader) {
    ktki_buffer_clear(&reader->stack);
    ktki_buffer_clear(&reader->scratch);
}

static ktk_status fail_at(const struct json_reader *reader, const char *at, const char *wanted,
                          ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "not valid JSON at byte %zu: %s",
                         (size_t)(at - reader->start), wanted);
}

static const char *skip_blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

#ifdef __SSE2__
/* The first of 16 bytes that ends a plain text, 16 if none does. */
static int plain_count(const char *at, bool *has_wide) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    const __m128i space = _mm_set1_epi8(' ');
    /* A byte below a space is no maximum of the two, read without signs. */
    const __m128i is_high = _mm_cmpeq_epi8(_mm_max_epu8(bytes, space), bytes);
    const __m128i is_quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i is_backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    uint32_t stops = ((uint32_t)_mm_movemask_epi8(is_high) ^ 0xFFFF) |
                     (uint32_t)_mm_movemask_epi8(_mm_or_si128(is_quote, is_backslash));

    *has_wide |= _mm_movemask_epi8(bytes) != 0;
    return stops == 0 ? 16 : __builtin_ctz(stops);
}
#endif

const char *ktki_json_plain_end(const char *at, const char *end, bool *has_wide) {
    const uint64_t high_bits = EACH_BYTE(0x80);
    uint64_t wide = 0;

#ifdef __SSE2__
    while (end - at >= 16) {
        int count = plain_count(at, has_wide);

        at += count;
        if (count < 16) {
            return at;
        }
    }
#endif
    /* Eight bytes at a time: `(x - 1) & ~x` has the high bit of the lowest byte of x that is zero,
     * and of none below it. */
    while (end - at >= 8) {
        uint64_t word;
        uint64_t quote;
        uint64_t backslash;
        uint64_t stop;

        memcpy(&word, at, sizeof(word));
        quote = word ^ EACH_BYTE('"');
        backslash = word ^ EACH_BYTE('\\');
        stop = (((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
                ((word - EACH_BYTE(0x20)) & ~word)) &
               high_bits;
        wide |= word & high_bits;
        if (stop != 0) {
            *has_wide |= wide != 0;
            return at + __builtin_ctzll(stop) / 8;
        }
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20) {
        wide |= (unsigned char)*at & 0x80;
        at++;
    }
    *has_wide |= wide != 0;
    return at;
}

/* Four hexadecimal digits at `at`. */
static bool read_hex(const char *at, const char *end, uint32_t *out) {
    uint32_t value = 0;

    if (end - at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = c - (uint32_t)'0';
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - (uint32_t)'a' + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

/* The code point of the escape `\uXXXX`, or of two that are a surrogate pair; `*at` stands behind
 * the 'u' and moves behind the escape. A surrogate alone is U+FFFD. */
static bool read_code_point(const char **at, const char *end, uint32_t *out) {
    uint32_t first;
    uint32_t second;

    if (!read_hex(*at, end, &first)) {
        return false;
    }
    *at += 4;
    if (first < 0xD800 || first > 0xDFFF) {
        *out = first;
    } else if (first <= 0xDBFF && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
               read_hex(*at + 2, end, &second) && second >= 0xDC00 && second <= 0xDFFF) {
        *at += 6;
        *out = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    } else {
        *out = 0xFFFD;
    }
    return true;
}

static ktk_status append_utf8(struct buffer *out, uint32_t code_point, ktk_error *err) {
    uint8_t bytes[4];
    size_t size = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    bytes[0] = (uint8_t)(leads[size] | code_point);
    return ktki_buffer_append(out, bytes, size, err);
}

/* One escape into the scratch; `*at` stands on the backslash and moves behind the escape. */
static ktk_status read_escape(struct json_reader *reader, const char **at, ktk_error *err) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *from = *at;
    const char *name;
    uint32_t code_point;

    if (reader->end - from < 2 || from[1] == '\0') {
        return fail_at(reader, from, "incomplete escape", err);
    }
    if (from[1] == 'u') {
        *at = from + 2;
        if (!read_code_point(at, reader->end, &code_point)) {
            return fail_at(reader, from, "\\u must be followed by four hexadecimal digits", err);
        }
        return append_utf8(&reader->scratch, code_point, err);
    }
    name = strchr(names, from[1]);
    if (name == NULL) {
        return fail_at(reader, from, "unknown escape", err);
    }
    *at = from + 2;
    return ktki_buffer_append_byte(&reader->scratch, (uint8_t)values[name - names], err);
}

/* The rest of a string with escapes, from its first backslash on, into the scratch. `*at` moves to
 * where the string ends: on the closing quote, unless the text is broken. */
static ktk_status read_escaped(struct json_reader *reader, const char *from, const char **at,
                               bool *has_wide, ktk_error *err) {
    ktk_status status = KTK_OK;

    reader->scratch.size = 0;
    for (;;) {
        KTKI_TRY(ktki_buffer_append(&reader->scratch, from, (size_t)(*at - from), err));
        if (*at == reader->end || **at != '\\') {
            break;
        }
        KTKI_TRY(read_escape(reader, at, err));
        from = *at;
        *at = ktki_json_plain_end(from, reader->end, has_wide);
    }
out:
    return status;
}

/* A string whose opening quote was passed; `text` and `at` are set. */
static ktk_status read_string(struct json_reader *reader, ktk_error *err) {
    const char *from = reader->at;
    bool has_wide = false;
    const char *at = ktki_json_plain_end(from, reader->end, &has_wide);
    bool is_escaped = at < reader->end && *at == '\\';
    ktk_status status = KTK_OK;

    if (is_escaped) {
        KTKI_TRY(read_escaped(reader, from, &at, &has_wide, err));
    }
    if (at == reader->end) {
        KTKI_TRY(fail_at(reader, reader->token, "the string does not end", err));
    }
    if (*at != '"') {
        KTKI_TRY(fail_at(reader, at, "control character in a string", err));
    }
    if (has_wide && !ktki_utf8_is_valid(from, (size_t)(at - from))) {
        KTKI_TRY(fail_at(reader, reader->token, "the string is not UTF-8", err));
    }
    reader->text = is_escaped ? (const char *)reader->scratch.data : from;
    reader->text_size = is_escaped ? reader->scratch.size : (size_t)(at - from);
    reader->at = at + 1;
out:
    return status;
}

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

static bool starts_with(const char *at, const char *end, const char *word) {
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0;
}

/* Behind the number at `at`, or NULL. */
static const char *skip_number(const char *at, const char *end) {
    const char *digits;

    if (at < end && *at == '-') {
        at++;
    }
    if (starts_with(at, end, "Infinity")) {
        return at + strlen("Infinity");
    }
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1)) {
        return NULL;
    }
    if (at < end && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits, end);
        if (at == digits) {
            return NULL;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) {
            at++;
        }
        digits = at;
        at = skip_digits(digits, end);
        if (at == digits) {
            return NULL;
        }
    }
    return at;
}

static ktk_status read_number(struct json_reader *reader, ktk_error *err) {
    const char *behind = starts_with(reader->at, reader->end, "NaN")
                             ? reader->at + strlen("NaN")
                             : skip_number(reader->at, reader->end);

    if (behind == NULL) {
        return fail_at(reader, reader->at, "a value is missing or no number", err);
    }
    reader->text = reader->at;
    reader->text_size = (size_t)(behind - reader->at);
    reader->at = behind;
    return KTK_OK;
}

static ktk_status begin(struct json_reader *reader, char bracket, enum json_event *event,
                        ktk_error *err) {
    ktk_status status = KTK_OK;

    if (reader->depth == reader->depth_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "JSON is nested deeper than %d levels at byte %zu",
                  (int)reader->depth_max, (size_t)(reader->at - reader->start));
    }
    KTKI_TRY(ktki_buffer_append_byte(&reader->stack, (uint8_t)bracket, err));
    reader->depth++;
    reader->at++;
    reader->state = AT_FIRST;
    *event = bracket == '{' ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
out:
    return status;
}

static bool is_in_object(const struct json_reader *reader) {
    return reader->stack.data[reader->stack.size - 1] == '{';
}

static void finish(struct json_reader *reader, enum json_event *event) {
    *event = is_in_object(reader) ? JSON_OBJECT_END : JSON_ARRAY_END;
    reader->stack.size--;
    reader->depth--;
    reader->at++;
    reader->state = AFTER_VALUE;
}

static ktk_status read_word(struct json_reader *reader, const char *word, enum json_event kind,
                            enum json_event *event, ktk_error *err) {
    if (!starts_with(reader->at, reader->end, word)) {
        return fail_at(reader, reader->at, "unknown word", err);
    }
    reader->at += strlen(word);
    *event = kind;
    return KTK_OK;
}

/* A value that starts at `at`, behind blanks. */
static ktk_status read_value(struct json_reader *reader, enum json_event *event, ktk_error *err) {
    char first = reader->at < reader->end ? *reader->at : '\0';
    ktk_status status = KTK_OK;

    reader->token = reader->at;
    reader->state = AFTER_VALUE;
    switch (first) {
    case '{':
    case '[':
        KTKI_TRY(begin(reader, first, event, err));
        break;
    case '"':
        reader->at++;
        KTKI_TRY(read_string(reader, err));
        *event = JSON_STRING;
        break;
    case 't':
        KTKI_TRY(read_word(reader, "true", JSON_TRUE, event, err));
        break;
    case 'f':
        KTKI_TRY(read_word(reader, "false", JSON_FALSE, event, err));
        break;
    case 'n':
        KTKI_TRY(read_word(reader, "null", JSON_NULL, event, err));
        break;
    default:
        KTKI_TRY(read_number(reader, err));
        *event = JSON_NUMBER;
        break;
    }
out:
    return status;
}

/* A key and its colon; `at` stands on the first byte of the key. */
static ktk_status read_key(struct json_reader *reader, enum json_event *event, ktk_error *err) {
    ktk_status status = KTK_OK;

    reader->token = reader->at;
    if (reader->at == reader->end || *reader->at != '"') {
        KTKI_TRY(fail_at(reader, reader->at, "expected a key in double quotes", err));
    }
    reader->at++;
    KTKI_TRY(read_string(reader, err));
    reader->at = skip_blanks(reader->at, reader->end);
    if (reader->at == reader->end || *reader->at != ':') {
        KTKI_TRY(fail_at(reader, reader->at, "expected ':'", err));
    }
    reader->at++;
    reader->state = AT_VALUE;
    *event = JSON_KEY;
out:
    return status;
}

/* The next key, item or end inside an object or array. */
static ktk_status read_member(struct json_reader *reader, enum json_event *event, ktk_error *err) {
    bool in_object = is_in_object(reader);
    char next = reader->at < reader->end ? *reader->at : '\0';
    ktk_status status = KTK_OK;

    if (next == (in_object ? '}' : ']')) {
        reader->token = reader->at;
        finish(reader, event);
        goto out;
    }
    if (reader->state == AFTER_VALUE) {
        if (next != ',') {
            KTKI_TRY(fail_at(reader, reader->at,
                             in_object ? "expected ',' or '}'" : "expected ',' or ']'", err));
        }
        reader->at = skip_blanks(reader->at + 1, reader->end);
    }
    KTKI_TRY(in_object ? read_key(reader, event, err) : read_value(reader, event, err));
out:
    return status;
}

ktk_status ktki_json_next(struct json_reader *reader, enum json_event *event, ktk_error *err) {
    ktk_status status = KTK_OK;

    reader->at = skip_blanks(reader->at, reader->end);
    if (reader->state == AT_VALUE) {
        KTKI_TRY(read_value(reader, event, err));
    } else if (reader->depth > 0) {
        KTKI_TRY(read_member(reader, event, err));
    } else if (reader->at == reader->end) {
        reader->token = reader->at;
        *event = JSON_END;
    } else {
        KTKI_TRY(fail_at(reader, reader->at, "expected nothing more", err));
    }
out:
    return status;
}

ktk_status ktki_json_skip(struct json_reader *reader, const char **from, size_t *size,
                          ktk_error *err) {
    enum json_event event;
    const char *start;
    int32_t depth;
    ktk_status status = KTK_OK;

    if (reader->state == AT_VALUE) {
        KTKI_TRY(ktki_json_next(reader, &event, err));
    }
    start = reader->token;
    if (reader->state == AT_FIRST) {
        depth = reader->depth;
        while (reader->depth >= depth) {
            KTKI_TRY(ktki_json_next(reader, &event, err));
        }
    }
    if (from != NULL) {
        *from = start;
    }
    if (size != NULL) {
        *size = (size_t)(reader->at - start);
    }
out:
    return status;
}

ktk_status ktki_json_expect(struct json_reader *reader, enum json_event wanted, const char *what,
                            ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(reader, &event, err));
    if (event != wanted) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "expected %s at byte %zu", what,
                  (size_t)(reader->token - reader->start));
    }
out:
    return status;
}

bool ktki_json_is(const struct json_reader *reader, const char *text) {
    return strlen(text) == reader->text_size && memcmp(reader->text, text, reader->text_size) == 0;
}
