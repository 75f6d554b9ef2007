/** An update under way; for the parts of this layer. */
#ifndef KTKI_UPDATE_UPDATE_INTERNAL_H
#define KTKI_UPDATE_UPDATE_INTERNAL_H

#include <kartothek/update.h>
#include <pthread.h>

#include "arrow/schema.h"
#include "base/arena.h"
#include "base/hash_map.h"
#include "base/uuid.h"
#include "dataset/document.h"

/** A data file that was written: `label` and `key` lie in the update's arena. */
struct written_file {
    const char *label;
    const char *key;
    int64_t row_count;
    int64_t size;
};

/** All texts are copies in the arena. */
struct ktk_update {
    ktk_store *store;     /* a reference */
    ktk_context *context; /* of the store */
    struct arena arena;
    char id[KTKI_UUID_TEXT_SIZE];
    const char *uuid;
    const char *table;
    ktk_update_mode mode;
    const char **partition_on;
    int32_t partition_on_count;
    const char *metadata; /* the caller's JSON map, "{}" if none */
    size_t metadata_size;
    ktk_parquet_write_options file_options;
    bool (*progress)(void *state, int64_t files, int64_t rows, int64_t bytes);
    void *progress_state;

    struct schema *schema;     /* what the schemas of all inputs agree on; NULL: none so far */
    const char *schema_origin; /* the input it comes from */
    struct written_file *files;
    size_t file_count;
    size_t file_capacity;
    struct hash_map labels; /* of `files` */
    int64_t row_count;
    int64_t byte_count;
    bool has_input;
    bool is_over;    /* committed or failed */
    bool keep_files; /* committed, or nobody knows */
};

/** Remember a file that was written, so that it is either committed or removed. `file`'s texts are
 * in the arena. KTK_E_INVALID for a label that is there already. */
ktk_status ktki_update_remember(ktk_update *update, const struct written_file *file,
                                ktk_error *err);

#endif
