/**
 * Requests to a service: signed anew for each attempt, sent again where that is safe, and its
 * answers told as a ktk_status. This is the only place that sends again.
 */
#ifndef KTKI_NET_EXCHANGE_H
#define KTKI_NET_EXCHANGE_H

#include "base/retry.h"
#include "net/http.h"

#define KTKI_WAIT_ASKED_MAX_MS 60000

struct exchanger;
struct exchange;

/** A parameter of a query; not encoded. */
struct call_param {
    const char *name;
    const char *value; /**< "" for one without a value */
};

/** What is asked; borrowed until it is finished. Headers of the service's signature, Host and
 * Content-Length are added. */
struct call {
    const char *method;
    const char *path; /**< from '/', percent-encoded */
    const struct call_param *params;
    size_t param_count;
    const struct http_header *headers;
    size_t header_count;
    const void *body; /**< NULL: none */
    size_t body_size;
    size_t answer_bytes_max; /**< 0: no bound */
    /**
     * Sent once, on a new connection, since it could be carried out twice: a put with a condition.
     * Only what nobody can have heard is sent again, and no answer at all is KTK_E_UNAVAILABLE.
     */
    bool is_once;
    bool conflicts_pass; /**< a 409 is about others who write just now: it is sent again */
    const char *what;    /**< for messages, e.g. "get 'd/table/a.parquet'" */
};

/** What the signer writes; headers' texts and the query live in `space`. */
struct signed_call {
    struct http_header headers[16]; /**< all but those of the call */
    size_t header_count;
    struct buffer url; /**< scheme, authority, path and query as signed, NUL-terminated */
    struct buffer space;
};

/** What an answer that is no success says, in the service's words. */
struct service_error {
    char code[64];
    char message[256];
};

/** One kind of service. `state` may be used by several threads at once. */
struct service_ops {
    /**
     * Fill `out` for one attempt.
     *
     * @param now_ms the service's clock as far as it is known
     */
    ktk_status (*sign)(void *state, const struct call *call, int64_t now_ms,
                       struct signed_call *out, ktk_error *err);
    /** Read code and message out of an answer; both are empty before. */
    void (*explain)(void *state, const struct http_answer *answer, struct service_error *out);
    /**
     * The service refused: change what a next attempt is signed with - credentials, a region.
     * False: there is nothing to change. Not asked about answers that time may change. NULL: there
     * never is.
     */
    bool (*adapt)(void *state, const struct http_answer *answer, const struct service_error *error);
    /** Where the keys are from that requests are signed with, for messages; "none": there are none.
     * NULL: it is not told. */
    const char *(*source)(void *state);
};

struct exchanger_options {
    struct http_options http;
    const struct time_source *clock; /**< NULL: the system's */
    struct retry_limits limits;      /**< zeros stand for 5 attempts, 180 s, 100 ms, 20 s */
};

/** May be shared between threads. `allocator`, `ops` and `state` must outlive it. */
ktk_status ktki_exchanger_new(struct exchanger **out, const ktk_allocator *allocator,
                              const struct service_ops *ops, void *state,
                              const struct exchanger_options *options, ktk_error *err);

/** Every exchange must be finished. NULL is allowed. */
void ktki_exchanger_free(struct exchanger *exchanger);

/** Begin; the first attempt goes on by itself. Finish or cancel it exactly once. */
ktk_status ktki_exchange_start(struct exchanger *exchanger, const struct call *call,
                               struct exchange **out, ktk_error *err);

/**
 * Wait for the answer, try again where that helps, and free the exchange.
 *
 * Every 2xx is KTK_OK. Else, with `err->detail` the HTTP status: 404 KTK_E_NOT_FOUND; 401 and 403
 * KTK_E_DENIED; 409 and 412 KTK_E_CONFLICT; 304 and 416 KTK_E_INVALID; 408, 429 and 5xx
 * KTK_E_UNAVAILABLE but 501 KTK_E_UNSUPPORTED; others KTK_E_IO. `out->status` is set in any case;
 * nothing else of it has to be cleared after an error.
 */
ktk_status ktki_exchange_finish(struct exchange *exchange, struct http_answer *out,
                                struct service_error *why, ktk_error *err);

/** NULL is allowed. */
void ktki_exchange_cancel(struct exchange *exchange);

/** Start and finish. `why` may be NULL, here and above. */
ktk_status ktki_exchange(struct exchanger *exchanger, const struct call *call,
                         struct http_answer *out, struct service_error *why, ktk_error *err);

/** What an answer asks to be waited for before the next attempt, in milliseconds up to
 * KTKI_WAIT_ASKED_MAX_MS; 0: nothing. */
int64_t ktki_exchange_wait_asked_ms(const struct http_answer *answer);

/** Milliseconds by which the service's clock is ahead of ours, as its answers tell. */
int64_t ktki_exchanger_clock_ahead_ms(struct exchanger *exchanger);

#endif
