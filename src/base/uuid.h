/** Fresh names: UUID version 7 (RFC 9562) as 32 lower-case hex digits: unique without coordination,
 * sortable by creation time. */
#ifndef KTKI_BASE_UUID_H
#define KTKI_BASE_UUID_H

#include <kartothek/error.h>

#define KTKI_UUID_TEXT_SIZE 33 /* with NUL */

ktk_status ktki_uuid7(char out[KTKI_UUID_TEXT_SIZE], ktk_error *err);

#endif
