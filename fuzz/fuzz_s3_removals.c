/* The input is an answer to the removal of several objects. Which are gone is what it names: it
 * does not depend on the order in which they were asked for, and none is if it cannot be read. */
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "store/s3_bucket.h"

#define COUNT 4

static ktk_status read_answer(const struct http_answer *answer, struct removal *removals) {
    ktk_error err = {0};
    ktk_status status =
        ktki_s3_read_removals(ktki_alloc_default(), "p/", answer, removals, COUNT, &err);

    FUZZ_ASSERT(status == KTK_OK || status == KTK_E_DENIED || status == KTK_E_CORRUPT ||
                status == KTK_E_LIMIT);
    if (status != KTK_OK) {
        FUZZ_ASSERT(err.message[0] != '\0' && strpbrk(err.message, "\r\n") == NULL);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct removal removals[COUNT] = {{"a", false}, {"b", false}, {"c&d", false}, {"p/a", false}};
    struct removal reversed[COUNT] = {{"p/a", false}, {"c&d", false}, {"b", false}, {"a", false}};
    struct http_answer answer = {.status = 200};
    ktk_status status;

    ktki_buffer_init(&answer.body, ktki_alloc_default(), 0);
    if (ktki_buffer_append(&answer.body, data, size, NULL) == KTK_OK) {
        status = read_answer(&answer, removals);
        FUZZ_ASSERT(read_answer(&answer, reversed) == status);
        for (size_t i = 0; i < COUNT; i++) {
            FUZZ_ASSERT(removals[i].is_gone == reversed[COUNT - 1 - i].is_gone);
            FUZZ_ASSERT(!removals[i].is_gone || size > strlen("<DeleteResult><Deleted><Key>p/"));
            FUZZ_ASSERT(!removals[i].is_gone || status == KTK_OK || status == KTK_E_DENIED);
        }
    }
    ktki_http_answer_clear(&answer);
    return 0;
}
