#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "parquet/leaf_reader.h"

/* Days from the Julian day 0 to 1970-01-01. */
#define JULIAN_EPOCH 2440588
#define NANOS_PER_DAY INT64_C(86400000000000)

/* The low bytes of a number hold its value in any narrower type. */
static bool read_narrow(struct cursor *in, size_t in_width, size_t count, uint8_t *out,
                        size_t out_width) {
    const uint8_t *from;

    if (count > ktki_cursor_left(in) / in_width ||
        !ktki_cursor_bytes(in, count * in_width, &from)) {
        return false;
    }
    if (out_width == 1) {
        for (size_t i = 0; i < count; i++) {
            out[i] = from[i * in_width];
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            memcpy(out + i * out_width, from + i * in_width, out_width);
        }
    }
    return true;
}

/* INT96: nanoseconds of the day, then the Julian day. False: the nanoseconds since 1970 do not fit,
 * which other readers let wrap. A day before 1970 counts back from its end, so that all instants
 * that fit are reached. */
static bool int96_nanos(const uint8_t *from, int64_t *out) {
    int64_t nanos;
    uint32_t julian;
    int64_t day;

    memcpy(&nanos, from, sizeof(nanos));
    memcpy(&julian, from + sizeof(nanos), sizeof(julian));
    day = (int64_t)julian - JULIAN_EPOCH;
    if (day < 0) {
        day++;
        if (!ktki_add_i64(nanos, -NANOS_PER_DAY, &nanos)) {
            return false;
        }
    }
    return ktki_mul_i64(day, NANOS_PER_DAY, &day) && ktki_add_i64(day, nanos, out);
}

static bool read_int96(struct cursor *in, size_t in_width, size_t count, uint8_t *out,
                       size_t out_width) {
    const uint8_t *from;
    bool fits = true;

    if (count > ktki_cursor_left(in) / in_width ||
        !ktki_cursor_bytes(in, count * in_width, &from)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t nanos = 0;
        fits = int96_nanos(from + i * in_width, &nanos) && fits;
        memcpy(out + i * out_width, &nanos, sizeof(nanos));
    }
    return fits;
}

/* A little-endian number with its sign carried on. */
static bool read_wide(struct cursor *in, size_t in_width, size_t count, uint8_t *out,
                      size_t out_width) {
    const uint8_t *from;

    if (count > ktki_cursor_left(in) / in_width ||
        !ktki_cursor_bytes(in, count * in_width, &from)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int sign = (from[in_width - 1] & 0x80) != 0 ? 0xFF : 0;
        memcpy(out, from, in_width);
        memset(out + in_width, sign, out_width - in_width);
        from += in_width;
        out += out_width;
    }
    return true;
}

/* A big-endian number of any size; bytes beyond `out_width` must be nothing but its sign. */
static bool reverse_number(const uint8_t *from, size_t size, uint8_t *out, size_t out_width) {
    uint8_t sign = size > 0 && (from[0] & 0x80) != 0 ? 0xFF : 0;

    while (size > out_width) {
        if (from[0] != sign || ((from[1] ^ sign) & 0x80) != 0) {
            return false;
        }
        from++;
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = from[size - 1 - i];
    }
    memset(out + size, sign, out_width - size);
    return true;
}

static bool read_reversed(struct cursor *in, size_t in_width, size_t count, uint8_t *out,
                          size_t out_width) {
    const uint8_t *from;

    for (size_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)in_width;
        if ((in_width == 0 && !ktki_cursor_u32le(in, &size)) ||
            !ktki_cursor_bytes(in, size, &from) ||
            !reverse_number(from, size, out + i * out_width, out_width)) {
            return false;
        }
    }
    return true;
}

static size_t physical_width(const struct schema_element *leaf) {
    static const size_t widths[PQ_TYPE_COUNT] = {
        [PQ_INT32] = 4, [PQ_INT64] = 8, [PQ_INT96] = 12, [PQ_FLOAT] = 4, [PQ_DOUBLE] = 8};

    return leaf->type == PQ_FIXED_LEN_BYTE_ARRAY ? (size_t)leaf->type_length : widths[leaf->type];
}

static plain_reader decimal_reader(const struct schema_element *leaf) {
    return leaf->type == PQ_INT32 || leaf->type == PQ_INT64 ? read_wide : read_reversed;
}

static struct value_rule fixed_rule(const struct schema_element *leaf,
                                    const struct data_type *type) {
    struct value_rule rule = {
        .kind = SINK_FIXED, .width = ktki_type_width(type), .plain_width = physical_width(leaf)};

    if (type->id == TYPE_DECIMAL128 || type->id == TYPE_DECIMAL256) {
        rule.read = decimal_reader(leaf);
    } else if (leaf->type == PQ_INT96) {
        rule.read = read_int96;
    } else if (rule.width < rule.plain_width) {
        rule.read = read_narrow;
    }
    assert(rule.width > 0 && (rule.read != NULL || rule.width == rule.plain_width));
    return rule;
}

static struct value_rule rule_of_type(const struct schema_element *leaf,
                                      const struct data_type *type) {
    switch (type->id) {
    case TYPE_NULL:
        return (struct value_rule){.kind = SINK_NULLS};
    case TYPE_BOOL:
        return (struct value_rule){.kind = SINK_BITS};
    case TYPE_STRING:
        return (struct value_rule){.kind = SINK_TEXT_32, .is_utf8 = true};
    case TYPE_BINARY:
        return (struct value_rule){.kind = SINK_TEXT_32};
    case TYPE_LARGE_STRING:
        return (struct value_rule){.kind = SINK_TEXT_64, .is_utf8 = true};
    case TYPE_LARGE_BINARY:
        return (struct value_rule){.kind = SINK_TEXT_64};
    default:
        return fixed_rule(leaf, type);
    }
}

struct value_rule ktki_value_rule(const struct schema_element *leaf, const struct data_type *type) {
    struct value_rule rule = rule_of_type(leaf, type);

    rule.physical = leaf->type;
    rule.entries = rule.kind;
    return rule;
}

ktk_status ktki_value_fault(const struct value_rule *rule, struct cursor values, size_t count,
                            ktk_error *err) {
    const uint8_t *from;
    int64_t nanos;

    for (size_t i = 0; rule->read == read_int96 && i < count; i++) {
        if (!ktki_cursor_bytes(&values, rule->plain_width, &from)) {
            break;
        }
        if (!int96_nanos(from, &nanos)) {
            uint32_t julian;

            memcpy(&nanos, from, sizeof(nanos));
            memcpy(&julian, from + sizeof(nanos), sizeof(julian));
            return ktk_error_set(err, KTK_E_UNSUPPORTED,
                                 "value %zu, %lld nanoseconds into Julian day %u, is no timestamp "
                                 "of nanoseconds, which end in 1677 and 2262",
                                 i, (long long)nanos, julian);
        }
    }
    return ktk_error_set(err, KTK_E_CORRUPT,
                         "there are fewer values than announced, or one is out of range");
}
