#include "digest.h"

#include <string.h>

static const uint64_t null_weight = 1000003;
static const uint64_t byte_count_weight = 1000003;

/* Digest of the value in a slot of an array's buffers (its offset is in `slot` already). */
typedef uint64_t (*value_digest_fn)(const struct ArrowArray *array, int64_t slot);

static bool bit_is_set(const void *bits, int64_t index) {
    return (((const uint8_t *)bits)[index >> 3] >> (index & 7) & 1) != 0;
}

static uint64_t digest_bool(const struct ArrowArray *array, int64_t slot) {
    return bit_is_set(array->buffers[1], slot);
}

static uint64_t digest_int8(const struct ArrowArray *array, int64_t slot) {
    return (uint64_t)((const int8_t *)array->buffers[1])[slot];
}

static uint64_t digest_uint8(const struct ArrowArray *array, int64_t slot) {
    return ((const uint8_t *)array->buffers[1])[slot];
}

static uint64_t digest_int16(const struct ArrowArray *array, int64_t slot) {
    return (uint64_t)((const int16_t *)array->buffers[1])[slot];
}

static uint64_t digest_uint16(const struct ArrowArray *array, int64_t slot) {
    return ((const uint16_t *)array->buffers[1])[slot];
}

static uint64_t digest_int32(const struct ArrowArray *array, int64_t slot) {
    return (uint64_t)((const int32_t *)array->buffers[1])[slot];
}

static uint64_t digest_uint32(const struct ArrowArray *array, int64_t slot) {
    return ((const uint32_t *)array->buffers[1])[slot];
}

static uint64_t digest_int64(const struct ArrowArray *array, int64_t slot) {
    return (uint64_t)((const int64_t *)array->buffers[1])[slot];
}

static uint64_t digest_double(const struct ArrowArray *array, int64_t slot) {
    uint64_t bits = 0;
    memcpy(&bits, (const double *)array->buffers[1] + slot, sizeof(bits));
    return bits;
}

static uint64_t digest_float(const struct ArrowArray *array, int64_t slot) {
    double value = (double)((const float *)array->buffers[1])[slot];
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint64_t digest_seconds(const struct ArrowArray *array, int64_t slot) {
    return digest_int64(array, slot) * 1000000;
}

static uint64_t digest_milliseconds(const struct ArrowArray *array, int64_t slot) {
    return digest_int64(array, slot) * 1000;
}

static uint64_t digest_nanoseconds(const struct ArrowArray *array, int64_t slot) {
    return (uint64_t)(((const int64_t *)array->buffers[1])[slot] / 1000);
}

static uint64_t digest_day_milliseconds(const struct ArrowArray *array, int64_t slot) {
    return (uint64_t)(((const int64_t *)array->buffers[1])[slot] / 86400000);
}

static uint64_t digest_bytes(const uint8_t *bytes, size_t size) {
    uint64_t sum = byte_count_weight * size;
    for (size_t j = 0; j < size; j++) {
        sum += bytes[j] * (uint64_t)(j + 1);
    }
    return sum;
}

static uint64_t digest_string(const struct ArrowArray *array, int64_t slot) {
    const int32_t *offsets = array->buffers[1];
    size_t size = (size_t)(offsets[slot + 1] - offsets[slot]);
    return size == 0 ? 0 : digest_bytes((const uint8_t *)array->buffers[2] + offsets[slot], size);
}

static uint64_t digest_large_string(const struct ArrowArray *array, int64_t slot) {
    const int64_t *offsets = array->buffers[1];
    size_t size = (size_t)(offsets[slot + 1] - offsets[slot]);
    return size == 0 ? 0 : digest_bytes((const uint8_t *)array->buffers[2] + offsets[slot], size);
}

/* A view is its size, then up to 12 bytes of text or: prefix, number of the buffer, offset. */
static uint64_t digest_string_view(const struct ArrowArray *array, int64_t slot) {
    int32_t view[4];
    const uint8_t *place = (const uint8_t *)array->buffers[1] + 16 * slot;
    memcpy(view, place, sizeof(view));
    if (view[0] <= 12) {
        return digest_bytes(place + 4, (size_t)view[0]);
    }
    return digest_bytes((const uint8_t *)array->buffers[2 + view[2]] + view[3], (size_t)view[0]);
}

static const struct {
    const char *format; /* of the Arrow C data interface; timestamps without their time zone */
    value_digest_fn digest;
} kernels[] = {
    {"b", digest_bool},
    {"c", digest_int8},
    {"C", digest_uint8},
    {"s", digest_int16},
    {"S", digest_uint16},
    {"i", digest_int32},
    {"I", digest_uint32},
    {"l", digest_int64},
    {"L", digest_int64},
    {"f", digest_float},
    {"g", digest_double},
    {"u", digest_string},
    {"z", digest_string},
    {"U", digest_large_string},
    {"Z", digest_large_string},
    {"vu", digest_string_view},
    {"vz", digest_string_view},
    {"tdD", digest_int32},
    {"tdm", digest_day_milliseconds},
    {"tss:", digest_seconds},
    {"tsm:", digest_milliseconds},
    {"tsu:", digest_int64},
    {"tsn:", digest_nanoseconds},
};

static value_digest_fn find_kernel(const char *format) {
    size_t size = strncmp(format, "ts", 2) == 0 ? 4 : strlen(format) + 1;
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (strncmp(kernels[i].format, format, size) == 0) {
            return kernels[i].digest;
        }
    }
    return NULL;
}

static bool is_null(const struct ArrowArray *array, int64_t slot) {
    return array->buffers[0] != NULL && !bit_is_set(array->buffers[0], slot);
}

/* Sum over the rows [first, first + count) of a column. */
static uint64_t digest_plain(const struct ArrowArray *array, value_digest_fn digest, int64_t first,
                             int64_t count) {
    uint64_t sum = 0;
    for (int64_t slot = array->offset + first; slot < array->offset + first + count; slot++) {
        sum += is_null(array, slot) ? null_weight : digest(array, slot);
    }
    return sum;
}

static uint64_t digest_dictionary(const struct ArrowArray *array, value_digest_fn index,
                                  value_digest_fn digest, int64_t first, int64_t count) {
    const struct ArrowArray *values = array->dictionary;
    uint64_t sum = 0;
    for (int64_t slot = array->offset + first; slot < array->offset + first + count; slot++) {
        bool null = is_null(array, slot);
        int64_t value = null ? 0 : values->offset + (int64_t)index(array, slot);
        sum += null || is_null(values, value) ? null_weight : digest(values, value);
    }
    return sum;
}

static ktk_status digest_column(uint64_t *out, const struct bench_table *table, int64_t column,
                                ktk_error *err) {
    const struct ArrowSchema *schema = table->schema.children[column];
    const struct ArrowSchema *values = schema->dictionary != NULL ? schema->dictionary : schema;
    value_digest_fn index = find_kernel(schema->format);
    value_digest_fn digest = find_kernel(values->format);
    bool all_null = strcmp(values->format, "n") == 0;
    uint64_t sum = 0;

    if (!all_null && (digest == NULL || index == NULL)) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "no digest of column '%s' of format '%s'",
                             schema->name, values->format);
    }
    for (size_t i = 0; i < table->batch_count; i++) {
        const struct ArrowArray *batch = &table->batches[i];
        const struct ArrowArray *array = batch->children[column];
        if (all_null) {
            sum += null_weight * (uint64_t)batch->length;
        } else if (schema->dictionary != NULL) {
            sum += digest_dictionary(array, index, digest, batch->offset, batch->length);
        } else {
            sum += digest_plain(array, digest, batch->offset, batch->length);
        }
    }
    *out = sum;
    return KTK_OK;
}

ktk_status bench_digest(uint64_t *out, const struct bench_table *table, ktk_error *err) {
    ktk_status status = KTK_OK;
    uint64_t total = 0;
    for (int64_t k = 0; k < table->schema.n_children && status == KTK_OK; k++) {
        uint64_t sum = 0;
        status = digest_column(&sum, table, k, err);
        total += sum * (uint64_t)(2 * k + 1);
    }
    if (status == KTK_OK) {
        *out = total;
    }
    return status;
}
