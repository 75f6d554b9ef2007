#include "update/schema_switch.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/table_schema.h"
#include "update/capability.h"
#include "update/document_state.h"

/* Others may change the file between our read and our put; each round one of them made progress. */
#define ROUNDS_MAX 16

static bool bytes_equal(const ktk_bytes *bytes, const struct buffer *buffer) {
    return bytes->size == buffer->size &&
           (bytes->size == 0 || memcmp(bytes->data, buffer->data, bytes->size) == 0);
}

/* The file of the table as it is; a missing one gives no bytes and no failure. */
static ktk_status read_file(const struct ktk_update *update, const struct update_table *table,
                            bool *exists, ktk_bytes *out, ktk_store_version *version,
                            ktk_error *err) {
    ktk_status status = ktk_store_get(update->store, table->schema_key, out, version, err);

    *exists = status == KTK_OK;
    return status == KTK_E_NOT_FOUND ? KTK_OK : status;
}

/* Put if the file is still absent (`seen` NULL) or still of that version, where the store can tell.
 */
static ktk_status put_file(const struct ktk_update *update, const struct update_table *table,
                           const void *data, size_t size, const ktk_store_version *seen,
                           ktk_store_version *version, ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    if (ktki_capability_creates(update->store)) {
        condition.must_not_exist = seen == NULL;
    }
    if (ktki_capability_swaps(update->store)) {
        condition.matches = seen;
    }
    return ktk_store_put(update->store, table->schema_key, data, size, &condition, version, err);
}

/* The put may have come through although it seems to have failed: then the file is ours. */
static ktk_status resolve_put(const struct ktk_update *update, struct table_switch *file,
                              ktk_status status) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    bool exists;

    if (status != KTK_OK && status != KTK_E_EXISTS && status != KTK_E_CONFLICT &&
        read_file(update, file->table, &exists, &bytes, &file->version, NULL) == KTK_OK && exists &&
        bytes_equal(&bytes, &file->bytes)) {
        status = KTK_OK;
    }
    ktk_bytes_clear(&bytes);
    return status;
}

/* One try. KTK_E_EXISTS and KTK_E_CONFLICT without `is_done`: the file has changed under our hands.
 */
static ktk_status try_put(const struct schema_switch *schema_switch, struct table_switch *file,
                          bool *is_done, ktk_error *err) {
    const struct ktk_update *update = schema_switch->update;
    struct document_state state;
    ktk_bytes previous = KTK_BYTES_INIT;
    ktk_store_version seen = {""};
    bool exists;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_file(update, file->table, &exists, &previous, &seen, err));
    *is_done = exists && bytes_equal(&previous, &file->bytes);
    if (*is_done) {
        goto out;
    }
    if (exists) {
        /* After the read: whoever put that file before a commit shows that commit here. */
        KTKI_TRY(ktki_document_state_read(&state, update, false, err));
        *is_done = !ktki_document_state_equals(&state, schema_switch->current);
        ktki_document_state_clear(&state);
        if (*is_done) {
            KTKI_FAIL(err, KTK_E_CONFLICT,
                      "dataset '%s' in %s was changed by somebody else meanwhile", update->uuid,
                      ktk_store_name(update->store));
        }
    }
    status = put_file(update, file->table, file->bytes.data, file->bytes.size,
                      exists ? &seen : NULL, &file->version, err);
    KTKI_TRY(resolve_put(update, file, status));
    *is_done = true;
    file->is_put = true;
    file->had_file = exists;
    file->previous = previous;
    previous = (ktk_bytes)KTK_BYTES_INIT;
out:
    ktk_bytes_clear(&previous);
    return status;
}

/* ---- what the files are to be ---- */

static ktk_status encode(const struct ktk_update *update, struct table_switch *file,
                         struct schema *schema, ktk_error *err) {
    file->is_changed = true;
    return ktki_table_schema_encode(&file->bytes, update->context, schema, err);
}

/* The schema that the dataset has, widened. One that needs no change keeps its very bytes. */
static ktk_status join(const struct schema_switch *schema_switch, struct table_switch *out,
                       ktk_error *err) {
    const struct update_table *table = out->table;
    ktk_dataset *dataset = schema_switch->current->dataset;
    struct schema *stored;
    struct schema *joined = NULL;
    const void *file;
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dataset_table_schema(&stored, dataset, table->name, err));
    status = ktki_table_schema_widen(&joined, stored, table->schema_key, table->schema,
                                     table->schema_origin, err);
    if (status == KTK_E_SCHEMA) {
        ktki_error_about(err, KTK_REASON_TABLE_SCHEMA, table->name);
    }
    KTKI_TRY(status);
    if (joined != stored) {
        KTKI_TRY(encode(schema_switch->update, out, joined, err));
        goto out;
    }
    KTKI_TRY(ktk_dataset_schema_file(dataset, table->name, &file, &size, err));
    KTKI_TRY(ktki_buffer_append(&out->bytes, file, size, err));
out:
    ktki_schema_free(joined);
    return status;
}

/* The file that a version was committed with, as it was. */
static ktk_status take_restored(const struct ktk_update *update, struct table_switch *out,
                                ktk_error *err) {
    const void *file;
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_schema_file(update->restored, out->table->name, &file, &size, err));
    KTKI_TRY(ktki_buffer_append(&out->bytes, file, size, err));
    ktki_hash_text(out->hash, ktki_hash_bytes(file, size));
    out->is_changed = true;
out:
    return status;
}

static ktk_status fill(const struct schema_switch *schema_switch, struct table_switch *file,
                       ktk_error *err) {
    const struct ktk_update *update = schema_switch->update;
    const struct document_state *current = schema_switch->current;
    struct schema *schema = file->table->schema;
    ktk_status status = KTK_OK;

    if (update->restored != NULL) {
        KTKI_TRY(take_restored(update, file, err));
    } else if (schema != NULL) {
        bool is_new = current->dataset == NULL || ktki_update_replaces(update) ||
                      ktk_dataset_table_count(current->dataset) == 0;

        KTKI_TRY(is_new ? encode(update, file, schema, err) : join(schema_switch, file, err));
        ktki_hash_text(file->hash, ktki_hash_bytes(file->bytes.data, file->bytes.size));
    }
out:
    return status;
}

ktk_status ktki_schema_switch_init(struct schema_switch *out, const struct ktk_update *update,
                                   const struct document_state *current, ktk_error *err) {
    struct schema_switch result = {.update = update, .current = current};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(update->allocator, (size_t)update->table_count,
                               sizeof(*result.tables), &result.tables, err));
    result.table_count = update->table_count;
    for (int32_t i = 0; i < result.table_count; i++) {
        result.tables[i].table = &update->tables[i];
        ktki_buffer_init(&result.tables[i].bytes, update->allocator, 0);
        KTKI_TRY(fill(&result, &result.tables[i], err));
    }
    *out = result;
    result = (struct schema_switch){0};
out:
    ktki_schema_switch_clear(&result);
    return status;
}

/* ---- copies ---- */

/* The document that is replaced was committed with this very file, so that its copy is there. */
static bool has_copy(const struct schema_switch *schema_switch, const struct table_switch *file) {
    const struct document_state *current = schema_switch->current;
    const struct schema_stamp *stamp =
        current->dataset != NULL
            ? ktki_commit_stamp(ktki_dataset_record(current->dataset), file->table->name)
            : NULL;

    return stamp != NULL && strcmp(stamp->hash, file->hash) == 0;
}

static ktk_status put_copy(const struct ktk_update *update, const struct table_switch *file,
                           ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    condition.flags = KTK_PUT_DEFER_SYNC;
    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_schema_copy_key(&key, update->uuid, file->table->name, file->hash, err));
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, file->bytes.data,
                           file->bytes.size, &condition, NULL, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktki_schema_switch_prepare(const struct schema_switch *schema_switch, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < schema_switch->table_count && status == KTK_OK; i++) {
        const struct table_switch *file = &schema_switch->tables[i];

        if (file->hash[0] != '\0' && !has_copy(schema_switch, file)) {
            status = put_copy(schema_switch->update, file, err);
        }
    }
    return status;
}

/* ---- before and after the commit ---- */

ktk_status ktki_schema_switch_put(struct schema_switch *schema_switch, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < schema_switch->table_count && status == KTK_OK; i++) {
        struct table_switch *file = &schema_switch->tables[i];
        bool is_done = !file->is_changed;

        for (int round = 0; round < ROUNDS_MAX && !is_done; round++) {
            status = try_put(schema_switch, file, &is_done, err);
            if (status != KTK_E_EXISTS && status != KTK_E_CONFLICT) {
                break;
            }
        }
    }
    return status;
}

/* Does the document that is there have our schema, byte for byte? `*is_moved`: it is another one
 * than our commit was to replace. */
static bool has_ours(const struct schema_switch *schema_switch, const struct table_switch *file,
                     bool *is_moved) {
    const struct ktk_update *update = schema_switch->update;
    const struct schema_stamp *stamp = NULL;
    struct document_state state;
    bool result;

    if (ktki_document_state_read(&state, update, false, NULL) != KTK_OK) {
        return false;
    }
    if (state.dataset != NULL) {
        stamp = ktki_commit_stamp(ktki_dataset_record(state.dataset), file->table->name);
    }
    result = stamp != NULL && strcmp(stamp->hash, file->hash) == 0;
    *is_moved = !ktki_document_state_equals(&state, schema_switch->current);
    ktki_document_state_clear(&state);
    return result;
}

/* Somebody has committed a document with our schema: he may rely on our file. */
static bool is_relied_on(const struct schema_switch *schema_switch,
                         const struct table_switch *file) {
    bool is_moved = false;

    return has_ours(schema_switch, file, &is_moved) && is_moved;
}

static void confirm(const struct schema_switch *schema_switch, const struct table_switch *file) {
    const struct ktk_update *update = schema_switch->update;
    /* What was put under a claim came after what anybody put before, and must not go over what
     * comes after. */
    bool is_ours = !file->is_changed || (file->is_put && ktki_capability_claims(update->store));

    for (int round = 0; round < ROUNDS_MAX && !is_ours; round++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_store_version seen = {""};
        bool exists;
        bool is_moved;
        ktk_status status = read_file(update, file->table, &exists, &bytes, &seen, NULL);

        /* After the read: what was put for a commit after ours shows that commit here. */
        is_ours = status != KTK_OK || (exists && bytes_equal(&bytes, &file->bytes)) ||
                  !has_ours(schema_switch, file, &is_moved);
        if (!is_ours) {
            status = put_file(update, file->table, file->bytes.data, file->bytes.size,
                              exists ? &seen : NULL, NULL, NULL);
            is_ours = status != KTK_E_EXISTS && status != KTK_E_CONFLICT;
        }
        ktk_bytes_clear(&bytes);
    }
}

void ktki_schema_switch_confirm(struct schema_switch *schema_switch) {
    for (int32_t i = 0; i < schema_switch->table_count; i++) {
        confirm(schema_switch, &schema_switch->tables[i]);
    }
}

static void revert(const struct schema_switch *schema_switch, struct table_switch *file) {
    const struct ktk_update *update = schema_switch->update;
    ktk_store_version version = {""};

    if (!file->is_put || !file->had_file || ktki_capability_claims(update->store) ||
        is_relied_on(schema_switch, file)) {
        return;
    }
    file->is_put = false;
    if (put_file(update, file->table, file->previous.data, file->previous.size, &file->version,
                 &version, NULL) == KTK_OK &&
        is_relied_on(schema_switch, file)) {
        /* He committed between our look and our put. */
        (void)put_file(update, file->table, file->bytes.data, file->bytes.size, &version, NULL,
                       NULL);
    }
}

void ktki_schema_switch_revert(struct schema_switch *schema_switch) {
    for (int32_t i = 0; i < schema_switch->table_count; i++) {
        revert(schema_switch, &schema_switch->tables[i]);
    }
}

void ktki_schema_switch_clear(struct schema_switch *schema_switch) {
    if (schema_switch->update == NULL) {
        return;
    }
    for (int32_t i = 0; i < schema_switch->table_count; i++) {
        ktki_buffer_clear(&schema_switch->tables[i].bytes);
        ktk_bytes_clear(&schema_switch->tables[i].previous);
    }
    ktki_free_array(schema_switch->update->allocator, schema_switch->tables,
                    (size_t)schema_switch->table_count, sizeof(*schema_switch->tables));
    *schema_switch = (struct schema_switch){0};
}
