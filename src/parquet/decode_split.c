#include "base/error.h"
#include "parquet/leaf_reader.h"
#include "parquet/names.h"

static bool may_be_split(enum parquet_type type) {
    return type == PQ_INT32 || type == PQ_INT64 || type == PQ_FLOAT || type == PQ_DOUBLE ||
           type == PQ_FIXED_LEN_BYTE_ARRAY;
}

ktk_status ktki_fixed_split(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    const struct value_rule *rule = &reader->rule;
    const size_t count = page->dense_count;
    uint8_t *image = NULL;
    size_t size;
    bool is_placed = false;
    ktk_status status = KTK_OK;

    if (!may_be_split(rule->physical)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "values of the type %s cannot be BYTE_STREAM_SPLIT",
                  ktki_parquet_type_name(rule->physical));
    }
    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    /* The streams lie as far apart as there are values: another size leaves open where. */
    size = ktki_cursor_left(&page->parts.values);
    if (size % rule->plain_width != 0 || size / rule->plain_width != count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a page has %zu bytes for %zu values of %zu bytes", size,
                  count, rule->plain_width);
    }
    KTKI_TRY(ktki_plain_image(reader, page, size, &image, err));
    reader->kernels->join_streams(page->parts.values.at, count, count, rule->plain_width, image);
    KTKI_TRY(ktki_plain_image_finish(reader, page, image, size, err));
out:
    return status;
}
