#include "support/table.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/msgpack.h"

#define DEPTH_MAX 63

/* Bytes of a hexadecimal text, in memory of their own size: nothing behind them may be read. */
static uint8_t *from_hex(const char *hex, size_t *size) {
    uint8_t *out;

    *size = strlen(hex) / 2;
    out = malloc(*size + (*size == 0));
    assert_non_null(out);
    for (size_t i = 0; i < *size; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        out[i] = (uint8_t)value;
    }
    return out;
}

/* Bytes that come in pieces, each in memory of its own size. */
struct pieces {
    const uint8_t *data;
    size_t left;
    size_t piece_size;
};

static ktk_status next_piece(void *state, uint8_t *data, size_t room, size_t *read,
                             ktk_error *err) {
    struct pieces *pieces = state;
    size_t size = pieces->left < pieces->piece_size ? pieces->left : pieces->piece_size;

    (void)err;
    assert_true(room > 0);
    size = size < room ? size : room;
    if (size > 0) {
        memcpy(data, pieces->data, size);
    }
    pieces->data += size;
    pieces->left -= size;
    *read = size;
    return KTK_OK;
}

static ktk_status from_pieces(struct buffer *out, const uint8_t *data, size_t size,
                              size_t piece_size, ktk_error *err) {
    struct pieces pieces = {data, size, piece_size};
    const struct msgpack_source source = {next_piece, &pieces};

    return ktki_msgpack_source_to_json(out, &source, DEPTH_MAX, err);
}

static void check_value(const char *const *cells, size_t count) {
    size_t size;
    uint8_t *wanted = from_hex(cells[1], &size);
    struct buffer json;
    struct buffer packed;
    ktk_error err;

    (void)count;
    ktki_buffer_init(&json, test_allocator(), 0);
    ktki_buffer_init(&packed, test_allocator(), 0);
    CHECK_OK(ktki_msgpack_to_json(&json, wanted, size, DEPTH_MAX, &err));
    assert_int_equal(json.size, strlen(cells[0]));
    assert_memory_equal(json.data, cells[0], json.size);
    for (size_t piece_size = 1; piece_size <= size; piece_size = piece_size * 2 + 1) {
        json.size = 0;
        CHECK_OK(from_pieces(&json, wanted, size, piece_size, &err));
        assert_int_equal(json.size, strlen(cells[0]));
        assert_memory_equal(json.data, cells[0], json.size);
    }
    CHECK_OK(ktki_msgpack_of_json(&packed, cells[0], strlen(cells[0]), DEPTH_MAX, &err));
    assert_int_equal(packed.size, size);
    assert_memory_equal(packed.data, wanted, size);
    ktki_buffer_clear(&packed);
    ktki_buffer_clear(&json);
    free(wanted);
}

static void agrees_with_msgpack_of_python(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/base/msgpack.tsv", 2, check_value);
}

static void check_refused(const char *hex, ktk_status wanted, const char *part) {
    size_t size;
    uint8_t *data = from_hex(hex, &size);
    struct buffer json;
    ktk_error err;

    ktki_buffer_init(&json, test_allocator(), 0);
    CHECK_STATUS(ktki_msgpack_to_json(&json, data, size, DEPTH_MAX, &err), wanted);
    CHECK_MESSAGE(part);
    for (size_t piece_size = 1; piece_size < 4; piece_size++) {
        CHECK_STATUS(from_pieces(&json, data, size, piece_size, &err), wanted);
        CHECK_MESSAGE(part);
    }
    ktki_buffer_clear(&json);
    free(data);
}

static void says_where_data_are_damaged(void **unused) {
    (void)unused;
    check_refused("", KTK_E_CORRUPT, "byte 0: the data end where a value is expected");
    check_refused("82a16101", KTK_E_CORRUPT, "byte 4: the data end where a value is expected");
    check_refused("dfffffffff", KTK_E_CORRUPT, "byte 5: the data end");
    check_refused("ddffffffffc0", KTK_E_CORRUPT, "byte 6: the data end");
    check_refused("dbffffffff61", KTK_E_CORRUPT, "byte 5: the data end within a text");
    check_refused("cd01", KTK_E_CORRUPT, "within a number");
    check_refused("a2ff61", KTK_E_CORRUPT, "is not UTF-8");
    check_refused("810101", KTK_E_CORRUPT, "the key of a map is no text");
    check_refused("c0c0", KTK_E_CORRUPT, "byte 1: there is more behind the value");
    check_refused("c1", KTK_E_CORRUPT, "0xC1 is no value");
    check_refused("c40161", KTK_E_UNSUPPORTED, "0xC4");
    check_refused("d40100", KTK_E_UNSUPPORTED, "0xD4");
}

/* Texts longer than what is read at once, and more of them. */
static void reads_texts_of_any_length(void **unused) {
    static const size_t sizes[] = {0, 1, 70000, 131071, 131072, 131073, 400000, 5};
    enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
    struct buffer data;
    struct buffer wanted;
    struct buffer json;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&data, test_allocator(), 0);
    ktki_buffer_init(&wanted, test_allocator(), 0);
    ktki_buffer_init(&json, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_byte(&data, 0x90 + COUNT, &err));
    for (size_t i = 0; i < COUNT; i++) {
        const uint8_t head[] = {0xDB, 0, (uint8_t)(sizes[i] >> 16), (uint8_t)(sizes[i] >> 8),
                                (uint8_t)sizes[i]};

        CHECK_OK(ktki_buffer_append(&data, head, sizeof(head), &err));
        CHECK_OK(ktki_buffer_append_text(&wanted, i == 0 ? "[\"" : ", \"", &err));
        for (size_t j = 0; j < sizes[i]; j++) {
            uint8_t letter = (uint8_t)('a' + (i + j) % 26);

            CHECK_OK(ktki_buffer_append_byte(&data, letter, &err));
            CHECK_OK(ktki_buffer_append_byte(&wanted, letter, &err));
        }
        CHECK_OK(ktki_buffer_append_byte(&wanted, '"', &err));
    }
    CHECK_OK(ktki_buffer_append_byte(&wanted, ']', &err));
    for (size_t piece_size = 1; piece_size < 1000000; piece_size *= 99) {
        json.size = 0;
        CHECK_OK(from_pieces(&json, data.data, data.size, piece_size, &err));
        assert_int_equal(json.size, wanted.size);
        assert_memory_equal(json.data, wanted.data, wanted.size);
    }
    ktki_buffer_clear(&json);
    ktki_buffer_clear(&wanted);
    ktki_buffer_clear(&data);
}

static void refuses_too_many_levels(void **unused) {
    uint8_t data[DEPTH_MAX + 2];
    struct buffer json;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&json, test_allocator(), 0);
    memset(data, 0x91, sizeof(data));
    data[DEPTH_MAX] = 0xC0;
    CHECK_OK(ktki_msgpack_to_json(&json, data, DEPTH_MAX + 1, 1000, &err));
    assert_int_equal(json.size, 2 * DEPTH_MAX + 4);
    data[DEPTH_MAX] = 0x91;
    data[DEPTH_MAX + 1] = 0xC0;
    CHECK_STATUS(ktki_msgpack_to_json(&json, data, DEPTH_MAX + 2, 1000, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_msgpack_to_json(&json, data, DEPTH_MAX + 1, DEPTH_MAX - 1, &err),
                 KTK_E_LIMIT);
    ktki_buffer_clear(&json);
}

/* Maps of one entry in each other, which are read several levels at once. */
static void refuses_too_many_levels_of_maps(void **unused) {
    struct buffer json;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&json, test_allocator(), 0);
    for (int32_t depth_max = 1; depth_max <= 8; depth_max++) {
        for (int32_t depth = 1; depth <= 12; depth++) {
            uint8_t data[3 * 12 + 2];
            size_t size = 0;

            for (int32_t i = 0; i < depth; i++) {
                memcpy(data + size, "\x81\xA1k", 3);
                size += 3;
            }
            memcpy(data + size, "\xA1v", 2);
            json.size = 0;
            if (depth > depth_max) {
                CHECK_STATUS(ktki_msgpack_to_json(&json, data, size + 2, depth_max, &err),
                             KTK_E_LIMIT);
            } else {
                CHECK_OK(ktki_msgpack_to_json(&json, data, size + 2, depth_max, &err));
                /* {"k": and } for each level */
                assert_int_equal(json.size, 7 * (size_t)depth + 3);
            }
        }
    }
    ktki_buffer_clear(&json);
}

/* Lists around the sizes at which their header grows: "[null, null, …]". */
static void widens_headers_of_long_lists(void **unused) {
    static const struct {
        size_t count;
        const char *header;
        size_t header_size;
    } cases[] = {{15, "\x9F", 1},
                 {16, "\xDC\x00\x10", 3},
                 {65535, "\xDC\xFF\xFF", 3},
                 {65536, "\xDD\x00\x01\x00\x00", 5}};

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer json;
        struct buffer packed;
        struct buffer again;
        ktk_error err;

        ktki_buffer_init(&json, test_allocator(), 0);
        ktki_buffer_init(&packed, test_allocator(), 0);
        ktki_buffer_init(&again, test_allocator(), 0);
        CHECK_OK(ktki_buffer_append_text(&json, "[null", &err));
        for (size_t j = 1; j < cases[i].count; j++) {
            CHECK_OK(ktki_buffer_append_text(&json, ", null", &err));
        }
        CHECK_OK(ktki_buffer_append_text(&json, "]", &err));
        CHECK_OK(ktki_msgpack_of_json(&packed, (const char *)json.data, json.size, 1, &err));
        assert_int_equal(packed.size, cases[i].header_size + cases[i].count);
        assert_memory_equal(packed.data, cases[i].header, cases[i].header_size);
        CHECK_OK(ktki_msgpack_to_json(&again, packed.data, packed.size, 1, &err));
        assert_int_equal(again.size, json.size);
        assert_memory_equal(again.data, json.data, json.size);
        ktki_buffer_clear(&again);
        ktki_buffer_clear(&packed);
        ktki_buffer_clear(&json);
    }
}

static void refuses_numbers_beyond_64_bits(void **unused) {
    static const char *const texts[] = {"18446744073709551616", "[-9223372036854775809]"};
    struct buffer packed;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&packed, test_allocator(), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_STATUS(ktki_msgpack_of_json(&packed, texts[i], strlen(texts[i]), DEPTH_MAX, &err),
                     KTK_E_INVALID);
        CHECK_MESSAGE("more than 64 bits");
    }
    ktki_buffer_clear(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_msgpack_of_python),
        cmocka_unit_test(says_where_data_are_damaged),
        cmocka_unit_test(reads_texts_of_any_length),
        cmocka_unit_test(refuses_too_many_levels),
        cmocka_unit_test(refuses_too_many_levels_of_maps),
        cmocka_unit_test(widens_headers_of_long_lists),
        cmocka_unit_test(refuses_numbers_beyond_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
