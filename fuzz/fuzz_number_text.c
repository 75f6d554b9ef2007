/* Numbers, dates and times in text: doubles agree with the C library, and what is read comes out
 * again as a text that is read as the same. */
#include "fuzz.h"

#include <string.h>

#include "base/text.h"
#include "base/time_format.h"

/* strtod() accepts more: blanks in front, hexadecimal digits, nan(…). */
static void check_f64(const char *text, size_t size) {
    char formatted[KTKI_NUMBER_TEXT_MAX];
    double value = 0;
    double wanted;
    char *copy;
    char *end;

    if (!ktki_parse_f64(text, size, &value)) {
        return;
    }
    copy = malloc(size + 1);
    FUZZ_ASSERT(copy != NULL);
    memcpy(copy, text, size);
    copy[size] = '\0';
    wanted = strtod(copy, &end);
    FUZZ_ASSERT(end == copy + size);
    FUZZ_ASSERT(value == wanted || (value != value && wanted != wanted));
    size = ktki_format_f64(value, formatted);
    FUZZ_ASSERT(size < sizeof(formatted) && size == strlen(formatted));
    FUZZ_ASSERT(ktki_parse_f64(formatted, size, &wanted));
    FUZZ_ASSERT(value == wanted || (value != value && wanted != wanted));
    free(copy);
}

static void check_integers(const char *text, size_t size) {
    char formatted[KTKI_NUMBER_TEXT_MAX];
    int64_t number = 0;
    int64_t back = 0;
    uint64_t natural = 0;
    uint64_t natural_back = 0;

    if (ktki_parse_i64(text, size, &number)) {
        size_t length = ktki_format_i64(number, formatted);
        FUZZ_ASSERT(ktki_parse_i64(formatted, length, &back) && back == number);
    }
    if (ktki_parse_u64(text, size, &natural)) {
        size_t length = ktki_format_u64(natural, formatted);
        FUZZ_ASSERT(ktki_parse_u64(formatted, length, &natural_back) && natural_back == natural);
    }
}

static void check_date(const char *text, size_t size) {
    char formatted[KTKI_TIME_TEXT_MAX];
    int64_t days = 0;
    int64_t back = 0;

    if (ktki_parse_date(text, size, &days)) {
        size_t length = ktki_format_date(days, formatted);
        FUZZ_ASSERT(length < sizeof(formatted));
        FUZZ_ASSERT(ktki_parse_date(formatted, length, &back) && back == days);
    }
}

static void check_times(const char *text, size_t size) {
    char formatted[KTKI_TIME_TEXT_MAX];
    int64_t seconds = 0;
    int64_t back = 0;
    int32_t nanoseconds = 0;
    int32_t fraction = 0;
    bool has_offset = false;

    if (ktki_parse_timestamp(text, size, &seconds, &nanoseconds, &has_offset)) {
        size_t length = ktki_format_timestamp(seconds, 1, 'T', formatted);
        FUZZ_ASSERT(nanoseconds >= 0 && nanoseconds < 1000000000);
        FUZZ_ASSERT(length < sizeof(formatted));
        FUZZ_ASSERT(ktki_parse_timestamp(formatted, length, &back, &fraction, &has_offset));
        FUZZ_ASSERT(back == seconds && fraction == 0 && !has_offset);
    }
    if (ktki_parse_time(text, size, &seconds)) {
        size_t length = ktki_format_time(seconds, 1000000000, formatted);
        FUZZ_ASSERT(ktki_parse_time(formatted, length, &back) && back == seconds);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;

    check_f64(text, size);
    check_integers(text, size);
    check_date(text, size);
    check_times(text, size);
    return 0;
}
