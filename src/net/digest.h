/** Digests of signatures, by OpenSSL's libcrypto, which is loaded when it is needed. */
#ifndef KTKI_NET_DIGEST_H
#define KTKI_NET_DIGEST_H

#include <kartothek/error.h>

#include "base/buffer.h"

#define KTKI_SHA256_SIZE 32
#define KTKI_MD5_SIZE 16

/** What is used of libcrypto; the types are opaque there, too. */
struct crypto_api {
    const void *(*sha256)(void);
    const void *(*md5)(void);
    int (*digest)(const void *data, size_t size, unsigned char *out, unsigned *out_size,
                  const void *kind, void *engine);
    unsigned char *(*hmac)(const void *kind, const void *key, int key_size,
                           const unsigned char *data, size_t size, unsigned char *out,
                           unsigned *out_size);
};

/** KTK_E_UNSUPPORTED if it is not installed. */
ktk_status ktki_crypto_api_load(struct crypto_api *out, ktk_error *err);

ktk_status ktki_sha256(const struct crypto_api *api, const void *data, size_t size,
                       uint8_t out[KTKI_SHA256_SIZE], ktk_error *err);
ktk_status ktki_md5(const struct crypto_api *api, const void *data, size_t size,
                    uint8_t out[KTKI_MD5_SIZE], ktk_error *err);
/** `key_size` below 2 GiB. */
ktk_status ktki_hmac_sha256(const struct crypto_api *api, const void *key, size_t key_size,
                            const void *data, size_t size, uint8_t out[KTKI_SHA256_SIZE],
                            ktk_error *err);

/** Lower-case hexadecimal digits and a NUL: 2 * size + 1 characters. */
void ktki_hex_encode(const uint8_t *data, size_t size, char *out);

#endif
