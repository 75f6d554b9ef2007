#include "store/object.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "net/http_date.h"
#include "net/url_encode.h"
#include "net/xml.h"

/* --- calls --------------------------------------------------------------------------------- */

ktk_status ktki_object_call_init(struct object_call *out, const struct object_store *store,
                                 const char *method, const char *verb, const char *key,
                                 ktk_error *err) {
    ktk_status status = KTK_OK;

    *out = (struct object_call){.call = {.method = method}};
    ktki_buffer_init(&out->path, store->allocator, 0);
    KTKI_TRY(ktki_buffer_append_text(&out->path, store->root, err));
    if (key != NULL || store->root[0] == '\0') {
        KTKI_TRY(ktki_buffer_append_byte(&out->path, '/', err));
    }
    if (key != NULL) {
        KTKI_TRY(ktki_url_encode(&out->path, store->prefix, strlen(store->prefix), true, err));
        KTKI_TRY(ktki_url_encode(&out->path, key, strlen(key), true, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(&out->path, '\0', err));
    (void)snprintf(out->what, sizeof(out->what), key == NULL ? "%s" : "%s '%s'", verb,
                   key == NULL ? "" : key);
    out->call.path = (const char *)out->path.data;
    out->call.what = out->what;
out:
    if (status != KTK_OK) {
        ktki_object_call_clear(out);
    }
    return status;
}

void ktki_object_call_clear(struct object_call *call) {
    ktki_buffer_clear(&call->path);
}

void ktki_object_version(const struct http_answer *answer, ktk_store_version *out) {
    const char *etag = ktki_http_answer_header(answer, "etag");
    bool fits = etag != NULL && strlen(etag) < sizeof(out->text);

    (void)snprintf(out->text, sizeof(out->text), "%s", fits ? etag : "");
}

static ktk_status take_error(void *state, const char *path, const char *text, ktk_error *err) {
    struct service_error *error = state;

    (void)err;
    if (strcmp(path, "Error/Code") == 0) {
        (void)snprintf(error->code, sizeof(error->code), "%s", text);
    } else if (strcmp(path, "Error/Message") == 0) {
        (void)snprintf(error->message, sizeof(error->message), "%.*s", (int)strcspn(text, "\r\n"),
                       text);
    }
    return KTK_OK;
}

void ktki_object_explain(struct object_store *store, const struct http_answer *answer,
                         struct service_error *out) {
    const char *code = ktki_http_answer_header(answer, "x-ms-error-code");

    if (code != NULL) {
        (void)snprintf(out->code, sizeof(out->code), "%s", code);
    }
    KTKI_IGNORE(ktki_xml_read(store->allocator, answer->body.data, answer->body.size, take_error,
                              out, NULL));
    if (out->code[0] != '\0') {
        atomic_store(&store->is_missing, strcmp(out->code, "NoSuchBucket") == 0 ||
                                             strcmp(out->code, "ContainerNotFound") == 0);
    }
}

struct store_setup ktki_object_setup(const ktk_store_ops *ops, enum key_space keys,
                                     void (*describe)(void *state, struct store_origin *out)) {
    return (struct store_setup){.ops = ops,
                                .caps = ops->caps,
                                .calls_at_once = ops->calls_at_once,
                                .keys = keys,
                                .get_end = ktki_object_get_end,
                                .get_ranges = ktki_object_get_ranges,
                                .describe = describe};
}

/* --- whole values -------------------------------------------------------------------------- */

ktk_status ktki_object_get(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                           ktk_error *err) {
    struct object_store *store = state;
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "GET", "get", key, err));
    call.call.answer_bytes_max = (size_t)store->limits->object_bytes_max;
    KTKI_TRY(ktki_exchange(store->exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(ktki_buffer_move(&answer.body, out, err));
    if (version != NULL) {
        ktki_object_version(&answer, version);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

ktk_status ktki_object_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct object_store *store = state;
    struct http_answer answer = {0};
    struct object_call call;
    const char *size;
    const char *date;
    int64_t seconds = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "HEAD", "look at", key, err));
    KTKI_TRY(ktki_exchange(store->exchanger, &call.call, &answer, NULL, err));
    size = ktki_http_answer_header(&answer, "content-length");
    date = ktki_http_answer_header(&answer, "last-modified");
    *out = (ktk_store_entry){.key = key, .size = -1, .modified_us = -1};
    if (size != NULL && !ktki_parse_i64(size, strlen(size), &out->size)) {
        out->size = -1;
    }
    if (date != NULL && ktki_http_date_parse(date, &seconds)) {
        out->modified_us = seconds * 1000000;
    }
    ktki_object_version(&answer, &out->version);
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

ktk_status ktki_object_md5(struct buffer *out, const struct object_store *store, const void *data,
                           size_t size, ktk_error *err) {
    uint8_t digest[KTKI_MD5_SIZE];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_md5(&store->crypto, data, size, digest, err));
    KTKI_TRY(ktki_base64_append(out, digest, sizeof(digest), err));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

ktk_status ktki_object_put(struct object_store *store, const struct object_put *put,
                           ktk_store_version *version, int32_t *code, struct service_error *why,
                           ktk_error *err) {
    struct http_answer answer = {0};
    struct http_header headers[4];
    size_t count = 0;
    struct buffer md5;
    struct object_call call;
    ktk_status status = KTK_OK;

    *code = 0;
    *why = (struct service_error){{0}, {0}};
    ktki_buffer_init(&md5, store->allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, store, "PUT", "put", put->key, err));
    call.call.body = put->data == NULL ? "" : put->data;
    call.call.body_size = put->size;
    if (!put->is_signed) {
        KTKI_TRY(ktki_object_md5(&md5, store, call.call.body, put->size, err));
        headers[count++] = (struct http_header){"Content-MD5", (const char *)md5.data};
    }
    if (put->header.name != NULL) {
        headers[count++] = put->header;
    }
    if (put->must_not_exist) {
        headers[count++] = (struct http_header){"If-None-Match", "*"};
    }
    if (put->matches != NULL) {
        headers[count++] = (struct http_header){"If-Match", put->matches};
    }
    call.call.headers = headers;
    call.call.header_count = count;
    call.call.is_once = put->must_not_exist || put->matches != NULL;
    call.call.conflicts_pass = put->conflicts_pass;
    status = ktki_exchange(store->exchanger, &call.call, &answer, why, err);
    *code = answer.status;
    if (status == KTK_OK && version != NULL) {
        ktki_object_version(&answer, version);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&md5);
    ktki_object_call_clear(&call);
    return status;
}

ktk_status ktki_object_make_root(struct object_store *store, const struct object_call *call,
                                 ktk_error *err) {
    struct http_answer answer = {0};
    ktk_status status = ktki_exchange(store->exchanger, &call->call, &answer, NULL, err);

    ktki_http_answer_clear(&answer);
    return status == KTK_E_CONFLICT ? KTK_OK : status;
}

ktk_status ktki_object_remove(void *state, const char *key, ktk_error *err) {
    struct object_store *store = state;
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "DELETE", "remove", key, err));
    status = ktki_exchange(store->exchanger, &call.call, &answer, NULL, err);
    status = status == KTK_E_NOT_FOUND ? KTK_OK : status;
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}
