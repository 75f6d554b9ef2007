#include "parquet/write_choices.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "parquet/leaf_values.h"
#include "parquet/metadata_rules.h"
#include "parquet/names.h"
#include "parquet/value_encode.h"

#define BLOOM_FPP_DEFAULT 0.01

/* By ktk_parquet_encoding. */
static const enum parquet_encoding encodings[] = {
    [KTK_ENCODING_AUTO] = PQ_PLAIN,
    [KTK_ENCODING_PLAIN] = PQ_PLAIN,
    [KTK_ENCODING_RLE] = PQ_RLE,
    [KTK_ENCODING_DELTA_BINARY_PACKED] = PQ_DELTA_BINARY_PACKED,
    [KTK_ENCODING_DELTA_LENGTH_BYTE_ARRAY] = PQ_DELTA_LENGTH_BYTE_ARRAY,
    [KTK_ENCODING_DELTA_BYTE_ARRAY] = PQ_DELTA_BYTE_ARRAY,
    [KTK_ENCODING_BYTE_STREAM_SPLIT] = PQ_BYTE_STREAM_SPLIT,
};

static bool is_path(const struct write_leaf *leaf, const char *path) {
    for (int32_t i = 0; i < leaf->path_count; i++) {
        size_t size = strlen(leaf->path[i]);
        if (strncmp(path, leaf->path[i], size) != 0 ||
            path[size] != (i + 1 < leaf->path_count ? '.' : '\0')) {
            return false;
        }
        path += size + 1;
    }
    return true;
}

static ktk_status find_leaf(struct write_schema *plan, const char *path, struct write_leaf **out,
                            ktk_error *err) {
    for (int32_t i = 0; path != NULL && i < plan->leaf_count; i++) {
        if (is_path(&plan->leaves[i], path)) {
            *out = &plan->leaves[i];
            return KTK_OK;
        }
    }
    return ktk_error_set(err, KTK_E_INVALID,
                         "there is no column '%s' to choose an encoding for; give the path in the "
                         "file, as 'x' or 'x.list.item'",
                         path == NULL ? "" : path);
}

static ktk_status refuse_encoding(const struct write_leaf *leaf, const char *path,
                                  enum parquet_encoding encoding, ktk_error *err) {
    char names[160] = "";
    size_t size = 0;

    for (int32_t i = KTK_ENCODING_PLAIN; i < COUNT_OF(encodings); i++) {
        if (ktki_encoding_fits(encodings[i], leaf->physical)) {
            size +=
                (size_t)snprintf(names + size, sizeof(names) - size, "%s%s", size == 0 ? "" : ", ",
                                 ktki_parquet_encoding_name((int32_t)encodings[i]));
        }
    }
    return ktk_error_set(err, KTK_E_INVALID,
                         "column '%s' of type %s cannot be encoded as %s, choose one of %s", path,
                         ktki_parquet_type_name(leaf->physical),
                         ktki_parquet_encoding_name((int32_t)encoding), names);
}

static ktk_status choose_bloom(struct write_leaf *leaf, const ktk_parquet_column_options *column,
                               ktk_error *err) {
    double fpp = column->bloom_fpp == 0 ? BLOOM_FPP_DEFAULT : column->bloom_fpp;

    if (!column->bloom_filter) {
        return KTK_OK;
    }
    if (leaf->physical == PQ_BOOLEAN) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "column '%s' of type BOOLEAN cannot have a bloom filter",
                             column->path);
    }
    if (!(fpp > 0 && fpp < 1)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "column '%s': the false positives of a bloom filter must be between 0 "
                             "and 1, not %g",
                             column->path, fpp);
    }
    leaf->bloom_fpp = fpp;
    return KTK_OK;
}

static ktk_status choose(struct write_schema *plan, const ktk_parquet_column_options *column,
                         ktk_error *err) {
    struct write_leaf *leaf = NULL;
    enum parquet_encoding encoding;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_leaf(plan, column->path, &leaf, err));
    if ((size_t)column->encoding >= sizeof(encodings) / sizeof(encodings[0])) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': unknown encoding %d", column->path,
                  (int)column->encoding);
    }
    encoding = encodings[column->encoding];
    if (!ktki_encoding_fits(encoding, leaf->physical)) {
        KTKI_TRY(refuse_encoding(leaf, column->path, encoding, err));
    }
    if (column->dictionary == KTK_DICTIONARY_ALWAYS && leaf->physical == PQ_BOOLEAN) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s' of type BOOLEAN cannot have a dictionary",
                  column->path);
    }
    KTKI_TRY(choose_bloom(leaf, column, err));
    leaf->encoding = encoding;
    switch (column->dictionary) {
    case KTK_DICTIONARY_AUTO:
        leaf->dictionary =
            column->encoding == KTK_ENCODING_AUTO ? DICTIONARY_IF_IT_PAYS : DICTIONARY_NEVER;
        break;
    case KTK_DICTIONARY_NEVER:
        leaf->dictionary = DICTIONARY_NEVER;
        break;
    case KTK_DICTIONARY_ALWAYS:
        leaf->dictionary = DICTIONARY_ALWAYS;
        break;
    default:
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': unknown choice %d of a dictionary",
                  column->path, (int)column->dictionary);
    }
out:
    return status;
}

/* Leaves are the elements that have a type, in the same order. */
static void store_timestamps(struct write_schema *plan, enum parquet_time_unit unit) {
    struct write_leaf *leaf = plan->leaves;

    for (int32_t i = 0; i < plan->element_count; i++) {
        struct schema_element *element = &plan->elements[i];
        if (!element->has_type) {
            continue;
        }
        if (leaf->type->id == TYPE_TIMESTAMP) {
            element->logical.unit = unit;
            element->converted = unit == PQ_UNIT_MILLIS ? PQ_TIMESTAMP_MILLIS : PQ_CONVERTED_NONE;
            leaf->kernel = ktki_timestamp_kernel(leaf->type->unit, unit);
        }
        leaf++;
    }
}

ktk_status ktki_write_choices(struct write_schema *plan, const ktk_parquet_write_options *options,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < options->column_count; i++) {
        KTKI_TRY(choose(plan, &options->columns[i], err));
    }
    switch (options->timestamp_unit) {
    case KTK_TIMESTAMP_MICROSECONDS:
        break;
    case KTK_TIMESTAMP_MILLISECONDS:
        store_timestamps(plan, PQ_UNIT_MILLIS);
        break;
    case KTK_TIMESTAMP_NANOSECONDS:
        store_timestamps(plan, PQ_UNIT_NANOS);
        break;
    default:
        KTKI_FAIL(err, KTK_E_INVALID, "unknown unit %d of timestamps",
                  (int)options->timestamp_unit);
    }
out:
    return status;
}
