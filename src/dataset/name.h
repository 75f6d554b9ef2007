/** Names, keys, labels and quoting: dataset.md 1.1 to 1.7. The one place where a partition label is
 * quoted and parsed. */
#ifndef KTKI_DATASET_NAME_H
#define KTKI_DATASET_NAME_H

#include <kartothek/dataset.h>

#include "arrow/builder.h"
#include "base/arena.h"
#include "base/buffer.h"

#define KTKI_DOCUMENT_SUFFIX_JSON ".by-dataset-metadata.json"
#define KTKI_DOCUMENT_SUFFIX_MSGPACK ".by-dataset-metadata.msgpack.zstd"
#define KTKI_SCHEMA_FILE "_common_metadata"
#define KTKI_PARQUET_SUFFIX ".parquet"
#define KTKI_TABLE_DEFAULT "table"

/** Append percent-encoded bytes: everything but A-Z a-z 0-9 '_' '.' '-' '~' becomes %XX; '/' too
 * (defect D-05), unless `keep_slash`. */
ktk_status ktki_quote(struct buffer *out, const char *data, size_t size, bool keep_slash,
                      ktk_error *err);

/** Append the decoded bytes; malformed '%' sequences stay as they are. */
ktk_status ktki_unquote(struct buffer *out, const char *text, size_t size, ktk_error *err);

/** KTK_E_INVALID for a table name that must not be written: empty, with '/', "indices", "_ktk", or
 * illegal key characters. */
ktk_status ktki_table_name_check(const char *table, ktk_error *err);

/** Append the text form (dataset.md 1.5, unquoted) of the value at `row`, which is not null. Any
 * flat type that may be a partition key. */
ktk_status ktki_partition_value_text(struct buffer *out, const struct field *field,
                                     const struct ArrowArray *array, int64_t row, ktk_error *err);

/**
 * Append the value of which `text` is a text form (dataset.md 1.5) to a builder of `field`. `*fits`
 * false: it is none, and nothing is appended. KTK_E_UNSUPPORTED for types without a text form.
 */
ktk_status ktki_value_append_text(bool *fits, struct array_builder *builder,
                                  const struct field *field, const char *text, size_t size,
                                  ktk_error *err);

/**
 * Parse the text of a partition value into a one-row array of `field`'s type (dataset.md 4.4,
 * right-hand column). KTK_E_CORRUPT with column and text if it is none.
 */
ktk_status ktki_partition_value_parse(struct ArrowArray *out, ktk_context *context,
                                      const struct field *field, const char *text, size_t size,
                                      ktk_error *err);

/** One `column=value` of a key, decoded; the texts may hold any byte. */
struct key_pair {
    const char *column;
    size_t column_size;
    const char *value;
    size_t value_size;
};

/** The parts of a data file key: `<uuid>/<table>/[column=value/]…<file>`. Keys with fewer than 3
 * components have table NULL. */
struct key_parts {
    const char *uuid;
    const char *table;
    const char *file;
    int32_t pair_count;
    struct key_pair *pairs;
};

/** True for a data file in CSV, by its suffix: ".csv" or ".csv.gz". */
bool ktki_key_is_csv(const char *key);

/** Decode a key; everything lies in the arena. Components without exactly one '=' are passed over.
 */
ktk_status ktki_key_decode(struct key_parts *out, struct arena *arena, const char *key,
                           ktk_error *err);

#endif
