/** What every verb works with: context, store, exit codes, messages. */
#ifndef KTK_CLI_SESSION_H
#define KTK_CLI_SESSION_H

#include <kartothek/kartothek.h>

#include "options.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_CONFLICT = 4, /* or it exists and must not */
    EXIT_CORRUPT = 5,
    EXIT_UNKNOWN = 6, /* nobody can say whether a commit came through */
    EXIT_INTERRUPTED = 130
};

struct session {
    const struct command *command;
    ktk_context *context;
    bool is_usage_error;  /* what failed is the command line, not the work */
    const char *mistaken; /* the predicate in which the error has its place, or NULL */
    int exit_code;        /* of a `print` that did not fail */
    ktk_store *store;     /* NULL until cli_open_store(), which is called before most verbs run */
};

/** Make the context. */
ktk_status cli_session_init(struct session *out, const struct command *command, ktk_error *err);
void cli_session_clear(struct session *session);

/** Open the store named by --store or $KTK_STORE, unless it is open. `creates`: a folder that is
 * missing is made. */
ktk_status cli_open_store(struct session *session, bool creates, ktk_error *err);

/** Open another store, by URL or by the path of a folder; the caller frees it. */
ktk_status cli_open_url(ktk_store **out, struct session *session, const char *text, bool creates,
                        ktk_error *err);

/** Print "ktk: <message>" and return the exit code that goes with the failure; nothing is printed,
 * and nothing has failed, if the reader of the output went away. */
int cli_fail(const struct session *session, ktk_status status, const ktk_error *err);

/** Say that the command line is wrong. */
ktk_status cli_usage(struct session *session, ktk_error *err, const char *format, ...)
    KTK_PRINTF(3, 4);

/** Parse the text of --where; NULL gives NULL. A mistake in it is one of the command line. */
ktk_status cli_where(ktk_predicate **out, struct session *session, const char *text,
                     ktk_error *err);

#endif
