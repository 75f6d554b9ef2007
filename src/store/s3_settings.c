#include "store/s3_settings.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "store/setting.h"

static bool is_true(const char *text) {
    return text != NULL &&
           (strcmp(text, "true") == 0 || strcmp(text, "True") == 0 || strcmp(text, "1") == 0);
}

/* As minimalkv has it: on unless it is said to be off. */
static bool is_on(const struct store_url *url, const char *name) {
    const char *text = ktki_store_url_param(url, name);

    return text == NULL || text[0] == '\0' || is_true(text);
}

static const char *environment(const char *first, const char *second) {
    const char *text = getenv(first);

    return ktki_setting_is_given(text) || second == NULL ? text : getenv(second);
}

/* "https://host:port", with or without a '/' at the end. */
static ktk_status set_endpoint(struct s3_settings *settings, const char *endpoint, ktk_error *err) {
    const char *host;
    size_t size;
    ktk_status status = KTK_OK;

    if (!ktki_setting_is_given(endpoint)) {
        goto out;
    }
    host = strstr(endpoint, "://");
    size = host == NULL ? 0 : strcspn(host + 3, "/");
    if (host == NULL || size == 0 || strspn(host + 3 + size, "/") != strlen(host + 3 + size) ||
        memchr(host + 3, '@', size) != NULL ||
        (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "an endpoint of S3 is written as 'https://host' or 'http://host:port', not '%s'",
                  ktki_setting_shown(endpoint));
    }
    ktki_free_text(settings->allocator, settings->authority);
    settings->authority = NULL;
    KTKI_TRY(ktki_copy_text(settings->allocator, host + 3, size, &settings->authority, err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->scheme,
                               strncmp(endpoint, "https", 5) == 0 ? "https" : "http", err));
out:
    return status;
}

/* What both kinds of URL have, and the environment. */
static ktk_status read_alike(struct s3_settings *settings, const struct store_url *url,
                             ktk_error *err) {
    const char *verify = ktki_store_url_param(url, "verify");
    const char *addressing = ktki_store_url_param(url, "addressing");
    const char *region = ktki_store_url_param(url, "region");
    ktk_status status = KTK_OK;

    region = ktki_setting_is_given(region) ? region : ktki_store_url_param(url, "region_name");
    region =
        ktki_setting_is_given(region) ? region : environment("AWS_REGION", "AWS_DEFAULT_REGION");
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->region, region, err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->session_token,
                               ktki_store_url_param(url, "session_token"), err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->profile,
                               ktki_store_url_param(url, "profile"), err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->ca_file,
                               environment("AWS_CA_BUNDLE", NULL), err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->ca_file,
                               ktki_store_url_param(url, "ca_file"), err));
    settings->trusts_anybody =
        verify != NULL && (strcmp(verify, "false") == 0 || strcmp(verify, "False") == 0);
    settings->is_anonymous = is_true(ktki_store_url_param(url, "anonymous"));
    if (addressing != NULL && strcmp(addressing, "path") != 0 &&
        strcmp(addressing, "virtual") != 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "'addressing' of a store is 'path' or 'virtual', not '%s'",
                  ktki_setting_shown(addressing));
    }
    /* A name with dots does not fit a certificate of AWS. */
    settings->is_virtual_host =
        addressing != NULL ? strcmp(addressing, "virtual") == 0
                           : settings->authority == NULL && strchr(settings->bucket, '.') == NULL;
out:
    return status;
}

/* s3://bucket/prefix */
static ktk_status read_bucket_url(struct s3_settings *settings, const struct store_url *url,
                                  ktk_error *err) {
    const char *endpoint = ktki_store_url_param(url, "endpoint");
    ktk_status status = KTK_OK;

    if (url->host[0] == '\0') {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "'s3://' must be followed by a bucket, as in 's3://bucket/prefix'");
    }
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->bucket, url->host, err));
    KTKI_TRY(ktki_setting_prefix(settings->allocator, &settings->prefix, url->location, err));
    KTKI_TRY(set_endpoint(settings,
                          ktki_setting_is_given(endpoint)
                              ? endpoint
                              : environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
                          err));
    settings->makes_bucket = url->is_creation_asked && url->create_if_missing;
out:
    return status;
}

static bool has_suffix_of_key(const char *bucket, const char *access_key) {
    size_t size = strlen(bucket);
    size_t key_size = strlen(access_key);

    return size > key_size && bucket[size - key_size - 1] == '-' &&
           strcasecmp(bucket + size - key_size, access_key) == 0;
}

/* The bucket of another's URL: "-key" is appended unless that is turned off or there. */
static ktk_status read_shared_bucket(struct s3_settings *settings, const struct store_url *url,
                                     ktk_error *err) {
    const char *name = url->location + strspn(url->location, "/");
    const char *key = url->user != NULL ? url->user : environment("AWS_ACCESS_KEY_ID", NULL);
    struct buffer bucket;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&bucket, settings->allocator, 0);
    if (name[0] == '\0' || strchr(name, '/') != NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "a store URL '%s://key:secret@endpoint/bucket' ends with a bucket, without '/'",
                  url->scheme);
    }
    KTKI_TRY(ktki_buffer_append_text(&bucket, name, err));
    if (is_on(url, "force_bucket_suffix") && ktki_setting_is_given(key) &&
        !has_suffix_of_key(name, key)) {
        KTKI_TRY(ktki_buffer_append_byte(&bucket, '-', err));
        KTKI_TRY(ktki_buffer_append_lower(&bucket, key, strlen(key), err));
    }
    KTKI_TRY(ktki_copy_text(settings->allocator, (const char *)bucket.data, bucket.size,
                            &settings->bucket, err));
out:
    ktki_buffer_clear(&bucket);
    return status;
}

/* key:secret@endpoint:port/bucket */
static ktk_status read_shared_url(struct s3_settings *settings, const struct store_url *url,
                                  ktk_error *err) {
    struct buffer endpoint;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&endpoint, settings->allocator, 0);
    if (url->user != NULL && url->password == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "Could not parse user/key in store-URL. Note that values have to be "
                  "percent-encoded");
    }
    KTKI_TRY(read_shared_bucket(settings, url, err));
    KTKI_TRY(ktki_setting_prefix(settings->allocator, &settings->prefix, "", err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->access_key, url->user, err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->secret_key, url->password, err));
    if (url->host[0] != '\0') {
        KTKI_TRY(ktki_buffer_append_format(&endpoint, err, "%s://%s%s%s",
                                           is_on(url, "is_secure") ? "https" : "http", url->host,
                                           url->port[0] == '\0' ? "" : ":", url->port));
        KTKI_TRY(ktki_buffer_append_byte(&endpoint, '\0', err));
        KTKI_TRY(set_endpoint(settings, (const char *)endpoint.data, err));
    }
    settings->makes_bucket = url->create_if_missing;
out:
    ktki_buffer_clear(&endpoint);
    return status;
}

void ktki_s3_settings_clear(struct s3_settings *settings) {
    char *texts[] = {settings->bucket, settings->prefix,  settings->scheme, settings->authority,
                     settings->region, settings->profile, settings->ca_file};

    for (size_t i = 0; settings->allocator != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        ktki_free_text(settings->allocator, texts[i]);
    }
    if (settings->allocator != NULL) {
        ktki_free_secret(settings->allocator, settings->access_key);
        ktki_free_secret(settings->allocator, settings->secret_key);
        ktki_free_secret(settings->allocator, settings->session_token);
    }
    *settings = (struct s3_settings){0};
}

ktk_status ktki_s3_settings_read(struct s3_settings *out, const struct store_url *url,
                                 ktk_error *err) {
    struct s3_settings settings = {.allocator = url->allocator};
    bool is_shared = strcmp(url->scheme, "s3") != 0 || url->user != NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_setting_text(settings.allocator, &settings.scheme, "https", err));
    KTKI_TRY(is_shared ? read_shared_url(&settings, url, err)
                       : read_bucket_url(&settings, url, err));
    KTKI_TRY(read_alike(&settings, url, err));
    *out = settings;
    settings = (struct s3_settings){0};
out:
    ktki_s3_settings_clear(&settings);
    return status;
}
