/** Writing the columns of a row group: one behind the other in the file, several at work. */
#ifndef KTKI_PARQUET_ROW_GROUP_WRITE_H
#define KTKI_PARQUET_ROW_GROUP_WRITE_H

#include "base/pool.h"
#include "parquet/column_write.h"

/** Receives the bytes of a file in order. Calls do not overlap, but may come from any thread of the
 * pool. */
typedef ktk_status (*ktki_sink_fn)(void *state, const void *data, size_t size, ktk_error *err);

struct row_group_write {
    struct column_write *columns;
    size_t column_count;
    const struct row_slice *slices;
    size_t slice_count;
    int64_t first_row;
    const struct column_settings *settings;
    struct scratch_pool *scratches;
    struct pool *pool;       /* NULL: the calling thread alone */
    size_t thread_count;     /* that take part, the caller's included */
    size_t waiting_size_max; /* bytes of pages whose turn has not come, before none is added */
    ktki_sink_fn sink;
    void *sink_state;
};

/**
 * Encode the rows of the slices. A page goes to the sink as soon as it and all before it are ready,
 * and its memory to the next page. A page whose turn has not come waits; when so many wait that
 * their bytes reach the bound, only pages of the column whose turn it is are encoded. At most one
 * column more than there are threads is under way, and has its dictionary in memory.
 *
 * The bytes do not depend on threads. On success the facts of all chunks are in the columns.
 */
ktk_status ktki_row_group_write(const struct row_group_write *group, ktk_error *err);

#endif
