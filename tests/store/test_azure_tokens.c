/* Containers with tokens of a server that a test makes, which lets them expire, and with keys of
 * the environment at the one that KTK_TEST_AZURE names. */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "net/credential_server.h"

/* --- tokens that expire -------------------------------------------------------------------- */

struct container {
    struct http_server *server;
    atomic_int given;
    atomic_int valid; /* number of the token that is taken */
    atomic_int refused;
};

static void say(int socket, const char *status, const char *body) {
    char text[1024];

    (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                   strlen(body), body);
    http_server_say(socket, text);
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct container *container = state;
    const char *token = strcasestr(request->head, "authorization: Bearer token");
    char body[256];

    if (strncmp(request->head, "GET /msi?", 9) == 0) {
        (void)snprintf(body, sizeof(body),
                       "{\"access_token\": \"token%d\", \"expires_on\": \"32503680000\"}",
                       atomic_fetch_add(&container->given, 1) + 1);
        say(socket, "200 OK", body);
    } else if (token == NULL || atoi(token + strlen("authorization: Bearer token")) !=
                                    atomic_load(&container->valid)) {
        atomic_fetch_add(&container->refused, 1);
        say(socket, "401 x",
            "<Error><Code>InvalidAuthenticationInfo</Code><Message>expired</Message></Error>");
    } else {
        say(socket, "200 OK", "value");
    }
    return true;
}

static void renews_tokens_that_have_expired(void **unused) {
    char *folder = test_folder_new();
    ktk_context *context = test_context_new(1);
    struct container container = {.valid = 1};
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_store *store = NULL;
    char url[256];
    ktk_error err;

    (void)unused;
    credential_environment_clear(folder);
    container.server = http_server_new(answer, &container);
    (void)snprintf(url, sizeof(url), "%s/msi", http_server_url(container.server));
    (void)setenv("IDENTITY_ENDPOINT", url, 1);
    (void)setenv("IDENTITY_HEADER", "header", 1);
    (void)snprintf(url, sizeof(url), "az://acc/c?endpoint=%s", http_server_url(container.server));
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    CHECK_OK(ktk_store_get(store, "k", &got, NULL, &err));
    ktk_bytes_clear(&got);
    atomic_store(&container.valid, 2);
    CHECK_OK(ktk_store_get(store, "k", &got, NULL, &err));
    assert_int_equal(got.size, 5);
    ktk_bytes_clear(&got);
    assert_int_equal(atomic_load(&container.given), 2);
    assert_int_equal(atomic_load(&container.refused), 1);
    atomic_store(&container.valid, 1000);
    CHECK_STATUS(ktk_store_get(store, "k", &got, NULL, &err), KTK_E_DENIED);
    CHECK_MESSAGE("InvalidAuthenticationInfo");
    assert_true(atomic_load(&container.refused) <= 5);
    ktk_store_free(store);
    http_server_free(container.server);
    test_context_free(context);
    test_folder_remove(folder);
}

/* --- a real server ------------------------------------------------------------------------- */

static void check_put(const char *key_variable, const char *key, ktk_status wanted) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = NULL;
    ktk_error err;

    (void)setenv(key_variable, key, 1);
    CHECK_OK(ktk_store_open(&store, context, getenv("KTK_TEST_AZURE"), &err));
    CHECK_STATUS(ktk_store_put(store, "credentials/k", "value", 5, NULL, NULL, &err), wanted);
    (void)unsetenv(key_variable);
    ktk_store_free(store);
    test_context_free(context);
}

/* The connection string is left with nothing but the endpoint. */
static void takes_keys_of_the_environment(void **unused) {
    char *folder = test_folder_new();
    const char *endpoint = strstr(getenv("AZURE_STORAGE_CONNECTION_STRING"), "BlobEndpoint=");
    char connection[512];
    char key[256];

    (void)unused;
    (void)snprintf(connection, sizeof(connection), "%s", endpoint);
    (void)snprintf(key, sizeof(key), "%s", getenv("AZURE_STORAGE_KEY"));
    credential_environment_clear(folder);
    (void)setenv("PATH", folder, 1);
    (void)setenv("AZURE_STORAGE_CONNECTION_STRING", connection, 1);
    check_put("AZURE_STORAGE_KEY", key, KTK_OK);
    check_put("AZURE_STORAGE_ACCOUNT_KEY", key, KTK_OK);
    check_put("AZURE_STORAGE_KEY", "d3Jvbmc=", KTK_E_DENIED);
    check_put("AZURE_STORAGE_KEY", "", KTK_E_DENIED);
    test_folder_remove(folder);
}

int main(int argc, char **argv) {
    const struct CMUnitTest own[] = {cmocka_unit_test(renews_tokens_that_have_expired)};
    const struct CMUnitTest real[] = {cmocka_unit_test(takes_keys_of_the_environment)};
    const char *connection = getenv("AZURE_STORAGE_CONNECTION_STRING");

    if (argc < 2 || strcmp(argv[1], "azure") != 0) {
        return cmocka_run_group_tests(own, NULL, NULL);
    }
    if (getenv("KTK_TEST_AZURE") == NULL || getenv("AZURE_STORAGE_KEY") == NULL ||
        connection == NULL || strstr(connection, "BlobEndpoint=") == NULL) {
        print_message("# SKIPPED: KTK_TEST_AZURE names no container, or its key and connection "
                      "string are not set\n");
        return 77; /* as Meson has it */
    }
    return cmocka_run_group_tests(real, NULL, NULL);
}
