#include "parquet/leaf_array.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash_map.h"

static bool is_text(enum sink_kind kind) {
    return kind == SINK_TEXT_32 || kind == SINK_TEXT_64;
}

ktk_status ktki_leaf_wrap(struct leaf_reader *reader, ktk_context *context,
                          struct ArrowArray *dictionary, struct ArrowArray *out, ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    struct array_buffer buffers[3] = {
        {sink->validity.bits, ktki_bits_size(sink->validity.capacity)},
        {sink->values, sink->values_size},
        {sink->bytes, sink->bytes_capacity},
    };
    int32_t count = reader->rule.kind == SINK_NULLS ? 0 : is_text(reader->rule.kind) ? 3 : 2;
    int64_t null_count = sink->validity.null_count;
    ktk_status status = KTK_OK;

    if (sink->validity.bits == NULL) {
        buffers[0].size = 0;
    }
    if (reader->rule.kind == SINK_NULLS) {
        null_count = sink->validity.length;
        ktki_validity_clear(&sink->validity);
    }
    KTKI_TRY(ktki_array_wrap(out, context, sink->validity.length, null_count, buffers, count, NULL,
                             0, dictionary, err));
    sink->validity.bits = NULL;
    sink->values = NULL;
    sink->bytes = count == 3 ? NULL : sink->bytes;
out:
    return status;
}

static ktk_status wrap_texts(const struct leaf_reader *reader, ktk_context *context,
                             struct ArrowArray *out, ktk_error *err) {
    const struct chunk_dictionary *dictionary = &reader->dictionary;
    size_t count = dictionary->count;
    struct array_buffer buffers[3] = {{NULL, 0}, {NULL, (count + 1) * sizeof(int32_t)}, {NULL, 0}};
    uint64_t size = 0;
    int32_t *offsets = NULL;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        size += dictionary->texts[i].size;
    }
    if (size > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "its dictionary takes more than %d bytes", INT32_MAX);
    }
    buffers[2].size = (size_t)size;
    KTKI_TRY(ktki_alloc_array(reader->allocator, buffers[1].size, 1, &buffers[1].data, err));
    KTKI_TRY(ktki_alloc_array(reader->allocator, buffers[2].size, 1, &buffers[2].data, err));
    offsets = buffers[1].data;
    offsets[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const struct text_entry *text = &dictionary->texts[i];
        memcpy((uint8_t *)buffers[2].data + offsets[i], dictionary->bytes + text->offset,
               text->size);
        offsets[i + 1] = offsets[i] + (int32_t)text->size;
    }
    KTKI_TRY(ktki_array_wrap(out, context, (int64_t)count, 0, buffers, 3, NULL, 0, NULL, err));
    buffers[1].data = NULL;
    buffers[2].data = NULL;
out:
    ktki_free_array(reader->allocator, buffers[1].data, buffers[1].size, 1);
    ktki_free_array(reader->allocator, buffers[2].data, buffers[2].size, 1);
    return status;
}

static ktk_status wrap_values(const struct leaf_reader *reader, ktk_context *context,
                              struct ArrowArray *out, ktk_error *err) {
    size_t count = reader->dictionary.count;
    struct array_buffer buffers[2] = {{NULL, 0}, {NULL, count * reader->rule.width}};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(reader->allocator, buffers[1].size, 1, &buffers[1].data, err));
    if (buffers[1].size > 0) {
        memcpy(buffers[1].data, reader->dictionary.values, buffers[1].size);
    }
    KTKI_TRY(ktki_array_wrap(out, context, (int64_t)count, 0, buffers, 2, NULL, 0, NULL, err));
    buffers[1].data = NULL;
out:
    ktki_free_array(reader->allocator, buffers[1].data, buffers[1].size, 1);
    return status;
}

ktk_status ktki_dictionary_wrap(const struct leaf_reader *reader, ktk_context *context,
                                struct ArrowArray *out, ktk_error *err) {
    return reader->rule.entries == SINK_FIXED ? wrap_values(reader, context, out, err)
                                              : wrap_texts(reader, context, out, err);
}

/* ---- a dictionary made of values ---- */

/* Values in order of first appearance, as a map from their bytes to number and back to the first
 * row. */
struct numbers {
    struct hash_map map;
    int32_t *first_rows;
    int32_t count;
};

/* The bytes of a row's value. */
static const uint8_t *value_at(const struct leaf_reader *reader, int64_t row, size_t *size) {
    const struct leaf_sink *sink = &reader->sink;
    const int32_t *offsets = (const int32_t *)sink->values;

    if (reader->rule.kind == SINK_FIXED) {
        *size = reader->rule.width;
        return sink->values + (size_t)row * *size;
    }
    *size = (size_t)(offsets[row + 1] - offsets[row]);
    return sink->bytes + offsets[row];
}

static ktk_status number_values(const struct leaf_reader *reader, struct numbers *numbers,
                                int32_t *indices, ktk_error *err) {
    const struct validity *validity = &reader->sink.validity;
    ktk_status status = KTK_OK;

    for (int64_t row = 0; row < validity->length; row++) {
        uint64_t *number = NULL;
        const uint8_t *value;
        size_t size = 0;
        bool is_new = false;
        indices[row] = 0;
        if (validity->bits != NULL && (validity->bits[row >> 3] >> (row & 7) & 1) == 0) {
            continue;
        }
        value = value_at(reader, row, &size);
        KTKI_TRY(ktki_hash_map_insert(&numbers->map, value, size, (uint64_t)numbers->count, &number,
                                      &is_new, err));
        if (is_new) {
            numbers->first_rows[numbers->count++] = (int32_t)row;
        }
        indices[row] = (int32_t)*number;
    }
out:
    return status;
}

/* The values of the first rows as entries that ktki_dictionary_wrap() takes. */
static ktk_status wrap_numbers(struct leaf_reader *reader, const struct numbers *numbers,
                               ktk_context *context, struct ArrowArray *out, ktk_error *err) {
    const bool is_fixed = reader->rule.kind == SINK_FIXED;
    size_t entry_size = is_fixed ? reader->rule.width : sizeof(struct text_entry);
    struct scratch_block *block = &reader->scratch->dictionary;
    struct text_entry *texts;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_scratch_reserve(reader->scratch, block, (size_t)numbers->count * entry_size, err));
    texts = (struct text_entry *)block->data;
    for (int32_t i = 0; i < numbers->count; i++) {
        size_t size = 0;
        const uint8_t *value = value_at(reader, numbers->first_rows[i], &size);
        if (is_fixed) {
            memcpy(block->data + (size_t)i * size, value, size);
        } else {
            texts[i] = (struct text_entry){(uint32_t)(value - reader->sink.bytes), (uint32_t)size};
        }
    }
    reader->dictionary = (struct chunk_dictionary){.count = (uint32_t)numbers->count,
                                                   .values = block->data,
                                                   .texts = texts,
                                                   .bytes = reader->sink.bytes};
    KTKI_TRY(ktki_dictionary_wrap(reader, context, out, err));
out:
    return status;
}

ktk_status ktki_leaf_encode(struct leaf_reader *reader, ktk_context *context,
                            struct ArrowArray *out, ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    size_t count = (size_t)sink->validity.length;
    struct numbers numbers = {0};
    struct ArrowArray dictionary = {0};
    int32_t *indices = NULL;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&numbers.map, reader->allocator);
    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "it has more than %d values in one row group", INT32_MAX);
    }
    KTKI_TRY(ktki_alloc_array(reader->allocator, count, sizeof(*indices), &indices, err));
    KTKI_TRY(ktki_alloc_array(reader->allocator, count, sizeof(*numbers.first_rows),
                              &numbers.first_rows, err));
    KTKI_TRY(number_values(reader, &numbers, indices, err));
    KTKI_TRY(wrap_numbers(reader, &numbers, context, &dictionary, err));
    /* Offsets or values have served; the indices take their place. */
    ktki_free_array(reader->allocator, sink->values, sink->values_size, 1);
    sink->values = (uint8_t *)indices;
    sink->values_size = count * sizeof(*indices);
    indices = NULL;
    reader->rule.kind = SINK_INDEX;
    KTKI_TRY(ktki_leaf_wrap(reader, context, &dictionary, out, err));
out:
    ktki_array_clear(&dictionary);
    ktki_hash_map_clear(&numbers.map);
    ktki_free_array(reader->allocator, numbers.first_rows, count, sizeof(*numbers.first_rows));
    ktki_free_array(reader->allocator, indices, count, sizeof(*indices));
    return status;
}
