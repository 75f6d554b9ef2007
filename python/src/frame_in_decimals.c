/* Decimals of Python as Arrow has them: whole numbers of one scale. */
#include "frame_in.h"

#include <stdlib.h>
#include <string.h>

#define LIMBS 8
#define DIGITS_MAX 76

/* A value as its text has it: digits without a point, and the power of ten that they stand at. */
struct decimal {
    uint32_t limbs[LIMBS]; /* little end first */
    int32_t exponent;
    bool negative;
    bool is_null;
};

/* What holds every value seen so far. */
struct shape {
    long scale;
    long whole; /* digits before the point */
};

static void multiply_add(uint32_t limbs[LIMBS], uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;

    for (size_t i = 0; i < LIMBS; i++) {
        carry += (uint64_t)limbs[i] * factor;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* "-12.50", "1E+3", "0E-7": false for anything else ("NaN"), and for more digits than fit. */
static bool parse_digits(const char *text, struct decimal *out, long *digit_count) {
    uint64_t head = 0; /* the first 19 digits fit */
    long digits = 0;
    long points = 0;
    bool after_point = false;

    out->negative = *text == '-';
    text += out->negative;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !after_point); text++) {
        uint32_t digit = (uint32_t)(*text - '0');

        if (*text == '.') {
            after_point = true;
            continue;
        }
        points += after_point;
        if (digits == 0 && digit == 0) {
            continue;
        }
        digits++;
        if (digits <= 19) {
            head = head * 10 + digit;
            out->limbs[0] = (uint32_t)head;
            out->limbs[1] = (uint32_t)(head >> 32);
        } else if (digits <= DIGITS_MAX) {
            multiply_add(out->limbs, 10, digit);
        }
    }
    out->exponent = (int32_t)-points;
    if (*text == 'E') {
        out->exponent += (int32_t)strtol(text + 1, (char **)&text, 10);
    }
    *digit_count = digits == 0 ? 1 : digits;
    return *text == '\0';
}

static int refuse(const char *name, int64_t row, const char *what, PyObject *object) {
    PyErr_Format(PyExc_TypeError, "column '%s', row %lld: %s cannot be stored in Parquet: %S", name,
                 (long long)row, what, object);
    return -1;
}

static int read_decimal(const char *name, int64_t row, PyObject *object, struct decimal *out,
                        struct shape *shape) {
    PyObject *text = PyObject_Str(object);
    const char *data = text == NULL ? NULL : frame_in_text(text, &(Py_ssize_t){0});
    long digits = 0;
    bool is_finite;

    if (data == NULL) {
        Py_XDECREF(text);
        return -1;
    }
    is_finite = parse_digits(data, out, &digits);
    out->is_null = strstr(data, "NaN") != NULL;
    Py_DECREF(text);
    if (out->is_null) {
        return 0;
    }
    if (!is_finite) {
        return refuse(name, row, "a decimal without a finite value", object);
    }
    if (-out->exponent > shape->scale) {
        shape->scale = -out->exponent;
    }
    if (digits + out->exponent > shape->whole) {
        shape->whole = digits + out->exponent;
    }
    if (digits > DIGITS_MAX || shape->whole + shape->scale > DIGITS_MAX) {
        return refuse(name, row, "decimals of more than 76 digits", object);
    }
    return 0;
}

/* The value times ten to the scale, in two's complement. */
static void write_decimal(struct decimal *value, long scale, size_t width, char *out) {
    uint32_t carry = 1;

    for (long power = value->exponent + scale; power > 0; power--) {
        multiply_add(value->limbs, 10, 0);
    }
    for (size_t i = 0; value->negative && i < LIMBS; i++) {
        value->limbs[i] = ~value->limbs[i] + carry;
        carry = carry != 0 && value->limbs[i] == 0;
    }
    memcpy(out, value->limbs, width);
}

static PyObject *decimals_result(struct decimal *values, int64_t length, const struct shape *shape,
                                 uint8_t *mask) {
    long precision = shape->whole + shape->scale < 1 ? 1 : shape->whole + shape->scale;
    size_t width = precision <= 38 ? 16 : 32;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)((size_t)length * width));
    char *out = bytes == NULL ? NULL : PyBytes_AsString(bytes);

    if (out == NULL) {
        return NULL;
    }
    for (int64_t row = 0; row < length; row++) {
        write_decimal(&values[row], shape->scale, width, out + (size_t)row * width);
        mask[row] = values[row].is_null;
    }
    return Py_BuildValue("(llN)", precision, shape->scale, bytes);
}

PyObject *frame_in_decimal_values(PyObject *self, PyObject *args) {
    struct shape shape = {0};
    PyObject *result = NULL;
    PyObject *const *objects;
    unsigned long long address;
    unsigned long long mask;
    struct decimal *values;
    struct nulls nulls;
    const char *name;
    long long length;
    int code = 0;

    (void)self;
    if (!PyArg_ParseTuple(args, "sKLO&K:decimal_values", &name, &address, &length, nulls_parse,
                          &nulls, &mask)) {
        return NULL;
    }
    objects = (PyObject *const *)(uintptr_t)address;
    values = calloc((size_t)length + 1, sizeof(*values));
    if (values == NULL) {
        return PyErr_NoMemory();
    }
    for (int64_t row = 0; code == 0 && row < length; row++) {
        values[row].is_null = frame_in_is_null(objects[row], &nulls);
        if (!values[row].is_null) {
            code = read_decimal(name, row, objects[row], &values[row], &shape);
        }
    }
    if (code == 0) {
        result = decimals_result(values, length, &shape, (uint8_t *)(uintptr_t)mask);
    }
    free(values);
    return result;
}
