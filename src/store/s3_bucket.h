/** What the parts of the S3 store share: a bucket, and calls to it. */
#ifndef KTKI_STORE_S3_BUCKET_H
#define KTKI_STORE_S3_BUCKET_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/aws_credentials.h"
#include "net/exchange.h"
#include "store/backend.h"
#include "store/s3_settings.h"

/** Whoever compares ETags without their quotes takes no others (Ceph, DigitalOcean). */
enum etag_form { ETAG_UNKNOWN, ETAG_QUOTED, ETAG_BARE };

struct s3_bucket {
    const ktk_allocator *allocator;
    const ktk_limits *limits;
    struct s3_settings settings;
    char *name; /**< "s3://bucket/prefix" */
    struct crypto_api crypto;
    struct aws_credentials *credentials;
    struct exchanger *exchanger;
    pthread_mutex_t lock;
    char region[64];           /**< under the lock, as the one below */
    char last_access_key[128]; /**< that a request was signed with */
    _Atomic int etag_form;     /**< an etag_form */
    atomic_bool has_tried_to_make;
};

ktk_status ktki_s3_bucket_new(struct s3_bucket **out, const ktk_allocator *allocator,
                              const ktk_limits *limits, const struct store_url *url,
                              ktk_error *err);

/** NULL is allowed. */
void ktki_s3_bucket_free(struct s3_bucket *bucket);

/** Room for one call; cleared with ktki_s3_call_clear(). */
struct s3_call {
    struct call call;
    struct buffer path;
    char what[256];
};

/**
 * A call about an object, or about the bucket if `key` is NULL. Parameters, headers and body are
 * the caller's to set.
 *
 * @param verb for messages, e.g. "get"
 */
ktk_status ktki_s3_call_init(struct s3_call *out, const struct s3_bucket *bucket,
                             const char *method, const char *verb, const char *key, ktk_error *err);
void ktki_s3_call_clear(struct s3_call *call);

/** Put `data` in parts, several at a time. */
ktk_status ktki_s3_put_parts(struct s3_bucket *bucket, const char *key, const void *data,
                             size_t size, ktk_store_version *version, ktk_error *err);

/** As ktk_store_ops.list. */
ktk_status ktki_s3_list(struct s3_bucket *bucket, const char *prefix, ktk_store_list_fn fn,
                        void *fn_state, ktk_error *err);

/** The text of an ETag header as a version; empty if there is none or if it is too long. */
void ktki_s3_version(const struct http_answer *answer, ktk_store_version *out);

#endif
