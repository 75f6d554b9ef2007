/*
 * Parquet files in which single fields of the footer and of page headers have other values: what
 * random bytes hardly ever reach, since Thrift must still hold together.
 *
 * An input is a list of changes and a file: their number, then for each where (0: footer, else the
 * page header of that column chunk), the number of the field (2 bytes), how, and 4 bytes of a
 * value.
 */
#include "parquet_reading.h"

#include <stdlib.h>

#include "parquet/thrift_read.h"

#define CHANGES_MAX 8
#define CHANGE_SIZE 8
#define FIELDS_MAX 4096
#define FILE_SIZE_MAX 65536
#define NESTING_MAX 16

/* Where the numbers of a Thrift struct lie: values, sizes of binaries, heads of short lists. */
struct fields {
    const uint8_t *base;
    size_t count;
    struct {
        size_t start;
        size_t end;
        bool is_list;
    } items[FIELDS_MAX];
};

static struct fields fields;

static void add_field(const uint8_t *start, const uint8_t *end, bool is_list) {
    if (fields.count < FIELDS_MAX && start < end) {
        fields.items[fields.count].start = (size_t)(start - fields.base);
        fields.items[fields.count].end = (size_t)(end - fields.base);
        fields.items[fields.count++].is_list = is_list;
    }
}

static bool walk_struct(struct thrift_reader *reader);

static bool walk_value(struct thrift_reader *reader, enum thrift_type type) {
    const uint8_t *start = reader->cursor.at;
    enum thrift_type element;
    const uint8_t *data;
    size_t count;
    int64_t number;

    switch (type) {
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        if (!ktki_thrift_read_i64(reader, &number)) {
            return false;
        }
        add_field(start, reader->cursor.at, false);
        return true;
    case THRIFT_BINARY:
        if (!ktki_thrift_read_bytes(reader, &data, &count)) {
            return false;
        }
        add_field(start, data, false);
        return true;
    case THRIFT_LIST:
        if (!ktki_thrift_read_enter(reader) || !ktki_thrift_read_list(reader, &element, &count)) {
            return false;
        }
        add_field(start, start + 1, true);
        for (size_t i = 0; i < count; i++) {
            if (element == THRIFT_STRUCT || element == THRIFT_BINARY || element == THRIFT_I32
                    ? !walk_value(reader, element)
                    : !ktki_thrift_read_skip(reader, element, true)) {
                return false;
            }
        }
        ktki_thrift_read_leave(reader);
        return true;
    case THRIFT_STRUCT:
        return walk_struct(reader);
    default:
        return ktki_thrift_read_skip(reader, type, false);
    }
}

static bool walk_struct(struct thrift_reader *reader) {
    struct thrift_field field = {THRIFT_STOP, 0};

    if (!ktki_thrift_read_enter(reader)) {
        return false;
    }
    while (ktki_thrift_read_field(reader, &field)) {
        if (field.type == THRIFT_STOP) {
            ktki_thrift_read_leave(reader);
            return true;
        }
        if (!walk_value(reader, field.type)) {
            return false;
        }
    }
    return false;
}

static void find_fields(const uint8_t *data, size_t size) {
    struct thrift_reader reader = {ktki_cursor(data, size), NESTING_MAX};

    fields.base = data;
    fields.count = 0;
    (void)walk_struct(&reader);
}

/* ---- changes ---- */

struct file {
    uint8_t data[FILE_SIZE_MAX];
    size_t size;
};

static uint32_t footer_size(const struct file *file) {
    uint32_t size = 0;

    if (file->size >= 12) {
        memcpy(&size, file->data + file->size - 8, sizeof(size));
    }
    return file->size >= 12 && size <= file->size - 12 ? size : 0;
}

static uint64_t new_value(uint64_t old, unsigned how, uint32_t value) {
    static const uint64_t extremes[] = {0,
                                        1,
                                        INT32_MAX,
                                        (uint64_t)INT32_MAX + 1,
                                        UINT32_MAX,
                                        INT64_MAX,
                                        (uint64_t)INT64_MAX + 1,
                                        UINT64_MAX,
                                        1u << 20,
                                        1u << 24,
                                        1u << 28,
                                        UINT64_MAX - 1};

    switch (how % 4) {
    case 0:
        return extremes[value % (sizeof(extremes) / sizeof(extremes[0]))];
    case 1:
        return old + value % 5;
    case 2:
        return old - value % 5;
    default:
        return value;
    }
}

static size_t put_varint(uint8_t *out, uint64_t value) {
    size_t size = 0;

    do {
        out[size] = (uint8_t)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        value >>= 7;
        size++;
    } while (value > 0);
    return size;
}

static uint64_t get_varint(const uint8_t *data, size_t size) {
    uint64_t value = 0;

    for (size_t i = 0; i < size && i < 10; i++) {
        value |= (uint64_t)(data[i] & 0x7F) << (7 * i);
    }
    return value;
}

/* Footers grow and shrink with their fields. */
static void change_footer(struct file *file, uint16_t which, unsigned how, uint32_t value) {
    uint32_t size = footer_size(file);
    size_t base = file->size - 8 - size;
    uint8_t coded[10];
    size_t start;
    size_t end;
    size_t coded_size;

    find_fields(file->data + base, size);
    if (fields.count == 0) {
        return;
    }
    start = base + fields.items[which % fields.count].start;
    end = base + fields.items[which % fields.count].end;
    if (fields.items[which % fields.count].is_list) {
        file->data[start] = (uint8_t)((file->data[start] & 0x0F) | (value & 0xF) << 4);
        return;
    }
    coded_size =
        put_varint(coded, new_value(get_varint(file->data + start, end - start), how, value));
    if (file->size - (end - start) + coded_size > FILE_SIZE_MAX) {
        return;
    }
    memmove(file->data + start + coded_size, file->data + end, file->size - end);
    memcpy(file->data + start, coded, coded_size);
    file->size = file->size - (end - start) + coded_size;
    size = size - (uint32_t)(end - start) + (uint32_t)coded_size;
    memcpy(file->data + file->size - 8, &size, sizeof(size));
}

/* Page headers keep their size, so that everything behind them stays where it is. */
static void change_page(struct file *file, size_t at, uint16_t which, unsigned how,
                        uint32_t value) {
    uint64_t changed;
    size_t start;
    size_t end;

    if (at >= file->size) {
        return;
    }
    find_fields(file->data + at, file->size - at);
    if (fields.count == 0) {
        return;
    }
    start = at + fields.items[which % fields.count].start;
    end = at + fields.items[which % fields.count].end;
    changed = new_value(get_varint(file->data + start, end - start), how, value);
    for (size_t i = start; i < end; i++) {
        file->data[i] = (uint8_t)((changed & 0x7F) | (i + 1 < end ? 0x80 : 0));
        changed >>= 7;
    }
}

/* Offset of the first page of a column chunk; the size of the file if there is none. */
static size_t find_page(const struct file *file, unsigned chunk) {
    ktk_context *context = make_context();
    ktk_bytes bytes = {file->data, file->size, NULL, NULL};
    ktk_parquet_file *open = NULL;
    const struct row_group *group = NULL;
    size_t offset = file->size;
    ktk_error err;

    if (ktk_parquet_open_bytes(&open, context, &bytes, &err) == KTK_OK &&
        ktki_parquet_metadata(open)->row_group_count > 0 &&
        ktki_parquet_row_group(&group, open, 0, &err) == KTK_OK && group->column_count > 0) {
        const struct column_chunk *it = &group->columns[chunk % (unsigned)group->column_count];
        int64_t start = it->dictionary_page_offset > 0 && chunk % 2 == 0
                            ? it->dictionary_page_offset
                            : it->data_page_offset;

        offset = start >= 0 && start < (int64_t)file->size ? (size_t)start : file->size;
    }
    ktk_parquet_file_free(open);
    ktk_context_free(context);
    return offset;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct file file;
    size_t count = size > 0 ? data[0] % (CHANGES_MAX + 1) : 0;
    size_t head = 1 + count * CHANGE_SIZE;

    if (size < head || size - head > FILE_SIZE_MAX) {
        return 0;
    }
    memcpy(file.data, data + head, size - head);
    file.size = size - head;
    for (size_t i = 0; i < count && footer_size(&file) > 0; i++) {
        const uint8_t *change = data + 1 + i * CHANGE_SIZE;
        uint16_t which = (uint16_t)(change[1] | change[2] << 8);
        uint32_t value;

        memcpy(&value, change + 4, sizeof(value));
        if (change[0] == 0) {
            change_footer(&file, which, change[3], value);
        } else {
            change_page(&file, find_page(&file, change[0] - 1u), which, change[3], value);
        }
    }
    read_parquet_file(file.data, file.size);
    return 0;
}

#ifdef FUZZ_MUTATES
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

/* A change that the fuzzer has not learnt from: half of them are made to the footer, the others to
 * the pages of the first columns. */
static void make_change(uint8_t *out, unsigned seed) {
    uint64_t change = (seed + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15);

    change = (change ^ change >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    memcpy(out, &change, CHANGE_SIZE);
    out[0] = out[0] % 2 == 0 ? 0 : (uint8_t)(1 + out[0] / 2 % 8);
}

/* Bytes put into the list of changes or taken out of it would make others of all that follow, so
 * it is kept in order: the file, a change, or the number of changes becomes another. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed) {
    size_t count = size > 0 ? data[0] % (CHANGES_MAX + 1) : 0;
    size_t head = 1 + count * CHANGE_SIZE;
    unsigned what = seed % 4;

    if (size < head || size_max < head) {
        return LLVMFuzzerMutate(data, size, size_max);
    }
    if (what == 0 && count < CHANGES_MAX && size + CHANGE_SIZE <= size_max) {
        memmove(data + head + CHANGE_SIZE, data + head, size - head);
        make_change(data + head, seed);
        data[0] = (uint8_t)(count + 1);
        return size + CHANGE_SIZE;
    }
    if (what < 3 && count > 0) {
        uint8_t *change = data + 1 + (seed / 4) % count * CHANGE_SIZE;

        if (what == 1) {
            make_change(change, seed);
        } else {
            (void)LLVMFuzzerMutate(change, CHANGE_SIZE, CHANGE_SIZE);
        }
        return size;
    }
    return head + LLVMFuzzerMutate(data + head, size - head, size_max - head);
}
#endif
