/* Whether an index says what the files do. */
#include <kartothek/index.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/index.h"
#include "parquet/reader.h"
#include "store/backend.h"
#include "update/index_merge.h"
#include "update/index_values.h"

struct verify {
    ktk_dataset *dataset;
    const struct document *document; /* of it */
    ktk_context *context;
    struct index_column column;
    struct index_merge merge; /* first what the index says, then what the files do */
    struct index_file *files;
    size_t file_count;
};

static ktk_status find_column(struct verify *verify, const struct document_index *index,
                              ktk_error *err) {
    bool is_there;
    ktk_status status = KTK_OK;

    verify->column.name = index->column;
    verify->column.store = ktk_dataset_store(verify->dataset);
    verify->column.is_key = ktki_dataset_partition_key_find(verify->dataset, index->column) >= 0;
    KTKI_TRY(ktki_index_column_find(&verify->column, verify->dataset, &is_there, err));
    if (!is_there) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s'", index->column);
    }
    if (ktki_type_is_nested(verify->column.field.type.id)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "column '%s' is nested", index->column);
    }
out:
    return status;
}

static ktk_status read_index(struct verify *verify, const char *key, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(verify->context);
    size_t known_size = ktki_bits_size(verify->document->partition_count);
    struct source source = {0};
    ktk_parquet_file *file = NULL;
    uint8_t *known = NULL;
    bool fits;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, known_size, 1, &known, err));
    KTKI_TRY(ktki_source_of_key(&source, verify->column.store, key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, verify->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_index_merge_file(&verify->merge, file, known, &fits, err));
    if (!fits) {
        KTKI_FAIL(err, KTK_E_SCHEMA, "its values are not of the type of column '%s'",
                  verify->column.name);
    }
out:
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    ktki_free_array(allocator, known, known_size, 1);
    return status;
}

static ktk_status read_files(struct verify *verify, const struct index_progress *progress,
                             ktk_error *err) {
    const struct document *document = verify->document;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        verify->file_count += (size_t)document->partitions[i].file_count;
    }
    KTKI_TRY(ktki_alloc_zeroed(ktki_context_allocator(verify->context), verify->file_count,
                               sizeof(*verify->files), &verify->files, err));
    for (int64_t i = 0, at = 0; i < document->partition_count; i++) {
        for (int32_t j = 0; j < document->partitions[i].file_count; j++) {
            verify->files[at++] = (struct index_file){.partition = (uint32_t)i,
                                                      .key = document->partitions[i].files[j].key};
        }
    }
    KTKI_TRY(
        ktki_index_files_read(verify->files, verify->file_count, &verify->column, progress, err));
    for (size_t i = 0; i < verify->file_count; i++) {
        struct index_file *file = &verify->files[i];

        if (file->values.release != NULL) {
            KTKI_TRY(ktki_index_merge_values(&verify->merge, file->partition, &file->values, err));
        }
    }
out:
    return status;
}

static ktk_status report_gaps(const struct verify *verify, size_t first_count,
                              ktk_index_report_fn report, void *state, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(verify->context);
    size_t count = (size_t)verify->document->partition_count;
    struct index_gap *gaps = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*gaps), &gaps, err));
    KTKI_TRY(ktki_index_merge_compare(&verify->merge, first_count, gaps, err));
    for (size_t i = 0; i < count; i++) {
        const ktk_index_difference difference = {(int64_t)i, gaps[i].only_second,
                                                 gaps[i].only_first};

        if (gaps[i].only_first > 0 || gaps[i].only_second > 0) {
            KTKI_TRY(report(state, &difference, err));
        }
    }
out:
    ktki_free_array(allocator, gaps, count, sizeof(*gaps));
    return status;
}

static void verify_clear(struct verify *verify) {
    for (size_t i = 0; verify->files != NULL && i < verify->file_count; i++) {
        ktki_array_clear(&verify->files[i].values);
    }
    ktki_free_array(ktki_context_allocator(verify->context), verify->files, verify->file_count,
                    sizeof(*verify->files));
    ktki_index_merge_clear(&verify->merge);
}

ktk_status ktk_index_verify(ktk_dataset *dataset, int32_t index,
                            const ktk_index_verify_options *options, ktk_index_report_fn report,
                            void *state, ktk_error *err) {
    struct index_progress progress = {NULL, NULL};
    struct verify verify = {.dataset = dataset, .document = ktki_dataset_document(dataset)};
    const struct document_index *entry = &verify.document->indices[index];
    size_t first_count;
    ktk_status status = KTK_OK;

    verify.context = ktk_store_context(ktk_dataset_store(dataset));
    if (options != NULL && options->size != sizeof(*options)) {
        KTKI_FAIL(err, KTK_E_INVALID, "options must start as KTK_INDEX_VERIFY_OPTIONS_INIT");
    }
    if (options != NULL) {
        progress = (struct index_progress){options->progress, options->progress_state};
    }
    if (entry->key == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "the index is embedded in the document, build it anew");
    }
    KTKI_TRY(find_column(&verify, entry, err));
    if (verify.column.field.type.id == TYPE_NULL) {
        goto out;
    }
    ktki_index_merge_init(&verify.merge, verify.context, &verify.column.field);
    for (int64_t i = 0; i < verify.document->partition_count; i++) {
        KTKI_TRY(ktki_index_merge_label(&verify.merge, verify.document->partitions[i].label, err));
    }
    KTKI_TRY(read_index(&verify, entry->key, err));
    first_count = verify.merge.counts.size / sizeof(uint32_t);
    KTKI_TRY(read_files(&verify, &progress, err));
    KTKI_TRY(report_gaps(&verify, first_count, report, state, err));
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY && status != KTK_E_CANCELLED) {
        ktki_error_context(err, "index '%s'", entry->key != NULL ? entry->key : entry->column);
    }
    verify_clear(&verify);
    return status;
}
