#include "update/capability.h"

#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/uuid.h"
#include "store/backend.h"

/* Each put has a value of its own: versions may be digests of values. */
static ktk_status put_scratch(ktk_store *store, const char *key, const char *value,
                              const ktk_store_version *matches, ktk_store_version *version,
                              ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    condition.must_not_exist = matches == NULL;
    condition.matches = matches;
    return ktk_store_put(store, key, value, strlen(value), &condition, version, err);
}

/* `*refused`: the condition was not met, or there are none of the kind. */
static ktk_status is_refused(bool *refused, ktk_status status) {
    *refused = status == KTK_E_EXISTS || status == KTK_E_CONFLICT || status == KTK_E_UNSUPPORTED;
    return *refused ? KTK_OK : status;
}

/* A put that came twice, as one does whose first answer was lost on its way, is refused though it
 * was carried out. Nobody else knows the key: if the value is there, so was its put. */
static ktk_status is_refused_truly(bool *refused, ktk_store *store, const char *key,
                                   const char *value, ktk_store_version *version, ktk_status result,
                                   ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_store_version found = {""};
    ktk_status status;

    KTKI_TRY(is_refused(refused, result));
    if (!*refused) {
        goto out;
    }
    status = ktk_store_get(store, key, &bytes, &found, err);
    if (status == KTK_OK && bytes.size == strlen(value) &&
        memcmp(bytes.data, value, bytes.size) == 0) {
        *refused = false;
        *version = found;
    }
    status = status == KTK_E_NOT_FOUND ? KTK_OK : status;
out:
    ktk_bytes_clear(&bytes);
    return status;
}

/* Puts where nothing is and where something is, in place of the version that is there and of an old
 * one. Whoever honours conditions refuses the second and the fourth of these. `*is_put` is set in
 * any case: there may be something to remove. */
static ktk_status try_out(enum capability_level *out, bool *is_put, ktk_store *store,
                          const char *key, ktk_error *err) {
    ktk_store_version first = {""};
    ktk_store_version second = {""};
    bool no_creation;
    bool no_second;
    bool no_swap;
    bool no_old;
    ktk_status status;

    status = put_scratch(store, key, "created", NULL, &first, err);
    *is_put = status != KTK_E_DENIED;
    KTKI_TRY(is_refused_truly(&no_creation, store, key, "created", &first, status, err));
    KTKI_TRY(is_refused(&no_second, put_scratch(store, key, "created again", NULL, NULL, err)));
    if (no_creation || !no_second) {
        *out = CAPABILITY_NONE;
        goto out;
    }
    status = put_scratch(store, key, "swapped", &first, &second, err);
    KTKI_TRY(is_refused_truly(&no_swap, store, key, "swapped", &second, status, err));
    KTKI_TRY(is_refused(&no_old, put_scratch(store, key, "swapped late", &first, NULL, err)));
    *out = no_old && !no_swap ? CAPABILITY_SWAP : CAPABILITY_CREATE;
out:
    return status;
}

static ktk_status probe(enum capability_level *out, ktk_store *store, const char *uuid,
                        ktk_error *err) {
    char name[KTKI_UUID_TEXT_SIZE];
    struct buffer key;
    bool is_put = false;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    KTKI_TRY(ktki_uuid7(name, err));
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s/_ktk/probe/%s", uuid, name));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    status = try_out(out, &is_put, store, (const char *)key.data, err);
    if (is_put) {
        KTKI_IGNORE(ktk_store_remove(store, (const char *)key.data, NULL));
    }
    if (status != KTK_OK) {
        ktki_error_context(err, "trying out conditional puts");
    }
out:
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktki_capability_level(enum capability_level *out, ktk_store *store, const char *uuid,
                                 ktk_error *err) {
    int known = ktki_store_level(store);
    ktk_status status = KTK_OK;

    if (known >= 0) {
        *out = (enum capability_level)known;
        goto out;
    }
    if (!ktk_store_has_conditional_put(store)) {
        *out = (ktki_store_caps(store) & (uint32_t)KTK_STORE_CONDITIONAL_CREATE) != 0
                   ? CAPABILITY_CREATE
                   : CAPABILITY_NONE;
    } else if ((ktki_store_caps(store) & (uint32_t)KTK_STORE_PROBED) == 0) {
        *out = CAPABILITY_SWAP;
    } else {
        KTKI_TRY(probe(out, store, uuid, err));
    }
    ktki_store_set_level(store, (int)*out);
out:
    return status;
}

bool ktki_capability_swaps(const ktk_store *store) {
    return ktki_store_level(store) == CAPABILITY_SWAP;
}

static bool has_single_writer(const ktk_store *store) {
    return (ktki_store_caps(store) & (uint32_t)KTK_STORE_SINGLE_WRITER) != 0;
}

bool ktki_capability_claims(const ktk_store *store) {
    return ktki_store_level(store) == CAPABILITY_CREATE && !has_single_writer(store);
}

bool ktki_capability_creates(const ktk_store *store) {
    int level = ktki_store_level(store);

    return level == CAPABILITY_SWAP || level == CAPABILITY_CREATE;
}

ktk_status ktki_capability_check(ktk_store *store, const char *uuid, ktk_error *err) {
    enum capability_level level;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_capability_level(&level, store, uuid, err));
    if (level == CAPABILITY_NONE && !has_single_writer(store) && ktki_store_lock(store) == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "%s does not make a put conditional, so that one of two writers could lose its "
                  "commit; give it a lock or, where there is never more than one writer, open it "
                  "with 'concurrency=single-writer'",
                  ktk_store_name(store));
    }
out:
    return status;
}
