#include <kartothek/store_check.h>

#include <stdio.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/uuid.h"
#include "store/backend.h"
#include "update/capability.h"

#define PLACE "ktk-store-check"

static const char probe[] = "written by ktk store check";

/* A refusal is a fact about the store; without an answer, or memory, there is none. */
static ktk_status take_fact(ktk_error *fact, ktk_status status, const ktk_error *found,
                            ktk_error *err) {
    bool is_failure =
        status == KTK_E_UNAVAILABLE || status == KTK_E_NO_MEMORY || status == KTK_E_CANCELLED;

    if (status != KTK_OK) {
        *(is_failure && err != NULL ? err : fact) = *found;
    }
    return is_failure ? status : KTK_OK;
}

static ktk_status pass_over(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)state;
    (void)entry;
    (void)err;
    return KTK_OK;
}

/* The place itself is missed by a list alone. */
static ktk_status try_list(ktk_store_facts *facts, ktk_store *store, ktk_error *err) {
    ktk_error found = {0};
    ktk_status status = ktk_store_list(store, PLACE "/", pass_over, NULL, &found);

    if (status == KTK_E_NOT_FOUND) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "%s", found.message);
    }
    KTKI_TRY(take_fact(&facts->list, status, &found, err));
out:
    return status;
}

static ktk_status try_write(ktk_store_facts *facts, ktk_store *store, const char *key,
                            ktk_error *err) {
    ktk_error found = {0};

    return take_fact(&facts->write,
                     ktk_store_put(store, key, probe, sizeof(probe) - 1, NULL, NULL, &found),
                     &found, err);
}

/* Who may not write can be told that there is nothing to read, but may read. */
static ktk_status try_read(ktk_store_facts *facts, ktk_store *store, const char *key,
                           ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error found = {0};
    bool is_written = facts->write.status == KTK_OK;
    ktk_status status = ktk_store_get(store, key, &bytes, NULL, &found);

    if (status == KTK_E_NOT_FOUND && !is_written) {
        status = KTK_OK;
    } else if (status == KTK_OK && is_written &&
               (bytes.size != sizeof(probe) - 1 || memcmp(bytes.data, probe, bytes.size) != 0)) {
        status = ktk_error_set(&found, KTK_E_CORRUPT, "%s hands out other bytes than were put",
                               ktk_store_name(store));
    }
    ktk_bytes_clear(&bytes);
    return take_fact(&facts->read, status, &found, err);
}

static ktk_status try_remove(ktk_store_facts *facts, ktk_store *store, const char *key,
                             ktk_error *err) {
    ktk_error found = {0};

    return take_fact(&facts->remove, ktk_store_remove(store, key, &found), &found, err);
}

static ktk_status try_conditions(ktk_store_facts *facts, ktk_store *store, ktk_error *err) {
    enum capability_level level = CAPABILITY_NONE;
    ktk_error found = {0};
    ktk_status status = KTK_OK;

    facts->conditions = KTK_CONDITIONS_UNKNOWN;
    if (facts->write.status != KTK_OK) {
        facts->commit = facts->write;
        goto out;
    }
    status = ktki_capability_level(&level, store, PLACE, &found);
    if (status == KTK_OK) {
        facts->conditions = (ktk_conditions)level;
        status = ktki_capability_check(store, PLACE, &found);
    }
    KTKI_TRY(take_fact(&facts->commit, status, &found, err));
out:
    return status;
}

static ktk_status try_all(ktk_store_facts *facts, ktk_store *store, const char *key,
                          ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(try_list(facts, store, err));
    KTKI_TRY(try_write(facts, store, key, err));
    status = try_read(facts, store, key, err);
    if (status != KTK_OK) {
        KTKI_IGNORE(ktk_store_remove(store, key, NULL));
        goto out;
    }
    KTKI_TRY(try_remove(facts, store, key, err));
    KTKI_TRY(try_conditions(facts, store, err));
out:
    return status;
}

/* After the calls, which find out what there is to tell. */
static void describe(ktk_store_facts *facts, const ktk_store *store) {
    struct store_origin origin;

    ktki_store_describe(store, &origin);
    (void)snprintf(facts->provider, sizeof(facts->provider), "%s",
                   origin.provider == NULL ? "" : origin.provider);
    (void)snprintf(facts->region, sizeof(facts->region), "%s", origin.region);
    (void)snprintf(facts->credentials, sizeof(facts->credentials), "%s",
                   origin.credentials == NULL ? "" : origin.credentials);
    facts->clock_ahead_ms = origin.clock_ahead_ms;
}

ktk_status ktk_store_check(ktk_store_facts *out, ktk_store *store, ktk_error *err) {
    ktk_store_facts facts = {0};
    char name[KTKI_UUID_TEXT_SIZE];
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    KTKI_TRY(ktki_uuid7(name, err));
    KTKI_TRY(ktki_buffer_append_format(&key, err, PLACE "/_ktk/probe/%s", name));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    KTKI_TRY(try_all(&facts, store, (const char *)key.data, err));
    if (facts.list.status == KTK_E_DENIED && facts.read.status == KTK_E_DENIED &&
        facts.write.status == KTK_E_DENIED) {
        KTKI_FAIL(err, KTK_E_DENIED, "%s", facts.list.message);
    }
    describe(&facts, store);
    facts.is_safe = facts.list.status == KTK_OK && facts.read.status == KTK_OK &&
                    facts.write.status == KTK_OK && facts.remove.status == KTK_OK &&
                    facts.commit.status == KTK_OK;
    *out = facts;
out:
    ktki_buffer_clear(&key);
    return status;
}
