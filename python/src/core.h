/**
 * The extension `kartothek._core`: a thin layer that turns Python objects into calls of
 * libkartothek and back.
 *
 * The rule of the GIL: what can take longer than some microseconds, or can wait for a lock that is
 * held during a callback, runs between core_call_begin() and core_call_end() of call.h, or, where
 * it cannot fail, between Py_BEGIN_ALLOW_THREADS and Py_END_ALLOW_THREADS. Meanwhile nothing of
 * Python is touched: arguments are turned into C values before, which the caller's references keep
 * alive, results into objects after. A callback takes the GIL with PyGILState_Ensure(), whatever
 * thread it is on, and leaves no exception set. What only looks something up in memory keeps the
 * GIL.
 *
 * Written against CPython's limited API (3.9 and up). The limited API of 3.9 offers no module state
 * to types, hence the one static struct below, which is written once at import and guarded by the
 * GIL after that.
 */
#ifndef KARTOTHEK_PYTHON_CORE_H
#define KARTOTHEK_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <kartothek/kartothek.h>

/** A function in a PyType_Slot: ISO C has no direct conversion to `void *`. */
#define CORE_SLOT(function) ((void *)(uintptr_t)(function))

struct core {
    PyTypeObject *store_type;
    PyTypeObject *dataset_type;
    PyTypeObject *stream_type;
    PyTypeObject *partition_reader_type;
    PyTypeObject *batches_type;
    PyTypeObject *update_type;
    PyTypeObject *predicate_type;
    PyObject *unexpected_type; /* of kartothek.exceptions, as the next four */
    PyObject *exists_type;
    PyObject *conflict_type;
    PyObject *stale_writer_type;
    PyObject *unknown_outcome_type;
    PyObject *date_type;                     /* datetime.date; this and the next four by
                                                core_import_types */
    PyObject *time_type;                     /* datetime.time */
    PyObject *decimal_type;                  /* decimal.Decimal */
    const struct datetime_api *datetime_api; /* see times.c, as the next */
    bool times_are_laid_out;
    PyObject
        *progress_variable; /* the ContextVar of kartothek._progress; NULL before its first use */
    int progress_count;     /* progress() that are open, in all threads */
    ktk_context *context;   /* made on first use; a forked child makes its own */
    long context_pid;
    ktk_context *sized_context; /* the last one with a number of threads that was asked for */
    int sized_context_threads;
    long sized_context_pid;
};

extern struct core core;

/** Import the types of dates and decimals, which take longer than this module and are not needed to
 * open a dataset. Returns 0, or -1 with an exception. */
int core_import_types(void);

/** The process's context, or NULL with an exception set. Borrowed. */
ktk_context *core_context(void);

/** Set the Python exception for a failure and return NULL. The type follows the status: see
 * error.c. */
PyObject *core_raise(ktk_status status, const ktk_error *err);

/* ---- one struct a type; the handles are never NULL in a finished object ---- */

struct store_object {
    PyObject_HEAD ktk_store *store;
};

struct dataset_object {
    PyObject_HEAD ktk_dataset *dataset;
};

struct predicate_object {
    PyObject_HEAD ktk_predicate *predicate;
};

struct stream_object {
    PyObject_HEAD struct ArrowArrayStream stream; /* release NULL: consumed */
};

struct partition_reader_object {
    PyObject_HEAD ktk_partition_reader *reader;
    long pid;     /* of the process that it reads in */
    bool is_busy; /* in a call, on whatever thread */
};

/** A stream read to its end: the schema and all struct arrays; or the inside of a nested column of
 * another one, `owner`, whose memory it looks at. */
struct batches_object {
    PyObject_HEAD struct ArrowSchema schema;
    PyObject *owner; /* a reference, or NULL */
    struct ArrowArray *batches;
    Py_ssize_t batch_count;
    int64_t row_count;
    char *nullable;       /* `pandas` entries of files, a JSON array; NULL: none */
    size_t nullable_size; /* without the bracket at the end */
};

struct update_object {
    PyObject_HEAD ktk_update *update; /* NULL after the end */
    bool is_busy;                     /* in a call, on whatever thread */
};

/** Wrap a dataset, whose reference is taken over. NULL with an exception, and the reference
 * dropped, on failure. */
PyObject *core_dataset_new(ktk_dataset *dataset);

/** Wrap a stream, which is moved. NULL with an exception, and the stream released, on failure. */
PyObject *core_stream_new(struct ArrowArrayStream *stream);

/** Wrap a reader, which is taken over. NULL with an exception, and the reader freed, on failure. */
PyObject *core_partition_reader_new(ktk_partition_reader *reader);

/**
 * Take an Arrow stream out of a Python object: our Stream, or anything with `__arrow_c_stream__`
 * or, for one batch, `__arrow_c_array__`. Returns 0, or -1 with an exception.
 */
int core_stream_take(PyObject *object, struct ArrowArrayStream *out);

/** A capsule of the Arrow PyCapsule interface; the stream moves in. NULL with an exception, the
 * stream untouched, on failure. */
PyObject *core_stream_capsule(struct ArrowArrayStream *stream);

/** Stream.read(): everything, as a Batches object. */
PyObject *core_stream_read(PyObject *self, PyObject *unused);

/** frame_stream(columns, metadata, length): see frame_in.c. */
PyObject *core_frame_stream(PyObject *self, PyObject *args);

/* ---- helpers for arguments ---- */

/** A NULL-terminated view of a list of str. Free with core_texts_free(); the objects in `list` keep
 * the texts alive. */
struct texts {
    PyObject *bytes; /* a list of bytes objects that own the texts */
    const char **items;
    Py_ssize_t count;
};

/** `list` None: items NULL, count 0. Returns 0, or -1 with an exception. */
int core_texts(PyObject *list, struct texts *out);
void core_texts_free(struct texts *texts);

/** tp_new of all types: objects are made by the functions here, never by calling the type. */
PyObject *core_no_new(PyTypeObject *type, PyObject *args, PyObject *keywords);

/** Lend the content of a bytes object to the library; it stays until the library lets go of it, in
 * whatever thread. Returns 0, or -1 with an exception. */
int core_bytes_lend(PyObject *object, ktk_bytes *out);

/** UTF-8 bytes object of a str, or NULL with an exception. */
PyObject *core_utf8(PyObject *text);

PyTypeObject *core_store_type_new(void);
PyTypeObject *core_dataset_type_new(void);
PyTypeObject *core_stream_type_new(void);
PyTypeObject *core_partition_reader_type_new(void);
PyTypeObject *core_batches_type_new(void);
PyTypeObject *core_update_type_new(void);
PyTypeObject *core_predicate_type_new(void);

extern PyMethodDef core_dataset_functions[];
extern PyMethodDef core_history_functions[];
extern PyMethodDef core_parquet_functions[];
extern PyMethodDef core_upkeep_functions[];

#endif
