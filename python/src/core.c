#include "core.h"

#include <unistd.h>

#include "call.h"
#include "frame_in.h"
#include "times.h"

struct core core;

ktk_context *core_context(void) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;
    ktk_status status;

    if (core.context != NULL && core.context_pid == (long)getpid()) {
        return core.context;
    }
    /* After fork() the parent's worker threads are gone; its context must be left alone, not even
     * freed. */
    options.keep_going = core_call_keep_going;
    status = ktk_context_new(&context, &options, &err);
    if (status != KTK_OK) {
        core_raise(status, &err);
        return NULL;
    }
    core.context = context;
    core.context_pid = (long)getpid();
    return context;
}

static PyObject *exception_of(ktk_status status, const ktk_error *err) {
    if (err->reason == KTK_REASON_LITERAL_TYPE) {
        return core.unexpected_type;
    }
    switch (status) {
    case KTK_E_NO_MEMORY:
        return PyExc_MemoryError;
    case KTK_E_NOT_FOUND:
        return PyExc_KeyError;
    case KTK_E_INVALID:
    case KTK_E_SCHEMA:
    case KTK_E_CORRUPT:
    case KTK_E_LIMIT:
        return PyExc_ValueError;
    case KTK_E_UNSUPPORTED:
        return PyExc_NotImplementedError;
    case KTK_E_IO:
    case KTK_E_UNAVAILABLE:
    case KTK_E_READ_ONLY:
        return PyExc_OSError;
    case KTK_E_DENIED:
        return PyExc_PermissionError;
    case KTK_E_EXISTS:
        return core.exists_type;
    case KTK_E_CONFLICT:
        return core.conflict_type;
    case KTK_E_STALE_WRITER:
        return core.stale_writer_type;
    case KTK_E_UNKNOWN_OUTCOME:
        return core.unknown_outcome_type;
    default:
        return PyExc_RuntimeError; /* CANCELLED, INTERNAL */
    }
}

/* Set an attribute; the reference to `value`, which may be NULL after a failure, is stolen. */
static int set_fact(PyObject *exception, const char *name, PyObject *value) {
    int result = value == NULL ? -1 : PyObject_SetAttrString(exception, name, value);

    Py_XDECREF(value);
    return result;
}

/* What the type of an exception and its text do not say to a program. */
static int set_facts(PyObject *exception, ktk_status status, const ktk_error *err) {
    bool has_subject = err->reason != KTK_REASON_NONE;

    return set_fact(exception, "status", PyUnicode_FromString(ktk_status_name(status))) < 0 ||
                   set_fact(exception, "detail", PyLong_FromLong((long)err->detail)) < 0 ||
                   set_fact(exception, "reason",
                            Py_BuildValue("z", has_subject
                                                   ? ktk_reason_name((ktk_reason)err->reason)
                                                   : NULL)) < 0 ||
                   set_fact(exception, "subject",
                            Py_BuildValue("z", has_subject ? err->subject : NULL)) < 0
               ? -1
               : 0;
}

PyObject *core_raise(ktk_status status, const ktk_error *err) {
    PyObject *type = exception_of(status, err);
    PyObject *exception;

    if (PyErr_Occurred()) {
        return NULL;
    }
    exception = PyObject_CallFunction(type, "s", err->message);
    if (exception != NULL && set_facts(exception, status, err) == 0) {
        PyErr_SetObject(type, exception);
    }
    Py_XDECREF(exception);
    return NULL;
}

PyObject *core_no_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    (void)args;
    (void)keywords;
    PyErr_Format(PyExc_TypeError, "cannot create %R objects directly", (PyObject *)type);
    return NULL;
}

PyObject *core_utf8(PyObject *text) {
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "expected str, got %R", text);
        return NULL;
    }
    return PyUnicode_AsUTF8String(text);
}

int core_texts(PyObject *list, struct texts *out) {
    struct texts texts = {NULL, NULL, 0};
    Py_ssize_t count;

    if (list == Py_None) {
        *out = texts;
        return 0;
    }
    count = PySequence_Size(list);
    if (count < 0) {
        return -1;
    }
    texts.count = count;
    texts.bytes = PyList_New(count);
    texts.items = PyMem_Calloc((size_t)count + 1, sizeof(*texts.items));
    if (texts.bytes == NULL || texts.items == NULL) {
        PyErr_NoMemory();
        goto fail;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(list, i);
        PyObject *bytes = item == NULL ? NULL : core_utf8(item);

        Py_XDECREF(item);
        if (bytes == NULL) {
            goto fail;
        }
        texts.items[i] = PyBytes_AsString(bytes);
        PyList_SetItem(texts.bytes, i, bytes);
    }
    *out = texts;
    return 0;
fail:
    core_texts_free(&texts);
    return -1;
}

void core_texts_free(struct texts *texts) {
    Py_XDECREF(texts->bytes);
    PyMem_Free(texts->items);
    *texts = (struct texts){NULL, NULL, 0};
}

static PyObject *core_version(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyUnicode_FromString(ktk_version());
}

static PyMethodDef functions[] = {
    {"version", core_version, METH_NOARGS, "Version of the library."},
    {"frame_stream", core_frame_stream, METH_VARARGS,
     "frame_stream(columns, metadata, length, keep) -> Stream: columns of a data frame as one "
     "Arrow "
     "batch."},
    {"object_kind", frame_in_object_kind, METH_VARARGS,
     "object_kind(address, length, nulls, array_type) -> str: the common type of an array of "
     "objects."},
    {"decimal_values", frame_in_decimal_values, METH_VARARGS,
     "decimal_values(name, address, length, nulls, mask) -> (precision, scale, values)"},
    {"list_offsets", frame_in_list_offsets, METH_VARARGS,
     "list_offsets(name, address, length, nulls, offsets, mask) -> (items, has_lists)"},
    {"list_items", frame_in_list_items, METH_VARARGS,
     "list_items(name, address, length, offsets, items)"},
    {"dict_names", frame_in_dict_names, METH_VARARGS,
     "dict_names(name, address, length, nulls, mask) -> list of str"},
    {"dict_values", frame_in_dict_values, METH_VARARGS,
     "dict_values(address, length, mask, key, values)"},
    {"plain_objects", frame_in_plain_objects, METH_VARARGS,
     "plain_objects(address, length, types, objects)"},
    {"progress_count", core_progress_count, METH_VARARGS,
     "progress_count(variable, step): so many more progress() are open."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_core",
    "libkartothek for Python; internal to the package.",
    -1,
    functions,
    NULL,
    NULL,
    NULL,
    NULL,
};

static int add_type(PyObject *module, const char *name, PyTypeObject *type, PyTypeObject **slot) {
    if (type == NULL) {
        return -1;
    }
    *slot = type;
    Py_INCREF(type);
    if (PyModule_AddObject(module, name, (PyObject *)type) < 0) {
        Py_DECREF(type);
        return -1;
    }
    return 0;
}

static PyObject *import_name(const char *module_name, const char *name) {
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *object = module == NULL ? NULL : PyObject_GetAttrString(module, name);

    Py_XDECREF(module);
    return object;
}

/* They are written in Python, which the extension is part of. */
static int import_exceptions(void) {
    static const char module[] = "kartothek.exceptions";

    core.unexpected_type = import_name(module, "UnexpectedType");
    core.exists_type = import_name(module, "DatasetExists");
    core.conflict_type = import_name(module, "CommitConflict");
    core.stale_writer_type = import_name(module, "StaleWriter");
    core.unknown_outcome_type = import_name(module, "UnknownOutcome");
    return core.unexpected_type == NULL || core.exists_type == NULL || core.conflict_type == NULL ||
                   core.stale_writer_type == NULL || core.unknown_outcome_type == NULL
               ? -1
               : 0;
}

int core_import_types(void) {
    if (core.decimal_type != NULL) {
        return 0;
    }
    core.date_type = import_name("datetime", "date");
    core.time_type = import_name("datetime", "time");
    core.decimal_type = import_name("decimal", "Decimal");
    return core.date_type == NULL || core.time_type == NULL || core.decimal_type == NULL
               ? -1
               : times_setup();
}

PyMODINIT_FUNC PyInit__core(void) {
    PyObject *module = PyModule_Create(&definition);

    if (module == NULL) {
        return NULL;
    }
    if (import_exceptions() < 0 || PyModule_AddFunctions(module, core_dataset_functions) < 0 ||
        PyModule_AddFunctions(module, core_history_functions) < 0 ||
        PyModule_AddFunctions(module, core_parquet_functions) < 0 ||
        PyModule_AddFunctions(module, core_upkeep_functions) < 0 ||
        add_type(module, "Store", core_store_type_new(), &core.store_type) < 0 ||
        add_type(module, "Dataset", core_dataset_type_new(), &core.dataset_type) < 0 ||
        add_type(module, "Stream", core_stream_type_new(), &core.stream_type) < 0 ||
        add_type(module, "PartitionReader", core_partition_reader_type_new(),
                 &core.partition_reader_type) < 0 ||
        add_type(module, "Batches", core_batches_type_new(), &core.batches_type) < 0 ||
        add_type(module, "Update", core_update_type_new(), &core.update_type) < 0 ||
        add_type(module, "Predicate", core_predicate_type_new(), &core.predicate_type) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
