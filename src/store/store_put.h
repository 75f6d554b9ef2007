/** Values that are put as they are made, without ever being whole in memory. */
#ifndef KTKI_STORE_STORE_PUT_H
#define KTKI_STORE_STORE_PUT_H

#include <kartothek/store.h>

/** A put under way; for one thread at a time. */
struct store_put;

/**
 * Begin to put a value whose bytes follow. Nobody sees anything of it before it is finished, and
 * then all of it.
 *
 * S3 and Azure keep what comes up to a part (store/object_parts.h): a value that ends within it is
 * one plain put, and nothing is sent before. A larger one takes a part that is filled and those on
 * their way. A folder writes into its temporary file, and keeps nothing. Other stores, and S3 where
 * there is a condition, which not all services honour for parts, get the value as one put when it
 * is whole.
 *
 * @param condition as of ktk_store_put(); copied; judged when the value is finished
 * @return what ktk_store_put() returns before it asks the store: KTK_E_INVALID, KTK_E_READ_ONLY,
 * KTK_E_UNSUPPORTED
 */
ktk_status ktki_store_put_begin(struct store_put **out, ktk_store *store, const char *key,
                                const ktk_put_condition *condition, ktk_error *err);

/** More bytes; copied. After a failure the put can only be freed. */
ktk_status ktki_store_put_append(struct store_put *put, const void *data, size_t size,
                                 ktk_error *err);

/** Make the value visible; returns what ktk_store_put() returns. The put can only be freed
 * afterwards. `version` may be NULL. */
ktk_status ktki_store_put_finish(struct store_put *put, ktk_store_version *version, ktk_error *err);

/** What is not finished is given up: parts that were sent, and temporary files, are removed. NULL
 * is allowed. */
void ktki_store_put_free(struct store_put *put);

/**
 * Put what `source`, which may be the same store, has at `source_key`. What is large comes in
 * ranges and goes on in pieces, unless the source can only give whole values. It must not be
 * changed meanwhile.
 *
 * @param size of the value
 */
ktk_status ktki_store_transfer(ktk_store *store, const char *key, ktk_store *source,
                               const char *source_key, const ktk_put_condition *condition,
                               int64_t *size, ktk_error *err);

#endif
