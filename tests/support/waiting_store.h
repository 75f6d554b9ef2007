/** A store whose reads wait for each other. */
#ifndef KTK_TESTS_SUPPORT_WAITING_STORE_H
#define KTK_TESTS_SUPPORT_WAITING_STORE_H

#include <pthread.h>

#include <kartothek/store.h>
#include <kartothek/sys/store.h>

#define WAITING_FILES_MAX 100

/** Reads wait until `wanted` files "d/table/f<number>.parquet" were inside at once, once; those of
 * files before number `first` do not. Columns of one file may be read by several threads. The
 * fields are looked at under the lock while others read. */
struct waiting_store {
    ktk_store *base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wanted;
    int first;
    int calls_inside[WAITING_FILES_MAX + 1]; /**< of each file; those of all other keys last */
    int inside;                              /**< files with such calls */
    int most;
    int64_t calls;
    bool is_left_alone; /**< so many never came */
    bool has_others;    /**< another thread than `caller` came */
    pthread_t caller;
};

/** For several threads; the same, and would have seven calls at once; for one thread, with the same
 * wish, which does not count. */
extern const ktk_store_ops waiting_ops;
extern const ktk_store_ops waiting_far_ops;
extern const ktk_store_ops waiting_lonely_ops;

/** A store over `base`, whose reference it takes; `waiting` must outlive it. */
ktk_store *waiting_store_new(struct waiting_store *waiting, const ktk_store_ops *ops,
                             ktk_store *base);

#endif
