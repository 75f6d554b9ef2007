/* The first byte chooses options, the rest is CSV. What can be read is well-formed Arrow data; what
 * is then written reads back to as many rows and is written the same way again. */
#include <string.h>

#include <kartothek/arrow.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "fuzz.h"

static ktk_status keep(void *state, const char *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

/* Row counts, as the batches say, of all batches; their arrays are checked to the last value. */
static int64_t check_stream(ktk_context *context, struct ArrowArrayStream *stream) {
    struct stream_reader reader;
    struct batch batch;
    int64_t row_count = 0;

    FUZZ_ASSERT(ktki_reader_init(&reader, context, stream, NULL) == KTK_OK);
    for (;;) {
        FUZZ_ASSERT(ktki_reader_next(&reader, &batch, NULL) == KTK_OK);
        if (batch.schema == NULL) {
            break;
        }
        for (int32_t i = 0; i < batch.schema->field_count; i++) {
            FUZZ_ASSERT(batch.columns[i].length == batch.row_count);
            FUZZ_ASSERT(ktki_array_check(&batch.columns[i], &batch.schema->fields[i], true, NULL) ==
                        KTK_OK);
        }
        row_count += batch.row_count;
        ktki_batch_clear(&batch);
    }
    ktki_reader_clear(&reader);
    ktki_stream_clear(stream);
    return row_count;
}

static ktk_status read_text(ktk_context *context, const void *data, size_t size,
                            const ktk_csv_read_options *options, struct ArrowArrayStream *out) {
    ktk_bytes bytes = {data, size, NULL, NULL};

    return ktk_csv_read(out, context, &bytes, options, NULL);
}

/* Write what `from` reads as; returns its number of rows. */
static int64_t rewrite(ktk_context *context, const struct buffer *from,
                       const ktk_csv_read_options *options, struct buffer *out) {
    ktk_csv_write_options write = KTK_CSV_WRITE_OPTIONS_INIT;
    struct ArrowArrayStream stream;
    int64_t row_count;

    write.delimiter = options->delimiter;
    FUZZ_ASSERT(read_text(context, from->data, from->size, options, &stream) == KTK_OK);
    row_count = check_stream(context, &stream);
    FUZZ_ASSERT(read_text(context, from->data, from->size, options, &stream) == KTK_OK);
    ktki_buffer_init(out, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktk_csv_write(context, &stream, &write, keep, out, NULL) == KTK_OK);
    return row_count;
}

static bool is_equal(const struct buffer *a, const struct buffer *b) {
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void check(ktk_context *context, const struct buffer *input,
                  const ktk_csv_read_options *options) {
    ktk_csv_read_options again = *options;
    struct buffer texts[3];
    int64_t row_counts[3];

    again.no_header = false;
    row_counts[0] = rewrite(context, input, options, &texts[0]);
    row_counts[1] = rewrite(context, &texts[0], &again, &texts[1]);
    row_counts[2] = rewrite(context, &texts[1], &again, &texts[2]);
    FUZZ_ASSERT(row_counts[0] == row_counts[1] && row_counts[1] == row_counts[2]);
    /* A NaN is read as null, which may leave a column without values. */
    FUZZ_ASSERT(is_equal(&texts[0], &texts[1]) ||
                memmem(texts[0].data, texts[0].size, "nan", 3) != NULL);
    FUZZ_ASSERT(is_equal(&texts[1], &texts[2]));
    for (int i = 0; i < 3; i++) {
        ktki_buffer_clear(&texts[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char delimiters[] = {',', ';', '\t', '-'};
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
    ktk_context *context = NULL;
    struct ArrowArrayStream stream;

    if (size == 0) {
        return 0;
    }
    context_options.threads = 1;
    FUZZ_ASSERT(ktk_context_new(&context, &context_options, NULL) == KTK_OK);
    options.delimiter = delimiters[data[0] & 3];
    options.no_header = (data[0] & 4) != 0;
    options.batch_rows_max = data[0] >> 4;
    if (read_text(context, data + 1, size - 1, &options, &stream) == KTK_OK) {
        const struct buffer input = {.data = (uint8_t *)data + 1, .size = size - 1};

        ktki_stream_clear(&stream);
        check(context, &input, &options);
    }
    ktk_context_free(context);
    return 0;
}
