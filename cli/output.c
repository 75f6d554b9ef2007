#include "output.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap.h"

static ktk_status fail_errno(ktk_error *err, const char *path, int error_number) {
    ktk_status status = error_number == EPIPE    ? KTK_E_CANCELLED
                        : error_number == ENOENT ? KTK_E_NOT_FOUND
                        : error_number == EACCES ? KTK_E_DENIED
                                                 : KTK_E_IO;

    (void)ktk_error_set(err, status, "cannot write %s%s%s: %s", path == NULL ? "" : "'",
                        path == NULL ? "standard output" : path, path == NULL ? "" : "'",
                        strerror(error_number));
    err->detail = error_number;
    return status;
}

/* A rename would put a file in the place of a device, a pipe or a link, as /dev/stdout is one. */
static bool may_be_replaced(const char *path) {
    struct stat info;

    return lstat(path, &info) != 0 || S_ISREG(info.st_mode);
}

ktk_status cli_output_open(struct output *out, const char *path, ktk_error *err) {
    struct winsize size;

    *out = (struct output){.file = stdout};
    if (path != NULL && strcmp(path, "-") != 0) {
        out->path = path;
        if (may_be_replaced(path)) {
            out->temporary = cli_format("%s.tmp-%ld", path, (long)getpid());
        }
        out->file = fopen(out->temporary == NULL ? path : out->temporary, "wbe");
        if (out->file == NULL) {
            out->temporary = NULL;
            return fail_errno(err, path, errno);
        }
    } else if (isatty(STDOUT_FILENO)) {
        out->is_terminal = true;
        out->width =
            ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    }
    return KTK_OK;
}

ktk_status cli_output_write(void *output, const char *data, size_t size, ktk_error *err) {
    struct output *to = output;

    return fwrite(data, 1, size, to->file) == size ? KTK_OK : fail_errno(err, to->path, errno);
}

ktk_status cli_output_finish(struct output *output, ktk_error *err) {
    bool failed = fflush(output->file) != 0 || ferror(output->file);
    int error_number = errno;

    if (output->path == NULL) {
        return failed ? fail_errno(err, NULL, error_number) : KTK_OK;
    }
    if (!failed) {
        failed = fclose(output->file) != 0;
        error_number = errno;
        output->file = NULL;
    }
    if (!failed && output->temporary != NULL) {
        failed = rename(output->temporary, output->path) != 0;
        error_number = errno;
    }
    if (failed) {
        return fail_errno(err, output->path, error_number);
    }
    output->temporary = NULL;
    return KTK_OK;
}

void cli_output_clear(struct output *output) {
    if (output->path != NULL && output->file != NULL) {
        (void)fclose(output->file);
    }
    if (output->temporary != NULL) {
        (void)unlink(output->temporary);
    }
    *output = (struct output){0};
}
