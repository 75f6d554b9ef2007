#include "arrow/csv_dialect.h"

#include <string.h>

const char *const ktki_csv_nulls[KTKI_CSV_NULL_COUNT] = {"", "NA", "NULL", "null", "NaN", "nan"};

bool ktki_csv_is_default_null(const uint8_t *text, size_t size) {
    for (size_t i = 0; i < KTKI_CSV_NULL_COUNT; i++) {
        if (size == strlen(ktki_csv_nulls[i]) && memcmp(text, ktki_csv_nulls[i], size) == 0) {
            return true;
        }
    }
    return false;
}

ktk_status ktki_csv_check_delimiter(char given, uint8_t *out, ktk_error *err) {
    uint8_t delimiter = given == 0 ? ',' : (uint8_t)given;

    if (delimiter >= 0x80 || strchr("\"\r\n", delimiter) != NULL) {
        return ktk_error_set(
            err, KTK_E_INVALID,
            "the CSV delimiter must be one ASCII character, no quote and no line end");
    }
    *out = delimiter;
    return KTK_OK;
}
