#include "query/read_ahead.h"

#include <assert.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "dataset/pandas_metadata.h"
#include "store/backend.h"

#define FILES_AT_ONCE_MAX 256
#define AHEAD_BYTES_MAX ((int64_t)256 << 20)

/* From afar it is the time that matters for which all connections are busy, and pieces are small.
 */
#define FAR_AHEAD_BYTES_MAX ((int64_t)32 << 20)

/* Pieces that are under way or not taken yet, for each that is read at once: enough for the short
 * ones to go on while a long one in front of them is read. */
#define WINDOW_PER_READ 4

/* No piece has failed. */
#define NONE_FAILED INT32_MAX

/* A piece of a file, see scan.h. */
struct read {
    bool is_done;
    int64_t bytes; /* that it counts for */
    struct batch batch;
};

/* A file that has been begun. */
struct file {
    int64_t partition;
    struct scan scan;
    bool is_open;       /* or opening has failed */
    bool is_shown;      /* with `opens_only`, or to `file_pandas` */
    int32_t read_count; /* pieces */
    struct read *reads; /* so many */
    int32_t begun;      /* the first so many */
    int32_t taken;      /* the first so many */
    int32_t failed_at;  /* the first piece that failed, 0 if opening did; NONE_FAILED */
    ktk_status status;  /* why */
    ktk_error error;
};

/* A ring of files in the order of the plan. Every field below the lock is under it. */
struct read_ahead {
    const struct query_plan *plan;
    const ktk_allocator *allocator;
    int32_t reads_max; /* at once */
    size_t window_max;
    int64_t bytes_max;
    bool opens_only;
    bool (*progress)(void *state, int64_t files, int64_t file_count);
    void *progress_state;
    void (*file_pandas)(void *state, const char *json);
    void *file_pandas_state;
    struct pool *own_pool;  /* where the context has too few threads; made when it is needed */
    struct pool_work *work; /* NULL: the taker does it all, or nothing is to be done yet */
    pthread_mutex_t lock;   /* within the pool's lock */
    size_t window;          /* pieces and files that may be under way or not taken */
    size_t count;           /* those that are */
    int64_t bytes;          /* they need */
    int32_t reading;        /* now */
    bool is_called;         /* somebody was called for help, and has not come yet */
    bool has_taken;
    bool is_ending;
    int64_t next_partition; /* index into the plan's partitions */
    size_t first_file;
    size_t file_count;
    struct file *files; /* window_max of them */
};

/* ---- what is next ---- */

/* Something to be read. */
struct job {
    struct file *file;
    int32_t piece; /* -1: the file is to be opened */
};

static struct file *file_at(const struct read_ahead *ahead, size_t index) {
    return &ahead->files[(ahead->first_file + index) % ahead->window_max];
}

static int64_t bytes_of(const struct read_ahead *ahead, const struct job *job) {
    int64_t bytes = ktki_scan_piece_bytes(&job->file->scan, job->piece);

    return bytes < ahead->bytes_max ? bytes : ahead->bytes_max;
}

static bool has_room(const struct read_ahead *ahead, const struct job *job) {
    if (job->file == file_at(ahead, 0) && job->piece == job->file->taken) {
        return true;
    }
    return ahead->count < ahead->window &&
           ktki_scan_piece_bytes(&job->file->scan, job->piece) <= ahead->bytes_max - ahead->bytes;
}

/* The first thing that may be begun now. Behind a failure there is nothing. */
static bool find_job(const struct read_ahead *ahead, struct job *job) {
    if (ahead->reading >= ahead->reads_max || ahead->is_ending) {
        return false;
    }
    for (size_t i = 0; i < ahead->file_count; i++) {
        struct file *file = file_at(ahead, i);
        int32_t end = file->failed_at < file->read_count ? file->failed_at : file->read_count;

        if (file->is_open && file->begun < end && !ahead->opens_only) {
            *job = (struct job){file, file->begun};
            return has_room(ahead, job);
        }
        if (file->failed_at != NONE_FAILED) {
            return false;
        }
    }
    *job = (struct job){file_at(ahead, ahead->file_count), -1};
    return ahead->next_partition < ahead->plan->partition_count &&
           ahead->file_count < ahead->window && ahead->count < ahead->window;
}

static void begin_job(struct read_ahead *ahead, const struct job *job) {
    ahead->reading++;
    ahead->count++;
    if (job->piece < 0) {
        *job->file = (struct file){.partition = ahead->plan->partitions[ahead->next_partition++],
                                   .failed_at = NONE_FAILED};
        ahead->file_count++;
    } else {
        struct read *read = &job->file->reads[job->file->begun++];

        read->bytes = bytes_of(ahead, job);
        ahead->bytes += read->bytes;
    }
}

static bool take_job(struct read_ahead *ahead, struct job *job) {
    bool found = find_job(ahead, job);

    if (found) {
        begin_job(ahead, job);
    }
    return found;
}

/* Whether one more thread has something to do, and must be called. It calls the next one. */
static bool must_call(struct read_ahead *ahead) {
    struct job job;
    bool result = ahead->work != NULL && !ahead->is_called && find_job(ahead, &job);

    ahead->is_called = ahead->is_called || result;
    return result;
}

/* End what began with the lock taken. */
static void unlock(struct read_ahead *ahead) {
    bool calls = must_call(ahead);

    (void)pthread_mutex_unlock(&ahead->lock);
    if (calls) {
        ktki_pool_work_add(ahead->work);
    }
}

/* ---- reading ---- */

static void fail(struct file *file, int32_t piece, ktk_status status, const ktk_error *error) {
    if (piece < file->failed_at) {
        file->failed_at = piece;
        file->status = status;
        file->error = *error;
    }
}

static void open_file(struct read_ahead *ahead, struct file *file) {
    struct scan scan = {0};
    struct read *reads = NULL;
    ktk_error error = {0};
    ktk_status status = ktki_scan_open(&scan, ahead->plan, file->partition, &error);

    if (status == KTK_OK) {
        status = ktki_alloc_zeroed(ahead->allocator, (size_t)scan.piece_count, sizeof(*reads),
                                   &reads, &error);
    }
    if (status != KTK_OK) {
        ktki_scan_clear(&scan);
    }
    (void)pthread_mutex_lock(&ahead->lock);
    file->scan = scan;
    file->reads = reads;
    file->read_count = scan.piece_count;
    file->is_open = true;
    if (status != KTK_OK) {
        fail(file, 0, status, &error);
    }
    ahead->reading--;
    ahead->count--;
}

/* What the rows really take is known now. */
static void count_bytes(struct read_ahead *ahead, struct read *read) {
    int64_t bytes = read->batch.schema == NULL ? 0 : ktki_batch_bytes(&read->batch);

    bytes = bytes < ahead->bytes_max ? bytes : ahead->bytes_max;
    ahead->bytes += bytes - read->bytes;
    read->bytes = bytes;
}

static void read_piece(struct read_ahead *ahead, const struct job *job) {
    struct read *read = &job->file->reads[job->piece];
    struct batch batch = {0};
    ktk_error error = {0};
    ktk_status status = ktki_scan_read(&job->file->scan, job->piece, &batch, &error);

    (void)pthread_mutex_lock(&ahead->lock);
    read->batch = batch;
    read->is_done = status == KTK_OK;
    count_bytes(ahead, read);
    if (status != KTK_OK) {
        fail(job->file, job->piece, status, &error);
        ahead->count--;
    }
    ahead->reading--;
}

/* Whoever has opened a file goes on with its first piece, if that is next. */
static void do_job(struct read_ahead *ahead, struct job *job) {
    if (job->piece < 0) {
        bool goes_on;

        open_file(ahead, job->file);
        goes_on = find_job(ahead, job) && job->piece >= 0;
        if (goes_on) {
            begin_job(ahead, job);
        }
        unlock(ahead);
        if (!goes_on) {
            return;
        }
    }
    read_piece(ahead, job);
    unlock(ahead);
}

static void help(void *state) {
    struct read_ahead *ahead = state;
    struct job job;
    bool found;

    (void)pthread_mutex_lock(&ahead->lock);
    ahead->is_called = false;
    found = take_job(ahead, &job);
    unlock(ahead);
    if (found) {
        do_job(ahead, &job);
    }
}

/* ---- taking ---- */

/* What stands first. */
enum head {
    HEAD_PENDING,
    HEAD_FILE, /* with `opens_only` */
    HEAD_ROWS,
    HEAD_FAILED,
    HEAD_USED_UP,
    HEAD_NONE /* all is taken */
};

static enum head look(const struct read_ahead *ahead) {
    const struct file *file = file_at(ahead, 0);

    if (ahead->file_count == 0) {
        return ahead->next_partition == ahead->plan->partition_count ? HEAD_NONE : HEAD_PENDING;
    }
    if (!file->is_open) {
        return HEAD_PENDING;
    }
    if (file->taken == file->failed_at) {
        return HEAD_FAILED;
    }
    if (ahead->opens_only) {
        return file->is_shown ? HEAD_USED_UP : HEAD_FILE;
    }
    if (file->taken == file->read_count) {
        return HEAD_USED_UP;
    }
    return file->reads[file->taken].is_done ? HEAD_ROWS : HEAD_PENDING;
}

static bool is_ready(void *state) {
    struct read_ahead *ahead = state;
    enum head head;

    (void)pthread_mutex_lock(&ahead->lock);
    head = look(ahead);
    (void)pthread_mutex_unlock(&ahead->lock);
    return head != HEAD_PENDING;
}

/* Files, and pieces of the first one, that nobody has begun. */
static int64_t count_left(const struct read_ahead *ahead) {
    const struct file *file = file_at(ahead, 0);

    return ahead->plan->partition_count - ahead->next_partition +
           (ahead->file_count > 0 ? file->read_count - file->begun : 0);
}

/* Have others help, once there is something for them. */
static ktk_status get_help(struct read_ahead *ahead, ktk_error *err) {
    ktk_context *context = ahead->plan->context;
    struct pool *pool = ktki_context_pool(context);
    ktk_status status = KTK_OK;

    if (ahead->work != NULL || ahead->reads_max == 1 || ahead->window == 1 ||
        count_left(ahead) < 2) {
        return KTK_OK; /* no other thread is there that the lock would be for */
    }
    if (ahead->reads_max > ktk_context_threads(context)) {
        KTKI_TRY(ktki_context_pool_new(&ahead->own_pool, context, ahead->reads_max, err));
        pool = ahead->own_pool;
    }
    KTKI_TRY(ktki_pool_work_new(&ahead->work, pool, help, ahead, err));
out:
    return status;
}

/* Wait for what stands first, and take part in the work meanwhile. */
static ktk_status await(struct read_ahead *ahead, enum head *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (;;) {
        struct job job;
        bool is_found = false;

        (void)pthread_mutex_lock(&ahead->lock);
        *out = look(ahead);
        if (*out == HEAD_PENDING) {
            is_found = take_job(ahead, &job);
        }
        unlock(ahead);
        if (*out != HEAD_PENDING) {
            break;
        }
        if (is_found) {
            do_job(ahead, &job);
            KTKI_TRY(ktki_context_keep_going(ahead->plan->context, err));
        } else {
            assert(ahead->work != NULL);
            KTKI_TRY(ktki_pool_work_wait(ahead->work, is_ready, err));
        }
    }
out:
    return status;
}

static void file_clear(struct read_ahead *ahead, struct file *file) {
    for (int32_t i = 0; i < file->read_count; i++) {
        ktki_batch_clear(&file->reads[i].batch);
    }
    ktki_free_array(ahead->allocator, file->reads, (size_t)file->read_count, sizeof(*file->reads));
    ktki_scan_clear(&file->scan);
}

static void drop_file(struct read_ahead *ahead) {
    struct file file;

    (void)pthread_mutex_lock(&ahead->lock);
    file = *file_at(ahead, 0);
    ahead->first_file = (ahead->first_file + 1) % ahead->window_max;
    ahead->file_count--;
    unlock(ahead);
    file_clear(ahead, &file);
}

static void take_rows(struct read_ahead *ahead, struct batch *out) {
    struct file *file = file_at(ahead, 0);
    struct read *read;

    (void)pthread_mutex_lock(&ahead->lock);
    read = &file->reads[file->taken++];
    *out = read->batch;
    read->batch = (struct batch){0};
    ahead->bytes -= read->bytes;
    ahead->count--;
    (void)pthread_mutex_unlock(&ahead->lock);
}

/* In front of its first rows. */
static void show_pandas(struct read_ahead *ahead) {
    struct file *file = file_at(ahead, 0);
    const struct key_value *entry = NULL;
    bool is_shown;

    (void)pthread_mutex_lock(&ahead->lock);
    is_shown = file->is_shown;
    file->is_shown = true;
    (void)pthread_mutex_unlock(&ahead->lock);
    if (!is_shown && file->scan.file != NULL) {
        entry = ktki_schema_key_value(file->scan.stored, KTKI_PANDAS_KEY);
    }
    if (entry != NULL) {
        (ahead->file_pandas)(ahead->file_pandas_state, entry->value);
    }
}

/* Do away with what was taken last, which was not enough. */
static void go_on(struct read_ahead *ahead) {
    size_t wanted = ahead->window * 2;

    (void)pthread_mutex_lock(&ahead->lock);
    if (ahead->has_taken) {
        ahead->window = wanted < ahead->window_max ? wanted : ahead->window_max;
    }
    ahead->has_taken = true;
    (void)pthread_mutex_unlock(&ahead->lock);
}

/* All files are used up but those in the ring and those that are not begun. */
static ktk_status tell_progress(struct read_ahead *ahead, ktk_error *err) {
    int64_t files;

    if (ahead->progress == NULL) {
        return KTK_OK;
    }
    (void)pthread_mutex_lock(&ahead->lock);
    files = ahead->next_partition - (int64_t)ahead->file_count;
    (void)pthread_mutex_unlock(&ahead->lock);
    return (ahead->progress)(ahead->progress_state, files, ahead->plan->partition_count)
               ? KTK_OK
               : ktk_error_set(err, KTK_E_CANCELLED, "the query was cancelled");
}

/* Wait for what stands first now. A failure that does is told, and nothing goes on behind it. */
static ktk_status step(struct read_ahead *ahead, enum head *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(get_help(ahead, err));
    KTKI_TRY(await(ahead, out, err));
    if (*out == HEAD_FAILED) {
        struct file *file = file_at(ahead, 0);

        (void)pthread_mutex_lock(&ahead->lock);
        ahead->is_ending = true;
        status = file->status;
        if (err != NULL) {
            *err = file->error;
        }
        (void)pthread_mutex_unlock(&ahead->lock);
    }
out:
    return status;
}

/* The next thing that stands first and is not used up. */
static ktk_status next_head(struct read_ahead *ahead, enum head *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    do {
        go_on(ahead);
        KTKI_TRY(step(ahead, out, err));
        if (*out == HEAD_USED_UP) {
            drop_file(ahead);
            KTKI_TRY(tell_progress(ahead, err));
        }
    } while (*out == HEAD_USED_UP);
out:
    return status;
}

ktk_status ktki_read_ahead_next(struct read_ahead *ahead, struct batch *out, ktk_error *err) {
    struct batch batch = {0};
    enum head head = HEAD_ROWS;
    ktk_status status = KTK_OK;

    while (batch.schema == NULL && head == HEAD_ROWS) {
        KTKI_TRY(next_head(ahead, &head, err));
        if (head == HEAD_ROWS) {
            take_rows(ahead, &batch); /* without a schema if no row of it matched */
        }
        if (batch.schema != NULL && ahead->file_pandas != NULL) {
            show_pandas(ahead);
        }
    }
    *out = batch;
out:
    return status;
}

ktk_status ktki_read_ahead_next_file(struct read_ahead *ahead, const struct scan **out,
                                     ktk_error *err) {
    enum head head;
    ktk_status status = KTK_OK;

    KTKI_TRY(next_head(ahead, &head, err));
    *out = NULL;
    if (head == HEAD_FILE) {
        struct file *file = file_at(ahead, 0);

        (void)pthread_mutex_lock(&ahead->lock);
        file->is_shown = true;
        (void)pthread_mutex_unlock(&ahead->lock);
        *out = &file->scan;
    }
out:
    return status;
}

ktk_status ktki_read_ahead_open_first(struct read_ahead *ahead, const struct scan **out,
                                      ktk_error *err) {
    struct job job = {file_at(ahead, 0), -1};
    ktk_status status;

    assert(ahead->file_count == 0 && ahead->plan->partition_count > 0);
    begin_job(ahead, &job);
    open_file(ahead, job.file);
    unlock(ahead);
    status = job.file->status;
    if (status == KTK_OK) {
        *out = &job.file->scan;
    } else if (err != NULL) {
        *err = job.file->error;
    }
    return status;
}

/* All of the first file is taken already. */
static bool is_first_used_up(struct read_ahead *ahead) {
    bool result;

    (void)pthread_mutex_lock(&ahead->lock);
    result = look(ahead) == HEAD_USED_UP;
    (void)pthread_mutex_unlock(&ahead->lock);
    return result;
}

/* The end of a file is no more than its last row group: it opens the window no further. */
ktk_status ktki_read_ahead_next_in_file(struct read_ahead *ahead, struct batch *out,
                                        struct file_end *end, ktk_error *err) {
    struct batch batch = {0};
    struct file_end found = {0};
    enum head head = HEAD_ROWS;
    ktk_status status = KTK_OK;

    while (batch.schema == NULL && head == HEAD_ROWS) {
        if (!is_first_used_up(ahead)) {
            go_on(ahead);
        }
        KTKI_TRY(step(ahead, &head, err));
        if (head == HEAD_ROWS) {
            take_rows(ahead, &batch);
        }
        if (batch.schema != NULL && ahead->file_pandas != NULL) {
            show_pandas(ahead);
        }
    }
    if (head == HEAD_USED_UP) {
        const struct file *file = file_at(ahead, 0);

        found = (struct file_end){file->partition, ktki_schema_ref(file->scan.output)};
        drop_file(ahead);
        KTKI_TRY(tell_progress(ahead, err));
    }
    *out = batch;
    *end = found;
    found = (struct file_end){0};
out:
    ktki_schema_free(found.schema);
    return status;
}

/* ---- life ---- */

static int32_t choose_reads(const struct query_plan *plan, int32_t wanted) {
    int32_t threads = ktk_context_threads(plan->context);
    int32_t suggested = ktki_store_calls_at_once(ktk_dataset_store(plan->dataset));

    if (suggested == 1) {
        return 1; /* it may be for one thread only */
    }
    if (wanted <= 0) {
        wanted = suggested > 0 && threads > 1 ? suggested : threads;
    }
    return wanted < FILES_AT_ONCE_MAX ? wanted : FILES_AT_ONCE_MAX;
}

ktk_status ktki_read_ahead_take_options(struct read_ahead_options *out,
                                        const ktk_query_options *options, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (options->files_at_once < 0 || options->ahead_bytes_max < 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "files_at_once and ahead_bytes_max must not be negative: %d, %lld",
                  options->files_at_once, (long long)options->ahead_bytes_max);
    }
    *out = (struct read_ahead_options){.files_at_once = options->files_at_once,
                                       .ahead_bytes_max = options->ahead_bytes_max,
                                       .progress = options->progress,
                                       .progress_state = options->progress_state,
                                       .file_pandas = options->file_pandas,
                                       .file_pandas_state = options->file_pandas_state};
out:
    return status;
}

ktk_status ktki_read_ahead_new(struct read_ahead **out, const struct query_plan *plan,
                               const struct read_ahead_options *options, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    bool is_far = ktki_store_is_far(ktk_dataset_store(plan->dataset));
    struct read_ahead *ahead = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &ahead, err));
    ahead->plan = plan;
    ahead->allocator = allocator;
    ahead->reads_max = choose_reads(plan, options->files_at_once);
    ahead->bytes_max = options->ahead_bytes_max > 0 ? options->ahead_bytes_max
                       : is_far                     ? FAR_AHEAD_BYTES_MAX
                                                    : AHEAD_BYTES_MAX;
    ahead->opens_only = options->opens_only;
    ahead->progress = options->progress;
    ahead->progress_state = options->progress_state;
    ahead->file_pandas = options->file_pandas;
    ahead->file_pandas_state = options->file_pandas_state;
    ahead->window = 1;
    ahead->window_max = ahead->reads_max == 1 ? 1 : (size_t)ahead->reads_max * WINDOW_PER_READ;
    KTKI_TRY(
        ktki_alloc_zeroed(allocator, ahead->window_max, sizeof(*ahead->files), &ahead->files, err));
    if (pthread_mutex_init(&ahead->lock, NULL) != 0) {
        ktki_free_array(allocator, ahead->files, ahead->window_max, sizeof(*ahead->files));
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make a lock");
    }
    *out = ahead;
    ahead = NULL;
out:
    KTKI_DELETE(allocator, ahead);
    return status;
}

void ktki_read_ahead_free(struct read_ahead *ahead) {
    if (ahead == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->is_ending = true;
    (void)pthread_mutex_unlock(&ahead->lock);
    ktki_pool_work_free(ahead->work);
    ktki_pool_free(ahead->own_pool);
    for (size_t i = 0; i < ahead->file_count; i++) {
        file_clear(ahead, file_at(ahead, i));
    }
    (void)pthread_mutex_destroy(&ahead->lock);
    ktki_free_array(ahead->allocator, ahead->files, ahead->window_max, sizeof(*ahead->files));
    KTKI_DELETE(ahead->allocator, ahead);
}
