#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "predicate/column_model.h"
#include "predicate/evaluate.h"

/* Random predicates on random columns against the oracle. */

#define COLUMNS 5
#define ROWS_MAX 200
#define LITERALS_MAX 9
#define VALUES_MAX 5

struct random_literal {
    int column;
    ktk_operator op;
    struct cell cells[VALUES_MAX]; /* in units finer than those of the column, see literal_scale */
    ktk_value values[VALUES_MAX];
    char texts[VALUES_MAX][64];
    size_t value_count;
};

struct trial {
    uint64_t seed;
    int64_t row_count;
    const struct type_case *stored[COLUMNS];
    const struct type_case *bound[COLUMNS];
    struct column columns[COLUMNS];
    struct random_literal literals[LITERALS_MAX];
    size_t literal_counts[3];
    size_t conjunction_count;
};

static int64_t pick(struct trial *trial, int64_t from, int64_t to) {
    return from + (int64_t)(model_random(&trial->seed) % (uint64_t)(to - from + 1));
}

static const struct type_case *pick_type(struct trial *trial, enum group group) {
    const struct type_case *type;

    do {
        type = &model_types[pick(trial, 0, MODEL_TYPE_COUNT - 1)];
    } while (type->group != group);
    return type;
}

/* What a unit of the column and a unit of the literal count, so that both compare as integers. */
static wide row_scale(const struct type_case *type) {
    return type->group == GROUP_DECIMAL ? 10 : model_scale(&type->type);
}

static wide literal_scale(const struct type_case *type) {
    return type->group == GROUP_DATE ? 86400000 : 1;
}

static struct cell random_text(struct trial *trial, const struct type_case *type) {
    static const char *const letters[] = {"a", "b", "\x01", "\xC3\xA9"};
    struct cell cell = {0};
    bool is_fixed = type->type.id == TYPE_FIXED_BINARY;
    int64_t count = is_fixed ? 2 : pick(trial, 0, 3);

    for (int64_t i = 0; i < count; i++) {
        const char *letter = letters[pick(trial, 0, is_fixed ? 2 : 3)];

        memcpy(cell.text + cell.text_size, letter, strlen(letter));
        cell.text_size += strlen(letter);
    }
    /* Longer than what a view holds within. */
    if (!is_fixed && pick(trial, 0, 5) == 0) {
        memset(cell.text, 'b', 13);
        cell.text_size = 13;
    }
    return cell;
}

static double random_real(struct trial *trial) {
    static const double reals[] = {0.0, -0.0, 1.5, -1.5, 2.0, INFINITY, -INFINITY, NAN};

    return reals[pick(trial, 0, 7)];
}

static struct cell random_cell(struct trial *trial, const struct type_case *type) {
    struct cell cell = {.is_null = pick(trial, 0, 4) == 0};

    switch (type->group) {
    case GROUP_BOOL:
        cell.whole = pick(trial, 0, 1);
        break;
    case GROUP_REAL:
        cell.real = random_real(trial);
        break;
    case GROUP_TEXT: {
        bool is_null = cell.is_null;
        cell = random_text(trial, type);
        cell.is_null = is_null;
        break;
    }
    case GROUP_UNSIGNED:
    case GROUP_TIME:
        cell.whole = pick(trial, 0, 12);
        break;
    case GROUP_DATE:
        cell.whole = pick(trial, -6, 6) * (type->type.id == TYPE_DATE64 ? 86400000 : 1);
        break;
    default:
        cell.whole = pick(trial, -6, 6);
        break;
    }
    return cell;
}

static void set_text(ktk_value *value, ktk_value_kind kind, const char *text) {
    *value = (ktk_value){.kind = kind, .bytes = text, .bytes_size = strlen(text)};
}

/* By the C library. */
static void print_date(char text[64], int64_t days) {
    time_t seconds = days * 86400;
    struct tm parts;

    gmtime_r(&seconds, &parts);
    (void)strftime(text, 64, "%Y-%m-%d", &parts);
}

static void print_time(char *text, int64_t nanos) {
    time_t seconds = nanos / 1000000000 - (nanos % 1000000000 < 0);
    int64_t rest = nanos - seconds * 1000000000;
    struct tm parts;
    size_t used;

    gmtime_r(&seconds, &parts);
    used = strftime(text, 32, "%H:%M:%S", &parts);
    (void)snprintf(text + used, 32 - used, ".%09d", (int)rest);
}

static void print_timestamp(char text[64], char separator, int64_t nanos) {
    print_date(text, nanos / INT64_C(86400000000000) - (nanos % INT64_C(86400000000000) < 0));
    text[10] = separator;
    print_time(text + 11, nanos);
}

static void print_decimal(char text[64], int64_t thousandths) {
    int64_t size = thousandths < 0 ? -thousandths : thousandths;

    (void)snprintf(text, 64, "%s%d.%03d", thousandths < 0 ? "-" : "", (int)(size / 1000),
                   (int)(size % 1000));
}

/* A value near those of the column, as a cell for the oracle and in one of the forms a caller may
 * give it. */
static void random_value(struct trial *trial, const struct type_case *type, struct cell *cell,
                         ktk_value *value, char text[64]) {
    int64_t unit = (int64_t)model_scale(&type->type);
    bool untyped = pick(trial, 0, 1) == 0;
    int64_t whole;

    *cell = random_cell(trial, type);
    cell->is_null = false;
    whole = (int64_t)cell->whole;
    switch (type->group) {
    case GROUP_BOOL:
        *value = (ktk_value){.kind = KTK_VALUE_BOOL, .integer = whole};
        (void)snprintf(text, 64, "%s", whole ? "True" : "false");
        break;
    case GROUP_REAL:
        *value = (ktk_value){.kind = KTK_VALUE_FLOAT, .real = cell->real};
        (void)snprintf(text, 64, "%.17g", cell->real);
        break;
    case GROUP_TEXT:
        memcpy(text, cell->text, cell->text_size);
        text[cell->text_size] = '\0';
        set_text(value, pick(trial, 0, 1) ? KTK_VALUE_TEXT : KTK_VALUE_BINARY, text);
        break;
    case GROUP_DATE:
        cell->whole = whole = pick(trial, -6, 6);
        *value = (ktk_value){.kind = KTK_VALUE_DATE, .integer = whole};
        print_date(text, whole);
        break;
    case GROUP_TIME:
        cell->whole = whole = unit == 1 ? pick(trial, 0, 12) : pick(trial, 0, 24) * unit / 2;
        print_time(text, whole);
        untyped = true;
        break;
    case GROUP_TIMESTAMP:
        cell->whole = whole = unit == 1 ? pick(trial, -6, 6) : pick(trial, -13, 13) * unit / 2;
        *value = (ktk_value){.kind = KTK_VALUE_TIMESTAMP, .integer = whole};
        print_timestamp(text, pick(trial, 0, 1) ? 'T' : ' ', whole);
        break;
    case GROUP_DECIMAL:
        cell->whole = whole = pick(trial, -65, 65);
        print_decimal(text, whole);
        untyped = true;
        break;
    default:
        *value = (ktk_value){.kind = KTK_VALUE_INT, .integer = whole};
        (void)snprintf(text, 64, "%d", (int)whole);
        break;
    }
    if (untyped) {
        set_text(value, KTK_VALUE_UNTYPED, text);
    }
}

static void random_literal(struct trial *trial, struct random_literal *literal) {
    const struct type_case *type;
    bool is_list;

    literal->column = (int)pick(trial, 0, COLUMNS - 1);
    type = trial->stored[literal->column];
    literal->op = (ktk_operator)pick(
        trial, KTK_OP_EQ, type->group == GROUP_TEXT ? KTK_OP_STARTS_WITH : KTK_OP_IS_DISTINCT_FROM);
    is_list = literal->op == KTK_OP_IN || literal->op == KTK_OP_NOT_IN;
    literal->value_count = is_list ? (size_t)pick(trial, 0, VALUES_MAX) : 1;
    for (size_t i = 0; i < literal->value_count; i++) {
        bool is_ordered = (literal->op >= KTK_OP_LT && literal->op <= KTK_OP_GE) ||
                          literal->op == KTK_OP_STARTS_WITH;

        do {
            if (type->group == GROUP_NULL) {
                literal->cells[i] = whole_cell(1);
                literal->values[i] = (ktk_value){.kind = KTK_VALUE_INT, .integer = 1};
            } else {
                random_value(trial, type, &literal->cells[i], &literal->values[i],
                             literal->texts[i]);
            }
        } while (is_ordered && type->group == GROUP_REAL && isnan(literal->cells[i].real));
        if (!is_ordered && pick(trial, 0, 5) == 0) {
            literal->cells[i] = (struct cell){.is_null = true, .real = NAN};
            literal->values[i] = (ktk_value){.kind = KTK_VALUE_NULL};
        }
    }
}

static void trial_init(struct trial *trial, uint64_t seed) {
    static const enum type_id indices[] = {TYPE_NULL,  TYPE_NULL,  TYPE_NULL,  TYPE_UINT8,
                                           TYPE_INT16, TYPE_INT32, TYPE_UINT64};
    static const char *const names[COLUMNS] = {"a", "b", "c", "d", "e"};
    struct cell cells[ROWS_MAX];
    size_t literal_count = 0;

    trial->seed = seed;
    trial->row_count = pick(trial, 0, ROWS_MAX);
    for (int i = 0; i < COLUMNS; i++) {
        const struct type_case *stored = &model_types[pick(trial, 0, MODEL_TYPE_COUNT - 1)];
        struct layout_choice layout = {pick(trial, 0, 70), indices[pick(trial, 0, 6)],
                                       pick(trial, 0, 1) == 0};

        for (int64_t j = 0; j < trial->row_count; j++) {
            cells[j] = random_cell(trial, stored);
        }
        trial->stored[i] = stored;
        trial->bound[i] = pick_type(trial, stored->group);
        column_init(&trial->columns[i], names[i], stored->type, cells, trial->row_count, layout);
    }
    trial->conjunction_count = (size_t)pick(trial, 1, 3);
    for (size_t i = 0; i < trial->conjunction_count; i++) {
        trial->literal_counts[i] = (size_t)pick(trial, 1, 3);
        for (size_t j = 0; j < trial->literal_counts[i]; j++) {
            random_literal(trial, &trial->literals[literal_count++]);
        }
    }
}

static void trial_clear(struct trial *trial) {
    for (int i = 0; i < COLUMNS; i++) {
        column_clear(&trial->columns[i]);
    }
}

static bool trial_holds(const struct trial *trial, int64_t row) {
    const struct random_literal *literal = trial->literals;
    bool any = false;

    for (size_t i = 0; i < trial->conjunction_count; i++) {
        bool all = true;

        for (size_t j = 0; j < trial->literal_counts[i]; j++, literal++) {
            const struct type_case *type = trial->stored[literal->column];
            enum model_class class = model_class_of(type->type.id);

            all = all && model_holds(class, &trial->columns[literal->column].cells[row],
                                     row_scale(type), literal->op, literal->cells,
                                     literal->value_count, literal_scale(type));
        }
        any = any || all;
    }
    return any;
}

static struct bound_predicate *trial_bind(const struct trial *trial, ktk_context *context) {
    ktk_literal literals[LITERALS_MAX];
    struct field fields[COLUMNS];
    const struct field *field_pointers[COLUMNS];
    struct bound_predicate *bound = NULL;
    ktk_predicate *predicate = NULL;
    struct schema *schema;
    ktk_error err;

    for (int i = 0; i < COLUMNS; i++) {
        fields[i] = (struct field){
            .name = trial->columns[i].field.name, .type = trial->bound[i]->type, .nullable = true};
        field_pointers[i] = &fields[i];
    }
    for (size_t i = 0; i < LITERALS_MAX; i++) {
        const struct random_literal *literal = &trial->literals[i];

        literals[i] = (ktk_literal){fields[literal->column].name, literal->op, literal->values,
                                    literal->value_count};
    }
    schema = model_schema(context, field_pointers, COLUMNS);
    CHECK_OK(ktk_predicate_new(&predicate, context, literals, trial->literal_counts,
                               trial->conjunction_count, &err));
    CHECK_OK(ktki_predicate_bind(&bound, context, predicate, schema, &err));
    ktk_predicate_free(predicate);
    ktki_schema_free(schema);
    return bound;
}

static void agrees_with_the_oracle(void **unused) {
    static struct trial trial;
    ktk_context *context = test_context_new(1);
    int64_t combinations = 0;
    int64_t matches = 0;
    uint64_t seed = 1;

    (void)unused;
    while (combinations < 200000) {
        const struct field *fields[COLUMNS];
        const struct ArrowArray *arrays[COLUMNS];
        struct bound_predicate *bound;
        uint8_t mask[(ROWS_MAX + 7) / 8];
        ktk_error err;

        trial_init(&trial, ++seed);
        bound = trial_bind(&trial, context);
        for (int i = 0; i < COLUMNS; i++) {
            fields[i] = &trial.columns[i].field;
            arrays[i] = &trial.columns[i].array;
        }
        CHECK_OK(ktki_bound_evaluate(bound, fields, arrays, trial.row_count, mask, &err));
        for (int64_t row = 0; row < trial.row_count; row++) {
            bool wanted = trial_holds(&trial, row);

            if ((mask[row / 8] >> row % 8 & 1) != wanted) {
                fail_msg("seed %d, row %d: the oracle says %d", (int)seed, (int)row, wanted);
            }
            matches += wanted;
        }
        combinations += trial.row_count;
        ktki_bound_free(bound);
        trial_clear(&trial);
    }
    /* The trials decide something in both ways. */
    assert_true(matches > combinations / 5 && matches < combinations * 4 / 5);
    test_context_free(context);
}

/* Some columns are constant: what is known of them beforehand must not change the answer. */
static void reduces_without_changing_the_answer(void **unused) {
    static struct trial trial;
    ktk_context *context = test_context_new(1);
    int outcomes[3] = {0, 0, 0};

    (void)unused;
    for (uint64_t seed = 1; seed < 1500; seed++) {
        const struct field *fields[COLUMNS];
        const struct ArrowArray *arrays[COLUMNS];
        const struct ArrowArray *constants[COLUMNS] = {NULL};
        struct column constant_columns[COLUMNS] = {0};
        struct bound_predicate *reduced = TEST_POISON;
        struct bound_predicate *bound;
        uint8_t mask[(ROWS_MAX + 7) / 8];
        bool always_false = false;
        ktk_error err;

        trial_init(&trial, seed + 100000);
        for (int i = 0; i < COLUMNS; i++) {
            struct cell cell = random_cell(&trial, trial.bound[i]);
            struct cell cells[ROWS_MAX];

            if (pick(&trial, 0, 2) == 0 || trial.bound[i] != trial.stored[i]) {
                continue;
            }
            for (int64_t j = 0; j < trial.row_count; j++) {
                cells[j] = cell;
            }
            column_clear(&trial.columns[i]);
            column_init(&trial.columns[i], (const char *[]){"a", "b", "c", "d", "e"}[i],
                        trial.stored[i]->type, cells, trial.row_count, (struct layout_choice){0});
            column_init(&constant_columns[i], "x", trial.bound[i]->type, &cell, 1,
                        (struct layout_choice){0});
            constants[i] = &constant_columns[i].array;
        }
        bound = trial_bind(&trial, context);
        CHECK_OK(ktki_bound_reduce(&reduced, &always_false, context, bound, constants, &err));
        for (int i = 0; i < COLUMNS; i++) {
            fields[i] = &trial.columns[i].field;
            arrays[i] = constants[i] == NULL ? &trial.columns[i].array : NULL;
        }
        if (reduced != NULL) {
            bool marks[COLUMNS] = {false};

            CHECK_OK(ktki_bound_evaluate(reduced, fields, arrays, trial.row_count, mask, &err));
            ktki_bound_columns(reduced, marks);
            for (int i = 0; i < COLUMNS; i++) {
                assert_false(marks[i] && constants[i] != NULL);
            }
        } else {
            memset(mask, always_false ? 0 : 0xFF, sizeof(mask));
        }
        outcomes[reduced != NULL ? 2 : always_false]++;
        for (int64_t row = 0; row < trial.row_count; row++) {
            assert_int_equal(mask[row / 8] >> row % 8 & 1, trial_holds(&trial, row));
        }
        ktki_bound_free(reduced);
        ktki_bound_free(bound);
        for (int i = 0; i < COLUMNS; i++) {
            if (constants[i] != NULL) {
                column_clear(&constant_columns[i]);
            }
        }
        trial_clear(&trial);
    }
    assert_true(outcomes[0] > 10 && outcomes[1] > 10 && outcomes[2] > 10);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_oracle),
        cmocka_unit_test(reduces_without_changing_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
