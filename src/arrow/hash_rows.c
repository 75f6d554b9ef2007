#include <kartothek/arrow.h>

#include <string.h>

#include "arrow/batch.h"
#include "arrow/format_value.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* What null is in a column of objects, final, and in one of numbers that has nulls of its own. */
#define NULL_OBJECT UINT64_MAX
#define NULL_NUMBER ((UINT64_C(1) << 61) - 1)

struct row_hasher {
    ktk_context *context;
    bool bools_as_text;
    bool signed_zeros;
    int32_t *fields; /* in the order of the hash */
    int32_t field_count;
    uint64_t *hashes;    /* two for each row of a batch: of the row, of a value */
    size_t row_capacity; /* at least 1 once there are any */
    struct buffer text;  /* of a value */
};

/* ---- values ---- */

static inline uint64_t mix(uint64_t value) {
    value ^= value >> 30;
    value *= UINT64_C(0xBF58476D1CE4E5B9);
    value ^= value >> 27;
    value *= UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

static inline uint64_t rotate(uint64_t value, int bits) {
    return value << bits | value >> (64 - bits);
}

static inline void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

/* SipHash-2-4 of Aumasson and Bernstein with the key "0123456789123456". */
static uint64_t sip_hash(const uint8_t *data, size_t size) {
    const uint64_t key[2] = {UINT64_C(0x3736353433323130), UINT64_C(0x3635343332313938)};
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736F6D6570736575), key[1] ^ UINT64_C(0x646F72616E646F6D),
                     key[0] ^ UINT64_C(0x6C7967656E657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)size << 56;
    size_t at = 0;

    for (; size - at >= 8; at += 8) {
        uint64_t word = 0;

        for (size_t i = 0; i < 8; i++) {
            word |= (uint64_t)data[at + i] << (8 * i);
        }
        sip_word(v, word);
    }
    for (size_t i = 0; at + i < size; i++) {
        last |= (uint64_t)data[at + i] << (8 * i);
    }
    sip_word(v, last);
    v[2] ^= 0xFF;
    for (int i = 0; i < 4; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- columns ---- */

static bool is_number(enum type_id id) {
    return ktki_type_is_signed_integer(id) || ktki_type_is_unsigned_integer(id) ||
           ktki_type_is_float(id) || id == TYPE_TIMESTAMP || id == TYPE_DURATION;
}

/* The bits of a number, with nothing above its own width. */
static inline uint64_t bits_of(const uint8_t *values, size_t width, int64_t at) {
    uint64_t bits = 0;

    for (size_t i = 0; i < width; i++) {
        bits |= (uint64_t)values[(size_t)at * width + i] << (8 * i);
    }
    return bits;
}

/* Not a number, and the zero below zero, as bits of a float. */
static void float_bits(size_t width, uint64_t *nan, uint64_t *negative_zero) {
    *nan = width == 8   ? UINT64_C(0x7FF8000000000000)
           : width == 4 ? UINT64_C(0x7FC00000)
                        : UINT64_C(0x7E00);
    *negative_zero = UINT64_C(1) << (8 * width - 1);
}

static void hash_numbers(const struct row_hasher *hasher, const struct field *field,
                         const struct array_view *view, uint64_t *out) {
    size_t width = ktki_type_width(&field->type);
    bool is_time = field->type.id == TYPE_TIMESTAMP || field->type.id == TYPE_DURATION;
    uint64_t null_hash = is_time ? mix(UINT64_C(1) << 63) : NULL_NUMBER;
    uint64_t negative_zero = 0;

    if (ktki_type_is_float(field->type.id)) {
        uint64_t nan;

        float_bits(width, &nan, &negative_zero);
        null_hash = mix(nan);
        negative_zero = hasher->signed_zeros ? 0 : negative_zero;
    }
    for (int64_t i = 0; i < view->length; i++) {
        uint64_t bits = bits_of(view->values, width, i + view->offset);

        bits = bits == negative_zero ? 0 : bits;
        out[i] = ktki_view_is_null(view, i) ? null_hash : mix(bits);
    }
}

/* Before version 2, pandas took them for the texts that show them. */
static void hash_bools(const struct row_hasher *hasher, const struct array_view *view,
                       uint64_t *out) {
    const uint64_t as_texts[] = {mix(sip_hash((const uint8_t *)"False", 5)),
                                 mix(sip_hash((const uint8_t *)"True", 4))};
    const uint64_t as_numbers[] = {mix(0), mix(1)};
    const uint64_t *hashes = hasher->bools_as_text ? as_texts : as_numbers;

    for (int64_t i = 0; i < view->length; i++) {
        out[i] = ktki_view_is_null(view, i)
                     ? hasher->bools_as_text ? NULL_OBJECT : NULL_NUMBER
                     : hashes[ktki_bit_get(view->values, i + view->offset) ? 1 : 0];
    }
}

static void hash_bytes(const struct field *field, const struct ArrowArray *array,
                       const struct array_view *view, uint64_t *out) {
    for (int64_t i = 0; i < view->length; i++) {
        const uint8_t *data;
        size_t size;

        out[i] = NULL_OBJECT;
        if (!ktki_view_is_null(view, i)) {
            ktki_array_bytes(array, &field->type, i, &data, &size);
            out[i] = mix(sip_hash(data, size));
        }
    }
}

/* Dates, times of day and decimals are objects in a frame, and hashed as they are shown. */
static ktk_status hash_texts(struct row_hasher *hasher, const struct field *field,
                             const struct ArrowArray *array, uint64_t *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < array->length; i++) {
        bool is_null = false;

        hasher->text.size = 0;
        KTKI_TRY(ktki_format_value(field, array, i, &hasher->text, &is_null, err));
        out[i] = is_null ? NULL_OBJECT : mix(sip_hash(hasher->text.data, hasher->text.size));
    }
out:
    return status;
}

static ktk_status hash_column(struct row_hasher *hasher, const struct field *field,
                              const struct ArrowArray *array, uint64_t *out, ktk_error *err);

static ktk_status hash_dictionary(struct row_hasher *hasher, const struct field *field,
                                  const struct ArrowArray *array, const struct array_view *view,
                                  uint64_t *out, ktk_error *err) {
    const struct ArrowArray *values = array->dictionary;
    const ktk_allocator *allocator = ktki_context_allocator(hasher->context);
    struct array_view value_view;
    uint64_t *hashes = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, (size_t)values->length, sizeof(*hashes), &hashes, err));
    KTKI_TRY(hash_column(hasher, field->dictionary, values, hashes, err));
    ktki_array_view(values, &field->dictionary->type, &value_view);
    for (int64_t i = 0; i < view->length; i++) {
        bool is_null = ktki_view_is_null(view, i);
        int64_t index =
            is_null ? 0 : ktki_dictionary_index(view->values, field->type.index, i + view->offset);

        if (!is_null && (index < 0 || index >= values->length)) {
            KTKI_FAIL(err, KTK_E_INVALID, "column '%s': an index is beyond its dictionary",
                      field->name);
        }
        out[i] = is_null || ktki_view_is_null(&value_view, index) ? NULL_OBJECT : hashes[index];
    }
out:
    ktki_free_array(allocator, hashes, (size_t)values->length, sizeof(*hashes));
    return status;
}

static ktk_status hash_column(struct row_hasher *hasher, const struct field *field,
                              const struct ArrowArray *array, uint64_t *out, ktk_error *err) {
    const struct data_type *type = &field->type;
    struct array_view view;
    ktk_status status = KTK_OK;

    ktki_array_view(array, type, &view);
    if (ktki_type_is_nested(type->id) || type->id == TYPE_INTERVAL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "column '%s': values of type %s have no hash",
                  field->name, ktki_type_name(type->id));
    }
    if (type->id == TYPE_NULL) {
        for (int64_t i = 0; i < array->length; i++) {
            out[i] = NULL_OBJECT;
        }
    } else if (type->id == TYPE_DICTIONARY) {
        KTKI_TRY(hash_dictionary(hasher, field, array, &view, out, err));
    } else if (type->id == TYPE_BOOL) {
        hash_bools(hasher, &view, out);
    } else if (ktki_type_is_text(type->id) || ktki_type_is_binary(type->id) ||
               type->id == TYPE_FIXED_BINARY) {
        hash_bytes(field, array, &view, out);
    } else if (is_number(type->id)) {
        hash_numbers(hasher, field, &view, out);
    } else {
        KTKI_TRY(hash_texts(hasher, field, array, out, err));
    }
out:
    return status;
}

/* ---- rows ---- */

static ktk_status reserve(struct row_hasher *hasher, int64_t row_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(hasher->context);
    ktk_status status = KTK_OK;

    if ((size_t)row_count > hasher->row_capacity) {
        ktki_free_array(allocator, hasher->hashes, hasher->row_capacity, 2 * sizeof(uint64_t));
        hasher->hashes = NULL;
        hasher->row_capacity = 0;
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)row_count, 2 * sizeof(uint64_t),
                                  &hasher->hashes, err));
        hasher->row_capacity = (size_t)row_count;
    }
out:
    return status;
}

static ktk_status hash_batch(struct row_hasher *hasher, const struct batch *batch, ktk_error *err) {
    uint64_t *rows;
    uint64_t *values;
    uint64_t multiplier = 1000003;
    ktk_status status = KTK_OK;

    KTKI_TRY(reserve(hasher, batch->row_count, err));
    rows = hasher->hashes;
    values = rows + batch->row_count;
    for (int64_t i = 0; i < batch->row_count; i++) {
        rows[i] = 0x345678;
    }
    for (int32_t column = 0; column < hasher->field_count && batch->row_count > 0; column++) {
        int32_t at = hasher->fields[column];

        KTKI_TRY(hash_column(hasher, &batch->schema->fields[at], &batch->columns[at], values, err));
        for (int64_t i = 0; i < batch->row_count; i++) {
            rows[i] = (rows[i] ^ values[i]) * multiplier;
        }
        multiplier += 82520 + 2 * (uint64_t)(hasher->field_count - column);
    }
    for (int64_t i = 0; i < batch->row_count; i++) {
        rows[i] += 97531;
    }
out:
    return status;
}

static ktk_status choose_fields(struct row_hasher *hasher, const struct schema *schema,
                                const ktk_hash_options *options, ktk_error *err) {
    size_t count = options->columns == NULL ? (size_t)schema->field_count : options->column_count;
    ktk_status status = KTK_OK;

    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a hash of %zu columns is beyond the limit", count);
    }
    hasher->field_count = (int32_t)count;
    KTKI_TRY(ktki_alloc_array(ktki_context_allocator(hasher->context), count,
                              sizeof(*hasher->fields), &hasher->fields, err));
    for (size_t i = 0; i < count; i++) {
        hasher->fields[i] =
            options->columns == NULL ? (int32_t)i : ktki_schema_find(schema, options->columns[i]);
        if (hasher->fields[i] < 0) {
            KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s'", options->columns[i]);
        }
    }
out:
    return status;
}

static ktk_status hash_all(struct row_hasher *hasher, struct stream_reader *reader, ktk_hash_fn fn,
                           void *state, ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_reader_next(reader, &batch, err));
    while (batch.schema != NULL) {
        KTKI_TRY(hash_batch(hasher, &batch, err));
        KTKI_TRY(fn(state, hasher->hashes, batch.row_count, err));
        ktki_batch_clear(&batch);
        KTKI_TRY(ktki_reader_next(reader, &batch, err));
    }
out:
    ktki_batch_clear(&batch);
    return status;
}

ktk_status ktk_hash_rows(ktk_context *context, struct ArrowArrayStream *stream,
                         const ktk_hash_options *options, ktk_hash_fn fn, void *state,
                         ktk_error *err) {
    static const ktk_hash_options defaults = KTK_HASH_OPTIONS_INIT;
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct row_hasher hasher = {.context = context};
    struct stream_reader reader = {0};
    ktk_status status = KTK_OK;

    options = options != NULL ? options : &defaults;
    hasher.bools_as_text = options->bools_as_text;
    hasher.signed_zeros = options->signed_zeros;
    ktki_buffer_init(&hasher.text, allocator, 0);
    KTKI_TRY(ktki_reader_init(&reader, context, stream, err));
    KTKI_TRY(choose_fields(&hasher, reader.schema, options, err));
    KTKI_TRY(hash_all(&hasher, &reader, fn, state, err));
out:
    ktki_free_array(allocator, hasher.fields, (size_t)hasher.field_count, sizeof(*hasher.fields));
    ktki_free_array(allocator, hasher.hashes, hasher.row_capacity, 2 * sizeof(uint64_t));
    ktki_buffer_clear(&hasher.text);
    ktki_reader_clear(&reader);
    ktki_stream_clear(stream);
    return status;
}
