/**
 * Secondary indices: which partitions hold which values of a column (dataset.md 5).
 *
 * An index is a Parquet file of two columns, the values and, for each, the list of labels under the
 * name `partition`; old documents embed one as a map from the text of a value to labels. It knows
 * nothing of nulls. It may be missing, or know fewer partitions than there are: what it does not
 * know is never ruled out.
 */
#ifndef KTKI_DATASET_INDEX_H
#define KTKI_DATASET_INDEX_H

#include "dataset/document.h"
#include "dataset/snapshot.h"
#include "predicate/predicate.h"

/** Column of an index file that holds the labels. */
#define KTKI_INDEX_LABELS "partition"

/**
 * Entry of an index file's metadata that only files of our own have: it holds the digest of the
 * labels that the index covers.
 */
#define KTKI_INDEX_COVERS "ktk.covers"

/** Entry of a file of our own that goes on from one of another writer: see ktki_index_is_cut(). */
#define KTKI_INDEX_CUT "ktk.cut"

/**
 * Texts and binary values of the file may end at their first NUL, as others end them (D-38): a
 * value in the index stands for all that start so and go on with a NUL.
 *
 * @param type of the values.
 */
bool ktki_index_is_cut(const ktk_parquet_file *file, enum type_id type);

/** Digest of a set of labels, in whatever order they are added: `<count>:<16 hex digits>`. */
struct label_digest {
    int64_t count;
    uint64_t sum; /* of the hashes */
};

#define KTKI_DIGEST_TEXT_SIZE 40

void ktki_digest_add(struct label_digest *digest, const char *label, size_t size);
void ktki_digest_format(const struct label_digest *digest, char text[KTKI_DIGEST_TEXT_SIZE]);

/** Number of the index on a column, -1 if there is none. */
int32_t ktki_index_find(const ktk_dataset *dataset, const char *column);

/**
 * Which partitions may hold a row for which all of the literals, which are on the column of the
 * index, are true.
 *
 * @param schema of the table, which the literals were checked against.
 * @param bits one a partition, (count + 7) / 8 bytes: set for those that may; undefined unless
 * `*applies`.
 * @param applies set to false if the index cannot tell: null may be among what is asked for, its
 * file is missing, or its values are of another type.
 * @return KTK_E_CORRUPT, with the key, for a file that is damaged or is no index.
 */
ktk_status ktki_index_lookup(bool *applies, uint8_t *bits, ktk_dataset *dataset, int32_t index,
                             struct schema *schema, const struct literal *const *literals,
                             size_t literal_count, ktk_error *err);

/* ---- the two forms an index is stored in ---- */

/** Receives the labels of an index one by one, repeats included; the text is borrowed. */
typedef ktk_status (*ktki_index_label_fn)(void *state, const char *label, size_t size,
                                          ktk_error *err);

/** KTK_E_CORRUPT unless the file has a column `partition` of lists of texts. */
ktk_status ktki_index_check_labels(ktk_parquet_file *file, ktk_error *err);

/** Call `fn` for the labels in one row of that column, whose field is `field`. */
ktk_status ktki_index_row_labels(const struct field *field, const struct ArrowArray *lists,
                                 int64_t row, ktki_index_label_fn fn, void *state, ktk_error *err);

/**
 * Call `fn` for the labels of all values of an index file for which `where` holds; NULL: of all
 * values. `*applies` false: the predicate does not go with the values.
 */
ktk_status ktki_index_file_labels(bool *applies, ktk_parquet_file *file, ktk_context *context,
                                  const ktk_predicate *where, ktki_index_label_fn fn, void *state,
                                  ktk_error *err);

/** The same for an embedded index, whose texts are read as values of the column of `schema`. */
ktk_status ktki_index_embedded_labels(bool *applies, const struct document_index *index,
                                      ktk_context *context, struct schema *schema,
                                      const ktk_predicate *where, ktki_index_label_fn fn,
                                      void *state, ktk_error *err);

#endif
