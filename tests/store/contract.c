#include "store/contract.h"
#include "support/plain_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/backend.h"
#include "store/fs.h"
#include "store/memory.h"

#define MANY_KEYS 10000

/* ---- the stores ---- */

static ktk_status make_memory(ktk_store **out, ktk_context *context, const char *folder,
                              ktk_error *err) {
    (void)folder;
    return ktki_store_memory_new(out, context, KTKI_KEYS_EXTENDED, "hmemory://", err);
}

static ktk_status make_fs(ktk_store **out, ktk_context *context, const char *folder,
                          ktk_error *err) {
    return ktki_store_fs_new(out, context, folder, false, KTKI_KEYS_EXTENDED, "hfs://test", err);
}

static ktk_status make_plain(ktk_store **out, ktk_context *context, const char *folder,
                             ktk_error *err) {
    (void)folder;
    return plain_store_new(out, context, err);
}

/* What a view takes from `make` and puts over it. */
static ktk_status make_view(ktk_store **out, ktk_context *context, const char *folder,
                            factory_fn make, bool is_prefixed, ktk_error *err) {
    ktk_store *base = NULL;
    ktk_status status = make(&base, context, folder, err);

    if (status == KTK_OK) {
        status = is_prefixed ? ktk_store_prefixed(out, base, "tenant-7/x", err)
                             : ktk_store_urlencoded(out, base, err);
        ktk_store_free(base);
    }
    return status;
}

static ktk_status make_prefixed_fs(ktk_store **out, ktk_context *context, const char *folder,
                                   ktk_error *err) {
    return make_view(out, context, folder, make_fs, true, err);
}

static ktk_status make_prefixed_plain(ktk_store **out, ktk_context *context, const char *folder,
                                      ktk_error *err) {
    return make_view(out, context, folder, make_plain, true, err);
}

static ktk_status make_cached_fs(ktk_store **out, ktk_context *context, const char *folder,
                                 ktk_error *err) {
    ktk_store *base = NULL;
    ktk_store *files = NULL;
    ktk_status status = make_fs(&base, context, folder, err);

    status = status == KTK_OK ? make_memory(&files, context, folder, err) : status;
    status = status == KTK_OK ? ktk_store_cached(out, base, files, 1 << 20, err) : status;
    ktk_store_free(files);
    ktk_store_free(base);
    return status;
}

static ktk_status make_basic_fs(ktk_store **out, ktk_context *context, const char *folder,
                                ktk_error *err) {
    return ktki_store_fs_new(out, context, folder, false, KTKI_KEYS_BASIC, "fs://test", err);
}

static ktk_status make_urlencoded_fs(ktk_store **out, ktk_context *context, const char *folder,
                                     ktk_error *err) {
    return make_view(out, context, folder, make_basic_fs, false, err);
}

static ktk_status make_s3(ktk_store **out, ktk_context *context, const char *folder,
                          ktk_error *err) {
    (void)folder;
    return ktk_store_open(out, context, test_place_url(getenv("KTK_TEST_S3")), err);
}

static ktk_status make_azure(ktk_store **out, ktk_context *context, const char *folder,
                             ktk_error *err) {
    (void)folder;
    return ktk_store_open(out, context, test_place_url(getenv("KTK_TEST_AZURE")), err);
}

static const struct kind kinds[] = {
    {"memory", make_memory, MANY_KEYS, NULL},
    {"fs", make_fs, MANY_KEYS, NULL},
    {"plain", make_plain, MANY_KEYS / 10, NULL},
    {"prefixed fs", make_prefixed_fs, MANY_KEYS / 10, NULL},
    {"prefixed plain", make_prefixed_plain, MANY_KEYS / 10, NULL},
    {"urlencoded fs", make_urlencoded_fs, MANY_KEYS / 10, NULL},
    {"cached fs", make_cached_fs, MANY_KEYS / 10, NULL},
    {"s3", make_s3, MANY_KEYS / 2, "KTK_TEST_S3"},
    {"azure", make_azure, MANY_KEYS / 2, "KTK_TEST_AZURE"},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    ktk_error err;

    assert_non_null(fixture);
    fixture->kind = *state;
    fixture->context = test_context_new(1);
    fixture->folder = test_folder_new();
    CHECK_OK(fixture->kind->make(&fixture->store, fixture->context, fixture->folder, &err));
    *state = fixture;
    return 0;
}

static int fixture_down(void **state) {
    struct fixture *fixture = *state;

    ktk_store_free(fixture->store);
    test_context_free(fixture->context);
    test_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* ---- helpers ---- */

const ktk_put_condition deferred = {sizeof(deferred), KTK_PUT_DEFER_SYNC, false, NULL};

void put(ktk_store *store, const char *key, const char *text) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, text, strlen(text), &deferred, NULL, &err));
}

void check_value(ktk_store *store, const char *key, const char *text) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_store_get(store, key, &bytes, NULL, &err));
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
    ktk_bytes_clear(&bytes);
}

void check_missing(ktk_store *store, const char *key) {
    ktk_bytes bytes = {TEST_POISON, 77, NULL, NULL};
    ktk_store_entry entry = {TEST_POISON, 77, 77, {"poison"}};
    ktk_store_version version = {"poison"};
    ktk_error err;

    CHECK_STATUS(ktk_store_get(store, key, &bytes, &version, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_store_get_range(store, key, 0, 1, &bytes, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_store_head(store, key, &entry, &err), KTK_E_NOT_FOUND);
    assert_ptr_equal(bytes.data, TEST_POISON);
    assert_string_equal(version.text, "poison");
    assert_ptr_equal(entry.key, TEST_POISON);
    assert_int_equal(entry.size, 77);
}

ktk_status see(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct seen *seen = state;

    if (strlen(seen->text) + strlen(entry->key) + 2 < sizeof(seen->text)) {
        strcat(seen->text, entry->key);
        strcat(seen->text, "|");
    }
    seen->count++;
    if (seen->store != NULL) {
        assert_int_equal(ktk_store_remove(seen->store, entry->key, err), KTK_OK);
    }
    return seen->count == seen->stop_at ? ktk_error_set(err, KTK_E_CANCELLED, "enough") : KTK_OK;
}

void check_listing(ktk_store *store, const char *prefix, const char *wanted) {
    struct seen seen = {"", 0, 0, NULL};
    ktk_error err;

    CHECK_OK(ktk_store_list(store, prefix, see, &seen, &err));
    assert_string_equal(seen.text, wanted);
}

/* ---- running ---- */

#define TESTS_MAX (KIND_COUNT * 32)

int run_contract(int argc, char **argv, const struct contract_case *cases, size_t case_count) {
    static struct CMUnitTest tests[TESTS_MAX];
    static char names[TESTS_MAX][100];
    size_t count = 0;

    for (size_t i = 0; i < KIND_COUNT * case_count; i++) {
        const struct kind *kind = &kinds[i / case_count];
        size_t index = i % case_count;

        if (argc > 1 ? strcmp(argv[1], kind->name) != 0 : kind->variable != NULL) {
            continue;
        }
        if (kind->variable != NULL && getenv(kind->variable) == NULL) {
            print_message("# SKIPPED: %s names no server\n", kind->variable);
            return 77; /* as Meson has it */
        }
        (void)snprintf(names[count], sizeof(names[count]), "%s: %s", kind->name, cases[index].name);
        tests[count] = (struct CMUnitTest){names[count], cases[index].run, fixture_up, fixture_down,
                                           (void *)(uintptr_t)kind};
        count++;
    }
    return _cmocka_run_group_tests("contract", tests, count, NULL, NULL);
}
