#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heap.h"
#include "options.h"

static ktk_status add_file(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct file_list *files = state;

    (void)err;
    files->items = cli_grow(files->items, files->count, sizeof(*files->items));
    files->items[files->count++] =
        (struct file){cli_copy(entry->key, strlen(entry->key)), entry->size, entry->modified_us};
    return KTK_OK;
}

static int compare_files(const void *a, const void *b) {
    return strcmp(((const struct file *)a)->key, ((const struct file *)b)->key);
}

ktk_status cli_files_list(struct file_list *out, ktk_store *store, const char *uuid,
                          ktk_error *err) {
    ktk_status status = ktk_uuid_check(uuid, err);

    *out = (struct file_list){0};
    if (status == KTK_OK) {
        status = ktk_store_list(store, cli_format("%s.", uuid), add_file, out, err);
    }
    if (status == KTK_OK) {
        status = ktk_store_list(store, cli_format("%s/", uuid), add_file, out, err);
    }
    if (status == KTK_OK && out->count == 0) {
        status = ktk_error_set(err, KTK_E_NOT_FOUND, "there is no dataset '%s' in store '%s'", uuid,
                               ktk_store_name(store));
    }
    if (status == KTK_OK) {
        qsort(out->items, out->count, sizeof(*out->items), compare_files);
    }
    return status;
}

int64_t cli_files_size(const struct file_list *files, const char *key) {
    const struct file wanted = {.key = key};
    const struct file *found = files->count == 0 ? NULL
                                                 : bsearch(&wanted, files->items, files->count,
                                                           sizeof(*files->items), compare_files);

    return found == NULL ? -1 : found->size;
}

static ktk_status count_by_reading(int64_t *out, ktk_dataset *dataset, int64_t partition,
                                   const char *table, ktk_error *err) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct ArrowArray batch = {.release = NULL};
    const char *no_column = "";
    ktk_status status;

    options.table = table;
    options.columns = &no_column; /* of which there are 0 */
    options.partitions = &partition;
    options.partition_count = 1;
    status = ktk_query_stream(&stream, dataset, &options, err);
    *out = 0;
    while (status == KTK_OK) {
        status = ktk_stream_next(&stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        *out += batch.length;
        batch.release(&batch);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    return status;
}

ktk_status cli_count_rows(int64_t *out, ktk_dataset *dataset, int64_t partition, const char *table,
                          ktk_error *err) {
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    ktk_status status = ktk_dataset_open_partition(&file, dataset, partition, table, err);

    if (status == KTK_E_UNSUPPORTED) {
        return count_by_reading(out, dataset, partition, table, err);
    }
    if (status == KTK_OK) {
        ktk_parquet_file_info(file, &info);
        *out = info.row_count;
    }
    ktk_parquet_file_free(file);
    return status;
}

const char *cli_time(int64_t microseconds) {
    time_t seconds = (time_t)(microseconds / 1000000);
    char *text = cli_alloc(64, 1);
    struct tm parts;

    if (microseconds < 0 || gmtime_r(&seconds, &parts) == NULL) {
        return NULL;
    }
    (void)strftime(text, 64, "%Y-%m-%d %H:%M:%S", &parts);
    return text;
}

ktk_status cli_choose_table(const char **out, const ktk_dataset *dataset, const char *table,
                            ktk_error *err) {
    struct text_list tables = {0};

    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        cli_list_add(&tables, ktk_dataset_table(dataset, i));
        if (table != NULL && strcmp(table, tables.items[i]) == 0) {
            *out = table;
            return KTK_OK;
        }
    }
    if (table != NULL) {
        return ktk_error_set(err, KTK_E_NOT_FOUND, "dataset '%s' has no table '%s', only %s",
                             ktk_dataset_uuid(dataset), table, cli_join(&tables));
    }
    if (tables.count > 1) {
        return ktk_error_set(err, KTK_E_INVALID, "dataset '%s' has several tables, name one: %s",
                             ktk_dataset_uuid(dataset), cli_join(&tables));
    }
    *out = tables.count == 0 ? "" : tables.items[0];
    return KTK_OK;
}
