#include "arrow/schema.h"
#include "arrow/schema_format.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"

/* An import under way. */
struct import {
    struct schema *schema;
    const ktk_limits *limits;
    int32_t depth;       /* of the field at work */
    int64_t field_count; /* all levels; a producer may name the same child often */
    ktk_error *err;
};

static ktk_status import_text(struct import *import, const char *text, const char *what,
                              const char **out) {
    size_t size = strlen(text);

    if (!ktki_utf8_is_valid(text, size)) {
        return ktk_error_set(import->err, KTK_E_INVALID, "a %s in a schema is not valid UTF-8",
                             what);
    }
    return ktki_arena_text(&import->schema->arena, text, size, out, import->err);
}

/* Metadata carries no size of its own; it is as trusted as the pointer to it. */
static int32_t take_i32(const char **at) {
    int32_t value;

    memcpy(&value, *at, sizeof(value));
    *at += sizeof(value);
    return value;
}

static ktk_status import_bytes(struct import *import, const char **at, const char **out,
                               size_t *size) {
    int32_t length = take_i32(at);
    ktk_status status = KTK_OK;

    if (length < 0) {
        KTKI_FAIL(import->err, KTK_E_INVALID, "schema metadata with a text of negative size");
    }
    KTKI_TRY(ktki_arena_text(&import->schema->arena, *at, (size_t)length, out, import->err));
    *at += length;
    *size = (size_t)length;
out:
    return status;
}

static ktk_status import_metadata(struct import *import, const char *metadata,
                                  struct key_value **out, int32_t *out_count) {
    struct key_value *entries = NULL;
    int32_t count;
    ktk_status status = KTK_OK;

    if (metadata == NULL) {
        goto out;
    }
    count = take_i32(&metadata);
    if (count < 0 || count > import->limits->column_count_max) {
        KTKI_FAIL(import->err, KTK_E_INVALID, "schema metadata with %d entries", count);
    }
    KTKI_TRY(ktki_arena_array(&import->schema->arena, (size_t)count, sizeof(*entries), &entries,
                              import->err));
    for (int32_t i = 0; i < count; i++) {
        size_t key_size = 0;
        KTKI_TRY(import_bytes(import, &metadata, &entries[i].key, &key_size));
        if (strlen(entries[i].key) != key_size) {
            KTKI_FAIL(import->err, KTK_E_UNSUPPORTED, "schema metadata with a NUL in key '%s'",
                      entries[i].key);
        }
        KTKI_TRY(import_bytes(import, &metadata, &entries[i].value, &entries[i].value_size));
    }
    *out = entries;
    *out_count = count;
out:
    return status;
}

static ktk_status check_node(struct import *import, const struct ArrowSchema *node) {
    const ktk_limits *limits = import->limits;

    if (node == NULL || node->release == NULL || node->format == NULL) {
        return ktk_error_set(import->err, KTK_E_INVALID, "a schema is released or has no format");
    }
    if (import->depth > limits->nesting_max) {
        return ktk_error_set(import->err, KTK_E_LIMIT, "a schema is nested deeper than %d levels",
                             limits->nesting_max);
    }
    if (node->n_children < 0 || (node->n_children > 0 && node->children == NULL)) {
        return ktk_error_set(import->err, KTK_E_INVALID, "a schema has no valid children");
    }
    if (node->n_children > limits->column_count_max ||
        ++import->field_count > (int64_t)limits->column_count_max + 1) {
        return ktk_error_set(import->err, KTK_E_LIMIT,
                             "a schema has more than %d fields, nested ones included",
                             limits->column_count_max);
    }
    return KTK_OK;
}

/* Children as the type wants them. */
static ktk_status check_children(struct import *import, const struct field *field) {
    const struct field *entries = field->children;
    int32_t count = field->child_count;
    bool is_right = false;

    switch (field->type.id) {
    case TYPE_STRUCT:
        is_right = true;
        break;
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
    case TYPE_FIXED_LIST:
        is_right = count == 1;
        break;
    case TYPE_MAP:
        is_right = count == 1 && entries->type.id == TYPE_STRUCT && entries->child_count == 2;
        break;
    default:
        is_right = count == 0;
        break;
    }
    return is_right ? KTK_OK
                    : ktk_error_set(import->err, KTK_E_INVALID,
                                    "field '%s' of type %s has the wrong children", field->name,
                                    ktki_type_name(field->type.id));
}

static ktk_status import_field(struct import *import, const struct ArrowSchema *node,
                               struct field *out);

static ktk_status import_dictionary(struct import *import, const struct ArrowSchema *node,
                                    struct field *field) {
    enum type_id index = field->type.id;
    ktk_status status = KTK_OK;

    if (!ktki_type_is_signed_integer(index) && !ktki_type_is_unsigned_integer(index)) {
        KTKI_FAIL(import->err, KTK_E_INVALID, "field '%s' has dictionary indices of type %s",
                  field->name, ktki_type_name(index));
    }
    field->type = (struct data_type){.id = TYPE_DICTIONARY,
                                     .index = index,
                                     .ordered = (node->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0};
    KTKI_TRY(ktki_arena_zeroed(&import->schema->arena, 1, sizeof(struct field), &field->dictionary,
                               import->err));
    KTKI_TRY(import_field(import, node->dictionary, field->dictionary));
    if (field->dictionary->dictionary != NULL) {
        KTKI_FAIL(import->err, KTK_E_UNSUPPORTED,
                  "field '%s' has a dictionary of dictionary-encoded values", field->name);
    }
out:
    return status;
}

static ktk_status import_children(struct import *import, const struct ArrowSchema *node,
                                  struct field *field) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&import->schema->arena, (size_t)node->n_children,
                               sizeof(struct field), &field->children, import->err));
    field->child_count = (int32_t)node->n_children;
    for (int32_t i = 0; i < field->child_count; i++) {
        KTKI_TRY(import_field(import, node->children[i], &field->children[i]));
    }
out:
    return status;
}

static ktk_status import_type(struct import *import, const char *format, struct data_type *out) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_format_parse(out, format, import->err));
    if (out->timezone != NULL) {
        KTKI_TRY(import_text(import, out->timezone, "time zone", &out->timezone));
    }
out:
    return status;
}

static ktk_status import_field(struct import *import, const struct ArrowSchema *node,
                               struct field *out) {
    ktk_status status = KTK_OK;

    import->depth++;
    KTKI_TRY(check_node(import, node));
    KTKI_TRY(import_text(import, node->name == NULL ? "" : node->name, "name", &out->name));
    KTKI_TRY(import_type(import, node->format, &out->type));
    out->nullable = (node->flags & ARROW_FLAG_NULLABLE) != 0;
    out->keys_sorted = out->type.id == TYPE_MAP && (node->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
    KTKI_TRY(import_children(import, node, out));
    KTKI_TRY(check_children(import, out));
    if (node->dictionary != NULL) {
        KTKI_TRY(import_dictionary(import, node, out));
    }
    KTKI_TRY(import_metadata(import, node->metadata, &out->key_values, &out->key_value_count));
    import->depth--;
out:
    return status;
}

ktk_status ktki_schema_import(struct schema **out, ktk_context *context,
                              const struct ArrowSchema *schema, ktk_error *err) {
    struct import import = {.limits = ktki_context_limits(context), .err = err};
    struct field row = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&import.schema, context, 0, err));
    KTKI_TRY(import_field(&import, schema, &row));
    if (row.type.id != TYPE_STRUCT) {
        KTKI_FAIL(err, KTK_E_INVALID, "a table must come as a struct, not as %s",
                  ktki_type_name(row.type.id));
    }
    import.schema->fields = row.children;
    import.schema->field_count = row.child_count;
    import.schema->key_values = row.key_values;
    import.schema->key_value_count = row.key_value_count;
    *out = import.schema;
    import.schema = NULL;
out:
    ktki_schema_free(import.schema);
    return status;
}
