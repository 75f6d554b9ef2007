#include <kartothek/arrow.h>

#include "arrow/csv_dialect.h"
#include "arrow/format_value.h"
#include "arrow/stream.h"
#include "arrow/text_sink.h"
#include "base/context.h"
#include "base/error.h"
#include "base/options.h"

struct csv_writer {
    struct text_sink sink;
    uint8_t delimiter;
    const char *null_value;
    bool is_special[256]; /* bytes that must stand in quotes */
};

static ktk_status set_options(struct csv_writer *writer, const ktk_csv_write_options *options,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_csv_check_delimiter(options->delimiter, &writer->delimiter, err));
    writer->null_value = options->null_value == NULL ? "" : options->null_value;
    writer->is_special[writer->delimiter] = true;
    writer->is_special['"'] = true;
    writer->is_special['\n'] = true;
    writer->is_special['\r'] = true;
    for (const char *at = writer->null_value; *at != '\0'; at++) {
        if (writer->is_special[(uint8_t)*at]) {
            KTKI_FAIL(err, KTK_E_INVALID,
                      "the CSV text for null must not need quotes, as '%s' does",
                      writer->null_value);
        }
    }
out:
    return status;
}

/* Put what was appended from `start` on into quotes. */
static ktk_status quote(struct buffer *buffer, size_t start, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t size = buffer->size - start;
    size_t extra = 2;
    uint8_t *from;
    uint8_t *to;

    for (size_t i = 0; i < size; i++) {
        extra += buffer->data[start + i] == '"';
    }
    KTKI_TRY(ktki_buffer_reserve(buffer, extra, err));
    from = buffer->data + buffer->size;
    buffer->size += extra;
    to = buffer->data + buffer->size;
    *--to = '"';
    while (from > buffer->data + start) {
        *--to = *--from;
        if (*from == '"') {
            *--to = '"';
        }
    }
    *--to = '"';
out:
    return status;
}

static bool needs_quotes(const struct csv_writer *writer, const uint8_t *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (writer->is_special[text[i]]) {
            return true;
        }
    }
    return false;
}

/* A text that a reader would take for null unless it is quoted. */
static bool looks_null(const struct csv_writer *writer, const uint8_t *text, size_t size) {
    return ktki_csv_is_default_null(text, size) ||
           (size == strlen(writer->null_value) && memcmp(text, writer->null_value, size) == 0);
}

static ktk_status write_value(struct csv_writer *writer, const struct field *field,
                              const struct ArrowArray *array, int64_t row, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer *buffer = &writer->sink.buffer;
    const struct field *values = field->dictionary != NULL ? field->dictionary : field;
    size_t start = buffer->size;
    const uint8_t *text;
    size_t size;
    bool is_null;

    KTKI_TRY(ktki_format_value(field, array, row, buffer, &is_null, err));
    if (is_null) {
        KTKI_TRY(ktki_buffer_append_text(buffer, writer->null_value, err));
        goto out;
    }
    text = buffer->data + start;
    size = buffer->size - start;
    /* A NaN is left to be read as null, which is what it means in a frame. */
    if (needs_quotes(writer, text, size) ||
        (!ktki_type_is_float(values->type.id) && looks_null(writer, text, size))) {
        KTKI_TRY(quote(buffer, start, err));
    }
out:
    return status;
}

/* A header that starts with a byte order mark would lose it to the reader, and an empty one is
 * shown. */
static ktk_status write_name(struct csv_writer *writer, const char *name, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer *buffer = &writer->sink.buffer;
    size_t start = buffer->size;
    size_t size = strlen(name);

    KTKI_TRY(ktki_buffer_append(buffer, name, size, err));
    if (size == 0 || strncmp(name, "\xEF\xBB\xBF", 3) == 0 ||
        needs_quotes(writer, (const uint8_t *)name, size)) {
        KTKI_TRY(quote(buffer, start, err));
    }
out:
    return status;
}

static ktk_status write_header(struct csv_writer *writer, const struct schema *schema,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < schema->field_count; i++) {
        KTKI_TRY(write_name(writer, schema->fields[i].name, err));
        KTKI_TRY(ktki_buffer_append_byte(
            &writer->sink.buffer, i + 1 < schema->field_count ? writer->delimiter : '\n', err));
    }
out:
    return status;
}

static ktk_status write_batch(struct csv_writer *writer, const struct batch *batch,
                              ktk_error *err) {
    ktk_status status = KTK_OK;
    int32_t count = batch->schema->field_count;

    for (int64_t row = 0; row < batch->row_count; row++) {
        for (int32_t i = 0; i < count; i++) {
            const struct field *field = &batch->schema->fields[i];

            status = write_value(writer, field, &batch->columns[i], row, err);
            if (status != KTK_OK) {
                ktki_error_context(err, "column '%s'", field->name);
                goto out;
            }
            KTKI_TRY(ktki_buffer_append_byte(&writer->sink.buffer,
                                             i + 1 < count ? writer->delimiter : '\n', err));
        }
        KTKI_TRY(ktki_text_sink_pass(&writer->sink, err));
    }
out:
    return status;
}

ktk_status ktk_csv_write(ktk_context *context, struct ArrowArrayStream *stream,
                         const ktk_csv_write_options *options, ktk_write_fn fn, void *state,
                         ktk_error *err) {
    const ktk_csv_write_options defaults = KTK_CSV_WRITE_OPTIONS_INIT;
    ktk_status status = KTK_OK;
    struct csv_writer writer = {0};
    struct stream_reader reader = {0};
    struct batch batch = {0};

    ktki_text_sink_init(&writer.sink, ktki_context_allocator(context), fn, state);
    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_CSV_WRITE_OPTIONS_INIT", err);
    KTKI_TRY(set_options(&writer, options, err));
    KTKI_TRY(ktki_reader_init(&reader, context, stream, err));
    if (!options->no_header) {
        KTKI_TRY(write_header(&writer, reader.schema, err));
    }
    KTKI_TRY(ktki_reader_next(&reader, &batch, err));
    while (batch.schema != NULL) {
        KTKI_TRY(write_batch(&writer, &batch, err));
        ktki_batch_clear(&batch);
        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
    }
    KTKI_TRY(ktki_text_sink_finish(&writer.sink, err));
out:
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    ktki_text_sink_clear(&writer.sink);
    ktki_stream_clear(stream);
    return status;
}
