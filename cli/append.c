/* append: more rows for a dataset. */
#include "update.h"
#include "verbs.h"

static int run(struct session *session, const void *values, const char *const *operands,
               int operand_count) {
    return cli_update(session, UPDATE_APPEND, values, operands[0], operands + 1,
                      (size_t)operand_count - 1);
}

static const struct example examples[] = {
    {"ktk append flights 2014-01-01.csv", "another day, in one step"},
    {"ktk append flights --metadata owner=ops", "metadata alone"},
};

const struct verb cli_append = {
    .name = "append",
    .summary = "add rows from files to a dataset",
    .operands = "DATASET FILE...",
    .description =
        "Add the rows of files, or of standard input with the file name '-', to a dataset that is "
        "there. They are split as the dataset is, its secondary indices follow, and all appears in "
        "one step. Columns must have the types that they have in the dataset.\n\n"
        "Others may add to the dataset at the same time; nothing of either is lost. Without a "
        "file, "
        "--metadata alone is set.",
    .options = cli_update_options + UPDATE_OPTIONS_FILES,
    .option_count = UPDATE_OPTIONS_DELETE - UPDATE_OPTIONS_FILES,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct update_values),
    .operand_min = 1,
    .operand_max = -1,
    .first = OPERAND_DATASET,
    .others = OPERAND_FILE,
    .run = run,
};
