/** What a query will read: decided once, before any data file is opened. */
#ifndef KTKI_QUERY_PLAN_H
#define KTKI_QUERY_PLAN_H

#include <kartothek/query.h>

#include "base/arena.h"
#include "dataset/name.h"
#include "dataset/snapshot.h"
#include "predicate/evaluate.h"

/** A partition key and its place in the table schema. */
struct plan_key {
    const char *column;
    int32_t field;
};

/** Immutable once made; may be used from several threads. */
struct query_plan {
    ktk_context *context;  /* borrowed from the store of the dataset */
    ktk_dataset *dataset;  /* a reference */
    const char *table;     /* borrowed from the dataset */
    struct schema *schema; /* of the table; a reference */
    struct schema *output; /* of the batches in KTK_SHAPE_TABLE; a reference */
    struct arena arena;
    ktk_query_shape shape;
    bool keep_dictionaries;
    bool has_columns;             /* false: all columns */
    int32_t column_count;         /* wanted columns, in the order wanted */
    const int32_t *columns;       /* indices into `schema` */
    const struct field *position; /* a last column for the number of the partition; or NULL */
    int32_t key_count;
    struct plan_key *keys;
    struct bound_predicate *where; /* NULL: all rows */
    int64_t partition_count;
    const int64_t *partitions; /* those that have a file and may hold matching rows, in order */
};

/**
 * Resolve table and columns, bind the predicate, choose the partitions.
 *
 * @return KTK_E_NOT_FOUND for an unknown table or columns (all of them named, sorted),
 * KTK_E_INVALID for a column named twice, a partition out of range or a value that does not fit.
 */
ktk_status ktki_plan_new(struct query_plan **out, ktk_dataset *dataset,
                         const ktk_query_options *options, ktk_error *err);
void ktki_plan_free(struct query_plan *plan);

/** Number of the partition key that the pair is of; -1: it is of none. */
int32_t ktki_plan_find_key(const struct query_plan *plan, const struct key_pair *pair);

/** Storage key of a partition's file; never NULL for those of the plan. */
const char *ktki_plan_file(const struct query_plan *plan, int64_t partition);

/**
 * The values that the key of one file gives to the partition columns. Pairs in the key that are no
 * partition keys are passed over; a partition key that is not in the key is no constant.
 */
struct path_constants {
    const struct query_plan *plan;
    struct arena arena;
    struct ArrowArray *arrays; /* one row each; key_count, zeroed if absent */
    const struct ArrowArray *
        *by_field;  /* one pointer a field of the table schema, NULL if absent */
    int32_t *order; /* indices into `keys` of those present, in path order */
    int32_t count;
};

/** Nothing is constant yet. The plan must outlive it. */
ktk_status ktki_constants_init(struct path_constants *out, const struct query_plan *plan,
                               ktk_error *err);

/** Replace the values by those of a key. */
ktk_status ktki_constants_set(struct path_constants *constants, const char *key, ktk_error *err);
void ktki_constants_clear(struct path_constants *constants);

#endif
