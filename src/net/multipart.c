#include "net/multipart.h"

#include <strings.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"

#define BOUNDARY_SIZE_MAX 70

/* Where in the answer a line is. */
enum place { OUTSIDE, PART_HEAD, STATUS_LINE, PART_BODY };

enum line_kind { LINE_OTHER, LINE_BEGIN, LINE_END };

/* A text that is not terminated. */
struct line {
    const char *text;
    size_t size;
};

struct reading {
    struct line boundary;
    enum place place;
    int64_t id;     /* of the part at hand; -1: it does not say */
    int32_t status; /* 0: it does not say */
    ktki_part_fn fn;
    void *state;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static struct line trimmed(struct line line) {
    while (line.size > 0 && is_blank(line.text[0])) {
        line.text++;
        line.size--;
    }
    while (line.size > 0 && is_blank(line.text[line.size - 1])) {
        line.size--;
    }
    return line;
}

/* Does it start so, in whatever case? The rest is left. */
static bool skip(struct line *line, const char *start) {
    size_t size = strlen(start);

    if (line->size < size || strncasecmp(line->text, start, size) != 0) {
        return false;
    }
    line->text += size;
    line->size -= size;
    return true;
}

/* The boundary of "multipart/mixed; boundary=…"; empty if it is nothing of the kind. */
static struct line boundary_of(const char *content_type) {
    struct line type = {content_type, strlen(content_type)};
    struct line found = {content_type, 0};

    if (!skip(&type, "multipart/mixed")) {
        return found;
    }
    while (found.size == 0 && type.size > 0) {
        const char *end = memchr(type.text, ';', type.size);
        struct line param = {type.text, end == NULL ? type.size : (size_t)(end - type.text)};
        size_t taken = end == NULL ? type.size : param.size + 1;

        type = (struct line){type.text + taken, type.size - taken};
        param = trimmed(param);
        if (skip(&param, "boundary=")) {
            bool is_quoted =
                param.size >= 2 && param.text[0] == '"' && param.text[param.size - 1] == '"';

            found = is_quoted ? (struct line){param.text + 1, param.size - 2} : param;
        }
    }
    return found;
}

static bool next_line(struct cursor *input, struct line *out) {
    size_t left = ktki_cursor_left(input);
    const uint8_t *end = left == 0 ? NULL : memchr(input->at, '\n', left);
    size_t size = end == NULL ? left : (size_t)(end - input->at);

    if (left == 0) {
        return false;
    }
    *out = trimmed((struct line){(const char *)input->at, size});
    return ktki_cursor_skip(input, end == NULL ? size : size + 1);
}

static enum line_kind kind_of(const struct reading *reading, struct line line) {
    const struct line *boundary = &reading->boundary;

    if (!skip(&line, "--") || line.size < boundary->size ||
        memcmp(line.text, boundary->text, boundary->size) != 0) {
        return LINE_OTHER;
    }
    line.text += boundary->size;
    line.size -= boundary->size;
    return line.size == 0                                      ? LINE_BEGIN
           : line.size == 2 && memcmp(line.text, "--", 2) == 0 ? LINE_END
                                                               : LINE_OTHER;
}

/* "HTTP/1.1 202 Accepted"; 0 if it is none. */
static int32_t status_of(struct line line) {
    const char *space = memchr(line.text, ' ', line.size);
    int64_t status = 0;
    size_t rest;

    if (!skip(&line, "HTTP/") || space == NULL) {
        return 0;
    }
    rest = line.size - (size_t)(space + 1 - line.text);
    if (rest < 3 || (rest > 3 && space[4] != ' ') || !ktki_parse_i64(space + 1, 3, &status)) {
        return 0;
    }
    return status >= 100 ? (int32_t)status : 0;
}

static void end_part(struct reading *reading) {
    if (reading->place != OUTSIDE && reading->id >= 0 && reading->status > 0) {
        reading->fn(reading->state, reading->id, reading->status);
    }
    reading->id = -1;
    reading->status = 0;
}

static void take_line(struct reading *reading, struct line line) {
    switch (reading->place) {
    case PART_HEAD:
        if (line.size == 0) {
            reading->place = STATUS_LINE;
        } else if (skip(&line, "Content-ID:")) {
            line = trimmed(line);
            if (!ktki_parse_i64(line.text, line.size, &reading->id)) {
                reading->id = -1;
            }
        }
        break;
    case STATUS_LINE:
        reading->status = status_of(line);
        reading->place = PART_BODY;
        break;
    default:
        break;
    }
}

ktk_status ktki_multipart_read(const char *content_type, const void *data, size_t size,
                               ktki_part_fn fn, void *state, ktk_error *err) {
    struct reading reading = {.id = -1, .fn = fn, .state = state};
    struct cursor input = ktki_cursor(data, size);
    bool has_end = false;
    struct line line;
    ktk_status status = KTK_OK;

    reading.boundary = boundary_of(content_type == NULL ? "" : content_type);
    if (reading.boundary.size == 0 || reading.boundary.size > BOUNDARY_SIZE_MAX) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "what was answered is no multipart/mixed");
    }
    while (!has_end && next_line(&input, &line)) {
        enum line_kind kind = kind_of(&reading, line);

        if (kind == LINE_OTHER) {
            take_line(&reading, line);
        } else {
            end_part(&reading);
            reading.place = PART_HEAD;
            has_end = kind == LINE_END;
        }
    }
    if (!has_end) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "an answer of several parts has no end");
    }
out:
    return status;
}
