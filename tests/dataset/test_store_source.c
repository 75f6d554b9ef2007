#include "support/counting_store.h"
#include "support/failing_store.h"
#include "support/test.h"

#include <stdlib.h>

#include "dataset/snapshot.h"

#define LARGE_SIZE (4 << 20)

/* A store in memory with a small and a large object of known bytes. */
struct fixture {
    ktk_context *context;
    ktk_store *memory;
    struct counting_store counting;
    ktk_store *store;
    struct counting_store far_counting;
    ktk_store *far_store; /* the same, as if it were far away */
    uint8_t *bytes;
};

static int set_up(void **state) {
    static struct fixture fixture;
    ktk_error err;

    memset(&fixture, 0, sizeof(fixture));
    fixture.context = test_context_new(1);
    CHECK_OK(ktk_store_open(&fixture.memory, fixture.context, test_store_url(), &err));
    fixture.store = counting_store_new(&fixture.counting, fixture.memory);
    fixture.far_store = counting_store_new_far(&fixture.far_counting, fixture.memory);
    fixture.bytes = malloc(LARGE_SIZE);
    assert_non_null(fixture.bytes);
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        fixture.bytes[i] = (uint8_t)(i * 2654435761u >> 16);
    }
    CHECK_OK(ktk_store_put(fixture.memory, "large", fixture.bytes, LARGE_SIZE, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(fixture.memory, "small", fixture.bytes, 1000, NULL, NULL, &err));
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    ktk_store_free(fixture->far_store);
    ktk_store_free(fixture->store);
    ktk_store_free(fixture->memory);
    free(fixture->bytes);
    test_context_free(fixture->context);
    return 0;
}

static struct source source_of(struct fixture *fixture, const char *key) {
    struct source source = {0};
    ktk_error err;

    CHECK_OK(ktki_source_of_key(&source, fixture->store, key, -1, &err));
    assert_string_equal(source.name, key);
    return source;
}

static void check_read(struct fixture *fixture, struct source *source,
                       const struct byte_range *ranges, size_t count) {
    ktk_bytes *out = calloc(count, sizeof(*out));
    ktk_error err;

    assert_non_null(out);
    CHECK_OK(source->ops->read(source->state, ranges, count, out, &err));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i].size, ranges[i].size);
        assert_memory_equal(out[i].data, fixture->bytes + ranges[i].offset, (size_t)ranges[i].size);
        ktk_bytes_clear(&out[i]);
    }
    free(out);
}

static int64_t gets_of(const struct fixture *fixture) {
    return atomic_load(&fixture->counting.calls[STORE_CALL_GET]);
}

static int64_t range_gets_of(const struct fixture *fixture) {
    return atomic_load(&fixture->counting.calls[STORE_CALL_GET_RANGE]);
}

static void small_objects_cost_one_get(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range ranges[] = {{990, 10}, {0, 4}, {500, 0}, {0, 1000}};
    struct source source = source_of(fixture, "small");

    assert_int_equal(source.size, 1000);
    check_read(fixture, &source, ranges, 4);
    check_read(fixture, &source, ranges, 2);
    assert_int_equal(gets_of(fixture), 1);
    assert_int_equal(range_gets_of(fixture), 0);
    ktki_source_free(&source);
}

static void neighbouring_ranges_are_one_request(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range ranges[] = {{2 << 20, 5000}, {4096, 100}, {0, 4096},
                                        {100000, 10},    {5, 10},     {LARGE_SIZE - 8, 8}};
    struct source source = source_of(fixture, "large");

    assert_int_equal(source.size, LARGE_SIZE);
    check_read(fixture, &source, ranges, 6);
    assert_int_equal(gets_of(fixture), 0);
    assert_int_equal(range_gets_of(fixture), 3);
    assert_true(atomic_load(&fixture->counting.bytes_read) < 150000);
    ktki_source_free(&source);
}

/* ---- from afar ---- */

static void expect_calls(struct fixture *fixture, int64_t ends, int64_t ranges) {
    struct counting_store *counting = &fixture->far_counting;

    assert_int_equal(atomic_load(&counting->calls[STORE_CALL_GET_END]), ends);
    assert_int_equal(atomic_load(&counting->calls[STORE_CALL_GET_RANGE]), ranges);
    assert_int_equal(counting_store_calls(counting), ends + ranges);
}

static struct source far_source_of(struct fixture *fixture, const char *key) {
    struct source source = {0};
    ktk_error err;

    fixture->far_counting = (struct counting_store){0};
    CHECK_OK(ktki_source_of_key(&source, fixture->far_store, key, -1, &err));
    return source;
}

static void far_objects_are_measured_by_their_end(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range ends[] = {{LARGE_SIZE - 8, 8}, {LARGE_SIZE - (1 << 20), 1 << 20}};
    const struct byte_range small[] = {{990, 10}, {0, 1000}, {500, 0}};
    const struct byte_range both[] = {{LARGE_SIZE - 8, 8}, {10, 20}, {2 << 20, 0}};
    struct source source = far_source_of(fixture, "small");

    assert_int_equal(source.size, 1000);
    check_read(fixture, &source, small, 3);
    expect_calls(fixture, 1, 0);
    ktki_source_free(&source);

    source = far_source_of(fixture, "large");
    assert_int_equal(source.size, LARGE_SIZE);
    check_read(fixture, &source, ends, 2);
    expect_calls(fixture, 1, 0);
    check_read(fixture, &source, both, 3);
    expect_calls(fixture, 1, 1);
    ktki_source_free(&source);
}

static void far_objects_of_known_size_are_read_whole_up_to_a_megabyte(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range ranges[] = {{(1 << 20) - 8, 8}, {0, 10}};
    struct source source = {0};
    ktk_error err;

    CHECK_OK(ktk_store_put(fixture->memory, "file", fixture->bytes, 1 << 20, NULL, NULL, &err));
    CHECK_OK(ktki_source_of_key(&source, fixture->far_store, "file", 1 << 20, &err));
    check_read(fixture, &source, ranges, 2);
    assert_int_equal(atomic_load(&fixture->far_counting.calls[STORE_CALL_GET]), 1);
    assert_int_equal(counting_store_calls(&fixture->far_counting), 1);
    ktki_source_free(&source);
}

static void gaps_are_read_from_afar_if_they_are_cheap(void **state) {
    static const struct {
        struct byte_range ranges[3];
        int64_t requests;
    } cases[] = {
        /* less than a request costs, once */
        {{{0, 100}, {60000, 100}, {500, 0}}, 1},
        {{{0, 100}, {60000, 100}, {120000, 100}}, 2},
        /* a quarter of what is wanted */
        {{{0, 400000}, {600000, 400000}, {1200000, 800000}}, 1},
        {{{0, 400000}, {650000, 400000}, {2000000, 10}}, 3},
        /* none, and less than none */
        {{{0, 1 << 20}, {1 << 20, 1 << 20}, {1000, 1000}}, 1},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source source = far_source_of(fixture, "large");
        int64_t end_bytes = atomic_load(&fixture->far_counting.bytes_read);
        int64_t wanted = 0;

        check_read(fixture, &source, cases[i].ranges, 3);
        expect_calls(fixture, 1, cases[i].requests);
        for (size_t j = 0; j < 3; j++) {
            wanted += cases[i].ranges[j].size;
        }
        assert_true(atomic_load(&fixture->far_counting.bytes_read) - end_bytes <=
                    wanted + wanted / 4 + 65536);
        ktki_source_free(&source);
    }
}

static void long_reads_from_afar_are_several_requests(void **state) {
    struct fixture *fixture = *state;
    const size_t size = 44 << 20;
    uint8_t *bytes = calloc(size, 1);
    ktk_bytes out[5] = {KTK_BYTES_INIT};
    struct byte_range ranges[5];
    struct source source = {0};
    ktk_error err;

    assert_non_null(bytes);
    for (size_t i = 0; i < 5; i++) {
        ranges[i] = (struct byte_range){(int64_t)i << 23, 1 << 23};
        bytes[(i << 23) + 5] = (uint8_t)(i + 1);
    }
    CHECK_OK(ktk_store_put(fixture->memory, "long", bytes, size, NULL, NULL, &err));
    source = far_source_of(fixture, "long");
    CHECK_OK(source.ops->read(source.state, ranges, 5, out, &err));
    expect_calls(fixture, 1, 3);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(out[i].size, 1 << 23);
        assert_int_equal(((const uint8_t *)out[i].data)[5], i + 1);
        ktk_bytes_clear(&out[i]);
    }
    ktki_source_free(&source);
    free(bytes);
}

static void slices_outlive_each_other_and_the_source(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range ranges[] = {{10, 10}, {30, 10}};
    struct source source = source_of(fixture, "small");
    ktk_bytes out[2] = {KTK_BYTES_INIT, KTK_BYTES_INIT};
    ktk_error err;

    CHECK_OK(source.ops->read(source.state, ranges, 2, out, &err));
    ktki_source_free(&source);
    ktk_bytes_clear(&out[0]);
    assert_memory_equal(out[1].data, fixture->bytes + 30, 10);
    ktk_bytes_clear(&out[1]);
}

static void reports_missing_keys_and_changed_sizes(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range range = {LARGE_SIZE - 10, 10};
    struct source source = {.size = 77};
    ktk_bytes out = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_STATUS(ktki_source_of_key(&source, fixture->store, "missing", -1, &err), KTK_E_NOT_FOUND);
    assert_int_equal(source.size, 77);
    source = source_of(fixture, "large");
    CHECK_OK(
        ktk_store_put(fixture->memory, "large", fixture->bytes, LARGE_SIZE - 5, NULL, NULL, &err));
    CHECK_STATUS(source.ops->read(source.state, &range, 1, &out, &err), KTK_E_IO);
    CHECK_MESSAGE("'large'");
    assert_null(out.data);
    ktki_source_free(&source);
}

static void a_failure_leaves_nothing_filled(void **state) {
    struct fixture *fixture = *state;
    const struct byte_range ranges[] = {{0, 10}, {2 << 20, 10}, {LARGE_SIZE - 10, 10}};

    for (int64_t n = 0; n < 3; n++) {
        struct failing_store failing = {.fail_at = n, .kinds = 1u << STORE_CALL_GET_RANGE};
        ktk_store *store = failing_store_new(&failing, fixture->memory);
        struct source source = {0};
        ktk_bytes out[3] = {KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT};
        ktk_error err;

        CHECK_OK(ktki_source_of_key(&source, store, "large", LARGE_SIZE, &err));
        CHECK_STATUS(source.ops->read(source.state, ranges, 3, out, &err), KTK_E_IO);
        for (size_t i = 0; i < 3; i++) {
            assert_null(out[i].data);
        }
        ktki_source_free(&source);
        ktk_store_free(store);
    }
}

static ktk_status read_both(ktk_context *context, ktk_error *err) {
    const struct byte_range ranges[] = {{0, 10}, {300000, 10}};
    static const uint8_t bytes[400000];
    ktk_bytes out[2] = {KTK_BYTES_INIT, KTK_BYTES_INIT};
    struct source source = {0};
    ktk_store *store = NULL;
    ktk_status status = ktk_store_open(&store, context, "hmemory://", err);

    if (status == KTK_OK) {
        status = ktk_store_put(store, "k", bytes, sizeof(bytes), NULL, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktki_source_of_key(&source, store, "k", -1, err);
    }
    if (status == KTK_OK) {
        status = source.ops->read(source.state, ranges, 2, out, err);
    }
    ktk_bytes_clear(&out[0]);
    ktk_bytes_clear(&out[1]);
    ktki_source_free(&source);
    ktk_store_free(store);
    return status;
}

static void survives_lack_of_memory(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_error err;
        ktk_status status = read_both(context, &err);

        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_objects_cost_one_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(neighbouring_ranges_are_one_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(far_objects_are_measured_by_their_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(far_objects_of_known_size_are_read_whole_up_to_a_megabyte,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(gaps_are_read_from_afar_if_they_are_cheap, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(long_reads_from_afar_are_several_requests, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(slices_outlive_each_other_and_the_source, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reports_missing_keys_and_changed_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_leaves_nothing_filled, set_up, tear_down),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("dataset/store_source", tests, NULL, NULL);
}
