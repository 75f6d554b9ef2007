/** Libraries of the system that are loaded when they are needed. */
#ifndef KTKI_NET_SHARED_LIBRARY_H
#define KTKI_NET_SHARED_LIBRARY_H

#include <kartothek/error.h>
#include <stddef.h>

/** Where the address of a function goes. */
struct library_symbol {
    const char *name;
    void *slot; /**< a pointer to a pointer to a function */
};

/**
 * Load the first of `names` (ends with NULL) that is there, and look up all symbols. It stays
 * loaded till the process ends, since libraries register what runs at its exit.
 *
 * @param purpose for the message, e.g. "stores in S3 and Azure"
 * @param package Debian's, for the message
 * @return KTK_E_UNSUPPORTED if there is none, or if it lacks a symbol
 */
ktk_status ktki_library_load(const char *const *names, const char *purpose, const char *package,
                             const struct library_symbol *symbols, size_t count, ktk_error *err);

#endif
