/* Many writers: processes on one folder, old programs that know nothing of commits, and the
 * question asked later what became of one. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "base/alloc.h"
#include "dataset/document.h"
#include "store/backend.h"
#include "support/frame.h"
#include "update/capability.h"
#include "update/update_internal.h"

#undef malloc
#undef calloc
#undef free
#undef realloc

#define WRITERS 16
#define RACES 100
#define DOCUMENT_KEY "u.by-dataset-metadata.json"

static ktk_status append_row(ktk_store *store, const char *uuid, ktk_update_mode mode, int value,
                             ktk_commit *commit, ktk_error *err) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    char row[32];
    ktk_status status;

    (void)snprintf(row, sizeof(row), "%d", value);
    options.mode = mode;
    options.commit_attempts_max = 100000; /* all of them stand in each other's way */
    options.commit_time_max_ms = 3600000;
    status = ktk_update_begin(&update, store, uuid, &options, err);
    if (status == KTK_OK) {
        status = test_frame(&stream, ktk_store_context(store), "v:int64", row, 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, commit, err);
    }
    ktk_update_free(update);
    return status;
}

/* ---- processes ---- */

/* A folder, or a place at KTK_TEST_STORE. */
struct place {
    char *folder; /* NULL: it is far away */
    char url[1024];
};

static bool is_far(void) {
    return getenv("KTK_TEST_STORE") != NULL;
}

static void place_init(struct place *place) {
    place->folder = is_far() ? NULL : test_folder_in_memory();
    (void)snprintf(place->url, sizeof(place->url), is_far() ? "%s" : "hfs://%s",
                   is_far() ? test_store_url() : place->folder);
}

static void place_clear(struct place *place) {
    if (place->folder != NULL) {
        test_folder_remove(place->folder);
    }
}

static ktk_store *open_place(ktk_context **context, const struct place *place) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_store *store = NULL;

    options.threads = 1;
    if (ktk_context_new(context, &options, NULL) != KTK_OK ||
        ktk_store_open(&store, *context, place->url, NULL) != KTK_OK) {
        _exit(100);
    }
    return store;
}

typedef void (*process_fn)(ktk_store *store, int writer, unsigned char *results);

/* Run all writers, each a process of its own that notes what it got. */
static void run_processes(const struct place *place, process_fn fn, unsigned char *results,
                          int count) {
    pid_t children[WRITERS];

    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            ktk_context *context = NULL;
            ktk_store *store = open_place(&context, place);

            fn(store, i, results + (ptrdiff_t)i * count);
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int result;

        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    }
}

static unsigned char *shared_results(size_t size) {
    unsigned char *results =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(results != MAP_FAILED);
    memset(results, 255, size);
    return results;
}

static int commits; /* of each writer */

static void append_often(ktk_store *store, int writer, unsigned char *results) {
    for (int i = 0; i < commits; i++) {
        ktk_commit commit;
        ktk_error err;

        results[i] = (unsigned char)append_row(store, "u", KTK_UPDATE_CREATE_OR_UPDATE,
                                               writer * commits + i, &commit, &err);
        if (results[i] != KTK_OK) {
            (void)fprintf(stderr, "# %s\n", err.message);
        }
    }
}

/* T1, D-01: nobody undoes the commit of another. */
static void every_acknowledged_commit_survives(void **unused) {
    int total = WRITERS * (commits = (int)test_scaled(is_far() ? 25 : 50));
    unsigned char *results = shared_results((size_t)total);
    unsigned char *seen = calloc((size_t)total, 1);
    ktk_context *context = NULL;
    struct place place;
    ktk_store *store;
    char *rows = NULL;
    int count = 0;
    ktk_error err;

    (void)unused;
    assert_non_null(seen);
    place_init(&place);
    run_processes(&place, append_often, results, commits);
    store = open_place(&context, &place);
    CHECK_OK(test_dataset_text(&rows, store, "u", &err));
    for (char *at = strchr(rows, '|'); at != NULL; at = strchr(at, ';')) {
        int value = atoi(++at);

        assert_true(value >= 0 && value < total);
        assert_int_equal(seen[value]++, 0);
        count++;
    }
    for (int i = 0; i < total; i++) {
        assert_int_equal(results[i], KTK_OK);
    }
    assert_int_equal(count, total);
    /* Documents of attempts that lost are not left lying about. */
    assert_int_equal(test_key_count(store, "u/_ktk/v/"), total);
    free(seen);
    test_data_free(rows);
    ktk_store_free(store);
    ktk_context_free(context);
    place_clear(&place);
    (void)munmap(results, (size_t)total);
}

/* As on a store that knows of no versions. Fewer: each waits for all that claimed before. */
static int claims(void) {
    return is_far() ? 2 : 8;
}

static void claim_often(ktk_store *store, int writer, unsigned char *results) {
    ktki_store_set_level(store, CAPABILITY_CREATE);
    for (int i = 0; i < claims(); i++) {
        ktk_commit commit;
        ktk_error err;

        results[i] = (unsigned char)append_row(store, "u", KTK_UPDATE_CREATE_OR_UPDATE,
                                               writer * claims() + i, &commit, &err);
        if (results[i] != KTK_OK) {
            (void)fprintf(stderr, "# %s\n", err.message);
        }
    }
}

static void every_claimed_commit_survives(void **unused) {
    int total = WRITERS * claims();
    unsigned char *results = shared_results((size_t)total);
    ktk_context *context = NULL;
    struct place place;
    ktk_store *store;
    ktk_dataset *dataset = NULL;
    ktk_error err;

    (void)unused;
    place_init(&place);
    run_processes(&place, claim_often, results, claims());
    store = open_place(&context, &place);
    for (int i = 0; i < total; i++) {
        assert_int_equal(results[i], KTK_OK);
    }
    CHECK_OK(ktk_dataset_open(&dataset, store, "u", &err));
    assert_int_equal(ktk_dataset_partition_count(dataset), total);
    assert_int_equal(ktki_dataset_record(dataset)->sequence, total);
    assert_int_equal(test_key_count(store, "u/_ktk/v/"), total);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    ktk_context_free(context);
    place_clear(&place);
    (void)munmap(results, (size_t)total);
}

static void create_often(ktk_store *store, int writer, unsigned char *results) {
    for (int i = 0; i < RACES; i++) {
        ktk_commit commit;
        char uuid[16];

        (void)snprintf(uuid, sizeof(uuid), "d%d", i);
        results[i] =
            (unsigned char)append_row(store, uuid, KTK_UPDATE_CREATE, writer, &commit, NULL);
    }
}

/* T1 */
static void each_dataset_is_created_by_one(void **unused) {
    unsigned char *results = shared_results((size_t)WRITERS * RACES);
    ktk_context *context = NULL;
    struct place place;
    ktk_store *store;

    (void)unused;
    place_init(&place);
    run_processes(&place, create_often, results, RACES);
    store = open_place(&context, &place);
    for (int i = 0; i < RACES; i++) {
        int winner = -1;
        char uuid[16];
        char wanted[16];

        for (int j = 0; j < WRITERS; j++) {
            unsigned char result = results[j * RACES + i];

            assert_true(result == KTK_OK || result == KTK_E_EXISTS);
            assert_true(result != KTK_OK || winner < 0);
            winner = result == KTK_OK ? j : winner;
        }
        assert_true(winner >= 0);
        (void)snprintf(uuid, sizeof(uuid), "d%d", i);
        (void)snprintf(wanted, sizeof(wanted), "v|%d", winner);
        test_check_dataset(store, uuid, wanted);
    }
    ktk_store_free(store);
    ktk_context_free(context);
    place_clear(&place);
    (void)munmap(results, (size_t)WRITERS * RACES);
}

/* ---- an old program ---- */

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    context = test_context_new(1);
    CHECK_OK(ktk_store_open(&memory, context, "hmemory://", &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* It reads the document, and writes it whole some time later with a partition more: the metadata as
 * they were, members it does not know left out, without a look at what is there. */
struct old_program {
    ktk_bytes text;
    int number;
};

static void old_program_reads(struct old_program *program) {
    ktk_error err;

    ktk_bytes_clear(&program->text);
    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &program->text, NULL, &err));
}

static bool has_partition(const char *label) {
    ktk_dataset *dataset = NULL;
    bool found = false;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    for (int64_t i = 0; i < ktk_dataset_partition_count(dataset); i++) {
        found = found || strcmp(ktk_dataset_partition_label(dataset, i), label) == 0;
    }
    ktk_dataset_free(dataset);
    return found;
}

#define STEPS 6

static int ours_there(void) {
    int count = 0;

    for (int i = 0; i < STEPS; i++) {
        char label[16];

        (void)snprintf(label, sizeof(label), "ours%d", i);
        count += has_partition(label);
    }
    return count;
}

static bool is_untold; /* partitions of ours were undone, and nobody has heard of it */
static int undone;     /* how often that was, over all seeds */

static void old_program_writes(struct old_program *program) {
    struct partition_file file = {"table", NULL};
    struct partition added = {NULL, 1, &file};
    struct partition *partitions;
    struct document document;
    struct buffer text;
    char label[32];
    char key[64];
    int before = ours_there();
    ktk_error err;

    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_OK(ktki_document_parse(&document, context, (const char *)program->text.data,
                                 program->text.size, &err));
    (void)snprintf(label, sizeof(label), "old%d", program->number++);
    (void)snprintf(key, sizeof(key), "u/table/%s.parquet", label);
    added.label = label;
    file.key = key;
    CHECK_OK(ktki_arena_array(&document.arena, (size_t)document.partition_count + 1,
                              sizeof(*partitions), &partitions, &err));
    memcpy(partitions, document.partitions, (size_t)document.partition_count * sizeof(*partitions));
    partitions[document.partition_count++] = added;
    document.partitions = partitions;
    document.unknown_size = 0;
    CHECK_OK(ktki_document_write(&document, &text, &err));
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, text.data, text.size, NULL, NULL, &err));
    ktki_buffer_clear(&text);
    ktki_document_clear(&document);
    if (ours_there() < before) {
        is_untold = true;
        undone++;
    }
}

/* Time that passes while our commit looks whether it is still there. */
struct hasty_clock {
    int64_t now_ms;
    int sleeps;
    int writes_at; /* the old program writes during this wait; -1: never */
    struct old_program *program;
};

static int64_t clock_now(void *state) {
    return ((struct hasty_clock *)state)->now_ms;
}

static void clock_sleep(void *state, int64_t milliseconds) {
    struct hasty_clock *clock = state;

    clock->now_ms += milliseconds;
    if (clock->sleeps++ == clock->writes_at) {
        old_program_writes(clock->program);
    }
}

static uint64_t clock_random(void *unused) {
    (void)unused;
    return 1;
}

/* A partition that nobody wrote: a commit never looks into it. */
static ktk_status append_label(const char *label, struct hasty_clock *hasty, ktk_commit *commit,
                               ktk_error *err) {
    const struct time_source clock = {clock_now, clock_sleep, clock_random, hasty};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct written_file file = {.row_count = 1, .size = 1};
    ktk_update *update = NULL;
    char key[64];
    ktk_status status;

    options.mode = KTK_UPDATE_UPDATE;
    status = ktk_update_begin(&update, memory, "u", &options, err);
    assert_int_equal(status, KTK_OK);
    update->clock = &clock;
    (void)snprintf(key, sizeof(key), "u/table/%s.parquet", label);
    assert_int_equal(ktki_update_text(update, &file.label, err, "%s", label), KTK_OK);
    assert_int_equal(ktki_copy_text(update->allocator, key, strlen(key), &file.key, err), KTK_OK);
    assert_int_equal(ktki_buffer_append(&update->files, &file, sizeof(file), err), KTK_OK);
    update->file_count++;
    update->has_input = true;
    status = ktk_update_commit(update, commit, err);
    ktk_update_free(update);
    return status;
}

static uint64_t roll(uint64_t *state) {
    uint64_t x = *state += 0x9E3779B97F4A7C15u;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* One of ours, while the old program is at work. It is there when it returns, and says so if others
 * of ours were undone. */
static void our_turn(struct old_program *program, int step, int writes_at) {
    struct hasty_clock clock = {.writes_at = writes_at, .program = program};
    char label[16];
    ktk_commit commit;
    ktk_error err;

    (void)snprintf(label, sizeof(label), "ours%d", step);
    CHECK_OK(append_label(label, &clock, &commit, &err));
    assert_true(has_partition(label));
    assert_true(!is_untold || commit.met_foreign_writer);
    is_untold = false;
}

/* T14 */
static void an_old_program_undoes_nothing_in_silence(void **unused) {
    uint64_t first = test_seed();
    uint64_t count = test_scaled(200);

    (void)unused;
    undone = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct old_program program = {.text = KTK_BYTES_INIT};
        uint64_t dice = seed;
        ktk_commit commit;
        ktk_error err;

        is_untold = false;
        CHECK_OK(append_row(memory, "u", KTK_UPDATE_CREATE, 1, &commit, &err));
        old_program_reads(&program);
        for (int step = 0; step < STEPS - 1; step++) {
            switch (roll(&dice) % 4) {
            case 0:
                old_program_reads(&program);
                break;
            case 1:
                old_program_writes(&program);
                break;
            default:
                our_turn(&program, step, (int)(roll(&dice) % 3) - 1);
            }
        }
        our_turn(&program, STEPS - 1, -1);
        ktk_bytes_clear(&program.text);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
    }
    assert_true((uint64_t)undone > count / 4);
}

/* ---- asked later ---- */

static ktk_status remove_listed(void *unused, const ktk_store_entry *entry, ktk_error *err) {
    (void)unused;
    return ktk_store_remove(memory, entry->key, err);
}

static ktk_commit_state state_of(const char *id) {
    ktk_commit_state state = (ktk_commit_state)77;
    ktk_error err;

    CHECK_OK(ktk_commit_status(&state, memory, "u", id, &err));
    return state;
}

static void a_commit_is_found_however_long_ago(void **unused) {
    struct hasty_clock clock = {.writes_at = -1};
    ktk_commit first;
    ktk_commit second;
    ktk_commit commit;
    ktk_commit_state state = (ktk_commit_state)77;
    char key[128];
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_commit_status(&state, memory, "u", "0123456789abcdef0123456789abcdef", &err),
                 KTK_E_NOT_FOUND);
    CHECK_OK(append_row(memory, "u", KTK_UPDATE_CREATE, 1, &first, &err));
    CHECK_STATUS(ktk_commit_status(&state, memory, "u", "x", &err), KTK_E_INVALID);
    assert_int_equal(state, 77);
    assert_int_equal(state_of(first.id), KTK_COMMIT_COMMITTED);
    CHECK_OK(append_label("second", &clock, &second, &err));
    for (int i = 0; i < 200; i++) {
        char label[16];

        (void)snprintf(label, sizeof(label), "l%d", i);
        CHECK_OK(append_label(label, &clock, &commit, &err));
    }
    assert_int_equal(state_of(first.id), KTK_COMMIT_COMMITTED);
    assert_int_equal(state_of(second.id), KTK_COMMIT_COMMITTED);
    assert_int_equal(state_of(commit.id), KTK_COMMIT_COMMITTED);
    assert_int_equal(state_of("0123456789abcdef0123456789abcdef"), KTK_COMMIT_ABSENT);
    /* Old documents were collected: what is older than the last 64 is not known any more. */
    for (int sequence = 2; sequence < 150; sequence++) {
        (void)snprintf(key, sizeof(key), "u/_ktk/v/%012d-", sequence);
        assert_int_equal(test_key_count(memory, key), 1);
        CHECK_OK(ktk_store_list(memory, key, remove_listed, NULL, &err));
    }
    assert_int_equal(state_of(commit.id), KTK_COMMIT_COMMITTED);
    assert_int_equal(state_of(second.id), KTK_COMMIT_UNKNOWN);
    assert_int_equal(state_of("0123456789abcdef0123456789abcdef"), KTK_COMMIT_UNKNOWN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_acknowledged_commit_survives),
        cmocka_unit_test(every_claimed_commit_survives),
        cmocka_unit_test(each_dataset_is_created_by_one),
        CASE(an_old_program_undoes_nothing_in_silence),
        CASE(a_commit_is_found_however_long_ago),
    };
    return cmocka_run_group_tests_name("update/writers", tests, NULL, NULL);
}
