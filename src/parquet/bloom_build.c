/* In front of the rest: xxhash.h names the heap that base/alloc.h keeps out. */
#include "parquet/bloom_hash.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/bloom.h"
#include "parquet/thrift_write.h"

/* Arrow reads no larger ones. */
#define BLOCK_COUNT_MAX ((uint32_t)((size_t)128 * 1024 * 1024 / BLOOM_BLOCK_SIZE))

/* The formula of BloomFilter.md, rounded up to a power of two so that the filter can be folded. */
static uint32_t block_count_for(int64_t value_count_max, double fpp) {
    double bits_per_value = -8 / log(1 - pow(fpp, 1.0 / 8));
    double blocks = (double)value_count_max * bits_per_value / (8.0 * (double)BLOOM_BLOCK_SIZE);
    uint32_t count = 1;

    while (count < BLOCK_COUNT_MAX && (double)count < blocks) {
        count *= 2;
    }
    return count;
}

ktk_status ktki_bloom_build_begin(struct bloom_build *out, const ktk_allocator *allocator,
                                  int64_t value_count_max, double fpp, ktk_error *err) {
    struct bloom_build build = {.allocator = allocator};
    ktk_status status;

    build.block_count = block_count_for(value_count_max, fpp);
    build.allocated_count = build.block_count;
    status = ktki_alloc_zeroed(allocator, build.block_count, BLOOM_BLOCK_SIZE, &build.blocks, err);
    if (status == KTK_OK) {
        *out = build;
    }
    return status;
}

void ktki_bloom_build_add(struct bloom_build *build, const void *value, size_t size) {
    uint64_t hash = ktki_bloom_hash(value, size);
    uint32_t *block = build->blocks[ktki_bloom_block(hash, build->block_count)];
    uint32_t mask[BLOOM_LANES];

    ktki_bloom_mask(hash, mask);
    for (int i = 0; i < BLOOM_LANES; i++) {
        block[i] |= mask[i];
    }
}

/* Share of the values that are not there but pass, if neighbouring blocks are put together: a value
 * finds its bit in each of the lanes of a block set. */
static double fpp_of_half(const struct bloom_build *build) {
    uint32_t pair_count = build->block_count / 2;
    double sum = 0;

    for (uint32_t i = 0; i < build->block_count; i += 2) {
        double pass = 1;
        for (int lane = 0; lane < BLOOM_LANES; lane++) {
            uint32_t bits = build->blocks[i][lane] | build->blocks[i + 1][lane];
            pass *= __builtin_popcount(bits) / 32.0;
        }
        sum += pass;
    }
    return sum / pair_count;
}

/* The upper bits of a hash choose the block, so in a filter half as large the blocks 2i and 2i + 1
 * are block i. */
void ktki_bloom_build_fold(struct bloom_build *build, double fpp) {
    while (build->block_count > 1 && fpp_of_half(build) <= fpp) {
        build->block_count /= 2;
        for (uint32_t i = 0; i < build->block_count; i++) {
            for (int lane = 0; lane < BLOOM_LANES; lane++) {
                build->blocks[i][lane] =
                    build->blocks[(size_t)2 * i][lane] | build->blocks[(size_t)2 * i + 1][lane];
            }
        }
    }
}

/* A union of structs without fields. */
static void put_choice(struct thrift_writer *writer, int16_t id) {
    int16_t outer = ktki_thrift_struct_begin(writer, id);
    int16_t inner = ktki_thrift_struct_begin(writer, 1);

    ktki_thrift_struct_end(writer, inner);
    ktki_thrift_struct_end(writer, outer);
}

ktk_status ktki_bloom_build_encode(const struct bloom_build *build, struct buffer *out,
                                   ktk_error *err) {
    struct thrift_writer writer = ktki_thrift_writer(out, err);
    size_t size = build->block_count * BLOOM_BLOCK_SIZE;
    ktk_status status = KTK_OK;

    ktki_thrift_i32(&writer, 1, (int32_t)size);
    put_choice(&writer, 2); /* algorithm */
    put_choice(&writer, 3); /* hash */
    put_choice(&writer, 4); /* compression */
    KTKI_TRY(ktki_thrift_finish(&writer));
    KTKI_TRY(ktki_buffer_append(out, build->blocks, size, err));
out:
    return status;
}

void ktki_bloom_build_clear(struct bloom_build *build) {
    ktki_free_array(build->allocator, build->blocks, build->allocated_count, BLOOM_BLOCK_SIZE);
    *build = (struct bloom_build){0};
}
