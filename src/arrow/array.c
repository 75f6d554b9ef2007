#include "arrow/array.h"

#include <assert.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

/*
 * What an array of ours owns, in one block with the tables that struct ArrowArray points to. A
 * consumer may move children and dictionary out (their `release` is then NULL), as the C Data
 * Interface allows; everything else goes with the array.
 */
struct owner {
    ktk_context *context; /* a reference */
    size_t block_size;
    struct ArrowArray base; /* array whose buffers, children and dictionary are borrowed, if any */
    struct ArrowArray dictionary;
    struct ArrowArray *children;
    struct ArrowArray **child_pointers;
    int64_t child_count;
    struct array_buffer *buffers;
    const void **buffer_pointers;
    int64_t buffer_count;
};

static void owner_free(struct owner *owner) {
    ktk_context *context = owner->context;
    const ktk_allocator *allocator = ktki_context_allocator(context);

    for (int64_t i = 0; i < owner->buffer_count; i++) {
        ktki_free_array(allocator, owner->buffers[i].data, owner->buffers[i].size, 1);
    }
    for (int64_t i = 0; i < owner->child_count; i++) {
        ktki_array_clear(&owner->children[i]);
    }
    ktki_array_clear(&owner->dictionary);
    ktki_array_clear(&owner->base);
    ktki_free_array(allocator, owner, owner->block_size, 1);
    ktk_context_free(context);
}

static void array_release(struct ArrowArray *array) {
    owner_free(array->private_data);
    array->release = NULL;
}

/* A block with zeroed tables. */
static ktk_status owner_new(struct owner **out, ktk_context *context, int64_t buffer_count,
                            int64_t child_count, ktk_error *err) {
    const size_t per_child = sizeof(struct ArrowArray) + sizeof(struct ArrowArray *);
    const size_t per_buffer = sizeof(struct array_buffer) + sizeof(void *);
    struct owner *owner = NULL;
    size_t children_size;
    size_t buffers_size;
    size_t size;
    ktk_status status = KTK_OK;

    if (!ktki_mul_size((size_t)child_count, per_child, &children_size) ||
        !ktki_mul_size((size_t)buffer_count, per_buffer, &buffers_size) ||
        !ktki_add_size(children_size, buffers_size, &size) ||
        !ktki_add_size(size, sizeof(*owner), &size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "an array of %lld children does not fit in memory",
                  (long long)child_count);
    }
    KTKI_TRY(ktki_alloc_zeroed(ktki_context_allocator(context), size, 1, &owner, err));
    owner->context = ktk_context_ref(context);
    owner->block_size = size;
    owner->children = (struct ArrowArray *)(owner + 1);
    owner->buffers = (struct array_buffer *)(owner->children + child_count);
    owner->child_pointers = (struct ArrowArray **)(owner->buffers + buffer_count);
    owner->buffer_pointers = (const void **)(owner->child_pointers + child_count);
    owner->child_count = child_count;
    owner->buffer_count = buffer_count;
    *out = owner;
out:
    return status;
}

ktk_status ktki_array_wrap(struct ArrowArray *out, ktk_context *context, int64_t length,
                           int64_t null_count, const struct array_buffer *buffers,
                           int32_t buffer_count, struct ArrowArray *children, int32_t child_count,
                           struct ArrowArray *dictionary, ktk_error *err) {
    struct owner *owner = NULL;
    ktk_status status = KTK_OK;

    assert(length >= 0 && null_count >= -1 && null_count <= length);
    KTKI_TRY(owner_new(&owner, context, buffer_count, child_count, err));
    for (int32_t i = 0; i < buffer_count; i++) {
        owner->buffers[i] = buffers[i];
        owner->buffer_pointers[i] = buffers[i].data;
    }
    for (int32_t i = 0; i < child_count; i++) {
        ktki_array_move(&children[i], &owner->children[i]);
        owner->child_pointers[i] = &owner->children[i];
    }
    if (dictionary != NULL) {
        ktki_array_move(dictionary, &owner->dictionary);
    }
    *out = (struct ArrowArray){
        .length = length,
        .null_count = null_count,
        .n_buffers = buffer_count,
        .n_children = child_count,
        .buffers = owner->buffer_pointers,
        .children = child_count == 0 ? NULL : owner->child_pointers,
        .dictionary = dictionary == NULL ? NULL : &owner->dictionary,
        .release = array_release,
        .private_data = owner,
    };
out:
    return status;
}

void ktki_array_clear(struct ArrowArray *array) {
    if (array->release != NULL) {
        array->release(array);
    }
    *array = (struct ArrowArray){0};
}

void ktki_array_move(struct ArrowArray *array, struct ArrowArray *out) {
    *out = *array;
    *array = (struct ArrowArray){0};
}

ktk_status ktki_array_mask(struct ArrowArray *array, ktk_context *context, const uint8_t *mask,
                           int64_t mask_offset, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    int64_t end = array->offset + array->length;
    struct owner *owner = NULL;
    struct ArrowArray masked;
    uint8_t *bits = NULL;
    const uint8_t *old;
    ktk_status status = KTK_OK;

    if (array->n_buffers == 0) {
        goto out; /* the null type: nothing is left to take away */
    }
    KTKI_TRY(ktki_alloc_zeroed(allocator, ktki_bits_size(end), 1, &bits, err));
    ktki_bits_copy(mask, mask_offset, bits, array->offset, array->length);
    old = array->null_count == 0 ? NULL : array->buffers[0];
    for (int64_t i = 0; old != NULL && i < (int64_t)ktki_bits_size(end); i++) {
        bits[i] &= old[i];
    }
    KTKI_TRY(owner_new(&owner, context, array->n_buffers, 0, err));
    for (int64_t i = 1; i < array->n_buffers; i++) {
        owner->buffer_pointers[i] = array->buffers[i];
    }
    owner->buffers[0] = (struct array_buffer){bits, ktki_bits_size(end)};
    owner->buffer_pointers[0] = bits;
    masked = *array;
    masked.null_count = array->length - ktki_bits_count(bits, array->offset, array->length);
    masked.buffers = owner->buffer_pointers;
    masked.release = array_release;
    masked.private_data = owner;
    ktki_array_move(array, &owner->base);
    *array = masked;
    bits = NULL;
out:
    ktki_free_array(allocator, bits, ktki_bits_size(end), 1);
    return status;
}

void ktki_array_view(const struct ArrowArray *array, const struct data_type *type,
                     struct array_view *out) {
    struct array_view view = {.length = array->length, .offset = array->offset};
    enum layout layout = ktki_type_layout(type->id);

    if (layout != LAYOUT_NULL && array->null_count != 0) {
        view.validity = array->buffers[0];
    }
    switch (layout) {
    case LAYOUT_FIXED:
    case LAYOUT_BITS:
    case LAYOUT_VIEWS:
        view.values = array->buffers[1];
        break;
    case LAYOUT_BYTES:
    case LAYOUT_LARGE_BYTES:
        view.offsets = array->buffers[1];
        view.values = array->buffers[2];
        break;
    case LAYOUT_LIST:
    case LAYOUT_LARGE_LIST:
        view.offsets = array->buffers[1];
        break;
    default:
        break;
    }
    *out = view;
}

/* A string or binary view: up to 12 bytes lie in it, longer ones in a data buffer. */
static void view_bytes(const struct ArrowArray *array, int64_t index, const uint8_t **data,
                       size_t *size) {
    const uint8_t *view = (const uint8_t *)array->buffers[1] + index * 16;
    int32_t parts[4]; /* size, prefix, buffer, offset */

    memcpy(parts, view, sizeof(parts));
    *size = (size_t)parts[0];
    *data = parts[0] <= 12 ? view + 4 : (const uint8_t *)array->buffers[2 + parts[2]] + parts[3];
}

/* There may be no buffer where all values are empty; what is handed out always points somewhere. */
static const uint8_t *bytes_at(const void *buffer, int64_t offset) {
    return buffer == NULL ? (const uint8_t *)"" : (const uint8_t *)buffer + offset;
}

void ktki_array_bytes(const struct ArrowArray *array, const struct data_type *type, int64_t row,
                      const uint8_t **data, size_t *size) {
    int64_t index = array->offset + row;

    switch (ktki_type_layout(type->id)) {
    case LAYOUT_BYTES: {
        const int32_t *offsets = array->buffers[1];
        *data = bytes_at(array->buffers[2], offsets[index]);
        *size = (size_t)(offsets[index + 1] - offsets[index]);
        break;
    }
    case LAYOUT_LARGE_BYTES: {
        const int64_t *offsets = array->buffers[1];
        *data = bytes_at(array->buffers[2], offsets[index]);
        *size = (size_t)(offsets[index + 1] - offsets[index]);
        break;
    }
    case LAYOUT_VIEWS:
        view_bytes(array, index, data, size);
        break;
    default:
        *size = ktki_type_width(type);
        *data = bytes_at(array->buffers[1], index * (int64_t)*size);
        break;
    }
}

int64_t ktki_dictionary_index(const void *indices, enum type_id type, int64_t at) {
    switch (type) {
    case TYPE_INT8:
        return ((const int8_t *)indices)[at];
    case TYPE_UINT8:
        return ((const uint8_t *)indices)[at];
    case TYPE_INT16:
        return ((const int16_t *)indices)[at];
    case TYPE_UINT16:
        return ((const uint16_t *)indices)[at];
    case TYPE_INT32:
        return ((const int32_t *)indices)[at];
    case TYPE_UINT32:
        return ((const uint32_t *)indices)[at];
    default: /* a uint64_t beyond INT64_MAX shows up as negative */
        return ((const int64_t *)indices)[at];
    }
}

int64_t ktki_array_null_count(const struct ArrowArray *array) {
    if (array->n_buffers == 0) {
        return array->length; /* only the null type has no buffers */
    }
    if (array->null_count >= 0) {
        return array->null_count;
    }
    if (array->buffers[0] == NULL) {
        return 0;
    }
    return array->length - ktki_bits_count(array->buffers[0], array->offset, array->length);
}
