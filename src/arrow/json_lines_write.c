#include <kartothek/arrow.h>

#include "arrow/format_value.h"
#include "arrow/stream.h"
#include "arrow/text_sink.h"
#include "base/context.h"
#include "base/error.h"

static ktk_status write_row(struct json_values *json, const struct batch *batch, int64_t row,
                            ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_begin_object(&json->writer, err));
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        const struct field *field = &batch->schema->fields[i];

        KTKI_TRY(ktki_json_key(&json->writer, field->name, err));
        status = ktki_format_value_json(json, field, &batch->columns[i], row, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "column '%s'", field->name);
            goto out;
        }
    }
    KTKI_TRY(ktki_json_end_object(&json->writer, err));
out:
    return status;
}

static ktk_status write_batch(struct text_sink *sink, const struct batch *batch, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct json_values json;

    ktki_json_values_init(&json, &sink->buffer);
    for (int64_t row = 0; row < batch->row_count; row++) {
        ktki_json_writer_init(&json.writer, &sink->buffer);
        KTKI_TRY(write_row(&json, batch, row, err));
        KTKI_TRY(ktki_buffer_append_byte(&sink->buffer, '\n', err));
        KTKI_TRY(ktki_text_sink_pass(sink, err));
    }
out:
    ktki_json_values_clear(&json);
    return status;
}

ktk_status ktk_json_lines_write(ktk_context *context, struct ArrowArrayStream *stream,
                                ktk_write_fn fn, void *state, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct text_sink sink;
    struct stream_reader reader = {0};
    struct batch batch = {0};

    ktki_text_sink_init(&sink, ktki_context_allocator(context), fn, state);
    KTKI_TRY(ktki_reader_init(&reader, context, stream, err));
    KTKI_TRY(ktki_reader_next(&reader, &batch, err));
    while (batch.schema != NULL) {
        KTKI_TRY(write_batch(&sink, &batch, err));
        ktki_batch_clear(&batch);
        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
    }
    KTKI_TRY(ktki_text_sink_finish(&sink, err));
out:
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    ktki_text_sink_clear(&sink);
    ktki_stream_clear(stream);
    return status;
}
