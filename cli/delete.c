/* delete: rows of a dataset go. */
#include "update.h"
#include "verbs.h"

static int run(struct session *session, const void *values, const char *const *operands,
               int operand_count) {
    (void)operand_count;
    return cli_update(session, UPDATE_DELETE, values, operands[0], NULL, 0);
}

static const struct example examples[] = {
    {"ktk delete flights --where \"month < 3\" --dry-run", "which partitions would go"},
    {"ktk delete visits --where \"user == 4711\" --delete-mode rows",
     "one user is forgotten, wherever the rows are"},
};

const struct verb cli_delete = {
    .name = "delete",
    .summary = "delete a part of a dataset",
    .operands = "DATASET",
    .description =
        "Delete what the scope says, in one step. A scope over partition keys takes whole "
        "partitions; --delete-mode says what happens with other columns. The files stay in the "
        "store, where no reader sees them, until they are collected as garbage.\n\n"
        "If somebody else changes what the scope is about at the same time, nothing is deleted, "
        "and "
        "the exit code is 4; --on-conflict says otherwise for rows that are only added.",
    .options = cli_update_options + UPDATE_OPTIONS_COMMIT,
    .option_count = UPDATE_OPTIONS_END - UPDATE_OPTIONS_COMMIT,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct update_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET,
    .run = run,
};
