/** A dataset `u` in a store whose time is the test's. For the tests of garbage collection. */
#ifndef KTK_TESTS_UPKEEP_GC_CASE_H
#define KTK_TESTS_UPKEEP_GC_CASE_H

#include "upkeep/gc.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "support/frame.h"
#include "support/test.h"
#include "support/timed_store.h"
#include "update/update_internal.h"

#define HOUR_US ((int64_t)3600 * 1000000)
#define ITEMS_MAX 64

/* ---- the world of a case ---- */

static ktk_context *context;
static ktk_store *memory;
static struct timed_keys *times; /* of what is put through `store` */
static struct timed_store timed;
static ktk_store *store; /* `memory` with the time of the test */

static void make_world(void) {
    memory = test_store_open(context);
    times = calloc(1, sizeof(*times));
    assert_non_null(times);
    /* Names of files hold the time of the system: the test begins there, with parts of a second. */
    times->now_us = (int64_t)time(NULL) * 1000000 + 500000;
    timed = (struct timed_store){.keys = times};
    store = timed_store_new(&timed, memory);
}

static void end_world(void) {
    ktk_store_free(store);
    ktk_store_free(memory);
    free(times);
}

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    make_world();
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    end_world();
    test_context_free(context);
    return 0;
}

static int64_t skew_us; /* of the clock of the computer */

static int64_t now_ms(void *unused) {
    (void)unused;
    return (times->now_us + skew_us) / 1000;
}

static void no_sleep(void *unused, int64_t milliseconds) {
    (void)unused;
    (void)milliseconds;
}

static uint64_t no_random(void *unused) {
    (void)unused;
    return 0;
}

static const struct time_source test_clock = {now_ms, no_sleep, no_random, NULL};

static void pass(int64_t hours) {
    times->now_us += hours * HOUR_US;
}

static bool has(const char *key) {
    ktk_store_entry entry;

    return ktk_store_head(memory, key, &entry, NULL) == KTK_OK;
}

static void put(const char *key) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, "x", 1, NULL, NULL, &err));
}

/* ---- datasets ---- */

static ktk_status begin(ktk_update **out, ktk_store *to, ktk_update_mode mode, const char *rows,
                        ktk_error *err) {
    const char *keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_status status;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
    status = ktk_update_begin(out, to, "u", &options, err);
    if (status == KTK_OK) {
        (*out)->clock = &test_clock;
        status = test_frame(&stream, context, "p:int64,v:int64", rows, 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(*out, &stream, NULL, err);
    }
    return status;
}

static void write_rows(ktk_update_mode mode, const char *rows) {
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(begin(&update, store, mode, rows, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

/* ---- runs ---- */

struct seen {
    size_t count;
    char keys[ITEMS_MAX][200];
    ktk_gc_state states[ITEMS_MAX];
};

static ktk_status see(void *state, const ktk_gc_item *item, ktk_error *err) {
    struct seen *seen = state;

    (void)err;
    assert_true(seen->count < ITEMS_MAX);
    (void)snprintf(seen->keys[seen->count], sizeof(seen->keys[0]), "%s", item->key);
    seen->states[seen->count++] = item->state;
    return KTK_OK;
}

static ktk_gc_options acting(void) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;

    options.acts = true;
    options.history_ms = 1; /* that is the grace */
    return options;
}

/* One run that acts, with the default grace. */
static ktk_gc_result collect(void) {
    ktk_gc_options options = acting();
    ktk_gc_result result = {-1, -1, -1, -1, -1, -1};
    ktk_error err;

    CHECK_OK(ktki_gc(store, "u", &options, &test_clock, &result, &err));
    return result;
}

#endif
