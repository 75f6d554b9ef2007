/** Store URLs (dataset.md 10.2): `scheme://authority/path?query#wrap:…`. */
#ifndef KTKI_STORE_URL_H
#define KTKI_STORE_URL_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>

enum store_wrapper { KTKI_WRAP_READONLY, KTKI_WRAP_URLENCODE };

#define KTKI_STORE_WRAPPERS_MAX 8

#define KTKI_STORE_PARAMS_MAX 32

struct store_param {
    char *name;
    char *value; /**< "" where there is no '=' */
};

/** Texts are percent-decoded UTF-8 without control characters. */
struct store_url {
    const ktk_allocator *allocator;
    char *scheme;   /**< lower case, without wrappers */
    char *user;     /**< up to the first ':' before the last '@'; NULL: none */
    char *password; /**< NULL: no ':' */
    char *host;     /**< lower case */
    char *port;     /**< "": none */
    char *location; /**< the path behind the host, "" or from '/' */
    char *path;     /**< host and location: what a folder's store takes */
    struct store_param params[KTKI_STORE_PARAMS_MAX]; /**< of the query, but those below */
    size_t param_count;
    bool create_if_missing;
    bool is_creation_asked; /**< `create_if_missing` was there */
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

/** Value of a parameter, the last of several; NULL: it is not there. */
const char *ktki_store_url_param(const struct store_url *url, const char *name);

/** A zeroed one is allowed. */
void ktki_store_url_clear(struct store_url *url);

#endif
