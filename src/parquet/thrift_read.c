#include "parquet/thrift_read.h"

bool ktki_thrift_read_enter(struct thrift_reader *reader) {
    if (reader->depth_left <= 0) {
        return false;
    }
    reader->depth_left--;
    return true;
}

void ktki_thrift_read_leave(struct thrift_reader *reader) {
    reader->depth_left++;
}

/* Inline here, where structs are passed over. */
static inline bool read_field(struct thrift_reader *reader, struct thrift_field *field) {
    uint8_t head;
    int64_t id;

    if (!ktki_cursor_u8(&reader->cursor, &head)) {
        return false;
    }
    field->type = (enum thrift_type)(head & 0x0F);
    if (field->type == THRIFT_STOP) {
        return head == 0;
    }
    if (head >> 4 != 0) {
        id = (int64_t)field->id + (head >> 4);
    } else if (!ktki_cursor_zigzag(&reader->cursor, &id)) {
        return false;
    }
    if (id < INT16_MIN || id > INT16_MAX) {
        return false;
    }
    field->id = (int32_t)id;
    return true;
}

bool ktki_thrift_read_field(struct thrift_reader *reader, struct thrift_field *field) {
    return read_field(reader, field);
}

bool ktki_thrift_read_i64(struct thrift_reader *reader, int64_t *out) {
    return ktki_cursor_zigzag(&reader->cursor, out);
}

bool ktki_thrift_read_i32(struct thrift_reader *reader, int32_t *out) {
    int64_t value;

    if (!ktki_cursor_zigzag(&reader->cursor, &value) || value < INT32_MIN || value > INT32_MAX) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

bool ktki_thrift_read_bytes(struct thrift_reader *reader, const uint8_t **data, size_t *size) {
    uint64_t length;

    if (!ktki_cursor_varint(&reader->cursor, &length) ||
        length > ktki_cursor_left(&reader->cursor)) {
        return false;
    }
    *size = (size_t)length;
    return ktki_cursor_bytes(&reader->cursor, *size, data);
}

bool ktki_thrift_read_list(struct thrift_reader *reader, enum thrift_type *element, size_t *count) {
    uint8_t head;
    uint64_t length;

    if (!ktki_cursor_u8(&reader->cursor, &head)) {
        return false;
    }
    length = head >> 4;
    if (length == 15 && !ktki_cursor_varint(&reader->cursor, &length)) {
        return false;
    }
    if (length > ktki_cursor_left(&reader->cursor)) {
        return false;
    }
    *element = (enum thrift_type)(head & 0x0F);
    *count = (size_t)length;
    return true;
}

static bool skip_struct(struct thrift_reader *reader) {
    struct thrift_field field = {0};

    for (;;) {
        if (!read_field(reader, &field)) {
            return false;
        }
        if (field.type == THRIFT_STOP) {
            return true;
        }
        if (!ktki_thrift_read_skip(reader, field.type, false)) {
            return false;
        }
    }
}

static bool skip_list(struct thrift_reader *reader) {
    enum thrift_type element;
    size_t count;

    if (!ktki_thrift_read_list(reader, &element, &count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!ktki_thrift_read_skip(reader, element, true)) {
            return false;
        }
    }
    return true;
}

static bool skip_map(struct thrift_reader *reader) {
    uint64_t count;
    uint8_t types;

    if (!ktki_cursor_varint(&reader->cursor, &count)) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    if (!ktki_cursor_u8(&reader->cursor, &types) || count > ktki_cursor_left(&reader->cursor)) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!ktki_thrift_read_skip(reader, (enum thrift_type)(types >> 4), true) ||
            !ktki_thrift_read_skip(reader, (enum thrift_type)(types & 0x0F), true)) {
            return false;
        }
    }
    return true;
}

static bool skip_nested(struct thrift_reader *reader, bool (*skip)(struct thrift_reader *)) {
    bool is_whole;

    if (!ktki_thrift_read_enter(reader)) {
        return false;
    }
    is_whole = skip(reader);
    ktki_thrift_read_leave(reader);
    return is_whole;
}

bool ktki_thrift_read_skip(struct thrift_reader *reader, enum thrift_type type, bool is_element) {
    const uint8_t *data;
    size_t size;
    int64_t number;

    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        return !is_element || ktki_cursor_skip(&reader->cursor, 1);
    case THRIFT_BYTE:
        return ktki_cursor_skip(&reader->cursor, 1);
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        return ktki_thrift_read_i64(reader, &number);
    case THRIFT_DOUBLE:
        return ktki_cursor_skip(&reader->cursor, 8);
    case THRIFT_UUID:
        return ktki_cursor_skip(&reader->cursor, 16);
    case THRIFT_BINARY:
        return ktki_thrift_read_bytes(reader, &data, &size);
    case THRIFT_LIST:
    case THRIFT_SET:
        return skip_nested(reader, skip_list);
    case THRIFT_MAP:
        return skip_nested(reader, skip_map);
    case THRIFT_STRUCT:
        return skip_nested(reader, skip_struct);
    default:
        return false;
    }
}
