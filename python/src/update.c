/* One transaction on a dataset. */
#include "call.h"

#include <string.h>

/* Everything the options of an update point to. */
struct update_arguments {
    ktk_update_options options;
    struct texts partition_on;
    struct store_object *store;
    const char *uuid;
};

/* The number of a word in a list that ends with NULL, -1 with an exception. */
static int number_of(const char *word, const char *const *words, const char *what) {
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(word, words[i]) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_ValueError, "unknown %s '%s'", what, word);
    return -1;
}

/* The options that are words. */
struct words {
    const char *mode;
    const char *compression;
    const char *document_format;
    const char *delete_mode;
};

static int take_words(ktk_update_options *out, const struct words *words) {
    /* In the order of the enumerations. */
    static const char *const modes[] = {"create", "overwrite", "update", "create_or_update", NULL};
    static const char *const formats[] = {"json", "msgpack", NULL};
    static const char *const delete_modes[] = {"exact", "rows", "whole_partitions", NULL};
    int mode = number_of(words->mode, modes, "mode");
    int format = mode < 0 ? -1 : number_of(words->document_format, formats, "document format");
    int deletes = format < 0 ? -1 : number_of(words->delete_mode, delete_modes, "delete_mode");
    ktk_error err;
    ktk_status status;

    if (deletes < 0) {
        return -1;
    }
    out->mode = (ktk_update_mode)mode;
    out->document_format = (ktk_document_format)format;
    out->delete_mode = (ktk_delete_mode)deletes;
    status = ktk_compression_parse(&out->file.compression, words->compression, &err);
    if (status != KTK_OK) {
        core_raise(status, &err);
        return -1;
    }
    return 0;
}

static bool tell_written(void *state, int64_t files, int64_t rows, int64_t bytes) {
    (void)state;
    (void)rows;
    (void)bytes;
    return core_call_tell(files, -1, "files written");
}

static bool tell_indexed(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return core_call_tell(files, file_count, "files read for an index");
}

static int update_arguments_parse(struct update_arguments *out, PyObject *args,
                                  PyObject *keywords) {
    static char *names[] = {"store",           "uuid",        "mode",      "table",
                            "partition_on",    "compression", "metadata",  "row_group_rows",
                            "document_format", "delete_mode", "commit_id", NULL};
    struct words words = {"create", "snappy", "json", "exact"};
    PyObject *partition_on = Py_None;
    long long row_group_rows = 0;

    *out = (struct update_arguments){.options = KTK_UPDATE_OPTIONS_INIT};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!s|szOszLssz:begin", names, core.store_type,
                                     &out->store, &out->uuid, &words.mode, &out->options.table,
                                     &partition_on, &words.compression, &out->options.metadata,
                                     &row_group_rows, &words.document_format, &words.delete_mode,
                                     &out->options.commit_id) ||
        take_words(&out->options, &words) < 0 || core_texts(partition_on, &out->partition_on) < 0) {
        return -1;
    }
    out->options.partition_on = out->partition_on.items;
    out->options.partition_on_count = (size_t)out->partition_on.count;
    out->options.file.row_group_rows_max = row_group_rows;
    out->options.progress = tell_written;
    /* Files are read in smaller parts where somebody is told of each. */
    out->options.index_progress = core_call_is_told() ? tell_indexed : NULL;
    return 0;
}

static PyObject *update_begin(PyObject *unused, PyObject *args, PyObject *keywords) {
    struct update_arguments arguments;
    struct update_object *self;
    ktk_update *update = NULL;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    core_call_begin(&call);
    status =
        ktk_update_begin(&update, arguments.store->store, arguments.uuid, &arguments.options, &err);
    core_call_end(&call, status);
    core_texts_free(&arguments.partition_on);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    self = PyObject_New(struct update_object, core.update_type);
    if (self == NULL) {
        Py_BEGIN_ALLOW_THREADS ktk_update_free(update);
        Py_END_ALLOW_THREADS return NULL;
    }
    self->update = update;
    self->is_busy = false;
    return (PyObject *)self;
}

static ktk_update *live_update(PyObject *object) {
    ktk_update *update = ((struct update_object *)object)->update;

    if (update == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the update has ended");
    }
    return update;
}

/* An update serves one call at a time: another thread, or a store's method in the middle of one, is
 * refused. -1 with an exception. */
static int check_is_free(PyObject *object) {
    if (((struct update_object *)object)->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the update is in the middle of another call");
        return -1;
    }
    return 0;
}

/* core_call_begin() for a call with an update. -1 with an exception. */
static int enter(PyObject *object, struct core_call *call) {
    if (check_is_free(object) < 0) {
        return -1;
    }
    ((struct update_object *)object)->is_busy = true;
    core_call_begin(call);
    return 0;
}

static void leave(PyObject *object, struct core_call *call, ktk_status status) {
    core_call_end(call, status);
    ((struct update_object *)object)->is_busy = false;
}

/* The tables of one input, each with its stream. */
struct table_streams {
    ktk_table_stream *tables;
    struct ArrowArrayStream *streams;
    Py_ssize_t count;
};

static void table_streams_free(struct table_streams *self) {
    for (Py_ssize_t i = 0; self->streams != NULL && i < self->count; i++) {
        if (self->streams[i].release != NULL) {
            self->streams[i].release(&self->streams[i]);
        }
    }
    PyMem_Free(self->tables);
    PyMem_Free(self->streams);
}

/* Take a list of `(table, stream)`, which must outlive `out`. */
static int table_streams_take(struct table_streams *out, PyObject *pairs) {
    size_t count = (size_t)PyList_Size(pairs);

    *out =
        (struct table_streams){PyMem_Calloc(count + 1, sizeof(*out->tables)),
                               PyMem_Calloc(count + 1, sizeof(*out->streams)), (Py_ssize_t)count};
    if (out->tables == NULL || out->streams == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < out->count; i++) {
        PyObject *source;

        out->tables[i].stream = &out->streams[i];
        if (!PyArg_ParseTuple(PyList_GetItem(pairs, i), "sO:(table, stream)", &out->tables[i].table,
                              &source) ||
            core_stream_take(source, &out->streams[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *add_tables(PyObject *object, ktk_update *update, PyObject *pairs, bool has_rows,
                            const char *label) {
    struct table_streams streams;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (table_streams_take(&streams, pairs) < 0) {
        table_streams_free(&streams);
        return NULL;
    }
    if (enter(object, &call) < 0) {
        table_streams_free(&streams);
        return NULL;
    }
    status = has_rows
                 ? ktk_update_add_tables(update, streams.tables, (size_t)streams.count, label, &err)
                 : ktk_update_add_schemas(update, streams.tables, (size_t)streams.count, &err);
    leave(object, &call, status);
    table_streams_free(&streams);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *update_add_tables(PyObject *object, PyObject *args) {
    ktk_update *update = live_update(object);
    PyObject *pairs;
    const char *label = NULL;

    if (update == NULL ||
        !PyArg_ParseTuple(args, "O!|z:add_tables", &PyList_Type, &pairs, &label)) {
        return NULL;
    }
    return add_tables(object, update, pairs, true, label);
}

static PyObject *update_add_schemas(PyObject *object, PyObject *args) {
    ktk_update *update = live_update(object);
    PyObject *pairs;

    if (update == NULL || !PyArg_ParseTuple(args, "O!:add_schemas", &PyList_Type, &pairs)) {
        return NULL;
    }
    return add_tables(object, update, pairs, false, NULL);
}

static PyObject *update_hand_over(PyObject *object, PyObject *unused) {
    ktk_update *update = live_update(object);
    ktk_bytes bytes = KTK_BYTES_INIT;
    PyObject *description;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update == NULL) {
        return NULL;
    }
    if (enter(object, &call) < 0) {
        return NULL;
    }
    status = ktk_update_hand_over(update, &bytes, &err);
    leave(object, &call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    description = PyBytes_FromStringAndSize((const char *)bytes.data, (Py_ssize_t)bytes.size);
    ktk_bytes_clear(&bytes);
    return description;
}

static PyObject *update_add_written(PyObject *object, PyObject *args) {
    ktk_update *update = live_update(object);
    const char *description;
    Py_ssize_t size;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (update == NULL || !PyArg_ParseTuple(args, "y#:add_written", &description, &size)) {
        return NULL;
    }
    if (enter(object, &call) < 0) {
        return NULL;
    }
    status = ktk_update_add_written(update, description, (size_t)size, &err);
    leave(object, &call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *update_add_nothing(PyObject *object, PyObject *unused) {
    ktk_update *update = live_update(object);
    struct core_call in_call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update == NULL) {
        return NULL;
    }
    if (enter(object, &in_call) < 0) {
        return NULL;
    }
    status = ktk_update_add_nothing(update, &err);
    leave(object, &in_call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *update_delete(PyObject *object, PyObject *args) {
    ktk_update *update = live_update(object);
    struct predicate_object *scope;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (update == NULL || !PyArg_ParseTuple(args, "O!:delete", core.predicate_type, &scope)) {
        return NULL;
    }
    if (enter(object, &call) < 0) {
        return NULL;
    }
    status = ktk_update_delete(update, scope->predicate, &err);
    leave(object, &call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

/* Calls that take one text. */
static PyObject *call_with_text(PyObject *object, PyObject *args,
                                ktk_status (*call)(ktk_update *, const char *, ktk_error *)) {
    ktk_update *update = live_update(object);
    const char *text;
    struct core_call in_call;
    ktk_error err;
    ktk_status status;

    if (update == NULL || !PyArg_ParseTuple(args, "s", &text)) {
        return NULL;
    }
    if (enter(object, &in_call) < 0) {
        return NULL;
    }
    status = call(update, text, &err);
    leave(object, &in_call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *update_build_index(PyObject *object, PyObject *args) {
    return call_with_text(object, args, ktk_update_build_index);
}

static PyObject *update_drop_index(PyObject *object, PyObject *args) {
    return call_with_text(object, args, ktk_update_drop_index);
}

static PyObject *update_set_metadata(PyObject *object, PyObject *args) {
    return call_with_text(object, args, ktk_update_set_metadata);
}

static PyObject *update_base(PyObject *object, void *unused) {
    ktk_update *update = live_update(object);
    ktk_dataset *base;

    (void)unused;
    if (update == NULL || check_is_free(object) < 0) {
        return NULL;
    }
    base = ktk_update_base(update);
    if (base == NULL) {
        Py_RETURN_NONE;
    }
    return core_dataset_new(ktk_dataset_ref(base));
}

static PyObject *update_repeated_labels(PyObject *object, void *unused) {
    ktk_update *update = live_update(object);
    PyObject *labels;
    const char *label;

    (void)unused;
    if (update == NULL || check_is_free(object) < 0) {
        return NULL;
    }
    labels = PyList_New(0);
    for (size_t i = 0; labels != NULL && (label = ktk_update_repeated_label(update, i)) != NULL;
         i++) {
        PyObject *text = PyUnicode_FromString(label);

        if (text == NULL || PyList_Append(labels, text) < 0) {
            Py_CLEAR(labels);
        }
        Py_XDECREF(text);
    }
    return labels;
}

/* Let the exception that is set tell of the commit. */
static void add_commit_id(const ktk_update *update) {
    PyObject *type;
    PyObject *value;
    PyObject *trace;
    PyObject *id;

    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    id = PyUnicode_FromString(ktk_update_commit_id(update));
    if (id == NULL || PyObject_SetAttrString(value, "commit_id", id) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(id);
    PyErr_Restore(type, value, trace);
}

static PyObject *update_commit(PyObject *object, PyObject *unused) {
    ktk_update *update = live_update(object);
    ktk_commit commit;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (update == NULL) {
        return NULL;
    }
    if (enter(object, &call) < 0) {
        return NULL;
    }
    status = ktk_update_commit(update, &commit, &err);
    leave(object, &call, status);
    if (status != KTK_OK) {
        core_raise(status, &err);
        add_commit_id(update);
        return NULL;
    }
    return Py_BuildValue(
        "{s:s,s:i,s:L,s:L,s:L,s:L}", "id", commit.id, "attempts", (int)commit.attempts,
        "partitions", (long long)commit.partition_count, "rows", (long long)commit.row_count,
        "removed", (long long)commit.removed_count, "rewritten", (long long)commit.rewritten_count);
}

static PyObject *update_close(PyObject *object, PyObject *unused) {
    struct update_object *self = (struct update_object *)object;
    ktk_update *update = self->update;

    (void)unused;
    if (check_is_free(object) < 0) {
        return NULL;
    }
    self->update = NULL;
    Py_BEGIN_ALLOW_THREADS ktk_update_free(update);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static void update_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    ktk_update *update = ((struct update_object *)object)->update;

    /* Removing the files of an update that was not committed may take long, and may call back into
     * Python. */
    Py_BEGIN_ALLOW_THREADS ktk_update_free(update);
    Py_END_ALLOW_THREADS PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef update_methods[] = {
    {"begin", (PyCFunction)(void (*)(void))update_begin, METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     "begin(store, uuid, mode, table, partition_on, compression, metadata, row_group_rows, "
     "document_format, delete_mode, commit_id) -> Update"},
    {"add_tables", update_add_tables, METH_VARARGS,
     "add_tables([(table, stream), ...], label=None): the rows of several tables as one input."},
    {"add_schemas", update_add_schemas, METH_VARARGS,
     "add_schemas([(table, stream), ...]): the columns without the rows."},
    {"hand_over", update_hand_over, METH_NOARGS,
     "hand_over() -> bytes: end without a commit, for another update to add_written()."},
    {"add_written", update_add_written, METH_VARARGS, "add_written(bytes)"},
    {"add_nothing", update_add_nothing, METH_NOARGS, "An input without rows or schema."},
    {"delete", update_delete, METH_VARARGS, "delete(predicate): what is there and matches goes."},
    {"build_index", update_build_index, METH_VARARGS,
     "build_index(column): keep a secondary index from this commit on."},
    {"drop_index", update_drop_index, METH_VARARGS, "drop_index(column)"},
    {"set_metadata", update_set_metadata, METH_VARARGS,
     "set_metadata(json): instead of the metadata given at the beginning."},
    {"commit", update_commit, METH_NOARGS,
     "commit() -> {'id', 'attempts', 'partitions', 'rows', 'removed', 'rewritten'}"},
    {"close", update_close, METH_NOARGS, "End the update; without a commit its files are removed."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef update_getters[] = {
    {"base", update_base, NULL, "the Dataset that the update works on, None if it makes one", NULL},
    {"repeated_labels", update_repeated_labels, NULL, "labels that were given more than once",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *core_update_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, update_methods},
        {Py_tp_getset, update_getters},
        {Py_tp_dealloc, CORE_SLOT(update_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Update", sizeof(struct update_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
