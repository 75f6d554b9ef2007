#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mapped_file.h"

#define SIZE ((size_t)2 << 20)
#define PAGES ((size_t)64 << 10) /* a multiple of what machines have for pages */

static void check_numbers(const ktk_bytes *bytes) {
    assert_int_equal(bytes->size, SIZE);
    for (size_t i = 0; i < bytes->size; i++) {
        if (bytes->data[i] != i % 251) {
            fail_msg("byte %zu is %d", i, bytes->data[i]);
        }
    }
}

static void pages_leave_memory_and_come_back(void **unused) {
    char *folder = test_folder_new();
    uint8_t *numbers = malloc(SIZE);
    ktk_bytes bytes = {.data = TEST_POISON};
    char *path;
    ktk_error err;

    (void)unused;
    assert_non_null(numbers);
    for (size_t i = 0; i < SIZE; i++) {
        numbers[i] = (uint8_t)(i % 251);
    }
    path = test_file_new(folder, "numbers", numbers, SIZE);
    CHECK_OK(ktki_map_file(&bytes, path, &err));
    check_numbers(&bytes);
    assert_int_equal(test_resident_bytes(path), SIZE);
    ktki_drop_pages(bytes.data + PAGES, SIZE - 2 * PAGES);
    assert_true(test_resident_bytes(path) <= (int64_t)(2 * PAGES));
    check_numbers(&bytes);
    ktk_bytes_clear(&bytes);
    assert_int_equal(test_resident_bytes(path), 0);
    free(path);
    free(numbers);
    test_folder_remove(folder);
}

static void an_empty_file_has_no_bytes(void **unused) {
    char *folder = test_folder_new();
    char *path = test_file_new(folder, "empty", "", 0);
    ktk_bytes bytes = {.data = TEST_POISON, .size = 7};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_map_file(&bytes, path, &err));
    assert_int_equal(bytes.size, 0);
    ktk_bytes_clear(&bytes);
    free(path);
    test_folder_remove(folder);
}

static void what_is_no_file_is_refused(void **unused) {
    char *folder = test_folder_new();
    char *path = test_file_new(folder, "pipe", "", 0);
    ktk_bytes bytes = {.data = TEST_POISON};
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_map_file(&bytes, folder, &err), KTK_E_INVALID);
    CHECK_MESSAGE(folder);
    assert_int_equal(remove(path), 0);
    CHECK_STATUS(ktki_map_file(&bytes, path, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    CHECK_STATUS(ktki_map_file(&bytes, path, &err), KTK_E_INVALID); /* and waits for nobody */
    assert_ptr_equal(bytes.data, TEST_POISON);
    free(path);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_leave_memory_and_come_back),
        cmocka_unit_test(an_empty_file_has_no_bytes),
        cmocka_unit_test(what_is_no_file_is_refused),
    };
    return cmocka_run_group_tests_name("base/mapped_file", tests, NULL, NULL);
}
