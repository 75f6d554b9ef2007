/**
 * The command line as tables: one table of options a verb is the source of what is parsed, of
 * --help, of the manual page and of completion.
 */
#ifndef KTK_CLI_OPTIONS_H
#define KTK_CLI_OPTIONS_H

#include <kartothek/error.h>

struct output;
struct session;

enum option_kind {
    OPTION_FLAG = 0,  /* bool */
    OPTION_TEXT,      /* const char * */
    OPTION_NUMBER,    /* int64_t, >= 0; the field's value stays if the option is not given */
    OPTION_CHARACTER, /* char */
    OPTION_LIST,      /* struct text_list; cut at commas; repeatable */
    OPTION_TEXTS      /* struct text_list; taken whole; repeatable */
};

struct text_list {
    const char **items;
    size_t count;
    bool is_given; /* an empty list is not the same as none */
};

/** Take a text, which is borrowed, into the list. */
void cli_list_add(struct text_list *list, const char *text);

/** "a, b, c". */
const char *cli_join(const struct text_list *list);

struct option {
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* how help calls it; NULL for flags */
    enum option_kind kind;
    size_t offset; /* of the value in the struct of the verb */
    const char *help;
    const char *const *choices; /* allowed texts, up to NULL; NULL: any */
};

/** What stands where on the command line, for completion. */
enum operand_kind {
    OPERAND_NONE = 0,
    OPERAND_DATASET,
    OPERAND_DATASET_OR_FILE,
    OPERAND_FILE,
    OPERAND_VERB,
    OPERAND_SHELL,
    OPERAND_INDEX_ACTION,
    OPERAND_STORE_ACTION
};

struct example {
    const char *command;
    const char *meaning;
};

struct verb {
    const char *name;
    const char *summary;     /* one line without a stop */
    const char *operands;    /* "DATASET FILE..." */
    const char *description; /* sentences; paragraphs by "\n\n" */
    const struct option *options;
    size_t option_count;
    const struct example *examples;
    size_t example_count;
    const void *defaults; /* the struct the options are stored in, before they are parsed */
    size_t values_size;
    int operand_min;
    int operand_max;  /* -1: any number */
    bool needs_store; /* it is open when the verb runs */
    enum operand_kind first;
    enum operand_kind others;
    /* One of both: what prints to standard output and does nothing else gives a status, the others
     * care for themselves and give the exit code. */
    ktk_status (*print)(struct session *session, const void *values, const char *const *operands,
                        int operand_count, const struct output *output, ktk_error *err);
    int (*run)(struct session *session, const void *values, const char *const *operands,
               int operand_count);
};

/** Options of every verb. */
struct common_options {
    const char *store;
    int64_t threads;
    bool help;
    bool version;
};

extern const struct option cli_common_options[];
extern const size_t cli_common_option_count;

/** All verbs, in the order of help. */
extern const struct verb *const cli_verbs[];
extern const size_t cli_verb_count;

/** Is it an option of all verbs whose name this verb has given another meaning? */
bool cli_is_hidden(const struct verb *verb, const struct option *common);

/** NULL if there is none of that name. */
const struct verb *cli_verb_find(const char *name);

/** A command line, parsed. Texts are borrowed from it. */
struct command {
    const struct verb *verb; /* NULL: none was named */
    struct common_options common;
    void *values;
    const char **operands;
    int operand_count;
    bool wants_manual; /* --man, which builds the manual page */
};

/** Returns NULL, or what is wrong with the command line. */
const char *cli_parse(struct command *out, int argc, char **argv);

#endif
