#include "arrow/schema.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

ktk_status ktki_schema_new(struct schema **out, ktk_context *context, int32_t field_count,
                           ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    assert(field_count >= 0);
    KTKI_TRY(KTKI_NEW(allocator, &schema, err));
    schema->context = ktk_context_ref(context);
    schema->references = 1;
    ktki_arena_init(&schema->arena, allocator);
    KTKI_TRY(ktki_arena_zeroed(&schema->arena, (size_t)field_count, sizeof(struct field),
                               &schema->fields, err));
    schema->field_count = field_count;
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

struct schema *ktki_schema_ref(struct schema *schema) {
    (void)__atomic_fetch_add(&schema->references, 1, __ATOMIC_RELAXED);
    return schema;
}

void ktki_schema_free(struct schema *schema) {
    ktk_context *context;

    if (schema == NULL || __atomic_fetch_sub(&schema->references, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    /* The context goes last: the allocator lives in it. */
    context = schema->context;
    ktki_arena_clear(&schema->arena);
    KTKI_DELETE(ktki_context_allocator(context), schema);
    ktk_context_free(context);
}

static ktk_status copy_text(struct schema *schema, const char *text, const char **out,
                            ktk_error *err) {
    if (text == NULL) {
        *out = NULL;
        return KTK_OK;
    }
    return ktki_arena_text(&schema->arena, text, strlen(text), out, err);
}

static ktk_status copy_key_value(struct schema *schema, const struct key_value *from,
                                 struct key_value *out, ktk_error *err) {
    struct key_value copy = {.value_size = from->value_size};
    ktk_status status = KTK_OK;

    KTKI_TRY(copy_text(schema, from->key, &copy.key, err));
    KTKI_TRY(ktki_arena_text(&schema->arena, from->value, from->value_size, &copy.value, err));
    *out = copy;
out:
    return status;
}

static ktk_status copy_key_values(struct schema *schema, const struct key_value *from,
                                  int32_t count, struct key_value **out, ktk_error *err) {
    struct key_value *copies = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&schema->arena, (size_t)count, sizeof(*copies), &copies, err));
    for (int32_t i = 0; i < count; i++) {
        KTKI_TRY(copy_key_value(schema, &from[i], &copies[i], err));
    }
    *out = copies;
out:
    return status;
}

ktk_status ktki_field_copy(struct schema *schema, struct field *out, const struct field *field,
                           ktk_error *err) {
    struct field copy = *field;
    ktk_status status = KTK_OK;

    KTKI_TRY(copy_text(schema, field->name, &copy.name, err));
    KTKI_TRY(copy_text(schema, field->type.timezone, &copy.type.timezone, err));
    if (field->child_count > 0) {
        KTKI_TRY(ktki_arena_array(&schema->arena, (size_t)field->child_count, sizeof(struct field),
                                  &copy.children, err));
        for (int32_t i = 0; i < field->child_count; i++) {
            KTKI_TRY(ktki_field_copy(schema, &copy.children[i], &field->children[i], err));
        }
    }
    if (field->dictionary != NULL) {
        KTKI_TRY(ktki_arena_array(&schema->arena, 1, sizeof(struct field), &copy.dictionary, err));
        KTKI_TRY(ktki_field_copy(schema, copy.dictionary, field->dictionary, err));
    }
    if (field->key_value_count > 0) {
        KTKI_TRY(copy_key_values(schema, field->key_values, field->key_value_count,
                                 &copy.key_values, err));
    }
    *out = copy;
out:
    return status;
}

static int32_t find_key(const struct schema *schema, const char *key) {
    int32_t i = 0;

    while (i < schema->key_value_count && strcmp(schema->key_values[i].key, key) != 0) {
        i++;
    }
    return i;
}

void ktki_field_decode(struct field *field) {
    if (field->type.id == TYPE_DICTIONARY) {
        field->type = field->dictionary->type;
        field->dictionary = NULL;
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        ktki_field_decode(&field->children[i]);
    }
}

ktk_status ktki_schema_set_key_value(struct schema *schema, const char *key, const char *value,
                                     size_t value_size, ktk_error *err) {
    const struct key_value entry = {key, value, value_size};
    struct key_value copy;
    struct key_value *grown = NULL;
    int32_t index = find_key(schema, key);
    ktk_status status = KTK_OK;

    KTKI_TRY(copy_key_value(schema, &entry, &copy, err));
    if (index == schema->key_value_count) {
        size_t count = (size_t)schema->key_value_count;
        KTKI_TRY(ktki_arena_array(&schema->arena, count + 1, sizeof(*grown), &grown, err));
        if (count > 0) {
            memcpy(grown, schema->key_values, count * sizeof(*grown));
        }
        schema->key_values = grown;
        schema->key_value_count++;
    }
    schema->key_values[index] = copy;
out:
    return status;
}

const struct key_value *ktki_schema_key_value(const struct schema *schema, const char *key) {
    int32_t index = find_key(schema, key);
    return index < schema->key_value_count ? &schema->key_values[index] : NULL;
}

ktk_status ktki_schema_select(struct schema **out, const struct schema *schema,
                              const int32_t *indices, int32_t count, bool keep_metadata,
                              ktk_error *err) {
    struct schema *selected = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&selected, schema->context, count, err));
    for (int32_t i = 0; i < count; i++) {
        assert(indices[i] >= 0 && indices[i] < schema->field_count);
        KTKI_TRY(ktki_field_copy(selected, &selected->fields[i], &schema->fields[indices[i]], err));
    }
    if (keep_metadata && schema->key_value_count > 0) {
        KTKI_TRY(copy_key_values(selected, schema->key_values, schema->key_value_count,
                                 &selected->key_values, err));
        selected->key_value_count = schema->key_value_count;
    }
    *out = selected;
    selected = NULL;
out:
    ktki_schema_free(selected);
    return status;
}

int32_t ktki_schema_find(const struct schema *schema, const char *name) {
    for (int32_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Items of lists and entries of maps are called differently by different writers. */
static bool names_matter(const struct field *parent) {
    return parent->type.id == TYPE_STRUCT;
}

static bool equals_but_name(const struct field *a, const struct field *b, bool map_entries) {
    if (!ktki_type_equals(&a->type, &b->type) || a->nullable != b->nullable ||
        a->keys_sorted != b->keys_sorted || a->child_count != b->child_count ||
        (a->dictionary == NULL) != (b->dictionary == NULL)) {
        return false;
    }
    for (int32_t i = 0; i < a->child_count; i++) {
        const struct field *child = &a->children[i];
        const struct field *other = &b->children[i];
        if (names_matter(a) && !map_entries && strcmp(child->name, other->name) != 0) {
            return false;
        }
        if (!equals_but_name(child, other, a->type.id == TYPE_MAP)) {
            return false;
        }
    }
    return a->dictionary == NULL || equals_but_name(a->dictionary, b->dictionary, false);
}

bool ktki_field_equals(const struct field *a, const struct field *b) {
    return strcmp(a->name, b->name) == 0 && equals_but_name(a, b, false);
}

static ktk_status named_type_text(const struct field *field, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(out, field->name, err));
    KTKI_TRY(ktki_buffer_append_text(out, ": ", err));
    KTKI_TRY(ktki_field_type_text(field, out, err));
    if (!field->nullable) {
        KTKI_TRY(ktki_buffer_append_text(out, " not null", err));
    }
out:
    return status;
}

static ktk_status children_text(const struct field *field, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_byte(out, '<', err));
    for (int32_t i = 0; i < field->child_count; i++) {
        if (i > 0) {
            KTKI_TRY(ktki_buffer_append_text(out, ", ", err));
        }
        KTKI_TRY(named_type_text(&field->children[i], out, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '>', err));
out:
    return status;
}

static ktk_status map_text(const struct field *field, struct buffer *out, ktk_error *err) {
    const struct field *entries = &field->children[0];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_byte(out, '<', err));
    KTKI_TRY(ktki_field_type_text(&entries->children[0], out, err));
    KTKI_TRY(ktki_buffer_append_text(out, ", ", err));
    KTKI_TRY(ktki_field_type_text(&entries->children[1], out, err));
    KTKI_TRY(ktki_buffer_append_text(out, field->keys_sorted ? ", keys_sorted>" : ">", err));
out:
    return status;
}

static ktk_status dictionary_text(const struct field *field, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(out, "<values=", err));
    KTKI_TRY(ktki_field_type_text(field->dictionary, out, err));
    KTKI_TRY(ktki_buffer_append_format(out, err, ", indices=%s%s>",
                                       ktki_type_name(field->type.index),
                                       field->type.ordered ? ", ordered" : ""));
out:
    return status;
}

static ktk_status parameters_text(const struct field *field, struct buffer *out, ktk_error *err) {
    const struct data_type *type = &field->type;

    switch (type->id) {
    case TYPE_FIXED_BINARY:
        return ktki_buffer_append_format(out, err, "[%d]", type->width);
    case TYPE_DATE32:
        return ktki_buffer_append_text(out, "[day]", err);
    case TYPE_DATE64:
        return ktki_buffer_append_text(out, "[ms]", err);
    case TYPE_TIME32:
    case TYPE_TIME64:
    case TYPE_DURATION:
        return ktki_buffer_append_format(out, err, "[%s]", ktki_unit_name(type->unit));
    case TYPE_TIMESTAMP:
        return ktki_buffer_append_format(
            out, err, "[%s%s%s]", ktki_unit_name(type->unit),
            type->timezone == NULL ? "" : ", tz=", type->timezone == NULL ? "" : type->timezone);
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        return ktki_buffer_append_format(out, err, "(%d, %d)", type->precision, type->scale);
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
    case TYPE_FIXED_LIST:
    case TYPE_STRUCT:
        return children_text(field, out, err);
    case TYPE_MAP:
        return map_text(field, out, err);
    case TYPE_DICTIONARY:
        return dictionary_text(field, out, err);
    default:
        return KTK_OK;
    }
}

static const char *interval_name(int32_t width) {
    return width == 4   ? "month_interval"
           : width == 8 ? "day_time_interval"
                        : "month_day_nano_interval";
}

ktk_status ktki_field_type_text(const struct field *field, struct buffer *out, ktk_error *err) {
    const struct data_type *type = &field->type;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(
        out, type->id == TYPE_INTERVAL ? interval_name(type->width) : ktki_type_name(type->id),
        err));
    KTKI_TRY(parameters_text(field, out, err));
    if (type->id == TYPE_FIXED_LIST) {
        KTKI_TRY(ktki_buffer_append_format(out, err, "[%d]", type->width));
    }
out:
    return status;
}
