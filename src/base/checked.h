/** Size arithmetic that reports overflow instead of wrapping. False: the result does not fit and is
 * not written. */
#ifndef KTKI_BASE_CHECKED_H
#define KTKI_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ktki_add_size(size_t a, size_t b, size_t *out) {
    size_t result;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *out = result;
    return true;
}

static inline bool ktki_mul_size(size_t a, size_t b, size_t *out) {
    size_t result;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *out = result;
    return true;
}

static inline bool ktki_add_i64(int64_t a, int64_t b, int64_t *out) {
    int64_t result;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *out = result;
    return true;
}

static inline bool ktki_mul_i64(int64_t a, int64_t b, int64_t *out) {
    int64_t result;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *out = result;
    return true;
}

/** `size` rounded up to a multiple of `unit`, a power of two. */
static inline bool ktki_round_up_size(size_t size, size_t unit, size_t *out) {
    size_t sum;
    if (!ktki_add_size(size, unit - 1, &sum)) {
        return false;
    }
    *out = sum & ~(unit - 1);
    return true;
}

#endif
