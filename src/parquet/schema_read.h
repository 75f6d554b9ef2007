/** From the schema elements of a footer to Arrow fields and to the leaf columns below them. */
#ifndef KTKI_PARQUET_SCHEMA_READ_H
#define KTKI_PARQUET_SCHEMA_READ_H

#include "arrow/schema.h"
#include "parquet/kernels.h"
#include "parquet/metadata.h"

/** A list, map or struct around leaves. Each field of such a type has one. */
struct parquet_nest {
    const struct parquet_nest *outer; /* NULL: it is a top-level column */
    const struct field *field;        /* in the Arrow schema */
    int32_t depth;                    /* number of nests around it */
    struct level_rule rule;           /* of its slots */
    uint8_t item; /* lists and maps: definition level from which a slot has an item, whose
                     repetition level is one above that of the rule; structs: 0 */
};

/** An element on the way to leaves. */
struct path_step {
    const struct path_step *outer; /* NULL: it is a top-level column */
    const char *name;
    int32_t depth;    /* number of steps around it */
    bool is_internal; /* a part of how lists and maps are stored, without a name of its own for
                         users */
};

/** A column of values. */
struct parquet_leaf {
    const struct schema_element *element;
    const struct field *field;       /* in the Arrow schema */
    const char *path;                /* dotted */
    const struct path_step *step;    /* the last one of that path */
    const struct parquet_nest *nest; /* the innermost one; NULL: it is a top-level column */
    struct level_rule rule;          /* of its slots */
    int32_t top;                     /* index of the top-level column */
    int32_t definition_max;
    int32_t repetition_max;
};

/** The leaves of a top-level column follow each other. */
struct parquet_column {
    int32_t first_leaf;
    int32_t leaf_count;
};

/** Everything but `arrow` lies in the arena given to ktki_parquet_schema_read(). */
struct parquet_schema {
    struct schema *arrow; /* owned by whoever holds the struct */
    int32_t leaf_count;
    struct parquet_leaf *leaves;
    struct parquet_column *columns; /* arrow->field_count of them */
};

/** The number of leaves. KTK_E_CORRUPT if the elements do not form a tree, KTK_E_LIMIT if there are
 * too many. */
ktk_status ktki_parquet_leaf_count(int32_t *out, const struct parquet_metadata *metadata,
                                   const ktk_limits *limits, ktk_error *err);

/**
 * Translate the schema of a file; the key/value metadata, `ARROW:schema` aside, go to the Arrow
 * schema. Types are those that the file itself names: see ktki_parquet_schema_restore().
 *
 * KTK_E_CORRUPT if the elements do not form a tree or an annotation does not fit its column;
 * KTK_E_LIMIT for too many columns or levels.
 */
ktk_status ktki_parquet_schema_read(struct parquet_schema *out, ktk_context *context,
                                    const struct parquet_metadata *metadata, struct arena *arena,
                                    ktk_error *err);

/** The logical type of an element; what an old writer said as converted type is translated. */
struct parquet_logical_type ktki_parquet_logical(const struct schema_element *element);

/** The Arrow type of a leaf. KTK_E_CORRUPT if the annotation does not fit. */
ktk_status ktki_parquet_leaf_type(struct data_type *out, const struct schema_element *element,
                                  ktk_error *err);

/**
 * Give the fields of `schema`, which is still being built, the types that its writer knew and the
 * file itself cannot tell: time zones, large types, lists of fixed size, durations, dictionaries of
 * text or bytes, sorted keys; within nested fields, too.
 * `value` is what an `ARROW:schema` entry holds. Where it contradicts the file, the file holds.
 * KTK_E_CORRUPT if it does not decode; an entry that is well-formed but not supported is ignored.
 */
ktk_status ktki_parquet_schema_restore(struct schema *schema, const char *value, size_t value_size,
                                       ktk_error *err);

#endif
