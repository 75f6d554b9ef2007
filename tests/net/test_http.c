#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/context.h"
#include "net/http.h"
#include "net/http_server.h"

#define MANY 40

struct fixture {
    struct http_server *server;
    struct http_client *client;
    char url[256];
};

static void set_up(struct fixture *fixture, http_server_fn fn, void *state,
                   const struct http_options *options) {
    ktk_error err;

    fixture->server = http_server_new(fn, state);
    CHECK_OK(ktki_http_client_new(&fixture->client, test_allocator(), options, &err));
    (void)snprintf(fixture->url, sizeof(fixture->url), "%s/a%%20b?secret=1",
                   http_server_url(fixture->server));
}

static void tear_down(struct fixture *fixture) {
    ktki_http_client_free(fixture->client);
    http_server_free(fixture->server);
    assert_int_equal(test_allocator_live(), 0);
}

/* Says what it was sent: the first line, one header and the body. */
static bool echo(void *state, const struct served_request *request, int socket) {
    char answer[4096];
    const char *header = strcasestr(request->head, "x-test:");
    int line = (int)strcspn(request->head, "\r");

    (void)state;
    (void)snprintf(answer, sizeof(answer), "%.*s|%.*s|%.*s", line, request->head,
                   header == NULL ? 0 : (int)strcspn(header, "\r"), header == NULL ? "" : header,
                   (int)request->body_size, request->body);
    if (strncmp(request->head, "HEAD", 4) == 0) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"e\"\r\n\r\n");
        return true;
    }
    http_server_say(socket, "HTTP/1.1 200 OK\r\nETag:  \"e1\" \r\nX-Empty:\r\nx-twice: 1\r\n"
                            "X-Twice: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
    {
        char size[32];

        (void)snprintf(size, sizeof(size), "%zx\r\n", strlen(answer));
        http_server_say(socket, size);
        http_server_say(socket, answer);
        http_server_say(socket, "\r\n0\r\n\r\n");
    }
    return true;
}

static void check_body(const struct http_answer *answer, const char *wanted) {
    if (answer->body.size != strlen(wanted) ||
        (answer->body.size > 0 && memcmp(answer->body.data, wanted, answer->body.size) != 0)) {
        fail_msg("body is '%.*s', not '%s'", (int)answer->body.size,
                 (const char *)answer->body.data, wanted);
    }
}

static void sends_and_takes(void **unused) {
    static const struct {
        const char *method;
        const char *body;
        const char *wanted;
    } cases[] = {
        {"GET", NULL, "GET /a%20b?secret=1 HTTP/1.1|x-test: v|"},
        {"PUT", "data", "PUT /a%20b?secret=1 HTTP/1.1|x-test: v|data"},
        {"PUT", "", "PUT /a%20b?secret=1 HTTP/1.1|x-test: v|"},
        {"POST", "more", "POST /a%20b?secret=1 HTTP/1.1|x-test: v|more"},
        {"POST", "", "POST /a%20b?secret=1 HTTP/1.1|x-test: v|"},
        {"DELETE", NULL, "DELETE /a%20b?secret=1 HTTP/1.1|x-test: v|"},
        {"HEAD", NULL, ""},
    };
    const struct http_header header = {"x-test", "v"};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture, echo, NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request request = {.method = cases[i].method,
                                       .url = fixture.url,
                                       .headers = &header,
                                       .header_count = 1,
                                       .body = cases[i].body,
                                       .body_size =
                                           cases[i].body == NULL ? 0 : strlen(cases[i].body)};
        struct http_answer answer;

        CHECK_OK(ktki_http_send(fixture.client, &request, &answer, &err));
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.failure, KTKI_HTTP_ANSWERED);
        check_body(&answer, cases[i].wanted);
        if (strcmp(cases[i].method, "HEAD") == 0) {
            assert_string_equal(ktki_http_answer_header(&answer, "content-length"), "12345");
        } else {
            assert_string_equal(ktki_http_answer_header(&answer, "etag"), "\"e1\"");
            assert_string_equal(ktki_http_answer_header(&answer, "x-empty"), "");
            assert_string_equal(ktki_http_answer_header(&answer, "x-twice"), "2");
        }
        assert_null(ktki_http_answer_header(&answer, "x-none"));
        ktki_http_answer_clear(&answer);
    }
    tear_down(&fixture);
}

/* Answers when all of MANY requests are there. */
struct gathering {
    atomic_int there;
    atomic_bool open;
};

static bool gather(void *state, const struct served_request *request, int socket) {
    struct gathering *gathering = state;

    (void)request;
    atomic_fetch_add(&gathering->there, 1);
    while (atomic_load(&gathering->there) < MANY && !atomic_load(&gathering->open)) {
        (void)poll(NULL, 0, 2);
    }
    http_server_say(socket, "HTTP/1.1 204 No Content\r\n\r\n");
    return true;
}

static void sends_many_at_the_same_time(void **unused) {
    struct gathering gathering = {0};
    struct http_transfer *transfers[MANY];
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture, gather, &gathering, NULL);
    for (size_t i = 0; i < MANY; i++) {
        struct http_request request = {.method = "GET", .url = fixture.url};

        CHECK_OK(ktki_http_start(fixture.client, &request, &transfers[i], &err));
    }
    for (size_t i = 0; i < MANY; i++) {
        struct http_answer answer;

        CHECK_OK(ktki_http_finish(transfers[i], &answer, &err));
        assert_int_equal(answer.status, 204);
        ktki_http_answer_clear(&answer);
    }
    tear_down(&fixture);
}

static void cancels(void **unused) {
    struct gathering gathering = {0};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture, gather, &gathering, NULL);
    for (int i = 0; i < 20; i++) {
        struct http_request request = {.method = "GET", .url = fixture.url};
        struct http_transfer *transfer;

        CHECK_OK(ktki_http_start(fixture.client, &request, &transfer, &err));
        if (i % 2 == 0) {
            (void)poll(NULL, 0, 3);
        }
        ktki_http_cancel(transfer);
    }
    ktki_http_cancel(NULL);
    atomic_store(&gathering.open, true);
    tear_down(&fixture);
}

static bool misbehave(void *state, const struct served_request *request, int socket) {
    const char *how = state;

    (void)request;
    if (strcmp(how, "reset") == 0) {
        http_server_reset(socket);
    } else if (strcmp(how, "cut") == 0) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    } else if (strcmp(how, "long") == 0) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901");
    } else if (strcmp(how, "long chunks") == 0) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n");
    } else if (strcmp(how, "stall") == 0) {
        (void)poll(NULL, 0, 3000);
    } else if (strcmp(how, "headers") == 0) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 3000; i++) {
            http_server_say(socket, "x-a-rather-long-name-of-a-header: value\r\n");
        }
        http_server_say(socket, "Content-Length: 0\r\n\r\n");
    } else if (strcmp(how, "redirect") == 0) {
        http_server_say(socket, "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n"
                                "Content-Length: 0\r\n\r\n");
        return true;
    }
    return false;
}

static void tells_what_went_wrong(void **unused) {
    static const struct {
        const char *how;
        ktk_status wanted;
        enum http_failure failure;
    } cases[] = {
        {"reset", KTK_E_UNAVAILABLE, KTKI_HTTP_LOST},
        {"close", KTK_E_UNAVAILABLE, KTKI_HTTP_LOST},
        {"cut", KTK_E_UNAVAILABLE, KTKI_HTTP_LOST},
        {"stall", KTK_E_UNAVAILABLE, KTKI_HTTP_LOST},
        {"long", KTK_E_LIMIT, KTKI_HTTP_REFUSED},
        {"long chunks", KTK_E_LIMIT, KTKI_HTTP_REFUSED},
        {"headers", KTK_E_LIMIT, KTKI_HTTP_REFUSED},
    };
    const struct http_options options = {.stall_timeout_ms = 1000};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct http_answer answer;
        struct http_request request = {.method = "GET", .answer_bytes_max = 10};
        char how[32];

        (void)snprintf(how, sizeof(how), "%s", cases[i].how);
        set_up(&fixture, misbehave, how, &options);
        request.url = fixture.url;
        CHECK_STATUS(ktki_http_send(fixture.client, &request, &answer, &err), cases[i].wanted);
        assert_int_equal(answer.failure, cases[i].failure);
        CHECK_MESSAGE("GET from '127.0.0.1:");
        assert_null(strstr(err.message, "secret"));
        tear_down(&fixture);
    }
}

static void does_not_follow_redirects(void **unused) {
    struct fixture fixture;
    struct http_answer answer;
    struct http_request request = {.method = "GET"};
    char how[] = "redirect";
    ktk_error err;

    (void)unused;
    set_up(&fixture, misbehave, how, NULL);
    request.url = fixture.url;
    CHECK_OK(ktki_http_send(fixture.client, &request, &answer, &err));
    assert_int_equal(answer.status, 301);
    ktki_http_answer_clear(&answer);
    tear_down(&fixture);
}

static void tells_that_nobody_is_there(void **unused) {
    struct http_client *client;
    struct http_request request = {
        .method = "PUT", .url = "http://127.0.0.1:1/x", .body = "x", .body_size = 1};
    struct http_answer answer;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_http_client_new(&client, test_allocator(), NULL, &err));
    CHECK_STATUS(ktki_http_send(client, &request, &answer, &err), KTK_E_UNAVAILABLE);
    assert_int_equal(answer.failure, KTKI_HTTP_UNREACHABLE);
    request.url = "file:///etc/hostname";
    CHECK_STATUS(ktki_http_send(client, &request, &answer, &err), KTK_E_INVALID);
    ktki_http_client_free(client);
    assert_int_equal(test_allocator_live(), 0);
}

/* Refuses before it has read the body, and closes. */
static bool count_connections(void *state, const struct served_request *request, int socket) {
    atomic_int *reused = state;

    if (request->on_connection > 0) {
        atomic_fetch_add(reused, 1);
    }
    http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    return true;
}

static void takes_a_new_connection_where_asked(void **unused) {
    atomic_int reused = 0;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture, count_connections, &reused, NULL);
    for (int i = 0; i < 6; i++) {
        struct http_request request = {
            .method = "GET", .url = fixture.url, .is_on_new_connection = i >= 3};
        struct http_answer answer;

        CHECK_OK(ktki_http_send(fixture.client, &request, &answer, &err));
        ktki_http_answer_clear(&answer);
    }
    assert_int_equal(reused, 2);
    tear_down(&fixture);
}

/* Says on which connection it was asked. */
static bool name_connection(void *state, const struct served_request *request, int socket) {
    char answer[96];

    (void)state;
    (void)snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%03d",
                   request->connection);
    http_server_say(socket, answer);
    return true;
}

static int ask_for_connection(struct fixture *fixture) {
    struct http_request request = {.method = "GET", .url = fixture->url};
    struct http_answer answer;
    ktk_error err;
    int connection = -1;

    if (ktki_http_send(fixture->client, &request, &answer, &err) == KTK_OK) {
        connection = (int)strtol((const char *)answer.body.data, NULL, 10);
        ktki_http_answer_clear(&answer);
    }
    return connection;
}

/* Ends with the number of the connection that it had, twice; 99: none, or two. */
static void be_child(struct fixture *fixture) {
    int first = ask_for_connection(fixture);
    int second = ask_for_connection(fixture);

    ktki_http_client_free(fixture->client);
    _exit(first == second && first >= 0 ? first : 99);
}

static void a_forked_child_opens_connections_of_its_own(void **unused) {
    struct fixture fixture;
    int status = 0;

    (void)unused;
    set_up(&fixture, name_connection, NULL, NULL);
    assert_int_equal(ask_for_connection(&fixture), 0);
    for (int child = 1; child <= 2; child++) {
        pid_t process = fork();

        assert_true(process >= 0);
        if (process == 0) {
            alarm(30);
            be_child(&fixture);
        }
        assert_int_equal(ask_for_connection(&fixture), 0);
        assert_int_equal(waitpid(process, &status, 0), process);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), child);
    }
    assert_int_equal(ask_for_connection(&fixture), 0);
    tear_down(&fixture);
}

static void survives_each_failing_allocation(void **unused) {
    struct http_server *server = http_server_new(echo, NULL);
    const struct http_header header = {"x-test", "v"};
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct http_client *client = NULL;
        struct http_answer answer = {0};
        struct http_request request = {.method = "PUT",
                                       .url = http_server_url(server),
                                       .headers = &header,
                                       .header_count = 1,
                                       .body = "x",
                                       .body_size = 1};
        ktk_error err;
        ktk_status status =
            ktki_http_client_new(&client, ktki_context_allocator(context), NULL, &err);

        if (status == KTK_OK) {
            status = ktki_http_send(client, &request, &answer, &err);
        }
        done = !test_context_has_failed();
        assert_int_equal(status, done ? KTK_OK : KTK_E_NO_MEMORY);
        ktki_http_answer_clear(&answer);
        ktki_http_client_free(client);
        test_context_free(context);
    }
    http_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_takes),
        cmocka_unit_test(sends_many_at_the_same_time),
        cmocka_unit_test(cancels),
        cmocka_unit_test(tells_what_went_wrong),
        cmocka_unit_test(does_not_follow_redirects),
        cmocka_unit_test(tells_that_nobody_is_there),
        cmocka_unit_test(takes_a_new_connection_where_asked),
        cmocka_unit_test(a_forked_child_opens_connections_of_its_own),
        cmocka_unit_test(survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
