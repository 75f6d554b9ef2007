#include "store/s3_bucket.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
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
    char region[sizeof(bucket->region)];
    struct buffer authority;
    struct buffer texts;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&authority, bucket->allocator, 0);
    ktki_buffer_init(&texts, bucket->allocator, 0);
    KTKI_TRY(ktki_aws_credentials_get(bucket->credentials, &keys, &texts, err));
    pthread_mutex_lock(&bucket->lock);
    memcpy(region, bucket->region, sizeof(region));
    (void)snprintf(bucket->last_access_key, sizeof(bucket->last_access_key), "%s",
                   keys.access_key == NULL ? "" : keys.access_key);
    pthread_mutex_unlock(&bucket->lock);
    KTKI_TRY(append_authority(&authority, &bucket->settings, region, err));
    endpoint.region = region;
    endpoint.authority = (const char *)authority.data;
    KTKI_TRY(ktki_sign_aws(&bucket->crypto, &endpoint, keys.access_key == NULL ? NULL : &keys, call,
                           now_ms, bucket->allocator, out, err));
out:
    ktki_buffer_clear(&authority);
    ktki_buffer_clear(&texts);
    return status;
}

struct told_error {
    struct service_error *error;
    char region[64];
};

static ktk_status take_error(void *state, const char *path, const char *text, ktk_error *err) {
    struct told_error *told = state;

    (void)err;
    if (strcmp(path, "Error/Code") == 0) {
        (void)snprintf(told->error->code, sizeof(told->error->code), "%s", text);
    } else if (strcmp(path, "Error/Message") == 0) {
        (void)snprintf(told->error->message, sizeof(told->error->message), "%s", text);
    } else if (strcmp(path, "Error/Region") == 0) {
        (void)snprintf(told->region, sizeof(told->region), "%s", text);
    }
    return KTK_OK;
}

static void explain(void *state, const struct http_answer *answer, struct service_error *out) {
    struct s3_bucket *bucket = state;
    struct told_error told = {out, ""};

    KTKI_IGNORE(ktki_xml_read(bucket->allocator, answer->body.data, answer->body.size, take_error,
                              &told, NULL));
}

/* Is the bucket in another region? Then calls go there from now on. */
static bool changes_region(struct s3_bucket *bucket, const struct http_answer *answer) {
    const char *region = ktki_http_answer_header(answer, "x-amz-bucket-region");
    struct service_error unused;
    struct told_error told = {&unused, ""};
    bool is_other;

    if (region == NULL && answer->status == 400) {
        KTKI_IGNORE(ktki_xml_read(bucket->allocator, answer->body.data, answer->body.size,
                                  take_error, &told, NULL));
        region = told.region;
    }
    if (region == NULL || region[0] == '\0' || strlen(region) >= sizeof(bucket->region)) {
        return false;
    }
    pthread_mutex_lock(&bucket->lock);
    is_other = strcmp(region, bucket->region) != 0;
    (void)snprintf(bucket->region, sizeof(bucket->region), "%s", region);
    pthread_mutex_unlock(&bucket->lock);
    return is_other;
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

static const struct service_ops service = {sign, explain, adapt};

/* --- a bucket ------------------------------------------------------------------------------ */

static ktk_status set_region(struct s3_bucket *bucket, ktk_error *err) {
    struct buffer region;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&region, bucket->allocator, 0);
    if (bucket->settings.region != NULL) {
        KTKI_TRY(ktki_buffer_append_text(&region, bucket->settings.region, err));
        KTKI_TRY(ktki_buffer_append_byte(&region, '\0', err));
    } else {
        KTKI_TRY(
            ktki_aws_profile_region(bucket->allocator, bucket->settings.profile, &region, err));
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

static ktk_status set_name(struct s3_bucket *bucket, ktk_error *err) {
    struct buffer name;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&name, bucket->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&name, err, "s3://%s%s%s", bucket->settings.bucket,
                                       bucket->settings.prefix[0] == '\0' ? "" : "/",
                                       bucket->settings.prefix));
    name.size -= bucket->settings.prefix[0] == '\0' ? 0 : 1;
    KTKI_TRY(
        ktki_copy_text(bucket->allocator, (const char *)name.data, name.size, &bucket->name, err));
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

    KTKI_TRY(ktki_crypto_api_load(&bucket->crypto, err));
    KTKI_TRY(ktki_aws_credentials_new(&bucket->credentials, bucket->allocator, &keys, err));
    KTKI_TRY(
        ktki_exchanger_new(&bucket->exchanger, bucket->allocator, &service, bucket, &options, err));
out:
    return status;
}

ktk_status ktki_s3_bucket_new(struct s3_bucket **out, const ktk_allocator *allocator,
                              const ktk_limits *limits, const struct store_url *url,
                              ktk_error *err) {
    struct s3_bucket *bucket = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &bucket, err));
    bucket->allocator = allocator;
    bucket->limits = limits;
    (void)pthread_mutex_init(&bucket->lock, NULL);
    KTKI_TRY(ktki_s3_settings_read(&bucket->settings, url, err));
    KTKI_TRY(set_region(bucket, err));
    KTKI_TRY(set_name(bucket, err));
    KTKI_TRY(set_up(bucket, err));
    *out = bucket;
    bucket = NULL;
out:
    ktki_s3_bucket_free(bucket);
    return status;
}

void ktki_s3_bucket_free(struct s3_bucket *bucket) {
    if (bucket == NULL) {
        return;
    }
    ktki_exchanger_free(bucket->exchanger);
    ktki_aws_credentials_free(bucket->credentials);
    ktki_s3_settings_clear(&bucket->settings);
    ktki_free_text(bucket->allocator, bucket->name);
    (void)pthread_mutex_destroy(&bucket->lock);
    KTKI_DELETE(bucket->allocator, bucket);
}

/* --- calls --------------------------------------------------------------------------------- */

ktk_status ktki_s3_call_init(struct s3_call *out, const struct s3_bucket *bucket,
                             const char *method, const char *verb, const char *key,
                             ktk_error *err) {
    const struct s3_settings *settings = &bucket->settings;
    ktk_status status = KTK_OK;

    *out = (struct s3_call){.call = {.method = method}};
    ktki_buffer_init(&out->path, bucket->allocator, 0);
    KTKI_TRY(ktki_buffer_append_byte(&out->path, '/', err));
    if (!settings->is_virtual_host) {
        KTKI_TRY(
            ktki_url_encode(&out->path, settings->bucket, strlen(settings->bucket), false, err));
        KTKI_TRY(key == NULL ? KTK_OK : ktki_buffer_append_byte(&out->path, '/', err));
    }
    if (key != NULL) {
        KTKI_TRY(
            ktki_url_encode(&out->path, settings->prefix, strlen(settings->prefix), true, err));
        KTKI_TRY(ktki_url_encode(&out->path, key, strlen(key), true, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(&out->path, '\0', err));
    (void)snprintf(out->what, sizeof(out->what), key == NULL ? "%s" : "%s '%s'", verb,
                   key == NULL ? "" : key);
    out->call.path = (const char *)out->path.data;
    out->call.what = out->what;
out:
    if (status != KTK_OK) {
        ktki_s3_call_clear(out);
    }
    return status;
}

void ktki_s3_call_clear(struct s3_call *call) {
    ktki_buffer_clear(&call->path);
}

void ktki_s3_version(const struct http_answer *answer, ktk_store_version *out) {
    const char *etag = ktki_http_answer_header(answer, "etag");
    bool fits = etag != NULL && strlen(etag) < sizeof(out->text);

    (void)snprintf(out->text, sizeof(out->text), "%s", fits ? etag : "");
}
