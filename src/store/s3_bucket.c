#include "store/s3_bucket.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/secret.h"
#include "net/url_encode.h"
#include "net/xml.h"

#define REGION_DEFAULT "us-east-1"

/* --- what the exchanger asks --------------------------------------------------------------- */

static ktk_status append_authority(struct buffer *out, const struct s3_settings *settings,
                                   const char *region, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (settings->is_virtual_host) {
        KTKI_TRY(ktki_buffer_append_format(out, err, "%s.", settings->bucket));
    }
    KTKI_TRY(settings->authority != NULL
                 ? ktki_buffer_append_text(out, settings->authority, err)
                 : ktki_buffer_append_format(out, err, "s3.%s.amazonaws.com", region));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

static ktk_status sign(void *state, const struct call *call, int64_t now_ms,
                       struct signed_call *out, ktk_error *err) {
    struct s3_bucket *bucket = state;
    struct aws_keys keys;
    struct aws_endpoint endpoint = {.scheme = bucket->settings.scheme, .service = "s3"};
    char region[KTKI_S3_REGION_SIZE];
    struct secret_allocator secrets;
    struct buffer authority;
    struct buffer texts;
    ktk_status status = KTK_OK;

    ktki_secret_allocator_init(&secrets, bucket->objects.allocator);
    ktki_buffer_init(&authority, bucket->objects.allocator, 0);
    ktki_buffer_init(&texts, &secrets.allocator, 0);
    KTKI_TRY(ktki_aws_credentials_get(bucket->credentials, &keys, &texts, err));
    pthread_mutex_lock(&bucket->lock);
    (void)snprintf(bucket->last_access_key, sizeof(bucket->last_access_key), "%s",
                   keys.access_key == NULL ? "" : keys.access_key);
    pthread_mutex_unlock(&bucket->lock);
    ktki_s3_region(bucket, region);
    KTKI_TRY(append_authority(&authority, &bucket->settings, region, err));
    endpoint.region = region;
    endpoint.authority = (const char *)authority.data;
    KTKI_TRY(ktki_sign_aws(&bucket->objects.crypto, &endpoint,
                           keys.access_key == NULL ? NULL : &keys, call, now_ms, &secrets.allocator,
                           out, err));
out:
    ktki_buffer_clear(&authority);
    ktki_buffer_clear(&texts);
    return status;
}

static void explain(void *state, const struct http_answer *answer, struct service_error *out) {
    ktki_object_explain(&((struct s3_bucket *)state)->objects, answer, out);
}

/* Of an error about the region: what it should have been. */
static ktk_status take_region(void *state, const char *path, const char *text, ktk_error *err) {
    (void)err;
    if (strcmp(path, "Error/Region") == 0 && strlen(text) < KTKI_S3_REGION_SIZE) {
        (void)snprintf(state, KTKI_S3_REGION_SIZE, "%s", text);
    }
    return KTK_OK;
}

/* Is the bucket in another region than this call was signed for? Then calls go there from now on. A
 * call that is refused as being in the wrong one is signed again even if another call has found out
 * meanwhile; other refusals tell the region, too, and are none. */
static bool changes_region(struct s3_bucket *bucket, const struct http_answer *answer) {
    const char *region = ktki_http_answer_header(answer, "x-amz-bucket-region");
    char told[KTKI_S3_REGION_SIZE] = "";
    bool is_other;
    bool is_misdirected;

    if (region == NULL && answer->status == 400) {
        KTKI_IGNORE(ktki_xml_read(bucket->objects.allocator, answer->body.data, answer->body.size,
                                  take_region, told, NULL));
        region = told;
    }
    if (region == NULL || region[0] == '\0' || strlen(region) >= sizeof(bucket->region)) {
        return false;
    }
    is_misdirected = answer->status == 301 || region == told;
    pthread_mutex_lock(&bucket->lock);
    is_other = strcmp(region, bucket->region) != 0;
    (void)snprintf(bucket->region, sizeof(bucket->region), "%s", region);
    pthread_mutex_unlock(&bucket->lock);
    return is_other || is_misdirected;
}

static bool is_about_keys(const struct service_error *error) {
    static const char *const codes[] = {"ExpiredToken", "ExpiredTokenException",
                                        "TokenRefreshRequired", "InvalidToken",
                                        "InvalidAccessKeyId"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(error->code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool adapt(void *state, const struct http_answer *answer,
                  const struct service_error *error) {
    struct s3_bucket *bucket = state;
    char access_key[sizeof(bucket->last_access_key)];

    if (answer->status != 404 && changes_region(bucket, answer)) {
        return true;
    }
    pthread_mutex_lock(&bucket->lock);
    memcpy(access_key, bucket->last_access_key, sizeof(access_key));
    pthread_mutex_unlock(&bucket->lock);
    return is_about_keys(error) && ktki_aws_credentials_renew(bucket->credentials, access_key);
}

static const char *source(void *state) {
    return ktki_aws_credentials_source(((struct s3_bucket *)state)->credentials);
}

static const struct service_ops service = {sign, explain, adapt, source};

static const struct call_param list_params[] = {{"list-type", "2"}, {"encoding-type", "url"}};

/* ListObjectsV2. Not every service encodes keys although it was asked to. */
static const struct object_list_format list_format = {
    .entry = "ListBucketResult/Contents",
    .key = "Key",
    .size = "Size",
    .modified = "LastModified",
    .version = "ETag",
    .encoding = "ListBucketResult/EncodingType",
    .next = "ListBucketResult/NextContinuationToken",
    .next_param = "continuation-token",
    .truncated = "ListBucketResult/IsTruncated",
    .after_param = "start-after",
    .params = list_params,
    .param_count = sizeof(list_params) / sizeof(list_params[0]),
};

/* --- a bucket ------------------------------------------------------------------------------ */

static ktk_status set_region(struct s3_bucket *bucket, ktk_error *err) {
    struct buffer region;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&region, bucket->objects.allocator, 0);
    if (bucket->settings.region != NULL) {
        KTKI_TRY(ktki_buffer_append_text(&region, bucket->settings.region, err));
        KTKI_TRY(ktki_buffer_append_byte(&region, '\0', err));
    } else {
        KTKI_TRY(ktki_aws_profile_region(bucket->objects.allocator, bucket->settings.profile,
                                         &region, err));
    }
    if (region.size > sizeof(bucket->region)) {
        KTKI_FAIL(err, KTK_E_INVALID, "a region of %zu characters is too long", region.size - 1);
    }
    (void)snprintf(bucket->region, sizeof(bucket->region), "%s",
                   region.size > 1 ? (const char *)region.data : REGION_DEFAULT);
out:
    ktki_buffer_clear(&region);
    return status;
}

static ktk_status set_root(struct s3_bucket *bucket, ktk_error *err) {
    const struct s3_settings *settings = &bucket->settings;
    struct buffer root;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&root, bucket->objects.allocator, 0);
    if (!settings->is_virtual_host) {
        KTKI_TRY(ktki_buffer_append_byte(&root, '/', err));
        KTKI_TRY(ktki_url_encode(&root, settings->bucket, strlen(settings->bucket), false, err));
    }
    KTKI_TRY(ktki_copy_text(bucket->objects.allocator, (const char *)root.data, root.size,
                            &bucket->root, err));
out:
    ktki_buffer_clear(&root);
    return status;
}

static ktk_status set_name(struct s3_bucket *bucket, ktk_error *err) {
    struct buffer name;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&name, bucket->objects.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&name, err, "s3://%s%s%s", bucket->settings.bucket,
                                       bucket->settings.prefix[0] == '\0' ? "" : "/",
                                       bucket->settings.prefix));
    name.size -= bucket->settings.prefix[0] == '\0' ? 0 : 1;
    KTKI_TRY(ktki_copy_text(bucket->objects.allocator, (const char *)name.data, name.size,
                            &bucket->name, err));
out:
    ktki_buffer_clear(&name);
    return status;
}

static ktk_status set_up(struct s3_bucket *bucket, ktk_error *err) {
    const struct s3_settings *settings = &bucket->settings;
    const struct exchanger_options options = {
        .http = {.ca_file = settings->ca_file, .trusts_anybody = settings->trusts_anybody}};
    const struct aws_credentials_options keys = {.access_key = settings->access_key,
                                                 .secret_key = settings->secret_key,
                                                 .session_token = settings->session_token,
                                                 .profile = settings->profile,
                                                 .region = bucket->region,
                                                 .is_anonymous = settings->is_anonymous,
                                                 .http = &options.http};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_crypto_api_load(&bucket->objects.crypto, err));
    KTKI_TRY(ktki_aws_credentials_new(&bucket->credentials, bucket->objects.allocator, &keys, err));
    KTKI_TRY(ktki_exchanger_new(&bucket->objects.exchanger, bucket->objects.allocator, &service,
                                bucket, &options, err));
out:
    return status;
}

ktk_status ktki_s3_bucket_new(struct s3_bucket **out, const ktk_allocator *allocator,
                              const ktk_limits *limits, const struct store_url *url,
                              ktk_error *err) {
    struct s3_bucket *bucket = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &bucket, err));
    bucket->objects.allocator = allocator;
    bucket->objects.limits = limits;
    (void)pthread_mutex_init(&bucket->lock, NULL);
    bucket->objects.list = &list_format;
    KTKI_TRY(ktki_s3_settings_read(&bucket->settings, url, err));
    bucket->objects.prefix = bucket->settings.prefix;
    KTKI_TRY(set_region(bucket, err));
    KTKI_TRY(set_root(bucket, err));
    KTKI_TRY(set_name(bucket, err));
    bucket->objects.root = bucket->root;
    bucket->objects.name = bucket->name;
    KTKI_TRY(set_up(bucket, err));
    *out = bucket;
    bucket = NULL;
out:
    ktki_s3_bucket_free(bucket);
    return status;
}

void ktki_s3_region(struct s3_bucket *bucket, char out[KTKI_S3_REGION_SIZE]) {
    pthread_mutex_lock(&bucket->lock);
    memcpy(out, bucket->region, KTKI_S3_REGION_SIZE);
    pthread_mutex_unlock(&bucket->lock);
}

void ktki_s3_bucket_free(struct s3_bucket *bucket) {
    if (bucket == NULL) {
        return;
    }
    ktki_exchanger_free(bucket->objects.exchanger);
    ktki_aws_credentials_free(bucket->credentials);
    ktki_s3_settings_clear(&bucket->settings);
    ktki_free_text(bucket->objects.allocator, bucket->name);
    ktki_free_text(bucket->objects.allocator, bucket->root);
    (void)pthread_mutex_destroy(&bucket->lock);
    KTKI_DELETE(bucket->objects.allocator, bucket);
}
