/* write: a dataset from files. */
#include "update.h"
#include "verbs.h"

static int run(struct session *session, const void *values, const char *const *operands,
               int operand_count) {
    return cli_update(session, UPDATE_WRITE, values, operands[0], operands + 1,
                      (size_t)operand_count - 1);
}

static const struct example examples[] = {
    {"ktk write flights flights.csv --partition-on month,day",
     "a dataset with a partition for each day"},
    {"ktk write sales 2019.csv 2020.parquet --type zip=string",
     "from two files; zip codes stay texts"},
    {"ktk write events events.parquet --bloom user,session",
     "readers that look for a user skip row groups without one"},
    {"ktk write visits visits.csv --partition-on day --index user",
     "the few partitions of a user are found without opening the others"},
    {"zcat log.csv.gz | ktk write log -", "from standard input"},
    {"ktk write shop orders.csv items.jsonl --table orders,items --partition-on day",
     "two tables, of which every partition has a file"},
};

const struct verb cli_write = {
    .name = "write",
    .summary = "create a dataset from CSV, JSON and Parquet files",
    .operands = "DATASET FILE...",
    .description =
        "Create a dataset from files, or from standard input with the file name '-'. Every file is "
        "one partition, split further by --partition-on. The dataset appears in one step when "
        "everything is written; without --overwrite it must not exist yet. If somebody else "
        "changes "
        "the dataset while --overwrite is at work, nothing is written and the exit code is 4, "
        "unless --on-conflict says force.\n\n"
        "The types of the columns of CSV are found by looking at all values: whole numbers, "
        "floating-point numbers, true and false, dates such as 2020-01-31, times such as "
        "2020-01-31 12:30:00, else text.",
    .options = cli_update_options + UPDATE_OPTIONS_WRITE,
    .option_count = UPDATE_OPTIONS_DELETE - UPDATE_OPTIONS_WRITE,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct update_values),
    .operand_min = 2,
    .operand_max = -1,
    .first = OPERAND_DATASET,
    .others = OPERAND_FILE,
    .run = run,
};
