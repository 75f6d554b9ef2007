/** A schema file inside of a document: from afar it is one request less. */
#ifndef KTKI_DATASET_SCHEMA_PACK_H
#define KTKI_DATASET_SCHEMA_PACK_H

#include "base/arena.h"
#include "base/buffer.h"

/** ZSTD data in base64, a text of the arena; `*out` is NULL for a file that would make a document
 * long: more than 4 KiB. */
ktk_status ktki_schema_pack(const char **out, struct arena *arena, const void *data, size_t size,
                            ktk_error *err);

/** The file again; nothing is appended for a text that is none. Only lack of memory fails. */
ktk_status ktki_schema_unpack(struct buffer *out, const char *text, ktk_error *err);

#endif
