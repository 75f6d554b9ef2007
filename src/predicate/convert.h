/** Values of a person or caller brought to the type of a column. */
#ifndef KTKI_PREDICATE_CONVERT_H
#define KTKI_PREDICATE_CONVERT_H

#include "predicate/bound.h"

/** Where a value lies among those that the column can hold. */
enum place {
    PLACE_AT = 0,    /* it is one of them */
    PLACE_ABOVE,     /* between this one and the next */
    PLACE_BELOW_ALL, /* less than any of them */
    PLACE_ABOVE_ALL, /* greater than any of them */
    PLACE_NULL,      /* null or NaN */
};

struct placed {
    enum place place;
    union scalar at; /* PLACE_AT, PLACE_ABOVE; bytes are borrowed from the value */
};

/**
 * Place `value` among the values of a column of that class and type; `test_index` chooses the unit.
 * False if the kind of value does not go with the type, or its text is none of the type.
 */
bool ktki_value_place(struct placed *out, const ktk_value *value, enum value_class value_class,
                      const struct data_type *type, size_t test_index);

/** What the class expects, for messages: "a whole number". */
const char *ktki_class_expects(enum value_class value_class);

/** How many tests literals of the class have. */
size_t ktki_class_test_count(enum value_class value_class);

/** -1, 0 or 1. */
int ktki_wide_compare(const struct wide_integer *a, const struct wide_integer *b);

#endif
