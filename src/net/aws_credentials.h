/**
 * Keys for AWS, from where its own clients take them, in botocore's order: given, environment (not
 * if a profile is given), role of the profile, web identity, shared credentials file,
 * `credential_process`, config file, container, instance. They are looked up when they are first
 * wanted, and again before they expire; the first place that is set up decides, and what fails
 * there is told. docs/credentials.md has the variables.
 */
#ifndef KTKI_NET_AWS_CREDENTIALS_H
#define KTKI_NET_AWS_CREDENTIALS_H

#include "base/retry.h"
#include "net/http.h"
#include "net/sign_aws.h"

struct aws_credentials;

/** Texts are copied; NULL: not given. */
struct aws_credentials_options {
    const char *access_key; /**< with `secret_key`: nothing else is asked */
    const char *secret_key;
    const char *session_token;
    const char *profile;           /**< of the shared files; else AWS_PROFILE, else "default" */
    const char *region;            /**< where tokens are exchanged for keys */
    const char *container_address; /**< NULL: "http://169.254.170.2", where ECS has it. Borrowed */
    bool is_anonymous;             /**< requests are not signed */
    const struct http_options *http; /**< NULL: the defaults. Borrowed during the call */
    const struct time_source *clock; /**< NULL: the system's. Must outlive them */
};

/** Nothing is looked up yet. May be shared between threads. `allocator` must outlive it. */
ktk_status ktki_aws_credentials_new(struct aws_credentials **out, const ktk_allocator *allocator,
                                    const struct aws_credentials_options *options, ktk_error *err);

/** NULL is allowed. */
void ktki_aws_credentials_free(struct aws_credentials *credentials);

/**
 * Keys that are good now. `out`'s texts are copied into `space`, which must be empty; all NULL:
 * requests are not to be signed.
 *
 * @return KTK_E_DENIED if there are none anywhere: the message names the places that were looked
 * at, never a value.
 */
ktk_status ktki_aws_credentials_get(struct aws_credentials *credentials, struct aws_keys *out,
                                    struct buffer *space, ktk_error *err);

/** The service did not take `access_key`: look up others. False: there are none, or the same. */
bool ktki_aws_credentials_renew(struct aws_credentials *credentials, const char *access_key);

/** Where the keys came from that were handed out last, e.g. "environment"; a constant text, "none"
 * before and for what is anonymous. */
const char *ktki_aws_credentials_source(struct aws_credentials *credentials);

/** Region of the profile, copied into `out` with a NUL; nothing is appended if it names none. */
ktk_status ktki_aws_profile_region(const ktk_allocator *allocator, const char *profile,
                                   struct buffer *out, ktk_error *err);

#endif
