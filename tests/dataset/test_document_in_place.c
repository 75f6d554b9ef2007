/* Documents whose names stay where they stand in the text. The other way of reading, which copies
 * them, and a text that says the same in other bytes are what results are compared with. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kartothek/dataset.h>

#include "base/context.h"
#include "dataset/document.h"
#include "dataset/document_file.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
    __has_feature(thread_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

#define HEAD "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {"
#define TAIL "}, \"partition_keys\": []}"

/* A document and the text it was parsed in. */
struct placed {
    struct document document;
    char *text;
};

static struct placed placed(ktk_context *context, const char *text, size_t size) {
    struct placed result = {.text = malloc(size + 1)};
    ktk_error err;

    assert_non_null(result.text);
    memcpy(result.text, text, size);
    CHECK_OK(ktki_document_parse_in_place(&result.document, context, result.text, size, &err));
    return result;
}

static void placed_clear(struct placed *placed) {
    ktki_document_clear(&placed->document);
    free(placed->text);
}

static void check_same(const struct document *a, const struct document *b) {
    assert_int_equal(a->partition_count, b->partition_count);
    assert_int_equal(a->table_count, b->table_count);
    for (int64_t i = 0; i < a->partition_count; i++) {
        const struct partition *p = &a->partitions[i];
        const struct partition *q = &b->partitions[i];

        assert_string_equal(p->label, q->label);
        assert_int_equal(p->file_count, q->file_count);
        for (int32_t j = 0; j < p->file_count; j++) {
            assert_string_equal(p->files[j].table, q->files[j].table);
            assert_string_equal(p->files[j].key, q->files[j].key);
        }
    }
}

static void check_same_text(const struct document *a, const struct document *b) {
    struct buffer first;
    struct buffer second;
    ktk_error err;

    ktki_buffer_init(&first, test_allocator(), 0);
    ktki_buffer_init(&second, test_allocator(), 0);
    CHECK_OK(ktki_document_write(a, &first, &err));
    CHECK_OK(ktki_document_write(b, &second, &err));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    ktki_buffer_clear(&second);
    ktki_buffer_clear(&first);
}

/* ---- texts that are made up ---- */

static uint32_t draw(uint64_t *random, uint32_t count) {
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % count;
}

/* A name as it stands in a document, of up to 40 bytes; rarely with what is no plain text. */
static void append_name(struct buffer *out, uint64_t *random) {
    static const char *const odd[] = {"\\\"", "\\u00e9", "\xC3\xA9",
                                      "\\\\", "\\n",     "\\ud83d\\ude00"};
    bool is_odd = draw(random, 12) == 0;

    for (uint32_t i = draw(random, 40); i > 0; i--) {
        if (is_odd && draw(random, 6) == 0) {
            assert_int_equal(
                ktki_buffer_append_text(out, odd[draw(random, sizeof(odd) / sizeof(odd[0]))], NULL),
                KTK_OK);
        } else {
            assert_int_equal(ktki_buffer_append_byte(out, (uint8_t)('a' + draw(random, 26)), NULL),
                             KTK_OK);
        }
    }
}

static void append(struct buffer *out, const char *text) {
    assert_int_equal(ktki_buffer_append_text(out, text, NULL), KTK_OK);
}

/* A document of `count` partitions, the same for the same `random`. `is_spaced`: with blanks where
 * nobody writes them. */
static void make_document(struct buffer *out, uint64_t random, int count, bool is_spaced) {
    append(out, HEAD);
    for (int i = 0; i < count; i++) {
        int files = draw(&random, 9) == 0 ? (int)draw(&random, 3) : 1;
        char number[32];

        append(out, i == 0 ? "\"" : is_spaced ? " , \"" : ", \"");
        (void)snprintf(number, sizeof(number), "%d/", draw(&random, 50) == 0 ? i / 2 : i);
        append(out, number);
        append_name(out, &random);
        append(out, is_spaced ? "\" : {\"files\": {" : "\": {\"files\": {");
        for (int j = 0; j < files; j++) {
            append(out, j > 0 ? ", " : "");
            append(out, draw(&random, 9) == 0 ? "\"other\": \"" : "\"table\": \"");
            append_name(out, &random);
            append(out, "\"");
        }
        append(out, is_spaced ? "} }" : "}}");
    }
    append(out, TAIL);
}

static void says_the_same_as_other_bytes(void **unused) {
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct buffer text;
        struct buffer spaced;
        struct document other;
        struct placed tight;
        struct placed loose;
        char *restored;
        ktk_error err;

        ktki_buffer_init(&text, test_allocator(), 0);
        ktki_buffer_init(&spaced, test_allocator(), 0);
        make_document(&text, seed, (int)seed, false);
        make_document(&spaced, seed, (int)seed, true);
        CHECK_OK(ktki_document_parse(&other, context, (const char *)text.data, text.size, &err));
        tight = placed(context, (const char *)text.data, text.size);
        loose = placed(context, (const char *)spaced.data, spaced.size);
        check_same(&tight.document, &other);
        check_same(&tight.document, &loose.document);
        check_same_text(&tight.document, &other);
        check_same_text(&tight.document, &loose.document);
        restored = malloc(text.size);
        assert_non_null(restored);
        ktki_document_restore(restored, tight.text, text.size);
        assert_memory_equal(restored, text.data, text.size);
        free(restored);
        placed_clear(&loose);
        placed_clear(&tight);
        ktki_document_clear(&other);
        ktki_buffer_clear(&spaced);
        ktki_buffer_clear(&text);
    }
    test_context_free(context);
}

/* Partitions go, come and change places between the parse and the writing, as updates have it. */
static void writes_what_is_left_as_it_was(void **unused) {
    ktk_context *context = test_context_new(1);
    uint64_t random = 1;

    (void)unused;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct partition_file file = {"table", "new"};
        struct document copied;
        struct placed tight;
        struct buffer text;
        int64_t count = 0;
        ktk_error err;

        ktki_buffer_init(&text, test_allocator(), 0);
        make_document(&text, seed, 100, false);
        CHECK_OK(ktki_document_parse(&copied, context, (const char *)text.data, text.size, &err));
        tight = placed(context, (const char *)text.data, text.size);
        for (int64_t i = 0; i < copied.partition_count; i++) {
            int64_t from = i;

            switch (draw(&random, 20)) {
            case 0:
                continue;
            case 1:
                from = count > 0 ? draw(&random, (uint32_t)i) : 0;
                break;
            case 2:
                copied.partitions[i] = (struct partition){"n\x7F\"", 1, &file};
                tight.document.partitions[i] = copied.partitions[i];
                break;
            default:
                break;
            }
            copied.partitions[count] = copied.partitions[from];
            tight.document.partitions[count++] = tight.document.partitions[from];
        }
        copied.partition_count = count;
        tight.document.partition_count = count;
        check_same(&tight.document, &copied);
        check_same_text(&tight.document, &copied);
        placed_clear(&tight);
        ktki_document_clear(&copied);
        ktki_buffer_clear(&text);
    }
    test_context_free(context);
}

/* Whatever byte is another one, both ways of reading come to the same end; a text that is cut is
 * refused wherever that is. */
static void agrees_on_what_is_broken(void **unused) {
    static const char text[] =
        HEAD "\"a/b\": {\"files\": {\"t\": \"u/t/a/b.parquet\"}}, "
             "\"c/d\": {\"files\": {\"t\": \"u/t/c/d.parquet\"}}, "
             "\"e\\u0041\": {\"files\": {\"t\": \"x\"}}, \"g\": {\"files\": {\"t\": \"y\"}}" TAIL;
    static const char bytes[] = "\"\\{},: a\x01\xC3\x80";
    ktk_context *context = test_context_new(1);
    char changed[sizeof(text)];
    char place[sizeof(text)];
    struct document document;
    struct document other;
    ktk_error err;

    (void)unused;
    for (size_t size = 0; size < sizeof(text) - 1; size++) {
        memcpy(place, text, size);
        CHECK_STATUS(ktki_document_parse_in_place(&document, context, place, size, &err),
                     KTK_E_CORRUPT);
    }
    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        for (size_t i = 0; i < sizeof(bytes); i++) { /* NUL included */
            ktk_status wanted;
            ktk_status status;

            memcpy(changed, text, sizeof(text));
            changed[at] = bytes[i];
            memcpy(place, changed, sizeof(text));
            wanted = ktki_document_parse(&other, context, changed, sizeof(text) - 1, &err);
            status =
                ktki_document_parse_in_place(&document, context, place, sizeof(text) - 1, &err);
            assert_int_equal(status, wanted);
            if (status == KTK_OK) {
                check_same(&document, &other);
                ktki_document_clear(&document);
                ktki_document_clear(&other);
            }
        }
    }
    test_context_free(context);
}

static void survives_lack_of_memory(void **unused) {
    struct buffer text;
    bool done = false;

    (void)unused;
    ktki_buffer_init(&text, test_allocator(), 0);
    make_document(&text, 3, 700, false);
    for (int64_t n = 0; !done; n += 1 + n / 16) {
        ktk_context *failing = test_context_failing(n);
        struct document document = {.uuid = TEST_POISON};
        char *place = malloc(text.size);
        ktk_status status;
        ktk_error err;

        assert_non_null(place);
        memcpy(place, text.data, text.size);
        status = ktki_document_parse_in_place(&document, failing, place, text.size, &err);
        done = status == KTK_OK;
        if (done) {
            ktki_document_clear(&document);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(document.uuid, TEST_POISON);
        }
        free(place);
        test_context_free(failing);
    }
    ktki_buffer_clear(&text);
}

/* ---- a million partitions ---- */

#define PARTITION_COUNT 1000000
#define ADDRESS_SPACE ((size_t)256 << 20)

static void write_file(const char *folder, const char *name, const struct buffer *content) {
    char path[4096];
    FILE *file;

    assert_true(snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path));
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content->data, 1, content->size, file), content->size);
    assert_int_equal(fclose(file), 0);
}

/* Dataset "u" in JSON, "m" in MessagePack. */
static void write_large(const char *folder) {
    struct buffer text;
    struct buffer packed;
    ktk_error err;

    ktki_buffer_init(&text, test_allocator(), 0);
    ktki_buffer_init(&packed, test_allocator(), 0);
    append(&text, HEAD);
    for (int i = 0; i < PARTITION_COUNT; i++) {
        char label[100];

        (void)snprintf(label, sizeof(label), "day=%05d%%2000%%3A00%%3A00/%032x", i / 10, i);
        CHECK_OK(ktki_buffer_append_format(
            &text, &err, "%s\"%s\": {\"files\": {\"table\": \"u/table/%s.parquet\"}}",
            i == 0 ? "" : ", ", label, label));
    }
    append(&text, TAIL);
    write_file(folder, "u.by-dataset-metadata.json", &text);
    CHECK_OK(ktki_document_pack(&packed, KTK_DOCUMENT_MSGPACK, (const char *)text.data, text.size,
                                &err));
    write_file(folder, "m.by-dataset-metadata.msgpack.zstd", &packed);
    ktki_buffer_clear(&packed);
    ktki_buffer_clear(&text);
}

/* The child's exit status. */
static int open_within_limit(const char *folder, const char *uuid) {
    const struct rlimit limit = {ADDRESS_SPACE, ADDRESS_SPACE};
    ktk_context *context = NULL;
    ktk_store *store = NULL;
    ktk_dataset *dataset = NULL;
    ktk_error err = {0};
    char url[4096];
    bool is_right;

    (void)snprintf(url, sizeof(url), "hfs://%s?create_if_missing=false", folder);
    if (setrlimit(RLIMIT_AS, &limit) != 0 || ktk_context_new(&context, NULL, &err) != KTK_OK ||
        ktk_store_open(&store, context, url, &err) != KTK_OK ||
        ktk_dataset_open(&dataset, store, uuid, &err) != KTK_OK) {
        fprintf(stderr, "# %s\n", err.message);
        return 1;
    }
    is_right = ktk_dataset_partition_count(dataset) == PARTITION_COUNT &&
               strcmp(ktk_dataset_partition_file(dataset, PARTITION_COUNT - 1, "table"),
                      "u/table/day=99999%2000%3A00%3A00/000000000000000000000000000f423f"
                      ".parquet") == 0;
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    ktk_context_free(context);
    return is_right ? 0 : 2;
}

static void check_within_limit(const char *folder, const char *uuid) {
    int status = 0;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        _exit(open_within_limit(folder, uuid));
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void opens_a_million_partitions_in_256_mib(void **unused) {
    char *folder;

    (void)unused;
#ifdef IS_SANITIZED
    print_message("# SKIPPED: a sanitizer needs more address space than is allowed here\n");
    skip();
#endif
    folder = test_folder_new();
    write_large(folder);
    check_within_limit(folder, "u");
    check_within_limit(folder, "m");
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_the_same_as_other_bytes),
        cmocka_unit_test(writes_what_is_left_as_it_was),
        cmocka_unit_test(agrees_on_what_is_broken),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(opens_a_million_partitions_in_256_mib),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
