#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/name.h"
#include "dataset/snapshot_internal.h"

/* What one listing of the keys of a dataset finds. */
struct listing {
    ktk_dataset *dataset;
    bool wants_partitions;
    int32_t depth;            /* pairs in each key, -1 before the first */
    struct buffer partitions; /* struct partition */
    struct hash_map labels;   /* to the position in `partitions` */
    struct buffer tables;     /* const char *: those with a schema file, ascending */
    struct arena scratch;     /* of one key */
};

static bool ends_with(const char *text, const char *suffix) {
    size_t size = strlen(text);
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

/* The last text handed out if equal: keys come sorted, so names repeat. */
static ktk_status keep_table(struct listing *listing, const char *name, const char **out,
                             ktk_error *err) {
    struct arena *arena = &listing->dataset->document.arena;
    size_t count = listing->tables.size / sizeof(name);
    const char *const *names = (const char *const *)listing->tables.data;
    ktk_status status = KTK_OK;

    if (count > 0 && strcmp(names[count - 1], name) == 0) {
        *out = names[count - 1];
        return KTK_OK;
    }
    KTKI_TRY(ktki_arena_text(arena, name, strlen(name), out, err));
    KTKI_TRY(ktki_buffer_append(&listing->tables, out, sizeof(*out), err));
out:
    return status;
}

/* `[column=value/]…` quoted again, and the name of the file without ".parquet" wherever it stands.
 */
static ktk_status append_label(struct buffer *label, const struct key_parts *parts,
                               ktk_error *err) {
    const size_t suffix_size = strlen(KTKI_PARQUET_SUFFIX);
    const char *at = parts->file;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < parts->pair_count; i++) {
        const struct key_pair *pair = &parts->pairs[i];

        KTKI_TRY(ktki_quote(label, pair->column, pair->column_size, false, err));
        KTKI_TRY(ktki_buffer_append_byte(label, '=', err));
        KTKI_TRY(ktki_quote(label, pair->value, pair->value_size, false, err));
        KTKI_TRY(ktki_buffer_append_byte(label, '/', err));
    }
    for (;;) {
        const char *suffix = strstr(at, KTKI_PARQUET_SUFFIX);
        size_t size = suffix != NULL ? (size_t)(suffix - at) : strlen(at);

        KTKI_TRY(ktki_buffer_append(label, at, size, err));
        if (suffix == NULL) {
            break;
        }
        at = suffix + suffix_size;
    }
out:
    return status;
}

/* One more file of a partition; there are as many as tables, so that copying them is no loss. */
static ktk_status add_file(struct arena *arena, struct partition *partition, const char *table,
                           const char *key, ktk_error *err) {
    size_t count = (size_t)partition->file_count;
    struct partition_file *files;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(arena, count + 1, sizeof(*files), &files, err));
    if (count > 0) {
        memcpy(files, partition->files, count * sizeof(*files));
    }
    files[count].table = table;
    KTKI_TRY(ktki_arena_text(arena, key, strlen(key), &files[count].key, err));
    partition->files = files;
    partition->file_count++;
out:
    return status;
}

static ktk_status add_partition(struct listing *listing, const struct key_parts *parts,
                                const char *key, ktk_error *err) {
    struct arena *arena = &listing->dataset->document.arena;
    struct partition partition = {0};
    struct buffer label;
    const char *table;
    uint64_t *position;
    bool is_new;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&label, arena->allocator, 0);
    if (listing->depth >= 0 && parts->pair_count != listing->depth) {
        KTKI_FAIL(err, KTK_E_CORRUPT,
                  "the partitions of dataset '%s' do not have equally many keys in their paths: "
                  "'%s' has %d, others have %d",
                  listing->dataset->document.uuid, key, parts->pair_count, listing->depth);
    }
    listing->depth = parts->pair_count;
    KTKI_TRY(keep_table(listing, parts->table, &table, err));
    KTKI_TRY(append_label(&label, parts, err));
    KTKI_TRY(ktki_arena_text(arena, (const char *)label.data, label.size, &partition.label, err));
    KTKI_TRY(ktki_hash_map_insert(&listing->labels, partition.label, label.size,
                                  listing->partitions.size / sizeof(partition), &position, &is_new,
                                  err));
    if (is_new) {
        KTKI_TRY(ktki_buffer_append(&listing->partitions, &partition, sizeof(partition), err));
    }
    KTKI_TRY(
        add_file(arena, (struct partition *)listing->partitions.data + *position, table, key, err));
out:
    ktki_buffer_clear(&label);
    return status;
}

static ktk_status visit_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct listing *listing = state;
    struct key_parts parts;
    const char *table;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_key_decode(&parts, &listing->scratch, entry->key, err));
    /* Index files look like data files of a table of that name (defect D-20). */
    if (parts.table == NULL || strcmp(parts.table, "indices") == 0 ||
        strcmp(parts.table, "_ktk") == 0) {
        goto out;
    }
    if (listing->wants_partitions && ends_with(parts.file, KTKI_PARQUET_SUFFIX)) {
        KTKI_TRY(add_partition(listing, &parts, entry->key, err));
    } else if (ends_with(parts.file, KTKI_SCHEMA_FILE)) {
        KTKI_TRY(keep_table(listing, parts.table, &table, err));
    }
out:
    ktki_arena_reset(&listing->scratch);
    return status;
}

static ktk_status list_keys(struct listing *listing, ktk_error *err) {
    struct document *document = &listing->dataset->document;
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, document->arena.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s/", document->uuid));
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    KTKI_TRY(ktk_store_list(listing->dataset->store, (const char *)prefix.data, visit_key, listing,
                            err));
    if (listing->wants_partitions) {
        document->partition_count = (int64_t)(listing->partitions.size / sizeof(struct partition));
        KTKI_TRY(ktki_document_keep(document, &listing->partitions, &document->partitions, err));
    }
out:
    ktki_buffer_clear(&prefix);
    return status;
}

/* The originals look at the first partition only, and cannot read what others add. */
static ktk_status set_tables(ktk_dataset *dataset, const struct listing *listing, ktk_error *err) {
    const struct document *document = &dataset->document;
    const char *const *names = (const char *const *)listing->tables.data;
    size_t count = listing->tables.size / sizeof(*names);
    ktk_status status = KTK_OK;

    if (document->table_count > 0) {
        names = document->tables;
        count = (size_t)document->table_count;
    }
    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "dataset '%s' has %zu tables", document->uuid, count);
    }
    KTKI_TRY(ktki_arena_zeroed(&dataset->document.arena, count, sizeof(*dataset->tables),
                               &dataset->tables, err));
    for (size_t i = 0; i < count; i++) {
        dataset->tables[i].name = names[i];
    }
    dataset->table_count = (int32_t)count;
out:
    return status;
}

/* Columns of the pairs in the path of the first partition's first file. */
static ktk_status derive_partition_keys(struct document *document, ktk_error *err) {
    const struct partition *partition = document->partitions;
    struct key_parts parts;
    ktk_status status = KTK_OK;

    if (document->has_partition_keys || document->partition_count == 0 ||
        partition->file_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_key_decode(&parts, &document->arena, partition->files[0].key, err));
    KTKI_TRY(ktki_arena_array(&document->arena, (size_t)parts.pair_count, sizeof(char *),
                              &document->partition_keys, err));
    for (int32_t i = 0; i < parts.pair_count; i++) {
        const struct key_pair *pair = &parts.pairs[i];

        KTKI_TRY(ktki_arena_text(&document->arena, pair->column, pair->column_size,
                                 &document->partition_keys[i], err));
    }
    document->partition_key_count = parts.pair_count;
out:
    return status;
}

ktk_status ktki_dataset_discover(ktk_dataset *dataset, ktk_error *err) {
    struct document *document = &dataset->document;
    const ktk_allocator *allocator = document->arena.allocator;
    struct listing listing = {
        .dataset = dataset, .wants_partitions = !document->has_partitions, .depth = -1};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&listing.partitions, allocator, 0);
    ktki_buffer_init(&listing.tables, allocator, 0);
    ktki_hash_map_init(&listing.labels, allocator);
    ktki_arena_init(&listing.scratch, allocator);
    if (document->table_count == 0) {
        KTKI_TRY(list_keys(&listing, err));
    }
    KTKI_TRY(derive_partition_keys(document, err));
    KTKI_TRY(set_tables(dataset, &listing, err));
out:
    ktki_arena_clear(&listing.scratch);
    ktki_hash_map_clear(&listing.labels);
    ktki_buffer_clear(&listing.tables);
    ktki_buffer_clear(&listing.partitions);
    return status;
}
