#include "support/test.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "net/xml.h"

/* "path=text|…" in the order of the ends. */
static ktk_status note(void *state, const char *path, const char *text, ktk_error *err) {
    return ktki_buffer_append_format(state, err, "%s=%s|", path, text);
}

static void check(const char *document, const char *wanted) {
    struct buffer seen;
    ktk_error err;

    ktki_buffer_init(&seen, test_allocator(), 0);
    CHECK_OK(ktki_xml_read(test_allocator(), document, strlen(document), note, &seen, &err));
    CHECK_OK(ktki_buffer_append_byte(&seen, '\0', &err));
    assert_string_equal((const char *)seen.data, wanted);
    ktki_buffer_clear(&seen);
    assert_int_equal(test_allocator_live(), 0);
}

static void refuse(const char *document, size_t size, ktk_status status, const char *message) {
    struct buffer seen;
    ktk_error err;

    ktki_buffer_init(&seen, test_allocator(), 0);
    CHECK_STATUS(ktki_xml_read(test_allocator(), document, size, note, &seen, &err), status);
    CHECK_MESSAGE(message);
    ktki_buffer_clear(&seen);
    assert_int_equal(test_allocator_live(), 0);
}

static void tells_paths_and_texts(void **unused) {
    (void)unused;
    check("<a/>", "a=|");
    check("<?xml version=\"1.0\"?><a x='1'>1<b>2</b>3<b>4<c/></b>5</a>",
          "a/b=2|a/b/c=|a/b=4|a=135|");
    check("<a xmlns='urn:x'><k>&lt;&amp;&#x41;<![CDATA[<z>]]>\xC3\xA4</k></a>",
          "a/k=<&A<z>\xC3\xA4|a=|");
    check("<a> <b>\n</b> </a>", "a/b=\n|a=  |");
}

static void refuses_what_is_no_document(void **unused) {
    static const char *const documents[] = {"",         "x",           "<a>",          "<a></b>",
                                            "<a/><b/>", "<a>\xFF</a>", "<a>&nope;</a>"};

    (void)unused;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        refuse(documents[i], strlen(documents[i]), KTK_E_CORRUPT, "no XML in line 1");
    }
    refuse("<a>\0</a>", 8, KTK_E_CORRUPT, "no XML");
}

/* Entities of a document's own can grow without end, or name files. */
static void refuses_document_types(void **unused) {
    static const char *const documents[] = {"<!DOCTYPE a><a/>",
                                            "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>",
                                            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"};

    (void)unused;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        refuse(documents[i], strlen(documents[i]), KTK_E_CORRUPT, "document type");
    }
}

static void bounds_depth_and_texts(void **unused) {
    char deep[8 * (KTKI_XML_DEPTH_MAX + 1) + 1] = "";
    static char wide[70000];

    (void)unused;
    for (int depth = KTKI_XML_DEPTH_MAX; depth <= KTKI_XML_DEPTH_MAX + 1; depth++) {
        size_t size = 0;

        for (int i = 0; i < depth; i++) {
            size += (size_t)snprintf(deep + size, sizeof(deep) - size, "<a>");
        }
        for (int i = 0; i < depth; i++) {
            size += (size_t)snprintf(deep + size, sizeof(deep) - size, "</a>");
        }
        if (depth > KTKI_XML_DEPTH_MAX) {
            refuse(deep, size, KTK_E_LIMIT, "32 deep");
        } else {
            struct buffer seen;
            ktk_error err;

            ktki_buffer_init(&seen, test_allocator(), 0);
            CHECK_OK(ktki_xml_read(test_allocator(), deep, size, note, &seen, &err));
            ktki_buffer_clear(&seen);
        }
    }
    memset(wide, 'x', sizeof(wide));
    memcpy(wide, "<a>", 3);
    memcpy(wide + sizeof(wide) - 4, "</a>", 4);
    refuse(wide, sizeof(wide), KTK_E_LIMIT, "");
}

static ktk_status stop(void *state, const char *path, const char *text, ktk_error *err) {
    int *calls = state;

    (void)text;
    (*calls)++;
    return ktk_error_set(err, KTK_E_CANCELLED, "enough of '%s'", path);
}

static void ends_when_told_so(void **unused) {
    static const char document[] = "<a><b/><c/></a>";
    int calls = 0;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(
        ktki_xml_read(test_allocator(), document, sizeof(document) - 1, stop, &calls, &err),
        KTK_E_CANCELLED);
    CHECK_MESSAGE("enough of 'a/b'");
    assert_int_equal(calls, 1);
}

static void survives_each_failing_allocation(void **unused) {
    static const char document[] = "<a><b>text</b></a>";
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct buffer seen;
        ktk_error err;
        ktk_status status;

        ktki_buffer_init(&seen, ktki_context_allocator(context), 0);
        status = ktki_xml_read(ktki_context_allocator(context), document, sizeof(document) - 1,
                               note, &seen, &err);
        done = !test_context_has_failed();
        assert_int_equal(status, done ? KTK_OK : KTK_E_NO_MEMORY);
        ktki_buffer_clear(&seen);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_paths_and_texts),
        cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(refuses_document_types),
        cmocka_unit_test(bounds_depth_and_texts),
        cmocka_unit_test(ends_when_told_so),
        cmocka_unit_test(survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
