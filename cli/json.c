#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "heap.h"

static void begin_item(struct json *json) {
    uint64_t bit = UINT64_C(1) << json->depth;

    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth > 0) {
        fprintf(json->file, "%s\n%*s", json->has_items & bit ? "," : "", 2 * json->depth, "");
    }
    json->has_items |= bit;
}

static void begin(struct json *json, char bracket) {
    begin_item(json);
    fputc(bracket, json->file);
    json->depth++;
    json->has_items &= ~(UINT64_C(1) << json->depth);
}

static void end(struct json *json, char bracket) {
    bool has_items = (json->has_items >> json->depth & 1) != 0;

    json->depth--;
    if (has_items) {
        fprintf(json->file, "\n%*s", 2 * json->depth, "");
    }
    fputc(bracket, json->file);
}

void cli_json_begin_object(struct json *json) {
    begin(json, '{');
}

void cli_json_end_object(struct json *json) {
    end(json, '}');
}

void cli_json_begin_array(struct json *json) {
    begin(json, '[');
}

void cli_json_end_array(struct json *json) {
    end(json, ']');
}

static void put_text(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(file, "\\%c", *text);
        } else if ((unsigned char)*text < ' ' || *text == 0x7F) {
            fprintf(file, "\\u%04x", (unsigned char)*text);
        } else {
            fputc(*text, file);
        }
    }
    fputc('"', file);
}

void cli_json_key(struct json *json, const char *key) {
    begin_item(json);
    put_text(json->file, key);
    fputs(": ", json->file);
    json->after_key = true;
}

void cli_json_text(struct json *json, const char *text) {
    begin_item(json);
    if (text == NULL) {
        fputs("null", json->file);
    } else {
        put_text(json->file, text);
    }
}

void cli_json_number(struct json *json, int64_t number) {
    begin_item(json);
    if (number < 0) {
        fputs("null", json->file);
    } else {
        fprintf(json->file, "%" PRId64, number);
    }
}

void cli_json_bool(struct json *json, bool value) {
    begin_item(json);
    fputs(value ? "true" : "false", json->file);
}

void cli_json_texts(struct json *json, const struct text_list *texts) {
    cli_json_begin_array(json);
    for (size_t i = 0; i < texts->count; i++) {
        cli_json_text(json, texts->items[i]);
    }
    cli_json_end_array(json);
}

/* Behind the string that starts at `at`. */
static const char *skip_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++) {
        at += *at == '\\';
    }
    return at < end ? at + 1 : end;
}

void cli_json_raw(struct json *json, const char *text, size_t size) {
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    const char *end = text + size;

    begin_item(json);
    while (text < end) {
        const char *next = *text == '"' ? skip_string(text, end) : text + 1;
        bool is_word = false;

        for (size_t i = 0; i < 3 && !is_word; i++) {
            size_t length = strlen(words[i]);

            is_word = (size_t)(end - text) >= length && memcmp(text, words[i], length) == 0;
            next = is_word ? text + length : next;
        }
        if (is_word) {
            fputs("null", json->file);
        } else {
            fwrite(text, 1, (size_t)(next - text), json->file);
        }
        text = next;
    }
}

void cli_json_end(struct json *json) {
    fputc('\n', json->file);
}

static char *put_utf8(char *at, unsigned code) {
    if (code < 0x80) {
        *at++ = (char)code;
    } else if (code < 0x800) {
        *at++ = (char)(0xC0 | code >> 6);
        *at++ = (char)(0x80 | (code & 0x3F));
    } else {
        *at++ = (char)(0xE0 | code >> 12);
        *at++ = (char)(0x80 | (code >> 6 & 0x3F));
        *at++ = (char)(0x80 | (code & 0x3F));
    }
    return at;
}

/* What stands between the quotes, escapes resolved; halves of characters beyond 16 bits become '?'.
 */
static const char *unescape(const char *text, size_t size) {
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    char *plain = cli_alloc(size + 1, 1);
    char *at = plain;

    for (const char *end = text + size; text < end; text++) {
        const char *letter;
        unsigned code;

        if (*text != '\\') {
            *at++ = *text;
            continue;
        }
        text++;
        letter = strchr(letters, *text);
        if (*text == 'u' && sscanf(text + 1, "%4x", &code) == 1) {
            at = put_utf8(at, code >= 0xD800 && code < 0xE000 ? '?' : code);
            text += 4;
        } else {
            *at++ = letter != NULL ? meanings[letter - letters] : *text;
        }
    }
    return plain;
}

static const char *skip_spaces(const char *at, const char *end) {
    while (at < end && strchr(" \t\r\n,:", *at) != NULL) {
        at++;
    }
    return at;
}

/* Behind the value that starts at `at`. */
static const char *skip_value(const char *at, const char *end) {
    int depth = 0;

    if (at < end && *at == '"') {
        return skip_string(at, end);
    }
    while (at < end && (depth > 0 || strchr(",} \t\r\n", *at) == NULL)) {
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at = *at == '"' ? skip_string(at, end) : at + 1;
        if (depth == 0 && (at[-1] == '}' || at[-1] == ']')) {
            break;
        }
    }
    return at;
}

bool cli_json_next(struct json_members *members, struct json_member *out) {
    const char *end = members->end;
    const char *key = skip_spaces(members->at, end);
    const char *value;

    if (key == members->start && key < end && *key == '{') {
        key = skip_spaces(key + 1, end);
    }
    if (key >= end || *key != '"') {
        return false;
    }
    value = skip_string(key, end);
    out->key = unescape(key + 1, (size_t)(value - key) - 2);
    out->value = skip_spaces(value, end);
    members->at = skip_value(out->value, end);
    out->size = (size_t)(members->at - out->value);
    return true;
}

const char *cli_json_find(const char *text, size_t size, const char *key) {
    struct json_members members = {text, text, text + size};
    struct json_member member;

    while (cli_json_next(&members, &member)) {
        if (strcmp(member.key, key) == 0) {
            return *member.value == '"' ? unescape(member.value + 1, member.size - 2) : NULL;
        }
    }
    return NULL;
}
