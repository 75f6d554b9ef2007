/** Words at any address, for the encoder and the decoder of snappy. */
#ifndef KTKI_CODEC_SNAPPY_WORDS_H
#define KTKI_CODEC_SNAPPY_WORDS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t load_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint64_t load_u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

#endif
