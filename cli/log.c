/* log: what happened to a dataset. */
#include <string.h>

#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct log_values {
    int64_t limit;
    bool json;
};

static const struct option options[] = {
    {'n', "limit", "N", OPTION_NUMBER, offsetof(struct log_values, limit), "the N newest entries",
     NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct log_values, json), "print JSON", NULL},
};

struct entries {
    ktk_history_entry *items;
    size_t count;
};

static const char *kept_text(const char *text) {
    return text == NULL ? NULL : cli_copy(text, strlen(text));
}

static ktk_status take_entry(void *state, const ktk_history_entry *entry, ktk_error *err) {
    struct entries *entries = state;
    ktk_history_entry *item;

    (void)err;
    entries->items = cli_grow(entries->items, entries->count, sizeof(*entries->items));
    item = &entries->items[entries->count++];
    *item = *entry;
    item->id = kept_text(entry->id);
    item->parent = kept_text(entry->parent);
    item->time = kept_text(entry->time);
    item->writer = kept_text(entry->writer);
    item->operation = kept_text(entry->operation);
    return KTK_OK;
}

/* ---- output ---- */

static void json_text(struct json *json, const char *key, const char *text) {
    cli_json_key(json, key);
    cli_json_text(json, text == NULL || text[0] == '\0' ? NULL : text);
}

static void json_number(struct json *json, const char *key, int64_t number) {
    cli_json_key(json, key);
    cli_json_number(json, number);
}

static void print_json(const struct output *output, const struct entries *entries) {
    static const char *const kinds[] = {"commit", "not kept", "foreign"};
    struct json json = {.file = output->file};

    cli_json_begin_array(&json);
    for (size_t i = 0; i < entries->count; i++) {
        const ktk_history_entry *entry = &entries->items[i];

        cli_json_begin_object(&json);
        json_text(&json, "kind", kinds[entry->kind]);
        json_number(&json, "version", entry->sequence > 0 ? entry->sequence : -1);
        json_text(&json, "id", entry->id);
        json_text(&json, "parent", entry->parent);
        json_text(&json, "time", entry->time);
        json_text(&json, "writer", entry->writer);
        json_text(&json, "operation", entry->operation);
        json_number(&json, "partitions", entry->partition_count);
        json_number(&json, "added", entry->added_count);
        json_number(&json, "removed", entry->removed_count);
        cli_json_key(&json, "current");
        cli_json_bool(&json, entry->is_current);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

static const char *number_or_nothing(int64_t number, const char *sign) {
    return number < 0 ? "" : cli_format("%s%s", sign, cli_number(number));
}

static const char *operation_text(const ktk_history_entry *entry) {
    switch (entry->kind) {
    case KTK_HISTORY_FOREIGN:
        return "by another program";
    case KTK_HISTORY_NOT_KEPT:
        return cli_format("%s (not kept)", entry->operation == NULL ? "" : entry->operation);
    default:
        return entry->operation == NULL ? "" : entry->operation;
    }
}

static void print_table(const struct output *output, const struct entries *entries) {
    struct table table = {0};
    size_t not_kept = 0;

    cli_table_column(&table, "version", COLUMN_NUMBER);
    cli_table_column(&table, "time (UTC)", COLUMN_TEXT);
    cli_table_column(&table, "operation", COLUMN_TEXT);
    cli_table_column(&table, "added", COLUMN_NUMBER);
    cli_table_column(&table, "removed", COLUMN_NUMBER);
    cli_table_column(&table, "partitions", COLUMN_NUMBER);
    cli_table_column(&table, "id", COLUMN_TEXT);
    for (size_t i = 0; i < entries->count; i++) {
        const ktk_history_entry *entry = &entries->items[i];

        not_kept += entry->kind == KTK_HISTORY_NOT_KEPT;
        cli_table_cell(&table,
                       entry->sequence > 0 ? cli_format("%lld", (long long)entry->sequence) : "");
        cli_table_cell(&table, entry->time == NULL ? "" : cli_format("%.19s", entry->time));
        cli_table_cell(&table, operation_text(entry));
        cli_table_cell(&table, number_or_nothing(entry->added_count, "+"));
        cli_table_cell(&table, number_or_nothing(entry->removed_count, "-"));
        cli_table_cell(&table, number_or_nothing(entry->partition_count, ""));
        cli_table_cell(&table, entry->id);
    }
    (void)cli_table_print(&table, output);
    cli_print_footer(output, "%s%s", cli_count((int64_t)entries->count, "entry", "entries"),
                     not_kept == 0 ? ""
                                   : cli_format(", %s not kept", cli_number((int64_t)not_kept)));
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct log_values *values = values_given;
    struct entries entries = {0};
    ktk_status status = KTK_OK;

    (void)operand_count;
    if (values->limit == 0) {
        return cli_usage(session, err, "--limit 0 shows nothing");
    }
    status = ktk_history_walk(session->store, operands[0], values->limit < 0 ? 0 : values->limit,
                              take_entry, &entries, err);
    if (status == KTK_OK && values->json) {
        print_json(output, &entries);
    } else if (status == KTK_OK) {
        print_table(output, &entries);
    }
    return status;
}

static const struct example examples[] = {
    {"ktk log flights", "what happened to a dataset"},
    {"ktk log flights -n 1 --json", "the last commit, for a script"},
};

static const struct log_values defaults = {.limit = -1};

const struct verb cli_log = {
    .name = "log",
    .summary = "list the versions of a dataset",
    .operands = "DATASET",
    .description =
        "List the commits that led to the current state, newest first: when, what, and how many "
        "partitions came and went. Versions that are not kept any more cannot be opened. Where a "
        "program wrote that keeps no history, that is said instead.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .defaults = &defaults,
    .values_size = sizeof(struct log_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
