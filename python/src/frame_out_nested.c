/*
 * Lists, structs and maps: what they hold is a Batches object of its own, whose columns are made
 * like any others; here the rows are cut out of those columns.
 */
#include "frame_out.h"

#include <string.h>

/* A nested column in one batch. */
struct part {
    const struct ArrowArray *array;
    int64_t base;   /* of row 0 in the buffers */
    int64_t length; /* rows */
};

enum nesting { NESTING_NONE, NESTING_LIST, NESTING_LARGE_LIST, NESTING_FIXED_LIST, NESTING_STRUCT };

static enum nesting nesting_of(const char *format) {
    if (format[0] != '+') {
        return NESTING_NONE;
    }
    switch (format[1]) {
    case 'l':
    case 'm':
        return NESTING_LIST;
    case 'L':
        return NESTING_LARGE_LIST;
    case 'w':
        return NESTING_FIXED_LIST;
    case 's':
        return NESTING_STRUCT;
    default:
        return NESTING_NONE;
    }
}

static struct part part_of(const struct batches_object *batches, Py_ssize_t batch,
                           Py_ssize_t column) {
    const struct ArrowArray *parent = &batches->batches[batch];
    const struct ArrowArray *array = parent->children[column];
    return (struct part){array, array->offset + parent->offset, parent->length};
}

static bool part_is_null(const struct part *part, int64_t row) {
    const uint8_t *validity =
        part->array->n_buffers > 0 && part->array->null_count != 0 ? part->array->buffers[0] : NULL;
    int64_t bit = row + part->base;
    return validity != NULL && (validity[bit >> 3] >> (bit & 7) & 1) == 0;
}

/* Where the items of a row start among those of the child; of the row after the last: their end. */
static int64_t items_at(const struct part *part, const char *format, int64_t row) {
    int64_t index = part->base + row;

    switch (nesting_of(format)) {
    case NESTING_LIST:
        return part->length == 0 ? 0 : ((const int32_t *)part->array->buffers[1])[index];
    case NESTING_LARGE_LIST:
        return part->length == 0 ? 0 : ((const int64_t *)part->array->buffers[1])[index];
    case NESTING_FIXED_LIST: {
        int64_t width = 0;
        for (const char *at = format + 3; *at >= '0' && *at <= '9'; at++) {
            width = width * 10 + (*at - '0');
        }
        return index * width;
    }
    default:
        return index;
    }
}

/* These return 0, or -1 with an exception. */
static int checked_column(const struct batches_object *batches, Py_ssize_t column) {
    if (column < 0 || column >= batches->schema.n_children) {
        PyErr_Format(PyExc_IndexError, "column %zd of %lld", column,
                     (long long)batches->schema.n_children);
        return -1;
    }
    return 0;
}

static int nested_column(const struct batches_object *batches, Py_ssize_t column) {
    if (checked_column(batches, column) < 0) {
        return -1;
    }
    if (nesting_of(batches->schema.children[column]->format) == NESTING_NONE) {
        PyErr_Format(PyExc_NotImplementedError, "column '%s': no objects of Arrow format '%s'",
                     batches->schema.children[column]->name,
                     batches->schema.children[column]->format);
        return -1;
    }
    return 0;
}

PyObject *frame_out_nested(PyObject *self, PyObject *args) {
    struct batches_object *outer = (struct batches_object *)self;
    const struct ArrowSchema *schema;
    struct batches_object *inner;
    Py_ssize_t column;

    if (!PyArg_ParseTuple(args, "n", &column) || nested_column(outer, column) < 0) {
        return NULL;
    }
    schema = outer->schema.children[column];
    inner = batches_new(outer->batch_count);
    if (inner == NULL) {
        return NULL;
    }
    Py_INCREF(self);
    inner->owner = self;
    inner->schema = (struct ArrowSchema){.format = "+s",
                                         .name = schema->name,
                                         .n_children = schema->n_children,
                                         .children = schema->children};
    for (Py_ssize_t b = 0; b < outer->batch_count; b++) {
        struct part part = part_of(outer, b, column);
        int64_t start = items_at(&part, schema->format, 0);
        int64_t end = items_at(&part, schema->format, part.length);

        inner->batches[b] = (struct ArrowArray){.offset = start,
                                                .length = end - start,
                                                .n_children = part.array->n_children,
                                                .children = part.array->children};
        inner->batch_count = b + 1;
        inner->row_count += end - start;
    }
    return (PyObject *)inner;
}

PyObject *frame_out_only(PyObject *self, PyObject *args) {
    struct batches_object *outer = (struct batches_object *)self;
    struct batches_object *inner;
    Py_ssize_t column;

    if (!PyArg_ParseTuple(args, "n", &column) || checked_column(outer, column) < 0) {
        return NULL;
    }
    inner = batches_new(outer->batch_count);
    if (inner == NULL) {
        return NULL;
    }
    Py_INCREF(self);
    inner->owner = self;
    inner->schema = (struct ArrowSchema){
        .format = "+s", .name = "", .n_children = 1, .children = outer->schema.children + column};
    for (Py_ssize_t b = 0; b < outer->batch_count; b++) {
        const struct ArrowArray *array = &outer->batches[b];

        inner->batches[b] = *array;
        inner->batches[b].n_children = 1;
        inner->batches[b].children = array->children + column;
        inner->batch_count = b + 1;
        inner->row_count += array->length;
    }
    return (PyObject *)inner;
}

/* ---- rows; those done when one fails stay and belong to the array ---- */

/* Makes the object of a row; its items are the `first`-th to the one before `last` of all. */
typedef PyObject *(*make_row)(PyObject *const *sources, Py_ssize_t first, Py_ssize_t last);

static int fill_rows(const struct batches_object *batches, Py_ssize_t column,
                     PyObject *const *sources, make_row make, PyObject **out) {
    const char *format = batches->schema.children[column]->format;
    Py_ssize_t before = 0;

    for (Py_ssize_t b = 0; b < batches->batch_count; b++) {
        struct part part = part_of(batches, b, column);
        Py_ssize_t start = (Py_ssize_t)items_at(&part, format, 0);

        for (int64_t row = 0; row < part.length; row++) {
            PyObject *object = Py_None;

            if (part_is_null(&part, row)) {
                Py_INCREF(object);
            } else {
                Py_ssize_t first = (Py_ssize_t)items_at(&part, format, row);
                Py_ssize_t last = (Py_ssize_t)items_at(&part, format, row + 1);
                object = make(sources, before + first - start, before + last - start);
            }
            if (object == NULL) {
                return -1;
            }
            Py_XDECREF(*out);
            *out++ = object;
        }
        before += (Py_ssize_t)items_at(&part, format, part.length) - start;
    }
    return 0;
}

static PyObject *slice_row(PyObject *const *sources, Py_ssize_t first, Py_ssize_t last) {
    return PySequence_GetSlice(sources[0], first, last);
}

static PyObject *pairs_row(PyObject *const *sources, Py_ssize_t first, Py_ssize_t last) {
    PyObject *const *keys = (PyObject *const *)sources[0];
    PyObject *const *values = (PyObject *const *)sources[1];
    PyObject *list = PyList_New(last - first);

    for (Py_ssize_t i = first; list != NULL && i < last; i++) {
        PyObject *pair = PyTuple_Pack(2, keys[i], values[i]);
        if (pair == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, i - first, pair);
        }
    }
    return list;
}

PyObject *frame_out_fill_slices(PyObject *self, PyObject *args) {
    struct batches_object *batches = (struct batches_object *)self;
    unsigned long long address;
    Py_ssize_t column;
    PyObject *values;

    if (!PyArg_ParseTuple(args, "nKO", &column, &address, &values) ||
        nested_column(batches, column) < 0 ||
        fill_rows(batches, column, &values, slice_row, (PyObject **)(uintptr_t)address) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *frame_out_fill_pairs(PyObject *self, PyObject *args) {
    struct batches_object *batches = (struct batches_object *)self;
    unsigned long long address;
    unsigned long long keys;
    unsigned long long values;
    PyObject *sources[2];
    Py_ssize_t column;

    if (!PyArg_ParseTuple(args, "nKKK", &column, &address, &keys, &values) ||
        nested_column(batches, column) < 0) {
        return NULL;
    }
    sources[0] = (PyObject *)(uintptr_t)keys;
    sources[1] = (PyObject *)(uintptr_t)values;
    if (fill_rows(batches, column, sources, pairs_row, (PyObject **)(uintptr_t)address) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* A dict of each row, of the fields' objects. */
static int fill_dicts(const struct batches_object *batches, Py_ssize_t column, PyObject *names,
                      PyObject *const *const *fields, PyObject **out) {
    Py_ssize_t count = PyList_Size(names);
    Py_ssize_t place = 0;

    for (Py_ssize_t b = 0; b < batches->batch_count; b++) {
        struct part part = part_of(batches, b, column);

        for (int64_t row = 0; row < part.length; row++, place++) {
            PyObject *dict = Py_None;
            int code = 0;

            if (part_is_null(&part, row)) {
                Py_INCREF(dict);
            } else {
                dict = PyDict_New();
                for (Py_ssize_t f = 0; dict != NULL && code == 0 && f < count; f++) {
                    code = PyDict_SetItem(dict, PyList_GetItem(names, f), fields[f][place]);
                }
            }
            if (dict == NULL || code < 0) {
                Py_XDECREF(dict);
                return -1;
            }
            Py_XDECREF(out[place]);
            out[place] = dict;
        }
    }
    return 0;
}

PyObject *frame_out_fill_dicts(PyObject *self, PyObject *args) {
    struct batches_object *batches = (struct batches_object *)self;
    PyObject *const **fields;
    unsigned long long address;
    PyObject *addresses;
    PyObject *names;
    Py_ssize_t column;
    int code = 0;

    if (!PyArg_ParseTuple(args, "nKO!O!", &column, &address, &PyList_Type, &names, &PyList_Type,
                          &addresses) ||
        nested_column(batches, column) < 0) {
        return NULL;
    }
    if (PyList_Size(names) != PyList_Size(addresses)) {
        PyErr_SetString(PyExc_ValueError, "not a name for each address");
        return NULL;
    }
    fields = PyMem_Calloc((size_t)PyList_Size(names) + 1, sizeof(*fields));
    if (fields == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t f = 0; f < PyList_Size(addresses); f++) {
        fields[f] = PyLong_AsVoidPtr(PyList_GetItem(addresses, f));
    }
    if (PyErr_Occurred() ||
        fill_dicts(batches, column, names, fields, (PyObject **)(uintptr_t)address) < 0) {
        code = -1;
    }
    PyMem_Free(fields);
    if (code < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}
