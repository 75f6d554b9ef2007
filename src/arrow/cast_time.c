#include "arrow/cast_internal.h"
#include "base/checked.h"
#include "base/error.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_DAY (86400 * NS_PER_SECOND)

/* What may become each other. Timestamps with and without zone are kept apart. */
enum time_kind { KIND_NONE = 0, KIND_MOMENT, KIND_TIME_OF_DAY, KIND_DURATION };

static enum time_kind kind_of(const struct data_type *type) {
    switch (type->id) {
    case TYPE_DATE32:
    case TYPE_DATE64:
    case TYPE_TIMESTAMP:
        return KIND_MOMENT;
    case TYPE_TIME32:
    case TYPE_TIME64:
        return KIND_TIME_OF_DAY;
    case TYPE_DURATION:
        return KIND_DURATION;
    default:
        return KIND_NONE;
    }
}

/* Nanoseconds in one unit of the type. */
static int64_t tick_ns(const struct data_type *type) {
    return type->id == TYPE_DATE32   ? NS_PER_DAY
           : type->id == TYPE_DATE64 ? NS_PER_SECOND / 1000
                                     : NS_PER_SECOND / ktki_unit_per_second(type->unit);
}

/* One of the two is 1. */
struct scale {
    int64_t multiplier;
    int64_t divisor;
};

static struct scale scale_of(const struct data_type *from, const struct data_type *to) {
    int64_t from_ns = tick_ns(from);
    int64_t to_ns = tick_ns(to);

    return from_ns >= to_ns ? (struct scale){from_ns / to_ns, 1}
                            : (struct scale){1, to_ns / from_ns};
}

static bool is_narrow(const struct data_type *type) {
    return type->id == TYPE_DATE32 || type->id == TYPE_TIME32;
}

/* Values are brought to 64 bits block by block, so that one kernel a direction is enough. */
#define BLOCK_ROWS 1024

static void load(const struct cast *cast, int64_t start, int64_t count, int64_t *out) {
    start += cast->view.offset;
    if (is_narrow(&cast->from->type)) {
        const int32_t *in = (const int32_t *)cast->view.values + start;
        for (int64_t i = 0; i < count; i++) {
            out[i] = in[i];
        }
    } else {
        memcpy(out, (const int64_t *)cast->view.values + start, (size_t)count * sizeof(*out));
    }
}

/* In place; true if a value, possibly one below a null, does not fit. */
static bool multiply(int64_t *values, int64_t count, int64_t multiplier) {
    bool has_overflow = false;

    for (int64_t i = 0; i < count; i++) {
        has_overflow |= __builtin_mul_overflow(values[i], multiplier, &values[i]);
    }
    return has_overflow;
}

/* With the divisor known to the compiler a division is a multiplication. */
#define DEFINE_DIVIDE(name, divisor)                                                               \
    static bool name(int64_t *values, int64_t count) {                                             \
        int64_t rests = 0;                                                                         \
        for (int64_t i = 0; i < count; i++) {                                                      \
            int64_t quotient = values[i] / (divisor);                                              \
            rests |= values[i] - quotient * (divisor);                                             \
            values[i] = quotient;                                                                  \
        }                                                                                          \
        return rests != 0;                                                                         \
    }

DEFINE_DIVIDE(divide_thousand, 1000)
DEFINE_DIVIDE(divide_million, 1000000)
DEFINE_DIVIDE(divide_billion, 1000000000)
DEFINE_DIVIDE(divide_day_s, 86400)
DEFINE_DIVIDE(divide_day_ms, 86400000)
DEFINE_DIVIDE(divide_day_us, INT64_C(86400000000))
DEFINE_DIVIDE(divide_day_ns, NS_PER_DAY)

static const struct {
    int64_t divisor;
    bool (*fn)(int64_t *values, int64_t count);
} divisions[] = {
    {1000, divide_thousand},     {1000000, divide_million}, {NS_PER_SECOND, divide_billion},
    {86400, divide_day_s},       {86400000, divide_day_ms}, {INT64_C(86400000000), divide_day_us},
    {NS_PER_DAY, divide_day_ns},
};

static bool divide(int64_t *values, int64_t count, int64_t divisor) {
    for (size_t i = 0; i < sizeof(divisions) / sizeof(divisions[0]); i++) {
        if (divisions[i].divisor == divisor) {
            return divisions[i].fn(values, count);
        }
    }
    return false; /* a divisor of 1 */
}

/* True if a value does not fit. */
static bool store(const struct cast *cast, int64_t start, int64_t count, const int64_t *in) {
    void *values = cast->parts->buffers[1].data;
    bool has_overflow = false;

    if (is_narrow(&cast->to->type)) {
        int32_t *out = (int32_t *)values + start;
        for (int64_t i = 0; i < count; i++) {
            out[i] = (int32_t)in[i];
            has_overflow |= out[i] != in[i];
        }
    } else {
        memcpy((int64_t *)values + start, in, (size_t)count * sizeof(*in));
    }
    return has_overflow;
}

static int64_t value_at(const struct cast *cast, int64_t row) {
    int64_t at = cast->view.offset + row;
    return is_narrow(&cast->from->type) ? ((const int32_t *)cast->view.values)[at]
                                        : ((const int64_t *)cast->view.values)[at];
}

static bool is_kept(int64_t value, struct scale scale, bool to_narrow) {
    int64_t result;

    if (value % scale.divisor != 0 ||
        !ktki_mul_i64(value / scale.divisor, scale.multiplier, &result)) {
        return false;
    }
    return !to_narrow || (result >= INT32_MIN && result <= INT32_MAX);
}

/* Something did not fit: name the first value that did not, unless it was only below nulls. */
static ktk_status find_lost(const struct cast *cast, struct scale scale, ktk_error *err) {
    const struct data_type *to = &cast->to->type;
    bool has_unit = to->id != TYPE_DATE32 && to->id != TYPE_DATE64;

    for (int64_t row = 0; row < cast->parts->length; row++) {
        int64_t value = value_at(cast, row);
        if (ktki_view_is_null(&cast->view, row) || is_kept(value, scale, is_narrow(to))) {
            continue;
        }
        return ktk_error_set(err, KTK_E_INVALID,
                             "row %lld of column '%s': '%lld' of type %s cannot be kept as %s%s%s",
                             (long long)row, cast->to->name == NULL ? "" : cast->to->name,
                             (long long)value, ktki_type_name(cast->from->type.id),
                             ktki_type_name(to->id), has_unit ? " in " : "",
                             has_unit ? ktki_unit_name(to->unit) : "");
    }
    return KTK_OK;
}

static ktk_status cast_time(struct cast *cast, ktk_error *err) {
    struct scale scale = scale_of(&cast->from->type, &cast->to->type);
    int64_t length = cast->parts->length;
    int64_t block[BLOCK_ROWS];
    bool is_lost = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_parts_allocate(cast->parts, 1, (size_t)length, ktki_type_width(&cast->to->type), err));
    for (int64_t start = 0; start < length; start += BLOCK_ROWS) {
        int64_t count = length - start < BLOCK_ROWS ? length - start : BLOCK_ROWS;
        load(cast, start, count, block);
        is_lost |= scale.divisor > 1 ? divide(block, count, scale.divisor)
                                     : multiply(block, count, scale.multiplier);
        is_lost |= store(cast, start, count, block);
    }
    if (is_lost) {
        KTKI_TRY(find_lost(cast, scale, err));
    }
out:
    return status;
}

cast_fn ktki_cast_time_kernel(const struct data_type *from, const struct data_type *to) {
    struct data_type same_unit = *from;

    if (kind_of(from) == KIND_NONE || kind_of(from) != kind_of(to)) {
        return NULL;
    }
    if (from->id == TYPE_TIMESTAMP) { /* only between units: a date would drop the time of day */
        same_unit.unit = to->unit;
        return ktki_type_equals(&same_unit, to) ? cast_time : NULL;
    }
    return to->id == TYPE_TIMESTAMP && to->timezone != NULL ? NULL : cast_time;
}
