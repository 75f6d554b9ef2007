#include "arrow/flatbuffer_read.h"

#include <assert.h>

#include "base/cursor.h"

/* A table takes an offset to it and one to its vtable. */
#define TABLE_WORK 8
#define ITEM_WORK 4
/* Well-formed buffers use each byte once, or a few times where a writer shares equal parts. Without
 * a bound, tables that refer to one another in common would cost exponential time. */
#define WORK_PER_BYTE 4

void ktki_flatbuffer_init(struct flatbuffer *buffer, const uint8_t *data, size_t size) {
    *buffer = (struct flatbuffer){data, size, 0};
    if (__builtin_mul_overflow(size, WORK_PER_BYTE, &buffer->work_left)) {
        buffer->work_left = SIZE_MAX;
    }
}

static bool spend(struct flatbuffer *buffer, size_t work) {
    if (buffer->work_left < work) {
        return false;
    }
    buffer->work_left -= work;
    return true;
}

static bool read_at(const struct flatbuffer *buffer, size_t offset, void *out, size_t width) {
    struct cursor cursor = ktki_cursor(buffer->data, buffer->size);

    return ktki_cursor_skip(&cursor, offset) && ktki_cursor_copy(&cursor, out, width);
}

static bool is_inside(const struct flatbuffer *buffer, size_t offset, size_t size) {
    return offset <= buffer->size && size <= buffer->size - offset;
}

/* Offsets count from where they stand and only go forward. */
static bool follow(const struct flatbuffer *buffer, size_t at, size_t *out) {
    uint32_t distance;

    if (!read_at(buffer, at, &distance, sizeof(distance)) || distance == 0 ||
        distance > buffer->size - at) {
        return false;
    }
    *out = at + distance;
    return true;
}

static bool open_table(struct flatbuffer *buffer, size_t start, struct flatbuffer_table *out) {
    int32_t back;
    int64_t vtable_start;
    uint16_t sizes[2];

    if (!spend(buffer, TABLE_WORK) || !read_at(buffer, start, &back, sizeof(back))) {
        return false;
    }
    vtable_start = (int64_t)start - back;
    if (vtable_start < 0 || !read_at(buffer, (size_t)vtable_start, sizes, sizeof(sizes)) ||
        sizes[0] < sizeof(sizes) || !is_inside(buffer, (size_t)vtable_start, sizes[0]) ||
        !is_inside(buffer, start, sizes[1])) {
        return false;
    }
    *out = (struct flatbuffer_table){buffer, start, sizes[1], (size_t)vtable_start, sizes[0]};
    return true;
}

bool ktki_flatbuffer_root(struct flatbuffer *buffer, struct flatbuffer_table *out) {
    size_t start;

    return follow(buffer, 0, &start) && open_table(buffer, start, out);
}

/* Position of field `id`, which needs `width` bytes of the table; 0 if it is absent. */
static bool find_field(const struct flatbuffer_table *table, uint32_t id, size_t width,
                       size_t *out) {
    size_t slot = 4 + 2 * (size_t)id;
    uint16_t offset = 0;

    if (slot + sizeof(offset) <= table->vtable_size &&
        !read_at(table->buffer, table->vtable_start + slot, &offset, sizeof(offset))) {
        return false;
    }
    if (offset != 0 && (offset > table->size || width > table->size - offset)) {
        return false;
    }
    *out = offset == 0 ? 0 : table->start + offset;
    return true;
}

bool ktki_flatbuffer_scalar(const struct flatbuffer_table *table, uint32_t id, void *out,
                            size_t width) {
    size_t at;

    return find_field(table, id, width, &at) && (at == 0 || read_at(table->buffer, at, out, width));
}

/* Where the offset in field `id` leads; 0 if the field is absent. */
static bool follow_field(const struct flatbuffer_table *table, uint32_t id, size_t *out) {
    size_t at;

    *out = 0;
    return find_field(table, id, sizeof(uint32_t), &at) &&
           (at == 0 || follow(table->buffer, at, out));
}

bool ktki_flatbuffer_child(const struct flatbuffer_table *table, uint32_t id,
                           struct flatbuffer_table *out) {
    size_t start;

    if (!follow_field(table, id, &start)) {
        return false;
    }
    if (start == 0) {
        *out = (struct flatbuffer_table){0};
        return true;
    }
    return open_table(table->buffer, start, out);
}

bool ktki_flatbuffer_text(const struct flatbuffer_table *table, uint32_t id, const char **text,
                          size_t *size) {
    size_t start;
    uint32_t length;

    if (!follow_field(table, id, &start)) {
        return false;
    }
    if (start == 0) {
        *text = NULL;
        *size = 0;
        return true;
    }
    if (!read_at(table->buffer, start, &length, sizeof(length)) ||
        !is_inside(table->buffer, start + sizeof(length), length) ||
        !spend(table->buffer, length)) {
        return false;
    }
    *text = (const char *)table->buffer->data + start + sizeof(length);
    *size = length;
    return true;
}

bool ktki_flatbuffer_vector(const struct flatbuffer_table *table, uint32_t id,
                            struct flatbuffer_vector *out) {
    size_t start;
    uint32_t count = 0;

    if (!follow_field(table, id, &start)) {
        return false;
    }
    if (start != 0) {
        if (!read_at(table->buffer, start, &count, sizeof(count))) {
            return false;
        }
        start += sizeof(count);
        if (count > (table->buffer->size - start) / ITEM_WORK ||
            !spend(table->buffer, (size_t)count * ITEM_WORK)) {
            return false;
        }
    }
    *out = (struct flatbuffer_vector){table->buffer, start, count};
    return true;
}

bool ktki_flatbuffer_item(const struct flatbuffer_vector *vector, uint32_t index,
                          struct flatbuffer_table *out) {
    size_t start;

    assert(index < vector->count);
    return follow(vector->buffer, vector->start + (size_t)index * sizeof(uint32_t), &start) &&
           open_table(vector->buffer, start, out);
}
