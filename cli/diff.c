/* diff: what two versions of a dataset differ in. */
#include <string.h>

#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"
#include "version.h"

struct diff_values {
    bool json;
};

static const struct option options[] = {
    {0, "json", NULL, OPTION_FLAG, offsetof(struct diff_values, json), "print JSON", NULL},
};

/* What is listed, in the order of output. */
static const struct part {
    const char *json;
    const char *sign;
    int64_t (*count)(const ktk_diff *diff);
    const char *(*text)(const ktk_diff *diff, int64_t index);
} parts[] = {
    {"removed", "- partition", ktk_diff_removed_count, ktk_diff_removed},
    {"added", "+ partition", ktk_diff_added_count, ktk_diff_added},
    {"metadata", "~ metadata", ktk_diff_metadata_count, ktk_diff_metadata_key},
    {"indices", "~ index", ktk_diff_index_count, ktk_diff_index_column},
    {"schemas", "~ schema of table", ktk_diff_table_count, ktk_diff_table},
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static void print_json(const struct output *output, const ktk_diff *diff) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    for (size_t i = 0; i < PART_COUNT; i++) {
        cli_json_key(&json, parts[i].json);
        cli_json_begin_array(&json);
        for (int64_t j = 0; j < parts[i].count(diff); j++) {
            cli_json_text(&json, parts[i].text(diff, j));
        }
        cli_json_end_array(&json);
    }
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static void print_text(const struct output *output, const ktk_diff *diff) {
    int64_t others = 0;

    for (size_t i = 0; i < PART_COUNT; i++) {
        others += i < 2 ? 0 : parts[i].count(diff);
        for (int64_t j = 0; j < parts[i].count(diff); j++) {
            fprintf(output->file, "%s %s\n", parts[i].sign, parts[i].text(diff, j));
        }
    }
    if (others + ktk_diff_added_count(diff) + ktk_diff_removed_count(diff) == 0) {
        cli_print_footer(output, "no difference");
    } else {
        cli_print_footer(output, "%s added, %s removed",
                         cli_count(ktk_diff_added_count(diff), "partition", "partitions"),
                         cli_number(ktk_diff_removed_count(diff)));
    }
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct diff_values *values = values_given;
    ktk_dataset *from = NULL;
    ktk_dataset *to = NULL;
    ktk_diff *diff = NULL;
    ktk_status status = cli_open_state(&from, session, operands[0], operands[1], err);

    if (status == KTK_OK) {
        status = operand_count > 2 ? cli_open_state(&to, session, operands[0], operands[2], err)
                                   : ktk_dataset_open(&to, session->store, operands[0], err);
    }
    if (status == KTK_OK) {
        status = ktk_diff_new(&diff, from, to, err);
    }
    if (status == KTK_OK && values->json) {
        print_json(output, diff);
    } else if (status == KTK_OK) {
        print_text(output, diff);
    }
    ktk_diff_free(diff);
    ktk_dataset_free(to);
    ktk_dataset_free(from);
    return status;
}

static const struct example examples[] = {
    {"ktk diff flights 12 15", "what came and what went"},
    {"ktk diff flights 2026-03-01", "what has changed since a day"},
};

const struct verb cli_diff = {
    .name = "diff",
    .summary = "show what two versions of a dataset differ in",
    .operands = "DATASET FROM [TO]",
    .description =
        "Show the partitions that came and went between two versions, and the keys of the "
        "metadata, indices and schemas that changed. A version is a number, the start of an id "
        "(see "
        "ktk log) or a time; without the second one it is the current state.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct diff_values),
    .operand_min = 2,
    .operand_max = 3,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
