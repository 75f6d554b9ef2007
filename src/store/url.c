#include "store/url.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/percent.h"

/* A piece of the URL. */
struct part {
    const char *at;
    size_t size;
};

struct parts {
    struct part scheme;
    struct part user;     /* `at` is NULL: none */
    struct part password; /* likewise */
    struct part host;
    struct part port;
    struct part path;
    struct part query;
    struct part fragment;
};

static bool part_is(struct part part, const char *text) {
    return part.size == strlen(text) && memcmp(part.at, text, part.size) == 0;
}

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

static bool is_digits(const char *at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
    }
    return true;
}

/* ---- splitting ---- */

static bool is_scheme(const char *at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char letter = lower(at[i]);
        bool is_letter = letter >= 'a' && letter <= 'z';

        if (!is_letter && (i == 0 || (!is_digits(&letter, 1) && letter != '+' && letter != '-' &&
                                      letter != '.'))) {
            return false;
        }
    }
    return size > 0;
}

/* user:password@host:port; a port is digits. */
static void split_authority(struct parts *out, const char *at, const char *end) {
    const char *user_end = memrchr(at, '@', (size_t)(end - at));
    const char *colon;

    if (user_end != NULL) {
        colon = memchr(at, ':', (size_t)(user_end - at));
        out->user = (struct part){at, (size_t)((colon == NULL ? user_end : colon) - at)};
        if (colon != NULL) {
            out->password = (struct part){colon + 1, (size_t)(user_end - colon - 1)};
        }
        at = user_end + 1;
    }
    colon = memrchr(at, ':', (size_t)(end - at));
    if (colon != NULL && is_digits(colon + 1, (size_t)(end - colon - 1))) {
        out->port = (struct part){colon + 1, (size_t)(end - colon - 1)};
        end = colon;
    }
    out->host = (struct part){at, (size_t)(end - at)};
}

static ktk_status split_url(struct parts *out, const char *url, ktk_error *err) {
    const char *mark = strstr(url, "://");
    const char *authority;
    const char *end;

    if (mark == NULL || !is_scheme(url, (size_t)(mark - url))) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "a store URL starts with a scheme, as in 'hfs:///folder' or "
                             "'hmemory://'");
    }
    out->scheme = (struct part){url, (size_t)(mark - url)};
    authority = mark + 3;
    end = authority + strcspn(authority, "/?#");
    split_authority(out, authority, end);
    out->path = (struct part){end, strcspn(end, "?#")};
    end += out->path.size;
    if (*end == '?') {
        out->query = (struct part){end + 1, strcspn(end + 1, "#")};
        end += 1 + out->query.size;
    }
    if (*end == '#') {
        out->fragment = (struct part){end + 1, strlen(end + 1)};
    }
    return KTK_OK;
}

/* Cut off what stands before the next `separator`, which is skipped. */
static struct part next_part(struct part *rest, char separator) {
    const char *mark = rest->size == 0 ? NULL : memchr(rest->at, separator, rest->size);
    size_t size = mark == NULL ? rest->size : (size_t)(mark - rest->at);
    struct part part = {rest->at, size};

    size += mark != NULL;
    rest->at += size;
    rest->size -= size;
    return part;
}

/* ---- scheme and wrappers ---- */

/* Names come from foreign text: only what looks like one is quoted. */
static bool is_quotable(struct part name) {
    for (size_t i = 0; i < name.size; i++) {
        char letter = lower(name.at[i]);

        if ((letter < 'a' || letter > 'z') && letter != '_') {
            return false;
        }
    }
    return name.size <= 40;
}

static ktk_status wrapper_of(struct part name, enum store_wrapper *out, ktk_error *err) {
    struct part bare = next_part(&name, '('); /* arguments in brackets are ignored */

    if (part_is(bare, "readonly")) {
        *out = KTKI_WRAP_READONLY;
    } else if (part_is(bare, "urlencode")) {
        *out = KTKI_WRAP_URLENCODE;
    } else {
        return ktk_error_set(err, KTK_E_INVALID,
                             "unknown store wrapper '%.*s'; there are 'readonly' and 'urlencode'",
                             is_quotable(bare) ? (int)bare.size : 1,
                             is_quotable(bare) ? bare.at : "?");
    }
    return KTK_OK;
}

/* Wrappers joined by '+'. */
static ktk_status parse_wrappers(struct store_url *url, struct part list, ktk_error *err) {
    bool is_last;
    ktk_status status = KTK_OK;

    do {
        const char *plus = memchr(list.at, '+', list.size);
        struct part name = {list.at, plus == NULL ? list.size : (size_t)(plus - list.at)};

        is_last = plus == NULL;
        if (url->wrapper_count == KTKI_STORE_WRAPPERS_MAX) {
            KTKI_FAIL(err, KTK_E_INVALID, "a store URL has at most %d wrappers",
                      KTKI_STORE_WRAPPERS_MAX);
        }
        KTKI_TRY(wrapper_of(name, &url->wrappers[url->wrapper_count], err));
        url->wrapper_count++;
        list.at += name.size + !is_last;
        list.size -= name.size + !is_last;
    } while (!is_last);
out:
    return status;
}

static ktk_status parse_scheme(struct store_url *url, struct part scheme, ktk_error *err) {
    struct part type;
    struct buffer lowered;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&lowered, url->allocator, 0);
    KTKI_TRY(ktki_buffer_append(&lowered, scheme.at, scheme.size, err));
    for (size_t i = 0; i < lowered.size; i++) {
        lowered.data[i] = (uint8_t)lower((char)lowered.data[i]);
    }
    scheme.at = (const char *)lowered.data;
    type = next_part(&scheme, '+');
    KTKI_TRY(ktki_copy_text(url->allocator, type.at, type.size, &url->scheme, err));
    if (scheme.at > type.at + type.size) {
        KTKI_TRY(parse_wrappers(url, scheme, err));
    }
    /* In the scheme the innermost wrapper stands last. */
    for (size_t i = 0; i < url->wrapper_count / 2; i++) {
        enum store_wrapper swapped = url->wrappers[i];

        url->wrappers[i] = url->wrappers[url->wrapper_count - 1 - i];
        url->wrappers[url->wrapper_count - 1 - i] = swapped;
    }
out:
    ktki_buffer_clear(&lowered);
    return status;
}

/* The last `wrap:` of the fragment, which may hold more than one '#', counts. */
static ktk_status parse_fragment(struct store_url *url, struct part fragment, ktk_error *err) {
    static const char mark[] = "wrap:";
    struct part wrappers = {NULL, 0};
    struct part rest;
    struct buffer decoded;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&decoded, url->allocator, 0);
    KTKI_TRY(ktki_percent_decode(&decoded, fragment.at, fragment.size, false, err));
    rest = (struct part){(const char *)decoded.data, decoded.size};
    while (rest.size > 0) {
        struct part piece = next_part(&rest, '#');

        if (piece.size >= sizeof(mark) - 1 && memcmp(piece.at, mark, sizeof(mark) - 1) == 0) {
            wrappers = (struct part){piece.at + sizeof(mark) - 1, piece.size - sizeof(mark) + 1};
        }
    }
    if (wrappers.size > 0) {
        if (url->wrapper_count > 0) {
            KTKI_FAIL(err, KTK_E_INVALID,
                      "a store URL names wrappers in its scheme or in its fragment, not in both");
        }
        KTKI_TRY(parse_wrappers(url, wrappers, err));
    }
out:
    ktki_buffer_clear(&decoded);
    return status;
}

/* ---- query ---- */

static bool is_text(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (data[i] < 0x20 || data[i] == 0x7F) {
            return false;
        }
    }
    return ktki_utf8_is_valid(data, size);
}

/* A part as a text of its own. `name` for the message. */
static ktk_status decode_part(const struct store_url *url, struct part part, const char *name,
                              char **out, ktk_error *err) {
    struct buffer decoded;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&decoded, url->allocator, 0);
    KTKI_TRY(ktki_percent_decode(&decoded, part.at, part.size, false, err));
    if (!is_text(decoded.data, decoded.size)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the %s of a store URL is not valid UTF-8 text without control characters", name);
    }
    KTKI_TRY(ktki_copy_text(url->allocator, (const char *)decoded.data, decoded.size, out, err));
out:
    ktki_buffer_clear(&decoded);
    return status;
}

/* Takes what concerns every store; the rest is kept for the store's own kind. */
static ktk_status take_param(struct store_url *url, const struct store_param *param, bool *is_taken,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    *is_taken = true;
    if (strcmp(param->name, "create_if_missing") == 0) {
        url->create_if_missing = strcmp(param->value, "true") == 0;
        url->is_creation_asked = true;
    } else if (strcmp(param->name, "concurrency") == 0) {
        url->single_writer = strcmp(param->value, "single-writer") == 0;
        if (!url->single_writer) {
            KTKI_FAIL(err, KTK_E_INVALID, "'concurrency' of a store can only be 'single-writer'");
        }
    } else {
        *is_taken = false;
    }
out:
    return status;
}

/* Parameters that a kind of store does not know are ignored, as the originals do. */
static ktk_status parse_query(struct store_url *url, struct part query, ktk_error *err) {
    struct store_param param = {NULL, NULL};
    ktk_status status = KTK_OK;

    url->create_if_missing = true;
    while (query.size > 0) {
        struct part pair = next_part(&query, '&');
        struct part key = next_part(&pair, '=');
        bool is_taken;

        KTKI_TRY(decode_part(url, key, "query", &param.name, err));
        KTKI_TRY(decode_part(url, pair, "query", &param.value, err));
        KTKI_TRY(take_param(url, &param, &is_taken, err));
        if (!is_taken && url->param_count == KTKI_STORE_PARAMS_MAX) {
            KTKI_FAIL(err, KTK_E_INVALID, "a store URL has more than %d parameters",
                      KTKI_STORE_PARAMS_MAX);
        }
        if (is_taken) {
            ktki_free_text(url->allocator, param.name);
            ktki_free_text(url->allocator, param.value);
        } else {
            url->params[url->param_count++] = param;
        }
        param = (struct store_param){NULL, NULL};
    }
out:
    ktki_free_text(url->allocator, param.name);
    ktki_free_text(url->allocator, param.value);
    return status;
}

const char *ktki_store_url_param(const struct store_url *url, const char *name) {
    for (size_t i = url->param_count; i > 0; i--) {
        if (strcmp(url->params[i - 1].name, name) == 0) {
            return url->params[i - 1].value;
        }
    }
    return NULL;
}

/* ---- authority ---- */

static ktk_status parse_authority(struct store_url *url, const struct parts *parts,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    if (parts->user.at != NULL) {
        KTKI_TRY(decode_part(url, parts->user, "user", &url->user, err));
    }
    if (parts->password.at != NULL) {
        KTKI_TRY(decode_part(url, parts->password, "password", &url->password, err));
    }
    KTKI_TRY(decode_part(url, parts->port, "port", &url->port, err));
out:
    return status;
}

/* ---- path ---- */

/* Append `path`, which is empty or starts with '/', without its "." and ".." segments. */
static ktk_status append_path(struct buffer *out, struct part path, ktk_error *err) {
    size_t start = out->size;
    ktk_status status = KTK_OK;

    while (path.size > 0) {
        struct part segment;
        const char *slash;

        path.at++; /* the '/' */
        path.size--;
        slash = memchr(path.at, '/', path.size);
        segment = (struct part){path.at, slash == NULL ? path.size : (size_t)(slash - path.at)};
        path.at += segment.size;
        path.size -= segment.size;
        if (part_is(segment, "..")) {
            while (out->size > start && out->data[--out->size] != '/') {
            }
        }
        if (!part_is(segment, "..") && !part_is(segment, ".")) {
            KTKI_TRY(ktki_buffer_append_byte(out, '/', err));
            KTKI_TRY(ktki_buffer_append(out, segment.at, segment.size, err));
        } else if (path.size == 0) {
            KTKI_TRY(ktki_buffer_append_byte(out, '/', err));
        }
    }
out:
    return status;
}

/* The host, in lower case as the originals have it, and the path behind it. */
static ktk_status parse_path(struct store_url *url, const struct parts *parts, ktk_error *err) {
    struct buffer raw;
    struct buffer decoded;
    size_t host_size;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&raw, url->allocator, 0);
    ktki_buffer_init(&decoded, url->allocator, 0);
    KTKI_TRY(ktki_percent_decode(&decoded, parts->host.at, parts->host.size, false, err));
    for (size_t i = 0; i < decoded.size; i++) {
        decoded.data[i] = (uint8_t)lower((char)decoded.data[i]);
    }
    host_size = decoded.size;
    KTKI_TRY(append_path(&raw, parts->path, err));
    KTKI_TRY(ktki_percent_decode(&decoded, (const char *)raw.data, raw.size, false, err));
    if (host_size > 0 && is_digits((const char *)decoded.data, host_size)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the first part of a store URL must not be digits alone, which the originals "
                  "take for a port; write an absolute path with three '/'");
    }
    if (!is_text(decoded.data, decoded.size)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the path of a store URL is not valid UTF-8 text without control characters");
    }
    KTKI_TRY(
        ktki_copy_text(url->allocator, (const char *)decoded.data, decoded.size, &url->path, err));
    KTKI_TRY(ktki_copy_text(url->allocator, url->path, host_size, &url->host, err));
    KTKI_TRY(ktki_copy_text(url->allocator, url->path + host_size, decoded.size - host_size,
                            &url->location, err));
out:
    ktki_buffer_clear(&decoded);
    ktki_buffer_clear(&raw);
    return status;
}

void ktki_store_url_clear(struct store_url *url) {
    if (url->allocator != NULL) {
        ktki_free_text(url->allocator, url->scheme);
        ktki_free_text(url->allocator, url->user);
        ktki_free_secret(url->allocator, url->password);
        ktki_free_text(url->allocator, url->host);
        ktki_free_text(url->allocator, url->port);
        ktki_free_text(url->allocator, url->location);
        ktki_free_text(url->allocator, url->path);
        for (size_t i = 0; i < url->param_count; i++) {
            ktki_free_text(url->allocator, url->params[i].name);
            ktki_free_text(url->allocator, url->params[i].value);
        }
    }
    *url = (struct store_url){0};
}

ktk_status ktki_store_url_parse(struct store_url *out, const ktk_allocator *allocator,
                                const char *url, ktk_error *err) {
    struct store_url parsed = {.allocator = allocator};
    struct parts parts = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(split_url(&parts, url, err));
    KTKI_TRY(parse_scheme(&parsed, parts.scheme, err));
    KTKI_TRY(parse_fragment(&parsed, parts.fragment, err));
    KTKI_TRY(parse_query(&parsed, parts.query, err));
    KTKI_TRY(parse_authority(&parsed, &parts, err));
    KTKI_TRY(parse_path(&parsed, &parts, err));
    *out = parsed;
    parsed = (struct store_url){0};
out:
    ktki_store_url_clear(&parsed);
    return status;
}
