#include "upkeep/versions.h"

#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "dataset/document_file.h"
#include "dataset/name.h"

#define FOLDER "/_ktk/v/"
#define SUFFIX ".json"

/* ---- the documents of now ---- */

/* The document in one of the formats; NULL if there is none. */
static ktk_status read_format(ktk_dataset **out, ktk_store *store, const char *uuid,
                              ktk_document_format format, ktk_error *err) {
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_store_version version = {""};
    ktk_status status = KTK_OK;

    *out = NULL;
    status = ktki_document_load_format(&text, &version, store, uuid, format, err);
    if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    status = ktki_dataset_of_text(out, store, &text, format, &version, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "metadata '%s%s'", uuid, ktki_document_suffix(format));
    }
out:
    ktk_bytes_clear(&text);
    return status;
}

ktk_status ktki_current_documents_read(struct current_documents *out, ktk_store *store,
                                       const char *uuid, ktk_error *err) {
    struct current_documents documents = {NULL, NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_uuid_check(uuid, err));
    KTKI_TRY(read_format(&documents.json, store, uuid, KTK_DOCUMENT_JSON, err));
    KTKI_TRY(read_format(&documents.msgpack, store, uuid, KTK_DOCUMENT_MSGPACK, err));
    if (ktki_current_document(&documents) == NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' does not exist in %s", uuid,
                  ktk_store_name(store));
    }
    *out = documents;
    documents = (struct current_documents){NULL, NULL};
out:
    ktki_current_documents_clear(&documents);
    return status;
}

void ktki_current_documents_clear(struct current_documents *documents) {
    ktk_dataset_free(documents->json);
    ktk_dataset_free(documents->msgpack);
    *documents = (struct current_documents){NULL, NULL};
}

/* ---- what a document names ---- */

static void mark_key(struct key_list *list, const char *key) {
    struct key_entry *entry = key != NULL ? ktki_key_list_find(list, key) : NULL;

    if (entry != NULL) {
        entry->is_named = true;
    }
}

void ktki_mark_named(struct key_list *list, const ktk_dataset *dataset) {
    const struct document *document = ktki_dataset_document(dataset);

    for (int64_t i = 0; i < document->partition_count; i++) {
        for (int32_t j = 0; j < document->partitions[i].file_count; j++) {
            mark_key(list, document->partitions[i].files[j].key);
        }
    }
    for (int32_t i = 0; i < document->index_count; i++) {
        mark_key(list, document->indices[i].key);
    }
}

/* ---- the documents of earlier commits ---- */

bool ktki_version_of_key(const char *key, const char *uuid, int64_t *sequence,
                         char id[KTKI_UUID_TEXT_SIZE]) {
    size_t size = strlen(uuid);
    const char *digits;
    const char *dash;

    if (strncmp(key, uuid, size) != 0 || strncmp(key + size, FOLDER, strlen(FOLDER)) != 0) {
        return false;
    }
    digits = key + size + strlen(FOLDER);
    dash = strchr(digits, '-');
    if (dash == NULL || strlen(dash + 1) != KTKI_UUID_TEXT_SIZE - 1 + strlen(SUFFIX) ||
        strcmp(dash + KTKI_UUID_TEXT_SIZE, SUFFIX) != 0 ||
        !ktki_parse_i64(digits, (size_t)(dash - digits), sequence)) {
        return false;
    }
    memcpy(id, dash + 1, KTKI_UUID_TEXT_SIZE - 1);
    id[KTKI_UUID_TEXT_SIZE - 1] = '\0';
    return true;
}

/* Mark what the document of a commit names. */
static ktk_status mark_version(struct key_list *list, ktk_store *store, const char *key,
                               ktk_error *err) {
    const ktk_store_version unknown = {""};
    ktk_bytes text = KTK_BYTES_INIT;
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_store_get(store, key, &text, NULL, err);

    if (status == KTK_E_NOT_FOUND) {
        /* It was not committed, or is not kept any more. */
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    status = ktki_dataset_of_text(&dataset, store, &text, KTK_DOCUMENT_JSON, &unknown, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "version '%s'", key);
        goto out;
    }
    ktki_mark_named(list, dataset);
out:
    ktk_dataset_free(dataset);
    ktk_bytes_clear(&text);
    return status;
}

ktk_status ktki_mark_versions(struct key_list *list, ktk_store *store, const char *uuid,
                              const char *current_id, int64_t superseded_us, ktk_error *err) {
    size_t count = ktki_key_list_count(list);
    int64_t above_us = INT64_MAX;  /* when the commits with the next higher number were made */
    int64_t number_us = INT64_MIN; /* the same, of the number at hand */
    int64_t number = -1;
    ktk_status status = KTK_OK;

    /* From the last to the first: numbers have equally many digits. Of several commits with one
     * number only one came through, and nobody knows which: the latest counts. */
    for (size_t i = count; i > 0; i--) {
        struct key_entry *entry = ktki_key_list_at(list, i - 1);
        char id[KTKI_UUID_TEXT_SIZE];
        int64_t sequence;

        if (!ktki_version_of_key(entry->key, uuid, &sequence, id)) {
            continue;
        }
        if (sequence != number) {
            above_us = number < 0 ? INT64_MAX : number_us;
            number_us = INT64_MIN;
            number = sequence;
        }
        if (entry->modified_us < 0) {
            number_us = INT64_MAX;
        } else if (entry->modified_us > number_us) {
            number_us = entry->modified_us;
        }
        if (above_us >= superseded_us || strcmp(id, current_id) == 0) {
            entry->is_named = true;
            KTKI_TRY(mark_version(list, store, entry->key, err));
        }
    }
out:
    return status;
}
