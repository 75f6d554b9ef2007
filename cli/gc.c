/* gc: remove files that nothing names. */
#include <string.h>

#include "heap.h"
#include "json.h"
#include "progress.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct gc_values {
    const char *grace;
    const char *history;
    bool short_grace;
    bool dropped;
    bool yes;
    bool json;
};

static const struct option options[] = {
    {0, "grace", "TIME", OPTION_TEXT, offsetof(struct gc_values, grace),
     "how long a file stays after it was written, and after it was first found unnamed, such as "
     "90m, "
     "72h or 7d; default: 72h",
     NULL},
    {0, "history", "TIME", OPTION_TEXT, offsetof(struct gc_values, history),
     "how long earlier versions are kept; default: 30d", NULL},
    {0, "short-grace", NULL, OPTION_FLAG, offsetof(struct gc_values, short_grace),
     "allow a grace of less than an hour: nobody writes or reads the dataset now", NULL},
    {0, "dropped", NULL, OPTION_FLAG, offsetof(struct gc_values, dropped),
     "if there is no dataset of that name, because it was dropped or never written to the end: all "
     "that lies under its name",
     NULL},
    {'y', "yes", NULL, OPTION_FLAG, offsetof(struct gc_values, yes),
     "note and remove; without it nothing is changed", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct gc_values, json), "print JSON", NULL},
};

struct items {
    ktk_gc_item *items;
    size_t count;
};

static const char *const state_names[] = {"waiting", "due", "removed"};

/* ---- times ---- */

static const struct unit {
    char letter;
    int64_t milliseconds;
} units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

/* Digits and the letter of a unit; "0" needs none. -1 if it is not. */
static int64_t parse_time(const char *text) {
    int64_t value = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 6) {
        return -1;
    }
    for (size_t i = 0; i < digits; i++) {
        value = 10 * value + (text[i] - '0');
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (text[digits] == units[i].letter && text[digits + 1] == '\0') {
            return value * units[i].milliseconds;
        }
    }
    return text[digits] == '\0' && value == 0 ? 0 : -1;
}

static ktk_status take_time(int64_t *out, struct session *session, const char *text,
                            const char *name, ktk_error *err) {
    int64_t value = text == NULL ? 0 : parse_time(text);

    if (value < 0) {
        return cli_usage(session, err,
                         "--%s '%s' is no time: a number and d, h, m or s, such as 72h", name,
                         text);
    }
    /* 0 stands for the default in the library, and for nothing on the command line. */
    *out = text != NULL && value == 0 ? -1 : value;
    return KTK_OK;
}

/* In the largest unit of which there are two. */
static const char *age(int64_t milliseconds) {
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (milliseconds >= 2 * units[i].milliseconds) {
            return cli_format("%lld %c", (long long)(milliseconds / units[i].milliseconds),
                              units[i].letter);
        }
    }
    return milliseconds < 0 ? "?" : "0 s";
}

/* ---- output ---- */

static ktk_status keep_item(void *state, const ktk_gc_item *item, ktk_error *err) {
    struct items *items = state;

    (void)err;
    items->items = cli_grow(items->items, items->count, sizeof(*items->items));
    items->items[items->count] = *item;
    items->items[items->count++].key = cli_copy(item->key, strlen(item->key));
    return KTK_OK;
}

static void print_count(struct json *json, const char *name, int64_t count, int64_t size) {
    cli_json_key(json, name);
    cli_json_begin_object(json);
    cli_json_key(json, "files");
    cli_json_number(json, count);
    cli_json_key(json, "size");
    cli_json_number(json, size);
    cli_json_end_object(json);
}

static void print_json(const struct output *output, const struct items *items,
                       const ktk_gc_result *result) {
    struct json json = {.file = output->file};

    cli_json_begin_object(&json);
    print_count(&json, "waiting", result->waiting_count, result->waiting_bytes);
    print_count(&json, "due", result->due_count, result->due_bytes);
    print_count(&json, "removed", result->removed_count, result->removed_bytes);
    cli_json_key(&json, "files");
    cli_json_begin_array(&json);
    for (size_t i = 0; i < items->count; i++) {
        const ktk_gc_item *item = &items->items[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "file");
        cli_json_text(&json, item->key);
        cli_json_key(&json, "size");
        cli_json_number(&json, item->size);
        cli_json_key(&json, "age_ms");
        cli_json_number(&json, item->age_ms);
        cli_json_key(&json, "unnamed_ms");
        cli_json_number(&json, item->unnamed_ms);
        cli_json_key(&json, "state");
        cli_json_text(&json, state_names[item->state]);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static void print_table(const struct output *output, const struct items *items,
                        const ktk_gc_result *result, bool acts) {
    struct table table = {0};

    cli_table_column(&table, "state", COLUMN_TEXT);
    cli_table_column(&table, "size", COLUMN_NUMBER);
    cli_table_column(&table, "written", COLUMN_NUMBER);
    cli_table_column(&table, "unnamed", COLUMN_NUMBER);
    cli_table_column(&table, "file", COLUMN_PATH);
    for (size_t i = 0; i < items->count; i++) {
        const ktk_gc_item *item = &items->items[i];

        cli_table_cell(&table, state_names[item->state]);
        cli_table_cell(&table, cli_size(item->size));
        cli_table_cell(&table, age(item->age_ms));
        cli_table_cell(&table, age(item->unnamed_ms));
        cli_table_cell(&table, item->key);
    }
    if (items->count > 0) {
        (void)cli_table_print(&table, output);
    }
    if (acts) {
        cli_print_footer(output, "%s removed, %s; %s waiting, %s",
                         cli_count(result->removed_count, "file", "files"),
                         cli_size(result->removed_bytes), cli_number(result->waiting_count),
                         cli_size(result->waiting_bytes));
    } else {
        cli_print_footer(output, "%s to remove, %s; %s waiting, %s; nothing was changed%s",
                         cli_count(result->due_count, "file", "files"), cli_size(result->due_bytes),
                         cli_number(result->waiting_count), cli_size(result->waiting_bytes),
                         items->count > 0 ? ", --yes does it" : "");
    }
}

static bool go_on(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return cli_progress_files(files, file_count, -1);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct gc_values *values = values_given;
    ktk_gc_options gc = KTK_GC_OPTIONS_INIT;
    struct items items = {0};
    ktk_gc_result result;
    ktk_status status = take_time(&gc.grace_ms, session, values->grace, "grace", err);

    (void)operand_count;
    if (status == KTK_OK) {
        status = take_time(&gc.history_ms, session, values->history, "history", err);
    }
    if (gc.history_ms < 0) {
        gc.history_ms = 1; /* the library keeps them for the grace */
    }
    gc.acts = values->yes;
    gc.allows_short_grace = values->short_grace;
    gc.dropped = values->dropped;
    gc.report = keep_item;
    gc.report_state = &items;
    gc.progress = go_on;
    if (status == KTK_OK) {
        cli_progress_begin();
        status = ktk_gc(session->store, operands[0], &gc, &result, err);
        cli_progress_end();
    }
    if (status == KTK_OK && values->json) {
        print_json(output, &items, &result);
    } else if (status == KTK_OK) {
        print_table(output, &items, &result, values->yes);
    }
    return status;
}

static const struct example examples[] = {
    {"ktk gc flights", "what could go, and since when nothing names it"},
    {"ktk gc flights --yes", "note it, and remove what was noted 72 hours ago or earlier"},
};

const struct verb cli_gc = {
    .name = "gc",
    .summary = "remove files of a dataset that nothing names",
    .operands = "DATASET",
    .description =
        "Find the files that neither the dataset nor one of its earlier versions names, and "
        "versions that are older than --history. Without --yes they are only listed.\n\n"
        "It takes two runs with --yes: one notes the files, a later one removes those that are "
        "still unnamed when the grace is over. Writers and readers may go on meanwhile: a writer "
        "that takes less than the grace, and a reader that began less than the grace ago, are not "
        "disturbed.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct gc_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
