/**
 * Files with nested columns: random schemas and rows, put into levels by the recursive definition
 * of the format, one value at a time, and compared with what was read of them row by row.
 */
#ifndef KTK_TESTS_PARQUET_MADE_NESTED_H
#define KTK_TESTS_PARQUET_MADE_NESTED_H

#include "arrow/batch.h"
#include "base/buffer.h"

enum nested_kind {
    NESTED_NUMBER,   /* INT32 */
    NESTED_TEXT,     /* UTF-8; a number in decimal */
    NESTED_STRUCT,   /* its children */
    NESTED_LIST,     /* of its child, three levels */
    NESTED_OLD,      /* of its child, two levels; the child is not optional */
    NESTED_REPEATED, /* a repeated child without annotation; neither is optional */
    NESTED_MAP       /* from its first child, which is not optional, to its second one */
};

#define NESTED_CHILDREN_MAX 3

struct nested_node {
    enum nested_kind kind;
    bool is_optional;
    char name[8];
    int child_count;
    struct nested_node *children[NESTED_CHILDREN_MAX];
    int leaf_first; /* leaves below it */
    int leaf_count;
};

/** Lists have a value for each item; maps one for each entry, whose items are key and value;
 * structs one for each child. */
struct nested_value {
    bool is_null;
    int32_t number;
    int64_t count;
    struct nested_value *items;
};

/** One top-level column and its rows. Lives until nested_clear(). */
struct nested_column {
    struct nested_node *root;
    int64_t row_count;
    struct nested_value *rows;
    struct nested_arena *arena;
};

/** How a file is laid out. */
struct nested_layout {
    bool is_v2;
    bool splits_rows;     /* pages begin anywhere, not only at rows */
    int64_t page_entries; /* at most so many a page */
    int64_t group_rows;   /* rows of a row group */
};

void nested_make(struct nested_column *out, uint32_t *random, int depth_max, int64_t row_count);
void nested_clear(struct nested_column *column);

/** The bytes of a file of the column. */
void nested_write(struct buffer *out, const struct nested_column *column,
                  const struct nested_layout *layout);

/** Fails the test unless rows [start, start + array->length) of the column are those of `array`, as
 * far as `field` has them: structs may lack children. */
void nested_check(const struct nested_column *column, const struct field *field,
                  const struct ArrowArray *array, int64_t start);

#endif
