#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

#define CAPACITY_MIN 64

void ktki_buffer_init(struct buffer *buffer, const ktk_allocator *allocator, size_t size_max) {
    *buffer =
        (struct buffer){.allocator = allocator, .size_max = size_max == 0 ? PTRDIFF_MAX : size_max};
}

void ktki_buffer_clear(struct buffer *buffer) {
    ktki_free_array(buffer->allocator, buffer->data, buffer->capacity, 1);
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
}

ktk_status ktki_buffer_reserve(struct buffer *buffer, size_t extra, ktk_error *err) {
    size_t needed;
    size_t capacity;
    ktk_status status;

    if (!ktki_add_size(buffer->size, extra, &needed) || needed > buffer->size_max) {
        return ktk_error_set(err, KTK_E_LIMIT, "more than the %zu bytes allowed", buffer->size_max);
    }
    if (needed <= buffer->capacity) {
        return KTK_OK;
    }
    capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
    capacity += capacity / 2; /* below a half of the address space, as memory is */
    if (capacity < needed) {
        capacity = needed;
    }
    if (capacity > buffer->size_max) {
        capacity = buffer->size_max;
    }
    status =
        ktki_resize_array(buffer->allocator, &buffer->data, buffer->capacity, capacity, 1, err);
    if (status == KTK_OK) {
        buffer->capacity = capacity;
    }
    return status;
}

ktk_status ktki_buffer_append(struct buffer *buffer, const void *data, size_t size,
                              ktk_error *err) {
    ktk_status status = ktki_buffer_reserve(buffer, size, err);

    if (status == KTK_OK && size > 0) {
        assert(buffer->data != NULL);
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
    return status;
}

ktk_status ktki_buffer_append_zeros(struct buffer *buffer, size_t size, ktk_error *err) {
    ktk_status status = ktki_buffer_reserve(buffer, size, err);

    if (status == KTK_OK && size > 0) {
        memset(buffer->data + buffer->size, 0, size);
        buffer->size += size;
    }
    return status;
}

ktk_status ktki_buffer_append_byte(struct buffer *buffer, uint8_t byte, ktk_error *err) {
    ktk_status status =
        buffer->size < buffer->capacity ? KTK_OK : ktki_buffer_reserve(buffer, 1, err);

    if (status == KTK_OK) {
        assert(buffer->data != NULL);
        buffer->data[buffer->size++] = byte;
    }
    return status;
}

ktk_status ktki_buffer_append_text(struct buffer *buffer, const char *text, ktk_error *err) {
    return ktki_buffer_append(buffer, text, strlen(text), err);
}

ktk_status ktki_buffer_append_lower(struct buffer *buffer, const char *text, size_t size,
                                    ktk_error *err) {
    size_t start = buffer->size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(buffer, text, size, err));
    for (size_t i = start; i < buffer->size; i++) {
        bool is_upper = buffer->data[i] >= 'A' && buffer->data[i] <= 'Z';

        buffer->data[i] = (uint8_t)(buffer->data[i] + (is_upper ? 'a' - 'A' : 0));
    }
out:
    return status;
}

ktk_status ktki_buffer_append_format(struct buffer *buffer, ktk_error *err, const char *format,
                                     ...) {
    ktk_status status = KTK_OK;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        return ktk_error_set(err, KTK_E_INTERNAL, "cannot format text");
    }
    status = ktki_buffer_reserve(buffer, (size_t)length + 1, err);
    if (status == KTK_OK) {
        va_start(args, format);
        (void)vsnprintf((char *)buffer->data + buffer->size, (size_t)length + 1, format, args);
        va_end(args);
        buffer->size += (size_t)length;
    }
    return status;
}

void ktki_buffer_fit(struct buffer *buffer) {
    if (buffer->size > 0 && ktki_resize_array(buffer->allocator, &buffer->data, buffer->capacity,
                                              buffer->size, 1, NULL) == KTK_OK) {
        buffer->capacity = buffer->size;
    }
}

/* What a moved buffer needs to be freed: kept behind ktk_bytes.owner. */
struct moved {
    const ktk_allocator *allocator;
    uint8_t *data;
    size_t capacity;
};

static void moved_release(ktk_bytes *bytes) {
    struct moved *moved = bytes->owner;
    const ktk_allocator *allocator = moved->allocator;

    ktki_free_array(allocator, moved->data, moved->capacity, 1);
    KTKI_DELETE(allocator, moved);
}

ktk_status ktki_buffer_move(struct buffer *buffer, ktk_bytes *out, ktk_error *err) {
    struct moved *moved = NULL;
    ktk_status status = KTKI_NEW(buffer->allocator, &moved, err);

    if (status == KTK_OK) {
        *moved = (struct moved){buffer->allocator, buffer->data, buffer->capacity};
        *out = (ktk_bytes){buffer->data, buffer->size, moved_release, moved};
        buffer->data = NULL;
        buffer->size = 0;
        buffer->capacity = 0;
    }
    return status;
}

ktk_status ktki_bytes_copy(const ktk_allocator *allocator, const void *data, size_t size,
                           ktk_bytes *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer buffer;

    ktki_buffer_init(&buffer, allocator, 0);
    KTKI_TRY(ktki_buffer_append(&buffer, data, size, err));
    KTKI_TRY(ktki_buffer_move(&buffer, out, err));
out:
    ktki_buffer_clear(&buffer);
    return status;
}

ktk_status ktki_bytes_own(const ktk_allocator *allocator, ktk_bytes *bytes, char **out,
                          ktk_error *err) {
    ktk_bytes copy = KTK_BYTES_INIT;
    const struct moved *moved;
    ktk_status status = KTK_OK;

    if (bytes->release != moved_release) {
        KTKI_TRY(ktki_bytes_copy(allocator, bytes->data, bytes->size, &copy, err));
        ktk_bytes_clear(bytes);
        *bytes = copy;
    }
    moved = bytes->owner;
    *out = bytes->size == 0 ? NULL : (char *)moved->data + (bytes->data - moved->data);
out:
    return status;
}
