/* The public ways to write a file: a stream into a path or into memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kartothek/parquet.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/uuid.h"
#include "parquet/writer.h"

/* All batches of the stream through a writer; the stream is released in every case. */
static ktk_status write_stream(ktk_context *context, struct ArrowArrayStream *stream,
                               const ktk_parquet_write_options *options, ktki_sink_fn sink,
                               void *sink_state, ktk_error *err) {
    struct stream_reader reader = {0};
    struct batch batch = {0};
    ktk_parquet_writer *writer = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_reader_init(&reader, context, stream, err));
    KTKI_TRY(
        ktki_parquet_writer_new(&writer, context, reader.schema, options, sink, sink_state, err));
    for (;;) {
        KTKI_TRY(ktki_reader_next(&reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(ktki_parquet_writer_take(writer, &batch, err));
    }
    KTKI_TRY(ktki_parquet_writer_finish(writer, NULL, err));
out:
    ktki_parquet_writer_free(writer);
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    ktki_stream_clear(stream);
    return status;
}

static ktk_status append_to_buffer(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

/* The bytes may outlive the caller's handle of the context, so they hold one of their own. */
struct owned_bytes {
    ktk_context *context;
    ktk_bytes inner;
};

static void release_owned(ktk_bytes *bytes) {
    struct owned_bytes *owned = bytes->owner;
    ktk_context *context = owned->context;

    ktk_bytes_clear(&owned->inner);
    KTKI_DELETE(ktki_context_allocator(context), owned);
    ktk_context_free(context);
}

ktk_status ktk_parquet_write_bytes(ktk_bytes *out, ktk_context *context,
                                   struct ArrowArrayStream *stream,
                                   const ktk_parquet_write_options *options, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct owned_bytes *owned = NULL;
    struct buffer buffer;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&buffer, allocator, 0);
    KTKI_TRY(write_stream(context, stream, options, append_to_buffer, &buffer, err));
    KTKI_TRY(KTKI_NEW(allocator, &owned, err));
    KTKI_TRY(ktki_buffer_move(&buffer, &owned->inner, err));
    owned->context = ktk_context_ref(context);
    *out = (ktk_bytes){owned->inner.data, owned->inner.size, release_owned, owned};
    owned = NULL;
out:
    KTKI_DELETE(allocator, owned);
    ktki_buffer_clear(&buffer);
    return status;
}

/* A file under its temporary name. */
struct output_file {
    int descriptor;
    const char *path;
};

static ktk_status append_to_file(void *state, const void *data, size_t size, ktk_error *err) {
    const struct output_file *file = state;
    const char *at = data;

    while (size > 0) {
        ssize_t written = write(file->descriptor, at, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return ktki_error_errno(err, errno, "cannot write '%s'", file->path);
        }
        at += written;
        size -= (size_t)written;
    }
    return KTK_OK;
}

/* A rename would put a file in the place of a device or pipe. */
static ktk_status check_target(const char *path, ktk_error *err) {
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return ktk_error_set(err, KTK_E_INVALID, "cannot write '%s': it is not a regular file",
                             path);
    }
    return KTK_OK;
}

/* The name of the temporary neighbour. */
static ktk_status temporary_name(struct buffer *out, const char *path, ktk_error *err) {
    char unique[KTKI_UUID_TEXT_SIZE];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_uuid7(unique, err));
    KTKI_TRY(ktki_buffer_append_format(out, err, "%s.%s.tmp", path, unique));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

static ktk_status close_and_rename(struct output_file *file, const char *temporary,
                                   ktk_error *err) {
    int closed = close(file->descriptor);

    file->descriptor = -1;
    if (closed != 0) {
        return ktki_error_errno(err, errno, "cannot write '%s'", file->path);
    }
    if (rename(temporary, file->path) != 0) {
        return ktki_error_errno(err, errno, "cannot rename to '%s'", file->path);
    }
    return KTK_OK;
}

ktk_status ktk_parquet_write_path(ktk_context *context, const char *path,
                                  struct ArrowArrayStream *stream,
                                  const ktk_parquet_write_options *options, ktk_error *err) {
    struct output_file file = {-1, path};
    struct buffer temporary;
    bool is_there = false;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&temporary, ktki_context_allocator(context), 0);
    KTKI_TRY(check_target(path, err));
    KTKI_TRY(temporary_name(&temporary, path, err));
    file.descriptor =
        open((const char *)temporary.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor < 0) {
        status = ktki_error_errno(err, errno, "cannot create '%s'", path);
        goto out;
    }
    is_there = true;
    KTKI_TRY(write_stream(context, stream, options, append_to_file, &file, err));
    KTKI_TRY(close_and_rename(&file, (const char *)temporary.data, err));
    is_there = false;
out:
    if (file.descriptor >= 0) {
        (void)close(file.descriptor);
    }
    if (is_there) {
        (void)unlink((const char *)temporary.data);
    }
    ktki_stream_clear(stream);
    ktki_buffer_clear(&temporary);
    return status;
}
