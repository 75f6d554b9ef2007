/** XML answers of S3 and Azure, by expat, which is loaded when it is needed. */
#ifndef KTKI_NET_XML_H
#define KTKI_NET_XML_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stddef.h>

#include "base/buffer.h"

#define KTKI_XML_DEPTH_MAX 32

/**
 * Called at the end of each element, with the names from the root on joined by '/', as in
 * "ListBucketResult/Contents/Key", and the text directly inside: of those with elements inside what
 * stands between these. A status other than KTK_OK ends the reading and is returned.
 */
typedef ktk_status (*xml_element_fn)(void *state, const char *path, const char *text,
                                     ktk_error *err);

/**
 * Read a document. KTK_E_CORRUPT if it is none, with the line; KTK_E_LIMIT for depth, or texts and
 * paths of more than 64 KiB; document types and entities of one's own are refused as KTK_E_CORRUPT.
 */
ktk_status ktki_xml_read(const ktk_allocator *allocator, const void *data, size_t size,
                         xml_element_fn fn, void *state, ktk_error *err);

/** Append a text as it stands in an element. What XML cannot say is appended as if it could. */
ktk_status ktki_xml_append_text(struct buffer *out, const char *text, ktk_error *err);

#endif
