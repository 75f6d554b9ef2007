#include "parquet/scratch.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

ktk_status ktki_scratch_new(struct read_scratch **out, const ktk_allocator *allocator,
                            ktk_error *err) {
    struct read_scratch *scratch = NULL;
    ktk_status status = KTKI_NEW(allocator, &scratch, err);

    if (status == KTK_OK) {
        scratch->allocator = allocator;
        scratch->kernels = ktki_kernels();
        ktki_codec_scratch_init(&scratch->codec, allocator);
        *out = scratch;
    }
    return status;
}

size_t ktki_scratch_bytes(const struct read_scratch *scratch) {
    return scratch->page.capacity + scratch->dictionary_page.capacity +
           scratch->dictionary.capacity + scratch->pages.capacity + scratch->bits.capacity +
           scratch->old_repetition.capacity + scratch->old_definition.capacity +
           scratch->image.capacity + scratch->sizes.capacity;
}

static void clear_block(const struct read_scratch *scratch, struct scratch_block *block) {
    ktki_free_array(scratch->allocator, block->data, block->capacity, 1);
    *block = (struct scratch_block){0};
}

void ktki_scratch_free(struct read_scratch *scratch) {
    if (scratch == NULL) {
        return;
    }
    ktki_codec_scratch_clear(&scratch->codec);
    clear_block(scratch, &scratch->page);
    clear_block(scratch, &scratch->dictionary_page);
    clear_block(scratch, &scratch->dictionary);
    clear_block(scratch, &scratch->pages);
    clear_block(scratch, &scratch->bits);
    clear_block(scratch, &scratch->old_repetition);
    clear_block(scratch, &scratch->old_definition);
    clear_block(scratch, &scratch->image);
    clear_block(scratch, &scratch->sizes);
    KTKI_DELETE(scratch->allocator, scratch);
}

/* Half as much again, so that slowly growing pages do not mean a new block each. */
static ktk_status new_capacity(size_t size, size_t *out, ktk_error *err) {
    size_t capacity;

    if (!ktki_add_size(size, size / 2, &capacity) ||
        !ktki_add_size(capacity, KERNEL_SLACK, &capacity)) {
        return ktk_error_set(err, KTK_E_LIMIT, "%zu bytes do not fit in memory", size);
    }
    *out = capacity;
    return KTK_OK;
}

ktk_status ktki_scratch_reserve(const struct read_scratch *scratch, struct scratch_block *block,
                                size_t size, ktk_error *err) {
    size_t capacity = 0;
    ktk_status status = KTK_OK;

    if (block->data != NULL && block->capacity - KERNEL_SLACK >= size) {
        return KTK_OK;
    }
    clear_block(scratch, block);
    KTKI_TRY(new_capacity(size, &capacity, err));
    KTKI_TRY(ktki_alloc_array(scratch->allocator, capacity, 1, &block->data, err));
    block->capacity = capacity;
out:
    return status;
}

ktk_status ktki_scratch_grow(const struct read_scratch *scratch, struct scratch_block *block,
                             size_t size, ktk_error *err) {
    size_t capacity = 0;
    ktk_status status = KTK_OK;

    if (block->data != NULL && block->capacity - KERNEL_SLACK >= size) {
        return KTK_OK;
    }
    KTKI_TRY(new_capacity(size, &capacity, err));
    KTKI_TRY(
        ktki_resize_array(scratch->allocator, &block->data, block->capacity, capacity, 1, err));
    block->capacity = capacity;
out:
    return status;
}
