/** Options of callers. */
#ifndef KTKI_BASE_OPTIONS_H
#define KTKI_BASE_OPTIONS_H

#include "base/error.h"

/** NULL stands for `defaults`. A struct that did not start as `initialiser`, a macro of a public
 * header, is refused: it is not filled, or of another version. */
#define KTKI_TAKE_OPTIONS(options, defaults, initialiser, err)                                     \
    do {                                                                                           \
        if ((options) == NULL) {                                                                   \
            (options) = (defaults);                                                                \
        }                                                                                          \
        if ((options)->size != sizeof(*(options))) {                                               \
            KTKI_FAIL((err), KTK_E_INVALID, "options must start as " initialiser);                 \
        }                                                                                          \
    } while (0)

#endif
