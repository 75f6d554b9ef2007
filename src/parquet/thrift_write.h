/** Writing the compact Thrift protocol: what footers and page headers are made of. */
#ifndef KTKI_PARQUET_THRIFT_WRITE_H
#define KTKI_PARQUET_THRIFT_WRITE_H

#include "base/buffer.h"
#include "parquet/thrift.h"

/**
 * A writer into a buffer. The first failure is kept in `status` (and `err`), after which nothing is
 * written any more, so that only the end of a message needs a check.
 */
struct thrift_writer {
    struct buffer *out;
    ktk_status status;
    ktk_error *err;
    int16_t last_id; /* of the struct being written; ids must ascend within a struct */
};

/** A writer in front of the fields of an outermost struct. */
struct thrift_writer ktki_thrift_writer(struct buffer *out, ktk_error *err);

/** End the outermost struct and tell what became of it. */
ktk_status ktki_thrift_finish(struct thrift_writer *writer);

void ktki_thrift_bool(struct thrift_writer *writer, int16_t id, bool value);
void ktki_thrift_byte(struct thrift_writer *writer, int16_t id, int8_t value);
void ktki_thrift_i32(struct thrift_writer *writer, int16_t id, int32_t value);
void ktki_thrift_i64(struct thrift_writer *writer, int16_t id, int64_t value);
void ktki_thrift_binary(struct thrift_writer *writer, int16_t id, const void *data, size_t size);
void ktki_thrift_text(struct thrift_writer *writer, int16_t id, const char *text);

/** A struct as a field; its own fields follow. Returns what ktki_thrift_struct_end() wants back. */
int16_t ktki_thrift_struct_begin(struct thrift_writer *writer, int16_t id);
/** A struct as an element of a list. */
int16_t ktki_thrift_element_begin(struct thrift_writer *writer);
void ktki_thrift_struct_end(struct thrift_writer *writer, int16_t outer_id);

/** A list as a field; exactly `count` elements of the type must follow. */
void ktki_thrift_list(struct thrift_writer *writer, int16_t id, enum thrift_type type,
                      size_t count);
void ktki_thrift_list_bool(struct thrift_writer *writer, bool value);
void ktki_thrift_list_i32(struct thrift_writer *writer, int32_t value);
void ktki_thrift_list_i64(struct thrift_writer *writer, int64_t value);
void ktki_thrift_list_binary(struct thrift_writer *writer, const void *data, size_t size);
void ktki_thrift_list_text(struct thrift_writer *writer, const char *text);

#endif
