/** The only place that starts threads. */
#ifndef KTKI_BASE_THREAD_H
#define KTKI_BASE_THREAD_H

#include <kartothek/error.h>
#include <pthread.h>

/** Start one that takes no signals: they are for the threads of the program. End it with
 * pthread_join(). */
ktk_status ktki_thread_start(pthread_t *out, void *(*fn)(void *state), void *state, ktk_error *err);

#endif
