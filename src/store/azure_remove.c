/* Many blobs removed in one call (Blob Batch). */
#include <stdio.h>

#include "base/error.h"
#include "base/secret.h"
#include "net/multipart.h"
#include "store/azure_container.h"

/* What a service takes in one batch. */
#define PARTS_MAX 256
#define BATCHES_MAX ((KTKI_REMOVALS_AT_ONCE + PARTS_MAX - 1) / PARTS_MAX)
/* Nothing in a batch looks like it: paths are percent-encoded, the rest are our own words. */
#define BOUNDARY "batch_of_removals"

/* --- the answer ---------------------------------------------------------------------------- */

struct reading {
    struct removal *removals;
    size_t count;
    bool is_answer; /* some removal was told of */
};

/* Other failures than that it is not there are left to who removes the blob by itself: that tries
 * again, and says what is wrong. */
static void take_part(void *state, int64_t id, int32_t status) {
    struct reading *reading = state;

    if ((uint64_t)id < reading->count) {
        reading->is_answer = true;
        if (status == 202 || status == 404) {
            reading->removals[id].is_gone = true;
        }
    }
}

ktk_status ktki_azure_read_removals(const struct http_answer *answer, struct removal *removals,
                                    size_t count, ktk_error *err) {
    struct reading reading = {removals, count, false};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_multipart_read(ktki_http_answer_header(answer, "content-type"), answer->body.data,
                                 answer->body.size, take_part, &reading, err));
    if (!reading.is_answer) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "what was answered tells of no removal");
    }
out:
    for (size_t i = 0; i < count && status != KTK_OK; i++) {
        removals[i].is_gone = false;
    }
    return status;
}

/* --- the call ------------------------------------------------------------------------------ */

/* One of those that are under way; its memory may hold keys. */
struct batch {
    struct removal *removals;
    size_t count;
    struct object_call call;
    struct buffer body;
    struct exchange *exchange;
};

/* Path and query of a URL. */
static const char *target_of(const char *url) {
    const char *host = strstr(url, "://");
    const char *path = host == NULL ? NULL : strchr(host + 3, '/');

    return path == NULL ? "/" : path;
}

/* A request of its own, with a signature of its own. */
static ktk_status append_part(struct buffer *body, const struct azure_container *container,
                              const struct azure_keys *keys, const char *key, size_t index,
                              ktk_error *err) {
    const struct object_store *store = &container->objects;
    int64_t now_ms =
        ktki_clock_now_ms(NULL) + ktki_exchanger_clock_ahead_ms(container->objects.exchanger);
    struct signed_call with = {.header_count = 0};
    struct object_call call;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&with.url, body->allocator, 0);
    ktki_buffer_init(&with.space, body->allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, store, "DELETE", "remove", key, err));
    KTKI_TRY(ktki_sign_azure_part(&store->crypto, container->settings.endpoint, keys, &call.call,
                                  now_ms, body->allocator, &with, err));
    KTKI_TRY(ktki_buffer_append_format(
        body, err,
        "--" BOUNDARY "\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        "Content-ID: %zu\r\n\r\nDELETE %s HTTP/1.1\r\n",
        index, target_of((const char *)with.url.data)));
    for (size_t i = 0; i < with.header_count; i++) {
        KTKI_TRY(ktki_buffer_append_format(body, err, "%s: %s\r\n", with.headers[i].name,
                                           with.headers[i].value));
    }
    KTKI_TRY(ktki_buffer_append_text(body, "Content-Length: 0\r\n\r\n", err));
out:
    ktki_object_call_clear(&call);
    ktki_buffer_clear(&with.url);
    ktki_buffer_clear(&with.space);
    return status;
}

static ktk_status append_parts(struct batch *batch, const struct azure_container *container,
                               ktk_error *err) {
    struct azure_keys keys;
    struct buffer texts;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&texts, batch->body.allocator, 0);
    KTKI_TRY(ktki_azure_credentials_get(container->credentials, &keys, &texts, err));
    for (size_t i = 0; i < batch->count; i++) {
        KTKI_TRY(append_part(&batch->body, container, &keys, batch->removals[i].key, i, err));
    }
    KTKI_TRY(ktki_buffer_append_text(&batch->body, "--" BOUNDARY "--\r\n", err));
out:
    ktki_buffer_clear(&texts);
    return status;
}

static ktk_status start(struct batch *batch, const struct azure_container *container,
                        const ktk_allocator *secrets, ktk_error *err) {
    static const struct call_param params[] = {{"restype", "container"}, {"comp", "batch"}};
    static const struct http_header header = {"Content-Type",
                                              "multipart/mixed; boundary=" BOUNDARY};
    const struct object_store *store = &container->objects;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&batch->body, secrets, 0);
    KTKI_TRY(ktki_object_call_init(&batch->call, store, "POST", "remove objects", NULL, err));
    (void)snprintf(batch->call.what, sizeof(batch->call.what), "remove '%s' and %zu more",
                   batch->removals[0].key, batch->count - 1);
    KTKI_TRY(append_parts(batch, container, err));
    batch->call.call.params = params;
    batch->call.call.param_count = sizeof(params) / sizeof(params[0]);
    batch->call.call.headers = &header;
    batch->call.call.header_count = 1;
    batch->call.call.body = batch->body.data;
    batch->call.call.body_size = batch->body.size;
    batch->call.call.answer_bytes_max = (size_t)store->limits->document_bytes_max;
    KTKI_TRY(ktki_exchange_start(store->exchanger, &batch->call.call, &batch->exchange, err));
out:
    return status;
}

/* Services that do not know the call, or that the keys are not good for, say so in many ways, or
 * answer something else. Then blobs are removed one by one, which says what is wrong. */
static bool is_refused(ktk_status status, int32_t code) {
    return status == KTK_E_UNSUPPORTED || status == KTK_E_CORRUPT ||
           (code >= 400 && code < 500 && code != 404 && status != KTK_E_UNAVAILABLE);
}

/* A container that is not there holds nothing, and says so for each, too. */
static ktk_status finish(struct batch *batch, struct azure_container *container, ktk_error *err) {
    struct http_answer answer = {0};
    ktk_status status = ktki_exchange_finish(batch->exchange, &answer, NULL, err);

    batch->exchange = NULL;
    if (status == KTK_OK) {
        status = ktki_azure_read_removals(&answer, batch->removals, batch->count, err);
    }
    if (status == KTK_OK) {
        atomic_store(&container->has_batches, true);
    } else if (is_refused(status, answer.status)) {
        atomic_store(&container->has_no_batches, true);
        status = KTK_OK;
    } else if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK;
    }
    ktki_http_answer_clear(&answer);
    return status;
}

/* Several at a time: a service carries out what is in one of them one after the other. */
static ktk_status remove_some(struct azure_container *container, struct removal *removals,
                              size_t count, ktk_error *err) {
    struct batch batches[BATCHES_MAX] = {{.count = 0}};
    struct secret_allocator secrets;
    size_t batch_count = 0;
    ktk_status status = KTK_OK;

    ktki_secret_allocator_init(&secrets, container->objects.allocator);
    for (size_t done = 0; done < count; done += batches[batch_count++].count) {
        struct batch *batch = &batches[batch_count];

        batch->removals = removals + done;
        batch->count = count - done < PARTS_MAX ? count - done : PARTS_MAX;
        status = start(batch, container, &secrets.allocator, err);
        if (status != KTK_OK) {
            batch_count++;
            break;
        }
    }
    for (size_t i = 0; i < batch_count; i++) {
        if (batches[i].exchange != NULL) {
            ktk_status ended = finish(&batches[i], container, status == KTK_OK ? err : NULL);

            status = status == KTK_OK ? ended : status;
        }
        ktki_object_call_clear(&batches[i].call);
        ktki_buffer_clear(&batches[i].body);
    }
    return status;
}

/* A service that may not know batches is asked for one at first. */
ktk_status ktki_azure_remove_many(void *state, struct removal *removals, size_t count,
                                  ktk_error *err) {
    struct azure_container *container = state;
    ktk_status status = KTK_OK;
    size_t some;

    for (size_t done = 0; done < count && !atomic_load(&container->has_no_batches); done += some) {
        some = atomic_load(&container->has_batches) ? KTKI_REMOVALS_AT_ONCE : PARTS_MAX;
        some = count - done < some ? count - done : some;
        KTKI_TRY(remove_some(container, removals + done, some, err));
    }
out:
    return status;
}
