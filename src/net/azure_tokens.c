/* Tokens of Microsoft Entra ID for Azure Storage. Sources: "OAuth 2.0 client credentials flow",
 * Microsoft identity platform; "How to use managed identities on an Azure VM to acquire an access
 * token"; "How to use managed identities for App Service and Azure Functions". */
#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "net/azure_providers.h"
#include "net/credential_file.h"
#include "net/credential_process.h"
#include "net/credential_request.h"
#include "net/url_encode.h"

#define AUTHORITY "https://login.microsoftonline.com"
#define SCOPE "https://storage.azure.com/.default"
#define RESOURCE "https://storage.azure.com/"
#define MACHINE_ADDRESS "http://169.254.169.254"
#define MACHINE_PATH "/metadata/identity/oauth2/token"

/* The first token of a machine takes its time. */
#define MACHINE_TIMEOUT_MS 10000
#define CLI_TIME_MAX_MS 30000
#define LIFE_UNKNOWN_MS 300000

/* Milliseconds of "expires_in" or "expires_on", numbers of seconds, of which the latter counts. */
static ktk_status read_expiry(const struct credential_chain *chain, const char *life,
                              const char *end, int64_t *out, ktk_error *err) {
    int64_t start_ms = end == NULL ? ktki_clock_now_ms(chain->options.clock) : 0;
    const char *text = end == NULL ? life : end;
    int64_t seconds = 0;

    if (text == NULL) {
        *out = start_ms + LIFE_UNKNOWN_MS;
        return KTK_OK;
    }
    if (!ktki_parse_i64(text, strlen(text), &seconds) || seconds < 0 ||
        seconds > (INT64_MAX - start_ms) / 1000) {
        return ktk_error_set(err, KTK_E_IO, "the time at which a token ends is no time");
    }
    *out = start_ms + seconds * 1000;
    return KTK_OK;
}

static ktk_status take_token(const struct credential_chain *chain, const struct buffer *text,
                             const char *token_name, const char *what, struct credential *out,
                             ktk_error *err) {
    const char *const names[] = {token_name, "expires_in", "expires_on"};
    char *texts[3] = {NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_credential_members(chain, text->data, text->size, names, texts, 3, what, err));
    if (texts[0] == NULL) {
        KTKI_FAIL(err, KTK_E_IO, "cannot %s: there is no token in the answer", what);
    }
    KTKI_TRY(read_expiry(chain, texts[1], texts[2], &out->expires_ms, err));
    out->texts[AZURE_TEXT_TOKEN] = texts[0];
    texts[0] = NULL;
out:
    ktki_credential_free_texts(chain, texts, 3);
    return status;
}

/* --- Entra ID ------------------------------------------------------------------------------ */

static ktk_status append_authority(struct buffer *url, const char *tenant, ktk_error *err) {
    const char *authority = ktki_credential_environment("AZURE_AUTHORITY_HOST");
    size_t size;
    ktk_status status = KTK_OK;

    authority = authority == NULL ? AUTHORITY : authority;
    size = ktki_url_size_without_slashes(authority, strlen(authority));
    KTKI_TRY(strstr(authority, "://") == NULL ? ktki_buffer_append_text(url, "https://", err)
                                              : KTK_OK);
    KTKI_TRY(ktki_buffer_append(url, authority, size, err));
    KTKI_TRY(ktki_buffer_append_byte(url, '/', err));
    KTKI_TRY(ktki_url_encode(url, tenant, strlen(tenant), false, err));
    KTKI_TRY(ktki_buffer_append(url, "/oauth2/v2.0/token", sizeof("/oauth2/v2.0/token"), err));
    if (!ktki_credential_is_safe((const char *)url->data)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "AZURE_AUTHORITY_HOST must begin with 'https://': secrets are sent there");
    }
out:
    return status;
}

/* `form` holds the proof of who asks. */
static ktk_status ask_entra(const struct credential_chain *chain, struct buffer *form,
                            const char *tenant, const char *client, struct credential *out,
                            ktk_error *err) {
    static const struct http_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"}};
    struct credential_request request = {.method = "POST",
                                         .headers = headers,
                                         .header_count = 1,
                                         .body = form,
                                         .what = "get a token of Entra ID"};
    struct http_answer answer = {0};
    struct buffer url;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&url, chain->allocator, 0);
    KTKI_TRY(append_authority(&url, tenant, err));
    KTKI_TRY(ktki_credential_form(form, "client_id", client, err));
    KTKI_TRY(ktki_credential_form(form, "scope", SCOPE, err));
    KTKI_TRY(ktki_credential_form(form, "grant_type", "client_credentials", err));
    request.url = (const char *)url.data;
    KTKI_TRY(ktki_credential_request(chain, &request, &answer, err));
    KTKI_TRY(take_token(chain, &answer.body, "access_token", request.what, out, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&url);
    return status;
}

static ktk_status find_client(const char *because, const char **tenant, const char **client,
                              ktk_error *err) {
    *tenant = ktki_credential_environment("AZURE_TENANT_ID");
    *client = ktki_credential_environment("AZURE_CLIENT_ID");
    if (*tenant == NULL || *client == NULL) {
        return ktk_error_set(err, KTK_E_DENIED, "%s is set, but %s is not", because,
                             *tenant == NULL ? "AZURE_TENANT_ID" : "AZURE_CLIENT_ID");
    }
    return KTK_OK;
}

/* The file is read each time: Kubernetes replaces it before the token in it ends. */
ktk_status ktki_azure_fetch_workload(const struct credential_chain *chain, struct credential *out,
                                     ktk_error *err) {
    const char *file = ktki_credential_environment("AZURE_FEDERATED_TOKEN_FILE");
    const char *tenant;
    const char *client;
    struct buffer token;
    struct buffer form;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&token, chain->allocator, 0);
    ktki_buffer_init(&form, chain->allocator, 0);
    if (file == NULL) {
        goto out;
    }
    KTKI_TRY(find_client("AZURE_FEDERATED_TOKEN_FILE", &tenant, &client, err));
    KTKI_TRY(ktki_credential_file_token(&token, file, err));
    KTKI_TRY(ktki_credential_form(&form, "client_assertion", (const char *)token.data, err));
    KTKI_TRY(ktki_credential_form(&form, "client_assertion_type",
                                  "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", err));
    KTKI_TRY(ask_entra(chain, &form, tenant, client, out, err));
out:
    ktki_buffer_clear(&form);
    ktki_buffer_clear(&token);
    return status;
}

ktk_status ktki_azure_fetch_client_secret(const struct credential_chain *chain,
                                          struct credential *out, ktk_error *err) {
    const char *secret = ktki_credential_environment("AZURE_CLIENT_SECRET");
    const char *tenant;
    const char *client;
    struct buffer form;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&form, chain->allocator, 0);
    if (secret == NULL) {
        goto out;
    }
    KTKI_TRY(find_client("AZURE_CLIENT_SECRET", &tenant, &client, err));
    KTKI_TRY(ktki_credential_form(&form, "client_secret", secret, err));
    KTKI_TRY(ask_entra(chain, &form, tenant, client, out, err));
out:
    ktki_buffer_clear(&form);
    return status;
}

/* --- managed identities -------------------------------------------------------------------- */

/* "?api-version=…&resource=…", with the client if one of several identities is asked for. */
static ktk_status append_query(struct buffer *url, const char *version, ktk_error *err) {
    struct buffer query;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&query, url->allocator, 0);
    KTKI_TRY(ktki_credential_form(&query, "api-version", version, err));
    KTKI_TRY(ktki_credential_form(&query, "resource", RESOURCE, err));
    KTKI_TRY(ktki_credential_form(&query, "client_id",
                                  ktki_credential_environment("AZURE_CLIENT_ID"), err));
    KTKI_TRY(ktki_buffer_append_byte(url, '?', err));
    KTKI_TRY(ktki_buffer_append(url, query.data, query.size, err));
    KTKI_TRY(ktki_buffer_append_byte(url, '\0', err));
out:
    ktki_buffer_clear(&query);
    return status;
}

ktk_status ktki_azure_fetch_service_identity(const struct credential_chain *chain,
                                             struct credential *out, ktk_error *err) {
    const char *endpoint = ktki_credential_environment("IDENTITY_ENDPOINT");
    const struct http_header header = {"X-IDENTITY-HEADER",
                                       ktki_credential_environment("IDENTITY_HEADER")};
    struct credential_request request = {.method = "GET",
                                         .headers = &header,
                                         .header_count = 1,
                                         .is_near = true,
                                         .timeout_ms = MACHINE_TIMEOUT_MS,
                                         .what = "get a token of IDENTITY_ENDPOINT"};
    struct http_answer answer = {0};
    struct buffer url;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&url, chain->allocator, 0);
    if (endpoint == NULL || header.value == NULL) {
        goto out;
    }
    if (strpbrk(header.value, "\r\n") != NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "IDENTITY_HEADER has a line end in it");
    }
    KTKI_TRY(ktki_buffer_append_text(&url, endpoint, err));
    KTKI_TRY(append_query(&url, "2019-08-01", err));
    request.url = (const char *)url.data;
    KTKI_TRY(ktki_credential_request(chain, &request, &answer, err));
    KTKI_TRY(take_token(chain, &answer.body, "access_token", request.what, out, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&url);
    return status;
}

/* Is there anybody at all? Asked once, without the header, so that there is no token to wait for.
 * Every answer is one. */
static ktk_status probe(const struct credential_chain *chain, const char *url, bool *is_there,
                        ktk_error *err) {
    const struct credential_request request = {
        .method = "GET", .url = url, .is_near = true, .attempts = 1, .what = "find the machine"};
    struct http_answer answer = {0};
    ktk_status status = ktki_credential_request(chain, &request, &answer, err);

    *is_there = answer.status != 0;
    status = status == KTK_E_NO_MEMORY || status == KTK_E_UNSUPPORTED ? status : KTK_OK;
    ktki_http_answer_clear(&answer);
    return status;
}

ktk_status ktki_azure_fetch_machine_identity(const struct credential_chain *chain,
                                             struct credential *out, ktk_error *err) {
    static const struct http_header header = {"Metadata", "true"};
    const char *address = ktki_credential_environment("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    struct credential_request request = {.method = "GET",
                                         .headers = &header,
                                         .header_count = 1,
                                         .is_near = true,
                                         .timeout_ms = MACHINE_TIMEOUT_MS,
                                         .what = "get a token of the machine"};
    struct http_answer answer = {0};
    bool is_there = false;
    struct buffer url;
    size_t size;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&url, chain->allocator, 0);
    address = address == NULL ? MACHINE_ADDRESS : address;
    size = ktki_url_size_without_slashes(address, strlen(address));
    KTKI_TRY(ktki_buffer_append(&url, address, size, err));
    KTKI_TRY(ktki_buffer_append_text(&url, MACHINE_PATH, err));
    KTKI_TRY(append_query(&url, "2018-02-01", err));
    request.url = (const char *)url.data;
    KTKI_TRY(probe(chain, request.url, &is_there, err));
    if (!is_there) {
        goto out;
    }
    status = ktki_credential_request(chain, &request, &answer, err);
    if (status == KTK_E_DENIED) {
        status = KTK_OK; /* a machine without an identity, or one of somebody else's cloud */
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(take_token(chain, &answer.body, "access_token", request.what, out, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&url);
    return status;
}

/* --- az ------------------------------------------------------------------------------------ */

ktk_status ktki_azure_fetch_cli(const struct credential_chain *chain, struct credential *out,
                                ktk_error *err) {
    char program[] = "az";
    char verb[] = "account";
    char noun[] = "get-access-token";
    char output[] = "--output=json";
    char resource[] = "--resource=" RESOURCE;
    char *const words[] = {program, verb, noun, output, resource, NULL};
    struct buffer text;
    ktk_status status;

    ktki_buffer_init(&text, chain->allocator, 0);
    status = ktki_process_run(&text, words, true, CLI_TIME_MAX_MS, err);
    if (status == KTK_E_NOT_FOUND || status == KTK_E_DENIED) {
        status = KTK_OK; /* it is not installed, or nobody has signed in */
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(take_token(chain, &text, "accessToken", "read what 'az' prints", out, err));
out:
    ktki_buffer_clear(&text);
    return status;
}
