#include <inttypes.h>
#include <string.h>

#include <kartothek/arrow.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/index.h"
#include "parquet/reader.h"
#include "upkeep/check.h"

#define UNKNOWN_MAX 100 /* labels reported of one index */

struct index_check {
    struct check *check;
    const struct document_index *index;
    const char *name;              /* its key, or the column of an embedded one */
    const struct hash_map *labels; /* of the partitions, to their position */
    uint8_t *known;                /* one a partition */
    struct hash_map unknown;       /* labels that were reported */
    struct arena arena;            /* of these */
};

/* ---- labels that are no partition's ---- */

static ktk_status visit_label(void *state, const char *label, size_t size, ktk_error *err) {
    struct index_check *at = state;
    const uint64_t *partition = ktki_hash_map_find(at->labels, label, size);
    const char *copy;
    uint64_t *value;
    ktk_status status = KTK_OK;

    if (partition != NULL) {
        at->known[*partition] = 1;
        goto out;
    }
    if (at->unknown.count >= UNKNOWN_MAX || ktki_hash_map_find(&at->unknown, label, size) != NULL) {
        goto out;
    }
    KTKI_TRY(ktki_arena_text(&at->arena, label, size, &copy, err));
    KTKI_TRY(ktki_hash_map_insert(&at->unknown, copy, size, 0, &value, NULL, err));
    KTKI_TRY(ktki_check_find(at->check, KTK_CHECK_ERROR, "index-label", at->name, err,
                             "the index on '%s' has label '%s', which is no partition's%s",
                             at->index->column, copy,
                             at->unknown.count == UNKNOWN_MAX ? ", and perhaps more of them" : ""));
out:
    return status;
}

/* The schema of the table that has the column, NULL if none has. */
static struct schema *schema_with(const struct check *check, const char *column) {
    for (int32_t i = 0; i < ktk_dataset_table_count(check->dataset); i++) {
        struct schema *schema;

        if (ktki_dataset_table_schema(&schema, check->dataset, ktk_dataset_table(check->dataset, i),
                                      NULL) == KTK_OK &&
            ktki_schema_find(schema, column) >= 0) {
            return schema;
        }
    }
    return NULL;
}

static ktk_status read_embedded(struct index_check *at, ktk_error *err) {
    struct schema *schema = schema_with(at->check, at->index->column);
    bool applies = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_check_find(at->check, KTK_CHECK_WARNING, "embedded-index", at->name, err,
                             "the index on '%s' lies in the document, as it is written no more",
                             at->index->column));
    if (schema != NULL) {
        KTKI_TRY(ktki_index_embedded_labels(&applies, at->index, at->check->context, schema, NULL,
                                            visit_label, at, err));
    }
out:
    return status;
}

static ktk_status read_file(struct index_check *at, ktk_error *err) {
    struct check *check = at->check;
    ktk_parquet_file *file = NULL;
    struct source source = {0};
    bool applies = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_source_of_key(&source, check->store, at->index->key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, check->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_index_check_labels(file, err));
    KTKI_TRY(ktki_index_file_labels(&applies, file, check->context, NULL, visit_label, at, err));
out:
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    return status;
}

/* ---- partitions that the index does not know ---- */

/* Has a file a value in the column? NaN counts as null, as it does for those who write indices. */
static ktk_status has_value(bool *out, struct check *check, const char *key, const char *column,
                            ktk_error *err) {
    ktk_value null = {.kind = KTK_VALUE_NULL};
    ktk_literal literal = {column, KTK_OP_NE, &null, 1};
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct ArrowArray batch = {.release = NULL};
    ktk_parquet_file *file = NULL;
    ktk_predicate *where = NULL;
    struct source source = {0};
    struct schema *schema;
    size_t count = 1;
    ktk_status status = KTK_OK;

    *out = false;
    KTKI_TRY(ktki_source_of_key(&source, check->store, key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, check->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_parquet_schema(&schema, file, err));
    if (ktki_schema_find(schema, column) < 0) {
        goto out;
    }
    KTKI_TRY(ktk_predicate_new(&where, check->context, &literal, &count, 1, err));
    options.where = where;
    options.columns = &column;
    options.column_count = 1;
    options.batch_rows_max = 1;
    KTKI_TRY(ktk_parquet_read(&stream, file, &options, err));
    KTKI_TRY(ktk_stream_next(&stream, &batch, err));
    *out = batch.release != NULL;
out:
    if (batch.release != NULL) {
        batch.release(&batch);
    }
    ktki_stream_clear(&stream);
    ktk_predicate_free(where);
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    return status;
}

static ktk_status check_gap(struct index_check *at, const struct partition *partition,
                            ktk_error *err) {
    struct check *check = at->check;
    bool is_gap = ktki_dataset_partition_key_find(check->dataset, at->index->column) >= 0 &&
                  partition->file_count > 0;
    ktk_error reason = {0};
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < partition->file_count && !is_gap; i++) {
        status = has_value(&is_gap, check, partition->files[i].key, at->index->column, &reason);
        if (status != KTK_OK && !ktki_check_is_finding(status)) {
            KTKI_FAIL(err, status, "%s", reason.message);
        }
        /* A file that cannot be read is the business of those who read files. */
        status = KTK_OK;
    }
    if (is_gap) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "index-gap", at->name, err,
                                 "the index on '%s' does not know partition '%s': other programs "
                                 "do not find its rows",
                                 at->index->column, partition->label));
    }
out:
    return status;
}

static ktk_status check_gaps(struct index_check *at, ktk_error *err) {
    const struct document *document = ktki_dataset_document(at->check->dataset);
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        if (at->known[i] == 0) {
            KTKI_TRY(check_gap(at, &document->partitions[i], err));
        }
    }
out:
    return status;
}

/* ---- all ---- */

static ktk_status check_index(struct index_check *at, ktk_error *err) {
    struct check *check = at->check;
    ktk_error reason = {0};
    bool exists = true;
    ktk_status status = KTK_OK;

    if (schema_with(check, at->index->column) == NULL) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "index", at->name, err,
                                 "there is no column '%s' for the index on it", at->index->column));
    }
    if (at->index->key != NULL) {
        KTKI_TRY(ktki_check_exists(&exists, check, at->index->key, err));
    }
    if (!exists) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "missing-file", at->name, err,
                                 "the file of the index on '%s' is not there", at->index->column));
        goto out;
    }
    status = at->index->key != NULL ? read_file(at, &reason) : read_embedded(at, &reason);
    if (ktki_check_is_finding(status)) {
        status =
            ktki_check_find(check, KTK_CHECK_ERROR, "index", at->name, err, "%s", reason.message);
        goto out;
    }
    if (status != KTK_OK) {
        KTKI_FAIL(err, status, "%s", reason.message);
    }
    KTKI_TRY(check_gaps(at, err));
out:
    return status;
}

static ktk_status fill_labels(struct hash_map *labels, const struct document *document,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        const char *label = document->partitions[i].label;
        uint64_t *position;

        KTKI_TRY(
            ktki_hash_map_insert(labels, label, strlen(label), (uint64_t)i, &position, NULL, err));
    }
out:
    return status;
}

ktk_status ktki_check_indices(struct check *check, ktk_error *err) {
    const struct document *document = ktki_dataset_document(check->dataset);
    size_t count = (size_t)document->partition_count;
    struct hash_map labels;
    uint8_t *known = NULL;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&labels, check->allocator);
    KTKI_TRY(ktki_alloc_zeroed(check->allocator, count, 1, &known, err));
    KTKI_TRY(fill_labels(&labels, document, err));
    for (int32_t i = 0; i < document->index_count; i++) {
        const struct document_index *index = &document->indices[i];
        struct index_check at = {.check = check, .index = index, .labels = &labels, .known = known};

        at.name = index->key != NULL ? index->key : index->column;
        memset(known, 0, count);
        ktki_hash_map_init(&at.unknown, check->allocator);
        ktki_arena_init(&at.arena, check->allocator);
        status = check_index(&at, err);
        ktki_arena_clear(&at.arena);
        ktki_hash_map_clear(&at.unknown);
        KTKI_TRY(status);
    }
out:
    ktki_free_array(check->allocator, known, count, 1);
    ktki_hash_map_clear(&labels);
    return status;
}
