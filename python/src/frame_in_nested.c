/*
 * Objects that hold others, lists and dicts, taken apart into arrays of objects, which become
 * columns like any others. Arrays of objects are NumPy's, made by the caller and full of None.
 */
#include "frame_in.h"

#include <string.h>

/* The arguments that all of these begin with. */
struct rows {
    const char *name; /* of the column */
    PyObject *const *objects;
    int64_t length;
};

static PyObject *const *objects_at(unsigned long long address) {
    return (PyObject *const *)(uintptr_t)address;
}

static void put_object(PyObject **slot, PyObject *object) {
    Py_XDECREF(*slot);
    *slot = object;
}

/* Adds the place to an exception whose text is `what`. */
static int refuse(const struct rows *rows, int64_t row, PyObject *type, const char *what) {
    PyErr_Format(type, "column '%s', row %lld: %s", rows->name, (long long)row, what);
    return -1;
}

/* ---- lists ---- */

/* Returns the number of all items, or -1 with an exception. */
static int64_t list_offsets(const struct rows *rows, const struct nulls *nulls, int32_t *offsets,
                            uint8_t *mask, bool *has_lists) {
    int64_t total = 0;

    for (int64_t row = 0; row < rows->length; row++) {
        PyObject *object = rows->objects[row];
        Py_ssize_t size = 0;

        mask[row] = frame_in_is_null(object, nulls);
        if (mask[row] == 0) {
            size = PyObject_Size(object);
            *has_lists |=
                size > 0 && (PyList_Check(object) || PyTuple_Check(object) || PySet_Check(object));
        }
        if (size < 0) {
            return -1;
        }
        total += size;
        if (total > INT32_MAX) {
            return refuse(rows, row, PyExc_OverflowError, "lists of more than 2147483647 items");
        }
        offsets[row + 1] = (int32_t)total;
    }
    return total;
}

PyObject *frame_in_list_offsets(PyObject *self, PyObject *args) {
    unsigned long long objects;
    unsigned long long offsets;
    unsigned long long mask;
    struct nulls nulls;
    struct rows rows;
    bool has_lists = false;
    long long length;
    int64_t total;

    (void)self;
    if (!PyArg_ParseTuple(args, "sKLO&KK:list_offsets", &rows.name, &objects, &length, nulls_parse,
                          &nulls, &offsets, &mask)) {
        return NULL;
    }
    rows.objects = objects_at(objects);
    rows.length = length;
    total = list_offsets(&rows, &nulls, (int32_t *)(uintptr_t)offsets, (uint8_t *)(uintptr_t)mask,
                         &has_lists);
    return total < 0 ? NULL
                     : Py_BuildValue("(LO)", (long long)total, has_lists ? Py_True : Py_False);
}

/* Fails where the list has become longer or shorter since it was counted. */
static int put_items(const struct rows *rows, int64_t row, int64_t expected, PyObject **out) {
    PyObject *object = rows->objects[row];
    PyObject *list = NULL;
    int code = 0;

    if (PyList_Check(object) || PyTuple_Check(object)) {
        Py_INCREF(object);
        list = object;
    } else {
        list = PySequence_List(object);
    }
    if (list != NULL && PySequence_Size(list) != (Py_ssize_t)expected) {
        refuse(rows, row, PyExc_RuntimeError, "a list that changes while it is stored");
        Py_CLEAR(list);
    }
    for (Py_ssize_t i = 0; list != NULL && code == 0 && i < (Py_ssize_t)expected; i++) {
        PyObject *item = PyList_Check(list) ? PyList_GetItem(list, i) : PyTuple_GetItem(list, i);

        if (item == NULL) {
            code = -1;
        } else {
            Py_INCREF(item);
            put_object(&out[i], item);
        }
    }
    Py_XDECREF(list);
    return list == NULL ? -1 : code;
}

PyObject *frame_in_list_items(PyObject *self, PyObject *args) {
    unsigned long long objects;
    unsigned long long offsets_address;
    unsigned long long out;
    const int32_t *offsets;
    struct rows rows;
    long long length;

    (void)self;
    if (!PyArg_ParseTuple(args, "sKLKK:list_items", &rows.name, &objects, &length, &offsets_address,
                          &out)) {
        return NULL;
    }
    rows.objects = objects_at(objects);
    rows.length = length;
    offsets = (const int32_t *)(uintptr_t)offsets_address;
    for (int64_t row = 0; row < rows.length; row++) {
        int64_t count = offsets[row + 1] - offsets[row];

        if (count > 0 &&
            put_items(&rows, row, count, (PyObject **)(uintptr_t)out + offsets[row]) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* ---- dicts ---- */

/* Every key of the dict into the set `names`. */
static int add_names(const struct rows *rows, int64_t row, PyObject *names) {
    PyObject *key;
    PyObject *value;
    Py_ssize_t position = 0;

    while (PyDict_Next(rows->objects[row], &position, &key, &value)) {
        if (!PyUnicode_Check(key)) {
            return refuse(rows, row, PyExc_TypeError, "a dict with keys other than texts");
        }
        if (PyDict_SetItem(names, key, Py_None) < 0) {
            return -1;
        }
    }
    return 0;
}

PyObject *frame_in_dict_names(PyObject *self, PyObject *args) {
    unsigned long long objects;
    unsigned long long mask_address;
    struct nulls nulls;
    struct rows rows;
    PyObject *names;
    PyObject *list = NULL;
    long long length;
    uint8_t *mask;
    int code = 0;

    (void)self;
    if (!PyArg_ParseTuple(args, "sKLO&K:dict_names", &rows.name, &objects, &length, nulls_parse,
                          &nulls, &mask_address)) {
        return NULL;
    }
    rows.objects = objects_at(objects);
    rows.length = length;
    mask = (uint8_t *)(uintptr_t)mask_address;
    names = PyDict_New();
    for (int64_t row = 0; names != NULL && code == 0 && row < rows.length; row++) {
        mask[row] = frame_in_is_null(rows.objects[row], &nulls);
        if (mask[row] == 0) {
            code = add_names(&rows, row, names);
        }
    }
    if (names != NULL && code == 0) {
        list = PyDict_Keys(names);
    }
    Py_XDECREF(names);
    return list;
}

PyObject *frame_in_dict_values(PyObject *self, PyObject *args) {
    unsigned long long objects;
    unsigned long long mask_address;
    unsigned long long out;
    const uint8_t *mask;
    PyObject *key;
    long long length;

    (void)self;
    if (!PyArg_ParseTuple(args, "KLKUK:dict_values", &objects, &length, &mask_address, &key,
                          &out)) {
        return NULL;
    }
    mask = (const uint8_t *)(uintptr_t)mask_address;
    for (int64_t row = 0; row < length; row++) {
        PyObject *value =
            mask[row] != 0 ? NULL : PyDict_GetItemWithError(objects_at(objects)[row], key);

        if (value != NULL) {
            Py_INCREF(value);
            put_object((PyObject **)(uintptr_t)out + row, value);
        } else if (PyErr_Occurred()) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* ---- numbers of NumPy among objects ---- */

PyObject *frame_in_plain_objects(PyObject *self, PyObject *args) {
    unsigned long long objects;
    unsigned long long out;
    PyObject *types;
    long long length;

    (void)self;
    if (!PyArg_ParseTuple(args, "KLO!K:plain_objects", &objects, &length, &PyTuple_Type, &types,
                          &out)) {
        return NULL;
    }
    for (int64_t row = 0; row < length; row++) {
        PyObject *object = objects_at(objects)[row];
        int is_number = object == NULL ? 0 : PyObject_IsInstance(object, types);

        if (is_number > 0) {
            object = PyObject_CallMethod(object, "item", NULL);
        } else {
            Py_XINCREF(object);
        }
        if (is_number < 0 || (is_number > 0 && object == NULL)) {
            Py_XDECREF(is_number < 0 ? object : NULL);
            return NULL;
        }
        put_object((PyObject **)(uintptr_t)out + row, object);
    }
    Py_RETURN_NONE;
}
