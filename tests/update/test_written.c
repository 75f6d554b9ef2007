/* Partitions that one process writes and another commits. */
#include "support/test.h"

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "support/frame.h"

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    memory = test_store_open(context);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* An update that goes on top of the dataset, if there is one; with rows of `columns`, unless NULL.
 */
static ktk_update *begun(ktk_update_mode mode, const char *columns, const char *rows) {
    static const char *const partition_on[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = partition_on;
    options.partition_on_count = 1;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    if (rows != NULL) {
        CHECK_OK(test_frame(&stream, context, columns, rows, 0, NULL, &err));
        CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    }
    return update;
}

static void created(const char *rows) {
    ktk_update *update = begun(KTK_UPDATE_CREATE, "p:string,v:int64", rows);
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

static void check_rows(const char *wanted) {
    test_check_dataset(memory, "u", wanted);
}

/* The description of two partitions; the caller clears it. */
static void hand_over(ktk_bytes *out, const char *rows, const char *columns) {
    ktk_update *update =
        begun(KTK_UPDATE_CREATE_OR_UPDATE, columns != NULL ? columns : "p:string,v:int64", rows);
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_update_hand_over(update, out, &err));
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    ktk_update_free(update);
}

static void what_one_wrote_another_commits(void **unused) {

    (void)unused;
    for (int round = 0; round < 2; round++) { /* makes the dataset, then adds to it */
        ktk_bytes first = KTK_BYTES_INIT;
        ktk_bytes second = KTK_BYTES_INIT;
        ktk_update *update = begun(KTK_UPDATE_CREATE_OR_UPDATE, NULL, NULL);
        ktk_commit commit;
        ktk_error err;

        hand_over(&first, "a,1;b,2", NULL);
        hand_over(&second, "c,", "p:string,v:null");
        CHECK_OK(ktk_update_add_written(update, (const char *)first.data, first.size, &err));
        CHECK_OK(ktk_update_add_written(update, (const char *)second.data, second.size, &err));
        CHECK_OK(ktk_update_commit(update, &commit, &err));
        ktk_update_free(update);
        assert_int_equal(commit.partition_count, 3);
        assert_int_equal(commit.row_count, 3);
        ktk_bytes_clear(&first);
        ktk_bytes_clear(&second);
    }
    check_rows("p,v|a,1;b,2;c,;a,1;b,2;c,");
}

static void files_of_others_stay_when_a_commit_does_not_come(void **unused) {
    ktk_bytes written = KTK_BYTES_INIT;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    created("a,1");
    hand_over(&written, "b,2", NULL);
    for (int i = 0; i < 2; i++) {
        ktk_update *update = begun(KTK_UPDATE_CREATE_OR_UPDATE, NULL, NULL);

        CHECK_OK(ktk_update_add_written(update, (const char *)written.data, written.size, &err));
        if (i == 1) {
            CHECK_OK(ktk_update_commit(update, &commit, &err));
        }
        ktk_update_free(update);
    }
    check_rows("p,v|a,1;b,2");
    /* Once more: its label is there already. */
    {
        ktk_update *update = begun(KTK_UPDATE_CREATE_OR_UPDATE, NULL, NULL);

        CHECK_STATUS(ktk_update_add_written(update, (const char *)written.data, written.size, &err),
                     KTK_E_INVALID);
        ktk_update_free(update);
    }
    check_rows("p,v|a,1;b,2");
    ktk_bytes_clear(&written);
}

#define DESCRIBED(dataset, table, keys, key)                                                       \
    "{\"written\": 2, \"dataset\": \"" dataset "\", \"tables\": {\"" table                         \
    "\": null}, \"begun_ms\": 1, \"partition_on\": [" keys                                         \
    "], \"partitions\": [{\"label\": \"x\", \"files\": {\"" table "\": {\"key\": \"" key           \
    "\", \"rows\": 1, \"bytes\": 1}}}]}"

static void descriptions_are_not_trusted(void **unused) {
    static const struct {
        const char *text;
        ktk_status status;
        const char *message;
    } cases[] = {
        {"", KTK_E_CORRUPT, ""},
        {"[]", KTK_E_CORRUPT, ""},
        {"{}", KTK_E_CORRUPT, "no partitions"},
        {DESCRIBED("v", "table", "\"p\"", "v/table/x.parquet"), KTK_E_INVALID, "'v'"},
        {DESCRIBED("u", "other", "\"p\"", "u/other/x.parquet"), KTK_E_INVALID, "'other'"},
        {DESCRIBED("u", "table", "", "u/table/x.parquet"), KTK_E_INVALID, "columns"},
        {DESCRIBED("u", "table", "\"p\"", "v/table/x.parquet"), KTK_E_INVALID, "v/table/x"},
        {DESCRIBED("u", "table", "\"p\"", "u/table/../../x.parquet"), KTK_E_INVALID, "no data"},
        {DESCRIBED("u", "table", "\"p\"", "u/table/x"), KTK_E_INVALID, "no data file"},
        {DESCRIBED("u", "table", "1", "u/table/x.parquet"), KTK_E_CORRUPT, "column"},
        {"{\"written\": 1, \"dataset\": \"u\"}", KTK_E_CORRUPT, "no partitions"},
        {"{\"written\": 2, \"dataset\": \"u\", \"partitions\": [{}]}", KTK_E_CORRUPT, "tables"},
        {"{\"written\": 2, \"dataset\": \"u\", \"tables\": {\"table\": null}, \"partitions\": "
         "[{\"label\": \"x\"}]}",
         KTK_E_CORRUPT, "label"},
        {"{\"written\": 2, \"dataset\": \"u\", \"tables\": {\"table\": null, \"table\": null}}",
         KTK_E_CORRUPT, "twice"},
        {"{\"written\": 2, \"dataset\": \"u\", \"tables\": {\"table\": null}, \"partitions\": "
         "[{\"label\": \"x\", \"files\": {\"other\": {\"key\": \"u/other/x.parquet\"}}}]}",
         KTK_E_CORRUPT, "described"},
        {"{\"written\": 2, \"dataset\": \"u\", \"tables\": {\"table\": \"0123456789abcdef\"}, "
         "\"partition_on\": [\"p\"]}",
         KTK_E_NOT_FOUND, "0123456789abcdef"},
    };

    (void)unused;
    created("a,1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_update *update = begun(KTK_UPDATE_CREATE_OR_UPDATE, NULL, NULL);
        ktk_commit commit;
        ktk_error err;

        CHECK_STATUS(ktk_update_add_written(update, cases[i].text, strlen(cases[i].text), &err),
                     cases[i].status);
        CHECK_MESSAGE(cases[i].message);
        CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
        ktk_update_free(update);
    }
    check_rows("p,v|a,1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_one_wrote_another_commits),
        CASE(files_of_others_stay_when_a_commit_does_not_come),
        CASE(descriptions_are_not_trusted),
    };
    return cmocka_run_group_tests_name("update/written", tests, NULL, NULL);
}
