/** The files of a plan, read in other threads ahead of whoever takes their rows.
 *
 * What is read is a piece of a file, see scan.h, or a file to be opened. Whoever has a free hand
 * takes the first that is left, as long as there is room: for so many at once, so many that nobody
 * has taken yet, and their memory. What the taker waits for is always let through, so that it goes
 * on whatever the bounds are; he takes part himself. Room for what is not taken starts with one
 * piece and doubles with each that is taken, so that somebody who wants the first rows alone does
 * not pay for more. */
#ifndef KTKI_QUERY_READ_AHEAD_H
#define KTKI_QUERY_READ_AHEAD_H

#include "query/scan.h"

struct read_ahead;

struct read_ahead_options {
    int32_t files_at_once;   /* 0: as many as the context has threads, or what the store asks for */
    int64_t ahead_bytes_max; /* 0: 256 MiB, 32 MiB from afar */
    bool opens_only;         /* for ktki_read_ahead_next_file() */
    bool (*progress)(void *state, int64_t files, int64_t file_count); /* of ktk_query_options */
    void *progress_state;
    void (*file_pandas)(void *state, const char *json); /* likewise */
    void *file_pandas_state;
};

/** What the options of a query, which are checked but for these, say about it. */
ktk_status ktki_read_ahead_take_options(struct read_ahead_options *out,
                                        const ktk_query_options *options, ktk_error *err);

/** Nothing is read yet. The plan must outlive it. It belongs to one thread, the taker's. */
ktk_status ktki_read_ahead_new(struct read_ahead **out, const struct query_plan *plan,
                               const struct read_ahead_options *options, ktk_error *err);

/** Wait for the reads that have begun; no others begin. NULL is allowed. */
void ktki_read_ahead_free(struct read_ahead *ahead);

/** Open the first file now. Only before anything else, and not after a failure; there must be one.
 * `*out` is valid until the first call of the next function. */
ktk_status ktki_read_ahead_open_first(struct read_ahead *ahead, const struct scan **out,
                                      ktk_error *err);

/** The rows of the next piece that has some, in the order of the plan; without a schema at the
 * end. A failure is told where its rows would stand; nothing comes after it. */
ktk_status ktki_read_ahead_next(struct read_ahead *ahead, struct batch *out, ktk_error *err);

/** The end of a file, for whoever takes rows file by file. */
struct file_end {
    int64_t partition;
    struct schema *schema; /* of its rows, a reference; NULL: there is no file any more */
};

/** Likewise, and where a file ends a batch without a schema, with `*end`; each file has an end,
 * whether rows of it matched or not. */
ktk_status ktki_read_ahead_next_in_file(struct read_ahead *ahead, struct batch *out,
                                        struct file_end *end, ktk_error *err);

/** With `opens_only`: the next file, valid until the call after it; NULL at the end. While the
 * first one is looked at, no other is opened. */
ktk_status ktki_read_ahead_next_file(struct read_ahead *ahead, const struct scan **out,
                                     ktk_error *err);

#endif
