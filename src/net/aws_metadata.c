/* Keys from services beside the machine: of a container and of an instance. Sources: "Container
 * credential provider", AWS SDKs and Tools Reference Guide; "Use the Instance Metadata Service",
 * Amazon EC2 User Guide. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/aws_providers.h"
#include "net/credential_file.h"
#include "net/credential_request.h"
#include "net/url_encode.h"

#define CONTAINER_ADDRESS "http://169.254.170.2"
#define INSTANCE_ADDRESS "http://169.254.169.254"
#define INSTANCE_ADDRESS_6 "http://[fd00:ec2::254]"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

/* --- containers ---------------------------------------------------------------------------- */

static ktk_status append_container_url(const struct credential_chain *chain, struct buffer *url,
                                       ktk_error *err) {
    const char *address = ktki_aws_state(chain)->container_address;
    const char *path = ktki_credential_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = ktki_credential_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    ktk_status status = KTK_OK;

    if (path != NULL) {
        if (path[0] != '/') {
            KTKI_FAIL(err, KTK_E_INVALID,
                      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with '/'");
        }
        KTKI_TRY(ktki_buffer_append_format(url, err, "%s%s",
                                           address == NULL ? CONTAINER_ADDRESS : address, path));
    } else if (full != NULL) {
        if (!ktki_credential_is_safe(full)) {
            KTKI_FAIL(err, KTK_E_DENIED,
                      "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither 'https://' nor 'http://' on "
                      "this machine or an address of a container service");
        }
        KTKI_TRY(ktki_buffer_append_text(url, full, err));
    } else {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append_byte(url, '\0', err));
out:
    return status;
}

/* Read each time, as EKS replaces it. Nothing is appended if there is none. */
static ktk_status append_container_token(struct buffer *token, ktk_error *err) {
    const char *file = ktki_credential_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *text = ktki_credential_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    ktk_status status = KTK_OK;

    if (file != NULL) {
        KTKI_TRY(ktki_credential_file_token(token, file, err));
    } else if (text != NULL) {
        if (strpbrk(text, "\r\n") != NULL) {
            KTKI_FAIL(err, KTK_E_INVALID, "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end in it");
        }
        KTKI_TRY(ktki_buffer_append(token, text, strlen(text) + 1, err));
    }
out:
    return status;
}

ktk_status ktki_aws_fetch_container(const struct credential_chain *chain, struct credential *out,
                                    ktk_error *err) {
    struct credential_request request = {
        .method = "GET", .is_near = true, .what = "get the keys of the container"};
    struct http_header header = {"Authorization", NULL};
    struct http_answer answer = {0};
    struct buffer url;
    struct buffer token;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&url, chain->allocator, 0);
    ktki_buffer_init(&token, chain->allocator, 0);
    KTKI_TRY(append_container_url(chain, &url, err));
    if (url.size == 0) {
        goto out;
    }
    KTKI_TRY(append_container_token(&token, err));
    if (token.size > 0) {
        header.value = (const char *)token.data;
        request.headers = &header;
        request.header_count = 1;
    }
    request.url = (const char *)url.data;
    KTKI_TRY(ktki_credential_request(chain, &request, &answer, err));
    KTKI_TRY(ktki_aws_take_json(chain, &answer.body, "Token", request.what, out, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&token);
    ktki_buffer_clear(&url);
    return status;
}

/* --- instances ----------------------------------------------------------------------------- */

struct instance {
    const struct credential_chain *chain;
    const char *address;
    size_t address_size;
    struct buffer token; /* with a NUL, once it is there */
};

static void find_instance(struct instance *instance) {
    const char *mode = ktki_credential_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

    instance->address = ktki_credential_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (instance->address == NULL) {
        instance->address =
            mode != NULL && strcasecmp(mode, "ipv6") == 0 ? INSTANCE_ADDRESS_6 : INSTANCE_ADDRESS;
    }
    instance->address_size =
        ktki_url_size_without_slashes(instance->address, strlen(instance->address));
}

static ktk_status ask_instance(const struct instance *instance, const char *path, const char *more,
                               struct http_answer *out, ktk_error *err) {
    const struct http_header with_token = {"X-aws-ec2-metadata-token",
                                           (const char *)instance->token.data};
    const struct http_header for_token = {"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    bool has_token = instance->token.size > 0;
    struct buffer body;
    struct buffer url;
    struct credential_request request = {.method = has_token ? "GET" : "PUT",
                                         .headers = has_token ? &with_token : &for_token,
                                         .header_count = 1,
                                         .is_near = true,
                                         .attempts = has_token ? 0 : 1,
                                         .what = "get the keys of the instance"};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&body, instance->chain->allocator, 0);
    ktki_buffer_init(&url, instance->chain->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&url, err, "%.*s%s%s", (int)instance->address_size,
                                       instance->address, path, more));
    KTKI_TRY(ktki_buffer_append_byte(&url, '\0', err));
    /* A PUT without a body says that it is empty. */
    KTKI_TRY(ktki_buffer_reserve(&body, 1, err));
    request.body = has_token ? NULL : &body;
    request.url = (const char *)url.data;
    KTKI_TRY(ktki_credential_request(instance->chain, &request, out, err));
out:
    ktki_buffer_clear(&body);
    ktki_buffer_clear(&url);
    return status;
}

/* The first line of an answer, with a NUL; it becomes part of a header or of a path. */
static ktk_status append_line(struct buffer *out, const struct http_answer *answer,
                              ktk_error *err) {
    size_t size = 0;
    ktk_status status = KTK_OK;

    while (size < answer->body.size && answer->body.data[size] > 0x20 &&
           answer->body.data[size] < 0x7F) {
        size++;
    }
    if (size == 0) {
        KTKI_FAIL(err, KTK_E_IO, "an answer of the instance's metadata is empty");
    }
    KTKI_TRY(ktki_buffer_append(out, answer->body.data, size, err));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

/* Most machines are no instances of EC2: there, nobody answers or somebody else does. */
static ktk_status ask_token(struct instance *instance, bool *is_there, ktk_error *err) {
    struct http_answer answer = {0};
    ktk_status status;

    status = ask_instance(instance, "/latest/api/token", "", &answer, err);
    if (status == KTK_E_UNAVAILABLE || status == KTK_E_DENIED || status == KTK_E_IO ||
        status == KTK_E_UNSUPPORTED) {
        *is_there = false;
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(append_line(&instance->token, &answer, err));
    *is_there = true;
out:
    ktki_http_answer_clear(&answer);
    return status;
}

static ktk_status fetch_keys(struct instance *instance, struct credential *out, ktk_error *err) {
    struct http_answer answer = {0};
    struct buffer role;
    ktk_status status;

    ktki_buffer_init(&role, instance->chain->allocator, 0);
    status = ask_instance(instance, ROLES_PATH, "", &answer, err);
    if (answer.status == 404) {
        status = KTK_OK; /* an instance without a role */
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(append_line(&role, &answer, err));
    ktki_http_answer_clear(&answer);
    KTKI_TRY(ask_instance(instance, ROLES_PATH, (const char *)role.data, &answer, err));
    KTKI_TRY(ktki_aws_take_json(instance->chain, &answer.body, "Token",
                                "get the keys of the instance", out, err));
out:
    ktki_buffer_clear(&role);
    ktki_http_answer_clear(&answer);
    return status;
}

ktk_status ktki_aws_fetch_instance(const struct credential_chain *chain, struct credential *out,
                                   ktk_error *err) {
    const char *disabled = ktki_credential_environment("AWS_EC2_METADATA_DISABLED");
    struct instance instance = {.chain = chain};
    bool is_there = false;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&instance.token, chain->allocator, 0);
    if (disabled != NULL && strcasecmp(disabled, "true") == 0) {
        goto out;
    }
    find_instance(&instance);
    KTKI_TRY(ask_token(&instance, &is_there, err));
    KTKI_TRY(is_there ? fetch_keys(&instance, out, err) : KTK_OK);
out:
    ktki_buffer_clear(&instance.token);
    return status;
}
