#include "net/aws_credentials.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"

struct aws_credentials {
    const ktk_allocator *allocator;
    char *access_key;
    char *secret_key;
    char *session_token;
    bool is_anonymous;
};

static ktk_status copy_option(const ktk_allocator *allocator, const char *text, char **out,
                              ktk_error *err) {
    return text == NULL ? KTK_OK : ktki_copy_text(allocator, text, strlen(text), out, err);
}

ktk_status ktki_aws_credentials_new(struct aws_credentials **out, const ktk_allocator *allocator,
                                    const struct aws_credentials_options *options, ktk_error *err) {
    struct aws_credentials *credentials = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &credentials, err));
    credentials->allocator = allocator;
    credentials->is_anonymous = options->is_anonymous;
    KTKI_TRY(copy_option(allocator, options->access_key, &credentials->access_key, err));
    KTKI_TRY(copy_option(allocator, options->secret_key, &credentials->secret_key, err));
    KTKI_TRY(copy_option(allocator, options->session_token, &credentials->session_token, err));
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
    ktki_free_text(credentials->allocator, credentials->access_key);
    ktki_free_text(credentials->allocator, credentials->secret_key);
    ktki_free_text(credentials->allocator, credentials->session_token);
    KTKI_DELETE(credentials->allocator, credentials);
}

ktk_status ktki_aws_credentials_get(struct aws_credentials *credentials, struct aws_keys *out,
                                    struct buffer *space, ktk_error *err) {
    const char *texts[3] = {credentials->access_key, credentials->secret_key,
                            credentials->session_token};
    size_t places[3] = {0};
    ktk_status status = KTK_OK;

    if (texts[0] == NULL || texts[1] == NULL) {
        texts[0] = getenv("AWS_ACCESS_KEY_ID");
        texts[1] = getenv("AWS_SECRET_ACCESS_KEY");
        texts[2] = getenv("AWS_SESSION_TOKEN");
    }
    *out = (struct aws_keys){NULL, NULL, NULL};
    if (credentials->is_anonymous) {
        goto out;
    }
    if (texts[0] == NULL || texts[1] == NULL) {
        KTKI_FAIL(err, KTK_E_DENIED,
                  "there are no keys for S3: not given, and not in the "
                  "environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)");
    }
    for (size_t i = 0; i < 3; i++) {
        places[i] = space->size;
        KTKI_TRY(texts[i] == NULL ? KTK_OK
                                  : ktki_buffer_append(space, texts[i], strlen(texts[i]) + 1, err));
    }
    out->access_key = (const char *)space->data + places[0];
    out->secret_key = (const char *)space->data + places[1];
    out->session_token = texts[2] == NULL ? NULL : (const char *)space->data + places[2];
out:
    return status;
}

bool ktki_aws_credentials_renew(struct aws_credentials *credentials, const char *access_key) {
    (void)credentials;
    (void)access_key;
    return false;
}

const char *ktki_aws_credentials_source(struct aws_credentials *credentials) {
    return credentials->access_key == NULL ? "environment" : "given";
}

ktk_status ktki_aws_profile_region(const ktk_allocator *allocator, const char *profile,
                                   struct buffer *out, ktk_error *err) {
    (void)allocator;
    (void)profile;
    (void)out;
    (void)err;
    return KTK_OK;
}
