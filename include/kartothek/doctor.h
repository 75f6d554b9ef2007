/**
 * Finding and mending what others, or a failing disk, did to a dataset.
 */
#ifndef KARTOTHEK_DOCTOR_H
#define KARTOTHEK_DOCTOR_H

#include <kartothek/update.h>
#include <kartothek/upkeep.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_ailment {
    /** A file of a partition is not in the store: the partition cannot be read. Mended by taking
     * the partition out of the dataset; its rows are gone already. */
    KTK_AILMENT_MISSING_FILE = 0,
    /**
     * A partition that one of the last 64 commits wrote is not in the dataset, although its files
     * are there and no later commit removed it: a program that knows nothing of commits wrote the
     * document over, or the writer ended before anybody knew whether its commit came through.
     * Mended by adding it again, unless its commit also removed partitions: rows of those may be in
     * the dataset now, and would be there twice. Nor is it mended while its commit may still be
     * under way: `young_ms`.
     */
    KTK_AILMENT_LOST_PARTITION = 1,
    /** The file of a secondary index is not in the store. Mended by building it anew. */
    KTK_AILMENT_MISSING_INDEX = 2
} ktk_ailment;

/** Texts are valid during the call that hands them out. */
typedef struct ktk_finding {
    ktk_ailment ailment;
    const char *subject; /**< label of the partition, or column of the index */
    const char *key;     /**< of the file in question */
    const char *commit;  /**< of a lost partition: the commit that wrote it; else NULL */
    bool can_mend;
} ktk_finding;

typedef ktk_status (*ktk_finding_fn)(void *state, const ktk_finding *finding, ktk_error *err);

typedef struct ktk_doctor_options {
    size_t size;
    bool acts; /**< false: look only */
    /** What a younger commit wrote is not added again: it may be under way, and its writer adds it
     * himself. 0: an hour; negative: nobody writes now. */
    int64_t young_ms;
    ktk_finding_fn report; /**< called for each finding; a status other than KTK_OK ends the run and
                              is returned. May be NULL. */
    void *report_state;
} ktk_doctor_options;

#define KTK_DOCTOR_OPTIONS_INIT {sizeof(ktk_doctor_options), false, 0, NULL, NULL}

typedef struct ktk_doctor_result {
    int64_t finding_count;
    int64_t mended_count;
    ktk_commit commit; /**< that mended them; all zero if there was none */
} ktk_doctor_result;

/**
 * Look for what ails a dataset, and mend it in one commit if `acts`. Files that nothing names are
 * no ailment: ktk_gc(). What is inside of files is not looked at.
 *
 * @return KTK_E_NOT_FOUND if there is no dataset `uuid`; KTK_E_CORRUPT if its document does not
 * parse; else as ktk_update_commit().
 */
KTK_API ktk_status ktk_doctor(ktk_store *store, const char *uuid, const ktk_doctor_options *options,
                              ktk_doctor_result *out, ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
