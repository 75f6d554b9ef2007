#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "net/exchange.h"
#include "net/http_date.h"
#include "net/http_server.h"

/* Time that passes only while somebody waits. */
struct test_time {
    int64_t now_ms;
    int64_t waits[64];
    int wait_count;
};

static int64_t now(void *state) {
    return ((struct test_time *)state)->now_ms;
}

static void wait_a_while(void *state, int64_t milliseconds) {
    struct test_time *time = state;

    time->now_ms += milliseconds;
    assert_true(time->wait_count < 64);
    time->waits[time->wait_count++] = milliseconds;
}

/* Always the shortest wait. */
static uint64_t draw(void *state) {
    (void)state;
    return 0;
}

/* Answers are texts, one after the other; "!" is a reset, '~' before one closes behind it, and the
 * last one stays. */
struct script {
    const char *const *answers;
    atomic_int requests;
    atomic_int signatures;
    atomic_int renewals;
    int renewals_max;
    char last_date[64];
};

static bool answer(void *state, const struct served_request *request, int socket) {
    struct script *script = state;
    int number = atomic_fetch_add(&script->requests, 1);
    const char *date = strcasestr(request->head, "x-date: ");
    int i = 0;

    if (date != NULL) {
        (void)snprintf(script->last_date, sizeof(script->last_date), "%.*s",
                       (int)strcspn(date + 8, "\r"), date + 8);
    }
    while (i < number && script->answers[i + 1] != NULL) {
        i++;
    }
    if (script->answers[i][0] == '!') {
        http_server_reset(socket);
        return false;
    }
    if (script->answers[i][0] == '~') {
        http_server_say(socket, script->answers[i] + 1);
        return false;
    }
    http_server_say(socket, script->answers[i]);
    return true;
}

struct service {
    struct script *script;
    const char *url;
};

static ktk_status sign(void *state, const struct call *call, int64_t now_ms,
                       struct signed_call *out, ktk_error *err) {
    struct service *service = state;
    ktk_status status = KTK_OK;

    atomic_fetch_add(&service->script->signatures, 1);
    KTKI_TRY(ktki_buffer_append_format(&out->url, err, "%s%s", service->url, call->path));
    KTKI_TRY(ktki_buffer_append_byte(&out->url, '\0', err));
    KTKI_TRY(ktki_buffer_append_format(&out->space, err, "%lld", (long long)now_ms));
    KTKI_TRY(ktki_buffer_append_byte(&out->space, '\0', err));
    out->headers[out->header_count++] =
        (struct http_header){"x-date", (const char *)out->space.data};
out:
    return status;
}

static void explain(void *state, const struct http_answer *given, struct service_error *out) {
    (void)state;
    (void)snprintf(out->code, sizeof(out->code), "%.*s", (int)given->body.size,
                   (const char *)given->body.data);
}

static bool renew(void *state, const struct http_answer *given, const struct service_error *error) {
    struct service *service = state;

    (void)given;
    return strcmp(error->code, "Expired") == 0 &&
           atomic_fetch_add(&service->script->renewals, 1) < service->script->renewals_max;
}

static const char *source(void *state) {
    (void)state;
    return "a test";
}

static const struct service_ops ops = {sign, explain, renew, source};

struct fixture {
    struct test_time time;
    struct time_source clock;
    struct script script;
    struct service service;
    struct http_server *server;
    struct exchanger *exchanger;
};

static void set_up(struct fixture *fixture, const char *const *answers) {
    struct exchanger_options options = {.clock = &fixture->clock};
    ktk_error err;

    memset(fixture, 0, sizeof(*fixture));
    fixture->time.now_ms = 1000000000000;
    fixture->clock = (struct time_source){now, wait_a_while, draw, &fixture->time};
    fixture->script.answers = answers;
    fixture->script.renewals_max = 1;
    fixture->server = http_server_new(answer, &fixture->script);
    fixture->service = (struct service){&fixture->script, http_server_url(fixture->server)};
    CHECK_OK(ktki_exchanger_new(&fixture->exchanger, test_allocator(), &ops, &fixture->service,
                                &options, &err));
}

static void tear_down(struct fixture *fixture) {
    ktki_exchanger_free(fixture->exchanger);
    http_server_free(fixture->server);
    assert_int_equal(test_allocator_live(), 0);
}

#define ANSWER(status, body_size, body)                                                            \
    "HTTP/1.1 " status "\r\nContent-Length: " body_size "\r\n\r\n" body

struct expectation {
    const char *answers[8];
    bool is_once;
    ktk_status wanted;
    int32_t code;
    int requests;
    const char *message; /* NULL: none */
};

static const struct expectation expectations[] = {
    {{ANSWER("200 OK", "1", "x")}, false, KTK_OK, 200, 1, NULL},
    {{ANSWER("503 x", "8", "SlowDown"), ANSWER("429 x", "0", ""), ANSWER("200 OK", "1", "x")},
     false,
     KTK_OK,
     200,
     3,
     NULL},
    {{"!", "~HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", ANSWER("200 OK", "1", "x")},
     false,
     KTK_OK,
     200,
     0,
     NULL},
    {{ANSWER("500 x", "8", "Internal")},
     false,
     KTK_E_UNAVAILABLE,
     500,
     5,
     "cannot get 'k': status 500 Internal, 5 attempts"},
    {{ANSWER("501 x", "0", "")}, false, KTK_E_UNSUPPORTED, 501, 1, "status 501"},
    {{ANSWER("404 x", "9", "NoSuchKey")}, false, KTK_E_NOT_FOUND, 404, 1, "404 NoSuchKey"},
    {{ANSWER("403 x", "9", "Forbidden")},
     false,
     KTK_E_DENIED,
     403,
     1,
     "403 Forbidden (keys: a test)"},
    {{ANSWER("403 x", "7", "Expired"), ANSWER("200 OK", "1", "x")}, false, KTK_OK, 200, 2, NULL},
    {{ANSWER("403 x", "7", "Expired")},
     false,
     KTK_E_DENIED,
     403,
     2,
     "403 Expired (keys: a test), 2 attempts"},
    {{ANSWER("412 x", "0", "")}, false, KTK_E_CONFLICT, 412, 1, "412"},
    {{ANSWER("409 x", "0", "")}, false, KTK_E_CONFLICT, 409, 1, "409"},
    {{ANSWER("416 x", "0", "")}, false, KTK_E_INVALID, 416, 1, "416"},
    {{ANSWER("400 x", "0", "")}, false, KTK_E_IO, 400, 1, "400"},
    {{ANSWER("301 x", "0", "")}, false, KTK_E_IO, 301, 1, "301"},
    /* What may have been carried out is not sent twice. */
    {{ANSWER("500 x", "0", ""), ANSWER("200 OK", "1", "x")},
     true,
     KTK_E_UNAVAILABLE,
     500,
     1,
     "500"},
    {{ANSWER("503 x", "0", ""), ANSWER("200 OK", "1", "x")},
     true,
     KTK_E_UNAVAILABLE,
     503,
     1,
     "503"},
    {{"!", ANSWER("200 OK", "1", "x")}, true, KTK_E_UNAVAILABLE, 0, 1, "cannot get 'k'"},
    /* What was refused was not. */
    {{ANSWER("403 x", "7", "Expired"), ANSWER("200 OK", "1", "x")}, true, KTK_OK, 200, 2, NULL},
};

static void sends_again_where_that_is_safe(void **unused) {
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        const struct expectation *expected = &expectations[i];
        struct call call = {
            .method = "GET", .path = "/k", .is_once = expected->is_once, .what = "get 'k'"};
        struct fixture fixture;
        struct http_answer got;

        set_up(&fixture, expected->answers);
        CHECK_STATUS(ktki_exchange(fixture.exchanger, &call, &got, NULL, &err), expected->wanted);
        assert_int_equal(got.status, expected->code);
        if (expected->requests > 0) {
            assert_int_equal(atomic_load(&fixture.script.requests), expected->requests);
            assert_int_equal(atomic_load(&fixture.script.signatures), expected->requests);
        }
        if (expected->message != NULL) {
            CHECK_MESSAGE(expected->message);
            assert_int_equal(err.detail, expected->code);
        } else {
            assert_int_equal(got.body.size, 1);
        }
        ktki_http_answer_clear(&got);
        tear_down(&fixture);
    }
}

static void waits_as_long_as_it_is_asked(void **unused) {
    static const char *const answers[] = {
        "HTTP/1.1 503 x\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 x\r\nx-ms-retry-after-ms: 1500\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 x\r\nRetry-After: 100000000000\r\nContent-Length: 0\r\n\r\n",
        ANSWER("200 OK", "0", ""), NULL};
    struct call call = {.method = "GET", .path = "/k", .what = "get 'k'"};
    struct fixture fixture;
    struct http_answer got;
    ktk_error err;

    (void)unused;
    set_up(&fixture, answers);
    CHECK_OK(ktki_exchange(fixture.exchanger, &call, &got, NULL, &err));
    assert_int_equal(fixture.time.wait_count, 3);
    assert_int_equal(fixture.time.waits[0], 3000);
    assert_int_equal(fixture.time.waits[1], 1500);
    assert_int_equal(fixture.time.waits[2], 60000);
    ktki_http_answer_clear(&got);
    tear_down(&fixture);
}

static void asks_less_often_when_nothing_helps(void **unused) {
    static const char *const answers[] = {ANSWER("500 x", "0", ""), NULL};
    struct call call = {.method = "GET", .path = "/k", .what = "get 'k'"};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture, answers);
    for (int i = 0; i < 200; i++) {
        struct http_answer got;

        fixture.time.wait_count = 0;
        CHECK_STATUS(ktki_exchange(fixture.exchanger, &call, &got, NULL, &err), KTK_E_UNAVAILABLE);
    }
    /* 500 of the budget are 100 more attempts, and no more. */
    assert_int_equal(atomic_load(&fixture.script.requests), 300);
    tear_down(&fixture);
}

static void sets_its_clock_by_the_service(void **unused) {
    static const char *const answers[] = {
        "HTTP/1.1 403 x\r\nDate: Sun, 09 Sep 2001 02:46:40 GMT\r\nContent-Length: 0\r\n\r\n",
        ANSWER("200 OK", "0", ""), NULL};
    struct call call = {.method = "PUT", .path = "/k", .is_once = true, .what = "put 'k'"};
    struct fixture fixture;
    struct http_answer got;
    ktk_error err;

    (void)unused;
    set_up(&fixture, answers);
    CHECK_OK(ktki_exchange(fixture.exchanger, &call, &got, NULL, &err));
    assert_string_equal(fixture.script.last_date, "1000003600000");
    assert_int_equal(ktki_exchanger_clock_ahead_ms(fixture.exchanger), 3600000);
    ktki_http_answer_clear(&got);
    tear_down(&fixture);
}

static int64_t real_ms(void) {
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* As the answer to a part of a large object is, while the next part is encoded. */
static void takes_the_time_from_when_an_answer_came(void **unused) {
    static const char *const answers[] = {
        "HTTP/1.1 403 x\r\nDate: Sun, 09 Sep 2001 01:46:40 GMT\r\nContent-Length: 0\r\n\r\n", NULL};
    static const struct timespec tick = {0, 1000000};
    struct call call = {.method = "GET", .path = "/k", .what = "get 'k'"};
    struct exchange *exchange;
    struct fixture fixture;
    struct http_answer got;
    int64_t asked_ms;
    ktk_error err;

    (void)unused;
    set_up(&fixture, answers);
    CHECK_OK(ktki_exchange_start(fixture.exchanger, &call, &exchange, &err));
    while (atomic_load(&fixture.script.requests) == 0) {
        (void)nanosleep(&tick, NULL);
    }
    asked_ms = real_ms();
    while (real_ms() < asked_ms + 2500) {
        (void)nanosleep(&tick, NULL);
    }
    fixture.time.now_ms += real_ms() - asked_ms;
    CHECK_STATUS(ktki_exchange_finish(exchange, &got, NULL, &err), KTK_E_DENIED);
    assert_int_equal(atomic_load(&fixture.script.requests), 1);
    assert_int_equal(ktki_exchanger_clock_ahead_ms(fixture.exchanger), 0);
    tear_down(&fixture);
}

static void cancels(void **unused) {
    static const char *const answers[] = {ANSWER("200 OK", "0", ""), NULL};
    struct call call = {.method = "GET", .path = "/k", .what = "get 'k'"};
    struct exchange *exchange;
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    set_up(&fixture, answers);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(ktki_exchange_start(fixture.exchanger, &call, &exchange, &err));
        ktki_exchange_cancel(exchange);
    }
    tear_down(&fixture);
}

static void knows_dates(void **unused) {
    char text[KTKI_HTTP_DATE_SIZE];
    int64_t value = 0;

    (void)unused;
    ktki_http_date_format(784111777, text); /* RFC 9110, 5.6.7 */
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(ktki_http_date_parse(text, &value));
    assert_int_equal(value, 784111777);
    ktki_http_date_format(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_false(ktki_http_date_parse("Sun, 06 Nov 1994 08:49:37 CET", &value));
    assert_false(ktki_http_date_parse("Sun, 06 Nov 1994 0x:49:37 GMT", &value));
    assert_false(ktki_http_date_parse("Sun, 06 Non 1994 08:49:37 GMT", &value));
    assert_false(ktki_http_date_parse("", &value));
    assert_true(ktki_iso_date_parse("2006-02-03T16:45:09.123Z", &value));
    assert_int_equal(value, 1138985109123000);
    assert_false(ktki_iso_date_parse("2006-02-03T16:45:09", &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_again_where_that_is_safe),
        cmocka_unit_test(waits_as_long_as_it_is_asked),
        cmocka_unit_test(asks_less_often_when_nothing_helps),
        cmocka_unit_test(sets_its_clock_by_the_service),
        cmocka_unit_test(takes_the_time_from_when_an_answer_came),
        cmocka_unit_test(cancels),
        cmocka_unit_test(knows_dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
