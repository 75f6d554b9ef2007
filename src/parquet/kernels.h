/**
 * The inner loops of decoding, built for several instruction sets and chosen once a column chunk.
 *
 * None reads or writes outside of the ranges it is given, with one exception that is named: text is
 * copied in steps of KERNEL_SLACK bytes.
 */
#ifndef KTKI_PARQUET_KERNELS_H
#define KTKI_PARQUET_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes behind the end that text kernels may read of their input and write of their output. */
#define KERNEL_SLACK ((size_t)32)

/** Classes of value widths in bytes. */
enum width_class { WIDTH_1, WIDTH_2, WIDTH_4, WIDTH_8, WIDTH_16, WIDTH_32, WIDTH_ANY, WIDTH_COUNT };

enum width_class ktki_width_class(size_t width);

/** Levels are handed to the kernels in blocks of at most so many entries. */
#define LEVEL_BLOCK ((size_t)4096)
/** Bytes behind the last level of a block that kernels may read. */
#define LEVEL_SLACK ((size_t)64)

/** A block of levels, a byte each. */
struct level_block {
    const uint8_t *repetition; /* NULL: all 0 */
    const uint8_t *definition;
    size_t count;
};

/** Which entries begin a slot of a node of the schema, and which of its slots are null. */
struct level_rule {
    uint8_t repetition; /* entries of at most this repetition level */
    uint8_t slot;       /* and at least this definition level begin a slot; */
    uint8_t valid;      /* it is not null from this definition level on */
};

/** A text of a dictionary: its place among the dictionary's bytes. */
struct text_entry {
    uint32_t offset;
    uint32_t size;
};

/** `width` is that of the class the kernel is listed under. */
typedef void (*gather_kernel)(const uint8_t *entries, const uint32_t *indices, size_t count,
                              size_t width, uint8_t *out);
typedef void (*fill_kernel)(const uint8_t *value, size_t count, size_t width, uint8_t *out);
typedef void (*expand_kernel)(const uint8_t *dense, size_t dense_count, const uint8_t *validity,
                              int64_t bit, size_t count, size_t width, uint8_t *out);

struct kernels {
    const char *name;

    /** `count` numbers of `bit_width` (1 … 32) bits, least significant first; `packed_size` covers
     * them. */
    void (*unpack)(const uint8_t *packed, size_t packed_size, unsigned bit_width, size_t count,
                   uint32_t *out);

    /** The same for numbers of up to 64 bits. */
    void (*unpack_64)(const uint8_t *packed, size_t packed_size, unsigned bit_width, size_t count,
                      uint64_t *out);

    /** out[i] = last + (i + 1) * step + deltas[0] + … + deltas[i], wrapping; returns the last. */
    uint32_t (*running_sum_32)(const uint32_t *deltas, size_t count, uint32_t step, uint32_t last,
                               uint8_t *out);
    uint64_t (*running_sum_64)(const uint64_t *deltas, size_t count, uint64_t step, uint64_t last,
                               uint8_t *out);
    uint64_t (*running_sum_64_of_32)(const uint32_t *deltas, size_t count, uint64_t step,
                                     uint64_t last, uint8_t *out);

    /** Byte k of value i from streams[k * stride + i], and the other way round. */
    void (*join_streams)(const uint8_t *streams, size_t stride, size_t count, size_t width,
                         uint8_t *out);
    void (*split_streams)(const uint8_t *values, size_t count, size_t width, size_t stride,
                          uint8_t *streams);

    /** Largest of the numbers, 0 of none. */
    uint32_t (*max)(const uint32_t *values, size_t count);

    /** out[i] = entries[indices[i]] */
    gather_kernel gather[WIDTH_COUNT];

    /** out[i] = value */
    fill_kernel fill[WIDTH_COUNT];

    /** out[i] = the next of `dense` where bit `bit + i` of `validity` is set, else zeroes;
     * `dense_count` bits are set. */
    expand_kernel expand[WIDTH_COUNT];

    /** The same for numbers, with `null` instead of zero. */
    void (*expand_indices)(const uint32_t *dense, size_t dense_count, const uint8_t *validity,
                           int64_t bit, size_t count, uint32_t null, uint32_t *out);

    /** The same as `unpack` for numbers of at most 8 bits, as bytes. */
    void (*unpack_bytes)(const uint8_t *packed, size_t packed_size, unsigned bit_width,
                         size_t count, uint8_t *out);
    uint8_t (*max_byte)(const uint8_t *values, size_t count);

    /** Number of slots that a block begins; their validity goes to `bits` (may be NULL), which has
     * room for whole words of 64 bits and one more. */
    size_t (*level_slots)(const struct level_rule *rule, const struct level_block *levels,
                          uint8_t *bits);

    /** Offsets of the lists that a block begins: the number of items before each, `first` of them
     * before the block. An entry makes an item if its repetition level is at most one above that of
     * the rule and its definition level at least `item`. Returns the number of items so far. */
    int64_t (*level_offsets_32)(const struct level_rule *rule, uint8_t item,
                                const struct level_block *levels, int64_t first, int32_t *offsets);
    int64_t (*level_offsets_64)(const struct level_rule *rule, uint8_t item,
                                const struct level_block *levels, int64_t first, int64_t *offsets);

    /** Whether each entry of the repetition level `repetition` continues a list: it and the entry
     * before it (`before` for the first one of the block) have the definition level `item` or more.
     */
    bool (*level_continues)(uint8_t repetition, uint8_t item, const struct level_block *levels,
                            uint8_t before);

    /** Bytes of all texts together. */
    uint64_t (*text_size)(const struct text_entry *entries, const uint32_t *indices, size_t count);

    /** Copy texts one behind the other to `out + start`; offsets[i] is where text i starts. Returns
     * the end. `indices` may lie within `offsets` as long as none lies before its own offset. Has
     * slack behind `bytes` and `out`. */
    uint64_t (*text_gather_32)(const struct text_entry *entries, const uint8_t *bytes,
                               const uint32_t *indices, size_t count, uint64_t start, uint8_t *out,
                               int32_t *offsets);
    uint64_t (*text_gather_64)(const struct text_entry *entries, const uint8_t *bytes,
                               const uint32_t *indices, size_t count, uint64_t start, uint8_t *out,
                               int64_t *offsets);

    /** The same for texts that are all of `width` bytes and lie in `bytes` as PLAIN has them, each
     * behind its size. */
    uint64_t (*even_gather_32)(size_t width, const uint8_t *bytes, const uint32_t *indices,
                               size_t count, uint64_t start, uint8_t *out, int32_t *offsets);
    uint64_t (*even_gather_64)(size_t width, const uint8_t *bytes, const uint32_t *indices,
                               size_t count, uint64_t start, uint8_t *out, int64_t *offsets);

    /** No byte above 0x7F. */
    bool (*is_ascii)(const uint8_t *data, size_t size);

    /** Lower *min to the smallest and raise *max to the largest of the values, NaN left out. */
    void (*range_int32)(const int32_t *values, size_t count, int32_t *min, int32_t *max);
    void (*range_int64)(const int64_t *values, size_t count, int64_t *min, int64_t *max);
    void (*range_uint32)(const uint32_t *values, size_t count, uint32_t *min, uint32_t *max);
    void (*range_uint64)(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max);
    void (*range_float)(const float *values, size_t count, float *min, float *max);
    void (*range_double)(const double *values, size_t count, double *min, double *max);

    /** Pack a multiple of 8 numbers of `bit_width` (1 … 32) bits, least significant first. Returns
     * the end; has slack behind it. */
    uint8_t *(*pack)(const uint32_t *values, size_t count, unsigned bit_width, uint8_t *out);
};

/** The best that this processor can run. */
const struct kernels *ktki_kernels(void);

/** Kernels by level, from 0 (the baseline) on, for tests; NULL if this processor or this build
 * lacks it. */
#define KERNEL_LEVELS 3
const struct kernels *ktki_kernels_of_level(int level);

extern const struct kernels ktki_kernels_base;
extern const struct kernels ktki_kernels_avx2;
extern const struct kernels ktki_kernels_avx512;

#endif
