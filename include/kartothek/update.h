/**
 * Changing a dataset: everything between begin and commit becomes visible in one atomic step, or
 * not at all.
 */
#ifndef KARTOTHEK_UPDATE_H
#define KARTOTHEK_UPDATE_H

#include <kartothek/arrow_abi.h>
#include <kartothek/dataset.h>
#include <kartothek/error.h>
#include <kartothek/parquet.h>
#include <kartothek/predicate.h>
#include <kartothek/store.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_update_mode {
    KTK_UPDATE_CREATE = 0,    /**< the dataset must not exist: KTK_E_EXISTS */
    KTK_UPDATE_OVERWRITE = 1, /**< create, or replace the whole document; files of the old state
                                 stay until collected */
    KTK_UPDATE_UPDATE = 2,    /**< the dataset must exist: KTK_E_NOT_FOUND */
    KTK_UPDATE_CREATE_OR_UPDATE = 3 /**< create, or update what is there */
} ktk_update_mode;

/** What to do about what others did meanwhile. The first three are about partitions that match the
 * scope of a delete and were added by somebody else. (If rows were added as well as deleted it is a
 * conflict in any case: the new rows may have been made from the old.) */
typedef enum ktk_on_conflict {
    KTK_ON_CONFLICT_FAIL = 0,       /**< KTK_E_CONFLICT */
    KTK_ON_CONFLICT_KEEP = 1,       /**< they stay, as if they had been added after the delete */
    KTK_ON_CONFLICT_REEVALUATE = 2, /**< they are deleted, too, as if they had been there before */
    KTK_ON_CONFLICT_FORCE = 3 /**< of KTK_UPDATE_OVERWRITE alone: whatever others did since it began
                                 is overwritten, as if it had begun after that */
} ktk_on_conflict;

/** What a delete does with a column that is no partition key, so that a partition may hold rows of
 * the scope beside others. */
typedef enum ktk_delete_mode {
    KTK_DELETE_EXACT = 0, /**< refuses: KTK_E_INVALID */
    KTK_DELETE_ROWS =
        1, /**< writes the rows that stay into new files; files without such rows are left alone */
    KTK_DELETE_WHOLE_PARTITIONS =
        2 /**< deletes partitions with all their rows, as kartothek does */
} ktk_delete_mode;

typedef struct ktk_update_options {
    size_t size;
    ktk_update_mode mode;
    /** The table that ktk_update_add() fills. NULL: that of the dataset, "table" for a new one. A
     * dataset of several tables has no such table: see ktk_update_add_tables(). */
    const char *table;
    /** Columns whose values go into the path, in this order. For a dataset that is there: none, or
     * just its own. */
    const char *const *partition_on;
    size_t partition_on_count;
    /** JSON map; its keys are set in the metadata of the document, other keys stay. NULL: none. NaN
     * and Infinity are refused. */
    const char *metadata;
    ktk_parquet_write_options file; /**< how data files are written */
    /** Called after each data file, on the thread that called into the update; returning false
     * cancels. May be NULL. */
    bool (*progress)(void *state, int64_t files, int64_t rows, int64_t bytes);
    void *progress_state;
    ktk_on_conflict on_conflict;
    int32_t commit_attempts_max; /**< puts of the document; 0: 32 */
    int64_t commit_time_max_ms;  /**< 0: 120000 */
    /** Age from which files that no document names may be collected. A commit whose first file is
     * older than half of it makes sure that all are still there; one that is older is refused. 0:
     * 72 hours. */
    int64_t grace_ms;
    ktk_delete_mode delete_mode;
    bool dry_run; /**< nothing is written; for ktk_update_preview(), it cannot be committed */
    /** Of the document of a dataset that is not there yet. One that is there keeps its own, but for
     * KTK_UPDATE_OVERWRITE, which turns MessagePack into JSON. Two writers that create a dataset at
     * the same moment, one in each format, are not told apart for certain: JSON wins. */
    ktk_document_format document_format;
    /** Id of the commit, 32 hexadecimal digits in lower case; NULL: a fresh one. For those who may
     * run the same commit again, as a scheduler repeats a task: a commit whose id is among the last
     * 64 that led to the dataset is not made another time, and told as a success. */
    const char *commit_id;
    /** Called with `progress_state` while the commit reads files for an index, on the thread that
     * called: so many of the files that this index needs are read. Returning false cancels: the
     * commit fails with KTK_E_CANCELLED, nothing is changed. Each index begins anew, and again if
     * others committed meanwhile. May be NULL. */
    bool (*index_progress)(void *state, int64_t files, int64_t file_count);
} ktk_update_options;

#define KTK_UPDATE_OPTIONS_INIT                                                                    \
    {sizeof(ktk_update_options),                                                                   \
     KTK_UPDATE_CREATE,                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     KTK_PARQUET_WRITE_OPTIONS_INIT,                                                               \
     NULL,                                                                                         \
     NULL,                                                                                         \
     KTK_ON_CONFLICT_FAIL,                                                                         \
     0,                                                                                            \
     0,                                                                                            \
     0,                                                                                            \
     KTK_DELETE_EXACT,                                                                             \
     false,                                                                                        \
     KTK_DOCUMENT_JSON,                                                                            \
     NULL,                                                                                         \
     NULL}

/** What a commit did. */
typedef struct ktk_commit {
    char id[33];      /**< the commit id, also in the document under metadata["ktk.commit"] */
    int32_t attempts; /**< conditional puts tried; 0: a commit of that id was there already */
    int64_t partition_count; /**< partitions added */
    int64_t row_count;       /**< rows added, of all tables */
    int64_t removed_count;   /**< partitions removed, those included that lost only some rows */
    int64_t rewritten_count; /**< those that lost only some rows */
    /** The document that was there had been written by a program that does not know of commits, and
     * may have undone some: look with `ktk doctor`. */
    bool met_foreign_writer;
} ktk_commit;

/**
 * Begin an update. Checks name, table, partition columns, metadata and existence before anything is
 * written. The update belongs to one thread at a time and keeps a reference to `store`.
 */
KTK_API ktk_status ktk_update_begin(ktk_update **out, ktk_store *store, const char *uuid,
                                    const ktk_update_options *options,
                                    ktk_error *err) KTK_CHECK_RESULT;

/** The dataset that an update works on, as it was when the update began; borrowed, until the
 * commit. NULL: there is none, or nothing of it stays. */
KTK_API ktk_dataset *ktk_update_base(const ktk_update *update);

/** The id that the commit will have, borrowed. Known from the beginning, so that it can be looked
 * for when nobody can say what became of the commit. */
KTK_API const char *ktk_update_commit_id(const ktk_update *update);

/** Set keys of the metadata as `metadata` of the options does, instead of what was given there. */
KTK_API ktk_status ktk_update_set_metadata(ktk_update *update, const char *metadata,
                                           ktk_error *err) KTK_CHECK_RESULT;

/**
 * Add the rows of a stream: one input partition, split by `partition_on`. Data files are written
 * now, under names no document refers to. The stream is consumed and released in every case.
 *
 * @param label base name of the files; NULL: a fresh one. A label must be unique within the update,
 * and none that the dataset has, unless the update deletes that partition before: KTK_E_INVALID.
 * @return KTK_E_SCHEMA if the columns do not fit those added before; KTK_E_INVALID for a missing
 * partition column, a null in one, or no other column. After a failure the update can only be
 * freed; if a label came a second time, further calls still look for more of these, fail with all
 * of them, and write nothing.
 */
KTK_API ktk_status ktk_update_add(ktk_update *update, struct ArrowArrayStream *stream,
                                  const char *label, ktk_error *err) KTK_CHECK_RESULT;

/** The label number `i`, from 0, of those that were given to ktk_update_add() and its like more
 * than once, in the order in which they came first; NULL: there are no more. Borrowed, until the
 * next call. */
KTK_API const char *ktk_update_repeated_label(const ktk_update *update, size_t i);

/** The rows of a table. */
typedef struct ktk_table_stream {
    const char *table; /**< NULL: as ktk_update_add() chooses it */
    struct ArrowArrayStream *stream;
} ktk_table_stream;

/**
 * Add rows of several tables: one input partition, with a file of each. All are split by the same
 * `partition_on`, and rows of equal values make a partition; where a table has none for a partition
 * of the others, its file there is empty. Otherwise as ktk_update_add(), which adds a single table.
 * All partitions of a dataset have the same tables: those that it has, or those of the first input.
 * All streams are consumed and released in every case.
 *
 * @return besides, KTK_E_INVALID for other tables than the dataset or the first input has;
 * KTK_E_SCHEMA for a column that two tables have with different types.
 */
KTK_API ktk_status ktk_update_add_tables(ktk_update *update, const ktk_table_stream *tables,
                                         size_t count, const char *label,
                                         ktk_error *err) KTK_CHECK_RESULT;

/**
 * End the update without a commit, and describe what it has written, for another update - in this
 * process or elsewhere - to commit: JSON text. The files stay; nobody sees them before that.
 *
 * @return KTK_E_INVALID if the update also deletes, sets metadata or builds indices.
 */
KTK_API ktk_status ktk_update_hand_over(ktk_update *update, ktk_bytes *out,
                                        ktk_error *err) KTK_CHECK_RESULT;

/**
 * Add partitions that ktk_update_hand_over() has described. Their files are not read, and stay if
 * the update ends without a commit, so that it can be tried again.
 *
 * @return KTK_E_CORRUPT for what is no description; KTK_E_INVALID for one of another dataset, other
 * tables or other partition columns, or with files elsewhere; KTK_E_SCHEMA; KTK_E_NOT_FOUND if the
 * schema was collected. After a failure the update can only be freed.
 */
KTK_API ktk_status ktk_update_add_written(ktk_update *update, const char *description, size_t size,
                                          ktk_error *err) KTK_CHECK_RESULT;

/**
 * Let the schema of a stream join the update's, without its rows: the dataset has the table, its
 * columns and types, though it may end up with no partitions at all. Consumed and released in every
 * case.
 *
 * @return as ktk_update_add() has it. After a failure the update can only be freed.
 */
KTK_API ktk_status ktk_update_add_schema(ktk_update *update, struct ArrowArrayStream *stream,
                                         ktk_error *err) KTK_CHECK_RESULT;

/** The same for several tables, as ktk_update_add_tables() has them. */
KTK_API ktk_status ktk_update_add_schemas(ktk_update *update, const ktk_table_stream *tables,
                                          size_t count, ktk_error *err) KTK_CHECK_RESULT;

/** An input without rows or schema: the dataset may end up with no partitions at all. */
KTK_API ktk_status ktk_update_add_nothing(ktk_update *update, ktk_error *err) KTK_CHECK_RESULT;

/**
 * Remove what matches `scope`, which is copied: partitions, or, for KTK_DELETE_ROWS, rows; the new
 * files of those are written now. Needs a mode that updates; a dataset that is yet to be made has
 * nothing to remove. Once an update. Rows that the same update adds are not removed. Of several
 * tables those are asked that have all columns of the scope; the others keep their rows, unless the
 * partition goes whole.
 *
 * @return KTK_E_NOT_FOUND for a column that the dataset does not have; KTK_E_INVALID for one that
 * is no partition key unless `delete_mode` takes it, a value that does not fit, or `scope` NULL:
 * see ktk_update_delete_all(). After a failure in files that are read or written the update can
 * only be freed.
 */
KTK_API ktk_status ktk_update_delete(ktk_update *update, const ktk_predicate *scope,
                                     ktk_error *err) KTK_CHECK_RESULT;

/** Remove all partitions that the dataset has. */
KTK_API ktk_status ktk_update_delete_all(ktk_update *update, ktk_error *err) KTK_CHECK_RESULT;

/** What the deletes of an update come to. */
typedef struct ktk_update_effect {
    int64_t removed_count;   /**< partitions that go with all their rows */
    int64_t removed_bytes;   /**< size of their files */
    int64_t rewritten_count; /**< partitions that lose some of their rows */
    int64_t row_count;       /**< rows that go, of both */
} ktk_update_effect;

/** Tell what would be removed as things stand. Reads the footers of the partitions that go. */
KTK_API ktk_status ktk_update_preview(ktk_update *update, ktk_update_effect *out,
                                      ktk_error *err) KTK_CHECK_RESULT;

/** Label of the next partition that goes, `index` from 0; NULL: there are no more. Borrowed from
 * the update, as long as nothing more is deleted. */
KTK_API const char *ktk_update_removed_label(const ktk_update *update, int64_t index);

/**
 * Keep a secondary index on a column, from this commit on: readers find the partitions that hold a
 * value by it (docs/indices.md). One that is there is built anew. Every later update, by whomever,
 * keeps it up.
 *
 * @return KTK_E_INVALID for a column called "partition". At the commit: KTK_E_NOT_FOUND for a
 * column that no table has, KTK_E_UNSUPPORTED for a nested one. A column of nothing but nulls gets
 * no index.
 */
KTK_API ktk_status ktk_update_build_index(ktk_update *update, const char *column,
                                          ktk_error *err) KTK_CHECK_RESULT;

/** Drop the index on a column. At the commit: KTK_E_NOT_FOUND if there is none. */
KTK_API ktk_status ktk_update_drop_index(ktk_update *update, const char *column,
                                         ktk_error *err) KTK_CHECK_RESULT;

/**
 * Make it visible: schema file, then the document with one conditional put. If others committed
 * meanwhile, the update is applied to what they made, where that gives what some order of the
 * updates would have given (docs/commits.md). Nothing was added, removed or set: KTK_E_INVALID.
 *
 * @return KTK_E_CANCELLED if `index_progress` said so; KTK_E_EXISTS if somebody else created the
 * dataset meanwhile; KTK_E_CONFLICT if what others did cannot be joined with this update, or they
 * never left room for it; KTK_E_STALE_WRITER if files of the update are gone; these are definite,
 * nothing was changed. KTK_E_UNKNOWN_OUTCOME if nobody can say: the files are kept, the message
 * holds the commit's id.
 */
KTK_API ktk_status ktk_update_commit(ktk_update *update, ktk_commit *out,
                                     ktk_error *err) KTK_CHECK_RESULT;

typedef enum ktk_commit_state {
    KTK_COMMIT_ABSENT = 0,    /**< it did not lead to the dataset as it is */
    KTK_COMMIT_COMMITTED = 1, /**< it did */
    KTK_COMMIT_UNKNOWN = 2    /**< the chain of commits is broken before it is found */
} ktk_commit_state;

/**
 * What became of a commit, by its id: after KTK_E_UNKNOWN_OUTCOME, or any time. A commit that is
 * absent can still come while its put is under way; not any more once another one has.
 *
 * @return KTK_E_NOT_FOUND if there is no dataset; KTK_E_INVALID for what is no commit id.
 */
KTK_API ktk_status ktk_commit_status(ktk_commit_state *out, ktk_store *store, const char *uuid,
                                     const char *id, ktk_error *err) KTK_CHECK_RESULT;

/** End the update. Without a commit the files written are removed as far as possible. NULL is
 * allowed. */
KTK_API void ktk_update_free(ktk_update *update);

/**
 * Remove a dataset: its documents first, then every key under `<uuid>/`, so that no reader sees
 * half of it. KTK_E_NOT_FOUND if there is none. Cancelled, it leaves files that ktk_gc() removes.
 */
KTK_API ktk_status ktk_dataset_drop(ktk_store *store, const char *uuid,
                                    ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
