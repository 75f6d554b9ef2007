/* Two columns out of plain C arrays as a Parquet file: `parquet_write FILE`. */
#include <stdio.h>

#include <kartothek/kartothek.h>

static const int64_t ids[] = {1, 2, 3, 4};
static const double prices[] = {9.5, 0, 3.25, 12};
static const uint8_t has_price[] = {0x0D}; /* a bit a row: the second one is null */

static void release_schema(struct ArrowSchema *schema) {
    schema->release = NULL; /* everything is static here */
}

static void release_array(struct ArrowArray *array) {
    array->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    static struct ArrowSchema id = {.format = "l", .name = "id", .release = release_schema};
    static struct ArrowSchema price = {
        .format = "g", .name = "price", .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
    static struct ArrowSchema *columns[] = {&id, &price};

    (void)stream;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 2,
                                .children = columns,
                                .release = release_schema};
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    static const void *buffers[][2] = {{NULL, ids}, {has_price, prices}, {NULL}};
    static struct ArrowArray id = {.length = 4, .n_buffers = 2, .release = release_array};
    static struct ArrowArray price = {
        .length = 4, .null_count = 1, .n_buffers = 2, .release = release_array};
    static struct ArrowArray *columns[] = {&id, &price};
    int *batches_left = stream->private_data;

    id.buffers = buffers[0];
    price.buffers = buffers[1];
    *out = (struct ArrowArray){0}; /* the end */
    if ((*batches_left)-- > 0) {
        *out = (struct ArrowArray){.length = 4,
                                   .n_buffers = 1,
                                   .n_children = 2,
                                   .buffers = buffers[2],
                                   .children = columns,
                                   .release = release_array};
    }
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
}

int main(int argc, char **argv) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    int batches_left = 1;
    struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream,
                                      &batches_left};
    ktk_context *context = NULL;
    ktk_error err;
    ktk_status status =
        argc == 2 ? KTK_OK : ktk_error_set(&err, KTK_E_INVALID, "give the name of the new file");

    options.compression = KTK_COMPRESSION_ZSTD;
    status = status == KTK_OK ? ktk_context_new(&context, NULL, &err) : status;
    status = status == KTK_OK ? ktk_parquet_write_path(context, argv[1], &stream, &options, &err)
                              : status;
    if (status != KTK_OK) {
        fprintf(stderr, "%s: %s\n", ktk_status_name(status), err.message);
    }
    ktk_context_free(context);
    return status == KTK_OK ? 0 : 1;
}
