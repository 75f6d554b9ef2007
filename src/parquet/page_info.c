/* The pages of a column chunk, for people and programs that look at them. */
#include <kartothek/parquet.h>

#include <libdeflate.h>

#include "base/context.h"
#include "base/error.h"
#include "parquet/column_read.h"
#include "parquet/file_handle.h"
#include "parquet/names.h"
#include "parquet/statistics_text.h"

/* One walk over a chunk. */
struct page_walker {
    ktk_parquet_file *file;
    const struct row_group *group;
    const struct column_chunk *chunk;
    const struct parquet_leaf *leaf;
    struct arena arena; /* of the indices */
    ktk_bytes bytes[2]; /* of both indices; bounds lie in them */
    struct column_index bounds;
    struct offset_index places;
    int64_t chunk_offset;
    int64_t values_left;
    int32_t data_page; /* number of the next one */
    struct buffer minimum;
    struct buffer maximum;
    ktk_parquet_page_fn fn;
    void *state;
};

static ktk_status read_place(struct page_walker *walker, const struct index_place *place,
                             ktk_bytes *out, ktk_error *err) {
    const struct source *source = &walker->file->source;
    const struct byte_range range = {place->offset, place->size};

    if (range.size < 0 || range.offset > source->size || range.size > source->size - range.offset) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "its page index of %lld bytes at offset %lld is not within the file",
                             (long long)range.size, (long long)range.offset);
    }
    return source->ops->read(source->state, &range, 1, out, err);
}

static ktk_status read_indices(struct page_walker *walker, ktk_error *err) {
    const struct column_chunk *chunk = walker->chunk;
    ktk_bytes *bytes = walker->bytes;
    ktk_status status = KTK_OK;

    if (chunk->column_index.offset > 0) {
        KTKI_TRY(read_place(walker, &chunk->column_index, &bytes[0], err));
        KTKI_TRY(ktki_column_index_decode(&walker->bounds, &walker->arena, bytes[0].data,
                                          bytes[0].size, err));
    }
    if (chunk->offset_index.offset > 0) {
        KTKI_TRY(read_place(walker, &chunk->offset_index, &bytes[1], err));
        KTKI_TRY(ktki_offset_index_decode(&walker->places, &walker->arena, bytes[1].data,
                                          bytes[1].size, err));
    }
out:
    return status;
}

static int64_t count_rows(const struct page_walker *walker, const struct page_header *header) {
    const struct offset_index *places = &walker->places;
    int32_t page = walker->data_page;

    if (header->type == PQ_DATA_PAGE_V2) {
        return header->row_count;
    }
    if (walker->leaf->repetition_max == 0) {
        return header->value_count;
    }
    if (page >= places->page_count) {
        return -1;
    }
    return (page + 1 < places->page_count ? places->pages[page + 1].first_row
                                          : walker->group->row_count) -
           places->pages[page].first_row;
}

/* What is known of a data page's values: by its header or, without, by the column index. */
static ktk_status describe_values(struct page_walker *walker, const struct page_header *header,
                                  ktk_parquet_page *info, ktk_error *err) {
    const struct column_index *bounds = &walker->bounds;
    int32_t page = walker->data_page;
    struct parquet_bytes minimum = *ktki_bound_min(walker->leaf, &header->statistics);
    struct parquet_bytes maximum = *ktki_bound_max(walker->leaf, &header->statistics);
    bool has_minimum = false;
    bool has_maximum = false;
    ktk_status status = KTK_OK;

    info->row_count = count_rows(walker, header);
    info->null_count =
        header->type == PQ_DATA_PAGE_V2 ? header->null_count : header->statistics.null_count;
    if (page < bounds->page_count) {
        if (info->null_count < 0 && bounds->null_count_count > 0) {
            info->null_count = bounds->null_counts[page];
        }
        if (minimum.data == NULL && maximum.data == NULL && !bounds->null_pages[page]) {
            minimum = bounds->mins[page];
            maximum = bounds->maxs[page];
        }
    }
    walker->minimum.size = 0;
    walker->maximum.size = 0;
    KTKI_TRY(ktki_bound_text(&walker->minimum, &has_minimum, walker->leaf, &minimum, err));
    KTKI_TRY(ktki_bound_text(&walker->maximum, &has_maximum, walker->leaf, &maximum, err));
    KTKI_TRY(ktki_buffer_append(&walker->minimum, "", 1, err));
    KTKI_TRY(ktki_buffer_append(&walker->maximum, "", 1, err));
    info->minimum = has_minimum ? (const char *)walker->minimum.data : NULL;
    info->maximum = has_maximum ? (const char *)walker->maximum.data : NULL;
out:
    return status;
}

static ktk_parquet_checksum check(const struct page_header *header, const uint8_t *body) {
    if (!header->has_crc) {
        return KTK_CHECKSUM_NONE;
    }
    return libdeflate_crc32(0, body, (size_t)header->compressed_size) == header->crc
               ? KTK_CHECKSUM_RIGHT
               : KTK_CHECKSUM_WRONG;
}

/* One page; `offset` is where it starts in the chunk. */
static ktk_status visit_page(struct page_walker *walker, struct cursor *cursor, int64_t offset,
                             ktk_error *err) {
    const uint8_t *start = cursor->at;
    const uint8_t *body;
    struct page_header header;
    ktk_parquet_page info = {
        .offset = walker->chunk_offset + offset, .row_count = -1, .null_count = -1};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_header_decode(&header, cursor, err));
    info.header_size = cursor->at - start;
    if (!ktki_cursor_bytes(cursor, (size_t)header.compressed_size, &body)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a page of %d bytes ends behind its column chunk",
                  header.compressed_size);
    }
    info.kind = ktki_parquet_page_type_name(header.type);
    info.encoding = header.type == PQ_INDEX_PAGE ? "" : ktki_parquet_encoding_name(header.encoding);
    info.compressed_size = header.compressed_size;
    info.uncompressed_size = header.uncompressed_size;
    info.value_count = header.value_count;
    info.checksum = check(&header, body);
    if (header.type == PQ_DATA_PAGE || header.type == PQ_DATA_PAGE_V2) {
        KTKI_TRY(describe_values(walker, &header, &info, err));
        walker->values_left -= header.value_count;
        walker->data_page++;
    }
    KTKI_TRY(walker->fn(walker->state, &info, err));
out:
    return status;
}

static ktk_status visit_pages(struct page_walker *walker, ktk_error *err) {
    const struct source *source = &walker->file->source;
    struct byte_range range = {0, 0};
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct cursor cursor;
    int32_t number = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_chunk_range(&range.offset, &range.size, walker->chunk, walker->leaf, source->size,
                              err));
    walker->chunk_offset = range.offset;
    KTKI_TRY(read_indices(walker, err));
    KTKI_TRY(source->ops->read(source->state, &range, 1, &bytes, err));
    cursor = ktki_cursor(bytes.data, bytes.size);
    while (walker->values_left > 0 && !ktki_cursor_is_done(&cursor)) {
        int64_t offset = cursor.at - bytes.data;

        status = visit_page(walker, &cursor, offset, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "page %d at offset %lld", number,
                               (long long)range.offset + offset);
            goto out;
        }
        number++;
    }
out:
    ktk_bytes_clear(&bytes);
    return status;
}

ktk_status ktk_parquet_pages(ktk_parquet_file *file, int32_t row_group, int32_t leaf,
                             ktk_parquet_page_fn fn, void *state, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    struct page_walker walker = {.file = file, .fn = fn, .state = state};
    ktk_status status = KTK_OK;

    if (row_group < 0 || row_group >= file->metadata.row_group_count) {
        return ktk_error_set(err, KTK_E_INVALID, "no row group %d: the file has %d", row_group,
                             file->metadata.row_group_count);
    }
    if (leaf < 0 || leaf >= file->leaf_count) {
        return ktk_error_set(err, KTK_E_INVALID, "no leaf column %d: the file has %d", leaf,
                             file->leaf_count);
    }
    status = ktki_parquet_row_group(&walker.group, file, row_group, err);
    if (status != KTK_OK) {
        return status;
    }
    walker.chunk = &walker.group->columns[leaf];
    walker.leaf = &file->schema.leaves[leaf];
    walker.values_left = walker.chunk->value_count;
    ktki_arena_init(&walker.arena, allocator);
    ktki_buffer_init(&walker.minimum, allocator, 0);
    ktki_buffer_init(&walker.maximum, allocator, 0);
    status = visit_pages(&walker, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s', row group %d, column '%s'", file->source.name, row_group,
                           walker.leaf->path);
    }
    ktk_bytes_clear(&walker.bytes[0]);
    ktk_bytes_clear(&walker.bytes[1]);
    ktki_buffer_clear(&walker.minimum);
    ktki_buffer_clear(&walker.maximum);
    ktki_arena_clear(&walker.arena);
    return status;
}
