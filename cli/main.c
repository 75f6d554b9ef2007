/* ktk: datasets of Parquet files from the command line. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "heap.h"
#include "output.h"
#include "session.h"
#include "verbs.h"

const struct verb *const cli_verbs[] = {
    &cli_write,   &cli_append,        &cli_replace,
    &cli_delete,  &cli_index,         &cli_read,
    &cli_head,    &cli_count_verb,    &cli_ls,
    &cli_info,    &cli_schema,        &cli_partitions,
    &cli_inspect, &cli_log,           &cli_diff,
    &cli_restore, &cli_commit_status, &cli_compact,
    &cli_check,   &cli_copy_verb,     &cli_drop,
    &cli_gc,      &cli_doctor,        &cli_store,
    &cli_hash,    &cli_stats,         &cli_completion,
    &cli_help,
};

const size_t cli_verb_count = sizeof(cli_verbs) / sizeof(cli_verbs[0]);

/* A file of the store must never be opened as descriptor 0 to 2: what is printed would go into it.
 * Closed ones are occupied, in the direction in which they cannot be used. */
static void guard_descriptors(void) {
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        if (fcntl(i, F_GETFD) < 0) {
            (void)open("/dev/null", modes[i]);
        }
    }
}

/* Text is UTF-8 whatever the locale, so that tables know how wide it is. Numbers are never local.
 */
static void choose_locale(void) {
    wchar_t c = 0;
    mbstate_t state = {0};

    (void)setlocale(LC_CTYPE, "");
    if (mbrtowc(&c, "\xC3\xA9", 2, &state) != 2 || c != 0xE9) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}

static int finish_output(struct session *session) {
    struct output output = {.file = stdout};
    ktk_error err = {0};
    ktk_status status = cli_output_finish(&output, &err);

    return status == KTK_OK ? EXIT_DONE : cli_fail(session, status, &err);
}

static ktk_status run_print(struct session *session, const struct command *command,
                            ktk_error *err) {
    struct output output = {0};
    ktk_status status = cli_output_open(&output, NULL, err);

    if (status == KTK_OK) {
        status = command->verb->print(session, command->values, command->operands,
                                      command->operand_count, &output, err);
    }
    if (status == KTK_OK) {
        status = cli_output_finish(&output, err);
    }
    cli_output_clear(&output);
    return status;
}

static int run_verb(struct session *session, const struct command *command) {
    const struct verb *verb = command->verb;
    ktk_error err = {0};
    ktk_status status = cli_session_init(session, command, &err);

    if (status == KTK_OK && verb->needs_store) {
        status = cli_open_store(session, false, &err);
    }
    if (status == KTK_OK && verb->run != NULL) {
        return verb->run(session, command->values, command->operands, command->operand_count);
    }
    if (status == KTK_OK) {
        status = run_print(session, command, &err);
    }
    return status == KTK_OK ? session->exit_code : cli_fail(session, status, &err);
}

static int run_command(int argc, char **argv) {
    struct session session = {0};
    struct command command;
    const char *problem = cli_parse(&command, argc, argv);
    int code = EXIT_DONE;

    if (problem != NULL) {
        fprintf(stderr, "ktk: %s\n", problem);
        return EXIT_USAGE;
    }
    if (command.wants_manual) {
        cli_print_manual();
        code = finish_output(&session);
    } else if (command.common.version) {
        printf("ktk %s\n", ktk_version());
        code = finish_output(&session);
    } else if (command.common.help) {
        cli_print_help(command.verb);
        code = finish_output(&session);
    } else if (command.verb == NULL) {
        fputs("ktk: no verb is given, see ktk --help\n", stderr);
        code = EXIT_USAGE;
    } else {
        code = run_verb(&session, &command);
    }
    cli_session_clear(&session);
    return code;
}

int main(int argc, char **argv) {
    int code;

    guard_descriptors();
    choose_locale();
    /* A reader that goes away is seen as a failed write, after which files are still put right. */
    (void)signal(SIGPIPE, SIG_IGN);
    code = run_command(argc, argv);
    cli_free_all();
    return code;
}
