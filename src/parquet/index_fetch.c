#include "parquet/index_fetch.h"

#include <assert.h>

typedef bool (*fetch_fn)(const void *indices, int64_t base, const uint32_t *positions, size_t count,
                         uint64_t limit, uint32_t *out);

/* A negative index becomes a large unsigned one, so one comparison checks both ends; the largest is
 * looked for first and compared once, which the compiler can do for many values at a time. */
#define DEFINE_FETCH(name, type)                                                                   \
    static bool name(const void *indices, int64_t base, const uint32_t *positions, size_t count,   \
                     uint64_t limit, uint32_t *out) {                                              \
        const type *from = (const type *)indices + base;                                           \
        uint64_t largest = 0;                                                                      \
                                                                                                   \
        if (positions == NULL) {                                                                   \
            for (size_t i = 0; i < count; i++) {                                                   \
                uint64_t index = (uint64_t)(int64_t)from[i];                                       \
                largest = index > largest ? index : largest;                                       \
                out[i] = (uint32_t)index;                                                          \
            }                                                                                      \
        } else {                                                                                   \
            for (size_t i = 0; i < count; i++) {                                                   \
                uint64_t index = (uint64_t)(int64_t)from[positions[i]];                            \
                largest = index > largest ? index : largest;                                       \
                out[i] = (uint32_t)index;                                                          \
            }                                                                                      \
        }                                                                                          \
        return count == 0 || largest < limit;                                                      \
    }

DEFINE_FETCH(fetch_i8, int8_t)
DEFINE_FETCH(fetch_i16, int16_t)
DEFINE_FETCH(fetch_i32, int32_t)
DEFINE_FETCH(fetch_i64, int64_t)
DEFINE_FETCH(fetch_u8, uint8_t)
DEFINE_FETCH(fetch_u16, uint16_t)
DEFINE_FETCH(fetch_u32, uint32_t)
DEFINE_FETCH(fetch_u64, uint64_t)

static const fetch_fn fetches[TYPE_COUNT] = {
    [TYPE_INT8] = fetch_i8,    [TYPE_INT16] = fetch_i16,  [TYPE_INT32] = fetch_i32,
    [TYPE_INT64] = fetch_i64,  [TYPE_UINT8] = fetch_u8,   [TYPE_UINT16] = fetch_u16,
    [TYPE_UINT32] = fetch_u32, [TYPE_UINT64] = fetch_u64,
};

bool ktki_index_fetch(enum type_id type, const void *indices, int64_t base,
                      const uint32_t *positions, size_t count, int64_t limit, uint32_t *out) {
    assert(limit >= 0 && limit <= UINT32_MAX);
    return fetches[type](indices, base, positions, count, (uint64_t)limit, out);
}
