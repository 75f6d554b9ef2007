/** From Arrow batches into NumPy memory: methods of Batches. Addresses are those of NumPy arrays of
 * row_count items, made by the caller. */
#ifndef KARTOTHEK_PYTHON_FRAME_OUT_H
#define KARTOTHEK_PYTHON_FRAME_OUT_H

#include "core.h"

PyObject *frame_out_null_count(PyObject *self, PyObject *args);
PyObject *frame_out_fill_values(PyObject *self, PyObject *args);
PyObject *frame_out_fill_float64(PyObject *self, PyObject *args);
PyObject *frame_out_fill_datetime_ns(PyObject *self, PyObject *args);
PyObject *frame_out_fill_mask(PyObject *self, PyObject *args);
PyObject *frame_out_fill_objects(PyObject *self, PyObject *args);

/**
 * take(column) -> (address, owner) or None: the memory of a column becomes the caller's, to write
 * to, and stays as long as `owner`; times have been made nanoseconds, nulls NaN or NaT. None, and
 * nothing taken, where NumPy cannot have the values as they lie. Only for batches whose memory
 * nobody else looks at; the column is gone from them.
 */
PyObject *frame_out_take(PyObject *self, PyObject *args);

/** only(column) -> Batches with that column alone. */
PyObject *frame_out_only(PyObject *self, PyObject *args);

/** What a column of lists, structs or maps holds. */
PyObject *frame_out_nested(PyObject *self, PyObject *args);
PyObject *frame_out_fill_slices(PyObject *self, PyObject *args);
PyObject *frame_out_fill_pairs(PyObject *self, PyObject *args);
PyObject *frame_out_fill_dicts(PyObject *self, PyObject *args);

/** Batches without a schema, with room for `capacity` arrays. NULL with an exception. */
struct batches_object *batches_new(Py_ssize_t capacity);

/** Take the batches of a stream, to its end, into an object that has none. Runs without the GIL. */
ktk_status batches_read(struct batches_object *self, struct ArrowArrayStream *stream,
                        ktk_error *err);

/** For ktk_query_options.file_pandas: remember an entry that has dtypes with nulls. Runs without
 * the GIL; `state` is a struct batches_object. */
void batches_add_pandas(void *state, const char *json);

#endif
