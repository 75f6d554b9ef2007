#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "query/read_ahead.h"

#define FIRST_BATCHES 4

/* The plan, and its partitions. */
struct ktk_partition_reader {
    struct query_plan *plan;
    struct read_ahead *ahead;
    ktk_error failure; /* the first one, told again from then on: rows may have been lost by it */
};

/* The rows of a partition. */
struct rows {
    struct batch *batches;
    size_t count;
    size_t capacity;
};

static void rows_clear(struct rows *rows, const ktk_allocator *allocator) {
    for (size_t i = 0; i < rows->count; i++) {
        ktki_batch_clear(&rows->batches[i]);
    }
    ktki_free_array(allocator, rows->batches, rows->capacity, sizeof(*rows->batches));
    *rows = (struct rows){0};
}

static ktk_status make_room(struct rows *rows, const ktk_allocator *allocator, ktk_error *err) {
    size_t capacity = rows->capacity == 0 ? FIRST_BATCHES : rows->capacity * 2;
    ktk_status status = KTK_OK;

    if (rows->count == rows->capacity) {
        KTKI_TRY(ktki_resize_array(allocator, &rows->batches, rows->capacity, capacity,
                                   sizeof(*rows->batches), err));
        rows->capacity = capacity;
    }
out:
    return status;
}

/* The rows of the next partition, all of them. */
static ktk_status collect(struct ktk_partition_reader *reader, struct rows *rows,
                          struct file_end *end, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(reader->plan->context);
    bool is_end = false;
    ktk_status status = KTK_OK;

    while (!is_end) {
        KTKI_TRY(make_room(rows, allocator, err));
        KTKI_TRY(
            ktki_read_ahead_next_in_file(reader->ahead, &rows->batches[rows->count], end, err));
        is_end = rows->batches[rows->count].schema == NULL;
        rows->count += is_end ? 0 : 1;
    }
out:
    return status;
}

ktk_status ktk_partition_reader_next(ktk_partition_reader *reader, int64_t *partition,
                                     struct ArrowArrayStream *out, ktk_error *err) {
    ktk_context *context = reader->plan->context;
    struct ArrowArrayStream stream = {.release = NULL};
    struct file_end end = {0};
    struct rows rows = {0};
    ktk_error failure = reader->failure;
    ktk_status status = (ktk_status)failure.status;

    KTKI_TRY(status);
    KTKI_TRY(collect(reader, &rows, &end, &failure));
    if (end.schema != NULL) {
        KTKI_TRY(ktki_stream_of_batches(&stream, context, end.schema, rows.batches, rows.count,
                                        &failure));
        *partition = end.partition;
    }
    *out = stream;
out:
    if (status != KTK_OK) {
        reader->failure = failure;
        reader->failure.status = (int32_t)status;
        if (err != NULL) {
            *err = failure;
        }
    }
    ktki_schema_free(end.schema);
    rows_clear(&rows, ktki_context_allocator(context));
    return status;
}

ktk_status ktk_partition_reader_new(ktk_partition_reader **out, ktk_dataset *dataset,
                                    const ktk_query_options *options, ktk_error *err) {
    const ktk_allocator *allocator = NULL;
    struct ktk_partition_reader *reader = NULL;
    struct read_ahead_options ahead = {0};
    ktk_status status = KTK_OK;

    if (out == NULL || dataset == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "no place for the reader, or no dataset");
    }
    allocator = ktki_context_allocator(ktk_store_context(ktk_dataset_store(dataset)));
    KTKI_TRY(KTKI_NEW(allocator, &reader, err));
    KTKI_TRY(ktki_plan_new(&reader->plan, dataset, options, err));
    if (options != NULL) {
        KTKI_TRY(ktki_read_ahead_take_options(&ahead, options, err));
    }
    KTKI_TRY(ktki_read_ahead_new(&reader->ahead, reader->plan, &ahead, err));
    *out = reader;
    reader = NULL;
out:
    if (reader != NULL) {
        ktki_plan_free(reader->plan);
        KTKI_DELETE(allocator, reader);
    }
    return status;
}

void ktk_partition_reader_free(ktk_partition_reader *reader) {
    ktk_context *context;

    if (reader != NULL) {
        context = ktk_context_ref(reader->plan->context);
        ktki_read_ahead_free(reader->ahead);
        ktki_plan_free(reader->plan);
        KTKI_DELETE(ktki_context_allocator(context), reader);
        ktk_context_free(context);
    }
}
