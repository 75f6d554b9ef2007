#include "store/cache_entry.h"

#include "base/cursor.h"
#include "base/error.h"
#include "base/hash_map.h"

/*
 * A magic, the hash of all that follows, the size of the value, and texts that each end with a NUL:
 * owner, key, piece, version. The rest is data. Numbers are little-endian.
 */
static const uint8_t magic[8] = "ktkcch1\n";

#define HEAD_BYTES (sizeof(magic) + 2 * sizeof(uint64_t))
#define HASHED_FROM (sizeof(magic) + sizeof(uint64_t))

static void write_u64(uint8_t *out, uint64_t value) {
    for (size_t i = 0; i < sizeof(value); i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t read_u64(const uint8_t *data) {
    uint64_t value = 0;

    for (size_t i = sizeof(value); i > 0; i--) {
        value = value << 8 | data[i - 1];
    }
    return value;
}

ktk_status ktki_cache_entry_write(struct buffer *out, const struct cache_entry *entry,
                                  ktk_error *err) {
    const char *const texts[] = {entry->owner, entry->key, entry->piece, entry->version};
    uint8_t head[HEAD_BYTES] = {0};
    size_t start = out->size;
    ktk_status status = KTK_OK;

    memcpy(head, magic, sizeof(magic));
    write_u64(head + HASHED_FROM, (uint64_t)entry->value_size);
    KTKI_TRY(ktki_buffer_append(out, head, sizeof(head), err));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        KTKI_TRY(ktki_buffer_append(out, texts[i], strlen(texts[i]) + 1, err));
    }
    KTKI_TRY(ktki_buffer_append(out, entry->data, entry->size, err));
    write_u64(out->data + start + sizeof(magic),
              ktki_hash_bytes(out->data + start + HASHED_FROM, out->size - start - HASHED_FROM));
out:
    return status;
}

static bool read_text(struct cursor *cursor, const char **out) {
    const uint8_t *end = memchr(cursor->at, '\0', ktki_cursor_left(cursor));

    *out = (const char *)cursor->at;
    return end != NULL && ktki_cursor_skip(cursor, (size_t)(end - cursor->at) + 1);
}

bool ktki_cache_entry_read(struct cache_entry *out, const void *data, size_t size) {
    struct cursor cursor = ktki_cursor(data, size);
    struct cache_entry entry = {.owner = NULL};
    const uint8_t *head;

    if (!ktki_cursor_bytes(&cursor, HEAD_BYTES, &head) || memcmp(head, magic, sizeof(magic)) != 0 ||
        read_u64(head + sizeof(magic)) != ktki_hash_bytes(head + HASHED_FROM, size - HASHED_FROM)) {
        return false;
    }
    entry.value_size = (int64_t)read_u64(head + HASHED_FROM);
    if (!read_text(&cursor, &entry.owner) || !read_text(&cursor, &entry.key) ||
        !read_text(&cursor, &entry.piece) || !read_text(&cursor, &entry.version) ||
        entry.value_size < -1) {
        return false;
    }
    entry.data = cursor.at;
    entry.size = ktki_cursor_left(&cursor);
    *out = entry;
    return true;
}
