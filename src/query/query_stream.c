#include <string.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "query/read_ahead.h"
#include "query/stored_shape.h"

/* The plan, and its rows. */
struct query_stream {
    struct query_plan *plan;
    struct read_ahead *ahead;
};

static ktk_status stream_next(void *state, struct batch *out, ktk_error *err) {
    struct query_stream *stream = state;

    return ktki_read_ahead_next(stream->ahead, out, err);
}

static void stream_free(void *state) {
    struct query_stream *stream = state;
    struct query_plan *plan = stream->plan;
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    ktk_context *context = ktk_context_ref(plan->context);

    ktki_read_ahead_free(stream->ahead);
    ktki_plan_free(plan);
    KTKI_DELETE(allocator, stream);
    ktk_context_free(context);
}

/* The one partition of KTK_SHAPE_PARTITION is opened now: its file says what the schema is. */
static ktk_status open_stored(struct query_stream *stream, struct schema **schema, ktk_error *err) {
    const struct scan *scan;
    ktk_status status = KTK_OK;

    if (stream->plan->shape == KTK_SHAPE_PARTITION && stream->plan->partition_count > 0) {
        KTKI_TRY(ktki_read_ahead_open_first(stream->ahead, &scan, err));
        *schema = scan->output;
    }
out:
    return status;
}

static ktk_status stream_new(struct query_stream **out, struct query_plan *plan,
                             const struct read_ahead_options *options, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    struct query_stream *stream = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &stream, err));
    KTKI_TRY(ktki_read_ahead_new(&stream->ahead, plan, options, err));
    stream->plan = plan;
    *out = stream;
    stream = NULL;
out:
    KTKI_DELETE(allocator, stream);
    return status;
}

ktk_status ktk_query_stream(struct ArrowArrayStream *out, ktk_dataset *dataset,
                            const ktk_query_options *options, ktk_error *err) {
    struct query_stream *stream = NULL;
    struct query_plan *plan = NULL;
    struct read_ahead_options ahead = {0};
    struct schema *schema;
    ktk_status status = KTK_OK;

    if (out == NULL || dataset == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "no place for the stream, or no dataset");
    }
    KTKI_TRY(ktki_plan_new(&plan, dataset, options, err));
    if (options != NULL) {
        KTKI_TRY(ktki_read_ahead_take_options(&ahead, options, err));
    }
    if (plan->shape == KTK_SHAPE_PARTITION && plan->partition_count > 1) {
        KTKI_TRY(ktki_stored_shape(plan, &ahead, err));
    }
    KTKI_TRY(stream_new(&stream, plan, &ahead, err));
    schema = plan->output;
    plan = NULL; /* belongs to the stream */
    KTKI_TRY(open_stored(stream, &schema, err));
    KTKI_TRY(
        ktki_stream_new(out, stream->plan->context, schema, stream_next, stream_free, stream, err));
    stream = NULL;
out:
    if (stream != NULL) {
        stream_free(stream);
    }
    ktki_plan_free(plan);
    return status;
}

ktk_status ktk_query_partitions(int64_t **out, size_t *count, ktk_dataset *dataset,
                                const ktk_query_options *options, ktk_error *err) {
    ktk_query_options table_options = KTK_QUERY_OPTIONS_INIT;
    struct query_plan *plan = NULL;
    int64_t *partitions = NULL;
    ktk_status status = KTK_OK;

    if (out == NULL || count == NULL || dataset == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "no place for the partitions, or no dataset");
    }
    if (options != NULL) {
        table_options = *options;
        table_options.shape = KTK_SHAPE_TABLE;
    }
    KTKI_TRY(ktki_plan_new(&plan, dataset, &table_options, err));
    KTKI_TRY(ktki_alloc_array(ktki_context_allocator(plan->context), (size_t)plan->partition_count,
                              sizeof(*partitions), &partitions, err));
    if (plan->partition_count > 0) {
        memcpy(partitions, plan->partitions, (size_t)plan->partition_count * sizeof(*partitions));
    }
    *out = partitions;
    *count = (size_t)plan->partition_count;
out:
    ktki_plan_free(plan);
    return status;
}

void ktk_query_partitions_free(ktk_dataset *dataset, int64_t *partitions, size_t count) {
    if (partitions != NULL) {
        ktk_context *context = ktk_store_context(ktk_dataset_store(dataset));

        ktki_free_array(ktki_context_allocator(context), partitions, count, sizeof(*partitions));
    }
}
