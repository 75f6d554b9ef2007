/** How long a commit goes on: how often it is tried, and what it waits in between. */
#ifndef KTKI_UPDATE_RETRY_H
#define KTKI_UPDATE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/** Where time comes from. Tests bring their own; NULL stands for the system's. */
struct commit_clock {
    int64_t (*now_ms)(void *state);
    void (*sleep_ms)(void *state, int64_t milliseconds);
    uint64_t (*random)(void *state);
    void *state;
};

struct retry {
    const struct commit_clock *clock;
    int64_t deadline_ms;
    int32_t attempts_max;
    int32_t attempts; /* so far */
};

/** Limits of 0 stand for 32 attempts and 120 seconds. */
void ktki_retry_init(struct retry *retry, const struct commit_clock *clock, int32_t attempts_max,
                     int64_t time_max_ms);

/** Wait a random time of up to 50 ms, doubled with every attempt, at most 5 s (full jitter). False,
 * without a wait: the limits are reached. */
bool ktki_retry_wait(struct retry *retry);

/** Milliseconds since 1970-01-01 UTC, by the clock. */
int64_t ktki_clock_now_ms(const struct commit_clock *clock);
void ktki_clock_sleep_ms(const struct commit_clock *clock, int64_t milliseconds);

#endif
