#include "parquet/statistics_text.h"

#include <string.h>

#include "arrow/format_value.h"
#include "base/error.h"
#include "base/text.h"

/* Longer values are cut for display. */
#define SHOWN_BYTES_MAX 64

/* A bound of text or binary values: the text, or hex digits; cut if long. */
static ktk_status bytes_text(const struct parquet_bytes *bound, struct buffer *out,
                             ktk_error *err) {
    size_t size = bound->size < SHOWN_BYTES_MAX ? bound->size : SHOWN_BYTES_MAX;
    ktk_status status = KTK_OK;

    while (size > 0 && size < bound->size && (bound->data[size] & 0xC0) == 0x80) {
        size--;
    }
    if (ktki_utf8_is_valid(bound->data, size)) {
        KTKI_TRY(ktki_buffer_append(out, bound->data, size, err));
    } else {
        for (size_t i = 0; i < size; i++) {
            KTKI_TRY(ktki_buffer_append_format(out, err, "%02x", bound->data[i]));
        }
    }
    if (size < bound->size) {
        KTKI_TRY(ktki_buffer_append_text(out, "…", err));
    }
out:
    return status;
}

/* A bound of fixed-width values, by way of a one-row array. False text: nothing is appended. */
static ktk_status fixed_text(const struct parquet_leaf *leaf, const struct field *field,
                             const struct parquet_bytes *bound, struct buffer *out,
                             ktk_error *err) {
    struct value_rule rule = ktki_value_rule(leaf->element, &field->type);
    uint8_t value[DENSE_WIDTH_MAX] = {0};
    const void *buffers[2] = {NULL, value};
    struct ArrowArray array = {.length = 1, .n_buffers = 2, .buffers = buffers};
    struct cursor in = ktki_cursor(bound->data, bound->size);
    bool is_null = false;

    if (rule.kind == SINK_BITS || (rule.kind == SINK_FIXED && rule.read == NULL)) {
        size_t width = rule.kind == SINK_BITS ? 1 : rule.width;
        if (bound->size != width || width > sizeof(value)) {
            return KTK_OK;
        }
        memcpy(value, bound->data, width);
    } else if (rule.kind != SINK_FIXED || rule.width > sizeof(value) ||
               !rule.read(&in, rule.plain_width == 0 ? bound->size : rule.plain_width, 1, value,
                          rule.width)) {
        return KTK_OK;
    }
    return ktki_format_value(field, &array, 0, out, &is_null, err);
}

ktk_status ktki_bound_text(struct buffer *out, bool *is_known, const struct parquet_leaf *leaf,
                           const struct parquet_bytes *bound, ktk_error *err) {
    const struct field *field =
        leaf->field->type.id == TYPE_DICTIONARY ? leaf->field->dictionary : leaf->field;
    size_t before = out->size;
    ktk_status status = KTK_OK;

    if (bound->data == NULL) {
        *is_known = false;
        goto out;
    }
    if (ktki_type_is_text(field->type.id) || ktki_type_is_binary(field->type.id) ||
        field->type.id == TYPE_FIXED_BINARY) {
        KTKI_TRY(bytes_text(bound, out, err));
        *is_known = true;
    } else {
        KTKI_TRY(fixed_text(leaf, field, bound, out, err));
        *is_known = out->size > before;
    }
out:
    return status;
}

/* The old bounds were compared as signed numbers or bytes, whatever the type: they count only where
 * that was right. */
static bool has_signed_order(const struct parquet_leaf *leaf) {
    struct parquet_logical_type logical = ktki_parquet_logical(leaf->element);

    switch (leaf->element->type) {
    case PQ_INT96:
    case PQ_BYTE_ARRAY:
    case PQ_FIXED_LEN_BYTE_ARRAY:
        return false;
    default:
        return logical.id != PQ_LOGICAL_INTEGER || logical.is_signed;
    }
}

const struct parquet_bytes *ktki_bound_min(const struct parquet_leaf *leaf,
                                           const struct parquet_statistics *statistics) {
    return statistics->min_value.data == NULL && has_signed_order(leaf) ? &statistics->old_min
                                                                        : &statistics->min_value;
}

const struct parquet_bytes *ktki_bound_max(const struct parquet_leaf *leaf,
                                           const struct parquet_statistics *statistics) {
    return statistics->max_value.data == NULL && has_signed_order(leaf) ? &statistics->old_max
                                                                        : &statistics->max_value;
}
