#include "base/error.h"
#include "parquet/delta.h"
#include "parquet/leaf_reader.h"
#include "parquet/names.h"

static ktk_status read_numbers(struct leaf_reader *reader, struct page_values *page, uint8_t *out,
                               ktk_error *err) {
    struct delta_reader numbers;

    /* Without any value there may not even be a header. */
    if (page->dense_count > 0 && (!ktki_delta_begin(&numbers, page->parts.values,
                                                    reader->rule.plain_width, reader->kernels) ||
                                  !ktki_delta_next(&numbers, page->dense_count, out))) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "a page holds fewer differences than values, or they are damaged");
    }
    return KTK_OK;
}

ktk_status ktki_fixed_delta(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    const struct value_rule *rule = &reader->rule;
    size_t size = page->dense_count * rule->plain_width;
    uint8_t *image = NULL;
    bool is_placed = false;
    ktk_status status = KTK_OK;

    if (rule->physical != PQ_INT32 && rule->physical != PQ_INT64) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "values of the type %s cannot be DELTA_BINARY_PACKED",
                  ktki_parquet_type_name(rule->physical));
    }
    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    KTKI_TRY(ktki_plain_image(reader, page, size, &image, err));
    KTKI_TRY(read_numbers(reader, page, image, err));
    KTKI_TRY(ktki_plain_image_finish(reader, page, image, size, err));
out:
    return status;
}
