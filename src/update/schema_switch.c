#include "update/schema_switch.h"

#include <stdio.h>

#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/table_schema.h"
#include "update/document_state.h"

/* Others may change the file between our read and our put; each round one of them made progress. */
#define ROUNDS_MAX 16

static bool bytes_equal(const ktk_bytes *bytes, const struct buffer *buffer) {
    return bytes->size == buffer->size &&
           (bytes->size == 0 || memcmp(bytes->data, buffer->data, bytes->size) == 0);
}

/* The file as it is; a missing one gives no bytes and no failure. */
static ktk_status read_file(const struct ktk_update *update, bool *exists, ktk_bytes *out,
                            ktk_store_version *version, ktk_error *err) {
    ktk_status status = ktk_store_get(update->store, update->schema_key, out, version, err);

    *exists = status == KTK_OK;
    return status == KTK_E_NOT_FOUND ? KTK_OK : status;
}

/* Put if the file is still absent (`seen` NULL) or still of that version, where the store can tell.
 */
static ktk_status put_file(const struct ktk_update *update, const void *data, size_t size,
                           const ktk_store_version *seen, ktk_store_version *version,
                           ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    if (ktk_store_has_conditional_put(update->store)) {
        condition.must_not_exist = seen == NULL;
        condition.matches = seen;
    }
    return ktk_store_put(update->store, update->schema_key, data, size, &condition, version, err);
}

/* The put may have come through although it seems to have failed: then the file is ours. */
static ktk_status resolve_put(struct schema_switch *schema_switch, ktk_status status) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    bool exists;

    if (status != KTK_OK && status != KTK_E_EXISTS && status != KTK_E_CONFLICT &&
        read_file(schema_switch->update, &exists, &bytes, &schema_switch->version, NULL) ==
            KTK_OK &&
        exists && bytes_equal(&bytes, &schema_switch->bytes)) {
        status = KTK_OK;
    }
    ktk_bytes_clear(&bytes);
    return status;
}

/* One try. KTK_E_EXISTS and KTK_E_CONFLICT without `is_done`: the file has changed under our hands.
 */
static ktk_status try_put(struct schema_switch *schema_switch, bool *is_done, ktk_error *err) {
    const struct ktk_update *update = schema_switch->update;
    struct document_state state;
    ktk_bytes previous = KTK_BYTES_INIT;
    ktk_store_version seen = {""};
    bool exists;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_file(update, &exists, &previous, &seen, err));
    *is_done = exists && bytes_equal(&previous, &schema_switch->bytes);
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
    status = put_file(update, schema_switch->bytes.data, schema_switch->bytes.size,
                      exists ? &seen : NULL, &schema_switch->version, err);
    KTKI_TRY(resolve_put(schema_switch, status));
    *is_done = true;
    schema_switch->is_put = true;
    schema_switch->had_file = exists;
    schema_switch->previous = previous;
    previous = (ktk_bytes)KTK_BYTES_INIT;
out:
    ktk_bytes_clear(&previous);
    return status;
}

static ktk_status encode(struct schema_switch *schema_switch, struct schema *schema,
                         ktk_error *err) {
    schema_switch->is_changed = true;
    return ktki_table_schema_encode(&schema_switch->bytes, schema_switch->update->context, schema,
                                    err);
}

/* The schema that the dataset has, widened. One that needs no change keeps its very bytes. */
static ktk_status join(struct schema_switch *schema_switch, ktk_error *err) {
    const struct ktk_update *update = schema_switch->update;
    ktk_dataset *dataset = schema_switch->current->dataset;
    struct schema *stored;
    struct schema *joined = NULL;
    const void *file;
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dataset_table_schema(&stored, dataset, update->table, err));
    KTKI_TRY(ktki_table_schema_widen(&joined, stored, update->schema_key, update->schema,
                                     update->schema_origin, err));
    if (joined != stored) {
        KTKI_TRY(encode(schema_switch, joined, err));
        goto out;
    }
    KTKI_TRY(ktk_dataset_schema_file(dataset, update->table, &file, &size, err));
    KTKI_TRY(ktki_buffer_append(&schema_switch->bytes, file, size, err));
out:
    ktki_schema_free(joined);
    return status;
}

/* The file that a version was committed with, as it was. */
static ktk_status take_restored(struct schema_switch *schema_switch, ktk_error *err) {
    const struct ktk_update *update = schema_switch->update;
    const void *file;
    size_t size;
    ktk_status status = KTK_OK;

    if (ktk_dataset_table_count(update->restored) == 0) {
        goto out;
    }
    KTKI_TRY(ktk_dataset_schema_file(update->restored, update->table, &file, &size, err));
    KTKI_TRY(ktki_buffer_append(&schema_switch->bytes, file, size, err));
    ktki_hash_text(schema_switch->hash, ktki_hash_bytes(file, size));
    schema_switch->is_changed = true;
out:
    return status;
}

ktk_status ktki_schema_switch_init(struct schema_switch *out, const struct ktk_update *update,
                                   const struct document_state *current, ktk_error *err) {
    struct schema_switch result = {.update = update, .current = current};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&result.bytes, update->allocator, 0);
    if (update->restored != NULL) {
        KTKI_TRY(take_restored(&result, err));
    } else if (update->schema != NULL) {
        bool is_new = current->dataset == NULL || ktki_update_replaces(update) ||
                      ktk_dataset_table_count(current->dataset) == 0;

        KTKI_TRY(is_new ? encode(&result, update->schema, err) : join(&result, err));
        ktki_hash_text(result.hash, ktki_hash_bytes(result.bytes.data, result.bytes.size));
    }
    *out = result;
    result.update = NULL;
out:
    if (result.update != NULL) {
        ktki_buffer_clear(&result.bytes);
    }
    return status;
}

/* The document that is replaced was committed with this very file, so that its copy is there. */
static bool has_copy(const struct schema_switch *schema_switch) {
    const struct document_state *current = schema_switch->current;
    const struct schema_stamp *stamp =
        current->dataset != NULL
            ? ktki_commit_stamp(ktki_dataset_record(current->dataset), schema_switch->update->table)
            : NULL;

    return stamp != NULL && strcmp(stamp->hash, schema_switch->hash) == 0;
}

static ktk_status put_copy(const struct schema_switch *schema_switch, ktk_error *err) {
    const struct ktk_update *update = schema_switch->update;
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    condition.flags = KTK_PUT_DEFER_SYNC;
    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_schema_copy_key(&key, update->uuid, update->table, schema_switch->hash, err));
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, schema_switch->bytes.data,
                           schema_switch->bytes.size, &condition, NULL, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktki_schema_switch_put(struct schema_switch *schema_switch, ktk_error *err) {
    bool is_done = !schema_switch->is_changed;
    ktk_status status = KTK_OK;

    for (int round = 0; round < ROUNDS_MAX && !is_done; round++) {
        status = try_put(schema_switch, &is_done, err);
        if (status != KTK_E_EXISTS && status != KTK_E_CONFLICT) {
            break;
        }
    }
    return status;
}

ktk_status ktki_schema_switch_prepare(const struct schema_switch *schema_switch, ktk_error *err) {
    return schema_switch->hash[0] == '\0' || has_copy(schema_switch) ? KTK_OK
                                                                     : put_copy(schema_switch, err);
}

void ktki_schema_switch_confirm(struct schema_switch *schema_switch) {
    const struct ktk_update *update = schema_switch->update;
    bool is_ours = !schema_switch->is_changed;

    for (int round = 0; round < ROUNDS_MAX && !is_ours; round++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_store_version seen = {""};
        bool exists;
        ktk_status status = read_file(update, &exists, &bytes, &seen, NULL);

        is_ours = status != KTK_OK || (exists && bytes_equal(&bytes, &schema_switch->bytes));
        if (!is_ours) {
            status = put_file(update, schema_switch->bytes.data, schema_switch->bytes.size,
                              exists ? &seen : NULL, NULL, NULL);
            is_ours = status != KTK_E_EXISTS && status != KTK_E_CONFLICT;
        }
        ktk_bytes_clear(&bytes);
    }
}

/* Somebody has committed a document whose schema is ours, byte for byte: he may rely on our file.
 */
static bool is_relied_on(const struct schema_switch *schema_switch) {
    const struct ktk_update *update = schema_switch->update;
    const struct schema_stamp *stamp = NULL;
    struct document_state state;
    bool result;

    if (ktki_document_state_read(&state, update, false, NULL) != KTK_OK) {
        return false;
    }
    if (state.dataset != NULL) {
        stamp = ktki_commit_stamp(ktki_dataset_record(state.dataset), update->table);
    }
    result = !ktki_document_state_equals(&state, schema_switch->current) && stamp != NULL &&
             strcmp(stamp->hash, schema_switch->hash) == 0;
    ktki_document_state_clear(&state);
    return result;
}

void ktki_schema_switch_revert(struct schema_switch *schema_switch) {
    const struct ktk_update *update = schema_switch->update;
    ktk_store_version version = {""};

    if (!schema_switch->is_put || !schema_switch->had_file || is_relied_on(schema_switch)) {
        return;
    }
    schema_switch->is_put = false;
    if (put_file(update, schema_switch->previous.data, schema_switch->previous.size,
                 &schema_switch->version, &version, NULL) == KTK_OK &&
        is_relied_on(schema_switch)) {
        /* He committed between our look and our put. */
        (void)put_file(update, schema_switch->bytes.data, schema_switch->bytes.size, &version, NULL,
                       NULL);
    }
}

void ktki_schema_switch_clear(struct schema_switch *schema_switch) {
    if (schema_switch->update != NULL) {
        ktki_buffer_clear(&schema_switch->bytes);
        ktk_bytes_clear(&schema_switch->previous);
        *schema_switch = (struct schema_switch){0};
    }
}
