#include "update/file_write.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "update/capability.h"
#include "update/put_ahead.h"

/* A file of more bytes goes into the store as it comes. Up to here it is one request, and what is
 * abandoned has asked for nothing. */
#define WHOLE_BYTES_MAX ((size_t)8 << 20)

/* ---- keys ---- */

static ktk_status file_key(char **out, const struct file_write *write, const char *suffix,
                           ktk_error *err) {
    const struct ktk_update *update = write->update;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s/%s/%s%s%s", update->uuid, write->table,
                                       write->file->label, suffix, KTKI_PARQUET_SUFFIX));
    KTKI_TRY(ktki_copy_text(update->allocator, (const char *)key.data, key.size, out, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

/* A put that fails with KTK_E_EXISTS if there is something, as well as the store can tell. */
static ktk_status put_new(const struct file_write *write, const char *key, const void *data,
                          size_t size, ktk_error *err) {
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
    KTKI_TRY(ktk_store_put(store, key, data, size, &condition, NULL, err));
out:
    return status;
}

/* Put under the key of the label or, where that is taken, beside it. There is a key only once the
 * file is ours: before that it may be somebody else's, which nobody must remove. */
static ktk_status put_given(char **out, const struct file_write *write, const void *data,
                            size_t size, ktk_error *err) {
    const struct ktk_update *update = write->update;
    char suffix[KTKI_UUID_TEXT_SIZE + 1] = "-";
    char *key = NULL;
    ktk_status status = KTK_OK;

    memcpy(suffix + 1, update->commit_id, sizeof(update->commit_id));
    KTKI_TRY(file_key(&key, write, "", err));
    status = put_new(write, key, data, size, err);
    if (status == KTK_E_EXISTS) {
        ktki_free_text(update->allocator, key);
        key = NULL;
        KTKI_TRY(file_key(&key, write, suffix, err));
        status = put_new(write, key, data, size, err);
    }
    KTKI_TRY(status);
    *out = key;
    key = NULL;
out:
    ktki_free_text(update->allocator, key);
    return status;
}

/* Under a key that nobody else can have: it is kept before the put, which may come through although
 * it seems to fail. */
static ktk_status put_fresh(struct file_write *write, ktk_error *err) {
    const struct ktk_update *update = write->update;
    char **key = &write->file->key;
    ktk_status status = KTK_OK;

    KTKI_TRY(file_key(key, write, "", err));
    KTKI_TRY(ktki_put_ahead(update->puts, update->store, *key, &write->output->bytes, err));
out:
    return status;
}

/* ---- files that are not small ---- */

/* A key that may be somebody else's is made ours by an empty file, which the whole one replaces:
 * not all stores can join parts on the condition that nothing is there. */
static ktk_status begin_put(struct file_write *write, ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    ktk_status status = KTK_OK;

    condition.flags = KTK_PUT_DEFER_SYNC;
    if (write->is_given) {
        KTKI_TRY(put_given(&write->key, write, "", 0, err));
        write->is_reserved = true;
    } else {
        KTKI_TRY(file_key(&write->key, write, "", err));
    }
    KTKI_TRY(ktki_store_put_begin(&write->put, write->update->store, write->key, &condition, err));
    KTKI_TRY(ktki_store_put_append(write->put, write->output->bytes.data, write->output->bytes.size,
                                   err));
    ktki_buffer_clear(&write->output->bytes);
out:
    return status;
}

static ktk_status append_bytes(void *state, const void *data, size_t size, ktk_error *err) {
    struct file_write *write = state;
    ktk_status status = KTK_OK;

    if (write->put == NULL && write->output->bytes.size + size > WHOLE_BYTES_MAX) {
        KTKI_TRY(begin_put(write, err));
    }
    KTKI_TRY(write->put != NULL ? ktki_store_put_append(write->put, data, size, err)
                                : ktki_buffer_append(&write->output->bytes, data, size, err));
out:
    return status;
}

/* ---- files ---- */

/* Nothing is left of the file at hand, if it was not put. */
static void drop_file(struct file_write *write) {
    ktki_store_put_free(write->put);
    write->put = NULL;
    if (write->is_reserved) {
        ktki_update_discard(write->update, write->key);
        write->is_reserved = false;
    }
    ktki_free_text(write->update->allocator, write->key);
    write->key = NULL;
    write->file = NULL;
    write->row_count = 0;
    if (write->output != NULL) {
        write->output->bytes.size = 0;
    }
}

ktk_status ktki_file_write_init(struct file_write *out, const struct ktk_update *update,
                                int32_t table, struct schema *schema, ktk_error *err) {
    struct file_write write = {.update = update, .table = update->tables[table].name};
    ktk_parquet_write_options options = update->file_options;
    ktk_status status = KTK_OK;

    options.memory_bytes_max = ktki_put_writer_memory(update);
    KTKI_TRY(ktki_output_take(update->scratches, OUTPUT_FILE, &write.output, err));
    KTKI_TRY(ktki_parquet_writer_new(&write.writer, update->context, schema, &options, append_bytes,
                                     out, err));
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
        drop_file(write);
        ktki_output_give(write->update->scratches, write->output);
        *write = (struct file_write){0};
    }
}

void ktki_file_write_begin(struct file_write *write, struct written_file *file, bool is_given) {
    drop_file(write);
    ktki_parquet_writer_restart(write->writer, append_bytes, write);
    write->file = file;
    write->is_given = is_given;
}

ktk_status ktki_file_write_take(struct file_write *write, struct batch *batch, ktk_error *err) {
    int64_t row_count = batch->row_count;
    ktk_status status = ktki_parquet_writer_take(write->writer, batch, err);

    if (status == KTK_OK) {
        write->row_count += row_count;
    }
    return status;
}

/* The parts are all there. From here on the file may come to be although it seems to fail. */
static ktk_status finish_put(struct file_write *write, ktk_error *err) {
    write->file->key = write->key;
    write->key = NULL;
    write->is_reserved = false;
    return ktki_store_put_finish(write->put, NULL, err);
}

ktk_status ktki_file_write_put(struct file_write *write, ktk_error *err) {
    struct written_file *file = write->file;
    int64_t size = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_writer_finish(write->writer, &size, err));
    file->row_count = write->row_count;
    file->size = size;
    if (write->put != NULL) {
        KTKI_TRY(finish_put(write, err));
    } else if (write->is_given) {
        KTKI_TRY(put_given(&file->key, write, write->output->bytes.data, write->output->bytes.size,
                           err));
    } else {
        KTKI_TRY(put_fresh(write, err));
    }
    drop_file(write);
out:
    return status;
}
