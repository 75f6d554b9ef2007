#include "update/input.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "update/file_write.h"
#include "update/update_base.h"
#include "update/write_groups.h"

struct input {
    struct ktk_update *update;
    struct stream_reader reader;
    const char *label;           /* base name of the files */
    bool is_given;               /* the label is the caller's */
    int32_t *keys;               /* indices of the partition columns */
    struct schema *table_schema; /* that of the update, this input included */
    const char *origin;
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
    KTKI_TRY(
        ktki_update_text(input->update, &input->origin, err, "%s/%s", input->update->table, label));
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
static ktk_status find_keys(struct input *input, const bool *index_marks, ktk_error *err) {
    const struct ktk_update *update = input->update;
    const struct schema *schema = input->reader.schema;
    int32_t count = update->partition_on_count;
    const char **missing = NULL;
    int32_t missing_count = 0;
    int32_t data_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&input->update->arena, (size_t)count, sizeof(*input->keys),
                              &input->keys, err));
    KTKI_TRY(ktki_alloc_array(update->allocator, (size_t)count, sizeof(*missing), &missing, err));
    for (int32_t i = 0; i < count; i++) {
        int32_t index = ktki_schema_find(schema, update->partition_on[i]);

        input->keys[i] = index;
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

static ktk_status check_columns(struct input *input, ktk_error *err) {
    const struct ktk_update *update = input->update;
    const struct schema *schema = input->reader.schema;
    bool *index_marks = NULL;
    ktk_status status = KTK_OK;

    if (schema->field_count == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "a frame without columns cannot be stored");
    }
    KTKI_TRY(ktki_alloc_array(update->allocator, (size_t)schema->field_count, sizeof(*index_marks),
                              &index_marks, err));
    KTKI_TRY(ktki_pandas_index_marks(schema, index_marks, err));
    KTKI_TRY(find_keys(input, index_marks, err));
out:
    ktki_free_array(update->allocator, index_marks, (size_t)schema->field_count,
                    sizeof(*index_marks));
    return status;
}

/* The schema of the table with this input: it must fit those before. */
static ktk_status agree(struct input *input, ktk_error *err) {
    const struct ktk_update *update = input->update;
    struct schema *normal = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_table_schema_normalise(&normal, input->reader.schema, update->partition_on,
                                         update->partition_on_count, err));
    if (update->schema == NULL) {
        input->table_schema = ktki_schema_ref(normal);
    } else {
        KTKI_TRY(ktki_table_schema_agree(&input->table_schema, update->schema,
                                         update->schema_origin, normal, input->origin, err));
    }
    KTKI_TRY(ktki_update_check_schema(update, input->table_schema, input->origin, err));
out:
    ktki_schema_free(normal);
    return status;
}

/* ---- labels ---- */

/* Add entries for the files to come; their labels must be new to the update. */
static ktk_status add_files(struct input *input, const char *const *labels, size_t count,
                            ktk_error *err) {
    struct ktk_update *update = input->update;
    struct buffer duplicates;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&duplicates, update->allocator, 0);
    for (size_t i = 0; i < count; i++) {
        const struct written_file file = {.label = labels[i]};
        uint64_t *unused;
        bool is_new;

        KTKI_TRY(ktki_hash_map_insert(&update->labels, labels[i], strlen(labels[i]), 0, &unused,
                                      &is_new, err));
        if (!is_new) {
            KTKI_TRY(ktki_buffer_append_format(&duplicates, err, "%s'%s'",
                                               duplicates.size == 0 ? "" : ", ", labels[i]));
        }
        if (input->is_given) {
            KTKI_TRY(ktki_update_check_label(update, labels[i], err));
        }
        KTKI_TRY(ktki_buffer_append(&update->files, &file, sizeof(file), err));
    }
    if (duplicates.size > 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the labels %.*s are duplicated; dataset metadata was not written",
                  (int)duplicates.size, (const char *)duplicates.data);
    }
out:
    ktki_buffer_clear(&duplicates);
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

static ktk_status add_group_files(struct input *input, const struct partition_rows *rows,
                                  ktk_error *err) {
    const ktk_allocator *allocator = input->update->allocator;
    struct buffer labels;
    struct buffer scratch;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&labels, allocator, 0);
    ktki_buffer_init(&scratch, allocator, 0);
    for (uint32_t group = 0; group < rows->group_count; group++) {
        const char *label;

        KTKI_TRY(group_label(input, &rows->keys, group, &scratch, &label, err));
        KTKI_TRY(ktki_buffer_append(&labels, &label, sizeof(label), err));
    }
    KTKI_TRY(add_files(input, (const char *const *)labels.data, rows->group_count, err));
out:
    ktki_buffer_clear(&scratch);
    ktki_buffer_clear(&labels);
    return status;
}

/* ---- writing ---- */

static ktk_status write_whole(struct input *input, ktk_error *err) {
    struct ktk_update *update = input->update;
    struct file_write write = {0};
    struct schema *file_schema = NULL;
    struct batch batch = {0};
    struct written_file *file;
    ktk_status status = KTK_OK;

    KTKI_TRY(add_files(input, &input->label, 1, err));
    file = (struct written_file *)(update->files.data + update->files.size) - 1;
    KTKI_TRY(ktki_table_schema_of_file(&file_schema, input->reader.schema, NULL, 0, err));
    KTKI_TRY(ktki_file_write_init(&write, update, file_schema, err));
    for (;;) {
        KTKI_TRY(ktki_reader_next(&input->reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(ktki_file_write_take(&write, &batch, err));
        batch = (struct batch){0};
    }
    KTKI_TRY(ktki_file_write_put(&write, file, input->is_given, err));
    KTKI_TRY(ktki_update_count(update, file, err));
out:
    ktki_batch_clear(&batch);
    ktki_file_write_clear(&write);
    ktki_schema_free(file_schema);
    return status;
}

static ktk_status write_split(struct input *input, ktk_error *err) {
    struct ktk_update *update = input->update;
    size_t before = update->files.size;
    struct partition_rows rows = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_partition_rows_read(&rows, &input->reader, input->keys,
                                      update->partition_on_count, err));
    KTKI_TRY(add_group_files(input, &rows, err));
    if (update->files.size > before) {
        KTKI_TRY(ktki_write_groups(update, &rows,
                                   (struct written_file *)(update->files.data + before),
                                   input->is_given, err));
    }
out:
    ktki_partition_rows_clear(&rows);
    return status;
}

static ktk_status run(struct ktk_update *update, struct ArrowArrayStream *stream, const char *label,
                      bool has_rows, ktk_error *err) {
    struct input input = {.update = update};
    ktk_status status = KTK_OK;

    KTKI_TRY(take_label(&input, label, err));
    KTKI_TRY(ktki_reader_init(&input.reader, update->context, stream, err));
    KTKI_TRY(check_columns(&input, err));
    KTKI_TRY(agree(&input, err));
    if (has_rows) {
        KTKI_TRY(update->partition_on_count > 0 ? write_split(&input, err)
                                                : write_whole(&input, err));
    }
    ktki_schema_free(update->schema);
    update->schema = input.table_schema;
    update->schema_origin = update->schema_origin == NULL ? input.origin : update->schema_origin;
    input.table_schema = NULL;
out:
    ktki_schema_free(input.table_schema);
    ktki_reader_clear(&input.reader);
    return status;
}

ktk_status ktki_input_write(struct ktk_update *update, struct ArrowArrayStream *stream,
                            const char *label, ktk_error *err) {
    if (update->first_file_ms == 0) {
        update->first_file_ms = ktki_clock_now_ms(update->clock);
    }
    return run(update, stream, label, true, err);
}

ktk_status ktki_input_schema(struct ktk_update *update, struct ArrowArrayStream *stream,
                             ktk_error *err) {
    return run(update, stream, NULL, false, err);
}
