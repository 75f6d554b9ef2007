/** A store that is far: it takes several calls at once. */
#ifndef KTK_TESTS_SUPPORT_FAR_STORE_H
#define KTK_TESTS_SUPPORT_FAR_STORE_H

#include <pthread.h>
#include <stdbool.h>

#include <kartothek/store.h>

/** Puts of data files of the dataset "u" wait until `wanted` of them were inside at once, once. The
 * fields are looked at while nobody calls the store. */
struct far_store {
    ktk_store *base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wanted;
    int inside;
    int most;
    int puts;           /**< of data files */
    int fail_at;        /**< of them; -1: none */
    int schema_gets;    /**< of files called _common_metadata */
    bool is_left_alone; /**< so many never came */
};

/** A store over `base`, which must outlive it, as `far` must; six calls at once. */
ktk_store *far_store_new(struct far_store *far, ktk_store *base);

#endif
