#include "net/shared_library.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

ktk_status ktki_library_load(const char *const *names, const char *purpose, const char *package,
                             const struct library_symbol *symbols, size_t count, ktk_error *err) {
    void *library = NULL;
    ktk_status status = KTK_OK;

    for (size_t i = 0; library == NULL && names[i] != NULL; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    }
    if (library == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "%s need the library '%s', which is not installed (on Debian: apt install %s)",
                  purpose, names[0], package);
    }
    for (size_t i = 0; i < count; i++) {
        void *address = dlsym(library, symbols[i].name);

        if (address == NULL) {
            KTKI_FAIL(err, KTK_E_UNSUPPORTED, "%s need a newer library '%s': this one has no '%s'",
                      purpose, names[0], symbols[i].name);
        }
        /* ISO C has no conversion between pointers to functions and to objects, POSIX has. */
        memcpy(symbols[i].slot, &address, sizeof(address));
    }
out:
    if (library != NULL) {
        (void)dlclose(library);
    }
    return status;
}
