#include "parquet/value_range.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "parquet/kernels.h"

typedef void (*add_fn)(struct value_range *range, const struct value_block *block);

static void add_bool(struct value_range *range, const struct value_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        uint8_t value = block->fixed[i];

        range->fixed_min[0] =
            range->is_empty || value < range->fixed_min[0] ? value : range->fixed_min[0];
        range->fixed_max[0] =
            range->is_empty || value > range->fixed_max[0] ? value : range->fixed_max[0];
        range->is_empty = false;
    }
}

/* The bounds of fixed-width values live as stored bytes. */
#define DEFINE_ADD_NUMBERS(name, type, kernel)                                                     \
    static void name(struct value_range *range, const struct value_block *block) {                 \
        const type *values = (const type *)(const void *)block->fixed;                             \
        type min = values[0];                                                                      \
        type max = values[0];                                                                      \
                                                                                                   \
        if (!range->is_empty) {                                                                    \
            memcpy(&min, range->fixed_min, sizeof(min));                                           \
            memcpy(&max, range->fixed_max, sizeof(max));                                           \
        }                                                                                          \
        ktki_kernels()->kernel(values, block->count, &min, &max);                                  \
        memcpy(range->fixed_min, &min, sizeof(min));                                               \
        memcpy(range->fixed_max, &max, sizeof(max));                                               \
        range->is_empty = false;                                                                   \
    }

DEFINE_ADD_NUMBERS(add_int32, int32_t, range_int32)
DEFINE_ADD_NUMBERS(add_int64, int64_t, range_int64)
DEFINE_ADD_NUMBERS(add_uint32, uint32_t, range_uint32)
DEFINE_ADD_NUMBERS(add_uint64, uint64_t, range_uint64)

/* If there is nothing but NaN, the bounds are left crossed. */
#define DEFINE_ADD_FLOATS(name, type, kernel)                                                      \
    static void name(struct value_range *range, const struct value_block *block) {                 \
        const type *values = (const type *)(const void *)block->fixed;                             \
        type min = (type)INFINITY;                                                                 \
        type max = (type) - INFINITY;                                                              \
                                                                                                   \
        if (!range->is_empty) {                                                                    \
            memcpy(&min, range->fixed_min, sizeof(min));                                           \
            memcpy(&max, range->fixed_max, sizeof(max));                                           \
        }                                                                                          \
        ktki_kernels()->kernel(values, block->count, &min, &max);                                  \
        range->is_empty = min > max;                                                               \
        memcpy(range->fixed_min, &min, sizeof(min));                                               \
        memcpy(range->fixed_max, &max, sizeof(max));                                               \
    }

DEFINE_ADD_FLOATS(add_float, float, range_float)
DEFINE_ADD_FLOATS(add_double, double, range_double)

/* Half precision as an integer of the same order. */
static int32_t float16_rank(const uint8_t *value) {
    int32_t magnitude = value[0] | (value[1] & 0x7F) << 8;

    return value[1] & 0x80 ? -magnitude : magnitude;
}

static bool float16_is_nan(const uint8_t *value) {
    return (value[0] | (value[1] & 0x7F) << 8) > 0x7C00;
}

static void set_fixed(struct value_range *range, uint8_t *bound, const uint8_t *value) {
    memcpy(bound, value, range->width);
}

static void add_float16(struct value_range *range, const struct value_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const uint8_t *value = block->fixed + i * range->width;

        if (float16_is_nan(value)) {
            continue;
        }
        if (range->is_empty || float16_rank(value) < float16_rank(range->fixed_min)) {
            set_fixed(range, range->fixed_min, value);
        }
        if (range->is_empty || float16_rank(value) > float16_rank(range->fixed_max)) {
            set_fixed(range, range->fixed_max, value);
        }
        range->is_empty = false;
    }
}

/* Two's complement, highest byte first: the sign decides, then the bytes do. */
static int compare_decimals(const uint8_t *a, const uint8_t *b, size_t width) {
    int sign = (b[0] >> 7) - (a[0] >> 7);

    return sign != 0 ? sign : memcmp(a, b, width);
}

static void add_decimal(struct value_range *range, const struct value_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const uint8_t *value = block->fixed + i * range->width;

        if (range->is_empty || compare_decimals(value, range->fixed_min, range->width) < 0) {
            set_fixed(range, range->fixed_min, value);
        }
        if (range->is_empty || compare_decimals(value, range->fixed_max, range->width) > 0) {
            set_fixed(range, range->fixed_max, value);
        }
        range->is_empty = false;
    }
}

/* The first eight bytes as a number of the same order, shorter values filled up with zeros. */
static inline uint64_t bytes_prefix(const uint8_t *data, uint32_t size) {
    uint64_t prefix = 0;
    uint32_t head;
    uint32_t tail;

    if (size >= 8) {
        memcpy(&prefix, data, sizeof(prefix));
    } else if (size >= 4) {
        memcpy(&head, data, sizeof(head));
        memcpy(&tail, data + size - 4, sizeof(tail));
        prefix = head | (uint64_t)tail << 8 * (size - 4); /* they overlap */
    } else if (size > 0) {
        prefix = data[0] | (uint64_t)data[size / 2] << 8 * (size / 2) |
                 (uint64_t)data[size - 1] << 8 * (size - 1);
    }
    return __builtin_bswap64(prefix);
}

static int compare_bytes(const uint8_t *a, uint32_t a_size, const uint8_t *b, uint32_t b_size) {
    uint32_t common = a_size < b_size ? a_size : b_size;
    int order = common == 0 ? 0 : memcmp(a, b, common);

    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static void add_bytes(struct value_range *range, const struct value_block *block) {
    uint64_t min_prefix;
    uint64_t max_prefix;

    if (range->is_empty) {
        range->min = range->max = block->starts[0];
        range->min_size = range->max_size = block->sizes[0];
        range->is_empty = false;
    }
    min_prefix = bytes_prefix(range->min, range->min_size);
    max_prefix = bytes_prefix(range->max, range->max_size);
    for (size_t i = 0; i < block->count; i++) {
        const uint8_t *value = block->starts[i];
        uint32_t size = block->sizes[i];
        uint64_t prefix = bytes_prefix(value, size);

        /* Most values are decided by their prefix. */
        if (prefix <= min_prefix && compare_bytes(value, size, range->min, range->min_size) < 0) {
            range->min = value;
            range->min_size = size;
            min_prefix = prefix;
        }
        if (prefix >= max_prefix && compare_bytes(value, size, range->max, range->max_size) > 0) {
            range->max = value;
            range->max_size = size;
            max_prefix = prefix;
        }
    }
}

static void add_nothing(struct value_range *range, const struct value_block *block) {
    (void)range;
    (void)block;
}

struct order_kernel {
    add_fn add;
    bool is_signed;
};

static const struct order_kernel orders[ORDER_COUNT] = {
    [ORDER_NONE] = {add_nothing, false},   [ORDER_BOOL] = {add_bool, true},
    [ORDER_INT32] = {add_int32, true},     [ORDER_INT64] = {add_int64, true},
    [ORDER_UINT32] = {add_uint32, false},  [ORDER_UINT64] = {add_uint64, false},
    [ORDER_FLOAT16] = {add_float16, true}, [ORDER_FLOAT] = {add_float, true},
    [ORDER_DOUBLE] = {add_double, true},   [ORDER_DECIMAL] = {add_decimal, true},
    [ORDER_BYTES] = {add_bytes, false},
};

bool ktki_order_is_signed(enum value_order order) {
    return orders[order].is_signed;
}

void ktki_range_init(struct value_range *range, enum value_order order, size_t width) {
    assert(width <= VALUE_WIDTH_MAX || order == ORDER_BYTES);
    *range = (struct value_range){.order = order, .is_empty = true, .width = width};
}

void ktki_range_add(struct value_range *range, const struct value_block *block) {
    if (block->count > 0) {
        orders[range->order].add(range, block);
    }
}

void ktki_range_merge(struct value_range *range, const struct value_range *other) {
    const uint8_t *starts[2] = {other->min, other->max};
    uint32_t sizes[2] = {other->min_size, other->max_size};
    struct value_block block = {2, NULL, starts, sizes, NULL};
    uint8_t fixed[2 * VALUE_WIDTH_MAX];

    assert(range->order == other->order && range->width == other->width);
    if (other->is_empty) {
        return;
    }
    if (range->order != ORDER_BYTES) {
        memcpy(fixed, other->fixed_min, range->width);
        memcpy(fixed + range->width, other->fixed_max, range->width);
        block.fixed = fixed;
    }
    ktki_range_add(range, &block);
}

/* Zero has two signs, and readers may compare by the bits: the bounds take both in. */
static void widen_zeros(struct value_range *range) {
    bool is_float = range->order == ORDER_FLOAT16 || range->order == ORDER_FLOAT ||
                    range->order == ORDER_DOUBLE;
    uint8_t min_bits = 0;
    uint8_t max_bits = 0;
    size_t top;

    if (!is_float || range->width < 2) {
        return;
    }
    top = range->width - 1;
    for (size_t i = 0; i < range->width; i++) {
        uint8_t mask = i == top ? 0x7F : 0xFF;
        min_bits |= range->fixed_min[i] & mask;
        max_bits |= range->fixed_max[i] & mask;
    }
    range->fixed_min[top] |= min_bits == 0 ? 0x80 : 0;
    range->fixed_max[top] &= max_bits == 0 ? 0x7F : 0xFF;
}

bool ktki_range_bounds(struct value_range *range, const uint8_t **min, size_t *min_size,
                       const uint8_t **max, size_t *max_size) {
    if (range->is_empty || range->order == ORDER_NONE) {
        return false;
    }
    if (range->order == ORDER_BYTES) {
        if (range->min_size > RANGE_BYTES_MAX || range->max_size > RANGE_BYTES_MAX) {
            return false;
        }
        *min = range->min;
        *min_size = range->min_size;
        *max = range->max;
        *max_size = range->max_size;
        return true;
    }
    widen_zeros(range);
    *min = range->fixed_min;
    *max = range->fixed_max;
    *min_size = *max_size = range->width;
    return true;
}

#define COMPARE_AS(type)                                                                           \
    do {                                                                                           \
        type left;                                                                                 \
        type right;                                                                                \
        memcpy(&left, a, sizeof(left));                                                            \
        memcpy(&right, b, sizeof(right));                                                          \
        return (left > right) - (left < right);                                                    \
    } while (0)

int ktki_bound_compare(enum value_order order, const uint8_t *a, size_t a_size, const uint8_t *b,
                       size_t b_size) {
    int result;

    switch (order) {
    case ORDER_BOOL:
        COMPARE_AS(uint8_t);
    case ORDER_INT32:
        COMPARE_AS(int32_t);
    case ORDER_INT64:
        COMPARE_AS(int64_t);
    case ORDER_UINT32:
        COMPARE_AS(uint32_t);
    case ORDER_UINT64:
        COMPARE_AS(uint64_t);
    case ORDER_FLOAT:
        COMPARE_AS(float);
    case ORDER_DOUBLE:
        COMPARE_AS(double);
    case ORDER_FLOAT16:
        result = float16_rank(a) - float16_rank(b);
        break;
    case ORDER_DECIMAL:
        result = compare_decimals(a, b, a_size);
        break;
    default:
        result = compare_bytes(a, (uint32_t)a_size, b, (uint32_t)b_size);
        break;
    }
    return (result > 0) - (result < 0);
}
