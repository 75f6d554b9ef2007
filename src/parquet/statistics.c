#include "parquet/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* The one value of ColumnOrder whose orders are known. */
#define TYPE_ORDER 1

/* Writers of Arrow before 4.0.0 compared decimals as bytes without a sign (PARQUET-1655). */
#define OLD_WRITER "parquet-cpp"
#define OLD_WRITER_ARROW "parquet-cpp-arrow version "

static bool compares_decimals_well(const char *created_by) {
    if (created_by == NULL || strncmp(created_by, OLD_WRITER, strlen(OLD_WRITER)) != 0) {
        return true;
    }
    if (strncmp(created_by, OLD_WRITER_ARROW, strlen(OLD_WRITER_ARROW)) != 0) {
        return false;
    }
    return strtol(created_by + strlen(OLD_WRITER_ARROW), NULL, 10) >= 4;
}

static bool is_number(enum parquet_type type) {
    return type == PQ_BOOLEAN || type == PQ_INT32 || type == PQ_INT64 || type == PQ_FLOAT ||
           type == PQ_DOUBLE;
}

void ktki_statistics_rule(struct statistics_rule *out, const struct parquet_metadata *metadata,
                          const struct parquet_leaf *leaf, int32_t leaf_index) {
    const struct schema_element *element = leaf->element;
    const struct field *field =
        leaf->field->type.id == TYPE_DICTIONARY ? leaf->field->dictionary : leaf->field;
    bool is_decimal = ktki_value_class(field->type.id) == CLASS_DECIMAL;
    bool has_order = leaf_index < metadata->column_order_count &&
                     metadata->column_orders[leaf_index] == TYPE_ORDER;

    *out = (struct statistics_rule){
        .field = field, .element = element, .value = ktki_value_rule(element, &field->type)};
    out->trusts_new =
        has_order && element->type != PQ_INT96 &&
        (!is_decimal || is_number(element->type) || compares_decimals_well(metadata->created_by));
    out->trusts_old =
        is_number(element->type) && ktki_value_class(field->type.id) != CLASS_UNSIGNED;
    out->may_be_null = ktki_type_is_float(field->type.id);
}

struct stored_extent ktki_statistics_choose(const struct statistics_rule *rule,
                                            const struct parquet_statistics *statistics,
                                            int64_t value_count) {
    struct stored_extent extent = {.null_count = -1, .value_count = value_count};

    if (!statistics->is_present) {
        return extent;
    }
    extent.null_count = statistics->null_count;
    if (rule->trusts_new &&
        (statistics->min_value.data != NULL || statistics->max_value.data != NULL)) {
        extent.min = statistics->min_value;
        extent.max = statistics->max_value;
    } else if (rule->trusts_old) {
        extent.min = statistics->old_min;
        extent.max = statistics->old_max;
    }
    return extent;
}

/* ---- values of bounds ---- */

/* One of the two arrays under way. */
struct bound_column {
    uint8_t *validity;
    uint8_t *values; /* values, bits or offsets */
    uint8_t *bytes;
    int64_t bytes_size;
};

static bool fits_narrow(const struct statistics_rule *rule, const uint8_t *stored,
                        const uint8_t *value) {
    bool is_signed = ktki_type_is_signed_integer(rule->field->type.id);
    uint8_t wide[sizeof(int64_t)];
    size_t width = rule->value.width;

    if (rule->value.plain_width > sizeof(wide)) {
        return true;
    }
    memcpy(wide, value, width);
    memset(wide + width, is_signed && (value[width - 1] & 0x80) != 0 ? 0xFF : 0,
           sizeof(wide) - width);
    return memcmp(wide, stored, rule->value.plain_width) == 0;
}

/* A bound of fixed width as a value in memory. False: it cannot be one. */
static bool read_fixed(const struct statistics_rule *rule, const struct parquet_bytes *bound,
                       uint8_t *out) {
    struct cursor in = ktki_cursor(bound->data, bound->size);
    size_t plain_width = rule->value.plain_width;

    if (plain_width != 0 && bound->size != plain_width) {
        return false;
    }
    if (rule->value.read == NULL) {
        memcpy(out, bound->data, rule->value.width);
        return true;
    }
    if (bound->size == 0 || !rule->value.read(&in, bound->size, 1, out, rule->value.width)) {
        return false;
    }
    return rule->value.width >= plain_width || fits_narrow(rule, bound->data, out);
}

static bool is_nan(const struct statistics_rule *rule, const uint8_t *value) {
    float single;
    double real;

    switch (rule->field->type.id) {
    case TYPE_FLOAT16:
        return ((value[0] | (unsigned)value[1] << 8) & 0x7FFF) > 0x7C00;
    case TYPE_FLOAT32:
        memcpy(&single, value, sizeof(single));
        return isnan(single);
    case TYPE_FLOAT64:
        memcpy(&real, value, sizeof(real));
        return isnan(real);
    default:
        return false;
    }
}

/* Put a bound into slot `i`. False: there is none. */
static bool put_bound(struct bound_column *column, const struct statistics_rule *rule,
                      const struct parquet_bytes *bound, size_t i) {
    int64_t end;

    switch (rule->value.kind) {
    case SINK_BITS:
        if (bound->size == 1 && bound->data[0] == 1) {
            ktki_bit_set(column->values, (int64_t)i);
        }
        return bound->size == 1;
    case SINK_FIXED:
        return bound->data != NULL &&
               read_fixed(rule, bound, column->values + i * rule->value.width) &&
               !is_nan(rule, column->values + i * rule->value.width);
    case SINK_TEXT_32:
    case SINK_TEXT_64:
        if (bound->size > 0) {
            memcpy(column->bytes + column->bytes_size, bound->data, bound->size);
        }
        column->bytes_size += (int64_t)bound->size;
        end = column->bytes_size;
        memcpy(column->values + (i + 1) * sizeof(end), &end, sizeof(end));
        return bound->data != NULL;
    default:
        return false;
    }
}

/* ---- extents ---- */

/* Texts of either size are handed on with large offsets. */
static const struct field large_text = {.name = "", .type = {.id = TYPE_LARGE_BINARY}};

static bool is_text(const struct statistics_rule *rule) {
    return rule->value.kind == SINK_TEXT_32 || rule->value.kind == SINK_TEXT_64;
}

static ktk_status column_init(struct bound_column *out, struct arena *arena,
                              const struct statistics_rule *rule, size_t count, size_t bytes_size,
                              ktk_error *err) {
    struct bound_column column = {0};
    size_t width = is_text(rule) ? sizeof(int64_t) : rule->value.width;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(arena, ktki_bits_size((int64_t)count), 1, &column.validity, err));
    KTKI_TRY(ktki_arena_zeroed(arena, count + 1, width > 0 ? width : 1, &column.values, err));
    if (is_text(rule)) {
        KTKI_TRY(ktki_arena_array(arena, bytes_size, 1, &column.bytes, err));
    }
    *out = column;
out:
    return status;
}

static ktk_status column_finish(const struct bound_column *column, struct ArrowArray *out,
                                struct arena *arena, size_t count, ktk_error *err) {
    const void **buffers = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(arena, 3, sizeof(*buffers), &buffers, err));
    buffers[0] = column->validity;
    buffers[1] = column->values;
    buffers[2] = column->bytes;
    *out = (struct ArrowArray){.length = (int64_t)count,
                               .null_count = -1,
                               .n_buffers = column->bytes != NULL ? 3 : 2,
                               .buffers = buffers};
out:
    return status;
}

static bool sum_sizes(const struct stored_extent *stored, size_t count, size_t *out) {
    size_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (!ktki_add_size(sum, stored[i].min.size, &sum) ||
            !ktki_add_size(sum, stored[i].max.size, &sum)) {
            return false;
        }
    }
    *out = sum;
    return true;
}

static void put_nulls(const struct statistics_rule *rule, const struct stored_extent *stored,
                      size_t i, uint8_t *may_be_null, uint8_t *may_be_filled) {
    bool is_null = stored->is_null || (stored->value_count >= 0 && stored->null_count >= 0 &&
                                       stored->null_count >= stored->value_count);

    if (rule->may_be_null || stored->null_count != 0 || is_null) {
        ktki_bit_set(may_be_null, (int64_t)i);
    }
    if (!is_null) {
        ktki_bit_set(may_be_filled, (int64_t)i);
    }
}

ktk_status ktki_statistics_extents(struct extents *out, struct arena *arena,
                                   const struct statistics_rule *rule,
                                   const struct stored_extent *stored, size_t count,
                                   ktk_error *err) {
    struct extents extents = {.count = (int64_t)count,
                              .field = is_text(rule) ? &large_text : rule->field};
    struct bound_column min;
    struct bound_column max;
    uint8_t *may_be_null = NULL;
    uint8_t *may_be_filled = NULL;
    size_t bytes_size = 0;
    size_t mask_size = ktki_bits_size((int64_t)count);
    ktk_status status = KTK_OK;

    if (is_text(rule) && !sum_sizes(stored, count, &bytes_size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the bounds of %zu pages do not fit in memory", count);
    }
    KTKI_TRY(column_init(&min, arena, rule, count, bytes_size, err));
    KTKI_TRY(column_init(&max, arena, rule, count, bytes_size, err));
    KTKI_TRY(ktki_arena_zeroed(arena, mask_size, 1, &may_be_null, err));
    KTKI_TRY(ktki_arena_zeroed(arena, mask_size, 1, &may_be_filled, err));
    for (size_t i = 0; i < count; i++) {
        bool has_min = put_bound(&min, rule, &stored[i].min, i);
        bool has_max = put_bound(&max, rule, &stored[i].max, i);

        /* What is wrong with one of them is a sign of what the other is worth. */
        if (has_min && (has_max || stored[i].max.data == NULL)) {
            ktki_bit_set(min.validity, (int64_t)i);
        }
        if (has_max && (has_min || stored[i].min.data == NULL)) {
            ktki_bit_set(max.validity, (int64_t)i);
        }
        put_nulls(rule, &stored[i], i, may_be_null, may_be_filled);
    }
    KTKI_TRY(column_finish(&min, &extents.min, arena, count, err));
    KTKI_TRY(column_finish(&max, &extents.max, arena, count, err));
    extents.may_be_null = may_be_null;
    extents.may_be_filled = may_be_filled;
    *out = extents;
out:
    return status;
}
