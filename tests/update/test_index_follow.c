#include "support/frame.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/query.h>
#include <kartothek/update.h>

/* Indices along with updates: what they leave over for a value is compared with reading every
 * partition by itself, which asks no index. */

#define VALUES 6 /* of column x: 0 … 5, and null */

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(2);
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

static ktk_update *begun(ktk_store *store, ktk_update_mode mode) {
    static const char *const partition_on = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = &partition_on;
    options.partition_on_count = mode == KTK_UPDATE_CREATE;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    return update;
}

static void add_as(ktk_update *update, const char *rows, const char *label) {
    struct ArrowArrayStream stream = {0};
    ktk_error err;

    CHECK_OK(test_frame(&stream, context, "p:string,x:int64,t:string", rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, label, &err));
}

static void add(ktk_update *update, const char *rows) {
    add_as(update, rows, NULL);
}

static void delete_where(ktk_update *update, const char *where) {
    ktk_predicate *scope = NULL;
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&scope, context, where, &err));
    CHECK_OK(ktk_update_delete(update, scope, &err));
    ktk_predicate_free(scope);
}

static void committed(ktk_update *update) {
    ktk_error err;

    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

static ktk_dataset *opened(void) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    return dataset;
}

static const char *index_key(const ktk_dataset *dataset, const char *column) {
    for (int32_t i = 0; i < ktk_dataset_index_count(dataset); i++) {
        if (strcmp(ktk_dataset_index_column(dataset, i), column) == 0) {
            return ktk_dataset_index_key(dataset, i);
        }
    }
    return NULL;
}

static bool has_rows(ktk_dataset *dataset, const ktk_predicate *where, int64_t partition) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    const char *rows;
    char *text = NULL;
    bool result;
    ktk_error err;

    options.where = where;
    options.partitions = &partition;
    options.partition_count = 1;
    CHECK_OK(ktk_query_stream(&stream, dataset, &options, &err));
    CHECK_OK(test_frame_text(&text, &stream, &err));
    rows = strchr(text, '|');
    assert_non_null(rows);
    result = rows[1] != '\0';
    test_data_free(text);
    return result;
}

/* The index on `column` leaves over just the partitions with rows for the predicate. */
static void check_where(ktk_dataset *dataset, const char *text) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    int64_t *partitions = NULL;
    ktk_predicate *where = NULL;
    size_t count = 0;
    size_t at = 0;
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&where, context, text, &err));
    options.where = where;
    CHECK_OK(ktk_query_partitions(&partitions, &count, dataset, &options, &err));
    for (int64_t i = 0; i < ktk_dataset_partition_count(dataset); i++) {
        bool got = at < count && partitions[at] == i;

        if (got != has_rows(dataset, where, i)) {
            fail_msg("%s: partition %s: left over: %d", text,
                     ktk_dataset_partition_label(dataset, i), got);
        }
        at += got;
    }
    ktk_query_partitions_free(dataset, partitions, count);
    ktk_predicate_free(where);
}

static void check_index(const char *column) {
    ktk_dataset *dataset = opened();

    assert_non_null(index_key(dataset, column));
    if (ktk_dataset_partition_count(dataset) > 1) {
        for (int value = 0; value < VALUES; value++) {
            char text[64];

            (void)snprintf(text, sizeof(text), "%s == '%d'", column, value);
            check_where(dataset, text);
        }
    }
    ktk_dataset_free(dataset);
}

/* ---- cases ---- */

static void create(const char *rows, const char *column) {
    ktk_update *update = begun(memory, KTK_UPDATE_CREATE);
    ktk_error err;

    add(update, rows);
    if (column != NULL) {
        CHECK_OK(ktk_update_build_index(update, column, &err));
    }
    committed(update);
}

static void follows_appends_and_deletes(void **unused) {
    ktk_update *update;

    (void)unused;
    create("a,1,1;a,2,2;b,2,3;c,,4;c,3,5", "x");
    check_index("x");
    update = begun(memory, KTK_UPDATE_UPDATE);
    add(update, "a,4,1;b,4,2;d,,5;d,,6");
    committed(update);
    check_index("x");
    update = begun(memory, KTK_UPDATE_UPDATE);
    delete_where(update, "p == a");
    committed(update);
    check_index("x");
    update = begun(memory, KTK_UPDATE_UPDATE);
    delete_where(update, "p in (b, d)");
    add(update, "b,5,1;a,1,2");
    committed(update);
    check_index("x");
    test_check_dataset(memory, "u", "p,t,x|c,4,;c,5,3;b,1,5;a,2,1");
}

static void builds_and_drops(void **unused) {
    ktk_update *update;
    ktk_dataset *dataset;
    int64_t file_count;
    ktk_error err;

    (void)unused;
    create("a,1,1;b,2,3;c,,4", NULL);
    update = begun(memory, KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_update_build_index(update, "x", &err));
    CHECK_OK(ktk_update_build_index(update, "t", &err));
    CHECK_OK(ktk_update_build_index(update, "p", &err));
    CHECK_STATUS(ktk_update_build_index(update, "x", &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_update_build_index(update, "partition", &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_update_build_index(update, "", &err), KTK_E_INVALID);
    committed(update);
    check_index("x");
    check_index("t");
    check_index("p");
    update = begun(memory, KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_update_drop_index(update, "t", &err));
    committed(update);
    check_index("x");
    dataset = opened();
    assert_null(index_key(dataset, "t"));
    assert_int_equal(ktk_dataset_index_count(dataset), 2);
    ktk_dataset_free(dataset);
    update = begun(memory, KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_update_drop_index(update, "t", &err));
    CHECK_STATUS(ktk_update_commit(update, NULL, &err), KTK_E_NOT_FOUND);
    ktk_update_free(update);
    update = begun(memory, KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_update_build_index(update, "x", &err));
    CHECK_OK(ktk_update_build_index(update, "nowhere", &err));
    file_count = test_key_count(memory, "u/indices/");
    CHECK_STATUS(ktk_update_commit(update, NULL, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'nowhere'");
    assert_int_equal(test_key_count(memory, "u/indices/"), file_count + 1);
    ktk_update_free(update);
    /* The index on `x` that was written before the failure is taken away. */
    assert_int_equal(test_key_count(memory, "u/indices/"), file_count);
}

struct progress {
    pthread_t thread;
    int64_t files;
    int64_t calls;
    int64_t cancel_at; /* a call; 0: none */
};

static bool note_progress(void *state, int64_t files, int64_t file_count) {
    struct progress *progress = state;

    assert_true(pthread_equal(pthread_self(), progress->thread));
    assert_int_equal(file_count, 50);
    assert_true(files > progress->files && files <= file_count);
    progress->files = files;
    return ++progress->calls != progress->cancel_at;
}

static ktk_update *begun_with_progress(struct progress *progress) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = KTK_UPDATE_UPDATE;
    options.index_progress = note_progress;
    options.progress_state = progress;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_build_index(update, "x", &err));
    return update;
}

static void tells_of_files_read_and_can_be_cancelled(void **unused) {
    struct progress progress = {.thread = pthread_self(), .cancel_at = 2};
    ktk_dataset *dataset;
    ktk_update *update;
    char rows[1024] = "";
    int64_t key_count;
    ktk_error err;

    (void)unused;
    for (int i = 0; i < 50; i++) {
        size_t used = strlen(rows);

        (void)snprintf(rows + used, sizeof(rows) - used, "%sp%d,%d,t", i > 0 ? ";" : "", i,
                       i % VALUES);
    }
    create(rows, NULL);
    key_count = test_key_count(memory, "");
    update = begun_with_progress(&progress);
    CHECK_STATUS(ktk_update_commit(update, NULL, &err), KTK_E_CANCELLED);
    CHECK_MESSAGE("'u'");
    ktk_update_free(update);
    assert_int_equal(progress.calls, 2);
    assert_true(progress.files < 50);
    assert_int_equal(test_key_count(memory, ""), key_count);
    dataset = opened();
    assert_int_equal(ktk_dataset_index_count(dataset), 0);
    ktk_dataset_free(dataset);

    progress = (struct progress){.thread = pthread_self()};
    committed(begun_with_progress(&progress));
    assert_int_equal(progress.files, 50);
    assert_true(progress.calls > 2);
    check_index("x");
}

/* A live index file is never written over, and one that nobody needs is not written again. */
static void gives_every_state_its_own_file(void **unused) {
    char keys[3][512];
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    (void)unused;
    create("a,1,1;b,2,3", "x");
    for (int i = 0; i < 3; i++) {
        ktk_dataset *dataset = opened();

        (void)snprintf(keys[i], sizeof(keys[i]), "%s", index_key(dataset, "x"));
        ktk_dataset_free(dataset);
        assert_int_equal(strncmp(keys[i], "u/indices/x/", 12), 0);
        if (i == 0) {
            update = begun(memory, KTK_UPDATE_UPDATE);
            add(update, "c,3,1");
        } else if (i == 1) {
            options.mode = KTK_UPDATE_UPDATE;
            options.metadata = "{\"note\": 1}";
            CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
        } else {
            break;
        }
        committed(update);
    }
    assert_string_not_equal(keys[0], keys[1]);
    assert_string_equal(keys[1], keys[2]);
    assert_int_equal(test_key_count(memory, "u/indices/"), 2);
}

/* Two writers on one base: the second indexes what the first one added. */
static void indexes_what_others_added(void **unused) {
    ktk_update *first;
    ktk_update *second;
    ktk_error err;

    (void)unused;
    create("a,1,1;b,2,3", "x");
    first = begun(memory, KTK_UPDATE_UPDATE);
    second = begun(memory, KTK_UPDATE_UPDATE);
    add(first, "c,3,1;d,1,1");
    add(second, "e,3,1;f,4,1");
    CHECK_OK(ktk_update_build_index(second, "t", &err));
    committed(first);
    committed(second);
    check_index("x");
    check_index("t");
}

/* An index that does not know all partitions, as a careless commit of the originals leaves it
 * behind (D-03), is whole again after the next update. */
static void mends_an_index_that_is_behind(void **unused) {
    static const char document_key[] = "u.by-dataset-metadata.json";
    ktk_dataset *before;
    ktk_dataset *after;
    const char *old_key;
    const char *new_key;
    const char *document;
    const char *at;
    char text[20000];
    int length;
    size_t size;
    ktk_update *update;
    ktk_error err;

    (void)unused;
    create("a,1,1;b,2,3", "x");
    before = opened();
    update = begun(memory, KTK_UPDATE_UPDATE);
    add(update, "c,3,1;d,1,1");
    committed(update);
    after = opened();
    old_key = index_key(before, "x");
    new_key = index_key(after, "x");
    CHECK_OK(ktk_dataset_document(&document, &size, after, &err));
    at = strstr(document, new_key);
    assert_non_null(at);
    length =
        snprintf(text, sizeof(text), "%.*s%s%.*s", (int)(at - document), document, old_key,
                 (int)(size - strlen(new_key) - (size_t)(at - document)), at + strlen(new_key));
    assert_true(length > 0 && (size_t)length < sizeof(text));
    CHECK_OK(ktk_store_put(memory, document_key, text, (size_t)length, NULL, NULL, &err));
    ktk_dataset_free(before);
    ktk_dataset_free(after);
    update = begun(memory, KTK_UPDATE_UPDATE);
    add(update, "e,5,1");
    committed(update);
    check_index("x");
}

/* What the old file says of a label is about the partition that went, not about one that comes in
 * its place under the same label. */
static void forgets_a_partition_whose_label_comes_again(void **unused) {
    ktk_update *update = begun(memory, KTK_UPDATE_CREATE);
    ktk_error err;

    (void)unused;
    add_as(update, "a,1,1;b,2,3", "l");
    CHECK_OK(ktk_update_build_index(update, "x", &err));
    committed(update);
    update = begun(memory, KTK_UPDATE_UPDATE);
    delete_where(update, "p == a");
    add_as(update, "a,4,1;a,5,1", "l");
    committed(update);
    check_index("x");
    update = begun(memory, KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_update_delete_all(update, &err));
    add_as(update, "a,3,1;b,4,1", "l");
    committed(update);
    check_index("x");
}

static uint32_t next(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 16;
}

static void random_rows(char *rows, size_t size, uint32_t *random) {
    int count = 1 + (int)(next(random) % 8);
    size_t used = 0;

    for (int i = 0; i < count; i++) {
        int x = (int)(next(random) % (VALUES + 1));
        char cell[8] = "";

        if (x < VALUES) {
            (void)snprintf(cell, sizeof(cell), "%d", x);
        }
        used += (size_t)snprintf(rows + used, size - used, "%s%c,%s,%d", i > 0 ? ";" : "",
                                 'a' + (int)(next(random) % 4), cell, (int)(next(random) % VALUES));
    }
}

static void stays_right_over_random_updates(void **unused) {
    int rounds = test_rounds(60, 20);
    uint32_t random = 11;
    char rows[500];

    (void)unused;
    random_rows(rows, sizeof(rows), &random);
    create(rows, "x");
    for (int i = 0; i < rounds; i++) {
        ktk_update *update = begun(memory, KTK_UPDATE_UPDATE);
        uint32_t kind = next(&random) % 4;
        ktk_error err;

        if (kind != 0) {
            random_rows(rows, sizeof(rows), &random);
            add(update, rows);
        }
        if (kind < 2) {
            char where[32];

            (void)snprintf(where, sizeof(where), "p == %c", 'a' + (int)(next(&random) % 4));
            delete_where(update, where);
        }
        if (next(&random) % 8 == 0) {
            CHECK_OK(ktk_update_build_index(update, "x", &err));
        }
        committed(update);
        check_index("x");
    }
}

/* After any failure the dataset is as it was, index and all. */
static void survives_allocation_failures(void **unused) {
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    for (int64_t n = 0; status != KTK_OK; n++) {
        static const char *const partition_on = "p";
        ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
        ktk_context *failing = test_context_failing(n);
        struct ArrowArrayStream stream = {0};
        ktk_update *update = NULL;
        ktk_store *store = NULL;
        ktk_error err;

        options.partition_on = &partition_on;
        options.partition_on_count = 1;
        if ((status = test_frame(&stream, failing, "p:string,x:int64,t:string", "a,1,1;b,2,2;b,,3",
                                 0, NULL, &err)) == KTK_OK &&
            (status = ktk_store_open(&store, failing, "hmemory://", &err)) == KTK_OK &&
            (status = ktk_update_begin(&update, store, "u", &options, &err)) == KTK_OK &&
            (status = ktk_update_add(update, &stream, NULL, &err)) == KTK_OK &&
            (status = ktk_update_build_index(update, "x", &err)) == KTK_OK) {
            status = ktk_update_commit(update, NULL, &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        ktk_update_free(update);
        ktk_store_free(store);
        if (stream.release != NULL) {
            stream.release(&stream);
        }
        test_context_free(failing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows_appends_and_deletes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(builds_and_drops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_of_files_read_and_can_be_cancelled, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(gives_every_state_its_own_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(indexes_what_others_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_a_partition_whose_label_comes_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mends_an_index_that_is_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stays_right_over_random_updates, set_up, tear_down),
        cmocka_unit_test(survives_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
