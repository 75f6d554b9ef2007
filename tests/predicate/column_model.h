/* Columns written down value by value, laid out as arrays in every physical form, and asked about
 * slowly: the oracle of the predicate tests. Shares no code with the library but its structs. */
#ifndef KTK_TESTS_PREDICATE_COLUMN_MODEL_H
#define KTK_TESTS_PREDICATE_COLUMN_MODEL_H

#include "arrow/array.h"
#include "predicate/predicate.h"

__extension__ typedef __int128 wide;

enum model_class {
    MODEL_NULL,
    MODEL_BOOL,
    MODEL_WHOLE, /* integers, dates, times, timestamps, decimals: `whole` units */
    MODEL_REAL,
    MODEL_TEXT
};

struct cell {
    bool is_null;
    wide whole; /* units of the type; bool: 0 or 1 */
    double real;
    char text[16];
    size_t text_size;
};

/* How a column is laid out. */
struct layout_choice {
    int64_t offset;          /* rows in front that do not belong to it */
    enum type_id index;      /* TYPE_NULL: plain; else a dictionary with such indices */
    bool null_in_dictionary; /* nulls are entries of the dictionary, not of the indices */
};

struct column {
    struct field field;
    struct field values; /* of a dictionary */
    struct ArrowArray array;
    int64_t count;
    struct cell *cells;
};

enum group {
    GROUP_NULL,
    GROUP_BOOL,
    GROUP_SIGNED,
    GROUP_UNSIGNED,
    GROUP_REAL,
    GROUP_TEXT,
    GROUP_DATE,
    GROUP_TIME,
    GROUP_TIMESTAMP,
    GROUP_DECIMAL
};

struct type_case {
    enum group group; /* types that stand for each other in files */
    struct data_type type;
};

#define MODEL_TYPE_COUNT 32

/* Every type that can be asked about. */
extern const struct type_case model_types[MODEL_TYPE_COUNT];

struct cell whole_cell(wide value);
struct cell text_cell(const char *text);

enum model_class model_class_of(enum type_id id);

/* Units of a time type in a nanosecond-based count: what `whole` is multiplied by to compare across
 * units; 1 for other types. Dates: 1 for days (DATE64: compares as milliseconds, see the tests). */
wide model_scale(const struct data_type *type);

/* Lay the cells (copied) out as an array of `type`. */
void column_init(struct column *out, const char *name, struct data_type type,
                 const struct cell *cells, int64_t count, struct layout_choice layout);
void column_clear(struct column *column);

/* A schema of one nullable field for each of the columns. */
struct schema *model_schema(ktk_context *context, const struct field *const *fields, int32_t count);

/* -1, 0, 1; 2: not comparable because a or b is null or NaN. */
int model_compare(enum model_class class, const struct cell *a, wide a_scale, const struct cell *b,
                  wide b_scale);

bool model_is_null(enum model_class class, const struct cell *cell);

/* The truth table of the specification, one value after the other. */
bool model_holds(enum model_class class, const struct cell *row, wide row_scale, ktk_operator op,
                 const struct cell *values, size_t value_count, wide value_scale);

/* Deterministic random numbers. */
uint64_t model_random(uint64_t *state);

#endif
