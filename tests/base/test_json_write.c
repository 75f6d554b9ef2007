#include "support/table.h"
#include "support/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/context.h"
#include "base/json_write.h"

static void check_content(const struct buffer *buffer, const char *wanted) {
    assert_int_equal(buffer->size, strlen(wanted));
    assert_memory_equal(buffer->data, wanted, buffer->size);
}

static ktk_status write_all_kinds(struct buffer *out, ktk_error *err) {
    struct json_writer writer;
    ktk_status status;

    ktki_json_writer_init(&writer, out);
    if ((status = ktki_json_begin_object(&writer, err)) != KTK_OK ||
        (status = ktki_json_key(&writer, "version", err)) != KTK_OK ||
        (status = ktki_json_i64(&writer, INT64_MIN, err)) != KTK_OK ||
        (status = ktki_json_key(&writer, "k\n", err)) != KTK_OK ||
        (status = ktki_json_begin_array(&writer, err)) != KTK_OK ||
        (status = ktki_json_begin_object(&writer, err)) != KTK_OK ||
        (status = ktki_json_end_object(&writer, err)) != KTK_OK ||
        (status = ktki_json_bool(&writer, true, err)) != KTK_OK ||
        (status = ktki_json_bool(&writer, false, err)) != KTK_OK ||
        (status = ktki_json_begin_array(&writer, err)) != KTK_OK ||
        (status = ktki_json_end_array(&writer, err)) != KTK_OK ||
        (status = ktki_json_raw(&writer, "{\"raw\": 1.5}", 12, err)) != KTK_OK ||
        (status = ktki_json_end_array(&writer, err)) != KTK_OK ||
        (status = ktki_json_key_bytes(&writer, "a\0b", 3, err)) != KTK_OK ||
        (status = ktki_json_text(&writer, NULL, err)) != KTK_OK ||
        (status = ktki_json_key(&writer, "t", err)) != KTK_OK ||
        (status = ktki_json_text(&writer, "text", err)) != KTK_OK ||
        (status = ktki_json_end_object(&writer, err)) != KTK_OK) {
        return status;
    }
    return KTK_OK;
}

static const char all_kinds[] =
    "{\"version\": -9223372036854775808, \"k\\n\": [{}, true, false, [], "
    "{\"raw\": 1.5}], \"a\\u0000b\": null, \"t\": \"text\"}";

static void writes_separators_as_python_does(void **unused) {
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(write_all_kinds(&out, &err));
    check_content(&out, all_kinds);
    ktki_buffer_clear(&out);
}

static int from_hex(const char *hex, uint8_t *out) {
    int size = 0;

    for (; hex[0] != '\0'; hex += 2) {
        unsigned value;
        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        out[size++] = (uint8_t)value;
    }
    return size;
}

static void check_string(const char *const *cells, size_t count) {
    uint8_t text[512];
    int size = from_hex(cells[0], text);
    struct json_writer writer;
    struct buffer out;
    ktk_error err;

    (void)count;
    ktki_buffer_init(&out, test_allocator(), 0);
    ktki_json_writer_init(&writer, &out);
    CHECK_OK(ktki_json_string(&writer, (const char *)text, (size_t)size, &err));
    check_content(&out, cells[1]);
    ktki_buffer_clear(&out);
}

static void escapes_as_simplejson_does(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/json_strings.tsv", 2, check_string);
}

/* How RFC 8259 and Python write one ASCII character, worked out for itself. */
static void spell(char out[8], int byte) {
    static const char named[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                    {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (named[i][0] == byte) {
            (void)snprintf(out, 8, "\\%c", named[i][1]);
            return;
        }
    }
    (void)snprintf(out, 8, byte < 0x20 || byte == 0x7F ? "\\u%04x" : "%c", (unsigned)byte);
}

static void escapes_wherever_a_character_stands(void **unused) {
    (void)unused;
    for (int byte = 0; byte < 0x80; byte++) {
        char spelled[8];

        spell(spelled, byte);
        for (int size = 1; size < 19; size++) {
            for (int place = 0; place < size; place++) {
                char text[20];
                char wanted[80];
                struct json_writer writer;
                struct buffer out;
                ktk_error err;

                memset(text, 'x', sizeof(text));
                text[place] = (char)byte;
                (void)snprintf(wanted, sizeof(wanted), "\"%.*s%s%.*s\"", place,
                               "xxxxxxxxxxxxxxxxxxxx", spelled, size - place - 1,
                               "xxxxxxxxxxxxxxxxxxxx");
                ktki_buffer_init(&out, test_allocator(), 0);
                ktki_json_writer_init(&writer, &out);
                CHECK_OK(ktki_json_string(&writer, text, (size_t)size, &err));
                check_content(&out, wanted);
                ktki_buffer_clear(&out);
            }
        }
    }
}

static void refuses_text_that_is_not_utf8(void **unused) {
    struct json_writer writer;
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    ktki_json_writer_init(&writer, &out);
    CHECK_STATUS(ktki_json_string(&writer, "ab\xFF", 3, &err), KTK_E_INVALID);
    ktki_buffer_clear(&out);
}

static void check_document(const char *const *cells, size_t count) {
    static const char before[] = "before";
    uint8_t text[1024];
    int size = from_hex(cells[0], text);
    uint8_t *copy = malloc((size_t)size); /* nothing behind it may be read */
    struct buffer out;
    ktk_error err;

    (void)count;
    assert_non_null(copy);
    memcpy(copy, text, (size_t)size);
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&out, before, &err));
    if (strcmp(cells[1], "-") == 0) {
        CHECK_STATUS(ktki_json_normalise(&out, (const char *)copy, (size_t)size, true,
                                         test_allocator(), &err),
                     KTK_E_CORRUPT);
        check_content(&out, before);
    } else {
        CHECK_OK(ktki_json_normalise(&out, (const char *)copy, (size_t)size, true, test_allocator(),
                                     &err));
        assert_memory_equal(out.data, before, strlen(before));
        assert_int_equal(out.size, strlen(before) + strlen(cells[1]));
        assert_memory_equal(out.data + strlen(before), cells[1], strlen(cells[1]));
    }
    ktki_buffer_clear(&out);
    free(copy);
}

static void reads_what_python_reads_and_nothing_else(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/json_documents.tsv", 2, check_document);
}

static void refuses_numbers_that_are_not_json(void **unused) {
    static const char *const texts[] = {"[NaN]", "{\"a\": Infinity}", "-Infinity"};
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_STATUS(
            ktki_json_normalise(&out, texts[i], strlen(texts[i]), false, test_allocator(), &err),
            KTK_E_INVALID);
        CHECK_MESSAGE("is not a number in JSON");
        assert_int_equal(out.size, 0);
        CHECK_OK(
            ktki_json_normalise(&out, texts[i], strlen(texts[i]), true, test_allocator(), &err));
        check_content(&out, texts[i]);
        out.size = 0;
    }
    ktki_buffer_clear(&out);
}

static void normalises_down_to_the_last_level(void **unused) {
    char text[200];
    struct buffer out;
    ktk_error err;

    (void)unused;
    for (int depth = 62; depth <= 64; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        ktki_buffer_init(&out, test_allocator(), 0);
        CHECK_STATUS(
            ktki_json_normalise(&out, text, (size_t)depth * 2, false, test_allocator(), &err),
            depth <= 63 ? KTK_OK : KTK_E_LIMIT);
        ktki_buffer_clear(&out);
    }
}

static void check_golden(const char *path) {
    struct stat info;
    struct buffer out;
    char *text;
    FILE *file;
    ktk_error err;

    assert_int_equal(stat(path, &info), 0);
    text = malloc((size_t)info.st_size);
    file = fopen(path, "rb");
    assert_true(text != NULL && file != NULL);
    assert_int_equal(fread(text, 1, (size_t)info.st_size, file), info.st_size);
    assert_int_equal(fclose(file), 0);
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_json_normalise(&out, text, (size_t)info.st_size, true, test_allocator(), &err));
    if (out.size != (size_t)info.st_size || memcmp(out.data, text, out.size) != 0) {
        fail_msg("%s comes out differently", path);
    }
    ktki_buffer_clear(&out);
    free(text);
}

/* The bytes the originals wrote are what we write for the same content. */
static void keeps_the_documents_of_the_originals(void **unused) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    int checked = 0;
    glob_t paths;
    char pattern[4096];

    (void)unused;
    (void)snprintf(pattern, sizeof(pattern),
                   "%s/tests/data/golden/stores/*/*/*.by-dataset-metadata.json", root);
    assert_int_equal(glob(pattern, 0, NULL, &paths), 0);
    for (size_t i = 0; i < paths.gl_pathc; i++) {
        /* The stores called "legacy" were made by hand. */
        if (strstr(paths.gl_pathv[i], "/legacy/") == NULL) {
            check_golden(paths.gl_pathv[i]);
            checked++;
        }
    }
    globfree(&paths);
    assert_true(checked > 20);
}

static void survives_allocation_failures(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        const ktk_allocator *allocator = ktki_context_allocator(context);
        struct buffer first;
        struct buffer second;
        ktk_error err;
        ktk_status status;

        ktki_buffer_init(&first, allocator, 0);
        ktki_buffer_init(&second, allocator, 0);
        status = write_all_kinds(&first, &err);
        if (status == KTK_OK) {
            status = ktki_json_normalise(&second, (const char *)first.data, first.size, false,
                                         allocator, &err);
        }
        is_done = status == KTK_OK;
        if (is_done) {
            check_content(&second, all_kinds);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_int_equal(second.size, 0);
        }
        ktki_buffer_clear(&first);
        ktki_buffer_clear(&second);
        test_context_free(context);
        assert_true(n < 20);
    }
}

static void stops_at_the_bound_of_the_buffer(void **unused) {
    struct buffer out;
    ktk_error err;

    (void)unused;
    for (size_t size = 1; size < strlen(all_kinds); size++) {
        ktki_buffer_init(&out, test_allocator(), size);
        CHECK_STATUS(write_all_kinds(&out, &err), KTK_E_LIMIT);
        assert_true(out.size <= size);
        ktki_buffer_clear(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_separators_as_python_does),
        cmocka_unit_test(escapes_as_simplejson_does),
        cmocka_unit_test(escapes_wherever_a_character_stands),
        cmocka_unit_test(refuses_text_that_is_not_utf8),
        cmocka_unit_test(reads_what_python_reads_and_nothing_else),
        cmocka_unit_test(refuses_numbers_that_are_not_json),
        cmocka_unit_test(normalises_down_to_the_last_level),
        cmocka_unit_test(keeps_the_documents_of_the_originals),
        cmocka_unit_test(survives_allocation_failures),
        cmocka_unit_test(stops_at_the_bound_of_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
