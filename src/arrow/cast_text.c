#include "arrow/array_views.h"
#include "arrow/cast_internal.h"
#include "base/error.h"

static ktk_status too_long(const struct cast *cast, ktk_error *err) {
    return ktk_error_set(err, KTK_E_LIMIT, "column '%s' of type %s cannot hold that many bytes",
                         cast->to->name == NULL ? "" : cast->to->name,
                         ktki_type_name(cast->to->type.id));
}

static bool is_large(const struct field *field) {
    return ktki_type_layout(field->type.id) == LAYOUT_LARGE_BYTES;
}

static int64_t offset_at(const struct cast *cast, int64_t row) {
    int64_t at = cast->view.offset + row;
    return is_large(cast->from) ? ((const int64_t *)cast->view.offsets)[at]
                                : ((const int32_t *)cast->view.offsets)[at];
}

/* First and past-the-last byte of all rows. */
static void byte_range(const struct cast *cast, int64_t *start, int64_t *end) {
    *start = cast->parts->length == 0 ? 0 : offset_at(cast, 0);
    *end = cast->parts->length == 0 ? 0 : offset_at(cast, cast->parts->length);
}

static void copy_range(const struct cast *cast, int64_t start, int64_t end, void *out) {
    if (end > start) {
        memcpy(out, (const uint8_t *)cast->view.values + start, (size_t)(end - start));
    }
}

#define DEFINE_CONVERT_OFFSETS(name, from_type, to_type)                                           \
    static void name(const from_type *from, int64_t count, to_type *to) {                          \
        for (int64_t i = 0; i <= count; i++) {                                                     \
            to[i] = (to_type)(from[i] - from[0]);                                                  \
        }                                                                                          \
    }

DEFINE_CONVERT_OFFSETS(widen_offsets, int32_t, int64_t)
DEFINE_CONVERT_OFFSETS(narrow_offsets, int64_t, int32_t)

/* 32-bit to 64-bit offsets or the other way round. */
static ktk_status cast_bytes(struct cast *cast, ktk_error *err) {
    struct array_parts *parts = cast->parts;
    size_t width = is_large(cast->to) ? sizeof(int64_t) : sizeof(int32_t);
    int64_t start;
    int64_t end;
    ktk_status status = KTK_OK;

    byte_range(cast, &start, &end);
    if (!is_large(cast->to) && end - start > INT32_MAX) {
        KTKI_TRY(too_long(cast, err));
    }
    KTKI_TRY(ktki_parts_allocate(parts, 1, (size_t)parts->length + 1, width, err));
    if (parts->length == 0) {
        memset(parts->buffers[1].data, 0, width);
    } else if (is_large(cast->to)) {
        widen_offsets((const int32_t *)cast->view.offsets + cast->view.offset, parts->length,
                      parts->buffers[1].data);
    } else {
        narrow_offsets((const int64_t *)cast->view.offsets + cast->view.offset, parts->length,
                       parts->buffers[1].data);
    }
    KTKI_TRY(ktki_parts_allocate(parts, 2, (size_t)(end - start), 1, err));
    copy_range(cast, start, end, parts->buffers[2].data);
out:
    return status;
}

/* All bytes go into one data buffer, in which the views of long values point. */
static ktk_status cast_to_views(struct cast *cast, ktk_error *err) {
    struct array_parts *parts = cast->parts;
    uint8_t *views;
    const uint8_t *data;
    int64_t start;
    int64_t end;
    ktk_status status = KTK_OK;

    byte_range(cast, &start, &end);
    if (end - start > INT32_MAX) {
        KTKI_TRY(too_long(cast, err));
    }
    KTKI_TRY(ktki_parts_allocate_zeroed(parts, 1, (size_t)parts->length, VIEW_SIZE, err));
    KTKI_TRY(ktki_parts_allocate(parts, 2, (size_t)(end - start), 1, err));
    KTKI_TRY(ktki_parts_allocate(parts, 3, 1, sizeof(int64_t), err));
    *(int64_t *)parts->buffers[3].data = end - start;
    copy_range(cast, start, end, parts->buffers[2].data);
    views = parts->buffers[1].data;
    data = parts->buffers[2].data;
    for (int64_t row = 0; row < parts->length; row++) {
        int32_t at = (int32_t)(offset_at(cast, row) - start);
        int32_t size = (int32_t)(offset_at(cast, row + 1) - start) - at;
        ktki_view_make(views + row * VIEW_SIZE, data, at, size);
    }
out:
    return status;
}

/* Offsets of the values of views; false if they do not fit. */
static bool sum_views(const struct cast *cast, int64_t *total) {
    int64_t maximum = is_large(cast->to) ? INT64_MAX : INT32_MAX;
    int64_t *wide = cast->parts->buffers[1].data;
    int32_t *narrow = cast->parts->buffers[1].data;
    int64_t at = 0;

    for (int64_t row = 0; row <= cast->parts->length; row++) {
        if (is_large(cast->to)) {
            wide[row] = at;
        } else {
            narrow[row] = (int32_t)at;
        }
        if (row < cast->parts->length && !ktki_view_is_null(&cast->view, row)) {
            const uint8_t *data;
            size_t size;
            ktki_array_bytes(cast->array, &cast->from->type, row, &data, &size);
            if ((int64_t)size > maximum - at) {
                return false;
            }
            at += (int64_t)size;
        }
    }
    *total = at;
    return true;
}

static ktk_status cast_from_views(struct cast *cast, ktk_error *err) {
    struct array_parts *parts = cast->parts;
    uint8_t *to;
    int64_t total = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(parts, 1, (size_t)parts->length + 1,
                                 is_large(cast->to) ? sizeof(int64_t) : sizeof(int32_t), err));
    if (!sum_views(cast, &total)) {
        KTKI_TRY(too_long(cast, err));
    }
    KTKI_TRY(ktki_parts_allocate(parts, 2, (size_t)total, 1, err));
    to = parts->buffers[2].data;
    for (int64_t row = 0; row < parts->length; row++) {
        const uint8_t *data;
        size_t size;
        if (ktki_view_is_null(&cast->view, row)) {
            continue;
        }
        ktki_array_bytes(cast->array, &cast->from->type, row, &data, &size);
        memcpy(to, data, size);
        to += size;
    }
out:
    return status;
}

cast_fn ktki_cast_text_kernel(enum type_id from, enum type_id to) {
    bool is_kin = (ktki_type_is_text(from) && ktki_type_is_text(to)) ||
                  (ktki_type_is_binary(from) && ktki_type_is_binary(to));

    if (!is_kin) {
        return NULL;
    }
    if (ktki_type_layout(from) == LAYOUT_VIEWS) {
        return cast_from_views;
    }
    return ktki_type_layout(to) == LAYOUT_VIEWS ? cast_to_views : cast_bytes;
}
