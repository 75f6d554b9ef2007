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
    /** As stored: partition keys first, then file order and file types. Of several partitions the
       first one says what columns there are, and a number is as wide as the widest. */
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
    bool keep_dictionaries; /**< KTK_SHAPE_PARTITION of one partition: dictionary columns of the
                               file stay dictionaries */
    const char *position_column; /**< if not NULL: a last column of that name, an int64, says which
                                    partition a row is of */
    int32_t files_at_once;   /**< files that are read at a time; more than the context has threads
                                are read by threads of the stream's own, for stores that wait. 0: as
                                many as the context has threads, or what the store asks for */
    int64_t ahead_bytes_max; /**< memory for rows that are read ahead; what is larger is read by
                                itself. 0: 256 MiB; 32 MiB from S3 and Azure, where
                                a large row group comes in several batches */
    /** Called by the stream after some files have been read, on the thread that asks it for rows:
     * so many of the files that may hold matching rows are done with. Returning false cancels: the
     * stream fails with KTK_E_CANCELLED. May be NULL. */
    bool (*progress)(void *state, int64_t files, int64_t file_count);
    void *progress_state; /**< must live as long as the stream */
    /** Called by the stream in front of the first matching rows of a file, on the thread that asks
     * it for rows: the file's `pandas` entry (JSON, valid during the call), which may tell more
     * than the types of the table: dtypes that have nulls, as "Int64". Not called for files without
     * one. May be NULL. */
    void (*file_pandas)(void *state, const char *json);
    void *file_pandas_state; /**< must live as long as the stream */
} ktk_query_options;

#define KTK_QUERY_OPTIONS_INIT                                                                     \
    {sizeof(ktk_query_options),                                                                    \
     NULL,                                                                                         \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     0,                                                                                            \
     KTK_SHAPE_TABLE,                                                                              \
     false,                                                                                        \
     NULL,                                                                                         \
     0,                                                                                            \
     0,                                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     NULL,                                                                                         \
     NULL}

/**
 * Stream the matching rows, in document order of the partitions and file order within.
 *
 * The predicate is checked against the schema before any data is read. Several files are read at a
 * time, in other threads and also between the calls of whoever takes the rows, from the second
 * batch on; a failure is told where its rows would stand, so that the batches in front of it and
 * the error do not depend on the threads. Files of a store that is not for several threads are read
 * one after the other, by the thread that takes the rows. Releasing the stream early waits for the
 * reads that have begun. The stream keeps references to the dataset and its store; it may outlive
 * both handles.
 *
 * @return KTK_E_NOT_FOUND for an unknown table or column; KTK_E_INVALID for a value that does not
 * fit its column.
 */
KTK_API ktk_status ktk_query_stream(struct ArrowArrayStream *out, ktk_dataset *dataset,
                                    const ktk_query_options *options,
                                    ktk_error *err) KTK_CHECK_RESULT;

/**
 * Read partition by partition: each is a stream of its own, and those behind it are read ahead in
 * other threads, as ktk_query_stream() reads files. With KTK_SHAPE_PARTITION each partition has the
 * columns, types and metadata of its own file, whatever the others have. Nothing is read yet.
 *
 * Partitions that cannot hold matching rows are left out, as ktk_query_partitions() tells them;
 * with KTK_SHAPE_PARTITION the indices are not asked.
 *
 * The reader belongs to one thread at a time. It keeps references to the dataset and its store.
 *
 * @return as ktk_query_stream().
 */
KTK_API ktk_status ktk_partition_reader_new(ktk_partition_reader **out, ktk_dataset *dataset,
                                            const ktk_query_options *options,
                                            ktk_error *err) KTK_CHECK_RESULT;

/**
 * The next partition, in the order of `options->partitions` or of the document: its index, and a
 * stream of its matching rows, of none if no row matches. The rows are in memory and belong to the
 * stream, which is the caller's and may outlive the reader. At the end `out->release` is NULL and
 * `*partition` is left alone.
 *
 * A failure is told where its partition would stand, and again from then on. What is read ahead
 * grows with what is taken: while the first partition is looked at, no other is read. The rows of
 * others take no more than `options->ahead_bytes_max`, whatever the number of partitions.
 */
KTK_API ktk_status ktk_partition_reader_next(ktk_partition_reader *reader, int64_t *partition,
                                             struct ArrowArrayStream *out,
                                             ktk_error *err) KTK_CHECK_RESULT;

/** Wait for the reads that have begun; no others begin. NULL is allowed. */
KTK_API void ktk_partition_reader_free(ktk_partition_reader *reader);

/**
 * The partitions that may hold matching rows, as indices in document order. The array is allocated
 * with the context of the store and freed by ktk_query_partitions_free().
 */
KTK_API ktk_status ktk_query_partitions(int64_t **out, size_t *count, ktk_dataset *dataset,
                                        const ktk_query_options *options,
                                        ktk_error *err) KTK_CHECK_RESULT;

KTK_API void ktk_query_partitions_free(ktk_dataset *dataset, int64_t *partitions, size_t count);

/**
 * Group the partitions that may hold matching rows by the values of columns, each of them a
 * partition key or one that has a secondary index: a row a group, ascending by value, of the
 * columns `by` and a last one `ktk.partitions`, the list of indices in document order. To read a
 * group, ask for its partitions and for the rows that have its values: a partition may be in
 * several groups.
 *
 * Values come out of file names and indices; where an index is missing or does not know a
 * partition, its files are read. Rows with a null or NaN in one of the columns are in no group.
 * Values that `options->where` rules out are left out, too; of several columns with an index there
 * may be combinations that no row has. With no column there is one group, of all, unless there is
 * no partition.
 *
 * @return KTK_E_INVALID for a column that has no index, or is named twice; else as
 * ktk_query_partitions().
 */
KTK_API ktk_status ktk_query_groups(struct ArrowArrayStream *out, ktk_dataset *dataset,
                                    const ktk_query_options *options, const char *const *by,
                                    size_t by_count, ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
