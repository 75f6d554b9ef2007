/** Texts that a store URL or the environment gives to a far store. */
#ifndef KTKI_STORE_SETTING_H
#define KTKI_STORE_SETTING_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool ktki_setting_is_given(const char *text) {
    return text != NULL && text[0] != '\0';
}

/** A text for a message; one that may hold keys is not shown. */
static inline const char *ktki_setting_shown(const char *text) {
    return strchr(text, '@') == NULL ? text : "?";
}

/** Set `*out` to a copy of `size` bytes instead of what it holds; of none it stays. */
ktk_status ktki_setting_replace(const ktk_allocator *allocator, char **out, const char *text,
                                size_t size, ktk_error *err);

/** The same with a text; NULL and "" are none. */
ktk_status ktki_setting_text(const ktk_allocator *allocator, char **out, const char *text,
                             ktk_error *err);

/** What all keys begin with: "/a/b", "/a/b/" and "a/b" are "a/b/", nothing but '/' is "". `*out` is
 * NULL before. */
ktk_status ktki_setting_prefix(const ktk_allocator *allocator, char **out, const char *location,
                               ktk_error *err);

#endif
