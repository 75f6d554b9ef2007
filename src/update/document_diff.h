/** What has become of a document: the difference of two states, whoever made it. */
#ifndef KTKI_UPDATE_DOCUMENT_DIFF_H
#define KTKI_UPDATE_DOCUMENT_DIFF_H

#include "base/hash_map.h"
#include "dataset/snapshot.h"

/** Positions and texts are those of the two documents, which must outlive it. */
struct document_diff {
    ktk_dataset *from;
    ktk_dataset *to;
    struct buffer added; /* int64_t: partitions of `to` that `from` has not, or with other files */
    struct buffer
        removed; /* int64_t: partitions of `from` that `to` has not, or with other files */
    struct buffer indices;  /* const char *: columns whose index came, went or has another key */
    struct buffer metadata; /* const char *: keys that came, went or have another value; ours and
                               the time of creation left out. In `arena` */
    bool has_schema_change; /* some table's schema file has another hash */
    bool is_recreated; /* other partition keys or another time of creation: not the same dataset */
    struct hash_map removed_set; /* labels of `removed` */
    struct arena arena;
};

/** Compare. Partitions are told apart by label and files, their order does not count. */
ktk_status ktki_document_diff(struct document_diff *out, ktk_dataset *from, ktk_dataset *to,
                              ktk_error *err);
void ktki_document_diff_clear(struct document_diff *diff);

#endif
