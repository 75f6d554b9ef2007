/* Parts of an object, several at a time. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "store/object.h"

/* Ranges of one object on their way at a time (reliability.md 2): enough to fill a line, and few
 * enough for the other files that are read. */
#define RANGES_IN_FLIGHT 8

/* One range, asked for. */
struct range_call {
    struct object_call call;
    struct http_header header;
    char text[64];
    struct exchange *exchange;
};

static ktk_status start(struct object_store *store, const char *key, struct range_call *range,
                        ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&range->call, store, "GET", "get a range of", key, err));
    range->header = (struct http_header){"Range", range->text};
    range->call.call.headers = &range->header;
    range->call.call.header_count = 1;
    range->call.call.answer_bytes_max = (size_t)store->limits->object_bytes_max;
    KTKI_TRY(ktki_exchange_start(store->exchanger, &range->call.call, &range->exchange, err));
out:
    return status;
}

/* `out->status` is set in any case. */
static ktk_status finish(struct range_call *range, struct http_answer *out, ktk_error *err) {
    struct exchange *exchange = range->exchange;
    ktk_status status;

    range->exchange = NULL;
    status = ktki_exchange_finish(exchange, out, NULL, err);
    ktki_object_call_clear(&range->call);
    return status;
}

static void range_clear(struct range_call *range) {
    ktki_exchange_cancel(range->exchange);
    ktki_object_call_clear(&range->call);
}

/* ---- from an offset ---- */

static void ask(struct range_call *range, int64_t offset, int64_t size) {
    (void)snprintf(range->text, sizeof(range->text), "bytes=%lld-%lld", (long long)offset,
                   (long long)(offset > INT64_MAX - size ? INT64_MAX : offset + size - 1));
}

/* Of a whole value that came although a range was asked for. */
static ktk_status cut_body(struct buffer *body, int64_t offset, int64_t size, ktk_error *err) {
    size_t left;
    ktk_status status = KTK_OK;

    if ((uint64_t)offset > body->size) {
        KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the end at %zu", (long long)offset,
                  body->size);
    }
    left = body->size - (size_t)offset;
    body->size = (uint64_t)size < left ? (size_t)size : left;
    memmove(body->data, body->data + offset, body->size);
out:
    return status;
}

/* No byte is where the range begins: right at the end there is none to be had. */
static ktk_status read_nothing(struct object_store *store, const char *key, int64_t offset,
                               ktk_bytes *out, ktk_error *err) {
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_head(store, key, &entry, err));
    if (offset > entry.size) {
        KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the end of '%s' at %lld",
                  (long long)offset, key, (long long)entry.size);
    }
    KTKI_TRY(ktki_bytes_copy(store->allocator, "", 0, out, err));
out:
    return status;
}

static ktk_status take(struct object_store *store, const char *key, struct range_call *range,
                       int64_t offset, int64_t size, ktk_bytes *out, ktk_error *err) {
    struct http_answer answer = {0};
    ktk_status status = finish(range, &answer, err);

    if (answer.status == 416) {
        status = read_nothing(store, key, offset, out, err);
        goto out;
    }
    KTKI_TRY(status);
    if (answer.status == 200) {
        KTKI_TRY(cut_body(&answer.body, offset, size, err));
    } else if (answer.body.size > (uint64_t)size) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "%zu bytes of '%s' came where %lld were asked for",
                  answer.body.size, key, (long long)size);
    }
    KTKI_TRY(ktki_buffer_move(&answer.body, out, err));
out:
    ktki_http_answer_clear(&answer);
    return status;
}

ktk_status ktki_object_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                 ktk_bytes *out, ktk_error *err) {
    struct object_store *store = state;
    struct range_call range = {.exchange = NULL};
    ktk_status status = KTK_OK;

    if (size == 0) {
        return read_nothing(store, key, offset, out, err);
    }
    ask(&range, offset, size);
    KTKI_TRY(start(store, key, &range, err));
    KTKI_TRY(take(store, key, &range, offset, size, out, err));
out:
    range_clear(&range);
    return status;
}

ktk_status ktki_object_get_ranges(void *state, const char *key, const struct object_range *ranges,
                                  size_t count, ktk_bytes *out, ktk_error *err) {
    struct object_store *store = state;
    struct range_call *calls = NULL;
    size_t taken = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(store->allocator, count, sizeof(*calls), &calls, err));
    for (size_t begun = 0; taken < count;) {
        if (begun < count && begun - taken < RANGES_IN_FLIGHT) {
            ask(&calls[begun], ranges[begun].offset, ranges[begun].size);
            KTKI_TRY(start(store, key, &calls[begun], err));
            begun++;
        } else {
            KTKI_TRY(take(store, key, &calls[taken], ranges[taken].offset, ranges[taken].size,
                          &out[taken], err));
            taken++;
        }
    }
out:
    for (size_t i = 0; calls != NULL && i < count; i++) {
        range_clear(&calls[i]);
    }
    for (size_t i = 0; i < taken && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
    ktki_free_array(store->allocator, calls, count, sizeof(*calls));
    return status;
}

/* ---- from the end ---- */

/* The size of the whole value, which an answer says behind the range that it holds; -1: it does
 * not. */
static int64_t told_size(const struct http_answer *answer) {
    const char *text = ktki_http_answer_header(answer, "content-range");
    const char *size = text == NULL ? NULL : strrchr(text, '/');
    int64_t result;

    if (answer->status == 200) {
        return (int64_t)answer->body.size;
    }
    return size != NULL && ktki_parse_i64(size + 1, strlen(size + 1), &result) ? result : -1;
}

/* The answer for the range of `range`, and how long the value is. */
static ktk_status get_and_measure(struct object_store *store, const char *key,
                                  struct range_call *range, struct http_answer *out,
                                  int64_t *value_size, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(start(store, key, range, err));
    status = finish(range, out, err);
    if (out->status == 416) {
        *value_size = 0; /* there is no byte at either end */
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    *value_size = told_size(out);
    if (*value_size < (int64_t)out->body.size) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "%zu bytes of '%s' came without word of its size",
                  out->body.size, key);
    }
out:
    range_clear(range);
    return status;
}

ktk_status ktki_object_get_end(void *state, const char *key, int64_t size, ktk_bytes *out,
                               int64_t *value_size, ktk_error *err) {
    struct object_store *store = state;
    struct range_call range = {.exchange = NULL};
    struct http_answer answer = {0};
    int64_t whole = 0;
    ktk_status status = KTK_OK;

    (void)snprintf(range.text, sizeof(range.text),
                   store->counts_from_start ? "bytes=0-%lld" : "bytes=-%lld",
                   (long long)(store->counts_from_start ? size - 1 : size));
    KTKI_TRY(get_and_measure(store, key, &range, &answer, &whole, err));
    if (answer.status == 206 && (int64_t)answer.body.size != (whole < size ? whole : size)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "%zu bytes of %lld of '%s' came where %lld were asked for",
                  answer.body.size, (long long)whole, key, (long long)size);
    }
    if (store->counts_from_start && whole > (int64_t)answer.body.size) {
        KTKI_TRY(ktki_object_get_range(state, key, whole - size, size, out, err));
    } else if (answer.status == 416) {
        KTKI_TRY(ktki_bytes_copy(store->allocator, "", 0, out, err));
    } else {
        KTKI_TRY(cut_body(&answer.body, whole > size && answer.status == 200 ? whole - size : 0,
                          size, err));
        KTKI_TRY(ktki_buffer_move(&answer.body, out, err));
    }
    *value_size = whole;
out:
    ktki_http_answer_clear(&answer);
    return status;
}
