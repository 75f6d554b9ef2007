#include "support/test.h"

#include <stdlib.h>

#include "base/context.h"
#include "net/aws_credentials.h"
#include "net/credential_server.h"

#define LIFE_MS 2000

struct fixture {
    struct credential_server server;
    char *folder;
    struct aws_credentials_options options;
};

static void set_up(struct fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->folder = test_folder_new();
    credential_environment_clear(fixture->folder);
    credential_server_start(&fixture->server);
    fixture->options = (struct aws_credentials_options){.clock = &fixture->server.clock};
}

static void tear_down(struct fixture *fixture) {
    credential_server_stop(&fixture->server);
    credential_environment_clear(fixture->folder);
    test_folder_remove(fixture->folder);
    assert_int_equal(test_allocator_live(), 0);
}

static struct aws_credentials *new_credentials(const struct fixture *fixture) {
    struct aws_credentials *credentials = NULL;
    ktk_error err;

    CHECK_OK(ktki_aws_credentials_new(&credentials, test_allocator(), &fixture->options, &err));
    return credentials;
}

/* Gets keys and compares the access key up to a '-'; `token` NULL: there is none. */
static void check_keys(struct aws_credentials *credentials, const char *access, const char *secret,
                       const char *token) {
    struct aws_keys keys;
    struct buffer space;
    ktk_error err;

    ktki_buffer_init(&space, test_allocator(), 0);
    CHECK_OK(ktki_aws_credentials_get(credentials, &keys, &space, &err));
    assert_int_equal(strncmp(keys.access_key, access, strlen(access)), 0);
    assert_true(keys.access_key[strlen(access)] == '\0' || keys.access_key[strlen(access)] == '-');
    assert_string_equal(keys.secret_key, secret);
    if (token == NULL) {
        assert_null(keys.session_token);
    } else {
        assert_string_equal(keys.session_token, token);
    }
    ktki_buffer_clear(&space);
}

static ktk_status try_keys(struct aws_credentials *credentials, ktk_error *err) {
    struct aws_keys keys;
    struct buffer space;
    ktk_status status;

    ktki_buffer_init(&space, test_allocator(), 0);
    status = ktki_aws_credentials_get(credentials, &keys, &space, err);
    ktki_buffer_clear(&space);
    return status;
}

/* --- order --------------------------------------------------------------------------------- */

static void write_config(const struct fixture *fixture, const char *before, bool has_process,
                         const char *after) {
    char text[2048];

    (void)snprintf(text, sizeof(text), "[default]\n%s%s%s%s%s", before,
                   has_process ? "credential_process = " : "", has_process ? fixture->folder : "",
                   has_process ? "/process 'with blank'\n" : "", after);
    credential_file_write(fixture->folder, ".aws/config", text);
}

static const char process[] =
    "#!/bin/sh\n"
    "[ \"$1\" = 'with blank' ] || exit 1\n"
    "echo '{\"Version\": 1, \"AccessKeyId\": \"PROCESS\", \"SecretAccessKey\": \"p\"}'\n";

#define ROLE "role_arn = arn:aws:iam::1:role/r\nsource_profile = default\n"
#define CONFIG_KEYS "aws_access_key_id = CONFIG\naws_secret_access_key = c\n"

/* Everything is there; then one after the other goes. */
static void asks_in_botocores_order(void **unused) {
    struct fixture fixture;
    struct {
        const char *source;
        const char *access;
        const char *secret;
        const char *token;
    } steps[] = {
        {"given", "GIVEN", "g", NULL},
        {"environment", "ENV", "e", "t"},
        {"role of the profile", "KEY1", "secret1", "session1"},
        {"web identity", "KEY2", "secret2", "session2"},
        {"shared credentials file", "FILE", "f", NULL},
        {"credential process", "PROCESS", "p", NULL},
        {"config file", "CONFIG", "c", NULL},
        {"container", "KEY3", "secret3", "session3"},
        {"instance metadata", "KEY4", "secret4", "session4"},
    };

    (void)unused;
    set_up(&fixture);
    fixture.options.access_key = "GIVEN";
    fixture.options.secret_key = "g";
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
    (void)setenv("AWS_SESSION_TOKEN", "t", 1);
    write_config(&fixture, ROLE, true, CONFIG_KEYS);
    credential_file_write(fixture.folder, "process", process);
    credential_file_write(fixture.folder, ".aws/credentials",
                          "[default]\naws_access_key_id=FILE\naws_secret_access_key=f\n");
    credential_file_write(fixture.folder, "token", "web-token\n");
    credential_file_name(fixture.folder, "token", "AWS_WEB_IDENTITY_TOKEN_FILE");
    (void)setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/w", 1);
    credential_server_name(&fixture.server, "AWS_ENDPOINT_URL_STS", "/");
    credential_server_name(&fixture.server, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    credential_server_name(&fixture.server, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    (void)setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct aws_credentials *credentials = new_credentials(&fixture);

        assert_string_equal(ktki_aws_credentials_source(credentials), "none");
        check_keys(credentials, steps[i].access, steps[i].secret, steps[i].token);
        assert_string_equal(ktki_aws_credentials_source(credentials), steps[i].source);
        ktki_aws_credentials_free(credentials);
        if (i == 0) {
            fixture.options.access_key = NULL;
            fixture.options.secret_key = NULL;
        } else if (i == 1) {
            (void)unsetenv("AWS_ACCESS_KEY_ID");
            (void)unsetenv("AWS_SECRET_ACCESS_KEY");
            (void)unsetenv("AWS_SESSION_TOKEN");
        } else if (i == 2) {
            write_config(&fixture, "", true, CONFIG_KEYS);
        } else if (i == 3) {
            (void)unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
        } else if (i == 4) {
            credential_file_write(fixture.folder, ".aws/credentials", "[other]\n");
        } else if (i == 5) {
            write_config(&fixture, "", false, CONFIG_KEYS);
        } else if (i == 6) {
            write_config(&fixture, "", false, "");
        } else if (i == 7) {
            (void)unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        }
    }
    tear_down(&fixture);
}

static void names_the_places_it_has_looked_at(void **unused) {
    static const char *const places[] = {"there are no keys for S3",
                                         "AWS_ACCESS_KEY_ID",
                                         "role",
                                         "AWS_WEB_IDENTITY_TOKEN_FILE",
                                         "AWS_SHARED_CREDENTIALS_FILE",
                                         "credential_process",
                                         "AWS_CONFIG_FILE",
                                         "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                         "metadata of EC2"};
    struct aws_credentials *credentials;
    struct aws_keys keys = {"x", "x", "x"};
    struct fixture fixture;
    struct buffer space;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        CHECK_MESSAGE(places[i]);
    }
    assert_false(ktki_aws_credentials_renew(credentials, "x"));
    ktki_aws_credentials_free(credentials);
    fixture.options.is_anonymous = true;
    credentials = new_credentials(&fixture);
    ktki_buffer_init(&space, test_allocator(), 0);
    CHECK_OK(ktki_aws_credentials_get(credentials, &keys, &space, &err));
    assert_null(keys.access_key);
    assert_null(keys.secret_key);
    assert_null(keys.session_token);
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- profiles ------------------------------------------------------------------------------ */

static void check_profile(struct fixture *fixture, const char *profile, const char *access,
                          const char *secret) {
    struct aws_credentials *credentials;

    fixture->options.profile = profile;
    credentials = new_credentials(fixture);
    check_keys(credentials, access, secret, NULL);
    ktki_aws_credentials_free(credentials);
}

static void reads_profiles(void **unused) {
    struct aws_credentials *credentials;
    struct fixture fixture;
    struct buffer region;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    credential_file_write(fixture.folder, "c",
                          "[a]\naws_access_key_id = A\naws_secret_access_key = a\nregion = r-c\n"
                          "[half]\naws_access_key_id = secretvalue\n"
                          "[profile p]\naws_access_key_id = no\naws_secret_access_key = no\n");
    credential_file_write(fixture.folder, "d",
                          "[profile p]\nAWS_ACCESS_KEY_ID: P\naws_secret_access_key: p\n"
                          "region = r-p\ns3 =\n  region = no\n[profile \"q r\"]\n"
                          "aws_access_key_id=Q\naws_secret_access_key=q=+/\n"
                          "[a]\naws_access_key_id = no\n[profile a]\nregion = r-d\n"
                          "[profile sso]\nsso_session = x\n");
    credential_file_name(fixture.folder, "c", "AWS_SHARED_CREDENTIALS_FILE");
    credential_file_name(fixture.folder, "d", "AWS_CONFIG_FILE");
    /* Whoever names a profile wants its keys. */
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
    check_profile(&fixture, "a", "A", "a");
    check_profile(&fixture, "p", "P", "p");
    check_profile(&fixture, "q r", "Q", "q=+/");
    (void)setenv("AWS_PROFILE", "p", 1);
    check_profile(&fixture, NULL, "ENV", "e");
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    check_profile(&fixture, NULL, "P", "p");
    fixture.options.profile = "nobody";
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    CHECK_MESSAGE("no profile 'nobody'");
    ktki_aws_credentials_free(credentials);
    fixture.options.profile = "half";
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    CHECK_MESSAGE("the secret key is missing");
    assert_null(strstr(err.message, "secretvalue"));
    ktki_aws_credentials_free(credentials);
    fixture.options.profile = "sso";
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("export-credentials");
    ktki_aws_credentials_free(credentials);
    ktki_buffer_init(&region, test_allocator(), 0);
    CHECK_OK(ktki_aws_profile_region(test_allocator(), NULL, &region, &err));
    assert_string_equal((const char *)region.data, "r-p");
    region.size = 0;
    CHECK_OK(ktki_aws_profile_region(test_allocator(), "a", &region, &err));
    assert_string_equal((const char *)region.data, "r-c");
    region.size = 0;
    CHECK_OK(ktki_aws_profile_region(test_allocator(), "nobody", &region, &err));
    assert_int_equal(region.size, 0);
    credential_file_write(fixture.folder, "d", "[a]\nsecretvalue\n");
    CHECK_STATUS(ktki_aws_profile_region(test_allocator(), "a", &region, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("/d': line 2 ");
    assert_null(strstr(err.message, "secretvalue"));
    ktki_buffer_clear(&region);
    tear_down(&fixture);
}

/* --- what is asked of the services --------------------------------------------------------- */

static void check_asked(const struct fixture *fixture, const char *in_head, const char *in_body) {
    if (strcasestr(fixture->server.last_head, in_head) == NULL) {
        fail_msg("no '%s' in '%s'", in_head, fixture->server.last_head);
    }
    if (strstr(fixture->server.last_body, in_body) == NULL) {
        fail_msg("no '%s' in '%s'", in_body, fixture->server.last_body);
    }
}

static void asks_for_roles(void **unused) {
    struct aws_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    fixture.options.region = "eu-west-9";
    credential_file_write(
        fixture.folder, ".aws/config",
        "[profile top]\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = middle\n"
        "external_id = x y\nduration_seconds = 900\nrole_session_name = me\n"
        "[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = b\n"
        "[profile loop]\nrole_arn = r\nsource_profile = loop2\n"
        "[profile loop2]\nrole_arn = r\nsource_profile = loop\n"
        "[profile bare]\nrole_arn = r\n"
        "[profile mfa]\nrole_arn = r\nmfa_serial = s\nsource_profile = base\n"
        "[profile web]\nrole_arn = arn:web\nweb_identity_token_file = /nonexistent/token\n"
        "[profile machine]\nrole_arn = arn:machine\ncredential_source = EcsContainer\n");
    credential_server_name(&fixture.server, "AWS_ENDPOINT_URL_STS", "");
    credential_server_name(&fixture.server, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    fixture.options.profile = "top";
    credentials = new_credentials(&fixture);
    check_keys(credentials, "KEY2", "secret2", "session2");
    ktki_aws_credentials_free(credentials);
    check_asked(&fixture, "Authorization: AWS4-HMAC-SHA256 Credential=KEY1-",
                "Action=AssumeRole&ExternalId=x%20y&DurationSeconds=900&Version=2011-06-15&"
                "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Ftop&RoleSessionName=me");
    check_asked(&fixture, "/eu-west-9/sts/aws4_request", "");
    check_asked(&fixture, "x-amz-security-token: session1\r\n", "");
    fixture.options.profile = "machine";
    credentials = new_credentials(&fixture);
    check_keys(credentials, "KEY4", "secret4", "session4");
    ktki_aws_credentials_free(credentials);
    check_asked(&fixture, "Credential=KEY3-", "RoleArn=arn%3Amachine");
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"loop", "bare", "mfa", "web"};
        static const ktk_status wanted[] = {KTK_E_INVALID, KTK_E_DENIED, KTK_E_UNSUPPORTED,
                                            KTK_E_DENIED};

        fixture.options.profile = names[i];
        credentials = new_credentials(&fixture);
        CHECK_STATUS(try_keys(credentials, &err), wanted[i]);
        ktki_aws_credentials_free(credentials);
    }
    tear_down(&fixture);
}

/* The token of Kubernetes changes under a running process. */
static void reads_the_token_file_each_time(void **unused) {
    struct aws_credentials *credentials;
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    atomic_store(&fixture.server.life_ms, LIFE_MS);
    credential_file_write(fixture.folder, "token", "first\n");
    credential_file_name(fixture.folder, "token", "AWS_WEB_IDENTITY_TOKEN_FILE");
    (void)setenv("AWS_ROLE_ARN", "arn:r", 1);
    (void)setenv("AWS_ROLE_SESSION_NAME", "pod", 1);
    credential_server_name(&fixture.server, "AWS_ENDPOINT_URL", "/");
    credentials = new_credentials(&fixture);
    check_keys(credentials, "KEY1", "secret1", "session1");
    check_asked(&fixture, "POST / HTTP/1.1\r\n",
                "Action=AssumeRoleWithWebIdentity&WebIdentityToken=first&Version=2011-06-15&"
                "RoleArn=arn%3Ar&RoleSessionName=pod");
    assert_null(strcasestr(fixture.server.last_head, "authorization"));
    credential_file_write(fixture.folder, "token", "second");
    atomic_fetch_add(&fixture.server.now_ms, LIFE_MS);
    check_keys(credentials, "KEY2", "secret2", "session2");
    check_asked(&fixture, "POST / ", "WebIdentityToken=second&");
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

static void asks_the_container_with_its_token(void **unused) {
    struct aws_credentials *credentials;
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    atomic_store(&fixture.server.life_ms, LIFE_MS);
    credential_server_name(&fixture.server, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container?a=b");
    (void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic text", 1);
    credentials = new_credentials(&fixture);
    check_keys(credentials, "KEY1", "secret1", "session1");
    check_asked(&fixture, "GET /container?a=b HTTP", "");
    check_asked(&fixture, "Authorization: Basic text\r\n", "");
    credential_file_write(fixture.folder, "token", "from-file\n");
    credential_file_name(fixture.folder, "token", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    atomic_fetch_add(&fixture.server.now_ms, LIFE_MS);
    check_keys(credentials, "KEY2", "secret2", "session2");
    check_asked(&fixture, "Authorization: from-file\r\n", "");
    ktki_aws_credentials_free(credentials);
    fixture.options.container_address = http_server_url(fixture.server.server);
    (void)setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/container/v2", 1);
    credentials = new_credentials(&fixture);
    check_keys(credentials, "KEY3", "secret3", "session3");
    check_asked(&fixture, "GET /container/v2 HTTP", "");
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

static void sends_tokens_to_no_other_host(void **unused) {
    static const char *const hosts[] = {"http://example.com/",
                                        "http://169.254.170.3/",
                                        "http://127.0.0.1@example.com/",
                                        "http://127.0.0.1:1@example.com/",
                                        "http://localhost.example.com/",
                                        "http://[::2]/",
                                        "http://[::1]@example.com/",
                                        "ftp://127.0.0.1/",
                                        "127.0.0.1"};
    struct aws_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        (void)setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", hosts[i], 1);
        credentials = new_credentials(&fixture);
        CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
        CHECK_MESSAGE("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither");
        ktki_aws_credentials_free(credentials);
    }
    (void)setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/", 1);
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_INVALID);
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

static void knows_machines_that_are_no_instances(void **unused) {
    struct aws_credentials *credentials;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    credential_server_name(&fixture.server, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
    credentials = new_credentials(&fixture);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED); /* it is turned off */
    assert_int_equal(atomic_load(&fixture.server.requests), 0);
    (void)setenv("AWS_EC2_METADATA_DISABLED", "no", 1);
    credential_server_name(&fixture.server, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/elsewhere");
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED); /* no token, and no first version */
    assert_int_equal(atomic_load(&fixture.server.requests), 1);
    credential_server_name(&fixture.server, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
    atomic_store(&fixture.server.fault, FAULT_SILENT);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_DENIED);
    assert_int_equal(atomic_load(&fixture.server.requests), 2);
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- wrong answers ------------------------------------------------------------------------- */

static const struct {
    enum credential_fault fault;
    ktk_status wanted;
    int requests; /* 0: any */
    const char *message;
} faults[] = {
    {FAULT_NO_JSON, KTK_E_IO, 1, "the answer is no"},
    {FAULT_NO_FIELDS, KTK_E_IO, 1, "there are no keys in the answer"},
    {FAULT_500, KTK_E_UNAVAILABLE, 3, "status 500, 3 attempts"},
    {FAULT_400, KTK_E_DENIED, 1, "Token expired: x"},
    {FAULT_NUL, KTK_E_IO, 1, "the answer is no"},
    {FAULT_LINE, KTK_E_IO, 1, ""},
    {FAULT_SILENT, KTK_E_UNAVAILABLE, 3, "127.0.0.1"},
};

static void tells_what_is_wrong_with_an_answer(void **unused) {
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture);
    credential_file_write(fixture.folder, "token", "web-token\n");
    (void)setenv("AWS_ROLE_ARN", "arn:r", 1);
    credential_server_name(&fixture.server, "AWS_ENDPOINT_URL", "/");
    credential_server_name(&fixture.server, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    for (size_t i = 0; i < 2 * sizeof(faults) / sizeof(faults[0]); i++) {
        size_t fault = i / 2;
        struct aws_credentials *credentials = new_credentials(&fixture);

        if (i % 2 == 1) {
            credential_file_name(fixture.folder, "token", "AWS_WEB_IDENTITY_TOKEN_FILE");
        } else {
            (void)unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
        }
        /* STS is not near: its silence ends after twenty seconds. XML has no NULs. */
        if (i % 2 == 0 || faults[fault].fault != FAULT_SILENT) {
            atomic_store(&fixture.server.fault, (int)faults[fault].fault);
            atomic_store(&fixture.server.requests, 0);
            CHECK_STATUS(try_keys(credentials, &err), faults[fault].wanted);
            CHECK_MESSAGE(faults[fault].message);
            CHECK_MESSAGE(i % 2 == 1 ? "keys for S3 from web identity" : "from container");
            assert_null(strstr(err.message, "secretvalue"));
            assert_int_equal(atomic_load(&fixture.server.requests), faults[fault].requests);
        }
        ktki_aws_credentials_free(credentials);
    }
    tear_down(&fixture);
}

static void check_process(struct fixture *fixture, const char *script, ktk_status wanted,
                          const char *message) {
    struct aws_credentials *credentials = new_credentials(fixture);
    ktk_error err;

    credential_file_write(fixture->folder, "process", script);
    CHECK_STATUS(try_keys(credentials, &err), wanted);
    CHECK_MESSAGE(message);
    assert_null(strstr(err.message, "secretvalue"));
    ktki_aws_credentials_free(credentials);
}

static void runs_the_process_of_a_profile(void **unused) {
    struct aws_credentials *credentials;
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    write_config(&fixture, "", true, "");
    check_process(&fixture, "#!/bin/sh\necho secretvalue\n", KTK_E_IO, "no JSON object");
    check_process(&fixture, "#!/bin/sh\necho '{\"AccessKeyId\": \"secretvalue\"}'\n",
                  KTK_E_UNSUPPORTED, "'Version' is not 1");
    check_process(&fixture, "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"x\"}'\n",
                  KTK_E_IO, "no keys");
    check_process(&fixture,
                  "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"x\", "
                  "\"SecretAccessKey\": \"secretvalue\", \"Expiration\": \"soon\"}'\n",
                  KTK_E_IO, "no time");
    check_process(&fixture, "#!/bin/sh\necho secretvalue; exit 2\n", KTK_E_DENIED, "status 2");
    /* What ends is run again, an offset to UTC is read. */
    credential_file_write(fixture.folder, "process",
                          "#!/bin/sh\necho x >> \"$HOME/runs\"\n"
                          "echo '{\"Version\": 1, \"AccessKeyId\": \"P\", \"SecretAccessKey\": "
                          "\"s\", \"SessionToken\": \"t\", \"Expiration\": "
                          "\"2023-11-15T00:13:22+02:00\"}'\n"); /* 2 s from now */
    credentials = new_credentials(&fixture);
    check_keys(credentials, "P", "s", "t");
    check_keys(credentials, "P", "s", "t");
    atomic_fetch_add(&fixture.server.now_ms, LIFE_MS);
    check_keys(credentials, "P", "s", "t");
    ktki_aws_credentials_free(credentials);
    {
        char path[512];
        char runs[16] = "";
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/runs", fixture.folder);
        file = fopen(path, "r");
        assert_non_null(file);
        assert_int_equal(fread(runs, 1, sizeof(runs), file), 4);
        (void)fclose(file);
    }
    tear_down(&fixture);
}

/* --- time ---------------------------------------------------------------------------------- */

static struct aws_credentials *new_on_container(struct fixture *fixture, int64_t life_ms) {
    set_up(fixture);
    atomic_store(&fixture->server.life_ms, life_ms);
    credential_server_name(&fixture->server, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    return new_credentials(fixture);
}

static void fetches_before_keys_end(void **unused) {
    struct fixture fixture;
    struct aws_credentials *credentials = new_on_container(&fixture, 3600000);

    (void)unused;
    check_keys(credentials, "KEY1", "secret1", "session1");
    atomic_fetch_add(&fixture.server.now_ms, 3600000 - 300001);
    check_keys(credentials, "KEY1", "secret1", "session1");
    assert_int_equal(atomic_load(&fixture.server.requests), 1);
    atomic_fetch_add(&fixture.server.now_ms, 1);
    check_keys(credentials, "KEY2", "secret2", "session2");
    check_keys(credentials, "KEY2", "secret2", "session2");
    assert_int_equal(atomic_load(&fixture.server.requests), 2);
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

static void keeps_good_keys_when_it_gets_no_others(void **unused) {
    struct fixture fixture;
    struct aws_credentials *credentials = new_on_container(&fixture, 3600000);
    ktk_error err;

    (void)unused;
    check_keys(credentials, "KEY1", "secret1", "session1");
    atomic_store(&fixture.server.fault, FAULT_500);
    atomic_fetch_add(&fixture.server.now_ms, 3400000);
    check_keys(credentials, "KEY1", "secret1", "session1");
    check_keys(credentials, "KEY1", "secret1", "session1");
    assert_int_equal(atomic_load(&fixture.server.requests), 4); /* not at each call */
    atomic_fetch_add(&fixture.server.now_ms, 30000);
    check_keys(credentials, "KEY1", "secret1", "session1");
    assert_int_equal(atomic_load(&fixture.server.requests), 7);
    atomic_fetch_add(&fixture.server.now_ms, 170000);
    CHECK_STATUS(try_keys(credentials, &err), KTK_E_UNAVAILABLE);
    atomic_store(&fixture.server.fault, FAULT_NONE);
    check_keys(credentials, "KEY2", "secret2", "session2");
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

/* A clock that goes wrong must not make good keys useless: the service decides. */
static void uses_keys_that_seem_to_be_over(void **unused) {
    struct fixture fixture;
    struct aws_credentials *credentials = new_on_container(&fixture, -5000);

    (void)unused;
    check_keys(credentials, "KEY1", "secret1", "session1");
    check_keys(credentials, "KEY1", "secret1", "session1");
    atomic_fetch_add(&fixture.server.now_ms, 30000);
    check_keys(credentials, "KEY2", "secret2", "session2");
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

static void renews_once_what_is_refused(void **unused) {
    struct fixture fixture;
    struct aws_credentials *credentials = new_on_container(&fixture, 3600000);
    char first[64];

    (void)unused;
    (void)snprintf(first, sizeof(first), "KEY1-%lld",
                   (long long)atomic_load(&fixture.server.now_ms) + 3600000);
    check_keys(credentials, "KEY1", "secret1", "session1");
    assert_true(ktki_aws_credentials_renew(credentials, first));
    assert_true(ktki_aws_credentials_renew(credentials, first)); /* it is done already */
    assert_int_equal(atomic_load(&fixture.server.requests), 2);
    check_keys(credentials, "KEY2", "secret2", "session2");
    /* Refusals of requests that were under way together. */
    assert_true(ktki_aws_credentials_renew(credentials, ""));
    assert_int_equal(atomic_load(&fixture.server.requests), 2);
    atomic_fetch_add(&fixture.server.now_ms, 1000);
    atomic_store(&fixture.server.fault, FAULT_400);
    assert_false(ktki_aws_credentials_renew(credentials, ""));
    ktki_aws_credentials_free(credentials);
    fixture.options.access_key = "GIVEN";
    fixture.options.secret_key = "g";
    credentials = new_credentials(&fixture);
    check_keys(credentials, "GIVEN", "g", NULL);
    assert_false(ktki_aws_credentials_renew(credentials, "GIVEN"));
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- threads ------------------------------------------------------------------------------- */

struct taker {
    pthread_t thread;
    struct aws_credentials *credentials;
    struct credential_server *server;
    int rounds;
    int failures;
};

static void *take(void *state) {
    struct taker *taker = state;

    for (int i = 0; i < taker->rounds; i++) {
        int64_t before = atomic_load(&taker->server->now_ms);
        struct aws_keys keys = {NULL, NULL, NULL};
        struct buffer space;
        const char *end;

        ktki_buffer_init(&space, test_allocator(), 0);
        if (ktki_aws_credentials_get(taker->credentials, &keys, &space, NULL) != KTK_OK) {
            taker->failures++;
        } else {
            end = strchr(keys.access_key, '-');
            taker->failures += strtoll(end + 1, NULL, 10) <= before;
        }
        ktki_buffer_clear(&space);
        atomic_fetch_add(&taker->server->now_ms, 50);
    }
    return NULL;
}

/* Keys live two seconds, of which each call takes some: nobody ever gets one that is over. */
static void serves_many_threads(void **unused) {
    struct taker takers[8];
    struct fixture fixture;
    struct aws_credentials *credentials = new_on_container(&fixture, LIFE_MS);

    (void)unused;
    for (size_t i = 0; i < 8; i++) {
        takers[i] =
            (struct taker){.credentials = credentials, .server = &fixture.server, .rounds = 100};
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take, &takers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        (void)pthread_join(takers[i].thread, NULL);
        assert_int_equal(takers[i].failures, 0);
    }
    assert_true(atomic_load(&fixture.server.given) >= 8 * 100 * 50 / LIFE_MS);
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

static void goes_on_while_others_are_fetched(void **unused) {
    struct fixture fixture;
    struct aws_credentials *credentials = new_on_container(&fixture, 3600000);
    struct taker taker = {.credentials = credentials, .server = &fixture.server, .rounds = 1};
    const struct timespec pause = {0, 1000000};

    (void)unused;
    check_keys(credentials, "KEY1", "secret1", "session1");
    atomic_fetch_add(&fixture.server.now_ms, 3400000);
    pthread_mutex_lock(&fixture.server.gate);
    assert_int_equal(pthread_create(&taker.thread, NULL, take, &taker), 0);
    /* Whichever of the two fetches, it does so in the thread of the other. */
    for (int i = 0; i < 100; i++) {
        (void)nanosleep(&pause, NULL);
    }
    check_keys(credentials, "KEY1", "secret1", "session1");
    pthread_mutex_unlock(&fixture.server.gate);
    (void)pthread_join(taker.thread, NULL);
    assert_int_equal(taker.failures, 0);
    check_keys(credentials, "KEY2", "secret2", "session2");
    ktki_aws_credentials_free(credentials);
    tear_down(&fixture);
}

/* --- memory -------------------------------------------------------------------------------- */

static void fail_each(const struct fixture *fixture, const char *source) {
    bool has_failed = true;

    for (int64_t n = 0; has_failed; n++) {
        ktk_context *context = test_context_failing(n);
        const ktk_allocator *allocator = ktki_context_allocator(context);
        struct aws_credentials *credentials = NULL;
        struct aws_keys keys = {NULL, NULL, NULL};
        struct buffer space;
        ktk_status status;
        ktk_error err;

        ktki_buffer_init(&space, allocator, 0);
        status = ktki_aws_credentials_new(&credentials, allocator, &fixture->options, &err);
        if (status == KTK_OK) {
            status = ktki_aws_credentials_get(credentials, &keys, &space, &err);
        }
        has_failed = test_context_has_failed();
        if (status == KTK_OK) {
            assert_string_equal(ktki_aws_credentials_source(credentials), source);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_null(keys.access_key);
        }
        ktki_buffer_clear(&space);
        ktki_aws_credentials_free(credentials);
        test_context_free(context);
    }
}

static void survives_each_allocation_that_fails(void **unused) {
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    fixture.options.access_key = "GIVEN";
    fixture.options.secret_key = "g";
    fixture.options.session_token = "t";
    fixture.options.region = "r";
    fail_each(&fixture, "given");
    fixture.options = (struct aws_credentials_options){.clock = &fixture.server.clock};
    credential_server_name(&fixture.server, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    (void)setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    fail_each(&fixture, "instance metadata");
    credential_server_name(&fixture.server, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    fail_each(&fixture, "container");
    write_config(&fixture, "", true, "");
    credential_file_write(fixture.folder, "process", process);
    fail_each(&fixture, "credential process");
    credential_server_name(&fixture.server, "AWS_ENDPOINT_URL", "/");
    credential_file_write(fixture.folder, "token", "web-token\n");
    credential_file_name(fixture.folder, "token", "AWS_WEB_IDENTITY_TOKEN_FILE");
    (void)setenv("AWS_ROLE_ARN", "arn:r", 1);
    fail_each(&fixture, "web identity");
    write_config(&fixture, ROLE, false, CONFIG_KEYS);
    fail_each(&fixture, "role of the profile");
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_in_botocores_order),
        cmocka_unit_test(names_the_places_it_has_looked_at),
        cmocka_unit_test(reads_profiles),
        cmocka_unit_test(asks_for_roles),
        cmocka_unit_test(reads_the_token_file_each_time),
        cmocka_unit_test(asks_the_container_with_its_token),
        cmocka_unit_test(sends_tokens_to_no_other_host),
        cmocka_unit_test(knows_machines_that_are_no_instances),
        cmocka_unit_test(tells_what_is_wrong_with_an_answer),
        cmocka_unit_test(runs_the_process_of_a_profile),
        cmocka_unit_test(fetches_before_keys_end),
        cmocka_unit_test(keeps_good_keys_when_it_gets_no_others),
        cmocka_unit_test(uses_keys_that_seem_to_be_over),
        cmocka_unit_test(renews_once_what_is_refused),
        cmocka_unit_test(serves_many_threads),
        cmocka_unit_test(goes_on_while_others_are_fetched),
        cmocka_unit_test(survives_each_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
