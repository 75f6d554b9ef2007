/** Where the fields of CSV text are: RFC 4180 with LF, CRLF or CR at the end of a row. */
#ifndef KTKI_ARROW_CSV_SCAN_H
#define KTKI_ARROW_CSV_SCAN_H

#include <kartothek/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A field, without its quotes; points into the text. A quote inside a field that does not start
 * with one is text. */
struct csv_field {
    const uint8_t *data;
    uint32_t size;
    bool is_quoted;
    bool has_escapes; /* quoted, with "" for " inside */
    bool has_word;    /* 9 bytes from `data` on are text, so that a sign and a word may be read */
};

struct csv_scanner {
    const uint8_t *text;
    size_t size;
    size_t at;     /* start of the next row */
    size_t block;  /* of 64 bytes, at or behind `at` */
    uint64_t mask; /* bytes of the block that are delimiters, quotes or line ends, not yet passed */
    uint8_t delimiter;
    bool skips_blank_lines;
};

/** Start at `offset`, which must be the start of a row. `text` must outlive the scanner. */
void ktki_csv_scanner_init(struct csv_scanner *scanner, const uint8_t *text, size_t size,
                           uint8_t delimiter, size_t offset);

/**
 * Find the fields of the next row. Of more than `capacity` the first ones are stored, all are
 * counted; `*field_count` 0: the text ends here. KTK_E_CORRUPT with the line for a quote that is
 * not closed or has text behind it, KTK_E_LIMIT for a row of 1 GiB or more.
 */
ktk_status ktki_csv_scan_row(struct csv_scanner *scanner, struct csv_field *fields, size_t capacity,
                             size_t *field_count, ktk_error *err);

/** Number of the line that `offset` is in, from 1. */
size_t ktki_csv_line(const uint8_t *text, size_t offset);

/** Copy the text of a field to `out`, which has room for `field->size` bytes, with "" as "; returns
 * the end. */
uint8_t *ktki_csv_copy_text(const struct csv_field *field, uint8_t *out);

#endif
