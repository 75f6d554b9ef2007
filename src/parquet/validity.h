/** Validity bits of a column that is being read. There are none until the first null. */
#ifndef KTKI_PARQUET_VALIDITY_H
#define KTKI_PARQUET_VALIDITY_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>

/** Invariant: without `bits` there is no null; with them, bits of slots not added yet are 0. */
struct validity {
    const ktk_allocator *allocator;
    int64_t capacity; /* slots */
    int64_t length;   /* slots added */
    int64_t null_count;
    uint8_t *bits; /* ktki_bits_size(capacity) bytes */
};

void ktki_validity_init(struct validity *validity, const ktk_allocator *allocator,
                        int64_t capacity);
void ktki_validity_clear(struct validity *validity);

/** Make room for `capacity` slots, not fewer than there is room for now. */
ktk_status ktki_validity_grow(struct validity *validity, int64_t capacity, ktk_error *err);

/** Add `count` slots that are all there or all null. They must fit (asserted). */
ktk_status ktki_validity_add(struct validity *validity, int64_t count, bool is_valid,
                             ktk_error *err);

/** Add `count` slots by the bits from `bit` on. */
ktk_status ktki_validity_add_bits(struct validity *validity, const uint8_t *bits, int64_t bit,
                                  int64_t count, ktk_error *err);

#endif
