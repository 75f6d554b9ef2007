#include <string.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "query/scan.h"
#include "query/stored_shape.h"

/* What may be under way at once. The window starts with one row group and doubles with each round,
 * so that somebody who wants the first rows alone does not pay for more. */
#define WINDOW_ITEMS_PER_THREAD 4
#define WINDOW_BYTES_MAX ((int64_t)256 << 20)

/* One row group on its way, or the failure that stands in its place. */
struct item {
    struct scan *scan; /* borrowed from the queue; NULL: `status` says why the file is not open */
    int32_t row_group;
    ktk_status status;
    ktk_error error;
    struct batch batch;
};

/* A partition whose file is open, or failed to be. */
struct queued {
    struct scan scan;
    int32_t next_row_group;
    ktk_status status;
    ktk_error error;
};

/* Rounds: open the files of the next partitions together, read the next row groups of the open
 * files together, hand them out in order. A failure takes the place of its row group, so that the
 * rows in front of it are the same whatever the threads do. */
struct query_stream {
    struct query_plan *plan;
    size_t window; /* items in the next round */
    size_t window_max;
    int64_t next_partition; /* index into the plan's partitions */
    struct queued *queue;   /* window_max of them; the first `queued_count` are in use */
    size_t queued_count;
    struct item *items; /* window_max of them */
    size_t item_count;
    size_t next_item;
};

/* ---- opening ---- */

static ktk_status open_one(void *state, size_t index, ktk_error *err) {
    struct query_stream *stream = state;
    struct queued *queued = &stream->queue[index];
    int64_t partition = stream->plan->partitions[stream->next_partition + (int64_t)index];

    (void)err; /* kept in its place */
    queued->status = ktki_scan_open(&queued->scan, stream->plan, partition, &queued->error);
    return KTK_OK;
}

/* Open the next files; the queue is empty. */
static ktk_status open_next(struct query_stream *stream, ktk_error *err) {
    struct pool *pool = ktki_context_pool(stream->plan->context);
    int64_t left = stream->plan->partition_count - stream->next_partition;
    size_t count = left < (int64_t)stream->window ? (size_t)left : stream->window;
    ktk_status status = KTK_OK;

    memset(stream->queue, 0, count * sizeof(*stream->queue));
    KTKI_TRY(ktki_pool_run(pool, count, open_one, stream, err));
    stream->queued_count = count;
    stream->next_partition += (int64_t)count;
out:
    return status;
}

static bool is_used_up(const struct queued *queued) {
    return queued->status == KTK_OK && queued->next_row_group >= queued->scan.row_group_count;
}

/* Close the files that have been read. No item looks at them any more. */
static void drop_used(struct query_stream *stream) {
    size_t kept = 0;

    for (size_t i = 0; i < stream->queued_count; i++) {
        struct queued *queued = &stream->queue[i];

        if (is_used_up(queued)) {
            ktki_scan_clear(&queued->scan);
        } else {
            stream->queue[kept++] = *queued;
        }
    }
    stream->queued_count = kept;
}

/* ---- reading ---- */

static ktk_status read_one(void *state, size_t index, ktk_error *err) {
    struct query_stream *stream = state;
    struct item *item = &stream->items[index];

    (void)err; /* kept in its place */
    if (item->scan != NULL) {
        item->status = ktki_scan_read(item->scan, item->row_group, &item->batch, &item->error);
    }
    return KTK_OK;
}

/* Choose the row groups of this round: at least one, then as many as fit. */
static void choose_items(struct query_stream *stream) {
    int64_t bytes = 0;

    stream->item_count = 0;
    stream->next_item = 0;
    for (size_t i = 0; i < stream->queued_count; i++) {
        struct queued *queued = &stream->queue[i];

        while (stream->item_count < stream->window && !is_used_up(queued)) {
            struct item *item = &stream->items[stream->item_count];
            int64_t size;

            *item = (struct item){.status = queued->status, .error = queued->error};
            if (queued->status != KTK_OK) {
                stream->item_count++;
                return;
            }
            size = ktki_scan_row_group_size(&queued->scan, queued->next_row_group);
            if (stream->item_count > 0 && size > WINDOW_BYTES_MAX - bytes) {
                return;
            }
            item->scan = &queued->scan;
            item->row_group = queued->next_row_group++;
            bytes += size < WINDOW_BYTES_MAX - bytes ? size : WINDOW_BYTES_MAX - bytes;
            stream->item_count++;
        }
    }
}

static ktk_status next_round(struct query_stream *stream, ktk_error *err) {
    struct pool *pool = ktki_context_pool(stream->plan->context);
    ktk_status status = KTK_OK;

    stream->item_count = 0;
    stream->next_item = 0;
    drop_used(stream);
    if (stream->queued_count == 0) {
        KTKI_TRY(open_next(stream, err));
    }
    choose_items(stream);
    KTKI_TRY(ktki_pool_run(pool, stream->item_count, read_one, stream, err));
    stream->window =
        stream->window * 2 < stream->window_max ? stream->window * 2 : stream->window_max;
out:
    return status;
}

static bool is_done(const struct query_stream *stream) {
    return stream->next_item == stream->item_count && stream->queued_count == 0 &&
           stream->next_partition == stream->plan->partition_count;
}

static ktk_status stream_next(void *state, struct batch *out, ktk_error *err) {
    struct query_stream *stream = state;
    ktk_status status = KTK_OK;

    *out = (struct batch){0};
    while (out->schema == NULL && !is_done(stream)) {
        struct item *item;

        if (stream->next_item == stream->item_count) {
            KTKI_TRY(next_round(stream, err));
            continue;
        }
        item = &stream->items[stream->next_item++];
        if (item->status != KTK_OK) {
            status = item->status;
            if (err != NULL) {
                *err = item->error;
            }
            goto out;
        }
        *out = item->batch; /* without a schema if no row of it matched */
        item->batch = (struct batch){0};
    }
out:
    return status;
}

/* ---- life ---- */

static void stream_free(void *state) {
    struct query_stream *stream = state;
    struct query_plan *plan = stream->plan;
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    ktk_context *context = ktk_context_ref(plan->context);

    for (size_t i = stream->next_item; i < stream->item_count; i++) {
        ktki_batch_clear(&stream->items[i].batch);
    }
    for (size_t i = 0; i < stream->queued_count; i++) {
        ktki_scan_clear(&stream->queue[i].scan);
    }
    ktki_free_array(allocator, stream->items, stream->window_max, sizeof(*stream->items));
    ktki_free_array(allocator, stream->queue, stream->window_max, sizeof(*stream->queue));
    ktki_plan_free(plan);
    KTKI_DELETE(allocator, stream);
    ktk_context_free(context);
}

/* The one partition of KTK_SHAPE_PARTITION is opened now: its file says what the schema is. */
static ktk_status open_stored(struct query_stream *stream, struct schema **schema, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (stream->plan->shape == KTK_SHAPE_PARTITION && stream->plan->partition_count > 0) {
        KTKI_TRY(open_next(stream, err));
        if (stream->queue[0].status != KTK_OK) {
            status = stream->queue[0].status;
            if (err != NULL) {
                *err = stream->queue[0].error;
            }
            goto out;
        }
        *schema = stream->queue[0].scan.output;
    }
out:
    return status;
}

static ktk_status stream_new(struct query_stream **out, struct query_plan *plan, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    struct query_stream *stream = NULL;
    ktk_status status = KTK_OK;
    int32_t threads = ktk_context_threads(plan->context);

    KTKI_TRY(KTKI_NEW(allocator, &stream, err));
    stream->window = 1;
    stream->window_max = threads > 1 ? (size_t)threads * WINDOW_ITEMS_PER_THREAD : 1;
    KTKI_TRY(ktki_alloc_zeroed(allocator, stream->window_max, sizeof(*stream->queue),
                               &stream->queue, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, stream->window_max, sizeof(*stream->items),
                               &stream->items, err));
    stream->plan = plan;
    *out = stream;
    stream = NULL;
out:
    if (stream != NULL) {
        ktki_free_array(allocator, stream->queue, stream->window_max, sizeof(*stream->queue));
        KTKI_DELETE(allocator, stream);
    }
    return status;
}

ktk_status ktk_query_stream(struct ArrowArrayStream *out, ktk_dataset *dataset,
                            const ktk_query_options *options, ktk_error *err) {
    struct query_stream *stream = NULL;
    struct query_plan *plan = NULL;
    struct schema *schema;
    ktk_status status = KTK_OK;

    if (out == NULL || dataset == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "no place for the stream, or no dataset");
    }
    KTKI_TRY(ktki_plan_new(&plan, dataset, options, err));
    if (plan->shape == KTK_SHAPE_PARTITION && plan->partition_count > 1) {
        KTKI_TRY(ktki_stored_shape(plan, err));
    }
    KTKI_TRY(stream_new(&stream, plan, err));
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
