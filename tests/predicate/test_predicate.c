#include "support/test.h"

#include <math.h>

#include "predicate/predicate.h"

static const ktk_value one = {.kind = KTK_VALUE_INT, .integer = 1};
static const ktk_value null = {.kind = KTK_VALUE_NULL};
static const ktk_value nan_value = {.kind = KTK_VALUE_FLOAT, .real = NAN};

static ktk_status make(ktk_predicate **out, ktk_context *context, ktk_literal literal,
                       ktk_error *err) {
    size_t count = 1;
    return ktk_predicate_new(out, context, &literal, &count, 1, err);
}

static void copies_everything(void **unused) {
    char column[] = "label";
    char text[] = "abcdef";
    ktk_value values[2] = {{.kind = KTK_VALUE_TEXT, .bytes = text, .bytes_size = 3},
                           {.kind = KTK_VALUE_BINARY, .bytes = text + 3, .bytes_size = 3}};
    ktk_literal literals[3] = {{column, KTK_OP_IN, values, 2},
                               {column, KTK_OP_EQ, values, 1},
                               {column, KTK_OP_NOT_IN, NULL, 0}};
    size_t counts[2] = {1, 2};
    ktk_context *context = test_context_new(1);
    ktk_predicate *predicate = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_predicate_new(&predicate, context, literals, counts, 2, &err));
    memset(column, 'x', sizeof(column) - 1);
    memset(text, 'x', sizeof(text) - 1);
    memset(values, 0, sizeof(values));
    assert_int_equal(predicate->conjunction_count, 2);
    assert_int_equal(predicate->conjunctions[0].literal_count, 1);
    assert_int_equal(predicate->conjunctions[1].literal_count, 2);
    assert_string_equal(predicate->conjunctions[0].literals[0].column, "label");
    assert_int_equal(predicate->conjunctions[0].literals[0].value_count, 2);
    assert_memory_equal(predicate->conjunctions[0].literals[0].values[0].bytes, "abc", 3);
    assert_memory_equal(predicate->conjunctions[0].literals[0].values[1].bytes, "def", 3);
    assert_int_equal(predicate->conjunctions[1].literals[0].op, KTK_OP_EQ);
    assert_int_equal(predicate->conjunctions[1].literals[1].value_count, 0);
    ktk_predicate_free(predicate);
    test_context_free(context);
}

static void refuses_malformed_ones(void **unused) {
    static const ktk_value not_utf8 = {.kind = KTK_VALUE_TEXT, .bytes = "\xFF", .bytes_size = 1};
    static const ktk_value no_kind = {.kind = (ktk_value_kind)77};
    ktk_context *context = test_context_new(1);
    ktk_predicate *predicate = TEST_POISON;
    ktk_literal literal = {"a", KTK_OP_EQ, &one, 1};
    size_t zero = 0;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_predicate_new(&predicate, context, &literal, &zero, 0, &err), KTK_E_INVALID);
    CHECK_MESSAGE("empty predicates");
    CHECK_STATUS(ktk_predicate_new(&predicate, context, &literal, &zero, 1, &err), KTK_E_INVALID);
    CHECK_MESSAGE("conjunction 0");
    CHECK_STATUS(make(&predicate, context, (ktk_literal){NULL, KTK_OP_EQ, &one, 1}, &err),
                 KTK_E_INVALID);
    CHECK_STATUS(make(&predicate, context, (ktk_literal){"\xC3", KTK_OP_EQ, &one, 1}, &err),
                 KTK_E_INVALID);
    CHECK_STATUS(make(&predicate, context, (ktk_literal){"a", (ktk_operator)10, &one, 1}, &err),
                 KTK_E_INVALID);
    CHECK_STATUS(make(&predicate, context, (ktk_literal){"a", KTK_OP_EQ, &one, 0}, &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("takes one value, not 0");
    CHECK_STATUS(make(&predicate, context, (ktk_literal){"a", KTK_OP_EQ, &no_kind, 1}, &err),
                 KTK_E_INVALID);
    CHECK_STATUS(make(&predicate, context, (ktk_literal){"a", KTK_OP_EQ, &not_utf8, 1}, &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("not UTF-8");
    for (int op = KTK_OP_LT; op <= KTK_OP_STARTS_WITH; op++) {
        if (op == KTK_OP_IN || op == KTK_OP_NOT_IN || op == KTK_OP_IS_DISTINCT_FROM) {
            continue;
        }
        CHECK_STATUS(
            make(&predicate, context, (ktk_literal){"a", (ktk_operator)op, &null, 1}, &err),
            KTK_E_INVALID);
        CHECK_MESSAGE("cannot be used with null");
        CHECK_STATUS(
            make(&predicate, context, (ktk_literal){"a", (ktk_operator)op, &nan_value, 1}, &err),
            KTK_E_INVALID);
    }
    assert_ptr_equal(predicate, TEST_POISON);
    test_context_free(context);
}

static void accepts_null_where_it_has_a_meaning(void **unused) {
    static const ktk_operator operators[] = {KTK_OP_EQ, KTK_OP_NE, KTK_OP_IN, KTK_OP_NOT_IN,
                                             KTK_OP_IS_DISTINCT_FROM};
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        ktk_predicate *predicate = NULL;
        CHECK_OK(make(&predicate, context, (ktk_literal){"a", operators[i], &null, 1}, &err));
        ktk_predicate_free(predicate);
        CHECK_OK(make(&predicate, context, (ktk_literal){"a", operators[i], &nan_value, 1}, &err));
        ktk_predicate_free(predicate);
    }
    ktk_predicate_free(NULL);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_predicate *predicate = NULL;
        ktk_error err;
        ktk_status status = ktk_predicate_parse(
            &predicate, context, "a == 1 and b in (x, 'y z') or `c d` != null", &err);

        done = status == KTK_OK;
        if (!done) {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_null(predicate);
        }
        ktk_predicate_free(predicate);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_everything),
        cmocka_unit_test(refuses_malformed_ones),
        cmocka_unit_test(accepts_null_where_it_has_a_meaning),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
