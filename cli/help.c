/* --help and the verb help, from the tables. */
#include <stdio.h>
#include <string.h>

#include "heap.h"
#include "session.h"
#include "verbs.h"

#define WIDTH 80
#define OPTION_COLUMN 28
#define VERB_COLUMN 17

/* Print words up to the width, further lines indented; the cursor stands at `column`. */
static void print_wrapped(const char *text, int indent, int column) {
    bool is_first = true;

    while (*text != '\0') {
        const char *end = strpbrk(text, " \n");
        size_t size = end == NULL ? strlen(text) : (size_t)(end - text);
        bool ends_paragraph = strncmp(text + size, "\n\n", 2) == 0;

        if (!is_first && column + 1 + (int)size > WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)size, text);
        column += (int)size;
        is_first = false;
        text += size;
        if (ends_paragraph) {
            printf("\n\n%*s", indent, "");
            column = indent;
            is_first = true;
        }
        text += strspn(text, " \n");
    }
    putchar('\n');
}

static void print_option(const struct option *option) {
    char name[128];
    int size = option->letter != 0 ? snprintf(name, sizeof(name), "  -%c, ", option->letter)
                                   : snprintf(name, sizeof(name), "      ");

    size += snprintf(name + size, sizeof(name) - (size_t)size, "--%s%s%s", option->name,
                     option->argument == NULL ? "" : " ",
                     option->argument == NULL ? "" : option->argument);
    if (size + 2 > OPTION_COLUMN) {
        printf("%s\n%*s", name, OPTION_COLUMN, "");
    } else {
        printf("%-*s", OPTION_COLUMN, name);
    }
    print_wrapped(option->help, OPTION_COLUMN, OPTION_COLUMN);
}

static void print_common(const struct verb *verb) {
    puts("\nFor every verb:");
    for (size_t i = 0; i < cli_common_option_count; i++) {
        if (!cli_is_hidden(verb, &cli_common_options[i])) {
            print_option(&cli_common_options[i]);
        }
    }
}

static void print_verb_help(const struct verb *verb) {
    printf("Usage: ktk %s%s%s%s\n\n", verb->name, verb->option_count > 0 ? " [OPTION]..." : "",
           verb->operands[0] == '\0' ? "" : " ", verb->operands);
    print_wrapped(verb->description, 0, 0);
    if (verb->option_count > 0) {
        puts("\nOptions:");
    }
    for (size_t i = 0; i < verb->option_count; i++) {
        print_option(&verb->options[i]);
    }
    print_common(verb);
    if (verb->example_count > 0) {
        puts("\nExamples:");
    }
    for (size_t i = 0; i < verb->example_count; i++) {
        printf("%s  %s\n      %s\n", i > 0 ? "\n" : "", verb->examples[i].command,
               verb->examples[i].meaning);
    }
}

static void print_command_help(void) {
    puts("Usage: ktk [--store URL] VERB [OPTION]... [DATASET] [FILE]...\n");
    print_wrapped("Keep datasets of Parquet files in a folder or another key-value store, in the "
                  "format of kartothek.",
                  0, 0);
    puts("\nVerbs:");
    for (size_t i = 0; i < cli_verb_count; i++) {
        printf("  %-*s", VERB_COLUMN - 2, cli_verbs[i]->name);
        print_wrapped(cli_verbs[i]->summary, VERB_COLUMN, VERB_COLUMN);
    }
    print_common(NULL);
    putchar('\n');
    print_wrapped(
        "The exit code is 0 if all was done, 1 if something failed, 2 for a wrong command "
        "line, 3 if something was not found, 4 if it exists or was changed by somebody "
        "else, 5 if it is corrupt, 6 if nobody can say whether a commit came through. 'ktk VERB "
        "--help' says more.",
        0, 0);
}

void cli_print_help(const struct verb *verb) {
    if (verb == NULL) {
        print_command_help();
    } else {
        print_verb_help(verb);
    }
}

static ktk_status print(struct session *session, const void *values, const char *const *operands,
                        int operand_count, const struct output *output, ktk_error *err) {
    const struct verb *verb = operand_count == 0 ? NULL : cli_verb_find(operands[0]);

    (void)values;
    (void)output;
    if (operand_count > 0 && verb == NULL) {
        return cli_usage(session, err, "unknown verb '%s', see ktk --help", operands[0]);
    }
    cli_print_help(verb);
    return KTK_OK;
}

const struct verb cli_help = {
    .name = "help",
    .summary = "show the help of a verb",
    .operands = "[VERB]",
    .description = "Show the same as ktk VERB --help.",
    .operand_max = 1,
    .first = OPERAND_VERB,
    .print = print,
};
