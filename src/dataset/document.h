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

/** Table names are interned: one pointer per distinct name. Texts lie in the arena, or in the text
 * that was parsed in place. */
struct document {
    struct arena arena;
    struct buffer room; /* of `partitions`, if they were parsed */
    const char *uuid;
    int64_t version;
    bool has_partitions; /* false: implicit */
    int64_t partition_count;
    struct partition *partitions;
    /* Where partitions of one file each stand in the text that was parsed in place, one behind the
     * other, as ktki_document_write() writes them; NULL: nowhere. */
    const char *plain_begin;
    const char *plain_end;
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

/**
 * The same, but names are not copied: they end where they stand, with a NUL for the quote behind
 * them. `text` must outlive the document and stay as it is; after a failure it is of no use.
 */
ktk_status ktki_document_parse_in_place(struct document *out, ktk_context *context, char *text,
                                        size_t size, ktk_error *err);

/** Copy text that was parsed in place, or a part of it, as it was before. */
void ktki_document_restore(char *out, const char *text, size_t size);

/** Append the exact bytes of dataset.md 2.1: key order, separators, ASCII escapes. Unknown members
 * go last. NaN and Infinity in the metadata are KTK_E_INVALID. */
ktk_status ktki_document_write(const struct document *document, struct buffer *out, ktk_error *err);

/** Copy an array that grew in a buffer into the arena of the document. `out` points to the pointer.
 */
ktk_status ktki_document_keep(struct document *document, const struct buffer *array, void *out,
                              ktk_error *err);

void ktki_document_clear(struct document *document);

#endif
