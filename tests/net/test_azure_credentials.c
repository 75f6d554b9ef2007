#include "support/test.h"

#include <stdlib.h>

#include "base/context.h"
#include "base/secret.h"
#include "net/azure_credentials.h"
#include "net/credential_server.h"

#define LIFE_MS 2000
#define KEY "a2V5LW9mLXRoZS1hY2NvdW50" /* base64 of "key-of-the-account" */

struct fixture {
    struct credential_server server;
    char *folder;
    struct azure_credentials_options options;
};

/* `az` is looked up in the folder alone. */
static void set_up(struct fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->folder = test_folder_new();
    credential_environment_clear(fixture->folder);
    assert_int_equal(setenv("PATH", fixture->folder, 1), 0);
    credential_server_start(&fixture->server);
    fixture->options =
        (struct azure_credentials_options){.account = "acc", .clock = &fixture->server.clock};
}

static void tear_down(struct fixture *fixture) {
    credential_server_stop(&fixture->server);
    credential_environment_clear(fixture->folder);
    test_folder_remove(fixture->folder);
    assert_int_equal(test_allocator_live(), 0);
}

static struct azure_credentials *new_credentials(const struct fixture *fixture) {
    struct azure_credentials *credentials = NULL;
    ktk_error err;

    CHECK_OK(ktki_azure_credentials_new(&credentials, test_allocator(), &fixture->options, &err));
    return credentials;
}

/* What is there, as one text: "key …", "sas …", "token …" or "". */
static void check_keys(struct azure_credentials *credentials, const char *wanted) {
    struct azure_keys keys;
    struct buffer space;
    char got[256] = "";
    ktk_error err;

    ktki_buffer_init(&space, test_allocator(), 0);
    CHECK_OK(ktki_azure_credentials_get(credentials, &keys, &space, &err));
    assert_string_equal(keys.account, "acc");
    assert_true((keys.key != NULL) + (keys.sas != NULL) + (keys.token != NULL) <= 1);
    if (keys.key != NULL) {
        (void)snprintf(got, sizeof(got), "key %.*s", (int)keys.key_size, (const char *)keys.key);
    } else if (keys.sas != NULL || keys.token != NULL) {
        (void)snprintf(got, sizeof(got), "%s %s", keys.sas != NULL ? "sas" : "token",
                       keys.sas != NULL ? keys.sas : keys.token);
    }
    assert_string_equal(got, wanted);
    ktki_buffer_clear(&space);
}

static ktk_status try_keys(struct azure_credentials *credentials, ktk_error *err) {
    struct azure_keys keys;
    struct buffer space;
    ktk_status status;

    ktki_buffer_init(&space, test_allocator(), 0);
    status = ktki_azure_credentials_get(credentials, &keys, &space, err);
    ktki_buffer_clear(&space);
    return status;
}

static void check_asked(const struct fixture *fixture, const char *in_head, const char *in_body) {
    if (strcasestr(fixture->server.last_head, in_head) == NULL) {
        fail_msg("no '%s' in '%s'", in_head, fixture->server.last_head);
    }
    if (strstr(fixture->server.last_body, in_body) == NULL) {
        fail_msg("no '%s' in '%s'", in_body, fixture->server.last_body);
    }
}

static void name_client(const struct fixture *fixture) {
    credential_server_name(&fixture->server, "AZURE_AUTHORITY_HOST", "/");
    (void)setenv("AZURE_TENANT_ID", "tenant", 1);
    (void)setenv("AZURE_CLIENT_ID", "client", 1);
}

static void name_workload(const struct fixture *fixture) {
    name_client(fixture);
    credential_file_write(fixture->folder, "token", "first\n");
    credential_file_name(fixture->folder, "token", "AZURE_FEDERATED_TOKEN_FILE");
}

/* --- order --------------------------------------------------------------------------------- */

static const char az[] = "#!/bin/sh\n"
                         "[ \"$*\" = 'account get-access-token --output=json "
                         "--resource=https://storage.azure.com/' ] || exit 1\n"
                         "echo 'a word to the user' >&2\n"
                         "echo '{\"accessToken\": \"token-of-az\", \"expiresOn\": \"2023-11-15 "
                         "00:00:00.000000\", \"expires_on\": 1700003600, \"tokenType\": "
                         "\"Bearer\"}'\n";

/* Everything is there; then one after the other goes. */
static void asks_in_order(void **unused) {
    static const struct {
        const char *source;
        const char *keys;
    } steps[] = {
        {"given", "key key-of-the-account"},
        {"connection string", "sas sv=1&sig=x%2F"},
        {"environment", "key key-of-the-account"},
        {"environment", "key key-of-the-account"},
        {"environment", "sas sv=2&sig=y"},
        {"workload identity", "token token1"},
        {"managed identity", "token token2"},
        {"client secret", "token token3"},
        {"managed identity of the machine", "token token4"},
        {"az", "token token-of-az"},
    };
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    fixture.options.key = KEY;
    fixture.options.sas = "?sv=1&sig=x%2F";
    (void)setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY, 1);
    (void)setenv("AZURE_STORAGE_KEY", KEY, 1);
    (void)setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=2&sig=y", 1);
    name_workload(&fixture);
    credential_server_name(&fixture.server, "IDENTITY_ENDPOINT", "/oauth2/msi");
    (void)setenv("IDENTITY_HEADER", "header", 1);
    (void)setenv("AZURE_CLIENT_SECRET", "secretvalue", 1);
    credential_server_name(&fixture.server, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "/");
    credential_file_write(fixture.folder, "az", az);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        static const char *const going[] = {NULL,
                                            NULL,
                                            "AZURE_STORAGE_ACCOUNT_KEY",
                                            "AZURE_STORAGE_KEY",
                                            "AZURE_STORAGE_SAS_TOKEN",
                                            "AZURE_FEDERATED_TOKEN_FILE",
                                            "IDENTITY_ENDPOINT",
                                            "AZURE_CLIENT_SECRET",
                                            NULL,
                                            NULL};
        struct azure_credentials *credentials = new_credentials(&fixture);

        assert_string_equal(ktki_azure_credentials_source(credentials), "none");
        check_keys(credentials, steps[i].keys);
        assert_string_equal(ktki_azure_credentials_source(credentials), steps[i].source);
        ktki_azure_credentials_free(credentials);
        if (i == 0) {
            fixture.options.key = NULL;
            fixture.options.given_as = "connection string";
        } else if (i == 1) {
            fixture.options.sas = NULL;
        } else if (i == 8) {
            (void)setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1", 1);
        } else if (going[i] != NULL) {
            (void)unsetenv(going[i]);
        }
    }
    tear_down(&fixture);
}

static void names_the_places_it_has_looked_at(void **unused) {
    static const char *const places[] = {"there are no keys for Azure",
                                         "AZURE_STORAGE_KEY",
                                         "AZURE_STORAGE_SAS_TOKEN",
                                         "AZURE_FEDERATED_TOKEN_FILE",
                                         "IDENTITY_ENDPOINT",
                                         "AZURE_CLIENT_SECRET",
                                         "the machine",
                                         "'az' is not signed in"};
    struct azure_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        CHECK_MESSAGE(places[i]);
    }
    /* Who is not signed in has no token; the key of another account is none. */
    credential_file_write(fixture.folder, "az", "#!/bin/sh\nexit 1\n");
    (void)setenv("AZURE_STORAGE_ACCOUNT", "other", 1);
    (void)setenv("AZURE_STORAGE_KEY", KEY, 1);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    assert_false(ktki_azure_credentials_renew(credentials));
    (void)setenv("AZURE_STORAGE_ACCOUNT", "acc", 1);
    check_keys(credentials, "key key-of-the-account");
    assert_false(ktki_azure_credentials_renew(credentials));
    ktki_azure_credentials_free(credentials);
    (void)setenv("AZURE_STORAGE_KEY", "secretvalue!", 1);
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_INVALID);
    CHECK_MESSAGE("the key of the account 'acc'");
    assert_null(strstr(err.message, "secretvalue"));
    ktki_azure_credentials_free(credentials);
    fixture.options.is_anonymous = true;
    credentials = new_credentials(&fixture);
    check_keys(credentials, "");
    ktki_azure_credentials_free(credentials);
    fixture.options.key = "secretvalue!";
    credentials = TEST_POISON;
    CHECK_STATUS(ktki_azure_credentials_new(&credentials, test_allocator(), &fixture.options, &err),
                 KTK_E_INVALID);
    assert_ptr_equal(credentials, TEST_POISON);
    assert_null(strstr(err.message, "secretvalue"));
    tear_down(&fixture);
}

/* --- what is asked of the services --------------------------------------------------------- */

static void reads_the_token_file_each_time(void **unused) {
    struct azure_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    atomic_store(&fixture.server.life_ms, LIFE_MS);
    name_workload(&fixture);
    credentials = new_credentials(&fixture);
    check_keys(credentials, "token token1");
    check_asked(&fixture, "POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n",
                "client_assertion=first&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
                "client-assertion-type%3Ajwt-bearer&client_id=client&scope=https%3A%2F%2F"
                "storage.azure.com%2F.default&grant_type=client_credentials");
    check_asked(&fixture, "Content-Type: application/x-www-form-urlencoded\r\n", "");
    check_keys(credentials, "token token1");
    credential_file_write(fixture.folder, "token", "second");
    atomic_fetch_add(&fixture.server.now_ms, LIFE_MS);
    check_keys(credentials, "token token2");
    check_asked(&fixture, "POST ", "client_assertion=second&");
    (void)unsetenv("AZURE_TENANT_ID");
    atomic_fetch_add(&fixture.server.now_ms, LIFE_MS);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    CHECK_MESSAGE("AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_TENANT_ID is not");
    (void)setenv("AZURE_TENANT_ID", "tenant", 1);
    (void)setenv("AZURE_AUTHORITY_HOST", "http://example.com", 1);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_INVALID);
    CHECK_MESSAGE("AZURE_AUTHORITY_HOST");
    ktki_azure_credentials_free(credentials);
    tear_down(&fixture);
}

static void asks_for_its_identity(void **unused) {
    struct azure_credentials *credentials;
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    name_client(&fixture);
    (void)setenv("AZURE_CLIENT_SECRET", "s&=", 1);
    credentials = new_credentials(&fixture);
    check_keys(credentials, "token token1");
    check_asked(&fixture, "POST /tenant/", "client_secret=s%26%3D&client_id=client&");
    ktki_azure_credentials_free(credentials);
    (void)unsetenv("AZURE_CLIENT_SECRET");
    credential_server_name(&fixture.server, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    /* No proxy knows this machine. */
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)unsetenv("no_proxy");
    credentials = new_credentials(&fixture);
    check_keys(credentials, "token token2");
    (void)unsetenv("http_proxy");
    check_asked(&fixture,
                "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2F"
                "storage.azure.com%2F&client_id=client HTTP",
                "");
    ktki_azure_credentials_free(credentials);
    (void)unsetenv("AZURE_CLIENT_ID");
    credential_server_name(&fixture.server, "IDENTITY_ENDPOINT", "/oauth2/msi");
    (void)setenv("IDENTITY_HEADER", "header", 1);
    credentials = new_credentials(&fixture);
    check_keys(credentials, "token token3");
    check_asked(&fixture,
                "GET /oauth2/msi?api-version=2019-08-01&resource=https%3A%2F%2F"
                "storage.azure.com%2F HTTP",
                "");
    check_asked(&fixture, "X-IDENTITY-HEADER: header\r\n", "");
    ktki_azure_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- wrong answers ------------------------------------------------------------------------- */

static void tells_what_is_wrong_with_an_answer(void **unused) {
    static const struct {
        enum credential_fault fault;
        ktk_status wanted;
        int requests;
        const char *message;
    } faults[] = {
        {FAULT_NO_JSON, KTK_E_IO, 1, "the answer is no JSON object"},
        {FAULT_NO_FIELDS, KTK_E_IO, 1, "there is no token in the answer"},
        {FAULT_500, KTK_E_UNAVAILABLE, 3, "status 500, 3 attempts"},
        {FAULT_400, KTK_E_DENIED, 1, "status 400 invalid_grant: Token expired: x"},
        {FAULT_NUL, KTK_E_IO, 1, "the answer is no JSON object"},
        {FAULT_LINE, KTK_E_IO, 1, "a control character"},
    };
    struct azure_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    name_workload(&fixture);
    credentials = new_credentials(&fixture);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        atomic_store(&fixture.server.fault, (int)faults[i].fault);
        atomic_store(&fixture.server.requests, 0);
        CHECK_STATUS(try_keys(credentials, &err), faults[i].wanted);
        CHECK_MESSAGE("keys for Azure from workload identity");
        CHECK_MESSAGE(faults[i].message);
        assert_null(strstr(err.message, "secretvalue"));
        assert_int_equal(atomic_load(&fixture.server.requests), faults[i].requests);
    }
    ktki_azure_credentials_free(credentials);
    /* A machine without an identity is none that is set up; one that answers wrongly is. */
    (void)unsetenv("AZURE_FEDERATED_TOKEN_FILE");
    credential_server_name(&fixture.server, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    credentials = new_credentials(&fixture);
    atomic_store(&fixture.server.fault, FAULT_400);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    CHECK_MESSAGE("there are no keys for Azure");
    atomic_store(&fixture.server.fault, FAULT_500);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_UNAVAILABLE);
    CHECK_MESSAGE("managed identity of the machine");
    ktki_azure_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- time ---------------------------------------------------------------------------------- */

static void fetches_before_tokens_end(void **unused) {
    struct azure_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    atomic_store(&fixture.server.life_ms, 3600000);
    credential_server_name(&fixture.server, "IDENTITY_ENDPOINT", "/oauth2/msi");
    (void)setenv("IDENTITY_HEADER", "header", 1);
    credentials = new_credentials(&fixture);
    check_keys(credentials, "token token1");
    atomic_fetch_add(&fixture.server.now_ms, 3600000 - 300001);
    check_keys(credentials, "token token1");
    atomic_fetch_add(&fixture.server.now_ms, 1);
    check_keys(credentials, "token token2");
    assert_true(ktki_azure_credentials_renew(credentials));
    check_keys(credentials, "token token3");
    assert_int_equal(atomic_load(&fixture.server.requests), 3);
    /* What is good is used although there is no other one. */
    atomic_fetch_add(&fixture.server.now_ms, 3400000);
    atomic_store(&fixture.server.fault, FAULT_500);
    check_keys(credentials, "token token3");
    assert_false(ktki_azure_credentials_renew(credentials));
    atomic_fetch_add(&fixture.server.now_ms, 200000);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_UNAVAILABLE);
    ktki_azure_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- memory -------------------------------------------------------------------------------- */

struct watch {
    atomic_int freed;
    atomic_int secrets; /* blocks with a secret in them */
};

static void *watch_resize(void *state, void *block, size_t old_size, size_t new_size) {
    static const char *const secrets[] = {"hushhush", "token1", "first"};
    struct watch *watch = state;

    for (size_t i = 0; block != NULL && i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        bool is_secret = memmem(block, old_size, secrets[i], strlen(secrets[i])) != NULL;

        atomic_fetch_add(&watch->freed, 1);
        atomic_fetch_add(&watch->secrets, is_secret);
    }
    return test_allocator()->resize(test_allocator()->state, block, old_size, new_size);
}

/* Whatever is given back, from the request and the answer on, holds neither secret nor token. */
static void leaves_no_secret_in_memory(void **unused) {
    struct watch watch = {0, 0};
    const ktk_allocator watched = {watch_resize, &watch};
    struct secret_allocator secrets;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    name_workload(&fixture);
    ktki_secret_allocator_init(&secrets, &watched);
    for (int i = 0; i < 2; i++) {
        struct azure_credentials *credentials = NULL;
        struct azure_keys keys;
        struct buffer space;

        ktki_buffer_init(&space, &secrets.allocator, 0);
        CHECK_OK(ktki_azure_credentials_new(&credentials, &watched, &fixture.options, &err));
        CHECK_OK(ktki_azure_credentials_get(credentials, &keys, &space, &err));
        ktki_buffer_clear(&space);
        ktki_azure_credentials_free(credentials);
        (void)unsetenv("AZURE_FEDERATED_TOKEN_FILE");
        (void)setenv("AZURE_CLIENT_SECRET", "hushhush", 1);
        atomic_store(&fixture.server.given, 0);
    }
    assert_true(atomic_load(&watch.freed) > 50);
    assert_int_equal(atomic_load(&watch.secrets), 0);
    tear_down(&fixture);
}

static void fail_each(const struct fixture *fixture, const char *source) {
    bool has_failed = true;

    for (int64_t n = 0; has_failed; n++) {
        ktk_context *context = test_context_failing(n);
        const ktk_allocator *allocator = ktki_context_allocator(context);
        struct azure_credentials *credentials = NULL;
        struct azure_keys keys = {.account = NULL};
        struct buffer space;
        ktk_status status;
        ktk_error err;

        ktki_buffer_init(&space, allocator, 0);
        status = ktki_azure_credentials_new(&credentials, allocator, &fixture->options, &err);
        if (status == KTK_OK) {
            status = ktki_azure_credentials_get(credentials, &keys, &space, &err);
        }
        has_failed = test_context_has_failed();
        if (status == KTK_OK) {
            assert_string_equal(ktki_azure_credentials_source(credentials), source);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_null(keys.account);
        }
        ktki_buffer_clear(&space);
        ktki_azure_credentials_free(credentials);
        test_context_free(context);
    }
}

static void survives_each_allocation_that_fails(void **unused) {
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    fixture.options.key = KEY;
    fail_each(&fixture, "given");
    fixture.options.key = NULL;
    fixture.options.sas = "sv=1";
    fail_each(&fixture, "given");
    fixture.options.sas = NULL;
    credential_file_write(fixture.folder, "az", az);
    fail_each(&fixture, "az");
    credential_server_name(&fixture.server, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    fail_each(&fixture, "managed identity of the machine");
    name_client(&fixture);
    (void)setenv("AZURE_CLIENT_SECRET", "s", 1);
    fail_each(&fixture, "client secret");
    credential_server_name(&fixture.server, "IDENTITY_ENDPOINT", "/oauth2/msi");
    (void)setenv("IDENTITY_HEADER", "header", 1);
    fail_each(&fixture, "managed identity");
    name_workload(&fixture);
    fail_each(&fixture, "workload identity");
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_in_order),
        cmocka_unit_test(names_the_places_it_has_looked_at),
        cmocka_unit_test(reads_the_token_file_each_time),
        cmocka_unit_test(asks_for_its_identity),
        cmocka_unit_test(tells_what_is_wrong_with_an_answer),
        cmocka_unit_test(fetches_before_tokens_end),
        cmocka_unit_test(leaves_no_secret_in_memory),
        cmocka_unit_test(survives_each_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
