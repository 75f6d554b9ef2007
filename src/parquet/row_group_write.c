#include "parquet/row_group_write.h"

#include "base/alloc.h"
#include "base/error.h"

/*
 * Every thread asks for the next task until there is none: first to bring pages that are ready to
 * the sink, then to encode a page of the earliest column that has one left, then to begin another
 * column, which is the part of its work that only one thread can do. The earliest column waits for
 * room only while pages go to the sink, which makes some: there is always somebody who gets on, and
 * a slow sink does not find a whole column waiting.
 */
enum task_kind { TASK_EMIT, TASK_PAGE, TASK_BEGIN };

struct task {
    enum task_kind kind;
    size_t column;
    size_t page;
};

/* How far a column is. Its data pages are handed out in order. */
struct column_state {
    bool is_begun;
    bool is_finished; /* encoded */
    bool is_dictionary_emitted;
    size_t started_pages;
    size_t encoded_pages;
    size_t emitted_pages;
};

struct run {
    const struct row_group_write *group;
    pthread_mutex_t lock; /* of all below, but for what one task owns */
    pthread_cond_t change;
    struct column_state *states;
    size_t head;         /* the column that is going to the sink */
    size_t begun_count;  /* columns that were handed out to be begun */
    size_t open_count;   /* of these, those not finished */
    size_t waiting_size; /* bytes of pages that are ready and not emitted */
    bool is_emitting;    /* some thread is */
    bool is_failed;
    size_t failed_column;
    size_t failed_page;
    ktk_status failed_status;
    ktk_error failed_error;
};

/* ---- choosing a task; under the lock ---- */

/* The next page of the file, if it is ready. */
static struct write_page *head_page(struct run *run) {
    struct column_write *column = &run->group->columns[run->head];
    const struct column_state *state = &run->states[run->head];
    struct write_page *page = NULL;

    if (run->head == run->group->column_count || !state->is_begun) {
        return NULL;
    }
    if (column->has_dictionary && !state->is_dictionary_emitted) {
        return &column->dictionary_page;
    }
    if (state->emitted_pages < column->pages.count) {
        page = &column->pages.pages[state->emitted_pages];
    }
    return page != NULL && page->is_ready ? page : NULL;
}

/* The earliest column with a page that nobody has started. */
static bool find_page(const struct run *run, struct task *out) {
    bool has_room = run->waiting_size < run->group->waiting_size_max;
    size_t end = run->head + !run->is_emitting; /* without room */

    end = has_room || end > run->begun_count ? run->begun_count : end;
    for (size_t i = run->head; i < end; i++) {
        const struct column_state *state = &run->states[i];

        if (state->is_begun && state->started_pages < run->group->columns[i].pages.count) {
            *out = (struct task){TASK_PAGE, i, state->started_pages};
            return true;
        }
    }
    return false;
}

static bool may_begin(const struct run *run) {
    return run->begun_count < run->group->column_count &&
           (run->begun_count == run->head || (run->open_count <= run->group->thread_count &&
                                              run->waiting_size < run->group->waiting_size_max));
}

/* Wait for a task. False: there will be none. */
static bool next_task(struct run *run, struct task *out) {
    while (!run->is_failed && run->head < run->group->column_count) {
        if (!run->is_emitting && head_page(run) != NULL) {
            *out = (struct task){TASK_EMIT, run->head, 0};
            run->is_emitting = true;
            return true;
        }
        if (find_page(run, out)) {
            run->states[out->column].started_pages++;
            return true;
        }
        if (may_begin(run)) {
            *out = (struct task){TASK_BEGIN, run->begun_count++, 0};
            run->open_count++;
            return true;
        }
        pthread_cond_wait(&run->change, &run->lock);
    }
    return false;
}

/* ---- doing it; called and left with the lock, which is released meanwhile ---- */

/* The column is in the file: the next one's turn. */
static void advance_head(struct run *run) {
    while (run->head < run->group->column_count && run->states[run->head].is_finished &&
           run->states[run->head].emitted_pages == run->group->columns[run->head].pages.count) {
        run->head++;
    }
}

static ktk_status emit_pages(struct run *run, struct task *task, ktk_error *err) {
    const struct row_group_write *group = run->group;
    struct write_page *page;
    ktk_status status = KTK_OK;

    while (!run->is_failed && status == KTK_OK && (page = head_page(run)) != NULL) {
        struct column_state *state = &run->states[run->head];
        struct page_output *output = page->output;

        task->column = run->head;
        task->page = state->emitted_pages;
        pthread_mutex_unlock(&run->lock);
        status = group->sink(group->sink_state, output->bytes.data + page->start,
                             (size_t)page->size, err);
        pthread_mutex_lock(&run->lock);
        if (page == &group->columns[run->head].dictionary_page) {
            state->is_dictionary_emitted = true;
        } else {
            state->emitted_pages++;
        }
        run->waiting_size -= (size_t)page->size;
        page->output = NULL;
        ktki_output_give(group->scratches, output);
        advance_head(run);
        pthread_cond_broadcast(&run->change); /* there may be room now */
    }
    run->is_emitting = false;
    return status;
}

static void page_is_ready(struct run *run, struct write_page *page) {
    page->is_ready = true;
    run->waiting_size += (size_t)page->size;
}

/* After the last page: statistics, which may take a while. */
static ktk_status finish_column(struct run *run, size_t index, ktk_error *err) {
    const struct row_group_write *group = run->group;
    ktk_status status;

    pthread_mutex_unlock(&run->lock);
    status = ktki_column_finish(&group->columns[index], group->scratches, err);
    pthread_mutex_lock(&run->lock);
    run->states[index].is_finished = true;
    run->open_count--;
    advance_head(run);
    return status;
}

static ktk_status encode_page(struct run *run, const struct task *task,
                              struct write_scratch *scratch, ktk_error *err) {
    const struct row_group_write *group = run->group;
    struct column_write *column = &group->columns[task->column];
    ktk_status status;

    pthread_mutex_unlock(&run->lock);
    status = ktki_column_page(column, task->page, group->settings, group->scratches, scratch, err);
    pthread_mutex_lock(&run->lock);
    if (status == KTK_OK) {
        page_is_ready(run, &column->pages.pages[task->page]);
        if (++run->states[task->column].encoded_pages == column->pages.count) {
            status = finish_column(run, task->column, err);
        }
    }
    return status;
}

static ktk_status begin_column(struct run *run, const struct task *task, ktk_error *err) {
    const struct row_group_write *group = run->group;
    struct column_write *column = &group->columns[task->column];
    ktk_status status;

    pthread_mutex_unlock(&run->lock);
    status = ktki_column_begin(column, group->slices, group->slice_count, group->first_row,
                               group->settings, group->scratches, err);
    pthread_mutex_lock(&run->lock);
    if (status == KTK_OK) {
        run->states[task->column].is_begun = true;
        if (column->has_dictionary) {
            page_is_ready(run, &column->dictionary_page);
        }
    }
    return status;
}

/* Of several failures the one that is first in the file is told. */
static void note_failure(struct run *run, const struct task *task, ktk_status status,
                         const ktk_error *error) {
    if (!run->is_failed || task->column < run->failed_column ||
        (task->column == run->failed_column && task->page < run->failed_page)) {
        run->failed_column = task->column;
        run->failed_page = task->page;
        run->failed_status = status;
        run->failed_error = *error;
    }
    run->is_failed = true;
}

static ktk_status work(void *state, size_t item, ktk_error *err) {
    struct run *run = state;
    struct write_scratch *scratch = NULL;
    struct task task;
    ktk_status status = KTK_OK;

    (void)item;
    KTKI_TRY(ktki_scratch_take(run->group->scratches, SCRATCH_PAGE, &scratch, err));
    pthread_mutex_lock(&run->lock);
    while (next_task(run, &task)) {
        ktk_error error = {0};
        ktk_status result = task.kind == TASK_EMIT   ? emit_pages(run, &task, &error)
                            : task.kind == TASK_PAGE ? encode_page(run, &task, scratch, &error)
                                                     : begin_column(run, &task, &error);

        if (result != KTK_OK) {
            note_failure(run, &task, result, &error);
        }
        pthread_cond_broadcast(&run->change);
    }
    pthread_mutex_unlock(&run->lock);
out:
    ktki_scratch_give(run->group->scratches, scratch);
    return status;
}

ktk_status ktki_row_group_write(const struct row_group_write *group, ktk_error *err) {
    struct run run = {.group = group};
    const ktk_allocator *allocator = group->scratches->allocator;
    ktk_status status = KTK_OK;

    (void)pthread_mutex_init(&run.lock, NULL);
    (void)pthread_cond_init(&run.change, NULL);
    KTKI_TRY(
        ktki_alloc_zeroed(allocator, group->column_count, sizeof(*run.states), &run.states, err));
    KTKI_TRY(
        ktki_pool_run(group->pool, group->pool == NULL ? 1 : group->thread_count, work, &run, err));
    if (run.is_failed) {
        status = run.failed_status;
        if (err != NULL) {
            *err = run.failed_error;
        }
    }
out:
    for (size_t i = 0; i < run.begun_count; i++) {
        ktki_column_release(&group->columns[i], group->scratches);
    }
    ktki_free_array(allocator, run.states, group->column_count, sizeof(*run.states));
    (void)pthread_cond_destroy(&run.change);
    (void)pthread_mutex_destroy(&run.lock);
    return status;
}
