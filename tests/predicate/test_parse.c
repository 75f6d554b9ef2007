#include "support/test.h"

#include <stdio.h>

#include "predicate/predicate.h"

/* A predicate as text of one fixed form: `{column|op|kind:value,kind:value}` a literal, '&' between
 * literals, ' or ' between conjunctions. */
static void describe(const ktk_predicate *predicate, char *text, size_t capacity) {
    size_t used = 0;

    for (size_t i = 0; i < predicate->conjunction_count; i++) {
        const struct conjunction *conjunction = &predicate->conjunctions[i];

        used += (size_t)snprintf(text + used, capacity - used, "%s", i > 0 ? " or " : "");
        for (size_t j = 0; j < conjunction->literal_count; j++) {
            const struct literal *literal = &conjunction->literals[j];

            used += (size_t)snprintf(text + used, capacity - used, "%s{%s|%s|", j > 0 ? "&" : "",
                                     literal->column, ktki_operator_text(literal->op));
            for (size_t k = 0; k < literal->value_count; k++) {
                const ktk_value *value = &literal->values[k];

                assert_true(value->kind == KTK_VALUE_NULL || value->kind == KTK_VALUE_UNTYPED);
                used += (size_t)snprintf(
                    text + used, capacity - used, "%s%s%.*s", k > 0 ? "," : "",
                    value->kind == KTK_VALUE_NULL ? "null" : "u:", (int)value->bytes_size,
                    value->kind == KTK_VALUE_NULL ? "" : value->bytes);
            }
            used += (size_t)snprintf(text + used, capacity - used, "}");
            assert_true(used < capacity);
        }
    }
}

static void check_parse(ktk_context *context, const char *text, const char *wanted) {
    ktk_predicate *predicate = NULL;
    char found[1000];
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&predicate, context, text, &err));
    describe(predicate, found, sizeof(found));
    assert_string_equal(found, wanted);
    ktk_predicate_free(predicate);
}

static void understands(void **unused) {
    static const struct {
        const char *text;
        const char *wanted;
    } cases[] = {
        {"a == 1", "{a|==|u:1}"},
        {"a=1", "{a|==|u:1}"},
        {"a!=-1.5e3", "{a|!=|u:-1.5e3}"},
        {"a<b", "{a|<|u:b}"},
        {"a <= 'b'", "{a|<=|u:b}"},
        {"a > \"b c\"", "{a|>|u:b c}"},
        {"  a\t>=\n2020-01-02T12:00:00+01:00 ", "{a|>=|u:2020-01-02T12:00:00+01:00}"},
        {"a == null", "{a|==|null}"},
        {"a == NULL", "{a|==|null}"},
        {"a == 'null'", "{a|==|u:null}"},
        {"a == nullable", "{a|==|u:nullable}"},
        {"a == true", "{a|==|u:true}"},
        {"a == ''", "{a|==|u:}"},
        {"a == 'it''s'", "{a|==|u:it's}"},
        {"a == 'say \"x\"'", "{a|==|u:say \"x\"}"},
        {"a == \"\"\"\"", "{a|==|u:\"}"},
        {"a in (UA, AA)", "{a|in|u:UA,u:AA}"},
        {"a in(UA,'A A',null)", "{a|in|u:UA,u:A A,null}"},
        {"a in ()", "{a|in|}"},
        {"a NOT  In (1)", "{a|not in|u:1}"},
        {"`odd name`==1", "{odd name|==|u:1}"},
        {"```` == 1", "{`|==|u:1}"},
        {"`` == 1", "{|==|u:1}"},
        {"`and` == 'or'", "{and|==|u:or}"},
        {"gr\xC3\xB6\xC3\x9F"
         "e.x == \xE2\x82\xAC",
         "{gr\xC3\xB6\xC3\x9F"
         "e.x|==|u:\xE2\x82\xAC}"},
        {"a == 1 and b == 2 or c == 3 AND d == 4",
         "{a|==|u:1}&{b|==|u:2} or {c|==|u:3}&{d|==|u:4}"},
        {"month == 12 and carrier in (UA, AA)", "{month|==|u:12}&{carrier|in|u:UA,u:AA}"},
        {"a is null", "{a|==|null}"},
        {"a IS NOT Null and b == 1", "{a|!=|null}&{b|==|u:1}"},
        {"a is distinct from 1", "{a|is distinct from|u:1}"},
        {"a is distinct from null", "{a|is distinct from|null}"},
        {"a is not distinct from x", "{a|==|u:x}"},
        {"is is null", "{is|==|null}"},
        {"a starts with 'x y'", "{a|starts with|u:x y}"},
        {"starts STARTS With with", "{starts|starts with|u:with}"},
    };
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_parse(context, cases[i].text, cases[i].wanted);
    }
    test_context_free(context);
}

static void points_at_mistakes(void **unused) {
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "predicate, column 1: expected a column: |"},
        {"   ", "predicate, column 4: expected a column:    |"},
        {"date >= and x == 1",
         "predicate, column 9: expected a value after '>=': date >= |and x == 1"},
        {"a", "predicate, column 2: expected an operator (== != < <= > >= in, not in, is, starts "
              "with) after 'a': a|"},
        {"a b", "column 3: expected an operator (== != < <= > >= in, not in, is, starts with) "
                "after 'a': a |b"},
        {"a ! 1", "column 3: expected an operator"},
        {"a == 1 b", "column 8: expected 'and', 'or' or the end after '1': a == 1 |b"},
        {"a == 1or b == 2", "column 10: expected 'and', 'or' or the end after '1or'"},
        {"a == 1 and", "column 11: expected a column after 'and': a == 1 and|"},
        {"a == 1 and or b == 1", "column 12: expected a column after 'and'"},
        {"a == 'x", "column 6: the quote opened here is not closed: a == |'x"},
        {"a == 'x''", "column 6: the quote opened here is not closed"},
        {"`a", "column 1: the quote opened here is not closed"},
        {"a == ", "expected a value after '=='"},
        {"a < null", "column 5: null cannot be compared so: use ==, != or in: a < |null"},
        {"a in 1", "column 6: expected '(' after 'in': a in |1"},
        {"a in (1", "column 8: expected ',' or ')' after '1'"},
        {"a in (1 2)", "column 9: expected ',' or ')' after '1'"},
        {"a in (1,)", "column 9: expected a value after ','"},
        {"a in (,)", "column 7: expected a value after '('"},
        {"a not 1", "column 7: expected 'in' after 'not'"},
        {"a is 1", "column 6: expected null, 'not null' or 'distinct from' after 'is': a is |1"},
        {"a is not 1", "column 10: expected null or 'distinct from' after 'not'"},
        {"a is distinct 1", "column 15: expected 'from' after 'distinct'"},
        {"a is null 1", "column 11: expected 'and', 'or' or the end after 'null'"},
        {"a starts x", "column 10: expected 'with' after 'starts'"},
        {"a starts with null", "column 15: null cannot be compared so"},
        {"a not starts with x", "column 7: expected 'in' after 'not'"},
        {"a not == 1", "column 7: expected 'in' after 'not'"},
        {"(a == 1)", "column 1: expected a column; parentheses stand around the values of 'in'"},
        {"a == (1)", "column 6: expected a value"},
        {"'a' == 1", "column 1: expected a column"},
        {"not a == 1", "column 1: expected a column"},
        {"a == `b`", "column 6: expected a value"},
        {"\xC3\xB6\xC3\xB6 == ", "predicate, column 7: expected a value"},
        {"a ==\n)", "column 6: expected a value after '==': a == |)"},
        {"\xFF", "not UTF-8"},
    };
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_predicate *predicate = TEST_POISON;

        CHECK_STATUS(ktk_predicate_parse(&predicate, context, cases[i].text, &err), KTK_E_INVALID);
        CHECK_MESSAGE(cases[i].message);
        assert_ptr_equal(predicate, TEST_POISON);
        assert_null(strchr(err.message, '\n'));
    }
    test_context_free(context);
}

static void cuts_long_texts_around_the_mistake(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_predicate *predicate = NULL;
    char text[4001];
    ktk_error err;

    (void)unused;
    /* 1000 times 'a' or 'ö', then the mistake, then the same again. */
    memset(text, 'a', 2000);
    for (size_t i = 2000; i < 4000; i += 2) {
        memcpy(text + i, "\xC3\xB6", 2);
    }
    memcpy(text + 1990, " == )", 5);
    text[1995] = 'x';
    text[4000] = '\0';
    CHECK_STATUS(ktk_predicate_parse(&predicate, context, text, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 1995: expected a value after '=='");
    CHECK_MESSAGE(": \xE2\x80\xA6"
                  "aaaa");
    CHECK_MESSAGE("\xC3\xB6\xE2\x80\xA6");
    assert_true(strlen(err.message) < 300);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands),
        cmocka_unit_test(points_at_mistakes),
        cmocka_unit_test(cuts_long_texts_around_the_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
