/* Parts of a page index: what decodes is the same after encoding and decoding once more. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "parquet/metadata.h"

static void same_bytes(const struct parquet_bytes *a, const struct parquet_bytes *b) {
    FUZZ_ASSERT(a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0));
}

static void try_column_index(struct arena *arena, const uint8_t *data, size_t size) {
    struct column_index first;
    struct column_index second;
    struct buffer bytes;
    ktk_error err;

    if (ktki_column_index_decode(&first, arena, data, size, &err) != KTK_OK) {
        return;
    }
    ktki_buffer_init(&bytes, arena->allocator, 0);
    FUZZ_ASSERT(ktki_column_index_encode(&first, &bytes, &err) == KTK_OK);
    FUZZ_ASSERT(ktki_column_index_decode(&second, arena, bytes.data, bytes.size, &err) == KTK_OK);
    FUZZ_ASSERT(first.page_count == second.page_count);
    FUZZ_ASSERT(first.null_count_count == second.null_count_count);
    for (int32_t i = 0; i < first.page_count; i++) {
        FUZZ_ASSERT(first.null_pages[i] == second.null_pages[i]);
        same_bytes(&first.mins[i], &second.mins[i]);
        same_bytes(&first.maxs[i], &second.maxs[i]);
    }
    for (int32_t i = 0; i < first.null_count_count; i++) {
        FUZZ_ASSERT(first.null_counts[i] == second.null_counts[i]);
    }
    ktki_buffer_clear(&bytes);
}

static void try_offset_index(struct arena *arena, const uint8_t *data, size_t size) {
    struct offset_index first;
    struct offset_index second;
    struct buffer bytes;
    ktk_error err;

    if (ktki_offset_index_decode(&first, arena, data, size, &err) != KTK_OK) {
        return;
    }
    ktki_buffer_init(&bytes, arena->allocator, 0);
    FUZZ_ASSERT(ktki_offset_index_encode(&first, &bytes, &err) == KTK_OK);
    FUZZ_ASSERT(ktki_offset_index_decode(&second, arena, bytes.data, bytes.size, &err) == KTK_OK);
    FUZZ_ASSERT(first.page_count == second.page_count);
    for (int32_t i = 0; i < first.page_count; i++) {
        FUZZ_ASSERT(first.pages[i].offset == second.pages[i].offset);
        FUZZ_ASSERT(first.pages[i].size == second.pages[i].size);
        FUZZ_ASSERT(first.pages[i].first_row == second.pages[i].first_row);
    }
    ktki_buffer_clear(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;

    ktki_arena_init(&arena, ktki_alloc_default());
    try_column_index(&arena, data, size);
    try_offset_index(&arena, data, size);
    ktki_arena_clear(&arena);
    return 0;
}
