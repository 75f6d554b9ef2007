/* Large objects, put in parts (multipart upload). */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/xml.h"
#include "store/s3_bucket.h"

#define PART_COUNT_MAX 10000

/* Metadata of the object, by which it is known that it was joined although no answer said so. */
#define MARK_HEADER "x-amz-meta-ktk-put"

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

/* `why` tells a bucket that is not there. */
static ktk_status ask_for_id(struct object_parts *parts, struct service_error *why,
                             ktk_error *err) {
    static const struct call_param param = {"uploads", ""};
    struct object_store *store = parts->store;
    const struct http_header mark = {MARK_HEADER, parts->mark};
    struct told_id told = {store->allocator, NULL};
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "POST", "begin to put", parts->key, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.headers = &mark;
    call.call.header_count = 1;
    call.call.body = "";
    KTKI_TRY(ktki_exchange(store->exchanger, &call.call, &answer, why, err));
    KTKI_TRY(
        ktki_xml_read(store->allocator, answer.body.data, answer.body.size, take_id, &told, err));
    if (told.id == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "'%s' began to put '%s' without an id", store->name,
                  parts->key);
    }
    parts->id = told.id;
    told.id = NULL;
out:
    ktki_free_text(store->allocator, told.id);
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

static ktk_status begin(struct object_parts *parts, ktk_error *err) {
    struct s3_bucket *bucket = (struct s3_bucket *)parts->store;
    struct service_error why = {{0}, {0}};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_uuid7(parts->mark, err));
    status = ask_for_id(parts, &why, err);
    if (ktki_s3_lacks_bucket(bucket, status, &why)) {
        KTKI_TRY(ktki_s3_make_bucket(bucket, err));
        status = ask_for_id(parts, &why, err);
    }
out:
    return status;
}

static void describe(const struct object_parts *parts, size_t index, struct object_part *part) {
    (void)snprintf(part->name, sizeof(part->name), "%zu", index + 1);
    part->params[0] = (struct call_param){"partNumber", part->name};
    part->params[1] = (struct call_param){"uploadId", parts->id};
}

static ktk_status note(struct object_parts *parts, size_t index, const struct http_answer *answer,
                       ktk_error *err) {
    ktk_store_version version;
    ktk_status status = KTK_OK;

    ktki_object_version(answer, &version);
    if (index == 0) {
        KTKI_TRY(ktki_buffer_append_text(&parts->list, "<CompleteMultipartUpload>", err));
    }
    KTKI_TRY(ktki_buffer_append_format(&parts->list, err,
                                       "<Part><PartNumber>%zu</PartNumber><ETag>", index + 1));
    KTKI_TRY(ktki_xml_append_text(&parts->list, version.text, err));
    KTKI_TRY(ktki_buffer_append_text(&parts->list, "</ETag></Part>", err));
out:
    return status;
}

/* An answer of 200 may hold an error: it begins before the service knows how it ends. */
static ktk_status take_end(void *state, const char *path, const char *text, ktk_error *err) {
    ktk_store_version *version = state;

    if (strcmp(path, "Error/Code") == 0) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "the parts could not be joined: %s", text);
    }
    if (strcmp(path, "CompleteMultipartUploadResult/ETag") == 0 && text[0] != '\0' &&
        strlen(text) + 2 < sizeof(version->text)) {
        /* Some tell it bare here, and quoted everywhere else; Ceph's is empty. */
        (void)snprintf(version->text, sizeof(version->text), text[0] == '"' ? "%s" : "\"%s\"",
                       text);
    }
    return KTK_OK;
}

/* Sent again after no answer: it does the same once more, or finds no upload. */
static ktk_status send_list(struct object_parts *parts, ktk_store_version *written,
                            ktk_error *err) {
    struct object_store *store = parts->store;
    const struct call_param param = {"uploadId", parts->id};
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "POST", "join the parts of", parts->key, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = parts->list.data;
    call.call.body_size = parts->list.size;
    KTKI_TRY(ktki_exchange(store->exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(ktki_xml_read(store->allocator, answer.body.data, answer.body.size, take_end, written,
                           err));
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

/* Is the object under the key the one of these parts? Whatever else is there has another mark. */
static ktk_status look_for_mark(struct object_parts *parts, bool *is_ours,
                                ktk_store_version *version, ktk_error *err) {
    struct http_answer answer = {0};
    struct object_call call;
    const char *mark;
    ktk_status status = KTK_OK;

    *is_ours = false;
    KTKI_TRY(ktki_object_call_init(&call, parts->store, "HEAD", "look at", parts->key, err));
    status = ktki_exchange(parts->store->exchanger, &call.call, &answer, NULL, err);
    if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    mark = ktki_http_answer_header(&answer, MARK_HEADER);
    *is_ours = mark != NULL && strcmp(mark, parts->mark) == 0;
    if (*is_ours) {
        ktki_object_version(&answer, version);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

/* An answer may be lost on its way: services that have joined the parts know the upload no more,
 * and say so to whoever sends the list again. Then, and where nothing is known, the object tells.
 */
static ktk_status join(struct object_parts *parts, ktk_store_version *version, ktk_error *err) {
    ktk_store_version written = {""};
    bool is_ours = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(&parts->list, "</CompleteMultipartUpload>", err));
    status = send_list(parts, &written, err);
    if (status == KTK_E_NOT_FOUND) {
        KTKI_TRY(look_for_mark(parts, &is_ours, &written, err));
        if (!is_ours) {
            KTKI_FAIL(
                err, KTK_E_IO,
                "'%s' knows no parts of '%s' any more, and what is there is not made of them: "
                "put it again",
                parts->store->name, parts->key);
        }
        status = KTK_OK;
    } else if (status == KTK_E_UNAVAILABLE &&
               look_for_mark(parts, &is_ours, &written, NULL) == KTK_OK && is_ours) {
        status = KTK_OK;
    }
    KTKI_TRY(status);
    if (version != NULL) {
        *version = written;
    }
out:
    return status;
}

/* What was sent costs money until it is given up. */
static void give_up(struct object_parts *parts) {
    const struct call_param param = {"uploadId", parts->id};
    struct http_answer answer = {0};
    struct object_call call;

    if (ktki_object_call_init(&call, parts->store, "DELETE", "give up putting", parts->key, NULL) ==
        KTK_OK) {
        call.call.params = &param;
        call.call.param_count = 1;
        KTKI_IGNORE(ktki_exchange(parts->store->exchanger, &call.call, &answer, NULL, NULL));
        ktki_http_answer_clear(&answer);
        ktki_object_call_clear(&call);
    }
}

const struct object_parts_ops ktki_s3_parts = {
    .count_max = PART_COUNT_MAX,
    .put = ktki_s3_put,
    .begin = begin,
    .describe = describe,
    .note = note,
    .join = join,
    .give_up = give_up,
};
