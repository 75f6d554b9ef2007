/* Single Parquet files. */
#include "core.h"

static PyObject *read_file(ktk_parquet_file *file, const struct texts *columns) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_error err;
    ktk_status status;

    options.columns = columns->items;
    options.column_count = (size_t)columns->count;
    Py_BEGIN_ALLOW_THREADS status = ktk_parquet_read(&stream, file, &options, &err);
    Py_END_ALLOW_THREADS return status == KTK_OK ? core_stream_new(&stream)
                                                 : core_raise(status, &err);
}

/* A context of its own where the caller asks for a number of threads; the file holds it. */
static ktk_context *context_for(int threads) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;
    ktk_status status;

    if (threads == 0) {
        context = core_context();
        return context == NULL ? NULL : ktk_context_ref(context);
    }
    options.threads = threads;
    status = ktk_context_new(&context, &options, &err);
    if (status != KTK_OK) {
        core_raise(status, &err);
        return NULL;
    }
    return context;
}

static PyObject *parquet_read(PyObject *self, PyObject *args) {
    struct texts columns;
    ktk_parquet_file *file = NULL;
    ktk_context *context;
    PyObject *names;
    PyObject *result = NULL;
    const char *path;
    int threads = 0;
    ktk_error err;
    ktk_status status;

    (void)self;
    if (!PyArg_ParseTuple(args, "sO|i:parquet_read", &path, &names, &threads) ||
        core_texts(names, &columns) < 0) {
        return NULL;
    }
    context = context_for(threads);
    if (context == NULL) {
        core_texts_free(&columns);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS status = ktk_parquet_open_path(&file, context, path, &err);
    Py_END_ALLOW_THREADS if (status == KTK_OK) {
        result = read_file(file, &columns);
    }
    else {
        core_raise(status, &err);
    }
    Py_BEGIN_ALLOW_THREADS ktk_parquet_file_free(file);
    ktk_context_free(context);
    Py_END_ALLOW_THREADS core_texts_free(&columns);
    return result;
}

static PyObject *parquet_write(PyObject *self, PyObject *args) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    const char *compression = "snappy";
    ktk_context *context;
    PyObject *source;
    const char *path;
    int threads = 0;
    ktk_error err;
    ktk_status status;

    (void)self;
    if (!PyArg_ParseTuple(args, "Os|si:parquet_write", &source, &path, &compression, &threads)) {
        return NULL;
    }
    status = ktk_compression_parse(&options.compression, compression, &err);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    context = context_for(threads);
    if (context == NULL || core_stream_take(source, &stream) < 0) {
        ktk_context_free(context);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS status = ktk_parquet_write_path(context, path, &stream, &options, &err);
    ktk_context_free(context);
    Py_END_ALLOW_THREADS if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

PyMethodDef core_parquet_functions[] = {
    {"parquet_read", parquet_read, METH_VARARGS,
     "parquet_read(path, columns or None, threads=0) -> Stream"},
    {"parquet_write", parquet_write, METH_VARARGS,
     "parquet_write(stream, path, compression='snappy', threads=0)"},
    {NULL, NULL, 0, NULL},
};
