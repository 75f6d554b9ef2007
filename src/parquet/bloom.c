#include "parquet/bloom.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "parquet/bloom_hash.h"
#include "parquet/metadata_rules.h"

#define HEADER_NESTING_MAX 8
/* Headers take 16 bytes; more than this none takes that we can make use of. */
#define HEADER_SIZE_MAX 128

/* Of each choice, number 1 is the only one there is so far. */
enum { CHOICE_KNOWN = 1, CHOICE_OTHER = 255 };

struct bloom_header {
    int32_t size;
    int32_t algorithm;
    int32_t hash;
    int32_t compression;
};

static const struct field_rule choice_members[] = {[CHOICE_KNOWN] = {.name = "known"}};
static const struct struct_rule choice_rule = {
    .name = "choice", .fields = choice_members, .field_count = COUNT_OF(choice_members)};

static const struct field_rule header_fields[] = {
    [1] = {.name = "numBytes",
           .kind = FIELD_COUNT32,
           .is_required = true,
           .offset = offsetof(struct bloom_header, size)},
    [2] = {.name = "algorithm",
           .kind = FIELD_UNION,
           .is_required = true,
           .offset = offsetof(struct bloom_header, algorithm),
           .value_max = CHOICE_OTHER,
           .of = &choice_rule},
    [3] = {.name = "hash",
           .kind = FIELD_UNION,
           .is_required = true,
           .offset = offsetof(struct bloom_header, hash),
           .value_max = CHOICE_OTHER,
           .of = &choice_rule},
    [4] = {.name = "compression",
           .kind = FIELD_UNION,
           .is_required = true,
           .offset = offsetof(struct bloom_header, compression),
           .value_max = CHOICE_OTHER,
           .of = &choice_rule},
};
static const struct struct_rule header_rule = {
    .name = "BloomFilterHeader", .fields = header_fields, .field_count = COUNT_OF(header_fields)};

static ktk_status decode_header(struct bloom_header *out, struct cursor *cursor, ktk_error *err) {
    struct thrift_decoder decoder = {{*cursor, HEADER_NESTING_MAX}, NULL};
    struct bloom_header header = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_thrift_read_struct(&decoder, &header_rule, &header, NULL, err));
    if (header.algorithm != CHOICE_KNOWN || header.hash != CHOICE_KNOWN ||
        header.compression != CHOICE_KNOWN) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "a bloom filter of another kind than uncompressed blocks by XXHASH");
    }
    if (header.size == 0 || (size_t)header.size % BLOOM_BLOCK_SIZE != 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a bloom filter of %d bytes, which is no number of blocks",
                  header.size);
    }
    *cursor = decoder.reader.cursor;
    *out = header;
out:
    return status;
}

ktk_status ktki_bloom_decode(struct bloom *out, const uint8_t *data, size_t size, ktk_error *err) {
    struct cursor cursor = ktki_cursor(data, size);
    struct bloom bloom = {0};
    struct bloom_header header = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(decode_header(&header, &cursor, err));
    if (!ktki_cursor_bytes(&cursor, (size_t)header.size, &bloom.blocks)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a bloom filter of %d bytes, of which %zu are there",
                  header.size, ktki_cursor_left(&cursor));
    }
    bloom.block_count = (uint32_t)((size_t)header.size / BLOOM_BLOCK_SIZE);
    *out = bloom;
out:
    return status;
}

static ktk_status read_range(ktk_bytes *out, const struct source *source, int64_t offset,
                             int64_t size, ktk_error *err) {
    const struct byte_range range = {offset, size};

    return source->ops->read(source->state, &range, 1, out, err);
}

/* How many bytes header and filter take, for which the header must be read. */
static ktk_status size_at(int64_t *out, const struct source *source, int64_t offset,
                          ktk_error *err) {
    int64_t left = source->size - offset;
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct bloom_header header = {0};
    struct cursor cursor;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        read_range(&bytes, source, offset, left < HEADER_SIZE_MAX ? left : HEADER_SIZE_MAX, err));
    cursor = ktki_cursor(bytes.data, bytes.size);
    KTKI_TRY(decode_header(&header, &cursor, err));
    *out = (int64_t)(bytes.size - ktki_cursor_left(&cursor)) + header.size;
out:
    ktk_bytes_clear(&bytes);
    return status;
}

ktk_status ktki_bloom_read(struct bloom *out, const struct source *source,
                           const struct index_place *place, ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct bloom bloom;
    int64_t size = place->size;
    ktk_status status = KTK_OK;

    if (place->offset < 0 || place->offset >= source->size) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a bloom filter at byte %lld of a file of %lld",
                  (long long)place->offset, (long long)source->size);
    }
    if (size < 0) {
        KTKI_TRY(size_at(&size, source, place->offset, err));
    }
    if (size > source->size - place->offset) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a bloom filter of %lld bytes at byte %lld of a file of %lld",
                  (long long)size, (long long)place->offset, (long long)source->size);
    }
    KTKI_TRY(read_range(&bytes, source, place->offset, size, err));
    KTKI_TRY(ktki_bloom_decode(&bloom, bytes.data, bytes.size, err));
    bloom.bytes = bytes;
    bytes = (ktk_bytes)KTK_BYTES_INIT;
    *out = bloom;
out:
    ktk_bytes_clear(&bytes);
    return status;
}

void ktki_bloom_clear(struct bloom *bloom) {
    ktk_bytes_clear(&bloom->bytes);
    *bloom = (struct bloom){0};
}

static bool may_hold_bytes(const struct bloom *bloom, const void *value, size_t size) {
    uint64_t hash = ktki_bloom_hash(value, size);
    uint32_t mask[BLOOM_LANES];
    uint32_t block[BLOOM_LANES];
    uint32_t missing = 0;

    ktki_bloom_mask(hash, mask);
    memcpy(block, bloom->blocks + ktki_bloom_block(hash, bloom->block_count) * BLOOM_BLOCK_SIZE,
           sizeof(block));
    for (int i = 0; i < BLOOM_LANES; i++) {
        missing |= mask[i] & ~block[i];
    }
    return missing == 0;
}

bool ktki_bloom_may_hold(const struct bloom *bloom, enum parquet_type type, const void *value,
                         size_t size) {
    static const uint8_t zero[sizeof(double)] = {0};
    static const uint8_t negative_zero[sizeof(double)] = {[sizeof(double) - 1] = 0x80};
    double number = 0;

    if (type == PQ_FLOAT) {
        float narrow;

        assert(size == sizeof(narrow));
        memcpy(&narrow, value, sizeof(narrow));
        number = (double)narrow;
    } else if (type == PQ_DOUBLE) {
        assert(size == sizeof(number));
        memcpy(&number, value, sizeof(number));
    } else {
        return may_hold_bytes(bloom, value, size);
    }
    if (isnan(number)) {
        return true;
    }
    if (number == 0) {
        return may_hold_bytes(bloom, zero, size) ||
               may_hold_bytes(bloom, negative_zero + sizeof(double) - size, size);
    }
    return may_hold_bytes(bloom, value, size);
}
