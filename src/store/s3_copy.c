/* An object copied by the service, without its bytes coming here (CopyObject, UploadPartCopy). */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/url_encode.h"
#include "net/xml.h"
#include "store/object_parts.h"
#include "store/s3_bucket.h"

/* One call copies up to 5 GiB, but not every service says anything before it is done, and who hears
 * nothing for long takes the connection for lost. */
#define SINGLE_COPY_BYTES_MAX ((int64_t)256 * 1024 * 1024)
/* What is larger is copied in parts: so many of this size hold 1.2 TiB. */
#define PART_BYTES ((int64_t)128 * 1024 * 1024)
#define PARTS_BYTES_MAX (10000 * PART_BYTES)
#define COPIES_IN_FLIGHT 4

/* What the answer to a copy says. */
struct copy_answer {
    const char *etag_path; /* the element that a copy has */
    bool is_error;
    ktk_store_version version; /* "": there was no copy */
};

/* An answer of 200 may hold an error: it begins before the service knows how it ends. One without
 * the result is that of a service that took the call for a put of nothing. */
static ktk_status take(void *state, const char *path, const char *text, ktk_error *err) {
    struct copy_answer *answer = state;

    (void)err;
    answer->is_error = answer->is_error || strncmp(path, "Error", 5) == 0;
    if (strcmp(path, answer->etag_path) == 0 && strlen(text) < sizeof(answer->version.text)) {
        (void)snprintf(answer->version.text, sizeof(answer->version.text), "%s", text);
    }
    return KTK_OK;
}

static ktk_status read_answer(const struct s3_bucket *bucket, const struct http_answer *answer,
                              const char *key, struct copy_answer *out, ktk_error *err) {
    ktk_status status = ktki_xml_read(bucket->objects.allocator, answer->body.data,
                                      answer->body.size, take, out, err);

    if (status == KTK_OK && out->is_error) {
        return ktk_error_set(err, KTK_E_IO, "'%s' was not copied: an error came after all", key);
    }
    if (status == KTK_E_CORRUPT || (status == KTK_OK && out->version.text[0] == '\0')) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' was answered for, but not copied", key);
    }
    return status;
}

/* "/bucket/key", encoded. */
static ktk_status append_source(struct buffer *out, const struct s3_bucket *source, const char *key,
                                ktk_error *err) {
    const char *const parts[] = {source->settings.bucket, "/", source->objects.prefix, key};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_byte(out, '/', err));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        KTKI_TRY(ktki_url_encode(out, parts[i], strlen(parts[i]), true, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

static bool is_same_service(const struct s3_settings *a, const struct s3_settings *b) {
    return strcmp(a->scheme, b->scheme) == 0 &&
           (a->authority == NULL ? b->authority == NULL
                                 : b->authority != NULL && strcmp(a->authority, b->authority) == 0);
}

/* --- in one call --------------------------------------------------------------------------- */

/* `*code`: status of the answer, 0: none; set in any case. `path`: of the source. */
static ktk_status copy_whole(struct s3_bucket *bucket, const char *key, const char *path,
                             int32_t *code, ktk_error *err) {
    const struct http_header header = {"x-amz-copy-source", path};
    struct copy_answer said = {.etag_path = "CopyObjectResult/ETag"};
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    *code = 0;
    KTKI_TRY(ktki_object_call_init(&call, &bucket->objects, "PUT", "copy to", key, err));
    call.call.headers = &header;
    call.call.header_count = 1;
    call.call.body = "";
    status = ktki_exchange(bucket->objects.exchanger, &call.call, &answer, NULL, err);
    *code = answer.status;
    KTKI_TRY(status);
    KTKI_TRY(read_answer(bucket, &answer, key, &said, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

/* --- in parts ------------------------------------------------------------------------------ */

/* A part that is on its way. */
struct part_copy {
    struct object_part part;
    struct http_header headers[2];
    char range[64];
};

struct parts_copy {
    struct s3_bucket *bucket;
    const char *path;
    int64_t size;
    struct object_parts parts; /* names, list and end are those of any upload in parts */
    struct part_copy copies[COPIES_IN_FLIGHT];
    int32_t code; /* status of the last answer */
};

static ktk_status start_part(struct parts_copy *copy, size_t index, ktk_error *err) {
    struct part_copy *it = &copy->copies[index % COPIES_IN_FLIGHT];
    struct call *call = &it->part.call.call;
    int64_t offset = (int64_t)index * PART_BYTES;
    int64_t left = copy->size - offset;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&it->part.call, &copy->bucket->objects, "PUT", "copy a part to",
                                   copy->parts.key, err));
    (void)snprintf(it->range, sizeof(it->range), "bytes=%lld-%lld", (long long)offset,
                   (long long)(offset + (left < PART_BYTES ? left : PART_BYTES) - 1));
    it->headers[0] = (struct http_header){"x-amz-copy-source", copy->path};
    it->headers[1] = (struct http_header){"x-amz-copy-source-range", it->range};
    ktki_s3_parts.describe(&copy->parts, index, &it->part);
    call->params = it->part.params;
    call->param_count = 2;
    call->headers = it->headers;
    call->header_count = 2;
    call->body = "";
    KTKI_TRY(ktki_exchange_start(copy->bucket->objects.exchanger, call, &it->part.exchange, err));
out:
    return status;
}

/* Who notes a part takes its ETag from a header, which a part that was copied has not. */
static ktk_status finish_part(struct parts_copy *copy, size_t index, ktk_error *err) {
    struct part_copy *it = &copy->copies[index % COPIES_IN_FLIGHT];
    struct copy_answer said = {.etag_path = "CopyPartResult/ETag"};
    struct exchange *exchange = it->part.exchange;
    struct http_answer answer = {0};
    char line[sizeof(said.version.text) + 16];
    int size;
    ktk_status status = KTK_OK;

    it->part.exchange = NULL;
    status = ktki_exchange_finish(exchange, &answer, NULL, err);
    copy->code = answer.status;
    KTKI_TRY(status);
    KTKI_TRY(read_answer(copy->bucket, &answer, copy->parts.key, &said, err));
    size = snprintf(line, sizeof(line), "etag: %s\r\n", said.version.text);
    KTKI_TRY(ktki_http_answer_take_line(&answer, line, (size_t)size, err));
    KTKI_TRY(ktki_s3_parts.note(&copy->parts, index, &answer, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&it->part.call);
    return status;
}

static ktk_status copy_parts(struct s3_bucket *bucket, const char *key, const char *path,
                             int64_t size, int32_t *code, ktk_error *err) {
    struct parts_copy copy = {.bucket = bucket, .path = path, .size = size};
    size_t count = (size_t)((size - 1) / PART_BYTES + 1);
    bool is_joined = false;
    ktk_status status = KTK_OK;

    copy.parts.store = &bucket->objects;
    copy.parts.key = key;
    ktki_buffer_init(&copy.parts.list, bucket->objects.allocator, 0);
    KTKI_TRY(ktki_s3_parts.begin(&copy.parts, err));
    for (size_t i = 0; i < count + COPIES_IN_FLIGHT; i++) {
        if (i >= COPIES_IN_FLIGHT && i - COPIES_IN_FLIGHT < count) {
            KTKI_TRY(finish_part(&copy, i - COPIES_IN_FLIGHT, err));
        }
        if (i < count) {
            KTKI_TRY(start_part(&copy, i, err));
        }
    }
    KTKI_TRY(ktki_s3_parts.join(&copy.parts, NULL, err));
    is_joined = true;
out:
    for (size_t i = 0; i < COPIES_IN_FLIGHT; i++) {
        ktki_exchange_cancel(copy.copies[i].part.exchange);
        ktki_object_call_clear(&copy.copies[i].part.call);
    }
    if (copy.parts.id != NULL && !is_joined) {
        ktki_s3_parts.give_up(&copy.parts);
    }
    ktki_free_text(bucket->objects.allocator, copy.parts.id);
    ktki_buffer_clear(&copy.parts.list);
    *code = copy.code;
    return status;
}

/* --- the operation ------------------------------------------------------------------------- */

ktk_status ktki_s3_copy(void *state, const char *key, void *source_state, const char *source_key,
                        int64_t *size, ktk_error *err) {
    struct s3_bucket *bucket = state;
    struct s3_bucket *source = source_state;
    ktk_store_entry entry;
    struct buffer path;
    int32_t code = 0;
    ktk_status status = KTK_OK;

    if (!is_same_service(&bucket->settings, &source->settings) ||
        atomic_load(&bucket->has_no_copies)) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' is not copied by the service", key);
    }
    ktki_buffer_init(&path, bucket->objects.allocator, 0);
    KTKI_TRY(append_source(&path, source, source_key, err));
    KTKI_TRY(ktki_object_head(source, source_key, &entry, err));
    if (entry.size < 0 || entry.size > PARTS_BYTES_MAX) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "'%s' is not copied by the service", source_key);
    }
    status = entry.size <= SINGLE_COPY_BYTES_MAX
                 ? copy_whole(bucket, key, (const char *)path.data, &code, err)
                 : copy_parts(bucket, key, (const char *)path.data, entry.size, &code, err);
    if (status == KTK_E_UNSUPPORTED || (code >= 400 && code < 500 && code != 404 && code != 409)) {
        atomic_store(&bucket->has_no_copies, true);
    }
    /* Whatever the service said, getting and putting has the last word. */
    if (status != KTK_OK && status != KTK_E_UNAVAILABLE && status != KTK_E_NO_MEMORY) {
        status = ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' was not copied by the service", key);
    }
    KTKI_TRY(status);
    *size = entry.size;
out:
    ktki_buffer_clear(&path);
    return status;
}
