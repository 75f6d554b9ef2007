#include "arrow/csv_scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK_SIZE 64
#define ROW_SIZE_MAX ((size_t)1 << 30)

/* Bit i: byte i of the block is a delimiter, a quote or the end of a line. */
#ifdef __SSE2__
static uint64_t mask_of_block(const uint8_t *block, uint8_t delimiter) {
    const __m128i delimiters = _mm_set1_epi8((char)delimiter);
    const __m128i quotes = _mm_set1_epi8('"');
    const __m128i feeds = _mm_set1_epi8('\n');
    const __m128i returns = _mm_set1_epi8('\r');
    uint64_t mask = 0;

    for (size_t i = 0; i < BLOCK_SIZE / 16; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        __m128i found = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiters), _mm_cmpeq_epi8(bytes, quotes)),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, feeds), _mm_cmpeq_epi8(bytes, returns)));

        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(found) << (16 * i);
    }
    return mask;
}
#else
static uint64_t mask_of_block(const uint8_t *block, uint8_t delimiter) {
    uint64_t mask = 0;

    for (int i = 0; i < BLOCK_SIZE; i++) {
        uint8_t byte = block[i];
        bool found = byte == delimiter || byte == '"' || byte == '\n' || byte == '\r';

        mask |= (uint64_t)found << i;
    }
    return mask;
}
#endif

static uint64_t load_block(const struct csv_scanner *scanner) {
    size_t left = scanner->size - scanner->block;
    uint8_t padded[BLOCK_SIZE] = {0};

    if (left >= BLOCK_SIZE) {
        return mask_of_block(scanner->text + scanner->block, scanner->delimiter);
    }
    if (left > 0) {
        memcpy(padded, scanner->text + scanner->block, left);
    }
    return mask_of_block(padded, scanner->delimiter);
}

void ktki_csv_scanner_init(struct csv_scanner *scanner, const uint8_t *text, size_t size,
                           uint8_t delimiter, size_t offset) {
    *scanner = (struct csv_scanner){
        .text = text, .size = size, .at = offset, .block = offset, .delimiter = delimiter};
    scanner->mask = load_block(scanner);
}

/* Pass to the next special byte; the size of the text if there is none. `mask` is the scanner's own
 * or a copy that stays in a register. */
static inline size_t next_special(struct csv_scanner *scanner, uint64_t *mask) {
    size_t at;

    while (*mask == 0) {
        if (scanner->size - scanner->block <= BLOCK_SIZE) {
            return scanner->size;
        }
        scanner->block += BLOCK_SIZE;
        *mask = load_block(scanner);
    }
    at = scanner->block + (size_t)__builtin_ctzll(*mask);
    *mask &= *mask - 1;
    return at;
}

size_t ktki_csv_line(const uint8_t *text, size_t offset) {
    size_t line = 1;

    for (size_t i = 0; i < offset; i++) {
        bool is_end =
            text[i] == '\n' || (text[i] == '\r' && (i + 1 == offset || text[i + 1] != '\n'));

        line += is_end;
    }
    return line;
}

uint8_t *ktki_csv_copy_text(const struct csv_field *field, uint8_t *out) {
    if (!field->has_escapes) {
        memcpy(out, field->data, field->size);
        return out + field->size;
    }
    for (uint32_t i = 0; i < field->size; i++) {
        *out++ = field->data[i];
        /* The scanner has seen that quotes come in pairs. */
        i += field->data[i] == '"';
    }
    return out;
}

/* From the opening quote at `start` to what ends the field, which is the `number`th of its row. */
static ktk_status scan_quoted(struct csv_scanner *scanner, size_t start, size_t number,
                              struct csv_field *field, size_t *end, ktk_error *err) {
    const uint8_t *text = scanner->text;
    size_t close;
    uint8_t behind;

    *field = (struct csv_field){.is_quoted = true};
    (void)next_special(scanner, &scanner->mask);
    for (;;) {
        close = next_special(scanner, &scanner->mask);
        if (close == scanner->size) {
            return ktk_error_set(err, KTK_E_CORRUPT, "line %zu, field %zu: the quote is not closed",
                                 ktki_csv_line(text, start), number);
        }
        if (text[close] != '"') {
            continue;
        }
        if (close + 1 == scanner->size || text[close + 1] != '"') {
            break;
        }
        (void)next_special(scanner, &scanner->mask);
        field->has_escapes = true;
    }
    field->data = text + start + 1;
    field->size = (uint32_t)(close - start - 1);
    *end = close + 1;
    if (*end == scanner->size) {
        return KTK_OK;
    }
    behind = text[*end];
    if (behind != scanner->delimiter && behind != '\n' && behind != '\r') {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "line %zu, field %zu: text follows the closing quote",
                             ktki_csv_line(text, close), number);
    }
    (void)next_special(scanner, &scanner->mask);
    return KTK_OK;
}

static inline size_t scan_bare(struct csv_scanner *scanner, size_t start, struct csv_field *field,
                               uint64_t *mask) {
    size_t end;

    do {
        end = next_special(scanner, mask);
    } while (end < scanner->size && scanner->text[end] == '"');
    *field = (struct csv_field){.data = scanner->text + start,
                                .size = (uint32_t)(end - start),
                                .has_word = scanner->size - start > sizeof(uint64_t)};
    return end;
}

/* Pass over the line end at `end`, CR LF as one; returns the start of the next line. */
static size_t pass_line_end(struct csv_scanner *scanner, size_t end) {
    if (end == scanner->size) {
        return end;
    }
    if (scanner->text[end] == '\r' && end + 1 < scanner->size && scanner->text[end + 1] == '\n') {
        return next_special(scanner, &scanner->mask) + 1;
    }
    return end + 1;
}

static void skip_blank_lines(struct csv_scanner *scanner) {
    while (scanner->at < scanner->size &&
           (scanner->text[scanner->at] == '\n' || scanner->text[scanner->at] == '\r')) {
        scanner->at = pass_line_end(scanner, next_special(scanner, &scanner->mask));
    }
}

ktk_status ktki_csv_scan_row(struct csv_scanner *scanner, struct csv_field *fields, size_t capacity,
                             size_t *field_count, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t count = 0;
    size_t start;
    size_t end = 0;
    uint64_t mask;
    struct csv_field spare = {0};

    if (scanner->skips_blank_lines) {
        skip_blank_lines(scanner);
    }
    *field_count = 0;
    if (scanner->at == scanner->size) {
        return KTK_OK;
    }
    start = scanner->at;
    mask = scanner->mask;
    do {
        struct csv_field *field = count < capacity ? &fields[count] : &spare;

        if (start < scanner->size && scanner->text[start] == '"') {
            scanner->mask = mask;
            status = scan_quoted(scanner, start, count + 1, field, &end, err);
            mask = scanner->mask;
            if (status != KTK_OK) {
                return status;
            }
        } else {
            end = scan_bare(scanner, start, field, &mask);
        }
        count++;
        start = end + 1;
    } while (end < scanner->size && scanner->text[end] == scanner->delimiter);
    scanner->mask = mask;
    if (end - scanner->at >= ROW_SIZE_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT, "line %zu: the row has 1 GiB or more",
                             ktki_csv_line(scanner->text, scanner->at));
    }
    scanner->at = pass_line_end(scanner, end);
    *field_count = count;
    return KTK_OK;
}
