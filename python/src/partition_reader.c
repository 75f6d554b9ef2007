/* Partition by partition, each a stream, those behind it read ahead. */
#include "call.h"

#include <unistd.h>

PyObject *core_partition_reader_new(ktk_partition_reader *reader) {
    struct partition_reader_object *self =
        PyObject_New(struct partition_reader_object, core.partition_reader_type);

    if (self == NULL) {
        ktk_partition_reader_free(reader);
        return NULL;
    }
    self->reader = reader;
    self->pid = (long)getpid();
    self->is_busy = false;
    return (PyObject *)self;
}

static PyObject *reader_next(PyObject *object, PyObject *unused) {
    struct partition_reader_object *self = (struct partition_reader_object *)object;
    struct ArrowArrayStream stream = {0};
    int64_t partition = 0;
    PyObject *given;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (self->is_busy || self->pid != (long)getpid()) {
        PyErr_SetString(PyExc_ValueError, self->is_busy ? "the reader is used by another thread"
                                                        : "the reader was begun before fork()");
        return NULL;
    }
    self->is_busy = true;
    core_call_begin(&call);
    status = ktk_partition_reader_next(self->reader, &partition, &stream, &err);
    core_call_end(&call, status);
    self->is_busy = false;
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    if (stream.release == NULL) {
        Py_RETURN_NONE;
    }
    given = core_stream_new(&stream);
    return given == NULL ? NULL : Py_BuildValue("(LN)", (long long)partition, given);
}

static PyObject *get_pid(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLong(((struct partition_reader_object *)object)->pid);
}

/* Reads that have begun are waited for. A child of fork() has none of the threads that it would
 * wait for: what it inherited is left alone. */
static void reader_dealloc(PyObject *object) {
    struct partition_reader_object *self = (struct partition_reader_object *)object;
    PyTypeObject *type = Py_TYPE(object);

    if (self->pid == (long)getpid()) {
        Py_BEGIN_ALLOW_THREADS ktk_partition_reader_free(self->reader);
        Py_END_ALLOW_THREADS
    }
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef reader_methods[] = {
    {"next", reader_next, METH_NOARGS, "next() -> (partition, Stream); None at the end."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef reader_getters[] = {
    {"pid", get_pid, NULL, "the process that it reads in", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *core_partition_reader_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, reader_methods},
        {Py_tp_getset, reader_getters},
        {Py_tp_dealloc, CORE_SLOT(reader_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.PartitionReader",
                               sizeof(struct partition_reader_object), 0, Py_TPFLAGS_DEFAULT,
                               slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
