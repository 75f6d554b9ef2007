#include "parquet/delta_text.h"

#include "base/error.h"
#include "parquet/delta.h"

static ktk_status damaged(ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT,
                         "the sizes of its texts are damaged, of another number than its values, "
                         "or go beyond the page");
}

/* The sum of sizes; false if one is negative. */
static bool sum_up(const uint32_t *sizes, size_t count, uint64_t *out) {
    uint64_t sum = 0;
    uint32_t seen = 0;

    for (size_t i = 0; i < count; i++) {
        sum += sizes[i];
        seen |= sizes[i];
    }
    *out = sum;
    return seen <= INT32_MAX;
}

static bool read_sizes(struct cursor *in, size_t count, const struct kernels *kernels,
                       uint32_t *out, uint64_t *sum) {
    struct delta_reader numbers;

    if (!ktki_delta_begin(&numbers, *in, sizeof(*out), kernels) || numbers.count != count ||
        !ktki_delta_next(&numbers, count, out)) {
        return false;
    }
    *in = ktki_delta_rest(&numbers);
    return sum_up(out, count, sum);
}

/* Each piece must share no more than the one before has. What `sizes` holds without the shared
 * part, it holds with it afterwards. */
static bool add_prefixes(const uint32_t *prefixes, uint32_t *sizes, size_t count) {
    uint64_t before = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t size = (uint64_t)prefixes[i] + sizes[i];
        if (prefixes[i] > before || size > INT32_MAX) {
            return false;
        }
        sizes[i] = (uint32_t)size;
        before = size;
    }
    return true;
}

ktk_status ktki_delta_text_begin(struct delta_text *out, struct cursor in, size_t count,
                                 bool has_prefixes, uint64_t size_max, struct read_scratch *scratch,
                                 ktk_error *err) {
    uint32_t *sizes;
    uint32_t *prefixes;
    uint64_t shared = 0;
    uint64_t own = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_scratch_reserve(scratch, &scratch->sizes,
                                  (has_prefixes ? 2 : 1) * count * sizeof(*sizes), err));
    sizes = (uint32_t *)(void *)scratch->sizes.data;
    prefixes = has_prefixes ? sizes + count : NULL;
    if ((has_prefixes && !read_sizes(&in, count, scratch->kernels, prefixes, &shared)) ||
        !read_sizes(&in, count, scratch->kernels, sizes, &own) || own > ktki_cursor_left(&in) ||
        (has_prefixes && !add_prefixes(prefixes, sizes, count))) {
        status = damaged(err);
        goto out;
    }
    if (shared + own > size_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the texts of a page take %llu bytes, above the limit of %llu",
                  (unsigned long long)(shared + own), (unsigned long long)size_max);
    }
    *out = (struct delta_text){count, sizes, prefixes, shared + own, in};
out:
    return status;
}

/* Short pieces in one step of fixed size, which may run over what will be written next. */
static void copy_piece(uint8_t *to, const uint8_t *from, size_t size, bool has_room) {
    if (size <= KERNEL_SLACK && has_room) {
        memmove(to, from, KERNEL_SLACK);
    } else {
        memcpy(to, from, size);
    }
}

static void copy_pieces(const struct delta_text *text, bool has_sizes, uint8_t *out,
                        const uint8_t *end) {
    const uint8_t *from = text->bytes.at;
    const uint8_t *before = out;
    uint8_t *at = out;

    for (size_t i = 0; i < text->count; i++) {
        uint32_t size = text->sizes[i];
        uint32_t shared = text->prefixes == NULL ? 0 : text->prefixes[i];
        uint32_t own = size - shared;
        bool has_room;

        if (has_sizes) {
            memcpy(at, &size, sizeof(size));
            at += sizeof(size);
        }
        has_room = (size_t)(end - at) >= 2 * KERNEL_SLACK;
        copy_piece(at, before, shared, has_room);
        copy_piece(at + shared, from, own,
                   has_room && size <= KERNEL_SLACK &&
                       (size_t)(text->bytes.end - from) >= KERNEL_SLACK);
        before = at;
        at += size;
        from += own;
    }
}

size_t ktki_delta_text_size(const struct delta_text *text, bool has_sizes) {
    return (size_t)text->size + (has_sizes ? text->count * sizeof(uint32_t) : 0);
}

void ktki_delta_text_copy(const struct delta_text *text, bool has_sizes, uint8_t *out) {
    size_t size = ktki_delta_text_size(text, has_sizes);

    if (text->prefixes != NULL || has_sizes) {
        copy_pieces(text, has_sizes, out, out + size);
    } else if (size > 0) {
        memcpy(out, text->bytes.at, size); /* the bytes are there as they will be */
    }
}
