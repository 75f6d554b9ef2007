/*
 * The commit against a store of its worst days: the real code, a simulated store and clock, one
 * seed a run. Whatever is lost, late, doubled or stale, the commits form one chain, each that was
 * acknowledged is in it once, each that was refused is not, and the dataset is what the chain makes
 * of it, one commit after the other.
 *
 * KTK_SIMULATOR_SEEDS and KTK_SIMULATOR_FIRST choose other seeds.
 */
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
    bool is_calm; /* no faults: setting up, looking at the result */
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

    yield_turn(simulation);
    if (!simulation->is_calm && chance(&simulation->dice, 3)) {
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

    yield_turn(simulation);
    if (!simulation->is_calm && chance(&simulation->dice, 3)) {
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

    yield_turn(simulation);
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

    (void)err;
    yield_turn(simulation);
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

    yield_turn(simulation);
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

/* ---- time ---- */

static int64_t sim_now(void *state) {
    return ((struct simulation *)state)->now_ms;
}

static void sim_sleep(void *state, int64_t milliseconds) {
    struct simulation *simulation = state;
    struct writer *writer = simulation->running;

    writer->state = SLEEPING;
    writer->wake_ms = simulation->now_ms + milliseconds;
    yield_turn(simulation);
}

static uint64_t sim_random(void *state) {
    return roll(&((struct simulation *)state)->dice);
}

/* ---- the writers ---- */

/* A partition that nobody wrote: a commit never looks into it. */
static void add_partition(ktk_update *update, struct simulation *simulation,
                          const struct deed *deed) {
    struct written_file file = {.row_count = 1, .size = 1};
    char key[128];
    ktk_error err;

    (void)snprintf(key, sizeof(key), "u/table/%s.parquet", deed->label);
    CHECK_OK(ktki_update_text(update, &file.label, &err, "%s", deed->label));
    CHECK_OK(ktki_copy_text(update->allocator, key, strlen(key), &file.key, &err));
    CHECK_OK(ktki_buffer_append(&update->files, &file, sizeof(file), &err));
    update->file_count++;
    if (update->table_count == 0) {
        CHECK_OK(ktki_update_set_tables(update, &update->table, 1, &err));
    }
    if (update->tables[0].schema == NULL) {
        update->tables[0].schema = ktki_schema_ref(simulation->schema);
        update->tables[0].schema_origin = "simulated";
    }
    update->has_input = true;
}

static ktk_status delete_scope(ktk_update *update, char scope, ktk_error *err) {
    const ktk_value value = {.kind = KTK_VALUE_TEXT, .bytes = &scope, .bytes_size = 1};
    const ktk_literal literal = {"p", KTK_OP_EQ, &value, 1};
    const size_t count = 1;
    ktk_predicate *predicate = NULL;
    ktk_status status;

    assert_int_equal(ktk_predicate_new(&predicate, context, &literal, &count, 1, err), KTK_OK);
    status = ktk_update_delete(update, predicate, err);
    ktk_predicate_free(predicate);
    return status;
}

static ktk_status begin(ktk_update **out, struct simulation *simulation, const struct deed *deed,
                        ktk_error *err) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    char metadata[32];

    options.mode = deed->kind == OVERWRITE ? KTK_UPDATE_OVERWRITE : KTK_UPDATE_CREATE_OR_UPDATE;
    options.partition_on = keys;
    options.partition_on_count = 1;
    options.on_conflict = deed->value % 2 == 0 ? KTK_ON_CONFLICT_FAIL : KTK_ON_CONFLICT_REEVALUATE;
    if (deed->kind == METADATA) {
        (void)snprintf(metadata, sizeof(metadata), "{\"k\": %d}", deed->value);
        options.metadata = metadata;
    }
    return ktk_update_begin(out, simulation->store, "u", &options, err);
}

static void perform(struct simulation *simulation, struct deed *deed) {
    const struct commit_clock clock = {sim_now, sim_sleep, sim_random, simulation};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;
    ktk_status status = begin(&update, simulation, deed, &err);

    if (status == KTK_OK) {
        update->clock = &clock;
        if (deed->kind == DELETE || deed->kind == REPLACE) {
            status = delete_scope(update, deed->scope, &err);
        }
    }
    if (status == KTK_OK) {
        if (deed->kind == APPEND || deed->kind == REPLACE || deed->kind == OVERWRITE) {
            add_partition(update, simulation, deed);
        }
        memcpy(deed->id, update->commit_id, sizeof(deed->id));
        deed->is_begun = true;
        status = ktk_update_commit(update, &commit, &err);
        deed->outcome = status;
    }
    ktk_update_free(update);
}

static void writer_main(unsigned high, unsigned low) {
    struct writer *writer = (struct writer *)((uintptr_t)high << 32 | (uintptr_t)low);

    for (int i = 0; i < DEEDS; i++) {
        perform(writer->simulation, &writer->deeds[i]);
    }
    writer->state = FINISHED;
    swapcontext(&writer->context, &writer->simulation->scheduler);
}

static void plan_deeds(struct simulation *simulation) {
    static const unsigned char kinds[] = {APPEND,  APPEND,  APPEND,   DELETE,   DELETE,
                                          REPLACE, REPLACE, METADATA, OVERWRITE};
    struct dice *dice = &simulation->dice;

    for (int i = 0; i < WRITERS * DEEDS; i++) {
        struct deed *deed = &simulation->writers[i / DEEDS].deeds[i % DEEDS];

        *deed = (struct deed){.kind = (enum deed_kind)kinds[roll(dice) % sizeof(kinds)],
                              .scope = chance(dice, 50) ? 'a' : 'b',
                              .added = chance(dice, 50) ? 'a' : 'b',
                              .value = i + 1};
        (void)snprintf(deed->label, sizeof(deed->label), "p=%c/%d", deed->added, i);
    }
}

static void start_writer(struct writer *writer) {
    uintptr_t self = (uintptr_t)writer;

    writer->state = READY;
    assert_int_equal(getcontext(&writer->context), 0);
    writer->context.uc_stack.ss_sp = writer->stack;
    writer->context.uc_stack.ss_size = STACK_BYTES;
    writer->context.uc_link = NULL;
    makecontext(&writer->context, (void (*)(void))writer_main, 2, (unsigned)(self >> 32),
                (unsigned)self);
}

/* ---- the scheduler ---- */

static void deliver_late(struct simulation *simulation, size_t index) {
    struct late_put *late = &simulation->late[index];

    (void)apply_put(simulation, late);
    free(late->key);
    free(late->data);
    *late = simulation->late[--simulation->late_count];
}

/* Let the clock go on until somebody wakes. False: all are done. */
static bool wake(struct simulation *simulation, struct writer **ready, size_t *count) {
    int64_t next = INT64_MAX;

    for (;;) {
        *count = 0;
        for (int i = 0; i < WRITERS; i++) {
            struct writer *writer = &simulation->writers[i];

            if (writer->state == SLEEPING && writer->wake_ms <= simulation->now_ms) {
                writer->state = READY;
            }
            if (writer->state == READY) {
                ready[(*count)++] = writer;
            } else if (writer->state == SLEEPING && writer->wake_ms < next) {
                next = writer->wake_ms;
            }
        }
        if (*count > 0 || next == INT64_MAX) {
            return *count > 0;
        }
        simulation->now_ms = next;
        next = INT64_MAX;
    }
}

static void run(struct simulation *simulation) {
    struct writer *ready[WRITERS];
    size_t count;
    int steps = 0;

    while (wake(simulation, ready, &count)) {
        if (++steps > STEPS_MAX) {
            fail_msg("seed %llu: no end", (unsigned long long)simulation->seed);
        }
        simulation->now_ms += (int64_t)(roll(&simulation->dice) % 20);
        if (simulation->late_count > 0 && chance(&simulation->dice, 10)) {
            deliver_late(simulation, roll(&simulation->dice) % simulation->late_count);
        }
        simulation->running = ready[roll(&simulation->dice) % count];
        swapcontext(&simulation->scheduler, &simulation->running->context);
        simulation->running = NULL;
    }
    while (simulation->late_count > 0) {
        deliver_late(simulation, 0);
    }
}

/* ---- what must hold ---- */

struct model {
    const char *labels[WRITERS * DEEDS];
    int count;
    int value; /* of the metadata; 0: not set */
};

static void model_remove(struct model *model, char scope) {
    int kept = 0;

    for (int i = 0; i < model->count; i++) {
        if (model->labels[i][2] != scope) {
            model->labels[kept++] = model->labels[i];
        }
    }
    model->count = kept;
}

static void model_apply(struct model *model, const struct deed *deed) {
    if (deed->kind == OVERWRITE) {
        *model = (struct model){.count = 0};
    }
    if (deed->kind == DELETE || deed->kind == REPLACE) {
        model_remove(model, deed->scope);
    }
    if (deed->kind == APPEND || deed->kind == REPLACE || deed->kind == OVERWRITE) {
        model->labels[model->count++] = deed->label;
    }
    if (deed->kind == METADATA) {
        model->value = deed->value;
    }
}

static void explain(const struct simulation *simulation) {
    for (int i = 0; i < WRITERS * DEEDS; i++) {
        const struct deed *deed = &simulation->writers[i / DEEDS].deeds[i % DEEDS];

        (void)fprintf(stderr, "# writer %d: kind %d scope %c label %s value %d: %s %s\n", i / DEEDS,
                      (int)deed->kind, deed->scope, deed->label, deed->value,
                      deed->is_begun ? deed->id : "not begun", ktk_status_name(deed->outcome));
    }
    for (size_t i = 0; i < simulation->object_count; i++) {
        if (strcmp(simulation->objects[i].key, DOCUMENT_KEY) == 0) {
            (void)fprintf(stderr, "# %s\n", (const char *)simulation->objects[i].data);
        }
    }
}

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            explain(simulation);                                                                   \
            fail_msg("seed %llu: %s", (unsigned long long)simulation->seed, #condition);           \
        }                                                                                          \
    } while (0)

static const struct deed *deed_of_id(const struct simulation *simulation, const char *id) {
    for (int i = 0; i < WRITERS * DEEDS; i++) {
        const struct deed *deed = &simulation->writers[i / DEEDS].deeds[i % DEEDS];

        if (deed->is_begun && strcmp(deed->id, id) == 0) {
            return deed;
        }
    }
    return NULL;
}

/* The chain, one commit after the other, on a model of sets. */
static void replay(const struct simulation *simulation, const struct commit_record *record,
                   struct model *model) {
    MUST(record->recent_count == record->sequence);
    for (int32_t i = 0; i < record->recent_count; i++) {
        const struct deed *deed = deed_of_id(simulation, record->recent[i]);

        MUST(deed != NULL);
        MUST(deed->outcome == KTK_OK || deed->outcome == KTK_E_UNKNOWN_OUTCOME);
        MUST(ktki_commit_recent_find(record, record->recent[i]) == i);
        model_apply(model, deed);
    }
}

static void check_partitions(const struct simulation *simulation, const ktk_dataset *dataset,
                             const struct model *model) {
    size_t size;
    const char *metadata = ktk_dataset_metadata(dataset, &size);
    char member[32];

    MUST(ktk_dataset_partition_count(dataset) == model->count);
    for (int i = 0; i < model->count; i++) {
        int found = 0;

        for (int64_t j = 0; j < model->count; j++) {
            found += strcmp(ktk_dataset_partition_label(dataset, j), model->labels[i]) == 0;
        }
        MUST(found == 1);
    }
    (void)snprintf(member, sizeof(member), "\"k\": %d,", model->value);
    MUST(strstr(metadata, model->value == 0 ? "" : member) != NULL);
    MUST(model->value != 0 || strstr(metadata, "\"k\": ") == NULL);
}

static int outcomes[32]; /* of all seeds: the faults must be met */

static void check_history(struct simulation *simulation) {
    static const struct commit_record nothing = {.id = ""};
    const struct commit_record *record = &nothing;
    struct model model = {.count = 0};
    ktk_dataset *dataset = NULL;
    ktk_error err;
    ktk_status status = ktk_dataset_open(&dataset, simulation->store, "u", &err);

    MUST(status == KTK_OK || status == KTK_E_NOT_FOUND);
    if (status == KTK_OK) {
        record = ktki_dataset_record(dataset);
        replay(simulation, record, &model);
        check_partitions(simulation, dataset, &model);
    }
    for (int i = 0; i < WRITERS * DEEDS; i++) {
        const struct deed *deed = &simulation->writers[i / DEEDS].deeds[i % DEEDS];

        if (deed->is_begun) {
            outcomes[deed->outcome]++;
            MUST(deed->outcome != KTK_OK || ktki_commit_recent_find(record, deed->id) >= 0);
        }
    }
    ktk_dataset_free(dataset);
}

/* ---- the seeds ---- */

static void clear_objects(struct simulation *simulation) {
    for (size_t i = 0; i < simulation->object_count; i++) {
        free(simulation->objects[i].key);
        free(simulation->objects[i].data);
        free(simulation->objects[i].old);
    }
    simulation->object_count = 0;
}

static void run_seed(struct simulation *simulation, uint64_t seed) {
    ktk_error err;

    simulation->seed = seed;
    simulation->dice.state = seed;
    simulation->now_ms = 1000;
    simulation->is_calm = false;
    CHECK_OK(ktk_store_new(&simulation->store, context, &sim_ops, simulation, "simulated", &err));
    plan_deeds(simulation);
    for (int i = 0; i < WRITERS; i++) {
        start_writer(&simulation->writers[i]);
    }
    run(simulation);
    simulation->is_calm = true;
    check_history(simulation);
    ktk_store_free(simulation->store);
    clear_objects(simulation);
}

/* The schema, as a real dataset has it. */
static struct schema *make_schema(ktk_dataset **dataset) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    struct schema *schema;
    ktk_update *update = NULL;
    ktk_store *memory = NULL;
    ktk_commit commit;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = 1;
    CHECK_OK(ktk_store_open(&memory, context, "hmemory://", &err));
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, "p:string,v:int64", "a,1", 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    CHECK_OK(ktk_dataset_open(dataset, memory, "u", &err));
    CHECK_OK(ktki_dataset_table_schema(&schema, *dataset, NULL, &err));
    ktk_store_free(memory);
    return schema;
}

static void every_history_is_a_chain(void **unused) {
    uint64_t first = test_seed();
    uint64_t count = test_scaled(SEEDS);
    struct simulation *simulation = calloc(1, sizeof(*simulation));
    ktk_dataset *dataset = NULL;

    (void)unused;
    assert_non_null(simulation);
#ifdef HAS_NO_CONTEXTS
    free(simulation);
    print_message("# SKIPPED: the thread sanitizer does not follow the switch of stacks\n");
    skip();
#endif
    context = test_context_new(1);
    simulation->schema = make_schema(&dataset);
    for (int i = 0; i < WRITERS; i++) {
        simulation->writers[i].simulation = simulation;
        simulation->writers[i].stack = malloc(STACK_BYTES);
        assert_non_null(simulation->writers[i].stack);
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        run_seed(simulation, seed);
    }
    (void)printf("# committed %d, conflict %d, unknown %d, other %d\n", outcomes[KTK_OK],
                 outcomes[KTK_E_CONFLICT], outcomes[KTK_E_UNKNOWN_OUTCOME],
                 outcomes[KTK_E_UNAVAILABLE]);
    assert_true(outcomes[KTK_OK] > 0);
    for (int i = 0; i < WRITERS; i++) {
        free(simulation->writers[i].stack);
    }
    free(simulation);
    ktk_dataset_free(dataset);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_is_a_chain),
    };
    return cmocka_run_group_tests_name("update/simulator", tests, NULL, NULL);
}
