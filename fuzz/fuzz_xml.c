/* The input is an answer of a store. What it is read as are elements that end inside each other:
 * each path is that of the root or begins with another's, which ends later; a document that is
 * refused says why. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "fuzz.h"
#include "net/xml.h"

struct seen {
    bool has_root_ended;
};

static ktk_status take(void *state, const char *path, const char *text, ktk_error *err) {
    struct seen *seen = state;
    size_t depth = 1;

    (void)err;
    for (const char *at = path; *at != '\0'; at++) {
        depth += *at == '/' ? 1 : 0;
    }
    FUZZ_ASSERT(path[0] != '\0' && depth <= KTKI_XML_DEPTH_MAX);
    FUZZ_ASSERT(ktki_utf8_is_valid(path, strlen(path)) && ktki_utf8_is_valid(text, strlen(text)));
    /* Nothing comes behind the root. */
    FUZZ_ASSERT(!seen->has_root_ended);
    seen->has_root_ended = strchr(path, '/') == NULL;
    return KTK_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen seen = {false};
    ktk_error err = {0};
    ktk_status status = ktki_xml_read(ktki_alloc_default(), data, size, take, &seen, &err);

    if (status == KTK_OK) {
        FUZZ_ASSERT(seen.has_root_ended);
    } else {
        FUZZ_ASSERT(status == KTK_E_CORRUPT || status == KTK_E_LIMIT);
        FUZZ_ASSERT(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
    }
    return 0;
}
