/** A store of bad days, and who works with it: what the simulator of commits simulates. */
#ifndef KTK_TESTS_UPDATE_SIMULATION_H
#define KTK_TESTS_UPDATE_SIMULATION_H

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <kartothek/predicate.h>
#include <kartothek/sys/store.h>
#include <kartothek/update.h>

#include "base/alloc.h"
#include "dataset/snapshot.h"
#include "support/frame.h"
#include "update/update_internal.h"
#include "update/update_tables.h"

#undef malloc
#undef calloc
#undef free
#undef realloc

/* Fewer where each step is watched. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SEEDS 1000
#endif
#if __has_feature(thread_sanitizer)
#define HAS_NO_CONTEXTS /* it does not follow the switch of stacks */
#endif
#endif
#ifndef SEEDS
#define SEEDS 20000
#endif
#define WRITERS 3
#define DEEDS 2 /* a writer */
#define STACK_BYTES ((size_t)256 << 10)
#define OBJECTS_MAX 128
#define LATE_MAX 16
#define STEPS_MAX 20000
#define DOCUMENT_KEY "u.by-dataset-metadata.json"

/* ---- the dice ---- */

struct dice {
    uint64_t state;
};

static uint64_t roll(struct dice *dice) {
    uint64_t x = dice->state += 0x9E3779B97F4A7C15u;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static bool chance(struct dice *dice, unsigned percent) {
    return roll(dice) % 100 < percent;
}

/* ---- what is simulated ---- */

struct object {
    char *key;
    uint8_t *data;
    size_t size;
    uint64_t version;
    uint8_t *old; /* what was there before, for reads that are stale */
    size_t old_size;
    uint64_t old_version; /* 0: nothing was */
};

/* A put that was sent, given up, and arrives some time. */
struct late_put {
    char *key;
    uint8_t *data;
    size_t size;
    bool must_not_exist;
    bool has_match;
    uint64_t match;
};

enum deed_kind { APPEND, DELETE, REPLACE, OVERWRITE, METADATA, DEED_KINDS };

struct deed {
    enum deed_kind kind;
    char scope; /* 'a' or 'b': the partition key */
    char added; /* of the partition that comes */
    char label[64];
    int value; /* of the metadata */
    char id[33];
    bool is_begun;
    ktk_status outcome;
};

enum writer_state { READY, SLEEPING, FINISHED };

struct simulation;

struct writer {
    struct simulation *simulation;
    ucontext_t context;
    uint8_t *stack;
    enum writer_state state;
    int64_t wake_ms;
    int calls_left; /* of the store, before the line is cut for good; negative: it is not */
    struct deed deeds[DEEDS];
};

struct simulation {
    uint64_t seed;
    struct dice dice;
    struct object objects[OBJECTS_MAX];
    size_t object_count;
    uint64_t version;
    struct late_put late[LATE_MAX];
    size_t late_count;
    int64_t now_ms;
    struct writer writers[WRITERS];
    struct writer *running;
    ucontext_t scheduler;
    bool is_calm;  /* no faults: setting up, looking at the result */
    bool is_swept; /* a put came late over the document, or a writer was cut off */
    bool has_claims;
    struct deed repair; /* after all others, on a good day */
    ktk_store *store;
    struct schema *schema; /* of the table */
};

static ktk_context *context;

/* Somebody else's turn. */
static void yield_turn(struct simulation *simulation) {
    struct writer *writer = simulation->running;

    if (writer != NULL) {
        swapcontext(&writer->context, &simulation->scheduler);
    }
}

/* ---- the store ---- */

/* No answer, this time or, for a writer that is as good as dead, ever again. */
static bool is_out_of_reach(struct simulation *simulation, unsigned percent) {
    struct writer *writer = simulation->running;

    yield_turn(simulation);
    if (simulation->is_calm) {
        return false;
    }
    if (writer != NULL && writer->calls_left == 0) {
        simulation->is_swept = true;
        return true;
    }
    if (writer != NULL && writer->calls_left > 0) {
        writer->calls_left--;
    }
    return chance(&simulation->dice, percent);
}

static struct object *find_object(struct simulation *simulation, const char *key) {
    for (size_t i = 0; i < simulation->object_count; i++) {
        if (strcmp(simulation->objects[i].key, key) == 0) {
            return &simulation->objects[i];
        }
    }
    return NULL;
}

static void *copy_bytes(const void *data, size_t size) {
    void *copy = malloc(size + 1);

    assert_non_null(copy);
    memcpy(copy, data, size);
    ((char *)copy)[size] = '\0';
    return copy;
}

static ktk_status apply_put(struct simulation *simulation, const struct late_put *put) {
    struct object *object = find_object(simulation, put->key);

    if (put->must_not_exist && object != NULL) {
        return KTK_E_EXISTS;
    }
    if (put->has_match && (object == NULL || object->version != put->match)) {
        return KTK_E_CONFLICT;
    }
    if (object == NULL) {
        assert_true(simulation->object_count < OBJECTS_MAX);
        object = &simulation->objects[simulation->object_count++];
        *object = (struct object){.key = copy_bytes(put->key, strlen(put->key))};
    }
    free(object->old);
    object->old = object->data;
    object->old_size = object->size;
    object->old_version = object->version;
    object->data = copy_bytes(put->data, put->size);
    object->size = put->size;
    object->version = ++simulation->version;
    return KTK_OK;
}

static void format_version(ktk_store_version *out, uint64_t version) {
    if (out != NULL) {
        (void)snprintf(out->text, sizeof(out->text), "%llu", (unsigned long long)version);
    }
}

static ktk_status sim_get(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                          ktk_error *err) {
    struct simulation *simulation = state;
    const struct object *object;
    bool is_stale;

    if (is_out_of_reach(simulation, 3)) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    object = find_object(simulation, key);
    is_stale = object != NULL && !simulation->is_calm && chance(&simulation->dice, 2);
    if (object == NULL || (is_stale && object->old_version == 0)) {
        return ktk_error_set(err, KTK_E_NOT_FOUND, "there is no '%s'", key);
    }
    format_version(version, is_stale ? object->old_version : object->version);
    return ktki_bytes_copy(test_allocator(), is_stale ? object->old : object->data,
                           is_stale ? object->old_size : object->size, out, err);
}

static ktk_status sim_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct simulation *simulation = state;
    const struct object *object;

    if (is_out_of_reach(simulation, 3)) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    object = find_object(simulation, key);
    if (object == NULL) {
        return ktk_error_set(err, KTK_E_NOT_FOUND, "there is no '%s'", key);
    }
    *out = (ktk_store_entry){.key = key, .size = (int64_t)object->size, .modified_us = -1};
    format_version(&out->version, object->version);
    return KTK_OK;
}

/* 0: nothing of the kind; else what happens to the request and to its answer. */
enum fault { NO_FAULT, LOST_REQUEST, LOST_REPLY, LATE, REFUSED, DOUBLED, FAULTS };

static enum fault choose_fault(struct simulation *simulation) {
    static const unsigned char percents[FAULTS] = {0, 5, 8, 5, 4, 4};
    unsigned dice = (unsigned)(roll(&simulation->dice) % 100);

    for (int fault = 1; fault < FAULTS; fault++) {
        if (dice < percents[fault]) {
            return (enum fault)fault;
        }
        dice -= percents[fault];
    }
    return NO_FAULT;
}

static void keep_late(struct simulation *simulation, const struct late_put *put) {
    if (simulation->late_count < LATE_MAX) {
        struct late_put *late = &simulation->late[simulation->late_count++];

        *late = *put;
        late->key = copy_bytes(put->key, strlen(put->key));
        late->data = copy_bytes(put->data, put->size);
    }
}

static ktk_status sim_put(void *state, const char *key, const void *data, size_t size,
                          const ktk_put_condition *condition, ktk_store_version *version,
                          ktk_error *err) {
    struct simulation *simulation = state;
    struct late_put put = {
        .key = (char *)(uintptr_t)key, .data = (uint8_t *)(uintptr_t)data, .size = size};
    enum fault fault = NO_FAULT;
    ktk_status status;

    if (is_out_of_reach(simulation, 0)) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    if (condition != NULL) {
        put.must_not_exist = condition->must_not_exist;
        put.has_match = condition->matches != NULL;
        put.match = condition->matches != NULL ? strtoull(condition->matches->text, NULL, 10) : 0;
    }
    if (!simulation->is_calm) {
        fault = choose_fault(simulation);
    }
    if (fault == LATE) {
        keep_late(simulation, &put);
    }
    if (fault == LOST_REQUEST || fault == LATE) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    if (fault == REFUSED && put.has_match) {
        return ktk_error_set(err, KTK_E_CONFLICT, "409");
    }
    status = apply_put(simulation, &put);
    if (status == KTK_OK && fault == DOUBLED && (put.has_match || put.must_not_exist)) {
        status = apply_put(simulation, &put); /* the client's second copy meets the first */
    }
    if (fault == LOST_REPLY) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    if (status != KTK_OK) {
        return ktk_error_set(err, status, "412");
    }
    format_version(version, simulation->version);
    yield_turn(simulation);
    return KTK_OK;
}

static ktk_status sim_remove(void *state, const char *key, ktk_error *err) {
    struct simulation *simulation = state;
    struct object *object;

    if (is_out_of_reach(simulation, 3)) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    object = find_object(simulation, key);
    if (object != NULL) {
        free(object->key);
        free(object->data);
        free(object->old);
        *object = simulation->objects[--simulation->object_count];
    }
    return KTK_OK;
}

static ktk_status sim_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                           ktk_error *err) {
    struct simulation *simulation = state;
    ktk_status status = KTK_OK;

    if (is_out_of_reach(simulation, 3)) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "no answer");
    }
    for (size_t i = 0; i < simulation->object_count && status == KTK_OK; i++) {
        ktk_store_entry entry = {.key = simulation->objects[i].key, .size = -1, .modified_us = -1};

        if (strncmp(entry.key, prefix, strlen(prefix)) == 0) {
            status = fn(fn_state, &entry, err);
        }
    }
    return status;
}

static void sim_free(void *state) {
    (void)state;
}

static const ktk_store_ops sim_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT,
    .get = sim_get,
    .head = sim_head,
    .put = sim_put,
    .remove = sim_remove,
    .list = sim_list,
    .free = sim_free,
};

/* Refuses a put where something is, and knows no other condition. */
static const ktk_store_ops creating_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_CREATE,
    .get = sim_get,
    .head = sim_head,
    .put = sim_put,
    .remove = sim_remove,
    .list = sim_list,
    .free = sim_free,
};

#endif
