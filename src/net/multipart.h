/** Answers that hold others: multipart/mixed of application/http, in which batches of requests are
 * answered. Source: RFC 2046, 5.1; "Blob Batch", Azure Storage REST API Reference. */
#ifndef KTKI_NET_MULTIPART_H
#define KTKI_NET_MULTIPART_H

#include <kartothek/error.h>

/** One of the answers: whose it is, by its Content-ID, and its HTTP status. */
typedef void (*ktki_part_fn)(void *state, int64_t id, int32_t status);

/**
 * Tell of the answers one by one; those that do not say whose they are, or have no status, are
 * passed over.
 *
 * @param content_type of the whole, with the boundary; NULL: there was none
 * @return KTK_E_CORRUPT if it is nothing of the kind, or without its end: what was told of does not
 * count then
 */
ktk_status ktki_multipart_read(const char *content_type, const void *data, size_t size,
                               ktki_part_fn fn, void *state, ktk_error *err);

#endif
