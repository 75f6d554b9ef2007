#include "update/index_merge.h"

#include <stdlib.h>

#include "arrow/builder.h"
#include "arrow/cast.h"
#include "arrow/group_rows.h"
#include "arrow/sort_rows.h"
#include "arrow/stream.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/writer.h"

/* As the originals have it. */
#define ROW_GROUP_ROWS 10000

void ktki_index_merge_init(struct index_merge *out, ktk_context *context,
                           const struct field *field) {
    const ktk_allocator *allocator = ktki_context_allocator(context);

    *out = (struct index_merge){.context = context, .field = field};
    ktki_hash_map_init(&out->labels, allocator);
    ktki_buffer_init(&out->label_texts, allocator, 0);
    ktki_buffer_init(&out->pieces, allocator, 0);
    ktki_buffer_init(&out->counts, allocator, 0);
    ktki_buffer_init(&out->numbers, allocator, 0);
}

static struct ArrowArray *pieces_of(const struct index_merge *merge, size_t *count) {
    *count = merge->pieces.size / sizeof(struct ArrowArray);
    return (struct ArrowArray *)(void *)merge->pieces.data;
}

void ktki_index_merge_clear(struct index_merge *merge) {
    struct ArrowArray *pieces;
    size_t count;

    if (merge->context == NULL) {
        return;
    }
    pieces = pieces_of(merge, &count);
    for (size_t i = 0; i < count; i++) {
        ktki_array_clear(&pieces[i]);
    }
    ktki_buffer_clear(&merge->numbers);
    ktki_buffer_clear(&merge->counts);
    ktki_buffer_clear(&merge->pieces);
    ktki_buffer_clear(&merge->label_texts);
    ktki_hash_map_clear(&merge->labels);
    *merge = (struct index_merge){0};
}

ktk_status ktki_index_merge_label(struct index_merge *merge, const char *label, ktk_error *err) {
    uint64_t number = merge->label_texts.size / sizeof(label);
    uint64_t *place;
    ktk_status status = KTK_OK;

    if (number >= UINT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "an index of more than 2^32 - 1 partitions");
    }
    KTKI_TRY(ktki_hash_map_insert(&merge->labels, label, strlen(label), number, &place, NULL, err));
    KTKI_TRY(ktki_buffer_append(&merge->label_texts, &label, sizeof(label), err));
out:
    return status;
}

static ktk_status add_piece(struct index_merge *merge, struct ArrowArray *values, ktk_error *err) {
    ktk_status status = ktki_buffer_append(&merge->pieces, values, sizeof(*values), err);

    if (status == KTK_OK) {
        *values = (struct ArrowArray){.release = NULL}; /* it has moved */
    }
    return status;
}

ktk_status ktki_index_merge_values(struct index_merge *merge, uint32_t label,
                                   struct ArrowArray *values, ktk_error *err) {
    static const uint32_t one = 1;
    int64_t count = values->length;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_reserve(&merge->counts, (size_t)count * sizeof(one), err));
    KTKI_TRY(ktki_buffer_reserve(&merge->numbers, (size_t)count * sizeof(label), err));
    for (int64_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_buffer_append(&merge->counts, &one, sizeof(one), err));
        KTKI_TRY(ktki_buffer_append(&merge->numbers, &label, sizeof(label), err));
    }
    KTKI_TRY(add_piece(merge, values, err));
out:
    return status;
}

/* ---- files ---- */

/* Receives the labels of one value. */
struct list_state {
    struct index_merge *merge;
    uint8_t *known;
    uint32_t count;
};

static ktk_status take_label(void *state, const char *label, size_t size, ktk_error *err) {
    struct list_state *list = state;
    const uint64_t *found = ktki_hash_map_find(&list->merge->labels, label, size);
    uint32_t number;

    if (found == NULL) {
        return KTK_OK; /* of a partition that is not there any more */
    }
    number = (uint32_t)*found;
    ktki_bit_set(list->known, number);
    list->count++;
    return ktki_buffer_append(&list->merge->numbers, &number, sizeof(number), err);
}

/* A batch of an index file: values in column 0, lists of labels in column 1. */
static ktk_status add_batch(struct index_merge *merge, const struct schema *schema,
                            struct batch *batch, uint8_t *known, ktk_error *err) {
    struct array_view view;
    struct ArrowArray values = {.release = NULL};
    ktk_status status = KTK_OK;

    ktki_array_view(&batch->columns[0], &schema->fields[0].type, &view);
    for (int64_t row = 0; row < batch->row_count; row++) {
        struct list_state list = {merge, known, 0};

        /* A null, which no writer writes, has no labels. */
        if (!ktki_view_is_null(&view, row)) {
            KTKI_TRY(ktki_index_row_labels(&schema->fields[1], &batch->columns[1], row, take_label,
                                           &list, err));
        }
        KTKI_TRY(ktki_buffer_append(&merge->counts, &list.count, sizeof(list.count), err));
    }
    KTKI_TRY(ktki_array_cast(&values, merge->context, &batch->columns[0], &schema->fields[0],
                             merge->field, err));
    KTKI_TRY(add_piece(merge, &values, err));
out:
    ktki_array_clear(&values);
    return status;
}

static ktk_status add_batches(struct index_merge *merge, struct ArrowArrayStream *stream,
                              uint8_t *known, bool *fits, ktk_error *err) {
    struct stream_reader reader = {0};
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_reader_init(&reader, merge->context, stream, err));
    *fits = ktki_cast_is_possible(&reader.schema->fields[0], merge->field);
    while (*fits) {
        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(add_batch(merge, reader.schema, &batch, known, err));
        ktki_batch_clear(&batch);
    }
out:
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    return status;
}

ktk_status ktki_index_merge_file(struct index_merge *merge, ktk_parquet_file *file, uint8_t *known,
                                 bool *fits, ktk_error *err) {
    const char *columns[] = {merge->field->name, KTKI_INDEX_LABELS};
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_status status = KTK_OK;

    options.columns = columns;
    options.column_count = 2;
    KTKI_TRY(ktki_index_check_labels(file, err));
    status = ktk_parquet_read(&stream, file, &options, err);
    if (status == KTK_E_NOT_FOUND) {
        *fits = false;
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(add_batches(merge, &stream, known, fits, err));
    merge->is_cut = merge->is_cut || (*fits && ktki_index_is_cut(file, merge->field->type.id));
out:
    ktki_stream_clear(&stream);
    return status;
}

static ktk_status group_values(struct row_grouper **out, ktk_context *context,
                               struct stream_reader *reader, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct row_grouper *grouper = NULL;
    struct batch batch = {0};
    uint32_t *groups = NULL;
    int32_t column = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_grouper_new(&grouper, context, reader->schema, &column, 1, err));
    for (;;) {
        size_t count;

        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        count = (size_t)batch.row_count;
        KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*groups), &groups, err));
        status = ktki_grouper_add(grouper, &batch, groups, err);
        ktki_free_array(allocator, groups, count, sizeof(*groups));
        KTKI_TRY(status);
        ktki_batch_clear(&batch);
    }
    *out = grouper;
    grouper = NULL;
out:
    ktki_batch_clear(&batch);
    ktki_grouper_free(grouper);
    return status;
}

ktk_status ktki_index_values_of_file(struct ArrowArray *out, ktk_context *context,
                                     ktk_parquet_file *file, const struct field *field,
                                     ktk_error *err) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct stream_reader reader = {0};
    struct row_grouper *grouper = NULL;
    struct batch keys = {0};
    ktk_status status = KTK_OK;

    options.columns = &field->name;
    options.column_count = 1;
    options.keep_dictionaries = true;
    *out = (struct ArrowArray){.release = NULL};
    status = ktk_parquet_read(&stream, file, &options, err);
    if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(ktki_reader_init(&reader, context, &stream, err));
    if (reader.schema->fields[0].type.id == TYPE_NULL) {
        goto out;
    }
    KTKI_TRY(group_values(&grouper, context, &reader, err));
    KTKI_TRY(ktki_grouper_keys(grouper, &keys, err));
    if (keys.row_count > 0) {
        KTKI_TRY(
            ktki_array_cast(out, context, &keys.columns[0], &keys.schema->fields[0], field, err));
    }
out:
    ktki_batch_clear(&keys);
    ktki_grouper_free(grouper);
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    return status;
}

/* ---- writing ---- */

/* All values in one array, numbered: equal ones share a number. */
struct numbered {
    size_t count;      /* of values, through all pieces */
    uint32_t *numbers; /* of each of them; UINT32_MAX: null */
    struct batch distinct;
    uint32_t distinct_count;
    int64_t *order; /* of the distinct values */
};

static void numbered_clear(struct numbered *numbered, const ktk_allocator *allocator) {
    ktki_free_array(allocator, numbered->numbers, numbered->count, sizeof(*numbered->numbers));
    ktki_free_array(allocator, numbered->order, numbered->distinct_count, sizeof(*numbered->order));
    ktki_batch_clear(&numbered->distinct);
}

static ktk_status value_schema(struct schema **out, const struct index_merge *merge,
                               ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, merge->context, 1, err));
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[0], merge->field, err));
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

static ktk_status number_pieces(struct numbered *numbered, struct row_grouper *grouper,
                                const struct index_merge *merge, struct schema *schema,
                                ktk_error *err) {
    size_t piece_count;
    struct ArrowArray *pieces = pieces_of(merge, &piece_count);
    size_t at = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < piece_count; i++) {
        const struct batch view = {schema, pieces[i].length, &pieces[i]}; /* borrows */

        KTKI_TRY(ktki_grouper_add(grouper, &view, numbered->numbers + at, err));
        at += (size_t)pieces[i].length;
    }
out:
    return status;
}

static ktk_status number_values(struct numbered *numbered, const struct index_merge *merge,
                                struct schema *schema, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(merge->context);
    struct row_grouper *grouper = NULL;
    int32_t column = 0;
    ktk_status status = KTK_OK;

    numbered->count = merge->counts.size / sizeof(uint32_t);
    KTKI_TRY(ktki_alloc_array(allocator, numbered->count, sizeof(*numbered->numbers),
                              &numbered->numbers, err));
    KTKI_TRY(ktki_grouper_new(&grouper, merge->context, schema, &column, 1, err));
    KTKI_TRY(number_pieces(numbered, grouper, merge, schema, err));
    KTKI_TRY(ktki_grouper_keys(grouper, &numbered->distinct, err));
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)numbered->distinct.row_count,
                              sizeof(*numbered->order), &numbered->order, err));
    numbered->distinct_count = (uint32_t)numbered->distinct.row_count;
    KTKI_TRY(ktki_sort_rows(numbered->order, merge->context, &numbered->distinct, &column, 1, err));
out:
    ktki_grouper_free(grouper);
    return status;
}

/* Labels by value: those of value v are labels[starts[v]] up to labels[starts[v + 1]]. */
struct label_lists {
    size_t *starts; /* distinct_count + 1 */
    uint32_t *labels;
    size_t label_count;
};

static void lists_clear(struct label_lists *lists, size_t distinct_count,
                        const ktk_allocator *allocator) {
    ktki_free_array(allocator, lists->starts, distinct_count + 1, sizeof(*lists->starts));
    ktki_free_array(allocator, lists->labels, lists->label_count, sizeof(*lists->labels));
}

static ktk_status gather_labels(struct label_lists *lists, const struct index_merge *merge,
                                const struct numbered *numbered, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(merge->context);
    const uint32_t *counts = (const uint32_t *)(const void *)merge->counts.data;
    const uint32_t *from = (const uint32_t *)(const void *)merge->numbers.data;
    size_t distinct = numbered->distinct_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_alloc_zeroed(allocator, distinct + 1, sizeof(*lists->starts), &lists->starts, err));
    KTKI_TRY(ktki_alloc_array(allocator, merge->numbers.size / sizeof(*from),
                              sizeof(*lists->labels), &lists->labels, err));
    lists->label_count = merge->numbers.size / sizeof(*from);
    for (size_t i = 0; i < numbered->count; i++) {
        if (numbered->numbers[i] != UINT32_MAX) {
            lists->starts[numbered->numbers[i]] += counts[i];
        }
    }
    /* Each start is the end of its list until the list is filled, from its end. */
    for (size_t i = 0, sum = 0; i < distinct; i++) {
        sum += lists->starts[i];
        lists->starts[i] = sum;
        lists->starts[distinct] = sum;
    }
    from += lists->label_count;
    for (size_t i = numbered->count; i > 0; i--) {
        for (uint32_t j = counts[i - 1]; j > 0; j--) {
            uint32_t label = *--from;

            if (numbered->numbers[i - 1] != UINT32_MAX) {
                lists->labels[--lists->starts[numbered->numbers[i - 1]]] = label;
            }
        }
    }
out:
    return status;
}

/* Append the labels of a value, each once. `seen[label]` is the last value that it was appended
 * for, counted from 1. */
static ktk_status append_list(struct array_builder *lists, const struct index_merge *merge,
                              const struct label_lists *from, size_t value, uint32_t *seen,
                              ktk_error *err) {
    const char *const *texts = (const char *const *)(const void *)merge->label_texts.data;
    ktk_status status = KTK_OK;

    for (size_t i = from->starts[value]; i < from->starts[value + 1]; i++) {
        uint32_t label = from->labels[i];

        if (seen[label] != (uint32_t)value + 1) {
            seen[label] = (uint32_t)value + 1;
            KTKI_TRY(ktki_builder_append_bytes(ktki_builder_item(lists), texts[label],
                                               strlen(texts[label]), err));
        }
    }
    KTKI_TRY(ktki_builder_end_list(lists, err));
out:
    return status;
}

/* Values and lists in the order of the values, without values that no label is left of. */
static ktk_status build_batch(struct batch *out, const struct index_merge *merge,
                              const struct numbered *numbered, const struct label_lists *lists,
                              ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(merge->context);
    size_t label_count = merge->label_texts.size / sizeof(char *);
    struct array_builder builder = {0};
    uint32_t *seen = NULL;
    int64_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_builder_init(&builder, merge->context, &out->schema->fields[1], err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, label_count, sizeof(*seen), &seen, err));
    for (size_t i = 0; i < numbered->distinct_count; i++) {
        size_t value = (size_t)numbered->order[i];

        if (lists->starts[value] < lists->starts[value + 1]) {
            KTKI_TRY(append_list(&builder, merge, lists, value, seen, err));
            numbered->order[count++] = numbered->order[i];
        }
    }
    KTKI_TRY(ktki_array_take(&out->columns[0], merge->context, merge->field,
                             &numbered->distinct.columns[0], numbered->order, count, err));
    KTKI_TRY(ktki_builder_finish(&builder, &out->columns[1], err));
    out->row_count = count;
out:
    ktki_free_array(allocator, seen, label_count, sizeof(*seen));
    ktki_builder_clear(&builder);
    return status;
}

static ktk_status file_schema(struct schema **out, const struct index_merge *merge,
                              ktk_error *err) {
    static struct field item = {.name = "item", .type = {.id = TYPE_STRING}, .nullable = true};
    static const struct field labels = {.name = KTKI_INDEX_LABELS,
                                        .type = {.id = TYPE_LIST},
                                        .nullable = true,
                                        .child_count = 1,
                                        .children = &item};
    const char *const *texts = (const char *const *)(const void *)merge->label_texts.data;
    struct label_digest digest = {0};
    char text[KTKI_DIGEST_TEXT_SIZE];
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < merge->label_texts.size / sizeof(*texts); i++) {
        ktki_digest_add(&digest, texts[i], strlen(texts[i]));
    }
    ktki_digest_format(&digest, text);
    KTKI_TRY(ktki_schema_new(&schema, merge->context, 2, err));
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[0], merge->field, err));
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[1], &labels, err));
    schema->fields[0].nullable = true;
    KTKI_TRY(ktki_schema_set_key_value(schema, KTKI_INDEX_COVERS, text, strlen(text), err));
    if (merge->is_cut) {
        KTKI_TRY(ktki_schema_set_key_value(schema, KTKI_INDEX_CUT, "1", 1, err));
    }
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

static ktk_status append_bytes(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

static ktk_status write_batch(struct buffer *out, const struct index_merge *merge,
                              struct batch *batch, ktk_error *err) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_parquet_writer *writer = NULL;
    ktk_status status = KTK_OK;

    options.row_group_rows_max = ROW_GROUP_ROWS;
    KTKI_TRY(ktki_parquet_writer_new(&writer, merge->context, batch->schema, &options, append_bytes,
                                     out, err));
    KTKI_TRY(ktki_parquet_writer_take(writer, batch, err));
    KTKI_TRY(ktki_parquet_writer_finish(writer, NULL, err));
out:
    ktki_parquet_writer_free(writer);
    return status;
}

ktk_status ktki_index_merge_write(const struct index_merge *merge, struct buffer *out,
                                  ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(merge->context);
    struct numbered numbered = {0};
    struct label_lists lists = {0};
    struct schema *values = NULL;
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(value_schema(&values, merge, err));
    KTKI_TRY(number_values(&numbered, merge, values, err));
    KTKI_TRY(gather_labels(&lists, merge, &numbered, err));
    KTKI_TRY(file_schema(&schema, merge, err));
    KTKI_TRY(ktki_batch_init(&batch, schema, 0, err));
    KTKI_TRY(build_batch(&batch, merge, &numbered, &lists, err));
    KTKI_TRY(write_batch(out, merge, &batch, err));
out:
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    lists_clear(&lists, numbered.distinct_count, allocator);
    numbered_clear(&numbered, allocator);
    ktki_schema_free(values);
    return status;
}

/* ---- comparing ---- */

static int compare_pairs(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* The pairs of value and label of values from `from` on, ascending; a pair may come twice. */
static void list_pairs(uint64_t *pairs, size_t *count, const struct index_merge *merge,
                       const struct numbered *numbered, size_t from, size_t to, size_t *label_at) {
    const uint32_t *counts = (const uint32_t *)(const void *)merge->counts.data;
    const uint32_t *labels = (const uint32_t *)(const void *)merge->numbers.data;

    *count = 0;
    for (size_t i = from; i < to; i++) {
        for (uint32_t j = 0; j < counts[i]; j++) {
            uint32_t label = labels[(*label_at)++];

            if (numbered->numbers[i] != UINT32_MAX) {
                pairs[(*count)++] = (uint64_t)numbered->numbers[i] << 32 | label;
            }
        }
    }
    if (*count > 1) {
        qsort(pairs, *count, sizeof(*pairs), compare_pairs);
    }
}

static size_t skip_equal(const uint64_t *pairs, size_t count, size_t at) {
    size_t next = at + 1;

    while (next < count && pairs[next] == pairs[at]) {
        next++;
    }
    return next;
}

static void count_gaps(struct index_gap *gaps, const uint64_t *first, size_t first_count,
                       const uint64_t *second, size_t second_count) {
    size_t i = 0;
    size_t j = 0;

    while (i < first_count || j < second_count) {
        bool in_first = j == second_count || (i < first_count && first[i] <= second[j]);
        bool in_second = i == first_count || (j < second_count && second[j] <= first[i]);

        if (in_first && !in_second) {
            gaps[(uint32_t)first[i]].only_first++;
        } else if (in_second && !in_first) {
            gaps[(uint32_t)second[j]].only_second++;
        }
        i = in_first ? skip_equal(first, first_count, i) : i;
        j = in_second ? skip_equal(second, second_count, j) : j;
    }
}

ktk_status ktki_index_merge_compare(const struct index_merge *merge, size_t first_count,
                                    struct index_gap *gaps, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(merge->context);
    size_t room = merge->numbers.size / sizeof(uint32_t);
    struct numbered numbered = {0};
    struct schema *values = NULL;
    uint64_t *pairs = NULL;
    size_t label_at = 0;
    size_t size;
    size_t second_size;
    ktk_status status = KTK_OK;

    KTKI_TRY(value_schema(&values, merge, err));
    KTKI_TRY(number_values(&numbered, merge, values, err));
    KTKI_TRY(ktki_alloc_array(allocator, room, sizeof(*pairs), &pairs, err));
    list_pairs(pairs, &size, merge, &numbered, 0, first_count, &label_at);
    list_pairs(pairs + size, &second_size, merge, &numbered, first_count, numbered.count,
               &label_at);
    count_gaps(gaps, pairs, size, pairs + size, second_size);
out:
    ktki_free_array(allocator, pairs, room, sizeof(*pairs));
    numbered_clear(&numbered, allocator);
    ktki_schema_free(values);
    return status;
}
