#include <inttypes.h>
#include <string.h>

#include <kartothek/arrow.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "parquet/reader.h"
#include "upkeep/check.h"

#define FILES_AT_ONCE ((size_t)64)
#define BATCH_BYTES ((int64_t)64 << 20)

/* ---- names and paths ---- */

/* Names in a path are not NUL-terminated. */
static bool is_named(const char *name, const struct key_pair *pair) {
    return strlen(name) == pair->column_size && memcmp(name, pair->column, pair->column_size) == 0;
}

static const struct field *field_of(const struct schema *schema, const struct key_pair *pair) {
    for (int32_t i = 0; i < schema->field_count; i++) {
        if (is_named(schema->fields[i].name, pair)) {
            return &schema->fields[i];
        }
    }
    return NULL;
}

/* The values in the path of a file, as those of the partition keys. */
static ktk_status check_values(struct check *check, const struct partition_file *file,
                               const struct key_parts *parts, ktk_error *err) {
    struct schema *schema;
    ktk_status status = KTK_OK;

    /* A schema that cannot be read was reported with its table. */
    if (ktki_dataset_table_schema(&schema, check->dataset, file->table, NULL) != KTK_OK) {
        goto out;
    }
    for (int32_t i = 0; i < parts->pair_count; i++) {
        const struct key_pair *pair = &parts->pairs[i];
        const struct field *field = field_of(schema, pair);
        struct ArrowArray value = {.release = NULL};
        ktk_error reason = {0};

        if (field == NULL) {
            continue; /* reported with the table */
        }
        status = ktki_partition_value_parse(&value, check->context, field, pair->value,
                                            pair->value_size, &reason);
        if (status == KTK_OK) {
            value.release(&value);
        } else if (ktki_check_is_finding(status)) {
            KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "path-value", file->key, err, "%s",
                                     reason.message));
        } else {
            KTKI_FAIL(err, status, "%s", reason.message);
        }
    }
out:
    return status;
}

static bool pairs_are_keys(const ktk_dataset *dataset, const struct key_parts *parts) {
    if (parts->pair_count != ktk_dataset_partition_key_count(dataset)) {
        return false;
    }
    for (int32_t i = 0; i < parts->pair_count; i++) {
        if (!is_named(ktk_dataset_partition_key(dataset, i), &parts->pairs[i])) {
            return false;
        }
    }
    return true;
}

static ktk_status check_path(struct check *check, const struct partition_file *file,
                             ktk_error *err) {
    struct arena arena;
    struct key_parts parts;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, check->allocator);
    KTKI_TRY(ktki_key_decode(&parts, &arena, file->key, err));
    if (!pairs_are_keys(check->dataset, &parts)) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "path", file->key, err,
                                 "its path has %" PRId32 " columns, which are not the %" PRId32
                                 " partition keys in their order",
                                 parts.pair_count,
                                 ktk_dataset_partition_key_count(check->dataset)));
        goto out;
    }
    KTKI_TRY(check_values(check, file, &parts, err));
out:
    ktki_arena_clear(&arena);
    return status;
}

/* A label is the key of the file without what all files have. */
static bool label_fits(const struct check *check, const char *label,
                       const struct partition_file *file) {
    static const char *const suffixes[] = {KTKI_PARQUET_SUFFIX, ".csv", ".csv.gz"};
    size_t uuid_size = strlen(check->uuid);
    size_t table_size = strlen(file->table);
    size_t label_size = strlen(label);
    const char *rest = file->key + uuid_size + 1;

    if (strncmp(rest, file->table, table_size) != 0 || rest[table_size] != '/' ||
        strncmp(rest + table_size + 1, label, label_size) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcmp(rest + table_size + 1 + label_size, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static ktk_status check_file(struct check *check, struct hash_map *seen, const char *label,
                             const struct partition_file *file, ktk_error *err) {
    size_t uuid_size = strlen(check->uuid);
    uint64_t *position;
    bool is_new;
    bool exists;
    ktk_status status = KTK_OK;

    check->result.file_count++;
    KTKI_TRY(ktki_hash_map_insert(seen, file->key, strlen(file->key), 0, &position, &is_new, err));
    if (!is_new) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "shared-file", file->key, err,
                                 "partition '%s' has a file that another has, too: its rows are "
                                 "read twice",
                                 label));
    }
    KTKI_TRY(ktki_check_exists(&exists, check, file->key, err));
    if (!exists) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, "missing-file", file->key, err,
                                 "the file of partition '%s' is not there", label));
    }
    if (strncmp(file->key, check->uuid, uuid_size) != 0 || file->key[uuid_size] != '/') {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_WARNING, "foreign-file", file->key, err,
                                 "the file of partition '%s' is not in the folder of the dataset: "
                                 "it may be removed with another",
                                 label));
    } else if (!label_fits(check, label, file)) {
        KTKI_TRY(ktki_check_find(check, KTK_CHECK_WARNING, "label", file->key, err,
                                 "label '%s' is not that of the file", label));
    }
    KTKI_TRY(check_path(check, file, err));
out:
    return status;
}

ktk_status ktki_check_files(struct check *check, ktk_error *err) {
    const struct document *document = ktki_dataset_document(check->dataset);
    struct hash_map seen;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&seen, check->allocator);
    for (int64_t i = 0; i < document->partition_count; i++) {
        const struct partition *partition = &document->partitions[i];

        if (partition->file_count == 0) {
            KTKI_TRY(ktki_check_find(check, KTK_CHECK_WARNING, "no-file", partition->label, err,
                                     "partition '%s' has no files, which not all readers can read",
                                     partition->label));
        }
        for (int32_t j = 0; j < partition->file_count; j++) {
            KTKI_TRY(check_file(check, &seen, partition->label, &partition->files[j], err));
        }
    }
out:
    ktki_hash_map_clear(&seen);
    return status;
}

/* ---- contents ---- */

struct content {
    const struct partition_file *file;
    ktk_status status;
    ktk_error reason;
    const char *what; /* of a finding */
    int64_t row_count;
};

struct contents {
    struct check *check;
    struct content items[FILES_AT_ONCE];
    size_t count;
};

/* Columns and types, as far as the file says: columns of nulls have none. */
static ktk_status check_schema(struct check *check, ktk_parquet_file *file,
                               const struct partition_file *named, ktk_error *err) {
    const struct document *document = ktki_dataset_document(check->dataset);
    struct schema *stored;
    struct schema *columns = NULL; /* of the table, without partition keys */
    struct schema *wanted = NULL;
    struct schema *found = NULL;
    struct schema *joined = NULL;
    struct schema *data;
    ktk_status status = KTK_OK;

    if (ktki_dataset_table_schema(&stored, check->dataset, named->table, NULL) != KTK_OK) {
        goto out;
    }
    KTKI_TRY(ktki_parquet_schema(&data, file, err));
    KTKI_TRY(ktki_table_schema_normalise(&found, data, NULL, 0, err));
    KTKI_TRY(ktki_table_schema_of_file(&columns, stored, document->partition_keys,
                                       document->partition_key_count, err));
    KTKI_TRY(ktki_table_schema_normalise(&wanted, columns, NULL, 0, err));
    KTKI_TRY(ktki_table_schema_agree(&joined, found, named->key, wanted, named->table, err));
out:
    ktki_schema_free(joined);
    ktki_schema_free(wanted);
    ktki_schema_free(columns);
    ktki_schema_free(found);
    return status;
}

/* Decode all pages, a bounded part of the file at a time. */
static ktk_status read_rows(int64_t *row_count, ktk_parquet_file *file, ktk_error *err) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_parquet_info info;
    int64_t count = 0;
    ktk_status status = KTK_OK;

    options.memory_bytes_max = BATCH_BYTES;
    options.keep_dictionaries = true;
    KTKI_TRY(ktk_parquet_read(&stream, file, &options, err));
    for (;;) {
        struct ArrowArray batch = {.release = NULL};

        KTKI_TRY(ktk_stream_next(&stream, &batch, err));
        if (batch.release == NULL) {
            break;
        }
        count += batch.length;
        batch.release(&batch);
    }
    ktk_parquet_file_info(file, &info);
    if (count != info.row_count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "it has %" PRId64 " rows where its footer says %" PRId64,
                  count, info.row_count);
    }
    *row_count = count;
out:
    ktki_stream_clear(&stream);
    return status;
}

static ktk_status read_content(struct contents *contents, struct content *content, ktk_error *err) {
    struct check *check = contents->check;
    const char *key = content->file->key;
    ktk_parquet_file *file = NULL;
    struct source source = {0};
    ktk_status status = KTK_OK;

    content->what = "file";
    KTKI_TRY(ktki_source_of_key(&source, check->store, key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, check->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(read_rows(&content->row_count, file, err));
    content->what = "file-schema";
    KTKI_TRY(check_schema(check, file, content->file, err));
out:
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    return status;
}

/* What is wrong with a file is kept; the others are read all the same. */
static ktk_status visit_content(void *state, size_t item, ktk_error *err) {
    struct contents *contents = state;
    struct content *content = &contents->items[item];

    content->status = read_content(contents, content, &content->reason);
    if (content->status != KTK_OK && !ktki_check_is_finding(content->status)) {
        return ktk_error_set(err, content->status, "%s", content->reason.message);
    }
    return KTK_OK;
}

static ktk_status read_some(struct contents *contents, int64_t *done, ktk_error *err) {
    struct check *check = contents->check;
    const ktk_check_options *options = check->options;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_pool_run(ktki_context_pool(check->context), contents->count, visit_content,
                           contents, err));
    for (size_t i = 0; i < contents->count; i++) {
        const struct content *content = &contents->items[i];

        check->result.row_count += content->row_count;
        if (content->status != KTK_OK) {
            KTKI_TRY(ktki_check_find(check, KTK_CHECK_ERROR, content->what, content->file->key, err,
                                     "%s", content->reason.message));
        }
    }
    *done += (int64_t)contents->count;
    contents->count = 0;
    if (options->progress != NULL &&
        !options->progress(options->progress_state, *done, check->result.file_count)) {
        KTKI_FAIL(err, KTK_E_CANCELLED, "the check was cancelled");
    }
out:
    return status;
}

static bool is_parquet(const char *key) {
    size_t size = strlen(key);

    return size >= strlen(KTKI_PARQUET_SUFFIX) &&
           strcmp(key + size - strlen(KTKI_PARQUET_SUFFIX), KTKI_PARQUET_SUFFIX) == 0;
}

ktk_status ktki_check_contents(struct check *check, ktk_error *err) {
    const struct document *document = ktki_dataset_document(check->dataset);
    struct contents *contents = NULL;
    int64_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(check->allocator, &contents, err));
    contents->check = check;
    for (int64_t i = 0; i < document->partition_count; i++) {
        for (int32_t j = 0; j < document->partitions[i].file_count; j++) {
            const struct partition_file *file = &document->partitions[i].files[j];
            bool exists;

            /* One that is missing was reported, CSV has no pages. */
            KTKI_TRY(ktki_check_exists(&exists, check, file->key, err));
            if (exists && is_parquet(file->key)) {
                contents->items[contents->count++] = (struct content){.file = file};
            }
            if (contents->count == FILES_AT_ONCE) {
                KTKI_TRY(read_some(contents, &done, err));
            }
        }
    }
    KTKI_TRY(read_some(contents, &done, err));
out:
    KTKI_DELETE(check->allocator, contents);
    return status;
}
