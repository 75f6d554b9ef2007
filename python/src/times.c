#include "times.h"

#include <string.h>

/* The start of CPython's documented table of its datetime module, which the limited API leaves out;
 * it has been the same since 3.7. */
struct datetime_api {
    PyTypeObject *date_type;
    PyTypeObject *datetime_type;
    PyTypeObject *time_type;
    PyTypeObject *delta_type;
    PyTypeObject *zone_type;
    PyObject *utc;
    PyObject *(*date_new)(int year, int month, int day, PyTypeObject *type);
    PyObject *(*datetime_new)(int year, int month, int day, int hour, int minute, int second,
                              int microsecond, PyObject *zone, PyTypeObject *type);
    PyObject *(*time_new)(int hour, int minute, int second, int microsecond, PyObject *zone,
                          PyTypeObject *type);
};

/* The objects as every CPython so far lays them out. That it is so here, too, is found out at
 * import; else attributes are read, some twenty times slower. */
struct date_layout {
    PyObject_HEAD Py_hash_t hash;
    char has_zone;
    unsigned char data[4]; /* year in two bytes, big end first, month, day */
};

struct time_layout {
    PyObject_HEAD Py_hash_t hash;
    char has_zone;
    unsigned char data[6]; /* hour, minute, second, microsecond in three bytes, big end first */
};

struct delta_layout {
    PyObject_HEAD Py_hash_t hash;
    int days;
    int seconds;
    int microseconds;
};

static int attributes(PyObject *object, const char *const *names, size_t count, long *out) {
    for (size_t i = 0; i < count; i++) {
        PyObject *value = PyObject_GetAttrString(object, names[i]);

        out[i] = value == NULL ? -1 : PyLong_AsLong(value);
        Py_XDECREF(value);
        if (out[i] == -1 && PyErr_Occurred()) {
            return -1;
        }
    }
    return 0;
}

static int date_attributes(PyObject *date, long out[3]) {
    static const char *const names[] = {"year", "month", "day"};
    return attributes(date, names, 3, out);
}

static int time_attributes(PyObject *time, long out[4]) {
    static const char *const names[] = {"hour", "minute", "second", "microsecond"};
    return attributes(time, names, 4, out);
}

static int delta_attributes(PyObject *delta, long out[3]) {
    static const char *const names[] = {"days", "seconds", "microseconds"};
    return attributes(delta, names, 3, out);
}

static void date_fields(PyObject *date, long out[3]) {
    const unsigned char *data = ((const struct date_layout *)date)->data;
    out[0] = data[0] << 8 | data[1];
    out[1] = data[2];
    out[2] = data[3];
}

static void time_fields(PyObject *time, long out[4]) {
    const unsigned char *data = ((const struct time_layout *)time)->data;
    out[0] = data[0];
    out[1] = data[1];
    out[2] = data[2];
    out[3] = data[3] << 16 | data[4] << 8 | data[5];
}

static void delta_fields(PyObject *delta, long out[3]) {
    const struct delta_layout *layout = (const struct delta_layout *)delta;
    out[0] = layout->days;
    out[1] = layout->seconds;
    out[2] = layout->microseconds;
}

/* Whether an object of the type is large enough for the layout. -1 with an exception. */
static int has_size(PyObject *object, size_t size) {
    long basic = 0;
    static const char *const name[] = {"__basicsize__"};

    if (attributes((PyObject *)Py_TYPE(object), name, 1, &basic) < 0) {
        return -1;
    }
    return basic >= (long)size;
}

/* One object of each type, read in both ways. 1: as we lay them out; -1 with an exception. */
static int probe_layout(PyObject *date, PyObject *time, PyObject *delta) {
    long expected[3][4] = {{0}};
    long found[3][4] = {{0}};
    int fits[3];

    if (date == NULL || time == NULL || delta == NULL || date_attributes(date, expected[0]) < 0 ||
        time_attributes(time, expected[1]) < 0 || delta_attributes(delta, expected[2]) < 0) {
        return -1;
    }
    fits[0] = has_size(date, sizeof(struct date_layout));
    fits[1] = has_size(time, sizeof(struct time_layout));
    fits[2] = has_size(delta, sizeof(struct delta_layout));
    if (fits[0] <= 0 || fits[1] <= 0 || fits[2] <= 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    date_fields(date, found[0]);
    time_fields(time, found[1]);
    delta_fields(delta, found[2]);
    return memcmp(expected, found, sizeof(found)) == 0 &&
           ((const struct time_layout *)time)->has_zone == 0;
}

int times_setup(void) {
    PyObject *date;
    PyObject *time;
    PyObject *delta;
    int known;

    core.datetime_api = PyCapsule_Import("datetime.datetime_CAPI", 0);
    if (core.datetime_api == NULL) {
        return -1;
    }
    date = PyObject_CallFunction((PyObject *)core.datetime_api->date_type, "iii", 1987, 12, 31);
    time =
        PyObject_CallFunction((PyObject *)core.datetime_api->time_type, "iiii", 23, 58, 57, 987654);
    delta = PyObject_CallFunction((PyObject *)core.datetime_api->delta_type, "iii", -77777, 66666,
                                  555555);
    known = probe_layout(date, time, delta);
    Py_XDECREF(date);
    Py_XDECREF(time);
    Py_XDECREF(delta);
    core.times_are_laid_out = known == 1;
    return known < 0 ? -1 : 0;
}

bool times_is_delta(PyObject *object) {
    return Py_TYPE(object) == core.datetime_api->delta_type;
}

/* ---- the calendar: years start in March, so that the day of leap years is their last ---- */

static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

int times_date_days(PyObject *date, int32_t *days) {
    long parts[3];

    if (core.times_are_laid_out) {
        date_fields(date, parts);
    } else if (date_attributes(date, parts) < 0) {
        return -1;
    }
    *days = (int32_t)days_of(parts[0], parts[1], parts[2]);
    return 0;
}

int times_time_micros(PyObject *time, int64_t *micros) {
    PyObject *zone;
    long parts[4];

    if (core.times_are_laid_out && ((const struct time_layout *)time)->has_zone == 0) {
        time_fields(time, parts);
    } else {
        zone = PyObject_GetAttrString(time, "tzinfo");
        Py_XDECREF(zone); /* the object holds it, too */
        if (zone == NULL || time_attributes(time, parts) < 0) {
            return -1;
        }
        if (zone != Py_None) {
            PyErr_SetString(PyExc_TypeError,
                            "times of day with a time zone cannot be stored in Parquet");
            return -1;
        }
    }
    *micros = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * INT64_C(1000000) + parts[3];
    return 0;
}

int times_delta_micros(PyObject *delta, int64_t *micros) {
    long parts[3];
    int64_t rest;

    if (core.times_are_laid_out) {
        delta_fields(delta, parts);
    } else if (delta_attributes(delta, parts) < 0) {
        return -1;
    }
    rest = parts[1] * INT64_C(1000000) + parts[2];
    if (__builtin_mul_overflow((int64_t)parts[0], INT64_C(86400000000), micros) ||
        __builtin_add_overflow(*micros, rest, micros)) {
        PyErr_SetString(PyExc_OverflowError, "a duration beyond 292,271 years");
        return -1;
    }
    return 0;
}

PyObject *times_date_new(int64_t days) {
    int64_t from_march;
    int64_t year;
    int64_t month;
    int64_t day;

    if (days < days_of(1, 1, 1) || days > days_of(9999, 12, 31)) {
        PyErr_SetString(PyExc_ValueError, "outside the years 1 to 9999 of Python's dates");
        return NULL;
    }
    days += 719468; /* since the 1st of March of year 0 */
    year = (days * 400 + 591) / 146097;
    from_march = days - (365 * year + year / 4 - year / 100 + year / 400);
    if (from_march < 0) {
        year--;
        from_march = days - (365 * year + year / 4 - year / 100 + year / 400);
    }
    month = (5 * from_march + 2) / 153;
    day = from_march - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year += month <= 2;
    return core.datetime_api->date_new((int)year, (int)month, (int)day,
                                       core.datetime_api->date_type);
}

PyObject *times_time_new(int64_t micros) {
    int64_t seconds = micros / 1000000;

    if (micros < 0 || micros >= INT64_C(86400000000)) {
        PyErr_SetString(PyExc_ValueError, "outside of a day");
        return NULL;
    }
    return core.datetime_api->time_new((int)(seconds / 3600), (int)(seconds / 60 % 60),
                                       (int)(seconds % 60), (int)(micros % 1000000), Py_None,
                                       core.datetime_api->time_type);
}
