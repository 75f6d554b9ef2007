#include "base/thread.h"

#include <signal.h>

#include "base/error.h"

ktk_status ktki_thread_start(pthread_t *out, void *(*fn)(void *state), void *state,
                             ktk_error *err) {
    sigset_t all;
    sigset_t before;
    int code;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(out, NULL, fn, state);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "cannot start a thread: error %d", code);
    }
    return KTK_OK;
}
