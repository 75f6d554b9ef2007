/* Predicates in disjunctive normal form, from lists of lists of (column, operator, value). */
#include "core.h"

#include <string.h>

/* The values come from Python glue as (kind, payload): see kartothek/_predicates.py. */
struct build {
    ktk_literal *literals;
    size_t literal_count;
    size_t *counts;
    size_t conjunction_count;
    PyObject *owners; /* bytes objects that texts point into */
};

static void build_clear(struct build *build) {
    for (size_t i = 0; i < build->literal_count; i++) {
        PyMem_Free((void *)(uintptr_t)build->literals[i].values);
    }
    PyMem_Free(build->literals);
    PyMem_Free(build->counts);
    Py_XDECREF(build->owners);
}

/* Keep `bytes` (reference stolen) alive and point the value at it. */
static int set_bytes(struct build *build, ktk_value *value, PyObject *bytes) {
    char *data;
    Py_ssize_t size;

    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &data, &size) < 0 ||
        PyList_Append(build->owners, bytes) < 0) {
        Py_XDECREF(bytes);
        return -1;
    }
    Py_DECREF(bytes);
    value->bytes = data;
    value->bytes_size = (size_t)size;
    return 0;
}

static int take_value(struct build *build, PyObject *pair, ktk_value *out) {
    PyObject *payload;
    int kind;

    if (!PyArg_ParseTuple(pair, "iO;a value must be (kind, payload)", &kind, &payload)) {
        return -1;
    }
    memset(out, 0, sizeof(*out));
    out->kind = (ktk_value_kind)kind;
    switch (out->kind) {
    case KTK_VALUE_NULL:
        return 0;
    case KTK_VALUE_FLOAT:
        out->real = PyFloat_AsDouble(payload);
        return PyErr_Occurred() ? -1 : 0;
    case KTK_VALUE_UINT:
        out->unsigned_integer = PyLong_AsUnsignedLongLong(payload);
        return PyErr_Occurred() ? -1 : 0;
    case KTK_VALUE_TEXT:
    case KTK_VALUE_UNTYPED:
        return set_bytes(build, out, core_utf8(payload));
    case KTK_VALUE_BINARY:
        Py_INCREF(payload);
        return set_bytes(build, out, payload);
    default:
        out->integer = PyLong_AsLongLong(payload);
        return PyErr_Occurred() ? -1 : 0;
    }
}

/* (column, operator number, [value, …]) */
static int take_literal(struct build *build, PyObject *item) {
    ktk_literal *literal = &build->literals[build->literal_count];
    ktk_value column = {0};
    ktk_value *values;
    PyObject *name;
    PyObject *list;
    Py_ssize_t count;
    int op;

    if (!PyArg_ParseTuple(item, "UiO!;a literal must be (column, operator, values)", &name, &op,
                          &PyList_Type, &list) ||
        set_bytes(build, &column, core_utf8(name)) < 0) {
        return -1;
    }
    if (memchr(column.bytes, '\0', column.bytes_size) != NULL) {
        PyErr_Format(PyExc_ValueError, "column name with a NUL character: %R", name);
        return -1;
    }
    count = PyList_Size(list);
    values = PyMem_Calloc((size_t)count + 1, sizeof(*values));
    if (values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *literal = (ktk_literal){column.bytes, (ktk_operator)op, values, (size_t)count};
    build->literal_count++;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (take_value(build, PyList_GetItem(list, i), &values[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int build_from(struct build *build, PyObject *conjunctions) {
    Py_ssize_t count = PyList_Size(conjunctions);
    Py_ssize_t total = 0;

    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t size = PyList_Size(PyList_GetItem(conjunctions, i));
        if (size < 0) {
            return -1;
        }
        total += size;
    }
    build->owners = PyList_New(0);
    build->counts = PyMem_Calloc((size_t)count + 1, sizeof(*build->counts));
    build->literals = PyMem_Calloc((size_t)total + 1, sizeof(*build->literals));
    if (build->owners == NULL || build->counts == NULL || build->literals == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    build->conjunction_count = (size_t)count;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *conjunction = PyList_GetItem(conjunctions, i);
        build->counts[i] = (size_t)PyList_Size(conjunction);
        for (Py_ssize_t j = 0; j < PyList_Size(conjunction); j++) {
            if (take_literal(build, PyList_GetItem(conjunction, j)) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static PyObject *wrap_predicate(ktk_predicate *predicate) {
    struct predicate_object *self = PyObject_New(struct predicate_object, core.predicate_type);

    if (self == NULL) {
        ktk_predicate_free(predicate);
        return NULL;
    }
    self->predicate = predicate;
    return (PyObject *)self;
}

static PyObject *predicate_build(PyObject *unused, PyObject *args) {
    ktk_context *context = core_context();
    ktk_predicate *predicate = NULL;
    struct build build = {0};
    PyObject *conjunctions;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (context == NULL || !PyArg_ParseTuple(args, "O!:build", &PyList_Type, &conjunctions)) {
        return NULL;
    }
    if (build_from(&build, conjunctions) < 0) {
        build_clear(&build);
        return NULL;
    }
    status = ktk_predicate_new(&predicate, context, build.literals, build.counts,
                               build.conjunction_count, &err);
    build_clear(&build);
    return status == KTK_OK ? wrap_predicate(predicate) : core_raise(status, &err);
}

static PyObject *predicate_parse(PyObject *unused, PyObject *args) {
    ktk_context *context = core_context();
    ktk_predicate *predicate = NULL;
    const char *text;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (context == NULL || !PyArg_ParseTuple(args, "s:parse", &text)) {
        return NULL;
    }
    status = ktk_predicate_parse(&predicate, context, text, &err);
    return status == KTK_OK ? wrap_predicate(predicate) : core_raise(status, &err);
}

static void predicate_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    ktk_predicate_free(((struct predicate_object *)object)->predicate);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef predicate_methods[] = {
    {"build", predicate_build, METH_VARARGS | METH_STATIC,
     "build([[(column, operator, [(kind, payload), …]), …], …])"},
    {"parse", predicate_parse, METH_VARARGS | METH_STATIC, "parse(text)"},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *core_predicate_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, predicate_methods},
        {Py_tp_dealloc, CORE_SLOT(predicate_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Predicate", sizeof(struct predicate_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
