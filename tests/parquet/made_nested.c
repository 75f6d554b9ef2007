#include "made_nested.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/array.h"
#include "parquet/metadata.h"
#include "parquet/rle_encode.h"
#include "support/test.h"

#define LEAVES_MAX 64
#define ELEMENTS_MAX 256
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

/* ---- schemas and rows ---- */

struct nested_arena {
    size_t used;
    uint8_t bytes[];
};

static void *take(struct nested_arena *arena, size_t count, size_t size) {
    void *taken = arena->bytes + arena->used;

    arena->used += (count * size + 15) / 16 * 16;
    assert_true(arena->used <= ARENA_BYTES);
    memset(taken, 0, count * size);
    return taken;
}

static uint32_t below(uint32_t *random, uint32_t bound) {
    *random = *random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(*random >> 8) * bound >> 24);
}

struct maker {
    struct nested_arena *arena;
    uint32_t *random;
    int leaf_count;
    int node_count;
};

/* What may stand in a place of the schema. */
struct place {
    int depth; /* levels that may follow */
    bool is_required;
    bool is_item;    /* the repeated node itself: no list of its own, no struct of one field */
    bool is_in_list; /* in the repeated node of a list: not repeated itself */
};

static struct nested_node *make_node(struct maker *maker, struct place place);

static struct nested_node *make_child(struct maker *maker, int depth, bool is_required,
                                      bool is_item) {
    return make_node(maker, (struct place){depth - 1, is_required, is_item, false});
}

static void make_children(struct maker *maker, struct nested_node *node, int depth, bool is_item) {
    switch (node->kind) {
    case NESTED_STRUCT:
        node->child_count = 1 + (int)below(maker->random, NESTED_CHILDREN_MAX);
        if (is_item && node->child_count == 1) {
            node->child_count = 2;
        }
        for (int i = 0; i < node->child_count; i++) {
            node->children[i] = make_child(maker, depth, false, false);
        }
        break;
    case NESTED_LIST:
        node->child_count = 1;
        node->children[0] = make_node(maker, (struct place){depth - 1, false, false, true});
        break;
    case NESTED_OLD:
    case NESTED_REPEATED:
        node->child_count = 1;
        node->children[0] = make_child(maker, depth, true, true);
        if (node->kind == NESTED_REPEATED) { /* both are one element */
            memcpy(node->children[0]->name, node->name, sizeof(node->name));
        }
        break;
    case NESTED_MAP:
        node->child_count = 2;
        node->children[0] = make_child(maker, 1, true, false);
        node->children[1] = make_child(maker, depth, false, false);
        break;
    default:
        break;
    }
}

static struct nested_node *make_node(struct maker *maker, struct place place) {
    struct nested_node *node = take(maker->arena, 1, sizeof(*node));
    bool is_leaf = place.depth <= 0 || maker->leaf_count > LEAVES_MAX / 4;
    uint32_t choice = below(maker->random, is_leaf ? 2 : 10);

    node->kind = choice < 2                                               ? (enum nested_kind)choice
                 : place.is_item || choice < 5                            ? NESTED_STRUCT
                 : choice < 7                                             ? NESTED_LIST
                 : choice == 7                                            ? NESTED_OLD
                 : choice == 8 && (place.is_required || place.is_in_list) ? NESTED_LIST
                 : choice == 8                                            ? NESTED_REPEATED
                                                                          : NESTED_MAP;
    node->is_optional =
        !place.is_required && node->kind != NESTED_REPEATED && below(maker->random, 3) != 0;
    (void)snprintf(node->name, sizeof(node->name), "n%d", maker->node_count++);
    node->leaf_first = maker->leaf_count;
    make_children(maker, node, place.depth, place.is_item);
    maker->leaf_count += node->kind <= NESTED_TEXT;
    node->leaf_count = maker->leaf_count - node->leaf_first;
    return node;
}

static bool is_list(const struct nested_node *node) {
    return node->kind != NESTED_STRUCT && node->kind > NESTED_TEXT;
}

static void make_value(struct maker *maker, const struct nested_node *node,
                       struct nested_value *value) {
    static const uint32_t sizes[] = {0, 0, 1, 1, 2, 3, 5, 9};

    if (node->is_optional && below(maker->random, 4) == 0) {
        value->is_null = true;
        return;
    }
    value->number = (int32_t)below(maker->random, 100000);
    value->count = node->kind == NESTED_STRUCT ? node->child_count
                   : is_list(node)             ? (int64_t)sizes[below(maker->random, 8)]
                                               : 0;
    value->items = take(maker->arena, (size_t)value->count, sizeof(*value->items));
    for (int64_t i = 0; i < value->count; i++) {
        struct nested_value *item = &value->items[i];
        if (node->kind != NESTED_MAP) {
            make_value(maker, node->children[node->kind == NESTED_STRUCT ? i : 0], item);
            continue;
        }
        item->count = 2;
        item->items = take(maker->arena, 2, sizeof(*item->items));
        make_value(maker, node->children[0], &item->items[0]);
        make_value(maker, node->children[1], &item->items[1]);
    }
}

void nested_make(struct nested_column *out, uint32_t *random, int depth_max, int64_t row_count) {
    struct maker maker = {.random = random};

    maker.arena = malloc(sizeof(*maker.arena) + ARENA_BYTES);
    assert_non_null(maker.arena);
    maker.arena->used = 0;
    out->arena = maker.arena;
    out->root = make_node(&maker, (struct place){depth_max, false, false, false});
    out->row_count = row_count;
    out->rows = take(maker.arena, (size_t)row_count, sizeof(*out->rows));
    for (int64_t i = 0; i < row_count; i++) {
        make_value(&maker, out->root, &out->rows[i]);
    }
}

void nested_clear(struct nested_column *column) {
    free(column->arena);
    memset(column, 0, sizeof(*column));
}

/* ---- elements ---- */

struct elements {
    struct schema_element all[ELEMENTS_MAX];
    int32_t count;
};

static struct schema_element *add_element(struct elements *elements, const char *name,
                                          enum parquet_repetition repetition, int32_t child_count) {
    struct schema_element *element = &elements->all[elements->count++];

    assert_true(elements->count <= ELEMENTS_MAX);
    *element = (struct schema_element){.name = name,
                                       .repetition = repetition,
                                       .child_count = child_count,
                                       .converted = PQ_CONVERTED_NONE,
                                       .field_id = -1};
    return element;
}

static void add_node(struct elements *elements, const struct nested_node *node,
                     enum parquet_repetition repetition) {
    struct schema_element *element;

    if (node->kind == NESTED_REPEATED) {
        add_node(elements, node->children[0], PQ_REPEATED);
        return;
    }
    element = add_element(elements, node->name, repetition, 0);
    if (node->kind <= NESTED_TEXT) {
        element->has_type = true;
        element->type = node->kind == NESTED_TEXT ? PQ_BYTE_ARRAY : PQ_INT32;
        element->converted = node->kind == NESTED_TEXT ? PQ_UTF8 : PQ_CONVERTED_NONE;
        return;
    }
    element->child_count = node->kind == NESTED_STRUCT ? node->child_count : 1;
    element->converted = node->kind == NESTED_MAP      ? PQ_MAP
                         : node->kind == NESTED_STRUCT ? PQ_CONVERTED_NONE
                                                       : PQ_LIST;
    if (node->kind == NESTED_OLD) {
        add_node(elements, node->children[0], PQ_REPEATED);
        return;
    }
    if (node->kind != NESTED_STRUCT) {
        (void)add_element(elements, node->kind == NESTED_MAP ? "key_value" : "list", PQ_REPEATED,
                          node->child_count);
    }
    for (int i = 0; i < node->child_count; i++) {
        add_node(elements, node->children[i],
                 node->children[i]->is_optional ? PQ_OPTIONAL : PQ_REQUIRED);
    }
}

/* ---- levels, value by value ---- */

struct entry {
    uint8_t repetition;
    uint8_t definition;
    bool has_value;
    int32_t number;
};

struct leaf_entries {
    const struct nested_node *node;
    uint8_t repetition_max;
    uint8_t definition_max;
    size_t count;
    size_t capacity;
    struct entry *entries;
};

struct levels {
    uint8_t repetition; /* of the next entry */
    uint8_t definition;
    uint8_t lists; /* around it */
};

static void add_entry(struct leaf_entries *leaf, struct entry entry) {
    if (leaf->count == leaf->capacity) {
        leaf->capacity = leaf->capacity == 0 ? 256 : 2 * leaf->capacity;
        leaf->entries = realloc(leaf->entries, leaf->capacity * sizeof(*leaf->entries));
        assert_non_null(leaf->entries);
    }
    leaf->entries[leaf->count++] = entry;
}

static void add_absent(struct leaf_entries *leaves, const struct nested_node *node,
                       struct levels levels) {
    for (int i = 0; i < node->leaf_count; i++) {
        add_entry(&leaves[node->leaf_first + i],
                  (struct entry){levels.repetition, levels.definition, false, 0});
    }
}

static void shred(struct leaf_entries *leaves, const struct nested_node *node,
                  const struct nested_value *value, struct levels levels);

static void shred_items(struct leaf_entries *leaves, const struct nested_node *node,
                        const struct nested_value *value, struct levels levels) {
    if (value->count == 0) {
        add_absent(leaves, node, levels);
        return;
    }
    levels.definition++;
    levels.lists++;
    for (int64_t i = 0; i < value->count; i++) {
        levels.repetition = i == 0 ? levels.repetition : levels.lists;
        if (node->kind == NESTED_MAP) {
            shred(leaves, node->children[0], &value->items[i].items[0], levels);
            shred(leaves, node->children[1], &value->items[i].items[1], levels);
        } else {
            shred(leaves, node->children[0], &value->items[i], levels);
        }
    }
}

static void shred(struct leaf_entries *leaves, const struct nested_node *node,
                  const struct nested_value *value, struct levels levels) {
    if (value->is_null) {
        add_absent(leaves, node, levels);
        return;
    }
    levels.definition = (uint8_t)(levels.definition + node->is_optional);
    if (node->kind <= NESTED_TEXT) {
        add_entry(&leaves[node->leaf_first],
                  (struct entry){levels.repetition, levels.definition, true, value->number});
    } else if (is_list(node)) {
        shred_items(leaves, node, value, levels);
    } else {
        for (int i = 0; i < node->child_count; i++) {
            shred(leaves, node->children[i], &value->items[i], levels);
        }
    }
}

static void find_leaves(struct leaf_entries *leaves, const struct nested_node *node,
                        struct levels levels) {
    levels.definition = (uint8_t)(levels.definition + node->is_optional + is_list(node));
    levels.lists = (uint8_t)(levels.lists + is_list(node));
    if (node->kind <= NESTED_TEXT) {
        leaves[node->leaf_first] = (struct leaf_entries){
            .node = node, .repetition_max = levels.lists, .definition_max = levels.definition};
    }
    for (int i = 0; i < node->child_count; i++) {
        find_leaves(leaves, node->children[i], levels);
    }
}

/* ---- pages ---- */

static void append(struct buffer *out, const void *data, size_t size) {
    ktk_error err;

    CHECK_OK(ktki_buffer_append(out, data, size, &err));
}

/* Runs of four and more are run-length encoded, the rest goes in packed groups of eight. */
static void append_levels(struct buffer *out, const uint8_t *levels, size_t count, unsigned width) {
    uint8_t packed[8];

    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && run < 60 && levels[i + run] == levels[i]) {
            run++;
        }
        if (run >= 4 || count - i < 8) {
            append(out, &(uint8_t){(uint8_t)(run << 1)}, 1);
            append(out, &levels[i], 1);
            i += run;
            continue;
        }
        memset(packed, 0, sizeof(packed));
        for (unsigned bit = 0; bit < 8 * width; bit++) {
            packed[bit / 8] |= (uint8_t)((levels[i + bit / width] >> (bit % width) & 1) << bit % 8);
        }
        append(out, &(uint8_t){3}, 1);
        append(out, packed, width);
        i += 8;
    }
}

static int32_t append_kind(struct buffer *out, const struct entry *entries, size_t count,
                           bool is_repetition, uint8_t level_max, bool is_v2) {
    uint8_t *levels = malloc(count + 1);
    size_t start = out->size;
    uint32_t size = 0;

    assert_non_null(levels);
    if (level_max > 0) {
        for (size_t i = 0; i < count; i++) {
            levels[i] = is_repetition ? entries[i].repetition : entries[i].definition;
        }
        if (!is_v2) {
            append(out, &size, sizeof(size));
        }
        append_levels(out, levels, count, ktki_bit_width(level_max));
        size = (uint32_t)(out->size - start - (is_v2 ? 0 : sizeof(size)));
        if (!is_v2) {
            memcpy(out->data + start, &size, sizeof(size));
        }
    }
    free(levels);
    return (int32_t)size;
}

static void append_values(struct buffer *out, const struct leaf_entries *leaf, size_t start,
                          size_t count) {
    for (size_t i = start; i < start + count; i++) {
        const struct entry *entry = &leaf->entries[i];
        char text[16];
        uint32_t size;

        if (!entry->has_value) {
            continue;
        }
        if (leaf->node->kind == NESTED_NUMBER) {
            append(out, &entry->number, sizeof(entry->number));
            continue;
        }
        size = (uint32_t)snprintf(text, sizeof(text), "%" PRId32, entry->number);
        append(out, &size, sizeof(size));
        append(out, text, size);
    }
}

static void append_page(struct buffer *out, const struct leaf_entries *leaf, size_t start,
                        size_t count, bool is_v2) {
    const struct entry *entries = leaf->entries + start;
    struct page_header header = {.type = is_v2 ? PQ_DATA_PAGE_V2 : PQ_DATA_PAGE,
                                 .value_count = (int32_t)count,
                                 .encoding = PQ_PLAIN,
                                 .definition_encoding = PQ_RLE,
                                 .repetition_encoding = PQ_RLE};
    struct buffer body;
    ktk_error err;

    ktki_buffer_init(&body, test_allocator(), 0);
    header.repetition_size = append_kind(&body, entries, count, true, leaf->repetition_max, is_v2);
    header.definition_size = append_kind(&body, entries, count, false, leaf->definition_max, is_v2);
    append_values(&body, leaf, start, count);
    for (size_t i = 0; i < count; i++) {
        header.null_count += !entries[i].has_value;
        header.row_count += entries[i].repetition == 0;
    }
    header.compressed_size = (int32_t)body.size;
    header.uncompressed_size = (int32_t)body.size;
    CHECK_OK(ktki_page_header_encode(&header, out, &err));
    append(out, body.data, body.size);
    ktki_buffer_clear(&body);
}

static void append_chunk(struct buffer *out, const struct leaf_entries *leaf,
                         const struct nested_layout *layout, struct column_chunk *chunk) {
    static const int32_t encodings[] = {PQ_PLAIN, PQ_RLE};
    size_t start = 0;

    *chunk = (struct column_chunk){
        .type = leaf->node->kind == NESTED_TEXT ? PQ_BYTE_ARRAY : PQ_INT32,
        .encoding_count = 2,
        .encodings = encodings,
        .value_count = (int64_t)leaf->count,
        .data_page_offset = (int64_t)out->size,
        .dictionary_page_offset = -1,
        .index_page_offset = -1,
    };
    while (start < leaf->count) {
        size_t count = leaf->count - start;
        if (count > (size_t)layout->page_entries) {
            count = (size_t)layout->page_entries;
        }
        while (!layout->splits_rows && start + count < leaf->count &&
               leaf->entries[start + count].repetition != 0) {
            count++;
        }
        append_page(out, leaf, start, count, layout->is_v2);
        start += count;
    }
    chunk->compressed_size = (int64_t)out->size - chunk->data_page_offset;
    chunk->uncompressed_size = chunk->compressed_size;
}

/* ---- files ---- */

static void append_group(struct buffer *out, const struct nested_column *column, int64_t start,
                         const struct nested_layout *layout, struct row_group *group) {
    static struct leaf_entries leaves[LEAVES_MAX];
    int leaf_count = column->root->leaf_count;

    find_leaves(leaves, column->root, (struct levels){0, 0, 0});
    for (int64_t i = start; i < column->row_count && i < start + layout->group_rows; i++) {
        shred(leaves, column->root, &column->rows[i], (struct levels){0, 0, 0});
        group->row_count++;
    }
    group->column_count = leaf_count;
    group->columns = calloc((size_t)leaf_count, sizeof(*group->columns));
    group->file_offset = -1;
    group->total_compressed_size = -1;
    assert_non_null(group->columns);
    for (int i = 0; i < leaf_count; i++) {
        append_chunk(out, &leaves[i], layout, &group->columns[i]);
        free(leaves[i].entries);
    }
}

void nested_write(struct buffer *out, const struct nested_column *column,
                  const struct nested_layout *layout) {
    static struct elements elements;
    struct row_group groups[16] = {{.row_count = 0}};
    struct parquet_metadata metadata = {
        .version = 1, .row_count = column->row_count, .row_groups = groups};
    size_t footer;
    uint32_t footer_size;
    ktk_error err;

    elements.count = 0;
    (void)add_element(&elements, "schema", PQ_REQUIRED, 1);
    add_node(&elements, column->root, column->root->is_optional ? PQ_OPTIONAL : PQ_REQUIRED);
    append(out, "PAR1", 4);
    for (int64_t start = 0; start < column->row_count; start += layout->group_rows) {
        assert_true(metadata.row_group_count < 16);
        append_group(out, column, start, layout, &groups[metadata.row_group_count++]);
    }
    metadata.element_count = elements.count;
    metadata.elements = elements.all;
    footer = out->size;
    CHECK_OK(ktki_metadata_encode(&metadata, out, &err));
    footer_size = (uint32_t)(out->size - footer);
    append(out, &footer_size, sizeof(footer_size));
    append(out, "PAR1", 4);
    for (int32_t i = 0; i < metadata.row_group_count; i++) {
        free(groups[i].columns);
    }
}

/* ---- comparison ---- */

static void check_value(const struct nested_node *node, const struct nested_value *value,
                        const struct field *field, const struct ArrowArray *array, int64_t row);

static void check_leaf(const struct nested_node *node, const struct nested_value *value,
                       const struct field *field, const struct ArrowArray *array, int64_t row) {
    const uint8_t *data = NULL;
    char text[16];
    size_t size = 0;

    if (node->kind == NESTED_NUMBER) {
        assert_int_equal(field->type.id, TYPE_INT32);
        assert_int_equal(((const int32_t *)array->buffers[1])[row], value->number);
        return;
    }
    assert_int_equal(field->type.id, TYPE_STRING);
    ktki_array_bytes(array, &field->type, row, &data, &size);
    assert_int_equal(size, snprintf(text, sizeof(text), "%" PRId32, value->number));
    assert_memory_equal(data, text, size);
}

static void check_list(const struct nested_node *node, const struct nested_value *value,
                       const struct field *field, const struct ArrowArray *array, int64_t row) {
    const int32_t *offsets = array->buffers[1];
    const struct field *item = &field->children[0];
    const struct ArrowArray *items = array->children[0];

    assert_int_equal(field->type.id, node->kind == NESTED_MAP ? TYPE_MAP : TYPE_LIST);
    assert_int_equal(offsets[row + 1] - offsets[row], value->count);
    for (int64_t i = 0; i < value->count; i++) {
        int64_t at = offsets[row] + i;
        if (node->kind != NESTED_MAP) {
            check_value(node->children[0], &value->items[i], item, items, at);
            continue;
        }
        for (int j = 0; j < 2; j++) {
            check_value(node->children[j], &value->items[i].items[j], &item->children[j],
                        items->children[j], at);
        }
    }
}

/* Children that were not read are not in the field. */
static void check_struct(const struct nested_node *node, const struct nested_value *value,
                         const struct field *field, const struct ArrowArray *array, int64_t row) {
    assert_int_equal(field->type.id, TYPE_STRUCT);
    for (int32_t i = 0; i < field->child_count; i++) {
        int child = 0;
        while (strcmp(node->children[child]->name, field->children[i].name) != 0) {
            assert_true(++child < node->child_count);
        }
        check_value(node->children[child], &value->items[child], &field->children[i],
                    array->children[i], row);
    }
}

static void check_value(const struct nested_node *node, const struct nested_value *value,
                        const struct field *field, const struct ArrowArray *array, int64_t row) {
    const uint8_t *validity = array->buffers[0];
    bool is_null = validity != NULL && (validity[row >> 3] >> (row & 7) & 1) == 0;

    assert_int_equal(field->nullable, node->is_optional);
    assert_true(row < array->length);
    assert_int_equal(is_null, value->is_null);
    if (is_null) {
        return;
    }
    if (node->kind <= NESTED_TEXT) {
        check_leaf(node, value, field, array, row);
    } else if (is_list(node)) {
        check_list(node, value, field, array, row);
    } else {
        check_struct(node, value, field, array, row);
    }
}

void nested_check(const struct nested_column *column, const struct field *field,
                  const struct ArrowArray *array, int64_t start) {
    ktk_error err;

    CHECK_OK(ktki_array_check(array, field, true, &err));
    for (int64_t i = 0; i < array->length; i++) {
        check_value(column->root, &column->rows[start + i], field, array, i);
    }
}
