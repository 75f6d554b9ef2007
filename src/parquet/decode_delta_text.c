#include "base/error.h"
#include "parquet/delta_text.h"
#include "parquet/leaf_reader.h"
#include "parquet/names.h"

/* Offsets from sizes: that of the slot behind the page is written too, where the next page starts.
 */
static void put_offsets(struct leaf_reader *reader, const struct page_values *page,
                        const uint32_t *sizes) {
    const struct kernels *kernels = reader->kernels;
    uint64_t start = reader->sink.bytes_size;

    if (reader->rule.kind == SINK_TEXT_32) {
        int32_t *offsets = (int32_t *)(void *)reader->sink.values + page->slot;
        offsets[0] = (int32_t)start;
        (void)kernels->running_sum_32(sizes, page->count, 0, (uint32_t)start,
                                      (uint8_t *)(offsets + 1));
    } else {
        int64_t *offsets = (int64_t *)(void *)reader->sink.values + page->slot;
        offsets[0] = (int64_t)start;
        (void)kernels->running_sum_64_of_32(sizes, page->count, 0, start, (uint8_t *)(offsets + 1));
    }
}

/* Sizes of all slots: that of a null is 0. */
static ktk_status spread_sizes(struct leaf_reader *reader, const struct page_values *page,
                               const struct delta_text *text, const uint32_t **out,
                               ktk_error *err) {
    struct scratch_block *block = &reader->scratch->image;
    ktk_status status = KTK_OK;

    if (page->dense_count == page->count) {
        *out = text->sizes;
        return KTK_OK;
    }
    KTKI_TRY(ktki_scratch_reserve(reader->scratch, block, page->count * sizeof(**out), err));
    if (text->count == 0) {
        memset(block->data, 0, page->count * sizeof(**out));
    } else {
        reader->kernels->expand_indices(text->sizes, text->count, reader->sink.validity.bits,
                                        page->slot, page->count, 0,
                                        (uint32_t *)(void *)block->data);
    }
    *out = (const uint32_t *)(const void *)block->data;
out:
    return status;
}

static ktk_status begin(struct leaf_reader *reader, struct page_values *page, bool has_prefixes,
                        struct delta_text *out, ktk_error *err) {
    struct delta_text text = {0};
    bool is_placed = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    if (page->dense_count > 0) {
        KTKI_TRY(ktki_delta_text_begin(&text, page->parts.values, page->dense_count, has_prefixes,
                                       (uint64_t)reader->page_bytes_max, reader->scratch, err));
    }
    *out = text;
out:
    return status;
}

/* ---- texts ---- */

static ktk_status read_texts(struct leaf_reader *reader, struct page_values *page,
                             bool has_prefixes, ktk_error *err) {
    struct delta_text text = {0};
    const uint32_t *sizes = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin(reader, page, has_prefixes, &text, err));
    KTKI_TRY(ktki_text_reserve(reader, page, text.size, err));
    KTKI_TRY(spread_sizes(reader, page, &text, &sizes, err));
    if (text.count > 0) {
        ktki_delta_text_copy(&text, false, reader->sink.bytes + reader->sink.bytes_size);
    }
    put_offsets(reader, page, sizes);
    KTKI_TRY(ktki_text_add(reader, page, text.size, err));
out:
    return status;
}

ktk_status ktki_text_delta_length(struct leaf_reader *reader, struct page_values *page,
                                  ktk_error *err) {
    return read_texts(reader, page, false, err);
}

ktk_status ktki_text_delta(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    return read_texts(reader, page, true, err);
}

/* ---- values of a fixed width in memory: as PLAIN ---- */

static ktk_status check_sizes(const struct delta_text *text, size_t width, ktk_error *err) {
    for (size_t i = 0; i < text->count; i++) {
        if (text->sizes[i] != width) {
            return ktk_error_set(err, KTK_E_CORRUPT,
                                 "value %zu of a page has %u bytes where its type has %zu", i,
                                 text->sizes[i], width);
        }
    }
    return KTK_OK;
}

static ktk_status read_fixed(struct leaf_reader *reader, struct page_values *page,
                             bool has_prefixes, ktk_error *err) {
    const struct value_rule *rule = &reader->rule;
    bool has_sizes = rule->physical == PQ_BYTE_ARRAY;
    struct delta_text text = {0};
    uint8_t *image = NULL;
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin(reader, page, has_prefixes, &text, err));
    if (!has_sizes) {
        KTKI_TRY(check_sizes(&text, rule->plain_width, err));
    }
    size = ktki_delta_text_size(&text, has_sizes);
    KTKI_TRY(ktki_plain_image(reader, page, size, &image, err));
    ktki_delta_text_copy(&text, has_sizes, image);
    KTKI_TRY(ktki_plain_image_finish(reader, page, image, size, err));
out:
    return status;
}

static ktk_status refuse(const struct value_rule *rule, const char *encoding, ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "values of the type %s cannot be %s",
                         ktki_parquet_type_name(rule->physical), encoding);
}

ktk_status ktki_fixed_delta_length(struct leaf_reader *reader, struct page_values *page,
                                   ktk_error *err) {
    return reader->rule.physical == PQ_BYTE_ARRAY
               ? read_fixed(reader, page, false, err)
               : refuse(&reader->rule, "DELTA_LENGTH_BYTE_ARRAY", err);
}

ktk_status ktki_fixed_delta_text(struct leaf_reader *reader, struct page_values *page,
                                 ktk_error *err) {
    return reader->rule.physical == PQ_BYTE_ARRAY ||
                   reader->rule.physical == PQ_FIXED_LEN_BYTE_ARRAY
               ? read_fixed(reader, page, true, err)
               : refuse(&reader->rule, "DELTA_BYTE_ARRAY", err);
}
