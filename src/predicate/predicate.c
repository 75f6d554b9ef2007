#include "predicate/predicate.h"

#include <math.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"

static const char *const operator_texts[] = {
    [KTK_OP_EQ] = "==",
    [KTK_OP_NE] = "!=",
    [KTK_OP_LT] = "<",
    [KTK_OP_LE] = "<=",
    [KTK_OP_GT] = ">",
    [KTK_OP_GE] = ">=",
    [KTK_OP_IN] = "in",
    [KTK_OP_NOT_IN] = "not in",
    [KTK_OP_IS_DISTINCT_FROM] = "is distinct from",
    [KTK_OP_STARTS_WITH] = "starts with",
};

#define OPERATOR_COUNT (sizeof(operator_texts) / sizeof(operator_texts[0]))

const char *ktki_operator_text(ktk_operator op) {
    return operator_texts[op];
}

static bool is_null(const ktk_value *value) {
    return value->kind == KTK_VALUE_NULL || (value->kind == KTK_VALUE_FLOAT && isnan(value->real));
}

static bool holds_bytes(ktk_value_kind kind) {
    return kind == KTK_VALUE_TEXT || kind == KTK_VALUE_BINARY || kind == KTK_VALUE_UNTYPED;
}

static ktk_status check_value(const ktk_literal *literal, const ktk_value *value, ktk_error *err) {
    ktk_status status = KTK_OK;

    if ((int)value->kind < KTK_VALUE_NULL || value->kind > KTK_VALUE_UNTYPED) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': unknown kind of value %d", literal->column,
                  (int)value->kind);
    }
    if (is_null(value) && ktki_operator_refuses_null(literal->op)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "column '%s': '%s' cannot be used with null; use ==, != or in", literal->column,
                  ktki_operator_text(literal->op));
    }
    if (value->kind != KTK_VALUE_BINARY && holds_bytes(value->kind) &&
        !ktki_utf8_is_valid(value->bytes, value->bytes_size)) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': a text value is not UTF-8", literal->column);
    }
out:
    return status;
}

static ktk_status check_literal(const ktk_literal *literal, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (literal->column == NULL || !ktki_utf8_is_valid(literal->column, strlen(literal->column))) {
        KTKI_FAIL(err, KTK_E_INVALID, "a literal of the predicate names no column in UTF-8");
    }
    if ((size_t)literal->op >= OPERATOR_COUNT) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': unknown operator %d", literal->column,
                  (int)literal->op);
    }
    if (!ktki_operator_takes_list(literal->op) && literal->value_count != 1) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': '%s' takes one value, not %zu", literal->column,
                  ktki_operator_text(literal->op), literal->value_count);
    }
    for (size_t i = 0; i < literal->value_count; i++) {
        KTKI_TRY(check_value(literal, &literal->values[i], err));
    }
out:
    return status;
}

static ktk_status copy_literal(struct literal *out, struct arena *arena, const ktk_literal *from,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(check_literal(from, err));
    KTKI_TRY(ktki_arena_text(arena, from->column, strlen(from->column), &out->column, err));
    KTKI_TRY(ktki_arena_array(arena, from->value_count, sizeof(*out->values), &out->values, err));
    out->op = from->op;
    out->value_count = from->value_count;
    for (size_t i = 0; i < from->value_count; i++) {
        ktk_value *value = &out->values[i];

        *value = from->values[i];
        if (holds_bytes(value->kind)) {
            KTKI_TRY(ktki_arena_text(arena, from->values[i].bytes, value->bytes_size, &value->bytes,
                                     err));
        }
    }
out:
    return status;
}

static ktk_status copy_conjunctions(ktk_predicate *predicate, const ktk_literal *literals,
                                    const size_t *literal_counts, ktk_error *err) {
    struct arena *arena = &predicate->arena;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(arena, predicate->conjunction_count,
                               sizeof(*predicate->conjunctions), &predicate->conjunctions, err));
    for (size_t i = 0; i < predicate->conjunction_count; i++) {
        struct conjunction *conjunction = &predicate->conjunctions[i];

        if (literal_counts[i] == 0) {
            KTKI_FAIL(err, KTK_E_INVALID, "conjunction %zu of the predicate is empty", i);
        }
        conjunction->literal_count = literal_counts[i];
        KTKI_TRY(ktki_arena_zeroed(arena, literal_counts[i], sizeof(*conjunction->literals),
                                   &conjunction->literals, err));
        for (size_t j = 0; j < literal_counts[i]; j++) {
            KTKI_TRY(copy_literal(&conjunction->literals[j], arena, literals++, err));
        }
    }
out:
    return status;
}

ktk_status ktk_predicate_new(ktk_predicate **out, ktk_context *context, const ktk_literal *literals,
                             const size_t *literal_counts, size_t conjunction_count,
                             ktk_error *err) {
    const ktk_allocator *allocator;
    ktk_predicate *predicate = NULL;
    ktk_status status = KTK_OK;

    if (out == NULL || context == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "no place for the predicate, or no context");
    }
    if (conjunction_count == 0 || literals == NULL || literal_counts == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "empty predicates");
    }
    allocator = ktki_context_allocator(context);
    KTKI_TRY(KTKI_NEW(allocator, &predicate, err));
    predicate->context = ktk_context_ref(context);
    predicate->conjunction_count = conjunction_count;
    ktki_arena_init(&predicate->arena, allocator);
    KTKI_TRY(copy_conjunctions(predicate, literals, literal_counts, err));
    *out = predicate;
    predicate = NULL;
out:
    ktk_predicate_free(predicate);
    return status;
}

ktk_status ktki_predicate_copy(ktk_predicate **out, const ktk_predicate *predicate,
                               ktk_error *err) {
    struct buffer literals;
    struct buffer counts;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&literals, predicate->arena.allocator, 0);
    ktki_buffer_init(&counts, predicate->arena.allocator, 0);
    for (size_t i = 0; i < predicate->conjunction_count; i++) {
        const struct conjunction *from = &predicate->conjunctions[i];

        KTKI_TRY(
            ktki_buffer_append(&counts, &from->literal_count, sizeof(from->literal_count), err));
        for (size_t j = 0; j < from->literal_count; j++) {
            const struct literal *literal = &from->literals[j];
            const ktk_literal copy = {literal->column, literal->op, literal->values,
                                      literal->value_count};

            KTKI_TRY(ktki_buffer_append(&literals, &copy, sizeof(copy), err));
        }
    }
    KTKI_TRY(ktk_predicate_new(out, predicate->context, (const ktk_literal *)literals.data,
                               (const size_t *)counts.data, predicate->conjunction_count, err));
out:
    ktki_buffer_clear(&counts);
    ktki_buffer_clear(&literals);
    return status;
}

void ktk_predicate_free(ktk_predicate *predicate) {
    ktk_context *context;

    if (predicate == NULL) {
        return;
    }
    context = predicate->context;
    ktki_arena_clear(&predicate->arena);
    KTKI_DELETE(ktki_context_allocator(context), predicate);
    ktk_context_free(context);
}
