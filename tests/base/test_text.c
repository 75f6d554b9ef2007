#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* A copy without anything behind it, so that a read past the end is seen. */
static bool utf8_is_valid(const char *text, size_t size) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    bool is_valid;

    assert_non_null(copy);
    memcpy(copy, text, size);
    is_valid = ktki_utf8_is_valid(copy, size);
    free(copy);
    return is_valid;
}

static void accepts_well_formed_utf8(void **unused) {
    static const char *const texts[] = {
        "",
        "plain",
        "\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "Gr\xC3\xB6\xC3\x9F und \xE2\x82\xAC, lang genug f\xC3\xBCr W\xC3\xB6rter",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(utf8_is_valid(texts[i], strlen(texts[i])));
    }
    assert_true(utf8_is_valid("a\0b", 3));
}

static void rejects_ill_formed_utf8(void **unused) {
    static const char *const texts[] = {
        "\x80",             /* continuation alone */
        "\xC0\x80",         /* overlong NUL */
        "\xC1\xBF",         /* overlong */
        "\xC2",             /* cut short */
        "\xC2\x41",         /* no continuation */
        "\xE0\x9F\xBF",     /* overlong */
        "\xE2\x82",         /* cut short */
        "\xE2\x28\xA1",     /* no continuation */
        "\xE2\x82\x28",     /* no continuation */
        "\xED\xA0\x80",     /* surrogate */
        "\xED\xBF\xBF",     /* surrogate */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xF0\x9F\x98",     /* cut short */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF5\x80\x80\x80",
        "\xFF",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char longer[64];
        assert_false(utf8_is_valid(texts[i], strlen(texts[i])));
        (void)snprintf(longer, sizeof(longer), "12345678%s", texts[i]);
        assert_false(utf8_is_valid(longer, strlen(longer)));
        (void)snprintf(longer, sizeof(longer), "\xC3\xA4%s12345678", texts[i]);
        assert_false(utf8_is_valid(longer, strlen(longer)));
    }
}

/* Every code point is taken in UTF-8 and no other sequence of at most three bytes is. */
static void knows_exactly_the_code_points(void **unused) {
    size_t valid_count = 0;

    (void)unused;
    for (uint32_t first = 0x80; first < 0x100; first++) {
        for (uint32_t second = 0; second < 0x100; second++) {
            for (uint32_t third = 0; third < 0x100; third++) {
                const uint8_t bytes[3] = {(uint8_t)first, (uint8_t)second, (uint8_t)third};
                valid_count += ktki_utf8_is_valid(bytes, 3) ? 1 : 0;
            }
        }
    }
    /* U+0800 to U+FFFF without 2,048 surrogates; two bytes and an ASCII byte. */
    assert_int_equal(valid_count, 0x10000 - 0x800 - 2048 + (0x800 - 0x80) * 0x80);
}

struct integer_case {
    const char *text;
    bool is_valid;
    int64_t value;
};

static void parses_signed_integers(void **unused) {
    static const struct integer_case cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+7", true, 7},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"100000000000000000000000", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1_0", false, 0},
        {"0x10", false, 0},
        {"1.0", false, 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = -77;
        assert_int_equal(ktki_parse_i64(cases[i].text, strlen(cases[i].text), &value),
                         cases[i].is_valid);
        assert_int_equal(value, cases[i].is_valid ? cases[i].value : -77);
    }
}

static void parses_unsigned_integers(void **unused) {
    uint64_t value = 5;

    (void)unused;
    assert_true(ktki_parse_u64("18446744073709551615", 20, &value));
    assert_true(value == UINT64_MAX);
    assert_true(ktki_parse_u64("+12junk", 3, &value));
    assert_int_equal(value, 12);
    assert_false(ktki_parse_u64("18446744073709551616", 20, &value));
    assert_false(ktki_parse_u64("-1", 2, &value));
    assert_false(ktki_parse_u64("", 0, &value));
    assert_false(ktki_parse_u64("+", 1, &value));
    assert_int_equal(value, 12);
}

static void formats_integers(void **unused) {
    char text[KTKI_NUMBER_TEXT_MAX];

    (void)unused;
    assert_int_equal(ktki_format_i64(0, text), 1);
    assert_string_equal(text, "0");
    assert_int_equal(ktki_format_i64(INT64_MIN, text), 20);
    assert_string_equal(text, "-9223372036854775808");
    assert_int_equal(ktki_format_i64(INT64_MAX, text), 19);
    assert_string_equal(text, "9223372036854775807");
    assert_int_equal(ktki_format_i64(-10, text), 3);
    assert_string_equal(text, "-10");
    assert_int_equal(ktki_format_u64(UINT64_MAX, text), 20);
    assert_string_equal(text, "18446744073709551615");
}

static void check_decimal(const void *value, size_t width, int32_t scale, const char *wanted) {
    char text[200];

    memset(text, '#', sizeof(text));
    assert_int_equal(ktki_format_decimal(value, width, scale, text), strlen(wanted));
    assert_string_equal(text, wanted);
}

static void formats_decimals(void **unused) {
    const int32_t small = -12345;
    const int64_t wide = INT64_MIN;
    uint8_t bytes[32];

    (void)unused;
    check_decimal(&small, 4, 0, "-12345");
    check_decimal(&small, 4, 2, "-123.45");
    check_decimal(&small, 4, 5, "-0.12345");
    check_decimal(&small, 4, 8, "-0.00012345");
    check_decimal(&wide, 8, 18, "-9.223372036854775808");
    memset(bytes, 0, sizeof(bytes));
    check_decimal(bytes, 16, 0, "0");
    check_decimal(bytes, 16, 2, "0.00");
    bytes[0] = 100;
    check_decimal(bytes, 16, 2, "1.00");
    memset(bytes, 0xFF, sizeof(bytes));
    check_decimal(bytes, 16, 3, "-0.001");
    check_decimal(bytes, 32, 0, "-1");
    bytes[15] = 0x7F;
    check_decimal(bytes, 16, 0, "170141183460469231731687303715884105727");
    bytes[15] = 0xFF;
    bytes[31] = 0x7F;
    check_decimal(bytes, 32, 10,
                  "5789604461865809771178549250434395392663499233282028201972879200395"
                  ".6564819967");
    memset(bytes, 0, sizeof(bytes));
    bytes[31] = 0x80;
    check_decimal(bytes, 32, 0,
                  "-57896044618658097711785492504343953926634992332820282019728792003956564819968");
    /* 10^27: whole groups of zeros inside */
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "\x00\x00\x00\xE8\x3C\x80\xD0\x9F\x3C\x2E\x3B\x03", 12);
    check_decimal(bytes, 16, 0, "1000000000000000000000000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_well_formed_utf8),
        cmocka_unit_test(rejects_ill_formed_utf8),
        cmocka_unit_test(knows_exactly_the_code_points),
        cmocka_unit_test(parses_signed_integers),
        cmocka_unit_test(parses_unsigned_integers),
        cmocka_unit_test(formats_integers),
        cmocka_unit_test(formats_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
