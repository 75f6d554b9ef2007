#include <string.h>

#include "arrow/ipc_schema.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/schema_read.h"

/* How the metadata of an extension type begins. */
#define EXTENSION_KEYS "ARROW:extension:"

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padding may be missing; anything but digits and padding at the end is an error. `out` has room
 * for 3 bytes per 4 characters. */
static bool base64_decode(const char *text, size_t size, uint8_t *out, size_t *out_size) {
    int8_t digits[256];
    int bits = 0; /* negative: some character is no digit */
    size_t count = 0;
    size_t i = 0;

    for (int c = 0; c < 256; c++) {
        digits[c] = (int8_t)base64_digit((char)c);
    }
    while (size > 0 && text[size - 1] == '=') {
        size--;
    }
    for (; i + 4 <= size; i += 4) {
        const uint8_t *at = (const uint8_t *)text + i;
        int four = digits[at[0]] * (1 << 18) | digits[at[1]] * (1 << 12) |
                   digits[at[2]] * (1 << 6) | digits[at[3]];

        bits |= four;
        out[count++] = (uint8_t)(four >> 16);
        out[count++] = (uint8_t)(four >> 8);
        out[count++] = (uint8_t)four;
    }
    if (size - i >= 2) {
        const uint8_t *at = (const uint8_t *)text + i;
        int third = size - i == 3 ? digits[at[2]] : 0;
        int three = digits[at[0]] * (1 << 12) | digits[at[1]] * (1 << 6) | third;

        bits |= three;
        out[count++] = (uint8_t)(three >> 10);
        if (size - i == 3) {
            out[count++] = (uint8_t)(three >> 2);
        }
    }
    *out_size = count;
    return bits >= 0 && size - i != 1;
}

static ktk_status decode_entry(struct schema **out, ktk_context *context, const char *value,
                               size_t value_size, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t capacity = value_size / 4 * 3 + 3;
    uint8_t *message = NULL;
    size_t message_size = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, capacity, 1, &message, err));
    if (!base64_decode(value, value_size, message, &message_size)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "it is no base64 text");
    }
    KTKI_TRY(ktki_ipc_schema_decode(out, context, message, message_size, err));
out:
    ktki_free_array(allocator, message, capacity, 1);
    return status;
}

static void restore_timestamp(struct data_type *type, const struct data_type *origin) {
    if (type->timezone != NULL && origin->timezone != NULL && origin->timezone[0] != '\0') {
        type->timezone = origin->timezone;
    }
}

static void restore_large(struct data_type *type, const struct data_type *origin,
                          enum type_id large) {
    if (origin->id == large) {
        type->id = large;
    }
}

/* Whether the values of a dictionary can be what the file has. */
static bool is_kin(const struct data_type *type, const struct data_type *origin) {
    switch (type->id) {
    case TYPE_STRING:
        return ktki_type_is_text(origin->id);
    case TYPE_BINARY:
        return ktki_type_is_binary(origin->id);
    case TYPE_INT64:
        return origin->id == TYPE_INT64 || origin->id == TYPE_DURATION;
    case TYPE_DATE32:
        return origin->id == TYPE_DATE32 || origin->id == TYPE_DATE64;
    case TYPE_DECIMAL128:
        return origin->id == TYPE_DECIMAL128 || origin->id == TYPE_DECIMAL256;
    case TYPE_BOOL: /* has no dictionary in the file */
    case TYPE_NULL:
        return false;
    default:
        return origin->id == type->id && !ktki_type_is_nested(type->id);
    }
}

static ktk_status restore_field(struct schema *schema, struct field *field,
                                const struct field *origin, ktk_error *err);

/* The values lose large offsets: a chunk's dictionary is small. */
static ktk_status restore_dictionary(struct schema *schema, struct field *field,
                                     const struct field *origin, ktk_error *err) {
    struct field *values = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&schema->arena, 1, sizeof(*values), &values, err));
    values->name = "";
    values->type = field->type;
    values->nullable = true;
    if (field->type.id != TYPE_STRING && field->type.id != TYPE_BINARY) {
        KTKI_TRY(restore_field(schema, values, origin->dictionary, err));
    }
    field->type = (struct data_type){
        .id = TYPE_DICTIONARY, .index = TYPE_INT32, .ordered = origin->type.ordered};
    field->dictionary = values;
out:
    return status;
}

/* An extension type is one if its storage is as it was. What is kept is copied with the field. */
static ktk_status restore_extension(struct schema *schema, struct field *field,
                                    const struct field *origin, ktk_error *err) {
    struct key_value *grown = NULL;
    int32_t count = field->key_value_count;
    ktk_status status = KTK_OK;

    if (!ktki_field_equals(field, origin)) {
        return KTK_OK;
    }
    KTKI_TRY(ktki_arena_array(&schema->arena, (size_t)(count + origin->key_value_count),
                              sizeof(*grown), &grown, err));
    if (count > 0) {
        memcpy(grown, field->key_values, (size_t)count * sizeof(*grown));
    }
    for (int32_t i = 0; i < origin->key_value_count; i++) {
        const struct key_value *entry = &origin->key_values[i];
        if (strncmp(entry->key, EXTENSION_KEYS, sizeof(EXTENSION_KEYS) - 1) == 0) {
            KTKI_TRY(ktki_arena_text(&schema->arena, entry->key, strlen(entry->key),
                                     &grown[count].key, err));
            KTKI_TRY(ktki_arena_text(&schema->arena, entry->value, entry->value_size,
                                     &grown[count].value, err));
            grown[count++].value_size = entry->value_size;
        }
    }
    field->key_values = grown;
    field->key_value_count = count;
out:
    return status;
}

/* Children of structs are known by their names, items of lists and entries of maps by their place.
 */
static ktk_status restore_children(struct schema *schema, struct field *field,
                                   const struct field *origin, bool by_name, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < field->child_count && i < origin->child_count; i++) {
        if (!by_name || strcmp(field->children[i].name, origin->children[i].name) == 0) {
            KTKI_TRY(restore_field(schema, &field->children[i], &origin->children[i], err));
        }
    }
out:
    return status;
}

static ktk_status restore_list(struct schema *schema, struct field *field,
                               const struct field *origin, ktk_error *err) {
    bool is_fixed = origin->type.id == TYPE_FIXED_LIST && origin->type.width >= 0;

    if (!is_fixed && origin->type.id != TYPE_LIST && origin->type.id != TYPE_LARGE_LIST) {
        return KTK_OK;
    }
    field->type.id = origin->type.id;
    field->type.width = is_fixed ? origin->type.width : 0;
    return restore_children(schema, field, origin, false, err);
}

static ktk_status restore_map(struct schema *schema, struct field *field,
                              const struct field *origin, ktk_error *err) {
    if (origin->type.id != TYPE_MAP || origin->child_count != 1) {
        return KTK_OK;
    }
    field->keys_sorted = origin->keys_sorted;
    return restore_children(schema, &field->children[0], &origin->children[0], false, err);
}

/* Neither the numbers of children nor types can be trusted to agree with the file. */
static ktk_status restore_type(struct schema *schema, struct field *field,
                               const struct field *origin, ktk_error *err) {
    if (origin->type.id == TYPE_DICTIONARY && origin->dictionary != NULL &&
        is_kin(&field->type, &origin->dictionary->type)) {
        return restore_dictionary(schema, field, origin, err);
    }
    switch (field->type.id) {
    case TYPE_TIMESTAMP:
        if (origin->type.id == TYPE_TIMESTAMP) {
            restore_timestamp(&field->type, &origin->type);
        }
        return KTK_OK;
    case TYPE_INT64:
        if (origin->type.id == TYPE_DURATION) {
            field->type = origin->type;
        }
        return KTK_OK;
    case TYPE_DECIMAL128:
        if (origin->type.id == TYPE_DECIMAL256 && origin->type.precision == field->type.precision &&
            origin->type.scale == field->type.scale) {
            field->type.id = TYPE_DECIMAL256;
        }
        return KTK_OK;
    case TYPE_STRING:
        restore_large(&field->type, &origin->type, TYPE_LARGE_STRING);
        return KTK_OK;
    case TYPE_BINARY:
        restore_large(&field->type, &origin->type, TYPE_LARGE_BINARY);
        return KTK_OK;
    case TYPE_LIST:
        return restore_list(schema, field, origin, err);
    case TYPE_MAP:
        return restore_map(schema, field, origin, err);
    case TYPE_STRUCT:
        return origin->type.id == TYPE_STRUCT ? restore_children(schema, field, origin, true, err)
                                              : KTK_OK;
    default:
        return KTK_OK;
    }
}

static ktk_status restore_field(struct schema *schema, struct field *field,
                                const struct field *origin, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(restore_type(schema, field, origin, err));
    if (origin->key_value_count > 0) {
        KTKI_TRY(restore_extension(schema, field, origin, err));
    }
out:
    return status;
}

/* The zones of the origin go with it: the fields get copies. */
static ktk_status keep_zones(struct schema *schema, struct field *field, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (field->type.timezone != NULL) {
        KTKI_TRY(ktki_arena_text(&schema->arena, field->type.timezone, strlen(field->type.timezone),
                                 &field->type.timezone, err));
    }
    if (field->dictionary != NULL) {
        KTKI_TRY(keep_zones(schema, field->dictionary, err));
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        KTKI_TRY(keep_zones(schema, &field->children[i], err));
    }
out:
    return status;
}

ktk_status ktki_parquet_schema_restore(struct schema *schema, const char *value, size_t value_size,
                                       ktk_error *err) {
    struct schema *origin = NULL;
    ktk_status status = KTK_OK;

    status = decode_entry(&origin, schema->context, value, value_size, err);
    if (status == KTK_E_UNSUPPORTED) {
        return KTK_OK;
    }
    if (status != KTK_OK) {
        ktki_error_context(err, "entry 'ARROW:schema'");
        return status;
    }
    for (int32_t i = 0; i < schema->field_count && i < origin->field_count; i++) {
        struct field *field = &schema->fields[i];
        if (strcmp(field->name, origin->fields[i].name) == 0) {
            KTKI_TRY(restore_field(schema, field, &origin->fields[i], err));
            KTKI_TRY(keep_zones(schema, field, err));
        }
    }
out:
    ktki_schema_free(origin);
    return status;
}
