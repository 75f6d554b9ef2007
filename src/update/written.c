#include "update/written.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/text.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "update/update_base.h"
#include "update/update_tables.h"

#define FORMAT 2
#define NESTING_MAX 16

/* ---- describing ---- */

static ktk_status write_text(struct json_writer *json, const char *key, const char *text,
                             ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_text(json, text, err) : status;
}

static ktk_status write_number(struct json_writer *json, const char *key, int64_t number,
                               ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_i64(json, number, err) : status;
}

static ktk_status write_file(struct json_writer *json, const char *table,
                             const struct written_file *file, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_key(json, table, err));
    KTKI_TRY(ktki_json_begin_object(json, err));
    KTKI_TRY(write_text(json, "key", file->key, err));
    KTKI_TRY(write_number(json, "rows", file->row_count, err));
    KTKI_TRY(write_number(json, "bytes", file->size, err));
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

static ktk_status write_partition(struct json_writer *json, const struct ktk_update *update,
                                  const struct written_file *files, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_begin_object(json, err));
    KTKI_TRY(write_text(json, "label", files[0].label, err));
    KTKI_TRY(ktki_json_key(json, "files", err));
    KTKI_TRY(ktki_json_begin_object(json, err));
    for (int32_t i = 0; i < update->table_count; i++) {
        KTKI_TRY(write_file(json, update->tables[i].name, &files[i], err));
    }
    KTKI_TRY(ktki_json_end_object(json, err));
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

static ktk_status write_partitions(struct json_writer *json, const struct ktk_update *update,
                                   ktk_error *err) {
    const struct written_file *files = (const struct written_file *)update->files.data;
    size_t count = ktki_update_partition_count(update);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_begin_array(json, err));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(write_partition(json, update, &files[i * (size_t)update->table_count], err));
    }
    KTKI_TRY(ktki_json_end_array(json, err));
out:
    return status;
}

/* The schema lies under its hash, where the one who commits finds it. */
static ktk_status put_schema(char hash[KTKI_HASH_TEXT_SIZE], const struct ktk_update *update,
                             const struct update_table *table, ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer bytes;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&bytes, update->allocator, 0);
    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_table_schema_encode(&bytes, update->context, table->schema, err));
    ktki_hash_text(hash, ktki_hash_bytes(bytes.data, bytes.size));
    KTKI_TRY(ktki_schema_copy_key(&key, update->uuid, table->name, hash, err));
    condition.flags = KTK_PUT_DEFER_SYNC;
    KTKI_TRY(ktk_store_put(update->store, (const char *)key.data, bytes.data, bytes.size,
                           &condition, NULL, err));
out:
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&bytes);
    return status;
}

/* `{table: hash, …}`; null for one whose columns are not known. */
static ktk_status write_tables(struct json_writer *json, const struct ktk_update *update,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_begin_object(json, err));
    for (int32_t i = 0; i < update->table_count; i++) {
        const struct update_table *table = &update->tables[i];
        char hash[KTKI_HASH_TEXT_SIZE] = "";

        if (table->schema != NULL) {
            KTKI_TRY(put_schema(hash, update, table, err));
        }
        KTKI_TRY(write_text(json, table->name, hash[0] != '\0' ? hash : NULL, err));
    }
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

ktk_status ktki_written_describe(struct buffer *out, const struct ktk_update *update,
                                 ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(write_number(&json, "written", FORMAT, err));
    KTKI_TRY(write_text(&json, "dataset", update->uuid, err));
    KTKI_TRY(ktki_json_key(&json, "tables", err));
    KTKI_TRY(write_tables(&json, update, err));
    KTKI_TRY(write_number(&json, "begun_ms", update->first_file_ms, err));
    KTKI_TRY(ktki_json_key(&json, "partition_on", err));
    KTKI_TRY(ktki_json_begin_array(&json, err));
    for (int32_t i = 0; i < update->partition_on_count; i++) {
        KTKI_TRY(ktki_json_text(&json, update->partition_on[i], err));
    }
    KTKI_TRY(ktki_json_end_array(&json, err));
    KTKI_TRY(ktki_json_key(&json, "partitions", err));
    KTKI_TRY(write_partitions(&json, update, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    return status;
}

/* ---- taking ---- */

/* A description being read. It comes from another process, and is not trusted. */
struct description {
    struct ktk_update *update;
    struct json_reader json;
    struct arena arena;
    const char *dataset;
    int64_t format;
    int64_t begun_ms;
    struct buffer tables;       /* const char * */
    struct buffer hashes;       /* const char *: of their schemas; NULL: there is none */
    struct buffer partition_on; /* const char * */
    struct buffer files;        /* struct written_file: those of a partition in the order of the
                                   tables; `label` in the arena, `key` owned */
};

static ktk_status take_text(struct description *description, const char **out, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(&description->json, &event, err));
    if (event == JSON_NULL) {
        *out = NULL;
        goto out;
    }
    if (event != JSON_STRING ||
        memchr(description->json.text, 0, description->json.text_size) != NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a text is expected");
    }
    KTKI_TRY(ktki_arena_text(&description->arena, description->json.text,
                             description->json.text_size, out, err));
out:
    return status;
}

static ktk_status take_number(struct description *description, int64_t *out, ktk_error *err) {
    ktk_status status = ktki_json_expect(&description->json, JSON_NUMBER, "a whole number", err);

    if (status == KTK_OK &&
        (!ktki_parse_i64(description->json.text, description->json.text_size, out) || *out < 0)) {
        status = ktk_error_set(err, KTK_E_CORRUPT, "a whole number is expected");
    }
    return status;
}

static size_t table_count(const struct description *description) {
    return description->tables.size / sizeof(char *);
}

static size_t find_table(const struct description *description, const char *name) {
    const char *const *tables = (const char *const *)description->tables.data;
    size_t i = 0;

    while (i < table_count(description) && strcmp(tables[i], name) != 0) {
        i++;
    }
    return i;
}

/* `{table: hash, …}` */
static ktk_status take_tables(struct description *description, ktk_error *err) {
    struct json_reader *json = &description->json;
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_OBJECT_BEGIN, "a map of tables", err));
    for (;;) {
        const char *table;
        const char *hash;

        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(ktki_arena_text(&description->arena, json->text, json->text_size, &table, err));
        if (find_table(description, table) < table_count(description)) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "table '%s' comes twice", table);
        }
        KTKI_TRY(take_text(description, &hash, err));
        KTKI_TRY(ktki_buffer_append(&description->tables, &table, sizeof(table), err));
        KTKI_TRY(ktki_buffer_append(&description->hashes, &hash, sizeof(hash), err));
    }
out:
    return status;
}

/* `{"key": …, "rows": …, "bytes": …}` */
static ktk_status take_file(struct description *description, struct written_file *file,
                            ktk_error *err) {
    struct json_reader *json = &description->json;
    const char *key = NULL;
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_OBJECT_BEGIN, "a file", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        if (ktki_json_is(json, "key")) {
            KTKI_TRY(take_text(description, &key, err));
        } else if (ktki_json_is(json, "rows")) {
            KTKI_TRY(take_number(description, &file->row_count, err));
        } else if (ktki_json_is(json, "bytes")) {
            KTKI_TRY(take_number(description, &file->size, err));
        } else {
            KTKI_TRY(ktki_json_skip(json, NULL, NULL, err));
        }
    }
    if (key == NULL || file->key != NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a partition has one file of a table, which has a key");
    }
    KTKI_TRY(ktki_copy_text(description->update->allocator, key, strlen(key), &file->key, err));
out:
    return status;
}

/* `{table: file, …}`, with a file of each table. */
static ktk_status take_files(struct description *description, struct written_file *files,
                             ktk_error *err) {
    struct json_reader *json = &description->json;
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_OBJECT_BEGIN, "a map of files", err));
    for (;;) {
        const char *table;
        size_t at;

        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(ktki_arena_text(&description->arena, json->text, json->text_size, &table, err));
        at = find_table(description, table);
        if (at == table_count(description)) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a file must be of a table that is described");
        }
        KTKI_TRY(take_file(description, &files[at], err));
    }
out:
    return status;
}

static ktk_status read_partition(struct description *description, struct written_file *files,
                                 ktk_error *err) {
    struct json_reader *json = &description->json;
    size_t count = table_count(description);
    const char *label = NULL;
    enum json_event event;
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        if (ktki_json_is(json, "label")) {
            KTKI_TRY(take_text(description, &label, err));
        } else if (ktki_json_is(json, "files")) {
            KTKI_TRY(take_files(description, files, err));
        } else {
            KTKI_TRY(ktki_json_skip(json, NULL, NULL, err));
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (label == NULL || files[i].key == NULL) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a partition has a label and a file of each table");
        }
        files[i].label = label;
        files[i].is_taken = true;
    }
out:
    return status;
}

static ktk_status take_partition(struct description *description, ktk_error *err) {
    const ktk_allocator *allocator = description->update->allocator;
    size_t count = table_count(description);
    struct written_file *files = NULL;
    ktk_status status = KTK_OK;

    if (count == 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a partition must be of tables that are described");
    }
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*files), &files, err));
    KTKI_TRY(read_partition(description, files, err));
    KTKI_TRY(ktki_buffer_append(&description->files, files, count * sizeof(*files), err));
    memset(files, 0, count * sizeof(*files)); /* the keys have moved */
out:
    for (size_t i = 0; files != NULL && i < count; i++) {
        ktki_free_text(allocator, files[i].key);
    }
    ktki_free_array(allocator, files, count, sizeof(*files));
    return status;
}

static ktk_status take_partitions(struct description *description, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(&description->json, JSON_ARRAY_BEGIN, "a list of partitions", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&description->json, &event, err));
        if (event != JSON_OBJECT_BEGIN) {
            break;
        }
        KTKI_TRY(take_partition(description, err));
    }
    if (event != JSON_ARRAY_END) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a partition is a map");
    }
out:
    return status;
}

static ktk_status take_columns(struct description *description, ktk_error *err) {
    struct json_reader *json = &description->json;
    enum json_event event;
    const char *column;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_ARRAY_BEGIN, "a list of columns", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event != JSON_STRING) {
            break;
        }
        KTKI_TRY(ktki_arena_text(&description->arena, json->text, json->text_size, &column, err));
        KTKI_TRY(ktki_buffer_append(&description->partition_on, &column, sizeof(column), err));
    }
    if (event != JSON_ARRAY_END) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a partition column is a text");
    }
out:
    return status;
}

static ktk_status take_member(struct description *description, ktk_error *err) {
    struct json_reader *json = &description->json;

    if (ktki_json_is(json, "written")) {
        return take_number(description, &description->format, err);
    }
    if (ktki_json_is(json, "dataset")) {
        return take_text(description, &description->dataset, err);
    }
    if (ktki_json_is(json, "tables")) {
        return take_tables(description, err);
    }
    if (ktki_json_is(json, "begun_ms")) {
        return take_number(description, &description->begun_ms, err);
    }
    if (ktki_json_is(json, "partition_on")) {
        return take_columns(description, err);
    }
    if (ktki_json_is(json, "partitions")) {
        return take_partitions(description, err);
    }
    return ktki_json_skip(json, NULL, NULL, err);
}

static ktk_status parse(struct description *description, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(&description->json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&description->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(take_member(description, err));
    }
    if (description->format != FORMAT || description->dataset == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "this describes no partitions of a dataset");
    }
out:
    return status;
}

/* ---- does it fit? ---- */

/* A key of this dataset and table, and nothing that leads out of them. */
static bool is_own_key(const struct ktk_update *update, const char *table, const char *key) {
    size_t uuid_size = strlen(update->uuid);
    size_t table_size = strlen(table);
    size_t size = strlen(key);

    return strncmp(key, update->uuid, uuid_size) == 0 && key[uuid_size] == '/' &&
           strncmp(key + uuid_size + 1, table, table_size) == 0 &&
           key[uuid_size + 1 + table_size] == '/' && strstr(key, "/../") == NULL &&
           size >= strlen(KTKI_PARQUET_SUFFIX) &&
           strcmp(key + size - strlen(KTKI_PARQUET_SUFFIX), KTKI_PARQUET_SUFFIX) == 0;
}

static ktk_status check_place(const struct description *description, ktk_error *err) {
    struct ktk_update *update = description->update;
    const char *const *columns = (const char *const *)description->partition_on.data;
    size_t count = description->partition_on.size / sizeof(*columns);
    bool is_equal = count == (size_t)update->partition_on_count;
    ktk_status status = KTK_OK;

    if (strcmp(description->dataset, update->uuid) != 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "the partitions were written for dataset '%s', not '%s'",
                  description->dataset, update->uuid);
    }
    if (table_count(description) > 0) {
        KTKI_TRY(ktki_update_take_tables(update, (const char *const *)description->tables.data,
                                         (int32_t)table_count(description), err));
    }
    for (size_t i = 0; is_equal && i < count; i++) {
        is_equal = strcmp(columns[i], update->partition_on[i]) == 0;
    }
    if (!is_equal) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the partitions of dataset '%s' were written with other partition columns",
                  update->uuid);
    }
out:
    return status;
}

static ktk_status check_files(const struct description *description, ktk_error *err) {
    const struct written_file *files = (const struct written_file *)description->files.data;
    const char *const *tables = (const char *const *)description->tables.data;
    size_t stride = table_count(description);
    struct ktk_update *update = description->update;
    uint64_t *unused;
    bool is_new;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < description->files.size / sizeof(*files); i++) {
        const char *label = files[i].label;

        if (!is_own_key(update, tables[i % stride], files[i].key)) {
            KTKI_FAIL(err, KTK_E_INVALID, "file '%s' is no data file of table '%s' of dataset '%s'",
                      files[i].key, tables[i % stride], update->uuid);
        }
        if (i % stride != 0) {
            continue;
        }
        KTKI_TRY(ktki_update_check_label(update, label, err));
        KTKI_TRY(ktki_update_text(update, &label, err, "%s", label));
        KTKI_TRY(ktki_hash_map_insert(&update->labels, label, strlen(label), update->labels.count,
                                      &unused, &is_new, err));
        if (!is_new) {
            status = ktk_error_set(err, KTK_E_INVALID, "the label '%s' is duplicated", label);
            ktki_error_about(err, KTK_REASON_DUPLICATE_LABELS, label);
            goto out;
        }
    }
out:
    return status;
}

static ktk_status read_schema(struct schema **out, const char **origin, struct ktk_update *update,
                              const char *table, const char *hash, ktk_error *err) {
    ktk_bytes file = KTK_BYTES_INIT;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, update->allocator, 0);
    KTKI_TRY(ktki_schema_copy_key(&key, update->uuid, table, hash, err));
    KTKI_TRY(ktki_update_text(update, origin, err, "%s", (const char *)key.data));
    KTKI_TRY(ktk_store_get(update->store, *origin, &file, NULL, err));
    KTKI_TRY(ktki_table_schema_decode(out, update->context, file.data, file.size, *origin, err));
out:
    ktk_bytes_clear(&file);
    ktki_buffer_clear(&key);
    return status;
}

/* Let the schemas of the files join the update's. */
static ktk_status join_schemas(const struct description *description, ktk_error *err) {
    const char *const *tables = (const char *const *)description->tables.data;
    const char *const *hashes = (const char *const *)description->hashes.data;
    struct ktk_update *update = description->update;
    size_t count = table_count(description);
    struct schema **schemas = NULL;
    const char **origins = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(update->allocator, count, sizeof(struct schema *), &schemas, err));
    KTKI_TRY(ktki_alloc_zeroed(update->allocator, count, sizeof(*origins), &origins, err));
    for (size_t i = 0; i < count; i++) {
        int32_t at = ktki_update_find_table(update, tables[i]);

        if (hashes[i] != NULL) {
            KTKI_TRY(read_schema(&schemas[at], &origins[at], update, tables[i], hashes[i], err));
        }
    }
    if (count > 0) {
        KTKI_TRY(ktki_update_join_schemas(update, schemas, origins, err));
    }
out:
    for (size_t i = 0; schemas != NULL && i < count; i++) {
        ktki_schema_free(schemas[i]);
    }
    ktki_free_array(update->allocator, origins, count, sizeof(*origins));
    ktki_free_array(update->allocator, schemas, count, sizeof(struct schema *));
    return status;
}

/* The files move into the update, in the order of its tables. */
static ktk_status adopt_files(struct description *description, ktk_error *err) {
    struct written_file *files = (struct written_file *)description->files.data;
    struct ktk_update *update = description->update;
    size_t stride = table_count(description);
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < description->files.size / sizeof(*files); i += stride) {
        const char *label;

        KTKI_TRY(ktki_update_text(update, &label, err, "%s", files[i].label));
        for (int32_t j = 0; j < update->table_count; j++) {
            struct written_file *file = &files[i];

            file += find_table(description, update->tables[j].name);
            file->label = label;
            KTKI_TRY(ktki_buffer_append(&update->files, file, sizeof(*file), err));
            file->key = NULL; /* the update's now */
            KTKI_TRY(ktki_update_count(update, file, err));
        }
    }
    if (update->first_file_ms == 0 || description->begun_ms < update->first_file_ms) {
        update->first_file_ms = description->begun_ms;
    }
out:
    return status;
}

ktk_status ktki_written_take(struct ktk_update *update, const char *json, size_t size,
                             ktk_error *err) {
    struct description description = {.update = update};
    struct written_file *files;
    ktk_status status = KTK_OK;

    ktki_arena_init(&description.arena, update->allocator);
    ktki_buffer_init(&description.tables, update->allocator, 0);
    ktki_buffer_init(&description.hashes, update->allocator, 0);
    ktki_buffer_init(&description.partition_on, update->allocator, 0);
    ktki_buffer_init(&description.files, update->allocator, 0);
    ktki_json_reader_init(&description.json, update->allocator, json, size, NESTING_MAX);
    status = parse(&description, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "description of written partitions");
        goto out;
    }
    KTKI_TRY(check_place(&description, err));
    KTKI_TRY(check_files(&description, err));
    KTKI_TRY(join_schemas(&description, err));
    KTKI_TRY(adopt_files(&description, err));
out:
    files = (struct written_file *)description.files.data;
    for (size_t i = 0; i < description.files.size / sizeof(*files); i++) {
        ktki_free_text(update->allocator, files[i].key);
    }
    ktki_json_reader_clear(&description.json);
    ktki_buffer_clear(&description.files);
    ktki_buffer_clear(&description.partition_on);
    ktki_buffer_clear(&description.hashes);
    ktki_buffer_clear(&description.tables);
    ktki_arena_clear(&description.arena);
    return status;
}
