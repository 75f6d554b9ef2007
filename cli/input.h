/** Files of a user, or standard input, as Arrow streams. */
#ifndef KTK_CLI_INPUT_H
#define KTK_CLI_INPUT_H

#include "session.h"

enum input_format { INPUT_CSV = 0, INPUT_PARQUET, INPUT_JSON };

struct input {
    const char *path; /* "-": standard input */
    enum input_format format;
    char delimiter; /* 0: ',' */
};

/** Is the operand the path of a file? A dot or a slash in it says so: names of datasets have
 * neither. */
bool cli_is_file(const char *operand);

/** Tell the format by the name of a format, or (NULL) by the suffix of the path. A mistake is one
 * of the command line. */
ktk_status cli_input_init(struct input *out, struct session *session, const char *path,
                          const char *format, char delimiter, ktk_error *err);

/** Can it be read? So that no work is begun for a file that is not there. */
ktk_status cli_input_check(const struct input *input, ktk_error *err);

/** `csv` has everything but the delimiter; JSON lines take the types of columns from it.
 * `*row_count` receives the number of rows, of CSV and JSON lines about. */
ktk_status cli_input_open(struct ArrowArrayStream *out, struct session *session,
                          const struct input *input, const ktk_csv_read_options *csv,
                          int64_t *row_count, ktk_error *err);

#endif
