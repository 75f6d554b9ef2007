/* The input is a file of a cache, whose checksum is set right, so that what it guards is read, too.
 * What is read is in bounds, and written again gives the same bytes; with a wrong checksum nothing
 * is read. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash_map.h"
#include "fuzz.h"
#include "store/cache_entry.h"

#define HASH_AT 8
#define HASHED_FROM 16

static void set_hash(uint8_t *data, size_t size) {
    uint64_t hash = ktki_hash_bytes(data + HASHED_FROM, size - HASHED_FROM);

    for (size_t i = 0; i < 8; i++) {
        data[HASH_AT + i] = (uint8_t)(hash >> (8 * i));
    }
}

static void check_entry(const struct buffer *file, const struct cache_entry *entry) {
    const char *start = (const char *)file->data;
    const char *const texts[] = {entry->owner, entry->key, entry->piece, entry->version};
    struct buffer again;

    for (size_t i = 0; i < 4; i++) {
        FUZZ_ASSERT(texts[i] > start && texts[i] + strlen(texts[i]) < start + file->size);
    }
    FUZZ_ASSERT((const char *)entry->data + entry->size == start + file->size);
    ktki_buffer_init(&again, ktki_alloc_default(), 0);
    if (ktki_cache_entry_write(&again, entry, NULL) == KTK_OK) {
        FUZZ_ASSERT(again.size == file->size && memcmp(again.data, file->data, file->size) == 0);
    }
    ktki_buffer_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cache_entry entry;
    struct buffer file;

    ktki_buffer_init(&file, ktki_alloc_default(), 0);
    if (size >= HASHED_FROM && ktki_buffer_append(&file, data, size, NULL) == KTK_OK) {
        set_hash(file.data, size);
        if (ktki_cache_entry_read(&entry, file.data, size)) {
            check_entry(&file, &entry);
            file.data[HASH_AT] ^= 1;
            FUZZ_ASSERT(!ktki_cache_entry_read(&entry, file.data, size));
        }
    }
    ktki_buffer_clear(&file);
    return 0;
}
