#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include <kartothek/version.h>

#include "base/error.h"

static void names_every_status(void **unused) {
    (void)unused;
    assert_string_equal(ktk_status_name(KTK_OK), "ok");
    assert_string_equal(ktk_status_name(KTK_E_NOT_FOUND), "not found");
    assert_string_equal(ktk_status_name(KTK_E_INTERNAL), "internal");
    for (int status = KTK_OK; status <= KTK_E_UNKNOWN_OUTCOME; status++) {
        assert_string_not_equal(ktk_status_name((ktk_status)status), "unknown");
    }
    assert_string_equal(ktk_status_name((ktk_status)(KTK_E_UNKNOWN_OUTCOME + 1)), "unknown");
    assert_string_equal(ktk_status_name((ktk_status)-1), "unknown");
}

static void sets_status_and_text(void **unused) {
    ktk_error err;

    (void)unused;
    memset(&err, 0x55, sizeof(err));
    assert_int_equal(ktk_error_set(&err, KTK_E_SCHEMA, "column '%s' has %d rows", "a", 3),
                     KTK_E_SCHEMA);
    assert_int_equal(err.status, KTK_E_SCHEMA);
    assert_int_equal(err.detail, 0);
    assert_string_equal(err.message, "column 'a' has 3 rows");
    assert_int_equal(ktk_error_set(NULL, KTK_E_IO, "nobody listens"), KTK_E_IO);
}

static void says_what_a_failure_is_about(void **unused) {
    char longer[400];
    ktk_error err;

    (void)unused;
    memset(&err, 0x55, sizeof(err));
    (void)ktk_error_set(&err, KTK_E_SCHEMA, "no");
    assert_int_equal(err.reason, KTK_REASON_NONE);
    assert_string_equal(err.subject, "");
    ktki_error_about(&err, KTK_REASON_SHARED_COLUMN, "a\nb");
    ktki_error_about(&err, KTK_REASON_TABLE_SCHEMA, "later");
    ktki_error_context(&err, "context");
    assert_int_equal(err.reason, KTK_REASON_SHARED_COLUMN);
    assert_string_equal(err.subject, "a b");
    (void)ktk_error_set(&err, KTK_E_IO, "another");
    assert_int_equal(err.reason, KTK_REASON_NONE);
    for (size_t i = 0; i < sizeof(longer) - 1; i += 3) { /* a sign of three bytes again and again */
        memcpy(longer + i, "\xE2\x82\xAC", 3);
    }
    longer[sizeof(longer) - 1] = '\0';
    ktki_error_about(&err, KTK_REASON_KEY, longer);
    assert_int_equal(strlen(err.subject), 249);
    ktki_error_about(NULL, KTK_REASON_KEY, "x");
    for (int reason = KTK_REASON_NONE; reason <= KTK_REASON_LITERAL_TYPE; reason++) {
        assert_string_not_equal(ktk_reason_name((ktk_reason)reason), "unknown");
    }
    assert_string_equal(ktk_reason_name((ktk_reason)(KTK_REASON_LITERAL_TYPE + 1)), "unknown");
}

static void puts_context_in_front(void **unused) {
    ktk_error err;

    (void)unused;
    (void)ktk_error_set(&err, KTK_E_CORRUPT, "no magic bytes");
    ktki_error_context(&err, "table '%s'", "core");
    ktki_error_context(&err, "dataset");
    assert_int_equal(err.status, KTK_E_CORRUPT);
    assert_string_equal(err.message, "dataset: table 'core': no magic bytes");
    ktki_error_context(NULL, "nobody listens");
}

static void cuts_long_texts_between_characters(void **unused) {
    char text[1200];
    ktk_error err;

    (void)unused;
    for (size_t lead = 0; lead < 4; lead++) {
        size_t used = lead;
        memset(text, 'x', lead);
        while (used < 1000) {
            memcpy(text + used, "\xF0\x9F\x98\x80", 4);
            used += 4;
        }
        text[used] = '\0';
        (void)ktk_error_set(&err, KTK_E_IO, "%s", text);
        /* 503 bytes at most: the ASCII bytes and as many whole characters as fit. */
        assert_int_equal(strlen(err.message), lead + (503 - lead) / 4 * 4);
        assert_memory_equal(err.message, text, strlen(err.message));
        ktki_error_context(&err, "%s", text);
        assert_int_equal(strlen(err.message), lead + (503 - lead) / 4 * 4);
    }
    memset(text, 'y', 503);
    text[503] = '\0';
    (void)ktk_error_set(&err, KTK_E_IO, "%s", text);
    assert_string_equal(err.message, text);
}

static void keeps_messages_one_line_of_utf8(void **unused) {
    ktk_error err;

    (void)unused;
    (void)ktk_error_set(&err, KTK_E_IO, "a\nb\tc\x7F \xFF\xC3 \xC3\xA4 \xED\xA0\x80");
    assert_string_equal(err.message, "a b c  ?? \xC3\xA4 ???");
}

static void translates_errno(void **unused) {
    static const struct {
        int number;
        ktk_status status;
    } cases[] = {
        {ENOENT, KTK_E_NOT_FOUND}, {EACCES, KTK_E_DENIED},    {EPERM, KTK_E_DENIED},
        {EROFS, KTK_E_READ_ONLY},  {ENOMEM, KTK_E_NO_MEMORY}, {ENOSPC, KTK_E_IO},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_error err;
        assert_int_equal(ktki_error_errno(&err, cases[i].number, "cannot open '%s'", "f"),
                         cases[i].status);
        assert_int_equal(err.status, cases[i].status);
        assert_int_equal(err.detail, cases[i].number);
        assert_memory_equal(err.message, "cannot open 'f': ", 17);
        assert_string_equal(err.message + 17, strerror(cases[i].number));
        assert_int_equal(ktki_error_errno(NULL, cases[i].number, "x"), cases[i].status);
    }
}

static void names_the_size_that_memory_was_short_of(void **unused) {
    ktk_error err;

    (void)unused;
    assert_int_equal(ktki_error_memory(&err, 12345), KTK_E_NO_MEMORY);
    assert_string_equal(err.message, "out of memory for 12345 bytes");
}

static int releases;

static void count_release(ktk_bytes *bytes) {
    releases++;
    assert_ptr_equal(bytes->owner, &releases);
}

static void clears_bytes_once(void **unused) {
    ktk_bytes bytes = {(const uint8_t *)"x", 1, count_release, &releases};

    (void)unused;
    ktk_bytes_clear(&bytes);
    assert_int_equal(releases, 1);
    assert_null(bytes.data);
    assert_int_equal(bytes.size, 0);
    ktk_bytes_clear(&bytes);
    assert_int_equal(releases, 1);
}

static void knows_its_version(void **unused) {
    (void)unused;
    assert_string_equal(ktk_version(), KTK_VERSION_TEXT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_status),
        cmocka_unit_test(sets_status_and_text),
        cmocka_unit_test(says_what_a_failure_is_about),
        cmocka_unit_test(puts_context_in_front),
        cmocka_unit_test(cuts_long_texts_between_characters),
        cmocka_unit_test(keeps_messages_one_line_of_utf8),
        cmocka_unit_test(translates_errno),
        cmocka_unit_test(names_the_size_that_memory_was_short_of),
        cmocka_unit_test(clears_bytes_once),
        cmocka_unit_test(knows_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
