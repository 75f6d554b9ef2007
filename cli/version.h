/** Datasets as they are, or as they were: --version and --at. */
#ifndef KTK_CLI_VERSION_H
#define KTK_CLI_VERSION_H

#include "session.h"

struct version_values {
    const char *version; /* NULL: not given */
    const char *at;
};

/** Two rows of a table of options; `type` has a member `state` of the struct above. */
#define CLI_VERSION_OPTIONS(type)                                                                  \
    {0,                                                                                            \
     "version",                                                                                    \
     "VERSION",                                                                                    \
     OPTION_TEXT,                                                                                  \
     offsetof(type, state.version),                                                                \
     "the dataset as of a version: its number or the start of its id, see ktk log",                \
     NULL},                                                                                        \
    {                                                                                              \
        0, "at", "TIME", OPTION_TEXT, offsetof(type, state.at),                                    \
            "the dataset as it was at a time, such as \"2026-03-01 12:00\" (UTC, or with +HH:MM)", \
            NULL                                                                                   \
    }

/** Open the dataset, in the state that is asked for. The store must be open. */
ktk_status cli_open_dataset(ktk_dataset **out, struct session *session, const char *uuid,
                            const struct version_values *state, ktk_error *err);

/** The same of a text in which a version stands: all digits and hex digits, or a time. */
ktk_status cli_open_state(ktk_dataset **out, struct session *session, const char *uuid,
                          const char *text, ktk_error *err);

/** A file has no versions: a mistake of the command line if one is asked for. */
ktk_status cli_refuse_version(struct session *session, const struct version_values *state,
                              const char *path, ktk_error *err);

#endif
