#include "net/digest.h"

#include "base/error.h"
#include "net/shared_library.h"

ktk_status ktki_crypto_api_load(struct crypto_api *out, ktk_error *err) {
    static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", NULL};
    struct crypto_api api = {0};
    const struct library_symbol symbols[] = {
        {"EVP_sha256", &api.sha256},
        {"EVP_md5", &api.md5},
        {"EVP_Digest", &api.digest},
        {"HMAC", &api.hmac},
    };
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_library_load(names, "stores in S3 and Azure", "libssl3", symbols,
                               sizeof(symbols) / sizeof(symbols[0]), err));
    *out = api;
out:
    return status;
}

static ktk_status digest(const struct crypto_api *api, const void *kind, const char *name,
                         const void *data, size_t size, uint8_t *out, ktk_error *err) {
    if (kind == NULL || api->digest(data, size, out, NULL, kind, NULL) != 1) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "libcrypto does not make %s digests here",
                             name);
    }
    return KTK_OK;
}

ktk_status ktki_sha256(const struct crypto_api *api, const void *data, size_t size,
                       uint8_t out[KTKI_SHA256_SIZE], ktk_error *err) {
    return digest(api, api->sha256(), "SHA-256", data, size, out, err);
}

ktk_status ktki_md5(const struct crypto_api *api, const void *data, size_t size,
                    uint8_t out[KTKI_MD5_SIZE], ktk_error *err) {
    return digest(api, api->md5(), "MD5", data, size, out, err);
}

ktk_status ktki_hmac_sha256(const struct crypto_api *api, const void *key, size_t key_size,
                            const void *data, size_t size, uint8_t out[KTKI_SHA256_SIZE],
                            ktk_error *err) {
    unsigned out_size = KTKI_SHA256_SIZE;

    if (key_size > INT32_MAX ||
        api->hmac(api->sha256(), key, (int)key_size, data, size, out, &out_size) == NULL) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "libcrypto does not make HMACs here");
    }
    return KTK_OK;
}

void ktki_hex_encode(const uint8_t *data, size_t size, char *out) {
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = "0123456789abcdef"[data[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
    }
    out[2 * size] = '\0';
}
