/** What write, append, replace and delete share: options, files, one update, what it tells. */
#ifndef KTK_CLI_UPDATE_H
#define KTK_CLI_UPDATE_H

#include "session.h"

struct update_values {
    struct text_list partition_on;
    bool overwrite;
    struct text_list indices;
    /* What goes. */
    const char *where;
    bool all;
    const char *delete_mode;
    const char *on_conflict;
    bool dry_run;
    /* What comes. */
    struct text_list tables;
    const char *compression;
    struct text_list bloom;
    struct text_list sorted_by;
    const char *input_format;
    char delimiter;
    bool no_header;
    struct text_list types;
    struct text_list nulls;
    struct text_list metadata;
    bool json;
};

/** The options of all four; each verb has a run of them. */
extern const struct option cli_update_options[];

enum {
    UPDATE_OPTIONS_WRITE = 0,     /* how a dataset is created */
    UPDATE_OPTIONS_FILES = 4,     /* how files are read and written */
    UPDATE_OPTIONS_COMMIT = 13,   /* what all have */
    UPDATE_OPTIONS_DELETE = 15,   /* what goes */
    UPDATE_OPTIONS_CONFLICT = 19, /* what is a conflict in any case if rows are added, too */
    UPDATE_OPTIONS_END = 20
};

extern const char *const cli_delete_modes[];
extern const char *const cli_on_conflicts[];
extern const char *const cli_overwrite_conflicts[];

/** What a verb does to a dataset. */
enum update_kind { UPDATE_WRITE = 0, UPDATE_APPEND, UPDATE_REPLACE, UPDATE_DELETE };

/** Do it with the files, commit, and tell; the exit code. */
int cli_update(struct session *session, enum update_kind kind, const struct update_values *values,
               const char *uuid, const char *const *paths, size_t path_count);

#endif
