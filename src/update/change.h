/** What one update does to a document, independent of the document that it meets. */
#ifndef KTKI_UPDATE_CHANGE_H
#define KTKI_UPDATE_CHANGE_H

#include <kartothek/predicate.h>

#include "base/hash_map.h"
#include "dataset/document.h"

/** What a commit is for. The order is that of the rows of the conflict matrix, as far as it has
 * one. */
enum operation {
    OPERATION_APPEND,
    OPERATION_DELETE,
    OPERATION_REPLACE,
    OPERATION_OVERWRITE,
    OPERATION_COMPACT,
    OPERATION_INDEX,
    OPERATION_SCHEMA,
    OPERATION_METADATA,
    OPERATION_CREATE,
    OPERATION_RESTORE,
    OPERATION_COUNT
};

/** Everything lies in `arena`, but for the scope. */
struct change {
    struct arena arena;
    enum operation operation;

    /** Partitions that come, in this order. */
    int64_t added_count;
    struct partition *added;

    /** What goes: NULL and `removes_all` false: nothing. Owned. */
    ktk_predicate *scope;
    bool removes_all;

    /** Labels that the scope, or a list, came down to on the document it was asked of. */
    struct buffer removed;       /* const char * */
    struct hash_map removed_set; /* of `removed`; 1: one of `inputs` */

    /** Of the labels removed, those whose rows `added` holds again: they must still be there, as
     * they were, when the change is applied. */
    struct buffer inputs; /* const char * */

    /** Indices that come in place of those of the same columns; neither `key` nor `embedded`: the
     * index goes. */
    int32_t index_count;
    struct document_index *indices;

    /** Columns whose index the change is about: built or dropped because that was asked. */
    struct buffer index_columns; /* const char *, borrowed */

    /** Keys of a JSON map that are set in the metadata. */
    const char *metadata;
    size_t metadata_size;

    /** Of a dataset that is made by this change. */
    int32_t partition_key_count;
    const char **partition_keys;
};

/** An empty one. `allocator` must outlive it. */
void ktki_change_init(struct change *change, const ktk_allocator *allocator);
void ktki_change_clear(struct change *change);

/** Remove a partition; once more is no error. The label is copied. */
ktk_status ktki_change_remove(struct change *change, const char *label, bool is_input,
                              ktk_error *err);

/** True if a partition of that label goes. */
bool ktki_change_removes(const struct change *change, const char *label);

/** True if it is one of the inputs. */
bool ktki_change_has_input(const struct change *change, const char *label);

/** True if there is a scope, whatever it came down to. */
static inline bool ktki_change_has_scope(const struct change *change) {
    return change->scope != NULL || change->removes_all;
}

/** "append", "delete", … and a letter for each, both fixed for ever: they are stored. */
const char *ktki_operation_text(enum operation operation);
char ktki_operation_letter(enum operation operation);

/** OPERATION_COUNT for a letter that is none. */
enum operation ktki_operation_of_letter(char letter);

#endif
