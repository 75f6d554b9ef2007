/** AWS Signature Version 4, with the digest of the body signed. Source: "Authenticating Requests:
 * Using the Authorization Header", Amazon S3 API Reference. */
#ifndef KTKI_NET_SIGN_AWS_H
#define KTKI_NET_SIGN_AWS_H

#include "net/digest.h"
#include "net/exchange.h"

struct aws_keys {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /**< NULL: none */
};

/** Where a call goes. */
struct aws_endpoint {
    const char *scheme;    /**< "https" or "http" */
    const char *authority; /**< host, and port where it is not the scheme's */
    const char *region;
    const char *service; /**< "s3", "sts" */
};

/**
 * Write URL and signing headers of a call into `out`: x-amz-date, x-amz-content-sha256,
 * x-amz-security-token, Authorization. All headers of the call are signed.
 *
 * @param keys NULL: not signed, for buckets that anybody may read
 */
ktk_status ktki_sign_aws(const struct crypto_api *crypto, const struct aws_endpoint *endpoint,
                         const struct aws_keys *keys, const struct call *call, int64_t now_ms,
                         const ktk_allocator *allocator, struct signed_call *out, ktk_error *err);

#endif
