#include "arrow/sort_rows.h"

#include "support/test.h"

#include <math.h>

#include "random_arrays.h"

/* Against sorting by insertion, with values compared by what C makes of their bytes. */

#define ROWS_MAX 700
#define COLUMNS_MAX 3

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static bool can_sort(const struct field *field) {
    const struct field *values = field->dictionary != NULL ? field->dictionary : field;

    return !ktki_type_is_nested(values->type.id) && values->type.id != TYPE_INTERVAL;
}

static double half(const uint8_t *data) {
    int bits = data[0] | data[1] << 8;
    int exponent = bits >> 10 & 31;
    double value = bits & 1023;

    value = exponent == 31  ? (value != 0 ? NAN : INFINITY)
            : exponent == 0 ? ldexp(value, -24)
                            : ldexp(value + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
}

/* A floating-point value; false for other types. */
static bool real_of(const struct data_type *type, const uint8_t *data, double *out) {
    float narrow;

    switch (type->id) {
    case TYPE_FLOAT16:
        *out = half(data);
        return true;
    case TYPE_FLOAT32:
        memcpy(&narrow, data, sizeof(narrow));
        *out = (double)narrow;
        return true;
    case TYPE_FLOAT64:
        memcpy(out, data, sizeof(*out));
        return true;
    default:
        return false;
    }
}

/* The row of the values that a row of a dictionary means. */
static void resolve(const struct field **field, const struct ArrowArray **array, int64_t *row) {
    struct array_view view;

    if ((*field)->dictionary != NULL) {
        ktki_array_view(*array, &(*field)->type, &view);
        *row = ktki_view_is_null(&view, *row)
                   ? -1
                   : ktki_dictionary_index(view.values, (*field)->type.index, *row + view.offset);
        *array = (*array)->dictionary;
        *field = (*field)->dictionary;
    }
}

static bool is_null(const struct field *field, const struct ArrowArray *array, int64_t row) {
    struct array_view view;
    const uint8_t *data;
    double real = 0;
    size_t size;

    if (row < 0 || field->type.id == TYPE_NULL) {
        return true;
    }
    ktki_array_view(array, &field->type, &view);
    if (ktki_view_is_null(&view, row)) {
        return true;
    }
    if (field->type.id == TYPE_BOOL) {
        return false;
    }
    ktki_array_bytes(array, &field->type, row, &data, &size);
    return real_of(&field->type, data, &real) && isnan(real);
}

static wide whole_of(const struct data_type *type, const uint8_t *data, size_t size) {
    bool is_negative = !ktki_type_is_unsigned_integer(type->id) && (data[size - 1] & 0x80) != 0;
    wide value = is_negative ? -1 : 0;

    for (size_t i = size; i > 0; i--) {
        value = (wide)((unsigned_wide)value << 8 | data[i - 1]);
    }
    return value;
}

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    for (size_t i = 0; i < a_size && i < b_size; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return (a_size > b_size) - (a_size < b_size);
}

static bool is_bytes(enum type_id id) {
    return ktki_type_is_text(id) || ktki_type_is_binary(id) || id == TYPE_FIXED_BINARY;
}

static int compare(const struct field *field, const struct ArrowArray *array, int64_t a,
                   int64_t b) {
    const struct ArrowArray *arrays[2] = {array, array};
    const struct field *fields[2] = {field, field};
    int64_t rows[2] = {a, b};
    const uint8_t *data[2];
    size_t sizes[2];
    bool nulls[2];
    double reals[2];
    wide wholes[2];

    for (int i = 0; i < 2; i++) {
        resolve(&fields[i], &arrays[i], &rows[i]);
        nulls[i] = is_null(fields[i], arrays[i], rows[i]);
    }
    if (nulls[0] || nulls[1]) {
        return nulls[0] - nulls[1];
    }
    for (int i = 0; i < 2 && fields[0]->type.id == TYPE_BOOL; i++) {
        struct array_view view;

        ktki_array_view(arrays[i], &fields[i]->type, &view);
        wholes[i] = ktki_bit_get(view.values, rows[i] + view.offset);
    }
    for (int i = 0; i < 2 && fields[0]->type.id != TYPE_BOOL; i++) {
        ktki_array_bytes(arrays[i], &fields[i]->type, rows[i], &data[i], &sizes[i]);
        if (!is_bytes(fields[i]->type.id) && !real_of(&fields[i]->type, data[i], &reals[i])) {
            wholes[i] = whole_of(&fields[i]->type, data[i] + (sizes[i] == 32 ? 16 : 0),
                                 sizes[i] == 32 ? 16 : sizes[i]);
        }
    }
    if (is_bytes(fields[0]->type.id)) {
        return compare_bytes(data[0], sizes[0], data[1], sizes[1]);
    }
    if (ktki_type_is_float(fields[0]->type.id)) {
        return (reals[0] > reals[1]) - (reals[0] < reals[1]);
    }
    if (wholes[0] == wholes[1] && fields[0]->type.id == TYPE_DECIMAL256) {
        static const struct data_type low = {.id = TYPE_UINT64};
        unsigned_wide x = (unsigned_wide)whole_of(&low, data[0], 16);
        unsigned_wide y = (unsigned_wide)whole_of(&low, data[1], 16);

        return (x > y) - (x < y);
    }
    return (wholes[0] > wholes[1]) - (wholes[0] < wholes[1]);
}

static int compare_rows(const struct batch *batch, const int32_t *columns, int32_t count, int64_t a,
                        int64_t b) {
    int order = 0;

    for (int32_t i = 0; i < count && order == 0; i++) {
        order = compare(&batch->schema->fields[columns[i]], &batch->columns[columns[i]], a, b);
    }
    return order;
}

static void sort_slowly(int64_t *rows, const struct batch *batch, const int32_t *columns,
                        int32_t count) {
    for (int64_t i = 0; i < batch->row_count; i++) {
        int64_t at = i;

        for (; at > 0 && compare_rows(batch, columns, count, i, rows[at - 1]) < 0; at--) {
            rows[at] = rows[at - 1];
        }
        rows[at] = i;
    }
}

static void make_batch(struct batch *out, ktk_context *context, int32_t count, int64_t rows,
                       int null_share, size_t type, uint32_t *random) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, count, &err));
    for (int32_t i = 0; i < count; i++) {
        const struct field *field = random_fields[type];

        for (; i > 0 || !can_sort(field);) {
            field = random_fields[random_below(random, (int64_t)random_field_count)];
            if (can_sort(field)) {
                break;
            }
        }
        CHECK_OK(ktki_field_copy(schema, &schema->fields[i], field, &err));
    }
    CHECK_OK(ktki_batch_init(out, schema, rows, &err));
    for (int32_t i = 0; i < count; i++) {
        random_array(&out->columns[i], &schema->fields[i], rows, null_share, random);
    }
    ktki_schema_free(schema);
}

static void sorts_as_insertion_does(void **unused) {
    static const int null_shares[] = {0, 20, 200};
    static const int64_t sizes[] = {0, 1, 2, 40, 255, 256, ROWS_MAX};
    ktk_context *context = test_context_new(1);
    uint32_t random = 5;

    (void)unused;
    for (size_t type = 0; type < random_field_count; type++) {
        if (!can_sort(random_fields[type])) {
            continue;
        }
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            int32_t count = 1 + (int32_t)random_below(&random, COLUMNS_MAX);
            int32_t columns[COLUMNS_MAX] = {0, 1, 2};
            int64_t wanted[ROWS_MAX];
            int64_t rows[ROWS_MAX];
            struct batch batch;
            ktk_error err;

            make_batch(&batch, context, count, sizes[i], null_shares[i % 3], type, &random);
            sort_slowly(wanted, &batch, columns, count);
            CHECK_OK(ktki_sort_rows(rows, context, &batch, columns, count, &err));
            assert_memory_equal(rows, wanted, (size_t)sizes[i] * sizeof(*rows));
            ktki_batch_clear(&batch);
        }
    }
    test_context_free(context);
}

static void refuses_what_has_no_order(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 5;
    int refused = 0;

    (void)unused;
    for (size_t type = 0; type < random_field_count; type++) {
        struct schema *schema = NULL;
        struct batch batch;
        int32_t column = 0;
        int64_t rows[3];
        ktk_error err;

        if (can_sort(random_fields[type])) {
            continue;
        }
        CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
        CHECK_OK(ktki_field_copy(schema, &schema->fields[0], random_fields[type], &err));
        CHECK_OK(ktki_batch_init(&batch, schema, 3, &err));
        random_array(&batch.columns[0], &schema->fields[0], 3, 0, &random);
        CHECK_STATUS(ktki_sort_rows(rows, context, &batch, &column, 1, &err), KTK_E_UNSUPPORTED);
        CHECK_MESSAGE("cannot be sorted by");
        ktki_schema_free(schema);
        ktki_batch_clear(&batch);
        refused++;
    }
    assert_true(refused >= 5);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_context *plain = NULL; /* whose allocations are not counted */
        ktk_context *context;
        int32_t columns[2] = {0, 1};
        uint32_t random = 9;
        struct batch batch;
        int64_t rows[20];
        ktk_error err;

        CHECK_OK(ktk_context_new(&plain, NULL, &err));
        make_batch(&batch, plain, 2, 20, 20, random_field_count - 1, &random);
        context = test_context_failing(n);
        status = ktki_sort_rows(rows, context, &batch, columns, 2, &err);
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        test_context_free(context);
        ktki_batch_clear(&batch);
        ktk_context_free(plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_as_insertion_does),
        cmocka_unit_test(refuses_what_has_no_order),
        cmocka_unit_test(survives_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
