/* stats: how much there is in the files of a dataset, out of their ends. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"
#include "version.h"

struct stats_values {
    struct version_values state;
    const char *where;
    const char *table;
    bool row_groups;
    bool json;
};

static const struct option options[] = {
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct stats_values, where),
     "partitions that may hold matching rows", NULL},
    {'t', "table", "NAME", OPTION_TEXT, offsetof(struct stats_values, table),
     "the table, if the dataset has several", NULL},
    {0, "row-groups", NULL, OPTION_FLAG, offsetof(struct stats_values, row_groups),
     "each row group instead of each partition", NULL},
    CLI_VERSION_OPTIONS(struct stats_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct stats_values, json), "print JSON", NULL},
};

/* A row group, or all of a partition. */
struct entry {
    const char *label;
    int64_t row_group; /* -1: all */
    int64_t row_groups;
    int64_t rows;
    int64_t compressed;
    int64_t uncompressed;
    int64_t footer;
};

struct collected {
    struct entry *items;
    size_t count;
    bool is_by_row_group;
    int64_t partitions;
    struct entry total;
};

static void add(struct entry *to, const ktk_row_group_statistics *group) {
    to->row_groups += group->row_group >= 0;
    to->rows += group->row_count;
    to->compressed += group->compressed_size;
    to->uncompressed += group->uncompressed_size;
    to->footer += group->row_group <= 0 ? group->footer_size : 0; /* one a file */
}

static ktk_status keep(void *state, const ktk_row_group_statistics *group, ktk_error *err) {
    struct collected *collected = state;
    bool is_first = group->row_group <= 0;

    (void)err;
    if (is_first || collected->is_by_row_group) {
        collected->items = cli_grow(collected->items, collected->count, sizeof(*collected->items));
        collected->items[collected->count++] =
            (struct entry){.label = cli_copy(group->label, strlen(group->label)),
                           .row_group = collected->is_by_row_group ? group->row_group : -1};
    }
    collected->partitions += is_first;
    add(&collected->items[collected->count - 1], group);
    add(&collected->total, group);
    return KTK_OK;
}

/* ---- output ---- */

static void print_members(struct json *json, const struct entry *entry) {
    cli_json_key(json, "row_groups");
    cli_json_number(json, entry->row_groups);
    cli_json_key(json, "rows");
    cli_json_number(json, entry->rows);
    cli_json_key(json, "compressed_size");
    cli_json_number(json, entry->compressed);
    cli_json_key(json, "uncompressed_size");
    cli_json_number(json, entry->uncompressed);
    cli_json_key(json, "footer_size");
    cli_json_number(json, entry->footer);
}

static void print_json(const struct output *output, const struct collected *collected) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    cli_json_key(&json, "partitions");
    cli_json_number(&json, collected->partitions);
    print_members(&json, &collected->total);
    cli_json_key(&json, collected->is_by_row_group ? "each_row_group" : "each_partition");
    cli_json_begin_array(&json);
    for (size_t i = 0; i < collected->count; i++) {
        const struct entry *entry = &collected->items[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "partition");
        cli_json_text(&json, entry->label);
        if (collected->is_by_row_group) {
            cli_json_key(&json, "row_group");
            cli_json_number(&json, entry->row_group);
        }
        print_members(&json, entry);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static void print_table(const struct output *output, const struct collected *collected) {
    struct table table = {0};

    cli_table_column(&table, "partition", COLUMN_PATH);
    cli_table_column(&table, collected->is_by_row_group ? "row group" : "row groups",
                     COLUMN_NUMBER);
    cli_table_column(&table, "rows", COLUMN_NUMBER);
    cli_table_column(&table, "compressed", COLUMN_NUMBER);
    cli_table_column(&table, "uncompressed", COLUMN_NUMBER);
    cli_table_column(&table, "footer", COLUMN_NUMBER);
    for (size_t i = 0; i < collected->count; i++) {
        const struct entry *entry = &collected->items[i];

        cli_table_cell(&table, entry->label);
        cli_table_cell_number(&table,
                              collected->is_by_row_group ? entry->row_group : entry->row_groups);
        cli_table_cell_number(&table, entry->rows);
        cli_table_cell_size(&table, entry->compressed);
        cli_table_cell_size(&table, entry->uncompressed);
        cli_table_cell_size(&table, entry->footer);
    }
    if (collected->count > 0) {
        (void)cli_table_print(&table, output);
    }
    cli_print_footer(output, "%s in %s of %s, %s compressed, %s uncompressed, %s of footers",
                     cli_count(collected->total.rows, "row", "rows"),
                     cli_count(collected->total.row_groups, "row group", "row groups"),
                     cli_count(collected->partitions, "partition", "partitions"),
                     cli_size(collected->total.compressed), cli_size(collected->total.uncompressed),
                     cli_size(collected->total.footer));
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct stats_values *values = values_given;
    ktk_statistics_options statistics = KTK_STATISTICS_OPTIONS_INIT;
    struct collected collected = {.is_by_row_group = values->row_groups};
    ktk_dataset *dataset = NULL;
    ktk_predicate *where = NULL;
    ktk_status status = cli_where(&where, session, values->where, err);

    (void)operand_count;
    if (status == KTK_OK) {
        status = cli_open_dataset(&dataset, session, operands[0], &values->state, err);
    }
    if (status == KTK_OK && values->table != NULL) {
        status = cli_choose_table(&statistics.table, dataset, values->table, err);
    }
    statistics.where = where;
    if (status == KTK_OK) {
        status = ktk_dataset_statistics(dataset, &statistics, keep, &collected, err);
    }
    if (status == KTK_OK && values->json) {
        print_json(output, &collected);
    } else if (status == KTK_OK) {
        print_table(output, &collected);
    }
    ktk_dataset_free(dataset);
    ktk_predicate_free(where);
    return status;
}

static const struct example examples[] = {
    {"ktk stats flights", "which partitions are large, which have many row groups"},
    {"ktk stats flights --row-groups --json", "everything, for a script"},
};

const struct verb cli_stats = {
    .name = "stats",
    .summary = "show rows, row groups and sizes of the partitions of a dataset",
    .operands = "DATASET",
    .description = "Show how many rows and row groups each partition has, and how large these are, "
                   "compressed and not. Only the ends of files are read.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct stats_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
