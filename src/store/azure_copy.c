#include "store/azure_copy.h"

#include <stdio.h>

#include "base/error.h"

/* Within an account a copy is made at once or nearly so. */
static const struct retry_limits patience = {1000, 600000, 100, 5000};

/* What became of a copy, as the header says it; "" if there was none. */
static ktk_status look(struct object_store *store, const char *key, char out[32], ktk_error *err) {
    struct http_answer answer = {0};
    struct object_call call;
    const char *said;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "HEAD", "look at the copy", key, err));
    KTKI_TRY(ktki_exchange(store->exchanger, &call.call, &answer, NULL, err));
    said = ktki_http_answer_header(&answer, "x-ms-copy-status");
    (void)snprintf(out, 32, "%s", said == NULL ? "" : said);
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

/* `*code`: status of the answer, 0: none; set in any case. */
static ktk_status begin(struct object_store *store, const char *key, const char *source_url,
                        char out[32], int32_t *code, ktk_error *err) {
    const struct http_header header = {"x-ms-copy-source", source_url};
    struct http_answer answer = {0};
    struct service_error why = {{0}, {0}};
    struct object_call call;
    const char *said = NULL;
    ktk_status status = KTK_OK;

    *code = 0;
    KTKI_TRY(ktki_object_call_init(&call, store, "PUT", "copy to", key, err));
    call.call.headers = &header;
    call.call.header_count = 1;
    call.call.body = "";
    status = ktki_exchange(store->exchanger, &call.call, &answer, &why, err);
    *code = answer.status;
    if (status == KTK_OK) {
        said = ktki_http_answer_header(&answer, "x-ms-copy-status");
    } else if (strcmp(why.code, "PendingCopyOperation") == 0) {
        said = "pending"; /* it is this one, whose answer was lost */
        status = KTK_OK;
    }
    (void)snprintf(out, 32, "%s", said == NULL ? "" : said);
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

ktk_status ktki_azure_copy(struct object_store *store, const char *key, const char *source_url,
                           int32_t *code, ktk_error *err) {
    char said[32];
    struct retry retry;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin(store, key, source_url, said, code, err));
    ktki_retry_init(&retry, NULL, &patience);
    while (strcmp(said, "pending") == 0) {
        retry.attempts++;
        if (!ktki_retry_wait(&retry, 0)) {
            KTKI_FAIL(err, KTK_E_UNAVAILABLE, "the copy to '%s' takes longer than %lld s", key,
                      (long long)(patience.time_max_ms / 1000));
        }
        KTKI_TRY(look(store, key, said, err));
    }
    if (strcmp(said, "success") != 0) {
        status = ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' was not copied by the service", key);
    }
out:
    /* Whatever the service said, getting and putting has the last word. */
    if (status != KTK_OK && status != KTK_E_UNAVAILABLE && status != KTK_E_NO_MEMORY) {
        status = ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' was not copied by the service", key);
    }
    return status;
}
