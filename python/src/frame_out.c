#include "frame_out.h"

#include <math.h>
#include <string.h>

#include "validity.h"

#define NAT INT64_MIN
#define DAY_NS INT64_C(86400000000000)

/* One column of a Batches object, looked at batch by batch. */
struct column {
    struct batches_object *batches;
    int64_t index;
    const struct ArrowSchema *schema;
    void *address; /* of the NumPy array; NULL where none is asked for */
};

/* The part of a column in one batch. */
struct chunk {
    const struct ArrowArray *array;
    int64_t offset; /* of the first row in the buffers */
    int64_t length;
    const uint8_t *validity; /* NULL: no nulls */
    const void *values;
};

static int column_parse(PyObject *self, PyObject *args, bool with_address, struct column *out) {
    unsigned long long address = 0;
    Py_ssize_t index;
    int parsed = with_address ? PyArg_ParseTuple(args, "nK", &index, &address)
                              : PyArg_ParseTuple(args, "n", &index);

    out->batches = (struct batches_object *)self;
    if (!parsed) {
        return -1;
    }
    if (index < 0 || index >= out->batches->schema.n_children) {
        PyErr_Format(PyExc_IndexError, "column %zd of %lld", index,
                     (long long)out->batches->schema.n_children);
        return -1;
    }
    for (Py_ssize_t b = 0; b < out->batches->batch_count; b++) {
        if (out->batches->batches[b].children[index]->release == NULL) {
            PyErr_Format(PyExc_ValueError, "column %zd has been taken", index);
            return -1;
        }
    }
    out->index = index;
    out->schema = out->batches->schema.children[index];
    out->address = (void *)(uintptr_t)address;
    return 0;
}

static struct chunk column_chunk(const struct column *column, Py_ssize_t batch) {
    const struct ArrowArray *parent = &column->batches->batches[batch];
    const struct ArrowArray *array = parent->children[column->index];
    struct chunk chunk = {array, array->offset + parent->offset, parent->length, NULL, NULL};

    if (array->n_buffers > 0 && array->null_count != 0) {
        chunk.validity = array->buffers[0];
    }
    if (array->n_buffers > 1) {
        chunk.values = array->buffers[1];
    }
    return chunk;
}

/* Of `count` rows, at most 64, those that are null. */
static inline uint64_t chunk_nulls(const struct chunk *chunk, int64_t row, int64_t count) {
    return validity_nulls(chunk->validity, row + chunk->offset, count);
}

static bool is_null_type(const struct column *column) {
    return strcmp(column->schema->format, "n") == 0;
}

PyObject *frame_out_null_count(PyObject *self, PyObject *args) {
    struct column column;
    long long count = 0;

    if (column_parse(self, args, false, &column) < 0) {
        return NULL;
    }
    for (Py_ssize_t b = 0; b < column.batches->batch_count; b++) {
        struct chunk chunk = column_chunk(&column, b);
        if (is_null_type(&column)) {
            count += chunk.length;
            continue;
        }
        for (int64_t row = 0; chunk.validity != NULL && row < chunk.length; row += VALIDITY_ROWS) {
            int64_t step = validity_step(row, chunk.length);

            count += __builtin_popcountll(chunk_nulls(&chunk, row, step));
        }
    }
    return PyLong_FromLongLong(count);
}

/* Bytes of a value by format; 0: no fixed width. */
static size_t format_width(const char *format) {
    switch (format[0]) {
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
    case 'e':
        return 2;
    case 'i':
    case 'I':
    case 'f':
        return 4;
    case 'l':
    case 'L':
    case 'g':
        return 8;
    case 't':
        return strncmp(format, "tdD", 3) == 0 || strncmp(format, "tts", 3) == 0 ||
                       strncmp(format, "ttm", 3) == 0
                   ? 4
                   : 8;
    default:
        return 0;
    }
}

/* What stands for null in NumPy: NaN for floats, NaT for times, 0 for the rest. */
static void null_pattern(const char *format, uint8_t pattern[8]) {
    const int64_t nat = NAT;
    const double nan64 = NAN;
    const float nan32 = NAN;
    const uint16_t nan16 = 0x7E00;

    memset(pattern, 0, 8);
    if (format[0] == 'g') {
        memcpy(pattern, &nan64, 8);
    } else if (format[0] == 'f') {
        memcpy(pattern, &nan32, 4);
    } else if (format[0] == 'e') {
        memcpy(pattern, &nan16, 2);
    } else if (format[0] == 't') {
        memcpy(pattern, &nat, 8);
    }
}

static void fill_bool(const struct chunk *chunk, uint8_t *out) {
    const uint8_t *bits = chunk->values;

    for (int64_t row = 0; row < chunk->length; row += VALIDITY_ROWS) {
        int64_t step = validity_step(row, chunk->length);
        uint64_t word = validity_bits(bits, row + chunk->offset, step);

        validity_spread(word & ~chunk_nulls(chunk, row, step), step, out + row);
    }
}

/* `pattern` in the rows from `row` on whose bits are set. */
static inline void put_word(uint64_t nulls, int64_t row, size_t width, const uint8_t pattern[8],
                            uint8_t *out) {
    for (; nulls != 0; nulls &= nulls - 1) {
        size_t at = (size_t)(row + __builtin_ctzll(nulls));

        /* The compiler knows the widths that there are. */
        switch (width) {
        case 8:
            memcpy(out + at * 8, pattern, 8);
            break;
        case 4:
            memcpy(out + at * 4, pattern, 4);
            break;
        case 2:
            memcpy(out + at * 2, pattern, 2);
            break;
        default:
            out[at] = pattern[0];
            break;
        }
    }
}

static void put_nulls(const struct chunk *chunk, size_t width, const uint8_t pattern[8],
                      uint8_t *out) {
    for (int64_t row = 0; chunk->validity != NULL && row < chunk->length; row += VALIDITY_ROWS) {
        int64_t step = validity_step(row, chunk->length);

        put_word(chunk_nulls(chunk, row, step), row, width, pattern, out);
    }
}

static void fill_fixed(const struct chunk *chunk, size_t width, const uint8_t pattern[8],
                       uint8_t *out) {
    if (chunk->length > 0) {
        memcpy(out, (const uint8_t *)chunk->values + (size_t)chunk->offset * width,
               (size_t)chunk->length * width);
    }
    put_nulls(chunk, width, pattern, out);
}

static PyObject *wrong_format(const struct column *column, const char *what) {
    PyErr_Format(PyExc_TypeError, "column '%s' of Arrow format '%s' has no %s",
                 column->schema->name, column->schema->format, what);
    return NULL;
}

PyObject *frame_out_fill_values(PyObject *self, PyObject *args) {
    struct column column;
    uint8_t pattern[8];
    size_t width;
    bool is_bool;
    uint8_t *out;

    if (column_parse(self, args, true, &column) < 0) {
        return NULL;
    }
    is_bool = strcmp(column.schema->format, "b") == 0;
    width = is_bool ? 1 : format_width(column.schema->format);
    if (width == 0) {
        return wrong_format(&column, "fixed width");
    }
    null_pattern(column.schema->format, pattern);
    out = column.address;
    Py_BEGIN_ALLOW_THREADS for (Py_ssize_t b = 0; b < column.batches->batch_count; b++) {
        struct chunk chunk = column_chunk(&column, b);
        if (is_bool) {
            fill_bool(&chunk, out);
        } else {
            fill_fixed(&chunk, width, pattern, out);
        }
        out += (size_t)chunk.length * width;
    }
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

/* ---- integers as doubles ---- */

#define DEFINE_TO_DOUBLE(name, type)                                                               \
    static void name(const struct chunk *chunk, double *out) {                                     \
        const type *values = (const type *)chunk->values + chunk->offset;                          \
        for (int64_t row = 0; row < chunk->length; row++) {                                        \
            out[row] = (double)values[row];                                                        \
        }                                                                                          \
    }
DEFINE_TO_DOUBLE(double_of_int8, int8_t)
DEFINE_TO_DOUBLE(double_of_uint8, uint8_t)
DEFINE_TO_DOUBLE(double_of_int16, int16_t)
DEFINE_TO_DOUBLE(double_of_uint16, uint16_t)
DEFINE_TO_DOUBLE(double_of_int32, int32_t)
DEFINE_TO_DOUBLE(double_of_uint32, uint32_t)
DEFINE_TO_DOUBLE(double_of_int64, int64_t)
DEFINE_TO_DOUBLE(double_of_uint64, uint64_t)

static const struct {
    char format;
    void (*fill)(const struct chunk *chunk, double *out);
} to_double[] = {
    {'c', double_of_int8},   {'C', double_of_uint8},  {'s', double_of_int16},
    {'S', double_of_uint16}, {'i', double_of_int32},  {'I', double_of_uint32},
    {'l', double_of_int64},  {'L', double_of_uint64},
};

PyObject *frame_out_fill_float64(PyObject *self, PyObject *args) {
    void (*fill)(const struct chunk *, double *) = NULL;
    struct column column;
    uint8_t pattern[8];
    double *out;

    if (column_parse(self, args, true, &column) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(to_double) / sizeof(to_double[0]); i++) {
        if (column.schema->format[0] == to_double[i].format && column.schema->format[1] == '\0') {
            fill = to_double[i].fill;
        }
    }
    if (fill == NULL) {
        return wrong_format(&column, "integers");
    }
    null_pattern("g", pattern);
    out = column.address;
    Py_BEGIN_ALLOW_THREADS for (Py_ssize_t b = 0; b < column.batches->batch_count; b++) {
        struct chunk chunk = column_chunk(&column, b);
        fill(&chunk, out);
        put_nulls(&chunk, sizeof(*out), pattern, (uint8_t *)out);
        out += chunk.length;
    }
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

/* ---- times as nanoseconds ---- */

/* Nanoseconds of one unit of a date, timestamp or duration format; 0 for any other. */
static int64_t format_unit_ns(const char *format) {
    if (strcmp(format, "tdD") == 0) {
        return DAY_NS;
    }
    if (strcmp(format, "tdm") == 0) {
        return 1000000;
    }
    if (format[0] != 't' || (format[1] != 's' && format[1] != 'D')) {
        return 0;
    }
    switch (format[2]) {
    case 's':
        return 1000000000;
    case 'm':
        return 1000000;
    case 'u':
        return 1000;
    case 'n':
        return 1;
    default:
        return 0;
    }
}

/* Up to 64 values; `nulls` are not looked at. The first one that does not fit, or `count`. Without
 * a branch in the loops that all values go through. */
static int64_t fill_ns_word(const int64_t *values, uint64_t nulls, int64_t count, int64_t unit_ns,
                            int64_t *out) {
    int64_t max = INT64_MAX / unit_ns;
    bool is_beyond = false;

    for (int64_t i = 0; i < count; i++) {
        is_beyond |= (values[i] > max) | (values[i] < -max);
    }
    for (int64_t i = 0; is_beyond && i < count; i++) {
        if ((nulls >> i & 1) == 0 && __builtin_mul_overflow(values[i], unit_ns, &(int64_t){0})) {
            return i;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        out[i] = (int64_t)((uint64_t)values[i] * (uint64_t)unit_ns);
    }
    return count;
}

/* False if a value does not fit; `*bad` then holds it, `*bad_row` its row in the chunk. */
static bool fill_ns(const struct chunk *chunk, bool is_32_bit, int64_t unit_ns, int64_t *out,
                    int64_t *bad, int64_t *bad_row) {
    const int64_t nat = NAT;
    uint8_t pattern[8];

    memcpy(pattern, &nat, 8);
    for (int64_t row = 0; row < chunk->length; row += VALIDITY_ROWS) {
        int64_t step = validity_step(row, chunk->length);
        uint64_t nulls = chunk_nulls(chunk, row, step);
        const int64_t *values;
        int64_t wide[VALIDITY_ROWS];
        int64_t done;

        for (int64_t i = 0; is_32_bit && i < step; i++) {
            wide[i] = ((const int32_t *)chunk->values)[chunk->offset + row + i];
        }
        values = is_32_bit ? wide : (const int64_t *)chunk->values + chunk->offset + row;
        done = fill_ns_word(values, nulls, step, unit_ns, out + row);
        if (done < step) {
            *bad = values[done];
            *bad_row = row + done;
            return false;
        }
        put_word(nulls, row, 8, pattern, (uint8_t *)out);
    }
    return true;
}

/* Returns 0, or -1 with an exception. `out` may be where the values are, if they have 64 bits. */
static int column_to_ns(const struct column *column, int64_t *out) {
    int64_t unit_ns = format_unit_ns(column->schema->format);
    bool is_32_bit = format_width(column->schema->format) == 4;
    int64_t *const first = out;
    int64_t bad = 0;
    int64_t bad_row = 0;
    bool fits = true;

    if (unit_ns == 0) {
        wrong_format(column, "dates or times");
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS for (Py_ssize_t b = 0; fits && b < column->batches->batch_count; b++) {
        struct chunk chunk = column_chunk(column, b);
        fits = fill_ns(&chunk, is_32_bit, unit_ns, out, &bad, &bad_row);
        bad_row += out - first;
        out += chunk.length;
    }
    Py_END_ALLOW_THREADS if (!fits) {
        PyErr_Format(PyExc_OverflowError,
                     "column '%s', row %lld: %lld (Arrow format '%s') is outside the years 1677 to "
                     "2262 that fit in nanoseconds",
                     column->schema->name, (long long)bad_row, (long long)bad,
                     column->schema->format);
        return -1;
    }
    return 0;
}

PyObject *frame_out_fill_datetime_ns(PyObject *self, PyObject *args) {
    struct column column;

    if (column_parse(self, args, true, &column) < 0 || column_to_ns(&column, column.address) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- columns whose memory becomes NumPy's as it is ---- */

#define TAKEN_NAME "kartothek.column"

static void taken_free(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, TAKEN_NAME);

    if (array->release != NULL) {
        array->release(array);
    }
    PyMem_Free(array);
}

/* Whether NumPy can have the values where they are: one batch of values of fixed width, whose nulls
 * NumPy knows. */
static bool can_take(const struct column *column, const struct chunk *chunk, size_t width) {
    uintptr_t address = (uintptr_t)chunk->values;

    return width > 0 && chunk->length > 0 && chunk->values != NULL && address % width == 0 &&
           (chunk->validity == NULL || strchr("efg", column->schema->format[0]) != NULL ||
            format_unit_ns(column->schema->format) != 0) &&
           (format_unit_ns(column->schema->format) == 0 || width == 8);
}

PyObject *frame_out_take(PyObject *self, PyObject *args) {
    struct ArrowArray *taken;
    struct column column;
    struct chunk chunk;
    PyObject *capsule;
    uint8_t pattern[8];
    uint8_t *values;
    size_t width;

    if (column_parse(self, args, false, &column) < 0) {
        return NULL;
    }
    if (column.batches->batch_count != 1 || column.batches->owner != NULL) {
        Py_RETURN_NONE;
    }
    width = format_width(column.schema->format);
    chunk = column_chunk(&column, 0);
    if (!can_take(&column, &chunk, width)) {
        Py_RETURN_NONE;
    }
    values = (uint8_t *)(uintptr_t)chunk.values + (size_t)chunk.offset * width;
    if (format_unit_ns(column.schema->format) != 0) {
        if (column_to_ns(&column, (int64_t *)(void *)values) < 0) {
            return NULL;
        }
    } else {
        null_pattern(column.schema->format, pattern);
        Py_BEGIN_ALLOW_THREADS put_nulls(&chunk, width, pattern, values);
        Py_END_ALLOW_THREADS
    }
    taken = PyMem_Calloc(1, sizeof(*taken));
    capsule = taken == NULL ? PyErr_NoMemory() : PyCapsule_New(taken, TAKEN_NAME, taken_free);
    if (capsule == NULL) {
        PyMem_Free(taken);
        return NULL;
    }
    *taken = *chunk.array;
    column.batches->batches[0].children[column.index]->release = NULL;
    return Py_BuildValue("(KN)", (unsigned long long)(uintptr_t)values, capsule);
}

PyObject *frame_out_fill_mask(PyObject *self, PyObject *args) {
    struct column column;
    uint8_t *out;

    if (column_parse(self, args, true, &column) < 0) {
        return NULL;
    }
    out = column.address;
    Py_BEGIN_ALLOW_THREADS for (Py_ssize_t b = 0; b < column.batches->batch_count; b++) {
        struct chunk chunk = column_chunk(&column, b);
        for (int64_t row = 0; row < chunk.length; row += VALIDITY_ROWS) {
            int64_t step = validity_step(row, chunk.length);
            uint64_t nulls = is_null_type(&column) ? UINT64_MAX : chunk_nulls(&chunk, row, step);

            validity_spread(nulls, step, out + row);
        }
        out += chunk.length;
    }
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}
