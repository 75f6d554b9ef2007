/* A chunk of one data page, whose bytes are the input: it decodes to the same sound array, or to
 * the same refusal, with the kernels of every level. */
#include "fuzz.h"

#include <string.h>

#include "arrow/array.h"
#include "base/alloc.h"
#include "base/context.h"
#include "parquet/column_read.h"
#include "parquet/nest_assemble.h"

struct column_kind {
    enum parquet_type physical;
    int32_t type_length;
    struct data_type type;
    bool is_list;
};

static const struct column_kind kinds[] = {
    {PQ_BOOLEAN, 0, {.id = TYPE_BOOL}, false},
    {PQ_INT32, 0, {.id = TYPE_INT32}, false},
    {PQ_INT32, 0, {.id = TYPE_INT8}, false},
    {PQ_INT32, 0, {.id = TYPE_UINT16}, false},
    {PQ_INT64, 0, {.id = TYPE_INT64}, false},
    {PQ_INT96, 0, {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}, false},
    {PQ_DOUBLE, 0, {.id = TYPE_FLOAT64}, false},
    {PQ_INT32, 0, {.id = TYPE_DECIMAL128, .precision = 9}, false},
    {PQ_BYTE_ARRAY, 0, {.id = TYPE_DECIMAL128, .precision = 20}, false},
    {PQ_FIXED_LEN_BYTE_ARRAY, 5, {.id = TYPE_DECIMAL256, .precision = 11}, false},
    {PQ_FIXED_LEN_BYTE_ARRAY, 3, {.id = TYPE_FIXED_BINARY, .width = 3}, false},
    {PQ_FIXED_LEN_BYTE_ARRAY, 40, {.id = TYPE_FIXED_BINARY, .width = 40}, false},
    {PQ_FIXED_LEN_BYTE_ARRAY, 16, {.id = TYPE_FIXED_BINARY, .width = 16}, false},
    {PQ_BYTE_ARRAY, 0, {.id = TYPE_STRING}, false},
    {PQ_BYTE_ARRAY, 0, {.id = TYPE_LARGE_BINARY}, false},
    {PQ_BYTE_ARRAY, 0, {.id = TYPE_DICTIONARY, .index = TYPE_INT32}, false},
    {PQ_INT32, 0, {.id = TYPE_NULL}, false},
    {PQ_INT64, 0, {.id = TYPE_INT64}, true},
    {PQ_BYTE_ARRAY, 0, {.id = TYPE_STRING}, true},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static void add_page(struct buffer *chunk, const struct page_header *header, const uint8_t *data) {
    ktk_error err;

    FUZZ_ASSERT(ktki_page_header_encode(header, chunk, &err) == KTK_OK);
    FUZZ_ASSERT(ktki_buffer_append(chunk, data, (size_t)header->compressed_size, &err) == KTK_OK);
}

/* The first bytes of the input say what kind of page the rest is. */
struct input {
    const struct column_kind *kind;
    bool is_nullable;
    struct page_header header;
    struct page_header dictionary;
    const uint8_t *dictionary_data;
    const uint8_t *data;
};

#define HEAD_BYTES 8

static struct input parse(const uint8_t *data, size_t size) {
    static const enum parquet_encoding encodings[] = {
        PQ_PLAIN,
        PQ_RLE_DICTIONARY,
        PQ_RLE,
        PQ_DELTA_BINARY_PACKED,
        PQ_DELTA_LENGTH_BYTE_ARRAY,
        PQ_DELTA_BYTE_ARRAY,
        PQ_BYTE_STREAM_SPLIT,
    };
    struct input input = {.kind = &kinds[data[0] % KIND_COUNT], .is_nullable = (data[1] & 1) != 0};
    size_t left = size - HEAD_BYTES;
    size_t dictionary_size = data[2] < left ? data[2] : left;
    size_t levels = data[6];

    input.dictionary = (struct page_header){.type = PQ_DICTIONARY_PAGE,
                                            .uncompressed_size = (int32_t)dictionary_size,
                                            .compressed_size = (int32_t)dictionary_size,
                                            .value_count = data[3],
                                            .encoding = PQ_PLAIN};
    input.dictionary_data = data + HEAD_BYTES;
    input.data = input.dictionary_data + dictionary_size;
    left -= dictionary_size;
    input.header = (struct page_header){.type = (data[1] & 2) != 0 ? PQ_DATA_PAGE_V2 : PQ_DATA_PAGE,
                                        .uncompressed_size = (int32_t)left,
                                        .compressed_size = (int32_t)left,
                                        .value_count = data[4] | (data[5] & 0x3F) << 8,
                                        .encoding = encodings[(data[1] >> 2) % 7],
                                        .definition_encoding = PQ_RLE,
                                        .repetition_encoding = PQ_RLE,
                                        .definition_size = (int32_t)(levels < left ? levels : left),
                                        .repetition_size = data[7] & 0x0F};
    return input;
}

/* The one nest of a list, if it is one. */
static ktk_status decode(struct ArrowArray *out, const struct chunk_read *read_, int level) {
    struct chunk_read read = *read_;
    const struct parquet_nest *nest = read.leaf->nest;
    struct nest_sink sink = {0};
    struct leaf_part part = {.path = "x", .nests = &sink};
    struct read_scratch *scratch = NULL;
    ktk_error err;
    ktk_status status;

    read.nests = &sink;
    FUZZ_ASSERT(ktki_scratch_new(&scratch, ktki_alloc_default(), &err) == KTK_OK);
    scratch->kernels = ktki_kernels_of_level(level);
    status = ktki_chunk_read(&part.values, &read, scratch, &err);
    if (status == KTK_OK) {
        status = ktki_nest_assemble(out, read.context, nest == NULL ? read.field : nest->field,
                                    &part, read.row_count, &err);
        FUZZ_ASSERT(status == KTK_OK);
        FUZZ_ASSERT(out->length == read.row_count);
        FUZZ_ASSERT(ktki_array_check(out, nest == NULL ? read.field : nest->field, true, &err) ==
                    KTK_OK);
    } else {
        FUZZ_ASSERT(out->release == NULL);
    }
    ktki_nest_clear(&sink);
    ktki_scratch_free(scratch);
    return status;
}

/* Bytes of fixed-width values and offsets are equal, those of nulls included. */
static void check_same(const struct ArrowArray *a, const struct ArrowArray *b,
                       const struct field *field) {
    size_t width = field->type.id == TYPE_STRING ? 4 : ktki_type_width(&field->type);

    FUZZ_ASSERT(a->length == b->length && a->null_count == b->null_count);
    if (a->n_buffers > 1 && width > 0 && a->length > 0) {
        FUZZ_ASSERT(memcmp(a->buffers[1], b->buffers[1], (size_t)a->length * width) == 0);
    }
    if (a->n_buffers > 2 && field->type.id == TYPE_STRING && a->length > 0) {
        size_t size = (size_t)((const int32_t *)a->buffers[1])[a->length];
        FUZZ_ASSERT(memcmp(a->buffers[2], b->buffers[2], size) == 0);
    }
    if (field->child_count > 0) {
        check_same(a->children[0], b->children[0], &field->children[0]);
    }
}

static void decode_with_each(const struct chunk_read *read) {
    struct ArrowArray first = {0};
    ktk_status status = decode(&first, read, 0);

    for (int level = 1; level < KERNEL_LEVELS; level++) {
        struct ArrowArray other = {0};
        if (ktki_kernels_of_level(level) == NULL) {
            continue;
        }
        FUZZ_ASSERT(decode(&other, read, level) == status);
        if (status == KTK_OK) {
            check_same(&first, &other,
                       read->leaf->nest == NULL ? read->field : read->leaf->nest->field);
        }
        ktki_array_clear(&other);
    }
    ktki_array_clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ktk_context *context;
    struct schema_element element = {.has_type = true, .name = "x"};
    struct field values = {.name = "", .type = {.id = TYPE_STRING}, .nullable = true};
    struct field item = {.name = "x", .nullable = true};
    struct field list = {
        .name = "x", .type = {.id = TYPE_LIST}, .nullable = true, .child_count = 1};
    struct parquet_nest nest = {.field = &list, .rule = {0, 0, 1}, .item = 2};
    struct parquet_leaf leaf = {.element = &element, .path = "x"};
    struct column_chunk chunk = {0};
    struct chunk_read read = {.leaf = &leaf, .chunk = &chunk, .field = &item};
    struct buffer bytes;
    struct input input;
    const ktk_context_options options = {.size = sizeof(options), .threads = 1};

    if (size < HEAD_BYTES) {
        return 0;
    }
    if (context == NULL) {
        FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    }
    input = parse(data, size);
    element.type = input.kind->physical;
    element.type_length = input.kind->type_length;
    item.type = input.kind->type;
    item.dictionary = item.type.id == TYPE_DICTIONARY ? &values : NULL;
    leaf.definition_max = input.is_nullable;
    if (input.kind->is_list) {
        list.children = &item;
        leaf.nest = &nest;
        leaf.repetition_max = 1;
        leaf.definition_max = 2 + input.is_nullable;
        leaf.rule = (struct level_rule){1, 2, (uint8_t)leaf.definition_max};
    }
    ktki_buffer_init(&bytes, ktki_alloc_default(), 0);
    if (input.dictionary.compressed_size > 0 || input.dictionary.value_count > 0) {
        add_page(&bytes, &input.dictionary, input.dictionary_data);
    }
    add_page(&bytes, &input.header, input.data);
    chunk.type = element.type;
    chunk.value_count = input.header.value_count;
    read.context = context;
    read.row_count = input.kind->is_list ? data[7] : chunk.value_count;
    read.data = bytes.data;
    read.size = bytes.size;
    decode_with_each(&read);
    ktki_buffer_clear(&bytes);
    return 0;
}
