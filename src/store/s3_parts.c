/* Large objects, put in parts (multipart upload). */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/xml.h"
#include "store/s3_bucket.h"

#define PART_BYTES (16 * 1024 * 1024)
#define PART_COUNT_MAX 10000
#define PARTS_IN_FLIGHT 4

struct part {
    struct s3_call call;
    struct call_param params[2];
    char number[24];
    struct exchange *exchange; /* NULL: not under way */
    ktk_store_version version;
};

struct upload {
    struct s3_bucket *bucket;
    const char *key;
    const uint8_t *data;
    size_t size;
    size_t part_bytes;
    size_t part_count;
    struct part *parts;
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
    struct told_id told = {bucket->allocator, NULL};
    struct http_answer answer = {0};
    struct s3_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_s3_call_init(&call, bucket, "POST", "begin to put", upload->key, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = "";
    KTKI_TRY(ktki_exchange(bucket->exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(
        ktki_xml_read(bucket->allocator, answer.body.data, answer.body.size, take_id, &told, err));
    if (told.id == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "'%s' began to put '%s' without an id", bucket->name,
                  upload->key);
    }
    upload->id = told.id;
    told.id = NULL;
out:
    ktki_free_text(bucket->allocator, told.id);
    ktki_http_answer_clear(&answer);
    ktki_s3_call_clear(&call);
    return status;
}

static ktk_status start_part(struct upload *upload, size_t index, ktk_error *err) {
    struct part *part = &upload->parts[index];
    size_t offset = index * upload->part_bytes;
    size_t left = upload->size - offset;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_s3_call_init(&part->call, upload->bucket, "PUT", "put a part of", upload->key, err));
    (void)snprintf(part->number, sizeof(part->number), "%zu", index + 1);
    part->params[0] = (struct call_param){"partNumber", part->number};
    part->params[1] = (struct call_param){"uploadId", upload->id};
    part->call.call.params = part->params;
    part->call.call.param_count = 2;
    part->call.call.body = upload->data + offset;
    part->call.call.body_size = left < upload->part_bytes ? left : upload->part_bytes;
    KTKI_TRY(
        ktki_exchange_start(upload->bucket->exchanger, &part->call.call, &part->exchange, err));
out:
    return status;
}

static ktk_status finish_part(struct upload *upload, size_t index, ktk_error *err) {
    struct part *part = &upload->parts[index];
    struct exchange *exchange = part->exchange;
    struct http_answer answer = {0};
    ktk_status status = KTK_OK;

    part->exchange = NULL;
    KTKI_TRY(ktki_exchange_finish(exchange, &answer, NULL, err));
    ktki_s3_version(&answer, &part->version);
    if (part->version.text[0] == '\0') {
        KTKI_FAIL(err, KTK_E_CORRUPT, "'%s' took a part of '%s' without an ETag",
                  upload->bucket->name, upload->key);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_s3_call_clear(&part->call);
    return status;
}

static ktk_status send_parts(struct upload *upload, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < upload->part_count + PARTS_IN_FLIGHT; i++) {
        if (i >= PARTS_IN_FLIGHT) {
            KTKI_TRY(finish_part(upload, i - PARTS_IN_FLIGHT, err));
        }
        if (i < upload->part_count) {
            KTKI_TRY(start_part(upload, i, err));
        }
    }
out:
    return status;
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

static ktk_status append_text_of(struct buffer *out, const char *text, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (; *text != '\0'; text++) {
        KTKI_TRY(*text == '"'   ? ktki_buffer_append_text(out, "&quot;", err)
                 : *text == '&' ? ktki_buffer_append_text(out, "&amp;", err)
                 : *text == '<' ? ktki_buffer_append_text(out, "&lt;", err)
                                : ktki_buffer_append_byte(out, (uint8_t)*text, err));
    }
out:
    return status;
}

static ktk_status append_list(struct buffer *out, const struct upload *upload, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(out, "<CompleteMultipartUpload>", err));
    for (size_t i = 0; i < upload->part_count; i++) {
        KTKI_TRY(
            ktki_buffer_append_format(out, err, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1));
        KTKI_TRY(append_text_of(out, upload->parts[i].version.text, err));
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
    struct s3_call call;
    struct buffer body;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&body, bucket->allocator, 0);
    KTKI_TRY(ktki_s3_call_init(&call, bucket, "POST", "join the parts of", upload->key, err));
    KTKI_TRY(append_list(&body, upload, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = body.data;
    call.call.body_size = body.size;
    KTKI_TRY(ktki_exchange(bucket->exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(ktki_xml_read(bucket->allocator, answer.body.data, answer.body.size, take_end,
                           &written, err));
    if (version != NULL) {
        *version = written;
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&body);
    ktki_s3_call_clear(&call);
    return status;
}

/* What was sent costs money until it is given up. */
static void give_up(struct upload *upload) {
    const struct call_param param = {"uploadId", upload->id};
    struct http_answer answer = {0};
    struct s3_call call;

    for (size_t i = 0; upload->parts != NULL && i < upload->part_count; i++) {
        ktki_exchange_cancel(upload->parts[i].exchange);
        ktki_s3_call_clear(&upload->parts[i].call);
    }
    if (upload->id != NULL && ktki_s3_call_init(&call, upload->bucket, "DELETE", "give up putting",
                                                upload->key, NULL) == KTK_OK) {
        call.call.params = &param;
        call.call.param_count = 1;
        KTKI_IGNORE(ktki_exchange(upload->bucket->exchanger, &call.call, &answer, NULL, NULL));
        ktki_http_answer_clear(&answer);
        ktki_s3_call_clear(&call);
    }
}

ktk_status ktki_s3_put_parts(struct s3_bucket *bucket, const char *key, const void *data,
                             size_t size, ktk_store_version *version, ktk_error *err) {
    struct upload upload = {.bucket = bucket, .key = key, .data = data, .size = size};
    ktk_status status = KTK_OK;

    upload.part_bytes = PART_BYTES;
    while ((size - 1) / upload.part_bytes + 1 > PART_COUNT_MAX) {
        upload.part_bytes *= 2;
    }
    upload.part_count = (size - 1) / upload.part_bytes + 1;
    KTKI_TRY(ktki_alloc_zeroed(bucket->allocator, upload.part_count, sizeof(*upload.parts),
                               &upload.parts, err));
    KTKI_TRY(begin(&upload, err));
    KTKI_TRY(send_parts(&upload, err));
    KTKI_TRY(complete(&upload, version, err));
out:
    if (status != KTK_OK) {
        give_up(&upload);
    }
    ktki_free_array(bucket->allocator, upload.parts, upload.part_count, sizeof(*upload.parts));
    ktki_free_text(bucket->allocator, upload.id);
    return status;
}
