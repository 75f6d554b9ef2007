#include <kartothek/history.h>

#include "base/context.h"
#include "base/error.h"
#include "base/retry.h"
#include "base/text.h"
#include "store/backend.h"
#include "update/history_open.h"

#define YOUNG_MS ((int64_t)3600 * 1000)

/* An object under `_ktk/v/`. */
struct kept_version {
    const char *key; /* in the arena */
    int64_t sequence;
    int64_t size;
    int64_t begun_us; /* INT64_MIN: its id does not say */
};

struct listing {
    struct arena arena;
    struct buffer versions; /* struct kept_version */
    size_t prefix_size;
    int64_t highest;
};

static ktk_status note_version(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct listing *listing = state;
    const char *digits = entry->key + listing->prefix_size;
    const char *dash = strchr(digits, '-');
    struct kept_version version = {.size = entry->size};
    ktk_status status = KTK_OK;

    if (dash == NULL || strlen(dash + 1) != KTKI_UUID_TEXT_SIZE - 1 + strlen(".json") ||
        !ktki_parse_i64(digits, (size_t)(dash - digits), &version.sequence)) {
        goto out;
    }
    version.begun_us = ktki_commit_begun_us(dash + 1);
    KTKI_TRY(ktki_arena_text(&listing->arena, entry->key, strlen(entry->key), &version.key, err));
    KTKI_TRY(ktki_buffer_append(&listing->versions, &version, sizeof(version), err));
    listing->highest = version.sequence > listing->highest ? version.sequence : listing->highest;
out:
    return status;
}

static ktk_status list_versions(struct listing *listing, ktk_store *store, const char *uuid,
                                ktk_error *err) {
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, listing->arena.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s/_ktk/v/", uuid));
    listing->prefix_size = prefix.size;
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    KTKI_TRY(ktk_store_list(store, (const char *)prefix.data, note_version, listing, err));
out:
    ktki_buffer_clear(&prefix);
    return status;
}

/* The number of the oldest version that stays. */
static ktk_status find_oldest(int64_t *out, ktk_dataset *head, const struct listing *listing,
                              const ktk_history_expire_options *options, ktk_error *err) {
    int64_t newest = ktki_dataset_record(head)->sequence;
    ktk_dataset *dataset = NULL;
    int64_t oldest = INT64_MAX;
    ktk_status status = KTK_OK;

    newest = newest > 0 ? newest : listing->highest;
    if (options->keep_last > 0) {
        oldest = newest - options->keep_last + 1;
    }
    if (options->keep_since_us != 0) {
        int64_t sequence = 0;

        status = ktki_history_open_at(&dataset, head, options->keep_since_us, err);
        if (status == KTK_OK) {
            sequence = ktki_dataset_record(dataset)->sequence;
        }
        /* Nobody can say which version was current then: none goes. */
        status = status == KTK_E_NOT_FOUND ? KTK_OK : status;
        oldest = sequence < oldest ? sequence : oldest;
    }
    *out = oldest < newest ? oldest : newest;
    ktk_dataset_free(dataset);
    return status;
}

static ktk_status check_options(const ktk_history_expire_options *options, ktk_error *err) {
    if (options->size != sizeof(*options)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "options must start as KTK_HISTORY_EXPIRE_OPTIONS_INIT");
    }
    if (options->keep_last < 0 || (options->keep_last == 0 && options->keep_since_us == 0)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "say which versions are to be kept: the last ones, or those since a "
                             "time");
    }
    return KTK_OK;
}

static ktk_status remove_old(ktk_history_expired *expired, ktk_store *store,
                             const struct listing *listing, int64_t oldest,
                             const ktk_history_expire_options *options, ktk_error *err) {
    const struct kept_version *versions = (const struct kept_version *)listing->versions.data;
    int64_t young_ms =
        ktki_clock_now_ms(NULL) - (options->young_ms > 0 ? options->young_ms : YOUNG_MS);
    struct buffer removals; /* struct removal */
    ktk_status status = KTK_OK;

    ktki_buffer_init(&removals, listing->arena.allocator, 0);
    for (size_t i = 0; i < listing->versions.size / sizeof(*versions); i++) {
        const struct removal removal = {versions[i].key, false};

        if (versions[i].sequence >= oldest || versions[i].begun_us / 1000 > young_ms) {
            continue;
        }
        KTKI_TRY(ktki_buffer_append(&removals, &removal, sizeof(removal), err));
        expired->version_count++;
        expired->byte_count += versions[i].size > 0 ? versions[i].size : 0;
    }
    if (!options->dry_run) {
        KTKI_TRY(ktki_store_remove_many(store, (struct removal *)removals.data,
                                        removals.size / sizeof(struct removal), err));
    }
out:
    ktki_buffer_clear(&removals);
    return status;
}

ktk_status ktk_history_expire(ktk_store *store, const char *uuid,
                              const ktk_history_expire_options *options, ktk_history_expired *out,
                              ktk_error *err) {
    ktk_history_expired expired = {0};
    struct listing listing = {.highest = 0};
    ktk_dataset *head = NULL;
    int64_t oldest;
    ktk_status status = KTK_OK;

    ktki_arena_init(&listing.arena, ktki_context_allocator(ktk_store_context(store)));
    ktki_buffer_init(&listing.versions, listing.arena.allocator, 0);
    KTKI_TRY(check_options(options, err));
    KTKI_TRY(ktk_dataset_open(&head, store, uuid, err));
    KTKI_TRY(list_versions(&listing, store, uuid, err));
    KTKI_TRY(find_oldest(&oldest, head, &listing, options, err));
    KTKI_TRY(remove_old(&expired, store, &listing, oldest, options, err));
    if (out != NULL) {
        *out = expired;
    }
out:
    ktk_dataset_free(head);
    ktki_buffer_clear(&listing.versions);
    ktki_arena_clear(&listing.arena);
    return status;
}
