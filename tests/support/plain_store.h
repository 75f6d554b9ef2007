/** A store as a caller may write it through kartothek/sys/store.h: the fewest operations, and no
 * capabilities. It fails the test if two threads are let in at once. */
#ifndef KTK_TESTS_SUPPORT_PLAIN_STORE_H
#define KTK_TESTS_SUPPORT_PLAIN_STORE_H

#include <kartothek/store.h>

#define PLAIN_STORE_KEYS_MAX 10000

/** An empty one; the caller owns the result. */
ktk_status plain_store_new(ktk_store **out, ktk_context *context, ktk_error *err);

#endif
