#include "parquet/row_ranges.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

void ktki_ranges_init(struct row_ranges *ranges, const ktk_allocator *allocator) {
    *ranges = (struct row_ranges){.allocator = allocator};
}

void ktki_ranges_clear(struct row_ranges *ranges) {
    if (ranges->allocator != NULL) {
        ktki_free_array(ranges->allocator, ranges->items, ranges->capacity, sizeof(*ranges->items));
    }
    ktki_ranges_init(ranges, ranges->allocator);
}

void ktki_ranges_reset(struct row_ranges *ranges) {
    ranges->count = 0;
    ranges->row_count = 0;
}

ktk_status ktki_ranges_add(struct row_ranges *ranges, int64_t start, int64_t end, ktk_error *err) {
    ktk_status status = KTK_OK;

    assert(start <= end);
    assert(ranges->count == 0 || start >= ranges->items[ranges->count - 1].end);
    if (start == end) {
        goto out;
    }
    if (ranges->count > 0 && ranges->items[ranges->count - 1].end == start) {
        ranges->items[ranges->count - 1].end = end;
    } else {
        if (ranges->count == ranges->capacity) {
            size_t capacity = ranges->capacity == 0 ? 8 : 2 * ranges->capacity;

            KTKI_TRY(ktki_resize_array(ranges->allocator, &ranges->items, ranges->capacity,
                                       capacity, sizeof(*ranges->items), err));
            ranges->capacity = capacity;
        }
        ranges->items[ranges->count++] = (struct row_range){start, end};
    }
    ranges->row_count += end - start;
out:
    return status;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

ktk_status ktki_ranges_intersect(struct row_ranges *out, const struct row_ranges *a,
                                 const struct row_ranges *b, ktk_error *err) {
    size_t i = 0;
    size_t j = 0;
    ktk_status status = KTK_OK;

    while (i < a->count && j < b->count) {
        const struct row_range *left = &a->items[i];
        const struct row_range *right = &b->items[j];
        int64_t start = larger(left->start, right->start);
        int64_t end = smaller(left->end, right->end);

        if (start < end) {
            KTKI_TRY(ktki_ranges_add(out, start, end, err));
        }
        i += left->end == end;
        j += right->end == end;
    }
out:
    return status;
}

ktk_status ktki_ranges_unite(struct row_ranges *out, const struct row_ranges *a,
                             const struct row_ranges *b, ktk_error *err) {
    size_t i = 0;
    size_t j = 0;
    int64_t done = 0; /* rows before are in the result, if they are wanted */
    ktk_status status = KTK_OK;

    while (i < a->count || j < b->count) {
        bool is_left = j == b->count || (i < a->count && a->items[i].start <= b->items[j].start);
        const struct row_range *next = is_left ? &a->items[i++] : &b->items[j++];
        int64_t start = larger(next->start, done);

        if (start < next->end) {
            KTKI_TRY(ktki_ranges_add(out, start, next->end, err));
            done = next->end;
        }
    }
out:
    return status;
}

static bool bit_at(const uint8_t *mask, int64_t at) {
    return (mask[at >> 3] >> (at & 7) & 1) != 0;
}

/* The first bit of [at, end) that is `value`; `end` if none is. Whole words at once. */
static int64_t find_bit(const uint8_t *mask, int64_t at, int64_t end, bool value) {
    uint64_t skip = value ? 0 : UINT64_MAX;

    while (at < end) {
        uint64_t word;

        if ((at & 7) == 0 && end - at >= 64) {
            memcpy(&word, mask + (at >> 3), sizeof(word));
            if (word == skip) {
                at += 64;
                continue;
            }
            return at + __builtin_ctzll(word ^ skip);
        }
        if (bit_at(mask, at) == value) {
            return at;
        }
        at++;
    }
    return end;
}

ktk_status ktki_ranges_select(struct row_ranges *out, const struct row_ranges *ranges,
                              const uint8_t *mask, ktk_error *err) {
    int64_t base = 0; /* number of the first row of the range */
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < ranges->count; i++) {
        int64_t count = ranges->items[i].end - ranges->items[i].start;
        int64_t offset = ranges->items[i].start - base;
        int64_t at = find_bit(mask, base, base + count, true);

        while (at < base + count) {
            int64_t end = find_bit(mask, at, base + count, false);

            KTKI_TRY(ktki_ranges_add(out, offset + at, offset + end, err));
            at = find_bit(mask, end, base + count, true);
        }
        base += count;
    }
out:
    return status;
}

void ktki_ranges_swap(struct row_ranges *a, struct row_ranges *b) {
    struct row_ranges kept = *a;

    assert(a->allocator == b->allocator);
    *a = *b;
    *b = kept;
}

size_t ktki_ranges_find(const struct row_ranges *ranges, int64_t row) {
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->items[middle].end > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

bool ktki_ranges_touch(const struct row_ranges *ranges, int64_t start, int64_t end) {
    size_t i = ktki_ranges_find(ranges, start);

    return start < end && i < ranges->count && ranges->items[i].start < end;
}
