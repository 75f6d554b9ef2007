/**
 * What is known of the secondary indices of a dataset, and whether it is true (docs/indices.md).
 */
#ifndef KARTOTHEK_INDEX_H
#define KARTOTHEK_INDEX_H

#include <kartothek/dataset.h>
#include <kartothek/error.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ktk_index_info {
    int64_t byte_count;    /**< size of the file; -1: the index is embedded in the document */
    int64_t value_count;   /**< different values; -1: unknown, of an embedded one */
    int64_t label_count;   /**< partitions of the dataset that it has values of */
    int64_t unknown_count; /**< partitions of which it knows nothing; queries always read them */
    int64_t stale_count;   /**< labels in it that are no partition's */
} ktk_index_info;

/**
 * Look into an index, `index` in [0, ktk_dataset_index_count()). Reads the labels of its file.
 *
 * @return KTK_E_NOT_FOUND if the file is missing; KTK_E_CORRUPT for one that is damaged or is no
 * index.
 */
KTK_API ktk_status ktk_index_look(ktk_dataset *dataset, int32_t index, ktk_index_info *out,
                                  ktk_error *err) KTK_CHECK_RESULT;

/** A partition of which an index says something else than its files. */
typedef struct ktk_index_difference {
    int64_t partition;     /**< position in the dataset */
    int64_t missing_count; /**< values that it has and the index does not know of it */
    int64_t excess_count;  /**< values that the index says it has; these cost time alone */
} ktk_index_difference;

typedef struct ktk_index_verify_options {
    size_t size;
    /** Called on the calling thread, so many of the files being read; false ends the call with
     * KTK_E_CANCELLED. NULL: files are read all at once. */
    bool (*progress)(void *state, int64_t files, int64_t file_count);
    void *progress_state;
} ktk_index_verify_options;

#define KTK_INDEX_VERIFY_OPTIONS_INIT {sizeof(ktk_index_verify_options), NULL, NULL}

typedef ktk_status (*ktk_index_report_fn)(void *state, const ktk_index_difference *difference,
                                          ktk_error *err);

/**
 * Compare what an index says with the values in the files, for every partition: reads the column of
 * all files, in parallel, and the whole index. Nulls and NaN are in no index; texts that the
 * originals have ended at their first NUL are differences, though queries allow for them. `report`
 * is called for each partition that differs, in order, on the calling thread; a status other than
 * KTK_OK ends it and is returned. `options` NULL: defaults.
 *
 * @return KTK_E_NOT_FOUND if the file of the index is missing, or no table has the column;
 * KTK_E_SCHEMA if its values are not of the type of the column; KTK_E_UNSUPPORTED for an embedded
 * one: build it anew.
 */
KTK_API ktk_status ktk_index_verify(ktk_dataset *dataset, int32_t index,
                                    const ktk_index_verify_options *options,
                                    ktk_index_report_fn report, void *state,
                                    ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
