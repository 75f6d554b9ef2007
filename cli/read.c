/* read and head: the rows of a dataset or a Parquet file. */
#include <string.h>
#include <strings.h>

#include "rows.h"
#include "rows_open.h"
#include "verbs.h"

struct read_values {
    struct version_values state;
    struct text_list columns;
    const char *where;
    int64_t limit;
    const char *table;
    const char *format;
    const char *output;
    char delimiter;
    const char *null_text;
    bool json;
};

static const char *const formats[] = {"table", "csv", "json", "parquet", NULL};

static const struct option options[] = {
    {'c', "columns", "COLUMN,...", OPTION_LIST, offsetof(struct read_values, columns),
     "these columns, in this order", NULL},
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct read_values, where),
     "rows that match, such as \"date >= 2020-01-02 and label in (ABC, 'X Y') or n != null\"",
     NULL},
    {'n', "limit", "N", OPTION_NUMBER, offsetof(struct read_values, limit), "at most N rows", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct read_values, table),
     "the table, if the dataset has several", NULL},
    CLI_VERSION_OPTIONS(struct read_values),
    {'f', "format", "FORMAT", OPTION_TEXT, offsetof(struct read_values, format),
     "table, csv, json (one object a line) or parquet; default: by the suffix of the output file, "
     "else table",
     formats},
    {'o', "output", "FILE", OPTION_TEXT, offsetof(struct read_values, output),
     "write to a file, which appears when it is complete", NULL},
    {'d', "delimiter", "CHARACTER", OPTION_CHARACTER, offsetof(struct read_values, delimiter),
     "between the fields of CSV; default: ','; \\t for a tab", NULL},
    {0, "null", "TEXT", OPTION_TEXT, offsetof(struct read_values, null_text),
     "how CSV shows null; default: an empty field", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct read_values, json), "the same as --format json",
     NULL},
};

static const struct suffix {
    const char *text;
    enum row_format format;
} suffixes[] = {
    {".csv", ROWS_CSV},    {".tsv", ROWS_CSV},     {".json", ROWS_JSON},
    {".jsonl", ROWS_JSON}, {".ndjson", ROWS_JSON}, {".parquet", ROWS_PARQUET},
    {".pq", ROWS_PARQUET},
};

static enum row_format choose_format(const struct read_values *values) {
    const char *suffix = values->output == NULL ? NULL : strrchr(values->output, '.');

    if (values->json) {
        return ROWS_JSON;
    }
    for (int i = 0; values->format != NULL && formats[i] != NULL; i++) {
        if (strcmp(formats[i], values->format) == 0) {
            return (enum row_format)i;
        }
    }
    for (size_t i = 0; suffix != NULL && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcasecmp(suffixes[i].text, suffix) == 0) {
            return suffixes[i].format;
        }
    }
    return ROWS_TABLE;
}

static char choose_delimiter(const struct read_values *values) {
    const char *suffix = values->output == NULL ? NULL : strrchr(values->output, '.');
    bool is_tsv = suffix != NULL && strcasecmp(suffix, ".tsv") == 0;

    return values->delimiter == '\0' && is_tsv ? '\t' : values->delimiter;
}

/* NULL: all. */
static const char *const *chosen_columns(const struct read_values *values, size_t *count) {
    static const char *const none[] = {""};

    *count = values->columns.count;
    if (!values->columns.is_given) {
        return NULL;
    }
    return values->columns.count > 0 ? values->columns.items : none;
}

static ktk_status print_rows(struct session *session, const struct read_values *values,
                             struct ArrowArrayStream *stream, ktk_error *err) {
    const struct row_options rows = {choose_format(values), values->limit, choose_delimiter(values),
                                     values->null_text};
    struct output output = {0};
    ktk_status status = cli_output_open(&output, values->output, err);

    if (status == KTK_OK && rows.format == ROWS_PARQUET && output.is_terminal) {
        status = cli_usage(session, err, "Parquet is not for terminals: name a file with --output");
    }
    if (status == KTK_OK) {
        status = cli_rows_write(&output, session->context, stream, &rows, err);
    } else if (stream->release != NULL) {
        stream->release(stream);
    }
    if (status == KTK_OK) {
        status = cli_output_finish(&output, err);
    }
    cli_output_clear(&output);
    return status;
}

static int run(struct session *session, const void *values_given, const char *const *operands,
               int operand_count) {
    const struct read_values *values = values_given;
    struct ArrowArrayStream stream = {.release = NULL};
    struct row_query query = {
        .table = values->table, .limit = values->limit, .state = values->state};
    ktk_predicate *where = NULL;
    ktk_error err = {0};
    ktk_status status = cli_where(&where, session, values->where, &err);

    (void)operand_count;
    query.where = where;
    query.columns = chosen_columns(values, &query.column_count);
    if (status == KTK_OK) {
        status = cli_rows_open(&stream, session, &query, operands[0], &err);
    }
    if (status == KTK_OK) {
        status = print_rows(session, values, &stream, &err);
    }
    ktk_predicate_free(where);
    return status == KTK_OK ? EXIT_DONE : cli_fail(session, status, &err);
}

static const struct example read_examples[] = {
    {"ktk read flights --where \"month == 12 and carrier in (UA, AA)\" -o december.parquet",
     "the flights of two carriers in December, as a Parquet file"},
    {"ktk read flights --columns carrier,origin,dest --format csv | sort | uniq -c",
     "CSV for other programs"},
    {"ktk read december.parquet --columns carrier,dest --json", "a file without a dataset"},
};

static const struct example head_examples[] = {
    {"ktk head flights", "the first rows"},
    {"ktk head flights -n 3 --where \"dep_delay > 600\" --columns year,month,day,dep_delay",
     "three of the worst delays"},
};

static const struct read_values read_defaults = {.limit = -1};
static const struct read_values head_defaults = {.limit = 10};

const struct verb cli_read = {
    .name = "read",
    .summary = "print the rows of a dataset or a Parquet file, or write them to a file",
    .operands = "DATASET|FILE",
    .description =
        "Print the rows of a dataset in the order of its partitions. Partitions that cannot hold "
        "matching rows are not read. What has a dot or a slash in its name is a Parquet file, and "
        "needs no store.\n\n"
        "A predicate is column operator value, joined by and and or; and binds stronger. Operators "
        "are == != < <= > >= in (...), not in (...), is null, is not null, is distinct from and "
        "starts with. Values take the type of their column; texts with spaces or commas stand in "
        "quotes, unusual column names in backticks. Null is written null; != is true for null, an "
        "ordered comparison with it is false.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = read_examples,
    .example_count = sizeof(read_examples) / sizeof(read_examples[0]),
    .defaults = &read_defaults,
    .values_size = sizeof(struct read_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET_OR_FILE,
    .run = run,
};

const struct verb cli_head = {
    .name = "head",
    .summary = "print the first rows of a dataset or a Parquet file",
    .operands = "DATASET|FILE",
    .description = "Print the first ten rows of a dataset or a Parquet file, or as many as --limit "
                   "says. Everything else is as for read.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = head_examples,
    .example_count = sizeof(head_examples) / sizeof(head_examples[0]),
    .defaults = &head_defaults,
    .values_size = sizeof(struct read_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET_OR_FILE,
    .run = run,
};
