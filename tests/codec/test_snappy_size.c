#include "support/test.h"

#include <inttypes.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/snappy_encode.h"

/* Pages as columns have them, compressed by the format's own library as well: it is the oracle for
 * how small they can be expected to become. */

#define PAGE_SIZE_MAX ((size_t)1 << 20)
/* Of how much the library's block may be exceeded: per cent of it, and bytes. */
#define PERCENT_MAX 3
#define BYTES_MAX 32

static uint64_t random_state;

static uint64_t random_below(uint64_t end) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 24) % end;
}

/* ---- numbers ---- */

typedef uint64_t (*next_fn)(uint64_t before);

static void put_numbers(uint8_t *data, size_t size, size_t width, uint64_t start, next_fn next) {
    for (size_t i = 0; i + width <= size; i += width) {
        start = next(start);
        memcpy(data + i, &start, width);
    }
}

#define DEFINE_NUMBERS(name, width, start, next)                                                   \
    static uint64_t next_##name(uint64_t before) {                                                 \
        (void)before;                                                                              \
        return next;                                                                               \
    }                                                                                              \
    static void make_##name(uint8_t *data, size_t size) {                                          \
        put_numbers(data, size, width, start, next_##name);                                        \
    }

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double number_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

DEFINE_NUMBERS(ids, 8, 1000000, before + 1)
DEFINE_NUMBERS(ids_with_gaps, 8, 1000000, before + 1 + random_below(1000))
DEFINE_NUMBERS(keys_100, 8, 0, random_below(100))
DEFINE_NUMBERS(keys_1k, 8, 0, random_below(1000))
DEFINE_NUMBERS(keys_64k, 8, 0, random_below(65536))
DEFINE_NUMBERS(keys_1m, 8, 0, random_below(1000000))
DEFINE_NUMBERS(keys_1g, 8, 0, random_below(1000000000))
DEFINE_NUMBERS(narrow_walk, 8, 1000000, before + random_below(21) - 10)
DEFINE_NUMBERS(walk, 8, 1000000, before + random_below(2001) - 1000)
DEFINE_NUMBERS(wide_walk, 8, UINT64_C(1) << 40, before + random_below(2000001) - 1000000)
DEFINE_NUMBERS(times, 8, UINT64_C(1600000000000000), before + random_below(40000000))
DEFINE_NUMBERS(times_of_seconds, 8, UINT64_C(1600000000000000), before + random_below(40) * 1000000)
DEFINE_NUMBERS(days_as_times, 8, 0,
               UINT64_C(1577836800000000) + random_below(1000) * UINT64_C(86400000000))
DEFINE_NUMBERS(repeated_ids, 8, 1000000, before + (random_below(4) == 0))
DEFINE_NUMBERS(prices, 8, 0, bits_of((double)random_below(100000) / 100))
DEFINE_NUMBERS(fares, 8, 0, bits_of(2.5 + (double)(random_below(60) * random_below(4)) / 2))
DEFINE_NUMBERS(coordinates, 8, 0, bits_of((double)random_below(1000000) / 1e7 - 73.9))
DEFINE_NUMBERS(price_walk, 8, bits_of(100),
               bits_of(number_of(before) + ((double)random_below(201) - 100) / 100))
DEFINE_NUMBERS(numbers_32, 4, 0, random_below(100000))
DEFINE_NUMBERS(ids_32, 4, 0, before + 1 + random_below(7))
DEFINE_NUMBERS(dates_32, 4, 0, 18000 + random_below(1000))
DEFINE_NUMBERS(noise, 1, 0, random_below(256))

/* ---- indices of dictionaries ---- */

/* Bit-packed; of a few more often than of the others where `is_skewed`. */
static void put_indices(uint8_t *data, size_t size, unsigned width, bool is_skewed) {
    uint64_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < size;) {
        uint64_t index = random_below(UINT64_C(1) << width);
        if (is_skewed) {
            index = index * random_below(UINT64_C(1) << width) >> width;
        }
        bits |= index << count;
        for (count += width; count >= 8 && i < size; count -= 8) {
            data[i++] = (uint8_t)bits;
            bits >>= 8;
        }
    }
}

#define DEFINE_INDICES(name, width, is_skewed)                                                     \
    static void make_##name(uint8_t *data, size_t size) {                                          \
        put_indices(data, size, width, is_skewed);                                                 \
    }

DEFINE_INDICES(indices_3, 3, true)
DEFINE_INDICES(indices_8, 8, false)
DEFINE_INDICES(indices_12, 12, true)
DEFINE_INDICES(indices_14, 14, false)

/* ---- texts, as pages have them: the size in front ---- */

typedef int (*text_fn)(char *out, size_t size);

static void put_texts(uint8_t *data, size_t size, text_fn next) {
    for (size_t i = 0; i < size;) {
        char text[128];
        uint32_t length = (uint32_t)next(text + sizeof(length), sizeof(text) - sizeof(length));
        size_t part = sizeof(length) + length;

        memcpy(text, &length, sizeof(length));
        part = part < size - i ? part : size - i;
        memcpy(data + i, text, part);
        i += part;
    }
}

static int next_name(char *out, size_t size) {
    return snprintf(out, size, "customer-%05" PRIu64, random_below(20000));
}

static void make_names(uint8_t *data, size_t size) {
    put_texts(data, size, next_name);
}

static int next_url(char *out, size_t size) {
    uint64_t host = random_below(50);
    uint64_t item = random_below(100000);
    uint64_t from = random_below(UINT64_C(1) << 24);

    return snprintf(out, size, "https://www.example%" PRIu64 ".com/item/%" PRIu64 "?ref=%" PRIx64,
                    host, item, from);
}

static void make_urls(uint8_t *data, size_t size) {
    put_texts(data, size, next_url);
}

static int next_comment(char *out, size_t size) {
    static const char *const words[] = {"the",      "packages", "sleep",     "above",   "a",
                                        "furious",  "pinto",    "beans",     "quickly", "final",
                                        "deposits", "regular",  "carefully", "bold"};
    const char *first = words[random_below(14)];
    const char *second = words[random_below(14)];

    return snprintf(out, size, "%s %s %s", first, second, words[random_below(14)]);
}

static void make_comments(uint8_t *data, size_t size) {
    put_texts(data, size, next_comment);
}

static int next_key(char *out, size_t size) {
    int length = 8 + (int)random_below(32);

    (void)size;
    for (int i = 0; i < length; i++) {
        out[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[random_below(36)];
    }
    return length;
}

static void make_keys(uint8_t *data, size_t size) {
    put_texts(data, size, next_key);
}

/* ---- the check ---- */

#define CLASS(name) {#name, make_##name}

static const struct page_class {
    const char *name;
    void (*make)(uint8_t *data, size_t size);
} classes[] = {
    CLASS(ids),           CLASS(ids_with_gaps), CLASS(keys_100),   CLASS(keys_1k),
    CLASS(keys_64k),      CLASS(keys_1m),       CLASS(keys_1g),    CLASS(narrow_walk),
    CLASS(walk),          CLASS(wide_walk),     CLASS(times),      CLASS(times_of_seconds),
    CLASS(days_as_times), CLASS(repeated_ids),  CLASS(prices),     CLASS(fares),
    CLASS(coordinates),   CLASS(price_walk),    CLASS(numbers_32), CLASS(ids_32),
    CLASS(dates_32),      CLASS(noise),         CLASS(indices_3),  CLASS(indices_8),
    CLASS(indices_12),    CLASS(indices_14),    CLASS(names),      CLASS(urls),
    CLASS(comments),      CLASS(keys),
};

/* Sum over some pages, which chance favours less than one. */
static bool is_about_as_small(const struct page_class *class, size_t page_size) {
    static uint16_t table[SNAPPY_TABLE_SIZE];
    size_t capacity = snappy_max_compressed_length(page_size);
    size_t page_count = page_size <= 1 << 16 ? 8 : 1;
    size_t ours = 0;
    size_t theirs = 0;
    uint8_t *data = calloc(page_size, 1);
    uint8_t *packed = malloc(ktki_snappy_bound(page_size));
    char *packed_theirs = malloc(capacity);

    assert_true(data != NULL && packed != NULL && packed_theirs != NULL);
    for (size_t i = 0; i < page_count; i++) {
        size_t size = capacity;
        random_state = i;
        class->make(data, page_size);
        ours += ktki_snappy_encode(data, page_size, table, packed);
        assert_int_equal(snappy_compress((const char *)data, page_size, packed_theirs, &size),
                         SNAPPY_OK);
        theirs += size;
    }
    free(data);
    free(packed);
    free(packed_theirs);
    if (ours <= theirs + theirs * PERCENT_MAX / 100 + page_count * BYTES_MAX) {
        return true;
    }
    print_message("# %s, pages of %zu bytes: %zu, the library %zu\n", class->name, page_size,
                  ours / page_count, theirs / page_count);
    return false;
}

static void pages_are_about_as_small_as_those_of_the_library(void **unused) {
    bool are_small = true;

    (void)unused;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        for (size_t size = 1024; size <= PAGE_SIZE_MAX; size *= 4) {
            are_small = is_about_as_small(&classes[i], size) && are_small;
        }
    }
    assert_true(are_small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_about_as_small_as_those_of_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
