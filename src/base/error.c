#include "base/error.h"

#undef ktk_error_set
#undef ktki_error_memory

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kartothek/version.h>

#include "base/text.h"

static const char *const status_names[] = {
    [KTK_OK] = "ok",
    [KTK_E_NO_MEMORY] = "no memory",
    [KTK_E_INVALID] = "invalid",
    [KTK_E_NOT_FOUND] = "not found",
    [KTK_E_EXISTS] = "exists",
    [KTK_E_CONFLICT] = "conflict",
    [KTK_E_CORRUPT] = "corrupt",
    [KTK_E_SCHEMA] = "schema",
    [KTK_E_UNSUPPORTED] = "unsupported",
    [KTK_E_LIMIT] = "limit",
    [KTK_E_IO] = "io",
    [KTK_E_DENIED] = "denied",
    [KTK_E_UNAVAILABLE] = "unavailable",
    [KTK_E_READ_ONLY] = "read only",
    [KTK_E_CANCELLED] = "cancelled",
    [KTK_E_INTERNAL] = "internal",
    [KTK_E_STALE_WRITER] = "stale writer",
    [KTK_E_UNKNOWN_OUTCOME] = "unknown outcome",
};

const char *ktk_status_name(ktk_status status) {
    size_t index = (size_t)status;
    return index < sizeof(status_names) / sizeof(status_names[0]) ? status_names[index] : "unknown";
}

static const char *const reason_names[] = {
    [KTK_REASON_NONE] = "none",
    [KTK_REASON_KEY] = "key",
    [KTK_REASON_TABLE_SCHEMA] = "table schema",
    [KTK_REASON_SHARED_COLUMN] = "shared column",
    [KTK_REASON_DUPLICATE_LABELS] = "duplicate labels",
    [KTK_REASON_PARTITION_KEYS] = "partition keys",
    [KTK_REASON_LITERAL_TYPE] = "literal type",
};

const char *ktk_reason_name(ktk_reason reason) {
    size_t index = (size_t)reason;
    return index < sizeof(reason_names) / sizeof(reason_names[0]) ? reason_names[index] : "unknown";
}

const char *ktk_version(void) {
    return KTK_VERSION_TEXT;
}

/*
 * Values from outside end up in messages; a message is one line of UTF-8 all the same. Control
 * characters become blanks and ill-formed bytes '?'; a sequence that was cut at the end goes.
 */
static void clean_text(char *text, size_t capacity) {
    size_t size = strlen(text);
    bool is_full = size + 1 == capacity;
    size_t at = 0;

    while (at < size) {
        unsigned char byte = (unsigned char)text[at];
        size_t step = ktki_utf8_sequence_size(text + at, size - at);
        if (step == 0 && is_full && byte >= 0xC2 && size - at < 4) {
            text[at] = '\0';
            break;
        }
        if (step == 0 || byte < 0x20 || byte == 0x7F) {
            text[at] = step == 0 ? '?' : ' ';
            step = 1;
        }
        at += step;
    }
}

static void clean_message(ktk_error *err) {
    clean_text(err->message, sizeof(err->message));
}

KTK_PRINTF(4, 0)
static void set_text(ktk_error *err, ktk_status status, int detail, const char *format,
                     va_list args) {
    if (err == NULL) {
        return;
    }
    err->status = (int32_t)status;
    err->detail = detail;
    err->reason = KTK_REASON_NONE;
    err->subject[0] = '\0';
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
    clean_message(err);
}

ktk_status ktk_error_set(ktk_error *err, ktk_status status, const char *format, ...) {
    va_list args;

    va_start(args, format);
    set_text(err, status, 0, format, args);
    va_end(args);
    return status;
}

void ktki_error_context(ktk_error *err, const char *format, ...) {
    char tail[sizeof(err->message)];
    va_list args;
    size_t used;

    if (err == NULL) {
        return;
    }
    memcpy(tail, err->message, sizeof(tail));
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s", tail);
    clean_message(err);
}

void ktki_error_about(ktk_error *err, ktk_reason reason, const char *subject) {
    if (err == NULL || err->reason != KTK_REASON_NONE) {
        return;
    }
    err->reason = (int32_t)reason;
    (void)snprintf(err->subject, sizeof(err->subject), "%s", subject);
    clean_text(err->subject, sizeof(err->subject));
}

ktk_status ktki_error_memory(ktk_error *err, size_t size) {
    return ktk_error_set(err, KTK_E_NO_MEMORY, "out of memory for %zu bytes", size);
}

static ktk_status status_of_errno(int error_number) {
    switch (error_number) {
    case ENOENT:
        return KTK_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return KTK_E_DENIED;
    case EROFS:
        return KTK_E_READ_ONLY;
    case ENOMEM:
        return KTK_E_NO_MEMORY;
    default:
        return KTK_E_IO;
    }
}

ktk_status ktki_error_errno(ktk_error *err, int error_number, const char *format, ...) {
    ktk_status status = status_of_errno(error_number);
    char space[128];
    const char *reason;
    va_list args;
    size_t used;

    if (err == NULL) {
        return status;
    }
    va_start(args, format);
    set_text(err, status, error_number, format, args);
    va_end(args);
    used = strlen(err->message);
    reason = strerror_r(error_number, space, sizeof(space)); /* the one of _GNU_SOURCE */
    (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s", reason);
    clean_message(err);
    return status;
}

void ktk_bytes_clear(ktk_bytes *bytes) {
    if (bytes->release != NULL) {
        bytes->release(bytes);
    }
    *bytes = (ktk_bytes)KTK_BYTES_INIT;
}
