/** JSON for scripts: indented, UTF-8, numbers as numbers. */
#ifndef KTK_CLI_JSON_H
#define KTK_CLI_JSON_H

#include <stdio.h>

#include <kartothek/types.h>

#include "options.h"

/** Writer state; up to 63 levels. */
struct json {
    FILE *file;
    int depth;
    uint64_t has_items; /* bit d: level d already has one */
    bool after_key;
};

void cli_json_begin_object(struct json *json);
void cli_json_end_object(struct json *json);
void cli_json_begin_array(struct json *json);
void cli_json_end_array(struct json *json);
void cli_json_key(struct json *json, const char *key);
void cli_json_text(struct json *json, const char *text); /* NULL: null */
void cli_json_number(struct json *json, int64_t number); /* negative: null, for sizes unknown */
void cli_json_bool(struct json *json, bool value);

/** An array of texts. */
void cli_json_texts(struct json *json, const struct text_list *texts);

/** Text that already is JSON; NaN and Infinity in it become null. */
void cli_json_raw(struct json *json, const char *text, size_t size);

/** The end of the document. */
void cli_json_end(struct json *json);

/** Walk over the members of a JSON object that is well-formed: `{text, text, text + size}`. */
struct json_members {
    const char *at;
    const char *start;
    const char *end;
};

struct json_member {
    const char *key;
    const char *value; /* as written */
    size_t size;
};

/** The next member; false at the end. */
bool cli_json_next(struct json_members *members, struct json_member *out);

/** The string value of a member of a JSON object, NULL if there is none. `text` is well-formed. */
const char *cli_json_find(const char *text, size_t size, const char *key);

#endif
