/* Hashes of rows, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

struct hashes {
    uint64_t *items;
    size_t count;
    size_t capacity;
};

/* Called without the GIL, which the memory of Python would need. */
static ktk_status append(void *state, const uint64_t *items, int64_t count, ktk_error *err) {
    struct hashes *hashes = state;
    size_t wanted = hashes->count + (size_t)count;

    if (wanted > hashes->capacity) {
        size_t capacity = hashes->capacity > wanted / 2 ? 2 * hashes->capacity : wanted;
        uint64_t *grown = realloc(hashes->items, capacity * sizeof(*grown));

        if (grown == NULL) {
            return ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for %zu hashes", wanted);
        }
        hashes->items = grown;
        hashes->capacity = capacity;
    }
    if (count > 0) {
        memcpy(hashes->items + hashes->count, items, (size_t)count * sizeof(*items));
    }
    hashes->count = wanted;
    return KTK_OK;
}

static PyObject *core_hash_rows(PyObject *self, PyObject *args) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_hash_options options = KTK_HASH_OPTIONS_INIT;
    struct hashes hashes = {NULL, 0, 0};
    struct texts columns = {NULL, NULL, 0};
    PyObject *source;
    PyObject *names;
    int bools_as_text;
    int signed_zeros;
    PyObject *result = NULL;
    ktk_context *context;
    ktk_status status;
    ktk_error err = {0};

    (void)self;
    if (!PyArg_ParseTuple(args, "OOpp", &source, &names, &bools_as_text, &signed_zeros) ||
        core_texts(names, &columns) < 0) {
        return NULL;
    }
    options.columns = columns.items;
    options.column_count = (size_t)columns.count;
    options.bools_as_text = bools_as_text != 0;
    options.signed_zeros = signed_zeros != 0;
    context = core_context();
    if (context == NULL || core_stream_take(source, &stream) < 0) {
        goto out;
    }
    Py_BEGIN_ALLOW_THREADS;
    status = ktk_hash_rows(context, &stream, &options, append, &hashes, &err);
    Py_END_ALLOW_THREADS;
    if (status != KTK_OK) {
        (void)core_raise(status, &err);
        goto out;
    }
    result = PyByteArray_FromStringAndSize((const char *)hashes.items,
                                           (Py_ssize_t)(hashes.count * sizeof(uint64_t)));
out:
    free(hashes.items);
    core_texts_free(&columns);
    return result;
}

PyMethodDef core_hash_functions[] = {
    {"hash_rows", core_hash_rows, METH_VARARGS,
     "hash_rows(stream, columns, bools_as_text, signed_zeros) -> bytearray: a native uint64 for "
     "each row of a "
     "stream, of these columns or (None) of all."},
    {NULL, NULL, 0, NULL},
};
