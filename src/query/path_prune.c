#include "query/path_prune.h"

#include <string.h>

#include "arrow/builder.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"

/* Partitions that follow each other in one folder have the same values in their paths. */
struct folder {
    int64_t first; /* index of its first partition */
    int64_t row;   /* of its values in the columns; -1: it was looked at alone */
    bool matches;
};

/* The values of all folders make one column a key, so that the predicate is evaluated once. */
struct folders {
    const struct query_plan *plan;
    const ktk_allocator *allocator;
    struct path_constants constants; /* of a folder that is looked at alone */
    struct arena arena;              /* of the parts of one key */
    const struct key_pair **pairs;   /* by key, of the folder at hand */
    struct array_builder *builders;  /* by key */
    struct ArrowArray *columns;      /* by key */
    int64_t row_count;
    struct buffer items; /* struct folder */
};

static ktk_status folders_init(struct folders *folders, const struct query_plan *plan,
                               ktk_error *err) {
    size_t key_count = (size_t)plan->key_count;
    ktk_status status = KTK_OK;

    folders->plan = plan;
    folders->allocator = ktki_context_allocator(plan->context);
    ktki_arena_init(&folders->arena, folders->allocator);
    ktki_buffer_init(&folders->items, folders->allocator, 0);
    KTKI_TRY(ktki_constants_init(&folders->constants, plan, err));
    KTKI_TRY(ktki_alloc_zeroed(folders->allocator, key_count, sizeof(*folders->pairs),
                               &folders->pairs, err));
    KTKI_TRY(ktki_alloc_zeroed(folders->allocator, key_count, sizeof(*folders->builders),
                               &folders->builders, err));
    KTKI_TRY(ktki_alloc_zeroed(folders->allocator, key_count, sizeof(*folders->columns),
                               &folders->columns, err));
out:
    return status;
}

static void folders_clear(struct folders *folders) {
    size_t key_count = (size_t)folders->plan->key_count;

    for (size_t i = 0; i < key_count && folders->columns != NULL; i++) {
        ktki_builder_clear(&folders->builders[i]);
        ktki_array_clear(&folders->columns[i]);
    }
    ktki_free_array(folders->allocator, folders->columns, key_count, sizeof(*folders->columns));
    ktki_free_array(folders->allocator, folders->builders, key_count, sizeof(*folders->builders));
    ktki_free_array(folders->allocator, folders->pairs, key_count, sizeof(*folders->pairs));
    ktki_constants_clear(&folders->constants);
    ktki_buffer_clear(&folders->items);
    ktki_arena_clear(&folders->arena);
}

/* ---- values ---- */

/* Find the value of each key; the first one counts. `*is_whole` false: a key has none. */
static ktk_status find_pairs(struct folders *folders, const char *key, bool *is_whole,
                             ktk_error *err) {
    const struct query_plan *plan = folders->plan;
    struct key_parts parts = {0};
    int32_t left = plan->key_count;
    ktk_status status = KTK_OK;

    ktki_arena_reset(&folders->arena);
    for (int32_t i = 0; i < plan->key_count; i++) {
        folders->pairs[i] = NULL;
    }
    KTKI_TRY(ktki_key_decode(&parts, &folders->arena, key, err));
    for (int32_t i = 0; i < parts.pair_count; i++) {
        int32_t at = ktki_plan_find_key(plan, &parts.pairs[i]);

        if (at >= 0 && folders->pairs[at] == NULL) {
            folders->pairs[at] = &parts.pairs[i];
            left--;
        }
    }
    *is_whole = left == 0;
out:
    return status;
}

static ktk_status append_values(struct folders *folders, ktk_error *err) {
    const struct query_plan *plan = folders->plan;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < plan->key_count; i++) {
        const struct field *field = &plan->schema->fields[plan->keys[i].field];
        const struct key_pair *pair = folders->pairs[i];
        bool fits = false;

        if (folders->row_count == 0) {
            KTKI_TRY(ktki_builder_init(&folders->builders[i], plan->context, field, err));
        }
        KTKI_TRY(ktki_value_append_text(&fits, &folders->builders[i], field, pair->value,
                                        pair->value_size, err));
        if (!fits) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "the value of column '%s' is none", field->name);
        }
    }
    folders->row_count++;
out:
    return status;
}

static ktk_status look_alone(struct folders *folders, const char *key, bool *matches,
                             ktk_error *err) {
    struct bound_predicate *rest = NULL;
    bool is_false = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_constants_set(&folders->constants, key, err));
    KTKI_TRY(ktki_bound_reduce(&rest, &is_false, folders->plan->context, folders->plan->where,
                               folders->constants.by_field, err));
    *matches = !is_false;
out:
    ktki_bound_free(rest);
    return status;
}

static ktk_status add_folder(struct folders *folders, int64_t first, const char *key,
                             ktk_error *err) {
    struct folder folder = {.first = first, .row = -1};
    bool is_whole = false;
    ktk_status status = KTK_OK;

    status = find_pairs(folders, key, &is_whole, err);
    if (status == KTK_OK && is_whole) {
        folder.row = folders->row_count;
        status = append_values(folders, err);
    }
    if (status == KTK_E_NO_MEMORY) {
        goto out;
    }
    if (status != KTK_OK || !is_whole) {
        ktk_status failure = status;

        /* What is wrong with a path is told in one place. */
        KTKI_TRY(look_alone(folders, key, &folder.matches, err));
        status = failure;
    }
    KTKI_TRY(status);
    KTKI_TRY(ktki_buffer_append(&folders->items, &folder, sizeof(folder), err));
out:
    return status;
}

/* ---- the predicate ---- */

static ktk_status evaluate(struct folders *folders, uint8_t *mask, ktk_error *err) {
    const struct query_plan *plan = folders->plan;
    size_t field_count = (size_t)plan->schema->field_count;
    const struct ArrowArray **columns = NULL;
    const struct field **fields = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(folders->allocator, field_count, sizeof(*columns), &columns, err));
    KTKI_TRY(ktki_alloc_zeroed(folders->allocator, field_count, sizeof(*fields), &fields, err));
    for (int32_t i = 0; i < plan->key_count; i++) {
        int32_t field = plan->keys[i].field;

        KTKI_TRY(ktki_builder_finish(&folders->builders[i], &folders->columns[i], err));
        columns[field] = &folders->columns[i];
        fields[field] = &plan->schema->fields[field];
    }
    KTKI_TRY(ktki_bound_may_match(plan->where, fields, columns, folders->row_count, mask, err));
out:
    ktki_free_array(folders->allocator, fields, field_count, sizeof(*fields));
    ktki_free_array(folders->allocator, columns, field_count, sizeof(*columns));
    return status;
}

static ktk_status answer_rows(struct folders *folders, ktk_error *err) {
    struct folder *items = (struct folder *)(void *)folders->items.data;
    size_t count = folders->items.size / sizeof(*items);
    size_t size = ktki_bits_size(folders->row_count);
    uint8_t *mask = NULL;
    ktk_status status = KTK_OK;

    if (folders->row_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_alloc_zeroed(folders->allocator, size, 1, &mask, err));
    KTKI_TRY(evaluate(folders, mask, err));
    for (size_t i = 0; i < count; i++) {
        if (items[i].row >= 0) {
            items[i].matches = ktki_bit_get(mask, items[i].row);
        }
    }
out:
    ktki_free_array(folders->allocator, mask, size, 1);
    return status;
}

/* ---- partitions ---- */

static size_t folder_size(const char *key) {
    const char *name = strrchr(key, '/');

    return name == NULL ? 0 : (size_t)(name - key);
}

static ktk_status add_folders(struct folders *folders, const int64_t *partitions, int64_t count,
                              ktk_error *err) {
    const char *last = NULL;
    size_t last_size = 0;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < count; i++) {
        const char *key = ktki_plan_file(folders->plan, partitions[i]);
        size_t size = folder_size(key);

        if (last == NULL || size != last_size || memcmp(key, last, size) != 0) {
            KTKI_TRY(add_folder(folders, i, key, err));
            last = key;
            last_size = size;
        }
    }
out:
    return status;
}

ktk_status ktki_path_prune(const struct query_plan *plan, int64_t *partitions, int64_t *count,
                           ktk_error *err) {
    struct folders folders = {.plan = plan};
    const struct folder *items;
    size_t folder_count;
    int64_t kept = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(folders_init(&folders, plan, err));
    KTKI_TRY(add_folders(&folders, partitions, *count, err));
    KTKI_TRY(answer_rows(&folders, err));
    items = (const struct folder *)(const void *)folders.items.data;
    folder_count = folders.items.size / sizeof(*items);
    for (size_t i = 0; i < folder_count; i++) {
        int64_t end = i + 1 < folder_count ? items[i + 1].first : *count;

        for (int64_t j = items[i].first; j < end && items[i].matches; j++) {
            partitions[kept++] = partitions[j];
        }
    }
    *count = kept;
out:
    folders_clear(&folders);
    return status;
}
