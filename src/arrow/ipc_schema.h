/** Arrow IPC schema messages (Flatbuffers), as found under `ARROW:schema` in Parquet files: base64
 * of the encapsulated message. */
#ifndef KTKI_ARROW_IPC_SCHEMA_H
#define KTKI_ARROW_IPC_SCHEMA_H

#include "arrow/schema.h"
#include "base/buffer.h"

/** Decode an encapsulated schema message (with or without the 0xFFFFFFFF continuation). Every
 * offset is checked. */
ktk_status ktki_ipc_schema_decode(struct schema **out, ktk_context *context, const uint8_t *data,
                                  size_t size, ktk_error *err);

/** Append the encapsulated message, padded to 8 bytes, with continuation marker, as pyarrow writes
 * it. */
ktk_status ktki_ipc_schema_encode(const struct schema *schema, struct buffer *out, ktk_error *err);

#endif
