#include "net/exchange.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"
#include "net/http_date.h"

/* As AWS' clients do: a service that fails all the time is not asked five times as often. */
#define BUDGET_MAX 500
#define BUDGET_PER_RETRY 5

#define ADAPTATIONS_MAX 3
/* Signatures are taken when they are so old; a smaller difference is not worth a correction. */
#define CLOCK_TOLERANCE_MS 2000

struct exchanger {
    const ktk_allocator *allocator;
    struct secret_allocator secrets; /* for what is signed: tokens are in it */
    const struct service_ops *ops;
    void *state;
    const struct time_source *clock;
    struct retry_limits limits;
    struct http_client *client;
    atomic_int budget;
    _Atomic int64_t clock_ahead_ms;
};

struct exchange {
    struct exchanger *exchanger;
    const struct call *call;
    struct retry retry;
    struct http_transfer *transfer; /* NULL: `start_status` says why there is none */
    ktk_status start_status;
    ktk_error start_error;
    int32_t adaptations; /* of credentials, clock or region, so far */
};

/* --- one attempt --------------------------------------------------------------------------- */

static ktk_status gather_headers(const struct call *call, const struct signed_call *with,
                                 const ktk_allocator *allocator, struct http_header **out,
                                 ktk_error *err) {
    struct http_header *headers = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, call->header_count + with->header_count, sizeof(*headers),
                              &headers, err));
    for (size_t i = 0; i < call->header_count; i++) {
        headers[i] = call->headers[i];
    }
    for (size_t i = 0; i < with->header_count; i++) {
        headers[call->header_count + i] = with->headers[i];
    }
    *out = headers;
out:
    return status;
}

static ktk_status send_attempt(struct exchange *exchange, ktk_error *err) {
    struct exchanger *exchanger = exchange->exchanger;
    const struct call *call = exchange->call;
    struct http_header *headers = NULL;
    struct signed_call with = {.header_count = 0};
    struct http_request request = {.method = call->method,
                                   .body = call->body,
                                   .body_size = call->body_size,
                                   .answer_bytes_max = call->answer_bytes_max,
                                   .is_on_new_connection = call->is_once};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&with.url, &exchanger->secrets.allocator, 0);
    ktki_buffer_init(&with.space, &exchanger->secrets.allocator, 0);
    exchange->retry.attempts++;
    KTKI_TRY(exchanger->ops->sign(
        exchanger->state, call,
        ktki_clock_now_ms(exchanger->clock) + atomic_load(&exchanger->clock_ahead_ms), &with, err));
    KTKI_TRY(gather_headers(call, &with, exchanger->allocator, &headers, err));
    request.url = (const char *)with.url.data;
    request.headers = headers;
    request.header_count = call->header_count + with.header_count;
    KTKI_TRY(ktki_http_start(exchanger->client, &request, &exchange->transfer, err));
out:
    ktki_free_array(exchanger->allocator, headers, call->header_count + with.header_count,
                    sizeof(*headers));
    ktki_buffer_clear(&with.url);
    ktki_buffer_clear(&with.space);
    return status;
}

/* --- what an answer means ------------------------------------------------------------------ */

static ktk_status status_of(int32_t code) {
    switch (code) {
    case 404:
        return KTK_E_NOT_FOUND;
    case 401:
    case 403:
        return KTK_E_DENIED;
    case 409:
    case 412:
        return KTK_E_CONFLICT;
    case 304:
    case 416:
        return KTK_E_INVALID;
    case 408:
    case 429:
        return KTK_E_UNAVAILABLE;
    case 501:
        return KTK_E_UNSUPPORTED;
    default:
        break;
    }
    if (code >= 200 && code < 300) {
        return KTK_OK;
    }
    return code >= 500 ? KTK_E_UNAVAILABLE : KTK_E_IO;
}

int64_t ktki_exchange_wait_asked_ms(const struct http_answer *answer) {
    const char *text = ktki_http_answer_header(answer, "x-ms-retry-after-ms");
    int64_t scale = 1;
    int64_t value = 0;

    if (text == NULL) {
        text = ktki_http_answer_header(answer, "retry-after");
        scale = 1000;
    }
    if (text == NULL || !ktki_parse_i64(text, strlen(text), &value) || value < 0) {
        return 0;
    }
    return value > KTKI_WAIT_ASKED_MAX_MS / scale ? KTKI_WAIT_ASKED_MAX_MS : value * scale;
}

/* Sets the clock by the answer; false: it was right, or the answer does not tell. */
static bool set_clock(struct exchanger *exchanger, const struct http_answer *answer) {
    const char *text = ktki_http_answer_header(answer, "date");
    int64_t seconds = 0;
    int64_t ahead_ms;
    int64_t change_ms;

    if (text == NULL || !ktki_http_date_parse(text, &seconds)) {
        return false;
    }
    /* Of several that are under way, an answer may have come long before it is taken. */
    ahead_ms = seconds * 1000 + answer->waited_ms - ktki_clock_now_ms(exchanger->clock);
    change_ms = ahead_ms - atomic_load(&exchanger->clock_ahead_ms);
    if (change_ms > -CLOCK_TOLERANCE_MS && change_ms < CLOCK_TOLERANCE_MS) {
        return false;
    }
    atomic_store(&exchanger->clock_ahead_ms, ahead_ms);
    return true;
}

/* Takes what one more attempt costs, and waits. False: it is not to be made. */
static bool wait_for_next(struct exchange *exchange, int64_t asked_ms) {
    atomic_int *budget = &exchange->exchanger->budget;

    if (atomic_fetch_sub(budget, BUDGET_PER_RETRY) < BUDGET_PER_RETRY ||
        !ktki_retry_wait(&exchange->retry, asked_ms)) {
        atomic_fetch_add(budget, BUDGET_PER_RETRY);
        return false;
    }
    return true;
}

static void refill_budget(struct exchanger *exchanger) {
    if (atomic_fetch_add(&exchanger->budget, 1) >= BUDGET_MAX) {
        atomic_fetch_sub(&exchanger->budget, 1);
    }
}

/* Is the call to be sent again after this answer? Waits until then. */
static bool goes_on(struct exchange *exchange, ktk_status status, const struct http_answer *answer,
                    const struct service_error *why) {
    struct exchanger *exchanger = exchange->exchanger;
    const struct service_ops *ops = exchanger->ops;

    /* What was refused was not carried out, even where it must not be sent twice. */
    if (answer->status >= 300 && status != KTK_E_UNAVAILABLE) {
        if (exchange->adaptations == ADAPTATIONS_MAX) {
            return false;
        }
        exchange->adaptations++;
        return (status == KTK_E_DENIED && set_clock(exchanger, answer)) ||
               (ops->adapt != NULL && ops->adapt(exchanger->state, answer, why));
    }
    if (status != KTK_E_UNAVAILABLE ||
        (exchange->call->is_once && answer->failure != KTKI_HTTP_UNREACHABLE)) {
        return false;
    }
    return wait_for_next(exchange, ktki_exchange_wait_asked_ms(answer));
}

static ktk_status tell(const struct exchange *exchange, ktk_status status, int32_t code,
                       const struct service_error *why, ktk_error *err) {
    const struct exchanger *exchanger = exchange->exchanger;
    char tries[32] = "";
    char keys[80] = "";

    if (exchange->retry.attempts > 1) {
        (void)snprintf(tries, sizeof(tries), ", %d attempts", (int)exchange->retry.attempts);
    }
    if (status == KTK_E_DENIED && exchanger->ops->source != NULL) {
        const char *source = exchanger->ops->source(exchanger->state);
        bool has_keys = strcmp(source, "none") != 0;

        (void)snprintf(keys, sizeof(keys), has_keys ? " (keys: %s)" : " (no keys)", source);
    }
    status = ktk_error_set(err, status, "cannot %s: status %d%s%s%s%s%s%s", exchange->call->what,
                           (int)code, why->code[0] == '\0' ? "" : " ", why->code, keys,
                           why->message[0] == '\0' ? "" : ": ", why->message, tries);
    if (err != NULL) {
        err->detail = code;
    }
    return status;
}

/* Waits for the attempt that is under way. */
static ktk_status take_answer(struct exchange *exchange, struct http_answer *answer,
                              struct service_error *why, ktk_error *err) {
    struct exchanger *exchanger = exchange->exchanger;
    ktk_status status;

    *why = (struct service_error){{0}, {0}};
    if (exchange->transfer == NULL) {
        *answer = (struct http_answer){.failure = KTKI_HTTP_REFUSED};
        if (err != NULL) {
            *err = exchange->start_error;
        }
        return exchange->start_status;
    }
    status = ktki_http_finish(exchange->transfer, answer, err);
    exchange->transfer = NULL;
    if (status != KTK_OK) {
        ktki_error_context(err, "cannot %s", exchange->call->what);
        return status;
    }
    status = status_of(answer->status);
    if (answer->status == 409 && exchange->call->conflicts_pass) {
        status = KTK_E_UNAVAILABLE;
    }
    if (status != KTK_OK) {
        exchanger->ops->explain(exchanger->state, answer, why);
        status = tell(exchange, status, answer->status, why, err);
    }
    return status;
}

/* --- exchanges ----------------------------------------------------------------------------- */

ktk_status ktki_exchange_start(struct exchanger *exchanger, const struct call *call,
                               struct exchange **out, ktk_error *err) {
    struct exchange *exchange = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(exchanger->allocator, &exchange, err));
    exchange->exchanger = exchanger;
    exchange->call = call;
    ktki_retry_init(&exchange->retry, exchanger->clock, &exchanger->limits);
    KTKI_TRY(send_attempt(exchange, err));
    *out = exchange;
    exchange = NULL;
out:
    ktki_exchange_cancel(exchange);
    return status;
}

ktk_status ktki_exchange_finish(struct exchange *exchange, struct http_answer *out,
                                struct service_error *why, ktk_error *err) {
    struct service_error unwanted;
    struct http_answer answer = {0};
    ktk_status status;

    why = why == NULL ? &unwanted : why;
    for (;;) {
        status = take_answer(exchange, &answer, why, err);
        if (status == KTK_OK || !goes_on(exchange, status, &answer, why)) {
            break;
        }
        ktki_http_answer_clear(&answer);
        exchange->start_status = send_attempt(exchange, &exchange->start_error);
    }
    if (status == KTK_OK) {
        refill_budget(exchange->exchanger);
        *out = answer;
    } else {
        *out = (struct http_answer){.status = answer.status, .failure = answer.failure};
        ktki_http_answer_clear(&answer);
    }
    ktki_exchange_cancel(exchange);
    return status;
}

void ktki_exchange_cancel(struct exchange *exchange) {
    if (exchange == NULL) {
        return;
    }
    ktki_http_cancel(exchange->transfer);
    KTKI_DELETE(exchange->exchanger->allocator, exchange);
}

ktk_status ktki_exchange(struct exchanger *exchanger, const struct call *call,
                         struct http_answer *out, struct service_error *why, ktk_error *err) {
    struct exchange *exchange = NULL;
    ktk_status status = KTK_OK;

    memset(out, 0, sizeof(*out));
    KTKI_TRY(ktki_exchange_start(exchanger, call, &exchange, err));
    status = ktki_exchange_finish(exchange, out, why, err);
out:
    return status;
}

int64_t ktki_exchanger_clock_ahead_ms(struct exchanger *exchanger) {
    return atomic_load(&exchanger->clock_ahead_ms);
}

/* --- an exchanger -------------------------------------------------------------------------- */

ktk_status ktki_exchanger_new(struct exchanger **out, const ktk_allocator *allocator,
                              const struct service_ops *ops, void *state,
                              const struct exchanger_options *options, ktk_error *err) {
    static const struct exchanger_options defaults = {.clock = NULL};
    static const struct retry_limits limits = {5, 180000, 100, 20000};
    struct exchanger *exchanger = NULL;
    ktk_status status = KTK_OK;

    options = options == NULL ? &defaults : options;
    KTKI_TRY(KTKI_NEW(allocator, &exchanger, err));
    exchanger->allocator = allocator;
    ktki_secret_allocator_init(&exchanger->secrets, allocator);
    exchanger->ops = ops;
    exchanger->state = state;
    exchanger->clock = options->clock;
    exchanger->limits = options->limits.attempts_max == 0 ? limits : options->limits;
    atomic_store(&exchanger->budget, BUDGET_MAX);
    KTKI_TRY(ktki_http_client_new(&exchanger->client, allocator, &options->http, err));
    *out = exchanger;
    exchanger = NULL;
out:
    ktki_exchanger_free(exchanger);
    return status;
}

void ktki_exchanger_free(struct exchanger *exchanger) {
    if (exchanger == NULL) {
        return;
    }
    ktki_http_client_free(exchanger->client);
    KTKI_DELETE(exchanger->allocator, exchanger);
}
