/** From NumPy memory to one Arrow batch: what frame_stream() is made of. */
#ifndef KARTOTHEK_PYTHON_FRAME_IN_H
#define KARTOTHEK_PYTHON_FRAME_IN_H

#include "core.h"

/** One array under construction. All memory is the C heap's; `frame_in_free` undoes everything. */
struct column_in {
    char *name;
    char *format;
    char *metadata; /* in the form of the C Data Interface; NULL: none */
    int64_t flags;
    int64_t length;
    int64_t null_count;
    uint8_t *validity;  /* owned; NULL: no nulls */
    void *owned[2];     /* owned buffers: values or offsets, text bytes */
    const void *values; /* second buffer: owned[0], or memory of the caller */
    const void *bytes;  /* third buffer of texts: owned[1] */
    int buffer_count;
    struct column_in *dictionary; /* owned */
    struct column_in *children;   /* owned: the items of a list, the fields of a struct */
    int64_t child_count;
    struct ArrowSchema imported_schema; /* release set: this column came as Arrow data */
    struct ArrowArray imported_array;
};

void frame_in_free(struct column_in *column);

/** Room for `length` validity bits, all set. Returns 0, or -1 with an exception. */
int frame_in_validity(struct column_in *column);
void frame_in_set_null(struct column_in *column, int64_t row);

/** The objects that stand for null besides None and NaN; borrowed from a tuple of at most four. */
struct nulls {
    PyObject *objects[4];
    size_t count;
};

/** For PyArg_ParseTuple's "O&". */
int nulls_parse(PyObject *tuple, void *out);

bool frame_in_is_null(PyObject *object, const struct nulls *nulls);

/** The text of a str, which keeps it. NULL with an exception. */
const char *frame_in_text(PyObject *text, Py_ssize_t *size);

/**
 * object_kind(address, length, nulls, array_type): what the Python objects at an address are:
 * "text", "bytes", "bool", "int", "uint" (ints of which some are beyond int64), "float" (also among
 * ints), "date", "time", "timedelta", "decimal", "list" (also tuples and arrays of `array_type`),
 * "dict"; "empty" if all are null, "other" for other types or several.
 */
PyObject *frame_in_object_kind(PyObject *self, PyObject *args);

/** decimal_values(name, address, length, nulls, mask address) -> (precision, scale, bytes): the
 * smallest precision and scale that hold every value, and the values as decimal128, or as
 * decimal256 beyond 38 digits. */
PyObject *frame_in_decimal_values(PyObject *self, PyObject *args);

/** list_offsets(name, address, length, nulls, offsets address, mask address) -> (items, whether
 * some are not arrays). */
PyObject *frame_in_list_offsets(PyObject *self, PyObject *args);

/** list_items(name, address, length, offsets address, address for the items). */
PyObject *frame_in_list_items(PyObject *self, PyObject *args);

/** dict_names(name, address, length, nulls, mask address) -> all keys. */
PyObject *frame_in_dict_names(PyObject *self, PyObject *args);

/** dict_values(address, length, mask address, key, address for the values). */
PyObject *frame_in_dict_values(PyObject *self, PyObject *args);

/** plain_objects(address, length, types, address for the objects): those of `types` replaced by
 * what their `item()` gives. */
PyObject *frame_in_plain_objects(PyObject *self, PyObject *args);

/** A column of objects that are of `kind`, one of the first nine above. Returns 0, or -1 with an
 * exception. */
int frame_in_objects(struct column_in *column, PyObject *const *objects, const struct nulls *nulls,
                     const char *kind);

#endif
