/**
 * Bounds that a file has of its values - in row groups, page headers, column indices - as extents
 * that predicates can be asked about.
 *
 * What is not to be trusted is left out: bounds by an order that is not named or not known, INT96,
 * the old `min` and `max` of anything but signed numbers, decimals of writers that compared them
 * as bytes, NaN, bounds that do not fit the type. Bounds may be truncated values.
 */
#ifndef KTKI_PARQUET_STATISTICS_H
#define KTKI_PARQUET_STATISTICS_H

#include "parquet/leaf_reader.h"
#include "predicate/extent.h"

/** How the bounds of a leaf are read. */
struct statistics_rule {
    const struct field *field; /* of the values; a dictionary's are those in it */
    const struct schema_element *element;
    struct value_rule value;
    bool trusts_new;  /* min_value and max_value, and bounds of column indices */
    bool trusts_old;  /* min and max */
    bool may_be_null; /* whatever null counts say: null, or NaN, which counts as null */
};

void ktki_statistics_rule(struct statistics_rule *out, const struct parquet_metadata *metadata,
                          const struct parquet_leaf *leaf, int32_t leaf_index);

/** What a file says of one piece of a column. */
struct stored_extent {
    struct parquet_bytes min; /* PLAIN without a length; data NULL: not known */
    struct parquet_bytes max;
    int64_t null_count;  /* -1: not known */
    int64_t value_count; /* nulls included; -1: not known */
    bool is_null;        /* there are nothing but nulls */
};

/** The bounds of statistics that may be trusted. */
struct stored_extent ktki_statistics_choose(const struct statistics_rule *rule,
                                            const struct parquet_statistics *statistics,
                                            int64_t value_count);

/** Extents of `count` pieces of a leaf, in the arena. They refer to the rule's field and to
 * nothing else. */
ktk_status ktki_statistics_extents(struct extents *out, struct arena *arena,
                                   const struct statistics_rule *rule,
                                   const struct stored_extent *stored, size_t count,
                                   ktk_error *err);

#endif
