#include "made_file.h"

#include <inttypes.h>
#include <stdio.h>

#include "../arrow/random_arrays.h"
#include "opened.h"
#include "support/test.h"

static const struct field text = {NULL, {.id = TYPE_STRING}, .nullable = true};
static const struct field large_text = {NULL, {.id = TYPE_LARGE_STRING}, .nullable = true};
static const struct field number = {NULL, {.id = TYPE_INT64}, .nullable = true};
static const struct field stamp = {
    NULL, {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}, .nullable = true};
static const struct field flag = {NULL, {.id = TYPE_BOOL}, .nullable = true};
static const struct field decimal = {
    "item", {.id = TYPE_DECIMAL128, .precision = 12, .scale = 3}, .nullable = true};
static const struct field text_item = {"item", {.id = TYPE_STRING}, .nullable = true};
static const struct field number_item = {"item", {.id = TYPE_INT32}, .nullable = true};
static const struct field word_item = {"item",
                                       {.id = TYPE_DICTIONARY, .index = TYPE_INT16},
                                       .nullable = true,
                                       .dictionary = (struct field *)&text};

static const struct field real_item = {"item", {.id = TYPE_FLOAT64}, .nullable = true};
static const struct field pair[] = {{"a", {.id = TYPE_INT8}, .nullable = true},
                                    {"b",
                                     {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                                     .nullable = true,
                                     .dictionary = (struct field *)&text}};
static const struct field pairs = {"item",
                                   {.id = TYPE_STRUCT},
                                   .nullable = true,
                                   .child_count = 2,
                                   .children = (struct field *)pair};
static const struct field reals = {"item",
                                   {.id = TYPE_FIXED_LIST, .width = 2},
                                   .nullable = true,
                                   .child_count = 1,
                                   .children = (struct field *)&real_item};
static const struct field map_pair[] = {{"key", {.id = TYPE_STRING}, .nullable = false},
                                        {"value",
                                         {.id = TYPE_LIST},
                                         .nullable = true,
                                         .child_count = 1,
                                         .children = (struct field *)&pairs}};
static const struct field entries = {"entries",
                                     {.id = TYPE_STRUCT},
                                     .nullable = false,
                                     .child_count = 2,
                                     .children = (struct field *)map_pair};

#define FLAT(...) {"c", {__VA_ARGS__}, .nullable = true}
#define LIST(id_, item)                                                                            \
    {"c", {.id = (id_)}, .nullable = true, .child_count = 1, .children = (struct field *)(item)}
#define DICTIONARY(index_, values)                                                                 \
    {"c",                                                                                          \
     {.id = TYPE_DICTIONARY, .index = (index_)},                                                   \
     .nullable = true,                                                                             \
     .dictionary = (struct field *)(values)}

static const struct field fields[] = {
    FLAT(.id = TYPE_NULL),
    FLAT(.id = TYPE_BOOL),
    FLAT(.id = TYPE_INT8),
    FLAT(.id = TYPE_INT16),
    FLAT(.id = TYPE_INT32),
    FLAT(.id = TYPE_INT64),
    FLAT(.id = TYPE_UINT8),
    FLAT(.id = TYPE_UINT16),
    FLAT(.id = TYPE_UINT32),
    FLAT(.id = TYPE_UINT64),
    FLAT(.id = TYPE_FLOAT16),
    FLAT(.id = TYPE_FLOAT32),
    FLAT(.id = TYPE_FLOAT64),
    FLAT(.id = TYPE_STRING),
    FLAT(.id = TYPE_LARGE_STRING),
    FLAT(.id = TYPE_BINARY),
    FLAT(.id = TYPE_LARGE_BINARY),
    FLAT(.id = TYPE_STRING_VIEW),
    FLAT(.id = TYPE_BINARY_VIEW),
    FLAT(.id = TYPE_FIXED_BINARY, .width = 5),
    FLAT(.id = TYPE_FIXED_BINARY, .width = 40),
    FLAT(.id = TYPE_DATE32),
    FLAT(.id = TYPE_DATE64),
    FLAT(.id = TYPE_TIME32, .unit = UNIT_SECOND),
    FLAT(.id = TYPE_TIME32, .unit = UNIT_MILLI),
    FLAT(.id = TYPE_TIME64, .unit = UNIT_MICRO),
    FLAT(.id = TYPE_TIME64, .unit = UNIT_NANO),
    FLAT(.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND),
    FLAT(.id = TYPE_TIMESTAMP, .unit = UNIT_MILLI),
    FLAT(.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO),
    FLAT(.id = TYPE_TIMESTAMP, .unit = UNIT_NANO, .timezone = "Europe/Berlin"),
    FLAT(.id = TYPE_DURATION, .unit = UNIT_MILLI),
    FLAT(.id = TYPE_DECIMAL128, .precision = 4, .scale = 1),
    FLAT(.id = TYPE_DECIMAL128, .precision = 38, .scale = 38),
    FLAT(.id = TYPE_DECIMAL256, .precision = 50, .scale = 3),
    DICTIONARY(TYPE_INT8, &text),
    DICTIONARY(TYPE_UINT32, &large_text),
    DICTIONARY(TYPE_INT64, &number),
    DICTIONARY(TYPE_UINT8, &stamp),
    DICTIONARY(TYPE_UINT16, &flag),
    LIST(TYPE_LIST, &text_item),
    LIST(TYPE_LARGE_LIST, &number_item),
    LIST(TYPE_LIST, &decimal),
    LIST(TYPE_LIST, &word_item),
    LIST(TYPE_LIST, &pairs),
    LIST(TYPE_LARGE_LIST, &reals),
    LIST(TYPE_MAP, &entries),
    {"c",
     {.id = TYPE_STRUCT},
     .nullable = true,
     .child_count = 2,
     .children = (struct field *)pair},
    {"c",
     {.id = TYPE_FIXED_LIST, .width = 3},
     .nullable = true,
     .child_count = 1,
     .children = (struct field *)&text_item},
    {"c",
     {.id = TYPE_STRUCT},
     .nullable = true,
     .child_count = 2,
     .children = (struct field *)map_pair},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static int32_t leaf_count(const struct field *field) {
    int32_t count = field->child_count == 0;

    for (int32_t i = 0; i < field->child_count; i++) {
        count += leaf_count(&field->children[i]);
    }
    return count;
}

int32_t made_leaf_count(void) {
    int32_t count = 0;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        count += leaf_count(&fields[i]);
    }
    return count;
}

struct schema *made_schema(ktk_context *context) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, FIELD_COUNT, &err));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        struct field named = fields[i];
        char name[16];

        (void)snprintf(name, sizeof(name), "c%zu", i);
        named.name = name;
        CHECK_OK(ktki_field_copy(schema, &schema->fields[i], &named, &err));
    }
    CHECK_OK(ktki_schema_set_key_value(schema, "pandas", "{}", 2, &err));
    CHECK_OK(ktki_schema_set_key_value(schema, "other", "a\0b", 3, &err));
    return schema;
}

/* A value of the type that can be stored. */
static int64_t storable(const struct data_type *type, uint32_t *random) {
    int64_t value = (int64_t)((uint64_t)random_next(random) << 40 ^
                              (uint64_t)random_next(random) << 20 ^ random_next(random));

    switch (type->id) {
    case TYPE_DATE64:
        return value % 100000 * 86400000;
    case TYPE_TIME32:
        return value % 86400;
    case TYPE_TIMESTAMP:
        return type->unit == UNIT_SECOND  ? value % INT64_C(9000000000000)
               : type->unit == UNIT_MILLI ? value % INT64_C(9000000000000000)
               : type->unit == UNIT_NANO  ? value / 1000 * 1000
                                          : value;
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        return value % 10000;
    default:
        return value;
    }
}

static bool is_limited(enum type_id id) {
    return id == TYPE_DATE64 || id == TYPE_TIME32 || id == TYPE_TIMESTAMP ||
           id == TYPE_DECIMAL128 || id == TYPE_DECIMAL256;
}

/* Replace values that could not be stored; whatever lies below nulls stays. */
static void fit(struct ArrowArray *array, const struct field *field, uint32_t *random) {
    size_t width = ktki_type_width(&field->type);

    if (field->dictionary != NULL) {
        fit(array->dictionary, field->dictionary, random);
        return;
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        fit(array->children[i], &field->children[i], random);
    }
    for (int64_t i = 0; is_limited(field->type.id) && i < array->length; i++) {
        struct array_view view;

        ktki_array_view(array, &field->type, &view);
        if (!ktki_view_is_null(&view, i)) {
            uint8_t *to = (uint8_t *)(uintptr_t)view.values + (size_t)(i + view.offset) * width;
            int64_t value = storable(&field->type, random);

            memset(to, value < 0 ? 0xFF : 0, width);
            memcpy(to, &value, width < sizeof(value) ? width : sizeof(value));
        }
    }
}

void made_batch(struct batch *out, struct schema *schema, int64_t row_count, int null_share,
                uint32_t *random) {
    ktk_error err;

    CHECK_OK(ktki_batch_init(out, schema, row_count, &err));
    for (int32_t i = 0; i < schema->field_count; i++) {
        random_array(&out->columns[i], &schema->fields[i], row_count, null_share, random);
        fit(&out->columns[i], &schema->fields[i], random);
    }
}

ktk_status made_sink(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

ktk_status made_write(struct buffer *out, ktk_context *context, struct schema *schema,
                      const struct batch *batches, size_t count,
                      const ktk_parquet_write_options *options, ktk_error *err) {
    ktk_parquet_writer *writer = NULL;
    int64_t size = -1;
    size_t before = out->size;
    ktk_status status =
        ktki_parquet_writer_new(&writer, context, schema, options, made_sink, out, err);

    for (size_t i = 0; status == KTK_OK && i < count; i++) {
        status = ktki_parquet_writer_add(writer, &batches[i], err);
    }
    if (status == KTK_OK) {
        status = ktki_parquet_writer_finish(writer, &size, err);
    }
    if (status == KTK_OK) {
        assert_int_equal(size, out->size - before);
    }
    ktki_parquet_writer_free(writer);
    return status;
}

void made_open(ktk_parquet_file **out, ktk_context *context, const struct buffer *bytes) {
    ktk_bytes copy = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktki_bytes_copy(test_allocator(), bytes->data, bytes->size, &copy, &err));
    CHECK_OK(ktk_parquet_open_bytes(out, context, &copy, &err));
}

/* ---- comparison ---- */

__extension__ typedef __int128 wide;

/* A date or time in the finest unit that is stored: days, or nanoseconds. */
static bool time_value(const struct field *field, const struct ArrowArray *array, int64_t row,
                       wide *out) {
    const struct data_type *type = &field->type;
    struct array_view view;
    int64_t value = 0;

    ktki_array_view(array, type, &view);
    if (type->id != TYPE_DATE32 && type->id != TYPE_DATE64 && type->id != TYPE_TIME32 &&
        type->id != TYPE_TIME64 && type->id != TYPE_TIMESTAMP) {
        return false;
    }
    if (ktki_view_is_null(&view, row)) {
        return false;
    }
    if (ktki_type_width(type) == 4) {
        value = ((const int32_t *)view.values)[row + view.offset];
    } else {
        value = ((const int64_t *)view.values)[row + view.offset];
    }
    *out = value;
    if (type->id == TYPE_DATE64) {
        *out = value / 86400000;
    } else if (type->id != TYPE_DATE32) {
        *out *= 1000000000 / ktki_unit_per_second(type->unit);
    }
    return true;
}

static void cell_text(const struct field *field, const struct ArrowArray *array, int64_t row,
                      struct buffer *out) {
    wide time = 0;
    ktk_error err;

    out->size = 0;
    if (field->dictionary != NULL) {
        struct array_view view;

        ktki_array_view(array, &field->type, &view);
        if (!ktki_view_is_null(&view, row)) {
            int64_t entry = 0;
            size_t width = ktki_type_width(&field->type);

            memcpy(&entry, (const uint8_t *)view.values + (size_t)(row + view.offset) * width,
                   width);
            cell_text(field->dictionary, array->dictionary, entry, out);
            return;
        }
    }
    if (time_value(field, array, row, &time)) {
        CHECK_OK(ktki_buffer_append_format(out, &err, "time %" PRId64 " and %" PRId64,
                                           (int64_t)(time / 1000000000),
                                           (int64_t)(time % 1000000000)));
    } else {
        value_text(field, array, row, out);
    }
    CHECK_OK(ktki_buffer_append_byte(out, '\0', &err));
}

static void check_cell(const struct field *a_field, const struct ArrowArray *a, int64_t a_row,
                       const struct field *b_field, const struct ArrowArray *b, int64_t b_row,
                       struct buffer texts[2]) {
    cell_text(a_field, a, a_row, &texts[0]);
    cell_text(b_field, b, b_row, &texts[1]);
    if (strcmp((char *)texts[0].data, (char *)texts[1].data) != 0) {
        fail_msg("column %s (%s): row %lld was %s, is %s", a_field->name,
                 ktki_type_name(a_field->type.id), (long long)a_row, (char *)texts[0].data,
                 (char *)texts[1].data);
    }
}

static void check_row(const struct batch *a, int64_t a_row, const struct batch *b, int64_t b_row) {
    struct buffer texts[2];

    ktki_buffer_init(&texts[0], test_allocator(), 0);
    ktki_buffer_init(&texts[1], test_allocator(), 0);
    for (int32_t i = 0; i < a->schema->field_count; i++) {
        check_cell(&a->schema->fields[i], &a->columns[i], a_row, &b->schema->fields[i],
                   &b->columns[i], b_row, texts);
    }
    ktki_buffer_clear(&texts[0]);
    ktki_buffer_clear(&texts[1]);
}

void made_check(ktk_parquet_file *file, const struct batch *batches, size_t count,
                bool keep_dictionaries) {
    const struct parquet_metadata *metadata = ktki_parquet_metadata(file);
    int32_t columns[FIELD_COUNT];
    size_t at = 0;
    int64_t row = 0;
    int64_t total = 0;

    for (int32_t i = 0; i < (int32_t)FIELD_COUNT; i++) {
        columns[i] = i;
    }
    for (int32_t group = 0; group < metadata->row_group_count; group++) {
        struct batch read = {0};
        ktk_error err;

        CHECK_OK(ktki_parquet_read_row_group(&read, file, group, columns, FIELD_COUNT,
                                             keep_dictionaries, &err));
        assert_int_equal(read.row_count, metadata->row_groups[group].row_count);
        for (int64_t i = 0; i < read.row_count; i++, row++, total++) {
            while (at < count && row == batches[at].row_count) {
                at++;
                row = 0;
            }
            assert_true(at < count);
            check_row(&batches[at], row, &read, i);
        }
        ktki_batch_clear(&read);
    }
    for (size_t i = 0; i < count; i++) {
        total -= batches[i].row_count;
    }
    assert_int_equal(total, 0);
    for (int32_t i = 0; i < (int32_t)FIELD_COUNT; i++) {
        const struct schema *schema = opened_schema(file);
        char name[16];

        (void)snprintf(name, sizeof(name), "c%d", i);
        assert_string_equal(schema->fields[i].name, name);
    }
}

void made_init(struct made *made, ktk_context *context, uint32_t *random, int64_t rows_max) {
    made->schema = made_schema(context);
    made->count = (size_t)random_below(random, MADE_BATCHES_MAX + 1);
    for (size_t i = 0; i < made->count; i++) {
        static const int null_shares[] = {0, 0, 5, 128, 256};
        made_batch(&made->batches[i], made->schema, random_below(random, rows_max),
                   null_shares[random_below(random, 5)], random);
    }
}

void made_clear(struct made *made) {
    for (size_t i = 0; i < made->count; i++) {
        ktki_batch_clear(&made->batches[i]);
    }
    ktki_schema_free(made->schema);
}

void made_column(struct batch *out, ktk_context *context, const struct field *field,
                 struct ArrowArray *array) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    CHECK_OK(ktki_field_copy(schema, &schema->fields[0], field, &err));
    CHECK_OK(ktki_batch_init(out, schema, array->length, &err));
    ktki_array_move(array, &out->columns[0]);
    ktki_schema_free(schema);
}
