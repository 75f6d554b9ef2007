/** Text on its way to a ktk_write_fn, in pieces that are worth a call. */
#ifndef KTKI_ARROW_TEXT_SINK_H
#define KTKI_ARROW_TEXT_SINK_H

#include <kartothek/arrow.h>

#include "base/buffer.h"

/** Append to `buffer`; what is in it has not been written yet. */
struct text_sink {
    struct buffer buffer;
    ktk_write_fn fn;
    void *state;
};

void ktki_text_sink_init(struct text_sink *sink, const ktk_allocator *allocator, ktk_write_fn fn,
                         void *state);
void ktki_text_sink_clear(struct text_sink *sink);

/** Write the buffer if it is large enough for it. */
ktk_status ktki_text_sink_pass(struct text_sink *sink, ktk_error *err);

/** Write what is left. */
ktk_status ktki_text_sink_finish(struct text_sink *sink, ktk_error *err);

#endif
