/* The text form of predicates:
 *
 *     predicate   = conjunction { "or" conjunction }
 *     conjunction = literal { "and" literal }
 *     literal     = name operator value
 *                 | name [ "not" ] "in" "(" [ value { "," value } ] ")"
 *                 | name "is" [ "not" ] ( "null" | "distinct" "from" value )
 *                 | name "starts" "with" value
 *
 * A value is a word, a quoted text or null. Types are not decided here: a text of a person takes
 * the type of its column when the predicate meets a schema.
 */
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "predicate/predicate.h"

enum token_kind {
    TOKEN_END = 0,
    TOKEN_WORD,     /* bare; may be a keyword */
    TOKEN_NAME,     /* in backticks */
    TOKEN_TEXT,     /* in quotes */
    TOKEN_OPERATOR, /* == = != < <= > >= */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA
};

/* `at` and `size` are the place in the input, quotes included; `text` what it means. */
struct token {
    enum token_kind kind;
    size_t at;
    size_t size;
    const char *text;
    size_t text_size;
};

struct parser {
    const char *input;
    size_t size;
    struct token token;    /* the one looked at */
    struct token previous; /* for messages */
    struct arena arena;
    struct buffer literals; /* ktk_literal, whose `values` are set at the end */
    struct buffer values;   /* ktk_value */
    struct buffer counts;   /* size_t a conjunction */
};

/* ---- messages ---- */

#define EXCERPT_BYTES_MAX 60

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* One line: the column counted in characters from 1, what is wrong, and the text around with a '|'
 * in front of the place. */
static ktk_status fail_at(const struct parser *parser, size_t at, ktk_error *err,
                          const char *problem) {
    const char *input = parser->input;
    size_t from = at > EXCERPT_BYTES_MAX ? at - EXCERPT_BYTES_MAX : 0;
    size_t to = parser->size - at > EXCERPT_BYTES_MAX ? at + EXCERPT_BYTES_MAX : parser->size;
    char excerpt[2 * EXCERPT_BYTES_MAX + 8];
    size_t column = 1;

    for (size_t i = 0; i < at; i++) {
        column += !is_continuation(input[i]);
    }
    while (from > 0 && is_continuation(input[from])) {
        from++;
    }
    while (to < parser->size && is_continuation(input[to])) {
        to--;
    }
    (void)snprintf(excerpt, sizeof(excerpt), "%.*s|%.*s", (int)(at - from), input + from,
                   (int)(to - at), input + at);
    (void)ktk_error_set(err, KTK_E_INVALID, "predicate, column %zu: %s: %s%s%s", column, problem,
                        from > 0 ? "…" : "", excerpt, to < parser->size ? "…" : "");
    if (err != NULL) {
        err->detail = column <= INT32_MAX ? (int32_t)column : 0;
    }
    return KTK_E_INVALID;
}

/* "expected X after 'Y'" at the token looked at. */
static ktk_status fail_expected(const struct parser *parser, const char *wanted, ktk_error *err) {
    const struct token *previous = &parser->previous;
    char problem[200];
    int size = previous->size > EXCERPT_BYTES_MAX ? 0 : (int)previous->size;

    (void)snprintf(problem, sizeof(problem), "expected %s%s%.*s%s", wanted,
                   size > 0 ? " after '" : "", size, parser->input + previous->at,
                   size > 0 ? "'" : "");
    return fail_at(parser, parser->token.at, err, problem);
}

/* ---- tokens ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_word(char c) {
    return is_space(c) || strchr("'\"`(),=!<>", c) != NULL;
}

/* A text between quotes; a quote inside is written twice. */
static ktk_status read_quoted(struct parser *parser, struct token *token, ktk_error *err) {
    const char *input = parser->input;
    const char quote = input[token->at];
    size_t end = token->at + 1;
    size_t size = 0;
    ktk_status status = KTK_OK;
    char *text = NULL;

    while (end < parser->size && (input[end] != quote || input[end + 1] == quote)) {
        end += input[end] == quote ? 2 : 1;
    }
    if (end >= parser->size) {
        status = fail_at(parser, token->at, err, "the quote opened here is not closed");
        goto out;
    }
    KTKI_TRY(ktki_arena_array(&parser->arena, end - token->at, 1, &text, err));
    for (size_t i = token->at + 1; i < end; i += input[i] == quote ? 2 : 1) {
        text[size++] = input[i];
    }
    token->size = end + 1 - token->at;
    token->text = text;
    token->text_size = size;
out:
    return status;
}

static void read_operator(const struct parser *parser, struct token *token) {
    bool has_equals = token->at + 1 < parser->size && parser->input[token->at + 1] == '=';

    token->kind = TOKEN_OPERATOR;
    token->size = has_equals ? 2 : 1;
    token->text = parser->input + token->at;
    token->text_size = token->size;
}

static void read_word(const struct parser *parser, struct token *token) {
    size_t end = token->at;

    while (end < parser->size && !ends_word(parser->input[end])) {
        end++;
    }
    token->kind = TOKEN_WORD;
    token->text = parser->input + token->at;
    token->size = token->text_size = end - token->at;
}

/* Make the next token the one looked at. */
static ktk_status advance(struct parser *parser, ktk_error *err) {
    struct token token = {.at = parser->token.at + parser->token.size, .size = 1};
    ktk_status status = KTK_OK;

    while (token.at < parser->size && is_space(parser->input[token.at])) {
        token.at++;
    }
    switch (token.at < parser->size ? parser->input[token.at] : '\0') {
    case '\0':
        token.size = 0;
        break;
    case '(':
        token.kind = TOKEN_OPEN;
        break;
    case ')':
        token.kind = TOKEN_CLOSE;
        break;
    case ',':
        token.kind = TOKEN_COMMA;
        break;
    case '\'':
    case '"':
        token.kind = TOKEN_TEXT;
        KTKI_TRY(read_quoted(parser, &token, err));
        break;
    case '`':
        token.kind = TOKEN_NAME;
        KTKI_TRY(read_quoted(parser, &token, err));
        break;
    case '=':
    case '!':
    case '<':
    case '>':
        read_operator(parser, &token);
        break;
    default:
        read_word(parser, &token);
        break;
    }
    parser->previous = parser->token;
    parser->token = token;
out:
    return status;
}

static bool is_keyword(const struct token *token, const char *keyword) {
    return token->kind == TOKEN_WORD && token->text_size == strlen(keyword) &&
           strncasecmp(token->text, keyword, token->text_size) == 0;
}

static bool is_reserved(const struct token *token) {
    return is_keyword(token, "and") || is_keyword(token, "or") || is_keyword(token, "not") ||
           is_keyword(token, "in");
}

/* ---- grammar ---- */

static ktk_status parse_value(struct parser *parser, ktk_error *err) {
    const struct token *token = &parser->token;
    ktk_value value = {.kind = KTK_VALUE_UNTYPED};
    ktk_status status = KTK_OK;

    if (is_reserved(token) || (token->kind != TOKEN_WORD && token->kind != TOKEN_TEXT)) {
        status = fail_expected(parser, "a value", err);
        goto out;
    }
    if (is_keyword(token, "null")) {
        value.kind = KTK_VALUE_NULL;
    } else {
        value.bytes = token->text;
        value.bytes_size = token->text_size;
    }
    KTKI_TRY(ktki_buffer_append(&parser->values, &value, sizeof(value), err));
    KTKI_TRY(advance(parser, err));
out:
    return status;
}

static ktk_status parse_list(struct parser *parser, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (parser->token.kind != TOKEN_OPEN) {
        status = fail_expected(parser, "'('", err);
        goto out;
    }
    KTKI_TRY(advance(parser, err));
    while (parser->token.kind != TOKEN_CLOSE) {
        KTKI_TRY(parse_value(parser, err));
        if (parser->token.kind == TOKEN_COMMA) {
            KTKI_TRY(advance(parser, err));
            if (parser->token.kind == TOKEN_CLOSE) {
                status = fail_expected(parser, "a value", err);
                goto out;
            }
        } else if (parser->token.kind != TOKEN_CLOSE) {
            status = fail_expected(parser, "',' or ')'", err);
            goto out;
        }
    }
    KTKI_TRY(advance(parser, err));
out:
    return status;
}

/* One '=' is taken for two: nothing else can be meant. */
static const struct operator_spelling {
    const char *text;
    ktk_operator op;
} spellings[] = {
    {"==", KTK_OP_EQ}, {"=", KTK_OP_EQ}, {"!=", KTK_OP_NE}, {"<", KTK_OP_LT},
    {"<=", KTK_OP_LE}, {">", KTK_OP_GT}, {">=", KTK_OP_GE},
};

/* Pass over a keyword that must come now. */
static ktk_status expect_keyword(struct parser *parser, const char *keyword, const char *wanted,
                                 ktk_error *err) {
    return is_keyword(&parser->token, keyword) ? advance(parser, err)
                                               : fail_expected(parser, wanted, err);
}

/* Behind "is": null stays, to be read as the value. */
static ktk_status parse_is(struct parser *parser, ktk_operator *op, ktk_error *err) {
    const struct token *token = &parser->token;
    bool is_negated = is_keyword(token, "not");
    ktk_status status = KTK_OK;

    if (is_negated) {
        KTKI_TRY(advance(parser, err));
    }
    if (is_keyword(token, "null")) {
        *op = is_negated ? KTK_OP_NE : KTK_OP_EQ;
        goto out;
    }
    KTKI_TRY(expect_keyword(
        parser, "distinct",
        is_negated ? "null or 'distinct from'" : "null, 'not null' or 'distinct from'", err));
    KTKI_TRY(expect_keyword(parser, "from", "'from'", err));
    *op = is_negated ? KTK_OP_EQ : KTK_OP_IS_DISTINCT_FROM;
out:
    return status;
}

static ktk_status parse_operator(struct parser *parser, ktk_operator *op, ktk_error *err) {
    const struct token *token = &parser->token;
    const size_t count = sizeof(spellings) / sizeof(spellings[0]);
    ktk_status status = KTK_OK;
    bool is_negated = is_keyword(token, "not");

    if (is_negated) {
        KTKI_TRY(advance(parser, err));
    } else if (is_keyword(token, "is")) {
        KTKI_TRY(advance(parser, err));
        status = parse_is(parser, op, err);
        goto out;
    } else if (is_keyword(token, "starts")) {
        KTKI_TRY(advance(parser, err));
        *op = KTK_OP_STARTS_WITH;
        status = expect_keyword(parser, "with", "'with'", err);
        goto out;
    }
    if (is_keyword(token, "in")) {
        *op = is_negated ? KTK_OP_NOT_IN : KTK_OP_IN;
    } else {
        size_t i = 0;

        while (i < count && (token->kind != TOKEN_OPERATOR || is_negated ||
                             strlen(spellings[i].text) != token->text_size ||
                             memcmp(spellings[i].text, token->text, token->text_size) != 0)) {
            i++;
        }
        if (i == count) {
            status = fail_expected(
                parser,
                is_negated ? "'in'" : "an operator (== != < <= > >= in, not in, is, starts with)",
                err);
            goto out;
        }
        *op = spellings[i].op;
    }
    KTKI_TRY(advance(parser, err));
out:
    return status;
}

static ktk_status parse_literal(struct parser *parser, ktk_error *err) {
    const struct token *token = &parser->token;
    size_t values_before = parser->values.size;
    ktk_literal literal = {0};
    ktk_status status = KTK_OK;
    size_t at;

    if (token->kind == TOKEN_OPEN) {
        status = fail_at(parser, token->at, err,
                         "expected a column; parentheses stand around the values of 'in' alone");
        goto out;
    }
    if (is_reserved(token) || (token->kind != TOKEN_WORD && token->kind != TOKEN_NAME)) {
        status = fail_expected(parser, "a column", err);
        goto out;
    }
    KTKI_TRY(ktki_arena_text(&parser->arena, token->text, token->text_size, &literal.column, err));
    KTKI_TRY(advance(parser, err));
    KTKI_TRY(parse_operator(parser, &literal.op, err));
    at = token->at;
    if (ktki_operator_takes_list(literal.op)) {
        KTKI_TRY(parse_list(parser, err));
    } else {
        KTKI_TRY(parse_value(parser, err));
    }
    if (ktki_operator_refuses_null(literal.op) &&
        ((const ktk_value *)(parser->values.data + values_before))->kind == KTK_VALUE_NULL) {
        status = fail_at(parser, at, err, "null cannot be compared so: use ==, != or in");
        goto out;
    }
    literal.value_count = (parser->values.size - values_before) / sizeof(ktk_value);
    KTKI_TRY(ktki_buffer_append(&parser->literals, &literal, sizeof(literal), err));
out:
    return status;
}

static ktk_status parse_conjunction(struct parser *parser, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t count = 1;

    KTKI_TRY(parse_literal(parser, err));
    while (is_keyword(&parser->token, "and")) {
        KTKI_TRY(advance(parser, err));
        KTKI_TRY(parse_literal(parser, err));
        count++;
    }
    KTKI_TRY(ktki_buffer_append(&parser->counts, &count, sizeof(count), err));
out:
    return status;
}

static ktk_status parse_predicate(struct parser *parser, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(advance(parser, err));
    KTKI_TRY(parse_conjunction(parser, err));
    while (is_keyword(&parser->token, "or")) {
        KTKI_TRY(advance(parser, err));
        KTKI_TRY(parse_conjunction(parser, err));
    }
    if (parser->token.kind != TOKEN_END) {
        status = fail_expected(parser, "'and', 'or' or the end", err);
    }
out:
    return status;
}

static ktk_status build(struct parser *parser, ktk_predicate **out, ktk_context *context,
                        ktk_error *err) {
    ktk_literal *literals = (ktk_literal *)(void *)parser->literals.data;
    const ktk_value *values = (const ktk_value *)(const void *)parser->values.data;
    size_t literal_count = parser->literals.size / sizeof(*literals);
    size_t at = 0;

    for (size_t i = 0; i < literal_count; i++) {
        literals[i].values = literals[i].value_count > 0 ? values + at : NULL;
        at += literals[i].value_count;
    }
    return ktk_predicate_new(out, context, literals,
                             (const size_t *)(const void *)parser->counts.data,
                             parser->counts.size / sizeof(size_t), err);
}

ktk_status ktk_predicate_parse(ktk_predicate **out, ktk_context *context, const char *text,
                               ktk_error *err) {
    const ktk_allocator *allocator;
    struct parser parser = {0};
    ktk_status status = KTK_OK;

    if (out == NULL || context == NULL || text == NULL) {
        return ktk_error_set(err, KTK_E_INVALID, "no place for the predicate, context or text");
    }
    allocator = ktki_context_allocator(context);
    parser.input = text;
    parser.size = strlen(text);
    ktki_arena_init(&parser.arena, allocator);
    ktki_buffer_init(&parser.literals, allocator, 0);
    ktki_buffer_init(&parser.values, allocator, 0);
    ktki_buffer_init(&parser.counts, allocator, 0);
    if (!ktki_utf8_is_valid(text, parser.size)) {
        KTKI_FAIL(err, KTK_E_INVALID, "the predicate is not UTF-8");
    }
    KTKI_TRY(parse_predicate(&parser, err));
    KTKI_TRY(build(&parser, out, context, err));
out:
    ktki_buffer_clear(&parser.counts);
    ktki_buffer_clear(&parser.values);
    ktki_buffer_clear(&parser.literals);
    ktki_arena_clear(&parser.arena);
    return status;
}
