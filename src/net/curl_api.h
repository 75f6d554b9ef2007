/**
 * libcurl, loaded when the first far store is opened: a program that keeps its datasets in folders
 * pays nothing for it (it brings thirty more libraries along), and runs where it is not installed.
 */
#ifndef KTKI_NET_CURL_API_H
#define KTKI_NET_CURL_API_H

#include <curl/curl.h>
#include <kartothek/error.h>

/* The typechecking macros of curl.h stand for functions of the same names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/** What is used of it, named as there. */
struct curl_api {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *easy);
    void (*easy_reset)(CURL *easy);
    CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_cleanup)(CURLM *multi);
    CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_perform)(CURLM *multi, int *running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *extra, unsigned extra_count,
                            int timeout_ms, int *ready);
    CURLMcode (*multi_wakeup)(CURLM *multi);
    CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

/** Load it; it stays loaded till the process ends. KTK_E_UNSUPPORTED if it is not installed, or too
 * old. */
ktk_status ktki_curl_api_load(struct curl_api *out, ktk_error *err);

#endif
