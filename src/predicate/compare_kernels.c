#include "predicate/compare_kernels.h"

#include <assert.h>

#include "predicate/convert.h"

/* ---- from flags to bits ---- */

#define BLOCK 64

/* Eight bytes of 0 or 1 become eight bits, the first the lowest. */
static uint8_t pack_byte(const uint8_t *flags) {
    uint64_t bytes;

    memcpy(&bytes, flags, sizeof(bytes));
    return (uint8_t)((bytes * UINT64_C(0x0102040810204080)) >> 56);
}

static void pack_block(const uint8_t flags[BLOCK], int64_t count, uint8_t *mask) {
    for (int64_t i = 0; i < count; i += 8) {
        mask[i / 8] = pack_byte(flags + i);
    }
}

/* Fill `mask` from `flag`, an expression in the row `i`. The inner loop writes bytes without a
 * branch, so that compilers make vectors of it. */
#define FILL_MASK(flag)                                                                            \
    do {                                                                                           \
        for (int64_t start_ = 0; start_ < input->count; start_ += BLOCK) {                         \
            uint8_t flags_[BLOCK] = {0};                                                           \
            int64_t left_ = input->count - start_;                                                 \
            int64_t size_ = left_ < BLOCK ? left_ : BLOCK;                                         \
            for (int64_t j_ = 0; j_ < size_; j_++) {                                               \
                int64_t i = start_ + j_;                                                           \
                flags_[j_] = (uint8_t)(flag);                                                      \
            }                                                                                      \
            pack_block(flags_, size_, mask + start_ / 8);                                          \
        }                                                                                          \
    } while (0)

/* ---- fixed width ---- */

static double half_to_double(uint16_t half) {
    unsigned exponent = half >> 10 & 0x1F;
    double fraction = half & 0x3FF;
    double value;

    if (exponent == 0x1F) {
        value = fraction != 0 ? __builtin_nan("") : __builtin_inf();
    } else if (exponent == 0) {
        value = fraction * 0x1p-24;
    } else {
        value = (fraction + 1024) * 0x1p-25 * (double)(UINT32_C(1) << exponent);
    }
    return half & 0x8000 ? -value : value;
}

/* One pair of kernels: `type` is what is stored, `load` brings it to the type of `member`,
 * `pattern` makes the key for sets. */
#define NUMBER_KERNELS(name, type, load, member, pattern)                                          \
    static void compare_##name(const struct kernel_input *input, enum comparison comparison,       \
                               const union scalar *value, uint8_t *mask) {                         \
        const type *values = (const type *)input->view.values + input->view.offset;                \
        switch (comparison) {                                                                      \
        case COMPARE_EQ:                                                                           \
            FILL_MASK(load(values[i]) == value->member);                                           \
            break;                                                                                 \
        case COMPARE_LT:                                                                           \
            FILL_MASK(load(values[i]) < value->member);                                            \
            break;                                                                                 \
        case COMPARE_LE:                                                                           \
            FILL_MASK(load(values[i]) <= value->member);                                           \
            break;                                                                                 \
        default:                                                                                   \
            assert(false);                                                                         \
            break;                                                                                 \
        }                                                                                          \
    }                                                                                              \
    static void contains_##name(const struct kernel_input *input, const struct test *test,         \
                                uint8_t *mask) {                                                   \
        const type *values = (const type *)input->view.values + input->view.offset;                \
        FILL_MASK(ktki_number_set_has(&test->numbers, pattern(load(values[i]))));                  \
    }

NUMBER_KERNELS(int8, int8_t, (int64_t), integer, (uint64_t))
NUMBER_KERNELS(int16, int16_t, (int64_t), integer, (uint64_t))
NUMBER_KERNELS(int32, int32_t, (int64_t), integer, (uint64_t))
NUMBER_KERNELS(int64, int64_t, (int64_t), integer, (uint64_t))
NUMBER_KERNELS(uint8, uint8_t, (uint64_t), unsigned_integer, (uint64_t))
NUMBER_KERNELS(uint16, uint16_t, (uint64_t), unsigned_integer, (uint64_t))
NUMBER_KERNELS(uint32, uint32_t, (uint64_t), unsigned_integer, (uint64_t))
NUMBER_KERNELS(uint64, uint64_t, (uint64_t), unsigned_integer, (uint64_t))
NUMBER_KERNELS(float16, uint16_t, half_to_double, real, ktki_double_bits)
NUMBER_KERNELS(float32, float, (double), real, ktki_double_bits)
NUMBER_KERNELS(float64, double, (double), real, ktki_double_bits)

/* ---- bool ---- */

static void compare_bool(const struct kernel_input *input, enum comparison comparison,
                         const union scalar *value, uint8_t *mask) {
    size_t size = ((size_t)input->count + 7) / 8;
    bool is_true = value->integer != 0;

    if (comparison == (is_true ? COMPARE_LE : COMPARE_LT)) {
        memset(mask, is_true ? 0xFF : 0, size);
        return;
    }
    ktki_bits_copy(input->view.values, input->view.offset, mask, 0, input->count);
    if (comparison != COMPARE_EQ || !is_true) {
        for (size_t i = 0; i < size; i++) {
            mask[i] = (uint8_t)~mask[i];
        }
    }
}

static void contains_bool(const struct kernel_input *input, const struct test *test,
                          uint8_t *mask) {
    bool has_false = ktki_number_set_has(&test->numbers, 0);
    bool has_true = ktki_number_set_has(&test->numbers, 1);

    if (has_false == has_true) {
        memset(mask, has_true ? 0xFF : 0, ((size_t)input->count + 7) / 8);
    } else {
        compare_bool(input, COMPARE_EQ, &(union scalar){.integer = has_true}, mask);
    }
}

/* ---- text and binary ---- */

/* Arrays of nothing but empty values may have no bytes at all. */
static inline const uint8_t *bytes_of(const struct kernel_input *input) {
    return input->view.values != NULL ? input->view.values : (const uint8_t *)"";
}

static inline bool bytes_match(const uint8_t *data, size_t size, enum comparison comparison,
                               const union scalar *value) {
    size_t other = value->bytes.size;
    int order;

    if (comparison == COMPARE_EQ) {
        return size == other && (size == 0 || memcmp(data, value->bytes.data, size) == 0);
    }
    if (comparison == COMPARE_START) {
        return size >= other && (other == 0 || memcmp(data, value->bytes.data, other) == 0);
    }
    other = size < other ? size : other;
    order = other == 0 ? 0 : memcmp(data, value->bytes.data, other);
    if (order == 0) {
        return comparison == COMPARE_LT ? size < value->bytes.size : size <= value->bytes.size;
    }
    return order < 0;
}

#define BYTES_KERNELS(name, offset_type)                                                           \
    static void compare_##name(const struct kernel_input *input, enum comparison comparison,       \
                               const union scalar *value, uint8_t *mask) {                         \
        const offset_type *offsets =                                                               \
            (const offset_type *)input->view.offsets + input->view.offset;                         \
        const uint8_t *data = bytes_of(input);                                                     \
        FILL_MASK(bytes_match(data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]),            \
                              comparison, value));                                                 \
    }                                                                                              \
    static void contains_##name(const struct kernel_input *input, const struct test *test,         \
                                uint8_t *mask) {                                                   \
        const offset_type *offsets =                                                               \
            (const offset_type *)input->view.offsets + input->view.offset;                         \
        const uint8_t *data = bytes_of(input);                                                     \
        FILL_MASK(ktki_hash_map_find(test->texts, data + offsets[i],                               \
                                     (size_t)(offsets[i + 1] - offsets[i])) != NULL);              \
    }

BYTES_KERNELS(text32, int32_t)
BYTES_KERNELS(text64, int64_t)

/* Views and fixed width: one value at a time. */
static bool any_bytes_match(const struct kernel_input *input, int64_t row,
                            enum comparison comparison, const union scalar *value) {
    const uint8_t *data;
    size_t size;

    ktki_array_bytes(input->array, input->type, row, &data, &size);
    return bytes_match(data, size, comparison, value);
}

static void compare_bytes(const struct kernel_input *input, enum comparison comparison,
                          const union scalar *value, uint8_t *mask) {
    FILL_MASK(!ktki_view_is_null(&input->view, i) && any_bytes_match(input, i, comparison, value));
}

static bool any_bytes_has(const struct kernel_input *input, int64_t row, const struct test *test) {
    const uint8_t *data;
    size_t size;

    ktki_array_bytes(input->array, input->type, row, &data, &size);
    return ktki_hash_map_find(test->texts, data, size) != NULL;
}

static void contains_bytes(const struct kernel_input *input, const struct test *test,
                           uint8_t *mask) {
    FILL_MASK(!ktki_view_is_null(&input->view, i) && any_bytes_has(input, i, test));
}

/* ---- decimals ---- */

static struct wide_integer load_decimal(const struct kernel_input *input, int64_t row) {
    size_t width = ktki_type_width(input->type);
    struct wide_integer value = {{0}};

    memcpy(value.limbs,
           (const uint8_t *)input->view.values + (size_t)(input->view.offset + row) * width, width);
    for (size_t i = width / sizeof(uint64_t); i < 4; i++) {
        value.limbs[i] = (int64_t)value.limbs[i - 1] < 0 ? UINT64_MAX : 0;
    }
    return value;
}

static bool decimal_match(const struct kernel_input *input, int64_t row, enum comparison comparison,
                          const union scalar *value) {
    struct wide_integer own = load_decimal(input, row);
    int order = ktki_wide_compare(&own, &value->wide);

    return comparison == COMPARE_EQ ? order == 0 : order < (comparison == COMPARE_LE);
}

static void compare_decimal(const struct kernel_input *input, enum comparison comparison,
                            const union scalar *value, uint8_t *mask) {
    FILL_MASK(decimal_match(input, i, comparison, value));
}

static bool decimal_has(const struct kernel_input *input, int64_t row, const struct test *test) {
    struct wide_integer value = load_decimal(input, row);

    return ktki_hash_map_find(test->texts, value.limbs, sizeof(value.limbs)) != NULL;
}

static void contains_decimal(const struct kernel_input *input, const struct test *test,
                             uint8_t *mask) {
    FILL_MASK(decimal_has(input, i, test));
}

/* ---- the table ---- */

static const struct kernel kernels[TYPE_COUNT] = {
    [TYPE_NULL] = {CLASS_NULL, NULL, NULL, false},
    [TYPE_BOOL] = {CLASS_BOOL, compare_bool, contains_bool, false},
    [TYPE_INT8] = {CLASS_SIGNED, compare_int8, contains_int8, false},
    [TYPE_INT16] = {CLASS_SIGNED, compare_int16, contains_int16, false},
    [TYPE_INT32] = {CLASS_SIGNED, compare_int32, contains_int32, false},
    [TYPE_INT64] = {CLASS_SIGNED, compare_int64, contains_int64, false},
    [TYPE_UINT8] = {CLASS_UNSIGNED, compare_uint8, contains_uint8, false},
    [TYPE_UINT16] = {CLASS_UNSIGNED, compare_uint16, contains_uint16, false},
    [TYPE_UINT32] = {CLASS_UNSIGNED, compare_uint32, contains_uint32, false},
    [TYPE_UINT64] = {CLASS_UNSIGNED, compare_uint64, contains_uint64, false},
    [TYPE_FLOAT16] = {CLASS_FLOAT, compare_float16, contains_float16, true},
    [TYPE_FLOAT32] = {CLASS_FLOAT, compare_float32, contains_float32, true},
    [TYPE_FLOAT64] = {CLASS_FLOAT, compare_float64, contains_float64, true},
    [TYPE_STRING] = {CLASS_BYTES, compare_text32, contains_text32, false},
    [TYPE_LARGE_STRING] = {CLASS_BYTES, compare_text64, contains_text64, false},
    [TYPE_BINARY] = {CLASS_BYTES, compare_text32, contains_text32, false},
    [TYPE_LARGE_BINARY] = {CLASS_BYTES, compare_text64, contains_text64, false},
    [TYPE_STRING_VIEW] = {CLASS_BYTES, compare_bytes, contains_bytes, false},
    [TYPE_BINARY_VIEW] = {CLASS_BYTES, compare_bytes, contains_bytes, false},
    [TYPE_FIXED_BINARY] = {CLASS_BYTES, compare_bytes, contains_bytes, false},
    [TYPE_DATE32] = {CLASS_DATE, compare_int32, contains_int32, false},
    [TYPE_DATE64] = {CLASS_DATE, compare_int64, contains_int64, false},
    [TYPE_TIME32] = {CLASS_TIME, compare_int32, contains_int32, false},
    [TYPE_TIME64] = {CLASS_TIME, compare_int64, contains_int64, false},
    [TYPE_TIMESTAMP] = {CLASS_TIMESTAMP, compare_int64, contains_int64, false},
    [TYPE_DURATION] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_INTERVAL] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_DECIMAL128] = {CLASS_DECIMAL, compare_decimal, contains_decimal, false},
    [TYPE_DECIMAL256] = {CLASS_DECIMAL, compare_decimal, contains_decimal, false},
    [TYPE_LIST] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_LARGE_LIST] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_FIXED_LIST] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_STRUCT] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_MAP] = {CLASS_NONE, NULL, NULL, false},
    [TYPE_DICTIONARY] = {CLASS_NONE, NULL, NULL, false},
};

const struct kernel *ktki_kernel(enum type_id id) {
    assert((size_t)id < TYPE_COUNT);
    return &kernels[id];
}

enum value_class ktki_value_class(enum type_id id) {
    return ktki_kernel(id)->value_class;
}

size_t ktki_test_index(const struct data_type *type) {
    switch (ktki_value_class(type->id)) {
    case CLASS_TIME:
    case CLASS_TIMESTAMP:
        return (size_t)type->unit;
    case CLASS_DATE:
        return type->id == TYPE_DATE64;
    default:
        return 0;
    }
}

/* ---- dictionaries ---- */

static inline bool bit_at(const uint8_t *bits, int64_t count, uint64_t index) {
    return index < (uint64_t)count && (bits[index >> 3] >> (index & 7) & 1) != 0;
}

#define GATHER(type)                                                                               \
    do {                                                                                           \
        const type *indices = (const type *)input->view.values + input->view.offset;               \
        FILL_MASK(bit_at(bits, count, (uint64_t)indices[i]));                                      \
    } while (0)

void ktki_gather_bits(const struct kernel_input *input, const uint8_t *bits, int64_t count,
                      uint8_t *mask) {
    switch (ktki_type_width(input->type)) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(uint16_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    default:
        GATHER(uint64_t);
        break;
    }
}
