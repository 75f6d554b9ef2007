/** Memory of the command: handed out piece by piece, freed all at once at the end. */
#ifndef KTK_CLI_HEAP_H
#define KTK_CLI_HEAP_H

#include <stdarg.h>

#include <kartothek/types.h>

/** Zeroed; never NULL: without memory the command ends with a message. */
void *cli_alloc(size_t count, size_t element_size);

/** Room for one more element than `count`, doubling; returns the block, moved if need be. */
void *cli_grow(void *block, size_t count, size_t element_size);

char *cli_copy(const char *text, size_t size);
char *cli_format(const char *format, ...) KTK_PRINTF(1, 2);
char *cli_format_list(const char *format, va_list arguments) KTK_PRINTF(1, 0);

void cli_free_all(void);

#endif
