/* One transaction on a dataset. */
#include "core.h"

/* Everything the options of an update point to. */
struct update_arguments {
    ktk_update_options options;
    struct texts partition_on;
    struct store_object *store;
    const char *uuid;
};

static int update_arguments_parse(struct update_arguments *out, PyObject *args,
                                  PyObject *keywords) {
    static char *names[] = {"store",       "uuid",     "overwrite",      "table", "partition_on",
                            "compression", "metadata", "row_group_rows", NULL};
    PyObject *partition_on = Py_None;
    const char *compression = "snappy";
    long long row_group_rows = 0;
    int overwrite = 0;
    ktk_error err;
    ktk_status status;

    *out = (struct update_arguments){.options = KTK_UPDATE_OPTIONS_INIT};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!s|pzOszL:begin", names, core.store_type,
                                     &out->store, &out->uuid, &overwrite, &out->options.table,
                                     &partition_on, &compression, &out->options.metadata,
                                     &row_group_rows) ||
        core_texts(partition_on, &out->partition_on) < 0) {
        return -1;
    }
    status = ktk_compression_parse(&out->options.file.compression, compression, &err);
    if (status != KTK_OK) {
        core_texts_free(&out->partition_on);
        core_raise(status, &err);
        return -1;
    }
    out->options.mode = overwrite ? KTK_UPDATE_OVERWRITE : KTK_UPDATE_CREATE;
    out->options.partition_on = out->partition_on.items;
    out->options.partition_on_count = (size_t)out->partition_on.count;
    out->options.file.row_group_rows_max = row_group_rows;
    return 0;
}

static PyObject *update_begin(PyObject *unused, PyObject *args, PyObject *keywords) {
    struct update_arguments arguments;
    struct update_object *self;
    ktk_update *update = NULL;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS status =
        ktk_update_begin(&update, arguments.store->store, arguments.uuid, &arguments.options, &err);
    Py_END_ALLOW_THREADS core_texts_free(&arguments.partition_on);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    self = PyObject_New(struct update_object, core.update_type);
    if (self == NULL) {
        Py_BEGIN_ALLOW_THREADS ktk_update_free(update);
        Py_END_ALLOW_THREADS return NULL;
    }
    self->update = update;
    return (PyObject *)self;
}

static ktk_update *live_update(PyObject *object) {
    ktk_update *update = ((struct update_object *)object)->update;

    if (update == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the update has ended");
    }
    return update;
}

static PyObject *update_add(PyObject *object, PyObject *args) {
    ktk_update *update = live_update(object);
    struct ArrowArrayStream stream = {0};
    PyObject *source;
    const char *label = NULL;
    ktk_error err;
    ktk_status status;

    if (update == NULL || !PyArg_ParseTuple(args, "O|z:add", &source, &label) ||
        core_stream_take(source, &stream) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS status = ktk_update_add(update, &stream, label, &err);
    Py_END_ALLOW_THREADS if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *update_add_nothing(PyObject *object, PyObject *unused) {
    ktk_update *update = live_update(object);
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update == NULL) {
        return NULL;
    }
    status = ktk_update_add_nothing(update, &err);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *update_commit(PyObject *object, PyObject *unused) {
    ktk_update *update = live_update(object);
    ktk_commit commit;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS status = ktk_update_commit(update, &commit, &err);
    Py_END_ALLOW_THREADS if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    return Py_BuildValue("{s:s,s:i,s:L,s:L}", "id", commit.id, "attempts", (int)commit.attempts,
                         "partitions", (long long)commit.partition_count, "rows",
                         (long long)commit.row_count);
}

static PyObject *update_close(PyObject *object, PyObject *unused) {
    struct update_object *self = (struct update_object *)object;
    ktk_update *update = self->update;

    (void)unused;
    self->update = NULL;
    Py_BEGIN_ALLOW_THREADS ktk_update_free(update);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static void update_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    ktk_update *update = ((struct update_object *)object)->update;

    /* Removing the files of an update that was not committed may take long, and may call back into
     * Python. */
    Py_BEGIN_ALLOW_THREADS ktk_update_free(update);
    Py_END_ALLOW_THREADS PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef update_methods[] = {
    {"begin", (PyCFunction)(void (*)(void))update_begin, METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     "begin(store, uuid, overwrite, table, partition_on, compression, metadata, row_group_rows) -> "
     "Update"},
    {"add", update_add, METH_VARARGS,
     "add(stream, label=None): the rows of an Arrow stream as one input."},
    {"add_nothing", update_add_nothing, METH_NOARGS, "An input without rows or schema."},
    {"commit", update_commit, METH_NOARGS, "commit() -> {'id', 'attempts', 'partitions', 'rows'}"},
    {"close", update_close, METH_NOARGS, "End the update; without a commit its files are removed."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *core_update_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, update_methods},
        {Py_tp_dealloc, CORE_SLOT(update_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Update", sizeof(struct update_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
