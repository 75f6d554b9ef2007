#include <string.h>

#include "base/error.h"
#include "parquet/leaf_reader.h"

static ktk_status too_short(ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "there are fewer values than announced");
}

static uint8_t *slot_at(struct leaf_reader *reader, int64_t slot) {
    return reader->sink.values + (size_t)slot * reader->rule.width;
}

/* Rows [done, done + rows) of a page: where their bits are and how many of them hold a value. */
struct row_block {
    int64_t slot;
    size_t rows;
    size_t dense_count;
};

static struct row_block block_at(const struct leaf_reader *reader, const struct page_values *page,
                                 size_t done) {
    struct row_block block = {.slot = page->slot + (int64_t)done, .rows = page->count - done};

    if (block.rows > DENSE_BLOCK) {
        block.rows = DENSE_BLOCK;
    }
    block.dense_count =
        (size_t)ktki_bits_count(reader->sink.validity.bits, block.slot, (int64_t)block.rows);
    return block;
}

static void expand(struct leaf_reader *reader, const struct row_block *block,
                   const uint8_t *dense) {
    size_t width = reader->rule.width;

    reader->kernels->expand[ktki_width_class(width)](
        dense, block->dense_count, reader->sink.validity.bits, block->slot, block->rows, width,
        slot_at(reader, block->slot));
}

/* ---- PLAIN ---- */

/* The same bytes in the file as in memory: decompressed or copied to their place at once. */
static ktk_status place_plain(struct leaf_reader *reader, struct page_values *page,
                              ktk_error *err) {
    size_t size = page->count * reader->rule.width;
    uint8_t *to = slot_at(reader, page->slot);
    bool is_placed = page->parts.is_placed;
    ktk_status status = KTK_OK;

    if (is_placed) {
        return KTK_OK;
    }
    KTKI_TRY(ktki_page_values(&page->parts, &reader->format, reader->scratch, to, size, &is_placed,
                              err));
    if (!is_placed && !ktki_cursor_copy(&page->parts.values, to, size)) {
        status = too_short(err);
    }
out:
    return status;
}

static ktk_status expand_plain(struct leaf_reader *reader, struct page_values *page,
                               ktk_error *err) {
    struct row_block block = {page->slot, page->count, page->dense_count};
    const uint8_t *dense;

    if (!ktki_cursor_bytes(&page->parts.values, page->dense_count * reader->rule.width, &dense)) {
        return too_short(err);
    }
    expand(reader, &block, dense);
    return KTK_OK;
}

static ktk_status convert_plain(struct leaf_reader *reader, struct page_values *page,
                                ktk_error *err) {
    const struct value_rule *rule = &reader->rule;
    const struct cursor values = page->parts.values;
    uint8_t *dense = reader->scratch->dense;

    if (page->dense_count == page->count) {
        return rule->read(&page->parts.values, rule->plain_width, page->count,
                          slot_at(reader, page->slot), rule->width)
                   ? KTK_OK
                   : ktki_value_fault(rule, values, page->count, err);
    }
    for (size_t done = 0; done < page->count; done += DENSE_BLOCK) {
        struct row_block block = block_at(reader, page, done);
        if (!rule->read(&page->parts.values, rule->plain_width, block.dense_count, dense,
                        rule->width)) {
            return ktki_value_fault(rule, values, page->dense_count, err);
        }
        expand(reader, &block, dense);
    }
    return KTK_OK;
}

ktk_status ktki_fixed_plain(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    bool is_identity = reader->rule.read == NULL;
    bool is_placed = false;
    ktk_status status = KTK_OK;

    if (page->parts.is_placed &&
        ktki_cursor_left(&page->parts.values) != page->dense_count * reader->rule.width) {
        KTKI_TRY(ktki_page_displace(&page->parts, reader->scratch, err));
    }
    if (is_identity && page->dense_count == page->count) {
        return place_plain(reader, page, err);
    }
    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    KTKI_TRY((is_identity ? expand_plain : convert_plain)(reader, page, err));
out:
    return status;
}

/* ---- dictionary ---- */

static ktk_status bad_index(ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT,
                         "dictionary indices are damaged, fewer than the values, or out of range");
}

ktk_status ktki_indices_begin(struct leaf_reader *reader, struct page_values *page,
                              ktk_error *err) {
    bool is_placed = false;
    uint8_t bit_width = 0;
    ktk_status status = KTK_OK;

    if (!reader->dictionary.is_present) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a page refers to a dictionary that its chunk lacks");
    }
    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    /* Without any value there may not even be a bit width. */
    if (page->dense_count > 0 &&
        (!ktki_cursor_u8(&page->parts.values, &bit_width) || bit_width > 32)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "dictionary indices of %u bits", bit_width);
    }
    ktki_index_init(&reader->scratch->index, page->parts.values, bit_width,
                    reader->dictionary.count, reader->kernels);
out:
    return status;
}

static ktk_status gather_all(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    const uint8_t *entries = reader->dictionary.values;
    const size_t width = reader->rule.width;
    const enum width_class class = ktki_width_class(width);
    struct index_piece piece;

    for (size_t done = 0; done < page->count; done += piece.count) {
        uint8_t *to = slot_at(reader, page->slot + (int64_t)done);
        if (!ktki_index_some(&reader->scratch->index, page->count - done, &piece)) {
            return bad_index(err);
        }
        if (piece.indices == NULL) {
            reader->kernels->fill[class](entries + piece.value * width, piece.count, width, to);
        } else {
            reader->kernels->gather[class](entries, piece.indices, piece.count, width, to);
        }
    }
    return KTK_OK;
}

/* Values wider than the scratch are rare (long fixed binaries): they go one row at a time. */
static ktk_status gather_wide(struct leaf_reader *reader, struct page_values *page,
                              ktk_error *err) {
    const size_t width = reader->rule.width;
    const uint8_t *bits = reader->sink.validity.bits;
    const uint32_t *index;

    for (size_t i = 0; i < page->count; i++) {
        int64_t slot = page->slot + (int64_t)i;
        if ((bits[slot >> 3] >> (slot & 7) & 1) == 0) {
            memset(slot_at(reader, slot), 0, width);
        } else if (ktki_index_exactly(&reader->scratch->index, 1, &index)) {
            memcpy(slot_at(reader, slot), reader->dictionary.values + *index * width, width);
        } else {
            return bad_index(err);
        }
    }
    return KTK_OK;
}

static ktk_status gather_blocks(struct leaf_reader *reader, struct page_values *page,
                                ktk_error *err) {
    const size_t width = reader->rule.width;
    uint8_t *dense = reader->scratch->dense;
    const uint32_t *indices;

    for (size_t done = 0; done < page->count; done += DENSE_BLOCK) {
        struct row_block block = block_at(reader, page, done);
        if (!ktki_index_exactly(&reader->scratch->index, block.dense_count, &indices)) {
            return bad_index(err);
        }
        reader->kernels->gather[ktki_width_class(width)](reader->dictionary.values, indices,
                                                         block.dense_count, width, dense);
        expand(reader, &block, dense);
    }
    return KTK_OK;
}

ktk_status ktki_fixed_dictionary(struct leaf_reader *reader, struct page_values *page,
                                 ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_indices_begin(reader, page, err));
    if (page->dense_count == page->count) {
        KTKI_TRY(gather_all(reader, page, err));
    } else if (reader->rule.width > DENSE_WIDTH_MAX) {
        KTKI_TRY(gather_wide(reader, page, err));
    } else {
        KTKI_TRY(gather_blocks(reader, page, err));
    }
out:
    return status;
}

ktk_status ktki_indices_unpack(struct leaf_reader *reader, struct page_values *page, uint32_t null,
                               uint32_t *out, ktk_error *err) {
    struct index_reader *index = &reader->scratch->index;
    const uint32_t *indices;
    struct index_piece piece;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_indices_begin(reader, page, err));
    if (page->dense_count == page->count) {
        for (size_t done = 0; done < page->count; done += piece.count) {
            if (!ktki_index_some(index, page->count - done, &piece)) {
                return bad_index(err);
            }
            if (piece.indices != NULL) {
                memcpy(out + done, piece.indices, piece.count * sizeof(*out));
            } else {
                reader->kernels->fill[WIDTH_4]((const uint8_t *)&piece.value, piece.count,
                                               sizeof(*out), (uint8_t *)(out + done));
            }
        }
        goto out;
    }
    for (size_t done = 0; done < page->count; done += DENSE_BLOCK) {
        struct row_block block = block_at(reader, page, done);
        if (!ktki_index_exactly(index, block.dense_count, &indices)) {
            return bad_index(err);
        }
        reader->kernels->expand_indices(indices, block.dense_count, reader->sink.validity.bits,
                                        block.slot, block.rows, null, out + done);
    }
out:
    return status;
}

ktk_status ktki_index_dictionary(struct leaf_reader *reader, struct page_values *page,
                                 ktk_error *err) {
    uint32_t *out = (uint32_t *)reader->sink.values + page->slot;

    return ktki_indices_unpack(reader, page, 0, out, err);
}
