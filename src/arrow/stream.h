/** Streams of batches, both ways across the C Stream Interface. */
#ifndef KTKI_ARROW_STREAM_H
#define KTKI_ARROW_STREAM_H

#include "arrow/batch.h"

/** Producer: fill `out` or leave it zeroed at the end. */
typedef ktk_status (*ktki_stream_next_fn)(void *state, struct batch *out, ktk_error *err);
typedef void (*ktki_stream_free_fn)(void *state);

/**
 * Make a C stream of a producer. On success the stream owns `state`; the first failure is kept and
 * repeated. The whole ktk_error survives the crossing when the consumer is ktki_reader_* or
 * ktk_stream_next(); others see an errno and the text.
 */
ktk_status ktki_stream_new(struct ArrowArrayStream *out, ktk_context *context,
                           struct schema *schema, ktki_stream_next_fn next,
                           ktki_stream_free_fn free_state, void *state, ktk_error *err);

/** A stream of the given batches, which are moved on success. */
ktk_status ktki_stream_of_batches(struct ArrowArrayStream *out, ktk_context *context,
                                  struct schema *schema, struct batch *batches, size_t count,
                                  ktk_error *err);

/** Consumer of a stream. */
struct stream_reader {
    struct ArrowArrayStream *stream; /* borrowed */
    struct schema *schema;           /* owned reference */
    ktk_context *context;            /* borrowed */
};

/** Ask for the schema. The stream must outlive the reader; clearing the reader does not release the
 * stream. */
ktk_status ktki_reader_init(struct stream_reader *out, ktk_context *context,
                            struct ArrowArrayStream *stream, ktk_error *err);
void ktki_reader_clear(struct stream_reader *reader);

/** The next batch, imported and checked; `out->schema` is NULL at the end. */
ktk_status ktki_reader_next(struct stream_reader *reader, struct batch *out, ktk_error *err);

/** Release a stream unless it is released, and zero it. */
void ktki_stream_clear(struct ArrowArrayStream *stream);

#endif
