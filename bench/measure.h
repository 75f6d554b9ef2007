/*
 * Timing of one task: a first call, then repetitions, with wall time, processor time and the peak
 * of memory.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>

#include <kartothek/error.h>

enum { MEASURE_REPETITIONS_MAX = 1000 };

struct bench_task {
    ktk_status (*run)(void *state, ktk_error *err); /* timed */
    void (*reset)(void *state); /* untimed, before each call: drop the result of the one before */
    void *state;
    int32_t repeat; /* calls of `run` in one repetition; times are of one call */
};

struct bench_limits {
    double time_min_s;      /* timed work after which the repetitions end */
    size_t repetitions_max; /* in [1, MEASURE_REPETITIONS_MAX] */
};

struct bench_times {
    double first_s;
    double first_cpu_s;
    double seconds[MEASURE_REPETITIONS_MAX];
    double cpu_seconds[MEASURE_REPETITIONS_MAX]; /* user and system, of all threads */
    size_t count;                                /* >= 1 */
    long rss_before_kb;                          /* resident memory before the first call */
    long rss_peak_kb; /* its highest since, up to the end of the first call; 0: unknown */
};

/* Run the task. The result of its last call is kept in its state. A failure ends the measurement.
 */
ktk_status bench_measure(struct bench_times *out, const struct bench_task *task,
                         const struct bench_limits *limits, ktk_error *err);

#endif
