/** From NumPy memory to one Arrow batch: what frame_stream() is made of. */
#ifndef KARTOTHEK_PYTHON_FRAME_IN_H
#define KARTOTHEK_PYTHON_FRAME_IN_H

#include "core.h"

/** One array under construction. All memory is the C heap's; `frame_in_free` undoes everything. */
struct column_in {
    char *name;
    char *format;
    int64_t flags;
    int64_t length;
    int64_t null_count;
    uint8_t *validity;  /* owned; NULL: no nulls */
    void *owned[2];     /* owned buffers: values or offsets, text bytes */
    const void *values; /* second buffer: owned[0], or memory of the caller */
    const void *bytes;  /* third buffer of texts: owned[1] */
    int buffer_count;
    struct column_in *dictionary;       /* owned */
    struct column_in *items;            /* owned: the items of a list */
    struct ArrowSchema imported_schema; /* release set: this column came as Arrow data */
    struct ArrowArray imported_array;
};

void frame_in_free(struct column_in *column);

/** Room for `length` validity bits, all set. Returns 0, or -1 with an exception. */
int frame_in_validity(struct column_in *column);
void frame_in_set_null(struct column_in *column, int64_t row);

/**
 * object_kind(address, length, nulls): what the Python objects at an address are: "text", "bytes",
 * "bool", "int", "float" (also among ints), "date"; "empty" if all are null, "other" for other
 * types or several. None, NaN and the objects in the tuple `nulls` are null.
 */
PyObject *frame_in_object_kind(PyObject *self, PyObject *args);

/** A column of objects that are of `kind`, one of the above but "other". Returns 0, or -1 with an
 * exception. */
int frame_in_objects(struct column_in *column, PyObject *const *objects, PyObject *nulls,
                     const char *kind);

#endif
