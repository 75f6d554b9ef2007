/* Texts put together by the library are those that a slow reader puts together from the same sizes;
 * texts that are refused are refused for a reason. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "parquet/delta.h"
#include "parquet/delta_text.h"

#define SIZE_MAX_WANTED ((size_t)1 << 16)

static uint32_t prefixes[256];
static uint32_t sizes[256];

static bool read_sizes(struct cursor *in, size_t count, uint32_t *out) {
    struct delta_reader reader;

    if (!ktki_delta_begin(&reader, *in, sizeof(*out), ktki_kernels_of_level(0)) ||
        reader.count != count || !ktki_delta_next(&reader, count, out)) {
        return false;
    }
    *in = ktki_delta_rest(&reader);
    return true;
}

/* False: the input is damaged. `*total` gets the bytes of all texts. */
static bool read_slowly(struct cursor in, size_t count, bool has_prefixes, uint8_t *out,
                        uint64_t *total) {
    uint64_t before = 0;
    uint64_t own = 0;

    *total = 0;
    memset(prefixes, 0, sizeof(prefixes));
    if ((has_prefixes && !read_sizes(&in, count, prefixes)) || !read_sizes(&in, count, sizes)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (prefixes[i] > before || (int32_t)sizes[i] < 0 ||
            (uint64_t)prefixes[i] + sizes[i] > INT32_MAX) {
            return false;
        }
        before = (uint64_t)prefixes[i] + sizes[i];
        own += sizes[i];
        *total += before;
    }
    if (own > ktki_cursor_left(&in)) {
        return false;
    }
    before = 0;
    for (size_t i = 0; i < count && *total <= SIZE_MAX_WANTED; i++) {
        for (uint32_t j = 0; j < prefixes[i]; j++, out++) {
            *out = out[-(ptrdiff_t)before];
        }
        for (uint32_t j = 0; j < sizes[i]; j++) {
            *out++ = *in.at++;
        }
        before = (uint64_t)prefixes[i] + sizes[i];
    }
    return true;
}

static void check_level(const uint8_t *data, size_t size, size_t count, bool has_prefixes,
                        bool is_good, uint64_t total, const uint8_t *wanted, int level) {
    struct read_scratch *scratch = NULL;
    struct delta_text text;
    ktk_error err;
    ktk_status status;

    FUZZ_ASSERT(ktki_scratch_new(&scratch, ktki_alloc_default(), &err) == KTK_OK);
    scratch->kernels = ktki_kernels_of_level(level);
    status = ktki_delta_text_begin(&text, ktki_cursor(data, size), count, has_prefixes,
                                   SIZE_MAX_WANTED, scratch, &err);
    if (!is_good || total > SIZE_MAX_WANTED) {
        FUZZ_ASSERT(status == (is_good ? KTK_E_LIMIT : KTK_E_CORRUPT));
    } else {
        uint8_t *out;
        FUZZ_ASSERT(status == KTK_OK && text.size == total);
        /* Exactly as large as it must be. */
        FUZZ_ASSERT(ktki_alloc_array(ktki_alloc_default(), total, 1, &out, &err) == KTK_OK);
        ktki_delta_text_copy(&text, false, out);
        FUZZ_ASSERT(memcmp(out, wanted, (size_t)total) == 0);
        ktki_free_array(ktki_alloc_default(), out, total, 1);
        FUZZ_ASSERT(ktki_alloc_array(ktki_alloc_default(), ktki_delta_text_size(&text, true), 1,
                                     &out, &err) == KTK_OK);
        ktki_delta_text_copy(&text, true, out);
        for (size_t i = 0, at = 0, from = 0; i < count; i++) {
            uint32_t own = 0;
            memcpy(&own, out + at, sizeof(own));
            FUZZ_ASSERT(own == text.sizes[i]);
            FUZZ_ASSERT(memcmp(out + at + sizeof(own), wanted + from, own) == 0);
            at += sizeof(own) + own;
            from += own;
        }
        ktki_free_array(ktki_alloc_default(), out, ktki_delta_text_size(&text, true), 1);
    }
    ktki_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t wanted[SIZE_MAX_WANTED + 1];
    size_t count;
    bool has_prefixes;
    bool is_good;
    uint64_t total = 0;

    if (size < 2) {
        return 0;
    }
    has_prefixes = (data[0] & 1) != 0;
    count = data[1] == 0 ? 256 : data[1];
    data += 2;
    size -= 2;
    is_good = read_slowly(ktki_cursor(data, size), count, has_prefixes, wanted, &total);
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        if (ktki_kernels_of_level(level) != NULL) {
            check_level(data, size, count, has_prefixes, is_good, total, wanted, level);
        }
    }
    return 0;
}
