/** Building error texts; the public half is kartothek/error.h. */
#ifndef KTKI_BASE_ERROR_H
#define KTKI_BASE_ERROR_H

#include <kartothek/error.h>

/** Jump to `out` with the status in the local `status` unless `expression` is KTK_OK. Never returns
 * by itself. */
#define KTKI_TRY(expression)                                                                       \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != KTK_OK) {                                                                    \
            goto out;                                                                              \
        }                                                                                          \
    } while (0)

/** Set the error and jump to `out`: for failures found in the middle of a function. */
#define KTKI_FAIL(err, code, ...)                                                                  \
    do {                                                                                           \
        status = ktk_error_set((err), (code), __VA_ARGS__);                                        \
        goto out;                                                                                  \
    } while (0)

/** Call something whose failure changes nothing any more, e.g. tidying up after another failure. */
#define KTKI_IGNORE(expression)                                                                    \
    do {                                                                                           \
        if ((expression) != KTK_OK) {                                                              \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

/** Put "<context>: " before the message of a failure; the status stays. The first error wins,
 * context only adds. */
void ktki_error_context(ktk_error *err, const char *format, ...) KTK_PRINTF(2, 3);

/** Say what a failure, which is set, is about. The first word wins here, too: nothing is changed
 * where one is said already. */
void ktki_error_about(ktk_error *err, ktk_reason reason, const char *subject);

/** KTK_E_NO_MEMORY with a text that names the size. */
ktk_status ktki_error_memory(ktk_error *err, size_t size);

/** Set from errno: EACCES/EPERM/EROFS DENIED or READ_ONLY, ENOENT NOT_FOUND, ENOMEM NO_MEMORY, else
 * IO. Text ends with strerror. */
ktk_status ktki_error_errno(ktk_error *err, int error_number, const char *format, ...)
    KTK_PRINTF(3, 4);

/* The static analyzer does not see that a failure is what it was given, and follows paths on which
 * a failed function succeeded. */
#ifdef __clang_analyzer__
#define ktk_error_set(err, status, ...)                                                            \
    ((void)ktk_error_set((err), (status), __VA_ARGS__), (status))
#define ktki_error_memory(err, size) ((void)ktki_error_memory((err), (size)), KTK_E_NO_MEMORY)
#endif

#endif
