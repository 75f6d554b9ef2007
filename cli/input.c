#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap.h"
#include "progress.h"

/* A batch of a Parquet file waits with others for its row group to be full. */
#define BATCH_BYTES_MAX ((int64_t)4 << 20)

static const struct suffix {
    const char *text;
    enum input_format format;
    char delimiter;
} suffixes[] = {
    {".csv", INPUT_CSV, ','},       {".tsv", INPUT_CSV, '\t'},  {".txt", INPUT_CSV, ','},
    {".parquet", INPUT_PARQUET, 0}, {".pq", INPUT_PARQUET, 0},  {".json", INPUT_JSON, 0},
    {".jsonl", INPUT_JSON, 0},      {".ndjson", INPUT_JSON, 0},
};

bool cli_is_file(const char *operand) {
    return strpbrk(operand, "./") != NULL;
}

static bool is_standard_input(const char *path) {
    return strcmp(path, "-") == 0;
}

ktk_status cli_input_init(struct input *out, struct session *session, const char *path,
                          const char *format, char delimiter, ktk_error *err) {
    const char *suffix = strrchr(path, '.');

    *out = (struct input){.path = path, .delimiter = delimiter};
    if (format != NULL) {
        out->format = strcmp(format, "parquet") == 0 ? INPUT_PARQUET
                      : strcmp(format, "json") == 0  ? INPUT_JSON
                                                     : INPUT_CSV;
        return KTK_OK;
    }
    if (is_standard_input(path)) {
        return KTK_OK;
    }
    for (size_t i = 0; suffix != NULL && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcasecmp(suffixes[i].text, suffix) == 0) {
            out->format = suffixes[i].format;
            out->delimiter = delimiter != '\0' ? delimiter : suffixes[i].delimiter;
            return KTK_OK;
        }
    }
    return cli_usage(
        session, err,
        "cannot tell what '%s' is by its suffix: give --input-format csv, json or parquet", path);
}

static ktk_status fail_errno(const char *path, ktk_error *err) {
    int error_number = errno;
    ktk_status status = error_number == ENOENT ? KTK_E_NOT_FOUND : KTK_E_IO;

    (void)ktk_error_set(err, status, "cannot read '%s': %s", path, strerror(error_number));
    err->detail = error_number;
    return status;
}

ktk_status cli_input_check(const struct input *input, ktk_error *err) {
    struct stat info;

    if (is_standard_input(input->path)) {
        return KTK_OK;
    }
    if (stat(input->path, &info) != 0) {
        return fail_errno(input->path, err);
    }
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return fail_errno(input->path, err);
    }
    return access(input->path, R_OK) == 0 ? KTK_OK : fail_errno(input->path, err);
}

static void free_bytes(ktk_bytes *bytes) {
    free(bytes->owner);
}

static ktk_status read_all(ktk_bytes *out, const char *path, int file, ktk_error *err) {
    size_t capacity = 1 << 16;
    size_t size = 0;
    struct stat info;
    char *data;

    /* One byte more than a file has, so that its end is seen without another round. */
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0) {
        capacity = (size_t)info.st_size + 1;
    }
    data = malloc(capacity);
    for (;;) {
        ssize_t count;

        if (data == NULL) {
            return ktk_error_set(err, KTK_E_NO_MEMORY, "out of memory for '%s'", path);
        }
        count = read(file, data + size, capacity - size);
        if (count < 0 && errno == EINTR && !cli_was_interrupted()) {
            continue;
        }
        if (count < 0) {
            free(data);
            return errno == EINTR ? ktk_error_set(err, KTK_E_CANCELLED, "interrupted")
                                  : fail_errno(path, err);
        }
        if (count == 0) {
            break;
        }
        size += (size_t)count;
        if (size == capacity) {
            char *larger = realloc(data, capacity *= 2);

            if (larger == NULL) {
                free(data);
            }
            data = larger;
        }
    }
    *out = (ktk_bytes){(const uint8_t *)data, size, free_bytes, data};
    return KTK_OK;
}

static ktk_status read_bytes(ktk_bytes *out, const char *path, ktk_error *err) {
    ktk_status status;
    int file;

    if (is_standard_input(path)) {
        return read_all(out, "standard input", STDIN_FILENO, err);
    }
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fail_errno(path, err);
    }
    status = read_all(out, path, file, err);
    (void)close(file);
    return status;
}

static int64_t count_lines(const char *data, size_t size) {
    const char *end = data + size;
    int64_t count = 0;

    while (data < end && (data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        count++;
        data++;
    }
    return count;
}

/* -1: not known, as whoever reads the file next will tell. */
static int64_t count_lines_of_file(const char *path) {
    char piece[1 << 16];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int64_t count = 0;
    ssize_t size = 0;

    while (file >= 0 && (size = read(file, piece, sizeof(piece))) > 0) {
        count += count_lines(piece, (size_t)size);
    }
    if (file >= 0) {
        (void)close(file);
    }
    return file < 0 || size < 0 ? -1 : count;
}

/* Of which nothing need be kept in memory. */
static bool is_regular(const struct input *input) {
    struct stat info;

    return !is_standard_input(input->path) && stat(input->path, &info) == 0 &&
           S_ISREG(info.st_mode);
}

static ktk_status say_where(const struct input *input, ktk_status status, ktk_error *err) {
    ktk_error inner = *err;

    return ktk_error_set(err, status, "'%s': %s",
                         is_standard_input(input->path) ? "standard input" : input->path,
                         inner.message);
}

static ktk_status open_csv(struct ArrowArrayStream *out, struct session *session,
                           const struct input *input, const ktk_csv_read_options *csv,
                           int64_t *row_count, ktk_error *err) {
    ktk_csv_read_options options = *csv;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status;

    options.delimiter = input->delimiter;
    if (is_regular(input)) {
        *row_count = count_lines_of_file(input->path) - !csv->no_header;
        return ktk_csv_read_path(out, session->context, input->path, &options, err);
    }
    status = read_bytes(&bytes, input->path, err);
    if (status == KTK_OK) {
        *row_count = count_lines((const char *)bytes.data, bytes.size) - !csv->no_header;
        status = ktk_csv_read(out, session->context, &bytes, &options, err);
    }
    if (status != KTK_OK && bytes.data != NULL) {
        (void)say_where(input, status, err);
    }
    ktk_bytes_clear(&bytes);
    return status;
}

static ktk_status open_json(struct ArrowArrayStream *out, struct session *session,
                            const struct input *input, const ktk_csv_read_options *csv,
                            int64_t *row_count, ktk_error *err) {
    ktk_json_lines_read_options options = KTK_JSON_LINES_READ_OPTIONS_INIT;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status;

    options.type_columns = csv->type_columns;
    options.type_names = csv->type_names;
    options.type_count = csv->type_count;
    options.optional_types = csv->optional_types;
    if (is_regular(input)) {
        *row_count = count_lines_of_file(input->path);
        return ktk_json_lines_read_path(out, session->context, input->path, &options, err);
    }
    status = read_bytes(&bytes, input->path, err);
    if (status == KTK_OK) {
        *row_count = count_lines((const char *)bytes.data, bytes.size);
        status = ktk_json_lines_read(out, session->context, bytes.data, bytes.size, &options, err);
    }
    if (status != KTK_OK && bytes.data != NULL) {
        (void)say_where(input, status, err);
    }
    ktk_bytes_clear(&bytes);
    return status;
}

static ktk_status open_parquet(struct ArrowArrayStream *out, struct session *session,
                               const struct input *input, int64_t *row_count, ktk_error *err) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    ktk_parquet_file *file = NULL;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_parquet_info info;
    ktk_status status;

    options.memory_bytes_max = BATCH_BYTES_MAX;
    if (is_standard_input(input->path)) {
        status = read_bytes(&bytes, input->path, err);
        if (status == KTK_OK) {
            status = ktk_parquet_open_bytes(&file, session->context, &bytes, err);
        }
        ktk_bytes_clear(&bytes);
    } else {
        status = ktk_parquet_open_path(&file, session->context, input->path, err);
    }
    if (status == KTK_OK) {
        ktk_parquet_file_info(file, &info);
        *row_count = info.row_count;
        status = ktk_parquet_read(out, file, &options, err);
    }
    ktk_parquet_file_free(file);
    return status;
}

ktk_status cli_input_open(struct ArrowArrayStream *out, struct session *session,
                          const struct input *input, const ktk_csv_read_options *csv,
                          int64_t *row_count, ktk_error *err) {
    switch (input->format) {
    case INPUT_CSV:
        return open_csv(out, session, input, csv, row_count, err);
    case INPUT_JSON:
        return open_json(out, session, input, csv, row_count, err);
    default:
        return open_parquet(out, session, input, row_count, err);
    }
}
