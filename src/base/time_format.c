#include "base/time_format.h"

#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/text.h"

#define SECONDS_PER_DAY 86400
#define DAYS_PER_ERA 146097        /* of 400 years */
#define DAYS_ERA_TO_EPOCH 719468   /* from 0000-03-01 to 1970-01-01 */
#define YEAR_MAX 25000000000000000 /* whose days still fit in 64 bits */

static int64_t floor_divide(int64_t value, int64_t divisor) {
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/* In [0, divisor). The product of quotient and divisor may not fit; this does. */
static int64_t floor_modulo(int64_t value, int64_t divisor) {
    int64_t rest = value % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/* Years are counted from March, so that the leap day is the last day of its year. */
int64_t ktki_days_from_civil(int64_t year, int32_t month, int32_t day) {
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t era = floor_divide(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - DAYS_ERA_TO_EPOCH;
}

void ktki_civil_from_days(int64_t days, int64_t *year, int32_t *month, int32_t *day) {
    /* The shift to March of year 0 comes after the division, where it cannot overflow. */
    int64_t era = floor_divide(days, DAYS_PER_ERA);
    int64_t shifted = floor_modulo(days, DAYS_PER_ERA) + DAYS_ERA_TO_EPOCH;
    int64_t day_of_era = shifted % DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;

    *day = (int32_t)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int32_t)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (era + shifted / DAYS_PER_ERA) * 400 + year_of_era + (*month <= 2 ? 1 : 0);
}

/* Zero-padded to `width` digits. */
static char *put_number(char *at, uint64_t value, size_t width) {
    char digits[KTKI_NUMBER_TEXT_MAX];
    size_t size = ktki_format_u64(value, digits);

    for (size_t i = size; i < width; i++) {
        *at++ = '0';
    }
    memcpy(at, digits, size);
    return at + size;
}

static char *put_date(char *at, int64_t days) {
    int64_t year;
    int32_t month;
    int32_t day;

    ktki_civil_from_days(days, &year, &month, &day);
    if (year < 0) {
        *at++ = '-';
    }
    at = put_number(at, (uint64_t)(year < 0 ? -year : year), 4);
    *at++ = '-';
    at = put_number(at, (uint64_t)month, 2);
    *at++ = '-';
    return put_number(at, (uint64_t)day, 2);
}

static char *put_time(char *at, uint64_t seconds, uint64_t nanoseconds) {
    at = put_number(at, seconds / 3600, 2);
    *at++ = ':';
    at = put_number(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_number(at, seconds % 60, 2);
    if (nanoseconds != 0) {
        *at++ = '.';
        at = nanoseconds % 1000 == 0 ? put_number(at, nanoseconds / 1000, 6)
                                     : put_number(at, nanoseconds, 9);
    }
    return at;
}

static size_t finish(char *text, char *end) {
    *end = '\0';
    return (size_t)(end - text);
}

size_t ktki_format_date(int64_t days, char text[KTKI_TIME_TEXT_MAX]) {
    return finish(text, put_date(text, days));
}

size_t ktki_format_timestamp(int64_t value, int64_t units_per_second, char separator,
                             char text[KTKI_TIME_TEXT_MAX]) {
    int64_t seconds = floor_divide(value, units_per_second);
    int64_t units = floor_modulo(value, units_per_second);
    char *at = put_date(text, floor_divide(seconds, SECONDS_PER_DAY));

    *at++ = separator;
    return finish(text, put_time(at, (uint64_t)floor_modulo(seconds, SECONDS_PER_DAY),
                                 (uint64_t)(units * (1000000000 / units_per_second))));
}

size_t ktki_format_time(int64_t value, int64_t units_per_second, char text[KTKI_TIME_TEXT_MAX]) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t unit = (uint64_t)units_per_second;
    char *at = text;

    if (value < 0) {
        *at++ = '-';
    }
    return finish(text, put_time(at, magnitude / unit, magnitude % unit * (1000000000 / unit)));
}

size_t ktki_format_now(char text[KTKI_TIME_TEXT_MAX]) {
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ktki_format_timestamp((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, 1000000, 'T',
                                 text);
}

static bool next_is(const struct cursor *cursor, char wanted) {
    return !ktki_cursor_is_done(cursor) && *cursor->at == (uint8_t)wanted;
}

static bool take(struct cursor *cursor, char wanted) {
    return next_is(cursor, wanted) && ktki_cursor_skip(cursor, 1);
}

/* Digits in front of the cursor, at most `count_max`; at least `count_min` must be there. */
static bool take_digits(struct cursor *cursor, int count_min, int count_max, int64_t *out,
                        int *count) {
    int64_t value = 0;

    *count = 0;
    while (*count < count_max && !ktki_cursor_is_done(cursor) && *cursor->at >= '0' &&
           *cursor->at <= '9') {
        value = value * 10 + (*cursor->at++ - '0');
        ++*count;
    }
    *out = value;
    return *count >= count_min;
}

static bool take_two_digits(struct cursor *cursor, int64_t bound, int64_t *out) {
    int count;

    return take_digits(cursor, 2, 2, out, &count) && *out < bound;
}

static bool is_leap_year(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool take_date(struct cursor *cursor, int64_t *days) {
    static const int8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_negative = take(cursor, '-');
    int64_t year;
    int64_t month;
    int64_t day;
    int count;

    if (!take_digits(cursor, 4, 17, &year, &count) || year > YEAR_MAX || !take(cursor, '-') ||
        !take_two_digits(cursor, 13, &month) || month == 0 || !take(cursor, '-') ||
        !take_two_digits(cursor, 32, &day) || day == 0) {
        return false;
    }
    if (day > month_days[month - 1] || (month == 2 && day == 29 && !is_leap_year(year))) {
        return false;
    }
    *days = ktki_days_from_civil(is_negative ? -year : year, (int32_t)month, (int32_t)day);
    return true;
}

/* `.f{1,9}` if there is a point. */
static bool take_fraction(struct cursor *cursor, int64_t *nanoseconds) {
    int count;

    *nanoseconds = 0;
    if (!take(cursor, '.')) {
        return true;
    }
    if (!take_digits(cursor, 1, 9, nanoseconds, &count)) {
        return false;
    }
    for (; count < 9; count++) {
        *nanoseconds *= 10;
    }
    return true;
}

static bool take_time(struct cursor *cursor, bool needs_seconds, int64_t *seconds,
                      int64_t *nanoseconds) {
    int64_t hour;
    int64_t minute;
    int64_t second = 0;

    if (!take_two_digits(cursor, 24, &hour) || !take(cursor, ':') ||
        !take_two_digits(cursor, 60, &minute)) {
        return false;
    }
    *nanoseconds = 0;
    if (needs_seconds || next_is(cursor, ':')) {
        if (!take(cursor, ':') || !take_two_digits(cursor, 60, &second) ||
            !take_fraction(cursor, nanoseconds)) {
            return false;
        }
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* `Z`, `(+|-)HH[:]MM` or nothing: seconds east of UTC. */
static bool take_offset(struct cursor *cursor, int64_t *offset, bool *has_offset) {
    bool is_negative = next_is(cursor, '-');
    int64_t hour;
    int64_t minute;

    *offset = 0;
    *has_offset = !ktki_cursor_is_done(cursor);
    if (!*has_offset || take(cursor, 'Z')) {
        return true;
    }
    if (!(take(cursor, '-') || take(cursor, '+')) || !take_two_digits(cursor, 24, &hour)) {
        return false;
    }
    (void)take(cursor, ':');
    if (!take_two_digits(cursor, 60, &minute)) {
        return false;
    }
    *offset = hour * 3600 + minute * 60;
    *offset = is_negative ? -*offset : *offset;
    return true;
}

bool ktki_parse_date(const char *text, size_t size, int64_t *days) {
    struct cursor cursor = ktki_cursor(text, size);
    int64_t result;

    if (!take_date(&cursor, &result) || !ktki_cursor_is_done(&cursor)) {
        return false;
    }
    *days = result;
    return true;
}

bool ktki_parse_time(const char *text, size_t size, int64_t *nanoseconds) {
    struct cursor cursor = ktki_cursor(text, size);
    int64_t seconds;
    int64_t fraction;

    if (!take_time(&cursor, true, &seconds, &fraction) || !ktki_cursor_is_done(&cursor)) {
        return false;
    }
    *nanoseconds = seconds * 1000000000 + fraction;
    return true;
}

bool ktki_parse_timestamp(const char *text, size_t size, int64_t *seconds, int32_t *nanoseconds,
                          bool *has_offset) {
    struct cursor cursor = ktki_cursor(text, size);
    int64_t days;
    int64_t time = 0;
    int64_t fraction = 0;
    int64_t offset = 0;
    int64_t result;
    bool offset_given = false;

    if (!take_date(&cursor, &days)) {
        return false;
    }
    if (!ktki_cursor_is_done(&cursor)) {
        if (!(take(&cursor, ' ') || take(&cursor, 'T')) ||
            !take_time(&cursor, false, &time, &fraction) ||
            !take_offset(&cursor, &offset, &offset_given) || !ktki_cursor_is_done(&cursor)) {
            return false;
        }
    }
    if (!ktki_mul_i64(days, SECONDS_PER_DAY, &result) ||
        !ktki_add_i64(result, time - offset, &result)) {
        return false;
    }
    *seconds = result;
    *nanoseconds = (int32_t)fraction;
    *has_offset = offset_given;
    return true;
}
