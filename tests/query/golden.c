#include "query/golden.h"

#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json_read.h"

__extension__ typedef __int128 wide;

/* ---- JSON ---- */

static void *block(size_t size) {
    void *data = calloc(1, size + 1);

    assert_non_null(data);
    return data;
}

static char *copy_text(const char *text, size_t size) {
    char *copy = block(size + 1);

    memcpy(copy, text, size);
    return copy;
}

static void *grow(void *items, size_t count, size_t size) {
    if ((count & (count - 1)) == 0) {
        items = realloc(items, (count == 0 ? 1 : 2 * count) * size);
        assert_non_null(items);
    }
    return items;
}

static void read_node(struct json_reader *reader, enum json_event event, struct node *out);

static void read_items(struct json_reader *reader, bool is_object, struct node *out) {
    enum json_event end = is_object ? JSON_OBJECT_END : JSON_ARRAY_END;
    enum json_event event;
    ktk_error err;

    out->kind = is_object ? NODE_OBJECT : NODE_ARRAY;
    for (;;) {
        CHECK_OK(ktki_json_next(reader, &event, &err));
        if (event == end) {
            return;
        }
        if (is_object) {
            assert_int_equal(event, JSON_KEY);
            out->keys = grow(out->keys, out->count, sizeof(*out->keys));
            out->keys[out->count] = copy_text(reader->text, reader->text_size);
            CHECK_OK(ktki_json_next(reader, &event, &err));
        }
        out->items = grow(out->items, out->count, sizeof(*out->items));
        read_node(reader, event, &out->items[out->count++]);
    }
}

static void read_node(struct json_reader *reader, enum json_event event, struct node *out) {
    *out = (struct node){.kind = NODE_NULL};
    switch (event) {
    case JSON_NULL:
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        out->kind = NODE_BOOL;
        out->text = copy_text(event == JSON_TRUE ? "true" : "false", 5 - (event == JSON_TRUE));
        out->size = strlen(out->text);
        break;
    case JSON_NUMBER:
    case JSON_STRING:
        out->kind = event == JSON_NUMBER ? NODE_NUMBER : NODE_TEXT;
        out->text = copy_text(reader->text, reader->text_size);
        out->size = reader->text_size;
        break;
    case JSON_OBJECT_BEGIN:
    case JSON_ARRAY_BEGIN:
        read_items(reader, event == JSON_OBJECT_BEGIN, out);
        break;
    default:
        fail_msg("event %d is no value", (int)event);
    }
}

struct node *golden_load(const char *path) {
    char full[512];
    struct json_reader reader;
    struct node *node = block(sizeof(*node));
    enum json_event event;
    ktk_error err;
    uint8_t *data;
    size_t size;

    (void)snprintf(full, sizeof(full), "tests/data/golden/%s", path);
    data = test_read_source_file(full, &size);
    ktki_json_reader_init(&reader, test_allocator(), (const char *)data, size, 64);
    CHECK_OK(ktki_json_next(&reader, &event, &err));
    read_node(&reader, event, node);
    ktki_json_reader_clear(&reader);
    test_data_free(data);
    return node;
}

static void clear_node(struct node *node) {
    for (size_t i = 0; i < node->count; i++) {
        clear_node(&node->items[i]);
        if (node->keys != NULL) {
            free(node->keys[i]);
        }
    }
    free(node->items);
    free(node->keys);
    free(node->text);
}

void golden_free(struct node *node) {
    clear_node(node);
    free(node);
}

const struct node *golden_member(const struct node *object, const char *key) {
    for (size_t i = 0; i < object->count; i++) {
        if (strcmp(object->keys[i], key) == 0) {
            return &object->items[i];
        }
    }
    return NULL;
}

int64_t golden_integer(const struct node *number) {
    return strtoll(number->text, NULL, 10);
}

ktk_store *golden_store(ktk_context *context, const char *path) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    ktk_store *store = NULL;
    char url[4096];
    ktk_error err;

    (void)snprintf(url, sizeof(url),
                   "hfs://%s/tests/data/golden/%s?create_if_missing=false#wrap:readonly", root,
                   path);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    return store;
}

struct copying {
    ktk_store *from;
    ktk_store *to;
};

static ktk_status copy_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct copying *copying = state;
    ktk_bytes bytes = KTK_BYTES_INIT;

    assert_int_equal(ktk_store_get(copying->from, entry->key, &bytes, NULL, err), KTK_OK);
    assert_int_equal(
        ktk_store_put(copying->to, entry->key, bytes.data, bytes.size, NULL, NULL, err), KTK_OK);
    ktk_bytes_clear(&bytes);
    return KTK_OK;
}

ktk_store *golden_copy(ktk_context *context, const char *path, const char *uuid) {
    struct copying copying = {.from = golden_store(context, path)};
    char prefix[128];
    ktk_error err;

    CHECK_OK(ktk_store_open(&copying.to, context, test_store_url(), &err));
    (void)snprintf(prefix, sizeof(prefix), "%s.", uuid);
    CHECK_OK(ktk_store_list(copying.from, prefix, copy_key, &copying, &err));
    (void)snprintf(prefix, sizeof(prefix), "%s/", uuid);
    CHECK_OK(ktk_store_list(copying.from, prefix, copy_key, &copying, &err));
    ktk_store_free(copying.from);
    return copying.to;
}

/* ---- streams ---- */

ktk_status golden_collect(struct golden_rows *out, struct ArrowArrayStream *stream,
                          ktk_error *err) {
    ktk_status status;

    *out = (struct golden_rows){.batches = NULL};
    status = ktk_stream_schema(stream, &out->schema, err);
    while (status == KTK_OK) {
        struct ArrowArray batch = {.release = NULL};

        status = ktk_stream_next(stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        assert_true(batch.length > 0);
        assert_int_equal(batch.n_children, out->schema.n_children);
        out->batches = grow(out->batches, out->batch_count, sizeof(*out->batches));
        out->batches[out->batch_count++] = batch;
        out->row_count += batch.length;
    }
    stream->release(stream);
    return status;
}

void golden_rows_clear(struct golden_rows *rows) {
    for (size_t i = 0; i < rows->batch_count; i++) {
        rows->batches[i].release(&rows->batches[i]);
    }
    free(rows->batches);
    if (rows->schema.release != NULL) {
        rows->schema.release(&rows->schema);
    }
    *rows = (struct golden_rows){.batches = NULL};
}

int64_t golden_column(const struct golden_rows *rows, const char *name) {
    for (int64_t i = 0; i < rows->schema.n_children; i++) {
        if (strcmp(rows->schema.children[i]->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- values ---- */

struct value {
    bool is_null;
    bool is_real;
    double real;
    char *text; /* owned */
    size_t size;
};

static int64_t signed_at(const void *data, int64_t at, size_t width) {
    int64_t value = 0;

    memcpy(&value, (const uint8_t *)data + (size_t)at * width, width);
    return width == 8 ? value : (int64_t)((uint64_t)value << (64 - 8 * width)) >> (64 - 8 * width);
}

static uint64_t unsigned_at(const void *data, int64_t at, size_t width) {
    uint64_t value = 0;

    memcpy(&value, (const uint8_t *)data + (size_t)at * width, width);
    return value;
}

static size_t width_of(char format) {
    return strchr("cC", format) != NULL    ? 1
           : strchr("sSe", format) != NULL ? 2
           : strchr("iIf", format) != NULL ? 4
                                           : 8;
}

static void set_text(struct value *value, const char *text) {
    value->size = strlen(text);
    value->text = copy_text(text, value->size);
}

/* Decimal digits of a little-endian two's complement number, `scale` of them behind the point. */
static void set_decimal(struct value *value, const uint8_t *bytes, size_t width, int scale) {
    bool is_negative = bytes[width - 1] >> 7;
    char digits[128];
    uint8_t rest[32];
    size_t at = sizeof(digits);
    unsigned carry = is_negative;
    bool is_zero;

    for (size_t i = 0; i < width; i++) {
        unsigned sum = (uint8_t)(is_negative ? ~bytes[i] : bytes[i]) + carry;

        rest[i] = (uint8_t)sum;
        carry = is_negative ? sum >> 8 : 0;
    }
    digits[--at] = '\0';
    for (int place = 0;; place++) {
        unsigned remainder = 0;

        if (place == scale && scale > 0) {
            digits[--at] = '.';
        }
        is_zero = true;
        for (size_t i = width; i-- > 0;) {
            unsigned part = remainder << 8 | rest[i];

            rest[i] = (uint8_t)(part / 10);
            remainder = part % 10;
            is_zero = is_zero && rest[i] == 0;
        }
        digits[--at] = (char)('0' + remainder);
        if (is_zero && place >= scale) {
            break;
        }
    }
    if (is_negative) {
        digits[--at] = '-';
    }
    set_text(value, digits + at);
}

static void set_wide(struct value *value, wide number) {
    set_decimal(value, (const uint8_t *)&number, sizeof(number), 0);
}

static void set_date(struct value *value, int64_t days) {
    time_t seconds = days * 86400;
    struct tm parts;
    char text[64];

    assert_non_null(gmtime_r(&seconds, &parts));
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                   parts.tm_mday);
    set_text(value, text);
}

static void set_bytes(struct value *value, const uint8_t *bytes, size_t size, bool is_binary) {
    if (!is_binary) {
        value->text = copy_text((const char *)bytes, size);
        value->size = size;
        return;
    }
    value->text = block(2 * size + 1);
    value->size = 2 * size;
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(value->text + 2 * i, 3, "%02x", bytes[i]);
    }
}

static double half_at(const void *data, int64_t at) {
    unsigned half = (unsigned)unsigned_at(data, at, 2);
    double sign = half >> 15 ? -1 : 1;
    int exponent = (int)(half >> 10 & 0x1F);
    double fraction = half & 0x3FF;

    if (exponent == 31) {
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

static void set_real(struct value *value, const void *data, int64_t at, char format) {
    char text[64];
    float single;

    value->is_real = true;
    if (format == 'e') {
        value->real = half_at(data, at);
    } else if (format == 'f') {
        memcpy(&single, (const float *)data + at, sizeof(single));
        value->real = (double)single;
    } else {
        memcpy(&value->real, (const double *)data + at, sizeof(value->real));
    }
    (void)snprintf(text, sizeof(text), "%.17g", value->real);
    set_text(value, text);
}

/* "ts…", "tD…", "tt…": the third character says the unit. */
static void set_time(struct value *value, const char *format, const void *data, int64_t at) {
    static const char units[] = "smun";
    static const int64_t nanos[] = {1000000000, 1000000, 1000, 1};
    const char *unit = strchr(units, format[2]);
    size_t width = strncmp(format, "tts", 3) == 0 || strncmp(format, "ttm", 3) == 0 ? 4 : 8;

    assert_non_null(unit);
    set_wide(value, (wide)signed_at(data, at, width) * nanos[unit - units]);
}

static void set_binary(struct value *value, const char *format, const struct ArrowArray *array,
                       int64_t at) {
    size_t width = *format == 'u' || *format == 'z' ? 4 : 8;
    int64_t from;
    int64_t to;

    if (*format == 'w') {
        width = (size_t)atoi(format + 2);
        set_bytes(value, (const uint8_t *)array->buffers[1] + (size_t)at * width, width, true);
        return;
    }
    from = signed_at(array->buffers[1], at, width);
    to = signed_at(array->buffers[1], at + 1, width);
    set_bytes(value, (const uint8_t *)array->buffers[2] + from, (size_t)(to - from),
              *format == 'z' || *format == 'Z');
}

static void set_value(struct value *value, const struct ArrowSchema *schema,
                      const struct ArrowArray *array, int64_t row) {
    const char *format = schema->format;
    int64_t at = row + array->offset;
    const uint8_t *validity = array->n_buffers > 0 ? array->buffers[0] : NULL;
    int precision;
    int scale;
    int bits = 128;

    *value = (struct value){.is_null = false};
    if (*format == 'n' || (validity != NULL && (validity[at / 8] >> at % 8 & 1) == 0)) {
        value->is_null = true;
        set_text(value, "null");
    } else if (schema->dictionary != NULL) {
        set_value(value, schema->dictionary, array->dictionary,
                  signed_at(array->buffers[1], at, width_of(*format)));
    } else if (*format == 'b') {
        const uint8_t *values = array->buffers[1];

        set_text(value, values[at / 8] >> at % 8 & 1 ? "true" : "false");
    } else if (strchr("csil", *format) != NULL) {
        set_wide(value, signed_at(array->buffers[1], at, width_of(*format)));
    } else if (strchr("CSIL", *format) != NULL) {
        set_wide(value, (wide)unsigned_at(array->buffers[1], at, width_of(*format)));
    } else if (strchr("efg", *format) != NULL) {
        set_real(value, array->buffers[1], at, *format);
    } else if (strchr("uUzZw", *format) != NULL) {
        set_binary(value, format, array, at);
    } else if (strcmp(format, "tdD") == 0) {
        set_date(value, signed_at(array->buffers[1], at, 4));
    } else if (strcmp(format, "tdm") == 0) {
        set_date(value, signed_at(array->buffers[1], at, 8) / 86400000);
    } else if (*format == 't') {
        set_time(value, format, array->buffers[1], at);
    } else if (sscanf(format, "d:%d,%d,%d", &precision, &scale, &bits) >= 2) {
        set_decimal(value, (const uint8_t *)array->buffers[1] + (size_t)at * (size_t)bits / 8,
                    (size_t)bits / 8, scale);
    } else {
        fail_msg("column '%s': no way to read format '%s'", schema->name, format);
    }
}

/* A stored NaN is a null to the originals; both are written down as they are. */
static bool equals(const struct value *value, const struct node *wanted) {
    if (wanted->kind == NODE_NULL || value->is_null) {
        return wanted->kind == NODE_NULL && value->is_null;
    }
    if (value->is_real) {
        double real = strtod(wanted->text, NULL);

        return isnan(real) ? isnan(value->real)
                           : real == value->real && signbit(real) == signbit(value->real);
    }
    if (wanted->kind == NODE_OBJECT) { /* a date beyond the calendar of Python */
        const struct node *days = golden_member(wanted, "days");
        struct value date = {.is_null = false};
        bool same;

        assert_non_null(days);
        set_date(&date, golden_integer(days));
        same = strcmp(date.text, value->text) == 0;
        free(date.text);
        return same;
    }
    return wanted->size == value->size && memcmp(wanted->text, value->text, value->size) == 0;
}

static bool is_null(const struct ArrowArray *array, int64_t row) {
    const uint8_t *validity = array->buffers[0];
    int64_t at = row + array->offset;

    return validity != NULL && (validity[at / 8] >> at % 8 & 1) == 0;
}

static bool array_equals(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         int64_t row, const struct node *wanted);

static bool list_equals(const struct ArrowSchema *schema, const struct ArrowArray *array,
                        int64_t row, const struct node *wanted) {
    size_t width = strcmp(schema->format, "+L") == 0 ? 8 : 4;
    int64_t from = signed_at(array->buffers[1], row + array->offset, width);
    bool same = (int64_t)wanted->count ==
                signed_at(array->buffers[1], row + array->offset + 1, width) - from;

    for (size_t i = 0; same && i < wanted->count; i++) {
        same = array_equals(schema->children[0], array->children[0], from + (int64_t)i,
                            &wanted->items[i]);
    }
    return same;
}

static bool struct_equals(const struct ArrowSchema *schema, const struct ArrowArray *array,
                          int64_t row, const struct node *wanted) {
    bool same = (int64_t)wanted->count == schema->n_children;

    for (size_t i = 0; same && i < wanted->count; i++) {
        same = strcmp(wanted->keys[i], schema->children[i]->name) == 0 &&
               array_equals(schema->children[i], array->children[i], row + array->offset,
                            &wanted->items[i]);
    }
    return same;
}

/* Maps are lists of entries. */
static bool array_equals(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         int64_t row, const struct node *wanted) {
    struct value value;
    bool same;

    if (*schema->format != '+') {
        set_value(&value, schema, array, row);
        same = equals(&value, wanted);
        free(value.text);
        return same;
    }
    if (wanted->kind == NODE_NULL || is_null(array, row)) {
        return wanted->kind == NODE_NULL && is_null(array, row);
    }
    return (strcmp(schema->format, "+s") == 0 ? struct_equals : list_equals)(schema, array, row,
                                                                             wanted);
}

static const struct ArrowArray *find_array(const struct golden_rows *rows, int64_t column,
                                           int64_t *row) {
    size_t batch = 0;

    while (*row >= rows->batches[batch].length) {
        *row -= rows->batches[batch++].length;
    }
    *row += rows->batches[batch].offset;
    return rows->batches[batch].children[column];
}

bool golden_value_is(const struct golden_rows *rows, int64_t column, int64_t row,
                     const struct node *wanted) {
    const struct ArrowArray *array = find_array(rows, column, &row);

    return array_equals(rows->schema.children[column], array, row, wanted);
}

const char *golden_text(const struct golden_rows *rows, int64_t column, int64_t row) {
    static char text[4096];
    const struct ArrowArray *array = find_array(rows, column, &row);
    struct value value;

    if (*rows->schema.children[column]->format == '+') {
        return "nested";
    }
    set_value(&value, rows->schema.children[column], array, row);
    (void)snprintf(text, sizeof(text), "%s", value.text);
    free(value.text);
    return text;
}

void golden_check_rows(const struct golden_rows *rows, const struct node *wanted,
                       const char *what) {
    if (rows->row_count != (int64_t)wanted->count) {
        fail_msg("%s: %lld rows, wanted %zu", what, (long long)rows->row_count, wanted->count);
    }
    for (int64_t row = 0; row < rows->row_count; row++) {
        const struct node *object = &wanted->items[row];

        assert_int_equal(object->count, rows->schema.n_children);
        for (size_t i = 0; i < object->count; i++) {
            int64_t column = golden_column(rows, object->keys[i]);

            if (column < 0 || !golden_value_is(rows, column, row, &object->items[i])) {
                fail_msg("%s: row %lld, column '%s' is %s, wanted %s", what, (long long)row,
                         object->keys[i], column < 0 ? "missing" : golden_text(rows, column, row),
                         object->items[i].text == NULL ? "null" : object->items[i].text);
            }
        }
    }
}

/* ---- values of predicates ---- */

static int64_t days_of(const char *date) {
    struct tm parts = {0};

    assert_int_equal(sscanf(date, "%d-%d-%d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday), 3);
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return (int64_t)timegm(&parts) / 86400;
}

static void bytes_from_hex(ktk_value *value, const char *hex, char bytes[GOLDEN_BYTES_MAX]) {
    size_t size = strlen(hex) / 2;

    assert_true(size <= GOLDEN_BYTES_MAX);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (char)byte;
    }
    value->kind = KTK_VALUE_BINARY;
    value->bytes = bytes;
    value->bytes_size = size;
}

void golden_to_value(ktk_value *out, const char *type, const struct node *content,
                     char bytes[GOLDEN_BYTES_MAX]) {
    *out = (ktk_value){.kind = KTK_VALUE_NULL};
    if (content->kind == NODE_NULL) {
        return;
    }
    if (strcmp(type, "bool") == 0) {
        out->kind = KTK_VALUE_BOOL;
        out->integer = strcmp(content->text, "true") == 0;
    } else if (strcmp(type, "uint64") == 0) {
        out->kind = KTK_VALUE_UINT;
        out->unsigned_integer = strtoull(content->text, NULL, 10);
    } else if (strstr(type, "int") != NULL) {
        out->kind = KTK_VALUE_INT;
        out->integer = golden_integer(content);
    } else if (strcmp(type, "double") == 0) {
        out->kind = KTK_VALUE_FLOAT;
        out->real = strtod(content->text, NULL);
    } else if (strcmp(type, "binary") == 0) {
        bytes_from_hex(out, content->text, bytes);
    } else if (strcmp(type, "date32[day]") == 0) {
        out->kind = KTK_VALUE_DATE;
        out->integer = days_of(content->text);
    } else if (strncmp(type, "timestamp", 9) == 0) {
        out->kind = KTK_VALUE_TIMESTAMP;
        out->integer = strtoll(content->text, NULL, 10);
    } else {
        assert_non_null(strstr(type, "string"));
        out->kind = KTK_VALUE_TEXT;
        out->bytes = content->text;
        out->bytes_size = content->size;
    }
}
