/** Where a bucket is and how it is spoken to, as a store URL says. */
#ifndef KTKI_STORE_S3_SETTINGS_H
#define KTKI_STORE_S3_SETTINGS_H

#include "store/url.h"

/** NULL: not given. */
struct s3_settings {
    const ktk_allocator *allocator;
    char *bucket;
    char *prefix;    /**< of all keys: "" or "a/b/" */
    char *scheme;    /**< "https" or "http" */
    char *authority; /**< of the endpoint; NULL: AWS', which follows from the region */
    char *region;
    char *access_key;
    char *secret_key;
    char *session_token;
    char *profile;
    char *ca_file;
    bool is_virtual_host; /**< the bucket is part of the host, not of the path */
    bool is_anonymous;
    bool trusts_anybody;
    bool makes_bucket; /**< when the first put finds none */
};

/**
 * Read a URL of the scheme "s3", "hs3" or "boto".
 *
 * -
 * `s3://bucket/prefix?endpoint=https://host:port&region=…&profile=…&addressing=path|virtual&anonymous=true&verify=false&ca_file=…`
 * - `s3://key:secret@endpoint:port/bucket?…`, and every URL of hs3 and boto, as storefact and
 * minimalkv read it (dataset.md 10.2): with `force_bucket_suffix`, which is on, `is_secure`,
 * `verify`, `region_name`, `session_token`.
 *
 * What is not given comes from the environment: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
 * AWS_DEFAULT_REGION, AWS_CA_BUNDLE.
 */
ktk_status ktki_s3_settings_read(struct s3_settings *out, const struct store_url *url,
                                 ktk_error *err);

/** A zeroed one is allowed. */
void ktki_s3_settings_clear(struct s3_settings *settings);

#endif
