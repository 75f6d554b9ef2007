#include "support/test.h"

#include <stdlib.h>

#include "base/context.h"
#include "parquet/dictionary_encode.h"

static uint32_t random_next(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* Values of one kind, in blocks. `width` 0: pieces of bytes of `sizes`. */
struct values {
    size_t count;
    size_t width;
    bool is_bytes;
    uint8_t *fixed;
    const uint8_t **starts;
    uint32_t *sizes;
};

static const uint8_t *value_at(const struct values *values, size_t i, uint32_t *size) {
    *size = values->is_bytes ? values->sizes[i] : (uint32_t)values->width;
    return values->is_bytes ? values->starts[i] : values->fixed + i * values->width;
}

/* Add all values, a block at a time; false if the dictionary got full. */
static bool add_all(struct dictionary *dictionary, const struct values *values, uint32_t *indices) {
    for (size_t at = 0; at < values->count; at += VALUE_BLOCK_MAX) {
        size_t left = values->count - at;
        struct value_block block = {left < VALUE_BLOCK_MAX ? left : VALUE_BLOCK_MAX, NULL, NULL,
                                    NULL, NULL};
        size_t done = SIZE_MAX;
        ktk_error err;

        if (values->is_bytes) {
            block.starts = values->starts + at;
            block.sizes = values->sizes + at;
        } else {
            block.fixed = values->fixed + at * values->width;
        }
        CHECK_OK(ktki_dictionary_add(dictionary, &block, indices + at, &done, &err));
        if (done < block.count) {
            return false;
        }
        assert_int_equal(done, block.count);
    }
    return true;
}

/* Entry by entry: each value's index leads to its bytes, entries differ, and stand in the order of
 * their first appearance. */
static void check_numbering(const struct dictionary *dictionary, const struct values *values,
                            const uint32_t *indices) {
    const uint8_t *starts[1];
    uint32_t sizes[1];
    uint32_t next = 0;
    size_t prefix = values->is_bytes && values->width == 0 ? 4 : 0;
    size_t page_size = 0;

    for (size_t i = 0; i < values->count; i++) {
        struct value_block entry;
        uint32_t size;
        const uint8_t *value = value_at(values, i, &size);

        assert_true(indices[i] <= next);
        if (indices[i] == next) {
            page_size += prefix + size;
            next++;
        }
        ktki_dictionary_entries(dictionary, indices[i], 1, starts, sizes, &entry);
        assert_int_equal(entry.count, 1);
        assert_memory_equal(values->is_bytes ? entry.starts[0] : entry.fixed, value, size);
        if (values->is_bytes) {
            assert_int_equal(entry.sizes[0], size);
        }
    }
    assert_int_equal(dictionary->count, next);
    assert_int_equal(dictionary->page.size, page_size);
}

/* No two entries are equal: sorted, neighbours differ. The texts are of one size. */
static size_t compared_width;

static int compare(const void *a, const void *b) {
    return memcmp(a, b, compared_width);
}

static void check_distinct(const struct dictionary *dictionary, size_t width) {
    uint8_t *copy = malloc(dictionary->page.size);

    assert_non_null(copy);
    memcpy(copy, dictionary->page.data, dictionary->page.size);
    compared_width = width;
    qsort(copy, dictionary->count, width, compare);
    for (uint32_t i = 1; i < dictionary->count; i++) {
        assert_true(memcmp(copy + (i - 1) * width, copy + i * width, width) != 0);
    }
    free(copy);
}

static void numbers_fixed_width(size_t width, uint32_t distinct, size_t count, uint32_t stride) {
    uint8_t *fixed = malloc(count * width);
    uint32_t *indices = malloc(count * sizeof(*indices));
    struct values values = {count, width, false, fixed, NULL, NULL};
    struct dictionary dictionary;
    uint32_t random = 5;
    ktk_error err;

    assert_true(fixed != NULL && indices != NULL);
    memset(fixed, 0, count * width);
    for (size_t i = 0; i < count; i++) {
        uint32_t value = (random_next(&random) % distinct) * stride;
        memcpy(fixed + i * width, &value, width < 4 ? width : 4);
    }
    ktki_dictionary_init(&dictionary, test_allocator());
    for (int round = 0; round < 2; round++) { /* the second one uses its memory again */
        CHECK_OK(ktki_dictionary_begin(&dictionary, width, false, count, &err));
        assert_true(add_all(&dictionary, &values, indices));
        check_numbering(&dictionary, &values, indices);
        check_distinct(&dictionary, width);
    }
    ktki_dictionary_clear(&dictionary);
    free(fixed);
    free(indices);
}

static void numbers_of_all_widths(void **unused) {
    const size_t widths[] = {2, 4, 8, 16, 26};

    (void)unused;
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        numbers_fixed_width(widths[i], 1, 100, 1);
        numbers_fixed_width(widths[i], 300, 5000, 1);
        numbers_fixed_width(widths[i], 20000, 50000, widths[i] == 2 ? 1 : 65536);
    }
}

static void tables_grow_from_small(void **unused) {
    (void)unused;
    numbers_fixed_width(8, 100000, 300000, 1000);
    numbers_fixed_width(4, 100000, 300000, 7);
}

static void texts_of_all_sizes(void **unused) {
    enum { COUNT = 20000 };
    static const uint8_t *starts[COUNT];
    static uint32_t sizes[COUNT];
    static uint32_t indices[COUNT];
    static uint8_t text[200];
    struct values values = {COUNT, 0, true, NULL, starts, sizes};
    struct dictionary dictionary;
    uint32_t random = 9;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)(random_next(&random) % 3); /* prefixes and NULs repeat */
    }
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] =
            random_next(&random) % 3 == 0 ? random_next(&random) % 70 : random_next(&random) % 12;
        starts[i] = text + random_next(&random) % 100;
    }
    ktki_dictionary_init(&dictionary, test_allocator());
    CHECK_OK(ktki_dictionary_begin(&dictionary, 0, true, COUNT, &err));
    assert_true(add_all(&dictionary, &values, indices));
    check_numbering(&dictionary, &values, indices);
    /* Equal texts have equal numbers: brute force. */
    for (size_t i = 0; i < 2000; i++) {
        for (size_t j = 0; j < i; j++) {
            bool is_equal = sizes[i] == sizes[j] && memcmp(starts[i], starts[j], sizes[i]) == 0;
            assert_int_equal(is_equal, indices[i] == indices[j]);
        }
    }
    ktki_dictionary_clear(&dictionary);
}

static void pages_are_plain(void **unused) {
    const uint8_t *starts[] = {(const uint8_t *)"ab", (const uint8_t *)"", (const uint8_t *)"ab",
                               (const uint8_t *)"c"};
    const uint32_t sizes[] = {2, 0, 2, 1};
    struct value_block block = {4, NULL, starts, sizes, NULL};
    static const uint8_t wanted[] = {2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 1, 0, 0, 0, 'c'};
    uint32_t indices[4];
    size_t done = 0;
    struct dictionary dictionary;
    ktk_error err;

    (void)unused;
    ktki_dictionary_init(&dictionary, test_allocator());
    CHECK_OK(ktki_dictionary_begin(&dictionary, 0, true, 4, &err));
    CHECK_OK(ktki_dictionary_add(&dictionary, &block, indices, &done, &err));
    assert_int_equal(done, 4);
    assert_int_equal(indices[0], 0);
    assert_int_equal(indices[1], 1);
    assert_int_equal(indices[2], 0);
    assert_int_equal(indices[3], 2);
    assert_int_equal(dictionary.page.size, sizeof(wanted));
    assert_memory_equal(dictionary.page.data, wanted, sizeof(wanted));
    ktki_dictionary_clear(&dictionary);
}

static void numbers_are_equal_by_their_bits(void **unused) {
    const uint64_t doubles[] = {0, UINT64_C(1) << 63, 0x7FF8000000000000, 0x7FF8000000000001,
                                UINT64_C(1) << 63};
    struct value_block block = {5, (const uint8_t *)doubles, NULL, NULL, NULL};
    const uint32_t wanted[] = {0, 1, 2, 3, 1};
    uint32_t indices[5];
    size_t done = 0;
    struct dictionary dictionary;
    ktk_error err;

    (void)unused;
    ktki_dictionary_init(&dictionary, test_allocator());
    CHECK_OK(ktki_dictionary_begin(&dictionary, 8, false, 5, &err));
    CHECK_OK(ktki_dictionary_add(&dictionary, &block, indices, &done, &err));
    assert_memory_equal(indices, wanted, sizeof(wanted));
    ktki_dictionary_clear(&dictionary);
}

static void stops_when_the_page_is_full(void **unused) {
    enum { COUNT = 140000 };
    static uint64_t numbers[COUNT];
    static uint32_t indices[COUNT];
    struct values values = {COUNT, 8, false, (uint8_t *)numbers, NULL, NULL};
    static uint8_t text[DICTIONARY_BYTES_MAX];
    const uint8_t *starts[] = {text, text};
    const uint32_t sizes[] = {100, DICTIONARY_BYTES_MAX - 107};
    struct value_block block = {2, NULL, starts, sizes, NULL};
    size_t done = SIZE_MAX;
    struct dictionary dictionary;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = i;
    }
    ktki_dictionary_init(&dictionary, test_allocator());
    CHECK_OK(ktki_dictionary_begin(&dictionary, 8, false, COUNT, &err));
    assert_false(add_all(&dictionary, &values, indices));
    assert_int_equal(dictionary.count, DICTIONARY_BYTES_MAX / 8);
    for (uint32_t i = 0; i < dictionary.count; i++) {
        assert_int_equal(indices[i], i);
    }
    CHECK_OK(ktki_dictionary_begin(&dictionary, 0, true, 2, &err));
    CHECK_OK(ktki_dictionary_add(&dictionary, &block, indices, &done, &err));
    assert_int_equal(done, 1); /* 4 + 100 + 4 + the rest is one byte too many */
    assert_int_equal(dictionary.count, 1);
    ktki_dictionary_clear(&dictionary);
}

static void any_allocation_may_fail(void **unused) {
    enum { COUNT = 3000 };
    static uint64_t numbers[COUNT];
    static uint32_t indices[COUNT];
    const uint8_t *starts[VALUE_BLOCK_MAX];
    uint32_t sizes[VALUE_BLOCK_MAX];
    bool is_done = false;

    (void)unused;
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = i * 3;
    }
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct dictionary dictionary;
        ktk_status status;
        ktk_error err;

        ktki_dictionary_init(&dictionary, ktki_context_allocator(context));
        status = ktki_dictionary_begin(&dictionary, 8, false, 10, &err);
        for (size_t at = 0; status == KTK_OK && at < COUNT; at += 1000) {
            struct value_block block = {1000, (const uint8_t *)(numbers + at), NULL, NULL, NULL};
            size_t done;
            status = ktki_dictionary_add(&dictionary, &block, indices, &done, &err);
        }
        for (size_t i = 0; i < VALUE_BLOCK_MAX; i++) {
            starts[i] = (const uint8_t *)&numbers[i];
            sizes[i] = 8;
        }
        if (status == KTK_OK) {
            status = ktki_dictionary_begin(&dictionary, 0, true, 10, &err);
        }
        if (status == KTK_OK) {
            struct value_block block = {VALUE_BLOCK_MAX, NULL, starts, sizes, NULL};
            size_t done;
            status = ktki_dictionary_add(&dictionary, &block, indices, &done, &err);
        }
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        ktki_dictionary_clear(&dictionary);
        test_context_free(context);
    }
}

static int no_memory_is_left(void **unused) {
    (void)unused;
    return test_allocator_live() != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_all_widths),
        cmocka_unit_test(tables_grow_from_small),
        cmocka_unit_test(texts_of_all_sizes),
        cmocka_unit_test(pages_are_plain),
        cmocka_unit_test(numbers_are_equal_by_their_bits),
        cmocka_unit_test(stops_when_the_page_is_full),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, no_memory_is_left);
}
