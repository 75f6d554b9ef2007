/* The same cases for every store, of values that come in pieces. */
#include "store/contract.h"

#include <stdlib.h>

#include "store/object_parts.h"
#include "store/store_put.h"

static uint8_t *make_pattern(size_t size) {
    uint8_t *data = malloc(size + 1);

    assert_non_null(data);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)((uint32_t)i * 2654435761u >> 13);
    }
    return data;
}

static void append_pieces(struct store_put *pieces, const uint8_t *data, size_t size) {
    ktk_error err;

    for (size_t done = 0, some; done < size; done += some) {
        some = done % 3 == 0 ? (size_t)100003 : (size_t)3 << 20;
        some = some < size - done ? some : size - done;
        CHECK_OK(ktki_store_put_append(pieces, data + done, some, &err));
    }
}

static void puts_what_comes_in_pieces(void **state) {
    const size_t sizes[] = {0,
                            1,
                            KTKI_PART_BYTES - 1,
                            KTKI_PART_BYTES,
                            KTKI_PART_BYTES + 1,
                            3 * KTKI_PART_BYTES,
                            4 * KTKI_PART_BYTES + 5};
    uint8_t *data = make_pattern(4 * KTKI_PART_BYTES + 5);
    ktk_store *store = store_of(state);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct store_put *pieces = NULL;
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_store_version version = {""};
        ktk_store_entry entry;
        ktk_error err;

        CHECK_OK(
            ktki_store_put_begin(&pieces, store, "pieces/k", i % 2 == 0 ? NULL : &deferred, &err));
        append_pieces(pieces, data, sizes[i]);
        if (i == 0) {
            check_missing(store, "pieces/k");
            check_listing(store, "", "");
        } else { /* nobody sees any of the new value yet */
            CHECK_OK(ktk_store_head(store, "pieces/k", &entry, &err));
            assert_int_equal(entry.size, sizes[i - 1]);
        }
        CHECK_OK(ktki_store_put_finish(pieces, &version, &err));
        CHECK_STATUS(ktki_store_put_append(pieces, "x", 1, &err), KTK_E_INVALID);
        CHECK_STATUS(ktki_store_put_finish(pieces, &version, &err), KTK_E_INVALID);
        ktki_store_put_free(pieces);
        CHECK_OK(ktk_store_get(store, "pieces/k", &bytes, NULL, &err));
        assert_int_equal(bytes.size, sizes[i]);
        assert_true(sizes[i] == 0 || memcmp(bytes.data, data, sizes[i]) == 0);
        ktk_bytes_clear(&bytes);
        CHECK_OK(ktk_store_head(store, "pieces/k", &entry, &err));
        /* Not all services tell it when they have joined parts. */
        if (sizes[i] <= KTKI_PART_BYTES || version.text[0] != '\0') {
            assert_string_equal(entry.version.text, version.text);
        }
        CHECK_OK(ktk_store_sync(store, &err));
    }
    check_listing(store, "", "pieces/k|");
    free(data);
}

static void forgets_pieces_that_are_not_finished(void **state) {
    uint8_t *data = make_pattern(2 * KTKI_PART_BYTES + 1);
    ktk_store *store = store_of(state);

    put(store, "k", "before");
    for (size_t size = 0; size <= 2 * KTKI_PART_BYTES + 1; size += KTKI_PART_BYTES + 1) {
        struct store_put *pieces = NULL;
        ktk_error err;

        CHECK_OK(ktki_store_put_begin(&pieces, store, "k", NULL, &err));
        append_pieces(pieces, data, size);
        ktki_store_put_free(pieces);
        pieces = NULL;
        CHECK_OK(ktki_store_put_begin(&pieces, store, "new/k", NULL, &err));
        append_pieces(pieces, data, size);
        ktki_store_put_free(pieces);
    }
    check_value(store, "k", "before");
    check_listing(store, "", "k|");
    free(data);
}

static ktk_status put_pieces(ktk_store *store, const ktk_put_condition *condition, size_t size,
                             const uint8_t *data, ktk_error *err) {
    struct store_put *pieces = NULL;
    ktk_status status = ktki_store_put_begin(&pieces, store, "k", condition, err);

    if (status == KTK_OK) {
        append_pieces(pieces, data, size);
        status = ktki_store_put_finish(pieces, NULL, err);
    }
    ktki_store_put_free(pieces);
    return status;
}

static void keeps_conditions_of_pieces(void **state) {
    const size_t size = KTKI_PART_BYTES + 1;
    uint8_t *data = make_pattern(size);
    ktk_put_condition absent = {sizeof(absent), KTK_PUT_DEFER_SYNC, true, NULL};
    ktk_put_condition match = {sizeof(match), 0, false, NULL};
    ktk_store_version version = {"1"};
    ktk_store *store = store_of(state);
    ktk_store_entry entry;
    ktk_error err;

    match.matches = &version;
    if (!ktk_store_has_conditional_put(store)) {
        CHECK_STATUS(put_pieces(store, &absent, size, data, &err), KTK_E_UNSUPPORTED);
        CHECK_STATUS(put_pieces(store, &match, size, data, &err), KTK_E_UNSUPPORTED);
        check_missing(store, "k");
    } else {
        CHECK_OK(put_pieces(store, &absent, size, data, &err));
        CHECK_STATUS(put_pieces(store, &absent, size - 2, data, &err), KTK_E_EXISTS);
        CHECK_STATUS(put_pieces(store, &absent, size, data, &err), KTK_E_EXISTS);
        CHECK_OK(ktk_store_head(store, "k", &entry, &err));
        assert_int_equal(entry.size, size);
        version = entry.version;
        CHECK_OK(put_pieces(store, &match, size - 1, data, &err));
        CHECK_STATUS(put_pieces(store, &match, size, data, &err), KTK_E_CONFLICT);
        CHECK_OK(ktk_store_head(store, "k", &entry, &err));
        assert_int_equal(entry.size, size - 1);
    }
    free(data);
}

static void refuses_pieces_as_it_refuses_puts(void **state) {
    ktk_put_condition bad = {sizeof(bad), 0x80, false, NULL};
    ktk_store *store = store_of(state);
    struct store_put *pieces = TEST_POISON;
    ktk_store *readonly = NULL;
    ktk_error err;

    CHECK_STATUS(ktki_store_put_begin(&pieces, store, "k", &bad, &err), KTK_E_INVALID);
    CHECK_STATUS(ktki_store_put_begin(&pieces, store, "", NULL, &err), KTK_E_INVALID);
    CHECK_OK(ktk_store_readonly(&readonly, store, &err));
    CHECK_STATUS(ktki_store_put_begin(&pieces, readonly, "k", NULL, &err), KTK_E_READ_ONLY);
    ktk_store_free(readonly);
    assert_ptr_equal(pieces, TEST_POISON);
    check_listing(store, "", "");
}

#define CASE(function) {#function, function}

static const struct contract_case cases[] = {
    CASE(puts_what_comes_in_pieces),
    CASE(forgets_pieces_that_are_not_finished),
    CASE(keeps_conditions_of_pieces),
    CASE(refuses_pieces_as_it_refuses_puts),
};

/* `KIND`: the cases for one store alone, which may need a server. */
int main(int argc, char **argv) {
    return run_contract(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
