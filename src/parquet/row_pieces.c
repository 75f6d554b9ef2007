#include "parquet/row_pieces.h"

#include <assert.h>

#include "base/checked.h"

/* A column's share of what a piece fetches is not less than this part of its size, on average: what
 * is smaller, 128 KiB where pieces are of 8 MiB, is not worth a round trip. */
#define COLUMN_SHARE 64

/* What two pieces both fetch, dictionaries and pages with rows of either, is at most this part of
 * what a piece takes. */
#define TWICE_SHARE 4

/* A page takes no more in an offset index, as a rule. */
#define PAGE_LOCATION_BYTES 16

/* ---- how many ---- */

/* Sums over the columns that are read, which stop at the largest number. */
struct sums {
    int64_t stored;
    int64_t decoded;
    int64_t dictionaries;
    int64_t pages_max; /* of a column */
    int64_t columns;
    bool has_places; /* of all pages */
};

static void add(int64_t *sum, int64_t number) {
    if (number > 0 && !ktki_add_i64(*sum, number, sum)) {
        *sum = INT64_MAX;
    }
}

static int64_t times(int64_t a, int64_t b) {
    int64_t product;

    return a > 0 && ktki_mul_i64(a, b, &product) ? product : a > 0 ? INT64_MAX : 0;
}

static void add_column(struct sums *sums, const ktk_parquet_file *file,
                       const struct row_group *group, int32_t number, const struct field *field) {
    const struct column_chunk *chunk = &group->columns[number];
    size_t width = ktki_type_width(&field->type);

    add(&sums->stored, chunk->compressed_size);
    if (width > 0 || field->type.id == TYPE_BOOL || field->type.id == TYPE_NULL) {
        add(&sums->decoded, times(group->row_count, (int64_t)width + 1));
    } else {
        add(&sums->decoded, times(group->row_count, sizeof(int64_t) + 1));
        add(&sums->decoded,
            chunk->sizes.text_bytes >= 0 ? chunk->sizes.text_bytes : chunk->uncompressed_size);
    }
    if (chunk->dictionary_page_offset >= 0 &&
        chunk->data_page_offset > chunk->dictionary_page_offset) {
        add(&sums->dictionaries, chunk->data_page_offset - chunk->dictionary_page_offset);
    }
    if (chunk->offset_index.size / PAGE_LOCATION_BYTES > sums->pages_max) {
        sums->pages_max = chunk->offset_index.size / PAGE_LOCATION_BYTES;
    }
    sums->columns++;
    sums->has_places = sums->has_places && file->schema.leaves[number].nest == NULL &&
                       ktki_page_table_has_index(&file->source, chunk);
}

static bool is_planned(const struct read_plan *plan, int32_t number) {
    for (int32_t i = 0; i < plan->leaf_count; i++) {
        if (plan->leaves[i].number == number) {
            return true;
        }
    }
    return false;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

struct row_pieces ktki_row_pieces(const ktk_parquet_file *file, const struct row_group *group,
                                  const struct read_plan *plan, const struct row_filter *filter,
                                  int64_t bytes_max) {
    struct sums sums = {.has_places = true};
    int64_t count;
    int64_t least;
    int64_t bytes;

    for (int32_t i = 0; i < plan->leaf_count; i++) {
        add_column(&sums, file, group, plan->leaves[i].number, plan->leaves[i].field);
    }
    for (int32_t i = 0; filter != NULL && i < filter->column_count; i++) {
        const struct filter_column *it = &filter->columns[i];

        if (!is_planned(plan, it->number)) {
            add_column(&sums, file, group, it->number, it->values);
        }
    }
    bytes = larger(sums.stored, sums.decoded);
    count = bytes / bytes_max;
    least = larger(PIECE_BYTES_MIN(bytes_max), times(sums.columns, bytes_max / COLUMN_SHARE));
    assert(least > 0);
    count = smaller(count, sums.stored / least);
    count = smaller(count, sums.stored / larger(times(sums.dictionaries, TWICE_SHARE), 1));
    count = smaller(smaller(count, sums.pages_max), INT32_MAX);
    count = sums.has_places ? larger(count, 1) : 1;
    return (struct row_pieces){(int32_t)count, bytes / count};
}

/* ---- where they begin ---- */

/* Of a table with pages, the last one that begins at a row or in front of it. */
static size_t page_at(const struct page_table *table, int64_t row) {
    size_t first = 0;
    size_t end = table->count;

    while (end - first > 1) {
        size_t middle = first + (end - first) / 2;

        if (table->pages[middle].first_row <= row) {
            first = middle;
        } else {
            end = middle;
        }
    }
    return first;
}

static const struct page_table *table_of(const struct row_scan *scan, size_t index) {
    return &scan->tables[scan->wanted[index]];
}

/* What is fetched twice if a piece begins with a row. */
static int64_t bytes_twice(const struct row_scan *scan, int64_t row) {
    int64_t sum = 0;

    for (size_t i = 0; i < scan->wanted_count; i++) {
        const struct page_table *table = table_of(scan, i);
        const struct page_place *page = &table->pages[page_at(table, row)];

        add(&sum, table->dictionary_size);
        add(&sum, page->first_row < row ? page->size : 0);
    }
    return sum;
}

/* Where pieces would begin if they were all of one length. */
static int64_t even_start(const struct row_scan *scan, int32_t number, int32_t count) {
    int64_t rows = scan->group->row_count;

    return rows / count * number + rows % count * number / count;
}

/* The row in [start, end) for which the least is fetched twice, if that is little enough. */
static bool find_start(const struct row_scan *scan, int64_t start, int64_t end, int64_t twice_max,
                       int64_t *out) {
    int64_t tried = -1;
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < scan->wanted_count; i++) {
        const struct page_table *table = table_of(scan, i);
        size_t page = page_at(table, start);
        int64_t row;
        int64_t twice;

        page += table->pages[page].first_row < start;
        row = page < table->count ? table->pages[page].first_row : end;
        if (row >= end || row == tried) {
            continue;
        }
        tried = row;
        twice = bytes_twice(scan, row);
        if (twice < least) {
            least = twice;
            *out = row;
        }
    }
    return least <= twice_max;
}

int64_t ktki_row_piece_start(const struct row_scan *scan, int32_t number, int32_t count) {
    int64_t rows = scan->group->row_count;
    int64_t stored = 0;
    int64_t row = 0;

    if (number == 0 || rows == 0) {
        return 0;
    }
    for (size_t i = 0; i < scan->wanted_count; i++) {
        add(&stored, table_of(scan, i)->chunk.size);
    }
    while (number < count &&
           !find_start(scan, even_start(scan, number, count), even_start(scan, number + 1, count),
                       stored / count / TWICE_SHARE, &row)) {
        number++;
    }
    return number == count ? rows : row;
}
