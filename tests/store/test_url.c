#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kartothek/store.h>

#include "store/backend.h"
#include "store/url.h"

static struct store_url parse(const char *text) {
    struct store_url url = {0};
    ktk_error err;

    CHECK_OK(ktki_store_url_parse(&url, test_allocator(), text, &err));
    return url;
}

/* Paths as uritools 4 and 6 split these URLs. */
static void splits_as_the_originals(void **unused) {
    static const struct {
        const char *url;
        const char *scheme;
        const char *path;
    } cases[] = {
        {"hfs:///data/lake", "hfs", "/data/lake"},
        {"HFS://Rel/x", "hfs", "rel/x"},
        {"hfs://A/b/../c", "hfs", "a/c"},
        {"hfs:///a/./b/..", "hfs", "/a/"},
        {"hfs:///../../x", "hfs", "/x"},
        {"hfs://u:p@Host:80/x%20y", "hfs", "host/x y"},
        {"hfs://a@b@c/d", "hfs", "c/d"},
        {"hfs://h:/x", "hfs", "h/x"},
        {"hfs:///a%2Fb/..", "hfs", "/"},
        {"hfs:///a//b/../c", "hfs", "/a//c"},
        {"hfs://rel", "hfs", "rel"},
        {"hfs://rel/..", "hfs", "rel/"},
        {"hfs:///a/b/.", "hfs", "/a/b/"},
        {"hfs:///%zz%4", "hfs", "/%zz%4"},
        {"hfs:///a+b", "hfs", "/a+b"},
        {"hfs:///", "hfs", "/"},
        {"hfs:///a/%2E%2E/b", "hfs", "/a/../b"},
        {"hfs://%41bc/D", "hfs", "abc/D"},
        {"hfs:///a?b/../c", "hfs", "/a"},
        {"hfs:///a#b?c/d", "hfs", "/a"},
        {"hmemory://", "hmemory", ""},
        {"hfs:///\xc3\xa4%C3%A4", "hfs", "/\xc3\xa4\xc3\xa4"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_url url = parse(cases[i].url);

        assert_string_equal(url.scheme, cases[i].scheme);
        assert_string_equal(url.path, cases[i].path);
        assert_true(url.create_if_missing);
        assert_int_equal(url.wrapper_count, 0);
        ktki_store_url_clear(&url);
    }
    assert_int_equal(test_allocator_live(), 0);
}

static void takes_the_last_value_of_a_parameter(void **unused) {
    static const struct {
        const char *query;
        bool wanted;
    } cases[] = {
        {"?create_if_missing=true", true},
        {"?create_if_missing=false", false},
        {"?create_if_missing=True", false},
        {"?create_if_missing", false},
        {"?create_if_missing=", false},
        {"?create_if_missing=false&create_if_missing=true", true},
        {"?create_if_missing=true&create_if_missing=false", false},
        {"?create%5fif_missing=tr%75e&&x=false", true},
        {"?max_connections=2&create_if_missing=false#create_if_missing=true", false},
        {"?", true},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        struct store_url url;

        (void)snprintf(text, sizeof(text), "hfs:///x%s", cases[i].query);
        url = parse(text);
        assert_int_equal(url.create_if_missing, cases[i].wanted);
        ktki_store_url_clear(&url);
    }
}

static void check_wrappers(const char *text, const char *wanted) {
    struct store_url url = parse(text);
    char found[KTKI_STORE_WRAPPERS_MAX + 1] = "";

    for (size_t i = 0; i < url.wrapper_count; i++) {
        found[i] = url.wrappers[i] == KTKI_WRAP_READONLY ? 'r' : 'u';
    }
    assert_string_equal(found, wanted);
    assert_string_equal(url.scheme, "hfs");
    ktki_store_url_clear(&url);
}

static void takes_wrappers_from_one_place(void **unused) {
    struct store_url poison = {.scheme = TEST_POISON};
    ktk_error err;

    (void)unused;
    check_wrappers("hfs:///x#wrap:readonly", "r");
    check_wrappers("hfs:///x#wrap:readonly+urlencode", "ru");
    check_wrappers("hfs:///x#wrap:urlencode+readonly(now)", "ur");
    check_wrappers("hfs+readonly+urlencode:///x", "ur");
    check_wrappers("HFS+ReadOnly:///x#", "r");
    check_wrappers("hfs:///x#wrap:readonly#wrap:urlencode", "u");
    check_wrappers("hfs:///x#wrap%3Areadonly%2Burlencode", "ru");
    check_wrappers("hfs:///x#something", "");
    check_wrappers("hfs:///x#wrap:", "");
    CHECK_STATUS(
        ktki_store_url_parse(&poison, test_allocator(), "hfs+readonly:///x#wrap:urlencode", &err),
        KTK_E_INVALID);
    CHECK_STATUS(ktki_store_url_parse(&poison, test_allocator(), "hfs:///x#wrap:cache", &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("'cache'");
    CHECK_STATUS(ktki_store_url_parse(&poison, test_allocator(), "hfs:///x#wrap:readonly+", &err),
                 KTK_E_INVALID);
    CHECK_STATUS(ktki_store_url_parse(&poison, test_allocator(), "hfs+:///x", &err), KTK_E_INVALID);
    CHECK_STATUS(
        ktki_store_url_parse(&poison, test_allocator(),
                             "hfs:///x#wrap:readonly+readonly+readonly+readonly+readonly+readonly+"
                             "readonly+readonly+readonly",
                             &err),
        KTK_E_INVALID);
    assert_ptr_equal(poison.scheme, TEST_POISON);
    assert_int_equal(test_allocator_live(), 0);
}

static void refuses_what_is_no_url(void **unused) {
    static const char *const cases[] = {
        "",
        "/data/lake",
        "data",
        "://x",
        "1fs://x",
        "h_fs://x",
        "hfs:/x",
        "hfs",
        "hfs:///\xff",
        "hfs:///a%00b",
        "hfs://%00/b",
        "hfs:///a%0Ab",
        "hfs:///a#wrap:%0a%ff",
        "hfs://2019/x",
        "hfs://%C3/x",
    };
    struct store_url poison = {.scheme = TEST_POISON};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STATUS(ktki_store_url_parse(&poison, test_allocator(), cases[i], &err),
                     KTK_E_INVALID);
    }
    assert_ptr_equal(poison.scheme, TEST_POISON);
    assert_int_equal(test_allocator_live(), 0);
}

static void opens_by_url(void **unused) {
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    ktk_store *store = NULL;
    char url[4200];
    char path[4200];
    ktk_error err;

    (void)unused;
    (void)snprintf(url, sizeof(url), "hfs://%s/new/folder", folder);
    (void)snprintf(path, sizeof(path), "%s/new/folder/a/b", folder);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    assert_string_equal(ktk_store_name(store), url);
    assert_ptr_equal(ktk_store_context(store), context);
    CHECK_OK(ktk_store_put(store, "a/b", "x", 1, NULL, NULL, &err));
    assert_int_equal(access(path, R_OK), 0);
    ktk_store_free(store);

    (void)snprintf(url, sizeof(url), "hfs://%s/new/folder?create_if_missing=false#wrap:readonly",
                   folder);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    CHECK_STATUS(ktk_store_put(store, "a/b", "y", 1, NULL, NULL, &err), KTK_E_READ_ONLY);
    ktk_store_free(store);

    (void)snprintf(url, sizeof(url), "fs://%s/new/folder", folder);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    CHECK_STATUS(ktk_store_put(store, "a/b", "y", 1, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'h'");
    ktk_store_free(store);

    CHECK_OK(ktk_store_open(&store, context, "hmemory://", &err));
    CHECK_OK(ktk_store_put(store, "a/b", "y", 1, NULL, NULL, &err));
    ktk_store_free(store);
    CHECK_OK(ktk_store_open(&store, context, "memory://#wrap:urlencode", &err));
    CHECK_STATUS(ktk_store_remove(store, "", &err), KTK_E_INVALID);
    CHECK_OK(ktk_store_put(store, "a/b", "y", 1, NULL, NULL, &err));
    ktk_store_free(store);
    test_context_free(context);
    test_folder_remove(folder);
}

static void opens_with_a_cache(void **unused) {
    static const char key[] = "d/t/0123456789abcdef0123456789abcdef.parquet";
    static const char *const sizes[] = {"", "&cache_bytes=2G", "&cache_bytes=300k",
                                        "&cache_bytes=1048576"};
    ktk_context *context = test_context_new(1);
    char *folder = test_folder_new();
    char path[4200];
    char url[4300];
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_store *store = NULL;

        (void)snprintf(path, sizeof(path), "%s/cache/%zu", folder, i);
        (void)snprintf(url, sizeof(url), "hfs://%s/data?cache=%s%s#wrap:readonly", folder, path,
                       sizes[i]);
        CHECK_OK(ktk_store_open(&store, context, url, &err));
        CHECK_STATUS(ktk_store_put(store, key, "x", 1, NULL, NULL, &err), KTK_E_READ_ONLY);
        ktk_store_free(store);
        *strchr(url, '#') = '\0';
        CHECK_OK(ktk_store_open(&store, context, url, &err));
        CHECK_OK(ktk_store_put(store, key, "x", 1, NULL, NULL, &err));
        CHECK_OK(ktk_store_get(store, key, &bytes, NULL, &err));
        ktk_bytes_clear(&bytes);
        (void)snprintf(path, sizeof(path), "%s/cache/%zu/ktk-cache-1", folder, i);
        assert_int_equal(access(path, R_OK), 0);
        ktk_store_free(store);
    }
    test_context_free(context);
    test_folder_remove(folder);
}

static void says_why_a_url_does_not_open(void **unused) {
    static const struct {
        const char *url;
        ktk_status status;
        const char *message;
    } cases[] = {
        {"hfs:///tmp?cache=", KTK_E_INVALID, "'cache' of a store must name a folder"},
        {"hfs:///tmp?cache_bytes=1g", KTK_E_INVALID, "'cache' of a store must name a folder"},
        {"hfs:///tmp?cache=/tmp&cache_bytes=", KTK_E_INVALID, "as in 4g or 500m"},
        {"hfs:///tmp?cache=/tmp&cache_bytes=0", KTK_E_INVALID, "as in 4g or 500m"},
        {"hfs:///tmp?cache=/tmp&cache_bytes=-1g", KTK_E_INVALID, "as in 4g or 500m"},
        {"hfs:///tmp?cache=/tmp&cache_bytes=g", KTK_E_INVALID, "as in 4g or 500m"},
        {"hfs:///tmp?cache=/tmp&cache_bytes=1x", KTK_E_INVALID, "as in 4g or 500m"},
        {"hfs:///tmp?cache=/tmp&cache_bytes=9999999t", KTK_E_INVALID, "as in 4g or 500m"},
        {"hmemory://?cache=/tmp", KTK_E_INVALID, "needs no cache"},
        {"ftp://key:secret@host/x", KTK_E_INVALID, "unknown storage type \"ftp\"; there are hfs,"},
        {"gcs://key:secret@host/bucket", KTK_E_UNSUPPORTED, "stores of type 'gcs'"},
        {"hgcs://key:secret@host", KTK_E_UNSUPPORTED, "stores of type 'hgcs'"},
        {"hs3://key:secret@host/bucket#wrap:secret", KTK_E_INVALID, "'secret'"},
        {"key:secret@host/bucket", KTK_E_INVALID, "scheme"},
        {"s3://b?endpoint=host:9000", KTK_E_INVALID, "'http://host:port', not 'host:9000'"},
        {"s3://b?endpoint=http://key:secret@host", KTK_E_INVALID, "not '?'"},
        {"s3://b?addressing=paht", KTK_E_INVALID, "not 'paht'"},
        {"az://a/c?endpoint=host", KTK_E_INVALID, "not 'host'"},
        {"az://a/c?endpoint=key:secret@host", KTK_E_INVALID, "not '?'"},
        {"hfs://", KTK_E_INVALID, "folder"},
        {"hfs://key:secret@", KTK_E_INVALID, "folder"},
        {"hfs:///dev/null", KTK_E_INVALID, "'/dev/null' is not a folder"},
        {"hfs:///dev/null/x", KTK_E_INVALID, "/dev/null/x"},
        {"hfs://key:secret@/no/such/folder?create_if_missing=false", KTK_E_NOT_FOUND,
         "'/no/such/folder'"},
    };
    ktk_context *context = test_context_new(1);
    ktk_store *store = TEST_POISON;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STATUS(ktk_store_open(&store, context, cases[i].url, &err), cases[i].status);
        CHECK_MESSAGE(cases[i].message);
        assert_null(strstr(err.message, "key:"));
        assert_ptr_equal(store, TEST_POISON);
    }
    test_context_free(context);
}

static void reports_each_lack_of_memory(void **unused) {
    ktk_status status = KTK_E_NO_MEMORY;
    char *folder = test_folder_new();
    char url[4200];
    ktk_error err;
    int64_t n;

    (void)unused;
    (void)snprintf(url, sizeof(url), "hfs://%s?create_if_missing=false#wrap:urlencode+readonly",
                   folder);
    for (n = 0; status != KTK_OK; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_store *store = NULL;

        status = ktk_store_open(&store, context, url, &err);
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        ktk_store_free(store);
        test_context_free(context);
    }
    assert_true(n > 10);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_as_the_originals),
        cmocka_unit_test(takes_the_last_value_of_a_parameter),
        cmocka_unit_test(takes_wrappers_from_one_place),
        cmocka_unit_test(refuses_what_is_no_url),
        cmocka_unit_test(opens_by_url),
        cmocka_unit_test(opens_with_a_cache),
        cmocka_unit_test(says_why_a_url_does_not_open),
        cmocka_unit_test(reports_each_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
