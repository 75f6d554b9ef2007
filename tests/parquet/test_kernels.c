#include "support/test.h"

#include <math.h>
#include <stdlib.h>

#include "parquet/kernels.h"

static uint64_t random_state = 88172645463325252u;

static uint32_t random_u32(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static void fill_random(void *out, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)out)[i] = (uint8_t)random_u32();
    }
}

/* Exactly as large as it must be, so that a step beyond is seen by the sanitizer. */
static uint8_t *block_of(size_t size) {
    uint8_t *block = malloc(size == 0 ? 1 : size);
    assert_non_null(block);
    fill_random(block, size);
    return block;
}

static uint32_t bit_at(const uint8_t *bits, size_t position) {
    return bits[position / 8] >> (position % 8) & 1;
}

static void check_unpack(const struct kernels *kernels, unsigned width, size_t count) {
    size_t size = (count * width + 7) / 8;
    uint8_t *packed = block_of(size);
    uint32_t *out = malloc((count + 1) * sizeof(*out));

    assert_non_null(out);
    out[count] = 0xABCDEF01;
    kernels->unpack(packed, size, width, count, out);
    for (size_t i = 0; i < count; i++) {
        uint32_t wanted = 0;
        for (unsigned bit = 0; bit < width; bit++) {
            wanted |= bit_at(packed, i * width + bit) << bit;
        }
        assert_int_equal(out[i], wanted);
    }
    assert_int_equal(out[count], 0xABCDEF01);
    free(packed);
    free(out);
}

static void unpacks_every_width(const struct kernels *kernels) {
    static const size_t counts[] = {0, 1, 7, 8, 9, 31, 64, 100, 257};

    for (unsigned width = 1; width <= 32; width++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            check_unpack(kernels, width, counts[i]);
        }
    }
}

static void unpacks_wide_numbers(const struct kernels *kernels) {
    static const size_t counts[] = {0, 1, 2, 7, 33};

    for (unsigned width = 1; width <= 64; width++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            size_t count = counts[i];
            size_t size = (count * width + 7) / 8;
            uint8_t *packed = block_of(size);
            uint64_t *out = malloc((count + 1) * sizeof(*out));
            assert_non_null(out);
            out[count] = 77;
            kernels->unpack_64(packed, size, width, count, out);
            for (size_t j = 0; j < count; j++) {
                uint64_t wanted = 0;
                for (unsigned bit = 0; bit < width; bit++) {
                    wanted |= (uint64_t)bit_at(packed, j * width + bit) << bit;
                }
                assert_true(out[j] == wanted);
            }
            assert_int_equal(out[count], 77);
            free(packed);
            free(out);
        }
    }
}

static void check_running_sums(const struct kernels *kernels, size_t count) {
    uint32_t *deltas = (uint32_t *)(void *)block_of(count * sizeof(*deltas));
    uint64_t *wide = (uint64_t *)(void *)block_of(count * sizeof(*wide));
    uint8_t *out = block_of(count * sizeof(*wide));
    uint64_t step = (uint64_t)random_u32() << 32 | random_u32();
    uint64_t last = (uint64_t)random_u32() << 32 | random_u32();
    uint32_t sum_32 = (uint32_t)last;
    uint64_t sum = last;
    uint64_t found;
    uint32_t found_32;

    found_32 = kernels->running_sum_32(deltas, count, (uint32_t)step, (uint32_t)last, out);
    for (size_t i = 0; i < count; i++) {
        sum_32 += (uint32_t)step + deltas[i];
        assert_int_equal(((uint32_t *)(void *)out)[i], sum_32);
    }
    assert_int_equal(found_32, sum_32);
    found = kernels->running_sum_64(wide, count, step, last, out);
    for (size_t i = 0; i < count; i++) {
        sum += step + wide[i];
        assert_true(((uint64_t *)(void *)out)[i] == sum);
    }
    assert_true(found == sum);
    sum = last;
    found = kernels->running_sum_64_of_32(deltas, count, step, last, out);
    for (size_t i = 0; i < count; i++) {
        sum += step + deltas[i];
        assert_true(((uint64_t *)(void *)out)[i] == sum);
    }
    assert_true(found == sum);
    free(deltas);
    free(wide);
    free(out);
}

static void sums_up(const struct kernels *kernels) {
    for (size_t count = 0; count < 40; count++) {
        check_running_sums(kernels, count);
    }
    check_running_sums(kernels, 1023);
}

static void check_streams(const struct kernels *kernels, size_t width, size_t count,
                          size_t stride) {
    size_t size = count == 0 ? 0 : (width - 1) * stride + count;
    uint8_t *streams = block_of(size);
    uint8_t *values = block_of(count * width);
    uint8_t *again = block_of(size);

    kernels->join_streams(streams, stride, count, width, values);
    for (size_t i = 0; i < count * width; i++) {
        assert_int_equal(values[i], streams[i % width * stride + i / width]);
    }
    memcpy(again, streams, size);
    for (size_t i = 0; i < count * width; i++) {
        again[i % width * stride + i / width] ^= 0xFF;
    }
    kernels->split_streams(values, count, width, stride, again);
    assert_memory_equal(again, streams, size);
    free(streams);
    free(values);
    free(again);
}

static void joins_and_splits_streams(const struct kernels *kernels) {
    static const size_t stream_widths[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 40};
    static const size_t counts[] = {0, 1, 15, 16, 17, 33, 300};

    for (size_t i = 0; i < sizeof(stream_widths) / sizeof(stream_widths[0]); i++) {
        for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++) {
            check_streams(kernels, stream_widths[i], counts[j], counts[j]);
            check_streams(kernels, stream_widths[i], counts[j], counts[j] + 19);
        }
    }
}

static void finds_the_largest(const struct kernels *kernels) {
    uint32_t values[100] = {0};

    assert_int_equal(kernels->max(values, 0), 0);
    for (size_t count = 1; count <= 100; count++) {
        uint32_t wanted = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = random_u32() >> (i % 7);
            wanted = values[i] > wanted ? values[i] : wanted;
        }
        assert_int_equal(kernels->max(values, count), wanted);
    }
}

static const size_t widths[] = {1, 2, 3, 4, 5, 8, 12, 16, 20, 32, 40};
#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

static void check_gather(const struct kernels *kernels, size_t width, size_t count) {
    uint8_t *entries = block_of(17 * width);
    uint8_t *out = block_of(count * width);
    uint32_t *indices = (uint32_t *)block_of(count * sizeof(*indices));
    enum width_class class = ktki_width_class(width);

    for (size_t i = 0; i < count; i++) {
        indices[i] %= 17;
    }
    kernels->gather[class](entries, indices, count, width, out);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(out + i * width, entries + indices[i] * width, width);
    }
    kernels->fill[class](entries + 3 * width, count, width, out);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(out + i * width, entries + 3 * width, width);
    }
    free(entries);
    free(indices);
    free(out);
}

static void gathers_and_fills_every_width(const struct kernels *kernels) {
    for (size_t i = 0; i < WIDTHS; i++) {
        check_gather(kernels, widths[i], 0);
        check_gather(kernels, widths[i], 1);
        check_gather(kernels, widths[i], 67);
    }
}

/* `density` of eight bits are set on average; 0 and 8: none and all. */
static uint8_t *validity_of(size_t bits, unsigned density) {
    uint8_t *validity = block_of((bits + 7) / 8);

    for (size_t i = 0; i < (bits + 7) / 8; i++) {
        validity[i] = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            validity[i] |= (uint8_t)((random_u32() % 8 < density) << bit);
        }
    }
    return validity;
}

static void check_expand(const struct kernels *kernels, size_t width, size_t offset, size_t count,
                         unsigned density) {
    static const uint8_t zeroes[64];
    uint8_t *validity = validity_of(offset + count, density);
    uint8_t *out = block_of(count * width);
    size_t there = 0;
    size_t next = 0;
    uint8_t *dense;

    for (size_t i = 0; i < count; i++) {
        there += bit_at(validity, offset + i);
    }
    dense = block_of(there * width);
    kernels->expand[ktki_width_class(width)](dense, there, validity, (int64_t)offset, count, width,
                                             out);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *wanted = bit_at(validity, offset + i) != 0 ? dense + width * next++ : zeroes;
        assert_memory_equal(out + i * width, wanted, width);
    }
    if (width == sizeof(uint32_t)) {
        kernels->expand_indices((const uint32_t *)dense, there, validity, (int64_t)offset, count,
                                77, (uint32_t *)out);
        next = 0;
        for (size_t i = 0; i < count; i++) {
            uint32_t wanted = bit_at(validity, offset + i) != 0 ? ((uint32_t *)dense)[next++] : 77;
            assert_int_equal(((uint32_t *)out)[i], wanted);
        }
    }
    free(validity);
    free(dense);
    free(out);
}

static void expands_every_width(const struct kernels *kernels) {
    static const unsigned densities[] = {0, 1, 4, 7, 8};

    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t j = 0; j < sizeof(densities) / sizeof(densities[0]); j++) {
            check_expand(kernels, widths[i], 0, 1, densities[j]);
            check_expand(kernels, widths[i], 3, 64, densities[j]);
            check_expand(kernels, widths[i], 0, 200, densities[j]);
            check_expand(kernels, widths[i], 13, 333, densities[j]);
        }
    }
}

static const char *const words[] = {
    "",
    "a",
    "twelve bytes",
    "thirty-two bytes are one step, yes",
    "a text that takes more than two steps of thirty-two bytes each",
    "exactly thirty-two bytes of text"};
#define WORDS (sizeof(words) / sizeof(words[0]))

/* Bytes of all words with slack behind them; entries that point into them. */
static uint8_t *words_with_entries(struct text_entry entries[WORDS]) {
    uint8_t *bytes = block_of(1024);
    uint32_t at = 0;

    for (size_t i = 0; i < WORDS; i++) {
        entries[i] = (struct text_entry){at, (uint32_t)strlen(words[i])};
        memcpy(bytes + at, words[i], strlen(words[i]));
        at += entries[i].size;
    }
    return bytes;
}

static void gathers_text(const struct kernels *kernels) {
    enum { COUNT = 100, START = 5 };
    struct text_entry entries[WORDS];
    uint8_t *bytes = words_with_entries(entries);
    uint64_t slots[COUNT + 1]; /* room for offsets of either width */
    uint32_t indices[COUNT];
    uint64_t size = 0;
    uint8_t *out;
    int64_t at = START;

    for (size_t i = 0; i < COUNT; i++) {
        indices[i] = random_u32() % WORDS;
        size += entries[indices[i]].size;
    }
    assert_int_equal(kernels->text_size(entries, indices, COUNT), size);
    out = block_of(START + size + KERNEL_SLACK);
    memcpy(slots, indices, sizeof(indices));
    assert_int_equal(kernels->text_gather_32(entries, bytes, (uint32_t *)slots, COUNT, START, out,
                                             (int32_t *)slots),
                     START + size);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(((int32_t *)slots)[i], at);
        assert_memory_equal(out + at, words[indices[i]], entries[indices[i]].size);
        at += entries[indices[i]].size;
    }
    /* Indices in the upper half of a buffer of 64-bit offsets. */
    memcpy((uint32_t *)slots + COUNT, indices, sizeof(indices));
    assert_int_equal(kernels->text_gather_64(entries, bytes, (uint32_t *)slots + COUNT, COUNT,
                                             START, out, (int64_t *)slots),
                     START + size);
    at = START;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(((int64_t *)slots)[i], at);
        assert_memory_equal(out + at, words[indices[i]], entries[indices[i]].size);
        at += entries[indices[i]].size;
    }
    free(bytes);
    free(out);
}

/* Texts of one size, each behind its size; the indices lie where the offsets go. */
static void check_even_gather(const struct kernels *kernels, size_t width) {
    enum { COUNT = 70, ENTRIES = 9, START = 3 };
    const size_t stride = sizeof(uint32_t) + width;
    uint8_t *bytes = block_of(ENTRIES * stride + KERNEL_SLACK);
    uint8_t *out = block_of(START + COUNT * width + KERNEL_SLACK);
    uint64_t slots[COUNT]; /* room for offsets of either width */
    uint32_t indices[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        indices[i] = random_u32() % ENTRIES;
    }
    memcpy(slots, indices, sizeof(indices));
    assert_int_equal(kernels->even_gather_32(width, bytes, (uint32_t *)slots, COUNT, START, out,
                                             (int32_t *)slots),
                     START + COUNT * width);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(((int32_t *)slots)[i], START + i * width);
        assert_memory_equal(out + START + i * width, bytes + indices[i] * stride + sizeof(uint32_t),
                            width);
    }
    memset(out, 0xA5, START + COUNT * width);
    memcpy((uint32_t *)slots + COUNT, indices, sizeof(indices));
    assert_int_equal(kernels->even_gather_64(width, bytes, (uint32_t *)slots + COUNT, COUNT, START,
                                             out, (int64_t *)slots),
                     START + COUNT * width);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(((int64_t *)slots)[i], START + i * width);
        assert_memory_equal(out + START + i * width, bytes + indices[i] * stride + sizeof(uint32_t),
                            width);
    }
    free(bytes);
    free(out);
}

static void gathers_text_of_one_size(const struct kernels *kernels) {
    static const size_t sizes[] = {1, 2, 6, 8, 9, 16, 31, 32, 33, 64, 71};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_even_gather(kernels, sizes[i]);
    }
}

static void tells_ascii(const struct kernels *kernels) {
    for (size_t size = 0; size < 200; size++) {
        uint8_t *text = block_of(size);
        for (size_t i = 0; i < size; i++) {
            text[i] &= 0x7F;
        }
        assert_true(kernels->is_ascii(text, size));
        for (size_t i = 0; i < size; i++) {
            text[i] |= 0x80;
            assert_false(kernels->is_ascii(text, size));
            text[i] &= 0x7F;
        }
        free(text);
    }
}

/* ---- levels ---- */

static void unpacks_bytes_of_every_width(const struct kernels *kernels) {
    static const size_t counts[] = {0, 1, 7, 8, 9, 31, 64, 100, 257};

    for (unsigned width = 1; width <= 8; width++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            size_t size = (counts[i] * width + 7) / 8;
            uint8_t *packed = block_of(size);
            uint8_t *out = block_of(counts[i]);
            uint8_t max = 0;
            kernels->unpack_bytes(packed, size, width, counts[i], out);
            for (size_t j = 0; j < counts[i]; j++) {
                unsigned wanted = 0;
                for (unsigned bit = 0; bit < width; bit++) {
                    wanted |= bit_at(packed, j * width + bit) << bit;
                }
                assert_int_equal(out[j], wanted);
                max = wanted > max ? (uint8_t)wanted : max;
            }
            assert_int_equal(kernels->max_byte(out, counts[i]), max);
            free(packed);
            free(out);
        }
    }
}

/* Random levels, some of them with long runs, with exactly the slack that is promised. */
struct made_levels {
    uint8_t *repetition;
    uint8_t *definition;
    struct level_block block;
};

static struct made_levels make_levels(size_t count, bool has_repetition) {
    struct made_levels made = {.repetition = block_of(count + LEVEL_SLACK),
                               .definition = block_of(count + LEVEL_SLACK)};

    for (size_t i = 0; i < count; i++) {
        bool repeats = i > 0 && random_u32() % 4 != 0;
        made.repetition[i] = repeats ? made.repetition[i - 1] : (uint8_t)(random_u32() % 4);
        made.definition[i] = repeats ? made.definition[i - 1] : (uint8_t)(random_u32() % 6);
    }
    made.block =
        (struct level_block){has_repetition ? made.repetition : NULL, made.definition, count};
    return made;
}

static void clear_levels(struct made_levels *made) {
    free(made->repetition);
    free(made->definition);
}

static uint8_t repetition_at(const struct level_block *block, size_t i) {
    return block->repetition == NULL ? 0 : block->repetition[i];
}

static bool begins_slot(const struct level_rule *rule, const struct level_block *block, size_t i) {
    return repetition_at(block, i) <= rule->repetition && block->definition[i] >= rule->slot;
}

static void check_slots(const struct kernels *kernels, const struct level_rule *rule,
                        const struct level_block *block) {
    uint8_t *bits = block_of(block->count / 64 * 8 + 16);
    size_t count = 0;

    assert_int_equal(kernels->level_slots(rule, block, NULL),
                     kernels->level_slots(rule, block, bits));
    for (size_t i = 0; i < block->count; i++) {
        if (begins_slot(rule, block, i)) {
            assert_int_equal(bit_at(bits, count), block->definition[i] >= rule->valid);
            count++;
        }
    }
    assert_int_equal(kernels->level_slots(rule, block, bits), count);
    free(bits);
}

static void check_offsets(const struct kernels *kernels, const struct level_rule *rule,
                          const struct level_block *block) {
    const uint8_t item = (uint8_t)(rule->valid + 1);
    size_t slots = kernels->level_slots(rule, block, NULL);
    int32_t *offsets = (int32_t *)(void *)block_of(slots * sizeof(*offsets));
    int64_t *large = (int64_t *)(void *)block_of(slots * sizeof(*large));
    int64_t end = kernels->level_offsets_32(rule, item, block, 1000, offsets);
    int64_t items = 1000;
    size_t slot = 0;

    assert_int_equal(kernels->level_offsets_64(rule, item, block, 1000, large), end);
    for (size_t i = 0; i < block->count; i++) {
        if (begins_slot(rule, block, i)) {
            assert_int_equal(offsets[slot], items);
            assert_int_equal(large[slot], items);
            slot++;
        }
        items += repetition_at(block, i) <= rule->repetition + 1 && block->definition[i] >= item;
    }
    assert_int_equal(items, end);
    free(offsets);
    free(large);
}

static void check_continues(const struct kernels *kernels, uint8_t repetition, uint8_t item,
                            const struct level_block *block, uint8_t before) {
    bool wanted = true;

    for (size_t i = 0; i < block->count; i++) {
        uint8_t last = i == 0 ? before : block->definition[i - 1];
        if (block->repetition[i] == repetition && (block->definition[i] < item || last < item)) {
            wanted = false;
        }
    }
    assert_int_equal(kernels->level_continues(repetition, item, block, before), wanted);
}

static void reads_levels(const struct kernels *kernels) {
    static const size_t counts[] = {1, 2, 63, 64, 65, 128, 200, 1000};

    for (size_t i = 0; i < 8 * sizeof(counts) / sizeof(counts[0]); i++) {
        struct made_levels made = make_levels(counts[i % 8], i % 3 != 0);
        for (uint8_t repetition = 0; repetition < 4; repetition++) {
            for (uint8_t slot = 0; slot < 4; slot++) {
                const struct level_rule rule = {repetition, slot, (uint8_t)(slot + i % 2)};
                check_slots(kernels, &rule, &made.block);
                check_offsets(kernels, &rule, &made.block);
            }
        }
        clear_levels(&made);
    }
}

static void finds_what_continues_nothing(const struct kernels *kernels) {
    for (int i = 0; i < 2000; i++) {
        size_t count = 1 + random_u32() % 200;
        struct made_levels made = make_levels(count, true);
        if (i % 2 == 0) {
            /* Sound but for one entry. */
            memset(made.definition, 3, count);
            made.definition[random_u32() % count] = (uint8_t)(random_u32() % 4);
        }
        check_continues(kernels, (uint8_t)(1 + random_u32() % 3), (uint8_t)(1 + random_u32() % 3),
                        &made.block, (uint8_t)(random_u32() % 4));
        clear_levels(&made);
    }
}

/* Packed bit by bit. */
static void packs_every_width(const struct kernels *kernels) {
    static const size_t counts[] = {0, 8, 16, 24, 64, 104, 256};

    for (unsigned width = 1; width <= 32; width++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            size_t count = counts[i];
            size_t size = count / 8 * width;
            uint32_t *values = (uint32_t *)(void *)block_of(count * sizeof(*values));
            uint8_t *out = block_of(size + KERNEL_SLACK);

            for (size_t k = 0; k < count; k++) {
                values[k] &= UINT32_MAX >> (32 - width);
            }
            assert_ptr_equal(kernels->pack(values, count, width, out), out + size);
            for (size_t bit = 0; bit < size * 8; bit++) {
                assert_int_equal(bit_at(out, bit), values[bit / width] >> (bit % width) & 1);
            }
            free(values);
            free(out);
        }
    }
}

/* Bounds that are found one value after the other. */
#define CHECK_RANGE(kernel, type, made)                                                            \
    do {                                                                                           \
        type values[200];                                                                          \
        for (size_t count_ = 1; count_ <= 200; count_++) {                                         \
            type min_ = 0;                                                                         \
            type max_ = 0;                                                                         \
            type low_ = 0;                                                                         \
            type high_ = 0;                                                                        \
            for (size_t i = 0; i < count_; i++) {                                                  \
                values[i] = (type)(made);                                                          \
                low_ = values[i] < low_ ? values[i] : low_;                                        \
                high_ = values[i] > high_ ? values[i] : high_;                                     \
            }                                                                                      \
            kernels->kernel(values, count_, &min_, &max_);                                         \
            assert_true(min_ == low_ && max_ == high_);                                            \
        }                                                                                          \
    } while (0)

static uint64_t random_u64(void) {
    return (uint64_t)random_u32() << 32 | random_u32();
}

static void finds_bounds(const struct kernels *kernels) {
    CHECK_RANGE(range_int32, int32_t, random_u32());
    CHECK_RANGE(range_int64, int64_t, random_u64());
    CHECK_RANGE(range_uint32, uint32_t, random_u32());
    CHECK_RANGE(range_uint64, uint64_t, random_u64());
    CHECK_RANGE(range_float, float,
                random_u32() % 5 == 0 ? (double)NAN : (int32_t)random_u32() / 3.0);
    CHECK_RANGE(range_double, double,
                random_u32() % 5 == 0 ? (double)NAN : (int32_t)random_u32() / 3.0);
}

static void with_each_level(void (*check)(const struct kernels *kernels)) {
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        const struct kernels *kernels = ktki_kernels_of_level(level);
        if (kernels == NULL) {
            print_message("# SKIP level %d: this processor or build lacks it\n", level);
        } else {
            check(kernels);
        }
    }
}

#define ON_EACH_LEVEL(name)                                                                        \
    static void name##_on_each_level(void **unused) {                                              \
        (void)unused;                                                                              \
        with_each_level(name);                                                                     \
    }

ON_EACH_LEVEL(unpacks_every_width)
ON_EACH_LEVEL(unpacks_wide_numbers)
ON_EACH_LEVEL(sums_up)
ON_EACH_LEVEL(joins_and_splits_streams)
ON_EACH_LEVEL(finds_the_largest)
ON_EACH_LEVEL(gathers_and_fills_every_width)
ON_EACH_LEVEL(expands_every_width)
ON_EACH_LEVEL(gathers_text)
ON_EACH_LEVEL(gathers_text_of_one_size)
ON_EACH_LEVEL(tells_ascii)
ON_EACH_LEVEL(unpacks_bytes_of_every_width)
ON_EACH_LEVEL(reads_levels)
ON_EACH_LEVEL(finds_what_continues_nothing)
ON_EACH_LEVEL(packs_every_width)
ON_EACH_LEVEL(finds_bounds)

static void chooses_one_that_runs(void **unused) {
    (void)unused;
    assert_non_null(ktki_kernels());
    assert_string_equal(ktki_kernels_of_level(0)->name, "base");
    assert_null(ktki_kernels_of_level(KERNEL_LEVELS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpacks_every_width_on_each_level),
        cmocka_unit_test(unpacks_wide_numbers_on_each_level),
        cmocka_unit_test(sums_up_on_each_level),
        cmocka_unit_test(joins_and_splits_streams_on_each_level),
        cmocka_unit_test(finds_the_largest_on_each_level),
        cmocka_unit_test(gathers_and_fills_every_width_on_each_level),
        cmocka_unit_test(expands_every_width_on_each_level),
        cmocka_unit_test(gathers_text_on_each_level),
        cmocka_unit_test(gathers_text_of_one_size_on_each_level),
        cmocka_unit_test(tells_ascii_on_each_level),
        cmocka_unit_test(unpacks_bytes_of_every_width_on_each_level),
        cmocka_unit_test(reads_levels_on_each_level),
        cmocka_unit_test(finds_what_continues_nothing_on_each_level),
        cmocka_unit_test(packs_every_width_on_each_level),
        cmocka_unit_test(finds_bounds_on_each_level),
        cmocka_unit_test(chooses_one_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
