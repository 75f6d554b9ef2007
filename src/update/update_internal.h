/** The inside of an update: what its steps share. */
#ifndef KTKI_UPDATE_UPDATE_INTERNAL_H
#define KTKI_UPDATE_UPDATE_INTERNAL_H

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "arrow/schema.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/hash_map.h"
#include "base/retry.h"
#include "base/uuid.h"
#include "dataset/snapshot.h"
#include "update/change.h"

struct scratch_pool;

/** A table of the partitions that an update adds. The texts lie in its arena. */
struct update_table {
    const char *name;
    const char *schema_key;
    struct schema *schema; /* of all inputs so far; NULL: none yet */
    const char *schema_origin;
};

/** A data file. */
struct written_file {
    const char *label; /* in the arena of the update */
    char *key;         /* owned; NULL: nothing was put */
    int64_t row_count;
    int64_t size;
    bool is_taken; /* another update wrote it: it stays, whatever becomes of this one */
    bool is_rest;  /* rows of a partition that loses others: nothing was added */
};

struct put_ahead;

/** A label that came more than once. */
struct repeated_label {
    const char *label; /* in the arena of the update */
    uint64_t place;    /* where it came first */
};

/** An index that an update builds, anew if there is one, or drops. */
struct index_wish {
    const char *column; /* in the arena of the update */
    bool is_drop;
};

/** What the store holds of the dataset's document. */
struct document_state {
    bool exists;
    ktk_document_format format; /* of the file, if it exists */
    ktk_store_version version;  /* empty: the store gives none, `hash` decides */
    uint64_t hash;              /* of the text, where there is no version or claims need it */
    ktk_dataset *dataset;       /* owned; NULL: missing, or not readable */
};

/** What is done with the files of an update that ends without a commit. */
enum update_fate {
    UPDATE_OPEN,        /* they are removed */
    UPDATE_FAILED,      /* the same, and nothing else can be done */
    UPDATE_UNKNOWN,     /* nobody knows whether the commit came through: they stay */
    UPDATE_COMMITTED,   /* they are the dataset's */
    UPDATE_HANDED_OVER, /* another update will commit them */
};

struct ktk_update {
    ktk_store *store;               /* a reference */
    ktk_context *context;           /* borrowed from the store */
    const ktk_allocator *allocator; /* of the context */
    struct scratch_pool *scratches; /* that all files are encoded with */
    struct arena arena;             /* of the texts below and of labels */
    const char *uuid;
    const char *table;          /* that ktk_update_add() fills */
    bool has_table;             /* it was asked for, or is the only one of the dataset */
    const char *document_key;   /* of the file that is put */
    ktk_document_format format; /* of that file */
    const char *msgpack_key;
    const char **partition_on;
    int32_t partition_on_count;
    ktk_parquet_write_options file_options;
    bool (*progress)(void *state, int64_t files, int64_t rows, int64_t bytes);
    void *progress_state;
    bool (*index_progress)(void *state, int64_t files, int64_t file_count);
    ktk_update_mode mode;
    char commit_id[KTKI_UUID_TEXT_SIZE];
    bool is_repeatable;         /* the id is the caller's: the commit may have been made before */
    struct document_state base; /* what the update was begun on */
    ktk_dataset *restored; /* owned: the state that comes back, instead of any other; or NULL */
    struct change change;
    enum operation operation; /* what the commit is called; OPERATION_COUNT: by what it does */
    ktk_on_conflict on_conflict;
    int32_t attempts_max;
    int64_t time_max_ms;
    int64_t grace_ms;
    const struct time_source *clock; /* NULL: the system's */
    ktk_delete_mode delete_mode;
    bool dry_run;
    int64_t rewritten_count; /* partitions that lose some rows, and these rows */
    int64_t rewritten_hits;
    int64_t first_file_ms; /* when the first file was begun; 0: none yet */
    bool has_input;
    enum update_fate fate;
    struct hash_map base_labels; /* of the base; filled when first asked for */
    struct update_table *tables; /* in the arena: those of the dataset, or of the first input */
    int32_t table_count;         /* 0: not known yet */
    struct buffer index_wishes;  /* struct index_wish */
    struct buffer index_keys; /* const char *: index files that were put, for whatever document */
    struct buffer files;      /* struct written_file; a partition has one of each table, in their
                                 order, one after the other */
    struct put_ahead *puts;   /* of them that are under way; NULL: none are, or can be */
    struct hash_map labels;   /* of `files`, and their places among them all */
    struct buffer repeated;   /* struct repeated_label, in the order of places; then nothing is
                                 written any more */
    int64_t file_count;       /* of `files` that are written, with their rows and bytes */
    int64_t row_count;
    int64_t byte_count;
};

/** Bring the files written so far into the change, and decide what it is. */
ktk_status ktki_update_fill_change(struct ktk_update *update, ktk_error *err);

/** Count a file that is written, and tell the caller of it. KTK_E_CANCELLED if that ends the
 * update. On the caller's thread. */
ktk_status ktki_update_count(struct ktk_update *update, const struct written_file *file,
                             ktk_error *err);

/** Remove a key that nobody refers to, as far as possible: what stays is garbage. */
void ktki_update_discard(const struct ktk_update *update, const char *key);

/** Nothing of the document that was there stays. */
static inline bool ktki_update_replaces(const struct ktk_update *update) {
    return update->mode == KTK_UPDATE_OVERWRITE;
}

/** The state that the change is applied to, out of the one that is replaced; NULL: none. */
static inline ktk_dataset *ktki_update_ground(const struct ktk_update *update,
                                              ktk_dataset *current) {
    return update->restored != NULL       ? update->restored
           : ktki_update_replaces(update) ? NULL
                                          : current;
}

/** Partitions that are added. */
static inline size_t ktki_update_partition_count(const struct ktk_update *update) {
    return update->table_count == 0
               ? 0
               : update->files.size / sizeof(struct written_file) / (size_t)update->table_count;
}

/** Make a text in the arena of the update. */
ktk_status ktki_update_text(struct ktk_update *update, const char **out, ktk_error *err,
                            const char *format, ...) KTK_PRINTF(4, 5);

#endif
