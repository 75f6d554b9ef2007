/* Values that are put into S3 and Azure piece by piece: which requests they are, what becomes of
 * them when one fails, and how much memory they take. */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "base/memory_bound.h"
#include "net/http_server.h"
#include "store/keys_of_nobody.h"
#include "store/object_parts.h"
#include "store/store_put.h"

#define PART KTKI_PART_BYTES
#define PARTS_MAX 64
#define PIECE ((size_t)1 << 20)

/* What is done to one request. */
enum fault { NONE, REFUSED, BROKEN, LOST };

/* A service that keeps no bytes: it compares them with those that are to come. */
struct service {
    bool is_azure;
    pthread_mutex_t lock; /* over what follows */
    int requests;
    int fail_at; /* from 1 */
    enum fault fault;
    size_t sizes[PARTS_MAX]; /* of parts that are there, by their number from 0 */
    int begun;
    int given_up;
    int puts;
    bool is_wrong; /* other bytes came, or parts that are not listed */
    bool exists;
    size_t value_size;
    bool is_open;  /* of S3: an upload is under way */
    char mark[64]; /* of S3: metadata of the upload, then of the object */
    bool forgets;  /* what is joined is somebody else's object afterwards */
    int looks;     /* at the object */
    char looked[256];
};

static uint8_t byte_at(size_t offset) {
    return (uint8_t)((uint32_t)(offset >> 3) * 2654435761u >> 13);
}

static bool is_right(const struct served_request *request, size_t offset) {
    for (size_t i = 0; i < request->body_size; i += 97) {
        if ((uint8_t)request->body[i] != byte_at(offset + i)) {
            return false;
        }
    }
    return true;
}

static void take_part(struct service *service, const struct served_request *request,
                      size_t number) {
    if (number >= PARTS_MAX || request->body_size > PART || !is_right(request, number * PART)) {
        service->is_wrong = true;
        return;
    }
    service->sizes[number] = request->body_size;
}

/* All parts are listed, in order, and all but the last are whole. */
static void join(struct service *service, const struct served_request *request) {
    const char *mark = service->is_azure ? "<Latest>" : "<PartNumber>";
    const char *at = request->body;
    const char *end = request->body + request->body_size;
    size_t count = 0;

    service->value_size = 0;
    while ((at = memmem(at, (size_t)(end - at), mark, strlen(mark))) != NULL) {
        at += strlen(mark);
        if (strtoul(at, NULL, 10) != count + (service->is_azure ? 0 : 1) || count >= PARTS_MAX ||
            service->sizes[count] == 0 || service->value_size != count * PART) {
            service->is_wrong = true;
            return;
        }
        service->value_size += service->sizes[count++];
    }
    service->exists = true;
    service->is_open = false;
    if (service->forgets) {
        (void)snprintf(service->mark, sizeof(service->mark), "%s", "another");
    }
}

static void take_mark(struct service *service, const struct served_request *request) {
    const char *mark = strcasestr(request->head, "\r\nx-amz-meta-ktk-put: ");

    assert_non_null(mark);
    assert_int_equal(sscanf(strchr(mark, ':'), ": %63[0-9a-f]", service->mark), 1);
}

/* An object with its metadata. */
static const char *look(struct service *service) {
    service->looks++;
    if (!service->exists) {
        return "HTTP/1.1 404 Not Found\r\n\r\n";
    }
    (void)snprintf(service->looked, sizeof(service->looked),
                   "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nETag: \"l\"\r\n"
                   "x-amz-meta-ktk-put: %s\r\n\r\n",
                   service->value_size, service->mark);
    return service->looked;
}

static const char *act_s3(struct service *service, const struct served_request *request) {
    const char *number = strstr(request->head, "partNumber=");
    bool is_of_upload = strstr(request->head, "uploadId=u") != NULL;

    if (is_of_upload && !service->is_open) {
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\n"
               "<Error><Code>NoSuchUpload</Code></Error>";
    }
    if (strncmp(request->head, "HEAD ", 5) == 0) {
        return look(service);
    }
    if (strncmp(request->head, "DELETE ", 7) == 0) {
        service->given_up++;
        service->is_open = false;
    } else if (strncmp(request->head, "POST ", 5) == 0 && !is_of_upload) {
        service->begun++;
        service->is_open = true;
        take_mark(service, request);
        return "HTTP/1.1 200 OK\r\nContent-Length: 85\r\n\r\n"
               "<InitiateMultipartUploadResult><UploadId>u</UploadId></"
               "InitiateMultipartUploadResult>";
    } else if (strncmp(request->head, "POST ", 5) == 0) {
        join(service, request);
        return "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"
               "<CompleteMultipartUploadResult><ETag>j</ETag></CompleteMultipartUploadResult>";
    } else if (number != NULL) {
        take_part(service, request, strtoul(number + strlen("partNumber="), NULL, 10) - 1);
    }
    return NULL;
}

static const char *act_azure(struct service *service, const struct served_request *request) {
    const char *number = strstr(request->head, "blockid=");

    if (strstr(request->head, "comp=blocklist") != NULL) {
        join(service, request);
    } else if (number != NULL) {
        take_part(service, request, strtoul(number + strlen("blockid="), NULL, 10));
    } else {
        return NULL;
    }
    return "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nETag: \"j\"\r\n\r\n";
}

static bool answer(void *state, const struct served_request *request, int socket) {
    struct service *service = state;
    const char *text = NULL;
    enum fault fault;

    (void)pthread_mutex_lock(&service->lock);
    fault = ++service->requests == service->fail_at ? service->fault : NONE;
    if (fault == NONE || fault == LOST) {
        text = service->is_azure ? act_azure(service, request) : act_s3(service, request);
        if (strncmp(request->head, "PUT ", 4) == 0 && strchr(request->head, '?') == NULL) {
            service->puts++;
            service->exists = true;
            service->value_size = request->body_size;
            service->is_wrong = service->is_wrong || !is_right(request, 0);
        }
    }
    (void)pthread_mutex_unlock(&service->lock);
    if (fault == LOST) {
        http_server_reset(socket);
        return false;
    }
    if (fault == REFUSED) {
        text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    } else if (fault == BROKEN) {
        text = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    } else if (text == NULL) {
        text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"e\"\r\n\r\n";
    }
    http_server_say(socket, text);
    return true;
}

/* ---- a store of that service ---- */

struct fixture {
    struct service service;
    struct http_server *server;
    ktk_context *context;
    ktk_store *store;
};

static void set_up(struct fixture *fixture, bool is_azure, ktk_context *context) {
    char url[256];
    ktk_error err;

    *fixture = (struct fixture){.service = {.is_azure = is_azure}, .context = context};
    assert_int_equal(pthread_mutex_init(&fixture->service.lock, NULL), 0);
    fixture->server = http_server_new(answer, &fixture->service);
    (void)snprintf(url, sizeof(url), "%s?region=r&create_if_missing=false&endpoint=%s%s",
                   is_azure ? "az://account/container" : "s3://b", http_server_url(fixture->server),
                   is_azure ? "/account" : "");
    CHECK_OK(ktk_store_open(&fixture->store, context, url, &err));
}

static void tear_down(struct fixture *fixture) {
    ktk_store_free(fixture->store);
    http_server_free(fixture->server);
    (void)pthread_mutex_destroy(&fixture->service.lock);
}

/* Pieces that do not end where parts do. */
static ktk_status put_pieces(ktk_store *store, size_t size, ktk_store_version *version,
                             ktk_error *err) {
    static _Thread_local uint8_t piece[PIECE + 3];
    struct store_put *put = NULL;
    ktk_status status = ktki_store_put_begin(&put, store, "k", NULL, err);

    for (size_t done = 0; status == KTK_OK && done < size;) {
        size_t some = size - done < sizeof(piece) ? size - done : sizeof(piece);

        for (size_t i = 0; i < some; i++) {
            piece[i] = byte_at(done + i);
        }
        status = ktki_store_put_append(put, piece, some, err);
        done += some;
    }
    if (status == KTK_OK) {
        status = ktki_store_put_finish(put, version, err);
    }
    ktki_store_put_free(put);
    return status;
}

static void check_put(const struct service *service, size_t size) {
    assert_false(service->is_wrong);
    assert_true(service->exists);
    assert_int_equal(service->value_size, size);
}

/* ---- cases ---- */

static void sends_what_fits_into_a_part_as_one_put(void **unused) {
    const size_t sizes[] = {0, 1, PART - 1, PART};

    (void)unused;
    for (size_t i = 0; i < 8; i++) {
        ktk_store_version version = {""};
        struct fixture fixture;
        ktk_error err;

        set_up(&fixture, i / 4 == 1, test_context_new(1));
        CHECK_OK(put_pieces(fixture.store, sizes[i % 4], &version, &err));
        check_put(&fixture.service, sizes[i % 4]);
        assert_int_equal(fixture.service.requests, 1);
        assert_string_equal(version.text, "\"e\"");
        tear_down(&fixture);
        test_context_free(fixture.context);
    }
}

static void sends_more_in_parts(void **unused) {
    const size_t sizes[] = {PART + 1, 2 * PART, 5 * PART + 7};
    const int parts[] = {2, 2, 6};

    (void)unused;
    for (size_t i = 0; i < 6; i++) {
        bool is_azure = i / 3 == 1;
        ktk_store_version version = {""};
        struct fixture fixture;
        ktk_error err;

        set_up(&fixture, is_azure, test_context_new(1));
        CHECK_OK(put_pieces(fixture.store, sizes[i % 3], &version, &err));
        check_put(&fixture.service, sizes[i % 3]);
        assert_int_equal(fixture.service.requests, parts[i % 3] + (is_azure ? 1 : 2));
        assert_int_equal(fixture.service.given_up, 0);
        assert_string_equal(version.text, "\"j\"");
        tear_down(&fixture);
        test_context_free(fixture.context);
    }
}

/* Each request in turn; `*count` becomes how many there are. */
static void put_with_fault(bool is_azure, enum fault fault, int fail_at, ktk_status wanted,
                           int *count) {
    struct fixture fixture;
    struct service *service = &fixture.service;
    ktk_store_version version = {"poison"};
    ktk_error err;

    set_up(&fixture, is_azure, test_context_new(1));
    service->fault = fault;
    service->fail_at = fail_at;
    CHECK_STATUS(put_pieces(fixture.store, 2 * PART + 1, &version, &err), wanted);
    tear_down(&fixture);
    *count = service->requests;
    assert_false(service->is_wrong);
    assert_false(service->is_open);
    if (wanted == KTK_OK) {
        check_put(service, 2 * PART + 1);
        assert_int_equal(service->given_up, 0);
    } else {
        assert_false(service->exists);
        assert_int_equal(service->given_up, service->begun);
        assert_string_equal(version.text, "poison");
    }
    test_context_free(fixture.context);
}

static void gives_up_after_a_refusal_of_each_request(void **unused) {
    (void)unused;
    for (int is_azure = 0; is_azure < 2; is_azure++) {
        int all = is_azure ? 4 : 5;
        int count = 0;

        for (int n = 1; n <= all; n++) {
            put_with_fault(is_azure == 1, REFUSED, n, KTK_E_DENIED, &count);
        }
    }
}

static void goes_on_after_a_failure_of_each_request(void **unused) {
    (void)unused;
    for (int is_azure = 0; is_azure < 2; is_azure++) {
        int all = is_azure ? 4 : 5;
        int count = 0;

        for (int n = 1; n <= all; n++) {
            put_with_fault(is_azure == 1, BROKEN, n, KTK_OK, &count);
            assert_int_equal(count, all + 1);
        }
    }
}

/* The parts are joined, and nobody hears of it: the object is known by its mark. */
static void finds_what_was_joined_without_an_answer(void **unused) {
    ktk_store_version version = {"poison"};
    struct fixture fixture;
    struct service *service = &fixture.service;
    ktk_error err;

    (void)unused;
    set_up(&fixture, false, test_context_new(1));
    service->fault = LOST;
    service->fail_at = 5;
    CHECK_OK(put_pieces(fixture.store, 2 * PART + 1, &version, &err));
    check_put(service, 2 * PART + 1);
    assert_int_equal(service->looks, 1);
    assert_int_equal(service->requests, 7); /* the list once more, and the look */
    assert_int_equal(service->given_up, 0);
    assert_string_equal(version.text, "\"l\"");
    tear_down(&fixture);
    test_context_free(fixture.context);
}

/* The same, but somebody else put an object there at once: that is not taken for ours. */
static void takes_no_other_object_for_its_own(void **unused) {
    ktk_store_version version = {"poison"};
    struct fixture fixture;
    struct service *service = &fixture.service;
    ktk_error err;

    (void)unused;
    set_up(&fixture, false, test_context_new(1));
    service->fault = LOST;
    service->fail_at = 5;
    service->forgets = true;
    CHECK_STATUS(put_pieces(fixture.store, 2 * PART + 1, &version, &err), KTK_E_IO);
    CHECK_MESSAGE("'k'");
    assert_int_equal(service->looks, 1);
    assert_string_equal(version.text, "poison");
    tear_down(&fixture);
    test_context_free(fixture.context);
}

static void gives_up_what_is_dropped(void **unused) {
    (void)unused;
    for (int is_azure = 0; is_azure < 2; is_azure++) {
        uint8_t *data = calloc(3, PART);
        struct store_put *put = NULL;
        struct fixture fixture;
        ktk_error err;

        assert_non_null(data);
        set_up(&fixture, is_azure == 1, test_context_new(1));
        CHECK_OK(ktki_store_put_begin(&put, fixture.store, "k", NULL, &err));
        CHECK_OK(ktki_store_put_append(put, data, 3 * PART, &err));
        ktki_store_put_free(put);
        tear_down(&fixture);
        assert_false(fixture.service.exists);
        assert_false(fixture.service.is_open);
        assert_int_equal(fixture.service.given_up, is_azure ? 0 : 1);
        test_context_free(fixture.context);
        free(data);
    }
}

/* Four parts, and what clients and signatures take. */
static void stays_within_its_memory(void **unused) {
    (void)unused;
    for (int is_azure = 0; is_azure < 2; is_azure++) {
        ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
        struct memory_bound bound;
        struct fixture fixture;
        ktk_context *context;
        ktk_error err;

        ktki_memory_bound_init(&bound, test_allocator(), (int64_t)(4 * PART + (2 << 20)));
        options.allocator = &bound.allocator;
        options.threads = 1;
        CHECK_OK(ktk_context_new(&context, &options, &err));
        set_up(&fixture, is_azure == 1, context);
        CHECK_OK(put_pieces(fixture.store, 10 * PART + 1, NULL, &err));
        check_put(&fixture.service, 10 * PART + 1);
        tear_down(&fixture);
        ktk_context_free(context);
    }
}

struct writer {
    ktk_store *store;
    ktk_status status;
};

static void *write_parts(void *state) {
    struct writer *writer = state;

    writer->status = put_pieces(writer->store, 4 * PART, NULL, NULL);
    return NULL;
}

/* They share what may be on its way, and each goes on. */
static void serves_several_at_a_time(void **unused) {
    pthread_t threads[4];
    struct writer writers[4];
    struct fixture fixture;

    (void)unused;
    set_up(&fixture, true, test_context_new(1));
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){fixture.store, KTK_E_INTERNAL};
        assert_int_equal(pthread_create(&threads[i], NULL, write_parts, &writers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(writers[i].status, KTK_OK);
    }
    check_put(&fixture.service, 4 * PART);
    assert_int_equal(fixture.service.requests, 4 * 5);
    tear_down(&fixture);
    test_context_free(fixture.context);
}

/* Objects of 5 TiB, in parts that services take. */
static void has_parts_for_the_largest_objects(void **unused) {
    uint64_t s3 = 0;
    uint64_t azure = 0;

    (void)unused;
    for (size_t i = 0; i < 10000; i++) {
        s3 += ktki_object_part_size(i, 10000);
    }
    for (size_t i = 0; i < 50000; i++) {
        azure += ktki_object_part_size(i, 50000);
    }
    assert_true(s3 >= (uint64_t)5 << 40);
    assert_true(azure >= (uint64_t)5 << 40);
    assert_true(ktki_object_part_size(9999, 10000) <= (uint64_t)5 << 30);
    assert_true(ktki_object_part_size(49999, 50000) <= (uint64_t)4000 << 20);
    assert_int_equal(ktki_object_part_size(1999, 10000), PART);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_what_fits_into_a_part_as_one_put),
        cmocka_unit_test(sends_more_in_parts),
        cmocka_unit_test(gives_up_after_a_refusal_of_each_request),
        cmocka_unit_test(goes_on_after_a_failure_of_each_request),
        cmocka_unit_test(finds_what_was_joined_without_an_answer),
        cmocka_unit_test(takes_no_other_object_for_its_own),
        cmocka_unit_test(gives_up_what_is_dropped),
        cmocka_unit_test(stays_within_its_memory),
        cmocka_unit_test(serves_several_at_a_time),
        cmocka_unit_test(has_parts_for_the_largest_objects),
    };

    use_keys_of_nobody();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
