/** Copying the long values of string and binary views: a view is 16 bytes, of which values up to
 * 12 bytes are a part; longer ones lie in the data buffers of their array. */
#ifndef KTKI_ARROW_ARRAY_VIEWS_H
#define KTKI_ARROW_ARRAY_VIEWS_H

#include "arrow/array_parts.h"

#define VIEW_SIZE 16

/** Write the view of a value that lies at `offset` of data buffer 0, whose bytes are `data`. `view`
 * is zeroed before. */
void ktki_view_make(uint8_t *view, const uint8_t *data, int32_t offset, int32_t size);

/** Views [start, start + count) of buffer 1 of `parts` were copied from `source`. */
struct view_range {
    const struct ArrowArray *source;
    int64_t start;
    int64_t count;
};

/**
 * Give `parts` one data buffer with all long values, and let its views point there. Views of null
 * rows (by the validity of `parts`, if it has one) are zeroed. KTK_E_LIMIT beyond 2 GiB.
 */
ktk_status ktki_views_own_data(struct array_parts *parts, const struct view_range *ranges,
                               size_t range_count, ktk_error *err);

#endif
