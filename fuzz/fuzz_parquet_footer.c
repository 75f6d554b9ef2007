/* A footer that decodes can be encoded, and what is encoded decodes to the same again. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "parquet/metadata.h"

static const ktk_limits limits = {.nesting_max = 64, .column_count_max = 1000000};

static bool decode_columns(struct row_group *group, struct arena *arena) {
    struct cursor cursor = ktki_cursor(group->chunk_bytes.data, group->chunk_bytes.size);
    ktk_error err;

    FUZZ_ASSERT(ktki_arena_zeroed(arena, (size_t)group->column_count, sizeof(*group->columns),
                                  &group->columns, &err) == KTK_OK);
    for (int32_t i = 0; i < group->column_count; i++) {
        if (ktki_column_chunk_decode(&group->columns[i], arena, &limits, &cursor, &err) != KTK_OK) {
            return false;
        }
    }
    FUZZ_ASSERT(ktki_cursor_is_done(&cursor));
    return true;
}

/* All of it, the column chunks too. */
static bool decode(struct parquet_metadata *out, struct arena *arena, const uint8_t *data,
                   size_t size) {
    ktk_error err;

    if (ktki_metadata_decode(out, arena, &limits, data, size, &err) != KTK_OK) {
        return false;
    }
    for (int32_t i = 0; i < out->row_group_count; i++) {
        if (!decode_columns(&out->row_groups[i], arena)) {
            return false;
        }
    }
    return true;
}

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

    ktki_arena_init(&arena, ktki_alloc_default());
    if (decode(&metadata, &arena, data, size)) {
        encode(&metadata, &first);
        FUZZ_ASSERT(decode(&again, &arena, first.data, first.size));
        encode(&again, &second);
        FUZZ_ASSERT(first.size == second.size);
        FUZZ_ASSERT(memcmp(first.data, second.data, first.size) == 0);
        ktki_buffer_clear(&first);
        ktki_buffer_clear(&second);
    }
    ktki_arena_clear(&arena);
    return 0;
}
