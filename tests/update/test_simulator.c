/*
 * The commit against a store of its worst days: the real code, a simulated store and clock, one
 * seed a run. Whatever is lost, late, doubled or stale, the commits form one chain, each that was
 * acknowledged is in it once, each that was refused is not, and the dataset is what the chain makes
 * of it, one commit after the other.
 *
 * It is done twice: with a store that replaces a known version only, and with one that does not,
 * but puts where nothing is (claims). There a put that arrives late goes over newer ones; what it
 * hid must be there again after the next commit.
 *
 * KTK_SIMULATOR_SEEDS and KTK_SIMULATOR_FIRST choose other seeds.
 */
#include "simulation.h"

/* ---- time ---- */

static int64_t sim_now(void *state) {
    return ((struct simulation *)state)->now_ms;
}

static void sim_sleep(void *state, int64_t milliseconds) {
    struct simulation *simulation = state;
    struct writer *writer = simulation->running;

    if (writer == NULL) {
        simulation->now_ms += milliseconds;
        return;
    }
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
    const struct time_source clock = {sim_now, sim_sleep, sim_random, simulation};
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
    writer->calls_left =
        chance(&writer->simulation->dice, 10) ? (int)(roll(&writer->simulation->dice) % 40) : -1;
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

    if (apply_put(simulation, late) == KTK_OK && strcmp(late->key, DOCUMENT_KEY) == 0) {
        simulation->is_swept = true;
    }
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
    const char *labels[WRITERS * DEEDS + 1];
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
    if (simulation->repair.is_begun && strcmp(simulation->repair.id, id) == 0) {
        return &simulation->repair;
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
    MUST(!simulation->has_claims || status == KTK_OK);
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

/* Claims: unless a put came late, readers see every commit that was acknowledged; and after the
 * next commit, they do in any case. */
static void repair(struct simulation *simulation) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    if (!simulation->is_swept &&
        ktk_dataset_open(&dataset, simulation->store, "u", &err) == KTK_OK) {
        for (int i = 0; i < WRITERS * DEEDS; i++) {
            const struct deed *deed = &simulation->writers[i / DEEDS].deeds[i % DEEDS];

            MUST(!deed->is_begun || deed->outcome != KTK_OK ||
                 ktki_commit_recent_find(ktki_dataset_record(dataset), deed->id) >= 0);
        }
    }
    ktk_dataset_free(dataset);
    simulation->repair = (struct deed){.kind = APPEND, .added = 'a', .label = "p=a/repair"};
    perform(simulation, &simulation->repair);
    if (simulation->repair.outcome == KTK_E_CONFLICT) {
        /* An overwrite was hidden when it began, and is not any more. */
        perform(simulation, &simulation->repair);
    }
    MUST(simulation->repair.outcome == KTK_OK && simulation->repair.is_begun);
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
    simulation->is_swept = false;
    simulation->repair.is_begun = false;
    CHECK_OK(ktk_store_new(&simulation->store, context,
                           simulation->has_claims ? &creating_ops : &sim_ops, simulation,
                           "simulated", &err));
    plan_deeds(simulation);
    for (int i = 0; i < WRITERS; i++) {
        start_writer(&simulation->writers[i]);
    }
    run(simulation);
    simulation->is_calm = true;
    if (simulation->has_claims) {
        repair(simulation);
    }
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

static void run_seeds(bool has_claims) {
    uint64_t first = test_seed();
    uint64_t count = test_scaled(SEEDS);
    struct simulation *simulation = calloc(1, sizeof(*simulation));
    ktk_dataset *dataset = NULL;

    assert_non_null(simulation);
    memset(outcomes, 0, sizeof(outcomes));
#ifdef HAS_NO_CONTEXTS
    free(simulation);
    print_message("# SKIPPED: the thread sanitizer does not follow the switch of stacks\n");
    skip();
#endif
    context = test_context_new(1);
    simulation->schema = make_schema(&dataset);
    simulation->has_claims = has_claims;
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

static void every_history_is_a_chain(void **unused) {
    (void)unused;
    run_seeds(false);
}

static void every_history_of_claims_is_a_chain(void **unused) {
    (void)unused;
    run_seeds(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_is_a_chain),
        cmocka_unit_test(every_history_of_claims_is_a_chain),
    };
    return cmocka_run_group_tests_name("update/simulator", tests, NULL, NULL);
}
