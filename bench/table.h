/*
 * A table held in memory: all batches of a stream, and a stream that lends them again.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stddef.h>

#include <kartothek/arrow_abi.h>
#include <kartothek/error.h>

/* Zeroed, it is empty and may be cleared. */
struct bench_table {
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    size_t batch_count;
    size_t batch_capacity;
    int64_t row_count;
};

/* Take all batches of a stream into an empty table. The caller releases the stream, and clears the
 * table after a failure too. */
ktk_status bench_table_collect(struct bench_table *out, struct ArrowArrayStream *stream,
                               ktk_error *err);

void bench_table_clear(struct bench_table *table);

/* A stream of the table's batches that shares their buffers; it must not outlive the table. */
ktk_status bench_table_lend(struct ArrowArrayStream *out, const struct bench_table *table,
                            ktk_error *err);

#endif
