/** How long something is tried again, and what is waited in between. */
#ifndef KTKI_BASE_RETRY_H
#define KTKI_BASE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/** Where time comes from. Tests bring their own; NULL stands for the system's. */
struct time_source {
    int64_t (*now_ms)(void *state);
    void (*sleep_ms)(void *state, int64_t milliseconds);
    uint64_t (*random)(void *state);
    void *state;
};

struct retry_limits {
    int32_t attempts_max;  /**< the first one included */
    int64_t time_max_ms;   /**< from the first one on */
    int64_t wait_first_ms; /**< bound of the first wait, doubled with every attempt */
    int64_t wait_max_ms;
};

struct retry {
    const struct time_source *clock;
    struct retry_limits limits;
    int64_t deadline_ms;
    int32_t attempts; /* so far */
};

/** The first attempt is about to be made; whoever makes one counts it in `attempts`. */
void ktki_retry_init(struct retry *retry, const struct time_source *clock,
                     const struct retry_limits *limits);

/** Wait a random time up to the bound that is due (full jitter), and no less than `at_least_ms`,
 * which the other side asked for. False, without a wait: the limits are reached. */
bool ktki_retry_wait(struct retry *retry, int64_t at_least_ms);

/** Milliseconds since 1970-01-01 UTC, by the clock. */
int64_t ktki_clock_now_ms(const struct time_source *clock);
void ktki_clock_sleep_ms(const struct time_source *clock, int64_t milliseconds);
uint64_t ktki_clock_random(const struct time_source *clock);

#endif
