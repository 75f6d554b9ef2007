/* store: whether datasets can be kept in a store. */
#include <string.h>

#include "json.h"
#include "output.h"
#include "session.h"
#include "verbs.h"

struct store_values {
    bool json;
};

static const struct option options[] = {
    {0, "json", NULL, OPTION_FLAG, offsetof(struct store_values, json), "print JSON", NULL},
};

static const char *const condition_names[] = {
    [KTK_CONDITIONS_SWAP] = "swap",
    [KTK_CONDITIONS_CREATE] = "create-only",
    [KTK_CONDITIONS_NONE] = "none",
    [KTK_CONDITIONS_UNKNOWN] = "unknown",
};

/* What can be done, one line each. */
struct line {
    const char *name;
    const ktk_error *fact;
};

#define LINE_COUNT 5

static void print_text(FILE *file, const char *name, const ktk_store_facts *facts,
                       const struct line *lines) {
    int64_t seconds = facts->clock_ahead_ms / 1000;

    fprintf(file, "%-11s  %s\n", "store", name);
    if (facts->provider[0] != '\0') {
        fprintf(file, "%-11s  %s\n", "provider", facts->provider);
        fprintf(file, "%-11s  %s\n", "credentials", facts->credentials);
        if (seconds == 0) {
            fprintf(file, "%-11s  agrees\n", "clock");
        } else {
            fprintf(file, "%-11s  %+lld s\n", "clock", (long long)seconds);
        }
    }
    if (facts->region[0] != '\0') {
        fprintf(file, "%-11s  %s\n", "region", facts->region);
    }
    for (size_t i = 0; i < LINE_COUNT; i++) {
        fprintf(file, "%-11s  %s%s%s\n", lines[i].name,
                lines[i].fact->status == KTK_OK ? "yes" : "no",
                lines[i].fact->status == KTK_OK ? "" : ": ", lines[i].fact->message);
    }
    fprintf(file, "%-11s  %s\n", "conditions", condition_names[facts->conditions]);
    fprintf(file, "datasets %s be kept here safely\n", facts->is_safe ? "can" : "cannot");
}

static const char *text_or_null(const char *text) {
    return text[0] == '\0' ? NULL : text;
}

static void print_json(FILE *file, const char *name, const ktk_store_facts *facts,
                       const struct line *lines) {
    struct json json = {.file = file};
    char clock[24];

    (void)snprintf(clock, sizeof(clock), "%lld", (long long)facts->clock_ahead_ms);
    cli_json_begin_object(&json);
    cli_json_key(&json, "store");
    cli_json_text(&json, name);
    cli_json_key(&json, "provider");
    cli_json_text(&json, text_or_null(facts->provider));
    cli_json_key(&json, "region");
    cli_json_text(&json, text_or_null(facts->region));
    cli_json_key(&json, "credentials");
    cli_json_text(&json, text_or_null(facts->credentials));
    cli_json_key(&json, "clock_ahead_ms");
    cli_json_raw(&json, clock, strlen(clock));
    for (size_t i = 0; i < LINE_COUNT; i++) {
        cli_json_key(&json, lines[i].name);
        cli_json_bool(&json, lines[i].fact->status == KTK_OK);
    }
    cli_json_key(&json, "conditions");
    cli_json_text(&json, condition_names[facts->conditions]);
    cli_json_key(&json, "safe");
    cli_json_bool(&json, facts->is_safe);
    cli_json_key(&json, "problems");
    cli_json_begin_array(&json);
    for (size_t i = 0; i < LINE_COUNT; i++) {
        if (lines[i].fact->status != KTK_OK) {
            cli_json_text(&json, lines[i].fact->message);
        }
    }
    cli_json_end_array(&json);
    cli_json_end_object(&json);
    cli_json_end(&json);
}

static ktk_status print(struct session *session, const void *values_given,
                        const char *const *operands, int operand_count, const struct output *output,
                        ktk_error *err) {
    const struct store_values *values = values_given;
    ktk_store_facts facts;
    const struct line lines[LINE_COUNT] = {{"list", &facts.list},
                                           {"read", &facts.read},
                                           {"write", &facts.write},
                                           {"delete", &facts.remove},
                                           {"commit", &facts.commit}};
    ktk_status status;

    if (strcmp(operands[0], "check") != 0) {
        return cli_usage(session, err, "'store' does check, and no '%s'", operands[0]);
    }
    status = operand_count < 2 ? cli_open_store(session, false, err)
                               : cli_open_url(&session->store, session, operands[1], false, err);
    if (status == KTK_OK) {
        status = ktk_store_check(&facts, session->store, err);
    }
    if (status == KTK_OK) {
        (values->json ? print_json : print_text)(output->file, ktk_store_name(session->store),
                                                 &facts, lines);
        session->exit_code = facts.is_safe ? EXIT_DONE : EXIT_CORRUPT;
    }
    return status;
}

static const struct example examples[] = {
    {"ktk store check 's3://bucket/lake?endpoint=http://host:9000'",
     "before the first dataset is written there"},
};

const struct verb cli_store = {
    .name = "store",
    .summary = "check whether datasets can be kept in a store",
    .operands = "check [URL]",
    .description =
        "check tells whom a store speaks to, where its keys come from, and whether the clocks "
        "agree "
        "as far as signatures need it. It tries out what can be done in the store, the one of "
        "--store unless a URL or a folder "
        "follows: list, read, write and delete, with objects that are removed again; and what it "
        "does about the conditions of puts, by which commits of several writers lose nothing: swap "
        "and create-only are good, with none there may only be a single writer. The exit code is 0 "
        "if datasets can be kept there safely, 5 if not, 3 if there is no such place.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct store_values),
    .operand_min = 1,
    .operand_max = 2,
    .first = OPERAND_STORE_ACTION,
    .others = OPERAND_FILE,
    .print = print,
};
