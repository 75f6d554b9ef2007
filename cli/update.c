#include "update.h"

#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "progress.h"
#include "render.h"

struct job {
    struct session *session;
    enum update_kind kind;
    const struct update_values *values;
    const char *uuid;
    const char *metadata; /* NULL: none */
    ktk_predicate *scope; /* NULL: none */
    struct input *inputs;
    size_t input_count;
    struct text_list type_columns;
    struct text_list type_names;
};

/* ---- the command line ---- */

/* `column=type`, cut at the last '=', which no type has. */
static ktk_status split_types(struct job *job, ktk_error *err) {
    for (size_t i = 0; i < job->values->types.count; i++) {
        const char *text = job->values->types.items[i];
        const char *equals = strrchr(text, '=');

        if (equals == NULL || equals == text || equals[1] == '\0') {
            return cli_usage(job->session, err, "option '--type': '%s' is not COLUMN=TYPE", text);
        }
        cli_list_add(&job->type_columns, cli_copy(text, (size_t)(equals - text)));
        cli_list_add(&job->type_names, equals + 1);
    }
    return KTK_OK;
}

/* `{"key": "text"}` of `key=text`. */
static const char *json_of_pair(const char *text, const char *equals) {
    char *memory = NULL;
    size_t size = 0;
    struct json json = {.file = open_memstream(&memory, &size)};
    const char *object = NULL;

    if (json.file == NULL) {
        return NULL;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, cli_copy(text, (size_t)(equals - text)));
    cli_json_text(&json, equals + 1);
    cli_json_end_object(&json);
    if (fclose(json.file) == 0) {
        object = cli_copy(memory, size);
    }
    free(memory);
    return object;
}

/* One object of all that are given; whether it is one is seen when the update begins. */
static ktk_status join_metadata(struct job *job, ktk_error *err) {
    const struct text_list *given = &job->values->metadata;
    const char *members = "";

    for (size_t i = 0; i < given->count; i++) {
        const char *object = given->items[i] + strspn(given->items[i], " \t\r\n");
        const char *equals = strchr(object, '=');
        size_t size;

        if (*object != '{' && equals != NULL && equals > object) {
            object = json_of_pair(object, equals);
        }
        size = object == NULL ? 0 : strlen(object);
        while (size > 0 && strchr(" \t\r\n", object[size - 1]) != NULL) {
            size--;
        }
        if (size < 2 || *object != '{' || object[size - 1] != '}') {
            return cli_usage(job->session, err,
                             "option '--metadata': '%s' is neither a JSON object nor KEY=TEXT",
                             given->items[i]);
        }
        if (strspn(object + 1, " \t\r\n") < size - 2) {
            members = cli_format("%s%s%.*s", members, *members == '\0' ? "" : ",", (int)(size - 2),
                                 object + 1);
        }
    }
    job->metadata = given->count == 0 ? NULL : cli_format("{%s}", members);
    return KTK_OK;
}

static ktk_status check_scope(struct job *job, ktk_error *err) {
    const struct update_values *values = job->values;

    if (job->kind == UPDATE_WRITE && values->on_conflict != NULL && !values->overwrite) {
        return cli_usage(job->session, err, "--on-conflict is for --overwrite");
    }
    if (job->kind != UPDATE_REPLACE && job->kind != UPDATE_DELETE) {
        return KTK_OK;
    }
    if ((values->where != NULL) == values->all) {
        return cli_usage(job->session, err, "%s: --where PREDICATE or --all",
                         values->all ? "just one can say what goes" : "nothing says what goes");
    }
    return cli_where(&job->scope, job->session, values->where, err);
}

static size_t files_of_partition(const struct job *job) {
    return job->values->tables.count > 1 ? job->values->tables.count : 1;
}

static ktk_status find_inputs(struct job *job, const char *const *paths, size_t count,
                              ktk_error *err) {
    ktk_status status = KTK_OK;
    bool has_standard_input = false;

    if (job->kind == UPDATE_APPEND && count == 0 && job->values->metadata.count == 0) {
        return cli_usage(job->session, err, "there is nothing to append: name files or --metadata");
    }
    if (count % files_of_partition(job) != 0) {
        return cli_usage(job->session, err,
                         "%zu files are not one of each of the %zu tables for every partition",
                         count, files_of_partition(job));
    }
    job->inputs = cli_alloc(count, sizeof(*job->inputs));
    job->input_count = count;
    for (size_t i = 0; i < count && status == KTK_OK; i++) {
        if (has_standard_input && strcmp(paths[i], "-") == 0) {
            return cli_usage(job->session, err, "standard input can be read once only");
        }
        has_standard_input = has_standard_input || strcmp(paths[i], "-") == 0;
        status = cli_input_init(&job->inputs[i], job->session, paths[i], job->values->input_format,
                                job->values->delimiter, err);
        if (status == KTK_OK) {
            status = cli_input_check(&job->inputs[i], err);
        }
    }
    return status;
}

/* ---- the update ---- */

/* The arrays are never freed: the update needs them to its end. */
static void choose_columns(ktk_parquet_write_options *out, const struct update_values *values) {
    ktk_parquet_column_options *columns = cli_alloc(values->bloom.count, sizeof(*columns));
    ktk_parquet_sorting_column *sorting = cli_alloc(values->sorted_by.count, sizeof(*sorting));

    for (size_t i = 0; i < values->bloom.count; i++) {
        columns[i] =
            (ktk_parquet_column_options){.path = values->bloom.items[i], .bloom_filter = true};
    }
    for (size_t i = 0; i < values->sorted_by.count; i++) {
        sorting[i] = (ktk_parquet_sorting_column){.path = values->sorted_by.items[i]};
    }
    out->columns = columns;
    out->column_count = values->bloom.count;
    out->sorting = sorting;
    out->sorting_count = values->sorted_by.count;
}

/* The place of a text among choices, of which there is a last one; 0 if none is given. */
static int choice(const char *const *choices, int last, const char *text) {
    int i = text == NULL ? 0 : last;

    while (i > 0 && strcmp(choices[i], text) != 0) {
        i--;
    }
    return i;
}

/* Files that are read for an index; their sizes are not known. */
static bool go_on(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return cli_progress_files(files, file_count, -1);
}

static ktk_on_conflict choose_on_conflict(const struct job *job) {
    const char *text = job->values->on_conflict;

    return job->kind != UPDATE_WRITE
               ? (ktk_on_conflict)choice(cli_on_conflicts, KTK_ON_CONFLICT_REEVALUATE, text)
           : choice(cli_overwrite_conflicts, 1, text) == 1 ? KTK_ON_CONFLICT_FORCE
                                                           : KTK_ON_CONFLICT_FAIL;
}

static ktk_status begin_update(ktk_update **out, const struct job *job, ktk_error *err) {
    const struct update_values *values = job->values;
    ktk_update_options update = KTK_UPDATE_OPTIONS_INIT;
    ktk_status status = KTK_OK;

    update.mode = job->kind != UPDATE_WRITE ? KTK_UPDATE_UPDATE
                  : values->overwrite       ? KTK_UPDATE_OVERWRITE
                                            : KTK_UPDATE_CREATE;
    update.table = values->tables.count == 1 ? values->tables.items[0] : NULL;
    update.partition_on = values->partition_on.items;
    update.partition_on_count = values->partition_on.count;
    update.metadata = job->metadata;
    update.progress = cli_progress_update;
    update.index_progress = go_on;
    update.on_conflict = choose_on_conflict(job);
    update.delete_mode =
        (ktk_delete_mode)choice(cli_delete_modes, KTK_DELETE_WHOLE_PARTITIONS, values->delete_mode);
    update.dry_run = values->dry_run;
    choose_columns(&update.file, values);
    if (values->compression != NULL) {
        status = ktk_compression_parse(&update.file.compression, values->compression, err);
    }
    return status != KTK_OK ? status
                            : ktk_update_begin(out, job->session->store, job->uuid, &update, err);
}

static ktk_status delete_scope(ktk_update *update, const struct job *job, ktk_error *err) {
    if (job->values->all) {
        return ktk_update_delete_all(update, err);
    }
    return job->scope == NULL ? KTK_OK : ktk_update_delete(update, job->scope, err);
}

static ktk_status open_input(struct ArrowArrayStream *out, const struct job *job,
                             const struct input *input, ktk_error *err) {
    ktk_csv_read_options csv = KTK_CSV_READ_OPTIONS_INIT;
    int64_t row_count = -1;
    ktk_status status;

    csv.no_header = job->values->no_header;
    csv.null_values = job->values->nulls.items;
    csv.null_value_count = job->values->nulls.count;
    csv.type_columns = job->type_columns.items;
    csv.type_names = job->type_names.items;
    csv.type_count = job->type_columns.count;
    csv.optional_types = job->values->tables.count > 1;
    status = cli_input_open(out, job->session, input, &csv, &row_count, err);
    if (status == KTK_OK) {
        cli_progress_expect(row_count);
    }
    return status;
}

/* A partition, of one file of each table. */
static ktk_status add_inputs(ktk_update *update, const struct job *job, const struct input *inputs,
                             size_t count, ktk_error *err) {
    struct ArrowArrayStream *streams = cli_alloc(count, sizeof(*streams));
    ktk_table_stream *tables = cli_alloc(count, sizeof(*tables));
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        streams[i].release = NULL;
        tables[i].stream = &streams[i];
        tables[i].table = count == 1 ? NULL : job->values->tables.items[i];
    }
    for (size_t i = 0; i < count && status == KTK_OK; i++) {
        status = open_input(&streams[i], job, &inputs[i], err);
    }
    if (status == KTK_OK) {
        return ktk_update_add_tables(update, tables, count, NULL, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (streams[i].release != NULL) {
            streams[i].release(&streams[i]);
        }
    }
    return status;
}

/* ---- what it tells ---- */

static void print_members(struct json *json, const struct job *job, const ktk_commit *commit) {
    cli_json_key(json, "rows");
    cli_json_number(json, commit->row_count);
    cli_json_key(json, "partitions");
    cli_json_number(json, commit->partition_count);
    if (job->kind == UPDATE_REPLACE || job->kind == UPDATE_DELETE) {
        cli_json_key(json, "removed_partitions");
        cli_json_number(json, commit->removed_count - commit->rewritten_count);
        cli_json_key(json, "rewritten_partitions");
        cli_json_number(json, commit->rewritten_count);
    }
    cli_json_key(json, "commit");
    cli_json_text(json, commit->id);
    cli_json_key(json, "attempts");
    cli_json_number(json, commit->attempts);
    cli_json_key(json, "met_foreign_writer");
    cli_json_bool(json, commit->met_foreign_writer);
}

static const char *tell_added(const ktk_commit *commit) {
    return cli_format("%s in %s", cli_count(commit->row_count, "row", "rows"),
                      cli_count(commit->partition_count, "partition", "partitions"));
}

/* "2 partitions", or "2 partitions and some rows of 1 more". */
static const char *tell_removed(int64_t removed, int64_t rewritten) {
    const char *whole = cli_count(removed, "partition", "partitions");

    return rewritten == 0 ? whole
                          : cli_format("%s and some rows of %s more", whole, cli_number(rewritten));
}

static void print_commit(const struct output *output, const struct job *job,
                         const ktk_commit *commit) {
    const char *added = tell_added(commit);
    const char *removed =
        tell_removed(commit->removed_count - commit->rewritten_count, commit->rewritten_count);
    struct json json = {.file = output->file};

    if (job->values->json) {
        cli_json_begin_object(&json);
        cli_json_key(&json, "dataset");
        cli_json_text(&json, job->uuid);
        print_members(&json, job, commit);
        cli_json_end_object(&json);
        cli_json_end(&json);
        return;
    }
    switch (job->kind) {
    case UPDATE_WRITE:
        fprintf(output->file, "wrote '%s': %s", job->uuid, added);
        break;
    case UPDATE_APPEND:
        if (job->input_count == 0) {
            fprintf(output->file, "set metadata of '%s'", job->uuid);
        } else {
            fprintf(output->file, "appended to '%s': %s", job->uuid, added);
        }
        break;
    case UPDATE_REPLACE:
        fprintf(output->file, "replaced in '%s': %s by %s", job->uuid, removed, added);
        break;
    case UPDATE_DELETE:
        fprintf(output->file, "deleted from '%s': %s", job->uuid, removed);
        break;
    }
    fprintf(output->file, ", commit %s\n", commit->id);
}

static void print_effect(const struct output *output, const struct job *job, ktk_update *update,
                         const ktk_update_effect *effect) {
    struct json json = {.file = output->file};
    const char *label;

    if (!job->values->json) {
        for (int64_t i = 0; (label = ktk_update_removed_label(update, i)) != NULL; i++) {
            fprintf(output->file, "%s\n", label);
        }
        fprintf(output->file, "would go from '%s': %s, %s, %s\n", job->uuid,
                tell_removed(effect->removed_count, effect->rewritten_count),
                cli_count(effect->row_count, "row", "rows"), cli_size(effect->removed_bytes));
        return;
    }
    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, job->uuid);
    cli_json_key(&json, "labels");
    cli_json_begin_array(&json);
    for (int64_t i = 0; (label = ktk_update_removed_label(update, i)) != NULL; i++) {
        cli_json_text(&json, label);
    }
    cli_json_end_array(&json);
    cli_json_key(&json, "removed_partitions");
    cli_json_number(&json, effect->removed_count);
    cli_json_key(&json, "rewritten_partitions");
    cli_json_number(&json, effect->rewritten_count);
    cli_json_key(&json, "removed_rows");
    cli_json_number(&json, effect->row_count);
    cli_json_key(&json, "removed_bytes");
    cli_json_number(&json, effect->removed_bytes);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status preview(const struct job *job, ktk_update *update, ktk_error *err) {
    struct output output = {0};
    ktk_update_effect effect;
    ktk_status status = ktk_update_preview(update, &effect, err);

    cli_progress_end();
    if (status == KTK_OK) {
        status = cli_output_open(&output, NULL, err);
    }
    if (status == KTK_OK) {
        print_effect(&output, job, update, &effect);
        status = cli_output_finish(&output, err);
    }
    cli_output_clear(&output);
    return status;
}

static ktk_status commit(const struct job *job, ktk_update *update, ktk_error *err) {
    struct output output = {0};
    ktk_commit commit;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < job->input_count && status == KTK_OK; i += files_of_partition(job)) {
        status = add_inputs(update, job, &job->inputs[i], files_of_partition(job), err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, err);
    }
    cli_progress_end();
    if (status == KTK_OK) {
        status = cli_output_open(&output, NULL, err);
    }
    if (status == KTK_OK) {
        print_commit(&output, job, &commit);
        status = cli_output_finish(&output, err);
    }
    cli_output_clear(&output);
    return status;
}

static ktk_status update_dataset(const struct job *job, ktk_error *err) {
    ktk_update *update = NULL;
    ktk_status status = begin_update(&update, job, err);

    cli_progress_begin();
    for (size_t i = 0; i < job->values->indices.count && status == KTK_OK; i++) {
        status = ktk_update_build_index(update, job->values->indices.items[i], err);
    }
    if (status == KTK_OK) {
        status = delete_scope(update, job, err);
    }
    if (status == KTK_OK) {
        status = job->values->dry_run ? preview(job, update, err) : commit(job, update, err);
    }
    cli_progress_end();
    ktk_update_free(update);
    return status;
}

int cli_update(struct session *session, enum update_kind kind, const struct update_values *values,
               const char *uuid, const char *const *paths, size_t path_count) {
    struct job job = {.session = session, .kind = kind, .values = values, .uuid = uuid};
    ktk_error err = {0};
    ktk_status status = split_types(&job, &err);

    if (status == KTK_OK) {
        status = join_metadata(&job, &err);
    }
    if (status == KTK_OK) {
        status = check_scope(&job, &err);
    }
    if (status == KTK_OK) {
        status = find_inputs(&job, paths, path_count, &err);
    }
    if (status == KTK_OK) {
        status = cli_open_store(session, kind == UPDATE_WRITE, &err);
    }
    if (status == KTK_OK) {
        status = update_dataset(&job, &err);
    }
    ktk_predicate_free(job.scope);
    if (status == KTK_E_CANCELLED && cli_was_interrupted()) {
        (void)ktk_error_set(&err, status, "interrupted, nothing was written");
    }
    return status == KTK_OK ? EXIT_DONE : cli_fail(session, status, &err);
}
