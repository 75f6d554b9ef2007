#include "base/error.h"
#include "predicate/bound.h"

/* Keep the literals of `from` that no constant decides. `*is_false`: one of them is false. */
static ktk_status reduce_conjunction(struct bound_conjunction *to, bool *is_false,
                                     struct bound_predicate *reduced,
                                     const struct bound_conjunction *from,
                                     const struct ArrowArray *const *constants, ktk_error *err) {
    const struct field *fields = reduced->schema->fields;
    ktk_status status = KTK_OK;

    to->literal_count = 0;
    KTKI_TRY(ktki_arena_array(&reduced->arena, from->literal_count, sizeof(*to->literals),
                              &to->literals, err));
    for (size_t i = 0; i < from->literal_count && !*is_false; i++) {
        const struct bound_literal *literal = from->literals[i];
        uint8_t mask = 0;

        if (constants[literal->field] == NULL) {
            to->literals[to->literal_count++] = literal;
            continue;
        }
        KTKI_TRY(ktki_literal_evaluate(literal, reduced->context, &fields[literal->field],
                                       constants[literal->field], 1, &mask, err));
        *is_false = (mask & 1) == 0;
    }
out:
    return status;
}

ktk_status ktki_bound_reduce(struct bound_predicate **out, bool *always_false, ktk_context *context,
                             const struct bound_predicate *bound,
                             const struct ArrowArray *const *constants, ktk_error *err) {
    struct bound_predicate *reduced = NULL;
    ktk_status status = KTK_OK;
    bool always_true = false;

    KTKI_TRY(ktki_bound_new(&reduced, context, bound->schema, err));
    KTKI_TRY(ktki_arena_array(&reduced->arena, bound->conjunction_count,
                              sizeof(*reduced->conjunctions), &reduced->conjunctions, err));
    for (size_t i = 0; i < bound->conjunction_count && !always_true; i++) {
        struct bound_conjunction *to = &reduced->conjunctions[reduced->conjunction_count];
        bool is_false = false;

        KTKI_TRY(
            reduce_conjunction(to, &is_false, reduced, &bound->conjunctions[i], constants, err));
        reduced->conjunction_count += !is_false;
        always_true = !is_false && to->literal_count == 0;
    }
    *always_false = reduced->conjunction_count == 0;
    *out = always_true || *always_false ? NULL : reduced;
    reduced = *out == NULL ? reduced : NULL;
out:
    ktki_bound_free(reduced);
    return status;
}
