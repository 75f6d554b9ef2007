#include "update/document_diff.h"

#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"

#define NESTING_MAX 64

/* ---- partitions ---- */

static bool files_equal(const struct partition *a, const struct partition *b) {
    if (a->file_count != b->file_count) {
        return false;
    }
    for (int32_t i = 0; i < a->file_count; i++) {
        int32_t j = 0;

        while (j < b->file_count && strcmp(a->files[i].table, b->files[j].table) != 0) {
            j++;
        }
        if (j == b->file_count || strcmp(a->files[i].key, b->files[j].key) != 0) {
            return false;
        }
    }
    return true;
}

static bool partitions_equal(const struct partition *a, const struct partition *b) {
    return strcmp(a->label, b->label) == 0 && files_equal(a, b);
}

static ktk_status add_position(struct buffer *out, int64_t position, ktk_error *err) {
    return ktki_buffer_append(out, &position, sizeof(position), err);
}

static ktk_status diff_partitions(struct document_diff *diff, ktk_error *err) {
    const struct document *from = ktki_dataset_document(diff->from);
    const struct document *to = ktki_dataset_document(diff->to);
    int64_t common = 0; /* most commits append: the old partitions stand in front as they were */
    struct hash_map labels;
    uint64_t *position;
    bool *is_kept = NULL;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&labels, diff->arena.allocator);
    while (common < from->partition_count && common < to->partition_count &&
           partitions_equal(&from->partitions[common], &to->partitions[common])) {
        common++;
    }
    KTKI_TRY(ktki_arena_zeroed(&diff->arena, (size_t)(from->partition_count - common) + 1,
                               sizeof(*is_kept), &is_kept, err));
    for (int64_t i = common; i < from->partition_count; i++) {
        const char *label = from->partitions[i].label;

        KTKI_TRY(
            ktki_hash_map_insert(&labels, label, strlen(label), (uint64_t)i, &position, NULL, err));
    }
    for (int64_t i = common; i < to->partition_count; i++) {
        const char *label = to->partitions[i].label;

        position = ktki_hash_map_find(&labels, label, strlen(label));
        if (position != NULL && files_equal(&from->partitions[*position], &to->partitions[i])) {
            is_kept[(int64_t)*position - common] = true;
        } else {
            KTKI_TRY(add_position(&diff->added, i, err));
        }
    }
    for (int64_t i = common; i < from->partition_count; i++) {
        const char *label = from->partitions[i].label;

        if (!is_kept[i - common]) {
            KTKI_TRY(add_position(&diff->removed, i, err));
            KTKI_TRY(ktki_hash_map_insert(&diff->removed_set, label, strlen(label), (uint64_t)i,
                                          &position, NULL, err));
        }
    }
out:
    ktki_hash_map_clear(&labels);
    return status;
}

/* ---- indices ---- */

static const struct document_index *find_index(const struct document *document,
                                               const char *column) {
    for (int32_t i = 0; i < document->index_count; i++) {
        if (strcmp(document->indices[i].column, column) == 0) {
            return &document->indices[i];
        }
    }
    return NULL;
}

static bool indices_equal(const struct document_index *a, const struct document_index *b) {
    if (a->key != NULL && b->key != NULL) {
        return strcmp(a->key, b->key) == 0;
    }
    return a->key == b->key && a->embedded_size == b->embedded_size &&
           memcmp(a->embedded, b->embedded, a->embedded_size) == 0;
}

static ktk_status diff_indices(struct document_diff *diff, const struct document *a,
                               const struct document *b, bool is_second, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < a->index_count; i++) {
        const struct document_index *other = find_index(b, a->indices[i].column);

        if (other == NULL || (!is_second && !indices_equal(&a->indices[i], other))) {
            KTKI_TRY(
                ktki_buffer_append(&diff->indices, &a->indices[i].column, sizeof(char *), err));
        }
    }
out:
    return status;
}

/* ---- metadata ---- */

static bool is_of_the_user(const struct json_reader *json) {
    return !ktki_json_is(json, KTKI_COMMIT_KEY) && !ktki_json_is(json, KTKI_RECENT_KEY) &&
           !ktki_json_is(json, KTKI_CREATION_TIME_KEY);
}

/* Keys of `a` that `b` has not, or with another value; the second time round values are equal or
 * counted already. */
static ktk_status diff_metadata(struct document_diff *diff, const struct document *a,
                                const struct document *b, bool is_second, ktk_error *err) {
    const ktk_allocator *allocator = diff->arena.allocator;
    struct json_reader json;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&json, allocator, a->metadata, a->metadata_size, NESTING_MAX);
    KTKI_TRY(ktki_json_expect(&json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        const char *key;
        const char *value;
        const char *other;
        size_t value_size;
        size_t other_size;

        KTKI_TRY(ktki_json_next(&json, &event, err));
        if (event != JSON_KEY) {
            break;
        }
        if (!is_of_the_user(&json)) {
            KTKI_TRY(ktki_json_skip(&json, NULL, NULL, err));
            continue;
        }
        KTKI_TRY(ktki_arena_text(&diff->arena, json.text, json.text_size, &key, err));
        KTKI_TRY(ktki_json_skip(&json, &value, &value_size, err));
        KTKI_TRY(ktki_metadata_value(&other, &other_size, b->metadata, b->metadata_size, key,
                                     allocator, err));
        if (other == NULL ||
            (!is_second && (value_size != other_size || memcmp(value, other, value_size) != 0))) {
            KTKI_TRY(ktki_buffer_append(&diff->metadata, &key, sizeof(key), err));
        }
    }
out:
    ktki_json_reader_clear(&json);
    return status;
}

/* ---- the rest ---- */

static bool schemas_differ(const struct commit_record *from, const struct commit_record *to) {
    for (int32_t i = 0; i < to->schema_count; i++) {
        const struct schema_stamp *old = ktki_commit_stamp(from, to->schemas[i].table);

        if (old != NULL && strcmp(old->hash, to->schemas[i].hash) != 0) {
            return true;
        }
    }
    return false;
}

static ktk_status find_recreation(struct document_diff *diff, ktk_error *err) {
    const struct document *from = ktki_dataset_document(diff->from);
    const struct document *to = ktki_dataset_document(diff->to);
    const char *before;
    const char *after;
    size_t before_size;
    size_t after_size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_metadata_value(&before, &before_size, from->metadata, from->metadata_size,
                                 KTKI_CREATION_TIME_KEY, diff->arena.allocator, err));
    KTKI_TRY(ktki_metadata_value(&after, &after_size, to->metadata, to->metadata_size,
                                 KTKI_CREATION_TIME_KEY, diff->arena.allocator, err));
    /* Without a time there is nothing to compare: whoever writes next adds one. */
    diff->is_recreated = before != NULL && (after == NULL || before_size != after_size ||
                                            memcmp(before, after, before_size) != 0);
    diff->is_recreated = diff->is_recreated || from->partition_key_count != to->partition_key_count;
    for (int32_t i = 0; !diff->is_recreated && i < from->partition_key_count; i++) {
        diff->is_recreated = strcmp(from->partition_keys[i], to->partition_keys[i]) != 0;
    }
out:
    return status;
}

ktk_status ktki_document_diff(struct document_diff *out, ktk_dataset *from, ktk_dataset *to,
                              ktk_error *err) {
    const ktk_allocator *allocator =
        ktki_context_allocator(ktk_store_context(ktk_dataset_store(from)));
    const struct document *old = ktki_dataset_document(from);
    const struct document *new = ktki_dataset_document(to);
    struct document_diff diff = {.from = from, .to = to};
    ktk_status status = KTK_OK;

    ktki_arena_init(&diff.arena, allocator);
    ktki_buffer_init(&diff.added, allocator, 0);
    ktki_buffer_init(&diff.removed, allocator, 0);
    ktki_buffer_init(&diff.indices, allocator, 0);
    ktki_buffer_init(&diff.metadata, allocator, 0);
    ktki_hash_map_init(&diff.removed_set, allocator);
    KTKI_TRY(diff_partitions(&diff, err));
    KTKI_TRY(diff_indices(&diff, old, new, false, err));
    KTKI_TRY(diff_indices(&diff, new, old, true, err));
    KTKI_TRY(diff_metadata(&diff, old, new, false, err));
    KTKI_TRY(diff_metadata(&diff, new, old, true, err));
    KTKI_TRY(find_recreation(&diff, err));
    diff.has_schema_change = schemas_differ(ktki_dataset_record(from), ktki_dataset_record(to));
    *out = diff;
    diff = (struct document_diff){.from = NULL};
out:
    ktki_document_diff_clear(&diff);
    return status;
}

void ktki_document_diff_clear(struct document_diff *diff) {
    if (diff->from != NULL) {
        ktki_hash_map_clear(&diff->removed_set);
        ktki_buffer_clear(&diff->metadata);
        ktki_buffer_clear(&diff->indices);
        ktki_buffer_clear(&diff->removed);
        ktki_buffer_clear(&diff->added);
        ktki_arena_clear(&diff->arena);
        *diff = (struct document_diff){.from = NULL};
    }
}
