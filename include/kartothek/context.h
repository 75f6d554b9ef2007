/**
 * The context: allocator, limits and threads of everything made from it. There is no global state.
 */
#ifndef KARTOTHEK_CONTEXT_H
#define KARTOTHEK_CONTEXT_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bounds on what input may make the library allocate. 0 stands for the default named behind each.
 */
typedef struct ktk_limits {
    int64_t document_bytes_max;  /**< a metadata document: 4 GiB */
    int64_t footer_bytes_max;    /**< a Parquet footer or schema file: 512 MiB */
    int64_t page_bytes_max;      /**< one uncompressed Parquet page: 1 GiB */
    int64_t object_bytes_max;    /**< one object read whole: 64 GiB */
    int32_t nesting_max;         /**< levels of JSON, schema or message nesting: 64 */
    int32_t column_count_max;    /**< columns of a table: 1,000,000 */
    int64_t expansion_bytes_max; /**< memory for one row group, or the footer, of a Parquet file,
                                    or for a compressed CSV file, beside 128 bytes for each byte of
                                    the file: 256 MiB */
} ktk_limits;

typedef struct ktk_context_options {
    size_t size;                    /**< set by KTK_CONTEXT_OPTIONS_INIT */
    const ktk_allocator *allocator; /**< copied; NULL: the C library's heap, and for blocks of
                                       256 KiB and more memory of the context's own, of which up
                                       to 512 MiB are kept for reuse */
    int32_t
        threads; /**< workers beside the calling thread + 1; 0: one per processor, 1: none at all */
    ktk_limits limits;
    /** Asked many times a second by calls that take long, on the thread that called and on workers,
     * also while the former waits for the latter; has to be quick. Returning false on a thread ends
     * the call that the thread is in with KTK_E_CANCELLED, as soon as what is under way is done,
     * and it must be false from then on until the call has ended. A commit is not asked about
     * between the moment from which it may come through and the one at which this is known, so that
     * a cancelled one has changed nothing. NULL: nothing is asked. */
    bool (*keep_going)(void *state);
    void *keep_going_state;
} ktk_context_options;

#define KTK_CONTEXT_OPTIONS_INIT                                                                   \
    {sizeof(ktk_context_options), NULL, 0, {0, 0, 0, 0, 0, 0, 0}, NULL, NULL}

/**
 * Make a context. May be shared between threads; must not cross fork().
 *
 * @param options NULL for the defaults.
 */
KTK_API ktk_status ktk_context_new(ktk_context **out, const ktk_context_options *options,
                                   ktk_error *err) KTK_CHECK_RESULT;

/** Take another reference. Stores, datasets and exported Arrow buffers hold one each. */
KTK_API ktk_context *ktk_context_ref(ktk_context *context);

/** Drop a reference; the last one ends the threads. NULL is allowed. */
KTK_API void ktk_context_free(ktk_context *context);

/** Threads that take part in work, the caller's included (>= 1). */
KTK_API int32_t ktk_context_threads(const ktk_context *context);

#ifdef __cplusplus
}
#endif

#endif
