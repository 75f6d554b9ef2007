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

#endif
