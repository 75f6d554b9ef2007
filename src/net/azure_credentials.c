#include "net/azure_credentials.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/error.h"
#include "net/azure_providers.h"
#include "net/credential_request.h"

struct azure_credentials {
    struct credential_chain chain;
    const ktk_allocator *allocator; /* of this block */
    char *account;
    char *given[KTKI_CREDENTIAL_TEXTS];
    const char *given_as;
    bool is_anonymous;
};

/* --- keys and shared access signatures ----------------------------------------------------- */

/* A key, or else a signature. */
static ktk_status take(const struct credential_chain *chain, const char *key, const char *sas,
                       struct credential *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (key != NULL) {
        status =
            ktki_copy_text(chain->allocator, key, strlen(key), &out->texts[AZURE_TEXT_KEY], err);
    } else if (sas != NULL) {
        sas += sas[0] == '?' ? 1 : 0;
        status =
            ktki_copy_text(chain->allocator, sas, strlen(sas), &out->texts[AZURE_TEXT_SAS], err);
    }
    return status;
}

static ktk_status fetch_given(const struct credential_chain *chain, struct credential *out,
                              ktk_error *err) {
    const struct azure_credentials *credentials = chain->options.state;
    char *const *given = credentials->given;
    ktk_status status = take(chain, given[AZURE_TEXT_KEY], given[AZURE_TEXT_SAS], out, err);

    if (given[AZURE_TEXT_KEY] != NULL || given[AZURE_TEXT_SAS] != NULL) {
        out->source = credentials->given_as;
    }
    return status;
}

/* A key is that of the account beside it, where there is one. */
static ktk_status fetch_environment(const struct credential_chain *chain, struct credential *out,
                                    ktk_error *err) {
    const struct azure_credentials *credentials = chain->options.state;
    const char *key = ktki_credential_environment("AZURE_STORAGE_ACCOUNT_KEY");
    const char *account = ktki_credential_environment("AZURE_STORAGE_ACCOUNT_NAME");

    key = key == NULL ? ktki_credential_environment("AZURE_STORAGE_KEY") : key;
    account = account == NULL ? ktki_credential_environment("AZURE_STORAGE_ACCOUNT") : account;
    if (account != NULL && credentials->account != NULL &&
        strcmp(account, credentials->account) != 0) {
        return KTK_OK;
    }
    return take(chain, key, ktki_credential_environment("AZURE_STORAGE_SAS_TOKEN"), out, err);
}

/* --- the chain ----------------------------------------------------------------------------- */

/* That of Azure's own clients (DefaultAzureCredential) but for this: what is set up in the
 * environment goes before the machine, which has to be waited for where there is none. */
static const struct credential_provider providers[] = {
    {"given", "none is given", fetch_given},
    {"environment", "not in the environment (AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN)",
     fetch_environment},
    {"workload identity", "no workload identity (AZURE_FEDERATED_TOKEN_FILE)",
     ktki_azure_fetch_workload},
    {"managed identity", "no managed identity (IDENTITY_ENDPOINT)",
     ktki_azure_fetch_service_identity},
    {"client secret", "no AZURE_CLIENT_SECRET", ktki_azure_fetch_client_secret},
    {"managed identity of the machine", "no managed identity of the machine",
     ktki_azure_fetch_machine_identity},
    {"az", "'az' is not signed in", ktki_azure_fetch_cli},
};

static ktk_status decode_key(const struct azure_credentials *credentials, struct buffer *out,
                             const char *key, ktk_error *err) {
    ktk_status status = ktki_base64_decode(out, key, err);

    if (status != KTK_OK) {
        ktki_error_context(err, "the key of the account '%s'",
                           credentials->account == NULL ? "" : credentials->account);
    }
    return status;
}

ktk_status ktki_azure_credentials_new(struct azure_credentials **out,
                                      const ktk_allocator *allocator,
                                      const struct azure_credentials_options *options,
                                      ktk_error *err) {
    struct credential_chain_options chain = {.providers = providers,
                                             .provider_count =
                                                 sizeof(providers) / sizeof(providers[0]),
                                             .subject = "keys for Azure",
                                             .http = options->http,
                                             .clock = options->clock};
    struct azure_credentials *credentials = NULL;
    struct buffer key = {.data = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &credentials, err));
    credentials->allocator = allocator;
    credentials->is_anonymous = options->is_anonymous;
    credentials->given_as = options->given_as;
    chain.state = credentials;
    KTKI_TRY(ktki_credential_chain_init(&credentials->chain, allocator, &chain, err));
    KTKI_TRY(
        ktki_credential_keep(&credentials->chain, options->account, &credentials->account, err));
    KTKI_TRY(ktki_credential_keep(&credentials->chain, options->key,
                                  &credentials->given[AZURE_TEXT_KEY], err));
    KTKI_TRY(ktki_credential_keep(&credentials->chain, options->sas,
                                  &credentials->given[AZURE_TEXT_SAS], err));
    if (credentials->given[AZURE_TEXT_KEY] != NULL) {
        ktki_buffer_init(&key, credentials->chain.allocator, 0);
        KTKI_TRY(decode_key(credentials, &key, credentials->given[AZURE_TEXT_KEY], err));
    }
    *out = credentials;
out:
    if (key.allocator != NULL) {
        ktki_buffer_clear(&key);
    }
    if (status != KTK_OK) {
        ktki_azure_credentials_free(credentials);
    }
    return status;
}

void ktki_azure_credentials_free(struct azure_credentials *credentials) {
    if (credentials == NULL) {
        return;
    }
    ktki_credential_free_texts(&credentials->chain, credentials->given, KTKI_CREDENTIAL_TEXTS);
    ktki_credential_free_texts(&credentials->chain, &credentials->account, 1);
    ktki_credential_chain_clear(&credentials->chain);
    KTKI_DELETE(credentials->allocator, credentials);
}

ktk_status ktki_azure_credentials_get(struct azure_credentials *credentials, struct azure_keys *out,
                                      struct buffer *space, ktk_error *err) {
    const char *texts[KTKI_CREDENTIAL_TEXTS] = {NULL};
    struct azure_keys keys = {.account = credentials->account};
    struct buffer found;
    const char *text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&found, credentials->chain.allocator, 0);
    if (!credentials->is_anonymous) {
        KTKI_TRY(ktki_credential_chain_get(&credentials->chain, texts, &found, err));
    }
    text = texts[AZURE_TEXT_SAS] == NULL ? texts[AZURE_TEXT_TOKEN] : texts[AZURE_TEXT_SAS];
    if (texts[AZURE_TEXT_KEY] != NULL) {
        KTKI_TRY(decode_key(credentials, space, texts[AZURE_TEXT_KEY], err));
        keys.key = space->data;
        keys.key_size = space->size;
    } else if (text != NULL) {
        KTKI_TRY(ktki_buffer_append(space, text, strlen(text) + 1, err));
        keys.sas = texts[AZURE_TEXT_SAS] == NULL ? NULL : (const char *)space->data;
        keys.token = keys.sas == NULL ? (const char *)space->data : NULL;
    }
    *out = keys;
out:
    ktki_buffer_clear(&found);
    return status;
}

bool ktki_azure_credentials_renew(struct azure_credentials *credentials) {
    return !credentials->is_anonymous && ktki_credential_chain_renew(&credentials->chain, NULL);
}

const char *ktki_azure_credentials_source(struct azure_credentials *credentials) {
    return credentials->is_anonymous ? "none" : ktki_credential_chain_source(&credentials->chain);
}
