/** The `pandas` entry of a schema (dataset.md 3.3): what pandas and both originals need to know
 * about columns, as JSON. */
#ifndef KTKI_DATASET_PANDAS_METADATA_H
#define KTKI_DATASET_PANDAS_METADATA_H

#include "arrow/schema.h"
#include "base/arena.h"
#include "base/buffer.h"

#define KTKI_PANDAS_KEY "pandas"

/** One entry of `columns`. Texts that are NULL stand for null. */
struct pandas_column {
    const char *field_name; /* of the Arrow field; never NULL */
    const char *name;       /* NULL: an index level without a name */
    const char *pandas_type;
    const char *numpy_type;
    const char *metadata; /* JSON text; never NULL */
};

/** One entry of `index_columns`: the name of a field, or something else, as JSON (a range). */
struct pandas_index {
    const char *field_name; /* NULL: not stored as a column */
    const char *json;
};

/** Any other member: its value as JSON text. */
struct pandas_member {
    const char *key;
    const char *json;
};

/** Everything lies in the arena that was given. Arrays may be replaced and elements changed. */
struct pandas_metadata {
    int32_t column_count;
    struct pandas_column *columns;
    int32_t index_count;
    struct pandas_index *indices;
    int32_t member_count;
    struct pandas_member *members;
};

/** The entry of a schema; `*has_entry` false and an empty result if it has none. KTK_E_CORRUPT if
 * it is not what pandas writes. */
ktk_status ktki_pandas_parse(struct pandas_metadata *out, bool *has_entry, struct arena *arena,
                             const struct schema *schema, ktk_error *err);

/** What belongs beside the columns when there is no entry to take it from: no index columns,
 * and us as the creator. */
ktk_status ktki_pandas_init(struct pandas_metadata *out, struct arena *arena, ktk_error *err);

/** Append as JSON with the keys of every level sorted, as both originals write it. */
ktk_status ktki_pandas_write(const struct pandas_metadata *pandas, struct arena *arena,
                             struct buffer *out, ktk_error *err);

/** Write, and put it into a schema that is being built. */
ktk_status ktki_pandas_attach(const struct pandas_metadata *pandas, struct arena *arena,
                              struct schema *schema, ktk_error *err);

/** What pyarrow would write for a field of that type; the texts in the arena or constant. */
ktk_status ktki_pandas_column_of_field(struct pandas_column *out, struct arena *arena,
                                       const struct field *field, ktk_error *err);

/** False for a dtype that not every reader knows: it would break the read. */
bool ktki_numpy_type_is_common(const char *numpy_type);

#endif
