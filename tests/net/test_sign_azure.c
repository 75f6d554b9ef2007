/* Signatures as "Authorize with Shared Key" (Azure Storage REST API Reference) describes them;
 * those wanted were made from the string to sign, written by hand, with Python's hmac. */
#include "support/test.h"

#include <stdio.h>

#include "net/sign_azure.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

#define TIME_MS 784111777000 /* Sun, 06 Nov 1994 08:49:37 GMT */

static const char *value_of(const struct signed_call *with, const char *name) {
    for (size_t i = 0; i < with->header_count; i++) {
        if (strcmp(with->headers[i].name, name) == 0) {
            return with->headers[i].value;
        }
    }
    return NULL;
}

static void check(const char *base, const struct azure_keys *keys, const struct call *call,
                  const char *url, const char *authorization) {
    struct signed_call with = {.header_count = 0};
    struct crypto_api crypto;
    ktk_error err;

    ktki_buffer_init(&with.url, test_allocator(), 0);
    ktki_buffer_init(&with.space, test_allocator(), 0);
    CHECK_OK(ktki_crypto_api_load(&crypto, &err));
    CHECK_OK(ktki_sign_azure(&crypto, base, keys, call, TIME_MS, test_allocator(), &with, &err));
    assert_string_equal((const char *)with.url.data, url);
    assert_string_equal(value_of(&with, "x-ms-date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    if (authorization == NULL) {
        assert_null(value_of(&with, "Authorization"));
    } else {
        assert_string_equal(value_of(&with, "Authorization"), authorization);
    }
    ktki_buffer_clear(&with.url);
    ktki_buffer_clear(&with.space);
    assert_int_equal(test_allocator_live(), 0);
}

/* PUT ␊ ␊ ␊ 5 ␊ MD5== ␊ ␊ ␊ ␊ ␊ * ␊ ␊ ␊ x-ms-blob-type:BlockBlob ␊ x-ms-date:… ␊
 * x-ms-version:2021-06-08 ␊ /acct/box/a%20b ␊ blockid:AA== ␊ comp:block */
static void signs_a_put_with_its_headers(void **unused) {
    static const struct call_param params[] = {{"comp", "block"}, {"blockid", "AA=="}};
    static const struct http_header headers[] = {
        {"x-ms-blob-type", "BlockBlob"}, {"Content-MD5", "MD5=="}, {"If-None-Match", "*"}};
    const struct azure_keys keys = {.account = "acct", .key = key, .key_size = sizeof(key) - 1};
    const struct call call = {.method = "PUT",
                              .path = "/box/a%20b",
                              .params = params,
                              .param_count = 2,
                              .headers = headers,
                              .header_count = 3,
                              .body = "value",
                              .body_size = 5};

    (void)unused;
    check("https://acct.blob.core.windows.net", &keys, &call,
          "https://acct.blob.core.windows.net/box/a%20b?blockid=AA%3D%3D&comp=block",
          "SharedKey acct:ssMceZW3Gla9dww+DDpNzoGhj1HP7wxAbIEJyFfNQsU=");
}

/* The account stands twice where it is part of the path. */
static void signs_a_range_of_an_account_in_the_path(void **unused) {
    static const struct http_header header = {"Range", "bytes=0-9"};
    const struct azure_keys keys = {.account = "acct", .key = key, .key_size = sizeof(key) - 1};
    const struct call call = {
        .method = "GET", .path = "/box/k", .headers = &header, .header_count = 1};

    (void)unused;
    check("http://127.0.0.1:1/acct", &keys, &call, "http://127.0.0.1:1/acct/box/k",
          "SharedKey acct:U5sT22VAmG0u21pi1F03IbWqr500Jbkc3vcH/ODS/zQ=");
}

static void appends_a_shared_access_signature(void **unused) {
    static const struct call_param param = {"comp", "list"};
    const struct azure_keys keys = {.account = "acct", .sas = "sv=1&sig=a%2Bb"};
    const struct call bare = {.method = "GET", .path = "/box/k"};
    const struct call listing = {
        .method = "GET", .path = "/box", .params = &param, .param_count = 1};

    (void)unused;
    check("https://h", &keys, &bare, "https://h/box/k?sv=1&sig=a%2Bb", NULL);
    check("https://h", &keys, &listing, "https://h/box?comp=list&sv=1&sig=a%2Bb", NULL);
}

static void carries_a_token(void **unused) {
    const struct azure_keys with_token = {.account = "acct", .token = "t0k"};
    const struct azure_keys nothing = {.account = "acct"};
    const struct call call = {.method = "GET", .path = "/box/k"};

    (void)unused;
    check("https://h", &with_token, &call, "https://h/box/k", "Bearer t0k");
    check("https://h", &nothing, &call, "https://h/box/k", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_a_put_with_its_headers),
        cmocka_unit_test(signs_a_range_of_an_account_in_the_path),
        cmocka_unit_test(appends_a_shared_access_signature),
        cmocka_unit_test(carries_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
