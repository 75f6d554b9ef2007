/* Objects copied by the service that both stores are in: what is asked of it, and that nothing is
 * taken for a copy that is none. */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/http_server.h"
#include "store/backend.h"
#include "store/keys_of_nobody.h"

#define RESULT                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"                                                \
    "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>       "
#define DONE "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nx-ms-copy-status: success\r\n\r\n"
#define PENDING "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nx-ms-copy-status: pending\r\n\r\n"
#define BUSY                                                                                       \
    "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\nx-ms-error-code: PendingCopyOperation\r\n\r\n"

struct service {
    pthread_mutex_t lock;
    int put_count;
    int look_count;   /* HEADs of the target */
    char source[256]; /* header of the last put */
    char path[256];   /* of the last put */
    size_t body_size; /* of the last put */
    const char *put_answer;
    const char *look_answers[3]; /* from the second on to HEADs of the target; the last for ever */
    long long source_size;
    char parts[1024];        /* "query range|" of each part that was copied, in any order */
    char list[1024];         /* that parts were joined by */
    int given_up_count;      /* uploads */
    const char *part_answer; /* to part 2; NULL: as to the others */
};

static void note_header(char out[256], const char *head, const char *name) {
    const char *found = strcasestr(head, name);

    out[0] = '\0';
    if (found != NULL) {
        found += strlen(name);
        (void)snprintf(out, 256, "%.*s", (int)strcspn(found, "\r"), found);
    }
}

static void say(int socket, const char *body) {
    char head[128];

    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                   strlen(body));
    http_server_say(socket, head);
    http_server_say(socket, body);
}

static void copy_part(struct service *service, const char *head, int socket) {
    const char *query = strchr(head, '?') + 1;
    size_t size = strlen(service->parts);
    char range[256];
    char body[128];

    note_header(service->source, head, "x-amz-copy-source: ");
    note_header(range, head, "x-amz-copy-source-range: ");
    (void)snprintf(service->parts + size, sizeof(service->parts) - size, "%.*s %s|",
                   (int)strcspn(query, " "), query, range);
    (void)snprintf(body, sizeof(body), "<CopyPartResult><ETag>\"e%c\"</ETag></CopyPartResult>",
                   query[strlen("partNumber=")]);
    if (service->part_answer != NULL && strncmp(query, "partNumber=2", 12) == 0) {
        http_server_say(socket, service->part_answer);
    } else {
        say(socket, body);
    }
}

/* An upload in parts; false: the request is not of one. */
static bool answer_upload(struct service *service, const struct served_request *request,
                          int socket) {
    if (strncmp(request->head, "POST ", 5) == 0 && strstr(request->head, "?uploads=") != NULL) {
        say(socket, "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                    "</InitiateMultipartUploadResult>");
    } else if (strncmp(request->head, "POST ", 5) == 0) {
        (void)snprintf(service->list, sizeof(service->list), "%.*s", (int)request->body_size,
                       request->body);
        say(socket, "<CompleteMultipartUploadResult><ETag>\"e\"</ETag>"
                    "</CompleteMultipartUploadResult>");
    } else if (strncmp(request->head, "DELETE ", 7) == 0) {
        service->given_up_count++;
        say(socket, "");
    } else if (strstr(request->head, "?partNumber=") != NULL) {
        copy_part(service, request->head, socket);
    } else {
        return false;
    }
    return true;
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;
    char head[128];

    pthread_mutex_lock(&service->lock);
    if (answer_upload(service, request, socket)) {
        /* It is answered. */
    } else if (strncmp(request->head, "PUT ", 4) == 0) {
        service->put_count++;
        service->body_size = request->body_size;
        (void)snprintf(service->path, sizeof(service->path), "%.*s",
                       (int)strcspn(request->head + 4, " "), request->head + 4);
        note_header(service->source, request->head, "x-amz-copy-source: ");
        if (service->source[0] == '\0') {
            note_header(service->source, request->head, "x-ms-copy-source: ");
        }
        http_server_say(socket, service->put_answer);
    } else if (strstr(request->head, "/to ") != NULL) {
        http_server_say(socket, service->look_answers[service->look_count]);
        service->look_count += service->look_answers[service->look_count + 1] != NULL;
    } else {
        (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n",
                       service->source_size);
        http_server_say(socket, head);
    }
    pthread_mutex_unlock(&service->lock);
    return true;
}

struct fixture {
    struct service service;
    ktk_context *context;
    struct http_server *server;
    ktk_store *target;
    ktk_store *source;
};

static ktk_store *open_store(struct fixture *fixture, const char *place, const char *suffix) {
    ktk_store *store = NULL;
    char url[256];
    ktk_error err;

    (void)snprintf(url, sizeof(url), "%s?endpoint=%s%s", place, http_server_url(fixture->server),
                   suffix);
    CHECK_OK(ktk_store_open(&store, fixture->context, url, &err));
    return store;
}

/* `context`: NULL for one of its own. */
static void set_up_in(struct fixture *fixture, ktk_context *context, bool is_azure) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->service.source_size = 5;
    (void)pthread_mutex_init(&fixture->service.lock, NULL);
    fixture->context = context == NULL ? test_context_new(1) : context;
    fixture->server = http_server_new(answer, &fixture->service);
    fixture->target = is_azure ? open_store(fixture, "az://account/c2/in", "/account")
                               : open_store(fixture, "s3://b2/in", "&region=r");
    fixture->source = is_azure ? open_store(fixture, "az://account/c1", "/account")
                               : open_store(fixture, "s3://b1/from here", "&region=r");
}

static void set_up(struct fixture *fixture, bool is_azure) {
    set_up_in(fixture, NULL, is_azure);
}

static void close_all(struct fixture *fixture) {
    ktk_store_free(fixture->source);
    ktk_store_free(fixture->target);
    http_server_free(fixture->server);
    (void)pthread_mutex_destroy(&fixture->service.lock);
}

static void tear_down(struct fixture *fixture) {
    close_all(fixture);
    test_context_free(fixture->context);
}

static ktk_status copy(struct fixture *fixture, int64_t *size, ktk_error *err) {
    *size = -7;
    return ktki_store_copy(fixture->target, "to", fixture->source, "d/k=a%20b/+.parquet", size,
                           err);
}

static void copies_within_s3(void **unused) {
    struct fixture fixture;
    int64_t size;
    ktk_error err;

    (void)unused;
    set_up(&fixture, false);
    assert_true(ktki_store_can_copy(fixture.target, fixture.source));
    fixture.service.put_answer = RESULT;
    CHECK_OK(copy(&fixture, &size, &err));
    assert_int_equal(size, 5);
    assert_string_equal(fixture.service.path, "/b2/in/to");
    assert_string_equal(fixture.service.source, "/b1/from%20here/d/k%3Da%2520b/%2B.parquet");
    assert_int_equal(fixture.service.body_size, 0);
    tear_down(&fixture);
}

/* An error may come in an answer of 200; an empty one is that of a service that knows no copies and
 * has put nothing at the key. Where copies are refused no more are asked for. */
static void takes_nothing_else_for_a_copy(void **unused) {
    static const struct {
        const char *answer;
        bool is_final;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n<Error><Code>InternalError</Code></Error>",
         false},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"e\"\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<a>", true},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n", true},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        int64_t size;
        ktk_error err;

        set_up(&fixture, false);
        fixture.service.put_answer = cases[i].answer;
        CHECK_STATUS(copy(&fixture, &size, &err), KTK_E_UNSUPPORTED);
        assert_int_equal(size, -7);
        assert_int_equal(fixture.service.put_count, 1);
        CHECK_STATUS(copy(&fixture, &size, &err), KTK_E_UNSUPPORTED);
        assert_int_equal(fixture.service.put_count, cases[i].is_final ? 1 : 2);
        tear_down(&fixture);
    }
}

static void copies_large_objects_in_parts(void **unused) {
    static const char *const parts[] = {
        "partNumber=1&uploadId=u bytes=0-134217727|",
        "partNumber=2&uploadId=u bytes=134217728-268435455|",
        "partNumber=3&uploadId=u bytes=268435456-268435456|",
    };
    static const char list[] = "<CompleteMultipartUpload>"
                               "<Part><PartNumber>1</PartNumber><ETag>&#34;e1&#34;</ETag></Part>"
                               "<Part><PartNumber>2</PartNumber><ETag>&#34;e2&#34;</ETag></Part>"
                               "<Part><PartNumber>3</PartNumber><ETag>&#34;e3&#34;</ETag></Part>"
                               "</CompleteMultipartUpload>";
    struct fixture fixture;
    int64_t size;
    ktk_error err;

    (void)unused;
    set_up(&fixture, false);
    fixture.service.source_size = 268435457;
    CHECK_OK(copy(&fixture, &size, &err));
    assert_int_equal(size, 268435457);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(fixture.service.parts, parts[i]));
    }
    assert_int_equal(strlen(fixture.service.parts),
                     strlen(parts[0]) + strlen(parts[1]) + strlen(parts[2]));
    assert_string_equal(fixture.service.source, "/b1/from%20here/d/k%3Da%2520b/%2B.parquet");
    assert_string_equal(fixture.service.list, list);
    assert_int_equal(fixture.service.put_count + fixture.service.given_up_count, 0);
    tear_down(&fixture);
}

static void gives_up_parts_that_are_no_copies(void **unused) {
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n<Error><Code>InternalError</Code></Error>",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"e\"\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct fixture fixture;
        int64_t size;
        ktk_error err;

        set_up(&fixture, false);
        fixture.service.source_size = 268435457;
        fixture.service.part_answer = answers[i];
        CHECK_STATUS(copy(&fixture, &size, &err), KTK_E_UNSUPPORTED);
        assert_int_equal(size, -7);
        assert_int_equal(fixture.service.given_up_count, 1);
        assert_string_equal(fixture.service.list, "");
        tear_down(&fixture);
    }
}

static void waits_for_copies_within_azure(void **unused) {
    static const char *const firsts[] = {DONE, PENDING, BUSY};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        char wanted[256];
        int64_t size;
        ktk_error err;

        set_up(&fixture, true);
        fixture.service.put_answer = firsts[i];
        fixture.service.look_answers[0] = PENDING;
        fixture.service.look_answers[1] = DONE;
        CHECK_OK(copy(&fixture, &size, &err));
        assert_int_equal(size, 5);
        assert_string_equal(fixture.service.path, "/account/c2/in/to");
        (void)snprintf(wanted, sizeof(wanted), "%s/account/c1/d/k%%3Da%%2520b/%%2B.parquet",
                       http_server_url(fixture.server));
        assert_string_equal(fixture.service.source, wanted);
        assert_int_equal(fixture.service.look_count, i == 0 ? 0 : 1);
        tear_down(&fixture);
    }
}

static void takes_no_failed_copy_of_azure(void **unused) {
    static const char failed[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-ms-copy-status: failed\r\n\r\n";
    static const struct {
        const char *first;
        bool is_final;
    } cases[] = {
        {PENDING, false},
        {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\nx-ms-error-code: Other\r\n\r\n", false},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", true},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        int64_t size;
        ktk_error err;

        set_up(&fixture, true);
        fixture.service.put_answer = cases[i].first;
        fixture.service.look_answers[0] = failed;
        CHECK_STATUS(copy(&fixture, &size, &err), KTK_E_UNSUPPORTED);
        CHECK_STATUS(copy(&fixture, &size, &err), KTK_E_UNSUPPORTED);
        assert_int_equal(size, -7);
        assert_int_equal(fixture.service.put_count, cases[i].is_final ? 1 : 2);
        tear_down(&fixture);
    }
}

static void asks_nobody_where_services_differ(void **unused) {
    struct fixture fixture;
    struct fixture other;
    ktk_store *view = NULL;
    int64_t size = -7;
    ktk_error err;

    (void)unused;
    set_up(&fixture, false);
    set_up_in(&other, fixture.context, true);
    assert_false(ktki_store_can_copy(fixture.target, other.source));
    CHECK_STATUS(ktki_store_copy(fixture.target, "to", other.source, "k", &size, &err),
                 KTK_E_UNSUPPORTED);
    CHECK_OK(ktk_store_prefixed(&view, fixture.source, "x/", &err));
    CHECK_STATUS(ktki_store_copy(fixture.target, "to", view, "k", &size, &err), KTK_E_UNSUPPORTED);
    ktk_store_free(view);
    close_all(&other);
    set_up_in(&other, fixture.context, false);
    CHECK_STATUS(ktki_store_copy(fixture.target, "to", other.source, "k", &size, &err),
                 KTK_E_UNSUPPORTED);
    assert_int_equal(fixture.service.put_count + other.service.put_count, 0);
    assert_int_equal(size, -7);
    close_all(&other);
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_within_s3),
        cmocka_unit_test(takes_nothing_else_for_a_copy),
        cmocka_unit_test(copies_large_objects_in_parts),
        cmocka_unit_test(gives_up_parts_that_are_no_copies),
        cmocka_unit_test(waits_for_copies_within_azure),
        cmocka_unit_test(takes_no_failed_copy_of_azure),
        cmocka_unit_test(asks_nobody_where_services_differ),
    };

    use_keys_of_nobody();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
