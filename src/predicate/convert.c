#include "predicate/convert.h"

#include <math.h>

#include "base/text.h"
#include "base/time_format.h"

#define NANOS_PER_SECOND 1000000000
#define SECONDS_PER_DAY 86400

static const int64_t units_per_second[] = {
    [UNIT_SECOND] = 1,
    [UNIT_MILLI] = 1000,
    [UNIT_MICRO] = 1000000,
    [UNIT_NANO] = NANOS_PER_SECOND,
};

static bool holds_text(const ktk_value *value) {
    return value->kind == KTK_VALUE_TEXT || value->kind == KTK_VALUE_UNTYPED;
}

/* ---- one function for each class ---- */

/* A column of nulls has no values: whatever is asked, no row is equal to it or in order with it. */
static bool place_anywhere(struct placed *out, const ktk_value *value, const struct data_type *type,
                           size_t test_index) {
    (void)value;
    (void)type;
    (void)test_index;
    out->place = PLACE_BELOW_ALL;
    return true;
}

static bool equals_word(const ktk_value *value, const char *word) {
    size_t size = strlen(word);

    if (value->bytes_size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = value->bytes[i];

        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool place_bool(struct placed *out, const ktk_value *value, const struct data_type *type,
                       size_t test_index) {
    (void)type;
    (void)test_index;
    if (value->kind == KTK_VALUE_BOOL) {
        out->at.integer = value->integer != 0;
        return true;
    }
    out->at.integer = equals_word(value, "true");
    return value->kind == KTK_VALUE_UNTYPED && (out->at.integer || equals_word(value, "false"));
}

static bool is_digits(const ktk_value *value) {
    size_t start = value->bytes_size > 0 && (value->bytes[0] == '-' || value->bytes[0] == '+');

    for (size_t i = start; i < value->bytes_size; i++) {
        if (value->bytes[i] < '0' || value->bytes[i] > '9') {
            return false;
        }
    }
    return value->bytes_size > start;
}

/* A whole number as INT or UINT; texts of more digits than 64 bits hold lie outside of all. */
static bool read_whole(ktk_value *whole, struct placed *out, const ktk_value *value) {
    *whole = *value;
    if (value->kind == KTK_VALUE_INT || value->kind == KTK_VALUE_UINT) {
        return true;
    }
    if (value->kind != KTK_VALUE_UNTYPED || !is_digits(value)) {
        return false;
    }
    if (ktki_parse_i64(value->bytes, value->bytes_size, &whole->integer)) {
        whole->kind = KTK_VALUE_INT;
    } else if (ktki_parse_u64(value->bytes, value->bytes_size, &whole->unsigned_integer)) {
        whole->kind = KTK_VALUE_UINT;
    } else {
        out->place = value->bytes[0] == '-' ? PLACE_BELOW_ALL : PLACE_ABOVE_ALL;
    }
    return true;
}

static bool place_signed(struct placed *out, const ktk_value *value, const struct data_type *type,
                         size_t test_index) {
    ktk_value whole;

    (void)type;
    (void)test_index;
    if (!read_whole(&whole, out, value)) {
        return false;
    }
    if (whole.kind == KTK_VALUE_INT) {
        out->at.integer = whole.integer;
    } else if (whole.kind == KTK_VALUE_UINT && whole.unsigned_integer <= INT64_MAX) {
        out->at.integer = (int64_t)whole.unsigned_integer;
    } else if (whole.kind == KTK_VALUE_UINT) {
        out->place = PLACE_ABOVE_ALL;
    }
    return true;
}

static bool place_unsigned(struct placed *out, const ktk_value *value, const struct data_type *type,
                           size_t test_index) {
    ktk_value whole;

    (void)type;
    (void)test_index;
    if (!read_whole(&whole, out, value)) {
        return false;
    }
    if (whole.kind == KTK_VALUE_UINT) {
        out->at.unsigned_integer = whole.unsigned_integer;
    } else if (whole.kind == KTK_VALUE_INT && whole.integer >= 0) {
        out->at.unsigned_integer = (uint64_t)whole.integer;
    } else if (whole.kind == KTK_VALUE_INT) {
        out->place = PLACE_BELOW_ALL;
    }
    return true;
}

/* The greatest double that is not above an integer, and whether something is left. */
static void place_integer_as_double(struct placed *out, bool is_negative, uint64_t magnitude) {
    double size = (double)magnitude;
    bool is_rounded_up = size >= 0x1p64 || (uint64_t)size > magnitude;
    bool is_exact = size < 0x1p64 && (uint64_t)size == magnitude;

    if (!is_exact && !is_negative && is_rounded_up) {
        size = nextafter(size, 0);
    } else if (!is_exact && is_negative && !is_rounded_up) {
        size = nextafter(size, INFINITY);
    }
    out->at.real = is_negative ? -size : size;
    out->place = is_exact ? PLACE_AT : PLACE_ABOVE;
}

static bool place_float(struct placed *out, const ktk_value *value, const struct data_type *type,
                        size_t test_index) {
    (void)type;
    (void)test_index;
    switch (value->kind) {
    case KTK_VALUE_FLOAT:
        out->at.real = value->real;
        break;
    case KTK_VALUE_INT:
        place_integer_as_double(out, value->integer < 0,
                                value->integer < 0 ? 0 - (uint64_t)value->integer
                                                   : (uint64_t)value->integer);
        break;
    case KTK_VALUE_UINT:
        place_integer_as_double(out, false, value->unsigned_integer);
        break;
    case KTK_VALUE_UNTYPED:
        if (!ktki_parse_f64(value->bytes, value->bytes_size, &out->at.real)) {
            return false;
        }
        break;
    default:
        return false;
    }
    if (out->place == PLACE_AT && isnan(out->at.real)) {
        out->place = PLACE_NULL;
    }
    return true;
}

static bool place_bytes(struct placed *out, const ktk_value *value, const struct data_type *type,
                        size_t test_index) {
    (void)type;
    (void)test_index;
    out->at.bytes.data = (const uint8_t *)value->bytes;
    out->at.bytes.size = value->bytes_size;
    return holds_text(value) || value->kind == KTK_VALUE_BINARY;
}

/* A point in time, `seconds` plus `nanoseconds` in [0, 1e9), among whole units. */
static void place_time(struct placed *out, int64_t seconds, int64_t nanoseconds,
                       int64_t per_second) {
    int64_t nanos_per_unit = NANOS_PER_SECOND / per_second;
    int64_t whole;

    if (__builtin_mul_overflow(seconds, per_second, &whole)) {
        /* Close to the lower bound the sum may fit again although the product does not. */
        if (seconds >= 0 || __builtin_mul_overflow(seconds + 1, per_second, &whole) ||
            __builtin_add_overflow(whole, nanoseconds / nanos_per_unit - per_second, &whole)) {
            out->place = seconds < 0 ? PLACE_BELOW_ALL : PLACE_ABOVE_ALL;
            return;
        }
    } else if (__builtin_add_overflow(whole, nanoseconds / nanos_per_unit, &whole)) {
        out->place = PLACE_ABOVE_ALL;
        return;
    }
    out->at.integer = whole;
    out->place = nanoseconds % nanos_per_unit == 0 ? PLACE_AT : PLACE_ABOVE;
}

static bool place_date(struct placed *out, const ktk_value *value, const struct data_type *type,
                       size_t test_index) {
    int64_t days = value->integer;

    (void)type;
    if (value->kind != KTK_VALUE_DATE &&
        !((holds_text(value) || value->kind == KTK_VALUE_BINARY) &&
          ktki_parse_date(value->bytes, value->bytes_size, &days))) {
        return false;
    }
    out->at.integer = days;
    if (test_index > 0 &&
        __builtin_mul_overflow(days, SECONDS_PER_DAY * INT64_C(1000), &out->at.integer)) {
        out->place = days < 0 ? PLACE_BELOW_ALL : PLACE_ABOVE_ALL;
    }
    return true;
}

static bool place_time_of_day(struct placed *out, const ktk_value *value,
                              const struct data_type *type, size_t test_index) {
    int64_t nanoseconds;

    (void)type;
    if (value->kind != KTK_VALUE_UNTYPED ||
        !ktki_parse_time(value->bytes, value->bytes_size, &nanoseconds)) {
        return false;
    }
    place_time(out, nanoseconds / NANOS_PER_SECOND, nanoseconds % NANOS_PER_SECOND,
               units_per_second[test_index]);
    return true;
}

static bool place_timestamp(struct placed *out, const ktk_value *value,
                            const struct data_type *type, size_t test_index) {
    int64_t seconds = value->integer / NANOS_PER_SECOND;
    int32_t nanoseconds = (int32_t)(value->integer % NANOS_PER_SECOND);
    bool has_offset;

    (void)type;
    if (value->kind != KTK_VALUE_TIMESTAMP &&
        !(value->kind == KTK_VALUE_UNTYPED &&
          ktki_parse_timestamp(value->bytes, value->bytes_size, &seconds, &nanoseconds,
                               &has_offset))) {
        return false;
    }
    if (nanoseconds < 0) {
        nanoseconds += NANOS_PER_SECOND;
        seconds--;
    }
    place_time(out, seconds, nanoseconds, units_per_second[test_index]);
    return true;
}

/* ---- decimals ---- */

/* More digits than 255 bits hold. */
#define WIDE_DIGITS_MAX 78

/* value * 10 + digit; false if more than 255 bits are needed. */
static bool wide_push_digit(struct wide_integer *value, unsigned digit) {
    uint64_t carry = digit;

    for (int i = 0; i < 4; i++) {
        uint64_t low = (value->limbs[i] & UINT32_MAX) * 10 + carry;
        uint64_t high = (value->limbs[i] >> 32) * 10 + (low >> 32);

        value->limbs[i] = (high << 32) | (low & UINT32_MAX);
        carry = high >> 32;
    }
    return carry == 0 && value->limbs[3] >> 63 == 0;
}

static void wide_increment(struct wide_integer *value) {
    for (int i = 0; i < 4 && ++value->limbs[i] == 0; i++) {
    }
}

static void wide_negate(struct wide_integer *value) {
    for (int i = 0; i < 4; i++) {
        value->limbs[i] = ~value->limbs[i];
    }
    wide_increment(value);
}

int ktki_wide_compare(const struct wide_integer *a, const struct wide_integer *b) {
    int64_t a_top = (int64_t)a->limbs[3];
    int64_t b_top = (int64_t)b->limbs[3];

    if (a_top != b_top) {
        return a_top < b_top ? -1 : 1;
    }
    for (int i = 2; i >= 0; i--) {
        if (a->limbs[i] != b->limbs[i]) {
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
        }
    }
    return 0;
}

/* `[+-]digits[.digits]` times 10^scale. Towards minus infinity, the rest is told by the place. */
static bool place_decimal_text(struct placed *out, const char *text, size_t size, int32_t scale) {
    bool is_negative = size > 0 && text[0] == '-';
    size_t at = size > 0 && (text[0] == '-' || text[0] == '+');
    struct wide_integer value = {{0}};
    int32_t places_left = scale < WIDE_DIGITS_MAX ? scale : WIDE_DIGITS_MAX;
    size_t digit_count = 0;
    bool has_point = false;
    bool has_rest = false;
    bool fits = true;

    for (; at < size; at++) {
        if (text[at] == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (text[at] < '0' || text[at] > '9') {
            return false;
        }
        digit_count++;
        if (!has_point || places_left > 0) {
            fits = fits && wide_push_digit(&value, (unsigned)(text[at] - '0'));
            places_left -= has_point;
        } else {
            has_rest = has_rest || text[at] != '0';
        }
    }
    while (places_left-- > 0) {
        fits = fits && wide_push_digit(&value, 0);
    }
    if (!fits) {
        out->place = is_negative ? PLACE_BELOW_ALL : PLACE_ABOVE_ALL;
        return digit_count > 0;
    }
    if (is_negative) {
        if (has_rest) {
            wide_increment(&value);
        }
        wide_negate(&value);
    }
    out->at.wide = value;
    out->place = has_rest ? PLACE_ABOVE : PLACE_AT;
    return digit_count > 0;
}

static bool place_decimal(struct placed *out, const ktk_value *value, const struct data_type *type,
                          size_t test_index) {
    char number[KTKI_NUMBER_TEXT_MAX];

    (void)test_index;
    switch (value->kind) {
    case KTK_VALUE_UNTYPED:
        return place_decimal_text(out, value->bytes, value->bytes_size, type->scale);
    case KTK_VALUE_INT:
        return place_decimal_text(out, number, ktki_format_i64(value->integer, number),
                                  type->scale);
    case KTK_VALUE_UINT:
        return place_decimal_text(out, number, ktki_format_u64(value->unsigned_integer, number),
                                  type->scale);
    default:
        return false;
    }
}

/* ---- the table ---- */

typedef bool (*place_fn)(struct placed *out, const ktk_value *value, const struct data_type *type,
                         size_t test_index);

static const struct class_rules {
    place_fn place;
    size_t test_count;
    const char *expects;
} rules[CLASS_COUNT] = {
    [CLASS_NULL] = {place_anywhere, 1, "anything"},
    [CLASS_BOOL] = {place_bool, 1, "true or false"},
    [CLASS_SIGNED] = {place_signed, 1, "a whole number"},
    [CLASS_UNSIGNED] = {place_unsigned, 1, "a whole number"},
    [CLASS_FLOAT] = {place_float, 1, "a number"},
    [CLASS_BYTES] = {place_bytes, 1, "a text"},
    [CLASS_DATE] = {place_date, 2, "a date such as 2020-01-31"},
    [CLASS_TIME] = {place_time_of_day, 4, "a time such as 12:30:00"},
    [CLASS_TIMESTAMP] = {place_timestamp, 4, "a time such as '2020-01-31 12:30:00'"},
    [CLASS_DECIMAL] = {place_decimal, 1, "a decimal number"},
    [CLASS_NONE] = {NULL, 0, "nothing"},
};

bool ktki_value_place(struct placed *out, const ktk_value *value, enum value_class value_class,
                      const struct data_type *type, size_t test_index) {
    memset(out, 0, sizeof(*out));
    if (value->kind == KTK_VALUE_NULL) {
        out->place = PLACE_NULL;
        return true;
    }
    return rules[value_class].place(out, value, type, test_index);
}

const char *ktki_class_expects(enum value_class value_class) {
    return rules[value_class].expects;
}

size_t ktki_class_test_count(enum value_class value_class) {
    return rules[value_class].test_count;
}
