/* compact: few large files instead of many small ones. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "output.h"
#include "progress.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct compact_values {
    const char *where;
    const char *target;
    struct text_list sort_by;
    const char *compression;
    bool dry_run;
    bool json;
};

static const char *const compressions[] = {"snappy", "zstd", "lz4_raw", "gzip",
                                           "brotli", "none", NULL};

static const struct option options[] = {
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct compact_values, where),
     "compact these partitions only; on partition keys", NULL},
    {0, "target-size", "SIZE", OPTION_TEXT, offsetof(struct compact_values, target),
     "size of files to aim at, such as 64M or 1G; larger ones are left alone; default: 128M", NULL},
    {0, "sort-by", "COLUMN,...", OPTION_LIST, offsetof(struct compact_values, sort_by),
     "sort the rows of each new file by these columns, nulls last; single small files are written "
     "anew for that, too",
     NULL},
    {0, "compression", "CODEC", OPTION_TEXT, offsetof(struct compact_values, compression),
     "snappy, zstd, lz4_raw, gzip, brotli or none; default: snappy", compressions},
    {'n', "dry-run", NULL, OPTION_FLAG, offsetof(struct compact_values, dry_run),
     "only say what would be done", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct compact_values, json), "print JSON", NULL},
};

/* A number of bytes, with K, M, G or T for powers of 1024. */
static ktk_status parse_size(int64_t *out, struct session *session, const char *text,
                             ktk_error *err) {
    static const char units[] = "KMGT";
    char *end = NULL;
    double value = strtod(text, &end);
    const char *unit = end[0] != '\0' ? strchr(units, end[0]) : NULL;
    bool starts_with_digit = text[0] >= '0' && text[0] <= '9'; /* no sign, no space, no "inf" */

    for (const char *at = units; unit != NULL && at <= unit; at++) {
        value *= 1024;
    }
    if (!starts_with_digit || !(value >= 1 && value < 0x1p62) ||
        (unit == NULL ? end[0] != '\0' : end[1] != '\0')) {
        return cli_usage(session, err, "option '--target-size': '%s' is no size such as 64M", text);
    }
    *out = (int64_t)value;
    return KTK_OK;
}

static ktk_status compact(ktk_compact_result *result, struct session *session,
                          const struct compact_values *values, const char *uuid, ktk_error *err) {
    ktk_compact_options compact = KTK_COMPACT_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    ktk_status status = cli_where(&where, session, values->where, err);

    if (status == KTK_OK && values->target != NULL) {
        status = parse_size(&compact.target_bytes, session, values->target, err);
    }
    if (status == KTK_OK && values->compression != NULL) {
        status = ktk_compression_parse(&compact.file.compression, values->compression, err);
    }
    compact.where = where;
    compact.sort_by = values->sort_by.items;
    compact.sort_by_count = values->sort_by.count;
    compact.dry_run = values->dry_run;
    compact.progress = cli_progress_update;
    if (status == KTK_OK) {
        cli_progress_begin();
        status = ktk_compact(result, session->store, uuid, &compact, err);
        cli_progress_end();
    }
    ktk_predicate_free(where);
    return status;
}

static void print_text(const struct output *output, const struct compact_values *values,
                       const char *uuid, const ktk_compact_result *result) {
    const char *partitions = cli_count(result->input_count, "partition", "partitions");
    const char *files = cli_size(result->input_bytes);

    if (result->input_count == 0) {
        fprintf(output->file, "nothing to compact in '%s'\n", uuid);
    } else if (values->dry_run) {
        fprintf(output->file, "would compact %s (%s) of '%s' into %lld\n", partitions, files, uuid,
                (long long)result->group_count);
    } else {
        fprintf(output->file, "compacted %s (%s) of '%s' into %lld, commit %s\n", partitions, files,
                uuid, (long long)result->commit.partition_count, result->commit.id);
    }
}

static void print_json(const struct output *output, const struct compact_values *values,
                       const char *uuid, const ktk_compact_result *result) {
    struct json json = {.file = output->file};
    bool is_done = result->commit.id[0] != '\0';

    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, uuid);
    cli_json_key(&json, "dry_run");
    cli_json_bool(&json, values->dry_run);
    cli_json_key(&json, "partitions_before");
    cli_json_number(&json, result->input_count);
    cli_json_key(&json, "bytes_before");
    cli_json_number(&json, result->input_bytes);
    cli_json_key(&json, "partitions_after");
    cli_json_number(&json, is_done ? result->commit.partition_count : result->group_count);
    cli_json_key(&json, "rows");
    cli_json_number(&json, result->commit.row_count);
    cli_json_key(&json, "commit");
    cli_json_text(&json, is_done ? result->commit.id : NULL);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status print(struct session *session, const void *values, const char *const *operands,
                        int operand_count, const struct output *output, ktk_error *err) {
    const struct compact_values *compact_values = values;
    ktk_compact_result result;
    ktk_status status = compact(&result, session, values, operands[0], err);

    (void)operand_count;
    if (status == KTK_OK && compact_values->json) {
        print_json(output, compact_values, operands[0], &result);
    } else if (status == KTK_OK) {
        print_text(output, compact_values, operands[0], &result);
    } else if (status == KTK_E_CANCELLED && cli_was_interrupted()) {
        status = ktk_error_set(err, status, "interrupted, nothing was changed");
    }
    return status;
}

static const struct example examples[] = {
    {"ktk compact flights --dry-run", "how many files would become how many"},
    {"ktk compact flights --where 'month == 3' --sort-by carrier",
     "one month, in an order by which readers skip row groups"},
};

const struct verb cli_compact = {
    .name = "compact",
    .summary = "put the rows of many small files into few larger ones",
    .operands = "DATASET",
    .description =
        "Partitions of the same partition key values are put together, in the order of the "
        "dataset, "
        "up to the target size. Rows and indices stay what they are; others may read and write "
        "meanwhile. The old files stay until they are collected.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct compact_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
