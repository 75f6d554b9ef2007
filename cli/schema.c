/* schema: the columns of a table or a Parquet file. */
#include <string.h>

#include "heap.h"
#include "input.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"
#include "version.h"

struct schema_values {
    struct version_values state;
    const char *table;
    bool json;
};

static const struct option options[] = {
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct schema_values, table),
     "the table, if the dataset has several", NULL},
    CLI_VERSION_OPTIONS(struct schema_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct schema_values, json), "print JSON", NULL},
};

static const char *type_text(const struct ArrowSchema *column) {
    char text[1024];

    (void)ktk_format_type(column, text, sizeof(text));
    return cli_copy(text, strlen(text));
}

/* A file has no dataset. */
static bool is_key(const ktk_dataset *dataset, const char *column) {
    for (int32_t i = 0; dataset != NULL && i < ktk_dataset_partition_key_count(dataset); i++) {
        if (strcmp(ktk_dataset_partition_key(dataset, i), column) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_indexed(const ktk_dataset *dataset, const char *column) {
    for (int32_t i = 0; dataset != NULL && i < ktk_dataset_index_count(dataset); i++) {
        if (strcmp(ktk_dataset_index_column(dataset, i), column) == 0) {
            return true;
        }
    }
    return false;
}

static void print_json(const struct output *output, const ktk_dataset *dataset,
                       const struct ArrowSchema *schema) {
    struct json json = {.file = output->file};

    cli_json_begin_array(&json);
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *column = schema->children[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "column");
        cli_json_text(&json, column->name);
        cli_json_key(&json, "type");
        cli_json_text(&json, type_text(column));
        if (dataset != NULL) {
            cli_json_key(&json, "partition_key");
            cli_json_bool(&json, is_key(dataset, column->name));
            cli_json_key(&json, "indexed");
            cli_json_bool(&json, is_indexed(dataset, column->name));
        }
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

static void print_table(const struct output *output, const ktk_dataset *dataset,
                        const struct ArrowSchema *schema) {
    struct table table = {0};

    cli_table_column(&table, "column", COLUMN_TEXT);
    cli_table_column(&table, "type", COLUMN_TEXT);
    if (dataset != NULL) {
        cli_table_column(&table, "role", COLUMN_TEXT);
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *column = schema->children[i];

        cli_table_cell(&table, column->name);
        cli_table_cell(&table, type_text(column));
        if (dataset != NULL) {
            cli_table_cell(&table, is_key(dataset, column->name)       ? "partition key"
                                   : is_indexed(dataset, column->name) ? "indexed"
                                                                       : "");
        }
    }
    (void)cli_table_print(&table, output);
    cli_print_footer(output, "%s", cli_count(schema->n_children, "column", "columns"));
}

static ktk_status schema_of_file(struct ArrowSchema *out, struct session *session,
                                 const struct schema_values *values, const char *path,
                                 ktk_error *err) {
    ktk_parquet_file *file = NULL;
    ktk_status status = cli_refuse_version(session, &values->state, path, err);

    if (status == KTK_OK && values->table != NULL) {
        status = cli_usage(session, err, "--table is for datasets, and '%s' is a file", path);
    }
    if (status == KTK_OK) {
        status = ktk_parquet_open_path(&file, session->context, path, err);
    }
    if (status == KTK_OK) {
        status = ktk_parquet_file_schema(file, out, err);
    }
    ktk_parquet_file_free(file);
    return status;
}

static ktk_status schema_of_dataset(struct ArrowSchema *out, ktk_dataset **dataset,
                                    struct session *session, const struct schema_values *values,
                                    const char *uuid, ktk_error *err) {
    ktk_status status = cli_open_store(session, false, err);

    if (status == KTK_OK) {
        status = cli_open_dataset(dataset, session, uuid, &values->state, err);
    }
    if (status == KTK_OK) {
        status = ktk_dataset_schema(*dataset, values->table, out, err);
    }
    return status;
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct schema_values *values = values_given;
    struct ArrowSchema schema = {.release = NULL};
    ktk_dataset *dataset = NULL;
    ktk_status status =
        cli_is_file(operands[0])
            ? schema_of_file(&schema, session, values, operands[0], err)
            : schema_of_dataset(&schema, &dataset, session, values, operands[0], err);

    (void)operand_count;
    if (status == KTK_OK && values->json) {
        print_json(output, dataset, &schema);
    } else if (status == KTK_OK) {
        print_table(output, dataset, &schema);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    ktk_dataset_free(dataset);
    return status;
}

static const struct example examples[] = {
    {"ktk schema flights", "columns and types"},
    {"ktk schema december.parquet", "those of a file"},
};

const struct verb cli_schema = {
    .name = "schema",
    .summary = "show the columns of a dataset or a Parquet file and their types",
    .operands = "DATASET|FILE",
    .description = "Show the columns of a table, partition keys first, then by name, as every "
                   "partition gives them; of a Parquet file in its own order. What has a dot or a "
                   "slash in its name is a file.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct schema_values),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_DATASET_OR_FILE,
    .print = print,
};
