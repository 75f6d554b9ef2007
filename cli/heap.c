#include "heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *previous;
    max_align_t bytes[];
};

static struct block *last; /* one process, one thread, one command */

void *cli_alloc(size_t count, size_t element_size) {
    struct block *block = NULL;
    size_t size;

    if (!__builtin_mul_overflow(count, element_size, &size) &&
        !__builtin_add_overflow(size, sizeof(*block), &size)) {
        block = calloc(1, size);
    }
    if (block == NULL) {
        fputs("ktk: out of memory\n", stderr);
        exit(1);
    }
    block->previous = last;
    last = block;
    return block->bytes;
}

void *cli_grow(void *block, size_t count, size_t element_size) {
    void *larger;

    /* Powers of two are where the last growth ended; the old blocks add up to no more than the new.
     */
    if (count > 0 && (count & (count - 1)) != 0) {
        return block;
    }
    larger = cli_alloc(count == 0 ? 1 : 2 * count, element_size);
    if (count > 0) {
        memcpy(larger, block, count * element_size);
    }
    return larger;
}

char *cli_copy(const char *text, size_t size) {
    char *copy = cli_alloc(size + 1, 1);

    memcpy(copy, text, size);
    return copy;
}

char *cli_format_list(const char *format, va_list arguments) {
    va_list again;
    char *text;
    int size;

    va_copy(again, arguments);
    size = vsnprintf(NULL, 0, format, arguments);
    text = cli_alloc(size < 0 ? 1 : (size_t)size + 1, 1);
    if (size > 0) {
        (void)vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return text;
}

char *cli_format(const char *format, ...) {
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = cli_format_list(format, arguments);
    va_end(arguments);
    return text;
}

void cli_free_all(void) {
    while (last != NULL) {
        struct block *previous = last->previous;

        free(last);
        last = previous;
    }
}
