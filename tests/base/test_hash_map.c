#include "support/test.h"

#include <stdio.h>

#include "base/context.h"
#include "base/hash_map.h"

#define KEYS 5000
#define KEY_SIZE 16

static void hashes_as_xxh3(void **unused) {
    (void)unused;
    /* XXH3_64bits without seed, from the reference implementation's test vectors. */
    assert_true(ktki_hash_bytes("", 0) == 0x2D06800538D394C2u);
    assert_true(ktki_hash_bytes("a", 1) == 0xE6C632B61E964E1Fu);
}

static void fill_keys(char keys[KEYS][KEY_SIZE]) {
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(keys[i], KEY_SIZE, "key %d", i);
    }
}

static void finds_what_was_inserted(void **unused) {
    static char keys[KEYS][KEY_SIZE];
    int64_t live = test_allocator_live();
    struct hash_map map;
    ktk_error err;

    (void)unused;
    fill_keys(keys);
    ktki_hash_map_init(&map, test_allocator());
    assert_null(ktki_hash_map_find(&map, "key 0", 5));
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t *value = TEST_POISON;
        bool is_new = false;
        CHECK_OK(ktki_hash_map_insert(&map, keys[i], strlen(keys[i]), i, &value, &is_new, &err));
        assert_true(is_new);
        assert_int_equal(*value, i);
    }
    assert_int_equal(map.count, KEYS);
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t *value = ktki_hash_map_find(&map, keys[i], strlen(keys[i]));
        assert_non_null(value);
        assert_int_equal(*value, i);
    }
    assert_null(ktki_hash_map_find(&map, "key 5000", 8));
    assert_null(ktki_hash_map_find(&map, "key 1", 4));
    ktki_hash_map_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(ktki_hash_map_find(&map, "key 1", 5));
    assert_int_equal(test_allocator_live(), live);
}

static void keeps_the_first_value(void **unused) {
    struct hash_map map;
    uint64_t *value = NULL;
    bool is_new = false;
    ktk_error err;

    (void)unused;
    ktki_hash_map_init(&map, test_allocator());
    CHECK_OK(ktki_hash_map_insert(&map, "a", 1, 1, &value, &is_new, &err));
    assert_true(is_new);
    CHECK_OK(ktki_hash_map_insert(&map, "a", 1, 2, &value, &is_new, &err));
    assert_false(is_new);
    assert_int_equal(*value, 1);
    *value = 3;
    CHECK_OK(ktki_hash_map_insert(&map, "a", 1, 4, &value, NULL, &err));
    assert_int_equal(*value, 3);
    assert_int_equal(map.count, 1);
    ktki_hash_map_clear(&map);
}

static void takes_the_empty_key_and_binary_ones(void **unused) {
    struct hash_map map;
    uint64_t *value = NULL;
    ktk_error err;

    (void)unused;
    ktki_hash_map_init(&map, test_allocator());
    CHECK_OK(ktki_hash_map_insert(&map, NULL, 0, 7, &value, NULL, &err));
    CHECK_OK(ktki_hash_map_insert(&map, "\0", 1, 8, &value, NULL, &err));
    CHECK_OK(ktki_hash_map_insert(&map, "\0\0", 2, 9, &value, NULL, &err));
    assert_int_equal(map.count, 3);
    assert_int_equal(*ktki_hash_map_find(&map, "", 0), 7);
    assert_int_equal(*ktki_hash_map_find(&map, "\0", 1), 8);
    assert_int_equal(*ktki_hash_map_find(&map, "\0\0", 2), 9);
    ktki_hash_map_clear(&map);
}

static ktk_status insert_all(struct hash_map *map, char keys[KEYS][KEY_SIZE], size_t *inserted,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    for (*inserted = 0; *inserted < KEYS && status == KTK_OK; ++*inserted) {
        uint64_t *value;
        status = ktki_hash_map_insert(map, keys[*inserted], strlen(keys[*inserted]), *inserted,
                                      &value, NULL, err);
        if (status != KTK_OK) {
            break;
        }
    }
    return status;
}

static void survives_allocation_failures(void **unused) {
    static char keys[KEYS][KEY_SIZE];
    bool is_done = false;

    (void)unused;
    fill_keys(keys);
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct hash_map map;
        size_t inserted;
        ktk_error err;
        ktk_status status;

        ktki_hash_map_init(&map, ktki_context_allocator(context));
        status = insert_all(&map, keys, &inserted, &err);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        /* What was inserted before is still there. */
        assert_int_equal(map.count, inserted);
        for (size_t i = 0; i < inserted; i++) {
            assert_int_equal(*ktki_hash_map_find(&map, keys[i], strlen(keys[i])), i);
        }
        ktki_hash_map_clear(&map);
        test_context_free(context);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_xxh3),
        cmocka_unit_test(finds_what_was_inserted),
        cmocka_unit_test(keeps_the_first_value),
        cmocka_unit_test(takes_the_empty_key_and_binary_ones),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
