/* Single Parquet files. */
#include "call.h"

#include <unistd.h>

static PyObject *read_file(ktk_parquet_file *file, const struct texts *columns,
                           const ktk_predicate *where) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    struct core_call call;
    ktk_error err;
    ktk_status status;

    options.columns = columns->items;
    options.column_count = (size_t)columns->count;
    options.where = where;
    core_call_begin(&call);
    status = ktk_parquet_read(&stream, file, &options, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? core_stream_new(&stream) : core_raise(status, &err);
}

/* Where the caller asks for a number of threads, a context of that many, which is kept for the next
 * call: its threads run already, and it has the memory of what was freed meanwhile. */
static ktk_context *context_for(int threads) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_context *before;
    ktk_error err;
    ktk_status status;

    if (threads == 0) {
        context = core_context();
        return context == NULL ? NULL : ktk_context_ref(context);
    }
    if (core.sized_context != NULL && core.sized_context_threads == threads &&
        core.sized_context_pid == (long)getpid()) {
        return ktk_context_ref(core.sized_context);
    }
    options.threads = threads;
    options.keep_going = core_call_keep_going;
    status = ktk_context_new(&context, &options, &err);
    if (status != KTK_OK) {
        core_raise(status, &err);
        return NULL;
    }
    before = core.sized_context_pid == (long)getpid() ? core.sized_context : NULL;
    core.sized_context = ktk_context_ref(context);
    core.sized_context_threads = threads;
    core.sized_context_pid = (long)getpid();
    Py_BEGIN_ALLOW_THREADS ktk_context_free(before);
    Py_END_ALLOW_THREADS return context;
}

/* Of a path, a str, or of a file's content, bytes. NULL with an exception set. */
static ktk_parquet_file *open_file(PyObject *source, ktk_context *context) {
    ktk_parquet_file *file = NULL;
    ktk_bytes bytes = KTK_BYTES_INIT;
    PyObject *path = NULL;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (PyBytes_Check(source)) {
        if (core_bytes_lend(source, &bytes) < 0) {
            return NULL;
        }
        core_call_begin(&call);
        status = ktk_parquet_open_bytes(&file, context, &bytes, &err);
        core_call_end(&call, status);
    } else {
        path = core_utf8(source);
        if (path == NULL) {
            return NULL;
        }
        core_call_begin(&call);
        status = ktk_parquet_open_path(&file, context, PyBytes_AsString(path), &err);
        core_call_end(&call, status);
    }
    ktk_bytes_clear(&bytes);
    Py_XDECREF(path);
    if (status != KTK_OK) {
        core_raise(status, &err);
    }
    return file;
}

static PyObject *parquet_read(PyObject *self, PyObject *args) {
    struct texts columns;
    ktk_parquet_file *file;
    ktk_context *context;
    PyObject *names;
    PyObject *source;
    PyObject *where = Py_None;
    PyObject *result = NULL;
    int threads = 0;

    (void)self;
    if (!PyArg_ParseTuple(args, "OO|iO:parquet_read", &source, &names, &threads, &where)) {
        return NULL;
    }
    if (where != Py_None && Py_TYPE(where) != core.predicate_type) {
        PyErr_SetString(PyExc_TypeError, "where must be a Predicate or None");
        return NULL;
    }
    if (core_texts(names, &columns) < 0) {
        return NULL;
    }
    context = context_for(threads);
    file = context == NULL ? NULL : open_file(source, context);
    if (file != NULL) {
        result = read_file(file, &columns,
                           where == Py_None ? NULL : ((struct predicate_object *)where)->predicate);
    }
    Py_BEGIN_ALLOW_THREADS ktk_parquet_file_free(file);
    ktk_context_free(context);
    Py_END_ALLOW_THREADS core_texts_free(&columns);
    return result;
}

/* What is chosen for single columns. */
struct column_choices {
    struct texts bloom;
    struct texts sorted_by;
    ktk_parquet_column_options *columns;
    ktk_parquet_sorting_column *sorting;
};

static void column_choices_clear(struct column_choices *choices) {
    PyMem_Free(choices->columns);
    PyMem_Free(choices->sorting);
    core_texts_free(&choices->bloom);
    core_texts_free(&choices->sorted_by);
}

/* Lists of str or None. Cleared by the caller in every case; 0, or -1 with an exception. */
static int column_choices_parse(struct column_choices *out, PyObject *bloom, PyObject *sorted_by,
                                ktk_parquet_write_options *options) {
    if (core_texts(bloom, &out->bloom) < 0 || core_texts(sorted_by, &out->sorted_by) < 0) {
        return -1;
    }
    out->columns = PyMem_Calloc((size_t)out->bloom.count + 1, sizeof(*out->columns));
    out->sorting = PyMem_Calloc((size_t)out->sorted_by.count + 1, sizeof(*out->sorting));
    if (out->columns == NULL || out->sorting == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < out->bloom.count; i++) {
        out->columns[i].path = out->bloom.items[i];
        out->columns[i].bloom_filter = true;
    }
    for (Py_ssize_t i = 0; i < out->sorted_by.count; i++) {
        out->sorting[i].path = out->sorted_by.items[i];
    }
    options->columns = out->columns;
    options->column_count = (size_t)out->bloom.count;
    options->sorting = out->sorting;
    options->sorting_count = (size_t)out->sorted_by.count;
    return 0;
}

/* To a path; NULL: the content as bytes. */
static PyObject *write_file(PyObject *source, const char *path, int threads,
                            const ktk_parquet_write_options *options) {
    struct ArrowArrayStream stream = {0};
    ktk_context *context = context_for(threads);
    ktk_bytes bytes = KTK_BYTES_INIT;
    PyObject *content = NULL;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (context == NULL || core_stream_take(source, &stream) < 0) {
        ktk_context_free(context);
        return NULL;
    }
    core_call_begin(&call);
    status = path == NULL ? ktk_parquet_write_bytes(&bytes, context, &stream, options, &err)
                          : ktk_parquet_write_path(context, path, &stream, options, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        core_raise(status, &err);
    } else if (path == NULL) {
        content = PyBytes_FromStringAndSize((const char *)bytes.data, (Py_ssize_t)bytes.size);
    } else {
        content = Py_None;
        Py_INCREF(content);
    }
    Py_BEGIN_ALLOW_THREADS ktk_bytes_clear(&bytes);
    ktk_context_free(context);
    Py_END_ALLOW_THREADS return content;
}

static PyObject *parquet_write(PyObject *self, PyObject *args) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct column_choices choices = {0};
    const char *compression = "snappy";
    PyObject *bloom = Py_None;
    PyObject *sorted_by = Py_None;
    PyObject *source;
    PyObject *result = NULL;
    const char *path;
    long long row_group_rows = 0;
    int threads = 0;
    ktk_error err;
    ktk_status status;

    (void)self;
    if (!PyArg_ParseTuple(args, "Oz|siOOL:parquet_write", &source, &path, &compression, &threads,
                          &bloom, &sorted_by, &row_group_rows)) {
        return NULL;
    }
    status = ktk_compression_parse(&options.compression, compression, &err);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    options.row_group_rows_max = row_group_rows;
    if (column_choices_parse(&choices, bloom, sorted_by, &options) == 0) {
        result = write_file(source, path, threads, &options);
    }
    column_choices_clear(&choices);
    return result;
}

PyMethodDef core_parquet_functions[] = {
    {"parquet_read", parquet_read, METH_VARARGS,
     "parquet_read(path or bytes, columns or None, threads=0, where=None) -> Stream"},
    {"parquet_write", parquet_write, METH_VARARGS,
     "parquet_write(stream, path or None, compression='snappy', threads=0, bloom=None, "
     "sorted_by=None, row_group_rows=0) -> bytes without a path"},
    {NULL, NULL, 0, NULL},
};
