/** Memory that encoding tasks use again and again, from page to page and file to file. */
#ifndef KTKI_PARQUET_WRITE_SCRATCH_H
#define KTKI_PARQUET_WRITE_SCRATCH_H

#include <pthread.h>

#include "codec/codec.h"
#include "parquet/dictionary_encode.h"
#include "parquet/leaf_values.h"
#include "parquet/value_encode.h"

/** What a scratch is for: only those of columns ever hold a dictionary and indices. */
enum scratch_use { SCRATCH_COLUMN, SCRATCH_PAGE, SCRATCH_USE_COUNT };

/** For one task at a time. Everything grows on first use. */
struct write_scratch {
    struct write_scratch *next; /* of those that are free */
    enum scratch_use use;
    struct arena arena; /* of one column chunk */
    struct value_scratch values;
    struct codec_scratch codec;
    struct dictionary dictionary;
    struct value_encoder encoder;
    struct buffer indices; /* uint32_t: of the values of a chunk, into the dictionary */
    struct buffer levels;  /* of a page */
    struct buffer body;    /* of a page, uncompressed */
    struct buffer header;  /* of a page */
};

/** What an output is for: files are larger than pages. */
enum output_use { OUTPUT_PAGE, OUTPUT_FILE, OUTPUT_USE_COUNT };

/** The encoded bytes of a page on their way to the file, or of a whole file. */
struct page_output {
    struct page_output *next; /* of those that are free */
    enum output_use use;
    struct buffer bytes;
};

/** As many as there were tasks at the same time, and pages that waited for their turn. Several
 * writers may share one, on different threads. */
struct scratch_pool {
    const ktk_allocator *allocator;
    pthread_mutex_t lock;
    struct write_scratch *free_ones[SCRATCH_USE_COUNT];
    struct page_output *free_outputs[OUTPUT_USE_COUNT];
};

void ktki_scratch_pool_init(struct scratch_pool *pool, const ktk_allocator *allocator);

/** All scratches and outputs must have been given back. */
void ktki_scratch_pool_clear(struct scratch_pool *pool);

ktk_status ktki_scratch_take(struct scratch_pool *pool, enum scratch_use use,
                             struct write_scratch **out, ktk_error *err);

/** NULL is allowed. */
void ktki_scratch_give(struct scratch_pool *pool, struct write_scratch *scratch);

/** The one given back last comes first: its bytes are still in the cache. */
ktk_status ktki_output_take(struct scratch_pool *pool, enum output_use use,
                            struct page_output **out, ktk_error *err);

/** NULL is allowed. */
void ktki_output_give(struct scratch_pool *pool, struct page_output *output);

#endif
