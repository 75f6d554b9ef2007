/* What S3 and Azure stores make of answers to puts. One that is lost: a put with a condition is
 * sent once, since the answer to a second one would say nothing about the first. One that refuses.
 */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "net/http_server.h"
#include "store/keys_of_nobody.h"

struct service {
    atomic_int puts;
    atomic_int lost;     /* so many of the first ones get no answer */
    bool is_busy;        /* or a 409 instead */
    atomic_int reused;   /* puts on a connection that has been used */
    char condition[64];  /* header of the last one, "" for none */
    const char *refusal; /* the answer to puts; NULL: they are carried out */
    bool takes_bare;     /* but one whose ETag has no quotes is */
    const char *head;    /* the answer to who looks at the object; NULL: it is there */
    const char *no_root; /* the answer to puts until the bucket or container is made */
    atomic_int made;     /* how often that was asked for */
};

static void note_condition(struct service *service, const char *head) {
    static const char *const names[] = {"If-None-Match: ", "If-Match: "};

    service->condition[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        const char *found = strcasestr(head, names[i]);

        if (found != NULL) {
            (void)snprintf(service->condition, sizeof(service->condition), "%.*s",
                           (int)strcspn(found, "\r"), found);
        }
    }
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;

    if (strncmp(request->head, "HEAD ", 5) == 0 && service->head != NULL) {
        http_server_say(socket, service->head);
        return true;
    }
    if (strncmp(request->head, "PUT ", 4) != 0) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: \"e\"\r\n\r\nx");
        return true;
    }
    if (strncmp(request->head, "PUT /b ", 7) == 0 || strstr(request->head, "restype=container")) {
        atomic_fetch_add(&service->made, 1);
        http_server_say(socket, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        return true;
    }
    if (service->no_root != NULL && atomic_load(&service->made) == 0) {
        http_server_say(socket, service->no_root);
        return true;
    }
    note_condition(service, request->head);
    atomic_fetch_add(&service->reused, request->on_connection > 0);
    if (atomic_fetch_add(&service->puts, 1) < atomic_load(&service->lost)) {
        if (service->is_busy) {
            http_server_say(socket, "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n");
            return true;
        }
        http_server_reset(socket);
        return false;
    }
    if (service->refusal != NULL &&
        !(service->takes_bare && strchr(service->condition, '"') == NULL)) {
        http_server_say(socket, service->refusal);
        return true;
    }
    http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"new\"\r\n\r\n");
    return true;
}

static ktk_status put_with(const char *query, bool is_azure, int lost,
                           const ktk_put_condition *condition, struct service *service,
                           ktk_store_version *version, ktk_error *err) {
    ktk_context *context = test_context_new(1);
    struct http_server *server = http_server_new(answer, service);
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_store *store = NULL;
    char url[256];
    ktk_status status;

    (void)snprintf(url, sizeof(url), "%s?region=r&endpoint=%s%s%s",
                   is_azure ? "az://account/container" : "s3://b", http_server_url(server),
                   is_azure ? "/account" : "", query);
    assert_int_equal(ktk_store_open(&store, context, url, err), KTK_OK);
    /* A connection is there that could be used again. */
    assert_int_equal(ktk_store_get(store, "k", &got, NULL, err), KTK_OK);
    ktk_bytes_clear(&got);
    atomic_store(&service->lost, lost);
    status = ktk_store_put(store, "k", "value", 5, condition, version, err);
    ktk_store_free(store);
    http_server_free(server);
    test_context_free(context);
    return status;
}

static ktk_status put_after_losses(bool is_azure, int lost, const ktk_put_condition *condition,
                                   struct service *service, ktk_store_version *version,
                                   ktk_error *err) {
    return put_with("", is_azure, lost, condition, service, version, err);
}

static void sends_a_put_with_a_condition_once(void **unused) {
    const ktk_store_version old = {"\"old\""};
    const ktk_put_condition conditions[] = {{sizeof(conditions[0]), 0, true, NULL},
                                            {sizeof(conditions[0]), 0, false, &old}};
    static const char *const sent[] = {"If-None-Match: *", "If-Match: \"old\""};

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        struct service service = {.puts = 0};
        ktk_store_version version = {"poison"};
        ktk_error err;

        CHECK_STATUS(put_after_losses(i / 2 == 1, 1, &conditions[i % 2], &service, &version, &err),
                     KTK_E_UNAVAILABLE);
        assert_int_equal(atomic_load(&service.puts), 1);
        assert_int_equal(atomic_load(&service.reused), 0);
        assert_string_equal(service.condition, sent[i % 2]);
        assert_string_equal(version.text, "poison");
    }
}

static void sends_other_puts_again(void **unused) {
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct service service = {.puts = 0};
        ktk_store_version version = {""};
        ktk_error err;

        CHECK_OK(put_after_losses(i == 1, 2, NULL, &service, &version, &err));
        assert_true(atomic_load(&service.puts) >= 3);
        assert_string_equal(service.condition, "");
        assert_string_equal(version.text, "\"new\"");
    }
}

#define REFUSAL(line, length, code)                                                                \
    "HTTP/1.1 " line "\r\nContent-Length: " length "\r\n\r\n<Error><Code>" code "</Code></Error>"
#define GONE "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
#define HAS(etag) "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: " etag "\r\n\r\n"

static const char exists[] = REFUSAL("412 x", "46", "PreconditionFailed");
static const char races[] = REFUSAL("409 x", "54", "ConditionalRequestConflict");
static const char is_gone[] = REFUSAL("404 x", "37", "NoSuchKey");

/* 'c' puts where nothing is, 's' in place of a version, 'p' in any case. */
static const struct {
    bool is_azure;
    char kind;
    const char *refusal;
    const char *head;
    bool takes_bare;
    ktk_status status;
    int puts;
} refusals[] = {
    {false, 'c', exists, NULL, false, KTK_E_EXISTS, 1},
    {false, 'c', races, HAS("\"other\""), false, KTK_E_EXISTS, 1},
    /* Nobody has won: the next attempt may. */
    {false, 'c', races, GONE, false, KTK_E_UNAVAILABLE, 1},
    {false, 's', exists, HAS("\"other\""), false, KTK_E_CONFLICT, 1},
    {false, 's', races, HAS("\"other\""), false, KTK_E_CONFLICT, 1},
    {false, 's', is_gone, GONE, false, KTK_E_CONFLICT, 1},
    /* The version is the one that was named: it is the quotes that are refused. */
    {false, 's', exists, HAS("\"old\""), true, KTK_OK, 2},
    {false, 'p', races, NULL, false, KTK_E_UNAVAILABLE, 5},
    {true, 'c', races, NULL, false, KTK_E_EXISTS, 1},
    {true, 's', exists, HAS("\"other\""), false, KTK_E_CONFLICT, 1},
    {true, 's', is_gone, GONE, false, KTK_E_CONFLICT, 1},
};

static void knows_what_a_refusal_means(void **unused) {
    const ktk_store_version old = {"\"old\""};
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    (void)unused;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct service service = {.refusal = refusals[i].refusal,
                                  .head = refusals[i].head,
                                  .takes_bare = refusals[i].takes_bare};
        ktk_store_version version = {""};
        ktk_error err;

        condition.must_not_exist = refusals[i].kind == 'c';
        condition.matches = refusals[i].kind == 's' ? &old : NULL;
        CHECK_STATUS(put_after_losses(refusals[i].is_azure, 0,
                                      refusals[i].kind == 'p' ? NULL : &condition, &service,
                                      &version, &err),
                     refusals[i].status);
        assert_int_equal(atomic_load(&service.puts), refusals[i].puts);
    }
}

/* S3 says so of a put that meets another one, even if it has no condition. */
static void waits_until_others_have_put(void **unused) {
    struct service service = {.is_busy = true};
    ktk_error err;

    (void)unused;
    CHECK_OK(put_after_losses(false, 2, NULL, &service, NULL, &err));
    assert_int_equal(atomic_load(&service.puts), 3);
}

static void makes_a_bucket_where_that_is_asked_for(void **unused) {
    static const char *const answers[] = {REFUSAL("404 x", "40", "NoSuchBucket"),
                                          REFUSAL("404 x", "45", "ContainerNotFound")};

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        struct service service = {.no_root = answers[i % 2]};
        ktk_store_version version = {""};
        bool makes = i / 2 == 0;
        ktk_error err;

        CHECK_STATUS(put_with(makes ? "&create_if_missing=true" : "", i % 2 == 1, 0, NULL, &service,
                              &version, &err),
                     makes ? KTK_OK : KTK_E_NOT_FOUND);
        assert_int_equal(atomic_load(&service.made), makes ? 1 : 0);
        assert_int_equal(atomic_load(&service.puts), makes ? 1 : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_a_refusal_means),
        cmocka_unit_test(makes_a_bucket_where_that_is_asked_for),
        cmocka_unit_test(sends_a_put_with_a_condition_once),
        cmocka_unit_test(sends_other_puts_again),
        cmocka_unit_test(waits_until_others_have_put),
    };

    use_keys_of_nobody();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
