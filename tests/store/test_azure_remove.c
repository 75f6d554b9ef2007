/* Many blobs removed from Azure: in batches where the service takes them, and one by one where it
 * does not, or where that is all that helps. */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/http_server.h"
#include "store/azure_container.h"
#include "store/backend.h"

#define KEYS_MAX 1300
#define BATCHES_MAX 8

/* A service that says of each blob that it is gone, but for what a test sets. */
struct service {
    pthread_mutex_t lock;
    int batch_count;
    int batch_sizes[BATCHES_MAX];
    char first_body[2048];
    int single_count;
    char singles[1024];       /* "path|" of each */
    const char *batch_answer; /* whole; NULL: all are gone */
    const char *denied;       /* path of the blob that must not be removed in a batch */
};

/* Answers in the reverse order, which ids allow. */
static void say_all_are_gone(const struct service *service, const char *body, int socket) {
    static const char id[] = "Content-ID: ";
    size_t capacity = strlen(body) + 1024;
    char *answer = calloc(1, capacity);
    char *part = calloc(1, capacity);
    char head[160];

    assert_true(answer != NULL && part != NULL);
    for (const char *at = strstr(body, id); at != NULL; at = strstr(at + 1, id)) {
        const char *path = strstr(at, "DELETE ") + 7;
        bool is_denied =
            service->denied != NULL && strncmp(path, service->denied, strlen(service->denied)) == 0;

        (void)snprintf(part, capacity,
                       "--r\r\nContent-Type: application/http\r\nContent-ID: %d\r\n\r\n"
                       "HTTP/1.1 %s\r\n\r\n%s",
                       atoi(at + sizeof(id) - 1), is_denied ? "403 Forbidden" : "202 Accepted",
                       answer);
        (void)snprintf(answer, capacity, "%s", part);
    }
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 202 Accepted\r\nContent-Type: multipart/mixed; boundary=r\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   strlen(answer) + 5);
    http_server_say(socket, head);
    http_server_say(socket, answer);
    http_server_say(socket, "--r--");
    free(answer);
    free(part);
}

static void note_batch(struct service *service, const struct served_request *request,
                       const char *body) {
    assert_true(service->batch_count < BATCHES_MAX);
    assert_non_null(strstr(request->head, "POST /a/c?comp=batch&restype=container"));
    assert_non_null(strcasestr(request->head, "x-ms-version: "));
    assert_null(strcasestr(body, "x-ms-version"));
    if (service->batch_count == 0) {
        (void)snprintf(service->first_body, sizeof(service->first_body), "%s", body);
    }
    for (const char *at = strstr(body, "Content-ID: "); at != NULL;
         at = strstr(at + 1, "Content-ID: ")) {
        assert_int_equal(atoi(at + 12), service->batch_sizes[service->batch_count]);
        service->batch_sizes[service->batch_count]++;
    }
    service->batch_count++;
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;
    bool is_batch = strncmp(request->head, "POST ", 5) == 0;
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
                       (int)strcspn(request->head + 7, " ?"), request->head + 7);
    }
    pthread_mutex_unlock(&service->lock);
    if (is_batch && service->batch_answer == NULL) {
        say_all_are_gone(service, body, socket);
    } else {
        http_server_say(socket, is_batch ? service->batch_answer
                                         : "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
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

static void open_store(struct fixture *fixture, const char *params) {
    char url[256];
    ktk_error err;

    (void)snprintf(url, sizeof(url), "az://a/c/in?endpoint=%s/a%s",
                   http_server_url(fixture->server), params);
    ktk_store_free(fixture->store);
    fixture->store = NULL;
    CHECK_OK(ktk_store_open(&fixture->store, fixture->context, url, &err));
}

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    (void)pthread_mutex_init(&fixture->service.lock, NULL);
    fixture->context = test_context_new(1);
    fixture->server = http_server_new(answer, &fixture->service);
    open_store(fixture, "");
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

static void forget_batches(struct service *service) {
    service->batch_count = 0;
    memset(service->batch_sizes, 0, sizeof(service->batch_sizes));
}

static void removes_256_in_one_call(void **state) {
    struct fixture *fixture = *state;
    int sizes[257] = {0};
    ktk_error err;

    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, KEYS_MAX, &err));
    assert_int_equal(gone_count(fixture, KEYS_MAX), KEYS_MAX);
    assert_int_equal(fixture->service.batch_count, 6);
    for (int i = 0; i < 6; i++) {
        sizes[fixture->service.batch_sizes[i]]++;
    }
    assert_int_equal(sizes[256], 4); /* of a thousand, and 232 more; then the last 300 */
    assert_int_equal(sizes[232], 1);
    assert_int_equal(fixture->service.single_count, 0);
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 1, &err));
    assert_int_equal(fixture->service.batch_count, 6);
    assert_string_equal(fixture->service.singles, "/a/c/in/k0|");
}

static void each_removal_is_a_request_with_its_signature(void **state) {
    static const char start[] = "--batch_of_removals\r\nContent-Type: application/http\r\n"
                                "Content-Transfer-Encoding: binary\r\nContent-ID: 0\r\n\r\n"
                                "DELETE /a/c/in/a%20b%2B/c HTTP/1.1\r\nx-ms-date: ";
    struct removal removals[] = {{"a b+/c", false}, {"d", false}};
    struct fixture *fixture = *state;
    const char *body = fixture->service.first_body;
    ktk_error err;

    CHECK_OK(ktki_store_remove_many(fixture->store, removals, 2, &err));
    assert_int_equal(strncmp(body, start, sizeof(start) - 1), 0);
    assert_non_null(strstr(body, "GMT\r\nAuthorization: SharedKey a:"));
    assert_non_null(strstr(body, "Content-ID: 1\r\n\r\nDELETE /a/c/in/d HTTP/1.1\r\n"));
    assert_string_equal(strstr(body, "--batch_of_removals--"), "--batch_of_removals--\r\n");
    assert_true(removals[0].is_gone && removals[1].is_gone);
    forget_batches(&fixture->service);
    open_store(fixture, "&sas=sv%3D1%26sig%3Dx%252B");
    CHECK_OK(ktki_store_remove_many(fixture->store, removals, 2, &err));
    assert_non_null(strstr(body, "DELETE /a/c/in/d?sv=1&sig=x%2B HTTP/1.1\r\nx-ms-date"));
    assert_null(strstr(body, "Authorization"));
}

#define HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: multipart/mixed; boundary=r\r\n"

static void removes_one_by_one_where_there_are_no_batches(void **state) {
    static const char *const answers[] = {
        HEAD("501 Not Implemented") "Content-Length: 0\r\n\r\n",
        HEAD("400 Bad Request") "Content-Length: 0\r\n\r\n",
        HEAD("403 Forbidden") "Content-Length: 0\r\n\r\n",
        HEAD("405 Method Not Allowed") "Content-Length: 0\r\n\r\n",
        HEAD("202 Accepted") "Content-Length: 0\r\n\r\n",
        HEAD("200 OK") "Content-Length: 5\r\n\r\n--r--",
        HEAD("202 Accepted") "Content-Length: 38\r\n\r\n"
                             "--r\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n--r--",
        "HTTP/1.1 202 Accepted\r\nContent-Length: 39\r\n\r\n"
        "--r\nContent-ID: 0\n\nHTTP/1.1 202 x\n--r--",
        HEAD("202 Accepted") "Content-Length: 37\r\n\r\n"
                             "--r\nContent-ID: 0\n\nHTTP/1.1 202 x\n--r",
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

/* Only what the answer says is gone. */
static void removes_by_itself_what_a_batch_left(void **state) {
    static const char said[] =
        HEAD("202 Accepted") "Content-Length: 143\r\n\r\n"
                             "--r\r\nContent-ID: 1\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n"
                             "--r\r\nContent-ID: 3\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n"
                             "--r\r\nContent-ID: 0\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n--r--";
    struct fixture *fixture = *state;
    ktk_error err;

    assert_int_equal(strlen(strstr(said, "--r")), 143);
    fixture->service.batch_answer = said;
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 4, &err));
    assert_int_equal(gone_count(fixture, 4), 4);
    assert_int_equal(fixture->service.single_count, 2);
    assert_string_equal(fixture->service.singles, "/a/c/in/k0|/a/c/in/k2|");
    fixture->service.batch_answer = NULL;
    fixture->service.denied = "/a/c/in/k2 ";
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 4, &err));
    assert_int_equal(fixture->service.batch_count, 2);
    assert_string_equal(fixture->service.singles, "/a/c/in/k0|/a/c/in/k2|/a/c/in/k2|");
}

static void a_container_that_is_missing_holds_nothing(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    fixture->service.batch_answer = HEAD("404 Not Found") "Content-Length: 0\r\n\r\n";
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 3, &err));
    fixture->service.batch_answer = NULL;
    CHECK_OK(ktki_store_remove_many(fixture->store, fixture->removals, 3, &err));
    assert_int_equal(fixture->service.batch_count, 2);
    assert_int_equal(fixture->service.single_count, 3);
}

/* Whatever fails leaves nothing behind, and a removal that ends well has removed all. */
static void any_allocation_may_fail(void **unused) {
    struct service service = {.batch_count = 0};
    struct http_server *server = http_server_new(answer, &service);
    struct removal removals[] = {{"a", false}, {"b", false}, {"c", false}};
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    (void)pthread_mutex_init(&service.lock, NULL);
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_store *store = NULL;
        char url[256];
        ktk_error err;

        forget_batches(&service);
        (void)snprintf(url, sizeof(url), "az://a/c/in?endpoint=%s/a", http_server_url(server));
        status = ktk_store_open(&store, context, url, &err);
        if (status == KTK_OK) {
            status = ktki_store_remove_many(store, removals, 3, &err);
        }
        if (status != KTK_OK) {
            assert_int_equal(status, KTK_E_NO_MEMORY);
        }
        ktk_store_free(store);
        test_context_free(context);
    }
    assert_true(removals[0].is_gone && removals[1].is_gone && removals[2].is_gone);
    http_server_free(server);
    (void)pthread_mutex_destroy(&service.lock);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_up, fixture_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(removes_256_in_one_call),
        TEST(each_removal_is_a_request_with_its_signature),
        TEST(removes_one_by_one_where_there_are_no_batches),
        TEST(removes_by_itself_what_a_batch_left),
        TEST(a_container_that_is_missing_holds_nothing),
        cmocka_unit_test(any_allocation_may_fail),
    };

    (void)setenv("AZURE_STORAGE_KEY", "a2V5", 1);
    (void)unsetenv("AZURE_STORAGE_SAS_TOKEN");
    (void)unsetenv("AZURE_STORAGE_CONNECTION_STRING");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
