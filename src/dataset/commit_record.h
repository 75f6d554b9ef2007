/**
 * Who wrote a document: metadata["ktk.commit"] and metadata["ktk.recent"], each JSON in a text, so
 * that the originals keep them as they keep any metadata of a user.
 */
#ifndef KTKI_DATASET_COMMIT_RECORD_H
#define KTKI_DATASET_COMMIT_RECORD_H

#include "base/uuid.h"
#include "dataset/document.h"

#define KTKI_COMMIT_KEY "ktk.commit"
#define KTKI_RECENT_KEY "ktk.recent"
#define KTKI_CREATION_TIME_KEY "creation_time"
#define KTKI_RECENT_MAX 64
#define KTKI_HASH_TEXT_SIZE 17 /* 16 hex digits, with NUL */

/** The schema file of a table as of a commit. */
struct schema_stamp {
    const char *table;
    char hash[KTKI_HASH_TEXT_SIZE]; /* of its bytes */
    const char *file;               /* these, as dataset/schema_pack.h has them; NULL: not here */
};

/** All zero: the document says nothing. Texts lie in the arena it was read into. */
struct commit_record {
    char id[KTKI_UUID_TEXT_SIZE];     /* "": unknown */
    char parent[KTKI_UUID_TEXT_SIZE]; /* "": none */
    int64_t sequence;                 /* 0: unknown */
    const char *time;                 /* UTC, ISO 8601; NULL: unknown */
    const char *writer;
    const char *operation;
    char sum[KTKI_HASH_TEXT_SIZE]; /* ktki_document_sum() of what was written; "": unknown */
    bool follows_foreign; /* what the commit was made on was written by somebody without records */
    int32_t schema_count;
    struct schema_stamp *schemas;
    int32_t recent_count; /* ids of the last commits, this one last */
    char (*recent)[KTKI_UUID_TEXT_SIZE];
    const char *recent_operations; /* a letter each (ktki_operation_letter()), or "" if unknown */
};

/** Read what the metadata map of a document says. What is malformed is taken as absent; only lack
 * of memory fails. */
ktk_status ktki_commit_record_parse(struct commit_record *out, struct arena *arena,
                                    const char *metadata, size_t size, ktk_error *err);

/** Append the JSON text for metadata["ktk.commit"]. */
ktk_status ktki_commit_record_write(const struct commit_record *record, struct buffer *out,
                                    ktk_error *err);

/** Append the JSON text for metadata["ktk.recent"]. */
ktk_status ktki_commit_recent_write(const struct commit_record *record, struct buffer *out,
                                    ktk_error *err);

/** The raw JSON of a key of a metadata map, NULL if it is not there; of equal keys the last counts.
 */
ktk_status ktki_metadata_value(const char **out, size_t *out_size, const char *metadata,
                               size_t size, const char *key, const ktk_allocator *allocator,
                               ktk_error *err);

/** KTK_E_INVALID unless it is a commit id: 32 hexadecimal digits in lower case. */
ktk_status ktki_commit_id_check(const char *id, ktk_error *err);

/** Position of an id among the recent ones, -1 if it is not there. */
int32_t ktki_commit_recent_find(const struct commit_record *record, const char *id);

/** Stamp of a table, NULL if there is none. */
const struct schema_stamp *ktki_commit_stamp(const struct commit_record *record, const char *table);

/**
 * A number over what the partitions and indices of a document name, in no particular order. A
 * writer that does not know of records leaves the old number beside partitions it does not fit.
 */
uint64_t ktki_document_sum(const struct document *document);

/** What a partition adds to that number, and what all indices do. */
uint64_t ktki_partition_sum(const struct partition *partition);
uint64_t ktki_indices_sum(const struct document *document);

/** 16 hex digits. */
void ktki_hash_text(char out[KTKI_HASH_TEXT_SIZE], uint64_t hash);

#endif
