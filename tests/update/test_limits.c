/* Commits that come late, again and again, or beside a schema file that is not theirs. */
#include "support/test.h"

#include <stdio.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "support/frame.h"
#include "support/hooked_store.h"
#include "update/update_internal.h"

#define DOCUMENT_KEY "u.by-dataset-metadata.json"
#define SCHEMA_KEY "u/table/_common_metadata"
#define HOUR_MS ((int64_t)3600 * 1000)

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

/* ---- helpers ---- */

static int64_t now_ms; /* of the clock below */

static int64_t read_clock(void *unused) {
    (void)unused;
    return now_ms;
}

static void sleep_by_clock(void *unused, int64_t milliseconds) {
    (void)unused;
    now_ms += milliseconds;
}

static uint64_t always_zero(void *unused) {
    (void)unused;
    return 0;
}

static const struct time_source test_clock = {read_clock, sleep_by_clock, always_zero, NULL};

static ktk_update *begun(ktk_store *store, const ktk_update_options *options, const char *columns,
                         const char *row) {
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    CHECK_OK(ktk_update_begin(&update, store, "u", options, &err));
    update->clock = &test_clock;
    if (row != NULL) {
        CHECK_OK(test_frame(&stream, context, columns, row, 0, NULL, &err));
        CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    }
    return update;
}

static void appended(ktk_store *store, const char *columns, const char *row) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update;
    ktk_commit commit;
    ktk_error err;

    options.mode = KTK_UPDATE_CREATE_OR_UPDATE;
    update = begun(store, &options, columns, row);
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

/* ---- late ---- */

static ktk_status remove_one(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)state;
    return strstr(entry->key, ".parquet") != NULL ? ktk_store_remove(memory, entry->key, err)
                                                  : KTK_OK;
}

static void files_of_a_late_commit_must_still_be_there(void **unused) {
    static const struct {
        int64_t age_hours;
        bool is_collected;
        ktk_status status;
    } cases[] = {
        {35, false, KTK_OK},
        {37, false, KTK_OK},
        {37, true, KTK_E_STALE_WRITER},
        {72, false, KTK_OK},
        {73, false, KTK_E_STALE_WRITER},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
        ktk_update *update;
        ktk_commit commit;
        ktk_error err;

        now_ms = 1000 * HOUR_MS;
        options.mode = KTK_UPDATE_CREATE;
        update = begun(memory, &options, "v:int64", NULL);
        {
            struct ArrowArrayStream stream = {0};

            CHECK_OK(test_frame(&stream, context, "v:int64", "1", 0, NULL, &err));
            CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
        }
        if (cases[i].is_collected) {
            CHECK_OK(ktk_store_list(memory, "u/table/", remove_one, NULL, &err));
        }
        now_ms += cases[i].age_hours * HOUR_MS;
        CHECK_STATUS(ktk_update_commit(update, &commit, &err), cases[i].status);
        ktk_update_free(update);
        if (cases[i].status == KTK_OK) {
            test_check_dataset(memory, "u", "v|1");
            CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        } else {
            CHECK_MESSAGE(cases[i].is_collected ? "37 hours" : "73 hours");
            CHECK_MESSAGE(cases[i].is_collected ? ".parquet" : "grace_ms");
            assert_int_equal(test_key_count(memory, ""), 0);
        }
    }
}

/* ---- again and again ---- */

struct crowd {
    struct hooked_store hooked;
    int commits;
};

static void somebody_is_faster(void *state) {
    struct crowd *crowd = state;
    char row[16];

    (void)snprintf(row, sizeof(row), "%d", ++crowd->commits);
    appended(memory, "v:int64", row);
    crowd->hooked.before_put = somebody_is_faster;
}

static void who_is_never_let_in_gives_up(void **unused) {
    static const struct {
        int32_t attempts_max;
        int32_t attempts; /* that are made */
    } cases[] = {{1, 1}, {5, 5}, {0, 32}};

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct crowd crowd = {.hooked = {.key_suffix = DOCUMENT_KEY}};
        ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
        ktk_store *store;
        ktk_update *update;
        ktk_commit commit;
        char message[32];
        ktk_error err;

        appended(memory, "v:int64", "0");
        crowd.hooked.before_put = somebody_is_faster;
        crowd.hooked.state = &crowd;
        store = hooked_store_new(&crowd.hooked, memory);
        options.mode = KTK_UPDATE_UPDATE;
        options.commit_attempts_max = cases[i].attempts_max;
        update = begun(store, &options, "v:int64", "77");
        CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_CONFLICT);
        (void)snprintf(message, sizeof(message), "each of %d attempts", (int)cases[i].attempts);
        CHECK_MESSAGE(message);
        assert_int_equal(crowd.commits, cases[i].attempts);
        ktk_update_free(update);
        /* Nothing of it is left: a file, a document and a version for each of the others. */
        assert_int_equal(test_key_count(memory, "u/table/"), crowd.commits + 1 + 1);
        assert_int_equal(test_key_count(memory, "u/_ktk/v/"), crowd.commits + 1);
        ktk_store_free(store);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
}

/* ---- the schema file at the fixed key ---- */

static void put_schema_of(const char *uuid) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    char key[64];
    ktk_error err;

    (void)snprintf(key, sizeof(key), "%s/table/_common_metadata", uuid);
    CHECK_OK(ktk_store_get(memory, key, &bytes, NULL, &err));
    CHECK_OK(ktk_store_put(memory, SCHEMA_KEY, bytes.data, bytes.size, NULL, NULL, &err));
    ktk_bytes_clear(&bytes);
}

static void make_other(void) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_update_begin(&update, memory, "other", &options, &err));
    CHECK_OK(test_frame(&stream, context, "w:string", "x", 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

/* Somebody is about to overwrite the dataset with another schema, or died at that. */
static void readers_take_the_schema_of_their_commit(void **unused) {
    static const char other_program[] =
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {\"x\": "
        "{\"files\": {\"table\": \"other/table/x.parquet\"}}}, \"partition_keys\": []}";
    ktk_dataset *dataset = NULL;
    struct ArrowSchema schema;
    ktk_error err;

    (void)unused;
    appended(memory, "v:int64", "1");
    make_other();
    put_schema_of("other");
    test_check_dataset(memory, "u", "v|1");
    appended(memory, "v:int64", "2");
    test_check_dataset(memory, "u", "v|1;2");
    /* A document that names no hash goes with the file as it is. */
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, other_program, strlen(other_program), NULL, NULL,
                           &err));
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    CHECK_OK(ktk_dataset_schema(dataset, NULL, &schema, &err));
    assert_int_equal(schema.n_children, 1);
    assert_string_equal(schema.children[0]->name, "w");
    schema.release(&schema);
    ktk_dataset_free(dataset);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(files_of_a_late_commit_must_still_be_there),
        CASE(who_is_never_let_in_gives_up),
        CASE(readers_take_the_schema_of_their_commit),
    };
    return cmocka_run_group_tests_name("update/limits", tests, NULL, NULL);
}
