/**
 * Structs of the compact protocol, decoded by table: a rule a struct, a line a field. Fields
 * without a line are passed over, as the protocol demands of readers older than the writer; so are
 * fields of another type, unless they are required.
 */
#ifndef KTKI_PARQUET_THRIFT_STRUCT_H
#define KTKI_PARQUET_THRIFT_STRUCT_H

#include <kartothek/error.h>

#include "base/arena.h"
#include "parquet/thrift_read.h"

/** What becomes of a field. In brackets: the C type at `offset`. */
enum field_kind {
    FIELD_UNKNOWN = 0, /* passed over */
    FIELD_BOOL,        /* [bool] */
    FIELD_I8,          /* [int8_t] */
    FIELD_I32,         /* [int32_t or an enum] */
    FIELD_U32,         /* [uint32_t]; stored as a signed number */
    FIELD_I64,         /* [int64_t] */
    FIELD_COUNT,       /* [int64_t]; not negative */
    FIELD_COUNT32,     /* [int32_t]; not negative */
    FIELD_ENUM,        /* [int32_t or an enum]; 0 … `value_max` */
    FIELD_TEXT,        /* [const char *]; copied into the arena, no NUL inside */
    FIELD_SIZED_TEXT,  /* [const char *], [size_t] at `count_offset`; copied, NUL behind it */
    FIELD_BYTES,       /* [struct parquet_bytes]; borrowed from the input */
    FIELD_STRUCT,      /* the struct of rule `of` */
    FIELD_STRUCTS,     /* [pointer], [int32_t] at `count_offset`: an array in the arena */
    FIELD_LATER,      /* [struct parquet_bytes], [int32_t] at `count_offset`: a list of structs that
                         is passed over; its elements as they are coded, borrowed from the input */
    FIELD_I32S,       /* [pointer], [int32_t] at `count_offset` */
    FIELD_I64S,       /* [pointer], [int32_t] at `count_offset` */
    FIELD_BOOLS,      /* [bool pointer], [int32_t] at `count_offset` */
    FIELD_TEXTS,      /* [pointer], [int32_t] at `count_offset` */
    FIELD_BYTE_LISTS, /* [struct parquet_bytes pointer], [int32_t] at `count_offset`: each borrowed
                         from the input */
    FIELD_UNION_IDS,  /* [uint8_t pointer], [int32_t] at `count_offset`: a list of unions, of each
                         the field id that is set, 0 if above 255 */
    FIELD_UNION,      /* [int32_t or an enum, the first member of a struct]: the field id that is
                         set, `value_max` for one that `of` does not name; what the union holds is
                         decoded into that struct by the rule of->fields[id].of, if there is one */
    FIELD_KIND_COUNT
};

struct struct_rule;

struct field_rule {
    const char *name;
    enum field_kind kind;
    bool is_required;
    size_t offset;
    size_t count_offset;
    size_t flag_offset; /* not 0: a bool there becomes true when the field is present */
    int32_t value_max;
    const struct struct_rule *of;
};

/** `fields` is indexed by field id; ids are below 32. */
struct struct_rule {
    const char *name;
    const struct field_rule *fields;
    int32_t field_count;
    size_t size;         /* of an element: FIELD_STRUCTS */
    const void *initial; /* its content before decoding; NULL: zeroes */
};

struct thrift_decoder {
    struct thrift_reader reader;
    struct arena *arena; /* NULL: the rules have no field that needs one */
};

/** Decode into `object`; `*seen`, if not NULL, gets a bit for each field id present. KTK_E_CORRUPT
 * names struct and field. */
ktk_status ktki_thrift_read_struct(struct thrift_decoder *decoder, const struct struct_rule *rule,
                                   void *object, uint32_t *seen, ktk_error *err);

#endif
