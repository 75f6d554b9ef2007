/* The same columns and the same rows of all of a file, each piece at once. */
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/row_pieces.h"

/* What a row group is read in. */
struct group_pieces {
    int32_t first; /* counted through the file */
    int32_t count;
    int64_t bytes; /* that one takes */
};

struct parquet_query {
    ktk_parquet_file *file; /* a reference */
    struct read_plan plan;
    bool has_filter;
    struct row_filter filter;
    int32_t piece_count;
    struct group_pieces *groups; /* by row group */
};

/* What the size of a row group says of the columns that are read: whether they are the large ones
 * is only known once the chunks are looked at. */
static int64_t bytes_of_group(const struct parquet_query *query, int32_t row_group) {
    const struct row_group *group = &query->file->metadata.row_groups[row_group];
    int64_t leaf_count = query->plan.leaf_count + query->filter.column_count;
    int64_t size = group->total_byte_size > 0 ? group->total_byte_size : 0;

    return group->column_count > 0 ? size / group->column_count * leaf_count : 0;
}

/* A row group that cannot be understood is one piece: reading it says what is wrong. */
static struct row_pieces pieces_of(const struct parquet_query *query, int32_t row_group,
                                   int64_t bytes_max) {
    struct row_pieces whole = {1, bytes_of_group(query, row_group)};
    const struct row_group *group = NULL;

    if (bytes_max == 0 || ktki_parquet_row_group(&group, query->file, row_group, NULL) != KTK_OK) {
        return whole;
    }
    return ktki_row_pieces(query->file, group, &query->plan,
                           query->has_filter ? &query->filter : NULL, bytes_max);
}

/* Row groups that lie in each other, of a file that lies, do not become more pieces than its bytes
 * have. */
static ktk_status cut_groups(struct parquet_query *query, int64_t bytes_max, ktk_error *err) {
    int32_t group_count = query->file->metadata.row_group_count;
    int64_t left = bytes_max == 0 ? 0 : query->file->source.size / PIECE_BYTES_MIN(bytes_max);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(ktki_context_allocator(query->file->context), (size_t)group_count,
                               sizeof(*query->groups), &query->groups, err));
    for (int32_t i = 0; i < group_count; i++) {
        struct row_pieces pieces = pieces_of(query, i, bytes_max);

        if (pieces.count - 1 > left ||
            pieces.count > INT32_MAX - group_count - query->piece_count) {
            pieces = (struct row_pieces){1, bytes_of_group(query, i)};
        }
        left -= pieces.count - 1;
        query->groups[i] = (struct group_pieces){query->piece_count, pieces.count, pieces.bytes};
        query->piece_count += pieces.count;
    }
out:
    return status;
}

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
    KTKI_TRY(cut_groups(query, input->piece_bytes_max, err));
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
    ktki_free_array(ktki_context_allocator(file->context), query->groups,
                    (size_t)file->metadata.row_group_count, sizeof(*query->groups));
    ktki_row_filter_clear(&query->filter);
    ktki_read_plan_clear(&query->plan);
    KTKI_DELETE(ktki_context_allocator(file->context), query);
    ktk_parquet_file_free(file);
}

int32_t ktki_parquet_query_piece_count(const struct parquet_query *query) {
    return query->piece_count;
}

/* The row group that a piece is of. */
static int32_t group_of(const struct parquet_query *query, int32_t piece) {
    int32_t first = 0;
    int32_t end = query->file->metadata.row_group_count;

    while (end - first > 1) {
        int32_t middle = first + (end - first) / 2;

        if (query->groups[middle].first <= piece) {
            first = middle;
        } else {
            end = middle;
        }
    }
    return first;
}

int64_t ktki_parquet_query_piece_bytes(const struct parquet_query *query, int32_t piece) {
    return query->groups[group_of(query, piece)].bytes;
}

ktk_status ktki_parquet_query_read(struct batch *out, const struct parquet_query *query,
                                   int32_t piece, ktk_error *err) {
    int32_t row_group = group_of(query, piece);
    const struct group_pieces *pieces = &query->groups[row_group];
    struct row_scan scan = {0};
    ktk_status status = KTK_OK;

    if (!query->has_filter && pieces->count == 1) {
        return ktki_parquet_read_planned(out, query->file, row_group, &query->plan, err);
    }
    KTKI_TRY(ktki_row_scan_init_piece(&scan, query->file, row_group, &query->plan,
                                      query->has_filter ? &query->filter : NULL,
                                      piece - pieces->first, pieces->count, err));
    status = ktki_row_scan_is_done(&scan) ? ktki_batch_init(out, query->plan.schema, 0, err)
                                          : ktki_row_scan_next(&scan, INT64_MAX, out, err);
out:
    ktki_row_scan_clear(&scan);
    return status;
}
