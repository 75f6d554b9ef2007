#include <kartothek/upkeep.h>

#include <kartothek/dataset.h>
#include <kartothek/parquet.h>
#include <kartothek/query.h>

#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "store/backend.h"

#define FILES_AT_ONCE ((size_t)64)

struct statistics {
    ktk_dataset *dataset;
    const char *table;
    const int64_t *partitions; /* of those at hand */
    ktk_parquet_file *files[FILES_AT_ONCE];
};

static ktk_status open_one(void *state, size_t item, ktk_error *err) {
    struct statistics *statistics = state;

    return ktk_dataset_open_partition(&statistics->files[item], statistics->dataset,
                                      statistics->partitions[item], statistics->table, err);
}

static ktk_status report_file(const struct statistics *statistics, size_t item,
                              ktk_statistics_fn fn, void *state, ktk_error *err) {
    ktk_row_group_statistics found = {.row_group = -1};
    ktk_parquet_file *file = statistics->files[item];
    ktk_parquet_info info;
    ktk_status status = KTK_OK;

    ktk_parquet_file_info(file, &info);
    found.label = ktk_dataset_partition_label(statistics->dataset, statistics->partitions[item]);
    found.file_row_count = info.row_count;
    found.file_row_group_count = info.row_group_count;
    found.footer_size = info.footer_size;
    if (info.row_group_count == 0) {
        KTKI_TRY(fn(state, &found, err));
    }
    for (int32_t i = 0; i < info.row_group_count; i++) {
        ktk_parquet_row_group_info group;

        KTKI_TRY(ktk_parquet_row_group_info_get(file, i, &group, err));
        found.row_group = i;
        found.row_count = group.row_count;
        /* The originals report the one size as the other (defect D-27). */
        found.compressed_size = group.compressed_size;
        found.uncompressed_size = group.uncompressed_size;
        KTKI_TRY(fn(state, &found, err));
    }
out:
    return status;
}

static ktk_status report_some(struct statistics *statistics, size_t count, ktk_statistics_fn fn,
                              void *state, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_store_run(ktk_dataset_store(statistics->dataset), count, open_one, statistics, err));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(report_file(statistics, i, fn, state, err));
    }
out:
    for (size_t i = 0; i < FILES_AT_ONCE; i++) {
        ktk_parquet_file_free(statistics->files[i]);
        statistics->files[i] = NULL;
    }
    return status;
}

static uint64_t next_random(uint64_t *state) {
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

/* Keep `wanted` of the partitions, each choice as likely as any other, in their order. */
static void choose(int64_t *partitions, size_t count, size_t wanted, uint64_t seed) {
    size_t kept = 0;

    for (size_t i = 0; i < count && kept < wanted; i++) {
        if (next_random(&seed) % (count - i) < wanted - kept) {
            partitions[kept++] = partitions[i];
        }
    }
}

ktk_status ktk_dataset_statistics(ktk_dataset *dataset, const ktk_statistics_options *options,
                                  ktk_statistics_fn fn, void *state, ktk_error *err) {
    static const ktk_statistics_options defaults = KTK_STATISTICS_OPTIONS_INIT;
    struct statistics statistics = {.dataset = dataset};
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    int64_t *partitions = NULL;
    size_t count = 0;
    size_t wanted;
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_STATISTICS_OPTIONS_INIT", err);
    if (!(options->fraction >= 0 && options->fraction <= 1)) {
        KTKI_FAIL(err, KTK_E_INVALID, "fraction %g is not between 0 and 1", options->fraction);
    }
    if (ktk_dataset_partition_count(dataset) == 0) {
        goto out;
    }
    statistics.table = options->table;
    query.table = options->table;
    query.where = options->where;
    KTKI_TRY(ktk_query_partitions(&partitions, &count, dataset, &query, err));
    wanted = count;
    if (options->fraction > 0 && count > 0) {
        wanted = (size_t)((double)count * options->fraction);
        wanted = wanted > 0 ? wanted : 1;
        choose(partitions, count, wanted, options->seed);
    }
    for (size_t i = 0; i < wanted; i += FILES_AT_ONCE) {
        statistics.partitions = partitions + i;
        KTKI_TRY(report_some(&statistics, wanted - i < FILES_AT_ONCE ? wanted - i : FILES_AT_ONCE,
                             fn, state, err));
    }
out:
    ktk_query_partitions_free(dataset, partitions, count);
    return status;
}
