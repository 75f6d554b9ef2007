/* Arrow values as Python objects, for columns that NumPy holds as such. */
#include "frame_out.h"

#include <string.h>

/* Equal texts share one Python object, as pyarrow has it too: columns of few distinct values then
 * cost little memory. */
#define SHARED_SLOTS 8192

struct shared_slot {
    const char *data;
    size_t size;
    PyObject *object; /* borrowed from the array being filled */
};

/* How values of one column become objects. */
struct maker {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    int64_t base; /* offset of row 0 in the buffers */
    struct shared_slot *shared;
    PyObject *decimal_type;
    PyObject *(*make)(struct maker *maker, int64_t row);
};

static PyObject *object_at(struct maker *maker, int64_t row);

static bool is_null(const struct ArrowArray *array, int64_t index) {
    const uint8_t *validity = array->n_buffers > 0 ? array->buffers[0] : NULL;
    return validity != NULL && array->null_count != 0 &&
           (validity[index >> 3] >> (index & 7) & 1) == 0;
}

static void bytes_at(struct maker *maker, int64_t row, const char **data, size_t *size) {
    int64_t index = row + maker->base;
    char kind = maker->schema->format[0];

    if (kind == 'w') {
        size_t width = 0;
        for (const char *at = maker->schema->format + 2; *at != '\0'; at++) {
            width = width * 10 + (size_t)(*at - '0');
        }
        *data = (const char *)maker->array->buffers[1] + (size_t)index * width;
        *size = width;
    } else if (kind == 'U' || kind == 'Z') {
        const int64_t *offsets = maker->array->buffers[1];
        *data = (const char *)maker->array->buffers[2] + offsets[index];
        *size = (size_t)(offsets[index + 1] - offsets[index]);
    } else {
        const int32_t *offsets = maker->array->buffers[1];
        *data = (const char *)maker->array->buffers[2] + offsets[index];
        *size = (size_t)(offsets[index + 1] - offsets[index]);
    }
}

static size_t slot_of(const char *data, size_t size) {
    uint64_t hash = size * 0x9E3779B97F4A7C15u;
    uint64_t word;

    for (; size >= 8; data += 8, size -= 8) {
        memcpy(&word, data, 8);
        hash = (hash ^ word) * 0xBF58476D1CE4E5B9u;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, data, size);
    hash = (hash ^ word) * 0x94D049BB133111EBu;
    return (size_t)(hash >> 40) % SHARED_SLOTS;
}

static PyObject *make_text(struct maker *maker, int64_t row) {
    struct shared_slot *slot;
    const char *data;
    size_t size;
    PyObject *object;

    bytes_at(maker, row, &data, &size);
    slot = &maker->shared[slot_of(data, size)];
    if (slot->object != NULL && slot->size == size && memcmp(slot->data, data, size) == 0) {
        Py_INCREF(slot->object);
        return slot->object;
    }
    object = PyUnicode_DecodeUTF8(data, (Py_ssize_t)size, NULL);
    if (object != NULL) {
        *slot = (struct shared_slot){data, size, object};
    }
    return object;
}

static PyObject *make_bytes(struct maker *maker, int64_t row) {
    const char *data;
    size_t size;

    bytes_at(maker, row, &data, &size);
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
}

static PyObject *make_bool(struct maker *maker, int64_t row) {
    const uint8_t *bits = maker->array->buffers[1];
    int64_t index = row + maker->base;
    return PyBool_FromLong(bits[index >> 3] >> (index & 7) & 1);
}

static PyObject *make_integer(struct maker *maker, int64_t row) {
    const void *values = maker->array->buffers[1];
    int64_t i = row + maker->base;

    switch (maker->schema->format[0]) {
    case 'c':
        return PyLong_FromLong(((const int8_t *)values)[i]);
    case 'C':
        return PyLong_FromLong(((const uint8_t *)values)[i]);
    case 's':
        return PyLong_FromLong(((const int16_t *)values)[i]);
    case 'S':
        return PyLong_FromLong(((const uint16_t *)values)[i]);
    case 'i':
        return PyLong_FromLong(((const int32_t *)values)[i]);
    case 'I':
        return PyLong_FromUnsignedLong(((const uint32_t *)values)[i]);
    case 'L':
        return PyLong_FromUnsignedLongLong(((const uint64_t *)values)[i]);
    default:
        return PyLong_FromLongLong(((const int64_t *)values)[i]);
    }
}

static PyObject *make_float(struct maker *maker, int64_t row) {
    const void *values = maker->array->buffers[1];
    int64_t i = row + maker->base;
    return PyFloat_FromDouble(maker->schema->format[0] == 'f' ? (double)((const float *)values)[i]
                                                              : ((const double *)values)[i]);
}

/* The library's own text of a value, for what has a constructor from text in Python. */
static int text_at(struct maker *maker, int64_t row, char *text, size_t capacity) {
    bool null = false;
    size_t size = ktk_format_value(maker->schema, maker->array,
                                   row + maker->base - maker->array->offset, text, capacity, &null);

    if (size >= capacity) {
        PyErr_Format(PyExc_ValueError, "column '%s': a value of %zu characters",
                     maker->schema->name, size);
        return -1;
    }
    return 0;
}

static PyObject *make_from_iso(struct maker *maker, int64_t row, PyObject *type) {
    char text[128];
    return text_at(maker, row, text, sizeof(text)) < 0
               ? NULL
               : PyObject_CallMethod(type, "fromisoformat", "s", text);
}

static PyObject *make_date(struct maker *maker, int64_t row) {
    return make_from_iso(maker, row, core.date_type);
}

static PyObject *make_time(struct maker *maker, int64_t row) {
    return make_from_iso(maker, row, core.time_type);
}

static PyObject *make_timestamp(struct maker *maker, int64_t row) {
    return make_from_iso(maker, row, core.datetime_type);
}

static PyObject *make_decimal(struct maker *maker, int64_t row) {
    char text[256];
    return text_at(maker, row, text, sizeof(text)) < 0
               ? NULL
               : PyObject_CallFunction(maker->decimal_type, "s", text);
}

/* An item of a list, struct or map: another maker over the child. */
static PyObject *child_object(struct maker *maker, int64_t child, int64_t index) {
    struct maker item = {.schema = maker->schema->children[child],
                         .array = maker->array->children[child],
                         .base = maker->array->children[child]->offset,
                         .shared = maker->shared,
                         .decimal_type = maker->decimal_type};
    return object_at(&item, index);
}

static PyObject *make_list(struct maker *maker, int64_t row) {
    int64_t i = row + maker->base;
    const char *format = maker->schema->format;
    int64_t start;
    int64_t end;
    PyObject *list;

    if (format[1] == 'L') {
        start = ((const int64_t *)maker->array->buffers[1])[i];
        end = ((const int64_t *)maker->array->buffers[1])[i + 1];
    } else {
        start = ((const int32_t *)maker->array->buffers[1])[i];
        end = ((const int32_t *)maker->array->buffers[1])[i + 1];
    }
    list = PyList_New((Py_ssize_t)(end - start));
    for (int64_t k = start; list != NULL && k < end; k++) {
        PyObject *item = child_object(maker, 0, k);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)(k - start), item);
        }
    }
    return list;
}

static PyObject *make_struct(struct maker *maker, int64_t row) {
    PyObject *dict = PyDict_New();

    for (int64_t c = 0; dict != NULL && c < maker->schema->n_children; c++) {
        PyObject *item = child_object(maker, c, row + maker->base);
        if (item == NULL ||
            PyDict_SetItemString(dict, maker->schema->children[c]->name, item) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(item);
    }
    return dict;
}

/* By the start of the Arrow format; the first that fits. */
static const struct {
    const char *prefix;
    PyObject *(*make)(struct maker *maker, int64_t row);
} makers[] = {
    {"u", make_text},     {"U", make_text},    {"z", make_bytes},      {"Z", make_bytes},
    {"w:", make_bytes},   {"b", make_bool},    {"c", make_integer},    {"C", make_integer},
    {"s", make_integer},  {"S", make_integer}, {"i", make_integer},    {"I", make_integer},
    {"l", make_integer},  {"L", make_integer}, {"f", make_float},      {"g", make_float},
    {"td", make_date},    {"tt", make_time},   {"ts", make_timestamp}, {"tD", make_integer},
    {"d:", make_decimal}, {"+l", make_list},   {"+L", make_list},      {"+m", make_list},
    {"+s", make_struct},
};

static PyObject *object_at(struct maker *maker, int64_t row) {
    if (strcmp(maker->schema->format, "n") == 0 || is_null(maker->array, row + maker->base)) {
        Py_RETURN_NONE;
    }
    if (maker->make == NULL) {
        for (size_t i = 0; maker->make == NULL && i < sizeof(makers) / sizeof(makers[0]); i++) {
            if (strncmp(maker->schema->format, makers[i].prefix, strlen(makers[i].prefix)) == 0) {
                maker->make = makers[i].make;
            }
        }
        if (maker->make == NULL) {
            PyErr_Format(PyExc_NotImplementedError, "column '%s': Arrow format '%s'",
                         maker->schema->name, maker->schema->format);
            return NULL;
        }
    }
    return maker->make(maker, row);
}

/* Replaces what the slots hold (None or nothing yet); on failure those done so far stay and belong
 * to the array. */
static int fill_chunk(struct maker *maker, int64_t length, PyObject **out) {
    for (int64_t row = 0; row < length; row++) {
        PyObject *object = object_at(maker, row);
        if (object == NULL) {
            return -1;
        }
        Py_XDECREF(out[row]);
        out[row] = object;
    }
    return 0;
}

PyObject *frame_out_fill_objects(PyObject *self, PyObject *args) {
    struct batches_object *batches = (struct batches_object *)self;
    unsigned long long address;
    struct maker maker = {0};
    PyObject **out;
    Py_ssize_t column;
    int code = 0;

    if (!PyArg_ParseTuple(args, "nK", &column, &address) || core_import_types() < 0) {
        return NULL;
    }
    if (column < 0 || column >= batches->schema.n_children) {
        PyErr_Format(PyExc_IndexError, "column %zd of %lld", column,
                     (long long)batches->schema.n_children);
        return NULL;
    }
    out = (PyObject **)(uintptr_t)address;
    maker.schema = batches->schema.children[column];
    maker.shared = PyMem_Calloc(SHARED_SLOTS, sizeof(*maker.shared));
    maker.decimal_type = core.decimal_type;
    if (maker.shared == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t b = 0; code == 0 && b < batches->batch_count; b++) {
        const struct ArrowArray *parent = &batches->batches[b];
        maker.array = parent->children[column];
        maker.base = maker.array->offset + parent->offset;
        code = fill_chunk(&maker, parent->length, out);
        out += parent->length;
    }
    PyMem_Free(maker.shared);
    if (code < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}
