/**
 * What a logical type says of values that Arrow has no type for: UUID, ENUM, JSON, BSON, INTERVAL,
 * VARIANT, GEOMETRY, GEOGRAPHY. The values are read as they are stored; the name of the type stands
 * in the metadata of the field, and is written again from there:
 *
 * - `PARQUET:logical_type`: the name; UNKNOWN for one that is newer than this library, which is not
 *   written again.
 * - `PARQUET:crs`: the coordinate reference system of GEOMETRY and GEOGRAPHY, if there is one.
 * - `PARQUET:edges`: how GEOGRAPHY connects points, unless it is SPHERICAL.
 *
 * Fields of the extension types `arrow.uuid` and `arrow.json` are written as UUID and JSON, too.
 */
#ifndef KTKI_PARQUET_ANNOTATION_H
#define KTKI_PARQUET_ANNOTATION_H

#include "arrow/schema.h"
#include "parquet/metadata.h"

/** Note the annotation of an element, if it has one of these, in a field of a schema that is being
 * built. */
ktk_status ktki_annotation_read(struct field *field, struct arena *arena,
                                const struct schema_element *element, ktk_error *err);

/**
 * Annotate an element, which is complete otherwise, with what its field notes. Texts are borrowed
 * from the field. `*has_order` gets false if values have no order that statistics could follow.
 * KTK_E_INVALID if the annotation does not fit the element; `column` is for that message.
 */
ktk_status ktki_annotation_write(struct schema_element *element, const struct field *field,
                                 const char *column, bool *has_order, ktk_error *err);

/** Whether a field will be annotated as VARIANT. */
bool ktki_annotation_is_variant(const struct field *field);

#endif
