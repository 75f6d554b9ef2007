/** The metadata document (JSON): dataset.md 2. */
#ifndef KTKI_DATASET_DOCUMENT_H
#define KTKI_DATASET_DOCUMENT_H

#include <kartothek/store.h>

#include "base/arena.h"
#include "base/buffer.h"

struct partition_file {
    const char *table;
    const char *key;
};

struct partition {
    const char *label;
    int32_t file_count;
    struct partition_file *files;
};

struct document_index {
    const char *column;
    const char *key;      /* NULL: embedded */
    const char *embedded; /* the JSON text of an embedded map, else NULL */
    size_t embedded_size;
};

/** Table names are interned: one pointer per distinct name. Texts lie in the arena. */
struct document {
    struct arena arena;
    const char *uuid;
    int64_t version;
    bool has_partitions; /* false: implicit */
    int64_t partition_count;
    struct partition *partitions;
    int32_t table_count; /* of all partitions, by first appearance */
    const char **tables;
    bool has_partition_keys;
    int32_t partition_key_count;
    const char **partition_keys;
    int32_t index_count;
    struct document_index *indices;
    const char *metadata; /* JSON text of the map, "{}" if absent */
    size_t metadata_size;
    const char *unknown; /* JSON text `"key": value, …` of members we do not know, "" if none */
    size_t unknown_size;
};

/** Parse; streams, without a tree. KTK_E_CORRUPT with the byte position; KTK_E_UNSUPPORTED for
 * another version than 4. */
ktk_status ktki_document_parse(struct document *out, ktk_context *context, const char *text,
                               size_t size, ktk_error *err);

/** Append the exact bytes of dataset.md 2.1: key order, separators, ASCII escapes. Unknown members
 * go last. NaN and Infinity in the metadata are KTK_E_INVALID. */
ktk_status ktki_document_write(const struct document *document, struct buffer *out, ktk_error *err);

/** Copy an array that grew in a buffer into the arena of the document. `out` points to the pointer.
 */
ktk_status ktki_document_keep(struct document *document, const struct buffer *array, void *out,
                              ktk_error *err);

void ktki_document_clear(struct document *document);

#endif
