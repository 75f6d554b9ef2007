/* partitions: what a dataset consists of. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"
#include "version.h"

struct partition_values {
    struct version_values state;
    const char *where;
    const char *table;
    int64_t limit;
    bool rows;
    bool json;
};

static const struct option options[] = {
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct partition_values, where),
     "partitions that may hold matching rows", NULL},
    {'n', "limit", "N", OPTION_NUMBER, offsetof(struct partition_values, limit),
     "at most N partitions", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct partition_values, table),
     "the table, if the dataset has several", NULL},
    {0, "rows", NULL, OPTION_FLAG, offsetof(struct partition_values, rows),
     "count the rows, which reads the end of every file", NULL},
    CLI_VERSION_OPTIONS(struct partition_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct partition_values, json), "print JSON", NULL},
};

struct part {
    const char *label;
    const char *file;
    const char **keys; /* values in the label, NULL where there is none */
    int64_t size;
    int64_t row_count; /* -1: not asked for */
};

struct parts {
    struct text_list keys; /* columns */
    struct part *items;
    size_t count;
    size_t total; /* with those beyond the limit */
};

/* ---- values in a label ---- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static const char *unquote(const char *text, size_t size) {
    char *plain = cli_alloc(size + 1, 1);
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

        if (low >= 0) {
            plain[used++] = (char)(16 * high + low);
            i += 2;
        } else {
            plain[used++] = text[i];
        }
    }
    return plain;
}

/* `column=value/…/name`: the value of a column, NULL if it is not in the label. */
static const char *value_in_label(const char *label, const char *column) {
    for (const char *at = label; strchr(at, '/') != NULL; at = strchr(at, '/') + 1) {
        const char *end = strchr(at, '/');
        const char *equals = memchr(at, '=', (size_t)(end - at));

        if (equals != NULL && strcmp(unquote(at, (size_t)(equals - at)), column) == 0) {
            return unquote(equals + 1, (size_t)(end - equals - 1));
        }
    }
    return NULL;
}

/* ---- facts ---- */

static ktk_status fill_part(struct part *part, const struct text_list *keys, ktk_dataset *dataset,
                            int64_t partition, const char *table, const struct file_list *files,
                            bool with_rows, ktk_error *err) {
    const char *key = ktk_dataset_partition_file(dataset, partition, table);

    part->label = ktk_dataset_partition_label(dataset, partition);
    part->file = key;
    part->size = key == NULL ? -1 : cli_files_size(files, key);
    part->row_count = -1;
    part->keys = cli_alloc(keys->count, sizeof(*part->keys));
    for (size_t i = 0; i < keys->count; i++) {
        part->keys[i] = value_in_label(part->label, keys->items[i]);
    }
    return with_rows && key != NULL
               ? cli_count_rows(&part->row_count, dataset, partition, table, err)
               : KTK_OK;
}

static ktk_status fill_parts(struct parts *parts, ktk_dataset *dataset, const int64_t *partitions,
                             const struct partition_values *values, ktk_error *err) {
    struct file_list files;
    const char *table;
    ktk_status status = cli_choose_table(&table, dataset, values->table, err);

    if (status == KTK_OK) {
        status = cli_files_list(&files, ktk_dataset_store(dataset), ktk_dataset_uuid(dataset), err);
    }
    for (int32_t i = 0; i < ktk_dataset_partition_key_count(dataset); i++) {
        cli_list_add(&parts->keys, ktk_dataset_partition_key(dataset, i));
    }
    parts->items = cli_alloc(parts->count, sizeof(*parts->items));
    for (size_t i = 0; i < parts->count && status == KTK_OK; i++) {
        int64_t partition = partitions == NULL ? (int64_t)i : partitions[i];

        status = fill_part(&parts->items[i], &parts->keys, dataset, partition, table, &files,
                           values->rows, err);
    }
    return status;
}

static ktk_status find_parts(struct parts *parts, ktk_dataset *dataset, const ktk_predicate *where,
                             const struct partition_values *values, ktk_error *err) {
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    int64_t *partitions = NULL;
    ktk_status status = KTK_OK;

    *parts = (struct parts){.total = (size_t)ktk_dataset_partition_count(dataset)};
    if (where != NULL) {
        query.where = where;
        query.table = values->table;
        status = ktk_query_partitions(&partitions, &parts->total, dataset, &query, err);
    }
    if (status == KTK_OK) {
        parts->count = values->limit >= 0 && (size_t)values->limit < parts->total
                           ? (size_t)values->limit
                           : parts->total;
        status = fill_parts(parts, dataset, partitions, values, err);
    }
    ktk_query_partitions_free(dataset, partitions, parts->total);
    return status;
}

/* ---- output ---- */

static void print_json(const struct output *output, const struct parts *parts) {
    struct json json = {.file = output->file};

    cli_json_begin_array(&json);
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "label");
        cli_json_text(&json, part->label);
        cli_json_key(&json, "file");
        cli_json_text(&json, part->file);
        cli_json_key(&json, "keys");
        cli_json_begin_object(&json);
        for (size_t j = 0; j < parts->keys.count; j++) {
            cli_json_key(&json, parts->keys.items[j]);
            cli_json_text(&json, part->keys[j]);
        }
        cli_json_end_object(&json);
        cli_json_key(&json, "size");
        cli_json_number(&json, part->size);
        if (part->row_count >= 0) {
            cli_json_key(&json, "rows");
            cli_json_number(&json, part->row_count);
        }
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

static void print_table(const struct output *output, const struct parts *parts, bool with_rows) {
    struct table table = {0};
    int64_t size = 0;
    int64_t row_count = 0;

    for (size_t i = 0; i < parts->keys.count; i++) {
        cli_table_column(&table, parts->keys.items[i], COLUMN_TEXT);
    }
    if (with_rows) {
        cli_table_column(&table, "rows", COLUMN_NUMBER);
    }
    cli_table_column(&table, "size", COLUMN_NUMBER);
    cli_table_column(&table, "file", COLUMN_PATH);
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];

        for (size_t j = 0; j < parts->keys.count; j++) {
            cli_table_cell(&table, part->keys[j]);
        }
        if (with_rows) {
            cli_table_cell(&table, part->row_count < 0 ? "" : cli_number(part->row_count));
            row_count += part->row_count < 0 ? 0 : part->row_count;
        }
        cli_table_cell(&table, part->file == NULL ? "" : cli_size(part->size));
        cli_table_cell(&table, part->file);
        size += part->size < 0 ? 0 : part->size;
    }
    (void)cli_table_print(&table, output);
    cli_print_footer(
        output, "%s%s%s%s, %s", cli_count((int64_t)parts->count, "partition", "partitions"),
        parts->count < parts->total ? " of " : "",
        parts->count < parts->total ? cli_number((int64_t)parts->total) : "",
        with_rows ? cli_format(", %s", cli_count(row_count, "row", "rows")) : "", cli_size(size));
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct partition_values *values = values_given;
    ktk_predicate *where = NULL;
    ktk_dataset *dataset = NULL;
    struct parts parts;
    ktk_status status = cli_where(&where, session, values->where, err);

    (void)operand_count;
    if (status == KTK_OK) {
        status = cli_open_dataset(&dataset, session, operands[0], &values->state, err);
    }
    if (status == KTK_OK) {
        status = find_parts(&parts, dataset, where, values, err);
    }
    if (status == KTK_OK && values->json) {
        print_json(output, &parts);
    } else if (status == KTK_OK) {
        print_table(output, &parts, values->rows);
    }
    ktk_dataset_free(dataset);
    ktk_predicate_free(where);
    return status;
}

static const struct example examples[] = {
    {"ktk partitions flights --rows", "every partition with its rows and size"},
    {"ktk partitions flights --where \"month == 12\"", "the files that a query would read"},
};

static const struct partition_values defaults = {.limit = -1};

const struct verb cli_partitions = {
    .name = "partitions",
    .summary = "list the partitions of a dataset",
    .operands = "DATASET",
    .description = "List the partitions of a dataset in their order: the values they are "
                   "partitioned by, size and file.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .defaults = &defaults,
    .values_size = sizeof(struct partition_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
