/**
 * Key-value stores: where datasets live.
 *
 * A store may be shared between threads. Keys are UTF-8 text of the characters that dataset.md 10.3
 * allows (extended key space: also '/' and space); other keys are refused with KTK_E_INVALID before
 * the backend is asked, and are not listed. Bytes that a store hands out must be cleared before the
 * last reference to its context is dropped.
 */
#ifndef KARTOTHEK_STORE_H
#define KARTOTHEK_STORE_H

#include <kartothek/context.h>
#include <kartothek/error.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque text that changes with every write of other bytes to a key (an ETag; S3's is a digest of
 * the value). Empty: unknown. */
typedef struct ktk_store_version {
    char text[128];
} ktk_store_version;

typedef struct ktk_store_entry {
    const char *key;           /**< valid during the call that hands it out */
    int64_t size;              /**< bytes; -1: unknown */
    int64_t modified_us;       /**< microseconds since 1970-01-01 UTC; -1: unknown */
    ktk_store_version version; /**< empty: unknown */
} ktk_store_entry;

typedef enum ktk_put_flags {
    KTK_PUT_DEFER_SYNC =
        1u << 0 /**< atomic now, durable after ktk_store_sync(): for files a later commit names */
} ktk_put_flags;

/** When a put may happen. All zero: always. */
typedef struct ktk_put_condition {
    size_t size;         /**< sizeof(ktk_put_condition) */
    uint32_t flags;      /**< ktk_put_flags or-ed */
    bool must_not_exist; /**< else KTK_E_EXISTS */
    const ktk_store_version
        *matches; /**< else KTK_E_CONFLICT, also if the key is gone; NULL: no such condition */
} ktk_put_condition;

#define KTK_PUT_CONDITION_INIT {sizeof(ktk_put_condition), 0, false, NULL}

typedef ktk_status (*ktk_store_list_fn)(void *state, const ktk_store_entry *entry, ktk_error *err);

/**
 * Open a store by URL: `scheme://…?query#wrap:…`.
 *
 * folder       `hfs:///data/lake` is /data/lake; also `hfile fs file filesystem`
 * memory       `hmemory://`, `memory://`: of this handle alone
 * S3           `s3://bucket/prefix?endpoint=…`; as storefact and minimalkv write them
 *              `hs3://key:secret@host:port/bucket`, `s3://key:secret@…`, `boto://…`
 * Azure Blob   `az://account/container/prefix`; `abfss://container@account.dfs.core.windows.net/…`,
 *              also `abfs wasbs wasb`; `hazure://account:key@container`, `azure://…`
 *
 * Query of all: `create_if_missing=true|false`, whether a folder is made at once (default: true),
 * a bucket or container at the first put; `concurrency=single-writer`: see KTK_STORE_SINGLE_WRITER;
 * `cache=FOLDER`, `cache_bytes=4g`: see ktk_store_cached().
 * Wrappers: `#wrap:readonly`, `#wrap:urlencode`, joined by '+', or `hfs+readonly://`.
 * docs/stores.md tells the options of S3 and Azure and what each provider guarantees,
 * docs/credentials.md where keys are looked for. Schemes without an 'h' that storefact has (`fs
 * file memory azure`, and `s3` with keys in the URL) allow neither '/' nor space in keys, so that
 * no dataset fits in.
 *
 * No request is made: what is wrong with a server or with keys is told by the first call that
 * needs it. S3 and Azure need libcurl, libcrypto and libexpat, which are loaded here.
 *
 * @return KTK_E_INVALID for a malformed URL or unknown scheme; KTK_E_NOT_FOUND if the folder is
 * missing and must not be made; KTK_E_UNSUPPORTED for a kind of store that is not built in, or if a
 * library is missing.
 */
KTK_API ktk_status ktk_store_open(ktk_store **out, ktk_context *context, const char *url,
                                  ktk_error *err) KTK_CHECK_RESULT;

/** Take another reference. */
KTK_API ktk_store *ktk_store_ref(ktk_store *store);

/** Drop a reference. NULL is allowed. */
KTK_API void ktk_store_free(ktk_store *store);

/** A name for messages; borrowed. Never holds credentials. */
KTK_API const char *ktk_store_name(const ktk_store *store);

/** The context of the store; borrowed. */
KTK_API ktk_context *ktk_store_context(const ktk_store *store);

/** True if conditional puts are atomic for every writer of the store. */
KTK_API bool ktk_store_has_conditional_put(const ktk_store *store);

/** Read a whole value. `version` may be NULL. */
KTK_API ktk_status ktk_store_get(ktk_store *store, const char *key, ktk_bytes *out,
                                 ktk_store_version *version, ktk_error *err) KTK_CHECK_RESULT;

/** Read `size` bytes from `offset`; fewer where the value ends. KTK_E_INVALID if `offset` lies
 * behind the end. */
KTK_API ktk_status ktk_store_get_range(ktk_store *store, const char *key, int64_t offset,
                                       int64_t size, ktk_bytes *out,
                                       ktk_error *err) KTK_CHECK_RESULT;

/** Size, time and version of a value; `out->key` is `key`. */
KTK_API ktk_status ktk_store_head(ktk_store *store, const char *key, ktk_store_entry *out,
                                  ktk_error *err) KTK_CHECK_RESULT;

/**
 * Write a whole value in one atomic step.
 *
 * @param condition NULL: replace whatever is there.
 * @param version   receives the version written; may be NULL.
 * @return KTK_E_EXISTS, KTK_E_CONFLICT as the condition says; KTK_E_UNSUPPORTED if the store cannot
 * honour a condition; KTK_E_READ_ONLY.
 */
KTK_API ktk_status ktk_store_put(ktk_store *store, const char *key, const void *data, size_t size,
                                 const ktk_put_condition *condition, ktk_store_version *version,
                                 ktk_error *err) KTK_CHECK_RESULT;

/** Make earlier puts with KTK_PUT_DEFER_SYNC durable. */
KTK_API ktk_status ktk_store_sync(ktk_store *store, ktk_error *err) KTK_CHECK_RESULT;

/** Remove a key; a missing one is no error. */
KTK_API ktk_status ktk_store_remove(ktk_store *store, const char *key,
                                    ktk_error *err) KTK_CHECK_RESULT;

/**
 * Call `fn` for every key that starts with `prefix`, ascending by bytes. A status of `fn` other
 * than KTK_OK ends the listing and is returned. `fn` may use the store.
 */
KTK_API ktk_status ktk_store_list(ktk_store *store, const char *prefix, ktk_store_list_fn fn,
                                  void *state, ktk_error *err) KTK_CHECK_RESULT;

/** A view in which every key is written as `prefix` + key. `base` gets another reference. */
KTK_API ktk_status ktk_store_prefixed(ktk_store **out, ktk_store *base, const char *prefix,
                                      ktk_error *err) KTK_CHECK_RESULT;

/**
 * A view that keeps what is read of Parquet files in `files`, and takes it from there again.
 *
 * A file whose name ends with a label of 32 hexadecimal digits is taken to be what it was for ever:
 * the library and the originals give each file of data such a one. Others, as indices, are looked
 * at first, and must have the version and size they had. Everything else - documents, schemas - is
 * read anew. Damaged files are seen by their checksum, and are fetched again; where `files` fails,
 * `base` is read as without it. Both get another reference.
 *
 * @param files may be shared with other views, also of other processes and over other stores: these
 * are told apart by their name and endpoint. What it has otherwise is left alone.
 * @param bytes_max size of all, above which the oldest go; exceeded by a sixteenth for each process
 */
KTK_API ktk_status ktk_store_cached(ktk_store **out, ktk_store *base, ktk_store *files,
                                    int64_t bytes_max, ktk_error *err) KTK_CHECK_RESULT;

/** A view that refuses puts and removes with KTK_E_READ_ONLY. */
KTK_API ktk_status ktk_store_readonly(ktk_store **out, ktk_store *base,
                                      ktk_error *err) KTK_CHECK_RESULT;

/** A view whose keys are percent-encoded on the way in (space becomes '+', '/' becomes "%2F") and
 * decoded on the way out; they may be any UTF-8 text. */
KTK_API ktk_status ktk_store_urlencoded(ktk_store **out, ktk_store *base,
                                        ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
