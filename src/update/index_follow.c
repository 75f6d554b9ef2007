#include "update/index_follow.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_format.h"
#include "dataset/index.h"
#include "dataset/name.h"
#include "parquet/reader.h"
#include "store/backend.h"
#include "update/index_merge.h"
#include "update/index_values.h"

#define INDEX_SUFFIX ".by-dataset-index.parquet"

/* One index that is written. */
struct follow {
    struct ktk_update *update;
    ktk_dataset *current; /* NULL: none */
    struct index_column column;
    struct index_merge merge;
    const struct partition **partitions; /* that there will be, as numbered by `merge` */
    size_t partition_count;
    uint8_t *known; /* a bit each: the old file has their values */
    /* Files to be read, and what is in them. */
    struct buffer files; /* struct index_file */
};

/* ---- wishes ---- */

ktk_status ktki_index_wish(struct ktk_update *update, const char *column, bool is_drop,
                           ktk_error *err) {
    struct index_wish wish = {.is_drop = is_drop};
    const struct index_wish *wishes = (const struct index_wish *)update->index_wishes.data;
    ktk_status status = KTK_OK;

    if (column == NULL || column[0] == '\0' || !ktki_utf8_is_valid(column, strlen(column))) {
        KTKI_FAIL(err, KTK_E_INVALID, "an index must be on a column that has a name in UTF-8");
    }
    if (strcmp(column, KTKI_INDEX_LABELS) == 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "column '%s' cannot have an index: the labels in index files have that name",
                  column);
    }
    for (size_t i = 0; i < update->index_wishes.size / sizeof(wish); i++) {
        if (strcmp(wishes[i].column, column) == 0) {
            KTKI_FAIL(err, KTK_E_INVALID, "the index on column '%s' is asked for twice", column);
        }
    }
    KTKI_TRY(ktki_update_text(update, &wish.column, err, "%s", column));
    KTKI_TRY(ktki_buffer_append(&update->index_wishes, &wish, sizeof(wish), err));
    KTKI_TRY(
        ktki_buffer_append(&update->change.index_columns, &wish.column, sizeof(wish.column), err));
out:
    return status;
}

static const struct index_wish *find_wish(const struct ktk_update *update, const char *column) {
    const struct index_wish *wishes = (const struct index_wish *)update->index_wishes.data;

    for (size_t i = 0; i < update->index_wishes.size / sizeof(*wishes); i++) {
        if (strcmp(wishes[i].column, column) == 0) {
            return &wishes[i];
        }
    }
    return NULL;
}

/* ---- the column ---- */

/* The stored schemas come first: they say how texts are kept. */
static ktk_status find_field(struct follow *follow, bool *is_there, ktk_error *err) {
    ktk_status status = KTK_OK;

    *is_there = false;
    if (follow->current != NULL) {
        KTKI_TRY(ktki_index_column_find(&follow->column, follow->current, is_there, err));
    }
    for (int32_t i = 0; i < follow->update->table_count; i++) {
        const struct schema *schema = follow->update->tables[i].schema;

        *is_there = ktki_index_column_take(&follow->column, schema) || *is_there;
    }
    if (*is_there && ktki_type_is_nested(follow->column.field.type.id)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "column '%s' is nested, it cannot have an index",
                  follow->column.name);
    }
out:
    return status;
}

/* ---- partitions ---- */

/* How many there can be. */
static size_t partition_room(const struct follow *follow) {
    size_t room = (size_t)follow->update->change.added_count;

    if (follow->current != NULL) {
        room += (size_t)ktki_dataset_document(follow->current)->partition_count;
    }
    return room;
}

static ktk_status add_partition(struct follow *follow, const struct partition *partition,
                                ktk_error *err) {
    follow->partitions[follow->partition_count++] = partition;
    return ktki_index_merge_label(&follow->merge, partition->label, err);
}

/* Those of the document that stay. */
static ktk_status list_kept(struct follow *follow, ktk_error *err) {
    const struct change *change = &follow->update->change;
    const struct document *document =
        follow->current == NULL ? NULL : ktki_dataset_document(follow->current);
    int64_t old_count = document == NULL ? 0 : document->partition_count;
    size_t room = partition_room(follow);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(follow->update->allocator, room, sizeof(*follow->partitions),
                              &follow->partitions, err));
    for (int64_t i = 0; i < old_count; i++) {
        const struct partition *partition = &document->partitions[i];

        if (change->removed.size == 0 || !ktki_change_removes(change, partition->label)) {
            KTKI_TRY(add_partition(follow, partition, err));
        }
    }
    KTKI_TRY(ktki_alloc_zeroed(follow->update->allocator, ktki_bits_size((int64_t)room), 1,
                               &follow->known, err));
out:
    return status;
}

/* Those that come are declared when the old file is taken: what it may know of their labels is
 * about others, which went. */
static ktk_status list_added(struct follow *follow, ktk_error *err) {
    const struct change *change = &follow->update->change;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < change->added_count; i++) {
        KTKI_TRY(add_partition(follow, &change->added[i], err));
    }
out:
    return status;
}

/* ---- what the old file knows ---- */

/* The file covers just the partitions of the document: also those without a value are known. */
static bool covers_current(const struct follow *follow, ktk_parquet_file *file) {
    const struct document *document = ktki_dataset_document(follow->current);
    const char *covers = ktk_parquet_key_value(file, KTKI_INDEX_COVERS, NULL);
    struct label_digest digest = {0};
    char text[KTKI_DIGEST_TEXT_SIZE];

    for (int64_t i = 0; i < document->partition_count; i++) {
        const char *label = document->partitions[i].label;

        ktki_digest_add(&digest, label, strlen(label));
    }
    ktki_digest_format(&digest, text);
    return covers != NULL && strcmp(covers, text) == 0;
}

static ktk_status take_file(struct follow *follow, const char *key, ktk_error *err) {
    struct ktk_update *update = follow->update;
    struct source source = {0};
    ktk_parquet_file *file = NULL;
    bool fits = false;
    ktk_status status = KTK_OK;

    status = ktki_source_of_key(&source, update->store, key, -1, err);
    if (status == KTK_OK) {
        status = ktki_parquet_open(&file, update->context, &source, err);
    }
    if (status == KTK_E_NOT_FOUND) {
        status = KTK_OK; /* everything is read anew */
        goto out;
    }
    KTKI_TRY(status);
    source = (struct source){0};
    KTKI_TRY(ktki_index_merge_file(&follow->merge, file, follow->known, &fits, err));
    if (fits && covers_current(follow, file)) {
        ktki_bits_fill(follow->known, 0, (int64_t)follow->partition_count, true);
    }
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "index '%s'; build it anew", key);
    }
    ktki_source_free(&source);
    ktk_parquet_file_free(file);
    return status;
}

/* ---- what is read anew ---- */

static ktk_status read_unknown(struct follow *follow, ktk_error *err) {
    const struct index_progress progress = {follow->update->index_progress,
                                            follow->update->progress_state};
    struct index_file *files;
    size_t count;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < follow->partition_count; i++) {
        const struct partition *partition = follow->partitions[i];

        for (int32_t j = 0; j < partition->file_count && !ktki_bit_get(follow->known, (int64_t)i);
             j++) {
            const struct index_file file = {(uint32_t)i, partition->files[j].key, {0}};

            KTKI_TRY(ktki_buffer_append(&follow->files, &file, sizeof(file), err));
        }
    }
    files = (struct index_file *)(void *)follow->files.data;
    count = follow->files.size / sizeof(*files);
    status = ktki_index_files_read(files, count, &follow->column, &progress, err);
    if (status == KTK_E_CANCELLED) {
        KTKI_FAIL(err, status, "the update of dataset '%s' was cancelled", follow->update->uuid);
    }
    KTKI_TRY(status);
    for (size_t i = 0; i < count; i++) {
        if (files[i].values.release != NULL) {
            KTKI_TRY(
                ktki_index_merge_values(&follow->merge, files[i].partition, &files[i].values, err));
        }
    }
out:
    return status;
}

/* ---- the new file ---- */

static ktk_status make_key(struct buffer *key, const struct follow *follow, ktk_error *err) {
    const struct ktk_update *update = follow->update;
    char id[KTKI_UUID_TEXT_SIZE];
    char now[KTKI_TIME_TEXT_MAX];
    size_t now_size = ktki_format_now(now);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_uuid7(id, err));
    KTKI_TRY(ktki_buffer_append_format(key, err, "%s/indices/", update->uuid));
    KTKI_TRY(ktki_quote(key, follow->column.name, strlen(follow->column.name), false, err));
    KTKI_TRY(ktki_buffer_append_byte(key, '/', err));
    KTKI_TRY(ktki_quote(key, now, now_size, false, err));
    KTKI_TRY(ktki_buffer_append_format(key, err, "-%s%s", id, INDEX_SUFFIX));
    KTKI_TRY(ktki_buffer_append_byte(key, '\0', err));
out:
    return status;
}

static ktk_status put_file(struct follow *follow, const char **out, ktk_error *err) {
    struct ktk_update *update = follow->update;
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    const char *key = NULL;
    struct buffer bytes;
    struct buffer name;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&bytes, update->allocator, 0);
    ktki_buffer_init(&name, update->allocator, 0);
    KTKI_TRY(ktki_index_merge_write(&follow->merge, &bytes, err));
    KTKI_TRY(make_key(&name, follow, err));
    KTKI_TRY(ktki_arena_text(&update->arena, (const char *)name.data, name.size - 1, &key, err));
    /* Kept before the put, which may come through although it seems to fail. */
    KTKI_TRY(ktki_buffer_append(&update->index_keys, &key, sizeof(key), err));
    condition.flags = KTK_PUT_DEFER_SYNC;
    KTKI_TRY(ktk_store_put(update->store, key, bytes.data, bytes.size, &condition, NULL, err));
    *out = key;
out:
    ktki_buffer_clear(&name);
    ktki_buffer_clear(&bytes);
    return status;
}

static void follow_clear(struct follow *follow) {
    const ktk_allocator *allocator = follow->update->allocator;
    struct index_file *files = (struct index_file *)(void *)follow->files.data;
    size_t room = partition_room(follow);

    for (size_t i = 0; i < follow->files.size / sizeof(*files); i++) {
        ktki_array_clear(&files[i].values);
    }
    ktki_buffer_clear(&follow->files);
    ktki_free_array(allocator, follow->known, ktki_bits_size((int64_t)room), 1);
    ktki_free_array(allocator, follow->partitions, room, sizeof(*follow->partitions));
    ktki_index_merge_clear(&follow->merge);
}

static bool is_partition_key(const struct ktk_update *update, const char *column) {
    for (int32_t i = 0; i < update->partition_on_count; i++) {
        if (strcmp(update->partition_on[i], column) == 0) {
            return true;
        }
    }
    return false;
}

/* Write an index. `*key` NULL: no table has its column, or none a type for it, so there is nothing
 * to write. `old`: the file to go on from, NULL for none. */
static ktk_status write_index(const char **key, struct ktk_update *update, ktk_dataset *current,
                              const char *column, const char *old, ktk_error *err) {
    struct follow follow = {.update = update, .current = current};
    bool is_there;
    ktk_status status = KTK_OK;

    *key = NULL;
    follow.column = (struct index_column){
        .name = column, .store = update->store, .is_key = is_partition_key(update, column)};
    ktki_buffer_init(&follow.files, update->allocator, 0);
    KTKI_TRY(find_field(&follow, &is_there, err));
    if (!is_there && find_wish(update, column) != NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s' to build an index on", column);
    }
    if (!is_there || follow.column.field.type.id == TYPE_NULL) {
        goto out;
    }
    ktki_index_merge_init(&follow.merge, update->context, &follow.column.field);
    KTKI_TRY(list_kept(&follow, err));
    if (old != NULL) {
        KTKI_TRY(take_file(&follow, old, err));
    }
    KTKI_TRY(list_added(&follow, err));
    KTKI_TRY(read_unknown(&follow, err));
    KTKI_TRY(put_file(&follow, key, err));
out:
    follow_clear(&follow);
    return status;
}

/* ---- all indices ---- */

static ktk_status add_index(struct change *change, const char *column, const char *key,
                            ktk_error *err) {
    struct document_index *index = &change->indices[change->index_count];
    ktk_status status = KTK_OK;

    *index = (struct document_index){.key = key};
    KTKI_TRY(ktki_arena_text(&change->arena, column, strlen(column), &index->column, err));
    change->index_count++;
out:
    return status;
}

/* Indices that the document has: those dropped go, those built anew start from nothing, the others
 * follow if partitions come or go. */
static ktk_status follow_old(struct ktk_update *update, ktk_dataset *current, ktk_error *err) {
    const struct document *document = ktki_dataset_document(current);
    struct change *change = &update->change;
    bool is_touched = change->added_count > 0 || change->removed.size > 0;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < document->index_count; i++) {
        const struct document_index *index = &document->indices[i];
        const struct index_wish *wish = find_wish(update, index->column);
        const char *key = NULL;

        if (wish == NULL && !is_touched) {
            continue;
        }
        if (wish == NULL || !wish->is_drop) {
            KTKI_TRY(write_index(&key, update, current, index->column,
                                 wish == NULL ? index->key : NULL, err));
        }
        if (key != NULL || (wish != NULL && wish->is_drop)) {
            KTKI_TRY(add_index(change, index->column, key, err));
        }
    }
out:
    return status;
}

static ktk_status follow_new(struct ktk_update *update, ktk_dataset *current, ktk_error *err) {
    const struct index_wish *wishes = (const struct index_wish *)update->index_wishes.data;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < update->index_wishes.size / sizeof(*wishes); i++) {
        const char *key;

        if (current != NULL && ktki_index_find(current, wishes[i].column) >= 0) {
            continue;
        }
        if (wishes[i].is_drop) {
            KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' has no index on column '%s'",
                      update->uuid, wishes[i].column);
        }
        KTKI_TRY(write_index(&key, update, current, wishes[i].column, NULL, err));
        if (key != NULL) {
            KTKI_TRY(add_index(&update->change, wishes[i].column, key, err));
        }
    }
out:
    return status;
}

ktk_status ktki_index_follow(struct ktk_update *update, ktk_dataset *current, ktk_error *err) {
    struct change *change = &update->change;
    size_t count = update->index_wishes.size / sizeof(struct index_wish);
    ktk_status status = KTK_OK;

    change->index_count = 0;
    count += current == NULL ? 0 : (size_t)ktk_dataset_index_count(current);
    KTKI_TRY(
        ktki_arena_array(&change->arena, count, sizeof(*change->indices), &change->indices, err));
    if (current != NULL) {
        KTKI_TRY(follow_old(update, current, err));
    }
    KTKI_TRY(follow_new(update, current, err));
out:
    return status;
}
