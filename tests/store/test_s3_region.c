/* A bucket that is in another region than the one that is asked first. */
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "net/http_server.h"

#define READERS 4

struct bucket {
    const char *refusal; /* the answer to a request for the wrong region */
    int gathered;        /* so many of those are answered together */
    atomic_int wrong;
};

/* Nobody is refused before all have asked, so that each has been signed for the wrong region. */
static bool answer(void *state, const struct served_request *request, int socket) {
    struct bucket *bucket = state;

    if (strstr(request->head, "/eu-test-1/s3/aws4_request") != NULL) {
        http_server_say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue");
        return true;
    }
    atomic_fetch_add(&bucket->wrong, 1);
    for (int i = 0; i < 2000 && atomic_load(&bucket->wrong) < bucket->gathered; i++) {
        (void)poll(NULL, 0, 1);
    }
    http_server_say(socket, bucket->refusal);
    return true;
}

static const char malformed[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 102\r\n\r\n"
    "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>eu-test-1"
    "</Region></Error>";
static const char moved[] =
    "HTTP/1.1 301 Moved Permanently\r\nx-amz-bucket-region: eu-test-1\r\nContent-Length: 0\r\n\r\n";
static const char denied[] =
    "HTTP/1.1 403 Forbidden\r\nx-amz-bucket-region: us-east-1\r\nContent-Length: 0\r\n\r\n";

static ktk_store *open_store(ktk_context *context, const struct http_server *server) {
    ktk_store *store = NULL;
    char url[256];
    ktk_error err;

    (void)snprintf(url, sizeof(url), "s3://b?endpoint=%s&region=us-east-1",
                   http_server_url(server));
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    return store;
}

static void *read_one(void *state) {
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_status status = ktk_store_get(state, "k", &got, NULL, NULL);
    bool is_right = status == KTK_OK && got.size == 5;

    ktk_bytes_clear(&got);
    return is_right ? state : NULL;
}

static void goes_where_the_bucket_is(void **unused) {
    static const char *const refusals[] = {malformed, moved};

    (void)unused;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct bucket bucket = {.refusal = refusals[i], .gathered = READERS};
        struct http_server *server = http_server_new(answer, &bucket);
        ktk_context *context = test_context_new(1);
        ktk_store *store = open_store(context, server);
        pthread_t readers[READERS];
        int right = 0;

        for (size_t j = 0; j < READERS; j++) {
            assert_int_equal(pthread_create(&readers[j], NULL, read_one, store), 0);
        }
        for (size_t j = 0; j < READERS; j++) {
            void *result = NULL;

            assert_int_equal(pthread_join(readers[j], &result), 0);
            right += result != NULL;
        }
        assert_int_equal(right, READERS);
        assert_int_equal(atomic_load(&bucket.wrong), READERS);
        assert_non_null(read_one(store)); /* once found, it is asked at once */
        assert_int_equal(atomic_load(&bucket.wrong), READERS);
        ktk_store_free(store);
        http_server_free(server);
        test_context_free(context);
    }
}

static void asks_once_for_what_is_denied(void **unused) {
    struct bucket bucket = {.refusal = denied, .gathered = 1};
    struct http_server *server = http_server_new(answer, &bucket);
    ktk_context *context = test_context_new(1);
    ktk_store *store = open_store(context, server);
    ktk_bytes got = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_store_get(store, "k", &got, NULL, &err), KTK_E_DENIED);
    assert_int_equal(atomic_load(&bucket.wrong), 1);
    ktk_store_free(store);
    http_server_free(server);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_where_the_bucket_is),
        cmocka_unit_test(asks_once_for_what_is_denied),
    };

    (void)setenv("AWS_ACCESS_KEY_ID", "k", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    (void)unsetenv("AWS_SESSION_TOKEN");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
