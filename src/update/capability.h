/** What a store does about the conditions of a put, and whether updates may rely on it. */
#ifndef KTKI_UPDATE_CAPABILITY_H
#define KTKI_UPDATE_CAPABILITY_H

#include <kartothek/store.h>

enum capability_level {
    CAPABILITY_SWAP = 0, /* puts in place of a known version, and where nothing is, are honoured */
    CAPABILITY_CREATE = 1, /* only puts where nothing is */
    CAPABILITY_NONE = 2
};

/**
 * The level of a store. One that has to be tried out is, once, with a scratch key under
 * `<uuid>/_ktk/probe/`.
 */
ktk_status ktki_capability_level(enum capability_level *out, ktk_store *store, const char *uuid,
                                 ktk_error *err);

/** KTK_E_UNSUPPORTED if commits to the store could be lost, unless the caller vouches that there is
 * a single writer. */
ktk_status ktki_capability_check(ktk_store *store, const char *uuid, ktk_error *err);

/** True if the level is known to be CAPABILITY_SWAP. */
bool ktki_capability_swaps(const ktk_store *store);

/** True if it is known that commits go by claims (update/claim.h). */
bool ktki_capability_claims(const ktk_store *store);

/** True if it is known that puts where nothing is are honoured. */
bool ktki_capability_creates(const ktk_store *store);

#endif
