/* Stores by URL. */
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "store/azure.h"
#include "store/fs.h"
#include "store/memory.h"
#include "store/s3.h"
#include "store/url.h"

/* What a cache has room for unless the URL says so. */
#define CACHE_BYTES_DEFAULT ((int64_t)4 << 30)

enum store_type { TYPE_MEMORY, TYPE_FOLDER, TYPE_S3, TYPE_AZURE, TYPE_NOT_BUILT };

/* For messages: those to begin with. */
#define BUILT_IN "hfs, fs, hmemory, memory, s3, hs3, az, abfss and hazure"

/* A scheme with an 'h' allows '/' and space in keys. */
static const struct scheme {
    const char *name;
    enum store_type type;
    enum key_space keys;
} schemes[] = {
    {"hfs", TYPE_FOLDER, KTKI_KEYS_EXTENDED},
    {"hfile", TYPE_FOLDER, KTKI_KEYS_EXTENDED},
    {"filesystem", TYPE_FOLDER, KTKI_KEYS_EXTENDED},
    {"fs", TYPE_FOLDER, KTKI_KEYS_BASIC},
    {"file", TYPE_FOLDER, KTKI_KEYS_BASIC},
    {"hmemory", TYPE_MEMORY, KTKI_KEYS_EXTENDED},
    {"memory", TYPE_MEMORY, KTKI_KEYS_BASIC},
    {"s3", TYPE_S3, KTKI_KEYS_BASIC},
    {"hs3", TYPE_S3, KTKI_KEYS_EXTENDED},
    {"boto", TYPE_S3, KTKI_KEYS_EXTENDED},
    {"azure", TYPE_AZURE, KTKI_KEYS_BASIC},
    {"hazure", TYPE_AZURE, KTKI_KEYS_EXTENDED},
    {"az", TYPE_AZURE, KTKI_KEYS_EXTENDED},
    {"abfss", TYPE_AZURE, KTKI_KEYS_EXTENDED},
    {"abfs", TYPE_AZURE, KTKI_KEYS_EXTENDED},
    {"wasbs", TYPE_AZURE, KTKI_KEYS_EXTENDED},
    {"wasb", TYPE_AZURE, KTKI_KEYS_EXTENDED},
    {"gcs", TYPE_NOT_BUILT, KTKI_KEYS_BASIC},
    {"hgcs", TYPE_NOT_BUILT, KTKI_KEYS_EXTENDED},
    {"redis", TYPE_NOT_BUILT, KTKI_KEYS_BASIC},
    {"hredis", TYPE_NOT_BUILT, KTKI_KEYS_EXTENDED},
};

static const struct scheme *find_scheme(const char *name) {
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strcmp(schemes[i].name, name) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

static ktk_status open_folder(ktk_store **out, ktk_context *context, const struct store_url *url,
                              enum key_space keys, ktk_error *err) {
    struct buffer name;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&name, ktki_context_allocator(context), 0);
    if (url->path[0] == '\0') {
        KTKI_FAIL(err, KTK_E_INVALID, "'%s://' must be followed by a folder, as in '%s:///data'",
                  url->scheme, url->scheme);
    }
    KTKI_TRY(ktki_buffer_append_format(&name, err, "%s://%s", url->scheme, url->path));
    KTKI_TRY(ktki_buffer_append_byte(&name, '\0', err));
    KTKI_TRY(ktki_store_fs_new(out, context, url->path, url->create_if_missing, keys,
                               (const char *)name.data, err));
out:
    ktki_buffer_clear(&name);
    return status;
}

static ktk_status open_memory(ktk_store **out, ktk_context *context, const struct store_url *url,
                              enum key_space keys, ktk_error *err) {
    return ktki_store_memory_new(
        out, context, keys, strcmp(url->scheme, "memory") == 0 ? "memory://" : "hmemory://", err);
}

static ktk_status open_by_type(ktk_store **out, ktk_context *context, const struct store_url *url,
                               ktk_error *err) {
    const struct scheme *scheme = find_scheme(url->scheme);

    if (scheme == NULL) {
        return ktk_error_set(err, KTK_E_INVALID, "unknown storage type \"%s\"; there are " BUILT_IN,
                             url->scheme);
    }
    switch (scheme->type) {
    case TYPE_MEMORY:
        return open_memory(out, context, url, scheme->keys, err);
    case TYPE_FOLDER:
        return open_folder(out, context, url, scheme->keys, err);
    case TYPE_S3:
        /* A bucket named without keys is for datasets, whatever the originals make of it. */
        return ktki_store_s3_new(out, context, url,
                                 url->user == NULL ? KTKI_KEYS_EXTENDED : scheme->keys, err);
    case TYPE_AZURE:
        return ktki_store_azure_new(out, context, url, scheme->keys, err);
    case TYPE_NOT_BUILT:
        break;
    }
    return ktk_error_set(err, KTK_E_UNSUPPORTED,
                         "stores of type '%s' are not built in; there are " BUILT_IN, scheme->name);
}

static ktk_status wrap(ktk_store **out, ktk_store *base, enum store_wrapper wrapper,
                       ktk_error *err) {
    switch (wrapper) {
    case KTKI_WRAP_READONLY:
        return ktk_store_readonly(out, base, err);
    case KTKI_WRAP_URLENCODE:
        return ktk_store_urlencoded(out, base, err);
    }
    return ktk_error_set(err, KTK_E_INTERNAL, "unknown store wrapper %d", (int)wrapper);
}

/* "4g", "500m", "65536"; 0: it is none of these. */
static int64_t parse_bytes(const char *text) {
    static const char units[] = "kmgt";
    size_t size = strlen(text);
    const char *unit = size == 0 ? NULL : strchr(units, text[size - 1] | 0x20);
    int shift = unit == NULL || *unit == '\0' ? 0 : 10 * (int)(unit - units + 1);
    int64_t number = 0;

    return ktki_parse_i64(text, size - (shift > 0 ? 1 : 0), &number) && number > 0 &&
                   number <= INT64_MAX >> shift
               ? number << shift
               : 0;
}

/* Put a cache over `*store` if the URL asks for one. */
static ktk_status add_cache(ktk_store **store, ktk_context *context, const struct store_url *url,
                            ktk_error *err) {
    const char *folder = ktki_store_url_param(url, "cache");
    const char *bytes = ktki_store_url_param(url, "cache_bytes");
    int64_t bytes_max = bytes == NULL ? CACHE_BYTES_DEFAULT : parse_bytes(bytes);
    ktk_store *cached = NULL;
    ktk_store *files = NULL;
    ktk_status status = KTK_OK;

    if (folder == NULL && bytes == NULL) {
        goto out;
    }
    if (folder == NULL || folder[0] == '\0') {
        KTKI_FAIL(err, KTK_E_INVALID, "'cache' of a store must name a folder");
    }
    if (bytes_max == 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "'cache_bytes' of a store must be a number of bytes, as in 4g or 500m");
    }
    if (find_scheme(url->scheme)->type == TYPE_MEMORY) {
        KTKI_FAIL(err, KTK_E_INVALID, "what is in memory needs no cache");
    }
    KTKI_TRY(
        ktki_store_fs_new(&files, context, folder, true, KTKI_KEYS_EXTENDED, "the cache", err));
    KTKI_TRY(ktk_store_cached(&cached, *store, files, bytes_max, err));
    ktk_store_free(*store);
    *store = cached;
out:
    ktk_store_free(files);
    return status;
}

ktk_status ktk_store_open(ktk_store **out, ktk_context *context, const char *url, ktk_error *err) {
    struct store_url parsed = {0};
    ktk_store *store = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_store_url_parse(&parsed, ktki_context_allocator(context), url, err));
    KTKI_TRY(open_by_type(&store, context, &parsed, err));
    if (parsed.single_writer) {
        ktki_store_add_caps(store, (uint32_t)KTK_STORE_SINGLE_WRITER);
    }
    for (size_t i = 0; i < parsed.wrapper_count; i++) {
        ktk_store *base = store;

        store = NULL;
        status = wrap(&store, base, parsed.wrappers[i], err);
        ktk_store_free(base);
        KTKI_TRY(status);
    }
    KTKI_TRY(add_cache(&store, context, &parsed, err));
    *out = store;
    store = NULL;
out:
    ktk_store_free(store);
    ktki_store_url_clear(&parsed);
    return status;
}
