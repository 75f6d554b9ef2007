/* The history of a dataset: what happened, and how to bring a version back. */
#include "call.h"

/* What a walk fills. */
struct history_state {
    PyObject *list;
};

static PyObject *number(int64_t value) {
    if (value < 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromLongLong(value);
}

static const char *text(const char *value) {
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static PyObject *dict_of_entry(const ktk_history_entry *entry) {
    static const char *const kinds[] = {"commit", "not kept", "foreign"};

    return Py_BuildValue(
        "{s:s,s:N,s:z,s:z,s:z,s:z,s:z,s:N,s:N,s:N,s:N}", "kind", kinds[entry->kind], "version",
        number(entry->sequence > 0 ? entry->sequence : -1), "id", text(entry->id), "parent",
        text(entry->parent), "time", text(entry->time), "writer", text(entry->writer), "operation",
        text(entry->operation), "partitions", number(entry->partition_count), "added",
        number(entry->added_count), "removed", number(entry->removed_count), "current",
        PyBool_FromLong(entry->is_current));
}

static ktk_status take_entry(void *state, const ktk_history_entry *entry, ktk_error *err) {
    struct history_state *history = state;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *dict = dict_of_entry(entry);
    bool is_added = dict != NULL && PyList_Append(history->list, dict) == 0;

    Py_XDECREF(dict);
    PyErr_Clear();
    PyGILState_Release(gil);
    return is_added ? KTK_OK : ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for the history");
}

static PyObject *history(PyObject *unused, PyObject *args) {
    struct history_state state = {NULL};
    struct store_object *store;
    const char *uuid;
    long long limit;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!sL:history", core.store_type, &store, &uuid, &limit)) {
        return NULL;
    }
    state.list = PyList_New(0);
    if (state.list == NULL) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_history_walk(store->store, uuid, limit, take_entry, &state, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(state.list);
        return core_raise(status, &err);
    }
    return state.list;
}

static PyObject *restore(PyObject *unused, PyObject *args) {
    struct store_object *store;
    const char *uuid;
    const char *version;
    ktk_commit commit;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!ss:restore", core.store_type, &store, &uuid, &version)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_restore(store->store, uuid, version, false, &commit, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyUnicode_FromString(commit.id) : core_raise(status, &err);
}

PyMethodDef core_history_functions[] = {
    {"history", history, METH_VARARGS, "history(store, uuid, limit) -> list of dicts; 0: no limit"},
    {"restore", restore, METH_VARARGS, "restore(store, uuid, version) -> id of the commit"},
    {NULL, NULL, 0, NULL},
};
