/* Files of profiles: every line that is told lies within the input, has a section, and neither line
 * ends nor blanks around what it says; a file that is written from these lines says the same. */
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "fuzz.h"
#include "net/credential_file.h"
#include "net/credential_process.h"

struct seen {
    const char *data; /* NULL: of the second reading */
    size_t size;
    struct buffer text;
};

static void check_text(const struct seen *seen, const char *text, size_t size) {
    FUZZ_ASSERT(size == 0 || memchr(text, '\n', size) == NULL);
    FUZZ_ASSERT(size == 0 || memchr(text, '\0', size) == NULL);
    FUZZ_ASSERT(size == 0 || (strchr(" \t\r\v\f", text[0]) == NULL &&
                              strchr(" \t\r\v\f", text[size - 1]) == NULL));
    FUZZ_ASSERT(seen->data == NULL ||
                (text >= seen->data && text + size <= seen->data + seen->size));
}

static ktk_status take(void *state, const struct profile_line *line, ktk_error *err) {
    struct seen *seen = state;
    ktk_status status = KTK_OK;

    FUZZ_ASSERT(line->section != NULL);
    check_text(seen, line->section, line->section_size);
    if (line->key == NULL) {
        KTKI_TRY(ktki_buffer_append_format(&seen->text, err, "[%.*s]\n", (int)line->section_size,
                                           line->section));
        goto out;
    }
    FUZZ_ASSERT(line->key_size > 0);
    check_text(seen, line->key, line->key_size);
    check_text(seen, line->value, line->value_size);
    FUZZ_ASSERT(memchr(line->key, '=', line->key_size) == NULL);
    KTKI_TRY(ktki_buffer_append_format(&seen->text, err, "%.*s = %.*s\n", (int)line->key_size,
                                       line->key, (int)line->value_size, line->value));
out:
    return status;
}

/* Words of a command are what is between blanks where there is neither quote nor backslash. */
static void check_command(const char *text) {
    bool is_plain = strpbrk(text, "'\"\\") == NULL;
    size_t words = 0;
    size_t count = 0;
    struct buffer space;

    for (const char *at = text + strspn(text, " \t\r\n"); *at != '\0'; words++) {
        at += strcspn(at, " \t\r\n");
        at += strspn(at, " \t\r\n");
    }
    ktki_buffer_init(&space, ktki_alloc_default(), 0);
    if (ktki_process_split(&space, text, &count, NULL) == KTK_OK) {
        size_t ends = 0;

        FUZZ_ASSERT(!is_plain || count == words);
        for (size_t i = 0; i < space.size; i++) {
            ends += space.data[i] == '\0';
        }
        FUZZ_ASSERT(count == ends && space.data[space.size - 1] == '\0');
        FUZZ_ASSERT(space.size <= strlen(text) + 1);
    } else {
        FUZZ_ASSERT(!is_plain || words == 0 || words > KTKI_PROCESS_WORDS_MAX);
    }
    ktki_buffer_clear(&space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen first = {.data = (const char *)data, .size = size};
    struct seen second = {.data = NULL};
    ktk_error err = {0};
    ktk_status status;

    ktki_buffer_init(&first.text, ktki_alloc_default(), 0);
    ktki_buffer_init(&second.text, ktki_alloc_default(), 0);
    status = ktki_profile_lines(data, size, take, &first, &err);
    if (status == KTK_OK) {
        FUZZ_ASSERT(ktki_profile_lines(first.text.data, first.text.size, take, &second, NULL) ==
                    KTK_OK);
        FUZZ_ASSERT(second.text.size == first.text.size);
        FUZZ_ASSERT(first.text.size == 0 ||
                    memcmp(first.text.data, second.text.data, first.text.size) == 0);
    } else {
        FUZZ_ASSERT(status == KTK_E_CORRUPT && err.message[0] != '\0');
    }
    FUZZ_ASSERT(ktki_buffer_append(&second.text, data, size, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_buffer_append_byte(&second.text, '\0', NULL) == KTK_OK);
    check_command((const char *)second.text.data + (second.text.size - size - 1));
    ktki_buffer_clear(&first.text);
    ktki_buffer_clear(&second.text);
    return 0;
}
