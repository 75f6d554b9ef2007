#include "support/table.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/time_format.h"

static void check_date(const char *const *cells, size_t count) {
    int64_t days = strtoll(cells[0], NULL, 10);
    int64_t parsed = INT64_MIN;
    char text[KTKI_TIME_TEXT_MAX];

    (void)count;
    assert_int_equal(ktki_format_date(days, text), strlen(cells[1]));
    assert_string_equal(text, cells[1]);
    assert_true(ktki_parse_date(cells[1], strlen(cells[1]), &parsed));
    assert_int_equal(parsed, days);
}

static void dates_agree_with_python(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/dates.tsv", 2, check_date);
}

static void check_timestamp(const char *const *cells, size_t count) {
    int64_t value = strtoll(cells[0], NULL, 10);
    int64_t seconds;
    int32_t nanoseconds;
    bool has_offset = true;
    char text[KTKI_TIME_TEXT_MAX];

    (void)count;
    assert_int_equal(ktki_format_timestamp(value, 1000000000, ' ', text), strlen(cells[1]));
    assert_string_equal(text, cells[1]);
    if (value % 1000 == 0) {
        (void)ktki_format_timestamp(value / 1000, 1000000, ' ', text);
        assert_string_equal(text, cells[1]);
    }
    if (value % 1000000 == 0) {
        (void)ktki_format_timestamp(value / 1000000, 1000, ' ', text);
        assert_string_equal(text, cells[1]);
    }
    if (value % 1000000000 == 0) {
        (void)ktki_format_timestamp(value / 1000000000, 1, ' ', text);
        assert_string_equal(text, cells[1]);
    }
    assert_true(
        ktki_parse_timestamp(cells[1], strlen(cells[1]), &seconds, &nanoseconds, &has_offset));
    assert_false(has_offset);
    assert_in_range(nanoseconds, 0, 999999999);
    /* Modulo 2^64: seconds * 1e9 alone may lie just below the range. */
    assert_true((uint64_t)seconds * 1000000000u + (uint64_t)nanoseconds == (uint64_t)value);
    assert_true(seconds > -9300000000 && seconds < 9300000000);
}

static void timestamps_agree_with_pandas(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/timestamps.tsv", 2, check_timestamp);
}

/* Counts days one at a time through 801 years, independent of the formulas. */
static void days_follow_each_other(void **unused) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = ktki_days_from_civil(-400, 1, 1);

    (void)unused;
    assert_int_equal(ktki_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days, -865625); /* 146097 days a 400 years before 0000-01-01 = -719528 */
    for (int64_t year = -400; year <= 400; year++) {
        bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (int32_t month = 1; month <= 12; month++) {
            int length = lengths[month - 1] + (is_leap && month == 2 ? 1 : 0);
            for (int32_t day = 1; day <= length; day++) {
                int64_t got_year;
                int32_t got_month;
                int32_t got_day;
                assert_int_equal(ktki_days_from_civil(year, month, day), days);
                ktki_civil_from_days(days, &got_year, &got_month, &got_day);
                assert_true(got_year == year && got_month == month && got_day == day);
                days++;
            }
        }
    }
}

static void far_dates_keep_their_value(void **unused) {
    static const int64_t all_days[] = {INT64_MIN,         INT64_MIN + 1, INT64_MAX, INT64_MAX - 1,
                                       INT64_MAX / 86400, INT32_MIN,     INT32_MAX};

    (void)unused;
    for (size_t i = 0; i < sizeof(all_days) / sizeof(all_days[0]); i++) {
        int64_t year;
        int32_t month;
        int32_t day;
        ktki_civil_from_days(all_days[i], &year, &month, &day);
        assert_in_range(month, 1, 12);
        assert_in_range(day, 1, 31);
        if (i >= 4) {
            assert_int_equal(ktki_days_from_civil(year, month, day), all_days[i]);
        }
    }
}

static void formats_years_outside_four_digits(void **unused) {
    char text[KTKI_TIME_TEXT_MAX];
    int64_t days;

    (void)unused;
    (void)ktki_format_date(ktki_days_from_civil(-44, 3, 15), text);
    assert_string_equal(text, "-0044-03-15");
    assert_true(ktki_parse_date(text, strlen(text), &days));
    assert_int_equal(days, ktki_days_from_civil(-44, 3, 15));
    (void)ktki_format_date(ktki_days_from_civil(0, 1, 1), text);
    assert_string_equal(text, "0000-01-01");
    (void)ktki_format_date(ktki_days_from_civil(123456, 7, 8), text);
    assert_string_equal(text, "123456-07-08");
    assert_true(ktki_parse_date(text, strlen(text), &days));
    assert_int_equal(days, ktki_days_from_civil(123456, 7, 8));
    /* The whole range of each unit. */
    (void)ktki_format_timestamp(INT64_MAX, 1, 'T', text);
    assert_string_equal(text, "292277026596-12-04T15:30:07");
    (void)ktki_format_timestamp(INT64_MIN, 1, ' ', text);
    assert_string_equal(text, "-292277022657-01-27 08:29:52");
    (void)ktki_format_timestamp(INT64_MIN, 1000000, ' ', text);
    assert_string_equal(text, "-290308-12-21 19:59:05.224192");
    (void)ktki_format_timestamp(INT64_MIN, 1000000000, ' ', text);
    assert_string_equal(text, "1677-09-21 00:12:43.145224192");
}

static void rejects_what_is_no_date(void **unused) {
    static const char *const texts[] = {
        "",
        "2021",
        "2021-02-29",
        "1900-02-29",
        "2021-00-01",
        "2021-13-01",
        "2021-04-31",
        "2021-01-00",
        "2021-1-01",
        "2021-01-1",
        "21-01-01",
        "2021/01/01",
        "20210101",
        "2021-01-01 ",
        " 2021-01-01",
        "+2021-01-01",
        "2021-01-011",
        "2021-01-01T",
        "--2021-01-01",
        "25000000000000001-01-01",
        "999999999999999999999-01-01",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t days = 77;
        assert_false(ktki_parse_date(texts[i], strlen(texts[i]), &days));
        assert_int_equal(days, 77);
    }
}

struct timestamp_case {
    const char *text;
    int64_t seconds;
    int32_t nanoseconds;
    bool has_offset;
};

static void parses_all_forms_of_timestamps(void **unused) {
    static const struct timestamp_case cases[] = {
        {"1970-01-01", 0, 0, false},
        {"1970-01-02 00:00", 86400, 0, false},
        {"1970-01-01T01:02:03", 3723, 0, false},
        {"1969-12-31T23:59:59.9", -1, 900000000, false},
        {"1970-01-01 00:00:00.000000001", 0, 1, false},
        {"1970-01-01T00:00Z", 0, 0, true},
        {"1970-01-01T00:00:01Z", 1, 0, true},
        {"1970-01-01T01:00:00.5+01:00", 0, 500000000, true},
        {"1970-01-01 00:00:00-0130", 5400, 0, true},
        {"2000-02-29 12:00:00", 951825600, 0, false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = 77;
        int32_t nanoseconds = 77;
        bool has_offset = !cases[i].has_offset;
        assert_true(ktki_parse_timestamp(cases[i].text, strlen(cases[i].text), &seconds,
                                         &nanoseconds, &has_offset));
        assert_int_equal(seconds, cases[i].seconds);
        assert_int_equal(nanoseconds, cases[i].nanoseconds);
        assert_int_equal(has_offset, cases[i].has_offset);
    }
}

static void rejects_what_is_no_timestamp(void **unused) {
    static const char *const texts[] = {
        "",
        "2021-01-01 ",
        "2021-01-01T",
        "2021-01-01T12",
        "2021-01-01T1:00",
        "2021-01-01T24:00",
        "2021-01-01T12:60",
        "2021-01-01T12:00:60",
        "2021-01-01T12:00:",
        "2021-01-01T12:00:00.",
        "2021-01-01T12:00:00.1234567890",
        "2021-01-01T12:00.5",
        "2021-01-01t12:00",
        "2021-01-01  12:00",
        "2021-01-01T12:00 ",
        "2021-01-01T12:00z",
        "2021-01-01T12:00+",
        "2021-01-01T12:00+1",
        "2021-01-01T12:00+01",
        "2021-01-01T12:00+01:",
        "2021-01-01T12:00+24:00",
        "2021-01-01T12:00+01:60",
        "2021-01-01T12:00+01:00x",
        "2021-01-01Z",
        "2021-02-30T12:00",
        "25000000000000000-01-01",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t seconds = 77;
        int32_t nanoseconds = 78;
        bool has_offset = true;
        assert_false(
            ktki_parse_timestamp(texts[i], strlen(texts[i]), &seconds, &nanoseconds, &has_offset));
        assert_true(seconds == 77 && nanoseconds == 78 && has_offset);
    }
}

static void formats_and_parses_times(void **unused) {
    char text[KTKI_TIME_TEXT_MAX];
    int64_t nanoseconds = 77;

    (void)unused;
    (void)ktki_format_time(0, 1000, text);
    assert_string_equal(text, "00:00:00");
    assert_int_equal(ktki_format_time(86399999, 1000, text), 15);
    assert_string_equal(text, "23:59:59.999000");
    (void)ktki_format_time(3723000001, 1000000, text);
    assert_string_equal(text, "01:02:03.000001");
    (void)ktki_format_time(3723000000001, 1000000000, text);
    assert_string_equal(text, "01:02:03.000000001");
    (void)ktki_format_time(-1, 1, text);
    assert_string_equal(text, "-00:00:01");
    (void)ktki_format_time(INT64_MIN, 1, text);
    assert_string_equal(text, "-2562047788015215:30:08");
    assert_true(ktki_parse_time("01:02:03.5", 10, &nanoseconds));
    assert_int_equal(nanoseconds, 3723500000000);
    nanoseconds = 77;
    assert_false(ktki_parse_time("01:02", 5, &nanoseconds));
    assert_false(ktki_parse_time("24:00:00", 8, &nanoseconds));
    assert_false(ktki_parse_time("01:02:03Z", 9, &nanoseconds));
    assert_false(ktki_parse_time("", 0, &nanoseconds));
    assert_int_equal(nanoseconds, 77);
}

static void now_is_now(void **unused) {
    char text[KTKI_TIME_TEXT_MAX];
    int64_t seconds;
    int32_t nanoseconds;
    bool has_offset;
    time_t before = time(NULL);
    size_t size;

    (void)unused;
    size = ktki_format_now(text);
    assert_true(size == 26 || size == 19);
    assert_int_equal(text[10], 'T');
    assert_true(ktki_parse_timestamp(text, size, &seconds, &nanoseconds, &has_offset));
    assert_true(seconds >= before - 1 && seconds <= time(NULL) + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_agree_with_python),
        cmocka_unit_test(timestamps_agree_with_pandas),
        cmocka_unit_test(days_follow_each_other),
        cmocka_unit_test(far_dates_keep_their_value),
        cmocka_unit_test(formats_years_outside_four_digits),
        cmocka_unit_test(rejects_what_is_no_date),
        cmocka_unit_test(parses_all_forms_of_timestamps),
        cmocka_unit_test(rejects_what_is_no_timestamp),
        cmocka_unit_test(formats_and_parses_times),
        cmocka_unit_test(now_is_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
