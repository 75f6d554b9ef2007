/** Store URLs (dataset.md 10.2): `scheme://authority/path?query#wrap:…`. */
#ifndef KTKI_STORE_URL_H
#define KTKI_STORE_URL_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>

enum store_wrapper { KTKI_WRAP_READONLY, KTKI_WRAP_URLENCODE };

#define KTKI_STORE_WRAPPERS_MAX 8

struct store_url {
    const ktk_allocator *allocator;
    char *scheme; /**< lower case, without wrappers */
    char *path;   /**< host and path, percent-decoded; user and port are left out. UTF-8 */
    bool create_if_missing;
    bool single_writer;
    enum store_wrapper wrappers[KTKI_STORE_WRAPPERS_MAX]; /**< innermost first */
    size_t wrapper_count;
};

/**
 * Take a URL apart. `allocator` must outlive the result.
 *
 * Error texts never quote more of a URL than scheme and wrappers: the rest may hold credentials.
 */
ktk_status ktki_store_url_parse(struct store_url *out, const ktk_allocator *allocator,
                                const char *url, ktk_error *err);

/** A zeroed one is allowed. */
void ktki_store_url_clear(struct store_url *url);

#endif
