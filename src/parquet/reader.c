#include "parquet/reader.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "parquet/column_read.h"
#include "parquet/file_handle.h"

/* The magic at both ends, and in front of the last one the size of the footer. */
#define MAGIC "PAR1"
#define MAGIC_ENCRYPTED "PARE"
#define MAGIC_SIZE 4
#define TAIL_SIZE 8

/* One request usually brings the whole footer. */
#define TAIL_BYTES_FIRST ((int64_t)64 * 1024)

/* ---- opening ---- */

static ktk_status read_range(const struct source *source, int64_t offset, int64_t size,
                             ktk_bytes *out, ktk_error *err) {
    const struct byte_range range = {offset, size};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = source->ops->read(source->state, &range, 1, &bytes, err);

    if (status == KTK_OK) {
        *out = bytes;
    }
    return status;
}

/* Size of the footer, from the last bytes of the file. */
static ktk_status footer_size(const ktk_parquet_file *file, const ktk_bytes *tail, int64_t *out,
                              ktk_error *err) {
    const struct source *source = &file->source;
    int64_t limit = ktki_context_limits(file->context)->footer_bytes_max;
    const uint8_t *end = tail->data + tail->size - TAIL_SIZE;
    uint32_t size;

    if (memcmp(end + TAIL_SIZE - MAGIC_SIZE, MAGIC_ENCRYPTED, MAGIC_SIZE) == 0) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "the file is encrypted, and keys are not supported");
    }
    if (memcmp(end + TAIL_SIZE - MAGIC_SIZE, MAGIC, MAGIC_SIZE) != 0) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "it is no Parquet file, or was cut off: it does not end in 'PAR1'");
    }
    memcpy(&size, end, sizeof(size));
    if ((int64_t)size > source->size - TAIL_SIZE - MAGIC_SIZE) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "its footer is said to take %u bytes, but the file has %lld", size,
                             (long long)source->size);
    }
    if ((int64_t)size > limit) {
        return ktk_error_set(err, KTK_E_LIMIT, "its footer of %u bytes is over the limit of %lld",
                             size, (long long)limit);
    }
    *out = (int64_t)size;
    return KTK_OK;
}

static ktk_status read_footer(ktk_parquet_file *file, ktk_error *err) {
    const struct source *source = &file->source;
    int64_t first = source->size < TAIL_BYTES_FIRST ? source->size : TAIL_BYTES_FIRST;
    int64_t size = 0;
    ktk_status status = KTK_OK;

    if (source->size < TAIL_SIZE + MAGIC_SIZE) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "it has %lld bytes, too few for a Parquet file",
                  (long long)source->size);
    }
    KTKI_TRY(read_range(source, source->size - first, first, &file->tail, err));
    KTKI_TRY(footer_size(file, &file->tail, &size, err));
    if (size + TAIL_SIZE > first) {
        ktk_bytes_clear(&file->tail);
        KTKI_TRY(read_range(source, source->size - size - TAIL_SIZE, size + TAIL_SIZE, &file->tail,
                            err));
    }
    file->footer_size = size;
    KTKI_TRY(ktki_metadata_decode(&file->metadata, &file->arena, ktki_context_limits(file->context),
                                  file->tail.data + file->tail.size - TAIL_SIZE - size,
                                  (size_t)size, err));
    KTKI_TRY(
        ktki_parquet_schema_read(&file->schema, file->context, &file->metadata, &file->arena, err));
out:
    return status;
}

/* What the reading below relies on: every row group has a chunk for every leaf. */
static ktk_status check_row_groups(const ktk_parquet_file *file, ktk_error *err) {
    for (int32_t i = 0; i < file->metadata.row_group_count; i++) {
        const struct row_group *group = &file->metadata.row_groups[i];

        if (group->column_count != file->schema.leaf_count) {
            return ktk_error_set(err, KTK_E_CORRUPT,
                                 "row group %d has %d column chunks where the schema has %d leaves",
                                 i, group->column_count, file->schema.leaf_count);
        }
        if (group->row_count < 0) {
            return ktk_error_set(err, KTK_E_CORRUPT, "row group %d has %lld rows", i,
                                 (long long)group->row_count);
        }
    }
    return KTK_OK;
}

ktk_status ktki_parquet_open(ktk_parquet_file **out, ktk_context *context, struct source *source,
                             ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    ktk_parquet_file *file = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &file, err));
    file->references = 1;
    file->context = ktk_context_ref(context);
    file->source = *source;
    ktki_arena_init(&file->arena, allocator);
    ktki_arena_init(&file->text_arena, allocator);
    (void)pthread_mutex_init(&file->lock, NULL);
    status = read_footer(file, err);
    if (status == KTK_OK) {
        status = check_row_groups(file, err);
    }
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s'", source->name);
        file->source = (struct source){0}; /* still the caller's */
        goto out;
    }
    *source = (struct source){0};
    *out = file;
    file = NULL;
out:
    ktk_parquet_file_free(file);
    return status;
}

ktk_parquet_file *ktk_parquet_file_ref(ktk_parquet_file *file) {
    (void)__atomic_fetch_add(&file->references, 1, __ATOMIC_RELAXED);
    return file;
}

void ktk_parquet_file_free(ktk_parquet_file *file) {
    ktk_context *context;

    if (file == NULL || __atomic_fetch_sub(&file->references, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    context = file->context;
    while (file->scratches != NULL) {
        struct read_scratch *next = file->scratches->next;
        ktki_scratch_free(file->scratches);
        file->scratches = next;
    }
    ktki_schema_free(file->schema.arrow);
    ktki_arena_clear(&file->arena);
    ktki_arena_clear(&file->text_arena);
    ktk_bytes_clear(&file->tail);
    ktki_source_free(&file->source);
    (void)pthread_mutex_destroy(&file->lock);
    KTKI_DELETE(ktki_context_allocator(context), file);
    ktk_context_free(context);
}

const struct parquet_metadata *ktki_parquet_metadata(const ktk_parquet_file *file) {
    return &file->metadata;
}

struct schema *ktki_parquet_schema(const ktk_parquet_file *file) {
    return file->schema.arrow;
}

/* ---- scratch memory, one piece a task, kept with the file ---- */

static ktk_status scratch_take(ktk_parquet_file *file, struct read_scratch **out, ktk_error *err) {
    struct read_scratch *scratch;

    pthread_mutex_lock(&file->lock);
    scratch = file->scratches;
    if (scratch != NULL) {
        file->scratches = scratch->next;
    }
    pthread_mutex_unlock(&file->lock);
    if (scratch == NULL) {
        return ktki_scratch_new(out, ktki_context_allocator(file->context), err);
    }
    *out = scratch;
    return KTK_OK;
}

static void scratch_give(ktk_parquet_file *file, struct read_scratch *scratch) {
    if (scratch != NULL) {
        pthread_mutex_lock(&file->lock);
        scratch->next = file->scratches;
        file->scratches = scratch;
        pthread_mutex_unlock(&file->lock);
    }
}

/* ---- row groups ---- */

/* One row group being read: an item a column. */
struct group_read {
    ktk_parquet_file *file;
    const struct row_group *group;
    struct byte_range *ranges; /* of the chunks, one a column */
    ktk_bytes *bytes;
    const int32_t *columns;
    int32_t column_count;
    struct batch batch;
};

static const struct parquet_leaf *leaf_of(const struct group_read *read, int32_t i) {
    const struct parquet_schema *schema = &read->file->schema;
    return &schema->leaves[schema->columns[read->columns[i]].first_leaf];
}

static ktk_status read_column(void *state, size_t item, ktk_error *err) {
    struct group_read *read = state;
    const struct parquet_schema *schema = &read->file->schema;
    int32_t column = read->columns[item];
    const struct parquet_leaf *leaf = leaf_of(read, (int32_t)item);
    struct chunk_read chunk = {.context = read->file->context,
                               .leaf = leaf,
                               .chunk = &read->group->columns[schema->columns[column].first_leaf],
                               .field = &read->batch.schema->fields[item],
                               .row_count = read->group->row_count,
                               .data = read->bytes[item].data,
                               .size = read->bytes[item].size};
    struct read_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(scratch_take(read->file, &scratch, err));
    status = ktki_chunk_read(&read->batch.columns[item], &chunk, scratch, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", leaf->path);
    }
out:
    scratch_give(read->file, scratch);
    return status;
}

static ktk_status locate_chunks(struct group_read *read, ktk_error *err) {
    const struct parquet_schema *schema = &read->file->schema;

    for (int32_t i = 0; i < read->column_count; i++) {
        const struct parquet_leaf *leaf = leaf_of(read, i);
        int32_t number = schema->columns[read->columns[i]].first_leaf;
        ktk_status status;

        status =
            ktki_chunk_range(&read->ranges[i].offset, &read->ranges[i].size,
                             &read->group->columns[number], leaf, read->file->source.size, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "column '%s'", leaf->path);
            return status;
        }
    }
    return KTK_OK;
}

static ktk_status read_group(struct group_read *read, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(read->file->context);
    size_t count = (size_t)read->column_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*read->ranges), &read->ranges, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*read->bytes), &read->bytes, err));
    KTKI_TRY(locate_chunks(read, err));
    if (count > 0) {
        KTKI_TRY(read->file->source.ops->read(read->file->source.state, read->ranges, count,
                                              read->bytes, err));
    }
    KTKI_TRY(ktki_pool_run(ktki_context_pool(read->file->context), count, read_column, read, err));
out:
    if (read->bytes != NULL) {
        for (size_t i = 0; i < count; i++) {
            ktk_bytes_clear(&read->bytes[i]);
        }
    }
    ktki_free_array(allocator, read->ranges, count, sizeof(*read->ranges));
    ktki_free_array(allocator, read->bytes, count, sizeof(*read->bytes));
    return status;
}

static ktk_status check_shape(const ktk_parquet_file *file, int32_t column, ktk_error *err) {
    const struct parquet_column *it = &file->schema.columns[column];

    if (it->leaf_count != 1 || file->schema.leaves[it->first_leaf].shape == LEAF_NESTED) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "'%s': column '%s' is nested deeper than a list of plain values, "
                             "which is not supported",
                             file->source.name, file->schema.arrow->fields[column].name);
    }
    return KTK_OK;
}

ktk_status ktki_parquet_result_schema(struct schema **out, const ktk_parquet_file *file,
                                      const int32_t *columns, int32_t column_count,
                                      bool keep_dictionaries, ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < column_count; i++) {
        KTKI_TRY(check_shape(file, columns[i], err));
    }
    KTKI_TRY(ktki_schema_select(&schema, file->schema.arrow, columns, column_count, true, err));
    for (int32_t i = 0; i < column_count && !keep_dictionaries; i++) {
        struct field *field = &schema->fields[i];

        if (field->type.id == TYPE_DICTIONARY) {
            field->type = field->dictionary->type;
            field->dictionary = NULL;
        }
    }
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

ktk_status ktki_parquet_read_columns(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                     const int32_t *columns, struct schema *schema,
                                     ktk_error *err) {
    struct group_read read = {.file = file,
                              .group = &file->metadata.row_groups[row_group],
                              .columns = columns,
                              .column_count = schema->field_count};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&read.batch, schema, read.group->row_count, err));
    status = read_group(&read, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s', row group %d", file->source.name, row_group);
        goto out;
    }
    *out = read.batch;
    read.batch = (struct batch){0};
out:
    ktki_batch_clear(&read.batch);
    return status;
}

ktk_status ktki_parquet_read_row_group(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                       const int32_t *columns, int32_t column_count,
                                       bool keep_dictionaries, ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    if (row_group < 0 || row_group >= file->metadata.row_group_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "'%s' has no row group %d: there are %d", file->source.name,
                  row_group, file->metadata.row_group_count);
    }
    KTKI_TRY(
        ktki_parquet_result_schema(&schema, file, columns, column_count, keep_dictionaries, err));
    KTKI_TRY(ktki_parquet_read_columns(out, file, row_group, columns, schema, err));
out:
    ktki_schema_free(schema);
    return status;
}
