/* What S3 and Azure stores ask for to list keys page by page, and what they make of the answers. */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>

#include <kartothek/store.h>

#include "net/http_server.h"

#define CALLS_MAX 8

/* Answers in the order in which they are given; the last one is given again and again. */
struct service {
    const char *const *bodies;
    int count;
    atomic_int calls;
    char queries[CALLS_MAX][512];
};

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;
    int call = atomic_fetch_add(&service->calls, 1);
    const char *query = strchr(request->head, '?');
    const char *body = service->bodies[call < service->count ? call : service->count - 1];
    char text[2048];

    if (query != NULL && call < CALLS_MAX) {
        (void)snprintf(service->queries[call], sizeof(service->queries[call]), "%.*s",
                       (int)strcspn(query, " "), query);
    }
    if (strncmp(body, "HTTP", 4) == 0) {
        http_server_say(socket, body);
    } else {
        (void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(body), body);
        http_server_say(socket, text);
    }
    return true;
}

static ktk_status see(void *state, const ktk_store_entry *entry, ktk_error *err) {
    char *keys = state;

    (void)err;
    (void)snprintf(keys + strlen(keys), 512 - strlen(keys), "%s|", entry->key);
    return KTK_OK;
}

/* All keys of a store with the prefix "p/" whose lists are answered so, joined. */
static ktk_status list(struct service *service, bool is_azure, char keys[512], ktk_error *err) {
    ktk_context *context = test_context_new(1);
    struct http_server *server = http_server_new(answer, service);
    ktk_store *store = NULL;
    char url[256];
    ktk_status status;

    (void)snprintf(url, sizeof(url), "%s/p?region=r&anonymous=true&endpoint=%s%s",
                   is_azure ? "az://account/container" : "s3://b", http_server_url(server),
                   is_azure ? "/account" : "");
    keys[0] = '\0';
    assert_int_equal(ktk_store_open(&store, context, url, err), KTK_OK);
    status = ktk_store_list(store, "a", see, keys, err);
    ktk_store_free(store);
    http_server_free(server);
    test_context_free(context);
    return status;
}

#define S3(keys, rest) "<ListBucketResult>" keys rest "</ListBucketResult>"
#define KEY(name) "<Contents><Key>" name "</Key><Size>1</Size></Contents>"
#define CUT "<IsTruncated>true</IsTruncated>"
#define TOKEN(text) "<NextContinuationToken>" text "</NextContinuationToken>"
#define SERVICE(texts) {.bodies = (texts), .count = (int)(sizeof(texts) / sizeof((texts)[0]))}

static void expect_param(const struct service *service, int call, const char *param) {
    if (strstr(service->queries[call], param) == NULL) {
        fail_msg("call %d asks %s, without %s", call, service->queries[call], param);
    }
}

static void pages_are_asked_for_by_their_tokens(void **unused) {
    static const char *const bodies[] = {S3(KEY("p/a1") KEY("p/a2"), CUT TOKEN("t+/= &amp;1")),
                                         S3(KEY("p/a3"), CUT TOKEN("u")),
                                         /* Not encoded, since it is not said that it is. */
                                         S3(KEY("p/a%204"), "")};
    struct service service = SERVICE(bodies);
    char keys[512];
    ktk_error err;

    (void)unused;
    CHECK_OK(list(&service, false, keys, &err));
    assert_string_equal(keys, "a%204|a1|a2|a3|");
    assert_int_equal(atomic_load(&service.calls), 3);
    assert_null(strstr(service.queries[0], "continuation-token"));
    expect_param(&service, 0, "prefix=p%2Fa");
    expect_param(&service, 1, "continuation-token=t%2B%2F%3D%20%261");
    expect_param(&service, 1, "prefix=p%2Fa");
    expect_param(&service, 2, "continuation-token=u");
}

static void azures_pages_are_asked_for_by_their_markers(void **unused) {
#define BLOB(name) "<Blob><Name>" name "</Name></Blob>"
#define AZURE(blobs, rest)                                                                         \
    "<EnumerationResults><Blobs>" blobs "</Blobs>" rest "</EnumerationResults>"
    static const char *const bodies[] = {AZURE(BLOB("p/a1"), "<NextMarker>2!4&amp;/</NextMarker>"),
                                         AZURE("", "<NextMarker>5</NextMarker>"),
                                         AZURE(BLOB("p/a%201"), "<NextMarker />")};
    struct service service = SERVICE(bodies);
    char keys[512];
    ktk_error err;

    (void)unused;
    CHECK_OK(list(&service, true, keys, &err));
    assert_string_equal(keys, "a%201|a1|");
    assert_int_equal(atomic_load(&service.calls), 3);
    expect_param(&service, 1, "marker=2%214%26%2F");
    expect_param(&service, 2, "marker=5");
}

static void a_list_that_is_cut_without_a_token_goes_on_behind_its_last_key(void **unused) {
    static const char *const bodies[] = {
        S3("<EncodingType>url</EncodingType>" KEY("p%2Fa%2520b"), CUT),
        S3(KEY("p/az"), "<IsTruncated>false</IsTruncated>")};
    struct service service = SERVICE(bodies);
    char keys[512];
    ktk_error err;

    (void)unused;
    CHECK_OK(list(&service, false, keys, &err));
    assert_string_equal(keys, "a%20b|az|");
    assert_null(strstr(service.queries[0], "start-after"));
    expect_param(&service, 1, "start-after=p%2Fa%2520b");
}

static void a_list_that_does_not_get_on_is_an_error(void **unused) {
    static const char *const circle[] = {S3(KEY("p/a1"), CUT TOKEN("t"))};
    static const char *const deaf[] = {S3(KEY("p/a1"), CUT)};
    static const char *const nothing[] = {S3("", CUT)};
    static const char *const *const all[] = {circle, deaf, nothing};
    char keys[512];
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct service service = {.bodies = all[i], .count = 1};

        CHECK_STATUS(list(&service, false, keys, &err), KTK_E_CORRUPT);
        assert_true(atomic_load(&service.calls) <= 2);
    }
}

/* Half a list would look like a whole one to whoever removes what is not in it. */
static void a_page_that_fails_fails_the_list(void **unused) {
    static const char *const bodies[] = {S3(KEY("p/a1"), CUT TOKEN("t")),
                                         "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"};
    static const char *const broken[] = {S3(KEY("p/a1"), CUT TOKEN("t")),
                                         "<ListBucketResult><Contents><Key>p/a2"};
    static const char *const foreign[] = {S3(KEY("q/a1"), "")};
    struct service refused = SERVICE(bodies);
    struct service cut = SERVICE(broken);
    struct service others = SERVICE(foreign);
    char keys[512];
    ktk_error err;

    (void)unused;
    CHECK_STATUS(list(&refused, false, keys, &err), KTK_E_DENIED);
    CHECK_STATUS(list(&cut, false, keys, &err), KTK_E_CORRUPT);
    CHECK_STATUS(list(&others, false, keys, &err), KTK_E_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_asked_for_by_their_tokens),
        cmocka_unit_test(azures_pages_are_asked_for_by_their_markers),
        cmocka_unit_test(a_list_that_is_cut_without_a_token_goes_on_behind_its_last_key),
        cmocka_unit_test(a_list_that_does_not_get_on_is_an_error),
        cmocka_unit_test(a_page_that_fails_fails_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
