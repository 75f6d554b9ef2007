#include "base/retry.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>

#include "base/checked.h"

static int64_t system_now_ms(void *unused) {
    struct timespec now = {0};

    (void)unused;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void system_sleep_ms(void *unused, int64_t milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    (void)unused;
    (void)nanosleep(&time, NULL);
}

/* Without random bytes waiting the whole time is as good as can be. */
static uint64_t system_random(void *unused) {
    uint64_t value = UINT64_MAX;

    (void)unused;
    (void)!getrandom(&value, sizeof(value), 0);
    return value;
}

static const struct time_source system_clock = {system_now_ms, system_sleep_ms, system_random,
                                                NULL};

static const struct time_source *clock_of(const struct time_source *clock) {
    return clock == NULL ? &system_clock : clock;
}

int64_t ktki_clock_now_ms(const struct time_source *clock) {
    clock = clock_of(clock);
    return clock->now_ms(clock->state);
}

void ktki_clock_sleep_ms(const struct time_source *clock, int64_t milliseconds) {
    clock = clock_of(clock);
    if (milliseconds > 0) {
        clock->sleep_ms(clock->state, milliseconds);
    }
}

uint64_t ktki_clock_random(const struct time_source *clock) {
    clock = clock_of(clock);
    return clock->random(clock->state);
}

void ktki_retry_init(struct retry *retry, const struct time_source *clock,
                     const struct retry_limits *limits) {
    *retry = (struct retry){.clock = clock_of(clock), .limits = *limits};
    if (!ktki_add_i64(ktki_clock_now_ms(clock), limits->time_max_ms, &retry->deadline_ms)) {
        retry->deadline_ms = INT64_MAX;
    }
}

bool ktki_retry_wait(struct retry *retry, int64_t at_least_ms) {
    int32_t doublings = retry->attempts > 16 ? 16 : retry->attempts;
    int64_t bound = retry->limits.wait_first_ms << (doublings > 0 ? doublings - 1 : 0);
    int64_t now = retry->clock->now_ms(retry->clock->state);
    int64_t left = retry->deadline_ms - now;
    int64_t wait;

    if (retry->attempts >= retry->limits.attempts_max || left <= 0 || at_least_ms > left) {
        return false;
    }
    bound = bound > retry->limits.wait_max_ms ? retry->limits.wait_max_ms : bound;
    wait = (int64_t)(retry->clock->random(retry->clock->state) % (uint64_t)(bound + 1));
    wait = wait < at_least_ms ? at_least_ms : wait;
    ktki_clock_sleep_ms(retry->clock, wait > left ? left : wait);
    return true;
}
