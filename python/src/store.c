/* Store objects: opened by URL, or any Python object with kartothek's store methods behind a table
 * of callbacks. */
#include "call.h"

#include <kartothek/sys/store.h>
#include <string.h>

/* ---- callbacks into a Python store; each takes the GIL ---- */

/* Turn the pending Python exception into a status, with its text; called with the GIL held. */
static ktk_status status_of_exception(ktk_error *err, const char *doing, const char *key) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyObject *text = NULL;
    PyObject *bytes = NULL;
    ktk_status status = KTK_E_IO;

    if (core_call_keep_exception()) {
        return ktk_error_set(err, KTK_E_CANCELLED, "cannot %s '%s': the call was interrupted",
                             doing, key);
    }
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (PyErr_GivenExceptionMatches(type, PyExc_KeyError)) {
        status = KTK_E_NOT_FOUND;
    } else if (PyErr_GivenExceptionMatches(type, PyExc_PermissionError)) {
        status = KTK_E_DENIED;
    } else if (PyErr_GivenExceptionMatches(type, PyExc_MemoryError)) {
        status = KTK_E_NO_MEMORY;
    } else if (PyErr_GivenExceptionMatches(type, PyExc_ValueError)) {
        status = KTK_E_INVALID;
    }
    text = PyObject_Repr(value);
    bytes = text == NULL ? NULL : PyUnicode_AsUTF8String(text);
    ktk_error_set(err, status, "cannot %s '%s': %s", doing, key,
                  bytes == NULL ? "error in the store" : PyBytes_AsString(bytes));
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(bytes);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return status;
}

static void release_python_bytes(ktk_bytes *bytes) {
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_DECREF((PyObject *)bytes->owner);
    PyGILState_Release(gil);
}

int core_bytes_lend(PyObject *object, ktk_bytes *out) {
    char *data;
    Py_ssize_t size;

    if (PyBytes_AsStringAndSize(object, &data, &size) < 0) {
        return -1;
    }
    Py_INCREF(object);
    *out = (ktk_bytes){(const uint8_t *)data, (size_t)size, release_python_bytes, object};
    return 0;
}

/* Lend what a method of a store returned (reference stolen) to the library. */
static ktk_status lend_bytes(PyObject *object, ktk_bytes *out, const char *key, ktk_error *err) {
    int lent = core_bytes_lend(object, out);

    Py_DECREF(object);
    if (lent < 0) {
        PyErr_Clear();
        return ktk_error_set(err, KTK_E_IO, "the store returned no bytes for '%s'", key);
    }
    return KTK_OK;
}

static ktk_status python_get(void *state, const char *key, ktk_bytes *out,
                             ktk_store_version *version, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *value = PyObject_CallMethod(state, "get", "s", key);
    ktk_status status =
        value == NULL ? status_of_exception(err, "read", key) : lend_bytes(value, out, key, err);

    if (status == KTK_OK && version != NULL) {
        version->text[0] = '\0';
    }
    PyGILState_Release(gil);
    return status;
}

/* Size of an open file object: its `size`, or where seeking to the end leads. -1 with an exception
 * set. */
static long long file_size(PyObject *file) {
    PyObject *size = PyObject_GetAttrString(file, "size");
    long long result;

    if (size != NULL && !PyLong_Check(size)) {
        Py_DECREF(size);
        size = NULL;
    }
    if (size == NULL) {
        PyErr_Clear();
        size = PyObject_CallMethod(file, "seek", "ii", 0, 2);
        if (size == NULL || !PyLong_Check(size)) {
            PyErr_Clear();
            Py_XDECREF(size);
            size = PyObject_CallMethod(file, "tell", NULL);
        }
    }
    if (size == NULL) {
        return -1;
    }
    result = PyLong_AsLongLong(size);
    Py_DECREF(size);
    return result;
}

static void close_file(PyObject *file) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyObject *closed;

    PyErr_Fetch(&type, &value, &trace);
    closed = PyObject_CallMethod(file, "close", NULL);
    if (closed == NULL) {
        PyErr_Clear();
    }
    Py_XDECREF(closed);
    Py_DECREF(file);
    PyErr_Restore(type, value, trace);
}

static ktk_status python_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *file = PyObject_CallMethod(state, "open", "s", key);
    long long size = file == NULL ? -1 : file_size(file);
    ktk_status status = KTK_OK;

    if (file != NULL) {
        close_file(file);
    }
    if (size < 0) {
        status = status_of_exception(err, "open", key);
    } else {
        memset(out, 0, sizeof(*out));
        out->key = key;
        out->size = size;
        out->modified_us = -1;
    }
    PyGILState_Release(gil);
    return status;
}

static ktk_status python_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                   ktk_bytes *out, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *file = PyObject_CallMethod(state, "open", "s", key);
    PyObject *sought =
        file == NULL ? NULL : PyObject_CallMethod(file, "seek", "L", (long long)offset);
    PyObject *value =
        sought == NULL ? NULL : PyObject_CallMethod(file, "read", "L", (long long)size);
    ktk_status status;

    Py_XDECREF(sought);
    if (file != NULL) {
        close_file(file);
    }
    status =
        value == NULL ? status_of_exception(err, "read", key) : lend_bytes(value, out, key, err);
    PyGILState_Release(gil);
    return status;
}

static ktk_status python_put(void *state, const char *key, const void *data, size_t size,
                             const ktk_put_condition *condition, ktk_store_version *version,
                             ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *done =
        PyObject_CallMethod(state, "put", "sy#", key, (const char *)data, (Py_ssize_t)size);
    ktk_status status = done == NULL ? status_of_exception(err, "write", key) : KTK_OK;

    (void)condition; /* the wrapper lets no condition through to a store without
                        KTK_STORE_CONDITIONAL_PUT */
    if (status == KTK_OK && version != NULL) {
        version->text[0] = '\0';
    }
    Py_XDECREF(done);
    PyGILState_Release(gil);
    return status;
}

static ktk_status python_remove(void *state, const char *key, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *done = PyObject_CallMethod(state, "delete", "s", key);
    ktk_status status = done == NULL ? status_of_exception(err, "remove", key) : KTK_OK;

    Py_XDECREF(done);
    PyGILState_Release(gil);
    return status;
}

static ktk_status list_one(PyObject *key, ktk_store_list_fn fn, void *fn_state, ktk_error *err) {
    PyObject *bytes = core_utf8(key);
    ktk_store_entry entry;
    ktk_status status;

    if (bytes == NULL) {
        return status_of_exception(err, "list", "");
    }
    memset(&entry, 0, sizeof(entry));
    entry.key = PyBytes_AsString(bytes);
    entry.size = -1;
    entry.modified_us = -1;
    status = fn(fn_state, &entry, err);
    Py_DECREF(bytes);
    return status;
}

static ktk_status python_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                              ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *keys = PyObject_CallMethod(state, "iter_keys", "s", prefix);
    PyObject *iterator = keys == NULL ? NULL : PyObject_GetIter(keys);
    PyObject *key = NULL;
    ktk_status status = KTK_OK;

    while (iterator != NULL && status == KTK_OK && (key = PyIter_Next(iterator)) != NULL) {
        status = list_one(key, fn, fn_state, err);
        Py_DECREF(key);
    }
    if (status == KTK_OK && (iterator == NULL || PyErr_Occurred())) {
        status = status_of_exception(err, "list", prefix);
    }
    Py_XDECREF(iterator);
    Py_XDECREF(keys);
    PyGILState_Release(gil);
    return status;
}

static void python_free(void *state) {
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_DECREF((PyObject *)state);
    PyGILState_Release(gil);
}

/* No KTK_STORE_CONDITIONAL_PUT: these stores have none. KTK_STORE_SINGLE_WRITER: programs that hand
 * such objects over expect writes to work as they did with kartothek, which leaves it to them that
 * there is one writer; docs/commits.md says so. No KTK_STORE_THREAD_SAFE: they never promised it.
 */
static const ktk_store_ops python_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_SINGLE_WRITER,
    .get = python_get,
    .get_range = python_get_range,
    .head = python_head,
    .put = python_put,
    .remove = python_remove,
    .list = python_list,
    .sync = NULL,
    .free = python_free,
};

/* ---- the type ---- */

static PyObject *wrap_store(ktk_store *store) {
    struct store_object *self = PyObject_New(struct store_object, core.store_type);

    if (self == NULL) {
        ktk_store_free(store);
        return NULL;
    }
    self->store = store;
    return (PyObject *)self;
}

static PyObject *store_open(PyObject *unused, PyObject *args) {
    ktk_context *context = core_context();
    ktk_store *store = NULL;
    const char *url;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (context == NULL || !PyArg_ParseTuple(args, "s:open", &url)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_open(&store, context, url, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? wrap_store(store) : core_raise(status, &err);
}

static PyObject *store_wrap(PyObject *unused, PyObject *args) {
    ktk_context *context = core_context();
    ktk_store *store = NULL;
    PyObject *object;
    const char *name;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (context == NULL || !PyArg_ParseTuple(args, "Os:wrap", &object, &name)) {
        return NULL;
    }
    Py_INCREF(object);
    status = ktk_store_new(&store, context, &python_ops, object, name, &err);
    if (status != KTK_OK) {
        Py_DECREF(object);
        return core_raise(status, &err);
    }
    return wrap_store(store);
}

static PyObject *store_get(PyObject *object, PyObject *args) {
    struct store_object *self = (struct store_object *)object;
    ktk_bytes bytes = KTK_BYTES_INIT;
    PyObject *result;
    const char *key;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:get", &key)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_get(self->store, key, &bytes, NULL, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    result = PyBytes_FromStringAndSize((const char *)bytes.data, (Py_ssize_t)bytes.size);
    Py_BEGIN_ALLOW_THREADS ktk_bytes_clear(&bytes);
    Py_END_ALLOW_THREADS return result;
}

static PyObject *store_put(PyObject *object, PyObject *args) {
    struct store_object *self = (struct store_object *)object;
    const char *key;
    const char *data;
    Py_ssize_t size;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "sy#:put", &key, &data, &size)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_put(self->store, key, data, (size_t)size, NULL, NULL, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyUnicode_FromString(key) : core_raise(status, &err);
}

static PyObject *store_delete(PyObject *object, PyObject *args) {
    struct store_object *self = (struct store_object *)object;
    const char *key;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:delete", &key)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_remove(self->store, key, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

/* The listing runs without the GIL; each key takes it for a moment. */
static ktk_status add_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *key = PyUnicode_FromString(entry->key);
    int failed = key == NULL || PyList_Append(state, key) < 0;

    Py_XDECREF(key);
    PyErr_Clear();
    PyGILState_Release(gil);
    return failed ? ktk_error_set(err, KTK_E_NO_MEMORY, "out of memory for the list of keys")
                  : KTK_OK;
}

static PyObject *store_keys(PyObject *object, PyObject *args) {
    struct store_object *self = (struct store_object *)object;
    const char *prefix = "";
    PyObject *keys;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "|s:keys", &prefix)) {
        return NULL;
    }
    keys = PyList_New(0);
    if (keys == NULL) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_list(self->store, prefix, add_key, keys, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(keys);
        return core_raise(status, &err);
    }
    return keys;
}

static PyObject *store_size(PyObject *object, PyObject *args) {
    struct store_object *self = (struct store_object *)object;
    const char *key;
    struct core_call call;
    ktk_store_entry entry;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:size", &key)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_head(self->store, key, &entry, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyLong_FromLongLong(entry.size) : core_raise(status, &err);
}

static PyObject *view_of(ktk_store *view, ktk_status status, const ktk_error *err) {
    return status == KTK_OK ? wrap_store(view) : core_raise(status, err);
}

static PyObject *store_prefixed(PyObject *object, PyObject *args) {
    ktk_store *view = NULL;
    const char *prefix;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:prefixed", &prefix)) {
        return NULL;
    }
    status = ktk_store_prefixed(&view, ((struct store_object *)object)->store, prefix, &err);
    return view_of(view, status, &err);
}

static PyObject *store_readonly(PyObject *object, PyObject *unused) {
    ktk_store *view = NULL;
    ktk_error err;
    ktk_status status = ktk_store_readonly(&view, ((struct store_object *)object)->store, &err);

    (void)unused;
    return view_of(view, status, &err);
}

static PyObject *store_urlencoded(PyObject *object, PyObject *unused) {
    ktk_store *view = NULL;
    ktk_error err;
    ktk_status status = ktk_store_urlencoded(&view, ((struct store_object *)object)->store, &err);

    (void)unused;
    return view_of(view, status, &err);
}

static PyObject *store_repr(PyObject *object) {
    return PyUnicode_FromFormat("<kartothek store %s>",
                                ktk_store_name(((struct store_object *)object)->store));
}

static void store_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    ktk_store *store = ((struct store_object *)object)->store;

    /* The last reference may call back into Python; it does so with the GIL, which this thread
     * holds. */
    ktk_store_free(store);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef store_methods[] = {
    {"open", store_open, METH_VARARGS | METH_STATIC, "open(url) -> Store"},
    {"wrap", store_wrap, METH_VARARGS | METH_STATIC,
     "wrap(store, name) -> Store: call back into a Python store object."},
    {"get", store_get, METH_VARARGS, "get(key) -> bytes; KeyError if there is none."},
    {"put", store_put, METH_VARARGS, "put(key, data) -> key"},
    {"delete", store_delete, METH_VARARGS, "delete(key); a missing key is no error."},
    {"size", store_size, METH_VARARGS,
     "size(key) -> bytes of the value; KeyError if there is none."},
    {"keys", store_keys, METH_VARARGS, "keys(prefix='') -> list of str, ascending"},
    {"prefixed", store_prefixed, METH_VARARGS, "prefixed(prefix) -> Store of the keys below it"},
    {"readonly", store_readonly, METH_NOARGS, "readonly() -> Store that refuses to write"},
    {"urlencoded", store_urlencoded, METH_NOARGS, "urlencoded() -> Store that quotes its keys"},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *core_store_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, store_methods},
        {Py_tp_repr, CORE_SLOT(store_repr)},
        {Py_tp_dealloc, CORE_SLOT(store_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Store", sizeof(struct store_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
