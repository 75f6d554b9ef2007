#include "arrow/flatbuffer_write.h"

#include <assert.h>

#include "base/error.h"

#define SLOT_COUNT_MAX 16
/* Readers keep signed 32-bit positions. */
#define SIZE_MAX_BYTES INT32_MAX

static size_t position(const struct flatbuffer_writer *writer) {
    return writer->out->size - writer->start;
}

static ktk_status pad(struct flatbuffer_writer *writer, size_t unit, ktk_error *err) {
    return ktki_buffer_append_zeros(writer->out, (0 - position(writer)) & (unit - 1), err);
}

/* Let the offset at `reference` lead to the end of what is written. */
static ktk_status refer_here(struct flatbuffer_writer *writer, size_t reference, ktk_error *err) {
    uint32_t distance;

    if (position(writer) > SIZE_MAX_BYTES) {
        return ktk_error_set(err, KTK_E_LIMIT, "the schema is larger than 2 GiB");
    }
    distance = (uint32_t)(position(writer) - reference);
    memcpy(writer->out->data + writer->start + reference, &distance, sizeof(distance));
    return KTK_OK;
}

ktk_status ktki_flatbuffer_begin(struct flatbuffer_writer *writer, struct buffer *out,
                                 size_t *reference, ktk_error *err) {
    *writer = (struct flatbuffer_writer){out, out->size};
    *reference = 0;
    return ktki_buffer_append_zeros(out, sizeof(uint32_t), err);
}

/* Offsets of the fields in the table, wide ones first, so that none needs padding but the gap
 * behind the 4 bytes that lead to the vtable. Returns the size of the table. */
static uint16_t lay_out(const struct flatbuffer_slot *slots, size_t slot_count, uint16_t *offsets) {
    uint16_t end = 4;

    for (uint8_t width = 8; width > 0; width /= 2) {
        for (size_t i = 0; i < slot_count; i++) {
            if (slots[i].width == width) {
                end = (uint16_t)((end + width - 1) & ~(width - 1));
                offsets[i] = end;
                end = (uint16_t)(end + width);
            }
        }
    }
    return end;
}

ktk_status ktki_flatbuffer_write_table(struct flatbuffer_writer *writer, size_t reference,
                                       struct flatbuffer_slot *slots, size_t slot_count,
                                       ktk_error *err) {
    ktk_status status = KTK_OK;
    uint16_t vtable[2 + SLOT_COUNT_MAX] = {0};
    size_t vtable_size = (2 + slot_count) * sizeof(vtable[0]);
    size_t table;
    int32_t back;
    uint8_t *bytes;

    assert(slot_count <= SLOT_COUNT_MAX);
    vtable[0] = (uint16_t)vtable_size;
    vtable[1] = lay_out(slots, slot_count, vtable + 2);
    /* The table starts at a multiple of 8, its vtable right before it. */
    KTKI_TRY(ktki_buffer_append_zeros(writer->out, (0 - position(writer) - vtable_size) & 7, err));
    KTKI_TRY(ktki_buffer_append(writer->out, vtable, vtable_size, err));
    KTKI_TRY(refer_here(writer, reference, err));
    table = position(writer);
    KTKI_TRY(ktki_buffer_append_zeros(writer->out, vtable[1], err));
    bytes = writer->out->data + writer->start + table;
    back = (int32_t)vtable_size;
    memcpy(bytes, &back, sizeof(back));
    for (size_t i = 0; i < slot_count; i++) {
        memcpy(bytes + vtable[2 + i], &slots[i].value, slots[i].width);
        slots[i].at = table + vtable[2 + i];
    }
out:
    return status;
}

ktk_status ktki_flatbuffer_write_text(struct flatbuffer_writer *writer, size_t reference,
                                      const char *text, size_t size, ktk_error *err) {
    ktk_status status = KTK_OK;
    uint32_t length = (uint32_t)size;

    if (size > SIZE_MAX_BYTES) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the schema has a text of %zu bytes", size);
    }
    KTKI_TRY(pad(writer, sizeof(length), err));
    KTKI_TRY(refer_here(writer, reference, err));
    KTKI_TRY(ktki_buffer_append(writer->out, &length, sizeof(length), err));
    KTKI_TRY(ktki_buffer_append(writer->out, text, size, err));
    KTKI_TRY(ktki_buffer_append_byte(writer->out, 0, err));
out:
    return status;
}

ktk_status ktki_flatbuffer_write_vector(struct flatbuffer_writer *writer, size_t reference,
                                        size_t count, size_t *items, ktk_error *err) {
    ktk_status status = KTK_OK;
    uint32_t length = (uint32_t)count;

    assert(count <= INT32_MAX);
    KTKI_TRY(pad(writer, sizeof(length), err));
    KTKI_TRY(refer_here(writer, reference, err));
    KTKI_TRY(ktki_buffer_append(writer->out, &length, sizeof(length), err));
    *items = position(writer);
    KTKI_TRY(ktki_buffer_append_zeros(writer->out, count * sizeof(uint32_t), err));
out:
    return status;
}
