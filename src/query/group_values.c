#include "query/group_values.h"

#include <stdlib.h>

#include "arrow/cast.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/index.h"

/* Column of the numbers of partitions where files are read; a name that no table has. */
#define POSITION "ktk.position\x01"

/* ---- one value ---- */

static ktk_status add_pair(struct group_values *values, size_t place, uint32_t value,
                           ktk_error *err) {
    const struct value_place pair = {(uint32_t)place, value};
    uint64_t key = (uint64_t)place << 32 | value;
    uint32_t unused;
    ktk_status status = KTK_OK;

    if (value != UINT32_MAX && ktki_id_table_find(&values->seen, key) == GROUP_ID_NONE) {
        KTKI_TRY(ktki_id_table_insert(&values->seen, key, &unused, err));
        KTKI_TRY(ktki_buffer_append(&values->pairs, &pair, sizeof(pair), err));
    }
out:
    return status;
}

/* Number the values of an array of the type `from`, which is moved. */
static ktk_status number_values(struct group_values *values, struct ArrowArray *array,
                                const struct field *from, uint32_t *numbers, ktk_error *err) {
    struct batch batch = {0};
    int64_t count = array->length;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&batch, values->schema, count, err));
    KTKI_TRY(ktki_array_cast(&batch.columns[0], values->plan->context, array, from,
                             &values->schema->fields[0], err));
    KTKI_TRY(ktki_grouper_add(values->grouper, &batch, numbers, err));
out:
    ktki_batch_clear(&batch);
    return status;
}

/* ---- partition keys: the values in the keys of files ---- */

static ktk_status add_constants(struct group_values *values, ktk_error *err) {
    const struct query_plan *plan = values->plan;
    struct path_constants constants = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_constants_init(&constants, plan, err));
    for (int64_t i = 0; i < plan->partition_count; i++) {
        struct batch batch = {.schema = values->schema, .row_count = 1};
        uint32_t number;

        KTKI_TRY(ktki_constants_set(&constants, ktki_plan_file(plan, plan->partitions[i]), err));
        if (constants.by_field[values->field] != NULL) {
            /* Borrowed: neither batch nor array is cleared. */
            struct ArrowArray value = *constants.by_field[values->field];

            batch.columns = &value;
            KTKI_TRY(ktki_grouper_add(values->grouper, &batch, &number, err));
            KTKI_TRY(add_pair(values, (size_t)i, number, err));
        }
    }
out:
    ktki_constants_clear(&constants);
    return status;
}

/* ---- indices ---- */

struct labelled {
    struct group_values *values;
    struct hash_map places; /* of partitions by label */
    uint32_t number;        /* of the value whose labels come */
};

/* A label that the plan does not have is of a partition that does not matter. */
static ktk_status add_label(void *state, const char *label, size_t size, ktk_error *err) {
    struct labelled *labelled = state;
    const uint64_t *place = ktki_hash_map_find(&labelled->places, label, size);

    return place == NULL ? KTK_OK
                         : add_pair(labelled->values, (size_t)*place, labelled->number, err);
}

static ktk_status add_index_batch(struct labelled *labelled, struct batch *batch, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(labelled->values->plan->context);
    const struct field *fields = batch->schema->fields;
    size_t count = (size_t)batch->row_count;
    uint32_t *numbers = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*numbers), &numbers, err));
    KTKI_TRY(number_values(labelled->values, &batch->columns[0], &fields[0], numbers, err));
    for (size_t row = 0; row < count; row++) {
        labelled->number = numbers[row];
        KTKI_TRY(ktki_index_row_labels(&fields[1], &batch->columns[1], (int64_t)row, add_label,
                                       labelled, err));
    }
out:
    ktki_free_array(allocator, numbers, count, sizeof(*numbers));
    return status;
}

static ktk_status read_index(struct labelled *labelled, struct ArrowArrayStream *stream,
                             ktk_error *err) {
    struct group_values *values = labelled->values;
    struct stream_reader reader = {0};
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_reader_init(&reader, values->plan->context, stream, err));
    /* One of other values was built for something else: it says nothing. */
    while (ktki_cast_is_possible(&reader.schema->fields[0], &values->schema->fields[0])) {
        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(add_index_batch(labelled, &batch, err));
        ktki_batch_clear(&batch);
    }
out:
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    return status;
}

static ktk_status add_index(struct group_values *values, ktk_error *err) {
    const struct query_plan *plan = values->plan;
    struct ArrowArrayStream stream = {.release = NULL};
    struct labelled labelled = {.values = values};
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&labelled.places, ktki_context_allocator(plan->context));
    for (int64_t i = 0; i < plan->partition_count; i++) {
        const char *label = ktk_dataset_partition_label(plan->dataset, plan->partitions[i]);
        uint64_t *unused;

        KTKI_TRY(ktki_hash_map_insert(&labelled.places, label, strlen(label), (uint64_t)i, &unused,
                                      NULL, err));
    }
    status = ktk_dataset_index_stream(&stream, plan->dataset,
                                      plan->schema->fields[values->field].name, err);
    if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK; /* its file is missing: it knows nothing */
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(read_index(&labelled, &stream, err));
out:
    ktki_stream_clear(&stream);
    ktki_hash_map_clear(&labelled.places);
    return status;
}

/* ---- files: of partitions that nothing is known of ---- */

struct unknown {
    int64_t *partitions; /* numbers in the dataset */
    size_t *places;      /* of these in the plan */
    size_t count;
};

static ktk_status find_unknown(struct unknown *unknown, const struct group_values *values,
                               ktk_error *err) {
    const struct query_plan *plan = values->plan;
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    const struct value_place *pairs = (const struct value_place *)(void *)values->pairs.data;
    size_t count = (size_t)plan->partition_count;
    bool *is_known = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*is_known), &is_known, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*unknown->partitions), &unknown->partitions,
                              err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*unknown->places), &unknown->places, err));
    for (size_t i = 0; i < values->pairs.size / sizeof(*pairs); i++) {
        is_known[pairs[i].place] = true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_known[i]) {
            unknown->partitions[unknown->count] = plan->partitions[i];
            unknown->places[unknown->count++] = i;
        }
    }
out:
    ktki_free_array(allocator, is_known, count, sizeof(*is_known));
    return status;
}

/* The rows of a batch are of one partition. */
static ktk_status add_file_batch(struct group_values *values, struct batch *batch, size_t place,
                                 ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(values->plan->context);
    size_t count = (size_t)batch->row_count;
    uint32_t *numbers = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*numbers), &numbers, err));
    KTKI_TRY(number_values(values, &batch->columns[0], &batch->schema->fields[0], numbers, err));
    for (size_t row = 0; row < count; row++) {
        KTKI_TRY(add_pair(values, place, numbers[row], err));
    }
out:
    ktki_free_array(allocator, numbers, count, sizeof(*numbers));
    return status;
}

static ktk_status read_files(struct group_values *values, const struct unknown *unknown,
                             ktk_error *err) {
    const char *column = values->schema->fields[0].name;
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct stream_reader reader = {0};
    struct batch batch = {0};
    size_t at = 0;
    ktk_status status = KTK_OK;

    options.table = values->plan->table;
    options.columns = &column;
    options.column_count = 1;
    options.partitions = unknown->partitions;
    options.partition_count = unknown->count;
    options.position_column = POSITION;
    KTKI_TRY(ktk_query_stream(&stream, values->plan->dataset, &options, err));
    KTKI_TRY(ktki_reader_init(&reader, values->plan->context, &stream, err));
    for (;;) {
        struct array_view position;
        int64_t partition;

        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        ktki_array_view(&batch.columns[1], &batch.schema->fields[1].type, &position);
        partition = ((const int64_t *)position.values)[position.offset];
        while (unknown->partitions[at] != partition) {
            at++; /* batches come in the order asked for */
        }
        KTKI_TRY(add_file_batch(values, &batch, unknown->places[at], err));
        ktki_batch_clear(&batch);
    }
out:
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    return status;
}

static ktk_status add_files(struct group_values *values, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(values->plan->context);
    size_t count = (size_t)values->plan->partition_count;
    struct unknown unknown = {.count = 0};
    ktk_status status = KTK_OK;

    KTKI_TRY(find_unknown(&unknown, values, err));
    if (unknown.count > 0) {
        KTKI_TRY(read_files(values, &unknown, err));
    }
out:
    ktki_free_array(allocator, unknown.places, count, sizeof(*unknown.places));
    ktki_free_array(allocator, unknown.partitions, count, sizeof(*unknown.partitions));
    return status;
}

/* ---- the whole ---- */

static int compare_pairs(const void *a, const void *b) {
    const struct value_place *one = a;
    const struct value_place *other = b;

    return one->place != other->place
               ? (one->place < other->place ? -1 : 1)
               : (one->value < other->value ? -1 : one->value > other->value);
}

static ktk_status init(struct group_values *values, const struct query_plan *plan, int32_t field,
                       ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    const int32_t only = 0;
    ktk_status status = KTK_OK;

    *values = (struct group_values){.plan = plan, .field = field};
    ktki_buffer_init(&values->pairs, allocator, 0);
    KTKI_TRY(ktki_schema_select(&values->schema, plan->schema, &field, 1, false, err));
    ktki_field_decode(&values->schema->fields[0]);
    KTKI_TRY(ktki_id_table_init(&values->seen, allocator, err));
    KTKI_TRY(ktki_grouper_new(&values->grouper, plan->context, values->schema, &only, 1, err));
    if (plan->partition_count > UINT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "too many partitions to be grouped");
    }
out:
    return status;
}

ktk_status ktki_group_values_find(struct group_values *out, const struct query_plan *plan,
                                  int32_t field, ktk_error *err) {
    const char *column = plan->schema->fields[field].name;
    bool is_key = ktki_dataset_partition_key_find(plan->dataset, column) >= 0;
    struct group_values values = {0};
    ktk_status status = KTK_OK;

    if (!is_key && ktki_index_find(plan->dataset, column) < 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "column '%s' is no partition key of dataset '%s' and has no index", column,
                  ktk_dataset_uuid(plan->dataset));
    }
    KTKI_TRY(init(&values, plan, field, err));
    KTKI_TRY(is_key ? add_constants(&values, err) : add_index(&values, err));
    KTKI_TRY(add_files(&values, err));
    if (values.pairs.size > 0) {
        qsort(values.pairs.data, values.pairs.size / sizeof(struct value_place),
              sizeof(struct value_place), compare_pairs);
    }
    KTKI_TRY(ktki_grouper_keys(values.grouper, &values.values, err));
    *out = values;
    values = (struct group_values){0};
out:
    ktki_group_values_clear(&values);
    return status;
}

void ktki_group_values_clear(struct group_values *values) {
    if (values->plan == NULL) {
        return;
    }
    ktki_batch_clear(&values->values);
    ktki_buffer_clear(&values->pairs);
    ktki_id_table_clear(&values->seen);
    ktki_grouper_free(values->grouper);
    ktki_schema_free(values->schema);
    *values = (struct group_values){0};
}
