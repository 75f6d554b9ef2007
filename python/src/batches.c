/* A stream read to its end: what its columns are, and lending it out again as Arrow. The ways into
 * NumPy are in frame_out.c. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "frame_out.h"
#include "lend.h"

#define FIRST_BATCHES 16

/* Without the owner, which may be given back only with the GIL held. */
static void batches_clear(struct batches_object *self) {
    for (Py_ssize_t i = 0; self->owner == NULL && i < self->batch_count; i++) {
        self->batches[i].release(&self->batches[i]);
    }
    free(self->batches);
    free(self->nullable);
    self->batches = NULL;
    self->batch_count = 0;
    if (self->schema.release != NULL) {
        self->schema.release(&self->schema);
    }
}

struct batches_object *batches_new(Py_ssize_t capacity) {
    struct batches_object *self = PyObject_New(struct batches_object, core.batches_type);

    if (self == NULL) {
        return NULL;
    }
    memset(&self->schema, 0, sizeof(self->schema));
    self->owner = NULL;
    self->batch_count = 0;
    self->row_count = 0;
    self->nullable = NULL;
    self->nullable_size = 0;
    self->batches = calloc((size_t)capacity + 1, sizeof(*self->batches));
    if (self->batches == NULL) {
        Py_DECREF((PyObject *)self);
        PyErr_NoMemory();
        return NULL;
    }
    return self;
}

void batches_add_pandas(void *state, const char *json) {
    struct batches_object *self = state;
    size_t size = strlen(json);
    char separator = self->nullable == NULL ? '[' : ',';
    char *grown;

    if (strstr(json, "\"Int") == NULL && strstr(json, "\"UInt") == NULL &&
        strstr(json, "\"Float") == NULL) {
        return;
    }
    grown = realloc(self->nullable, self->nullable_size + size + 2);
    if (grown == NULL) {
        return; /* the columns come as other numbers do */
    }
    grown[self->nullable_size] = separator;
    memcpy(grown + self->nullable_size + 1, json, size);
    self->nullable = grown;
    self->nullable_size += size + 1;
    grown[self->nullable_size] = ']';
}

ktk_status batches_read(struct batches_object *self, struct ArrowArrayStream *stream,
                        ktk_error *err) {
    Py_ssize_t capacity = 0;
    ktk_status status = ktk_stream_schema(stream, &self->schema, err);

    while (status == KTK_OK) {
        struct ArrowArray batch = {0};

        status = ktk_stream_next(stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        if (self->batch_count == capacity) {
            Py_ssize_t wanted = capacity == 0 ? FIRST_BATCHES : capacity * 2;
            struct ArrowArray *grown = realloc(self->batches, (size_t)wanted * sizeof(*grown));
            if (grown == NULL) {
                batch.release(&batch);
                return ktk_error_set(err, KTK_E_NO_MEMORY, "out of memory for %zd batches", wanted);
            }
            self->batches = grown;
            capacity = wanted;
        }
        self->batches[self->batch_count++] = batch;
        self->row_count += batch.length;
    }
    return status;
}

PyObject *core_stream_read(PyObject *object, PyObject *unused) {
    struct batches_object *self;
    struct ArrowArrayStream stream;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (core_stream_take(object, &stream) < 0) {
        return NULL;
    }
    self = batches_new(0);
    if (self == NULL) {
        stream.release(&stream);
        return NULL;
    }
    core_call_begin(&call);
    status = batches_read(self, &stream, &err);
    stream.release(&stream);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(self);
        return core_raise(status, &err);
    }
    return (PyObject *)self;
}

/* ---- lending the batches as an Arrow stream; each array keeps the Batches object alive ---- */

struct lent_stream {
    struct batches_object *owner; /* a reference */
    Py_ssize_t next;
};

static int lent_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct lent_stream *state = stream->private_data;
    return lend_schema(&state->owner->schema, out);
}

static int lent_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct lent_stream *state = stream->private_data;
    int code = 0;

    if (state->next == state->owner->batch_count) {
        memset(out, 0, sizeof(*out));
        return 0;
    }
    code = lend_array(&state->owner->batches[state->next], (PyObject *)state->owner, out);
    if (code == 0) {
        state->next++;
    }
    return code;
}

static const char *lent_get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "out of memory";
}

static void lent_release(struct ArrowArrayStream *stream) {
    struct lent_stream *state = stream->private_data;
    PyGILState_STATE gil = PyGILState_Ensure();

    Py_DECREF((PyObject *)state->owner);
    free(state);
    PyGILState_Release(gil);
    stream->release = NULL;
}

static PyObject *batches_capsule(PyObject *object, PyObject *args) {
    struct lent_stream *state;
    struct ArrowArrayStream stream;
    PyObject *requested = NULL;
    PyObject *capsule;

    if (!PyArg_ParseTuple(args, "|O:__arrow_c_stream__", &requested)) {
        return NULL;
    }
    state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return PyErr_NoMemory();
    }
    Py_INCREF(object);
    state->owner = (struct batches_object *)object;
    stream = (struct ArrowArrayStream){lent_get_schema, lent_get_next, lent_get_last_error,
                                       lent_release, state};
    capsule = core_stream_capsule(&stream);
    if (capsule == NULL) {
        stream.release(&stream);
    }
    return capsule;
}

/* ---- facts ---- */

static PyObject *get_row_count(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(((struct batches_object *)object)->row_count);
}

/* [(name, format, dictionary's format or None), …] */
static PyObject *get_columns(PyObject *object, void *unused) {
    const struct ArrowSchema *schema = &((struct batches_object *)object)->schema;
    PyObject *list = PyList_New((Py_ssize_t)schema->n_children);

    (void)unused;
    for (int64_t i = 0; list != NULL && i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        PyObject *item =
            Py_BuildValue("(ssz)", child->name, child->format,
                          child->dictionary == NULL ? NULL : child->dictionary->format);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, item);
        }
    }
    return list;
}

/* Key/value metadata in the C Data Interface: int32 count, then int32 length and bytes of each key
 * and value. */
static PyObject *get_metadata(PyObject *object, void *unused) {
    const char *at = ((struct batches_object *)object)->schema.metadata;
    PyObject *result = PyDict_New();
    int32_t count = 0;

    (void)unused;
    if (at != NULL) {
        memcpy(&count, at, sizeof(count));
        at += sizeof(count);
    }
    for (int32_t i = 0; result != NULL && i < count; i++) {
        PyObject *parts[2] = {NULL, NULL};
        for (int p = 0; p < 2; p++) {
            int32_t size;
            memcpy(&size, at, sizeof(size));
            parts[p] = PyBytes_FromStringAndSize(at + sizeof(size), size);
            at += sizeof(size) + (size_t)size;
        }
        if (parts[0] == NULL || parts[1] == NULL ||
            PyDict_SetItem(result, parts[0], parts[1]) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(parts[0]);
        Py_XDECREF(parts[1]);
    }
    return result;
}

static PyObject *get_nullable(PyObject *object, void *unused) {
    const struct batches_object *self = (struct batches_object *)object;

    (void)unused;
    if (self->nullable == NULL) {
        Py_RETURN_NONE;
    }
    return PyUnicode_FromStringAndSize(self->nullable, (Py_ssize_t)self->nullable_size + 1);
}

static void batches_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    /* Much memory takes its time to be given back. */
    Py_BEGIN_ALLOW_THREADS batches_clear((struct batches_object *)object);
    Py_END_ALLOW_THREADS Py_CLEAR(((struct batches_object *)object)->owner);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef batches_methods[] = {
    {"__arrow_c_stream__", batches_capsule, METH_VARARGS,
     "Arrow PyCapsule interface; may be used more than once."},
    {"null_count", frame_out_null_count, METH_VARARGS, "null_count(column) -> int"},
    {"fill_values", frame_out_fill_values, METH_VARARGS,
     "fill_values(column, address): values of a fixed-width column; nulls become NaN, NaT or 0."},
    {"fill_float64", frame_out_fill_float64, METH_VARARGS,
     "fill_float64(column, address): an integer column as doubles, nulls as NaN."},
    {"fill_datetime_ns", frame_out_fill_datetime_ns, METH_VARARGS,
     "fill_datetime_ns(column, address): dates, timestamps and durations as nanoseconds, nulls as "
     "NaT."},
    {"fill_mask", frame_out_fill_mask, METH_VARARGS,
     "fill_mask(column, address): one byte a row, 1 for null."},
    {"fill_objects", frame_out_fill_objects, METH_VARARGS,
     "fill_objects(column, address, null=None): Python objects into an object array."},
    {"take", frame_out_take, METH_VARARGS,
     "take(column) -> (address, owner), or None where a column cannot be had without a copy."},
    {"only", frame_out_only, METH_VARARGS, "only(column) -> Batches with that column alone."},
    {"nested", frame_out_nested, METH_VARARGS,
     "nested(column) -> Batches: the items of lists, the fields of structs, the entries of maps."},
    {"fill_slices", frame_out_fill_slices, METH_VARARGS,
     "fill_slices(column, address, values): of each list its part of the values of all lists."},
    {"fill_pairs", frame_out_fill_pairs, METH_VARARGS,
     "fill_pairs(column, address, address of keys, address of values): of each map a list of "
     "tuples."},
    {"fill_dicts", frame_out_fill_dicts, METH_VARARGS,
     "fill_dicts(column, address, names, addresses): of each struct a dict of the fields' "
     "objects."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef batches_getters[] = {
    {"row_count", get_row_count, NULL, "number of rows", NULL},
    {"columns", get_columns, NULL, "[(name, format, dictionary's format or None), …]", NULL},
    {"metadata", get_metadata, NULL, "{bytes: bytes} of the schema", NULL},
    {"nullable", get_nullable, NULL,
     "the `pandas` entries of files that have dtypes with nulls, a JSON array; None: of none",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *core_batches_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, batches_methods},
        {Py_tp_getset, batches_getters},
        {Py_tp_dealloc, CORE_SLOT(batches_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Batches", sizeof(struct batches_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
