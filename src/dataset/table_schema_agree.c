#include "dataset/table_schema.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/pandas_metadata.h"

static bool types_agree(const struct field *a, const struct field *b);

/* `has_names`: their names count; those of items, keys and values do not. */
static bool children_agree(const struct field *a, const struct field *b, bool has_names) {
    for (int32_t i = 0; i < a->child_count && i < b->child_count; i++) {
        const struct field *child = &a->children[i];
        const struct field *other = &b->children[i];

        if (child->nullable != other->nullable || !types_agree(child, other) ||
            (has_names && strcmp(child->name, other->name) != 0)) {
            return false;
        }
    }
    return a->child_count == b->child_count;
}

/* Equal as a reader sees it: the width of text offsets and the units of time do not count. */
static bool types_agree(const struct field *a, const struct field *b) {
    if (ktki_type_is_text(a->type.id) && ktki_type_is_text(b->type.id)) {
        return true;
    }
    if (ktki_type_is_binary(a->type.id) && ktki_type_is_binary(b->type.id)) {
        return true;
    }
    if (a->type.id == TYPE_TIMESTAMP && b->type.id == TYPE_TIMESTAMP) {
        const char *zone = a->type.timezone;

        return zone == NULL || b->type.timezone == NULL ? zone == b->type.timezone
                                                        : strcmp(zone, b->type.timezone) == 0;
    }
    if (a->type.id == TYPE_MAP && b->type.id == TYPE_MAP) {
        return children_agree(&a->children[0], &b->children[0], false);
    }
    if ((a->dictionary == NULL) != (b->dictionary == NULL) ||
        (a->dictionary != NULL && !types_agree(a->dictionary, b->dictionary))) {
        return false;
    }
    return ktki_type_equals(&a->type, &b->type) && children_agree(a, b, a->type.id == TYPE_STRUCT);
}

static ktk_status type_text(const struct field *field, struct buffer *out, ktk_error *err) {
    ktk_status status = ktki_field_type_text(field, out, err);

    return status == KTK_OK ? ktki_buffer_append_byte(out, '\0', err) : status;
}

static ktk_status differing_types(const struct field *a, const char *a_origin,
                                  const struct field *b, const char *b_origin,
                                  const ktk_allocator *allocator, ktk_error *err) {
    struct buffer a_type;
    struct buffer b_type;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&a_type, allocator, 0);
    ktki_buffer_init(&b_type, allocator, 0);
    KTKI_TRY(type_text(a, &a_type, err));
    KTKI_TRY(type_text(b, &b_type, err));
    KTKI_FAIL(err, KTK_E_SCHEMA, "schema violation: column '%s' is %s in '%s' but %s in '%s'",
              a->name, (const char *)a_type.data, a_origin, (const char *)b_type.data, b_origin);
out:
    ktki_buffer_clear(&b_type);
    ktki_buffer_clear(&a_type);
    return status;
}

static ktk_status differing_shared(const struct field *a, const char *a_origin,
                                   const struct field *b, const char *b_origin,
                                   const ktk_allocator *allocator, ktk_error *err) {
    struct buffer a_type;
    struct buffer b_type;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&a_type, allocator, 0);
    ktki_buffer_init(&b_type, allocator, 0);
    KTKI_TRY(type_text(a, &a_type, err));
    KTKI_TRY(type_text(b, &b_type, err));
    KTKI_FAIL(
        err, KTK_E_SCHEMA,
        "found incompatible entries for column '%s', which tables share: it is %s in '%s' but "
        "%s in '%s'",
        a->name, (const char *)a_type.data, a_origin, (const char *)b_type.data, b_origin);
out:
    if (status == KTK_E_SCHEMA) {
        ktki_error_about(err, KTK_REASON_SHARED_COLUMN, a->name);
    }
    ktki_buffer_clear(&b_type);
    ktki_buffer_clear(&a_type);
    return status;
}

/* A column that only one of the two has, or the first place where the order differs. */
static ktk_status differing_columns(const struct schema *a, const char *a_origin,
                                    const struct schema *b, const char *b_origin, ktk_error *err) {
    for (int32_t i = 0; i < a->field_count; i++) {
        if (ktki_schema_find(b, a->fields[i].name) < 0) {
            return ktk_error_set(err, KTK_E_SCHEMA,
                                 "schema violation: column '%s' of '%s' is missing in '%s'",
                                 a->fields[i].name, a_origin, b_origin);
        }
    }
    for (int32_t i = 0; i < b->field_count; i++) {
        if (ktki_schema_find(a, b->fields[i].name) < 0) {
            return ktk_error_set(err, KTK_E_SCHEMA,
                                 "schema violation: column '%s' of '%s' is missing in '%s'",
                                 b->fields[i].name, b_origin, a_origin);
        }
    }
    return ktk_error_set(err, KTK_E_SCHEMA,
                         "schema violation: the columns of '%s' and '%s' come in another order; "
                         "are the partition keys the same?",
                         a_origin, b_origin);
}

static bool names_agree(const struct schema *a, const struct schema *b) {
    if (a->field_count != b->field_count) {
        return false;
    }
    for (int32_t i = 0; i < a->field_count; i++) {
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0) {
            return false;
        }
    }
    return true;
}

/* Put what `pandas` says of a column in place of what another says. */
static void replace_column(struct pandas_metadata *pandas, const struct pandas_metadata *other,
                           const char *name) {
    for (int32_t i = 0; i < pandas->column_count; i++) {
        for (int32_t j = 0; j < other->column_count; j++) {
            if (strcmp(pandas->columns[i].field_name, name) == 0 &&
                strcmp(other->columns[j].field_name, name) == 0) {
                pandas->columns[i] = other->columns[j];
            }
        }
    }
}

static bool is_typed_by_other(const struct field *field, const struct field *other) {
    return field->type.id == TYPE_NULL && other->type.id != TYPE_NULL;
}

/* `a` with its columns of nothing but nulls typed as in `b`. */
static ktk_status enrich(struct schema **out, const struct schema *a, const struct schema *b,
                         ktk_error *err) {
    struct schema *schema = NULL;
    struct pandas_metadata pandas;
    struct pandas_metadata other;
    struct arena arena;
    bool has_entry;
    bool other_has_entry;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, ktki_context_allocator(a->context));
    KTKI_TRY(ktki_schema_new(&schema, a->context, a->field_count, err));
    KTKI_TRY(ktki_pandas_parse(&pandas, &has_entry, &arena, a, err));
    KTKI_TRY(ktki_pandas_parse(&other, &other_has_entry, &arena, b, err));
    for (int32_t i = 0; i < a->field_count; i++) {
        bool is_typed = is_typed_by_other(&a->fields[i], &b->fields[i]);

        KTKI_TRY(ktki_field_copy(schema, &schema->fields[i],
                                 is_typed ? &b->fields[i] : &a->fields[i], err));
        if (is_typed) {
            replace_column(&pandas, &other, a->fields[i].name);
        }
    }
    if (has_entry) {
        KTKI_TRY(ktki_pandas_attach(&pandas, &arena, schema, err));
    }
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    ktki_arena_clear(&arena);
    return status;
}

/* Columns of nothing but nulls in one that have a type in the other. */
struct gains {
    int32_t a;
    int32_t b;
};

static ktk_status compare(struct gains *out, const struct schema *a, const char *a_origin,
                          const struct schema *b, const char *b_origin, ktk_error *err) {
    struct gains gains = {0, 0};

    if (!names_agree(a, b)) {
        return differing_columns(a, a_origin, b, b_origin, err);
    }
    for (int32_t i = 0; i < a->field_count; i++) {
        const struct field *left = &a->fields[i];
        const struct field *right = &b->fields[i];

        gains.a += is_typed_by_other(left, right);
        gains.b += is_typed_by_other(right, left);
        if (left->type.id != TYPE_NULL && right->type.id != TYPE_NULL &&
            !types_agree(left, right)) {
            return differing_types(left, a_origin, right, b_origin,
                                   ktki_context_allocator(a->context), err);
        }
    }
    *out = gains;
    return KTK_OK;
}

ktk_status ktki_table_schema_agree(struct schema **out, struct schema *a, const char *a_origin,
                                   struct schema *b, const char *b_origin, ktk_error *err) {
    struct gains gains = {0, 0};
    ktk_status status = compare(&gains, a, a_origin, b, b_origin, err);

    if (status != KTK_OK) {
        return status;
    }
    /* Where one of the two knows all types it is taken as it is. */
    if (gains.a == 0) {
        *out = ktki_schema_ref(a);
    } else if (gains.b == 0) {
        *out = ktki_schema_ref(b);
    } else {
        status = gains.b < gains.a ? enrich(out, b, a, err) : enrich(out, a, b, err);
    }
    return status;
}

ktk_status ktki_table_schema_widen(struct schema **out, struct schema *stored,
                                   const char *stored_origin, struct schema *added,
                                   const char *added_origin, ktk_error *err) {
    struct gains gains = {0, 0};
    ktk_status status = compare(&gains, stored, stored_origin, added, added_origin, err);

    if (status == KTK_OK && gains.a == 0) {
        *out = ktki_schema_ref(stored);
    } else if (status == KTK_OK) {
        status = enrich(out, stored, added, err);
    }
    return status;
}

ktk_status ktki_table_schema_share(const struct schema *a, const char *a_origin,
                                   const struct schema *b, const char *b_origin, ktk_error *err) {
    for (int32_t i = 0; i < a->field_count; i++) {
        const struct field *left = &a->fields[i];
        int32_t at = ktki_schema_find(b, left->name);
        const struct field *right = at < 0 ? NULL : &b->fields[at];

        if (right != NULL && left->type.id != TYPE_NULL && right->type.id != TYPE_NULL &&
            !types_agree(left, right)) {
            return differing_shared(left, a_origin, right, b_origin,
                                    ktki_context_allocator(a->context), err);
        }
    }
    return KTK_OK;
}
