#include "query/scan.h"

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
    return ktki_parquet_query_bytes(scan->query, row_group);
}

bool ktki_scan_keeps_dictionaries(const struct scan *scan) {
    return scan->plan->shape == KTK_SHAPE_TABLE || scan->plan->keep_dictionaries;
}

ktk_status ktki_scan_read(const struct scan *scan, int32_t row_group, struct batch *out,
                          ktk_error *err) {
    struct batch read = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_query_read(&read, scan->query, row_group, err));
    if (read.row_count == 0) {
        *out = (struct batch){0};
        goto out;
    }
    status = ktki_assemble(scan, &read, out, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "file '%s'", scan->key);
    }
out:
    ktki_batch_clear(&read);
    return status;
}

static ktk_status make_query(struct scan *scan, ktk_error *err) {
    const struct parquet_query_input input = {.columns = scan->reads,
                                              .column_count = scan->read_count,
                                              .keep_dictionaries =
                                                  ktki_scan_keeps_dictionaries(scan),
                                              .where = scan->where,
                                              .file_columns = scan->file_columns};

    return ktki_parquet_query_new(&scan->query, scan->file, &input, err);
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
    KTKI_TRY(make_query(&scan, err));
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
    ktki_parquet_query_free(scan->query);
    ktk_parquet_file_free(scan->file);
    ktki_bound_free(scan->where);
    ktki_constants_clear(&scan->constants);
    ktki_arena_clear(&scan->arena);
    *scan = (struct scan){0};
}
