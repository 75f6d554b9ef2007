/* inspect: the inside of Parquet files. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "input.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct inspect_values {
    const char *table;
    int64_t partition;
    bool json;
};

static const struct option options[] = {
    {'p', "partition", "N", OPTION_NUMBER, offsetof(struct inspect_values, partition),
     "one partition of a dataset in full, counted from 0 in the order of ktk partitions", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct inspect_values, table),
     "the table, if the dataset has several", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct inspect_values, json), "print JSON", NULL},
};

/* ---- one file in full ---- */

static void column_json(struct json *json, const ktk_parquet_column_info *column) {
    cli_json_begin_object(json);
    cli_json_key(json, "column");
    cli_json_text(json, column->path);
    cli_json_key(json, "physical_type");
    cli_json_text(json, column->physical_type);
    cli_json_key(json, "logical_type");
    cli_json_text(json, column->logical_type[0] == '\0' ? NULL : column->logical_type);
    cli_json_key(json, "codec");
    cli_json_text(json, column->codec);
    cli_json_key(json, "encodings");
    cli_json_text(json, column->encodings);
    cli_json_key(json, "values");
    cli_json_number(json, column->value_count);
    cli_json_key(json, "nulls");
    cli_json_number(json, column->null_count);
    cli_json_key(json, "uncompressed_size");
    cli_json_number(json, column->uncompressed_size);
    cli_json_key(json, "compressed_size");
    cli_json_number(json, column->compressed_size);
    cli_json_key(json, "minimum");
    cli_json_text(json, column->minimum);
    cli_json_key(json, "maximum");
    cli_json_text(json, column->maximum);
    cli_json_end_object(json);
}

static ktk_status row_group_json(struct json *json, const ktk_parquet_file *file,
                                 const ktk_parquet_info *info, int32_t row_group, ktk_error *err) {
    ktk_parquet_row_group_info group;
    ktk_parquet_column_info column;
    ktk_status status = ktk_parquet_row_group_info_get(file, row_group, &group, err);

    if (status != KTK_OK) {
        return status;
    }
    cli_json_begin_object(json);
    cli_json_key(json, "rows");
    cli_json_number(json, group.row_count);
    cli_json_key(json, "uncompressed_size");
    cli_json_number(json, group.uncompressed_size);
    cli_json_key(json, "compressed_size");
    cli_json_number(json, group.compressed_size);
    cli_json_key(json, "columns");
    cli_json_begin_array(json);
    for (int32_t i = 0; i < info->leaf_count && status == KTK_OK; i++) {
        status = ktk_parquet_column_info_get(file, row_group, i, &column, err);
        if (status == KTK_OK) {
            column_json(json, &column);
        }
    }
    cli_json_end_array(json);
    cli_json_end_object(json);
    return status;
}

static ktk_status file_json(struct json *json, const ktk_parquet_file *file, const char *name,
                            ktk_error *err) {
    ktk_status status = KTK_OK;
    ktk_parquet_info info;

    ktk_parquet_file_info(file, &info);
    cli_json_begin_object(json);
    cli_json_key(json, "file");
    cli_json_text(json, name);
    cli_json_key(json, "rows");
    cli_json_number(json, info.row_count);
    cli_json_key(json, "created_by");
    cli_json_text(json, info.created_by);
    cli_json_key(json, "version");
    cli_json_number(json, info.version);
    cli_json_key(json, "footer_size");
    cli_json_number(json, info.footer_size);
    cli_json_key(json, "row_groups");
    cli_json_begin_array(json);
    for (int32_t i = 0; i < info.row_group_count && status == KTK_OK; i++) {
        status = row_group_json(json, file, &info, i, err);
    }
    cli_json_end_array(json);
    cli_json_end_object(json);
    return status;
}

static void add_column_row(struct table *table, const ktk_parquet_column_info *column) {
    cli_table_cell(table, column->path);
    cli_table_cell(table, column->logical_type[0] == '\0'
                              ? column->physical_type
                              : cli_format("%s %s", column->physical_type, column->logical_type));
    cli_table_cell(table, column->codec);
    cli_table_cell(table, column->encodings);
    cli_table_cell_number(table, column->value_count);
    cli_table_cell(table, column->null_count < 0 ? "?" : cli_number(column->null_count));
    cli_table_cell_size(table, column->uncompressed_size);
    cli_table_cell_size(table, column->compressed_size);
    cli_table_cell(table, column->minimum == NULL ? "" : column->minimum);
    cli_table_cell(table, column->maximum == NULL ? "" : column->maximum);
}

static ktk_status print_row_group(const struct output *output, const ktk_parquet_file *file,
                                  const ktk_parquet_info *info, int32_t row_group, ktk_error *err) {
    static const struct {
        const char *name;
        enum column_kind kind;
    } headers[] = {{"column", COLUMN_TEXT},    {"type", COLUMN_TEXT},     {"codec", COLUMN_TEXT},
                   {"encodings", COLUMN_TEXT}, {"values", COLUMN_NUMBER}, {"nulls", COLUMN_NUMBER},
                   {"plain", COLUMN_NUMBER},   {"stored", COLUMN_NUMBER}, {"minimum", COLUMN_TEXT},
                   {"maximum", COLUMN_TEXT}};
    struct table table = {0};
    ktk_parquet_row_group_info group;
    ktk_parquet_column_info column;
    ktk_status status = ktk_parquet_row_group_info_get(file, row_group, &group, err);

    if (status != KTK_OK) {
        return status;
    }
    fprintf(output->file, "\nrow group %d: %s, %s plain, %s stored\n", row_group,
            cli_count(group.row_count, "row", "rows"), cli_size(group.uncompressed_size),
            cli_size(group.compressed_size));
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        cli_table_column(&table, headers[i].name, headers[i].kind);
    }
    for (int32_t i = 0; i < info->leaf_count && status == KTK_OK; i++) {
        status = ktk_parquet_column_info_get(file, row_group, i, &column, err);
        if (status == KTK_OK) {
            add_column_row(&table, &column);
        }
    }
    (void)cli_table_print(&table, output);
    return status;
}

static ktk_status print_file(const struct output *output, const ktk_parquet_file *file,
                             const char *name, ktk_error *err) {
    ktk_status status = KTK_OK;
    ktk_parquet_info info;

    ktk_parquet_file_info(file, &info);
    cli_print_fact(output, "file", "%s", name);
    cli_print_fact(output, "rows", "%s", cli_number(info.row_count));
    cli_print_fact(output, "row groups", "%s", cli_number(info.row_group_count));
    cli_print_fact(output, "columns", "%s", cli_number(info.leaf_count));
    cli_print_fact(output, "version", "%d", info.version);
    cli_print_fact(output, "footer", "%s", cli_size(info.footer_size));
    cli_print_fact(output, "created by", "%s",
                   info.created_by == NULL ? "not said" : info.created_by);
    for (int32_t i = 0; i < info.row_group_count && status == KTK_OK; i++) {
        status = print_row_group(output, file, &info, i, err);
    }
    return status;
}

static ktk_status show_file(const struct output *output, const ktk_parquet_file *file,
                            const char *name, bool as_json, ktk_error *err) {
    struct json json = {.file = output->file};
    ktk_status status;

    if (!as_json) {
        return print_file(output, file, name, err);
    }
    status = file_json(&json, file, name, err);
    cli_json_end(&json);
    return status;
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
        cli_table_cell_number(&table, items[i].info.row_group_count);
        cli_table_cell(&table, items[i].codec);
        cli_table_cell_size(&table, items[i].uncompressed_size);
        cli_table_cell_size(&table, items[i].compressed_size);
        cli_table_cell(&table, items[i].key);
        rows += items[i].info.row_count;
        size += items[i].compressed_size;
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
    ktk_status status = ktk_parquet_open_path(&file, session->context, path, err);

    if (status == KTK_OK) {
        status = show_file(output, file, path, values->json, err);
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
                      values->json, err);
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
        status = ktk_dataset_open(&dataset, session->store, operands[0], err);
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
    {"ktk inspect december.parquet", "row groups, encodings and statistics of a file"},
    {"ktk inspect flights", "the files of a dataset, a line each"},
    {"ktk inspect flights --partition 0", "the first of them in full"},
};

static const struct inspect_values defaults = {.partition = -1};

const struct verb cli_inspect = {
    .name = "inspect",
    .summary = "look into Parquet files: row groups, encodings, statistics",
    .operands = "DATASET|FILE",
    .description =
        "Show what a Parquet file consists of: row groups, and for each column chunk type, codec, "
        "encodings, nulls, sizes and the range of its values. Of a dataset, every file is one "
        "line. What has a dot or a slash in its name is a file.",
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
