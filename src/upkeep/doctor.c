#include <kartothek/doctor.h>

#include <string.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "base/retry.h"
#include "update/commit_chain.h"
#include "update/history_open.h"
#include "update/index_follow.h"
#include "upkeep/versions.h"

#define YOUNG_MS ((int64_t)3600 * 1000)

/* The patient. */
struct doctor {
    ktk_store *store;
    const char *uuid;
    const ktk_allocator *allocator;
    const ktk_doctor_options *options;
    struct current_documents documents;
    ktk_dataset *dataset; /* the document that is read; borrowed */
    struct key_list keys;
    struct arena arena;
    struct hash_map labels; /* of the dataset, and of lost partitions that were found */
    struct hash_map seen;   /* ids of commits that are not in the chain, and were looked at */
    ktk_update *update;     /* that mends; NULL: looking only */
    ktk_doctor_result result;
};

static ktk_status report(struct doctor *doctor, const ktk_finding *finding, ktk_error *err) {
    const ktk_doctor_options *options = doctor->options;

    doctor->result.finding_count++;
    doctor->result.mended_count += finding->can_mend && options->acts;
    return options->report == NULL ? KTK_OK : options->report(options->report_state, finding, err);
}

/* ---- files that are gone ---- */

/* A key may lie outside of the dataset's folder: old documents name such files. */
static ktk_status is_there(bool *out, const struct doctor *doctor, const char *key,
                           ktk_error *err) {
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    *out = ktki_key_list_find(&doctor->keys, key) != NULL;
    if (!*out) {
        status = ktk_store_head(doctor->store, key, &entry, err);
        *out = status == KTK_OK;
        status = status == KTK_E_NOT_FOUND ? KTK_OK : status;
    }
    return status;
}

static ktk_status find_missing_file(struct doctor *doctor, const struct partition *partition,
                                    ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < partition->file_count; i++) {
        const ktk_finding finding = {KTK_AILMENT_MISSING_FILE, partition->label,
                                     partition->files[i].key, NULL, true};
        bool exists;

        KTKI_TRY(is_there(&exists, doctor, partition->files[i].key, err));
        if (exists) {
            continue;
        }
        KTKI_TRY(report(doctor, &finding, err));
        if (doctor->update != NULL) {
            KTKI_TRY(ktki_change_remove(&doctor->update->change, partition->label, true, err));
            doctor->update->has_input = true;
        }
        break; /* one is enough to lose the partition */
    }
out:
    return status;
}

static ktk_status find_missing_index(struct doctor *doctor, const struct document_index *index,
                                     ktk_error *err) {
    const ktk_finding finding = {KTK_AILMENT_MISSING_INDEX, index->column, index->key, NULL, true};
    bool exists = true;
    ktk_status status = KTK_OK;

    if (index->key != NULL) {
        KTKI_TRY(is_there(&exists, doctor, index->key, err));
    }
    if (!exists) {
        KTKI_TRY(report(doctor, &finding, err));
    }
    if (!exists && doctor->update != NULL) {
        KTKI_TRY(ktki_index_wish(doctor->update, index->column, false, err));
    }
out:
    return status;
}

static ktk_status find_missing(struct doctor *doctor, ktk_error *err) {
    const struct document *document = ktki_dataset_document(doctor->dataset);
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        KTKI_TRY(find_missing_file(doctor, &document->partitions[i], err));
    }
    for (int32_t i = 0; i < document->index_count; i++) {
        KTKI_TRY(find_missing_index(doctor, &document->indices[i], err));
    }
out:
    return status;
}

/* ---- partitions that are gone ---- */

static ktk_status note_label(struct doctor *doctor, const char *label, bool *is_new,
                             ktk_error *err) {
    const char *copy;
    uint64_t *place;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(&doctor->arena, label, strlen(label), &copy, err));
    KTKI_TRY(ktki_hash_map_insert(&doctor->labels, copy, strlen(copy), 0, &place, is_new, err));
out:
    return status;
}

/* All of its files, and some, are there. */
static bool has_files(const struct doctor *doctor, const struct partition *partition) {
    for (int32_t i = 0; i < partition->file_count; i++) {
        if (ktki_key_list_find(&doctor->keys, partition->files[i].key) == NULL) {
            return false;
        }
    }
    return partition->file_count > 0;
}

/* The update adds the partition as it would one that another process wrote. */
static ktk_status add_again(struct doctor *doctor, const struct partition *partition,
                            ktk_error *err) {
    ktk_update *update = doctor->update;
    struct written_file file = {.is_taken = true};
    const char *key = partition->files[0].key;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_update_text(update, &file.label, err, "%s", partition->label));
    KTKI_TRY(ktki_copy_text(update->allocator, key, strlen(key), &file.key, err));
    status = ktki_buffer_append(&update->files, &file, sizeof(file), err);
    if (status != KTK_OK) {
        ktki_free_text(update->allocator, file.key);
        goto out;
    }
    update->file_count++;
    update->has_input = true;
out:
    return status;
}

/* May its writer be about to put the document, or to put it again? He would find his own partitions
 * there, as if they were another's, and take their files away. */
static bool is_under_way(const struct doctor *doctor, const struct key_entry *version,
                         const char *id) {
    int64_t young_ms = doctor->options->young_ms == 0 ? YOUNG_MS : doctor->options->young_ms;
    int64_t begun_us = ktki_commit_begun_us(id);
    int64_t kept_us = version->modified_us > begun_us ? version->modified_us : begun_us;

    return young_ms > 0 && kept_us / 1000 > ktki_clock_now_ms(NULL) - young_ms;
}

/* Did the commit do nothing but add, to a state that is known? Then its partitions can come in any
 * time. A commit that also removed put rows elsewhere, which may be in the dataset now. */
static ktk_status only_adds(bool *out, const struct doctor *doctor, const ktk_dataset *version,
                            ktk_error *err) {
    const struct commit_record *record = ktki_dataset_record(version);
    enum chain_answer answer = CHAIN_ABSENT;
    ktk_status status = KTK_OK;

    *out = record->operation != NULL &&
           strcmp(record->operation, ktki_operation_text(OPERATION_APPEND)) == 0;
    if (*out && ktki_hash_map_find(&doctor->seen, record->parent, strlen(record->parent)) == NULL) {
        KTKI_TRY(ktki_chain_search(&answer, doctor->dataset, record->parent, "", err));
        *out = answer == CHAIN_FOUND;
    }
out:
    return status;
}

/* `is_settled`: the commit is over. */
static ktk_status find_lost(struct doctor *doctor, const ktk_dataset *version, const char *commit,
                            bool is_settled, ktk_error *err) {
    const struct document *document = ktki_dataset_document(version);
    bool can_mend;
    ktk_status status = KTK_OK;

    KTKI_TRY(only_adds(&can_mend, doctor, version, err));
    can_mend = can_mend && is_settled && ktk_dataset_table_count(doctor->dataset) <= 1;
    for (int64_t i = 0; i < document->partition_count; i++) {
        const struct partition *partition = &document->partitions[i];
        ktk_finding finding = {KTK_AILMENT_LOST_PARTITION, partition->label, NULL, commit, false};
        bool is_new;

        if (!has_files(doctor, partition)) {
            continue; /* its writer knew that the commit failed */
        }
        KTKI_TRY(note_label(doctor, partition->label, &is_new, err));
        if (!is_new) {
            continue;
        }
        finding.key = partition->files[0].key;
        finding.can_mend = can_mend && partition->file_count == 1;
        KTKI_TRY(report(doctor, &finding, err));
        if (finding.can_mend && doctor->update != NULL) {
            KTKI_TRY(add_again(doctor, partition, err));
        }
    }
out:
    return status;
}

static ktk_status look_at_version(struct doctor *doctor, const struct key_entry *entry,
                                  const char *id, ktk_error *err) {
    const ktk_store_version unknown = {""};
    enum chain_answer answer;
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_dataset *version = NULL;
    const char *seen;
    uint64_t *place;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_chain_search(&answer, doctor->dataset, id, "", err));
    if (answer != CHAIN_ABSENT) {
        goto out; /* what it wrote and the dataset lacks was removed by a later commit */
    }
    KTKI_TRY(ktk_store_get(doctor->store, entry->key, &text, NULL, err));
    KTKI_TRY(
        ktki_dataset_of_text(&version, doctor->store, &text, KTK_DOCUMENT_JSON, &unknown, err));
    KTKI_TRY(find_lost(doctor, version, id, !is_under_way(doctor, entry, id), err));
    KTKI_TRY(ktki_arena_text(&doctor->arena, id, strlen(id), &seen, err));
    KTKI_TRY(ktki_hash_map_insert(&doctor->seen, seen, strlen(seen), 0, &place, NULL, err));
out:
    if (status == KTK_E_NOT_FOUND || status == KTK_E_CORRUPT) {
        status = KTK_OK; /* collected meanwhile, or never complete: it says nothing */
    }
    ktk_dataset_free(version);
    ktk_bytes_clear(&text);
    return status;
}

/* The documents that commits kept, as far back as the dataset names its last commits; the oldest
 * first, so that a partition is found with the commit that wrote it. */
static ktk_status look_at_versions(struct doctor *doctor, ktk_error *err) {
    int64_t newest = ktki_dataset_record(doctor->dataset)->sequence;
    const struct document *document = ktki_dataset_document(doctor->dataset);
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        bool is_new;

        KTKI_TRY(note_label(doctor, document->partitions[i].label, &is_new, err));
    }
    for (size_t i = 0; i < ktki_key_list_count(&doctor->keys); i++) {
        const struct key_entry *entry = ktki_key_list_at(&doctor->keys, i);
        char id[KTKI_UUID_TEXT_SIZE];
        int64_t sequence;

        if (ktki_version_of_key(entry->key, doctor->uuid, &sequence, id) &&
            sequence > newest - KTKI_RECENT_MAX) {
            KTKI_TRY(look_at_version(doctor, entry, id, err));
        }
    }
out:
    return status;
}

/* ---- the visit ---- */

static ktk_status visit(struct doctor *doctor, ktk_error *err) {
    ktk_update_options update = KTK_UPDATE_OPTIONS_INIT;
    ktk_status status = KTK_OK;

    update.mode = KTK_UPDATE_UPDATE;
    if (doctor->options->acts) {
        KTKI_TRY(ktk_update_begin(&doctor->update, doctor->store, doctor->uuid, &update, err));
    }
    KTKI_TRY(ktki_current_documents_read(&doctor->documents, doctor->store, doctor->uuid, err));
    doctor->dataset = ktki_current_document(&doctor->documents);
    KTKI_TRY(ktki_key_list_fill(&doctor->keys, doctor->store, doctor->uuid, err));
    KTKI_TRY(find_missing(doctor, err));
    KTKI_TRY(look_at_versions(doctor, err));
    if (doctor->update != NULL && doctor->result.mended_count > 0) {
        KTKI_TRY(ktk_update_commit(doctor->update, &doctor->result.commit, err));
    }
out:
    return status;
}

ktk_status ktk_doctor(ktk_store *store, const char *uuid, const ktk_doctor_options *options,
                      ktk_doctor_result *out, ktk_error *err) {
    static const ktk_doctor_options defaults = KTK_DOCTOR_OPTIONS_INIT;
    struct doctor doctor = {.store = store, .uuid = uuid};
    ktk_status status = KTK_OK;

    doctor.allocator = ktki_context_allocator(ktk_store_context(store));
    ktki_arena_init(&doctor.arena, doctor.allocator);
    ktki_hash_map_init(&doctor.labels, doctor.allocator);
    ktki_hash_map_init(&doctor.seen, doctor.allocator);
    ktki_key_list_init(&doctor.keys, doctor.allocator);
    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_DOCTOR_OPTIONS_INIT", err);
    doctor.options = options;
    KTKI_TRY(visit(&doctor, err));
    *out = doctor.result;
out:
    ktk_update_free(doctor.update);
    ktki_key_list_clear(&doctor.keys);
    ktki_hash_map_clear(&doctor.seen);
    ktki_hash_map_clear(&doctor.labels);
    ktki_arena_clear(&doctor.arena);
    ktki_current_documents_clear(&doctor.documents);
    return status;
}
