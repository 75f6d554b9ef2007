/* inspect: the inside of Parquet files. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "input.h"
#include "inspect.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"
#include "version.h"

struct inspect_values {
    struct version_values state;
    const char *table;
    int64_t partition;
    bool pages;
    bool json;
};

static const struct option options[] = {
    {'p', "partition", "N", OPTION_NUMBER, offsetof(struct inspect_values, partition),
     "one partition of a dataset in full, counted from 0 in the order of ktk partitions", NULL},
    {0, "pages", NULL, OPTION_FLAG, offsetof(struct inspect_values, pages),
     "every page of every column chunk too", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct inspect_values, table),
     "the table, if the dataset has several", NULL},
    CLI_VERSION_OPTIONS(struct inspect_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct inspect_values, json), "print JSON", NULL},
};

static ktk_status show_file(const struct output *output, ktk_parquet_file *file, const char *name,
                            const struct inspect_values *values, ktk_error *err) {
    return values->json ? cli_inspect_json(output, file, name, values->pages, err)
                        : cli_inspect_text(output, file, name, values->pages, err);
}

/* ---- all files of a dataset, a line each ---- */

struct summary {
    const char *key;
    ktk_parquet_info info;
    const char *codec; /* of the first column chunk */
    int64_t uncompressed_size;
    int64_t compressed_size;
};

static ktk_status summarise(struct summary *out, const ktk_parquet_file *file, ktk_error *err) {
    ktk_status status = KTK_OK;

    ktk_parquet_file_info(file, &out->info);
    out->info.created_by = NULL; /* goes with the file */
    out->codec = "";
    for (int32_t i = 0; i < out->info.row_group_count && status == KTK_OK; i++) {
        ktk_parquet_row_group_info group;

        status = ktk_parquet_row_group_info_get(file, i, &group, err);
        if (status == KTK_OK) {
            out->uncompressed_size += group.uncompressed_size;
            out->compressed_size += group.compressed_size;
        }
    }
    if (status == KTK_OK && out->info.row_group_count > 0 && out->info.leaf_count > 0) {
        ktk_parquet_column_info column;

        status = ktk_parquet_column_info_get(file, 0, 0, &column, err);
        out->codec = status == KTK_OK ? cli_copy(column.codec, strlen(column.codec)) : "";
    }
    return status;
}

/* There is nothing to see inside but rows. */
static ktk_status summarise_csv(struct summary *out, ktk_dataset *dataset, int64_t partition,
                                const char *table, ktk_error *err) {
    out->codec = "CSV";
    out->info.row_group_count = -1;
    out->uncompressed_size = -1;
    out->compressed_size = -1;
    return cli_count_rows(&out->info.row_count, dataset, partition, table, err);
}

static void print_summaries(const struct output *output, const struct summary *items,
                            size_t count) {
    struct table table = {0};
    int64_t rows = 0;
    int64_t size = 0;

    cli_table_column(&table, "rows", COLUMN_NUMBER);
    cli_table_column(&table, "row groups", COLUMN_NUMBER);
    cli_table_column(&table, "codec", COLUMN_TEXT);
    cli_table_column(&table, "plain", COLUMN_NUMBER);
    cli_table_column(&table, "stored", COLUMN_NUMBER);
    cli_table_column(&table, "file", COLUMN_PATH);
    for (size_t i = 0; i < count; i++) {
        cli_table_cell_number(&table, items[i].info.row_count);
        cli_table_cell(&table, items[i].info.row_group_count < 0
                                   ? ""
                                   : cli_number(items[i].info.row_group_count));
        cli_table_cell(&table, items[i].codec);
        cli_table_cell_size(&table, items[i].uncompressed_size);
        cli_table_cell_size(&table, items[i].compressed_size);
        cli_table_cell(&table, items[i].key);
        rows += items[i].info.row_count;
        size += items[i].compressed_size < 0 ? 0 : items[i].compressed_size;
    }
    (void)cli_table_print(&table, output);
    cli_print_footer(output, "%s, %s, %s; one in full with --partition N",
                     cli_count((int64_t)count, "file", "files"), cli_count(rows, "row", "rows"),
                     cli_size(size));
}

static void summaries_json(const struct output *output, const struct summary *items, size_t count) {
    struct json json = {.file = output->file};

    cli_json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        cli_json_begin_object(&json);
        cli_json_key(&json, "file");
        cli_json_text(&json, items[i].key);
        cli_json_key(&json, "rows");
        cli_json_number(&json, items[i].info.row_count);
        cli_json_key(&json, "row_groups");
        cli_json_number(&json, items[i].info.row_group_count);
        cli_json_key(&json, "codec");
        cli_json_text(&json, items[i].codec);
        cli_json_key(&json, "uncompressed_size");
        cli_json_number(&json, items[i].uncompressed_size);
        cli_json_key(&json, "compressed_size");
        cli_json_number(&json, items[i].compressed_size);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

static ktk_status show_dataset(const struct output *output, ktk_dataset *dataset, const char *table,
                               bool as_json, ktk_error *err) {
    int64_t partition_count = ktk_dataset_partition_count(dataset);
    struct summary *items = cli_alloc((size_t)partition_count, sizeof(*items));
    ktk_status status = KTK_OK;
    size_t count = 0;

    for (int64_t i = 0; i < partition_count && status == KTK_OK; i++) {
        ktk_parquet_file *file = NULL;

        items[count].key = ktk_dataset_partition_file(dataset, i, table);
        if (items[count].key == NULL) {
            continue;
        }
        status = ktk_dataset_open_partition(&file, dataset, i, table, err);
        if (status == KTK_OK) {
            status = summarise(&items[count++], file, err);
        } else if (status == KTK_E_UNSUPPORTED) {
            status = summarise_csv(&items[count++], dataset, i, table, err);
        }
        ktk_parquet_file_free(file);
    }
    if (status == KTK_OK && as_json) {
        summaries_json(output, items, count);
    } else if (status == KTK_OK) {
        print_summaries(output, items, count);
    }
    return status;
}

/* ---- the verb ---- */

static ktk_status inspect_path(struct session *session, const struct inspect_values *values,
                               const char *path, const struct output *output, ktk_error *err) {
    ktk_parquet_file *file = NULL;
    ktk_status status = cli_refuse_version(session, &values->state, path, err);

    if (status == KTK_OK) {
        status = ktk_parquet_open_path(&file, session->context, path, err);
    }
    if (status == KTK_OK) {
        status = show_file(output, file, path, values, err);
    }
    ktk_parquet_file_free(file);
    return status;
}

static ktk_status inspect_partition(const struct inspect_values *values, ktk_dataset *dataset,
                                    const char *table, const struct output *output,
                                    ktk_error *err) {
    ktk_parquet_file *file = NULL;
    ktk_status status = KTK_OK;

    if (values->partition >= ktk_dataset_partition_count(dataset)) {
        return ktk_error_set(
            err, KTK_E_NOT_FOUND, "dataset '%s' has %lld partitions, there is no number %lld",
            ktk_dataset_uuid(dataset), (long long)ktk_dataset_partition_count(dataset),
            (long long)values->partition);
    }
    status = ktk_dataset_open_partition(&file, dataset, values->partition, table, err);
    if (status == KTK_OK) {
        status =
            show_file(output, file, ktk_dataset_partition_file(dataset, values->partition, table),
                      values, err);
    }
    ktk_parquet_file_free(file);
    return status;
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct inspect_values *values = values_given;
    ktk_dataset *dataset = NULL;
    const char *table;
    ktk_status status;

    (void)operand_count;
    if (cli_is_file(operands[0])) {
        return inspect_path(session, values, operands[0], output, err);
    }
    status = cli_open_store(session, false, err);
    if (status == KTK_OK) {
        status = cli_open_dataset(&dataset, session, operands[0], &values->state, err);
    }
    if (status == KTK_OK) {
        status = cli_choose_table(&table, dataset, values->table, err);
    }
    if (status == KTK_OK && values->partition >= 0) {
        status = inspect_partition(values, dataset, table, output, err);
    } else if (status == KTK_OK) {
        status = show_dataset(output, dataset, table, values->json, err);
    }
    ktk_dataset_free(dataset);
    return status;
}

static const struct example examples[] = {
    {"ktk inspect december.parquet", "schema, row groups, encodings and statistics of a file"},
    {"ktk inspect december.parquet --pages --json", "everything, with exact sizes"},
    {"ktk inspect flights", "the files of a dataset, a line each"},
    {"ktk inspect flights --partition 0", "the first of them in full"},
};

static const struct inspect_values defaults = {.partition = -1};

const struct verb cli_inspect = {
    .name = "inspect",
    .summary = "look into Parquet files: row groups, encodings, statistics",
    .operands = "DATASET|FILE",
    .description =
        "Show what a Parquet file consists of: schema, metadata, row groups, and for each column "
        "chunk type, codec, encodings, nulls, sizes, indices and the range of its values; with "
        "--pages the same for each page, and whether its checksum is right. Of a dataset, every "
        "file is one line. What has a dot or a slash in its name is a file.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .defaults = &defaults,
    .values_size = sizeof(struct inspect_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET_OR_FILE,
    .print = print,
};
