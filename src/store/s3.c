#include "store/s3.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "store/s3_bucket.h"

/* What is larger goes in parts (reliability.md 2). */
#define SINGLE_PUT_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* So many small objects fill a line of some hundred milliseconds. */
#define CALLS_AT_ONCE 16

/* --- writing ------------------------------------------------------------------------------- */

ktk_status ktki_s3_make_bucket(struct s3_bucket *bucket, ktk_error *err) {
    static const char form[] = "<CreateBucketConfiguration><LocationConstraint>%s"
                               "</LocationConstraint></CreateBucketConfiguration>";
    struct object_call call;
    char region[KTKI_S3_REGION_SIZE];
    char body[256];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, &bucket->objects, "PUT", "make the bucket", NULL, err));
    ktki_s3_region(bucket, region);
    /* The default region must not be named. */
    if (bucket->settings.authority == NULL && strcmp(region, "us-east-1") != 0) {
        (void)snprintf(body, sizeof(body), form, region);
        call.call.body = body;
        call.call.body_size = strlen(body);
    }
    status = ktki_object_make_root(&bucket->objects, &call, err);
out:
    ktki_object_call_clear(&call);
    return status;
}

bool ktki_s3_lacks_bucket(struct s3_bucket *bucket, ktk_status status,
                          const struct service_error *why) {
    return status == KTK_E_NOT_FOUND && strcmp(why->code, "NoSuchBucket") == 0 &&
           bucket->settings.makes_bucket && !atomic_exchange(&bucket->has_tried_to_make, true);
}

/* The ETag as this service wants it: with its quotes or without. */
static void write_etag(const struct s3_bucket *bucket, const ktk_store_version *version,
                       char out[sizeof(version->text)]) {
    size_t size = strlen(version->text);
    bool is_bare = atomic_load(&bucket->etag_form) == ETAG_BARE && size >= 2 &&
                   version->text[0] == '"' && version->text[size - 1] == '"';

    (void)snprintf(out, sizeof(version->text), "%.*s", (int)(is_bare ? size - 2 : size),
                   version->text + (is_bare ? 1 : 0));
}

static ktk_status send_put(struct s3_bucket *bucket, const char *key, const void *data, size_t size,
                           const ktk_put_condition *condition, ktk_store_version *version,
                           int32_t *code, struct service_error *why, ktk_error *err) {
    /* The signature is over the SHA-256 of the body. A second digest takes twice its time, which is
     * worth it for the documents alone, that commits put. */
    bool is_commit = condition != NULL && (condition->must_not_exist || condition->matches != NULL);
    struct object_put put = {.key = key,
                             .data = data,
                             .size = size,
                             .is_signed = !bucket->settings.is_anonymous && !is_commit,
                             .conflicts_pass = !is_commit};
    char etag[sizeof(condition->matches->text)];

    if (condition != NULL) {
        put.must_not_exist = condition->must_not_exist;
    }
    if (condition != NULL && condition->matches != NULL) {
        write_etag(bucket, condition->matches, etag);
        put.matches = etag;
    }
    return ktki_object_put(&bucket->objects, &put, version, code, why, err);
}

/* Was a condition refused only because of the quotes of its ETag? */
static bool wants_other_form(struct s3_bucket *bucket, const char *key,
                             const ktk_store_version *matches) {
    ktk_store_entry entry;

    if (atomic_load(&bucket->etag_form) != ETAG_UNKNOWN ||
        ktki_object_head(bucket, key, &entry, NULL) != KTK_OK ||
        strcmp(entry.version.text, matches->text) != 0) {
        return false;
    }
    atomic_store(&bucket->etag_form, ETAG_BARE);
    return true;
}

/* What a refused condition means. */
static ktk_status judge_condition(struct s3_bucket *bucket, const char *key,
                                  const ktk_put_condition *condition, int32_t code,
                                  ktk_status status, ktk_error *err) {
    ktk_store_entry entry;

    if (status == KTK_E_NOT_FOUND && condition->matches != NULL) {
        return ktk_error_set(err, KTK_E_CONFLICT, "'%s' is gone", key);
    }
    if (status != KTK_E_CONFLICT || !condition->must_not_exist) {
        return status;
    }
    /* 409 is another write at the same time, which need not have won. */
    if (code == 409 && ktki_object_head(bucket, key, &entry, NULL) != KTK_OK) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "'%s' is being written by somebody else", key);
    }
    return ktk_error_set(err, KTK_E_EXISTS, "'%s' exists already", key);
}

ktk_status ktki_s3_put(void *state, const char *key, const void *data, size_t size,
                       const ktk_put_condition *condition, ktk_store_version *version,
                       ktk_error *err) {
    struct s3_bucket *bucket = state;
    struct service_error why;
    bool has_condition =
        condition != NULL && (condition->must_not_exist || condition->matches != NULL);
    int32_t code = 0;
    ktk_status status;

    if (size > SINGLE_PUT_BYTES_MAX && !has_condition) {
        return ktki_object_parts_put(&bucket->objects, &ktki_s3_parts, key, data, size, version,
                                     err);
    }
    status = send_put(bucket, key, data, size, condition, version, &code, &why, err);
    if (ktki_s3_lacks_bucket(bucket, status, &why)) {
        KTKI_TRY(ktki_s3_make_bucket(bucket, err));
        status = send_put(bucket, key, data, size, condition, version, &code, &why, err);
    }
    if (!has_condition) {
        goto out;
    }
    if (code == 412 && condition->matches != NULL &&
        wants_other_form(bucket, key, condition->matches)) {
        status = send_put(bucket, key, data, size, condition, version, &code, &why, err);
    } else if (status == KTK_OK && condition->matches != NULL) {
        int unknown = ETAG_UNKNOWN;

        (void)atomic_compare_exchange_strong(&bucket->etag_form, &unknown, ETAG_QUOTED);
    }
    status = judge_condition(bucket, key, condition, code, status, err);
out:
    return status;
}

static ktk_status s3_begin(void *state, const char *key, const ktk_put_condition *condition,
                           void **out, ktk_error *err) {
    struct object_parts *parts;
    ktk_status status = ktki_object_parts_begin(&parts, state, &ktki_s3_parts, key, condition, err);

    if (status == KTK_OK) {
        *out = parts;
    }
    return status;
}

/* Ceph joins parts whatever the condition says, as others may. */
static const struct put_ops puts_in_parts = {
    .has_conditions = false,
    .begin = s3_begin,
    .append = ktki_object_parts_append,
    .finish = ktki_object_parts_finish,
    .end = ktki_object_parts_end,
};

static void s3_describe(void *state, struct store_origin *out) {
    struct s3_bucket *bucket = state;

    out->provider = "S3";
    out->endpoint = bucket->settings.authority;
    ktki_s3_region(bucket, out->region);
    out->credentials = ktki_aws_credentials_source(bucket->credentials);
    out->missing = atomic_load(&bucket->objects.is_missing) ? "bucket" : NULL;
    out->clock_ahead_ms = ktki_exchanger_clock_ahead_ms(bucket->objects.exchanger);
}

/* --- the store ----------------------------------------------------------------------------- */

static void s3_free(void *state) {
    ktki_s3_bucket_free(state);
}

static const ktk_store_ops ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT |
            (uint32_t)KTK_STORE_PROBED,
    .get = ktki_object_get,
    .get_range = ktki_object_get_range,
    .head = ktki_object_head,
    .put = ktki_s3_put,
    .remove = ktki_object_remove,
    .list = ktki_object_list,
    .free = s3_free,
    .calls_at_once = CALLS_AT_ONCE,
};

ktk_status ktki_store_s3_new(ktk_store **out, ktk_context *context, const struct store_url *url,
                             enum key_space keys, ktk_error *err) {
    struct store_setup setup = ktki_object_setup(&ops, keys, s3_describe);
    struct s3_bucket *bucket = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_s3_bucket_new(&bucket, ktki_context_allocator(context),
                                ktki_context_limits(context), url, err));
    setup.remove_many = ktki_s3_remove_many;
    setup.copy = ktki_s3_copy;
    setup.state = bucket;
    setup.name = bucket->objects.name;
    setup.puts = &puts_in_parts;
    KTKI_TRY(ktki_store_new(out, context, &setup, err));
    bucket = NULL;
out:
    ktki_s3_bucket_free(bucket);
    return status;
}
