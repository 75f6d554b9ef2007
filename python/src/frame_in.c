#include "frame_in.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lend.h"

void frame_in_free(struct column_in *column) {
    if (column == NULL) {
        return;
    }
    free(column->name);
    free(column->format);
    free(column->metadata);
    free(column->validity);
    free(column->owned[0]);
    free(column->owned[1]);
    frame_in_free(column->dictionary);
    free(column->dictionary);
    for (int64_t i = 0; i < column->child_count; i++) {
        frame_in_free(&column->children[i]);
    }
    free(column->children);
    if (column->imported_schema.release != NULL) {
        column->imported_schema.release(&column->imported_schema);
    }
    if (column->imported_array.release != NULL) {
        column->imported_array.release(&column->imported_array);
    }
    memset(column, 0, sizeof(*column));
}

int frame_in_validity(struct column_in *column) {
    size_t size = (size_t)(column->length + 7) / 8;

    if (column->validity != NULL) {
        return 0;
    }
    column->validity = malloc(size + 1);
    if (column->validity == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(column->validity, 0xFF, size);
    return 0;
}

void frame_in_set_null(struct column_in *column, int64_t row) {
    column->validity[row >> 3] &= (uint8_t)~(1u << (row & 7));
    column->null_count++;
}

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (copy == NULL) {
        PyErr_NoMemory();
    } else {
        memcpy(copy, text, size);
    }
    return copy;
}

struct pair {
    const char *key;
    const char *value;
    size_t value_size;
};

static char *put_sized(char *at, const char *data, size_t size) {
    int32_t number = (int32_t)size;

    memcpy(at, &number, sizeof(number));
    memcpy(at + sizeof(number), data, size);
    return at + sizeof(number) + size;
}

/* Pairs in the C Data Interface's form. */
static char *metadata_of(const struct pair *pairs, int32_t count) {
    size_t size = sizeof(count);
    char *metadata;
    char *at;

    for (int32_t i = 0; i < count; i++) {
        size += 2 * sizeof(count) + strlen(pairs[i].key) + pairs[i].value_size;
    }
    metadata = malloc(size);
    if (metadata == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(metadata, &count, sizeof(count));
    at = metadata + sizeof(count);
    for (int32_t i = 0; i < count; i++) {
        at = put_sized(at, pairs[i].key, strlen(pairs[i].key));
        at = put_sized(at, pairs[i].value, pairs[i].value_size);
    }
    return metadata;
}

/* ---- fixed-width columns: the caller's memory, with a validity bitmap where a mask or NaN asks
 * for one ---- */

/* One bit a row of eight, set where there is a value. */
static uint8_t valid_bits(const struct column_in *column, const uint8_t *mask, int64_t first,
                          int64_t count) {
    const void *values = column->values;
    unsigned bits = 0;

    for (int64_t i = 0; mask != NULL && i < count; i++) {
        bits |= (unsigned)(mask[first + i] != 0) << i;
    }
    switch (column->format[0]) {
    case 'g':
        for (int64_t i = 0; i < count; i++) {
            bits |= (unsigned)isnan(((const double *)values)[first + i]) << i;
        }
        break;
    case 'f':
        for (int64_t i = 0; i < count; i++) {
            bits |= (unsigned)isnan(((const float *)values)[first + i]) << i;
        }
        break;
    case 'e':
        for (int64_t i = 0; i < count; i++) {
            bits |= (unsigned)((((const uint16_t *)values)[first + i] & 0x7FFF) > 0x7C00) << i;
        }
        break;
    case 't':
        for (int64_t i = 0; i < count; i++) {
            bits |= (unsigned)(((const int64_t *)values)[first + i] == INT64_MIN) << i;
        }
        break;
    default:
        break;
    }
    return (uint8_t)~bits;
}

/* Nulls of a column: from the mask, and NaN and NaT for those formats that have them. */
static int mark_nulls(struct column_in *column, const uint8_t *mask) {
    bool has_nan = strchr("gfet", column->format[0]) != NULL;

    for (int64_t row = 0; (mask != NULL || has_nan) && row < column->length; row += 8) {
        int64_t count = column->length - row < 8 ? column->length - row : 8;
        uint8_t bits = valid_bits(column, mask, row, count);

        if (bits != 0xFF) {
            if (frame_in_validity(column) < 0) {
                return -1;
            }
            column->validity[row >> 3] = bits;
            column->null_count += 8 - __builtin_popcount(bits);
        }
    }
    return 0;
}

static int pack_bools(struct column_in *column, const uint8_t *bytes) {
    uint8_t *bits = calloc((size_t)column->length / 8 + 1, 1);

    if (bits == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int64_t row = 0; row < column->length; row++) {
        bits[row >> 3] |= (uint8_t)((bytes[row] != 0) << (row & 7));
    }
    column->owned[0] = bits;
    column->values = bits;
    return 0;
}

/* ("fixed", format, address, mask address or 0) */
static int take_fixed(struct column_in *column, PyObject *args) {
    unsigned long long address;
    unsigned long long mask;
    const char *kind;
    const char *format;

    if (!PyArg_ParseTuple(args, "ssKK", &kind, &format, &address, &mask)) {
        return -1;
    }
    column->format = copy_text(format);
    column->values = (const void *)(uintptr_t)address;
    column->buffer_count = 2;
    if (column->format == NULL) {
        return -1;
    }
    if (strcmp(format, "b") == 0 && pack_bools(column, column->values) < 0) {
        return -1;
    }
    return mark_nulls(column, (const uint8_t *)(uintptr_t)mask);
}

/* ("objects", address, nulls, kind) */
static int take_objects(struct column_in *column, PyObject *args) {
    unsigned long long address;
    const char *kind;
    const char *objects_kind;
    struct nulls nulls;

    if (!PyArg_ParseTuple(args, "sKO&s", &kind, &address, nulls_parse, &nulls, &objects_kind)) {
        return -1;
    }
    return frame_in_objects(column, (PyObject *const *)(uintptr_t)address, &nulls, objects_kind);
}

static int take_column(struct column_in *column, const char *name, PyObject *description,
                       int64_t length);

/* ("dictionary", index format, address of the codes, ordered, length, description of the values);
 * code -1 is null */
static int take_dictionary(struct column_in *column, PyObject *args) {
    unsigned long long address;
    const char *kind;
    const char *format;
    PyObject *values;
    long long length;
    int ordered;

    if (!PyArg_ParseTuple(args, "ssKpLO", &kind, &format, &address, &ordered, &length, &values)) {
        return -1;
    }
    column->format = copy_text(format);
    column->flags |= ordered ? ARROW_FLAG_DICTIONARY_ORDERED : 0;
    column->values = (const void *)(uintptr_t)address;
    column->buffer_count = 2;
    column->dictionary = calloc(1, sizeof(*column->dictionary));
    if (column->format == NULL || column->dictionary == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int64_t row = 0; row < column->length; row++) {
        bool is_null = format[0] == 'c'   ? ((const int8_t *)column->values)[row] < 0
                       : format[0] == 's' ? ((const int16_t *)column->values)[row] < 0
                       : format[0] == 'i' ? ((const int32_t *)column->values)[row] < 0
                                          : ((const int64_t *)column->values)[row] < 0;
        if (is_null) {
            if (frame_in_validity(column) < 0) {
                return -1;
            }
            frame_in_set_null(column, row);
        }
    }
    return take_column(column->dictionary, "", values, length);
}

/* ("list", address of 32-bit offsets, mask address, number of items, description of the items) */
static int take_list(struct column_in *column, PyObject *args) {
    unsigned long long offsets;
    unsigned long long mask;
    const char *kind;
    PyObject *items;
    long long length;

    if (!PyArg_ParseTuple(args, "sKKLO", &kind, &offsets, &mask, &length, &items)) {
        return -1;
    }
    column->format = copy_text("+l");
    column->values = (const void *)(uintptr_t)offsets;
    column->buffer_count = 2;
    column->children = calloc(1, sizeof(*column->children));
    if (column->format == NULL || column->children == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    column->child_count = 1;
    if (mark_nulls(column, (const uint8_t *)(uintptr_t)mask) < 0) {
        return -1;
    }
    return take_column(&column->children[0], "item", items, length);
}

/* ("struct", mask address, [(name, description of the field), ...]) */
static int take_struct(struct column_in *column, PyObject *args) {
    unsigned long long mask;
    const char *kind;
    PyObject *fields;

    if (!PyArg_ParseTuple(args, "sKO!", &kind, &mask, &PyList_Type, &fields)) {
        return -1;
    }
    column->format = copy_text("+s");
    column->buffer_count = 1;
    column->children = calloc((size_t)PyList_Size(fields) + 1, sizeof(*column->children));
    if (column->format == NULL || column->children == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (mark_nulls(column, (const uint8_t *)(uintptr_t)mask) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_Size(fields); i++) {
        PyObject *description;
        const char *name;

        column->child_count = i + 1;
        if (!PyArg_ParseTuple(PyList_GetItem(fields, i), "sO;a field must be (name, description)",
                              &name, &description) ||
            take_column(&column->children[i], name, description, column->length) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ("arrow", object with __arrow_c_array__) */
static int take_arrow(struct column_in *column, PyObject *args) {
    struct ArrowSchema *schema = NULL;
    struct ArrowArray *array = NULL;
    PyObject *capsules;
    const char *kind;
    PyObject *object;

    if (!PyArg_ParseTuple(args, "sO", &kind, &object)) {
        return -1;
    }
    capsules = PyObject_CallMethod(object, "__arrow_c_array__", NULL);
    if (capsules != NULL && PyTuple_Check(capsules) && PyTuple_Size(capsules) == 2) {
        schema = PyCapsule_GetPointer(PyTuple_GetItem(capsules, 0), "arrow_schema");
        array = schema == NULL ? NULL
                               : PyCapsule_GetPointer(PyTuple_GetItem(capsules, 1), "arrow_array");
    }
    if (array == NULL || array->length != column->length) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_ValueError, "column '%s': not an Arrow array of %lld values",
                         column->name, (long long)column->length);
        }
        Py_XDECREF(capsules);
        return -1;
    }
    column->imported_schema = *schema;
    column->imported_array = *array;
    schema->release = NULL;
    array->release = NULL;
    Py_DECREF(capsules);
    return 0;
}

static int take_described(struct column_in *column, PyObject *description);

/* ("extension", name of an extension type, its metadata, description of the storage) */
static int take_extension(struct column_in *column, PyObject *args) {
    struct pair pairs[] = {{"ARROW:extension:name", NULL, 0},
                           {"ARROW:extension:metadata", NULL, 0}};
    const char *kind;
    PyObject *storage;

    if (!PyArg_ParseTuple(args, "sssO", &kind, &pairs[0].value, &pairs[1].value, &storage)) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        pairs[i].value_size = strlen(pairs[i].value);
    }
    column->metadata = metadata_of(pairs, 2);
    return column->metadata == NULL ? -1 : take_described(column, storage);
}

static const struct {
    const char *kind;
    int (*take)(struct column_in *column, PyObject *args);
} kinds[] = {
    {"fixed", take_fixed},         {"objects", take_objects}, {"dictionary", take_dictionary},
    {"list", take_list},           {"struct", take_struct},   {"arrow", take_arrow},
    {"extension", take_extension},
};

static int take_described(struct column_in *column, PyObject *description) {
    PyObject *kind = PyTuple_Check(description) && PyTuple_Size(description) > 0
                         ? PyTuple_GetItem(description, 0)
                         : NULL;

    for (size_t i = 0; kind != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (PyUnicode_CompareWithASCIIString(kind, kinds[i].kind) == 0) {
            return kinds[i].take(column, description);
        }
    }
    PyErr_Format(PyExc_TypeError, "column '%s': unknown description %R", column->name, description);
    return -1;
}

static int take_column(struct column_in *column, const char *name, PyObject *description,
                       int64_t length) {
    column->length = length;
    column->flags = ARROW_FLAG_NULLABLE;
    column->name = copy_text(name);
    return column->name == NULL ? -1 : take_described(column, description);
}

/* ---- the batch as Arrow structs ---- */

/* Everything the exported structs point to. A consumer may move a column out and release the rest,
 * so every array holds a reference. `keep` holds the NumPy arrays whose memory is lent. */
struct frame {
    int64_t references; /* atomic access only */
    struct column_in *columns;
    Py_ssize_t count;
    int64_t length;
    char *metadata;
    PyObject *keep;
};

/* Takes the GIL, for any thread may drop the last reference. */
static void frame_free(struct frame *frame) {
    PyGILState_STATE gil;

    if (frame == NULL || __atomic_fetch_sub(&frame->references, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    gil = PyGILState_Ensure();
    for (Py_ssize_t i = 0; i < frame->count; i++) {
        frame_in_free(&frame->columns[i]);
    }
    Py_XDECREF(frame->keep);
    PyGILState_Release(gil);
    free(frame->columns);
    free(frame->metadata);
    free(frame);
}

/* A node's own pointers. */
struct array_node {
    struct frame *frame; /* a reference */
    const void *buffers[3];
    struct ArrowArray *storage;
    struct ArrowArray **pointers;
};

static void release_array(struct ArrowArray *array) {
    struct array_node *node = array->private_data;

    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
    }
    if (array->dictionary != NULL && array->dictionary->release != NULL) {
        array->dictionary->release(array->dictionary);
    }
    frame_free(node->frame);
    free(node->storage);
    free(node->pointers);
    free(node);
    array->release = NULL;
}

static struct array_node *array_node_new(struct frame *frame, struct ArrowArray *out,
                                         size_t below) {
    struct array_node *node = calloc(1, sizeof(*node));

    if (node != NULL) {
        node->storage = calloc(below + 1, sizeof(*node->storage));
        node->pointers = calloc(below + 1, sizeof(*node->pointers));
    }
    if (node == NULL || node->storage == NULL || node->pointers == NULL) {
        if (node != NULL) {
            free(node->storage);
            free(node->pointers);
        }
        free(node);
        return NULL;
    }
    (void)__atomic_fetch_add(&frame->references, 1, __ATOMIC_RELAXED);
    node->frame = frame;
    *out = (struct ArrowArray){.release = release_array,
                               .private_data = node,
                               .buffers = node->buffers,
                               .children = node->pointers};
    return node;
}

static bool export_array(struct frame *frame, struct column_in *column, struct ArrowArray *out) {
    struct array_node *node;

    if (column->imported_array.release != NULL) {
        *out = column->imported_array;
        column->imported_array.release = NULL;
        return true;
    }
    node = array_node_new(frame, out, (size_t)column->child_count + 1);
    if (node == NULL) {
        return false;
    }
    out->length = column->length;
    out->null_count = column->null_count;
    out->n_buffers = column->buffer_count;
    node->buffers[0] = column->validity;
    node->buffers[1] = column->values;
    node->buffers[2] = column->bytes;
    if (column->dictionary != NULL) {
        if (!export_array(frame, column->dictionary, node->storage)) {
            out->release(out);
            return false;
        }
        out->dictionary = node->storage;
    }
    for (int64_t i = 0; i < column->child_count; i++) {
        node->pointers[i] = &node->storage[i];
        if (!export_array(frame, &column->children[i], node->pointers[i])) {
            out->release(out);
            return false;
        }
        out->n_children = i + 1;
    }
    return true;
}

struct schema_node {
    struct ArrowSchema *storage;
    struct ArrowSchema **pointers;
    char *texts[3];
};

static void release_schema(struct ArrowSchema *schema) {
    struct schema_node *node = schema->private_data;

    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release != NULL) {
            schema->children[i]->release(schema->children[i]);
        }
    }
    if (schema->dictionary != NULL && schema->dictionary->release != NULL) {
        schema->dictionary->release(schema->dictionary);
    }
    for (int i = 0; i < 3; i++) {
        free(node->texts[i]);
    }
    free(node->storage);
    free(node->pointers);
    free(node);
    schema->release = NULL;
}

/* Takes over the three texts, also on failure. */
static struct schema_node *schema_node_new(struct ArrowSchema *out, size_t below, char *format,
                                           char *name, char *metadata) {
    struct schema_node *node = calloc(1, sizeof(*node));
    struct ArrowSchema *storage = calloc(below + 1, sizeof(*storage));
    struct ArrowSchema **pointers = calloc(below + 1, sizeof(*pointers));

    if (node == NULL || storage == NULL || pointers == NULL || format == NULL || name == NULL) {
        free(node);
        free(storage);
        free(pointers);
        free(format);
        free(name);
        free(metadata);
        return NULL;
    }
    *node = (struct schema_node){storage, pointers, {format, name, metadata}};
    *out = (struct ArrowSchema){.format = format,
                                .name = name,
                                .metadata = metadata,
                                .flags = ARROW_FLAG_NULLABLE,
                                .children = pointers,
                                .release = release_schema,
                                .private_data = node};
    return node;
}

static char *plain_copy(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

static bool export_schema(struct column_in *column, struct ArrowSchema *out) {
    struct schema_node *node;

    if (column->imported_schema.release != NULL) {
        /* The column has the name that the frame gives it, whatever it was called where it came
         * from. */
        struct ArrowSchema renamed = column->imported_schema;

        renamed.name = column->name;
        return lend_schema(&renamed, out) == 0;
    }
    node = schema_node_new(out, (size_t)column->child_count + 1, plain_copy(column->format),
                           plain_copy(column->name), column->metadata);
    column->metadata = NULL;
    if (node == NULL) {
        return false;
    }
    out->flags = column->flags;
    if (column->dictionary != NULL) {
        if (!export_schema(column->dictionary, node->storage)) {
            out->release(out);
            return false;
        }
        out->dictionary = node->storage;
    }
    for (int64_t i = 0; i < column->child_count; i++) {
        node->pointers[i] = &node->storage[i];
        if (!export_schema(&column->children[i], node->pointers[i])) {
            out->release(out);
            return false;
        }
        out->n_children = i + 1;
    }
    return true;
}

/* ---- a stream of exactly one batch ---- */

struct frame_stream {
    struct frame *frame; /* a reference */
    struct ArrowSchema schema;
    bool is_done;
};

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    return lend_schema(&((struct frame_stream *)stream->private_data)->schema, out);
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct frame_stream *state = stream->private_data;
    struct frame *frame = state->frame;
    struct array_node *node;

    memset(out, 0, sizeof(*out));
    if (state->is_done) {
        return 0;
    }
    node = array_node_new(frame, out, (size_t)frame->count);
    if (node == NULL) {
        return ENOMEM;
    }
    out->length = frame->length;
    out->n_buffers = 1;
    for (Py_ssize_t i = 0; i < frame->count; i++) {
        node->pointers[i] = &node->storage[i];
        if (!export_array(frame, &frame->columns[i], node->pointers[i])) {
            out->release(out);
            memset(out, 0, sizeof(*out));
            return ENOMEM;
        }
        out->n_children = i + 1;
    }
    state->is_done = true;
    return 0;
}

static const char *stream_get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "out of memory";
}

static void stream_release(struct ArrowArrayStream *stream) {
    struct frame_stream *state = stream->private_data;

    if (state->schema.release != NULL) {
        state->schema.release(&state->schema);
    }
    frame_free(state->frame);
    free(state);
    stream->release = NULL;
}

static bool schema_of_frame(struct frame *frame, struct ArrowSchema *out) {
    struct schema_node *node = schema_node_new(out, (size_t)frame->count, plain_copy("+s"),
                                               plain_copy(""), frame->metadata);

    frame->metadata = NULL;
    if (node == NULL) {
        return false;
    }
    out->flags = 0;
    for (Py_ssize_t i = 0; i < frame->count; i++) {
        node->pointers[i] = &node->storage[i];
        if (!export_schema(&frame->columns[i], node->pointers[i])) {
            out->release(out);
            return false;
        }
        out->n_children = i + 1;
    }
    return true;
}

static struct frame *frame_from(PyObject *columns, const char *metadata, size_t metadata_size,
                                long long length, PyObject *keep) {
    struct frame *frame = calloc(1, sizeof(*frame));

    if (frame == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    Py_INCREF(keep);
    frame->references = 1;
    frame->keep = keep;
    frame->length = length;
    frame->metadata = metadata_of(&(struct pair){"pandas", metadata, metadata_size}, 1);
    frame->columns = calloc((size_t)PyList_Size(columns) + 1, sizeof(*frame->columns));
    if (frame->metadata == NULL || frame->columns == NULL) {
        frame_free(frame);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_Size(columns); i++) {
        PyObject *description;
        const char *name;

        frame->count = i + 1;
        if (!PyArg_ParseTuple(PyList_GetItem(columns, i), "sO;a column must be (name, description)",
                              &name, &description) ||
            take_column(&frame->columns[i], name, description, length) < 0) {
            frame_free(frame);
            return NULL;
        }
    }
    return frame;
}

PyObject *core_frame_stream(PyObject *self, PyObject *args) {
    struct ArrowArrayStream stream = {stream_get_schema, stream_get_next, stream_get_last_error,
                                      stream_release, NULL};
    struct frame_stream *state;
    struct frame *frame;
    PyObject *columns;
    PyObject *keep;
    const char *metadata;
    Py_ssize_t metadata_size;
    long long length;

    (void)self;
    if (!PyArg_ParseTuple(args, "O!s#LO:frame_stream", &PyList_Type, &columns, &metadata,
                          &metadata_size, &length, &keep) ||
        core_import_types() < 0) {
        return NULL;
    }
    frame = frame_from(columns, metadata, (size_t)metadata_size, length, keep);
    state = frame == NULL ? NULL : calloc(1, sizeof(*state));
    if (state == NULL) {
        if (frame != NULL) {
            frame_free(frame);
            PyErr_NoMemory();
        }
        return NULL;
    }
    state->frame = frame;
    stream.private_data = state;
    if (!schema_of_frame(frame, &state->schema)) {
        stream.release(&stream);
        return PyErr_NoMemory();
    }
    return core_stream_new(&stream);
}
