/** What an open file is made of; for the reader's own parts. */
#ifndef KTKI_PARQUET_FILE_HANDLE_H
#define KTKI_PARQUET_FILE_HANDLE_H

#include <pthread.h>

#include "base/memory_bound.h"
#include "parquet/read_plan.h"
#include "parquet/reader.h"
#include "parquet/scratch.h"

struct column_texts;

/**
 * Everything but `references` and what `lock` guards is set once by ktki_parquet_open(). What is
 * derived from the footer is made when it is first asked for and never changes then: the schema
 * may be used after ktki_parquet_schema(), the columns of a row group after
 * ktki_parquet_row_group(), both without the lock.
 */
struct ktk_parquet_file {
    int64_t references;   /* atomic access only */
    ktk_context *context; /* a reference */
    struct source source;
    ktk_bytes tail; /* the footer lies in it; statistics point into it */
    int64_t footer_size;
    struct memory_bound footer_bound; /* on the arena */
    struct arena arena;               /* of the metadata */
    struct parquet_metadata metadata;
    int32_t leaf_count;
    pthread_mutex_t lock;           /* of what follows */
    bool has_schema;                /* read without the lock by atomic access */
    struct arena schema_arena;      /* of the schema */
    struct parquet_schema schema;   /* once has_schema */
    struct arena *group_arenas;     /* by row group: of its columns */
    struct read_scratch *scratches; /* those not in use */
    struct column_texts **texts;    /* of info.c: by row group and leaf, NULL until asked for */
    const char **element_texts;     /* of info.c: by schema element, NULL until asked for */
    struct arena text_arena;        /* what they lie in */
    int64_t decoded_pages;          /* data pages, by scans of rows; atomic access only */
};

/** Scratch memory that is kept with the file, one for each task that runs; what it grows by counts
 * for the bound. */
ktk_status ktki_file_scratch_take(ktk_parquet_file *file, struct memory_bound *bound,
                                  struct read_scratch **out, ktk_error *err);
/** NULL is allowed. */
void ktki_file_scratch_give(ktk_parquet_file *file, struct read_scratch *scratch);

/** Ranges of the file (within its size), as a source reads them; what came with the footer is not
 * asked for again. Clear each before the file is freed. */
ktk_status ktki_file_read(const ktk_parquet_file *file, const struct byte_range *ranges,
                          size_t count, ktk_bytes *out, ktk_error *err);

/** Decode what a plan of the file says of a row group (in range). */
ktk_status ktki_parquet_read_planned(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                     const struct read_plan *plan, ktk_error *err);

/** Most memory that one piece of work on the file may take. */
int64_t ktki_parquet_memory_max(const ktk_parquet_file *file);

#endif
