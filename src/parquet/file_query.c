/* The same columns and the same rows of all of a file, each piece at once. */
#include <pthread.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/row_pieces.h"

/* What a row group is read in. */
struct group_pieces {
    int32_t first; /* counted through the file */
    int32_t count;
    int64_t bytes; /* that one takes */
    enum matching_state {
        MATCHING_UNKNOWN,
        MATCHING_ASKED,         /* by a thread, which tells the others */
        MATCHING_KNOWN          /* does not change any more */
    } state;                    /* under the lock of the query */
    struct row_ranges matching; /* rows that may match, of a row group of several pieces */
};

struct parquet_query {
    ktk_parquet_file *file; /* a reference */
    struct read_plan plan;
    bool has_filter;
    struct row_filter filter;
    int32_t piece_count;
    struct group_pieces *groups; /* by row group */
    pthread_mutex_t lock;
    pthread_cond_t is_known; /* what may match in a row group, or that it was not found out */
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
        query->groups[i] = (struct group_pieces){
            .first = query->piece_count, .count = pieces.count, .bytes = pieces.bytes};
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
    (void)pthread_mutex_init(&query->lock, NULL);
    (void)pthread_cond_init(&query->is_known, NULL);
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
    for (int32_t i = 0; query->groups != NULL && i < file->metadata.row_group_count; i++) {
        if (query->groups[i].state == MATCHING_KNOWN) {
            ktki_ranges_clear(&query->groups[i].matching);
        }
    }
    (void)pthread_cond_destroy(&query->is_known);
    (void)pthread_mutex_destroy(&query->lock);
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

static ktk_status scan_group(struct row_scan *out, const struct parquet_query *query,
                             int32_t row_group, ktk_error *err) {
    return ktki_row_scan_init(out, query->file, row_group, &query->plan, &query->filter, 0,
                              query->file->metadata.row_groups[row_group].row_count, err);
}

/* What may match is found out once for all pieces of a row group: it may be that Bloom filters are
 * fetched for it. Whoever comes meanwhile waits for the answer. */
static ktk_status find_matching(struct parquet_query *query, int32_t row_group, ktk_error *err) {
    struct group_pieces *pieces = &query->groups[row_group];
    struct row_scan scan = {0};
    bool is_known;
    ktk_status status = KTK_OK;

    (void)pthread_mutex_lock(&query->lock);
    while (pieces->state == MATCHING_ASKED) {
        (void)pthread_cond_wait(&query->is_known, &query->lock);
    }
    is_known = pieces->state == MATCHING_KNOWN;
    pieces->state = is_known ? MATCHING_KNOWN : MATCHING_ASKED;
    (void)pthread_mutex_unlock(&query->lock);
    if (is_known) {
        return KTK_OK;
    }
    status = scan_group(&scan, query, row_group, err);
    (void)pthread_mutex_lock(&query->lock);
    pieces->state = status == KTK_OK ? MATCHING_KNOWN : MATCHING_UNKNOWN;
    if (status == KTK_OK) {
        pieces->matching = scan.rows;
        ktki_ranges_init(&scan.rows, pieces->matching.allocator);
    }
    (void)pthread_cond_broadcast(&query->is_known);
    (void)pthread_mutex_unlock(&query->lock);
    ktki_row_scan_clear(&scan);
    return status;
}

static ktk_status begin_piece(struct row_scan *out, struct parquet_query *query, int32_t row_group,
                              int32_t piece, ktk_error *err) {
    const struct group_pieces *pieces = &query->groups[row_group];
    ktk_status status = KTK_OK;

    if (pieces->count == 1) {
        return scan_group(out, query, row_group, err);
    }
    if (query->has_filter) {
        KTKI_TRY(find_matching(query, row_group, err));
    }
    KTKI_TRY(ktki_row_scan_init_piece(
        out, query->file, row_group, &query->plan, query->has_filter ? &query->filter : NULL,
        query->has_filter ? &pieces->matching : NULL, piece - pieces->first, pieces->count, err));
out:
    return status;
}

ktk_status ktki_parquet_query_read(struct batch *out, struct parquet_query *query, int32_t piece,
                                   ktk_error *err) {
    int32_t row_group = group_of(query, piece);
    struct row_scan scan = {0};
    ktk_status status = KTK_OK;

    if (!query->has_filter && query->groups[row_group].count == 1) {
        return ktki_parquet_read_planned(out, query->file, row_group, &query->plan, err);
    }
    KTKI_TRY(begin_piece(&scan, query, row_group, piece, err));
    status = ktki_row_scan_is_done(&scan) ? ktki_batch_init(out, query->plan.schema, 0, err)
                                          : ktki_row_scan_next(&scan, INT64_MAX, out, err);
out:
    ktki_row_scan_clear(&scan);
    return status;
}
