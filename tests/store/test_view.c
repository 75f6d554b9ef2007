/* prefix.c, readonly.c, urlencode.c over view.c. */
#include "support/test.h"

#include <stdio.h>

#include <kartothek/store.h>

#include "store/memory.h"

static ktk_store *memory_new(ktk_context *context, enum key_space keys) {
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktki_store_memory_new(&store, context, keys, "hmemory://", &err));
    return store;
}

static void put(ktk_store *store, const char *key) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, key, strlen(key), NULL, NULL, &err));
}

static ktk_status add_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)err;
    strcat(state, entry->key);
    strcat(state, "|");
    return KTK_OK;
}

static void check_listing(ktk_store *store, const char *prefix, const char *wanted) {
    char text[1024] = "";
    ktk_error err;

    CHECK_OK(ktk_store_list(store, prefix, add_key, text, &err));
    assert_string_equal(text, wanted);
}

static void prefix_stands_before_each_key(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context, KTKI_KEYS_EXTENDED);
    ktk_store *view = NULL;
    ktk_store *inner = NULL;
    ktk_store_entry entry = {.key = TEST_POISON};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_prefixed(&view, base, "tenant-7/", &err));
    CHECK_OK(ktk_store_prefixed(&inner, view, "x", &err));
    put(base, "tenant-7");
    put(base, "tenant-70/a");
    put(view, "a");
    put(inner, "b");
    check_listing(base, "", "tenant-7|tenant-7/a|tenant-7/xb|tenant-70/a|");
    check_listing(view, "", "a|xb|");
    check_listing(inner, "", "b|");
    check_listing(inner, "c", "");
    CHECK_OK(ktk_store_head(inner, "b", &entry, &err));
    assert_string_equal(entry.key, "b");
    assert_string_equal(ktk_store_name(view), "hmemory:// (below 'tenant-7/')");
    CHECK_STATUS(ktk_store_head(view, "z", &entry, &err), KTK_E_NOT_FOUND);
    assert_string_equal(err.message, "hmemory://: there is no key 'tenant-7/z'");
    /* The base lives as long as its views. */
    ktk_store_free(base);
    ktk_store_free(view);
    check_listing(inner, "", "b|");
    CHECK_OK(ktk_store_remove(inner, "b", &err));
    check_listing(inner, "", "");
    ktk_store_free(inner);
    test_context_free(context);
}

static void prefix_is_checked_with_the_key(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context, KTKI_KEYS_BASIC);
    ktk_store *view = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_prefixed(&view, base, "a/", &err));
    CHECK_STATUS(ktk_store_put(view, "k", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("a/k");
    CHECK_STATUS(ktk_store_put(view, "", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    ktk_store_free(view);
    ktk_store_free(base);
    test_context_free(context);
}

static void readonly_reads_only(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context, KTKI_KEYS_EXTENDED);
    ktk_store *view = NULL;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    put(base, "a/b");
    CHECK_OK(ktk_store_readonly(&view, base, &err));
    CHECK_STATUS(ktk_store_put(view, "a/b", "", 0, NULL, NULL, &err), KTK_E_READ_ONLY);
    CHECK_MESSAGE("hmemory:// (read-only)");
    CHECK_STATUS(ktk_store_remove(view, "a/b", &err), KTK_E_READ_ONLY);
    CHECK_OK(ktk_store_sync(view, &err));
    CHECK_OK(ktk_store_get(view, "a/b", &bytes, NULL, &err));
    assert_memory_equal(bytes.data, "a/b", 3);
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktk_store_get_range(view, "a/b", 1, 1, &bytes, &err));
    ktk_bytes_clear(&bytes);
    put(base, "c");
    check_listing(view, "", "a/b|c|");
    ktk_store_free(view);
    ktk_store_free(base);
    test_context_free(context);
}

/* Codes as Python's urllib.parse.quote_plus() gives them. */
static void urlencode_writes_codes_of_python(void **unused) {
    static const struct {
        const char *key;
        const char *code;
    } cases[] = {
        {"uuid/table/p=1/x.parquet", "uuid%2Ftable%2Fp%3D1%2Fx.parquet"},
        {"a b+c", "a+b%2Bc"},
        {"_.-~", "_.-~"},
        {"%2F", "%252F"},
        {"\xc3\xa4*:;|", "%C3%A4%2A%3A%3B%7C"},
        {"\t\n\x7f", "%09%0A%7F"},
    };
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context, KTKI_KEYS_BASIC);
    ktk_store *view = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_urlencoded(&view, base, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char key[64];
        char code[64];

        put(view, cases[i].key);
        (void)snprintf(key, sizeof(key), "%s|", cases[i].key);
        (void)snprintf(code, sizeof(code), "%s|", cases[i].code);
        check_listing(base, "", code);
        check_listing(view, "", key);
        CHECK_OK(ktk_store_remove(view, cases[i].key, &err));
    }
    ktk_store_free(view);
    ktk_store_free(base);
    test_context_free(context);
}

static void urlencode_lists_what_it_can_read(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context, KTKI_KEYS_BASIC);
    ktk_store *view = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_urlencoded(&view, base, &err));
    put(base, "a%2Fb");
    put(base, "a%2fc");   /* not how this view writes '/' */
    put(base, "a%2Fd%");  /* cut short */
    put(base, "a%2F(e)"); /* brackets are always encoded */
    put(base, "a%2F%00f");
    put(base, "a%2F%FF"); /* not UTF-8 */
    put(base, "ab");
    check_listing(view, "a/", "a/b|");
    check_listing(view, "", "a/b|ab|");
    CHECK_STATUS(ktk_store_put(view, "\xff", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    ktk_store_free(view);
    ktk_store_free(base);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix_stands_before_each_key),
        cmocka_unit_test(prefix_is_checked_with_the_key),
        cmocka_unit_test(readonly_reads_only),
        cmocka_unit_test(urlencode_writes_codes_of_python),
        cmocka_unit_test(urlencode_lists_what_it_can_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
