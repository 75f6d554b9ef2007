#include "dataset/document.h"

#include "base/error.h"
#include "base/json_write.h"

static ktk_status write_text_member(struct json_writer *json, const char *key, const char *text,
                                    ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_text(json, text, err) : status;
}

/* JSON text of the document, brought to the form that all of it is written in. */
static ktk_status write_raw(struct json_writer *json, const char *text, size_t size,
                            ktk_error *err) {
    struct buffer normal;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&normal, json->out->allocator, 0);
    KTKI_TRY(ktki_json_normalise(&normal, text, size, false, json->out->allocator, err));
    KTKI_TRY(ktki_json_raw(json, (const char *)normal.data, normal.size, err));
out:
    ktki_buffer_clear(&normal);
    return status;
}

static ktk_status write_indices(struct json_writer *json, const struct document *document,
                                ktk_error *err) {
    ktk_status status = KTK_OK;

    if (document->index_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_json_key(json, "indices", err));
    KTKI_TRY(ktki_json_begin_object(json, err));
    for (int32_t i = 0; i < document->index_count; i++) {
        const struct document_index *index = &document->indices[i];

        KTKI_TRY(ktki_json_key(json, index->column, err));
        if (index->key != NULL) {
            KTKI_TRY(ktki_json_text(json, index->key, err));
        } else {
            KTKI_TRY(write_raw(json, index->embedded, index->embedded_size, err));
        }
    }
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

/* An empty map is left out, as the originals do; "{}" is the shortest text of one. */
static ktk_status write_metadata(struct json_writer *json, const struct document *document,
                                 ktk_error *err) {
    struct buffer normal;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&normal, json->out->allocator, 0);
    status = ktki_json_normalise(&normal, document->metadata, document->metadata_size, false,
                                 normal.allocator, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "in the metadata");
        goto out;
    }
    if (normal.size > 2) {
        KTKI_TRY(ktki_json_key(json, "metadata", err));
        KTKI_TRY(ktki_json_raw(json, (const char *)normal.data, normal.size, err));
    }
out:
    ktki_buffer_clear(&normal);
    return status;
}

static ktk_status write_partition(struct json_writer *json, const struct partition *partition,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_key(json, partition->label, err));
    KTKI_TRY(ktki_json_begin_object(json, err));
    KTKI_TRY(ktki_json_key(json, "files", err));
    KTKI_TRY(ktki_json_begin_object(json, err));
    for (int32_t i = 0; i < partition->file_count; i++) {
        KTKI_TRY(write_text_member(json, partition->files[i].table, partition->files[i].key, err));
    }
    KTKI_TRY(ktki_json_end_object(json, err));
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

/* Behind the text of a partition that stands in the document's, or NULL if it does not. */
static const char *plain_end(const struct document *document, const struct partition *partition) {
    uintptr_t label = (uintptr_t)partition->label;

    return document->plain_begin != NULL && label >= (uintptr_t)document->plain_begin &&
                   label < (uintptr_t)document->plain_end
               ? partition->files[0].key + strlen(partition->files[0].key) + strlen("\"}}")
               : NULL;
}

/* Partitions from `*first` on that stand one behind the other where the document was parsed, copied
 * as they are. `*first` becomes the one behind them; it stays if there are none. */
static ktk_status write_plain(struct json_writer *json, const struct document *document,
                              int64_t *first, ktk_error *err) {
    const struct partition *partitions = document->partitions;
    const char *end = NULL;
    const char *next = plain_end(document, &partitions[*first]);
    int64_t i = *first;
    char *room;
    ktk_status status = KTK_OK;

    while (next != NULL) {
        end = next;
        i++;
        next = i < document->partition_count && partitions[i].label == end + strlen(", \"")
                   ? plain_end(document, &partitions[i])
                   : NULL;
    }
    if (end != NULL) {
        const char *begin = partitions[*first].label - 1; /* the quote */

        KTKI_TRY(ktki_json_room(json, (size_t)(end - begin), &room, err));
        ktki_document_restore(room, begin, (size_t)(end - begin));
        *first = i;
    }
out:
    return status;
}

static ktk_status write_partitions(struct json_writer *json, const struct document *document,
                                   ktk_error *err) {
    int64_t at = 0;
    ktk_status status = KTK_OK;

    if (!document->has_partitions) {
        goto out;
    }
    KTKI_TRY(ktki_json_key(json, "partitions", err));
    KTKI_TRY(ktki_json_begin_object(json, err));
    while (at < document->partition_count) {
        int64_t first = at;

        KTKI_TRY(write_plain(json, document, &at, err));
        if (at == first) {
            KTKI_TRY(write_partition(json, &document->partitions[at++], err));
        }
    }
    KTKI_TRY(ktki_json_end_object(json, err));
out:
    return status;
}

static ktk_status write_partition_keys(struct json_writer *json, const struct document *document,
                                       ktk_error *err) {
    ktk_status status = KTK_OK;

    if (!document->has_partition_keys) {
        goto out;
    }
    KTKI_TRY(ktki_json_key(json, "partition_keys", err));
    KTKI_TRY(ktki_json_begin_array(json, err));
    for (int32_t i = 0; i < document->partition_key_count; i++) {
        KTKI_TRY(ktki_json_text(json, document->partition_keys[i], err));
    }
    KTKI_TRY(ktki_json_end_array(json, err));
out:
    return status;
}

/* The members we do not know, as a map without its braces in both forms. */
static ktk_status write_unknown(struct json_writer *json, const struct document *document,
                                ktk_error *err) {
    const ktk_allocator *allocator = json->out->allocator;
    struct buffer map;
    struct buffer normal;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&map, allocator, 0);
    ktki_buffer_init(&normal, allocator, 0);
    if (document->unknown_size == 0) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append_byte(&map, '{', err));
    KTKI_TRY(ktki_buffer_append(&map, document->unknown, document->unknown_size, err));
    KTKI_TRY(ktki_buffer_append_byte(&map, '}', err));
    KTKI_TRY(ktki_json_normalise(&normal, (const char *)map.data, map.size, false, allocator, err));
    KTKI_TRY(ktki_buffer_append_text(json->out, ", ", err));
    KTKI_TRY(ktki_buffer_append(json->out, normal.data + 1, normal.size - 2, err));
out:
    ktki_buffer_clear(&normal);
    ktki_buffer_clear(&map);
    return status;
}

ktk_status ktki_document_write(const struct document *document, struct buffer *out,
                               ktk_error *err) {
    size_t start = out->size;
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_object(&json, err));
    KTKI_TRY(ktki_json_key(&json, "dataset_metadata_version", err));
    KTKI_TRY(ktki_json_i64(&json, document->version, err));
    KTKI_TRY(write_text_member(&json, "dataset_uuid", document->uuid, err));
    KTKI_TRY(write_indices(&json, document, err));
    KTKI_TRY(write_metadata(&json, document, err));
    KTKI_TRY(write_partitions(&json, document, err));
    KTKI_TRY(write_partition_keys(&json, document, err));
    KTKI_TRY(write_unknown(&json, document, err));
    KTKI_TRY(ktki_json_end_object(&json, err));
out:
    if (status != KTK_OK) {
        out->size = start;
    }
    return status;
}
