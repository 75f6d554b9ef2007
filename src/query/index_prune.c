#include "query/index_prune.h"

#include <string.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/index.h"

/* Memory for one predicate: bits of a conjunction and of an index, and the literals asked at once.
 */
struct prune {
    const struct query_plan *plan;
    size_t size; /* of a set of bits */
    uint8_t *all;
    uint8_t *one;
    const struct literal **literals;
};

/* Literals of the conjunction on a column. */
static size_t collect(const struct prune *prune, const struct conjunction *conjunction,
                      const char *column) {
    size_t count = 0;

    for (size_t i = 0; i < conjunction->literal_count; i++) {
        if (strcmp(conjunction->literals[i].column, column) == 0) {
            prune->literals[count++] = &conjunction->literals[i];
        }
    }
    return count;
}

/* All of the indices that have a say must let a partition pass. Partition keys have been asked by
 * the paths of files, which know better. */
static ktk_status prune_conjunction(bool *applies, const struct prune *prune,
                                    const struct conjunction *conjunction, ktk_error *err) {
    ktk_dataset *dataset = prune->plan->dataset;
    int32_t count = ktk_dataset_index_count(dataset);
    ktk_status status = KTK_OK;

    *applies = false;
    memset(prune->all, 0xFF, prune->size);
    for (int32_t i = 0; i < count; i++) {
        const char *column = ktk_dataset_index_column(dataset, i);
        size_t literal_count = collect(prune, conjunction, column);
        bool has_say = false;

        if (literal_count == 0 || ktki_dataset_partition_key_find(dataset, column) >= 0) {
            continue;
        }
        KTKI_TRY(ktki_index_lookup(&has_say, prune->one, dataset, i, prune->plan->schema,
                                   prune->literals, literal_count, err));
        for (size_t j = 0; has_say && j < prune->size; j++) {
            prune->all[j] &= prune->one[j];
        }
        *applies = *applies || has_say;
    }
out:
    return status;
}

static size_t literals_max(const ktk_predicate *where) {
    size_t count = 0;

    for (size_t i = 0; i < where->conjunction_count; i++) {
        size_t own = where->conjunctions[i].literal_count;

        count = own > count ? own : count;
    }
    return count;
}

ktk_status ktki_index_prune(bool *applies, uint8_t *bits, const struct query_plan *plan,
                            const ktk_predicate *where, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    struct prune prune = {.plan = plan};
    size_t literal_count = literals_max(where);
    ktk_status status = KTK_OK;

    *applies = ktk_dataset_index_count(plan->dataset) > 0;
    prune.size = ktki_bits_size(ktk_dataset_partition_count(plan->dataset));
    KTKI_TRY(ktki_alloc_array(allocator, prune.size, 2, &prune.all, err));
    prune.one = prune.all + prune.size;
    KTKI_TRY(
        ktki_alloc_array(allocator, literal_count, sizeof(*prune.literals), &prune.literals, err));
    memset(bits, 0, prune.size);
    for (size_t i = 0; *applies && i < where->conjunction_count; i++) {
        KTKI_TRY(prune_conjunction(applies, &prune, &where->conjunctions[i], err));
        for (size_t j = 0; j < prune.size; j++) {
            bits[j] |= prune.all[j];
        }
    }
out:
    ktki_free_array(allocator, prune.literals, literal_count, sizeof(*prune.literals));
    ktki_free_array(allocator, prune.all, prune.size, 2);
    return status;
}
