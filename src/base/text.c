#include "base/text.h"

#include <assert.h>
#include <string.h>

#define LIMBS_MAX 8   /* 256 bits */
#define DIGITS_MAX 81 /* of 256 bits, in whole groups of nine */

static bool is_continuation(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

size_t ktki_utf8_sequence_size(const void *data, size_t left) {
    const uint8_t *at = data;
    uint8_t lead = at[0];
    uint8_t second_min = 0x80;
    uint8_t second_max = 0xBF;
    size_t size;

    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        size = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        size = 3;
        second_min = lead == 0xE0 ? 0xA0 : 0x80;
        second_max = lead == 0xED ? 0x9F : 0xBF;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        size = 4;
        second_min = lead == 0xF0 ? 0x90 : 0x80;
        second_max = lead == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (left < size || at[1] < second_min || at[1] > second_max) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (!is_continuation(at[i])) {
            return 0;
        }
    }
    return size;
}

bool ktki_utf8_is_valid(const void *data, size_t size) {
    const uint8_t *bytes = data;
    size_t at = 0;

    while (at < size) {
        size_t step;

        while (size - at >= 8) {
            uint64_t word;
            memcpy(&word, bytes + at, 8);
            if ((word & 0x8080808080808080u) != 0) {
                break;
            }
            at += 8;
        }
        if (at == size) {
            break;
        }
        step = ktki_utf8_sequence_size(bytes + at, size - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

/* Digits only, at least one. */
static bool parse_digits(const char *text, size_t size, uint64_t *out) {
    uint64_t value = 0;

    if (size == 0) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

bool ktki_parse_u64(const char *text, size_t size, uint64_t *out) {
    bool has_sign = size > 0 && text[0] == '+';

    return has_sign ? parse_digits(text + 1, size - 1, out) : parse_digits(text, size, out);
}

bool ktki_parse_i64(const char *text, size_t size, int64_t *out) {
    bool is_negative = size > 0 && text[0] == '-';
    uint64_t magnitude;

    if (size > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        size--;
    }
    if (!parse_digits(text, size, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + (is_negative ? 1 : 0)) {
        return false;
    }
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

size_t ktki_format_u64(uint64_t value, char text[KTKI_NUMBER_TEXT_MAX]) {
    char digits[20];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(text, digits + start, sizeof(digits) - start);
    text[sizeof(digits) - start] = '\0';
    return sizeof(digits) - start;
}

size_t ktki_format_i64(int64_t value, char text[KTKI_NUMBER_TEXT_MAX]) {
    uint64_t magnitude = (uint64_t)value;
    size_t sign = value < 0 ? 1 : 0;

    text[0] = '-';
    return sign + ktki_format_u64(value < 0 ? 0 - magnitude : magnitude, text + sign);
}

/* Replaces the number in `limbs`, least significant first, by a billionth of it; gives the rest. */
static uint32_t divide_by_billion(uint32_t *limbs, size_t count) {
    uint64_t rest = 0;

    for (size_t i = count; i-- > 0;) {
        uint64_t part = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(part / 1000000000u);
        rest = part % 1000000000u;
    }
    return (uint32_t)rest;
}

/* Decimal digits of the number in `limbs`, which is used up, without leading zeros but at least
 * one. */
static size_t format_limbs(uint32_t *limbs, size_t count, char digits[DIGITS_MAX]) {
    char reversed[DIGITS_MAX];
    size_t size = 0;

    while (count > 0) {
        uint32_t group = divide_by_billion(limbs, count);
        for (int i = 0; i < 9; i++) {
            reversed[size++] = (char)('0' + group % 10);
            group /= 10;
        }
        while (count > 0 && limbs[count - 1] == 0) {
            count--;
        }
    }
    while (size > 1 && reversed[size - 1] == '0') {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        digits[i] = reversed[size - 1 - i];
    }
    return size;
}

static void negate_limbs(uint32_t *limbs, size_t count) {
    uint64_t carry = 1;

    for (size_t i = 0; i < count; i++) {
        carry += (uint32_t)~limbs[i];
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

size_t ktki_format_decimal(const uint8_t *value, size_t width, int32_t scale, char *text) {
    uint32_t limbs[LIMBS_MAX] = {0};
    char digits[DIGITS_MAX];
    size_t places = (size_t)scale;
    size_t size;
    size_t whole;
    size_t zeros;
    char *at = text;

    assert(width == 4 || width == 8 || width == 16 || width == 32);
    assert(scale >= 0);
    memcpy(limbs, value, width);
    if ((value[width - 1] & 0x80) != 0) {
        negate_limbs(limbs, width / 4);
        *at++ = '-';
    }
    size = format_limbs(limbs, width / 4, digits);
    whole = size > places ? size - places : 0;
    zeros = size > places ? 0 : places - size;
    if (whole > 0) {
        memcpy(at, digits, whole);
        at += whole;
    } else {
        *at++ = '0';
    }
    if (places > 0) {
        *at++ = '.';
        memset(at, '0', zeros);
        at += zeros;
        memcpy(at, digits + whole, size - whole);
        at += size - whole;
    }
    *at = '\0';
    return (size_t)(at - text);
}
