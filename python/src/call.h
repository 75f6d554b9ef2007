/** Calls into the library: without the GIL, ended by Ctrl-C, and with somebody told how far they
 * are. */
#ifndef KARTOTHEK_PYTHON_CALL_H
#define KARTOTHEK_PYTHON_CALL_H

#include "core.h"

/**
 * A call under way, on the stack of its thread. Between core_call_begin() and core_call_end() the
 * GIL is released: nothing of Python is touched but in callbacks, which take the GIL.
 *
 * Every 100 ms the library is asked, through core_call_keep_going(), to let Python's signal
 * handlers run. An exception out of them, or out of what is told of progress, ends the call with
 * KTK_E_CANCELLED and is what the caller gets.
 */
struct core_call {
    struct core_call *outer; /* the call that a callback was made from; NULL: none */
    PyThreadState *thread;
    PyObject *report; /* a reference; NULL: nobody asked for progress */
    PyObject *type;   /* with the next two the exception that ends the call; NULL: none yet */
    PyObject *value;
    PyObject *trace;
    int64_t attended_ms; /* when signal handlers could run last */
    int64_t told_ms;     /* when `report` was called last; 0: not yet */
    bool is_stopped;
};

/** Release the GIL for a call. Needs a core_call_end(). */
void core_call_begin(struct core_call *call);

/** Take the GIL again. If `status` is a failure, the exception that ended the call is set, if there
 * is one, and stays set through core_raise(). */
void core_call_end(struct core_call *call, ktk_status status);

/** Of a callback, with an exception set and the GIL held: if it is one that is no error, as
 * KeyboardInterrupt, the call that this thread is in ends with it; else false, and it stays set. */
bool core_call_keep_exception(void);

/** `keep_going` of the context. */
bool core_call_keep_going(void *unused);

/**
 * Tell the `report` of the call that this thread is in: report(done, total or None, what). Of many
 * steps some are passed over, the last one never. Called without the GIL, with a negative `total`
 * if it is not known. False: the call is to end.
 */
bool core_call_tell(int64_t done, int64_t total, const char *what);

/** Is somebody told of progress who begins a call now? With the GIL held. */
bool core_call_is_told(void);

/** progress_count(variable, step): so many more progress() are open, and the ContextVar that says
 * which. */
PyObject *core_progress_count(PyObject *self, PyObject *args);

#endif
