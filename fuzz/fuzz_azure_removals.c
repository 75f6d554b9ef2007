/* The input is a Content-Type, a line end, and an answer to a batch of removals. What is gone does
 * not depend on how many were asked for besides, and none is if the answer cannot be read. */
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "store/azure_container.h"

#define COUNT 4

static ktk_status read_answer(const uint8_t *data, size_t size, struct removal *removals,
                              size_t count) {
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t line_size = end == NULL ? size : (size_t)(end + 1 - data);
    struct http_answer answer = {.status = 202};
    struct buffer line;
    ktk_status status = KTK_E_CORRUPT;
    ktk_error err = {0};

    ktki_buffer_init(&answer.headers, ktki_alloc_default(), 0);
    ktki_buffer_init(&answer.body, ktki_alloc_default(), 0);
    ktki_buffer_init(&line, ktki_alloc_default(), 0);
    if (ktki_buffer_append_text(&line, "Content-Type: ", NULL) == KTK_OK &&
        ktki_buffer_append(&line, data, line_size, NULL) == KTK_OK &&
        ktki_http_answer_take_line(&answer, (const char *)line.data, line.size, NULL) == KTK_OK &&
        ktki_buffer_append(&answer.body, data + line_size, size - line_size, NULL) == KTK_OK) {
        status = ktki_azure_read_removals(&answer, removals, count, &err);
        FUZZ_ASSERT(status == KTK_OK || status == KTK_E_CORRUPT);
        FUZZ_ASSERT(status == KTK_OK || err.message[0] != '\0');
    }
    ktki_buffer_clear(&line);
    ktki_http_answer_clear(&answer);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct removal removals[COUNT] = {{"a", false}, {"b", false}, {"c", false}, {"d", false}};
    struct removal fewer[COUNT - 1] = {{"a", false}, {"b", false}, {"c", false}};
    ktk_status status = read_answer(data, size, removals, COUNT);
    size_t gone = 0;

    if (read_answer(data, size, fewer, COUNT - 1) == KTK_OK) {
        FUZZ_ASSERT(status == KTK_OK);
        for (size_t i = 0; i < COUNT - 1; i++) {
            FUZZ_ASSERT(fewer[i].is_gone == removals[i].is_gone);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        gone += removals[i].is_gone;
    }
    FUZZ_ASSERT(gone == 0 || status == KTK_OK);
    FUZZ_ASSERT(gone * strlen("Content-ID:0\n\nHTTP/ 202\n--b") <= size);
    return 0;
}
