#include "net/credential_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define OUTPUT_BYTES_MAX ((size_t)256 * 1024)
#define READ_BYTES 4096
#define LOOK_AGAIN_MS 10

/* --- words --------------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word from `*at`, which stands on its first character. */
static ktk_status read_word(struct buffer *space, const char **at, ktk_error *err) {
    const char *c = *at;
    char quote = '\0';
    ktk_status status = KTK_OK;

    for (; *c != '\0' && (quote != '\0' || !is_blank(*c)); c++) {
        if (*c == quote) {
            quote = '\0';
            continue;
        }
        if (quote == '\0' && (*c == '\'' || *c == '"')) {
            quote = *c;
            continue;
        }
        if (*c == '\\' && quote != '\'' &&
            (quote == '\0' ? c[1] != '\0' : c[1] == '"' || c[1] == '\\')) {
            c++;
        }
        KTKI_TRY(ktki_buffer_append_byte(space, (uint8_t)*c, err));
    }
    if (quote != '\0') {
        KTKI_FAIL(err, KTK_E_INVALID, "a quote in the command of a process is not closed");
    }
    KTKI_TRY(ktki_buffer_append_byte(space, '\0', err));
    *at = c;
out:
    return status;
}

ktk_status ktki_process_split(struct buffer *space, const char *command, size_t *count,
                              ktk_error *err) {
    size_t words = 0;
    ktk_status status = KTK_OK;

    for (;;) {
        while (is_blank(*command)) {
            command++;
        }
        if (*command == '\0') {
            break;
        }
        if (words == KTKI_PROCESS_WORDS_MAX) {
            KTKI_FAIL(err, KTK_E_INVALID, "the command of a process has more than %d words",
                      KTKI_PROCESS_WORDS_MAX);
        }
        KTKI_TRY(read_word(space, &command, err));
        words++;
    }
    if (words == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "the command of a process is empty");
    }
    *count = words;
out:
    return status;
}

/* --- running ------------------------------------------------------------------------------- */

static int64_t monotonic_ms(void) {
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Signals are as a program expects them, whatever the thread that starts it has blocked. */
static int spawn(pid_t *out, char *const *words, int output, bool is_quiet) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t defaults;
    int code;

    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    code = posix_spawn_file_actions_init(&files);
    if (code != 0) {
        return code;
    }
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code =
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        code = code != 0 ? code : posix_spawnattr_setsigmask(&attributes, &none);
        code = code != 0 ? code : posix_spawnattr_setsigdefault(&attributes, &defaults);
        code = code != 0 ? code : posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
        code = code != 0 ? code
                         : posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
                                                            O_RDONLY, 0);
        if (code == 0 && is_quiet) {
            code =
                posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        }
        code = code != 0 ? code : posix_spawnp(out, words[0], &files, &attributes, words, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return code;
}

/* Reads to the end of the output. */
static ktk_status read_output(struct buffer *out, int pipe_end, int64_t deadline_ms,
                              const char *program, ktk_error *err) {
    size_t start = out->size;
    ktk_status status = KTK_OK;

    for (;;) {
        struct pollfd ready = {.fd = pipe_end, .events = POLLIN};
        int64_t left_ms = deadline_ms - monotonic_ms();
        ssize_t got;

        if (left_ms <= 0) {
            KTKI_FAIL(err, KTK_E_UNAVAILABLE, "'%s' takes too long", program);
        }
        if (poll(&ready, 1, (int)left_ms) <= 0) {
            continue;
        }
        KTKI_TRY(ktki_buffer_reserve(out, READ_BYTES, err));
        got = read(pipe_end, out->data + out->size, READ_BYTES);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            status = ktki_error_errno(err, errno, "cannot read what '%s' prints", program);
            goto out;
        }
        out->size += got > 0 ? (size_t)got : 0;
        if (out->size - start > OUTPUT_BYTES_MAX) {
            KTKI_FAIL(err, KTK_E_LIMIT, "'%s' prints more than %zu bytes", program,
                      OUTPUT_BYTES_MAX);
        }
    }
out:
    return status;
}

/* A program of the host that waits for all children may have taken the end of ours, which says
 * nothing against what it has printed. */
static ktk_status wait_for_end(pid_t process, int64_t deadline_ms, const char *program,
                               ktk_error *err) {
    static const struct timespec pause = {0, LOOK_AGAIN_MS * 1000000L};
    int code = 0;
    pid_t ended;

    for (;;) {
        ended = waitpid(process, &code, WNOHANG);
        if (ended == process || (ended < 0 && errno != EINTR)) {
            break;
        }
        if (monotonic_ms() >= deadline_ms) {
            return ktk_error_set(err, KTK_E_UNAVAILABLE, "'%s' takes too long", program);
        }
        (void)nanosleep(&pause, NULL);
    }
    if (ended == process && !(WIFEXITED(code) && WEXITSTATUS(code) == 0)) {
        return ktk_error_set(err, KTK_E_DENIED, "'%s' ends with %s %d", program,
                             WIFSIGNALED(code) ? "signal" : "status",
                             WIFSIGNALED(code) ? WTERMSIG(code) : WEXITSTATUS(code));
    }
    return KTK_OK;
}

ktk_status ktki_process_run(struct buffer *out, char *const *words, bool is_quiet,
                            int32_t time_max_ms, ktk_error *err) {
    int64_t deadline_ms = monotonic_ms() + time_max_ms;
    int ends[2] = {-1, -1};
    pid_t process = -1;
    int code;
    ktk_status status = KTK_OK;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        status = ktki_error_errno(err, errno, "cannot start '%s'", words[0]);
        goto out;
    }
    code = spawn(&process, words, ends[1], is_quiet);
    if (code != 0) {
        process = -1;
        status = ktki_error_errno(err, code, "cannot start '%s'", words[0]);
        goto out;
    }
    (void)close(ends[1]);
    ends[1] = -1;
    KTKI_TRY(read_output(out, ends[0], deadline_ms, words[0], err));
    KTKI_TRY(wait_for_end(process, deadline_ms, words[0], err));
    process = -1;
out:
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
        }
    }
    if (process > 0 && status != KTK_E_DENIED) {
        (void)kill(process, SIGKILL);
        while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    return status;
}
