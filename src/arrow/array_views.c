#include "arrow/array_views.h"

#include "base/error.h"

struct view {
    int32_t size;
    uint8_t prefix[4];
    int32_t buffer; /* this and the next: of long values only */
    int32_t offset;
};

_Static_assert(sizeof(struct view) == VIEW_SIZE, "the layout of the Arrow format");

#define INLINE_MAX 12

void ktki_view_make(uint8_t *view, const uint8_t *data, int32_t offset, int32_t size) {
    memcpy(view, &size, sizeof(size));
    if (size <= INLINE_MAX) {
        memcpy(view + sizeof(size), data + offset, (size_t)size);
    } else {
        memcpy(view + offsetof(struct view, prefix), data + offset, sizeof(int32_t));
        memcpy(view + offsetof(struct view, offset), &offset, sizeof(offset));
    }
}

/* What stands in the views of null rows is arbitrary, and must not be followed. */
static void blank_nulls(struct array_parts *parts) {
    const uint8_t *validity = parts->buffers[0].data;
    struct view *views = parts->buffers[1].data;

    for (int64_t i = 0; validity != NULL && i < parts->length; i++) {
        if (!ktki_bit_get(validity, i)) {
            views[i] = (struct view){0};
        }
    }
}

static int64_t long_bytes(const struct array_parts *parts) {
    const struct view *views = parts->buffers[1].data;
    int64_t total = 0;

    for (int64_t i = 0; i < parts->length && total <= INT32_MAX; i++) {
        total += views[i].size > INLINE_MAX ? views[i].size : 0;
    }
    return total;
}

static void copy_range(struct array_parts *parts, const struct view_range *range, int32_t *used) {
    struct view *views = parts->buffers[1].data;
    uint8_t *data = parts->buffers[2].data;

    for (int64_t i = range->start; i < range->start + range->count; i++) {
        struct view *view = &views[i];
        const uint8_t *from;
        if (view->size <= INLINE_MAX) {
            continue;
        }
        from = range->source->buffers[2 + view->buffer];
        memcpy(data + *used, from + view->offset, (size_t)view->size);
        view->buffer = 0;
        view->offset = *used;
        *used += view->size;
    }
}

ktk_status ktki_views_own_data(struct array_parts *parts, const struct view_range *ranges,
                               size_t range_count, ktk_error *err) {
    int32_t used = 0;
    int64_t total;
    ktk_status status = KTK_OK;

    blank_nulls(parts);
    total = long_bytes(parts);
    if (total > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a column of type %s cannot hold more than %d bytes",
                  ktki_type_name(parts->field->type.id), INT32_MAX);
    }
    KTKI_TRY(ktki_parts_allocate(parts, 2, (size_t)total, 1, err));
    KTKI_TRY(ktki_parts_allocate(parts, 3, 1, sizeof(int64_t), err));
    *(int64_t *)parts->buffers[3].data = total;
    for (size_t i = 0; i < range_count; i++) {
        copy_range(parts, &ranges[i], &used);
    }
out:
    return status;
}
