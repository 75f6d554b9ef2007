/* hash: one number for the rows of a dataset or a Parquet file, whatever their order. */
#include <inttypes.h>

#include "heap.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "rows_open.h"
#include "verbs.h"

struct hash_values {
    struct version_values state;
    struct text_list columns;
    const char *where;
    const char *table;
    bool json;
};

static const struct option options[] = {
    {'c', "columns", "COLUMN,...", OPTION_LIST, offsetof(struct hash_values, columns),
     "these columns, in this order; default: all", NULL},
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct hash_values, where),
     "rows that match, such as \"date >= 2020-01-02 and label in (ABC, 'X Y')\"", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct hash_values, table),
     "the table, if the dataset has several", NULL},
    CLI_VERSION_OPTIONS(struct hash_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct hash_values, json), "print JSON", NULL},
};

struct sum {
    uint64_t hash; /* wraps */
    int64_t rows;
};

static ktk_status add_hashes(void *state, const uint64_t *hashes, int64_t count, ktk_error *err) {
    struct sum *sum = state;

    (void)err;
    for (int64_t i = 0; i < count; i++) {
        sum->hash += hashes[i];
    }
    sum->rows += count;
    return KTK_OK;
}

static void print_json(const struct output *output, const char *operand, const struct sum *sum) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    cli_json_key(&json, cli_is_file(operand) ? "file" : "dataset");
    cli_json_text(&json, operand);
    cli_json_key(&json, "rows");
    cli_json_number(&json, sum->rows);
    cli_json_key(&json, "hash");
    cli_json_text(&json, cli_format("%" PRIu64, sum->hash)); /* not every reader has 64 bits */
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct hash_values *values = values_given;
    struct row_query query = {.table = values->table, .limit = -1, .state = values->state};
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_hash_options hashing = KTK_HASH_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    struct sum sum = {0, 0};
    ktk_status status = cli_where(&where, session, values->where, err);

    (void)operand_count;
    query.where = where;
    query.columns = values->columns.count > 0 ? values->columns.items : NULL;
    query.column_count = values->columns.count;
    hashing.columns = query.columns;
    hashing.column_count = query.column_count;
    if (status == KTK_OK && values->columns.is_given && values->columns.count == 0) {
        status = cli_usage(session, err, "--columns names no column");
    }
    if (status == KTK_OK) {
        status = cli_rows_open(&stream, session, &query, operands[0], err);
    }
    if (status == KTK_OK) {
        status = ktk_hash_rows(session->context, &stream, &hashing, add_hashes, &sum, err);
    }
    ktk_predicate_free(where);
    if (status == KTK_OK && values->json) {
        print_json(output, operands[0], &sum);
    } else if (status == KTK_OK) {
        fprintf(output->file, "%" PRIu64 "\n", sum.hash);
    }
    return status;
}

static const struct example examples[] = {
    {"ktk hash flights", "the same number after ktk compact, and for a copy"},
    {"ktk hash flights --columns carrier,flight --where \"month == 1\"", "of a part"},
};

const struct verb cli_hash = {
    .name = "hash",
    .summary = "hash the rows of a dataset or a Parquet file, whatever their order",
    .operands = "DATASET|FILE",
    .description =
        "Print the sum of the hashes of all rows, or of those that match: two datasets of equal "
        "rows have the same, in whatever files and order these are. The hash of a row is that of "
        "pandas, and depends on the order of the columns. It is no protection against somebody "
        "who wants two datasets to have the same, and may be another one in later versions.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct hash_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET_OR_FILE,
    .print = print,
};
