/** A byte buffer that grows up to a bound. */
#ifndef KTKI_BASE_BUFFER_H
#define KTKI_BASE_BUFFER_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <kartothek/types.h>
#include <string.h>

/** Invariant: size <= capacity <= size_max; `data` is NULL only while capacity is 0. */
struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t size_max;
    const ktk_allocator *allocator;
};

/** `size_max` 0: no bound but memory. Nothing is allocated yet. `allocator` must outlive the
 * buffer. */
void ktki_buffer_init(struct buffer *buffer, const ktk_allocator *allocator, size_t size_max);

/** Free the bytes; the buffer is empty and may be used again. */
void ktki_buffer_clear(struct buffer *buffer);

/** Make room for `extra` more bytes. KTK_E_LIMIT past the bound. */
ktk_status ktki_buffer_reserve(struct buffer *buffer, size_t extra, ktk_error *err);

ktk_status ktki_buffer_append(struct buffer *buffer, const void *data, size_t size, ktk_error *err);
ktk_status ktki_buffer_append_zeros(struct buffer *buffer, size_t size, ktk_error *err);
ktk_status ktki_buffer_append_byte(struct buffer *buffer, uint8_t byte, ktk_error *err);
ktk_status ktki_buffer_append_text(struct buffer *buffer, const char *text, ktk_error *err);
/** ASCII letters in lower case. */
ktk_status ktki_buffer_append_lower(struct buffer *buffer, const char *text, size_t size,
                                    ktk_error *err);
ktk_status ktki_buffer_append_format(struct buffer *buffer, ktk_error *err, const char *format, ...)
    KTK_PRINTF(3, 4);

/** Give back the room behind the bytes, where the allocator can. */
void ktki_buffer_fit(struct buffer *buffer);

/**
 * Move the bytes into `out`; the buffer is empty afterwards. `out->release` frees them with the
 * buffer's allocator, which must therefore outlive `out`.
 */
ktk_status ktki_buffer_move(struct buffer *buffer, ktk_bytes *out, ktk_error *err);

/** Make the bytes the caller's own, to be written to through `*out`: those that came from
 * ktki_buffer_move() are, others are copied and released. */
ktk_status ktki_bytes_own(const ktk_allocator *allocator, ktk_bytes *bytes, char **out,
                          ktk_error *err);

/** A copy of `size` bytes as ktk_bytes. */
ktk_status ktki_bytes_copy(const ktk_allocator *allocator, const void *data, size_t size,
                           ktk_bytes *out, ktk_error *err);

#endif
