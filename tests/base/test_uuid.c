#include "support/test.h"

#include <stdlib.h>
#include <time.h>

#include "base/hash_map.h"
#include "base/uuid.h"

#define NAMES 10000

static void has_the_form_of_version_seven(void **unused) {
    char text[KTKI_UUID_TEXT_SIZE];
    ktk_error err;

    (void)unused;
    for (int i = 0; i < 100; i++) {
        memset(text, '#', sizeof(text));
        CHECK_OK(ktki_uuid7(text, &err));
        assert_int_equal(strlen(text), 32);
        assert_int_equal(strspn(text, "0123456789abcdef"), 32);
        assert_int_equal(text[12], '7');
        assert_non_null(strchr("89ab", text[16]));
    }
}

static void starts_with_the_time(void **unused) {
    char text[KTKI_UUID_TEXT_SIZE];
    time_t before = time(NULL);
    unsigned long long milliseconds;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_uuid7(text, &err));
    text[12] = '\0';
    milliseconds = strtoull(text, NULL, 16);
    /* time() may lag the clock by a tick. */
    assert_true(milliseconds >= (unsigned long long)before * 1000 - 1000);
    assert_true(milliseconds <= (unsigned long long)time(NULL) * 1000 + 2000);
}

static void never_repeats_and_sorts_by_time(void **unused) {
    static char names[NAMES][KTKI_UUID_TEXT_SIZE];
    struct hash_map seen;
    ktk_error err;

    (void)unused;
    ktki_hash_map_init(&seen, test_allocator());
    for (size_t i = 0; i < NAMES; i++) {
        uint64_t *value;
        bool is_new = false;
        CHECK_OK(ktki_uuid7(names[i], &err));
        CHECK_OK(ktki_hash_map_insert(&seen, names[i], 32, i, &value, &is_new, &err));
        assert_true(is_new);
        if (i >= 1000) {
            /* 1,000 names take much longer than the quarter of a microsecond that the time part
             * resolves. */
            assert_true(strcmp(names[i - 1000], names[i]) < 0);
        }
    }
    ktki_hash_map_clear(&seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_form_of_version_seven),
        cmocka_unit_test(starts_with_the_time),
        cmocka_unit_test(never_repeats_and_sorts_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
