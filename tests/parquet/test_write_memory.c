#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../arrow/random_arrays.h"
#include "arrow/builder.h"
#include "base/context.h"
#include "made_file.h"
#include "parquet/row_bytes.h"

#define MIB ((int64_t)1 << 20)

/* ---- an allocator that knows how much was in use at most ---- */

struct watched {
    pthread_mutex_t lock;
    int64_t used_bytes;
    int64_t peak_bytes;
    int64_t asked_bytes; /* of all blocks that were made or changed */
};

static void *watched_resize(void *state, void *block, size_t old_size, size_t new_size) {
    struct watched *watched = state;
    void *resized = NULL;

    if (new_size == 0) {
        free(block);
    } else {
        resized = aligned_alloc(KTK_ALIGNMENT,
                                (new_size + KTK_ALIGNMENT - 1) / KTK_ALIGNMENT * KTK_ALIGNMENT);
        assert_non_null(resized);
        if (block != NULL) {
            memcpy(resized, block, old_size < new_size ? old_size : new_size);
            free(block);
        }
    }
    pthread_mutex_lock(&watched->lock);
    watched->used_bytes += (int64_t)new_size - (int64_t)old_size;
    watched->asked_bytes += (int64_t)new_size;
    if (watched->used_bytes > watched->peak_bytes) {
        watched->peak_bytes = watched->used_bytes;
    }
    pthread_mutex_unlock(&watched->lock);
    return resized;
}

static ktk_status drop(void *state, const void *data, size_t size, ktk_error *err) {
    int64_t *total = state;

    (void)data;
    (void)err;
    *total += (int64_t)size;
    return KTK_OK;
}

/* A batch of two columns: numbers of a kind, and texts made of them. */
static void make_rows(struct batch *out, ktk_context *context, struct schema *schema, int64_t count,
                      int64_t first, bool is_repetitive) {
    struct array_builder numbers;
    struct array_builder texts;
    ktk_error err;

    CHECK_OK(ktki_batch_init(out, schema, count, &err));
    CHECK_OK(ktki_builder_init(&numbers, context, &schema->fields[0], &err));
    CHECK_OK(ktki_builder_init(&texts, context, &schema->fields[1], &err));
    for (int64_t i = first; i < first + count; i++) {
        int64_t number = is_repetitive ? i * i % 5003 : i * INT64_C(2654435761);
        char text[32];
        int size = snprintf(text, sizeof(text), "text %lld", (long long)number);

        CHECK_OK(ktki_builder_append_i64(&numbers, number, &err));
        CHECK_OK(ktki_builder_append_bytes(&texts, text, (size_t)size, &err));
    }
    CHECK_OK(ktki_builder_finish(&numbers, &out->columns[0], &err));
    CHECK_OK(ktki_builder_finish(&texts, &out->columns[1], &err));
    ktki_builder_clear(&numbers);
    ktki_builder_clear(&texts);
}

static struct schema *two_columns(ktk_context *context) {
    const struct field fields[] = {{"n", {.id = TYPE_INT64}, .nullable = true},
                                   {"t", {.id = TYPE_STRING}, .nullable = true}};
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 2, &err));
    CHECK_OK(ktki_field_copy(schema, &schema->fields[0], &fields[0], &err));
    CHECK_OK(ktki_field_copy(schema, &schema->fields[1], &fields[1], &err));
    return schema;
}

/* Write many times the budget: what parquet.h promises is kept, whatever the size of the file. */
static void check_budget(int32_t threads, bool is_repetitive, int64_t budget) {
    const int64_t thread_bytes = 32 * MIB + 4 * MIB;
    struct watched watched = {.used_bytes = 0};
    const ktk_allocator allocator = {watched_resize, &watched};
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_parquet_writer *writer = NULL;
    ktk_context *context = NULL;
    ktk_context *producer = test_context_new(1);
    struct schema *schema = two_columns(producer);
    int64_t written = 0;
    int64_t input = 0;
    int64_t row = 0;
    ktk_error err;

    (void)pthread_mutex_init(&watched.lock, NULL);
    context_options.allocator = &allocator;
    context_options.threads = threads;
    CHECK_OK(ktk_context_new(&context, &context_options, &err));
    options.memory_bytes_max = budget;
    CHECK_OK(ktki_parquet_writer_new(&writer, context, schema, &options, drop, &written, &err));
    while (input < 4 * budget) {
        struct batch batch;

        make_rows(&batch, producer, schema, 20000, row, is_repetitive);
        input += ktki_row_bytes(&batch, 0, batch.row_count);
        row += batch.row_count;
        /* Copied: rows that wait count as the writer's. */
        CHECK_OK(ktki_parquet_writer_add(writer, &batch, &err));
        ktki_batch_clear(&batch);
    }
    CHECK_OK(ktki_parquet_writer_finish(writer, NULL, &err));
    ktki_parquet_writer_free(writer);
    assert_true(written > 0);
    assert_true(watched.peak_bytes > budget / 4);
    if (watched.peak_bytes > budget + threads * thread_bytes) {
        fail_msg("%lld bytes for a budget of %lld", (long long)watched.peak_bytes,
                 (long long)budget);
    }
    ktk_context_free(context);
    assert_int_equal(watched.used_bytes, 0);
    (void)pthread_mutex_destroy(&watched.lock);
    ktki_schema_free(schema);
    test_context_free(producer);
}

static void memory_stays_within_the_budget(void **unused) {
    (void)unused;
    check_budget(1, false, MIB);
    check_budget(1, false, 4 * MIB);
    check_budget(1, true, 4 * MIB);
    check_budget(3, false, 4 * MIB);
    check_budget(3, true, 4 * MIB);
}

/* ---- a sink that is slower than those who encode ---- */

static ktk_status drop_slowly(void *state, const void *data, size_t size, ktk_error *err) {
    const struct timespec pause = {0, 10000000};

    (void)nanosleep(&pause, NULL);
    return drop(state, data, size, err);
}

/* Beside the rows there are no more pages than may wait, also of a column that is being written;
 * what a thread has at work comes on top. */
static void pages_wait_for_a_slow_sink(void **unused) {
    const int64_t budget = 128 * MIB;
    const int32_t threads = 2;
    struct watched watched = {.used_bytes = 0};
    const ktk_allocator allocator = {watched_resize, &watched};
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_parquet_writer *writer = NULL;
    ktk_context *context = NULL;
    ktk_context *producer = test_context_new(1);
    struct schema *schema = two_columns(producer);
    struct batch batch;
    int64_t written = 0;
    int64_t rows;
    ktk_error err;

    (void)unused;
    (void)pthread_mutex_init(&watched.lock, NULL);
    context_options.allocator = &allocator;
    context_options.threads = threads;
    CHECK_OK(ktk_context_new(&context, &context_options, &err));
    options.memory_bytes_max = budget;
    options.no_dictionary = true;
    options.compression = KTK_COMPRESSION_NONE;
    options.row_group_rows_max = INT64_C(1) << 22;
    CHECK_OK(
        ktki_parquet_writer_new(&writer, context, schema, &options, drop_slowly, &written, &err));
    make_rows(&batch, producer, schema, 1600000, 0, false);
    rows = ktki_row_bytes(&batch, 0, batch.row_count);
    assert_true(rows < budget / 16 * 7); /* one row group */
    CHECK_OK(ktki_parquet_writer_add(writer, &batch, &err));
    CHECK_OK(ktki_parquet_writer_finish(writer, NULL, &err));
    ktki_parquet_writer_free(writer);
    ktki_batch_clear(&batch);
    assert_true(written > 40 * MIB);
    if (watched.peak_bytes > rows + budget / 8 + threads * 8 * MIB) {
        fail_msg("%lld bytes for %lld of rows and %lld that may wait",
                 (long long)watched.peak_bytes, (long long)rows, (long long)budget / 8);
    }
    ktk_context_free(context);
    (void)pthread_mutex_destroy(&watched.lock);
    ktki_schema_free(schema);
    test_context_free(producer);
}

/* ---- several writers, one after the other ---- */

/* Bytes of memory that a file of many values asks for, with scratches of its own or shared ones. */
static int64_t write_one(struct buffer *out, struct watched *watched, ktk_context *context,
                         struct scratch_pool *scratches, const struct batch *batch) {
    int64_t before = watched->asked_bytes;
    ktk_parquet_writer *writer = NULL;
    ktk_error err;

    ktki_buffer_init(out, test_allocator(), 0);
    CHECK_OK(ktki_parquet_writer_new(&writer, context, batch->schema, NULL, made_sink, out, &err));
    if (scratches != NULL) {
        ktki_parquet_writer_share(writer, scratches);
    }
    CHECK_OK(ktki_parquet_writer_add(writer, batch, &err));
    CHECK_OK(ktki_parquet_writer_finish(writer, NULL, &err));
    ktki_parquet_writer_free(writer);
    return watched->asked_bytes - before;
}

/* The second of two writers has all it needs from the first, and writes the same bytes as one that
 * is alone. */
static void writers_share_scratches(void **unused) {
    struct watched watched = {.used_bytes = 0};
    const ktk_allocator allocator = {watched_resize, &watched};
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *producer = test_context_new(1);
    struct schema *schema = two_columns(producer);
    ktk_context *context = NULL;
    struct scratch_pool scratches;
    struct buffer files[3];
    struct batch batch;
    int64_t alone;
    int64_t second;
    ktk_error err;

    (void)unused;
    (void)pthread_mutex_init(&watched.lock, NULL);
    context_options.allocator = &allocator;
    context_options.threads = 1;
    CHECK_OK(ktk_context_new(&context, &context_options, &err));
    ktki_scratch_pool_init(&scratches, &allocator);
    make_rows(&batch, producer, schema, 20000, 0, true);
    alone = write_one(&files[0], &watched, context, NULL, &batch);
    (void)write_one(&files[1], &watched, context, &scratches, &batch);
    second = write_one(&files[2], &watched, context, &scratches, &batch);
    if (second * 2 > alone) { /* the rows themselves are copied each time */
        fail_msg("%lld bytes were asked for, alone %lld", (long long)second, (long long)alone);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(files[i].size, files[0].size);
        assert_memory_equal(files[i].data, files[0].data, files[0].size);
    }
    for (size_t i = 0; i < 3; i++) {
        ktki_buffer_clear(&files[i]);
    }
    ktki_scratch_pool_clear(&scratches);
    ktk_context_free(context);
    assert_int_equal(watched.used_bytes, 0);
    (void)pthread_mutex_destroy(&watched.lock);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    test_context_free(producer);
}

/* ---- where row groups are cut ---- */

/* 8 bytes a number: 7/16 MiB are 57,344 of them. */
static void the_row_that_fills_the_share_is_the_last_of_its_group(void **unused) {
    static const int64_t batches[] = {57343, 1, 57345, 57342, 200000};
    static const int64_t wanted[] = {57344, 57344, 57344, 57344, 57344, 57344, 27967};
    struct field field = {"n", {.id = TYPE_INT64}, .nullable = true};
    ktk_context *context = test_context_new(1);
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct batch made[5];
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    uint32_t random = 3;
    ktk_error err;

    (void)unused;
    options.memory_bytes_max = MIB;
    for (size_t i = 0; i < 5; i++) {
        struct ArrowArray array;

        random_array(&array, &field, batches[i], 10, &random);
        made_column(&made[i], context, &field, &array);
    }
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, made[0].schema, made, 5, &options, &err));
    made_open(&file, context, &bytes);
    ktk_parquet_file_info(file, &info);
    assert_int_equal(info.row_group_count, 7);
    for (int32_t i = 0; i < 7; i++) {
        ktk_parquet_row_group_info group;

        CHECK_OK(ktk_parquet_row_group_info_get(file, i, &group, &err));
        assert_int_equal(group.row_count, wanted[i]);
    }
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    for (size_t i = 0; i < 5; i++) {
        ktki_batch_clear(&made[i]);
    }
    test_context_free(context);
}

/* Rows of every type have the same size in whatever pieces they are asked for, and the row that
 * takes them to a size is found. */
static void parts_add_up(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = made_schema(context);
    uint32_t random = 9;

    (void)unused;
    for (int round = 0; round < 30; round++) {
        struct batch batch;
        int64_t whole;
        int64_t sum = 0;
        int64_t steps = 0;
        int64_t found;

        made_batch(&batch, schema, 60, round % 3 * 30, &random);
        whole = ktki_row_bytes(&batch, 0, 60);
        for (int64_t row = 0; row < 60; row++) {
            sum += ktki_row_bytes(&batch, row, 1);
        }
        assert_true(whole > 0);
        assert_int_equal(sum, whole);
        sum = 0;
        while (sum < whole / 2) {
            sum += ktki_row_bytes(&batch, steps++, 1);
        }
        found = ktki_rows_of_bytes(&batch, 0, 60, whole / 2);
        assert_int_equal(found, steps);
        ktki_batch_clear(&batch);
    }
    ktki_schema_free(schema);
    test_context_free(context);
}

static void too_little_memory_is_refused(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = two_columns(context);
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_parquet_writer *writer = TEST_POISON;
    ktk_error err;

    (void)unused;
    options.memory_bytes_max = MIB - 1;
    CHECK_STATUS(ktki_parquet_writer_new(&writer, context, schema, &options, drop, NULL, &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("needs 1048576 bytes");
    assert_ptr_equal(writer, TEST_POISON);
    options.memory_bytes_max = -1;
    CHECK_STATUS(ktki_parquet_writer_new(&writer, context, schema, &options, drop, NULL, &err),
                 KTK_E_INVALID);
    ktki_schema_free(schema);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_stays_within_the_budget),
        cmocka_unit_test(pages_wait_for_a_slow_sink),
        cmocka_unit_test(writers_share_scratches),
        cmocka_unit_test(the_row_that_fills_the_share_is_the_last_of_its_group),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(too_little_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
