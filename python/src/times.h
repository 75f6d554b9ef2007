/** Python's dates, times of day and durations, read and made at the cost of some nanoseconds. */
#ifndef KARTOTHEK_PYTHON_TIMES_H
#define KARTOTHEK_PYTHON_TIMES_H

#include "core.h"

/** Called by core_import_types(), before the rest. Returns 0, or -1 with an exception. */
int times_setup(void);

/** Whether it is exactly a `datetime.timedelta`; a pandas.Timedelta is not, it has nanoseconds. */
bool times_is_delta(PyObject *object);

/** Days since 1970-01-01 of a date; a time of day and a duration in microseconds. These return 0,
 * or -1 with an exception: OverflowError for a duration beyond int64, TypeError for a time of day
 * with a zone. */
int times_date_days(PyObject *date, int32_t *days);
int times_time_micros(PyObject *time, int64_t *micros);
int times_delta_micros(PyObject *delta, int64_t *micros);

/** New references. NULL with ValueError for what is outside the years 1 to 9999 or a day. */
PyObject *times_date_new(int64_t days);
PyObject *times_time_new(int64_t micros);

#endif
