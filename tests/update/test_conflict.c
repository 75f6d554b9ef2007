/*
 * What may be joined: every pair of operations, on the same partitions and on others, against the
 * table of docs/commits.md; and three at a time, whose result must be that of some order of those
 * that were committed, one after the other.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/predicate.h>
#include <kartothek/update.h>

#include "support/frame.h"
#include "update/update_internal.h"

#define KINDS 8
#define TRIPLES 2000
#define TRIPLES_FAR 20
#define LABELS_MAX 32

/* In the order of the table. */
enum kind { APPEND, DELETE, REPLACE, OVERWRITE, COMPACT, INDEX, SCHEMA, METADATA };

static const char *const names[KINDS] = {"append",  "delete", "replace", "overwrite",
                                         "compact", "index",  "schema",  "metadata"};

struct deed {
    enum kind kind;
    char scope; /* the partition key that it is about */
    char other; /* what it sets an index, a type or a key to, if others do */
    int number; /* makes its label and its value its own */
    char label[64];
    char id[33];
    ktk_status outcome;
};

static ktk_context *context;
static ktk_store *memory;
static struct schema *integers; /* the schema with a column `w` of whole numbers */
static struct schema *texts;    /* the same, of texts */

/* ---- the dataset at the start: two partitions of each of three keys, `w` null ---- */

static ktk_status write_rows(ktk_store *store, const char *uuid, ktk_update_mode mode,
                             const char *columns, const char *rows, ktk_error *err) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_status status;

    options.mode = mode;
    options.partition_on = keys;
    options.partition_on_count = 1;
    status = ktk_update_begin(&update, store, uuid, &options, err);
    assert_int_equal(test_frame(&stream, context, columns, rows, 0, NULL, err), KTK_OK);
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, err);
    }
    ktk_update_free(update);
    return status;
}

static struct schema *schema_of(const char *uuid, const char *columns, const char *rows) {
    ktk_dataset *dataset = NULL;
    struct schema *schema;
    ktk_error err;

    CHECK_OK(write_rows(memory, uuid, KTK_UPDATE_CREATE, columns, rows, &err));
    CHECK_OK(ktk_dataset_open(&dataset, memory, uuid, &err));
    CHECK_OK(ktki_dataset_table_schema(&schema, dataset, NULL, &err));
    schema = ktki_schema_ref(schema);
    ktk_dataset_free(dataset);
    return schema;
}

static void make_dataset(void) {
    ktk_error err;

    for (int i = 0; i < 2; i++) {
        CHECK_OK(write_rows(memory, "u", KTK_UPDATE_CREATE_OR_UPDATE,
                            "p:string,v:int64,w:null,x:int64", "a,1,,1;b,2,,2;c,3,,3", &err));
    }
}

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    memory = test_store_open(context);
    integers = schema_of("integers", "p:string,v:int64,w:int64,x:int64", "a,1,1,1");
    texts = schema_of("texts", "p:string,v:int64,w:string,x:int64", "a,1,x,1");
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktki_schema_free(integers);
    ktki_schema_free(texts);
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* ---- the operations ---- */

static void add_partition(ktk_update *update, const struct deed *deed) {
    struct ArrowArrayStream stream = {0};
    char row[32];
    ktk_error err;

    (void)snprintf(row, sizeof(row), "%c,%d,,7", deed->scope, deed->number);
    CHECK_OK(test_frame(&stream, context, "p:string,v:int64,w:null,x:int64", row, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, deed->label + 4, &err));
}

static void delete_scope(ktk_update *update, char scope) {
    const ktk_value value = {.kind = KTK_VALUE_TEXT, .bytes = &scope, .bytes_size = 1};
    const ktk_literal literal = {"p", KTK_OP_EQ, &value, 1};
    const size_t count = 1;
    ktk_predicate *predicate = NULL;
    ktk_error err;

    CHECK_OK(ktk_predicate_new(&predicate, context, &literal, &count, 1, &err));
    CHECK_OK(ktk_update_delete(update, predicate, &err));
    ktk_predicate_free(predicate);
}

/* The partitions of the scope become one. */
static void compact_scope(ktk_update *update, const struct deed *deed) {
    ktk_dataset *dataset = update->base.dataset;
    ktk_error err;

    for (int64_t i = 0; i < ktk_dataset_partition_count(dataset); i++) {
        const char *label = ktk_dataset_partition_label(dataset, i);

        if (label[2] == deed->scope) {
            CHECK_OK(ktki_change_remove(&update->change, label, true, &err));
        }
    }
    add_partition(update, deed);
    update->operation = OPERATION_COMPACT;
}

static void build_index(ktk_update *update, const struct deed *deed) {
    ktk_error err;

    CHECK_OK(ktk_update_build_index(update, deed->other == 'y' ? "x" : "v", &err));
}

static void widen_schema(ktk_update *update, const struct deed *deed) {
    update->tables[0].schema = ktki_schema_ref(deed->other == 'y' ? texts : integers);
    update->tables[0].schema_origin = "widened";
    update->operation = OPERATION_SCHEMA;
}

static ktk_update *begin(struct deed *deed) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    char metadata[64];
    ktk_error err;

    (void)snprintf(deed->label, sizeof(deed->label), "p=%c/new%d", deed->scope, deed->number);
    options.mode = deed->kind == OVERWRITE ? KTK_UPDATE_OVERWRITE : KTK_UPDATE_UPDATE;
    options.partition_on = keys;
    options.partition_on_count = 1;
    options.commit_attempts_max = 4;
    if (deed->kind == METADATA) {
        (void)snprintf(metadata, sizeof(metadata), "{\"%c\": %d}", deed->other, deed->number);
        options.metadata = metadata;
    }
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    if (deed->kind == DELETE || deed->kind == REPLACE) {
        delete_scope(update, deed->scope);
    }
    if (deed->kind == APPEND || deed->kind == REPLACE || deed->kind == OVERWRITE) {
        add_partition(update, deed);
    } else if (deed->kind == COMPACT) {
        compact_scope(update, deed);
    } else if (deed->kind == INDEX) {
        build_index(update, deed);
    } else if (deed->kind == SCHEMA) {
        widen_schema(update, deed);
    }
    memcpy(deed->id, update->commit_id, sizeof(deed->id));
    return update;
}

static void commit_deed(ktk_update *update, struct deed *deed) {
    ktk_commit commit;
    ktk_error err = {0};

    deed->outcome = ktk_update_commit(update, &commit, &err);
    if (deed->outcome != KTK_OK && deed->outcome != KTK_E_CONFLICT) {
        fail_msg("%s: %s", names[deed->kind], err.message);
    }
    ktk_update_free(update);
}

/* ---- a model: sets of labels ---- */

struct model {
    char labels[LABELS_MAX][64];
    int count;
};

static void model_start(struct model *model) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    model->count = (int)ktk_dataset_partition_count(dataset);
    for (int i = 0; i < model->count; i++) {
        (void)snprintf(model->labels[i], sizeof(model->labels[i]), "%s",
                       ktk_dataset_partition_label(dataset, i));
    }
    ktk_dataset_free(dataset);
}

/* Compaction takes the partitions that it read, which are those of the start. */
static void model_apply(struct model *model, const struct model *start, const struct deed *deed) {
    bool removes = deed->kind == DELETE || deed->kind == REPLACE || deed->kind == COMPACT ||
                   deed->kind == OVERWRITE;
    int kept = 0;

    for (int i = 0; i < model->count; i++) {
        bool is_hit = deed->kind == OVERWRITE || model->labels[i][2] == deed->scope;
        bool is_of_start = false;

        for (int j = 0; j < start->count; j++) {
            is_of_start = is_of_start || strcmp(start->labels[j], model->labels[i]) == 0;
        }
        is_hit = is_hit && (deed->kind != COMPACT || is_of_start);
        if (!removes || !is_hit) {
            memmove(model->labels[kept++], model->labels[i], sizeof(model->labels[i]));
        }
    }
    model->count = kept;
    if (deed->kind == APPEND || deed->kind == REPLACE || deed->kind == COMPACT ||
        deed->kind == OVERWRITE) {
        (void)snprintf(model->labels[model->count++], sizeof(model->labels[0]), "%s", deed->label);
    }
}

static void check_model(const struct model *model, const char *what) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    if (ktk_dataset_partition_count(dataset) != model->count) {
        fail_msg("%s: %d partitions, wanted %d", what, (int)ktk_dataset_partition_count(dataset),
                 model->count);
    }
    for (int i = 0; i < model->count; i++) {
        int found = 0;

        for (int64_t j = 0; j < model->count; j++) {
            found += strcmp(ktk_dataset_partition_label(dataset, j), model->labels[i]) == 0;
        }
        if (found != 1) {
            fail_msg("%s: partition %s is there %d times", what, model->labels[i], found);
        }
    }
    ktk_dataset_free(dataset);
}

/* ---- pairs ---- */

/* Rows: what is committed second; columns: what won. 'm' joined, 'c' a conflict. */
static const char *const same_scope[KINDS] = {
    [APPEND] = "mmmcmmmm",  [DELETE] = "cmcccmmm", [REPLACE] = "cccccmmm", [OVERWRITE] = "cccccccc",
    [COMPACT] = "mccccmmm", [INDEX] = "mmmcmcmm",  [SCHEMA] = "mmmcmmcm",  [METADATA] = "mmmcmmmc",
};
static const char *const other_scope[KINDS] = {
    [APPEND] = "mmmcmmmm",  [DELETE] = "mmmcmmmm", [REPLACE] = "mmmcmmmm", [OVERWRITE] = "cccccccc",
    [COMPACT] = "mmmcmmmm", [INDEX] = "mmmcmmmm",  [SCHEMA] = "mmmcmmmm",  [METADATA] = "mmmcmmmm",
};

static void check_pair(enum kind second, enum kind first, bool is_same) {
    struct deed ours = {.kind = second, .scope = 'a', .other = 'x', .number = 1};
    struct deed theirs = {.kind = first, .scope = is_same ? 'a' : 'b', .number = 2};
    char wanted = (is_same ? same_scope : other_scope)[second][first];
    char found;
    struct model start;
    struct model model;
    ktk_update *update;
    char what[64];
    ktk_error err;

    (void)snprintf(what, sizeof(what), "%s after %s, %s", names[second], names[first],
                   is_same ? "same" : "other");
    /* An index of the same column, the same key; for types it is the other way round. */
    theirs.other = is_same == (first != SCHEMA) ? 'x' : 'y';
    make_dataset();
    model_start(&start);
    model = start;
    update = begin(&ours);
    commit_deed(begin(&theirs), &theirs);
    assert_int_equal(theirs.outcome, KTK_OK);
    model_apply(&model, &start, &theirs);
    commit_deed(update, &ours);
    found = ours.outcome == KTK_OK ? 'm' : 'c';
    if (found != wanted) {
        fail_msg("%s: '%c', wanted '%c'", what, found, wanted);
    }
    if (ours.outcome == KTK_OK) {
        model_apply(&model, &start, &ours);
    }
    check_model(&model, what);
    CHECK_OK(ktk_dataset_drop(memory, "u", &err));
}

static void every_pair_is_joined_or_not(void **unused) {
    (void)unused;
    for (int second = 0; second < KINDS; second++) {
        for (int first = 0; first < KINDS; first++) {
            bool is_odd = (second + first) % 2 != 0;

            check_pair((enum kind)second, (enum kind)first, is_odd);
            if (test_rounds(2, 1) == 2) {
                check_pair((enum kind)second, (enum kind)first, !is_odd);
            }
        }
    }
}

/* ---- pairs with a program that keeps no record ---- */

#define DOCUMENT_KEY "u.by-dataset-metadata.json"

/* The partitions are what the deed made of them, and the metadata is as it was before. */
static void commit_as_the_original(struct deed *deed) {
    static const char part[] = "\"partitions\"";
    ktk_bytes before = KTK_BYTES_INIT;
    ktk_bytes after = KTK_BYTES_INIT;
    char text[8000];
    const char *start;
    const char *rest;
    int size;
    ktk_error err;

    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &before, NULL, &err));
    commit_deed(begin(deed), deed);
    assert_int_equal(deed->outcome, KTK_OK);
    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, &after, NULL, &err));
    start = memmem(before.data, before.size, part, strlen(part));
    rest = memmem(after.data, after.size, part, strlen(part));
    assert_true(start != NULL && rest != NULL);
    size = snprintf(text, sizeof(text), "%.*s%.*s", (int)(start - (const char *)before.data),
                    (const char *)before.data, (int)((const char *)after.data + after.size - rest),
                    rest);
    assert_true(size > 0 && (size_t)size < sizeof(text));
    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, text, (size_t)size, NULL, NULL, &err));
    ktk_bytes_clear(&after);
    ktk_bytes_clear(&before);
}

/* The record of a commit on top of theirs says nothing of theirs. */
static void check_unrecorded(enum kind second, enum kind first, bool is_same) {
    struct deed ours = {.kind = second, .scope = 'a', .other = 'x', .number = 1};
    struct deed theirs = {.kind = first, .scope = is_same ? 'a' : 'b', .number = 2};
    struct deed recorded = {.kind = APPEND, .scope = 'c', .number = 3};
    char wanted = (is_same ? same_scope : other_scope)[second][first];
    struct model start;
    struct model model;
    ktk_update *update;
    char what[64];
    ktk_error err;

    (void)snprintf(what, sizeof(what), "%s after unrecorded %s, %s", names[second], names[first],
                   is_same ? "same" : "other");
    make_dataset();
    model_start(&start);
    model = start;
    update = begin(&ours);
    commit_as_the_original(&theirs);
    model_apply(&model, &start, &theirs);
    commit_deed(begin(&recorded), &recorded);
    assert_int_equal(recorded.outcome, KTK_OK);
    model_apply(&model, &start, &recorded);
    commit_deed(update, &ours);
    if ((ours.outcome == KTK_OK) != (wanted == 'm')) {
        fail_msg("%s: outcome %d, wanted '%c'", what, (int)ours.outcome, wanted);
    }
    if (ours.outcome == KTK_OK) {
        model_apply(&model, &start, &ours);
    }
    check_model(&model, what);
    CHECK_OK(ktk_dataset_drop(memory, "u", &err));
}

static void what_no_record_tells_is_seen_in_the_partitions(void **unused) {
    (void)unused;
    for (int second = 0; second < KINDS; second++) {
        for (int first = APPEND; first <= REPLACE; first++) {
            check_unrecorded((enum kind)second, (enum kind)first, true);
            check_unrecorded((enum kind)second, (enum kind)first, false);
        }
    }
}

/* ---- triples ---- */

static uint64_t roll(uint64_t *state) {
    uint64_t x = *state += 0x9E3779B97F4A7C15u;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static int joined; /* commits of triples that came after others */

static void check_triple(uint64_t seed) {
    struct deed deeds[3];
    ktk_update *updates[3];
    struct model start;
    struct model model;
    uint64_t dice = seed;
    char what[64];
    ktk_error err;

    (void)snprintf(what, sizeof(what), "seed %llu", (unsigned long long)seed);
    make_dataset();
    model_start(&start);
    model = start;
    for (int i = 0; i < 3; i++) {
        deeds[i] = (struct deed){.kind = (enum kind)(roll(&dice) % KINDS),
                                 .scope = (char)('a' + (int)(roll(&dice) % 3)),
                                 .other = roll(&dice) % 2 == 0 ? 'x' : 'y',
                                 .number = i};
        updates[i] = begin(&deeds[i]);
    }
    for (int i = 0; i < 3; i++) {
        commit_deed(updates[i], &deeds[i]);
        if (deeds[i].outcome == KTK_OK) {
            model_apply(&model, &start, &deeds[i]);
            joined += i > 0;
        }
    }
    assert_int_equal(deeds[0].outcome, KTK_OK);
    check_model(&model, what);
    CHECK_OK(ktk_dataset_drop(memory, "u", &err));
}

static void three_at_a_time_are_in_some_order(void **unused) {
    uint64_t first = test_seed();
    uint64_t count = test_scaled((uint64_t)test_rounds(TRIPLES, TRIPLES_FAR));

    (void)unused;
    joined = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        check_triple(seed);
    }
    assert_true((uint64_t)joined > count / 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_pair_is_joined_or_not),
        CASE(what_no_record_tells_is_seen_in_the_partitions),
        CASE(three_at_a_time_are_in_some_order),
    };
    return cmocka_run_group_tests_name("update/conflict", tests, NULL, NULL);
}
