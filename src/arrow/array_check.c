#include <limits.h>

#include "arrow/array.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

/* What a check of one array needs to know; `end` is offset + length. */
struct check {
    const struct ArrowArray *array;
    const struct field *field;
    int64_t end;
    bool is_deep;
    ktk_error *err;
};

static ktk_status check_array(const struct ArrowArray *array, const struct field *field,
                              bool is_deep, ktk_error *err);

/* The values of a dictionary have no name. */
static const char *name_of(const struct field *field) {
    return field->name != NULL ? field->name : "";
}

static ktk_status broken(const struct check *check, const char *what) {
    return ktk_error_set(check->err, KTK_E_INVALID, "array of field '%s' (%s): %s",
                         name_of(check->field), ktki_type_name(check->field->type.id), what);
}

/* Offsets of either width: not negative, ascending, the last one within `bound`. */
#define DEFINE_CHECK_OFFSETS(name, type)                                                           \
    static const char *name(const struct check *check, int64_t bound, int64_t *last) {             \
        const type *offsets = check->array->buffers[1];                                            \
        int64_t start = check->array->offset;                                                      \
        if (offsets[start] < 0 || offsets[check->end] < offsets[start]) {                          \
            return "the first or last offset is out of order";                                     \
        }                                                                                          \
        if (offsets[check->end] > bound) {                                                         \
            return "the last offset is behind the end of the child";                               \
        }                                                                                          \
        for (int64_t i = start; check->is_deep && i < check->end; i++) {                           \
            if (offsets[i + 1] < offsets[i]) {                                                     \
                return "the offsets are not ascending";                                            \
            }                                                                                      \
        }                                                                                          \
        *last = offsets[check->end];                                                               \
        return NULL;                                                                               \
    }

DEFINE_CHECK_OFFSETS(check_offsets_32, int32_t)
DEFINE_CHECK_OFFSETS(check_offsets_64, int64_t)

static const char *check_offsets(const struct check *check, bool is_large, int64_t bound,
                                 int64_t *last) {
    *last = 0;
    if (check->array->buffers[1] == NULL) {
        return check->array->length == 0 ? NULL : "the offsets are missing";
    }
    return is_large ? check_offsets_64(check, bound, last) : check_offsets_32(check, bound, last);
}

static bool is_row_null(const struct check *check, int64_t row) {
    const uint8_t *validity = check->array->buffers[0];
    return validity != NULL && check->array->null_count != 0 &&
           !ktki_bit_get(validity, check->array->offset + row);
}

static ktk_status check_text(const struct check *check) {
    for (int64_t row = 0; row < check->array->length; row++) {
        const uint8_t *data;
        size_t size;
        if (is_row_null(check, row)) {
            continue;
        }
        ktki_array_bytes(check->array, &check->field->type, row, &data, &size);
        if (!ktki_utf8_is_valid(data, size)) {
            return ktk_error_set(check->err, KTK_E_INVALID,
                                 "array of field '%s': row %lld is not valid UTF-8",
                                 name_of(check->field), (long long)row);
        }
    }
    return KTK_OK;
}

static ktk_status check_bytes(const struct check *check) {
    bool is_large = ktki_type_layout(check->field->type.id) == LAYOUT_LARGE_BYTES;
    int64_t last;
    const char *what = check_offsets(check, is_large, INT64_MAX, &last);

    if (what == NULL && last > 0 && check->array->buffers[2] == NULL) {
        what = "the bytes are missing";
    }
    if (what != NULL) {
        return broken(check, what);
    }
    return check->is_deep && ktki_type_is_text(check->field->type.id) ? check_text(check) : KTK_OK;
}

static const char *check_view(const struct check *check, int64_t row) {
    const uint8_t *view =
        (const uint8_t *)check->array->buffers[1] + (check->array->offset + row) * 16;
    int64_t buffer_count = check->array->n_buffers - 3;
    const int64_t *sizes = check->array->buffers[check->array->n_buffers - 1];
    int32_t parts[4];

    memcpy(parts, view, sizeof(parts));
    if (parts[0] < 0) {
        return "a view has a negative size";
    }
    if (parts[0] <= 12) {
        return NULL;
    }
    if (parts[2] < 0 || parts[2] >= buffer_count || parts[3] < 0 ||
        (int64_t)parts[3] + parts[0] > sizes[parts[2]]) {
        return "a view points out of its data buffer";
    }
    return check->array->buffers[2 + parts[2]] == NULL ? "a data buffer is missing" : NULL;
}

static ktk_status check_views(const struct check *check) {
    const char *what = NULL;

    if (check->array->n_buffers < 3) {
        what = "a view array needs at least three buffers";
    } else if (check->array->length > 0 && check->array->buffers[1] == NULL) {
        what = "the views are missing";
    } else if (check->array->n_buffers > 3 &&
               check->array->buffers[check->array->n_buffers - 1] == NULL) {
        what = "the sizes of the data buffers are missing";
    }
    for (int64_t row = 0; what == NULL && check->is_deep && row < check->array->length; row++) {
        what = is_row_null(check, row) ? NULL : check_view(check, row);
    }
    if (what != NULL) {
        return broken(check, what);
    }
    return check->is_deep && ktki_type_is_text(check->field->type.id) ? check_text(check) : KTK_OK;
}

static ktk_status check_indices(const struct check *check) {
    int64_t size = check->array->dictionary->length;

    for (int64_t row = 0; row < check->array->length; row++) {
        int64_t index;
        if (is_row_null(check, row)) {
            continue;
        }
        index = ktki_dictionary_index(check->array->buffers[1], check->field->type.index,
                                      check->array->offset + row);
        if (index < 0 || index >= size) {
            return ktk_error_set(
                check->err, KTK_E_INVALID,
                "array of field '%s': row %lld has index %lld of a dictionary of %lld values",
                name_of(check->field), (long long)row, (long long)index, (long long)size);
        }
    }
    return KTK_OK;
}

static ktk_status check_fixed(const struct check *check) {
    bool has_bytes = ktki_type_layout(check->field->type.id) == LAYOUT_BITS ||
                     ktki_type_width(&check->field->type) > 0;
    ktk_status status = KTK_OK;

    if (check->array->length > 0 && has_bytes && check->array->buffers[1] == NULL) {
        KTKI_TRY(broken(check, "the values are missing"));
    }
    if (check->field->type.id == TYPE_DICTIONARY) {
        if (check->array->dictionary == NULL) {
            KTKI_TRY(broken(check, "the dictionary is missing"));
        }
        KTKI_TRY(check_array(check->array->dictionary, check->field->dictionary, check->is_deep,
                             check->err));
        if (check->is_deep) {
            KTKI_TRY(check_indices(check));
        }
    }
out:
    return status;
}

static ktk_status check_list(const struct check *check) {
    bool is_large = ktki_type_layout(check->field->type.id) == LAYOUT_LARGE_LIST;
    int64_t last;
    const char *what = check_offsets(check, is_large, check->array->children[0]->length, &last);

    return what == NULL ? KTK_OK : broken(check, what);
}

/* Children of structs and fixed lists reach at least as far as their parent. */
static ktk_status check_reach(const struct check *check) {
    int64_t width = check->field->type.id == TYPE_FIXED_LIST ? check->field->type.width : 1;
    int64_t needed;

    if (!ktki_mul_i64(check->end, width, &needed)) {
        return broken(check, "more items than can be counted");
    }
    for (int64_t i = 0; i < check->array->n_children; i++) {
        if (check->array->children[i]->length < needed) {
            return broken(check, "a child is shorter than its parent");
        }
    }
    return KTK_OK;
}

static ktk_status check_nothing(const struct check *check) {
    (void)check;
    return KTK_OK;
}

typedef ktk_status (*check_fn)(const struct check *check);

static const struct {
    int64_t buffer_count;
    check_fn check;
} checks[LAYOUT_COUNT] = {
    [LAYOUT_NULL] = {0, check_nothing},      [LAYOUT_FIXED] = {2, check_fixed},
    [LAYOUT_BITS] = {2, check_fixed},        [LAYOUT_BYTES] = {3, check_bytes},
    [LAYOUT_LARGE_BYTES] = {3, check_bytes}, [LAYOUT_VIEWS] = {3, check_views},
    [LAYOUT_LIST] = {2, check_list},         [LAYOUT_LARGE_LIST] = {2, check_list},
    [LAYOUT_FIXED_LIST] = {1, check_reach},  [LAYOUT_STRUCT] = {1, check_reach},
};

static bool has_buffer_count(const struct ArrowArray *array, enum layout layout) {
    int64_t wanted = checks[layout].buffer_count;

    if (layout == LAYOUT_NULL) {
        return array->n_buffers == 0 || array->n_buffers == 1; /* old producers gave a validity */
    }
    return layout == LAYOUT_VIEWS ? array->n_buffers >= wanted && array->n_buffers < INT32_MAX
                                  : array->n_buffers == wanted;
}

/* What every array has, whatever its type. */
static const char *check_shape(const struct ArrowArray *array, const struct field *field) {
    int64_t end;

    if (array->release == NULL) {
        return "it is released";
    }
    if (array->length < 0 || array->offset < 0 ||
        !ktki_add_i64(array->length, array->offset, &end) || end > INT64_MAX / 64) {
        return "length or offset is out of range";
    }
    if (array->null_count < -1 || array->null_count > array->length) {
        return "the null count is out of range";
    }
    if (!has_buffer_count(array, ktki_type_layout(field->type.id))) {
        return "wrong number of buffers";
    }
    if (array->n_buffers > 0 && array->buffers == NULL) {
        return "the buffers are missing";
    }
    if (array->n_buffers > 0 && array->null_count > 0 && array->buffers[0] == NULL &&
        field->type.id != TYPE_NULL) {
        return "it has nulls but no validity";
    }
    if (array->n_children != field->child_count) {
        return "wrong number of children";
    }
    return array->n_children > 0 && array->children == NULL ? "the children are missing" : NULL;
}

static ktk_status check_array(const struct ArrowArray *array, const struct field *field,
                              bool is_deep, ktk_error *err) {
    struct check check = {array, field, 0, is_deep, err};
    const char *what = array == NULL ? "it is missing" : check_shape(array, field);
    ktk_status status = KTK_OK;

    if (what != NULL) {
        KTKI_TRY(broken(&check, what));
    }
    check.end = array->offset + array->length;
    for (int64_t i = 0; i < array->n_children; i++) {
        KTKI_TRY(check_array(array->children[i], &field->children[i], is_deep, err));
    }
    KTKI_TRY(checks[ktki_type_layout(field->type.id)].check(&check));
out:
    return status;
}

ktk_status ktki_array_check(const struct ArrowArray *array, const struct field *field, bool deep,
                            ktk_error *err) {
    return check_array(array, field, deep, err);
}
