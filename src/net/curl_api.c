#include "net/curl_api.h"

#include "base/error.h"
#include "net/shared_library.h"

ktk_status ktki_curl_api_load(struct curl_api *out, ktk_error *err) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
    struct curl_api api = {0};
    const struct library_symbol symbols[] = {
        {"curl_global_init", &api.global_init},
        {"curl_easy_init", &api.easy_init},
        {"curl_easy_cleanup", &api.easy_cleanup},
        {"curl_easy_reset", &api.easy_reset},
        {"curl_easy_setopt", &api.easy_setopt},
        {"curl_easy_getinfo", &api.easy_getinfo},
        {"curl_easy_strerror", &api.easy_strerror},
        {"curl_multi_init", &api.multi_init},
        {"curl_multi_cleanup", &api.multi_cleanup},
        {"curl_multi_setopt", &api.multi_setopt},
        {"curl_multi_add_handle", &api.multi_add_handle},
        {"curl_multi_remove_handle", &api.multi_remove_handle},
        {"curl_multi_perform", &api.multi_perform},
        {"curl_multi_poll", &api.multi_poll},
        {"curl_multi_wakeup", &api.multi_wakeup},
        {"curl_multi_info_read", &api.multi_info_read},
        {"curl_slist_append", &api.slist_append},
        {"curl_slist_free_all", &api.slist_free_all},
    };
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_library_load(names, "stores in S3 and Azure", "libcurl4", symbols,
                               sizeof(symbols) / sizeof(symbols[0]), err));
    /* Since 7.84 this may be called by several threads, and counts. */
    if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        KTKI_FAIL(err, KTK_E_UNAVAILABLE, "libcurl could not be set up");
    }
    *out = api;
out:
    return status;
}
