#include <kartothek/history.h>

#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"
#include "update/commit.h"
#include "update/history_open.h"
#include "update/update_base.h"
#include "update/update_tables.h"

/* ---- are all files there? ---- */

/* One listing instead of a question a file. */
struct presence {
    struct hash_map wanted; /* key of a file, to whether it was listed */
    const char *prefix;     /* of what is listed */
    struct buffer prefix_text;
};

static ktk_status note_present(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct presence *presence = state;
    uint64_t *is_present = ktki_hash_map_find(&presence->wanted, entry->key, strlen(entry->key));

    (void)err;
    if (is_present != NULL) {
        *is_present = 1;
    }
    return KTK_OK;
}

/* Of keys that lie elsewhere - old indices do - the store is asked one by one. */
static ktk_status want(struct presence *presence, ktk_store *store, const char *key,
                       ktk_error *err) {
    bool is_listed = strncmp(key, presence->prefix, strlen(presence->prefix)) == 0;
    ktk_store_entry entry;
    uint64_t *is_present;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_hash_map_insert(&presence->wanted, key, strlen(key), 0, &is_present, NULL, err));
    if (!is_listed) {
        status = ktk_store_head(store, key, &entry, err);
        *is_present = status == KTK_OK;
        status = status == KTK_E_NOT_FOUND ? KTK_OK : status;
    }
out:
    return status;
}

static ktk_status want_all(struct presence *presence, ktk_dataset *dataset, ktk_error *err) {
    const struct document *document = ktki_dataset_document(dataset);
    ktk_store *store = ktk_dataset_store(dataset);
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        for (int32_t j = 0; j < document->partitions[i].file_count; j++) {
            KTKI_TRY(want(presence, store, document->partitions[i].files[j].key, err));
        }
    }
    for (int32_t i = 0; i < document->index_count; i++) {
        if (document->indices[i].key != NULL) {
            KTKI_TRY(want(presence, store, document->indices[i].key, err));
        }
    }
out:
    return status;
}

static bool is_missing(const struct presence *presence, const char *key) {
    return *ktki_hash_map_find(&presence->wanted, key, strlen(key)) == 0;
}

/* The first key that is missing, and how many are. */
static const char *find_missing(const struct presence *presence, const ktk_dataset *dataset,
                                int64_t *count) {
    const struct document *document = ktki_dataset_document(dataset);
    const char *first = NULL;

    *count = 0;
    for (int64_t i = 0; i < document->partition_count; i++) {
        for (int32_t j = 0; j < document->partitions[i].file_count; j++) {
            const char *key = document->partitions[i].files[j].key;

            if (is_missing(presence, key)) {
                first = first == NULL ? key : first;
                (*count)++;
            }
        }
    }
    for (int32_t i = 0; i < document->index_count; i++) {
        const char *key = document->indices[i].key;

        if (key != NULL && is_missing(presence, key)) {
            first = first == NULL ? key : first;
            (*count)++;
        }
    }
    return first;
}

static ktk_status check_files(ktk_dataset *dataset, const char *version, ktk_error *err) {
    ktk_store *store = ktk_dataset_store(dataset);
    struct presence presence = {.prefix = NULL};
    const char *missing;
    int64_t count;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&presence.wanted, ktki_context_allocator(ktk_store_context(store)));
    ktki_buffer_init(&presence.prefix_text, presence.wanted.allocator, 0);
    KTKI_TRY(
        ktki_buffer_append_format(&presence.prefix_text, err, "%s/", ktk_dataset_uuid(dataset)));
    KTKI_TRY(ktki_buffer_append_byte(&presence.prefix_text, '\0', err));
    presence.prefix = (const char *)presence.prefix_text.data;
    KTKI_TRY(want_all(&presence, dataset, err));
    KTKI_TRY(ktk_store_list(store, presence.prefix, note_present, &presence, err));
    missing = find_missing(&presence, dataset, &count);
    if (missing != NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND,
                  "version '%s' of dataset '%s' cannot be restored: file '%s' is gone, and %lld "
                  "more",
                  version, ktk_dataset_uuid(dataset), missing, (long long)(count - 1));
    }
out:
    ktki_buffer_clear(&presence.prefix_text);
    ktki_hash_map_clear(&presence.wanted);
    return status;
}

/* ---- the update ---- */

static ktk_status open_version(struct ktk_update *update, const char *version, ktk_error *err) {
    ktk_dataset *current = update->base.dataset;
    ktk_status status = KTK_OK;

    if (!update->base.exists) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' does not exist in %s", update->uuid,
                  ktk_store_name(update->store));
    }
    if (current == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT,
                  "the document of dataset '%s' in %s cannot be read, so that its versions are not "
                  "known",
                  update->uuid, ktk_store_name(update->store));
    }
    KTKI_TRY(ktki_history_open(&update->restored, current, version, err));
    if (update->restored == current) {
        KTKI_FAIL(err, KTK_E_INVALID, "version '%s' of dataset '%s' is its current state", version,
                  update->uuid);
    }
    KTKI_TRY(check_files(update->restored, version, err));
out:
    return status;
}

static ktk_status prepare(struct ktk_update *update, const char *version, ktk_commit *commit,
                          ktk_error *err) {
    ktk_diff *diff = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_version(update, version, err));
    KTKI_TRY(ktk_diff_new(&diff, update->base.dataset, update->restored, err));
    KTKI_TRY(ktki_update_take_tables_of(update, update->restored, err));
    KTKI_TRY(ktki_update_take_format(update, update->base.format, err));
    update->operation = OPERATION_RESTORE;
    memcpy(commit->id, update->commit_id, sizeof(commit->id));
    commit->partition_count = ktk_diff_added_count(diff);
    commit->removed_count = ktk_diff_removed_count(diff);
    commit->row_count = -1;
out:
    ktk_diff_free(diff);
    return status;
}

ktk_status ktk_dataset_restore(ktk_store *store, const char *uuid, const char *version,
                               bool dry_run, ktk_commit *out, ktk_error *err) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_commit commit = {.attempts = 0};
    ktk_status status = KTK_OK;

    options.mode = KTK_UPDATE_OVERWRITE;
    KTKI_TRY(ktk_update_begin(&update, store, uuid, &options, err));
    KTKI_TRY(prepare(update, version, &commit, err));
    if (!dry_run) {
        KTKI_TRY(ktki_update_fill_change(update, err));
        KTKI_TRY(ktki_commit(update, &commit, err));
    }
    if (out != NULL) {
        *out = commit;
    }
out:
    ktk_update_free(update);
    return status;
}
