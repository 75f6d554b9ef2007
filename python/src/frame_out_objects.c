/* Arrow values as Python objects, for columns that NumPy holds as such. */
#include "frame_out.h"

#include <string.h>

#include "times.h"
#include "validity.h"

/* Equal texts, dates, times and decimals share one Python object, as pyarrow has it too: columns of
 * few distinct values then cost little time and memory. Objects are borrowed from the array that is
 * being filled. */
#define VALUE_SLOTS 8192
#define NUMBER_BITS 15
#define SLOT_MASK (((size_t)1 << NUMBER_BITS) - 1)

#define DECIMAL_BYTES_MAX 32
#define DECIMAL_SCALE_MAX 100

/* A text or decimal, by its bytes in the Arrow buffer. */
struct value_slot {
    PyObject *object;
    const char *data;
    size_t size;
};

/* A date or time of day. */
struct number_slot {
    PyObject *object;
    int64_t number;
};

/* How values of one column become objects. */
struct maker {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    int64_t base; /* offset of row 0 in the buffers */
    size_t width; /* of a value of fixed width */
    int scale;    /* of a decimal */
    struct value_slot *values;
    struct number_slot *numbers;
    uint32_t looked_up; /* of the last 65536 values */
    uint32_t found;
    PyObject *(*make)(struct maker *maker, int64_t index);
};

static void bytes_at(struct maker *maker, int64_t index, const char **data, size_t *size) {
    char kind = maker->schema->format[0];

    if (kind == 'w' || kind == 'd') {
        *data = (const char *)maker->array->buffers[1] + (size_t)index * maker->width;
        *size = maker->width;
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

static size_t slot_of(const void *bytes, size_t size) {
    const uint8_t *data = bytes;
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
    return (size_t)(hash >> 40) % VALUE_SLOTS;
}

/* Where values hardly ever come again, nothing is gained by looking for them. */
static bool sharing_pays(struct maker *maker) {
    if (maker->looked_up++ == UINT16_MAX) {
        maker->looked_up = 0;
        maker->found = 0;
    }
    return maker->looked_up < 4096 || maker->found > maker->looked_up / 16;
}

/* What the bytes at the index have been made into before, or what `make` makes of them now. */
static PyObject *shared_value(struct maker *maker, int64_t index,
                              PyObject *(*make)(const struct maker *maker, const char *data,
                                                size_t size)) {
    struct value_slot *slot;
    const char *data;
    size_t size;
    PyObject *object;

    bytes_at(maker, index, &data, &size);
    if (!sharing_pays(maker)) {
        return make(maker, data, size);
    }
    slot = &maker->values[slot_of(data, size)];
    if (slot->object != NULL && slot->size == size && memcmp(slot->data, data, size) == 0) {
        maker->found++;
        Py_INCREF(slot->object);
        return slot->object;
    }
    object = make(maker, data, size);
    if (object != NULL) {
        *slot = (struct value_slot){object, data, size};
    }
    return object;
}

static PyObject *text_of(const struct maker *maker, const char *data, size_t size) {
    (void)maker;
    return PyUnicode_DecodeUTF8(data, (Py_ssize_t)size, NULL);
}

static PyObject *make_text(struct maker *maker, int64_t index) {
    return shared_value(maker, index, text_of);
}

static PyObject *make_bytes(struct maker *maker, int64_t index) {
    const char *data;
    size_t size;

    bytes_at(maker, index, &data, &size);
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
}

static PyObject *make_bool(struct maker *maker, int64_t index) {
    const uint8_t *bits = maker->array->buffers[1];
    PyObject *object = (bits[index >> 3] >> (index & 7) & 1) != 0 ? Py_True : Py_False;

    Py_INCREF(object);
    return object;
}

static PyObject *make_integer(struct maker *maker, int64_t index) {
    const void *values = maker->array->buffers[1];

    switch (maker->schema->format[0]) {
    case 'c':
        return PyLong_FromLong(((const int8_t *)values)[index]);
    case 'C':
        return PyLong_FromLong(((const uint8_t *)values)[index]);
    case 's':
        return PyLong_FromLong(((const int16_t *)values)[index]);
    case 'S':
        return PyLong_FromLong(((const uint16_t *)values)[index]);
    case 'i':
        return PyLong_FromLong(((const int32_t *)values)[index]);
    case 'I':
        return PyLong_FromUnsignedLong(((const uint32_t *)values)[index]);
    case 'L':
        return PyLong_FromUnsignedLongLong(((const uint64_t *)values)[index]);
    default:
        return PyLong_FromLongLong(((const int64_t *)values)[index]);
    }
}

static PyObject *make_float(struct maker *maker, int64_t index) {
    const void *values = maker->array->buffers[1];
    return PyFloat_FromDouble(maker->schema->format[0] == 'f'
                                  ? (double)((const float *)values)[index]
                                  : ((const double *)values)[index]);
}

static PyObject *shared_number(struct maker *maker, int64_t number, size_t slot_index,
                               PyObject *(*make)(int64_t number)) {
    struct number_slot *slot = &maker->numbers[slot_index & SLOT_MASK];
    PyObject *object = slot->object;

    if (object != NULL && slot->number == number) {
        maker->found++;
        Py_INCREF(object);
        return object;
    }
    object = make(number);
    if (object != NULL) {
        *slot = (struct number_slot){object, number};
    }
    return object;
}

/* Days follow one another, so that each has its own slot for 89 years. */
static PyObject *make_date(struct maker *maker, int64_t index) {
    int64_t days;

    if (maker->schema->format[2] == 'D') {
        days = ((const int32_t *)maker->array->buffers[1])[index];
    } else {
        int64_t millis = ((const int64_t *)maker->array->buffers[1])[index];
        days = millis / 86400000 - (millis % 86400000 < 0);
    }
    return shared_number(maker, days, (size_t)days, times_date_new);
}

static PyObject *make_time(struct maker *maker, int64_t index) {
    const void *values = maker->array->buffers[1];
    int64_t micros;

    switch (maker->schema->format[2]) {
    case 's':
        micros = ((const int32_t *)values)[index] * INT64_C(1000000);
        break;
    case 'm':
        micros = ((const int32_t *)values)[index] * INT64_C(1000);
        break;
    case 'u':
        micros = ((const int64_t *)values)[index];
        break;
    default:
        micros = ((const int64_t *)values)[index] / 1000;
        break;
    }
    if (!sharing_pays(maker)) {
        return times_time_new(micros);
    }
    return shared_number(maker, micros,
                         (size_t)((uint64_t)micros * 0x9E3779B97F4A7C15u >> (64 - NUMBER_BITS)),
                         times_time_new);
}

/* ---- decimals ---- */

/* The decimal digits of a little-endian magnitude, before `end`, at least `digits_min`; returns
 * where they start. */
static char *put_digits(uint32_t *limbs, size_t count, int digits_min, char *end) {
    char *const last = end - digits_min;

    while (count > 0) {
        uint64_t rest = 0;

        for (size_t i = count; i-- > 0;) {
            uint64_t part = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(part / 1000000000);
            rest = part % 1000000000;
        }
        while (count > 0 && limbs[count - 1] == 0) {
            count--;
        }
        for (int digit = 0; digit < 9 && (count > 0 || rest > 0); digit++) {
            *--end = (char)('0' + rest % 10);
            rest /= 10;
        }
    }
    while (end > last) {
        *--end = '0';
    }
    return end;
}

/* Python keeps the exponent, and with it the zeros at the end. */
static PyObject *decimal_of(const struct maker *maker, const char *data, size_t size) {
    char text[256];
    char *end = text + sizeof(text) - 16;
    uint32_t limbs[DECIMAL_BYTES_MAX / 4];
    size_t count = size / 4;
    int scale = maker->scale;
    uint32_t carry = 1;
    PyObject *argument;
    PyObject *object;
    bool negative;
    char *start;

    memcpy(limbs, data, size);
    negative = limbs[count - 1] >> 31 != 0;
    for (size_t i = 0; negative && i < count; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry != 0 && limbs[i] == 0;
    }
    start = put_digits(limbs, count, scale > 0 ? scale + 1 : 1, end);
    if (scale > 0) {
        start--;
        memmove(start, start + 1, (size_t)(end - start - 1 - scale));
        end[-scale - 1] = '.';
    }
    if (negative) {
        *--start = '-';
    }
    end += scale < 0 ? PyOS_snprintf(end, 16, "E%d", -scale) : 0;
    argument = PyUnicode_FromStringAndSize(start, (Py_ssize_t)(end - start));
    object =
        argument == NULL ? NULL : PyObject_CallFunctionObjArgs(core.decimal_type, argument, NULL);
    Py_XDECREF(argument);
    return object;
}

static PyObject *make_decimal(struct maker *maker, int64_t index) {
    return shared_value(maker, index, decimal_of);
}

/* ---- a column ---- */

/* By the start of the Arrow format; the first that fits. */
static const struct {
    const char *prefix;
    PyObject *(*make)(struct maker *maker, int64_t index);
} makers[] = {
    {"u", make_text},    {"U", make_text},    {"z", make_bytes},    {"Z", make_bytes},
    {"w:", make_bytes},  {"b", make_bool},    {"c", make_integer},  {"C", make_integer},
    {"s", make_integer}, {"S", make_integer}, {"i", make_integer},  {"I", make_integer},
    {"l", make_integer}, {"L", make_integer}, {"td", make_date},    {"tt", make_time},
    {"f", make_float},   {"g", make_float},   {"d:", make_decimal},
};

/* "w:<bytes>", "d:<precision>,<scale>[,<bits>]" */
static int parse_parameters(struct maker *maker) {
    const char *format = maker->schema->format;
    int precision;
    int bits = 128;
    int bytes;

    if (sscanf(format, "w:%d", &bytes) == 1) {
        maker->width = (size_t)bytes;
    } else if (sscanf(format, "d:%d,%d,%d", &precision, &maker->scale, &bits) >= 2) {
        maker->width = (size_t)bits / 8;
    }
    return format[0] == 'd' && (maker->width == 0 || maker->width > DECIMAL_BYTES_MAX ||
                                maker->scale > DECIMAL_SCALE_MAX)
               ? -1
               : 0;
}

static int choose_maker(struct maker *maker) {
    for (size_t i = 0; maker->make == NULL && i < sizeof(makers) / sizeof(makers[0]); i++) {
        if (strncmp(maker->schema->format, makers[i].prefix, strlen(makers[i].prefix)) == 0) {
            maker->make = makers[i].make;
        }
    }
    if (parse_parameters(maker) < 0 ||
        (maker->make == NULL && strcmp(maker->schema->format, "n") != 0)) {
        PyErr_Format(PyExc_NotImplementedError, "column '%s': no objects of Arrow format '%s'",
                     maker->schema->name, maker->schema->format);
        return -1;
    }
    return 0;
}

/* Says of which column and row a value is that Python has no object for. */
static void add_place(const struct maker *maker, int64_t row) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;

    if (!PyErr_ExceptionMatches(PyExc_ValueError)) {
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_Format(PyExc_ValueError, "column '%s', row %lld: %S", maker->schema->name, (long long)row,
                 value != NULL ? value : Py_None);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

/* The same as fill_chunk() does, in half of its time: dates are the objects that tables have most
 * of besides texts. */
static int64_t fill_days(struct maker *maker, int64_t length, PyObject *null, PyObject **out) {
    const struct ArrowArray *array = maker->array;
    const uint8_t *validity =
        array->n_buffers > 0 && array->null_count != 0 ? array->buffers[0] : NULL;
    const int32_t *days = (const int32_t *)array->buffers[1] + maker->base;

    for (int64_t row = 0; row < length; row++) {
        const int64_t index = row + maker->base;
        const struct number_slot *slot = &maker->numbers[(size_t)days[row] & SLOT_MASK];
        PyObject *object = slot->object;

        if (validity != NULL && (validity[index >> 3] >> (index & 7) & 1) == 0) {
            object = null;
            Py_INCREF(object);
        } else if (object != NULL && slot->number == days[row]) {
            Py_INCREF(object);
        } else {
            object = make_date(maker, index);
        }
        if (object == NULL) {
            return row;
        }
        Py_XDECREF(out[row]);
        out[row] = object;
    }
    return length;
}

/* The same of the two objects of booleans. */
static int64_t fill_bools(const struct maker *maker, int64_t length, PyObject *null,
                          PyObject **out) {
    const struct ArrowArray *array = maker->array;
    const uint8_t *validity =
        array->n_buffers > 0 && array->null_count != 0 ? array->buffers[0] : NULL;

    for (int64_t row = 0; row < length; row += VALIDITY_ROWS) {
        int64_t step = validity_step(row, length);
        uint64_t bits = validity_bits(array->buffers[1], row + maker->base, step);
        uint64_t nulls = validity_nulls(validity, row + maker->base, step);

        for (int64_t i = 0; i < step; i++, bits >>= 1, nulls >>= 1) {
            PyObject *object = (nulls & 1) != 0 ? null : (bits & 1) != 0 ? Py_True : Py_False;

            Py_INCREF(object);
            Py_XDECREF(out[row + i]);
            out[row + i] = object;
        }
    }
    return length;
}

/* Replaces what the slots hold (None or nothing yet); on failure those done so far stay and belong
 * to the array. Returns the first row that has not been done. */
static int64_t fill_chunk(struct maker *maker, int64_t length, PyObject *null, PyObject **out) {
    const struct ArrowArray *array = maker->array;
    const uint8_t *validity =
        array->n_buffers > 0 && array->null_count != 0 ? array->buffers[0] : NULL;

    for (int64_t row = 0; row < length; row++) {
        int64_t index = row + maker->base;
        PyObject *object = null;

        if (maker->make == NULL ||
            (validity != NULL && (validity[index >> 3] >> (index & 7) & 1) == 0)) {
            Py_INCREF(object);
        } else {
            object = maker->make(maker, index);
        }
        if (object == NULL) {
            return row;
        }
        Py_XDECREF(out[row]);
        out[row] = object;
    }
    return length;
}

PyObject *frame_out_fill_objects(PyObject *self, PyObject *args) {
    struct batches_object *batches = (struct batches_object *)self;
    PyObject *null = Py_None;
    unsigned long long address;
    struct maker maker = {0};
    PyObject **out;
    Py_ssize_t column;
    int64_t done = 0;
    bool is_whole = true;

    if (!PyArg_ParseTuple(args, "nK|O", &column, &address, &null) || core_import_types() < 0) {
        return NULL;
    }
    if (column < 0 || column >= batches->schema.n_children) {
        PyErr_Format(PyExc_IndexError, "column %zd of %lld", column,
                     (long long)batches->schema.n_children);
        return NULL;
    }
    out = (PyObject **)(uintptr_t)address;
    maker.schema = batches->schema.children[column];
    if (choose_maker(&maker) < 0) {
        return NULL;
    }
    if (maker.make == make_date || maker.make == make_time) {
        maker.numbers = PyMem_Calloc((size_t)1 << NUMBER_BITS, sizeof(*maker.numbers));
    } else {
        maker.values = PyMem_Calloc(VALUE_SLOTS, sizeof(*maker.values));
    }
    if (maker.numbers == NULL && maker.values == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t b = 0; is_whole && b < batches->batch_count; b++) {
        const struct ArrowArray *parent = &batches->batches[b];
        int64_t rows;

        maker.array = parent->children[column];
        maker.base = maker.array->offset + parent->offset;
        rows = maker.make == make_bool && parent->length > 0
                   ? fill_bools(&maker, parent->length, null, out + done)
               : strcmp(maker.schema->format, "tdD") == 0 && parent->length > 0
                   ? fill_days(&maker, parent->length, null, out + done)
                   : fill_chunk(&maker, parent->length, null, out + done);
        done += rows;
        is_whole = rows == parent->length;
    }
    PyMem_Free(maker.numbers);
    PyMem_Free(maker.values);
    if (!is_whole) {
        add_place(&maker, done);
        return NULL;
    }
    Py_RETURN_NONE;
}
