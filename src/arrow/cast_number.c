#include "arrow/cast_internal.h"
#include "base/error.h"

/* Widening keeps every value, and what stands below nulls does not matter. */
#define DEFINE_WIDEN(name, from_type, to_type)                                                     \
    static void name(const void *from, int64_t offset, int64_t count, void *to) {                  \
        const from_type *in = (const from_type *)from + offset;                                    \
        to_type *out = to;                                                                         \
        for (int64_t i = 0; i < count; i++) {                                                      \
            out[i] = in[i];                                                                        \
        }                                                                                          \
    }

DEFINE_WIDEN(widen_i8_i16, int8_t, int16_t)
DEFINE_WIDEN(widen_i8_i32, int8_t, int32_t)
DEFINE_WIDEN(widen_i8_i64, int8_t, int64_t)
DEFINE_WIDEN(widen_i16_i32, int16_t, int32_t)
DEFINE_WIDEN(widen_i16_i64, int16_t, int64_t)
DEFINE_WIDEN(widen_i32_i64, int32_t, int64_t)
DEFINE_WIDEN(widen_u8_u16, uint8_t, uint16_t)
DEFINE_WIDEN(widen_u8_u32, uint8_t, uint32_t)
DEFINE_WIDEN(widen_u8_u64, uint8_t, uint64_t)
DEFINE_WIDEN(widen_u16_u32, uint16_t, uint32_t)
DEFINE_WIDEN(widen_u16_u64, uint16_t, uint64_t)
DEFINE_WIDEN(widen_u32_u64, uint32_t, uint64_t)
DEFINE_WIDEN(widen_f32_f64, float, double)

static float float_of_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half >> 15) << 31;
    uint32_t exponent = half >> 10 & 0x1F;
    uint32_t mantissa = half & 0x3FF;
    uint32_t bits;
    float value;

    if (exponent == 31) {
        bits = sign | 0x7F800000 | mantissa << 13;
    } else if (exponent > 0) {
        bits = sign | (exponent + 127 - 15) << 23 | mantissa << 13;
    } else { /* a subnormal, exact as a multiple of 2^-24 */
        value = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &value, sizeof(bits));
        bits |= sign;
    }
    memcpy(&value, &bits, sizeof(value));
    return value;
}

#define DEFINE_WIDEN_HALF(name, to_type)                                                           \
    static void name(const void *from, int64_t offset, int64_t count, void *to) {                  \
        const uint16_t *in = (const uint16_t *)from + offset;                                      \
        to_type *out = to;                                                                         \
        for (int64_t i = 0; i < count; i++) {                                                      \
            out[i] = float_of_half(in[i]);                                                         \
        }                                                                                          \
    }

DEFINE_WIDEN_HALF(widen_f16_f32, float)
DEFINE_WIDEN_HALF(widen_f16_f64, double)

typedef void (*widen_fn)(const void *from, int64_t offset, int64_t count, void *to);

static const struct {
    enum type_id from;
    enum type_id to;
    widen_fn fn;
} widenings[] = {
    {TYPE_INT8, TYPE_INT16, widen_i8_i16},       {TYPE_INT8, TYPE_INT32, widen_i8_i32},
    {TYPE_INT8, TYPE_INT64, widen_i8_i64},       {TYPE_INT16, TYPE_INT32, widen_i16_i32},
    {TYPE_INT16, TYPE_INT64, widen_i16_i64},     {TYPE_INT32, TYPE_INT64, widen_i32_i64},
    {TYPE_UINT8, TYPE_UINT16, widen_u8_u16},     {TYPE_UINT8, TYPE_UINT32, widen_u8_u32},
    {TYPE_UINT8, TYPE_UINT64, widen_u8_u64},     {TYPE_UINT16, TYPE_UINT32, widen_u16_u32},
    {TYPE_UINT16, TYPE_UINT64, widen_u16_u64},   {TYPE_UINT32, TYPE_UINT64, widen_u32_u64},
    {TYPE_FLOAT16, TYPE_FLOAT32, widen_f16_f32}, {TYPE_FLOAT16, TYPE_FLOAT64, widen_f16_f64},
    {TYPE_FLOAT32, TYPE_FLOAT64, widen_f32_f64},
};

static widen_fn find_widening(enum type_id from, enum type_id to) {
    for (size_t i = 0; i < sizeof(widenings) / sizeof(widenings[0]); i++) {
        if (widenings[i].from == from && widenings[i].to == to) {
            return widenings[i].fn;
        }
    }
    return NULL;
}

static ktk_status cast_number(struct cast *cast, ktk_error *err) {
    struct array_parts *parts = cast->parts;
    widen_fn fn = find_widening(cast->from->type.id, cast->to->type.id);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(parts, 1, (size_t)parts->length, ktki_type_width(&cast->to->type),
                                 err));
    if (parts->length > 0) {
        fn(cast->view.values, cast->view.offset, parts->length, parts->buffers[1].data);
    }
out:
    return status;
}

cast_fn ktki_cast_number_kernel(enum type_id from, enum type_id to) {
    return find_widening(from, to) != NULL ? cast_number : NULL;
}
