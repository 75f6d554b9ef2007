/**
 * Predicates: which rows to read. A predicate is an OR of ANDs of literals `column operator value`.
 *
 * Immutable once built; may be shared between threads.
 */
#ifndef KARTOTHEK_PREDICATE_H
#define KARTOTHEK_PREDICATE_H

#include <kartothek/context.h>
#include <kartothek/error.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_operator {
    KTK_OP_EQ = 0, /**< == */
    KTK_OP_NE = 1, /**< != ; true for null rows, as in kartothek */
    KTK_OP_LT = 2,
    KTK_OP_LE = 3,
    KTK_OP_GT = 4,
    KTK_OP_GE = 5,
    KTK_OP_IN = 6,
    KTK_OP_NOT_IN = 7,
    KTK_OP_IS_DISTINCT_FROM = 8, /**< what != means today, whatever != may come to mean */
    KTK_OP_STARTS_WITH = 9       /**< texts and binary columns only; false for null rows */
} ktk_operator;

typedef enum ktk_value_kind {
    KTK_VALUE_NULL = 0,
    KTK_VALUE_BOOL = 1,      /**< `integer` is 0 or 1 */
    KTK_VALUE_INT = 2,       /**< `integer` */
    KTK_VALUE_UINT = 3,      /**< `unsigned_integer`, for values above INT64_MAX */
    KTK_VALUE_FLOAT = 4,     /**< `real`; NaN counts as null */
    KTK_VALUE_TEXT = 5,      /**< `bytes`, `bytes_size`: UTF-8, not NUL-terminated */
    KTK_VALUE_BINARY = 6,    /**< `bytes`, `bytes_size` */
    KTK_VALUE_DATE = 7,      /**< `integer`: days since 1970-01-01 */
    KTK_VALUE_TIMESTAMP = 8, /**< `integer`: nanoseconds since 1970-01-01 UTC */
    KTK_VALUE_UNTYPED = 9    /**< text of a person (command line): takes the type of the column */
} ktk_value_kind;

typedef struct ktk_value {
    ktk_value_kind kind;
    int64_t integer;
    uint64_t unsigned_integer;
    double real;
    const char *bytes; /**< borrowed for the call */
    size_t bytes_size;
} ktk_value;

/**
 * Asked of a column, a value must be of its kind, or the query fails with KTK_E_INVALID before it
 * reads: INT and UINT go with whole numbers, floats and decimals (one that the column cannot hold
 * is below or above all of it), FLOAT with floats, BOOL with bools, TEXT and BINARY with texts,
 * binary columns and (`2020-01-31`) dates, DATE with dates, TIMESTAMP with timestamps of any unit
 * (those without a time zone count as UTC), UNTYPED and NULL with all. A column of a dictionary is
 * one of its values.
 */
typedef struct ktk_literal {
    const char *column;
    ktk_operator op;
    const ktk_value *values; /**< one, or any number for IN and NOT_IN */
    size_t value_count;
} ktk_literal;

/**
 * Build a predicate from `conjunction_count` groups; group i has the next `literal_counts[i]` (>=
 * 1) of `literals`. Everything is copied.
 *
 * @return KTK_E_INVALID for no group, an empty group, or null with an operator that cannot be asked
 * about it: <, <=, >, >=, starts with.
 */
KTK_API ktk_status ktk_predicate_new(ktk_predicate **out, ktk_context *context,
                                     const ktk_literal *literals, const size_t *literal_counts,
                                     size_t conjunction_count, ktk_error *err) KTK_CHECK_RESULT;

/**
 * Parse text such as `date >= 2020-01-02 and label in (ABC, 'X Y Z') or ints is not null`. AND
 * binds stronger than OR; no parentheses but those of IN; keywords in any case; `=` is `==`. Beside
 * the operators above: `is null`, `is not null`, `is [not] distinct from VALUE`, `starts with
 * TEXT`.
 *
 * Every value takes the type of its column, quoted or not; null alone is null. Values with spaces
 * or any of `'"\`(),=!<>`, and texts that read and, or, not, in, null, stand in 'single' or
 * "double" quotes, such columns in `backticks`; a quote inside is written twice.
 *
 * @return KTK_E_INVALID, with the column (in characters, from 1), what was expected, and the text
 * around with a `|` in front of the place: `predicate, column 9: expected a value after '>=': date
 * >= |and x == 1`. `detail` of the error holds the column, too.
 */
KTK_API ktk_status ktk_predicate_parse(ktk_predicate **out, ktk_context *context, const char *text,
                                       ktk_error *err) KTK_CHECK_RESULT;

/** Free a predicate. NULL is allowed. */
KTK_API void ktk_predicate_free(ktk_predicate *predicate);

#ifdef __cplusplus
}
#endif

#endif
