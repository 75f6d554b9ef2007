#include "arrow/array_parts.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* Buffers a layout begins with; kernels of views add theirs. */
static const int32_t buffer_counts[LAYOUT_COUNT] = {
    [LAYOUT_NULL] = 0,        [LAYOUT_FIXED] = 2,  [LAYOUT_BITS] = 2, [LAYOUT_BYTES] = 3,
    [LAYOUT_LARGE_BYTES] = 3, [LAYOUT_VIEWS] = 4,  [LAYOUT_LIST] = 2, [LAYOUT_LARGE_LIST] = 2,
    [LAYOUT_FIXED_LIST] = 1,  [LAYOUT_STRUCT] = 1,
};

ktk_status ktki_parts_init(struct array_parts *out, ktk_context *context, const struct field *field,
                           int64_t length, ktk_error *err) {
    struct array_parts parts = {
        .context = context,
        .field = field,
        .length = length,
        .null_count = field->type.id == TYPE_NULL ? length : 0,
        .buffer_count = buffer_counts[ktki_type_layout(field->type.id)],
    };
    ktk_status status = KTK_OK;

    if (field->child_count > 0) {
        KTKI_TRY(ktki_alloc_zeroed(ktki_context_allocator(context), (size_t)field->child_count,
                                   sizeof(*parts.children), &parts.children, err));
    }
    *out = parts;
out:
    return status;
}

void ktki_parts_clear(struct array_parts *parts) {
    const ktk_allocator *allocator;

    if (parts->context == NULL) {
        return;
    }
    allocator = ktki_context_allocator(parts->context);
    for (int32_t i = 0; i < PARTS_BUFFER_MAX; i++) {
        ktki_free_array(allocator, parts->buffers[i].data, parts->buffers[i].size, 1);
    }
    for (int32_t i = 0; parts->children != NULL && i < parts->field->child_count; i++) {
        ktki_array_clear(&parts->children[i]);
    }
    ktki_free_array(allocator, parts->children, (size_t)parts->field->child_count,
                    sizeof(*parts->children));
    ktki_array_clear(&parts->dictionary);
    *parts = (struct array_parts){0};
}

ktk_status ktki_parts_allocate(struct array_parts *parts, int32_t index, size_t count,
                               size_t element_size, ktk_error *err) {
    struct array_buffer *buffer = &parts->buffers[index];
    ktk_status status = ktki_alloc_array(ktki_context_allocator(parts->context), count,
                                         element_size, &buffer->data, err);

    if (status == KTK_OK) {
        buffer->size = count * element_size;
    }
    return status;
}

ktk_status ktki_parts_allocate_zeroed(struct array_parts *parts, int32_t index, size_t count,
                                      size_t element_size, ktk_error *err) {
    ktk_status status = ktki_parts_allocate(parts, index, count, element_size, err);

    if (status == KTK_OK && parts->buffers[index].size > 0) {
        memset(parts->buffers[index].data, 0, parts->buffers[index].size);
    }
    return status;
}

void ktki_parts_count_nulls(struct array_parts *parts) {
    struct array_buffer *validity = &parts->buffers[0];

    parts->null_count = parts->length - ktki_bits_count(validity->data, 0, parts->length);
    if (parts->null_count == 0) {
        ktki_free_array(ktki_context_allocator(parts->context), validity->data, validity->size, 1);
        *validity = (struct array_buffer){NULL, 0};
    }
}

ktk_status ktki_parts_finish(struct array_parts *parts, struct ArrowArray *out, ktk_error *err) {
    bool has_dictionary = parts->field->dictionary != NULL;
    ktk_status status =
        ktki_array_wrap(out, parts->context, parts->length, parts->null_count, parts->buffers,
                        parts->buffer_count, parts->children, parts->field->child_count,
                        has_dictionary ? &parts->dictionary : NULL, err);

    if (status == KTK_OK) {
        memset(parts->buffers, 0, sizeof(parts->buffers));
        ktki_parts_clear(parts);
    }
    return status;
}
