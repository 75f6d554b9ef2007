/* Looking after datasets: garbage collection, checks, copies, statistics of files. */
#include "call.h"

#include <kartothek/upkeep.h>

/* Append an object (reference stolen) to the list that a report fills; called without the GIL. */
static ktk_status collect(PyObject *list, PyObject *item, ktk_error *err) {
    bool is_added = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    PyErr_Clear();
    return is_added ? KTK_OK : ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for a report");
}

/* ---- garbage collection ---- */

static bool tell_removed(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return core_call_tell(files, file_count, "files removed");
}

static PyObject *gc(PyObject *unused, PyObject *args) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_gc_result result;
    struct store_object *store;
    const char *uuid;
    long long grace_ms;
    int acts;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!spL:gc", core.store_type, &store, &uuid, &acts, &grace_ms)) {
        return NULL;
    }
    options.acts = acts != 0;
    options.grace_ms = grace_ms;
    /* Who gives a time in a program has asked for it. */
    options.allows_short_grace = grace_ms != 0;
    options.progress = tell_removed;
    core_call_begin(&call);
    status = ktk_gc(store->store, uuid, &options, &result, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    return Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:L,s:L}", "waiting_files", (long long)result.waiting_count,
        "waiting_bytes", (long long)result.waiting_bytes, "due_files", (long long)result.due_count,
        "due_bytes", (long long)result.due_bytes, "removed_files", (long long)result.removed_count,
        "removed_bytes", (long long)result.removed_bytes);
}

/* ---- checks ---- */

static ktk_status take_finding(void *state, const ktk_check_finding *finding, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    ktk_status status =
        collect(state,
                Py_BuildValue("{s:s,s:s,s:z,s:s}", "severity",
                              finding->severity == KTK_CHECK_ERROR ? "error" : "warning", "what",
                              finding->what, "key", finding->key, "text", finding->text),
                err);

    PyGILState_Release(gil);
    return status;
}

static bool tell_checked(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return core_call_tell(files, file_count, "files checked");
}

static PyObject *check(PyObject *unused, PyObject *args) {
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;
    ktk_check_result result;
    struct store_object *store;
    PyObject *findings;
    const char *uuid;
    int deep;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!sp:check", core.store_type, &store, &uuid, &deep)) {
        return NULL;
    }
    findings = PyList_New(0);
    if (findings == NULL) {
        return NULL;
    }
    options.deep = deep != 0;
    options.report = take_finding;
    options.report_state = findings;
    options.progress = tell_checked;
    core_call_begin(&call);
    status = ktk_check(store->store, uuid, &options, &result, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(findings);
        return core_raise(status, &err);
    }
    return findings;
}

/* ---- copies ---- */

static bool tell_copied(void *state, int64_t files, int64_t file_count, int64_t bytes) {
    (void)state;
    (void)bytes;
    return core_call_tell(files, file_count, "files copied");
}

static PyObject *dataset_copy(PyObject *unused, PyObject *args) {
    ktk_copy_options options = KTK_COPY_OPTIONS_INIT;
    ktk_copy_result result;
    struct store_object *store;
    struct dataset_object *source;
    const char *uuid;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!sO!:dataset_copy", core.store_type, &store, &uuid,
                          core.dataset_type, &source)) {
        return NULL;
    }
    options.progress = tell_copied;
    core_call_begin(&call);
    status = ktk_dataset_copy(store->store, uuid, source->dataset, &options, &result, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyUnicode_FromString(result.id) : core_raise(status, &err);
}

/* ---- statistics ---- */

static ktk_status take_row_group(void *state, const ktk_row_group_statistics *group,
                                 ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    ktk_status status = collect(
        state,
        Py_BuildValue("(siLLLiLL)", group->label, (int)group->row_group,
                      (long long)group->compressed_size, (long long)group->uncompressed_size,
                      (long long)group->file_row_count, (int)group->file_row_group_count,
                      (long long)group->footer_size, (long long)group->row_count),
        err);

    PyGILState_Release(gil);
    return status;
}

static PyObject *statistics(PyObject *unused, PyObject *args) {
    ktk_statistics_options options = KTK_STATISTICS_OPTIONS_INIT;
    struct dataset_object *dataset;
    PyObject *where;
    PyObject *groups;
    unsigned long long seed;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!zOdK:statistics", core.dataset_type, &dataset, &options.table,
                          &where, &options.fraction, &seed)) {
        return NULL;
    }
    if (where != Py_None && Py_TYPE(where) != core.predicate_type) {
        PyErr_SetString(PyExc_TypeError, "where must be a Predicate or None");
        return NULL;
    }
    groups = PyList_New(0);
    if (groups == NULL) {
        return NULL;
    }
    options.where = where == Py_None ? NULL : ((struct predicate_object *)where)->predicate;
    options.seed = seed;
    core_call_begin(&call);
    status = ktk_dataset_statistics(dataset->dataset, &options, take_row_group, groups, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(groups);
        return core_raise(status, &err);
    }
    return groups;
}

PyMethodDef core_upkeep_functions[] = {
    {"check", check, METH_VARARGS,
     "check(store, uuid, deep) -> [{severity, what, key, text}] of what is not as it should be."},
    {"dataset_copy", dataset_copy, METH_VARARGS,
     "dataset_copy(store, uuid, dataset) -> id of the commit that the copy begins with."},
    {"gc", gc, METH_VARARGS,
     "gc(store, uuid, acts, grace_ms) -> {waiting_files, ...}. 0: 72 hours, negative: no grace."},
    {"statistics", statistics, METH_VARARGS,
     "statistics(dataset, table, where, fraction, seed) -> [(label, row group, compressed size, "
     "uncompressed size, rows of the file, row groups of the file, size of the footer, rows)]"},
    {NULL, NULL, 0, NULL},
};
