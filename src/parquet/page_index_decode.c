#include <stddef.h>

#include "base/error.h"
#include "parquet/metadata.h"
#include "parquet/metadata_rules.h"

/* Lists inside are not nested. */
#define INDEX_NESTING_MAX 4

static const struct field_rule column_index_fields[] = {
    [1] = {.name = "null_pages",
           .kind = FIELD_BOOLS,
           .is_required = true,
           .offset = offsetof(struct column_index, null_pages),
           .count_offset = offsetof(struct column_index, page_count)},
    [2] = {.name = "min_values",
           .kind = FIELD_BYTE_LISTS,
           .is_required = true,
           .offset = offsetof(struct column_index, mins),
           .count_offset = offsetof(struct column_index, min_count)},
    [3] = {.name = "max_values",
           .kind = FIELD_BYTE_LISTS,
           .is_required = true,
           .offset = offsetof(struct column_index, maxs),
           .count_offset = offsetof(struct column_index, max_count)},
    [4] = {.name = "boundary_order",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct column_index, boundary_order)},
    [5] = {.name = "null_counts",
           .kind = FIELD_I64S,
           .offset = offsetof(struct column_index, null_counts),
           .count_offset = offsetof(struct column_index, null_count_count)},
    [6] = {.name = "repetition_level_histograms",
           .kind = FIELD_I64S,
           .offset = offsetof(struct column_index, repetitions),
           .count_offset = offsetof(struct column_index, repetition_count)},
    [7] = {.name = "definition_level_histograms",
           .kind = FIELD_I64S,
           .offset = offsetof(struct column_index, definitions),
           .count_offset = offsetof(struct column_index, definition_count)},
};
static const struct struct_rule column_index_rule = {.name = "ColumnIndex",
                                                     .fields = column_index_fields,
                                                     .field_count = COUNT_OF(column_index_fields)};

static const struct field_rule location_fields[] = {
    [1] = {.name = "offset",
           .kind = FIELD_COUNT,
           .is_required = true,
           .offset = offsetof(struct page_location, offset)},
    [2] = {.name = "compressed_page_size",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_location, size)},
    [3] = {.name = "first_row_index",
           .kind = FIELD_COUNT,
           .is_required = true,
           .offset = offsetof(struct page_location, first_row)},
};
static const struct struct_rule location_rule = {.name = "PageLocation",
                                                 .fields = location_fields,
                                                 .field_count = COUNT_OF(location_fields),
                                                 .size = sizeof(struct page_location)};

static const struct field_rule offset_index_fields[] = {
    [1] = {.name = "page_locations",
           .kind = FIELD_STRUCTS,
           .is_required = true,
           .offset = offsetof(struct offset_index, pages),
           .count_offset = offsetof(struct offset_index, page_count),
           .of = &location_rule},
    [2] = {.name = "unencoded_byte_array_data_bytes",
           .kind = FIELD_I64S,
           .offset = offsetof(struct offset_index, text_bytes),
           .count_offset = offsetof(struct offset_index, text_bytes_count)},
};
static const struct struct_rule offset_index_rule = {.name = "OffsetIndex",
                                                     .fields = offset_index_fields,
                                                     .field_count = COUNT_OF(offset_index_fields)};

ktk_status ktki_column_index_decode(struct column_index *out, struct arena *arena,
                                    const uint8_t *data, size_t size, ktk_error *err) {
    struct thrift_decoder decoder = {{ktki_cursor(data, size), INDEX_NESTING_MAX}, arena};
    struct column_index index = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_thrift_read_struct(&decoder, &column_index_rule, &index, NULL, err));
    if (index.min_count != index.page_count || index.max_count != index.page_count ||
        (index.null_count_count != 0 && index.null_count_count != index.page_count)) {
        KTKI_FAIL(err, KTK_E_CORRUPT,
                  "ColumnIndex has %d pages, but %d lower and %d upper bounds and %d null counts",
                  index.page_count, index.min_count, index.max_count, index.null_count_count);
    }
    *out = index;
out:
    return status;
}

ktk_status ktki_offset_index_decode(struct offset_index *out, struct arena *arena,
                                    const uint8_t *data, size_t size, ktk_error *err) {
    struct thrift_decoder decoder = {{ktki_cursor(data, size), INDEX_NESTING_MAX}, arena};
    struct offset_index index = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_thrift_read_struct(&decoder, &offset_index_rule, &index, NULL, err));
    if (index.text_bytes_count != 0 && index.text_bytes_count != index.page_count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "OffsetIndex has %d pages, but %d sizes", index.page_count,
                  index.text_bytes_count);
    }
    *out = index;
out:
    return status;
}
