/** Stores over another store: the same values under other keys, or with less allowed. */
#ifndef KTKI_STORE_VIEW_H
#define KTKI_STORE_VIEW_H

#include "base/buffer.h"
#include "store/read_cache.h"

/** How the keys of a view stand in its base. `text` is that of the view_setup. */
struct key_codec {
    /** Append the base's key for a key of the view, without a NUL. It must turn prefixes of keys
     * into prefixes of their codes. */
    ktk_status (*encode)(const char *text, const char *key, struct buffer *out, ktk_error *err);

    /** The inverse. What it makes of a key that `encode` does not give is not listed. */
    ktk_status (*decode)(const char *text, const char *key, struct buffer *out, ktk_error *err);
};

struct view_setup {
    const struct key_codec *codec; /**< NULL: the keys are the same */
    const char *text;              /**< for the codec; copied */
    enum key_space keys;
    bool is_read_only;
    const char *label; /**< stands behind the base's name in that of the view */
    struct read_cache
        *cache; /**< what is read comes from here; the view's on success. NULL: none */
};

/** `base` gets another reference. */
ktk_status ktki_store_view_new(ktk_store **out, ktk_store *base, const struct view_setup *setup,
                               ktk_error *err);

#endif
