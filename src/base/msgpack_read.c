#include "base/msgpack.h"

#include "base/cursor.h"
#include "base/error.h"
#include "base/json_write.h"
#include "base/text.h"

/* What json_write can nest. */
#define DEPTH_MAX 63

/* Bytes that are asked of a source at once. */
#define PIECE_BYTES ((size_t)128 * 1024)

/* Maps of one entry in each other that are read in one go, with their key, and the bytes of them
 * all; as JSON each has quotes, ": " and a bracket. */
#define MIDDLE_MAPS_MAX 3
#define MIDDLE_BYTES_MAX 128
#define MIDDLE_JSON_MAX (MIDDLE_BYTES_MAX + 5 * MIDDLE_MAPS_MAX + 4)

/* A map or list that is being read. */
struct level {
    uint64_t left; /* values still to come; of a map, keys count too */
    bool is_map;
};

/*
 * What stands between the key of an entry and its text: maps of one entry each. Nearly all entries
 * of a large map have the same there, so that it need only be compared.
 */
struct middle {
    uint8_t packed[MIDDLE_BYTES_MAX];
    size_t packed_size; /* 0: none is known */
    char json[MIDDLE_JSON_MAX];
    size_t json_size;
    int32_t map_count;
};

struct decoder {
    const struct msgpack_source *source; /* NULL: all bytes are there from the start */
    struct buffer piece;                 /* of the source */
    uint64_t before;                     /* bytes in front of `start` */
    const uint8_t *start;
    struct cursor cursor;
    struct json_writer json;
    int32_t depth_max;
    int32_t depth;
    struct level levels[DEPTH_MAX];
    struct middle middle; /* of the last entry that had one */
};

/* Bytes in front of the next one. */
static unsigned long long position(const struct decoder *decoder) {
    return decoder->before + (uint64_t)(decoder->cursor.at - decoder->start);
}

static ktk_status corrupt(const struct decoder *decoder, ktk_error *err, const char *what) {
    return ktk_error_set(err, KTK_E_CORRUPT, "msgpack, byte %llu: %s", position(decoder), what);
}

/* Read until there are `size` bytes, or no more. What is claimed is believed as it comes: the piece
 * grows with what is read. */
static ktk_status refill(struct decoder *decoder, uint64_t size, ktk_error *err) {
    struct buffer *piece = &decoder->piece;
    size_t left = ktki_cursor_left(&decoder->cursor);
    size_t read = 1;
    ktk_status status = KTK_OK;

    decoder->before = position(decoder);
    if (left > 0) {
        memmove(piece->data, decoder->cursor.at, left);
    }
    piece->size = left;
    while (piece->size < size && read > 0) {
        KTKI_TRY(ktki_buffer_reserve(piece, PIECE_BYTES, err));
        KTKI_TRY(decoder->source->read(decoder->source->state, piece->data + piece->size,
                                       piece->capacity - piece->size, &read, err));
        piece->size += read;
    }
    decoder->cursor = ktki_cursor(piece->data, piece->size);
    decoder->start = decoder->cursor.at;
out:
    return status;
}

/* Have `size` bytes at the cursor, unless the data end before. */
static inline ktk_status need(struct decoder *decoder, uint64_t size, ktk_error *err) {
    return decoder->source == NULL || ktki_cursor_left(&decoder->cursor) >= size
               ? KTK_OK
               : refill(decoder, size, err);
}

/* A big-endian number of `width` bytes. */
static ktk_status read_number(struct decoder *decoder, int width, uint64_t *out, ktk_error *err) {
    const uint8_t *bytes = NULL;
    uint64_t value = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(need(decoder, (uint64_t)width, err));
    if (!ktki_cursor_bytes(&decoder->cursor, (size_t)width, &bytes)) {
        KTKI_TRY(corrupt(decoder, err, "the data end within a number"));
    }
    for (int i = 0; i < width; i++) {
        value = value << 8 | bytes[i];
    }
    *out = value;
out:
    return status;
}

static ktk_status write_unsigned(struct decoder *decoder, uint64_t value, ktk_error *err) {
    char text[KTKI_NUMBER_TEXT_MAX];

    return ktki_json_raw(&decoder->json, text, ktki_format_u64(value, text), err);
}

static ktk_status write_double(struct decoder *decoder, double value, ktk_error *err) {
    char text[KTKI_NUMBER_TEXT_MAX];

    if (value != value) {
        return ktki_json_raw(&decoder->json, "NaN", 3, err);
    }
    if (value - value != 0) {
        return value > 0 ? ktki_json_raw(&decoder->json, "Infinity", 8, err)
                         : ktki_json_raw(&decoder->json, "-Infinity", 9, err);
    }
    return ktki_json_raw(&decoder->json, text, ktki_format_f64(value, text), err);
}

static ktk_status read_float(struct decoder *decoder, int width, ktk_error *err) {
    uint64_t bits = 0;
    uint32_t half;
    float narrow;
    double value;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_number(decoder, width, &bits, err));
    if (width == 4) {
        half = (uint32_t)bits;
        memcpy(&narrow, &half, sizeof(narrow));
        value = (double)narrow;
    } else {
        memcpy(&value, &bits, sizeof(value));
    }
    KTKI_TRY(write_double(decoder, value, err));
out:
    return status;
}

static ktk_status read_signed(struct decoder *decoder, int width, ktk_error *err) {
    unsigned unused_bits = 64 - 8 * (unsigned)width;
    uint64_t bits = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_number(decoder, width, &bits, err));
    KTKI_TRY(ktki_json_i64(&decoder->json, (int64_t)(bits << unused_bits) >> unused_bits, err));
out:
    return status;
}

static ktk_status read_unsigned(struct decoder *decoder, int width, ktk_error *err) {
    uint64_t value = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_number(decoder, width, &value, err));
    KTKI_TRY(write_unsigned(decoder, value, err));
out:
    return status;
}

static ktk_status read_text(struct decoder *decoder, uint64_t size, bool is_key, ktk_error *err) {
    const uint8_t *bytes = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(need(decoder, size, err));
    if (size > SIZE_MAX || !ktki_cursor_bytes(&decoder->cursor, (size_t)size, &bytes)) {
        KTKI_TRY(corrupt(decoder, err, "the data end within a text"));
    }
    status = is_key ? ktki_json_key_bytes(&decoder->json, (const char *)bytes, (size_t)size, err)
                    : ktki_json_string(&decoder->json, (const char *)bytes, (size_t)size, err);
    if (status == KTK_E_INVALID) {
        KTKI_TRY(corrupt(decoder, err, "a text is not UTF-8"));
    }
out:
    return status;
}

/* Begin a map or list of `count` entries. */
static ktk_status begin(struct decoder *decoder, bool is_map, uint64_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (decoder->depth >= decoder->depth_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "msgpack, byte %llu: more than %d levels", position(decoder),
                  decoder->depth_max);
    }
    KTKI_TRY(is_map ? ktki_json_begin_object(&decoder->json, err)
                    : ktki_json_begin_array(&decoder->json, err));
    decoder->levels[decoder->depth++] =
        (struct level){.left = is_map ? 2 * count : count, .is_map = is_map};
out:
    return status;
}

/* Values whose first byte, from 0xC0 to 0xDF, names the type and the width of what follows. */
static ktk_status read_typed(struct decoder *decoder, uint8_t type, bool is_key, ktk_error *err) {
    uint64_t size = 0;
    ktk_status status = KTK_OK;

    switch (type) {
    case 0xC0:
        return ktki_json_null(&decoder->json, err);
    case 0xC2:
    case 0xC3:
        return ktki_json_bool(&decoder->json, type == 0xC3, err);
    case 0xCA:
    case 0xCB:
        return read_float(decoder, type == 0xCA ? 4 : 8, err);
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
        return read_unsigned(decoder, 1 << (type - 0xCC), err);
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
        return read_signed(decoder, 1 << (type - 0xD0), err);
    case 0xD9:
    case 0xDA:
    case 0xDB:
        KTKI_TRY(read_number(decoder, 1 << (type - 0xD9), &size, err));
        KTKI_TRY(read_text(decoder, size, is_key, err));
        break;
    case 0xDC:
    case 0xDD:
    case 0xDE:
    case 0xDF:
        KTKI_TRY(read_number(decoder, (type & 1) == 0 ? 2 : 4, &size, err));
        KTKI_TRY(begin(decoder, type >= 0xDE, size, err));
        break;
    case 0xC1:
        KTKI_TRY(corrupt(decoder, err, "0xC1 is no value"));
        break;
    default:
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "msgpack, byte %llu: a binary or extension value (0x%02X) has no form in JSON",
                  position(decoder), type);
    }
out:
    return status;
}

static bool is_text(uint8_t type) {
    return (type >= 0xA0 && type <= 0xBF) || (type >= 0xD9 && type <= 0xDB);
}

static ktk_status read_value(struct decoder *decoder, bool is_key, ktk_error *err) {
    uint8_t type = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(need(decoder, 1, err));
    if (!ktki_cursor_u8(&decoder->cursor, &type)) {
        KTKI_TRY(corrupt(decoder, err, "the data end where a value is expected"));
    }
    if (is_key && !is_text(type)) {
        KTKI_TRY(corrupt(decoder, err, "the key of a map is no text"));
    }
    if (type < 0x80) {
        KTKI_TRY(write_unsigned(decoder, type, err));
    } else if (type < 0xA0) {
        KTKI_TRY(begin(decoder, type < 0x90, type & 0x0F, err));
    } else if (type < 0xC0) {
        KTKI_TRY(read_text(decoder, type & 0x1F, is_key, err));
    } else if (type < 0xE0) {
        KTKI_TRY(read_typed(decoder, type, is_key, err));
    } else {
        KTKI_TRY(ktki_json_i64(&decoder->json, (int64_t)type - 0x100, err));
    }
out:
    return status;
}

/* ---- whole entries of maps ---- */

struct text {
    const char *data;
    size_t size;
};

/* The text at the cursor if it is plain and all of it is there. */
static bool take_plain(struct cursor *cursor, struct text *text) {
    const uint8_t *bytes = NULL;
    uint8_t type = 0;
    uint8_t size = 0;

    if (!ktki_cursor_u8(cursor, &type) ||
        (type == 0xD9 ? !ktki_cursor_u8(cursor, &size) : type < 0xA0 || type > 0xBF)) {
        return false;
    }
    text->size = type == 0xD9 ? size : type & 0x1F;
    if (!ktki_cursor_bytes(cursor, text->size, &bytes)) {
        return false;
    }
    text->data = (const char *)bytes;
    return ktki_json_is_plain(text->data, text->size);
}

/* Compilers make string instructions of a copy of at most 255 bytes, which are slow to start. The
 * last step goes over bytes that are there already. */
#define PUT_STEP ((size_t)16)

static inline char *put(char *at, const char *bytes, size_t size) {
    if (size < PUT_STEP) {
        for (size_t i = 0; i < size; i++) {
            at[i] = bytes[i];
        }
        return at + size;
    }
    for (size_t i = 0; i < size - PUT_STEP; i += PUT_STEP) {
        memcpy(at + i, bytes + i, PUT_STEP);
    }
    memcpy(at + size - PUT_STEP, bytes + size - PUT_STEP, PUT_STEP);
    return at + size;
}

/* Learn the middle of the entry whose key was just passed. False: it is another kind of entry. */
static bool learn_middle(struct middle *out, struct cursor cursor) {
    const uint8_t *begin = cursor.at;
    char *at = put(out->json, "\": ", 3);

    out->packed_size = 0;
    out->map_count = 0;
    while (ktki_cursor_left(&cursor) > 0 && *cursor.at == 0x81) {
        struct text key;

        (void)ktki_cursor_skip(&cursor, 1);
        if (out->map_count == MIDDLE_MAPS_MAX || !take_plain(&cursor, &key) ||
            (size_t)(cursor.at - begin) > MIDDLE_BYTES_MAX) {
            return false;
        }
        out->map_count++;
        at = put(put(put(at, "{\"", 2), key.data, key.size), "\": ", 3);
    }
    *at++ = '"';
    out->json_size = (size_t)(at - out->json);
    out->packed_size = (size_t)(cursor.at - begin);
    memcpy(out->packed, begin, out->packed_size);
    return true;
}

static bool has_middle(const struct middle *middle, const struct cursor *cursor) {
    return middle->packed_size > 0 && ktki_cursor_left(cursor) >= middle->packed_size &&
           memcmp(cursor->at, middle->packed, middle->packed_size) == 0;
}

/*
 * Read an entry of a map in one go, whose value is a text or a map with one such entry: that is
 * what all but the whole of a large document is made of. Anything else, and what is not there in
 * one piece, stays where it is.
 */
static ktk_status read_entry(struct decoder *decoder, bool *is_read, ktk_error *err) {
    struct middle *middle = &decoder->middle;
    struct cursor cursor = decoder->cursor;
    struct text key;
    struct text value;
    size_t map_count;
    char *at;
    ktk_status status = KTK_OK;

    *is_read = false;
    if (!take_plain(&cursor, &key) ||
        (!has_middle(middle, &cursor) && !learn_middle(middle, cursor)) ||
        middle->map_count > decoder->depth_max - decoder->depth ||
        !ktki_cursor_skip(&cursor, middle->packed_size) || !take_plain(&cursor, &value)) {
        goto out;
    }
    map_count = (size_t)middle->map_count;
    KTKI_TRY(ktki_json_room(&decoder->json,
                            key.size + middle->json_size + value.size + map_count + 2, &at, err));
    *at++ = '"';
    at = put(put(put(at, key.data, key.size), middle->json, middle->json_size), value.data,
             value.size);
    *at++ = '"';
    memset(at, '}', map_count);
    decoder->cursor = cursor;
    *is_read = true;
out:
    return status;
}

/* Close what is complete. */
static ktk_status end_levels(struct decoder *decoder, ktk_error *err) {
    ktk_status status = KTK_OK;

    while (decoder->depth > 0 && decoder->levels[decoder->depth - 1].left == 0) {
        decoder->depth--;
        KTKI_TRY(decoder->levels[decoder->depth].is_map ? ktki_json_end_object(&decoder->json, err)
                                                        : ktki_json_end_array(&decoder->json, err));
    }
out:
    return status;
}

static ktk_status decode(struct decoder *decoder, struct buffer *out, int32_t depth_max,
                         ktk_error *err) {
    ktk_status status = KTK_OK;

    decoder->depth_max = depth_max < DEPTH_MAX ? depth_max : DEPTH_MAX;
    decoder->start = decoder->cursor.at;
    ktki_json_writer_init(&decoder->json, out);
    KTKI_TRY(read_value(decoder, false, err));
    KTKI_TRY(end_levels(decoder, err));
    while (decoder->depth > 0) {
        struct level *level = &decoder->levels[decoder->depth - 1];
        bool is_key = level->is_map && level->left % 2 == 0;
        bool is_entry = false;

        if (is_key) {
            KTKI_TRY(read_entry(decoder, &is_entry, err));
        }
        level->left -= is_entry ? 2 : 1;
        if (!is_entry) {
            KTKI_TRY(read_value(decoder, is_key, err));
        }
        KTKI_TRY(end_levels(decoder, err));
    }
    KTKI_TRY(need(decoder, 1, err));
    if (!ktki_cursor_is_done(&decoder->cursor)) {
        KTKI_TRY(corrupt(decoder, err, "there is more behind the value"));
    }
out:
    return status;
}

ktk_status ktki_msgpack_to_json(struct buffer *out, const void *data, size_t size,
                                int32_t depth_max, ktk_error *err) {
    struct decoder decoder = {.cursor = ktki_cursor(data, size)};

    return decode(&decoder, out, depth_max, err);
}

ktk_status ktki_msgpack_source_to_json(struct buffer *out, const struct msgpack_source *source,
                                       int32_t depth_max, ktk_error *err) {
    struct decoder decoder = {.source = source, .cursor = ktki_cursor(NULL, 0)};
    ktk_status status;

    ktki_buffer_init(&decoder.piece, out->allocator, 0);
    status = decode(&decoder, out, depth_max, err);
    ktki_buffer_clear(&decoder.piece);
    return status;
}
