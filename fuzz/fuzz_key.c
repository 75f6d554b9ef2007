/* Keys of data files: what was decoded and is written again decodes to the same parts. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "dataset/name.h"

static bool same_bytes(const char *a, size_t a_size, const char *b, size_t b_size) {
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static void append_quoted(struct buffer *key, const char *text, size_t size) {
    FUZZ_ASSERT(ktki_quote(key, text, size, false, NULL) == KTK_OK);
}

static void check_round_trip(struct arena *arena, const struct key_parts *parts) {
    struct key_parts again;
    struct buffer key;

    ktki_buffer_init(&key, arena->allocator, 0);
    FUZZ_ASSERT(ktki_buffer_append_format(&key, NULL, "%s/%s/", parts->uuid, parts->table) ==
                KTK_OK);
    for (int32_t i = 0; i < parts->pair_count; i++) {
        append_quoted(&key, parts->pairs[i].column, parts->pairs[i].column_size);
        FUZZ_ASSERT(ktki_buffer_append_byte(&key, '=', NULL) == KTK_OK);
        append_quoted(&key, parts->pairs[i].value, parts->pairs[i].value_size);
        FUZZ_ASSERT(ktki_buffer_append_byte(&key, '/', NULL) == KTK_OK);
    }
    FUZZ_ASSERT(ktki_buffer_append(&key, parts->file, strlen(parts->file) + 1, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_key_decode(&again, arena, (const char *)key.data, NULL) == KTK_OK);
    FUZZ_ASSERT(strcmp(again.uuid, parts->uuid) == 0);
    FUZZ_ASSERT(strcmp(again.table, parts->table) == 0);
    FUZZ_ASSERT(strcmp(again.file, parts->file) == 0);
    FUZZ_ASSERT(again.pair_count == parts->pair_count);
    for (int32_t i = 0; i < parts->pair_count; i++) {
        const struct key_pair *a = &again.pairs[i];
        const struct key_pair *b = &parts->pairs[i];

        FUZZ_ASSERT(same_bytes(a->column, a->column_size, b->column, b->column_size));
        FUZZ_ASSERT(same_bytes(a->value, a->value_size, b->value, b->value_size));
    }
    ktki_buffer_clear(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct key_parts parts;
    struct arena arena;
    const char *key;

    ktki_arena_init(&arena, ktki_alloc_default());
    FUZZ_ASSERT(ktki_arena_text(&arena, (const char *)data, size, &key, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_key_decode(&parts, &arena, key, NULL) == KTK_OK);
    if (parts.table != NULL) {
        check_round_trip(&arena, &parts);
    } else {
        FUZZ_ASSERT(strcmp(parts.uuid, key) == 0 && parts.pair_count == 0);
    }
    ktki_arena_clear(&arena);
    return 0;
}
