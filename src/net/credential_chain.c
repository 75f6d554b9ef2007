#include "net/credential_chain.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"

/* Credentials are fetched anew five minutes before they end, and up to one more, so that the
 * processes of a cluster do not come all at once. Those of a short life are used for half of it. */
#define REFRESH_BEFORE_MS 300000
#define JITTER_MS 60000

/* After a failed fetch, while what is there is good. The same for what is over when it comes: the
 * service decides whether our clock is right. */
#define FETCH_AGAIN_MS 30000

/* Requests that are under way at the same time are refused at the same time, some of them when
 * others have been fetched already. */
#define RENEWAL_COUNTS_MS 1000

/* --- one set of credentials ---------------------------------------------------------------- */

static void clear_credential(const struct credential_chain *chain, struct credential *credential) {
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        ktki_free_text(chain->allocator, credential->texts[i]);
    }
    *credential = (struct credential){.expires_ms = KTKI_CREDENTIAL_LASTS};
}

static bool is_empty(const struct credential *credential) {
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        if (credential->texts[i] != NULL) {
            return false;
        }
    }
    return true;
}

static bool is_same(const struct credential *a, const struct credential *b) {
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        const char *left = a->texts[i] == NULL ? "" : a->texts[i];
        const char *right = b->texts[i] == NULL ? "" : b->texts[i];

        if (strcmp(left, right) != 0) {
            return false;
        }
    }
    return true;
}

/* They become headers, which must not be cut in two. */
static ktk_status check(const struct credential *credential, ktk_error *err) {
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        const char *text = credential->texts[i];

        for (; text != NULL && *text != '\0'; text++) {
            if ((unsigned char)*text < 0x20 || *text == 0x7F) {
                return ktk_error_set(err, KTK_E_IO, "a control character in a key or token");
            }
        }
    }
    return KTK_OK;
}

ktk_status ktki_credential_keep(const struct credential_chain *chain, const char *text, char **out,
                                ktk_error *err) {
    return text == NULL || text[0] == '\0'
               ? KTK_OK
               : ktki_copy_text(chain->allocator, text, strlen(text), out, err);
}

/* --- the search ---------------------------------------------------------------------------- */

static ktk_status tell_absence(const struct credential_chain *chain, ktk_error *err) {
    char places[sizeof(err->message)] = "";
    size_t size = 0;

    for (size_t i = 0; i < chain->options.provider_count && size < sizeof(places); i++) {
        int added = snprintf(places + size, sizeof(places) - size, "%s%s", i == 0 ? "" : ", ",
                             chain->options.providers[i].absence);

        size += added > 0 ? (size_t)added : 0;
    }
    return ktk_error_set(err, KTK_E_DENIED, "there are no %s: %s", chain->options.subject, places);
}

static ktk_status search(const struct credential_chain *chain, struct credential *out,
                         ktk_error *err) {
    struct credential found = {.expires_ms = KTKI_CREDENTIAL_LASTS};
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < chain->options.provider_count && is_empty(&found); i++) {
        const struct credential_provider *provider = &chain->options.providers[i];

        status = provider->fetch(chain, &found, err);
        status = status == KTK_OK ? check(&found, err) : status;
        if (status != KTK_OK) {
            ktki_error_context(err, "%s from %s", chain->options.subject, provider->name);
            goto out;
        }
        if (!is_empty(&found) && found.source == NULL) {
            found.source = provider->name;
        }
    }
    if (is_empty(&found)) {
        status = tell_absence(chain, err);
        goto out;
    }
    *out = found;
    found = (struct credential){.expires_ms = KTKI_CREDENTIAL_LASTS};
out:
    clear_credential(chain, &found);
    return status;
}

/* --- the cache, under the lock ------------------------------------------------------------- */

static int64_t now_of(const struct credential_chain *chain) {
    return ktki_clock_now_ms(chain->options.clock);
}

static void keep(struct credential_chain *chain, struct credential *fetched, int64_t now_ms) {
    int64_t life_ms;
    int64_t early_ms;

    clear_credential(chain, &chain->now);
    chain->now = *fetched;
    chain->is_there = true;
    *fetched = (struct credential){.expires_ms = KTKI_CREDENTIAL_LASTS};
    if (chain->now.expires_ms == KTKI_CREDENTIAL_LASTS) {
        chain->refresh_ms = KTKI_CREDENTIAL_LASTS;
        return;
    }
    if (chain->now.expires_ms <= now_ms) {
        chain->now.expires_ms = now_ms + FETCH_AGAIN_MS;
    }
    life_ms = chain->now.expires_ms - now_ms;
    early_ms = REFRESH_BEFORE_MS +
               (int64_t)(ktki_clock_random(chain->options.clock) % (uint64_t)(JITTER_MS + 1));
    chain->refresh_ms = chain->now.expires_ms - (early_ms < life_ms / 2 ? early_ms : life_ms / 2);
}

/* Lets go of the lock meanwhile, so that others go on with what is there. */
static void fetch(struct credential_chain *chain) {
    struct credential fetched = {.expires_ms = KTKI_CREDENTIAL_LASTS};
    ktk_error why = {0};
    ktk_status status;

    chain->is_fetching = true;
    pthread_mutex_unlock(&chain->lock);
    status = search(chain, &fetched, &why);
    pthread_mutex_lock(&chain->lock);
    if (status == KTK_OK) {
        keep(chain, &fetched, now_of(chain));
    } else {
        chain->refresh_ms = now_of(chain) + FETCH_AGAIN_MS;
    }
    chain->is_fetching = false;
    chain->fetches++;
    chain->fetch_status = status;
    chain->fetch_error = why;
    pthread_cond_broadcast(&chain->is_fetched);
}

/* Fetch, or wait for who does it: many that find nothing ask once. */
static void fetch_once(struct credential_chain *chain) {
    uint64_t before = chain->fetches;

    if (!chain->is_fetching) {
        fetch(chain);
        return;
    }
    while (chain->fetches == before) {
        pthread_cond_wait(&chain->is_fetched, &chain->lock);
    }
}

static bool is_good(const struct credential_chain *chain, int64_t now_ms) {
    return chain->is_there && now_ms < chain->now.expires_ms;
}

static ktk_status make_ready(struct credential_chain *chain, ktk_error *err) {
    int64_t now_ms = now_of(chain);
    ktk_status status = KTK_OK;

    if (is_good(chain, now_ms) && (chain->is_fetching || now_ms < chain->refresh_ms)) {
        goto out;
    }
    fetch_once(chain);
    if (!is_good(chain, now_of(chain)) && chain->fetch_status != KTK_OK) {
        status = chain->fetch_status;
        if (err != NULL) {
            *err = chain->fetch_error;
        }
    }
out:
    return status;
}

/* --- the chain ----------------------------------------------------------------------------- */

ktk_status ktki_credential_chain_get(struct credential_chain *chain,
                                     const char *texts[KTKI_CREDENTIAL_TEXTS], struct buffer *space,
                                     ktk_error *err) {
    size_t places[KTKI_CREDENTIAL_TEXTS] = {0};
    ktk_status status = KTK_OK;

    pthread_mutex_lock(&chain->lock);
    KTKI_TRY(make_ready(chain, err));
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        const char *text = chain->now.texts[i];

        places[i] = space->size;
        KTKI_TRY(text == NULL ? KTK_OK : ktki_buffer_append(space, text, strlen(text) + 1, err));
    }
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        texts[i] = chain->now.texts[i] == NULL ? NULL : (const char *)space->data + places[i];
    }
out:
    pthread_mutex_unlock(&chain->lock);
    return status;
}

bool ktki_credential_chain_renew(struct credential_chain *chain, const char *refused) {
    struct credential before = {.texts = {NULL}};
    int64_t since_ms;
    bool is_other = false;

    pthread_mutex_lock(&chain->lock);
    since_ms = now_of(chain) - chain->renewed_ms;
    if (!chain->is_there) {
        goto out;
    }
    if (since_ms >= 0 && since_ms < RENEWAL_COUNTS_MS) {
        is_other = true;
        goto out;
    }
    if (refused != NULL && chain->now.texts[0] != NULL && refused[0] != '\0' &&
        strcmp(refused, chain->now.texts[0]) != 0) {
        is_other = true; /* somebody has done it already */
        goto out;
    }
    for (size_t i = 0; i < KTKI_CREDENTIAL_TEXTS; i++) {
        const char *text = chain->now.texts[i];

        if (text != NULL && ktki_copy_text(chain->allocator, text, strlen(text), &before.texts[i],
                                           NULL) != KTK_OK) {
            goto out;
        }
    }
    fetch_once(chain);
    is_other = !is_same(&before, &chain->now);
    chain->renewed_ms = is_other ? now_of(chain) : chain->renewed_ms;
out:
    pthread_mutex_unlock(&chain->lock);
    clear_credential(chain, &before);
    return is_other;
}

const char *ktki_credential_chain_source(struct credential_chain *chain) {
    const char *source;

    pthread_mutex_lock(&chain->lock);
    source = chain->is_there ? chain->now.source : "none";
    pthread_mutex_unlock(&chain->lock);
    return source;
}

ktk_status ktki_credential_chain_init(struct credential_chain *chain,
                                      const ktk_allocator *allocator,
                                      const struct credential_chain_options *options,
                                      ktk_error *err) {
    ktk_status status = KTK_OK;

    memset(chain, 0, sizeof(*chain));
    ktki_secret_allocator_init(&chain->secrets, allocator);
    chain->allocator = &chain->secrets.allocator;
    chain->options = *options;
    (void)pthread_mutex_init(&chain->lock, NULL);
    (void)pthread_cond_init(&chain->is_fetched, NULL);
    if (options->http != NULL) {
        chain->http = *options->http;
        chain->http.ca_file = NULL;
        if (options->http->ca_file != NULL) {
            KTKI_TRY(ktki_copy_text(chain->allocator, options->http->ca_file,
                                    strlen(options->http->ca_file), &chain->ca_file, err));
            chain->http.ca_file = chain->ca_file;
        }
    }
    chain->options.http = &chain->http;
out:
    return status;
}

void ktki_credential_chain_clear(struct credential_chain *chain) {
    if (chain->allocator == NULL) {
        return;
    }
    clear_credential(chain, &chain->now);
    ktki_free_text(chain->allocator, chain->ca_file);
    (void)pthread_cond_destroy(&chain->is_fetched);
    (void)pthread_mutex_destroy(&chain->lock);
    chain->allocator = NULL;
}
