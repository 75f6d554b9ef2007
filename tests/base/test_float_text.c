#include "support/table.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/float_text.h"

static double double_of(uint64_t bits) {
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t bits_of(double value) {
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* From a block that ends with the text. */
static bool parse(const char *text, double *out) {
    size_t size = strlen(text);
    char *copy = malloc(size == 0 ? 1 : size);
    bool result;

    assert_non_null(copy);
    memcpy(copy, text, size);
    result = ktki_parse_f64(copy, size, out);
    free(copy);
    return result;
}

static void check_repr(const char *const *cells, size_t count) {
    uint64_t bits = strtoull(cells[0], NULL, 16);
    char text[KTKI_NUMBER_TEXT_MAX];
    double back = -1;

    (void)count;
    assert_int_equal(ktki_format_f64(double_of(bits), text), strlen(cells[1]));
    assert_string_equal(text, cells[1]);
    assert_true(parse(text, &back));
    assert_true(bits_of(back) == bits);
}

static void formats_as_python_does(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/floats.tsv", 2, check_repr);
}

static void check_text(const char *const *cells, size_t count) {
    uint64_t bits = strtoull(cells[1], NULL, 16);
    double value = -1;

    (void)count;
    assert_true(parse(cells[0], &value));
    if (bits_of(value) != bits) {
        fail_msg("'%s' gives %a and not %a", cells[0], value, double_of(bits));
    }
}

static void rounds_as_python_does(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/float_texts.tsv", 2, check_text);
}

/* Against the C library, which rounds correctly too; the numbers are spread over all exponents. */
static void agrees_with_the_c_library(void **unused) {
    uint64_t state = 1;

    (void)unused;
    for (int i = 0; i < 100000; i++) {
        char text[64];
        char longer[64];
        double value;
        double back = -1;
        double wanted;

        state = state * 6364136223846793005u + 1442695040888963407u;
        value = double_of(state ^ state >> 29);
        if (!isfinite(value)) {
            continue;
        }
        (void)ktki_format_f64(value, text);
        assert_true(strtod(text, NULL) == value);
        assert_true(parse(text, &back));
        assert_true(bits_of(back) == bits_of(value));
        (void)snprintf(longer, sizeof(longer), "%.*e", (int)(state % 30), value);
        wanted = strtod(longer, NULL);
        assert_true(parse(longer, &back));
        assert_true(bits_of(back) == bits_of(wanted));
    }
}

/* One digit less does not read back to the same double. */
static void is_as_short_as_can_be(void **unused) {
    uint64_t state = 2;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        char shorter[64];
        double value;
        int precision = 0;

        state = state * 6364136223846793005u + 1442695040888963407u;
        value = double_of((state ^ state >> 29) & ~((uint64_t)1 << 62));
        (void)ktki_format_f64(value, text);
        do {
            (void)snprintf(shorter, sizeof(shorter), "%.*e", precision++, value);
        } while (strtod(shorter, NULL) != value);
        /* `shorter` has the smallest number of digits; print ours with as many. */
        (void)snprintf(text, sizeof(text), "%.*e", precision - 1, strtod(text, NULL));
        assert_string_equal(text, shorter);
    }
}

static void reads_words(void **unused) {
    static const char *const infinities[] = {"inf",      "Inf",       "INF",     "+inf",
                                             "infinity", "+Infinity", "iNfInItY"};
    static const char *const nans[] = {"nan", "NaN", "NAN", "+nan", "-nan"};
    double value = 0;

    (void)unused;
    for (size_t i = 0; i < sizeof(infinities) / sizeof(infinities[0]); i++) {
        value = 0;
        assert_true(parse(infinities[i], &value));
        assert_true(isinf(value) && value > 0);
    }
    assert_true(parse("-inf", &value));
    assert_true(isinf(value) && value < 0);
    for (size_t i = 0; i < sizeof(nans) / sizeof(nans[0]); i++) {
        value = 0;
        assert_true(parse(nans[i], &value));
        assert_true(isnan(value));
    }
}

static void rejects_what_is_no_number(void **unused) {
    static const char *const texts[] = {
        "",    " ",     "+",   "-",       ".",      "-.",    "e5",    ".e5",
        "1e",  "1e+",   "1e-", "1 ",      " 1",     "1,5",   "1_0",   "0x1",
        "1p3", "1.2.3", "--1", "+-1",     "1e5.",   "1e5e5", "1f",    "infi",
        "in",  "nanx",  "na",  "infinit", "nan(1)", "1d5",   "1.5\n", "infinityx",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        double value = 77;
        assert_false(parse(texts[i], &value));
        assert_true(value == 77);
    }
    assert_false(ktki_parse_f64(NULL, 0, NULL));
}

static void formats_what_has_no_digits(void **unused) {
    char text[KTKI_NUMBER_TEXT_MAX];

    (void)unused;
    assert_int_equal(ktki_format_f64((double)NAN, text), 3);
    assert_string_equal(text, "nan");
    (void)ktki_format_f64(-(double)NAN, text);
    assert_string_equal(text, "nan");
    (void)ktki_format_f64(-(double)INFINITY, text);
    assert_string_equal(text, "-inf");
    (void)ktki_format_f64(-0.0, text);
    assert_string_equal(text, "-0.0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_as_python_does),
        cmocka_unit_test(rounds_as_python_does),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(is_as_short_as_can_be),
        cmocka_unit_test(reads_words),
        cmocka_unit_test(rejects_what_is_no_number),
        cmocka_unit_test(formats_what_has_no_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
