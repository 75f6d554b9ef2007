/* An object copied by the service, without its bytes coming here (CopyObject). */
#include <stdio.h>

#include "base/error.h"
#include "net/url_encode.h"
#include "net/xml.h"
#include "store/s3_bucket.h"

/* What is larger cannot be copied in one call. */
#define SINGLE_COPY_BYTES_MAX ((int64_t)5 * 1024 * 1024 * 1024)

/* What the answer to a copy says. */
struct copy_answer {
    bool is_copy;
    bool is_error;
};

/* An answer of 200 may hold an error: it begins before the service knows how it ends. One without
 * the result is that of a service that took the call for a put of nothing. */
static ktk_status take(void *state, const char *path, const char *text, ktk_error *err) {
    struct copy_answer *answer = state;

    (void)text;
    (void)err;
    answer->is_copy = answer->is_copy || strcmp(path, "CopyObjectResult/ETag") == 0;
    answer->is_error = answer->is_error || strncmp(path, "Error", 5) == 0;
    return KTK_OK;
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

/* `*code`: status of the answer, 0: none; set in any case. */
static ktk_status send(struct s3_bucket *bucket, const char *key, const struct s3_bucket *source,
                       const char *source_key, int32_t *code, ktk_error *err) {
    struct http_header header = {"x-amz-copy-source", NULL};
    struct copy_answer said = {false, false};
    struct http_answer answer = {0};
    struct object_call call;
    struct buffer path;
    ktk_status status = KTK_OK;

    *code = 0;
    ktki_buffer_init(&path, bucket->objects.allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, &bucket->objects, "PUT", "copy to", key, err));
    KTKI_TRY(append_source(&path, source, source_key, err));
    header.value = (const char *)path.data;
    call.call.headers = &header;
    call.call.header_count = 1;
    call.call.body = "";
    status = ktki_exchange(bucket->objects.exchanger, &call.call, &answer, NULL, err);
    *code = answer.status;
    KTKI_TRY(status);
    status = ktki_xml_read(bucket->objects.allocator, answer.body.data, answer.body.size, take,
                           &said, err);
    if (status == KTK_OK && said.is_error) {
        status = ktk_error_set(err, KTK_E_IO, "'%s' was not copied: an error came after all", key);
    } else if (status == KTK_E_CORRUPT || !said.is_copy) {
        status =
            ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' was answered for, but not copied", key);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&path);
    ktki_object_call_clear(&call);
    return status;
}

ktk_status ktki_s3_copy(void *state, const char *key, void *source_state, const char *source_key,
                        int64_t *size, ktk_error *err) {
    struct s3_bucket *bucket = state;
    struct s3_bucket *source = source_state;
    ktk_store_entry entry;
    int32_t code = 0;
    ktk_status status = KTK_OK;

    if (!is_same_service(&bucket->settings, &source->settings) ||
        atomic_load(&bucket->has_no_copies)) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' is not copied by the service", key);
    }
    KTKI_TRY(ktki_object_head(source, source_key, &entry, err));
    if (entry.size < 0 || entry.size > SINGLE_COPY_BYTES_MAX) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "'%s' is too large to be copied in one call", source_key);
    }
    status = send(bucket, key, source, source_key, &code, err);
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
    return status;
}
