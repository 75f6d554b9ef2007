#include "base/error.h"
#include "parquet/leaf_reader.h"

static bool is_final(const struct leaf_reader *reader, const struct page_values *page,
                     size_t size) {
    return reader->rule.read == NULL && page->dense_count == page->count &&
           size == page->count * reader->rule.width;
}

ktk_status ktki_plain_image(struct leaf_reader *reader, const struct page_values *page, size_t size,
                            uint8_t **out, ktk_error *err) {
    struct scratch_block *block = &reader->scratch->image;
    ktk_status status = KTK_OK;

    if (is_final(reader, page, size)) {
        *out = reader->sink.values + (size_t)page->slot * reader->rule.width;
    } else {
        KTKI_TRY(ktki_scratch_reserve(reader->scratch, block, size, err));
        *out = block->data;
    }
out:
    return status;
}

ktk_status ktki_plain_image_finish(struct leaf_reader *reader, struct page_values *page,
                                   const uint8_t *image, size_t size, ktk_error *err) {
    if (is_final(reader, page, size)) {
        return KTK_OK;
    }
    page->parts.values = ktki_cursor(image, size);
    page->parts.packed = NULL;
    return ktki_fixed_plain(reader, page, err);
}
