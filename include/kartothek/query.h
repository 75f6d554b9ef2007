/**
 * Reading rows of a dataset.
 */
#ifndef KARTOTHEK_QUERY_H
#define KARTOTHEK_QUERY_H

#include <kartothek/arrow_abi.h>
#include <kartothek/dataset.h>
#include <kartothek/error.h>
#include <kartothek/predicate.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_query_shape {
    /** Table schema: its types, partition keys first, then columns by name (or `columns` as asked).
     */
    KTK_SHAPE_TABLE = 0,
    /** As stored, for one partition at a time: partition keys first, then file order and file
       types. */
    KTK_SHAPE_PARTITION = 1
} ktk_query_shape;

typedef struct ktk_query_options {
    size_t size;
    const char *table;          /**< NULL: the only table */
    const char *const *columns; /**< NULL: all */
    size_t
        column_count; /**< with `columns` not NULL, 0 gives batches with a length and no column */
    const ktk_predicate *where; /**< NULL: all rows; borrowed for the call */
    const int64_t *partitions;  /**< restrict to these partitions, in this order; NULL: all */
    size_t partition_count;
    ktk_query_shape shape;
    bool keep_dictionaries; /**< KTK_SHAPE_PARTITION: dictionary columns of the file stay
                               dictionaries */
} ktk_query_options;

#define KTK_QUERY_OPTIONS_INIT                                                                     \
    {sizeof(ktk_query_options), NULL, NULL, 0, NULL, NULL, 0, KTK_SHAPE_TABLE, false}

/**
 * Stream the matching rows, in document order of the partitions and file order within.
 *
 * The predicate is checked against the schema before any data is read. Reads ahead within the
 * context's limits. The stream keeps references to the dataset and its store; it may outlive both
 * handles.
 *
 * @return KTK_E_NOT_FOUND for an unknown table or column; KTK_E_INVALID for a value that does not
 * fit its column.
 */
KTK_API ktk_status ktk_query_stream(struct ArrowArrayStream *out, ktk_dataset *dataset,
                                    const ktk_query_options *options,
                                    ktk_error *err) KTK_CHECK_RESULT;

/**
 * The partitions that may hold matching rows, as indices in document order. The array is allocated
 * with the context of the store and freed by ktk_query_partitions_free().
 */
KTK_API ktk_status ktk_query_partitions(int64_t **out, size_t *count, ktk_dataset *dataset,
                                        const ktk_query_options *options,
                                        ktk_error *err) KTK_CHECK_RESULT;

KTK_API void ktk_query_partitions_free(ktk_dataset *dataset, int64_t *partitions, size_t count);

#ifdef __cplusplus
}
#endif

#endif
