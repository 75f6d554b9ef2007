/** A bar on standard error for work that takes long: only on a terminal, only after a while. */
#ifndef KTK_CLI_PROGRESS_H
#define KTK_CLI_PROGRESS_H

#include <kartothek/types.h>

/** Also starts to listen for interrupts. */
void cli_progress_begin(void);

/** So many rows more are to be done, about; -1: unknown. */
void cli_progress_expect(int64_t rows);

/** The `progress` callback of an update: false once the user has interrupted the work. */
bool cli_progress_update(void *state, int64_t files, int64_t rows, int64_t bytes);

/** The same for work whose files are counted before; `bytes` -1: not known. */
bool cli_progress_files(int64_t files, int64_t file_count, int64_t bytes);

bool cli_was_interrupted(void);

/** Take the bar away. */
void cli_progress_end(void);

#endif
