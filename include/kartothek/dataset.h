/**
 * Datasets: one metadata document and everything it names.
 */
#ifndef KARTOTHEK_DATASET_H
#define KARTOTHEK_DATASET_H

#include <kartothek/arrow_abi.h>
#include <kartothek/error.h>
#include <kartothek/store.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How the metadata document is stored; both hold the same. */
typedef enum ktk_document_format {
    KTK_DOCUMENT_JSON = 0,
    KTK_DOCUMENT_MSGPACK = 1 /**< MessagePack in a frame of ZSTD; read only if there is no JSON */
} ktk_document_format;

/**
 * Open the newest committed state of a dataset.
 *
 * The result is an immutable snapshot: later commits do not show in it, and it may be shared
 * between threads. It keeps a reference to `store`. Cost: one get of the document and one of each
 * table's schema, when first asked for.
 *
 * @return KTK_E_NOT_FOUND if there is no dataset `uuid`; KTK_E_CORRUPT if its document does not
 * parse; KTK_E_UNSUPPORTED for a metadata version other than 4.
 */
KTK_API ktk_status ktk_dataset_open(ktk_dataset **out, ktk_store *store, const char *uuid,
                                    ktk_error *err) KTK_CHECK_RESULT;

/**
 * A snapshot from the bytes of a document instead of a store read; for workers that were handed a
 * part of one. Otherwise like ktk_dataset_open().
 */
KTK_API ktk_status ktk_dataset_from_document(ktk_dataset **out, ktk_store *store,
                                             const char *document, size_t size,
                                             ktk_error *err) KTK_CHECK_RESULT;

/** The bytes of a `.msgpack.zstd` file for a document, or any other JSON value: MessagePack in a
 * frame of ZSTD. KTK_E_CORRUPT for what is no JSON. */
KTK_API ktk_status ktk_document_pack(ktk_bytes *out, ktk_context *context, const char *json,
                                     size_t size, ktk_error *err) KTK_CHECK_RESULT;

/** The other way. KTK_E_CORRUPT for bytes that are no such file, KTK_E_LIMIT for one that holds far
 * more than its size explains. */
KTK_API ktk_status ktk_document_unpack(ktk_bytes *out, ktk_context *context, const void *data,
                                       size_t size, ktk_error *err) KTK_CHECK_RESULT;

/** Take another reference. */
KTK_API ktk_dataset *ktk_dataset_ref(ktk_dataset *dataset);

/** Drop a reference. NULL is allowed. */
KTK_API void ktk_dataset_free(ktk_dataset *dataset);

/** True if a document, JSON or msgpack, of that name is in the store. */
KTK_API ktk_status ktk_dataset_exists(bool *out, ktk_store *store, const char *uuid,
                                      ktk_error *err) KTK_CHECK_RESULT;

typedef ktk_status (*ktk_dataset_list_fn)(void *state, const char *uuid, ktk_error *err);

/** Call `fn` for each dataset in the store, ascending. A status other than KTK_OK ends the listing
 * and is returned. */
KTK_API ktk_status ktk_dataset_list(ktk_store *store, ktk_dataset_list_fn fn, void *state,
                                    ktk_error *err) KTK_CHECK_RESULT;

/* ---- what a snapshot holds; all texts are borrowed and live as long as the dataset ---- */

KTK_API const char *ktk_dataset_uuid(const ktk_dataset *dataset);
KTK_API ktk_store *ktk_dataset_store(const ktk_dataset *dataset);

/** The document as JSON text: exactly as stored, or as converted from MessagePack. A copy, which is
 * made when it is first asked for and kept. Thread-safe. */
KTK_API ktk_status ktk_dataset_document(const char **text, size_t *size, ktk_dataset *dataset,
                                        ktk_error *err) KTK_CHECK_RESULT;

/** The format of the file that the document was read from. */
KTK_API ktk_document_format ktk_dataset_document_format(const ktk_dataset *dataset);

/** The user's metadata map as JSON text, `{}` if there is none. */
KTK_API const char *ktk_dataset_metadata(const ktk_dataset *dataset, size_t *size);

/** False if the document has no partition list and the partitions were found by listing the store.
 */
KTK_API bool ktk_dataset_is_explicit(const ktk_dataset *dataset);

KTK_API int32_t ktk_dataset_partition_key_count(const ktk_dataset *dataset);
KTK_API const char *ktk_dataset_partition_key(const ktk_dataset *dataset, int32_t index);

KTK_API int32_t ktk_dataset_table_count(const ktk_dataset *dataset);
KTK_API const char *ktk_dataset_table(const ktk_dataset *dataset, int32_t index);

/** Secondary index columns and the storage key of each; the key is NULL for an index embedded in
 * the document. */
KTK_API int32_t ktk_dataset_index_count(const ktk_dataset *dataset);
KTK_API const char *ktk_dataset_index_column(const ktk_dataset *dataset, int32_t index);
KTK_API const char *ktk_dataset_index_key(const ktk_dataset *dataset, int32_t index);

/**
 * What a secondary index holds: a row for each value, the value under the name of the column and
 * the labels of the partitions that hold it as a list `partition`. Nulls are not in it, and a value
 * may come more than once. The stream holds a reference to what it reads.
 *
 * @return KTK_E_NOT_FOUND if there is no index on the column, or its file is missing; KTK_E_CORRUPT
 * for a file that is no index.
 */
KTK_API ktk_status ktk_dataset_index_stream(struct ArrowArrayStream *out, ktk_dataset *dataset,
                                            const char *column, ktk_error *err) KTK_CHECK_RESULT;

KTK_API int64_t ktk_dataset_partition_count(const ktk_dataset *dataset);

/** Label of a partition, `index` in [0, partition_count), in document order. */
KTK_API const char *ktk_dataset_partition_label(const ktk_dataset *dataset, int64_t index);

/**
 * Position of the partition with a label; -1 if there is none. The first few calls look at one
 * label after the other, the next one makes a table of all. Thread-safe.
 */
KTK_API ktk_status ktk_dataset_partition_find(int64_t *out, ktk_dataset *dataset, const char *label,
                                              ktk_error *err) KTK_CHECK_RESULT;

/** Storage key of the partition's file for a table, NULL if it has none. */
KTK_API const char *ktk_dataset_partition_file(const ktk_dataset *dataset, int64_t index,
                                               const char *table);

/**
 * Schema of a table: partition keys first, then the other columns by name; normalised types;
 * `pandas` metadata kept. The caller releases it.
 *
 * @return KTK_E_NOT_FOUND for an unknown table or a missing schema file.
 */
KTK_API ktk_status ktk_dataset_schema(ktk_dataset *dataset, const char *table,
                                      struct ArrowSchema *out, ktk_error *err) KTK_CHECK_RESULT;

/**
 * The bytes of the schema file (`_common_metadata`) of a table, as stored; borrowed. Loads it if
 * need be.
 */
KTK_API ktk_status ktk_dataset_schema_file(ktk_dataset *dataset, const char *table,
                                           const void **data, size_t *size,
                                           ktk_error *err) KTK_CHECK_RESULT;

/** Hand over the bytes of a table's schema file, so that a worker need not fetch it. Before the
 * first use of the schema. */
KTK_API ktk_status ktk_dataset_set_schema_file(ktk_dataset *dataset, const char *table,
                                               const void *data, size_t size,
                                               ktk_error *err) KTK_CHECK_RESULT;

/** Open the Parquet file behind a partition, for inspection. KTK_E_UNSUPPORTED if it is CSV. */
KTK_API ktk_status ktk_dataset_open_partition(ktk_parquet_file **out, ktk_dataset *dataset,
                                              int64_t index, const char *table,
                                              ktk_error *err) KTK_CHECK_RESULT;

/* ---- names (dataset.md 1.2 to 1.7) ---- */

/** KTK_E_INVALID unless `uuid` is a legal dataset name. */
KTK_API ktk_status ktk_uuid_check(const char *uuid, ktk_error *err) KTK_CHECK_RESULT;

/** Write a fresh name for datasets, labels and commits: 32 hex digits of a version 7 UUID,
 * NUL-terminated. */
KTK_API ktk_status ktk_uuid_generate(char out[33], ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
