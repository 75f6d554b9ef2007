/* info: what a dataset is, at a glance. */
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "render.h"
#include "session.h"
#include "verbs.h"
#include "version.h"

struct info_values {
    struct version_values state;
    bool rows;
    bool json;
};

static const struct option options[] = {
    {0, "rows", NULL, OPTION_FLAG, offsetof(struct info_values, rows),
     "count the rows, which reads the end of every file", NULL},
    CLI_VERSION_OPTIONS(struct info_values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct info_values, json), "print JSON", NULL},
};

struct table_facts {
    const char *name;
    int64_t file_count;
    int64_t size;
    int64_t row_count; /* -1: not asked for */
};

struct facts {
    const ktk_dataset *dataset;
    const char *created; /* NULL: not said */
    const char *commit;  /* JSON; NULL: not by this library */
    struct text_list keys;
    struct table_facts *tables;
    int32_t table_count;
    size_t all_count; /* files of any kind */
    int64_t all_size;
};

/* ---- facts ---- */

static ktk_status count_rows(struct table_facts *facts, ktk_dataset *dataset, ktk_error *err) {
    int64_t count = ktk_dataset_partition_count(dataset);
    ktk_status status = KTK_OK;

    facts->row_count = 0;
    for (int64_t i = 0; i < count && status == KTK_OK; i++) {
        int64_t rows = 0;

        if (ktk_dataset_partition_file(dataset, i, facts->name) != NULL) {
            status = cli_count_rows(&rows, dataset, i, facts->name, err);
            facts->row_count += rows;
        }
    }
    return status;
}

static ktk_status find_table(struct table_facts *facts, ktk_dataset *dataset,
                             const struct file_list *files, bool with_rows, ktk_error *err) {
    int64_t count = ktk_dataset_partition_count(dataset);

    facts->row_count = -1;
    for (int64_t i = 0; i < count; i++) {
        const char *key = ktk_dataset_partition_file(dataset, i, facts->name);

        if (key != NULL) {
            int64_t size = cli_files_size(files, key);

            facts->file_count++;
            facts->size += size > 0 ? size : 0;
        }
    }
    return with_rows ? count_rows(facts, dataset, err) : KTK_OK;
}

static ktk_status find_facts(struct facts *facts, ktk_dataset *dataset, bool with_rows,
                             ktk_error *err) {
    struct file_list files;
    size_t size;
    const char *metadata = ktk_dataset_metadata(dataset, &size);
    ktk_status status =
        cli_files_list(&files, ktk_dataset_store(dataset), ktk_dataset_uuid(dataset), err);

    *facts = (struct facts){.dataset = dataset};
    if (status != KTK_OK) {
        return status;
    }
    facts->created = cli_json_find(metadata, size, "creation_time");
    facts->commit = cli_json_find(metadata, size, "ktk.commit");
    facts->all_count = files.count;
    for (size_t i = 0; i < files.count; i++) {
        facts->all_size += files.items[i].size > 0 ? files.items[i].size : 0;
    }
    for (int32_t i = 0; i < ktk_dataset_partition_key_count(dataset); i++) {
        cli_list_add(&facts->keys, ktk_dataset_partition_key(dataset, i));
    }
    facts->table_count = ktk_dataset_table_count(dataset);
    facts->tables = cli_alloc((size_t)facts->table_count, sizeof(*facts->tables));
    for (int32_t i = 0; i < facts->table_count && status == KTK_OK; i++) {
        facts->tables[i].name = ktk_dataset_table(dataset, i);
        status = find_table(&facts->tables[i], dataset, &files, with_rows, err);
    }
    return status;
}

/* ---- JSON ---- */

static void print_tables_json(struct json *json, const struct facts *facts) {
    cli_json_begin_array(json);
    for (int32_t i = 0; i < facts->table_count; i++) {
        cli_json_begin_object(json);
        cli_json_key(json, "table");
        cli_json_text(json, facts->tables[i].name);
        cli_json_key(json, "files");
        cli_json_number(json, facts->tables[i].file_count);
        cli_json_key(json, "size");
        cli_json_number(json, facts->tables[i].size);
        if (facts->tables[i].row_count >= 0) {
            cli_json_key(json, "rows");
            cli_json_number(json, facts->tables[i].row_count);
        }
        cli_json_end_object(json);
    }
    cli_json_end_array(json);
}

static void print_indices_json(struct json *json, const ktk_dataset *dataset) {
    cli_json_begin_object(json);
    for (int32_t i = 0; i < ktk_dataset_index_count(dataset); i++) {
        cli_json_key(json, ktk_dataset_index_column(dataset, i));
        cli_json_text(json, ktk_dataset_index_key(dataset, i));
    }
    cli_json_end_object(json);
}

static void print_json(const struct output *output, const struct facts *facts) {
    struct json json = {.file = output->file};
    size_t size;
    const char *metadata = ktk_dataset_metadata(facts->dataset, &size);

    cli_json_begin_object(&json);
    cli_json_key(&json, "dataset");
    cli_json_text(&json, ktk_dataset_uuid(facts->dataset));
    cli_json_key(&json, "store");
    cli_json_text(&json, ktk_store_name(ktk_dataset_store(facts->dataset)));
    cli_json_key(&json, "created");
    cli_json_text(&json, facts->created);
    cli_json_key(&json, "commit");
    if (facts->commit == NULL) {
        cli_json_text(&json, NULL);
    } else {
        cli_json_raw(&json, facts->commit, strlen(facts->commit));
    }
    cli_json_key(&json, "explicit");
    cli_json_bool(&json, ktk_dataset_is_explicit(facts->dataset));
    cli_json_key(&json, "partitions");
    cli_json_number(&json, ktk_dataset_partition_count(facts->dataset));
    cli_json_key(&json, "partition_keys");
    cli_json_texts(&json, &facts->keys);
    cli_json_key(&json, "tables");
    print_tables_json(&json, facts);
    cli_json_key(&json, "indices");
    print_indices_json(&json, facts->dataset);
    cli_json_key(&json, "files");
    cli_json_number(&json, (int64_t)facts->all_count);
    cli_json_key(&json, "size");
    cli_json_number(&json, facts->all_size);
    cli_json_key(&json, "metadata");
    cli_json_raw(&json, metadata, size);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

/* ---- text ---- */

static void print_commit(const struct output *output, const char *commit) {
    size_t size = commit == NULL ? 0 : strlen(commit);
    const char *id = size == 0 ? NULL : cli_json_find(commit, size, "id");
    const char *op = size == 0 ? NULL : cli_json_find(commit, size, "op");
    const char *time = size == 0 ? NULL : cli_json_find(commit, size, "time");

    if (id != NULL) {
        cli_print_fact(output, "commit", "%s%s%s%s%s", id, op == NULL ? "" : ", ",
                       op == NULL ? "" : op, time == NULL ? "" : ", ", time == NULL ? "" : time);
    }
}

/* What the user gave, a line each; the rest has been shown. */
static void print_metadata(const struct output *output, const ktk_dataset *dataset) {
    size_t size;
    const char *metadata = ktk_dataset_metadata(dataset, &size);
    struct json_members members = {metadata, metadata, metadata + size};
    struct json_member member;

    while (cli_json_next(&members, &member)) {
        if (strcmp(member.key, "creation_time") != 0 && strncmp(member.key, "ktk.", 4) != 0) {
            cli_print_fact(output, "metadata", "%s: %.*s", member.key, (int)member.size,
                           member.value);
        }
    }
}

static void print_text(const struct output *output, const struct facts *facts) {
    const ktk_dataset *dataset = facts->dataset;
    int64_t partitions = ktk_dataset_partition_count(dataset);

    cli_print_fact(output, "dataset", "%s", ktk_dataset_uuid(dataset));
    cli_print_fact(output, "store", "%s", ktk_store_name(ktk_dataset_store(dataset)));
    cli_print_fact(output, "created", "%s", facts->created == NULL ? "not said" : facts->created);
    print_commit(output, facts->commit);
    cli_print_fact(output, "partitions", "%s%s", cli_number(partitions),
                   ktk_dataset_is_explicit(dataset) ? "" : ", found by listing the store");
    cli_print_fact(output, "partitioned by", "%s",
                   facts->keys.count == 0 ? "nothing" : cli_join(&facts->keys));
    for (int32_t i = 0; i < facts->table_count; i++) {
        const struct table_facts *table = &facts->tables[i];
        const char *rows = table->row_count < 0
                               ? ""
                               : cli_format(", %s", cli_count(table->row_count, "row", "rows"));

        cli_print_fact(output, "table", "%s: %s, %s%s", table->name,
                       cli_count(table->file_count, "file", "files"), cli_size(table->size), rows);
    }
    for (int32_t i = 0; i < ktk_dataset_index_count(dataset); i++) {
        const char *key = ktk_dataset_index_key(dataset, i);

        cli_print_fact(output, "index", "%s: %s", ktk_dataset_index_column(dataset, i),
                       key == NULL ? "in the document" : key);
    }
    cli_print_fact(output, "all files", "%s, %s", cli_number((int64_t)facts->all_count),
                   cli_size(facts->all_size));
    print_metadata(output, dataset);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct info_values *values = values_given;
    ktk_dataset *dataset = NULL;
    struct facts facts;
    ktk_status status = cli_open_dataset(&dataset, session, operands[0], &values->state, err);

    (void)operand_count;
    if (status == KTK_OK) {
        status = find_facts(&facts, dataset, values->rows, err);
    }
    if (status == KTK_OK && values->json) {
        print_json(output, &facts);
    } else if (status == KTK_OK) {
        print_text(output, &facts);
    }
    ktk_dataset_free(dataset);
    return status;
}

static const struct example examples[] = {
    {"ktk info flights", "what it is, where and how large"},
    {"ktk info flights --rows --json", "everything, for a script"},
};

const struct verb cli_info = {
    .name = "info",
    .summary = "show what a dataset is: partitions, keys, tables, sizes",
    .operands = "DATASET",
    .description = "Show when a dataset was created, its last commit, the number of partitions, "
                   "the columns it is partitioned by, tables, secondary indices, sizes and the "
                   "user's metadata.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct info_values),
    .operand_min = 1,
    .operand_max = 1,
    .needs_store = true,
    .first = OPERAND_DATASET,
    .print = print,
};
