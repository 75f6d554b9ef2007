#include "parquet/annotation.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "parquet/schema_read.h"

#define TYPE_KEY "PARQUET:logical_type"
#define CRS_KEY "PARQUET:crs"
#define EDGES_KEY "PARQUET:edges"
#define EXTENSION_KEY "ARROW:extension:name"

/* Where an annotation may stand, as a physical type. */
#define GROUP PQ_TYPE_COUNT

struct annotation {
    const char *name;
    enum parquet_logical logical;
    enum parquet_converted converted;
    enum parquet_type type;
    int32_t length; /* FIXED_LEN_BYTE_ARRAY */
    bool has_order;
    const char *extension; /* type of Arrow's that means the same; NULL: none */
};

static const struct annotation annotations[] = {
    {"ENUM", PQ_LOGICAL_ENUM, PQ_ENUM, PQ_BYTE_ARRAY, 0, true, NULL},
    {"JSON", PQ_LOGICAL_JSON, PQ_JSON, PQ_BYTE_ARRAY, 0, true, "arrow.json"},
    {"BSON", PQ_LOGICAL_BSON, PQ_BSON, PQ_BYTE_ARRAY, 0, true, NULL},
    {"UUID", PQ_LOGICAL_UUID, PQ_CONVERTED_NONE, PQ_FIXED_LEN_BYTE_ARRAY, 16, true, "arrow.uuid"},
    {"INTERVAL", PQ_LOGICAL_NONE, PQ_INTERVAL, PQ_FIXED_LEN_BYTE_ARRAY, 12, false, NULL},
    {"VARIANT", PQ_LOGICAL_VARIANT, PQ_CONVERTED_NONE, GROUP, 0, false, NULL},
    {"GEOMETRY", PQ_LOGICAL_GEOMETRY, PQ_CONVERTED_NONE, PQ_BYTE_ARRAY, 0, false, NULL},
    {"GEOGRAPHY", PQ_LOGICAL_GEOGRAPHY, PQ_CONVERTED_NONE, PQ_BYTE_ARRAY, 0, false, NULL},
};

#define ANNOTATIONS (sizeof(annotations) / sizeof(annotations[0]))

/* EdgeInterpolationAlgorithm of the format. */
static const char *const edges[] = {"SPHERICAL", "VINCENTY", "THOMAS", "ANDOYER", "KARNEY"};

#define EDGES ((int32_t)(sizeof(edges) / sizeof(edges[0])))

/* ---- reading ---- */

static const char *name_of(const struct schema_element *element) {
    struct parquet_logical_type logical = ktki_parquet_logical(element);

    for (size_t i = 0; i < ANNOTATIONS; i++) {
        if (logical.id == PQ_LOGICAL_NONE
                ? element->converted == PQ_INTERVAL && annotations[i].converted == PQ_INTERVAL
                : annotations[i].logical == logical.id) {
            return annotations[i].name;
        }
    }
    return logical.id == PQ_LOGICAL_OTHER ? "UNKNOWN" : NULL;
}

static ktk_status note(struct field *field, struct arena *arena, const char *key, const char *value,
                       ktk_error *err) {
    struct key_value entry = {key, NULL, strlen(value)};
    struct key_value *grown = NULL;
    size_t count = (size_t)field->key_value_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(arena, value, entry.value_size, &entry.value, err));
    KTKI_TRY(ktki_arena_array(arena, count + 1, sizeof(*grown), &grown, err));
    if (count > 0) {
        memcpy(grown, field->key_values, count * sizeof(*grown));
    }
    grown[count] = entry;
    field->key_values = grown;
    field->key_value_count++;
out:
    return status;
}

ktk_status ktki_annotation_read(struct field *field, struct arena *arena,
                                const struct schema_element *element, ktk_error *err) {
    const struct parquet_logical_type *logical = &element->logical;
    const char *name = name_of(element);
    ktk_status status = KTK_OK;

    if (name == NULL) {
        return KTK_OK;
    }
    KTKI_TRY(note(field, arena, TYPE_KEY, name, err));
    if (logical->crs != NULL && ktki_utf8_is_valid(logical->crs, strlen(logical->crs))) {
        KTKI_TRY(note(field, arena, CRS_KEY, logical->crs, err));
    }
    if (logical->edges > 0 && logical->edges < EDGES) {
        KTKI_TRY(note(field, arena, EDGES_KEY, edges[logical->edges], err));
    }
out:
    return status;
}

/* ---- writing ---- */

static const char *noted(const struct field *field, const char *key) {
    for (int32_t i = 0; i < field->key_value_count; i++) {
        if (strcmp(field->key_values[i].key, key) == 0) {
            return field->key_values[i].value;
        }
    }
    return NULL;
}

static const struct annotation *find(const struct field *field) {
    const char *name = noted(field, TYPE_KEY);
    const char *extension = noted(field, EXTENSION_KEY);

    for (size_t i = 0; i < ANNOTATIONS; i++) {
        const struct annotation *annotation = &annotations[i];
        if (name != NULL ? strcmp(annotation->name, name) == 0
                         : extension != NULL && annotation->extension != NULL &&
                               strcmp(annotation->extension, extension) == 0) {
            return annotation;
        }
    }
    return NULL;
}

bool ktki_annotation_is_variant(const struct field *field) {
    const struct annotation *annotation = find(field);

    return annotation != NULL && annotation->logical == PQ_LOGICAL_VARIANT;
}

static bool fits(const struct annotation *annotation, const struct schema_element *element) {
    if (!element->has_type) {
        return annotation->type == GROUP && element->logical.id == PQ_LOGICAL_NONE;
    }
    /* A text is a piece of bytes, too; a decimal is not. */
    return annotation->type == element->type &&
           (annotation->length == 0 || annotation->length == element->type_length) &&
           (element->logical.id == PQ_LOGICAL_NONE || element->logical.id == PQ_LOGICAL_STRING);
}

static ktk_status write_edges(struct schema_element *element, const char *name, const char *column,
                              ktk_error *err) {
    for (int32_t i = 0; i < EDGES; i++) {
        if (strcmp(edges[i], name) == 0) {
            element->logical.edges = i;
            return KTK_OK;
        }
    }
    return ktk_error_set(err, KTK_E_INVALID, "column '%s': unknown edges '%s'", column, name);
}

ktk_status ktki_annotation_write(struct schema_element *element, const struct field *field,
                                 const char *column, bool *has_order, ktk_error *err) {
    const struct annotation *annotation = find(field);
    const char *edges_name = noted(field, EDGES_KEY);
    ktk_status status = KTK_OK;

    if (annotation == NULL) {
        *has_order = true;
        return KTK_OK;
    }
    if (!fits(annotation, element)) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': the logical type '%s' does not fit its values",
                  column, annotation->name);
    }
    element->converted = annotation->converted;
    element->logical = (struct parquet_logical_type){.id = annotation->logical};
    if (annotation->logical == PQ_LOGICAL_GEOMETRY || annotation->logical == PQ_LOGICAL_GEOGRAPHY) {
        element->logical.crs = noted(field, CRS_KEY);
    }
    if (annotation->logical == PQ_LOGICAL_GEOGRAPHY && edges_name != NULL) {
        KTKI_TRY(write_edges(element, edges_name, column, err));
    }
    if (annotation->logical == PQ_LOGICAL_VARIANT) {
        element->logical.variant_version = 1;
    }
    *has_order = annotation->has_order;
out:
    return status;
}
