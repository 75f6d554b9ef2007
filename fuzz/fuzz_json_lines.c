/* The first byte chooses a type for column 'a', the rest is JSON lines. What can be read is
 * well-formed Arrow data; what is then written reads back to as many rows. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const column = "a";
    static const char *const types[] = {"string", "int8", "double", "timestamp[us]"};
    ktk_json_lines_read_options options = KTK_JSON_LINES_READ_OPTIONS_INIT;
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    struct ArrowArrayStream stream;
    struct buffer text;

    if (size == 0) {
        return 0;
    }
    context_options.threads = 1;
    FUZZ_ASSERT(ktk_context_new(&context, &context_options, NULL) == KTK_OK);
    options.type_columns = &column;
    options.type_names = &types[data[0] & 3];
    options.type_count = (data[0] & 4) != 0;
    options.optional_types = true;
    ktki_buffer_init(&text, ktki_alloc_default(), 0);
    if (ktk_json_lines_read(&stream, context, data + 1, size - 1, &options, NULL) == KTK_OK) {
        int64_t row_count = check_stream(context, &stream);

        FUZZ_ASSERT(ktk_json_lines_read(&stream, context, data + 1, size - 1, &options, NULL) ==
                    KTK_OK);
        FUZZ_ASSERT(ktk_json_lines_write(context, &stream, keep, &text, NULL) == KTK_OK);
        FUZZ_ASSERT(ktk_json_lines_read(&stream, context, text.data, text.size, NULL, NULL) ==
                    KTK_OK);
        FUZZ_ASSERT(check_stream(context, &stream) == row_count);
    }
    ktki_buffer_clear(&text);
    ktk_context_free(context);
    return 0;
}
