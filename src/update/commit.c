#include "update/commit.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "update/commit_document.h"

/* How often the document is read again to learn what became of a put whose answer was lost. */
#define RESOLVE_TRIES 3

/* How often the schema file is read and put again because somebody else put it meanwhile. */
#define SCHEMA_TRIES 8

/* A value of the store as it was read: `is_there` false if there was none. */
struct seen {
    bool is_there;
    ktk_bytes bytes;
    ktk_store_version version;
};

struct commit_run {
    ktk_update *update;
    struct buffer document_key;
    struct buffer schema_key;
    struct seen base; /* the document before */
    struct commit_entry parent;
    bool schema_changed; /* the schema file was put; `old_schema` is what was there before */
    struct seen old_schema;
    ktk_store_version new_schema_version;
    struct buffer document;
};

static void seen_clear(struct seen *seen) {
    ktk_bytes_clear(&seen->bytes);
    *seen = (struct seen){0};
}

static ktk_status look(struct seen *out, ktk_store *store, const char *key, ktk_error *err) {
    struct seen seen = {0};
    ktk_status status = ktk_store_get(store, key, &seen.bytes, &seen.version, err);

    if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK;
    } else {
        seen.is_there = status == KTK_OK;
    }
    if (status == KTK_OK) {
        seen_clear(out);
        *out = seen;
    }
    return status;
}

/* The condition "nothing has changed since `seen`". Without conditional puts it asks for nothing.
 */
static ktk_put_condition unchanged(const ktk_store *store, const struct seen *seen) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    if (ktk_store_has_conditional_put(store)) {
        condition.must_not_exist = !seen->is_there;
        condition.matches = seen->is_there ? &seen->version : NULL;
    }
    return condition;
}

/* ---- the schema file ---- */

/* Put the schema file unless it is there with these bytes already. Somebody who puts it at the same
 * time is noticed. */
static ktk_status put_schema(struct commit_run *run, ktk_error *err) {
    ktk_update *update = run->update;
    const char *key = (const char *)run->schema_key.data;
    struct buffer bytes;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&bytes, ktki_context_allocator(update->context), 0);
    KTKI_TRY(ktki_table_schema_encode(&bytes, update->context, update->schema, err));
    for (int tries = 0; tries < SCHEMA_TRIES; tries++) {
        ktk_put_condition condition;

        KTKI_TRY(look(&run->old_schema, update->store, key, err));
        if (run->old_schema.is_there && run->old_schema.bytes.size == bytes.size &&
            memcmp(run->old_schema.bytes.data, bytes.data, bytes.size) == 0) {
            goto out;
        }
        condition = unchanged(update->store, &run->old_schema);
        status = ktk_store_put(update->store, key, bytes.data, bytes.size, &condition,
                               &run->new_schema_version, err);
        if (status != KTK_E_EXISTS && status != KTK_E_CONFLICT) {
            run->schema_changed = status == KTK_OK;
            goto out;
        }
    }
out:
    ktki_buffer_clear(&bytes);
    return status;
}

/* After a commit that certainly did not happen: bring back the schema file that others read.
 * Failing that, nothing can be done. */
static void restore_schema(struct commit_run *run) {
    ktk_store *store = run->update->store;
    const char *key = (const char *)run->schema_key.data;
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    if (!run->schema_changed) {
        return;
    }
    if (!run->old_schema.is_there) {
        /* Who created the dataset before us may have taken our file for the one it needs; it is
         * left where it is. */
        return;
    }
    if (ktk_store_has_conditional_put(store)) {
        condition.matches = &run->new_schema_version;
    }
    KTKI_IGNORE(ktk_store_put(store, key, run->old_schema.bytes.data, run->old_schema.bytes.size,
                              &condition, NULL, NULL));
}

/* ---- the document ---- */

/* Is the document that lies in the store ours? */
static ktk_status is_ours(struct commit_run *run, bool *ours, bool *unchanged_base,
                          ktk_error *err) {
    ktk_update *update = run->update;
    struct commit_entry entry = {0};
    struct seen now = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(look(&now, update->store, (const char *)run->document_key.data, err));
    if (now.is_there) {
        KTKI_TRY(ktki_commit_entry_read(&entry, update->context, (const char *)now.bytes.data,
                                        now.bytes.size, err));
    }
    *ours = strcmp(entry.id, update->id) == 0;
    *unchanged_base =
        now.is_there == run->base.is_there &&
        (!now.is_there || (now.bytes.size == run->base.bytes.size &&
                           memcmp(now.bytes.data, run->base.bytes.data, now.bytes.size) == 0));
out:
    seen_clear(&now);
    return status;
}

static ktk_status lost_race(const ktk_update *update, ktk_error *err) {
    return update->mode == KTK_UPDATE_CREATE
               ? ktk_error_set(err, KTK_E_EXISTS, "dataset '%s' already exists", update->uuid)
               : ktk_error_set(err, KTK_E_CONFLICT,
                               "dataset '%s' was changed by another commit meanwhile",
                               update->uuid);
}

/* These never reach the store, or come from it without anything having been written. */
static bool is_definite(ktk_status status) {
    return status == KTK_E_INVALID || status == KTK_E_UNSUPPORTED || status == KTK_E_READ_ONLY ||
           status == KTK_E_DENIED || status == KTK_E_NO_MEMORY || status == KTK_E_LIMIT;
}

/* What became of a put that did not succeed for certain: the store's document tells. `put_error` is
 * what the put said. */
static ktk_status resolve(struct commit_run *run, ktk_status put_status, const ktk_error *put_error,
                          ktk_error *err) {
    ktk_update *update = run->update;
    bool ours = false;
    bool unchanged_base = false;
    ktk_status status = KTK_E_UNAVAILABLE;

    for (int tries = 0; tries < RESOLVE_TRIES && status != KTK_OK; tries++) {
        status = is_ours(run, &ours, &unchanged_base, NULL);
    }
    if (status != KTK_OK) {
        update->keep_files = true;
        return ktk_error_set(err, KTK_E_UNAVAILABLE,
                             "nobody knows whether commit %s of dataset '%s' happened, its files "
                             "are kept: %s",
                             update->id, update->uuid, put_error->message);
    }
    if (ours) {
        return KTK_OK;
    }
    if (put_status == KTK_E_EXISTS || put_status == KTK_E_CONFLICT || !unchanged_base) {
        return lost_race(update, err);
    }
    /* Nothing has happened so far, yet a request under way might still arrive: the files must stay.
     */
    update->keep_files = put_status == KTK_E_UNAVAILABLE;
    if (err != NULL) {
        *err = *put_error;
    }
    return put_status;
}

/* Without conditional puts a competing commit can only be looked for, before the put and after it.
 */
static ktk_status check_base(struct commit_run *run, ktk_error *err) {
    bool ours = false;
    bool unchanged_base = false;
    ktk_status status = is_ours(run, &ours, &unchanged_base, err);

    return status != KTK_OK || unchanged_base ? status : lost_race(run->update, err);
}

static ktk_status put_document(struct commit_run *run, ktk_error *err) {
    ktk_update *update = run->update;
    ktk_put_condition condition = unchanged(update->store, &run->base);
    bool is_conditional = ktk_store_has_conditional_put(update->store);
    ktk_error put_error = {0};
    ktk_status status = KTK_OK;

    if (!is_conditional) {
        KTKI_TRY(check_base(run, err));
    }
    status = ktk_store_put(update->store, (const char *)run->document_key.data, run->document.data,
                           run->document.size, &condition, NULL, &put_error);
    if (status == KTK_OK && is_conditional) {
        goto out;
    }
    if (is_definite(status)) {
        if (err != NULL) {
            *err = put_error;
        }
        goto out;
    }
    status = resolve(run, status == KTK_OK ? KTK_E_CONFLICT : status, &put_error, err);
out:
    return status;
}

/* ---- the commit ---- */

static ktk_status key_text(struct buffer *key, const ktk_update *update, const char *format_end,
                           bool of_table, ktk_error *err) {
    ktk_status status = KTK_OK;

    ktki_buffer_init(key, ktki_context_allocator(update->context), 0);
    if (of_table) {
        KTKI_TRY(ktki_buffer_append_format(key, err, "%s/%s/%s", update->uuid, update->table,
                                           format_end));
    } else {
        KTKI_TRY(ktki_buffer_append_format(key, err, "%s%s", update->uuid, format_end));
    }
    KTKI_TRY(ktki_buffer_append_byte(key, '\0', err));
out:
    return status;
}

/* The state that the commit replaces. */
static ktk_status read_base(struct commit_run *run, ktk_error *err) {
    ktk_update *update = run->update;
    ktk_status status = KTK_OK;

    KTKI_TRY(look(&run->base, update->store, (const char *)run->document_key.data, err));
    if (run->base.is_there && update->mode == KTK_UPDATE_CREATE) {
        status = lost_race(update, err);
        goto out;
    }
    if (run->base.is_there) {
        status =
            ktki_commit_entry_read(&run->parent, update->context,
                                   (const char *)run->base.bytes.data, run->base.bytes.size, NULL);
        if (status == KTK_E_NO_MEMORY) {
            status = ktki_error_memory(err, run->base.bytes.size);
            goto out;
        }
        /* A document that does not parse may be overwritten, too: that mends it. */
        status = KTK_OK;
    }
out:
    return status;
}

/* A msgpack document of an earlier writer would be found by those who look for that form first
 * (defect D-14). */
static void remove_twin(const ktk_update *update) {
    struct buffer key;

    if (key_text(&key, update, KTKI_DOCUMENT_SUFFIX_MSGPACK, false, NULL) == KTK_OK) {
        KTKI_IGNORE(ktk_store_remove(update->store, (const char *)key.data, NULL));
    }
    ktki_buffer_clear(&key);
}

static ktk_status run_commit(struct commit_run *run, ktk_error *err) {
    ktk_update *update = run->update;
    ktk_status status = KTK_OK;

    KTKI_TRY(read_base(run, err));
    KTKI_TRY(ktki_commit_document(&run->document, update, &run->parent, err));
    /* Files before the document: who sees the document must find what it names, even after a power
     * cut. */
    KTKI_TRY(ktk_store_sync(update->store, err));
    if (update->schema != NULL) {
        KTKI_TRY(put_schema(run, err));
    }
    status = put_document(run, err);
    if (status != KTK_OK && !update->keep_files) {
        restore_schema(run);
    }
out:
    return status;
}

ktk_status ktki_commit(ktk_update *update, ktk_commit *out, ktk_error *err) {
    struct commit_run run = {.update = update};
    const ktk_allocator *allocator = ktki_context_allocator(update->context);
    ktk_status status = KTK_OK;

    ktki_buffer_init(&run.document, allocator, 0);
    ktki_buffer_init(&run.schema_key, allocator, 0);
    KTKI_TRY(key_text(&run.document_key, update, KTKI_DOCUMENT_SUFFIX_JSON, false, err));
    KTKI_TRY(key_text(&run.schema_key, update, KTKI_SCHEMA_FILE, true, err));
    KTKI_TRY(run_commit(&run, err));
    update->keep_files = true;
    if (update->mode == KTK_UPDATE_OVERWRITE) {
        remove_twin(update);
    }
    *out = (ktk_commit){.attempts = 1,
                        .partition_count = (int64_t)update->file_count,
                        .row_count = update->row_count};
    memcpy(out->id, update->id, sizeof(out->id));
out:
    seen_clear(&run.base);
    seen_clear(&run.old_schema);
    ktki_buffer_clear(&run.document);
    ktki_buffer_clear(&run.document_key);
    ktki_buffer_clear(&run.schema_key);
    return status;
}

ktk_status ktki_commit_metadata_check(const char *text, size_t size, const ktk_allocator *allocator,
                                      ktk_error *err) {
    struct json_reader reader;
    struct buffer normal;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&normal, allocator, 0);
    ktki_json_reader_init(&reader, allocator, text, size, 60);
    status = ktki_json_expect(&reader, JSON_OBJECT_BEGIN, "a map", err);
    if (status == KTK_OK) {
        status = ktki_json_skip(&reader, NULL, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktki_json_normalise(&normal, text, size, false, allocator, err);
    }
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "metadata must be a JSON map");
        status = KTK_E_INVALID;
    }
    ktki_json_reader_clear(&reader);
    ktki_buffer_clear(&normal);
    return status;
}
