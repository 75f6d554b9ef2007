/* What an index knows. */
#include <kartothek/index.h>

#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/index.h"
#include "parquet/reader.h"

struct look {
    struct arena arena;
    struct hash_map labels; /* of partitions; 1 once it has been seen */
    struct hash_map stale;
    ktk_index_info info;
};

static ktk_status see_label(void *state, const char *label, size_t size, ktk_error *err) {
    struct look *look = state;
    uint64_t *seen = ktki_hash_map_find(&look->labels, label, size);
    const char *copy = NULL;
    uint64_t *place;
    ktk_status status = KTK_OK;

    if (seen != NULL) {
        look->info.label_count += *seen == 0;
        *seen = 1;
    } else if (ktki_hash_map_find(&look->stale, label, size) == NULL) {
        KTKI_TRY(ktki_arena_text(&look->arena, label, size, &copy, err));
        KTKI_TRY(ktki_hash_map_insert(&look->stale, copy, size, 1, &place, NULL, err));
        look->info.stale_count++;
    }
out:
    return status;
}

static ktk_status list_labels(struct look *look, const struct document *document,
                              struct label_digest *digest, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < document->partition_count; i++) {
        const char *label = document->partitions[i].label;
        uint64_t *place;

        KTKI_TRY(ktki_hash_map_insert(&look->labels, label, strlen(label), 0, &place, NULL, err));
        ktki_digest_add(digest, label, strlen(label));
    }
out:
    return status;
}

static ktk_status look_into_file(struct look *look, ktk_dataset *dataset, const char *key,
                                 const struct label_digest *digest, bool *covers_all,
                                 ktk_error *err) {
    ktk_context *context = ktk_store_context(ktk_dataset_store(dataset));
    char text[KTKI_DIGEST_TEXT_SIZE];
    ktk_parquet_file *file = NULL;
    struct source source = {0};
    ktk_store_entry entry;
    const char *covers;
    bool applies;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_store_head(ktk_dataset_store(dataset), key, &entry, err));
    look->info.byte_count = entry.size;
    KTKI_TRY(ktki_source_of_key(&source, ktk_dataset_store(dataset), key, entry.size, err));
    KTKI_TRY(ktki_parquet_open(&file, context, &source, err));
    source = (struct source){0};
    look->info.value_count = ktki_parquet_metadata(file)->row_count;
    covers = ktk_parquet_key_value(file, KTKI_INDEX_COVERS, NULL);
    ktki_digest_format(digest, text);
    *covers_all = covers != NULL && strcmp(covers, text) == 0;
    KTKI_TRY(ktki_index_file_labels(&applies, file, context, NULL, see_label, look, err));
out:
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    return status;
}

/* The texts of values are not looked at, so any table does. */
static ktk_status look_into_document(struct look *look, ktk_dataset *dataset,
                                     const struct document_index *index, ktk_error *err) {
    ktk_context *context = ktk_store_context(ktk_dataset_store(dataset));
    struct schema *schema = NULL;
    bool applies;
    ktk_status status = KTK_OK;

    look->info.byte_count = -1;
    look->info.value_count = -1;
    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        KTKI_TRY(ktki_dataset_table_schema(&schema, dataset, ktk_dataset_table(dataset, i), err));
        if (ktki_schema_find(schema, index->column) >= 0) {
            KTKI_TRY(ktki_index_embedded_labels(&applies, index, context, schema, NULL, see_label,
                                                look, err));
            break;
        }
    }
out:
    return status;
}

ktk_status ktk_index_look(ktk_dataset *dataset, int32_t index, ktk_index_info *out,
                          ktk_error *err) {
    const struct document *document = ktki_dataset_document(dataset);
    const ktk_allocator *allocator =
        ktki_context_allocator(ktk_store_context(ktk_dataset_store(dataset)));
    const struct document_index *entry = &document->indices[index];
    struct label_digest digest = {0};
    struct look look = {.info = {0}};
    bool covers_all = false;
    ktk_status status = KTK_OK;

    ktki_arena_init(&look.arena, allocator);
    ktki_hash_map_init(&look.labels, allocator);
    ktki_hash_map_init(&look.stale, allocator);
    KTKI_TRY(list_labels(&look, document, &digest, err));
    if (entry->key != NULL) {
        KTKI_TRY(look_into_file(&look, dataset, entry->key, &digest, &covers_all, err));
    } else {
        KTKI_TRY(look_into_document(&look, dataset, entry, err));
    }
    look.info.unknown_count = covers_all ? 0 : document->partition_count - look.info.label_count;
    *out = look.info;
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "index '%s'", entry->key != NULL ? entry->key : entry->column);
    }
    ktki_hash_map_clear(&look.stale);
    ktki_hash_map_clear(&look.labels);
    ktki_arena_clear(&look.arena);
    return status;
}
