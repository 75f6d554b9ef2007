#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds_of_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds_of_processor(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* A line of /proc/self/status such as "VmHWM:  1234 kB"; 0 where there is none. */
static long process_status_kb(const char *name) {
    long result = 0;
    char line[256];
    size_t name_size = strlen(name);
    FILE *status = fopen("/proc/self/status", "re");
    while (status != NULL && result == 0 && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, name, name_size) == 0) {
            result = strtol(line + name_size, NULL, 10);
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return result;
}

/* Where the kernel refuses, the peak stays that of the whole process. */
static void reset_memory_peak(void) {
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
}

static ktk_status run_once(double *wall_s, double *cpu_s, const struct bench_task *task,
                           ktk_error *err) {
    ktk_status status = KTK_OK;
    double cpu_start = seconds_of_processor();
    double start = seconds_of_clock();
    for (int32_t i = 0; i < task->repeat && status == KTK_OK; i++) {
        status = task->run(task->state, err);
    }
    *wall_s = (seconds_of_clock() - start) / task->repeat;
    *cpu_s = (seconds_of_processor() - cpu_start) / task->repeat;
    return status;
}

ktk_status bench_measure(struct bench_times *out, const struct bench_task *task,
                         const struct bench_limits *limits, ktk_error *err) {
    double total_s = 0;

    memset(out, 0, sizeof(*out));
    task->reset(task->state);
    reset_memory_peak();
    out->rss_before_kb = process_status_kb("VmRSS:");
    ktk_status status = run_once(&out->first_s, &out->first_cpu_s, task, err);
    out->rss_peak_kb = process_status_kb("VmHWM:");
    while (status == KTK_OK && out->count < limits->repetitions_max &&
           (out->count == 0 || total_s < limits->time_min_s)) {
        task->reset(task->state);
        status = run_once(&out->seconds[out->count], &out->cpu_seconds[out->count], task, err);
        total_s += out->seconds[out->count] * task->repeat;
        out->count++;
    }
    return status;
}
