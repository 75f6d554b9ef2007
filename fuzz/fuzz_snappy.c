/* What the format's own library decompresses, ours decompresses to the same bytes; what one
 * refuses, the other refuses. */
#include "fuzz.h"

#include <snappy-c.h>
#include <string.h>

#include "codec/snappy_decode.h"

#define OUTPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t stated = 0;
    size_t written;
    uint8_t *ours;
    char *theirs;
    bool is_whole;

    if (snappy_uncompressed_length((const char *)data, size, &stated) != SNAPPY_OK ||
        stated > OUTPUT_MAX) {
        return 0;
    }
    ours = malloc(stated + 1);
    theirs = malloc(stated + 1);
    FUZZ_ASSERT(ours != NULL && theirs != NULL);
    ours[stated] = 0x5A;
    written = stated;
    is_whole = ktki_snappy_decode(data, size, ours, stated);
    FUZZ_ASSERT(is_whole ==
                (snappy_uncompress((const char *)data, size, theirs, &written) == SNAPPY_OK));
    FUZZ_ASSERT(!is_whole || memcmp(ours, theirs, stated) == 0);
    FUZZ_ASSERT(ours[stated] == 0x5A);
    FUZZ_ASSERT(!ktki_snappy_decode(data, size, ours, stated + 1));
    free(ours);
    free(theirs);
    return 0;
}
