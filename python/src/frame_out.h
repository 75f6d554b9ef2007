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

#endif
