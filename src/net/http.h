/**
 * HTTP requests, several at a time. Each is sent once and answered or not; who asks again, and
 * when, is retry.h's business.
 */
#ifndef KTKI_NET_HTTP_H
#define KTKI_NET_HTTP_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <kartothek/types.h>

#include "base/buffer.h"

struct http_client;
struct http_transfer;

struct http_header {
    const char *name;
    const char *value; /**< no line ends */
};

/** Borrowed until the transfer is finished, the texts too. */
struct http_request {
    const char *method; /**< "GET", "HEAD", "PUT", "POST", "DELETE" */
    const char *url;    /**< http or https, percent-encoded */
    const struct http_header *headers;
    size_t header_count;
    const void *body; /**< sent with Content-Length if not NULL */
    size_t body_size;
    size_t answer_bytes_max;   /**< of the answer's body; more is KTK_E_LIMIT. 0: no bound */
    int32_t timeout_ms;        /**< for the whole exchange; 0: only a stall ends it */
    bool is_on_new_connection; /**< not on one that has been used: libcurl sends again by itself
                                  what was lost on a used one, and a commit must not be sent twice
                                  unseen */
};

/** Why there is no whole answer. */
enum http_failure {
    KTKI_HTTP_ANSWERED,    /**< there is */
    KTKI_HTTP_UNREACHABLE, /**< no connection: the server has heard nothing */
    KTKI_HTTP_LOST,        /**< the connection ended or stalled; the server may have acted */
    KTKI_HTTP_UNTRUSTED,   /**< TLS failed: certificate, name or protocol */
    KTKI_HTTP_REFUSED      /**< for good: an answer over the limit, no memory, a bad URL */
};

/** An answer. Cleared with ktki_http_answer_clear(); a zeroed one may be cleared too. */
struct http_answer {
    int32_t status;            /**< 100 … 599; 0: none came */
    enum http_failure failure; /**< with an error, also when `status` is there */
    int64_t waited_ms;         /**< since its headers came, for whoever takes it */
    struct buffer headers;     /**< for ktki_http_answer_header() */
    struct buffer body;
};

struct http_options {
    size_t connections_max;     /**< open at a time; 0: 64 */
    int32_t connect_timeout_ms; /**< 0: 5,000 */
    int32_t stall_timeout_ms;   /**< no byte either way for so long ends it; 0: 20,000; whole
                                   seconds */
    const char *ca_file;        /**< certificates to trust; NULL: the system's. Copied */
    bool trusts_anybody;        /**< certificates are not checked */
    bool is_direct;             /**< no proxy: what is asked is on this machine */
};

/**
 * A client has a thread of its own, on which the transfers of all callers go on at the same time;
 * proxies are taken from the environment as curl does. May be shared between threads, and be used
 * on in a child of fork(), which opens connections of its own. `allocator` must outlive it.
 *
 * @param options NULL for the defaults.
 */
ktk_status ktki_http_client_new(struct http_client **out, const ktk_allocator *allocator,
                                const struct http_options *options, ktk_error *err);

/** Every transfer must be finished. NULL is allowed. */
void ktki_http_client_free(struct http_client *client);

/** Begin; the transfer goes on by itself. Finish it exactly once. */
ktk_status ktki_http_start(struct http_client *client, const struct http_request *request,
                           struct http_transfer **out, ktk_error *err);

/**
 * Wait for the end of a transfer and free it.
 *
 * @return KTK_OK for every whole answer, whatever its status is. KTK_E_UNAVAILABLE if there is none
 * for UNREACHABLE and LOST, KTK_E_IO for UNTRUSTED, KTK_E_LIMIT, KTK_E_NO_MEMORY, KTK_E_INVALID
 * else. `out->failure` and `out->status` are set in any case, and nothing else of it has to be
 * cleared after an error. Messages name method and host, never a path, a query or a header.
 */
ktk_status ktki_http_finish(struct http_transfer *transfer, struct http_answer *out,
                            ktk_error *err);

/** End a transfer that nobody waits for any more, and free it. NULL is allowed. */
void ktki_http_cancel(struct http_transfer *transfer);

/** Both in one. */
ktk_status ktki_http_send(struct http_client *client, const struct http_request *request,
                          struct http_answer *out, ktk_error *err);

/** Take a line of an answer's head, as it came: the status line of each answer, of which the last
 * one's headers count, or a header. What is none, or has a NUL in it, is passed over. */
ktk_status ktki_http_answer_take_line(struct http_answer *answer, const char *line, size_t size,
                                      ktk_error *err);

/** Value of a header of the answer, `name` in lower case; the last of several; NULL: none.
 * Borrowed. */
const char *ktki_http_answer_header(const struct http_answer *answer, const char *name);

void ktki_http_answer_clear(struct http_answer *answer);

#endif
