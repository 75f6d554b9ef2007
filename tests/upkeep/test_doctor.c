#include "support/frame.h"
#include "support/hooked_store.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/compact.h>
#include <kartothek/dataset.h>
#include <kartothek/doctor.h>

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    memory = test_store_open(context);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* ---- helpers ---- */

static void append_to(ktk_store *store, ktk_update_mode mode, const char *rows, const char *index) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    CHECK_OK(test_frame(&stream, context, "x:int64", rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    if (index != NULL) {
        CHECK_OK(ktk_update_build_index(update, index, &err));
    }
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

static void append(ktk_update_mode mode, const char *rows, const char *index) {
    append_to(memory, mode, rows, index);
}

static ktk_dataset *opened(void) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    return dataset;
}

/* Findings as text: "<ailment> <subject>;" */
struct findings {
    char text[1000];
    int mendable;
};

static ktk_status note(void *state, const ktk_finding *finding, ktk_error *err) {
    static const char *const names[] = {"missing file", "lost", "missing index"};
    struct findings *findings = state;
    size_t used = strlen(findings->text);

    (void)err;
    assert_non_null(finding->key);
    assert_int_equal(finding->commit != NULL, finding->ailment == KTK_AILMENT_LOST_PARTITION);
    (void)snprintf(findings->text + used, sizeof(findings->text) - used, "%s %s;",
                   names[finding->ailment], finding->subject);
    findings->mendable += finding->can_mend;
    return KTK_OK;
}

/* Long after the last commit: none is young. */
static ktk_doctor_result visit(bool acts, struct findings *findings) {
    ktk_doctor_options options = KTK_DOCTOR_OPTIONS_INIT;
    ktk_doctor_result result;
    ktk_error err;

    *findings = (struct findings){.mendable = 0};
    options.acts = acts;
    options.young_ms = -1;
    options.report = note;
    options.report_state = findings;
    CHECK_OK(ktk_doctor(memory, "u", &options, &result, &err));
    return result;
}

static void check_healthy(void) {
    struct findings findings;
    ktk_doctor_result result = visit(true, &findings);

    assert_string_equal(findings.text, "");
    assert_int_equal(result.finding_count, 0);
    assert_int_equal(result.commit.id[0], '\0');
}

/* ---- cases ---- */

static void finds_nothing_in_a_sound_dataset(void **unused) {
    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", "x");
    append(KTK_UPDATE_UPDATE, "3", NULL);
    check_healthy();
    test_check_dataset(memory, "u", "x|1;2;3");
}

static void takes_out_what_cannot_be_read(void **unused) {
    struct findings findings;
    ktk_doctor_result result;
    ktk_dataset *dataset;
    char wanted[200];
    ktk_error err;

    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", "x");
    append(KTK_UPDATE_UPDATE, "3", NULL);
    dataset = opened();
    CHECK_OK(ktk_store_remove(memory, ktk_dataset_partition_file(dataset, 0, "table"), &err));
    (void)snprintf(wanted, sizeof(wanted), "missing file %s;",
                   ktk_dataset_partition_label(dataset, 0));
    ktk_dataset_free(dataset);
    result = visit(false, &findings);
    assert_string_equal(findings.text, wanted);
    assert_int_equal(result.mended_count, 0);
    result = visit(true, &findings);
    assert_int_equal(result.mended_count, 1);
    assert_int_equal(result.commit.removed_count, 1);
    test_check_dataset(memory, "u", "x|3");
    check_healthy();
}

static void builds_an_index_that_is_gone(void **unused) {
    struct findings findings;
    ktk_dataset *dataset;
    ktk_store_entry entry;
    ktk_error err;

    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", "x");
    dataset = opened();
    CHECK_OK(ktk_store_remove(memory, ktk_dataset_index_key(dataset, 0), &err));
    ktk_dataset_free(dataset);
    (void)visit(true, &findings);
    assert_string_equal(findings.text, "missing index x;");
    dataset = opened();
    CHECK_OK(ktk_store_head(memory, ktk_dataset_index_key(dataset, 0), &entry, &err));
    ktk_dataset_free(dataset);
    check_healthy();
}

/* The original reads, we commit, the original writes what it made of the state before: ours is
 * gone from the document (hazard H1). */
static void brings_back_what_an_old_writer_wrote_over(void **unused) {
    static const char document_key[] = "u.by-dataset-metadata.json";
    struct findings findings;
    ktk_doctor_result result;
    ktk_bytes before = KTK_BYTES_INIT;
    ktk_dataset *dataset;
    char wanted[200];
    ktk_error err;

    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", NULL);
    CHECK_OK(ktk_store_get(memory, document_key, &before, NULL, &err));
    append(KTK_UPDATE_UPDATE, "3", NULL);
    dataset = opened();
    (void)snprintf(wanted, sizeof(wanted), "lost %s;", ktk_dataset_partition_label(dataset, 1));
    ktk_dataset_free(dataset);
    CHECK_OK(ktk_store_put(memory, document_key, before.data, before.size, NULL, NULL, &err));
    ktk_bytes_clear(&before);
    test_check_dataset(memory, "u", "x|1;2");
    (void)visit(false, &findings);
    assert_string_equal(findings.text, wanted);
    result = visit(true, &findings);
    assert_int_equal(result.mended_count, 1);
    test_check_dataset(memory, "u", "x|1;2;3");
    check_healthy();
}

/* The rows of a compaction that was written over are in the dataset, where they were before. */
static void does_not_double_rows(void **unused) {
    static const char document_key[] = "u.by-dataset-metadata.json";
    struct findings findings;
    ktk_compact_result compacted;
    ktk_doctor_result result;
    ktk_bytes before = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", NULL);
    append(KTK_UPDATE_UPDATE, "3", NULL);
    CHECK_OK(ktk_store_get(memory, document_key, &before, NULL, &err));
    CHECK_OK(ktk_compact(&compacted, memory, "u", NULL, &err));
    append(KTK_UPDATE_UPDATE, "4", NULL);
    CHECK_OK(ktk_store_put(memory, document_key, before.data, before.size, NULL, NULL, &err));
    ktk_bytes_clear(&before);
    result = visit(true, &findings);
    assert_int_equal(result.finding_count, 2);
    assert_int_equal(result.mended_count, 1);
    test_check_dataset(memory, "u", "x|1;2;3;4");
}

/* What was deleted on purpose is not lost. */
static void leaves_deleted_partitions_alone(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", NULL);
    append(KTK_UPDATE_UPDATE, "3", NULL);
    options.mode = KTK_UPDATE_UPDATE;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_delete_all(update, &err));
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
    append(KTK_UPDATE_UPDATE, "4", NULL);
    check_healthy();
    test_check_dataset(memory, "u", "x|4");
}

/* A commit is under way: what it wrote is not in the dataset, and not lost either. */
static void visit_at_work(void *unused) {
    ktk_doctor_options options = KTK_DOCTOR_OPTIONS_INIT;
    struct findings findings = {.mendable = 0};
    ktk_doctor_result result;
    ktk_error err;

    (void)unused;
    options.acts = true;
    options.report = note;
    options.report_state = &findings;
    CHECK_OK(ktk_doctor(memory, "u", &options, &result, &err));
    assert_int_equal(result.finding_count, 1);
    assert_int_equal(findings.mendable, 0);
    assert_int_equal(result.commit.id[0], '\0');
}

static void leaves_a_commit_that_is_under_way_to_its_writer(void **unused) {
    struct hooked_store hooked = {.key_suffix = "u.by-dataset-metadata.json",
                                  .before_put = visit_at_work};
    ktk_store *store = hooked_store_new(&hooked, memory);

    (void)unused;
    append(KTK_UPDATE_CREATE, "1;2", NULL);
    append_to(store, KTK_UPDATE_UPDATE, "3", NULL);
    test_check_dataset(memory, "u", "x|1;2;3");
    check_healthy();
    ktk_store_free(store);
}

static void says_what_is_not_there(void **unused) {
    ktk_doctor_result result;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_doctor(memory, "u", NULL, &result, &err), KTK_E_NOT_FOUND);
    CHECK_OK(ktk_store_put(memory, "u.by-dataset-metadata.json", "{", 1, NULL, NULL, &err));
    CHECK_STATUS(ktk_doctor(memory, "u", NULL, &result, &err), KTK_E_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_nothing_in_a_sound_dataset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_out_what_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(builds_an_index_that_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(brings_back_what_an_old_writer_wrote_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(does_not_double_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_deleted_partitions_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_a_commit_that_is_under_way_to_its_writer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_not_there, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
