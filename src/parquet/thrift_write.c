#include "parquet/thrift_write.h"

#include <assert.h>

#define VARINT_SIZE_MAX 10

static void put(struct thrift_writer *writer, const void *data, size_t size) {
    if (writer->status == KTK_OK) {
        writer->status = ktki_buffer_append(writer->out, data, size, writer->err);
    }
}

static void put_byte(struct thrift_writer *writer, uint8_t byte) {
    put(writer, &byte, 1);
}

static void put_varint(struct thrift_writer *writer, uint64_t value) {
    uint8_t bytes[VARINT_SIZE_MAX];
    size_t size = 0;

    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    put(writer, bytes, size);
}

static void put_zigzag(struct thrift_writer *writer, int64_t value) {
    put_varint(writer, ((uint64_t)value << 1) ^ (0 - ((uint64_t)value >> 63)));
}

static void put_field(struct thrift_writer *writer, int16_t id, enum thrift_type type) {
    int delta = id - writer->last_id;

    assert(delta > 0);
    if (delta <= 15) {
        put_byte(writer, (uint8_t)(delta << 4 | (int)type));
    } else {
        put_byte(writer, (uint8_t)type);
        put_zigzag(writer, id);
    }
    writer->last_id = id;
}

struct thrift_writer ktki_thrift_writer(struct buffer *out, ktk_error *err) {
    return (struct thrift_writer){.out = out, .status = KTK_OK, .err = err};
}

ktk_status ktki_thrift_finish(struct thrift_writer *writer) {
    put_byte(writer, 0);
    return writer->status;
}

void ktki_thrift_bool(struct thrift_writer *writer, int16_t id, bool value) {
    put_field(writer, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void ktki_thrift_byte(struct thrift_writer *writer, int16_t id, int8_t value) {
    put_field(writer, id, THRIFT_BYTE);
    put_byte(writer, (uint8_t)value);
}

void ktki_thrift_i32(struct thrift_writer *writer, int16_t id, int32_t value) {
    put_field(writer, id, THRIFT_I32);
    put_zigzag(writer, value);
}

void ktki_thrift_i64(struct thrift_writer *writer, int16_t id, int64_t value) {
    put_field(writer, id, THRIFT_I64);
    put_zigzag(writer, value);
}

void ktki_thrift_binary(struct thrift_writer *writer, int16_t id, const void *data, size_t size) {
    put_field(writer, id, THRIFT_BINARY);
    put_varint(writer, size);
    put(writer, data, size);
}

void ktki_thrift_text(struct thrift_writer *writer, int16_t id, const char *text) {
    ktki_thrift_binary(writer, id, text, strlen(text));
}

int16_t ktki_thrift_struct_begin(struct thrift_writer *writer, int16_t id) {
    put_field(writer, id, THRIFT_STRUCT);
    return ktki_thrift_element_begin(writer);
}

int16_t ktki_thrift_element_begin(struct thrift_writer *writer) {
    int16_t outer_id = writer->last_id;

    writer->last_id = 0;
    return outer_id;
}

void ktki_thrift_struct_end(struct thrift_writer *writer, int16_t outer_id) {
    put_byte(writer, 0);
    writer->last_id = outer_id;
}

void ktki_thrift_list(struct thrift_writer *writer, int16_t id, enum thrift_type type,
                      size_t count) {
    put_field(writer, id, THRIFT_LIST);
    if (count < 15) {
        put_byte(writer, (uint8_t)(count << 4 | (size_t)type));
    } else {
        put_byte(writer, (uint8_t)(0xF0 | (unsigned)type));
        put_varint(writer, count);
    }
}

void ktki_thrift_list_bool(struct thrift_writer *writer, bool value) {
    put_byte(writer, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void ktki_thrift_list_i32(struct thrift_writer *writer, int32_t value) {
    put_zigzag(writer, value);
}

void ktki_thrift_list_i64(struct thrift_writer *writer, int64_t value) {
    put_zigzag(writer, value);
}

void ktki_thrift_list_binary(struct thrift_writer *writer, const void *data, size_t size) {
    put_varint(writer, size);
    put(writer, data, size);
}

void ktki_thrift_list_text(struct thrift_writer *writer, const char *text) {
    ktki_thrift_list_binary(writer, text, strlen(text));
}
