#include "arrow/ipc_schema.h"

#include "arrow/flatbuffer_read.h"
#include "arrow/ipc_schema_internal.h"
#include "base/context.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"

#define DECIMAL128_PRECISION_MAX 38
#define DECIMAL256_PRECISION_MAX 76
#define ANY_NUMBER (-1)

static ktk_status require(bool holds, const char *what, ktk_error *err) {
    return holds
               ? KTK_OK
               : ktk_error_set(err, KTK_E_CORRUPT, "the Arrow schema message is corrupt: %s", what);
}

static ktk_status read_i16(const struct flatbuffer_table *table, uint32_t id, int16_t *out,
                           ktk_error *err) {
    return require(ktki_flatbuffer_scalar(table, id, out, sizeof(*out)), "bad field", err);
}

static ktk_status read_i32(const struct flatbuffer_table *table, uint32_t id, int32_t *out,
                           ktk_error *err) {
    return require(ktki_flatbuffer_scalar(table, id, out, sizeof(*out)), "bad field", err);
}

static ktk_status read_bool(const struct flatbuffer_table *table, uint32_t id, bool *out,
                            ktk_error *err) {
    uint8_t byte = 0;
    ktk_status status =
        require(ktki_flatbuffer_scalar(table, id, &byte, sizeof(byte)), "bad field", err);

    if (status == KTK_OK) {
        *out = byte != 0;
    }
    return status;
}

/* Names, keys and time zones are C strings from here on. */
static ktk_status read_name(struct schema *schema, const struct flatbuffer_table *table,
                            uint32_t id, const char **out, ktk_error *err) {
    ktk_status status = KTK_OK;
    const char *text;
    size_t size;

    KTKI_TRY(require(ktki_flatbuffer_text(table, id, &text, &size), "bad text", err));
    KTKI_TRY(require(ktki_utf8_is_valid(text, size), "a name is not UTF-8", err));
    if (size > 0 && memchr(text, '\0', size) != NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "a name in the Arrow schema message has a NUL inside");
    }
    KTKI_TRY(ktki_arena_text(&schema->arena, text, size, out, err));
out:
    return status;
}

static ktk_status read_key_values(struct schema *schema, const struct flatbuffer_table *table,
                                  uint32_t id, struct key_value **out, int32_t *out_count,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_vector vector;
    struct flatbuffer_table entry;
    struct key_value *key_values = NULL;
    const char *value;

    KTKI_TRY(require(ktki_flatbuffer_vector(table, id, &vector) && vector.count <= INT32_MAX,
                     "bad metadata", err));
    KTKI_TRY(
        ktki_arena_zeroed(&schema->arena, vector.count, sizeof(*key_values), &key_values, err));
    for (uint32_t i = 0; i < vector.count; i++) {
        KTKI_TRY(require(ktki_flatbuffer_item(&vector, i, &entry), "bad metadata", err));
        KTKI_TRY(read_name(schema, &entry, IPC_KEY_VALUE_KEY, &key_values[i].key, err));
        KTKI_TRY(require(
            ktki_flatbuffer_text(&entry, IPC_KEY_VALUE_VALUE, &value, &key_values[i].value_size),
            "bad metadata", err));
        KTKI_TRY(ktki_arena_text(&schema->arena, value, key_values[i].value_size,
                                 &key_values[i].value, err));
    }
    *out = key_values;
    *out_count = (int32_t)vector.count;
out:
    return status;
}

/* Readers of the type tables. Each fills `out` from `table`; `id` is set already, and right for the
 * types without variants. */
typedef ktk_status (*read_type_fn)(struct schema *schema, const struct flatbuffer_table *table,
                                   struct field *out, ktk_error *err);

static ktk_status read_plain(struct schema *schema, const struct flatbuffer_table *table,
                             struct field *out, ktk_error *err) {
    (void)schema;
    (void)table;
    (void)out;
    (void)err;
    return KTK_OK;
}

static ktk_status read_int_id(const struct flatbuffer_table *table, enum type_id *out,
                              ktk_error *err) {
    static const enum type_id ids[2][4] = {
        {TYPE_UINT8, TYPE_UINT16, TYPE_UINT32, TYPE_UINT64},
        {TYPE_INT8, TYPE_INT16, TYPE_INT32, TYPE_INT64},
    };
    ktk_status status = KTK_OK;
    int32_t bits = 0;
    bool is_signed = false;

    KTKI_TRY(read_i32(table, 0, &bits, err));
    KTKI_TRY(read_bool(table, 1, &is_signed, err));
    KTKI_TRY(
        require(bits == 8 || bits == 16 || bits == 32 || bits == 64, "bad integer width", err));
    *out = ids[is_signed][__builtin_ctz((unsigned)bits) - 3];
out:
    return status;
}

static ktk_status read_int(struct schema *schema, const struct flatbuffer_table *table,
                           struct field *out, ktk_error *err) {
    (void)schema;
    return read_int_id(table, &out->type.id, err);
}

static ktk_status read_float(struct schema *schema, const struct flatbuffer_table *table,
                             struct field *out, ktk_error *err) {
    static const enum type_id ids[] = {TYPE_FLOAT16, TYPE_FLOAT32, TYPE_FLOAT64};
    ktk_status status = KTK_OK;
    int16_t precision = 0;

    (void)schema;
    KTKI_TRY(read_i16(table, 0, &precision, err));
    KTKI_TRY(require(precision >= 0 && precision <= 2, "bad precision of a float", err));
    out->type.id = ids[precision];
out:
    return status;
}

static ktk_status read_decimal(struct schema *schema, const struct flatbuffer_table *table,
                               struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct data_type *type = &out->type;
    int32_t bits = 128;

    (void)schema;
    KTKI_TRY(read_i32(table, 0, &type->precision, err));
    KTKI_TRY(read_i32(table, 1, &type->scale, err));
    KTKI_TRY(read_i32(table, 2, &bits, err));
    if (bits == 32 || bits == 64) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "decimals of %d bits are not supported", bits);
    }
    KTKI_TRY(require(bits == 128 || bits == 256, "bad width of a decimal", err));
    type->id = bits == 128 ? TYPE_DECIMAL128 : TYPE_DECIMAL256;
    KTKI_TRY(require(type->precision > 0 &&
                         type->precision <=
                             (bits == 128 ? DECIMAL128_PRECISION_MAX : DECIMAL256_PRECISION_MAX),
                     "bad precision of a decimal", err));
out:
    return status;
}

static ktk_status read_date(struct schema *schema, const struct flatbuffer_table *table,
                            struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    int16_t unit = 1;

    (void)schema;
    KTKI_TRY(read_i16(table, 0, &unit, err));
    KTKI_TRY(require(unit == 0 || unit == 1, "bad unit of a date", err));
    out->type.id = unit == 0 ? TYPE_DATE32 : TYPE_DATE64;
out:
    return status;
}

static ktk_status read_unit(const struct flatbuffer_table *table, enum time_unit absent,
                            enum time_unit *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    int16_t unit = (int16_t)absent;

    KTKI_TRY(read_i16(table, 0, &unit, err));
    KTKI_TRY(require(unit >= UNIT_SECOND && unit <= UNIT_NANO, "bad time unit", err));
    *out = (enum time_unit)unit;
out:
    return status;
}

static ktk_status read_time(struct schema *schema, const struct flatbuffer_table *table,
                            struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    int32_t bits = 32;

    (void)schema;
    KTKI_TRY(read_unit(table, UNIT_MILLI, &out->type.unit, err));
    KTKI_TRY(read_i32(table, 1, &bits, err));
    KTKI_TRY(require(bits == (out->type.unit <= UNIT_MILLI ? 32 : 64),
                     "the width of a time does not go with its unit", err));
    out->type.id = bits == 32 ? TYPE_TIME32 : TYPE_TIME64;
out:
    return status;
}

static ktk_status read_timestamp(struct schema *schema, const struct flatbuffer_table *table,
                                 struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    const char *timezone;

    KTKI_TRY(read_unit(table, UNIT_SECOND, &out->type.unit, err));
    KTKI_TRY(read_name(schema, table, 1, &timezone, err));
    out->type.timezone = timezone[0] == '\0' ? NULL : timezone;
out:
    return status;
}

static ktk_status read_duration(struct schema *schema, const struct flatbuffer_table *table,
                                struct field *out, ktk_error *err) {
    (void)schema;
    return read_unit(table, UNIT_MILLI, &out->type.unit, err);
}

static ktk_status read_interval(struct schema *schema, const struct flatbuffer_table *table,
                                struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    int16_t unit = 0;

    (void)schema;
    KTKI_TRY(read_i16(table, 0, &unit, err));
    KTKI_TRY(require(unit >= 0 && unit <= 2, "bad unit of an interval", err));
    out->type.width = 4 << unit;
out:
    return status;
}

static ktk_status read_width(struct schema *schema, const struct flatbuffer_table *table,
                             struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    (void)schema;
    KTKI_TRY(read_i32(table, 0, &out->type.width, err));
    KTKI_TRY(require(out->type.width >= 0, "negative width", err));
out:
    return status;
}

static ktk_status read_map(struct schema *schema, const struct flatbuffer_table *table,
                           struct field *out, ktk_error *err) {
    (void)schema;
    return read_bool(table, 0, &out->keys_sorted, err);
}

/* `read` NULL: known to the format, not to us. */
static const struct type_reader {
    read_type_fn read;
    enum type_id id;
    int32_t child_count;
    const char *name;
} type_readers[] = {
    [IPC_NONE] = {NULL, TYPE_NULL, 0, "none"},
    [IPC_NULL] = {read_plain, TYPE_NULL, 0, "null"},
    [IPC_INT] = {read_int, TYPE_INT32, 0, "integer"},
    [IPC_FLOAT] = {read_float, TYPE_FLOAT64, 0, "float"},
    [IPC_BINARY] = {read_plain, TYPE_BINARY, 0, "binary"},
    [IPC_UTF8] = {read_plain, TYPE_STRING, 0, "string"},
    [IPC_BOOL] = {read_plain, TYPE_BOOL, 0, "bool"},
    [IPC_DECIMAL] = {read_decimal, TYPE_DECIMAL128, 0, "decimal"},
    [IPC_DATE] = {read_date, TYPE_DATE32, 0, "date"},
    [IPC_TIME] = {read_time, TYPE_TIME32, 0, "time"},
    [IPC_TIMESTAMP] = {read_timestamp, TYPE_TIMESTAMP, 0, "timestamp"},
    [IPC_INTERVAL] = {read_interval, TYPE_INTERVAL, 0, "interval"},
    [IPC_LIST] = {read_plain, TYPE_LIST, 1, "list"},
    [IPC_STRUCT] = {read_plain, TYPE_STRUCT, ANY_NUMBER, "struct"},
    [IPC_UNION] = {NULL, TYPE_NULL, ANY_NUMBER, "union"},
    [IPC_FIXED_BINARY] = {read_width, TYPE_FIXED_BINARY, 0, "fixed-size binary"},
    [IPC_FIXED_LIST] = {read_width, TYPE_FIXED_LIST, 1, "fixed-size list"},
    [IPC_MAP] = {read_map, TYPE_MAP, 1, "map"},
    [IPC_DURATION] = {read_duration, TYPE_DURATION, 0, "duration"},
    [IPC_LARGE_BINARY] = {read_plain, TYPE_LARGE_BINARY, 0, "large binary"},
    [IPC_LARGE_UTF8] = {read_plain, TYPE_LARGE_STRING, 0, "large string"},
    [IPC_LARGE_LIST] = {read_plain, TYPE_LARGE_LIST, 1, "large list"},
    [IPC_RUN_END_ENCODED] = {NULL, TYPE_NULL, ANY_NUMBER, "run-end encoded"},
    [IPC_BINARY_VIEW] = {read_plain, TYPE_BINARY_VIEW, 0, "binary view"},
    [IPC_UTF8_VIEW] = {read_plain, TYPE_STRING_VIEW, 0, "string view"},
    [IPC_LIST_VIEW] = {NULL, TYPE_NULL, ANY_NUMBER, "list view"},
    [IPC_LARGE_LIST_VIEW] = {NULL, TYPE_NULL, ANY_NUMBER, "large list view"},
};

#define TYPE_READER_COUNT (sizeof(type_readers) / sizeof(type_readers[0]))

static ktk_status read_field(struct schema *schema, const struct flatbuffer_table *table,
                             int32_t depth_left, struct field *out, ktk_error *err);

static ktk_status read_children(struct schema *schema, const struct flatbuffer_table *table,
                                int32_t depth_left, struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_vector vector;
    struct flatbuffer_table child;

    KTKI_TRY(require(ktki_flatbuffer_vector(table, IPC_FIELD_CHILDREN, &vector) &&
                         vector.count <= INT32_MAX,
                     "bad children", err));
    if (vector.count > 0 && depth_left == 0) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the schema is nested more than %d levels deep",
                  ktki_context_limits(schema->context)->nesting_max);
    }
    KTKI_TRY(ktki_arena_zeroed(&schema->arena, vector.count, sizeof(*out->children), &out->children,
                               err));
    for (uint32_t i = 0; i < vector.count; i++) {
        KTKI_TRY(require(ktki_flatbuffer_item(&vector, i, &child), "bad child", err));
        KTKI_TRY(read_field(schema, &child, depth_left - 1, &out->children[i], err));
    }
    out->child_count = (int32_t)vector.count;
out:
    return status;
}

static ktk_status read_type(struct schema *schema, const struct flatbuffer_table *table,
                            int32_t depth_left, struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_table type;
    const struct type_reader *reader;
    uint8_t number = IPC_NONE;

    KTKI_TRY(require(ktki_flatbuffer_scalar(table, IPC_FIELD_TYPE_TYPE, &number, 1) &&
                         ktki_flatbuffer_child(table, IPC_FIELD_TYPE, &type) &&
                         number != IPC_NONE && type.buffer != NULL,
                     "a field without a type", err));
    if (number >= TYPE_READER_COUNT) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "Arrow type number %d is not supported", number);
    }
    reader = &type_readers[number];
    if (reader->read == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "the Arrow type %s is not supported", reader->name);
    }
    out->type.id = reader->id;
    KTKI_TRY(reader->read(schema, &type, out, err));
    KTKI_TRY(read_children(schema, table, depth_left, out, err));
    KTKI_TRY(require(reader->child_count == ANY_NUMBER || reader->child_count == out->child_count,
                     "a type with a wrong number of children", err));
    KTKI_TRY(require(out->type.id != TYPE_MAP || (out->children[0].type.id == TYPE_STRUCT &&
                                                  out->children[0].child_count == 2),
                     "the entries of a map are no pairs", err));
out:
    return status;
}

/* In the message a dictionary-encoded field has the type of its values; here it has a type of its
 * own and the values are a field below. */
static ktk_status read_dictionary(struct schema *schema, const struct flatbuffer_table *table,
                                  struct field *field, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_table index_type;
    struct field *values = NULL;
    struct data_type type = {.id = TYPE_DICTIONARY, .index = TYPE_INT32};

    KTKI_TRY(read_bool(table, IPC_DICTIONARY_IS_ORDERED, &type.ordered, err));
    KTKI_TRY(require(ktki_flatbuffer_child(table, IPC_DICTIONARY_INDEX_TYPE, &index_type),
                     "bad index type of a dictionary", err));
    if (index_type.buffer != NULL) {
        KTKI_TRY(read_int_id(&index_type, &type.index, err));
    }
    KTKI_TRY(ktki_arena_zeroed(&schema->arena, 1, sizeof(*values), &values, err));
    *values = (struct field){.name = "",
                             .nullable = true,
                             .type = field->type,
                             .keys_sorted = field->keys_sorted,
                             .child_count = field->child_count,
                             .children = field->children};
    field->type = type;
    field->keys_sorted = false;
    field->child_count = 0;
    field->children = NULL;
    field->dictionary = values;
out:
    return status;
}

static ktk_status read_field(struct schema *schema, const struct flatbuffer_table *table,
                             int32_t depth_left, struct field *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_table dictionary;

    KTKI_TRY(read_name(schema, table, IPC_FIELD_NAME, &out->name, err));
    KTKI_TRY(read_bool(table, IPC_FIELD_NULLABLE, &out->nullable, err));
    KTKI_TRY(read_type(schema, table, depth_left, out, err));
    KTKI_TRY(require(ktki_flatbuffer_child(table, IPC_FIELD_DICTIONARY, &dictionary),
                     "bad dictionary", err));
    if (dictionary.buffer != NULL) {
        KTKI_TRY(read_dictionary(schema, &dictionary, out, err));
    }
    KTKI_TRY(read_key_values(schema, table, IPC_FIELD_METADATA, &out->key_values,
                             &out->key_value_count, err));
out:
    return status;
}

static ktk_status read_schema(struct schema **out, ktk_context *context,
                              const struct flatbuffer_table *table, ktk_error *err) {
    ktk_status status = KTK_OK;
    const ktk_limits *limits = ktki_context_limits(context);
    struct schema *schema = NULL;
    struct flatbuffer_vector fields;
    struct flatbuffer_table field;
    int16_t endianness = 0;

    KTKI_TRY(read_i16(table, IPC_SCHEMA_ENDIANNESS, &endianness, err));
    if (endianness != 0) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "big-endian Arrow data is not supported");
    }
    KTKI_TRY(require(ktki_flatbuffer_vector(table, IPC_SCHEMA_FIELDS, &fields), "bad fields", err));
    if (fields.count > (uint32_t)limits->column_count_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the schema has %u columns, more than the %d allowed",
                  fields.count, limits->column_count_max);
    }
    KTKI_TRY(ktki_schema_new(&schema, context, (int32_t)fields.count, err));
    for (uint32_t i = 0; i < fields.count; i++) {
        KTKI_TRY(require(ktki_flatbuffer_item(&fields, i, &field), "bad field", err));
        status = read_field(schema, &field, limits->nesting_max - 1, &schema->fields[i], err);
        if (status != KTK_OK) {
            ktki_error_context(err, "column %u", i);
            goto out;
        }
    }
    KTKI_TRY(read_key_values(schema, table, IPC_SCHEMA_METADATA, &schema->key_values,
                             &schema->key_value_count, err));
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

/* The Flatbuffer of an encapsulated message: behind its length, and behind a continuation marker in
 * all but the oldest files. */
static bool unwrap(const uint8_t *data, size_t size, struct flatbuffer *out) {
    struct cursor cursor = ktki_cursor(data, size);
    struct cursor body;
    uint32_t length;

    if (!ktki_cursor_u32le(&cursor, &length) ||
        (length == IPC_CONTINUATION && !ktki_cursor_u32le(&cursor, &length)) ||
        !ktki_cursor_split(&cursor, length, &body)) {
        return false;
    }
    ktki_flatbuffer_init(out, body.at, ktki_cursor_left(&body));
    return true;
}

ktk_status ktki_ipc_schema_decode(struct schema **out, ktk_context *context, const uint8_t *data,
                                  size_t size, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer buffer;
    struct flatbuffer_table message;
    struct flatbuffer_table header;
    int16_t version = 0;
    uint8_t header_type = 0;

    KTKI_TRY(require(unwrap(data, size, &buffer), "it is cut short", err));
    KTKI_TRY(require(ktki_flatbuffer_root(&buffer, &message) &&
                         ktki_flatbuffer_scalar(&message, IPC_MESSAGE_HEADER_TYPE, &header_type, 1),
                     "bad root table", err));
    KTKI_TRY(read_i16(&message, IPC_MESSAGE_VERSION, &version, err));
    if (version < IPC_VERSION_MIN || version > IPC_VERSION_MAX) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "Arrow metadata version number %d is not supported",
                  version);
    }
    KTKI_TRY(require(header_type == IPC_HEADER_SCHEMA &&
                         ktki_flatbuffer_child(&message, IPC_MESSAGE_HEADER, &header) &&
                         header.buffer != NULL,
                     "it holds no schema", err));
    KTKI_TRY(read_schema(out, context, &header, err));
out:
    return status;
}
