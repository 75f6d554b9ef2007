/* index: the secondary indices of a dataset. */
#include <string.h>
#include <time.h>

#include "heap.h"
#include "json.h"
#include "progress.h"
#include "render.h"
#include "session.h"
#include "verbs.h"

struct index_values {
    bool json;
};

static const struct option options[] = {
    {0, "json", NULL, OPTION_FLAG, offsetof(struct index_values, json), "print JSON", NULL},
};

/* One index, and what was found about it. */
struct entry {
    int32_t number; /* in the dataset */
    const char *column;
    const char *type; /* NULL: no table has the column */
    const char *key;  /* NULL: embedded in the document */
    ktk_index_info info;
    const char *problem; /* why nothing more is known; NULL: all is */
    ktk_index_difference *differences;
    size_t difference_count;
};

struct job {
    struct session *session;
    const char *uuid;
    struct text_list columns; /* none: all */
    bool json;
    const struct output *output;
    ktk_dataset *dataset;
    struct entry *entries;
    size_t count;
};

/* ---- facts ---- */

static ktk_status find_type(struct entry *entry, ktk_dataset *dataset, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(dataset) && entry->type == NULL; i++) {
        struct ArrowSchema schema = {.release = NULL};

        status = ktk_dataset_schema(dataset, ktk_dataset_table(dataset, i), &schema, err);
        for (int64_t j = 0; status == KTK_OK && j < schema.n_children; j++) {
            if (strcmp(schema.children[j]->name, entry->column) == 0) {
                char *text = cli_alloc(256, 1);

                (void)ktk_format_type(schema.children[j], text, 256);
                entry->type = text;
            }
        }
        if (schema.release != NULL) {
            schema.release(&schema);
        }
    }
    return status;
}

static bool is_wanted(const struct job *job, const char *column) {
    for (size_t i = 0; i < job->columns.count; i++) {
        if (strcmp(job->columns.items[i], column) == 0) {
            return true;
        }
    }
    return job->columns.count == 0;
}

static int32_t find_index(const ktk_dataset *dataset, const char *column) {
    int32_t count = ktk_dataset_index_count(dataset);
    int32_t i = 0;

    while (i < count && strcmp(ktk_dataset_index_column(dataset, i), column) != 0) {
        i++;
    }
    return i < count ? i : -1;
}

/* Failures that say something of the index. */
static bool is_finding(ktk_status status) {
    return status == KTK_E_NOT_FOUND || status == KTK_E_CORRUPT || status == KTK_E_SCHEMA ||
           status == KTK_E_UNSUPPORTED;
}

static ktk_status take_problem(struct entry *entry, ktk_status status, const ktk_error *err) {
    if (!is_finding(status)) {
        return status;
    }
    entry->problem = cli_copy(err->message, strlen(err->message));
    return KTK_OK;
}

/* Every index that is meant; what is wrong with one is told of it, and the others follow. `strict`:
 * each column that is named must have one. */
static ktk_status look(struct job *job, bool strict, ktk_error *err) {
    ktk_status status = ktk_dataset_open(&job->dataset, job->session->store, job->uuid, err);

    for (size_t i = 0; strict && i < job->columns.count && status == KTK_OK; i++) {
        if (find_index(job->dataset, job->columns.items[i]) < 0) {
            status = ktk_error_set(err, KTK_E_NOT_FOUND, "dataset '%s' has no index on '%s'",
                                   job->uuid, job->columns.items[i]);
        }
    }
    for (int32_t i = 0; status == KTK_OK && i < ktk_dataset_index_count(job->dataset); i++) {
        struct entry entry = {.number = i, .column = ktk_dataset_index_column(job->dataset, i)};

        if (!is_wanted(job, entry.column)) {
            continue;
        }
        entry.key = ktk_dataset_index_key(job->dataset, i);
        status = find_type(&entry, job->dataset, err);
        if (status == KTK_OK) {
            status = take_problem(&entry, ktk_index_look(job->dataset, i, &entry.info, err), err);
        }
        job->entries = cli_grow(job->entries, job->count, sizeof(*job->entries));
        job->entries[job->count++] = entry;
    }
    return status;
}

/* ---- list ---- */

static void print_entry(struct json *json, const struct entry *entry) {
    cli_json_key(json, "column");
    cli_json_text(json, entry->column);
    cli_json_key(json, "type");
    cli_json_text(json, entry->type);
    cli_json_key(json, "key");
    cli_json_text(json, entry->key);
    cli_json_key(json, "problem");
    cli_json_text(json, entry->problem);
    if (entry->problem != NULL) {
        return;
    }
    cli_json_key(json, "size");
    cli_json_number(json, entry->info.byte_count);
    cli_json_key(json, "values");
    cli_json_number(json, entry->info.value_count);
    cli_json_key(json, "labels");
    cli_json_number(json, entry->info.label_count);
    cli_json_key(json, "unknown_partitions");
    cli_json_number(json, entry->info.unknown_count);
    cli_json_key(json, "stale_labels");
    cli_json_number(json, entry->info.stale_count);
}

/* Which partitions it covers, and what else there is to say. */
static const char *tell_cover(const struct entry *entry) {
    const char *unknown = entry->info.unknown_count == 0
                              ? "all"
                              : cli_format("all but %s", cli_number(entry->info.unknown_count));

    if (entry->problem != NULL) {
        return entry->problem;
    }
    return entry->info.stale_count == 0
               ? unknown
               : cli_format("%s, and %s of none", unknown,
                            cli_count(entry->info.stale_count, "label", "labels"));
}

static ktk_status list(struct job *job, ktk_error *err) {
    struct json json = {.file = job->output->file};
    struct table table = {0};
    ktk_status status = look(job, true, err);

    if (status != KTK_OK) {
        return status;
    }
    if (job->json) {
        cli_json_begin_array(&json);
        for (size_t i = 0; i < job->count; i++) {
            cli_json_begin_object(&json);
            print_entry(&json, &job->entries[i]);
            cli_json_end_object(&json);
        }
        cli_json_end_array(&json);
        cli_json_end(&json);
        return KTK_OK;
    }
    cli_table_column(&table, "column", COLUMN_TEXT);
    cli_table_column(&table, "type", COLUMN_TEXT);
    cli_table_column(&table, "values", COLUMN_NUMBER);
    cli_table_column(&table, "labels", COLUMN_NUMBER);
    cli_table_column(&table, "size", COLUMN_NUMBER);
    cli_table_column(&table, "covers", COLUMN_TEXT);
    cli_table_column(&table, "file", COLUMN_PATH);
    for (size_t i = 0; i < job->count; i++) {
        const struct entry *entry = &job->entries[i];
        bool is_known = entry->problem == NULL;

        cli_table_cell(&table, entry->column);
        cli_table_cell(&table, entry->type);
        cli_table_cell(&table, !is_known                     ? ""
                               : entry->info.value_count < 0 ? "?"
                                                             : cli_number(entry->info.value_count));
        cli_table_cell(&table, is_known ? cli_number(entry->info.label_count) : "");
        cli_table_cell(&table, is_known ? cli_size(entry->info.byte_count) : "");
        cli_table_cell(&table, tell_cover(entry));
        cli_table_cell(&table, entry->key == NULL ? "in the document" : entry->key);
    }
    (void)cli_table_print(&table, job->output);
    cli_print_footer(
        job->output, "%s, %s", cli_count((int64_t)job->count, "index", "indices"),
        cli_count(ktk_dataset_partition_count(job->dataset), "partition", "partitions"));
    return KTK_OK;
}

/* ---- build and drop ---- */

/* The sizes of the files are not known. */
static bool go_on(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return cli_progress_files(files, file_count, -1);
}

static ktk_status change(struct job *job, bool is_drop, ktk_commit *commit, ktk_error *err) {
    ktk_update_options choice = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_status status;

    if (job->columns.count == 0) {
        return cli_usage(job->session, err, "'index %s' needs columns", is_drop ? "drop" : "build");
    }
    choice.mode = KTK_UPDATE_UPDATE;
    choice.index_progress = go_on;
    if (!is_drop) {
        cli_progress_begin();
    }
    status = ktk_update_begin(&update, job->session->store, job->uuid, &choice, err);
    for (size_t i = 0; i < job->columns.count && status == KTK_OK; i++) {
        status = is_drop ? ktk_update_drop_index(update, job->columns.items[i], err)
                         : ktk_update_build_index(update, job->columns.items[i], err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, commit, err);
    }
    cli_progress_end();
    ktk_update_free(update);
    if (status == KTK_E_CANCELLED && cli_was_interrupted()) {
        (void)ktk_error_set(err, status, "interrupted, nothing was changed");
    }
    return status;
}

static void print_commit(const struct job *job, const ktk_commit *commit, int64_t milliseconds) {
    struct json json = {.file = job->output->file};

    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, job->uuid);
    cli_json_key(&json, "indices");
    cli_json_begin_array(&json);
    for (size_t i = 0; i < job->count; i++) {
        cli_json_begin_object(&json);
        print_entry(&json, &job->entries[i]);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_key(&json, "milliseconds");
    cli_json_number(&json, milliseconds);
    cli_json_key(&json, "commit");
    cli_json_text(&json, commit->id);
    cli_json_key(&json, "attempts");
    cli_json_number(&json, commit->attempts);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static int64_t now_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static ktk_status build(struct job *job, ktk_error *err) {
    int64_t milliseconds = now_ms();
    ktk_commit commit = {.attempts = 0};
    ktk_status status = change(job, false, &commit, err);

    milliseconds = now_ms() - milliseconds;
    if (status == KTK_OK) {
        status = look(job, false, err);
    }
    if (status != KTK_OK) {
        return status;
    }
    if (job->json) {
        print_commit(job, &commit, milliseconds);
        return KTK_OK;
    }
    for (size_t i = 0; i < job->columns.count; i++) {
        if (find_index(job->dataset, job->columns.items[i]) < 0) {
            fprintf(job->output->file, "no index on '%s': the column has no values\n",
                    job->columns.items[i]);
        }
    }
    for (size_t i = 0; i < job->count; i++) {
        const struct entry *entry = &job->entries[i];

        fprintf(job->output->file, "index on '%s': %s in %s, %s\n", entry->column,
                cli_count(entry->info.value_count, "value", "values"),
                cli_count(entry->info.label_count, "partition", "partitions"),
                cli_size(entry->info.byte_count));
    }
    fprintf(job->output->file, "built in %d.%02d s, commit %s\n", (int)(milliseconds / 1000),
            (int)(milliseconds % 1000 / 10), commit.id);
    return KTK_OK;
}

static ktk_status drop(struct job *job, ktk_error *err) {
    ktk_commit commit = {.attempts = 0};
    ktk_status status = change(job, true, &commit, err);
    struct json json = {.file = job->output->file};

    if (status != KTK_OK) {
        return status;
    }
    if (!job->json) {
        fprintf(job->output->file, "dropped from '%s': %s on %s, commit %s\n", job->uuid,
                job->columns.count == 1 ? "the index" : "the indices", cli_join(&job->columns),
                commit.id);
        return KTK_OK;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, job->uuid);
    cli_json_key(&json, "dropped");
    cli_json_texts(&json, &job->columns);
    cli_json_key(&json, "commit");
    cli_json_text(&json, commit.id);
    cli_json_key(&json, "attempts");
    cli_json_number(&json, commit.attempts);
    cli_json_end_object(&json);
    cli_json_end(&json);
    return KTK_OK;
}

/* ---- verify ---- */

static ktk_status take_difference(void *state, const ktk_index_difference *difference,
                                  ktk_error *err) {
    struct entry *entry = state;

    (void)err;
    entry->differences =
        cli_grow(entry->differences, entry->difference_count, sizeof(*entry->differences));
    entry->differences[entry->difference_count++] = *difference;
    return KTK_OK;
}

static bool is_right(const struct entry *entry) {
    return entry->problem == NULL && entry->difference_count == 0 && entry->info.stale_count == 0;
}

static void print_verified_json(const struct job *job) {
    struct json json = {.file = job->output->file};

    cli_json_begin_array(&json);
    for (size_t i = 0; i < job->count; i++) {
        const struct entry *entry = &job->entries[i];

        cli_json_begin_object(&json);
        print_entry(&json, entry);
        cli_json_key(&json, "right");
        cli_json_bool(&json, is_right(entry));
        cli_json_key(&json, "differences");
        cli_json_begin_array(&json);
        for (size_t j = 0; j < entry->difference_count; j++) {
            const ktk_index_difference *difference = &entry->differences[j];

            cli_json_begin_object(&json);
            cli_json_key(&json, "label");
            cli_json_text(&json, ktk_dataset_partition_label(job->dataset, difference->partition));
            cli_json_key(&json, "missing_values");
            cli_json_number(&json, difference->missing_count);
            cli_json_key(&json, "excess_values");
            cli_json_number(&json, difference->excess_count);
            cli_json_end_object(&json);
        }
        cli_json_end_array(&json);
        cli_json_end_object(&json);
    }
    cli_json_end_array(&json);
    cli_json_end(&json);
}

static void print_verified(const struct job *job, const struct entry *entry) {
    FILE *file = job->output->file;

    for (size_t i = 0; i < entry->difference_count; i++) {
        const ktk_index_difference *difference = &entry->differences[i];

        fprintf(file, "%s: %s: %s missing, %s too many\n", entry->column,
                ktk_dataset_partition_label(job->dataset, difference->partition),
                cli_count(difference->missing_count, "value", "values"),
                cli_number(difference->excess_count));
    }
    if (entry->problem != NULL) {
        fprintf(file, "%s: %s\n", entry->column, entry->problem);
    } else if (entry->info.stale_count > 0) {
        fprintf(file, "%s: %s of no partition\n", entry->column,
                cli_count(entry->info.stale_count, "label", "labels"));
    }
    fprintf(file, "%s: %s\n", entry->column, is_right(entry) ? "right" : "wrong, build it anew");
}

/* What is found is no failure of the run, which goes on to the other indices, but of the check. */
static ktk_status verify(struct job *job, ktk_error *err) {
    ktk_index_verify_options choice = KTK_INDEX_VERIFY_OPTIONS_INIT;
    size_t wrong = 0;
    ktk_status status = look(job, true, err);

    choice.progress = go_on;
    for (size_t i = 0; i < job->count && status == KTK_OK; i++) {
        struct entry *entry = &job->entries[i];

        if (entry->problem == NULL) {
            cli_progress_begin();
            status = take_problem(
                entry,
                ktk_index_verify(job->dataset, entry->number, &choice, take_difference, entry, err),
                err);
            cli_progress_end();
        }
        wrong += !is_right(entry);
        if (status == KTK_OK && !job->json) {
            print_verified(job, entry);
        }
    }
    if (status == KTK_OK && job->json) {
        print_verified_json(job);
    }
    if (status == KTK_E_CANCELLED && cli_was_interrupted()) {
        (void)ktk_error_set(err, status, "interrupted");
    } else if (status == KTK_OK && wrong > 0) {
        (void)fflush(job->output->file);
        status = ktk_error_set(err, KTK_E_CORRUPT, "%s of dataset '%s' %s wrong",
                               cli_count((int64_t)wrong, "index", "indices"), job->uuid,
                               wrong == 1 ? "is" : "are");
    }
    return status;
}

/* ---- the verb ---- */

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct index_values *values = values_given;
    static const struct {
        const char *name;
        ktk_status (*act)(struct job *job, ktk_error *err);
    } actions[] = {{"list", list}, {"build", build}, {"drop", drop}, {"verify", verify}};
    struct job job = {
        .session = session, .uuid = operands[1], .json = values->json, .output = output};
    ktk_status status;
    size_t i = 0;

    while (i < sizeof(actions) / sizeof(actions[0]) && strcmp(actions[i].name, operands[0]) != 0) {
        i++;
    }
    if (i == sizeof(actions) / sizeof(actions[0])) {
        return cli_usage(session, err, "'index' does list, build, drop and verify, and no '%s'",
                         operands[0]);
    }
    for (int j = 2; j < operand_count; j++) {
        cli_list_add(&job.columns, operands[j]);
    }
    status = actions[i].act(&job, err);
    ktk_dataset_free(job.dataset);
    return status;
}

static const struct example examples[] = {
    {"ktk index build flights tailnum", "an index on a column, of all partitions there are"},
    {"ktk index verify flights", "whether every index says what the files do"},
};

const struct verb cli_index = {
    .name = "index",
    .summary = "list, build, drop and verify secondary indices",
    .operands = "list|build|drop|verify DATASET COLUMN...",
    .description =
        "A secondary index says which partitions hold which value of a column, so that readers "
        "open no others. Every later update keeps it up. Without columns, list and verify are "
        "about all indices.\n\n"
        "list tells their types, how many values and partitions they know, and whether they cover "
        "all partitions; those that an index does not know are always read. build makes an index "
        "on each column, anew if there is one; it reads the columns of all files. drop removes "
        "them. verify reads the columns of all files as well, compares, and names the partitions "
        "of which an index says something else; the exit code is then 5.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct index_values),
    .operand_min = 2,
    .operand_max = -1,
    .needs_store = true,
    .first = OPERAND_INDEX_ACTION,
    .others = OPERAND_DATASET,
    .print = print,
};
