#include <assert.h>

#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/name.h"
#include "dataset/schema_pack.h"
#include "dataset/snapshot_internal.h"
#include "dataset/table_schema.h"
#include "store/backend.h"

static struct dataset_table *find_table(const ktk_dataset *dataset, const char *name) {
    for (int32_t i = 0; i < dataset->table_count; i++) {
        if (strcmp(dataset->tables[i].name, name) == 0) {
            return &dataset->tables[i];
        }
    }
    return NULL;
}

/* "it has 'a', 'b'", for error texts. */
static ktk_status append_table_names(struct buffer *out, const ktk_dataset *dataset,
                                     ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < dataset->table_count && status == KTK_OK; i++) {
        status = ktki_buffer_append_format(out, err, "%s'%s'", i == 0 ? "" : ", ",
                                           dataset->tables[i].name);
    }
    return status == KTK_OK ? ktki_buffer_append_byte(out, '\0', err) : status;
}

static ktk_status no_such_table(const ktk_dataset *dataset, const char *table, ktk_error *err) {
    struct buffer names;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&names, ktki_context_allocator(ktk_store_context(dataset->store)), 0);
    KTKI_TRY(append_table_names(&names, dataset, err));
    if (table != NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' has no table '%s'; it has %s",
                  dataset->document.uuid, table,
                  dataset->table_count == 0 ? "none" : (const char *)names.data);
    }
    if (dataset->table_count == 0) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' has no table", dataset->document.uuid);
    }
    KTKI_FAIL(err, KTK_E_INVALID, "dataset '%s' has several tables, name one of %s",
              dataset->document.uuid, (const char *)names.data);
out:
    ktki_buffer_clear(&names);
    return status;
}

ktk_status ktki_dataset_resolve_table(const char **out, const ktk_dataset *dataset,
                                      const char *table, ktk_error *err) {
    const struct dataset_table *found = NULL;

    if (table != NULL) {
        found = find_table(dataset, table);
    } else if (dataset->table_count == 1) {
        assert(dataset->tables != NULL);
        found = &dataset->tables[0];
    }
    if (found == NULL) {
        return no_such_table(dataset, table, err);
    }
    *out = found->name;
    return KTK_OK;
}

/* ---- the schema file: fetched and decoded outside of the lock, the first result is kept ---- */

static ktk_status schema_key(struct buffer *out, const ktk_dataset *dataset, const char *table,
                             ktk_error *err) {
    ktk_status status = ktki_buffer_append_format(out, err, "%s/%s/%s", dataset->document.uuid,
                                                  table, KTKI_SCHEMA_FILE);

    return status == KTK_OK ? ktki_buffer_append_byte(out, '\0', err) : status;
}

ktk_status ktki_schema_copy_key(struct buffer *out, const char *uuid, const char *table,
                                const char *hash, ktk_error *err) {
    ktk_status status = ktki_buffer_append_format(out, err, "%s/_ktk/schema/%s/%s%s", uuid, table,
                                                  hash, KTKI_SCHEMA_COPY_SUFFIX);

    return status == KTK_OK ? ktki_buffer_append_byte(out, '\0', err) : status;
}

static bool is_of_hash(const ktk_bytes *file, const char *hash) {
    char found[KTKI_HASH_TEXT_SIZE];

    ktki_hash_text(found, ktki_hash_bytes(file->data, file->size));
    return strcmp(found, hash) == 0;
}

/* The file at the fixed key may be that of a commit which is under way, or which never came: the
 * one that the document was committed with is kept under its hash. A document that somebody changed
 * who knows nothing of hashes goes with the file as it is. */
static ktk_status prefer_committed(const ktk_dataset *dataset, const struct dataset_table *table,
                                   ktk_bytes *file, ktk_error *err) {
    const struct schema_stamp *stamp = ktki_commit_stamp(&dataset->record, table->name);
    ktk_bytes copy = KTK_BYTES_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(dataset->store)), 0);
    if (stamp == NULL || is_of_hash(file, stamp->hash) || ktki_dataset_is_foreign(dataset)) {
        goto out;
    }
    KTKI_TRY(ktki_schema_copy_key(&key, dataset->document.uuid, table->name, stamp->hash, err));
    status = ktk_store_get(dataset->store, (const char *)key.data, &copy, NULL, err);
    if (status == KTK_OK && is_of_hash(&copy, stamp->hash)) {
        ktk_bytes_clear(file);
        *file = copy;
        copy = (ktk_bytes)KTK_BYTES_INIT;
    }
    status = status == KTK_E_NOT_FOUND ? KTK_OK : status;
out:
    ktk_bytes_clear(&copy);
    ktki_buffer_clear(&key);
    return status;
}

/* From afar, the file that came with the document. It is as good as the copy under its hash. */
static ktk_status take_from_document(const ktk_dataset *dataset, const struct dataset_table *table,
                                     ktk_bytes *file, ktk_error *err) {
    const struct schema_stamp *stamp = ktki_commit_stamp(&dataset->record, table->name);
    struct buffer bytes;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&bytes, ktki_context_allocator(ktk_store_context(dataset->store)), 0);
    if (stamp == NULL || stamp->file == NULL || !ktki_store_is_far(dataset->store) ||
        ktki_dataset_is_foreign(dataset)) {
        goto out;
    }
    KTKI_TRY(ktki_schema_unpack(&bytes, stamp->file, err));
    KTKI_TRY(ktki_buffer_move(&bytes, file, err));
    if (!is_of_hash(file, stamp->hash)) {
        ktk_bytes_clear(file);
    }
out:
    ktki_buffer_clear(&bytes);
    return status;
}

/* Install unless another thread was faster; `file` is then left to the caller. */
static void keep_file(ktk_dataset *dataset, struct dataset_table *table, ktk_bytes *file) {
    (void)pthread_mutex_lock(&dataset->lock);
    if (table->file.data == NULL) {
        table->file = *file;
        *file = (ktk_bytes)KTK_BYTES_INIT;
    }
    (void)pthread_mutex_unlock(&dataset->lock);
}

static bool has_file(ktk_dataset *dataset, const struct dataset_table *table) {
    bool present;

    (void)pthread_mutex_lock(&dataset->lock);
    present = table->file.data != NULL;
    (void)pthread_mutex_unlock(&dataset->lock);
    return present;
}

static ktk_status load_file(ktk_dataset *dataset, struct dataset_table *table, ktk_error *err) {
    ktk_bytes file = KTK_BYTES_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(dataset->store)), 0);
    if (has_file(dataset, table)) {
        goto out;
    }
    KTKI_TRY(take_from_document(dataset, table, &file, err));
    if (file.size > 0) {
        keep_file(dataset, table, &file);
        goto out;
    }
    KTKI_TRY(schema_key(&key, dataset, table->name, err));
    status = ktk_store_get(dataset->store, (const char *)key.data, &file, NULL, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "schema of table '%s' of dataset '%s'", table->name,
                           dataset->document.uuid);
        goto out;
    }
    KTKI_TRY(prefer_committed(dataset, table, &file, err));
    if (file.size == 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "schema file '%s' is empty", (const char *)key.data);
    }
    keep_file(dataset, table, &file);
out:
    ktk_bytes_clear(&file);
    ktki_buffer_clear(&key);
    return status;
}

static struct schema *kept_schema(ktk_dataset *dataset, struct dataset_table *table,
                                  struct schema **fresh) {
    struct schema *schema;

    (void)pthread_mutex_lock(&dataset->lock);
    if (table->schema == NULL && *fresh != NULL) {
        table->schema = *fresh;
        *fresh = NULL;
    }
    schema = table->schema;
    (void)pthread_mutex_unlock(&dataset->lock);
    return schema;
}

ktk_status ktki_dataset_table_schema(struct schema **out, ktk_dataset *dataset, const char *table,
                                     ktk_error *err) {
    ktk_context *context = ktk_store_context(dataset->store);
    struct schema *fresh = NULL;
    struct schema *kept;
    struct dataset_table *found;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_dataset_resolve_table(&table, dataset, table, err));
    found = find_table(dataset, table);
    kept = kept_schema(dataset, found, &fresh);
    if (kept == NULL) {
        KTKI_TRY(load_file(dataset, found, err));
        KTKI_TRY(schema_key(&key, dataset, table, err));
        KTKI_TRY(ktki_table_schema_decode(&fresh, context, found->file.data, found->file.size,
                                          (const char *)key.data, err));
        kept = kept_schema(dataset, found, &fresh);
    }
    *out = kept;
out:
    ktki_schema_free(fresh);
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktk_dataset_schema(ktk_dataset *dataset, const char *table, struct ArrowSchema *out,
                              ktk_error *err) {
    struct schema *schema;
    ktk_status status = ktki_dataset_table_schema(&schema, dataset, table, err);

    return status == KTK_OK ? ktki_schema_export(schema, out, err) : status;
}

ktk_status ktk_dataset_schema_file(ktk_dataset *dataset, const char *table, const void **data,
                                   size_t *size, ktk_error *err) {
    struct dataset_table *found;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dataset_resolve_table(&table, dataset, table, err));
    found = find_table(dataset, table);
    KTKI_TRY(load_file(dataset, found, err));
    *data = found->file.data;
    *size = found->file.size;
out:
    return status;
}

ktk_status ktk_dataset_set_schema_file(ktk_dataset *dataset, const char *table, const void *data,
                                       size_t size, ktk_error *err) {
    ktk_bytes copy = KTK_BYTES_INIT;
    struct dataset_table *found;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dataset_resolve_table(&table, dataset, table, err));
    found = find_table(dataset, table);
    if (size == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "the schema file of table '%s' must not be empty", table);
    }
    KTKI_TRY(ktki_bytes_copy(ktki_context_allocator(ktk_store_context(dataset->store)), data, size,
                             &copy, err));
    keep_file(dataset, found, &copy);
out:
    ktk_bytes_clear(&copy);
    return status;
}
