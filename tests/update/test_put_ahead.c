#include "support/far_store.h"
#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

/* Files on their way into a store that takes several at once. */

#define FILES 12
#define COLUMNS "p:int64,x:int64"
#define ALL "p,x|0,0;1,1;2,2;3,3;4,4;5,5;6,6;7,7;8,8;9,9;10,10;11,11"

struct fixture {
    ktk_context *context;
    ktk_store *base;
    ktk_store *store;
    struct far_store far;
};

static void fixture_init(struct fixture *fixture, int wanted, int fail_at) {
    ktk_error err;

    fixture->context = test_context_new(2);
    CHECK_OK(ktk_store_open(&fixture->base, fixture->context, "hmemory://", &err));
    fixture->store = far_store_new(&fixture->far, fixture->base);
    fixture->far.wanted = wanted;
    fixture->far.fail_at = fail_at;
}

static void fixture_clear(struct fixture *fixture) {
    ktk_store_free(fixture->store);
    ktk_store_free(fixture->base);
    test_context_free(fixture->context);
}

static void begin(ktk_update **out, struct fixture *fixture, bool splits) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_error err;

    options.mode = KTK_UPDATE_CREATE;
    options.partition_on = keys;
    options.partition_on_count = splits ? 1 : 0;
    CHECK_OK(ktk_update_begin(out, fixture->store, "u", &options, &err));
}

/* So many partitions, one row each. */
static ktk_status add_frames(ktk_update *update, ktk_context *context, int first, int count,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int i = first; i < first + count && status == KTK_OK; i++) {
        struct ArrowArrayStream stream = {0};
        char rows[32];

        (void)snprintf(rows, sizeof(rows), "%d,%d", i, i);
        status = test_frame(&stream, context, COLUMNS, rows, 0, NULL, err);
        status = status == KTK_OK ? ktk_update_add(update, &stream, NULL, err) : status;
    }
    return status;
}

static ktk_status add_rows(ktk_update *update, ktk_context *context, ktk_error *err) {
    struct ArrowArrayStream stream = {0};
    ktk_status status = test_frame(&stream, context, COLUMNS, strchr(ALL, '|') + 1, 0, NULL, err);

    return status == KTK_OK ? ktk_update_add(update, &stream, NULL, err) : status;
}

/* The first file of an update has nothing to go out with. */
static void frames_added_one_by_one_are_put_together(void **unused) {
    struct fixture fixture;
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    fixture_init(&fixture, 0, -1);
    begin(&update, &fixture, false);
    CHECK_OK(add_frames(update, fixture.context, 0, 1, &err));
    assert_int_equal(fixture.far.puts, 1);
    fixture.far.wanted = 5;
    CHECK_OK(add_frames(update, fixture.context, 1, FILES - 1, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    assert_false(fixture.far.is_left_alone);
    assert_in_range(fixture.far.most, 5, 7); /* six ahead, and one by its writer */
    assert_int_equal(fixture.far.inside, 0);
    assert_int_equal(commit.partition_count, FILES);
    test_check_dataset(fixture.store, "u", ALL);
    fixture_clear(&fixture);
}

static void groups_of_an_input_are_put_together(void **unused) {
    struct fixture fixture;
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    fixture_init(&fixture, 5, -1);
    begin(&update, &fixture, true);
    CHECK_OK(add_rows(update, fixture.context, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    assert_false(fixture.far.is_left_alone);
    assert_int_equal(commit.partition_count, FILES);
    test_check_dataset(fixture.store, "u", ALL);
    fixture_clear(&fixture);
}

/* Whichever put fails: no commit, and no file that stays or comes later. */
static void check_failure(bool splits, bool hands_over, int fail_at) {
    struct fixture fixture;
    ktk_bytes description = KTK_BYTES_INIT;
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;
    ktk_status status;

    fixture_init(&fixture, 0, fail_at);
    begin(&update, &fixture, splits);
    status = splits ? add_rows(update, fixture.context, &err)
                    : add_frames(update, fixture.context, 0, FILES, &err);
    if (status == KTK_OK && hands_over) {
        status = ktk_update_hand_over(update, &description, &err);
    } else if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, &err);
    }
    assert_int_equal(status, KTK_E_IO);
    assert_non_null(strstr(err.message, "made to fail"));
    ktk_update_free(update);
    ktk_bytes_clear(&description);
    assert_int_equal(fixture.far.inside, 0);
    assert_int_equal(test_key_count(fixture.base, "u/table/"), 0);
    assert_int_equal(test_key_count(fixture.base, "u.by-dataset"), 0);
    fixture_clear(&fixture);
}

static void a_put_that_fails_fails_the_update(void **unused) {
    (void)unused;
    for (int fail_at = 0; fail_at < FILES; fail_at++) {
        check_failure(false, false, fail_at);
        check_failure(false, true, fail_at);
        check_failure(true, false, fail_at);
    }
}

static void what_is_given_up_leaves_nothing(void **unused) {
    (void)unused;
    for (int count = 1; count <= FILES; count++) {
        struct fixture fixture;
        ktk_update *update = NULL;
        ktk_error err;

        fixture_init(&fixture, 0, -1);
        begin(&update, &fixture, false);
        CHECK_OK(add_frames(update, fixture.context, 0, count, &err));
        ktk_update_free(update);
        assert_int_equal(fixture.far.inside, 0);
        assert_int_equal(test_key_count(fixture.base, "u/table/"), 0);
        fixture_clear(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_added_one_by_one_are_put_together),
        cmocka_unit_test(groups_of_an_input_are_put_together),
        cmocka_unit_test(a_put_that_fails_fails_the_update),
        cmocka_unit_test(what_is_given_up_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
