#include "parquet/reader.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "parquet/column_read.h"
#include "parquet/file_handle.h"
#include "parquet/nest_assemble.h"

/* The magic at both ends, and in front of the last one the size of the footer. */
#define MAGIC "PAR1"
#define MAGIC_ENCRYPTED "PARE"
#define MAGIC_SIZE 4
#define TAIL_SIZE 8

/* One request usually brings the whole footer. Where a second one is cheap, less is copied. */
#define TAIL_BYTES_FIRST ((int64_t)64 * 1024)
#define TAIL_BYTES_FIRST_OF_FILE ((int64_t)8 * 1024)

/* Memory for each byte of a file, see ktk_limits. Honest files stay far below, as long as their row
 * groups are not large and empty. */
#define EXPANSION_MAX 128

/* Larger scratch memory is not kept for the next column. */
#define SCRATCH_BYTES_KEPT_MAX ((size_t)32 << 20)

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

ktk_status ktki_file_read(const ktk_parquet_file *file, const struct byte_range *ranges,
                          size_t count, ktk_bytes *out, ktk_error *err) {
    int64_t start = file->source.size - (int64_t)file->tail.size; /* of the bytes at hand */
    size_t known = 0;

    while (known < count && ranges[known].offset >= start) {
        known++;
    }
    if (known < count) {
        return file->source.ops->read(file->source.state, ranges, count, out, err);
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (ktk_bytes){.data = file->tail.data + (ranges[i].offset - start),
                             .size = (size_t)ranges[i].size};
    }
    return KTK_OK;
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
    int64_t first = source->kind == SOURCE_FILE ? TAIL_BYTES_FIRST_OF_FILE : TAIL_BYTES_FIRST;
    int64_t size = 0;
    ktk_status status = KTK_OK;

    first = source->size < first ? source->size : first;
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
    KTKI_TRY(ktki_parquet_leaf_count(&file->leaf_count, &file->metadata,
                                     ktki_context_limits(file->context), err));
    KTKI_TRY(ktki_arena_zeroed(&file->arena, (size_t)file->metadata.row_group_count,
                               sizeof(*file->group_arenas), &file->group_arenas, err));
    for (int32_t i = 0; i < file->metadata.row_group_count; i++) {
        ktki_arena_init(&file->group_arenas[i], &file->footer_bound.allocator);
    }
out:
    return status;
}

/* What the reading below relies on: every row group has a chunk for every leaf. */
static ktk_status check_row_groups(const ktk_parquet_file *file, ktk_error *err) {
    for (int32_t i = 0; i < file->metadata.row_group_count; i++) {
        const struct row_group *group = &file->metadata.row_groups[i];

        if (group->column_count != file->leaf_count) {
            return ktk_error_set(err, KTK_E_CORRUPT,
                                 "row group %d has %d column chunks where the schema has %d leaves",
                                 i, group->column_count, file->leaf_count);
        }
        if (group->row_count < 0) {
            return ktk_error_set(err, KTK_E_CORRUPT, "row group %d has %lld rows", i,
                                 (long long)group->row_count);
        }
    }
    return KTK_OK;
}

int64_t ktki_parquet_memory_max(const ktk_parquet_file *file) {
    int64_t fixed = ktki_context_limits(file->context)->expansion_bytes_max;

    return file->source.size > (INT64_MAX - fixed) / EXPANSION_MAX
               ? INT64_MAX
               : fixed + file->source.size * EXPANSION_MAX;
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
    ktki_memory_bound_init(&file->footer_bound, allocator, ktki_parquet_memory_max(file));
    ktki_arena_init(&file->arena, &file->footer_bound.allocator);
    ktki_arena_init(&file->schema_arena, &file->footer_bound.allocator);
    ktki_arena_init(&file->text_arena, allocator);
    (void)pthread_mutex_init(&file->lock, NULL);
    status = read_footer(file, err);
    if (status == KTK_OK) {
        status = check_row_groups(file, err);
    }
    status = ktki_memory_bound_explain(&file->footer_bound, status, err);
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
    ktki_arena_clear(&file->schema_arena);
    for (int32_t i = 0; file->group_arenas != NULL && i < file->metadata.row_group_count; i++) {
        ktki_arena_clear(&file->group_arenas[i]);
    }
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

/* ---- what is made when it is first asked for ---- */

/* Under the lock. */
static ktk_status make_schema(ktk_parquet_file *file, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (!file->has_schema) {
        KTKI_TRY(ktki_parquet_schema_read(&file->schema, file->context, &file->metadata,
                                          &file->schema_arena, err));
        __atomic_store_n(&file->has_schema, true, __ATOMIC_RELEASE);
    }
out:
    if (status != KTK_OK) {
        ktki_arena_clear(&file->schema_arena);
        status = ktki_memory_bound_explain(&file->footer_bound, status, err);
        ktki_error_context(err, "'%s'", file->source.name);
    }
    return status;
}

ktk_status ktki_parquet_schema(struct schema **out, ktk_parquet_file *file, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (!__atomic_load_n(&file->has_schema, __ATOMIC_ACQUIRE)) {
        pthread_mutex_lock(&file->lock);
        status = make_schema(file, err);
        pthread_mutex_unlock(&file->lock);
    }
    if (status == KTK_OK) {
        *out = file->schema.arrow;
    }
    return status;
}

/* Under the lock. */
static ktk_status make_columns(ktk_parquet_file *file, int32_t row_group, ktk_error *err) {
    struct row_group *group = &file->metadata.row_groups[row_group];
    struct arena *arena = &file->group_arenas[row_group];
    struct cursor cursor = ktki_cursor(group->chunk_bytes.data, group->chunk_bytes.size);
    struct column_chunk *columns = NULL;
    int32_t i = 0;
    ktk_status status = KTK_OK;

    if (group->columns != NULL) {
        return KTK_OK;
    }
    KTKI_TRY(ktki_arena_array(arena, (size_t)group->column_count, sizeof(*columns), &columns, err));
    for (; i < group->column_count; i++) {
        KTKI_TRY(ktki_column_chunk_decode(&columns[i], arena, ktki_context_limits(file->context),
                                          &cursor, err));
    }
    __atomic_store_n(&group->columns, columns, __ATOMIC_RELEASE);
out:
    if (status != KTK_OK) {
        ktki_arena_clear(arena);
        status = ktki_memory_bound_explain(&file->footer_bound, status, err);
        if (i < group->column_count) {
            ktki_error_context(err, "column '%s'", file->schema.leaves[i].path);
        }
        ktki_error_context(err, "'%s', row group %d", file->source.name, row_group);
    }
    return status;
}

ktk_status ktki_parquet_row_group(const struct row_group **out, ktk_parquet_file *file,
                                  int32_t row_group, ktk_error *err) {
    struct row_group *group = &file->metadata.row_groups[row_group];
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_schema(&schema, file, err)); /* it has the names of the columns */
    if (__atomic_load_n(&group->columns, __ATOMIC_ACQUIRE) == NULL) {
        pthread_mutex_lock(&file->lock);
        status = make_columns(file, row_group, err);
        pthread_mutex_unlock(&file->lock);
    }
    if (status == KTK_OK) {
        *out = group;
    }
out:
    return status;
}

/* ---- scratch memory, one piece a task, kept with the file ---- */

ktk_status ktki_file_scratch_take(ktk_parquet_file *file, struct memory_bound *bound,
                                  struct read_scratch **out, ktk_error *err) {
    struct read_scratch *scratch;
    ktk_status status = KTK_OK;

    pthread_mutex_lock(&file->lock);
    scratch = file->scratches;
    if (scratch != NULL) {
        file->scratches = scratch->next;
    }
    pthread_mutex_unlock(&file->lock);
    if (scratch == NULL) {
        KTKI_TRY(ktki_scratch_new(&scratch, ktki_context_allocator(file->context), err));
    }
    scratch->allocator = &bound->allocator;
    *out = scratch;
out:
    return status;
}

void ktki_file_scratch_give(ktk_parquet_file *file, struct read_scratch *scratch) {
    if (scratch == NULL) {
        return;
    }
    scratch->allocator = ktki_context_allocator(file->context);
    if (ktki_scratch_bytes(scratch) > SCRATCH_BYTES_KEPT_MAX) {
        ktki_scratch_free(scratch);
    } else {
        pthread_mutex_lock(&file->lock);
        scratch->next = file->scratches;
        file->scratches = scratch;
        pthread_mutex_unlock(&file->lock);
    }
}

/* ---- row groups ---- */

/* One row group being read: an item a leaf. */
struct group_read {
    ktk_parquet_file *file;
    const struct read_plan *plan;
    const struct row_group *group;
    struct byte_range *ranges; /* of the chunks */
    ktk_bytes *bytes;
    struct leaf_part *parts;
    struct memory_bound bound;
    struct nest_sink *nests; /* of all leaves */
    size_t nest_count;
};

static ktk_status read_leaf(void *state, size_t item, ktk_error *err) {
    struct group_read *read = state;
    const struct plan_leaf *it = &read->plan->leaves[item];
    struct leaf_part *part = &read->parts[item];
    struct chunk_read chunk = {.file = read->file,
                               .bound = &read->bound,
                               .context = read->file->context,
                               .allocator = &read->bound.allocator,
                               .leaf = it->leaf,
                               .chunk = &read->group->columns[it->number],
                               .field = it->field,
                               .nests = part->nests,
                               .nest_first = it->nest_first,
                               .row_count = read->group->row_count,
                               .skips_checksums = read->plan->skips_checksums,
                               .data = read->bytes[item].data,
                               .size = read->bytes[item].size,
                               .offset = read->ranges[item].offset};
    struct read_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_file_scratch_take(read->file, &read->bound, &scratch, err));
    status = ktki_chunk_read(&part->values, &chunk, scratch, err);
    status = ktki_memory_bound_explain(&read->bound, status, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", it->leaf->path);
    }
out:
    ktk_bytes_clear(&read->bytes[item]); /* now rather than with the others: it may be much */
    ktki_file_scratch_give(read->file, scratch);
    return status;
}

static ktk_status locate_chunks(struct group_read *read, ktk_error *err) {
    for (int32_t i = 0; i < read->plan->leaf_count; i++) {
        const struct plan_leaf *it = &read->plan->leaves[i];
        ktk_status status;

        status = ktki_chunk_range(&read->ranges[i].offset, &read->ranges[i].size,
                                  &read->group->columns[it->number], it->leaf,
                                  read->file->source.size, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "column '%s'", it->leaf->path);
            return status;
        }
    }
    return KTK_OK;
}

static ktk_status group_begin(struct group_read *read, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(read->file->context);
    size_t count = (size_t)read->plan->leaf_count;
    size_t nest_count = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        nest_count += (size_t)read->plan->leaves[i].nest_count;
    }
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*read->ranges), &read->ranges, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*read->bytes), &read->bytes, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*read->parts), &read->parts, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, nest_count, sizeof(*read->nests), &read->nests, err));
    read->nest_count = nest_count;
    nest_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct plan_leaf *it = &read->plan->leaves[i];

        read->parts[i].path = it->leaf->path;
        read->parts[i].nests = read->nests + nest_count;
        read->parts[i].nest_first = it->nest_first;
        nest_count += (size_t)it->nest_count;
    }
out:
    return status;
}

static void group_clear(struct group_read *read) {
    const ktk_allocator *allocator = ktki_context_allocator(read->file->context);
    size_t count = (size_t)read->plan->leaf_count;

    for (size_t i = 0; i < read->nest_count; i++) {
        ktki_nest_clear(&read->nests[i]);
    }
    for (size_t i = 0; read->parts != NULL && i < count; i++) {
        ktki_array_clear(&read->parts[i].values);
    }
    for (size_t i = 0; read->bytes != NULL && i < count; i++) {
        ktk_bytes_clear(&read->bytes[i]);
    }
    ktki_free_array(allocator, read->ranges, count, sizeof(*read->ranges));
    ktki_free_array(allocator, read->bytes, count, sizeof(*read->bytes));
    ktki_free_array(allocator, read->parts, count, sizeof(*read->parts));
    ktki_free_array(allocator, read->nests, read->nest_count, sizeof(*read->nests));
}

static ktk_status assemble(struct group_read *read, struct batch *batch, ktk_error *err) {
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        const struct field *field = &batch->schema->fields[i];
        ktk_status status = ktki_nest_assemble(&batch->columns[i], read->file->context, field,
                                               &read->parts[read->plan->columns[i].first_leaf],
                                               read->group->row_count, err);

        if (status != KTK_OK) {
            ktki_error_context(err, "column '%s'", field->name);
            return status;
        }
    }
    return KTK_OK;
}

static ktk_status read_group(struct group_read *read, struct batch *batch, ktk_error *err) {
    size_t count = (size_t)read->plan->leaf_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(group_begin(read, err));
    KTKI_TRY(locate_chunks(read, err));
    if (count > 0) {
        KTKI_TRY(read->file->source.ops->read(read->file->source.state, read->ranges, count,
                                              read->bytes, err));
    }
    KTKI_TRY(ktki_pool_run(ktki_context_pool(read->file->context), count, read_leaf, read, err));
    KTKI_TRY(assemble(read, batch, err));
out:
    group_clear(read);
    return status;
}

ktk_status ktki_parquet_read_planned(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                     const struct read_plan *plan, ktk_error *err) {
    struct group_read read = {.file = file, .plan = plan};
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_row_group(&read.group, file, row_group, err));
    ktki_memory_bound_init(&read.bound, ktki_context_allocator(file->context),
                           ktki_parquet_memory_max(file));
    KTKI_TRY(ktki_batch_init(&batch, plan->schema, read.group->row_count, err));
    status = read_group(&read, &batch, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s', row group %d", file->source.name, row_group);
        goto out;
    }
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    return status;
}

ktk_status ktki_parquet_read_row_group(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                       const int32_t *columns, int32_t column_count,
                                       bool keep_dictionaries, ktk_error *err) {
    struct read_plan plan = {0};
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_schema(&schema, file, err));
    if (row_group < 0 || row_group >= file->metadata.row_group_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "'%s' has no row group %d: there are %d", file->source.name,
                  row_group, file->metadata.row_group_count);
    }
    KTKI_TRY(
        ktki_read_plan_init(&plan, &file->schema, columns, column_count, keep_dictionaries, err));
    KTKI_TRY(ktki_parquet_read_planned(out, file, row_group, &plan, err));
out:
    ktki_read_plan_clear(&plan);
    return status;
}
