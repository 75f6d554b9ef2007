/* Files that are too large to be kept until they are complete, and go into the store as they come.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/parquet.h>
#include <kartothek/query.h>
#include <kartothek/update.h>

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "arrow/stream.h"
#include "base/error.h"
#include "support/frame.h"

#define BATCH_ROWS ((int64_t)1 << 18)
#define BATCHES 12 /* 24 MiB of numbers that cannot be made smaller */
#define KEY "u/table/big.parquet"

static ktk_context *context; /* of the case that runs */
static ktk_store *store;
static char *folder;

static int set_up(void **state) {
    const char *kind = *state;
    char url[1024];
    ktk_error err;

    context = test_context_new(1);
    folder = test_folder_new();
    (void)snprintf(url, sizeof(url), "%s", kind);
    if (strcmp(kind, "hfs") == 0) {
        (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    }
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(store);
    test_context_free(context);
    test_folder_remove(folder);
    return 0;
}

/* ---- many numbers ---- */

struct numbers {
    struct schema *schema;
    int64_t next;
    int64_t fails_at; /* -1: never */
};

static int64_t number_at(int64_t row) {
    uint64_t z = (uint64_t)row * 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    return (int64_t)(z ^ (z >> 27));
}

static ktk_status next_batch(void *state, struct batch *out, ktk_error *err) {
    struct numbers *numbers = state;
    struct array_builder builder;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    if (numbers->next == numbers->fails_at) {
        return ktk_error_set(err, KTK_E_CORRUPT, "the source broke");
    }
    if (numbers->next < BATCHES * BATCH_ROWS) {
        assert_int_equal(ktki_batch_init(&batch, numbers->schema, BATCH_ROWS, err), KTK_OK);
        assert_int_equal(ktki_builder_init(&builder, context, &numbers->schema->fields[0], err),
                         KTK_OK);
        for (int64_t i = 0; i < BATCH_ROWS; i++) {
            assert_int_equal(ktki_builder_append_i64(&builder, number_at(numbers->next + i), err),
                             KTK_OK);
        }
        assert_int_equal(ktki_builder_finish(&builder, &batch.columns[0], err), KTK_OK);
        ktki_builder_clear(&builder);
        numbers->next += BATCH_ROWS;
    }
    *out = batch;
    return status;
}

static ktk_status add_numbers(ktk_update *update, const char *label, int64_t fails_at,
                              ktk_error *err) {
    struct numbers numbers = {.fails_at = fails_at};
    struct ArrowArrayStream stream;
    ktk_status status;

    assert_int_equal(ktki_schema_new(&numbers.schema, context, 1, err), KTK_OK);
    numbers.schema->fields[0] =
        (struct field){.name = "v", .type = {.id = TYPE_INT64}, .nullable = true};
    assert_int_equal(
        ktki_stream_new(&stream, context, numbers.schema, next_batch, NULL, &numbers, err), KTK_OK);
    status = ktk_update_add(update, &stream, label, err);
    ktki_schema_free(numbers.schema);
    return status;
}

static ktk_update *begun(void) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = KTK_UPDATE_CREATE_OR_UPDATE;
    options.file.row_group_rows_max = BATCH_ROWS;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    return update;
}

/* All numbers of a dataset of one partition, in order. */
static void check_numbers(void) {
    struct ArrowArrayStream stream;
    ktk_dataset *dataset = NULL;
    struct ArrowArray array;
    int64_t row = 0;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, store, "u", &err));
    CHECK_OK(ktk_query_stream(&stream, dataset, NULL, &err));
    for (;;) {
        assert_int_equal(stream.get_next(&stream, &array), 0);
        if (array.release == NULL) {
            break;
        }
        for (int64_t i = 0; i < array.length; i++, row++) {
            const int64_t *values = array.children[0]->buffers[1];

            if (values[array.children[0]->offset + i] != number_at(row)) {
                fail_msg("row %lld is another", (long long)row);
            }
        }
        array.release(&array);
    }
    stream.release(&stream);
    ktk_dataset_free(dataset);
    assert_int_equal(row, BATCHES * BATCH_ROWS);
}

/* ---- cases ---- */

static void is_written_as_it_comes(void **unused) {
    ktk_update *update = begun();
    ktk_store_entry entry;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(add_numbers(update, NULL, -1, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    check_numbers();
    assert_int_equal(test_key_count(store, "u/table/"), 2); /* the file and the schema */
    CHECK_STATUS(ktk_store_head(store, KEY, &entry, &err), KTK_E_NOT_FOUND);
}

static void has_the_name_that_it_is_given(void **unused) {
    ktk_update *update = begun();
    ktk_store_entry entry;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(add_numbers(update, "big", -1, &err));
    CHECK_OK(ktk_store_head(store, KEY, &entry, &err));
    assert_true(entry.size > BATCHES * BATCH_ROWS * 8);
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    check_numbers();
    assert_int_equal(test_key_count(store, "u/table/"), 2);
}

static void leaves_a_file_of_its_name_alone(void **unused) {
    ktk_update *update = begun();
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(store, KEY, "theirs", 6, NULL, NULL, &err));
    CHECK_OK(add_numbers(update, "big", -1, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    check_numbers();
    CHECK_OK(ktk_store_get(store, KEY, &bytes, NULL, &err));
    assert_int_equal(bytes.size, 6);
    ktk_bytes_clear(&bytes);
    assert_int_equal(test_key_count(store, "u/table/big-"), 1);
}

/* Whether it has begun to be sent by then or not. */
static void leaves_nothing_after_a_failure(void **unused) {
    const char *const labels[] = {NULL, "big"};
    const int64_t batches[] = {2, BATCHES};

    (void)unused;
    for (int i = 0; i < 4; i++) {
        ktk_update *update = begun();
        ktk_error err;

        CHECK_STATUS(add_numbers(update, labels[i % 2], batches[i / 2] * BATCH_ROWS, &err),
                     KTK_E_CORRUPT);
        CHECK_MESSAGE("the source broke");
        ktk_update_free(update);
        assert_int_equal(test_key_count(store, ""), 0);
    }
}

static void leaves_nothing_when_it_is_given_up(void **unused) {
    const char *const labels[] = {NULL, "big"};

    (void)unused;
    for (int i = 0; i < 2; i++) {
        ktk_update *update = begun();
        ktk_error err;

        CHECK_OK(add_numbers(update, labels[i], -1, &err));
        assert_int_equal(test_key_count(store, ""), 1);
        ktk_update_free(update);
        assert_int_equal(test_key_count(store, ""), 0);
    }
}

#define CASE(function, kind)                                                                       \
    {kind ": " #function, function, set_up, tear_down, (void *)(uintptr_t)(kind)}
#define CASES(kind)                                                                                \
    CASE(is_written_as_it_comes, kind), CASE(has_the_name_that_it_is_given, kind),                 \
        CASE(leaves_a_file_of_its_name_alone, kind), CASE(leaves_nothing_after_a_failure, kind),   \
        CASE(leaves_nothing_when_it_is_given_up, kind)

int main(void) {
    const struct CMUnitTest tests[] = {CASES("hfs"), CASES("hmemory://")};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
