#include "history_case.h"

#include "support/timed_store.h"

/* ---- the walk ---- */

static void every_version_reads_as_it_did(void **unused) {
    struct past past = {0};
    struct lines *lines;
    char number[16];

    (void)unused;
    live(&past);
    for (int i = 0; i < past.count; i++) {
        (void)snprintf(number, sizeof(number), "%d", i + 1);
        check_version(number, past.rows[i]);
        check_version(past.commits[i].id, past.rows[i]);
    }
    check_walk(0, "7 append 2 +1 -0*\n"
                  "6 overwrite 1 +1 -3\n"
                  "5 metadata 3 +0 -0\n"
                  "4 replace 3 +2 -1\n"
                  "3 delete 2 +0 -1\n"
                  "2 append 3 +1 -0\n"
                  "1 create 2 +2 -0\n");
    check_walk(2, "7 append 2 +1 -0*\n6 overwrite 1 +1 -3\n");
    lines = walk(0);
    for (int i = 0; i < past.count; i++) {
        assert_string_equal(lines->ids[i], past.commits[past.count - 1 - i].id);
    }
    free(lines);
    forget(&past);
}

static void names_that_name_nothing_are_refused(void **unused) {
    struct past past = {0};
    char prefix[33];
    char message[64];

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "a,2", NULL, NULL);
    refuse_version("3", KTK_E_NOT_FOUND, "its newest is 2");
    refuse_version("0", KTK_E_NOT_FOUND, "'0'");
    refuse_version("", KTK_E_INVALID, "''");
    refuse_version("-1", KTK_E_INVALID, "'-1'");
    refuse_version("abc", KTK_E_INVALID, "4 to 32 hex digits");
    refuse_version("nothing", KTK_E_INVALID, "'nothing'");
    refuse_version("ffffffffffffffff", KTK_E_NOT_FOUND, "'ffffffffffffffff'");
    /* Ids begin with the time: those of one hour have their first digits in common. */
    memcpy(prefix, past.commits[0].id, 6);
    prefix[6] = '\0';
    if (strspn(prefix, "0123456789") < 6 && strncmp(prefix, past.commits[1].id, 6) == 0) {
        (void)snprintf(message, sizeof(message), "'%s'", prefix);
        refuse_version(prefix, KTK_E_INVALID, message);
    }
    memcpy(prefix, past.commits[0].id, 28);
    prefix[28] = '\0';
    check_version(prefix, past.rows[0]);
    forget(&past);
}

/* Losers of a race leave documents behind that never were the dataset's. */
static void a_document_that_did_not_win_is_no_version(void **unused) {
    static const char id[] = "01990000000070008000000000000001";
    struct past past = {0};
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "a,2", NULL, NULL);
    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &text, NULL, &err));
    CHECK_OK(ktk_store_put(memory, "u/_ktk/v/000000000002-01990000000070008000000000000001.json",
                           text.data, text.size, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(memory, "u/_ktk/v/000000000003-01990000000070008000000000000001.json",
                           text.data, text.size, NULL, NULL, &err));
    ktk_bytes_clear(&text);
    check_walk(0, "2 append 2 +1 -0*\n1 create 1 +1 -0\n");
    refuse_version(id, KTK_E_NOT_FOUND, id);
    refuse_version("3", KTK_E_NOT_FOUND, "'3'");
    check_version("2", past.rows[1]);
    forget(&past);
}

/* More commits than a document names, and some of them not kept. */
static void a_long_history_is_walked_to_its_start(void **unused) {
    struct past past = {0};
    struct lines *lines;
    char metadata[32];
    char number[16];

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    while (past.count < 150) {
        (void)snprintf(metadata, sizeof(metadata), "{\"n\": %d}", past.count);
        step(&past, KTK_UPDATE_UPDATE, NULL, NULL, metadata);
    }
    for (int round = 0; round < 2; round++) {
        lines = walk(0);
        assert_int_equal(lines->count, past.count);
        for (int i = 0; i < past.count; i++) {
            assert_string_equal(lines->ids[i], past.commits[past.count - 1 - i].id);
        }
        assert_int_equal(strstr(lines->text, "!") != NULL, round == 1);
        free(lines);
        check_version("1", past.rows[0]);
        check_version(past.commits[19].id, past.rows[19]);
        if (round == 0) {
            remove_version(&past, 149 - 63); /* where the ids of the newest end */
            for (int i = 40; i < 60; i++) {
                remove_version(&past, i);
            }
        }
    }
    for (int i = 40; i < 60; i++) {
        (void)snprintf(number, sizeof(number), "%d", i + 1);
        refuse_version(number, KTK_E_NOT_FOUND, "is not kept any more");
    }
    forget(&past);
}

/* ---- programs that keep no history ---- */

static void a_state_that_others_wrote_is_shown_as_such(void **unused) {
    struct past past = {0};

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "b,2", NULL, NULL);
    write_as_others_do(true);
    test_check_dataset(memory, "u", "p,v|a,1");
    check_walk(0, "?0  1 +0 -1*\n2 append 2 +1 -0\n1 create 1 +1 -0\n");
    check_version("2", past.rows[1]);
    step(&past, KTK_UPDATE_UPDATE, "c,3", NULL, NULL);
    check_walk(0, "3 append 2 +-1 --1*\n?0  -1 +-1 --1\n2 append 2 +1 -0\n1 create 1 +1 -0\n");
    check_version("2", past.rows[1]);
    check_version("3", "p,v|a,1;c,3");
    forget(&past);
}

static void a_history_that_others_cut_ends_there(void **unused) {
    struct past past = {0};

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "b,2", NULL, NULL);
    write_as_others_do(false);
    check_walk(0, "?0  0 +-1 --1*\n");
    step(&past, KTK_UPDATE_UPDATE, "c,3", NULL, NULL);
    check_walk(0, "3 append 1 +-1 --1*\n?0  -1 +-1 --1\n");
    refuse_version("2", KTK_E_NOT_FOUND, "'2'");
    check_version("3", "p,v|c,3");
    forget(&past);
}

/* ---- by time ---- */

static void every_time_has_its_state(void **unused) {
    struct past past = {0};
    int64_t before = moment();
    int64_t after[4];

    (void)unused;
    for (int i = 0; i < 4; i++) {
        step(&past, i == 0 ? KTK_UPDATE_CREATE : KTK_UPDATE_UPDATE, "a,1", NULL, NULL);
        after[i] = moment();
    }
    for (int i = 0; i < 4; i++) {
        check_at(after[i], past.rows[i]);
    }
    check_at(INT64_MAX, past.rows[3]);
    refuse_at(before, "does not go back so far");
    remove_version(&past, 1);
    refuse_at(after[1], "version 2 of dataset 'u' is not kept any more");
    check_at(after[0], past.rows[0]);
    forget(&past);
}

/* An update that was begun before a time and committed after it. */
static void the_time_of_a_commit_is_when_it_was_made(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct past past = {0};
    ktk_update *update = NULL;
    int64_t between;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    options.mode = KTK_UPDATE_UPDATE;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_delete_all(update, &err));
    between = moment();
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    check_at(between, past.rows[0]);
    check_walk(1, "2 delete 0 +0 -1*\n");
    forget(&past);
}

static void a_time_when_others_wrote_is_refused(void **unused) {
    struct past past = {0};
    int64_t after[4];

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    after[0] = moment();
    step(&past, KTK_UPDATE_UPDATE, "b,2", NULL, NULL);
    after[1] = moment();
    write_as_others_do(true);
    test_grow_old(memory); /* what others wrote has no time but that of the store */
    after[2] = moment();
    check_at(after[0], past.rows[0]);
    check_at(after[2], "p,v|a,1");
    refuse_at(after[1], "name a version");
    step(&past, KTK_UPDATE_UPDATE, "c,3", NULL, NULL);
    after[3] = moment();
    check_at(after[0], past.rows[0]);
    refuse_at(after[1], "name a version");
    refuse_at(after[2], "name a version");
    check_at(after[3], "p,v|a,1;c,3");
    forget(&past);
}

/* A service that tells whole seconds may have cut off nearly one of them. */
static void the_second_in_which_others_wrote_is_not_known(void **unused) {
    struct timed_keys *times = calloc(1, sizeof(*times));
    struct timed_store timed = {.keys = times};
    ktk_store *plain = memory;
    struct past past = {0};
    int64_t second_us;

    (void)unused;
    assert_non_null(times);
    memory = timed_store_new(&timed, plain);
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "b,2", NULL, NULL);
    second_us = (moment() / 1000000 + 1) * 1000000;
    times->now_us = second_us;
    write_as_others_do(true);
    refuse_at(second_us, "name a version");
    refuse_at(second_us + 999998, "name a version");
    check_at(second_us + 999999, "p,v|a,1");
    times->now_us = second_us + 1;
    write_as_others_do(false);
    check_at(second_us + 1, "p,v|");
    ktk_store_free(memory);
    memory = plain;
    free(times);
    forget(&past);
}

static void times_are_read(void **unused) {
    static const struct {
        const char *text;
        int64_t wanted_us;
    } times[] = {
        {"1970-01-01", 0},
        {"1970-01-02", 86400000000},
        {"1970-01-01 00:01", 60000000},
        {"1970-01-01T00:00:01.5Z", 1500000},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T23:59:59.999999", -1},
        {"2020-02-29 12:00:00", 1582977600000000},
        {"0001-01-01", -62135596800000000},
        {"9999-12-31T23:59:59.999999", 253402300799999999},
    };
    static const char *const wrong[] = {"",
                                        "yesterday",
                                        "2020-02-30",
                                        "2020-01-01T25:00",
                                        "999999999999-01-01",
                                        "99999-01-01",
                                        "10000-01-01",
                                        "9999-12-31T23:59:59-01:00",
                                        "0000-12-31",
                                        "-2020-01-01"};
    int64_t time_us = 77;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        CHECK_OK(ktk_time_parse(&time_us, times[i].text, &err));
        assert_int_equal(time_us, times[i].wanted_us);
    }
    time_us = 77;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_STATUS(ktk_time_parse(&time_us, wrong[i], &err), KTK_E_INVALID);
        assert_int_equal(time_us, 77);
    }
    CHECK_STATUS(ktk_time_parse(&time_us, "99999-01-01", &err), KTK_E_INVALID);
    CHECK_MESSAGE("'99999-01-01T00:00:00' is out of range");
}

/* ---- files that are gone ---- */

static void a_collected_file_is_named(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    struct past past = {0};
    ktk_dataset *dataset = NULL;
    ktk_parquet_file *file = TEST_POISON;
    char *rows = TEST_POISON;
    char key[128];
    ktk_error err;

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1;b,2", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, NULL, "a", NULL);
    CHECK_OK(ktk_dataset_open_version(&dataset, memory, "u", "1", &err));
    (void)snprintf(key, sizeof(key), "%s", ktk_dataset_partition_file(dataset, 0, "table"));
    assert_memory_equal(key, "u/table/p=a/", 12);
    CHECK_OK(ktk_store_remove(memory, key, &err));
    CHECK_STATUS(ktk_dataset_open_partition(&file, dataset, 0, NULL, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE(key);
    CHECK_MESSAGE("version 1 of dataset 'u' is gone");
    assert_ptr_equal(file, TEST_POISON);
    CHECK_OK(ktk_query_stream(&stream, dataset, &options, &err));
    CHECK_STATUS(test_frame_text(&rows, &stream, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE(key);
    CHECK_MESSAGE("version 1 of dataset 'u' is gone");
    ktk_dataset_free(dataset);
    test_check_dataset(memory, "u", past.rows[1]);
    forget(&past);
}

/* ---- differences ---- */

static ktk_diff *diff_of(const char *from, const char *to) {
    ktk_dataset *a = NULL;
    ktk_dataset *b = NULL;
    ktk_diff *diff = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open_version(&a, memory, "u", from, &err));
    CHECK_OK(ktk_dataset_open_version(&b, memory, "u", to, &err));
    CHECK_OK(ktk_diff_new(&diff, a, b, &err));
    ktk_dataset_free(a);
    ktk_dataset_free(b);
    return diff;
}

static void what_two_versions_differ_in_is_told(void **unused) {
    struct past past = {0};
    ktk_diff *diff;

    (void)unused;
    live(&past);
    diff = diff_of("1", "5"); /* a and b went; c, another b and d came; k was set */
    assert_int_equal(ktk_diff_added_count(diff), 3);
    assert_memory_equal(ktk_diff_added(diff, 0), "p=c/", 4);
    assert_int_equal(ktk_diff_removed_count(diff), 2);
    assert_memory_equal(ktk_diff_removed(diff, 0), "p=a/", 4);
    assert_memory_equal(ktk_diff_removed(diff, 1), "p=b/", 4);
    assert_int_equal(ktk_diff_metadata_count(diff), 1);
    assert_string_equal(ktk_diff_metadata_key(diff, 0), "k");
    assert_int_equal(ktk_diff_index_count(diff), 0);
    assert_int_equal(ktk_diff_table_count(diff), 0);
    ktk_diff_free(diff);
    diff = diff_of("5", "6");
    assert_int_equal(ktk_diff_added_count(diff), 1);
    assert_int_equal(ktk_diff_removed_count(diff), 3);
    assert_int_equal(ktk_diff_table_count(diff), 1);
    assert_string_equal(ktk_diff_table(diff, 0), "table");
    ktk_diff_free(diff);
    diff = diff_of("6", "6");
    assert_int_equal(ktk_diff_added_count(diff) + ktk_diff_removed_count(diff) +
                         ktk_diff_metadata_count(diff) + ktk_diff_table_count(diff),
                     0);
    ktk_diff_free(diff);
    ktk_diff_free(NULL);
    forget(&past);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_version_reads_as_it_did),
        CASE(names_that_name_nothing_are_refused),
        CASE(a_document_that_did_not_win_is_no_version),
        CASE(a_long_history_is_walked_to_its_start),
        CASE(a_state_that_others_wrote_is_shown_as_such),
        CASE(a_history_that_others_cut_ends_there),
        CASE(every_time_has_its_state),
        CASE(the_time_of_a_commit_is_when_it_was_made),
        CASE(a_time_when_others_wrote_is_refused),
        CASE(the_second_in_which_others_wrote_is_not_known),
        CASE(times_are_read),
        CASE(a_collected_file_is_named),
        CASE(what_two_versions_differ_in_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
