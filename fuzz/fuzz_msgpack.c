/* MessagePack: what is read becomes JSON that reads again; written as MessagePack and read once
 * more it is the same text. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/msgpack.h"

#define DEPTH_MAX 63

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer json;
    struct buffer packed;
    struct buffer again;
    ktk_error err;

    ktki_buffer_init(&json, ktki_alloc_default(), 0);
    ktki_buffer_init(&packed, ktki_alloc_default(), 0);
    ktki_buffer_init(&again, ktki_alloc_default(), 0);
    if (ktki_msgpack_to_json(&json, data, size, DEPTH_MAX, &err) == KTK_OK) {
        FUZZ_ASSERT(ktki_msgpack_of_json(&packed, (const char *)json.data, json.size, DEPTH_MAX,
                                         &err) == KTK_OK);
        FUZZ_ASSERT(ktki_msgpack_to_json(&again, packed.data, packed.size, DEPTH_MAX, &err) ==
                    KTK_OK);
        FUZZ_ASSERT(json.size == again.size && memcmp(json.data, again.data, json.size) == 0);
    }
    ktki_buffer_clear(&again);
    ktki_buffer_clear(&packed);
    ktki_buffer_clear(&json);
    return 0;
}
