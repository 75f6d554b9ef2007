#include "query/scan.h"

#include <assert.h>
#include <string.h>

#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "query/assemble.h"

static ktk_status open_file(struct scan *scan, ktk_error *err) {
    ktk_store *store = ktk_dataset_store(scan->plan->dataset);
    struct source source = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_source_of_key(&source, store, scan->key, -1, err));
    KTKI_TRY(ktki_parquet_open(&scan->file, scan->plan->context, &source, err));
    source = (struct source){0};
out:
    ktki_source_free(&source);
    return status;
}

int64_t ktki_scan_row_group_size(const struct scan *scan, int32_t row_group) {
    const struct row_group *group = &ktki_parquet_metadata(scan->file)->row_groups[row_group];
    int32_t field_count = ktki_parquet_schema(scan->file)->field_count;
    int64_t size = group->total_byte_size > 0 ? group->total_byte_size : 0;

    return field_count > 0 ? size / field_count * scan->read_count : 0;
}

/* Where a column that the predicate mentions lies in what was read. */
static ktk_status find_matches(const struct scan *scan, const struct batch *read, uint8_t *mask,
                               ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(scan->plan->context);
    size_t count = (size_t)scan->plan->schema->field_count;
    const struct ArrowArray **arrays = NULL;
    const struct field **fields = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*arrays), &arrays, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*fields), &fields, err));
    for (size_t i = 0; i < count; i++) {
        int32_t column = scan->reads_of_fields[i];

        if (column >= 0) {
            assert(read->schema != NULL);
            arrays[i] = &read->columns[column];
            fields[i] = &read->schema->fields[column];
        }
    }
    status = ktki_bound_evaluate(scan->where, fields, arrays, read->row_count, mask, err);
out:
    ktki_free_array(allocator, fields, count, sizeof(*fields));
    ktki_free_array(allocator, arrays, count, sizeof(*arrays));
    return status;
}

/* Keep the matching rows of `read`; it has no schema left if there are none. */
static ktk_status filter(const struct scan *scan, struct batch *read, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(scan->plan->context);
    size_t size = ktki_bits_size(read->row_count);
    struct batch kept = {0};
    uint8_t *mask = NULL;
    ktk_status status = KTK_OK;
    int64_t matches;

    KTKI_TRY(ktki_alloc_zeroed(allocator, size, 1, &mask, err));
    KTKI_TRY(find_matches(scan, read, mask, err));
    matches = ktki_bits_count(mask, 0, read->row_count);
    if (matches == read->row_count) {
        goto out;
    }
    if (matches > 0) {
        KTKI_TRY(ktki_batch_filter(&kept, scan->plan->context, read, mask, err));
    }
    ktki_batch_clear(read);
    *read = kept;
out:
    ktki_free_array(allocator, mask, size, 1);
    return status;
}

static ktk_status filter_and_assemble(const struct scan *scan, struct batch *read,
                                      struct batch *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (scan->where != NULL && read->row_count > 0) {
        KTKI_TRY(filter(scan, read, err));
    }
    if (read->row_count > 0) {
        KTKI_TRY(ktki_assemble(scan, read, out, err));
    } else {
        *out = (struct batch){0};
    }
out:
    return status;
}

bool ktki_scan_keeps_dictionaries(const struct scan *scan) {
    return scan->plan->shape == KTK_SHAPE_TABLE || scan->plan->keep_dictionaries;
}

/* Statistics may tell that no row matches; then nothing is fetched. */
static ktk_status may_match(const struct scan *scan, int32_t row_group, bool *out, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(scan->plan->context);
    size_t count = (size_t)scan->plan->schema->field_count;
    int32_t *columns = NULL;
    ktk_status status = KTK_OK;

    *out = true;
    if (scan->where == NULL) {
        return KTK_OK;
    }
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*columns), &columns, err));
    for (size_t i = 0; i < count; i++) {
        columns[i] = scan->reads_of_fields[i] < 0 ? -1 : scan->reads[scan->reads_of_fields[i]];
    }
    KTKI_TRY(ktki_parquet_may_match(out, scan->file, row_group, scan->where, columns, err));
out:
    ktki_free_array(allocator, columns, count, sizeof(*columns));
    return status;
}

ktk_status ktki_scan_read(const struct scan *scan, int32_t row_group, struct batch *out,
                          ktk_error *err) {
    const struct row_group *group = &ktki_parquet_metadata(scan->file)->row_groups[row_group];
    struct batch read = {.row_count = group->row_count};
    bool is_wanted = true;
    ktk_status status = KTK_OK;

    KTKI_TRY(may_match(scan, row_group, &is_wanted, err));
    if (!is_wanted) {
        *out = (struct batch){0};
        goto out;
    }
    if (scan->read_count > 0 && group->row_count > 0) {
        KTKI_TRY(ktki_parquet_read_row_group(&read, scan->file, row_group, scan->reads,
                                             scan->read_count, ktki_scan_keeps_dictionaries(scan),
                                             err));
    }
    status = filter_and_assemble(scan, &read, out, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "file '%s'", scan->key);
    }
out:
    ktki_batch_clear(&read);
    return status;
}

ktk_status ktki_scan_open(struct scan *out, const struct query_plan *plan, int64_t partition,
                          ktk_error *err) {
    struct scan scan = {.plan = plan, .key = ktki_plan_file(plan, partition)};
    bool is_false = false;
    ktk_status status = KTK_OK;

    ktki_arena_init(&scan.arena, ktki_context_allocator(plan->context));
    KTKI_TRY(ktki_constants_init(&scan.constants, plan, err));
    KTKI_TRY(ktki_constants_set(&scan.constants, scan.key, err));
    if (plan->where != NULL) {
        KTKI_TRY(ktki_bound_reduce(&scan.where, &is_false, plan->context, plan->where,
                                   scan.constants.by_field, err));
    }
    KTKI_TRY(open_file(&scan, err));
    KTKI_TRY(ktki_assemble_plan(&scan, err));
    scan.row_group_count = is_false ? 0 : ktki_parquet_metadata(scan.file)->row_group_count;
    *out = scan;
    scan = (struct scan){0};
out:
    ktki_scan_clear(&scan);
    return status;
}

void ktki_scan_clear(struct scan *scan) {
    if (scan->plan == NULL) {
        return;
    }
    ktki_schema_free(scan->output);
    ktk_parquet_file_free(scan->file);
    ktki_bound_free(scan->where);
    ktki_constants_clear(&scan->constants);
    ktki_arena_clear(&scan->arena);
    *scan = (struct scan){0};
}
