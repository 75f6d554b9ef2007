#include "update/retry.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>

#include "base/checked.h"

#define ATTEMPTS_MAX 32
#define TIME_MAX_MS 120000
#define WAIT_FIRST_MS 50
#define WAIT_MAX_MS 5000

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

static const struct commit_clock system_clock = {system_now_ms, system_sleep_ms, system_random,
                                                 NULL};

static const struct commit_clock *clock_of(const struct commit_clock *clock) {
    return clock == NULL ? &system_clock : clock;
}

int64_t ktki_clock_now_ms(const struct commit_clock *clock) {
    clock = clock_of(clock);
    return clock->now_ms(clock->state);
}

void ktki_clock_sleep_ms(const struct commit_clock *clock, int64_t milliseconds) {
    clock = clock_of(clock);
    if (milliseconds > 0) {
        clock->sleep_ms(clock->state, milliseconds);
    }
}

void ktki_retry_init(struct retry *retry, const struct commit_clock *clock, int32_t attempts_max,
                     int64_t time_max_ms) {
    *retry = (struct retry){.clock = clock_of(clock)};
    retry->attempts_max = attempts_max > 0 ? attempts_max : ATTEMPTS_MAX;
    if (!ktki_add_i64(ktki_clock_now_ms(clock), time_max_ms > 0 ? time_max_ms : TIME_MAX_MS,
                      &retry->deadline_ms)) {
        retry->deadline_ms = INT64_MAX;
    }
}

bool ktki_retry_wait(struct retry *retry) {
    int32_t doublings = retry->attempts > 8 ? 8 : retry->attempts;
    int64_t wait = (int64_t)WAIT_FIRST_MS << (doublings > 0 ? doublings - 1 : 0);
    int64_t now = retry->clock->now_ms(retry->clock->state);

    if (retry->attempts >= retry->attempts_max || now >= retry->deadline_ms) {
        return false;
    }
    wait = wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
    wait = (int64_t)(retry->clock->random(retry->clock->state) % (uint64_t)(wait + 1));
    wait = wait > retry->deadline_ms - now ? retry->deadline_ms - now : wait;
    ktki_clock_sleep_ms(retry->clock, wait);
    return true;
}
