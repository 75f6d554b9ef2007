/* Columns of Python objects. */
#include "frame_in.h"

#include <stdlib.h>
#include <string.h>

#include "times.h"

enum object_kind {
    KIND_NULL,
    KIND_TEXT,
    KIND_BYTES,
    KIND_BOOL,
    KIND_INT,
    KIND_UINT,
    KIND_FLOAT,
    KIND_DATE,
    KIND_TIME,
    KIND_DELTA,
    KIND_DECIMAL,
    KIND_LIST,
    KIND_DICT,
    KIND_OTHER
};

/* By enum object_kind. */
static const char *const kind_names[] = {"empty",   "text",  "bytes", "bool", "int",
                                         "uint",    "float", "date",  "time", "timedelta",
                                         "decimal", "list",  "dict",  "other"};

int nulls_parse(PyObject *tuple, void *out) {
    struct nulls *nulls = out;
    Py_ssize_t count = PyTuple_Check(tuple) ? PyTuple_Size(tuple) : -1;

    if (count < 0 || (size_t)count > sizeof(nulls->objects) / sizeof(nulls->objects[0])) {
        PyErr_SetString(PyExc_TypeError, "nulls must be a tuple of at most four objects");
        return 0;
    }
    nulls->count = (size_t)count;
    for (size_t i = 0; i < nulls->count; i++) {
        nulls->objects[i] = PyTuple_GetItem(tuple, (Py_ssize_t)i);
    }
    return 1;
}

bool frame_in_is_null(PyObject *object, const struct nulls *nulls) {
    if (object == NULL || object == Py_None) {
        return true;
    }
    for (size_t i = 0; i < nulls->count; i++) {
        if (object == nulls->objects[i]) {
            return true;
        }
    }
    return PyFloat_Check(object) && PyFloat_AsDouble(object) != PyFloat_AsDouble(object);
}

/* Of what is neither null nor of a type that a flag tells. */
static enum object_kind rare_kind_of(PyObject *object, PyObject *array_type) {
    PyObject *const type = (PyObject *)Py_TYPE(object);

    /* A datetime is a date, too; it is left to the caller, whose pandas reads all kinds of it. */
    if (type == core.date_type) {
        return KIND_DATE;
    }
    if (type == core.time_type ||
        PyType_IsSubtype((PyTypeObject *)type, (PyTypeObject *)core.time_type)) {
        return KIND_TIME;
    }
    if (times_is_delta(object)) {
        return KIND_DELTA;
    }
    if (type == core.decimal_type ||
        PyType_IsSubtype((PyTypeObject *)type, (PyTypeObject *)core.decimal_type)) {
        return KIND_DECIMAL;
    }
    return type == array_type ? KIND_LIST : KIND_OTHER;
}

static enum object_kind kind_of(PyObject *object, const struct nulls *nulls, PyObject *array_type) {
    int overflow = 0;

    if (PyUnicode_Check(object)) {
        return KIND_TEXT;
    }
    if (frame_in_is_null(object, nulls)) {
        return KIND_NULL;
    }
    if (PyBytes_Check(object)) {
        return KIND_BYTES;
    }
    if (PyBool_Check(object)) {
        return KIND_BOOL;
    }
    if (PyLong_Check(object)) {
        (void)PyLong_AsLongLongAndOverflow(object, &overflow);
        return overflow > 0 ? KIND_UINT : KIND_INT;
    }
    if (PyFloat_Check(object)) {
        return KIND_FLOAT;
    }
    if (PyList_Check(object) || PyTuple_Check(object) || PySet_Check(object)) {
        return KIND_LIST;
    }
    return PyDict_Check(object) ? KIND_DICT : rare_kind_of(object, array_type);
}

/* Of two kinds that are not null: ints among floats count as floats. */
static enum object_kind joined_kind(enum object_kind a, enum object_kind b) {
    bool whole_a = a == KIND_INT || a == KIND_UINT;
    bool whole_b = b == KIND_INT || b == KIND_UINT;

    if (a == b) {
        return a;
    }
    if (whole_a && whole_b) {
        return KIND_UINT;
    }
    if ((whole_a && b == KIND_FLOAT) || (whole_b && a == KIND_FLOAT)) {
        return KIND_FLOAT;
    }
    return KIND_OTHER;
}

/* Whether another object of the type of the one before can be passed over: runs of one type are the
 * rule. Floats may be NaN, a null; ints may be too large for the kind so far. */
static bool tells_nothing(PyTypeObject *type, enum object_kind common) {
    if (type == &PyFloat_Type) {
        return common == KIND_FLOAT;
    }
    return type != &PyLong_Type || common == KIND_UINT || common == KIND_FLOAT;
}

/* One kind for the whole column. */
static enum object_kind common_kind(PyObject *const *objects, int64_t length,
                                    const struct nulls *nulls, PyObject *array_type) {
    enum object_kind common = KIND_NULL;
    PyTypeObject *last = NULL;

    for (int64_t row = 0; common != KIND_OTHER && row < length; row++) {
        enum object_kind kind;

        if (objects[row] == NULL ||
            (Py_TYPE(objects[row]) == last && tells_nothing(last, common))) {
            continue;
        }
        kind = kind_of(objects[row], nulls, array_type);
        last = Py_TYPE(objects[row]);
        if (kind != KIND_NULL) {
            common = common == KIND_NULL ? kind : joined_kind(common, kind);
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

const char *frame_in_text(PyObject *text, Py_ssize_t *size) {
    return PyUnicode_AsUTF8AndSize(text, size);
}

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

static int fill_texts(struct column_in *column, PyObject *const *objects, const struct nulls *nulls,
                      bool is_text) {
    int64_t *offsets = calloc((size_t)column->length + 1, sizeof(*offsets));
    struct text_output out = {0};
    int code = offsets == NULL ? -1 : reserve(&out, 1);

    if (offsets == NULL) {
        PyErr_NoMemory();
    }
    for (int64_t row = 0; code == 0 && row < column->length; row++) {
        PyObject *object = objects[row];

        if (!PyUnicode_Check(object) && frame_in_is_null(object, nulls)) {
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

/* ---- bool, int, float, dates and times ---- */

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
    return times_date_days(object, &((int32_t *)values)[row]);
}

static int put_time(void *values, int64_t row, PyObject *object) {
    return times_time_micros(object, &((int64_t *)values)[row]);
}

static int put_delta(void *values, int64_t row, PyObject *object) {
    return times_delta_micros(object, &((int64_t *)values)[row]);
}

static const struct {
    const char *format;
    size_t width; /* bytes of a value; 0: a bit */
    int (*put)(void *values, int64_t row, PyObject *object);
} scalars[] = {
    [KIND_BOOL] = {"b", 0, put_bool},     [KIND_INT] = {"l", 8, put_int},
    [KIND_UINT] = {"L", 8, put_unsigned}, [KIND_FLOAT] = {"g", 8, put_float},
    [KIND_DATE] = {"tdD", 4, put_date},   [KIND_TIME] = {"ttu", 8, put_time},
    [KIND_DELTA] = {"tDu", 8, put_delta},
};

/* Says of which column and row the value is that has no place in the type. */
static void add_place(const struct column_in *column, int64_t row) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == PyExc_OverflowError || type == PyExc_TypeError) {
        PyErr_Format(type, "column '%s', row %lld: %S", column->name, (long long)row,
                     value != NULL ? value : Py_None);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    } else {
        PyErr_Restore(type, value, traceback);
    }
}

static int fill_scalars(struct column_in *column, PyObject *const *objects,
                        const struct nulls *nulls, enum object_kind kind) {
    size_t width = scalars[kind].width;
    void *values = calloc((size_t)column->length + 1, width == 0 ? 1 : width);

    if (values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    column->owned[0] = values;
    column->values = values;
    column->buffer_count = 2;
    if (set_format(column, scalars[kind].format) < 0) {
        return -1;
    }
    for (int64_t row = 0; row < column->length; row++) {
        if (frame_in_is_null(objects[row], nulls)) {
            if (frame_in_validity(column) < 0) {
                return -1;
            }
            frame_in_set_null(column, row);
        } else if (scalars[kind].put(values, row, objects[row]) < 0) {
            add_place(column, row);
            return -1;
        }
    }
    return 0;
}

PyObject *frame_in_object_kind(PyObject *self, PyObject *args) {
    unsigned long long address;
    PyObject *array_type;
    struct nulls nulls;
    long long length;

    (void)self;
    if (!PyArg_ParseTuple(args, "KLO&O:object_kind", &address, &length, nulls_parse, &nulls,
                          &array_type) ||
        core_import_types() < 0) {
        return NULL;
    }
    return PyUnicode_FromString(
        kind_names[common_kind((PyObject *const *)(uintptr_t)address, length, &nulls, array_type)]);
}

int frame_in_objects(struct column_in *column, PyObject *const *objects, const struct nulls *nulls,
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
    case KIND_DECIMAL:
    case KIND_LIST:
    case KIND_DICT:
    case KIND_OTHER:
        PyErr_Format(PyExc_ValueError, "column '%s': no objects of kind '%s'", column->name, kind);
        return -1;
    default:
        return fill_scalars(column, objects, nulls, found);
    }
}
