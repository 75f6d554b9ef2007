/**
 * The compact protocol of Thrift, read through the bounded cursor.
 *
 * Each reader either moves past what it read and returns true, or returns false; the reader is then
 * of no further use.
 */
#ifndef KTKI_PARQUET_THRIFT_READ_H
#define KTKI_PARQUET_THRIFT_READ_H

#include "base/cursor.h"
#include "parquet/thrift.h"

struct thrift_reader {
    struct cursor cursor;
    int32_t depth_left; /* structs and containers that may still open inside each other */
};

/** Before the first field of a struct: all zero. */
struct thrift_field {
    enum thrift_type type; /* THRIFT_STOP: the struct has ended */
    int32_t id;
};

/** Enter a struct or container; false if it is nested too deeply. */
bool ktki_thrift_read_enter(struct thrift_reader *reader);
void ktki_thrift_read_leave(struct thrift_reader *reader);

/** The next field header; `field` holds the previous one. */
bool ktki_thrift_read_field(struct thrift_reader *reader, struct thrift_field *field);

/** Pass over the value of a field or, if `is_element`, of an element of a container. */
bool ktki_thrift_read_skip(struct thrift_reader *reader, enum thrift_type type, bool is_element);

/** An i16, i32 or i64, which are all coded alike. */
bool ktki_thrift_read_i64(struct thrift_reader *reader, int64_t *out);

/** An i32 or i16; false if the value does not fit. */
bool ktki_thrift_read_i32(struct thrift_reader *reader, int32_t *out);

/** Borrow the bytes of a string. */
bool ktki_thrift_read_bytes(struct thrift_reader *reader, const uint8_t **data, size_t *size);

/** Head of a list or set. The count is not above the bytes left: no element takes less than one. */
bool ktki_thrift_read_list(struct thrift_reader *reader, enum thrift_type *element, size_t *count);

#endif
