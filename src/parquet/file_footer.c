#include "parquet/file_footer.h"

#include <kartothek/version.h>

#include "arrow/ipc_schema.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/page_index_write.h"

/* The form that readers parse to find out whose faults to expect: "<name> version <version> (build
 * <build>)". */
#define CREATED_BY "kartothek version " KTK_VERSION_TEXT " (build c)"

#define ARROW_SCHEMA_KEY "ARROW:schema"

/* Version of FileMetaData: what pyarrow writes for every format version but 1.0. */
#define FILE_VERSION 2

/* ---- key/value metadata ---- */

/* `out` has room for 4 characters for every 3 bytes begun. */
static void base64_encode(const uint8_t *data, size_t size, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0u);

        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
}

static void drop_views(struct field *field) {
    if (field->type.id == TYPE_STRING_VIEW) {
        field->type.id = TYPE_STRING;
    } else if (field->type.id == TYPE_BINARY_VIEW) {
        field->type.id = TYPE_BINARY;
    }
    if (field->dictionary != NULL) {
        drop_views(field->dictionary);
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        drop_views(&field->children[i]);
    }
}

/* The schema without views: readers that do not know them refuse the file for the name alone, and
 * what it holds is the same. */
static ktk_status schema_to_tell(struct schema **out, const struct schema *schema, ktk_error *err) {
    struct schema *told = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&told, schema->context, schema->field_count, err));
    for (int32_t i = 0; i < schema->field_count; i++) {
        KTKI_TRY(ktki_field_copy(told, &told->fields[i], &schema->fields[i], err));
        drop_views(&told->fields[i]);
    }
    told->key_value_count = schema->key_value_count;
    told->key_values = schema->key_values; /* outlives the copy */
    *out = told;
    told = NULL;
out:
    ktki_schema_free(told);
    return status;
}

static ktk_status add_arrow_schema(struct file_footer *footer, const struct schema *schema,
                                   ktk_error *err) {
    struct parquet_key_value *entry = &footer->key_values[footer->key_value_count];
    struct schema *told = NULL;
    struct buffer message;
    char *text = NULL;
    size_t size;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&message, footer->arena.allocator, 0);
    KTKI_TRY(schema_to_tell(&told, schema, err));
    KTKI_TRY(ktki_ipc_schema_encode(told, &message, err));
    size = (message.size + 2) / 3 * 4;
    KTKI_TRY(ktki_arena_array(&footer->arena, size, 1, &text, err));
    base64_encode(message.data, message.size, text);
    *entry = (struct parquet_key_value){ARROW_SCHEMA_KEY, text, size};
    footer->key_value_count++;
out:
    ktki_buffer_clear(&message);
    ktki_schema_free(told);
    return status;
}

static ktk_status add_key_values(struct file_footer *footer, const struct schema *schema,
                                 ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&footer->arena, (size_t)schema->key_value_count + 1,
                              sizeof(*footer->key_values), &footer->key_values, err));
    for (int32_t i = 0; i < schema->key_value_count; i++) {
        const struct key_value *entry = &schema->key_values[i];

        if (strcmp(entry->key, ARROW_SCHEMA_KEY) != 0) {
            footer->key_values[footer->key_value_count++] =
                (struct parquet_key_value){entry->key, entry->value, entry->value_size};
        }
    }
    KTKI_TRY(add_arrow_schema(footer, schema, err));
out:
    return status;
}

/* ---- life ---- */

ktk_status ktki_footer_init(struct file_footer *out, const struct schema *schema, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(schema->context);
    struct file_footer footer = {0};
    ktk_status status = KTK_OK;

    ktki_arena_init(&footer.arena, allocator);
    ktki_arena_init(&footer.group_arena, allocator);
    ktki_buffer_init(&footer.index, allocator, 0);
    KTKI_TRY(ktki_write_schema_plan(&footer.plan, &footer.arena, schema, err));
    KTKI_TRY(add_key_values(&footer, schema, err));
    *out = footer;
    footer.arena.last = NULL; /* handed over */
out:
    ktki_arena_clear(&footer.arena);
    return status;
}

static bool is_path(const struct write_leaf *leaf, const char *path) {
    for (int32_t i = 0; i < leaf->path_count; i++) {
        size_t size = strlen(leaf->path[i]);

        if (strncmp(path, leaf->path[i], size) != 0) {
            return false;
        }
        path += size;
        if (i + 1 < leaf->path_count && *path++ != '.') {
            return false;
        }
    }
    return *path == '\0';
}

ktk_status ktki_footer_sort(struct file_footer *footer, const ktk_parquet_sorting_column *sorting,
                            size_t count, ktk_error *err) {
    struct sorting_column *columns = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&footer->arena, count, sizeof(*columns), &columns, err));
    for (size_t i = 0; i < count; i++) {
        int32_t leaf = 0;

        while (leaf < footer->plan.leaf_count &&
               !is_path(&footer->plan.leaves[leaf], sorting[i].path)) {
            leaf++;
        }
        if (leaf == footer->plan.leaf_count) {
            KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s' to be sorted by",
                      sorting[i].path);
        }
        columns[i] =
            (struct sorting_column){leaf, sorting[i].is_descending, sorting[i].has_nulls_first};
    }
    footer->sorting = columns;
    footer->sorting_count = (int32_t)count;
out:
    return status;
}

void ktki_footer_clear(struct file_footer *footer) {
    if (footer->arena.allocator != NULL) {
        ktki_footer_restart(footer);
        ktki_buffer_clear(&footer->index);
        ktki_free_array(footer->arena.allocator, footer->groups, (size_t)footer->group_capacity,
                        sizeof(*footer->groups));
        ktki_arena_clear(&footer->arena);
    }
    *footer = (struct file_footer){0};
}

void ktki_footer_restart(struct file_footer *footer) {
    ktki_arena_clear(&footer->group_arena);
    footer->group_count = 0;
    footer->row_count = 0;
    footer->index.size = 0;
}

/* ---- row groups ---- */

/* The encodings of the values, of the levels and of the dictionary page. */
static ktk_status list_encodings(struct file_footer *footer, const struct column_write *column,
                                 struct column_chunk *chunk, ktk_error *err) {
    enum parquet_encoding own = column->leaf->encoding;
    int32_t *encodings = NULL;
    int32_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&footer->group_arena, 4, sizeof(*encodings), &encodings, err));
    if (column->has_dictionary || own == PQ_PLAIN) {
        encodings[count++] = PQ_PLAIN;
    }
    encodings[count++] = PQ_RLE;
    if (column->has_dictionary) {
        encodings[count++] = PQ_RLE_DICTIONARY;
    }
    if (column->has_plain && own != PQ_PLAIN && own != PQ_RLE) {
        encodings[count++] = (int32_t)own;
    }
    chunk->encodings = encodings;
    chunk->encoding_count = count;
out:
    return status;
}

/* Bounds are kept in the arena: the column is soon used again. */
static ktk_status keep_statistics(struct file_footer *footer, const struct column_write *column,
                                  struct parquet_statistics *out, ktk_error *err) {
    struct parquet_statistics statistics = {.is_present = column->leaf->order != ORDER_NONE,
                                            .null_count = column->null_count,
                                            .distinct_count = -1};
    uint8_t *bounds = NULL;
    ktk_status status = KTK_OK;

    if (column->has_bounds) {
        KTKI_TRY(ktki_arena_array(&footer->group_arena, column->bounds.size, 1, &bounds, err));
        if (column->bounds.size > 0) { /* both may be the empty text */
            memcpy(bounds, column->bounds.data, column->bounds.size);
        }
        statistics.min_value = (struct parquet_bytes){bounds, column->min_size};
        statistics.max_value = (struct parquet_bytes){bounds + column->min_size, column->max_size};
    }
    statistics.has_exact_min = statistics.has_exact_max = column->has_bounds;
    if (column->leaf->has_old_statistics) {
        statistics.old_min = statistics.min_value;
        statistics.old_max = statistics.max_value;
    }
    *out = statistics;
out:
    return status;
}

static ktk_status describe_column(struct file_footer *footer, struct column_chunk *out,
                                  const struct column_write *column, int64_t offset,
                                  ktk_error *err) {
    const struct write_leaf *leaf = column->leaf;
    struct column_chunk chunk = {
        .type = leaf->physical,
        .path_count = leaf->path_count,
        .path = leaf->path,
        .value_count = column->value_count,
        .uncompressed_size = column->uncompressed_size,
        .compressed_size = column->compressed_size,
        .data_page_offset = offset,
        .dictionary_page_offset = -1,
        .index_page_offset = -1,
        .sizes = {.text_bytes = column->text_bytes},
        .column_index = {.offset = -1},
        .offset_index = {.offset = -1},
        .bloom = {.offset = column->bloom.size > 0 ? column->bloom_offset : -1,
                  .size = (int32_t)column->bloom.size},
    };
    ktk_status status = KTK_OK;

    if (column->has_dictionary) {
        chunk.dictionary_page_offset = offset;
        chunk.data_page_offset += column->dictionary_page.size;
    }
    KTKI_TRY(list_encodings(footer, column, &chunk, err));
    KTKI_TRY(keep_statistics(footer, column, &chunk.statistics, err));
    *out = chunk;
out:
    return status;
}

/* An index of chunks that have a single page each tells nothing that their statistics do not. */
static bool is_index_useful(const struct column_write *columns, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (columns[i].has_index && columns[i].pages.count > 1) {
            return true;
        }
    }
    return false;
}

/* Add the indices of a chunk to those of the file; places are counted from the start of these. */
static ktk_status add_index(struct file_footer *footer, struct column_chunk *chunk,
                            const struct column_write *column, ktk_error *err) {
    struct buffer *index = &footer->index;
    size_t start = index->size;
    ktk_status status = KTK_OK;

    if (column->index.size > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a column index of %zu bytes is too long for Parquet",
                  column->index.size);
    }
    if (column->index.size > 0) {
        KTKI_TRY(ktki_buffer_append(index, column->index.data, column->index.size, err));
        chunk->column_index = (struct index_place){(int64_t)start, (int32_t)column->index.size};
    }
    start = index->size;
    KTKI_TRY(ktki_offset_index_build(index, column->pages.pages, column->pages.count,
                                     chunk->data_page_offset, footer->arena.allocator, err));
    chunk->offset_index = (struct index_place){(int64_t)start, (int32_t)(index->size - start)};
out:
    return status;
}

static ktk_status reserve_group(struct file_footer *footer, ktk_error *err) {
    int32_t capacity = footer->group_capacity == 0 ? 1 : 2 * footer->group_capacity;
    ktk_status status = KTK_OK;

    if (footer->group_count < footer->group_capacity) {
        goto out;
    }
    if (footer->group_capacity > INT32_MAX / 2) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a file of more than %d row groups", footer->group_capacity);
    }
    KTKI_TRY(ktki_resize_array(footer->arena.allocator, &footer->groups,
                               (size_t)footer->group_capacity, (size_t)capacity,
                               sizeof(*footer->groups), err));
    footer->group_capacity = capacity;
out:
    return status;
}

ktk_status ktki_footer_add(struct file_footer *footer, const struct column_write *columns,
                           int64_t row_count, int32_t codec_id, int64_t file_offset,
                           ktk_error *err) {
    struct row_group group = {.column_count = footer->plan.leaf_count,
                              .row_count = row_count,
                              .file_offset = file_offset,
                              .sorting_count = footer->sorting_count,
                              .sorting = footer->sorting,
                              .total_compressed_size = 0};
    ktk_status status = KTK_OK;

    KTKI_TRY(reserve_group(footer, err));
    KTKI_TRY(ktki_arena_array(&footer->group_arena, (size_t)group.column_count,
                              sizeof(*group.columns), &group.columns, err));
    for (int32_t i = 0; i < group.column_count; i++) {
        KTKI_TRY(describe_column(footer, &group.columns[i], &columns[i],
                                 file_offset + group.total_compressed_size, err));
        group.columns[i].codec = codec_id;
        group.total_byte_size += columns[i].uncompressed_size;
        group.total_compressed_size += columns[i].compressed_size;
    }
    for (int32_t i = 0; i < group.column_count && is_index_useful(columns, group.column_count);
         i++) {
        KTKI_TRY(add_index(footer, &group.columns[i], &columns[i], err));
    }
    footer->groups[footer->group_count++] = group;
    footer->row_count += row_count;
out:
    return status;
}

void ktki_footer_place_index(struct file_footer *footer, int64_t offset) {
    for (int32_t i = 0; i < footer->group_count; i++) {
        for (int32_t j = 0; j < footer->groups[i].column_count; j++) {
            struct column_chunk *chunk = &footer->groups[i].columns[j];

            chunk->column_index.offset += chunk->column_index.offset >= 0 ? offset : 0;
            chunk->offset_index.offset += chunk->offset_index.offset >= 0 ? offset : 0;
        }
    }
}

/* ---- encoding ---- */

ktk_status ktki_footer_encode(const struct file_footer *footer, struct buffer *out,
                              ktk_error *err) {
    struct parquet_metadata metadata = {
        .version = FILE_VERSION,
        .element_count = footer->plan.element_count,
        .elements = footer->plan.elements,
        .row_count = footer->row_count,
        .row_group_count = footer->group_count,
        .row_groups = footer->groups,
        .key_value_count = footer->key_value_count,
        .key_values = footer->key_values,
        .created_by = CREATED_BY,
        .column_order_count = footer->plan.leaf_count,
    };
    size_t leaf_count = (size_t)footer->plan.leaf_count;
    const ktk_allocator *allocator = footer->arena.allocator;
    uint8_t *orders = NULL;
    size_t start = out->size;
    uint32_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, leaf_count, 1, &orders, err));
    memset(orders, 1, leaf_count); /* TYPE_ORDER */
    metadata.column_orders = orders;
    KTKI_TRY(ktki_metadata_encode(&metadata, out, err));
    if (out->size - start > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a footer of %zu bytes is too long for Parquet",
                  out->size - start);
    }
    size = (uint32_t)(out->size - start);
    KTKI_TRY(ktki_buffer_append(out, &size, sizeof(size), err));
    KTKI_TRY(ktki_buffer_append(out, PARQUET_MAGIC, PARQUET_MAGIC_SIZE, err));
out:
    ktki_free_array(allocator, orders, leaf_count, 1);
    return status;
}
