/** Where the result goes: standard output, a file that appears when it is complete, or a device, a
 * pipe or what a link leads to. */
#ifndef KTK_CLI_OUTPUT_H
#define KTK_CLI_OUTPUT_H

#include <stdio.h>

#include <kartothek/error.h>

struct output {
    FILE *file;
    const char *path;      /* NULL: standard output */
    const char *temporary; /* beside the file, until it is complete; NULL: no file is made */
    bool is_terminal;
    int width; /* columns of the terminal; 0: no limit */
};

/** `path` NULL or "-": standard output. */
ktk_status cli_output_open(struct output *out, const char *path, ktk_error *err);

/** A ktk_write_fn on a struct output. */
ktk_status cli_output_write(void *output, const char *data, size_t size, ktk_error *err);

/** Everything is written: flush, and let the file appear. */
ktk_status cli_output_finish(struct output *output, ktk_error *err);

/** Clean up; removes an incomplete file. A zeroed output is allowed. */
void cli_output_clear(struct output *output);

#endif
