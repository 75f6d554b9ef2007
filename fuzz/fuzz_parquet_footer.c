/* A footer that decodes can be encoded, and what is encoded decodes to the same again. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "parquet/metadata.h"

static const ktk_limits limits = {.nesting_max = 64, .column_count_max = 1000000};

static void encode(const struct parquet_metadata *metadata, struct buffer *out) {
    ktk_error err;

    ktki_buffer_init(out, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_metadata_encode(metadata, out, &err) == KTK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct parquet_metadata metadata;
    struct parquet_metadata again;
    struct buffer first;
    struct buffer second;
    struct arena arena;
    ktk_error err;

    ktki_arena_init(&arena, ktki_alloc_default());
    if (ktki_metadata_decode(&metadata, &arena, &limits, data, size, &err) == KTK_OK) {
        encode(&metadata, &first);
        FUZZ_ASSERT(ktki_metadata_decode(&again, &arena, &limits, first.data, first.size, &err) ==
                    KTK_OK);
        encode(&again, &second);
        FUZZ_ASSERT(first.size == second.size);
        FUZZ_ASSERT(memcmp(first.data, second.data, first.size) == 0);
        ktki_buffer_clear(&first);
        ktki_buffer_clear(&second);
    }
    ktki_arena_clear(&arena);
    return 0;
}
