/* A CSV file as a partitioned dataset, and part of it read back: `dataset STORE_URL FILE.csv
 * COLUMN`. */
#include <stdio.h>

#include <kartothek/kartothek.h>

static ktk_status load(ktk_bytes *out, const char *path, ktk_context *context, ktk_error *err) {
    ktk_store *folder = NULL;
    ktk_status status = ktk_store_open(&folder, context, "hfs://.", err);

    if (status == KTK_OK) {
        status = ktk_store_get(folder, path, out, NULL, err);
    }
    ktk_store_free(folder);
    return status;
}

static ktk_status print(void *state, const char *text, size_t size, ktk_error *err) {
    return fwrite(text, 1, size, state) == size ? KTK_OK
                                                : ktk_error_set(err, KTK_E_IO, "cannot print");
}

int main(int argc, char **argv) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_context *context = NULL;
    ktk_store *store = NULL;
    ktk_update *update = NULL;
    ktk_dataset *dataset = NULL;
    ktk_commit commit;
    ktk_error err;
    ktk_status status = argc == 4 ? KTK_OK : ktk_error_set(&err, KTK_E_INVALID, "usage");

#define TRY(call) status = status == KTK_OK ? (call) : status
    TRY(ktk_context_new(&context, NULL, &err));
    TRY(ktk_store_open(&store, context, argv[1], &err));
    TRY(load(&bytes, argv[2], context, &err));
    TRY(ktk_csv_read(&stream, context, &bytes, NULL, &err));

    options.mode = KTK_UPDATE_OVERWRITE;
    options.partition_on = (const char *const[]){argv[3]};
    options.partition_on_count = 1;
    TRY(ktk_update_begin(&update, store, "example", &options, &err));
    TRY(ktk_update_add(update, &stream, NULL, &err));
    TRY(ktk_update_commit(update, &commit, &err)); /* visible in one step */

    TRY(ktk_dataset_open(&dataset, store, "example", &err));
    TRY(ktk_query_stream(&stream, dataset, NULL, &err));
    TRY(ktk_csv_write(context, &stream, NULL, print, stdout, &err));
    if (status != KTK_OK) {
        fprintf(stderr, "%s: %s\n", ktk_status_name(status), err.message);
    }
    ktk_bytes_clear(&bytes);
    ktk_dataset_free(dataset);
    ktk_update_free(update);
    ktk_store_free(store);
    ktk_context_free(context);
    return status == KTK_OK ? 0 : 1;
}
