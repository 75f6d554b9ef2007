/**
 * Keys and tokens for Azure Storage: given, environment (key, shared access signature), workload
 * identity, managed identity of a service, client secret, managed identity of the machine, az. They
 * are looked up when they are first wanted, and again before they expire; the first place that is
 * set up decides, and what fails there is told. docs/credentials.md has the variables.
 */
#ifndef KTKI_NET_AZURE_CREDENTIALS_H
#define KTKI_NET_AZURE_CREDENTIALS_H

#include "base/retry.h"
#include "net/http.h"
#include "net/sign_azure.h"

struct azure_credentials;

/** Texts are copied; NULL: not given. */
struct azure_credentials_options {
    const char *account;
    const char *key; /**< base64 */
    const char *sas; /**< with or without '?'; not used beside a key */
    const char
        *given_as; /**< what `key` and `sas` were taken from, a constant text; NULL: "given" */
    bool is_anonymous;
    const struct http_options *http; /**< NULL: the defaults. Borrowed during the call */
    const struct time_source *clock; /**< NULL: the system's. Must outlive them */
};

/** Nothing is fetched yet. KTK_E_INVALID for a key that is no base64. May be shared between
 * threads. `allocator` must outlive it. */
ktk_status ktki_azure_credentials_new(struct azure_credentials **out,
                                      const ktk_allocator *allocator,
                                      const struct azure_credentials_options *options,
                                      ktk_error *err);

/** NULL is allowed. */
void ktki_azure_credentials_free(struct azure_credentials *credentials);

/** What is good now; `out`'s texts are copied into `space`, which must be empty, but for the
 * account, which is that of `credentials`. Anonymous: there is nothing but the account.
 * KTK_E_DENIED if there is nothing anywhere: the message names the places that were looked at,
 * never a value. */
ktk_status ktki_azure_credentials_get(struct azure_credentials *credentials, struct azure_keys *out,
                                      struct buffer *space, ktk_error *err);

/** The service did not take the last token: fetch another. False: there is none, or the same. */
bool ktki_azure_credentials_renew(struct azure_credentials *credentials);

/** Where they came from that were handed out last, e.g. "managed identity"; a constant text, "none"
 * before and for what is anonymous. */
const char *ktki_azure_credentials_source(struct azure_credentials *credentials);

#endif
