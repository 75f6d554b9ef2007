/** What reader and writer of CSV must agree on. */
#ifndef KTKI_ARROW_CSV_DIALECT_H
#define KTKI_ARROW_CSV_DIALECT_H

#include <kartothek/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Texts that mean null unless the caller says otherwise. */
#define KTKI_CSV_NULL_COUNT 6
extern const char *const ktki_csv_nulls[KTKI_CSV_NULL_COUNT];

bool ktki_csv_is_default_null(const uint8_t *text, size_t size);

/** `given` 0: ','. KTK_E_INVALID unless it is one ASCII character, no quote and no line end. */
ktk_status ktki_csv_check_delimiter(char given, uint8_t *out, ktk_error *err);

#endif
