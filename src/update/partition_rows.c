#include "update/partition_rows.h"

#include <stdlib.h>

#include "arrow/group_rows.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One message for all of them, sorted. */
static ktk_status report_missing(const char **missing, size_t count, const ktk_allocator *allocator,
                                 ktk_error *err) {
    struct buffer names;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&names, allocator, 0);
    qsort(missing, count, sizeof(*missing), compare_texts);
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_buffer_append_format(&names, err, "%s%s", i > 0 ? ", " : "", missing[i]));
    }
    KTKI_FAIL(err, KTK_E_INVALID, "Partition column(s) missing: %.*s", (int)names.size,
              (const char *)names.data);
out:
    ktki_buffer_clear(&names);
    return status;
}

ktk_status ktki_partition_columns_check(const struct schema *schema,
                                        const char *const *partition_on, int32_t count,
                                        ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(schema->context);
    const char **missing = NULL;
    size_t missing_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, (size_t)count, sizeof(*missing), &missing, err));
    for (int32_t i = 0; i < count; i++) {
        if (ktki_schema_find(schema, partition_on[i]) < 0) {
            missing[missing_count++] = partition_on[i];
        }
    }
    if (missing_count > 0) {
        status = report_missing(missing, missing_count, allocator, err);
        goto out;
    }
    if (schema->field_count <= count) {
        KTKI_FAIL(err, KTK_E_INVALID, "No data left to save outside partition columns");
    }
out:
    ktki_free_array(allocator, (void *)missing, (size_t)count, sizeof(*missing));
    return status;
}

/* Rows by group in one pass over the counts and one over the rows, so that each group keeps the
 * order of the batch. */
static ktk_status sort_rows(struct partitioned_rows *out, const uint32_t *groups, int64_t row_count,
                            ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(out->context);
    int64_t *next = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)out->group_count + 1, sizeof(*out->starts),
                               &out->starts, err));
    out->row_count = row_count;
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)row_count, sizeof(*out->rows), &out->rows, err));
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)out->group_count + 1, sizeof(*next), &next, err));
    for (int64_t row = 0; row < row_count; row++) {
        out->starts[groups[row] + 1]++;
    }
    for (uint32_t g = 0; g < out->group_count; g++) {
        out->starts[g + 1] += out->starts[g];
        next[g] = out->starts[g];
    }
    for (int64_t row = 0; row < row_count; row++) {
        out->rows[next[groups[row]]++] = row;
    }
out:
    ktki_free_array(allocator, next, (size_t)out->group_count + 1, sizeof(*next));
    return status;
}

/* The text says what to look for; kartothek's users know it. */
static ktk_status report_nulls(const struct batch *batch, const char *const *partition_on,
                               int32_t count, int64_t null_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(batch->schema->context);
    struct buffer names;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&names, allocator, 0);
    for (int32_t i = 0; i < count; i++) {
        int32_t column = ktki_schema_find(batch->schema, partition_on[i]);
        if (batch->schema->fields[column].type.id == TYPE_NULL ||
            ktki_array_null_count(&batch->columns[column]) > 0) {
            KTKI_TRY(ktki_buffer_append_format(&names, err, "%s'%s'", names.size > 0 ? ", " : "",
                                               partition_on[i]));
        }
    }
    KTKI_FAIL(err, KTK_E_INVALID,
              "Original dataframe size (%lld rows) does not match new dataframe size (%lld rows): "
              "the partition column(s) %.*s hold null values, and such rows have no partition",
              (long long)batch->row_count, (long long)(batch->row_count - null_count),
              names.size > 0 ? (int)names.size : 1,
              names.size > 0 ? (const char *)names.data : "?");
out:
    ktki_buffer_clear(&names);
    return status;
}

ktk_status ktki_partition_rows(struct partitioned_rows *out, ktk_context *context,
                               const struct batch *batch, const char *const *partition_on,
                               int32_t count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct partitioned_rows result = {.context = context};
    struct row_grouper *grouper = NULL;
    uint32_t *groups = NULL;
    int32_t *keys = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, (size_t)count, sizeof(*keys), &keys, err));
    for (int32_t i = 0; i < count; i++) {
        keys[i] = ktki_schema_find(batch->schema, partition_on[i]);
    }
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)batch->row_count, sizeof(*groups), &groups, err));
    KTKI_TRY(ktki_grouper_new(&grouper, context, batch->schema, keys, count, err));
    KTKI_TRY(ktki_grouper_add(grouper, batch, groups, err));
    if (ktki_grouper_null_count(grouper) > 0) {
        status = report_nulls(batch, partition_on, count, ktki_grouper_null_count(grouper), err);
        goto out;
    }
    result.group_count = ktki_grouper_group_count(grouper);
    KTKI_TRY(ktki_grouper_keys(grouper, &result.keys, err));
    KTKI_TRY(sort_rows(&result, groups, batch->row_count, err));
    *out = result;
    result = (struct partitioned_rows){.context = context};
out:
    ktki_partitioned_rows_clear(&result);
    ktki_grouper_free(grouper);
    ktki_free_array(allocator, groups, (size_t)batch->row_count, sizeof(*groups));
    ktki_free_array(allocator, keys, (size_t)count, sizeof(*keys));
    return status;
}

void ktki_partitioned_rows_clear(struct partitioned_rows *rows) {
    const ktk_allocator *allocator;

    if (rows->context == NULL) {
        return;
    }
    allocator = ktki_context_allocator(rows->context);
    ktki_free_array(allocator, rows->starts, (size_t)rows->group_count + 1, sizeof(*rows->starts));
    ktki_free_array(allocator, rows->rows, (size_t)rows->row_count, sizeof(*rows->rows));
    ktki_batch_clear(&rows->keys);
    *rows = (struct partitioned_rows){0};
}

ktk_status ktki_partition_path(struct buffer *out, const struct partitioned_rows *rows,
                               uint32_t group, ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, out->allocator, 0);
    for (int32_t i = 0; i < rows->keys.schema->field_count; i++) {
        const struct field *field = &rows->keys.schema->fields[i];

        text.size = 0;
        KTKI_TRY(
            ktki_partition_value_text(&text, field, &rows->keys.columns[i], (int64_t)group, err));
        if (memchr(text.size > 0 ? (const char *)text.data : "", '\0', text.size) != NULL) {
            KTKI_FAIL(err, KTK_E_INVALID,
                      "partition column '%s' holds a value with a NUL byte, which cannot be part "
                      "of a path",
                      field->name);
        }
        KTKI_TRY(ktki_quote(out, field->name, strlen(field->name), false, err));
        KTKI_TRY(ktki_buffer_append_byte(out, '=', err));
        KTKI_TRY(ktki_quote(out, (const char *)text.data, text.size, false, err));
        KTKI_TRY(ktki_buffer_append_byte(out, '/', err));
    }
out:
    ktki_buffer_clear(&text);
    return status;
}
