/** A run of values that are not null, in the form that encoders take: as Parquet stores them. */
#ifndef KTKI_PARQUET_VALUE_BLOCK_H
#define KTKI_PARQUET_VALUE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/** Values that one block holds at most. Small enough for the scratch of a block to stay in the
 * first-level cache. */
#define VALUE_BLOCK_MAX 1024

/** Bytes of the widest value that is converted: a decimal256. */
#define VALUE_WIDTH_MAX 32

/**
 * Either `fixed` or `starts` and `sizes` is set, as the values' kind says:
 * - fixed width: `count` values of that width, one behind the other; a bool is a byte, 0 or 1.
 * - BYTE_ARRAY and FIXED_LEN_BYTE_ARRAY of binary: value i is `sizes[i]` bytes at `starts[i]`. If
 *   `end` is not NULL, all memory from any of them up to there can be read.
 */
struct value_block {
    size_t count;
    const uint8_t *fixed;
    const uint8_t *const *starts;
    const uint32_t *sizes;
    const uint8_t *end;
};

#endif
