/** Whether datasets can be kept in a store: what the caller may do there, and how commits go. */
#ifndef KARTOTHEK_STORE_CHECK_H
#define KARTOTHEK_STORE_CHECK_H

#include <kartothek/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a store does about the conditions of a put. */
typedef enum ktk_conditions {
    KTK_CONDITIONS_SWAP = 0,   /**< puts in place of a known version, and where nothing is */
    KTK_CONDITIONS_CREATE = 1, /**< only puts where nothing is */
    KTK_CONDITIONS_NONE = 2,
    KTK_CONDITIONS_UNKNOWN = 3 /**< nothing could be put */
} ktk_conditions;

/** `status` of each error is KTK_OK if it can be done, else the message says why not. */
typedef struct ktk_store_facts {
    char provider[16];      /**< "S3", "Azure Blob"; empty: no service is asked */
    char region[64];        /**< of S3; may be empty */
    char credentials[64];   /**< where they came from, never a part of them */
    int64_t clock_ahead_ms; /**< of the service's, where it differed too much for signatures */
    ktk_error list;
    ktk_error read;
    ktk_error write;
    ktk_error remove;
    ktk_error commit; /**< updates by several writers at a time, unless one alone is vouched for */
    ktk_conditions conditions;
    bool is_safe; /**< all of these can be done */
} ktk_store_facts;

/**
 * Try out what can be done in a store, with objects below `ktk-store-check/_ktk/probe/` that are
 * removed again, where that is allowed.
 *
 * @return KTK_E_NOT_FOUND if there is no such folder, bucket or container; KTK_E_UNAVAILABLE if it
 * does not answer; KTK_E_DENIED if nothing at all is allowed, as with wrong keys.
 */
KTK_API ktk_status ktk_store_check(ktk_store_facts *out, ktk_store *store,
                                   ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
