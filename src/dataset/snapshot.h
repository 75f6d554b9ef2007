/** A dataset as the layers above see it; the public half is kartothek/dataset.h. */
#ifndef KTKI_DATASET_SNAPSHOT_H
#define KTKI_DATASET_SNAPSHOT_H

#include <kartothek/dataset.h>

#include "arrow/schema.h"
#include "dataset/commit_record.h"
#include "dataset/document.h"
#include "parquet/source.h"

/** A snapshot from the bytes of a document that was read already; takes `text` on success. After a
 * failure the text may be broken. */
ktk_status ktki_dataset_of_text(ktk_dataset **out, ktk_store *store, ktk_bytes *text,
                                ktk_document_format format, const ktk_store_version *version,
                                ktk_error *err);

/** The document, with the partitions that were found by listing where it does not list them.
 * Borrowed, as long as the dataset. */
const struct document *ktki_dataset_document(const ktk_dataset *dataset);

/** Bytes of the document's JSON text. */
size_t ktki_dataset_text_size(const ktk_dataset *dataset);

/** Who wrote it, as far as it says so. Borrowed, as long as the dataset. */
const struct commit_record *ktki_dataset_record(const ktk_dataset *dataset);

/** ktki_document_sum() of the document; computed when it is first asked for. Thread-safe. */
uint64_t ktki_dataset_sum(const ktk_dataset *dataset);

/** True if somebody without knowledge of records wrote the document, at the start or since the
 * commit that it names. */
bool ktki_dataset_is_foreign(const ktk_dataset *dataset);

/** Version of the document when it was read; empty text if the store gives none or it did not come
 * from a store. */
const ktk_store_version *ktki_dataset_version(const ktk_dataset *dataset);

/** Schema of a table, loaded on first use; borrowed, lives as long as the dataset. `table` NULL:
 * the only one (KTK_E_INVALID if there are several, naming them). Thread-safe. */
ktk_status ktki_dataset_table_schema(struct schema **out, ktk_dataset *dataset, const char *table,
                                     ktk_error *err);

/** Resolve NULL to the only table; borrowed. KTK_E_NOT_FOUND for a table the dataset does not have.
 */
ktk_status ktki_dataset_resolve_table(const char **out, const ktk_dataset *dataset,
                                      const char *table, ktk_error *err);

/** Is the column a partition key? Its position, or -1. */
int32_t ktki_dataset_partition_key_find(const ktk_dataset *dataset, const char *column);

/** Say that it is version `sequence` of its dataset, and not the current one: errors about files
 * that are gone then say why. Before it is shared. */
void ktki_dataset_set_past(ktk_dataset *dataset, int64_t sequence);

/** A source over one of the dataset's files. */
ktk_status ktki_dataset_source(struct source *out, const ktk_dataset *dataset, const char *key,
                               ktk_error *err);

/** A source over a store key; takes a reference to the store. `size` -1: ask the store. Small
 * objects are fetched whole with the first read. */
ktk_status ktki_source_of_key(struct source *out, ktk_store *store, const char *key, int64_t size,
                              ktk_error *err);

#endif
