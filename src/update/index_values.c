#include "update/index_values.h"

#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"
#include "parquet/reader.h"
#include "store/backend.h"
#include "update/index_merge.h"

/* Files that are read together if somebody wants to hear of progress: enough to keep the threads
 * busy, few enough to hear of it. */
#define FILES_PER_THREAD 8

bool ktki_index_column_take(struct index_column *column, const struct schema *schema) {
    int32_t at = schema == NULL ? -1 : ktki_schema_find(schema, column->name);

    if (at < 0) {
        return false;
    }
    /* A column of nothing but nulls may have its type in another table. */
    if (column->field.name == NULL || column->field.type.id == TYPE_NULL) {
        column->field = schema->fields[at];
        column->field.nullable = true;
        column->field.key_value_count = 0;
    }
    return true;
}

ktk_status ktki_index_column_find(struct index_column *column, ktk_dataset *dataset, bool *is_there,
                                  ktk_error *err) {
    bool found = false;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        struct schema *schema;

        KTKI_TRY(ktki_dataset_table_schema(&schema, dataset, ktk_dataset_table(dataset, i), err));
        found = ktki_index_column_take(column, schema) || found;
    }
    *is_there = found;
out:
    return status;
}

/* A partition key is not in the file, but in its key. */
static ktk_status value_of_key(struct ArrowArray *out, const struct index_column *column,
                               const char *key, ktk_error *err) {
    ktk_context *context = ktk_store_context(column->store);
    struct key_parts parts = {0};
    struct arena arena;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, ktki_context_allocator(context));
    KTKI_TRY(ktki_key_decode(&parts, &arena, key, err));
    for (int32_t i = 0; i < parts.pair_count; i++) {
        const struct key_pair *pair = &parts.pairs[i];

        if (strlen(column->name) == pair->column_size &&
            memcmp(column->name, pair->column, pair->column_size) == 0) {
            KTKI_TRY(ktki_partition_value_parse(out, context, &column->field, pair->value,
                                                pair->value_size, err));
            break;
        }
    }
out:
    ktki_arena_clear(&arena);
    return status;
}

static ktk_status read_file(struct ArrowArray *out, const struct index_column *column,
                            const char *key, ktk_error *err) {
    ktk_context *context = ktk_store_context(column->store);
    struct source source = {0};
    ktk_parquet_file *file = NULL;
    ktk_status status = KTK_OK;

    if (column->is_key) {
        return value_of_key(out, column, key, err);
    }
    KTKI_TRY(ktki_source_of_key(&source, column->store, key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_index_values_of_file(out, context, file, &column->field, err));
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "index on column '%s': file '%s'", column->name, key);
    }
    ktki_source_free(&source);
    ktk_parquet_file_free(file);
    return status;
}

struct read_files {
    struct index_file *files;
    const struct index_column *column;
};

static ktk_status read_task(void *state, size_t item, ktk_error *err) {
    const struct read_files *read = state;

    return read_file(&read->files[item].values, read->column, read->files[item].key, err);
}

ktk_status ktki_index_files_read(struct index_file *files, size_t count,
                                 const struct index_column *column,
                                 const struct index_progress *progress, ktk_error *err) {
    bool is_told = progress->tell != NULL;
    size_t threads = (size_t)ktk_context_threads(ktk_store_context(column->store));
    size_t wave = is_told ? threads * FILES_PER_THREAD : count;
    ktk_status status = KTK_OK;

    for (size_t done = 0; done < count;) {
        struct read_files read = {files + done, column};
        size_t some = count - done < wave ? count - done : wave;

        KTKI_TRY(ktki_store_run(column->store, some, read_task, &read, err));
        done += some;
        if (is_told && !progress->tell(progress->state, (int64_t)done, (int64_t)count)) {
            KTKI_FAIL(err, KTK_E_CANCELLED, "the call was cancelled");
        }
    }
out:
    return status;
}
