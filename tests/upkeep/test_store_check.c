#include "support/failing_store.h"
#include "support/hooked_store.h"
#include "support/plain_store.h"
#include "support/test.h"

#include <kartothek/store_check.h>

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    context = test_context_new(1);
    CHECK_OK(ktk_store_open(&memory, context, "hmemory://", &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

static ktk_status count_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)entry;
    (void)err;
    (*(int *)state)++;
    return KTK_OK;
}

static int count_keys(ktk_store *store) {
    int count = 0;
    ktk_error err;

    CHECK_OK(ktk_store_list(store, "", count_key, &count, &err));
    return count;
}

static ktk_store_facts checked(ktk_store *store) {
    ktk_store_facts facts;
    ktk_error err;

    CHECK_OK(ktk_store_check(&facts, store, &err));
    return facts;
}

static void leaves_nothing_where_all_is_allowed(void **unused) {
    ktk_store_facts facts = checked(memory);

    (void)unused;
    assert_true(facts.is_safe);
    assert_int_equal(facts.conditions, KTK_CONDITIONS_SWAP);
    assert_string_equal(facts.provider, "");
    assert_string_equal(facts.credentials, "");
    assert_int_equal(count_keys(memory), 0);
}

static void tells_what_a_readonly_store_refuses(void **unused) {
    ktk_store *store = NULL;
    ktk_store_facts facts;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_readonly(&store, memory, &err));
    facts = checked(store);
    assert_false(facts.is_safe);
    assert_int_equal(facts.list.status, KTK_OK);
    assert_int_equal(facts.read.status, KTK_OK);
    assert_int_equal(facts.write.status, KTK_E_READ_ONLY);
    assert_int_equal(facts.remove.status, KTK_E_READ_ONLY);
    assert_int_equal(facts.conditions, KTK_CONDITIONS_UNKNOWN);
    ktk_store_free(store);
}

static void knows_stores_that_only_create(void **unused) {
    struct hooked_store hooked = {.creates_only = true};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_store_facts facts = checked(store);

    (void)unused;
    assert_true(facts.is_safe);
    assert_int_equal(facts.conditions, KTK_CONDITIONS_CREATE);
    ktk_store_free(store);
}

static void refuses_stores_without_conditions(void **unused) {
    ktk_store *store = NULL;
    ktk_store_facts facts;
    ktk_error err;

    (void)unused;
    CHECK_OK(plain_store_new(&store, context, &err));
    facts = checked(store);
    assert_false(facts.is_safe);
    assert_int_equal(facts.write.status, KTK_OK);
    assert_int_equal(facts.commit.status, KTK_E_UNSUPPORTED);
    assert_int_equal(facts.conditions, KTK_CONDITIONS_NONE);
    ktk_store_free(store);
}

/* Each call is refused in its turn: then the store is not safe, and only a refused remove leaves
 * something. */
static void tells_each_right_that_is_missing(void **unused) {
    static const uint32_t kinds[] = {STORE_CALL_LIST, STORE_CALL_PUT, STORE_CALL_GET,
                                     STORE_CALL_REMOVE};

    (void)unused;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct failing_store failing = {.kinds = 1u << kinds[i], .status = KTK_E_DENIED};
        ktk_store *store = failing_store_new(&failing, memory);
        ktk_store_facts facts = checked(store);
        const ktk_error *fact[] = {&facts.list, &facts.write, &facts.read, &facts.remove};

        assert_false(facts.is_safe);
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(fact[j]->status, i == j ? KTK_E_DENIED : KTK_OK);
        }
        assert_int_equal(count_keys(memory), kinds[i] == STORE_CALL_REMOVE ? 1 : 0);
        ktk_store_free(store);
    }
}

static void fails_where_nothing_is_allowed_or_answers(void **unused) {
    static const ktk_status statuses[] = {KTK_E_DENIED, KTK_E_UNAVAILABLE};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct failing_store failing = {.status = statuses[i]};
        ktk_store *store = failing_store_new(&failing, memory);
        ktk_store_facts facts = {.conditions = KTK_CONDITIONS_CREATE};
        ktk_error err;

        assert_int_equal(ktk_store_check(&facts, store, &err), statuses[i]);
        assert_int_equal(err.status, statuses[i]);
        assert_int_equal(facts.conditions, KTK_CONDITIONS_CREATE);
        ktk_store_free(store);
    }
}

/* An answer that does not come at any moment leaves nothing, as long as removes go through. */
static void fails_when_an_answer_does_not_come(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        struct failing_store failing = {.fail_at = n,
                                        .fails_once = true,
                                        .kinds = 1u << STORE_CALL_LIST | 1u << STORE_CALL_PUT |
                                                 1u << STORE_CALL_GET,
                                        .status = KTK_E_UNAVAILABLE};
        ktk_store *store = failing_store_new(&failing, memory);
        ktk_store_facts facts;
        ktk_error err;
        ktk_status status = ktk_store_check(&facts, store, &err);

        is_done = failing.failures == 0;
        assert_int_equal(status, is_done ? KTK_OK : KTK_E_UNAVAILABLE);
        assert_int_equal(count_keys(memory), 0);
        ktk_store_free(store);
    }
}

static void runs_out_of_memory_cleanly(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_store *store = NULL;
        ktk_store_facts facts;
        ktk_error err;
        ktk_status status = ktk_store_open(&store, failing, "hmemory://", &err);

        if (status == KTK_OK) {
            status = ktk_store_check(&facts, store, &err);
        }
        is_done = !test_context_has_failed();
        assert_int_equal(status, is_done ? KTK_OK : KTK_E_NO_MEMORY);
        ktk_store_free(store);
        test_context_free(failing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leaves_nothing_where_all_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_what_a_readonly_store_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_stores_that_only_create, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_stores_without_conditions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_each_right_that_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_where_nothing_is_allowed_or_answers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(fails_when_an_answer_does_not_come, set_up, tear_down),
        cmocka_unit_test(runs_out_of_memory_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
