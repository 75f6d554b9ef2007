#include "arrow/group_rows.h"

#include <assert.h>

#include "arrow/group_column.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/*
 * Each key column numbers its values by themselves. A group of the first k + 1 columns is a pair: a
 * group of the first k columns and the number of a value in the next one. So every table but those
 * of the columns maps 64-bit numbers to 32-bit ones, exactly, and whole keys are never hashed or
 * compared.
 */
struct level {
    struct id_table groups; /* by pair */
    struct buffer pairs;    /* uint64_t, by group: (group before) << 32 | number of the value */
};

struct row_grouper {
    ktk_context *context;  /* a reference */
    struct schema *schema; /* a reference */
    int32_t key_count;
    int32_t *keys;
    struct key_column *columns;
    struct level *levels; /* key_count - 1; level k joins column k + 1 to what is before */
    int64_t null_count;
};

/* Rows that are worked on at a time, so that what passes from column to column stays near. */
#define BLOCK_ROWS 4096

static void level_clear(struct level *level) {
    ktki_id_table_clear(&level->groups);
    if (level->pairs.allocator != NULL) {
        ktki_buffer_clear(&level->pairs);
    }
}

static ktk_status level_init(struct level *level, const ktk_allocator *allocator, ktk_error *err) {
    ktki_buffer_init(&level->pairs, allocator, 0);
    return ktki_id_table_init(&level->groups, allocator, err);
}

static ktk_status allocate_keys(struct row_grouper *grouper, const int32_t *keys, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(grouper->context);
    size_t count = (size_t)grouper->key_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*grouper->keys), &grouper->keys, err));
    memcpy(grouper->keys, keys, count * sizeof(*keys));
    KTKI_TRY(
        ktki_alloc_zeroed(allocator, count, sizeof(*grouper->columns), &grouper->columns, err));
    KTKI_TRY(
        ktki_alloc_zeroed(allocator, count - 1, sizeof(*grouper->levels), &grouper->levels, err));
out:
    return status;
}

ktk_status ktki_grouper_new(struct row_grouper **out, ktk_context *context, struct schema *schema,
                            const int32_t *keys, int32_t key_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct row_grouper *grouper = NULL;
    ktk_status status = KTK_OK;

    assert(key_count > 0);
    KTKI_TRY(KTKI_NEW(allocator, &grouper, err));
    grouper->context = ktk_context_ref(context);
    grouper->schema = ktki_schema_ref(schema);
    grouper->key_count = key_count;
    KTKI_TRY(allocate_keys(grouper, keys, err));
    for (int32_t i = 0; i < key_count; i++) {
        assert(keys[i] >= 0 && keys[i] < schema->field_count);
        KTKI_TRY(
            ktki_key_column_init(&grouper->columns[i], context, &schema->fields[keys[i]], err));
        if (i > 0) {
            KTKI_TRY(level_init(&grouper->levels[i - 1], allocator, err));
        }
    }
    *out = grouper;
    grouper = NULL;
out:
    ktki_grouper_free(grouper);
    return status;
}

void ktki_grouper_free(struct row_grouper *grouper) {
    const ktk_allocator *allocator;
    ktk_context *context;
    size_t count;

    if (grouper == NULL) {
        return;
    }
    context = grouper->context;
    allocator = ktki_context_allocator(context);
    count = (size_t)grouper->key_count;
    for (size_t i = 0; grouper->columns != NULL && i < count; i++) {
        ktki_key_column_clear(&grouper->columns[i]);
    }
    for (size_t i = 0; grouper->levels != NULL && i + 1 < count; i++) {
        level_clear(&grouper->levels[i]);
    }
    ktki_free_array(allocator, grouper->keys, count, sizeof(*grouper->keys));
    ktki_free_array(allocator, grouper->columns, count, sizeof(*grouper->columns));
    ktki_free_array(allocator, grouper->levels, count - 1, sizeof(*grouper->levels));
    ktki_schema_free(grouper->schema);
    KTKI_DELETE(allocator, grouper);
    ktk_context_free(context);
}

static ktk_status __attribute__((noinline)) add_pair(struct level *level, uint64_t pair,
                                                     uint32_t *group, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(&level->pairs, &pair, sizeof(pair), err));
    KTKI_TRY(ktki_id_table_insert(&level->groups, pair, group, err));
out:
    return status;
}

/* Groups of the columns so far become groups that tell the next column's values apart, too. */
static ktk_status join_column(struct level *level, uint32_t *groups, const uint32_t *ids,
                              int64_t count, ktk_error *err) {
    uint64_t last_pair = 0;
    uint32_t last_group = GROUP_ID_NONE;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < count; i++) {
        uint64_t pair = (uint64_t)groups[i] << 32 | ids[i];
        if (groups[i] == GROUP_ID_NONE || ids[i] == GROUP_ID_NONE) {
            groups[i] = GROUP_ID_NONE;
            continue;
        }
        if (pair != last_pair || last_group == GROUP_ID_NONE) {
            last_pair = pair;
            last_group = ktki_id_table_find(&level->groups, pair);
            if (last_group == GROUP_ID_NONE) {
                KTKI_TRY(add_pair(level, pair, &last_group, err));
            }
        }
        groups[i] = last_group;
    }
out:
    return status;
}

static ktk_status add_block(struct row_grouper *grouper, struct key_rows *rows, int64_t start,
                            int64_t count, uint32_t *groups, ktk_error *err) {
    uint32_t ids[BLOCK_ROWS];
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < grouper->key_count; i++) {
        struct key_column *column = &grouper->columns[i];
        rows[i].start = start;
        rows[i].count = count;
        KTKI_TRY(column->number(column, &rows[i], i == 0 ? groups : ids, err));
        if (i > 0) {
            KTKI_TRY(join_column(&grouper->levels[i - 1], groups, ids, count, err));
        }
    }
    for (int64_t i = 0; i < count; i++) {
        grouper->null_count += groups[i] == GROUP_ID_NONE ? 1 : 0;
    }
out:
    return status;
}

ktk_status ktki_grouper_add(struct row_grouper *grouper, const struct batch *batch,
                            uint32_t *groups, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(grouper->context);
    size_t key_count = (size_t)grouper->key_count;
    struct key_rows *rows = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, key_count, sizeof(*rows), &rows, err));
    for (size_t i = 0; i < key_count; i++) {
        assert(ktki_type_equals(&batch->schema->fields[grouper->keys[i]].type,
                                &grouper->columns[i].field->type));
        KTKI_TRY(ktki_key_column_begin(&grouper->columns[i], &batch->columns[grouper->keys[i]],
                                       &rows[i], err));
    }
    for (int64_t start = 0; start < batch->row_count; start += BLOCK_ROWS) {
        int64_t left = batch->row_count - start;
        KTKI_TRY(add_block(grouper, rows, start, left < BLOCK_ROWS ? left : BLOCK_ROWS,
                           groups + start, err));
    }
out:
    ktki_free_array(allocator, rows, key_count, sizeof(*rows));
    return status;
}

uint32_t ktki_grouper_group_count(const struct row_grouper *grouper) {
    return grouper->key_count == 1 ? ktki_key_column_count(&grouper->columns[0])
                                   : grouper->levels[grouper->key_count - 2].groups.id_count;
}

int64_t ktki_grouper_null_count(const struct row_grouper *grouper) {
    return grouper->null_count;
}

static ktk_status keys_schema(const struct row_grouper *grouper, struct schema **out,
                              ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, grouper->context, grouper->key_count, err));
    for (int32_t i = 0; i < grouper->key_count; i++) {
        struct field field = *grouper->columns[i].values;
        field.name = grouper->columns[i].field->name;
        KTKI_TRY(ktki_field_copy(schema, &schema->fields[i], &field, err));
    }
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

/* Split groups of level `key` into the groups before, in place, and the values of their column. */
static void split_groups(const struct row_grouper *grouper, int32_t key, int64_t *groups,
                         int64_t *ids, int64_t count) {
    const uint64_t *pairs;

    if (key == 0) {
        memcpy(ids, groups, (size_t)count * sizeof(*ids));
        return;
    }
    pairs = (const uint64_t *)(const void *)grouper->levels[key - 1].pairs.data;
    for (int64_t i = 0; i < count; i++) {
        uint64_t pair = pairs[groups[i]];
        ids[i] = (int64_t)(pair & UINT32_MAX);
        groups[i] = (int64_t)(pair >> 32);
    }
}

static ktk_status take_keys(const struct row_grouper *grouper, int64_t *groups, int64_t *ids,
                            struct batch *batch, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < batch->row_count; i++) {
        groups[i] = i;
    }
    for (int32_t key = grouper->key_count - 1; key >= 0; key--) {
        split_groups(grouper, key, groups, ids, batch->row_count);
        KTKI_TRY(ktki_key_column_take(&grouper->columns[key], ids, batch->row_count,
                                      &batch->columns[key], err));
    }
out:
    return status;
}

ktk_status ktki_grouper_keys(const struct row_grouper *grouper, struct batch *out, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(grouper->context);
    size_t count = ktki_grouper_group_count(grouper);
    struct schema *schema = NULL;
    struct batch batch = {0};
    int64_t *groups = NULL;
    int64_t *ids = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(keys_schema(grouper, &schema, err));
    KTKI_TRY(ktki_batch_init(&batch, schema, (int64_t)count, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*groups), &groups, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*ids), &ids, err));
    KTKI_TRY(take_keys(grouper, groups, ids, &batch, err));
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_free_array(allocator, groups, count, sizeof(*groups));
    ktki_free_array(allocator, ids, count, sizeof(*ids));
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    return status;
}
