/** Columns of CSV text: types that can be told from text, and the conversion to arrays. */
#ifndef KTKI_ARROW_CSV_COLUMN_H
#define KTKI_ARROW_CSV_COLUMN_H

#include "arrow/array.h"
#include "arrow/csv_scan.h"
#include "base/buffer.h"
#include "base/text.h"

enum csv_type {
    CSV_UNKNOWN = 0, /* only nulls so far */
    CSV_BOOL,
    CSV_INT8,
    CSV_INT16,
    CSV_INT32,
    CSV_INT64,
    CSV_UINT8,
    CSV_UINT16,
    CSV_UINT32,
    CSV_UINT64,
    CSV_FLOAT,
    CSV_DOUBLE,
    CSV_DATE32,
    CSV_TIMESTAMP,
    CSV_TIMESTAMP_UTC,
    CSV_STRING,
    CSV_BINARY,
    CSV_TYPE_COUNT
};

/** Texts that mean null, in a field without quotes unless it is said otherwise. */
struct csv_nulls {
    const char *const *texts;
    const size_t *sizes;
    size_t count;
    size_t size_max;
    bool has_empty;
    bool in_quotes;   /* there, too */
    bool starts[256]; /* first bytes */
};

/** Some values of one column: field i is `fields[i * stride]`. */
struct csv_values {
    const struct csv_field *fields;
    size_t stride;
    size_t count;
    const struct csv_nulls *nulls;
};

/** True if the text of the field is one of the null texts. */
bool ktki_csv_is_listed(const struct csv_nulls *nulls, const struct csv_field *field);

static inline bool ktki_csv_is_null(const struct csv_nulls *nulls, const struct csv_field *field) {
    if ((field->is_quoted && !nulls->in_quotes) || field->size > nulls->size_max) {
        return false;
    }
    return field->size == 0 ? nulls->has_empty
                            : nulls->starts[field->data[0]] && ktki_csv_is_listed(nulls, field);
}

/**
 * Value of 1 to 8 digits at `text`, of which 8 bytes may be read: all at once, as lengths that vary
 * from value to value make a loop mispredict. False if one is no digit.
 */
static inline bool ktki_csv_parse_digits(const uint8_t *text, uint32_t count, uint64_t *out) {
    const uint64_t zeros = 0x3030303030303030u;
    const uint64_t carries = 0x4646464646464646u; /* beyond '9' the top bit comes up */
    const uint64_t pairs = 0x000000FF000000FFu;
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    /* The last digit becomes the top byte, zeros go in front. */
    word = word << (64 - 8 * count) | zeros >> 8 * (count - 1) >> 8;
    if ((((word + carries) | (word - zeros)) & 0x8080808080808080u) != 0) {
        return false;
    }
    word -= zeros;
    word = word * 10 + (word >> 8);
    *out = ((word & pairs) * (100 + ((uint64_t)1000000 << 32)) +
            (word >> 16 & pairs) * (1 + ((uint64_t)10000 << 32))) >>
           32;
    return true;
}

/** As ktki_parse_i64(). */
static inline bool ktki_csv_parse_i64(const struct csv_field *field, int64_t *out) {
    bool has_sign = field->size > 0 && (field->data[0] == '-' || field->data[0] == '+');
    uint32_t count = field->size - has_sign;
    uint64_t value;

    if (count - 1 >= 8 || !field->has_word) {
        return ktki_parse_i64((const char *)field->data, field->size, out);
    }
    if (!ktki_csv_parse_digits(field->data + has_sign, count, &value)) {
        return false;
    }
    *out = field->data[0] == '-' ? -(int64_t)value : (int64_t)value;
    return true;
}

/** By name as type texts show it, e.g. "timestamp[us, tz=UTC]"; CSV_UNKNOWN if there is none. */
enum csv_type ktki_csv_type_of_name(const char *name);
const char *ktki_csv_type_name(enum csv_type type);
struct data_type ktki_csv_data_type(enum csv_type type);

/** Index of the first value that does not have the type, `values->count` if all do. */
size_t ktki_csv_first_misfit(enum csv_type type, const struct csv_values *values);

/** Widen the type of an inferred column, of which all values so far have `type`, for the values
 * given. `*has_negative` is kept for the column from call to call, false at first. */
enum csv_type ktki_csv_infer(enum csv_type type, const struct csv_values *values,
                             bool *has_negative);

/** A column of a batch under way. Zeroed: empty. */
struct csv_builder {
    ktk_context *context;
    enum csv_type type;
    int64_t capacity; /* rows */
    int64_t length;
    int64_t null_count;
    uint8_t *validity;
    uint8_t *values;
    int32_t *offsets;   /* CSV_STRING and CSV_BINARY */
    struct buffer text; /* the same */
};

ktk_status ktki_csv_builder_init(struct csv_builder *out, ktk_context *context, enum csv_type type,
                                 int64_t capacity, ktk_error *err);
void ktki_csv_builder_clear(struct csv_builder *builder);

/** Append values that have the type (no misfit) and for which there is room. */
ktk_status ktki_csv_builder_append(struct csv_builder *builder, const struct csv_values *values,
                                   ktk_error *err);

/** Hand over the array; the builder is empty then. */
ktk_status ktki_csv_builder_finish(struct csv_builder *builder, struct ArrowArray *out,
                                   ktk_error *err);

#endif
