/** The files a document is stored in: JSON text, or the same as MessagePack in a frame of ZSTD
 * (dataset.md 2.7). */
#ifndef KTKI_DATASET_DOCUMENT_FILE_H
#define KTKI_DATASET_DOCUMENT_FILE_H

#include <kartothek/dataset.h>

#include "base/buffer.h"

/** What follows the uuid in the key of a document's file. */
const char *ktki_document_suffix(ktk_document_format format);

/**
 * Read the document of a dataset as JSON text, from the JSON file or else the other one.
 *
 * @param version of the file that was read.
 * @return KTK_E_NOT_FOUND, naming both keys; KTK_E_LIMIT for a file that holds more than the
 * context allows, or far more than its size explains.
 */
ktk_status ktki_document_load(ktk_bytes *text, ktk_document_format *format,
                              ktk_store_version *version, ktk_store *store, const char *uuid,
                              ktk_error *err);

/** Read the file in one of the formats, whatever there is in the other. KTK_E_NOT_FOUND names its
 * key. */
ktk_status ktki_document_load_format(ktk_bytes *text, ktk_store_version *version, ktk_store *store,
                                     const char *uuid, ktk_document_format format, ktk_error *err);

/** Append the bytes of the file that stores a document given as JSON text. */
ktk_status ktki_document_pack(struct buffer *out, ktk_document_format format, const char *json,
                              size_t size, ktk_error *err);

#endif
