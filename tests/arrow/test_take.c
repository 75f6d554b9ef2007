#include "arrow/take.h"
#include "base/context.h"

#include "support/test.h"

#include "arrow/builder.h"
#include "arrow/compare.h"
#include "base/alloc.h"
#include "random_arrays.h"

#define ROUNDS 12

/* No nulls, few, half, all but few. */
static const int null_shares[] = {0, 20, 128, 250};

static void takes_rows_of_every_type(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 7;
    ktk_error err;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        for (int round = 0; round < ROUNDS; round++) {
            const struct field *field = random_fields[f];
            int64_t length = 1 + random_below(&random, 60);
            int64_t rows[100];
            int64_t count = random_below(&random, 100);
            struct ArrowArray array;
            struct ArrowArray taken;

            random_array(&array, field, length, null_shares[round % 4], &random);
            for (int64_t i = 0; i < count; i++) {
                rows[i] = random_below(&random, length);
            }
            CHECK_OK(ktki_array_check(&array, field, true, &err));
            CHECK_OK(ktki_array_take(&taken, context, field, &array, rows, count, &err));
            CHECK_OK(ktki_array_check(&taken, field, true, &err));
            assert_int_equal(taken.length, count);
            for (int64_t i = 0; i < count; i++) {
                assert_same_value(field, &taken, i, &array, rows[i]);
            }
            ktki_array_clear(&array);
            ktki_array_clear(&taken);
        }
    }
    test_context_free(context);
}

static void joins_arrays_of_every_type(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 11;
    ktk_error err;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        const struct field *field = random_fields[f];
        for (int round = 0; round < ROUNDS && field->dictionary == NULL; round++) {
            struct ArrowArray arrays[4];
            const struct ArrowArray *pointers[4];
            struct ArrowArray joined;
            size_t count = (size_t)random_below(&random, 5);
            int64_t at = 0;

            for (size_t i = 0; i < count; i++) {
                random_array(&arrays[i], field, random_below(&random, 40),
                             null_shares[random_below(&random, 4)], &random);
                pointers[i] = &arrays[i];
            }
            CHECK_OK(ktki_array_concat(&joined, context, field, pointers, count, &err));
            CHECK_OK(ktki_array_check(&joined, field, true, &err));
            for (size_t i = 0; i < count; i++) {
                for (int64_t row = 0; row < arrays[i].length; row++) {
                    assert_same_value(field, &joined, at++, &arrays[i], row);
                }
                ktki_array_clear(&arrays[i]);
            }
            assert_int_equal(joined.length, at);
            ktki_array_clear(&joined);
        }
    }
    test_context_free(context);
}

/* Rows [start, start + count) of an array that keeps them. */
static struct ArrowArray part_of(const struct ArrowArray *array, int64_t start, int64_t count) {
    struct ArrowArray part = *array;

    part.offset += start;
    part.length = count;
    part.null_count = array->null_count == 0 ? 0 : -1;
    return part;
}

static void takes_and_joins_nested_types_of_any_depth(void **unused) {
    (void)unused;
    for (uint32_t seed = 1; seed <= 100; seed++) {
        ktk_context *context = test_context_new(1);
        uint32_t random = seed;
        int64_t length = 1 + random_below(&random, 30);
        int64_t middle = random_below(&random, length + 1);
        int64_t rows[20];
        struct schema *schema = NULL;
        const struct field *field;
        struct ArrowArray array;
        struct ArrowArray parts[2];
        const struct ArrowArray *pointers[] = {&parts[0], &parts[1]};
        struct ArrowArray taken;
        struct ArrowArray joined;
        ktk_error err;

        CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
        random_nested_field(schema, &schema->fields[0], "x", 1 + (int)(seed % 5), &random);
        field = &schema->fields[0];
        random_array(&array, field, length, null_shares[seed % 4], &random);
        CHECK_OK(ktki_array_check(&array, field, true, &err));
        for (int i = 0; i < 20; i++) {
            rows[i] = random_below(&random, length);
        }
        CHECK_OK(ktki_array_take(&taken, context, field, &array, rows, 20, &err));
        CHECK_OK(ktki_array_check(&taken, field, true, &err));
        parts[0] = part_of(&array, 0, middle);
        parts[1] = part_of(&array, middle, length - middle);
        CHECK_OK(ktki_array_concat(&joined, context, field, pointers, 2, &err));
        CHECK_OK(ktki_array_check(&joined, field, true, &err));
        assert_int_equal(joined.length, length);
        assert_true(ktki_array_equals(field, &joined, &array));
        for (int i = 0; i < 20; i++) {
            assert_same_value(field, &taken, i, &array, rows[i]);
        }
        for (int64_t row = 0; row < length; row++) {
            assert_same_value(field, &joined, row, &array, row);
        }
        ktki_array_clear(&array);
        ktki_array_clear(&taken);
        ktki_array_clear(&joined);
        ktki_schema_free(schema);
        test_context_free(context);
    }
}

static void joins_dictionaries_only_if_equal(void **unused) {
    ktk_context *context = test_context_new(1);
    const int64_t rows[] = {3, 1, 1};
    uint32_t random = 13;
    ktk_error err;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        const struct field *field = random_fields[f];
        struct ArrowArray array;
        struct ArrowArray taken;
        struct ArrowArray other;
        struct ArrowArray joined = {.private_data = TEST_POISON};
        const struct ArrowArray *equal[] = {&array, &taken};
        const struct ArrowArray *different[] = {&array, &other};

        if (field->dictionary == NULL) {
            continue;
        }
        random_array(&array, field, 20, 20, &random);
        random_array(&other, field, 20, 20, &random);
        CHECK_OK(ktki_array_take(&taken, context, field, &array, rows, 3, &err));
        assert_true(ktki_array_equals(field->dictionary, array.dictionary, taken.dictionary));
        CHECK_STATUS(ktki_array_concat(&joined, context, field, different, 2, &err),
                     KTK_E_UNSUPPORTED);
        assert_ptr_equal(joined.private_data, TEST_POISON);
        CHECK_OK(ktki_array_concat(&joined, context, field, equal, 2, &err));
        assert_int_equal(joined.length, 23);
        assert_same_value(field, &joined, 5, &array, 5);
        assert_same_value(field, &joined, 22, &array, 1);
        ktki_array_clear(&array);
        ktki_array_clear(&other);
        ktki_array_clear(&taken);
        ktki_array_clear(&joined);
    }
    test_context_free(context);
}

/* A batch with one column of each kind. */
static ktk_status random_batch(struct batch *out, ktk_context *context, int64_t length,
                               int null_share, uint32_t *random, ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = ktki_schema_new(&schema, context, (int32_t)random_field_count, err);

    for (size_t i = 0; status == KTK_OK && i < random_field_count; i++) {
        status = ktki_field_copy(schema, &schema->fields[i], random_fields[i], err);
    }
    if (status == KTK_OK) {
        status = ktki_batch_init(out, schema, length, err);
    }
    for (size_t i = 0; status == KTK_OK && i < random_field_count; i++) {
        random_array(&out->columns[i], random_fields[i], length, null_share, random);
    }
    ktki_schema_free(schema);
    return status;
}

static void assert_same_row(const struct batch *a, int64_t a_row, const struct batch *b,
                            int64_t b_row) {
    for (int32_t i = 0; i < a->schema->field_count; i++) {
        assert_same_value(&a->schema->fields[i], &a->columns[i], a_row, &b->columns[i], b_row);
    }
}

static void slices_batches(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 17;
    ktk_error err;

    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t length = random_below(&random, 100);
        int64_t start = random_below(&random, length + 1);
        int64_t count = random_below(&random, length - start + 1);
        struct batch batch;
        struct batch slice;

        CHECK_OK(random_batch(&batch, context, length, null_shares[round % 4], &random, &err));
        CHECK_OK(ktki_batch_slice(&slice, context, &batch, start, count, &err));
        assert_int_equal(slice.row_count, count);
        for (int64_t row = 0; row < count; row++) {
            assert_same_row(&slice, row, &batch, start + row);
        }
        ktki_batch_clear(&batch);
        ktki_batch_clear(&slice);
    }
    test_context_free(context);
}

/* Masks with runs of every length around the words and the switch to copying runs. */
static void random_mask(uint8_t *mask, int64_t length, int64_t run_max, uint32_t *random) {
    int64_t row = 0;
    bool is_set = random_below(random, 2) != 0;

    memset(mask, 0xFF, ktki_bits_size(length)); /* the bits behind the last row do not count */
    while (row < length) {
        int64_t run = 1 + random_below(random, run_max);
        for (int64_t end = row + run; row < end && row < length; row++) {
            if (!is_set) {
                mask[row / 8] &= (uint8_t)~(1u << (row % 8));
            }
        }
        is_set = !is_set;
    }
}

/* Choose rows of every column. */
static ktk_status filter(struct batch *out, ktk_context *context, const struct batch *batch,
                         const uint8_t *mask, ktk_error *err) {
    struct row_selection selection = {0};
    ktk_status status = ktki_selection_init(&selection, ktki_context_allocator(context), mask,
                                            batch->row_count, err);

    if (status == KTK_OK) {
        status = ktki_batch_init(out, batch->schema, selection.row_count, err);
    }
    for (int32_t i = 0; status == KTK_OK && i < batch->schema->field_count; i++) {
        status = ktki_array_select(&out->columns[i], context, &batch->schema->fields[i],
                                   &batch->columns[i], &selection, err);
    }
    ktki_selection_clear(&selection);
    return status;
}

static void filters_batches(void **unused) {
    static const int64_t run_maxima[] = {1, 3, 12, 40, 70, 150, 1000};
    ktk_context *context = test_context_new(1);
    uint32_t random = 19;
    ktk_error err;

    (void)unused;
    for (int round = 0; round < 4 * 7; round++) {
        int64_t length = random_below(&random, 400);
        uint8_t *mask = (malloc)(ktki_bits_size(length) + 1);
        struct batch batch;
        struct batch filtered;
        int64_t at = 0;

        random_mask(mask, length, run_maxima[round % 7], &random);
        CHECK_OK(random_batch(&batch, context, length, null_shares[round % 4], &random, &err));
        CHECK_OK(filter(&filtered, context, &batch, mask, &err));
        for (int64_t row = 0; row < length; row++) {
            if ((mask[row / 8] >> (row % 8) & 1) != 0) {
                assert_same_row(&filtered, at++, &batch, row);
            }
        }
        assert_int_equal(filtered.row_count, at);
        ktki_batch_clear(&batch);
        ktki_batch_clear(&filtered);
        (free)(mask);
    }
    test_context_free(context);
}

static void repeats_values_of_every_flat_type(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 23;
    ktk_error err;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        const struct field *field = random_fields[f];
        for (int round = 0; round < ROUNDS && !ktki_type_is_nested(field->type.id); round++) {
            int64_t row = random_below(&random, 10);
            int64_t length = random_below(&random, 100);
            struct ArrowArray array;
            struct ArrowArray repeated;

            random_array(&array, field, 10, null_shares[round % 4], &random);
            CHECK_OK(ktki_array_repeat(&repeated, context, field, &array, row, length, &err));
            CHECK_OK(ktki_array_check(&repeated, field, true, &err));
            assert_int_equal(repeated.length, length);
            for (int64_t i = 0; i < length; i++) {
                assert_same_value(field, &repeated, i, &array, row);
            }
            ktki_array_clear(&array);
            ktki_array_clear(&repeated);
        }
    }
    test_context_free(context);
}

static void equals_finds_every_difference(void **unused) {
    uint32_t random = 29;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        for (int round = 0; round < 200; round++) {
            const struct field *field = random_fields[f];
            struct ArrowArray a;
            struct ArrowArray b;
            struct buffer a_text;
            struct buffer b_text;
            bool is_equal;

            random_array(&a, field, 1, 64, &random);
            random_array(&b, field, 1, 64, &random);
            ktki_buffer_init(&a_text, test_allocator(), 0);
            ktki_buffer_init(&b_text, test_allocator(), 0);
            value_text(field, &a, 0, &a_text);
            value_text(field, &b, 0, &b_text);
            is_equal =
                a_text.size == b_text.size && memcmp(a_text.data, b_text.data, a_text.size) == 0;
            assert_int_equal(ktki_array_equals(field, &a, &b), is_equal);
            assert_true(ktki_array_equals(field, &a, &a));
            b.length = 0;
            assert_false(ktki_array_equals(field, &a, &b));
            ktki_buffer_clear(&a_text);
            ktki_buffer_clear(&b_text);
            ktki_array_clear(&a);
            ktki_array_clear(&b);
        }
    }
}

/* Texts whose sizes sum up to more than 32-bit offsets can say; the bytes are never touched. */
static void refuses_texts_that_outgrow_their_offsets(void **unused) {
    const int32_t offsets[] = {0, INT32_MAX / 2 + 1};
    const void *buffers[] = {NULL, offsets, "x"};
    const struct field field = {"s", {.id = TYPE_STRING}, .nullable = true};
    const struct ArrowArray array = {.length = 1, .n_buffers = 3, .buffers = buffers};
    const struct ArrowArray *const twice[] = {&array, &array};
    const int64_t rows[] = {0, 0};
    ktk_context *context = test_context_new(1);
    struct ArrowArray out = {.private_data = TEST_POISON};
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_array_take(&out, context, &field, &array, rows, 2, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_array_concat(&out, context, &field, twice, 2, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_array_repeat(&out, context, &field, &array, 0, 2, &err), KTK_E_LIMIT);
    assert_ptr_equal(out.private_data, TEST_POISON);
    test_context_free(context);
}

static void aligns_buffers(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field field = {"s", {.id = TYPE_STRING}, .nullable = true};
    const int64_t rows[] = {1, 0};
    uint32_t random = 31;
    struct ArrowArray array;
    struct ArrowArray taken;
    ktk_error err;

    (void)unused;
    random_array(&array, &field, 9, 128, &random);
    CHECK_OK(ktki_array_take(&taken, context, &field, &array, rows, 2, &err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal((uintptr_t)taken.buffers[i] % KTK_ALIGNMENT, 0);
    }
    ktki_array_clear(&array);
    ktki_array_clear(&taken);
    test_context_free(context);
}

static void survives_every_allocation_failure(void **unused) {
    const uint8_t mask[] = {0x77, 0x05};
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        uint32_t random = 37;
        struct batch batch = {0};
        struct batch filtered = {0};
        struct batch slice = {.columns = TEST_POISON};
        ktk_error err;
        ktk_status status = random_batch(&batch, context, 12, 64, &random, &err);

        if (status == KTK_OK) {
            status = filter(&filtered, context, &batch, mask, &err);
        }
        if (status == KTK_OK) {
            status = ktki_batch_slice(&slice, context, &batch, 3, 5, &err);
        }
        is_done = status == KTK_OK;
        if (is_done) {
            ktki_batch_clear(&slice);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(slice.columns, TEST_POISON);
        }
        ktki_batch_clear(&filtered);
        ktki_batch_clear(&batch);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_rows_of_every_type),
        cmocka_unit_test(joins_arrays_of_every_type),
        cmocka_unit_test(takes_and_joins_nested_types_of_any_depth),
        cmocka_unit_test(joins_dictionaries_only_if_equal),
        cmocka_unit_test(slices_batches),
        cmocka_unit_test(filters_batches),
        cmocka_unit_test(repeats_values_of_every_flat_type),
        cmocka_unit_test(equals_finds_every_difference),
        cmocka_unit_test(refuses_texts_that_outgrow_their_offsets),
        cmocka_unit_test(aligns_buffers),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
