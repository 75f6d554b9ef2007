/* Files of many writers against what pyarrow makes of them: the documents described in
 * tests/data/golden/FORMAT.md. What we do not read (yet) is listed with the reason. */
#include "support/test.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "arrow/array.h"
#include "base/json_read.h"
#include "base/text.h"
#include "base/time_format.h"
#include "opened.h"
#include "parquet/reader.h"

__extension__ typedef __int128 wide_int;

/* Where we knowingly differ from pyarrow 26. */
static const struct {
    const char *file;
    const char *column;
    const char *why;
} deviations[] = {
    /* TIMESTAMP_MICROS without a logical type: pyarrow 26 takes it as UTC, the pyarrow of these
     * files and that of kartothek as local time, which is what was written. */
    {"arrow-compat/0.12.1.parquet", "datetime64", "local time, as its writer meant it"},
    {"arrow-compat/0.13.0.parquet", "datetime64", "local time, as its writer meant it"},
    {"data/nested_structs.rust.parquet", "ul_observation_date", "no logical type: local time"},
};

/* Files that pyarrow 26 refuses and we read. */
static const struct {
    const char *file;
    const char *why;
} extras[] = {
    {"data/incorrect_map_schema.parquet", "keys are called optional, but none is null"},
};

#define COLUMNS_MAX 256
/* Longest text of a value: the hex digits of a geometry. */
#define VALUE_TEXT_MAX 65536

/* A file, each of its columns read by itself. */
struct golden {
    const char *name;
    ktk_context *context;
    ktk_parquet_file *file;
    const struct schema *schema;
    int32_t group_count;
    struct batch *batches[COLUMNS_MAX]; /* NULL: not read */
    int refused_count;
    int64_t value_count; /* values compared */
};

/* ---- JSON ---- */

struct text {
    const char *at;
    size_t size;
};

static void begin_json(struct json_reader *reader, struct text text) {
    ktki_json_reader_init(reader, test_allocator(), text.at, text.size, 64);
}

static enum json_event next(struct json_reader *reader) {
    enum json_event event = JSON_END;
    ktk_error err;

    CHECK_OK(ktki_json_next(reader, &event, &err));
    return event;
}

static struct text skip_value(struct json_reader *reader) {
    struct text text = {NULL, 0};
    ktk_error err;

    CHECK_OK(ktki_json_skip(reader, &text.at, &text.size, &err));
    return text;
}

/* Raw text of a member of an object; `at` NULL if it has none. */
static struct text member(struct text object, const char *key) {
    struct json_reader reader;
    struct text found = {NULL, 0};

    begin_json(&reader, object);
    assert_int_equal(next(&reader), JSON_OBJECT_BEGIN);
    while (next(&reader) == JSON_KEY) {
        bool is_wanted = ktki_json_is(&reader, key);
        struct text value = skip_value(&reader);
        if (is_wanted) {
            found = value;
        }
    }
    ktki_json_reader_clear(&reader);
    return found;
}

static bool is_text(struct text raw, const char *wanted) {
    size_t size = strlen(wanted);

    return raw.at != NULL && raw.size == size + 2 && raw.at[0] == '"' &&
           memcmp(raw.at + 1, wanted, size) == 0;
}

/* ---- values ---- */

static double half_to_double(uint16_t half) {
    int exponent = half >> 10 & 31;
    double fraction = half & 1023;
    double value = exponent == 31  ? (fraction == 0 ? (double)INFINITY : (double)NAN)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(1024 + fraction, exponent - 25);

    return (half & 0x8000) != 0 ? -value : value;
}

static int64_t integer_at(const struct field *field, const struct ArrowArray *array, int64_t row) {
    const void *values = array->buffers[1];

    switch (field->type.id) {
    case TYPE_INT8:
        return ((const int8_t *)values)[row];
    case TYPE_UINT8:
        return ((const uint8_t *)values)[row];
    case TYPE_INT16:
        return ((const int16_t *)values)[row];
    case TYPE_UINT16:
        return ((const uint16_t *)values)[row];
    case TYPE_INT32:
    case TYPE_DATE32:
    case TYPE_TIME32:
        return ((const int32_t *)values)[row];
    case TYPE_UINT32:
        return ((const uint32_t *)values)[row];
    default:
        return ((const int64_t *)values)[row];
    }
}

static double float_at(const struct field *field, const struct ArrowArray *array, int64_t row) {
    const void *values = array->buffers[1];

    return field->type.id == TYPE_FLOAT16   ? half_to_double(((const uint16_t *)values)[row])
           : field->type.id == TYPE_FLOAT32 ? (double)((const float *)values)[row]
                                            : ((const double *)values)[row];
}

static size_t nanoseconds_text(int64_t value, enum time_unit unit, char *out) {
    static const int64_t factors[] = {1000000000, 1000000, 1000, 1};
    wide_int wide = (wide_int)value * factors[unit];
    char digits[64];
    size_t count = 0;
    size_t size = 0;
    bool is_negative = wide < 0;

    do {
        int digit = (int)(wide % 10);
        digits[count++] = (char)('0' + (digit < 0 ? -digit : digit));
        wide /= 10;
    } while (wide != 0);
    if (is_negative) {
        out[size++] = '-';
    }
    while (count > 0) {
        out[size++] = digits[--count];
    }
    return size;
}

static size_t hex_text(const struct field *field, const struct ArrowArray *array, int64_t row,
                       char *out, size_t capacity) {
    const uint8_t *data = NULL;
    size_t size = 0;

    ktki_array_bytes(array, &field->type, row, &data, &size);
    assert_true(2 * size < capacity);
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", data[i]);
    }
    return 2 * size;
}

/* The text that the documents show for a value which is neither bool, text nor list. */
static size_t value_text(const struct field *field, const struct ArrowArray *array, int64_t row,
                         char *out, size_t capacity) {
    size_t width = ktki_type_width(&field->type);

    switch (field->type.id) {
    case TYPE_FLOAT16:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return ktki_format_f64(float_at(field, array, row), out);
    case TYPE_UINT64:
        return ktki_format_u64((uint64_t)integer_at(field, array, row), out);
    case TYPE_BINARY:
    case TYPE_LARGE_BINARY:
    case TYPE_FIXED_BINARY:
        return hex_text(field, array, row, out, capacity);
    case TYPE_DATE32:
        return ktki_format_date(integer_at(field, array, row), out);
    case TYPE_TIMESTAMP:
    case TYPE_DURATION:
    case TYPE_TIME32:
    case TYPE_TIME64:
        return nanoseconds_text(integer_at(field, array, row), field->type.unit, out);
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        return ktki_format_decimal((const uint8_t *)array->buffers[1] + (size_t)row * width, width,
                                   field->type.scale, out);
    default:
        return ktki_format_i64(integer_at(field, array, row), out);
    }
}

static bool bit_at(const void *bits, int64_t row) {
    return (((const uint8_t *)bits)[row >> 3] >> (row & 7) & 1) != 0;
}

static bool is_null(const struct field *field, const struct ArrowArray *array, int64_t row) {
    return field->type.id == TYPE_NULL ||
           (array->buffers[0] != NULL && !bit_at(array->buffers[0], row));
}

static bool same_value(struct json_reader *reader, const struct field *field,
                       const struct ArrowArray *array, int64_t row, enum json_event event);

/* The items [*item, *end) of a list. */
static void find_items(const struct field *field, const struct ArrowArray *array, int64_t row,
                       int64_t *item, int64_t *end) {
    const int32_t *offsets = array->buffers[1];
    const int64_t *large_offsets = array->buffers[1];

    switch (field->type.id) {
    case TYPE_FIXED_LIST:
        *item = row * field->type.width;
        *end = *item + field->type.width;
        break;
    case TYPE_LARGE_LIST:
        *item = large_offsets[row];
        *end = large_offsets[row + 1];
        break;
    default:
        *item = offsets[row];
        *end = offsets[row + 1];
    }
}

static bool same_list(struct json_reader *reader, const struct field *field,
                      const struct ArrowArray *array, int64_t row) {
    int64_t item;
    int64_t end;
    enum json_event event;

    find_items(field, array, row, &item, &end);
    for (event = next(reader); event != JSON_ARRAY_END; event = next(reader)) {
        if (item == end ||
            !same_value(reader, &field->children[0], array->children[0], item++, event)) {
            return false;
        }
    }
    return item == end;
}

/* A member for each child; entries of maps call theirs "key" and "value", whatever their names. */
static bool same_struct(struct json_reader *reader, const struct field *field,
                        const struct ArrowArray *array, int64_t row, bool is_entry) {
    for (int32_t i = 0; i < field->child_count; i++) {
        const char *name = !is_entry ? field->children[i].name : i == 0 ? "key" : "value";

        if (next(reader) != JSON_KEY || !ktki_json_is(reader, name) ||
            !same_value(reader, &field->children[i], array->children[i], row, next(reader))) {
            return false;
        }
    }
    return next(reader) == JSON_OBJECT_END;
}

static bool same_map(struct json_reader *reader, const struct field *field,
                     const struct ArrowArray *array, int64_t row) {
    int64_t item;
    int64_t end;

    find_items(field, array, row, &item, &end);
    for (; item < end; item++) {
        if (next(reader) != JSON_OBJECT_BEGIN ||
            !same_struct(reader, &field->children[0], array->children[0], item, true)) {
            return false;
        }
    }
    return next(reader) == JSON_ARRAY_END;
}

static bool same_value(struct json_reader *reader, const struct field *field,
                       const struct ArrowArray *array, int64_t row, enum json_event event) {
    char text[VALUE_TEXT_MAX];
    const uint8_t *data = (const uint8_t *)text;
    size_t size;

    if (event == JSON_NULL || is_null(field, array, row)) {
        return event == JSON_NULL && is_null(field, array, row);
    }
    switch (field->type.id) {
    case TYPE_BOOL:
        return event == (bit_at(array->buffers[1], row) ? JSON_TRUE : JSON_FALSE);
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
    case TYPE_FIXED_LIST:
        return event == JSON_ARRAY_BEGIN && same_list(reader, field, array, row);
    case TYPE_STRUCT:
        return event == JSON_OBJECT_BEGIN && same_struct(reader, field, array, row, false);
    case TYPE_MAP:
        return event == JSON_ARRAY_BEGIN && same_map(reader, field, array, row);
    case TYPE_STRING:
    case TYPE_LARGE_STRING:
        ktki_array_bytes(array, &field->type, row, &data, &size);
        break;
    default:
        size = value_text(field, array, row, text, sizeof(text));
    }
    return (event == JSON_STRING || event == JSON_NUMBER) && reader->text_size == size &&
           memcmp(reader->text, data, size) == 0;
}

/* ---- rows ---- */

static const struct ArrowArray *array_of(const struct golden *golden, int32_t column,
                                         int64_t *row) {
    for (int32_t i = 0; i < golden->group_count; i++) {
        const struct batch *batch = &golden->batches[column][i];
        if (*row < batch->row_count) {
            return &batch->columns[0];
        }
        *row -= batch->row_count;
    }
    fail_msg("%s has fewer rows than expected", golden->name);
    return NULL;
}

static void check_member(struct golden *golden, struct json_reader *reader, int64_t row) {
    int32_t column = 0;
    const struct ArrowArray *array;
    const struct field *field;

    while (column < golden->schema->field_count &&
           !ktki_json_is(reader, golden->schema->fields[column].name)) {
        column++;
    }
    assert_true(column < golden->schema->field_count);
    if (golden->batches[column] == NULL) {
        (void)skip_value(reader);
        return;
    }
    field = &golden->batches[column][0].schema->fields[0];
    array = array_of(golden, column, &row);
    if (!same_value(reader, field, array, row, next(reader))) {
        fail_msg("%s: column '%s' differs in row %" PRId64 " near %.60s", golden->name, field->name,
                 row, reader->token);
    }
    golden->value_count++;
}

/* An array of row objects, the first one row `row` of the file (negative: from the end). */
static void check_rows(struct golden *golden, struct text rows, int64_t row) {
    struct json_reader reader;

    if (rows.at == NULL) {
        return;
    }
    begin_json(&reader, rows);
    assert_int_equal(next(&reader), JSON_ARRAY_BEGIN);
    for (; next(&reader) == JSON_OBJECT_BEGIN; row++) {
        while (next(&reader) == JSON_KEY) {
            check_member(golden, &reader, row);
        }
    }
    ktki_json_reader_clear(&reader);
}

static int64_t count_rows(struct text rows) {
    struct json_reader reader;
    int64_t count = 0;

    begin_json(&reader, rows);
    assert_int_equal(next(&reader), JSON_ARRAY_BEGIN);
    for (; next(&reader) == JSON_OBJECT_BEGIN; count++) {
        (void)skip_value(&reader);
    }
    ktki_json_reader_clear(&reader);
    return count;
}

/* Nulls and, of integers, the sum. */
static void check_checksum(struct golden *golden, int32_t column, struct text checksum) {
    struct text nulls = member(checksum, "nulls");
    struct text sum = member(checksum, "sum");
    const struct field *field = &golden->batches[column][0].schema->fields[0];
    int64_t null_count = 0;
    wide_int total = 0;
    char digits[64];
    size_t size;

    for (int32_t i = 0; i < golden->group_count; i++) {
        const struct ArrowArray *array = &golden->batches[column][i].columns[0];
        for (int64_t row = 0; row < array->length; row++) {
            bool null = is_null(field, array, row);
            null_count += null;
            if (!null && sum.at != NULL) {
                total += field->type.id == TYPE_UINT64
                             ? (wide_int)(uint64_t)integer_at(field, array, row)
                             : (wide_int)integer_at(field, array, row);
            }
        }
    }
    assert_int_equal(null_count, strtoll(nulls.at, NULL, 10));
    if (sum.at != NULL) {
        assert_true(total >= INT64_MIN && total <= INT64_MAX);
        size = ktki_format_i64((int64_t)total, digits);
        assert_int_equal(size, sum.size - 2);
        assert_memory_equal(digits, sum.at + 1, size);
        golden->value_count += null_count;
    }
}

static void check_content(struct golden *golden, struct text rows) {
    int64_t count = strtoll(member(rows, "count").at, NULL, 10);
    struct text checksums = member(rows, "checksums");
    struct text tail = member(rows, "tail");

    assert_int_equal(count, ktki_parquet_metadata(golden->file)->row_count);
    check_rows(golden, member(rows, "rows"), 0);
    check_rows(golden, member(rows, "head"), 0);
    if (tail.at != NULL) {
        check_rows(golden, tail, count - count_rows(tail));
    }
    for (int32_t i = 0; checksums.at != NULL && i < golden->schema->field_count; i++) {
        if (golden->batches[i] != NULL) {
            check_checksum(golden, i, member(checksums, golden->schema->fields[i].name));
        }
    }
}

/* ---- types ---- */

/* A type without what does not matter: list items are all called "item", and the entries of maps
 * not at all. */
static void normalize_type(struct buffer *out, const char *at, size_t size) {
    const char *end = at + size;
    ktk_error err;

    while (at < end) {
        size_t skipped = 0;
        if (end - at > 5 && memcmp(at, "list<", 5) == 0) {
            CHECK_OK(ktki_buffer_append_text(out, "list<item", &err));
            skipped = (size_t)((const char *)memchr(at, ':', (size_t)(end - at)) - at);
        } else if (end - at > 3 && memcmp(at, " ('", 3) == 0) {
            skipped = (size_t)((const char *)memchr(at, ')', (size_t)(end - at)) - at) + 1;
        } else {
            CHECK_OK(ktki_buffer_append_byte(out, (uint8_t)*at, &err));
            skipped = 1;
        }
        at += skipped;
    }
}

/* pyarrow's name of the type, as the documents have it; dictionaries stand for their values there,
 * and what extension types store is all that we tell. */
static void check_type(const struct golden *golden, int32_t column, struct text wanted) {
    struct buffer text;
    struct buffer found;
    struct buffer expected;
    const struct field *field = &golden->batches[column][0].schema->fields[0];
    ktk_error err;

    if (strncmp(wanted.at, "\"extension", 10) == 0) {
        return;
    }
    if (strncmp(wanted.at, "\"dictionary<values=", 19) == 0) {
        wanted.at += 18; /* stands for the opening quote */
        wanted.size = strcspn(wanted.at, ",") + 1;
    }
    ktki_buffer_init(&text, test_allocator(), 0);
    ktki_buffer_init(&found, test_allocator(), 0);
    ktki_buffer_init(&expected, test_allocator(), 0);
    CHECK_OK(ktki_field_type_text(field, &text, &err));
    normalize_type(&found, (const char *)text.data, text.size);
    normalize_type(&expected, wanted.at + 1, wanted.size - 2);
    if (found.size != expected.size || memcmp(found.data, expected.data, found.size) != 0) {
        fail_msg("%s: column '%s' is %.*s, not %.*s", golden->name, field->name, (int)text.size,
                 (const char *)text.data, (int)wanted.size, wanted.at);
    }
    ktki_buffer_clear(&text);
    ktki_buffer_clear(&found);
    ktki_buffer_clear(&expected);
}

static bool is_deviation(const struct golden *golden, const char *column) {
    for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        if (strcmp(deviations[i].file, golden->name) == 0 &&
            strcmp(deviations[i].column, column) == 0) {
            print_message("# %s, %s: %s\n", golden->name, column, deviations[i].why);
            return true;
        }
    }
    return false;
}

static bool is_extra(const struct golden *golden) {
    for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        if (strcmp(extras[i].file, golden->name) == 0) {
            print_message("# %s: %s\n", golden->name, extras[i].why);
            return true;
        }
    }
    return false;
}

static void check_schema(const struct golden *golden, struct text schema) {
    struct json_reader reader;
    int32_t column = 0;

    begin_json(&reader, schema);
    assert_int_equal(next(&reader), JSON_ARRAY_BEGIN);
    for (; next(&reader) == JSON_OBJECT_BEGIN; column++) {
        const char *start = reader.token;
        struct text object = skip_value(&reader);
        object.size += (size_t)(object.at - start);
        object.at = start;
        assert_true(column < golden->schema->field_count);
        assert_true(is_text(member(object, "name"), golden->schema->fields[column].name) ||
                    strchr(member(object, "name").at, '\\') != NULL);
        if (golden->batches[column] != NULL &&
            !is_deviation(golden, golden->schema->fields[column].name)) {
            check_type(golden, column, member(object, "type"));
        }
    }
    assert_int_equal(column, golden->schema->field_count);
    ktki_json_reader_clear(&reader);
}

/* ---- files ---- */

/* Every file of which something is refused, and why: what is not here is read whole. */
static const struct refusal {
    const char *file;
    ktk_status status;
    const char *text;
} refusals[] = {
#define ENCRYPTED(name, text) {"data/" name ".parquet.encrypted", KTK_E_UNSUPPORTED, (text)}
/* Numbers that are no times: the first one is of the Julian day 2. */
#define INT96 "column 'int96_field': dictionary page at offset 1267: value 0, "
#define WHOLLY "the file is encrypted, and keys are not supported"
    ENCRYPTED("encrypt_columns_and_footer", WHOLLY),
    ENCRYPTED("encrypt_columns_and_footer_bloom_filter", WHOLLY),
    ENCRYPTED("encrypt_columns_and_footer_disable_aad_storage", WHOLLY),
    ENCRYPTED("uniform_encryption", WHOLLY),
    ENCRYPTED("encrypt_columns_plaintext_footer", "it is encrypted"),
    ENCRYPTED("aes256/encrypt_columns_and_footer", WHOLLY),
    ENCRYPTED("aes256/encrypt_columns_and_footer_disable_aad_storage", WHOLLY),
    ENCRYPTED("aes256/uniform_encryption", WHOLLY),
    ENCRYPTED("aes256/encrypt_columns_plaintext_footer", "it is encrypted"),
    /* pyarrow checks them only if it is told to. */
    {"data/datapage_v1-corrupt-checksum.parquet", KTK_E_CORRUPT, "the checksum of a page is"},
    {"data/rle-dict-uncompressed-corrupt-checksum.parquet", KTK_E_CORRUPT,
     "the checksum of a page is"},
    /* Two keys of more than 1 GiB each, which pyarrow refuses as well. */
    {"data/large_string_map.brotli.parquet", KTK_E_LIMIT, "above the limit"},
    ENCRYPTED("encrypt_columns_plaintext_footer", INT96),
    ENCRYPTED("aes256/encrypt_columns_plaintext_footer", INT96),
    /* Of the year 9999; pyarrow returns a time of 1816. */
    {"data/int96_from_spark.parquet", KTK_E_UNSUPPORTED,
     "row group 0: column 'a': dictionary page at offset 4: value 2, "},
    {"bad_data/ARROW-RS-GH-6229-DICTHEADER.parquet", KTK_E_CORRUPT, "field 'num_values'"},
    {"bad_data/ARROW-RS-GH-6229-LEVELS.parquet", KTK_E_CORRUPT, "21 values where 1"},
    {"bad_data/PARQUET-1481.parquet", KTK_E_CORRUPT, "field 'type' of SchemaElement cannot be -7"},
    {"bad_data/ARROW-GH-41321.parquet", KTK_E_CORRUPT, "definition levels"},
    {"bad_data/ARROW-GH-47662.parquet", KTK_E_CORRUPT, "fewer values than announced"},
};

static ktk_status read_column(struct golden *golden, int32_t column, ktk_error *err) {
    struct batch *batches = calloc((size_t)golden->group_count + 1, sizeof(*batches));
    ktk_status status = KTK_OK;

    assert_non_null(batches);
    for (int32_t i = 0; i < golden->group_count && status == KTK_OK; i++) {
        status = ktki_parquet_read_row_group(&batches[i], golden->file, i, &column, 1, false, err);
        if (status == KTK_OK) {
            ktk_error deep;
            assert_int_equal(ktki_array_check(&batches[i].columns[0], &batches[i].schema->fields[0],
                                              true, &deep),
                             KTK_OK);
        }
    }
    if (status == KTK_OK && golden->group_count > 0) {
        golden->batches[column] = batches;
        return KTK_OK;
    }
    for (int32_t i = 0; i < golden->group_count; i++) {
        ktki_batch_clear(&batches[i]);
    }
    free(batches);
    return status;
}

/* One of a file's refusals; any of them if `err` is NULL. What is bad in all places is told of the
 * first column alone. */
static bool is_refusal(const char *name, ktk_status status, bool is_first, const ktk_error *err) {
    bool has_text = is_first || strncmp(name, "bad_data/", strlen("bad_data/")) != 0;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];

        if (strcmp(refusal->file, name) == 0 &&
            (err == NULL || (refusal->status == status &&
                             (!has_text || strstr(err->message, refusal->text) != NULL)))) {
            return true;
        }
    }
    return false;
}

static void check_refusal(const char *name, ktk_status status, bool is_first,
                          const ktk_error *err) {
    print_message("# refused: %s\n", err->message);
    if (!is_refusal(name, status, is_first, err) || strstr(err->message, name) == NULL) {
        fail_msg("%s: %s: %s", name, ktk_status_name(status), err->message);
    }
}

static void read_columns(struct golden *golden) {
    for (int32_t i = 0; i < golden->schema->field_count && i < COLUMNS_MAX; i++) {
        ktk_error err = {0};
        ktk_status status = read_column(golden, i, &err);
        if (status != KTK_OK) {
            check_refusal(golden->name, status, golden->refused_count++ == 0, &err);
        }
    }
}

static void clear_columns(struct golden *golden) {
    for (int32_t i = 0; i < COLUMNS_MAX; i++) {
        for (int32_t j = 0; golden->batches[i] != NULL && j < golden->group_count; j++) {
            ktki_batch_clear(&golden->batches[i][j]);
        }
        free(golden->batches[i]);
    }
}

static void check_file(const char *path, const char *name, struct text document) {
    static struct golden golden;
    bool has_footer = is_text(member(document, "footer"), "ok");
    bool has_data = is_text(member(document, "data"), "ok");
    bool has_checksums = is_text(member(document, "page_checksums"), "right or absent");
    ktk_error err;
    ktk_status status;

    memset(&golden, 0, sizeof(golden));
    golden.name = name;
    golden.context = test_context_new(1);
    status = ktk_parquet_open_path(&golden.file, golden.context, path, &err);
    if (status != KTK_OK) {
        assert_false(has_footer);
        check_refusal(name, status, true, &err);
    } else {
        golden.schema = opened_schema(golden.file);
        golden.group_count = ktki_parquet_metadata(golden.file)->row_group_count;
        read_columns(&golden);
        assert_int_equal(golden.refused_count > 0, is_refusal(name, KTK_OK, true, NULL));
        /* A file that pyarrow refuses, or that fails its checksums, is not read whole. */
        assert_true((has_data && has_checksums) || golden.refused_count > 0 || is_extra(&golden));
        if (has_data) {
            check_schema(&golden, member(document, "schema"));
            check_content(&golden, member(document, "rows"));
            print_message("# %s: %" PRId64 " values are right, %d columns not read\n", name,
                          golden.value_count, golden.refused_count);
        }
    }
    clear_columns(&golden);
    ktk_parquet_file_free(golden.file);
    test_context_free(golden.context);
}

/* ---- folders ---- */

struct place {
    char root[1024]; /* of the project */
    const char *files;
    const char *expected;
    int file_count;
};

static void check_document(struct place *place, const char *relative) {
    char expected[4096];
    char path[4096];
    char name[1024];
    size_t size = 0;
    uint8_t *document;

    (void)snprintf(expected, sizeof(expected), "%s/%s", place->expected, relative);
    (void)snprintf(name, sizeof(name), "%.*s", (int)(strlen(relative) - strlen(".json")), relative);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", place->root, place->files, name);
    document = test_read_source_file(expected, &size);
    check_file(path, name, (struct text){(const char *)document, size});
    test_data_free(document);
    place->file_count++;
}

static void check_folder(struct place *place, const char *relative) {
    char path[4096];
    struct dirent *entry;
    DIR *folder;

    (void)snprintf(path, sizeof(path), "%s/%s/%s", place->root, place->expected, relative);
    folder = opendir(path);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char inner[1024];
        size_t size = strlen(entry->d_name);
        (void)snprintf(inner, sizeof(inner), "%s%s%s", relative, relative[0] == '\0' ? "" : "/",
                       entry->d_name);
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0) {
            check_document(place, inner);
        } else {
            check_folder(place, inner);
        }
    }
    closedir(folder);
}

static void check_place(const char *files, const char *expected, int file_count_min) {
    struct place place = {.files = files, .expected = expected};
    char path[4096];
    struct stat info;

    (void)snprintf(place.root, sizeof(place.root), "%s",
                   getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".");
    (void)snprintf(path, sizeof(path), "%s/%s", place.root, expected);
    if (stat(path, &info) != 0) {
        print_message("# SKIPPED: there is no folder %s\n", path);
        skip();
    }
    check_folder(&place, "");
    print_message("# %d files\n", place.file_count);
    assert_true(place.file_count >= file_count_min);
}

static void reads_files_of_old_and_new_writers(void **unused) {
    (void)unused;
    check_place("tests/data/golden/parquet", "tests/data/golden/expected/parquet", 36);
}

static void reads_files_of_parquet_testing(void **unused) {
    (void)unused;
    check_place("../shared/golden/parquet-testing", "../shared/golden/expected/parquet-testing",
                66);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_files_of_old_and_new_writers),
        cmocka_unit_test(reads_files_of_parquet_testing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
