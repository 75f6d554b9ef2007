#include "query/assemble.h"

#include "arrow/array_parts.h"
#include "arrow/builder.h"
#include "arrow/cast.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/table_schema.h"

/* What is decided about the columns of a file. */
struct choice {
    struct scan *scan;
    struct schema *file;         /* as its columns are read; a reference */
    bool *is_hidden;             /* of each column of the file: an index of pandas, no data */
    int32_t *reads_of_file;      /* of each column of the file: index into the reads, or -1 */
    const struct field **fields; /* of the result */
    int32_t count;
};

/* The schema of the file with dictionaries decoded. */
static ktk_status decoded_schema(struct schema **out, const struct schema *file, struct scan *scan,
                                 ktk_error *err) {
    int32_t *all = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&scan->arena, (size_t)file->field_count, sizeof(*all), &all, err));
    for (int32_t i = 0; i < file->field_count; i++) {
        all[i] = i;
    }
    KTKI_TRY(ktki_schema_select(out, file, all, file->field_count, true, err));
    for (int32_t i = 0; i < file->field_count; i++) {
        ktki_field_decode(&(*out)->fields[i]);
    }
out:
    return status;
}

static ktk_status choice_init(struct choice *choice, struct scan *scan, ktk_error *err) {
    struct schema *file = scan->stored;
    const struct query_plan *plan = scan->plan;
    size_t file_count = (size_t)file->field_count;
    size_t table_count = (size_t)plan->schema->field_count;
    size_t result_count = file_count + table_count + 1;
    ktk_status status = KTK_OK;

    *choice = (struct choice){.scan = scan};
    if (ktki_scan_keeps_dictionaries(scan)) {
        choice->file = ktki_schema_ref(file);
    } else {
        KTKI_TRY(decoded_schema(&choice->file, file, scan, err));
    }
    KTKI_TRY(ktki_arena_zeroed(&scan->arena, file_count, sizeof(*choice->is_hidden),
                               &choice->is_hidden, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, file_count, sizeof(*choice->reads_of_file),
                              &choice->reads_of_file, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, result_count, sizeof(*choice->fields), &choice->fields,
                              err));
    KTKI_TRY(
        ktki_arena_array(&scan->arena, result_count, sizeof(*scan->columns), &scan->columns, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, file_count, sizeof(*scan->reads), &scan->reads, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, table_count, sizeof(*scan->file_columns),
                              &scan->file_columns, err));
    for (size_t i = 0; i < file_count; i++) {
        choice->reads_of_file[i] = -1;
    }
    for (size_t i = 0; i < table_count; i++) {
        scan->file_columns[i] = -1;
    }
    KTKI_TRY(ktki_pandas_index_marks(file, choice->is_hidden, err));
out:
    return status;
}

/* Index of a column among those read from the file. */
static int32_t read_column(struct choice *choice, int32_t file_column) {
    int32_t *read = &choice->reads_of_file[file_column];

    if (*read < 0) {
        *read = choice->scan->read_count;
        choice->scan->reads[choice->scan->read_count++] = file_column;
    }
    return *read;
}

/* Find the column of the file that holds a field of the table. */
static ktk_status find_column(const struct choice *choice, int32_t field, ktk_error *err) {
    struct scan *scan = choice->scan;
    const char *name = scan->plan->schema->fields[field].name;
    int32_t column = ktki_schema_find(choice->file, name);
    ktk_status status = KTK_OK;

    if (column < 0 || choice->is_hidden[column]) {
        KTKI_FAIL(err, KTK_E_SCHEMA, "file '%s' lacks column '%s' of table '%s'", scan->key, name,
                  scan->plan->table);
    }
    scan->file_columns[field] = column;
out:
    return status;
}

static void add_constant(struct choice *choice, int32_t field) {
    const struct query_plan *plan = choice->scan->plan;
    int32_t key = 0;

    while (plan->keys[key].field != field) {
        key++;
    }
    choice->fields[choice->count] = &plan->schema->fields[field];
    choice->scan->columns[choice->count++] = (struct scan_column){key, -1};
}

static void add_read(struct choice *choice, const struct field *field, int32_t read) {
    choice->fields[choice->count] = field;
    choice->scan->columns[choice->count++] = (struct scan_column){-1, read};
}

static void add_position(struct choice *choice) {
    choice->fields[choice->count] = choice->scan->plan->position;
    choice->scan->columns[choice->count++] = (struct scan_column){-1, -1};
}

static ktk_status fail_types(const struct choice *choice, const struct field *file,
                             const struct field *table, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(choice->scan->plan->context);
    ktk_status status = KTK_OK;
    struct buffer file_type;
    struct buffer table_type;

    ktki_buffer_init(&file_type, allocator, 0);
    ktki_buffer_init(&table_type, allocator, 0);
    KTKI_TRY(ktki_field_type_text(file, &file_type, err));
    KTKI_TRY(ktki_field_type_text(table, &table_type, err));
    status = ktk_error_set(
        err, KTK_E_SCHEMA, "file '%s': column '%s' is %.*s, table '%s' says %.*s",
        choice->scan->key, table->name, (int)file_type.size, (const char *)file_type.data,
        choice->scan->plan->table, (int)table_type.size, (const char *)table_type.data);
out:
    ktki_buffer_clear(&table_type);
    ktki_buffer_clear(&file_type);
    return status;
}

/* The columns that were asked for, or all of the table. */
static ktk_status choose_wanted(struct choice *choice, ktk_error *err) {
    const struct query_plan *plan = choice->scan->plan;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < plan->column_count; i++) {
        int32_t field = plan->columns[i];
        const struct field *wanted = &plan->output->fields[i];
        int32_t column;

        if (choice->scan->constants.by_field[field] != NULL) {
            add_constant(choice, field);
            continue;
        }
        KTKI_TRY(find_column(choice, field, err));
        column = choice->scan->file_columns[field];
        if (plan->shape == KTK_SHAPE_PARTITION) {
            wanted = &choice->file->fields[column];
        } else if (!ktki_cast_is_possible(&choice->file->fields[column], wanted)) {
            status = fail_types(choice, &choice->file->fields[column], wanted, err);
            goto out;
        }
        add_read(choice, wanted, read_column(choice, column));
    }
out:
    return status;
}

/* Everything as stored: the keys in the order of the path, then the columns of the file. */
static void choose_stored(struct choice *choice) {
    const struct path_constants *constants = &choice->scan->constants;
    const struct schema *table = choice->scan->plan->schema;

    for (int32_t i = 0; i < constants->count; i++) {
        add_constant(choice, choice->scan->plan->keys[constants->order[i]].field);
    }
    for (int32_t i = 0; i < choice->file->field_count; i++) {
        int32_t field = ktki_schema_find(table, choice->file->fields[i].name);

        if (!choice->is_hidden[i] && (field < 0 || constants->by_field[field] == NULL)) {
            add_read(choice, &choice->file->fields[i], read_column(choice, i));
        }
    }
}

/* Columns that the predicate asks about need not be among those of the result. */
static ktk_status find_filtered(const struct choice *choice, ktk_error *err) {
    struct scan *scan = choice->scan;
    int32_t count = scan->plan->schema->field_count;
    bool *marks = NULL;
    ktk_status status = KTK_OK;

    if (scan->where == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_arena_zeroed(&scan->arena, (size_t)count, sizeof(*marks), &marks, err));
    ktki_bound_columns(scan->where, marks);
    for (int32_t i = 0; i < count; i++) {
        if (marks[i]) {
            KTKI_TRY(find_column(choice, i, err));
        }
    }
out:
    return status;
}

/* The schema of what is given as stored: the fields chosen and the metadata of the file. */
static ktk_status stored_schema(const struct choice *choice, ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, choice->scan->plan->context, choice->count, err));
    for (int32_t i = 0; i < choice->count; i++) {
        const struct scan_column *column = &choice->scan->columns[i];
        struct field *field = &schema->fields[i];

        KTKI_TRY(ktki_field_copy(schema, field, choice->fields[i], err));
        if (column->read >= 0) {
            const struct field *stored = &choice->file->fields[choice->scan->reads[column->read]];

            KTKI_TRY(ktki_arena_text(&schema->arena, stored->name, strlen(stored->name),
                                     &field->name, err));
            field->nullable = stored->nullable;
        }
    }
    for (int32_t i = 0; i < choice->file->key_value_count; i++) {
        const struct key_value *entry = &choice->file->key_values[i];

        KTKI_TRY(
            ktki_schema_set_key_value(schema, entry->key, entry->value, entry->value_size, err));
    }
    choice->scan->output = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

ktk_status ktki_assemble_plan(struct scan *scan, ktk_error *err) {
    const struct query_plan *plan = scan->plan;
    struct choice choice = {.file = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(choice_init(&choice, scan, err));
    if (plan->shape == KTK_SHAPE_PARTITION && !plan->has_columns) {
        choose_stored(&choice);
    } else {
        KTKI_TRY(choose_wanted(&choice, err));
    }
    if (plan->position != NULL) {
        add_position(&choice);
    }
    KTKI_TRY(find_filtered(&choice, err));
    if (plan->shape == KTK_SHAPE_PARTITION) {
        KTKI_TRY(stored_schema(&choice, err));
    } else {
        scan->output = ktki_schema_ref(plan->output);
    }
out:
    ktki_schema_free(choice.file);
    return status;
}

/* ---- rows ---- */

static ktk_status number_rows(struct ArrowArray *out, const struct scan *scan, int64_t count,
                              ktk_error *err) {
    struct array_parts parts = {0};
    int64_t *numbers;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_init(&parts, scan->plan->context, scan->plan->position, count, err));
    KTKI_TRY(ktki_parts_allocate(&parts, 1, (size_t)count, sizeof(*numbers), err));
    numbers = parts.buffers[1].data;
    for (int64_t i = 0; i < count; i++) {
        numbers[i] = scan->partition;
    }
    KTKI_TRY(ktki_parts_finish(&parts, out, err));
out:
    ktki_parts_clear(&parts);
    return status;
}

static ktk_status assemble_column(const struct scan *scan, int32_t index, struct batch *read,
                                  struct batch *out, ktk_error *err) {
    const struct scan_column *column = &scan->columns[index];
    const struct field *to = &scan->output->fields[index];
    ktk_context *context = scan->plan->context;
    ktk_status status;

    if (column->key >= 0) {
        return ktki_array_repeat(&out->columns[index], context, to,
                                 &scan->constants.arrays[column->key], 0, out->row_count, err);
    }
    if (column->read < 0) {
        return number_rows(&out->columns[index], scan, out->row_count, err);
    }
    status = ktki_array_cast(&out->columns[index], context, &read->columns[column->read],
                             &read->schema->fields[column->read], to, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", to->name);
    }
    return status;
}

ktk_status ktki_assemble(const struct scan *scan, struct batch *read, struct batch *out,
                         ktk_error *err) {
    struct batch result = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&result, scan->output, read->row_count, err));
    for (int32_t i = 0; i < scan->output->field_count; i++) {
        KTKI_TRY(assemble_column(scan, i, read, &result, err));
    }
    *out = result;
    result = (struct batch){0};
out:
    ktki_batch_clear(&result);
    ktki_batch_clear(read);
    return status;
}
