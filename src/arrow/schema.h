/** Schemas: named, typed fields. Immutable once shared. */
#ifndef KTKI_ARROW_SCHEMA_H
#define KTKI_ARROW_SCHEMA_H

#include <kartothek/arrow_abi.h>
#include <kartothek/context.h>

#include "arrow/type.h"
#include "base/arena.h"
#include "base/buffer.h"

struct key_value {
    const char *key;   /* NUL-terminated */
    const char *value; /* NUL behind it, NULs inside possible */
    size_t value_size;
};

struct field {
    const char *name;
    struct data_type type;
    bool nullable;
    bool keys_sorted; /* MAP */
    int32_t child_count;
    struct field *children;   /* LIST kinds and MAP: one; STRUCT: any number */
    struct field *dictionary; /* DICTIONARY: name ignored, type and nullability of the values, which
                                 are no DICTIONARY themselves */
    int32_t key_value_count;
    struct key_value *key_values;
};

/**
 * Everything a schema points to lies in its arena. Build: ktki_schema_new(), fill `fields` and
 * `key_values` with memory of the arena, then share; after the first ktki_schema_ref() it must not
 * change.
 */
struct schema {
    ktk_context *context; /* a reference */
    struct arena arena;
    int32_t field_count;
    struct field *fields;
    int32_t key_value_count;
    struct key_value *key_values;
    int64_t references; /* atomic access only */
};

/** `field_count` zeroed fields to fill. */
ktk_status ktki_schema_new(struct schema **out, ktk_context *context, int32_t field_count,
                           ktk_error *err);
struct schema *ktki_schema_ref(struct schema *schema);
void ktki_schema_free(struct schema *schema);

/** Deep copy of a field into the memory of a schema that is being built. */
ktk_status ktki_field_copy(struct schema *schema, struct field *out, const struct field *field,
                           ktk_error *err);

/** Dictionaries, at any depth, become their values; the field belongs to a schema being built. */
void ktki_field_decode(struct field *field);

/** Add or replace key/value metadata of a schema that is being built. The value may hold NULs. */
ktk_status ktki_schema_set_key_value(struct schema *schema, const char *key, const char *value,
                                     size_t value_size, ktk_error *err);

/** Metadata entry or NULL. */
const struct key_value *ktki_schema_key_value(const struct schema *schema, const char *key);

/** A schema of the given fields of another, in that order; `keep_metadata`: with its key/values. */
ktk_status ktki_schema_select(struct schema **out, const struct schema *schema,
                              const int32_t *indices, int32_t count, bool keep_metadata,
                              ktk_error *err);

/** Index of the field of that name, -1 if there is none. */
int32_t ktki_schema_find(const struct schema *schema, const char *name);

/** Type, nullability, children and dictionary, recursively; names too, list item names excepted;
 * metadata not. */
bool ktki_field_equals(const struct field *a, const struct field *b);

/** Append the readable type, e.g. "list<item: int64>", "timestamp[us, tz=UTC]",
 * "dictionary<values=string, indices=int8>". */
ktk_status ktki_field_type_text(const struct field *field, struct buffer *out, ktk_error *err);

/**
 * From the C Data Interface; `schema` is borrowed and must be of struct type ("+s"), the form of
 * streams. Checks depth and counts against the limits, UTF-8 of names. KTK_E_INVALID for a format
 * string that is none, KTK_E_UNSUPPORTED for unions and run-end-encoded arrays.
 */
ktk_status ktki_schema_import(struct schema **out, ktk_context *context,
                              const struct ArrowSchema *schema, ktk_error *err);

/** To the C Data Interface, a struct type. The export stands alone. */
ktk_status ktki_schema_export(const struct schema *schema, struct ArrowSchema *out, ktk_error *err);

#endif
