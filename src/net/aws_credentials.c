#include "net/aws_credentials.h"

#include "base/alloc.h"
#include "base/error.h"
#include "net/aws_providers.h"
#include "net/credential_process.h"
#include "net/credential_request.h"

#define PROCESS_TIME_MAX_MS 60000

/* --- what has keys ------------------------------------------------------------------------- */

ktk_status ktki_aws_take_keys(const struct credential_chain *chain, const char *access_key,
                              const char *secret_key, const char *session_token, const char *where,
                              struct credential *out, ktk_error *err) {
    const char *texts[KTKI_CREDENTIAL_TEXTS] = {access_key, secret_key, session_token};
    ktk_status status = KTK_OK;

    if (access_key == NULL && secret_key == NULL) {
        goto out;
    }
    if (access_key == NULL || secret_key == NULL) {
        KTKI_FAIL(err, KTK_E_DENIED, "the %s key is missing in '%s', where the other one is",
                  access_key == NULL ? "access" : "secret", where);
    }
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        KTKI_TRY(texts[i] == NULL ? KTK_OK
                                  : ktki_copy_text(chain->allocator, texts[i], strlen(texts[i]),
                                                   &out->texts[i], err));
    }
out:
    return status;
}

ktk_status ktki_aws_take_json(const struct credential_chain *chain, const struct buffer *text,
                              const char *token_name, const char *what, struct credential *out,
                              ktk_error *err) {
    const char *const names[] = {"AccessKeyId", "SecretAccessKey", token_name, "Expiration",
                                 "Code",        "Version"};
    char *texts[sizeof(names) / sizeof(names[0])] = {NULL};
    bool is_process = strcmp(token_name, "SessionToken") == 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_credential_members(chain, text->data, text->size, names, texts,
                                     sizeof(names) / sizeof(names[0]), what, err));
    if (is_process && (texts[5] == NULL || strcmp(texts[5], "1") != 0)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "cannot %s: 'Version' is not 1", what);
    }
    if (!is_process && texts[4] != NULL && strcmp(texts[4], "Success") != 0) {
        KTKI_FAIL(err, KTK_E_DENIED, "cannot %s: '%.64s'", what, texts[4]);
    }
    if (texts[0] == NULL || texts[1] == NULL) {
        KTKI_FAIL(err, KTK_E_IO, "cannot %s: there are no keys in the answer", what);
    }
    KTKI_TRY(ktki_credential_expiry(texts[3], &out->expires_ms, err));
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        out->texts[i] = texts[i];
        texts[i] = NULL;
    }
out:
    ktki_credential_free_texts(chain, texts, sizeof(names) / sizeof(names[0]));
    return status;
}

static ktk_status fetch_given(const struct credential_chain *chain, struct credential *out,
                              ktk_error *err) {
    char *const *given = ktki_aws_state(chain)->given;

    return ktki_aws_take_keys(chain, given[0], given[1], given[2], "what is given", out, err);
}

ktk_status ktki_aws_fetch_environment(const struct credential_chain *chain, struct credential *out,
                                      ktk_error *err) {
    return ktki_aws_take_keys(chain, ktki_credential_environment("AWS_ACCESS_KEY_ID"),
                              ktki_credential_environment("AWS_SECRET_ACCESS_KEY"),
                              ktki_credential_environment("AWS_SESSION_TOKEN"), "the environment",
                              out, err);
}

/* Who names a profile wants its keys, whatever the environment holds. */
static ktk_status fetch_environment(const struct credential_chain *chain, struct credential *out,
                                    ktk_error *err) {
    return ktki_aws_state(chain)->profile != NULL ? KTK_OK
                                                  : ktki_aws_fetch_environment(chain, out, err);
}

/* --- profiles ------------------------------------------------------------------------------ */

ktk_status ktki_aws_load_profile(const struct credential_chain *chain, struct aws_profile *out,
                                 enum aws_profile_files files, ktk_error *err) {
    const char *asked = ktki_aws_state(chain)->profile;
    const char *name = ktki_aws_profile_name(asked);
    bool is_named = asked != NULL || ktki_credential_environment("AWS_PROFILE") != NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_aws_profile_read(out, chain->allocator, name, files, err));
    if (is_named && !out->is_there && files == AWS_BOTH_FILES) {
        KTKI_FAIL(err, KTK_E_DENIED,
                  "there is no profile '%s' in AWS' shared files (~/.aws/credentials, "
                  "~/.aws/config, or those of AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE)",
                  name);
    }
out:
    return status;
}

static ktk_status fetch_file(const struct credential_chain *chain, enum aws_profile_files file,
                             struct credential *out, ktk_error *err) {
    struct aws_profile profile = {.allocator = NULL};
    char *const *values = profile.values;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_aws_load_profile(chain, &profile, file, err));
    KTKI_TRY(ktki_aws_take_keys(chain, values[AWS_ACCESS_KEY], values[AWS_SECRET_KEY],
                                values[AWS_SESSION_TOKEN], "the profile", out, err));
    if (out->texts[0] == NULL && file == AWS_CONFIG_FILE &&
        (values[AWS_SSO_START_URL] != NULL || values[AWS_SSO_SESSION] != NULL)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "the profile signs in by a browser (sso_session); set credential_process = aws "
                  "configure export-credentials --profile NAME in a profile of its own");
    }
out:
    ktki_aws_profile_clear(&profile);
    return status;
}

static ktk_status fetch_credentials_file(const struct credential_chain *chain,
                                         struct credential *out, ktk_error *err) {
    return fetch_file(chain, AWS_CREDENTIALS_FILE, out, err);
}

static ktk_status fetch_config_file(const struct credential_chain *chain, struct credential *out,
                                    ktk_error *err) {
    return fetch_file(chain, AWS_CONFIG_FILE, out, err);
}

ktk_status ktki_aws_run_process(const struct credential_chain *chain,
                                const struct aws_profile *profile, struct credential *out,
                                ktk_error *err) {
    const char *command = profile->values[AWS_CREDENTIAL_PROCESS];
    char *words[KTKI_PROCESS_WORDS_MAX + 1] = {NULL};
    size_t count = 0;
    struct buffer space;
    struct buffer output;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&space, chain->allocator, 0);
    ktki_buffer_init(&output, chain->allocator, 0);
    if (command == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_process_split(&space, command, &count, err));
    words[0] = (char *)space.data;
    for (size_t i = 1; i < count; i++) {
        words[i] = words[i - 1] + strlen(words[i - 1]) + 1;
    }
    status = ktki_process_run(&output, words, false, PROCESS_TIME_MAX_MS, err);
    if (status == KTK_E_NOT_FOUND) {
        status = KTK_E_DENIED;
        if (err != NULL) {
            err->status = KTK_E_DENIED;
        }
    }
    KTKI_TRY(status);
    KTKI_TRY(ktki_aws_take_json(chain, &output, "SessionToken", "read what the process prints", out,
                                err));
out:
    ktki_buffer_clear(&output);
    ktki_buffer_clear(&space);
    return status;
}

static ktk_status fetch_process(const struct credential_chain *chain, struct credential *out,
                                ktk_error *err) {
    struct aws_profile profile = {.allocator = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_aws_load_profile(chain, &profile, AWS_BOTH_FILES, err));
    KTKI_TRY(ktki_aws_run_process(chain, &profile, out, err));
out:
    ktki_aws_profile_clear(&profile);
    return status;
}

ktk_status ktki_aws_profile_region(const ktk_allocator *allocator, const char *profile,
                                   struct buffer *out, ktk_error *err) {
    struct secret_allocator secrets;
    struct aws_profile found = {.allocator = NULL};
    const char *region;
    ktk_status status = KTK_OK;

    ktki_secret_allocator_init(&secrets, allocator);
    KTKI_TRY(ktki_aws_profile_read(&found, &secrets.allocator, ktki_aws_profile_name(profile),
                                   AWS_BOTH_FILES, err));
    region = found.values[AWS_REGION];
    KTKI_TRY(region == NULL ? KTK_OK : ktki_buffer_append(out, region, strlen(region) + 1, err));
out:
    ktki_aws_profile_clear(&found);
    return status;
}

/* --- the chain ----------------------------------------------------------------------------- */

/* botocore's order (credentials.py, create_credential_resolver). */
static const struct credential_provider providers[] = {
    {"given", "none are given", fetch_given},
    {"environment", "not in the environment (AWS_ACCESS_KEY_ID)", fetch_environment},
    {"role of the profile", "no role in the profile", ktki_aws_fetch_role},
    {"web identity", "no web identity (AWS_WEB_IDENTITY_TOKEN_FILE)", ktki_aws_fetch_web_identity},
    {"shared credentials file", "not in ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE)",
     fetch_credentials_file},
    {"credential process", "no credential_process", fetch_process},
    {"config file", "not in ~/.aws/config (AWS_CONFIG_FILE)", fetch_config_file},
    {"container", "no container (AWS_CONTAINER_CREDENTIALS_FULL_URI)", ktki_aws_fetch_container},
    {"instance metadata", "no instance metadata of EC2", ktki_aws_fetch_instance},
};

ktk_status ktki_aws_credentials_new(struct aws_credentials **out, const ktk_allocator *allocator,
                                    const struct aws_credentials_options *options, ktk_error *err) {
    struct credential_chain_options chain = {.providers = providers,
                                             .provider_count =
                                                 sizeof(providers) / sizeof(providers[0]),
                                             .subject = "keys for S3",
                                             .http = options->http,
                                             .clock = options->clock};
    struct aws_credentials *credentials = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &credentials, err));
    credentials->allocator = allocator;
    credentials->is_anonymous = options->is_anonymous;
    credentials->container_address = options->container_address;
    chain.state = credentials;
    KTKI_TRY(ktki_credential_chain_init(&credentials->chain, allocator, &chain, err));
    KTKI_TRY(ktki_credential_keep(&credentials->chain, options->access_key, &credentials->given[0],
                                  err));
    KTKI_TRY(ktki_credential_keep(&credentials->chain, options->secret_key, &credentials->given[1],
                                  err));
    KTKI_TRY(ktki_credential_keep(&credentials->chain, options->session_token,
                                  &credentials->given[2], err));
    KTKI_TRY(
        ktki_credential_keep(&credentials->chain, options->profile, &credentials->profile, err));
    KTKI_TRY(ktki_credential_keep(&credentials->chain, options->region, &credentials->region, err));
    *out = credentials;
    credentials = NULL;
out:
    ktki_aws_credentials_free(credentials);
    return status;
}

void ktki_aws_credentials_free(struct aws_credentials *credentials) {
    if (credentials == NULL) {
        return;
    }
    ktki_credential_free_texts(&credentials->chain, credentials->given, KTKI_CREDENTIAL_TEXTS);
    ktki_credential_free_texts(&credentials->chain, &credentials->profile, 1);
    ktki_credential_free_texts(&credentials->chain, &credentials->region, 1);
    ktki_credential_chain_clear(&credentials->chain);
    KTKI_DELETE(credentials->allocator, credentials);
}

ktk_status ktki_aws_credentials_get(struct aws_credentials *credentials, struct aws_keys *out,
                                    struct buffer *space, ktk_error *err) {
    const char *texts[KTKI_CREDENTIAL_TEXTS] = {NULL};
    ktk_status status = KTK_OK;

    if (!credentials->is_anonymous) {
        KTKI_TRY(ktki_credential_chain_get(&credentials->chain, texts, space, err));
    }
    *out = (struct aws_keys){texts[AWS_TEXT_ACCESS_KEY], texts[AWS_TEXT_SECRET_KEY],
                             texts[AWS_TEXT_SESSION_TOKEN]};
out:
    return status;
}

bool ktki_aws_credentials_renew(struct aws_credentials *credentials, const char *access_key) {
    return !credentials->is_anonymous &&
           ktki_credential_chain_renew(&credentials->chain, access_key);
}

const char *ktki_aws_credentials_source(struct aws_credentials *credentials) {
    return credentials->is_anonymous ? "none" : ktki_credential_chain_source(&credentials->chain);
}
