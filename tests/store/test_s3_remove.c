/* Many objects removed from S3: in one call where the service knows it, and one by one where it
 * does not, or where that is all that helps. */
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/http_server.h"
#include "store/backend.h"

#define KEYS_MAX 2500
#define BATCHES_MAX 4
#define BODY_BYTES_MAX (128 * 1024)

/* A service that says of each object that it is gone, but for what a test sets. */
struct service {
    pthread_mutex_t lock;
    int batch_count;
    int batch_sizes[BATCHES_MAX]; /* objects of each */
    char first_body[1024];
    char md5[64]; /* of the last batch */
    int single_count;
    char singles[1024];       /* "path|" of each */
    const char *batch_answer; /* whole; NULL: all are gone */
    const char *single_answer;
    const char *unnamed; /* key that the answer says nothing of */
};

static int count_of(const char *text, const char *part) {
    int count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* The answer names the keys as they were sent: they are XML already. */
static void say_all_are_gone(const struct service *service, const char *body, int socket) {
    char *answer = malloc(2 * BODY_BYTES_MAX);
    size_t size = 0;
    char head[64];

    assert_non_null(answer);
    size += (size_t)sprintf(answer, "<?xml version=\"1.0\"?>\n<DeleteResult>");
    for (const char *at = strstr(body, "<Key>"); at != NULL; at = strstr(at + 1, "<Key>")) {
        int length = (int)(strstr(at, "</Key>") - at) - 5;

        if (service->unnamed == NULL || strncmp(at + 5, service->unnamed, (size_t)length) != 0) {
            size += (size_t)sprintf(answer + size, "<Deleted><Key>%.*s</Key></Deleted>", length,
                                    at + 5);
        }
    }
    size += (size_t)sprintf(answer + size, "</DeleteResult>");
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    http_server_say(socket, head);
    http_server_say(socket, answer);
    free(answer);
}

static void note_batch(struct service *service, const struct served_request *request,
                       const char *body) {
    const char *md5 = strcasestr(request->head, "Content-MD5: ");

    assert_true(service->batch_count < BATCHES_MAX);
    assert_non_null(strstr(request->head, "POST /b?delete= "));
    assert_non_null(md5);
    (void)snprintf(service->md5, sizeof(service->md5), "%.*s", (int)strcspn(md5 + 13, "\r"),
                   md5 + 13);
    service->batch_sizes[service->batch_count++] = count_of(body, "<Object>");
    if (service->batch_count == 1) {
        (void)snprintf(service->first_body, sizeof(service->first_body), "%s", body);
    }
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;
    bool is_batch = strncmp(request->head, "POST ", 5) == 0;
    const char *said = is_batch ? service->batch_answer : service->single_answer;
    char *body = strndup(request->body_size > 0 ? request->body : "", request->body_size);

    assert_non_null(body);
    pthread_mutex_lock(&service->lock);
    if (is_batch) {
        note_batch(service, request, body);
    } else {
        size_t size = strlen(service->singles);

        assert_int_equal(strncmp(request->head, "DELETE ", 7), 0);
        service->single_count++;
        (void)snprintf(service->singles + size, sizeof(service->singles) - size, "%.*s|",
                       (int)strcspn(request->head + 7, " "), request->head + 7);
    }
    pthread_mutex_unlock(&service->lock);
    if (is_batch && said == NULL) {
        say_all_are_gone(service, body, socket);
    } else {
        http_server_say(socket, said != NULL ? said : "HTTP/1.1 204 No Content\r\n\r\n");
    }
    free(body);
    return true;
}

struct fixture {
    struct service service;
    ktk_context *context;
    struct http_server *server;
    ktk_store *store;
    struct removal removals[KEYS_MAX];
    char keys[KEYS_MAX][32];
};

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char url[256];
    ktk_error err;

    assert_non_null(fixture);
    (void)pthread_mutex_init(&fixture->service.lock, NULL);
    fixture->context = test_context_new(1);
    fixture->server = http_server_new(answer, &fixture->service);
    (void)snprintf(url, sizeof(url), "s3://b/in?region=r&endpoint=%s",
                   http_server_url(fixture->server));
    CHECK_OK(ktk_store_open(&fixture->store, fixture->context, url, &err));
    for (size_t i = 0; i < KEYS_MAX; i++) {
        (void)snprintf(fixture->keys[i], sizeof(fixture->keys[i]), "k%zu", i);
        fixture->removals[i] = (struct removal){fixture->keys[i], true}; /* poison */
    }
    *state = fixture;
    return 0;
}

static int fixture_down(void **state) {
    struct fixture *fixture = *state;

    ktk_store_free(fixture->store);
    http_server_free(fixture->server);
    test_context_free(fixture->context);
    (void)pthread_mutex_destroy(&fixture->service.lock);
    free(fixture);
    return 0;
}

static size_t gone_count(const struct fixture *fixture, size_t count) {
    size_t gone = 0;

    for (size_t i = 0; i < count; i++) {
        gone += fixture->removals[i].is_gone;
    }
    return gone;
}

static void removes_a_thousand_in_one_call(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, KEYS_MAX, &err));
    assert_int_equal(gone_count(fixture, KEYS_MAX), KEYS_MAX);
    assert_int_equal(fixture->service.batch_count, 3);
    assert_int_equal(fixture->service.batch_sizes[0], 1000);
    assert_int_equal(fixture->service.batch_sizes[1], 1000);
    assert_int_equal(fixture->service.batch_sizes[2], 500);
    assert_int_equal(fixture->service.single_count, 0);
    CHECK_OK(ktki_store_remove_many(fixture->store, NULL, 0, &err));
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 1, &err));
    assert_int_equal(fixture->service.batch_count, 3);
    assert_string_equal(fixture->service.singles, "/b/in/k0|");
}

/* The digest is that of the body by another program. */
static void sends_keys_as_xml_and_their_digest(void **state) {
    static const char body[] = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                               "<Object><Key>in/a&#38;b&#60;c&#62; &#34;%20+'</Key></Object>"
                               "<Object><Key>in/d</Key></Object></Delete>";
    struct removal removals[] = {{"a&b<c> \"%20+'", false}, {"d", false}};
    struct fixture *fixture = *state;
    ktk_error err;

    CHECK_OK(ktki_store_remove_many(fixture->store, removals, 2, &err));
    assert_string_equal(fixture->service.first_body, body);
    assert_string_equal(fixture->service.md5, "8zTKV5aP9ThIIuEneQH73Q==");
    assert_true(removals[0].is_gone && removals[1].is_gone);
    assert_int_equal(fixture->service.single_count, 0);
}

#define MALFORMED                                                                                  \
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 40\r\n\r\n"                                       \
    "<Error><Code>MalformedXML</Code></Error>"

static void removes_one_by_one_where_there_are_no_batches(void **state) {
    static const char *const answers[] = {
        "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n",
        MALFORMED,
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n<Deleted><Key>in/k0</Key></Deleted>",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct fixture *fixture;
        ktk_error err;

        (void)fixture_down(state);
        (void)fixture_up(state);
        fixture = *state;
        fixture->service.batch_answer = answers[i];
        for (int n = 1; n <= 2; n++) {
            CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 3, &err));
            assert_int_equal(gone_count(fixture, 3), 3);
            assert_int_equal(fixture->service.batch_count, 1);
            assert_int_equal(fixture->service.single_count, 3 * n);
        }
    }
}

/* Only what the answer names is gone. What a service could not do just now may go by itself. */
static void removes_by_itself_what_a_batch_left(void **state) {
    static const char said[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 234\r\n\r\n"
        "<DeleteResult><Deleted><Key>in/k0</Key></Deleted><Deleted><Key>k2</Key></Deleted>"
        "<Error><Key>in/k1</Key><Code>InternalError</Code><Message>try again</Message></Error>"
        "<Error><Key>in/k3</Key><Code>NoSuchKey</Code></Error></DeleteResult>";
    struct fixture *fixture = *state;
    ktk_error err;

    assert_int_equal(strlen(strstr(said, "<DeleteResult>")), 234);
    fixture->service.batch_answer = said;
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 4, &err));
    assert_int_equal(gone_count(fixture, 4), 4);
    assert_int_equal(fixture->service.single_count, 2);
    assert_string_equal(fixture->service.singles, "/b/in/k1|/b/in/k2|");
    fixture->service.batch_answer = NULL;
    fixture->service.unnamed = "in/k2";
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 4, &err));
    assert_int_equal(fixture->service.batch_count, 2);
    assert_string_equal(fixture->service.singles, "/b/in/k1|/b/in/k2|/b/in/k2|");
}

static void tells_which_must_not_be_removed(void **state) {
    static const char said[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 205\r\n\r\n"
        "<DeleteResult><Deleted><Key>in/k1</Key></Deleted>"
        "<Error><Key>in/k2</Key><Code>AccessDenied</Code><Message>not yours\n</Message></Error>"
        "<Error><Key>in/k0</Key><Code>AccessDenied</Code></Error></DeleteResult>";
    struct fixture *fixture = *state;
    ktk_error err;

    assert_int_equal(strlen(strstr(said, "<DeleteResult>")), 205);
    fixture->service.batch_answer = said;
    CHECK_STATUS(ktki_store_remove_many(fixture->store, fixture->removals, 3, &err), KTK_E_DENIED);
    assert_string_equal(err.message, "s3://b/in: 2 objects cannot be removed, the first of them: "
                                     "cannot remove 'k2': AccessDenied: not yours");
    assert_int_equal(err.reason, KTK_REASON_KEY);
    assert_string_equal(err.subject, "k2");
    assert_true(!fixture->removals[0].is_gone && fixture->removals[1].is_gone &&
                !fixture->removals[2].is_gone);
    assert_int_equal(fixture->service.single_count, 0);
}

static void fails_where_nothing_may_be_removed(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    fixture->service.batch_answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n"
                                    "<Error><Code>AccessDenied</Code></Error>";
    CHECK_STATUS(ktki_store_remove_many(fixture->store, fixture->removals, 3, &err), KTK_E_DENIED);
    CHECK_MESSAGE("cannot remove 'k0' and 2 more: status 403 AccessDenied");
    assert_int_equal(gone_count(fixture, 3), 0);
    assert_int_equal(fixture->service.single_count, 0);
    fixture->service.batch_answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\n"
                                    "<Error><Code>NoSuchBucket</Code></Error>";
    fixture->service.single_answer = fixture->service.batch_answer;
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 3, &err));
    assert_int_equal(gone_count(fixture, 3), 3);
}

static void removes_through_views(void **state) {
    struct removal removals[] = {{"1", false}, {"2", false}, {"3", false}};
    struct fixture *fixture = *state;
    ktk_store *below = NULL;
    ktk_store *read_only = NULL;
    ktk_error err;

    CHECK_OK(ktk_store_prefixed(&below, fixture->store, "t/", &err));
    fixture->service.unnamed = "in/t/2";
    CHECK_OK(ktki_store_remove_many(below, removals, 3, &err));
    assert_int_equal(fixture->service.batch_count, 1);
    assert_int_equal(fixture->service.batch_sizes[0], 3);
    assert_string_equal(fixture->service.singles, "/b/in/t/2|");
    assert_true(removals[0].is_gone && removals[1].is_gone && removals[2].is_gone);
    CHECK_OK(ktk_store_readonly(&read_only, below, &err));
    CHECK_STATUS(ktki_store_remove_many(read_only, removals, 3, &err), KTK_E_READ_ONLY);
    assert_false(removals[0].is_gone);
    removals[2].key = "";
    CHECK_STATUS(ktki_store_remove_many(below, removals, 3, &err), KTK_E_INVALID);
    assert_int_equal(fixture->service.batch_count, 1);
    ktk_store_free(read_only);
    ktk_store_free(below);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_up, fixture_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(removes_a_thousand_in_one_call),
        TEST(sends_keys_as_xml_and_their_digest),
        TEST(removes_one_by_one_where_there_are_no_batches),
        TEST(removes_by_itself_what_a_batch_left),
        TEST(tells_which_must_not_be_removed),
        TEST(fails_where_nothing_may_be_removed),
        TEST(removes_through_views),
    };

    (void)setenv("AWS_ACCESS_KEY_ID", "k", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    (void)unsetenv("AWS_SESSION_TOKEN");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
