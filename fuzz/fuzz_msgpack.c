/* MessagePack: what is read becomes JSON that reads again; written as MessagePack and read once
 * more it is the same text. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/msgpack.h"

#define DEPTH_MAX 63

struct pieces {
    const uint8_t *data;
    size_t left;
};

static ktk_status next_piece(void *state, uint8_t *data, size_t room, size_t *read,
                             ktk_error *err) {
    struct pieces *pieces = state;
    size_t size = pieces->left < 3 ? pieces->left : 3;

    (void)err;
    size = size < room ? size : room;
    if (size > 0) {
        memcpy(data, pieces->data, size);
        pieces->data += size;
    }
    pieces->left -= size;
    *read = size;
    return KTK_OK;
}

/* Bytes that come in pieces are the same. */
static void check_pieces(const uint8_t *data, size_t size, ktk_status wanted,
                         const struct buffer *json) {
    struct pieces pieces = {data, size};
    const struct msgpack_source source = {next_piece, &pieces};
    struct buffer other;

    ktki_buffer_init(&other, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_msgpack_source_to_json(&other, &source, DEPTH_MAX, NULL) == wanted);
    FUZZ_ASSERT(wanted != KTK_OK ||
                (other.size == json->size && memcmp(other.data, json->data, json->size) == 0));
    ktki_buffer_clear(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer json;
    struct buffer packed;
    struct buffer again;
    ktk_status status;
    ktk_error err;

    ktki_buffer_init(&json, ktki_alloc_default(), 0);
    ktki_buffer_init(&packed, ktki_alloc_default(), 0);
    ktki_buffer_init(&again, ktki_alloc_default(), 0);
    status = ktki_msgpack_to_json(&json, data, size, DEPTH_MAX, &err);
    check_pieces(data, size, status, &json);
    if (status == KTK_OK) {
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
