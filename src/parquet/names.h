/** Names of the format's numbers, for messages and for people. */
#ifndef KTKI_PARQUET_NAMES_H
#define KTKI_PARQUET_NAMES_H

#include "parquet/metadata.h"

/** "PLAIN", "RLE_DICTIONARY"; "UNKNOWN" for others. Never NULL. */
const char *ktki_parquet_encoding_name(int32_t encoding);

/** "DATA_PAGE" and the like; "UNKNOWN" for others. Never NULL. */
const char *ktki_parquet_page_type_name(enum parquet_page_type type);

/** "OPTIONAL" and the like. */
const char *ktki_parquet_repetition_name(enum parquet_repetition repetition);

/** "INT64" and the like. */
const char *ktki_parquet_type_name(enum parquet_type type);

/** Append the readable logical type, e.g. "TIMESTAMP(MICROS, UTC=false)"; nothing if there is none.
 */
ktk_status ktki_parquet_logical_text(const struct schema_element *element, struct buffer *out,
                                     ktk_error *err);

#endif
