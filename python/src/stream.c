/* Arrow streams across the PyCapsule interface
 * (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html). */
#include "call.h"

#include <stdlib.h>

#include "lend.h"

#define STREAM_CAPSULE "arrow_array_stream"

PyObject *core_stream_new(struct ArrowArrayStream *stream) {
    struct stream_object *self = PyObject_New(struct stream_object, core.stream_type);

    if (self == NULL) {
        stream->release(stream);
        return NULL;
    }
    self->stream = *stream;
    stream->release = NULL;
    return (PyObject *)self;
}

/* ---- a single array as a stream ---- */

struct single {
    struct ArrowSchema schema;
    struct ArrowArray array; /* release NULL: it is handed out */
};

static int single_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    return lend_schema(&((struct single *)stream->private_data)->schema, out);
}

static int single_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct single *single = stream->private_data;

    *out = single->array;
    single->array.release = NULL;
    return 0;
}

static const char *single_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return NULL;
}

static void single_release(struct ArrowArrayStream *stream) {
    struct single *single = stream->private_data;

    if (single->array.release != NULL) {
        single->array.release(&single->array);
    }
    if (single->schema.release != NULL) {
        single->schema.release(&single->schema);
    }
    free(single);
    stream->release = NULL;
}

/* Move the structs of the two capsules of `__arrow_c_array__` into a stream. */
static int take_array(PyObject *capsules, struct ArrowArrayStream *out) {
    PyObject *of_schema = PyTuple_GetItem(capsules, 0);
    PyObject *of_array = of_schema == NULL ? NULL : PyTuple_GetItem(capsules, 1);
    struct ArrowSchema *schema;
    struct ArrowArray *array;
    struct single *single;

    schema = of_array == NULL ? NULL : PyCapsule_GetPointer(of_schema, "arrow_schema");
    array = schema == NULL ? NULL : PyCapsule_GetPointer(of_array, "arrow_array");
    if (array == NULL) {
        return -1;
    }
    if (schema->release == NULL || array->release == NULL) {
        PyErr_SetString(PyExc_ValueError, "the array has been consumed");
        return -1;
    }
    single = calloc(1, sizeof(*single));
    if (single == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    single->schema = *schema;
    single->array = *array;
    schema->release = NULL;
    array->release = NULL;
    *out =
        (struct ArrowArrayStream){single_schema, single_next, single_error, single_release, single};
    return 0;
}

/* ---- what Python objects hand over ---- */

/* Move the struct of the capsule of `__arrow_c_stream__`. */
static int take_stream(PyObject *capsule, struct ArrowArrayStream *out) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, STREAM_CAPSULE);

    if (stream == NULL) {
        return -1;
    }
    if (stream->release == NULL) {
        PyErr_SetString(PyExc_ValueError, "the stream has been consumed");
        return -1;
    }
    *out = *stream;
    stream->release = NULL;
    return 0;
}

int core_stream_take(PyObject *object, struct ArrowArrayStream *out) {
    struct stream_object *ours = (struct stream_object *)object;
    PyObject *given;
    int result;

    if (Py_TYPE(object) == core.stream_type) {
        if (ours->stream.release == NULL) {
            PyErr_SetString(PyExc_ValueError, "the stream has been consumed");
            return -1;
        }
        *out = ours->stream;
        ours->stream.release = NULL;
        return 0;
    }
    if (PyObject_HasAttrString(object, "__arrow_c_stream__")) {
        given = PyObject_CallMethod(object, "__arrow_c_stream__", NULL);
        result = given == NULL ? -1 : take_stream(given, out);
    } else if (PyObject_HasAttrString(object, "__arrow_c_array__")) {
        given = PyObject_CallMethod(object, "__arrow_c_array__", NULL);
        result = given == NULL ? -1 : take_array(given, out);
    } else {
        given = NULL;
        result = -1;
        PyErr_Format(PyExc_TypeError,
                     "%R holds no Arrow data: it has neither __arrow_c_stream__ nor "
                     "__arrow_c_array__",
                     Py_TYPE(object));
    }
    Py_XDECREF(given);
    return result;
}

static void free_capsule(PyObject *capsule) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, STREAM_CAPSULE);

    if (stream->release != NULL) {
        stream->release(stream);
    }
    PyMem_Free(stream);
}

PyObject *core_stream_capsule(struct ArrowArrayStream *stream) {
    struct ArrowArrayStream *copy = PyMem_Calloc(1, sizeof(*copy));
    PyObject *capsule;

    if (copy == NULL) {
        return PyErr_NoMemory();
    }
    capsule = PyCapsule_New(copy, STREAM_CAPSULE, free_capsule);
    if (capsule == NULL) {
        PyMem_Free(copy);
        return NULL;
    }
    *copy = *stream;
    stream->release = NULL;
    return capsule;
}

/* The requested schema is a wish that the interface allows to be left unfulfilled. */
static PyObject *stream_capsule(PyObject *object, PyObject *args) {
    struct ArrowArrayStream stream;
    PyObject *requested = NULL;
    PyObject *capsule;

    if (!PyArg_ParseTuple(args, "|O:__arrow_c_stream__", &requested) ||
        core_stream_take(object, &stream) < 0) {
        return NULL;
    }
    capsule = core_stream_capsule(&stream);
    if (capsule == NULL) {
        stream.release(&stream);
    }
    return capsule;
}

/* The groups of a split as a list of streams; they leave the split. */
static PyObject *take_groups(ktk_split *split) {
    int64_t count = ktk_split_group_count(split);
    PyObject *list = PyList_New((Py_ssize_t)count);

    for (int64_t i = 0; list != NULL && i < count; i++) {
        struct ArrowArrayStream stream = {0};
        ktk_error err;
        ktk_status status = ktk_split_take(&stream, split, i, &err);
        PyObject *item = status == KTK_OK ? core_stream_new(&stream) : core_raise(status, &err);

        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, item);
        }
    }
    return list;
}

static PyObject *split_result(ktk_split *split) {
    struct ArrowArrayStream stream = {0};
    ktk_error err;
    ktk_status status = ktk_split_values(&stream, split, &err);
    PyObject *values = status == KTK_OK ? core_stream_new(&stream) : core_raise(status, &err);
    PyObject *groups = values == NULL ? NULL : take_groups(split);
    PyObject *result = groups == NULL ? NULL : PyTuple_Pack(2, values, groups);

    Py_XDECREF(groups);
    Py_XDECREF(values);
    return result;
}

static PyObject *stream_split(PyObject *object, PyObject *args) {
    ktk_context *context = core_context();
    struct ArrowArrayStream stream;
    struct texts columns = {0};
    PyObject *list;
    PyObject *result;
    long long bytes_max;
    ktk_split *split = NULL;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (context == NULL || !PyArg_ParseTuple(args, "OL:split", &list, &bytes_max) ||
        core_texts(list, &columns) < 0) {
        return NULL;
    }
    if (core_stream_take(object, &stream) < 0) {
        core_texts_free(&columns);
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_split_new(&split, context, &stream, columns.items, (size_t)columns.count,
                           bytes_max, &err);
    core_call_end(&call, status);
    core_texts_free(&columns);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    result = split_result(split);
    ktk_split_free(split);
    return result;
}

static void stream_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    struct ArrowArrayStream *stream = &((struct stream_object *)object)->stream;

    if (stream->release != NULL) {
        Py_BEGIN_ALLOW_THREADS stream->release(stream);
        Py_END_ALLOW_THREADS
    }
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef stream_methods[] = {
    {"__arrow_c_stream__", stream_capsule, METH_VARARGS,
     "Arrow PyCapsule interface; consumes the stream."},
    {"read", core_stream_read, METH_NOARGS, "read() -> Batches: everything; consumes the stream."},
    {"split", stream_split, METH_VARARGS,
     "split(columns, bytes_max) -> (Stream of the values, a row a group; [Stream, …] of the "
     "groups' rows); "
     "consumes the stream."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *core_stream_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, stream_methods},
        {Py_tp_dealloc, CORE_SLOT(stream_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Stream", sizeof(struct stream_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
