/* doctor: find and mend what others did to a dataset. */
#include <string.h>

#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct doctor_values {
    bool yes;
    bool json;
};

static const struct option options[] = {
    {'y', "yes", NULL, OPTION_FLAG, offsetof(struct doctor_values, yes),
     "mend what can be mended, in one commit; without it nothing is changed", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct doctor_values, json), "print JSON", NULL},
};

/* What a finding is called, and what is done about it. */
static const struct {
    const char *name;
    const char *remedy;
} ailments[] = {
    [KTK_AILMENT_MISSING_FILE] = {"missing file", "take the partition out"},
    [KTK_AILMENT_LOST_PARTITION] = {"lost partition", "add it again"},
    [KTK_AILMENT_MISSING_INDEX] = {"missing index", "build it anew"},
};

struct findings {
    ktk_finding *items;
    size_t count;
};

static ktk_status keep(void *state, const ktk_finding *finding, ktk_error *err) {
    struct findings *findings = state;
    ktk_finding *to;

    (void)err;
    findings->items = cli_grow(findings->items, findings->count, sizeof(*findings->items));
    to = &findings->items[findings->count++];
    *to = *finding;
    to->subject = cli_copy(finding->subject, strlen(finding->subject));
    to->key = cli_copy(finding->key, strlen(finding->key));
    to->commit =
        finding->commit == NULL ? NULL : cli_copy(finding->commit, strlen(finding->commit));
    return KTK_OK;
}

static void print_json(const struct output *output, const struct findings *findings,
                       const ktk_doctor_result *result) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    cli_json_key(&json, "findings");
    cli_json_begin_array(&json);
    for (size_t i = 0; i < findings->count; i++) {
        const ktk_finding *finding = &findings->items[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "ailment");
        cli_json_text(&json, ailments[finding->ailment].name);
        cli_json_key(&json, "subject");
        cli_json_text(&json, finding->subject);
        cli_json_key(&json, "file");
        cli_json_text(&json, finding->key);
        cli_json_key(&json, "written_by");
        cli_json_text(&json, finding->commit);
        cli_json_key(&json, "can_mend");
        cli_json_bool(&json, finding->can_mend);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_key(&json, "mended");
    cli_json_number(&json, result->mended_count);
    cli_json_key(&json, "commit");
    cli_json_text(&json, result->commit.id[0] != '\0' ? result->commit.id : NULL);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static void print_table(const struct output *output, const struct findings *findings,
                        const ktk_doctor_result *result) {
    struct table table = {0};

    cli_table_column(&table, "finding", COLUMN_TEXT);
    cli_table_column(&table, "remedy", COLUMN_TEXT);
    cli_table_column(&table, "file", COLUMN_PATH);
    for (size_t i = 0; i < findings->count; i++) {
        const ktk_finding *finding = &findings->items[i];

        cli_table_cell(&table, ailments[finding->ailment].name);
        cli_table_cell(&table, finding->can_mend ? ailments[finding->ailment].remedy : "none here");
        cli_table_cell(&table, finding->key);
    }
    if (findings->count > 0) {
        (void)cli_table_print(&table, output);
    }
    if (result->commit.id[0] != '\0') {
        cli_print_footer(output, "%s, %s mended, commit %s",
                         cli_count(result->finding_count, "finding", "findings"),
                         cli_number(result->mended_count), result->commit.id);
    } else {
        cli_print_footer(output, "%s%s", cli_count(result->finding_count, "finding", "findings"),
                         findings->count > 0 ? "; nothing was changed, --yes mends" : "");
    }
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct doctor_values *values = values_given;
    ktk_doctor_options doctor = KTK_DOCTOR_OPTIONS_INIT;
    struct findings findings = {0};
    ktk_doctor_result result = {0};
    ktk_status status;

    (void)operand_count;
    doctor.acts = values->yes;
    doctor.report = keep;
    doctor.report_state = &findings;
    status = ktk_doctor(session->store, operands[0], &doctor, &result, err);
    if (status == KTK_OK && values->json) {
        print_json(output, &findings, &result);
    } else if (status == KTK_OK) {
        print_table(output, &findings, &result);
    }
    session->exit_code = result.finding_count > result.mended_count ? EXIT_CORRUPT : EXIT_DONE;
    return status;
}

static const struct example examples[] = {
    {"ktk doctor flights", "what is wrong, if anything; the exit code is 5 then"},
    {"ktk doctor flights --yes", "mend it"},
};

const struct verb cli_doctor = {
    .name = "doctor",
    .summary = "find and mend missing files, lost partitions and missing indices",
    .operands = "DATASET",
    .description =
        "Find partitions and indices whose files are gone, and partitions that a commit wrote but "
        "the dataset does not have: a program that knows nothing of commits, such as the original "
        "kartothek, may have written the document over. What a commit of the last hour wrote is "
        "told, but not added again: it may be under way. Without --yes nothing is changed.\n\n"
        "Files that nothing names are the business of ktk gc.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct doctor_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
