/** The smallest and the largest of the values of a column, by the order of its logical type: what
 * statistics are made of. */
#ifndef KTKI_PARQUET_VALUE_RANGE_H
#define KTKI_PARQUET_VALUE_RANGE_H

#include <stdbool.h>

#include "parquet/value_block.h"

/** Orders of parquet.thrift's ColumnOrder, TYPE_ORDER. */
enum value_order {
    ORDER_NONE = 0, /* no statistics at all */
    ORDER_BOOL,
    ORDER_INT32,
    ORDER_INT64,
    ORDER_UINT32,
    ORDER_UINT64,
    ORDER_FLOAT16,
    ORDER_FLOAT,
    ORDER_DOUBLE,
    ORDER_DECIMAL, /* two's complement, highest byte first */
    ORDER_BYTES,   /* bytewise, unsigned; a prefix comes first */
    ORDER_COUNT
};

/** True for the orders by which the old `min` and `max` of statistics were defined. */
bool ktki_order_is_signed(enum value_order order);

/** Bytes of a bound at most; a longer one is no use in an index, and old readers drop it. */
#define RANGE_BYTES_MAX 4096

/**
 * Bounds of the values seen so far. Bounds of fixed-width values are kept here, as stored; pieces
 * of bytes are borrowed from the blocks' sources.
 */
struct value_range {
    enum value_order order;
    bool is_empty; /* nothing seen but nulls and NaN */
    size_t width;  /* of fixed-width values */
    uint8_t fixed_min[VALUE_WIDTH_MAX];
    uint8_t fixed_max[VALUE_WIDTH_MAX];
    const uint8_t *min;
    const uint8_t *max;
    uint32_t min_size;
    uint32_t max_size;
};

void ktki_range_init(struct value_range *range, enum value_order order, size_t width);

/** Take in the values of a block. NaN counts as nothing. */
void ktki_range_add(struct value_range *range, const struct value_block *block);

/** Take in what another range of the same order has seen. */
void ktki_range_merge(struct value_range *range, const struct value_range *other);

/** -1, 0 or 1: how two bounds of that order compare. */
int ktki_bound_compare(enum value_order order, const uint8_t *a, size_t a_size, const uint8_t *b,
                       size_t b_size);

/**
 * Bounds as statistics have them: PLAIN without a length, a lower bound of zero as -0.0, an upper
 * one as 0.0. False if there are none, or one is longer than RANGE_BYTES_MAX: half a pair misleads
 * some readers. They are borrowed from the range.
 */
bool ktki_range_bounds(struct value_range *range, const uint8_t **min, size_t *min_size,
                       const uint8_t **max, size_t *max_size);

#endif
