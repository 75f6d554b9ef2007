/* What S3 and Azure stores ask for to get the end of an object or ranges of it, and which answers
 * they take for that. */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "net/http_server.h"
#include "store/backend.h"
#include "store/keys_of_nobody.h"

#define VALUE "0123456789abcdefghij"
#define VALUE_SIZE 20

/* How ranges are answered. */
enum manner {
    OBEYS,
    SENDS_ALL,    /* 200 with the whole value, as it may */
    SENDS_LESS,   /* another range than was asked for */
    SENDS_MORE,   /* a byte behind it, too */
    HIDES_SIZE,   /* no Content-Range */
    LIES_ON_SIZE, /* the value is shorter than its range */
    HAS_NOTHING   /* 416: the value is empty */
};

struct service {
    enum manner manner;
    atomic_int calls;
    char ranges[4][64]; /* of the first calls */
};

static void say_range(const struct service *service, int start, int end, int socket) {
    const char *header = service->manner == HIDES_SIZE ? "X-Range" : "Content-Range";
    int value_size = service->manner == LIES_ON_SIZE ? 2 : VALUE_SIZE;
    char text[512];

    if (service->manner == SENDS_LESS) {
        start++;
    }
    if (service->manner == SENDS_MORE) {
        end++;
    }
    (void)snprintf(text, sizeof(text),
                   "HTTP/1.1 206 Partial Content\r\n%s: bytes %d-%d/%d\r\n"
                   "Content-Length: %d\r\n\r\n%.*s",
                   header, start, end, value_size, end + 1 - start, end + 1 - start, &VALUE[start]);
    http_server_say(socket, text);
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;
    const char *range = strcasestr(request->head, "range: bytes=");
    int call = atomic_fetch_add(&service->calls, 1);
    int start = 0;
    int end = VALUE_SIZE - 1;

    if (range == NULL) { /* a look at it */
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
        return true;
    }
    range += strlen("range: bytes=");
    if (call < 4) {
        (void)snprintf(service->ranges[call], sizeof(service->ranges[call]), "%.*s",
                       (int)strcspn(range, "\r"), range);
    }
    if (sscanf(range, "-%d", &start) == 1) {
        start = start < VALUE_SIZE ? VALUE_SIZE - start : 0;
    } else if (sscanf(range, "%d-%d", &start, &end) == 2) {
        end = end < VALUE_SIZE ? end : VALUE_SIZE - 1;
    }
    if (service->manner == SENDS_ALL) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" VALUE);
    } else if (service->manner == HAS_NOTHING) {
        http_server_say(socket, "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n");
    } else {
        say_range(service, start, end, socket);
    }
    return true;
}

/* A store with one value, of a service that is S3 or Azure. */
struct fixture {
    struct service service;
    struct http_server *server;
    ktk_context *context;
    ktk_store *store;
};

static void open_store(struct fixture *fixture, bool is_azure, enum manner manner) {
    char url[256];
    ktk_error err;

    *fixture = (struct fixture){.service = {.manner = manner}};
    fixture->context = test_context_new(1);
    fixture->server = http_server_new(answer, &fixture->service);
    (void)snprintf(url, sizeof(url), "%s?region=r&endpoint=%s%s",
                   is_azure ? "az://account/container" : "s3://b", http_server_url(fixture->server),
                   is_azure ? "/account" : "");
    CHECK_OK(ktk_store_open(&fixture->store, fixture->context, url, &err));
}

static void close_store(struct fixture *fixture) {
    ktk_store_free(fixture->store);
    http_server_free(fixture->server);
    test_context_free(fixture->context);
}

static void expect_end(struct fixture *fixture, int64_t size, const char *expected) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t value_size = 77;
    ktk_error err;

    CHECK_OK(ktki_store_get_end(fixture->store, "k", size, &bytes, &value_size, &err));
    assert_int_equal(bytes.size, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.size);
    assert_int_equal(value_size, fixture->service.manner == HAS_NOTHING ? 0 : VALUE_SIZE);
    ktk_bytes_clear(&bytes);
}

static void the_end_of_an_s3_object_is_one_call(void **unused) {
    struct fixture fixture;

    (void)unused;
    open_store(&fixture, false, OBEYS);
    expect_end(&fixture, 4, "ghij");
    expect_end(&fixture, 1000, VALUE);
    assert_int_equal(atomic_load(&fixture.service.calls), 2);
    assert_string_equal(fixture.service.ranges[0], "-4");
    assert_string_equal(fixture.service.ranges[1], "-1000");
    close_store(&fixture);
}

/* Azure counts no range from the end (docs: "Specifying the range header for Blob service"). */
static void the_end_of_an_azure_blob_is_one_call_if_it_is_small(void **unused) {
    struct fixture fixture;

    (void)unused;
    open_store(&fixture, true, OBEYS);
    expect_end(&fixture, 1000, VALUE);
    assert_int_equal(atomic_load(&fixture.service.calls), 1);
    expect_end(&fixture, 4, "ghij");
    assert_int_equal(atomic_load(&fixture.service.calls), 3);
    assert_string_equal(fixture.service.ranges[0], "0-999");
    assert_string_equal(fixture.service.ranges[1], "0-3");
    assert_string_equal(fixture.service.ranges[2], "16-19");
    close_store(&fixture);
}

static void takes_whole_values_and_none(void **unused) {
    (void)unused;
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;

        open_store(&fixture, i == 1, SENDS_ALL);
        expect_end(&fixture, 4, "ghij");
        expect_end(&fixture, 1000, VALUE);
        close_store(&fixture);
        open_store(&fixture, i == 1, HAS_NOTHING);
        expect_end(&fixture, 4, "");
        close_store(&fixture);
    }
}

static void refuses_other_bytes_than_the_end(void **unused) {
    static const enum manner manners[] = {SENDS_LESS, HIDES_SIZE, LIES_ON_SIZE};

    (void)unused;
    for (size_t i = 0; i < 6; i++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        int64_t value_size = 77;
        struct fixture fixture;
        ktk_error err;

        open_store(&fixture, i / 3 == 1, manners[i % 3]);
        CHECK_STATUS(ktki_store_get_end(fixture.store, "k", 4, &bytes, &value_size, &err),
                     KTK_E_CORRUPT);
        assert_null(bytes.data);
        assert_int_equal(value_size, 77);
        close_store(&fixture);
    }
}

static void each_range_is_a_call(void **unused) {
    static const struct object_range ranges[] = {{19, 1}, {0, 3}, {5, 100}};
    static const char *const expected[] = {"j", "012", "56789abcdefghij"};

    (void)unused;
    for (int i = 0; i < 4; i++) {
        ktk_bytes out[3] = {KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT};
        struct fixture fixture;
        ktk_error err;

        open_store(&fixture, i / 2 == 1, i % 2 == 1 ? SENDS_ALL : OBEYS);
        CHECK_OK(ktki_store_get_ranges(fixture.store, "k", ranges, 3, out, &err));
        assert_int_equal(atomic_load(&fixture.service.calls), 3);
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(out[j].size, strlen(expected[j]));
            assert_memory_equal(out[j].data, expected[j], out[j].size);
            ktk_bytes_clear(&out[j]);
        }
        close_store(&fixture);
    }
}

static void a_failure_ends_all_ranges(void **unused) {
    static const struct object_range ranges[] = {{0, 3}, {4, 1}, {30, 1}, {5, 1}};
    ktk_bytes out[4] = {KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    open_store(&fixture, false, SENDS_ALL);
    CHECK_STATUS(ktki_store_get_ranges(fixture.store, "k", ranges, 4, out, &err), KTK_E_INVALID);
    for (size_t i = 0; i < 4; i++) {
        assert_null(out[i].data);
    }
    close_store(&fixture);
}

static void a_range_has_no_more_bytes_than_were_asked_for(void **unused) {
    const struct object_range range = {.offset = 2, .size = 3};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_error err;

        open_store(&fixture, i == 1, SENDS_MORE);
        CHECK_STATUS(ktk_store_get_range(fixture.store, "k", 2, 3, &bytes, &err), KTK_E_CORRUPT);
        CHECK_MESSAGE("4 bytes of 'k' came where 3 were asked for");
        CHECK_STATUS(ktki_store_get_ranges(fixture.store, "k", &range, 1, &bytes, &err),
                     KTK_E_CORRUPT);
        assert_null(bytes.data);
        close_store(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_an_s3_object_is_one_call),
        cmocka_unit_test(the_end_of_an_azure_blob_is_one_call_if_it_is_small),
        cmocka_unit_test(takes_whole_values_and_none),
        cmocka_unit_test(refuses_other_bytes_than_the_end),
        cmocka_unit_test(each_range_is_a_call),
        cmocka_unit_test(a_failure_ends_all_ranges),
        cmocka_unit_test(a_range_has_no_more_bytes_than_were_asked_for),
    };

    use_keys_of_nobody();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
