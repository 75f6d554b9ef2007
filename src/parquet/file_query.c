/* The same columns and the same rows of any row group, each group at once. */
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/row_scan.h"

struct parquet_query {
    ktk_parquet_file *file; /* a reference */
    struct read_plan plan;
    bool has_filter;
    struct row_filter filter;
};

ktk_status ktki_parquet_query_new(struct parquet_query **out, ktk_parquet_file *file,
                                  const struct parquet_query_input *input, ktk_error *err) {
    struct parquet_query *query = NULL;
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_schema(&schema, file, err)); /* plan and filter rely on it */
    KTKI_TRY(KTKI_NEW(ktki_context_allocator(file->context), &query, err));
    query->file = ktk_parquet_file_ref(file);
    KTKI_TRY(ktki_read_plan_init(&query->plan, &file->schema, input->columns, input->column_count,
                                 input->keep_dictionaries, err));
    if (input->where != NULL) {
        KTKI_TRY(
            ktki_row_filter_init(&query->filter, file, input->where, input->file_columns, err));
        query->has_filter = true;
    }
    *out = query;
    query = NULL;
out:
    ktki_parquet_query_free(query);
    return status;
}

void ktki_parquet_query_free(struct parquet_query *query) {
    ktk_parquet_file *file;

    if (query == NULL) {
        return;
    }
    file = query->file;
    ktki_row_filter_clear(&query->filter);
    ktki_read_plan_clear(&query->plan);
    KTKI_DELETE(ktki_context_allocator(file->context), query);
    ktk_parquet_file_free(file);
}

int64_t ktki_parquet_query_bytes(const struct parquet_query *query, int32_t row_group) {
    const struct row_group *group = &query->file->metadata.row_groups[row_group];
    int64_t leaf_count = query->plan.leaf_count + query->filter.column_count;
    int64_t size = group->total_byte_size > 0 ? group->total_byte_size : 0;

    return group->column_count > 0 ? size / group->column_count * leaf_count : 0;
}

ktk_status ktki_parquet_query_read(struct batch *out, const struct parquet_query *query,
                                   int32_t row_group, ktk_error *err) {
    int64_t row_count = query->file->metadata.row_groups[row_group].row_count;
    struct row_scan scan = {0};
    ktk_status status = KTK_OK;

    if (!query->has_filter) {
        return ktki_parquet_read_planned(out, query->file, row_group, &query->plan, err);
    }
    KTKI_TRY(ktki_row_scan_init(&scan, query->file, row_group, &query->plan, &query->filter, 0,
                                row_count, err));
    status = ktki_row_scan_is_done(&scan) ? ktki_batch_init(out, query->plan.schema, 0, err)
                                          : ktki_row_scan_next(&scan, INT64_MAX, out, err);
out:
    ktki_row_scan_clear(&scan);
    return status;
}
