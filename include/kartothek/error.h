/**
 * Status codes and the caller-owned error text.
 */
#ifndef KARTOTHEK_ERROR_H
#define KARTOTHEK_ERROR_H

#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a caller can do next. The values are ABI: never renumbered, never reused. */
typedef enum ktk_status {
    KTK_OK = 0,
    KTK_E_NO_MEMORY = 1,
    KTK_E_INVALID = 2,       /**< the call or its arguments are wrong */
    KTK_E_NOT_FOUND = 3,     /**< key, dataset, table, column, file does not exist */
    KTK_E_EXISTS = 4,        /**< it exists and must not */
    KTK_E_CONFLICT = 5,      /**< somebody else changed it meanwhile */
    KTK_E_CORRUPT = 6,       /**< stored bytes do not follow their format */
    KTK_E_SCHEMA = 7,        /**< columns or types do not fit together */
    KTK_E_UNSUPPORTED = 8,   /**< well-formed, but not something this library can do */
    KTK_E_LIMIT = 9,         /**< a limit of the context was reached */
    KTK_E_IO = 10,           /**< the operating system or the store failed; `detail` holds errno */
    KTK_E_DENIED = 11,       /**< no permission */
    KTK_E_UNAVAILABLE = 12,  /**< transient; the only retryable status */
    KTK_E_READ_ONLY = 13,    /**< a write to a read-only store */
    KTK_E_CANCELLED = 14,    /**< a callback of the caller asked to stop */
    KTK_E_INTERNAL = 15,     /**< a defect of this library */
    KTK_E_STALE_WRITER = 16, /**< files of a commit were collected before it came: write again */
    KTK_E_UNKNOWN_OUTCOME =
        17 /**< nobody can say yet whether a commit came through; ask ktk_commit_status() */
} ktk_status;

/** What the `subject` of a failure is, where a program may want to act on it. The values are ABI:
 * never renumbered, never reused. */
typedef enum ktk_reason {
    KTK_REASON_NONE = 0,             /**< there is no subject */
    KTK_REASON_KEY = 1,              /**< a call of the store failed; the key */
    KTK_REASON_TABLE_SCHEMA = 2,     /**< columns or types are not those of a table; its name */
    KTK_REASON_SHARED_COLUMN = 3,    /**< tables share a column and differ in its type; its name */
    KTK_REASON_DUPLICATE_LABELS = 4, /**< partitions have the same label; the labels, with commas */
    KTK_REASON_PARTITION_KEYS = 5,   /**< others are asked for; those of the dataset, with commas */
    KTK_REASON_LITERAL_TYPE = 6      /**< a value in a predicate is none of its column; its name */
} ktk_reason;

/**
 * Text of one failure. Caller-owned, may be passed as NULL, needs no clean-up, may be copied
 * between threads.
 *
 * `message` is one line of UTF-8 without a final stop: what failed, where, with which value. It is
 * written only when a function returns another status than KTK_OK. What a program may want to know
 * of the failure stands beside it: no message has to be taken apart.
 */
typedef struct ktk_error {
    int32_t status; /**< a ktk_status */
    int32_t detail; /**< errno, HTTP status, or place in a text (from 1); 0 if none */
    char message[504];
    int32_t reason;    /**< a ktk_reason */
    char subject[252]; /**< UTF-8, cut where it is longer; empty if there is none */
} ktk_error;

/** Short lower-case name of a status, e.g. "not found". Never NULL. */
KTK_API const char *ktk_status_name(ktk_status status);

/** Short lower-case name of a reason, e.g. "table schema". Never NULL. */
KTK_API const char *ktk_reason_name(ktk_reason reason);

/**
 * Fill `err` (if not NULL) and return `status`, so that a store or callback can write
 * `return ktk_error_set(err, KTK_E_IO, "cannot read '%s'", key);`. An over-long text is cut at a
 * character boundary.
 */
KTK_API ktk_status ktk_error_set(ktk_error *err, ktk_status status, const char *format, ...)
    KTK_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
