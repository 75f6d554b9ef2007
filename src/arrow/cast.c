#include "arrow/cast.h"

#include "arrow/cast_internal.h"
#include "arrow/join.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* As ktki_array_cast(), but `array` stays, and equal types are copied. */
static ktk_status cast_copy(struct ArrowArray *out, ktk_context *context,
                            const struct ArrowArray *array, const struct field *from,
                            const struct field *to, ktk_error *err);

/* Names matter only where they tell children apart; whether nulls are allowed does not. */
static bool same_type(const struct field *a, const struct field *b) {
    if (!ktki_type_equals(&a->type, &b->type) || a->child_count != b->child_count) {
        return false;
    }
    for (int32_t i = 0; i < a->child_count; i++) {
        if (a->type.id == TYPE_STRUCT && strcmp(a->children[i].name, b->children[i].name) != 0) {
            return false;
        }
        if (!same_type(&a->children[i], &b->children[i])) {
            return false;
        }
    }
    return a->dictionary == NULL || same_type(a->dictionary, b->dictionary);
}

static bool is_list(enum type_id id) {
    return id == TYPE_LIST || id == TYPE_LARGE_LIST;
}

static bool lists_are_castable(const struct field *from, const struct field *to) {
    bool is_kin = (is_list(from->type.id) && is_list(to->type.id)) ||
                  (from->type.id == TYPE_MAP && to->type.id == TYPE_MAP) ||
                  (from->type.id == TYPE_FIXED_LIST && ktki_type_equals(&from->type, &to->type));

    return is_kin && ktki_cast_is_possible(&from->children[0], &to->children[0]);
}

static bool structs_are_castable(const struct field *from, const struct field *to) {
    bool is_kin = from->type.id == TYPE_STRUCT && to->type.id == TYPE_STRUCT &&
                  from->child_count == to->child_count;

    for (int32_t i = 0; is_kin && i < from->child_count; i++) {
        is_kin = strcmp(from->children[i].name, to->children[i].name) == 0 &&
                 ktki_cast_is_possible(&from->children[i], &to->children[i]);
    }
    return is_kin;
}

static ktk_status cast_structs(struct cast *cast, ktk_error *err);
static ktk_status cast_lists(struct cast *cast, ktk_error *err);
static ktk_status cast_fixed_lists(struct cast *cast, ktk_error *err);

/* How values of one type become those of another; NULL if they cannot. Equal types and dictionaries
 * are not asked for here. */
static cast_fn find_kernel(const struct field *from, const struct field *to) {
    const cast_fn kernels[] = {
        ktki_cast_number_kernel(from->type.id, to->type.id),
        ktki_cast_time_kernel(&from->type, &to->type),
        ktki_cast_text_kernel(from->type.id, to->type.id),
    };

    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (kernels[i] != NULL) {
            return kernels[i];
        }
    }
    if (lists_are_castable(from, to)) {
        return from->type.id == TYPE_FIXED_LIST ? cast_fixed_lists : cast_lists;
    }
    return structs_are_castable(from, to) ? cast_structs : NULL;
}

bool ktki_cast_is_possible(const struct field *from, const struct field *to) {
    if (same_type(from, to) || from->type.id == TYPE_NULL) {
        return true;
    }
    return from->dictionary != NULL ? ktki_cast_is_possible(from->dictionary, to)
                                    : find_kernel(from, to) != NULL;
}

static const char *name_of(const struct field *field) {
    return field->name == NULL ? "" : field->name;
}

/* Slots [start, start + count) of a child. */
static ktk_status cast_child(struct cast *cast, int32_t index, int64_t start, int64_t count,
                             ktk_error *err) {
    struct ArrowArray child = *cast->array->children[index]; /* a look, not to be released */

    child.offset += start;
    child.length = count;
    child.null_count = child.null_count == 0 ? 0 : -1;
    return cast_copy(&cast->parts->children[index], cast->parts->context, &child,
                     &cast->from->children[index], &cast->to->children[index], err);
}

static ktk_status cast_items(struct cast *cast, int64_t start, int64_t count, ktk_error *err) {
    ktk_status status = cast_child(cast, 0, start, count, err);

    if (status != KTK_OK) {
        ktki_error_context(err, "items of column '%s'", name_of(cast->to));
    }
    return status;
}

static ktk_status cast_structs(struct cast *cast, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < cast->from->child_count; i++) {
        status = cast_child(cast, i, cast->view.offset, cast->parts->length, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "'%s' of column '%s'", name_of(&cast->to->children[i]),
                               name_of(cast->to));
            goto out;
        }
    }
out:
    return status;
}

static int64_t list_offset(const struct cast *cast, int64_t row) {
    int64_t at = cast->view.offset + row;
    return cast->from->type.id == TYPE_LARGE_LIST ? ((const int64_t *)cast->view.offsets)[at]
                                                  : ((const int32_t *)cast->view.offsets)[at];
}

static ktk_status cast_lists(struct cast *cast, ktk_error *err) {
    struct array_parts *parts = cast->parts;
    bool is_large = cast->to->type.id == TYPE_LARGE_LIST;
    int64_t start = parts->length == 0 ? 0 : list_offset(cast, 0);
    int64_t end = parts->length == 0 ? 0 : list_offset(cast, parts->length);
    ktk_status status = KTK_OK;

    if (!is_large && end - start > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "column '%s' has more items than a list can hold",
                  name_of(cast->to));
    }
    KTKI_TRY(
        ktki_parts_allocate_zeroed(parts, 1, (size_t)parts->length + 1, is_large ? 8 : 4, err));
    for (int64_t row = 1; row <= parts->length; row++) {
        int64_t offset = list_offset(cast, row) - start;
        if (is_large) {
            ((int64_t *)parts->buffers[1].data)[row] = offset;
        } else {
            ((int32_t *)parts->buffers[1].data)[row] = (int32_t)offset;
        }
    }
    KTKI_TRY(cast_items(cast, start, end - start, err));
out:
    return status;
}

static ktk_status cast_fixed_lists(struct cast *cast, ktk_error *err) {
    int64_t width = cast->from->type.width;
    return cast_items(cast, cast->view.offset * width, cast->parts->length * width, err);
}

static ktk_status copy_validity(struct cast *cast, ktk_error *err) {
    struct array_parts *parts = cast->parts;
    ktk_status status = KTK_OK;

    if (cast->view.validity == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_parts_allocate_zeroed(parts, 0, ktki_bits_size(parts->length), 1, err));
    ktki_bits_copy(cast->view.validity, cast->view.offset, parts->buffers[0].data, 0,
                   parts->length);
    ktki_parts_count_nulls(parts);
out:
    return status;
}

static ktk_status convert(struct ArrowArray *out, ktk_context *context,
                          const struct ArrowArray *array, const struct field *from,
                          const struct field *to, ktk_error *err) {
    struct array_parts parts = {0};
    struct cast cast = {.array = array, .from = from, .to = to, .parts = &parts};
    ktk_status status = KTK_OK;

    ktki_array_view(array, &from->type, &cast.view);
    KTKI_TRY(ktki_parts_init(&parts, context, to, array->length, err));
    KTKI_TRY(copy_validity(&cast, err));
    KTKI_TRY(find_kernel(from, to)(&cast, err));
    KTKI_TRY(ktki_parts_finish(&parts, out, err));
out:
    ktki_parts_clear(&parts);
    return status;
}

#define DEFINE_LOAD_INDICES(name, type)                                                            \
    static void name(const struct array_view *view, int64_t *out) {                                \
        const type *in = (const type *)view->values + view->offset;                                \
        for (int64_t i = 0; i < view->length; i++) {                                               \
            out[i] = (int64_t)in[i];                                                               \
        }                                                                                          \
    }

DEFINE_LOAD_INDICES(load_i8, int8_t)
DEFINE_LOAD_INDICES(load_i16, int16_t)
DEFINE_LOAD_INDICES(load_i32, int32_t)
DEFINE_LOAD_INDICES(load_i64, int64_t)
DEFINE_LOAD_INDICES(load_u8, uint8_t)
DEFINE_LOAD_INDICES(load_u16, uint16_t)
DEFINE_LOAD_INDICES(load_u32, uint32_t)
DEFINE_LOAD_INDICES(load_u64, uint64_t)

typedef void (*load_indices_fn)(const struct array_view *view, int64_t *out);

static const load_indices_fn index_loads[TYPE_COUNT] = {
    [TYPE_INT8] = load_i8,    [TYPE_INT16] = load_i16,  [TYPE_INT32] = load_i32,
    [TYPE_INT64] = load_i64,  [TYPE_UINT8] = load_u8,   [TYPE_UINT16] = load_u16,
    [TYPE_UINT32] = load_u32, [TYPE_UINT64] = load_u64,
};

/* Rows of the dictionary; null rows take its first one, and are masked afterwards. */
static void dictionary_rows(int64_t *rows, const struct ArrowArray *array,
                            const struct field *from) {
    struct array_view view;

    ktki_array_view(array, &from->type, &view);
    index_loads[from->type.index](&view, rows);
    for (int64_t i = 0; view.validity != NULL && i < view.length; i++) {
        rows[i] = ktki_view_is_null(&view, i) ? 0 : rows[i];
    }
}

static ktk_status gather_dictionary(struct ArrowArray *out, ktk_context *context,
                                    const struct ArrowArray *array, const struct field *from,
                                    const struct ArrowArray *dictionary, const struct field *values,
                                    ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t length = (size_t)array->length;
    struct ArrowArray taken = {0};
    int64_t *rows = NULL;
    ktk_status status = KTK_OK;

    if (ktki_array_null_count(array) == array->length) { /* the dictionary may be empty */
        KTKI_TRY(ktki_array_nulls(out, context, values, array->length, err));
        goto out;
    }
    KTKI_TRY(ktki_alloc_array(allocator, length, sizeof(*rows), &rows, err));
    dictionary_rows(rows, array, from);
    KTKI_TRY(ktki_array_take(&taken, context, values, dictionary, rows, array->length, err));
    if (ktki_array_null_count(array) > 0) {
        KTKI_TRY(ktki_array_mask(&taken, context, array->buffers[0], array->offset, err));
    }
    ktki_array_move(&taken, out);
out:
    ktki_array_clear(&taken);
    ktki_free_array(allocator, rows, length, sizeof(*rows));
    return status;
}

/* Texts change their form in the dictionary, where they are few and always fit. Other values change
 * only where they are used: one that is not may fit nowhere. */
static ktk_status decode(struct ArrowArray *out, ktk_context *context,
                         const struct ArrowArray *array, const struct field *from,
                         const struct field *to, ktk_error *err) {
    struct ArrowArray values = {0};
    ktk_status status = KTK_OK;

    if (ktki_cast_text_kernel(from->dictionary->type.id, to->type.id) != NULL) {
        KTKI_TRY(cast_copy(&values, context, array->dictionary, from->dictionary, to, err));
        KTKI_TRY(gather_dictionary(out, context, array, from, &values, to, err));
    } else if (same_type(from->dictionary, to)) {
        KTKI_TRY(gather_dictionary(out, context, array, from, array->dictionary, to, err));
    } else {
        KTKI_TRY(gather_dictionary(&values, context, array, from, array->dictionary,
                                   from->dictionary, err));
        KTKI_TRY(cast_copy(out, context, &values, from->dictionary, to, err));
    }
out:
    ktki_array_clear(&values);
    return status;
}

static ktk_status cast_copy(struct ArrowArray *out, ktk_context *context,
                            const struct ArrowArray *array, const struct field *from,
                            const struct field *to, ktk_error *err) {
    if (same_type(from, to)) {
        return ktki_array_concat(out, context, to, &array, 1, err);
    }
    if (from->type.id == TYPE_NULL) {
        return ktki_array_nulls(out, context, to, array->length, err);
    }
    return from->dictionary != NULL ? decode(out, context, array, from, to, err)
                                    : convert(out, context, array, from, to, err);
}

static ktk_status refuse(const struct field *from, const struct field *to, ktk_context *context,
                         ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_buffer_append_format(&text, err, "column '%s' of type ", name_of(from)));
    KTKI_TRY(ktki_field_type_text(from, &text, err));
    KTKI_TRY(ktki_buffer_append_text(&text, " cannot become ", err));
    KTKI_TRY(ktki_field_type_text(to, &text, err));
    KTKI_FAIL(err, KTK_E_SCHEMA, "%.*s", (int)text.size, (const char *)text.data);
out:
    ktki_buffer_clear(&text);
    return status;
}

ktk_status ktki_array_cast(struct ArrowArray *out, ktk_context *context, struct ArrowArray *array,
                           const struct field *from, const struct field *to, ktk_error *err) {
    struct ArrowArray result = {0};
    ktk_status status = KTK_OK;

    if (!ktki_cast_is_possible(from, to)) {
        KTKI_TRY(refuse(from, to, context, err));
    }
    if (same_type(from, to)) {
        ktki_array_move(array, &result);
    } else {
        KTKI_TRY(cast_copy(&result, context, array, from, to, err));
        ktki_array_clear(array);
    }
    *out = result;
out:
    return status;
}
