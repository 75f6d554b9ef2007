#include "query/scan.h"

#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"
#include "query/assemble.h"
#include "store/backend.h"

/* From afar so much of a row group is read at once: enough for requests to be worth it, and little
 * enough for some pieces to be under way in little memory. */
#define PIECE_BYTES_MAX ((int64_t)8 << 20)

/* ---- Parquet ---- */

static ktk_status open_parquet(struct scan *scan, ktk_error *err) {
    struct source source = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dataset_source(&source, scan->plan->dataset, scan->key, err));
    KTKI_TRY(ktki_parquet_open(&scan->file, scan->plan->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_parquet_schema(&scan->stored, scan->file, err));
out:
    ktki_source_free(&source);
    return status;
}

static ktk_status make_query(struct scan *scan, ktk_error *err) {
    bool is_far = ktki_store_is_far(ktk_dataset_store(scan->plan->dataset));
    const struct parquet_query_input input = {.columns = scan->reads,
                                              .column_count = scan->read_count,
                                              .keep_dictionaries =
                                                  ktki_scan_keeps_dictionaries(scan),
                                              .piece_bytes_max = is_far ? PIECE_BYTES_MAX : 0,
                                              .where = scan->where,
                                              .file_columns = scan->file_columns};
    ktk_status status = ktki_parquet_query_new(&scan->query, scan->file, &input, err);

    if (status == KTK_OK) {
        scan->piece_count = ktki_parquet_query_piece_count(scan->query);
    }
    return status;
}

/* ---- CSV ---- */

static ktk_status open_csv(struct scan *scan, ktk_error *err) {
    const struct query_plan *plan = scan->plan;
    bool *wanted = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&scan->arena, (size_t)plan->schema->field_count, sizeof(*wanted),
                               &wanted, err));
    if (scan->where != NULL) {
        ktki_bound_columns(scan->where, wanted);
    }
    for (int32_t i = 0; i < plan->column_count; i++) {
        wanted[plan->columns[i]] = true;
    }
    for (int32_t i = 0; i < plan->schema->field_count; i++) {
        wanted[i] = wanted[i] && scan->constants.by_field[i] == NULL;
    }
    KTKI_TRY(ktki_csv_file_open(&scan->csv, ktk_dataset_store(plan->dataset), scan->key,
                                plan->schema, wanted, err));
    if (scan->csv.batch_count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "file '%s' has too many rows", scan->key);
    }
    scan->stored = scan->csv.schema;
    scan->piece_count = (int32_t)scan->csv.batch_count;
out:
    return status;
}

/* The rows that match, of the columns to be read. */
static ktk_status filter(const struct scan *scan, const struct batch *rows, struct batch *out,
                         ktk_error *err) {
    ktk_context *context = scan->plan->context;
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t field_count = (size_t)scan->plan->schema->field_count;
    const struct field **fields = NULL;
    const struct ArrowArray **columns = NULL;
    uint8_t *mask = NULL;
    struct row_selection selection = {0};
    struct batch result = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, field_count, sizeof(*fields), &fields, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, field_count, sizeof(*columns), &columns, err));
    KTKI_TRY(ktki_alloc_array(allocator, ktki_bits_size(rows->row_count), 1, &mask, err));
    for (size_t i = 0; i < field_count; i++) {
        if (scan->file_columns[i] >= 0) {
            fields[i] = &rows->schema->fields[scan->file_columns[i]];
            columns[i] = &rows->columns[scan->file_columns[i]];
        }
    }
    KTKI_TRY(ktki_bound_evaluate(scan->where, fields, columns, rows->row_count, mask, err));
    KTKI_TRY(ktki_selection_init(&selection, allocator, mask, rows->row_count, err));
    KTKI_TRY(ktki_batch_init(&result, scan->read, selection.row_count, err));
    for (int32_t i = 0; i < scan->read_count; i++) {
        KTKI_TRY(ktki_array_select(&result.columns[i], context, &scan->read->fields[i],
                                   &rows->columns[scan->reads[i]], &selection, err));
    }
    *out = result;
    result = (struct batch){0};
out:
    ktki_batch_clear(&result);
    ktki_selection_clear(&selection);
    ktki_free_array(allocator, mask, ktki_bits_size(rows->row_count), 1);
    ktki_free_array(allocator, columns, field_count, sizeof(*columns));
    ktki_free_array(allocator, fields, field_count, sizeof(*fields));
    return status;
}

/* The batch moves out of the file. */
static ktk_status read_csv(const struct scan *scan, int32_t index, struct batch *out,
                           ktk_error *err) {
    struct batch rows = scan->csv.batches[index];
    ktk_status status;

    scan->csv.batches[index] = (struct batch){0};
    status = scan->where != NULL ? filter(scan, &rows, out, err)
                                 : ktki_batch_select(out, &rows, scan->read, scan->reads, err);
    ktki_batch_clear(&rows);
    return status;
}

/* ---- both ---- */

int64_t ktki_scan_piece_bytes(const struct scan *scan, int32_t piece) {
    if (scan->query == NULL) {
        return 0; /* is in memory already */
    }
    return ktki_parquet_query_piece_bytes(scan->query, piece);
}

bool ktki_scan_keeps_dictionaries(const struct scan *scan) {
    return scan->plan->shape == KTK_SHAPE_TABLE || scan->plan->keep_dictionaries;
}

ktk_status ktki_scan_read(const struct scan *scan, int32_t piece, struct batch *out,
                          ktk_error *err) {
    struct batch read = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(scan->query != NULL ? ktki_parquet_query_read(&read, scan->query, piece, err)
                                 : read_csv(scan, piece, &read, err));
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

ktk_status ktki_scan_open(struct scan *out, const struct query_plan *plan, int64_t partition,
                          ktk_error *err) {
    struct scan scan = {
        .plan = plan, .partition = partition, .key = ktki_plan_file(plan, partition)};
    bool is_false = false;
    bool is_csv;
    ktk_status status = KTK_OK;

    ktki_arena_init(&scan.arena, ktki_context_allocator(plan->context));
    KTKI_TRY(ktki_constants_init(&scan.constants, plan, err));
    KTKI_TRY(ktki_constants_set(&scan.constants, scan.key, err));
    if (plan->where != NULL) {
        KTKI_TRY(ktki_bound_reduce(&scan.where, &is_false, plan->context, plan->where,
                                   scan.constants.by_field, err));
    }
    is_csv = ktki_key_is_csv(scan.key);
    KTKI_TRY(is_csv ? open_csv(&scan, err) : open_parquet(&scan, err));
    KTKI_TRY(ktki_assemble_plan(&scan, err));
    KTKI_TRY(is_csv ? ktki_schema_select(&scan.read, scan.stored, scan.reads, scan.read_count,
                                         false, err)
                    : make_query(&scan, err));
    scan.piece_count = is_false ? 0 : scan.piece_count;
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
    ktki_schema_free(scan->read);
    ktki_csv_file_clear(&scan->csv);
    ktki_parquet_query_free(scan->query);
    ktk_parquet_file_free(scan->file);
    ktki_bound_free(scan->where);
    ktki_constants_clear(&scan->constants);
    ktki_arena_clear(&scan->arena);
    *scan = (struct scan){0};
}
