/** Dates and times to and from text; proleptic Gregorian, no time zone database. */
#ifndef KTKI_BASE_TIME_FORMAT_H
#define KTKI_BASE_TIME_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KTKI_TIME_TEXT_MAX 64

/** Days since 1970-01-01 to and from a calendar date; any year that fits. */
int64_t ktki_days_from_civil(int64_t year, int32_t month, int32_t day);
void ktki_civil_from_days(int64_t days, int64_t *year, int32_t *month, int32_t *day);

/** `YYYY-MM-DD`, year zero-padded to 4 (with '-' before negative years). Returns the length. */
size_t ktki_format_date(int64_t days, char text[KTKI_TIME_TEXT_MAX]);

/** Whole text `[-]YYYY-MM-DD` (4 or more digits of year) of a real date. */
bool ktki_parse_date(const char *text, size_t size, int64_t *days);

/**
 * `YYYY-MM-DD HH:MM:SS[.f…]` of `value` units since the epoch (`units_per_second` 1, 1000, 1000000,
 * 1000000000). The fraction is left out when 0, has 6 digits when that is enough, else 9 (pandas'
 * str(Timestamp)). `separator` ' ' or 'T'. Returns the length.
 */
size_t ktki_format_timestamp(int64_t value, int64_t units_per_second, char separator,
                             char text[KTKI_TIME_TEXT_MAX]);

/**
 * Whole text `[-]YYYY-MM-DD[( |T)HH:MM[:SS[.f{1,9}]][Z|(+|-)HH[:]MM]]`. Results: seconds since the
 * epoch (of UTC if an offset is given) and nanoseconds in [0, 1e9). `*has_offset` says whether
 * there was one. False, and nothing written, for anything else.
 */
bool ktki_parse_timestamp(const char *text, size_t size, int64_t *seconds, int32_t *nanoseconds,
                          bool *has_offset);

/** `HH:MM:SS[.ffffff[fff]]` of a time of day; units and fraction as above. More than a day gives
 * more than 24 hours, a negative value a '-' in front. Returns the length. */
size_t ktki_format_time(int64_t value, int64_t units_per_second, char text[KTKI_TIME_TEXT_MAX]);

/** Whole text `HH:MM:SS[.f{1,9}]` of a time of day. */
bool ktki_parse_time(const char *text, size_t size, int64_t *nanoseconds);

/** Now, UTC, as Python's datetime.isoformat(): `YYYY-MM-DDTHH:MM:SS.ffffff`, the fraction left out
 * when 0. */
size_t ktki_format_now(char text[KTKI_TIME_TEXT_MAX]);

#endif
