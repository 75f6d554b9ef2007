/** The predicate as the layers see it; the public half is kartothek/predicate.h. */
#ifndef KTKI_PREDICATE_PREDICATE_H
#define KTKI_PREDICATE_PREDICATE_H

#include <kartothek/predicate.h>

#include "base/arena.h"

struct literal {
    const char *column;
    ktk_operator op;
    size_t value_count;
    ktk_value *values; /* texts lie in the predicate's arena */
};

struct conjunction {
    size_t literal_count;
    struct literal *literals;
};

/** OR of conjunctions. Immutable. */
struct ktk_predicate {
    ktk_context *context; /* a reference */
    struct arena arena;
    size_t conjunction_count;
    struct conjunction *conjunctions;
};

/** A copy that lives on its own. */
ktk_status ktki_predicate_copy(ktk_predicate **out, const ktk_predicate *predicate, ktk_error *err);

/** "==", "not in" and so on. Never NULL for an operator that is one. */
const char *ktki_operator_text(ktk_operator op);

/** IN and NOT_IN take any number of values, the others exactly one. */
static inline bool ktki_operator_takes_list(ktk_operator op) {
    return op == KTK_OP_IN || op == KTK_OP_NOT_IN;
}

/** Those that cannot be asked about null. */
static inline bool ktki_operator_refuses_null(ktk_operator op) {
    return (op >= KTK_OP_LT && op <= KTK_OP_GE) || op == KTK_OP_STARTS_WITH;
}

#endif
