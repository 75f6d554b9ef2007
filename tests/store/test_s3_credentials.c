/* Buckets with keys from each place where AWS' clients look: of a server that a test makes, which
 * takes keys and lets them expire, and of the one that KTK_TEST_S3 names. */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "net/credential_server.h"

static void write_keys(const char *folder, const char *name, const char *before,
                       const char *access_key, const char *secret_key) {
    char text[1024];

    (void)snprintf(text, sizeof(text), "%saws_access_key_id = %s\naws_secret_access_key = %s\n",
                   before, access_key, secret_key);
    credential_file_write(folder, name, text);
}

/* --- keys that expire ---------------------------------------------------------------------- */

struct bucket {
    struct http_server *server;
    atomic_int given; /* keys so far */
    atomic_int valid; /* number of the key that is taken; older ones have expired */
    atomic_int refused;
};

static void say(int socket, const char *status, const char *body) {
    char text[1024];

    (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                   strlen(body), body);
    http_server_say(socket, text);
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct bucket *bucket = state;
    const char *key = strstr(request->head, "Credential=KEY");
    char body[256];

    if (strncmp(request->head, "GET /keys ", 10) == 0) {
        (void)snprintf(body, sizeof(body),
                       "{\"AccessKeyId\": \"KEY%d\", \"SecretAccessKey\": \"s\", \"Token\": \"t\", "
                       "\"Expiration\": \"2999-01-01T00:00:00Z\"}",
                       atomic_fetch_add(&bucket->given, 1) + 1);
        say(socket, "200 OK", body);
    } else if (key == NULL || atoi(key + strlen("Credential=KEY")) < atomic_load(&bucket->valid)) {
        atomic_fetch_add(&bucket->refused, 1);
        say(socket, "400 Bad Request",
            "<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>");
    } else {
        say(socket, "200 OK", "value");
    }
    return true;
}

static ktk_store *open_store(ktk_context *context, const char *url) {
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktk_store_open(&store, context, url, &err));
    return store;
}

static void renews_keys_that_have_expired(void **unused) {
    char *folder = test_folder_new();
    ktk_context *context = test_context_new(1);
    struct bucket bucket = {.valid = 1};
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_store *store;
    char url[256];
    ktk_error err;

    (void)unused;
    credential_environment_clear(folder);
    bucket.server = http_server_new(answer, &bucket);
    (void)snprintf(url, sizeof(url), "%s/keys", http_server_url(bucket.server));
    (void)setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    (void)snprintf(url, sizeof(url), "s3://b?endpoint=%s", http_server_url(bucket.server));
    store = open_store(context, url);
    CHECK_OK(ktk_store_get(store, "k", &got, NULL, &err));
    ktk_bytes_clear(&got);
    atomic_store(&bucket.valid, 2);
    CHECK_OK(ktk_store_get(store, "k", &got, NULL, &err));
    assert_int_equal(got.size, 5);
    ktk_bytes_clear(&got);
    assert_int_equal(atomic_load(&bucket.given), 2);
    assert_int_equal(atomic_load(&bucket.refused), 1);
    /* What no key helps against is told, and not tried for ever. */
    atomic_store(&bucket.valid, 1000);
    got = (ktk_bytes){TEST_POISON, 1, NULL, NULL};
    CHECK_STATUS(ktk_store_get(store, "k", &got, NULL, &err), KTK_E_IO);
    CHECK_MESSAGE("ExpiredToken");
    assert_ptr_equal(got.data, TEST_POISON);
    assert_true(atomic_load(&bucket.refused) <= 5);
    ktk_store_free(store);
    http_server_free(bucket.server);
    test_context_free(context);
    test_folder_remove(folder);
}

/* --- a real server ------------------------------------------------------------------------- */

static void check_round_trip(const char *url, const char *more) {
    ktk_context *context = test_context_new(1);
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_store *store;
    char text[1024];
    ktk_error err;

    (void)snprintf(text, sizeof(text), "%s%s", url, more);
    store = open_store(context, text);
    CHECK_OK(ktk_store_put(store, "credentials/k", "value", 5, NULL, NULL, &err));
    CHECK_OK(ktk_store_get(store, "credentials/k", &got, NULL, &err));
    assert_int_equal(got.size, 5);
    assert_memory_equal(got.data, "value", 5);
    ktk_bytes_clear(&got);
    ktk_store_free(store);
    test_context_free(context);
}

static void check_refused(const char *url, ktk_status wanted, const char *message) {
    ktk_context *context = test_context_new(1);
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_store *store = open_store(context, url);
    ktk_error err;

    CHECK_STATUS(ktk_store_get(store, "credentials/k", &got, NULL, &err), wanted);
    CHECK_MESSAGE(message);
    ktk_store_free(store);
    test_context_free(context);
}

static void takes_keys_of_each_kind_of_file(void **unused) {
    const char *url = getenv("KTK_TEST_S3");
    char *folder;
    char access_key[128];
    char secret_key[128];
    char text[512];

    (void)unused;
    folder = test_folder_new();
    (void)snprintf(access_key, sizeof(access_key), "%s", getenv("AWS_ACCESS_KEY_ID"));
    (void)snprintf(secret_key, sizeof(secret_key), "%s", getenv("AWS_SECRET_ACCESS_KEY"));
    credential_environment_clear(folder);
    check_refused(url, KTK_E_DENIED, "there are no keys for S3");
    write_keys(folder, ".aws/credentials", "[default]\n", access_key, secret_key);
    check_round_trip(url, "");
    write_keys(folder, ".aws/credentials", "[default]\n", access_key, "wrong");
    check_refused(url, KTK_E_DENIED, "SignatureDoesNotMatch");
    write_keys(folder, ".aws/credentials", "[other]\n", access_key, secret_key);
    check_round_trip(url, "&profile=other");
    (void)setenv("AWS_PROFILE", "other", 1);
    check_round_trip(url, "");
    (void)unsetenv("AWS_PROFILE");
    write_keys(folder, ".aws/config", "[default]\nregion = us-east-1\n", access_key, secret_key);
    check_round_trip(url, "");
    (void)snprintf(text, sizeof(text),
                   "#!/bin/sh\nprintf '{\"Version\": 1, \"AccessKeyId\": \"%s\", "
                   "\"SecretAccessKey\": \"%s\"}'\n",
                   access_key, secret_key);
    credential_file_write(folder, "process", text);
    (void)snprintf(text, sizeof(text), "[profile p]\ncredential_process = %s/process\n", folder);
    credential_file_write(folder, ".aws/config", text);
    check_round_trip(url, "&profile=p");
    (void)setenv("AWS_ACCESS_KEY_ID", access_key, 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", secret_key, 1);
    check_round_trip(url, "");
    test_folder_remove(folder);
}

int main(int argc, char **argv) {
    const struct CMUnitTest own[] = {cmocka_unit_test(renews_keys_that_have_expired)};
    const struct CMUnitTest real[] = {cmocka_unit_test(takes_keys_of_each_kind_of_file)};

    if (argc < 2 || strcmp(argv[1], "s3") != 0) {
        return cmocka_run_group_tests(own, NULL, NULL);
    }
    if (getenv("KTK_TEST_S3") == NULL || getenv("AWS_ACCESS_KEY_ID") == NULL ||
        getenv("AWS_SECRET_ACCESS_KEY") == NULL) {
        print_message("# SKIPPED: KTK_TEST_S3 names no bucket, or its keys are not set\n");
        return 77; /* as Meson has it */
    }
    return cmocka_run_group_tests(real, NULL, NULL);
}
