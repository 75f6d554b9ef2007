#include "base/msgpack.h"

#include "base/error.h"
#include "base/json_read.h"
#include "base/text.h"

/* A map or list that is being written: how many entries it has is known when it ends. */
struct open_level {
    size_t header; /* position of its first byte, which is all that is kept free */
    uint32_t count;
    bool is_map;
};

/* `first`, then `width` bytes of a big-endian number. */
static ktk_status append_number(struct buffer *out, uint8_t first, uint64_t value, int width,
                                ktk_error *err) {
    uint8_t bytes[9] = {first};

    for (int i = 0; i < width; i++) {
        bytes[1 + i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
    return ktki_buffer_append(out, bytes, (size_t)width + 1, err);
}

/* The power of two of the narrowest number of 1, 2, 4 or 8 bytes that holds an unsigned value. */
static int narrowest(uint64_t value) {
    return value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
}

static ktk_status append_unsigned(struct buffer *out, uint64_t value, ktk_error *err) {
    int width = narrowest(value);

    return value < 0x80 ? ktki_buffer_append_byte(out, (uint8_t)value, err)
                        : append_number(out, (uint8_t)(0xCC + width), value, 1 << width, err);
}

static ktk_status append_negative(struct buffer *out, int64_t value, ktk_error *err) {
    int width = value >= INT8_MIN ? 0 : value >= INT16_MIN ? 1 : value >= INT32_MIN ? 2 : 3;

    return value >= -32
               ? ktki_buffer_append_byte(out, (uint8_t)value, err)
               : append_number(out, (uint8_t)(0xD0 + width), (uint64_t)value, 1 << width, err);
}

static ktk_status append_double(struct buffer *out, double value, ktk_error *err) {
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return append_number(out, 0xCB, bits, 8, err);
}

/* A number as JSON has it: whole unless it has a point, an exponent or letters. */
static ktk_status append_json_number(struct buffer *out, const char *text, size_t size,
                                     ktk_error *err) {
    bool is_whole = true;
    uint64_t unsigned_value;
    int64_t value;
    double real;

    for (size_t i = 0; i < size; i++) {
        is_whole = is_whole && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'));
    }
    if (is_whole && ktki_parse_u64(text, size, &unsigned_value)) {
        return append_unsigned(out, unsigned_value, err);
    }
    if (is_whole && ktki_parse_i64(text, size, &value)) {
        return value < 0 ? append_negative(out, value, err) : append_unsigned(out, 0, err);
    }
    if (is_whole || !ktki_parse_f64(text, size, &real)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "the number %.*s has no form in msgpack: it has more than 64 bits",
                             size < 100 ? (int)size : 100, text);
    }
    return append_double(out, real, err);
}

static ktk_status append_text(struct buffer *out, const char *text, size_t size, ktk_error *err) {
    int width = narrowest(size);
    ktk_status status = KTK_OK;

    if (size > UINT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a text of %zu bytes is too long for msgpack", size);
    }
    KTKI_TRY(size < 32 ? ktki_buffer_append_byte(out, (uint8_t)(0xA0 | size), err)
                       : append_number(out, (uint8_t)(0xD9 + width), size, 1 << width, err));
    KTKI_TRY(ktki_buffer_append(out, text, size, err));
out:
    return status;
}

static ktk_status begin(struct buffer *out, struct buffer *levels, bool is_map, ktk_error *err) {
    const struct open_level level = {.header = out->size, .is_map = is_map};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_byte(out, 0, err));
    KTKI_TRY(ktki_buffer_append(levels, &level, sizeof(level), err));
out:
    return status;
}

/* Write the header of the innermost level, which moves its entries if it takes more than a byte. */
static ktk_status end(struct buffer *out, struct buffer *levels, ktk_error *err) {
    struct open_level level;
    size_t entries;
    int width;
    uint8_t *header;
    ktk_status status = KTK_OK;

    levels->size -= sizeof(level);
    memcpy(&level, levels->data + levels->size, sizeof(level));
    entries = out->size - level.header - 1;
    width = level.count < 16 ? 0 : level.count <= UINT16_MAX ? 2 : 4;
    KTKI_TRY(ktki_buffer_append_zeros(out, (size_t)width, err));
    header = out->data + level.header;
    if (width == 0) {
        *header = (uint8_t)((level.is_map ? 0x80 : 0x90) | level.count);
        goto out;
    }
    memmove(header + 1 + width, header + 1, entries);
    *header = (uint8_t)((level.is_map ? 0xDE : 0xDC) + (width == 4 ? 1 : 0));
    for (int i = 0; i < width; i++) {
        header[1 + i] = (uint8_t)(level.count >> (8 * (width - 1 - i)));
    }
out:
    return status;
}

/* One entry more for the level around: keys count for their maps, values for their lists. */
static ktk_status count_entry(struct buffer *levels, bool is_key, ktk_error *err) {
    struct open_level *level;

    if (levels->size == 0) {
        return KTK_OK;
    }
    level = (struct open_level *)(void *)(levels->data + levels->size) - 1;
    if (level->is_map == is_key) {
        if (level->count == UINT32_MAX) {
            return ktk_error_set(err, KTK_E_LIMIT, "a map or list has too many entries");
        }
        level->count++;
    }
    return KTK_OK;
}

static ktk_status append_event(struct buffer *out, struct buffer *levels,
                               const struct json_reader *json, enum json_event event,
                               ktk_error *err) {
    switch (event) {
    case JSON_OBJECT_BEGIN:
    case JSON_ARRAY_BEGIN:
        return begin(out, levels, event == JSON_OBJECT_BEGIN, err);
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
        return end(out, levels, err);
    case JSON_KEY:
    case JSON_STRING:
        return append_text(out, json->text, json->text_size, err);
    case JSON_NUMBER:
        return append_json_number(out, json->text, json->text_size, err);
    case JSON_TRUE:
    case JSON_FALSE:
        return ktki_buffer_append_byte(out, event == JSON_TRUE ? 0xC3 : 0xC2, err);
    case JSON_NULL:
    case JSON_END:
        break;
    }
    return ktki_buffer_append_byte(out, 0xC0, err);
}

ktk_status ktki_msgpack_of_json(struct buffer *out, const char *json, size_t size,
                                int32_t depth_max, ktk_error *err) {
    struct json_reader reader;
    struct buffer levels;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, out->allocator, json, size, depth_max);
    ktki_buffer_init(&levels, out->allocator, 0);
    for (;;) {
        KTKI_TRY(ktki_json_next(&reader, &event, err));
        if (event == JSON_END) {
            break;
        }
        if (event != JSON_OBJECT_END && event != JSON_ARRAY_END) {
            KTKI_TRY(count_entry(&levels, event == JSON_KEY, err));
        }
        KTKI_TRY(append_event(out, &levels, &reader, event, err));
    }
out:
    ktki_buffer_clear(&levels);
    ktki_json_reader_clear(&reader);
    return status;
}
