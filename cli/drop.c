/* drop: remove a dataset. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct drop_values {
    bool dry_run;
    bool yes;
    bool json;
};

static const struct option options[] = {
    {'n', "dry-run", NULL, OPTION_FLAG, offsetof(struct drop_values, dry_run),
     "only say what would be removed, which is also what happens without --yes", NULL},
    {'y', "yes", NULL, OPTION_FLAG, offsetof(struct drop_values, yes), "remove it", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct drop_values, json), "print JSON", NULL},
};

/* What goes with a dataset: all in its folder, its documents, and indices of old kartotheks beside
 * them. */
static bool belongs(const char *key, const char *uuid) {
    static const char *const suffixes[] = {".by-dataset-metadata.json",
                                           ".by-dataset-metadata.msgpack.zstd",
                                           ".by-dataset-index.parquet"};
    size_t size = strlen(key);

    if (key[strlen(uuid)] == '/') {
        return true;
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t suffix_size = strlen(suffixes[i]);

        if (size >= suffix_size && strcmp(key + size - suffix_size, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void print_result(const struct output *output, const struct drop_values *values,
                         const char *uuid, int64_t count, int64_t size) {
    struct json json = {.file = output->file};

    if (!values->json) {
        fprintf(output->file, "%s '%s': %s, %s%s\n", values->yes ? "removed" : "would remove", uuid,
                cli_count(count, "file", "files"), cli_size(size),
                values->yes ? "" : "; nothing was changed, --yes does it");
        return;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, uuid);
    cli_json_key(&json, "removed");
    cli_json_bool(&json, values->yes);
    cli_json_key(&json, "files");
    cli_json_number(&json, count);
    cli_json_key(&json, "size");
    cli_json_number(&json, size);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct drop_values *values = values_given;
    const char *uuid = operands[0];
    struct file_list files = {0};
    int64_t count = 0;
    int64_t size = 0;
    bool exists = false;
    ktk_status status;

    (void)operand_count;
    if (values->yes && values->dry_run) {
        return cli_usage(session, err, "--yes and --dry-run are given, and only one can be meant");
    }
    status = ktk_dataset_exists(&exists, session->store, uuid, err);
    if (status == KTK_OK && !exists) {
        status = ktk_error_set(err, KTK_E_NOT_FOUND, "there is no dataset '%s' in store '%s'", uuid,
                               ktk_store_name(session->store));
    }
    if (status == KTK_OK) {
        status = cli_files_list(&files, session->store, uuid, err);
    }
    for (size_t i = 0; i < files.count; i++) {
        if (belongs(files.items[i].key, uuid)) {
            count++;
            size += files.items[i].size > 0 ? files.items[i].size : 0;
        }
    }
    if (status == KTK_OK && values->yes) {
        status = ktk_dataset_drop(session->store, uuid, err);
    }
    if (status == KTK_OK) {
        print_result(output, values, uuid, count, size);
    }
    return status;
}

static const struct example examples[] = {
    {"ktk drop flights", "how much would go"},
    {"ktk drop flights --yes", "remove the dataset"},
};

const struct verb cli_drop = {
    .name = "drop",
    .summary = "remove a dataset",
    .operands = "DATASET",
    .description =
        "Remove a dataset with all its files and versions. Its document goes first, so that nobody "
        "sees half of it. There is no way back; without --yes nothing is removed.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct drop_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
