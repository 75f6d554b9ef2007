#include "net/azure_credentials.h"

#include "base/alloc.h"
#include "base/error.h"

struct azure_credentials {
    const ktk_allocator *allocator;
    char *account;
    char *sas;
    struct buffer key; /* decoded */
    bool has_key;
};

static ktk_status copy_option(const ktk_allocator *allocator, const char *text, char **out,
                              ktk_error *err) {
    return text == NULL ? KTK_OK : ktki_copy_text(allocator, text, strlen(text), out, err);
}

ktk_status ktki_azure_credentials_new(struct azure_credentials **out,
                                      const ktk_allocator *allocator,
                                      const struct azure_credentials_options *options,
                                      ktk_error *err) {
    struct azure_credentials *credentials = NULL;
    const char *sas = options->sas;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &credentials, err));
    credentials->allocator = allocator;
    ktki_buffer_init(&credentials->key, allocator, 0);
    KTKI_TRY(copy_option(allocator, options->account, &credentials->account, err));
    KTKI_TRY(copy_option(allocator, sas != NULL && sas[0] == '?' ? sas + 1 : sas, &credentials->sas,
                         err));
    credentials->has_key = options->key != NULL;
    if (credentials->has_key) {
        status = ktki_base64_decode(&credentials->key, options->key, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "the key of the account '%s'", options->account);
            goto out;
        }
    }
    *out = credentials;
    credentials = NULL;
out:
    ktki_azure_credentials_free(credentials);
    return status;
}

void ktki_azure_credentials_free(struct azure_credentials *credentials) {
    if (credentials == NULL) {
        return;
    }
    ktki_free_text(credentials->allocator, credentials->account);
    ktki_free_text(credentials->allocator, credentials->sas);
    ktki_buffer_clear(&credentials->key);
    KTKI_DELETE(credentials->allocator, credentials);
}

ktk_status ktki_azure_credentials_get(struct azure_credentials *credentials, struct azure_keys *out,
                                      struct buffer *space, ktk_error *err) {
    (void)space;
    (void)err;
    *out = (struct azure_keys){.account = credentials->account, .sas = credentials->sas};
    if (credentials->has_key) {
        out->key = credentials->key.data;
        out->key_size = credentials->key.size;
    }
    return KTK_OK;
}

bool ktki_azure_credentials_renew(struct azure_credentials *credentials) {
    (void)credentials;
    return false;
}

const char *ktki_azure_credentials_source(struct azure_credentials *credentials) {
    return credentials->has_key ? "key" : "none";
}
