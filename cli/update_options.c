/* The options of write, append, replace and delete. */
#include "update.h"

#include <assert.h>

const char *const cli_delete_modes[] = {"exact", "rows", "partitions", NULL};
const char *const cli_on_conflicts[] = {"fail", "keep", "reevaluate", NULL};
const char *const cli_overwrite_conflicts[] = {"fail", "force", NULL};

static const char *const compressions[] = {"snappy", "zstd", "lz4_raw", "gzip",
                                           "brotli", "none", NULL};
static const char *const input_formats[] = {"csv", "json", "parquet", NULL};

const struct option cli_update_options[] = {
    /* UPDATE_OPTIONS_WRITE */
    {'p', "partition-on", "COLUMN,...", OPTION_LIST, offsetof(struct update_values, partition_on),
     "one partition for each combination of values of these columns", NULL},
    {0, "index", "COLUMN,...", OPTION_LIST, offsetof(struct update_values, indices),
     "a secondary index on each of these columns, by which readers find the partitions that hold a "
     "value",
     NULL},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(struct update_values, overwrite),
     "replace the dataset if there is one", NULL},
    {0, "on-conflict", "HOW", OPTION_TEXT, offsetof(struct update_values, on_conflict),
     "if somebody else changes the dataset while --overwrite is at work: fail, or force, which "
     "replaces their changes, too; default: fail",
     cli_overwrite_conflicts},
    /* UPDATE_OPTIONS_FILES */
    {'t', "table", "NAME,...", OPTION_LIST, offsetof(struct update_values, tables),
     "name of the table; default: that of the dataset, table for a new one. Several: every "
     "partition comes of one file of each, in this order",
     NULL},
    {0, "compression", "CODEC", OPTION_TEXT, offsetof(struct update_values, compression),
     "snappy, zstd, lz4_raw, gzip, brotli or none; default: snappy", compressions},
    {0, "bloom", "COLUMN,...", OPTION_LIST, offsetof(struct update_values, bloom),
     "Bloom filters for these columns, by which readers pass over row groups without a value; "
     "parts of nested columns by path, such as tags.list.item",
     NULL},
    {0, "sorted-by", "COLUMN,...", OPTION_LIST, offsetof(struct update_values, sorted_by),
     "note in the files that their rows are sorted by these columns, ascending, nulls last; it is "
     "not checked",
     NULL},
    {0, "input-format", "FORMAT", OPTION_TEXT, offsetof(struct update_values, input_format),
     "csv, json (an object a line) or parquet; default: by the suffix of each file, csv for "
     "standard input",
     input_formats},
    {'d', "delimiter", "CHARACTER", OPTION_CHARACTER, offsetof(struct update_values, delimiter),
     "between the fields of CSV; default: ',', a tab for .tsv; \\t for a tab", NULL},
    {0, "no-header", NULL, OPTION_FLAG, offsetof(struct update_values, no_header),
     "CSV has no line of names; the columns are called column_0 and so on", NULL},
    {0, "type", "COLUMN=TYPE", OPTION_TEXTS, offsetof(struct update_values, types),
     "type of a column of CSV or JSON instead of the one found: bool, int8 to int64, uint8 to "
     "uint64, "
     "float, double, string, binary, date32, timestamp[us]",
     NULL},
    {0, "null", "TEXT", OPTION_TEXTS, offsetof(struct update_values, nulls),
     "a text that means null in CSV unless quoted; default: nothing, NA, NULL, null, NaN, nan",
     NULL},
    /* UPDATE_OPTIONS_COMMIT */
    {0, "metadata", "JSON|KEY=TEXT", OPTION_TEXTS, offsetof(struct update_values, metadata),
     "a JSON object, or one key with a text, to keep with the dataset; other keys stay", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct update_values, json), "print JSON", NULL},
    /* UPDATE_OPTIONS_DELETE */
    {'w', "where", "PREDICATE", OPTION_TEXT, offsetof(struct update_values, where),
     "the scope: what matches goes, such as \"date >= 2020-01-02 and label in (ABC, 'X Y')\"",
     NULL},
    {0, "all", NULL, OPTION_FLAG, offsetof(struct update_values, all),
     "everything that is there goes", NULL},
    {0, "delete-mode", "MODE", OPTION_TEXT, offsetof(struct update_values, delete_mode),
     "for columns that are no partition keys; exact: refuse them; rows: write the rows that stay "
     "into new files; partitions: delete partitions whole that hold a row of the scope; default: "
     "exact",
     cli_delete_modes},
    {0, "dry-run", NULL, OPTION_FLAG, offsetof(struct update_values, dry_run),
     "print which partitions would go, and change nothing", NULL},
    /* UPDATE_OPTIONS_CONFLICT */
    {0, "on-conflict", "HOW", OPTION_TEXT, offsetof(struct update_values, on_conflict),
     "if somebody else adds partitions of the scope meanwhile: fail, keep them, or reevaluate the "
     "scope, so that they go, too; default: fail",
     cli_on_conflicts},
};

static_assert(sizeof(cli_update_options) / sizeof(cli_update_options[0]) == UPDATE_OPTIONS_END,
              "the runs of options end where the table does");
