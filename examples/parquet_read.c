/* Some columns of a Parquet file as CSV: `parquet_read FILE [COLUMN...]`. */
#include <stdio.h>

#include <kartothek/kartothek.h>

static ktk_status print(void *state, const char *text, size_t size, ktk_error *err) {
    return fwrite(text, 1, size, state) == size ? KTK_OK
                                                : ktk_error_set(err, KTK_E_IO, "cannot print");
}

int main(int argc, char **argv) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_context *context = NULL;
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    ktk_error err;
    ktk_status status = argc > 1 ? KTK_OK : ktk_error_set(&err, KTK_E_INVALID, "no file is named");

    if (argc > 2) {
        options.columns = (const char *const *)&argv[2];
        options.column_count = (size_t)argc - 2;
    }
    status = status == KTK_OK ? ktk_context_new(&context, NULL, &err) : status;
    status = status == KTK_OK ? ktk_parquet_open_path(&file, context, argv[1], &err) : status;
    if (status == KTK_OK) {
        ktk_parquet_file_info(file, &info);
        fprintf(stderr, "%lld rows in %d row groups\n", (long long)info.row_count,
                info.row_group_count);
        status = ktk_parquet_read(&stream, file, &options, &err);
    }
    /* A stream of Arrow record batches: any consumer of the C Stream Interface can take it. */
    status = status == KTK_OK ? ktk_csv_write(context, &stream, NULL, print, stdout, &err) : status;
    if (status != KTK_OK) {
        fprintf(stderr, "%s: %s\n", ktk_status_name(status), err.message);
    }
    ktk_parquet_file_free(file);
    ktk_context_free(context);
    return status == KTK_OK ? 0 : 1;
}
