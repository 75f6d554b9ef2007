#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/msgpack.h"
#include "codec/codec.h"
#include "dataset/document_file.h"

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    context = test_context_new(1);
    CHECK_OK(ktk_store_open(&memory, context, test_store_url(), &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

static void put(const char *key, const void *data, size_t size) {
    ktk_error err;

    CHECK_OK(ktk_store_put(memory, key, data, size, NULL, NULL, &err));
}

/* What a frame of ZSTD holds; freed by the caller. */
static uint8_t *content_of(const uint8_t *frame, size_t size, uint64_t *content) {
    const struct codec *zstd = NULL;
    struct codec_scratch scratch;
    uint8_t *out;
    ktk_error err;

    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(ktki_codec_find(&zstd, CODEC_ZSTD, &err));
    CHECK_OK(ktki_zstd_content_size(frame, size, content, &err));
    out = malloc(*content);
    assert_non_null(out);
    CHECK_OK(zstd->decompress(&scratch, frame, size, out, *content, &err));
    ktki_codec_scratch_clear(&scratch);
    return out;
}

/* The same as calls of their own: bytes of a file, and what they hold. */
static void check_packing(const ktk_bytes *text, const ktk_bytes *file,
                          const struct buffer *packed) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_document_pack(&bytes, context, (const char *)text->data, text->size, &err));
    assert_int_equal(bytes.size, packed->size);
    assert_memory_equal(bytes.data, packed->data, packed->size);
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktk_document_unpack(&bytes, context, file->data, file->size, &err));
    assert_int_equal(bytes.size, text->size);
    assert_memory_equal(bytes.data, text->data, text->size);
    ktk_bytes_clear(&bytes);
    CHECK_STATUS(ktk_document_unpack(&bytes, context, "damaged", 7, &err), KTK_E_CORRUPT);
    CHECK_STATUS(ktk_document_pack(&bytes, context, "{", 1, &err), KTK_E_CORRUPT);
}

/* The file of an original: read, and written again, it holds the same bytes of MessagePack. */
static void check_original(const char *path, const char *uuid) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    ktk_document_format format = KTK_DOCUMENT_JSON;
    ktk_store_version version;
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_bytes file = KTK_BYTES_INIT;
    ktk_store *store = NULL;
    struct buffer packed;
    uint64_t sizes[2] = {0};
    uint8_t *contents[2];
    char url[4096];
    char key[256];
    ktk_error err;

    (void)snprintf(url, sizeof(url), "hfs://%s/tests/data/golden/%s#wrap:readonly", root, path);
    (void)snprintf(key, sizeof(key), "%s.by-dataset-metadata.msgpack.zstd", uuid);
    ktki_buffer_init(&packed, ktki_context_allocator(context), 0);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    CHECK_OK(ktki_document_load(&text, &format, &version, store, uuid, &err));
    assert_int_equal(format, KTK_DOCUMENT_MSGPACK);
    assert_true(version.text[0] != '\0');
    CHECK_OK(ktki_document_pack(&packed, KTK_DOCUMENT_MSGPACK, (const char *)text.data, text.size,
                                &err));
    CHECK_OK(ktk_store_get(store, key, &file, NULL, &err));
    contents[0] = content_of(file.data, file.size, &sizes[0]);
    contents[1] = content_of(packed.data, packed.size, &sizes[1]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(contents[0], contents[1], sizes[0]);
    check_packing(&text, &file, &packed);
    free(contents[0]);
    free(contents[1]);
    ktki_buffer_clear(&packed);
    ktk_bytes_clear(&file);
    ktk_bytes_clear(&text);
    ktk_store_free(store);
}

static void writes_msgpack_as_the_originals_do(void **unused) {
    (void)unused;
    check_original("stores/k53/storage", "msgpack_plain");
    check_original("stores/k53/storage", "msgpack_index");
    check_original("stores/k53/empty", "empty_header_msgpack");
    check_original("stores/p46/storage", "msgpack_plain");
    check_original("stores/p46/lifecycle", "life3");
}

static void prefers_json(void **unused) {
    ktk_document_format format = KTK_DOCUMENT_MSGPACK;
    ktk_store_version version;
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    put("u.by-dataset-metadata.msgpack.zstd", "damaged", 7);
    put("u.by-dataset-metadata.json", "{}", 2);
    CHECK_OK(ktki_document_load(&text, &format, &version, memory, "u", &err));
    assert_int_equal(format, KTK_DOCUMENT_JSON);
    assert_int_equal(text.size, 2);
    assert_memory_equal(text.data, "{}", 2);
    ktk_bytes_clear(&text);
}

/* 1 GiB of zeros in a frame of some 30 KiB, and a frame that claims more than there is memory. */
static void refuses_files_that_expand_without_bound(void **unused) {
    static const uint8_t claims_an_exabyte[] = {0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0,   0,
                                                0,    0,    0,    0,    0,    0x10};
    enum { BOMB_SIZE = 1 << 30 };
    ktk_document_format format;
    ktk_store_version version;
    ktk_bytes text = KTK_BYTES_INIT;
    const struct codec *zstd = NULL;
    struct codec_scratch scratch;
    uint8_t *zeros = calloc(BOMB_SIZE, 1);
    size_t size = 1 << 20;
    uint8_t *bomb = malloc(size);
    ktk_error err;

    (void)unused;
    assert_non_null(zeros);
    assert_non_null(bomb);
    put("u.by-dataset-metadata.msgpack.zstd", claims_an_exabyte, sizeof(claims_an_exabyte));
    CHECK_STATUS(ktki_document_load(&text, &format, &version, memory, "u", &err), KTK_E_LIMIT);
    CHECK_MESSAGE("more than the 4294967296 allowed");
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(ktki_codec_find(&zstd, CODEC_ZSTD, &err));
    CHECK_OK(zstd->compress(&scratch, 1, zeros, BOMB_SIZE, bomb, &size, &err));
    put("u.by-dataset-metadata.msgpack.zstd", bomb, size);
    CHECK_STATUS(ktki_document_load(&text, &format, &version, memory, "u", &err), KTK_E_LIMIT);
    CHECK_MESSAGE("claims to hold 1073741824 bytes");
    ktki_codec_scratch_clear(&scratch);
    free(bomb);
    free(zeros);
}

/* The first frame says how much there is; another one behind it is too much. */
static void refuses_files_that_hold_something_else(void **unused) {
    static const char document[] = "\xA1\x78"; /* the text "x" */
    ktk_document_format format;
    ktk_store_version version;
    ktk_bytes text = KTK_BYTES_INIT;
    const struct codec *zstd = NULL;
    struct codec_scratch scratch;
    uint8_t file[200];
    size_t size = 100;
    ktk_error err;

    (void)unused;
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(ktki_codec_find(&zstd, CODEC_ZSTD, &err));
    CHECK_OK(zstd->compress(&scratch, 1, (const uint8_t *)document, 2, file, &size, &err));
    ktki_codec_scratch_clear(&scratch);
    put("u.by-dataset-metadata.msgpack.zstd", file, size);
    CHECK_OK(ktki_document_load(&text, &format, &version, memory, "u", &err));
    assert_int_equal(text.size, 3);
    assert_memory_equal(text.data, "\"x\"", 3);
    ktk_bytes_clear(&text);
    memcpy(file + size, file, size);
    put("u.by-dataset-metadata.msgpack.zstd", file, 2 * size);
    CHECK_STATUS(ktki_document_load(&text, &format, &version, memory, "u", &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("do not hold as many bytes as they say");
    put("u.by-dataset-metadata.msgpack.zstd", file, size - 1);
    CHECK_STATUS(ktki_document_load(&text, &format, &version, memory, "u", &err), KTK_E_CORRUPT);
}

static void survives_allocation_failures(void **unused) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    ktk_status status = KTK_E_NO_MEMORY;
    char url[4096];

    (void)unused;
    (void)snprintf(url, sizeof(url), "hfs://%s/tests/data/golden/stores/k53/storage#wrap:readonly",
                   root);
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_document_format format;
        ktk_store_version version;
        ktk_bytes text = KTK_BYTES_INIT;
        ktk_store *store = NULL;
        ktk_error err;

        status = ktk_store_open(&store, failing, url, &err);
        if (status == KTK_OK) {
            status = ktki_document_load(&text, &format, &version, store, "msgpack_plain", &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        assert_true(status == KTK_OK || text.data == NULL);
        ktk_bytes_clear(&text);
        ktk_store_free(store);
        test_context_free(failing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_msgpack_as_the_originals_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prefers_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_files_that_expand_without_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_files_that_hold_something_else, set_up, tear_down),
        cmocka_unit_test(survives_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
