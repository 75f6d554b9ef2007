#include "net/sign_aws.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/time_format.h"
#include "net/url_encode.h"

#define HEADERS_MAX 24
#define HEX_SIZE (2 * KTKI_SHA256_SIZE + 1)

/* Everything of one signature. Headers in the order in which they are signed. */
struct signing {
    const struct crypto_api *crypto;
    const struct aws_endpoint *endpoint;
    const struct aws_keys *keys;
    const struct call *call;
    char date[17]; /* 20130524T000000Z; the day is its first eight characters */
    char body_hash[HEX_SIZE];
    struct http_header headers[HEADERS_MAX];
    size_t header_count;
    struct buffer names; /* "host;x-amz-date" */
    struct buffer text;  /* the canonical request, then the string to sign */
};

static void format_date(int64_t now_ms, char out[17]) {
    int64_t seconds = now_ms / 1000;
    int64_t year = 0;
    int32_t month = 0;
    int32_t day = 0;

    ktki_civil_from_days(seconds / 86400, &year, &month, &day);
    (void)snprintf(out, 17, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)(year % 10000),
                   (unsigned)month % 100, (unsigned)day % 100, (unsigned)(seconds / 3600 % 24),
                   (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

static int compare_headers(const void *a, const void *b) {
    return strcasecmp(((const struct http_header *)a)->name, ((const struct http_header *)b)->name);
}

static ktk_status collect_headers(struct signing *signing, ktk_error *err) {
    const struct call *call = signing->call;
    const struct http_header fixed[] = {
        {"host", signing->endpoint->authority},
        {"x-amz-content-sha256", signing->body_hash},
        {"x-amz-date", signing->date},
        {"x-amz-security-token", signing->keys->session_token},
    };
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (fixed[i].value != NULL) {
            signing->headers[signing->header_count++] = fixed[i];
        }
    }
    if (call->header_count > HEADERS_MAX - signing->header_count) {
        KTKI_FAIL(err, KTK_E_INTERNAL, "a call has %zu headers", call->header_count);
    }
    for (size_t i = 0; i < call->header_count; i++) {
        signing->headers[signing->header_count++] = call->headers[i];
    }
    qsort(signing->headers, signing->header_count, sizeof(signing->headers[0]), compare_headers);
out:
    return status;
}

/* `query` is what ktki_query_append() made. */
static ktk_status write_request(struct signing *signing, const char *query, ktk_error *err) {
    struct buffer *text = &signing->text;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_format(text, err, "%s\n%s\n%s\n", signing->call->method,
                                       signing->call->path, query));
    for (size_t i = 0; i < signing->header_count; i++) {
        KTKI_TRY(ktki_buffer_append_lower(text, signing->headers[i].name,
                                          strlen(signing->headers[i].name), err));
        KTKI_TRY(ktki_buffer_append_format(text, err, ":%s\n", signing->headers[i].value));
        KTKI_TRY(i == 0 ? KTK_OK : ktki_buffer_append_byte(&signing->names, ';', err));
        KTKI_TRY(ktki_buffer_append_lower(&signing->names, signing->headers[i].name,
                                          strlen(signing->headers[i].name), err));
    }
    KTKI_TRY(ktki_buffer_append_byte(&signing->names, '\0', err));
    KTKI_TRY(ktki_buffer_append_format(text, err, "\n%s\n%s", (const char *)signing->names.data,
                                       signing->body_hash));
out:
    return status;
}

static ktk_status derive_key(const struct signing *signing, uint8_t key[KTKI_SHA256_SIZE],
                             ktk_error *err) {
    const char *steps[] = {signing->endpoint->region, signing->endpoint->service, "aws4_request"};
    struct buffer first;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&first, signing->text.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&first, err, "AWS4%s", signing->keys->secret_key));
    KTKI_TRY(ktki_hmac_sha256(signing->crypto, first.data, first.size, signing->date, 8, key, err));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint8_t next[KTKI_SHA256_SIZE];

        KTKI_TRY(ktki_hmac_sha256(signing->crypto, key, KTKI_SHA256_SIZE, steps[i],
                                  strlen(steps[i]), next, err));
        memcpy(key, next, KTKI_SHA256_SIZE);
        explicit_bzero(next, sizeof(next));
    }
out:
    ktki_buffer_clear(&first);
    return status;
}

/* Turns the canonical request in `text` into the signature. */
static ktk_status sign_text(struct signing *signing, char signature[HEX_SIZE], ktk_error *err) {
    uint8_t digest[KTKI_SHA256_SIZE];
    uint8_t key[KTKI_SHA256_SIZE];
    char hash[HEX_SIZE];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_sha256(signing->crypto, signing->text.data, signing->text.size, digest, err));
    ktki_hex_encode(digest, sizeof(digest), hash);
    signing->text.size = 0;
    KTKI_TRY(ktki_buffer_append_format(
        &signing->text, err, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n%s", signing->date,
        signing->date, signing->endpoint->region, signing->endpoint->service, hash));
    KTKI_TRY(derive_key(signing, key, err));
    KTKI_TRY(ktki_hmac_sha256(signing->crypto, key, sizeof(key), signing->text.data,
                              signing->text.size, digest, err));
    ktki_hex_encode(digest, sizeof(digest), signature);
out:
    explicit_bzero(key, sizeof(key));
    return status;
}

/* Keeps a text in `out->space`; its place is told, since the space may move. */
static ktk_status keep(struct signed_call *out, const char *text, size_t *place, ktk_error *err) {
    ktk_status status = KTK_OK;

    *place = out->space.size;
    KTKI_TRY(ktki_buffer_append(&out->space, text, strlen(text) + 1, err));
out:
    return status;
}

static ktk_status write_headers(const struct signing *signing, const char *signature,
                                struct signed_call *out, ktk_error *err) {
    const struct aws_keys *keys = signing->keys;
    size_t places[4];
    ktk_status status = KTK_OK;

    KTKI_TRY(keep(out, signing->date, &places[0], err));
    KTKI_TRY(keep(out, signing->body_hash, &places[1], err));
    places[2] = out->space.size;
    KTKI_TRY(ktki_buffer_append_format(
        &out->space, err,
        "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
        keys->access_key, signing->date, signing->endpoint->region, signing->endpoint->service,
        (const char *)signing->names.data, signature));
    KTKI_TRY(ktki_buffer_append_byte(&out->space, '\0', err));
    KTKI_TRY(keep(out, keys->session_token == NULL ? "" : keys->session_token, &places[3], err));
    out->headers[0] = (struct http_header){"x-amz-date", (char *)out->space.data + places[0]};
    out->headers[1] =
        (struct http_header){"x-amz-content-sha256", (char *)out->space.data + places[1]};
    out->headers[2] = (struct http_header){"Authorization", (char *)out->space.data + places[2]};
    out->header_count = 3;
    if (keys->session_token != NULL) {
        out->headers[out->header_count++] =
            (struct http_header){"x-amz-security-token", (char *)out->space.data + places[3]};
    }
out:
    return status;
}

ktk_status ktki_sign_aws(const struct crypto_api *crypto, const struct aws_endpoint *endpoint,
                         const struct aws_keys *keys, const struct call *call, int64_t now_ms,
                         const ktk_allocator *allocator, struct signed_call *out, ktk_error *err) {
    struct signing signing = {.crypto = crypto, .endpoint = endpoint, .keys = keys, .call = call};
    uint8_t digest[KTKI_SHA256_SIZE];
    char signature[HEX_SIZE];
    struct buffer query;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&query, allocator, 0);
    ktki_buffer_init(&signing.names, allocator, 0);
    ktki_buffer_init(&signing.text, allocator, 0);
    KTKI_TRY(ktki_query_append(&query, call->params, call->param_count, allocator, err));
    KTKI_TRY(ktki_buffer_append_byte(&query, '\0', err));
    KTKI_TRY(ktki_buffer_append_format(&out->url, err, "%s://%s%s%s%s", endpoint->scheme,
                                       endpoint->authority, call->path,
                                       call->param_count > 0 ? "?" : "", (const char *)query.data));
    KTKI_TRY(ktki_buffer_append_byte(&out->url, '\0', err));
    if (keys == NULL) {
        goto out;
    }
    format_date(now_ms, signing.date);
    KTKI_TRY(ktki_sha256(crypto, call->body == NULL ? "" : call->body,
                         call->body == NULL ? 0 : call->body_size, digest, err));
    ktki_hex_encode(digest, sizeof(digest), signing.body_hash);
    KTKI_TRY(collect_headers(&signing, err));
    KTKI_TRY(write_request(&signing, (const char *)query.data, err));
    KTKI_TRY(sign_text(&signing, signature, err));
    KTKI_TRY(write_headers(&signing, signature, out, err));
out:
    ktki_buffer_clear(&query);
    ktki_buffer_clear(&signing.names);
    ktki_buffer_clear(&signing.text);
    return status;
}
