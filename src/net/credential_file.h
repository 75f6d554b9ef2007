/** Files that hold credentials: whole ones, as tokens are, and those of profiles. */
#ifndef KTKI_NET_CREDENTIAL_FILE_H
#define KTKI_NET_CREDENTIAL_FILE_H

#include <kartothek/error.h>

#include "base/buffer.h"

/** Append a file of at most 1 MiB. `*is_there` false: there is none, and nothing is appended. */
ktk_status ktki_credential_file_read(struct buffer *out, const char *path, bool *is_there,
                                     ktk_error *err);

/** Append a file that holds one token, NUL-terminated, without the white space around it. It must
 * be there. */
ktk_status ktki_credential_file_token(struct buffer *out, const char *path, ktk_error *err);

/** One line of a file of profiles; texts without NULs inside and without white space around,
 * borrowed. */
struct profile_line {
    const char *section; /**< as between the brackets */
    size_t section_size;
    const char *key; /**< NULL: the line that begins the section */
    size_t key_size;
    const char *value;
    size_t value_size;
};

typedef ktk_status (*profile_line_fn)(void *state, const struct profile_line *line, ktk_error *err);

/**
 * Read "[section]", "key = value", comments ('#', ';') as Python's configparser does, which AWS'
 * own clients use: lines that are indented deeper than a key belong to its value, and are passed
 * over. KTK_E_CORRUPT with the number of the line for what is neither; nothing is quoted. A status
 * of `fn` other than KTK_OK ends the reading and is returned.
 */
ktk_status ktki_profile_lines(const void *data, size_t size, profile_line_fn fn, void *state,
                              ktk_error *err);

#endif
