#include "support/test.h"

#include "base/alloc.h"
#include "dataset/name.h"

static void check_quoted(const char *text, size_t size, bool keep_slash, const char *wanted) {
    struct buffer out;
    struct buffer back;
    ktk_error err;

    ktki_buffer_init(&out, test_allocator(), 0);
    ktki_buffer_init(&back, test_allocator(), 0);
    CHECK_OK(ktki_quote(&out, text, size, keep_slash, &err));
    assert_int_equal(out.size, strlen(wanted));
    assert_memory_equal(out.data, wanted, out.size);
    CHECK_OK(ktki_unquote(&back, (const char *)out.data, out.size, &err));
    assert_int_equal(back.size, size);
    assert_memory_equal(back.data, text, size);
    ktki_buffer_clear(&back);
    ktki_buffer_clear(&out);
}

static void quotes_all_but_unreserved_bytes(void **unused) {
    (void)unused;
    check_quoted("AZaz09_.-~", 10, false, "AZaz09_.-~");
    check_quoted("a b", 3, false, "a%20b");
    check_quoted("2001-01-01 00:00:00", 19, false, "2001-01-01%2000%3A00%3A00");
    check_quoted("1e+16", 5, false, "1e%2B16");
    check_quoted("\xC3\xBC", 2, false, "%C3%BC");
    check_quoted("100%", 4, false, "100%25");
    check_quoted("!\"#$%&'()*+,:;<=>?@[\\]^`{|}\x7F", 28, false,
                 "%21%22%23%24%25%26%27%28%29%2A%2B%2C%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D"
                 "%7F");
    check_quoted("\0\x1F\x80\xFF", 4, false, "%00%1F%80%FF");
}

static void quotes_slashes_unless_told(void **unused) {
    (void)unused;
    check_quoted("foo/bar", 7, false, "foo%2Fbar");
    check_quoted("foo/bar", 7, true, "foo/bar");
    check_quoted("../..", 5, false, "..%2F..");
}

static void unquote_leaves_what_is_no_escape(void **unused) {
    static const struct {
        const char *text;
        const char *wanted;
    } cases[] = {
        {"a+b", "a+b"},   {"%", "%"},         {"%2", "%2"},           {"%zz", "%zz"},
        {"%2G", "%2G"},   {"%41%", "A%"},     {"%e3%9f", "\xE3\x9F"}, {"%%41", "%A"},
        {"%2520", "%20"}, {"plain", "plain"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out;
        ktk_error err;

        ktki_buffer_init(&out, test_allocator(), 0);
        CHECK_OK(ktki_unquote(&out, cases[i].text, strlen(cases[i].text), &err));
        assert_int_equal(out.size, strlen(cases[i].wanted));
        assert_memory_equal(out.data, cases[i].wanted, out.size);
        ktki_buffer_clear(&out);
    }
}

static void refuses_table_names_that_cannot_be_written(void **unused) {
    static const char *const bad[] = {"",   "a/b", "indices", "_ktk",     "a:b",  "a*b",
                                      "..", ".",   "tab\t",   "\xC3\xBC", "a|b\n"};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_STATUS(ktki_table_name_check(bad[i], &err), KTK_E_INVALID);
    }
    CHECK_OK(ktki_table_name_check("table", &err));
    CHECK_OK(ktki_table_name_check("My_table-2.x y", &err));
    CHECK_OK(ktki_table_name_check("indices2", &err));
}

static void accepts_legal_dataset_names_only(void **unused) {
    static const char *const bad[] = {"", "a b", "a\n", "a/b", "a.b", "\xC3\xBC", "..", "a:"};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_STATUS(ktk_uuid_check(bad[i], &err), KTK_E_INVALID);
    }
    CHECK_OK(ktk_uuid_check("demo+sales_1-X", &err));
}

static void generates_names_of_32_hex_digits(void **unused) {
    char first[33];
    char second[33];
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_uuid_generate(first, &err));
    CHECK_OK(ktk_uuid_generate(second, &err));
    assert_int_equal(strlen(first), 32);
    assert_int_equal(strspn(first, "0123456789abcdef"), 32);
    assert_int_equal(first[12], '7');
    assert_true(strcmp(first, second) < 0);
}

/* ---- keys ---- */

static void check_pair(const struct key_pair *pair, const char *column, const char *value,
                       size_t value_size) {
    assert_int_equal(pair->column_size, strlen(column));
    assert_memory_equal(pair->column, column, pair->column_size);
    assert_int_equal(pair->value_size, value_size);
    assert_memory_equal(pair->value, value, value_size);
}

static void decodes_keys_of_data_files(void **unused) {
    struct key_parts parts;
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(ktki_key_decode(&parts, &arena, "u/t/P=a%20b/x/Q=%00%2F/R=/a=b=c/f.parquet", &err));
    assert_string_equal(parts.uuid, "u");
    assert_string_equal(parts.table, "t");
    assert_string_equal(parts.file, "f.parquet");
    assert_int_equal(parts.pair_count, 3);
    check_pair(&parts.pairs[0], "P", "a b", 3);
    check_pair(&parts.pairs[1], "Q", "\0/", 2);
    check_pair(&parts.pairs[2], "R", "", 0);

    CHECK_OK(ktki_key_decode(&parts, &arena, "u/t/f", &err));
    assert_string_equal(parts.table, "t");
    assert_int_equal(parts.pair_count, 0);

    CHECK_OK(ktki_key_decode(&parts, &arena, "//", &err));
    assert_string_equal(parts.uuid, "");
    assert_string_equal(parts.table, "");
    assert_string_equal(parts.file, "");
    ktki_arena_clear(&arena);
}

static void short_keys_have_no_table(void **unused) {
    static const char *const keys[] = {"", "file.parquet", "u/f.parquet"};
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct key_parts parts;

        CHECK_OK(ktki_key_decode(&parts, &arena, keys[i], &err));
        assert_string_equal(parts.uuid, keys[i]);
        assert_null(parts.table);
        assert_null(parts.file);
        assert_int_equal(parts.pair_count, 0);
    }
    ktki_arena_clear(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_all_but_unreserved_bytes),
        cmocka_unit_test(quotes_slashes_unless_told),
        cmocka_unit_test(unquote_leaves_what_is_no_escape),
        cmocka_unit_test(refuses_table_names_that_cannot_be_written),
        cmocka_unit_test(accepts_legal_dataset_names_only),
        cmocka_unit_test(generates_names_of_32_hex_digits),
        cmocka_unit_test(decodes_keys_of_data_files),
        cmocka_unit_test(short_keys_have_no_table),
    };
    return cmocka_run_group_tests_name("dataset/name", tests, NULL, NULL);
}
