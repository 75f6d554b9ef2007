#include "net/credential_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)
#define READ_BYTES 4096

/* --- whole files --------------------------------------------------------------------------- */

ktk_status ktki_credential_file_read(struct buffer *out, const char *path, bool *is_there,
                                     ktk_error *err) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t start = out->size;
    ssize_t got = 1;
    ktk_status status = KTK_OK;

    if (file < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *is_there = false;
        goto out;
    }
    if (file < 0) {
        status = ktki_error_errno(err, errno, "cannot open '%s'", path);
        goto out;
    }
    while (got > 0) {
        KTKI_TRY(ktki_buffer_reserve(out, READ_BYTES, err));
        got = read(file, out->data + out->size, READ_BYTES);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        if (got < 0) {
            status = ktki_error_errno(err, errno, "cannot read '%s'", path);
            goto out;
        }
        out->size += (size_t)got;
        if (out->size - start > FILE_BYTES_MAX) {
            KTKI_FAIL(err, KTK_E_LIMIT, "'%s' has more than %zu bytes", path, FILE_BYTES_MAX);
        }
    }
    *is_there = true;
out:
    if (file >= 0) {
        (void)close(file);
    }
    return status;
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

ktk_status ktki_credential_file_token(struct buffer *out, const char *path, ktk_error *err) {
    size_t start = out->size;
    size_t spaces = 0;
    bool is_there = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_credential_file_read(out, path, &is_there, err));
    if (!is_there) {
        KTKI_FAIL(err, KTK_E_DENIED, "there is no file '%s' to take a token from", path);
    }
    while (out->size > start && is_space(out->data[out->size - 1])) {
        out->size--;
    }
    while (start + spaces < out->size && is_space(out->data[start + spaces])) {
        spaces++;
    }
    out->size -= spaces;
    memmove(out->data + start, out->data + start + spaces, out->size - start);
    for (size_t i = start; i < out->size; i++) {
        if (out->data[i] < 0x20 || out->data[i] == 0x7F) {
            KTKI_FAIL(err, KTK_E_IO, "'%s' holds no token: a control character is in it", path);
        }
    }
    if (out->size == start) {
        KTKI_FAIL(err, KTK_E_IO, "'%s' holds no token: it is empty", path);
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

/* --- files of profiles --------------------------------------------------------------------- */

static void trim(struct cursor *text) {
    while (!ktki_cursor_is_done(text) && is_space(*text->at)) {
        text->at++;
    }
    while (!ktki_cursor_is_done(text) && is_space(text->end[-1])) {
        text->end--;
    }
}

static struct cursor next_line(struct cursor *file) {
    size_t left = ktki_cursor_left(file);
    const uint8_t *end = left == 0 ? NULL : memchr(file->at, '\n', left);
    struct cursor line = {file->at, end == NULL ? file->end : end};

    file->at = end == NULL ? file->end : end + 1;
    return line;
}

static bool read_section(const struct cursor *text, struct profile_line *out) {
    size_t size = ktki_cursor_left(text);
    const uint8_t *end = size == 0 ? NULL : memchr(text->at, ']', size);
    struct cursor name;

    if (end == NULL) {
        return false;
    }
    name = (struct cursor){text->at + 1, end};
    trim(&name);
    *out = (struct profile_line){.section = (const char *)name.at,
                                 .section_size = ktki_cursor_left(&name)};
    return true;
}

/* "key = value" or "key: value" */
static bool read_pair(const struct cursor *text, struct profile_line *line) {
    const uint8_t *mark = text->at;
    struct cursor key;
    struct cursor value;

    while (mark != text->end && *mark != '=' && *mark != ':') {
        mark++;
    }
    if (mark == text->end || line->section == NULL) {
        return false;
    }
    key = (struct cursor){text->at, mark};
    value = (struct cursor){mark + 1, text->end};
    trim(&key);
    trim(&value);
    if (ktki_cursor_is_done(&key)) {
        return false;
    }
    line->key = (const char *)key.at;
    line->key_size = ktki_cursor_left(&key);
    line->value = (const char *)value.at;
    line->value_size = ktki_cursor_left(&value);
    return true;
}

ktk_status ktki_profile_lines(const void *data, size_t size, profile_line_fn fn, void *state,
                              ktk_error *err) {
    struct cursor file = ktki_cursor(data, size);
    struct profile_line line = {.section = NULL};
    size_t key_indent = SIZE_MAX; /* of the key whose value may go on */
    int32_t number = 0;
    ktk_status status = KTK_OK;

    if (size > 0 && memchr(data, '\0', size) != NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a NUL byte in a file of profiles");
    }
    while (!ktki_cursor_is_done(&file)) {
        struct cursor text = next_line(&file);
        const uint8_t *start = text.at;
        size_t indent;

        number++;
        trim(&text);
        indent = (size_t)(text.at - start);
        if (ktki_cursor_is_done(&text) || *text.at == '#' || *text.at == ';' ||
            (key_indent != SIZE_MAX && indent > key_indent)) {
            continue;
        }
        key_indent = *text.at == '[' ? SIZE_MAX : indent;
        if (*text.at == '[' ? !read_section(&text, &line) : !read_pair(&text, &line)) {
            status = ktk_error_set(err, KTK_E_CORRUPT,
                                   "line %d is neither '[section]' nor 'key = value' below one",
                                   (int)number);
            if (err != NULL) {
                err->detail = number;
            }
            goto out;
        }
        KTKI_TRY(fn(state, &line, err));
    }
out:
    return status;
}
