#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

const struct option cli_common_options[] = {
    {0, "store", "URL", OPTION_TEXT, offsetof(struct common_options, store),
     "the store: a folder, or a URL such as hfs:///data/lake; default: $KTK_STORE", NULL},
    {0, "threads", "N", OPTION_NUMBER, offsetof(struct common_options, threads),
     "threads to work with; default: one for each processor", NULL},
    {'h', "help", NULL, OPTION_FLAG, offsetof(struct common_options, help), "show this help", NULL},
    {0, "version", NULL, OPTION_FLAG, offsetof(struct common_options, version), "show the version",
     NULL},
};

const size_t cli_common_option_count = sizeof(cli_common_options) / sizeof(cli_common_options[0]);

bool cli_is_hidden(const struct verb *verb, const struct option *common) {
    for (size_t i = 0; verb != NULL && i < verb->option_count; i++) {
        if (strcmp(verb->options[i].name, common->name) == 0) {
            return true;
        }
    }
    return false;
}

const struct verb *cli_verb_find(const char *name) {
    for (size_t i = 0; i < cli_verb_count; i++) {
        if (strcmp(cli_verbs[i]->name, name) == 0) {
            return cli_verbs[i];
        }
    }
    return NULL;
}

/* ---- the nearest of some names ---- */

#define NAME_SIZE_MAX 32

/* Insertions, deletions, replacements and swaps of neighbours from one word to the other. */
static size_t distance(const char *a, const char *b) {
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    size_t rows[NAME_SIZE_MAX + 1][NAME_SIZE_MAX + 1];

    if (a_size > NAME_SIZE_MAX || b_size > NAME_SIZE_MAX) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i <= a_size; i++) {
        for (size_t j = 0; j <= b_size; j++) {
            size_t best = i + j;

            if (i > 0 && j > 0) {
                best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
                best = rows[i - 1][j] + 1 < best ? rows[i - 1][j] + 1 : best;
                best = rows[i][j - 1] + 1 < best ? rows[i][j - 1] + 1 : best;
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = rows[i - 2][j - 2] + 1 < best ? rows[i - 2][j - 2] + 1 : best;
            }
            rows[i][j] = best;
        }
    }
    return rows[a_size][b_size];
}

struct nearest {
    const char *wanted;
    const char *name; /* NULL: none is near */
    size_t distance;
};

static void consider(struct nearest *nearest, const char *name) {
    size_t found = distance(nearest->wanted, name);
    size_t limit = strlen(nearest->wanted) < 5 ? 1 : strlen(nearest->wanted) / 3;

    if (found <= limit && (nearest->name == NULL || found < nearest->distance)) {
        nearest->name = name;
        nearest->distance = found;
    }
}

static const char *fail_verb(const char *name) {
    struct nearest nearest = {.wanted = name};

    for (size_t i = 0; i < cli_verb_count; i++) {
        consider(&nearest, cli_verbs[i]->name);
    }
    if (nearest.name != NULL) {
        return cli_format("unknown verb '%s', did you mean '%s'?", name, nearest.name);
    }
    return cli_format("unknown verb '%s', see ktk --help", name);
}

static const char *fail_option(const struct verb *verb, const char *name) {
    struct nearest nearest = {.wanted = name};
    const char *of = verb == NULL ? "" : cli_format(" of '%s'", verb->name);

    for (size_t i = 0; verb != NULL && i < verb->option_count; i++) {
        consider(&nearest, verb->options[i].name);
    }
    for (size_t i = 0; i < cli_common_option_count; i++) {
        consider(&nearest, cli_common_options[i].name);
    }
    if (nearest.name != NULL) {
        return cli_format("unknown option '--%s'%s, did you mean '--%s'?", name, of, nearest.name);
    }
    return cli_format("unknown option '--%s'%s, see ktk%s%s --help", name, of,
                      verb == NULL ? "" : " ", verb == NULL ? "" : verb->name);
}

/* ---- values ---- */

void cli_list_add(struct text_list *list, const char *text) {
    list->items = cli_grow(list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = text;
}

const char *cli_join(const struct text_list *list) {
    const char *all = "";

    for (size_t i = 0; i < list->count; i++) {
        all = cli_format("%s%s%s", all, i > 0 ? ", " : "", list->items[i]);
    }
    return all;
}

static const char *parse_number(int64_t *out, const struct option *option, const char *text) {
    char *end;
    intmax_t number;

    errno = 0;
    number = strtoimax(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 0 || *text == '-' || *text == ' ') {
        return cli_format("option '--%s': '%s' is no whole number from 0 on", option->name, text);
    }
    *out = number;
    return NULL;
}

static const char *check_choice(const struct option *option, const char *text) {
    struct nearest nearest = {.wanted = text};
    char *all = cli_copy("", 0);

    for (const char *const *choice = option->choices; choice != NULL && *choice != NULL; choice++) {
        if (strcmp(*choice, text) == 0) {
            return NULL;
        }
        consider(&nearest, *choice);
        all = cli_format("%s%s%s", all, *all == '\0' ? "" : ", ", *choice);
    }
    if (option->choices == NULL) {
        return NULL;
    }
    return cli_format("option '--%s': '%s' is none of %s%s%s%s", option->name, text, all,
                      nearest.name == NULL ? "" : "; did you mean '",
                      nearest.name == NULL ? "" : nearest.name, nearest.name == NULL ? "" : "'?");
}

static const char *store_value(const struct option *option, void *values, const char *text) {
    void *at = (char *)values + option->offset;
    const char *problem = option->argument == NULL ? NULL : check_choice(option, text);

    if (problem != NULL) {
        return problem;
    }
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        break;
    case OPTION_TEXT:
        *(const char **)at = text;
        break;
    case OPTION_NUMBER:
        return parse_number(at, option, text);
    case OPTION_CHARACTER:
        text = strcmp(text, "\\t") == 0 ? "\t" : text;
        if (strlen(text) != 1) {
            return cli_format("option '--%s': '%s' is not one character", option->name, text);
        }
        *(char *)at = *text;
        break;
    case OPTION_TEXTS:
        cli_list_add(at, text);
        ((struct text_list *)at)->is_given = true;
        break;
    case OPTION_LIST:
        for (const char *end; *text != '\0'; text = *end == '\0' ? end : end + 1) {
            end = strchrnul(text, ',');
            cli_list_add(at, cli_copy(text, (size_t)(end - text)));
        }
        ((struct text_list *)at)->is_given = true;
        break;
    }
    return NULL;
}

/* ---- the command line ---- */

struct arguments {
    int count;
    char **items;
    int next;
};

static const struct option *find_option(const struct option *options, size_t count, char letter,
                                        const char *name, size_t name_size) {
    for (size_t i = 0; i < count; i++) {
        if (name == NULL ? options[i].letter != 0 && options[i].letter == letter
                         : strlen(options[i].name) == name_size &&
                               memcmp(options[i].name, name, name_size) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

/* The option and the struct it is stored in: of the verb, or common to all. */
static const struct option *resolve(struct command *command, char letter, const char *name,
                                    size_t name_size, void **values) {
    const struct verb *verb = command->verb;
    const struct option *option = NULL;

    *values = command->values;
    if (verb != NULL) {
        option = find_option(verb->options, verb->option_count, letter, name, name_size);
    }
    if (option == NULL) {
        *values = &command->common;
        option = find_option(cli_common_options, cli_common_option_count, letter, name, name_size);
    }
    return option;
}

static const char *parse_long(struct command *command, struct arguments *arguments) {
    const char *name = arguments->items[arguments->next++] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const struct option *option;
    void *values;

    if (strcmp(name, "man") == 0) {
        command->wants_manual = true;
        return NULL;
    }
    option = resolve(command, 0, name, size, &values);
    if (option == NULL) {
        return fail_option(command->verb, cli_copy(name, size));
    }
    if (option->argument == NULL) {
        return equals == NULL ? store_value(option, values, "")
                              : cli_format("option '--%s' takes no value", option->name);
    }
    if (equals == NULL && arguments->next == arguments->count) {
        return cli_format("option '--%s' needs a value: %s", option->name, option->argument);
    }
    return store_value(option, values,
                       equals != NULL ? equals + 1 : arguments->items[arguments->next++]);
}

static const char *parse_short(struct command *command, struct arguments *arguments) {
    const char *text = arguments->items[arguments->next++] + 1;
    void *values;
    const struct option *option = resolve(command, *text, NULL, 0, &values);

    if (option == NULL) {
        return cli_format("unknown option '-%c'%s%s%s, see ktk%s%s --help", *text,
                          command->verb == NULL ? "" : " of '",
                          command->verb == NULL ? "" : command->verb->name,
                          command->verb == NULL ? "" : "'", command->verb == NULL ? "" : " ",
                          command->verb == NULL ? "" : command->verb->name);
    }
    if (option->argument == NULL) {
        return text[1] == '\0' ? store_value(option, values, "")
                               : cli_format("option '-%c' takes no value", *text);
    }
    if (text[1] != '\0') {
        return store_value(option, values, text + 1);
    }
    if (arguments->next == arguments->count) {
        return cli_format("option '-%c' needs a value: %s", *text, option->argument);
    }
    return store_value(option, values, arguments->items[arguments->next++]);
}

static const char *parse_operand(struct command *command, const char *text) {
    if (command->verb != NULL) {
        command->operands =
            cli_grow(command->operands, (size_t)command->operand_count, sizeof(*command->operands));
        command->operands[command->operand_count++] = text;
        return NULL;
    }
    command->verb = cli_verb_find(text);
    if (command->verb == NULL) {
        return fail_verb(text);
    }
    command->values = cli_alloc(1, command->verb->values_size + 1);
    if (command->verb->defaults != NULL) {
        memcpy(command->values, command->verb->defaults, command->verb->values_size);
    }
    return NULL;
}

static const char *check_operands(const struct command *command) {
    const struct verb *verb = command->verb;

    if (verb == NULL || command->common.help || command->common.version) {
        return NULL;
    }
    if (command->operand_count < verb->operand_min) {
        return cli_format("'%s' needs %s, see ktk %s --help", verb->name, verb->operands,
                          verb->name);
    }
    if (verb->operand_max >= 0 && command->operand_count > verb->operand_max) {
        return cli_format("'%s' takes no '%s', see ktk %s --help", verb->name,
                          command->operands[verb->operand_max], verb->name);
    }
    return NULL;
}

const char *cli_parse(struct command *out, int argc, char **argv) {
    struct arguments arguments = {argc, argv, 1};
    const char *problem = NULL;
    bool only_operands = false;

    memset(out, 0, sizeof(*out));
    while (problem == NULL && arguments.next < arguments.count) {
        const char *text = arguments.items[arguments.next];

        if (!only_operands && strcmp(text, "--") == 0) {
            only_operands = true;
            arguments.next++;
        } else if (!only_operands && strncmp(text, "--", 2) == 0) {
            problem = parse_long(out, &arguments);
        } else if (!only_operands && text[0] == '-' && text[1] != '\0') {
            problem = parse_short(out, &arguments);
        } else {
            problem = parse_operand(out, text);
            arguments.next++;
        }
    }
    return problem != NULL ? problem : check_operands(out);
}
