#include "upkeep/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "dataset/document_file.h"
#include "dataset/name.h"

#define TEXT_SIZE 1024

ktk_status ktki_check_find(struct check *check, ktk_check_severity severity, const char *what,
                           const char *key, ktk_error *err, const char *format, ...) {
    const ktk_check_options *options = check->options;
    char text[TEXT_SIZE];
    ktk_check_finding finding = {severity, what, key, text};
    va_list arguments;

    if (severity == KTK_CHECK_ERROR) {
        check->result.error_count++;
    } else {
        check->result.warning_count++;
    }
    if (options->report == NULL) {
        return KTK_OK;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' ';
        }
    }
    return options->report(options->report_state, &finding, err);
}

bool ktki_check_is_finding(ktk_status status) {
    return status == KTK_E_NOT_FOUND || status == KTK_E_CORRUPT || status == KTK_E_SCHEMA ||
           status == KTK_E_UNSUPPORTED || status == KTK_E_LIMIT || status == KTK_E_INVALID;
}

ktk_status ktki_check_exists(bool *out, struct check *check, const char *key, ktk_error *err) {
    size_t size = strlen(check->uuid);
    ktk_store_entry entry;
    ktk_status status;

    if (strncmp(key, check->uuid, size) == 0 && key[size] == '/') {
        *out = ktki_key_list_find(&check->keys, key) != NULL;
        return KTK_OK;
    }
    status = ktk_store_head(check->store, key, &entry, err);
    *out = status == KTK_OK;
    /* A key that is not legal in the store is not there. */
    return status == KTK_E_NOT_FOUND || status == KTK_E_INVALID ? KTK_OK : status;
}

/* ---- the document ---- */

/* The key of the document, NUL-terminated. */
static ktk_status document_key(struct buffer *out, const struct check *check,
                               ktk_document_format format, ktk_error *err) {
    ktk_status status = KTK_OK;

    out->size = 0;
    KTKI_TRY(
        ktki_buffer_append_format(out, err, "%s%s", check->uuid, ktki_document_suffix(format)));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

/* A document of the other format is not read while this one is there; it may be older. */
static ktk_status check_other_document(struct check *check, struct buffer *key, ktk_error *err) {
    bool exists;
    ktk_status status = KTK_OK;

    if (ktk_dataset_document_format(check->dataset) != KTK_DOCUMENT_JSON) {
        goto out;
    }
    KTKI_TRY(document_key(key, check, KTK_DOCUMENT_MSGPACK, err));
    KTKI_TRY(ktki_check_exists(&exists, check, (const char *)key->data, err));
    if (exists) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_WARNING, "other-document",
                                 (const char *)key->data, err,
                                 "a second document, which is not read as long as there is one in "
                                 "JSON"));
    }
out:
    return status;
}

static ktk_status check_document(struct check *check, ktk_error *err) {
    const struct document *document = ktki_dataset_document(check->dataset);
    const struct commit_record *record = ktki_dataset_record(check->dataset);
    const char *name;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, check->allocator, 0);
    KTKI_TRY(check_other_document(check, &key, err));
    KTKI_TRY(document_key(&key, check, ktk_dataset_document_format(check->dataset), err));
    name = (const char *)key.data;
    if (strcmp(document->uuid, check->uuid) != 0) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "document", name, err,
                                 "it says that it is of dataset '%s'", document->uuid));
    }
    if (document->unknown_size > 0) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_WARNING, "unknown-member", name, err,
                                 "members that no program knows, and that others drop: %.*s",
                                 document->unknown_size < 200 ? (int)document->unknown_size : 200,
                                 document->unknown));
    }
    if (record->id[0] != '\0' && ktki_dataset_is_foreign(check->dataset)) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_WARNING, "foreign-commit", name, err,
                                 "a program that knows nothing of commits wrote it after commit "
                                 "%s, and may have undone others",
                                 record->id));
    }
out:
    ktki_buffer_clear(&key);
    return status;
}

/* ---- tables ---- */

static ktk_status check_table(struct check *check, const char *table, ktk_error *err) {
    struct schema *schema;
    ktk_error reason = {0};
    ktk_status status = KTK_OK;

    if (ktki_table_name_check(table, NULL) != KTK_OK) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "table-name", table, err,
                                 "a table must not have this name: others take its files for "
                                 "something else"));
    }
    status = ktki_dataset_table_schema(&schema, check->dataset, table, &reason);
    if (ktki_check_is_finding(status)) {
        status =
            ktki_check_find(check, KTK_CHECK_ERROR, "schema", table, err, "%s", reason.message);
        goto out;
    }
    if (status != KTK_OK) {
        if (err != NULL) {
            *err = reason;
        }
        goto out;
    }
    for (int32_t i = 0; i < ktk_dataset_partition_key_count(check->dataset); i++) {
        const char *key = ktk_dataset_partition_key(check->dataset, i);

        if (ktki_schema_find(schema, key) < 0) {
            KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "schema", table, err,
                                     "partition key '%s' is not among the columns", key));
        }
    }
out:
    return status;
}

static ktk_status run(struct check *check, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_key_list_fill(&check->keys, check->store, check->uuid, err));
    KTKI_TRY(check_document(check, err));
    check->result.partition_count = ktk_dataset_partition_count(check->dataset);
    check->result.index_count = ktk_dataset_index_count(check->dataset);
    for (int32_t i = 0; i < ktk_dataset_table_count(check->dataset); i++) {
        KTKI_TRY(check_table(check, ktk_dataset_table(check->dataset, i), err));
    }
    KTKI_TRY(ktki_check_files(check, err));
    KTKI_TRY(ktki_check_indices(check, err));
    if (check->options->deep) {
        check->result.row_count = 0;
        KTKI_TRY(ktki_check_contents(check, err));
    }
out:
    return status;
}

ktk_status ktk_check(ktk_store *store, const char *uuid, const ktk_check_options *options,
                     ktk_check_result *out, ktk_error *err) {
    static const ktk_check_options defaults = KTK_CHECK_OPTIONS_INIT;
    struct check check = {.store = store, .uuid = uuid};
    ktk_error reason = {0};
    bool exists;
    ktk_status status = KTK_OK;

    check.context = ktk_store_context(store);
    check.allocator = ktki_context_allocator(check.context);
    check.result.row_count = -1;
    ktki_key_list_init(&check.keys, check.allocator);
    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_CHECK_OPTIONS_INIT", err);
    check.options = options;
    KTKI_TRY(ktk_dataset_exists(&exists, store, uuid, err));
    status = ktk_dataset_open(&check.dataset, store, uuid, &reason);
    if (status == KTK_OK) {
        KTKI_TRY(run(&check, err));
    } else if (exists && ktki_check_is_finding(status)) {
        KTKI_TRY(
            ktki_check_find(&check, KTK_CHECK_ERROR, "document", uuid, err, "%s", reason.message));
    } else {
        if (err != NULL) {
            *err = reason;
        }
        goto out;
    }
    *out = check.result;
out:
    ktki_key_list_clear(&check.keys);
    ktk_dataset_free(check.dataset);
    return status;
}
