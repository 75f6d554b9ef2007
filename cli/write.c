/* write: a dataset from files. */
#include <string.h>

#include "heap.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "progress.h"
#include "render.h"
#include "verbs.h"

#define EXIT_INTERRUPTED 130

struct write_values {
    struct text_list partition_on;
    bool overwrite;
    const char *table;
    const char *compression;
    struct text_list bloom;
    struct text_list sorted_by;
    const char *metadata;
    const char *input_format;
    char delimiter;
    bool no_header;
    struct text_list types;
    struct text_list nulls;
    bool json;
};

static const char *const compressions[] = {"snappy", "zstd", "lz4_raw", "gzip",
                                           "brotli", "none", NULL};
static const char *const input_formats[] = {"csv", "parquet", NULL};

static const struct option options[] = {
    {'p', "partition-on", "COLUMN,...", OPTION_LIST, offsetof(struct write_values, partition_on),
     "one partition for each combination of values of these columns", NULL},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(struct write_values, overwrite),
     "replace the dataset if there is one", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct write_values, table),
     "name of the table; default: table", NULL},
    {0, "compression", "CODEC", OPTION_TEXT, offsetof(struct write_values, compression),
     "snappy, zstd, lz4_raw, gzip, brotli or none; default: snappy", compressions},
    {0, "bloom", "COLUMN,...", OPTION_LIST, offsetof(struct write_values, bloom),
     "Bloom filters for these columns, by which readers pass over row groups without a value; "
     "parts "
     "of nested columns by path, such as tags.list.item",
     NULL},
    {0, "sorted-by", "COLUMN,...", OPTION_LIST, offsetof(struct write_values, sorted_by),
     "note in the files that their rows are sorted by these columns, ascending, nulls last; it is "
     "not checked",
     NULL},
    {0, "metadata", "JSON", OPTION_TEXT, offsetof(struct write_values, metadata),
     "a JSON object to keep with the dataset", NULL},
    {0, "input-format", "FORMAT", OPTION_TEXT, offsetof(struct write_values, input_format),
     "csv or parquet; default: by the suffix of each file, csv for standard input", input_formats},
    {'d', "delimiter", "CHARACTER", OPTION_CHARACTER, offsetof(struct write_values, delimiter),
     "between the fields of CSV; default: ',', a tab for .tsv; \\t for a tab", NULL},
    {0, "no-header", NULL, OPTION_FLAG, offsetof(struct write_values, no_header),
     "CSV has no line of names; the columns are called column_0 and so on", NULL},
    {0, "type", "COLUMN=TYPE", OPTION_TEXTS, offsetof(struct write_values, types),
     "type of a column of CSV instead of the one found: bool, int8 to int64, uint8 to uint64, "
     "float, double, string, binary, date32, timestamp[us]",
     NULL},
    {0, "null", "TEXT", OPTION_TEXTS, offsetof(struct write_values, nulls),
     "a text that means null in CSV unless quoted; default: nothing, NA, NULL, null, NaN, nan",
     NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct write_values, json), "print JSON", NULL},
};

struct job {
    struct session *session;
    const struct write_values *values;
    const char *uuid;
    struct input *inputs;
    size_t input_count;
    struct text_list type_columns;
    struct text_list type_names;
};

/* `column=type`, cut at the last '=', which no type has. */
static ktk_status split_types(struct job *job, ktk_error *err) {
    for (size_t i = 0; i < job->values->types.count; i++) {
        const char *text = job->values->types.items[i];
        const char *equals = strrchr(text, '=');

        if (equals == NULL || equals == text || equals[1] == '\0') {
            return cli_usage(job->session, err, "option '--type': '%s' is not COLUMN=TYPE", text);
        }
        cli_list_add(&job->type_columns, cli_copy(text, (size_t)(equals - text)));
        cli_list_add(&job->type_names, equals + 1);
    }
    return KTK_OK;
}

static ktk_status find_inputs(struct job *job, const char *const *paths, size_t count,
                              ktk_error *err) {
    ktk_status status = KTK_OK;
    bool has_standard_input = false;

    job->inputs = cli_alloc(count, sizeof(*job->inputs));
    job->input_count = count;
    for (size_t i = 0; i < count && status == KTK_OK; i++) {
        if (has_standard_input && strcmp(paths[i], "-") == 0) {
            return cli_usage(job->session, err, "standard input can be read once only");
        }
        has_standard_input = has_standard_input || strcmp(paths[i], "-") == 0;
        status = cli_input_init(&job->inputs[i], job->session, paths[i], job->values->input_format,
                                job->values->delimiter, err);
        if (status == KTK_OK) {
            status = cli_input_check(&job->inputs[i], err);
        }
    }
    return status;
}

/* The arrays are never freed: the update needs them to its end. */
static void choose_columns(ktk_parquet_write_options *out, const struct write_values *values) {
    ktk_parquet_column_options *columns = cli_alloc(values->bloom.count, sizeof(*columns));
    ktk_parquet_sorting_column *sorting = cli_alloc(values->sorted_by.count, sizeof(*sorting));

    for (size_t i = 0; i < values->bloom.count; i++) {
        columns[i] =
            (ktk_parquet_column_options){.path = values->bloom.items[i], .bloom_filter = true};
    }
    for (size_t i = 0; i < values->sorted_by.count; i++) {
        sorting[i] = (ktk_parquet_sorting_column){.path = values->sorted_by.items[i]};
    }
    out->columns = columns;
    out->column_count = values->bloom.count;
    out->sorting = sorting;
    out->sorting_count = values->sorted_by.count;
}

static ktk_status begin_update(ktk_update **out, const struct job *job, ktk_error *err) {
    const struct write_values *values = job->values;
    ktk_update_options update = KTK_UPDATE_OPTIONS_INIT;
    ktk_status status = KTK_OK;

    update.mode = values->overwrite ? KTK_UPDATE_OVERWRITE : KTK_UPDATE_CREATE;
    update.table = values->table;
    update.partition_on = values->partition_on.items;
    update.partition_on_count = values->partition_on.count;
    update.metadata = values->metadata;
    update.progress = cli_progress_update;
    choose_columns(&update.file, values);
    if (values->compression != NULL) {
        status = ktk_compression_parse(&update.file.compression, values->compression, err);
    }
    return status != KTK_OK ? status
                            : ktk_update_begin(out, job->session->store, job->uuid, &update, err);
}

static ktk_status add_input(ktk_update *update, const struct job *job, const struct input *input,
                            ktk_error *err) {
    ktk_csv_read_options csv = KTK_CSV_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    int64_t row_count = -1;
    ktk_status status;

    csv.no_header = job->values->no_header;
    csv.null_values = job->values->nulls.items;
    csv.null_value_count = job->values->nulls.count;
    csv.type_columns = job->type_columns.items;
    csv.type_names = job->type_names.items;
    csv.type_count = job->type_columns.count;
    status = cli_input_open(&stream, job->session, input, &csv, &row_count, err);
    if (status == KTK_OK) {
        cli_progress_expect(row_count);
        status = ktk_update_add(update, &stream, NULL, err);
    }
    return status;
}

static void print_commit(const struct output *output, const struct job *job,
                         const ktk_commit *commit) {
    struct json json = {.file = output->file};

    if (!job->values->json) {
        fprintf(output->file, "wrote '%s': %s in %s, commit %s\n", job->uuid,
                cli_count(commit->row_count, "row", "rows"),
                cli_count(commit->partition_count, "partition", "partitions"), commit->id);
        return;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, job->uuid);
    cli_json_key(&json, "rows");
    cli_json_number(&json, commit->row_count);
    cli_json_key(&json, "partitions");
    cli_json_number(&json, commit->partition_count);
    cli_json_key(&json, "commit");
    cli_json_text(&json, commit->id);
    cli_json_key(&json, "attempts");
    cli_json_number(&json, commit->attempts);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status write_dataset(const struct job *job, ktk_commit *commit, ktk_error *err) {
    ktk_update *update = NULL;
    ktk_status status = begin_update(&update, job, err);

    cli_progress_begin();
    for (size_t i = 0; i < job->input_count && status == KTK_OK; i++) {
        status = add_input(update, job, &job->inputs[i], err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, commit, err);
    }
    cli_progress_end();
    ktk_update_free(update);
    return status;
}

static int run(struct session *session, const void *values, const char *const *operands,
               int operand_count) {
    struct job job = {.session = session, .values = values, .uuid = operands[0]};
    struct output output = {0};
    ktk_commit commit;
    ktk_error err = {0};
    ktk_status status = split_types(&job, &err);

    if (status == KTK_OK) {
        status = find_inputs(&job, operands + 1, (size_t)operand_count - 1, &err);
    }
    if (status == KTK_OK) {
        status = cli_open_store(session, true, &err);
    }
    if (status == KTK_OK) {
        status = write_dataset(&job, &commit, &err);
    }
    if (status == KTK_E_CANCELLED && cli_was_interrupted()) {
        (void)ktk_error_set(&err, status, "interrupted, nothing was written");
        (void)cli_fail(session, status, &err);
        return EXIT_INTERRUPTED;
    }
    if (status == KTK_OK) {
        status = cli_output_open(&output, NULL, &err);
    }
    if (status == KTK_OK) {
        print_commit(&output, &job, &commit);
        status = cli_output_finish(&output, &err);
    }
    cli_output_clear(&output);
    return status == KTK_OK ? EXIT_DONE : cli_fail(session, status, &err);
}

static const struct example examples[] = {
    {"ktk write flights flights.csv --partition-on month,day",
     "a dataset with a partition for each day"},
    {"ktk write sales 2019.csv 2020.parquet --type zip=string",
     "from two files; zip codes stay texts"},
    {"ktk write events events.parquet --bloom user,session",
     "readers that look for a user skip row groups without one"},
    {"zcat log.csv.gz | ktk write log -", "from standard input"},
};

const struct verb cli_write = {
    .name = "write",
    .summary = "create a dataset from CSV and Parquet files",
    .operands = "DATASET FILE...",
    .description =
        "Create a dataset from files, or from standard input with the file name '-'. Every file is "
        "one partition, split further by --partition-on. The dataset appears in one step when "
        "everything is written; without --overwrite it must not exist yet.\n\n"
        "The types of the columns of CSV are found by looking at all values: whole numbers, "
        "floating-point numbers, true and false, dates such as 2020-01-31, times such as "
        "2020-01-31 12:30:00, else text.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct write_values),
    .operand_min = 2,
    .operand_max = -1,
    .first = OPERAND_DATASET,
    .others = OPERAND_FILE,
    .run = run,
};
