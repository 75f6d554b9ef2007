#include "update/input.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "update/file_write.h"
#include "update/put_ahead.h"
#include "update/update_base.h"
#include "update/update_tables.h"
#include "update/write_groups.h"

/* The rows of one table. */
struct input_table {
    struct stream_reader reader;
    int32_t *keys; /* indices of the partition columns */
    struct partition_rows rows;
    uint32_t *places; /* of each group: the partition, counted from the first of the input */
};

struct input {
    struct ktk_update *update;
    const char *label;          /* base name of the files */
    bool is_given;              /* the label is the caller's */
    int32_t table_count;        /* that of the update */
    struct input_table *tables; /* in the order of the update's, as are the next two */
    struct schema **schemas;    /* normalised; owned */
    const char **origins;
    struct buffer labels;  /* const char *: of the partitions of the input */
    struct hash_map known; /* of `labels`; the value is the place */
};

/* ---- checks ---- */

/* Labels may have folders of their own; with partition columns the folders are ours. */
static ktk_status check_label(const struct ktk_update *update, const char *label, ktk_error *err) {
    const char *at = label;

    if (update->partition_on_count > 0 && strchr(label, '/') != NULL) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "label '%s' must not contain '/' where rows are split by columns",
                             label);
    }
    for (;;) {
        size_t size = strcspn(at, "/");

        if (size == 0 || (size <= 2 && strncmp(at, "..", size) == 0)) {
            return ktk_error_set(err, KTK_E_INVALID, "label '%s' makes no file name", label);
        }
        if (at[size] == '\0') {
            return KTK_OK;
        }
        at += size + 1;
    }
}

static ktk_status take_label(struct input *input, const char *label, ktk_error *err) {
    char fresh[KTKI_UUID_TEXT_SIZE];
    ktk_status status = KTK_OK;

    input->is_given = label != NULL;
    if (label == NULL) {
        KTKI_TRY(ktki_uuid7(fresh, err));
        label = fresh;
    }
    KTKI_TRY(check_label(input->update, label, err));
    KTKI_TRY(ktki_update_text(input->update, &input->label, err, "%s", label));
out:
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static ktk_status missing_columns(const struct ktk_update *update, const char **names,
                                  int32_t count, ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, update->allocator, 0);
    qsort(names, (size_t)count, sizeof(*names), compare_names);
    for (int32_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_buffer_append_format(&text, err, "%s%s", i == 0 ? "" : ", ", names[i]));
    }
    KTKI_FAIL(err, KTK_E_INVALID, "Partition column(s) missing: %.*s", (int)text.size,
              (const char *)text.data);
out:
    ktki_buffer_clear(&text);
    return status;
}

/* Indices of the partition columns, which an index of the frame cannot be. */
static ktk_status find_keys(struct ktk_update *update, struct input_table *table,
                            const bool *index_marks, ktk_error *err) {
    const struct schema *schema = table->reader.schema;
    int32_t count = update->partition_on_count;
    const char **missing = NULL;
    int32_t missing_count = 0;
    int32_t data_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_arena_array(&update->arena, (size_t)count, sizeof(*table->keys), &table->keys, err));
    KTKI_TRY(ktki_alloc_array(update->allocator, (size_t)count, sizeof(*missing), &missing, err));
    for (int32_t i = 0; i < count; i++) {
        int32_t index = ktki_schema_find(schema, update->partition_on[i]);

        table->keys[i] = index;
        if (index < 0 || index_marks[index]) {
            missing[missing_count++] = update->partition_on[i];
        }
    }
    if (missing_count > 0) {
        KTKI_TRY(missing_columns(update, missing, missing_count, err));
    }
    for (int32_t i = 0; i < schema->field_count; i++) {
        data_count += !index_marks[i];
    }
    if (count > 0 && data_count == count) {
        KTKI_FAIL(err, KTK_E_INVALID, "No data left to save outside partition columns");
    }
out:
    ktki_free_array(update->allocator, missing, (size_t)count, sizeof(*missing));
    return status;
}

static ktk_status check_columns(struct ktk_update *update, struct input_table *table,
                                ktk_error *err) {
    const struct schema *schema = table->reader.schema;
    bool *index_marks = NULL;
    ktk_status status = KTK_OK;

    if (schema->field_count == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "a frame without columns cannot be stored");
    }
    KTKI_TRY(ktki_alloc_array(update->allocator, (size_t)schema->field_count, sizeof(*index_marks),
                              &index_marks, err));
    KTKI_TRY(ktki_pandas_index_marks(schema, index_marks, err));
    KTKI_TRY(find_keys(update, table, index_marks, err));
out:
    ktki_free_array(update->allocator, index_marks, (size_t)schema->field_count,
                    sizeof(*index_marks));
    return status;
}

/* ---- tables ---- */

static ktk_status take_tables(struct input *input, const ktk_table_stream *tables, size_t count,
                              ktk_error *err) {
    struct ktk_update *update = input->update;
    const char **names = NULL;
    ktk_status status = KTK_OK;

    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_INVALID, "%zu tables are too many", count);
    }
    KTKI_TRY(ktki_alloc_array(update->allocator, count, sizeof(*names), &names, err));
    for (size_t i = 0; i < count; i++) {
        names[i] = tables[i].table == NULL ? update->table : tables[i].table;
    }
    KTKI_TRY(ktki_update_take_tables(update, names, (int32_t)count, err));
    KTKI_TRY(ktki_arena_zeroed(&update->arena, count, sizeof(*input->tables), &input->tables, err));
    KTKI_TRY(
        ktki_arena_zeroed(&update->arena, count, sizeof(*input->schemas), &input->schemas, err));
    KTKI_TRY(
        ktki_arena_zeroed(&update->arena, count, sizeof(*input->origins), &input->origins, err));
    input->table_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        int32_t at = ktki_update_find_table(update, names[i]);

        KTKI_TRY(
            ktki_update_text(update, &input->origins[at], err, "%s/%s", names[i], input->label));
        KTKI_TRY(
            ktki_reader_init(&input->tables[at].reader, update->context, tables[i].stream, err));
    }
out:
    ktki_free_array(update->allocator, names, count, sizeof(*names));
    return status;
}

/* The schemas of the tables with this input must fit those before. */
static ktk_status agree(struct input *input, ktk_error *err) {
    struct ktk_update *update = input->update;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < input->table_count; i++) {
        KTKI_TRY(check_columns(update, &input->tables[i], err));
        KTKI_TRY(ktki_table_schema_normalise(&input->schemas[i], input->tables[i].reader.schema,
                                             update->partition_on, update->partition_on_count,
                                             err));
    }
    KTKI_TRY(ktki_update_join_schemas(update, input->schemas, input->origins, err));
out:
    return status;
}

/* ---- labels ---- */

/* Take a label to those that came more than once, unless it is there. */
static ktk_status note_repeated(struct ktk_update *update, const char *label, uint64_t place,
                                ktk_error *err) {
    const struct repeated_label added = {label, place};
    struct repeated_label *repeated = (struct repeated_label *)update->repeated.data;
    size_t count = update->repeated.size / sizeof(*repeated);
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        if (repeated[i].place == place) {
            goto out;
        }
    }
    KTKI_TRY(ktki_buffer_append(&update->repeated, &added, sizeof(added), err));
    repeated = (struct repeated_label *)update->repeated.data;
    for (; count > 0 && repeated[count - 1].place > place; count--) {
        repeated[count] = repeated[count - 1];
    }
    repeated[count] = added;
out:
    return status;
}

static ktk_status fail_repeated(const struct ktk_update *update, ktk_error *err) {
    const char *label;
    struct buffer quoted;
    struct buffer subject;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&quoted, update->allocator, 0);
    ktki_buffer_init(&subject, update->allocator, 0);
    for (size_t i = 0; (label = ktk_update_repeated_label(update, i)) != NULL; i++) {
        const char *comma = i == 0 ? "" : ", ";

        KTKI_TRY(ktki_buffer_append_format(&quoted, err, "%s'%s'", comma, label));
        KTKI_TRY(ktki_buffer_append_format(&subject, err, "%s%s", comma, label));
    }
    KTKI_TRY(ktki_buffer_append_byte(&subject, '\0', err));
    status = ktk_error_set(err, KTK_E_INVALID,
                           "the labels %.*s are duplicated; dataset metadata was not written",
                           (int)quoted.size, (const char *)quoted.data);
    ktki_error_about(err, KTK_REASON_DUPLICATE_LABELS, (const char *)subject.data);
out:
    ktki_buffer_clear(&subject);
    ktki_buffer_clear(&quoted);
    return status;
}

/* Add entries for the files to come; their labels must be new to the update, as must those of all
 * inputs before. */
static ktk_status add_files(struct input *input, ktk_error *err) {
    const char *const *labels = (const char *const *)input->labels.data;
    size_t count = input->labels.size / sizeof(*labels);
    struct ktk_update *update = input->update;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        const struct written_file file = {.label = labels[i]};
        uint64_t *place;
        bool is_new;

        KTKI_TRY(ktki_hash_map_insert(&update->labels, labels[i], strlen(labels[i]),
                                      update->labels.count, &place, &is_new, err));
        if (!is_new) {
            KTKI_TRY(note_repeated(update, labels[i], *place, err));
        }
        if (input->is_given) {
            KTKI_TRY(ktki_update_check_label(update, labels[i], err));
        }
        for (int32_t j = 0; j < input->table_count; j++) {
            KTKI_TRY(ktki_buffer_append(&update->files, &file, sizeof(file), err));
        }
    }
    if (update->repeated.size > 0) {
        KTKI_TRY(fail_repeated(update, err));
    }
out:
    return status;
}

/* `[column=value/]…label` of a group. */
static ktk_status group_label(struct input *input, const struct batch *keys, uint32_t group,
                              struct buffer *scratch, const char **out, ktk_error *err) {
    struct ktk_update *update = input->update;
    struct buffer label;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&label, update->allocator, 0);
    for (int32_t i = 0; i < update->partition_on_count; i++) {
        const char *column = update->partition_on[i];

        scratch->size = 0;
        KTKI_TRY(ktki_partition_value_text(scratch, &keys->schema->fields[i], &keys->columns[i],
                                           group, err));
        KTKI_TRY(ktki_quote(&label, column, strlen(column), false, err));
        KTKI_TRY(ktki_buffer_append_byte(&label, '=', err));
        KTKI_TRY(ktki_quote(&label, (const char *)scratch->data, scratch->size, false, err));
        KTKI_TRY(ktki_buffer_append_byte(&label, '/', err));
    }
    KTKI_TRY(ktki_buffer_append_text(&label, input->label, err));
    KTKI_TRY(ktki_arena_text(&update->arena, (const char *)label.data, label.size, out, err));
out:
    ktki_buffer_clear(&label);
    return status;
}

/* The place of a partition of the input, a new one if the label is new to it. */
static ktk_status find_place(struct input *input, const char *label, uint32_t *out,
                             ktk_error *err) {
    uint64_t count = input->labels.size / sizeof(label);
    uint64_t *place;
    bool is_new;
    ktk_status status = KTK_OK;

    if (count > UINT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "an input cannot be split into more than %lld partitions",
                  (long long)UINT32_MAX);
    }
    KTKI_TRY(
        ktki_hash_map_insert(&input->known, label, strlen(label), count, &place, &is_new, err));
    *out = (uint32_t)*place;
    if (is_new) {
        KTKI_TRY(ktki_buffer_append(&input->labels, &label, sizeof(label), err));
    }
out:
    return status;
}

/* The partitions of the groups of a table. */
static ktk_status place_groups(struct input *input, struct input_table *table, ktk_error *err) {
    struct buffer scratch;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&scratch, input->update->allocator, 0);
    KTKI_TRY(ktki_alloc_array(input->update->allocator, table->rows.group_count,
                              sizeof(*table->places), &table->places, err));
    for (uint32_t group = 0; group < table->rows.group_count; group++) {
        const char *label;

        KTKI_TRY(group_label(input, &table->rows.keys, group, &scratch, &label, err));
        KTKI_TRY(find_place(input, label, &table->places[group], err));
    }
out:
    ktki_buffer_clear(&scratch);
    return status;
}

/* ---- writing ---- */

/* The entries of the input, of which the first is at `before` bytes. */
static struct written_file *file_at(const struct input *input, size_t before, size_t partition,
                                    int32_t table) {
    return (struct written_file *)(void *)(input->update->files.data + before) +
           partition * (size_t)input->table_count + table;
}

/* All rows that are left of a table into one file. */
static ktk_status write_rest(struct file_write *write, struct stream_reader *reader,
                             ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(ktki_file_write_take(write, &batch, err));
        batch = (struct batch){0};
    }
out:
    ktki_batch_clear(&batch);
    return status;
}

static ktk_status put_file(struct input *input, struct file_write *write, struct written_file *file,
                           ktk_error *err) {
    ktk_status status = ktki_file_write_put(write, err);

    return status == KTK_OK ? ktki_update_count(input->update, file, err) : status;
}

/* One partition. */
static ktk_status write_whole(struct input *input, ktk_error *err) {
    struct ktk_update *update = input->update;
    size_t before = update->files.size;
    struct file_write write = {0};
    struct schema *file_schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(&input->labels, &input->label, sizeof(input->label), err));
    KTKI_TRY(add_files(input, err));
    KTKI_TRY(ktki_put_ahead_begin(update, (size_t)input->table_count, err));
    for (int32_t i = 0; i < input->table_count; i++) {
        struct stream_reader *reader = &input->tables[i].reader;

        KTKI_TRY(ktki_table_schema_of_file(&file_schema, reader->schema, NULL, 0, err));
        KTKI_TRY(ktki_file_write_init(&write, update, i, file_schema, err));
        ktki_file_write_begin(&write, file_at(input, before, 0, i), input->is_given);
        KTKI_TRY(write_rest(&write, reader, err));
        KTKI_TRY(put_file(input, &write, file_at(input, before, 0, i), err));
        ktki_file_write_clear(&write);
        ktki_schema_free(file_schema);
        file_schema = NULL;
    }
out:
    ktki_file_write_clear(&write);
    ktki_schema_free(file_schema);
    return status;
}

/* Partitions that have rows of other tables only get an empty file of this one. */
static ktk_status write_empty(struct input *input, int32_t table, size_t before, ktk_error *err) {
    struct ktk_update *update = input->update;
    size_t count = input->labels.size / sizeof(char *);
    struct file_write write = {0};
    struct schema *file_schema = NULL;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        struct written_file *file = file_at(input, before, i, table);

        if (file->key != NULL) {
            continue;
        }
        if (file_schema == NULL) {
            KTKI_TRY(ktki_table_schema_of_file(&file_schema, input->tables[table].reader.schema,
                                               update->partition_on, update->partition_on_count,
                                               err));
            KTKI_TRY(ktki_file_write_init(&write, update, table, file_schema, err));
        }
        ktki_file_write_begin(&write, file, input->is_given);
        KTKI_TRY(put_file(input, &write, file, err));
    }
out:
    ktki_file_write_clear(&write);
    ktki_schema_free(file_schema);
    return status;
}

static ktk_status write_groups(struct input *input, int32_t table, size_t before, ktk_error *err) {
    const struct input_table *split = &input->tables[table];
    size_t count = split->rows.group_count;
    struct written_file **files = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(input->update->allocator, count, sizeof(struct written_file *),
                              &files, err));
    for (size_t i = 0; i < count; i++) {
        files[i] = file_at(input, before, split->places[i], table);
    }
    KTKI_TRY(ktki_write_groups(input->update, table, &split->rows, files, input->is_given, err));
    KTKI_TRY(write_empty(input, table, before, err));
out:
    ktki_free_array(input->update->allocator, files, count, sizeof(struct written_file *));
    return status;
}

/* The tables are split by the same columns; rows of equal values make a partition. */
static ktk_status write_split(struct input *input, ktk_error *err) {
    struct ktk_update *update = input->update;
    size_t before = update->files.size;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < input->table_count; i++) {
        struct input_table *table = &input->tables[i];

        KTKI_TRY(ktki_partition_rows_read(&table->rows, &table->reader, table->keys,
                                          update->partition_on_count, err));
        KTKI_TRY(place_groups(input, table, err));
    }
    KTKI_TRY(add_files(input, err));
    for (int32_t i = 0; i < input->table_count && input->labels.size > 0; i++) {
        KTKI_TRY(write_groups(input, i, before, err));
    }
out:
    return status;
}

static void input_clear(struct input *input) {
    for (int32_t i = 0; i < input->table_count; i++) {
        struct input_table *table = &input->tables[i];

        ktki_free_array(input->update->allocator, table->places, table->rows.group_count,
                        sizeof(*table->places));
        ktki_partition_rows_clear(&table->rows);
        ktki_reader_clear(&table->reader);
        ktki_schema_free(input->schemas[i]);
    }
    ktki_buffer_clear(&input->labels);
    ktki_hash_map_clear(&input->known);
}

static ktk_status run(struct ktk_update *update, const ktk_table_stream *tables, size_t count,
                      const char *label, bool has_rows, ktk_error *err) {
    struct input input = {.update = update};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&input.labels, update->allocator, 0);
    ktki_hash_map_init(&input.known, update->allocator);
    KTKI_TRY(take_label(&input, label, err));
    KTKI_TRY(take_tables(&input, tables, count, err));
    KTKI_TRY(agree(&input, err));
    if (has_rows) {
        KTKI_TRY(update->partition_on_count > 0 ? write_split(&input, err)
                                                : write_whole(&input, err));
    }
out:
    input_clear(&input);
    return status;
}

ktk_status ktki_input_write(struct ktk_update *update, const ktk_table_stream *tables, size_t count,
                            const char *label, ktk_error *err) {
    if (update->first_file_ms == 0) {
        update->first_file_ms = ktki_clock_now_ms(update->clock);
    }
    return run(update, tables, count, label, true, err);
}

ktk_status ktki_input_schema(struct ktk_update *update, const ktk_table_stream *tables,
                             size_t count, ktk_error *err) {
    return run(update, tables, count, NULL, false, err);
}
