/* commit-status: what became of a commit. */
#include <string.h>

#include "json.h"
#include "output.h"
#include "session.h"
#include "verbs.h"

struct commit_status_values {
    bool json;
};

static const struct option options[] = {
    {0, "json", NULL, OPTION_FLAG, offsetof(struct commit_status_values, json), "print JSON", NULL},
};

static const struct state {
    const char *name;
    const char *text;
    int exit_code;
} states[] = {
    [KTK_COMMIT_ABSENT] = {"absent", "did not lead to", EXIT_NOT_FOUND},
    [KTK_COMMIT_COMMITTED] = {"committed", "is part of", EXIT_DONE},
    [KTK_COMMIT_UNKNOWN] = {"unknown", "is too long ago to be told of", EXIT_UNKNOWN},
};

static void print(const struct output *output, const char *uuid, const char *id,
                  const struct state *state, bool as_json) {
    struct json json = {.file = output->file};

    if (!as_json) {
        fprintf(output->file, "commit %s %s '%s'\n", id, state->text, uuid);
        return;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, uuid);
    cli_json_key(&json, "commit");
    cli_json_text(&json, id);
    cli_json_key(&json, "state");
    cli_json_text(&json, state->name);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static int run(struct session *session, const void *values_given, const char *const *operands,
               int operand_count) {
    const struct commit_status_values *values = values_given;
    ktk_commit_state state = KTK_COMMIT_UNKNOWN;
    struct output output = {0};
    ktk_error err = {0};
    ktk_status status = ktk_commit_status(&state, session->store, operands[0], operands[1], &err);

    (void)operand_count;
    session->is_usage_error = status == KTK_E_INVALID;
    if (status == KTK_OK) {
        status = cli_output_open(&output, NULL, &err);
    }
    if (status == KTK_OK) {
        print(&output, operands[0], operands[1], &states[state], values->json);
        status = cli_output_finish(&output, &err);
    }
    cli_output_clear(&output);
    return status == KTK_OK ? states[state].exit_code : cli_fail(session, status, &err);
}

static const struct example examples[] = {
    {"ktk commit-status flights 01a223f60e1b70cfaddcca195afa1056",
     "after a write of which nobody could say whether it came through"},
};

const struct verb cli_commit_status = {
    .name = "commit-status",
    .summary = "tell what became of a commit",
    .operands = "DATASET COMMIT",
    .description =
        "Tell whether a commit, by the id that the writing verbs print, is part of a dataset: exit "
        "code 0 if it is, 3 if not, 6 if nobody can say any more, as the documents of old commits "
        "are not kept for ever. A commit whose write was under way a moment ago can still come, "
        "unless another one has come since.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct commit_status_values),
    .operand_min = 2,
    .operand_max = 2,
    .first = OPERAND_DATASET,
    .needs_store = true,
    .run = run,
};
