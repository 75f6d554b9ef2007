#include "parquet/thrift_struct.h"

#include <string.h>

#include "base/error.h"
#include "parquet/metadata.h"

/* Where a value goes and what to call it when it is wrong. */
struct target {
    struct thrift_decoder *decoder;
    const struct struct_rule *rule;
    const struct field_rule *field;
    enum thrift_type type;
    uint8_t *object;
    ktk_error *err;
};

typedef ktk_status (*field_reader)(const struct target *target);

static ktk_status damaged(const struct target *target) {
    return ktk_error_set(target->err, KTK_E_CORRUPT, "field '%s' of %s is damaged",
                         target->field->name, target->rule->name);
}

static ktk_status out_of_range(const struct target *target, int64_t value) {
    return ktk_error_set(target->err, KTK_E_CORRUPT, "field '%s' of %s cannot be %lld",
                         target->field->name, target->rule->name, (long long)value);
}

static void store(const struct target *target, size_t offset, const void *value, size_t size) {
    memcpy(target->object + offset, value, size);
}

static ktk_status read_bool(const struct target *target) {
    bool value = target->type == THRIFT_TRUE;

    store(target, target->field->offset, &value, sizeof(value));
    return KTK_OK;
}

static ktk_status read_i8(const struct target *target) {
    uint8_t value;

    if (!ktki_cursor_u8(&target->decoder->reader.cursor, &value)) {
        return damaged(target);
    }
    store(target, target->field->offset, &value, sizeof(value));
    return KTK_OK;
}

static ktk_status read_i32(const struct target *target) {
    int32_t value;

    if (!ktki_thrift_read_i32(&target->decoder->reader, &value)) {
        return damaged(target);
    }
    store(target, target->field->offset, &value, sizeof(value));
    return KTK_OK;
}

static ktk_status read_limited(const struct target *target, int32_t value_max) {
    int32_t value;

    if (!ktki_thrift_read_i32(&target->decoder->reader, &value)) {
        return damaged(target);
    }
    if (value < 0 || value > value_max) {
        return out_of_range(target, value);
    }
    store(target, target->field->offset, &value, sizeof(value));
    return KTK_OK;
}

static ktk_status read_enum(const struct target *target) {
    return read_limited(target, target->field->value_max);
}

static ktk_status read_count32(const struct target *target) {
    return read_limited(target, INT32_MAX);
}

static ktk_status read_i64(const struct target *target) {
    int64_t value;

    if (!ktki_thrift_read_i64(&target->decoder->reader, &value)) {
        return damaged(target);
    }
    if (value < 0 && target->field->kind == FIELD_COUNT) {
        return out_of_range(target, value);
    }
    store(target, target->field->offset, &value, sizeof(value));
    return KTK_OK;
}

static ktk_status read_bytes(const struct target *target) {
    struct parquet_bytes value;

    if (!ktki_thrift_read_bytes(&target->decoder->reader, &value.data, &value.size)) {
        return damaged(target);
    }
    store(target, target->field->offset, &value, sizeof(value));
    return KTK_OK;
}

static ktk_status copy_text(const struct target *target, const char **out, size_t *size) {
    const uint8_t *data;

    if (!ktki_thrift_read_bytes(&target->decoder->reader, &data, size)) {
        return damaged(target);
    }
    return ktki_arena_text(target->decoder->arena, (const char *)data, *size, out, target->err);
}

/* A text that is handed on as a C string must not end early. */
static ktk_status copy_plain_text(const struct target *target, const char **out) {
    size_t size = 0;
    ktk_status status = copy_text(target, out, &size);

    if (status == KTK_OK && strlen(*out) != size) {
        status = ktk_error_set(target->err, KTK_E_CORRUPT, "field '%s' of %s holds a NUL",
                               target->field->name, target->rule->name);
    }
    return status;
}

static ktk_status read_text(const struct target *target) {
    const char *text = NULL;
    ktk_status status = copy_plain_text(target, &text);

    if (status == KTK_OK) {
        store(target, target->field->offset, &text, sizeof(text));
    }
    return status;
}

static ktk_status read_sized_text(const struct target *target) {
    const char *text = NULL;
    size_t size = 0;
    ktk_status status = copy_text(target, &text, &size);

    if (status == KTK_OK) {
        store(target, target->field->offset, &text, sizeof(text));
        store(target, target->field->count_offset, &size, sizeof(size));
    }
    return status;
}

static ktk_status read_struct(const struct target *target) {
    return ktki_thrift_read_struct(target->decoder, target->field->of,
                                   target->object + target->field->offset, NULL, target->err);
}

/* Head of a list whose elements have the type `wanted`; an array for them in the arena. */
static ktk_status begin_list(const struct target *target, enum thrift_type wanted,
                             size_t element_size, size_t *count, void *array) {
    enum thrift_type element;

    if (!ktki_thrift_read_list(&target->decoder->reader, &element, count) ||
        (*count > 0 && element != wanted) || *count > INT32_MAX) {
        return damaged(target);
    }
    return ktki_arena_zeroed(target->decoder->arena, *count, element_size, array, target->err);
}

static void store_list(const struct target *target, void *array, size_t count) {
    int32_t count32 = (int32_t)count;

    store(target, target->field->offset, &array, sizeof(array));
    store(target, target->field->count_offset, &count32, sizeof(count32));
}

static ktk_status read_structs(const struct target *target) {
    const struct struct_rule *of = target->field->of;
    uint8_t *array = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_list(target, THRIFT_STRUCT, of->size, &count, &array));
    for (size_t i = 0; i < count; i++) {
        uint8_t *element = array + i * of->size;
        if (of->initial != NULL) {
            memcpy(element, of->initial, of->size);
        }
        KTKI_TRY(ktki_thrift_read_struct(target->decoder, of, element, NULL, target->err));
    }
    store_list(target, array, count);
out:
    return status;
}

static ktk_status read_later(const struct target *target) {
    struct thrift_reader *reader = &target->decoder->reader;
    enum thrift_type element;
    struct parquet_bytes bytes;
    size_t count = 0;
    int32_t count32;

    if (!ktki_thrift_read_list(reader, &element, &count) ||
        (count > 0 && element != THRIFT_STRUCT) || count > INT32_MAX) {
        return damaged(target);
    }
    bytes.data = reader->cursor.at;
    for (size_t i = 0; i < count; i++) {
        if (!ktki_thrift_read_skip(reader, THRIFT_STRUCT, true)) {
            return ktk_error_set(target->err, KTK_E_CORRUPT,
                                 "item %zu of field '%s' of %s is damaged", i, target->field->name,
                                 target->rule->name);
        }
    }
    bytes.size = (size_t)(reader->cursor.at - bytes.data);
    count32 = (int32_t)count;
    store(target, target->field->offset, &bytes, sizeof(bytes));
    store(target, target->field->count_offset, &count32, sizeof(count32));
    return KTK_OK;
}

static ktk_status read_i32s(const struct target *target) {
    int32_t *array = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_list(target, THRIFT_I32, sizeof(*array), &count, &array));
    for (size_t i = 0; i < count; i++) {
        if (!ktki_thrift_read_i32(&target->decoder->reader, &array[i])) {
            KTKI_FAIL(target->err, KTK_E_CORRUPT, "field '%s' of %s is damaged",
                      target->field->name, target->rule->name);
        }
    }
    store_list(target, array, count);
out:
    return status;
}

static ktk_status read_texts(const struct target *target) {
    const char **array = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_list(target, THRIFT_BINARY, sizeof(*array), &count, &array));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(copy_plain_text(target, &array[i]));
    }
    store_list(target, array, count);
out:
    return status;
}

static ktk_status read_i64s(const struct target *target) {
    int64_t *array = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_list(target, THRIFT_I64, sizeof(*array), &count, &array));
    for (size_t i = 0; i < count; i++) {
        if (!ktki_thrift_read_i64(&target->decoder->reader, &array[i])) {
            status = damaged(target);
            goto out;
        }
    }
    store_list(target, array, count);
out:
    return status;
}

/* Either of the two types stands for bools in the head of a list; some writers have 0 for false. */
static ktk_status read_bools(const struct target *target) {
    struct thrift_reader *reader = &target->decoder->reader;
    enum thrift_type element;
    bool *array = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    if (!ktki_thrift_read_list(reader, &element, &count) || count > INT32_MAX ||
        (count > 0 && element != THRIFT_TRUE && element != THRIFT_FALSE)) {
        status = damaged(target);
        goto out;
    }
    KTKI_TRY(ktki_arena_array(target->decoder->arena, count, sizeof(*array), &array, target->err));
    for (size_t i = 0; i < count; i++) {
        uint8_t value;

        if (!ktki_cursor_u8(&reader->cursor, &value)) {
            status = damaged(target);
            goto out;
        }
        array[i] = value == THRIFT_TRUE;
    }
    store_list(target, array, count);
out:
    return status;
}

static ktk_status read_byte_lists(const struct target *target) {
    struct parquet_bytes *array = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_list(target, THRIFT_BINARY, sizeof(*array), &count, &array));
    for (size_t i = 0; i < count; i++) {
        if (!ktki_thrift_read_bytes(&target->decoder->reader, &array[i].data, &array[i].size)) {
            status = damaged(target);
            goto out;
        }
    }
    store_list(target, array, count);
out:
    return status;
}

static const struct field_rule unknown_field = {.name = "unknown"};

static const struct field_rule *find_rule(const struct struct_rule *rule, int32_t id) {
    return id >= 0 && id < rule->field_count && rule->fields[id].name != NULL ? &rule->fields[id]
                                                                              : &unknown_field;
}

/* Of a union the field that is set; its struct goes into `object` where `members` has a rule. */
static ktk_status read_union_at(const struct target *target, const struct struct_rule *members,
                                void *object, int32_t *id) {
    struct thrift_reader *reader = &target->decoder->reader;
    struct thrift_field field = {0};
    const struct struct_rule *rule;

    *id = 0;
    if (!ktki_thrift_read_enter(reader)) {
        return damaged(target);
    }
    while (ktki_thrift_read_field(reader, &field)) {
        if (field.type == THRIFT_STOP) {
            ktki_thrift_read_leave(reader);
            return KTK_OK;
        }
        *id = field.id;
        rule = members == NULL ? NULL : find_rule(members, field.id)->of;
        if (rule != NULL && field.type == THRIFT_STRUCT) {
            ktk_status status =
                ktki_thrift_read_struct(target->decoder, rule, object, NULL, target->err);
            if (status != KTK_OK) {
                return status;
            }
        } else if (!ktki_thrift_read_skip(reader, field.type, false)) {
            return damaged(target);
        }
    }
    return damaged(target);
}

static ktk_status read_union(const struct target *target) {
    const struct field_rule *field = target->field;
    int32_t id = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_union_at(target, field->of, target->object + field->offset, &id));
    if (id != 0 && find_rule(field->of, id) == &unknown_field) {
        id = field->value_max;
    }
    store(target, field->offset, &id, sizeof(id));
out:
    return status;
}

static ktk_status read_union_ids(const struct target *target) {
    uint8_t *array = NULL;
    size_t count = 0;
    int32_t id = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_list(target, THRIFT_STRUCT, 1, &count, &array));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(read_union_at(target, NULL, NULL, &id));
        array[i] = id >= 0 && id <= UINT8_MAX ? (uint8_t)id : 0;
    }
    store_list(target, array, count);
out:
    return status;
}

struct kind_rule {
    enum thrift_type type;
    field_reader read;
};

static const struct kind_rule kinds[FIELD_KIND_COUNT] = {
    [FIELD_BOOL] = {THRIFT_TRUE, read_bool},
    [FIELD_I8] = {THRIFT_BYTE, read_i8},
    [FIELD_I32] = {THRIFT_I32, read_i32},
    [FIELD_U32] = {THRIFT_I32, read_i32},
    [FIELD_I64] = {THRIFT_I64, read_i64},
    [FIELD_COUNT] = {THRIFT_I64, read_i64},
    [FIELD_COUNT32] = {THRIFT_I32, read_count32},
    [FIELD_ENUM] = {THRIFT_I32, read_enum},
    [FIELD_TEXT] = {THRIFT_BINARY, read_text},
    [FIELD_SIZED_TEXT] = {THRIFT_BINARY, read_sized_text},
    [FIELD_BYTES] = {THRIFT_BINARY, read_bytes},
    [FIELD_STRUCT] = {THRIFT_STRUCT, read_struct},
    [FIELD_STRUCTS] = {THRIFT_LIST, read_structs},
    [FIELD_LATER] = {THRIFT_LIST, read_later},
    [FIELD_I32S] = {THRIFT_LIST, read_i32s},
    [FIELD_I64S] = {THRIFT_LIST, read_i64s},
    [FIELD_BOOLS] = {THRIFT_LIST, read_bools},
    [FIELD_TEXTS] = {THRIFT_LIST, read_texts},
    [FIELD_BYTE_LISTS] = {THRIFT_LIST, read_byte_lists},
    [FIELD_UNION_IDS] = {THRIFT_LIST, read_union_ids},
    [FIELD_UNION] = {THRIFT_STRUCT, read_union},
};

/* Fields that have another type than ours are passed over like unknown ones, as generated readers
 * do: writers have used numbers for fields of their own before the format gave them a meaning. */
static ktk_status read_field(struct target *target) {
    const struct field_rule *field = target->field;
    enum thrift_type type = target->type == THRIFT_FALSE ? THRIFT_TRUE : target->type;
    bool is_there = true;

    if (field->kind != FIELD_UNKNOWN && type != kinds[field->kind].type) {
        return !field->is_required &&
                       ktki_thrift_read_skip(&target->decoder->reader, target->type, false)
                   ? KTK_OK
                   : damaged(target);
    }
    if (field->flag_offset != 0) {
        store(target, field->flag_offset, &is_there, sizeof(is_there));
    }
    if (field->kind == FIELD_UNKNOWN) {
        return ktki_thrift_read_skip(&target->decoder->reader, target->type, false)
                   ? KTK_OK
                   : damaged(target);
    }
    return kinds[field->kind].read(target);
}

static ktk_status check_required(const struct struct_rule *rule, uint32_t seen, ktk_error *err) {
    for (int32_t id = 0; id < rule->field_count; id++) {
        if (rule->fields[id].is_required && (seen >> id & 1) == 0) {
            return ktk_error_set(err, KTK_E_CORRUPT, "%s lacks the field '%s'", rule->name,
                                 rule->fields[id].name);
        }
    }
    return KTK_OK;
}

ktk_status ktki_thrift_read_struct(struct thrift_decoder *decoder, const struct struct_rule *rule,
                                   void *object, uint32_t *seen, ktk_error *err) {
    struct target target = {.decoder = decoder, .rule = rule, .object = object, .err = err};
    struct thrift_field field = {0};
    uint32_t mask = 0;
    ktk_status status = KTK_OK;

    if (!ktki_thrift_read_enter(&decoder->reader)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%s is nested too deeply", rule->name);
    }
    for (;;) {
        if (!ktki_thrift_read_field(&decoder->reader, &field)) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "%s is damaged", rule->name);
        }
        if (field.type == THRIFT_STOP) {
            break;
        }
        if (field.id >= 0 && field.id < 32) {
            mask |= 1u << field.id;
        }
        target.field = find_rule(rule, field.id);
        target.type = field.type;
        KTKI_TRY(read_field(&target));
    }
    ktki_thrift_read_leave(&decoder->reader);
    KTKI_TRY(check_required(rule, mask, err));
    if (seen != NULL) {
        *seen = mask;
    }
out:
    return status;
}
