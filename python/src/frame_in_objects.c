/* Columns of Python objects. */
#include "frame_in.h"

#include <stdlib.h>
#include <string.h>

enum object_kind {
    KIND_NULL,
    KIND_TEXT,
    KIND_BYTES,
    KIND_BOOL,
    KIND_INT,
    KIND_FLOAT,
    KIND_DATE,
    KIND_OTHER
};

static bool is_null_object(PyObject *object, PyObject *nulls) {
    if (object == NULL || object == Py_None) {
        return true;
    }
    for (Py_ssize_t i = 0; i < PyTuple_Size(nulls); i++) {
        if (object == PyTuple_GetItem(nulls, i)) {
            return true;
        }
    }
    return PyFloat_Check(object) && PyFloat_AsDouble(object) != PyFloat_AsDouble(object);
}

static enum object_kind kind_of(PyObject *object, PyObject *nulls) {
    if (PyUnicode_Check(object)) {
        return KIND_TEXT;
    }
    if (is_null_object(object, nulls)) {
        return KIND_NULL;
    }
    if (PyBytes_Check(object)) {
        return KIND_BYTES;
    }
    if (PyBool_Check(object)) {
        return KIND_BOOL;
    }
    if (PyLong_Check(object)) {
        return KIND_INT;
    }
    if (PyFloat_Check(object)) {
        return KIND_FLOAT;
    }
    /* A datetime is a date, too; it is left to the caller, whose pandas reads all kinds of it. */
    return (PyObject *)Py_TYPE(object) == core.date_type ? KIND_DATE : KIND_OTHER;
}

/* One kind for the whole column: ints among floats count as floats. */
static enum object_kind common_kind(PyObject *const *objects, int64_t length, PyObject *nulls) {
    enum object_kind common = KIND_NULL;
    PyTypeObject *last = NULL;

    for (int64_t row = 0; row < length; row++) {
        enum object_kind kind;

        /* Runs of one type are the rule; floats are looked at again, for NaN is a null. */
        if (objects[row] != NULL && Py_TYPE(objects[row]) == last && !PyFloat_Check(objects[row])) {
            continue;
        }
        kind = kind_of(objects[row], nulls);
        last = objects[row] == NULL ? NULL : Py_TYPE(objects[row]);

        if (kind == KIND_NULL || kind == common) {
            continue;
        }
        if (common == KIND_NULL || (common == KIND_INT && kind == KIND_FLOAT)) {
            common = kind;
        } else if (!(common == KIND_FLOAT && kind == KIND_INT)) {
            return KIND_OTHER;
        }
    }
    return common;
}

static int set_format(struct column_in *column, const char *format) {
    size_t size = strlen(format) + 1;

    column->format = malloc(size);
    if (column->format == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(column->format, format, size);
    return 0;
}

struct text_output {
    char *data;
    size_t size;
    size_t capacity;
};

static int reserve(struct text_output *out, size_t extra) {
    size_t capacity = out->capacity == 0 ? 1024 : out->capacity;
    char *grown;

    if (extra <= out->capacity - out->size && out->data != NULL) {
        return 0;
    }
    while (capacity - out->size < extra) {
        capacity *= 2;
    }
    grown = realloc(out->data, capacity);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    out->data = grown;
    out->capacity = capacity;
    return 0;
}

/*
 * Part of the limited API from 3.10 on only, but exported with this signature by every CPython
 * since 3.3; it lends the text of an ASCII object without a copy, which is half of the time of
 * storing a text column.
 */
PyAPI_FUNC(const char *) PyUnicode_AsUTF8AndSize(PyObject *text, Py_ssize_t *size);

static int append_object(struct text_output *out, PyObject *object, bool is_text) {
    Py_ssize_t size = 0;
    const char *data = is_text ? PyUnicode_AsUTF8AndSize(object, &size) : PyBytes_AsString(object);

    if (data == NULL) {
        return -1;
    }
    if (!is_text) {
        size = PyBytes_Size(object);
    }
    if (reserve(out, (size_t)size) < 0) {
        return -1;
    }
    memcpy(out->data + out->size, data, (size_t)size);
    out->size += (size_t)size;
    return 0;
}

/* 32-bit offsets where they suffice, as everybody's default has it; else the large type. */
static int finish_texts(struct column_in *column, int64_t *offsets, struct text_output *out,
                        bool is_text) {
    if (out->size > INT32_MAX) {
        column->owned[0] = offsets;
        if (set_format(column, is_text ? "U" : "Z") < 0) {
            return -1;
        }
    } else {
        int32_t *narrow = (int32_t *)offsets;
        for (int64_t row = 0; row <= column->length; row++) {
            int64_t offset = offsets[row];
            memcpy(&narrow[row], &(int32_t){(int32_t)offset}, sizeof(*narrow));
        }
        column->owned[0] = narrow;
        if (set_format(column, is_text ? "u" : "z") < 0) {
            return -1;
        }
    }
    column->owned[1] = out->data;
    column->values = column->owned[0];
    column->bytes = out->data;
    column->buffer_count = 3;
    return 0;
}

static int fill_texts(struct column_in *column, PyObject *const *objects, PyObject *nulls,
                      bool is_text) {
    int64_t *offsets = calloc((size_t)column->length + 1, sizeof(*offsets));
    struct text_output out = {0};
    int code = offsets == NULL ? -1 : reserve(&out, 1);

    if (offsets == NULL) {
        PyErr_NoMemory();
    }
    for (int64_t row = 0; code == 0 && row < column->length; row++) {
        PyObject *object = objects[row];

        if (!PyUnicode_Check(object) && is_null_object(object, nulls)) {
            code = frame_in_validity(column);
            if (code == 0) {
                frame_in_set_null(column, row);
            }
        } else {
            code = append_object(&out, object, is_text);
        }
        offsets[row + 1] = (int64_t)out.size;
    }
    if (code < 0) {
        free(offsets);
        free(out.data);
        return -1;
    }
    code = finish_texts(column, offsets, &out, is_text);
    if (code < 0 && column->owned[1] == NULL) {
        free(out.data);
    }
    return code;
}

/* ---- bool, int, float, date ---- */

static int put_bool(void *values, int64_t row, PyObject *object) {
    ((uint8_t *)values)[row >> 3] |= (uint8_t)((object == Py_True) << (row & 7));
    return 0;
}

static int put_int(void *values, int64_t row, PyObject *object) {
    long long value = PyLong_AsLongLong(object);

    ((int64_t *)values)[row] = value;
    return value == -1 && PyErr_Occurred() ? -1 : 0;
}

static int put_unsigned(void *values, int64_t row, PyObject *object) {
    unsigned long long value = PyLong_AsUnsignedLongLong(object);

    ((uint64_t *)values)[row] = value;
    return value == (unsigned long long)-1 && PyErr_Occurred() ? -1 : 0;
}

static int put_float(void *values, int64_t row, PyObject *object) {
    double value = PyFloat_Check(object) ? PyFloat_AsDouble(object) : PyLong_AsDouble(object);

    ((double *)values)[row] = value;
    return value == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int put_date(void *values, int64_t row, PyObject *object) {
    PyObject *ordinal = PyObject_CallMethod(object, "toordinal", NULL);
    long day = ordinal == NULL ? -1 : PyLong_AsLong(ordinal);

    Py_XDECREF(ordinal);
    ((int32_t *)values)[row] = (int32_t)(day - 719163); /* ordinal of 1970-01-01 */
    return day == -1 && PyErr_Occurred() ? -1 : 0;
}

static const struct {
    const char *format;
    size_t width; /* bytes of a value; 0: a bit */
    int (*put)(void *values, int64_t row, PyObject *object);
} scalars[] = {
    [KIND_BOOL] = {"b", 0, put_bool},
    [KIND_INT] = {"l", 8, put_int},
    [KIND_FLOAT] = {"g", 8, put_float},
    [KIND_DATE] = {"tdD", 4, put_date},
};

static int fill_scalars(struct column_in *column, PyObject *const *objects, PyObject *nulls,
                        const char *format, size_t width, int (*put)(void *, int64_t, PyObject *)) {
    void *values = calloc((size_t)column->length + 1, width == 0 ? 1 : width);

    if (values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    column->owned[0] = values;
    column->values = values;
    column->buffer_count = 2;
    if (set_format(column, format) < 0) {
        return -1;
    }
    for (int64_t row = 0; row < column->length; row++) {
        if (is_null_object(objects[row], nulls)) {
            if (frame_in_validity(column) < 0) {
                return -1;
            }
            frame_in_set_null(column, row);
        } else if (put(values, row, objects[row]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Integers beyond int64 are tried as uint64 before the column is given up. */
static int fill_integers(struct column_in *column, PyObject *const *objects, PyObject *nulls) {
    char *name = column->name;
    int64_t length = column->length;
    int64_t flags = column->flags;

    if (fill_scalars(column, objects, nulls, "l", 8, put_int) == 0) {
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
        return -1;
    }
    PyErr_Clear();
    column->name = NULL;
    frame_in_free(column);
    column->name = name;
    column->length = length;
    column->flags = flags;
    if (fill_scalars(column, objects, nulls, "L", 8, put_unsigned) == 0) {
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Format(PyExc_OverflowError,
                     "column '%s': its whole numbers fit neither int64 nor uint64", column->name);
    }
    return -1;
}

/* By enum object_kind. */
static const char *const kind_names[] = {"empty", "text",  "bytes", "bool",
                                         "int",   "float", "date",  "other"};

PyObject *frame_in_object_kind(PyObject *self, PyObject *args) {
    unsigned long long address;
    long long length;
    PyObject *nulls;

    (void)self;
    if (!PyArg_ParseTuple(args, "KLO!:object_kind", &address, &length, &PyTuple_Type, &nulls) ||
        core_import_types() < 0) {
        return NULL;
    }
    return PyUnicode_FromString(
        kind_names[common_kind((PyObject *const *)(uintptr_t)address, length, nulls)]);
}

int frame_in_objects(struct column_in *column, PyObject *const *objects, PyObject *nulls,
                     const char *kind) {
    enum object_kind found = KIND_NULL;

    while (found < KIND_OTHER && strcmp(kind, kind_names[found]) != 0) {
        found++;
    }
    switch (found) {
    case KIND_NULL:
        column->null_count = column->length;
        return set_format(column, "n");
    case KIND_TEXT:
    case KIND_BYTES:
        return fill_texts(column, objects, nulls, found == KIND_TEXT);
    case KIND_INT:
        return fill_integers(column, objects, nulls);
    case KIND_OTHER:
        PyErr_Format(PyExc_ValueError, "column '%s': no objects of kind '%s'", column->name, kind);
        return -1;
    default:
        return fill_scalars(column, objects, nulls, scalars[found].format, scalars[found].width,
                            scalars[found].put);
    }
}
