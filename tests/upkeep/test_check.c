#include <kartothek/upkeep.h>

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "query/golden.h"
#include "support/failing_store.h"
#include "support/frame.h"
#include "support/test.h"

#define FINDINGS_MAX 32

struct findings {
    size_t count;
    struct {
        ktk_check_severity severity;
        char what[32];
        char key[200];
        char text[400];
    } items[FINDINGS_MAX];
};

static ktk_status keep(void *state, const ktk_check_finding *finding, ktk_error *err) {
    struct findings *findings = state;

    (void)err;
    assert_null(strchr(finding->text, '\n'));
    if (findings->count < FINDINGS_MAX) {
        findings->items[findings->count].severity = finding->severity;
        (void)snprintf(findings->items[findings->count].what, 32, "%s", finding->what);
        (void)snprintf(findings->items[findings->count].key, 200, "%s", finding->key);
        (void)snprintf(findings->items[findings->count].text, 400, "%s", finding->text);
    }
    findings->count++;
    return KTK_OK;
}

static ktk_status check(struct findings *findings, ktk_check_result *result, ktk_store *store,
                        const char *uuid, bool deep, ktk_error *err) {
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;

    findings->count = 0;
    options.deep = deep;
    options.report = keep;
    options.report_state = findings;
    return ktk_check(store, uuid, &options, result, err);
}

/* ---- datasets of the originals ---- */

/* What is wrong with some of them, each for a reason that their descriptions give. */
static const struct {
    const char *uuid;
    ktk_check_severity severity;
    const char *what;
    size_t count;
} known[] = {
    {"defect_duration_partition", KTK_CHECK_ERROR, "path-value", 2},
    {"defect_label_pairs", KTK_CHECK_ERROR, "path", 2},
    {"defect_table_indices", KTK_CHECK_ERROR, "table-name", 1},                  /* D-21 */
    {"defect_table_name", KTK_CHECK_ERROR, "schema", 1},                         /* D-04 */
    {"defect_embedded_partition_index", KTK_CHECK_WARNING, "embedded-index", 1}, /* D-08 */
    {"legacy_embedded_index", KTK_CHECK_WARNING, "embedded-index", 1},
    {"legacy_foreign_files", KTK_CHECK_WARNING, "foreign-file", 2},
    {"legacy_foreign_files", KTK_CHECK_WARNING, "no-file", 1},
    {"legacy_minimal", KTK_CHECK_WARNING, "unknown-member", 1},
    {"large_meta", KTK_CHECK_WARNING, "other-document", 1},
    {"large_meta", KTK_CHECK_ERROR, "missing-file", 1997},    /* three of 2,000 are there */
    {"msgpack_twin", KTK_CHECK_WARNING, "other-document", 1}, /* D-14 */
    {"msgpack_updated", KTK_CHECK_WARNING, "other-document", 1},
    {"p_then_k_msgpack", KTK_CHECK_WARNING, "other-document", 1},
    {"upd_commit_unindexed", KTK_CHECK_ERROR, "index-gap", 1}, /* D-03 */
};

static void check_golden(ktk_context *context, const char *folder, const char *uuid,
                         int64_t *rows) {
    struct node *expected;
    ktk_check_result result;
    struct findings findings;
    int64_t counts[2] = {0, 0};
    ktk_store *store;
    char path[256];
    ktk_error err;

    (void)snprintf(path, sizeof(path), "expected/%s/%s.json", folder, uuid);
    expected = golden_load(path);
    store = golden_store(context, golden_member(expected, "store")->text);
    CHECK_OK(check(&findings, &result, store, uuid, true, &err));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t count = 0;

        if (strcmp(known[i].uuid, uuid) != 0) {
            continue;
        }
        counts[known[i].severity] += (int64_t)known[i].count;
        for (size_t j = 0; j < findings.count && j < FINDINGS_MAX; j++) {
            count += findings.items[j].severity == known[i].severity &&
                     strcmp(findings.items[j].what, known[i].what) == 0;
        }
        assert_true(count == known[i].count || findings.count > FINDINGS_MAX);
    }
    if (result.error_count != counts[KTK_CHECK_ERROR] ||
        result.warning_count != counts[KTK_CHECK_WARNING]) {
        fail_msg("%s: %lld errors and %lld warnings, the first: %s: %s", uuid,
                 (long long)result.error_count, (long long)result.warning_count,
                 findings.count > 0 ? findings.items[0].key : "",
                 findings.count > 0 ? findings.items[0].text : "");
    }
    *rows += result.row_count;
    ktk_store_free(store);
    golden_free(expected);
}

static void finds_nothing_wrong_that_is_not(void **unused) {
    static const char *const folders[] = {"k53", "p46"};
    static const char *const mixed[] = {"k_then_p_dates", "k_then_p_text", "p_then_k_msgpack",
                                        "p_then_k_text_index"};
    ktk_context *context = test_context_new(2);
    int64_t rows = 0;
    char path[256];

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct node *index;

        (void)snprintf(path, sizeof(path), "expected/%s/_index.json", folders[i]);
        index = golden_load(path);
        for (size_t j = 0; j < index->count; j++) {
            check_golden(context, folders[i], golden_member(&index->items[j], "dataset_uuid")->text,
                         &rows);
        }
        golden_free(index);
    }
    for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
        check_golden(context, "mixed", mixed[i], &rows);
    }
    assert_true(rows > 100000);
    test_context_free(context);
}

/* ---- what is made wrong ---- */

#define UUID "upd_append"
#define DOCUMENT UUID ".by-dataset-metadata.json"

static ktk_store *at; /* of the case at hand */

static void put(const char *key, const void *data, size_t size) {
    ktk_error err;

    CHECK_OK(ktk_store_put(at, key, data, size, NULL, NULL, &err));
}

/* Replace the first `from` in the document by `to`. */
static void edit(const char *from, const char *to) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    char *text = malloc(100000);
    char *place;
    ktk_error err;

    assert_non_null(text);
    CHECK_OK(ktk_store_get(at, DOCUMENT, &bytes, NULL, &err));
    assert_true(bytes.size < 50000);
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    place = strstr(text, from);
    assert_non_null(place);
    memmove(place + strlen(to), place + strlen(from), strlen(place + strlen(from)) + 1);
    memcpy(place, to, strlen(to));
    put(DOCUMENT, text, strlen(text));
    ktk_bytes_clear(&bytes);
    free(text);
}

/* The key of a file whose key holds `part` and is named by the document; the last one of them. */
static const char *named(const char *part) {
    static char key[200];
    ktk_dataset *dataset = NULL;
    ktk_error err;

    key[0] = '\0';
    CHECK_OK(ktk_dataset_open(&dataset, at, UUID, &err));
    for (int64_t i = 0; i < ktk_dataset_partition_count(dataset); i++) {
        const char *file = ktk_dataset_partition_file(dataset, i, "table");

        if (strstr(file, part) != NULL) {
            (void)snprintf(key, sizeof(key), "%s", file);
        }
    }
    if (strcmp(part, "indices") == 0) {
        (void)snprintf(key, sizeof(key), "%s", ktk_dataset_index_key(dataset, 0));
    }
    ktk_dataset_free(dataset);
    assert_true(key[0] != '\0');
    return key;
}

static void remove_key(const char *key) {
    ktk_error err;

    CHECK_OK(ktk_store_remove(at, key, &err));
}

static void data_file_goes(void) {
    remove_key(named("P=1"));
}

static void index_file_goes(void) {
    remove_key(named("indices"));
}

static void schema_goes(void) {
    remove_key(UUID "/table/_common_metadata");
}

static void document_is_cut(void) {
    put(DOCUMENT, "{\"dataset_uuid\": ", 17);
}

static void document_is_of_another(void) {
    edit("\"dataset_uuid\": \"upd_append\"", "\"dataset_uuid\": \"upd_copied\"");
}

static void document_has_more(void) {
    edit("\"partition_keys\"", "\"more\": [1,\n2], \"partition_keys\"");
}

static void index_is_cut(void) {
    put(named("indices"), "PAR1", 4);
}

static void data_file_is_cut(void) {
    put(named("P=1"), "PAR1", 4);
}

/* A byte in the middle of the pages. */
static void data_file_is_damaged(void) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    const char *key = named("P=1");
    uint8_t *copy;
    ktk_error err;

    CHECK_OK(ktk_store_get(at, key, &bytes, NULL, &err));
    copy = malloc(bytes.size);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    for (size_t i = 4; i < 60; i++) {
        copy[i] ^= 0x5A;
    }
    put(key, copy, bytes.size);
    free(copy);
    ktk_bytes_clear(&bytes);
}

/* A sound Parquet file with other columns: that of an index. */
static void data_file_is_another(void) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_store_get(at, named("indices"), &bytes, NULL, &err));
    put(named("P=1"), bytes.data, bytes.size);
    ktk_bytes_clear(&bytes);
}

static void keys_are_others(void) {
    edit("\"partition_keys\": [\"P\"]", "\"partition_keys\": [\"c\"]");
}

static void second_document(void) {
    put(UUID ".by-dataset-metadata.msgpack.zstd", "x", 1);
}

/* The partitions that the index knows, under another name each. */
static void partition_is_renamed(void) {
    edit("\"P=1/", "\"P=1/x");
}

static void index_column_is_unknown(void) {
    edit("\"indices\": {\"c\"", "\"indices\": {\"nope\"");
}

static void path_value_is_none(void) {
    char wanted[200];
    const char *key = named("P=1");

    (void)snprintf(wanted, sizeof(wanted), "\"%s\"", key);
    edit(wanted, "\"" UUID "/table/P=one/a.parquet\"");
    put(UUID "/table/P=one/a.parquet", "x", 1);
}

static void file_is_named_twice(void) {
    char wanted[200];
    char other[200];

    (void)snprintf(wanted, sizeof(wanted), "\"%s\"", named("P=2"));
    (void)snprintf(other, sizeof(other), "\"%s\"", named("P=1"));
    edit(wanted, other);
}

static const struct {
    void (*harm)(void);
    ktk_check_severity severity;
    const char *what;
    bool needs_deep;
} harms[] = {
    {data_file_goes, KTK_CHECK_ERROR, "missing-file", false},
    {index_file_goes, KTK_CHECK_ERROR, "missing-file", false},
    {schema_goes, KTK_CHECK_ERROR, "schema", false},
    {document_is_cut, KTK_CHECK_ERROR, "document", false},
    {document_is_of_another, KTK_CHECK_ERROR, "document", false},
    {document_has_more, KTK_CHECK_WARNING, "unknown-member", false},
    {index_is_cut, KTK_CHECK_ERROR, "index", false},
    {index_column_is_unknown, KTK_CHECK_ERROR, "index", false},
    {keys_are_others, KTK_CHECK_ERROR, "path", false},
    {second_document, KTK_CHECK_WARNING, "other-document", false},
    {partition_is_renamed, KTK_CHECK_ERROR, "index-label", false},
    {partition_is_renamed, KTK_CHECK_ERROR, "index-gap", false},
    {partition_is_renamed, KTK_CHECK_WARNING, "label", false},
    {path_value_is_none, KTK_CHECK_ERROR, "path-value", false},
    {file_is_named_twice, KTK_CHECK_ERROR, "shared-file", false},
    {data_file_is_cut, KTK_CHECK_ERROR, "file", true},
    {data_file_is_damaged, KTK_CHECK_ERROR, "file", true},
    {data_file_is_another, KTK_CHECK_ERROR, "file-schema", true},
};

static bool is_found(const struct findings *findings, ktk_check_severity severity,
                     const char *what) {
    for (size_t i = 0; i < findings->count && i < FINDINGS_MAX; i++) {
        if (findings->items[i].severity == severity && strcmp(findings->items[i].what, what) == 0) {
            return true;
        }
    }
    return false;
}

static void finds_what_is_wrong(void **unused) {
    ktk_context *context = test_context_new(1);
    struct findings findings;
    ktk_check_result result;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
        at = golden_copy(context, "stores/k53/updates", UUID);
        CHECK_OK(check(&findings, &result, at, UUID, true, &err));
        assert_int_equal(findings.count, 0);
        harms[i].harm();
        CHECK_OK(check(&findings, &result, at, UUID, true, &err));
        if (!is_found(&findings, harms[i].severity, harms[i].what)) {
            fail_msg("%s is not found, but %d others: %s", harms[i].what, (int)findings.count,
                     findings.count > 0 ? findings.items[0].text : "");
        }
        assert_int_equal(result.error_count + result.warning_count, findings.count);
        CHECK_OK(check(&findings, &result, at, UUID, false, &err));
        assert_int_equal(is_found(&findings, harms[i].severity, harms[i].what),
                         !harms[i].needs_deep);
        assert_int_equal(result.row_count, -1);
        ktk_store_free(at);
    }
    test_context_free(context);
}

/* D-01: a program that knows of no commits has written over ours. */
static void notices_writers_that_know_of_no_commits(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct findings findings;
    ktk_update *update = NULL;
    ktk_check_result result;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_commit commit;
    char text[4000];
    char *place;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_open(&at, context, "hmemory://", &err));
    CHECK_OK(ktk_update_begin(&update, at, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, "a:int64", "1;2", 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, "first", &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    CHECK_OK(check(&findings, &result, at, "u", true, &err));
    assert_int_equal(findings.count, 0);
    assert_int_equal(result.row_count, 2);
    CHECK_OK(ktk_store_get(at, "u.by-dataset-metadata.json", &bytes, NULL, &err));
    assert_true(bytes.size < sizeof(text) - 1);
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    place = strstr(text, "\"partitions\": {\"first\"");
    assert_non_null(place);
    memcpy(place, "\"partitions\": {\"other\"", 22);
    put("u.by-dataset-metadata.json", text, bytes.size);
    CHECK_OK(check(&findings, &result, at, "u", true, &err));
    assert_true(is_found(&findings, KTK_CHECK_WARNING, "foreign-commit"));
    ktk_bytes_clear(&bytes);
    ktk_store_free(at);
    test_context_free(context);
}

/* ---- what fails meanwhile ---- */

static void failures_of_the_store_are_no_findings(void **unused) {
    ktk_context *context = test_context_new(1);
    bool finished = false;
    ktk_store *base;
    ktk_error err;

    (void)unused;
    base = golden_copy(context, "stores/k53/updates", UUID);
    for (int64_t n = 0; !finished; n++) {
        struct failing_store failing = {.fail_at = n};
        ktk_store *store = failing_store_new(&failing, base);
        ktk_check_result result = {7, 7, 7, 7, 7, 7};
        struct findings findings;
        ktk_status status = check(&findings, &result, store, UUID, true, &err);

        finished = atomic_load(&failing.failures) == 0;
        assert_int_equal(findings.count, 0);
        assert_int_equal(status, finished ? KTK_OK : KTK_E_IO);
        assert_int_equal(result.error_count, finished ? 0 : 7);
        ktk_store_free(store);
        assert_true(n < 300);
    }
    ktk_store_free(base);
    test_context_free(context);
}

static void any_allocation_may_fail(void **unused) {
    bool finished = false;
    ktk_error err;

    (void)unused;
    for (int64_t n = 0; !finished; n += 1 + n / 64) {
        ktk_context *context = test_context_failing(n);
        ktk_store *golden = NULL;
        ktk_check_result result;
        struct findings findings = {.count = 0};
        char url[600];
        ktk_status status;

        (void)snprintf(url, sizeof(url),
                       "hfs://%s/tests/data/golden/stores/k53/updates#wrap:readonly",
                       getenv("KTK_SOURCE_ROOT"));
        status = ktk_store_open(&golden, context, url, &err);
        if (status == KTK_OK) {
            status = check(&findings, &result, golden, UUID, true, &err);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        assert_int_equal(findings.count, 0);
        ktk_store_free(golden);
        test_context_free(context);
    }
}

static bool stop(void *state, int64_t files, int64_t file_count) {
    assert_int_equal(files, file_count);
    ++*(int *)state;
    return false;
}

static ktk_status refuse(void *state, const ktk_check_finding *finding, ktk_error *err) {
    (void)state;
    return ktk_error_set(err, KTK_E_EXISTS, "seen '%s'", finding->what);
}

static void can_be_stopped(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;
    ktk_check_result result;
    int calls = 0;
    ktk_error err;

    (void)unused;
    at = golden_copy(context, "stores/k53/updates", UUID);
    options.deep = true;
    options.progress = stop;
    options.progress_state = &calls;
    CHECK_STATUS(ktk_check(at, UUID, &options, &result, &err), KTK_E_CANCELLED);
    assert_int_equal(calls, 1);
    index_file_goes();
    options.report = refuse;
    CHECK_STATUS(ktk_check(at, UUID, &options, &result, &err), KTK_E_EXISTS);
    CHECK_MESSAGE("seen 'missing-file'");
    CHECK_STATUS(ktk_check(at, "nope", &options, &result, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_check(at, "a/b", &options, &result, &err), KTK_E_INVALID);
    ktk_store_free(at);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_nothing_wrong_that_is_not),
        cmocka_unit_test(finds_what_is_wrong),
        cmocka_unit_test(notices_writers_that_know_of_no_commits),
        cmocka_unit_test(failures_of_the_store_are_no_findings),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
