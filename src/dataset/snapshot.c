#include "dataset/snapshot.h"

#include "arrow/array.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/document_file.h"
#include "dataset/name.h"
#include "dataset/snapshot_internal.h"
#include "parquet/reader.h"

ktk_status ktki_dataset_of_text(ktk_dataset **out, ktk_store *store, ktk_bytes *text,
                                ktk_document_format format, const ktk_store_version *version,
                                ktk_error *err) {
    ktk_context *context = ktk_store_context(store);
    const ktk_allocator *allocator = ktki_context_allocator(context);
    ktk_dataset *dataset = NULL;
    char *writable = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_bytes_own(allocator, text, &writable, err));
    KTKI_TRY(KTKI_NEW(allocator, &dataset, err));
    dataset->references = 1;
    dataset->format = format;
    dataset->version = *version;
    dataset->store = ktk_store_ref(store);
    ktki_arena_init(&dataset->document.arena, allocator);
    ktki_hash_map_init(&dataset->labels, allocator);
    if (pthread_mutex_init(&dataset->lock, NULL) != 0) {
        ktk_store_free(dataset->store);
        KTKI_DELETE(allocator, dataset);
        dataset = NULL;
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make a lock");
    }
    KTKI_TRY(ktki_document_parse_in_place(&dataset->document, context, writable, text->size, err));
    KTKI_TRY(ktki_commit_record_parse(&dataset->record, &dataset->document.arena,
                                      dataset->document.metadata, dataset->document.metadata_size,
                                      err));
    KTKI_TRY(ktki_dataset_discover(dataset, err));
    KTKI_TRY(ktki_arena_zeroed(&dataset->document.arena, (size_t)dataset->document.index_count,
                               sizeof(*dataset->indices), &dataset->indices, err));
    dataset->text = *text;
    *text = (ktk_bytes)KTK_BYTES_INIT;
    *out = dataset;
    dataset = NULL;
out:
    ktk_dataset_free(dataset);
    return status;
}

ktk_status ktk_dataset_open(ktk_dataset **out, ktk_store *store, const char *uuid, ktk_error *err) {
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_document_format format;
    ktk_store_version version = {""};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_uuid_check(uuid, err));
    KTKI_TRY(ktki_document_load(&text, &format, &version, store, uuid, err));
    status = ktki_dataset_of_text(out, store, &text, format, &version, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "metadata '%s%s'", uuid, ktki_document_suffix(format));
    }
out:
    ktk_bytes_clear(&text);
    return status;
}

ktk_status ktk_dataset_from_document(ktk_dataset **out, ktk_store *store, const char *document,
                                     size_t size, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    const ktk_store_version unknown = {""};
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_bytes_copy(allocator, document, size, &text, err));
    KTKI_TRY(ktki_dataset_of_text(out, store, &text, KTK_DOCUMENT_JSON, &unknown, err));
out:
    ktk_bytes_clear(&text);
    return status;
}

ktk_dataset *ktk_dataset_ref(ktk_dataset *dataset) {
    (void)__atomic_fetch_add(&dataset->references, 1, __ATOMIC_RELAXED);
    return dataset;
}

void ktk_dataset_free(ktk_dataset *dataset) {
    const ktk_allocator *allocator;
    ktk_store *store;

    if (dataset == NULL || __atomic_fetch_sub(&dataset->references, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    for (int32_t i = 0; i < dataset->table_count; i++) {
        ktki_schema_free(dataset->tables[i].schema);
        ktk_bytes_clear(&dataset->tables[i].file);
    }
    store = dataset->store;
    allocator = ktki_context_allocator(ktk_store_context(store));
    for (int32_t i = 0; dataset->indices != NULL && i < dataset->document.index_count; i++) {
        ktki_free_array(allocator, dataset->indices[i].uncovered,
                        ktki_bits_size(dataset->document.partition_count), 1);
    }
    ktki_hash_map_clear(&dataset->labels);
    (void)pthread_mutex_destroy(&dataset->lock);
    ktk_bytes_clear(&dataset->restored);
    ktk_bytes_clear(&dataset->text);
    ktki_document_clear(&dataset->document);
    /* The store goes last: the allocator lives in its context. */
    KTKI_DELETE(allocator, dataset);
    ktk_store_free(store);
}

/* ---- its files ---- */

void ktki_dataset_set_past(ktk_dataset *dataset, int64_t sequence) {
    dataset->past_sequence = sequence;
}

ktk_status ktki_dataset_source(struct source *out, const ktk_dataset *dataset, const char *key,
                               ktk_error *err) {
    ktk_status status = ktki_source_of_key(out, dataset->store, key, -1, err);

    if (status == KTK_E_NOT_FOUND && dataset->past_sequence > 0) {
        return ktk_error_set(err, KTK_E_NOT_FOUND,
                             "file '%s' of version %lld of dataset '%s' is gone: files that only "
                             "earlier versions name are collected after a while",
                             key, (long long)dataset->past_sequence, dataset->document.uuid);
    }
    return status;
}

/* ---- what it holds ---- */

const char *ktk_dataset_uuid(const ktk_dataset *dataset) {
    return dataset->document.uuid;
}

ktk_store *ktk_dataset_store(const ktk_dataset *dataset) {
    return dataset->store;
}

const struct document *ktki_dataset_document(const ktk_dataset *dataset) {
    return &dataset->document;
}

const struct commit_record *ktki_dataset_record(const ktk_dataset *dataset) {
    return &dataset->record;
}

uint64_t ktki_dataset_sum(const ktk_dataset *dataset) {
    ktk_dataset *cache = (ktk_dataset *)(uintptr_t)dataset;

    /* Threads that ask at the same time come to the same number. */
    if (!__atomic_load_n(&cache->has_sum, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&cache->sum, ktki_document_sum(&dataset->document), __ATOMIC_RELAXED);
        __atomic_store_n(&cache->has_sum, true, __ATOMIC_RELEASE);
    }
    return __atomic_load_n(&cache->sum, __ATOMIC_RELAXED);
}

bool ktki_dataset_is_foreign(const ktk_dataset *dataset) {
    char sum[KTKI_HASH_TEXT_SIZE];

    ktki_hash_text(sum, ktki_dataset_sum(dataset));
    return strcmp(sum, dataset->record.sum) != 0;
}

const ktk_store_version *ktki_dataset_version(const ktk_dataset *dataset) {
    return &dataset->version;
}

ktk_status ktk_dataset_document(const char **text, size_t *size, ktk_dataset *dataset,
                                ktk_error *err) {
    struct buffer copy;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&copy, ktki_context_allocator(ktk_store_context(dataset->store)), 0);
    (void)pthread_mutex_lock(&dataset->lock);
    if (dataset->restored.data == NULL) {
        KTKI_TRY(ktki_buffer_reserve(&copy, dataset->text.size, err));
        ktki_document_restore((char *)copy.data, (const char *)dataset->text.data,
                              dataset->text.size);
        copy.size = dataset->text.size;
        KTKI_TRY(ktki_buffer_move(&copy, &dataset->restored, err));
    }
    *text = (const char *)dataset->restored.data;
    *size = dataset->restored.size;
out:
    (void)pthread_mutex_unlock(&dataset->lock);
    ktki_buffer_clear(&copy);
    return status;
}

size_t ktki_dataset_text_size(const ktk_dataset *dataset) {
    return dataset->text.size;
}

ktk_document_format ktk_dataset_document_format(const ktk_dataset *dataset) {
    return dataset->format;
}

const char *ktk_dataset_metadata(const ktk_dataset *dataset, size_t *size) {
    *size = dataset->document.metadata_size;
    return dataset->document.metadata;
}

bool ktk_dataset_is_explicit(const ktk_dataset *dataset) {
    return dataset->document.has_partitions;
}

int32_t ktk_dataset_partition_key_count(const ktk_dataset *dataset) {
    return dataset->document.partition_key_count;
}

const char *ktk_dataset_partition_key(const ktk_dataset *dataset, int32_t index) {
    return dataset->document.partition_keys[index];
}

int32_t ktki_dataset_partition_key_find(const ktk_dataset *dataset, const char *column) {
    for (int32_t i = 0; i < dataset->document.partition_key_count; i++) {
        if (strcmp(dataset->document.partition_keys[i], column) == 0) {
            return i;
        }
    }
    return -1;
}

int32_t ktk_dataset_table_count(const ktk_dataset *dataset) {
    return dataset->table_count;
}

const char *ktk_dataset_table(const ktk_dataset *dataset, int32_t index) {
    return dataset->tables[index].name;
}

int32_t ktk_dataset_index_count(const ktk_dataset *dataset) {
    return dataset->document.index_count;
}

const char *ktk_dataset_index_column(const ktk_dataset *dataset, int32_t index) {
    return dataset->document.indices[index].column;
}

const char *ktk_dataset_index_key(const ktk_dataset *dataset, int32_t index) {
    return dataset->document.indices[index].key;
}

int64_t ktk_dataset_partition_count(const ktk_dataset *dataset) {
    return dataset->document.partition_count;
}

const char *ktk_dataset_partition_label(const ktk_dataset *dataset, int64_t index) {
    return dataset->document.partitions[index].label;
}

const char *ktk_dataset_partition_file(const ktk_dataset *dataset, int64_t index,
                                       const char *table) {
    const struct partition *partition = &dataset->document.partitions[index];

    for (int32_t i = 0; i < partition->file_count; i++) {
        if (strcmp(partition->files[i].table, table) == 0) {
            return partition->files[i].key;
        }
    }
    return NULL;
}

ktk_status ktk_dataset_open_partition(ktk_parquet_file **out, ktk_dataset *dataset, int64_t index,
                                      const char *table, ktk_error *err) {
    ktk_context *context = ktk_store_context(dataset->store);
    struct source source = {0};
    const char *key;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dataset_resolve_table(&table, dataset, table, err));
    if (index < 0 || index >= dataset->document.partition_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "partition %lld of %lld is asked for", (long long)index,
                  (long long)dataset->document.partition_count);
    }
    key = ktk_dataset_partition_file(dataset, index, table);
    if (key == NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "partition '%s' has no file for table '%s'",
                  dataset->document.partitions[index].label, table);
    }
    if (ktki_key_is_csv(key)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "file '%s' is CSV; its rows can be read, but it is no Parquet file", key);
    }
    KTKI_TRY(ktki_dataset_source(&source, dataset, key, err));
    KTKI_TRY(ktki_parquet_open(out, context, &source, err));
    source = (struct source){0};
out:
    ktki_source_free(&source);
    return status;
}
