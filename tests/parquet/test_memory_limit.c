/* A file ten times larger than the memory budget is read and written again in an address space that
 * has no room for it. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kartothek/arrow.h>
#include <kartothek/parquet.h>

#define BUDGET ((int64_t)16 << 20)
#define FILE_SIZE (10 * BUDGET)
/* Reader and writer have a budget each; the rest is for what has none: stacks, codecs, the heap's
 * own. */
#define ADDRESS_SPACE (4 * BUDGET)

#define BATCH_ROWS 16384
#define TEXT_SIZE 12

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
    __has_feature(thread_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

/* ---- a stream of numbers and texts that do not compress ---- */

struct maker {
    int64_t batches_left;
    uint64_t random;
    int64_t numbers[BATCH_ROWS];
    int32_t offsets[BATCH_ROWS + 1];
    char texts[BATCH_ROWS * TEXT_SIZE];
};

static void release_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    array->release = NULL;
}

static void release_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
}

static const char *no_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return NULL;
}

static int make_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    static struct ArrowSchema number;
    static struct ArrowSchema text;
    static struct ArrowSchema *columns[] = {&number, &text};

    (void)stream;
    number = (struct ArrowSchema){.format = "l", .name = "number", .release = release_schema};
    text = (struct ArrowSchema){.format = "u", .name = "text", .release = release_schema};
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 2,
                                .children = columns,
                                .release = release_schema};
    return 0;
}

static int make_batch(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    static const void *buffers[][3] = {{NULL}, {NULL}, {NULL}};
    static struct ArrowArray number;
    static struct ArrowArray text;
    static struct ArrowArray *columns[] = {&number, &text};
    struct maker *maker = stream->private_data;

    *out = (struct ArrowArray){.release = NULL};
    if (maker->batches_left-- == 0) {
        return 0;
    }
    for (int i = 0; i < BATCH_ROWS; i++) {
        maker->random = maker->random * 6364136223846793005u + 1442695040888963407u;
        maker->numbers[i] = (int64_t)maker->random;
        maker->offsets[i] = i * TEXT_SIZE;
        for (int j = 0; j < TEXT_SIZE; j++) {
            maker->texts[i * TEXT_SIZE + j] = (char)('0' + (maker->random >> (8 + 4 * j)) % 64);
        }
    }
    maker->offsets[BATCH_ROWS] = BATCH_ROWS * TEXT_SIZE;
    buffers[1][1] = maker->numbers;
    buffers[2][1] = maker->offsets;
    buffers[2][2] = maker->texts;
    number = (struct ArrowArray){
        .length = BATCH_ROWS, .n_buffers = 2, .buffers = buffers[1], .release = release_array};
    text = (struct ArrowArray){
        .length = BATCH_ROWS, .n_buffers = 3, .buffers = buffers[2], .release = release_array};
    *out = (struct ArrowArray){.length = BATCH_ROWS,
                               .n_buffers = 1,
                               .n_children = 2,
                               .buffers = buffers[0],
                               .children = columns,
                               .release = release_array};
    return 0;
}

static void make_file(const char *path) {
    static struct maker maker;
    struct ArrowArrayStream stream = {make_schema, make_batch, no_error, release_stream, &maker};
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_context *context = test_context_new(1);
    ktk_error err;

    maker = (struct maker){.batches_left = FILE_SIZE / (BATCH_ROWS * (8 + 4 + TEXT_SIZE)) + 1,
                           .random = 1};
    options.compression = KTK_COMPRESSION_NONE;
    options.no_dictionary = true;
    options.row_group_rows_max = (int64_t)1 << 24; /* one row group */
    CHECK_OK(ktk_parquet_write_path(context, path, &stream, &options, &err));
    test_context_free(context);
}

/* ---- the work, in a process of its own ---- */

static int64_t address_space_used(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld", &pages) != 1) {
        pages = -1;
    }
    if (file != NULL) {
        fclose(file);
    }
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static ktk_status rewrite(const char *from, const char *to, ktk_error *err) {
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_parquet_read_options read = KTK_PARQUET_READ_OPTIONS_INIT;
    ktk_parquet_write_options write = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_context *context = NULL;
    ktk_parquet_file *file = NULL;
    ktk_status status;

    context_options.threads = 1;
    read.memory_bytes_max = BUDGET;
    write.memory_bytes_max = BUDGET;
    status = ktk_context_new(&context, &context_options, err);
    if (status == KTK_OK) {
        status = ktk_parquet_open_path(&file, context, from, err);
    }
    if (status == KTK_OK) {
        status = ktk_parquet_read(&stream, file, &read, err);
    }
    if (status == KTK_OK) {
        status = ktk_parquet_write_path(context, to, &stream, &write, err);
    }
    ktk_parquet_file_free(file);
    ktk_context_free(context);
    return status;
}

static void rewrite_with_little_memory(const char *from, const char *to) {
    pid_t child = fork();
    int state = 0;

    assert_true(child >= 0);
    if (child == 0) {
        int64_t limit = address_space_used() + ADDRESS_SPACE;
        struct rlimit space = {(rlim_t)limit, (rlim_t)limit};
        ktk_error err = {0};
        ktk_status status = KTK_E_INTERNAL;

        if (setrlimit(RLIMIT_AS, &space) == 0) {
            status = rewrite(from, to, &err);
        }
        if (status != KTK_OK) {
            fprintf(stderr, "# %s: %s\n", ktk_status_name(status), err.message);
        }
        _exit(status == KTK_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFEXITED(state));
    assert_int_equal(WEXITSTATUS(state), 0);
}

/* ---- what has come of it ---- */

struct sums {
    int64_t rows;
    uint64_t numbers;
    uint64_t texts; /* depends on the order */
};

static void add_batch(struct sums *sums, const struct ArrowArray *batch) {
    const struct ArrowArray *number = batch->children[0];
    const struct ArrowArray *text = batch->children[1];
    const int64_t *numbers = (const int64_t *)number->buffers[1] + number->offset;
    const int32_t *offsets = (const int32_t *)text->buffers[1] + text->offset;
    const uint8_t *bytes = text->buffers[2];

    for (int64_t i = 0; i < batch->length; i++) {
        sums->numbers = sums->numbers * 31 + (uint64_t)numbers[i];
        for (int32_t j = offsets[i]; j < offsets[i + 1]; j++) {
            sums->texts = sums->texts * 31 + bytes[j];
        }
    }
    sums->rows += batch->length;
}

static struct sums sum_file(const char *path) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_parquet_file *file = NULL;
    struct sums sums = {0};
    ktk_error err;

    CHECK_OK(ktk_parquet_open_path(&file, context, path, &err));
    CHECK_OK(ktk_parquet_read(&stream, file, NULL, &err));
    for (;;) {
        struct ArrowArray batch = {.release = NULL};

        CHECK_OK(ktk_stream_next(&stream, &batch, &err));
        if (batch.release == NULL) {
            break;
        }
        add_batch(&sums, &batch);
        batch.release(&batch);
    }
    stream.release(&stream);
    ktk_parquet_file_free(file);
    test_context_free(context);
    return sums;
}

static void rewrites_a_file_ten_times_its_memory(void **unused) {
    char from[512];
    char to[512];
    char *folder;
    struct sums before;
    struct sums after;

    (void)unused;
#ifdef IS_SANITIZED
    print_message("# SKIPPED: sanitizers reserve more address space than there is to limit\n");
    skip();
#endif
    folder = test_folder_new();
    (void)snprintf(from, sizeof(from), "%s/from.parquet", folder);
    (void)snprintf(to, sizeof(to), "%s/to.parquet", folder);
    make_file(from);
    rewrite_with_little_memory(from, to);
    before = sum_file(from);
    after = sum_file(to);
    assert_true(before.rows * (8 + 4 + TEXT_SIZE) >= FILE_SIZE);
    assert_int_equal(after.rows, before.rows);
    assert_int_equal(after.numbers, before.numbers);
    assert_int_equal(after.texts, before.texts);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewrites_a_file_ten_times_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
