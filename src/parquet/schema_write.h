/** From an Arrow schema to the schema of a Parquet file, and to a plan of how each leaf column is
 * written. */
#ifndef KTKI_PARQUET_SCHEMA_WRITE_H
#define KTKI_PARQUET_SCHEMA_WRITE_H

#include "arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/value_range.h"

struct value_kernel;

/** A leaf column. */
struct write_leaf {
    const char *name;             /* of the top-level field, for messages */
    int32_t field_index;          /* of the top-level field */
    const struct field *field;    /* of the leaf's arrays: a flat type, or a dictionary of one */
    const struct data_type *type; /* of the values: of the field, or of its dictionary */
    enum parquet_type physical;
    size_t width;  /* bytes of a stored value; 0: they differ */
    bool is_bytes; /* values come as pieces of bytes, see value_block.h */
    bool is_text;  /* must be UTF-8 */
    bool is_list;  /* the items of a list */
    uint8_t definition_max;
    uint8_t repetition_max;
    enum value_order order;
    bool has_old_statistics; /* the order is the one that `min` and `max` were defined by */
    const struct value_kernel *kernel;
    int32_t path_count;
    const char *const *path;
};

struct write_schema {
    int32_t element_count;
    struct schema_element *elements; /* depth-first, the root first */
    int32_t leaf_count;
    struct write_leaf *leaves;
};

/**
 * The plan for a schema, in the memory of `arena`; it refers to `schema`. All fields and list items
 * become OPTIONAL, list items are called `item`. The types are those that kartothek's files have
 * (timestamps in microseconds).
 *
 * @return KTK_E_UNSUPPORTED names the column and type that cannot be written.
 */
ktk_status ktki_write_schema_plan(struct write_schema *out, struct arena *arena,
                                  const struct schema *schema, ktk_error *err);

#endif
