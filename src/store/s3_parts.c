/* Large objects, put in parts (multipart upload). */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/xml.h"
#include "store/object_parts.h"
#include "store/s3_bucket.h"

#define PART_BYTES ((size_t)16 * 1024 * 1024)
#define PART_COUNT_MAX 10000

struct upload {
    struct s3_bucket *bucket;
    const char *key;
    struct object_parts parts;
    char *id; /* NULL: not begun */
};

struct told_id {
    const ktk_allocator *allocator;
    char *id;
};

static ktk_status take_id(void *state, const char *path, const char *text, ktk_error *err) {
    struct told_id *told = state;

    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0 || told->id != NULL) {
        return KTK_OK;
    }
    return ktki_copy_text(told->allocator, text, strlen(text), &told->id, err);
}

static ktk_status begin(struct upload *upload, ktk_error *err) {
    static const struct call_param param = {"uploads", ""};
    struct s3_bucket *bucket = upload->bucket;
    struct told_id told = {bucket->objects.allocator, NULL};
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_object_call_init(&call, &bucket->objects, "POST", "begin to put", upload->key, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = "";
    KTKI_TRY(ktki_exchange(bucket->objects.exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(ktki_xml_read(bucket->objects.allocator, answer.body.data, answer.body.size, take_id,
                           &told, err));
    if (told.id == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "'%s' began to put '%s' without an id", bucket->objects.name,
                  upload->key);
    }
    upload->id = told.id;
    told.id = NULL;
out:
    ktki_free_text(bucket->objects.allocator, told.id);
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

static void describe(void *state, size_t index, struct object_part *part) {
    const struct upload *upload = state;

    (void)snprintf(part->name, sizeof(part->name), "%zu", index + 1);
    part->params[0] = (struct call_param){"partNumber", part->name};
    part->params[1] = (struct call_param){"uploadId", upload->id};
}

/* An answer of 200 may hold an error: it begins before the service knows how it ends. */
static ktk_status take_end(void *state, const char *path, const char *text, ktk_error *err) {
    ktk_store_version *version = state;

    if (strcmp(path, "Error/Code") == 0) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "the parts could not be joined: %s", text);
    }
    if (strcmp(path, "CompleteMultipartUploadResult/ETag") == 0 &&
        strlen(text) < sizeof(version->text)) {
        (void)snprintf(version->text, sizeof(version->text), "%s", text);
    }
    return KTK_OK;
}

static ktk_status append_list(struct buffer *out, const struct upload *upload, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(out, "<CompleteMultipartUpload>", err));
    for (size_t i = 0; i < upload->parts.part_count; i++) {
        KTKI_TRY(
            ktki_buffer_append_format(out, err, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1));
        KTKI_TRY(ktki_xml_append_text(out, upload->parts.parts[i].version.text, err));
        KTKI_TRY(ktki_buffer_append_text(out, "</ETag></Part>", err));
    }
    KTKI_TRY(ktki_buffer_append_text(out, "</CompleteMultipartUpload>", err));
out:
    return status;
}

static ktk_status complete(struct upload *upload, ktk_store_version *version, ktk_error *err) {
    struct s3_bucket *bucket = upload->bucket;
    const struct call_param param = {"uploadId", upload->id};
    ktk_store_version written = {""};
    struct http_answer answer = {0};
    struct object_call call;
    struct buffer body;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&body, bucket->objects.allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, &bucket->objects, "POST", "join the parts of",
                                   upload->key, err));
    KTKI_TRY(append_list(&body, upload, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = body.data;
    call.call.body_size = body.size;
    KTKI_TRY(ktki_exchange(bucket->objects.exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(ktki_xml_read(bucket->objects.allocator, answer.body.data, answer.body.size, take_end,
                           &written, err));
    if (version != NULL) {
        *version = written;
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&body);
    ktki_object_call_clear(&call);
    return status;
}

/* What was sent costs money until it is given up. */
static void give_up(struct upload *upload) {
    const struct call_param param = {"uploadId", upload->id};
    struct http_answer answer = {0};
    struct object_call call;

    if (upload->id != NULL &&
        ktki_object_call_init(&call, &upload->bucket->objects, "DELETE", "give up putting",
                              upload->key, NULL) == KTK_OK) {
        call.call.params = &param;
        call.call.param_count = 1;
        KTKI_IGNORE(
            ktki_exchange(upload->bucket->objects.exchanger, &call.call, &answer, NULL, NULL));
        ktki_http_answer_clear(&answer);
        ktki_object_call_clear(&call);
    }
}

ktk_status ktki_s3_put_parts(struct s3_bucket *bucket, const char *key, const void *data,
                             size_t size, ktk_store_version *version, ktk_error *err) {
    struct upload upload = {.bucket = bucket, .key = key};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_parts_init(&upload.parts, &bucket->objects, key, data, size, PART_BYTES,
                                    PART_COUNT_MAX, err));
    KTKI_TRY(begin(&upload, err));
    KTKI_TRY(ktki_object_parts_send(&upload.parts, describe, &upload, err));
    KTKI_TRY(complete(&upload, version, err));
out:
    ktki_object_parts_clear(&upload.parts);
    if (status != KTK_OK) {
        give_up(&upload);
    }
    ktki_free_text(bucket->objects.allocator, upload.id);
    return status;
}
