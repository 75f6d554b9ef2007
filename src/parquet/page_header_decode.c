#include <stddef.h>

#include "base/error.h"
#include "parquet/metadata.h"
#include "parquet/metadata_rules.h"

/* Structs inside a page header open at most this deep. */
#define PAGE_HEADER_NESTING_MAX 8

static const struct field_rule data_page_fields[] = {
    [1] = {.name = "num_values",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, value_count)},
    [2] = {.name = "encoding",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_header, encoding)},
    [3] = {.name = "definition_level_encoding",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_header, definition_encoding)},
    [4] = {.name = "repetition_level_encoding",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_header, repetition_encoding)},
    [5] = {.name = "statistics",
           .kind = FIELD_STRUCT,
           .offset = offsetof(struct page_header, statistics),
           .flag_offset = offsetof(struct page_header, statistics.is_present),
           .of = &ktki_rule_of_statistics},
};
static const struct struct_rule data_page_rule = {.name = "DataPageHeader",
                                                  .fields = data_page_fields,
                                                  .field_count = COUNT_OF(data_page_fields)};

static const struct field_rule dictionary_page_fields[] = {
    [1] = {.name = "num_values",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, value_count)},
    [2] = {.name = "encoding",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_header, encoding)},
};
static const struct struct_rule dictionary_page_rule = {.name = "DictionaryPageHeader",
                                                        .fields = dictionary_page_fields,
                                                        .field_count =
                                                            COUNT_OF(dictionary_page_fields)};

static const struct field_rule data_page_v2_fields[] = {
    [1] = {.name = "num_values",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, value_count)},
    [2] = {.name = "num_nulls",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, null_count)},
    [3] = {.name = "num_rows",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, row_count)},
    [4] = {.name = "encoding",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_header, encoding)},
    [5] = {.name = "definition_levels_byte_length",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, definition_size)},
    [6] = {.name = "repetition_levels_byte_length",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, repetition_size)},
    [7] = {.name = "is_compressed",
           .kind = FIELD_BOOL,
           .offset = offsetof(struct page_header, is_compressed)},
    [8] = {.name = "statistics",
           .kind = FIELD_STRUCT,
           .offset = offsetof(struct page_header, statistics),
           .flag_offset = offsetof(struct page_header, statistics.is_present),
           .of = &ktki_rule_of_statistics},
};
static const struct struct_rule data_page_v2_rule = {.name = "DataPageHeaderV2",
                                                     .fields = data_page_v2_fields,
                                                     .field_count = COUNT_OF(data_page_v2_fields)};

enum { DATA_PAGE_FIELD = 5, DICTIONARY_PAGE_FIELD = 7, DATA_PAGE_V2_FIELD = 8 };

static const struct field_rule page_fields[] = {
    [1] = {.name = "type",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_header, type)},
    [2] = {.name = "uncompressed_page_size",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, uncompressed_size)},
    [3] = {.name = "compressed_page_size",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct page_header, compressed_size)},
    [4] = {.name = "crc",
           .kind = FIELD_U32,
           .offset = offsetof(struct page_header, crc),
           .flag_offset = offsetof(struct page_header, has_crc)},
    [DATA_PAGE_FIELD] = {.name = "data_page_header", .kind = FIELD_STRUCT, .of = &data_page_rule},
    [DICTIONARY_PAGE_FIELD] = {.name = "dictionary_page_header",
                               .kind = FIELD_STRUCT,
                               .of = &dictionary_page_rule},
    [DATA_PAGE_V2_FIELD] = {.name = "data_page_header_v2",
                            .kind = FIELD_STRUCT,
                            .of = &data_page_v2_rule},
};
static const struct struct_rule page_rule = {
    .name = "PageHeader", .fields = page_fields, .field_count = COUNT_OF(page_fields)};

/* The struct that a page of a type must carry; pages of other types are passed over. */
static ktk_status check_kind(const struct page_header *header, uint32_t seen, ktk_error *err) {
    static const uint8_t wanted[] = {
        [PQ_DATA_PAGE] = DATA_PAGE_FIELD,
        [PQ_DICTIONARY_PAGE] = DICTIONARY_PAGE_FIELD,
        [PQ_DATA_PAGE_V2] = DATA_PAGE_V2_FIELD,
    };
    uint32_t type = (uint32_t)header->type;

    if (type < sizeof(wanted) && wanted[type] != 0 && (seen >> wanted[type] & 1) == 0) {
        return ktk_error_set(err, KTK_E_CORRUPT, "PageHeader lacks the field '%s'",
                             page_fields[wanted[type]].name);
    }
    return KTK_OK;
}

ktk_status ktki_page_header_decode(struct page_header *out, struct cursor *cursor, ktk_error *err) {
    struct thrift_decoder decoder = {{*cursor, PAGE_HEADER_NESTING_MAX}, NULL};
    struct page_header header = {.is_compressed = true,
                                 .statistics = {.null_count = -1, .distinct_count = -1}};
    uint32_t seen = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_thrift_read_struct(&decoder, &page_rule, &header, &seen, err));
    KTKI_TRY(check_kind(&header, seen, err));
    *out = header;
    *cursor = decoder.reader.cursor;
out:
    return status;
}
