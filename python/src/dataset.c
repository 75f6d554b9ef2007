/* Dataset snapshots, what they hold, and queries on them. */
#include "call.h"
#include "frame_out.h"

PyObject *core_dataset_new(ktk_dataset *dataset) {
    struct dataset_object *self = PyObject_New(struct dataset_object, core.dataset_type);

    if (self == NULL) {
        ktk_dataset_free(dataset);
        return NULL;
    }
    self->dataset = dataset;
    return (PyObject *)self;
}

static ktk_status open_state(ktk_dataset **out, ktk_store *store, const char *uuid,
                             const char *version, const char *at, ktk_error *err) {
    int64_t time_us;
    ktk_status status;

    if (version != NULL && at != NULL) {
        return ktk_error_set(err, KTK_E_INVALID, "version and at exclude each other");
    }
    if (version != NULL) {
        return ktk_dataset_open_version(out, store, uuid, version, err);
    }
    if (at == NULL) {
        return ktk_dataset_open(out, store, uuid, err);
    }
    status = ktk_time_parse(&time_us, at, err);
    return status == KTK_OK ? ktk_dataset_open_at(out, store, uuid, time_us, err) : status;
}

static PyObject *dataset_open(PyObject *unused, PyObject *args) {
    struct store_object *store;
    ktk_dataset *dataset = NULL;
    const char *uuid;
    const char *version = NULL;
    const char *at = NULL;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!s|zz:open", core.store_type, &store, &uuid, &version, &at)) {
        return NULL;
    }
    core_call_begin(&call);
    status = open_state(&dataset, store->store, uuid, version, at, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? core_dataset_new(dataset) : core_raise(status, &err);
}

static PyObject *dataset_from_document(PyObject *unused, PyObject *args) {
    struct store_object *store;
    ktk_dataset *dataset = NULL;
    const char *document;
    Py_ssize_t size;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!y#:from_document", core.store_type, &store, &document, &size)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_from_document(&dataset, store->store, document, (size_t)size, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? core_dataset_new(dataset) : core_raise(status, &err);
}

static PyObject *get_uuid(PyObject *self, void *unused) {
    (void)unused;
    return PyUnicode_FromString(ktk_dataset_uuid(((struct dataset_object *)self)->dataset));
}

static PyObject *get_document(PyObject *self, void *unused) {
    ktk_error err = {0};
    const char *text;
    size_t size;
    struct core_call call;
    ktk_status status;

    core_call_begin(&call);
    status = ktk_dataset_document(&text, &size, ((struct dataset_object *)self)->dataset, &err);
    core_call_end(&call, status);

    (void)unused;
    return status == KTK_OK ? PyBytes_FromStringAndSize(text, (Py_ssize_t)size)
                            : core_raise(status, &err);
}

static PyObject *get_document_format(PyObject *self, void *unused) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;

    (void)unused;
    return PyUnicode_FromString(
        ktk_dataset_document_format(dataset) == KTK_DOCUMENT_MSGPACK ? "msgpack" : "json");
}

static PyObject *get_metadata(PyObject *self, void *unused) {
    size_t size;
    const char *text = ktk_dataset_metadata(((struct dataset_object *)self)->dataset, &size);

    (void)unused;
    return PyUnicode_FromStringAndSize(text, (Py_ssize_t)size);
}

static PyObject *get_is_explicit(PyObject *self, void *unused) {
    (void)unused;
    return PyBool_FromLong(ktk_dataset_is_explicit(((struct dataset_object *)self)->dataset));
}

static PyObject *list_of_texts(const ktk_dataset *dataset, int32_t count,
                               const char *(*item)(const ktk_dataset *, int32_t)) {
    PyObject *list = PyList_New(count);

    for (int32_t i = 0; list != NULL && i < count; i++) {
        PyObject *text = PyUnicode_FromString(item(dataset, i));
        if (text == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SetItem(list, i, text);
    }
    return list;
}

static PyObject *get_partition_keys(PyObject *self, void *unused) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    (void)unused;
    return list_of_texts(dataset, ktk_dataset_partition_key_count(dataset),
                         ktk_dataset_partition_key);
}

static PyObject *get_tables(PyObject *self, void *unused) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    (void)unused;
    return list_of_texts(dataset, ktk_dataset_table_count(dataset), ktk_dataset_table);
}

/* {column: storage key or None} */
static PyObject *get_indices(PyObject *self, void *unused) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    PyObject *result = PyDict_New();

    (void)unused;
    for (int32_t i = 0; result != NULL && i < ktk_dataset_index_count(dataset); i++) {
        const char *key = ktk_dataset_index_key(dataset, i);
        PyObject *value = Py_BuildValue("z", key);
        if (value == NULL ||
            PyDict_SetItemString(result, ktk_dataset_index_column(dataset, i), value) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(value);
    }
    return result;
}

static PyObject *get_partition_count(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(
        ktk_dataset_partition_count(((struct dataset_object *)self)->dataset));
}

/* The files of one partition as {table: key}. */
static PyObject *files_of(const ktk_dataset *dataset, int64_t partition) {
    PyObject *files = PyDict_New();

    for (int32_t t = 0; files != NULL && t < ktk_dataset_table_count(dataset); t++) {
        const char *table = ktk_dataset_table(dataset, t);
        const char *key = ktk_dataset_partition_file(dataset, partition, table);
        PyObject *value;
        if (key == NULL) {
            continue;
        }
        value = PyUnicode_FromString(key);
        if (value == NULL || PyDict_SetItemString(files, table, value) < 0) {
            Py_CLEAR(files);
        }
        Py_XDECREF(value);
    }
    return files;
}

/* [(label, {table: key}), …] in document order */
static PyObject *dataset_partitions(PyObject *self, PyObject *unused) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    int64_t count = ktk_dataset_partition_count(dataset);
    PyObject *list = PyList_New((Py_ssize_t)count);

    (void)unused;
    for (int64_t i = 0; list != NULL && i < count; i++) {
        PyObject *files = files_of(dataset, i);
        PyObject *pair =
            files == NULL ? NULL
                          : Py_BuildValue("(sN)", ktk_dataset_partition_label(dataset, i), files);
        if (pair == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, pair);
        }
    }
    return list;
}

static PyObject *dataset_labels(PyObject *self, PyObject *unused) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    int64_t count = ktk_dataset_partition_count(dataset);
    PyObject *list = PyList_New((Py_ssize_t)count);

    (void)unused;
    for (int64_t i = 0; list != NULL && i < count; i++) {
        PyObject *label = PyUnicode_FromString(ktk_dataset_partition_label(dataset, i));
        if (label == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, label);
        }
    }
    return list;
}

/* (label, {table: key}) of one partition */
static PyObject *dataset_partition(PyObject *self, PyObject *args) {
    const ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    PyObject *files;
    long long position;

    if (!PyArg_ParseTuple(args, "L:partition", &position)) {
        return NULL;
    }
    if (position < 0 || position >= ktk_dataset_partition_count(dataset)) {
        PyErr_Format(PyExc_IndexError, "there is no partition %lld", position);
        return NULL;
    }
    files = files_of(dataset, position);
    return files == NULL
               ? NULL
               : Py_BuildValue("(sN)", ktk_dataset_partition_label(dataset, position), files);
}

static PyObject *dataset_find(PyObject *self, PyObject *args) {
    ktk_dataset *dataset = ((struct dataset_object *)self)->dataset;
    const char *label;
    int64_t position;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:find", &label)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_partition_find(&position, dataset, label, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyLong_FromLongLong(position) : core_raise(status, &err);
}

static PyObject *dataset_schema_file(PyObject *object, PyObject *args) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    const char *table;
    const void *data = NULL;
    size_t size = 0;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:schema_file", &table)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_schema_file(dataset, table, &data, &size, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyBytes_FromStringAndSize(data, (Py_ssize_t)size)
                            : core_raise(status, &err);
}

static PyObject *dataset_set_schema_file(PyObject *object, PyObject *args) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    const char *table;
    const char *data;
    Py_ssize_t size;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "sy#:set_schema_file", &table, &data, &size)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_set_schema_file(dataset, table, data, (size_t)size, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

/* [(column, Arrow format, readable type)], and the schema's `pandas` text or None */
static PyObject *describe_schema(const struct ArrowSchema *schema) {
    PyObject *list = PyList_New((Py_ssize_t)schema->n_children);

    for (int64_t i = 0; list != NULL && i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        char type[512];
        PyObject *item;

        (void)ktk_format_type(child, type, sizeof(type));
        item = Py_BuildValue("(sss)", child->name, child->format, type);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, item);
        }
    }
    return list;
}

static PyObject *dataset_schema(PyObject *object, PyObject *args) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    struct ArrowSchema schema = {0};
    const char *table;
    PyObject *result;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:schema", &table)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_schema(dataset, table, &schema, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    result = describe_schema(&schema);
    schema.release(&schema);
    return result;
}

/* ---- queries ---- */

/* Everything a query's options point to; cleared after the call. */
struct query_arguments {
    ktk_query_options options;
    struct texts columns;
    struct texts by;
    int64_t *partitions;
};

static void query_arguments_clear(struct query_arguments *arguments) {
    core_texts_free(&arguments->columns);
    core_texts_free(&arguments->by);
    PyMem_Free(arguments->partitions);
}

static int take_partitions(struct query_arguments *arguments, PyObject *partitions) {
    Py_ssize_t count;

    if (partitions == Py_None) {
        return 0;
    }
    count = PySequence_Size(partitions);
    if (count < 0) {
        return -1;
    }
    arguments->partitions = PyMem_Calloc((size_t)count + 1, sizeof(*arguments->partitions));
    if (arguments->partitions == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(partitions, i);
        if (item == NULL) {
            return -1;
        }
        arguments->partitions[i] = PyLong_AsLongLong(item);
        Py_DECREF(item);
        if (PyErr_Occurred()) {
            return -1;
        }
    }
    arguments->options.partitions = arguments->partitions;
    arguments->options.partition_count = (size_t)count;
    return 0;
}

static int query_arguments_parse(struct query_arguments *out, PyObject *args, PyObject *keywords) {
    static char *names[] = {"table",           "columns",
                            "where",           "partitions",
                            "as_stored",       "keep_dictionaries",
                            "position_column", "by",
                            "ahead_bytes_max", NULL};
    PyObject *columns = Py_None;
    PyObject *where = Py_None;
    PyObject *partitions = Py_None;
    PyObject *by = Py_None;
    int as_stored = 0;
    int keep_dictionaries = 0;
    long long ahead_bytes_max = 0;

    *out = (struct query_arguments){.options = KTK_QUERY_OPTIONS_INIT};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|zOOOppzOL", names, &out->options.table,
                                     &columns, &where, &partitions, &as_stored, &keep_dictionaries,
                                     &out->options.position_column, &by, &ahead_bytes_max)) {
        return -1;
    }
    if (where != Py_None && Py_TYPE(where) != core.predicate_type) {
        PyErr_Format(PyExc_TypeError, "where must be a Predicate, got %R", where);
        return -1;
    }
    if (core_texts(columns, &out->columns) < 0 || core_texts(by, &out->by) < 0 ||
        take_partitions(out, partitions) < 0) {
        query_arguments_clear(out);
        return -1;
    }
    out->options.columns = out->columns.items;
    out->options.column_count = (size_t)out->columns.count;
    out->options.where = where == Py_None ? NULL : ((struct predicate_object *)where)->predicate;
    out->options.shape = as_stored ? KTK_SHAPE_PARTITION : KTK_SHAPE_TABLE;
    out->options.keep_dictionaries = keep_dictionaries != 0;
    out->options.ahead_bytes_max = ahead_bytes_max;
    return 0;
}

/* A single file is no progress worth a word. */
static bool tell_read(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return file_count < 2 || core_call_tell(files, file_count, "files read");
}

static PyObject *dataset_query(PyObject *object, PyObject *args, PyObject *keywords) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    struct ArrowArrayStream stream = {0};
    struct query_arguments arguments;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (query_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    arguments.options.progress = tell_read;
    core_call_begin(&call);
    status = ktk_query_stream(&stream, dataset, &arguments.options, &err);
    core_call_end(&call, status);
    query_arguments_clear(&arguments);
    return status == KTK_OK ? core_stream_new(&stream) : core_raise(status, &err);
}

/* query().read(), which also looks at what files tell of dtypes. */
static PyObject *dataset_read(PyObject *object, PyObject *args, PyObject *keywords) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    struct batches_object *batches;
    struct ArrowArrayStream stream = {0};
    struct query_arguments arguments;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (query_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    batches = batches_new(0);
    if (batches == NULL) {
        query_arguments_clear(&arguments);
        return NULL;
    }
    arguments.options.progress = tell_read;
    arguments.options.file_pandas = batches_add_pandas;
    arguments.options.file_pandas_state = batches;
    core_call_begin(&call);
    status = ktk_query_stream(&stream, dataset, &arguments.options, &err);
    if (status == KTK_OK) {
        status = batches_read(batches, &stream, &err);
        stream.release(&stream);
    }
    core_call_end(&call, status);
    query_arguments_clear(&arguments);
    if (status != KTK_OK) {
        Py_DECREF(batches);
        return core_raise(status, &err);
    }
    return (PyObject *)batches;
}

static PyObject *dataset_each_partition(PyObject *object, PyObject *args, PyObject *keywords) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    ktk_partition_reader *reader = NULL;
    struct query_arguments arguments;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (query_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_partition_reader_new(&reader, dataset, &arguments.options, &err);
    core_call_end(&call, status);
    query_arguments_clear(&arguments);
    return status == KTK_OK ? core_partition_reader_new(reader) : core_raise(status, &err);
}

static PyObject *dataset_groups(PyObject *object, PyObject *args, PyObject *keywords) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    struct ArrowArrayStream stream = {0};
    struct query_arguments arguments;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (query_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_query_groups(&stream, dataset, &arguments.options, arguments.by.items,
                              (size_t)arguments.by.count, &err);
    core_call_end(&call, status);
    query_arguments_clear(&arguments);
    return status == KTK_OK ? core_stream_new(&stream) : core_raise(status, &err);
}

static PyObject *dataset_index_stream(PyObject *object, PyObject *args) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    struct ArrowArrayStream stream = {0};
    const char *column;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (!PyArg_ParseTuple(args, "s:index_stream", &column)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_index_stream(&stream, dataset, column, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? core_stream_new(&stream) : core_raise(status, &err);
}

static PyObject *dataset_matching_partitions(PyObject *object, PyObject *args, PyObject *keywords) {
    ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    struct query_arguments arguments;
    int64_t *partitions = NULL;
    size_t count = 0;
    PyObject *list;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    if (query_arguments_parse(&arguments, args, keywords) < 0) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_query_partitions(&partitions, &count, dataset, &arguments.options, &err);
    core_call_end(&call, status);
    query_arguments_clear(&arguments);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *item = PyLong_FromLongLong(partitions[i]);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, item);
        }
    }
    ktk_query_partitions_free(dataset, partitions, count);
    return list;
}

static PyObject *dataset_repr(PyObject *object) {
    const ktk_dataset *dataset = ((struct dataset_object *)object)->dataset;
    return PyUnicode_FromFormat("<kartothek dataset %s, %lld partitions>",
                                ktk_dataset_uuid(dataset),
                                (long long)ktk_dataset_partition_count(dataset));
}

static void dataset_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    ktk_dataset_free(((struct dataset_object *)object)->dataset);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef dataset_methods[] = {
    {"open", dataset_open, METH_VARARGS | METH_STATIC,
     "open(store, uuid, version=None, at=None) -> Dataset"},
    {"from_document", dataset_from_document, METH_VARARGS | METH_STATIC,
     "from_document(store, bytes) -> Dataset"},
    {"partitions", dataset_partitions, METH_NOARGS, "[(label, {table: key}), …] in document order"},
    {"labels", dataset_labels, METH_NOARGS, "labels() -> list of str, in document order"},
    {"partition", dataset_partition, METH_VARARGS, "partition(position) -> (label, {table: key})"},
    {"find", dataset_find, METH_VARARGS, "find(label) -> position, -1 if there is none"},
    {"schema_file", dataset_schema_file, METH_VARARGS,
     "schema_file(table) -> bytes of _common_metadata"},
    {"set_schema_file", dataset_set_schema_file, METH_VARARGS, "set_schema_file(table, bytes)"},
    {"schema", dataset_schema, METH_VARARGS, "schema(table) -> [(column, Arrow format, type), …]"},
    {"query", (PyCFunction)(void (*)(void))dataset_query, METH_VARARGS | METH_KEYWORDS,
     "query(table, columns, where, partitions, as_stored, keep_dictionaries, position_column) -> "
     "Stream"},
    {"read", (PyCFunction)(void (*)(void))dataset_read, METH_VARARGS | METH_KEYWORDS,
     "read(the arguments of query) -> Batches: the whole stream, and the nullable dtypes of "
     "files."},
    {"each_partition", (PyCFunction)(void (*)(void))dataset_each_partition,
     METH_VARARGS | METH_KEYWORDS,
     "each_partition(the arguments of query, ahead_bytes_max) -> PartitionReader"},
    {"groups", (PyCFunction)(void (*)(void))dataset_groups, METH_VARARGS | METH_KEYWORDS,
     "groups(by=[column, …], and the arguments of query) -> Stream: values and partitions of "
     "each."},
    {"index_stream", dataset_index_stream, METH_VARARGS,
     "index_stream(column) -> Stream: a secondary index, the values and their lists of labels."},
    {"matching_partitions", (PyCFunction)(void (*)(void))dataset_matching_partitions,
     METH_VARARGS | METH_KEYWORDS, "matching_partitions(same arguments as query) -> [index, …]"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef dataset_getters[] = {
    {"uuid", get_uuid, NULL, "name of the dataset", NULL},
    {"document", get_document, NULL, "bytes of the document", NULL},
    {"document_format", get_document_format, NULL, "'json' or 'msgpack'", NULL},
    {"metadata", get_metadata, NULL, "user metadata as JSON text", NULL},
    {"is_explicit", get_is_explicit, NULL, "whether the document lists the partitions", NULL},
    {"partition_keys", get_partition_keys, NULL, "list of partition key columns", NULL},
    {"tables", get_tables, NULL, "list of tables", NULL},
    {"indices", get_indices, NULL, "{column: storage key or None}", NULL},
    {"partition_count", get_partition_count, NULL, "number of partitions", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *core_dataset_type_new(void) {
    static PyType_Slot slots[] = {
        {Py_tp_new, CORE_SLOT(core_no_new)},
        {Py_tp_methods, dataset_methods},
        {Py_tp_getset, dataset_getters},
        {Py_tp_repr, CORE_SLOT(dataset_repr)},
        {Py_tp_dealloc, CORE_SLOT(dataset_dealloc)},
        {0, NULL},
    };
    static PyType_Spec spec = {"kartothek._core.Dataset", sizeof(struct dataset_object), 0,
                               Py_TPFLAGS_DEFAULT, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}

/* ---- functions of the module ---- */

static PyObject *dataset_exists(PyObject *unused, PyObject *args) {
    struct store_object *store;
    const char *uuid;
    bool exists = false;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!s:dataset_exists", core.store_type, &store, &uuid)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_exists(&exists, store->store, uuid, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyBool_FromLong(exists) : core_raise(status, &err);
}

static PyObject *dataset_drop(PyObject *unused, PyObject *args) {
    struct store_object *store;
    const char *uuid;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!s:dataset_drop", core.store_type, &store, &uuid)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_dataset_drop(store->store, uuid, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *bytes_of(ktk_bytes *bytes) {
    PyObject *result =
        PyBytes_FromStringAndSize((const char *)bytes->data, (Py_ssize_t)bytes->size);

    ktk_bytes_clear(bytes);
    return result;
}

static PyObject *document_pack(PyObject *unused, PyObject *args) {
    ktk_context *context = core_context();
    ktk_bytes bytes = KTK_BYTES_INIT;
    const char *json;
    Py_ssize_t size;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (context == NULL || !PyArg_ParseTuple(args, "y#:document_pack", &json, &size)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_document_pack(&bytes, context, json, (size_t)size, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? bytes_of(&bytes) : core_raise(status, &err);
}

static PyObject *document_unpack(PyObject *unused, PyObject *args) {
    ktk_context *context = core_context();
    ktk_bytes bytes = KTK_BYTES_INIT;
    const char *data;
    Py_ssize_t size;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (context == NULL || !PyArg_ParseTuple(args, "y#:document_unpack", &data, &size)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_document_unpack(&bytes, context, data, (size_t)size, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? bytes_of(&bytes) : core_raise(status, &err);
}

static PyObject *uuid_generate(PyObject *self, PyObject *unused) {
    char text[33];
    ktk_error err;
    ktk_status status = ktk_uuid_generate(text, &err);

    (void)self;
    (void)unused;
    return status == KTK_OK ? PyUnicode_FromString(text) : core_raise(status, &err);
}

static PyObject *uuid_check(PyObject *self, PyObject *args) {
    const char *uuid;
    ktk_error err;
    ktk_status status;

    (void)self;
    if (!PyArg_ParseTuple(args, "s:uuid_check", &uuid)) {
        return NULL;
    }
    status = ktk_uuid_check(uuid, &err);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *commit_status(PyObject *unused, PyObject *args) {
    static const char *const texts[] = {"absent", "committed", "unknown"};
    ktk_commit_state state = KTK_COMMIT_UNKNOWN;
    struct store_object *store;
    const char *uuid;
    const char *id;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!ss:commit_status", core.store_type, &store, &uuid, &id)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_commit_status(&state, store->store, uuid, id, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyUnicode_FromString(texts[state]) : core_raise(status, &err);
}

PyMethodDef core_dataset_functions[] = {
    {"dataset_exists", dataset_exists, METH_VARARGS, "dataset_exists(store, uuid) -> bool"},
    {"dataset_drop", dataset_drop, METH_VARARGS,
     "dataset_drop(store, uuid): remove it with all its files."},
    {"commit_status", commit_status, METH_VARARGS,
     "commit_status(store, uuid, id) -> 'committed', 'absent' or 'unknown'."},
    {"document_pack", document_pack, METH_VARARGS,
     "document_pack(json) -> bytes of MessagePack in ZSTD"},
    {"document_unpack", document_unpack, METH_VARARGS, "document_unpack(bytes) -> JSON bytes"},
    {"uuid_generate", uuid_generate, METH_NOARGS, "A fresh name: 32 hex digits."},
    {"uuid_check", uuid_check, METH_VARARGS,
     "uuid_check(uuid): ValueError unless it is a legal dataset name."},
    {NULL, NULL, 0, NULL},
};
