/**
 * Credentials from the first of several providers that has any, kept until shortly before they
 * expire. What is common to AWS and Azure.
 */
#ifndef KTKI_NET_CREDENTIAL_CHAIN_H
#define KTKI_NET_CREDENTIAL_CHAIN_H

#include <pthread.h>

#include "base/retry.h"
#include "base/secret.h"
#include "net/http.h"

#define KTKI_CREDENTIAL_TEXTS 3

/** Credentials never end. */
#define KTKI_CREDENTIAL_LASTS INT64_MAX

struct credential_chain;

/** What the texts are, the service's own know: of AWS access key, secret key and session token. */
struct credential {
    char *texts[KTKI_CREDENTIAL_TEXTS]; /**< by the chain's allocator; NULL: none */
    int64_t expires_ms;                 /**< KTKI_CREDENTIAL_LASTS unless it is told */
    const char *source; /**< a constant text; the provider's name unless it is set */
};

struct credential_provider {
    const char *name;    /**< "web identity" */
    const char *absence; /**< where it looks, "no web identity (AWS_WEB_IDENTITY_TOKEN_FILE)" */
    /**
     * Fill `out`, which is empty. KTK_OK without a text: there is nothing here, the next one is
     * asked. An error ends the search: what is set up, but fails, must not be replaced by somebody
     * else's identity. What `out` holds then is freed by the caller.
     */
    ktk_status (*fetch)(const struct credential_chain *chain, struct credential *out,
                        ktk_error *err);
};

struct credential_chain_options {
    const struct credential_provider *providers; /**< constant, in the order they are asked */
    size_t provider_count;
    const char *subject;             /**< of messages: "there are no <subject>: …" */
    void *state;                     /**< the providers', used by one thread at a time */
    const struct http_options *http; /**< NULL: the defaults. Copied */
    const struct time_source *clock; /**< NULL: the system's */
};

/** Must stay where it is. */
struct credential_chain {
    struct secret_allocator secrets;
    const ktk_allocator *allocator; /**< that of `secrets`: for all that may hold one */
    struct credential_chain_options options;
    struct http_options http;
    char *ca_file;
    pthread_mutex_t lock;
    pthread_cond_t is_fetched;
    bool is_fetching; /**< under the lock, as all below */
    bool is_there;
    struct credential now;
    int64_t refresh_ms;      /**< when others are to be fetched */
    int64_t renewed_ms;      /**< when others came after a refusal; 0: never */
    uint64_t fetches;        /**< that have ended */
    ktk_status fetch_status; /**< of the last one, with its error */
    ktk_error fetch_error;
};

/** Nothing is fetched yet. After an error, too, it has to be cleared. */
ktk_status ktki_credential_chain_init(struct credential_chain *chain,
                                      const ktk_allocator *allocator,
                                      const struct credential_chain_options *options,
                                      ktk_error *err);

/** Nobody may use it any more. A zeroed one is allowed. */
void ktki_credential_chain_clear(struct credential_chain *chain);

/** Keep a text that was given; NULL and "" are none. `*out` is NULL before. */
ktk_status ktki_credential_keep(const struct credential_chain *chain, const char *text, char **out,
                                ktk_error *err);

/**
 * What is good now, copied into `space`, which is empty; `texts` point there, NULL: none. One
 * thread fetches; others go on with what is still good, or wait.
 *
 * @return KTK_E_DENIED if no provider has any.
 */
ktk_status ktki_credential_chain_get(struct credential_chain *chain,
                                     const char *texts[KTKI_CREDENTIAL_TEXTS], struct buffer *space,
                                     ktk_error *err);

/** The service refused those whose first text is `refused`; NULL: the present ones. True: others
 * are there now; within a second many refusals fetch once. */
bool ktki_credential_chain_renew(struct credential_chain *chain, const char *refused);

/** Of what was handed out last; "none" before. */
const char *ktki_credential_chain_source(struct credential_chain *chain);

#endif
