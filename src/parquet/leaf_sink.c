#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "parquet/leaf_reader.h"
#include "parquet/names.h"

/* Bytes of the buffer of values, bits, offsets or indices. */
static bool values_size(const struct value_rule *rule, int64_t capacity, size_t *out) {
    size_t count = (size_t)capacity;

    switch (rule->kind) {
    case SINK_NULLS:
        *out = 0;
        return true;
    case SINK_BITS:
        *out = ktki_bits_size(capacity);
        return true;
    case SINK_TEXT_32:
        return ktki_mul_size(count + 1, sizeof(int32_t), out);
    case SINK_TEXT_64:
        return ktki_mul_size(count + 1, sizeof(int64_t), out);
    case SINK_INDEX:
        return ktki_mul_size(count, sizeof(int32_t), out);
    default:
        return ktki_mul_size(count, rule->width, out);
    }
}

ktk_status ktki_sink_init(struct leaf_sink *sink, const struct value_rule *rule,
                          const ktk_allocator *allocator, int64_t capacity, ktk_error *err) {
    ktk_status status = KTK_OK;

    *sink = (struct leaf_sink){.allocator = allocator};
    ktki_validity_init(&sink->validity, allocator, capacity);
    if (!values_size(rule, capacity, &sink->values_size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%lld values do not fit in memory", (long long)capacity);
    }
    if (rule->kind == SINK_BITS) {
        KTKI_TRY(ktki_alloc_zeroed(allocator, sink->values_size, 1, &sink->values, err));
    } else if (rule->kind != SINK_NULLS) {
        KTKI_TRY(ktki_alloc_array(allocator, sink->values_size, 1, &sink->values, err));
    }
out:
    return status;
}

void ktki_sink_clear(struct leaf_sink *sink) {
    ktki_validity_clear(&sink->validity);
    ktki_free_array(sink->allocator, sink->values, sink->values_size, 1);
    ktki_free_array(sink->allocator, sink->bytes, sink->bytes_capacity, 1);
    *sink = (struct leaf_sink){0};
}

ktk_status ktki_sink_finish(struct leaf_reader *reader, ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    int64_t end = sink->validity.length;
    ktk_status status = KTK_OK;

    if (reader->rule.kind == SINK_TEXT_32 || reader->rule.kind == SINK_TEXT_64) {
        KTKI_TRY(ktki_text_flush(reader, end, 0, err));
    }
    if (reader->rule.kind == SINK_TEXT_32) {
        ((int32_t *)sink->values)[end] = (int32_t)sink->bytes_size;
    } else if (reader->rule.kind == SINK_TEXT_64) {
        ((int64_t *)sink->values)[end] = (int64_t)sink->bytes_size;
    }
out:
    return status;
}

/* A column of the null type has slots but no values. */
static ktk_status decode_nulls(struct leaf_reader *reader, struct page_values *page,
                               ktk_error *err) {
    (void)reader;
    return page->dense_count == 0
               ? KTK_OK
               : ktk_error_set(err, KTK_E_CORRUPT, "a column of nulls holds values");
}

typedef ktk_status (*page_decoder)(struct leaf_reader *reader, struct page_values *page,
                                   ktk_error *err);

/* Columns of the table by kinds that share them. */
#define TEXT_DECODERS                                                                              \
    {[PQ_PLAIN] = ktki_text_plain,                                                                 \
     [PQ_PLAIN_DICTIONARY] = ktki_text_dictionary,                                                 \
     [PQ_RLE_DICTIONARY] = ktki_text_dictionary,                                                   \
     [PQ_DELTA_LENGTH_BYTE_ARRAY] = ktki_text_delta_length,                                        \
     [PQ_DELTA_BYTE_ARRAY] = ktki_text_delta}

static const page_decoder decoders[SINK_KIND_COUNT][PQ_ENCODING_COUNT] = {
    [SINK_NULLS] = {[PQ_PLAIN] = decode_nulls,
                    [PQ_PLAIN_DICTIONARY] = decode_nulls,
                    [PQ_RLE] = decode_nulls,
                    [PQ_DELTA_BINARY_PACKED] = decode_nulls,
                    [PQ_DELTA_LENGTH_BYTE_ARRAY] = decode_nulls,
                    [PQ_DELTA_BYTE_ARRAY] = decode_nulls,
                    [PQ_RLE_DICTIONARY] = decode_nulls,
                    [PQ_BYTE_STREAM_SPLIT] = decode_nulls},
    [SINK_FIXED] = {[PQ_PLAIN] = ktki_fixed_plain,
                    [PQ_PLAIN_DICTIONARY] = ktki_fixed_dictionary,
                    [PQ_RLE_DICTIONARY] = ktki_fixed_dictionary,
                    [PQ_DELTA_BINARY_PACKED] = ktki_fixed_delta,
                    [PQ_DELTA_LENGTH_BYTE_ARRAY] = ktki_fixed_delta_length,
                    [PQ_DELTA_BYTE_ARRAY] = ktki_fixed_delta_text,
                    [PQ_BYTE_STREAM_SPLIT] = ktki_fixed_split},
    [SINK_BITS] = {[PQ_PLAIN] = ktki_bits_plain, [PQ_RLE] = ktki_bits_rle},
    [SINK_TEXT_32] = TEXT_DECODERS,
    [SINK_TEXT_64] = TEXT_DECODERS,
    [SINK_INDEX] = {[PQ_PLAIN_DICTIONARY] = ktki_index_dictionary,
                    [PQ_RLE_DICTIONARY] = ktki_index_dictionary},
};

ktk_status ktki_page_decode(struct leaf_reader *reader, struct page_values *page,
                            enum parquet_encoding encoding, ktk_error *err) {
    page_decoder decode =
        (size_t)encoding < PQ_ENCODING_COUNT ? decoders[reader->rule.kind][encoding] : NULL;

    if (decode == NULL) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "values in the encoding %s are not supported",
                             ktki_parquet_encoding_name((int32_t)encoding));
    }
    return decode(reader, page, err);
}
