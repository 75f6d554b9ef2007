/** Where keys for AWS are looked up; one function a place, all of them credential_provider.fetch.
 * Of aws_credentials.c alone. */
#ifndef KTKI_NET_AWS_PROVIDERS_H
#define KTKI_NET_AWS_PROVIDERS_H

#include "net/aws_profile.h"
#include "net/credential_chain.h"

/** credential.texts */
enum { AWS_TEXT_ACCESS_KEY, AWS_TEXT_SECRET_KEY, AWS_TEXT_SESSION_TOKEN };

struct aws_credentials {
    struct credential_chain chain;
    const ktk_allocator *allocator; /* of this block */
    char *given[KTKI_CREDENTIAL_TEXTS];
    char *profile; /* NULL: that of the environment, or the default one */
    char *region;  /* NULL: us-east-1 */
    const char *container_address;
    bool is_anonymous;
};

static inline const struct aws_credentials *ktki_aws_state(const struct credential_chain *chain) {
    return chain->options.state;
}

/** Copies; NULL: none. KTK_E_DENIED if only one of the two keys is there; `where` names the place.
 */
ktk_status ktki_aws_take_keys(const struct credential_chain *chain, const char *access_key,
                              const char *secret_key, const char *session_token, const char *where,
                              struct credential *out, ktk_error *err);

/** A JSON object with the names that AWS' services give to keys. `token_name` is "Token" or
 * "SessionToken". */
ktk_status ktki_aws_take_json(const struct credential_chain *chain, const struct buffer *text,
                              const char *token_name, const char *what, struct credential *out,
                              ktk_error *err);

ktk_status ktki_aws_fetch_environment(const struct credential_chain *chain, struct credential *out,
                                      ktk_error *err);
ktk_status ktki_aws_fetch_role(const struct credential_chain *chain, struct credential *out,
                               ktk_error *err);
ktk_status ktki_aws_fetch_web_identity(const struct credential_chain *chain, struct credential *out,
                                       ktk_error *err);
ktk_status ktki_aws_fetch_container(const struct credential_chain *chain, struct credential *out,
                                    ktk_error *err);
ktk_status ktki_aws_fetch_instance(const struct credential_chain *chain, struct credential *out,
                                   ktk_error *err);

/** By the `credential_process` of a profile; nothing if it has none. */
ktk_status ktki_aws_run_process(const struct credential_chain *chain,
                                const struct aws_profile *profile, struct credential *out,
                                ktk_error *err);

/** The profile that is asked for. KTK_E_DENIED if it is named, and is in neither file. */
ktk_status ktki_aws_load_profile(const struct credential_chain *chain, struct aws_profile *out,
                                 enum aws_profile_files files, ktk_error *err);

#endif
