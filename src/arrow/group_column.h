/** Numbering the values of one key column; group_rows.c makes groups of the numbers. */
#ifndef KTKI_ARROW_GROUP_COLUMN_H
#define KTKI_ARROW_GROUP_COLUMN_H

#include "arrow/array.h"
#include "arrow/group_table.h"

struct key_column;

/** Rows [start, start + count) of a column. */
struct key_rows {
    const struct ArrowArray *array;
    struct array_view view; /* of `array` */
    int64_t start;
    int64_t count;
};

typedef ktk_status (*key_number_fn)(struct key_column *column, const struct key_rows *rows,
                                    uint32_t *ids, ktk_error *err);

/** Different values seen so far; which of the two tables is in use depends on the type. */
struct key_column {
    ktk_context *context;       /* borrowed */
    const struct field *field;  /* borrowed, as are its values */
    const struct field *values; /* the dictionary of the field, or the field itself */
    key_number_fn number;       /* numbers rows of the field */
    key_number_fn number_value; /* numbers rows of `values` */
    struct id_table numbers;    /* values of 1, 2, 4 or 8 bytes, and bools */
    struct buffer raw;          /* these values as they first came, side by side */
    struct bytes_table bytes;   /* all others */
    uint32_t *ids;              /* dictionaries: id of each of its values, for one batch */
    size_t id_capacity;
};

/** KTK_E_UNSUPPORTED for nested types. */
ktk_status ktki_key_column_init(struct key_column *out, ktk_context *context,
                                const struct field *field, ktk_error *err);
void ktki_key_column_clear(struct key_column *column);

/** Before the rows of an array are numbered. */
ktk_status ktki_key_column_begin(struct key_column *column, const struct ArrowArray *array,
                                 struct key_rows *rows, ktk_error *err);

/** Different values so far; ids are below. */
uint32_t ktki_key_column_count(const struct key_column *column);

/** The values of the given ids, as an array of the type of `column->values`. */
ktk_status ktki_key_column_take(const struct key_column *column, const int64_t *ids, int64_t count,
                                struct ArrowArray *out, ktk_error *err);

#endif
