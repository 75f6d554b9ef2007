/* A bloom filter: what decodes is asked without reading beyond its blocks, and each value that was
 * put into one built here may be there. */
#include "fuzz.h"

#include "base/context.h"
#include "parquet/bloom.h"

static void ask(const uint8_t *data, size_t size) {
    struct bloom bloom;
    ktk_error err;

    if (ktki_bloom_decode(&bloom, data, size, &err) != KTK_OK) {
        return;
    }
    FUZZ_ASSERT(bloom.block_count > 0 && bloom.block_count * BLOOM_BLOCK_SIZE < size);
    for (uint64_t value = 0; value < 64; value++) {
        FUZZ_ASSERT(ktki_bloom_may_hold(&bloom, PQ_INT64, &value, sizeof(value)) ==
                    ktki_bloom_may_hold(&bloom, PQ_BYTE_ARRAY, &value, sizeof(value)));
    }
    ktki_bloom_clear(&bloom);
}

/* The input in pieces of eight bytes. */
static void build(const ktk_allocator *allocator, const uint8_t *data, size_t size) {
    struct bloom_build build;
    struct bloom bloom;
    struct buffer bytes;
    ktk_error err;

    ktki_buffer_init(&bytes, allocator, 0);
    FUZZ_ASSERT(ktki_bloom_build_begin(&build, allocator, (int64_t)size, 0.01, &err) == KTK_OK);
    for (size_t i = 0; i + 8 <= size; i += 8) {
        ktki_bloom_build_add(&build, data + i, 8);
    }
    ktki_bloom_build_fold(&build, 0.01);
    FUZZ_ASSERT(ktki_bloom_build_encode(&build, &bytes, &err) == KTK_OK);
    FUZZ_ASSERT(ktki_bloom_decode(&bloom, bytes.data, bytes.size, &err) == KTK_OK);
    for (size_t i = 0; i + 8 <= size; i += 8) {
        FUZZ_ASSERT(ktki_bloom_may_hold(&bloom, PQ_DOUBLE, data + i, 8));
    }
    ktki_bloom_clear(&bloom);
    ktki_bloom_build_clear(&build);
    ktki_buffer_clear(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ktk_context *context = NULL;
    ktk_error err;

    FUZZ_ASSERT(ktk_context_new(&context, NULL, &err) == KTK_OK);
    ask(data, size);
    build(ktki_context_allocator(context), data, size);
    ktk_context_free(context);
    return 0;
}
