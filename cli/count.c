/* count: how many rows a dataset or a Parquet file has. */
#include <inttypes.h>

#include "input.h"
#include "json.h"
#include "output.h"
#include "rows_open.h"
#include "verbs.h"

struct count_values {
    struct version_values state;
    const char *where;
    const char *table;
    bool json;
};

static const struct option options[] = {
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct count_values, where),
     "rows that match, such as \"date >= 2020-01-02 and label in (ABC, 'X Y')\"", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct count_values, table),
     "the table, if the dataset has several", NULL},
    CLI_VERSION_OPTIONS(struct count_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct count_values, json), "print JSON", NULL},
};

static ktk_status count_rows(int64_t *out, struct ArrowArrayStream *stream, ktk_error *err) {
    int64_t count = 0;
    ktk_status status;

    for (;;) {
        struct ArrowArray batch = {.release = NULL};

        status = ktk_stream_next(stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        count += batch.length;
        batch.release(&batch);
    }
    stream->release(stream);
    *out = count;
    return status;
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    static const char *const none[] = {""};
    const struct count_values *values = values_given;
    struct row_query query = {
        .table = values->table, .columns = none, .limit = -1, .state = values->state};
    struct ArrowArrayStream stream = {.release = NULL};
    struct json json = {.file = output->file};
    ktk_predicate *where = NULL;
    int64_t count;
    ktk_status status = cli_where(&where, session, values->where, err);

    (void)operand_count;
    query.where = where;
    if (status == KTK_OK) {
        status = cli_rows_open(&stream, session, &query, operands[0], err);
    }
    if (status == KTK_OK) {
        status = count_rows(&count, &stream, err);
    }
    ktk_predicate_free(where);
    if (status == KTK_OK && values->json) {
        cli_json_begin_object(&json);
        cli_json_key(&json, cli_is_file(operands[0]) ? "file" : "dataset");
        cli_json_text(&json, operands[0]);
        cli_json_key(&json, "rows");
        cli_json_number(&json, count);
        cli_json_end_object(&json);
        cli_json_end(&json);
    } else if (status == KTK_OK) {
        fprintf(output->file, "%" PRId64 "\n", count);
    }
    return status;
}

static const struct example examples[] = {
    {"ktk count flights --where \"dep_delay > 60\"", "how many flights were an hour late"},
};

const struct verb cli_count_verb = {
    .name = "count",
    .summary = "count the rows of a dataset or a Parquet file",
    .operands = "DATASET|FILE",
    .description = "Count all rows, or those that match. Without a predicate only the ends of the "
                   "files are read, with one the columns it is about.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct count_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET_OR_FILE,
    .print = print,
};
