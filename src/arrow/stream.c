#include "arrow/stream.h"

#include <errno.h>

#include <kartothek/arrow.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* A stream of ours. Others know it by the C Stream Interface, we know it by its get_next and ask
 * the producer directly: nothing is converted and no error is cut down to an errno. */
struct producer {
    ktk_context *context; /* a reference */
    struct schema *schema;
    ktki_stream_next_fn next;
    ktki_stream_free_fn free_state;
    void *state;
    bool is_done;
    ktk_error error; /* the first failure, repeated from then on */
};

/* errno values of the failures that consumers and producers tell apart; the first of a status or
 * errno counts. ENOSYS is what Arrow implementations use for "not implemented". */
static const struct {
    ktk_status status;
    int error_number;
} pairs[] = {
    {KTK_E_NO_MEMORY, ENOMEM}, {KTK_E_INVALID, EINVAL},      {KTK_E_NOT_FOUND, ENOENT},
    {KTK_E_EXISTS, EEXIST},    {KTK_E_CONFLICT, EBUSY},      {KTK_E_CORRUPT, EBADMSG},
    {KTK_E_SCHEMA, EINVAL},    {KTK_E_UNSUPPORTED, ENOSYS},  {KTK_E_LIMIT, EOVERFLOW},
    {KTK_E_IO, EIO},           {KTK_E_DENIED, EACCES},       {KTK_E_UNAVAILABLE, EAGAIN},
    {KTK_E_READ_ONLY, EROFS},  {KTK_E_CANCELLED, ECANCELED}, {KTK_E_INVALID, ERANGE},
    {KTK_E_INVALID, EDOM},     {KTK_E_DENIED, EPERM},        {KTK_E_UNSUPPORTED, ENOTSUP},
};

#define PAIR_COUNT (sizeof(pairs) / sizeof(pairs[0]))

static int errno_of(const ktk_error *error) {
    if (error->status == KTK_E_IO && error->detail > 0) {
        return error->detail;
    }
    for (size_t i = 0; i < PAIR_COUNT; i++) {
        if ((int32_t)pairs[i].status == error->status) {
            return pairs[i].error_number;
        }
    }
    return EIO;
}

static ktk_status status_of(int error_number) {
    for (size_t i = 0; i < PAIR_COUNT; i++) {
        if (pairs[i].error_number == error_number) {
            return pairs[i].status;
        }
    }
    return KTK_E_IO;
}

static ktk_status give_error(const ktk_error *error, ktk_error *err) {
    if (err != NULL) {
        *err = *error;
    }
    return (ktk_status)error->status;
}

/* A producer that fails without filling the error must not pass for one that succeeds. */
static ktk_status keep_error(struct producer *producer, ktk_status status, const ktk_error *error) {
    producer->error = *error;
    producer->error.status = (int32_t)status;
    return status;
}

static ktk_status producer_next(struct producer *producer, struct batch *out, ktk_error *err) {
    ktk_error error = {0};
    struct batch batch = {0};
    ktk_status status;

    if (producer->error.status != KTK_OK) {
        return give_error(&producer->error, err);
    }
    if (!producer->is_done) {
        status = producer->next(producer->state, &batch, &error);
        if (status != KTK_OK) {
            (void)keep_error(producer, status, &error);
            return give_error(&producer->error, err);
        }
        producer->is_done = batch.schema == NULL;
    }
    *out = batch;
    return KTK_OK;
}

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct producer *producer = stream->private_data;
    ktk_error error = {0};
    ktk_status status = ktki_schema_export(producer->schema, out, &error);

    if (status != KTK_OK) {
        (void)keep_error(producer, status, &error);
        return errno_of(&producer->error);
    }
    return 0;
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct producer *producer = stream->private_data;
    struct ArrowArray array = {0};
    struct batch batch = {0};
    ktk_error error = {0};
    ktk_status status = producer_next(producer, &batch, &error);

    if (status == KTK_OK && batch.schema != NULL) {
        status = ktki_batch_export(&batch, &array, &error);
        if (status != KTK_OK) {
            (void)keep_error(producer, status, &error);
        }
    }
    ktki_batch_clear(&batch);
    if (status != KTK_OK) {
        return errno_of(&producer->error);
    }
    *out = array;
    return 0;
}

static const char *stream_get_last_error(struct ArrowArrayStream *stream) {
    const struct producer *producer = stream->private_data;
    return producer->error.status == KTK_OK ? NULL : producer->error.message;
}

static void producer_free(struct producer *producer) {
    ktk_context *context = producer->context;

    if (producer->free_state != NULL) {
        producer->free_state(producer->state);
    }
    ktki_schema_free(producer->schema);
    KTKI_DELETE(ktki_context_allocator(context), producer);
    ktk_context_free(context);
}

static void stream_release(struct ArrowArrayStream *stream) {
    producer_free(stream->private_data);
    stream->release = NULL;
}

/* The producer behind a stream of ours, NULL for others. */
static struct producer *own_producer(const struct ArrowArrayStream *stream) {
    return stream->get_next == stream_get_next ? stream->private_data : NULL;
}

ktk_status ktki_stream_new(struct ArrowArrayStream *out, ktk_context *context,
                           struct schema *schema, ktki_stream_next_fn next,
                           ktki_stream_free_fn free_state, void *state, ktk_error *err) {
    struct producer *producer = NULL;
    ktk_status status = KTKI_NEW(ktki_context_allocator(context), &producer, err);

    if (status == KTK_OK) {
        *producer = (struct producer){
            .context = ktk_context_ref(context),
            .schema = ktki_schema_ref(schema),
            .next = next,
            .free_state = free_state,
            .state = state,
        };
        *out = (struct ArrowArrayStream){stream_get_schema, stream_get_next, stream_get_last_error,
                                         stream_release, producer};
    }
    return status;
}

/* Batches that are there already. */
struct batch_list {
    ktk_context *context; /* borrowed from the stream */
    struct batch *batches;
    size_t count;
    size_t next;
};

static ktk_status batch_list_next(void *state, struct batch *out, ktk_error *err) {
    struct batch_list *list = state;

    (void)err;
    if (list->next < list->count) {
        *out = list->batches[list->next];
        list->batches[list->next++] = (struct batch){0};
    }
    return KTK_OK;
}

static void batch_list_free(void *state) {
    struct batch_list *list = state;
    const ktk_allocator *allocator = ktki_context_allocator(list->context);

    for (size_t i = list->next; i < list->count; i++) {
        ktki_batch_clear(&list->batches[i]);
    }
    ktki_free_array(allocator, list->batches, list->count, sizeof(*list->batches));
    KTKI_DELETE(allocator, list);
}

ktk_status ktki_stream_of_batches(struct ArrowArrayStream *out, ktk_context *context,
                                  struct schema *schema, struct batch *batches, size_t count,
                                  ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct batch_list *list = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &list, err));
    list->context = context;
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*batches), &list->batches, err));
    list->count = count;
    KTKI_TRY(ktki_stream_new(out, context, schema, batch_list_next, batch_list_free, list, err));
    for (size_t i = 0; i < count; i++) {
        list->batches[i] = batches[i];
        batches[i] = (struct batch){0};
    }
    list = NULL;
out:
    if (list != NULL) {
        batch_list_free(list);
    }
    return status;
}

static ktk_status foreign_error(struct ArrowArrayStream *stream, int error_number, ktk_error *err) {
    const char *text = stream->get_last_error == NULL ? NULL : stream->get_last_error(stream);
    ktk_status status = status_of(error_number);

    if (text == NULL || text[0] == '\0') {
        text = "the stream failed";
    }
    (void)ktk_error_set(err, status, "%s", text);
    if (err != NULL) {
        err->detail = error_number;
    }
    return status;
}

static ktk_status check_stream(const struct ArrowArrayStream *stream, ktk_error *err) {
    return stream != NULL && stream->release != NULL
               ? KTK_OK
               : ktk_error_set(err, KTK_E_INVALID, "the stream is released");
}

ktk_status ktk_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out,
                           ktk_error *err) {
    struct ArrowArray array = {0};
    int error_number;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_stream(stream, err));
    error_number = stream->get_next(stream, &array);
    if (error_number != 0) {
        const struct producer *producer = own_producer(stream);
        KTKI_TRY(producer != NULL ? give_error(&producer->error, err)
                                  : foreign_error(stream, error_number, err));
    }
    *out = array;
out:
    return status;
}

ktk_status ktk_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out,
                             ktk_error *err) {
    struct ArrowSchema schema = {0};
    const struct producer *producer;
    int error_number;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_stream(stream, err));
    producer = own_producer(stream);
    if (producer != NULL) {
        KTKI_TRY(ktki_schema_export(producer->schema, &schema, err));
    } else {
        error_number = stream->get_schema(stream, &schema);
        if (error_number != 0) {
            KTKI_TRY(foreign_error(stream, error_number, err));
        }
    }
    *out = schema;
out:
    return status;
}

ktk_status ktki_reader_init(struct stream_reader *out, ktk_context *context,
                            struct ArrowArrayStream *stream, ktk_error *err) {
    struct ArrowSchema exported = {0};
    const struct producer *producer;
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_stream(stream, err));
    producer = own_producer(stream);
    if (producer != NULL) {
        schema = ktki_schema_ref(producer->schema);
    } else {
        KTKI_TRY(ktk_stream_schema(stream, &exported, err));
        KTKI_TRY(ktki_schema_import(&schema, context, &exported, err));
    }
    *out = (struct stream_reader){stream, schema, context};
out:
    if (exported.release != NULL) {
        exported.release(&exported);
    }
    return status;
}

void ktki_reader_clear(struct stream_reader *reader) {
    ktki_schema_free(reader->schema);
    *reader = (struct stream_reader){0};
}

ktk_status ktki_reader_next(struct stream_reader *reader, struct batch *out, ktk_error *err) {
    struct producer *producer = own_producer(reader->stream);
    struct ArrowArray array = {0};
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    if (producer != NULL) {
        KTKI_TRY(producer_next(producer, &batch, err));
    } else {
        KTKI_TRY(ktk_stream_next(reader->stream, &array, err));
        if (array.release != NULL) {
            KTKI_TRY(ktki_batch_import(&batch, reader->schema, &array, err));
        }
    }
    *out = batch;
out:
    ktki_array_clear(&array);
    return status;
}

void ktki_stream_clear(struct ArrowArrayStream *stream) {
    if (stream->release != NULL) {
        stream->release(stream);
    }
    *stream = (struct ArrowArrayStream){0};
}
