#include "update/file_write.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "update/capability.h"
#include "update/put_ahead.h"

static ktk_status append_bytes(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

ktk_status ktki_file_write_init(struct file_write *out, const struct ktk_update *update,
                                int32_t table, struct schema *schema, ktk_error *err) {
    struct file_write write = {.update = update, .table = update->tables[table].name};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_output_take(update->scratches, OUTPUT_FILE, &write.output, err));
    KTKI_TRY(ktki_parquet_writer_new(&write.writer, update->context, schema, &update->file_options,
                                     append_bytes, &write.output->bytes, err));
    ktki_parquet_writer_share(write.writer, update->scratches);
    *out = write;
    write = (struct file_write){0};
out:
    ktki_file_write_clear(&write);
    return status;
}

void ktki_file_write_clear(struct file_write *write) {
    if (write->update != NULL) {
        ktki_parquet_writer_free(write->writer);
        ktki_output_give(write->update->scratches, write->output);
        *write = (struct file_write){0};
    }
}

ktk_status ktki_file_write_take(struct file_write *write, struct batch *batch, ktk_error *err) {
    int64_t row_count = batch->row_count;
    ktk_status status = ktki_parquet_writer_take(write->writer, batch, err);

    if (status == KTK_OK) {
        write->row_count += row_count;
    }
    return status;
}

static ktk_status file_key(char **out, const struct file_write *write, const char *label,
                           const char *suffix, ktk_error *err) {
    const struct ktk_update *update = write->update;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s/%s/%s%s%s", update->uuid, write->table, label,
                                       suffix, KTKI_PARQUET_SUFFIX));
    KTKI_TRY(ktki_copy_text(update->allocator, (const char *)key.data, key.size, out, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

/* A put that fails with KTK_E_EXISTS if there is something, as well as the store can tell. */
static ktk_status put_new(const struct file_write *write, const char *key, ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    ktk_store *store = write->update->store;
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    condition.flags = KTK_PUT_DEFER_SYNC;
    if (ktki_capability_creates(store)) {
        condition.must_not_exist = true;
    } else {
        status = ktk_store_head(store, key, &entry, err);
        if (status == KTK_OK) {
            KTKI_FAIL(err, KTK_E_EXISTS, "'%s' exists", key);
        }
        KTKI_TRY(status == KTK_E_NOT_FOUND ? KTK_OK : status);
    }
    KTKI_TRY(ktk_store_put(store, key, write->output->bytes.data, write->output->bytes.size,
                           &condition, NULL, err));
out:
    return status;
}

/* Under the key of the label or, where that is taken, beside it. `file` has the key only once the
 * file is ours: before that it may be somebody else's, which nobody must remove. */
static ktk_status put_given(const struct file_write *write, struct written_file *file,
                            ktk_error *err) {
    const struct ktk_update *update = write->update;
    char suffix[KTKI_UUID_TEXT_SIZE + 1] = "-";
    char *key = NULL;
    ktk_status status = KTK_OK;

    memcpy(suffix + 1, update->commit_id, sizeof(update->commit_id));
    KTKI_TRY(file_key(&key, write, file->label, "", err));
    status = put_new(write, key, err);
    if (status == KTK_E_EXISTS) {
        ktki_free_text(update->allocator, key);
        key = NULL;
        KTKI_TRY(file_key(&key, write, file->label, suffix, err));
        status = put_new(write, key, err);
    }
    KTKI_TRY(status);
    file->key = key;
    key = NULL;
out:
    ktki_free_text(update->allocator, key);
    return status;
}

/* Under a key that nobody else can have: it is kept before the put, which may come through although
 * it seems to fail. */
static ktk_status put_fresh(struct file_write *write, struct written_file *file, ktk_error *err) {
    const struct ktk_update *update = write->update;
    ktk_status status = KTK_OK;

    KTKI_TRY(file_key(&file->key, write, file->label, "", err));
    KTKI_TRY(ktki_put_ahead(update->puts, update->store, file->key, &write->output->bytes, err));
out:
    return status;
}

ktk_status ktki_file_write_put(struct file_write *write, struct written_file *file, bool is_given,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_writer_finish(write->writer, NULL, err));
    file->row_count = write->row_count;
    file->size = (int64_t)write->output->bytes.size;
    KTKI_TRY(is_given ? put_given(write, file, err) : put_fresh(write, file, err));
    write->row_count = 0;
    write->output->bytes.size = 0;
    ktki_parquet_writer_restart(write->writer, append_bytes, &write->output->bytes);
out:
    return status;
}
