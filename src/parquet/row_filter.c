#include "parquet/row_filter.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/bloom.h"
#include "parquet/row_scan.h"

/* Lists of more values are not asked one by one. */
#define BLOOM_VALUES_MAX 100

/* ---- columns ---- */

static ktk_status add_column(struct row_filter *filter, const ktk_parquet_file *file,
                             int32_t file_column, ktk_error *err) {
    struct filter_column *column = &filter->columns[filter->column_count];
    int32_t number = file->schema.columns[file_column].first_leaf;
    const struct parquet_leaf *leaf = &file->schema.leaves[number];
    ktk_status status = KTK_OK;

    if (leaf->nest != NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "'%s': column '%s' is nested: it cannot be compared",
                  file->source.name, leaf->path);
    }
    column->number = number;
    column->leaf = leaf;
    ktki_statistics_rule(&column->rule, &file->metadata, leaf, number);
    column->values = column->rule.field;
    if (column->values->type.id == TYPE_STRING || column->values->type.id == TYPE_BINARY) {
        column->coded = *leaf->field;
        column->coded.type = (struct data_type){.id = TYPE_DICTIONARY, .index = TYPE_INT32};
        column->coded.dictionary = (struct field *)(uintptr_t)column->values;
    }
    filter->column_count++;
out:
    return status;
}

ktk_status ktki_row_filter_init(struct row_filter *out, const ktk_parquet_file *file,
                                const struct bound_predicate *where, const int32_t *file_columns,
                                ktk_error *err) {
    struct row_filter filter = {.where = where, .field_count = where->schema->field_count};
    size_t field_count = (size_t)filter.field_count;
    bool *marks = NULL;
    ktk_status status = KTK_OK;

    ktki_arena_init(&filter.arena, ktki_context_allocator(file->context));
    KTKI_TRY(ktki_arena_zeroed(&filter.arena, field_count, sizeof(*marks), &marks, err));
    KTKI_TRY(ktki_arena_zeroed(&filter.arena, field_count, sizeof(*filter.columns), &filter.columns,
                               err));
    KTKI_TRY(ktki_arena_array(&filter.arena, field_count, sizeof(*filter.columns_of_fields),
                              &filter.columns_of_fields, err));
    ktki_bound_columns(where, marks);
    for (size_t i = 0; i < field_count; i++) {
        filter.columns_of_fields[i] = -1;
        if (marks[i]) {
            filter.columns_of_fields[i] = filter.column_count;
            KTKI_TRY(add_column(&filter, file, file_columns[i], err));
        }
    }
    *out = filter;
    filter = (struct row_filter){0};
out:
    ktki_row_filter_clear(&filter);
    return status;
}

void ktki_row_filter_clear(struct row_filter *filter) {
    if (filter->arena.allocator != NULL) {
        ktki_arena_clear(&filter->arena);
    }
    *filter = (struct row_filter){0};
}

/* ---- pruning ---- */

/* A row group being looked at. */
struct prune {
    const struct row_filter *filter;
    struct row_scan *scan;
    const ktk_allocator *allocator;
};

static const struct filter_column *column_of(const struct prune *prune,
                                             const struct bound_literal *literal) {
    return &prune->filter->columns[prune->filter->columns_of_fields[literal->field]];
}

/* A test that few values pass. */
static bool is_for_few(const struct test *test) {
    return (test->kind == TEST_EQ || test->kind == TEST_IN) && !ktki_test_of_null(test);
}

/* What the statistics of the chunk say. */
static ktk_status may_match_chunk(const struct prune *prune, const struct bound_literal *literal,
                                  bool *out, ktk_error *err) {
    const struct filter_column *column = column_of(prune, literal);
    const struct column_chunk *chunk = &prune->scan->group->columns[column->number];
    struct stored_extent stored =
        ktki_statistics_choose(&column->rule, &chunk->statistics, prune->scan->group->row_count);
    struct extents extents;
    uint8_t mask = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_statistics_extents(&extents, &prune->scan->arena, &column->rule, &stored, 1, err));
    KTKI_TRY(ktki_literal_may_match(literal, &extents, prune->allocator, &mask, err));
    *out = (mask & 1) != 0;
out:
    return status;
}

/* A value as PLAIN encoding has it, in `buffer` or where it is. False: it is not known how. */
static bool plain_value(const struct filter_column *column, const union scalar *value,
                        uint8_t buffer[sizeof(int64_t)], const void **data, size_t *size) {
    enum value_class class = ktki_value_class(column->values->type.id);
    enum parquet_type type = column->leaf->element->type;
    float single;

    *data = buffer;
    if (class == CLASS_BYTES) {
        *data = value->bytes.data;
        *size = value->bytes.size;
        return true;
    }
    if (class == CLASS_FLOAT && type == PQ_DOUBLE) {
        memcpy(buffer, &value->real, *size = sizeof(value->real));
        return true;
    }
    if (class == CLASS_FLOAT && type == PQ_FLOAT) {
        single = (float)value->real;
        memcpy(buffer, &single, *size = sizeof(single));
        return (double)single == value->real;
    }
    *size = type == PQ_INT32 ? sizeof(int32_t) : sizeof(int64_t);
    memcpy(buffer, &value->integer, *size); /* the low bytes are those of the narrower number */
    return (type == PQ_INT32 || type == PQ_INT64) && class != CLASS_DECIMAL;
}

/* What the Bloom filter of the chunk says. */
static ktk_status may_match_bloom(const struct prune *prune, const struct bound_literal *literal,
                                  bool *out, ktk_error *err) {
    const struct filter_column *column = column_of(prune, literal);
    const struct column_chunk *chunk = &prune->scan->group->columns[column->number];
    const struct test *test = &literal->tests[ktki_test_index(&column->values->type)];
    struct bloom bloom = {0};
    ktk_status status = KTK_OK;

    *out = true;
    if (chunk->bloom.offset < 0 || !is_for_few(test) || test->value_count > BLOOM_VALUES_MAX ||
        ktki_value_class(column->values->type.id) != literal->value_class) {
        goto out;
    }
    KTKI_TRY(ktki_bloom_read(&bloom, &prune->scan->file->source, &chunk->bloom, err));
    *out = false;
    for (size_t i = 0; i < test->value_count && !*out; i++) {
        uint8_t buffer[sizeof(int64_t)];
        const void *data;
        size_t size;

        *out = !plain_value(column, &test->values[i], buffer, &data, &size) ||
               ktki_bloom_may_hold(&bloom, column->leaf->element->type, data, size);
    }
out:
    if (status == KTK_E_UNSUPPORTED) {
        status = KTK_OK; /* a kind of filter that is not known tells nothing */
    } else if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", column->leaf->path);
    }
    ktki_bloom_clear(&bloom);
    return status;
}

/* Rows of the pages whose bounds allow it. */
static ktk_status add_pages(const struct prune *prune, const struct bound_literal *literal,
                            const struct page_table *table, struct row_ranges *out,
                            ktk_error *err) {
    const struct filter_column *column = column_of(prune, literal);
    struct extents extents;
    uint8_t *mask = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_statistics_extents(&extents, &prune->scan->arena, &column->rule, table->extents,
                                     table->count, err));
    KTKI_TRY(ktki_arena_array(&prune->scan->arena, ktki_bits_size((int64_t)table->count), 1, &mask,
                              err));
    KTKI_TRY(ktki_literal_may_match(literal, &extents, prune->allocator, mask, err));
    for (size_t i = 0; i < table->count; i++) {
        const struct page_place *page = &table->pages[i];

        if (ktki_bit_get(mask, (int64_t)i)) {
            KTKI_TRY(ktki_ranges_add(out, page->first_row, page->first_row + page->row_count, err));
        }
    }
out:
    return status;
}

/* Keep of `rows` those that the literal may be true for. */
static ktk_status narrow(const struct prune *prune, const struct bound_literal *literal,
                         struct row_ranges *rows, ktk_error *err) {
    const struct filter_column *column = column_of(prune, literal);
    const struct page_table *table = NULL;
    struct row_ranges pages;
    struct row_ranges both;
    ktk_status status = KTK_OK;

    ktki_ranges_init(&pages, prune->allocator);
    ktki_ranges_init(&both, prune->allocator);
    KTKI_TRY(ktki_row_scan_table(prune->scan, column->number, &table, err));
    if (table->extents != NULL) {
        KTKI_TRY(add_pages(prune, literal, table, &pages, err));
        KTKI_TRY(ktki_ranges_intersect(&both, rows, &pages, err));
        ktki_ranges_swap(rows, &both);
    }
out:
    ktki_ranges_clear(&pages);
    ktki_ranges_clear(&both);
    return status;
}

/* A test that few values pass is worth asking the dictionary first: if it has none of them, no page
 * need be looked at. A store is not asked for a dictionary alone: the pages may come with it. */
static ktk_status may_match_dictionary(const struct prune *prune,
                                       const struct bound_literal *literal, bool *out,
                                       ktk_error *err) {
    const struct filter_column *column = column_of(prune, literal);
    const struct test *test = &literal->tests[ktki_test_index(&column->values->type)];
    const struct page_table *table = NULL;
    struct ArrowArray values = {0};
    uint8_t *mask = NULL;
    int64_t matches;
    ktk_status status = KTK_OK;

    *out = true;
    if (!is_for_few(test)) {
        goto out;
    }
    KTKI_TRY(ktki_row_scan_table(prune->scan, column->number, &table, err));
    if (!table->is_all_dictionary ||
        (table->bytes.data == NULL && prune->scan->file->source.kind == SOURCE_STORE)) {
        goto out;
    }
    KTKI_TRY(ktki_row_scan_dictionary(prune->scan, column, &values, err));
    if (values.release == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_arena_zeroed(&prune->scan->arena, ktki_bits_size(values.length), 1, &mask, err));
    KTKI_TRY(ktki_literal_evaluate(literal, prune->scan->file->context, column->values, &values,
                                   values.length, mask, err));
    matches = ktki_bits_count(mask, 0, values.length);
    *out = matches > 0;
out:
    ktki_array_clear(&values);
    return status;
}

typedef ktk_status (*may_match_fn)(const struct prune *prune, const struct bound_literal *literal,
                                   bool *out, ktk_error *err);

/* What may rule out a row group, the cheapest first. */
static const may_match_fn questions[] = {may_match_chunk, may_match_bloom, may_match_dictionary};

/* Rows that the conjunction may be true for, into the empty `out`. */
static ktk_status prune_conjunction(const struct prune *prune,
                                    const struct bound_conjunction *conjunction,
                                    struct row_ranges *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        for (size_t j = 0; j < conjunction->literal_count; j++) {
            bool may_match = true;

            KTKI_TRY(questions[i](prune, conjunction->literals[j], &may_match, err));
            if (!may_match) {
                goto out;
            }
        }
    }
    KTKI_TRY(ktki_ranges_add(out, 0, prune->scan->group->row_count, err));
    for (size_t j = 0; j < conjunction->literal_count && out->count > 0; j++) {
        KTKI_TRY(narrow(prune, conjunction->literals[j], out, err));
    }
out:
    return status;
}

ktk_status ktki_row_filter_prune(const struct row_filter *filter, struct row_scan *scan,
                                 struct row_ranges *out, ktk_error *err) {
    struct prune prune = {filter, scan, ktki_context_allocator(scan->file->context)};
    struct row_ranges one;
    struct row_ranges sum;
    ktk_status status = KTK_OK;

    ktki_ranges_init(&one, prune.allocator);
    ktki_ranges_init(&sum, prune.allocator);
    for (size_t i = 0; i < filter->where->conjunction_count; i++) {
        ktki_ranges_reset(&one);
        ktki_ranges_reset(&sum);
        KTKI_TRY(prune_conjunction(&prune, &filter->where->conjunctions[i], &one, err));
        KTKI_TRY(ktki_ranges_unite(&sum, out, &one, err));
        ktki_ranges_swap(out, &sum);
    }
out:
    ktki_ranges_clear(&one);
    ktki_ranges_clear(&sum);
    return status;
}
