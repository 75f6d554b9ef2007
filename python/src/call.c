/* Calls into the library: without the GIL, ended by Ctrl-C, and with somebody told how far they
 * are. */
#include "call.h"

#include <time.h>

/* How often Python is looked after in a call, and how often somebody is told of progress. Each time
 * costs the GIL, which another thread may hold for some milliseconds. */
#define ATTEND_EVERY_MS 100

/* Of this thread; NULL: it is in no call. The library's own threads never are. */
static _Thread_local struct core_call *current;

static int64_t now_ms(void) {
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What progress() set for this thread, a new reference; NULL for nothing. */
static PyObject *find_report(void) {
    PyObject *report = NULL;

    if (core.progress_count > 0) {
        report = PyObject_CallMethod(core.progress_variable, "get", NULL);
        PyErr_Clear();
    }
    if (report == Py_None) {
        Py_CLEAR(report);
    }
    return report;
}

void core_call_begin(struct core_call *call) {
    *call = (struct core_call){.outer = current, .report = find_report()};
    call->attended_ms = now_ms();
    current = call;
    call->thread = PyEval_SaveThread();
}

/* The call came through although it was to end: the exception is raised as soon as Python runs
 * again. */
static int raise_kept(void *exception) {
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF((PyObject *)exception);
    return -1;
}

static void raise_later(struct core_call *call) {
    PyErr_NormalizeException(&call->type, &call->value, &call->trace);
    if (call->trace != NULL) {
        (void)PyException_SetTraceback(call->value, call->trace);
    }
    if (Py_AddPendingCall(raise_kept, call->value) == 0) {
        call->value = NULL;
    }
    Py_CLEAR(call->type);
    Py_CLEAR(call->value);
    Py_CLEAR(call->trace);
}

void core_call_end(struct core_call *call, ktk_status status) {
    PyEval_RestoreThread(call->thread);
    current = call->outer;
    Py_CLEAR(call->report);
    if (call->type != NULL && status == KTK_OK) {
        raise_later(call);
    } else if (call->type != NULL) {
        PyErr_Restore(call->type, call->value, call->trace);
    }
}

/* Keep the exception that is set, of which the first one counts; the GIL is held. */
static void keep_exception(struct core_call *call) {
    if (call->is_stopped) {
        PyErr_Clear();
        return;
    }
    PyErr_Fetch(&call->type, &call->value, &call->trace);
    call->is_stopped = true;
}

bool core_call_keep_exception(void) {
    if (current == NULL || PyErr_ExceptionMatches(PyExc_Exception)) {
        return false;
    }
    keep_exception(current);
    return true;
}

/* Let signal handlers run, and tell of progress. */
static bool attend(struct core_call *call, int64_t done, int64_t total, const char *what) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *told = NULL;

    call->attended_ms = now_ms();
    call->told_ms = what != NULL ? call->attended_ms : call->told_ms;
    if (PyErr_CheckSignals() != 0) {
        keep_exception(call);
    } else if (what != NULL && call->report != NULL) {
        PyObject *of = total < 0 ? Py_BuildValue("") : PyLong_FromLongLong((long long)total);

        told = of == NULL ? NULL
                          : PyObject_CallFunction(call->report, "LNs", (long long)done, of, what);
        if (told == NULL) {
            keep_exception(call);
        }
    }
    Py_XDECREF(told);
    PyGILState_Release(gil);
    return !call->is_stopped;
}

bool core_call_keep_going(void *unused) {
    struct core_call *call = current;

    (void)unused;
    if (call == NULL) {
        return true;
    }
    if (call->is_stopped || now_ms() - call->attended_ms < ATTEND_EVERY_MS) {
        return !call->is_stopped;
    }
    return attend(call, 0, 0, NULL);
}

bool core_call_tell(int64_t done, int64_t total, const char *what) {
    struct core_call *call = current;

    if (call == NULL || call->is_stopped) {
        return call == NULL;
    }
    if (call->report == NULL || (done != total && now_ms() - call->told_ms < ATTEND_EVERY_MS)) {
        return core_call_keep_going(NULL);
    }
    return attend(call, done, total, what);
}

bool core_call_is_told(void) {
    PyObject *report = find_report();
    bool is_told = report != NULL;

    Py_XDECREF(report);
    return is_told;
}

PyObject *core_progress_count(PyObject *self, PyObject *args) {
    PyObject *variable;
    int step;

    (void)self;
    if (!PyArg_ParseTuple(args, "Oi:progress_count", &variable, &step)) {
        return NULL;
    }
    if (core.progress_variable == NULL) {
        Py_INCREF(variable);
        core.progress_variable = variable;
    }
    core.progress_count += step;
    Py_RETURN_NONE;
}
