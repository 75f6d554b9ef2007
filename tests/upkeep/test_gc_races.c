/* Collections, writers and readers at the same time, in random orders and a time of our own. The
 * model of the dataset is the list of the rows whose commits were acknowledged. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/dataset.h>
#include <kartothek/query.h>
#include <kartothek/update.h>

#include "support/frame.h"
#include "support/test.h"
#include "support/timed_store.h"
#include "update/update_internal.h"
#include "upkeep/gc.h"

#define HOUR_US ((int64_t)3600 * 1000000)
#define ROUNDS 500
#define STEPS 60
#define WRITERS 4
#define READERS 4
#define PARTITIONS 3
#define ROWS_MAX (STEPS * 4)

struct writer {
    ktk_update *update; /* NULL: idle */
    int64_t value;
};

struct reader {
    ktk_dataset *dataset; /* NULL: idle */
    int64_t opened_us;
    char *wanted;
};

static struct world {
    uint64_t random;
    int64_t grace_us;
    int64_t skew_us;
    struct timed_keys *keys;
    ktk_context *context;
    ktk_store *store;
    ktk_store *gc_store; /* the same; others act between its calls */
    bool is_nested;
    struct writer writers[WRITERS];
    struct reader readers[READERS];
    int64_t rows[ROWS_MAX];
    size_t row_count;
    int64_t next;
    int64_t committed, stale, read, collected; /* over all rounds */
} world;

static uint64_t draw(uint64_t bound) {
    world.random ^= world.random << 13;
    world.random ^= world.random >> 7;
    world.random ^= world.random << 17;
    return world.random % bound;
}

static int64_t now_ms(void *unused) {
    (void)unused;
    return (world.keys->now_us + world.skew_us) / 1000;
}

static void no_sleep(void *unused, int64_t milliseconds) {
    (void)unused;
    (void)milliseconds;
}

static uint64_t any(void *unused) {
    (void)unused;
    return draw(UINT64_MAX);
}

static const struct time_source test_clock = {now_ms, no_sleep, any, NULL};

/* ---- writers ---- */

static ktk_update *begin(ktk_update_mode mode) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
    options.grace_ms = world.grace_us / 1000;
    CHECK_OK(ktk_update_begin(&update, world.store, "u", &options, &err));
    update->clock = &test_clock;
    return update;
}

static void begin_write(struct writer *writer) {
    struct ArrowArrayStream stream = {.release = NULL};
    char row[64];
    ktk_error err;

    writer->value = world.next++;
    (void)snprintf(row, sizeof(row), "%d,%d", (int)(writer->value % PARTITIONS),
                   (int)writer->value);
    writer->update =
        begin(world.row_count == 0 && world.next == 1 ? KTK_UPDATE_CREATE : KTK_UPDATE_UPDATE);
    CHECK_OK(test_frame(&stream, world.context, "p:int64,v:int64", row, 0, NULL, &err));
    CHECK_OK(ktk_update_add(writer->update, &stream, NULL, &err));
}

static int64_t age_us(const struct writer *writer) {
    return world.keys->now_us - writer->update->first_file_ms * 1000;
}

static void end_write(struct writer *writer) {
    ktk_commit commit;
    ktk_error err;
    ktk_status status;

    if (draw(8) == 0) {
        writer->update->fate = UPDATE_UNKNOWN; /* it dies: nobody tidies up */
    } else {
        status = ktk_update_commit(writer->update, &commit, &err);
        if (status != KTK_E_STALE_WRITER) {
            CHECK_OK(status);
            world.rows[world.row_count++] = writer->value;
            world.committed++;
        } else {
            assert_true(age_us(writer) >= world.grace_us - 1000);
            world.stale++;
        }
    }
    ktk_update_free(writer->update);
    writer->update = NULL;
}

static void delete_partition(void) {
    int64_t wanted = (int64_t)draw(PARTITIONS);
    ktk_predicate *scope = NULL;
    ktk_update *update;
    ktk_commit commit;
    size_t kept = 0;
    char text[32];
    ktk_error err;

    for (size_t i = 0; i < world.row_count; i++) {
        if (world.rows[i] % PARTITIONS != wanted) {
            world.rows[kept++] = world.rows[i];
        }
    }
    if (kept == world.row_count || kept == 0) {
        return; /* nothing, or everything */
    }
    (void)snprintf(text, sizeof(text), "p == %d", (int)wanted);
    CHECK_OK(ktk_predicate_parse(&scope, world.context, text, &err));
    update = begin(KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_update_delete(update, scope, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    ktk_predicate_free(scope);
    world.row_count = kept;
}

/* ---- readers ---- */

/* The model, in the order of commits, which is that of the document. */
static char *model_text(void) {
    char *text = malloc((size_t)ROWS_MAX * 16);
    size_t used;

    assert_non_null(text);
    used = (size_t)sprintf(text, "p,v|");

    for (size_t i = 0; i < world.row_count; i++) {
        used += (size_t)sprintf(text + used, "%s%d,%d", i > 0 ? ";" : "",
                                (int)(world.rows[i] % PARTITIONS), (int)world.rows[i]);
    }
    return text;
}

static void begin_read(struct reader *reader) {
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&reader->dataset, world.store, "u", &err));
    reader->opened_us = world.keys->now_us;
    reader->wanted = model_text();
}

static void end_read(struct reader *reader) {
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    char *found = NULL;
    ktk_error err;
    ktk_status status = ktk_query_stream(&stream, reader->dataset, &query, &err);

    if (status == KTK_OK) {
        status = test_frame_text(&found, &stream, &err);
    }
    if (world.keys->now_us - reader->opened_us <= world.grace_us) {
        CHECK_OK(status);
    }
    if (status == KTK_OK) {
        assert_string_equal(found, reader->wanted);
        world.read++;
    }
    test_data_free(found);
    test_data_free(reader->wanted);
    ktk_dataset_free(reader->dataset);
    *reader = (struct reader){.dataset = NULL};
}

/* ---- steps ---- */

static void act(void) {
    struct writer *writer = &world.writers[draw(WRITERS)];
    struct reader *reader = &world.readers[draw(READERS)];

    switch (draw(5)) {
    case 0:
    case 1:
        if (writer->update == NULL) {
            begin_write(writer);
        } else if (!world.is_nested || age_us(writer) < world.grace_us) {
            /* Between the last look of a late writer and its put nothing protects its files. */
            end_write(writer);
        }
        break;
    case 2:
        delete_partition();
        break;
    default:
        if (reader->dataset == NULL) {
            begin_read(reader);
        } else {
            end_read(reader);
        }
    }
}

/* Between two calls of a collection. */
static void act_between(void *unused, const char *key) {
    (void)unused;
    (void)key;
    if (!world.is_nested && draw(6) == 0) {
        world.is_nested = true;
        act();
        world.is_nested = false;
    }
}

static void collect(void) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_gc_result result;
    ktk_error err;
    ktk_status status;

    world.skew_us = draw(6) == 0 ? (draw(2) == 0 ? -48 : 48) * HOUR_US : 0;
    options.acts = true;
    options.grace_ms = world.grace_us / 1000;
    options.history_ms = 1;
    if (world.skew_us != 0) {
        /* Others have a clock of their own. */
        status = ktki_gc(world.store, "u", &options, &test_clock, &result, &err);
        assert_true(status == KTK_E_INVALID ||
                    (status == KTK_OK && result.removed_count + result.waiting_count == 0));
        world.skew_us = 0;
        return;
    }
    CHECK_OK(ktki_gc(world.gc_store, "u", &options, &test_clock, &result, &err));
    world.collected += result.removed_count;
}

static void finish(void) {
    char *wanted;

    for (size_t i = 0; i < WRITERS; i++) {
        if (world.writers[i].update != NULL) {
            end_write(&world.writers[i]);
        }
    }
    for (size_t i = 0; i < READERS; i++) {
        if (world.readers[i].dataset != NULL) {
            end_read(&world.readers[i]);
        }
    }
    wanted = model_text();
    test_check_dataset(world.store, "u", wanted);
    test_data_free(wanted);
}

static void run_round(uint64_t seed) {
    static const int64_t hours[] = {1, 24, 72};
    struct timed_store quiet = {.keys = world.keys};
    struct timed_store busy = {.keys = world.keys, .before_call = act_between};
    ktk_store *memory = NULL;
    ktk_error err;

    world.random = seed;
    world.keys->now_us = (int64_t)time(NULL) * 1000000;
    world.keys->count = 0;
    world.row_count = 0;
    world.next = 0;
    world.grace_us = hours[draw(3)] * HOUR_US;
    CHECK_OK(ktk_store_open(&memory, world.context, "hmemory://", &err));
    world.store = timed_store_new(&quiet, memory);
    world.gc_store = timed_store_new(&busy, memory);
    begin_write(&world.writers[0]);
    while (world.row_count == 0) {
        if (world.writers[0].update == NULL) {
            world.next = 0;
            begin_write(&world.writers[0]);
        }
        end_write(&world.writers[0]);
    }
    for (int step = 0; step < STEPS; step++) {
        world.keys->now_us += (int64_t)draw((uint64_t)world.grace_us / 4);
        if (draw(4) == 0) {
            collect();
        } else {
            act();
        }
    }
    finish();
    ktk_store_free(world.gc_store);
    ktk_store_free(world.store);
    ktk_store_free(memory);
}

/* T6 */
static void nobody_loses_a_row_or_a_file_within_the_grace(void **unused) {
    uint64_t first = test_seed();
    uint64_t count = test_scaled(ROUNDS);

    (void)unused;
    world = (struct world){.context = test_context_new(1)};
    world.keys = calloc(1, sizeof(*world.keys));
    assert_non_null(world.keys);
    for (uint64_t seed = first; seed < first + count; seed++) {
        print_message("# seed %llu\n", (unsigned long long)seed);
        run_round(seed * 0x9E3779B97F4A7C15u);
    }
    print_message("# %d commits, %d writers told that they came too late, %d reads, %d files "
                  "collected\n",
                  (int)world.committed, (int)world.stale, (int)world.read, (int)world.collected);
    assert_true(world.stale > 0 && world.collected > (int64_t)count && world.read > (int64_t)count);
    free(world.keys);
    test_context_free(world.context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_loses_a_row_or_a_file_within_the_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
