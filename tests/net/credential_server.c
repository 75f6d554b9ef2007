#include "net/credential_server.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/time_format.h"
#include "support/test.h"

/* --- time ---------------------------------------------------------------------------------- */

static int64_t now(void *state) {
    return atomic_load(&((struct credential_server *)state)->now_ms);
}

static void wait_not(void *state, int64_t milliseconds) {
    (void)state;
    (void)milliseconds;
}

static uint64_t draw(void *state) {
    (void)state;
    return 0;
}

/* --- answers ------------------------------------------------------------------------------- */

static void say(int socket, const char *status, const char *body) {
    char head[128];

    (void)snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status,
                   strlen(body));
    http_server_say(socket, head);
    http_server_say(socket, body);
}

static void format_end(struct credential_server *server, char out[KTKI_TIME_TEXT_MAX]) {
    size_t size = ktki_format_timestamp(
        (atomic_load(&server->now_ms) + atomic_load(&server->life_ms)) / 1000, 1, 'T', out);

    (void)snprintf(out + size, KTKI_TIME_TEXT_MAX - size, "Z");
}

/* KEY<number>-<end in ms>, so that a test sees whether it has got one that is over. */
static void say_keys(struct credential_server *server, int socket, bool is_xml) {
    int number = atomic_fetch_add(&server->given, 1) + 1;
    long long end_ms =
        (long long)(atomic_load(&server->now_ms) + atomic_load(&server->life_ms)) / 1000 * 1000;
    char end[KTKI_TIME_TEXT_MAX];
    char body[1024];

    format_end(server, end);
    if (is_xml) {
        (void)snprintf(body, sizeof(body),
                       "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                       "<AssumeRoleResult><Credentials><AccessKeyId>KEY%d-%lld</AccessKeyId>"
                       "<SecretAccessKey>secret%d</SecretAccessKey>"
                       "<SessionToken>session%d</SessionToken>%s%s%s</Credentials>"
                       "</AssumeRoleResult></AssumeRoleResponse>",
                       number, end_ms, number, number,
                       atomic_load(&server->life_ms) == 0 ? "" : "<Expiration>",
                       atomic_load(&server->life_ms) == 0 ? "" : end,
                       atomic_load(&server->life_ms) == 0 ? "" : "</Expiration>");
    } else {
        (void)snprintf(body, sizeof(body),
                       "{\"Code\": \"Success\", \"LastUpdated\": {\"AccessKeyId\": \"no\"},"
                       " \"AccessKeyId\": \"KEY%d-%lld\", \"SecretAccessKey\": \"secret%d\","
                       " \"Token\": \"session%d\"%s%s%s}",
                       number, end_ms, number, number,
                       atomic_load(&server->life_ms) == 0 ? "" : ", \"Expiration\": \"",
                       atomic_load(&server->life_ms) == 0 ? "" : end,
                       atomic_load(&server->life_ms) == 0 ? "" : "\"");
    }
    say(socket, "200 OK", body);
}

/* Of OAuth 2, as Entra ID, the instance and App Service write it. */
static void say_token(struct credential_server *server, int socket, const char *path) {
    int number = atomic_fetch_add(&server->given, 1) + 1;
    long long life_s = atomic_load(&server->life_ms) == 0
                           ? 86400
                           : (long long)atomic_load(&server->life_ms) / 1000;
    long long end_s = (long long)atomic_load(&server->now_ms) / 1000 + life_s;
    char body[512];

    if (strstr(path, "/oauth2/v2.0/token") != NULL) {
        (void)snprintf(body, sizeof(body),
                       "{\"token_type\": \"Bearer\", \"expires_in\": %lld, \"access_token\": "
                       "\"token%d\"}",
                       life_s, number);
    } else {
        (void)snprintf(body, sizeof(body),
                       "{\"access_token\": \"token%d\", \"expires_on\": \"%lld\", \"resource\": "
                       "\"https://storage.azure.com/\", \"token_type\": \"Bearer\"}",
                       number, end_s);
    }
    say(socket, "200 OK", body);
}

static bool is_faulty(int fault, int socket, bool is_xml) {
    switch (fault) {
    case FAULT_NO_JSON:
        say(socket, "200 OK", "secretvalue");
        return true;
    case FAULT_NO_FIELDS:
        say(socket, "200 OK", is_xml ? "<AssumeRoleResponse/>" : "{\"AccessKeyId\": null}");
        return true;
    case FAULT_500:
        say(socket, "500 x", "");
        return true;
    case FAULT_400:
        say(socket, "400 x",
            is_xml ? "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>Token "
                     "expired: x\nsecretvalue</Message></Error></ErrorResponse>"
                   : "{\"error\": \"invalid_grant\", \"error_description\": "
                     "\"Token expired: x\\nsecretvalue\"}");
        return true;
    case FAULT_NUL:
        say(socket, "200 OK", "{\"AccessKeyId\": \"a\\u0000b\", \"access_token\": \"a\\u0000b\"}");
        return true;
    case FAULT_LINE:
        say(socket, "200 OK",
            "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Token\": \"c\\r\\nX: y\", "
            "\"access_token\": \"c\\r\\nX: y\", \"expires_on\": 99999999999, \"expires_in\": 9}");
        return true;
    default:
        return false;
    }
}

static bool has(const struct served_request *request, const char *text) {
    return strcasestr(request->head, text) != NULL;
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct credential_server *server = state;
    bool is_sts = strncmp(request->head, "POST / ", 7) == 0;
    int fault = atomic_load(&server->fault);

    pthread_mutex_lock(&server->gate);
    atomic_fetch_add(&server->requests, 1);
    (void)snprintf(server->last_head, sizeof(server->last_head), "%s", request->head);
    (void)snprintf(server->last_body, sizeof(server->last_body), "%.*s", (int)request->body_size,
                   request->body);
    pthread_mutex_unlock(&server->gate);
    if (fault == FAULT_SILENT) {
        struct timespec pause = {3, 0};

        (void)nanosleep(&pause, NULL);
        return false;
    }
    if (has(request, "PUT /latest/api/token ")) {
        say(socket,
            has(request, "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n") ? "200 OK" : "400 x",
            "imds-token");
    } else if (has(request, "GET /latest/meta-data/iam/security-credentials/") &&
               !has(request, "x-aws-ec2-metadata-token: imds-token\r\n")) {
        say(socket, "401 x", "");
    } else if (has(request, "GET /latest/meta-data/iam/security-credentials/ ")) {
        say(socket, "200 OK", "role-a\n");
    } else if (has(request, "/metadata/identity/") && !has(request, "\r\nMetadata: true\r\n")) {
        say(socket, "400 x", "");
    } else if (!is_faulty(fault, socket, is_sts)) {
        if (is_sts || has(request, "GET /container") ||
            has(request, "GET /latest/meta-data/iam/security-credentials/role-a ")) {
            say_keys(server, socket, is_sts);
        } else if (has(request, "/oauth2/")) {
            say_token(server, socket, request->head);
        } else {
            say(socket, "404 x", "");
        }
    }
    return true;
}

/* --- set up -------------------------------------------------------------------------------- */

void credential_server_start(struct credential_server *server) {
    memset(server, 0, sizeof(*server));
    atomic_store(&server->now_ms, 1700000000000);
    server->clock = (struct time_source){now, wait_not, draw, server};
    (void)pthread_mutex_init(&server->gate, NULL);
    server->server = http_server_new(answer, server);
}

void credential_server_stop(struct credential_server *server) {
    http_server_free(server->server);
    (void)pthread_mutex_destroy(&server->gate);
}

void credential_server_name(const struct credential_server *server, const char *variable,
                            const char *path) {
    char url[256];

    (void)snprintf(url, sizeof(url), "%s%s", http_server_url(server->server), path);
    assert_int_equal(setenv(variable, url, 1), 0);
}

void credential_environment_clear(const char *folder) {
    static const char *const names[] = {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONFIG_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AZURE_STORAGE_KEY",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_ACCOUNT",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(unsetenv(names[i]), 0);
    }
    assert_int_equal(setenv("HOME", folder, 1), 0);
    assert_int_equal(setenv("AWS_EC2_METADATA_DISABLED", "true", 1), 0);
    /* Nobody is there: the machine of the tests is asked for nothing. */
    assert_int_equal(setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1", 1), 0);
    /* What is asked here must not go through a proxy. */
    assert_int_equal(setenv("no_proxy", "*", 1), 0);
}

void credential_file_write(const char *folder, const char *name, const char *text) {
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/.aws", folder);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

void credential_file_name(const char *folder, const char *name, const char *variable) {
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(setenv(variable, path, 1), 0);
}
