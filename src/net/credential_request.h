/** What providers of credentials ask of services, and how they read what these say. */
#ifndef KTKI_NET_CREDENTIAL_REQUEST_H
#define KTKI_NET_CREDENTIAL_REQUEST_H

#include "net/credential_chain.h"
#include "net/sign_aws.h"

struct credential_request {
    const char *method;
    const char *url; /**< with its query, encoded */
    const struct http_header *headers;
    size_t header_count;
    const struct buffer *body;   /**< NULL: none */
    const struct aws_keys *keys; /**< NULL: not signed. Else `url` ends behind its host */
    const char *region;          /**< with `keys` */
    /** On this machine or beside it: asked without a proxy, and given up after a second. */
    bool is_near;
    int32_t timeout_ms; /**< instead of that second; 0: it stays */
    int32_t attempts;   /**< 0: 3 */
    const char *what;   /**< for messages, e.g. "assume role 'a'" */
};

/**
 * Ask, by the rules of exchange.h. What the service does not take (4xx) is KTK_E_DENIED.
 *
 * @param out to be cleared in any case; `out->status` is set
 */
ktk_status ktki_credential_request(const struct credential_chain *chain,
                                   const struct credential_request *request,
                                   struct http_answer *out, ktk_error *err);

/**
 * Members of a JSON object that are texts or numbers, NULL for those that are not there, null,
 * empty or of another kind; `out` holds NULLs before, and is to be freed in any case. KTK_E_IO for
 * what is no such object; the message does not quote it.
 */
ktk_status ktki_credential_members(const struct credential_chain *chain, const void *data,
                                   size_t size, const char *const *names, char **out, size_t count,
                                   const char *what, ktk_error *err);

void ktki_credential_free_texts(const struct credential_chain *chain, char **texts, size_t count);

/** "2024-05-01T12:00:00Z" in milliseconds; NULL: never. KTK_E_IO for anything else. */
ktk_status ktki_credential_expiry(const char *text, int64_t *out, ktk_error *err);

/** May secrets be sent there? HTTPS, and HTTP to this machine and to the addresses at which AWS'
 * container services are. */
bool ktki_credential_is_safe(const char *url);

/** Value of a variable of the environment; NULL where it is empty. */
const char *ktki_credential_environment(const char *name);

/** Append "name=value" to a form, encoded, with '&' before all but the first. NULL: nothing. */
ktk_status ktki_credential_form(struct buffer *form, const char *name, const char *value,
                                ktk_error *err);

#endif
