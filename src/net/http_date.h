/** Times as HTTP writes them. */
#ifndef KTKI_NET_HTTP_DATE_H
#define KTKI_NET_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define KTKI_HTTP_DATE_SIZE 32

/** "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate), NUL-terminated. */
void ktki_http_date_format(int64_t seconds, char out[KTKI_HTTP_DATE_SIZE]);

/** The whole text must be such a date. */
bool ktki_http_date_parse(const char *text, int64_t *seconds);

/** "2006-02-03T16:45:09.000Z" of S3's lists; microseconds. */
bool ktki_iso_date_parse(const char *text, int64_t *microseconds);

#endif
