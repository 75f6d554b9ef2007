/* restore: an earlier version becomes the current state again. */
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct restore_values {
    bool dry_run;
    bool json;
};

static const struct option options[] = {
    {0, "dry-run", NULL, OPTION_FLAG, offsetof(struct restore_values, dry_run),
     "check that it can be done, and tell what would change", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct restore_values, json), "print JSON", NULL},
};

static void print_json(const struct output *output, const char *uuid, const char *version,
                       const ktk_commit *commit, bool dry_run) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, uuid);
    cli_json_key(&json, "version");
    cli_json_text(&json, version);
    cli_json_key(&json, "added");
    cli_json_number(&json, commit->partition_count);
    cli_json_key(&json, "removed");
    cli_json_number(&json, commit->removed_count);
    cli_json_key(&json, "commit");
    cli_json_text(&json, dry_run ? NULL : commit->id);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct restore_values *values = values_given;
    ktk_commit commit;
    ktk_status status = ktk_dataset_restore(session->store, operands[0], operands[1],
                                            values->dry_run, &commit, err);

    (void)operand_count;
    session->is_usage_error = status == KTK_E_INVALID;
    if (status == KTK_OK && values->json) {
        print_json(output, operands[0], operands[1], &commit, values->dry_run);
    } else if (status == KTK_OK) {
        fprintf(output->file, "%s '%s' to version %s: %s added, %s removed%s%s\n",
                values->dry_run ? "would restore" : "restored", operands[0], operands[1],
                cli_count(commit.partition_count, "partition", "partitions"),
                cli_number(commit.removed_count), values->dry_run ? "" : ", commit ",
                values->dry_run ? "" : commit.id);
    }
    return status;
}

static const struct example examples[] = {
    {"ktk restore flights 12 --dry-run", "can it be done, and what would change?"},
    {"ktk restore flights 12", "the dataset is as it was then"},
};

const struct verb cli_restore = {
    .name = "restore",
    .summary = "make an earlier version of a dataset the current one",
    .operands = "DATASET VERSION",
    .description =
        "Bring back what a version held: partitions, indices, metadata and schema. It is a commit "
        "of its own; the state that it replaces stays in the history. All files of the version "
        "must still be there. If anything is committed at the same time, nothing is changed, and "
        "the exit code is 4.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct restore_values),
    .operand_min = 2,
    .operand_max = 2,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
