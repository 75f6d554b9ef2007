#include "arrow/ipc_schema.h"

#include "arrow/flatbuffer_write.h"
#include "arrow/ipc_schema_internal.h"
#include "base/error.h"

#define TYPE_SLOTS_MAX 3

/* `dictionary_count`: dictionaries so far; each gets a number of its own, in order of depth-first
 * appearance. */
struct encoder {
    struct flatbuffer_writer writer;
    int64_t dictionary_count;
};

/* Attributes of a type table; returns how many fields it has. */
typedef size_t (*type_slots_fn)(const struct field *field, struct flatbuffer_slot *slots);

static struct flatbuffer_slot slot_i16(int32_t value) {
    return (struct flatbuffer_slot){2, (uint16_t)value, 0};
}

static struct flatbuffer_slot slot_i32(int32_t value) {
    return (struct flatbuffer_slot){4, (uint32_t)value, 0};
}

static struct flatbuffer_slot slot_bool(bool value) {
    return (struct flatbuffer_slot){1, value, 0};
}

static size_t no_slots(const struct field *field, struct flatbuffer_slot *slots) {
    (void)field;
    (void)slots;
    return 0;
}

static size_t int_slots_of(enum type_id id, struct flatbuffer_slot *slots) {
    const struct data_type type = {.id = id};

    slots[0] = slot_i32(8 * (int32_t)ktki_type_width(&type));
    slots[1] = slot_bool(ktki_type_is_signed_integer(id));
    return 2;
}

static size_t int_slots(const struct field *field, struct flatbuffer_slot *slots) {
    return int_slots_of(field->type.id, slots);
}

static size_t float_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i16((int32_t)(field->type.id - TYPE_FLOAT16));
    return 1;
}

static size_t date_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i16(field->type.id == TYPE_DATE64);
    return 1;
}

static size_t time_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i16((int32_t)field->type.unit);
    slots[1] = slot_i32(field->type.id == TYPE_TIME32 ? 32 : 64);
    return 2;
}

static size_t timestamp_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i16((int32_t)field->type.unit);
    slots[1] = (struct flatbuffer_slot){field->type.timezone == NULL ? 0 : 4, 0, 0};
    return 2;
}

static size_t duration_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i16((int32_t)field->type.unit);
    return 1;
}

static size_t interval_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i16(field->type.width == 4 ? 0 : field->type.width == 8 ? 1 : 2);
    return 1;
}

static size_t decimal_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i32(field->type.precision);
    slots[1] = slot_i32(field->type.scale);
    slots[2] = slot_i32(field->type.id == TYPE_DECIMAL128 ? 128 : 256);
    return 3;
}

static size_t width_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_i32(field->type.width);
    return 1;
}

static size_t map_slots(const struct field *field, struct flatbuffer_slot *slots) {
    slots[0] = slot_bool(field->keys_sorted);
    return 1;
}

/* DICTIONARY is absent: such a field has the type of its values here. */
static const struct type_writer {
    enum ipc_type number;
    type_slots_fn slots;
} type_writers[TYPE_COUNT] = {
    [TYPE_NULL] = {IPC_NULL, no_slots},
    [TYPE_BOOL] = {IPC_BOOL, no_slots},
    [TYPE_INT8] = {IPC_INT, int_slots},
    [TYPE_INT16] = {IPC_INT, int_slots},
    [TYPE_INT32] = {IPC_INT, int_slots},
    [TYPE_INT64] = {IPC_INT, int_slots},
    [TYPE_UINT8] = {IPC_INT, int_slots},
    [TYPE_UINT16] = {IPC_INT, int_slots},
    [TYPE_UINT32] = {IPC_INT, int_slots},
    [TYPE_UINT64] = {IPC_INT, int_slots},
    [TYPE_FLOAT16] = {IPC_FLOAT, float_slots},
    [TYPE_FLOAT32] = {IPC_FLOAT, float_slots},
    [TYPE_FLOAT64] = {IPC_FLOAT, float_slots},
    [TYPE_STRING] = {IPC_UTF8, no_slots},
    [TYPE_LARGE_STRING] = {IPC_LARGE_UTF8, no_slots},
    [TYPE_BINARY] = {IPC_BINARY, no_slots},
    [TYPE_LARGE_BINARY] = {IPC_LARGE_BINARY, no_slots},
    [TYPE_STRING_VIEW] = {IPC_UTF8_VIEW, no_slots},
    [TYPE_BINARY_VIEW] = {IPC_BINARY_VIEW, no_slots},
    [TYPE_FIXED_BINARY] = {IPC_FIXED_BINARY, width_slots},
    [TYPE_DATE32] = {IPC_DATE, date_slots},
    [TYPE_DATE64] = {IPC_DATE, date_slots},
    [TYPE_TIME32] = {IPC_TIME, time_slots},
    [TYPE_TIME64] = {IPC_TIME, time_slots},
    [TYPE_TIMESTAMP] = {IPC_TIMESTAMP, timestamp_slots},
    [TYPE_DURATION] = {IPC_DURATION, duration_slots},
    [TYPE_INTERVAL] = {IPC_INTERVAL, interval_slots},
    [TYPE_DECIMAL128] = {IPC_DECIMAL, decimal_slots},
    [TYPE_DECIMAL256] = {IPC_DECIMAL, decimal_slots},
    [TYPE_LIST] = {IPC_LIST, no_slots},
    [TYPE_LARGE_LIST] = {IPC_LARGE_LIST, no_slots},
    [TYPE_FIXED_LIST] = {IPC_FIXED_LIST, width_slots},
    [TYPE_STRUCT] = {IPC_STRUCT, no_slots},
    [TYPE_MAP] = {IPC_MAP, map_slots},
};

static ktk_status write_key_values(struct encoder *encoder, size_t reference,
                                   const struct key_value *key_values, int32_t count,
                                   ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_writer *writer = &encoder->writer;
    size_t items;

    KTKI_TRY(ktki_flatbuffer_write_vector(writer, reference, (size_t)count, &items, err));
    for (int32_t i = 0; i < count; i++) {
        struct flatbuffer_slot slots[] = {[IPC_KEY_VALUE_KEY] = FLATBUFFER_REFERENCE,
                                          [IPC_KEY_VALUE_VALUE] = FLATBUFFER_REFERENCE};

        KTKI_TRY(ktki_flatbuffer_write_table(writer, items + 4 * (size_t)i, slots, 2, err));
        KTKI_TRY(ktki_flatbuffer_write_text(writer, slots[IPC_KEY_VALUE_KEY].at, key_values[i].key,
                                            strlen(key_values[i].key), err));
        KTKI_TRY(ktki_flatbuffer_write_text(writer, slots[IPC_KEY_VALUE_VALUE].at,
                                            key_values[i].value, key_values[i].value_size, err));
    }
out:
    return status;
}

static ktk_status write_type(struct encoder *encoder, size_t reference, const struct field *field,
                             ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_slot slots[TYPE_SLOTS_MAX];
    size_t slot_count = type_writers[field->type.id].slots(field, slots);
    const char *timezone = field->type.id == TYPE_TIMESTAMP ? field->type.timezone : NULL;

    KTKI_TRY(ktki_flatbuffer_write_table(&encoder->writer, reference, slots, slot_count, err));
    if (timezone != NULL) {
        KTKI_TRY(ktki_flatbuffer_write_text(&encoder->writer, slots[1].at, timezone,
                                            strlen(timezone), err));
    }
out:
    return status;
}

static ktk_status write_dictionary(struct encoder *encoder, size_t reference,
                                   const struct field *field, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct flatbuffer_slot index_slots[TYPE_SLOTS_MAX];
    size_t index_slot_count = int_slots_of(field->type.index, index_slots);
    struct flatbuffer_slot slots[] = {
        [IPC_DICTIONARY_NUMBER] = {8, (uint64_t)encoder->dictionary_count, 0},
        [IPC_DICTIONARY_INDEX_TYPE] = FLATBUFFER_REFERENCE,
        [IPC_DICTIONARY_IS_ORDERED] = slot_bool(field->type.ordered),
    };

    KTKI_TRY(ktki_flatbuffer_write_table(&encoder->writer, reference, slots,
                                         sizeof(slots) / sizeof(slots[0]), err));
    KTKI_TRY(ktki_flatbuffer_write_table(&encoder->writer, slots[IPC_DICTIONARY_INDEX_TYPE].at,
                                         index_slots, index_slot_count, err));
    encoder->dictionary_count++;
out:
    return status;
}

static ktk_status write_fields(struct encoder *encoder, size_t reference,
                               const struct field *fields, int32_t count, ktk_error *err);

static ktk_status write_field(struct encoder *encoder, size_t reference, const struct field *field,
                              ktk_error *err) {
    ktk_status status = KTK_OK;
    const struct field *values = field->dictionary != NULL ? field->dictionary : field;
    struct flatbuffer_writer *writer = &encoder->writer;
    struct flatbuffer_slot slots[] = {
        [IPC_FIELD_NAME] = FLATBUFFER_REFERENCE,
        [IPC_FIELD_NULLABLE] = slot_bool(field->nullable),
        [IPC_FIELD_TYPE_TYPE] = {1, (uint64_t)type_writers[values->type.id].number, 0},
        [IPC_FIELD_TYPE] = FLATBUFFER_REFERENCE,
        [IPC_FIELD_DICTIONARY] = {field->dictionary != NULL ? 4 : 0, 0, 0},
        [IPC_FIELD_CHILDREN] = FLATBUFFER_REFERENCE,
        [IPC_FIELD_METADATA] = {field->key_value_count > 0 ? 4 : 0, 0, 0},
    };

    if (values->type.id == TYPE_DICTIONARY) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "field '%s': a dictionary of dictionaries has no Arrow schema message",
                  field->name);
    }
    KTKI_TRY(ktki_flatbuffer_write_table(writer, reference, slots, sizeof(slots) / sizeof(slots[0]),
                                         err));
    KTKI_TRY(ktki_flatbuffer_write_text(writer, slots[IPC_FIELD_NAME].at, field->name,
                                        strlen(field->name), err));
    KTKI_TRY(write_type(encoder, slots[IPC_FIELD_TYPE].at, values, err));
    if (field->dictionary != NULL) {
        KTKI_TRY(write_dictionary(encoder, slots[IPC_FIELD_DICTIONARY].at, field, err));
    }
    /* Old readers want the vector even where it is empty. */
    KTKI_TRY(write_fields(encoder, slots[IPC_FIELD_CHILDREN].at, values->children,
                          values->child_count, err));
    if (field->key_value_count > 0) {
        KTKI_TRY(write_key_values(encoder, slots[IPC_FIELD_METADATA].at, field->key_values,
                                  field->key_value_count, err));
    }
out:
    return status;
}

static ktk_status write_fields(struct encoder *encoder, size_t reference,
                               const struct field *fields, int32_t count, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t items;

    KTKI_TRY(ktki_flatbuffer_write_vector(&encoder->writer, reference, (size_t)count, &items, err));
    for (int32_t i = 0; i < count; i++) {
        KTKI_TRY(write_field(encoder, items + 4 * (size_t)i, &fields[i], err));
    }
out:
    return status;
}

static ktk_status write_message(const struct schema *schema, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct encoder encoder = {0};
    size_t root;
    struct flatbuffer_slot message_slots[] = {
        [IPC_MESSAGE_VERSION] = slot_i16(IPC_VERSION_MAX),
        [IPC_MESSAGE_HEADER_TYPE] = {1, IPC_HEADER_SCHEMA, 0},
        [IPC_MESSAGE_HEADER] = FLATBUFFER_REFERENCE,
    };
    struct flatbuffer_slot schema_slots[] = {
        [IPC_SCHEMA_ENDIANNESS] = {0, 0, 0},
        [IPC_SCHEMA_FIELDS] = FLATBUFFER_REFERENCE,
        [IPC_SCHEMA_METADATA] = {schema->key_value_count > 0 ? 4 : 0, 0, 0},
    };

    KTKI_TRY(ktki_flatbuffer_begin(&encoder.writer, out, &root, err));
    KTKI_TRY(ktki_flatbuffer_write_table(&encoder.writer, root, message_slots, 3, err));
    KTKI_TRY(ktki_flatbuffer_write_table(&encoder.writer, message_slots[IPC_MESSAGE_HEADER].at,
                                         schema_slots, 3, err));
    KTKI_TRY(write_fields(&encoder, schema_slots[IPC_SCHEMA_FIELDS].at, schema->fields,
                          schema->field_count, err));
    if (schema->key_value_count > 0) {
        KTKI_TRY(write_key_values(&encoder, schema_slots[IPC_SCHEMA_METADATA].at,
                                  schema->key_values, schema->key_value_count, err));
    }
out:
    return status;
}

ktk_status ktki_ipc_schema_encode(const struct schema *schema, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t start = out->size;
    uint32_t prefix[2] = {IPC_CONTINUATION, 0};
    size_t body;

    KTKI_TRY(ktki_buffer_append(out, prefix, sizeof(prefix), err));
    body = out->size;
    KTKI_TRY(write_message(schema, out, err));
    KTKI_TRY(ktki_buffer_append_zeros(out, (body - out->size) & 7, err));
    if (out->size - body > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the schema is larger than 2 GiB");
    }
    prefix[1] = (uint32_t)(out->size - body);
    memcpy(out->data + start, prefix, sizeof(prefix));
out:
    if (status != KTK_OK) {
        out->size = start;
    }
    return status;
}
