#include "base/float_text.h"

#include <assert.h>
#include <float.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/powers_of_ten.h"
#include "base/text.h"

__extension__ typedef unsigned __int128 u128;

#define MANTISSA_BITS 52
#define MANTISSA_MASK (((uint64_t)1 << MANTISSA_BITS) - 1)
#define EXPONENT_BIAS 1075 /* of the lowest bit of the mantissa */
#define EXPONENT_MIN (-1074)
#define INFINITY_BITS ((uint64_t)0x7FF << MANTISSA_BITS)
#define SIGN_BIT ((uint64_t)1 << 63)

/* A decimal number in text. */
struct decimal {
    const char *text; /* digits and at most one point; there is a digit that is not 0 */
    size_t size;
    uint64_t head;       /* the first significant digits, at most HEAD_DIGITS of them */
    int64_t exponent;    /* the number is head * 10^exponent, or a little more if `is_cut` */
    int32_t digit_count; /* of head */
    bool is_cut;         /* digits other than 0 follow */
};

#define HEAD_DIGITS 19 /* always fit in 64 bits */

/* More digits than the longest half-way case between two doubles has. What follows counts only as
 * "a little more". */
#define EXACT_DIGITS 800

/* Large enough for EXACT_DIGITS digits and the powers of two and five they meet. */
#define BIG_LIMBS 128

/* A natural number, least significant limb first, no zero limb on top. */
struct big {
    uint32_t limbs[BIG_LIMBS];
    size_t count;
};

static void big_multiply_add(struct big *big, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;

    for (size_t i = 0; i < big->count; i++) {
        carry += (uint64_t)big->limbs[i] * factor;
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        assert(big->count < BIG_LIMBS);
        big->limbs[big->count++] = (uint32_t)carry;
    }
}

static void big_multiply_power_of_five(struct big *big, int64_t exponent) {
    for (; exponent >= 13; exponent -= 13) {
        big_multiply_add(big, 1220703125, 0);
    }
    for (; exponent > 0; exponent--) {
        big_multiply_add(big, 5, 0);
    }
}

static void big_shift_left(struct big *big, int64_t bits) {
    size_t limbs = (size_t)bits / 32;

    assert(big->count + limbs <= BIG_LIMBS);
    memmove(big->limbs + limbs, big->limbs, big->count * sizeof(big->limbs[0]));
    memset(big->limbs, 0, limbs * sizeof(big->limbs[0]));
    big->count += limbs;
    big_multiply_add(big, (uint32_t)1 << (bits % 32), 0);
}

static int big_compare(const struct big *a, const struct big *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = a->count; i-- > 0;) {
        if (a->limbs[i] != b->limbs[i]) {
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
        }
    }
    return 0;
}

/* All digits of the number as an integer; gives its decimal exponent. */
static int64_t big_from_decimal(const struct decimal *decimal, struct big *out) {
    int64_t count = 0;
    bool has_more = false;

    out->count = 0;
    for (size_t i = 0; i < decimal->size; i++) {
        char c = decimal->text[i];
        if (c == '.' || (c == '0' && count == 0)) {
            continue;
        }
        if (count < EXACT_DIGITS) {
            big_multiply_add(out, 10, (uint32_t)(c - '0'));
            count++;
        } else {
            has_more |= c != '0';
        }
    }
    if (has_more) {
        big_multiply_add(out, 10, 1);
        count++;
    }
    return decimal->exponent - (count - decimal->digit_count);
}

/* Compares the number with the middle between the double of `bits` and the next larger one. */
static int compare_with_middle(const struct decimal *decimal, uint64_t bits) {
    uint64_t mantissa = bits & MANTISSA_MASK;
    int64_t two_exponent = (int64_t)(bits >> MANTISSA_BITS);
    struct big left;
    struct big right = {{0}, 2};
    int64_t ten_exponent = big_from_decimal(decimal, &left);

    if (two_exponent == 0) {
        two_exponent = 1;
    } else {
        mantissa |= MANTISSA_MASK + 1;
    }
    two_exponent -= EXPONENT_BIAS + 1;
    mantissa = mantissa * 2 + 1;
    right.limbs[0] = (uint32_t)mantissa;
    right.limbs[1] = (uint32_t)(mantissa >> 32);
    right.count = right.limbs[1] != 0 ? 2 : 1;
    big_multiply_power_of_five(ten_exponent < 0 ? &right : &left,
                               ten_exponent < 0 ? -ten_exponent : ten_exponent);
    if (ten_exponent >= two_exponent) {
        big_shift_left(&left, ten_exponent - two_exponent);
    } else {
        big_shift_left(&right, two_exponent - ten_exponent);
    }
    return big_compare(&left, &right);
}

/* Bits of the double nearest to value * 2^exponent, or to a little more if `has_more`. `value` is
 * at least 2^126 - 1. */
static uint64_t round_to_double(u128 value, bool has_more, int32_t exponent) {
    int32_t shift = (value >> 127 != 0 ? 128 : 127) - (MANTISSA_BITS + 1);
    u128 rest;
    u128 half;
    uint64_t mantissa;
    uint64_t bits;

    if (shift < EXPONENT_MIN - exponent) {
        shift = EXPONENT_MIN - exponent;
    }
    if (shift > 128) {
        return 0;
    }
    if (shift == 128) {
        has_more |= (value & 1) != 0;
        value >>= 1;
        exponent++;
        shift--;
    }
    mantissa = (uint64_t)(value >> shift);
    half = (u128)1 << (shift - 1);
    rest = value & (half * 2 - 1);
    if (rest > half || (rest == half && (has_more || (mantissa & 1) != 0))) {
        mantissa++;
    }
    /* The highest bit of the mantissa adds one to the exponent, and so does a carry out of it. */
    bits = ((uint64_t)(shift + exponent - EXPONENT_MIN) << MANTISSA_BITS) + mantissa;
    return bits > INFINITY_BITS ? INFINITY_BITS : bits;
}

/*
 * The head times the power of ten gives two bounds of the number, closer to each other than
 * neighbouring doubles are. Nearly always both round to the same double, which then is the answer;
 * where a middle between two doubles lies in between, all digits decide.
 */
static uint64_t nearest_bits(const struct decimal *decimal) {
    int32_t shift = __builtin_clzll(decimal->head);
    int32_t ten_exponent = (int32_t)decimal->exponent;
    const struct power_of_ten *power = &ktki_powers_of_ten[ten_exponent - KTKI_POWER_FIRST];
    int32_t two_exponent = ktki_floor_log2_of_power(ten_exponent) - 63 - shift;
    uint64_t head = decimal->head << shift;
    u128 low = (u128)head * power->low;
    u128 value = (u128)head * power->high + (uint64_t)(low >> 64);
    uint64_t below;
    uint64_t above;
    int order;

    if (ten_exponent >= 0 && ten_exponent <= KTKI_POWER_EXACT_LAST && !decimal->is_cut) {
        return round_to_double(value, (uint64_t)low != 0, two_exponent);
    }
    below = round_to_double(value - 1, true, two_exponent);
    if (decimal->is_cut) {
        value += ((u128)power->high + 2) << shift;
    }
    above = round_to_double(value, true, two_exponent);
    if (below == above) {
        return below;
    }
    assert(above == below + 1);
    order = compare_with_middle(decimal, below);
    return order < 0 || (order == 0 && (below & 1) == 0) ? below : above;
}

/* The usual small number: head and power of ten are doubles without error, so that one operation
 * rounds once. */
static bool small_bits(const struct decimal *decimal, uint64_t *bits) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)decimal->head;

    if (FLT_EVAL_METHOD != 0 || decimal->head > (uint64_t)1 << 53 || decimal->exponent < -22 ||
        decimal->exponent > 22) {
        return false;
    }
    value = decimal->exponent < 0 ? value / powers[-decimal->exponent]
                                  : value * powers[decimal->exponent];
    memcpy(bits, &value, sizeof(*bits));
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Digits and a point from `at`; gives where they end, NULL if there is no digit. */
static const char *scan_digits(const char *at, const char *end, struct decimal *out) {
    bool has_digit = false;
    bool has_point = false;

    *out = (struct decimal){.text = at};
    for (; at < end; at++) {
        if (*at == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (!is_digit(*at)) {
            break;
        }
        has_digit = true;
        if (out->digit_count < HEAD_DIGITS) {
            out->head = out->head * 10 + (uint64_t)(*at - '0');
            out->digit_count += out->head != 0 ? 1 : 0;
            out->exponent -= has_point ? 1 : 0;
        } else {
            out->is_cut |= *at != '0';
            out->exponent += has_point ? 0 : 1;
        }
    }
    out->size = (size_t)(at - out->text);
    return has_digit ? at : NULL;
}

/* `e` and a whole number, if they are there; NULL if the number is missing. Exponents beyond any
 * size of text stay at a bound. */
static const char *scan_exponent(const char *at, const char *end, int64_t *exponent) {
    const int64_t bound = (int64_t)1 << 59; /* ten times as much still fits */
    int64_t value = 0;
    bool is_negative;

    if (at == end || (*at != 'e' && *at != 'E')) {
        return at;
    }
    at++;
    is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    for (; at < end && is_digit(*at); at++) {
        value = value * 10 + (*at - '0');
        value = value > bound ? bound : value;
    }
    *exponent += is_negative ? -value : value;
    return at;
}

static bool parse_word(const char *text, size_t size, uint64_t *bits) {
    if ((size == 3 && strncasecmp(text, "inf", 3) == 0) ||
        (size == 8 && strncasecmp(text, "infinity", 8) == 0)) {
        *bits = INFINITY_BITS;
        return true;
    }
    if (size == 3 && strncasecmp(text, "nan", 3) == 0) {
        *bits = INFINITY_BITS | (uint64_t)1 << (MANTISSA_BITS - 1);
        return true;
    }
    return false;
}

static bool parse_magnitude(const char *text, size_t size, uint64_t *bits) {
    const char *end = text + size;
    struct decimal decimal;
    const char *at = scan_digits(text, end, &decimal);

    if (at == NULL) {
        return parse_word(text, size, bits);
    }
    at = scan_exponent(at, end, &decimal.exponent);
    if (at != end) {
        return false;
    }
    if (decimal.head == 0 || decimal.exponent < KTKI_POWER_FIRST) {
        *bits = 0;
    } else if (decimal.exponent > 308) {
        *bits = INFINITY_BITS;
    } else if (!small_bits(&decimal, bits)) {
        *bits = nearest_bits(&decimal);
    }
    return true;
}

bool ktki_parse_f64(const char *text, size_t size, double *out) {
    bool has_sign = size > 0 && (text[0] == '-' || text[0] == '+');
    uint64_t bits;

    if (size == 0 ||
        !parse_magnitude(text + (has_sign ? 1 : 0), size - (has_sign ? 1 : 0), &bits)) {
        return false;
    }
    if (text[0] == '-') {
        bits |= SIGN_BIT;
    }
    memcpy(out, &bits, sizeof(*out));
    return true;
}

/* factor * power / 2^128, rounded to odd: the lowest bit is set if anything was lost. A last bit of
 * the product may come from the rounding of the power itself, so it does not count. */
static uint64_t multiply_to_odd(const struct power_of_ten *power, uint64_t factor) {
    u128 low = (u128)factor * power->low;
    u128 high = (u128)factor * power->high + (uint64_t)(low >> 64);

    return (uint64_t)(high >> 64) | ((uint64_t)high > 1 ? 1 : 0);
}

/*
 * The shortest decimal number in the interval of reals that round to mantissa * 2^exponent, the
 * nearest to it if there are several: `*digits` * 10^(result).
 *
 * The algorithm is Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020): scaled by
 * 10^k so that the interval holds at least one and at most a few integers, one of them or its
 * neighbour of one digit less is the answer. All values below are scaled by 4, which makes the
 * bounds of the interval integers before they are multiplied.
 */
static int32_t shortest_decimal(uint64_t mantissa, int32_t exponent, bool is_lower_closer,
                                uint64_t *digits) {
    int32_t k = (exponent * 1262611 - (is_lower_closer ? 524031 : 0)) >> 22;
    int32_t shift = exponent + ktki_floor_log2_of_power(-k) + 1;
    const struct power_of_ten *power = &ktki_powers_of_ten[-k - KTKI_POWER_FIRST];
    uint64_t odd = mantissa & 1;
    uint64_t middle = mantissa * 4;
    uint64_t value = multiply_to_odd(power, middle << shift);
    uint64_t lower = multiply_to_odd(power, (middle - (is_lower_closer ? 1 : 2)) << shift) + odd;
    uint64_t upper = multiply_to_odd(power, (middle + 2) << shift) - odd;
    uint64_t floor = value / 4;
    bool has_lower;
    bool has_upper;

    if (floor >= 10) {
        uint64_t tens = floor / 10;
        has_lower = lower <= tens * 40;
        has_upper = tens * 40 + 40 <= upper;
        if (has_lower != has_upper) {
            *digits = tens + (has_upper ? 1 : 0);
            return k + 1;
        }
    }
    has_lower = lower <= floor * 4;
    has_upper = floor * 4 + 4 <= upper;
    if (has_lower != has_upper) {
        *digits = floor + (has_upper ? 1 : 0);
    } else {
        uint64_t half = floor * 4 + 2;
        *digits = floor + (value > half || (value == half && (floor & 1) != 0) ? 1 : 0);
    }
    return k;
}

static char *put(char *at, const char *from, size_t size) {
    memcpy(at, from, size);
    return at + size;
}

static char *put_zeros(char *at, int32_t count) {
    memset(at, '0', (size_t)count);
    return at + count;
}

/* `digits` with the point in front of digit number `point`, which may lie outside of them. */
static char *put_plain(char *at, const char *digits, int32_t size, int32_t point) {
    if (point <= 0) {
        at = put_zeros(put(at, "0.", 2), -point);
        return put(at, digits, (size_t)size);
    }
    if (point >= size) {
        at = put_zeros(put(at, digits, (size_t)size), point - size);
        return put(at, ".0", 2);
    }
    at = put(at, digits, (size_t)point);
    *at++ = '.';
    return put(at, digits + point, (size_t)(size - point));
}

static char *put_scientific(char *at, const char *digits, int32_t size, int32_t point) {
    int32_t exponent = point - 1;

    *at++ = digits[0];
    if (size > 1) {
        *at++ = '.';
        at = put(at, digits + 1, (size_t)(size - 1));
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    exponent = exponent < 0 ? -exponent : exponent;
    if (exponent >= 100) {
        *at++ = (char)('0' + exponent / 100);
    }
    *at++ = (char)('0' + exponent / 10 % 10);
    *at++ = (char)('0' + exponent % 10);
    return at;
}

static char *put_number(char *at, uint64_t bits) {
    uint64_t mantissa = bits & MANTISSA_MASK;
    int32_t biased = (int32_t)(bits >> MANTISSA_BITS);
    bool is_lower_closer = mantissa == 0 && biased > 1;
    char text[KTKI_NUMBER_TEXT_MAX];
    uint64_t digits;
    int32_t exponent;
    int32_t size;
    int32_t point;

    if (biased > 0) {
        mantissa |= MANTISSA_MASK + 1;
    } else {
        biased = 1;
    }
    exponent = shortest_decimal(mantissa, biased - EXPONENT_BIAS, is_lower_closer, &digits);
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    size = (int32_t)ktki_format_u64(digits, text);
    point = size + exponent;
    return point > -4 && point <= 16 ? put_plain(at, text, size, point)
                                     : put_scientific(at, text, size, point);
}

size_t ktki_format_f64(double value, char text[KTKI_NUMBER_TEXT_MAX]) {
    uint64_t bits;
    uint64_t magnitude;
    char *at = text;

    memcpy(&bits, &value, sizeof(bits));
    magnitude = bits & ~SIGN_BIT;
    if ((bits & SIGN_BIT) != 0 && magnitude <= INFINITY_BITS) {
        *at++ = '-';
    }
    if (magnitude > INFINITY_BITS) {
        at = put(at, "nan", 3);
    } else if (magnitude == INFINITY_BITS) {
        at = put(at, "inf", 3);
    } else if (magnitude == 0) {
        at = put(at, "0.0", 3);
    } else {
        at = put_number(at, magnitude);
    }
    *at = '\0';
    return (size_t)(at - text);
}
