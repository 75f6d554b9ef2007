/** The inside of a dataset snapshot. */
#ifndef KTKI_DATASET_SNAPSHOT_INTERNAL_H
#define KTKI_DATASET_SNAPSHOT_INTERNAL_H

#include <pthread.h>

#include "base/hash_map.h"
#include "dataset/document.h"
#include "dataset/index.h"
#include "dataset/snapshot.h"

/** A table and its schema file, which is fetched when first asked for. */
struct dataset_table {
    const char *name;
    ktk_bytes file;        /* `data` NULL: not fetched yet */
    struct schema *schema; /* NULL: not decoded yet */
};

/** What was found out about an index. */
struct dataset_index {
    uint8_t *uncovered; /* a bit for each partition that it does not know; NULL: not asked yet */
};

/** Everything but what `lock` guards is fixed once the snapshot is made. What is guarded changes
 * once, from absent to present, and stays: pointers handed out live as long as the snapshot. */
struct ktk_dataset {
    int64_t references; /* atomic access only */
    ktk_store *store;
    ktk_bytes text;     /* parsed in place */
    ktk_bytes restored; /* `text` as it was before; made when first asked for */
    ktk_document_format format;
    int64_t past_sequence; /* number of the version, if it is not the current one; else 0 */
    ktk_store_version version;
    struct document document;    /* partitions that were found by listing included */
    struct commit_record record; /* in the arena of the document */
    uint64_t sum;                /* of the document; valid once `has_sum` is set: atomic access */
    bool has_sum;
    int32_t table_count;
    struct dataset_table *tables;  /* in the arena of the document */
    struct dataset_index *indices; /* as those of the document; in its arena */
    int32_t searches;              /* labels that were looked for one by one */
    bool has_labels;               /* the two below are made, when they are first needed */
    struct hash_map labels;        /* number of each partition by its label */
    struct label_digest digest;    /* of all labels */
    pthread_mutex_t lock; /* of `file` and `schema` of each table, the five above and `restored` */
};

/**
 * Complete a document that was just parsed with what it does not say: partitions found by listing
 * the store if it has no list of them (dataset.md 2.5), partition keys out of the first file's key
 * (2.1), and the names of the tables (2.6).
 */
ktk_status ktki_dataset_discover(ktk_dataset *dataset, ktk_error *err);

#endif
