/* ls: the datasets of a store, or the files of a dataset. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct ls_values {
    bool json;
    bool names;
};

static const struct option options[] = {
    {0, "names", NULL, OPTION_FLAG, offsetof(struct ls_values, names),
     "the names alone, one a line", NULL},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct ls_values, json), "print JSON", NULL},
};

/* ---- datasets ---- */

struct entry {
    const char *uuid;
    const char *problem; /* why the dataset cannot be opened, NULL if it can */
    int64_t partition_count;
    struct text_list keys;
    const char *created;
};

struct entries {
    struct entry *items;
    size_t count;
};

static ktk_status add_name(void *state, const char *uuid, ktk_error *err) {
    struct entries *entries = state;

    (void)err;
    entries->items = cli_grow(entries->items, entries->count, sizeof(*entries->items));
    entries->items[entries->count++] = (struct entry){.uuid = cli_copy(uuid, strlen(uuid))};
    return KTK_OK;
}

/* One dataset that cannot be opened must not hide the others: it is listed with the reason. */
static void fill_entry(struct entry *entry, ktk_store *store) {
    ktk_dataset *dataset = NULL;
    const char *metadata;
    ktk_error err;
    size_t size;

    if (ktk_dataset_open(&dataset, store, entry->uuid, &err) != KTK_OK) {
        entry->problem = cli_copy(err.message, strlen(err.message));
        return;
    }
    entry->partition_count = ktk_dataset_partition_count(dataset);
    for (int32_t i = 0; i < ktk_dataset_partition_key_count(dataset); i++) {
        const char *key = ktk_dataset_partition_key(dataset, i);

        cli_list_add(&entry->keys, cli_copy(key, strlen(key)));
    }
    metadata = ktk_dataset_metadata(dataset, &size);
    entry->created = cli_json_find(metadata, size, "creation_time");
    ktk_dataset_free(dataset);
}

static void print_entries_json(const struct output *output, const struct entries *entries) {
    struct json json = {.file = output->file};

    cli_json_begin_array(&json);
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->items[i];

        cli_json_begin_object(&json);
        cli_json_key(&json, "dataset");
        cli_json_text(&json, entry->uuid);
        if (entry->problem != NULL) {
            cli_json_key(&json, "problem");
            cli_json_text(&json, entry->problem);
        } else {
            cli_json_key(&json, "partitions");
            cli_json_number(&json, entry->partition_count);
            cli_json_key(&json, "partition_keys");
            cli_json_texts(&json, &entry->keys);
            cli_json_key(&json, "created");
            cli_json_text(&json, entry->created);
        }
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

/* The time is cut to seconds: nobody compares the rest by eye. */
static void print_entries(const struct output *output, const struct entries *entries) {
    struct table table = {0};

    cli_table_column(&table, "dataset", COLUMN_TEXT);
    cli_table_column(&table, "partitions", COLUMN_NUMBER);
    cli_table_column(&table, "partitioned by", COLUMN_TEXT);
    cli_table_column(&table, "created (UTC)", COLUMN_TEXT);
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->items[i];
        char *created = entry->created == NULL ? NULL : cli_format("%.19s", entry->created);

        if (created != NULL && strlen(created) > 10) {
            created[10] = ' ';
        }
        cli_table_cell(&table, entry->uuid);
        cli_table_cell(&table, entry->problem != NULL ? "" : cli_number(entry->partition_count));
        cli_table_cell(&table, entry->problem != NULL ? entry->problem : cli_join(&entry->keys));
        cli_table_cell(&table, created == NULL ? "" : created);
    }
    (void)cli_table_print(&table, output);
    cli_print_footer(output, "%s", cli_count((int64_t)entries->count, "dataset", "datasets"));
}

static ktk_status list_datasets(struct session *session, const struct ls_values *values,
                                const struct output *output, ktk_error *err) {
    struct entries entries = {0};
    ktk_status status = ktk_dataset_list(session->store, add_name, &entries, err);

    if (status != KTK_OK) {
        return status;
    }
    for (size_t i = 0; i < entries.count; i++) {
        if (values->names) {
            fprintf(output->file, "%s\n", entries.items[i].uuid);
        } else {
            fill_entry(&entries.items[i], session->store);
        }
    }
    if (values->json) {
        print_entries_json(output, &entries);
    } else if (!values->names) {
        print_entries(output, &entries);
    }
    return KTK_OK;
}

/* ---- files ---- */

static void print_files_json(const struct output *output, const struct file_list *files) {
    struct json json = {.file = output->file};

    cli_json_begin_array(&json);
    for (size_t i = 0; i < files->count; i++) {
        cli_json_begin_object(&json);
        cli_json_key(&json, "key");
        cli_json_text(&json, files->items[i].key);
        cli_json_key(&json, "size");
        cli_json_number(&json, files->items[i].size);
        cli_json_key(&json, "modified");
        cli_json_text(&json, cli_time(files->items[i].modified_us));
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

static void print_files(const struct output *output, const struct file_list *files) {
    struct table table = {0};
    int64_t total = 0;

    cli_table_column(&table, "size", COLUMN_NUMBER);
    cli_table_column(&table, "modified (UTC)", COLUMN_TEXT);
    cli_table_column(&table, "file", COLUMN_PATH);
    for (size_t i = 0; i < files->count; i++) {
        const struct file *file = &files->items[i];
        const char *time = cli_time(file->modified_us);

        cli_table_cell_size(&table, file->size);
        cli_table_cell(&table, time == NULL ? "?" : time);
        cli_table_cell(&table, file->key);
        total += file->size > 0 ? file->size : 0;
    }
    (void)cli_table_print(&table, output);
    cli_print_footer(output, "%s, %s", cli_count((int64_t)files->count, "file", "files"),
                     cli_size(total));
}

static ktk_status list_files(struct session *session, const struct ls_values *values,
                             const char *uuid, const struct output *output, ktk_error *err) {
    struct file_list files;
    ktk_status status = cli_files_list(&files, session->store, uuid, err);

    if (status != KTK_OK) {
        return status;
    }
    if (values->json) {
        print_files_json(output, &files);
    } else if (values->names) {
        for (size_t i = 0; i < files.count; i++) {
            fprintf(output->file, "%s\n", files.items[i].key);
        }
    } else {
        print_files(output, &files);
    }
    return KTK_OK;
}

static ktk_status print(struct session *session, const void *values, const char *const *operands,
                        int operand_count, const struct output *output, ktk_error *err) {
    return operand_count == 0 ? list_datasets(session, values, output, err)
                              : list_files(session, values, operands[0], output, err);
}

static const struct example examples[] = {
    {"ktk --store /data/lake ls", "the datasets of a folder"},
    {"ktk ls flights", "the files of a dataset"},
};

const struct verb cli_ls = {
    .name = "ls",
    .summary = "list the datasets of the store, or the files of a dataset",
    .operands = "[DATASET]",
    .description = "List the datasets of the store with the number of their partitions, the "
                   "columns they are partitioned by and when they were created; or every file of "
                   "one dataset with its size.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct ls_values),
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
