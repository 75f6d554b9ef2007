/* replace: rows of a dataset by those of files. */
#include "update.h"
#include "verbs.h"

static int run(struct session *session, const void *values, const char *const *operands,
               int operand_count) {
    return cli_update(session, UPDATE_REPLACE, values, operands[0], operands + 1,
                      (size_t)operand_count - 1);
}

static const struct example examples[] = {
    {"ktk replace flights --where \"month == 1 and day == 1\" corrected.csv",
     "a day anew; readers see the old or the new one"},
};

const struct verb cli_replace = {
    .name = "replace",
    .summary = "replace a part of a dataset by the rows of files",
    .operands = "DATASET FILE...",
    .description =
        "Delete what the scope says and add the rows of files, or of standard input with the file "
        "name '-', in one step: readers see the old state or the new one. The rows that are added "
        "need not be of the scope.\n\n"
        "If somebody else changes what the scope is about at the same time, nothing is changed, "
        "and "
        "the exit code is 4; --on-conflict says otherwise for rows that are only added.",
    .options = cli_update_options + UPDATE_OPTIONS_FILES,
    .option_count = UPDATE_OPTIONS_CONFLICT - UPDATE_OPTIONS_FILES,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct update_values),
    .operand_min = 2,
    .operand_max = -1,
    .first = OPERAND_DATASET,
    .others = OPERAND_FILE,
    .run = run,
};
