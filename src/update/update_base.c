#include "update/update_base.h"

#include "base/error.h"
#include "dataset/document_file.h"
#include "dataset/name.h"
#include "update/update_tables.h"

/* ---- partition columns ---- */

static ktk_status append_names(struct buffer *out, const char *const *names, int32_t count,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        status = ktki_buffer_append_format(out, err, "%s'%s'", i == 0 ? "" : ", ", names[i]);
    }
    if (status == KTK_OK && count == 0) {
        status = ktki_buffer_append_text(out, "none", err);
    }
    return status == KTK_OK ? ktki_buffer_append_byte(out, '\0', err) : status;
}

static ktk_status other_columns(const struct ktk_update *update, const struct document *document,
                                ktk_error *err) {
    struct buffer asked;
    struct buffer found;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&asked, update->allocator, 0);
    ktki_buffer_init(&found, update->allocator, 0);
    KTKI_TRY(append_names(&asked, update->partition_on, update->partition_on_count, err));
    KTKI_TRY(append_names(&found, document->partition_keys, document->partition_key_count, err));
    KTKI_FAIL(err, KTK_E_INVALID,
              "dataset '%s' is partitioned by %s, which an update cannot change to %s",
              update->uuid, (const char *)found.data, (const char *)asked.data);
out:
    if (status == KTK_E_INVALID) {
        ktki_error_about(err, KTK_REASON_PARTITION_KEYS, (const char *)found.data);
    }
    ktki_buffer_clear(&found);
    ktki_buffer_clear(&asked);
    return status;
}

static ktk_status take_columns(struct ktk_update *update, const struct document *document,
                               ktk_error *err) {
    bool is_equal = update->partition_on_count == document->partition_key_count;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; is_equal && i < document->partition_key_count; i++) {
        is_equal = strcmp(update->partition_on[i], document->partition_keys[i]) == 0;
    }
    if (is_equal) {
        goto out;
    }
    /* Rows that were split by no column cannot be split any more. */
    if (update->partition_on_count > 0 || update->has_input) {
        status = other_columns(update, document, err);
        goto out;
    }
    KTKI_TRY(ktki_arena_array(&update->arena, (size_t)document->partition_key_count, sizeof(char *),
                              &update->partition_on, err));
    for (int32_t i = 0; i < document->partition_key_count; i++) {
        KTKI_TRY(ktki_update_text(update, &update->partition_on[i], err, "%s",
                                  document->partition_keys[i]));
    }
    update->partition_on_count = document->partition_key_count;
out:
    return status;
}

/* ---- tables ---- */

static ktk_status take_tables(struct ktk_update *update, const ktk_dataset *dataset,
                              ktk_error *err) {
    int32_t count = ktk_dataset_table_count(dataset);
    const char *first = count > 0 ? ktk_dataset_table(dataset, 0) : NULL;
    ktk_status status = KTK_OK;

    if (count == 0) {
        goto out;
    }
    if (count == 1 && (update->has_table || update->has_input) && update->table_count <= 1 &&
        strcmp(first, update->table_count == 1 ? update->tables[0].name : update->table) != 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "dataset '%s' has table '%s', not '%s'", update->uuid, first,
                  update->table_count == 1 ? update->tables[0].name : update->table);
    }
    KTKI_TRY(ktki_update_take_tables_of(update, dataset, err));
    if (count == 1) {
        update->table = update->tables[0].name;
        update->has_table = true;
    }
out:
    return status;
}

ktk_status ktki_update_check_base(struct ktk_update *update, ktk_dataset *dataset, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(take_columns(update, ktki_dataset_document(dataset), err));
    KTKI_TRY(take_tables(update, dataset, err));
out:
    return status;
}

/* ---- labels ---- */

ktk_status ktki_update_check_label(struct ktk_update *update, const char *label, ktk_error *err) {
    const struct document *document;
    uint64_t *position;
    ktk_status status = KTK_OK;

    if (update->base.dataset == NULL || ktki_update_replaces(update)) {
        goto out;
    }
    document = ktki_dataset_document(update->base.dataset);
    for (int64_t i = (int64_t)update->base_labels.count; i < document->partition_count; i++) {
        const char *known = document->partitions[i].label;

        KTKI_TRY(ktki_hash_map_insert(&update->base_labels, known, strlen(known), 0, &position,
                                      NULL, err));
    }
    if (ktki_hash_map_find(&update->base_labels, label, strlen(label)) != NULL &&
        !ktki_change_removes(&update->change, label)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "dataset '%s' has a partition '%s' already; delete it first, or choose another "
                  "label",
                  update->uuid, label);
    }
out:
    return status;
}

ktk_status ktki_update_take_format(struct ktk_update *update, ktk_document_format format,
                                   ktk_error *err) {
    update->format = format;
    return ktki_update_text(update, &update->document_key, err, "%s%s", update->uuid,
                            ktki_document_suffix(format));
}
