/* What the format's own library decompresses, ours decompresses to the same bytes; what one
 * refuses, the other refuses. What ours compresses, both decompress. */
#include "fuzz.h"

#include <snappy-c.h>
#include <string.h>

#include "base/foreign.h"
#include "codec/snappy_decode.h"
#include "codec/snappy_encode.h"

#define OUTPUT_MAX ((size_t)1 << 20)

static void round_trip(const uint8_t *data, size_t size) {
    static uint16_t table[SNAPPY_TABLE_SIZE];
    uint8_t *packed = malloc(ktki_snappy_bound(size));
    uint8_t *plain = malloc(size + 1);
    size_t packed_size;
    size_t plain_size = size;

    FUZZ_ASSERT(packed != NULL && plain != NULL);
    packed_size = ktki_snappy_encode(data, size, table, packed);
    FUZZ_ASSERT(snappy_uncompress((const char *)packed, packed_size, (char *)plain, &plain_size) ==
                SNAPPY_OK);
    ktki_foreign_wrote(plain, plain_size);
    FUZZ_ASSERT(plain_size == size && memcmp(plain, data, size) == 0);
    memset(plain, 0x5A, size);
    FUZZ_ASSERT(ktki_snappy_decode(packed, packed_size, plain, size));
    FUZZ_ASSERT(memcmp(plain, data, size) == 0);
    free(packed);
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t stated = 0;
    size_t written;
    uint8_t *ours;
    char *theirs;
    bool is_whole;

    round_trip(data, size);
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
    ktki_foreign_wrote(theirs, is_whole ? written : 0);
    FUZZ_ASSERT(!is_whole || memcmp(ours, theirs, stated) == 0);
    FUZZ_ASSERT(ours[stated] == 0x5A);
    FUZZ_ASSERT(!ktki_snappy_decode(data, size, ours, stated + 1));
    free(ours);
    free(theirs);
    return 0;
}
