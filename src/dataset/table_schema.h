/** The normalised schema of a table (`_common_metadata`), and whether schemas agree: dataset.md 3.
 */
#ifndef KTKI_DATASET_TABLE_SCHEMA_H
#define KTKI_DATASET_TABLE_SCHEMA_H

#include "arrow/schema.h"
#include "base/buffer.h"

/**
 * Normalise the schema of data (dataset.md 3.4): types widened, dictionaries by value, columns
 * ordered, all nullable; the `pandas` entry is brought along, or made from the Arrow types if there
 * is none. String mode S for new datasets (3.8).
 */
ktk_status ktki_table_schema_normalise(struct schema **out, const struct schema *data,
                                       const char *const *partition_keys,
                                       int32_t partition_key_count, ktk_error *err);

/** The schema that describes a data file: `data` without the partition columns, `pandas` entry to
 * match (dataset.md 3.3, 4.1). */
ktk_status ktki_table_schema_of_file(struct schema **out, const struct schema *data,
                                     const char *const *partition_keys, int32_t partition_key_count,
                                     ktk_error *err);

/** Names of the fields that the `pandas` entry lists as index columns, and that are therefore no
 * data: marks[i] = true. */
ktk_status ktki_pandas_index_marks(const struct schema *schema, bool *marks, ktk_error *err);

/**
 * The reference schema of two normalised ones (dataset.md 3.5): null columns take the type of the
 * other. string and large_string are one type, timestamps are compared modulo unit. KTK_E_SCHEMA
 * with both origins and the first differing column: its types there and here.
 */
ktk_status ktki_table_schema_agree(struct schema **out, struct schema *a, const char *a_origin,
                                   struct schema *b, const char *b_origin, ktk_error *err);

/**
 * The same where `stored` is what a dataset has: it stays as it is, string mode and all (dataset.md
 * 3.8), but for its null columns that `added` has a type for. `*out` is `stored` itself if there
 * are none.
 */
ktk_status ktki_table_schema_widen(struct schema **out, struct schema *stored,
                                   const char *stored_origin, struct schema *added,
                                   const char *added_origin, ktk_error *err);

/**
 * Do the schemas of two tables of a dataset go together? A column that both have must be of one
 * type, or null in one of them (dataset.md 3.6). KTK_E_SCHEMA with both origins and types.
 */
ktk_status ktki_table_schema_share(const struct schema *a, const char *a_origin,
                                   const struct schema *b, const char *b_origin, ktk_error *err);

/** Decode a `_common_metadata` file: naive us timestamps become ns, index columns are removed
 * (dataset.md 3.2). */
ktk_status ktki_table_schema_decode(struct schema **out, ktk_context *context, const void *data,
                                    size_t size, const char *key, ktk_error *err);

/** Behind the hash in the key of the copy of a schema file. */
#define KTKI_SCHEMA_COPY_SUFFIX ".arrowschema"

/** Append the key of the copy of a schema file: `<uuid>/_ktk/schema/<table>/<hash>.arrowschema`,
 * NUL-terminated. */
ktk_status ktki_schema_copy_key(struct buffer *out, const char *uuid, const char *table,
                                const char *hash, ktk_error *err);

/** Encode one. */
ktk_status ktki_table_schema_encode(struct buffer *out, ktk_context *context,
                                    const struct schema *schema, ktk_error *err);

#endif
