#include "net/sign_azure.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/error.h"
#include "net/http_date.h"
#include "net/url_encode.h"

/* The last one before answers of lists are encoded for XML 1.0's sake. */
#define SERVICE_VERSION "2021-06-08"
#define MS_HEADERS_MAX 16

/* What a request says of itself. */
struct stamp {
    const char *date;
    const char *version; /* NULL: that of the batch it is in */
};

static const char *header_of(const struct call *call, const char *name) {
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcasecmp(call->headers[i].name, name) == 0) {
            return call->headers[i].value;
        }
    }
    return "";
}

static int compare_headers(const void *a, const void *b) {
    return strcasecmp(((const struct http_header *)a)->name, ((const struct http_header *)b)->name);
}

/* The headers that start with "x-ms-", sorted, a line each. */
static ktk_status append_ms_headers(struct buffer *text, const struct call *call,
                                    const struct stamp *stamp, ktk_error *err) {
    struct http_header headers[MS_HEADERS_MAX] = {{"x-ms-date", stamp->date},
                                                  {"x-ms-version", stamp->version}};
    size_t count = stamp->version == NULL ? 1 : 2;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < call->header_count; i++) {
        if (strncasecmp(call->headers[i].name, "x-ms-", 5) == 0) {
            if (count == MS_HEADERS_MAX) {
                KTKI_FAIL(err, KTK_E_INTERNAL, "a call has more than %d headers", MS_HEADERS_MAX);
            }
            headers[count++] = call->headers[i];
        }
    }
    qsort(headers, count, sizeof(headers[0]), compare_headers);
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_buffer_append_lower(text, headers[i].name, strlen(headers[i].name), err));
        KTKI_TRY(ktki_buffer_append_format(text, err, ":%s\n", headers[i].value));
    }
out:
    return status;
}

static int compare_params(const void *a, const void *b) {
    return strcasecmp((*(const struct call_param *const *)a)->name,
                      (*(const struct call_param *const *)b)->name);
}

/* Account, path and parameters, sorted and not encoded. */
static ktk_status append_resource(struct buffer *text, const char *base,
                                  const struct azure_keys *keys, const struct call *call,
                                  const ktk_allocator *allocator, ktk_error *err) {
    const char *host = strstr(base, "://");
    const char *base_path = host == NULL ? NULL : strchr(host + 3, '/');
    const struct call_param **order = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, call->param_count, sizeof(const struct call_param *),
                              &order, err));
    for (size_t i = 0; i < call->param_count; i++) {
        order[i] = &call->params[i];
    }
    qsort(order, call->param_count, sizeof(const struct call_param *), compare_params);
    KTKI_TRY(ktki_buffer_append_format(text, err, "/%s%s%s", keys->account,
                                       base_path == NULL ? "" : base_path, call->path));
    for (size_t i = 0; i < call->param_count; i++) {
        KTKI_TRY(ktki_buffer_append_byte(text, '\n', err));
        KTKI_TRY(ktki_buffer_append_lower(text, order[i]->name, strlen(order[i]->name), err));
        KTKI_TRY(ktki_buffer_append_format(text, err, ":%s", order[i]->value));
    }
out:
    ktki_free_array(allocator, order, call->param_count, sizeof(const struct call_param *));
    return status;
}

static ktk_status append_text_to_sign(struct buffer *text, const char *base,
                                      const struct azure_keys *keys, const struct call *call,
                                      const struct stamp *stamp, const ktk_allocator *allocator,
                                      ktk_error *err) {
    static const char *const before_length[] = {"Content-Encoding", "Content-Language"};
    static const char *const after_length[] = {
        "Content-MD5",   "Content-Type",        "Date", "If-Modified-Since", "If-Match",
        "If-None-Match", "If-Unmodified-Since", "Range"};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_format(text, err, "%s\n", call->method));
    for (size_t i = 0; i < sizeof(before_length) / sizeof(before_length[0]); i++) {
        KTKI_TRY(ktki_buffer_append_format(text, err, "%s\n", header_of(call, before_length[i])));
    }
    if (call->body != NULL && call->body_size > 0) {
        KTKI_TRY(ktki_buffer_append_format(text, err, "%zu", call->body_size));
    }
    KTKI_TRY(ktki_buffer_append_byte(text, '\n', err));
    for (size_t i = 0; i < sizeof(after_length) / sizeof(after_length[0]); i++) {
        KTKI_TRY(ktki_buffer_append_format(text, err, "%s\n", header_of(call, after_length[i])));
    }
    KTKI_TRY(append_ms_headers(text, call, stamp, err));
    KTKI_TRY(append_resource(text, base, keys, call, allocator, err));
out:
    return status;
}

/* "SharedKey account:signature" */
static ktk_status append_shared_key(struct buffer *out, const struct crypto_api *crypto,
                                    const char *base, const struct azure_keys *keys,
                                    const struct call *call, const struct stamp *stamp,
                                    ktk_error *err) {
    uint8_t digest[KTKI_SHA256_SIZE];
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, out->allocator, 0);
    KTKI_TRY(append_text_to_sign(&text, base, keys, call, stamp, out->allocator, err));
    KTKI_TRY(
        ktki_hmac_sha256(crypto, keys->key, keys->key_size, text.data, text.size, digest, err));
    KTKI_TRY(ktki_buffer_append_format(out, err, "SharedKey %s:", keys->account));
    KTKI_TRY(ktki_base64_append(out, digest, sizeof(digest), err));
out:
    ktki_buffer_clear(&text);
    return status;
}

static ktk_status append_url(struct buffer *url, const char *base, const struct azure_keys *keys,
                             const struct call *call, const ktk_allocator *allocator,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_format(url, err, "%s%s", base, call->path));
    if (call->param_count > 0) {
        KTKI_TRY(ktki_buffer_append_byte(url, '?', err));
        KTKI_TRY(ktki_query_append(url, call->params, call->param_count, allocator, err));
    }
    if (keys->sas != NULL) {
        KTKI_TRY(ktki_buffer_append_format(url, err, "%c%s", call->param_count > 0 ? '&' : '?',
                                           keys->sas));
    }
    KTKI_TRY(ktki_buffer_append_byte(url, '\0', err));
out:
    return status;
}

static ktk_status sign(const struct crypto_api *crypto, const char *base,
                       const struct azure_keys *keys, const struct call *call, const char *version,
                       int64_t now_ms, const ktk_allocator *allocator, struct signed_call *out,
                       ktk_error *err) {
    char date[KTKI_HTTP_DATE_SIZE];
    const struct stamp stamp = {date, version};
    size_t authorization;
    ktk_status status = KTK_OK;

    ktki_http_date_format(now_ms / 1000, date);
    KTKI_TRY(append_url(&out->url, base, keys, call, allocator, err));
    KTKI_TRY(ktki_buffer_append(&out->space, date, strlen(date) + 1, err));
    authorization = out->space.size;
    if (keys->token != NULL) {
        KTKI_TRY(ktki_buffer_append_format(&out->space, err, "Bearer %s", keys->token));
    } else if (keys->key != NULL) {
        KTKI_TRY(append_shared_key(&out->space, crypto, base, keys, call, &stamp, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(&out->space, '\0', err));
    out->header_count = 0;
    out->headers[out->header_count++] = (struct http_header){"x-ms-date", (char *)out->space.data};
    if (version != NULL) {
        out->headers[out->header_count++] = (struct http_header){"x-ms-version", version};
    }
    if (keys->token != NULL || keys->key != NULL) {
        out->headers[out->header_count++] =
            (struct http_header){"Authorization", (char *)out->space.data + authorization};
    }
out:
    return status;
}

ktk_status ktki_sign_azure(const struct crypto_api *crypto, const char *base,
                           const struct azure_keys *keys, const struct call *call, int64_t now_ms,
                           const ktk_allocator *allocator, struct signed_call *out,
                           ktk_error *err) {
    return sign(crypto, base, keys, call, SERVICE_VERSION, now_ms, allocator, out, err);
}

ktk_status ktki_sign_azure_part(const struct crypto_api *crypto, const char *base,
                                const struct azure_keys *keys, const struct call *call,
                                int64_t now_ms, const ktk_allocator *allocator,
                                struct signed_call *out, ktk_error *err) {
    return sign(crypto, base, keys, call, NULL, now_ms, allocator, out, err);
}
