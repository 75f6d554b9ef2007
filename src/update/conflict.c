#include "update/conflict.h"

#include <stdio.h>

#include "base/error.h"
#include "base/json_read.h"
#include "update/scope.h"

#define KINDS 8 /* rows and columns: the first operations of the enumeration */
#define NESTING_MAX 64

/* What is looked at, where neither "always" nor "never" is the answer. */
enum rule {
    MERGE,
    CONFLICT,
    NEW_IN_SCOPE,   /* partitions that came match our scope */
    OVERLAP,        /* those, or partitions that both of us removed */
    INPUTS,         /* partitions whose rows we put elsewhere are gone */
    SAME_INDEX,     /* an index of the same column */
    SCHEMA_DIFFERS, /* settled where the schemas are joined */
    SAME_KEY,       /* the same key of the metadata, another value */
};

static const unsigned char matrix[KINDS][KINDS] = {
    [OPERATION_APPEND] = {MERGE, MERGE, MERGE, CONFLICT, MERGE, MERGE, MERGE, MERGE},
    [OPERATION_DELETE] = {NEW_IN_SCOPE, MERGE, OVERLAP, CONFLICT, OVERLAP, MERGE, MERGE, MERGE},
    [OPERATION_REPLACE] = {NEW_IN_SCOPE, OVERLAP, OVERLAP, CONFLICT, OVERLAP, MERGE, MERGE, MERGE},
    [OPERATION_OVERWRITE] = {CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
                             CONFLICT},
    [OPERATION_COMPACT] = {MERGE, INPUTS, INPUTS, CONFLICT, INPUTS, MERGE, MERGE, MERGE},
    [OPERATION_INDEX] = {MERGE, MERGE, MERGE, CONFLICT, MERGE, SAME_INDEX, MERGE, MERGE},
    [OPERATION_SCHEMA] = {MERGE, MERGE, MERGE, CONFLICT, MERGE, MERGE, SCHEMA_DIFFERS, MERGE},
    [OPERATION_METADATA] = {MERGE, MERGE, MERGE, CONFLICT, MERGE, MERGE, MERGE, SAME_KEY},
};

static const char *const theirs_text[KINDS] = {
    [OPERATION_APPEND] = "partitions were added",
    [OPERATION_DELETE] = "partitions were deleted",
    [OPERATION_REPLACE] = "partitions were replaced",
    [OPERATION_OVERWRITE] = "the dataset was overwritten",
    [OPERATION_COMPACT] = "partitions were compacted",
    [OPERATION_INDEX] = "indices were changed",
    [OPERATION_SCHEMA] = "the schema was changed",
    [OPERATION_METADATA] = "the metadata was changed",
};

static enum operation row_of(enum operation operation) {
    return operation >= KINDS ? OPERATION_OVERWRITE : operation;
}

/* ---- what they did ---- */

/* The operations since `from`, out of the record of `to`. False: it does not say. */
static bool recorded_operations(uint32_t *out, const struct document_diff *diff) {
    const struct commit_record *to = ktki_dataset_record(diff->to);
    const struct commit_record *from = ktki_dataset_record(diff->from);
    int32_t position = ktki_commit_recent_find(to, from->id);

    if (from->id[0] == '\0' || position < 0 || to->recent_operations[0] == '\0' ||
        ktki_dataset_is_foreign(diff->to)) {
        return false;
    }
    *out = 0;
    for (int32_t i = position + 1; i < to->recent_count; i++) {
        enum operation operation = ktki_operation_of_letter(to->recent_operations[i]);

        if (operation == OPERATION_COUNT) {
            return false;
        }
        *out |= 1u << row_of(operation);
    }
    return true;
}

/* Operations by which partitions come, and by which they go. */
#define ADDING                                                                                     \
    (1u << OPERATION_APPEND | 1u << OPERATION_REPLACE | 1u << OPERATION_OVERWRITE |                \
     1u << OPERATION_COMPACT)
#define REMOVING                                                                                   \
    (1u << OPERATION_DELETE | 1u << OPERATION_REPLACE | 1u << OPERATION_OVERWRITE |                \
     1u << OPERATION_COMPACT)

uint32_t ktki_conflict_operations(const struct document_diff *diff) {
    uint32_t operations = 0;
    bool is_recorded = recorded_operations(&operations, diff);
    bool adds = diff->added.size > 0 && (operations & ADDING) == 0;

    /* A program that keeps no record may have written in between: its deeds show in what differs
     * alone. */
    if (diff->removed.size > 0 && (operations & REMOVING) == 0) {
        operations |= 1u << (adds ? OPERATION_REPLACE : OPERATION_DELETE);
    } else if (adds) {
        operations |= 1u << OPERATION_APPEND;
    } else if (!is_recorded && diff->indices.size > 0) {
        operations |= 1u << OPERATION_INDEX;
    }
    operations |= diff->is_recreated ? 1u << OPERATION_OVERWRITE : 0;
    operations |= diff->metadata.size > 0 ? 1u << OPERATION_METADATA : 0;
    operations |= diff->has_schema_change ? 1u << OPERATION_SCHEMA : 0;
    return operations;
}

/* ---- the rules ---- */

struct check {
    const struct change *change;
    const struct document_diff *diff;
    enum operation theirs; /* the column at hand */
    ktk_on_conflict on_conflict;
    struct buffer *late;
    struct buffer hits; /* int64_t: of `diff->added`, those that match our scope */
    bool has_hits;      /* these were looked for */
};

/* `name`: the first of `count` things that stand in the way; NULL: the operation as such. */
static ktk_status fail(const struct check *check, const char *what, const char *name, size_t count,
                       ktk_error *err) {
    char detail[256] = "";
    char more[32] = "";

    if (count > 1) {
        (void)snprintf(more, sizeof(more), " and %zu more", count - 1);
    }
    if (name != NULL) {
        (void)snprintf(detail, sizeof(detail), ": %s '%.180s'%s", what, name, more);
    }
    return ktk_error_set(err, KTK_E_CONFLICT,
                         "dataset '%s': %s meanwhile, which this %s cannot be joined with%s",
                         ktk_dataset_uuid(check->diff->to), theirs_text[check->theirs],
                         ktki_operation_text(check->change->operation), detail);
}

static const char *label_at(const ktk_dataset *dataset, const struct buffer *positions, size_t i) {
    return ktk_dataset_partition_label(dataset, ((const int64_t *)positions->data)[i]);
}

static size_t count_of(const struct buffer *positions) {
    return positions->size / sizeof(int64_t);
}

static ktk_status find_hits(struct check *check, ktk_error *err) {
    const struct buffer *added = &check->diff->added;
    ktk_status status = KTK_OK;

    if (!check->has_hits && added->size > 0) {
        KTKI_TRY(ktki_scope_find(&check->hits, check->change, check->diff->to,
                                 (const int64_t *)added->data, count_of(added), err));
    }
    check->has_hits = true;
out:
    return status;
}

static ktk_status new_in_scope(struct check *check, bool is_pure, ktk_error *err) {
    bool is_delete = check->change->operation == OPERATION_DELETE && is_pure;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_hits(check, err));
    /* A delete may come before what was appended, or after it: both are an order of the two. Rows
     * that replace others may have been made from those that the scope held at the start. */
    if (check->hits.size == 0 || (is_delete && check->on_conflict == KTK_ON_CONFLICT_KEEP)) {
        goto out;
    }
    if (is_delete && check->on_conflict == KTK_ON_CONFLICT_REEVALUATE) {
        check->late->size = 0;
        KTKI_TRY(ktki_buffer_append(check->late, check->hits.data, check->hits.size, err));
        goto out;
    }
    status = fail(check, "partition in its scope", label_at(check->diff->to, &check->hits, 0),
                  count_of(&check->hits), err);
out:
    return status;
}

static ktk_status overlap(struct check *check, ktk_error *err) {
    const struct buffer *removed = &check->diff->removed;
    const char *first = NULL;
    size_t count = 0;
    ktk_status status = new_in_scope(check, false, err);

    for (size_t i = 0; status == KTK_OK && i < count_of(removed); i++) {
        const char *label = label_at(check->diff->from, removed, i);

        if (ktki_change_removes(check->change, label)) {
            first = first == NULL ? label : first;
            count++;
        }
    }
    return count > 0 ? fail(check, "partition", first, count, err) : status;
}

static ktk_status inputs_gone(const struct check *check, ktk_error *err) {
    const char *const *inputs = (const char *const *)check->change->inputs.data;
    const char *first = NULL;
    size_t count = 0;

    for (size_t i = 0; i < check->change->inputs.size / sizeof(*inputs); i++) {
        if (ktki_hash_map_find(&check->diff->removed_set, inputs[i], strlen(inputs[i])) != NULL) {
            first = first == NULL ? inputs[i] : first;
            count++;
        }
    }
    return count > 0 ? fail(check, "partition", first, count, err) : KTK_OK;
}

static ktk_status same_index(const struct check *check, ktk_error *err) {
    const char *const *columns = (const char *const *)check->diff->indices.data;
    const char *const *ours = (const char *const *)check->change->index_columns.data;

    for (size_t i = 0; i < check->diff->indices.size / sizeof(*columns); i++) {
        for (size_t j = 0; j < check->change->index_columns.size / sizeof(*ours); j++) {
            if (strcmp(columns[i], ours[j]) == 0) {
                return fail(check, "column", columns[i], 1, err);
            }
        }
    }
    return KTK_OK;
}

/* Is `key` one that we set, to another value than it has now? */
static ktk_status sets_otherwise(bool *out, const struct check *check, const char *key,
                                 ktk_error *err) {
    const struct document *to = ktki_dataset_document(check->diff->to);
    const ktk_allocator *allocator = check->late->allocator;
    const char *ours;
    const char *theirs;
    size_t ours_size;
    size_t theirs_size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_metadata_value(&ours, &ours_size, check->change->metadata,
                                 check->change->metadata_size, key, allocator, err));
    KTKI_TRY(ktki_metadata_value(&theirs, &theirs_size, to->metadata, to->metadata_size, key,
                                 allocator, err));
    *out = ours != NULL &&
           (theirs == NULL || ours_size != theirs_size || memcmp(ours, theirs, ours_size) != 0);
out:
    return status;
}

static ktk_status same_key(const struct check *check, ktk_error *err) {
    const char *const *keys = (const char *const *)check->diff->metadata.data;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < check->diff->metadata.size / sizeof(*keys); i++) {
        bool is_other;

        KTKI_TRY(sets_otherwise(&is_other, check, keys[i], err));
        if (is_other) {
            status = fail(check, "key", keys[i], 1, err);
            goto out;
        }
    }
out:
    return status;
}

static ktk_status apply_rule(struct check *check, enum rule rule, ktk_error *err) {
    switch (rule) {
    case CONFLICT:
        return fail(check, NULL, NULL, 0, err);
    case NEW_IN_SCOPE:
        return new_in_scope(check, true, err);
    case OVERLAP:
        return overlap(check, err);
    case INPUTS:
        return inputs_gone(check, err);
    case SAME_INDEX:
        return same_index(check, err);
    case SAME_KEY:
        return same_key(check, err);
    case MERGE:
    case SCHEMA_DIFFERS:
        break;
    }
    return KTK_OK;
}

/* Two partitions of one label: whoever comes second would hide the other's rows, or remove them for
 * those of the partition that had the label before. */
static ktk_status same_label(const struct check *check, ktk_error *err) {
    const struct buffer *added = &check->diff->added;
    struct hash_map labels;
    uint64_t *position;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&labels, check->late->allocator);
    for (int64_t i = 0; i < check->change->added_count && added->size > 0; i++) {
        const char *label = check->change->added[i].label;

        KTKI_TRY(ktki_hash_map_insert(&labels, label, strlen(label), 0, &position, NULL, err));
    }
    for (size_t i = 0; i < count_of(added); i++) {
        const char *label = label_at(check->diff->to, added, i);

        if (ktki_hash_map_find(&labels, label, strlen(label)) != NULL ||
            ktki_change_removes(check->change, label)) {
            status = fail(check, "partition of the same label", label, 1, err);
            goto out;
        }
    }
out:
    ktki_hash_map_clear(&labels);
    return status;
}

ktk_status ktki_conflict_check(const struct change *change, const struct document_diff *diff,
                               ktk_on_conflict on_conflict, struct buffer *late, ktk_error *err) {
    uint32_t operations = ktki_conflict_operations(diff);
    const unsigned char *row = matrix[row_of(change->operation)];
    struct check check = {.change = change, .diff = diff, .on_conflict = on_conflict, .late = late};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&check.hits, late->allocator, 0);
    for (int kind = KINDS - 1; kind >= 0; kind--) {
        if ((operations & 1u << kind) != 0) {
            check.theirs = (enum operation)kind;
            KTKI_TRY(apply_rule(&check, (enum rule)row[kind], err));
        }
    }
    check.theirs = OPERATION_DELETE;
    KTKI_TRY(inputs_gone(&check, err));
    check.theirs = OPERATION_APPEND;
    KTKI_TRY(same_label(&check, err));
out:
    ktki_buffer_clear(&check.hits);
    return status;
}
