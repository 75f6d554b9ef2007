/** The verbs, one file each. */
#ifndef KTK_CLI_VERBS_H
#define KTK_CLI_VERBS_H

#include "options.h"

extern const struct verb cli_write;
extern const struct verb cli_append;
extern const struct verb cli_replace;
extern const struct verb cli_delete;
extern const struct verb cli_index;
extern const struct verb cli_read;
extern const struct verb cli_head;
extern const struct verb cli_count_verb;
extern const struct verb cli_ls;
extern const struct verb cli_info;
extern const struct verb cli_schema;
extern const struct verb cli_partitions;
extern const struct verb cli_inspect;
extern const struct verb cli_log;
extern const struct verb cli_diff;
extern const struct verb cli_restore;
extern const struct verb cli_commit_status;
extern const struct verb cli_compact;
extern const struct verb cli_check;
extern const struct verb cli_copy_verb;
extern const struct verb cli_drop;
extern const struct verb cli_gc;
extern const struct verb cli_doctor;
extern const struct verb cli_store;
extern const struct verb cli_hash;
extern const struct verb cli_stats;
extern const struct verb cli_completion;
extern const struct verb cli_help;

/** Write the help of a verb, NULL: of the command. */
void cli_print_help(const struct verb *verb);

/** Write the manual page, in mdoc. */
void cli_print_manual(void);

#endif
