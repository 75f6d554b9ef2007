/* The input is an answer of a store: lines of its head, an empty one, its body. What is read out of
 * the headers is one of them, in bounds, and an error is one line of text. */
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "net/http_date.h"
#include "store/object.h"

#define HEADER_BYTES_MAX (64 * 1024)

/* Takes the head; where the body begins. */
static size_t take_head(struct http_answer *answer, const char *data, size_t size,
                        ktk_status *status) {
    size_t at = 0;
    size_t length = 2;

    *status = KTK_OK;
    while (at < size && *status == KTK_OK) {
        const char *end = memchr(data + at, '\n', size - at);

        length = end == NULL ? size - at : (size_t)(end - data) + 1 - at;
        if (data[at] == '\n' || (data[at] == '\r' && length == 2)) {
            return at + length;
        }
        *status = ktki_http_answer_take_line(answer, data + at, length, NULL);
        at += length;
    }
    return at;
}

static void check_header(const struct http_answer *answer, const char *name) {
    const char *value = ktki_http_answer_header(answer, name);
    const char *start = (const char *)answer->headers.data;

    if (value != NULL) {
        FUZZ_ASSERT(value > start && value + strlen(value) < start + answer->headers.size);
        FUZZ_ASSERT(strcmp(value - strlen(name) - 1, name) == 0);
    }
}

static void check_error(const struct http_answer *answer) {
    struct object_store store = {.allocator = ktki_alloc_default()};
    struct service_error error = {{0}, {0}};

    ktki_object_explain(&store, answer, &error);
    FUZZ_ASSERT(memchr(error.code, '\0', sizeof(error.code)) != NULL);
    FUZZ_ASSERT(memchr(error.message, '\0', sizeof(error.message)) != NULL);
    FUZZ_ASSERT(strpbrk(error.message, "\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {
        "etag", "content-range", "content-length", "retry-after", "date", "x-ms-error-code", "a",
        ""};
    struct http_answer answer = {.status = 500};
    ktk_store_version version;
    ktk_status status;
    int64_t wait_ms;
    int64_t seconds;
    size_t body;

    ktki_buffer_init(&answer.headers, ktki_alloc_default(), HEADER_BYTES_MAX);
    ktki_buffer_init(&answer.body, ktki_alloc_default(), 0);
    body = take_head(&answer, (const char *)data, size, &status);
    FUZZ_ASSERT(status == KTK_OK || status == KTK_E_LIMIT);
    if (status == KTK_OK && ktki_buffer_append(&answer.body, data + body, size - body, NULL) == 0) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            check_header(&answer, names[i]);
        }
        wait_ms = ktki_exchange_wait_asked_ms(&answer);
        FUZZ_ASSERT(wait_ms >= 0 && wait_ms <= KTKI_WAIT_ASKED_MAX_MS);
        ktki_object_version(&answer, &version);
        FUZZ_ASSERT(memchr(version.text, '\0', sizeof(version.text)) != NULL);
        if (ktki_http_answer_header(&answer, "date") != NULL) {
            (void)ktki_http_date_parse(ktki_http_answer_header(&answer, "date"), &seconds);
        }
        check_error(&answer);
    }
    ktki_http_answer_clear(&answer);
    return 0;
}
