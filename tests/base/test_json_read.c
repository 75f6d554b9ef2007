#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/json_read.h"

#define DEPTH_MAX 8

static void reader_init(struct json_reader *reader, const char *text) {
    ktki_json_reader_init(reader, test_allocator(), text, strlen(text), DEPTH_MAX);
}

/* The events of a document, one letter each, with texts in brackets: what the cases compare. */
static ktk_status trace(struct json_reader *reader, char *out, size_t out_size, ktk_error *err) {
    static const char letters[] = ".{}[]ksntfz";
    enum json_event event = JSON_NULL;
    size_t used = 0;

    while (event != JSON_END) {
        ktk_status status = ktki_json_next(reader, &event, err);
        if (status != KTK_OK) {
            return status;
        }
        used += (size_t)snprintf(out + used, out_size - used, "%c", letters[event]);
        if (event == JSON_KEY || event == JSON_STRING || event == JSON_NUMBER) {
            used += (size_t)snprintf(out + used, out_size - used, "<%.*s>", (int)reader->text_size,
                                     reader->text);
        }
        assert_true(used < out_size);
    }
    return KTK_OK;
}

struct trace_case {
    const char *text;
    const char *events;
};

static void gives_the_events_of_a_document(void **unused) {
    static const struct trace_case cases[] = {
        {"{}", "{}."},
        {"[]", "[]."},
        {" [ ] ", "[]."},
        {"null", "z."},
        {" true\n", "t."},
        {"[false]", "[f]."},
        {"-0.5e+10", "n<-0.5e+10>."},
        {"[0,-0,1.5E-3,NaN,Infinity,-Infinity]",
         "[n<0>n<-0>n<1.5E-3>n<NaN>n<Infinity>n<-Infinity>]."},
        {"\"\"", "s<>."},
        {"{\"a\":1,\"b\":{\"c\":[]},\"a\":\"x\"}", "{k<a>n<1>k<b>{k<c>[]}k<a>s<x>}."},
        {"\xEF\xBB\xBF[1]", "[n<1>]."},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s<\"\\/\b\f\n\r\t>."},
        {"\"\\u00e9\\u20AC\\uD83D\\uDE00\"", "s<\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80>."},
        {"\"\\ud800x\\udc00\"", "s<\xEF\xBF\xBDx\xEF\xBF\xBD>."},
        {"\"\\ud800\\ud83d\\ude00\"", "s<\xEF\xBF\xBD\xF0\x9F\x98\x80>."},
        {"{\"\\u0061\":\"raw \xC3\xA9\"}", "{k<a>s<raw \xC3\xA9>}."},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_reader reader;
        enum json_event event = JSON_NULL;
        char events[256];
        ktk_error err;

        reader_init(&reader, cases[i].text);
        CHECK_OK(trace(&reader, events, sizeof(events), &err));
        assert_string_equal(events, cases[i].events);
        CHECK_OK(ktki_json_next(&reader, &event, &err));
        assert_int_equal(event, JSON_END);
        ktki_json_reader_clear(&reader);
    }
}

struct broken_case {
    const char *text;
    const char *message;
};

static void says_where_a_document_is_broken(void **unused) {
    static const struct broken_case cases[] = {
        {"", "byte 0: a value is missing"},
        {"  ", "byte 2: a value is missing"},
        {"{", "byte 1: expected a key"},
        {"{\"a\"", "byte 4: expected ':'"},
        {"{\"a\" 1}", "byte 5: expected ':'"},
        {"{\"a\":}", "byte 5: a value is missing"},
        {"{\"a\":1", "byte 6: expected ',' or '}'"},
        {"{\"a\":1]", "byte 6: expected ',' or '}'"},
        {"{\"a\":1,}", "byte 7: expected a key"},
        {"{a:1}", "byte 1: expected a key"},
        {"[1", "byte 2: expected ',' or ']'"},
        {"[1 2]", "byte 3: expected ',' or ']'"},
        {"[1,]", "byte 3: a value is missing"},
        {"[1}", "byte 2: expected ',' or ']'"},
        {"[] []", "byte 3: expected nothing more"},
        {"1 2", "byte 2: expected nothing more"},
        {"01", "byte 0: a value is missing or no number"},
        {"-", "byte 0: a value is missing or no number"},
        {"+1", "byte 0: a value is missing or no number"},
        {"1.", "byte 0: a value is missing or no number"},
        {".5", "byte 0: a value is missing or no number"},
        {"1e", "byte 0: a value is missing or no number"},
        {"-NaN", "byte 0: a value is missing or no number"},
        {"Infinit", "byte 0: a value is missing or no number"},
        {"[tru]", "byte 1: unknown word"},
        {"nul", "byte 0: unknown word"},
        {"'a'", "byte 0: a value is missing"},
        {"\"abc", "byte 0: the string does not end"},
        {"\"abc\\", "byte 4: incomplete escape"},
        {"\"abc\\\"", "byte 0: the string does not end"},
        {"\"\\x41\"", "byte 1: unknown escape"},
        {"\"\\u12\"", "byte 1: \\u must be followed"},
        {"\"\\u12g4\"", "byte 1: \\u must be followed"},
        {"\"a\nb\"", "byte 2: control character"},
        {"\"a\\n\x1F\"", "byte 4: control character"},
        {"\"\x80\"", "byte 0: the string is not UTF-8"},
        {"[\"0123456789 \xED\xA0\x80\"]", "byte 1: the string is not UTF-8"},
        {"\"\\n\xC3\"", "byte 0: the string is not UTF-8"},
        {"[\xC3\xA9]", "byte 1: a value is missing"},
        {"[[[[[[[[[1]]]]]]]]]", NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_reader reader;
        char events[256];
        ktk_error err;

        reader_init(&reader, cases[i].text);
        if (cases[i].message == NULL) {
            CHECK_STATUS(trace(&reader, events, sizeof(events), &err), KTK_E_LIMIT);
            CHECK_MESSAGE("deeper than 8 levels at byte 8");
        } else {
            CHECK_STATUS(trace(&reader, events, sizeof(events), &err), KTK_E_CORRUPT);
            CHECK_MESSAGE(cases[i].message);
        }
        ktki_json_reader_clear(&reader);
    }
}

static void ends_with_the_size_not_with_a_nul(void **unused) {
    static const char text[] = {'"', 'a', '\0', 'b', '"'};
    struct json_reader reader;
    enum json_event event = JSON_NULL;
    ktk_error err;

    (void)unused;
    ktki_json_reader_init(&reader, test_allocator(), "[1]junk", 3, DEPTH_MAX);
    CHECK_OK(ktki_json_skip(&reader, NULL, NULL, &err));
    CHECK_OK(ktki_json_next(&reader, &event, &err));
    assert_int_equal(event, JSON_END);
    ktki_json_reader_clear(&reader);
    ktki_json_reader_init(&reader, test_allocator(), text, sizeof(text), DEPTH_MAX);
    CHECK_STATUS(ktki_json_next(&reader, &event, &err), KTK_E_CORRUPT);
    ktki_json_reader_clear(&reader);
    ktki_json_reader_init(&reader, test_allocator(), NULL, 0, DEPTH_MAX);
    CHECK_STATUS(ktki_json_next(&reader, &event, &err), KTK_E_CORRUPT);
    ktki_json_reader_clear(&reader);
    /* An escaped NUL is a character like another. */
    reader_init(&reader, "\"a\\u0000b\"");
    CHECK_OK(ktki_json_next(&reader, &event, &err));
    assert_int_equal(reader.text_size, 3);
    assert_memory_equal(reader.text, "a\0b", 3);
    ktki_json_reader_clear(&reader);
}

/* A stop at every place of a word, in strings of every length around it, read from a block that
 * ends with the document. */
static void finds_the_end_of_strings_of_any_length(void **unused) {
    (void)unused;
    for (size_t length = 0; length < 40; length++) {
        for (size_t special = 0; special <= length; special++) {
            size_t size = length + 2 + (special < length ? 1 : 0);
            char *text = malloc(size);
            struct json_reader reader;
            enum json_event event = JSON_NULL;
            size_t at = 0;
            ktk_error err;

            assert_non_null(text);
            text[at++] = '"';
            for (size_t i = 0; i < length; i++) {
                if (i == special) {
                    text[at++] = '\\';
                    text[at++] = 'n';
                } else {
                    text[at++] = (char)(' ' + 1 + i % 2 * 0x5D);
                    text[at - 1] = text[at - 1] == '"' ? '#' : text[at - 1];
                }
            }
            text[at++] = '"';
            assert_int_equal(at, size);
            ktki_json_reader_init(&reader, test_allocator(), text, size, DEPTH_MAX);
            CHECK_OK(ktki_json_next(&reader, &event, &err));
            assert_int_equal(event, JSON_STRING);
            assert_int_equal(reader.text_size, length);
            for (size_t i = 0; i < length; i++) {
                assert_int_equal(reader.text[i] == '\n', i == special);
            }
            ktki_json_reader_clear(&reader);
            free(text);
        }
    }
}

static void skips_values(void **unused) {
    struct json_reader reader;
    enum json_event event = JSON_NULL;
    const char *from = TEST_POISON;
    size_t size = 77;
    ktk_error err;

    (void)unused;
    reader_init(&reader, "{\"a\": {\"x\": [1, {}], \"y\": \"}\"}, \"b\": -1.5 , \"c\": [[]]}");
    CHECK_OK(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "an object", &err));
    CHECK_OK(ktki_json_expect(&reader, JSON_KEY, "a key", &err));
    assert_true(ktki_json_is(&reader, "a"));
    assert_false(ktki_json_is(&reader, ""));
    assert_false(ktki_json_is(&reader, "ab"));
    CHECK_OK(ktki_json_skip(&reader, &from, &size, &err));
    assert_int_equal(size, strlen("{\"x\": [1, {}], \"y\": \"}\"}"));
    assert_memory_equal(from, "{\"x\": [1, {}], \"y\": \"}\"}", size);
    CHECK_OK(ktki_json_expect(&reader, JSON_KEY, "a key", &err));
    assert_true(ktki_json_is(&reader, "b"));
    CHECK_OK(ktki_json_skip(&reader, &from, &size, &err));
    assert_int_equal(size, 4);
    assert_memory_equal(from, "-1.5", 4);
    CHECK_OK(ktki_json_expect(&reader, JSON_KEY, "a key", &err));
    CHECK_OK(ktki_json_expect(&reader, JSON_ARRAY_BEGIN, "an array", &err));
    CHECK_OK(ktki_json_skip(&reader, &from, &size, &err));
    assert_int_equal(size, 4);
    assert_memory_equal(from, "[[]]", 4);
    CHECK_OK(ktki_json_expect(&reader, JSON_OBJECT_END, "the end", &err));
    CHECK_OK(ktki_json_next(&reader, &event, &err));
    assert_int_equal(event, JSON_END);
    ktki_json_reader_clear(&reader);

    /* Before the first event: the whole document. */
    reader_init(&reader, " {\"a\": [1]} ");
    CHECK_OK(ktki_json_skip(&reader, &from, &size, &err));
    assert_int_equal(size, 10);
    ktki_json_reader_clear(&reader);

    from = TEST_POISON;
    size = 77;
    reader_init(&reader, "{\"a\": [1, }");
    CHECK_STATUS(ktki_json_skip(&reader, &from, &size, &err), KTK_E_CORRUPT);
    assert_true(from == TEST_POISON);
    assert_int_equal(size, 77);
    ktki_json_reader_clear(&reader);
}

static void says_what_was_expected(void **unused) {
    struct json_reader reader;
    ktk_error err;

    (void)unused;
    reader_init(&reader, "{\"a\": [1]}");
    CHECK_OK(ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "an object", &err));
    CHECK_OK(ktki_json_expect(&reader, JSON_KEY, "a key", &err));
    CHECK_STATUS(ktki_json_expect(&reader, JSON_STRING, "the text of 'a'", &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("expected the text of 'a' at byte 6");
    ktki_json_reader_clear(&reader);
}

static void survives_allocation_failures(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        static const char text[] =
            "[{\"a\\u0041\": [\"an escape \\n and more text than fits in the "
            "sixty-four bytes that a buffer starts with\"]}]";
        struct json_reader reader;
        ktk_error err;
        ktk_status status;

        ktki_json_reader_init(&reader, ktki_context_allocator(context), text, strlen(text),
                              DEPTH_MAX);
        status = ktki_json_skip(&reader, NULL, NULL, &err);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        ktki_json_reader_clear(&reader);
        test_context_free(context);
        assert_true(n < 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_events_of_a_document),
        cmocka_unit_test(says_where_a_document_is_broken),
        cmocka_unit_test(ends_with_the_size_not_with_a_nul),
        cmocka_unit_test(finds_the_end_of_strings_of_any_length),
        cmocka_unit_test(skips_values),
        cmocka_unit_test(says_what_was_expected),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
