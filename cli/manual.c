/* The manual page, from the tables: ktk --man writes what docs/ktk.1 holds. */
#include <stdio.h>
#include <string.h>

#include "verbs.h"

#define LINE_SIZE_MAX 78
#define WORD_SIZE_MAX 256

static size_t append(char text[WORD_SIZE_MAX], size_t used, const char *more) {
    size_t size = strlen(more);

    if (used + size < WORD_SIZE_MAX) {
        memcpy(text + used, more, size + 1);
        used += size;
    }
    return used;
}

/* A word as mdoc wants it: no character with a meaning of its own, none at the start of a line. */
static size_t escape_word(char escaped[WORD_SIZE_MAX], const char *word, size_t size) {
    static const struct {
        char character;
        const char *text;
    } escapes[] = {{'\\', "\\e"}, {'\'', "\\(aq"}, {'"', "\\(dq"}};
    size_t used = append(escaped, 0, *word == '.' ? "\\&" : "");

    for (size_t i = 0; i < size; i++) {
        const char *text = (const char[]){word[i], '\0'};

        for (size_t j = 0; j < sizeof(escapes) / sizeof(escapes[0]); j++) {
            text = word[i] == escapes[j].character ? escapes[j].text : text;
        }
        used = append(escaped, used, text);
    }
    return used;
}

/* Paragraphs of words; a new line behind each sentence, so that the formatter sees where it ends.
 */
static void print_text(const char *text) {
    size_t column = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, " \n");
        char escaped[WORD_SIZE_MAX];
        size_t width = escape_word(escaped, text, size);

        if (column > 0 && column + 1 + width > LINE_SIZE_MAX) {
            putchar('\n');
            column = 0;
        }
        printf("%s%s", column > 0 ? " " : "", escaped);
        column += width + (column > 0);
        text += size;
        if (strncmp(text, "\n\n", 2) == 0) {
            fputs("\n.Pp\n", stdout);
            column = 0;
        } else if (text[-1] == '.' && *text == ' ') {
            putchar('\n');
            column = 0;
        }
        text += strspn(text, " \n");
    }
    if (column > 0) {
        putchar('\n');
    }
}

static void print_option(const struct option *option) {
    fputs(".It", stdout);
    if (option->letter != 0) {
        printf(" Fl %c", option->letter);
        if (option->argument != NULL) {
            printf(" Ar %s", option->argument);
        }
        fputs(" ,", stdout);
    }
    printf(" Fl \\-%s", option->name);
    if (option->argument != NULL) {
        printf(" Ar %s", option->argument);
    }
    putchar('\n');
    print_text(option->help);
}

static void print_options(const struct option *options, size_t count) {
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < count; i++) {
        print_option(&options[i]);
    }
    puts(".El");
}

static void print_operands(const char *operands) {
    for (; *operands != '\0'; operands++) {
        if (strncmp(operands, "...", 3) == 0) {
            fputs(" ...", stdout);
            operands += 2;
        } else {
            putchar(*operands);
        }
    }
}

static void print_verb(const struct verb *verb) {
    printf(".Ss %s\n.Nm\n.Cm %s\n", verb->name, verb->name);
    if (verb->option_count > 0) {
        puts(".Op Ar OPTION ...");
    }
    if (verb->operands[0] != '\0') {
        fputs(".Ar ", stdout);
        print_operands(verb->operands);
        putchar('\n');
    }
    puts(".Pp");
    print_text(verb->description);
    if (verb->option_count > 0) {
        print_options(verb->options, verb->option_count);
    }
}

static void print_example(const struct example *example, bool is_first) {
    char first = example->meaning[0];
    char escaped[WORD_SIZE_MAX];

    (void)escape_word(escaped, example->command, strlen(example->command));
    printf("%s%c%s:\n.Bd -literal -offset indent\n%s\n.Ed\n", is_first ? "" : ".Pp\n",
           first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first, example->meaning + 1, escaped);
}

static void print_examples(void) {
    bool is_first = true;

    puts(".Sh EXAMPLES");
    for (size_t i = 0; i < cli_verb_count; i++) {
        for (size_t j = 0; j < cli_verbs[i]->example_count; j++) {
            print_example(&cli_verbs[i]->examples[j], is_first);
            is_first = false;
        }
    }
}

static const char exit_codes[] = ".Sh EXIT STATUS\n"
                                 ".Bl -tag -width Ds -compact\n"
                                 ".It 0\nAll was done.\n"
                                 ".It 1\nSomething failed; one line on standard error says what.\n"
                                 ".It 2\nThe command line is wrong.\n"
                                 ".It 3\nSomething was not found.\n"
                                 ".It 4\nIt exists and must not, or somebody else changed it.\n"
                                 ".It 5\nStored bytes do not follow their format.\n"
                                 ".It 6\nNobody can say whether a commit came through; the "
                                 "message holds its id.\n"
                                 ".It 130\nInterrupted; nothing was written.\n"
                                 ".El";

void cli_print_manual(void) {
    puts(".Dd $Mdocdate$\n"
         ".Dt KTK 1\n"
         ".Os\n"
         ".Sh NAME\n"
         ".Nm ktk\n"
         ".Nd datasets of Parquet files in a key-value store\n"
         ".Sh SYNOPSIS\n"
         ".Nm\n"
         ".Op Fl \\-store Ar URL\n"
         ".Ar VERB\n"
         ".Op Ar OPTION ...\n"
         ".Op Ar DATASET\n"
         ".Op Ar FILE ...\n"
         ".Sh DESCRIPTION\n"
         ".Nm\n"
         "keeps datasets of Parquet files in a folder or another key-value store,\n"
         "in the format of kartothek.\n"
         ".Pp\n"
         "These options go with every verb:");
    print_options(cli_common_options, cli_common_option_count);
    puts(".Sh VERBS");
    for (size_t i = 0; i < cli_verb_count; i++) {
        print_verb(cli_verbs[i]);
    }
    puts(".Sh ENVIRONMENT\n"
         ".Bl -tag -width Ds\n"
         ".It Ev KTK_STORE\n"
         "The store, if\n"
         ".Fl \\-store\n"
         "is not given.\n"
         ".It Ev AWS_ENDPOINT_URL_S3 , AWS_REGION , AWS_PROFILE , AWS_ACCESS_KEY_ID ...\n"
         "Of stores in S3, as AWS' own clients read them.\n"
         ".It Ev AZURE_STORAGE_ACCOUNT , AZURE_STORAGE_KEY , AZURE_STORAGE_CONNECTION_STRING ...\n"
         "Of stores in Azure Blob.\n"
         ".It Ev NO_COLOR\n"
         "If set, tables on a terminal are neither bold nor dim.\n"
         ".El");
    puts(exit_codes);
    print_examples();
}
