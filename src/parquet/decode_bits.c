#include <string.h>

#include "base/error.h"
#include "parquet/leaf_reader.h"
#include "parquet/rle.h"

static ktk_status too_short(ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "a page holds fewer booleans than announced");
}

/* Values of the rows that have one, a bit each in `dense`, to their slots. */
static void place_bits(struct leaf_reader *reader, const struct page_values *page,
                       const uint8_t *dense) {
    const uint8_t *validity = reader->sink.validity.bits;
    uint8_t *out = reader->sink.values;
    size_t from = 0;

    if (page->dense_count == page->count) {
        ktki_bits_copy(dense, 0, out, page->slot, (int64_t)page->count);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        int64_t slot = page->slot + (int64_t)i;
        unsigned is_valid = validity[slot >> 3] >> (slot & 7) & 1;
        if (is_valid != 0) {
            unsigned value = dense[from >> 3] >> (from & 7) & 1;
            out[slot >> 3] = (uint8_t)(out[slot >> 3] | value << (slot & 7));
            from++;
        }
    }
}

ktk_status ktki_bits_plain(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    const uint8_t *dense;
    bool is_placed = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    if (!ktki_cursor_bytes(&page->parts.values, ktki_bits_size((int64_t)page->dense_count),
                           &dense)) {
        status = too_short(err);
        goto out;
    }
    place_bits(reader, page, dense);
out:
    return status;
}

ktk_status ktki_bits_rle(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    struct scratch_block *block = &reader->scratch->bits;
    struct cursor runs;
    uint32_t size;
    bool is_placed = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    if (page->dense_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_scratch_reserve(reader->scratch, block,
                                  ktki_bits_size((int64_t)page->dense_count), err));
    if (!ktki_cursor_u32le(&page->parts.values, &size) ||
        !ktki_cursor_split(&page->parts.values, size, &runs)) {
        status = too_short(err);
        goto out;
    }
    for (size_t done = 0; done < page->dense_count;) {
        struct rle_run run;
        size_t count = page->dense_count - done;
        if (!ktki_rle_run(&runs, 1, &run)) {
            status = too_short(err);
            goto out;
        }
        count = run.count < count ? run.count : count;
        if (run.is_packed) {
            ktki_bits_copy(run.packed, 0, block->data, (int64_t)done, (int64_t)count);
        } else {
            ktki_bits_fill(block->data, (int64_t)done, (int64_t)count, run.value != 0);
        }
        done += count;
    }
    place_bits(reader, page, block->data);
out:
    return status;
}
