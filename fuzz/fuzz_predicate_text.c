/* Whatever text is taken for a predicate can be written down again, and then means the same; what
 * is refused is refused with one line of UTF-8. */
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/text.h"
#include "fuzz.h"
#include "predicate/predicate.h"

static void append_quoted(struct buffer *out, char quote, const char *text, size_t size) {
    FUZZ_ASSERT(ktki_buffer_append_byte(out, (uint8_t)quote, NULL) == KTK_OK);
    for (size_t i = 0; i < size; i++) {
        FUZZ_ASSERT(ktki_buffer_append(out, text + i, 1, NULL) == KTK_OK);
        if (text[i] == quote) {
            FUZZ_ASSERT(ktki_buffer_append(out, text + i, 1, NULL) == KTK_OK);
        }
    }
    FUZZ_ASSERT(ktki_buffer_append_byte(out, (uint8_t)quote, NULL) == KTK_OK);
}

static void append_literal(struct buffer *out, const struct literal *literal) {
    bool is_list = ktki_operator_takes_list(literal->op);

    append_quoted(out, '`', literal->column, strlen(literal->column));
    FUZZ_ASSERT(ktki_buffer_append_format(out, NULL, " %s %s", ktki_operator_text(literal->op),
                                          is_list ? "(" : "") == KTK_OK);
    FUZZ_ASSERT(is_list || literal->value_count == 1);
    for (size_t i = 0; i < literal->value_count; i++) {
        const ktk_value *value = &literal->values[i];

        FUZZ_ASSERT(ktki_buffer_append_text(out, i > 0 ? "," : "", NULL) == KTK_OK);
        if (value->kind == KTK_VALUE_NULL) {
            FUZZ_ASSERT(!ktki_operator_refuses_null(literal->op));
            FUZZ_ASSERT(ktki_buffer_append_text(out, "null", NULL) == KTK_OK);
        } else {
            FUZZ_ASSERT(value->kind == KTK_VALUE_UNTYPED);
            append_quoted(out, i % 2 == 0 ? '\'' : '"', value->bytes, value->bytes_size);
        }
    }
    FUZZ_ASSERT(ktki_buffer_append_text(out, is_list ? ")" : "", NULL) == KTK_OK);
}

static void append_predicate(struct buffer *out, const ktk_predicate *predicate) {
    FUZZ_ASSERT(predicate->conjunction_count > 0);
    for (size_t i = 0; i < predicate->conjunction_count; i++) {
        const struct conjunction *conjunction = &predicate->conjunctions[i];

        FUZZ_ASSERT(conjunction->literal_count > 0);
        for (size_t j = 0; j < conjunction->literal_count; j++) {
            const char *joint = j > 0 ? " and " : i > 0 ? " or " : "";

            FUZZ_ASSERT(ktki_buffer_append_text(out, joint, NULL) == KTK_OK);
            append_literal(out, &conjunction->literals[j]);
        }
    }
    FUZZ_ASSERT(ktki_buffer_append_byte(out, '\0', NULL) == KTK_OK);
}

static void check_round_trip(ktk_context *context, const ktk_predicate *predicate) {
    ktk_predicate *again = NULL;
    struct buffer first;
    struct buffer second;

    ktki_buffer_init(&first, ktki_context_allocator(context), 0);
    ktki_buffer_init(&second, ktki_context_allocator(context), 0);
    append_predicate(&first, predicate);
    FUZZ_ASSERT(ktk_predicate_parse(&again, context, (const char *)first.data, NULL) == KTK_OK);
    append_predicate(&second, again);
    FUZZ_ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    ktk_predicate_free(again);
    ktki_buffer_clear(&second);
    ktki_buffer_clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_predicate *predicate = NULL;
    ktk_error err = {0};
    char *text = malloc(size + 1);

    options.threads = 1;
    FUZZ_ASSERT(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    if (ktk_predicate_parse(&predicate, context, text, &err) == KTK_OK) {
        check_round_trip(context, predicate);
    } else {
        FUZZ_ASSERT(err.status == KTK_E_INVALID);
        FUZZ_ASSERT(strpbrk(err.message, "\n\r") == NULL && err.message[0] != '\0');
        FUZZ_ASSERT(ktki_utf8_is_valid(err.message, strlen(err.message)));
    }
    ktk_predicate_free(predicate);
    ktk_context_free(context);
    free(text);
    return 0;
}
