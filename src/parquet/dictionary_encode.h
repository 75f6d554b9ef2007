/** Collecting the distinct values of a column chunk, and numbering its values by them. */
#ifndef KTKI_PARQUET_DICTIONARY_ENCODE_H
#define KTKI_PARQUET_DICTIONARY_ENCODE_H

#include "base/buffer.h"
#include "parquet/value_block.h"

/** Bytes of a dictionary page at most, as pyarrow has it: readers keep it in fast memory. */
#define DICTIONARY_BYTES_MAX ((size_t)1 << 20)

/**
 * Values are equal if their bytes are. Entries are numbered in order of first appearance, and kept
 * as the dictionary page has them: PLAIN.
 */
struct dictionary {
    const ktk_allocator *allocator;
    size_t width;       /* of fixed-width values; 0: pieces of bytes with a length in front */
    bool is_bytes;      /* blocks come as pieces of bytes */
    uint32_t count;     /* entries */
    struct buffer page; /* entries, PLAIN */
    void *slots;        /* hash table: open addressing, at most half full */
    size_t slots_size;  /* bytes allocated */
    size_t slot_count;  /* a power of two */
    uint32_t *offsets;  /* of the entries in the page; if they are hashed as bytes */
    size_t offset_capacity;
};

/** Nothing is allocated yet. */
void ktki_dictionary_init(struct dictionary *dictionary, const ktk_allocator *allocator);
void ktki_dictionary_clear(struct dictionary *dictionary);

/** Begin with no entries, for values of that kind; memory is kept. About `entry_count` entries are
 * expected. */
ktk_status ktki_dictionary_begin(struct dictionary *dictionary, size_t width, bool is_bytes,
                                 size_t entry_count, ktk_error *err);

/**
 * Number the values of a block; unknown ones are added. `*done` is less than the block's count if
 * an entry would make the page longer than DICTIONARY_BYTES_MAX, or the table degenerate; that
 * value and those behind it are not numbered, and none may be added any more.
 */
ktk_status ktki_dictionary_add(struct dictionary *dictionary, const struct value_block *block,
                               uint32_t *indices, size_t *done, ktk_error *err);

/** Entries [start, start + count) as a block, `count` <= VALUE_BLOCK_MAX; `starts` and `sizes` are
 * room for as many. */
void ktki_dictionary_entries(const struct dictionary *dictionary, uint32_t start, size_t count,
                             const uint8_t **starts, uint32_t *sizes, struct value_block *out);

#endif
