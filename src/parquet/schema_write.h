/** From an Arrow schema to the schema of a Parquet file, and to a plan of how each leaf column is
 * written. */
#ifndef KTKI_PARQUET_SCHEMA_WRITE_H
#define KTKI_PARQUET_SCHEMA_WRITE_H

#include "arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/value_range.h"

struct value_kernel;

/**
 * A field on the way to a leaf, as that leaf sees it. Slots are the entries of the field's arrays,
 * null or not, that the rows have: those of lists that are not null.
 */
struct write_node {
    const struct field *field;
    int32_t child;      /* of its children the one on the way; at the leaf: 0 */
    bool is_required;   /* must not be null where its parent is not */
    uint8_t null_level; /* definition level where it is null; where it is there, one more, unless it
                           is required */
    uint8_t slot_level; /* definition level from which on there is a slot */
    uint8_t repetition; /* LIST kinds and MAP: repetition level of items behind the first */
};

/** Whether the values of a column are numbered by a dictionary. */
enum dictionary_choice {
    DICTIONARY_IF_IT_PAYS,
    DICTIONARY_NEVER,
    DICTIONARY_ALWAYS /* as far as it fits into its page */
};

/** A leaf column. */
struct write_leaf {
    const char *name;    /* dotted path, for messages */
    int32_t field_index; /* of the top-level field */
    int32_t node_count;
    const struct write_node *nodes; /* from the top-level field to the leaf itself */
    const struct field *field;      /* of the leaf's arrays: a flat type, or a dictionary of one */
    const struct data_type *type;   /* of the values: of the field, or of its dictionary */
    enum parquet_type physical;
    enum parquet_encoding encoding; /* of values that no dictionary numbers */
    enum dictionary_choice dictionary;
    double bloom_fpp;       /* false positives of the bloom filter; 0: there is none */
    size_t width;           /* bytes of a stored value; 0: they differ */
    bool is_bytes;          /* values come as pieces of bytes, see value_block.h */
    bool is_text;           /* must be UTF-8 */
    uint8_t definition_max; /* of a value that is there */
    uint8_t repetition_max; /* 0: there is no list on the way */
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
 * The plan for a schema, in the memory of `arena`; it refers to `schema`. All fields and items
 * become OPTIONAL except the keys of maps. Lists of all kinds have three levels, the items are
 * called `item`; maps have `key_value` with `key` and `value`. The types are those that kartothek's
 * files have (timestamps in microseconds).
 *
 * @return KTK_E_UNSUPPORTED names the column and type that cannot be written: months and intervals,
 * structs without fields, dictionaries of nested values. KTK_E_LIMIT for too many levels.
 */
ktk_status ktki_write_schema_plan(struct write_schema *out, struct arena *arena,
                                  const struct schema *schema, ktk_error *err);

#endif
