/* completion: scripts for shells, from the tables. */
#include <stdio.h>
#include <string.h>

#include "session.h"
#include "verbs.h"

/* ---- bash ---- */

static void print_words(const struct option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf(" --%s", options[i].name);
    }
}

static const char *operand_words(enum operand_kind kind) {
    switch (kind) {
    case OPERAND_DATASET:
    case OPERAND_DATASET_OR_FILE: /* files are always completed */
        return "$(_ktk_datasets)";
    case OPERAND_VERB:
        return "$verbs";
    case OPERAND_SHELL:
        return "bash zsh";
    case OPERAND_STORE_ACTION:
        return "check";
    case OPERAND_INDEX_ACTION:
        return "list build drop verify $(_ktk_datasets)"; /* the words do not know their place */
    default:
        return "";
    }
}

/* Values of options that have a set of them. */
static void print_bash_choices(const struct verb *verb) {
    for (size_t i = 0; i < verb->option_count; i++) {
        const struct option *option = &verb->options[i];

        if (option->choices == NULL) {
            continue;
        }
        printf("        %s:--%s)\n            words=\"", verb->name, option->name);
        for (const char *const *choice = option->choices; *choice != NULL; choice++) {
            printf("%s%s", choice == option->choices ? "" : " ", *choice);
        }
        puts("\" ;;");
    }
}

static void print_bash_verb(const struct verb *verb) {
    printf("        %s)\n            options=\"", verb->name);
    print_words(verb->options, verb->option_count);
    printf("\"\n            words=\"%s\" ;;\n", operand_words(verb->first));
}

static void print_bash(void) {
    puts("# bash completion for ktk; load it with: eval \"$(ktk completion bash)\"\n"
         "_ktk_datasets() {\n"
         "    local i store=()\n"
         "    for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do\n"
         "        [[ ${COMP_WORDS[i]} == --store ]] && store=(--store \"${COMP_WORDS[i + 1]}\")\n"
         "    done\n"
         "    ktk \"${store[@]}\" ls --names 2>/dev/null\n"
         "}\n"
         "_ktk() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "    local verb= i options= words=");
    fputs("    local verbs=\"", stdout);
    for (size_t i = 0; i < cli_verb_count; i++) {
        printf("%s%s", i > 0 ? " " : "", cli_verbs[i]->name);
    }
    puts("\"\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        --store | --threads) ((i++)) ;;\n"
         "        -*) ;;\n"
         "        *) verb=${COMP_WORDS[i]}; break ;;\n"
         "        esac\n"
         "    done\n"
         "    case $verb:$before in\n"
         "        *:--store | *:--output | *:-o)\n"
         "            COMPREPLY=($(compgen -f -- \"$word\")); return ;;");
    for (size_t i = 0; i < cli_verb_count; i++) {
        print_bash_choices(cli_verbs[i]);
    }
    puts("    esac\n"
         "    if [[ $words ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); return\n"
         "    fi\n"
         "    case $verb in\n"
         "        \"\") words=$verbs ;;");
    for (size_t i = 0; i < cli_verb_count; i++) {
        print_bash_verb(cli_verbs[i]);
    }
    fputs("    esac\n"
          "    if [[ $word == -* ]]; then\n"
          "        words=\"$options",
          stdout);
    print_words(cli_common_options, cli_common_option_count);
    puts("\"\n"
         "    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "    [[ $word != -* && $verb ]] && COMPREPLY+=($(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -o filenames -F _ktk ktk");
}

/* ---- zsh ---- */

/* Inside '…' of the script, and inside […] of _arguments. */
static void print_zsh_text(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (strchr("[]:\\", *text) != NULL) {
            printf("\\%c", *text);
        } else {
            putchar(*text);
        }
    }
}

static void print_zsh_options(const struct option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        bool repeats = option->kind == OPTION_TEXTS || option->kind == OPTION_LIST;

        printf(" \\\n            '%s--%s[", repeats ? "*" : "", option->name);
        print_zsh_text(option->help);
        putchar(']');
        if (option->choices != NULL) {
            printf(":%s:(", option->argument);
            for (const char *const *choice = option->choices; *choice != NULL; choice++) {
                printf("%s%s", choice == option->choices ? "" : " ", *choice);
            }
            putchar(')');
        } else if (option->argument != NULL) {
            bool is_path =
                strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "URL") == 0;

            printf(":%s:%s", option->argument, is_path ? "_files" : "");
        }
        putchar('\'');
    }
}

static const char *zsh_action(enum operand_kind kind) {
    switch (kind) {
    case OPERAND_DATASET:
        return "_ktk_datasets";
    case OPERAND_DATASET_OR_FILE:
        return "_ktk_datasets_or_files";
    case OPERAND_FILE:
        return "_files";
    case OPERAND_VERB:
        return "_ktk_verbs";
    case OPERAND_SHELL:
        return "(bash zsh)";
    case OPERAND_STORE_ACTION:
        return "(check)";
    case OPERAND_INDEX_ACTION:
        return "(list build drop verify)";
    default:
        return "";
    }
}

static void print_zsh(void) {
    puts("#compdef ktk\n"
         "# zsh completion for ktk; put it into a folder of $fpath as _ktk\n"
         "_ktk_datasets() {\n"
         "    local -a names\n"
         "    names=(${(f)\"$(ktk ${opt_args[--store]:+--store ${(Q)opt_args[--store]}} "
         "ls --names 2>/dev/null)\"})\n"
         "    compadd -a names\n"
         "}\n"
         "_ktk_datasets_or_files() {\n"
         "    _ktk_datasets\n"
         "    _files\n"
         "}\n"
         "_ktk_verbs() {\n"
         "    local -a verbs\n"
         "    verbs=(");
    for (size_t i = 0; i < cli_verb_count; i++) {
        printf("        '%s:", cli_verbs[i]->name);
        print_zsh_text(cli_verbs[i]->summary);
        puts("'");
    }
    fputs("    )\n"
          "    _describe verb verbs\n"
          "}\n"
          "_ktk() {\n"
          "    local curcontext=$curcontext state line\n"
          "    local -A opt_args\n"
          "    _arguments -C",
          stdout);
    print_zsh_options(cli_common_options, cli_common_option_count);
    puts(" \\\n            '1:verb:_ktk_verbs' '*::argument:->arguments' && return\n"
         "    case $line[1] in");
    for (size_t i = 0; i < cli_verb_count; i++) {
        const struct verb *verb = cli_verbs[i];

        printf("    %s)\n        _arguments", verb->name);
        print_zsh_options(verb->options, verb->option_count);
        for (size_t j = 0; j < cli_common_option_count; j++) {
            print_zsh_options(&cli_common_options[j],
                              cli_is_hidden(verb, &cli_common_options[j]) ? 0 : 1);
        }
        printf(" \\\n            '1:%s:%s'", verb->operands, zsh_action(verb->first));
        if (verb->others != OPERAND_NONE) {
            printf(" '*:file:%s'", zsh_action(verb->others));
        }
        puts(" ;;");
    }
    puts("    esac\n"
         "}\n"
         "_ktk \"$@\"");
}

static ktk_status print(struct session *session, const void *values, const char *const *operands,
                        int operand_count, const struct output *output, ktk_error *err) {
    (void)values;
    (void)operand_count;
    (void)output;
    if (strcmp(operands[0], "bash") == 0) {
        print_bash();
    } else if (strcmp(operands[0], "zsh") == 0) {
        print_zsh();
    } else {
        return cli_usage(session, err, "no completion for '%s', only for bash and zsh",
                         operands[0]);
    }
    return KTK_OK;
}

static const struct example examples[] = {
    {"eval \"$(ktk completion bash)\"", "completion in this shell"},
};

const struct verb cli_completion = {
    .name = "completion",
    .summary = "write a script that completes ktk in bash or zsh",
    .operands = "bash|zsh",
    .description = "Write a script for the shell that completes verbs, options, their values and "
                   "the names of datasets.",
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .operand_min = 1,
    .operand_max = 1,
    .first = OPERAND_SHELL,
    .print = print,
};
