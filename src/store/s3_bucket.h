/** What the parts of the S3 store share: a bucket, and calls to it. */
#ifndef KTKI_STORE_S3_BUCKET_H
#define KTKI_STORE_S3_BUCKET_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/aws_credentials.h"
#include "store/object_parts.h"
#include "store/s3_settings.h"

#define KTKI_S3_REGION_SIZE 64

/** Whoever compares ETags without their quotes takes no others (Ceph, DigitalOcean). */
enum etag_form { ETAG_UNKNOWN, ETAG_QUOTED, ETAG_BARE };

struct s3_bucket {
    struct object_store objects;
    struct s3_settings settings;
    char *name; /**< "s3://bucket/prefix" */
    char *root;
    struct aws_credentials *credentials;
    pthread_mutex_t lock;
    char region[KTKI_S3_REGION_SIZE]; /**< under the lock, as the one below */
    char last_access_key[128];        /**< that a request was signed with */
    _Atomic int etag_form;            /**< an etag_form */
    atomic_bool has_tried_to_make;
    atomic_bool has_no_copies;  /**< the service copies nothing for us */
    atomic_bool has_no_batches; /**< objects can be removed one by one alone */
};

ktk_status ktki_s3_bucket_new(struct s3_bucket **out, const ktk_allocator *allocator,
                              const ktk_limits *limits, const struct store_url *url,
                              ktk_error *err);

/** NULL is allowed. */
void ktki_s3_bucket_free(struct s3_bucket *bucket);

/** The region that calls go to now. */
void ktki_s3_region(struct s3_bucket *bucket, char out[KTKI_S3_REGION_SIZE]);

/** As `put` of ktk_store_ops; the state is a bucket. */
ktk_status ktki_s3_put(void *state, const char *key, const void *data, size_t size,
                       const ktk_put_condition *condition, ktk_store_version *version,
                       ktk_error *err);

/** Is the failure that the bucket is not there, and ours to make? True once. */
bool ktki_s3_lacks_bucket(struct s3_bucket *bucket, ktk_status status,
                          const struct service_error *why);
ktk_status ktki_s3_make_bucket(struct s3_bucket *bucket, ktk_error *err);

/** The parts of an object in a bucket. */
extern const struct object_parts_ops ktki_s3_parts;

/** As the operation of store_setup; the state is an s3_bucket. */
ktk_status ktki_s3_remove_many(void *state, struct removal *removals, size_t count, ktk_error *err);

/** As the operation of store_setup; both states are an s3_bucket. */
ktk_status ktki_s3_copy(void *state, const char *key, void *source_state, const char *source_key,
                        int64_t *size, ktk_error *err);

/**
 * Mark what the answer to a removal of several objects says is gone.
 *
 * @param prefix of the keys in the answer
 * @return KTK_E_DENIED if some must not be removed, about one of them; KTK_E_CORRUPT and
 * KTK_E_LIMIT as ktki_xml_read(), with none marked
 */
ktk_status ktki_s3_read_removals(const ktk_allocator *allocator, const char *prefix,
                                 const struct http_answer *answer, struct removal *removals,
                                 size_t count, ktk_error *err);

#endif
