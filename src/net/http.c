#include "net/http.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/retry.h"
#include "base/thread.h"
#include "net/curl_api.h"

#define CONNECTIONS_MAX 64
#define CONNECT_TIMEOUT_MS 5000
#define STALL_TIMEOUT_MS 20000
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
#define POLL_MS 60000

enum transfer_state { TRANSFER_QUEUED, TRANSFER_RUNNING, TRANSFER_DONE };

struct http_transfer {
    struct http_client *client;
    long process;               /* that began it */
    pthread_cond_t ended;       /* for who waits for it: nobody else has to wake up */
    struct http_transfer *next; /* in the queue; under the client's lock, as the three below */
    enum transfer_state state;
    bool is_in_queue;
    bool is_cancelled;
    CURL *easy;
    struct curl_slist *headers;
    const uint8_t *body;
    size_t body_size;
    size_t sent; /* bytes of the body that curl has taken */
    struct http_answer answer;
    int64_t headers_ms; /* time at which the last of them came */
    CURLcode code;
    ktk_status callback_status; /* why a callback ended the transfer, with its error */
    ktk_error callback_error;
    char method[8];
    char host[128];
};

struct http_client {
    const ktk_allocator *allocator;
    struct curl_api api;
    struct http_options options;
    char *ca_file;
    CURLM *multi; /* the thread's alone, but for wakeup */
    pthread_mutex_t lock;
    struct http_transfer *queue; /* new ones and cancelled ones, oldest first */
    struct http_transfer **queue_end;
    bool is_stopping;
    bool is_started;
    pthread_t thread;
    atomic_long process; /* that the thread is of; -p: process p takes the client over */
};

/* --- what curl calls, on the client's thread ----------------------------------------------- */

static size_t give_body(char *out, size_t element_size, size_t count, void *state) {
    struct http_transfer *transfer = state;
    size_t left = transfer->body_size - transfer->sent;
    size_t size = element_size * count < left ? element_size * count : left;

    if (size > 0) {
        memcpy(out, transfer->body + transfer->sent, size);
    }
    transfer->sent += size;
    return size;
}

static int rewind_body(void *state, curl_off_t offset, int origin) {
    struct http_transfer *transfer = state;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > transfer->body_size) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    transfer->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t take_body(char *data, size_t element_size, size_t count, void *state) {
    struct http_transfer *transfer = state;
    struct buffer *body = &transfer->answer.body;
    size_t size = element_size * count;

    if (body->capacity == 0) {
        curl_off_t announced = -1;

        (void)transfer->client->api.easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                                                 &announced);
        if (announced > 0) {
            transfer->callback_status =
                ktki_buffer_reserve(body, (size_t)announced, &transfer->callback_error);
        }
    }
    if (transfer->callback_status == KTK_OK) {
        transfer->callback_status = ktki_buffer_append(body, data, size, &transfer->callback_error);
    }
    return transfer->callback_status == KTK_OK ? size : 0;
}

static size_t take_header(char *line, size_t element_size, size_t count, void *state) {
    struct http_transfer *transfer = state;
    size_t size = element_size * count;

    transfer->headers_ms = ktki_clock_now_ms(NULL);
    transfer->callback_status =
        ktki_http_answer_take_line(&transfer->answer, line, size, &transfer->callback_error);
    return transfer->callback_status == KTK_OK ? size : 0;
}

/* --- the client's thread ------------------------------------------------------------------- */

static void set_done(struct http_transfer *transfer, CURLcode code) {
    struct http_client *client = transfer->client;

    pthread_mutex_lock(&client->lock);
    transfer->code = code;
    transfer->state = TRANSFER_DONE;
    pthread_cond_signal(&transfer->ended);
    pthread_mutex_unlock(&client->lock);
}

/* What is to be done with a transfer that comes out of the queue. */
enum queued_work { WORK_NONE, WORK_BEGIN, WORK_ABANDON, WORK_END };

/* The oldest of the queue, NULL: it is empty. With WORK_NONE, which is done already, its owner may
 * free it from now on. */
static struct http_transfer *take_queued(struct http_client *client, enum queued_work *work) {
    struct http_transfer *transfer;

    pthread_mutex_lock(&client->lock);
    transfer = client->queue;
    if (transfer != NULL) {
        client->queue = transfer->next;
        client->queue_end = client->queue == NULL ? &client->queue : client->queue_end;
        transfer->is_in_queue = false;
        *work = transfer->state == TRANSFER_RUNNING ? WORK_END : WORK_NONE;
        if (transfer->state == TRANSFER_QUEUED) {
            *work = transfer->is_cancelled ? WORK_ABANDON : WORK_BEGIN;
            transfer->state = TRANSFER_RUNNING;
        } else if (transfer->state == TRANSFER_DONE) {
            pthread_cond_signal(&transfer->ended);
        }
    }
    pthread_mutex_unlock(&client->lock);
    return transfer;
}

/* Begins the new ones of the queue and ends the cancelled ones. One that is cancelled lives until
 * it is both done and out of the queue. */
static void work_off_queue(struct http_client *client) {
    struct http_transfer *transfer;
    enum queued_work work = WORK_NONE;

    while ((transfer = take_queued(client, &work)) != NULL) {
        if (work == WORK_END) {
            (void)client->api.multi_remove_handle(client->multi, transfer->easy);
            set_done(transfer, CURLE_ABORTED_BY_CALLBACK);
        } else if (work == WORK_ABANDON) {
            set_done(transfer, CURLE_ABORTED_BY_CALLBACK);
        } else if (work == WORK_BEGIN &&
                   client->api.multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
            set_done(transfer, CURLE_OUT_OF_MEMORY);
        }
    }
}

static bool is_stopping(struct http_client *client) {
    bool stopping;

    pthread_mutex_lock(&client->lock);
    stopping = client->is_stopping;
    pthread_mutex_unlock(&client->lock);
    return stopping;
}

static void *run_client(void *state) {
    struct http_client *client = state;
    int running = 0;

    while (!is_stopping(client)) {
        CURLMsg *message;

        work_off_queue(client);
        (void)client->api.multi_perform(client->multi, &running);
        while ((message = client->api.multi_info_read(client->multi, &running)) != NULL) {
            struct http_transfer *transfer = NULL;
            CURLcode code = message->data.result;

            (void)client->api.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            (void)client->api.multi_remove_handle(client->multi, message->easy_handle);
            set_done(transfer, code);
        }
        (void)client->api.multi_poll(client->multi, NULL, 0, POLL_MS, NULL);
    }
    return NULL;
}

/* Connections, queue and thread. Nothing is left after an error. */
static ktk_status set_to_work(struct http_client *client, ktk_error *err) {
    long connections = (long)client->options.connections_max;
    ktk_status status = KTK_OK;

    (void)pthread_mutex_init(&client->lock, NULL);
    client->queue = NULL;
    client->queue_end = &client->queue;
    client->multi = client->api.multi_init();
    if (client->multi == NULL) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "not enough memory for connections");
    }
    (void)client->api.multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    (void)client->api.multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections);
    KTKI_TRY(ktki_thread_start(&client->thread, run_client, client, err));
    client->is_started = true;
out:
    if (status != KTK_OK) {
        if (client->multi != NULL) {
            (void)client->api.multi_cleanup(client->multi);
        }
        (void)pthread_mutex_destroy(&client->lock);
    }
    return status;
}

/* A child of fork() has the memory of the client but not its thread, and connections that are the
 * parent's, which would take each other's answers: it begins anew, and leaves what it inherits as
 * it is, because to close a connection with TLS is to speak on it. One thread does so while others
 * wait; a lock would not do, for it may have been held when the process was forked. */
static ktk_status take_over(struct http_client *client, ktk_error *err) {
    long self = (long)getpid();
    long process = atomic_load(&client->process);
    ktk_status status = KTK_OK;

    while (process != self) {
        if (process == -self) {
            (void)sched_yield();
            process = atomic_load(&client->process);
        } else if (atomic_compare_exchange_strong(&client->process, &process, -self)) {
            status = set_to_work(client, err);
            atomic_store(&client->process, status == KTK_OK ? self : process);
            break;
        }
    }
    return status;
}

static bool is_inherited(const struct http_transfer *transfer) {
    return transfer->process != (long)getpid();
}

/* --- a transfer ---------------------------------------------------------------------------- */

/* "https://user@host:port/…" names "host:port". */
static void name_host(const char *url, char *out, size_t size) {
    const char *start = strstr(url, "://");
    const char *end;
    const char *at;

    start = start == NULL ? url : start + 3;
    end = start + strcspn(start, "/?#");
    at = memchr(start, '@', (size_t)(end - start));
    start = at == NULL ? start : at + 1;
    (void)snprintf(out, size, "%.*s", (int)(end - start), start);
}

static ktk_status set_headers(struct http_transfer *transfer, const struct http_request *request,
                              ktk_error *err) {
    const struct curl_api *api = &transfer->client->api;
    struct curl_slist *list = NULL;
    struct curl_slist *longer = NULL;
    struct buffer line;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&line, transfer->client->allocator, HEADER_BYTES_MAX);
    /* curl would wait for a go-ahead that many servers never give. */
    list = api->slist_append(NULL, "Expect:");
    longer = list;
    for (size_t i = 0; longer != NULL && i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        line.size = 0;
        /* curl takes "name;" for a header without a value. */
        KTKI_TRY(
            header->value[0] == '\0'
                ? ktki_buffer_append_format(&line, err, "%s;", header->name)
                : ktki_buffer_append_format(&line, err, "%s: %s", header->name, header->value));
        KTKI_TRY(ktki_buffer_append_byte(&line, '\0', err));
        longer = api->slist_append(list, (const char *)line.data);
    }
    if (longer == NULL) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "not enough memory for the headers of a request");
    }
    transfer->headers = list;
    list = NULL;
out:
    api->slist_free_all(list);
    ktki_buffer_clear(&line);
    return status;
}

static void set_method(struct http_transfer *transfer, const struct http_request *request) {
    const struct curl_api *api = &transfer->client->api;
    CURL *easy = transfer->easy;
    curl_off_t size = (curl_off_t)request->body_size;

    if (strcmp(request->method, "HEAD") == 0) {
        (void)api->easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "POST") == 0) {
        (void)api->easy_setopt(easy, CURLOPT_POST, 1L);
        (void)api->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, size);
    } else if (strcmp(request->method, "PUT") == 0) {
        (void)api->easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        (void)api->easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, size);
    } else if (strcmp(request->method, "GET") != 0) {
        (void)api->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
    }
}

static void set_options(struct http_transfer *transfer, const struct http_request *request) {
    const struct http_client *client = transfer->client;
    const struct curl_api *api = &client->api;
    CURL *easy = transfer->easy;
    long checks = client->options.trusts_anybody ? 0L : 1L;

    (void)api->easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    (void)api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)api->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)api->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)api->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)api->easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)api->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    (void)api->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)client->options.connect_timeout_ms);
    (void)api->easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)api->easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                           (long)(client->options.stall_timeout_ms + 999) / 1000);
    (void)api->easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->is_on_new_connection ? 1L : 0L);
    (void)api->easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024L);
    (void)api->easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024L);
    (void)api->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, checks);
    (void)api->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, checks * 2);
    if (client->ca_file != NULL) {
        (void)api->easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    }
    if (client->options.is_direct) {
        (void)api->easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
    (void)api->easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    (void)api->easy_setopt(easy, CURLOPT_READDATA, transfer);
    (void)api->easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
    (void)api->easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
    (void)api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)api->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)api->easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)api->easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

static void free_transfer(struct http_transfer *transfer) {
    const struct curl_api *api;

    if (transfer == NULL) {
        return;
    }
    api = &transfer->client->api;
    api->easy_cleanup(transfer->easy);
    api->slist_free_all(transfer->headers);
    (void)pthread_cond_destroy(&transfer->ended);
    ktki_http_answer_clear(&transfer->answer);
    KTKI_DELETE(transfer->client->allocator, transfer);
}

/* Puts it into the queue; under the lock. */
static void enqueue(struct http_client *client, struct http_transfer *transfer) {
    transfer->next = NULL;
    transfer->is_in_queue = true;
    *client->queue_end = transfer;
    client->queue_end = &transfer->next;
}

ktk_status ktki_http_start(struct http_client *client, const struct http_request *request,
                           struct http_transfer **out, ktk_error *err) {
    struct http_transfer *transfer = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_over(client, err));
    KTKI_TRY(KTKI_NEW(client->allocator, &transfer, err));
    transfer->client = client;
    transfer->process = (long)getpid();
    (void)pthread_cond_init(&transfer->ended, NULL);
    transfer->body = request->body;
    transfer->body_size = request->body == NULL ? 0 : request->body_size;
    ktki_buffer_init(&transfer->answer.headers, client->allocator, HEADER_BYTES_MAX);
    ktki_buffer_init(&transfer->answer.body, client->allocator, request->answer_bytes_max);
    (void)snprintf(transfer->method, sizeof(transfer->method), "%s", request->method);
    name_host(request->url, transfer->host, sizeof(transfer->host));
    transfer->easy = client->api.easy_init();
    if (transfer->easy == NULL) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "not enough memory for a request to '%s'", transfer->host);
    }
    KTKI_TRY(set_headers(transfer, request, err));
    if (client->api.easy_setopt(transfer->easy, CURLOPT_URL, request->url) != CURLE_OK) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "not enough memory for a request to '%s'", transfer->host);
    }
    set_method(transfer, request);
    set_options(transfer, request);
    pthread_mutex_lock(&client->lock);
    enqueue(client, transfer);
    pthread_mutex_unlock(&client->lock);
    (void)client->api.multi_wakeup(client->multi);
    *out = transfer;
    transfer = NULL;
out:
    free_transfer(transfer);
    return status;
}

static enum http_failure classify(struct http_transfer *transfer, ktk_status *status) {
    const struct curl_api *api = &transfer->client->api;
    curl_off_t connected_us = 0;
    bool was_refused_early = transfer->answer.status >= 300 && transfer->sent < transfer->body_size;

    *status = KTK_E_UNAVAILABLE;
    switch (transfer->code) {
    case CURLE_OK:
        *status = KTK_OK;
        return KTKI_HTTP_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return KTKI_HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        (void)api->easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        return connected_us == 0 ? KTKI_HTTP_UNREACHABLE : KTKI_HTTP_LOST;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
        *status = KTK_E_IO;
        return KTKI_HTTP_UNTRUSTED;
    case CURLE_OUT_OF_MEMORY:
        *status = KTK_E_NO_MEMORY;
        return KTKI_HTTP_REFUSED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        *status = KTK_E_INVALID;
        return KTKI_HTTP_REFUSED;
    case CURLE_WRITE_ERROR:
        if (transfer->callback_status != KTK_OK) {
            *status = transfer->callback_status;
            return KTKI_HTTP_REFUSED;
        }
        break;
    default:
        break;
    }
    /* The answer counts although the body could not be sent to its end. */
    *status = was_refused_early ? KTK_OK : KTK_E_UNAVAILABLE;
    return was_refused_early ? KTKI_HTTP_ANSWERED : KTKI_HTTP_LOST;
}

static void wait_for(struct http_transfer *transfer) {
    struct http_client *client = transfer->client;

    pthread_mutex_lock(&client->lock);
    while (transfer->state != TRANSFER_DONE || transfer->is_in_queue) {
        pthread_cond_wait(&transfer->ended, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
}

ktk_status ktki_http_finish(struct http_transfer *transfer, struct http_answer *out,
                            ktk_error *err) {
    const struct curl_api *api = &transfer->client->api;
    long code = 0;
    enum http_failure failure;
    ktk_status status = KTK_OK;

    if (is_inherited(transfer)) {
        *out = (struct http_answer){.failure = KTKI_HTTP_LOST};
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "%s from '%s': begun before fork()",
                             transfer->method, transfer->host);
    }
    wait_for(transfer);
    (void)api->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    transfer->answer.status = (int32_t)code;
    failure = classify(transfer, &status);
    transfer->answer.failure = failure;
    if (status == KTK_OK) {
        transfer->answer.waited_ms = ktki_clock_now_ms(NULL) - transfer->headers_ms;
        *out = transfer->answer;
        transfer->answer = (struct http_answer){0};
        goto out;
    }
    memset(out, 0, sizeof(*out));
    out->status = (int32_t)code;
    out->failure = failure;
    if (transfer->callback_status != KTK_OK) {
        status = ktk_error_set(err, status, "%s from '%s': %s", transfer->method, transfer->host,
                               transfer->callback_error.message);
    } else {
        status = ktk_error_set(
            err, status, "%s from '%s': %s%s", transfer->method, transfer->host,
            api->easy_strerror(transfer->code),
            transfer->code == CURLE_SSL_CONNECT_ERROR ? "; does it speak HTTP without TLS?" : "");
    }
out:
    free_transfer(transfer);
    return status;
}

void ktki_http_cancel(struct http_transfer *transfer) {
    struct http_client *client;

    if (transfer == NULL || is_inherited(transfer)) {
        return;
    }
    client = transfer->client;
    pthread_mutex_lock(&client->lock);
    transfer->is_cancelled = true;
    if (transfer->state != TRANSFER_DONE && !transfer->is_in_queue) {
        enqueue(client, transfer);
    }
    pthread_mutex_unlock(&client->lock);
    (void)client->api.multi_wakeup(client->multi);
    wait_for(transfer);
    free_transfer(transfer);
}

ktk_status ktki_http_send(struct http_client *client, const struct http_request *request,
                          struct http_answer *out, ktk_error *err) {
    struct http_transfer *transfer = NULL;
    ktk_status status = KTK_OK;

    memset(out, 0, sizeof(*out));
    KTKI_TRY(ktki_http_start(client, request, &transfer, err));
    status = ktki_http_finish(transfer, out, err);
out:
    return status;
}

/* --- answers ------------------------------------------------------------------------------- */

/* Keeps `name` NUL `value` NUL, the name in lower case. */
static ktk_status keep_header(struct buffer *headers, const char *line, size_t size,
                              ktk_error *err) {
    const char *colon = memchr(line, ':', size);
    const char *value;
    const char *end = line + size;
    ktk_status status = KTK_OK;

    if (colon == NULL || memchr(line, '\0', size) != NULL) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append_lower(headers, line, (size_t)(colon - line), err));
    KTKI_TRY(ktki_buffer_append_byte(headers, '\0', err));
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++) {
    }
    while (end > value && strchr("\r\n \t", end[-1]) != NULL) {
        end--;
    }
    KTKI_TRY(ktki_buffer_append(headers, value, (size_t)(end - value), err));
    KTKI_TRY(ktki_buffer_append_byte(headers, '\0', err));
out:
    return status;
}

ktk_status ktki_http_answer_take_line(struct http_answer *answer, const char *line, size_t size,
                                      ktk_error *err) {
    /* An interim answer (100) has headers of its own, which come first. */
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        answer->headers.size = 0;
        return KTK_OK;
    }
    return keep_header(&answer->headers, line, size, err);
}

const char *ktki_http_answer_header(const struct http_answer *answer, const char *name) {
    const char *at = (const char *)answer->headers.data;
    const char *end = at == NULL ? NULL : at + answer->headers.size;
    const char *found = NULL;

    while (at != end) {
        const char *value = at + strlen(at) + 1;

        if (strcmp(at, name) == 0) {
            found = value;
        }
        at = value + strlen(value) + 1;
    }
    return found;
}

void ktki_http_answer_clear(struct http_answer *answer) {
    ktki_buffer_clear(&answer->headers);
    ktki_buffer_clear(&answer->body);
}

/* --- a client ------------------------------------------------------------------------------ */

ktk_status ktki_http_client_new(struct http_client **out, const ktk_allocator *allocator,
                                const struct http_options *options, ktk_error *err) {
    struct http_client *client = NULL;
    struct http_options *chosen;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &client, err));
    client->allocator = allocator;
    chosen = &client->options;
    if (options != NULL) {
        *chosen = *options;
    }
    chosen->connections_max =
        chosen->connections_max == 0 ? CONNECTIONS_MAX : chosen->connections_max;
    chosen->connect_timeout_ms =
        chosen->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS : chosen->connect_timeout_ms;
    chosen->stall_timeout_ms =
        chosen->stall_timeout_ms == 0 ? STALL_TIMEOUT_MS : chosen->stall_timeout_ms;
    if (chosen->ca_file != NULL) {
        KTKI_TRY(ktki_copy_text(allocator, chosen->ca_file, strlen(chosen->ca_file),
                                &client->ca_file, err));
    }
    KTKI_TRY(ktki_curl_api_load(&client->api, err));
    KTKI_TRY(set_to_work(client, err));
    atomic_store(&client->process, (long)getpid());
    *out = client;
    client = NULL;
out:
    ktki_http_client_free(client);
    return status;
}

void ktki_http_client_free(struct http_client *client) {
    if (client == NULL) {
        return;
    }
    /* A child that never used it has nothing to end. */
    if (client->is_started && atomic_load(&client->process) == (long)getpid()) {
        pthread_mutex_lock(&client->lock);
        client->is_stopping = true;
        pthread_mutex_unlock(&client->lock);
        (void)client->api.multi_wakeup(client->multi);
        (void)pthread_join(client->thread, NULL);
        (void)client->api.multi_cleanup(client->multi);
        (void)pthread_mutex_destroy(&client->lock);
    }
    ktki_free_text(client->allocator, client->ca_file);
    KTKI_DELETE(client->allocator, client);
}
