#include "arrow/text_sink.h"

#define PIECE_SIZE ((size_t)64 << 10)

void ktki_text_sink_init(struct text_sink *sink, const ktk_allocator *allocator, ktk_write_fn fn,
                         void *state) {
    ktki_buffer_init(&sink->buffer, allocator, 0);
    sink->fn = fn;
    sink->state = state;
}

void ktki_text_sink_clear(struct text_sink *sink) {
    ktki_buffer_clear(&sink->buffer);
}

ktk_status ktki_text_sink_finish(struct text_sink *sink, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (sink->buffer.size > 0) {
        status = sink->fn(sink->state, (const char *)sink->buffer.data, sink->buffer.size, err);
        sink->buffer.size = 0;
    }
    return status;
}

ktk_status ktki_text_sink_pass(struct text_sink *sink, ktk_error *err) {
    return sink->buffer.size < PIECE_SIZE ? KTK_OK : ktki_text_sink_finish(sink, err);
}
