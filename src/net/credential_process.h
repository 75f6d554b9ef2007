/** Programs that print credentials. */
#ifndef KTKI_NET_CREDENTIAL_PROCESS_H
#define KTKI_NET_CREDENTIAL_PROCESS_H

#include "base/buffer.h"

#define KTKI_PROCESS_WORDS_MAX 64

/**
 * Split a command into words, as a shell does with blanks, '…', "…" and '\', and with nothing else.
 * The words stand one after the other in `space`, each with its NUL. KTK_E_INVALID for an open
 * quote, no word or too many; the command is not quoted, since it may hold a secret.
 */
ktk_status ktki_process_split(struct buffer *space, const char *command, size_t *count,
                              ktk_error *err);

/**
 * Run a program, without a shell, and append what it prints to `out`. Its standard input is empty.
 *
 * @param words ends with NULL; the first one is looked up in PATH
 * @param is_quiet what it says to its user is passed over; else it goes where ours goes
 * @return KTK_E_NOT_FOUND if there is no such program; KTK_E_DENIED if it ends with anything but 0;
 * KTK_E_UNAVAILABLE if it has not ended after `time_max_ms`, and is ended then.
 */
ktk_status ktki_process_run(struct buffer *out, char *const *words, bool is_quiet,
                            int32_t time_max_ms, ktk_error *err);

#endif
