#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap.h"
#include "progress.h"

ktk_status cli_session_init(struct session *out, const struct command *command, ktk_error *err) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;

    *out = (struct session){.command = command};
    options.threads = (int32_t)(command->common.threads < 1024 ? command->common.threads : 1024);
    return ktk_context_new(&out->context, &options, err);
}

void cli_session_clear(struct session *session) {
    ktk_store_free(session->store);
    ktk_context_free(session->context);
}

static bool is_url(const char *text) {
    const char *end = text;

    while ((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z') ||
           (*end >= '0' && *end <= '9') || *end == '+') {
        end++;
    }
    return end > text && strncmp(end, "://", 3) == 0;
}

/* The URL of a folder: absolute, since the host part of a URL is no part of a path, and with every
 * character quoted that means something in URLs. NULL if the current folder is gone. */
static const char *url_of_folder(const char *path, bool creates) {
    char *folder = *path == '/' ? NULL : get_current_dir_name();
    const char *absolute =
        cli_format("%s%s%s", folder == NULL ? "" : folder, folder == NULL ? "" : "/", path);
    char *url = cli_alloc(3 * strlen(absolute) + 1, 1);
    char *at = url;

    if (*path != '/' && folder == NULL) {
        return NULL;
    }
    for (const char *from = absolute; *from != '\0'; from++) {
        bool is_plain = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') ||
                        (*from >= '0' && *from <= '9') || strchr("/._-~+,=@", *from) != NULL;

        at += snprintf(at, 4, is_plain ? "%c" : "%%%02X", (unsigned char)*from);
    }
    free(folder);
    return cli_format("hfs://%s?create_if_missing=%s", url, creates ? "true" : "false");
}

ktk_status cli_open_url(ktk_store **out, struct session *session, const char *text, bool creates,
                        ktk_error *err) {
    const char *url = is_url(text) ? text : url_of_folder(text, creates);
    ktk_status status;

    if (url == NULL) {
        return ktk_error_set(err, KTK_E_IO, "cannot tell the current folder: %s", strerror(errno));
    }
    status = ktk_store_open(out, session->context, url, err);
    session->is_usage_error = status == KTK_E_INVALID;
    return status;
}

ktk_status cli_open_store(struct session *session, bool creates, ktk_error *err) {
    const char *store = session->command->common.store;

    if (session->store != NULL) {
        return KTK_OK;
    }
    store = store != NULL ? store : getenv("KTK_STORE");
    if (store == NULL || *store == '\0') {
        return cli_usage(session, err, "no store is named: give --store URL or set KTK_STORE");
    }
    return cli_open_url(&session->store, session, store, creates, err);
}

/* The text with a caret under the character that is wrong, if it fits a line. */
static void show_place(const char *text, int32_t column) {
    if (strlen(text) <= 200 && strpbrk(text, "\t\r\n") == NULL) {
        fprintf(stderr, "  %s\n  %*s^\n", text, column - 1, "");
    }
}

int cli_fail(const struct session *session, ktk_status status, const ktk_error *err) {
    cli_progress_end();
    if (status == KTK_E_CANCELLED && err->detail == EPIPE) {
        return EXIT_DONE;
    }
    fprintf(stderr, "ktk: %s\n", err->message);
    if (session->mistaken != NULL && err->detail > 0) {
        show_place(session->mistaken, err->detail);
    }
    if (session->is_usage_error) {
        return EXIT_USAGE;
    }
    switch (status) {
    case KTK_E_CANCELLED:
        return cli_was_interrupted() ? EXIT_INTERRUPTED : EXIT_FAILED;
    case KTK_E_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case KTK_E_EXISTS:
    case KTK_E_CONFLICT:
    case KTK_E_STALE_WRITER:
        return EXIT_CONFLICT;
    case KTK_E_UNKNOWN_OUTCOME:
        return EXIT_UNKNOWN;
    case KTK_E_CORRUPT:
        return EXIT_CORRUPT;
    default:
        return EXIT_FAILED;
    }
}

ktk_status cli_usage(struct session *session, ktk_error *err, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    err->status = KTK_E_INVALID;
    err->detail = 0;
    session->is_usage_error = true;
    return KTK_E_INVALID;
}

ktk_status cli_where(ktk_predicate **out, struct session *session, const char *text,
                     ktk_error *err) {
    ktk_status status = KTK_OK;

    *out = NULL;
    if (text != NULL) {
        status = ktk_predicate_parse(out, session->context, text, err);
        session->is_usage_error = status == KTK_E_INVALID;
        session->mistaken = status == KTK_E_INVALID ? text : NULL;
    }
    return status;
}
