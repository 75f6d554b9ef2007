#include "update/update_internal.h"

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "update/commit.h"
#include "update/write_partition.h"

/* ---- beginning ---- */

static ktk_status check_options(const ktk_update_options *options, ktk_error *err) {
    if (options->size != sizeof(*options)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "update options must start as KTK_UPDATE_OPTIONS_INIT");
    }
    if (options->mode != KTK_UPDATE_CREATE && options->mode != KTK_UPDATE_OVERWRITE) {
        return ktk_error_set(err, KTK_E_INVALID, "unknown update mode %d", (int)options->mode);
    }
    if (options->partition_on_count > INT32_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT, "%zu partition columns",
                             options->partition_on_count);
    }
    for (size_t i = 0; i < options->partition_on_count; i++) {
        if (options->partition_on[i] == NULL || options->partition_on[i][0] == '\0') {
            return ktk_error_set(err, KTK_E_INVALID, "partition column %zu has no name", i);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(options->partition_on[i], options->partition_on[j]) == 0) {
                return ktk_error_set(err, KTK_E_INVALID, "partition column '%s' is named twice",
                                     options->partition_on[i]);
            }
        }
    }
    return KTK_OK;
}

static ktk_status copy_options(ktk_update *update, const char *uuid,
                               const ktk_update_options *options, ktk_error *err) {
    const char *table = options->table != NULL ? options->table : KTKI_TABLE_DEFAULT;
    const char *metadata = options->metadata != NULL ? options->metadata : "{}";
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(&update->arena, uuid, strlen(uuid), &update->uuid, err));
    KTKI_TRY(ktki_arena_text(&update->arena, table, strlen(table), &update->table, err));
    update->metadata_size = strlen(metadata);
    KTKI_TRY(
        ktki_arena_text(&update->arena, metadata, update->metadata_size, &update->metadata, err));
    update->partition_on_count = (int32_t)options->partition_on_count;
    KTKI_TRY(ktki_arena_zeroed(&update->arena, options->partition_on_count,
                               sizeof(*update->partition_on), &update->partition_on, err));
    for (size_t i = 0; i < options->partition_on_count; i++) {
        const char *name = options->partition_on[i];
        KTKI_TRY(
            ktki_arena_text(&update->arena, name, strlen(name), &update->partition_on[i], err));
    }
    update->mode = options->mode;
    update->file_options = options->file;
    update->progress = options->progress;
    update->progress_state = options->progress_state;
out:
    return status;
}

/* Everything that can be wrong about the call is found before anything is written (defect D-18). */
static ktk_status check_call(ktk_update *update, ktk_error *err) {
    bool exists = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_table_name_check(update->table, err));
    KTKI_TRY(ktki_commit_metadata_check(update->metadata, update->metadata_size,
                                        update->arena.allocator, err));
    if (update->mode == KTK_UPDATE_CREATE) {
        KTKI_TRY(ktk_dataset_exists(&exists, update->store, update->uuid, err));
        if (exists) {
            KTKI_FAIL(err, KTK_E_EXISTS, "dataset '%s' already exists", update->uuid);
        }
    }
out:
    return status;
}

ktk_status ktk_update_begin(ktk_update **out, ktk_store *store, const char *uuid,
                            const ktk_update_options *options, ktk_error *err) {
    const ktk_update_options defaults = KTK_UPDATE_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(store);
    const ktk_allocator *allocator = ktki_context_allocator(context);
    ktk_update *update = NULL;
    ktk_status status = KTK_OK;

    options = options == NULL ? &defaults : options;
    KTKI_TRY(ktk_uuid_check(uuid, err));
    KTKI_TRY(check_options(options, err));
    KTKI_TRY(KTKI_NEW(allocator, &update, err));
    update->store = ktk_store_ref(store);
    update->context = context;
    ktki_arena_init(&update->arena, allocator);
    ktki_hash_map_init(&update->labels, allocator);
    KTKI_TRY(ktki_uuid7(update->id, err));
    KTKI_TRY(copy_options(update, uuid, options, err));
    KTKI_TRY(check_call(update, err));
    *out = update;
    update = NULL;
out:
    ktk_update_free(update);
    return status;
}

/* ---- adding ---- */

ktk_status ktki_update_remember(ktk_update *update, const struct written_file *file,
                                ktk_error *err) {
    uint64_t *place = NULL;
    bool is_new = false;
    ktk_status status = KTK_OK;

    if (update->file_count == update->file_capacity) {
        size_t capacity = update->file_capacity == 0 ? 16 : 2 * update->file_capacity;
        KTKI_TRY(ktki_resize_array(update->arena.allocator, &update->files, update->file_capacity,
                                   capacity, sizeof(*update->files), err));
        update->file_capacity = capacity;
    }
    KTKI_TRY(ktki_hash_map_insert(&update->labels, file->label, strlen(file->label),
                                  update->file_count, &place, &is_new, err));
    if (!is_new) {
        KTKI_FAIL(err, KTK_E_INVALID, "the label '%s' is duplicated, every partition needs its own",
                  file->label);
    }
    update->files[update->file_count++] = *file;
    update->row_count += file->row_count;
    update->byte_count += file->size;
    if (update->progress != NULL &&
        !update->progress(update->progress_state, (int64_t)update->file_count, update->row_count,
                          update->byte_count)) {
        KTKI_FAIL(err, KTK_E_CANCELLED, "the update was cancelled");
    }
out:
    return status;
}

/* The schema of an input must agree with those before. */
static ktk_status agree(ktk_update *update, const struct schema *data, const char *label,
                        ktk_error *err) {
    struct schema *normal = NULL;
    struct schema *agreed = NULL;
    struct buffer origin;
    const char *origin_text = NULL;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&origin, update->arena.allocator, 0);
    KTKI_TRY(ktki_table_schema_normalise(&normal, data, update->partition_on,
                                         update->partition_on_count, err));
    KTKI_TRY(ktki_buffer_append_format(&origin, err, "%s/%s", update->table, label));
    KTKI_TRY(
        ktki_arena_text(&update->arena, (const char *)origin.data, origin.size, &origin_text, err));
    if (update->schema == NULL) {
        update->schema = normal;
        normal = NULL;
        update->schema_origin = origin_text;
        goto out;
    }
    KTKI_TRY(ktki_table_schema_agree(&agreed, update->schema, update->schema_origin, normal,
                                     origin_text, err));
    ktki_schema_free(update->schema);
    update->schema = agreed;
out:
    ktki_schema_free(normal);
    ktki_buffer_clear(&origin);
    return status;
}

static ktk_status check_label(const ktk_update *update, const char *label, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (label[0] == '\0') {
        KTKI_FAIL(err, KTK_E_INVALID, "a label must not be empty");
    }
    if (update->partition_on_count == 0 &&
        ktki_hash_map_find(&update->labels, label, strlen(label)) != NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "the label '%s' is duplicated, every partition needs its own",
                  label);
    }
out:
    return status;
}

static ktk_status add_stream(ktk_update *update, struct ArrowArrayStream *stream, const char *label,
                             ktk_error *err) {
    char fresh[KTKI_UUID_TEXT_SIZE];
    struct stream_reader reader = {0};
    ktk_status status = KTK_OK;

    if (label == NULL) {
        KTKI_TRY(ktki_uuid7(fresh, err));
        label = fresh;
    }
    KTKI_TRY(check_label(update, label, err));
    KTKI_TRY(ktki_reader_init(&reader, update->context, stream, err));
    if (reader.schema->field_count == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "a frame without columns cannot be stored");
    }
    KTKI_TRY(ktki_partition_columns_check(reader.schema, update->partition_on,
                                          update->partition_on_count, err));
    KTKI_TRY(agree(update, reader.schema, label, err));
    if (update->partition_on_count == 0) {
        KTKI_TRY(ktki_write_whole(update, &reader, label, err));
    } else {
        KTKI_TRY(ktki_write_groups(update, &reader, label, err));
    }
    update->has_input = true;
out:
    ktki_reader_clear(&reader);
    return status;
}

static ktk_status check_open(const ktk_update *update, ktk_error *err) {
    return update->is_over ? ktk_error_set(err, KTK_E_INVALID,
                                           "the update is committed, or has failed: begin another")
                           : KTK_OK;
}

ktk_status ktk_update_add(ktk_update *update, struct ArrowArrayStream *stream, const char *label,
                          ktk_error *err) {
    ktk_status status = check_open(update, err);

    if (status == KTK_OK) {
        status = add_stream(update, stream, label, err);
        update->is_over = status != KTK_OK;
    }
    ktki_stream_clear(stream);
    return status;
}

ktk_status ktk_update_add_nothing(ktk_update *update, ktk_error *err) {
    ktk_status status = check_open(update, err);

    if (status == KTK_OK) {
        update->has_input = true;
    }
    return status;
}

/* ---- ending ---- */

ktk_status ktk_update_commit(ktk_update *update, ktk_commit *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(check_open(update, err));
    if (!update->has_input) {
        KTKI_FAIL(err, KTK_E_INVALID, "nothing was added to dataset '%s'", update->uuid);
    }
    update->is_over = true;
    KTKI_TRY(ktki_commit(update, out, err));
out:
    return status;
}

void ktk_update_free(ktk_update *update) {
    const ktk_allocator *allocator;
    ktk_store *store;

    if (update == NULL) {
        return;
    }
    allocator = update->arena.allocator;
    store = update->store;
    for (size_t i = 0; i < update->file_count && !update->keep_files; i++) {
        KTKI_IGNORE(ktk_store_remove(store, update->files[i].key, NULL));
    }
    ktki_free_array(allocator, update->files, update->file_capacity, sizeof(*update->files));
    ktki_hash_map_clear(&update->labels);
    ktki_schema_free(update->schema);
    ktki_arena_clear(&update->arena);
    KTKI_DELETE(allocator, update);
    ktk_store_free(store);
}
