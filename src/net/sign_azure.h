/** Azure's Shared Key, shared access signatures and bearer tokens. Source: "Authorize with Shared
 * Key", Azure Storage REST API Reference. */
#ifndef KTKI_NET_SIGN_AZURE_H
#define KTKI_NET_SIGN_AZURE_H

#include "net/digest.h"
#include "net/exchange.h"

/** One of `key`, `sas` and `token`; none: not signed, for containers that anybody may read. */
struct azure_keys {
    const char *account;
    const void *key; /**< decoded from base64; NULL: none */
    size_t key_size;
    const char *sas;   /**< "sv=…&sig=…", encoded, without '?'; NULL: none */
    const char *token; /**< of OAuth 2; NULL: none */
};

/**
 * Write URL and signing headers of a call into `out`: x-ms-date, x-ms-version, Authorization.
 *
 * @param base "https://account.blob.core.windows.net", or with the account as path where the host
 * is not its own; the path of the call follows
 */
ktk_status ktki_sign_azure(const struct crypto_api *crypto, const char *base,
                           const struct azure_keys *keys, const struct call *call, int64_t now_ms,
                           const ktk_allocator *allocator, struct signed_call *out, ktk_error *err);

/** The same of a request in a batch of them, whose version is that of the batch: without
 * x-ms-version. */
ktk_status ktki_sign_azure_part(const struct crypto_api *crypto, const char *base,
                                const struct azure_keys *keys, const struct call *call,
                                int64_t now_ms, const ktk_allocator *allocator,
                                struct signed_call *out, ktk_error *err);

#endif
