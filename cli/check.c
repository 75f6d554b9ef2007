/* check: is a dataset what its format says? */
#include <string.h>

#include "heap.h"
#include "json.h"
#include "progress.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct check_values {
    bool deep;
    bool json;
};

static const struct option options[] = {
    {0, "deep", NULL, OPTION_FLAG, offsetof(struct check_values, deep),
     "read all files, with their checksums", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct check_values, json), "print JSON", NULL},
};

struct findings {
    ktk_check_finding *items;
    size_t count;
};

static const char *const severity_names[] = {"warning", "error"};

static ktk_status keep_finding(void *state, const ktk_check_finding *finding, ktk_error *err) {
    struct findings *findings = state;
    ktk_check_finding *kept;

    (void)err;
    findings->items = cli_grow(findings->items, findings->count, sizeof(*findings->items));
    kept = &findings->items[findings->count++];
    *kept = *finding;
    kept->what = cli_copy(finding->what, strlen(finding->what));
    kept->key = cli_copy(finding->key, strlen(finding->key));
    kept->text = cli_copy(finding->text, strlen(finding->text));
    return KTK_OK;
}

static void print_json(const struct output *output, const struct findings *findings,
                       const ktk_check_result *result) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    cli_json_key(&json, "errors");
    cli_json_number(&json, result->error_count);
    cli_json_key(&json, "warnings");
    cli_json_number(&json, result->warning_count);
    cli_json_key(&json, "partitions");
    cli_json_number(&json, result->partition_count);
    cli_json_key(&json, "files");
    cli_json_number(&json, result->file_count);
    cli_json_key(&json, "indices");
    cli_json_number(&json, result->index_count);
    cli_json_key(&json, "rows");
    cli_json_number(&json, result->row_count);
    cli_json_key(&json, "findings");
    cli_json_begin_array(&json);
    for (size_t i = 0; i < findings->count; i++) {
        const ktk_check_finding *finding = &findings->items[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "severity");
        cli_json_text(&json, severity_names[finding->severity]);
        cli_json_key(&json, "what");
        cli_json_text(&json, finding->what);
        cli_json_key(&json, "key");
        cli_json_text(&json, finding->key);
        cli_json_key(&json, "text");
        cli_json_text(&json, finding->text);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static void print_table(const struct output *output, const struct findings *findings,
                        const ktk_check_result *result) {
    struct table table = {0};

    cli_table_column(&table, "severity", COLUMN_TEXT);
    cli_table_column(&table, "what", COLUMN_TEXT);
    cli_table_column(&table, "file", COLUMN_PATH);
    cli_table_column(&table, "", COLUMN_TEXT);
    for (size_t i = 0; i < findings->count; i++) {
        const ktk_check_finding *finding = &findings->items[i];

        cli_table_cell(&table, severity_names[finding->severity]);
        cli_table_cell(&table, finding->what);
        cli_table_cell(&table, finding->key);
        cli_table_cell(&table, finding->text);
    }
    if (findings->count > 0) {
        (void)cli_table_print(&table, output);
    }
    cli_print_footer(output, "%s, %s in %s and %s%s",
                     cli_count(result->error_count, "error", "errors"),
                     cli_count(result->warning_count, "warning", "warnings"),
                     cli_count(result->file_count, "file", "files"),
                     cli_count(result->index_count, "index", "indices"),
                     result->row_count < 0
                         ? ", of which the data were not read"
                         : cli_format(", %s read", cli_count(result->row_count, "row", "rows")));
}

/* What the library says of how far it is; it does not know the size of what it has read. */
static bool go_on(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return cli_progress_files(files, file_count, -1);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct check_values *values = values_given;
    ktk_check_options check = KTK_CHECK_OPTIONS_INIT;
    struct findings findings = {0};
    ktk_check_result result = {0};
    ktk_status status;

    (void)operand_count;
    check.deep = values->deep;
    check.report = keep_finding;
    check.report_state = &findings;
    check.progress = go_on;
    cli_progress_begin();
    status = ktk_check(session->store, operands[0], &check, &result, err);
    cli_progress_end();
    if (status == KTK_OK && values->json) {
        print_json(output, &findings, &result);
    } else if (status == KTK_OK) {
        print_table(output, &findings, &result);
    }
    session->exit_code = result.error_count > 0 ? EXIT_CORRUPT : EXIT_DONE;
    return status;
}

static const struct example examples[] = {
    {"ktk check flights", "is everything there that the dataset names?"},
    {"ktk check flights --deep --json", "can all of it be read?"},
};

const struct verb cli_check = {
    .name = "check",
    .summary = "check that a dataset is sound",
    .operands = "DATASET",
    .description =
        "Check that a dataset is what its format says: that all files are there, that their paths "
        "go with the partition keys and types, and that indices know all partitions and no "
        "others; with --deep also that all files can be read and have the columns of the dataset. "
        "Nothing is changed.\n\n"
        "The exit code is 5 if there are errors: rows that are lost, cannot be read, or are read "
        "wrong by some program. Warnings are things that are not as they should be.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct check_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
