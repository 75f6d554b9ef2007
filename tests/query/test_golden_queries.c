#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/query.h>

#include "query/golden.h"

/* The queries that the originals were asked, with what is right by the specification: rows named by
 * the column `rid`, ascending. */

#define LITERALS_MAX 16
#define VALUES_MAX 64

/* Where this library answers and the originals refuse: null goes with every type, integers with
 * floating-point columns, NUL with bytes. The answer is then found by looking at every row. */
static const struct answer {
    const char *name;
    const char *column;
    bool is_equal;
    const char *text; /* of the value; NULL: null */
} answers[] = {
    {"i == null", "i", true, NULL},    {"i != null", "i", false, NULL},
    {"d == null", "d", true, NULL},    {"d != null", "d", false, NULL},
    {"y == null", "y", true, NULL},    {"y != null", "y", false, NULL},
    {"b == null", "b", true, NULL},    {"b != null", "b", false, NULL},
    {"f against int", "f", true, "1"}, {"y with NUL", "y", true, "6100"},
    {"k == null", "k", true, NULL},    {"k != null", "k", false, NULL},
};

/* A predicate as the caller of the library builds it; texts are borrowed from the JSON or kept in
 * `bytes`. */
struct built {
    ktk_literal literals[LITERALS_MAX];
    size_t literal_counts[LITERALS_MAX];
    size_t conjunction_count;
    ktk_value values[VALUES_MAX];
    char bytes[VALUES_MAX][64];
    size_t literal_count;
    size_t value_count;
    bool is_malformed; /* cannot even be written down in C */
};

static const struct {
    const char *text;
    ktk_operator op;
} operators[] = {
    {"==", KTK_OP_EQ}, {"!=", KTK_OP_NE},         {"<", KTK_OP_LT},
    {"<=", KTK_OP_LE}, {">", KTK_OP_GT},          {">=", KTK_OP_GE},
    {"in", KTK_OP_IN}, {"not in", KTK_OP_NOT_IN}, {"is distinct from", KTK_OP_NE},
};

static void build_value(struct built *built, const struct node *node) {
    size_t index = built->value_count++;

    golden_to_value(&built->values[index], golden_member(node, "type")->text,
                    golden_member(node, "value"), built->bytes[index]);
}

static void build_literal(struct built *built, const struct node *node) {
    ktk_literal *literal = &built->literals[built->literal_count++];
    const struct node *list = golden_member(&node->items[2], "list");
    size_t count = sizeof(operators) / sizeof(operators[0]);
    size_t op = 0;

    while (op < count && strcmp(operators[op].text, node->items[1].text) != 0) {
        op++;
    }
    if (op == count) {
        built->is_malformed = true;
        return;
    }
    *literal =
        (ktk_literal){node->items[0].text, operators[op].op, &built->values[built->value_count], 0};
    if (list == NULL) {
        build_value(built, &node->items[2]);
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        build_value(built, &list->items[i]);
    }
    literal->value_count = (size_t)(&built->values[built->value_count] - literal->values);
}

static void build(struct built *built, const struct node *predicates) {
    memset(built, 0, sizeof(*built));
    built->conjunction_count = predicates->count;
    for (size_t i = 0; i < predicates->count; i++) {
        const struct node *conjunction = &predicates->items[i];

        built->literal_counts[i] = conjunction->count;
        for (size_t j = 0; j < conjunction->count; j++) {
            build_literal(built, &conjunction->items[j]);
        }
    }
    assert_true(built->literal_count <= LITERALS_MAX && built->value_count <= VALUES_MAX);
}

static ktk_status run(struct golden_rows *out, ktk_dataset *dataset, ktk_context *context,
                      const struct built *built, ktk_error *err) {
    static const char *const columns[] = {"rid"};
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_predicate *where = NULL;
    ktk_status status = ktk_predicate_new(&where, context, built->literals, built->literal_counts,
                                          built->conjunction_count, err);

    *out = (struct golden_rows){.batches = NULL};
    options.where = where;
    options.columns = columns;
    options.column_count = 1;
    if (status == KTK_OK) {
        status = ktk_query_stream(&stream, dataset, &options, err);
    }
    ktk_predicate_free(where); /* borrowed for the call */
    return status != KTK_OK ? status : golden_collect(out, &stream, err);
}

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

#define IDS_MAX 1000

static size_t find_ids(int64_t ids[IDS_MAX], const struct golden_rows *rows) {
    for (int64_t i = 0; i < rows->row_count; i++) {
        ids[i] = strtoll(golden_text(rows, 0, i), NULL, 10);
    }
    qsort(ids, (size_t)rows->row_count, sizeof(*ids), compare_ids);
    return (size_t)rows->row_count;
}

/* The answer by looking at every row of the dataset. */
static size_t find_answer(int64_t ids[IDS_MAX], const struct golden_rows *all,
                          const struct answer *answer) {
    int64_t column = golden_column(all, answer->column);
    int64_t rid = golden_column(all, "rid");
    const char *text = answer->text == NULL ? "null" : answer->text;
    size_t count = 0;

    for (int64_t i = 0; i < all->row_count; i++) {
        if ((strcmp(golden_text(all, column, i), text) == 0) == answer->is_equal) {
            ids[count++] = strtoll(golden_text(all, rid, i), NULL, 10);
        }
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    return count;
}

static const struct answer *deviates(const char *name) {
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strcmp(answers[i].name, name) == 0) {
            return &answers[i];
        }
    }
    return NULL;
}

/* Wrong kinds of Python objects have no counterpart in C. */
static bool is_of_python(const char *name) {
    static const char *const names[] = {"conjunction is a tuple", "literal is a list",
                                        "in with scalar", "== with list"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_query(const struct node *query, ktk_dataset *dataset, ktk_context *context,
                        const struct golden_rows *all) {
    const char *name = golden_member(query, "name")->text;
    const struct node *predicates = golden_member(query, "predicates");
    const struct node *expect = golden_member(query, "expect");
    const struct answer *answer = deviates(name);
    int64_t found[IDS_MAX];
    int64_t wanted[IDS_MAX];
    size_t wanted_count = 0;
    struct golden_rows rows;
    struct built built;
    ktk_status status;
    ktk_error err;

    if (predicates == NULL || is_of_python(name)) {
        return;
    }
    build(&built, predicates);
    if (built.is_malformed) {
        assert_string_equal(name, "unknown operator");
        return;
    }
    status = run(&rows, dataset, context, &built, &err);
    if (expect->kind == NODE_ARRAY || answer != NULL) {
        if (status != KTK_OK) {
            fail_msg("%s: %s", name, err.message);
        }
        for (size_t i = 0; expect->kind == NODE_ARRAY && i < expect->count; i++) {
            wanted[wanted_count++] = golden_integer(&expect->items[i]);
        }
        if (expect->kind != NODE_ARRAY) {
            wanted_count = find_answer(wanted, all, answer);
        }
        if (find_ids(found, &rows) != wanted_count ||
            memcmp(found, wanted, wanted_count * sizeof(*found)) != 0) {
            fail_msg("%s: %zu rows, wanted %zu", name, (size_t)rows.row_count, wanted_count);
        }
    } else if (status != KTK_E_INVALID && status != KTK_E_NOT_FOUND) {
        fail_msg("%s: gives %s, wanted an error", name, ktk_status_name(status));
    }
    golden_rows_clear(&rows);
}

static void check_queries(ktk_context *context, const char *folder, const char *uuid) {
    struct ArrowArrayStream stream;
    ktk_dataset *dataset = NULL;
    const struct node *queries;
    struct node *document;
    struct golden_rows all;
    ktk_store *store;
    char path[256];
    ktk_error err;

    (void)snprintf(path, sizeof(path), "expected/%s/_queries_%s.json", folder, uuid);
    document = golden_load(path);
    store = golden_store(context, golden_member(document, "store")->text);
    queries = golden_member(document, "queries");
    CHECK_OK(ktk_dataset_open(&dataset, store, uuid, &err));
    CHECK_OK(ktk_query_stream(&stream, dataset, NULL, &err));
    CHECK_OK(golden_collect(&all, &stream, &err));
    assert_true(queries->count > 100);
    for (size_t i = 0; i < queries->count; i++) {
        check_query(&queries->items[i], dataset, context, &all);
    }
    print_message("# %s, %s: %zu queries\n", folder, uuid, queries->count);
    golden_rows_clear(&all);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    golden_free(document);
}

static void answers_the_golden_queries(void **unused) {
    static const char *const folders[] = {"k53", "p46"};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        ktk_context *context = test_context_new(1 + (int32_t)i);

        check_queries(context, folders[i], "q_plain");
        check_queries(context, folders[i], "q_indexed");
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_the_golden_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
