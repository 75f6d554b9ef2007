/** What is alike for stores of objects behind HTTP: reading, looking, removing, listing. */
#ifndef KTKI_STORE_OBJECT_H
#define KTKI_STORE_OBJECT_H

#include <stdatomic.h>

#include "net/digest.h"
#include "net/exchange.h"
#include "store/backend.h"

struct object_store;

/** One call, with room for its texts; cleared with ktki_object_call_clear(). */
struct object_call {
    struct call call;
    struct buffer path;
    char what[256];
};

/** Where the answer of a list has what: paths of elements, as ktki_xml_read() tells them. */
struct object_list_format {
    const char *entry; /**< "ListBucketResult/Contents" */
    const char *key;   /**< below an entry, as the three that follow */
    const char *size;
    const char *modified;
    const char *version;
    bool is_http_date;    /**< else ISO 8601 */
    const char *encoding; /**< whose text is "url" if keys are encoded; NULL: they never are */
    const char *next;     /**< what the next call is to be sent */
    const char *next_param;
    const char *truncated;   /**< whose text is "true" if there is more; NULL: `next` tells */
    const char *after_param; /**< takes the last key in place of `next`, with `truncated` */
    const struct call_param *params; /**< of every call, beside prefix and `next_param` */
    size_t param_count;              /**< up to 4 */
};

/** The first member of a store's state. */
struct object_store {
    const ktk_allocator *allocator;
    const ktk_limits *limits;
    struct crypto_api crypto;
    struct exchanger *exchanger;
    const char *name;   /**< for messages, e.g. "s3://bucket" */
    const char *prefix; /**< of all keys: "" or "a/b/" */
    const char *root;   /**< path of the bucket or container, encoded, without a '/' at its end */
    const struct object_list_format *list;
    bool counts_from_start;        /**< it knows no ranges that are counted from the end */
    atomic_bool is_missing;        /**< bucket or container, by the last failure that was told */
    atomic_size_t bytes_in_flight; /**< of parts of objects that are put, see object_parts.h */
};

/**
 * Begin to describe a call about an object, or about the bucket if `key` is NULL. Parameters,
 * headers and body are the caller's to set.
 *
 * @param verb for messages, e.g. "get"
 */
ktk_status ktki_object_call_init(struct object_call *out, const struct object_store *store,
                                 const char *method, const char *verb, const char *key,
                                 ktk_error *err);
void ktki_object_call_clear(struct object_call *call);

/** What all stores of objects are set up with; see store_setup. */
struct store_setup ktki_object_setup(const ktk_store_ops *ops, enum key_space keys,
                                     void (*describe)(void *state, struct store_origin *out));

/** As the operations of ktk_store_ops and store_setup; the state is an object_store. */
ktk_status ktki_object_get(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                           ktk_error *err);
ktk_status ktki_object_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                 ktk_bytes *out, ktk_error *err);
ktk_status ktki_object_get_ranges(void *state, const char *key, const struct object_range *ranges,
                                  size_t count, ktk_bytes *out, ktk_error *err);
ktk_status ktki_object_get_end(void *state, const char *key, int64_t size, ktk_bytes *out,
                               int64_t *value_size, ktk_error *err);
ktk_status ktki_object_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err);
ktk_status ktki_object_remove(void *state, const char *key, ktk_error *err);
ktk_status ktki_object_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                            ktk_error *err);

/** Append the value of a Content-MD5 header, and a NUL. */
ktk_status ktki_object_md5(struct buffer *out, const struct object_store *store, const void *data,
                           size_t size, ktk_error *err);

/** A whole value in one call, with the digest of its bytes unless the signature has one. */
struct object_put {
    const char *key;
    const void *data;
    size_t size;
    bool is_signed; /**< so that bytes that change on their way are refused */
    bool must_not_exist;
    const char *matches;       /**< the ETag it must have, as the service wants it; NULL: any */
    struct http_header header; /**< of the service's own; no name: none */
    bool conflicts_pass;       /**< as in a call */
};

/**
 * Put it, once if it has a condition. `version` may be NULL.
 *
 * @param code HTTP status of the answer, 0: none; set in any case, as `why` is
 */
ktk_status ktki_object_put(struct object_store *store, const struct object_put *put,
                           ktk_store_version *version, int32_t *code, struct service_error *why,
                           ktk_error *err);

/** Make the bucket or container; that somebody else has made it meanwhile is no failure. The call
 * is described, and cleared by the caller. */
ktk_status ktki_object_make_root(struct object_store *store, const struct object_call *call,
                                 ktk_error *err);

/** The text of an ETag header as a version; empty if there is none or if it is too long. */
void ktki_object_version(const struct http_answer *answer, ktk_store_version *out);

/** Code and message of an error of S3 or Azure, which have the same form. */
void ktki_object_explain(struct object_store *store, const struct http_answer *answer,
                         struct service_error *out);

#endif
