/* Keys that AWS' Security Token Service gives for a token or for other keys. Source: "AssumeRole",
 * "AssumeRoleWithWebIdentity", AWS STS API Reference. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/aws_providers.h"
#include "net/credential_file.h"
#include "net/credential_request.h"
#include "net/url_encode.h"
#include "net/xml.h"

#define REGION_DEFAULT "us-east-1"
#define CHAIN_MAX 5

/* --- the service --------------------------------------------------------------------------- */

static ktk_status append_endpoint(const struct credential_chain *chain, struct buffer *url,
                                  const char **region, ktk_error *err) {
    const char *endpoint = ktki_credential_environment("AWS_ENDPOINT_URL_STS");
    const char *of_state = ktki_aws_state(chain)->region;
    size_t size;
    ktk_status status = KTK_OK;

    *region = of_state == NULL ? REGION_DEFAULT : of_state;
    endpoint = endpoint == NULL ? ktki_credential_environment("AWS_ENDPOINT_URL") : endpoint;
    if (endpoint == NULL) {
        KTKI_TRY(ktki_buffer_append_format(url, err, "https://sts.%s.amazonaws.com%s", *region,
                                           strncmp(*region, "cn-", 3) == 0 ? ".cn" : ""));
    } else {
        size = ktki_url_size_without_slashes(endpoint, strlen(endpoint));
        KTKI_TRY(ktki_buffer_append(url, endpoint, size, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(url, '\0', err));
out:
    return status;
}

struct answer_reading {
    const struct credential_chain *chain;
    char *texts[4]; /* of credential, then the expiration */
};

static ktk_status take_element(void *state, const char *path, const char *text, ktk_error *err) {
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                        "Expiration"};
    struct answer_reading *reading = state;
    const char *parent = strstr(path, "Result/Credentials/");
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < 4 && parent != NULL; i++) {
        if (strcmp(parent + strlen("Result/Credentials/"), names[i]) == 0 && text[0] != '\0') {
            ktki_credential_free_texts(reading->chain, &reading->texts[i], 1);
            KTKI_TRY(ktki_copy_text(reading->chain->allocator, text, strlen(text),
                                    &reading->texts[i], err));
        }
    }
out:
    return status;
}

static ktk_status take_answer(const struct credential_chain *chain,
                              const struct http_answer *answer, const char *what,
                              struct credential *out, ktk_error *err) {
    struct answer_reading reading = {.chain = chain};
    ktk_status status;

    status = ktki_xml_read(chain->allocator, answer->body.data, answer->body.size, take_element,
                           &reading, err);
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        KTKI_FAIL(err, KTK_E_IO, "cannot %s: the answer is no XML", what);
    }
    KTKI_TRY(status);
    if (reading.texts[0] == NULL || reading.texts[1] == NULL || reading.texts[2] == NULL) {
        KTKI_FAIL(err, KTK_E_IO, "cannot %s: there are no keys in the answer", what);
    }
    KTKI_TRY(ktki_credential_expiry(reading.texts[3], &out->expires_ms, err));
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        out->texts[i] = reading.texts[i];
        reading.texts[i] = NULL;
    }
out:
    ktki_credential_free_texts(chain, reading.texts, 4);
    return status;
}

/* `form` holds what the action needs but for what is the same for both. */
static ktk_status ask(const struct credential_chain *chain, struct buffer *form, const char *role,
                      const char *session_name, const struct aws_keys *keys, struct credential *out,
                      ktk_error *err) {
    static const struct http_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"}};
    struct credential_request request = {
        .method = "POST", .headers = headers, .header_count = 1, .body = form, .keys = keys};
    struct http_answer answer = {0};
    struct buffer url;
    char what[256];
    ktk_status status = KTK_OK;

    ktki_buffer_init(&url, chain->allocator, 0);
    (void)snprintf(what, sizeof(what), "take the role '%.200s'", role);
    KTKI_TRY(append_endpoint(chain, &url, &request.region, err));
    KTKI_TRY(ktki_credential_form(form, "Version", "2011-06-15", err));
    KTKI_TRY(ktki_credential_form(form, "RoleArn", role, err));
    KTKI_TRY(ktki_credential_form(form, "RoleSessionName",
                                  session_name == NULL ? "kartothek" : session_name, err));
    request.url = (const char *)url.data;
    request.what = what;
    KTKI_TRY(ktki_credential_request(chain, &request, &answer, err));
    KTKI_TRY(take_answer(chain, &answer, what, out, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&url);
    return status;
}

/* --- web identity -------------------------------------------------------------------------- */

/* The file is read each time: whoever put it there replaces it before the token in it ends. */
static ktk_status ask_with_token(const struct credential_chain *chain, const char *token_file,
                                 const char *role, const char *session_name, struct credential *out,
                                 ktk_error *err) {
    struct buffer token;
    struct buffer form;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&token, chain->allocator, 0);
    ktki_buffer_init(&form, chain->allocator, 0);
    KTKI_TRY(ktki_credential_file_token(&token, token_file, err));
    KTKI_TRY(ktki_credential_form(&form, "Action", "AssumeRoleWithWebIdentity", err));
    KTKI_TRY(ktki_credential_form(&form, "WebIdentityToken", (const char *)token.data, err));
    KTKI_TRY(ask(chain, &form, role, session_name, NULL, out, err));
out:
    ktki_buffer_clear(&form);
    ktki_buffer_clear(&token);
    return status;
}

ktk_status ktki_aws_fetch_web_identity(const struct credential_chain *chain, struct credential *out,
                                       ktk_error *err) {
    bool asks_environment = ktki_aws_state(chain)->profile == NULL;
    const char *file =
        asks_environment ? ktki_credential_environment("AWS_WEB_IDENTITY_TOKEN_FILE") : NULL;
    const char *role = asks_environment ? ktki_credential_environment("AWS_ROLE_ARN") : NULL;
    const char *name =
        asks_environment ? ktki_credential_environment("AWS_ROLE_SESSION_NAME") : NULL;
    struct aws_profile profile = {.allocator = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_aws_load_profile(chain, &profile, AWS_BOTH_FILES, err));
    file = file == NULL ? profile.values[AWS_WEB_IDENTITY_TOKEN_FILE] : file;
    role = role == NULL ? profile.values[AWS_ROLE] : role;
    name = name == NULL ? profile.values[AWS_ROLE_SESSION_NAME] : name;
    if (file == NULL) {
        goto out;
    }
    if (role == NULL) {
        KTKI_FAIL(
            err, KTK_E_DENIED,
            "a token file '%s' is set, but no role (AWS_ROLE_ARN, or role_arn of the profile)",
            file);
    }
    KTKI_TRY(ask_with_token(chain, file, role, name, out, err));
out:
    ktki_aws_profile_clear(&profile);
    return status;
}

/* --- roles of profiles --------------------------------------------------------------------- */

static ktk_status take_role(const struct credential_chain *chain, const char *name, int depth,
                            struct credential *out, ktk_error *err);

/* Keys of `credential_source`. */
static ktk_status fetch_named(const struct credential_chain *chain, const char *source,
                              struct credential *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (strcmp(source, "Environment") == 0) {
        KTKI_TRY(ktki_aws_fetch_environment(chain, out, err));
    } else if (strcmp(source, "Ec2InstanceMetadata") == 0) {
        KTKI_TRY(ktki_aws_fetch_instance(chain, out, err));
    } else if (strcmp(source, "EcsContainer") == 0) {
        KTKI_TRY(ktki_aws_fetch_container(chain, out, err));
    } else {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "credential_source '%s' is none of 'Environment', 'Ec2InstanceMetadata', "
                  "'EcsContainer'",
                  source);
    }
    if (out->texts[0] == NULL) {
        KTKI_FAIL(err, KTK_E_DENIED, "there are no keys in credential_source '%s'", source);
    }
out:
    return status;
}

/* Keys with which a role is asked for: those of another profile, or of the same one. */
static ktk_status fetch_source(const struct credential_chain *chain, const char *name,
                               const char *owner, int depth, struct credential *out,
                               ktk_error *err) {
    struct aws_profile profile = {.allocator = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_aws_profile_read(&profile, chain->allocator, name, AWS_BOTH_FILES, err));
    if (profile.values[AWS_ROLE] != NULL && strcmp(name, owner) != 0) {
        KTKI_TRY(take_role(chain, name, depth + 1, out, err));
    } else if (profile.values[AWS_ACCESS_KEY] != NULL) {
        KTKI_TRY(ktki_aws_take_keys(chain, profile.values[AWS_ACCESS_KEY],
                                    profile.values[AWS_SECRET_KEY],
                                    profile.values[AWS_SESSION_TOKEN], name, out, err));
    } else {
        KTKI_TRY(ktki_aws_run_process(chain, &profile, out, err));
    }
    if (out->texts[0] == NULL) {
        KTKI_FAIL(err, KTK_E_DENIED, "the source_profile '%s' of '%s' has no keys", name, owner);
    }
out:
    ktki_aws_profile_clear(&profile);
    return status;
}

static ktk_status ask_for_role(const struct credential_chain *chain,
                               const struct aws_profile *profile, const struct credential *source,
                               struct credential *out, ktk_error *err) {
    const struct aws_keys keys = {source->texts[0], source->texts[1], source->texts[2]};
    struct buffer form;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&form, chain->allocator, 0);
    KTKI_TRY(ktki_credential_form(&form, "Action", "AssumeRole", err));
    KTKI_TRY(ktki_credential_form(&form, "ExternalId", profile->values[AWS_EXTERNAL_ID], err));
    KTKI_TRY(
        ktki_credential_form(&form, "DurationSeconds", profile->values[AWS_DURATION_SECONDS], err));
    KTKI_TRY(ask(chain, &form, profile->values[AWS_ROLE], profile->values[AWS_ROLE_SESSION_NAME],
                 &keys, out, err));
out:
    ktki_buffer_clear(&form);
    return status;
}

static ktk_status take_role(const struct credential_chain *chain, const char *name, int depth,
                            struct credential *out, ktk_error *err) {
    struct aws_profile profile = {.allocator = NULL};
    struct credential source = {.expires_ms = KTKI_CREDENTIAL_LASTS};
    const char *const *values = (const char *const *)profile.values;
    ktk_status status = KTK_OK;

    if (depth > CHAIN_MAX) {
        KTKI_FAIL(err, KTK_E_INVALID, "source_profile of '%s' leads on more than %d times", name,
                  CHAIN_MAX);
    }
    KTKI_TRY(ktki_aws_profile_read(&profile, chain->allocator, name, AWS_BOTH_FILES, err));
    if (values[AWS_ROLE] == NULL) {
        goto out;
    }
    if (values[AWS_WEB_IDENTITY_TOKEN_FILE] != NULL) {
        status = ask_with_token(chain, values[AWS_WEB_IDENTITY_TOKEN_FILE], values[AWS_ROLE],
                                values[AWS_ROLE_SESSION_NAME], out, err);
        goto out;
    }
    if (values[AWS_MFA_SERIAL] != NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "the role of the profile '%s' wants a code (mfa_serial), which nobody can be "
                  "asked for here; use credential_process",
                  name);
    }
    if (values[AWS_CREDENTIAL_SOURCE] != NULL) {
        KTKI_TRY(fetch_named(chain, values[AWS_CREDENTIAL_SOURCE], &source, err));
    } else if (values[AWS_SOURCE_PROFILE] != NULL) {
        KTKI_TRY(fetch_source(chain, values[AWS_SOURCE_PROFILE], name, depth, &source, err));
    } else {
        KTKI_FAIL(err, KTK_E_DENIED,
                  "the profile '%s' names a role, but neither source_profile nor "
                  "credential_source",
                  name);
    }
    KTKI_TRY(ask_for_role(chain, &profile, &source, out, err));
out:
    ktki_credential_free_texts(chain, source.texts, KTKI_CREDENTIAL_TEXTS);
    ktki_aws_profile_clear(&profile);
    return status;
}

ktk_status ktki_aws_fetch_role(const struct credential_chain *chain, struct credential *out,
                               ktk_error *err) {
    struct aws_profile profile = {.allocator = NULL};
    bool is_ours;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_aws_load_profile(chain, &profile, AWS_BOTH_FILES, err));
    is_ours =
        profile.values[AWS_ROLE] != NULL && profile.values[AWS_WEB_IDENTITY_TOKEN_FILE] == NULL;
    KTKI_TRY(is_ours ? take_role(chain, ktki_aws_profile_name(ktki_aws_state(chain)->profile), 1,
                                 out, err)
                     : KTK_OK);
out:
    ktki_aws_profile_clear(&profile);
    return status;
}
