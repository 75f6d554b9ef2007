#include "parquet/validity.h"

#include <assert.h>

#include "arrow/array.h"
#include "base/alloc.h"
#include "base/error.h"

void ktki_validity_init(struct validity *validity, const ktk_allocator *allocator,
                        int64_t capacity) {
    *validity = (struct validity){.allocator = allocator, .capacity = capacity};
}

void ktki_validity_clear(struct validity *validity) {
    ktki_free_array(validity->allocator, validity->bits, ktki_bits_size(validity->capacity), 1);
    validity->bits = NULL;
}

ktk_status ktki_validity_grow(struct validity *validity, int64_t capacity, ktk_error *err) {
    size_t old_size = ktki_bits_size(validity->capacity);
    size_t size = ktki_bits_size(capacity);
    ktk_status status = KTK_OK;

    assert(capacity >= validity->capacity);
    if (validity->bits != NULL && size > old_size) {
        KTKI_TRY(ktki_resize_array(validity->allocator, &validity->bits, old_size, size, 1, err));
        memset(validity->bits + old_size, 0, size - old_size);
    }
    validity->capacity = capacity;
out:
    return status;
}

static ktk_status need_bits(struct validity *validity, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (validity->bits == NULL) {
        KTKI_TRY(ktki_alloc_zeroed(validity->allocator, ktki_bits_size(validity->capacity), 1,
                                   &validity->bits, err));
        ktki_bits_fill(validity->bits, 0, validity->length, true);
    }
out:
    return status;
}

ktk_status ktki_validity_add(struct validity *validity, int64_t count, bool is_valid,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    assert(count <= validity->capacity - validity->length);
    if (!is_valid && count > 0) {
        KTKI_TRY(need_bits(validity, err));
        validity->null_count += count;
    } else if (validity->bits != NULL) {
        ktki_bits_fill(validity->bits, validity->length, count, true);
    }
    validity->length += count;
out:
    return status;
}

ktk_status ktki_validity_add_bits(struct validity *validity, const uint8_t *bits, int64_t bit,
                                  int64_t count, ktk_error *err) {
    int64_t null_count = count - ktki_bits_count(bits, bit, count);
    ktk_status status = KTK_OK;

    assert(count <= validity->capacity - validity->length);
    if (null_count > 0) {
        KTKI_TRY(need_bits(validity, err));
    }
    if (validity->bits != NULL) {
        ktki_bits_copy(bits, bit, validity->bits, validity->length, count);
    }
    validity->null_count += null_count;
    validity->length += count;
out:
    return status;
}
