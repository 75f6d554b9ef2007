/** Handing decoded buffers over to Arrow arrays. On success the buffers are moved. */
#ifndef KTKI_PARQUET_LEAF_ARRAY_H
#define KTKI_PARQUET_LEAF_ARRAY_H

#include "parquet/leaf_reader.h"

/** The sink of a reader; `dictionary` (moved on success) belongs to SINK_INDEX, else NULL. */
ktk_status ktki_leaf_wrap(struct leaf_reader *reader, ktk_context *context,
                          struct ArrowArray *dictionary, struct ArrowArray *out, ktk_error *err);

/** The same for texts (SINK_TEXT_32) and values (SINK_FIXED), as an array of indices into a
 * dictionary that is made of them, in order of first appearance. */
ktk_status ktki_leaf_encode(struct leaf_reader *reader, ktk_context *context,
                            struct ArrowArray *out, ktk_error *err);

/** The dictionary of the chunk as an array of its own; it is copied. */
ktk_status ktki_dictionary_wrap(const struct leaf_reader *reader, ktk_context *context,
                                struct ArrowArray *out, ktk_error *err);

#endif
