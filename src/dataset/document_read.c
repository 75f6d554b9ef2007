#include "dataset/document.h"

#include <kartothek/dataset.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "base/json_read.h"
#include "base/text.h"

#define VERSION 4

/* Partitions that are counted before room is made for as many as the text may have. */
#define SAMPLE_COUNT 256
#define FILES_BEGIN ": {\"files\": {\""
#define FILE_BEGIN "\": \""
#define FILES_END "}}"

/* The map of files in which a table was last met, and which of its files is that of the table. */
struct table_use {
    int64_t map;
    size_t file;
};

/* The state of one parse. `document` is built in place; arrays grow in buffers until their size is
 * known. */
struct parser {
    struct document *document;
    const ktk_allocator *allocator;
    struct json_reader json;
    char *text;             /* that of `json`, if it may be written to and outlives the document */
    struct hash_map tables; /* to the position in `table_names` */
    struct buffer table_names; /* const char * */
    struct buffer table_uses;  /* struct table_use, of each name */
    size_t last_table;         /* position of the name at hand */
    int64_t map_count;         /* maps of files so far */
    struct buffer partitions;  /* struct partition */
    struct buffer hashes;      /* uint64_t: of the label of each */
    struct buffer plain;       /* text: what stands between a label and the key of its only file */
    size_t plain_table;        /* the table in it */
    size_t first_plain;        /* number of the first partition from which on all look like that */
    const char *plain_end;     /* behind the last one */
    struct buffer files;       /* struct partition_file, of the partition at hand */
    struct buffer unknown;     /* text */
    bool has_version;
};

ktk_status ktki_document_keep(struct document *document, const struct buffer *array, void *out,
                              ktk_error *err) {
    ktk_status status = ktki_arena_array(&document->arena, array->size, 1, out, err);

    if (status == KTK_OK && array->size > 0) {
        memcpy(*(void **)out, array->data, array->size);
    }
    return status;
}

static ktk_status corrupt(const struct parser *parser, ktk_error *err, const char *what) {
    return ktk_error_set(err, KTK_E_CORRUPT, "%s at byte %zu", what,
                         (size_t)(parser->json.token - parser->json.start));
}

static ktk_status keep_count(int32_t *out, const struct buffer *array, size_t element_size,
                             ktk_error *err) {
    size_t count = array->size / element_size;

    if (count > INT32_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT, "%zu elements are too many", count);
    }
    *out = (int32_t)count;
    return KTK_OK;
}

/* The text of the event at hand, copied; no C text can hold a NUL. */
static ktk_status copy_text(struct parser *parser, const char **out, ktk_error *err) {
    const struct json_reader *json = &parser->json;

    if (json->text_size > 0 && memchr(json->text, 0, json->text_size) != NULL) {
        return corrupt(parser, err, "a name holds a NUL");
    }
    return ktki_arena_text(&parser->document->arena, json->text, json->text_size, out, err);
}

/* The same of `size` bytes that stand in the document between quotes, without escapes. */
static ktk_status keep_plain(struct parser *parser, const char *text, size_t size, const char **out,
                             ktk_error *err) {
    if (parser->text == NULL) {
        return ktki_arena_text(&parser->document->arena, text, size, out, err);
    }
    parser->text[text + size - parser->json.start] = '\0';
    *out = text;
    return KTK_OK;
}

/* Text with escapes was put together elsewhere. */
static ktk_status keep_text(struct parser *parser, const char **out, ktk_error *err) {
    const struct json_reader *json = &parser->json;

    return json->text == (const char *)json->scratch.data
               ? copy_text(parser, out, err)
               : keep_plain(parser, json->text, json->text_size, out, err);
}

/* One pointer a table name: nearly every partition repeats the name of the one before. The position
 * of the name becomes `last_table`. */
static ktk_status intern_table(struct parser *parser, ktk_error *err) {
    const char *const *names = (const char *const *)parser->table_names.data;
    const struct table_use unused = {0, 0};
    const char *copy;
    uint64_t *position;
    ktk_status status = KTK_OK;

    if (parser->tables.count > 0 && ktki_json_is(&parser->json, names[parser->last_table])) {
        goto out;
    }
    position = ktki_hash_map_find(&parser->tables, parser->json.text, parser->json.text_size);
    if (position == NULL) {
        KTKI_TRY(copy_text(parser, &copy, err));
        KTKI_TRY(ktki_buffer_append(&parser->table_names, &copy, sizeof(copy), err));
        KTKI_TRY(ktki_buffer_append(&parser->table_uses, &unused, sizeof(unused), err));
        KTKI_TRY(ktki_hash_map_insert(&parser->tables, copy, strlen(copy), parser->tables.count,
                                      &position, NULL, err));
    }
    parser->last_table = (size_t)*position;
out:
    return status;
}

/* Of equal names the last counts, as in Python. */
static ktk_status add_file(struct parser *parser, const char *key, ktk_error *err) {
    struct table_use *use = (struct table_use *)parser->table_uses.data + parser->last_table;
    const struct partition_file file = {
        ((const char *const *)parser->table_names.data)[parser->last_table], key};

    if (use->map == parser->map_count) {
        ((struct partition_file *)parser->files.data)[use->file] = file;
        return KTK_OK;
    }
    *use = (struct table_use){parser->map_count, parser->files.size / sizeof(file)};
    return ktki_buffer_append(&parser->files, &file, sizeof(file), err);
}

/* `{table: key, …}`, the begin of which is read. */
static ktk_status parse_files(struct parser *parser, struct partition *partition, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    parser->files.size = 0;
    parser->map_count++;
    for (;;) {
        const char *key;

        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(intern_table(parser, err));
        KTKI_TRY(ktki_json_expect(&parser->json, JSON_STRING, "the key of a file", err));
        KTKI_TRY(keep_text(parser, &key, err));
        KTKI_TRY(add_file(parser, key, err));
    }
    KTKI_TRY(
        keep_count(&partition->file_count, &parser->files, sizeof(struct partition_file), err));
    KTKI_TRY(ktki_document_keep(parser->document, &parser->files, &partition->files, err));
out:
    return status;
}

/* What a label stands for: a map of which only `files` counts. */
static ktk_status parse_partition(struct parser *parser, struct partition *partition,
                                  ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(&parser->json, JSON_OBJECT_BEGIN, "the map of a partition", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        if (!ktki_json_is(&parser->json, "files")) {
            KTKI_TRY(ktki_json_skip(&parser->json, NULL, NULL, err));
            continue;
        }
        KTKI_TRY(ktki_json_expect(&parser->json, JSON_OBJECT_BEGIN, "a map of files", err));
        KTKI_TRY(parse_files(parser, partition, err));
    }
out:
    return status;
}

/* True if two of the hashes are equal: then two labels may be. A set of hashes alone is far cheaper
 * than a map of labels, and nearly always settles the question. */
static ktk_status has_equal_hashes(const struct parser *parser, bool *out, ktk_error *err) {
    const uint64_t *hashes = (const uint64_t *)parser->hashes.data;
    size_t count = parser->hashes.size / sizeof(*hashes);
    size_t slot_count = 16;
    uint32_t *slots = NULL; /* the high half of a hash; 0: empty */
    bool found = false;
    ktk_status status = KTK_OK;

    while (slot_count < 2 * count) {
        slot_count *= 2;
    }
    KTKI_TRY(ktki_alloc_zeroed(parser->allocator, slot_count, sizeof(*slots), &slots, err));
    for (size_t i = 0; i < count && !found; i++) {
        uint32_t hash = (uint32_t)(hashes[i] >> 32) | 1;
        size_t at = (size_t)hashes[i] & (slot_count - 1);

        while (slots[at] != 0 && slots[at] != hash) {
            at = (at + 1) & (slot_count - 1);
        }
        found = slots[at] == hash;
        slots[at] = hash;
    }
    *out = found;
out:
    ktki_free_array(parser->allocator, slots, slot_count, sizeof(*slots));
    return status;
}

/* Of equal labels the last counts, in the place of the first, as in Python. */
static ktk_status merge_equal_labels(struct parser *parser, ktk_error *err) {
    struct partition *partitions = (struct partition *)parser->partitions.data;
    size_t count = parser->partitions.size / sizeof(*partitions);
    struct hash_map labels;
    size_t kept = 0;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&labels, parser->allocator);
    for (size_t i = 0; i < count; i++) {
        const char *label = partitions[i].label;
        uint64_t *position;
        bool is_new;

        KTKI_TRY(
            ktki_hash_map_insert(&labels, label, strlen(label), kept, &position, &is_new, err));
        partitions[*position] = partitions[i];
        kept += is_new;
    }
    parser->partitions.size = kept * sizeof(*partitions);
out:
    ktki_hash_map_clear(&labels);
    return status;
}

/* Room for as many partitions as the text may have, if they go on as they began: memory that grows
 * is held twice. */
static ktk_status make_room(struct parser *parser, size_t used, ktk_error *err) {
    size_t left = (size_t)(parser->json.end - parser->json.at);
    size_t bytes = sizeof(struct partition) + sizeof(uint64_t);
    size_t count = (left / used + 1) * SAMPLE_COUNT;
    ktk_status status = KTK_OK;

    count += count / 64;
    count = count < left / (4 * bytes) ? count : left / (4 * bytes);
    KTKI_TRY(ktki_buffer_reserve(&parser->partitions, count * sizeof(struct partition), err));
    KTKI_TRY(ktki_buffer_reserve(&parser->hashes, count * sizeof(uint64_t), err));
out:
    return status;
}

static ktk_status add_partition(struct parser *parser, const struct partition *partition,
                                uint64_t hash, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(&parser->partitions, partition, sizeof(*partition), err));
    KTKI_TRY(ktki_buffer_append(&parser->hashes, &hash, sizeof(hash), err));
out:
    return status;
}

/* The bytes that we write between a label and the key of a file of the table at hand. */
static ktk_status set_plain(struct parser *parser, ktk_error *err) {
    const char *table = ((const char *const *)parser->table_names.data)[parser->last_table];
    bool has_wide = false;
    ktk_status status = KTK_OK;

    if (parser->plain.size > 0 && parser->plain_table == parser->last_table) {
        goto out;
    }
    parser->plain_table = parser->last_table;
    parser->plain.size = 0;
    if (*ktki_json_plain_end(table, table + strlen(table), &has_wide) != '\0' || has_wide) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append_text(&parser->plain, FILES_BEGIN, err));
    KTKI_TRY(ktki_buffer_append_text(&parser->plain, table, err));
    KTKI_TRY(ktki_buffer_append_text(&parser->plain, FILE_BEGIN, err));
out:
    return status;
}

static bool starts_with(const char *at, const char *end, const void *bytes, size_t size) {
    return (size_t)(end - at) >= size && memcmp(at, bytes, size) == 0;
}

/*
 * A partition of one file, of the same table as the last one and written as we and the originals
 * write it: nearly all are. Its text differs from the last one's in the label and the key alone, so
 * that all else need only be compared. `*found` false: nothing was read, this is another one.
 */
static ktk_status parse_plain(struct parser *parser, bool *found, ktk_error *err) {
    struct json_reader *json = &parser->json;
    const char *end = json->end;
    const char *label = json->at + strlen(", \"");
    struct partition partition = {.file_count = 1};
    struct partition_file *file;
    bool has_wide = false;
    const char *label_end;
    const char *key;
    const char *key_end;
    ktk_status status = KTK_OK;

    *found = false;
    if (parser->plain.size == 0 || !starts_with(json->at, end, ", \"", strlen(", \""))) {
        goto out;
    }
    label_end = ktki_json_plain_end(label, end, &has_wide);
    if (label_end == end || *label_end != '"' ||
        !starts_with(label_end + 1, end, parser->plain.data, parser->plain.size)) {
        goto out;
    }
    key = label_end + 1 + parser->plain.size;
    key_end = ktki_json_plain_end(key, end, &has_wide);
    if (has_wide || key_end == end || *key_end != '"' ||
        !starts_with(key_end + 1, end, FILES_END, strlen(FILES_END))) {
        goto out;
    }
    KTKI_TRY(ktki_arena_array(&parser->document->arena, 1, sizeof(*file), &file, err));
    file->table = ((const char *const *)parser->table_names.data)[parser->plain_table];
    partition.files = file;
    KTKI_TRY(keep_plain(parser, label, (size_t)(label_end - label), &partition.label, err));
    KTKI_TRY(keep_plain(parser, key, (size_t)(key_end - key), &file->key, err));
    KTKI_TRY(add_partition(parser, &partition, ktki_hash_bytes(label, (size_t)(label_end - label)),
                           err));
    json->at = key_end + 1 + strlen(FILES_END);
    *found = true;
out:
    return status;
}

static ktk_status parse_partitions(struct parser *parser, ktk_error *err) {
    enum json_event event;
    bool is_doubtful;
    bool is_plain = false;
    const char *begin = parser->json.at;
    ktk_status status = KTK_OK;

    parser->partitions.size = 0;
    parser->hashes.size = 0;
    parser->document->has_partitions = true;
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_OBJECT_BEGIN, "a map of partitions", err));
    for (;;) {
        struct partition partition = {0};
        uint64_t hash;

        KTKI_TRY(parse_plain(parser, &is_plain, err));
        if (parser->partitions.size == SAMPLE_COUNT * sizeof(partition)) {
            KTKI_TRY(make_room(parser, (size_t)(parser->json.at - begin), err));
        }
        if (is_plain) {
            continue;
        }
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        hash = ktki_hash_bytes(parser->json.text, parser->json.text_size);
        KTKI_TRY(keep_text(parser, &partition.label, err));
        KTKI_TRY(parse_partition(parser, &partition, err));
        KTKI_TRY(add_partition(parser, &partition, hash, err));
        if (partition.file_count == 1) {
            KTKI_TRY(set_plain(parser, err));
        }
        parser->first_plain = parser->partitions.size / sizeof(partition);
    }
    parser->plain_end = parser->json.token;
    KTKI_TRY(has_equal_hashes(parser, &is_doubtful, err));
    ktki_buffer_clear(&parser->hashes); /* before the partitions are copied */
    if (is_doubtful) {
        KTKI_TRY(merge_equal_labels(parser, err));
    }
out:
    return status;
}

static ktk_status parse_partition_keys(struct parser *parser, ktk_error *err) {
    struct document *document = parser->document;
    struct buffer keys;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&keys, parser->allocator, 0);
    KTKI_TRY(ktki_json_next(&parser->json, &event, err));
    if (event == JSON_NULL) {
        goto out;
    }
    if (event != JSON_ARRAY_BEGIN) {
        KTKI_TRY(corrupt(parser, err, "a list is expected"));
    }
    for (;;) {
        const char *key;

        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_ARRAY_END) {
            break;
        }
        if (event != JSON_STRING) {
            KTKI_TRY(corrupt(parser, err, "the name of a column is expected"));
        }
        KTKI_TRY(keep_text(parser, &key, err));
        KTKI_TRY(ktki_buffer_append(&keys, &key, sizeof(key), err));
    }
    KTKI_TRY(keep_count(&document->partition_key_count, &keys, sizeof(char *), err));
    KTKI_TRY(ktki_document_keep(document, &keys, &document->partition_keys, err));
    document->has_partition_keys = true;
out:
    ktki_buffer_clear(&keys);
    return status;
}

/* What an index column stands for: the key of its file, or the index itself. */
static ktk_status parse_index(struct parser *parser, struct document_index *index, ktk_error *err) {
    const char *raw;
    size_t raw_size;
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(&parser->json, &event, err));
    if (event == JSON_STRING) {
        KTKI_TRY(keep_text(parser, &index->key, err));
    } else if (event == JSON_OBJECT_BEGIN) {
        KTKI_TRY(ktki_json_skip(&parser->json, &raw, &raw_size, err));
        KTKI_TRY(ktki_arena_text(&parser->document->arena, raw, raw_size, &index->embedded, err));
        index->embedded_size = raw_size;
    } else {
        KTKI_TRY(corrupt(parser, err, "an index is neither a key nor a map"));
    }
out:
    return status;
}

/* Of equal columns the last counts, as in Python. */
static ktk_status parse_indices(struct parser *parser, ktk_error *err) {
    struct document *document = parser->document;
    struct buffer indices;
    struct hash_map columns; /* to the position in `indices` */
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&indices, parser->allocator, 0);
    ktki_hash_map_init(&columns, parser->allocator);
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_OBJECT_BEGIN, "a map of indices", err));
    for (;;) {
        struct document_index index = {0};
        uint64_t *position;
        bool is_new;

        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(keep_text(parser, &index.column, err));
        KTKI_TRY(parse_index(parser, &index, err));
        KTKI_TRY(ktki_hash_map_insert(&columns, index.column, strlen(index.column), columns.count,
                                      &position, &is_new, err));
        if (is_new) {
            KTKI_TRY(ktki_buffer_append(&indices, &index, sizeof(index), err));
        } else {
            ((struct document_index *)indices.data)[*position] = index;
        }
    }
    KTKI_TRY(keep_count(&document->index_count, &indices, sizeof(struct document_index), err));
    KTKI_TRY(ktki_document_keep(document, &indices, &document->indices, err));
out:
    ktki_hash_map_clear(&columns);
    ktki_buffer_clear(&indices);
    return status;
}

static ktk_status parse_metadata(struct parser *parser, ktk_error *err) {
    struct document *document = parser->document;
    const char *raw;
    size_t size;
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(&parser->json, &event, err));
    if (event == JSON_NULL) {
        goto out;
    }
    if (event != JSON_OBJECT_BEGIN) {
        KTKI_TRY(corrupt(parser, err, "metadata is no map"));
    }
    KTKI_TRY(ktki_json_skip(&parser->json, &raw, &size, err));
    KTKI_TRY(ktki_arena_text(&document->arena, raw, size, &document->metadata, err));
    document->metadata_size = size;
out:
    return status;
}

static ktk_status parse_version(struct parser *parser, ktk_error *err) {
    struct json_reader *json = &parser->json;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_NUMBER, "a number as dataset_metadata_version", err));
    if (!ktki_parse_i64(json->text, json->text_size, &parser->document->version)) {
        KTKI_TRY(corrupt(parser, err, "dataset_metadata_version is no whole number"));
    }
    if (parser->document->version != VERSION) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "metadata version %lld is not supported; only version %d is",
                  (long long)parser->document->version, VERSION);
    }
    parser->has_version = true;
out:
    return status;
}

/* The keys of schemas and of what is found by listing are made of it: it must not lead elsewhere.
 */
static ktk_status parse_uuid(struct parser *parser, ktk_error *err) {
    const char *uuid;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(&parser->json, JSON_STRING, "a text as dataset_uuid", err));
    KTKI_TRY(keep_text(parser, &uuid, err));
    if (ktk_uuid_check(uuid, NULL) != KTK_OK) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "'%.60s' is no name of a dataset", uuid);
    }
    parser->document->uuid = uuid;
out:
    return status;
}

/* Keep a member as it stands in the text, key included, to be written again. */
static ktk_status keep_unknown(struct parser *parser, ktk_error *err) {
    const char *key = parser->json.token;
    const char *raw;
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_skip(&parser->json, &raw, &size, err));
    if (parser->unknown.size > 0) {
        KTKI_TRY(ktki_buffer_append_text(&parser->unknown, ", ", err));
    }
    KTKI_TRY(ktki_buffer_append(&parser->unknown, key, (size_t)(raw + size - key), err));
out:
    return status;
}

/* Names that the originals use for the document in memory only, and that must never be written. */
static ktk_status pass_over(struct parser *parser, ktk_error *err) {
    return ktki_json_skip(&parser->json, NULL, NULL, err);
}

static const struct member {
    const char *name;
    ktk_status (*parse)(struct parser *parser, ktk_error *err);
} members[] = {
    {"dataset_metadata_version", parse_version},
    {"dataset_uuid", parse_uuid},
    {"indices", parse_indices},
    {"metadata", parse_metadata},
    {"partitions", parse_partitions},
    {"partition_keys", parse_partition_keys},
    {"table_meta", pass_over},
    {"schema", pass_over},
};

static ktk_status parse_member(struct parser *parser, ktk_error *err) {
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (ktki_json_is(&parser->json, members[i].name)) {
            ktk_status status = members[i].parse(parser, err);

            if (status != KTK_OK) {
                ktki_error_context(err, "in '%s'", members[i].name);
            }
            return status;
        }
    }
    return keep_unknown(parser, err);
}

static ktk_status parse_members(struct parser *parser, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(&parser->json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(parse_member(parser, err));
    }
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_END, "the end of the document", err));
    if (!parser->has_version) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "there is no dataset_metadata_version");
    }
    if (parser->document->uuid == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "there is no dataset_uuid");
    }
out:
    return status;
}

static void set_partitions(struct parser *parser) {
    struct document *document = parser->document;

    document->room = parser->partitions;
    parser->partitions = (struct buffer){.allocator = parser->allocator};
    document->partitions = (struct partition *)document->room.data;
    document->partition_count = (int64_t)(document->room.size / sizeof(struct partition));
    if (parser->text != NULL && (int64_t)parser->first_plain < document->partition_count) {
        document->plain_begin = document->partitions[parser->first_plain].label;
        document->plain_end = parser->plain_end;
    }
}

static ktk_status parse(struct document *out, ktk_context *context, const char *text, size_t size,
                        char *writable, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    const ktk_limits *limits = ktki_context_limits(context);
    struct document document = {.metadata = "{}", .metadata_size = 2, .unknown = ""};
    struct parser parser = {.document = &document, .allocator = allocator, .text = writable};
    ktk_status status = KTK_OK;

    ktki_arena_init(&document.arena, allocator);
    ktki_buffer_init(&document.room, allocator, 0);
    ktki_buffer_init(&parser.plain, allocator, 0);
    ktki_json_reader_init(&parser.json, allocator, text, size, limits->nesting_max);
    ktki_hash_map_init(&parser.tables, allocator);
    ktki_buffer_init(&parser.table_names, allocator, 0);
    ktki_buffer_init(&parser.table_uses, allocator, 0);
    ktki_buffer_init(&parser.partitions, allocator, 0);
    ktki_buffer_init(&parser.hashes, allocator, 0);
    ktki_buffer_init(&parser.files, allocator, 0);
    ktki_buffer_init(&parser.unknown, allocator, 0);
    if (size > (uint64_t)limits->document_bytes_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the document has %zu bytes, more than the %lld allowed", size,
                  (long long)limits->document_bytes_max);
    }
    KTKI_TRY(parse_members(&parser, err));
    set_partitions(&parser);
    KTKI_TRY(keep_count(&document.table_count, &parser.table_names, sizeof(char *), err));
    KTKI_TRY(ktki_document_keep(&document, &parser.table_names, &document.tables, err));
    KTKI_TRY(ktki_arena_text(&document.arena, (const char *)parser.unknown.data,
                             parser.unknown.size, &document.unknown, err));
    document.unknown_size = parser.unknown.size;
    *out = document;
    document = (struct document){.arena = {.allocator = allocator}};
out:
    ktki_buffer_clear(&parser.plain);
    ktki_buffer_clear(&parser.unknown);
    ktki_buffer_clear(&parser.files);
    ktki_buffer_clear(&parser.hashes);
    ktki_buffer_clear(&parser.partitions);
    ktki_buffer_clear(&parser.table_uses);
    ktki_buffer_clear(&parser.table_names);
    ktki_hash_map_clear(&parser.tables);
    ktki_json_reader_clear(&parser.json);
    ktki_document_clear(&document);
    return status;
}

ktk_status ktki_document_parse(struct document *out, ktk_context *context, const char *text,
                               size_t size, ktk_error *err) {
    return parse(out, context, text, size, NULL, err);
}

ktk_status ktki_document_parse_in_place(struct document *out, ktk_context *context, char *text,
                                        size_t size, ktk_error *err) {
    return parse(out, context, text, size, text, err);
}

void ktki_document_restore(char *out, const char *text, size_t size) {
    /* No JSON text holds a NUL: all of them are ours. */
    for (size_t i = 0; i < size; i++) {
        out[i] = text[i] == '\0' ? '"' : text[i];
    }
}

void ktki_document_clear(struct document *document) {
    ktki_buffer_clear(&document->room);
    ktki_arena_clear(&document->arena);
    *document = (struct document){.arena = {.allocator = document->arena.allocator}};
}
