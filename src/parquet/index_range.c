#include "parquet/index_range.h"

/* Indices that are within this part of the dictionary from both its ends are called all of it:
 * where values come in no order, the first few show that, and nothing is to be gained by more. */
#define EDGE_SHARE 16

void ktki_index_range(struct value_range *range, const struct entry_facts *facts,
                      const uint32_t *indices, size_t count, struct value_scratch *scratch) {
    int32_t least = INT32_MAX;
    int32_t greatest = -1;
    int32_t edge = (int32_t)(facts->dictionary->count / EDGE_SHARE);
    int32_t last = (int32_t)facts->dictionary->count - 1;
    uint32_t end;

    for (size_t start = 0; start < count; start += VALUE_BLOCK_MAX) {
        size_t stop = count - start < VALUE_BLOCK_MAX ? count : start + VALUE_BLOCK_MAX;

        for (size_t i = start; i < stop; i++) {
            int32_t index = (int32_t)indices[i];

            least = index < least ? index : least;
            greatest = index > greatest ? index : greatest;
        }
        if (least <= edge && greatest >= last - edge) {
            ktki_range_merge(range, &facts->range);
            return;
        }
    }
    end = (uint32_t)(greatest + 1);
    for (uint32_t start = (uint32_t)least; start < end; start += VALUE_BLOCK_MAX) {
        uint32_t left = end - start;
        struct value_block block;

        ktki_dictionary_entries(facts->dictionary, start,
                                left < VALUE_BLOCK_MAX ? left : VALUE_BLOCK_MAX, scratch->starts,
                                scratch->sizes, &block);
        ktki_range_add(range, &block);
    }
}

int64_t ktki_index_text_bytes(const struct entry_facts *facts, const uint32_t *indices,
                              size_t count) {
    int64_t sum = 0;

    if (facts->text_sizes == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        sum += facts->text_sizes[indices[i]];
    }
    return sum;
}
