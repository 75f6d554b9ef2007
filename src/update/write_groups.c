#include "update/write_groups.h"

#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "dataset/table_schema.h"
#include "update/file_write.h"
#include "update/put_ahead.h"

/* Groups of so many rows together are one task: its writer serves them one after the other. */
#define TASK_ROWS_MIN ((int64_t)64 << 10)

/* But no more groups than that: each is a file, which takes its time, and nobody is asked whether
 * to go on before the task is done. */
#define TASK_GROUPS_MAX 64

/* Tasks that are started together: enough to keep the threads busy, few enough for the caller to
 * hear of progress. */
#define TASKS_PER_THREAD 4
#define TASKS_MAX 1024

/* The tasks of a wave; task i takes the groups [starts[i], starts[i + 1]). */
struct wave {
    const struct ktk_update *update;
    const struct partition_rows *rows;
    struct schema *file_schema;
    struct written_file *const *files;
    int32_t table;
    bool is_given;
    size_t task_count;
    uint32_t starts[TASKS_MAX + 1];
};

static ktk_status write_group(struct file_write *write, const struct wave *wave, uint32_t group,
                              ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    ktki_file_write_begin(write, wave->files[group], wave->is_given);
    for (size_t piece = 0; piece < wave->rows->piece_count; piece++) {
        KTKI_TRY(ktki_partition_rows_view(&batch, wave->rows, group, piece, err));
        if (batch.schema != NULL) {
            KTKI_TRY(ktki_file_write_take(write, &batch, err));
            batch = (struct batch){0};
        }
    }
    KTKI_TRY(ktki_file_write_put(write, err));
out:
    ktki_batch_clear(&batch);
    return status;
}

static ktk_status write_task(void *state, size_t item, ktk_error *err) {
    const struct wave *wave = state;
    struct file_write write = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_file_write_init(&write, wave->update, wave->table, wave->file_schema, err));
    for (uint32_t group = wave->starts[item]; group < wave->starts[item + 1]; group++) {
        KTKI_TRY(write_group(&write, wave, group, err));
    }
out:
    ktki_file_write_clear(&write);
    return status;
}

/* Choose tasks for the groups from `first` on. */
static void plan_wave(struct wave *wave, uint32_t first) {
    size_t tasks_max = (size_t)ktk_context_threads(wave->update->context) * TASKS_PER_THREAD;
    uint32_t group = first;

    tasks_max = tasks_max > TASKS_MAX ? TASKS_MAX : tasks_max;
    wave->task_count = 0;
    wave->starts[0] = first;
    while (group < wave->rows->group_count && wave->task_count < tasks_max) {
        int64_t row_count = 0;

        while (group < wave->rows->group_count && row_count < TASK_ROWS_MIN &&
               group - wave->starts[wave->task_count] < TASK_GROUPS_MAX) {
            row_count += ktki_partition_rows_count(wave->rows, group++);
        }
        wave->starts[++wave->task_count] = group;
    }
}

ktk_status ktki_write_groups(struct ktk_update *update, int32_t table,
                             const struct partition_rows *rows, struct written_file *const *files,
                             bool is_given, ktk_error *err) {
    struct wave wave = {
        .update = update, .table = table, .rows = rows, .files = files, .is_given = is_given};
    uint32_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_put_ahead_begin(update, rows->group_count, err));
    KTKI_TRY(ktki_table_schema_of_file(&wave.file_schema, rows->schema, update->partition_on,
                                       update->partition_on_count, err));
    while (done < rows->group_count) {
        plan_wave(&wave, done);
        KTKI_TRY(ktki_pool_run(ktki_context_pool(update->context), wave.task_count, write_task,
                               &wave, err));
        for (; done < wave.starts[wave.task_count]; done++) {
            KTKI_TRY(ktki_update_count(update, files[done], err));
        }
    }
out:
    ktki_schema_free(wave.file_schema);
    return status;
}
