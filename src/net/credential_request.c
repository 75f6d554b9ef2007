#include "net/credential_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json_read.h"
#include "base/time_format.h"
#include "net/url_encode.h"
#include "net/xml.h"

#define ANSWER_BYTES_MAX ((size_t)256 * 1024)
#define JSON_DEPTH_MAX 32
#define NEAR_TIMEOUT_MS 1000
#define ATTEMPTS 3

/* --- what the exchanger asks --------------------------------------------------------------- */

struct service {
    const struct credential_chain *chain;
    const struct credential_request *request;
    struct crypto_api crypto; /* loaded if the request is signed */
};

static ktk_status sign(void *state, const struct call *call, int64_t now_ms,
                       struct signed_call *out, ktk_error *err) {
    const struct service *service = state;
    const struct credential_request *request = service->request;
    const char *host = strstr(request->url, "://");
    struct aws_endpoint endpoint = {.region = request->region, .service = "sts"};
    char *scheme = NULL;
    ktk_status status = KTK_OK;

    if (request->keys == NULL || host == NULL) {
        KTKI_TRY(ktki_buffer_append(&out->url, request->url, strlen(request->url) + 1, err));
        goto out;
    }
    KTKI_TRY(ktki_copy_text(service->chain->allocator, request->url, (size_t)(host - request->url),
                            &scheme, err));
    endpoint.scheme = scheme;
    endpoint.authority = host + 3;
    KTKI_TRY(ktki_sign_aws(&service->crypto, &endpoint, request->keys, call, now_ms,
                           service->chain->allocator, out, err));
out:
    ktki_free_text(service->chain->allocator, scheme);
    return status;
}

static void say(char *out, size_t size, const char *text) {
    if (text != NULL && out[0] == '\0') {
        (void)snprintf(out, size, "%.*s", (int)strcspn(text, "\r\n"), text);
    }
}

static ktk_status take_element(void *state, const char *path, const char *text, ktk_error *err) {
    struct service_error *out = state;

    (void)err;
    if (strcmp(path, "ErrorResponse/Error/Code") == 0) {
        say(out->code, sizeof(out->code), text);
    } else if (strcmp(path, "ErrorResponse/Error/Message") == 0) {
        say(out->message, sizeof(out->message), text);
    }
    return KTK_OK;
}

/* STS speaks XML, all others JSON, each with names of its own. */
static void explain(void *state, const struct http_answer *answer, struct service_error *out) {
    static const char *const names[] = {"error",   "Code",   "code", "error_description",
                                        "Message", "message"};
    const struct service *service = state;
    const struct buffer *body = &answer->body;
    char *texts[sizeof(names) / sizeof(names[0])] = {NULL};

    if (body->size > 0 && body->data[0] == '<') {
        KTKI_IGNORE(ktki_xml_read(service->chain->allocator, body->data, body->size, take_element,
                                  out, NULL));
        return;
    }
    KTKI_IGNORE(ktki_credential_members(service->chain, body->data, body->size, names, texts,
                                        sizeof(names) / sizeof(names[0]), "", NULL));
    for (size_t i = 0; i < 3; i++) {
        say(out->code, sizeof(out->code), texts[i]);
        say(out->message, sizeof(out->message), texts[i + 3]);
    }
    ktki_credential_free_texts(service->chain, texts, sizeof(names) / sizeof(names[0]));
}

static const struct service_ops ops = {sign, explain, NULL, NULL};

/* --- requests ------------------------------------------------------------------------------ */

static ktk_status deny(int32_t code, ktk_status status, ktk_error *err) {
    if (status == KTK_OK || status == KTK_E_DENIED || status == KTK_E_UNAVAILABLE || code < 400 ||
        code >= 500) {
        return status;
    }
    if (err != NULL) {
        err->status = KTK_E_DENIED;
    }
    return KTK_E_DENIED;
}

ktk_status ktki_credential_request(const struct credential_chain *chain,
                                   const struct credential_request *request,
                                   struct http_answer *out, ktk_error *err) {
    struct service service = {.chain = chain, .request = request};
    struct exchanger_options options = {
        .http = chain->http, .clock = chain->options.clock, .limits = {ATTEMPTS, 60000, 100, 5000}};
    const struct call call = {.method = request->method,
                              .path = "/",
                              .headers = request->headers,
                              .header_count = request->header_count,
                              .body = request->body == NULL ? NULL : request->body->data,
                              .body_size = request->body == NULL ? 0 : request->body->size,
                              .answer_bytes_max = ANSWER_BYTES_MAX,
                              .what = request->what};
    struct exchanger *exchanger = NULL;
    ktk_status status = KTK_OK;

    memset(out, 0, sizeof(*out));
    options.limits.attempts_max = request->attempts == 0 ? ATTEMPTS : request->attempts;
    options.http.connections_max = 1;
    if (request->is_near) {
        options.http.is_direct = true;
        options.http.connect_timeout_ms = NEAR_TIMEOUT_MS;
        options.http.stall_timeout_ms =
            request->timeout_ms == 0 ? NEAR_TIMEOUT_MS : request->timeout_ms;
    }
    KTKI_TRY(request->keys == NULL ? KTK_OK : ktki_crypto_api_load(&service.crypto, err));
    KTKI_TRY(ktki_exchanger_new(&exchanger, chain->allocator, &ops, &service, &options, err));
    status = ktki_exchange(exchanger, &call, out, NULL, err);
    status = deny(out->status, status, err);
out:
    ktki_exchanger_free(exchanger);
    return status;
}

/* --- answers ------------------------------------------------------------------------------- */

static ktk_status take_member(const struct credential_chain *chain, struct json_reader *reader,
                              char **out, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(reader, &event, err));
    if (event == JSON_OBJECT_BEGIN || event == JSON_ARRAY_BEGIN) {
        KTKI_TRY(ktki_json_skip(reader, NULL, NULL, err));
    } else if ((event == JSON_STRING || event == JSON_NUMBER) && reader->text_size > 0) {
        if (memchr(reader->text, '\0', reader->text_size) != NULL) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a NUL in a text");
        }
        ktki_free_secret(chain->allocator, *out);
        *out = NULL;
        KTKI_TRY(ktki_copy_text(chain->allocator, reader->text, reader->text_size, out, err));
    }
out:
    return status;
}

static ktk_status take_members(const struct credential_chain *chain, struct json_reader *reader,
                               const char *const *names, char **out, size_t count, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(reader, JSON_OBJECT_BEGIN, "an object", err));
    for (;;) {
        size_t found = 0;

        KTKI_TRY(ktki_json_next(reader, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        while (found < count && !ktki_json_is(reader, names[found])) {
            found++;
        }
        KTKI_TRY(found < count ? take_member(chain, reader, &out[found], err)
                               : ktki_json_skip(reader, NULL, NULL, err));
    }
    KTKI_TRY(ktki_json_expect(reader, JSON_END, "the end", err));
out:
    return status;
}

ktk_status ktki_credential_members(const struct credential_chain *chain, const void *data,
                                   size_t size, const char *const *names, char **out, size_t count,
                                   const char *what, ktk_error *err) {
    struct json_reader reader;
    ktk_status status;

    ktki_json_reader_init(&reader, chain->allocator, data == NULL ? "" : data, size,
                          JSON_DEPTH_MAX);
    status = take_members(chain, &reader, names, out, count, err);
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        status = ktk_error_set(err, KTK_E_IO, "cannot %s: the answer is no JSON object", what);
    }
    ktki_json_reader_clear(&reader);
    return status;
}

void ktki_credential_free_texts(const struct credential_chain *chain, char **texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ktki_free_text(chain->allocator, texts[i]);
        texts[i] = NULL;
    }
}

ktk_status ktki_credential_expiry(const char *text, int64_t *out, ktk_error *err) {
    int64_t seconds;
    int32_t nanoseconds;
    bool has_offset;

    if (text == NULL) {
        *out = KTKI_CREDENTIAL_LASTS;
        return KTK_OK;
    }
    if (!ktki_parse_timestamp(text, strlen(text), &seconds, &nanoseconds, &has_offset) ||
        seconds > INT64_MAX / 1000 - 1 || seconds < INT64_MIN / 1000) {
        return ktk_error_set(err, KTK_E_IO, "the time at which credentials end is no time");
    }
    *out = seconds * 1000 + nanoseconds / 1000000;
    return KTK_OK;
}

bool ktki_credential_is_safe(const char *url) {
    static const char *const hosts[] = {"localhost", "[::1]", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]"};
    const char *host = url + strlen("http://");
    size_t size;
    bool is_loopback;

    if (strncmp(url, "https://", 8) == 0) {
        return true;
    }
    if (strncmp(url, "http://", 7) != 0) {
        return false;
    }
    size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#@");
    if (size > strlen(host) || (host[size] != '\0' && strchr(":/?#", host[size]) == NULL)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (strlen(hosts[i]) == size && strncasecmp(host, hosts[i], size) == 0) {
            /* What stands before an '@' further on would be a name, and the host another. */
            return memchr(host + size, '@', strcspn(host + size, "/?#")) == NULL;
        }
    }
    is_loopback = size > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == size;
    return is_loopback && memchr(host + size, '@', strcspn(host + size, "/?#")) == NULL;
}

const char *ktki_credential_environment(const char *name) {
    const char *text = getenv(name);

    return text == NULL || text[0] == '\0' ? NULL : text;
}

ktk_status ktki_credential_form(struct buffer *form, const char *name, const char *value,
                                ktk_error *err) {
    ktk_status status = KTK_OK;

    if (value == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append_format(form, err, "%s%s=", form->size == 0 ? "" : "&", name));
    KTKI_TRY(ktki_url_encode(form, value, strlen(value), false, err));
out:
    return status;
}
