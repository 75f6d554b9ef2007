#include "net/http_date.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time_format.h"

static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

#define SECONDS_PER_DAY 86400

void ktki_http_date_format(int64_t seconds, char out[KTKI_HTTP_DATE_SIZE]) {
    int64_t day = seconds / SECONDS_PER_DAY;
    int64_t rest = seconds % SECONDS_PER_DAY;
    int64_t year = 0;
    int32_t month = 0;
    int32_t in_month = 0;

    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        day--;
    }
    ktki_civil_from_days(day, &year, &month, &in_month);
    (void)snprintf(out, KTKI_HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   days[((day % 7) + 7) % 7], (int)in_month, months[month - 1], (int)(year % 10000),
                   (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}

/* Digits at a place of a text that is long enough. */
static bool take_number(const char *text, size_t offset, size_t size, int64_t *out) {
    for (size_t i = 0; i < size; i++) {
        if (text[offset + i] < '0' || text[offset + i] > '9') {
            return false;
        }
    }
    return ktki_parse_i64(text + offset, size, out);
}

bool ktki_http_date_parse(const char *text, int64_t *seconds) {
    int64_t day = 0;
    int64_t year = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int32_t month = 0;

    if (strlen(text) != 29 || strcmp(text + 25, " GMT") != 0 || !take_number(text, 5, 2, &day) ||
        !take_number(text, 12, 4, &year) || !take_number(text, 17, 2, &hour) ||
        !take_number(text, 20, 2, &minute) || !take_number(text, 23, 2, &second)) {
        return false;
    }
    while (month < 12 && strncmp(text + 8, months[month], 3) != 0) {
        month++;
    }
    if (month == 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *seconds = ktki_days_from_civil(year, month + 1, (int32_t)day) * SECONDS_PER_DAY + hour * 3600 +
               minute * 60 + second;
    return true;
}

bool ktki_iso_date_parse(const char *text, int64_t *microseconds) {
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    bool has_offset = false;

    if (!ktki_parse_timestamp(text, strlen(text), &seconds, &nanoseconds, &has_offset) ||
        !has_offset || seconds > INT64_MAX / 1000000 - 1 || seconds < INT64_MIN / 1000000 + 1) {
        return false;
    }
    *microseconds = seconds * 1000000 + nanoseconds / 1000;
    return true;
}
