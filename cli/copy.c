/* copy: a dataset under another name, or in another store. */
#include "files.h"
#include "heap.h"
#include "json.h"
#include "progress.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct copy_values {
    const char *to;
    bool json;
};

static const struct option options[] = {
    {0, "to", "URL", OPTION_TEXT, offsetof(struct copy_values, to),
     "the store to copy to; default: the same", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct copy_values, json), "print JSON", NULL},
};

static bool go_on(void *state, int64_t files, int64_t file_count, int64_t bytes) {
    (void)state;
    return cli_progress_files(files, file_count, bytes);
}

static ktk_status copy(ktk_copy_result *result, struct session *session, const char *to,
                       const char *uuid, const char *target_uuid, ktk_error *err) {
    ktk_copy_options options_given = KTK_COPY_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    ktk_store *target = NULL;
    ktk_status status = ktk_dataset_open(&dataset, session->store, uuid, err);

    options_given.progress = go_on;
    if (status == KTK_OK && to != NULL) {
        status = cli_open_url(&target, session, to, true, err);
    }
    cli_progress_begin();
    if (status == KTK_OK) {
        status = ktk_dataset_copy(target != NULL ? target : session->store, target_uuid, dataset,
                                  &options_given, result, err);
    }
    cli_progress_end();
    ktk_dataset_free(dataset);
    ktk_store_free(target);
    return status;
}

static void print_result(const struct output *output, bool is_json, const char *uuid,
                         const char *target_uuid, const ktk_copy_result *result) {
    struct json json = {.file = output->file};

    if (!is_json) {
        fprintf(output->file, "copied '%s' to '%s': %s, %s in %s, commit %s\n", uuid, target_uuid,
                cli_count(result->partition_count, "partition", "partitions"),
                cli_size(result->byte_count), cli_count(result->file_count, "file", "files"),
                result->id);
        return;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, target_uuid);
    cli_json_key(&json, "partitions");
    cli_json_number(&json, result->partition_count);
    cli_json_key(&json, "files");
    cli_json_number(&json, result->file_count);
    cli_json_key(&json, "size");
    cli_json_number(&json, result->byte_count);
    cli_json_key(&json, "commit");
    cli_json_text(&json, result->id);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct copy_values *values = values_given;
    const char *target_uuid = operand_count > 1 ? operands[1] : operands[0];
    ktk_copy_result result;
    ktk_status status;

    if (operand_count < 2 && values->to == NULL) {
        return cli_usage(session, err, "a copy needs another name, or another store by --to");
    }
    status = copy(&result, session, values->to, operands[0], target_uuid, err);
    if (status == KTK_OK) {
        print_result(output, values->json, operands[0], target_uuid, &result);
    } else if (status == KTK_E_CANCELLED && cli_was_interrupted()) {
        status = ktk_error_set(err, status, "interrupted, there is no copy");
    }
    return status;
}

static const struct example examples[] = {
    {"ktk copy flights flights-2013", "under another name"},
    {"ktk copy flights --to /backup/lake", "the same name in another store"},
};

const struct verb cli_copy_verb = {
    .name = "copy",
    .summary = "copy a dataset",
    .operands = "DATASET [NAME]",
    .description =
        "Copy a dataset as it is now, under another name or into another store. The copy appears "
        "in one step when all of its files are there; a dataset of that name must not exist. Its "
        "history begins with the copy. Within S3 and within an account of Azure Blob the service "
        "copies the files, which do not come here.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct copy_values),
    .operand_min = 1,
    .operand_max = 2,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
