#include "base/error.h"
#include "base/json_write.h"
#include "dataset/pandas_metadata.h"

/* Names by type; numpy's where it is not "object". */
static const struct {
    const char *pandas;
    const char *numpy;
} names[TYPE_COUNT] = {
    [TYPE_NULL] = {"empty", NULL},
    [TYPE_BOOL] = {"bool", "bool"},
    [TYPE_INT8] = {"int8", "int8"},
    [TYPE_INT16] = {"int16", "int16"},
    [TYPE_INT32] = {"int32", "int32"},
    [TYPE_INT64] = {"int64", "int64"},
    [TYPE_UINT8] = {"uint8", "uint8"},
    [TYPE_UINT16] = {"uint16", "uint16"},
    [TYPE_UINT32] = {"uint32", "uint32"},
    [TYPE_UINT64] = {"uint64", "uint64"},
    [TYPE_FLOAT16] = {"float16", "float16"},
    [TYPE_FLOAT32] = {"float32", "float32"},
    [TYPE_FLOAT64] = {"float64", "float64"},
    [TYPE_STRING] = {"unicode", NULL},
    [TYPE_LARGE_STRING] = {"unicode", NULL},
    [TYPE_STRING_VIEW] = {"unicode", NULL},
    [TYPE_BINARY] = {"bytes", NULL},
    [TYPE_LARGE_BINARY] = {"bytes", NULL},
    [TYPE_BINARY_VIEW] = {"bytes", NULL},
    [TYPE_FIXED_BINARY] = {"bytes", NULL},
    [TYPE_DATE32] = {"date", NULL},
    [TYPE_DATE64] = {"date", NULL},
    [TYPE_TIME32] = {"time", NULL},
    [TYPE_TIME64] = {"time", NULL},
    [TYPE_DECIMAL128] = {"decimal", NULL},
    [TYPE_DECIMAL256] = {"decimal", NULL},
    [TYPE_DICTIONARY] = {"categorical", NULL},
};

static const char *numpy_name(const struct data_type *type) {
    if (type->id == TYPE_TIMESTAMP) {
        return "datetime64[ns]";
    }
    if (type->id == TYPE_DICTIONARY) {
        return names[type->index].numpy; /* of the codes */
    }
    return names[type->id].numpy != NULL ? names[type->id].numpy : "object";
}

static ktk_status append_pandas_name(const struct field *field, struct buffer *out,
                                     ktk_error *err) {
    enum type_id id = field->type.id;
    ktk_status status = KTK_OK;

    if (id == TYPE_TIMESTAMP) {
        return ktki_buffer_append_text(
            out, field->type.timezone != NULL ? "datetimetz" : "datetime", err);
    }
    if (id != TYPE_LIST) {
        return ktki_buffer_append_text(out, names[id].pandas != NULL ? names[id].pandas : "object",
                                       err);
    }
    KTKI_TRY(ktki_buffer_append_text(out, "list[", err));
    KTKI_TRY(append_pandas_name(&field->children[0], out, err));
    KTKI_TRY(ktki_buffer_append_byte(out, ']', err));
out:
    return status;
}

static ktk_status append_metadata(const struct data_type *type, struct buffer *out,
                                  ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    switch (type->id) {
    case TYPE_TIMESTAMP:
        if (type->timezone == NULL) {
            return ktki_buffer_append_text(out, "null", err);
        }
        ktki_json_writer_init(&json, out);
        KTKI_TRY(ktki_json_begin_object(&json, err));
        KTKI_TRY(ktki_json_key(&json, "timezone", err));
        KTKI_TRY(ktki_json_text(&json, type->timezone, err));
        KTKI_TRY(ktki_json_end_object(&json, err));
        break;
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        return ktki_buffer_append_format(out, err, "{\"precision\": %d, \"scale\": %d}",
                                         type->precision, type->scale);
    case TYPE_DICTIONARY:
        return ktki_buffer_append_format(out, err, "{\"num_categories\": null, \"ordered\": %s}",
                                         type->ordered ? "true" : "false");
    default:
        return ktki_buffer_append_text(out, "null", err);
    }
out:
    return status;
}

ktk_status ktki_pandas_column_of_field(struct pandas_column *out, struct arena *arena,
                                       const struct field *field, ktk_error *err) {
    struct pandas_column column = {.numpy_type = numpy_name(&field->type)};
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, arena->allocator, 0);
    KTKI_TRY(ktki_arena_text(arena, field->name, strlen(field->name), &column.field_name, err));
    column.name = column.field_name;
    KTKI_TRY(append_pandas_name(field, &text, err));
    KTKI_TRY(ktki_arena_text(arena, (const char *)text.data, text.size, &column.pandas_type, err));
    text.size = 0;
    KTKI_TRY(append_metadata(&field->type, &text, err));
    KTKI_TRY(ktki_arena_text(arena, (const char *)text.data, text.size, &column.metadata, err));
    *out = column;
out:
    ktki_buffer_clear(&text);
    return status;
}

bool ktki_numpy_type_is_common(const char *numpy_type) {
    static const char *const common[] = {
        "object", "bool",   "int8",    "int16",   "int32",          "int64",   "uint8",
        "uint16", "uint32", "uint64",  "float16", "float32",        "float64", "boolean",
        "string", "Int8",   "Int16",   "Int32",   "Int64",          "UInt8",   "UInt16",
        "UInt32", "UInt64", "Float32", "Float64", "datetime64[ns]",
    };

    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        if (strcmp(numpy_type, common[i]) == 0) {
            return true;
        }
    }
    return false;
}
