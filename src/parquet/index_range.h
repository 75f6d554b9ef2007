/** What the values of a page are that is written as indices into a dictionary. */
#ifndef KTKI_PARQUET_INDEX_RANGE_H
#define KTKI_PARQUET_INDEX_RANGE_H

#include "parquet/value_range.h"
#include "parquet/write_scratch.h"

/** The dictionary of a chunk, looked at once. */
struct entry_facts {
    const struct dictionary *dictionary;
    struct value_range range;   /* of all entries */
    const uint32_t *text_sizes; /* of each entry; NULL: they are no BYTE_ARRAY values */
};

/**
 * Take bounds of the entries that `count` indices stand for into `range`. Entries are numbered by
 * their first appearance, so those of a page of sorted values follow one another: the bounds are of
 * all entries between the least and the greatest index. They may be wider than the values, which an
 * index of pages allows; where values are sorted they are not.
 */
void ktki_index_range(struct value_range *range, const struct entry_facts *facts,
                      const uint32_t *indices, size_t count, struct value_scratch *scratch);

/** Bytes of the texts that indices stand for; -1: they are none. */
int64_t ktki_index_text_bytes(const struct entry_facts *facts, const uint32_t *indices,
                              size_t count);

#endif
